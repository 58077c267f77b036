"""Fragments of IP packets, put together in whatever order they come.

Where fragments overlap, what came first stays. How many packets wait for the rest of them, how much memory they take
and how long they may wait is bounded; the oldest go, and are counted. Sources: RFC 791 section 3.2, RFC 8200 section
4.5, RFC 5722 (fragments that overlap).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import NamedTuple

LONGEST_WAIT_S = 60.0  # RFC 8200: from the first fragment that came, by the capture's clock
MOST_PACKETS = 1024
MOST_BYTES = 1 << 23
_COST = 200  # bytes that a fragment takes besides its own
_LONGEST_PACKET = 0xFFFF
Key = tuple[bytes, bytes, int, int]  # source, destination, identification, protocol


class _Part(NamedTuple):
    start: int
    end: int  # on the wire; `data` is shorter where the capture cut it
    data: bytes


@dataclass(slots=True)
class _Waiting:
    since: float
    parts: list[_Part] = field(default_factory=list)  # in order, none overlaps another
    total: int | None = None  # bytes of the whole payload, once its last fragment is there
    covered: int = 0
    cost: int = 0
    count: int = 0  # fragments that came

    def add(self, start: int, end: int, data: bytes) -> None:
        """Take the parts of it that are not there yet."""
        first = max(bisect_left(self.parts, (start,)) - 1, 0)
        new, at = [], start
        for part in self.parts[first:]:
            if part.start >= end:
                break
            if at < part.start:
                new.append((at, part.start))
            at = max(at, part.end)
        if at < end:
            new.append((at, end))
        for a, b in new:
            insort(self.parts, _Part(a, b, data[a - start : b - start]))
            self.covered += b - a

    def whole(self) -> bytes:
        """The payload, as far as it was captured without a hole."""
        pieces = []
        for part in self.parts:
            pieces.append(part.data)
            if len(part.data) < part.end - part.start:
                break
        return b"".join(pieces)


class Fragments:
    """The packets that wait for the rest of their fragments."""

    def __init__(self) -> None:
        self.dropped = 0  # fragments that never became a packet: too old, too many, or wrong
        self._waiting: dict[Key, _Waiting] = {}  # oldest first
        self._cost = 0

    @property
    def pending(self) -> int:
        """Fragments that still wait."""
        return sum(waiting.count for waiting in self._waiting.values())

    def put(self, key: Key, start: int, length: int, data: bytes, *, more: bool, at: float) -> tuple[bytes, int] | None:
        """Take a fragment of `length` bytes at `start` of the payload, of which `data` was captured.

        The payload and its length on the wire once all is there; None until then.
        """
        self._forget(at)
        end = start + length
        if length <= 0 or end > _LONGEST_PACKET:
            self.dropped += 1
            return None
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = _Waiting(at)
        waiting.count += 1
        if not more and waiting.total is None:
            waiting.total = end
        waiting.add(start, end, data)
        waiting.cost += len(data) + _COST
        self._cost += len(data) + _COST
        if waiting.total is None or waiting.covered < waiting.total:
            return None
        self._remove(key)
        if waiting.parts[-1].end > waiting.total:  # some of it lies beyond its end
            self.dropped += waiting.count
            return None
        return waiting.whole(), waiting.total

    def _forget(self, now: float) -> None:
        while self._waiting:
            key, oldest = next(iter(self._waiting.items()))
            if now - oldest.since <= LONGEST_WAIT_S and len(self._waiting) <= MOST_PACKETS and self._cost <= MOST_BYTES:
                return
            self.dropped += oldest.count
            self._remove(key)

    def _remove(self, key: Key) -> None:
        self._cost -= self._waiting.pop(key).cost
