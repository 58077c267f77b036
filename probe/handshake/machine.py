"""What every handshake machine is, and how one follows another on a connection.

A machine *observes* what went over the wire in either direction and separately offers what to send next. A live
driver writes what the machine offers and reports it back as observed; a capture driver never asks. So what was
really sent is input in both worlds, and both give the same events.

Three things end a machine's work. It is `finished` when its protocol has said all that this program wants to know.
Its stream may end first: the driver says how, by `end`. Or a peer says what cannot be read: the machine records a
Malformed event and is finished too, for nothing after it can be trusted.

`Chain` puts one protocol after another on the same bytes (negotiation, then TLS). What runs inside TLS is the
business of the tunnel. No machine knows what is before, behind or around it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from probe.errors import ProbeError


class Side(Enum):
    """Who said it."""

    __hash__ = object.__hash__  # members are single; Enum's own hash runs in Python, on every look-up

    CLIENT = "client"
    SERVER = "server"


SIDES = (Side.CLIENT, Side.SERVER)


class Ending(Enum):
    """How a connection ended. One closed list, for sockets and captures alike."""

    __hash__ = object.__hash__

    COMPLETE = "complete"  # the machine had all it wanted; we closed
    CLOSED = "closed"  # the peer ended the stream (FIN)
    RESET = "reset"  # the peer broke it off (RST)
    TIMED_OUT = "timed_out"  # nothing came within the step's time
    DEADLINE = "deadline"  # bytes came, too slowly for the whole
    TOO_MUCH = "too_much"  # more bytes than the budget allows
    REFUSED = "refused"  # RST to our SYN
    FILTERED = "filtered"  # no answer to our SYN
    UNREACHABLE = "unreachable"  # the network says there is no way
    ABANDONED = "abandoned"  # the client ended it while it awaited an answer: only where others are watched
    INTERRUPTED = "interrupted"  # we stopped, or the capture does


NEVER_OPENED = (Ending.REFUSED, Ending.FILTERED, Ending.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was seen, and when: seconds on the driver's clock."""

    at: float


@dataclass(frozen=True, slots=True)
class Seen(Event):
    """A message, with the bytes it was read from. `message` is a dataclass of `probe.wire`."""

    side: Side
    message: object
    raw: bytes


@dataclass(frozen=True, slots=True)
class Malformed(Event):
    """Bytes that could not be read, or that came at the wrong moment."""

    side: Side
    error: ProbeError
    raw: bytes  # what was being read, as far as it is known


@dataclass(frozen=True, slots=True)
class Unread(Event):
    """Bytes behind the last message that a finished conversation asked for."""

    side: Side
    raw: bytes


@dataclass(frozen=True, slots=True)
class Secured(Event):
    """A TLS handshake was completed. `chain` is the server's, DER, leaf first."""

    version: str
    cipher_suite: str
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class TlsFailed(Event):
    """Our TLS library gave up on what the server sent. `reasons` are its own words."""

    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended(Event):
    """The stream is over. `expected` names the state whose message was still awaited, or is empty."""

    how: Ending
    expected: str


@dataclass(frozen=True, slots=True)
class TlsClosed(Event):
    """The server ended TLS by close_notify, inside the tunnel."""


class Machine(Protocol):
    """One side-neutral reader of one protocol, which can also speak the client's part."""

    @property
    def finished(self) -> bool:
        """True when nothing more is wanted from this protocol."""
        ...

    @property
    def waiting_for(self) -> str:
        """The state, in words for evidence; empty when finished."""
        ...

    def data_to_send(self) -> bytes:
        """Bytes that a live driver must write now. A capture driver never asks."""
        ...

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        """Take bytes that were seen on the wire, from either side. Never raises for what a peer sent."""
        ...

    def leftover(self, side: Side) -> bytes:
        """Take the bytes that came behind this protocol's last message."""
        ...

    def farewell(self) -> bytes:
        """What a polite client writes before it closes; may be empty."""
        ...


def end(machine: Machine, how: Ending, at: float) -> list[Event]:
    """The closing events of a conversation: what was left unread, and what was still awaited."""
    unread: list[Event] = [Unread(at, side, rest) for side in SIDES if (rest := machine.leftover(side))]
    return [*unread, Ended(at, how, machine.waiting_for)]


class Chain:
    """One protocol after another on one connection.

    `follow` is asked with each finished machine for the next one, or None when the conversation is over.
    """

    def __init__(self, first: Machine, follow: Callable[[Machine], Machine | None]) -> None:
        self._current = first
        self._follow = follow
        self._over = False

    @property
    def finished(self) -> bool:
        """True when the last machine is finished."""
        return self._over

    @property
    def waiting_for(self) -> str:
        """What the current machine waits for."""
        return self._current.waiting_for

    def data_to_send(self) -> bytes:
        """What the current machine offers."""
        return self._current.data_to_send()

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        """Hand bytes to the current machine, and what it leaves over to its successors."""
        events = self._current.observe(side, data, at)
        while self._current.finished and not self._over:
            following = self._follow(self._current)
            if following is None:
                self._over = True
                break
            previous, self._current = self._current, following
            for each in SIDES:
                if rest := previous.leftover(each):
                    events += following.observe(each, rest, at)
        return events

    def leftover(self, side: Side) -> bytes:
        """What the current machine left over."""
        return self._current.leftover(side)

    def farewell(self) -> bytes:
        """The current machine's."""
        return self._current.farewell()
