"""The cipher suites that RDP clients offer by default, by the code points of the IANA registry, from their profiles."""

from __future__ import annotations

from collections.abc import Iterable

from probe.clients import CLIENTS
from probe.clients.profile import TlsProfile

_SIGNAL = 0x00FF  # of RFC 5746, no suite
_TLS12 = 0x0303
_EXPORT = frozenset({0x0003, 0x0006, 0x0009, 0x0012, 0x0062, 0x0063, 0x0064})  # 40 to 56 bits; Windows XP's
# What some of the current clients still offer, and none should be told to use.
_OLD = frozenset({0x006A, 0x0040, 0x0038, 0x0032, 0x0013, 0x0005, 0x0004, 0xC008, 0xC012})


def _codes(suites: Iterable[int]) -> frozenset[str]:
    return frozenset(f"0x{suite:04x}" for suite in suites)


def _offered(profiles: Iterable[TlsProfile]) -> frozenset[int]:
    return frozenset(suite for profile in profiles for suite in profile.suites) - {_SIGNAL}


_HELLOS = [(profile.family, profile.tls) for profile in CLIENTS.values() if profile.tls is not None]
# Those of Windows and of OpenSSL that have TLS 1.2.
_CURRENT = [hello for family, hello in _HELLOS if family in ("mstsc", "freerdp") and _TLS12 in hello.versions]

CURRENT_SUITES = _codes(_offered(_CURRENT) - _OLD)
KNOWN_SUITES = _codes(_offered(hello for _, hello in _HELLOS) - _EXPORT)
