"""Several processes that share a scan. Each has its own event loop and its own share of the connections and the rate.

Targets are handed out on credit: a worker has as many as it can have under way and a few more, so one that is slow
hoards none, and what waits is bounded everywhere. Nobody reads a worker's results while the scan's own reader is slow;
then its pipe fills, and it begins no more audits.

A worker that dies is replaced. What it had under way is given to the new one, eight targets at a time; a target that is
under way at a second death has a result that says so, since it may be what kills.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zlib
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import trio  # noqa: TID253 - this module is only imported when a scan runs

from probe.errors import InputError, Unavailable
from probe.scan.frames import Frames, Problem, Report, frame
from probe.scan.gate import subnet_of
from probe.scan.work import Finished, Job, Task

_AHEAD = 32  # targets that a worker has before it can begin them
_FOR_RETRIES = 512  # more, where some of them wait to be asked again
_FOR_SUBNETS = 16_384  # more, where some of them wait for their subnet: they are for this worker anyway
_RESOLVING = 32  # names at a time
_SUSPECTS = 8  # targets at a time that were under way when a worker died
_MOST_BARREN = 5  # deaths of one worker after another without a result between them


@dataclass(frozen=True, slots=True)
class Processes:
    """A pool of `n` worker processes. No more than there are connections to share, and at least one."""

    n: int

    async def work(
        self,
        job: Job,
        tasks: trio.MemoryReceiveChannel[list[Task]],
        finished: trio.MemorySendChannel[list[Finished]],
    ) -> None:
        """Do every task until `tasks` ends; `finished` is closed at the end. Results come in any order.

        The shares of `concurrency` and `rate` add up to what the job says. With `per_subnet` all that is in a subnet
        goes to one process, names too; but one with addresses in several subnets goes where its first address does.
        Raises, in a group, what a process gives up with (InputError, Unavailable), and Unavailable where processes do
        not stay alive.
        """
        room = trio.lowlevel.ParkingLot()
        slots = [_Slot(share, room) for share in shares(job, self.n)]
        async with finished, trio.open_nursery() as nursery:
            for slot in slots:
                nursery.start_soon(slot.run, finished)
            await _hand_out(job, tasks, slots, room)
            for slot in slots:
                slot.end()


def shares(job: Job, n: int) -> list[Job]:
    """One job for each of at most `n` processes."""
    n = max(1, min(n, job.concurrency))
    each, more = divmod(job.concurrency, n)
    rate = None if job.rate is None else job.rate / n
    return [replace(job, concurrency=each + (number < more), rate=rate) for number in range(n)]


async def _hand_out(
    job: Job, tasks: trio.MemoryReceiveChannel[list[Task]], slots: list[_Slot], room: trio.lowlevel.ParkingLot
) -> None:
    """Every task to a worker with credit; where that depends on a name's address, when it is known."""
    resolving = trio.Semaphore(_RESOLVING)

    async def hand(task: Task) -> None:
        while (slot := _slot_for(task, slots, job)).credit <= 0:
            await room.park()
        slot.give(task)

    async def resolve_first(task: Task) -> None:
        await hand(await _resolved(task, job))
        resolving.release()

    async with trio.open_nursery() as nursery:
        async for batch in tasks:
            for task in batch:
                if job.per_subnet is not None and task.target.address is None:
                    await resolving.acquire()
                    nursery.start_soon(resolve_first, task)
                else:
                    await hand(task)


async def _resolved(task: Task, job: Job) -> Task:
    """With the addresses of its name; as it is where there are none, which the worker will find and describe."""
    from probe.drive.resolve import Unresolved, resolve

    found = await resolve(task.target, one_address=job.one_address, timeout_s=job.limits.step_s)
    if isinstance(found, Unresolved):
        return task
    return Task(task.position, task.target, tuple(target.address or target.host for target in found))


def _slot_for(task: Task, slots: list[_Slot], job: Job) -> _Slot:
    if job.per_subnet is None:
        return max(slots, key=_credit)
    place = task.target.address or next(iter(task.addresses), None)
    key = task.target.host if place is None else subnet_of(place)
    return slots[zlib.crc32(key if isinstance(key, bytes) else str(key).encode()) % len(slots)]


def _credit(slot: _Slot) -> int:
    return slot.credit


