"""AV_PAIRs: the list of facts about a server that an NTLM CHALLENGE carries as its TargetInfo.

Source: [MS-NLMP] 2.2.2.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Self

from probe.errors import WireError
from probe.wire.cursor import OpenIntEnum, Reader, Writer

_EPOCH = 116_444_736_000_000_000  # 1970-01-01 as FILETIME
_TICKS = 10_000_000  # FILETIME units a second
_MOST_REMEMBERED = 8  # of a TargetInfo one value after the other is asked for


class AvId(OpenIntEnum):
    """AvId of an AV_PAIR. [MS-NLMP] 2.2.2.1."""

    EOL = 0
    NB_COMPUTER_NAME = 1
    NB_DOMAIN_NAME = 2
    DNS_COMPUTER_NAME = 3
    DNS_DOMAIN_NAME = 4
    DNS_TREE_NAME = 5
    FLAGS = 6
    TIMESTAMP = 7
    SINGLE_HOST = 8
    TARGET_NAME = 9
    CHANNEL_BINDINGS = 10


def filetime_to_unix(filetime: int) -> float:
    """Seconds since 1970 for a FILETIME, which counts tenths of microseconds since 1601."""
    return (filetime - _EPOCH) / _TICKS


@dataclass(frozen=True, slots=True, kw_only=True)
class AvPair:
    """One fact in a CHALLENGE's TargetInfo.

    Layout: AvId u16 | AvLen u16 | value; little-endian, names in UTF-16LE.
    Source: [MS-NLMP] 2.2.2.1.
    """

    id: AvId
    value: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        return cls(id=AvId(r.u16le("AvId")), value=r.take(r.u16le("AvLen"), "Value"))

    def write(self, w: Writer) -> None:
        w.u16le(self.id)
        w.u16le(len(self.value))
        w.raw(self.value)


@lru_cache(maxsize=_MOST_REMEMBERED)
def first_values(data: bytes) -> Mapping[int, bytes]:
    """The first value of each AvId, up to the end or a fault. Never raises."""
    values: dict[int, bytes] = {}
    for pair in pairs_until_fault(data)[0]:
        values.setdefault(pair.id, pair.value)
    return MappingProxyType(values)


def pairs_until_fault(data: bytes) -> tuple[tuple[AvPair, ...], WireError | None]:
    """The pairs that can be read, and what is wrong behind them. Never raises."""
    r = Reader(data, "AV_PAIR")
    pairs = []
    try:
        while (pair := AvPair.read(r)).id != AvId.EOL:
            pairs.append(pair)
        r.expect("AvLen of MsvAvEOL", len(pair.value), 0)
    except WireError as error:
        return tuple(pairs), error
    return tuple(pairs), None


def write_av_pairs(pairs: Iterable[AvPair]) -> bytes:
    """A TargetInfo of these pairs, with the MsvAvEOL that ends it."""
    w = Writer()
    for pair in (*pairs, AvPair(id=AvId.EOL)):
        pair.write(w)
    return w.getvalue()


def read_av_pairs(data: bytes) -> tuple[AvPair, ...]:
    """The AV_PAIRs of a TargetInfo, in order, without the MsvAvEOL that must end them.

    Bytes behind it are ignored. Raises Truncated or InvalidField.
    """
    pairs, fault = pairs_until_fault(data)
    if fault is not None:
        raise fault
    return pairs
