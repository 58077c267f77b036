"""The roots that chains are judged by: the system's, those of certifi, or a file that the user names.

They are loaded once in a process (a file again when it is another by then), and only when a chain needs them;
`probe.audit.trust` judges.
"""

from __future__ import annotations

import base64
import binascii
import errno
import os
import re
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path

from probe.audit.trust import Roots, TrustJudge, readable
from probe.errors import InputError

# Where systems keep their roots in one file. The list is that of Go's crypto/x509, root_linux.go and root_bsd.go.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine, Gentoo, Arch
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, Red Hat Enterprise Linux
    "/etc/pki/tls/certs/ca-bundle.crt",  # older ones
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # macOS, OpenBSD, Alpine
    "/usr/local/etc/ssl/cert.pem",  # FreeBSD
    "/etc/openssl/certs/ca-certificates.crt",  # NetBSD
)
_BEGIN = re.compile(rb"-----BEGIN (?:X509 )?CERTIFICATE-----")
_MOST_BYTES = 64 * 1024 * 1024  # of a file; the bundles of systems have a few hundred kilobytes


def trust_judge(ca_file: str | None) -> TrustJudge:
    """A judge by the roots in a file, or by those of this computer. Reads nothing before a chain needs it."""
    return TrustJudge(load=partial(roots, ca_file), chosen=ca_file is not None)


def roots(ca_file: str | None) -> Roots | None:
    """The roots in a file, or those of this computer; None where it has none.

    Raises InputError for a file that cannot be read or holds no certificate.
    """
    return _kept(ca_file, _state(ca_file))


def _state(ca_file: str | None) -> tuple[int, ...] | None:
    """What is another when a file is: a worker of a cluster lives longer than a scan. None: that of nothing."""
    if ca_file is None:
        return None
    try:
        found = os.stat(ca_file)  # noqa: PTH116
    except (OSError, ValueError):
        return None  # reading it says why
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


@lru_cache(maxsize=4)
def _kept(ca_file: str | None, _state: tuple[int, ...] | None) -> Roots | None:
    return _from_file(ca_file) if ca_file is not None else _of_this_computer()


def _from_file(ca_file: str) -> Roots:
    try:
        found = _read(Path(ca_file))
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"cannot read the CA file {ca_file!r}: {why}", "name a file with certificates in PEM form"
        ) from error
    if not found.certificates:
        raise InputError(
            f"no certificate in the CA file: {ca_file!r}",
            "it must be PEM (BEGIN CERTIFICATE); from DER: openssl x509 -inform DER -in FILE -out FILE.pem",
        )
    return found


def _read(file: Path, store: str | None = None) -> Roots:
    """The certificates of a PEM file; what cannot be read as one is left out. Raises OSError."""
    with open(file, "rb", opener=_without_waiting) as opened:
        pem = opened.read(_MOST_BYTES + 1) or b""
    if len(pem) > _MOST_BYTES:
        raise OSError(errno.EFBIG, f"it has more than {_MOST_BYTES // 2**20} MiB")
    found = []
    for block in _blocks(pem):
        try:
            certificate = readable(base64.b64decode(block))
        except binascii.Error:
            continue
        if certificate is not None:
            found.append(certificate)
    return Roots(store=store or str(file), file=str(file) if store else None, certificates=tuple(found))


def _without_waiting(name: str, flags: int) -> int:
    """Open a file; one that is a pipe, which would let us wait for its other end, is found to be empty instead."""
    return os.open(name, flags | os.O_NONBLOCK)


def _blocks(pem: bytes) -> Iterator[bytes]:
    """What stands between each BEGIN and the next dashes, in one pass whatever the file holds."""
    for begin in _BEGIN.finditer(pem):
        end = pem.find(b"-----", begin.end())
        if end != -1 and pem.startswith(b"-----END ", end):
            yield pem[begin.end() : end]


def _of_this_computer() -> Roots | None:
    """The first bundle that holds a certificate: where OpenSSL looks, in the usual places, and certifi's."""
    import ssl

    told = ssl.get_default_verify_paths()
    bundles = [file for file in (told.cafile, told.openssl_cafile, *_BUNDLES) if file]
    places = [(file, "system") for file in dict.fromkeys(bundles)]
    for file, store in (*places, *_certifi()):
        try:
            found = _read(Path(file), store)
        except OSError:
            continue
        if found.certificates:
            return found
    return None


def _certifi() -> list[tuple[str, str]]:
    """Where certifi is installed, its bundle."""
    try:
        import certifi
    except ImportError:
        return []
    return [(certifi.where(), "certifi")]
