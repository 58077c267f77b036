from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probe.errors import InputError, Unavailable
from probe.scan import source_stream
from probe.scan.source import open_source
from probe.scan.space import open_database
from probe.scan.work import Recovered, Task

NOTHING = Recovered()


def asked(*texts: str, ports: tuple[int, ...] = (), recovered: Recovered = NOTHING, **options: Any) -> list[Task]:
    return list(open_source(texts, ports, **options).tasks(recovered))


def hosts(tasks: list[Task]) -> list[str]:
    return [task.target.host for task in tasks]


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def give(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return give


def test_a_space_comes_once_each_in_an_order_of_its_seed() -> None:
    first = asked("10.0.0.0/24", "10.0.0.7", "10.0.0.200-10.0.1.4", seed=1)
    assert [task.position for task in first] == list(range(260))
    assert len(set(hosts(first))) == 260
    assert hosts(first) == hosts(asked("10.0.0.1-10.0.1.4", seed=1))
    assert hosts(first) != hosts(asked("10.0.0.0/24", "10.0.0.200-10.0.1.4", seed=2))


def test_how_a_space_was_written_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("10.0.0.2\n10.0.0.1\n10.0.0.1\nb.example\n")
    one = open_source([f"@{path}", "a.example"], [3389], seed=5)
    other = open_source(["a.example", "B.example", "10.0.0.1-2"], [], seed=5)
    assert one.fingerprint == other.fingerprint
    assert [(t.position, t.target.host.lower()) for t in one.tasks(NOTHING)] == [
        (t.position, t.target.host.lower()) for t in other.tasks(NOTHING)
    ]


def test_a_new_seed_each_time() -> None:
    assert len({open_source(["10.0.0.1"], []).seed for _ in range(4)}) > 1


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 300])
def test_shards_are_disjoint_and_complete(parts: int) -> None:
    every = []
    for part in range(1, parts + 1):
        source = open_source(["10.0.0.0/24", "srv1.example"], [3389, 3390], seed=9, shard=(part, parts))
        tasks = list(source.tasks(NOTHING))
        assert source.size == len(tasks)
        assert [task.position for task in tasks] == list(range(part - 1, 255 * 2, parts))
        every += [(task.position, task.target.host, task.target.port) for task in tasks]
    whole = open_source(["10.0.0.0/24", "srv1.example"], [3389, 3390], seed=9).tasks(NOTHING)
    assert sorted(every) == [(task.position, task.target.host, task.target.port) for task in whole]


@given(st.integers(0, 30), st.frozensets(st.integers(0, 40)))
def test_a_resumed_space_does_what_is_left(below: int, above: frozenset[int]) -> None:
    every = asked("10.0.0.1-25", seed=3)
    left = asked("10.0.0.1-25", seed=3, recovered=Recovered(below=below, above=above))
    assert left == [task for task in every if task.position >= below and task.position not in above]


def test_exclusions(tmp_path: Path) -> None:
    path = tmp_path / "never.txt"
    path.write_text("# zmap's blocklist\n10.0.0.0/30  # ours\nsrv1.example\n\n10.0.0.9\n")
    source = open_source(
        ["10.0.0.0-12", "SRV1.example.", "srv2.example", "srv3.example"],
        [],
        exclude=["10.0.0.11", "srv2.example"],
        exclude_files=[str(path)],
        seed=1,
    )
    assert sorted(hosts(list(source.tasks(NOTHING)))) == sorted(
        [f"10.0.0.{number}" for number in (4, 5, 6, 7, 8, 10, 12)] + ["srv3.example"]
    )
    assert source.excluded[:3] == (("10.0.0.0", "10.0.0.3"), ("10.0.0.9", "10.0.0.9"), ("10.0.0.11", "10.0.0.11"))


