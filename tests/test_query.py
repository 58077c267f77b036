"""docs/query.md: every query of the page, as it stands there, run against results of real audits."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
import trio
import zstandard

from probe.audit.settings import Settings
from probe.diagnosis.judged import judge
from probe.drive import demo
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.result import Result, Target, from_json, to_json
from probe.scan.outcome import describe
from tests.golden import results as golden

PAGE = (Path(__file__).parent.parent / "docs" / "query.md").read_text(encoding="utf-8")
ENDLESS = ("silent", "tarpit")
Rows = list[tuple[Any, ...]]


def blocks() -> tuple[str, dict[str, str]]:
    """What is said first, and each query by its number."""
    first, *rest = re.split(r"^## (?=\d+\. )", PAGE, flags=re.MULTILINE)
    [macro] = re.findall(r"```sql\n(.*?)```", first, re.DOTALL)
    queries = {}
    for section in rest:
        [query] = re.findall(r"```sql\n(.*?)```", section, re.DOTALL)
        queries[section.partition(".")[0]] = query
    return macro, queries


MACRO, QUERIES = blocks()


@pytest.fixture(scope="module")
def audited() -> dict[str, Result]:
    """Each embedded server, audited as a scan does."""
    found = {}

    async def one(server: demo.DemoServer) -> None:
        target = Target(input=server.address, host=server.address, port=server.port, address=server.address)
        limits = Limits(step_s=0.3) if server.name in ENDLESS else Limits()
        found[server.name] = await audit(target, Settings(keep_attempts=False), limits)

    async def main() -> None:
        with trio.fail_after(60):
            async with demo.serving() as servers, trio.open_nursery() as nursery:
                for server in servers:
                    nursery.start_soon(one, server)

    trio.run(main)
    return {name: found[name] for name in demo.KINDS}


def as_read(result: Result) -> Result:
    """A copy that may be changed."""
    return from_json(to_json(result))


def written(path: Path, results: Sequence[Result]) -> None:
    path.write_bytes(b"".join(describe(at, [as_read(result)]).lines for at, result in enumerate(results)))


@pytest.fixture(scope="module")
def folder(audited: dict[str, Result], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`office.ndjson` with every server and an unpatched clone of the first; `before.ndjson` as it was before that.

    Before, the clone was not there, another server was, and one had no TLS 1.0 yet.
    """
    made = tmp_path_factory.mktemp("query")
    clone = as_read(audited["windows-nla"])
    clone.target.address = clone.target.host = "127.0.99.1"
    assert clone.credssp is not None
    clone.credssp.version = 3
    written(made / "office.ndjson", [*audited.values(), clone])
    gone, other = as_read(audited["xrdp-like"]), as_read(audited["tls10-only"])
    gone.target.address = "127.0.99.2"
    assert other.tls is not None
    other.tls.versions["TLSv1.0"].state = "rejected"
    kept = [result for name, result in audited.items() if name != "tls10-only"]
    written(made / "before.ndjson", [*kept, gone, other])
    return made


@pytest.fixture
def asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Rows]]:
    """Answers a query of the page, by its number."""
    monkeypatch.chdir(folder)
    with duckdb.connect() as database:
        database.execute(MACRO)
        yield lambda number: database.execute(QUERIES[number]).fetchall()


def test_there_are_ten_queries_or_more() -> None:
    assert list(QUERIES) == [str(number) for number in range(1, len(QUERIES) + 1)]
    assert len(QUERIES) >= 10


def test_networks_without_nla(asked: Callable[[str], Rows]) -> None:
    assert asked("1") == [("127.0.70.0/24", 8, 1)]


def test_certificates_by_week(asked: Callable[[str], Rows], audited: dict[str, Result]) -> None:
    ends: Counter[dt.date] = Counter()
    for result in [*audited.values(), audited["windows-nla"]]:
        for chain in result.certificates:
            end = dt.datetime.fromisoformat(chain.chain[0].not_after or "").date()
            ends[end - dt.timedelta(days=end.weekday())] += 1
    rows = asked("2")
    assert [(week, hosts) for week, hosts, _example in rows] == sorted(ends.items())
    assert len(rows) == 2
    assert rows[0][1:] == (1, audited["expired-certificate"].target.host)


def test_shared_keys(asked: Callable[[str], Rows]) -> None:
    """The embedded servers have two keys among them, and the clone has the certificate of another too."""
    by_kind = [(hosts, certificates) for _key, hosts, certificates, _example in asked("3")]
    assert sorted(by_kind) == [(4, 3), (4, 4)]


def test_tls_versions(asked: Callable[[str], Rows]) -> None:
    assert asked("4") == [("TLSv1.0", 2, 7), ("TLSv1.1", 1, 8), ("TLSv1.2", 7, 2), ("TLSv1.3", 6, 3)]


def test_outdated_credssp(asked: Callable[[str], Rows], audited: dict[str, Result]) -> None:
    assert asked("5") == [("127.0.99.1", audited["windows-nla"].target.port, 3, "srv1.corp.example")]


def test_builds(asked: Callable[[str], Rows]) -> None:
    assert asked("6") == [
        ("10.0.20348", "Windows Server 2022", 2, ["CORP"]),
        ("6.3.9600", "Windows 8.1 or Server 2012 R2", 1, ["CORP"]),
    ]


