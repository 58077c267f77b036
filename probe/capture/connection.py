"""What a capture shows of one TCP connection, or of one exchange of datagrams: who, when, which bytes, how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from probe.handshake.machine import Side


class Endpoint(NamedTuple):
    """An address, as text without brackets or zone, and a port."""

    address: str
    port: int

    def __str__(self) -> str:
        """Write it as a target is written: "192.0.2.7:3389", "[2001:db8::7]:3389"."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Piece(NamedTuple):
    """Bytes of one side that follow what it said before. `missing` bytes before them are not in the capture."""

    side: Side
    data: bytes
    at: float  # seconds since 1970
    packet: int  # number of the frame that it came with
    missing: int = 0


HowItEnded = Literal["closed", "reset", "open", "refused", "unanswered", "unreachable", "timed_out"]


@dataclass(slots=True, kw_only=True)
class Connection:
    """One TCP connection. Pieces are in causal order: what a segment acknowledges stands before what it carries."""

    stream: int  # counts TCP connections from 0 in the order of their first packets, as tshark's tcp.stream
    client: Endpoint
    server: Endpoint
    pieces: list[Piece] = field(default_factory=list)
    syn: bool = False  # the client's SYN was seen
    syn_ack: bool = False
    first_packet: int
    last_packet: int
    packets: int
    started: float  # seconds since 1970: of the first packet, and of the last one
    ended: float
    ending: HowItEnded = "open"  # "open": the capture ends first; "timed_out": nothing more came for very long
    ended_by: Side | None = None  # who sent the first FIN or RST
    ended_packet: int | None = None  # the frame that it was
    gaps: bool = False  # bytes of a side are not in the capture, though later ones are
    missing_at_end: tuple[int, int] = (0, 0)  # such bytes of the client and of the server that none seen follows
    truncated: bool = False  # packets were cut when they were captured (snaplen)
    cut: bool = False  # more bytes followed than are kept of a connection
    one_sided: Side | None = None  # the only side of which a packet was seen
    retransmitted: int = 0  # segments whose bytes had been seen
    out_of_order: int = 0
    goes_on: float | None = None  # seconds from its first packet to the capture's end, where that is known
    sent: int = 0  # bytes of the client, and of the server, with those that were not kept
    received: int = 0


@dataclass(slots=True, kw_only=True)
class Datagrams:
    """One exchange over UDP that begins as RDP-UDP does. The first datagrams of each side are kept."""

    stream: int  # counts UDP exchanges from 0, as tshark's udp.stream
    client: Endpoint
    server: Endpoint
    pieces: list[Piece] = field(default_factory=list)  # one for each datagram
    first_packet: int
    last_packet: int
    packets: int
    started: float
    ended: float
    truncated: bool = False
