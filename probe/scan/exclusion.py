"""Addresses that are never asked: spans of IPv4 and IPv6, disjoint and in order, looked up in a microsecond or two."""

from __future__ import annotations

import ipaddress
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

MAPPED = 0xFFFF << 32  # ::ffff:0:0/96 (RFC 4291, 2.5.5.2): a connection to such an address goes to the IPv4 one in it
V4 = 1 << 32  # so many there are
# 64:ff9b::/96 (RFC 6052, 2.1): so does one to this through NAT64. The prefix that a network chose for itself is not
# known here.
_NAT64 = 0x64FF9B << 96


class Exclusions:
    """Closed spans of addresses, given as (first, last) in text. An IPv4 address and its form in IPv6 are one.

    With an IPv4 address goes the one that leads to it through NAT64, but not the other way round.

    Raises ValueError for what is no address, or a span of two kinds.
    """

    def __init__(self, spans: Iterable[tuple[str, str]] = ()) -> None:
        numbers: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for low, high in spans:
            first, last = ipaddress.ip_address(low), ipaddress.ip_address(high)
            if first.version != last.version:
                raise ValueError(f"{low} and {high} are of two kinds")
            numbers[first.version].append((int(first), int(last)))
        mapped = [
            (first - MAPPED, last - MAPPED)
            for first, last in numbers[6]
            if first >= MAPPED and last < MAPPED + V4  # ::/0 is said of IPv6 alone
        ]
        numbers[4] += mapped
        numbers[6] += [(form + first, form + last) for first, last in numbers[4] for form in (MAPPED, _NAT64)]
        self._firsts: dict[int, list[int]] = {}
        self._lasts: dict[int, list[int]] = {}
        for version, some in numbers.items():
            joined = list(join(sorted(some)))
            self._firsts[version] = [first for first, _ in joined]
            self._lasts[version] = [last for _, last in joined]

    def __bool__(self) -> bool:
        return any(self._firsts.values())

    def covers(self, address: str) -> bool:
        """Whether this address, with or without a zone, is in a span. Raises ValueError for what is no address."""
        if not self:
            return False
        found = ipaddress.ip_address(address.partition("%")[0])
        return self.holds(found.version, int(found))

    def holds(self, version: int, number: int) -> bool:
        """The same for an address as a number."""
        at = bisect_right(self._firsts[version], number) - 1
        return at >= 0 and number <= self._lasts[version][at]

    def rest(self, version: int, first: int, last: int) -> Iterator[tuple[int, int]]:
        """What is left of a span without these, in order."""
        firsts, lasts = self._firsts[version], self._lasts[version]
        at = bisect_left(lasts, first)  # the first span that does not end before ours begins
        while at < len(firsts) and firsts[at] <= last:
            if first < firsts[at]:
                yield first, firsts[at] - 1
            first = lasts[at] + 1
            at += 1
        if first <= last:
            yield first, last

    def spans(self) -> tuple[tuple[str, str], ...]:
        """In text, in order, with nothing twice and neighbors joined: what makes an equal object again.

        What an IPv4 address is in IPv6 is left out where that address is there.
        """
        return tuple(
            (address_text(version, first), address_text(version, last))
            for version in (4, 6)
            for first, last in zip(self._firsts[version], self._lasts[version], strict=True)
            if version == 4 or not self._follows(first, last)
        )

    def _follows(self, first: int, last: int) -> bool:
        """Whether a span of IPv6 is here because one of IPv4 is."""
        for form in (MAPPED, _NAT64):
            if first >= form and last < form + V4:
                return next(self.rest(4, first - form, last - form), None) is None
        return False


def join(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans in order of their first, overlapping ones and neighbors made one."""
    first, last = -1, -2
    for low, high in spans:
        if low > last + 1:
            if first >= 0:
                yield first, last
            first, last = low, high
        else:
            last = max(last, high)
    if first >= 0:
        yield first, last


def address_text(version: int, number: int) -> str:
    """An address as one would type it."""
    if version == 4:
        return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return str(ipaddress.IPv6Address(number))
