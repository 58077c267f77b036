"""Certificates and TLS of the embedded servers.

Certificates are made when they are first needed and kept for the process; nothing is written to disk. There is at
most one RSA key, because making one takes a tenth of a second; all servers that would have an RSA key share it.
TLS runs over memory buffers, so that one server can speak TLS 1.0 alone whatever this machine's policy allows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from OpenSSL import SSL

_ANY_LEVEL = b"DEFAULT:@SECLEVEL=0"  # TLS 1.0 signs with SHA-1, which levels above 0 forbid
_CHUNK = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsProfile:
    """What a server's TLS looks like. Versions are protocol numbers, 0x0301 for TLS 1.0."""

    name: str  # common name of the certificate
    oldest: int = 0x0303
    newest: int = 0x0304
    rsa: bool = True
    first_day: int = -10  # of the certificate's validity, in days from now
    last_day: int = 170


class TlsOver(Exception):
    """The TLS connection can carry nothing more. An alert may be left to take from `Tls.out`."""


class Tls:
    """The server's half of one TLS connection, between buffers.

    `put` takes what came over the wire and `out` gives what belongs on it; `handshake`, `read` and `write` are asked
    in between, and raise TlsOver.
    """

    def __init__(self, profile: TlsProfile) -> None:
        from OpenSSL import SSL

        self._ssl = SSL
        self._tls = SSL.Connection(_context(profile), None)
        self._tls.set_accept_state()

    def put(self, data: bytes) -> None:
        """Bytes from the client."""
        self._tls.bio_write(data)

    def out(self) -> bytes:
        """Bytes for the client."""
        parts = []
        try:
            while True:
                parts.append(self._tls.bio_read(_CHUNK))
        except self._ssl.WantReadError:
            return b"".join(parts)

    def handshake(self) -> bool:
        """Go on with the handshake; True once it is complete."""
        try:
            self._tls.do_handshake()
        except self._ssl.WantReadError:
            return False
        except self._ssl.Error as error:
            raise TlsOver from error
        return True

    def read(self) -> bytes:
        """Decrypted bytes, b"" while there are too few."""
        try:
            return self._tls.recv(_CHUNK)
        except self._ssl.WantReadError:
            return b""
        except self._ssl.Error as error:
            raise TlsOver from error

    def write(self, data: bytes) -> None:
        """Encrypt `data`: one record up to 16 kB, as CredSSP peers expect."""
        try:
            self._tls.sendall(data)
        except self._ssl.Error as error:
            raise TlsOver from error

    def close(self) -> None:
        """Say close_notify."""
        try:
            self._tls.shutdown()
        except self._ssl.Error as error:
            raise TlsOver from error


def prepare(profiles: Iterable[TlsProfile | None]) -> None:
    """Make keys and certificates now, so that no client waits for them."""
    for profile in profiles:
        if profile is not None:
            _context(profile)


@cache
def _context(profile: TlsProfile) -> SSL.Context:
    from OpenSSL import SSL

    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_cipher_list(_ANY_LEVEL if profile.oldest < 0x0303 else b"DEFAULT")
    context.set_min_proto_version(profile.oldest)
    context.set_max_proto_version(profile.newest)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_TICKET)
    context.use_privatekey(rsa_key() if profile.rsa else _ec_key())
    context.use_certificate(certificate(profile))
    return context


@cache
def rsa_key() -> RSAPrivateKey:
    """The one RSA key of this process."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def _ec_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


@cache
def certificate(profile: TlsProfile) -> x509.Certificate:
    """A self-signed certificate as Windows makes one for its listener: a name, server authentication, no more."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = rsa_key() if profile.rsa else _ec_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, profile.name)])
    now = datetime.now(UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=profile.first_day))
        .not_valid_after(now + timedelta(days=profile.last_day))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
