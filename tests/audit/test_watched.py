from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probe.audit.attempt import Stage
from probe.audit.reading import read
from probe.audit.settings import Settings
from probe.audit.verdict_licensing import licensing
from probe.audit.verdict_negotiation import answer_without_negotiation
from probe.audit.watched import Hole, Watched, watch, watched
from probe.audit.watched_flow import Opening
from probe.capture.connection import HowItEnded, Piece
from probe.drive.limits import Limits
from probe.handshake.machine import Ended, Ending, Malformed, Side, Unread
from probe.handshake.negotiation import CutRequest
from probe.result import ClientSide
from probe.wire.licensing import LicensingCode
from probe.wire.mcs_domain import SendDataIndication
from probe.wire.nego import NegotiationFailure, NegotiationResponse
from probe.wire.security_header import SecurityFlag, SecurityHeader
from tests import conversations as written
from tests.audit.captured import (
    ALERT,
    ASKS_SSL,
    COOKIE_REQUEST,
    FLIGHT,
    HELLO,
    INITIAL,
    OVER_TLS,
    RESPONSE,
    SELECTS_RDP,
    SELECTS_SSL,
    STANDARD,
    C,
    S,
    captured,
    pieces,
)
from tests.conversations import Said
from tests.drive.recorded import recorded
from tests.licensing_server import alert, packet
from tests.licensing_server import written as written_out
from tests.vectors import vector

REFUSES = bytes.fromhex("030000130ed000000000000300080005000000")  # HYBRID_REQUIRED_BY_SERVER
ENCRYPTED = bytes.fromhex("1703030020") + bytes(32)
DISCONNECT = bytes.fromhex(written.DISCONNECT)
CHANGE = bytes.fromhex("140303000101")
CLIENT_KEYS = bytes.fromhex("1603030006100000020101")
FINISHED = bytes.fromhex("1603030020") + bytes(range(100, 132))
SECURED = [*OVER_TLS[:4], (C, CLIENT_KEYS + CHANGE + FINISHED), (S, CHANGE + FINISHED), (C, ENCRYPTED), (S, ENCRYPTED)]


def told(seen: Watched) -> tuple[object, ...]:
    """What one connection says, without when it was said."""
    reading = read(seen.attempt)
    return (
        reading.confirm_data,
        reading.server_hello,
        reading.chain,
        reading.alert,
        reading.disconnect,
        reading.refusal,
        reading.core,
        reading.security,
        reading.server_certificate,
        reading.first_bytes,
        reading.unread if reading.malformed is None else b"",
        reading.is_foreign,
        reading.awaited,
        seen.attempt.ending,
        seen.attempt.question,
        seen.client,
        seen.opening,
        seen.cut,
        seen.request_seen,
    )


# Both sides together.


def test_standard_rdp_security_is_read_up_to_the_settings() -> None:
    seen = watched(captured(STANDARD))
    reading = read(seen.attempt)
    assert reading.security is not None
    assert reading.confirm_data is not None
    assert seen.attempt.question.stage is Stage.SETTINGS
    assert seen.attempt.ending is Ending.COMPLETE
    assert seen.client.client_name == "ELTONS-DEV2"
    assert seen.request_seen
    assert not seen.apart
    assert watch(captured(STANDARD)) == seen.attempt
    assert (seen.attempt.bytes_sent, seen.attempt.bytes_received) == (44 + 416, 19 + 337)
    assert (seen.attempt.started, seen.attempt.ended) == (1_700_000_000.0, 1_700_000_001.0)


def test_what_follows_the_settings_is_never_kept() -> None:
    secret = b"\x03\x00\x00\x40the client's name and password"
    seen = watched(captured([*STANDARD[:2], (C, INITIAL + secret), (S, RESPONSE + secret), (C, secret)]))
    assert not any(secret[4:] in getattr(event, "raw", b"") for event in seen.attempt.events)
    assert seen.cut == ()


def test_a_certificate_that_the_client_refuses() -> None:
    seen = watched(captured(OVER_TLS))
    assert seen.client.alert == "unknown_ca"
    assert read(seen.attempt).chain
    assert read(seen.attempt).alert is None
    assert seen.encrypted_from is None


def test_from_where_on_it_is_encrypted() -> None:
    seen = watched(captured(SECURED))
    assert seen.encrypted_from == 8
    assert not seen.decrypted
    assert read(seen.attempt).secured is not None


