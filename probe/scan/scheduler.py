"""One process's share of a scan: audits beside each other, each connection through one gate.

Workers are tasks that live as long as the scan; there are as many as connections may be open, and each audits one
target after the other. What is waited for, and what bounds it:

- Targets that may begin wait in `_ready`, a few dozen: no more are taken from whoever hands them out.
- A target whose address is being audited already, on another port or by another name (`--per-host`), or whose subnet
  has no place left (`--per-subnet`), is put aside and gives way to those behind it. At most 16,384 targets are aside in
  a process; then no more are taken until one of them has begun.
- A name is resolved beside the audits, 32 at a time, and its addresses are asked one after the other: they are often
  one machine. What it leads to waits for its subnet as any other target does.
- A target that gave no sign (`--retries`) is asked again after 3 s, behind everything that is ready then. These count
  with those that are aside.
- Results wait for a slow reader, 256 of them; then no audit begins.

With `--rate` a target begins when no audit that is under way waits for its turn, so few are begun and all get through.
While the event loop is late, few are begun at all: see `probe.scan.lateness`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import trio  # noqa: TID253 - this module is only imported when a scan runs

from probe.drive.capture_writer import Recorder
from probe.drive.live import audit
from probe.drive.resolve import Unresolved, at_address, resolve, unresolved_result
from probe.errors import InputError, Unavailable
from probe.language import speaking
from probe.result import Result, Target
from probe.scan.exclusion import Exclusions
from probe.scan.gate import Hosts, Rate, Room, Seat, host_of
from probe.scan.lateness import AT_LEAST, Lateness
from probe.scan.manners import is_askable
from probe.scan.outcome import describe, describe_failure, failure, gave_no_sign, not_asked, told_more
from probe.scan.problem import leaf
from probe.scan.recorded import recorder_for, with_recorded
from probe.scan.work import Finished, Job, Task

__all__ = ["ThisProcess", "describe"]

ASIDE = 16_384  # targets that wait for their server, for their subnet or for being asked again
_READY = 32  # targets that are taken before one can begin
_RESOLVING = 32  # names at a time
_UNSENT = 256  # results that wait for whoever takes them
_RETRY_S = 3.0  # before a target is asked again
_NO_DESCRIPTOR_S = 1.0  # before another try, where this process has no descriptor left
_MOST_WITHOUT_DESCRIPTOR = 60  # tries of one target


class ThisProcess:
    """A pool of one: everything happens in the event loop that calls.

    `rate`: whose turns are taken, where they are shared with others in this process; else those of `Job.rate`.
    """

    def __init__(self, rate: Rate | None = None) -> None:
        self._rate = rate
        self.late_s = 0.0  # by how much the event loop was late at worst

    async def work(
        self,
        job: Job,
        tasks: trio.MemoryReceiveChannel[list[Task]],
        finished: trio.MemorySendChannel[list[Finished]],
    ) -> None:
        """Do every task until `tasks` ends; `finished` is closed at the end. Results come in any order.

        Raises, in a group, InputError for what no target could be audited with, and Unavailable where descriptors
        stay away for a minute.
        """
        with speaking(job.language):
            async with finished:
                share = _Share(job, self._rate)
                try:
                    await share.run(tasks, finished)
                finally:
                    self.late_s = share.lateness.worst_s


@dataclass(slots=True, eq=False)
class _Errand:
    """A task on its way: the addresses it has, the result of each that was asked, and how often the last was."""

    task: Task
    targets: list[Target]
    results: list[Result]
    tries: int = 0
    recorder: Recorder | None = None
    host: str = ""
    subnet: object = None


class _Share:
    """All that is under way."""

    def __init__(self, job: Job, rate: Rate | None) -> None:
        self._job = job
        self._room = Room(job.concurrency, job.rate, job.per_subnet)
        if rate is not None:
            self._room.rate = rate
        self._room.freed = self._let_in
        self._room.spare = self._wake
        self._hosts = Hosts(_audits_of_one_host(job))
        self._hosts.freed = self._let_in
        if self._room.rate is not None:
            self._room.rate.calm = self._wake
        self.lateness = Lateness(job.limits.step_s)
        self._manners = _Manners(job)
        self._ready: deque[_Errand] = deque()
        self._aside: dict[object, deque[_Errand]] = {}  # by the address or the subnet that they wait for
        self._again: deque[tuple[float, _Errand]] = deque()  # when to ask again
        self._names: deque[_Errand] = deque()
        self._resolvers = 0
        self._accepted = 0  # errands that are not done
        self._most = job.concurrency + _READY + ASIDE
        self._no_more = False
        self._idle = trio.lowlevel.ParkingLot()  # workers
        self._workers = 0
        self._hungry = trio.Event()
        self._unsent: list[Finished] = []
        self._some_unsent = trio.Event()
        self._all_sent = trio.lowlevel.ParkingLot()  # workers that wait for a slow reader

    async def run(
        self, tasks: trio.MemoryReceiveChannel[list[Task]], finished: trio.MemorySendChannel[list[Finished]]
    ) -> None:
        async with trio.open_nursery() as sending:
            sending.start_soon(self._send, finished)
            async with trio.open_nursery() as watching:
                watching.start_soon(self.lateness.watch, self._wake)
                async with trio.open_nursery() as self._nursery:
                    await self._accept(tasks)
                watching.cancel_scope.cancel()
            self._workers = -1  # nobody finishes anything any more
            self._some_unsent.set()

    async def _accept(self, tasks: trio.MemoryReceiveChannel[list[Task]]) -> None:
        async for batch in tasks:
            self._accepted += len(batch)
            for task in batch:
                errand = _Errand(task, [task.target], [], recorder=recorder_for(self._job))
                if task.target.address is not None:
                    self._ready.append(errand)
                elif task.addresses:
                    errand.targets = [at_address(task.target, text) for text in task.addresses]
                    with self._told(errand):
                        self._go_on(errand)
                else:
                    self._names.append(errand)
            self._resolve_more()
            self._wake()
            while len(self._ready) >= _READY or self._accepted >= self._most:
                self._hungry = trio.Event()
                await self._hungry.wait()
        self._no_more = True
        self._end_if_done()

    async def _send(self, finished: trio.MemorySendChannel[list[Finished]]) -> None:
        while True:
            await self._some_unsent.wait()
            self._some_unsent = trio.Event()
            while self._unsent:
                some, self._unsent = self._unsent, []
                await finished.send(some)
                self._all_sent.unpark_all()
            if self._workers < 0:
                return

    # Workers

    def _wake(self) -> None:
        """Let one more worker look for something to do, if there is; it wakes the next when there is more."""
        if not self._ready:
            return
        if self._idle:
            self._idle.unpark()
        elif self._workers < self._job.concurrency:
            self._workers += 1
            self._nursery.start_soon(self._work)

    def _let_in(self, place: object) -> None:
        """An address or a subnet has room for one more: the first that waits for it is ready."""
        if (waiting := self._aside.get(place)) is not None:
            self._ready.appendleft(waiting.popleft())
            if not waiting:
                del self._aside[place]

    def _end_if_done(self) -> None:
        if self._no_more and not self._accepted:
            self._idle.unpark_all()

    async def _work(self) -> None:
        rate = self._room.rate
        while not (self._no_more and not self._accepted):
            errand = self._take()
            if errand is None:
                await self._idle.park()
                continue
            if rate is not None and not rate.try_take():
                await rate.take()
            self._wake()
            await self._ask(errand)
            while len(self._unsent) >= _UNSENT:
                await self._all_sent.park()

    def _take(self) -> _Errand | None:
        """A target that can begin now, with its place taken; those that another keeps from it are put aside."""
        room, ready = self._room, self._ready
        if room.is_full or (room.rate is not None and room.rate.waiting):
            return None
        if self.lateness.holds_back and room.taken >= AT_LEAST:
            return None
        taken = None
        while ready and taken is None:
            errand = ready.popleft()
            address = _address(errand)
            errand.host, errand.subnet = host_of(address), room.subnet(address)
            if not self._hosts.try_take(errand.host):
                self._aside.setdefault(errand.host, deque()).append(errand)
                self._let_in(errand.subnet)  # it may have been let in to a place that is still free
            elif room.try_take(errand.subnet):
                taken = errand
            else:
                self._aside.setdefault(errand.subnet, deque()).append(errand)
                self._hosts.give_back(errand.host)
        if len(ready) < _READY and self._accepted < self._most:
            self._hungry.set()
        return taken

    async def _ask(self, errand: _Errand) -> None:
        """Audit the next address of this errand, and see what is left of it."""
        with self._told(errand):
            try:
                result = await self._audit(errand)
            finally:
                self._room.give_back(errand.subnet)
                self._hosts.give_back(errand.host)
            again = errand.tries < self._job.retries and gave_no_sign(result)
            self._keep(errand, result)
            if again:
                self._ask_again(errand)
            else:
                self._go_on(errand)

    async def _audit(self, errand: _Errand) -> Result:
        """Audit it; where this process lacks descriptors, again after a pause."""
        job = self._job
        for missing in range(_MOST_WITHOUT_DESCRIPTOR + 1):
            seat = Seat(self._room, errand.subnet)
            try:
                return await audit(_target(errand), job.settings, job.limits, seat, errand.recorder)
            except (ExceptionGroup, Unavailable) as error:
                if missing == _MOST_WITHOUT_DESCRIPTOR or not isinstance(leaf(error), Unavailable):
                    raise
            await trio.sleep(_NO_DESCRIPTOR_S)
        raise AssertionError

    @staticmethod
    def _keep(errand: _Errand, result: Result) -> None:
        if errand.tries:
            errand.results[-1] = told_more(errand.results[-1], result)
        else:
            errand.results.append(result)

    # Again, later

    def _ask_again(self, errand: _Errand) -> None:
        errand.tries += 1
        self._again.append((trio.current_time() + _RETRY_S, errand))
        if len(self._again) == 1:
            self._nursery.start_soon(self._let_again)

    async def _let_again(self) -> None:
        while self._again:
            await trio.sleep_until(self._again[0][0])
            self._ready.append(self._again.popleft()[1])
            self._wake()

    # Names

    def _resolve_more(self) -> None:
        for _ in range(min(len(self._names), _RESOLVING - self._resolvers)):
            self._resolvers += 1
            self._nursery.start_soon(self._resolve)

    async def _resolve(self) -> None:
        job = self._job
        while self._names:
            errand = self._names.popleft()
            with self._told(errand):
                found = await resolve(errand.task.target, one_address=job.one_address, timeout_s=job.limits.step_s)
                if isinstance(found, Unresolved):
                    errand.results.append(unresolved_result(found, job.settings.depth))
                    self._finish(errand)
                else:
                    errand.targets = found
                    self._go_on(errand)
        self._resolvers -= 1

    def _go_on(self, errand: _Errand) -> None:
        """The next address of a name: nothing that is excluded is contacted because a name leads there."""
        errand.tries = 0
        while len(errand.results) < len(errand.targets):
            target = _target(errand)
            why = self._manners.forbids(target.address or target.host)
            if why is None:
                self._ready.append(errand)
                self._wake()
                return
            errand.results.append(not_asked(target, self._job.settings.depth, why))
        self._finish(errand)

    # The end of a target

    def _finish(self, errand: _Errand) -> None:
        self._done(describe(errand.task.position, errand.results), errand.recorder)

    @contextmanager
    def _told(self, errand: _Errand) -> Iterator[None]:
        """Whatever fails in here costs this target alone: the scan goes on and tells of it.

        Raises InputError and Unavailable, which are every target's.
        """
        try:
            yield
        except Exception as error:  # noqa: BLE001  a fault of ours, whatever it is
            problem = leaf(error)
            if isinstance(problem, InputError | Unavailable):
                raise problem from None
            self._done(_failed(errand, self._job, error), errand.recorder)

    def _done(self, finished: Finished, recorder: Recorder | None) -> None:
        self._unsent.append(with_recorded(finished, recorder))
        self._some_unsent.set()
        self._accepted -= 1
        if self._accepted < self._most and len(self._ready) < _READY:
            self._hungry.set()
        self._end_if_done()


class _Manners:
    """What no name may lead to."""

    def __init__(self, job: Job) -> None:
        self._excluded = _exclusions(job.excluded)

    def forbids(self, address: str) -> str | None:
        """Why this address is not contacted; None where it may be."""
        if self._excluded.covers(address):
            return "the name leads to an address that is excluded (--exclude)"
        if not is_askable(address):
            return "the name leads to an address that is no host: multicast, broadcast or unspecified"
        return None


@lru_cache(maxsize=2)
def _exclusions(spans: tuple[tuple[str, str], ...]) -> Exclusions:
    """Built once for all batches of a scan that this process has: sorting a long list takes seconds."""
    return Exclusions(spans)


def _target(errand: _Errand) -> Target:
    """The address whose turn it is."""
    return errand.targets[len(errand.results) - (1 if errand.tries else 0)]


def _audits_of_one_host(job: Job) -> int:
    """How many at a time keep to `per_host` connections: one, where an audit may have all of them open."""
    return job.limits.per_host if job.settings.depth == "discover" else 1


def _address(errand: _Errand) -> str:
    target = _target(errand)
    return target.address or target.host


def _failed(errand: _Errand, job: Job, error: BaseException) -> Finished:
    return describe_failure(errand.task.position, errand.task.target, job.settings.depth, failure(error))
