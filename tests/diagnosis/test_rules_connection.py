from __future__ import annotations

import pytest

from probe.diagnosis.catalogue_x224 import ENDLESS
from probe.diagnosis.diagnosing import told
from probe.report.sentences import verdict
from probe.result import EndingName, Negotiation, NegotiationAttempt, Result, Status
from tests.diagnosis.results import attempted, codes, result, the


def nothing_came(described: Result) -> Result:
    described.bytes_received = 0
    return described


@pytest.mark.parametrize(
    ("described", "code"),
    [
        (result("dns_error", address=None), "DNS_FAILED"),
        (result("refused", ending="refused"), "TCP_REFUSED"),
        (result("filtered", ending="filtered"), "TCP_TIMEOUT"),
        (result("unreachable", ending="unreachable"), "TCP_UNREACHABLE"),
        (nothing_came(result("closed", ending="reset")), "TCP_RESET"),
        (result("not_rdp"), "NOT_RDP"),
        (result("silent", ending="timed_out"), "X224_SILENT"),
        (result("silent", ending="deadline"), "X224_SILENT"),
        (result("closed", ending="closed"), "X224_CLOSED"),
        (result("closed", ending="complete"), "X224_CLOSED"),
        (result("closed", ending="reset"), "X224_CLOSED"),  # after a byte
        (result("closed", ending="timed_out"), "X224_CLOSED"),  # the first was silent, what followed was not
        (attempted(answer="data TPDU", status="closed", ending="reset"), "X224_CLOSED"),
        (result("silent", ending="reset"), "X224_SILENT"),
        (result("closed", ending="too_much"), "X224_MALFORMED"),
        (attempted(answer="malformed", status="closed", ending="reset"), "X224_MALFORMED"),
        (attempted(answer="malformed", status="silent", ending="timed_out"), "X224_MALFORMED"),
        (attempted(answer="disconnect request", status="closed", ending="closed"), "X224_DISCONNECTED"),
        (attempted(answer="error TPDU", status="closed", ending="reset"), "X224_DISCONNECTED"),
    ],
)
def test_each_end_has_one_name_and_nobody_connects(described: Result, code: str) -> None:
    assert codes(described) == [code]
    assert the(code, described).severity == "blocker"


@pytest.mark.parametrize(
    ("status", "ending"),
    [("silent", "interrupted"), ("silent", None), ("closed", "interrupted"), ("rdp", "reset"), ("rdp", "timed_out")],
)
def test_an_audit_cut_short_and_a_server_that_spoke_are_not_silent(status: Status, ending: EndingName | None) -> None:
    assert codes(result(status, ending=ending)) == []


def test_an_answer_that_never_ends_is_a_broken_one() -> None:
    described = attempted(answer="incomplete", status="silent", ending="timed_out")
    described.bytes_received = 36
    assert codes(described) == ["X224_MALFORMED"]
    found = the("X224_MALFORMED", described)
    assert found.summary == "The answer begins as RDP does and never ends."
    assert found.evidence == ["bytes received without a whole answer: 36"]
    assert found.causes[0] == told(ENDLESS)
    assert "never ends an answer: 36 bytes" in verdict(described)


@pytest.mark.parametrize("answer", ["malformed", "incomplete"])
def test_an_answer_that_was_cut_off_is_no_endless_one(answer: str) -> None:
    found = the("X224_MALFORMED", attempted(answer=answer, status="closed", ending="closed"))
    assert told(ENDLESS) not in found.causes
    assert found.evidence == ["asked for SSL, the reply could not be read"]


def unanswered(*endings: EndingName) -> Result:
    described = nothing_came(result("closed", ending=endings[0], connections=len(endings)))
    attempts = [NegotiationAttempt(requested=["SSL"], ending=ending, elapsed_ms=1.0) for ending in endings]
    described.negotiation = Negotiation(attempts=attempts)
    return described


def test_closes_and_resets_mixed_are_one_behavior_whichever_came_first() -> None:
    first, second = unanswered("reset", "closed", "closed"), unanswered("closed", "reset", "closed")
    assert codes(first) == codes(second) == ["X224_CLOSED"]
    assert the("X224_CLOSED", first).evidence[-1] == "ended by a close: 2, by a reset: 1"
    assert len(the("X224_CLOSED", unanswered("closed", "closed")).evidence) == 1
    assert codes(unanswered("reset", "reset")) == ["TCP_RESET"]


def test_a_close_and_a_reset_get_the_same_first_advice() -> None:
    closed, reset = the("X224_CLOSED", unanswered("closed")), the("TCP_RESET", unanswered("reset"))
    assert (closed.causes[0], closed.remedies[0]) == (reset.causes[0], reset.remedies[0])


def test_a_broken_reply_outweighs_a_refusal() -> None:
    described = attempted(answer="malformed", status="closed")
    assert described.negotiation is not None
    described.negotiation.attempts.append(
        NegotiationAttempt(requested=[], answer="disconnect request", elapsed_ms=1.0),
    )
    assert codes(described) == ["X224_MALFORMED"]
    assert the("X224_MALFORMED", described).evidence == ["asked for SSL, the reply could not be read"]


def test_an_odd_answer_of_a_server_that_speaks_rdp_is_no_failure() -> None:
    assert codes(attempted(answer="malformed")) == []
    assert codes(attempted(answer="disconnect request")) == []


def test_a_close_after_another_answer_is_a_close() -> None:
    assert codes(attempted(answer="data TPDU", status="closed", ending="closed")) == ["X224_CLOSED"]


def test_where_and_why_are_in_the_evidence() -> None:
    described = result("refused", address="2001:db8::7")
    described.cause = "connection refused"
    assert the("TCP_REFUSED", described).evidence == [
        "connecting to [2001:db8::7]:3389 was refused: connection refused"
    ]
    named = result("dns_error", address=None)
    assert the("DNS_FAILED", named).evidence == ["looked up srv1.example"]


@pytest.mark.parametrize(
    ("service", "named"), [("http", "http"), ("unknown", "an unknown service"), (None, "an unknown service")]
)
def test_another_service_is_named_where_it_is_known(service: str | None, named: str) -> None:
    described = result("not_rdp")
    described.service = service
    found = the("NOT_RDP", described)
    assert found.summary.endswith(f": {named}.")
    assert found.evidence == [f"it answered as {named} does"]


def test_a_banner_is_evidence_and_its_braces_are_only_text() -> None:
    described = result("not_rdp")
    described.banner = "{code} {0}"
    assert the("NOT_RDP", described).evidence == ["it began with: {code} {0}"]


def test_how_often_it_was_asked_in_silence() -> None:
    assert "took the connection and" in the("X224_SILENT", result("silent", ending="timed_out")).evidence[0]
    several = result("silent", ending="timed_out", connections=4)
    assert "took 4 connections and" in the("X224_SILENT", several).evidence[0]


def test_a_lost_server_is_told_with_the_last_request() -> None:
    described = result()
    described.lost = "SSL, TLSv1.3 hello"
    assert the("SERVER_LOST", described).evidence == ["gone after: SSL, TLSv1.3 hello"]
    assert the("SERVER_LOST", described).severity == "breaks_some"
    assert codes(result()) == []


def test_every_request_that_ended_differently_is_evidence() -> None:
    described = result()
    described.intermittent = ["SSL: reset, then complete", "RDP: timed_out, then complete"]
    described.negotiation = Negotiation()
    assert the("INTERMITTENT", described).evidence == described.intermittent
