"""Which names a certificate holds, and whether the one asked for is among them.

Names are compared as mstsc and RFC 6125 do: subjectAltName first, and the common name only where there is none.
"""

from __future__ import annotations

import ipaddress
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509

_MOST_COMPARED = 5000  # names of one certificate that the name asked for is compared with


def name_match(certificate: x509.Certificate, asked: str) -> bool | None:
    """Whether a certificate is for the name or address asked for; None where it cannot be told.

    An address is only compared with addresses: a certificate without any says nothing about it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            names, common = alternative_names(certificate)[:_MOST_COMPARED], common_names(certificate)
    except Exception:  # noqa: BLE001 - lazily parsed fields of hostile bytes fail in many ways
        return None
    return _matches_any(names, common, asked)


def alternative_names(certificate: x509.Certificate) -> list[x509.DNSName | x509.IPAddress]:
    """DNS names and addresses of subjectAltName, in order. Raises what the library does for broken extensions."""
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name for name in names if isinstance(name, x509.DNSName | x509.IPAddress)]


def common_names(certificate: x509.Certificate) -> list[str]:
    """The common names of the subject. Raises what the library does for a broken subject."""
    from cryptography.x509.oid import NameOID

    return [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def _matches_any(names: Sequence[x509.DNSName | x509.IPAddress], common: Sequence[str], asked: str) -> bool | None:
    from cryptography import x509

    wanted = _address(asked)
    if wanted is not None:
        addresses = [name.value for name in names if isinstance(name, x509.IPAddress)]
        return wanted in addresses if addresses else None
    hosts = [name.value for name in names if isinstance(name, x509.DNSName)] or common
    spellings = {asked, _ascii(asked)}
    return any(_host_matches(pattern, spelling) for pattern in hosts for spelling in spellings)


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
    """RFC 6125 section 6.4: no case, and a wildcard only as the whole left-most label. A NUL is a character."""
    pattern, host = pattern.rstrip(".").lower(), host.rstrip(".").lower()
    if not pattern.startswith("*."):
        return pattern == host
    label, _, rest = host.partition(".")
    return bool(label) and rest == pattern[2:] and "." in rest
