"""One TCP connection: opened, held by a machine until it has what it wants, and closed.

Every wait has two limits, the step's silence and the connection's whole; every read has a byte budget, and what is kept
of it a number of events. Nothing that a peer or a network does is an exception here: it becomes an ending, and the
operating system's words are kept beside it.

Nor is our own slowness a peer's silence. Where our event loop was late to notice that a wait was over, what has come
meanwhile is read first, and the peer is given that much time again.
"""

from __future__ import annotations

import math
import socket as os_socket
from collections.abc import Callable
from dataclasses import dataclass, field

import trio  # noqa: TID253 - this module is only imported when a connection is to be made

from probe.drive.limits import Limits
from probe.drive.opening import BROKEN_OFF, ENDINGS, ending_of, open_to, scope_of
from probe.drive.tap import Lookout, Tap, lookout
from probe.handshake.machine import Ending, Event, Machine, Malformed, Seen, Side, end
from probe.result import Target
from probe.wire.nego import ConfirmData, NegotiationResponse, Protocol

__all__ = ["ENDINGS", "Traffic", "broken_off", "ending_of", "hold", "open_to", "scope_of"]

_CHUNK = 16384
_UNMOVED = 0.01  # of a step: a deadline stays where it is for less, because moving it costs as much as a read
_STEPS_IN_AN_ATTEMPT = 3  # a peer that trickles is given this many silences' time altogether
_LATE = 0.1  # of a step: when our own loop is late by as much, that is made up for,
_STEPS_MADE_UP_FOR = 3  # up to this many steps in an attempt
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
    tap: Tap | None = None  # who is told of every byte,
    seen_by: Lookout | None = None  # and through whom, once there is something to tell

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
    call = _Call(traffic, limits.step_s, limits.step_s if step_s is None else step_s, budget)
    return await call.run(make, target, limits)


def broken_off(error: OSError, traffic: Traffic) -> Ending:
    """How a connection ended that there had been."""
    traffic.cause = error.strerror
    ending = ending_of(error)
    ending = BROKEN_OFF.get(ending, ending)
    if traffic.seen_by is not None:
        traffic.seen_by.failed(ending)
    return ending


