"""What is advised about one captured connection fits what is in the capture."""

from __future__ import annotations

from dataclasses import replace

import pytest

from probe.diagnosis.catalogue_connection import CAPTURE_ENDS, NO_IPV6
from probe.diagnosis.catalogue_negotiation import CLIENT_DOES_NOT_ASK, DEMANDS_NEGOTIATION, XRDP_FALLS_BACK
from probe.diagnosis.catalogue_security import ASKED_FOR_NO_MORE
from probe.diagnosis.catalogue_tls import NEVER_TAUGHT, NEWER_ONLY, OFF_12
from probe.diagnosis.catalogue_x224 import TOKEN_UNWANTED, WANTS_MORE_FIRST
from probe.diagnosis.diagnosing import told
from probe.result import CipherSuite, ClientSide, Result, Server, Tls
from tests.audit.connections import connection
from tests.audit.connections import told as judged
from tests.diagnosis.results import ACCEPTED, SELECTED_RDP, attempted, captured, negotiated, refused, result, said, the

TOO_OLD = said("alert protocol_version")


def test_a_syn_at_the_end_of_a_capture_may_be_answered_after_it() -> None:
    found = the("TCP_TIMEOUT", captured(result("filtered"), ending="unanswered", seen_for_ms=0))
    assert (found.severity, found.causes[0]) == ("info", told(CAPTURE_ENDS))
    assert found.evidence == ["192.0.2.7:3389: no answer before the capture ends, 0 ms after the SYN"]
    assert found.remedies[0].startswith("Capture for longer")
    for described in (result("filtered"), captured(result("filtered"), ending="unanswered")):
        waited = the("TCP_TIMEOUT", described)
        assert (waited.severity, told(CAPTURE_ENDS) in waited.causes) == ("blocker", False)
        assert "longer" not in waited.remedies[0]


@pytest.mark.parametrize(
    ("goes_on", "started", "ms"), [(None, 1.7e9, None), (2.9, 1.7e9, 2900), (3.0, 1.7e9, None), (0.0, 0.0, None)]
)
def test_how_soon_is_too_soon(goes_on: float | None, started: float, ms: int | None) -> None:
    made = replace(connection(ending="unanswered", syn_ack=False), goes_on=goes_on)
    made = replace(made, started=started, ended=started)
    capture = judged(made).capture
    assert capture is not None
    assert capture.seen_for_ms == ms


def with_tls(*refused_versions: str) -> Result:
    described = negotiated(SSL=ACCEPTED)
    described.tls = Tls(versions=dict.fromkeys(refused_versions, TOO_OLD))
    return described


def test_a_server_may_have_newer_versions_than_the_client() -> None:
    found = the("TLS_NO_COMMON_VERSION", captured(with_tls("TLSv1.2")))
    assert found.causes[0] == told(NEWER_ONLY)
    assert found.remedies[0].startswith("Update the client to one that speaks TLS 1.3")
    for described in (captured(with_tls("TLSv1.3", "TLSv1.2")), captured(with_tls("TLSv1.1")), with_both()):
        assert told(NEWER_ONLY) not in the("TLS_NO_COMMON_VERSION", described).causes


def with_both() -> Result:
    return with_tls("TLSv1.3", "TLSv1.2")


@pytest.mark.parametrize(("release", "is_possible"), [("Windows 10 1607 or later", False), ("Windows 7 SP1", True)])
def test_a_release_that_has_tls_12_was_taught_it(release: str, is_possible: bool) -> None:
    described = captured(with_tls("TLSv1.2"))
    described.server = Server(kind="windows", release=release, certainty="likely")
    found = the("TLS_NO_COMMON_VERSION", described)
    assert (told(NEVER_TAUGHT) in found.causes) is is_possible
    assert told(OFF_12) in found.causes


