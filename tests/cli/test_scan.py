"""rdp-probe scan as a user runs it: begun, interrupted in every way, gone on with; and what goes wrong is said."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
import trio
import trio.testing
import zstandard

from probe.cli import scanning
from probe.cli.main import build_parser, main
from probe.cli.scan import complete
from probe.result import from_json
from probe.scan.course import Course
from probe.scan.sidecar import Arguments, Sidecar

COMMAND = [sys.executable, "-m", "probe.cli.main", "scan"]
DEADLINE_S = 60


@pytest.fixture
def closed() -> str:
    """A port where nothing listens on any address of loopback."""
    with socket.socket() as sock:
        sock.bind(("127.0.77.1", 0))
        return str(sock.getsockname()[1])


def run(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    argv = [*COMMAND, *arguments]
    if stdin is None:  # not what the tests have
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=DEADLINE_S, check=False)


@contextlib.contextmanager
def started(*arguments: str, **more: object) -> Iterator[subprocess.Popen[str]]:
    """One in the background, that is gone at the end whatever happens."""
    process = subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True, **more)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def has_grown(path: Path, process: subprocess.Popen[str], size: int) -> None:
    """Wait until the file has more than `size` bytes, or the process ended."""
    until = time.monotonic() + DEADLINE_S
    while process.poll() is None and not (path.exists() and path.stat().st_size > size):
        assert time.monotonic() < until
        time.sleep(0.005)  # of another process we learn in no other way


def hosts(path: Path) -> list[str]:
    raw = path.read_bytes()
    if path.suffix == ".zst":
        with zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as stream:
            raw = stream.read()
    return [from_json(line).target.host for line in raw.splitlines()]


def expected(count: int) -> list[str]:
    return [f"127.9.0.{number}" for number in range(1, count + 1)]


def options_for(port: str, path: Path | None, *, rate: str | None = None) -> list[str]:
    paced = [] if rate is None else ["--rate", rate]
    output = [] if path is None else ["-o", str(path)]
    return ["--depth", "discover", "--processes", "1", "--port", port, *paced, *output]


# Options


def test_what_is_recorded_is_what_can_be_chosen() -> None:
    options = build_parser().parse_args(["scan"])
    chosen = set(vars(complete(options.defaults, {}))) | {"targets"}
    assert chosen - set(Arguments.__struct_fields__) == {"output", "resume", "quiet"}
    assert set(Arguments.__struct_fields__) <= chosen


def test_what_was_given_is_told_from_what_was_not() -> None:
    options = build_parser().parse_args(["scan", "srv1.example", "--depth", "standard"])
    assert set(vars(options)) == {"command", "defaults", "targets", "depth"}
    assert complete(options.defaults, {"depth": "full"}).depth == "full"
    assert complete(options.defaults, {}).depth == "standard"


@pytest.mark.parametrize(
    "arguments",
    [
        ["scan"],
        ["scan", "10.0.0.1,10.0.0.2"],
        ["scan", "192.0.2.1", "-o", "/nowhere/out.ndjson"],
        ["scan", "192.0.2.1", "-o", "/"],
        ["scan", "192.0.2.1", "-o", "nul\0"],
        ["scan", "224.0.0.1"],
        ["scan", "192.0.2.1", "--exclude", "192.0.2.1"],
        ["scan", "192.0.2.1", "--ca-file", "/nowhere"],
        ["scan", "@/nowhere"],
        ["scan", "--resume", "/nowhere/out.ndjson"],
        ["scan", "--resume", "/nowhere/out.ndjson", "-o", "other.ndjson"],
        ["scan", "--resume", "nul\0"],
        ["scan", "192.0.2.1", "--rate", "0"],
        ["scan", "192.0.2.1", "--shard", "0/4"],
        ["scan", "192.0.2.1", "--seed", "x"],
        ["scan", "192.0.2.1", "--processes", "0"],
    ],
    ids=lambda arguments: " ".join(arguments)[:50],
)
def test_mistakes_are_an_error_and_a_hint(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    error, hint = shown.err.splitlines()
    assert error.startswith("error: ")
    assert len(hint) > len("hint: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["192.0.2.1", "-o", "out.ndjson.gz"], "-o out.ndjson.zst"),
        (["192.0.2.1", "-o", "OUT.XZ"], "-o OUT.zst"),
        (["192.0.2.1", "--exclude", "never.txt"], "did you mean @never.txt?"),
        (["nofile.txt"], "@nofile.txt"),
    ],
)
def test_a_mistake_that_would_go_unnoticed_is_refused(
    arguments: list[str], hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("never.txt").write_text("192.0.2.1\n")
    assert main(["scan", *arguments]) == 2
    assert hint in capsys.readouterr().err.splitlines()[1]
    assert [path.name for path in tmp_path.iterdir()] == ["never.txt"]


# Begun, finished


def test_asking_for_json_changes_nothing(closed: str) -> None:
    assert "json" not in vars(build_parser().parse_args(["scan", "--json", "srv1.example"]))
    shown = run(*options_for(closed, None), "--json", "-q", "127.9.0.1")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert from_json(shown.stdout).target.host == "127.9.0.1"


def test_a_scan_that_goes_on_has_its_targets_whatever_files_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("nowhere.invalid")
    assert run(*options_for(closed, path), "nowhere.invalid", "-q").returncode == 0
    assert path.stat().st_size
    shown = run("--resume", str(path))
    assert (shown.returncode, "is finished" in shown.stderr) == (0, True)


def test_a_scan_and_its_end(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "out.ndjson"
    shown = run(*options_for(closed, path), "127.9.0.1-40", "--seed", "7f3a")
    assert shown.returncode == 0
    assert shown.stdout == ""
    assert shown.stderr.splitlines()[0] == (
        "Scanning 40 targets · seed 7f3a · up to 500 connections at once, 2 to a server "
        "· Ctrl-C stops, --resume continues"
    )
    assert "Finished. Targets scanned: 40" in shown.stderr
    assert sorted(hosts(path)) == sorted(expected(40))
    again = run("--resume", str(path))
    assert (again.returncode, again.stdout) == (0, "")
    assert "is finished" in again.stderr
    assert len(hosts(path)) == 40
    path.write_bytes(path.read_bytes()[:-500])
    assert len(path.read_bytes().splitlines()) >= 39
    mended = run("--resume", f"{path}.scan")  # the record's name means the results beside it
    assert mended.returncode == 0
    assert "39 of them done" in mended.stderr
    assert sorted(hosts(path)) == sorted(expected(40))
    refused = run(*options_for(closed, path), "127.9.0.1")
    assert refused.returncode == 2
    assert f"--resume {path}" in refused.stderr


def test_results_on_standard_output_and_in_files_are_the_same(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "out.ndjson"
    shown = run(*options_for(closed, None), "127.9.0.1-5", "--seed", "1", "-q")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert run(*options_for(closed, path), "127.9.0.1-5", "--seed", "1", "-q").returncode == 0
    times = {"started", "elapsed_ms"}
    kept = [
        sorted(str({key: value for key, value in json.loads(line).items() if key not in times}) for line in text)
        for text in (shown.stdout.splitlines(), path.read_text("ascii").splitlines())
    ]
    assert kept[0] == kept[1]
    assert len(kept[0]) == 5


def test_a_shard_is_its_part(tmp_path: Path, closed: str) -> None:
    found, places = [], []
    for part in ("1/3", "2/3", "3/3"):
        path = tmp_path / f"{part[0]}.ndjson"
        run(*options_for(closed, path), "127.9.0.1-40", "--seed", "5", "--shard", part, "-q")
        path.write_bytes(path.read_bytes()[:-10])
        assert run("--resume", str(path), "-q").returncode == 0
        found += hosts(path)
        places += [json.loads(line)["scan"]["position"] for line in path.read_bytes().splitlines()]
    assert sorted(found) == sorted(expected(40))
    assert sorted(places) == list(range(40))


def test_a_name_that_is_no_file_takes_results(closed: str) -> None:
    shown = run(*options_for(closed, Path("/dev/null")), "127.9.0.1")
    assert shown.returncode == 0
    assert "--resume" not in shown.stderr
    assert not Path("/dev/null.scan").exists()


# Interrupted, gone on with


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_a_signal_ends_it_with_what_is_done_kept(tmp_path: Path, closed: str, number: signal.Signals) -> None:
    path = tmp_path / "out.ndjson"
    with started(*options_for(closed, path, rate="50"), "127.9.0.1-200") as process:
        has_grown(path, process, 0)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    before = hosts(path)
    assert f"Stopped. Targets done, and in {path}: {len(before)} of 200\n" in stderr
    assert f"To go on: rdp-probe scan --resume {path}" in stderr
    assert 0 < len(before) < 200
    again = run("--resume", str(path), "--rate", "100000")
    assert again.returncode == 0
    assert f"200 targets · {len(before)} of them done" in again.stderr
    assert sorted(hosts(path)) == sorted(expected(200))


def test_on_standard_output_there_is_nothing_to_go_on_with(closed: str) -> None:
    with started(*options_for(closed, None, rate="20"), "127.9.0.1-200", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("{")
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "Stopped. What went to standard output cannot be resumed; with -o FILE it can."


def test_a_second_signal_ends_it_at_once(tmp_path: Path, closed: str) -> None:
    """A reader that does not read holds up the first."""
    read, write = os.pipe()
    with (
        os.fdopen(read),
        os.fdopen(write, "wb") as pipe,
        started(*options_for(closed, None), "127.9.0.0/20", stdout=pipe) as process,
    ):
        pipe_is_full(pipe.fileno())
        until = time.monotonic() + DEADLINE_S
        while process.poll() is None:
            assert time.monotonic() < until
            process.send_signal(signal.SIGINT)  # at once again it would be the same one
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.3)
        assert process.returncode == 130


def test_a_signal_that_comes_twice_at_once_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """As timeout(1) sends it: to its child, and then to the group that the child is in."""
    stopped, clock = [], trio.testing.MockClock()
    monkeypatch.setattr(os, "_exit", lambda status: stopped.append(f"exit {status}"))

    class Stoppable(Course):
        def __init__(self) -> None:
            pass

        def stop(self) -> None:
            stopped.append("stop")

    async def received(numbers: Iterator[float]) -> AsyncIterator[int]:
        for seconds in numbers:
            clock.jump(seconds)
            yield signal.SIGINT

    @contextlib.contextmanager
    def receiver(*_numbers: int) -> Iterator[AsyncIterator[int]]:
        yield received(iter((0, 0.1, 0.3, 0.2)))

    monkeypatch.setattr(trio, "open_signal_receiver", receiver)
    trio.run(scanning._heed_signals, Stoppable(), trio.TASK_STATUS_IGNORED, clock=clock)
    assert stopped == ["stop", "exit 130"]


def pipe_is_full(descriptor: int) -> None:
    import select

    until = time.monotonic() + DEADLINE_S
    while select.select([], [descriptor], [], 0)[1]:
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.parametrize("name", ["out.ndjson", "out.ndjson.zst"])
def test_kills_lose_and_repeat_nothing(tmp_path: Path, closed: str, name: str) -> None:
    path = tmp_path / name
    arguments = [*options_for(closed, path, rate="150"), "127.9.0.1-200"]
    for _kill in range(3):
        with started(*arguments) as process:
            has_grown(path, process, path.stat().st_size if path.exists() else 0)
            process.kill()
            process.wait()
        arguments = ["--resume", str(path)]
    assert 0 < len(hosts(path)) < 200
    shown = run(*arguments, "--rate", "100000", "-q")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert sorted(hosts(path)) == sorted(expected(200))


def interrupted(path: Path, closed: str, *targets: str) -> None:
    """A scan that was killed, with something done."""
    with started(*options_for(closed, path, rate="30"), *targets) as process:
        has_grown(path, process, 0)
        process.kill()


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (["--depth", "standard"], "--depth was discover, now standard"),
        (["--port", "1"], "--port was {port}, now 1"),
        (["--port", "{port}", "--port", "1"], "--port was {port}, now {port} 1"),
        (["127.9.0.1-201"], "the targets were 127.9.0.1-200, now 127.9.0.1-201"),
        (["--shard", "1/2"], "--shard was 1/1, now 1/2"),
        (["--exclude", "127.9.0.7"], "--exclude was not given, now 127.9.0.7"),
        (["--cookie", "x"], "--cookie was not given, now x"),
        (["--udp"], "--udp was not given, now given"),
        (["--timeout", "2s"], "--timeout was 5, now 2"),
    ],
    ids=lambda each: each[0] if isinstance(each, list) else "",
)
def test_another_scan_is_not_gone_on_with(
    given: list[str], error: str, tmp_path: Path, closed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out.ndjson"
    begin(path, closed)
    assert main(["scan", "--resume", str(path), *(each.format(port=closed) for each in given)]) == 2
    assert f"error: {path} is another scan: {error.format(port=closed)}\n" in capsys.readouterr().err


def begin(path: Path, closed: str) -> None:
    """The files of a scan that has nothing done yet."""
    path.touch()
    arguments = Arguments(targets=["127.9.0.1-200"], port=[int(closed)], depth="discover", timeout=5, deadline=60,
                          per_host=2)  # fmt: skip
    Path(f"{path}.scan").write_bytes(msgspec.json.encode(Sidecar(directory="/", arguments=arguments, size=200)))


def test_speed_may_be_another(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "out.ndjson"
    interrupted(path, closed, "127.9.0.1-200")
    shown = run("--resume", str(path), "--concurrency", "7", "--rate", "1000", "--processes", "2", "--per-subnet", "9",
                "--depth", "discover", "127.9.0.1-200", "--port", closed)  # fmt: skip
    assert shown.returncode == 0
    assert "up to 7 connections at once" in shown.stderr
    assert sorted(hosts(path)) == sorted(expected(200))


def test_a_list_that_changed_is_named(tmp_path: Path, closed: str) -> None:
    path, targets = tmp_path / "out.ndjson", tmp_path / "list.txt"
    targets.write_text("127.9.0.1-200\n")
    interrupted(path, closed, f"@{targets}")
    before = path.read_bytes()
    for changed in ("127.9.0.1-199\n", "127.9.0.2-201\n"):
        targets.write_text(changed)
        shown = run("--resume", str(path))
        assert shown.returncode == 2
        assert "have changed" in shown.stderr
        assert str(targets) in shown.stderr
    assert path.read_bytes() == before
    targets.write_text("127.9.0.1-100\n127.9.0.101-200\n")  # the same targets
    assert run("--resume", str(path), "--rate", "100000").returncode == 0
    assert sorted(hosts(path)) == sorted(expected(200))


def test_damage_is_named_and_nothing_destroyed(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "out.ndjson"
    interrupted(path, closed, "127.9.0.1-200")
    path.write_bytes(b"nonsense\n" + path.read_bytes() + b"{")
    before = path.read_bytes()
    shown = run("--resume", str(path))
    assert shown.returncode == 2
    assert "line 1:" in shown.stderr
    assert path.read_bytes() == before


def test_a_hole_at_the_end_is_told_and_those_behind_it_are_asked_again(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "out.ndjson"
    assert run(*options_for(closed, path), "-q", "127.9.0.0/26").returncode == 0
    raw = bytearray(path.read_bytes())
    middle = len(raw) // 2
    raw[middle : middle + 4096] = bytes(4096)
    path.write_bytes(raw)
    record = Path(f"{path}.scan")
    record.write_text(record.read_text().replace('"finished": true', '"finished": false'))
    shown = run("--resume", str(path), "--lang", "en")
    assert shown.returncode == 0
    again = re.search(r"The end of .* was damaged; so many targets in it are asked again: (\d+)", shown.stderr)
    assert again is not None
    assert 25 < int(again[1]) < 32
    hosts = [json.loads(line)["target"]["host"] for line in path.read_bytes().splitlines()]
    assert len(hosts) == len(set(hosts)) == 62


def test_results_beside_the_record_of_another_scan_are_not_gone_on_with(tmp_path: Path, closed: str) -> None:
    one, two = tmp_path / "one.ndjson", tmp_path / "two.ndjson"
    for path, block in ((one, "127.9.1.0/28"), (two, "127.9.2.0/28")):
        assert run(*options_for(closed, path), "-q", "--seed", "5", block).returncode == 0
    record = Path(f"{two}.scan").read_text().replace('"finished": true', '"finished": false')
    Path(f"{one}.scan").write_text(record)
    before = one.read_bytes()
    for finished in (record, record.replace('"finished": false', '"finished": true')):
        Path(f"{one}.scan").write_text(finished)
        refused = run("--resume", str(one), "-q")
        assert refused.returncode == 2
        assert f"{one} is not of this scan: line 1 has 127.9.1." in refused.stderr
    assert one.read_bytes() == before
    lines = two.read_bytes().splitlines(keepends=True)
    place = json.loads(lines[2])["scan"]["position"]
    lines[2] = lines[2].replace(f'"position":{place},'.encode(), b'"position":99999999,')
    one.write_bytes(b"".join(lines[:3]))
    assert "line 3 has 127.9.2." in run("--resume", str(one), "-q").stderr


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"schema": "rdp-probe-scan/9"}'])
def test_a_record_of_arguments_that_is_none_is_named(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out.ndjson").touch()
    (tmp_path / "out.ndjson.scan").write_bytes(content)
    assert main(["scan", "--resume", str(tmp_path / "out.ndjson")]) == 2
    assert "out.ndjson.scan is not what a scan writes" in capsys.readouterr().err


def test_lists_are_where_they_were_when_the_scan_began(
    tmp_path: Path, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, away = tmp_path / "home", tmp_path / "away"
    home.mkdir()
    away.mkdir()
    (home / "list").write_text("127.9.0.1-200\n")
    (home / "never").write_text("127.9.0.7\n")
    monkeypatch.chdir(home)
    path = home / "out.ndjson"
    interrupted(path, closed, "@list", "--exclude-file", "never")
    monkeypatch.chdir(away)
    (away / "list").write_text("127.9.0.1\n")
    torn = path.read_bytes()
    assert run("--resume", "../home/out.ndjson", "--rate", "100000", "-q").returncode == 0
    assert sorted(hosts(path)) == sorted(set(expected(200)) - {"127.9.0.7"})
    path.write_bytes(torn)
    shutil.move(home / "list", away / "list")
    assert run("--resume", str(path), "--rate", "100000", "-q").returncode == 0
    (away / "list").unlink()
    path.write_bytes(torn)
    shown = run("--resume", str(path))
    assert (shown.returncode, f"cannot read {home / 'list'}" in shown.stderr) == (2, True)


def test_the_language_of_the_terminal_may_be_another(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "out.ndjson"
    interrupted(path, closed, "127.9.0.1-200")
    shown = run("--resume", str(path), "--lang", "zh-CN", "--rate", "100000")
    assert shown.returncode == 0
    assert "Finished" not in shown.stderr
    assert sorted(hosts(path)) == sorted(expected(200))
    assert path.read_bytes().isascii()


@pytest.mark.parametrize(
    ("there", "what", "hint"),
    [
        (["out.ndjson.scan"], "there is no out.ndjson, only out.ndjson.scan beside it", "put it back"),
        (["out.ndjson"], "there is no out.ndjson.scan", "begun with -o FILE"),
        ([], "there is no out.ndjson", "check the name after --resume"),
    ],
)
def test_what_is_missing_is_named(
    there: list[str], what: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in there:
        Path(name).touch()
    shown = run("--resume", "out.ndjson")
    assert shown.returncode == 2
    error, advice = shown.stderr.splitlines()
    assert error == f"error: {what}"
    assert hint in advice
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(there)


def test_two_scans_do_not_go_on_with_one_file(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "out.ndjson"
    with started(*options_for(closed, path, rate="30"), "127.9.0.1-200") as process:
        has_grown(path, process, 0)
        shown = run("--resume", str(path))
    assert shown.returncode == 2
    assert "another scan is writing" in shown.stderr


# Standard input


def test_standard_input_is_piped_again(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "out.ndjson"
    with started(*options_for(closed, path), "-", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write("127.9.0.1\n127.9.0.2\n")
        process.stdin.flush()
        has_grown(path, process, 0)  # though the list goes on
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130
    assert "pipe the same list again" in stderr
    assert "Fatal" not in stderr
    listed = "".join(f"{host}\n" for host in expected(20))
    for other, why in (("", "there is no target"), ("127.9.0.77\n127.9.0.2\n", "1 target that was done is not in")):
        shown = run("--resume", str(path), "-q", stdin=other)  # it is not finished by that
        assert shown.returncode == 2
        assert why in shown.stderr
    assert '"finished": false' in Path(f"{path}.scan").read_text("ascii")
    for _again in range(2):
        assert run("--resume", str(path), "-q", stdin=listed).returncode == 0
        assert sorted(hosts(path)) == sorted([*expected(20), "127.9.0.77"])


def test_a_terminal_is_no_list(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "out.ndjson"
    ours, theirs = pty.openpty()
    with os.fdopen(ours), os.fdopen(theirs) as terminal:
        with started(*options_for(closed, path), "-", stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            process.stdin.write("127.9.0.1\n")
            process.stdin.flush()
            has_grown(path, process, 0)
        shown = subprocess.run([*COMMAND, "--resume", path], stdin=terminal, capture_output=True, text=True,
                               timeout=DEADLINE_S, check=False)  # fmt: skip
    assert shown.returncode == 2
    assert "came from standard input" in shown.stderr


def test_a_piped_scan_that_is_finished_is_so_without_a_list_unless_a_target_is_missing(
    tmp_path: Path, closed: str
) -> None:
    path = tmp_path / "out.ndjson"
    assert run(*options_for(closed, path), "-", "-q", stdin="127.9.0.1\n127.9.0.2\n").returncode == 0
    ours, theirs = pty.openpty()
    with os.fdopen(ours), os.fdopen(theirs) as terminal:
        for status, why in ((0, "is finished"), (2, "came from standard input")):
            shown = subprocess.run([*COMMAND, "--resume", path], stdin=terminal, capture_output=True, text=True,
                                   timeout=DEADLINE_S, check=False)  # fmt: skip
            assert (shown.returncode, why in shown.stderr) == (status, True)
            path.write_bytes(path.read_bytes()[:-10])
    assert run("--resume", str(path), "-q", stdin="127.9.0.1\n127.9.0.2\n").returncode == 0
    assert sorted(hosts(path)) == expected(2)


def test_a_line_that_is_no_target_costs_no_result(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "out.ndjson"
    shown = run(*options_for(closed, path), "-", stdin="127.9.0.1\n1,\x1b[2J\n127.9.0.2\n1,2\n127.9.0.3\n")
    assert shown.returncode == 0
    assert [line.split(":")[0] for line in shown.stderr.splitlines() if "kipped" in line] == [
        "Skipped",
        "Skipped",
        "Lines of the list that name no target and were skipped",
    ]
    assert "Skipped: standard input, line 4:" in shown.stderr
    assert "\x1b" not in shown.stderr
    assert shown.stderr.rstrip().endswith("skipped: 2")
    assert sorted(hosts(path)) == expected(3)


def test_of_many_lines_that_are_no_target_the_first_are_said(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "out.ndjson"
    shown = run(*options_for(closed, path), "-", "-q", stdin="1,2\n" * 50 + "127.9.0.1\n")
    assert shown.returncode == 0
    lines = shown.stderr.splitlines()
    assert [line.split(":")[0] for line in lines[:5]] == ["Skipped"] * 5
    assert lines[5:] == ["More lines name no target; they are skipped and counted."]
    assert hosts(path) == expected(1)


def test_a_stream_that_cannot_be_read_on_is_to_be_mended(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "out.ndjson"
    shown = run(*options_for(closed, path), "-", stdin="127.9.0.1\n" + "x" * 5_000_000)
    assert shown.returncode == 2
    assert "error: standard input, line 2: longer than" in shown.stderr
    assert f"To go on, see the error below, then pipe the list again: rdp-probe scan --resume {path}" in shown.stderr
    assert hosts(path) == expected(1)
    assert run("--resume", str(path), "-q", stdin="127.9.0.1\n127.9.0.2\n").returncode == 0
    assert sorted(hosts(path)) == expected(2)


# What the machine lacks


def limited(kind: int, soft: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run under a limit that cannot be raised."""
    code = (
        "import os, resource, sys; resource.setrlimit(int(sys.argv[1]), (int(sys.argv[2]),) * 2); "
        "os.execv(sys.argv[3], sys.argv[3:])"
    )
    argv = [sys.executable, "-c", code, str(kind), str(soft), *COMMAND, *arguments]
    whole = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # what is compiled under a limit of files would be cut
    return subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE_S, check=False, env=whole)


