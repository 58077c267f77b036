"""What batches may use adds up, what kills its workers is found, and streams that falter are not waited for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import trio
import trio.testing
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from probe.audit.settings import Settings
from probe.drive.limits import Limits
from probe.errors import InputError, Unavailable
from probe.result import Target, from_json
from probe.scan.cluster import Cluster
from probe.scan.cluster_link import Killed, Link
from probe.scan.cluster_parts import Parts, existing, is_there, name_of, prepared, receipts, stale, write_part
from probe.scan.cluster_rate import SharedPace, SharedRate, pace_of
from probe.scan.cluster_share import Portions, share_of
from probe.scan.cluster_worker import Answer, Order
from probe.scan.outcome import describe_failure
from probe.scan.recovery import recover
from probe.scan.work import Facts, Finished, Job, Task

JOB = Job(settings=Settings(depth="discover"), limits=Limits())
BOUND_S = 30


def task(position: int) -> Task:
    address = f"192.0.2.{position}"
    return Task(position, Target(input=address, host=address, address=address, port=3389))


def done(each: Task) -> Finished:
    return describe_failure(each.position, each.target, "discover", "a test")


@given(
    workers=st.integers(1, 300),
    nthreads=st.integers(1, 16),
    concurrency=st.integers(1, 20_000),
    rate=st.none() | st.floats(0.01, 1e6),
    per_subnet=st.none() | st.integers(1, 1000),
)
def test_shares_never_exceed_the_whole(
    workers: int, nthreads: int, concurrency: int, rate: float | None, per_subnet: int | None
) -> None:
    slots = workers * nthreads
    job = replace(JOB, concurrency=concurrency, rate=rate, per_subnet=per_subnet)
    share = share_of(job, workers, slots, whole=True)
    running = share.running
    assert running == min(slots, share.batches)
    assert share.concurrency >= 1
    assert share.concurrency * running <= concurrency
    assert share.batches >= 1
    if rate is None:
        assert share.rate is None
    else:
        assert share.rate is not None
        assert share.rate * workers <= rate * 1.000001  # batches of one process share it
    if per_subnet is None:
        assert share.per_subnet is None
    else:
        assert share.per_subnet is not None
        assert 1 <= share.per_subnet * running <= per_subnet


def test_without_a_wish_each_worker_has_its_own_concurrency() -> None:
    assert share_of(replace(JOB, concurrency=500), 3, 12, whole=False).concurrency == 125
    assert share_of(replace(JOB, concurrency=500), 3, 12, whole=True).concurrency == 41


def portions(job: Job, left: int | None, workers: int = 2, slots: int = 8) -> list[int]:
    """The sizes of all batches until none is left; of the first hundred where nobody knows."""
    share = share_of(job, workers, slots, whole=False)
    found = Portions(job, left)
    sizes: list[int] = []
    while sum(sizes) < left if left is not None else len(sizes) < 100:
        sizes.append(found.size(share) if left is None else min(found.size(share), left - sum(sizes)))
        found.handed_out(sizes[-1])
    return sizes


def test_with_a_low_rate_batches_are_short_and_the_last_ones_shortest() -> None:
    """60 a second, 510 targets, two workers that run four batches each."""
    sizes = portions(replace(JOB, rate=60.0), 510)
    assert max(sizes) <= 15  # 2 s of the turns that one batch in eight has
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-8:] == [1] * 8


def test_without_a_rate_a_small_scan_is_for_all_workers_and_a_large_one_in_large_batches() -> None:
    assert len(portions(JOB, 510)) >= 16
    assert max(portions(JOB, 100_000)) == 500
    assert min(portions(JOB, 100_000)[:-1]) >= 16
    assert portions(JOB, None) == [500] * 100


def test_batches_are_longer_where_their_last_targets_take_long_and_smaller_where_targets_cost_more() -> None:
    job = replace(JOB, rate=80.0)
    share = share_of(job, 2, 8, whole=False)
    found = Portions(job, None)
    assert found.size(share) == 20
    for _ in range(30):
        found.saw([done(task(number)) for number in range(4)], 5.0)
    assert found.size(share) in (99, 100)
    costly = msgspec.structs.replace(done(task(1)), facts=(Facts((), connections=10),))
    for _ in range(30):
        found.saw([costly], 0.0)
    assert found.size(share) == 2


async def _begun(rates: list[SharedRate], seconds: float) -> list[float]:
    """When turns were had, by batches that are as fast as they may be and two connections wide."""
    began = trio.current_time()
    turns: list[float] = []

    async def hurry(rate: SharedRate) -> None:
        while True:
            if not rate.try_take():
                await rate.take()
            turns.append(trio.current_time() - began)

    with trio.move_on_after(seconds):
        async with trio.open_nursery() as nursery:
            for rate in rates:
                nursery.start_soon(hurry, rate)
    return turns


def test_batches_of_one_process_share_its_rate_whether_they_are_beside_each_other_or_follow_each_other() -> None:
    async def beside() -> tuple[list[float], list[float]]:
        pace = SharedPace(trio.current_time)
        several = await _begun([SharedRate(pace, 10.0, 1) for _ in range(4)], 10)
        one = await _begun([SharedRate(pace, 20.0, 2)], 10)
        return several, one

    several, one = trio.run(beside, clock=trio.testing.MockClock(autojump_threshold=0))
    assert 99 <= len(several) <= 102
    assert 185 <= len(one) <= 202  # nothing for being new; four turns were booked by those that were stopped


def test_a_rate_tells_when_nobody_waits_any_more_and_when_its_last_turn_was() -> None:
    async def last() -> None:
        calm: list[float] = []
        rate = SharedRate(SharedPace(trio.current_time), 0.5, 0)
        rate.calm = lambda: calm.append(trio.current_time())
        began = rate.last
        await rate.take()
        assert (rate.last, rate.waiting, calm) == (began, 0, [])
        await rate.take()
        assert rate.last == pytest.approx(began + 1.9)
        assert calm == [rate.last]

    trio.run(last, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_process_remembers_the_pace_of_each_scan_and_forgets_those_of_long_ago() -> None:
    first = pace_of("scan-a")
    assert pace_of("scan-a") is first
    assert pace_of("scan-b") is not first
    for number in range(50):
        pace_of(f"scan-{number}")
    assert pace_of("scan-a") is not first


class Fake:
    """A link to workers that die of some targets, or that leave."""

    run = "a run"
    leaves = False

    def __init__(self, deadly: set[int]) -> None:
        self.deadly = deadly
        self.asked: list[list[int]] = []
        self.excluded: list[object] = []
        self.crews = 0
        self.paces: list[tuple[list[str], float, int]] = []

    def tell(self, changed: Callable[[], None]) -> None:
        if self.leaves:
            trio.from_thread.run_sync(changed)

    def crew(self) -> dict[str, int]:
        self.crews += 1
        return {"a": 2} if self.leaves and self.crews > 1 else {"a": 2, "b": 2}

    def pace(self, workers: list[str], per_second: float, number: int) -> None:
        self.paces.append((workers, per_second, number))

    def fitting(self, workers: list[str]) -> None:
        assert workers == ["a", "b"]

    def submit(self, order: bytes, ended: Callable[[], None]) -> list[Task]:
        ordered = msgspec.msgpack.decode(order, type=Order)
        self.excluded.append(ordered.job.excluded)
        trio.from_thread.run_sync(ended)
        return ordered.tasks

    def answer(self, future: list[Task]) -> bytes:
        self.asked.append([each.position for each in future])
        if self.deadly & set(self.asked[-1]):
            raise Killed
        return zstandard.compress(msgspec.msgpack.encode(Answer([done(each) for each in future])))

    async def __aenter__(self) -> Link:
        return cast("Link", self)

    async def __aexit__(self, *_: object) -> None:
        pass


async def _scanned(tasks: list[Task], parts: Parts | None = None, job: Job = JOB) -> list[Finished]:
    hand_out, handed_out = trio.open_memory_channel[list[Task]](len(tasks))
    finish, finished = trio.open_memory_channel[list[Finished]](64)
    for each in tasks:
        await hand_out.send([each])
    await hand_out.aclose()
    results: list[Finished] = []
    with trio.fail_after(BOUND_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Cluster("tcp://nowhere:1", parts).work, job, handed_out, finish)
            async for some in finished:
                results += some
    return results


def test_a_target_that_kills_its_workers_is_found_and_the_others_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake({7, 90})
    monkeypatch.setattr("probe.scan.cluster.linked", lambda *_: fake)
    results = trio.run(_scanned, [task(number) for number in range(100)])
    assert sorted(each.position for each in results) == list(range(100))
    said = {each.position: from_json(each.lines).limited or "" for each in results}
    assert {position for position, words in said.items() if "each worker of the cluster" in words} == {7, 90}
    assert [7] in fake.asked
    assert max(map(len, fake.asked)) > 8


def test_the_rate_of_a_worker_that_left_is_given_to_the_others_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(set())
    fake.leaves = True
    monkeypatch.setattr("probe.scan.cluster.linked", lambda *_: fake)
    told = trio.Event()
    pace = fake.pace

    def tell(workers: list[str], per_second: float, number: int) -> None:
        pace(workers, per_second, number)
        trio.from_thread.run_sync(told.set)

    monkeypatch.setattr(fake, "pace", tell)

    async def scanned() -> None:
        hand_out, handed_out = trio.open_memory_channel[list[Task]](1)
        finish, finished = trio.open_memory_channel[list[Finished]](64)
        with trio.fail_after(BOUND_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(Cluster("tcp://nowhere:1").work, replace(JOB, rate=60.0), handed_out, finish)
                await told.wait()
                await hand_out.aclose()
                async for _ in finished:
                    raise AssertionError("nothing was asked")

    trio.run(scanned)
    assert fake.paces == [(["a"], 60.0, 2)]


def test_a_stream_that_falters_does_not_hold_back_what_it_has_given(monkeypatch: pytest.MonkeyPatch) -> None:
    from probe.scan.cluster import _Waiting

    async def slowly() -> None:
        give, tasks = trio.open_memory_channel[list[Task]](0)

        async def feed() -> None:
            async with give:
                await give.send([task(0), task(1), task(2)])
                await trio.sleep(100)
                await give.send([task(3)])

        async with trio.open_nursery() as nursery:
            nursery.start_soon(feed)
            waiting = _Waiting(tasks)
            assert [each.position for each in await waiting.take(2)] == [0, 1]
            began = trio.current_time()
            assert [each.position for each in await waiting.take(2)] == [2]
            assert trio.current_time() - began < 2
            assert [each.position for each in await waiting.take(2)] == [3]
            assert await waiting.take(2) == []

    trio.run(slowly, clock=trio.testing.MockClock(autojump_threshold=0))


class _Client:
    """What workers say when they are asked what they have."""

    def __init__(self, said: dict[str, Any]) -> None:
        self._said = said

    def run(self, ask: Callable[..., Any], *_: str, workers: list[str], on_error: str) -> dict[str, Any]:
        assert on_error == "return"
        return dict.fromkeys(workers, self._said[ask.__name__])


def _link(**said: Any) -> Link:
    async def make() -> Link:
        return await trio.to_thread.run_sync(Link, "tcp://x:1", cast("Any", _Client(said)), None)

    return trio.run(make)


@pytest.mark.parametrize(
    ("python", "program", "why"),
    [
        ("2.7.18", "1", "tcp://w has Python 2.7, and"),
        (None, ModuleNotFoundError("No module named 'probe'"), "tcp://w of the cluster has no rdp-probe"),
        (None, "8.8", "tcp://w of the cluster has rdp-probe 8.8, and"),
    ],
)
def test_a_worker_that_lacks_what_we_have_is_named(python: str | None, program: object, why: str) -> None:
    import platform

    link = _link(python_version=python or platform.python_version(), resolve_name=program)
    with pytest.raises(Unavailable) as caught:
        link.fitting(["tcp://w"])
    assert why.replace("tcp://w has", "tcp://w of the cluster has") in caught.value.what


def test_a_worker_that_left_meanwhile_is_not_judged() -> None:
    import platform

    from probe import __version__

    _link(python_version=platform.python_version(), resolve_name=__version__).fitting(["tcp://w"])
    _link(python_version=OSError("gone"), resolve_name=OSError("gone")).fitting(["tcp://w"])


def test_a_part_is_named_by_the_scan_and_its_first_target() -> None:
    parts = Parts("memory://parts-1", "scan-1")
    assert name_of(parts, task(3)).startswith("scan-1-")
    assert name_of(parts, task(3)).endswith(".ndjson.zst")
    assert name_of(parts, task(3)) == name_of(parts, msgspec.structs.replace(task(3), position=99))
    assert name_of(parts, task(3)) != name_of(parts, task(4))


@pytest.mark.parametrize("kind", ["ndjson", "ndjson.zst"])
def test_a_part_replaces_those_that_an_interrupted_run_began_with_its_targets(kind: str) -> None:
    parts = Parts(f"memory://parts-{kind}", "scan-1", kind)
    batches = [[task(0), task(1)], [task(2), task(3)], [task(4), task(5)]]
    assert existing(parts) == frozenset()
    for batch in batches:
        write_part(parts, batch[0], map(done, batch), ())
    there = existing(parts)
    assert there == {name_of(parts, batch[0]) for batch in batches}
    assert existing(msgspec.structs.replace(parts, scan="scan-2")) == frozenset()
    again = [task(0), task(2), task(3)]
    outdated = stale(parts, there, again)
    assert outdated == (name_of(parts, task(2)),)
    write_part(parts, again[0], map(done, again), outdated)
    assert existing(parts) == {name_of(parts, task(0)), name_of(parts, task(4))}
    write_part(parts, again[0], map(done, again), outdated)  # twice is once
    assert existing(parts) == {name_of(parts, task(0)), name_of(parts, task(4))}


def test_a_part_can_be_a_table(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed: pip install 'rdp-probe[query]'")
    parts = Parts(tmp_path.as_uri(), "scan-1", "parquet")
    write_part(parts, task(0), [done(task(0)), done(task(1))], ())
    (file,) = tmp_path.iterdir()
    assert file.name == name_of(parts, task(0))
    found = duckdb.sql(f"SELECT host, status FROM '{file}' ORDER BY host").fetchall()
    assert found == [("192.0.2.0", "unreachable"), ("192.0.2.1", "unreachable")]


def test_a_receipt_is_a_result_with_the_place_and_the_target() -> None:
    parts = Parts("memory://parts-2", "scan-1")
    whole = done(task(5))
    (short,) = receipts(parts, task(5), [whole])
    assert (short.position, short.facts) == (whole.position, whole.facts)
    before, after = from_json(whole.lines), from_json(short.lines)
    assert (after.target, after.status, after.scan) == (before.target, before.status, before.scan)
    assert short.lines.endswith(b"}\n")
    assert len(short.lines) < len(whole.lines)
    assert json.loads(short.lines)["part"] == {"name": name_of(parts, task(5)), "target": 1, "of": 1}


def test_receipts_of_a_part_count_together(tmp_path: Path) -> None:
    parts = Parts("memory://parts-3", "scan-1")
    some = receipts(parts, task(1), [done(task(1)), done(task(2)), done(task(3))])
    assert [each.goes_on for each in some] == [True, True, False]
    journal = tmp_path / "out.ndjson"
    for number in range(4):
        journal.write_bytes(b"".join(each.lines for each in some[:number]))
        assert recover(str(journal)).targets == (3 if number == 3 else 0)


@pytest.mark.parametrize(("url", "kind"), [("nonsense://x", InputError), ("file:///proc/nowhere", Unavailable)])
def test_a_place_that_cannot_take_parts_is_said_to_be_one(url: str, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="parts cannot be written to"):
        existing(Parts(url, "scan-1"))
    with pytest.raises(kind, match="parts cannot be written to"):
        prepared(Parts(url, "scan-1"))


@pytest.mark.parametrize("url", ["my parts", "./my parts/", "file:my parts", "local://my parts"])
def test_a_folder_is_the_one_that_it_is_where_the_scan_is_begun(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = prepared(Parts(url, "scan-1", "ndjson"))
    assert found == Parts(f"file://{tmp_path}/my parts", "scan-1", "ndjson")
    assert list((tmp_path / "my parts").iterdir()) == []  # what was tried is removed
    assert prepared(found) == found


def test_a_store_stays_what_it_is_and_what_it_raises_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts("memory://parts-9", "scan-1")
    assert prepared(parts) == parts
    assert existing(parts) == frozenset()

    def refuse(*_: object) -> None:
        raise RuntimeError("Unable to locate credentials")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.pipe_file", refuse)
    with pytest.raises(Unavailable, match="Unable to locate credentials"):
        prepared(parts)


def test_parts_that_a_worker_wrote_elsewhere_end_the_scan_before_they_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.scan.cluster.linked", lambda *_: Fake(set()))
    monkeypatch.setattr("probe.scan.cluster._VISIBLE_S", (0.0, 0.0))
    parts = Parts("memory://parts-10", "scan-1")
    with pytest.RaisesGroup(pytest.RaisesExc(Unavailable, match="not there as seen from here"), flatten_subgroups=True):
        trio.run(_scanned, [task(number) for number in range(10)], parts)
    write_part(parts, task(0), [done(task(number)) for number in range(10)], ())
    assert is_there(parts, task(0))
    assert len(trio.run(_scanned, [task(number) for number in range(10)], parts)) == 10


def test_a_file_system_whose_package_is_missing_is_said_to_lack_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    with pytest.raises(Unavailable, match="s3://bucket/x: Install s3fs"):
        existing(Parts("s3://bucket/x", "scan-1"))


def test_what_is_excluded_goes_only_with_names(monkeypatch: pytest.MonkeyPatch) -> None:
    name = Task(1, Target(input="srv1.example", host="srv1.example", address=None, port=3389))
    spans = (("10.0.0.1", "10.0.0.9"),)
    for tasks, expected in (([task(0), task(1)], ()), ([task(0), name], spans)):
        fake = Fake(set())
        monkeypatch.setattr("probe.scan.cluster.linked", lambda *_, fake=fake: fake)
        trio.run(_scanned, tasks, None, replace(JOB, excluded=spans))
        assert fake.excluded == [expected]


def test_what_is_excluded_is_built_once_for_all_batches() -> None:
    from probe.scan.scheduler import _Manners

    spans = (("10.0.0.1", "10.0.0.9"),)
    orders = (msgspec.msgpack.decode(msgspec.msgpack.encode(replace(JOB, excluded=spans)), type=Job) for _ in range(2))
    one, two = (_Manners(job)._excluded for job in orders)
    assert one is two
    assert one.covers("10.0.0.5")
