"""A cluster does what one process does: each target once, whoever dies, and says what is wrong with it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import trio
import zstandard

from benchmarks.cluster import COMMAND, Processes, cluster
from probe.audit.settings import Settings
from probe.drive.limits import Limits
from probe.errors import Unavailable
from probe.result import Target, from_json
from probe.scan import cluster as cluster_module
from probe.scan import cluster_link
from probe.scan.cluster import Cluster
from probe.scan.cluster_parts import Parts
from probe.scan.cluster_worker import Order, read_answer, run_order, scan_batch
from probe.scan.work import Finished, Job, Task

pytest.importorskip("distributed", reason="dask.distributed is not installed: pip install 'rdp-probe[cluster]'")

BOUND_S = 90  # far more than any of these needs: a test that hangs is one that fails
JOB = Job(settings=Settings(depth="discover"), limits=Limits(step_s=1, deadline_s=5), concurrency=20)


def task(position: int, port: int = 1) -> Task:
    """A target where nobody listens: the answer takes no time."""
    address = f"127.9.{position // 250}.{position % 250 + 1}"
    return Task(position, Target(input=address, host=address, address=address, port=port))


async def scanned(
    pool: Cluster, job: Job, tasks: list[Task], seen: Callable[[int], None] = lambda _: None
) -> list[Finished]:
    """All that a pool makes of these. `seen` is told after each batch how many targets are done."""
    hand_out, handed_out = trio.open_memory_channel[list[Task]](0)
    finish, finished = trio.open_memory_channel[list[Finished]](64)
    done: list[Finished] = []

    async def feed() -> None:
        async with hand_out:
            for at in range(0, len(tasks), 16):
                await hand_out.send(tasks[at : at + 16])

    with trio.fail_after(BOUND_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(feed)
            nursery.start_soon(pool.work, job, handed_out, finish)
            async for some in finished:
                done += some
                seen(len(done))
    return done


@pytest.fixture(scope="module")
def three() -> Iterator[Processes]:
    """A scheduler and three workers."""
    with cluster(3) as processes:
        yield processes


@contextmanager
def unavailable(what: str) -> Iterator[None]:
    """Nothing else than this error, alone or in a nursery's group, and however many batches met it."""
    with pytest.raises((Unavailable, ExceptionGroup)) as caught:
        yield
    for leaf in leaves(caught.value):
        assert isinstance(leaf, Unavailable), leaf
        assert re.search(what, leaf.what)
        assert leaf.hint


def leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in leaves(each)]
    return [error]


def positions(finished: list[Finished]) -> list[int]:
    return sorted(each.position for each in finished)


def test_a_worker_that_is_killed_costs_no_target_and_doubles_none() -> None:
    with cluster(3) as processes:

        def seen(done: int) -> None:
            if done >= 200:
                processes.workers[0].send_signal(signal.SIGKILL)

        job = replace(JOB, rate=400.0)  # so that it is still at work then
        finished = trio.run(scanned, Cluster(processes.address, whole=True), job, [task(n) for n in range(1000)], seen)
        assert processes.workers[0].wait(timeout=10) == -signal.SIGKILL
    assert positions(finished) == list(range(1000))
    results = [from_json(line) for each in finished for line in each.lines.splitlines()]
    assert {result.status for result in results} == {"refused"}
    assert len({result.target.address for result in results}) == 1000


def test_a_scheduler_that_is_lost_is_said_to_be() -> None:
    with cluster(1) as processes:

        def seen(_done: int) -> None:
            processes.scheduler.kill()

        job = replace(JOB, rate=100.0)
        with unavailable("was lost"):
            trio.run(scanned, Cluster(processes.address), job, [task(n) for n in range(5000)], seen)


def test_where_no_scheduler_answers_it_is_said_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_link, "CONNECT_S", 0.5)
    with unavailable("no dask scheduler answers at tcp://127.0.0.1:1"):
        trio.run(scanned, Cluster("tcp://127.0.0.1:1"), JOB, [task(0)])