class _Call:
    """One connection from its opening to its close.

    Every wait may last a step, and all of them together a few. One scope with a moving deadline serves them all, as
    long as they end in time: a scope for each wait would cost far more. A deadline and what it waited for may come in
    one pass of the event loop; then another scope goes on, and so it does where time is made up for.
    """

    def __init__(self, traffic: Traffic, opening_s: float, step_s: float, budget: int) -> None:
        self._traffic = traffic
        self._step_s = step_s
        self._budget = budget
        self._sock: os_socket.socket | None = None
        self._machine: Machine | None = None
        self._ending: Ending | None = None  # None: not yet known
        self._out = b""  # what is being sent,
        self._unsaid = memoryview(b"")  # and what is left of it
        self._broken: Ending | None = None  # what a failed send has shown
        self._now = trio.current_time()  # when something last happened
        self._until = self._now + opening_s
        self._scope = trio.CancelScope(deadline=self._until)
        self._end = math.inf
        self._to_make_up_for = step_s * _STEPS_MADE_UP_FOR
        self._made_up_for = False  # in this silence

    async def run(self, make: Callable[[], Machine], target: Target, limits: Limits) -> Ending:
        """Connect and converse until the machine is finished, the peer ends it, or a limit does."""
        try:
            while True:
                with self._scope:
                    await self._hold(make, target, limits)
                if self._ending is None:
                    self._ending = self._expired() if self._scope.cancelled_caught else None
                if self._ending is not None:
                    break
                self._scope = trio.CancelScope(deadline=self._until)
        finally:
            how = Ending.INTERRUPTED if self._ending is None else self._ending
            if self._machine is not None:
                self._traffic.events += end(self._machine, how, trio.current_time())
            if self._sock is not None:
                _close(self._sock, self._traffic.seen_by)
            if self._traffic.seen_by is not None:
                self._traffic.seen_by.over(how)
        return self._ending

    async def _hold(self, make: Callable[[], Machine], target: Target, limits: Limits) -> None:
        """Go on until how it ends is known, or the scope is of no more use."""
        if self._machine is None or self._sock is None:
            try:
                self._sock = await self._open(target, limits)
            except OSError as error:
                self._traffic.cause = error.strerror or str(error)
                self._ending = ending_of(error)
                return
            self._machine = make()
            self._now = trio.current_time()
            self._end = self._now + self._step_s * _STEPS_IN_AN_ATTEMPT
            if not self._step():
                return
        self._ending = await self._exchange(self._machine, self._sock)
        if self._ending is Ending.COMPLETE:
            await self._leave(self._machine, self._sock)

    async def _open(self, target: Target, limits: Limits) -> os_socket.socket:
        seen_by = lookout(self._traffic.tap, (target.address or target.host, target.port))
        if seen_by is None:
            return await open_to(target, limits.source_address)
        self._traffic.seen_by = seen_by
        sock = await open_to(target, limits.source_address, begun=seen_by.bound)
        seen_by.opened(sock)
        return sock

    def _step(self) -> bool:
        """Begin a wait. Whether the scope serves for it: not where its deadline is past, for it may be cancelled."""
        in_time = self._now < self._until
        if not in_time:
            self._make_up_for(self._now - self._until)
        self._made_up_for = False
        until = min(self._now + self._step_s, self._end)
        if not 0 <= until - self._until < _UNMOVED * self._step_s:
            self._until = until
            if in_time:
                self._scope.deadline = until
        return in_time

    def _make_up_for(self, late_s: float) -> float:
        """Give the peer the time again by which our own loop was late, where that matters; how much it is."""
        if late_s < _LATE * self._step_s:
            return 0
        again_s = min(late_s, self._step_s, self._to_make_up_for)
        self._to_make_up_for -= again_s
        if again_s:
            self._end = max(self._end, self._until + late_s) + again_s
        return again_s

    def _expired(self) -> Ending | None:
        """What it means that the scope was cancelled; None: nothing yet."""
        if self._machine is None or self._sock is None:
            return Ending.FILTERED
        now = trio.current_time()
        if not self._made_up_for and (again_s := self._make_up_for(now - self._until)):
            self._made_up_for = True
            self._until = now + again_s  # what has come by now is found at once
            return None
        if self._now + self._step_s >= self._end:
            return Ending.DEADLINE
        if self._unsaid:
            return Ending.TIMED_OUT
        before = self._traffic.received
        ending = self._read(self._machine, self._sock, self._budget)
        if ending is None and self._traffic.received == before:
            return Ending.TIMED_OUT
        self._step()
        return ending

    async def _exchange(self, machine: Machine, sock: os_socket.socket) -> Ending | None:
        """Talk; how it ended, or None where that takes another scope."""
        traffic = self._traffic
        while True:
            if self._broken is None:
                await self._say_next(machine, sock)
            if machine.finished:
                return Ending.COMPLETE
            if traffic.received >= self._budget or len(traffic.events) >= _MOST_EVENTS:
                return Ending.TOO_MUCH
            ending = await self._hear(machine, sock, self._budget)
            if ending is not None or not self._step():
                return ending

    async def _hear(self, machine: Machine, sock: os_socket.socket, budget: int) -> Ending | None:
        """Read once; None, or how the connection turned out to have ended."""
        # To wait comes first: an answer takes a round trip, and nobody who talks without end keeps others waiting.
        await trio.lowlevel.wait_readable(sock)
        return self._read(machine, sock, budget)

    def _read(self, machine: Machine, sock: os_socket.socket, budget: int) -> Ending | None:
        """Take what is there; as `_hear`."""
        traffic = self._traffic
        self._now = trio.current_time()
        try:
            data = sock.recv(min(_CHUNK, budget - traffic.received))
        except BlockingIOError:  # what was announced turned out to be nothing
            return None
        except OSError as error:
            return broken_off(error, traffic)
        if traffic.seen_by is not None:
            traffic.seen_by.carried(Side.SERVER, data)
        if not data:
            # A failed send took the reset's error with it; what was received before it has now been read.
            return self._broken or Ending.CLOSED
        traffic.received += len(data)
        traffic.last = data
        traffic.note(machine.observe(Side.SERVER, data, self._now))
        return None

    async def _say_next(self, machine: Machine, sock: os_socket.socket) -> None:
        """Send what the machine has to say, or the rest of it."""
        if not self._out:
            self._out = machine.data_to_send()
            self._unsaid = memoryview(self._out)
        if self._out:
            self._broken = await self._say(sock)
            out, self._out, self._unsaid = self._out, b"", memoryview(b"")
            self._traffic.note(machine.observe(Side.CLIENT, out, self._now))

    async def _say(self, sock: os_socket.socket) -> Ending | None:
        """Write all; None, or how the connection turned out to have ended. What it said before may still be read."""
        while self._unsaid:
            try:
                sent = sock.send(self._unsaid)
            except BlockingIOError:
                await trio.lowlevel.wait_writable(sock)
                continue
            except OSError as error:
                return broken_off(error, self._traffic)
            if self._traffic.seen_by is not None:
                self._traffic.seen_by.carried(Side.CLIENT, self._unsaid[:sent])
            self._traffic.sent += sent
            self._unsaid = self._unsaid[sent:]
        return None

    async def _leave(self, machine: Machine, sock: os_socket.socket) -> None:
        """Say goodbye; but give what is not RDP a moment to become a line that tells what it is."""
        traffic = self._traffic
        self._step()
        if last := machine.farewell():
            self._unsaid = memoryview(last)
            await self._say(sock)
        if not traffic.unreadable_from_the_start:
            return
        with trio.move_on_after(_BANNER_S):  # banners come in pieces
            while traffic.received < _BANNER and b"\n" not in traffic.last:
                if await self._hear(machine, sock, _BANNER) is not None:
                    return


def _close(sock: os_socket.socket, seen_by: Lookout | None) -> None:
    """Take what already arrived, then close: with bytes unread the kernel would send a reset in place of a FIN."""
    try:
        for _ in range(_LAST_READS):
            data = sock.recv(_CHUNK)
            if seen_by is not None:
                seen_by.carried(Side.SERVER, data)
            if not data:
                break
        else:
            if seen_by is not None:
                seen_by.left_unread()
    except OSError as error:
        if seen_by is not None:
            seen_by.failed(ENDINGS.get(error.errno or 0, Ending.CLOSED))
    sock.close()