def test_a_connection_without_a_byte_and_one_that_never_was() -> None:
    assert watched(captured([])).attempt.ending is Ending.COMPLETE
    assert watched(captured([])).opening == {}
    assert watched(captured([])).client == ClientSide()
    assert watched(captured([])).attempt.question.bare
    for ending, how in (
        ("refused", Ending.REFUSED),
        ("unanswered", Ending.FILTERED),
        ("unreachable", Ending.UNREACHABLE),
    ):
        assert watched(captured([], ending)).attempt.ending is how  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "ending", "by", "expected"),
    [
        (STANDARD[:1], "closed", C, Ending.ABANDONED),
        (STANDARD[:3], "reset", C, Ending.ABANDONED),
        (STANDARD[:2], "closed", C, Ending.COMPLETE),  # it was the client's turn
        (STANDARD[:1], "closed", S, Ending.CLOSED),
        (STANDARD[:1], "reset", S, Ending.RESET),
        (STANDARD[:1], "open", None, Ending.INTERRUPTED),
        (STANDARD[:1], "timed_out", None, Ending.TIMED_OUT),
        (STANDARD[:2], "timed_out", None, Ending.INTERRUPTED),
        (STANDARD, "reset", S, Ending.COMPLETE),
        ([], "closed", S, Ending.CLOSED),
    ],
)
def test_endings(said: list[Said], ending: HowItEnded, by: Side | None, expected: Ending) -> None:
    attempt = watch(captured(said, ending, by))
    assert attempt.ending is expected
    last = attempt.events[-1]
    assert isinstance(last, Ended)
    assert last.how is expected


def test_a_client_that_took_leave_before_the_server_closed_has_ended_it() -> None:
    live = recorded("windows-nla", Settings(depth="discover"), Limits(per_host=1))
    [connection] = live.connections
    connection.ending, connection.ended_by = "closed", S
    last = max(piece.packet for piece in connection.pieces)
    endings = []
    for connection.ended_packet in (last + 1, last - 1, None):
        endings.append(watch(connection, live.secrets).ending)
    assert endings == [Ending.COMPLETE, Ending.CLOSED, Ending.CLOSED]


def test_a_disconnect_behind_a_failure_is_kept_and_more_is_not() -> None:
    seen = watched(captured([(C, ASKS_SSL), (S, REFUSES), (S, DISCONNECT), (C, b"\x00" * 9), (S, bytes(2000))]))
    assert isinstance(read(seen.attempt).negotiation, NegotiationFailure)
    unread = next(event for event in seen.attempt.events if isinstance(event, Unread))
    assert unread.raw.startswith(DISCONNECT)
    assert len(unread.raw) == 512
    assert seen.attempt.ending is Ending.COMPLETE


def test_tls_without_x224() -> None:
    seen = watched(captured([(C, HELLO), (S, FLIGHT)]))
    assert seen.attempt.question.protocols is None
    assert read(seen.attempt).server_hello is not None
    assert not seen.attempt.question.joined


def test_a_clear_disconnect_in_place_of_tls() -> None:
    seen = watched(captured([(C, ASKS_SSL), (S, SELECTS_SSL), (C, HELLO), (S, DISCONNECT)]))
    assert read(seen.attempt).disconnect is not None


def test_a_license_server_that_is_missing_is_told_behind_the_settings() -> None:
    denied = SecurityHeader(flags=SecurityFlag.LICENSE_PKT)
    data = written_out(denied) + written_out(alert(LicensingCode.ERR_NO_LICENSE_SERVER))
    said = packet(SendDataIndication(initiator=1002, channel_id=1003, user_data=data))
    for one_sided in (None, S):
        seen = watched(captured([*STANDARD, (C, b"who logs on"), (S, said)], one_sided=one_sided))
        [entry] = licensing([read(seen.attempt)])
        assert (entry.over, entry.answer, entry.code) == ("RDP", "error", "ERR_NO_LICENSE_SERVER")
        assert seen.attempt.ending is Ending.COMPLETE


def test_a_server_that_disconnects_behind_its_settings() -> None:
    seen = watched(captured([*STANDARD, (S, DISCONNECT)], ended_by=S))
    assert read(seen.attempt).disconnect is not None
    assert read(seen.attempt).security is not None


