from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
import zstandard

from probe.cli.main import main
from probe.diagnosis.judged import judge
from probe.result import Result, Verdict, from_json, to_json
from probe.result.verification import diff_schema
from probe.scan import kept
from tests.golden import results as golden

ACCEPTED = Verdict(state="accepted")
OLD, NEW = "old.ndjson", "new.ndjson"
Turn = Callable[[Result], object]


def server(host: str, address: str | None = None, make: Callable[[], Result] = golden.windows_nla) -> Result:
    """A server at an address of its own."""
    result = from_json(to_json(make()))
    result.target.input = result.target.host = host
    result.target.address = host if address is None else address
    result.target.server_name = "srv1.example"
    judge(result)
    return result


def weaker(result: Result) -> Result:
    """The same with TLS 1.0 and without NLA's force."""
    after = from_json(to_json(result))
    assert after.tls is not None
    assert after.negotiation is not None
    after.started = "2026-11-28T10:00:00.000Z"
    after.tls.versions["TLSv1.0"] = ACCEPTED
    after.negotiation.nla = "offered"
    return after


def renamed(result: Result) -> Result:
    after = from_json(to_json(result))
    assert after.credssp is not None
    assert after.credssp.ntlm is not None
    after.credssp.ntlm.netbios_computer = "SRV9"
    return after


def lines(*results: Result) -> bytes:
    return b"".join(to_json(each) + b"\n" for each in results)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LANG", "C")


def files(old: bytes, new: bytes) -> None:
    Path(OLD).write_bytes(old)
    Path(NEW).write_bytes(new)


