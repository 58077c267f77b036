"""All captured connections to one server, as one result."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.audit.capture_verdict import captured
from probe.audit.capture_verdict_server import by_server
from probe.audit.offers import full_offer, whole_offer
from probe.audit.settings import Settings
from probe.capture.connection import Connection, Endpoint
from probe.diagnosis.judged import judge
from probe.drive.limits import Limits
from probe.handshake.client_hello import Offer, client_hello, current_offer, usual_offer
from probe.handshake.key_log import KeyLog
from probe.report.sentences_capture import is_proven
from probe.report.text import verdict_line
from probe.result import Depth, Result, from_json, to_json
from probe.wire.tls_version import TLS12, TLS13
from tests.audit.connections import (
    ASKS_HYBRID,
    FLIGHT,
    GIVES_HYBRID_EX,
    INSIDE,
    SECURED,
    C,
    S,
    codes,
    connection,
)
from tests.audit.test_capture_verdict import ANY, BARE_CONFIRM, BARE_REQUEST, INITIAL, SETTINGS
from tests.conversations import ASK_RDP, ASK_SSL, server
from tests.drive.recorded import recorded

REFUSES_TLS = server("030000130ed000001234000300080002000000")
NEEDS_TLS = server("030000130ed000001234000300080001000000")
SELECTS_RDP = server("030000130ed000001234000201080000000000")
OURS = (C, client_hello(usual_offer(TLS12), bytes, None))


def merged(*connections: Connection) -> list[Result]:
    for stream, each in enumerate(connections):
        each.stream = stream
        each.started, each.ended = each.started + 60 * stream, each.ended + 60 * stream
        each.pieces = [piece._replace(at=piece.at + 60 * stream) for piece in each.pieces]
    results = by_server(connections, "x.pcap", Settings(depth="discover", keep_attempts=False), KeyLog())
    for result in results:
        judge(result)
    return results


def test_connections_to_one_server_are_one_result() -> None:
    standard = connection(ASK_RDP, SELECTS_RDP, INITIAL, SETTINGS)
    [result] = merged(connection(ASK_SSL, REFUSES_TLS), standard, connection(ending="closed", by=C))
    assert result.negotiation is not None
    assert result.negotiation.protocols["RDP"].state == "accepted"
    assert result.negotiation.protocols["SSL"].failure == "SSL_NOT_ALLOWED_BY_SERVER"
    assert result.standard_rdp is not None
    assert result.capture is not None
    assert result.capture.streams == [0, 1, 2]
    assert result.connections == 3
    assert (result.depth, result.clients) == ("standard", [])
    assert result.asked == ["negotiation.protocols.RDP", "negotiation.protocols.SSL", "standard_rdp"]
    assert "STANDARD_RDP_ONLY" not in codes(result)  # HYBRID was not asked for


def test_each_server_has_its_own_in_the_order_of_their_first_connections() -> None:
    other = connection(ASK_RDP, NEEDS_TLS)
    other.server = Endpoint("192.0.2.8", 3389)
    first, second = merged(connection(ASK_SSL, REFUSES_TLS), other)
    assert (first.target.host, second.target.host) == ("192.0.2.7", "192.0.2.8")
    assert [result.capture.streams for result in (first, second) if result.capture] == [[0], [1]]
    assert codes(first) == {"STANDARD_RDP_ONLY"}  # one connection, so that its code decides
    assert codes(second) == {"TLS_REQUIRED"}


def test_several_connections_decide_by_what_they_add_up_to() -> None:
    [result] = merged(connection(ASK_RDP, NEEDS_TLS), connection(*SECURED, (C, INSIDE)))
    assert result.negotiation is not None
    assert result.negotiation.protocols["HYBRID_EX"].state == "accepted"
    assert result.tls is not None
    assert result.tls.versions["TLSv1.2"].state == "accepted"
    assert "TLS_REQUIRED" in codes(result)
    assert codes(result).isdisjoint({"CLIENT_LEFT_AFTER_CERTIFICATE", "CREDSSP_ABORTED"})
    assert result.credssp is None


def test_what_speaks_no_rdp_is_told_by_the_first_connection_that_says_something() -> None:
    [result] = merged(connection(ending="closed", by=C), connection(ASK_SSL, (S, b"SSH-2.0-x\r\n")))
    assert (result.status, result.service) == ("not_rdp", "ssh")
    assert result.capture is not None
    assert result.capture.streams == [0, 1]
    [silent] = merged(connection(ending="unanswered", syn_ack=False), connection(ending="unanswered", syn_ack=False))
    assert codes(silent) == {"TCP_TIMEOUT"}


def test_a_server_that_answers_nobody_is_silent_to_all() -> None:
    unanswered = [connection(ask, ending="closed", by=C, after=9.0) for ask in (ASK_SSL, ASKS_HYBRID)]
    [result] = merged(*unanswered)
    assert (result.status, result.ending) == ("silent", "timed_out")
    assert result.negotiation is not None
    assert len(result.negotiation.attempts) == 2
    assert codes(result) == {"X224_SILENT"}
    [left] = merged(*(connection(ASK_SSL, ending="closed", by=C, after=0.1) for _ in range(2)))
    assert (left.status, left.ending, codes(left)) == ("closed", "abandoned", set())


def test_an_answer_that_was_not_captured_is_no_silence() -> None:
    """Nor is it where the server ended a connection on which it may have said something."""
    ways: tuple[dict[str, object], ...] = ({"gaps": True}, {"one_sided": C}, {"truncated": True}, {"syn_ack": False})
    for unheard in ways:
        for ending, by in (("closed", C), ("closed", S), ("reset", S), ("timed_out", None)):
            made = [connection(ASK_SSL, ending=ending, by=by, after=9.0, **unheard) for _ in range(2)]  # type: ignore[arg-type]
            for result in (*merged(*made), *merged(made[0])):
                assert codes(result) == set()
                assert not is_proven(result)
                assert "hangs up" not in verdict_line(result)


def test_who_left_before_an_answer_came_was_not_turned_away() -> None:
    [early] = merged(connection(ASK_SSL, ending="closed", by=C, after=0.001))
    assert codes(early) == set()
    assert "RDP was requested; the client closed it after 1 ms, before any answer (frame 5)." in verdict_line(early)
    [reset] = merged(connection(ASK_SSL, ending="reset", by=C, after=0.1))
    assert "the client reset it after 100 ms, before any answer (frame 5)" in verdict_line(reset)
    [closed] = merged(connection(ASK_SSL, ending="closed", by=S))
    assert codes(closed) == {"X224_CLOSED"}
    assert "hangs up" in verdict_line(closed)


def test_what_others_could_not_reach_may_be_reached_from_here() -> None:
    [result] = merged(connection(ending="unreachable", syn_ack=False))
    assert "The network says that the server cannot be reached." in verdict_line(result)


def test_of_connections_without_an_answer_those_are_told_that_show_why() -> None:
    early = connection(ASK_SSL, ending="closed", by=C, after=0.1)
    half = connection(ASK_SSL, ending="closed", by=S, one_sided=C)
    closed, silent = connection(ASK_SSL, ending="closed", by=S), connection(ASK_SSL, ending="closed", by=C, after=9.0)
    for others, code in (((closed,), "X224_CLOSED"), ((silent,), "X224_SILENT"), ((), None)):
        [result] = merged(half, early, *others)
        assert codes(result) == ({code} if code else set())
        assert result.connections == 2 + len(others)


def test_our_hellos_need_no_secrets_where_no_handshake_was_completed() -> None:
    secrets = KeyLog()
    secrets.take(f"CLIENT_RANDOM {'11' * 32} {'22' * 48}".encode())
    live = recorded("windows-nla", Settings(depth="standard"), Limits(per_host=1))
    settings = Settings(depth="discover", keep_attempts=False)
    lacking = [captured(each, "x.pcap", settings, secrets) for each in live.connections]
    told = [result.capture for result in lacking if result.capture is not None]
    without = [each for each in told if any(words.startswith("the key log does not") for words in each.unknown)]
    assert without
    assert all(each.reached in ("secured", "inside") for each in without)
    assert any(each.encrypted_from is not None and each not in without for each in told)


@pytest.mark.parametrize(
    ("offer", "depth"),
    [
        (whole_offer(TLS12), "standard"),
        (whole_offer(TLS13), "standard"),
        (current_offer(padding=900), "standard"),
        (full_offer(TLS12), "full"),
        (full_offer(TLS13), "full"),
    ],
)
def test_what_depth_standard_asks_of_a_server_that_refuses_is_no_depth_full(offer: Offer, depth: str) -> None:
    selects = server("030000130ed00000123400021f080001000000")
    hellos = [(C, client_hello(each, bytes, None)) for each in (usual_offer(TLS12), offer)]
    [result] = merged(*(connection(ASK_SSL, selects, hello, FLIGHT) for hello in hellos))
    assert result.depth == depth


def test_our_own_hellos_make_it_an_audit() -> None:
    hello = connection((C, ASK_SSL[1]), server("030000130ed00000123400021f080001000000"), OURS, FLIGHT)
    [result] = merged(hello, connection(ASK_RDP, NEEDS_TLS))
    assert (result.depth, result.asked) == ("standard", None)
    assert result.clients != []


def test_a_reset_that_comes_again_is_an_answer() -> None:
    reset = (ASKS_HYBRID, GIVES_HYBRID_EX, OURS)
    [result] = merged(*(connection(*reset, ending="reset", by=S) for _ in range(2)), connection(ASK_RDP, NEEDS_TLS))
    assert result.tls is not None
    assert result.tls.versions["TLSv1.2"].reason == "reset"
    assert result.tls.versions["TLSv1.2"].state == "rejected"


def test_without_a_clock_days_are_not_counted() -> None:
    old = connection(*SECURED)
    old.started, old.ended = 0.0, 1.0
    old.pieces = [piece._replace(at=0.5) for piece in old.pieces]
    [result] = merged(old, connection(BARE_REQUEST, BARE_CONFIRM, INITIAL, SETTINGS))
    assert result.certificates[0].days_left is None


@given(st.lists(ANY, min_size=1, max_size=4))
def test_any_connections_have_a_result_and_diagnoses(made: list[Connection]) -> None:
    [result] = merged(*made)
    assert from_json(to_json(result)) == result
    assert result.connections == len(made)


@pytest.mark.parametrize(
    ("kind", "depth"),
    [("windows-nla", "standard"), ("xrdp-like", "standard"), ("tls10-only", "standard"), ("windows-nla", "full")],
)
def test_a_live_audit_and_its_capture_agree(kind: str, depth: Depth) -> None:
    live = recorded(kind, Settings(depth=depth), Limits(per_host=1))
    settings = Settings(depth="discover", keep_attempts=False)
    [again] = by_server(live.connections, "x.pcap", settings, live.secrets)
    for field in ("status", "depth", "server", "standard_rdp", "connections", "intermittent"):
        assert getattr(again, field) == getattr(live.result, field), field
    assert again.negotiation is not None
    assert live.result.negotiation is not None
    assert again.negotiation.protocols == live.result.negotiation.protocols
    assert again.negotiation.nla == live.result.negotiation.nla
    assert again.tls == live.result.tls
    judge(live.result)
    judge(again)
    assert codes(again) == codes(live.result)
    assert [client.connects for client in again.clients] == [client.connects for client in live.result.clients]