def test_a_client_that_went_was_not_answered() -> None:
    reading = read(watch(captured([(C, ASKS_SSL)])))
    assert reading.ending is Ending.ABANDONED
    assert reading.is_to_be_repeated
    cut_off = read(watch(captured([(C, ASKS_SSL), (S, SELECTS_SSL[:9])])))
    assert answer_without_negotiation(cut_off) == "incomplete"


def test_too_few_bytes_to_say() -> None:
    seen = watched(captured([(C, b"\x03\x00")]))
    assert seen.opening == {}
    assert seen.cut == (C,)
    assert seen.attempt.ending is Ending.COMPLETE


# Not RDP.


def test_http_is_another_protocol_and_its_first_bytes_name_it() -> None:
    seen = watched(captured([(C, b"GET / HTTP/1.1\r\n\r\n"), (S, b"HTTP/1.1 301 Moved"), (S, b" Permanently\r\n")]))
    reading = read(seen.attempt)
    assert reading.is_foreign
    assert reading.first_bytes == b"HTTP/1.1 301 Moved Permanently\r\n"
    assert seen.client_first == b"GET / HTTP/1.1\r\n\r\n"
    assert seen.opening == {C: Opening.OTHER}


def test_a_banner_comes_before_the_client_says_anything() -> None:
    seen = watched(captured([(S, b"SSH-2.0-Open"), (S, b"SSH\r\n"), (C, ASKS_SSL)]))
    assert read(seen.attempt).first_bytes == b"SSH-2.0-OpenSSH\r\n"
    assert seen.client.requested == ["SSL"]
    assert seen.apart


def test_only_a_foreign_client_speaks() -> None:
    seen = watched(captured([(C, b"GET / HTTP/1.1\r\n")]))
    assert seen.client_first == b"GET / HTTP/1.1\r\n"
    assert not any(isinstance(event, Unread) for event in seen.attempt.events)


def test_another_iso_service_confirms() -> None:
    s7_request = bytes.fromhex("0300001611e00000001400c1020100c2020102c0010a")
    s7_confirm = bytes.fromhex("0300001611d00014000200c0010ac1020100c2020102")
    s7_data = bytes.fromhex("0300001902f08032010000020000080000f0000001000101e0")
    seen = watched(captured([(C, s7_request), (S, s7_confirm), (C, s7_data)]))
    assert read(seen.attempt).confirm is not None
    assert not read(seen.attempt).spoke_rdp


# From the middle.


def test_from_the_connect_initial_on() -> None:
    seen = watched(captured(STANDARD[2:], syn=False))
    assert read(seen.attempt).security is not None
    assert seen.attempt.question.joined
    assert not seen.request_seen
    assert seen.opening == {C: Opening.SETTINGS}
    assert not seen.begins_later


def test_from_the_connect_response_on() -> None:
    seen = watched(captured(STANDARD[3:], syn=False))
    assert read(seen.attempt).security is not None
    assert not read(seen.attempt).is_foreign
    assert seen.apart


def test_from_the_client_hello_on() -> None:
    seen = watched(captured(OVER_TLS[2:], syn=False))
    assert read(seen.attempt).chain
    assert seen.attempt.question.joined
    assert seen.attempt.question.protocols == 1


def test_from_the_server_hello_on() -> None:
    seen = watched(captured(OVER_TLS[3:], syn=False))
    assert read(seen.attempt).chain
    assert seen.attempt.question.joined


@pytest.mark.parametrize("said", [[(C, ENCRYPTED), (S, ENCRYPTED)], [(S, ENCRYPTED)], [(C, b"\x44\x04\x01\x02")]])
def test_later_there_is_nothing_but_that_it_begins_later(said: list[Said]) -> None:
    seen = watched(captured(said, syn=False))
    assert seen.begins_later
    assert [type(event) for event in seen.attempt.events] == [Ended]
    assert not read(seen.attempt).is_foreign


def test_what_is_known_is_named_also_from_the_middle() -> None:
    seen = watched(captured([(C, b"GET / HTTP/1.1\r\n"), (S, b"HTTP/1.1 200 OK\r\n")], syn=False))
    assert read(seen.attempt).is_foreign
    assert not seen.begins_later


# One side.


def test_only_the_servers_packets() -> None:
    said = [each for each in OVER_TLS if each[0] is S]
    seen = watched(captured(said, one_sided=S))
    reading = read(seen.attempt)
    assert reading.negotiation == NegotiationResponse(selected=1, flags=1)
    assert reading.server_hello is not None
    assert reading.chain
    assert not seen.request_seen
    assert seen.client == ClientSide()
    assert seen.attempt.question.protocols == 1
    assert seen.attempt.question.joined


