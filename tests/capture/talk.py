"""Packets of TCP connections made by hand: what tests of assembly and flows are fed with."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from probe.capture.connection import Connection
from probe.capture.flows import LIMITS, Flows, Limits
from probe.capture.internet import Packet
from probe.handshake.machine import Side

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
CLIENT, SERVER = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 7])
REQUEST = bytes.fromhex("030000130ee000000000000100080003000000")
CONFIRM = bytes.fromhex("030000130ed000001234000200080002000000")
HTTP = b"GET / HTTP/1.1\r\nHost: www.example\r\n\r\n"


def header(ports: tuple[int, int], sequence: int, acknowledgment: int, flags: int, options: bytes = b"") -> bytes:
    """A TCP header."""
    offset = (20 + len(options)) // 4 << 4
    numbers = sequence & 0xFFFFFFFF, acknowledgment & 0xFFFFFFFF
    return struct.pack(">HHIIBBHHH", *ports, *numbers, offset, flags, 8192, 0, 0) + options


@dataclass
class Talk:
    """One connection as a capture has it. Each method adds a packet; numbers and times go on by themselves."""

    ports: tuple[int, int] = (50000, 3389)
    starts: list[int] = field(default_factory=lambda: [1000, 900_000])
    ends: tuple[bytes, bytes] = (CLIENT, SERVER)
    at: float = 1_700_000_000.0
    packets: list[Packet] = field(default_factory=list)
    next: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.next = list(self.starts)

    def add(
        self,
        side: int,
        flags: int,
        data: bytes = b"",
        *,
        sequence: int | None = None,
        acknowledgment: int | None = None,
        cut: int | None = None,
    ) -> Talk:
        """A segment of side 0 (the client) or 1. `cut`: so many bytes of data were captured."""
        own = self.next[side] if sequence is None else sequence
        acknowledged = (self.next[1 - side] if acknowledgment is None else acknowledgment) if flags & ACK else 0
        ports = self.ports if side == 0 else self.ports[::-1]
        tcp = header((ports[0], ports[1]), own, acknowledged, flags)
        payload = tcp + (data if cut is None else data[:cut])
        number = len(self.packets) + 1
        packet = Packet(
            self.ends[side], self.ends[1 - side], 6, payload, len(tcp) + len(data), number, self.at + number / 1000
        )
        self.packets.append(packet)
        if sequence is None:
            self.next[side] = own + len(data) + bool(flags & SYN) + bool(flags & FIN)
        return self

    def opened(self) -> Talk:
        """The three packets of the handshake."""
        return self.add(0, SYN).add(1, SYN | ACK).add(0, ACK)

    def says(self, side: int, data: bytes, **more: int) -> Talk:
        """Data."""
        return self.add(side, PSH | ACK, data, **more)

    def closed(self, first: int = 0) -> Talk:
        """FIN, FIN, ACK."""
        return self.add(first, FIN | ACK).add(1 - first, FIN | ACK).add(first, ACK)


def renumbered(packets: Iterable[Packet]) -> list[Packet]:
    """The same packets as if they had been captured in this order."""
    return [packet._replace(number=number, at=1.7e9 + number / 1000) for number, packet in enumerate(packets, 1)]


def connections(packets: Iterable[Packet], limits: Limits = LIMITS) -> list[Connection]:
    """What the packets add up to, in the order of the streams."""
    found: list[Connection] = []
    flows = Flows(found.append, limits)
    for packet in packets:
        flows.take(packet)
        flows.tick(packet.at)
    flows.finish()
    return sorted(found, key=lambda each: each.stream)


def only(packets: Iterable[Packet], limits: Limits = LIMITS) -> Connection:
    """The one connection."""
    (connection,) = connections(packets, limits)
    return connection


def said(connection: Connection) -> tuple[bytes, bytes]:
    """All bytes of the client, and of the server."""
    client, server = (
        b"".join(piece.data for piece in connection.pieces if piece.side is side) for side in (Side.CLIENT, Side.SERVER)
    )
    return client, server


def turns(connection: Connection) -> Sequence[tuple[str, bytes]]:
    """Who said what, in order."""
    return [(piece.side.value, piece.data) for piece in connection.pieces]
