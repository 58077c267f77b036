from __future__ import annotations

import pytest

from probe.report.text_licensing import rows
from probe.result import Licensing, Negotiation, Nla
from tests.diagnosis.results import result


def line(entry: Licensing) -> str:
    described = result()
    described.licensing = [entry]
    ((label, words),) = rows(described)
    assert label == "Licensing"
    return words


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            Licensing(over="SSL", answer="valid_client", code="STATUS_VALID_CLIENT", then="demand_active"),
            "over TLS: the server is content without a license (STATUS_VALID_CLIENT)",
        ),
        (
            Licensing(over="RDP", answer="error", code="ERR_NO_LICENSE_SERVER", transition="ST_TOTAL_ABORT"),
            "over Standard RDP Security: the server reported ERR_NO_LICENSE_SERVER (ST_TOTAL_ABORT)",
        ),
        (
            Licensing(over="SSL", answer="valid_client", then="error_info", error_info="ERRINFO_OUT_OF_MEMORY"),
            (
                "over TLS: the server is content without a license (STATUS_VALID_CLIENT); then it ended the "
                "connection: ERRINFO_OUT_OF_MEMORY"
            ),
        ),
        (
            Licensing(over="SSL", answer="valid_client", awaited="what the server says next", ending="closed"),
            (
                "over TLS: the server is content without a license (STATUS_VALID_CLIENT); connection closed, awaiting "
                "what the server says next"
            ),
        ),
        (
            Licensing(over="SSL", answer="licensing_message", message="PLATFORM_CHALLENGE"),
            "over TLS: the server said PLATFORM_CHALLENGE; it was not answered",
        ),
        (
            Licensing(over="SSL", awaited="the server's licensing PDU", ending="timed_out"),
            "over TLS: no answer, awaiting the server's licensing PDU",
        ),
        (Licensing(over="SSL", ending="reset"), "over TLS: connection reset"),
        (
            Licensing(over="RDP", ending="complete"),
            "over Standard RDP Security: not asked: the server gave no channel, or no key that can be used",
        ),
    ],
)
def test_a_line_for_a_person(entry: Licensing, words: str) -> None:
    assert line(entry) == words


def test_no_line_where_it_was_not_asked() -> None:
    assert list(rows(result())) == []


@pytest.mark.parametrize(
    ("nla", "words"),
    [
        ("required", "not asked: NLA is required, and the licensing phase comes after the logon"),
        ("unsupported", "not asked: no connection came as far without an account"),
    ],
)
def test_a_question_that_could_not_be_asked_is_answered_so(nla: Nla, words: str) -> None:
    found = result()
    found.licensing_asked = True
    found.negotiation = Negotiation(nla=nla)
    assert list(rows(found)) == [("Licensing", words)]
    found.status = "silent"
    assert list(rows(found)) == []
