"""Messages of xrdp, rdesktop and OpenSSL."""

from __future__ import annotations

from probe.diagnosis import explanations_causes as cause
from probe.diagnosis.explanation import Explanation, Suspect

_XRDP = "xrdp common/ssl_calls.c, libxrdp/xrdp_sec.c, libxrdp/xrdp_iso.c"
_RDESKTOP = "rdesktop iso.c, tcp.c, cssp.c"
_OPENSSL = "OpenSSL include/openssl/sslerr.h"
_BACKEND = Suspect(
    "xrdp took the connection, and the session behind it (Xorg, Xvnc, sesman) did not start.",
    "xrdp-sesman.log and .xorgxrdp.*.log on the server. This cannot be seen from outside.",
)
_SECLEVEL = Suspect(
    "The client's OpenSSL is stricter than the server: short keys, old versions or SHA-1.",
    "FreeRDP connects with /tls:seclevel:0, which lowers security; --depth full shows what the server has.",
    "TLS_WEAK_CIPHER",
)


def _row(
    key: str, title: str, meaning: str, source: str, *causes: Suspect, phrases: tuple[str, ...], options: str = ""
) -> Explanation:
    return Explanation(
        key=key,
        kind="linux",
        title=title,
        meaning=meaning,
        causes=causes,
        options=options,
        phrases=phrases,
        source=source,
    )


