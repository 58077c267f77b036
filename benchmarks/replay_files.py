"""The captures that benchmarks.replay reads: made here, the same each time, from handshakes with the farm's servers.

Handshakes are what a scan at the depth discover exchanged (X.224, TLS, CredSSP up to the challenge), with other
addresses, ports and times. What follows in a TLS connection is random bytes in records of their usual size. Checksums
are 0: neither tshark nor scapy nor rdp-probe looks at them.
"""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path

from benchmarks.farm import farm
from benchmarks.measure import COMMAND, run
from probe.capture.connection import Connection
from probe.capture.conversations import Conversations
from probe.capture.link_layers import Layers
from probe.drive.capture_file import open_capture
from probe.handshake.machine import Side

SERVERS = 256  # distinct certificates of the farm
_FILE = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
_RECORD = struct.Struct("<IIII")
_ETHERNET = bytes.fromhex("020000000001020000000002") + b"\x08\x00"
_BODY = 1448  # bytes of data of a full segment with timestamps, as they are on most Ethernets
_OPTIONS = bytes.fromhex("0101080a0000000100000001")
_SYN_OPTIONS = bytes.fromhex("020405b40402080a00000001000000000103030a")
_TCP = 14 + 20  # where TCP begins in a frame
_SEGMENTS = 11  # of a TLS record of nearly 16 KiB
_BEGIN = 1_700_000_000
Said = list[tuple[bool, bytes]]  # the client's? and what


def handshakes(directory: Path) -> list[Said]:
    """What a scan and each of the farm's servers said."""
    capture = directory / "farm.pcap"
    with farm("windows") as found:
        targets = [found.target(0x100000 + number) for number in range(SERVERS)]
        options = ["scan", "--quiet", "--depth", "discover", "--concurrency", "16", "--pcap-out", str(capture)]
        run([COMMAND, *options, *targets], into=directory / "farm.ndjson", fine=(0,))
    conversations = Conversations(Layers())
    seen: list[Connection] = []
    with open_capture(str(capture)) as file:
        for batch in file.batches():
            seen += [each for each in conversations.take(batch) if isinstance(each, Connection)]
    seen += [each for each in conversations.finish() if isinstance(each, Connection)]
    said = [_turns(each) for each in seen if each.received > 1000]
    if len(said) < SERVERS:
        sys.exit(f"{SERVERS} handshakes were to be captured, and {len(said)} were")
    return said


def _turns(connection: Connection) -> Said:
    """What the two said in turn."""
    turns = groupby(connection.pieces, key=lambda piece: piece.side)
    return [(side is Side.CLIENT, b"".join(piece.data for piece in pieces)) for side, pieces in turns]


def record(frame: bytes) -> bytearray:
    """A record of a pcap file, its time 0."""
    return bytearray(_RECORD.pack(0, 0, len(frame), len(frame)) + frame)


def tcp(flags: int, data: bytes = b"", options: bytes = _OPTIONS) -> bytearray:
    """A frame as a record: addresses, ports, sequence numbers and time are 0."""
    header = struct.pack(">HHIIBBHHH", 0, 0, 0, 0, (20 + len(options)) << 2, flags, 502, 0, 0) + options
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(header) + len(data), 0, 0x4000, 64, 6, 0, 0, 0)
    return record(_ETHERNET + ip + header + data)


def udp(data: bytes) -> bytearray:
    header = struct.pack(">HHHH", 0, 0, 8 + len(data), 0)
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 28 + len(data), 0, 0x4000, 64, 17, 0, 0, 0)
    return record(_ETHERNET + ip + header + data)


