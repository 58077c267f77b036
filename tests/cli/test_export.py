from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from probe.cli.main import main
from probe.diagnosis.judged import judge
from probe.report.escape import json_line, spreadsheet
from probe.report.export import write_csv
from probe.report.export_columns import COLUMNS, row
from probe.result import Result, to_json
from probe.scan import sidecar, written
from probe.scan.sidecar import Arguments, Sidecar
from probe.scan.tally import CLIENT_TAGS, TAGS, facts_of
from tests.golden import results as golden

HOSTS: tuple[Callable[[], Result], ...] = (
    golden.windows_nla,
    golden.xrdp,
    golden.xp_like,
    golden.ssh,
    golden.refused,
    golden.unresolved,
    golden.silent,
)


def judged(make: Callable[[], Result]) -> Result:
    result = make()
    judge(result)
    return result


def line(make: Callable[[], Result]) -> bytes:
    return json_line(to_json(judged(make))).encode() + b"\n"


LINES = [line(make) for make in HOSTS]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    path = tmp_path / "out.ndjson"
    path.write_bytes(b"".join(LINES))
    return path


def exported(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> list[str]:
    assert main(["export", *map(str, arguments)]) == 0
    return capsys.readouterr().out.splitlines()


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """What is said when it is refused."""
    assert main(["export", *map(str, arguments)]) == 2
    error, hint = capsys.readouterr().err.splitlines()[-2:]
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")
    return error


def table(path: Path) -> list[dict[str, Any]]:
    with duckdb.connect() as database:
        found = database.execute("SELECT * FROM read_parquet($1)", [str(path)])
        names = [each[0] for each in found.description]
        return [dict(zip(names, values, strict=True)) for values in found.fetchall()]


def test_hosts_are_printed_as_rdp_probe_host_takes_them(capsys: pytest.CaptureFixture[str], results: Path) -> None:
    assert exported(capsys, results) == [
        "192.0.2.7:3389",
        "192.0.2.20:3389",
        "192.0.2.30:3389",
        "192.0.2.9:3389",
        "[2001:db8::7]:3389",
        "nosuch.example:3389",
        "192.0.2.7:3389",
    ]


def test_several_tags_mean_either_and_a_pipe_means_both(
    capsys: pytest.CaptureFixture[str], results: Path, tmp_path: Path
) -> None:
    assert exported(capsys, "--only", "nla_missing", results) == ["192.0.2.20:3389", "192.0.2.30:3389"]
    either = exported(capsys, "--only", "nla_required", "--only", "refused", results)
    assert either == ["192.0.2.7:3389", "[2001:db8::7]:3389"]
    first = tmp_path / "first.ndjson"
    first.write_text("\n".join(exported(capsys, "--only", "nla_missing", "--ndjson", results)) + "\n")
    assert exported(capsys, "--only", "cert_self_signed", first) == ["192.0.2.20:3389"]


def test_results_are_printed_as_they_are(capsys: pytest.CaptureFixture[str], results: Path) -> None:
    assert [each.encode() + b"\n" for each in exported(capsys, "--ndjson", results)] == LINES


def test_certificates_that_several_hosts_share(capsys: pytest.CaptureFixture[str], results: Path) -> None:
    assert exported(capsys, "--only", "cert_shared", results) == ["192.0.2.7:3389", "192.0.2.20:3389"]
    refused(capsys, "--only", "cert_shared", "-")


def test_the_tags_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    named = [each.split()[0] for each in exported(capsys, "--only", "list")]
    assert named == [*TAGS, *(f"{tag}:CLIENT" for tag in CLIENT_TAGS)]
    assert "要求使用 NLA" in "".join(exported(capsys, "--only", "list", "--lang", "zh-CN"))


def test_standard_input_and_frames(results: Path) -> None:
    frames = b"".join(zstandard.ZstdCompressor().compress(each) for each in LINES)
    command = [sys.executable, "-m", "probe.cli.main", "export", "--only", "rdp", "-"]
    for given_ in (frames, b"".join(LINES)):
        run = subprocess.run(command, input=given_, capture_output=True, timeout=60, check=True)
        assert run.stdout.decode().split() == ["192.0.2.7:3389", "192.0.2.20:3389", "192.0.2.30:3389"]
        assert run.stderr == b""


@pytest.mark.parametrize("cut", [1, 40, len(LINES[-1]) - 1])
def test_a_torn_last_line_is_left_out_with_a_remark(
    capsys: pytest.CaptureFixture[str], results: Path, cut: int
) -> None:
    results.write_bytes(b"".join(LINES)[:-cut])
    assert main(["export", str(results)]) == 0
    shown = capsys.readouterr()
    is_whole = cut == 1  # only the line end is missing
    assert len(shown.out.splitlines()) == len(LINES) - (not is_whole)
    assert ("line 7: torn off" in shown.err) is not is_whole


def test_a_torn_last_frame_is_left_out_with_a_remark(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson.zst"
    path.write_bytes(b"".join(zstandard.ZstdCompressor().compress(each) for each in LINES)[:-9])
    assert main(["export", str(path)]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == len(LINES) - 1
    assert "torn off within its last frame" in shown.err


@pytest.mark.parametrize(
    "bad",
    [b"\n{}\n", b"garbage\n", b'{"schema":"rdp-probe/2"}\n', b"\x00" * 50 + b"\n", b'"\xff"\n', LINES[0][:90] + b"\n"],
)
def test_a_damaged_line_is_named(capsys: pytest.CaptureFixture[str], results: Path, bad: bytes) -> None:
    results.write_bytes(LINES[0] + LINES[1] + bad + LINES[2])
    number = 4 if bad.startswith(b"\n") else 3
    assert f"{results}, line {number}: not a result" in refused(capsys, results)


def test_nesting_without_end_is_damage(capsys: pytest.CaptureFixture[str], results: Path) -> None:
    results.write_bytes(LINES[0][:-2] + b',"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}\n")
    assert "line 1: not a result" in refused(capsys, results)


def test_a_line_longer_than_any_result_is_not_read_to_its_end(
    capsys: pytest.CaptureFixture[str], results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written, "LONGEST_LINE", len(LINES[0]))
    assert "line 1: longer than any result" in refused(capsys, results)


def test_damage_that_only_a_table_meets_is_named_and_leaves_no_table(
    capsys: pytest.CaptureFixture[str], results: Path, tmp_path: Path
) -> None:
    results.write_bytes(LINES[0].replace(b'"elapsed_ms":', b'"elapsed_ms":"long",  "x":', 1) + LINES[1])
    for form in ("--csv", "--parquet"):
        assert f"{results}, line 1: not a result" in refused(capsys, form, tmp_path / "made", results)
        assert [each.name for each in tmp_path.iterdir()] == ["out.ndjson"]


def test_a_damaged_frame_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(LINES[0]) + b"\xff" * 100)
    assert f"{path} is damaged" in refused(capsys, path)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--only", "nonsense", "FILE"],
        ["--csv", "a", "--parquet", "b", "FILE"],
        ["/nowhere/at/all"],
        ["--csv", "/nowhere/at/all.csv", "FILE"],
        ["--parquet", "/nowhere/at/all.parquet", "FILE"],
        ["--parquet", "FILE", "FILE"],
        ["--csv", "/dev/null", "FILE"],
        ["a\x00b"],
        ["--csv", "a\x00b", "FILE"],
        ["/"],
    ],
    ids=lambda arguments: " ".join(arguments)[:40] or "nothing",
)
def test_mistakes(capsys: pytest.CaptureFixture[str], results: Path, arguments: list[str]) -> None:
    before = results.read_bytes()
    refused(capsys, *(str(results) if each == "FILE" else each for each in arguments))
    assert results.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said", "hint"),
    [
        (["--only", "nla_mising", "FILE"], "there is no tag 'nla_mising'", "did you mean nla_missing?"),
        (["--only", "client_fails:mstsc-win1l", "FILE"], "there is no tag", "did you mean client_fails:mstsc-win11?"),
        (["--csv", "FILE"], "--csv is followed by the table to write, here ", "export --csv TABLE "),
        (["--parquet", "FILE"], "--parquet is followed by the table to write, here ", "export --parquet TABLE "),
        (["--only", "cert_shared", "-"], "standard input is read only once", "keep it in a file"),
    ],
)
def test_a_mistake_is_told_with_what_was_meant(
    capsys: pytest.CaptureFixture[str], results: Path, arguments: list[str], said: str, hint: str
) -> None:
    assert main(["export", *(str(results) if each == "FILE" else each for each in arguments)]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert hint in shown


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("list.txt", b"10.0.0.1\n10.0.0.2\n", ("no results of a scan: it begins with '10.0.0.1'", "rdp-probe scan @")),
        ("one.txt", b"srv1.example", ("no results of a scan: it begins with 'srv1.example'", "rdp-probe scan @")),
        ("nmap.xml", b'<?xml version="1.0"?>\n<nmaprun>\n', ("is XML, as nmap -oX writes it", "rdp-probe scan @")),
        ("out.ndjson.scan", b'{\n "schema": "rdp-probe-scan/1"\n}\n', ("what a scan was asked", "out.ndjson")),
        ("out.json", b'{\n "schema": "rdp-probe/1"\n}\n', ("JSON of several lines", "jq -c . ")),
        ("out.parquet", b"PAR1\x15\x04\n", ("is a Parquet table", "DuckDB")),
        ("out.ndjson.gz", b"\x1f\x8b\x08\x00\n", ("compressed by gzip", "zcat ")),
    ],
)
def test_what_is_no_file_of_results_is_said_to_be_what_it_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, content: bytes, told: tuple[str, str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert main(["export", str(path)]) == 2
    error, advice = capsys.readouterr().err.splitlines()
    assert told[0] in error
    assert told[1] in advice
    assert "malformed" not in error


@pytest.mark.parametrize("form", ["--csv", "--parquet"])
def test_a_table_is_told_and_takes_the_place_of_an_earlier_one_and_never_of_results(
    capsys: pytest.CaptureFixture[str], results: Path, tmp_path: Path, form: str
) -> None:
    made = tmp_path / "made"
    for arguments, told in (([], f"{made}: {len(LINES)} rows"), (["--only", "refused"], f"{made}: 1 row")):
        assert main(["export", form, str(made), *arguments, str(results)]) == 0
        assert capsys.readouterr().err == f"{told}\n"
    made.with_name("made.scan").touch()
    before = made.read_bytes()
    assert "made holds the results of a scan" in refused(capsys, form, made, results)
    assert made.read_bytes() == before


@pytest.mark.parametrize(
    ("url", "kind", "where"),
    [
        ("file:///shared/a b", "ndjson.zst", "'/shared/a b/0123456789ab-7f3a'-*.ndjson.zst"),
        ("parts", "ndjson", "/begun/parts/0123456789ab-7f3a-*.ndjson"),
        ("s3://bucket/folder", "ndjson", "s3://bucket/folder/0123456789ab-7f3a-*.ndjson"),
        ("file:///shared", "parquet", "Parquet tables, which DuckDB reads: file:///shared/0123456789ab-7f3a-*.parquet"),
        (None, "", "name the parts instead"),
    ],
)
def test_receipts_are_said_to_be_such_and_where_the_results_are(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, url: str | None, kind: str, where: str
) -> None:
    path = tmp_path / "out.ndjson"
    kept = ("schema", "target", "started", "elapsed_ms", "depth", "connections", "status")  # and no diagnoses
    results = [json.loads(each) for each in LINES[:2]]
    path.write_text("".join(json.dumps({name: each[name] for name in kept}) + "\n" for each in results))
    if url is not None:
        asked = Arguments(
            targets=[], seed=0x7F3A, parts=url, parts_format=kind, timeout=1, deadline=1, depth="full", per_host=2
        )
        record = Sidecar(directory="/begun", arguments=asked, fingerprint="0123456789abcdef")
        sidecar.write(str(path), record)
    assert main(["export", "--only", "rdp", str(path)]) == 0  # that much they say themselves
    shown = capsys.readouterr()
    assert shown.out.splitlines() == ["192.0.2.7:3389", "192.0.2.20:3389"]
    assert f"{path} has receipts" in shown.err
    assert where in shown.err
    assert main(["export", "--only", "nla_missing", str(path)]) == 2
    assert where in capsys.readouterr().err.splitlines()[1]


def test_parquet_without_duckdb_says_what_to_install(
    capsys: pytest.CaptureFixture[str], results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert main(["export", "--parquet", "out.parquet", str(results)]) == 2
    assert f"{sys.executable} -m pip install duckdb" in capsys.readouterr().err


def test_a_parquet_file_has_typed_columns(capsys: pytest.CaptureFixture[str], results: Path, tmp_path: Path) -> None:
    made = tmp_path / "o'ut.parquet"
    exported(capsys, "--parquet", made, results)
    rows = table(made)
    assert [each["status"] for each in rows] == [judged(make).status for make in HOSTS]
    windows = rows[0]
    assert windows["tags"][:2] == ["rdp", "nla_required"]
    assert windows["hybrid"] == "accepted"
    assert windows["tls_versions"] == ["TLSv1.2", "TLSv1.3"]
    assert windows["certificate_not_after"].year == 2026
    assert windows["dns_computer"] == judged(golden.windows_nla).credssp.ntlm.dns_computer  # type: ignore[union-attr]
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_the_columns_do_not_depend_on_what_was_found(
    capsys: pytest.CaptureFixture[str], results: Path, tmp_path: Path
) -> None:
    described = []
    for content in (b"".join(LINES), LINES[4], b""):
        results.write_bytes(content)
        exported(capsys, "--parquet", tmp_path / "made.parquet", results)
        with duckdb.connect() as database:
            rows = database.execute("DESCRIBE SELECT * FROM read_parquet($1)", [str(tmp_path / "made.parquet")])
            described.append({name: kind for name, kind, *_rest in rows.fetchall()})
    assert described == [dict(COLUMNS)] * 3


def test_a_time_or_number_that_does_not_fit_is_left_empty(
    capsys: pytest.CaptureFixture[str], results: Path, tmp_path: Path
) -> None:
    document = json.loads(LINES[0])
    document["certificates"][0]["chain"][0]["not_after"] = "2026-02-31T99:00:00Z"
    document["bytes_sent"] = 10**30
    results.write_text(json.dumps(document) + "\n")
    exported(capsys, "--parquet", tmp_path / "made.parquet", results)
    [only] = table(tmp_path / "made.parquet")
    assert only["certificate_not_after"] is None
    assert only["bytes_sent"] is None
    assert only["started"] is not None


def test_csv_has_the_same_columns(capsys: pytest.CaptureFixture[str], results: Path, tmp_path: Path) -> None:
    printed = exported(capsys, "--csv", "-", results)
    exported(capsys, "--csv", tmp_path / "made.csv", results)
    assert (tmp_path / "made.csv").read_text().splitlines() == printed
    rows = list(csv.DictReader(printed))
    assert list(rows[0]) == list(COLUMNS)
    assert rows[0]["tags"].startswith("rdp; nla_required; ")
    assert rows[0]["certificate_self_signed"] == "true"
    assert rows[4]["certificate_sha256"] == ""
    assert rows[0]["port"] == "3389"


def test_what_a_server_said_is_harmless_in_csv() -> None:
    result = judged(golden.hostile)
    assert result.credssp is not None
    assert result.credssp.ntlm is not None
    result.credssp.ntlm.dns_computer = "=cmd|' /C calc'!A0"
    out = io.StringIO()
    write_csv([row(result, facts_of(result).tags)], out)
    [read] = csv.DictReader(io.StringIO(out.getvalue()))
    assert read["dns_computer"] == "'=cmd|' /C calc'!A0"
    assert "\x1b" not in out.getvalue()
    assert "\u202e" not in out.getvalue()
    assert out.getvalue().count("\n") == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("srv1.example", "srv1.example"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1d1", "'\uff1d1"),
        (" =1", "' =1"),
        ("CN=a;=cmd()", "CN=a;'=cmd()"),
        ("\t=1", "\\x09=1"),
        ("a\nb", "a\\x0ab"),
        ("2026-11-21", "2026-11-21"),
    ],
)
def test_cells(text: str, shown: str) -> None:
    if text == " =1":
        assert spreadsheet(text) == " '=1"
    else:
        assert spreadsheet(text) == shown


@given(st.text(alphabet="=+-@;,| '\"a\t\x1b\u202e", max_size=12))
def test_no_cell_begins_a_formula(text: str) -> None:
    shown = spreadsheet(text)
    for cell in re.split("[;,|]", shown):
        assert not cell.strip(' "').startswith(("=", "+", "-", "@"))
    assert shown.isprintable()
