from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import zstandard

from probe.cli.main import main
from probe.cli.replaying import ReadingProgress
from probe.drive.replay import Passed, Replay
from probe.handshake.machine import Ending, Side
from probe.result import from_json, json_schema
from probe.wire.nego import FailureCode, Protocol
from tests.capture.written import CLIENT, Talk, fails, request, selects, write

COMMAND = [sys.executable, "-m", "probe.cli.main", "replay"]
HOSTILE = b"\x1b[31mred\x1b[0m\x07\xe2\x80\xae"  # color, a bell, and a mark that turns text around

TURNED_AWAY = Talk(
    said=[(Side.CLIENT, request(b"alice", 1)), (Side.SERVER, fails(FailureCode.HYBRID_REQUIRED_BY_SERVER))],
    ended_by=Side.SERVER,
    ending=Ending.CLOSED,
)
NEVER_ANSWERED = Talk(
    said=[(Side.CLIENT, request(None, 3))], port=50001, after=5, ended_by=Side.CLIENT, ending=Ending.RESET
)
WEB = Talk(
    said=[(Side.CLIENT, b"GET / HTTP/1.1\r\n\r\n"), (Side.SERVER, b"HTTP/1.1 400 Bad Request\r\n\r\n")],
    port=50002,
    after=10,
)
WEB_ELSEWHERE = Talk(said=WEB.said, port=50003, server=("192.0.2.7", 80), after=20)


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two RDP connections, a web server on port 3389, and one elsewhere."""
    path = tmp_path_factory.mktemp("captures") / "failing.pcap"
    return str(write(path, [TURNED_AWAY, NEVER_ANSWERED, WEB, WEB_ELSEWHERE]))


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, input=stdin, timeout=60, check=False)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["/nowhere/at/all.pcap"],
        ["--stream", "-1", "x.pcap"],
        ["--stream", "one", "x.pcap"],
        ["--port", "0", "x.pcap"],
        ["--json", "-q", "x.pcap"],
        ["--depth", "full", "x.pcap"],
        ["--keylog", "/nowhere/keys.log", "x.pcap"],
        ["--keylog", "a\0b", "x.pcap"],
        ["--ca-file", "/nowhere/ca.pem", "x.pcap"],
    ],
    ids=lambda arguments: " ".join(arguments)[:40] or "nothing",
)
def test_mistakes_are_an_error_and_a_hint(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    error, hint = shown.err.splitlines()
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")


def test_a_person_is_told_why_and_where(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--stream", "0", capture]) == 0
    shown = capsys.readouterr().out
    assert "stream 0" in shown
    assert f"{CLIENT}:50000 → 192.0.2.7:3389" in shown
    assert "2026-11-21 02:00:00 UTC" in shown
    assert "it demands NLA, and this client did not offer it." in shown
    assert (
        "X.224 request (frame 4) > HYBRID_REQUIRED_BY_SERVER (frame 6) > ended by the server: closed (frame 8)" in shown
    )
    assert "NLA_REQUIRED" in shown
    assert "cookie alice" in shown
    assert "Clients\n" not in shown  # one connection tells nothing of others
    assert "not asked" not in shown


def test_what_is_not_rdp_on_its_port_is_named_and_silence_is_told(
    capture: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", "-q", capture]) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert "NLA_REQUIRED" in first
    assert "the client reset it after 100 ms, before any answer (frame 16)" in second
    assert "A web server answers on 3389" in third
    assert "NOT_RDP" in third


def test_other_ports_are_told_where_they_are_named(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "-q", "--port", "80", capture]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ["stream 0" in lines[0], "stream 1" in lines[1], "stream 3" in lines[2]] == [True] * 3


def test_json_is_by_the_schema_one_line_a_connection(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--json", capture]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    for line in lines:
        jsonschema.validate(json.loads(line), json_schema())
    results = [from_json(line) for line in lines]
    found = [(result.capture.stream, result.target.input, result.depth) for result in results if result.capture]
    assert found == [(number, "192.0.2.7:3389", "discover") for number in range(3)]
    assert [result.capture.file for result in results if result.capture] == [capture] * 3
    assert [result.clients for result in results] == [[], [], []]
    assert results[0].capture is not None
    assert results[0].capture.client == f"{CLIENT}:50000"
    assert results[0].started == "2026-11-21T02:00:00.000Z"


def test_compressed_captures_and_standard_input_give_the_same(capture: str, tmp_path: Path) -> None:
    plain = Path(capture).read_bytes()
    expected = run("-q", "-", stdin=plain)
    assert expected.returncode == 0
    assert len(expected.stdout.splitlines()) == 3
    for name, packed in (("a.pcap.gz", gzip.compress(plain)), ("a.zst", zstandard.compress(plain))):
        (tmp_path / name).write_bytes(packed)
        found = run("-q", str(tmp_path / name))
        assert found.returncode == 0
        assert found.stdout.replace(str(tmp_path / name).encode(), b"-") == expected.stdout


def test_a_truncated_file_gives_what_is_before_and_a_note(capture: str, tmp_path: Path) -> None:
    whole = Path(capture).read_bytes()
    (tmp_path / "cut.pcap").write_bytes(whole[:-20])
    found = run("-q", str(tmp_path / "cut.pcap"))
    assert found.returncode == 0
    assert len(found.stdout.splitlines()) == 3
    assert found.stderr.startswith(b"note: ")
    assert found.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    "content", [b"", b"\xd4\xc3\xb2\xa1", os.urandom(4096), b"hello, world\n" * 40, b'{"schema": 1}\n']
)
def test_what_is_no_capture_is_an_error_or_a_note(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.pcap").write_bytes(content)
    found = run(str(tmp_path / "x.pcap"))
    assert b"Traceback" not in found.stderr
    if found.returncode == 2:
        assert found.stderr.startswith(b"error: ")
        assert b"\nhint: " in found.stderr
        assert found.stdout == b""
    else:
        assert found.returncode == 0
        assert found.stderr.startswith(b"note: ")


def test_a_bad_file_among_others_is_told_at_the_end(capture: str, tmp_path: Path) -> None:
    (tmp_path / "bad.pcap").write_bytes(b"no capture at all" * 10)
    (tmp_path / "worse.pcap").write_bytes(b"")
    found = run("-q", str(tmp_path / "bad.pcap"), capture, str(tmp_path / "worse.pcap"))
    assert found.returncode == 2
    assert len(found.stdout.splitlines()) == 3
    error, hint, also, other = found.stderr.decode().splitlines()
    assert error.startswith("error: ")
    assert "bad.pcap" in error
    assert also.startswith("also: ")
    assert "worse.pcap" in also
    assert hint.startswith("hint: ")
    assert other.startswith("hint: ")


def test_a_capture_without_rdp_says_what_is_in_it(tmp_path: Path) -> None:
    path = write(tmp_path / "web.pcap", [WEB_ELSEWHERE])
    found = run(str(path))
    assert found.returncode == 0
    assert b"1 TCP connection, and it is not RDP" in found.stdout
    assert b"80" in found.stdout
    found = run("--json", str(path))
    assert (found.returncode, found.stdout) == (0, b"")
    assert found.stderr.startswith(b"note: ")


def test_nothing_of_a_client_reaches_the_terminal_alive(tmp_path: Path) -> None:
    talk = Talk(said=[(Side.CLIENT, request(HOSTILE, 1)), (Side.SERVER, selects(Protocol.SSL))])
    path = write(tmp_path / "hostile.pcap", [talk])
    for option in ([], ["-q"], ["-vv"], ["--json"], ["--by-server"]):
        found = run(*option, str(path))
        assert found.returncode == 0, found.stderr
        assert not set(found.stdout) & {0x1B, 0x07, 0x9B}
        assert "\u202e" not in found.stdout.decode()
    assert b"\\x1b[31mred" in run(str(path)).stdout


def test_a_closed_pipe_is_quiet(capture: str) -> None:
    process = subprocess.Popen([*COMMAND, "--json", *[capture] * 50], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_what_was_found_is_told_where_the_user_stops_it(capture: str) -> None:
    """A pipe that stays open: the first connection is over, the end of the capture never comes."""
    process = subprocess.Popen(
        [*COMMAND, "-q", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(Path(capture).read_bytes())
        process.stdin.flush()
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert b"NLA_REQUIRED" in first
    assert process.returncode == 130
    assert err.endswith(b"stopped\n")
    assert b"Traceback" not in err
    assert out.count(b"\n") <= 2


def test_results_come_in_the_order_of_their_streams(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    talks = [Talk(said=TURNED_AWAY.said, port=51000 + number, after=number / 100, seconds=(9 - number) / 10 + 0.1,
                  ended_by=Side.SERVER, ending=Ending.CLOSED) for number in range(9)]  # fmt: skip
    path = write(tmp_path / "many.pcap", talks)
    assert main(["replay", "--json", str(path)]) == 0
    results = [from_json(line) for line in capsys.readouterr().out.splitlines()]
    assert [result.capture.stream for result in results if result.capture] == list(range(9))


def test_all_of_a_server_is_one_report(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--by-server", "--json", capture]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    result = from_json(line)
    assert result.connections == 3
    assert result.capture is not None
    assert result.capture.streams == [0, 1, 2]
    assert main(["replay", "--by-server", capture]) == 0
    shown = capsys.readouterr().out
    assert "192.0.2.7:3389" in shown
    assert "Connections" in shown
    assert f"{CLIENT}:50001" in shown


def test_chinese_has_the_same_facts(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--lang", "zh-CN", "--stream", "0", capture]) == 0
    shown = capsys.readouterr().out
    assert "NLA_REQUIRED" in shown
    assert "alice" in shown
    assert any("\u4e00" <= character <= "\u9fff" for character in shown)


def test_key_logs_are_read_and_one_without_secrets_is_a_mistake(capture: str, tmp_path: Path) -> None:
    keys = tmp_path / "keys.log"
    keys.write_text(f"# remarks\nCLIENT_RANDOM {'11' * 32} {'22' * 48}\n")
    assert run("-q", "--keylog", str(keys), capture).returncode == 0
    keys.write_text("# nothing else\n")
    found = run("-q", "--keylog", str(keys), capture)
    assert (found.returncode, found.stderr) == (0, b"note: there is no secret in the key log\n")
    keys.write_text("no key log\n")
    found = run("-q", "--keylog", str(keys), capture)
    assert found.returncode == 2
    assert b"no secret in the key log" in found.stderr


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of the progress line: its last number is now."""
    now = [100.0]
    monkeypatch.setattr("probe.cli.replaying.time.monotonic", lambda: now[-1])
    return now


