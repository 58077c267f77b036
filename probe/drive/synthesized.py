"""TCP, UDP and IP around bytes that really went over the wire: what a capture of them would have looked like.

A live audit sees streams and not packets. Bytes, their order, their times, who ended a connection and how are true; the
headers are made: sequence numbers begin at random, segments are as long as an Ethernet allows, and every second one is
acknowledged, as [RFC 1122] 4.2.3.2 has it. No segment is lost, repeated or reordered. Packets have no link layer, so
that there is no address that nobody has.

Headers are packed here: scapy takes 0.3 ms for each, which an event loop that waits for servers does not have.
"""

from __future__ import annotations

import socket as os_socket
import struct
from collections.abc import Callable

from probe.drive.tap import Place
from probe.handshake.machine import Ending, Side

Emit = Callable[[float, bytes], None]  # seconds since 1970, and an IP packet
RandomBytes = Callable[[int], bytes]

_FIN, _SYN, _RST, _PSH, _ACK = 0x01, 0x02, 0x04, 0x08, 0x10
_TCP, _UDP, _ICMP, _ICMP6 = 6, 17, 1, 58
_TTL = 64
_DONT_FRAGMENT = 0x4000
_MTU = 1500
_HEADERS4, _HEADERS6 = 40, 60  # IP and TCP without options
_SYN_WINDOW = 64240
_SCALE = 7  # [RFC 7323]
_WINDOW = 502  # times 2^7, as Linux begins
_ACKED_EACH = 2  # segments
_HOST_UNREACHABLE = (3, 1)  # ICMP's type and code,
_ADDRESS_UNREACHABLE = (1, 3)  # and ICMPv6's
_QUOTED = 28  # bytes of an IPv4 packet that its ICMP message repeats: the header and 8 more
_QUOTED6 = 1232  # of an IPv6 packet as many as fit
_OTHER = {Side.CLIENT: Side.SERVER, Side.SERVER: Side.CLIENT}


def _checksum(data: bytes) -> int:
    """The ones' complement of the ones' complement sum, [RFC 1071]: a sum modulo 2^16 - 1, which is never 0 here."""
    total = int.from_bytes(data if len(data) % 2 == 0 else data + b"\0", "big")
    return 0xFFFF - (total % 0xFFFF or 0xFFFF)


class Path:
    """Two addresses of one family, and the IP packets between them."""

    __slots__ = ("_addresses", "_ids", "is_ipv6")

    def __init__(self, client: str, server: str, random_bytes: RandomBytes) -> None:
        self.is_ipv6 = ":" in server
        family = os_socket.AF_INET6 if self.is_ipv6 else os_socket.AF_INET
        ends = (os_socket.inet_pton(family, client), os_socket.inet_pton(family, server))
        self._addresses = {Side.CLIENT: ends, Side.SERVER: (ends[1], ends[0])}
        self._ids = {side: int.from_bytes(random_bytes(2), "big") for side in Side}

    def tcp(self, side: Side, header: bytes, data: bytes) -> bytes:
        """A packet with a TCP segment, whose checksum is still 0."""
        return self._packet(side, _TCP, self._summed(side, _TCP, header + data, 16))

    def udp(self, side: Side, ports: tuple[int, int], data: bytes) -> bytes:
        """A packet with a UDP datagram, from the first port to the second."""
        datagram = struct.pack("!HHHH", *ports, 8 + len(data), 0) + data
        return self._packet(side, _UDP, self._summed(side, _UDP, datagram, 6))

    def unreachable(self, packet: bytes) -> bytes:
        """What ICMP tells the client of a packet: from its own system, which is who told us of it."""
        source = self._addresses[Side.CLIENT][0]
        if not self.is_ipv6:
            message = struct.pack("!BBHI", *_HOST_UNREACHABLE, 0, 0) + packet[:_QUOTED]
            message = message[:2] + struct.pack("!H", _checksum(message)) + message[4:]
            return self._ip(source, source, _ICMP, message, self._next_id(Side.CLIENT))
        message = struct.pack("!BBHI", *_ADDRESS_UNREACHABLE, 0, 0) + packet[:_QUOTED6]
        total = _checksum(source + source + struct.pack("!II", len(message), _ICMP6) + message)
        return self._ip(source, source, _ICMP6, message[:2] + struct.pack("!H", total) + message[4:], 0)

    def _summed(self, side: Side, protocol: int, segment: bytes, at: int) -> bytes:
        """With its checksum over the pseudo header too: [RFC 9293] 3.1, [RFC 8200] 8.1."""
        source, target = self._addresses[side]
        length = len(segment)
        pseudo = struct.pack("!II", length, protocol) if self.is_ipv6 else struct.pack("!HH", protocol, length)
        total = _checksum(source + target + pseudo + segment) or (0xFFFF if protocol == _UDP else 0)
        return segment[:at] + struct.pack("!H", total) + segment[at + 2 :]

    def _packet(self, side: Side, protocol: int, payload: bytes) -> bytes:
        return self._ip(*self._addresses[side], protocol, payload, self._next_id(side))

    def _next_id(self, side: Side) -> int:
        self._ids[side] = (self._ids[side] + 1) & 0xFFFF
        return self._ids[side]

    def _ip(self, source: bytes, target: bytes, protocol: int, payload: bytes, number: int) -> bytes:
        if self.is_ipv6:
            return struct.pack("!IHBB", 6 << 28, len(payload), protocol, _TTL) + source + target + payload
        begin = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(payload), number, _DONT_FRAGMENT, _TTL, protocol)
        total = _checksum(begin + b"\0\0" + source + target)
        return begin + struct.pack("!H", total) + source + target + payload