@pytest.mark.parametrize(
    ("reached", "by", "is_dropped"),
    [("confirm", "server", True), ("initial", "server", True), ("settings", "server", False), ("initial", None, False)],
)
def test_a_server_that_drops_a_bare_request_demands_more(reached: str, by: str | None, is_dropped: bool) -> None:
    described = attempted(requested=(), answer="confirm without negotiation")
    side = ClientSide(requested=[])
    found = the("NEGOTIATION_UNSUPPORTED", captured(described, side, reached=reached, ended_by=by))
    assert found.causes[0] == told(DEMANDS_NEGOTIATION if is_dropped else CLIENT_DOES_NOT_ASK)
    assert found.remedies[0].startswith("Use a client that negotiates") is is_dropped
    assert ("go on with Standard RDP Security" in found.summary) is not is_dropped
    assert found.severity == ("breaks_some" if is_dropped else "info")


def closed(side: ClientSide) -> Result:
    answer = "confirm without negotiation" if side.requested == [] else None
    described = attempted(requested=tuple(side.requested or ()), answer=answer, status="closed", ending="closed")
    return captured(described, side, reached="confirm", ended_by="server", syn_ack=True)


def test_a_close_has_causes_that_the_request_allows() -> None:
    bare = the("X224_CLOSED", closed(ClientSide(requested=[])))
    assert bare.causes[0] == told(DEMANDS_NEGOTIATION)
    assert bare.remedies[0].startswith("Use a client that negotiates")
    plain = the("X224_CLOSED", closed(ClientSide(requested=["SSL"])))
    assert {told(DEMANDS_NEGOTIATION), told(TOKEN_UNWANTED)}.isdisjoint(plain.causes)
    assert told(WANTS_MORE_FIRST) in plain.causes
    token = the("X224_CLOSED", closed(ClientSide(requested=["SSL"], routing_token="tsv://x")))
    assert told(TOKEN_UNWANTED) in token.causes
    assert told(WANTS_MORE_FIRST) not in token.causes
    blob = the("X224_CLOSED", closed(ClientSide(requested=["SSL"], preconnection_blob="vm")))
    assert told(WANTS_MORE_FIRST) not in blob.causes


def test_who_says_no_by_a_code_does_not_fall_back_without_a_word() -> None:
    both = ClientSide(requested=["SSL", "HYBRID"])
    code = captured(negotiated(SSL=refused("SSL_NOT_ALLOWED_BY_SERVER")), both)
    assert told(XRDP_FALLS_BACK) not in the("STANDARD_RDP_ONLY", code).causes
    silent = negotiated(RDP=ACCEPTED, SSL=SELECTED_RDP, HYBRID=SELECTED_RDP)
    found = the("STANDARD_RDP_ONLY", captured(silent, both))
    assert found.causes[0] == told(XRDP_FALLS_BACK)
    assert found.remedies[0].startswith("For xrdp let its user read certificate and key_file")


@pytest.mark.parametrize(("address", "is_possible"), [("192.0.2.7", False), ("2001:db8::7", True), (None, True)])
def test_only_an_ipv6_address_needs_ipv6(address: str | None, is_possible: bool) -> None:
    found = the("TCP_UNREACHABLE", result("unreachable", host="srv1:x" if address is None else "srv1", address=address))
    assert (told(NO_IPV6) in found.causes) is is_possible


@pytest.mark.parametrize("asked", [[], ["RDP"], ["SSL"], None])
def test_a_client_that_asks_for_nothing_better_is_told_so(asked: list[str] | None) -> None:
    found = the("STANDARD_RDP_WEAK", captured(negotiated(RDP=ACCEPTED), ClientSide(requested=asked)))
    is_its_own = asked in ([], ["RDP"])
    assert (found.causes[0] == told(ASKED_FOR_NO_MORE)) is is_its_own
    assert found.remedies[0].startswith("Let the client ask for TLS and NLA") is is_its_own
    live = the("STANDARD_RDP_WEAK", negotiated(RDP=ACCEPTED))
    assert told(ASKED_FOR_NO_MORE) not in live.causes


def test_a_capture_shows_what_was_agreed_on_and_not_what_is_accepted() -> None:
    described = negotiated(SSL=ACCEPTED)
    described.tls = Tls(cipher_suites={"TLSv1.2": [CipherSuite(code="0x000a", name="TLS_RSA_WITH_3DES_EDE_CBC_SHA")]})
    assert the("TLS_WEAK_CIPHER", described).summary.startswith("The server accepts weak")
    agreed = the("TLS_WEAK_CIPHER", captured(described))
    assert agreed.summary.startswith("Weak cipher suites or key exchange were agreed on: ")
