"""One process's share of a scan: audits beside each other, each connection through one gate."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio  # noqa: TID253 - this module is only imported when a scan runs

from probe.diagnosis.judged import judge
from probe.drive.live import audit
from probe.drive.resolve import Unresolved, resolve, unresolved_result
from probe.language import speaking
from probe.report.escape import json_line
from probe.result import Place, Result, Target, to_json
from probe.scan.tally import facts_of
from probe.scan.work import Finished, Job, Task


@dataclass(slots=True)
class ThisProcess:
    """A pool of one: everything happens in the event loop that calls."""

    _waiting: list[Finished] = field(default_factory=list)

    async def work(
        self,
        job: Job,
        tasks: trio.MemoryReceiveChannel[list[Task]],
        finished: trio.MemorySendChannel[list[Finished]],
    ) -> None:
        """Do every task until `tasks` ends; `finished` is closed at the end. Results come in any order."""
        gate = _Gate(job.concurrency)
        with speaking(job.language):
            async with finished, trio.open_nursery() as nursery:
                room = trio.Semaphore(job.concurrency)
                async for batch in tasks:
                    for task in batch:
                        await room.acquire()
                        nursery.start_soon(_one, job, task, gate, room, finished)


class _Gate:
    """At most so many connections at a time."""

    def __init__(self, concurrency: int) -> None:
        self._room = trio.Semaphore(concurrency)

    def try_enter(self, address: str) -> bool:  # noqa: ARG002  as the Protocol has it
        try:
            self._room.acquire_nowait()
        except trio.WouldBlock:
            return False
        return True

    async def enter(self, address: str) -> None:  # noqa: ARG002
        await self._room.acquire()

    def leave(self, address: str) -> None:  # noqa: ARG002
        self._room.release()


async def _one(
    job: Job, task: Task, gate: _Gate, room: trio.Semaphore, finished: trio.MemorySendChannel[list[Finished]]
) -> None:
    results = await _results(job, task.target, gate)
    room.release()
    await finished.send([describe(task.position, results)])


async def _results(job: Job, target: Target, gate: _Gate) -> list[Result]:
    found = await resolve(target, one_address=job.one_address, timeout_s=job.limits.step_s)
    if isinstance(found, Unresolved):
        return [unresolved_result(found, job.settings.depth)]
    return [await audit(each, job.settings, job.limits, gate) for each in found]


def describe(position: int, results: list[Result]) -> Finished:
    """The results of one target as they are written, and what is counted of them."""
    lines = []
    for number, result in enumerate(results, 1):
        judge(result)
        result.scan = Place(position=position, result=number, of=len(results))
        lines.append(f"{json_line(to_json(result))}\n")
    return Finished(position, "".join(lines).encode(), tuple(facts_of(result) for result in results))