def test_what_is_no_address_of_a_scheduler_is_said_to_be_none() -> None:
    with unavailable("cannot be used as a cluster"):
        trio.run(scanned, Cluster("nonsense://x"), JOB, [task(0)])


def test_another_version_on_a_worker_is_found_before_anything_is_asked(
    three: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_link, "__version__", "9.9")
    with unavailable(r"has rdp-probe .*, and 9\.9 is here"):
        trio.run(scanned, Cluster(three.address), JOB, [task(0)])


def test_another_version_in_an_order_is_refused_by_the_worker() -> None:
    answer = run_order(msgspec.msgpack.encode(Order("9.9", JOB, [task(0)])))
    with pytest.raises(Unavailable, match=r"a worker of the cluster: it has rdp-probe .* and 9\.9 is asked for"):
        read_answer(answer)


def test_a_batch_is_a_pure_function_of_its_job_and_targets() -> None:
    finished = scan_batch(JOB, [task(3), task(8)], "a run", 0).finished
    assert positions(finished) == [3, 8]
    assert [json.loads(each.lines)["status"] for each in finished] == ["refused", "refused"]


def test_nobody_at_work_is_said_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "_NOBODY_S", 0.2)
    with cluster(0) as processes, unavailable("has no worker"):
        trio.run(scanned, Cluster(processes.address), JOB, [task(0)])


def test_a_scan_that_is_stopped_stops_its_batches(three: Processes) -> None:
    """A host that never answers would be waited for for minutes; its connection ends when the scan does."""
    job = replace(JOB, limits=Limits(step_s=BOUND_S * 2, deadline_s=BOUND_S * 2))

    received: list[bytes] = []

    async def stopped() -> None:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        place = Target(input="here", host="127.0.0.1", address="127.0.0.1", port=listener.socket.getsockname()[1])
        with trio.fail_after(BOUND_S):
            async with listener, trio.open_nursery() as nursery:
                nursery.start_soon(scanned, Cluster(three.address), job, [Task(0, place)])
                async with await listener.accept() as stream:
                    received.append(bytes(await stream.receive_some()))
                    nursery.cancel_scope.cancel()
                    with trio.CancelScope(shield=True), trio.fail_after(BOUND_S):
                        received.append(bytes(await stream.receive_some()))

    trio.run(stopped)
    assert received[0]  # a request
    assert received[1] == b""  # the end


def test_parts_hold_each_target_once_though_batches_are_cut_anew(three: Processes, tmp_path: Path) -> None:
    parts = Parts(tmp_path.as_uri(), "scan-1")
    tasks = [task(number) for number in range(300)]
    small = trio.run(scanned, Cluster(three.address, parts, whole=True), JOB, tasks)
    before = set(tmp_path.iterdir())
    assert targets_in(tmp_path) == [each.target.address for each in tasks]
    for each in small:
        assert from_json(each.lines).scan is not None  # a receipt is a result
        assert not from_json(each.lines).diagnoses
    # as after a crash that lost the journal: all again, in larger batches
    trio.run(scanned, Cluster(three.address, parts, whole=True), replace(JOB, concurrency=120), tasks)
    assert targets_in(tmp_path) == [each.target.address for each in tasks]
    assert len(set(tmp_path.iterdir())) < len(before)


def targets_in(folder: Path) -> list[str | None]:
    lines = [line for file in folder.iterdir() for line in zstandard.decompress(file.read_bytes()).splitlines()]
    results = [from_json(line) for line in lines]
    assert all(result.diagnoses for result in results)
    return [
        result.target.address for result in sorted(results, key=lambda each: each.scan.position if each.scan else -1)
    ]


def test_a_cluster_that_is_started_here_ends_without_a_word(tmp_path: Path) -> None:
    output = tmp_path / "out.ndjson"
    argv = [COMMAND, "scan", "127.9.0.0/26", "--port", "1", "--depth", "discover", "-q", "-o", str(output)]
    ran = subprocess.run(
        [*argv, "--cluster", "local", "--processes", "1"], capture_output=True, text=True, timeout=BOUND_S, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert len(set(output.read_bytes().splitlines())) == 62  # a /26 without its network and broadcast addresses