def test_a_file_that_may_not_grow(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "out.ndjson"
    shown = limited(resource.RLIMIT_FSIZE, 20_000, *options_for(closed, path), "127.9.0.1-200", "-q")
    assert shown.returncode == 2
    assert shown.stderr.splitlines() == [
        f"error: cannot write {path}: File too large",
        f"hint: what was found so far is in it; put that right, then go on: rdp-probe scan --resume {path}",
    ]
    assert 0 < len(hosts(path)) < 200
    assert run("--resume", str(path), "-q").returncode == 0
    assert sorted(hosts(path)) == sorted(expected(200))


def test_few_descriptors(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "out.ndjson"
    shown = limited(resource.RLIMIT_NOFILE, 256, *options_for(closed, path), "127.9.0.1-200")
    assert shown.returncode == 0
    assert "(ulimit -n)" in shown.stderr
    assert len(hosts(path)) == 200
    shown = limited(
        resource.RLIMIT_NOFILE, 256, *options_for(closed, tmp_path / "b"), "127.9.0.1", "--concurrency", "999"
    )
    assert shown.returncode == 2
    assert "ulimit -n" in shown.stderr
    assert not (tmp_path / "b").exists()


def can_mount() -> bool:
    unshare = shutil.which("unshare")
    return (
        unshare is not None
        and os.geteuid() == 0
        and subprocess.run([unshare, "-m", "true"], check=False).returncode == 0
    )


@pytest.mark.parametrize("name", ["out.ndjson", "out.ndjson.zst"])
def test_a_full_disk(tmp_path: Path, closed: str, name: str) -> None:
    if not can_mount():
        pytest.skip("a small disk can only be mounted by root")
    disk = tmp_path / "disk"
    disk.mkdir()
    path = disk / name
    scan = " ".join([*COMMAND, *options_for(closed, path), "127.9.0.0/22", "-q", "-v"])
    again = " ".join([*COMMAND, "--resume", str(path), "-q"])
    # Afterwards there is room again, and the scan goes on.
    script = (
        f"mount -t tmpfs -o size=16k none {disk} && {{ {scan}; echo $?; mount -o remount,size=64m {disk}; "
        f"{again}; echo $?; cp {path} {tmp_path}; }}"
    )
    shown = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, timeout=DEADLINE_S,
                           check=False)  # fmt: skip
    assert shown.stdout.split() == ["2", "0"]
    assert shown.stderr.splitlines() == [
        f"error: cannot write {path}: No space left on device",
        f"hint: what was found so far is in it; make room, then go on: rdp-probe scan --resume {path}",
    ]
    found = hosts(tmp_path / name)
    assert len(found) == len(set(found)) == 1022


@pytest.mark.parametrize("quiet", [["-q"], []], ids=["quiet", "not quiet"])
def test_output_that_nobody_reads_interrupts_it(closed: str, quiet: list[str]) -> None:
    with started(*options_for(closed, None), "127.9.0.0/22", *quiet, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130
    if quiet:
        assert stderr == ""
    else:
        assert "Interrupted. So far, targets scanned:" in stderr
        assert stderr.splitlines()[-1].startswith("Stopped: nobody reads the results any more.")


def test_a_fifo_that_nobody_reads_interrupts_it(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with started(*options_for(closed, path), "127.9.0.0/22", "-q") as process:
        with path.open("rb") as reader:
            reader.readline()
        _, stderr = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, stderr) == (130, "")


def test_a_full_output(closed: str) -> None:
    with (
        Path("/dev/full").open("wb") as full,
        started(*options_for(closed, None), "127.9.0.1", "-q", stdout=full) as process,
    ):
        _, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 2
    assert stderr.startswith("error: cannot write the output: No space left on device\n")


@pytest.mark.parametrize("closing", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed(tmp_path: Path, closed: str, closing: str) -> None:
    path = tmp_path / "out.ndjson"
    command = " ".join([*COMMAND, *options_for(closed, path), "127.9.0.1-3", closing])
    shown = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert shown.returncode == 0
    assert "Traceback" not in shown.stderr
    assert len(hosts(path)) == 3


def test_a_directory_that_takes_no_record(tmp_path: Path, closed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is there and empty, and may be written; beside it nothing may."""
    path = tmp_path / "out.ndjson"
    (tmp_path / "out.ndjson.scan.part").mkdir()
    shown = run(*options_for(closed, path), "127.9.0.1")
    assert shown.returncode == 2
    assert f"error: cannot write {path}.scan: Is a directory" in shown.stderr
