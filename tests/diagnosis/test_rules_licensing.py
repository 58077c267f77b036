from __future__ import annotations

import pytest

from probe.diagnosis import catalogue_licensing as catalogue
from probe.diagnosis import diagnose
from probe.diagnosis.diagnosing import told
from probe.diagnosis.rule import Cause
from probe.result import Diagnosis, Licensing, Result, Server
from probe.wire.error_info import ErrorInfo
from tests.diagnosis.results import result, the

CODES = ("LICENSING_FAILED", "CONNECTION_LIMIT")


def asked(*entries: Licensing) -> Result:
    described = result()
    described.licensing = list(entries)
    return described


def found(*entries: Licensing) -> list[Diagnosis]:
    return [each for each in diagnose(asked(*entries)) if each.code in CODES]


def alert(code: str, transition: str = "ST_TOTAL_ABORT") -> Licensing:
    return Licensing(over="SSL", answer="error", code=code, transition=transition)


def set_error(number: int) -> Licensing:
    return Licensing(over="RDP", answer="error_info", error_info=ErrorInfo(number).name, error_info_code=number)


def test_a_licensing_error_is_told_with_its_names() -> None:
    (diagnosis,) = found(alert("ERR_NO_LICENSE_SERVER"))
    assert diagnosis.code == "LICENSING_FAILED"
    assert "ERR_NO_LICENSE_SERVER" in diagnosis.summary
    assert diagnosis.evidence == [
        "over SSL, without an account, the licensing phase was answered by ERR_NO_LICENSE_SERVER, ST_TOTAL_ABORT"
    ]
    assert "no license server" in diagnosis.causes[0]
    assert diagnosis.severity == "breaks_some"  # who comes for administration needs no license


def test_an_error_without_a_known_cause_is_told_too() -> None:
    (diagnosis,) = found(Licensing(over="RDP", answer="error", code="UNKNOWN_0x2a"))
    assert diagnosis.code == "LICENSING_FAILED"
    assert diagnosis.evidence[0].endswith("UNKNOWN_0x2a, ?")


@pytest.mark.parametrize("number", [0x100, 0x101, 0x102, 0x103, 0x104, 0x105, 0x106, 0x107, 0x108, 0x109, 0x10A])
def test_error_info_about_licenses_is_a_failure_of_licensing(number: int) -> None:
    (diagnosis,) = found(set_error(number))
    assert diagnosis.code == "LICENSING_FAILED"
    assert f"(0x{number:X})" in diagnosis.evidence[0]
    assert ErrorInfo(number).name in diagnosis.summary


def test_no_license_left_is_the_likeliest_where_the_server_says_so() -> None:
    (diagnosis,) = found(set_error(0x102))
    assert "no license left" in diagnosis.causes[0]


@pytest.mark.parametrize(
    ("entry", "cause"),
    [
        (alert("ERR_NO_LICENSE_SERVER"), catalogue.NO_LICENSE_SERVER),
        (set_error(0x101), catalogue.NO_LICENSE_SERVER),
        (set_error(0x102), catalogue.NO_LICENSE_LEFT),
        (set_error(0x10A), catalogue.NOT_LICENSED),
        *((alert(code), catalogue.CLIENT_LICENSE_REFUSED) for code in ("ERR_INVALID_MAC", "ERR_INVALID_CLIENT")),
        *((set_error(each), catalogue.CLIENT_LICENSE_REFUSED) for each in (0x103, 0x104, 0x105, 0x107, 0x108, 0x109)),
    ],
)
@pytest.mark.parametrize("kind", ["windows", "unknown"])
def test_the_cause_that_the_error_names_comes_first(entry: Licensing, cause: Cause, kind: str) -> None:
    described = asked(entry)
    described.server = Server(kind=kind, certainty="certain")
    assert the("LICENSING_FAILED", described).causes[0] == told(cause)


@pytest.mark.parametrize("entry", [set_error(0x100), set_error(0x106), alert("ERR_INVALID_SCOPE")])
def test_an_error_that_names_no_cause_is_not_laid_on_the_license_server(entry: Licensing) -> None:
    (diagnosis,) = found(entry)
    assert diagnosis.causes[0] != told(catalogue.NO_LICENSE_SERVER)