class SynthesizedTcp:
    """One connection as packets, in the order in which it is told: a `probe.drive.tap.Line`.

    `emit` gets each packet with its time; `over` is called once, when no more will come.
    """

    def __init__(
        self, server: Place, emit: Emit, random_bytes: RandomBytes, over: Callable[[], None] = lambda: None
    ) -> None:
        self._server = server
        self._emit = emit
        self._random_bytes = random_bytes
        self._over = over
        self._path: Path | None = None  # None: nothing went out
        self._ports: dict[Side, tuple[int, int]] = {}  # from and to, as each side writes them
        self._next = {side: int.from_bytes(random_bytes(4), "big") for side in Side}  # sequence numbers
        self._syn = b""
        self._longest = 0

    def bound(self, local: Place, at: float) -> None:
        """A SYN goes out."""
        self._path = Path(local[0], self._server[0], self._random_bytes)
        self._longest = _MTU - (_HEADERS6 if self._path.is_ipv6 else _HEADERS4)
        self._ports = {Side.CLIENT: (local[1], self._server[1]), Side.SERVER: (self._server[1], local[1])}
        self._syn = self._segment(Side.CLIENT, _SYN, at)

    def opened(self, local: Place, at: float) -> None:
        """It was answered."""
        if self._path is None:
            self.bound(local, at)
        self._segment(Side.SERVER, _SYN | _ACK, at)
        self._segment(Side.CLIENT, _ACK, at)

    def never_opened(self, how: Ending, at: float) -> None:
        """It was refused, or the network said that there is no way; else there was no answer."""
        if self._path is not None and how in (Ending.REFUSED, Ending.RESET):
            self._next[Side.SERVER] = 0
            self._segment(Side.SERVER, _RST | _ACK, at)
        elif self._path is not None and how is Ending.UNREACHABLE:
            self._emit(at, self._path.unreachable(self._syn))
        self._over()

    def carried(self, side: Side, data: bytes, at: float) -> None:
        """Segments of full length, and what acknowledges them."""
        for number, begin in enumerate(range(0, len(data), self._longest), 1):
            some = data[begin : begin + self._longest]
            is_last = begin + self._longest >= len(data)
            self._segment(side, _ACK | _PSH if is_last else _ACK, at, some)
            if is_last or number % _ACKED_EACH == 0:
                self._segment(_OTHER[side], _ACK, at)

    def ended(self, by: Side | None, how: Ending, at: float) -> None:
        """A close in both directions; by us alone where the server had fallen silent; or a reset."""
        if by is not None and how is Ending.RESET:
            self._segment(by, _RST | _ACK, at)
        elif by is not None:
            self._segment(by, _FIN | _ACK, at)
            if by is Side.SERVER or how is Ending.COMPLETE:
                self._segment(_OTHER[by], _FIN | _ACK, at)
                self._segment(by, _ACK, at)
            else:
                self._segment(_OTHER[by], _ACK, at)
        self._over()

    def _segment(self, side: Side, flags: int, at: float, data: bytes = b"") -> bytes:
        """Emit one; what it takes of the sequence is gone."""
        assert self._path is not None
        options = b""
        if flags & _SYN:  # maximum segment size, SACK permitted, window scale: [RFC 9293] 3.2, [RFC 2018], [RFC 7323]
            options = struct.pack("!BBHBBBBBB", 2, 4, self._longest, 4, 2, 1, 3, 3, _SCALE) + b"\0" * 2
        header = struct.pack(
            "!HHIIBBHHH",
            *self._ports[side],
            self._next[side],
            self._next[_OTHER[side]] if flags & _ACK else 0,
            (20 + len(options)) // 4 << 4,
            flags,
            _SYN_WINDOW if flags & _SYN else 0 if flags & _RST else _WINDOW,
            0,
            0,
        )
        taken = len(data) + bool(flags & (_SYN | _FIN))
        self._next[side] = (self._next[side] + taken) & 0xFFFFFFFF
        packet = self._path.tcp(side, header + options, data)
        self._emit(at, packet)
        return packet
