"""One TCP connection: opened, held by a machine until it has what it wants, and closed.

Every wait has two limits, the step's silence and the connection's whole; every read has a byte budget, and what is kept
of it a number of events. Nothing that a peer or a network does is an exception here: it becomes an ending, and the
operating system's words are kept beside it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket as os_socket
from collections.abc import Callable
from dataclasses import dataclass, field

import trio  # noqa: TID253 - this module is only imported when a connection is to be made

from probe.drive.limits import Limits
from probe.errors import Unavailable
from probe.handshake.machine import Ending, Event, Machine, Malformed, Seen, Side, end
from probe.result import Target
from probe.wire.nego import ConfirmData, NegotiationResponse, Protocol

# What connect() and recv() may fail with, and what it means. Anything else is a fault of ours and is raised.
ENDINGS: dict[int, Ending] = {
    errno.ECONNREFUSED: Ending.REFUSED,
    errno.ECONNRESET: Ending.RESET,
    errno.ECONNABORTED: Ending.RESET,
    errno.EPIPE: Ending.RESET,
    errno.ENOTCONN: Ending.RESET,  # a reset that was noticed between two calls
    errno.ETIMEDOUT: Ending.FILTERED,
    errno.EHOSTUNREACH: Ending.UNREACHABLE,
    errno.ENETUNREACH: Ending.UNREACHABLE,
    errno.EHOSTDOWN: Ending.UNREACHABLE,
    errno.ENETDOWN: Ending.UNREACHABLE,
    errno.EACCES: Ending.UNREACHABLE,  # a firewall's prohibition, or connecting to a broadcast address
    errno.EPERM: Ending.UNREACHABLE,
    errno.EINVAL: Ending.UNREACHABLE,  # an address of another scope than the source's
    errno.EADDRNOTAVAIL: Ending.UNREACHABLE,
    errno.EAFNOSUPPORT: Ending.UNREACHABLE,  # this machine has no such protocol, or the source address is of another
    errno.ENODEV: Ending.UNREACHABLE,  # the interface of a scoped address
    # What the kernel makes of the rarer ICMP messages.
    errno.ENOPROTOOPT: Ending.UNREACHABLE,
    errno.EOPNOTSUPP: Ending.UNREACHABLE,
    errno.EPROTO: Ending.UNREACHABLE,
    errno.EMSGSIZE: Ending.UNREACHABLE,  # a datagram larger than the way allows
    errno.ENETRESET: Ending.RESET,
}
if hasattr(errno, "ENONET"):  # Linux alone
    ENDINGS[errno.ENONET] = Ending.UNREACHABLE
# What the same errors mean once there was a connection.
_BROKEN_OFF = {
    Ending.REFUSED: Ending.RESET,
    Ending.FILTERED: Ending.TIMED_OUT,
    Ending.UNREACHABLE: Ending.TIMED_OUT,
}
_CHUNK = 16384
_STEPS_IN_AN_ATTEMPT = 3  # a peer that trickles is given this many silences' time altogether
_LAST_READS = 64  # chunks taken unread before closing
_MOST_EVENTS = 500  # of one connection; an honest one has a few dozen, but a message can be as short as four bytes
_BANNER = 64  # bytes of what is not RDP that are worth waiting for
_BANNER_S = 0.5  # and how long


@dataclass(slots=True)
class Traffic:
    """What one connection has carried so far."""

    events: list[Event] = field(default_factory=list)
    sent: int = 0
    received: int = 0
    last: bytes = b""  # what came with the last read
    cause: str | None = None
    tell: Callable[[], None] | None = None  # called when the server has selected a protocol that leads to TLS

    def note(self, events: list[Event]) -> None:
        """Keep what was seen, up to a number of events."""
        self.events += events[: max(0, _MOST_EVENTS - len(self.events))]
        if self.tell is not None and any(map(_selects_tls, events)):
            self.tell()

    @property
    def unreadable_from_the_start(self) -> bool:
        """Nothing that the server said could be read."""
        event = self.events[-1] if self.events else None
        return isinstance(event, Malformed) and event.side is Side.SERVER and len(event.raw) == self.received


def _selects_tls(event: Event) -> bool:
    confirm = event.message if isinstance(event, Seen) else None
    answer = confirm.negotiation if isinstance(confirm, ConfirmData) else None
    return isinstance(answer, NegotiationResponse) and answer.selected != Protocol.RDP


async def hold(
    make: Callable[[], Machine],
    target: Target,
    traffic: Traffic,
    limits: Limits,
    *,
    budget: int,
    step_s: float | None = None,
) -> Ending:
    """Connect to `target` and let the machine that `make` gives talk, within `budget` bytes received.

    `step_s` is the longest silence where it is another than that of `limits`. Raises Unavailable where this machine
    has no descriptor left.
    """
    try:
        with trio.fail_after(limits.step_s):
            sock = await open_to(target, limits.source_address)
    except trio.TooSlowError:
        return Ending.FILTERED
    except OSError as error:
        traffic.cause = error.strerror or str(error)
        return ending_of(error)
    try:
        return await _converse(make(), sock, traffic, limits.step_s if step_s is None else step_s, budget)
    finally:
        _close(sock)


async def open_to(
    target: Target, source_address: str | None, kind: os_socket.SocketKind = os_socket.SOCK_STREAM
) -> trio.socket.SocketType:
    """A connected socket: of datagrams too, so that what ICMP says of them is heard. Raises OSError."""
    address = target.address or target.host
    family = os_socket.AF_INET6 if ":" in address else os_socket.AF_INET
    host, _, zone = address.partition("%")
    scope = scope_of(zone) if zone else 0
    sock = trio.socket.socket(family, kind)
    try:
        if kind == os_socket.SOCK_STREAM:
            sock.setsockopt(os_socket.IPPROTO_TCP, os_socket.TCP_NODELAY, 1)
        if source_address is not None:
            await sock.bind((source_address, 0))
        await sock.connect((host, target.port, 0, scope) if family == os_socket.AF_INET6 else (host, target.port))
    except OSError as error:
        sock.close()
        if error.errno in ENDINGS:  # trio puts the address before the system's words; they shall be alike everywhere
            raise OSError(error.errno, os.strerror(error.errno)) from error
        raise
    except BaseException:
        sock.close()
        raise
    return sock


def scope_of(zone: str) -> int:
    """The number of an interface that is given by name or number, as in fe80::1%eth0. Raises OSError."""
    if zone.isascii() and zone.isdigit():
        return int(zone)
    try:
        return os_socket.if_nametoindex(zone)
    except OSError as error:  # it has no errno
        raise OSError(errno.ENODEV, f"no such network interface: {zone}") from error


def ending_of(error: OSError) -> Ending:
    if isinstance(error, os_socket.gaierror):  # addresses are literals: one does not fit the other's family
        return Ending.UNREACHABLE
    if error.errno in (errno.EMFILE, errno.ENFILE):
        hint = "allow more (ulimit -n 4096), or ask for less at a time (--per-host)"
        raise Unavailable("no file descriptor is left for another connection", hint) from error
    if error.errno not in ENDINGS:
        raise error
    return ENDINGS[error.errno]


def broken_off(error: OSError, traffic: Traffic) -> Ending:
    """How a connection ended that there had been."""
    traffic.cause = error.strerror
    ending = ending_of(error)
    return _BROKEN_OFF.get(ending, ending)


class _Clock:
    """The two limits of an attempt: every wait may last a step, all of them together a few."""

    def __init__(self, scope: trio.CancelScope, step_s: float) -> None:
        self._scope = scope
        self._step_s = step_s
        self._end = trio.current_time() + step_s * _STEPS_IN_AN_ATTEMPT
        self.step()

    def step(self) -> None:
        """Begin a wait. One scope with a moving deadline costs far less than a scope for each wait."""
        self._scope.deadline = min(trio.current_time() + self._step_s, self._end)

    @property
    def expired(self) -> Ending:
        """What it means that the scope was cancelled."""
        return Ending.DEADLINE if self._scope.deadline >= self._end else Ending.TIMED_OUT


async def _converse(
    machine: Machine, sock: trio.socket.SocketType, traffic: Traffic, step_s: float, budget: int
) -> Ending:
    """Run one machine over one connection until it is finished, the peer ends it, or a limit does."""
    ending: Ending | None = None
    try:
        with trio.CancelScope() as scope:
            clock = _Clock(scope, step_s)
            ending = await _exchange(machine, sock, traffic, clock, budget)
            if ending is Ending.COMPLETE:
                clock.step()
                await _leave(machine, sock, traffic)
        if ending is None:
            ending = clock.expired
    finally:
        how = Ending.INTERRUPTED if ending is None else ending
        traffic.events += end(machine, how, trio.current_time())
    return ending


async def _exchange(
    machine: Machine, sock: trio.socket.SocketType, traffic: Traffic, clock: _Clock, budget: int
) -> Ending:
    broken: Ending | None = None
    while True:
        clock.step()
        if broken is None and (out := machine.data_to_send()):
            broken = await _say(sock, out, traffic)
            traffic.note(machine.observe(Side.CLIENT, out, trio.current_time()))
        if machine.finished:
            return Ending.COMPLETE
        if traffic.received >= budget or len(traffic.events) >= _MOST_EVENTS:
            return Ending.TOO_MUCH
        ending = await _hear(machine, sock, traffic, budget)
        if ending is Ending.CLOSED:
            # A failed send took the reset's error with it; what was received before it has now been read.
            return broken or ending
        if ending is not None:
            return ending


async def _hear(machine: Machine, sock: trio.socket.SocketType, traffic: Traffic, budget: int) -> Ending | None:
    """Read once; None, or how the connection turned out to have ended."""
    try:
        data = await sock.recv(min(_CHUNK, budget - traffic.received))
    except OSError as error:
        return broken_off(error, traffic)
    if not data:
        return Ending.CLOSED
    traffic.received += len(data)
    traffic.last = data
    traffic.note(machine.observe(Side.SERVER, data, trio.current_time()))
    return None


async def _say(sock: trio.socket.SocketType, data: bytes, traffic: Traffic) -> Ending | None:
    """Write everything; None, or how the connection turned out to have ended. What it said before may still be read."""
    view = memoryview(data)
    try:
        while view:
            sent = await sock.send(view)
            traffic.sent += sent
            view = view[sent:]
    except OSError as error:
        return broken_off(error, traffic)
    return None


async def _leave(machine: Machine, sock: trio.socket.SocketType, traffic: Traffic) -> None:
    """Say goodbye; but give what is not RDP a moment to become a line that tells what it is: banners come in pieces."""
    if last := machine.farewell():
        await _say(sock, last, traffic)
    if not traffic.unreadable_from_the_start:
        return
    with trio.move_on_after(_BANNER_S):
        while traffic.received < _BANNER and b"\n" not in traffic.last:
            if await _hear(machine, sock, traffic, _BANNER) is not None:
                return


def _close(sock: trio.socket.SocketType) -> None:
    """Take what already arrived, then close: with bytes unread the kernel would send a reset in place of a FIN."""
    with contextlib.suppress(OSError):
        for _ in range(_LAST_READS):
            if not os.read(sock.fileno(), _CHUNK):
                break
    sock.close()
