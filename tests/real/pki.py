"""A small PKI for tests: authorities, and leaves with one fault each.

`cryptography` makes them; what it does not sign with, SHA-1 and MD5, `openssl` does.
"""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from tests.real.certificates import NAME, Certificate

REMOTE_DESKTOP = ObjectIdentifier("1.3.6.1.4.1.311.54.1.2")
SERVER_AUTH, CODE_SIGNING = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CODE_SIGNING

Digest = hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey


@functools.cache
def rsa_key(bits: int = 2048, number: int = 0) -> rsa.RSAPrivateKey:
    """An RSA key; `number` tells several of one size apart. The library makes none under 1024 bits."""
    del number
    if bits < 1024:
        made = subprocess.run(["openssl", "genrsa", str(bits)], check=True, capture_output=True, timeout=60)
        key = load_pem_private_key(made.stdout, None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key
    return rsa.generate_private_key(65537, bits)


@functools.cache
def ec_key(curve: type[ec.EllipticCurve] = ec.SECP256R1, number: int = 0) -> ec.EllipticCurvePrivateKey:
    """A key on a curve; `number` tells several of one curve apart."""
    del number
    return ec.generate_private_key(curve())


@functools.cache
def ed25519_key() -> ed25519.Ed25519PrivateKey:
    """An Ed25519 key."""
    return ed25519.Ed25519PrivateKey.generate()


@functools.cache
def dsa_key() -> dsa.DSAPrivateKey:
    """A DSA key."""
    return dsa.generate_private_key(2048)


def from_today(first_day: int, last_day: int) -> tuple[datetime, datetime]:
    """A validity, in days from now."""
    now = datetime.now(UTC).replace(microsecond=0)
    return now + timedelta(days=first_day), now + timedelta(days=last_day)


def named(common: str) -> x509.Name:
    """A name that is a common name alone, or nothing."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        """As it is served."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        """As files hold it."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key, as OpenSSL reads every kind of."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a certificate is made of; the defaults make a good leaf."""

    common: str = NAME
    key: Key = field(default_factory=rsa_key)
    names: tuple[str, ...] = (NAME,)
    usages: tuple[ObjectIdentifier, ...] | None = (SERVER_AUTH,)
    key_usage: x509.KeyUsage | None = None
    validity: tuple[datetime, datetime] = field(default_factory=lambda: from_today(-30, 90))
    authority: bool = False
    path_length: int | None = None
    digest: Digest = field(default_factory=hashes.SHA256)
    more: Sequence[tuple[x509.ExtensionType, bool]] = ()  # extensions, and whether they are critical

    def signed_by(self, issuer: Entity | None, signer: Key | None = None) -> Entity:
        """The certificate, issued by an entity or by itself; `signer` signs in place of the issuer's key."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(named(self.common))
            .issuer_name(issuer.certificate.subject if issuer else named(self.common))
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.validity[0])
            .not_valid_after(self.validity[1])
        )
        if self.names and not self.authority:
            alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in self.names])
            builder = builder.add_extension(alternative, critical=False)
        if self.usages and not self.authority:
            builder = builder.add_extension(x509.ExtendedKeyUsage(self.usages), critical=False)
        if self.key_usage is not None:
            builder = builder.add_extension(self.key_usage, critical=True)
        if self.authority:
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=self.path_length), critical=True)
        for extension, critical in self.more:
            builder = builder.add_extension(extension, critical=critical)
        own = signer or (issuer.key if issuer else self.key)
        digest = None if isinstance(own, ed25519.Ed25519PrivateKey) else self.digest
        return Entity(certificate=builder.sign(own, digest), key=self.key)


@functools.cache
def _authority_key(_common: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def authority(common: str, issuer: Entity | None = None, *, key: Key | None = None, **recipe: object) -> Entity:
    """A certificate of an authority; a root, where it has no issuer."""
    made = Recipe(
        common=common,
        key=key or _authority_key(common),
        validity=from_today(-100, 1000),
        authority=True,
        **recipe,  # type: ignore[arg-type]
    )
    return made.signed_by(issuer)


def key_usage(*fields: str) -> x509.KeyUsage:
    """A key usage of these fields, by the library's names."""
    known = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    every = (*known, "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{each: each in fields for each in every})


def by_openssl(directory: Path, issuer: Entity | None, *options: str, version_1: bool = False) -> Entity:
    """A leaf for NAME with an RSA key of 2048 bits, signed as `options` say, such as -sha1."""
    directory.mkdir(parents=True, exist_ok=True)
    key, request = directory / "key.pem", directory / "request.pem"
    key.write_bytes(Entity(certificate=_any_certificate(), key=rsa_key()).key_pem)
    _openssl("req", "-new", "-key", key, "-subj", f"/CN={NAME}", "-out", request)
    extensions = directory / "extensions"
    extensions.write_text(f"subjectAltName=DNS:{NAME}\nextendedKeyUsage=serverAuth\n")
    signed_by: tuple[str | Path, ...] = ("-signkey", key)
    if issuer is not None:
        (directory / "issuer.pem").write_bytes(issuer.pem)
        (directory / "issuer.key").write_bytes(issuer.key_pem)
        signed_by = ("-CA", directory / "issuer.pem", "-CAkey", directory / "issuer.key")
    out = directory / "certificate.pem"
    extended = () if version_1 else ("-extfile", str(extensions))
    signed = ("-days", "90", "-set_serial", "7", *extended, *options, "-out", str(out))
    _openssl("x509", "-req", "-in", request, *signed_by, *signed)
    return Entity(certificate=x509.load_pem_x509_certificate(out.read_bytes()), key=rsa_key())


@functools.cache
def _any_certificate() -> x509.Certificate:
    return Recipe(key=rsa_key()).signed_by(None).certificate


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)


def served_by(directory: Path, leaf: Entity, *others: Entity) -> Certificate:
    """The files that a server takes: the leaf and what it sends with it in one, the leaf's key in another."""
    directory.mkdir(parents=True, exist_ok=True)
    certificate, key = directory / "chain.pem", directory / "chain.key"
    certificate.write_bytes(b"".join(each.pem for each in (leaf, *others)))
    key.touch(mode=0o600)
    key.write_bytes(leaf.key_pem)
    public = leaf.certificate.public_key()
    return Certificate(
        certificate=certificate,
        key=key,
        subject=NAME,
        names=(NAME,),
        not_before=leaf.certificate.not_valid_before_utc,
        not_after=leaf.certificate.not_valid_after_utc,
        sha256=leaf.certificate.fingerprint(hashes.SHA256()).hex(),
        key_kind=type(public).__name__.removesuffix("PublicKey"),
        key_bits=getattr(public, "key_size", 0),
    )