def diff(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    status = main(["diff", *arguments, OLD, NEW])
    shown = capsys.readouterr()
    return status, shown.out, shown.err


A, B, C = server("192.0.2.1"), server("192.0.2.2"), server("192.0.2.3")


# One target


def test_nothing_changed_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    files(lines(A), lines(A))
    assert diff(capsys) == (0, f"Nothing changed from {OLD} to {NEW}; targets compared: 1\n", "")
    assert diff(capsys, "--only", "worse")[1].startswith("Nothing became worse from ")
    assert diff(capsys, "--json") == diff(capsys, "-q") == (0, "", "")


def test_one_target_has_its_changes_in_the_order_that_matters(capsys: pytest.CaptureFixture[str]) -> None:
    files(lines(A), lines(renamed(weaker(A))))
    assert diff(capsys) == (
        1,
        f"""\
What changed from {OLD} to {NEW}

192.0.2.1:3389                                             2026-11-21 10:00:00 → 2026-11-28 10:00:00
  worse    security  NLA is offered now; it was required
  worse    security  TLS 1.0 is accepted now; it was rejected
  changed  names     the NetBIOS name is SRV9 now; it was SRV1
""",
        "",
    )


def test_only_what_became_worse(capsys: pytest.CaptureFixture[str]) -> None:
    files(lines(A), lines(renamed(weaker(A)), C))
    status, out, _err = diff(capsys, "--only", "worse")
    assert status == 1
    assert out.startswith(f"What became worse from {OLD} to {NEW}\n")
    assert "NetBIOS" not in out
    assert "192.0.2.3" not in out
    files(lines(A, C), lines(renamed(A)))
    assert diff(capsys, "--only", "worse", "--json") == (0, "", "")


def test_what_is_not_known_now_is_said_and_not_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    unknown = from_json(to_json(A))
    assert unknown.tls is not None
    unknown.tls.versions["TLSv1.1"] = Verdict(state="unknown", ending="timed_out")
    files(lines(A), lines(unknown))
    status, out, _err = diff(capsys)
    assert status == 1  # that it is the same is not known
    assert "Something that was known could not be determined now." in out
    assert "  ? TLS 1.1 could not be determined now; it was rejected" in out
    status, out, err = diff(capsys, "-q")
    assert (status, out) == (1, "")
    assert err == "note: Something that was known could not be determined now.\n"
    assert diff(capsys, "--only", "worse")[2] == ""
    assert [each["undetermined"] for each in map(json.loads, diff(capsys, "--json")[1].splitlines())] == [
        ["TLS 1.1 could not be determined now; it was rejected"]
    ]


def test_a_server_that_is_gone_lacks_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    files(lines(A), lines(server("192.0.2.1", make=golden.refused)))
    status, out, _err = diff(capsys)
    assert status == 1
    assert out.splitlines()[3:] == ["  worse  reachability  the connection is refused now; before, RDP is served"]


def test_what_a_server_says_reaches_no_terminal_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    evil = server("192.0.2.1")
    assert evil.credssp is not None
    assert evil.credssp.ntlm is not None
    evil.credssp.ntlm.netbios_computer = "\x1b[31m\u202eX"
    evil.target.host = evil.target.input = "\x9b2J"
    evil.certificates[0].chain[0].subject, evil.certificates[0].chain[0].sha256 = "CN=\x1b]0;x\x07", "cd" * 32
    before = server("192.0.2.1")
    before.target.host = evil.target.host
    files(lines(before), lines(evil))
    for options in ([], ["-q"], ["--json"]):
        status, out, _err = diff(capsys, *options)
        assert status == 1
        assert not set("\x1b\x07\x9b\u202e") & set(out)


# Many


def test_many_have_a_summary_and_the_worst_come_first(capsys: pytest.CaptureFixture[str]) -> None:
    gone, new = server("192.0.2.4"), server("192.0.2.5", make=golden.ssh)
    files(lines(A, B, C, gone), lines(renamed(A), C, new, weaker(B)))
    assert diff(capsys) == (
        1,
        f"""\
From {OLD} to {NEW}: of 3 targets that were compared, 2 changed; new: 1; gone: 1

             worse   changed
  security       1         -
  names          -         1

192.0.2.2:3389                                             2026-11-21 10:00:00 → 2026-11-28 10:00:00
  worse  security  NLA is offered now; it was required
  worse  security  TLS 1.0 is accepted now; it was rejected

192.0.2.1:3389                                             2026-11-21 10:00:00 → 2026-11-21 10:00:00
  changed  names  the NetBIOS name is SRV9 now; it was SRV1

192.0.2.5:3389  new                                                              2026-11-21 10:00:00
  something else answers (ssh)

192.0.2.4:3389  gone                                                             2026-11-21 10:00:00
  RDP is served
""",
        "",
    )
    assert diff(capsys, "-q")[1].splitlines() == [
        "192.0.2.1:3389  1 changed: the NetBIOS name is SRV9 now; it was SRV1",
        "192.0.2.5:3389  new  something else answers (ssh)",
        "192.0.2.2:3389  2 worse: NLA is offered now; it was required",
        "192.0.2.4:3389  gone  RDP is served",
    ]
    assert "of 3 targets that were compared, 1 became worse" in diff(capsys, "--only", "worse")[1]


def test_of_whom_the_same_is_said_it_is_said_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    many = [server(f"192.0.2.{number}") for number in range(1, 9)]
    files(lines(*many, C), lines(renamed(weaker(many[0])), *(weaker(each) for each in many[1:5]), *many[5:]))
    assert diff(capsys)[1].split("\n\n")[2:] == [
        """\
192.0.2.1:3389     2026-11-21 10:00:00 → 2026-11-28 10:00:00
  worse    security  NLA is offered now; it was required
  worse    security  TLS 1.0 is accepted now; it was
                     rejected
  changed  names     the NetBIOS name is SRV9 now; it was
                     SRV1""",
        """\
192.0.2.2:3389, 192.0.2.3:3389, 192.0.2.4:3389,
192.0.2.5:3389
  worse  security  NLA is offered now; it was required
  worse  security  TLS 1.0 is accepted now; it was rejected
""",
    ]


def test_json_is_a_document_a_target_that_validates(capsys: pytest.CaptureFixture[str]) -> None:
    files(lines(A, B, C), lines(renamed(A), server("192.0.2.5"), weaker(B)))
    status, out, err = diff(capsys, "--json")
    found = [json.loads(each) for each in out.splitlines()]
    for each in found:
        jsonschema.Draft202012Validator(diff_schema()).validate(each)
    assert (status, err) == (1, "")
    assert [(each["target"]["host"], each["state"]) for each in found] == [
        ("192.0.2.1", "changed"),
        ("192.0.2.5", "appeared"),
        ("192.0.2.2", "changed"),
        ("192.0.2.3", "gone"),
    ]
    assert (found[1]["before"], found[1]["after"]) == (None, "2026-11-21T10:00:00.000Z")
    assert (found[3]["before"], found[3]["after"]) == ("2026-11-21T10:00:00.000Z", None)
    assert found[3]["changes"][0]["before"] == "rdp"
    assert [each["field"] for each in found[2]["changes"]] == ["negotiation.nla", "tls.versions.TLSv1.0"]


def test_clients_that_lost_access_are_in_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    before = server("192.0.2.1", make=golden.xrdp)
    after = from_json(to_json(before))
    assert after.negotiation is not None
    after.negotiation.protocols["RDP"] = Verdict(state="rejected", failure="SSL_REQUIRED_BY_SERVER")
    files(lines(before), lines(after))
    for options in (["--json"], ["--json", "--only", "worse"]):
        found = json.loads(diff(capsys, *options)[1])
        assert [(each["client"], each["before"], each["after"]) for each in found["clients"]] == [
            ("Windows XP (mstsc 5.1, 5.2)", True, False)
        ]
    files(lines(after), lines(before))
    assert json.loads(diff(capsys, "--json")[1])["clients"][0]["after"] is True


def test_no_target_in_common_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    files(lines(A), lines(B))
    status, out, _err = diff(capsys)
    assert status == 1
    assert out.startswith(f"No target is in both {OLD} and {NEW}; new: 1; gone: 1\n")


def test_several_of_which_less_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    def unknown(result: Result) -> Result:
        after = from_json(to_json(result))
        assert after.tls is not None
        after.tls.versions["TLSv1.1"] = Verdict(state="unknown")
        return after

    files(lines(A, B, C), lines(unknown(A), unknown(B), C))
    status, out, _err = diff(capsys)
    assert status == 1
    assert "Targets of which something was known that could not be determined now: 2" in out


def shallow(result: Result) -> Result:
    """The same, with less asked."""
    after = from_json(to_json(result))
    assert after.tls is not None
    after.depth, after.credssp, after.tls.features = "discover", None, None
    return after


def test_what_a_lower_depth_does_not_tell_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    files(lines(A), lines(shallow(A)))
    status, out, err = diff(capsys)
    assert (status, err) == (0, "")
    found = re.fullmatch(
        rf"Nothing changed from {OLD} to {NEW}; targets compared: 1\n\n"
        rf"{NEW} was made at a lower depth \(discover, before: standard\): (\d+) facts cannot be compared\.\n"
        r"-v lists them\.\n",
        out,
    )
    assert found is not None
    count = int(found[1])
    assert count > 3
    listed = diff(capsys, "-v")[1]
    assert listed.count("  ? ") == count
    assert "-v lists" not in listed
    note = f"note: {NEW} was made at a lower depth (discover, before: standard): {count} facts cannot be compared.\n"
    assert diff(capsys, "-q") == (0, "", note)
    status, out, err = diff(capsys, "--json")
    assert (status, out, err) == (0, "", note)
    assert diff(capsys, "--only", "worse")[1].count("\n") == 1


def test_of_a_target_that_changed_json_keeps_what_a_lower_depth_does_not_tell(
    capsys: pytest.CaptureFixture[str],
) -> None:
    files(lines(A, B, C), lines(shallow(weaker(A)), shallow(B), C))
    status, out, _err = diff(capsys)
    assert status == 1
    assert "  ? " not in out
    assert "192.0.2.2" not in out
    assert out.count("facts cannot be compared") == 1
    document = json.loads(diff(capsys, "--json")[1])
    assert (document["before_depth"], document["after_depth"]) == ("standard", "discover")
    assert len(document["undetermined"]) > 3
    assert "192.0.2.2" in diff(capsys, "-v")[1]


def test_all_that_depth_full_asks_is_that_depth(capsys: pytest.CaptureFixture[str]) -> None:
    full, some = from_json(to_json(A)), from_json(to_json(A))
    full.asked, some.asked = ["full"], ["credssp"]
    assert some.tls is not None
    some.tls.versions["TLSv1.1"] = Verdict(state="unknown")
    files(lines(full), lines(some))
    assert "lower depth (standard, before: full): " in diff(capsys)[1]
    files(lines(A), lines(some))
    assert "lower depth" not in diff(capsys)[1]
    assert "  ? TLS 1.1" in diff(capsys)[1]


# Who is whom


def test_a_name_with_another_address_is_the_same_target(capsys: pytest.CaptureFixture[str]) -> None:
    files(lines(server("srv1.example", "192.0.2.1")), lines(server("SRV1.example", "192.0.2.9")))
    found = json.loads(diff(capsys, "--json")[1])
    assert [(each["field"], each["before"], each["after"]) for each in found["changes"]] == [
        ("target.address", "192.0.2.1", "192.0.2.9")
    ]


def test_a_name_with_several_addresses_is_matched_where_it_can_be_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    one, two, three, four = (server("srv1.example", f"192.0.2.{number}") for number in range(1, 5))
    files(lines(one, two), lines(two, three))
    assert diff(capsys, "-q")[1] == (
        "srv1.example:3389 (192.0.2.3)  1 changed: the address of srv1.example is 192.0.2.3 now; it was 192.0.2.1\n"
    )
    files(lines(one, two), lines(three, four))
    assert [each.split()[2] for each in diff(capsys, "-q")[1].splitlines()] == ["new", "new", "gone", "gone"]


def test_ports_are_targets_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    other = server("192.0.2.1")
    other.target.port = 3390
    files(lines(A), lines(other))
    assert [each.split()[:2] for each in diff(capsys, "-q")[1].splitlines()] == [
        ["192.0.2.1:3390", "new"],
        ["192.0.2.1:3389", "gone"],
    ]


def test_of_several_results_of_a_target_the_last_counts(capsys: pytest.CaptureFixture[str]) -> None:
    files(lines(weaker(A), B, A), lines(A, B))
    status, out, err = diff(capsys, "-q")
    assert (status, out) == (0, "")
    assert err == f"note: {OLD}: results of targets that have a later one, which counts: 1\n"


# Files


def packed(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def test_compressed_files_and_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files(packed(lines(A, B)), packed(lines(weaker(A), B)))
    assert diff(capsys, "-q")[:2] == (1, "192.0.2.1:3389  2 worse: NLA is offered now; it was required\n")
    for number, arguments in enumerate(([OLD, "-"], ["-", OLD])):
        stream = io.TextIOWrapper(io.BytesIO(lines(weaker(A), B)))
        monkeypatch.setattr(sys, "stdin", stream)
        assert main(["diff", "-q", *arguments]) == 1
        assert capsys.readouterr().out.startswith("192.0.2.1:3389  " + ("1 changed, 2 better" if number else "2 worse"))
    assert main(["diff", "-", "-"]) == 2
    assert "error: both files are standard input" in capsys.readouterr().err


def test_many_blocks_are_kept_and_found_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "_BLOCK", 40_000)
    monkeypatch.setattr(kept, "_MOST_BLOCKS", 2)
    before = [server(f"192.0.2.{number}") for number in range(30)]
    after = [weaker(each) if number % 10 == 0 else each for number, each in enumerate(before)]
    files(packed(lines(*before)), packed(lines(*reversed(after))))
    status, out, _err = diff(capsys, "-q")
    assert status == 1
    assert [each.split(":")[0] for each in out.splitlines()] == ["192.0.2.20", "192.0.2.10", "192.0.2.0"]


def test_a_torn_last_line_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    files(lines(A, B)[:-200], lines(A))
    status, _out, err = diff(capsys)
    assert status == 0
    assert err == f"note: {OLD}, line 2: torn off at the end of the file, left out\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "new.ndjson has no results"),
        (b"\n\n", "new.ndjson has no results"),
        (b"[\n" + to_json(A) + b"\n]\n", "new.ndjson is a JSON array; a file of results has one object a line"),
        (b"[" + to_json(A) + b"]\n", "new.ndjson is a JSON array; a file of results has one object a line"),
        (b'{\n "schema": "rdp-probe/1"\n}\n', "new.ndjson is JSON of several lines; a result is one line"),
        (b"<!doctype html>\n<html>\n", "new.ndjson is an HTML page; it has no results"),
        (b"<html lang=en>\n", "new.ndjson is an HTML page; it has no results"),
        (b'{"schema":"rdp-probe-verify/1","target":{}}\n', "new.ndjson says what was found out about results"),
        (b"[protocols]\nnla = 'required'\n", "new.ndjson is a policy (TOML)"),
        (b"[[fact]]  # one\n", "new.ndjson is a policy (TOML)"),
        (b'name = "ours"\n', "new.ndjson is a policy (TOML)"),
        (b"# ours\n\n[protocols]\nnla = 'required'\n", "new.ndjson is a policy (TOML)"),
        (b"# ours\nsrv1.example\n", "new.ndjson has no results of a scan: it begins with '# ours'"),
        (b"# only remarks\n", "new.ndjson has no results of a scan"),
        (b"# \xff\n", "new.ndjson, line 1: not a result"),
        (b"[::1]:3390\n", "new.ndjson has no results of a scan: it begins with '[::1]:3390'"),
        (b"srv1.example\n", "new.ndjson has no results of a scan: it begins with 'srv1.example'"),
        (to_json(A) + b"\n{}\n" + to_json(B) + b"\n", "new.ndjson, line 2: not a result of this program"),
    ],
)
def test_what_is_no_file_of_results_is_an_error(
    capsys: pytest.CaptureFixture[str], content: bytes, expected: str
) -> None:
    files(lines(A), content)
    status, out, err = diff(capsys)
    assert (status, out) == (2, "")
    error, hint = err.splitlines()
    assert error.startswith(f"error: {expected}")
    assert hint.startswith("hint: ")