class _Slot:
    """One worker process after another, and what it has to do."""

    def __init__(self, job: Job, room: trio.lowlevel.ParkingLot) -> None:
        self._job = job
        self._room = room  # who waits until some worker has credit
        self.credit = job.concurrency + _AHEAD
        self.credit += _FOR_SUBNETS if job.per_subnet is not None else _FOR_RETRIES if job.retries else 0
        self._outgoing: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self._under_way: dict[int, Task] = {}  # by position
        self._struck: set[int] = set()  # positions of what was under way at a death
        self._ending = False
        self._barren = 0  # deaths since the last result
        self._changed = trio.Event()

    def give(self, task: Task) -> None:
        """One more to do."""
        self.credit -= 1
        self._outgoing.append(task)
        self._changed.set()

    def end(self) -> None:
        """There are no more."""
        self._ending = True
        self._changed.set()

    async def run(self, finished: trio.MemorySendChannel[list[Finished]]) -> None:
        """Work until there is no more to do, in as many processes as it takes."""
        while not self._is_done():
            how = await self._one_life(finished)
            if self._is_done():
                return
            self._barren += 1
            if self._barren >= _MOST_BARREN:
                hint = "see what they wrote above; is memory short? --processes 1 works without them"
                raise Unavailable(f"worker processes do not stay alive: the last {how}", hint)
            await self._mourn(how, finished)

    def _is_done(self) -> bool:
        return self._ending and not (self._outgoing or self._suspects or self._under_way)

    async def _one_life(self, finished: trio.MemorySendChannel[list[Finished]]) -> str:
        """One process from its start to its end, and how it ended."""
        process = await trio.lowlevel.open_process(
            [sys.executable, "-P", "-m", "probe.scan.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,  # what it writes to standard error goes where ours does
            process_group=0,  # Ctrl-C at the terminal is for us
            env=_environment(),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write, process.stdin)
                await self._read(Frames(process.stdout), finished)
                nursery.cancel_scope.cancel()
        finally:
            if not self._is_done():
                process.kill()
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(process.stdin)
                await trio.aclose_forcefully(process.stdout)
                await process.wait()
        return _how_it_ended(process.returncode)

    async def _write(self, stdin: trio.abc.SendStream) -> None:
        try:
            await stdin.send_all(frame(self._job))
            while not (self._ending and not self._outgoing and not self._suspects):
                self._changed = trio.Event()
                if batch := self._next_batch():
                    await stdin.send_all(frame(batch))
                else:
                    await self._changed.wait()
            await stdin.send_all(frame([]))
        except trio.BrokenResourceError:  # it is dead; whoever reads learns it too
            return

    def _next_batch(self) -> list[Task]:
        batch = list(self._outgoing)
        self._outgoing.clear()
        under_way = sum(position in self._under_way for position in self._struck)
        while self._suspects and under_way < _SUSPECTS:
            batch.append(self._suspects.popleft())
            under_way += 1
        self._under_way.update((task.position, task) for task in batch)
        return batch

    async def _read(self, frames: Frames, finished: trio.MemorySendChannel[list[Finished]]) -> None:
        decode = msgspec.msgpack.Decoder(Report).decode
        while (message := await frames.next()) is not None:
            report = decode(message)
            if report.problem is not None:
                raise _error(report.problem)
            if report.finished:
                self._barren = 0
                await finished.send(report.finished)
                self._settle(report.finished)

    def _settle(self, finished: list[Finished]) -> None:
        for each in finished:
            del self._under_way[each.position]
            self._struck.discard(each.position)
        self.credit += len(finished)
        self._changed.set()
        self._room.unpark_all()

    async def _mourn(self, how: str, finished: trio.MemorySendChannel[list[Finished]]) -> None:
        """What was under way is tried once more; what was so before has its result."""
        from probe.scan.outcome import describe_failure

        lost = []
        for position, task in list(self._under_way.items()):
            if position in self._struck:
                what = f"a worker process {how}, for the second time while this target was under way"
                lost.append(describe_failure(position, task.target, self._job.settings.depth, what))
            else:
                del self._under_way[position]
                self._struck.add(position)
                self._suspects.append(task)
        if lost:
            await finished.send(lost)
            self._settle(lost)


def _environment() -> dict[str, str]:
    """Ours, and the same package wherever it was found, but nothing from the current directory."""
    here = str(Path(__file__).resolve().parents[2])
    path = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{path}" if path else here}


def _how_it_ended(status: int | None) -> str:
    if status is not None and status < 0:
        try:
            return f"was ended by {signal.Signals(-status).name}"
        except ValueError:
            return f"was ended by signal {-status}"
    return f"ended with status {status}"


def _error(problem: Problem) -> Exception:
    kind = InputError if problem.kind == "InputError" else Unavailable
    return kind(problem.what, problem.hint)
