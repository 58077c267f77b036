"""What happens between targets and results: nothing is lost, nothing waits for what it need not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import trio
import trio.testing

from probe.audit.settings import Settings
from probe.drive.limits import Limits
from probe.errors import InputError, Unavailable
from probe.result import Target
from probe.scan.course import Course
from probe.scan.work import Finished, Job, Task

JOB = Job(settings=Settings(), limits=Limits())


def task(position: int) -> Task:
    return Task(position, Target(input="x", host="192.0.2.1", address="192.0.2.1", port=3389))


def tasks(count: int) -> Iterator[Task]:
    return map(task, range(count))


def done(position: int) -> Finished:
    return Finished(position, f"{position}\n".encode(), ())


class Pool:
    """Does everything at once; `stuck` are never done."""

    def __init__(self, stuck: int | None = None) -> None:
        self.stuck = stuck
        self.is_stuck = trio.Event()

    async def work(
        self,
        job: Job,
        tasks: trio.MemoryReceiveChannel[list[Task]],
        finished: trio.MemorySendChannel[list[Finished]],
    ) -> None:
        async with finished:
            async for batch in tasks:
                for each in batch:
                    if each.position == self.stuck:
                        self.is_stuck.set()
                        await trio.sleep_forever()
                    await finished.send([done(each.position)])


@dataclass
class Sink:
    gather_s: float = 0.02
    slow_s: float = 0.0
    fails: Exception | None = None
    batches: list[list[int]] = field(default_factory=list)

    async def append(self, finished: list[Finished]) -> None:
        with trio.CancelScope(shield=True):  # as a write in a thread
            await trio.sleep(self.slow_s)
        if self.fails is not None:
            raise self.fails
        self.batches.append([each.position for each in finished])

    @property
    def kept(self) -> list[int]:
        return [position for batch in self.batches for position in batch]


class Watch:
    def __init__(self) -> None:
        self.seen: list[int] = []

    def saw(self, finished: list[Finished]) -> None:
        self.seen += [each.position for each in finished]


def run(course: Course, given: Iterator[Task], *, may_block: bool = False) -> bool:
    async def main() -> bool:
        with trio.fail_after(60):
            return await course.run(given, may_block=may_block)

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0.01))


@pytest.mark.parametrize("may_block", [False, True])
@pytest.mark.parametrize("count", [0, 1, 16, 17, 1000])
def test_every_task_is_done_and_kept_and_seen_once(count: int, may_block: bool) -> None:
    sink, watch = Sink(), Watch()
    course = Course(JOB, Pool(), sink, watch)
    assert run(course, tasks(count), may_block=may_block)
    assert sorted(sink.kept) == list(range(count))
    assert watch.seen == sink.kept
    assert course.feed.handed_out == count


def test_a_slow_disk_makes_larger_batches() -> None:
    sink = Sink(slow_s=5)
    assert run(Course(JOB, Pool(), sink, Watch()), tasks(1000))
    assert sorted(sink.kept) == list(range(1000))
    assert len(sink.batches) < 5


def test_what_cannot_be_kept_ends_the_scan() -> None:
    sink = Sink(fails=Unavailable("full", "make room"))
    with pytest.raises(BaseExceptionGroup) as caught:
        run(Course(JOB, Pool(stuck=5), sink, Watch()), tasks(1000))
    assert caught.group_contains(Unavailable, match="full")


def test_a_scan_that_is_stopped_keeps_what_is_done() -> None:
    sink, watch, pool = Sink(slow_s=3), Watch(), Pool(stuck=40)
    course = Course(JOB, pool, sink, watch)

    async def main() -> bool:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop)
            with trio.fail_after(60):
                return await course.run(tasks(1000), may_block=False)

    async def stop() -> None:
        await pool.is_stuck.wait()
        course.stop()

    assert not trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0.01))
    assert sink.kept == watch.seen == list(range(40))


@pytest.mark.parametrize("may_block", [False, True])
def test_a_task_that_cannot_be_read_is_told_after_those_before_it_are_done(may_block: bool) -> None:
    def given() -> Iterator[Task]:
        yield from tasks(20)
        raise InputError("line 21", "mend it")

    sink = Sink()
    course = Course(JOB, Pool(), sink, Watch())
    assert run(course, given(), may_block=may_block)
    assert isinstance(course.feed.problem, InputError)
    expected = 20 if may_block else 16  # a space has nothing that cannot be read; its last batch is not worth a line
    assert sink.kept == list(range(expected))


def test_a_target_of_a_stream_is_done_while_the_next_is_waited_for() -> None:
    seen = threading.Event()

    class Telling(Watch):
        def saw(self, finished: list[Finished]) -> None:
            super().saw(finished)
            seen.set()

    def given() -> Iterator[Task]:
        yield task(0)
        assert seen.wait(30)  # the first is kept before there is a second
        yield task(1)

    watch = Telling()
    course = Course(JOB, Pool(), Sink(), watch)
    assert trio.run(_course, course, given())
    assert watch.seen == [0, 1]


async def _course(course: Course, given: Iterator[Task]) -> bool:
    with trio.fail_after(40):
        return await course.run(given, may_block=True)


def test_a_stream_that_waits_does_not_hold_up_the_end() -> None:
    free = threading.Event()
    pool = Pool()
    course = Course(JOB, pool, Sink(), Watch())

    def given() -> Iterator[Task]:
        yield task(0)
        free.wait(60)
        yield task(1)

    async def main() -> bool:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop)
            return await course.run(given(), may_block=True)

    async def stop() -> None:
        while not course.feed.handed_out:
            await trio.lowlevel.checkpoint()
        course.stop()

    assert not trio.run(main)
    assert not free.is_set()
    free.set()
