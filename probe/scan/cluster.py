"""The same scan on a dask.distributed cluster: targets go out in batches, results come back into the same journal.

A batch is tried again by dask when its worker is lost, and its results are taken once. At most a few batches a worker
are on their way, so that memory does not grow with the number of targets.
"""

from __future__ import annotations

import math
import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import trio  # noqa: TID253 - this module is only imported when a scan runs

from probe import __version__
from probe.errors import Unavailable
from probe.scan.cluster_link import Killed, Link, linked
from probe.scan.cluster_parts import Parts, existing, is_there, stale
from probe.scan.cluster_share import Portions, share_of
from probe.scan.cluster_worker import Answer, Order, read_answer
from probe.scan.outcome import describe_failure
from probe.scan.work import Finished, Job, Task

if TYPE_CHECKING:
    from distributed import Future as _Future

    Future = _Future[bytes]

_PIECES = 8  # a batch that kills its workers is cut into so many, until the target that does it is alone
_GATHER_S = 1.0  # a stream of targets that falters does not hold back those that it has given
_NOBODY_S = 60.0  # how long there may be no worker
_VISIBLE_S = (0.0, 0.5, 2.0)  # a part is looked for so often, each time after so long: not all file systems are quick
_KILLS = "each worker of the cluster that had this target died"


class Cluster:
    """A pool of workers at a dask scheduler, or of `processes` here where the address is "local".

    `concurrency`: whether `Job.concurrency` was asked for, and so holds for all workers together; else each has it.
    `parts`: results stay where the workers write them, and receipts come back. `left`: targets that are to be done;
    None where nobody knows.
    """

    left: int | None = None

    def __init__(
        self, address: str, parts: Parts | None = None, *, processes: int | None = None, whole: bool = False
    ) -> None:
        self._address = address
        self._parts = parts
        self._processes = processes or len(os.sched_getaffinity(0))
        self._whole = whole

    async def work(
        self,
        job: Job,
        tasks: trio.MemoryReceiveChannel[list[Task]],
        finished: trio.MemorySendChannel[list[Finished]],
    ) -> None:
        """Do every task until `tasks` ends; `finished` is closed at the end. Raises InputError, Unavailable."""
        async with finished, linked(self._address, self._processes) as link:
            there = await trio.to_thread.run_sync(existing, self._parts) if self._parts else frozenset[str]()
            run = _Run(job, link, finished, self._parts, there, whole=self._whole, left=self.left)
            async with trio.open_nursery() as nursery:
                await nursery.start(run.watch_crew)
                await run.hand_out(tasks)
                nursery.cancel_scope.cancel()  # the crew is no longer needed


