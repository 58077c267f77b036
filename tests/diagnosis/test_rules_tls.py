from __future__ import annotations

import pytest

from probe.diagnosis.catalogue_tls import (
    NOTHING_SHARED,
    PATH_SWALLOWS,
    SCHANNEL_KEY,
    SEVERAL_SERVERS,
    TLS_HANDSHAKE_ABORTED,
    TWO_KEYS,
    XRDP_KEY,
)
from probe.result import MethodAttempt, Result, StandardRdp, Verdict
from tests.diagnosis.results import ACCEPTED, certificate, codes, negotiated, said, served, the, tls

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


@pytest.mark.parametrize(
    ("since", "until", "code", "days"),
    [
        ("2026-01-01T00:00:00Z", "2026-11-20T01:00:00Z", "CERT_EXPIRED", 1),
        ("2026-01-01T00:00:00Z", "2026-11-21T02:00:00Z", "CERT_EXPIRED", 0),
        ("2026-01-01T00:00:00Z", "2026-11-21T02:00:01Z", "CERT_EXPIRES_SOON", 0),
        ("2026-01-01T00:00:00Z", "2026-12-21T02:00:00Z", "CERT_EXPIRES_SOON", 29),
        ("2026-01-01T00:00:00Z", "2026-12-01T00:00:00", "CERT_EXPIRES_SOON", 9),
        ("2026-11-23T03:00:00Z", "2027-12-01T00:00:00Z", "CERT_NOT_YET_VALID", 2),
    ],
)
def test_times_of_a_certificate(since: str, until: str, code: str, days: int) -> None:
    described = served(certificate(since=since, until=until))
    assert codes(described) == [code]
    date = since if code == "CERT_NOT_YET_VALID" else until
    assert f"{date[:10]} (whole days" in the(code, described).summary
    assert f": {days})." in the(code, described).summary


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2026-11-21T02:00:00Z", "2026-12-21T02:00:01Z"),
        (None, None),
        ("long ago", "some day"),
    ],
)
def test_a_certificate_in_its_time_or_without_one(since: str | None, until: str | None) -> None:
    assert codes(served(certificate(since=since, until=until))) == []


def test_of_several_expired_ones_the_first_is_in_the_summary() -> None:
    described = served(certificate("aa", until="2026-10-01T00:00:00Z"), certificate("bb", until="2026-09-01T00:00:00Z"))
    assert "2026-10-01" in the("CERT_EXPIRED", described).summary
    assert len(the("CERT_EXPIRED", described).evidence) == 2


def test_a_result_whose_start_cannot_be_read_has_no_times() -> None:
    described = served(certificate(since="2027-01-01T00:00:00Z", until="2026-01-01T00:00:00Z"))
    described.started = "yesterday"
    assert codes(described) == []


@pytest.mark.parametrize("self_signed", [True, False, None])
def test_its_own_issuer(*, self_signed: bool | None) -> None:
    assert (codes(served(certificate(self_signed=self_signed))) == ["CERT_SELF_SIGNED"]) is (self_signed is True)


def test_a_certificate_without_a_name_is_told_by_its_hash() -> None:
    described = served(certificate(subject=None, self_signed=True), served_to=())
    assert the("CERT_SELF_SIGNED", described).evidence == ["SHA-256 aa is its own issuer"]


@pytest.mark.parametrize("name_match", [True, None])
def test_only_a_name_that_was_compared_can_differ(*, name_match: bool | None) -> None:
    assert codes(served(certificate(), name_match=name_match)) == []


def test_a_name_that_differs() -> None:
    described = served(certificate(names=("a.example", "b.example")), name_match=False)
    assert the("CERT_NAME_MISMATCH", described).summary.endswith("srv1.example.")
    assert the("CERT_NAME_MISMATCH", described).evidence == [
        "CN=srv1 (served to TLSv1.2) holds these names: a.example, b.example"
    ]
    described.target.server_name = "other.example"
    assert the("CERT_NAME_MISMATCH", described).summary.endswith("other.example.")
    unnamed = served(certificate(), name_match=False)
    assert the("CERT_NAME_MISMATCH", unnamed).evidence[0].endswith("holds these names: none")


def test_a_certificate_that_cannot_be_read_wherever_it_stands() -> None:
    described = served(certificate())
    described.certificates[0].chain.append(certificate("bb", error="bad DER"))
    assert codes(described) == ["CERT_MALFORMED"]
    assert the("CERT_MALFORMED", described).evidence == ["certificate 2 of 2, SHA-256 bb: bad DER"]
    described.certificates[0].chain.clear()
    assert codes(described) == []


def test_certificates_that_differ() -> None:
    several = served(certificate("aa"), certificate("bb"))
    assert codes(several) == ["CERT_VARIES"]
    assert the("CERT_VARIES", several).causes[0] == SEVERAL_SERVERS
    by_key = served(certificate("aa"), certificate("bb", key="EC"), certificate("cc", key=None))
    assert the("CERT_VARIES", by_key).causes[0] == TWO_KEYS
    assert len(the("CERT_VARIES", by_key).evidence) == 3
    assert codes(served(certificate("aa"), certificate("aa"))) == []
