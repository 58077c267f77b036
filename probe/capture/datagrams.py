"""The exchanges over UDP that begin as RDP-UDP does, on any port.

Source: [MS-RDPEUDP] 2.2.2.1 and 3.1.5.1: a SYN, whose answer is a SYN+ACK. All others are only counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from probe.capture.connection import Datagrams, Piece
from probe.capture.flow import endpoints, turned
from probe.capture.internet import Packet
from probe.errors import WireError
from probe.handshake.machine import Side
from probe.wire.cursor import Reader
from probe.wire.rdpudp import NOTHING_TO_ACK, Syn, UdpFlag

UDP = 17
_HEADER = 8
_SMALLEST_SYN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DatagramLimits:
    """How much is kept."""

    datagrams: int = 32  # of each exchange
    kept: int = 1 << 16  # bytes of each exchange
    exchanges: int = 1000  # RDP-UDP exchanges at a time
    known: int = 200_000  # exchanges that are known at a time, so that each is counted once


LIMITS = DatagramLimits()


class _Exchange:
    __slots__ = ("client_key", "found", "kept")

    def __init__(self, client_key: bytes, found: Datagrams) -> None:
        self.client_key = client_key
        self.found = found
        self.kept = 0


class Exchanges:
    """Takes packets, gives RDP-UDP exchanges when the capture ends, or there are too many."""

    def __init__(self, give: Callable[[Datagrams], None], limits: DatagramLimits = DatagramLimits()) -> None:
        self.limits = limits
        self.passed: set[bytes] = set()  # keys of exchanges that are not looked at, both directions
        self.streams = 0
        self.early = self.forgotten = 0
        self._give = give
        self._live: dict[bytes, _Exchange] = {}  # by the key of the direction of the first datagram

    def take(self, packet: Packet) -> None:
        """One packet; other protocols than UDP are passed by."""
        if packet.protocol != UDP or len(packet.payload) < _HEADER:
            return
        key = packet.source + packet.destination + packet.payload[:4]
        if key in self.passed:
            return
        exchange = self._live.get(key) or self._live.get(turned(key))
        if exchange is None:
            exchange = self._open(key, packet)
            if exchange is None:
                return
        self._add(exchange, key, packet)

    def finish(self) -> None:
        """The capture ends: all are given, in the order of their numbers."""
        while self._live:
            self._give(self._live.pop(next(iter(self._live))).found)

    def notices(self) -> Iterator[str]:
        """What the caps took, a sentence each."""
        if self.early:
            yield f"{self.early} RDP-UDP exchanges were judged early: more than {self.limits.exchanges} at a time"
        if self.forgotten:
            yield (
                f"more than {self.limits.known} exchanges over UDP: {self.forgotten} were forgotten, "
                "and their stream numbers may differ from Wireshark's"
            )

    def _open(self, key: bytes, packet: Packet) -> _Exchange | None:
        stream = self.streams
        self.streams += 1
        syn = _syn(packet.payload[_HEADER:])
        if syn is None:
            if len(self.passed) >= 2 * self.limits.known:
                self.forgotten += len(self.passed) // 2
                self.passed.clear()
            self.passed |= {key, turned(key)}
            return None
        if len(self._live) >= self.limits.exchanges:
            self.early += 1
            oldest = self._live.pop(next(iter(self._live)))
            self.passed |= {oldest.client_key, turned(oldest.client_key)}
            self._give(oldest.found)
        client_key = turned(key) if syn.flags & UdpFlag.ACK else key
        client, server = endpoints(client_key)
        found = Datagrams(
            stream=stream,
            client=client,
            server=server,
            first_packet=packet.number,
            last_packet=packet.number,
            packets=0,
            started=packet.at,
            ended=packet.at,
        )
        exchange = self._live[key] = _Exchange(client_key, found)
        return exchange

    def _add(self, exchange: _Exchange, key: bytes, packet: Packet) -> None:
        found = exchange.found
        found.packets += 1
        found.last_packet, found.ended = packet.number, packet.at
        data = packet.payload[_HEADER : max(int.from_bytes(packet.payload[4:6], "big"), _HEADER)]
        if len(found.pieces) >= self.limits.datagrams or exchange.kept + len(data) > self.limits.kept:
            return
        exchange.kept += len(data)
        found.truncated |= packet.length > len(packet.payload)
        side = Side.CLIENT if key == exchange.client_key else Side.SERVER
        found.pieces.append(Piece(side, data, packet.at, packet.number))


def _syn(data: bytes) -> Syn | None:
    """A SYN or SYN+ACK. A capture may have cut it: then what is missing of the padding does not matter."""
    if len(data) < _SMALLEST_SYN:
        return None
    try:
        syn = Syn.read(Reader(data, "RDP-UDP SYN"))
    except WireError:
        return None
    if not syn.flags & UdpFlag.ACK and syn.source_ack != NOTHING_TO_ACK:
        return None
    return syn