def test_only_the_servers_packets_of_standard_rdp_security() -> None:
    seen = watched(captured([each for each in STANDARD if each[0] is S], one_sided=S))
    assert read(seen.attempt).security is not None
    assert seen.attempt.question.stage is Stage.SETTINGS
    bare = vector("x224_confirm_bare_xp")
    assert read(watch(captured([(S, bare), (S, RESPONSE)], one_sided=S))).security is not None
    assert read(watch(captured([(S, bare), (S, ENCRYPTED)], one_sided=S))).malformed is None


def test_only_the_servers_refusal() -> None:
    seen = watched(captured([(S, REFUSES)], one_sided=S))
    assert isinstance(read(seen.attempt).negotiation, NegotiationFailure)
    disconnected = watched(captured([(S, bytes.fromhex("0300000b06800000123400"))], one_sided=S))
    assert read(disconnected.attempt).refusal is not None


def test_only_the_clients_packets() -> None:
    seen = watched(captured([each for each in OVER_TLS if each[0] is C], one_sided=C))
    assert seen.client.requested == ["SSL"]
    assert seen.client.hello is not None
    assert seen.client.alert == "unknown_ca"
    assert seen.attempt.ending is Ending.COMPLETE
    standard = watched(captured([each for each in STANDARD if each[0] is C], one_sided=C))
    assert standard.client.client_name == "ELTONS-DEV2"
    assert standard.client.cookie == "eltons"
    odd = watched(captured([(C, COOKIE_REQUEST), (C, b"GET / HTTP/1.1")], one_sided=C))
    assert odd.client.cookie == "eltons"
    assert odd.client.hello is None


# Holes.


def _with_hole(said: list[Said], place: int, missing: int = 10) -> list[Piece]:
    made = pieces(said)
    made[place] = made[place]._replace(missing=missing, data=made[place].data[missing:])
    return made


def test_a_hole_in_a_request_leaves_its_cookie_and_the_answer() -> None:
    made = pieces([(C, COOKIE_REQUEST[:40]), (S, SELECTS_RDP), (C, INITIAL), (S, RESPONSE)])
    made[2] = made[2]._replace(missing=4)
    seen = watched(captured(made, truncated=True))
    assert seen.client.cookie == "eltons"
    assert seen.client.requested is None
    assert read(seen.attempt).security is not None
    assert seen.holes == (Hole(C, 4, 6),)
    assert seen.cut == (C,)
    assert seen.apart
    assert not seen.request_seen


def test_a_request_cut_at_its_end_with_nothing_behind_it() -> None:
    seen = watched(captured([(C, COOKIE_REQUEST[:40]), (S, REFUSES)], truncated=True))
    assert seen.client.cookie == "eltons"
    assert isinstance(read(seen.attempt).negotiation, NegotiationFailure)
    assert seen.apart
    assert seen.cut == (C,)


def test_a_hole_in_the_servers_flight_ends_what_is_read_of_it() -> None:
    seen = watched(captured([*_with_hole(OVER_TLS, 3)]))
    assert seen.holes == (Hole(S, 10, 7),)
    assert read(seen.attempt).server_hello is None
    assert read(seen.attempt).confirm is not None
    assert seen.client.hello is not None
    assert seen.client.alert == "unknown_ca"


def test_a_hole_behind_the_settings_is_none() -> None:
    made = [*pieces(STANDARD), Piece(C, b"x", 1_700_000_000.5, 20, 1000)]
    seen = watched(captured(made))
    assert seen.holes == ()
    assert not seen.apart


def test_a_hole_in_what_is_encrypted_ends_it() -> None:
    made = _with_hole(SECURED, 5)
    seen = watched(captured(made))
    assert seen.holes == (Hole(S, 10, 9),)
    assert seen.encrypted_from == 8
    assert not seen.apart


def test_a_hole_before_the_first_byte() -> None:
    seen = watched(captured(_with_hole(STANDARD, 0, 4)))
    assert seen.holes[0] == Hole(C, 4, 4)
    assert read(seen.attempt).confirm is not None
    assert seen.client == ClientSide()


# Order.


