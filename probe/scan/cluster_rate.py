"""One rate for all batches that a worker's process has of a scan, whichever of its threads they run in.

Batches may so be small without more than their share beginning, and one that waits for its last hosts leaves its turns
to those beside it.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

import trio  # noqa: TID253 - this module is only imported when a scan runs

from probe.scan.gate import Pace, Rate

_SCANS = 16  # so many are remembered in a process


class SharedPace(Pace):
    """One for all threads of a process; no turn waits until it was said how many there are a second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(math.inf, clock)
        self._lock = threading.Lock()
        self._number = -1

    def change(self, per_second: float, number: int) -> None:
        """So many a second from now on, unless something with a higher number was said before."""
        with self._lock:
            if number >= self._number:
                self._number = number
                self._interval_s = 1 / per_second

    def book(self, *, late: bool) -> float | None:
        """As any pace has it."""
        with self._lock:
            return super().book(late=late)


class SharedRate(Rate):
    """The rate of one batch, whose turns are taken from those of the process."""

    def __init__(self, pace: SharedPace, per_second: float, number: int) -> None:
        super().__init__(pace)
        pace.change(per_second, number)
        self.last = trio.current_time()  # when the last turn was

    def try_take(self) -> bool:
        """Take a turn if there is one at once."""
        has_turn = super().try_take()
        if has_turn:
            self.last = trio.current_time()
        return has_turn

    async def take(self) -> None:
        """Wait for a turn."""
        await super().take()
        self.last = trio.current_time()


_paces: OrderedDict[str, SharedPace] = OrderedDict()
_paces_lock = threading.Lock()


def pace_of(run: str) -> SharedPace:
    """That of this scan in this process."""
    with _paces_lock:
        pace = _paces.setdefault(run, SharedPace())
        _paces.move_to_end(run)
        while len(_paces) > _SCANS:
            _paces.popitem(last=False)
        return pace
