from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from probe.audit.settings import Settings
from probe.drive.demo_server import Secured
from probe.errors import InputError, Unavailable
from probe.result import Depth, Result, Target
from probe.scan import pool as subject
from probe.scan.pool import Processes, shares
from probe.scan.tally import FAILED
from probe.scan.work import Finished, Job, Task
from tests.drive.peers import PATIENCE_S, SSL, inside_tls, only, serving
from tests.scan.shares import DISCOVER, STANDARD, address, name, results, worked

BANNER = b"SSH-2.0-nothing to see\r\n"  # what ends an audit of depth discover after one connection


class Host:
    """Every address of loopback, counted."""

    def __init__(self, *, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.asked: Counter[str] = Counter()
        self.open: Counter[str] = Counter()
        self.most_open: Counter[str] = Counter()
        self.on_asked: Callable[[str], None] = lambda _: None

    async def peer(self, stream: trio.SocketStream) -> None:
        host = stream.socket.getsockname()[0]
        places: tuple[str, ...] = ("all", host.rpartition(".")[0])
        self.asked[host] += 1
        for place in places:
            self.open[place] += 1
            self.most_open[place] = max(self.most_open[place], self.open[place])
        try:
            self.on_asked(host)
            await stream.receive_some(4096)
            await trio.sleep(self.seconds)
            for place in places:  # before the client can know that it is closed
                self.open[place] -= 1
            places = ()
            await stream.send_all(BANNER)
        finally:
            for place in places:
                self.open[place] -= 1

    @asynccontextmanager
    async def serving(self, numbers: Iterator[int] | range) -> AsyncIterator[list[Target]]:
        async with serving(self.peer, host="0.0.0.0") as target:
            yield [address(number, target.port) for number in numbers]


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[trio.Process]]:
    """Every worker process that is started."""
    started: list[trio.Process] = []
    real: Callable[..., Awaitable[trio.Process]] = trio.lowlevel.open_process

    async def open_process(*arguments: object, **options: object) -> trio.Process:
        process = await real(*arguments, **options)
        started.append(process)
        return process

    monkeypatch.setattr(trio.lowlevel, "open_process", open_process)
    yield started
    for process in started:
        assert process.returncode is not None, "a worker outlived its pool"


def scanned(host: Host, n: int, job: Job, numbers: range = range(1, 101)) -> list[Finished]:
    async def main() -> list[Finished]:
        with trio.fail_after(PATIENCE_S):
            async with host.serving(numbers) as targets:
                return await worked(Processes(n), job, targets)

    return trio.run(main)


def is_complete(found: list[Finished], number: int = 100) -> bool:
    return sorted(one.position for one in found) == [*range(number)]


@given(concurrency=st.integers(1, 5000), n=st.integers(1, 64), rate=st.none() | st.floats(0.1, 1e5))
def test_shares_add_up(concurrency: int, n: int, rate: float | None) -> None:
    found = shares(replace(DISCOVER, concurrency=concurrency, rate=rate), n)
    assert 1 <= len(found) <= n
    assert sum(job.concurrency for job in found) == concurrency
    assert min(job.concurrency for job in found) >= 1
    assert max(job.concurrency for job in found) - min(job.concurrency for job in found) <= 1
    if rate is None:
        assert {job.rate for job in found} == {None}
    else:
        assert sum(job.rate or 0 for job in found) == pytest.approx(rate)


def test_processes_do_every_target_once_between_them(children: list[trio.Process]) -> None:
    host = Host(seconds=0.01)
    found = scanned(host, 3, replace(DISCOVER, concurrency=8))
    assert is_complete(found)
    assert {line.service for one in found for line in results(one)} == {"ssh"}
    assert max(host.asked.values()) == 1
    assert host.most_open["all"] <= 8
    assert len(children) == 3
    assert {process.returncode for process in children} == {0}


def test_a_scan_of_nothing_starts_and_ends(children: list[trio.Process]) -> None:
    assert scanned(Host(), 2, DISCOVER, range(0)) == []


def test_a_subnet_is_one_processs_affair(children: list[trio.Process]) -> None:
    host = Host(seconds=0.005)
    numbers = range(0x100, 0x100 + 5 * 256, 17)
    found = scanned(host, 3, replace(DISCOVER, per_subnet=2), numbers)
    assert is_complete(found, len(numbers))
    assert max(count for place, count in host.most_open.items() if place != "all") <= 2