def test_mistakes_are_said_before_anything_is_asked(tmp_path: Path) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_text("10.0.0.1\n10.0.0.300\n")
    multicast = tmp_path / "multicast.txt"
    multicast.write_text("224.0.0.1\n")
    (tmp_path / "empty.txt").write_text("# nothing\n")
    wrong: list[tuple[list[str], dict[str, Any], str]] = [
        ([], {}, "there is no target"),
        ([f"@{tmp_path / 'empty.txt'}"], {}, "there is no target"),
        (["10.0.0.1"], {"exclude": ["10.0.0.0/24"]}, "there is no target left"),
        ([f"@{bad}"], {}, "bad.txt, line 2: not an address"),
        (["10.0.0.1"], {"exclude_files": [str(bad)]}, "bad.txt, line 2: not an address"),
        (["10.0.0.1"], {"exclude": ["10.0.0.1:5"]}, "not to exclude"),
        (["10.0.0.1"], {"exclude_files": [str(tmp_path / "none")]}, "cannot read"),
        (["@/nowhere/at/all"], {}, "cannot read"),
        ([f"@{tmp_path}"], {}, "cannot read"),
        (["@x\0y"], {}, "cannot read"),
        (["255.255.255.255"], {}, "not a host"),
        ([f"@{multicast}"], {}, "multicast.txt, line 1: not a host"),
    ]
    for texts, options, why in wrong:
        with pytest.raises(InputError, match=why) as caught:
            open_source(texts, [], **options)
        assert caught.value.hint


def test_where_no_port_found_open_is_asked_those_are_said(tmp_path: Path, stdin: Callable[[str], None]) -> None:
    content = "#masscan\nopen tcp 13389 192.0.2.1 1\nopen tcp 22 192.0.2.1 1\nopen tcp 22 192.0.2.2 1\n"
    path = tmp_path / "list"
    path.write_text(content)
    with pytest.raises(InputError, match=r"other ports open than --port asks: 22 and 13389$") as caught:
        open_source([f"@{path}"], [3389, 3390])
    assert "leave --port out" in caught.value.hint
    stdin(content)
    with pytest.raises(InputError, match=r"other ports open than --port asks: 22 and 13389$"):
        asked("-", ports=(3389, 3390))
    stdin(content)
    assert hosts(asked("-", ports=(22,))) == ["192.0.2.1", "192.0.2.2"]
    path.write_text("".join(f"open tcp {port} 192.0.2.1 1\n" for port in range(1, 30)))
    with pytest.raises(InputError, match="asks: 1, 2, 3, 4, 5, 6, 7, 8 and 21 others"):
        open_source([f"@{path}"], [3389])


def test_what_the_user_should_know() -> None:
    assert open_source(["10.0.0.0/8"], []).remarks == ()
    assert open_source(["11.0.0.0/16"], []).remarks == ()
    (many,) = open_source(["11.0.0.0/15"], [1, 2]).remarks
    assert "131,070 public addresses without --rate" in many
    assert open_source(["11.0.0.0/15"], [], rate=500.0).remarks == ()
    left_out, _ = open_source(["0.0.0.0/0"], []).remarks
    assert "left out" in left_out


def test_the_largest_spaces_begin_at_once() -> None:
    source = open_source(["0.0.0.0/0", "2001:db8::/64"], list(range(1, 9)), seed=1)
    assert source.size is not None
    assert source.size > 8 * 2**64
    assert len(list(islice(source.tasks(NOTHING), 20))) == 20


