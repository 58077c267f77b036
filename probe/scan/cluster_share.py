"""What a batch may use of what the whole scan may, and how many targets it has."""

from __future__ import annotations

import math
from dataclasses import dataclass

from probe.scan.work import Finished, Job

_AHEAD = 2  # batches on their way for each that can run: one runs, one waits beside it
_LARGEST = 512  # targets in a batch
_SMALLEST = 16
_WAVES = 4  # a batch is so often what runs at a time, so that its slowest targets matter less
_SHORTEST_S, _LONGEST_S = 2.0, 20.0  # of a batch, where a rate bounds it: so often results come
_TAILS = 2  # it is so often as long as its last targets take, while which it does not use its turns
_LAST = 2  # what is left is cut into so many batches for each that can run
_NEW = 0.25  # how much the latest batch counts among all before it
_CONNECTIONS = {"discover": 1.0}  # of a target, before any is known
_USUAL_CONNECTIONS = 10.0


@dataclass(frozen=True, slots=True)
class Share:
    """What one batch may use of what the whole scan may, and how many batches are out at a time.

    `rate` is that of a worker's process, for all batches that run in it. `running`: batches at a time in all.
    """

    concurrency: int
    rate: float | None
    per_subnet: int | None
    workers: int
    running: int
    batches: int


def share_of(job: Job, workers: int, slots: int, *, whole: bool) -> Share:
    """Share a job among so many workers that run so many batches in all. All shares together never exceed the whole.

    `whole`: `job.concurrency` is what the user allows for all; else it is what each worker may have.
    """
    total = job.concurrency if whole else job.concurrency * workers
    most = min(total, job.per_subnet or total)  # so many batches at most: each needs one connection at least
    running = min(slots, most)
    return Share(
        concurrency=total // running,
        rate=job.rate / workers if job.rate else None,
        per_subnet=job.per_subnet // running if job.per_subnet else None,
        workers=workers,
        running=running,
        batches=min(_AHEAD * slots, most),
    )


class Portions:
    """How many targets the next batch has: as many as keep a worker busy, and few where that would make others wait.

    With a rate that depends on what a target costs, which batches before it have shown. `left`: targets that are not
    handed out yet; None where nobody knows.
    """

    def __init__(self, job: Job, left: int | None) -> None:
        self._left = left
        self._connections = _CONNECTIONS.get(job.settings.depth, _USUAL_CONNECTIONS)  # that a target takes
        self._tail_s = _SHORTEST_S / _TAILS  # how long a batch goes on when its last connection has begun

    def size(self, share: Share) -> int:
        """Targets of the next batch, at least one."""
        size = float(min(_LARGEST, max(_SMALLEST, _WAVES * share.concurrency)))
        smallest = _SMALLEST
        if share.rate:
            seconds = min(_LONGEST_S, max(_SHORTEST_S, _TAILS * self._tail_s))
            size = min(size, share.rate * share.workers / share.running * seconds / self._connections)
            smallest = 1
        if self._left is not None:
            size = min(size, max(smallest, math.ceil(self._left / (_LAST * share.running))))
        return max(1, int(size))

    def handed_out(self, targets: int) -> None:
        """So many targets are on their way."""
        if self._left is not None:
            self._left = max(0, self._left - targets)

    def saw(self, finished: list[Finished], tail_s: float) -> None:
        """What a batch came to."""
        connections = sum(facts.connections for each in finished for facts in each.facts) / len(finished)
        self._connections += _NEW * (max(1.0, connections) - self._connections)
        self._tail_s += _NEW * (min(tail_s, _LONGEST_S / _TAILS) - self._tail_s)
