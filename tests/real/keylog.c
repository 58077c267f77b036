/* For LD_PRELOAD: a program of OpenSSL 3 writes the secrets of its TLS connections to the file that KEYLOG names,
   in the format that browsers write (SSLKEYLOGFILE). Client or server, both are seen. Throw-away connections only. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef void (*write_line)(const void *, const char *);

static void append(const void *connection, const char *line)
{
    const char *path = getenv("KEYLOG");
    FILE *file = path ? fopen(path, "a") : NULL;
    (void)connection;
    if (file) {
        fprintf(file, "%s\n", line);
        fclose(file);
    }
}

static void *watched(void *context)
{
    void (*set)(void *, write_line) = dlsym(RTLD_NEXT, "SSL_CTX_set_keylog_callback");
    if (context && set)
        set(context, append);
    return context;
}

void *SSL_CTX_new(const void *method)
{
    void *(*next)(const void *) = dlsym(RTLD_NEXT, "SSL_CTX_new");
    return watched(next(method));
}

void *SSL_CTX_new_ex(void *library, const char *properties, const void *method)
{
    void *(*next)(void *, const char *, const void *) = dlsym(RTLD_NEXT, "SSL_CTX_new_ex");
    return watched(next(library, properties, method));
}
