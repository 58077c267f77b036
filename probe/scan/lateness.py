"""How late this process's event loop is: what it holds back while it is, and what there is to tell afterwards.

A loop that has more to do than the machine can gets to each connection late, and an answer that lay there in time looks
like none. So no target begins while the loop is late by a tenth of the longest silence: then as many are under way as
the machine can do, and `--concurrency` is the most that may be. A few may always be, for it may be other programs that
keep the machine busy.
"""

from __future__ import annotations

from collections.abc import Callable

import trio  # noqa: TID253 - this module is only imported when a scan runs

_LOOK_S = 0.05  # between two looks at the clock: each costs two passes of the loop
_HOLDS_BACK = 0.1  # of the longest silence; a connection makes up for as much, see `probe.drive.connection`
_MATTERS = 0.5  # of the longest silence: the user should know
AT_LEAST = 8  # connections that are under way whatever the loop is like


class Lateness:
    """How late the loop that runs `watch` is, and was at worst. `step_s` is the longest silence that is waited for."""

    def __init__(self, step_s: float) -> None:
        self._most_s = _HOLDS_BACK * step_s
        self.worst_s = 0.0
        self.holds_back = False  # nothing new should begin

    async def watch(self, calm: Callable[[], None]) -> None:
        """Look, until cancelled. `calm` is called when something may begin again."""
        while True:
            due = trio.current_time() + _LOOK_S
            await trio.sleep_until(due)
            woken = trio.current_time()
            await trio.lowlevel.checkpoint()
            # What it is to be woken late or, where that was by luck in time, to wait for one's turn.
            late_s = max(woken - due, trio.current_time() - woken)
            self.worst_s = max(self.worst_s, late_s)
            before, self.holds_back = self.holds_back, late_s > self._most_s
            if before and not self.holds_back:
                calm()


def matters(late_s: float, step_s: float) -> bool:
    """Whether a loop that was as late makes silences of `step_s` uncertain."""
    return late_s >= _MATTERS * step_s
