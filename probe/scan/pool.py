"""Several processes that share a scan. Each has its own event loop and its own share of the connections and the rate.

Targets are handed out on credit: a worker has as many as it can have under way and a few more, so one that is slow
hoards none, and what waits is bounded everywhere. Nobody reads a worker's results while the scan's own reader is slow;
then its pipe fills, and it begins no more audits.

Targets of one address go to the same worker while one of them is there, so that it can keep to `--per-host`: for that
names are resolved here. They count as one against its credit.

A worker that dies is replaced. What it had under way is given to the new one, half at a time and nothing else beside
it; where that kills again, half of what is left then. So a target that kills is soon alone: at the second death that
it saw alone it has a result that says so, and nothing else is written off with it. A worker that gives no sign of life
is told of, and ended when it gives none for long.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import trio  # noqa: TID253 - this module is only imported when a scan runs

from probe.errors import Unavailable
from probe.language import _
from probe.scan.frames import Frames, Report, frame
from probe.scan.gate import host_of, subnet_of
from probe.scan.work import Finished, Job, Task

_AHEAD = 32  # targets that a worker has before it can begin them
_FOR_RETRIES = 512  # more, where some of them wait to be asked again
_FOR_SUBNETS = 16_384  # more, where some of them wait for their subnet: they are for this worker anyway
_ASIDE = 16_384  # more, of addresses that it has: they are for this worker anyway
_RESOLVING = 32  # names at a time
_MOST_IDLE_DEATHS = 5  # deaths of one worker after another that no target can have caused
_MOST_LOST = 20  # targets that one worker after another died of, without a result between them
_QUIET_S = 30.0  # without a sign of life, of which there is one in 5 s, a worker is told of
_DEAD_S = 120.0  # and after this time it is ended


@dataclass(slots=True)
class Processes:
    """A pool of `n` worker processes. No more than there are connections to share, and at least one."""

    n: int
    tell: Callable[[str], None] = field(default=lambda _text: None, compare=False)  # what the user should know of it
    late_s: float = field(default=0.0, init=False, compare=False)  # by how much an event loop was late at worst

    async def work(
        self,
        job: Job,
        tasks: trio.MemoryReceiveChannel[list[Task]],
        finished: trio.MemorySendChannel[list[Finished]],
    ) -> None:
        """Do every task until `tasks` ends; `finished` is closed at the end. Results come in any order.

        The shares of `concurrency` and `rate` add up to what the job says. With `per_subnet` all that is in a subnet
        goes to one process, names too; but one with addresses in several subnets goes where its first address does,
        or where one of its addresses is under way.
        Raises, in a group, what a process gives up with (InputError, Unavailable), and Unavailable where processes do
        not stay alive.
        """
        room = trio.lowlevel.ParkingLot()
        owners: dict[str, _Slot] = {}
        slots = [_Slot(share, room, owners, self.tell) for share in shares(job, self.n)]
        try:
            async with finished, trio.open_nursery() as nursery:
                for slot in slots:
                    nursery.start_soon(slot.run, finished)
                await _hand_out(job, tasks, slots, owners, room)
                for slot in slots:
                    slot.end()
        finally:
            self.late_s = max(slot.late_s for slot in slots)


def shares(job: Job, n: int) -> list[Job]:
    """One job for each of at most `n` processes."""
    n = max(1, min(n, job.concurrency))
    each, more = divmod(job.concurrency, n)
    rate = None if job.rate is None else job.rate / n
    return [replace(job, concurrency=each + (number < more), rate=rate) for number in range(n)]


async def _hand_out(
    job: Job,
    tasks: trio.MemoryReceiveChannel[list[Task]],
    slots: list[_Slot],
    owners: dict[str, _Slot],
    room: trio.lowlevel.ParkingLot,
) -> None:
    """Every task to a worker that may have it; a name when its addresses are known."""
    resolving = trio.Semaphore(_RESOLVING)

    async def hand(task: Task) -> None:
        hosts = _hosts_of(task)
        while (slot := _slot_for(task, hosts, slots, owners, job)) is None:
            await room.park()
        slot.give(task, hosts)

    async def resolve_first(task: Task) -> None:
        await hand(await _resolved(task, job))
        resolving.release()

    async with trio.open_nursery() as nursery:
        async for batch in tasks:
            for task in batch:
                if len(slots) > 1 and task.target.address is None:
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


def _hosts_of(task: Task) -> tuple[str, ...]:
    """The servers that a task asks."""
    if task.addresses:
        return tuple(dict.fromkeys(map(host_of, task.addresses)))
    return (host_of(task.target.address or task.target.host),)


def _slot_for(
    task: Task, hosts: tuple[str, ...], slots: list[_Slot], owners: dict[str, _Slot], job: Job
) -> _Slot | None:
    """Whose it is, since one of its hosts is there, or who can best have it; None where it must wait."""
    owning = {owners[host] for host in hosts if host in owners}
    if owning:
        slot = owning.pop()
        return slot if not owning and slot.given < slot.most else None
    if job.per_subnet is None:
        slot = max(slots, key=_credit)
    else:
        place = task.target.address or next(iter(task.addresses), None)
        key = task.target.host if place is None else subnet_of(place)
        slot = slots[zlib.crc32(key if isinstance(key, bytes) else str(key).encode()) % len(slots)]
    return slot if slot.credit > 0 and slot.given < slot.most else None


def _credit(slot: _Slot) -> int:
    return slot.credit


class _Suspects:
    """What was under way when a worker died, in groups that are asked one after the other."""

    def __init__(self) -> None:
        self._groups: list[list[Task]] = []
        self._asked: list[Task] = []  # the group that is under way, or was the last
        self._has_killed = False  # it is one target, and a worker has died of it before

    def __bool__(self) -> bool:
        return bool(self._groups)

    def next(self) -> list[Task]:
        """The next group; empty: there are no more."""
        before, self._asked = self._asked, self._groups.pop() if self._groups else []
        self._has_killed = self._has_killed and self._asked == before
        return self._asked

    @property
    def is_asked(self) -> bool:
        """What is under way is such a group, not something new."""
        return bool(self._asked)

    def add(self, under_way: list[Task]) -> Task | None:
        """A worker has died over this; the target that it must have been, if that was asked alone twice."""
        is_alone = under_way == self._asked and len(under_way) == 1
        if is_alone and self._has_killed:
            return under_way[0]
        self._has_killed = is_alone
        middle = len(under_way) // 2
        self._groups += [group for group in (under_way[middle:], under_way[:middle]) if group]
        return None

    def put_back(self, under_way: list[Task]) -> None:
        """A worker has died before it began with these."""
        if under_way:
            self._groups.append(under_way)


class _Slot:
    """One worker process after another, and what it has to do."""

    def __init__(
        self, job: Job, room: trio.lowlevel.ParkingLot, owners: dict[str, _Slot], tell: Callable[[str], None]
    ) -> None:
        self._job = job
        self._room = room  # who waits until some worker has credit
        self._owners = owners  # the slot of every host that is under way
        self._tell = tell
        self.credit = job.concurrency + _AHEAD  # hosts that it may have more
        self.credit += _FOR_SUBNETS if job.per_subnet is not None else _FOR_RETRIES if job.retries else 0
        self.most = self.credit + _ASIDE  # targets
        self.given = 0  # targets that are not done
        self._hosts: dict[str, int] = {}  # targets of each host
        self._outgoing: deque[Task] = deque()
        self._suspects = _Suspects()
        self._under_way: dict[int, Task] = {}  # by position
        self._ending = False
        self._is_ready = False  # this process has said something
        self._idle_deaths = 0  # in a row
        self._lost = 0  # targets that workers died of since the last result
        self._changed = trio.Event()
        self.late_s = 0.0  # by how much the event loop of a process was late that came to its end

    def give(self, task: Task, hosts: tuple[str, ...]) -> None:
        """One more to do."""
        self.given += 1
        for host in hosts:
            if (number := self._hosts.get(host, 0)) == 0:
                self._owners[host] = self
                self.credit -= 1
            self._hosts[host] = number + 1
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
            self._idle_deaths = 0 if self._is_ready and self._under_way else self._idle_deaths + 1
            await self._mourn(how, finished)
            if self._idle_deaths >= _MOST_IDLE_DEATHS or self._lost >= _MOST_LOST:
                hint = "see what they wrote above; is memory short? --processes 1 works without them"
                raise Unavailable(f"worker processes do not stay alive: the last {how}", hint)

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
        self._is_ready = False
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write, process.stdin)
                is_alive = await self._read(Frames(process.stdout), process.pid, finished)
                nursery.cancel_scope.cancel()
            if not is_alive:
                process.kill()
        finally:
            if not self._is_done():
                process.kill()
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(process.stdin)
                await trio.aclose_forcefully(process.stdout)
                await process.wait()
        return _how_it_ended(process.returncode) if is_alive else f"gave no sign of life for {_DEAD_S:g} s"

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
        """What may be sent now: a group of suspects when nothing else is under way, and new targets after the last."""
        if self._under_way and (self._suspects or self._suspects.is_asked):
            return []
        batch = self._suspects.next()
        if not batch:
            batch = list(self._outgoing)
            self._outgoing.clear()
        self._under_way.update((task.position, task) for task in batch)
        return batch

    async def _read(self, frames: Frames, pid: int, finished: trio.MemorySendChannel[list[Finished]]) -> bool:
        """Everything that a process says; False where it is to be ended because it says nothing any more."""
        decode = msgspec.msgpack.Decoder(Report).decode
        while True:
            with trio.move_on_after(_DEAD_S) as waiting:
                message = await self._next_message(frames, pid)
            if waiting.cancelled_caught:
                return False
            if message is None:
                return True
            report = decode(message)
            self._is_ready = True
            self.late_s = max(self.late_s, report.late_s)
            if report.problem is not None:
                raise report.problem.error()
            if report.finished:
                self._idle_deaths = self._lost = 0
                await finished.send(report.finished)
                self._settle(report.finished)

    async def _next_message(self, frames: Frames, pid: int) -> bytes | None:
        with trio.move_on_after(_QUIET_S):
            return await frames.next()
        told = _(
            "A worker process ({pid}) has given no sign of life for {seconds} s; after {most} s it is replaced",
            pid=pid,
            seconds=f"{_QUIET_S:g}",
            most=f"{_DEAD_S:g}",
        )
        self._tell(told)
        return await frames.next()

    def _settle(self, finished: list[Finished]) -> None:
        for each in finished:
            for host in _hosts_of(self._under_way.pop(each.position)):
                if (left := self._hosts.pop(host) - 1) > 0:
                    self._hosts[host] = left
                else:
                    del self._owners[host]
                    self.credit += 1
        self.given -= len(finished)
        self._changed.set()
        self._room.unpark_all()

    async def _mourn(self, how: str, finished: trio.MemorySendChannel[list[Finished]]) -> None:
        """What was under way is tried again; what must have been the cause has its result."""
        from probe.scan.outcome import describe_failure

        under_way = list(self._under_way.values())
        if not self._is_ready:
            self._suspects.put_back(under_way)
            self._under_way.clear()
            return
        if (killer := self._suspects.add(under_way)) is None:
            self._under_way.clear()
            return
        what = f"a worker process {how}, twice while nothing but this target was under way"
        lost = [describe_failure(killer.position, killer.target, self._job.settings.depth, what)]
        self._lost += 1
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
