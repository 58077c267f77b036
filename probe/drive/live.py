"""A live audit: trio opens connections, machines do the talking, and how each connection ended is an answer.

One attempt is one connection. Every wait has two limits, the step's silence and the attempt's whole, every read a
byte budget, and what is kept of it a number of events, so that a peer can neither hold nor fill us. Nothing a peer
does is an exception here: refusals, resets and silence become endings, and the operating system's words are kept
beside them. What we stop ourselves, by a deadline or from outside, keeps what it has seen until then.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket as os_socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import trio  # noqa: TID253 - this module is only imported when a connection is to be made

from probe.audit.attempt import Attempt, Question, Stage
from probe.audit.conversation import Conversation
from probe.audit.plan import Plan, plan
from probe.audit.settings import Settings
from probe.audit.verdict import Audit, verdict
from probe.drive.limits import Limits
from probe.drive.names import tls_name
from probe.drive.trust_store import trust_judge
from probe.errors import Unavailable
from probe.handshake.machine import Ending, Event, Machine, Malformed, Seen, Side, end
from probe.result import Result, Target
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
_CURIOUS_S = 1.0  # for a hello that a server of today may ignore
_CHUNK = 16384
_STEPS_IN_AN_ATTEMPT = 3  # a peer that trickles is given this many silences' time altogether
_LAST_READS = 64  # chunks taken unread before closing
_MOST_EVENTS = 500  # of one connection; an honest one has a few dozen, but a message can be as short as four bytes
_BANNER = 64  # bytes of what is not RDP that are worth waiting for
_BANNER_S = 0.5  # and how long


@dataclass(slots=True)
class _Traffic:
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


async def audit(target: Target, settings: Settings, limits: Limits) -> Result:
    """Audit one target, whose `address` is a literal. Never raises for what a server or a network does."""
    server_name = settings.server_name or tls_name(target.host)
    started, wall = trio.current_time(), time.time()
    auditor = _Auditor(target, Conversation(settings, server_name, os.urandom), limits)
    with trio.move_on_after(limits.deadline_s) as scope:
        await auditor.run()
    return verdict(
        Audit(
            target=target,
            settings=settings,
            server_name=server_name,
            attempts=tuple(auditor.attempts),
            plan=plan(auditor.attempts, settings),
            started=started,
            ended=trio.current_time(),
            started_at=datetime.fromtimestamp(wall, UTC),
            past_deadline_s=limits.deadline_s if scope.cancelled_caught else None,
            trust=trust_judge(limits.ca_file),
        )
    )


class _Auditor:
    """Makes attempts as the plan asks for them, `per_host` at a time, repeats alone."""

    def __init__(self, target: Target, conversation: Conversation, limits: Limits) -> None:
        self.attempts: list[Attempt] = []
        self._target = target
        self._conversation = conversation
        self._limits = limits
        self._open: dict[int, Question] = {}
        self._made = 0
        self._plan: Plan | None = None  # None: something has become known since it was made
        self._first: Attempt | None = None  # what the first connection has shown, while it goes on
        self._changed = trio.Event()
        self._crowded: set[int] = set()  # numbers of attempts that were not alone

    async def run(self) -> None:
        settings = self._conversation.settings
        async with trio.open_nursery() as nursery:
            while True:
                question = self._next(self._planned())
                if question is not None and self._made < settings.most_connections:
                    self._begin(nursery, question)
                elif self._open:
                    self._changed = trio.Event()
                    await self._changed.wait()
                else:
                    return

    def _planned(self) -> Plan:
        """The plan, made anew when something was learnt: beginning an attempt changes nothing that it rests on."""
        if self._plan is None:
            known = self.attempts if self._first is None else [self._first, *self.attempts]
            self._plan = plan(known, self._conversation.settings, self._made)
        return self._plan

    def _learn(self) -> None:
        self._plan = None
        self._changed.set()

    def _next(self, now: Plan) -> Question | None:
        """What may be begun at this moment."""
        open_now = self._open.values()
        waiting = [question for question in now.questions if question not in open_now]
        if waiting:
            triage = not self.attempts and self._first is None
            room = 1 if triage or any(question.repeat for question in open_now) else self._limits.per_host
            return waiting[0] if len(self._open) < room else None
        return now.repeats[0] if now.repeats and not self._open else None

    def _begin(self, nursery: trio.Nursery, question: Question) -> None:
        self._made += 1
        if self._open:
            self._crowded.update({self._made, *self._open})
        self._open[self._made] = question
        nursery.start_soon(self._attempt, question, self._made)

    async def _attempt(self, question: Question, number: int) -> None:
        began = trio.current_time()
        traffic = _Traffic()

        def so_far(ending: Ending) -> Attempt:
            return Attempt(
                number=number,
                question=question,
                events=tuple(traffic.events),
                ending=ending,
                started=began,
                ended=trio.current_time(),
                bytes_sent=traffic.sent,
                bytes_received=traffic.received,
                alone=number not in self._crowded,
                cause=traffic.cause,
            )

        def has_selected() -> None:
            self._first = so_far(Ending.INTERRUPTED)
            self._learn()

        traffic.tell = has_selected if number == 1 else None
        ending = Ending.INTERRUPTED
        try:
            ending = await self._connection(question, traffic)
        finally:
            self.attempts.append(so_far(ending))
            self._first = None if number == 1 else self._first
        del self._open[number]
        self._learn()

    async def _connection(self, question: Question, traffic: _Traffic) -> Ending:
        limits = self._limits
        try:
            with trio.fail_after(limits.step_s):
                sock = await _open(self._target, limits.source_address)
        except trio.TooSlowError:
            return Ending.FILTERED
        except OSError as error:
            traffic.cause = error.strerror or str(error)
            return _ending_of(error)
        try:
            machine = self._conversation.machine(question)
            budget = limits.plain_bytes if question.stage in (Stage.NEGOTIATION, Stage.SETTINGS) else limits.tls_bytes
            step_s = min(limits.step_s, _CURIOUS_S) if question.framed else limits.step_s
            return await _converse(machine, sock, traffic, step_s, budget)
        finally:
            _close(sock)


async def _open(target: Target, source_address: str | None) -> trio.socket.SocketType:
    """A connected socket. Raises OSError."""
    address = target.address or target.host
    family = os_socket.AF_INET6 if ":" in address else os_socket.AF_INET
    host, _, zone = address.partition("%")
    scope = _scope_of(zone) if zone else 0
    sock = trio.socket.socket(family, os_socket.SOCK_STREAM)
    try:
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


def _scope_of(zone: str) -> int:
    """The number of an interface that is given by name or number, as in fe80::1%eth0. Raises OSError."""
    if zone.isascii() and zone.isdigit():
        return int(zone)
    try:
        return os_socket.if_nametoindex(zone)
    except OSError as error:  # it has no errno
        raise OSError(errno.ENODEV, f"no such network interface: {zone}") from error


def _ending_of(error: OSError) -> Ending:
    if isinstance(error, os_socket.gaierror):  # addresses are literals: one does not fit the other's family
        return Ending.UNREACHABLE
    if error.errno in (errno.EMFILE, errno.ENFILE):
        hint = "allow more (ulimit -n 4096), or ask for less at a time (--per-host)"
        raise Unavailable("no file descriptor is left for another connection", hint) from error
    if error.errno not in ENDINGS:
        raise error
    return ENDINGS[error.errno]


def _broken_off(error: OSError, traffic: _Traffic) -> Ending:
    """How a connection ended that there had been."""
    traffic.cause = error.strerror
    ending = _ending_of(error)
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
    machine: Machine, sock: trio.socket.SocketType, traffic: _Traffic, step_s: float, budget: int
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
    machine: Machine, sock: trio.socket.SocketType, traffic: _Traffic, clock: _Clock, budget: int
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


async def _hear(machine: Machine, sock: trio.socket.SocketType, traffic: _Traffic, budget: int) -> Ending | None:
    """Read once; None, or how the connection turned out to have ended."""
    try:
        data = await sock.recv(min(_CHUNK, budget - traffic.received))
    except OSError as error:
        return _broken_off(error, traffic)
    if not data:
        return Ending.CLOSED
    traffic.received += len(data)
    traffic.last = data
    traffic.note(machine.observe(Side.SERVER, data, trio.current_time()))
    return None


async def _say(sock: trio.socket.SocketType, data: bytes, traffic: _Traffic) -> Ending | None:
    """Write everything; None, or how the connection turned out to have ended. What it said before may still be read."""
    view = memoryview(data)
    try:
        while view:
            sent = await sock.send(view)
            traffic.sent += sent
            view = view[sent:]
    except OSError as error:
        return _broken_off(error, traffic)
    return None


async def _leave(machine: Machine, sock: trio.socket.SocketType, traffic: _Traffic) -> None:
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