class Conversation:
    """All packets of one connection, to be stamped with addresses and times many times."""

    def __init__(self, said: Said, *, opened: bool = True, closed: bool = True) -> None:
        self.packets: list[tuple[bool, int, int, bytearray]] = []  # the client's? its sequence numbers, record
        self._next = [1000, 5000]
        if opened:
            self._add(True, 0x02, b"", _SYN_OPTIONS)
            self._add(False, 0x12, b"", _SYN_OPTIONS)
            self._add(True, 0x10)
        for client, data in said:
            for start in range(0, len(data), _BODY):
                self._add(client, 0x18, data[start : start + _BODY])
            self._add(not client, 0x10)
        if closed:
            self._add(True, 0x11)
            self._add(False, 0x11)
            self._add(True, 0x10)

    def _add(self, client: bool, flags: int, data: bytes = b"", options: bytes = _OPTIONS) -> None:
        own, peer = self._next if client else self._next[::-1]
        self.packets.append((client, own, peer if flags & 0x10 else 0, tcp(flags, data, options)))
        self._next[0 if client else 1] += len(data) + (flags & 0x03 != 0)

    @property
    def sequence(self) -> tuple[int, int]:
        """What client and server would send next."""
        return self._next[0], self._next[1]

    def stamped(self, ends: bytes) -> Iterator[bytearray]:
        """Records without a time. Ends: client's and server's address and port, 4 | 4 | 2 | 2 bytes."""
        back = ends[4:8] + ends[:4] + ends[10:] + ends[8:10]
        for client, own, peer, template in self.packets:
            packet = template.copy()
            packet[42:54] = ends if client else back
            _SEQUENCES.pack_into(packet, 54, own, peer)
            yield packet


_SEQUENCES = struct.Struct(">II")


class Bulk:
    """Many megabytes from a server: full segments, and an acknowledgment for each second one."""

    def __init__(self, seed: int, *, tls: bool) -> None:
        data = bytearray(random.Random(seed).randbytes(_BODY * _SEGMENTS))
        if tls:
            data[:5] = b"\x17\x03\x03" + (len(data) - 5).to_bytes(2, "big")
        self._segments = [tcp(0x18, bytes(data[n * _BODY : (n + 1) * _BODY])) for n in range(_SEGMENTS)]
        self._acknowledgment = tcp(0x10)

    def stamped(self, ends: bytes, begin: tuple[int, int], size: int) -> Iterator[bytearray]:
        """Whole TLS records of `size` bytes or a little more in all."""
        back = ends[4:8] + ends[:4] + ends[10:] + ends[8:10]
        client, server = begin
        last = server + size
        while server < last:
            for number, segment in enumerate(self._segments):
                packet = segment.copy()
                packet[42:54] = back
                _SEQUENCES.pack_into(packet, 54, server & 0xFFFFFFFF, client)
                server += _BODY
                yield packet
                if number % 2:
                    packet = self._acknowledgment.copy()
                    packet[42:54] = ends
                    _SEQUENCES.pack_into(packet, 54, client, server & 0xFFFFFFFF)
                    yield packet


