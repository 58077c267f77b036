"""Captured connections into the machines that live traffic meets.

    for result in replay("failing.pcapng", Settings(depth="discover")):
        judge(result)                                  # probe.diagnosis.judged: diagnoses

A file is read once, from its beginning to its end, and a result comes when its connection is over and those that began
before it are; see `replay_order`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from probe.audit.capture_verdict import captured
from probe.audit.settings import Settings
from probe.audit.trust import TrustJudge
from probe.capture.connection import Connection, Datagrams, Endpoint, Piece
from probe.drive.replay_order import InOrder
from probe.handshake.key_log import KeyLog
from probe.handshake.machine import Side
from probe.result import Result

RDP_PORT = 3389


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which connections of a capture get a result: those that are RDP by what is said, and these."""

    ports: frozenset[int] = frozenset({RDP_PORT})  # of servers: every connection to them, whatever it is
    streams: frozenset[int] | None = None  # only these, by tshark's tcp.stream or udp.stream; None: all
    by_server: bool = False  # one result a server, of all its connections, in place of one a connection


@dataclass(slots=True, kw_only=True)
class Passed:
    """How much of a capture has been read."""

    read: int = 0  # bytes of the file, compressed where it is
    size: int | None = None  # of the file; None where it is a pipe
    packets: int = 0
    found: int = 0  # results


@dataclass(slots=True, kw_only=True)
class Others:
    """What else is in a capture: connections that have no result of their own."""

    connections: int = 0
    spoken: dict[str, int] = field(default_factory=dict)  # "tls 443" and how many


class Replay:
    """One capture as it is read: iterate over it, once. What went wrong with the file stands in `notices`."""

    def __init__(
        self,
        path: str,
        settings: Settings,
        secrets: KeyLog | None = None,
        trust: TrustJudge | None = None,
        wanted: Wanted | None = None,
    ) -> None:
        self.path = path
        self.settings = settings
        self.secrets = secrets if secrets is not None else KeyLog()
        self.trust = trust
        self.wanted = wanted or Wanted()
        self.passed = Passed()
        self.others = Others()
        self.notices: list[str] = []
        self.on_progress: Callable[[Passed], None] | None = None  # called now and then while the file is read
        self._order = InOrder()

    def __iter__(self) -> Iterator[Result]:
        """Results, not yet diagnosed. Raises InputError for what is no capture or cannot be read."""
        for connection in connections(self.path):
            if self.wanted.streams is None or connection.stream in self.wanted.streams:
                result = captured(connection, self.path, self.settings, self.secrets, self.trust)
                self.passed.found += 1
                yield from self._order.take(result, None)
        yield from self._order.release(None)

    def held(self) -> Iterator[Result]:
        """Results that wait for older ones: for whoever stops in the middle."""
        yield from self._order.release(None)


def replay(
    path: str,
    settings: Settings,
    secrets: KeyLog | None = None,
    trust: TrustJudge | None = None,
    wanted: Wanted | None = None,
) -> Iterator[Result]:
    """One result for each RDP connection of a capture, not yet diagnosed.

    `path` names a file (pcap or pcapng, also gzip or zstd), or is "-" for standard input. Raises InputError for what is
    no capture.
    """
    yield from Replay(path, settings, secrets, trust, wanted)


def conversations(path: str) -> Iterator[Connection | Datagrams]:
    """What the results of a capture are made of, in no certain order."""
    yield from connections(path)


def connections(path: str) -> list[Connection]:
    """THIN: scapy, in order, no loss. To be replaced by probe.capture."""
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6
    from scapy.utils import PcapReader

    found: dict[frozenset[Endpoint], Connection] = {}
    seen: dict[Endpoint, int] = {}
    with PcapReader(path) as packets:
        for number, packet in enumerate(packets, 1):
            if TCP not in packet:
                continue
            ip, tcp = packet[IP] if IP in packet else packet[IPv6], packet[TCP]
            source, target = Endpoint(ip.src, tcp.sport), Endpoint(ip.dst, tcp.dport)
            at = float(packet.time)
            connection = found.get(frozenset((source, target)))
            if connection is None:
                connection = found[frozenset((source, target))] = Connection(
                    stream=len(found), client=source, server=target, first_packet=number, last_packet=number,
                    packets=0, started=at, ended=at,
                )  # fmt: skip
            side = Side.CLIENT if source == connection.client else Side.SERVER
            connection.last_packet, connection.ended = number, at
            connection.packets += 1
            if (tcp.flags.F or tcp.flags.R) and connection.ended_by is None:
                connection.ended_by, connection.ending = side, "reset" if tcp.flags.R else "closed"
            length = (ip.len - 4 * ip.ihl if IP in packet else ip.plen) - 4 * tcp.dataofs
            data = bytes(tcp.payload)[:length]
            if data and tcp.seq not in (seen.get(source), None):
                seen[source] = tcp.seq
                connection.pieces.append(Piece(side, data, at, number))
                if side is Side.CLIENT:
                    connection.sent += len(data)
                else:
                    connection.received += len(data)
    return list(found.values())
