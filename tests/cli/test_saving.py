"""What verify --save writes: never over what is read, and into the baseline itself only what is no worse."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

from probe.cli.main import main
from probe.diagnosis.judged import judge
from probe.errors import InputError
from probe.result import Result, Verdict, from_json, to_json
from probe.scan.kept import Kept, key_of
from tests.golden import results as golden

BASELINE, NOW, NEW = "before.ndjson", "now.ndjson", "new.ndjson"
LATER = "2026-11-28T10:00:00.000Z"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LANG", "C")


def server(address: str, host: str | None = None) -> Result:
    found = from_json(to_json(golden.windows_nla()))
    found.target.input = found.target.host = host or address
    found.target.address, found.target.server_name = address, "srv1.example"
    judge(found)
    return found


def later(found: Result, turn: Callable[[Result], object] = lambda _found: None) -> Result:
    after = from_json(to_json(found))
    after.started = LATER
    turn(after)
    return after


def worse(found: Result) -> None:
    assert found.tls is not None
    found.tls.versions["TLSv1.0"] = Verdict(state="accepted")


def less(found: Result) -> None:
    assert found.tls is not None
    found.tls.versions["TLSv1.1"] = Verdict(state="unknown", ending="timed_out")


def renamed(found: Result) -> None:
    assert found.credssp is not None
    assert found.credssp.ntlm is not None
    found.credssp.ntlm.netbios_computer = "SRV9"


def down(found: Result) -> None:
    found.status, found.tls, found.negotiation, found.credssp, found.certificates = "refused", None, None, None, []


A, B, C, D = (server(f"192.0.2.{number}") for number in range(1, 5))


def lines(*results: Result) -> bytes:
    return b"".join(to_json(each) + b"\n" for each in results)


def seen(file: str = BASELINE) -> list[tuple[str, bool]]:
    """Whom the file has results of, in its order, and whether they are the later ones."""
    content = Path(file).read_bytes()
    if content.startswith(b"\x28\xb5\x2f\xfd"):
        content = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content)).read()
    found = [from_json(line) for line in content.splitlines()]
    return [((each.target.address or "-").removeprefix("192.0.2."), each.started == LATER) for each in found]


def verify(capsys: Capture, *arguments: str) -> tuple[int, str]:
    """Exit status and standard error, of what NOW has against the baseline."""
    status = main(["verify", "--results", NOW, "--baseline", BASELINE, *arguments, "-q"])
    return status, capsys.readouterr().err


def renew(capsys: Capture, *arguments: str) -> tuple[int, str]:
    return verify(capsys, "--save", BASELINE, *arguments)


# What is read is not written over


@pytest.fixture
def read() -> Iterator[list[str]]:
    """Files that may be read, each of which must be as it was."""
    content = {
        "p.toml": b'extends = "base.toml"\nname = "ours"\n',
        "base.toml": b'name = "base"\n[protocols]\nnla = "required"\n',
        "roots.pem": b"not read\n",
        "targets.txt": b"192.0.2.1\n",
        "now.ndjson": lines(A),
        "before.ndjson": lines(A),
    }
    for name, each in content.items():
        Path(name).write_bytes(each)
    yield list(content)
    assert {name: Path(name).read_bytes() for name in content} == content


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (["@targets.txt", "--policy", "p.toml"], "p.toml"),
        (["@targets.txt", "--policy", "p.toml"], "base.toml"),
        (["@targets.txt", "--policy", "strict"], "targets.txt"),
        (["@targets.txt", "--policy", "strict", "--ca-file", "roots.pem"], "roots.pem"),
        (["--results", "now.ndjson", "--policy", "strict"], "now.ndjson"),
        (["--results", "before.ndjson", "--baseline", "before.ndjson"], "before.ndjson"),
    ],
)
def test_no_file_that_is_read_is_written_over(
    arguments: list[str], file: str, read: list[str], capsys: Capture
) -> None:
    assert file in read
    Path("link").symlink_to(file)
    for name in (file, f"./{file}", "link"):
        for more in (["--save", name], ["--format", f"junit={name}"]):
            assert main(["verify", *arguments, *more]) == 2
            shown = capsys.readouterr()
            assert shown.out == ""
            assert shown.err.startswith(f"error: {name} is read: ")
            assert "would take its place\nhint: write to another file" in shown.err


def test_a_report_is_not_written_over_a_baseline(read: list[str], capsys: Capture) -> None:
    assert BASELINE in read
    assert verify(capsys, "--format", f"tap={BASELINE}")[0] == 2
    assert main(["verify", "192.0.2.1", "--save", "-"]) == 2
    assert "--save - names no file" in capsys.readouterr().err


# The baseline itself


def test_what_is_as_it_was_takes_the_place_of_its_line(capsys: Capture) -> None:
    Path(BASELINE).write_bytes(lines(A, B, C))
    Path(NOW).write_bytes(lines(later(C), later(A)))
    assert renew(capsys) == (0, f"note: earlier results that {BASELINE} keeps: 1 (not asked: 1)\n")
    assert seen() == [("1", True), ("2", False), ("3", True)]
    Path(NOW).write_bytes(lines(later(A), later(B), later(C)))
    assert renew(capsys) == (0, "")


def test_what_was_not_reached_keeps_its_line(capsys: Capture) -> None:
    Path(BASELINE).write_bytes(lines(A, B))
    Path(NOW).write_bytes(lines(later(A, down), later(B), later(C, down)))
    for _again in range(2):
        status, said = renew(capsys)
        assert status == 3
        assert said == (
            f"note: earlier results that {BASELINE} keeps: 1 (not reached: 1); where there are newer ones, "
            "use another file to save them anyway\n"
            f"note: targets that were not reached and are not added to {BASELINE}: 1\n"
        )
        assert seen() == [("1", False), ("2", True)]


@pytest.mark.parametrize(
    ("turn", "options", "expected"),
    [
        (worse, [], (1, "became worse: 1")),
        (less, [], (3, "less is known now: 1")),
        (renamed, ["--exact"], (1, "changed: 1")),
        (worse, ["--exact"], (1, "became worse: 1")),
    ],
)
def test_what_does_not_pass_keeps_its_line_and_does_not_pass_the_next_time(
    turn: Callable[[Result], object], options: list[str], expected: tuple[int, str], capsys: Capture
) -> None:
    Path(BASELINE).write_bytes(lines(A, B))
    Path(NOW).write_bytes(lines(later(A, turn), later(B)))
    for _again in range(2):
        status, said = renew(capsys, *options)
        assert (status, expected[1] in said) == (expected[0], True)
        assert seen() == [("1", False), ("2", True)]


def test_what_changed_otherwise_is_taken_where_that_is_allowed(capsys: Capture) -> None:
    Path(BASELINE).write_bytes(lines(A))
    Path(NOW).write_bytes(lines(later(A, renamed)))
    assert renew(capsys) == (0, "")
    assert renew(capsys, "--exact") == (0, "")


def test_a_policy_that_fails_keeps_no_line(capsys: Capture) -> None:
    Path("p.toml").write_text('[protocols]\nnla = "unsupported"\n')
    Path(BASELINE).write_bytes(lines(A))
    Path(NOW).write_bytes(lines(later(A)))
    assert renew(capsys, "--policy", "p.toml") == (1, "")
    assert seen() == [("1", True)]


def test_new_ones_follow_in_their_order_and_the_last_of_a_target_counts(capsys: Capture) -> None:
    Path(BASELINE).write_bytes(lines(A))
    Path(NOW).write_bytes(lines(later(D), later(C, down), later(B), later(A), later(A, worse), C, later(C)))
    assert renew(capsys)[0] == 1
    assert seen() == [("1", False), ("4", True), ("2", True), ("3", True)]


def test_of_what_was_not_reached_before_the_first_facts_are_taken(capsys: Capture) -> None:
    """Nothing vouches for the server as it is now: that is said once."""
    Path(BASELINE).write_bytes(lines(later(A, down)))
    Path(NOW).write_bytes(lines(later(A)))
    assert renew(capsys) == (3, "")
    assert renew(capsys) == (0, "")


def test_a_superseded_line_goes_and_an_end_of_line_is_added(capsys: Capture) -> None:
    Path(BASELINE).write_bytes(lines(A, B, later(A)).replace(b"\n", b"\r\n").rstrip())
    Path(NOW).write_bytes(lines(later(C)))
    assert renew(capsys)[0] == 3
    assert seen() == [("2", False), ("1", True), ("3", True)]
    assert Path(BASELINE).read_bytes().count(b"\r") == 0


@pytest.mark.parametrize("name", ["before.ndjson.zst", "before"])
def test_a_compressed_one_stays_compressed(name: str, capsys: Capture) -> None:
    Path(name).write_bytes(zstandard.ZstdCompressor().compress(lines(A, B)))
    Path(NOW).write_bytes(lines(later(B)))
    assert main(["verify", "--results", NOW, "--baseline", name, "--save", name, "-q"]) == 0
    assert capsys.readouterr().err.endswith("keeps: 1 (not asked: 1)\n")
    assert seen(name) == [("1", False), ("2", True)]
    assert Path(name).read_bytes()[:4] == b"\x28\xb5\x2f\xfd"


def test_a_link_to_the_baseline_is_the_baseline(capsys: Capture) -> None:
    Path("real").write_bytes(lines(A, B))
    Path(BASELINE).symlink_to("real")
    Path(NOW).write_bytes(lines(later(A, down), later(B)))
    assert verify(capsys, "--save", "real")[0] == 3
    assert seen("real") == [("1", False), ("2", True)]
    assert renew(capsys)[0] == 3
    assert Path(BASELINE).is_symlink()


def test_a_pipe_is_no_baseline_that_can_be_written(capsys: Capture) -> None:
    os.mkfifo(BASELINE)
    Path(NOW).write_bytes(lines(A))
    writer = threading.Thread(target=Path(BASELINE).write_bytes, args=[lines(A)], daemon=True)
    writer.start()
    status, said = renew(capsys)
    writer.join(10)
    assert (status, said.startswith(f"error: cannot write {BASELINE!r}: it is no file")) == (2, True)


def test_a_baseline_that_is_changed_meanwhile_is_not_made_worse(capsys: Capture) -> None:
    Path(BASELINE).write_bytes(lines(A, B))
    with Kept(BASELINE, print) as found:
        for content in (lines(B, A), b"x" * 20000):
            with Path(BASELINE).open("r+b") as stream:
                stream.write(content)
            with pytest.raises(InputError, match="was changed while it was read"):
                found.line(key_of(A.target))


def test_an_address_that_a_name_has_now_takes_the_place_of_the_other() -> None:
    """As a live verify tells it: the address is the only one of its name."""
    from probe.cli.demands import Baseline
    from probe.cli.verify_output import Output, Way
    from probe.result.verification import Verification, VerifiedTarget

    Path(BASELINE).write_bytes(lines(server("192.0.2.1", "srv1.example"), B))
    now = later(server("192.0.2.9", "srv1.example"))
    target = VerifiedTarget(input="srv1.example", host="srv1.example", port=3389, address="192.0.2.9")
    verification = Verification(
        target=target, verdict="passed", status="rdp", started=LATER, elapsed_ms=1.0, connections=1
    )
    with Kept(BASELINE, print) as found:
        output = Output([Way("json", "out.json")], save=BASELINE)
        output.baseline = Baseline(file=BASELINE, results=found)
        with output:
            output.show(verification, now, alone=True)
            output.finish()
    assert seen() == [("9", True), ("2", False)]


# A new file


def test_a_new_file_has_all_that_was_seen_and_says_what_was_not_reached(capsys: Capture) -> None:
    Path(BASELINE).write_bytes(lines(A, B))
    Path(NOW).write_bytes(lines(later(A, down), later(B, worse)))
    status, said = verify(capsys, "--save", NEW)
    assert (status, said) == (1, f"note: {NEW}: 1 of 2 results are of targets that were not reached\n")
    assert seen(NEW) == [("1", True), ("2", True)]


def test_a_new_file_is_compressed_where_its_name_says_so(capsys: Capture) -> None:
    Path(BASELINE).write_bytes(lines(A))
    Path(NOW).write_bytes(lines(later(A)))
    assert verify(capsys, "--save", f"{NEW}.zst") == (0, "")
    assert Path(f"{NEW}.zst").read_bytes()[:4] == b"\x28\xb5\x2f\xfd"
    assert seen(f"{NEW}.zst") == [("1", True)]


def test_an_unreached_server_in_a_baseline_vouches_for_nothing(capsys: Capture) -> None:
    Path(BASELINE).write_bytes(lines(later(A, down)))
    Path(NOW).write_bytes(lines(later(A, worse)))
    assert main(["verify", "--results", NOW, "--baseline", BASELINE, "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["undetermined"] == ["the baseline has no facts of it: the connection is refused"]
    assert [each["kind"] for each in found["changes"]] == ["reachability"]
