from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InvalidField, UnexpectedMessage
from probe.handshake.machine import Ended, Ending, Malformed, Seen, Side, Unread, end
from probe.handshake.negotiation import Negotiation, State
from probe.wire import mcs, nego, x224
from probe.wire.cursor import Writer
from tests import conversations as written
from tests.handshake.driving import assert_split_does_not_matter, client_says, feed, kinds, server_says


@pytest.mark.parametrize("conversation", written.NEGOTIATIONS, ids=lambda each: each.name)
def test_split_does_not_matter(conversation: written.Written) -> None:
    assert_split_does_not_matter(Negotiation, conversation.said)


def test_a_selected_protocol_is_kept_with_its_flags() -> None:
    machine = Negotiation()
    events = feed(machine, written.XRDP_SELECTS_SSL.said)
    assert machine.state is State.CONFIRMED
    assert machine.confirm == nego.ConfirmData(negotiation=nego.NegotiationResponse(selected=1, flags=1))
    assert kinds(events) == ["ConnectionRequest", "RequestData", "ConnectionConfirm", "ConfirmData"]
    assert machine.finished
    assert machine.waiting_for == ""


def test_what_follows_a_failure_is_left_over() -> None:
    machine = Negotiation()
    feed(machine, written.XRDP_REQUIRES_TLS.said)
    assert isinstance(machine.confirm, nego.ConfirmData)
    assert machine.confirm.negotiation == nego.NegotiationFailure(code=nego.FailureCode.SSL_REQUIRED_BY_SERVER)
    events = end(machine, Ending.CLOSED, 1.0)
    assert events == [
        Unread(1.0, Side.SERVER, bytes.fromhex(written.DISCONNECT)),
        Ended(1.0, Ending.CLOSED, ""),
    ]


def test_a_disconnect_pdu_stands_in_for_the_confirm() -> None:
    machine = Negotiation()
    events = feed(machine, written.XRDP_DROPS_AAD.said)
    assert machine.state is State.DISCONNECTED
    assert machine.confirm is None
    last = events[-1]
    assert isinstance(last, Seen)
    assert last.message == mcs.DisconnectProviderUltimatum(reason=mcs.DisconnectReason.RN_USER_REQUESTED)


def test_a_bare_confirm_is_no_default_response() -> None:
    machine = Negotiation()
    feed(machine, written.XP_CONFIRMS_BARE.said)
    assert machine.confirm == nego.ConfirmData(negotiation=None)


@pytest.mark.parametrize(
    "tpdu",
    [x224.DisconnectRequest(class_option=1), x224.Error(cause=2)],
    ids=["DR", "ER"],
)
def test_x224_refusals_end_it(tpdu: x224.Tpdu) -> None:
    machine = Negotiation()
    events = feed(machine, [written.ASK_SSL, server_says(x224.write_packet(tpdu))])
    assert machine.state is State.DISCONNECTED
    assert kinds(events)[-1] == type(tpdu).__name__


def test_a_live_client_sends_its_request_once() -> None:
    machine = Negotiation(b"request")
    assert machine.data_to_send() == b"request"
    assert machine.data_to_send() == b""
    assert machine.farewell() == b""


def test_a_preconnection_pdu_comes_before_the_request() -> None:
    w = Writer()
    nego.PreconnectionPdu.naming("TestVM").write(w)
    said = [client_says(w.getvalue() + written.ASK_SSL[1]), written.XRDP_SELECTS_SSL.said[1]]
    events = assert_split_does_not_matter(Negotiation, said)
    assert kinds(events)[:2] == ["PreconnectionPdu", "ConnectionRequest"]


def test_a_cut_preconnection_pdu_is_left_over() -> None:
    w = Writer()
    nego.PreconnectionPdu.naming("TestVM").write(w)
    machine = Negotiation()
    cut = w.getvalue()[:7]
    assert feed(machine, [client_says(cut)]) == []
    assert machine.leftover(Side.CLIENT) == cut
    assert machine.waiting_for == State.EXPECT_REQUEST.value


def test_http_is_malformed_and_its_bytes_are_kept() -> None:
    machine = Negotiation()
    events = feed(machine, [written.ASK_SSL, server_says(b"HTTP/1.1 400 Bad Request\r\n")])
    last = events[-1]
    assert isinstance(last, Malformed)
    assert isinstance(last.error, InvalidField)
    assert last.raw.startswith(b"HTTP/1.1")
    assert machine.state is State.FAILED


def test_a_broken_tpdu_keeps_its_packet() -> None:
    machine = Negotiation()
    broken = bytes.fromhex("0300000b07d00000123400")  # LI counts one byte too many
    last = feed(machine, [written.ASK_SSL, server_says(broken)])[-1]
    assert isinstance(last, Malformed)
    assert last.raw == broken


def test_an_answer_before_the_request_is_unexpected() -> None:
    last = feed(Negotiation(), [written.XRDP_SELECTS_SSL.said[1]])[-1]
    assert isinstance(last, Malformed)
    assert isinstance(last.error, UnexpectedMessage)


def test_a_length_of_zero_ends_it() -> None:
    last = feed(Negotiation(), [written.ASK_SSL, server_says(bytes.fromhex("03000000"))])[-1]
    assert isinstance(last, Malformed)


@given(data=st.binary(max_size=200), side=st.sampled_from(Side))
def test_any_bytes_are_observed_without_an_exception(data: bytes, side: Side) -> None:
    machine = Negotiation()
    machine.observe(Side.CLIENT, written.ASK_SSL[1], 0.0)
    machine.observe(side, data, 0.0)
    end(machine, Ending.CLOSED, 0.0)


def test_a_confirm_is_read_where_only_the_server_was_captured() -> None:
    machine = Negotiation(only=Side.SERVER)
    assert machine.waiting_for == "the server's Connection Confirm"
    feed(machine, written.XRDP_SELECTS_SSL.said[1:])
    assert machine.confirm == nego.ConfirmData(negotiation=nego.NegotiationResponse(selected=1, flags=1))
    assert machine.finished


def test_a_request_is_all_there_is_where_only_the_client_was_captured() -> None:
    machine = Negotiation(only=Side.CLIENT)
    assert machine.waiting_for == "the client's Connection Request"
    feed(machine, [(Side.CLIENT, written.ASK_SSL[1] + b"next")])
    assert machine.finished
    assert machine.waiting_for == ""
    assert machine.leftover(Side.CLIENT) == b"next"