def test_an_answer_that_stands_before_its_question() -> None:
    swapped = [STANDARD[1], STANDARD[0], *STANDARD[2:]]
    seen = watched(captured(swapped))
    assert read(seen.attempt).security is not None
    assert seen.client.cookie == "eltons"
    late = [*STANDARD[:2], STANDARD[3], STANDARD[2]]
    assert read(watch(captured(late))).security is not None
    hello = [*OVER_TLS[:2], OVER_TLS[3], OVER_TLS[2]]
    assert read(watch(captured(hello))).chain


CONVERSATIONS = [
    STANDARD,
    OVER_TLS,
    SECURED,
    STANDARD[2:],
    [*STANDARD, (C, b"who logs on"), (S, DISCONNECT)],
    OVER_TLS[2:],
    [(C, HELLO), (S, ALERT)],
    [(C, ASKS_SSL), (S, REFUSES + DISCONNECT)],
    [(C, b"GET / HTTP/1.1\r\n\r\n"), (S, b"HTTP/1.1 200 OK\r\n\r\n" + bytes(700))],
    [(S, b"SSH-2.0-OpenSSH_9.2\r\n")],
    *(list(conversation.said) for conversation in written.NEGOTIATIONS),
]


@pytest.mark.parametrize("syn", [True, False])
@pytest.mark.parametrize("one_sided", [None, C, S])
@pytest.mark.parametrize("place", range(len(CONVERSATIONS)))
def test_a_split_does_not_matter(place: int, one_sided: Side | None, *, syn: bool) -> None:
    said = [each for each in CONVERSATIONS[place] if one_sided in (None, each[0])]
    whole = told(watched(captured(said, syn=syn, one_sided=one_sided)))
    for size in (1, 2, 3, 7, 64):
        parts = [(side, data[at : at + size]) for side, data in said for at in range(0, len(data), size)]
        assert told(watched(captured(parts, syn=syn, one_sided=one_sided))) == whole


_VALID = [COOKIE_REQUEST, SELECTS_RDP, INITIAL, RESPONSE, ASKS_SSL, SELECTS_SSL, HELLO, FLIGHT, ALERT, REFUSES, CHANGE]
_DATA = st.one_of(
    st.sampled_from(_VALID),
    st.sampled_from([*_VALID, ENCRYPTED, b"\x80\x2e\x01\x00\x02"]).flatmap(
        lambda whole: st.integers(0, len(whole)).map(lambda at: whole[:at])
    ),
    st.binary(max_size=40),
)
_PIECES = st.lists(
    st.builds(
        Piece,
        side=st.sampled_from(Side),
        data=_DATA,
        at=st.floats(0, 2e9),
        packet=st.integers(1, 100),
        missing=st.sampled_from([0, 0, 0, 0, 1, 1000]),
    ),
    max_size=8,
)


@given(
    _PIECES,
    st.sampled_from(["closed", "reset", "open", "refused", "unanswered", "unreachable", "timed_out"]),
    st.sampled_from([None, *Side]),
    st.sampled_from([None, *Side]),
    st.booleans(),
)
@example([Piece(S, SELECTS_RDP, 1.0, 1), Piece(C, HELLO, 1.0, 1)], "closed", C, None, True)
def test_any_pieces_in_any_order_are_watched(
    made: list[Piece], ending: HowItEnded, by: Side | None, one_sided: Side | None, syn: bool
) -> None:
    connection = replace(captured([], ending, by, syn=syn, one_sided=one_sided), pieces=made)
    seen = watched(connection)
    assert isinstance(seen.attempt.events[-1], Ended)
    read(seen.attempt)


def test_events_have_a_limit() -> None:
    warnings = bytes.fromhex("1503030002015a") * 900
    seen = watched(captured([(C, HELLO), (S, warnings)]))
    assert len(seen.attempt.events) <= 502


def test_what_is_no_request_has_no_beginning() -> None:
    assert CutRequest.read(b"GET /") is None
    assert CutRequest.read(b"\x03\x00\x00") is None
    assert CutRequest.read(SELECTS_SSL) is None
    assert CutRequest.read(COOKIE_REQUEST[:14]) == CutRequest(None)


def test_a_server_that_cannot_be_read_is_not_said_to_await() -> None:
    seen = watched(captured([(C, ASKS_SSL), (S, b"\x16\x03\x01 not a confirm")]))
    malformed = [event for event in seen.attempt.events if isinstance(event, Malformed)]
    assert len(malformed) == 1
    assert read(seen.attempt).alert is None