MEASURE = """
import sys
from itertools import islice
from probe.scan.source import open_source
from probe.scan.work import Recovered
source = open_source(sys.argv[1:], [3389], seed=1)
number = 40_000 if source.size is None else 2000
assert sum(1 for task in islice(source.tasks(Recovered()), number)) == number
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def rss_mib(*texts: str, stdin: bytes = b"") -> float:
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, *texts], input=stdin, stdout=subprocess.PIPE, check=True, timeout=300
    )
    return int(run.stdout) / 1024


def test_memory_does_not_grow_with_the_number_of_targets(tmp_path: Path) -> None:
    """10**4 targets, 2**32 targets, and a list that nothing joins; 10**6 lines take 10 MiB (here: 100,000)."""
    long = tmp_path / "long.txt"
    long.write_text("".join(f"{11 + (n >> 16)}.{n >> 8 & 255}.{n & 255}.77\n" for n in range(100_000)))
    base = rss_mib("10.0.0.0/18")
    assert rss_mib("0.0.0.0/0") < base + 4
    assert rss_mib(f"@{long}") < base + 12
    assert rss_mib("-", stdin=long.read_bytes()[:1_000_000]) < base + 6


def test_a_stream_comes_in_its_order_and_each_once(stdin: Callable[[str], None]) -> None:
    stdin(
        "10.0.0.5\n10.0.0.3\n10.0.0.5\nsrv1.example\n10.0.0.0/29\nSRV1.example.\n10.0.0.3:5\n10.0.0.7-9\nfe80::1%lo\n"
    )
    source = open_source(["10.0.0.4", "-"], [3389], seed=1)
    assert (source.size, source.fingerprint) == (None, None)
    tasks = list(source.tasks(NOTHING))
    assert [task.position for task in tasks] == list(range(len(tasks)))
    found = hosts(tasks)
    assert found[:4] == ["10.0.0.4", "10.0.0.5", "10.0.0.3", "srv1.example"]
    assert sorted(found[4:7]) == ["10.0.0.1", "10.0.0.2", "10.0.0.6"]
    assert (tasks[7].target.host, tasks[7].target.port) == ("10.0.0.3", 5)
    assert sorted(found[8:11]) == ["10.0.0.7", "10.0.0.8", "10.0.0.9"]
    assert tasks[11].target.address == "fe80::1%lo"
    assert len(found) == 12


_LINE = st.one_of(
    st.builds("10.0.0.{}".format, st.integers(0, 30)),
    st.builds("10.0.0.{}-{}".format, st.integers(0, 15), st.integers(15, 30)),
    st.builds("2001:db8::{:x}/126".format, st.integers(0, 30)),
    st.sampled_from(["a.example", "b.example", "10.0.0.3:5"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_LINE, min_size=1, max_size=10), st.integers(1, 3), st.integers(0, 12))
def test_a_stream_has_what_the_space_has(lines: list[str], parts: int, done: int) -> None:
    """Its shards together, one of them interrupted after some targets and resumed."""
    content = "\n".join(lines)
    options: dict[str, Any] = {"exclude": ["10.0.0.4", "10.0.0.20-22", "b.example"], "seed": 4}
    with pytest.MonkeyPatch.context() as patch:
        every: list[Task] = []
        for part in range(1, parts + 1):
            patch.setattr("sys.stdin", io.StringIO(content))
            first = list(islice(open_source(["-"], [], shard=(part, parts), **options).tasks(NOTHING), done))
            patch.setattr("sys.stdin", io.StringIO(content))
            recovered = Recovered(below=len(first), asked=[(task.target.host, task.target.port) for task in first])
            rest = asked("-", shard=(part, parts), recovered=recovered, **options)
            numbers = range(len(first) + len(rest))
            assert [task.position for task in first + rest] == [part - 1 + parts * number for number in numbers]
            every += first + rest
    try:
        space = asked(*lines, **options)
    except InputError:  # everything is excluded
        space = []
    found = [(task.target.host, task.target.port) for task in every]
    assert len(found) == len(set(found))
    assert set(found) == {(task.target.host, task.target.port) for task in space}


def test_positions_of_a_resumed_stream_are_new(stdin: Callable[[str], None]) -> None:
    stdin("a\nb\nc\n")
    recovered = Recovered(below=1, above=frozenset({4}), asked=iter([("a", 3389), ("b", 3389)]))
    assert [(task.position, task.target.host) for task in asked("-", recovered=recovered)] == [(5, "c")]


def test_an_excluded_zone_and_an_empty_stream(stdin: Callable[[str], None]) -> None:
    stdin("fe80::1%lo\nfe80::2%lo\n")
    assert hosts(asked("-", exclude=["fe80::1"])) == ["fe80::2%lo"]
    stdin("# nothing\n")
    with pytest.raises(InputError, match="there is no target"):
        asked("-")


def test_lines_of_a_stream_that_name_no_target_are_skipped_and_told(stdin: Callable[[str], None]) -> None:
    stdin("10.0.0.1\n224.0.0.1\n1,2\nx\0\n{\n" + "y" * 70_000 + "\n10.0.0.2\n[{]\n10.0.0.3\n{\n")
    source = open_source(["-"], [])
    assert isinstance(source, source_stream.StreamSource)
    told: list[str] = []
    source.on_skipped = lambda error: told.append(error.what)
    assert hosts(list(source.tasks(NOTHING))) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert [what.split(":")[0] for what in told] == [f"standard input, line {line}" for line in (2, 3, 4, 6, 8, 10)]
    assert source.skipped == 6


def test_a_stream_with_no_target_at_all_is_an_error_though_its_lines_are_skipped(stdin: Callable[[str], None]) -> None:
    stdin("1,2\n")
    with pytest.raises(InputError, match="there is no target"):
        asked("-")


def test_what_can_be_read_twice_beside_a_stream_is_checked_before_anything_is_asked(
    tmp_path: Path, stdin: Callable[[str], None]
) -> None:
    stdin("10.0.0.1\n")
    path = tmp_path / "list"
    path.write_text("10.0.0.2\n1,2\n")
    for text, why in ((f"@{path}", "list, line 2:"), ("1,2", "1,2"), ("224.0.0.1", "not a host")):
        with pytest.raises(InputError, match=why):
            open_source(["-", text], [])


@pytest.mark.parametrize(
    ("again", "why"),
    [
        ("10.0.0.1-2\na\n", None),
        ("10.0.0.1\n10.0.0.1\nA.\na\n10.0.0.0/24\nb\n", None),
        ("10.0.0.1\na\n", "^1 target that was done is not in this list: is it the same list"),
        ("10.0.0.1\n10.0.0.1\n10.0.0.2:5\n10.0.0.3-9\n", "^2 targets that were done are not in this list"),
        ("", "^there is no target"),
    ],
)
def test_a_list_that_is_piped_again_has_what_was_done(
    stdin: Callable[[str], None], again: str, why: str | None
) -> None:
    stdin(again)
    recovered = Recovered(below=3, asked=[("10.0.0.1", 3389), ("a", 3389), ("10.0.0.2", 3389)])
    tasks = open_source(["-"], [], seed=1).tasks(recovered)
    found = set()
    if why is None:
        found = {(task.target.host, task.target.port) for task in tasks}
    else:
        with pytest.raises(InputError, match=why) as caught:
            found.update((task.target.host, task.target.port) for task in tasks)
        assert "pipe the" in caught.value.hint
    assert not found & {("10.0.0.1", 3389), ("10.0.0.2", 3389), ("a", 3389)}


def test_what_another_list_brought_need_not_come_again(stdin: Callable[[str], None]) -> None:
    recovered = Recovered(below=3, asked=[("10.0.0.1", 3389), ("a", 3389), ("10.0.0.2", 3389)], strangers=2)
    stdin("10.0.0.1\n10.0.0.3\n")
    assert hosts(asked("-", recovered=recovered)) == ["10.0.0.3"]
    stdin("10.0.0.3\n")
    with pytest.raises(source_stream.AnotherList, match=r"^3 targets"):
        asked("-", recovered=recovered)


def test_a_pipe_is_asked_while_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line is a task before the next one is written."""
    read, write = os.pipe()
    with os.fdopen(read, "r") as reader, os.fdopen(write, "wb", buffering=0) as writer:
        monkeypatch.setattr("sys.stdin", reader)
        tasks = open_source(["-"], []).tasks(NOTHING)
        for number in range(1, 4):
            writer.write(f"192.0.2.{number}\n".encode())
            assert next(tasks).target.host == f"192.0.2.{number}"