@pytest.mark.parametrize("compressed", [False, True])
def test_a_result_that_is_damaged_deep_inside_is_an_error(capsys: pytest.CaptureFixture[str], compressed: bool) -> None:
    damaged = lines(A).replace(b'"elapsed_ms":', b'"elapsed_ms":"x","_":', 1)
    files(lines(A), packed(damaged) if compressed else damaged)
    status, _out, err = diff(capsys)
    assert status == 2
    assert "not a result of this program" in err


def test_a_file_that_is_not_there_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    Path(OLD).write_bytes(lines(A))
    for name in ("missing.ndjson", "\0"):
        assert main(["diff", OLD, name]) == 2
        assert capsys.readouterr().err.startswith("error: cannot read ")


def test_receipts_are_no_results(capsys: pytest.CaptureFixture[str]) -> None:
    receipt = json.loads(to_json(A))
    del receipt["diagnoses"]
    files(lines(A), json.dumps(receipt).encode() + b"\n")
    status, _out, err = diff(capsys)
    assert status == 2
    assert "has receipts" in err


def test_a_full_disk_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept, "_BLOCK", 1000)
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    files(packed(lines(A)), lines(A))
    status, _out, err = diff(capsys)
    assert status == 2
    assert "error: cannot keep results in " in err
    assert ": No space left on device" in err


