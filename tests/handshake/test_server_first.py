from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.handshake.machine import Ending, Malformed, Seen, Side, end
from probe.handshake.server_first import LARGEST, ServerFirst, State, aad_nonce, rdstls_greeting
from probe.wire import rdstls
from tests.handshake.driving import assert_split_does_not_matter, client_says, feed, kinds, server_says

CAPABILITIES = bytes.fromhex("0100010001000100")  # [MS-RDPBCGR] 2.2.17.1
NONCE = b'{"ts_nonce":"opaque"}\0'


def test_rdstls_capabilities() -> None:
    machine = rdstls_greeting()
    events = assert_split_does_not_matter(rdstls_greeting, [server_says(CAPABILITIES)])
    assert kinds(events) == ["RdstlsCapabilities"]
    feed(machine, [server_says(CAPABILITIES + b"behind")])
    assert machine.state is State.GREETED
    assert machine.leftover(Side.SERVER) == b"behind"
    assert machine.data_to_send() == b""
    assert machine.farewell() == b""
    assert machine.waiting_for == ""


def test_the_nonce_ends_with_a_nul() -> None:
    events = assert_split_does_not_matter(aad_nonce, [server_says(NONCE)])
    seen = events[0]
    assert isinstance(seen, Seen)
    assert isinstance(seen.message, rdstls.ServerNonce)
    assert seen.message.ts_nonce == "opaque"
    assert seen.raw == NONCE


def test_a_nonce_without_end_is_given_up() -> None:
    machine = aad_nonce()
    assert feed(machine, [server_says(b"x" * LARGEST)]) == []
    assert machine.waiting_for == State.EXPECT_GREETING.value
    assert isinstance(feed(machine, [server_says(b"x")])[0], Malformed)
    assert machine.finished


def test_a_greeting_that_cannot_be_read() -> None:
    machine = rdstls_greeting()
    events = feed(machine, [server_says(bytes.fromhex("ffff010001000100"))])
    assert all(isinstance(event, Seen | Malformed) for event in events)
    assert machine.finished


def test_bytes_behind_the_greeting_change_nothing() -> None:
    machine = rdstls_greeting()
    machine.observe(Side.SERVER, CAPABILITIES, 0.0)
    assert machine.observe(Side.SERVER, b"more", 0.0) == []
    assert machine.leftover(Side.SERVER) == b"more"


def test_what_a_client_says_is_left_over() -> None:
    machine = rdstls_greeting()
    assert feed(machine, [client_says(b"early")]) == []
    assert machine.leftover(Side.CLIENT) == b"early"


@pytest.mark.parametrize("make", [rdstls_greeting, aad_nonce])
@given(noise=st.binary(max_size=100))
def test_any_bytes_are_observed_without_an_exception(make: object, noise: bytes) -> None:
    machine = make()  # type: ignore[operator]
    machine.observe(Side.SERVER, noise, 0.0)
    end(machine, Ending.CLOSED, 0.0)


def test_what_can_never_become_the_greeting_is_given_up() -> None:
    machine = ServerFirst(rdstls.RdstlsCapabilities.read)
    events = feed(machine, [server_says(bytes.fromhex("01000200"))])
    assert kinds(events) == ["Malformed"]
    assert isinstance(events[0], Malformed)
    assert events[0].raw == bytes.fromhex("01000200")
    assert machine.state is State.FAILED
