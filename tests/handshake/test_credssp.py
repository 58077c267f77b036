from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probe.errors import UnexpectedMessage
from probe.handshake.credssp import CredSspExchange, State, first_request
from probe.handshake.machine import Ending, Malformed, Seen, Side, end
from probe.wire import ntlm, spnego
from probe.wire.credssp import TsRequest
from probe.wire.cursor import Writer
from tests.handshake.driving import assert_split_does_not_matter, client_says, feed, kinds, server_says

# Both directions of a first exchange with freerdp-shadow 2.11.7, 2026-11-21.
OURS = bytes.fromhex(
    "3037a003020106a130302e302ca02a04284e544c4d5353500001000000978208e2000000002800000000000000280000000a0063450000000f"
)
THEIRS = bytes.fromhex(
    "30819fa003020106a17430723070a06e046c4e544c4d53535000020000000400040038000000978288e2accefe0c1e6c9ecc00000000000000"
    "00300030003c0000000601b11d0000000f56004d000200040056004d000100040056004d000400040076006d000300040076006d0007000800"
    "0079c1805f79dd0100000000a52204200b728195c741c685a5f72c4e729c64b7307b44459de22da2f2a399a032f5fc38"
)


def request(**fields: object) -> bytes:
    w = Writer()
    TsRequest(version=6, **fields).write(w)  # type: ignore[arg-type]
    return w.getvalue()


def test_our_first_request_is_version_6_with_a_raw_negotiate() -> None:
    assert first_request() == OURS


def test_the_challenge_is_read_and_that_is_the_end() -> None:
    said = [client_says(OURS), server_says(THEIRS)]
    events = assert_split_does_not_matter(CredSspExchange, said)
    assert kinds(events) == ["TsRequest", "Negotiate", "TsRequest", "Challenge"]
    challenge = events[-1]
    assert isinstance(challenge, Seen)
    assert isinstance(challenge.message, ntlm.Challenge)
    assert challenge.message.target_name == "VM"
    machine = CredSspExchange(OURS)
    assert machine.data_to_send() == OURS
    feed(machine, said)
    assert machine.state is State.ANSWERED
    assert machine.data_to_send() == b""
    assert machine.farewell() == b""


def test_an_error_code_is_an_answer() -> None:
    events = feed(CredSspExchange(), [client_says(OURS), server_says(request(error_code=0xC000006D))])
    last = events[-1]
    assert isinstance(last, Seen)
    assert isinstance(last.message, TsRequest)
    assert last.message.error_code == 0xC000006D


def test_a_spnego_answer_is_opened() -> None:
    w = Writer()
    spnego.NegTokenResp(state=spnego.NegState.REJECT).write(w)
    events = feed(CredSspExchange(), [client_says(OURS), server_says(request(nego_tokens=(w.getvalue(),)))])
    assert kinds(events)[-1] == "NegTokenResp"


def test_twelve_kilobytes_of_zeros_are_a_token_of_nothing_we_know() -> None:
    events = feed(CredSspExchange(), [client_says(OURS), server_says(request(nego_tokens=(bytes(0x2FE0),)))])
    assert kinds(events)[-1] == "TsRequest"


def test_a_server_that_speaks_first_is_unexpected() -> None:
    last = feed(CredSspExchange(), [server_says(THEIRS)])[-1]
    assert isinstance(last, Malformed)
    assert isinstance(last.error, UnexpectedMessage)


def test_what_is_no_der_is_kept() -> None:
    machine = CredSspExchange()
    last = feed(machine, [client_says(OURS), server_says(b"HTTP")])[-1]
    assert isinstance(last, Malformed)
    assert last.raw == b"HTTP"
    assert machine.state is State.FAILED


@given(noise=st.binary(max_size=200), cut=st.integers(0, 200))
def test_any_bytes_are_observed_without_an_exception(noise: bytes, cut: int) -> None:
    machine = CredSspExchange()
    feed(machine, [client_says(OURS), server_says(THEIRS[:cut] + noise)])
    end(machine, Ending.CLOSED, 0.0)
    assert machine.leftover(Side.SERVER) == b""
