from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from probe.errors import UnexpectedMessage
from probe.handshake.machine import Chain, Ended, Ending, Event, Machine, Malformed, Seen, Side, Unread, end
from probe.handshake.negotiation import Negotiation
from probe.handshake.server_first import rdstls_greeting
from probe.handshake.standard_rdp import BasicSettingsExchange
from tests import conversations as written
from tests.handshake.driving import assert_split_does_not_matter, client_says, feed, kinds, server_says
from tests.vectors import vector

INITIAL = vector("mcs_connect_initial_strict")
RESPONSE = vector("mcs_connect_response_xrdp")
SELECTS_RDP = server_says(bytes.fromhex("030000130ed000001234000201080000000000"))


class Word:
    """A protocol of one word of the server; a client's question precedes it where there is one."""

    def __init__(self, word: bytes, question: bytes = b"", farewell: bytes = b"") -> None:
        self._word, self._question, self._farewell = word, question, farewell
        self._seen = dict.fromkeys(Side, b"")

    @property
    def finished(self) -> bool:
        return len(self._seen[Side.SERVER]) >= len(self._word)

    @property
    def waiting_for(self) -> str:
        return "" if self.finished else self._word.decode()

    def data_to_send(self) -> bytes:
        out, self._question = self._question, b""
        return out

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        before = self.finished
        self._seen[side] += data
        return [Seen(at, side, self._word, data)] if self.finished and not before else []

    def leftover(self, side: Side) -> bytes:
        rest = self._seen[side][len(self._word) if side is Side.SERVER else 0 :]
        self._seen[side] = self._seen[side][: len(self._seen[side]) - len(rest)]
        return rest

    def farewell(self) -> bytes:
        return self._farewell


def followed_by(*machines: Machine) -> Callable[[Machine], Machine | None]:
    rest = iter(machines)
    return lambda _: next(rest, None)


def test_the_end_names_what_was_left_and_what_was_awaited() -> None:
    machine = Negotiation()
    machine.observe(Side.CLIENT, written.ASK_SSL[1], 0.0)
    machine.observe(Side.SERVER, b"\x03\x00", 0.5)
    assert end(machine, Ending.RESET, 1.5) == [
        Unread(1.5, Side.SERVER, b"\x03\x00"),
        Ended(1.5, Ending.RESET, "the server's Connection Confirm"),
    ]


def test_the_end_of_a_quiet_finish_is_one_event() -> None:
    machine = Negotiation()
    feed(machine, written.XRDP_SELECTS_SSL.said)
    assert end(machine, Ending.COMPLETE, 1.0) == [Ended(1.0, Ending.COMPLETE, "")]


def test_leftovers_of_both_sides_are_told_client_first() -> None:
    machine = rdstls_greeting()
    machine.observe(Side.SERVER, b"\x01", 0.0)
    machine.observe(Side.CLIENT, b"early", 0.0)
    assert end(machine, Ending.CLOSED, 1.0)[:2] == [
        Unread(1.0, Side.CLIENT, b"early"),
        Unread(1.0, Side.SERVER, b"\x01"),
    ]


def test_one_protocol_after_another() -> None:
    chain = Chain(Word(b"one", b"1?"), followed_by(Word(b"two", b"2?", b"bye")))
    assert (chain.data_to_send(), chain.data_to_send()) == (b"1?", b"")
    assert chain.waiting_for == "one"
    assert chain.observe(Side.SERVER, b"one", 1.0) == [Seen(1.0, Side.SERVER, b"one", b"one")]
    assert chain.waiting_for == "two"
    assert chain.data_to_send() == b"2?"
    chain.observe(Side.SERVER, b"twofold", 2.0)
    assert chain.finished
    assert chain.waiting_for == ""
    assert chain.farewell() == b"bye"
    assert chain.leftover(Side.SERVER) == b"fold"
    assert chain.leftover(Side.SERVER) == b""


def test_what_one_leaves_over_the_next_reads_however_many_there_are() -> None:
    chain = Chain(Word(b"one"), followed_by(Word(b"two"), Word(b"three")))
    events = chain.observe(Side.SERVER, b"onetwothree!", 0.0)
    assert [event.message for event in events if isinstance(event, Seen)] == [b"one", b"two", b"three"]
    assert chain.finished
    assert chain.leftover(Side.SERVER) == b"!"


def test_a_successor_gets_the_leftovers_of_both_sides() -> None:
    follower = Word(b"two")
    chain = Chain(Word(b"one"), followed_by(follower))
    chain.observe(Side.CLIENT, b"early", 0.0)
    chain.observe(Side.SERVER, b"onetw", 0.0)
    assert follower.leftover(Side.CLIENT) == b"early"
    assert chain.waiting_for == "two"


def test_a_chain_that_is_over_asks_nobody_again() -> None:
    asked: list[Machine] = []

    def follow(machine: Machine) -> Machine | None:
        asked.append(machine)
        return None

    chain = Chain(Word(b"one"), follow)
    chain.observe(Side.SERVER, b"one", 0.0)
    chain.observe(Side.SERVER, b"more", 0.0)
    assert len(asked) == 1
    assert chain.leftover(Side.SERVER) == b"more"


def negotiation_and_settings() -> Chain:
    return Chain(Negotiation(), followed_by(BasicSettingsExchange()))


def test_negotiation_then_settings_split_anywhere() -> None:
    said = [written.ASK_RDP, SELECTS_RDP, client_says(INITIAL), server_says(RESPONSE)]
    events = assert_split_does_not_matter(negotiation_and_settings, said)
    assert kinds(events)[3:5] == ["ConfirmData", "ConnectInitial"]
    assert kinds(events)[-1] == "ProprietaryCertificate"


def test_a_server_that_does_not_wait_is_still_understood() -> None:
    said = [written.ASK_RDP, server_says(SELECTS_RDP[1] + written.XRDP_DROPS_AAD.said[1][1])]
    assert kinds(feed(negotiation_and_settings(), said))[-1] == "DisconnectProviderUltimatum"


def test_a_client_that_does_not_wait_breaks_the_protocol() -> None:
    said = [client_says(written.ASK_RDP[1] + INITIAL)]
    last = feed(negotiation_and_settings(), said)[-1]
    assert isinstance(last, Malformed)
    assert last.raw == INITIAL


def test_a_failed_machine_is_a_finished_one() -> None:
    asked: list[Machine] = []

    def follow(machine: Machine) -> Machine | None:
        asked.append(machine)
        return None

    chain = Chain(Negotiation(), follow)
    (event,) = chain.observe(Side.SERVER, SELECTS_RDP[1], 0.0)[-1:]
    assert isinstance(event, Malformed)
    assert isinstance(event.error, UnexpectedMessage)
    assert chain.finished
    assert len(asked) == 1


@given(pieces=st.lists(st.tuples(st.sampled_from(Side), st.binary(max_size=60)), max_size=8))
def test_any_bytes_are_observed_without_an_exception(pieces: list[tuple[Side, bytes]]) -> None:
    chain = negotiation_and_settings()
    feed(chain, [written.ASK_RDP, SELECTS_RDP, *pieces])
    end(chain, Ending.CLOSED, 0.0)
