"""Which names a certificate holds, and whether the one asked for is among them.

Names are compared as mstsc and RFC 6125 do: subjectAltName first, and the common name only where there is none.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509

_MOST_REMEMBERED = 8  # certificates: what is asked of one is asked at once
_MOST_COMPARED = 5000  # names of one certificate that the name asked for is compared with


@dataclass(frozen=True, slots=True)
class HeldNames:
    """The names that a certificate is for."""

    hosts: tuple[str, ...]
    addresses: tuple[IPv4Address | IPv6Address | IPv4Network | IPv6Network, ...]

    def match(self, asked: str) -> bool | None:
        """Whether the name or address asked for is among them; None where it cannot be told.

        An address is only compared with addresses: a certificate without any says nothing about it.
        """
        wanted = _address(asked)
        if wanted is not None:
            return wanted in self.addresses if self.addresses else None
        spellings = {asked, _ascii(asked)}
        return any(_host_matches(pattern, spelling) for pattern in self.hosts for spelling in spellings)


def held_names(certificate: x509.Certificate) -> HeldNames | None:
    """The names of a certificate, up to 5000 of them; None where they cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            names, common = alternative_names(certificate)[:_MOST_COMPARED], common_names(certificate)
    except Exception:  # noqa: BLE001 - lazily parsed fields of hostile bytes fail in many ways
        return None
    hosts = [name.value for name in names if isinstance(name.value, str)]
    addresses = [name.value for name in names if not isinstance(name.value, str)]
    return HeldNames(tuple(hosts or common), tuple(addresses))


def alternative_names(certificate: x509.Certificate) -> list[x509.DNSName | x509.IPAddress]:
    """DNS names and addresses of subjectAltName, in order. Raises what the library does for broken extensions."""
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name for name in names if isinstance(name, x509.DNSName | x509.IPAddress)]


@lru_cache(maxsize=_MOST_REMEMBERED)
def subject_and_issuer(certificate: x509.Certificate) -> tuple[x509.Name, x509.Name]:
    """Its two names, which the library reads anew each time. Raises what the library does for broken ones."""
    return certificate.subject, certificate.issuer


def common_names(certificate: x509.Certificate) -> list[str]:
    """The common names of the subject. Raises what the library does for a broken subject."""
    from cryptography.x509.oid import NameOID

    return [
        str(attribute.value)
        for attribute in subject_and_issuer(certificate)[0].get_attributes_for_oid(NameOID.COMMON_NAME)
    ]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    literal = text.partition("%")[0]
    if ":" not in literal and not literal[-1:].isdigit():  # to ask the library, which says no, takes far longer
        return None
    try:
        return ip_address(literal)
    except ValueError:
        return None


def _ascii(host: str) -> str:
    """An international name as certificates hold it (RFC 5280 section 7.2); any other as it is."""
    if host.isascii():
        return host
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
