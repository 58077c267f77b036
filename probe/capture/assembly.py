"""One direction of a TCP connection put together from the segments that a capture has of it.

Positions count the bytes of a direction from its first one (0: behind the SYN, or where the capture begins); they do
not wrap. A segment may come late, twice, overlapping, or not at all: what was seen first of a byte is kept, and what
never came is a hole, known by its size. Nothing waits for anything: a hole may be filled until the connection is over.
Only the first `limit` bytes are kept, and no more before position 0, so a stream's memory is bounded whatever is sent.

Source: RFC 9293, 3.4 (sequence numbers), 3.8.4 (keep-alives).
"""

from __future__ import annotations

from bisect import insort
from typing import NamedTuple

from probe.capture.connection import Piece
from probe.capture.segment import Segment
from probe.handshake.machine import SIDES

MASK, HALF = 0xFFFFFFFF, 0x80000000
MOST_RUNS = 4096  # segments kept of a direction
MOST_HOLES = 256
_MOST_AHEAD = 1 << 30  # bytes by which a segment without any may be ahead: no window is larger, RFC 7323, 2.2
RUN_COST = 160  # bytes that keeping a segment costs beside its data
STREAMS_COST = 1536  # bytes that the two streams of a connection take before any data


class Run(NamedTuple):
    """Bytes of one segment that had not been seen."""

    start: int
    data: bytes
    at: float
    packet: int
    acknowledged: int  # sequence number that the segment acknowledged; -1 for none


def distance(sequence: int, base: int) -> int:
    """How far a sequence number is from another, -2**31 to 2**31 - 1, over the wrap-around."""
    return ((sequence - base + HALF) & MASK) - HALF


