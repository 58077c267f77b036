"""The certificate served: what it says, and what can be said of it at a given time.

A chain is described whatever its bytes are: what `cryptography` refuses to read keeps its digest and the reason. Trust
is not judged here; a leaf that is its own issuer is said to be self-signed. Names are compared as mstsc and RFC 6125
do: subjectAltName first, and the common name only where there is none.
"""

from __future__ import annotations

import hashlib
import ipaddress
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from probe.result import Certificate, CertificateChain, Key, Trust
from probe.wire.asn1 import SEQUENCE, ber_enter, context
from probe.wire.cursor import Reader

if TYPE_CHECKING:
    from cryptography import x509

# Extended key usages by dotted OID: RFC 5280 section 4.2.1.12, and Microsoft's own for this protocol.
_KEY_USAGES = {
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.8": "timeStamping",
    "1.3.6.1.5.5.7.3.9": "OCSPSigning",
    "1.3.6.1.4.1.311.54.1.2": "remoteDesktopAuthentication",
    "2.5.29.37.0": "anyExtendedKeyUsage",
}
_SECONDS_A_DAY = 86400
_MOST_COMPARED = 5000  # names of one certificate that the name asked for is compared with
_MOST_NAMES = 200  # of one certificate; a hostile one can carry megabytes of them


def describe_chain(
    chain: Sequence[bytes], *, names_asked: str | None, at: datetime, served_to: Sequence[str]
) -> CertificateChain:
    """Describe a chain (DER, leaf first) as it stands at a time (aware, UTC).

    `names_asked` is the name or address that the user asked for, None where there is none.
    """
    described = [describe(der) for der in chain]
    leaf = described[0] if described else None
    self_signed = leaf is not None and leaf.self_signed is True
    return CertificateChain(
        chain=described,
        trust=Trust(verdict="self_signed", store="none") if self_signed else None,
        name_match=name_match(chain[0], names_asked) if chain and names_asked else None,
        served_to=list(served_to),
        days_left=_days_left(leaf, at),
    )


def _days_left(leaf: Certificate | None, at: datetime) -> int | None:
    """Whole days until the leaf expires; negative once it has."""
    if leaf is None or leaf.not_after is None:
        return None
    left = datetime.fromisoformat(leaf.not_after) - at
    return int(left.total_seconds() // _SECONDS_A_DAY)


def describe(der: bytes) -> Certificate:
    """Describe one certificate. Never raises: what could not be read is None, and `error` says why."""
    described = Certificate(sha256=hashlib.sha256(der).hexdigest())
    parsed = _parse(der)
    if isinstance(parsed, str):
        described.error = parsed
        return described
    faults = []
    for read in (_read_names, _read_validity, _read_key, _read_extensions, _read_signature):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the library's remarks on odd certificates; oddities are the point
                read(parsed, described)
        except Exception as error:  # noqa: BLE001 - lazily parsed fields of hostile bytes fail in many ways
            faults.append(f"{read.__name__.removeprefix('_read_')}: {str(error) or type(error).__name__}")
    described.error = "; ".join(faults) or None
    return described


def _parse(der: bytes) -> x509.Certificate | str:
    """The parsed certificate, or why it cannot be parsed."""
    from cryptography import x509

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return x509.load_der_x509_certificate(der)
    except Exception as error:  # noqa: BLE001 - the parser has no closed list of what it raises for hostile bytes
        return str(error) or type(error).__name__


def _read_names(certificate: x509.Certificate, described: Certificate) -> None:
    described.serial = f"{certificate.serial_number:x}"
    described.subject = certificate.subject.rfc4514_string()
    described.issuer = certificate.issuer.rfc4514_string()


def _read_validity(certificate: x509.Certificate, described: Certificate) -> None:
    described.not_before = _iso(certificate.not_valid_before_utc)
    described.not_after = _iso(certificate.not_valid_after_utc)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _read_key(certificate: x509.Certificate, described: Certificate) -> None:
    described.spki_sha256 = hashlib.sha256(_key_as_served(certificate.tbs_certificate_bytes)).hexdigest()
    described.key = _key_of(certificate.public_key())


def _key_as_served(tbs_certificate: bytes) -> bytes:
    """SubjectPublicKeyInfo byte for byte: written anew by the library, an RSASSA-PSS key would get another digest.

    Source: RFC 5280 section 4.1.
    """
    r = ber_enter(Reader(tbs_certificate, "TBSCertificate"), SEQUENCE, "tbsCertificate", [])
    has_version = r.peek(1)[0] == context(0)
    for _ in range(6 if has_version else 5):  # version, serialNumber, signature, issuer, validity, subject
        ber_enter(r, r.peek(1)[0], "field before the key", [])
    before = len(r.consumed())
    ber_enter(r, SEQUENCE, "subjectPublicKeyInfo", [])
    return r.consumed()[before:]


def _key_of(key: object) -> Key:
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

    if isinstance(key, rsa.RSAPublicKey):
        return Key(type="RSA", bits=key.key_size)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return Key(type="EC", bits=key.key_size, curve=key.curve.name)
    if isinstance(key, dsa.DSAPublicKey):
        return Key(type="DSA", bits=key.key_size)
    return Key(type=type(key).__name__.removeprefix("_").removesuffix("PublicKey"))


def _read_extensions(certificate: x509.Certificate, described: Certificate) -> None:
    from cryptography import x509

    described.names = [str(name.value) for name in _alternative_names(certificate)[:_MOST_NAMES]]
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    described.extended_key_usage = [_KEY_USAGES.get(oid.dotted_string, oid.dotted_string) for oid in usages]


def _alternative_names(certificate: x509.Certificate) -> list[x509.DNSName | x509.IPAddress]:
    """DNS names and addresses of subjectAltName, in order."""
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name for name in names if isinstance(name, x509.DNSName | x509.IPAddress)]


