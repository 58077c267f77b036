from __future__ import annotations

import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from probe.language import LANGUAGES, speaking
from probe.report.text import console
from probe.report.text_summary import summary
from probe.scan.tally import SHARED, TAGS, Tally
from probe.scan.work import Facts, Finished


def of(*tags: tuple[str, ...]) -> Tally:
    tally = Tally()
    tally.saw([Finished(number, b"", (Facts(each, None, 3),)) for number, each in enumerate(tags)])
    return tally


def shown(
    tally: Tally,
    *,
    earlier: int = 0,
    file: str | None = None,
    where: str | None = None,
    finished: bool = True,
    seconds: float = 2.0,
) -> list[str]:
    out = io.StringIO()
    summary(tally, console(out), seconds=seconds, earlier=earlier, file=file, where=where, finished=finished)
    return [line.rstrip() for line in out.getvalue().splitlines()]


SEEN = of(("rdp", "nla_required"), ("rdp", "nla_missing", "standard_rdp"), ("refused",), ("filtered",))


def test_each_row_has_its_count_and_the_command_that_lists_its_hosts() -> None:
    assert shown(SEEN, file="'office 1.ndjson'") == [
        "",
        "Finished. Targets scanned: 4",
        "0:02, 2/s · connections: 12",
        "",
        "RDP found                           2   rdp-probe export --only rdp 'office 1.ndjson'",
        "  NLA required                      1   rdp-probe export --only nla_required 'office 1.ndjson'",
        "  NLA missing                       1   rdp-probe export --only nla_missing 'office 1.ndjson'",
        "  Standard RDP Security reachable   1   rdp-probe export --only standard_rdp 'office 1.ndjson'",
        "Refused                             1   rdp-probe export --only refused 'office 1.ndjson'",
        "No answer at all                    1   rdp-probe export --only filtered 'office 1.ndjson'",
    ]


def test_without_a_file_there_is_no_command() -> None:
    assert not [line for line in shown(SEEN) if "export" in line]
    assert shown(SEEN)[4] == "RDP found                           2"


def test_where_commands_are_too_wide_the_row_is_named_and_the_command_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = shown(SEEN, file="office.ndjson")
    assert lines[5] == "  NLA required                      1   nla_required"
    assert "--only TAG office.ndjson" in " ".join(lines)


def test_on_forty_columns_rows_break_at_words_and_the_command_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert shown(SEEN, file="a-rather-long-name.ndjson.zst")[4:] == [
        "2  RDP found (rdp)",
        "1  NLA required (nla_required)",
        "1  NLA missing (nla_missing)",
        "1  Standard RDP Security reachable",
        "   (standard_rdp)",
        "1  Refused (refused)",
        "1  No answer at all (filtered)",
        "",
        "The hosts of a row:",
        "rdp-probe export --only TAG a-rather-long-name.ndjson.zst",
    ]


def test_results_that_no_command_reads_are_where_a_sentence_says() -> None:
    lines = shown(SEEN, where="The results are elsewhere.")
    assert lines[-1] == "The results are elsewhere."
    assert not [line for line in lines if "export" in line]


def test_each_simulated_client_has_its_rows() -> None:
    tally = of(
        ("rdp", "nla_required", "client_fails:mstsc-win11", "client_connects:freerdp3"),
        ("rdp", "nla_required", "client_fails:mstsc-win11", "client_unknown:freerdp3"),
        ("silent",),
    )
    assert shown(tally, file="f")[4:] == [
        "RDP found                             2   rdp-probe export --only rdp f",
        "  NLA required                        2   rdp-probe export --only nla_required f",
        "  Windows 11 (mstsc) can connect      0   rdp-probe export --only client_connects:mstsc-win11 f",
        "  Windows 11 (mstsc) cannot connect   2   rdp-probe export --only client_fails:mstsc-win11 f",
        "  FreeRDP 3 can connect               1   rdp-probe export --only client_connects:freerdp3 f",
        "  FreeRDP 3 cannot connect            0   rdp-probe export --only client_fails:freerdp3 f",
        "  FreeRDP 3: not settled              1   rdp-probe export --only client_unknown:freerdp3 f",
        "Silent                                1   rdp-probe export --only silent f",
    ]


def test_an_interrupted_scan_says_so_and_a_resumed_one_counts_its_own_rate() -> None:
    lines = shown(SEEN, finished=False, earlier=3)
    assert lines[1] == "Interrupted. So far, targets scanned: 4"
    assert lines[2] == "1 of them in this run of 0:02, 0/s · connections in all: 12"


def test_nothing_scanned_in_no_time() -> None:
    assert shown(Tally(), seconds=0.0)[1:] == [
        "Finished. Targets scanned: 0",
        "0:00, -/s · connections: 0",
        "",
        "RDP found   0",
    ]


def test_shared_certificates_that_were_not_all_remembered_are_at_least_so_many() -> None:
    tally = Tally()
    for host in ("192.0.2.1", "192.0.2.2"):
        tally.add(Facts(("rdp",), "aa", 1, host))
    assert "Certificate shared with other hosts   2" in "\n".join(shown(tally))
    tally.shared.is_full = True
    assert "Certificate shared with other hosts   at least 2" in "\n".join(shown(tally))


@pytest.mark.parametrize("tag", sorted({*TAGS} - {SHARED, "nla_not_enforced", "cert_self_signed", "breaks_some"}))
def test_every_tag_that_is_looked_for_has_a_row(tag: str) -> None:
    assert any(f"--only {tag} f" in line for line in shown(of((tag,)), file="f"))


@given(
    tags=st.lists(st.lists(st.sampled_from(sorted(TAGS)), unique=True).map(tuple), max_size=9),
    columns=st.integers(40, 120),
    language=st.sampled_from(LANGUAGES),
    file=st.none() | st.sampled_from(["out.ndjson", "a rather long name of a file that has results in it.ndjson.zst"]),
)
def test_no_row_is_wider_than_the_terminal(
    tags: list[tuple[str, ...]], columns: int, language: str, file: str | None
) -> None:
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(columns)
    try:
        with speaking(language):
            lines = shown(of(*tags), file=file)
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
    assert all(cell_len(line) <= columns or line.startswith("rdp-probe export --only ") for line in lines)


def test_the_name_of_a_file_reaches_the_terminal_harmless() -> None:
    assert "\x1b" not in "\n".join(shown(SEEN, file="a\x1b[2Jb.ndjson"))
