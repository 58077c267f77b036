"""A way between a client and a server that does to connections what networks do: resets, losses, delays."""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

import trio

from probe.errors import WireError
from probe.wire.tls_extensions import ExtensionType, find
from probe.wire.tls_hello import ClientHello, read_handshake
from probe.wire.tls_record import HandshakeFramer, RecordFramer
from probe.wire.tls_version import TLS12

CHUNK = 65536
_LINGER_0 = struct.pack("ii", 1, 0)  # close() then sends a reset
_BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)
_NEGOTIATION_REQUEST = bytes.fromhex("01000800")  # type, no flags, length; requestedProtocols follow
_HANDSHAKE = 0x16  # the first byte of a TLS record that carries a hello


def offers_tls13(data: bytes) -> bool:
    """Whether what a client sends begins with a ClientHello that offers TLS 1.3."""
    records, messages = RecordFramer(), HandshakeFramer()
    with contextlib.suppress(WireError):
        records.feed(data)
        while (record := records.next_record()) is not None and record.type == _HANDSHAKE:
            messages.feed(record.fragment)
        raw = messages.next_message()
        hello = read_handshake(raw, TLS12) if raw is not None else None
        return isinstance(hello, ClientHello) and find(hello.extensions, ExtensionType.SUPPORTED_VERSIONS) is not None
    return False


class Fate(Enum):
    """What becomes of a piece of a stream."""

    GOES = auto()
    IS_LOST = auto()  # and everything after it in this direction: TCP waits for it for ever
    RESETS = auto()  # both sides, in its place
    GOES_AND_RESETS = auto()


class Fault:
    """A way without faults. Subclasses say what becomes of connections and of the pieces they carry."""

    delay_s = 0.0  # of each piece toward the client
    piece = CHUNK  # bytes of one, toward the client
    interval_s = 0.0  # between two

    def __init__(self) -> None:
        self.numbers = itertools.count()  # of connections, from 0

    def place(self, number: int) -> int:
        """Which of the servers takes the connection of this number, both from 0."""
        return 0

    def from_client(self, number: int, data: bytes) -> Fate:
        """What becomes of what the client sent."""
        return Fate.GOES

    def from_server(self, number: int, data: bytes) -> Fate:
        """What becomes of what the server sent."""
        return Fate.GOES

    def rewritten(self, data: bytes) -> bytes:
        """What the server receives of what the client sent."""
        return data


class ResetsHello(Fault):
    """A firewall that tears a connection down when TLS begins."""

    def from_client(self, number: int, data: bytes) -> Fate:
        return Fate.RESETS if data[0] == _HANDSHAKE else Fate.GOES


class ResetsAfterServerHello(Fault):
    """Lets the server's answer to the hello through, and tears the connection down then."""

    def from_server(self, number: int, data: bytes) -> Fate:
        return Fate.GOES_AND_RESETS if data[0] == _HANDSHAKE else Fate.GOES


class LosesLarge(Fault):
    """An MTU black hole: what does not fit into a small packet never arrives, in one direction or in both."""

    def __init__(self, largest: int, *, toward_client: bool = True, toward_server: bool = False) -> None:
        super().__init__()
        self._largest = largest
        self._toward_client = toward_client
        self._toward_server = toward_server

    def from_client(self, number: int, data: bytes) -> Fate:
        return Fate.IS_LOST if self._toward_server and len(data) > self._largest else Fate.GOES

    def from_server(self, number: int, data: bytes) -> Fate:
        return Fate.IS_LOST if self._toward_client and len(data) > self._largest else Fate.GOES


class ResetsNewHellos(Fault):
    """A firewall from before TLS 1.3, which resets at a hello that offers it."""

    def from_client(self, number: int, data: bytes) -> Fate:
        return Fate.RESETS if offers_tls13(data) else Fate.GOES