def _read_signature(certificate: x509.Certificate, described: Certificate) -> None:
    oid = certificate.signature_algorithm_oid
    described.signature_algorithm = oid._name if oid._name != "Unknown OID" else oid.dotted_string  # noqa: SLF001
    described.self_signed = _self_signed(certificate)


def _self_signed(certificate: x509.Certificate) -> bool | None:
    """Whether it is its own issuer and its own key made its signature; None where that cannot be told.

    Where neither the library nor its key can check the signature, the key identifiers decide: those of the key and
    of the issuer's key are the same in a certificate that signed itself.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    if certificate.issuer != certificate.subject:
        return False
    try:
        certificate.verify_directly_issued_by(certificate)
    except InvalidSignature:
        return False
    except (UnsupportedAlgorithm, ValueError, TypeError):
        by_key = _signed_by_own_key(certificate)
        return _names_own_key(certificate) if by_key is None else by_key
    return True


def _signed_by_own_key(certificate: x509.Certificate) -> bool | None:
    """What an RSA key says of MD5 and SHA-1 signatures, which old servers have and the library refuses of an issuer.

    None where the library does not know the key, or has no way to check such a signature.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.x509.oid import SignatureAlgorithmOID

    is_md5 = certificate.signature_algorithm_oid == SignatureAlgorithmOID.RSA_WITH_MD5
    try:
        key, digest = certificate.public_key(), certificate.signature_hash_algorithm
        how = padding.PKCS1v15() if is_md5 else certificate.signature_algorithm_parameters
        if isinstance(key, rsa.RSAPublicKey) and isinstance(how, padding.PKCS1v15 | padding.PSS) and digest:
            key.verify(certificate.signature, certificate.tbs_certificate_bytes, how, digest)
            return True
    except InvalidSignature:
        return False
    except (UnsupportedAlgorithm, ValueError):
        return None
    fits = how is None or (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(how, ec.ECDSA))
    return None if fits else False  # a key of another kind cannot have made it


def _names_own_key(certificate: x509.Certificate) -> bool | None:
    """Whether the issuer's key, by its identifier, is its own; None where an identifier is absent."""
    from cryptography import x509

    try:
        own = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        issuers = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return None
    return own == issuers if issuers is not None else None


def name_match(der: bytes, asked: str) -> bool | None:
    """Whether a certificate is for the name or address asked for; None where it cannot be told.

    An address is only compared with addresses: a certificate without any says nothing about it.
    """
    certificate = _parse(der)
    if isinstance(certificate, str):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            names, common = _alternative_names(certificate)[:_MOST_COMPARED], _common_names(certificate)
    except Exception:  # noqa: BLE001 - see `describe`
        return None
    return _matches_any(names, common, asked)


def _matches_any(names: Sequence[x509.DNSName | x509.IPAddress], common: Sequence[str], asked: str) -> bool | None:
    from cryptography import x509

    wanted = _address(asked)
    if wanted is not None:
        addresses = [name.value for name in names if isinstance(name, x509.IPAddress)]
        return wanted in addresses if addresses else None
    hosts = [name.value for name in names if isinstance(name, x509.DNSName)] or common
    spellings = {asked, _ascii(asked)}
    return any(_host_matches(pattern, spelling) for pattern in hosts for spelling in spellings)


def _common_names(certificate: x509.Certificate) -> list[str]:
    from cryptography.x509.oid import NameOID

    return [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _ascii(host: str) -> str:
    """An international name as certificates hold it (RFC 5280 section 7.2); any other as it is."""
    try:
        return host.rstrip(".").encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _host_matches(pattern: str, host: str) -> bool:
    """RFC 6125 section 6.4: no case, and a wildcard only as the whole left-most label."""
    pattern, host = pattern.rstrip(".").lower(), host.rstrip(".").lower()
    if not pattern.startswith("*."):
        return pattern == host
    label, _, rest = host.partition(".")
    return bool(label) and rest == pattern[2:] and "." in rest
