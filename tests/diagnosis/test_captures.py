"""One connection of a capture proves less than an audit, and its failure code more: rule by rule."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from probe.diagnosis import alike, diagnose
from probe.diagnosis import stored as stored_words
from probe.diagnosis.catalogue_negotiation import CLIENT_DOES_NOT_ASK
from probe.diagnosis.catalogue_nla import CLIENT_WITHOUT_NLA
from probe.diagnosis.catalogue_tls import ALL_OFF, CLIENT_TOO_OLD, NOTHING_SHARED
from probe.diagnosis.diagnosing import told
from probe.diagnosis.judged import judge
from probe.result import (
    Capture,
    CapturedCredSsp,
    ClientSide,
    CredSsp,
    NegotiationAttempt,
    Ntlm,
    Result,
    Tls,
    Verdict,
)
from tests.diagnosis.results import (
    ACCEPTED,
    SELECTED_RDP,
    all_refused,
    attempted,
    captured,
    certificate,
    codes,
    credssp,
    negotiated,
    refused,
    result,
    said,
    served,
    standard,
    the,
    tls,
)

NLA, NO_TLS = refused("HYBRID_REQUIRED_BY_SERVER"), refused("SSL_NOT_ALLOWED_BY_SERVER")
ASKED_SSL = ClientSide(requested=["SSL"])
ASKED_BOTH = ClientSide(requested=["SSL", "HYBRID"])
ASKED_NOTHING = ClientSide(requested=[])
TOO_OLD = said("alert protocol_version")
SEVERAL = [1, 2]


def test_a_client_without_nla_is_the_cause() -> None:
    found = the("NLA_REQUIRED", captured(negotiated(SSL=NLA), ASKED_SSL))
    assert (found.severity, found.causes[0]) == ("info", told(CLIENT_WITHOUT_NLA))
    live = the("NLA_REQUIRED", negotiated(SSL=NLA, RDP=NLA, HYBRID=ACCEPTED))
    assert told(CLIENT_WITHOUT_NLA) not in live.causes
    offered = the("NLA_REQUIRED", captured(negotiated(SSL=NLA, HYBRID=NLA), ASKED_BOTH))
    assert told(CLIENT_WITHOUT_NLA) not in offered.causes


def test_several_connections_are_judged_as_a_server_is() -> None:
    described = negotiated(SSL=NO_TLS, RDP=Verdict(state="unknown"))
    assert "STANDARD_RDP_ONLY" in codes(captured(copy.deepcopy(described)))
    assert "STANDARD_RDP_ONLY" in codes(captured(copy.deepcopy(described), streams=[4]))
    assert "STANDARD_RDP_ONLY" not in codes(captured(described, streams=SEVERAL))


def test_rdp_in_the_place_of_tls_and_nla_is_all_there_is() -> None:
    described = negotiated(SSL=SELECTED_RDP, HYBRID=SELECTED_RDP)
    assert described.negotiation is not None
    described.negotiation.attempts = [NegotiationAttempt(requested=["SSL", "HYBRID"], selected="RDP", elapsed_ms=1.0)]
    assert "STANDARD_RDP_ONLY" in codes(captured(copy.deepcopy(described), ASKED_BOTH))
    assert "STANDARD_RDP_ONLY" not in codes(captured(copy.deepcopy(described), ASKED_SSL))
    assert "STANDARD_RDP_ONLY" not in codes(captured(described, ASKED_BOTH, streams=SEVERAL))


def test_a_confirm_as_bare_as_the_request_is_told_with_the_reason() -> None:
    described = attempted(requested=(), answer="confirm without negotiation")
    found = the("NEGOTIATION_UNSUPPORTED", captured(copy.deepcopy(described), ASKED_NOTHING))
    assert found.causes[0] == told(CLIENT_DOES_NOT_ASK)
    assert "NEGOTIATION_UNSUPPORTED" not in codes(described)
    answered = captured(attempted(requested=(), selected="RDP"), ASKED_NOTHING)
    assert "NEGOTIATION_UNSUPPORTED" not in codes(answered)
    asked = attempted(answer="confirm without negotiation")
    assert told(CLIENT_DOES_NOT_ASK) not in the("NEGOTIATION_UNSUPPORTED", asked).causes


def test_a_request_that_was_not_captured_may_have_asked_for_what_was_selected() -> None:
    described = attempted(requested=(), selected="HYBRID")
    assert "UNOFFERED_PROTOCOL_SELECTED" in codes(copy.deepcopy(described))
    assert "UNOFFERED_PROTOCOL_SELECTED" in codes(captured(copy.deepcopy(described), ASKED_SSL))
    assert "UNOFFERED_PROTOCOL_SELECTED" not in codes(captured(described, ClientSide()))


def test_a_client_offers_several_methods_at_once() -> None:
    described = standard(asked=(("40BIT", "closed"),))
    assert "ENCRYPTION_REFUSED" in codes(copy.deepcopy(described))
    assert "ENCRYPTION_REFUSED" in codes(captured(copy.deepcopy(described), streams=SEVERAL))
    assert "ENCRYPTION_REFUSED" not in codes(captured(described))


@pytest.mark.parametrize(
    ("section", "code"),
    [(CredSsp(version=6), "CREDSSP_ABORTED"), (CredSsp(version=6, mechanisms=["Kerberos"]), "NTLM_REFUSED")],
)
def test_an_answer_to_kerberos_is_no_answer_to_ntlm(section: CredSsp, code: str) -> None:
    def of(mechanism: str | None) -> Result:
        side = ClientSide(credssp=CapturedCredSsp(mechanism=mechanism) if mechanism is not None else None)
        described = captured(credssp(copy.deepcopy(section)), side)
        described.asked = ["credssp"]
        return described

    assert code in codes(credssp(copy.deepcopy(section)))
    assert code in codes(of("NTLM"))
    assert code not in codes(of("Kerberos"))
    assert code not in codes(of(None))
    ours = of("Kerberos")
    ours.asked = None
    assert code in codes(ours)
    alone = captured(credssp(copy.deepcopy(section)))
    alone.asked = []
    assert code not in codes(alone)


def test_a_version_that_the_client_also_has_may_be_the_clients() -> None:
    def of(version: int | None) -> Result:
        described = credssp(CredSsp(version=4, ntlm=Ntlm()))
        return captured(described, ClientSide(credssp=CapturedCredSsp(version=version)))

    assert "CREDSSP_OUTDATED" in codes(of(6))
    assert "CREDSSP_OUTDATED" not in codes(of(4))
    assert "CREDSSP_OUTDATED" not in codes(of(None))
    assert "CREDSSP_OUTDATED" not in codes(captured(credssp(CredSsp(version=4, ntlm=Ntlm()))))
    assert "CREDSSP_OUTDATED" in codes(captured(credssp(CredSsp(version=4, ntlm=Ntlm())), streams=SEVERAL))


def test_the_versions_of_a_client_have_a_diagnosis_by_who_is_too_old() -> None:
    current = captured(tls(TOO_OLD, TOO_OLD))
    found = the("TLS_NO_COMMON_VERSION", current)
    assert found.summary == "The server has no version of TLS that this client offers: TLSv1.3 and TLSv1.2."
    assert told(CLIENT_TOO_OLD) not in found.causes
    old = captured(negotiated(SSL=ACCEPTED))
    old.tls = Tls(versions={"TLSv1.0": TOO_OLD})
    found = the("TLS_NO_COMMON_VERSION", old)
    assert found.causes == [told(CLIENT_TOO_OLD)]
    assert told(ALL_OFF) not in found.causes
    live = the("TLS_NO_COMMON_VERSION", tls(TOO_OLD, TOO_OLD, TOO_OLD, TOO_OLD))
    assert told(CLIENT_TOO_OLD) not in live.causes


@pytest.mark.parametrize("described", [tls(ACCEPTED, TOO_OLD), tls(said("alert handshake_failure")), tls()])
def test_another_alert_or_an_answer_is_no_word_on_versions(described: Result) -> None:
    assert "TLS_NO_COMMON_VERSION" not in codes(captured(described))


def test_a_failed_handshake_may_have_any_reason() -> None:
    described = captured(negotiated(SSL=ACCEPTED))
    described.tls = Tls(versions={}, handshake_failure=said("alert handshake_failure"))
    found = the("TLS_HANDSHAKE_ABORTED", described)
    assert found.causes[0] == told(NOTHING_SHARED)
    assert found.evidence == ["the client's hello: alert handshake_failure"]
    assert "TLS_NO_SHARED_CIPHER" not in codes(described)


def test_certificates_without_a_clock_are_not_held_against_one() -> None:
    described = served(certificate(since="2026-01-01T00:00:00Z", until="2026-06-01T00:00:00Z"))
    assert "CERT_EXPIRED" in codes(captured(copy.deepcopy(described)))
    described.started = "1970-01-01T00:00:05.000Z"
    assert "CERT_NOT_YET_VALID" in codes(copy.deepcopy(described))
    assert "CERT_NOT_YET_VALID" not in codes(captured(copy.deepcopy(described)))
    described.started = "no time"
    assert "CERT_EXPIRED" not in codes(captured(described))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"ended_by": "server"}, "X224_CLOSED"),
        ({"ended_by": "client"}, None),
        ({"ended_by": None}, None),
        ({"ended_by": "server", "syn_ack": False}, None),
        ({"ended_by": "client", "streams": [1, 2]}, None),
        ({"ended_by": "server", "streams": [1, 2]}, "X224_CLOSED"),
        ({"ended_by": "server", "gaps": True}, None),
        ({"ended_by": "server", "one_sided": "client"}, None),
    ],
)
def test_a_close_is_the_servers_where_it_closed(fields: dict[str, Any], code: str | None) -> None:
    described = captured(result("closed", ending="closed"), **fields)
    assert codes(described) == ([code] if code else [])


def test_a_client_that_left_waits_for_nothing() -> None:
    assert codes(captured(result("closed", ending="abandoned"), ended_by="client")) == []
    reset = result("closed", ending="reset")
    reset.bytes_received = 0
    assert codes(captured(copy.deepcopy(reset), ended_by="server")) == ["TCP_RESET"]
    assert codes(captured(copy.deepcopy(reset), ended_by="client")) == []
    assert codes(captured(copy.deepcopy(reset), ended_by="server", streams=[1, 2], syn_ack=False)) == []
    assert codes(captured(reset, ended_by="server", truncated=True)) == []
    waited = captured(result("silent", ending="abandoned"), waited_s=9.04)
    assert "9.0 s" in the("X224_SILENT", waited).evidence[0]
    assert "client's request" in the("X224_SILENT", captured(result("silent", ending="timed_out"))).evidence[0]
    for missing in ({"one_sided": "client"}, {"gaps": True}, {"syn_ack": False}, {"truncated": True}):
        assert codes(captured(result("silent", ending="timed_out"), **missing)) == []


@pytest.mark.parametrize(
    "words",
    [
        "only the server's side was captured",
        "7 bytes of the client are missing before frame 12",
        "encrypted from frame 14 on (TLSv1.3): the certificate and what is inside TLS",
        "encrypted from frame 14 on: what is inside TLS",
        "the capture has no clock: it begins in 1970",
        "the key log does not open it: no secret of it fits",
    ],
)
def test_what_a_capture_cannot_show_can_be_translated(words: str) -> None:
    assert [text for text, pattern in stored_words._patterns() if pattern.fullmatch(words)]


def test_clients_are_not_told_of_one_capture() -> None:
    described = captured(all_refused("HYBRID_REQUIRED_BY_SERVER"))
    described.asked = ["negotiation.protocols.SSL"]
    judge(described)
    assert described.clients == []
    described.asked = None
    judge(described)
    assert described.clients != []
    assert isinstance(described.capture, Capture)


@pytest.mark.parametrize(
    "change",
    [
        lambda described: setattr(described, "started", "2027-06-02T00:00:00Z"),
        lambda described: setattr(described, "started", "2025-01-01T00:00:00Z"),
        lambda described: setattr(described, "started", "1970-01-01T00:00:00Z"),
        lambda described: setattr(described, "started", "no time"),
        lambda described: described.negotiation.protocols.update(SSL=NLA, HYBRID=NLA),
        lambda described: setattr(described.capture, "reached", "certificate"),
        lambda described: setattr(described.capture, "ended_by", "client"),
        lambda described: setattr(described.capture, "streams", [1, 2]),
        lambda described: setattr(described, "status", "closed"),
        lambda described: setattr(described.certificates[0], "name_match", False),
        lambda described: described.certificates.clear(),
        lambda described: setattr(described, "negotiation", None),
        lambda described: setattr(described.capture, "client_side", ClientSide(alert="unknown_ca")),
    ],
)
def test_connections_that_are_alike_are_judged_once_and_others_by_themselves(change: Callable[[Result], None]) -> None:
    def of(started: str) -> Result:
        described = captured(served(certificate(self_signed=True)), ASKED_SSL, reached="inside")
        assert described.negotiation is not None
        attempt = NegotiationAttempt(requested=["SSL"], selected="SSL", elapsed_ms=float(started[17:19]))
        described.negotiation.attempts, described.asked, described.started = [attempt], [], started
        return described

    first, again, other = of("2026-11-21T02:00:00Z"), of("2026-11-21T02:00:59Z"), of("2026-11-21T02:00:00Z")
    change(other)
    for each in (first, again, other):
        judge(each)
        assert each.diagnoses == diagnose(each)
    assert first.diagnoses == again.diagnoses
    assert first.diagnoses[0] is not again.diagnoses[0]


@pytest.mark.parametrize("name_match", [True, False])
def test_servers_that_differ_by_their_addresses_are_judged_alike_unless_they_are_named(name_match: bool) -> None:
    for host in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        described = captured(served(certificate(self_signed=True)), ASKED_SSL, reached="inside")
        described.certificates[0].name_match = name_match
        described.asked, described.target.host, described.target.server_name = [], host, None
        judge(described)
        assert described.diagnoses == diagnose(described)
        assert any(host in each.summary for each in described.diagnoses) is not name_match


def test_not_too_much_is_remembered() -> None:
    for number in range(300):
        described = captured(negotiated(SSL=ACCEPTED), reached="inside")
        described.asked, described.target.port = [], number
        judge(described)
    assert len(alike._seen) <= alike._MOST_REMEMBERED
    large = captured(served(certificate(subject="x" * 40_000)), reached="inside")
    judge(large)
    assert large.diagnoses == diagnose(large)
    assert not any(len(facts) > alike._LARGEST for _, facts, _ in alike._seen)
    assert alike.remembered(negotiated(SSL=NLA, RDP=NLA, HYBRID=ACCEPTED)) != []
