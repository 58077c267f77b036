"""Certificates made for a test, with what is true of each."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

NAME = "desk.example.test"
ALIAS = "desk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A self-signed certificate and its key, as PEM files, and what a client must find in it."""

    certificate: Path
    key: Path
    subject: str  # its common name
    names: tuple[str, ...]  # the DNS names of subjectAltName
    not_before: datetime
    not_after: datetime
    sha256: str  # of the DER form, lower-case hexadecimal
    key_kind: str  # RSA or EC
    key_bits: int


def rsa(directory: Path) -> Certificate:
    """A good one with an RSA key of 2048 bits."""
    return _make(directory / "rsa", _rsa_key(), _from_today(90))


def ecdsa(directory: Path) -> Certificate:
    """A good one with a key on P-256."""
    return _make(directory / "ecdsa", _ec_key(), _from_today(90))


def expired(directory: Path) -> Certificate:
    """One with an RSA key whose last day was a month ago."""
    return _make(directory / "expired", _rsa_key(), _from_today(-30))


def rsa_key_pem(directory: Path) -> Path:
    """A file with an RSA key alone, in the traditional form that weston's --rdp4-key reads."""
    return _write(directory / "rdp4.key", _pem(_rsa_key()))


def _from_today(last_day: int) -> tuple[datetime, datetime]:
    """A validity of a year or so that ends that many days from now."""
    now = datetime.now(UTC).replace(microsecond=0)
    return now + timedelta(days=last_day - 365), now + timedelta(days=last_day)


@functools.cache
def _rsa_key() -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    return generate_private_key(65537, 2048)


@functools.cache
def _ec_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

    return generate_private_key(SECP256R1())


def _pem(key: RSAPrivateKey | EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def _write(file: Path, content: bytes) -> Path:
    file.touch(mode=0o600)
    file.write_bytes(content)
    return file


def _make(
    directory: Path, key: RSAPrivateKey | EllipticCurvePrivateKey, validity: tuple[datetime, datetime]
) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    directory.mkdir(parents=True, exist_ok=True)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    signed = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME), x509.DNSName(ALIAS)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, SHA256())
    )
    return Certificate(
        certificate=_write(directory / "certificate.pem", signed.public_bytes(Encoding.PEM)),
        key=_write(directory / "key.pem", _pem(key)),
        subject=NAME,
        names=(NAME, ALIAS),
        not_before=validity[0],
        not_after=validity[1],
        sha256=signed.fingerprint(SHA256()).hex(),
        key_kind="RSA" if isinstance(key, RSAPrivateKey) else "EC",
        key_bits=key.key_size,
    )
