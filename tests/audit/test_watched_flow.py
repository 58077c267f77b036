from __future__ import annotations

import pytest

from probe.audit.watched_flow import (
    MOST_FOREIGN,
    EarlyUserAuthorization,
    Foreign,
    Nothing,
    Onlooker,
    Opening,
    Undecided,
    both_sides,
    inside_tls,
    opening,
)
from probe.handshake.key_log import KeyLog
from probe.handshake.machine import Event, Machine, Malformed, Seen, Side
from probe.wire import gcc, mcs, rdstls
from probe.wire.credssp import TsRequest
from probe.wire.nego import PreconnectionPdu, Protocol
from tests.audit.captured import ASKS_SSL, COOKIE_REQUEST, FLIGHT, HELLO, INITIAL, RESPONSE, SELECTS_RDP, C, S
from tests.conversations import DISCONNECT
from tests.licensing_server import written
from tests.vectors import vector

S7 = bytes.fromhex("0300001902f08032010000020000080000f0000001000101e0")
ATTACH = bytes.fromhex("0300000802f08028")
BLOB = written(PreconnectionPdu.naming("vm1"))


@pytest.mark.parametrize(
    ("side", "data", "expected"),
    [
        (C, COOKIE_REQUEST, Opening.NEGOTIATION),
        (C, BLOB + COOKIE_REQUEST, Opening.NEGOTIATION),
        (S, SELECTS_RDP, Opening.NEGOTIATION),
        (S, bytes.fromhex("0300000b06800000123400"), Opening.NEGOTIATION),  # Disconnect Request
        (C, SELECTS_RDP, Opening.OTHER),
        (S, COOKIE_REQUEST, Opening.OTHER),
        (C, INITIAL, Opening.SETTINGS),
        (S, RESPONSE, Opening.SETTINGS),
        (S, INITIAL, Opening.LATER),
        (C, ATTACH + b"\0", Opening.LATER),
        (S, bytes.fromhex(DISCONNECT), Opening.NEGOTIATION),
        (C, bytes.fromhex(DISCONNECT), Opening.LATER),
        (C, S7, Opening.OTHER),
        (C, b"\x03\x01\x00\x10", Opening.OTHER),
        (C, HELLO, Opening.HELLO),
        (S, FLIGHT, Opening.HELLO),
        (S, HELLO, Opening.LATER),
        (C, FLIGHT, Opening.LATER),
        (S, bytes.fromhex("15030300020228"), Opening.HELLO),
        (C, bytes.fromhex("15030300020228"), Opening.LATER),
        (S, bytes.fromhex("1503030018") + bytes(24), Opening.LATER),
        (C, bytes.fromhex("1703030018") + bytes(24), Opening.LATER),
        (C, b"\x16\x09\x00\x00\x00\x00", Opening.OTHER),
        (C, b"\x17\x09", Opening.OTHER),
        (C, bytes.fromhex("802e0100020012"), Opening.HELLO),
        (C, bytes.fromhex("802e0103030012"), Opening.HELLO),
        (C, bytes.fromhex("802e0203030012"), Opening.OTHER),
        (C, b"GET / HTTP/1.1", Opening.OTHER),
        (S, b"\x80\x04", Opening.OTHER),
        (S, b"SSH-2.0", Opening.OTHER),
    ],
)
def test_first_bytes_tell_what_begins(side: Side, data: bytes, expected: Opening) -> None:
    assert opening(side, data) is expected
    for size in range(1, len(data)):  # too few to say, or the same
        assert opening(side, data[:size]) in (None, expected)


def observed(machine: Machine, *said: tuple[Side, bytes]) -> list[Event]:
    return [event for side, data in said for event in machine.observe(side, data, 1.0)]


def messages(events: list[Event]) -> list[object]:
    return [event.message for event in events if isinstance(event, Seen)]


@pytest.mark.parametrize("machine", [Onlooker(), Undecided(), Foreign(), Nothing(), EarlyUserAuthorization()])
def test_who_only_looks_on_says_nothing(machine: Onlooker) -> None:
    assert machine.data_to_send() == machine.farewell() == b""
    if not isinstance(machine, EarlyUserAuthorization):
        assert machine.waiting_for == ""