class Stream:
    """One direction. `take` segments in the order of the capture; `runs` are what is kept, by position."""

    __slots__ = (
        "acknowledged",
        "base",
        "bytes",
        "cut",
        "fin",
        "high",
        "holes",
        "last_acknowledgment",
        "limit",
        "lost",
        "low",
        "origin",
        "out_of_order",
        "retransmitted",
        "runs",
        "truncated",
    )

    def __init__(self, limit: int) -> None:
        self.limit = limit  # bytes from position 0 that are kept
        self.base: int | None = None  # sequence number of position 0
        self.origin: int | None = None  # position of the first byte, where a SYN or its answer said it
        self.low = self.high = 0  # positions of the first byte seen, and behind the last one
        self.holes: list[tuple[int, int]] = []  # positions between them that have not been seen
        self.lost = 0  # bytes of holes that are not waited for, because there were too many
        self.runs: list[Run] = []
        self.fin: int | None = None  # position of a FIN, which takes one number
        self.last_acknowledgment = -1
        self.acknowledged: int | None = None  # position up to which the peer acknowledged
        self.bytes = 0  # that were seen, each once
        self.cut = False  # more bytes came than are kept
        self.truncated = False  # segments were cut when they were captured
        self.retransmitted = self.out_of_order = 0

    def position(self, sequence: int) -> int:
        """Where a sequence number is. The first one that is asked for becomes position 0."""
        if self.base is None:
            self.base = sequence
        high = self.high
        return high + ((sequence - self.base - high + HALF) & MASK) - HALF

    def acknowledge(self, acknowledgment: int) -> None:
        """The peer has all bytes before this sequence number."""
        if acknowledgment != self.last_acknowledgment:
            self.last_acknowledgment = acknowledgment
            position = self.position(acknowledgment)
            if self.acknowledged is None or position > self.acknowledged:
                self.acknowledged = position

    def begin(self, sequence: int) -> None:
        """The SYN said (or its answer acknowledged) that the first byte has this sequence number."""
        position = self.position(sequence)
        if self.origin is None and position <= self.low:
            self.origin = position
            if position < self.low:
                self.holes.insert(0, (position, self.low))
                self.low = position

    def take(self, position: int, segment: Segment) -> int:
        """A segment whose data is at a position. What keeping it costs, in bytes."""
        length, high = segment.length, self.high
        if position - 1 == self.fin:
            position -= 1
        if not length:
            if high < position <= high + _MOST_AHEAD:  # bytes before it were sent, and are not here yet
                self._hole(high, position)
                self.high = position
            return 0
        if len(segment.data) < length:
            self.truncated = True
        end = position + length
        if position < high:
            return self._late(position, end, segment)
        if position > high:
            self._hole(high, position)
        self.high = end
        self.bytes += length
        if position >= self.limit:
            self.cut = True
            return 0
        return self._keep(position, end, position, segment)

    def reach(self, position: int) -> None:
        """All bytes before a position were sent, whether they are here or not. A single one is the number of a FIN."""
        if position > self.high + 1:
            self._hole(self.high, position)
            self.high = position

    def _late(self, position: int, end: int, segment: Segment) -> int:
        """A segment that begins before the end of what was seen: the parts of it that are new are kept."""
        keeps_alive = end - position == 1 and position in (self.high - 1, self.low - 1)
        parts = self._fill(position, end) if self.holes else []
        if position < self.low and self.origin is None and position >= -self.limit and not keeps_alive:
            parts.append((position, min(end, self.low)))
            if end < self.low:
                self.holes.insert(0, (end, self.low))
            self.low = position
        self.out_of_order += bool(parts)
        if end > self.high:
            parts.append((self.high, end))
            self.high = end
        elif not parts:
            self.retransmitted += not keeps_alive
            return 0
        fresh = sum(last - first for first, last in parts)
        self.bytes += fresh
        return sum(self._keep(first, last, position, segment) for first, last in parts)

    def _fill(self, position: int, end: int) -> list[tuple[int, int]]:
        """Take from the holes what a segment brings, and give it."""
        parts = []
        left: list[tuple[int, int]] = []
        for first, last in self.holes:
            if end <= first or last <= position:
                left.append((first, last))
                continue
            parts.append((max(first, position), min(last, end)))
            left += [part for part in ((first, position), (end, last)) if part[0] < part[1]]
        self.holes = left
        return parts

    def _hole(self, first: int, last: int) -> None:
        self.holes.append((first, last))
        if len(self.holes) > MOST_HOLES:
            first, last = self.holes.pop(0)
            self.lost += last - first

    def _keep(self, start: int, end: int, position: int, segment: Segment) -> int:
        if start >= self.limit or len(self.runs) >= MOST_RUNS:
            self.cut = True
            return 0
        self.cut = self.cut or end > self.limit
        kept = segment.data[start - position : min(end, self.limit) - position]
        if not kept:
            return 0
        insort(self.runs, Run(start, kept, segment.at, segment.packet, segment.acknowledged))
        return len(kept) + RUN_COST

    @property
    def missing(self) -> int:
        """Bytes that were sent before the last one seen, or acknowledged, and are not in the capture.

        A single one that was acknowledged is the number of a FIN.
        """
        behind = 0 if self.acknowledged is None else self.acknowledged - self.high
        return self.lost + (behind if behind > 1 else 0) + sum(last - first for first, last in self.holes)

    @property
    def missing_at_end(self) -> int:
        """Those of them that no byte seen follows."""
        behind = 0 if self.acknowledged is None else self.acknowledged - self.high
        at_end = (last - first for first, last in self.holes if last == self.high)
        return (behind if behind > 1 else 0) + next(at_end, 0)

    def first(self, count: int) -> bytes:
        """The first bytes, as far as they are there without a hole."""
        if len(self.runs) == 1:
            return self.runs[0].data[:count]
        found, position = b"", None
        for run in self.runs:
            if len(found) >= count or (position is not None and run.start != position):
                break
            found, position = found + run.data, run.start + len(run.data)
        return found[:count]

    def starts(self) -> bool:
        """True where the first bytes seen are the first that were sent."""
        return bool(self.runs) and self.runs[0].start == self.origin


def causal(client: Stream, server: Stream) -> list[Piece]:
    """The bytes of both directions, each in order, and what a segment acknowledges before what it carries.

    Otherwise they stand as they were captured. An acknowledged byte that is not in the capture is not waited for.
    """
    queues = [stream.runs[::-1] for stream in (client, server)]
    ends = [stream.low if stream.origin is None else stream.origin for stream in (client, server)]
    bases = [stream.base or 0 for stream in (client, server)]
    pieces = []
    while queues[0] or queues[1]:
        which = _next(queues, bases)
        run = queues[which].pop()
        pieces.append(Piece(SIDES[which], run.data, run.at, run.packet, run.start - ends[which]))
        ends[which] = run.start + len(run.data)
    return pieces


def _next(queues: list[list[Run]], bases: list[int]) -> int:
    """Whose turn it is: 0 the client's, 1 the server's."""
    if not queues[0] or not queues[1]:
        return 0 if queues[0] else 1
    heads = queues[0][-1], queues[1][-1]
    waits = [
        heads[side].acknowledged >= 0 and distance(heads[side].acknowledged, bases[1 - side]) > heads[1 - side].start
        for side in (0, 1)
    ]
    if waits[0] != waits[1]:
        return 1 if waits[0] else 0
    return 0 if heads[0].packet <= heads[1].packet else 1
