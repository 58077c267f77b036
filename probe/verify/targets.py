"""Patterns of targets, for the waivers and overrides of a policy: names, addresses, ports, blocks of addresses."""

from __future__ import annotations

import ipaddress
import re
from fnmatch import translate
from functools import lru_cache

from probe.errors import InputError
from probe.result import Target

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MOST_REMEMBERED = 1024  # patterns
_MAPPED_BITS = 96  # ::ffff:0:0/96, RFC 4291 section 2.5.5.2
_IPV6_IN_BRACKETS = re.compile(r"\[(?P<address>[^\]]*:[^\]]*)\](?P<rest>(?::[\d*?]*)?)")
_WITH_PORT = re.compile(r"[^:]*:(?P<port>\d+)")
_HIGHEST_PORT = 65535
_WHAT_WORKS = 'give a name, an address, either with :PORT, a pattern such as "*.example", or a block such as 10.0.0.0/8'


def matches(pattern: str, target: Target) -> bool:
    """Whether a pattern that `check` takes fits a target: its input, host or address, either with its port, or a block.

    Names are compared without regard to case and to the dot at their end, addresses by their value.
    """
    network, regex = _compiled(pattern)
    if network is None:
        return any(regex.fullmatch(_plain(name)) for name in _names(target))
    found = _address(target.address or target.host)
    return found is not None and found.version == network.version and found in network


def check(pattern: str) -> None:
    """Refuse a pattern that cannot fit any target. Raises InputError."""
    _compiled(pattern)


@lru_cache(maxsize=_MOST_REMEMBERED)
def _compiled(pattern: str) -> tuple[_Network | None, re.Pattern[str]]:
    """The block of addresses, if it is one, and what a name must look like."""
    if pattern != pattern.strip() or not pattern:
        raise InputError(f"{pattern!r} is no pattern of targets", _WHAT_WORKS)
    if "/" in pattern:
        return _network(pattern), re.compile("")
    if (found := _address(pattern)) is not None:
        return ipaddress.ip_network(found), re.compile("")
    if (port := _WITH_PORT.fullmatch(pattern)) and not 0 < int(port["port"][:6]) <= _HIGHEST_PORT:
        raise InputError(f"there is no port {port['port']}", f"ports are 1 to {_HIGHEST_PORT}")
    if bracketed := _IPV6_IN_BRACKETS.fullmatch(pattern):
        inside = _address(bracketed["address"]) or bracketed["address"]
        return None, re.compile(translate(_plain(f"[[]{inside}[]]{bracketed['rest']}")))
    if pattern.count("[") != pattern.count("]"):
        raise InputError(f"{pattern!r} has a bracket that is not closed", _WHAT_WORKS)
    return None, re.compile(translate(_plain(pattern)))


def _network(pattern: str) -> _Network:
    try:
        found = ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        raise InputError(f"{pattern!r} is no block of addresses", _WHAT_WORKS) from None
    if ipaddress.ip_interface(pattern).ip != found.network_address:
        raise InputError(f"{pattern} has bits set behind its prefix", f"did you mean {found}?")
    if isinstance(found, ipaddress.IPv6Network) and found.prefixlen >= _MAPPED_BITS:
        first = found.network_address.ipv4_mapped
        return found if first is None else ipaddress.IPv4Network((first, found.prefixlen - _MAPPED_BITS))
    return found


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address, that of IPv4 where it is mapped into IPv6; None for a name."""
    try:
        found = ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _names(target: Target) -> set[str]:
    """Everything that a target may be called."""
    hosts = {target.host, target.address or target.host}
    hosts |= {str(found) for host in hosts if (found := _address(host)) is not None}
    return {target.input, *hosts, *(_endpoint(host, target.port) for host in hosts)}


def _endpoint(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")
