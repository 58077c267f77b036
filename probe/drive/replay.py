"""Captured connections into the machines that live traffic meets."""

from __future__ import annotations

from collections.abc import Iterator

from probe.audit.capture_verdict import captured
from probe.audit.settings import Settings
from probe.audit.trust import TrustJudge
from probe.capture.connection import Connection, Endpoint, Piece
from probe.handshake.key_log import KeyLog
from probe.handshake.machine import Side
from probe.result import Result


def replay(
    path: str, settings: Settings, secrets: KeyLog | None = None, trust: TrustJudge | None = None
) -> Iterator[Result]:
    """One result for each RDP connection of a capture, not yet diagnosed."""
    for connection in connections(path):
        yield captured(connection, path, settings, secrets or KeyLog(), trust)


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
