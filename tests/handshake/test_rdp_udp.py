"""A SYN of RDP over UDP and what may come back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.handshake.machine import Ended, Ending, Malformed, Seen, Side, end
from probe.handshake.rdp_udp import State, UdpGreeting, syn
from probe.wire.rdpudp import LARGEST_MTU, Syn, SynEx, padded
from tests.strategies.rdpudp import syns, write
from tests.vectors import vector_lines

OURS = syn(0x42)
ANSWER = Syn(source_ack=0x42, flags=0x1005, initial_sequence=7, syn_ex=SynEx(version=2))
SYN_ACK = padded(ANSWER)


def greeted() -> UdpGreeting:
    machine = UdpGreeting(OURS)
    [seen] = machine.observe(Side.CLIENT, machine.data_to_send(), 0.0)
    assert isinstance(seen, Seen)
    return machine


def test_our_syn_is_that_of_the_specification() -> None:
    machine = UdpGreeting(OURS)
    offered = vector_lines("rdpudp_syns")[4]
    assert machine.data_to_send() == (offered[:4] + b"\0\x40" + offered[6:]).ljust(LARGEST_MTU, b"\0")


def test_it_is_said_again_to_the_bit_until_it_is_answered() -> None:
    machine = greeted()
    first = machine.data_to_send()
    assert [type(event) for event in machine.observe(Side.CLIENT, first, 1.0)] == [Seen]
    assert machine.data_to_send() == first
    assert machine.waiting_for == "the server's SYN+ACK"
    [seen] = machine.observe(Side.SERVER, SYN_ACK, 2.0)
    assert isinstance(seen, Seen)
    assert machine.state is State.ANSWERED
    assert machine.finished
    assert (machine.waiting_for, machine.data_to_send(), machine.farewell()) == ("", b"", b"")
    assert machine.observe(Side.SERVER, SYN_ACK, 3.0) == []  # servers repeat themselves too


@pytest.mark.parametrize("name", ["rdpudp_microsoft", "rdpudp_windows"])
def test_what_others_have_said_is_read(name: str) -> None:
    client, server = vector_lines(name)
    machine = UdpGreeting()
    assert machine.data_to_send() == b""
    events = machine.observe(Side.CLIENT, client, 0.0) + machine.observe(Side.SERVER, server, 0.0)
    assert [type(event) for event in events] == [Seen, Seen]
    assert machine.state is State.ANSWERED


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "Truncated"),
        (b"\0", "Truncated"),
        (bytes(1232), "InvalidField"),  # no SYN
        (padded(OURS), "UnexpectedMessage"),  # an echo
        (write(Syn(source_ack=0x43, flags=5, initial_sequence=7)), "UnexpectedMessage"),  # of another SYN
        (bytes.fromhex("16fefd0000000000000000"), "InvalidField"),  # DTLS
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "InvalidField"),
    ],
    ids=repr,
)
def test_another_datagram_is_no_answer(answer: bytes, why: str) -> None:
    machine = greeted()
    [event] = machine.observe(Side.SERVER, answer, 1.0)
    assert isinstance(event, Malformed)
    assert type(event.error).__name__ == why
    assert event.raw == answer
    assert machine.state is State.FAILED
    assert machine.finished


@pytest.mark.parametrize(("side", "datagram"), [(Side.SERVER, SYN_ACK), (Side.CLIENT, SYN_ACK)])
def test_an_answer_without_a_question_is_none(side: Side, datagram: bytes) -> None:
    machine = UdpGreeting()
    [event] = machine.observe(side, datagram, 0.0)
    assert isinstance(event, Malformed)


def test_silence_says_what_was_awaited() -> None:
    assert end(greeted(), Ending.TIMED_OUT, 1.0) == [Ended(1.0, Ending.TIMED_OUT, "the server's SYN+ACK")]


@given(syns(), st.sampled_from(Side))
def test_any_syn_ends_in_a_state(message: Syn, side: Side) -> None:
    machine = greeted()
    machine.observe(side, write(message), 0.0)
    answered = side is Side.SERVER and message.flags & 4 and message.source_ack == 0x42
    assert (machine.state is State.ANSWERED) is bool(answered)
