"""The certificate served: what it says, and what can be said of it at a given time.

A chain is described whatever its bytes are: of what `cryptography` refuses to read, our own reader takes what it can,
and the digest and the reason stay. Whether a chain is trusted is judged in `trust`, by the roots that the driver has;
that a leaf is its own issuer needs none.
"""

from __future__ import annotations

import copy
import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from probe.audit.certificate_der import (
    LONGEST_REMEMBERED,
    parse,
    public_key_bytes,
    public_key_info,
    salvage,
    unknown_key,
)
from probe.audit.certificate_names import HeldNames, alternative_names, common_names, held_names, subject_and_issuer
from probe.audit.certificate_signature import self_signed
from probe.audit.trust import TrustJudge
from probe.result import Certificate, CertificateChain, Key, Ntlm, Trust

if TYPE_CHECKING:
    from cryptography import x509

# Key usages as RFC 5280 section 4.2.1.3 names them, by the library's names, in the order of their bits.
_KEY_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}
_OF_AGREEMENT = {"encipher_only": "encipherOnly", "decipher_only": "decipherOnly"}
# Extended key usages by dotted OID: RFC 5280 section 4.2.1.12, and Microsoft's own for this protocol.
_EXTENDED_KEY_USAGES = {
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.8": "timeStamping",
    "1.3.6.1.5.5.7.3.9": "OCSPSigning",
    "1.3.6.1.4.1.311.54.1.2": "remoteDesktopAuthentication",
    "2.5.29.37.0": "anyExtendedKeyUsage",
}
# Signatures that the library has no name for. Source: RFC 3279 section 2.2.1, and OIW as OpenSSL names them.
_SIGNATURES = {
    "1.2.840.113549.1.1.2": "md2WithRSAEncryption",
    "1.2.840.113549.1.1.3": "md4WithRSAEncryption",
    "1.3.14.3.2.3": "md5WithRSA",
    "1.3.14.3.2.29": "sha1WithRSA",
}
_SECONDS_A_DAY = 86400
_MOST_REMEMBERED = 320  # certificates: those of authorities, and of machines that were cloned, come again and again
_MOST_NAMES = 200  # of one certificate; a hostile one can carry megabytes of them
_MOST_DESCRIBED = 20  # certificates of a chain; a hostile one can hold tens of thousands
_SIX_MONTHS = (timedelta(days=180), timedelta(days=190))  # how long what Windows makes by itself is valid


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What the chains of one audit are held against."""

    names_asked: str | None  # the name or address that the user asked for
    at: datetime  # aware, UTC
    ntlm: Ntlm | None = None  # what the server's NTLM challenge says of its names
    judge: TrustJudge | None = None


def describe_chain(
    chain: Sequence[bytes], circumstances: Circumstances, served_to: Sequence[str] = ()
) -> CertificateChain:
    """Describe a chain (DER, leaf first), up to 20 certificates of it. Never raises."""
    chain = chain[:_MOST_DESCRIBED]
    described = [describe(der) for der in chain]
    if not described:
        return CertificateChain(chain=[], served_to=list(served_to))
    leaf, parsed = described[0], parse(chain[0])
    held = _names_in(chain[0]) if len(chain[0]) <= LONGEST_REMEMBERED else _held(chain[0])
    ntlm = circumstances.ntlm
    return CertificateChain(
        chain=described,
        trust=_trust(chain, leaf, circumstances),
        name_match=_match(held, circumstances.names_asked),
        ntlm_name_match=_match(held, ntlm.dns_computer if ntlm is not None else None),
        windows_generated=_windows_generated(leaf, parsed, ntlm),
        served_to=list(served_to),
        days_left=_days_left(leaf, circumstances.at),
    )


def _trust(chain: Sequence[bytes], leaf: Certificate, circumstances: Circumstances) -> Trust | None:
    if circumstances.judge is not None:
        return circumstances.judge.judge(chain, circumstances.at, self_signed=leaf.self_signed is True)
    return Trust(verdict="self_signed", store="none") if leaf.self_signed else None


def _match(held: HeldNames | None, asked: str | None) -> bool | None:
    return held.match(asked) if asked and held is not None else None


def _windows_generated(leaf: Certificate, parsed: x509.Certificate | str, ntlm: Ntlm | None) -> bool | None:
    """Whether it is what Windows makes for Remote Desktop by itself.

    Such a certificate is self-signed, valid for six months, for serverAuth alone, without alternative names, and its
    common name is that of the computer, which NTLM tells. None where that is all that is not known.
    """
    if isinstance(parsed, str) or leaf.not_before is None or leaf.not_after is None or leaf.self_signed is None:
        return None
    shortest, longest = _SIX_MONTHS
    lasts = datetime.fromisoformat(leaf.not_after) - datetime.fromisoformat(leaf.not_before)
    shaped = leaf.self_signed and shortest <= lasts <= longest and not leaf.names
    if not shaped or leaf.extended_key_usage != ["serverAuth"]:
        return False
    computers = {name.lower() for name in (ntlm.dns_computer, ntlm.netbios_computer) if name} if ntlm else set()
    return any(name.lower() in computers for name in common_names(parsed)) if computers else None


def _days_left(leaf: Certificate, at: datetime) -> int | None:
    """Whole days until the leaf expires; negative once it has."""
    if leaf.not_after is None:
        return None
    left = datetime.fromisoformat(leaf.not_after) - at
    return int(left.total_seconds() // _SECONDS_A_DAY)


def describe(der: bytes) -> Certificate:
    """Describe one certificate. Never raises: what could not be read is None, and `error` says why."""
    return copy.copy(_remembered(der)) if len(der) <= LONGEST_REMEMBERED else _described(der)


def _described(der: bytes) -> Certificate:
    described = Certificate(sha256=hashlib.sha256(der).hexdigest())
    parsed = parse(der)
    if isinstance(parsed, str):
        described.error = parsed
        salvage(der, described)
        return described
    faults = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's remarks on odd certificates; oddities are the point
        for read in (_read_names, _read_validity, _read_key, _read_alternatives, _read_usages, _read_signature):
            try:
                read(parsed, described)
            except Exception as error:  # noqa: BLE001 - lazily parsed fields of hostile bytes fail in many ways
                faults.append(f"{read.__name__.removeprefix('_read_')}: {str(error) or type(error).__name__}")
    described.error = "; ".join(faults) or None
    return described


def _held(der: bytes) -> HeldNames | None:
    """The names that a certificate is for; None where it cannot be read."""
    parsed = parse(der)
    return held_names(parsed) if not isinstance(parsed, str) else None


_remembered = lru_cache(maxsize=_MOST_REMEMBERED)(_described)
_names_in = lru_cache(maxsize=_MOST_REMEMBERED)(_held)


def _read_names(certificate: x509.Certificate, described: Certificate) -> None:
    described.serial = f"{certificate.serial_number:x}"
    subject, issuer = subject_and_issuer(certificate)
    described.subject = subject.rfc4514_string()
    described.issuer = described.subject if issuer == subject else issuer.rfc4514_string()


def _read_validity(certificate: x509.Certificate, described: Certificate) -> None:
    described.not_before = _iso(certificate.not_valid_before_utc)
    described.not_after = _iso(certificate.not_valid_after_utc)


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _read_key(certificate: x509.Certificate, described: Certificate) -> None:
    from cryptography.exceptions import UnsupportedAlgorithm

    fields = certificate.tbs_certificate_bytes
    described.spki_sha256 = hashlib.sha256(public_key_bytes(fields)).hexdigest()
    try:
        described.key = _key_of(certificate.public_key())
    except Exception as error:
        described.key = unknown_key(public_key_info(fields))
        if not isinstance(error, UnsupportedAlgorithm):  # to be unknown to the library is no fault of a key
            raise


def _key_of(key: object) -> Key:
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

    if isinstance(key, rsa.RSAPublicKey):
        return Key(type="RSA", bits=key.key_size)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return Key(type="EC", bits=key.key_size, curve=key.curve.name)
    if isinstance(key, dsa.DSAPublicKey):
        return Key(type="DSA", bits=key.key_size)
    return Key(type=type(key).__name__.removeprefix("_").removesuffix("PublicKey"))


def _read_alternatives(certificate: x509.Certificate, described: Certificate) -> None:
    described.names = [str(name.value) for name in alternative_names(certificate)[:_MOST_NAMES]]


def _read_usages(certificate: x509.Certificate, described: Certificate) -> None:
    from cryptography import x509

    for extension in certificate.extensions:
        value = extension.value
        if isinstance(value, x509.KeyUsage):
            names = {**_KEY_USAGES, **(_OF_AGREEMENT if value.key_agreement else {})}
            described.key_usage = [name for field, name in names.items() if getattr(value, field)]
        elif isinstance(value, x509.ExtendedKeyUsage):
            known = _EXTENDED_KEY_USAGES
            described.extended_key_usage = [known.get(oid.dotted_string, oid.dotted_string) for oid in value]


def _read_signature(certificate: x509.Certificate, described: Certificate) -> None:
    oid = certificate.signature_algorithm_oid
    known = _SIGNATURES.get(oid.dotted_string, oid.dotted_string)
    described.signature_algorithm = oid._name if oid._name != "Unknown OID" else known  # noqa: SLF001
    described.self_signed = self_signed(certificate)
