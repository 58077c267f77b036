"""Results in the order in which their connections began, though they come when these are over.

What has to wait is kept encoded, which takes a tenth of the memory, and no more of it than a bound: beyond that the
oldest goes out, though something older may still come.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from probe.result import Result, from_json, to_json

_MOST_BYTES = 32 * 1024 * 1024
_MOST = 10_000


class InOrder:
    """Holds results back until everything that began before them is over."""

    def __init__(self, most_bytes: int = _MOST_BYTES, most: int = _MOST) -> None:
        self._most_bytes, self._most = most_bytes, most
        self._held: list[tuple[int, int, bytes]] = []
        self._bytes = 0
        self._taken = 0

    def take(self, result: Result, oldest: int | None) -> Iterator[Result]:
        """A result that is complete, and what may now go out before or with it.

        `oldest` is the first frame of the oldest connection that still goes on; None where none does.
        """
        first = result.capture.first_packet if result.capture is not None else 0
        if not self._held and (oldest is None or first <= oldest):
            yield result
            return
        line = to_json(result)
        self._taken += 1
        heapq.heappush(self._held, (first, self._taken, line))
        self._bytes += len(line)
        yield from self.release(oldest)

    def release(self, oldest: int | None) -> Iterator[Result]:
        """What began no later than `oldest` (None: everything), and what there is no room for."""
        while self._held and (oldest is None or self._held[0][0] <= oldest or self._is_full()):
            _first, _number, line = heapq.heappop(self._held)
            self._bytes -= len(line)
            yield from_json(line)

    def _is_full(self) -> bool:
        return len(self._held) > self._most or self._bytes > self._most_bytes
