from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.handshake.credssp_watched import State, WatchedCredSsp
from probe.handshake.machine import Event, Malformed, Seen, Side
from probe.wire import ntlm, spnego
from probe.wire.credssp import TsRequest
from probe.wire.kerberos import KerberosService
from probe.wire.ntlm_names import NtlmNames
from tests.handshake.driving import assert_split_does_not_matter, feed
from tests.licensing_server import written
from tests.vectors import vector
from tests.wire.test_kerberos import ap_req
from tests.wire.test_ntlm_names import SECRET, authenticate

C, S = Side.CLIENT, Side.SERVER
AUTHENTICATE = authenticate("eltons", "NTDEV", "ELTONS-DEV2")


def request(token: bytes | None = None, **fields: object) -> bytes:
    tokens = None if token is None else (token,)
    return written(TsRequest(version=6, nego_tokens=tokens, **fields))  # type: ignore[arg-type]


LOGON = [
    (C, vector("credssp_raw_ntlm")),
    (S, vector("credssp_challenge_windows2016")),
    (C, request(AUTHENTICATE, pub_key_auth=SECRET, client_nonce=SECRET)),
    (S, request(pub_key_auth=SECRET)),
    (C, request(auth_info=SECRET)),
]


def messages(events: list[Event]) -> list[object]:
    return [event.message for event in events if isinstance(event, Seen)]


def test_a_whole_logon_shows_names_and_no_secret() -> None:
    machine = WatchedCredSsp()
    assert machine.waiting_for == "the client's first TSRequest"
    events = feed(machine, LOGON)
    assert machine.delegated
    assert machine.finished
    assert machine.waiting_for == ""
    assert NtlmNames(user="eltons", domain="NTDEV", workstation="ELTONS-DEV2") in messages(events)
    assert any(isinstance(message, ntlm.Challenge) for message in messages(events))
    assert not any(SECRET in event.raw for event in events if isinstance(event, Seen))
    assert SECRET.decode() not in repr(messages(events))
    assert machine.data_to_send() == machine.farewell() == b""


def test_split_does_not_matter() -> None:
    assert_split_does_not_matter(WatchedCredSsp, LOGON)


def test_what_is_awaited() -> None:
    machine = WatchedCredSsp()
    feed(machine, LOGON[:1])
    assert machine.waiting_for == "the server's TSRequest"
    feed(machine, LOGON[1:2])
    assert machine.waiting_for == "the client's next TSRequest"


def test_a_server_says_why_not() -> None:
    machine = WatchedCredSsp()
    events = feed(machine, [*LOGON[:3], (S, request(error_code=0xC000006D))])
    assert machine.state is State.REFUSED
    assert not machine.delegated
    last = messages(events)[-1]
    assert isinstance(last, TsRequest)
    assert last.error_code == 0xC000006D


def _init(token: bytes | None) -> bytes:
    return written(spnego.NegTokenInit(mech_types=(spnego.KERBEROS, spnego.NTLM), mech_token=token))


def _resp(token: bytes | None) -> bytes:
    return written(spnego.NegTokenResp(response_token=token, mech_list_mic=SECRET))


@pytest.mark.parametrize(
    ("token", "kinds"),
    [
        (_init(ap_req("EXAMPLE.COM", "TERMSRV", "srv1")), [spnego.NegTokenInit, KerberosService]),
        (ap_req("EXAMPLE.COM", "TERMSRV", "srv1"), [KerberosService]),
        (_init(None), [spnego.NegTokenInit]),
        (_resp(AUTHENTICATE), [spnego.NegTokenResp, NtlmNames]),
        (_resp(None), [spnego.NegTokenResp]),
        (AUTHENTICATE[:20], []),
        (b"\x60\x03\x06", []),
        (b"\xa1\x80", []),
        (b"other", []),
    ],
)
def test_tokens_of_a_client(token: bytes, kinds: list[type[object]]) -> None:
    events = feed(WatchedCredSsp(), [(C, request(token))])
    assert [type(message) for message in messages(events)] == [TsRequest, *kinds]
    assert SECRET.decode() not in repr(messages(events))
    assert all(event.raw == b"" for event in events if isinstance(event, Seen))


def test_what_cannot_be_read_leaves_nothing() -> None:
    machine = WatchedCredSsp()
    events = feed(machine, [(C, b"password")])
    assert isinstance(events[0], Malformed)
    assert events[0].raw == b""
    assert machine.leftover(C) == b""


def test_what_follows_the_logon_is_left_over() -> None:
    machine = WatchedCredSsp()
    feed(machine, [*LOGON[:4], (C, LOGON[4][1] + b"\x03\x00")])
    assert machine.leftover(C) == b"\x03\x00"


def test_an_endless_logon_is_given_up() -> None:
    machine = WatchedCredSsp()
    events = feed(machine, [(C, request()) for _ in range(40)])
    assert machine.state is State.FAILED
    assert isinstance(events[-1], Malformed)


@given(st.lists(st.tuples(st.sampled_from(Side), st.one_of(st.binary(max_size=60), st.just(LOGON[2][1]))), max_size=6))
def test_any_bytes_are_observed_without_an_exception(said: list[tuple[Side, bytes]]) -> None:
    machine = WatchedCredSsp()
    for side, data in said:
        machine.observe(side, data, 0.0)
    assert isinstance(machine.waiting_for, str)
