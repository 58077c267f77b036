from __future__ import annotations

import pytest

from probe.diagnosis.catalogue_tls import (
    NOTHING_SHARED,
    PATH_SWALLOWS,
    SCHANNEL_KEY,
    TLS_HANDSHAKE_ABORTED,
    XRDP_KEY,
)
from probe.result import MethodAttempt, Result, StandardRdp, Verdict
from tests.diagnosis.results import ACCEPTED, codes, negotiated, said, the, tls

TOO_OLD = said("alert protocol_version")
SILENCE = said("timed_out", "unknown", "timed_out")
STOPPED = said("interrupted", "unknown", "interrupted")
RESET = said("reset", ending="reset")


@pytest.mark.parametrize(
    ("verdicts", "likeliest"),
    [
        ((RESET, RESET), SCHANNEL_KEY),
        ((said("closed", ending="closed"), RESET), SCHANNEL_KEY),
        ((said("clear-text disconnect"), RESET), XRDP_KEY),
        ((SILENCE, SILENCE), PATH_SWALLOWS),
        ((said("alert handshake_failure"), TOO_OLD), NOTHING_SHARED),
        ((said("malformed", "unknown", "closed"), SILENCE), TLS_HANDSHAKE_ABORTED.causes[0]),
        ((RESET, STOPPED), SCHANNEL_KEY),
    ],
)
def test_no_hello_is_answered_and_what_that_points_to(verdicts: tuple[Verdict, ...], likeliest: str) -> None:
    found = the("TLS_HANDSHAKE_ABORTED", tls(*verdicts))
    assert found.severity == "blocker"
    assert found.causes[0] == likeliest
    assert sorted(found.causes) == sorted(TLS_HANDSHAKE_ABORTED.causes)


def test_each_version_says_how_it_ended() -> None:
    described = tls(RESET, said("malformed", "unknown", "closed"), Verdict(state="unknown"))
    assert the("TLS_HANDSHAKE_ABORTED", described).evidence == [
        "TLSv1.3: reset",
        "TLSv1.2: malformed, closed",
        "TLSv1.1: unknown",
    ]


def test_with_standard_rdp_security_left_some_still_connect() -> None:
    described = tls(RESET, rdp=ACCEPTED)
    assert the("TLS_HANDSHAKE_ABORTED", described).severity == "breaks_some"
    described.standard_rdp = StandardRdp(methods_asked=[MethodAttempt(offered="128BIT", ending="reset")])
    assert the("TLS_HANDSHAKE_ABORTED", described).severity == "blocker"  # accepted in word, and then dropped
    described.standard_rdp.methods_asked.append(MethodAttempt(offered="40BIT", method=["40BIT"]))
    assert the("TLS_HANDSHAKE_ABORTED", described).severity == "breaks_some"


def test_in_discover_the_one_try_at_a_handshake_is_what_is_known() -> None:
    described = tls()
    assert described.tls is not None
    described.tls.handshake_failure = Verdict(state="rejected", reason="clear-text disconnect")
    assert "a complete handshake: clear-text disconnect" in the("TLS_HANDSHAKE_ABORTED", described).evidence[0]
    described.tls.handshake_failure = Verdict(state="unknown", reason="not completed")
    assert "TLS_HANDSHAKE_ABORTED" not in codes(described)


@pytest.mark.parametrize(
    "described",
    [tls(RESET, ACCEPTED), tls(TOO_OLD, TOO_OLD), tls(STOPPED, STOPPED), tls(), negotiated(SSL=ACCEPTED)],
)
def test_one_answer_or_no_question_is_no_abort(described: Result) -> None:
    assert "TLS_HANDSHAKE_ABORTED" not in codes(described)


def test_versions_of_current_clients_are_missing() -> None:
    found = the("TLS_NO_COMMON_VERSION", tls(TOO_OLD, said("answered TLSv1.0"), TOO_OLD, ACCEPTED))
    assert found.severity == "breaks_some"
    assert found.evidence == [
        "TLSv1.2: rejected (answered TLSv1.0)",
        "TLSv1.3: rejected (alert protocol_version)",
        "TLSv1.0: accepted",
    ]


def test_no_version_at_all_blocks() -> None:
    assert the("TLS_NO_COMMON_VERSION", tls(TOO_OLD, TOO_OLD, TOO_OLD, TOO_OLD)).severity == "blocker"
    left = tls(TOO_OLD, TOO_OLD, rdp=ACCEPTED)
    left.standard_rdp = StandardRdp(methods_asked=[MethodAttempt(offered="128BIT", method=["128BIT"])])
    assert the("TLS_NO_COMMON_VERSION", left).severity == "breaks_some"


@pytest.mark.parametrize(
    "described",
    [
        tls(TOO_OLD, SILENCE, TOO_OLD, ACCEPTED),
        tls(TOO_OLD, ACCEPTED),
        tls(TOO_OLD),
        tls(RESET, RESET),
        negotiated(SSL=ACCEPTED),
    ],
)
def test_versions_may_still_meet(described: Result) -> None:
    assert "TLS_NO_COMMON_VERSION" not in codes(described)


def test_withdrawn_versions_are_named() -> None:
    found = the("TLS_LEGACY_VERSION", tls(ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED))
    assert found.summary.endswith(": TLSv1.0, TLSv1.1.")
    assert "TLS_LEGACY_VERSION" not in codes(tls(ACCEPTED, ACCEPTED, SILENCE, TOO_OLD))


def test_modern_only() -> None:
    assert the("TLS_MODERN_ONLY", tls(ACCEPTED, TOO_OLD)).severity == "breaks_some"
    for described in (tls(ACCEPTED, SILENCE), tls(ACCEPTED, ACCEPTED), tls(ACCEPTED), tls(RESET, TOO_OLD)):
        assert "TLS_MODERN_ONLY" not in codes(described)
