"""One rate for all batches that a worker's process has of a scan, whichever of its threads they run in.

Batches may so be small without more than their share beginning, and one that waits for its last hosts leaves its turns
to those beside it.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

import trio  # noqa: TID253 - this module is only imported when a scan runs

from probe.scan.gate import BURST_S, Rate

_SCANS = 16  # so many are remembered in a process


class Pace:
    """When turns are due, for all threads of this process: as `gate.Rate` has it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._interval_s = 0.0
        self._number = -1
        self._due = -float("inf")

    def change(self, per_second: float, number: int) -> None:
        """So many a second from now on, unless something with a higher number was said before."""
        with self._lock:
            if number >= self._number:
                self._number = number
                self._interval_s = 1 / per_second

    def book(self, *, late: bool) -> float | None:
        """Take a turn: in how many seconds it is. None where it is not at once and `late` is not wanted."""
        with self._lock:
            now = self._clock()
            wait_s = max(0.0, self._due - now - BURST_S)
            if wait_s and not late:
                return None
            self._due = max(self._due, now) + self._interval_s
            return wait_s


class SharedRate(Rate):
    """The rate of one batch, whose turns are taken from those of the process."""

    def __init__(self, pace: Pace, per_second: float, number: int) -> None:
        super().__init__(per_second)
        pace.change(per_second, number)
        self._pace = pace
        self.last = trio.current_time()  # when the last turn was

    def try_take(self) -> bool:
        """Take a turn if there is one at once."""
        if self._pace.book(late=False) is None:
            return False
        self.last = trio.current_time()
        return True

    async def take(self) -> None:
        """Wait for a turn."""
        wait_s = self._pace.book(late=True)
        assert wait_s is not None
        if wait_s:
            self.waiting += 1
            try:
                await trio.sleep(wait_s)
            finally:
                self.waiting -= 1
                if not self.waiting:
                    self.calm()
        self.last = trio.current_time()


_paces: OrderedDict[str, Pace] = OrderedDict()
_paces_lock = threading.Lock()


def pace_of(run: str) -> Pace:
    """That of this scan in this process."""
    with _paces_lock:
        pace = _paces.setdefault(run, Pace())
        _paces.move_to_end(run)
        while len(_paces) > _SCANS:
            _paces.popitem(last=False)
        return pace
