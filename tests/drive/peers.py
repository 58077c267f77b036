"""Servers on loopback that a test writes itself, and one line to audit them."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from probe.audit.settings import Settings
from probe.drive.demo_server import Plain, Secured
from probe.drive.demo_tls import TlsProfile, prepare
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.errors import ProbeError
from probe.result import Result, Target

Peer = Callable[[trio.SocketStream], Awaitable[None]]
PATIENCE_S = 30.0  # a stuck test fails; none is slow
PATIENT = Limits()  # for peers that answer or close at once
BRIEF = Limits(step_s=0.03)  # for peers whose silence is the point
ONE = Settings(max_connections=1)
TLS = TlsProfile(name="peer.example", rsa=False)
TLS12 = TlsProfile(name="peer.example", rsa=False, newest=0x0303)

RDP, SSL, HYBRID, RDSTLS = 0, 1, 2, 4
ULTIMATUM = bytes.fromhex("0300000902f0802180")


def selects(protocol: int) -> bytes:
    """A Connection Confirm with RDP_NEG_RSP, [MS-RDPBCGR] 2.2.1.2.1."""
    return bytes.fromhex("030000130ed000001234000200 0800") + struct.pack("<I", protocol)


def fails(code: int) -> bytes:
    """A Connection Confirm with RDP_NEG_FAILURE, [MS-RDPBCGR] 2.2.1.2.2."""
    return bytes.fromhex("030000130ed000001234000300 0800") + struct.pack("<I", code)


async def asked(stream: trio.SocketStream) -> int | None:
    """The requestedProtocols of a Connection Request; None where the client says something else, or nothing."""
    data = bytes(await stream.receive_some(4096))
    return struct.unpack("<I", data[15:19])[0] if data[:2] == b"\x03\x00" and len(data) >= 19 else None


async def until_closed(stream: trio.SocketStream) -> bytes:
    """Everything that the client still says. Raises BrokenResourceError where it resets."""
    data = b""
    async for more in stream:
        data += more
    return data


async def reset(stream: trio.SocketStream) -> None:
    """Break the connection off."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await trio.aclose_forcefully(stream)


def only(protocol: int, then: Peer) -> Peer:
    """Accepts one protocol and then goes its own way; fails for others, and closes on TLS without X.224."""

    async def peer(stream: trio.SocketStream) -> None:
        requested = await asked(stream)
        if requested is None:
            return
        if requested != protocol:
            await stream.send_all(fails(2 if protocol == RDP else 1))
            return
        await stream.send_all(selects(protocol))
        await then(stream)

    return peer


def inside_tls(then: Callable[[Secured], Awaitable[None]], profile: TlsProfile = TLS) -> Peer:
    """A TLS handshake, then what is said inside."""

    async def peer(stream: trio.SocketStream) -> None:
        secured = Secured(Plain(stream), profile)
        await secured.handshake()
        await then(secured)

    return peer


@asynccontextmanager
async def serving(peer: Peer, host: str = "127.0.0.1") -> AsyncIterator[Target]:
    """Serve every connection by `peer`; what a client breaks ends its own conversation."""
    from probe.drive.demo_server import ConversationOver
    from probe.drive.demo_tls import TlsOver

    prepare([TLS, TLS12])

    async def handle(stream: trio.SocketStream) -> None:
        async with stream:
            try:
                await peer(stream)
            except (trio.BrokenResourceError, trio.ClosedResourceError, ConversationOver, TlsOver, ProbeError):
                return

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host=host)
        nursery.start_soon(trio.serve_listeners, handle, listeners)
        port = listeners[0].socket.getsockname()[1]
        try:
            yield Target(input=f"{host}:{port}", host=host, port=port, address=host)
        finally:
            nursery.cancel_scope.cancel()


def audited(peer: Peer, limits: Limits = PATIENT, settings: Settings = Settings()) -> Result:  # noqa: B008  it is frozen
    """The result of auditing such a server."""

    async def main() -> Result:
        with trio.fail_after(PATIENCE_S):
            async with serving(peer) as target:
                return await audit(target, settings, limits)

    return trio.run(main)


def said(result: Result) -> str:
    """Every step of every attempt, in words."""
    return "\n".join(step.what for attempt in result.attempts for step in attempt.steps)