@pytest.mark.parametrize(
    "passed",
    [
        Licensing(over="SSL", answer="valid_client", code="STATUS_VALID_CLIENT", then="demand_active"),
        Licensing(over="SSL", answer="license_request", message="LICENSE_REQUEST"),
        Licensing(over="SSL", answer="demand_active"),
    ],
)
def test_a_path_that_got_through_is_told_beside_one_that_did_not(passed: Licensing) -> None:
    failed = Licensing(over="RDP", answer="error", code="ERR_INVALID_MAC", transition="ST_TOTAL_ABORT")
    (diagnosis,) = found(failed, passed)
    assert diagnosis.severity == "breaks_some"
    assert len(diagnosis.evidence) == 2
    assert diagnosis.evidence[1] in (
        "over SSL, without an account, the licensing phase was passed",
        "over SSL, without an account, the server went on with the licensing phase",
    )
    (limited,) = found(set_error(0x7), passed)
    assert limited.evidence[1:] == diagnosis.evidence[1:]


def test_what_is_not_known_to_have_got_through_is_not_told() -> None:
    closed = Licensing(over="SSL", answer="valid_client", code="STATUS_VALID_CLIENT", ending="closed")
    assert [len(each.evidence) for each in found(alert("ERR_INVALID_MAC"), closed)] == [1]


@pytest.mark.parametrize("number", [0x6, 0x408])
def test_error_info_about_admission_is_a_limit(number: int) -> None:
    (diagnosis,) = found(set_error(number))
    assert diagnosis.code == "CONNECTION_LIMIT"
    assert "admits no more" in diagnosis.summary
    assert ErrorInfo(number).name in diagnosis.summary


def test_a_server_that_only_denies_the_connection_has_shown_no_limit() -> None:
    (diagnosis,) = found(set_error(0x7))
    assert diagnosis.code == "CONNECTION_LIMIT"
    assert "without naming a reason" in diagnosis.summary
    assert "admits no more" not in diagnosis.summary
    assert "ERRINFO_SERVER_DENIED_CONNECTION" in diagnosis.summary
    causes = " ".join(diagnosis.causes)
    assert all(word in causes for word in ("two sessions", "limited by policy", "right", "drained"))


def test_where_a_limit_is_said_rights_are_no_cause_of_it() -> None:
    assert told(catalogue.NO_RIGHT) not in found(set_error(0x6))[0].causes
    both = found(set_error(0x7), set_error(0x6))
    assert "admits no more" in both[0].summary


def test_no_memory_is_the_likeliest_where_the_server_says_so() -> None:
    (diagnosis,) = found(set_error(0x6))
    assert "no memory" in diagnosis.causes[0]


def test_error_info_behind_a_good_answer_counts() -> None:
    entry = set_error(0x7)
    entry.answer, entry.then, entry.code = "valid_client", "error_info", "STATUS_VALID_CLIENT"
    assert [each.code for each in found(entry)] == ["CONNECTION_LIMIT"]


def test_the_same_over_both_protocols_is_one_diagnosis() -> None:
    (diagnosis,) = found(alert("ERR_INVALID_CLIENT"), alert("ERR_INVALID_CLIENT"))
    assert len(diagnosis.evidence) == 2


@pytest.mark.parametrize(
    "entry",
    [
        Licensing(over="SSL", answer="valid_client", code="STATUS_VALID_CLIENT", then="demand_active"),
        Licensing(over="SSL", answer="valid_client", code="STATUS_VALID_CLIENT", ending="closed"),  # a bare close
        Licensing(over="SSL", answer="license_request", message="LICENSE_REQUEST"),
        Licensing(over="SSL", answer="disconnected"),
        Licensing(over="SSL", answer="demand_active"),
        Licensing(over="SSL", ending="timed_out"),
        set_error(0x5),  # another user took the session over
        set_error(0x400),
        set_error(0x110),
    ],
)
def test_what_is_neither(entry: Licensing) -> None:
    assert found(entry) == []
    assert found() == []