def write(path: Path, packets: Iterable[bytearray], step_us: int = 20) -> tuple[int, int]:
    """A pcap file of records, a step apart in time. Packets and bytes of it."""
    count, size = 0, len(_FILE)
    with path.open("wb", buffering=1 << 20) as file:
        file.write(_FILE)
        put, stamp = file.write, struct.Struct("<II").pack_into
        for packet in packets:
            now = count * step_us
            stamp(packet, 0, _BEGIN + now // 1_000_000, now % 1_000_000)
            put(packet)
            count += 1
            size += len(packet)
    return count, size


def ends(number: int, port: int, servers: int = 1 << 16) -> bytes:
    """Addresses and ports of the connection with this number: each has its own client."""
    client = 0xAC100000 + number // 20_000
    server = 0x0A000000 + number % servers
    return struct.pack(">IIHH", client, server, 20_000 + number % 20_000, port)


def interleaved(connections: Iterator[Iterator[bytearray]], at_once: int, turn: int) -> Iterator[bytearray]:
    """Many connections at a time, each some packets in its turn."""
    live = list(islice(connections, at_once))
    while live:
        still = []
        for each in live:
            left = True
            for _ in range(turn):
                packet = next(each, None)
                if packet is None:
                    left = False
                    break
                yield packet
            following = each if left else next(connections, None)
            if following is not None:
                still.append(following)
        live = still


def handshakes_only(said: list[Said], count: int) -> Iterator[bytearray]:
    """So many RDP handshakes, a few at a time."""
    prepared = [Conversation(each) for each in said]
    each = (prepared[n % len(prepared)].stamped(ends(n, 3389)) for n in range(count))
    return interleaved(each, 50, 4)


def syns(count: int, port: int) -> Iterator[bytearray]:
    """So many connections of one SYN."""
    syn = Conversation([]).packets[0][3]
    for number in range(count):
        packet = syn.copy()
        packet[42:54] = ends(number, port)
        _SEQUENCES.pack_into(packet, 54, number, 0)
        yield packet


class Mixed:
    """What is on a network: the web, with and without TLS, DNS, and some RDP."""

    def __init__(self, said: list[Said]) -> None:
        self._rdp = [Conversation(each) for each in said]
        self._sessions = [Conversation(each, closed=False) for each in said]
        self._web = [Conversation(_tls_only(each), closed=False) for each in said]
        request = b"GET /index.html HTTP/1.1\r\nHost: www.example\r\nUser-Agent: curl/8.4.0\r\nAccept: */*\r\n\r\n"
        reply = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 9000000\r\n\r\n"
        self._http = Conversation([(True, request), (False, reply)], closed=False)
        self._records, self._plain = Bulk(1, tls=True), Bulk(2, tls=False)
        asked = b"\3www\7example\0" + bytes.fromhex("00010001")
        answer = bytes.fromhex("c00c000100010000003c00040a000001")
        question = bytes.fromhex("123401000001000000000000") + asked
        answer = bytes.fromhex("123481800001000100000000") + asked + answer
        self._dns = udp(question), udp(answer)
        self.rdp = 0

    def connections(self, size: int) -> Iterator[Iterator[bytearray]]:
        """Connections until their bytes are `size`."""
        dice, written, number = random.Random(3389), 0, 0
        while written < size:
            number += 1
            kind = dice.random()
            if kind < 0.50:
                yield self._looked_up(number)
                written += 250
            elif kind < 0.80:
                bulk = int(dice.paretovariate(1.1) * 20_000) % 5_000_000
                yield self._with_bulk(self._web[number % len(self._web)], ends(number, 443), self._records, bulk)
                written += bulk * 21 // 20 + 6000
            elif kind < 0.93:
                bulk = int(dice.paretovariate(1.1) * 20_000) % 5_000_000
                yield self._with_bulk(self._http, ends(number, 80), self._plain, bulk)
                written += bulk * 21 // 20 + 1000
            elif kind < 0.9985:
                self.rdp += 1
                yield self._rdp[number % len(self._rdp)].stamped(ends(number, 3389))
                written += 6000
            else:
                self.rdp += 1
                bulk = dice.randrange(1_000_000, 10_000_000)
                yield self._with_bulk(self._sessions[number % len(self._rdp)], ends(number, 3389), self._records, bulk)
                written += bulk * 21 // 20 + 6000

    def packets(self, size: int) -> Iterator[bytearray]:
        """All of them, two hundred at a time."""
        return interleaved(self.connections(size), 200, 16)

    @staticmethod
    def _with_bulk(first: Conversation, who: bytes, bulk: Bulk, size: int) -> Iterator[bytearray]:
        yield from first.stamped(who)
        yield from bulk.stamped(who, first.sequence, size)

    def _looked_up(self, number: int) -> Iterator[bytearray]:
        who = ends(number, 53)
        back = who[4:8] + who[:4] + who[10:] + who[8:10]
        for key, template in zip((who, back), self._dns, strict=True):
            packet = template.copy()
            packet[42:54] = key
            yield packet


def _tls_only(said: Said) -> Said:
    """A handshake without the RDP before it and the CredSSP inside it."""
    return said[2:4]
