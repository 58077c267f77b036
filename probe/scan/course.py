"""One scan from its first target to its last: targets in, work done, results kept, whoever watches told."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Protocol

import trio  # noqa: TID253 - this module is only imported when a scan runs

from probe.scan.work import Finished, Job, Pool, Task

_BATCH = 16  # targets handed out at a time


class Sink(Protocol):
    """Where results are kept."""

    async def append(self, finished: list[Finished]) -> None:
        """Keep them; what was appended before is safe by then. Raises OSError."""
        ...


class Watch(Protocol):
    """Whoever is told how the scan goes on."""

    def saw(self, finished: list[Finished]) -> None:
        """These are kept."""
        ...


async def run(job: Job, tasks: Iterator[Task], pool: Pool, sink: Sink, watch: Watch) -> None:
    """Do every task. Raises OSError where results cannot be kept, InputError for a target that cannot be read."""
    hand_out, handed_out = trio.open_memory_channel[list[Task]](0)
    finish, finished = trio.open_memory_channel[list[Finished]](64)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_feed, tasks, hand_out)
        nursery.start_soon(pool.work, job, handed_out, finish)
        async for some in finished:
            await sink.append(some)
            watch.saw(some)


async def _feed(tasks: Iterator[Task], hand_out: trio.MemorySendChannel[list[Task]]) -> None:
    """Standard input may let us wait: in a thread, so that audits under way are not held up."""
    async with hand_out:
        while batch := await trio.to_thread.run_sync(_take, tasks, abandon_on_cancel=True):
            await hand_out.send(batch)


def _take(tasks: Iterator[Task]) -> list[Task]:
    return list(islice(tasks, _BATCH))