class AsksForMore(Fault):
    """Something in between that adds a protocol to each Connection Request."""

    def __init__(self, protocol: int) -> None:
        super().__init__()
        self._protocol = protocol

    def rewritten(self, data: bytes) -> bytes:
        at = data.find(_NEGOTIATION_REQUEST) + len(_NEGOTIATION_REQUEST)
        if data[:2] != b"\x03\x00" or at < len(_NEGOTIATION_REQUEST):
            return data
        return data[:at] + bytes([data[at] | self._protocol]) + data[at + 1 :]


class Delays(Fault):
    """A long line."""

    def __init__(self, delay_s: float) -> None:
        super().__init__()
        self.delay_s = delay_s


class Trickles(Fault):
    """A line so thin that every answer comes in small pieces with pauses between them."""

    def __init__(self, piece: int, interval_s: float) -> None:
        super().__init__()
        self.piece = piece
        self.interval_s = interval_s


class ResetsOne(Fault):
    """Resets the connection of one number, from 0, as soon as something is said on it."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def from_client(self, number: int, data: bytes) -> Fate:
        return Fate.RESETS if number == self._number else Fate.GOES


class FailsOver(Fault):
    """Leads to another server after so many connections."""

    def __init__(self, connections: int) -> None:
        super().__init__()
        self._connections = connections

    def place(self, number: int) -> int:
        return int(number >= self._connections)


@dataclass(frozen=True, slots=True)
class _Way:
    """One connection, from end to end."""

    fault: Fault
    number: int
    client: trio.SocketStream
    server: trio.SocketStream
    scope: trio.CancelScope
    left: trio.Event  # the client has

    async def carry_requests(self) -> None:
        """From the client to the server."""
        lost = False
        with contextlib.suppress(*_BROKEN):
            async for data in self.client:
                fate = Fate.IS_LOST if lost else self.fault.from_client(self.number, bytes(data))
                lost = lost or fate is Fate.IS_LOST
                if fate is Fate.RESETS:
                    break
                if fate is Fate.GOES:
                    await self.server.send_all(self.fault.rewritten(bytes(data)))
            else:
                self.left.set()
                with contextlib.suppress(*_BROKEN):
                    await self.server.send_eof()
                return
        await self.reset()

    async def carry_answers(self) -> None:
        """From the server to the client."""
        lost = False
        with contextlib.suppress(*_BROKEN):
            async for data in self.server:
                fate = Fate.IS_LOST if lost else self.fault.from_server(self.number, bytes(data))
                lost = lost or fate is Fate.IS_LOST
                if fate in (Fate.GOES, Fate.GOES_AND_RESETS):
                    await self.deliver(bytes(data))
                if fate in (Fate.RESETS, Fate.GOES_AND_RESETS):
                    break
            else:
                if lost:  # the end comes behind what was lost, and does not arrive either
                    await self.left.wait()
                with contextlib.suppress(*_BROKEN):
                    await self.client.send_eof()
                return
        await self.reset()

    async def deliver(self, data: bytes) -> None:
        """To the client, as late and in such pieces as the way makes of it."""
        await trio.sleep(self.fault.delay_s)
        for at in range(0, len(data), self.fault.piece):
            await self.client.send_all(data[at : at + self.fault.piece])
            await trio.sleep(self.fault.interval_s)

    async def reset(self) -> None:
        """Break both sides off."""
        for stream in (self.client, self.server):
            with contextlib.suppress(*_BROKEN):
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
            await trio.aclose_forcefully(stream)
        self.scope.cancel()


async def relay(fault: Fault, places: Sequence[tuple[str, int]], client: trio.SocketStream) -> None:
    """Carry one connection to a server and back; what happens to one side happens to the other."""
    number = next(fault.numbers)
    async with client:
        try:
            server = await trio.open_tcp_stream(*places[fault.place(number)])
        except OSError:
            return
        async with server, trio.open_nursery() as nursery:
            way = _Way(fault, number, client, server, nursery.cancel_scope, trio.Event())
            nursery.start_soon(way.carry_requests)
            nursery.start_soon(way.carry_answers)