def test_slow_hosts(asked: Callable[[str], Rows], audited: dict[str, Result]) -> None:
    rows = asked("7")
    seen = [result for result in [*audited.values(), audited["windows-nla"]] if result.status == "rdp"]
    times = sorted((result.elapsed_ms / result.connections for result in seen), reverse=True)
    assert [time for *_others, time in rows] == pytest.approx(times, abs=0.51)
    assert len(rows) == 11


def test_changes(asked: Callable[[str], Rows], audited: dict[str, Result]) -> None:
    changed, added, gone = asked("8")
    assert changed[:2] == (audited["tls10-only"].target.address, audited["tls10-only"].target.port)
    assert "TLSv1.0" in changed[3]
    assert "TLSv1.0" not in changed[2]
    assert (added[0], added[2]) == ("127.0.99.1", None)
    assert re.fullmatch(r"NLA required, key [0-9a-f]{8}, TLSv1\.2 TLSv1\.3", added[3])
    assert (gone[0], gone[3]) == ("127.0.99.2", None)


def test_clients_that_are_locked_out(asked: Callable[[str], Rows]) -> None:
    rows = asked("9")
    by_client: Counter[str] = Counter()
    for client, because, hosts in rows:
        assert because
        by_client[client] += hosts
    # FreeRDP 3 meets what nobody gets past, and the server that has TLS 1.0 alone.
    assert by_client["FreeRDP 3"] == 3
    assert ("FreeRDP 3", "TLS_NO_COMMON_VERSION", 1) in rows
    assert by_client["Windows XP (mstsc 5.1, 5.2)"] > by_client["FreeRDP 3"]


def test_unusual_servers(asked: Callable[[str], Rows], audited: dict[str, Result]) -> None:
    [(address, _port, status, code, summary)] = asked("10")
    assert (address, status, code) == (audited["tarpit"].target.address, "silent", "X224_MALFORMED")
    assert summary == "The answer begins as RDP does and never ends."


def test_what_is_found_most_often(asked: Callable[[str], Rows]) -> None:
    rows = asked("11")
    assert rows[:2] == [("CERT_SELF_SIGNED", "info", 8), ("NLA_UNSUPPORTED", "risk", 7)]
    assert ("CREDSSP_OUTDATED", 1) in [(code, hosts) for code, _severity, hosts in rows]
    assert ("TLS_HANDSHAKE_ABORTED", "blocker", 1) in rows


def test_standard_rdp_security(asked: Callable[[str], Rows], audited: dict[str, Result]) -> None:
    assert [(address, level, methods) for address, _port, level, methods in asked("12")] == [
        (audited["windows-no-nla"].target.address, "CLIENT_COMPATIBLE", "128BIT 56BIT 40BIT FIPS"),
        (audited["xrdp-like"].target.address, "HIGH", "128BIT"),
        (audited["xp-like"].target.address, "CLIENT_COMPATIBLE", "128BIT 56BIT 40BIT"),
    ]


@pytest.mark.parametrize("number", QUERIES)
def test_a_scan_that_found_nothing_can_be_asked_too(
    number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every host refused, so that most columns are empty; and a scan without any result."""
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as database:
        database.execute(MACRO)
        written(tmp_path / "office.ndjson", [golden.refused(), golden.unresolved()])
        written(tmp_path / "before.ndjson", [])
        assert database.execute(QUERIES[number]).fetchall() == []
        written(tmp_path / "office.ndjson", [])
        assert database.execute(QUERIES[number]).fetchall() == []


def test_a_compressed_scan_can_be_asked(folder: Path, tmp_path: Path) -> None:
    """In frames, as a scan writes it."""
    lines = (folder / "office.ndjson").read_bytes().splitlines(keepends=True)
    path = tmp_path / "office.ndjson.zst"
    path.write_bytes(b"".join(zstandard.ZstdCompressor().compress(line) for line in lines))
    with duckdb.connect() as database:
        database.execute(MACRO)
        query = QUERIES["6"].replace("office.ndjson", str(path))
        assert len(database.execute(query).fetchall()) == 2


def test_the_quick_form_reads_a_scan_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [quick] = re.findall(r"`(FROM read_json\(.*?\))`", PAGE)
    monkeypatch.chdir(folder)
    with duckdb.connect() as database:
        assert len(database.execute(quick).fetchall()) == 15


def test_fields_that_the_page_names_are_fields_of_a_result() -> None:
    """A misspelled one would be empty everywhere, and no query would fail."""
    result = golden.windows_full()
    result.standard_rdp = golden.xrdp().standard_rdp
    document = msgspec.to_builtins(judged(result))
    with duckdb.connect() as database:
        database.execute(MACRO)
        described = database.execute("SELECT column_name, column_type FROM (DESCRIBE FROM results('/dev/null'))")
        for name, kind in described.fetchall():
            missing = set(fields_of(kind)) - names_in(document[name])
            assert not missing, f"{name}: {missing}"


def judged(result: Result) -> Result:
    judge(result)
    return result


def fields_of(kind: str) -> list[str]:
    """Names of fields in a DuckDB type."""
    return re.findall(r'[(,]\s*"?(\w+)"? (?:STRUCT|MAP|VARCHAR|INTEGER|BOOLEAN)', kind)


def names_in(document: object) -> set[str]:
    if isinstance(document, dict):
        return set(document).union(*map(names_in, document.values()))
    if isinstance(document, list):
        return set().union(*map(names_in, document))
    return set()