def test_a_disk_that_fills_up_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_BLOCK", 1000)
    monkeypatch.setattr("tempfile.TemporaryFile", lambda: io.BufferedRandom(io.FileIO("/dev/full", "r+")))
    files(packed(lines(A)), lines(A))
    status, _out, err = diff(capsys)
    assert status == 2
    assert "error: cannot keep results in " in err
    assert ": No space left on device\nhint: " in err


# Baselines


def test_a_baseline_is_found_by_its_target() -> None:
    a, b = server("srv1.example", "192.0.2.1"), server("srv2.example", "192.0.2.2")
    Path(OLD).write_bytes(lines(a, b, A))
    with kept.Kept(OLD, print) as found:
        assert len(found) == 3
        assert found.find(b.target) == b
        assert found.find(A.target) == A
        moved = server("srv1.example", "192.0.2.9").target
        assert found.find(moved) is None
        assert found.find(moved, alone=True) == a
        assert found.find(server("srv9.example", "192.0.2.9").target, alone=True) is None
        assert [*found] == [kept.key_of(each.target) for each in (a, b, A)]


def test_a_name_that_had_several_addresses_is_found_by_its_address_alone() -> None:
    Path(OLD).write_bytes(lines(server("srv1.example", "192.0.2.1"), server("srv1.example", "192.0.2.2")))
    with kept.Kept(OLD, print) as found:
        assert found.find(server("srv1.example", "192.0.2.9").target, alone=True) is None


def test_a_file_that_cannot_be_opened_again_is_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_path: Path, _mode: str) -> None:
        raise PermissionError

    files(lines(A), lines(weaker(A)))
    monkeypatch.setattr(Path, "open", closed)
    assert diff(capsys, "-q")[0] == 1
