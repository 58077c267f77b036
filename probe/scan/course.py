"""One scan from its first target to its last: targets in, work done, results kept, whoever watches told."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Protocol

import trio  # noqa: TID253 - this module is only imported when a scan runs

from probe.scan.feed import Feed
from probe.scan.work import Finished, Job, Pool, Task

_UNKEPT_BYTES = 4 * 1024 * 1024  # results that wait to be written; then whoever makes them waits


class Sink(Protocol):
    """Where results are kept."""

    gather_s: float  # results that are done within this time are kept together

    async def append(self, finished: list[Finished]) -> None:
        """Keep them; they are safe when it returns. Raises OSError, Unavailable."""
        ...


class Watch(Protocol):
    """Whoever is told how the scan goes on."""

    def saw(self, finished: list[Finished]) -> None:
        """These are kept."""
        ...


class Course:
    """One scan. It may be stopped at any time, from within the event loop."""

    def __init__(self, job: Job, pool: Pool, sink: Sink, watch: Watch) -> None:
        self._job = job
        self._pool = pool
        self._keeper = _Keeper(sink, watch)
        self._work = trio.CancelScope()
        self.feed = Feed()

    def stop(self) -> None:
        """Drop what is in flight and keep what is done."""
        self._work.cancel()

    async def run(self, tasks: Iterator[Task], *, may_block: bool) -> bool:
        """Do every task; False where it was stopped. `may_block`: taking the next task may wait for a stream.

        Raises OSError or Unavailable where results cannot be kept, and what the pool gives up with; all results that
        are there by then are kept. For a target that cannot be read see `feed.problem`; those before it are done.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keeper.run)
            try:
                with self._work:
                    await self._hand_around(tasks, may_block=may_block)
            finally:
                with trio.CancelScope(shield=True):
                    await self._keeper.finish()
        return not self._work.cancelled_caught

    async def _hand_around(self, tasks: Iterator[Task], *, may_block: bool) -> None:
        hand_out, handed_out = trio.open_memory_channel[list[Task]](0)
        finish, finished = trio.open_memory_channel[list[Finished]](64)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(self.feed.run, tasks, hand_out, may_block=may_block))
                nursery.start_soon(self._pool.work, self._job, handed_out, finish)
                async for some in finished:
                    await self._keeper.add(some)
        finally:
            self._keeper.add_all(finished)


class _Keeper:
    """Gathers results while the sink is busy, so that a slow disk makes batches larger and not the scan slower."""

    def __init__(self, sink: Sink, watch: Watch) -> None:
        self._sink = sink
        self._watch = watch
        self._some: list[Finished] = []
        self._bytes = 0
        self._no_more = False
        self._more = trio.Event()
        self._taken = trio.Event()
        self._hurry = trio.Event()
        self._ended = trio.Event()

    async def add(self, finished: list[Finished]) -> None:
        """Have these kept soon; waits while too many are not."""
        self._put(finished)
        while self._bytes > _UNKEPT_BYTES:
            self._hurry.set()
            self._taken = trio.Event()
            await self._taken.wait()

    def add_all(self, finished: trio.MemoryReceiveChannel[list[Finished]]) -> None:
        """Have those kept that wait to be received."""
        try:
            while True:
                self._put(finished.receive_nowait())
        except (trio.WouldBlock, trio.EndOfChannel, trio.ClosedResourceError):
            pass

    def _put(self, finished: list[Finished]) -> None:
        self._some += finished
        self._bytes += sum(len(each.lines) + len(each.packets) for each in finished)
        self._more.set()

    async def finish(self) -> None:
        """Nothing more will come: wait until all is kept."""
        self._no_more = True
        self._more.set()
        self._hurry.set()
        await self._ended.wait()

    async def run(self) -> None:
        """Keep until there is nothing more."""
        try:
            while await self._is_more():
                some, self._some, self._bytes = self._some, [], 0
                began = trio.current_time()
                self._taken.set()
                if not self._no_more:
                    self._hurry = trio.Event()
                await self._sink.append(some)
                self._watch.saw(some)
                with trio.move_on_at(began + self._sink.gather_s):
                    await self._hurry.wait()
        finally:
            self._ended.set()

    async def _is_more(self) -> bool:
        while not self._some:
            if self._no_more:
                return False
            self._more = trio.Event()
            await self._more.wait()
        return True