def test_a_name_belongs_to_the_subnet_it_leads_to(
    children: list[trio.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., Awaitable[object]] = trio.socket.getaddrinfo

    async def getaddrinfo(host: str, port: int, **more: object) -> object:
        if not host.startswith("srv"):
            return await real(host, port, **more)
        return [(2, 1, 6, "", (f"127.0.9.{host.removeprefix('srv')}", port))]

    monkeypatch.setattr(trio.socket, "getaddrinfo", getaddrinfo)  # here alone: the workers know no such names
    host = Host(seconds=0.005)

    async def main() -> list[Finished]:
        with trio.fail_after(PATIENCE_S):
            async with host.serving(range(0x901, 0x91F)) as targets:
                names = [name(f"srv{number}", targets[0].port) for number in range(100, 130)]
                nowhere = name("nowhere.invalid", targets[0].port)
                return await worked(Processes(3), replace(DISCOVER, per_subnet=2), [*targets, *names, nowhere])

    found = trio.run(main)
    assert is_complete(found, 61)
    assert host.most_open["127.0.9"] <= 2
    assert sum(host.asked.values()) == 60
    assert Counter(one.facts[0].tags[0] for one in found) == {"not_rdp": 60, "dns_error": 1}


def test_workers_that_are_killed_are_replaced_and_nothing_is_lost_or_twice(children: list[trio.Process]) -> None:
    host = Host(seconds=0.01)

    def kill(asked: str) -> None:
        if asked.endswith(".20") and host.asked[asked] == 1:
            for process in children:
                process.kill()

    host.on_asked = kill
    found = scanned(host, 2, replace(DISCOVER, concurrency=6))
    assert is_complete(found)
    assert len(children) == 4
    assert {one.facts[0].tags[0] for one in found} == {"not_rdp"}


def killing(host: Host, children: list[trio.Process], *ends: str) -> None:
    """Make these addresses kill every worker."""

    def kill(asked: str) -> None:
        if asked.endswith(ends):
            for process in children:
                process.kill()

    host.on_asked = kill


def failed(found: list[Finished]) -> dict[int, Result]:
    """Those that are written off, by their position."""
    return {one.position: results(one)[0] for one in found if one.facts[0].tags == (FAILED,)}


def test_targets_that_kill_are_told_of_and_nothing_is_written_off_with_them(children: list[trio.Process]) -> None:
    host = Host(seconds=0.01)
    killing(host, children, ".2", ".7")
    found = scanned(host, 1, DISCOVER, range(1, 9))
    assert is_complete(found, 8)
    lost = failed(found)
    assert sorted(lost) == [1, 6]
    for one in lost.values():
        assert (one.status, one.connections) == ("unreachable", 0)
        assert "SIGKILL, twice while nothing but this target was under way" in (one.limited or "")
    assert {each.service for one in found if one.position not in lost for each in results(one)} == {"ssh"}


def test_deaths_from_without_write_nothing_off(children: list[trio.Process]) -> None:
    host = Host(seconds=0.01)
    kills = iter(range(3))

    def kill(_asked: str) -> None:
        if sum(host.asked.values()) % 15 == 0 and next(kills, None) is not None:
            for process in children:
                process.kill()

    host.on_asked = kill
    found = scanned(host, 2, replace(DISCOVER, concurrency=20))
    assert is_complete(found)
    assert next(kills, None) is None
    assert not failed(found)


def test_a_group_of_suspects_is_halved_until_one_is_alone_twice() -> None:
    tasks = [Task(number, address(number)) for number in range(100)]
    suspects = subject._Suspects()
    lost: list[int] = []
    deaths = 0
    under_way, left = tasks, set(range(100))
    while under_way:
        killers = [task.position for task in under_way if task.position in (3, 4, 77)]
        if killers:
            deaths += 1
            if (killer := suspects.add(under_way)) is not None:
                lost.append(killer.position)
                left.discard(killer.position)
        else:
            left -= {task.position for task in under_way}
        under_way = suspects.next()
    assert sorted(lost) == [3, 4, 77]
    assert not left
    assert deaths <= 3 * 9
    assert not suspects
    assert not suspects.is_asked


def test_one_that_is_what_is_left_of_a_group_was_not_alone() -> None:
    tasks = [Task(number, address(number)) for number in range(4)]
    suspects = subject._Suspects()
    assert suspects.add(tasks) is None
    assert suspects.next() == tasks[:2]
    assert suspects.add(tasks[1:2]) is None
    assert suspects.next() == tasks[1:2]
    assert suspects.add(tasks[1:2]) is None  # alone for the first time
    assert suspects.next() == tasks[1:2]
    suspects.put_back(tasks[1:2])  # a process that did not even begin
    assert suspects.next() == tasks[1:2]
    assert suspects.add(tasks[1:2]) == tasks[1]
    assert suspects.next() == tasks[2:]
    assert suspects.next() == []
    suspects.put_back([])
    assert suspects.next() == []


def test_targets_of_which_each_kills_end_the_scan(
    children: list[trio.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "_MOST_LOST", 2)
    host = Host(seconds=0.01)
    killing(host, children, "")
    with pytest.raises(BaseExceptionGroup) as caught:
        scanned(host, 1, DISCOVER, range(1, 3))
    assert caught.group_contains(Unavailable, match="do not stay alive: the last was ended by SIGKILL")


def test_a_worker_that_gives_no_sign_of_life_is_told_of_and_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hung = tmp_path / "python"
    hung.write_text("#!/bin/sh\nexec sleep 1000\n")
    hung.chmod(0o755)
    real: Callable[..., Awaitable[trio.Process]] = trio.lowlevel.open_process
    pids: list[int] = []

    async def open_process(command: list[str], **options: object) -> trio.Process:
        is_first = not pids
        monkeypatch.setattr(subject, "_QUIET_S", 0.01 if is_first else 1000.0)
        monkeypatch.setattr(subject, "_DEAD_S", 0.02 if is_first else 2000.0)
        process = await real([str(hung), *command[1:]] if is_first else command, **options)
        pids.append(process.pid)
        return process

    monkeypatch.setattr(trio.lowlevel, "open_process", open_process)
    told: list[str] = []
    host = Host()

    async def main() -> list[Finished]:
        with trio.fail_after(PATIENCE_S):
            async with host.serving(range(1, 11)) as targets:
                return await worked(Processes(1, told.append), DISCOVER, targets)

    assert is_complete(trio.run(main), 10)
    assert len(pids) == 2
    (text,) = told
    assert str(pids[0]) in text
    assert not is_alive(pids[0])


@pytest.mark.parametrize("depth", ["discover", "standard"])
def test_one_server_is_one_processs_affair_on_many_ports_and_by_many_names(
    children: list[trio.Process], monkeypatch: pytest.MonkeyPatch, depth: Depth
) -> None:
    real: Callable[..., Awaitable[object]] = trio.socket.getaddrinfo

    async def getaddrinfo(host: str, port: int, **more: object) -> object:
        if not host.startswith("srv"):
            return await real(host, port, **more)
        last = (7,) if int(host.removeprefix("srv")) % 3 else (8, 7)
        return [(2, 1, 6, "", (f"127.0.0.{each}", port)) for each in last]

    monkeypatch.setattr(trio.socket, "getaddrinfo", getaddrinfo)
    host = Host(seconds=0.005)
    open_now: Counter[str] = Counter()
    most_open: Counter[str] = Counter()

    async def peer(stream: trio.SocketStream) -> None:
        at = stream.socket.getsockname()[0]
        open_now[at] += 1
        most_open[at] = max(most_open[at], open_now[at])
        try:
            await stream.receive_some(4096)
            await trio.sleep(host.seconds)
        finally:
            open_now[at] -= 1
        await stream.send_all(BANNER)

    async def main() -> list[Finished]:
        with trio.fail_after(PATIENCE_S):
            async with serving(peer, host="0.0.0.0") as one, serving(peer, host="0.0.0.0") as other:
                ports = [address(7, port) for port in (one.port, other.port)] * 10
                names = [name(f"srv{number}", one.port) for number in range(20)]
                job = replace(DISCOVER, settings=Settings(depth=depth))
                return await worked(Processes(3), job, [*ports, *names, address(9, one.port)], batch=1)

    assert is_complete(trio.run(main), 41)
    assert most_open["127.0.0.7"] <= DISCOVER.limits.per_host
    assert most_open["127.0.0.8"] <= DISCOVER.limits.per_host


def test_nothing_is_remembered_of_hosts_that_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    slots: list[subject._Slot] = []
    real = subject._Slot.end

    def end(slot: subject._Slot) -> None:
        slots.append(slot)
        real(slot)

    monkeypatch.setattr(subject._Slot, "end", end)
    assert is_complete(scanned(Host(), 2, DISCOVER))
    assert len(slots) == 2
    for slot in slots:
        assert not slot._hosts
        assert not slot._owners
        assert slot.given == 0
        assert slot.credit == DISCOVER.concurrency // 2 + subject._AHEAD


def test_an_interrupt_at_the_terminal_is_not_for_workers(children: list[trio.Process]) -> None:
    host = Host()

    def interrupt(_asked: str) -> None:
        for process in children:
            process.send_signal(signal.SIGINT)

    host.on_asked = interrupt
    assert is_complete(scanned(host, 2, DISCOVER))
    assert {process.returncode for process in children} == {0}
    assert {os.getpgid(0)} != {process.pid for process in children}


def test_what_a_worker_gives_up_with_ends_the_scan(children: list[trio.Process]) -> None:
    job = replace(STANDARD, limits=replace(DISCOVER.limits, ca_file="/nonexistent/roots.pem"))

    async def quiet(_secured: Secured) -> None:
        return

    async def main() -> None:
        with trio.fail_after(PATIENCE_S):
            async with serving(only(SSL, inside_tls(quiet))) as target:
                await worked(Processes(2), job, [target])

    with pytest.raises(BaseExceptionGroup) as caught:
        trio.run(main)
    assert caught.group_contains(InputError)


def test_workers_that_do_not_stay_alive_end_the_scan_and_what_they_say_is_heard(
    children: list[trio.Process],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    dead = tmp_path / "python"
    dead.write_text("#!/bin/sh\necho out of memory >&2\nexit 3\n")
    dead.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(dead))
    with pytest.raises(BaseExceptionGroup) as caught:
        scanned(Host(), 2, DISCOVER)
    assert caught.group_contains(Unavailable, match="do not stay alive: the last ended with status 3")
    assert subject._MOST_IDLE_DEATHS <= len(children) <= 2 * subject._MOST_IDLE_DEATHS
    assert "out of memory" in capfd.readouterr().err


def test_who_stops_early_leaves_no_worker(children: list[trio.Process]) -> None:
    host = Host(seconds=1000)

    async def main() -> None:
        with trio.fail_after(PATIENCE_S):
            async with host.serving(range(1, 101)) as targets, trio.open_nursery() as nursery:
                host.on_asked = lambda _: nursery.cancel_scope.cancel()
                await worked(Processes(2), DISCOVER, targets)

    trio.run(main)
    assert len(children) == 2  # and the fixture sees that they have ended


_PARENT = """
import sys, trio
from dataclasses import replace
from probe.scan.pool import Processes
from tests.scan.shares import DISCOVER, address, worked
real = trio.lowlevel.open_process
async def open_process(*arguments, **options):
    process = await real(*arguments, **options)
    print(process.pid, flush=True)
    return process
trio.lowlevel.open_process = open_process
targets = [address(number, int(sys.argv[1])) for number in range(1, 200)]
trio.run(worked, Processes(2), replace(DISCOVER, limits=replace(DISCOVER.limits, step_s=1000.0)), targets)
"""


def test_workers_do_not_outlive_a_process_that_is_killed() -> None:
    host = Host(seconds=1000)
    asked = trio.Event()
    host.on_asked = lambda _: asked.set()
    pids: list[int] = []

    async def main() -> None:
        with trio.fail_after(PATIENCE_S):
            async with host.serving(range(1)) as (target,):
                process = await trio.lowlevel.open_process(
                    [sys.executable, "-c", _PARENT, str(target.port)], stdout=subprocess.PIPE, cwd=Path.cwd()
                )
                assert process.stdout is not None
                try:
                    async with process.stdout as out:
                        said = b""
                        while said.count(b"\n") < 2:
                            said += await out.receive_some()
                        pids.extend(map(int, said.split()))
                        await asked.wait()  # at work
                finally:
                    process.kill()
                    await process.wait()
                while any(map(is_alive, pids)):  # noqa: ASYNC110  they are nobody's children who could tell
                    await trio.sleep(0.01)

    try:
        trio.run(main)
    finally:
        for pid in filter(is_alive, pids):
            os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