ROWS: tuple[Explanation, ...] = (
    _row(
        "xrdp-ssl-accept",
        "xrdp: SSL_accept: I/O error, ssl_tls_accept failed",
        "xrdp selected TLS and the client went away during the handshake; from the server's side it looks the same "
        "whether the client, a scanner or the network ended it.",
        _XRDP,
        cause.SCANNER,
        cause.SELF_SIGNED,
        cause.WEAK_KEY,
        cause.TLS_DIES,
        cause.UNSTEADY,
        phrases=("SSL_accept: I/O error", "ssl_tls_accept failed", "trans_set_tls_mode failed"),
    ),
    _row(
        "xrdp-ssl-library",
        "xrdp: SSL_accept: Failure in SSL library (protocol error?)",
        "xrdp's OpenSSL refused the client's hello, or the other way round: versions, suites or keys do not meet.",
        _XRDP,
        cause.TLS_NEW,
        cause.TLS_SUITES,
        cause.TLS_OLD,
        cause.SCANNER,
        phrases=("SSL_accept: Failure in SSL library",),
        options="--depth full",
    ),
    _row(
        "xrdp-no-certificate",
        "xrdp: Cannot accept TLS connections because certificate or private key file is not readable",
        "xrdp may not read its certificate or key, and so it has no TLS.",
        _XRDP,
        cause.NO_CERTIFICATE,
        cause.ONLY_STANDARD,
        phrases=(
            "Cannot accept TLS connections because certificate or private key file is not readable",
            "Cannot read private key file",
        ),
    ),
    _row(
        "xrdp-requires-tls",
        "xrdp: Server requires TLS for security, but the client did not request TLS",
        "xrdp is set to security_layer=tls and the client did not offer TLS.",
        _XRDP,
        cause.NEEDS_TLS,
        phrases=("Server requires TLS", "Server only supports TLS security"),
    ),
    _row(
        "xrdp-backend",
        "xrdp: VNC error - problem connecting; some problem",
        "The connection and the logon worked; the session behind xrdp did not start.",
        "xrdp issue 2086",
        _BACKEND,
        phrases=(
            "VNC error - problem connecting",
            "error - problem connecting",
            "waiting for VNC to start",
            "login failed for display",
        ),
    ),
    _row(
        "rdesktop-credssp",
        "rdesktop: Failed to connect, CredSSP required by server",
        "The server requires NLA. rdesktop does CredSSP with Kerberos only.",
        _RDESKTOP,
        cause.NEEDS_NLA,
        phrases=("Failed to connect, CredSSP required by server", "CredSSP required by server"),
    ),
    _row(
        "rdesktop-kerberos",
        "rdesktop: Failed to initialize NLA, do you have correct Kerberos TGT initialized?",
        "rdesktop began NLA and has no Kerberos ticket; it cannot use NTLM.",
        _RDESKTOP,
        cause.NEEDS_NLA,
        cause.NO_DC,
        phrases=("Failed to initialize NLA", "do you have correct Kerberos TGT initialized"),
    ),
    _row(
        "rdesktop-ssl",
        "rdesktop: Failed to connect, SSL required by server",
        "The server requires TLS and rdesktop did not offer it.",
        _RDESKTOP,
        cause.NEEDS_TLS,
        phrases=("Failed to connect, SSL required by server", "SSL required by server"),
    ),
    _row(
        "rdesktop-not-rsa",
        "rdesktop: Peer's certificate public key algorithm is not RSA",
        "The server's certificate has no RSA key, and rdesktop takes no other.",
        _RDESKTOP,
        Suspect(
            "The certificate has an elliptic-curve key.",
            "The report shows the key's kind under Certificate. It is the client's limit, so no diagnosis names it.",
        ),
        phrases=("certificate public key algorithm is not RSA", "Failed to get peers certificate"),
    ),
    _row(
        "connection-reset",
        "Connection reset by peer",
        "The other side, or something between, threw the connection away.",
        "errno ECONNRESET, 104",
        cause.RESET_EARLY,
        cause.TLS_DIES,
        cause.CLOSED_EARLY,
        cause.UNSTEADY,
        phrases=("Connection reset by peer", "recv: Connection reset by peer", "连接被对方重置", "连接被重置"),
    ),
    _row(
        "connection-refused",
        "Connection refused",
        "Nothing listens on that port.",
        "errno ECONNREFUSED, 111",
        cause.REFUSED,
        phrases=("Connection refused", "connection was refused", "拒绝连接", "连接被拒绝"),
    ),
    _row(
        "connection-timeout",
        "Connection timed out",
        "Nothing came back from the server.",
        "errno ETIMEDOUT, 110",
        cause.FILTERED,
        cause.NO_ROUTE,
        phrases=("Connection timed out", "Operation timed out", "No route to host", "连接超时", "连接已超时"),
    ),
    _row(
        "openssl-unsupported-protocol",
        "OpenSSL: unsupported protocol (0A000102)",
        "The two sides have no version of TLS in common.",
        _OPENSSL,
        cause.TLS_OLD,
        cause.TLS_NEW,
        _SECLEVEL,
        phrases=("unsupported protocol", "no protocols available", "wrong ssl version", "TLS versions do not match"),
    ),
    _row(
        "openssl-no-shared-cipher",
        "OpenSSL: no shared cipher (0A0000C1)",
        "The two sides have no cipher suite in common.",
        _OPENSSL,
        cause.TLS_SUITES,
        _SECLEVEL,
        phrases=("no shared cipher", "no ciphers available"),
        options="--depth full",
    ),
    _row(
        "openssl-small-key",
        "OpenSSL: dh key too small, ee key too small, ca md too weak",
        "The client's OpenSSL does not accept keys or signatures as weak as the server's.",
        _OPENSSL,
        cause.WEAK_KEY,
        _SECLEVEL,
        Suspect("The certificate's signature is weak.", "MD5 or SHA-1 in the report.", "CERT_WEAK_SIGNATURE"),
        phrases=("dh key too small", "ee key too small", "ca md too weak", "key too small"),
        options="--depth full",
    ),
    _row(
        "openssl-renegotiation",
        "OpenSSL: unsafe legacy renegotiation disabled (0A000152)",
        "The server is old and lacks secure renegotiation (RFC 5746), which current OpenSSL asks for.",
        _OPENSSL,
        cause.TLS_OLD,
        _SECLEVEL,
        phrases=("unsafe legacy renegotiation disabled",),
        options="--depth full",
    ),
    _row(
        "openssl-wrong-version",
        "OpenSSL: wrong version number (0A00010B)",
        "What came back is no TLS: the server answered in clear text.",
        _OPENSSL,
        cause.TLS_DIES,
        cause.OTHER_SERVICE,
        cause.ONLY_STANDARD,
        phrases=("wrong version number", "packet length too long", "record layer failure"),
    ),
    _row(
        "openssl-verify",
        "certificate verify failed",
        "The client does not trust the server's certificate.",
        _OPENSSL,
        cause.SELF_SIGNED,
        cause.UNTRUSTED,
        cause.CHAIN,
        cause.EXPIRED,
        cause.WRONG_NAME,
        phrases=(
            "certificate verify failed",
            "self signed certificate",
            "self-signed certificate",
            "CERTIFICATE NAME MISMATCH",
            "unable to get local issuer certificate",
            "TLS certificate verification failed",
        ),
    ),
)
