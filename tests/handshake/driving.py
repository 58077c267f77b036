"""Feeding machines: whole, split anywhere, or one byte at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from probe.errors import ProbeError
from probe.handshake.machine import Event, Machine, Malformed, Side
from tests.conversations import Said

_ANY = ProbeError()
Make = Callable[[], Machine]


def feed(machine: Machine, said: Iterable[Said]) -> list[Event]:
    """Observe everything at time 0, as long as the machine wants more."""
    events: list[Event] = []
    for side, data in said:
        if machine.finished:
            break
        events += machine.observe(side, data, 0.0)
    return events


def split(said: Sequence[Said], size: int) -> list[Said]:
    """The same conversation in pieces of `size` bytes."""
    return [(side, data[at : at + size]) for side, data in said for at in range(0, len(data), size)]


def comparable(events: Iterable[Event]) -> list[Event]:
    """Without the bytes of what could not be read: how many had arrived by then depends on the split."""
    return [replace(event, raw=b"", error=_ANY) if isinstance(event, Malformed) else event for event in events]


def kinds(events: Iterable[Event]) -> list[str]:
    """The names of what was seen, or of the event."""
    return [type(getattr(event, "message", event)).__name__ for event in events]


def assert_split_does_not_matter(make: Make, said: Sequence[Said]) -> list[Event]:
    """Whole, byte by byte, and in pieces of every size up to the longest give the same events."""
    whole = feed(make(), said)
    for size in {1, 2, 3, 5, 7, 11, 64, max((len(data) for _, data in said), default=1)}:
        assert comparable(feed(make(), split(said, size))) == comparable(whole)
    return whole


def client_says(data: bytes) -> Said:
    return Side.CLIENT, data


def server_says(data: bytes) -> Said:
    return Side.SERVER, data