def test_a_fifo_is_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    source = open_source([f"@{path}"], [])
    assert source.size is None
    holder = os.open(path, os.O_RDWR)
    try:
        os.write(holder, b"192.0.2.1\n")
        assert next(source.tasks(NOTHING)).target.host == "192.0.2.1"
    finally:
        os.close(holder)


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch, stdin: Callable[[str], None]) -> None:
    def small() -> Any:
        database = open_database()
        database.execute("PRAGMA max_page_count = 8").close()
        return database

    monkeypatch.setattr(source_stream, "open_database", small)
    stdin("".join(f"10.0.{n >> 8}.{n & 255}\n" for n in range(0, 60_000, 2)))
    with pytest.raises(Unavailable, match="cannot keep which targets were asked"):
        asked("-")


def test_a_space_knows_what_stands_at_each_place() -> None:
    source = open_source(["10.0.0.0/28", "Srv1.example", "10.0.1.1:1"], [2, 3], seed=5, shard=(2, 3))
    for task in source.tasks(NOTHING):
        host, port = task.target.host, task.target.port
        assert source.is_at(task.position, host, port)
        assert source.is_at(task.position, host.upper(), port)
        assert not source.is_at(task.position, host, port + 1)
        assert not source.is_at(task.position, "10.0.0.99", port)
        assert not source.is_at(task.position, "\ud800", port)
        assert not source.is_at(task.position + 1, host, port)
    assert not source.is_at(-1, "10.0.0.1", 2)
    assert not source.is_at(99_999_999, "10.0.0.1", 2)
