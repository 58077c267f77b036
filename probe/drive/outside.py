"""What is asked beside an audit, and only on request: RDP over UDP, and the RD Gateway's front door.

Both are asked once, within the audit's deadline. What is cut short keeps what it has seen until then. The gateway's
connection passes the audit's gate like any other; a datagram is no connection.
"""

from __future__ import annotations

import os
import socket as os_socket
import time
from collections.abc import Awaitable, Callable, Sequence

import trio  # noqa: TID253 - this module is only imported when a connection is to be made

from probe.audit import outside
from probe.audit.outside import Heard
from probe.audit.settings import Settings
from probe.drive import connection
from probe.drive.connection import Traffic
from probe.drive.gate import Entrance
from probe.drive.limits import Limits
from probe.drive.names import tls_name
from probe.drive.resolve import Unresolved, resolve
from probe.drive.tap import Tap, place_of
from probe.drive.trust_store import trust_judge
from probe.handshake.machine import Ending, Side
from probe.handshake.rd_gateway import GatewayGreeting
from probe.handshake.rdp_udp import UdpGreeting, syn
from probe.handshake.tls_tunnel import TlsTunnel
from probe.result import Result, Target
from probe.wire.rdg import HTTPS

# A SYN is lost or ignored as any datagram is: it is said three times. Windows repeats after 800 ms ([MS-RDPEUDP] note
# <7>), and so does a server its answer, which may be on its way for as long.
UDP_WAITS_S = (0.8, 0.8, 1.9)
_LARGEST_DATAGRAM = 65536
_GATEWAY_BYTES = 256 * 1024  # its chain, two answers and the first one's body


class Outside:
    """Asks what `settings` want of it, beside the audit of `target`."""

    def __init__(
        self, target: Target, settings: Settings, limits: Limits, entrance: Entrance, tap: Tap | None = None
    ) -> None:
        self._limits = limits
        self._udp = _UdpQuestion(target, limits, tap) if settings.udp else None
        self._gateway = _GatewayQuestion(target, settings, limits, entrance, tap) if settings.gateway else None

    async def beside(self, audit: Callable[[], Awaitable[None]]) -> None:
        """Run the audit, and ask everything at the same time. Never raises for what a server or a network does."""
        asked = [question for question in (self._udp, self._gateway) if question is not None]
        if not asked:  # as mostly: then there is nothing to do at the same time
            await audit()
            return
        async with trio.open_nursery() as nursery:
            for question in asked:
                nursery.start_soon(question.run)
            await audit()

    def describe(self, result: Result, wall_offset: float) -> None:
        """Put what was heard into a result."""
        if self._udp is not None:
            result.udp = outside.udp(self._udp.heard())
        if self._gateway is not None:
            judge = trust_judge(self._limits.ca_file)
            result.gateway = outside.gateway(self._gateway.heard(), wall_offset=wall_offset, judge=judge)


class _Question:
    """One conversation, and what was heard in it so far."""

    def __init__(self, about: Target, limits: Limits, tap: Tap | None) -> None:
        self.about = about
        self.limits = limits
        self.tap = tap
        self.traffic = Traffic(tap=tap)
        self._started = self._ended = trio.current_time()
        self._ending = Ending.INTERRUPTED
        self._datagrams = 0

    async def run(self) -> None:
        """Ask."""
        try:
            self._ending = await self._ask()
        finally:
            self._ended = trio.current_time()

    async def _ask(self) -> Ending:
        raise NotImplementedError

    def heard(self) -> Heard:
        """What is known of it now."""
        return Heard(
            host=self.about.host,
            port=self.about.port,
            address=self.about.address,
            events=tuple(self.traffic.events),
            ending=self._ending,
            started=self._started,
            ended=self._ended,
            cause=self.traffic.cause,
            sent=self._datagrams,
        )


class _UdpQuestion(_Question):
    async def _ask(self) -> Ending:
        try:
            opened = await connection.open_to(self.about, self.limits.source_address, os_socket.SOCK_DGRAM)
            with trio.socket.from_stdlib_socket(opened) as sock:
                return await self._repeat(sock, UDP_WAITS_S)
        except OSError as error:
            self.traffic.cause = error.strerror or str(error)
            return connection.ending_of(error)

    async def _repeat(self, sock: trio.socket.SocketType, waits_s: Sequence[float]) -> Ending:
        """Say the same SYN and wait, as often as there are waits. Raises OSError for what ICMP tells."""
        machine = UdpGreeting(syn(int.from_bytes(os.urandom(4), "big")))
        for wait_s in waits_s:
            datagram = machine.data_to_send()
            await sock.send(datagram)
            self._tell(Side.CLIENT, sock, datagram)
            self._datagrams += 1
            self.traffic.note(machine.observe(Side.CLIENT, datagram, trio.current_time()))
            with trio.move_on_after(min(wait_s, self.limits.step_s)):
                answer = await sock.recv(_LARGEST_DATAGRAM)
                self._tell(Side.SERVER, sock, answer)
                self.traffic.note(machine.observe(Side.SERVER, answer, trio.current_time()))
                return Ending.COMPLETE
        return Ending.TIMED_OUT

    def _tell(self, side: Side, sock: trio.socket.SocketType, datagram: bytes) -> None:
        if self.tap is not None:
            address = (self.about.address or self.about.host).partition("%")[0]
            self.tap.datagram(side, place_of(sock), (address, self.about.port), datagram, time.time())


class _GatewayQuestion(_Question):
    def __init__(self, target: Target, settings: Settings, limits: Limits, entrance: Entrance, tap: Tap | None) -> None:
        self._entrance = entrance
        if settings.gateway_at is not None:
            host, port = settings.gateway_at
            super().__init__(Target(input=host, host=host, port=port), limits, tap)
        else:
            name = settings.server_name or target.host
            super().__init__(Target(input=name, host=name, port=HTTPS, address=target.address), limits, tap)

    async def _ask(self) -> Ending:
        found = await resolve(self.about, one_address=True, timeout_s=self.limits.step_s)
        if isinstance(found, Unresolved):
            self.traffic.cause = found.cause
            return Ending.UNREACHABLE
        self.about = found[0]
        address = self.about.address or self.about.host
        await self._entrance.enter(address)
        try:
            return await connection.hold(self._machine, self.about, self.traffic, self.limits, budget=_GATEWAY_BYTES)
        finally:
            self._entrance.leave(address)

    def _machine(self) -> TlsTunnel:
        host = tls_name(self.about.host)  # None for an address, which goes into the request as it is
        greeting = GatewayGreeting(host or self.about.host.partition("%")[0], self.about.port, os.urandom(16))
        return TlsTunnel(host, greeting, keylog=self.tap.secret if self.tap is not None else None)
