"""What the embedded servers do with one connection: RDP up to the point where a user would log on, and what is not RDP.

A conversation ends when the client leaves, when it says what the server does not go along with, or when it has used
up its bytes or its time. Nothing a client sends is an error of ours: whatever it breaks ends its own conversation.
Each behavior is a coroutine that returns when the server has nothing more to say; the caller then closes politely.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol as Shape

import trio  # noqa: TID253  this module is itself imported only where servers are started

from probe.drive import demo_licensing as licensing
from probe.drive import demo_replies as replies
from probe.drive.demo_tls import Tls, TlsOver, TlsProfile
from probe.errors import ProbeError
from probe.wire import x224
from probe.wire.credssp import TsRequestFramer
from probe.wire.nego import Protocol

LIFETIME_S = 30.0  # of one conversation
ENDLESS_S = 600.0  # of one with a server whose fault is that it never ends
_BUDGET = 64 * 1024  # bytes from one client
_CHUNK = 4096
_FAREWELL_S = 1.0  # how long a client may take to leave once everything is said
_AT_ONCE = 200  # conversations with one server


class ConversationOver(Exception):
    """The client left, or has said more than we are willing to read."""


class Channel(Shape):
    """What a protocol is spoken over."""

    async def receive(self) -> bytes:
        """At least one byte. Raises ConversationOver."""
        ...

    async def send(self, data: bytes) -> None:
        """All of `data`."""
        ...


class Plain:
    """One accepted connection. Everything is answered `delay` seconds late."""

    def __init__(self, stream: trio.abc.HalfCloseableStream, delay: float = 0.0) -> None:
        self._stream = stream
        self._delay = delay
        self._budget = _BUDGET
        self._unread = b""

    async def receive(self) -> bytes:
        """At least one byte. Raises ConversationOver."""
        if self._unread:
            data, self._unread = self._unread, b""
            return data
        if self._budget <= 0:
            raise ConversationOver
        data = bytes(await self._stream.receive_some(_CHUNK))
        if not data:
            raise ConversationOver
        self._budget -= len(data)
        return data

    def give_back(self, data: bytes) -> None:
        """Bytes that the next protocol is to receive."""
        self._unread = data + self._unread

    async def send(self, data: bytes) -> None:
        """All of `data`."""
        if self._delay:
            await trio.sleep(self._delay)
        await self._stream.send_all(data)

    async def finish(self) -> None:
        """Say that nothing follows and let the client leave first, so that no reset destroys what it has not read."""
        await self._stream.send_eof()
        with suppress(ConversationOver):
            while True:
                await self.receive()

    async def reset(self) -> None:
        """Break the connection with an RST."""
        if isinstance(self._stream, trio.SocketStream):
            self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await trio.aclose_forcefully(self._stream)


class Secured:
    """TLS on a connection."""

    def __init__(self, plain: Plain, profile: TlsProfile) -> None:
        self._plain = plain
        self._tls = Tls(profile)

    async def handshake(self) -> None:
        """Raises TlsOver, with the alert already sent."""
        complete = False
        while not complete:
            self._tls.put(await self._plain.receive())
            try:
                complete = self._tls.handshake()
            except TlsOver:
                await self._flush()
                raise
            await self._flush()

    async def receive(self) -> bytes:
        """At least one byte. Raises ConversationOver, or TlsOver with the alert already sent."""
        try:
            while not (data := self._tls.read()):
                self._tls.put(await self._plain.receive())
        except TlsOver:
            await self._flush()
            raise
        return data

    async def _flush(self) -> None:
        if out := self._tls.out():
            await self._plain.send(out)

    async def send(self, data: bytes) -> None:
        """All of `data`, in one record."""
        self._tls.write(data)
        await self._flush()

    async def close(self) -> None:
        """Say close_notify."""
        self._tls.close()
        await self._flush()


Behavior = Callable[[Plain], Awaitable[None]]
_CLIENTS_FAULTS = (ConversationOver, TlsOver, ProbeError, trio.BrokenResourceError, trio.ClosedResourceError)


def handler(
    behavior: Behavior, *, delay: float = 0.0, lifetime_s: float = LIFETIME_S
) -> Callable[[trio.abc.HalfCloseableStream], Awaitable[None]]:
    """What `trio.serve_listeners` calls with each connection; it never raises for what a client does."""
    room = trio.CapacityLimiter(_AT_ONCE)

    async def handle(stream: trio.abc.HalfCloseableStream) -> None:
        peer = Plain(stream, delay)
        async with room:
            with trio.move_on_after(lifetime_s), suppress(*_CLIENTS_FAULTS):
                await behavior(peer)
            with trio.move_on_after(_FAREWELL_S), suppress(*_CLIENTS_FAULTS):
                await peer.finish()

    return handle


async def _packet(channel: Channel, framer: x224.TpktFramer) -> bytes:
    while (packet := framer.next_packet()) is None:
        framer.feed(await channel.receive())
    return packet


async def _listen(channel: Channel) -> None:
    """Nothing more is answered; the client is to leave."""
    while True:
        await channel.receive()


async def rdp(profile: replies.Profile, peer: Plain) -> None:
    """One RDP connection, up to where a user would log on."""
    framer = x224.TpktFramer()
    try:
        answer = replies.confirm(profile, await _packet(peer, framer))
    except ProbeError:
        await _turn_away(profile, peer)
        return
    peer.give_back(framer.leftover())
    await peer.send(answer.data)
    if answer.selected is None:
        return
    if answer.selected == Protocol.RDP:
        await _settings_exchange(profile, peer, answer)
    else:
        await _enhanced(profile, peer, answer)


async def _turn_away(profile: replies.Profile, peer: Plain) -> None:
    if profile.says_ultimatum:
        await peer.send(replies.ultimatum())


async def _enhanced(profile: replies.Profile, peer: Plain, answer: replies.Answer) -> None:
    """TLS, and what the selected protocol starts inside it."""
    if profile.tls is None or profile.resets_hello:
        await peer.receive()
        await peer.reset()
        return
    secured = Secured(peer, profile.tls)
    try:
        await secured.handshake()
    except TlsOver:
        await _turn_away(profile, peer)
        return
    with suppress(ProbeError):
        if answer.selected == Protocol.SSL:
            await _settings_exchange(profile, secured, answer)
        elif answer.selected == Protocol.RDSTLS:
            await secured.send(replies.rdstls_capabilities())
            await _listen(secured)
        else:
            await _credssp(profile, secured)
    await secured.close()


async def _settings_exchange(profile: replies.Profile, channel: Channel, answer: replies.Answer) -> None:
    framer = x224.TpktFramer()
    try:
        packet = await _packet(channel, framer)
        reply = replies.connect_response(profile, packet, answer)
    except ProbeError:
        reply = None
    if reply is not None:
        await channel.send(reply)
        if answer.selected != Protocol.RDP:
            await _licensing(profile, channel, framer)
        await _listen(channel)
    elif profile.says_ultimatum:
        await channel.send(replies.ultimatum())


async def _licensing(profile: replies.Profile, channel: Channel, framer: x224.TpktFramer) -> None:
    while (said := licensing.reply(profile.licensing, await _packet(channel, framer))) is not None:
        await channel.send(said)


async def _credssp(profile: replies.Profile, secured: Secured) -> None:
    framer = TsRequestFramer()
    while True:
        while (raw := framer.next_message()) is None:
            framer.feed(await secured.receive())
        reply, goes_on = replies.credssp_reply(profile, raw)
        await secured.send(reply)
        if not goes_on:
            return


async def http(peer: Plain) -> None:
    """A web server that is handed something else than HTTP."""
    await peer.receive()
    page = b"<html><body><h1>400 Bad Request</h1></body></html>\n"
    await peer.send(
        b"HTTP/1.1 400 Bad Request\r\n"
        b"Server: Microsoft-HTTPAPI/2.0\r\n"
        b"Content-Type: text/html; charset=us-ascii\r\n"
        b"Connection: close\r\n"
        b"Content-Length: %d\r\n\r\n" % len(page) + page
    )


async def ssh(peer: Plain) -> None:
    """An SSH server: it speaks first, and does not understand the answer."""
    await peer.send(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")
    await peer.receive()
    await peer.send(b"Invalid SSH identification string.\r\n")


async def silent(peer: Plain) -> None:
    """Accepts and never says a word."""
    await _listen(peer)


async def tarpit(peer: Plain) -> None:
    """A TPKT packet of the largest size, one byte a second."""
    for byte in replies.endless_packet():
        await peer.send(bytes([byte]))
        await trio.sleep(1.0)
