"""DER to a certificate: by the library, and by our own reader where the library refuses it or writes it anew.

Our own reader checks nothing beyond the layout: a certificate that is damaged at its end still says whose it is.
Source: RFC 5280 section 4.1, ITU-T X.690 section 8.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from probe.errors import WireError
from probe.result import Certificate, Key
from probe.wire.asn1 import BIT_STRING, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, ber_enter, ber_length, context
from probe.wire.cursor import Reader

if TYPE_CHECKING:
    from cryptography import x509

_COMMON_NAME = bytes.fromhex("550403")  # 2.5.4.3
_UTF8_TEXT, _BMP_TEXT = 0x0C, 0x1E
_TIMES = {  # UTCTime and GeneralizedTime
    0x17: re.compile(r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?Z?", re.ASCII),
    0x18: re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:\.\d+)?Z?", re.ASCII),
}
_PIVOT = 50  # of UTCTime: 50 to 99 are of the twentieth century, RFC 5280 section 4.1.2.5.1

# Keys that the library does not read, by the OID of their algorithm. Source: RFC 4491, RFC 9215, GM/T 0006, RFC 3279.
_KEY_ALGORITHMS = {
    "1.2.643.2.2.19": "GOST R 34.10-2001",
    "1.2.643.7.1.1.1.1": "GOST R 34.10-2012 256",
    "1.2.643.7.1.1.1.2": "GOST R 34.10-2012 512",
    "1.2.840.10045.2.1": "EC",
    "1.2.840.10046.2.1": "DH",
    "1.2.840.10040.4.1": "DSA",
    "1.2.840.113549.1.1.1": "RSA",
}
# Terminal servers give an RSA key the OID of a signature. Source: the same is undone by rdesktop and FreeRDP.
_RSA_BY_MISTAKE = {"1.2.840.113549.1.1.2", "1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.3.14.3.2.15"}
_CURVES = {"1.2.156.10197.1.301": "SM2"}
_MOST_REMEMBERED = 320  # certificates: one is asked for several times, and authorities are those of many servers
LONGEST_REMEMBERED = 8192  # bytes; a hostile one can hold tens of thousands of names


def parse(der: bytes) -> x509.Certificate | str:
    """The certificate as the library reads it, or why it refuses to. The last few are kept."""
    return _remembered(der) if len(der) <= LONGEST_REMEMBERED else _parse(der)


def _parse(der: bytes) -> x509.Certificate | str:
    from cryptography import x509

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return x509.load_der_x509_certificate(der)
    except Exception as error:  # noqa: BLE001 - the parser has no closed list of what it raises for hostile bytes
        return str(error) or type(error).__name__


_remembered = lru_cache(maxsize=_MOST_REMEMBERED)(_parse)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKeyInfo:
    """SubjectPublicKeyInfo as served.

    Layout: SEQUENCE { SEQUENCE { algorithm OID, parameters }, BIT STRING }. `parameter_oid` is None unless the first
    parameter is an OID, as the curve of a key is. Source: RFC 5280 section 4.1.2.7.
    """

    raw: bytes
    algorithm: str
    parameter_oid: str | None
    key: bytes  # without the count of unused bits


def public_key_bytes(tbs_certificate: bytes) -> bytes:
    """SubjectPublicKeyInfo as served: written anew by the library, an RSASSA-PSS key would get another digest.

    Raises WireError.
    """
    r = _before_key(tbs_certificate)
    before = len(r.consumed())
    _element(r)
    return r.consumed()[before:]


def public_key_info(tbs_certificate: bytes) -> PublicKeyInfo:
    """SubjectPublicKeyInfo with its parts. Raises WireError."""
    return _key_info(_before_key(tbs_certificate))


def _before_key(tbs_certificate: bytes) -> Reader:
    r = _fields(tbs_certificate)
    for _ in range(5):  # serialNumber, signature, issuer, validity, subject
        _element(r)
    return r


def salvage(der: bytes, described: Certificate) -> None:
    """Fill in what can be read of a certificate that the library refuses, field by field until one cannot be."""
    try:
        r = _fields(ber_enter(Reader(der, "Certificate"), SEQUENCE, "certificate", []).rest())
        described.serial = f"{int.from_bytes(ber_enter(r, INTEGER, 'serialNumber', []).rest(), 'big', signed=True):x}"
        _element(r)  # signature
        described.issuer = _common_name(ber_enter(r, SEQUENCE, "issuer", []))
        validity = ber_enter(r, SEQUENCE, "validity", [])
        described.not_before, described.not_after = _time(validity), _time(validity)
        described.subject = _common_name(ber_enter(r, SEQUENCE, "subject", []))
        info = _key_info(r)
        described.spki_sha256 = hashlib.sha256(info.raw).hexdigest()
        described.key = unknown_key(info)
    except WireError:
        return


def unknown_key(info: PublicKeyInfo) -> Key:
    """A key that the library does not read, by the OID of its algorithm; of RSA under any name, its size."""
    if info.algorithm in _RSA_BY_MISTAKE or info.algorithm == "1.2.840.113549.1.1.1":
        return Key(type="RSA", bits=_modulus_bits(info.key))
    kind = _KEY_ALGORITHMS.get(info.algorithm, info.algorithm)
    curve = _CURVES.get(info.parameter_oid, info.parameter_oid) if kind == "EC" and info.parameter_oid else None
    return Key(type=kind, curve=curve)


def _modulus_bits(key: bytes) -> int | None:
    """RSAPublicKey ::= SEQUENCE { modulus, publicExponent }, RFC 8017 appendix A.1.1."""
    try:
        r = ber_enter(Reader(key, "RSAPublicKey"), SEQUENCE, "rsaPublicKey", [])
        return int.from_bytes(ber_enter(r, INTEGER, "modulus", []).rest(), "big").bit_length()
    except WireError:
        return None


def _fields(certificate: bytes) -> Reader:
    """A reader that stands before serialNumber, of a TBSCertificate."""
    r = ber_enter(Reader(certificate, "TBSCertificate"), SEQUENCE, "tbsCertificate", [])
    if r.remaining and r.peek(1)[0] == context(0):
        _element(r)  # version
    return r


def _element(r: Reader) -> tuple[int, bytes]:
    """The identifier octet and the content of the next element."""
    tag = r.u8("identifier")
    return tag, r.take(ber_length(r, "length", []), "content")


def _key_info(r: Reader) -> PublicKeyInfo:
    before = len(r.consumed())
    info = ber_enter(r, SEQUENCE, "subjectPublicKeyInfo", [])
    raw = r.consumed()[before:]
    algorithm = ber_enter(info, SEQUENCE, "algorithm", [])
    name = _dotted(ber_enter(algorithm, OBJECT_IDENTIFIER, "algorithm", []).rest())
    tag, parameters = _element(algorithm) if algorithm.remaining else (0, b"")
    if tag == SEQUENCE and parameters:
        tag, parameters = _element(Reader(parameters, "parameters"))
    return PublicKeyInfo(
        raw=raw,
        algorithm=name,
        parameter_oid=_dotted(parameters) if tag == OBJECT_IDENTIFIER else None,
        key=ber_enter(info, BIT_STRING, "subjectPublicKey", []).rest()[1:],
    )


def _dotted(oid: bytes) -> str:
    """X.690 section 8.19; an overlong one is cut."""
    arcs, value = [], 0
    for octet in oid[:64]:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2) if arcs else 0
    return ".".join(str(arc) for arc in ([first, arcs[0] - 40 * first, *arcs[1:]] if arcs else []))


def _time(r: Reader) -> str | None:
    """UTCTime or GeneralizedTime in ISO 8601; None where it is neither, or no time that there is."""
    tag, content = _element(r)
    match = _TIMES[tag].fullmatch(content.decode("latin-1")) if tag in _TIMES else None
    if match is None:
        return None
    year = int(match[1])
    if len(match[1]) == 2:
        year += 1900 if year >= _PIVOT else 2000
    try:
        month, day, hour, minute, second = (int(part or 0) for part in match.groups()[1:])
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return moment.isoformat().replace("+00:00", "Z")


def _common_name(name: Reader) -> str | None:
    """The common name of a Name as `CN=text`, the last one where there are several; None without one."""
    found = None
    while name.remaining:
        _, relative = _element(name)
        inner = Reader(relative, "RelativeDistinguishedName")
        while inner.remaining:
            attribute = ber_enter(inner, SEQUENCE, "attribute", [])
            kind = ber_enter(attribute, OBJECT_IDENTIFIER, "type", []).rest()
            tag, value = _element(attribute)
            if kind == _COMMON_NAME:
                found = f"CN={_text(tag, value)}"
    return found


def _text(tag: int, value: bytes) -> str:
    if tag == _BMP_TEXT:
        return value.decode("utf-16-be", "replace")
    return value.decode("utf-8" if tag == _UTF8_TEXT else "latin-1", "replace")
