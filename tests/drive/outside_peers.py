"""Servers on loopback beside RDP: responders on UDP, and front doors of gateways and of what is none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

import trio

from probe.audit.settings import Settings
from probe.drive.demo_server import Secured
from probe.drive.gate import Entrance
from probe.drive.limits import Limits
from probe.drive.outside import Outside
from probe.result import Gateway, Result, Target, Udp
from probe.wire.cursor import Reader
from probe.wire.rdpudp import Syn, SynEx, padded
from tests.drive.peers import PATIENCE_S, PATIENT, Peer, inside_tls, serving
from tests.vectors import vector_lines

Answers = Callable[[bytes], Iterable[bytes]]
UNAUTHORIZED, WITH_CHALLENGE, NOT_FOUND = vector_lines("rdg_unauthorized")
HERE = "127.0.0.1"


def syn_ack(datagram: bytes, version: int | None = 2, up_mtu: int = 1232) -> list[bytes]:
    """What a server of that version says to a SYN; None: one that does not tell its version."""
    asked = Syn.read(Reader(datagram, "RDP-UDP"))
    extension = SynEx(version=version) if version is not None else None
    flags = 0x1005 if version is not None else 0x0005
    return [
        padded(Syn(source_ack=asked.initial_sequence, flags=flags, initial_sequence=9, up_mtu=up_mtu, syn_ex=extension))
    ]


@asynccontextmanager
async def answering(answers: Answers, heard: list[bytes], port: int = 0) -> AsyncIterator[Target]:
    """A responder on UDP, which keeps what it heard."""
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as sock:
        await sock.bind((HERE, port))

        async def respond() -> None:
            while True:
                datagram, peer = await sock.recvfrom(65536)
                heard.append(datagram)
                for answer in answers(datagram):
                    await sock.sendto(answer, peer)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(respond)
            yield at(sock.getsockname()[1])
            nursery.cancel_scope.cancel()


def at(port: int) -> Target:
    return Target(input=HERE, host=HERE, port=port, address=HERE)


async def asked(target: Target, settings: Settings, limits: Limits) -> Result:
    """A result with nothing but what is asked outside."""
    outside = Outside(target, settings, limits, Entrance(None, trio.CancelScope()))
    await outside.beside(trio.lowlevel.checkpoint)
    result = Result(
        target=target,
        started="2026-11-21T02:00:00.123Z",
        elapsed_ms=0,
        depth="standard",
        connections=0,
        bytes_sent=0,
        bytes_received=0,
        status="rdp",
    )
    outside.describe(result, 1_800_000_000.0)
    return result


def udp_of(answers: Answers, limits: Limits = PATIENT) -> tuple[Udp, list[bytes]]:
    """What is said of such a responder, and what it heard."""
    heard: list[bytes] = []

    async def main() -> Result:
        with trio.fail_after(PATIENCE_S):
            async with answering(answers, heard) as target:
                return await asked(target, Settings(udp=True), limits)

    udp = trio.run(main).udp
    assert udp is not None
    return udp, heard


def gateway_of(peer: Peer, limits: Limits = PATIENT, host: str = HERE) -> Gateway:
    """What is said of such a front door."""

    async def main() -> Result:
        with trio.fail_after(PATIENCE_S):
            async with serving(peer) as target:
                return await asked(target, Settings(gateway=True, gateway_at=(host, target.port)), limits)

    gateway = trio.run(main).gateway
    assert gateway is not None
    return gateway


def web(*answers: bytes, then: Callable[[Secured], Awaitable[None]] | None = None) -> Peer:
    """Answers one request after the other inside TLS, and waits for the client to leave."""

    async def talk(tls: Secured) -> None:
        for answer in answers:
            request = b""
            while b"\r\n\r\n" not in request:
                request += await tls.receive()
            await tls.send(answer)
        if then is not None:
            await then(tls)
        await tls.receive()

    return inside_tls(talk)