def test_undecided_holds_everything_for_who_comes_next() -> None:
    machine = Undecided()
    assert observed(machine, (C, b""), (C, COOKIE_REQUEST[:3])) == []
    assert not machine.finished
    observed(machine, (C, COOKIE_REQUEST[3:]))
    assert machine.found is Opening.NEGOTIATION
    assert machine.leftover(C) == COOKIE_REQUEST
    assert machine.leftover(C) == machine.leftover(S) == b""


def test_what_is_foreign_is_kept_up_to_a_limit() -> None:
    machine = Foreign()
    events = observed(machine, (C, b"GET"), (S, b""), (S, b"HTTP"), (S, bytes(2000)), (S, b"x"))
    assert [type(event) for event in events] == [Malformed]
    assert len(machine.leftover(S)) == MOST_FOREIGN - 1
    assert machine.leftover(C) == b""


def test_nothing_is_looked_at() -> None:
    machine = Nothing()
    assert observed(machine, (C, b"secret")) == []
    assert machine.leftover(C) == b""


def test_four_bytes_tell_whether_the_user_may_log_on() -> None:
    machine = EarlyUserAuthorization()
    observed(machine, (S, b"\0\0"), (C, b"early"))
    assert machine.waiting_for == "the server's Early User Authorization Result"
    observed(machine, (S, b"\0\0behind"))
    assert machine.finished
    assert machine.waiting_for == ""
    assert (machine.leftover(S), machine.leftover(C)) == (b"behind", b"early")


def _delegating() -> list[tuple[Side, bytes]]:
    """The whole of CredSSP, with made-up tokens."""
    return [
        (C, vector("credssp_raw_ntlm")),
        (S, vector("credssp_challenge_windows2016")),
        (C, written(TsRequest(version=6, pub_key_auth=b"proof"))),
        (S, written(TsRequest(version=6, pub_key_auth=b"proof"))),
        (C, written(TsRequest(version=6, auth_info=b"secret"))),
    ]


@pytest.mark.parametrize(("selected", "between"), [(Protocol.HYBRID, b""), (Protocol.HYBRID_EX, bytes(4)), (0, b"")])
def test_behind_credssp_come_the_settings(selected: int, between: bytes) -> None:
    machine = inside_tls(selected)
    events = observed(machine, *_delegating(), (S, between), (C, INITIAL), (S, RESPONSE))
    assert any(isinstance(message, gcc.ConferenceCreateResponse) for message in messages(events))
    assert isinstance(messages(observed(machine, (S, bytes.fromhex(DISCONNECT))))[0], mcs.DisconnectProviderUltimatum)
    assert machine.finished
    assert not any(b"secret" in event.raw or b"proof" in event.raw for event in events if isinstance(event, Seen))


def test_behind_a_refused_logon_comes_nothing() -> None:
    machine = inside_tls(Protocol.HYBRID)
    observed(machine, _delegating()[0], (S, written(TsRequest(version=6, error_code=0xC000006D))))
    assert machine.finished
    assert observed(machine, (C, INITIAL)) == []


@pytest.mark.parametrize("selected", [Protocol.SSL, 0])
def test_settings_may_be_all_that_is_inside(selected: int) -> None:
    machine = inside_tls(selected)
    events = observed(machine, (C, INITIAL), (S, RESPONSE), (S, bytes.fromhex(DISCONNECT)))
    assert any(isinstance(message, gcc.ConferenceCreateResponse) for message in messages(events))
    assert machine.finished


def test_what_servers_say_first() -> None:
    events = observed(inside_tls(Protocol.RDSTLS), (S, vector("rdstls_capabilities")))
    assert isinstance(messages(events)[0], rdstls.RdstlsCapabilities)
    nonce = b'{"ts_nonce":"AAAA"}\0'
    assert isinstance(messages(observed(inside_tls(Protocol.RDSAAD), (S, nonce)))[0], rdstls.ServerNonce)


def test_a_server_that_does_not_confirm_is_followed_by_nothing() -> None:
    machine, first = both_sides(KeyLog())
    events = observed(machine, (C, ASKS_SSL), (S, bytes.fromhex("0300000b06800000123400")))
    assert machine.finished
    assert first.found is Opening.NEGOTIATION
    assert len(messages(events)) == 3
