from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import trio
import trio.testing

from probe.cli.scan_late import lateness
from probe.scan import scheduler
from probe.scan.lateness import AT_LEAST, Lateness
from probe.scan.pool import Processes
from probe.scan.scheduler import ThisProcess
from probe.scan.work import Job
from tests.drive.peers import PATIENCE_S, serving
from tests.drive.test_late import Busy, jump, silent
from tests.scan.shares import DISCOVER, address, worked
from tests.scan.test_scheduler import Auditor

STEP_S = 1.0
JOB = replace(DISCOVER, concurrency=50, limits=replace(DISCOVER.limits, step_s=STEP_S))


def watched(script: Callable[[Lateness], list[float]]) -> tuple[Lateness, list[tuple[bool, int]]]:
    """A loop that is late by what the script says, and after each look: whether it holds back, how often it is calm."""
    found: list[tuple[bool, int]] = []
    calm: list[None] = []

    async def main() -> Lateness:
        subject = Lateness(STEP_S)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(subject.watch, lambda: calm.append(None))
            for late_s in script(subject):
                await trio.testing.wait_all_tasks_blocked()
                jump(0.05 + late_s)
                await trio.testing.wait_all_tasks_blocked()
                found.append((subject.holds_back, len(calm)))
            nursery.cancel_scope.cancel()
        return subject

    return trio.run(main, clock=trio.testing.MockClock()), found


def test_what_is_late_holds_back_until_it_is_in_time_again() -> None:
    subject, found = watched(lambda _: [0.0, 0.09, 0.11, 0.3, 0.05, 0.0, 2.0])
    assert found == [(False, 0), (False, 0), (True, 0), (True, 0), (False, 1), (False, 1), (True, 1)]
    assert subject.worst_s == pytest.approx(2.0)


def most_under_way(monkeypatch: pytest.MonkeyPatch, job: Job, late_s: float, lasts_s: float) -> tuple[int, float]:
    """How many connections were open at a time, where each pass of the loop takes `late_s` until `lasts_s` are over."""
    auditor = Auditor()
    monkeypatch.setattr(scheduler, "audit", auditor.audit)
    clock = trio.testing.MockClock(autojump_threshold=0)
    pool = ThisProcess()

    async def main() -> None:
        busy = Busy(clock, late_s, lambda: trio.current_time() < lasts_s)
        trio.lowlevel.add_instrument(busy)
        found = await worked(pool, job, map(address, range(300)))
        assert sorted(one.position for one in found) == [*range(300)]

    trio.run(main, clock=clock)
    return auditor.most_open["all"], pool.late_s


def test_few_begin_while_the_loop_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    most, late_s = most_under_way(monkeypatch, JOB, 0.11 * STEP_S, 1e6)
    assert most <= AT_LEAST + 3  # those that had begun before it was known
    assert late_s == pytest.approx(0.11, abs=0.11)


def test_all_that_may_begin_do_when_it_is_in_time_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert most_under_way(monkeypatch, JOB, 0.2 * STEP_S, 10.0)[0] == 50


def test_what_is_late_by_little_holds_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    most, late_s = most_under_way(monkeypatch, JOB, 0.02 * STEP_S, 1e6)
    assert most >= 30  # a pass for each to begin, and a second until it ends
    assert late_s < 0.1


def test_worker_processes_tell_how_late_they_were() -> None:
    pool = Processes(2)

    async def main() -> None:
        with trio.fail_after(PATIENCE_S):
            async with serving(silent) as target:
                job = replace(JOB, limits=replace(JOB.limits, step_s=0.3))
                await worked(pool, job, [target])

    trio.run(main)
    assert 0 < pool.late_s < PATIENCE_S


@dataclass
class Was:
    late_s: float

    work = ThisProcess.work


def test_only_what_makes_silences_uncertain_is_told() -> None:
    assert lateness(ThisProcess(), 1.0) is None
    assert lateness(Was(0.49), 1.0) is None
    assert lateness(Was(2.0), 5.0) is None
    told = lateness(Was(1.2345), 1.0)
    assert told is not None
    assert "up to 1,234 ms" in told
    assert "--concurrency" in told
