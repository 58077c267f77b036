"""rdp-probe verify as a user runs it, on embedded servers: what passes, fails and stays open, and what is said."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import zstandard

from benchmarks.measure import servers
from probe import __version__
from probe.cli import verify_output
from probe.cli.main import main
from probe.diagnosis import judged as judging
from probe.report.whole_file import Draft
from probe.result import Result, from_json, to_json
from probe.result.verification import verify_schema
from probe.scan import parts_place
from probe.scan.parts_place import Place
from tests.diagnosis.results import result

COMMAND = [sys.executable, "-m", "probe.cli.main", "verify"]
DEADLINE_S = 60
NLA = 'name = "ours"\n[protocols]\nnla = "required"\n'
NO_NLA = 'name = "ours"\n[protocols]\nnla = "unsupported"\n'


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, str]]:
    """Embedded servers by their kind: where each is."""
    with servers("--only", "windows-nla", "--only", "windows-no-nla", "--only", "xrdp-like",
                 "--only", "drops-client-hello", "--only", "xrdp-missing-key") as found:  # fmt: skip
        yield {str(each["name"]): f"{each['address']}:{each['port']}" for each in found}


@pytest.fixture
def windows(served: dict[str, str]) -> str:
    return served["windows-nla"]


@pytest.fixture
def nla(tmp_path: Path) -> str:
    """A policy that windows-nla meets."""
    path = tmp_path / "nla.toml"
    path.write_text(NLA)
    return str(path)


@pytest.fixture
def no_nla(tmp_path: Path) -> str:
    """A policy that windows-nla does not meet."""
    path = tmp_path / "no-nla.toml"
    path.write_text(NO_NLA)
    return str(path)


@pytest.fixture
def kept(tmp_path: Path, windows: str, capsys: pytest.CaptureFixture[str]) -> Path:
    """What windows-nla showed."""
    path = tmp_path / "before.ndjson"
    assert main(["verify", windows, "--save", str(path), "-q"]) == 0
    capsys.readouterr()
    return path


def changed(path: Path, **severally: str) -> None:
    """Other texts in the results of a file."""
    text = path.read_text()
    for old, new in severally.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


# What cannot be meant


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        ([], "nothing is demanded", "--policy strict"),
        (["srv1.example"], "nothing is demanded", "--baseline FILE"),
        (["--policy", "strict"], "there is no target", "--results FILE"),
        (["srv1.example", "--policy", "strict", "--exact"], "--exact compares", "--baseline"),
        (["srv1.example", "--policy", "strict", "--results", "x"], "takes no target", "'srv1.example'"),
        (["--policy", "strict", "--results", "x", "--retry-until", "5m"], "nothing to retry", "--results"),
        (["srv1.example", "--what-if", "tls.min=1.2", "--retry-until", "5m"], "waits for something", "--policy"),
        (["srv1.example", "--what-if", "tls.mim=1.2"], "unknown key 'tls.mim'", "did you mean tls.min?"),
        (["srv1.example", "--policy", "stict"], "stict", "strict"),
        (["srv1.example", "--policy", "strict", "--format", "junti"], "no format 'junti'", "did you mean junit?"),
        (["srv1.example", "--policy", "strict", "--format", "zzz"], "no format 'zzz'", "formats are text, json"),
        (["srv1.example", "--policy", "strict", "--format", "tap="], "names no file", "--format tap=FILE"),
        (["srv1.example", "--policy", "strict", "--format", "tap", "--json"], "tap and json cannot both", "=FILE"),
        (["srv1.example", "--policy", "strict", "-q", "--json"], "-q is one line of text", "leave -q out"),
        (["srv1.example", "--policy", "strict", "--save", "/nowhere/x"], "cannot write '/nowhere/x'", "a folder"),
        (["srv1.example", "--policy", "strict", "--save", "/"], "is no file", "a folder"),
        (["srv1.example", "--policy", "strict", "--format", "tap=/nowhere/x"], "cannot write", "a folder"),
        (["srv1.example", "--policy", "strict", "--format", "tap=a\0b"], "cannot write", "a folder"),
        (["--results", "/dev/null", "--policy", "strict", "--format", "tap=a\0b"], "cannot write", "a folder"),
        (["srv1.example", "--baseline", "/nowhere/x"], "cannot read '/nowhere/x'", "a file of results"),
        (["--policy", "strict", "--results", "/nowhere/x"], "cannot read '/nowhere/x'", "a file of results"),
        (["--baseline", "-", "--results", "-"], "read only once", "in place of the other"),
        (["-", "--baseline", "-"], "read only once", "in place of the other"),
        (["srv1 example", "--policy", "strict"], "srv1 example", ""),
        (["srv1.example", "--policy", "strict", "--source-address", "192.0.2.1"], "192.0.2.1", ""),
        (["srv1.example", "--policy", "strict", "--retry-until", "5"], "not a time", "500ms, 5s, 2m"),
        (["@/dev/null", "--policy", "strict"], "there is no target in what was given", ""),
        (["--policy", "strict", "--results", "/dev/null"], "has no result", "scan -o"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else None,
)
def test_mistakes_are_said_before_anything_is_asked(
    arguments: list[str], error: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    first, second = shown.err.splitlines()
    assert first.startswith("error: ")
    assert error in first
    assert second.startswith("hint: ")
    assert hint in second


def test_a_file_that_is_read_is_not_written_over(kept: Path, nla: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = kept.read_bytes()
    for arguments in (
        ["--results", str(kept), "--policy", nla, "--format", f"json={kept}"],
        ["127.0.0.1:1", "--baseline", str(kept), "--format", f"json={kept}"],
        ["127.0.0.1:1", "--policy", nla, "--format", f"json={nla}"],
    ):
        assert main(["verify", *arguments]) == 2
        assert "the report would take its place" in capsys.readouterr().err
    same = str(kept.parent / "new")
    assert main(["verify", "127.0.0.1:1", "--save", same, "--format", f"json={same}"]) == 2
    assert "would be written twice" in capsys.readouterr().err
    assert kept.read_bytes() == before
    assert not Path(same).exists()


def test_what_went_wrong_before_the_first_connection_leaves_nothing_behind(tmp_path: Path) -> None:
    save = ["--save", str(tmp_path / "x")]
    assert main(["verify", "127.0.0.1:1", *save, "--format", "json=/nowhere/x"]) == 2
    assert main(["verify", "@/dev/null", *save]) == 2
    assert [*tmp_path.iterdir()] == []


def test_a_line_of_a_list_that_is_no_target_ends_it(
    windows: str, nla: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    targets, saved = tmp_path / "servers.txt", tmp_path / "saved.ndjson"
    targets.write_text(f"{windows}\nsrv1 example\n")
    assert main(["verify", f"@{targets}", "--policy", nla, "--save", str(saved)]) == 2
    shown = capsys.readouterr()
    assert shown.out.startswith("PASS")
    assert "line 2" in shown.err
    assert not saved.exists()


def test_a_format_whose_module_is_not_there_is_not_available(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(verify_output.DOCUMENTS, "tap", "probe.report.format_nowhere:render")
    assert main(["verify", "127.0.0.1:1", "--policy", "strict", "--format", "tap"]) == 2
    assert "error: format tap is not available" in capsys.readouterr().err


def test_the_clients_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--simulate", "list"]) == 0
    assert "freerdp2" in capsys.readouterr().out


# Policies


def test_a_server_that_is_as_demanded_passes(windows: str, nla: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", windows, "--policy", nla]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"PASS  {windows}   1 passed   ours")
    assert "protocols.nla" not in text
    assert main(["verify", windows, "--policy", nla, "-v"]) == 0
    assert "passed      protocols.nla" in capsys.readouterr().out


def test_one_that_is_not_fails_and_the_rule_is_named(
    windows: str, no_nla: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", windows, "--policy", no_nla]) == 1
    text = capsys.readouterr().out
    assert text.startswith(f"FAIL  {windows}   1 failed   ours")
    assert re.search(r"^  failed +protocols\.nla +NLA is required", text, re.MULTILINE)


def test_one_that_is_not_reached_cannot_be_judged(nla: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "127.0.66.9:1", "--policy", nla]) == 3
    text = capsys.readouterr().out
    assert text.startswith("UNKNOWN  127.0.66.9:1   nothing could be determined   ours")
    assert main(["verify", "nowhere.invalid", "--policy", nla]) == 3


@pytest.mark.parametrize(
    ("name", "code", "page"),
    [
        ("drops-client-hello", "TLS_HANDSHAKE_ABORTED", "docs/diagnoses/TLS_HANDSHAKE_ABORTED.md"),
        ("xrdp-missing-key", "TLS_CERTIFICATE_MISSING", "docs/diagnoses/TLS_CERTIFICATE_MISSING.md"),
    ],
)
def test_why_nobody_gets_in_is_said(
    served: dict[str, str], name: str, code: str, page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", served[name], "--policy", "strict", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [(each["code"], each["page"]) for each in found["blockers"]] == [(code, page)]
    assert main(["verify", served[name], "--policy", "strict"]) == 1
    _first, nothing, why, *others = capsys.readouterr().out.splitlines()
    assert nothing == ""
    assert why.endswith(f"  {code}")
    assert "None of the 22 known clients can connect." in others
    assert main(["verify", served[name], "--policy", "strict", "-q"]) == 1
    assert f"  {code}  " in capsys.readouterr().out
    assert main(["verify", served[name], "--what-if", "tls.min=1.2", "--json"]) != 2
    assert [each["code"] for each in json.loads(capsys.readouterr().out)["blockers"]] == [code]


def test_where_little_was_asked_nothing_is_said_to_stop_anybody(
    served: dict[str, str], nla: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["verify", served["drops-client-hello"], "--policy", nla, "--json"])
    assert json.loads(capsys.readouterr().out)["blockers"] == []


def test_failed_counts_for_more_than_unknown(windows: str, no_nla: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "127.0.66.9:1", windows, "--policy", no_nla]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "2 targets: 1 failed, 1 could not be determined"
    assert "" in lines


def test_a_warning_counts_where_it_is_asked_to(windows: str, tmp_path: Path) -> None:
    policy = tmp_path / "mild.toml"
    policy.write_text('name = "mild"\n[protocols]\nnla = { value = "unsupported", severity = "warning" }\n')
    assert main(["verify", windows, "--policy", str(policy)]) == 0
    assert main(["verify", windows, "--policy", str(policy), "--fail-on", "warning"]) == 1


def test_several_policies_are_held_against_one_audit(
    windows: str, nla: str, no_nla: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", windows, "--policy", nla, "--policy", no_nla, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [(rule["rule"], rule["state"]) for rule in found["rules"]] == [
        ("protocols.nla", "failed"),
        ("protocols.nla", "passed"),
    ]


def test_only_what_a_policy_needs_is_asked(windows: str, nla: str, capsys: pytest.CaptureFixture[str]) -> None:
    used = {}
    for more in ([], ["--depth", "standard"], ["--depth", "full"], ["--depth", "discover"]):
        main(["verify", windows, "--policy", nla, "--json", *more])
        used[more[-1] if more else ""] = json.loads(capsys.readouterr().out)["connections"]
    assert used["discover"] <= used[""] < used["standard"] < used["full"]


# Output


def test_one_line_a_target(served: dict[str, str], nla: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", served["windows-nla"], served["xrdp-like"], "--policy", nla, "-q"]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"PASS  {served['windows-nla']}  1 passed  ours"
    assert second.endswith("1 failed  ours  protocols.nla")


def test_json_is_a_line_a_target_and_as_its_schema_says(
    served: dict[str, str], no_nla: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", *served.values(), "127.0.66.9:1", "--policy", no_nla, "--json"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    validator = jsonschema.Draft202012Validator(verify_schema())
    for line in lines:
        validator.validate(line)
    assert [line["verdict"] for line in lines] == ["failed", "failed", "passed", "passed", "passed", "unknown"]
    assert lines[0]["tries"] == 1
    assert {line["version"] for line in lines} == {__version__}
    assert lines[0]["connections"] > 0


def test_formats_go_where_they_are_sent(
    windows: str, nla: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {name: tmp_path / name for name in verify_output.FORMATS}
    options = [part for name, file in files.items() for part in ("--format", f"{name}={file}")]
    assert main(["verify", windows, "--policy", nla, *options]) == 0
    assert capsys.readouterr().out.startswith("PASS")
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".toml") == sorted(files)
    assert files["text"].read_text().startswith("PASS")
    assert json.loads(files["json"].read_text())["verdict"] == "passed"
    assert files["junit"].read_text().startswith("<?xml")
    assert json.loads(files["sarif"].read_text())["version"] == "2.1.0"


def test_a_format_may_have_standard_output(windows: str, nla: str, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("tap", "TAP", "tap=-"):
        assert main(["verify", windows, "--policy", nla, "--format", option]) == 0
        assert capsys.readouterr().out.startswith("TAP version")


def test_the_language_is_chosen_and_that_of_json_is_english(
    windows: str, nla: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    main(["verify", windows, "--policy", nla, "--json"])
    assert capsys.readouterr().out.isascii()


# Saved results


def test_what_is_only_saved_is_said_to_be_that(
    served: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both, path = [served["windows-no-nla"], served["xrdp-like"]], str(tmp_path / "kept.ndjson")
    assert main(["verify", *both, "--save", path]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"SAVED  {both[0]}   RDP is served\n")
    assert text.endswith("\n2 targets: 2 saved\n")
    assert "PASS" not in text


def test_what_is_saved_is_a_result_that_can_be_judged_again(
    kept: Path, nla: str, no_nla: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = from_json(kept.read_bytes())
    assert found.status == "rdp"
    assert found.attempts == []
    assert main(["verify", "--results", str(kept), "--policy", nla]) == 0
    assert main(["verify", "--results", str(kept), "--policy", no_nla]) == 1
    capsys.readouterr()


def test_more_is_asked_for_what_is_saved_than_a_policy_needs(windows: str, nla: str, tmp_path: Path) -> None:
    path = tmp_path / "new.ndjson"
    assert main(["verify", windows, "--policy", nla, "--save", str(path), "-q"]) == 0
    found = from_json(path.read_bytes())
    assert found.tls is not None
    assert found.tls.versions["TLSv1.0"].state == "rejected"
    assert found.credssp is not None


def test_what_a_file_lacks_is_unknown_and_never_passed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "old.ndjson"
    path.write_bytes(to_json(result()) + b"\n")
    policy = tmp_path / "tls.toml"
    policy.write_text('name = "tls"\n[tls]\nserver_order = true\n[credssp]\nmin_version = 5\n')
    assert main(["verify", "--results", str(path), "--policy", str(policy), "--json"]) == 3
    assert {rule["state"] for rule in json.loads(capsys.readouterr().out)["rules"]} == {"unknown"}


def many(count: int) -> Iterator[Result]:
    for number in range(count):
        each = result(host=f"10.0.{number // 256}.{number % 256}", address=f"10.0.{number // 256}.{number % 256}")
        yield each


def test_a_journal_is_judged_compressed_and_from_standard_input(
    tmp_path: Path, nla: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = b"".join(to_json(each) + b"\n" for each in many(300))
    path = tmp_path / "scan.ndjson.zst"
    path.write_bytes(zstandard.compress(lines))
    assert main(["verify", "--results", str(path), "--policy", nla]) == 3
    assert capsys.readouterr().out.splitlines()[-1] == "300 targets: 300 could not be determined"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    assert main(["verify", "--results", "-", "--policy", nla, "-q"]) == 3
    assert len(capsys.readouterr().out.splitlines()) == 300


def test_a_torn_line_is_left_out_and_said(kept: Path, nla: str, capsys: pytest.CaptureFixture[str]) -> None:
    kept.write_bytes(kept.read_bytes() + b'{"schema":"rdp-probe/1","target":')
    assert main(["verify", "--results", str(kept), "--policy", nla]) == 3  # of one target nothing is known
    assert "torn off" in capsys.readouterr().err


# The baseline


def test_nothing_that_changed_passes(windows: str, kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for more in ([], ["--exact"]):
        assert main(["verify", windows, "--baseline", str(kept), *more]) == 0
        assert capsys.readouterr().out.startswith(f"PASS  {windows}   as it was   since {kept}")


def test_what_changed_otherwise_fails_only_where_all_counts(
    windows: str, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed(kept, **{'"os_build":"10.0.20348"': '"os_build":"10.0.17763"'})
    assert main(["verify", windows, "--baseline", str(kept)]) == 0
    assert main(["verify", windows, "--baseline", str(kept), "--exact"]) == 1
    assert "10.0.17763" in capsys.readouterr().out


def test_what_became_worse_fails(served: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, before = served["windows-no-nla"], tmp_path / "before.ndjson"
    assert main(["verify", target, "--save", str(before), "-q"]) == 0
    changed(before, **{'"TLSv1.0":{"state":"accepted"': '"TLSv1.0":{"state":"rejected"'})
    capsys.readouterr()
    assert main(["verify", target, "--baseline", str(before), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["baseline"] == str(before)
    assert ("tls.versions.TLSv1.0", "worse") in {(each["field"], each["direction"]) for each in found["changes"]}


def test_a_target_that_the_baseline_lacks_cannot_be_compared(
    served: dict[str, str], kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", served["xrdp-like"], "--baseline", str(kept)]) == 3
    assert "the baseline has no result" in capsys.readouterr().out


def test_one_that_is_not_reached_now_cannot_be_compared(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = from_json(kept.read_bytes())
    gone.status, gone.tls, gone.negotiation = "refused", None, None
    path = kept.with_name("now.ndjson")
    path.write_bytes(to_json(gone) + b"\n")
    assert main(["verify", "--results", str(path), "--baseline", str(kept)]) == 3
    assert capsys.readouterr().out.startswith("UNKNOWN")


def test_who_could_connect_before_is_said(windows: str, kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = from_json(kept.read_bytes())
    lost = next(client for client in before.clients if client.connects is False)
    lost.connects = True
    kept.write_bytes(to_json(before) + b"\n")
    main(["verify", windows, "--baseline", str(kept)])
    assert f"Lost access since: {lost.client}" in capsys.readouterr().out


# Planned changes


def test_a_change_that_cuts_somebody_off_fails(served: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", served["windows-no-nla"], "--what-if", "nla=required", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["what_if"]
    assert found["change"] == "nla=required"
    lost = [each["client"] for each in found["clients"] if each["before"] and each["after"] is False]
    assert any("Windows XP" in name for name in lost)


def test_one_that_changes_nothing_passes(windows: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", windows, "--what-if", "nla=required"]) == 0
    assert "   no client is cut off" in capsys.readouterr().out


def test_where_nothing_is_known_of_any_client_it_is_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "old.ndjson"
    path.write_bytes(to_json(result()) + b"\n")
    assert main(["verify", "--results", str(path), "--what-if", "tls.min=1.2"]) == 3
    assert main(["verify", "127.0.66.9:1", "--what-if", "tls.min=1.2"]) == 3
    capsys.readouterr()


def test_with_a_policy_it_says_whether_that_would_hold(
    served: dict[str, str], nla: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target = served["windows-no-nla"]
    assert main(["verify", target, "--policy", nla]) == 1
    capsys.readouterr()
    assert main(["verify", target, "--policy", nla, "--what-if", "nla=required"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("PASS")
    assert "After nla=required" in text


def test_a_change_of_versions_or_suites_asks_for_all_of_them(windows: str, capsys: pytest.CaptureFixture[str]) -> None:
    used = []
    for change, *more in (
        ["nla=required"],
        ["tls.min=1.2"],
        ["suites.off=class:weak"],
        ["tls.min=1.2", "--depth", "standard"],
    ):
        main(["verify", windows, "--what-if", change, "--json", *more])
        used.append(json.loads(capsys.readouterr().out)["connections"])
    assert used[0] == used[3] < used[1] == used[2]


# Interrupted, and short of room


def test_an_interrupt_prints_what_is_done_and_leaves_files_as_they_were(
    windows: str, no_nla: str, tmp_path: Path
) -> None:
    path = tmp_path / "before.ndjson"
    path.write_text("as it was\n")
    argv = [*COMMAND, windows, "--policy", no_nla, "--retry-until", "5m", "--save", str(path), "--format", "json"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            assert "asking again" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=DEADLINE_S)
        finally:
            process.kill()
    assert process.returncode == 130
    assert json.loads(out)["verdict"] == "failed"
    assert err == "stopped; files are as they were\n"
    assert path.read_text() == "as it was\n"
    assert [each.name for each in tmp_path.iterdir() if each.suffix != ".toml"] == ["before.ndjson"]


def deaf(*arguments: str) -> int:
    """The exit status where nobody reads what is printed."""
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        return process.wait(DEADLINE_S)


def test_a_reader_that_goes_away_makes_no_pass_of_it(windows: str, nla: str, no_nla: str, tmp_path: Path) -> None:
    assert deaf(windows, "--policy", nla) == 0
    assert deaf(windows, "--policy", no_nla) == 1
    assert deaf(windows, windows, "--policy", nla) == 3  # the second was not judged
    path = tmp_path / "all.ndjson"
    assert deaf(windows, windows, "--policy", nla, "--save", str(path)) == 0
    assert len(path.read_bytes().splitlines()) == 2
    assert deaf("--results", str(path), "--policy", nla) == 3


def test_an_interrupt_of_what_asks_nothing_prints_what_is_done(
    tmp_path: Path, nla: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = tmp_path / "scan.ndjson", tmp_path / "out.json"
    path.write_bytes(b"".join(to_json(each) + b"\n" for each in many(3)))
    judged: list[Result] = []

    def stop(found: Result) -> None:
        judged.append(found)
        if len(judged) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(judging, "judge", stop)
    assert main(["verify", "--results", str(path), "--policy", nla, "-q", "--format", f"json={out}"]) == 130
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 2
    assert shown.err == "stopped; files are as they were\n"
    assert not out.exists()


@pytest.mark.parametrize(
    ("place", "hint"),
    [
        (None, "give one of the parts"),
        (Place("/parts", "abc-7", "ndjson"), "rdp-probe export --ndjson /parts/abc-7-*.ndjson | rdp-probe verify"),
        (Place("s3://b", "abc-7", "ndjson"), "s3://b/abc-7-*.ndjson"),
    ],
)
def test_receipts_are_no_results(
    place: Place | None,
    hint: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receipt = json.loads(to_json(result()))
    del receipt["diagnoses"]
    path = tmp_path / "scan.ndjson"
    path.write_text(json.dumps(receipt) + "\n")
    monkeypatch.setattr(parts_place, "of_receipts", lambda _file: place)
    for option in ("--results", "--baseline"):
        more = [] if option == "--results" else ["127.0.0.1:1"]
        assert main(["verify", *more, option, str(path), "--policy", "strict"]) == 2
        shown = capsys.readouterr().err
        assert "has receipts" in shown
        assert hint in shown or option == "--baseline"


def test_a_draft_says_what_the_file_system_refuses(tmp_path: Path) -> None:
    draft = Draft(str(tmp_path / "x"))
    draft.write("one\n")
    draft.keep()
    draft.discard()
    assert (tmp_path / "x").read_text() == "one\n"
    assert [*tmp_path.iterdir()] == [tmp_path / "x"]