def test_progress_is_drawn_now_and_then_and_leaves_no_trace(clock: list[float]) -> None:
    terminal = _Terminal()
    progress = ReadingProgress(terminal)
    passed = Passed(read=300 << 20, size=1000 << 20, packets=1_000_000, found=7)
    progress.read(passed)
    assert terminal.getvalue() == ""
    clock.append(102.0)
    progress.read(passed)
    assert terminal.getvalue() == "300 of 1,000 MiB (30 %) · 1,000,000 packets, 500,000/s · RDP 7"
    progress.read(passed)
    assert terminal.getvalue().count("RDP 7") == 1
    drawn = len(terminal.getvalue())
    progress.done()
    assert terminal.getvalue()[drawn:] == f"\r{' ' * drawn}\r"


def test_progress_of_a_pipe_knows_no_end_and_a_file_gets_none(clock: list[float]) -> None:
    terminal, file = _Terminal(), io.StringIO()
    shown, hidden = ReadingProgress(terminal), ReadingProgress(file)
    clock.append(104.0)
    for progress in (shown, hidden):
        progress.read(Passed(read=1 << 20, packets=4000))
    assert terminal.getvalue() == "1 MiB · 4,000 packets, 1,000/s · RDP 0"
    assert file.getvalue() == ""


def test_a_replay_tells_how_far_it_is(capture: str) -> None:
    from probe.audit.settings import Settings

    replay = Replay(capture, Settings(depth="discover"))
    told: list[int] = []
    replay.on_progress = lambda passed: told.append(passed.packets)
    assert len(list(replay)) == 3
    size = Path(capture).stat().st_size
    assert (replay.passed.read, replay.passed.size) == (size, size)
    assert told[-1] == replay.passed.packets > 30