class _Run:
    """One scan on a cluster."""

    def __init__(
        self,
        job: Job,
        link: Link,
        finished: trio.MemorySendChannel[list[Finished]],
        parts: Parts | None,
        there: frozenset[str],
        *,
        whole: bool,
        left: int | None,
    ) -> None:
        self._job = job
        self._link = link
        self._finished = finished
        self._parts = parts
        self._there = there
        self._whole = whole
        self._window = trio.CapacityLimiter(1)
        self._share = share_of(job, 1, 1, whole=whole)
        self._shares = 0  # how often it was shared anew
        self._portions = Portions(job, left)

    async def watch_crew(self, task_status: trio.TaskStatus[None]) -> None:
        """Share anew whenever workers come or go. Started once there is one. Raises Unavailable when all are gone."""
        changed = await self._changes()
        known: dict[str, int] = {}
        started = False
        while True:
            crew = await trio.to_thread.run_sync(self._link.crew)
            if new := [worker for worker in crew if worker not in known]:
                await trio.to_thread.run_sync(self._link.fitting, new)
            known = crew
            if crew:
                self._share = share_of(self._job, len(crew), sum(crew.values()), whole=self._whole)
                self._shares += 1
                self._window.total_tokens = self._share.batches
                if started and self._share.rate:  # also for batches that wait there with an older one
                    await trio.to_thread.run_sync(self._link.pace, list(crew), self._share.rate, self._shares)
            if crew and not started:
                task_status.started()
                started = True
            with trio.move_on_after(math.inf if crew else _NOBODY_S):
                await changed.receive()
                continue
            raise self._link.deserted()

    async def _changes(self) -> trio.MemoryReceiveChannel[None]:
        """Something to receive whenever workers have come or gone since the last time."""
        change, changed = trio.open_memory_channel[None](1)

        def tell() -> None:
            with suppress(trio.WouldBlock, trio.BrokenResourceError):  # known already, or of no interest any more
                change.send_nowait(None)

        await trio.to_thread.run_sync(self._link.tell, tell)
        return changed

    async def hand_out(self, tasks: trio.MemoryReceiveChannel[list[Task]]) -> None:
        """Batch after batch, each as soon as there is room for it, until the last is done."""
        waiting = _Waiting(tasks)
        async with trio.open_nursery() as nursery:
            while True:
                ticket = object()
                await self._window.acquire_on_behalf_of(ticket)
                batch = await waiting.take(self._portions.size(self._share))
                if not batch:
                    return
                self._portions.handed_out(len(batch))
                nursery.start_soon(self._one, batch, ticket)

    async def _one(self, batch: list[Task], ticket: object) -> None:
        results = await self._results(batch)
        self._window.release_on_behalf_of(ticket)
        await self._finished.send(results)

    async def _results(self, batch: list[Task]) -> list[Finished]:
        """What came of these targets, each once. What kills its workers is found piece by piece."""
        try:
            return await self._asked(batch)
        except Killed:
            if len(batch) == 1:
                return [describe_failure(batch[0].position, batch[0].target, self._job.settings.depth, _KILLS)]
        size = math.ceil(len(batch) / _PIECES)
        results: list[Finished] = []
        for at in range(0, len(batch), size):  # one after another: none dies of another's workers
            results += await self._results(batch[at : at + size])
        return results

    async def _asked(self, batch: list[Task]) -> list[Finished]:
        ended = trio.Event()
        future = await trio.to_thread.run_sync(self._link.submit, self._order(batch), ended.set)
        await ended.wait()
        answer = await trio.to_thread.run_sync(self._read, future)
        if self._parts is not None:
            await self._see_part(self._parts, batch[0])
        finished = answer.finished
        self._portions.saw(finished, answer.tail_s)
        asked = {task.position for task in batch}
        assert len(finished) == len(asked)
        assert asked == {each.position for each in finished}
        return finished

    async def _see_part(self, parts: Parts, first: Task) -> None:
        """What a worker has written is where we look, or it is on its own machine alone. Raises Unavailable."""
        for wait_s in _VISIBLE_S:
            await trio.sleep(wait_s)
            if await trio.to_thread.run_sync(is_there, parts, first):
                return
        raise Unavailable(
            f"a worker has written a part to {parts.url}, and it is not there as seen from here",
            "give a folder that all machines have under that name, or a store that all reach, as s3://bucket/folder",
        )

    def _read(self, future: Future) -> Answer:
        return read_answer(self._link.answer(future))

    def _order(self, batch: list[Task]) -> bytes:
        share = self._share
        leads_elsewhere = any(task.target.address is None for task in batch)  # a name, that is
        job = replace(
            self._job,
            concurrency=share.concurrency,
            rate=share.rate,
            per_subnet=share.per_subnet,
            excluded=self._job.excluded if leads_elsewhere else (),
        )
        outdated = stale(self._parts, self._there, batch) if self._parts else ()
        return msgspec.msgpack.encode(
            Order(__version__, job, batch, self._parts, outdated, self._link.run, self._shares)
        )


class _Waiting:
    """Targets as they come, in small lists, and as they are handed out, in batches."""

    def __init__(self, tasks: trio.MemoryReceiveChannel[list[Task]]) -> None:
        self._tasks = tasks
        self._left: list[Task] = []

    async def take(self, most: int) -> list[Task]:
        """At least one and at most so many; none when they have ended. Does not wait long for more than one."""
        if not self._left:
            await self._more()
        with trio.move_on_after(_GATHER_S):
            while 0 < len(self._left) < most and await self._more():
                pass
        batch, self._left = self._left[:most], self._left[most:]
        return batch

    async def _more(self) -> bool:
        try:
            self._left += await self._tasks.receive()
        except trio.EndOfChannel:
            return False
        return True
