"""One direction put together again, whatever became of its segments on the way."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.capture.assembly import MOST_HOLES, MOST_RUNS, Stream, causal
from probe.capture.segment import Segment
from tests.capture.talk import ACK, CONFIRM, PSH, REQUEST, Talk, connections, only, renumbered, said, turns

LIMIT = 1 << 16


def segment(sequence: int, data: bytes, packet: int = 1, length: int | None = None) -> Segment:
    return Segment(sequence, 0, PSH, data, len(data) if length is None else length, 1.0, packet)


def stream(*parts: tuple[int, bytes], base: int = 0, limit: int = LIMIT) -> Stream:
    """A stream whose SYN had the number before `base`, fed with data at positions."""
    found = Stream(limit)
    found.begin(base & 0xFFFFFFFF)
    for number, (position, data) in enumerate(parts, 1):
        sequence = (base + position) & 0xFFFFFFFF
        found.take(found.position(sequence), segment(sequence, data, number))
    return found


def text(found: Stream) -> bytes:
    return b"".join(piece.data for piece in causal(found, Stream(LIMIT)))


def test_bytes_in_order_are_kept_in_order() -> None:
    found = stream((0, b"abc"), (3, b"def"))
    assert (text(found), found.bytes, found.missing) == (b"abcdef", 6, 0)
    assert (found.retransmitted, found.out_of_order) == (0, 0)


def test_a_hole_is_filled_whenever_its_bytes_come() -> None:
    found = stream((3, b"def"), (6, b"ghi"), (0, b"abc"))
    assert (text(found), found.missing, found.out_of_order) == (b"abcdefghi", 0, 1)


def test_a_hole_that_stays_is_told_by_its_size() -> None:
    found = stream((0, b"abc"), (10, b"klm"))
    assert [(piece.data, piece.missing) for piece in causal(found, Stream(LIMIT))] == [(b"abc", 0), (b"klm", 7)]
    assert found.missing == 7


def test_the_first_bytes_seen_win() -> None:
    found = stream((0, b"abcdef"), (3, b"XXXghi"))
    assert (text(found), found.bytes) == (b"abcdefghi", 9)


def test_what_comes_first_is_found_without_walking_over_all_that_came() -> None:
    found = stream(*((number, b"x") for number in range(MOST_RUNS, 0, -1)))
    assert [run.start for run in found.runs] == list(range(1, MOST_RUNS + 1))
    assert (found.first(3), found.starts()) == (b"xxx", False)
    found = stream((1, b"b"), (0, b"a"))
    assert (found.first(3), found.starts()) == (b"ab", True)


def test_a_segment_over_several_holes_fills_each() -> None:
    found = stream((2, b"c"), (4, b"e"), (0, b"abXdXf"))
    assert (text(found), found.missing) == (b"abcdef", 0)


def test_a_hole_is_filled_in_parts() -> None:
    found = stream((9, b"j"), (3, b"def"), (0, b"abc"), (6, b"ghi"))
    assert (text(found), found.missing, found.out_of_order) == (b"abcdefghij", 0, 3)


def test_what_was_seen_is_a_retransmission_and_changes_nothing() -> None:
    found = stream((0, b"abcdef"), (0, b"XYZ"), (0, b"abcdef"))
    assert (text(found), found.retransmitted, found.bytes) == (b"abcdef", 2, 6)


def test_one_byte_before_the_next_is_a_keep_alive() -> None:
    found = stream((0, b"abc"), (2, b"\0"), (3, b"d"))
    assert (text(found), found.retransmitted, found.out_of_order) == (b"abcd", 0, 0)


def test_a_probe_of_a_closed_window_brings_a_byte() -> None:
    found = stream((0, b"abc"), (3, b"d"), (3, b"def"))
    assert text(found) == b"abcdef"


@pytest.mark.parametrize("base", [0xFFFFFFFE, 0x7FFFFFFF, 0])
def test_sequence_numbers_wrap(base: int) -> None:
    found = stream((0, b"ab"), (4, b"ef"), (2, b"cd"), base=base)
    assert (text(found), found.missing) == (b"abcdef", 0)


def test_no_more_than_the_limit_is_kept_but_all_is_counted() -> None:
    found = stream((0, b"abcd"), (4, b"efgh"), (8, b"ijkl"), limit=6)
    assert (text(found), found.bytes, found.cut) == (b"abcdef", 12, True)
    long = stream((0, bytes(4 << 20)), limit=6)
    assert (text(long), long.bytes, long.cut) == (bytes(6), 4 << 20, True)
    late = stream((20, b"x"), (10, b"y"), limit=6)
    assert (text(late), late.cut, late.bytes) == (b"", True, 2)


def test_the_number_of_segments_that_are_kept_is_bounded() -> None:
    found = stream(*((number, b"x") for number in range(MOST_RUNS + 5)))
    assert (len(found.runs), found.cut, found.bytes) == (MOST_RUNS, True, MOST_RUNS + 5)


def test_the_number_of_holes_is_bounded_and_what_is_not_waited_for_is_still_missing() -> None:
    found = stream(*((2 * number + 1, b"x") for number in range(MOST_HOLES + 5)))
    assert (len(found.holes), found.lost, found.missing) == (MOST_HOLES, 5, MOST_HOLES + 5)


def test_a_packet_that_was_cut_leaves_a_gap_of_known_size() -> None:
    found = stream()
    found.take(0, segment(0, b"abc", length=10))
    found.take(10, segment(10, b"k"))
    pieces = causal(found, Stream(LIMIT))
    assert [(piece.data, piece.missing) for piece in pieces] == [(b"abc", 0), (b"k", 7)]
    assert (found.truncated, found.missing, found.bytes) == (True, 0, 11)
    found.take(11, segment(11, b"", length=5))
    assert len(found.runs) == 2


def test_a_capture_may_begin_in_the_middle_and_out_of_order() -> None:
    found = Stream(LIMIT)
    for number, (sequence, data) in enumerate([(506, b"ghi"), (503, b"def"), (497, b"xyz"), (500, b"abc")], 1):
        found.take(found.position(sequence), segment(sequence, data, number))
    assert (text(found), found.missing, found.origin, found.low) == (b"xyzabcdefghi", 0, None, -9)
    found.take(found.position(496), segment(496, b"\0"))  # a keep-alive of before the capture
    assert found.low == -9


def test_bytes_far_before_a_capture_begins_are_not_waited_for() -> None:
    found = Stream(100)
    found.take(found.position(5000), segment(5000, b"abc"))
    found.take(found.position(1000), segment(1000, b"old"))
    assert (text(found), found.retransmitted) == (b"abc", 1)


def test_a_syn_that_comes_late_says_what_is_missing() -> None:
    found = Stream(LIMIT)
    found.take(found.position(1005), segment(1005, b"fgh"))
    found.begin(1000)
    assert (found.missing, found.origin) == (5, -5)
    assert [piece.missing for piece in causal(found, Stream(LIMIT))] == [5]
    found.begin(1003)  # another one is not believed
    assert found.origin == -5
    found.take(found.position(1000), segment(1000, b"abcde"))
    assert (text(found), found.missing) == (b"abcdefgh", 0)


def test_a_segment_without_data_tells_that_bytes_were_sent() -> None:
    found = stream((0, b"abc"))
    found.take(found.position(10), segment(10, b""))
    assert found.missing == 7
    found.take(found.position(0x50000000), segment(0x50000000, b""))  # nothing that a window allows
    assert found.missing == 7
    found.take(found.position(3), segment(3, b""))
    assert found.missing == 7


def test_what_was_acknowledged_and_never_came_is_missing_but_not_the_number_of_a_fin() -> None:
    found = stream((0, b"abc"))
    found.acknowledge(4)
    found.acknowledge(4)
    assert found.missing == 0
    found.acknowledge(8)
    found.acknowledge(2)
    assert found.missing == 5


def test_what_follows_a_fin_leaves_no_hole_for_its_number() -> None:
    found = stream((0, b"abc"))
    found.fin = 3
    found.take(found.position(4), segment(4, b""))
    assert (found.missing, found.high) == (0, 3)


def test_the_first_bytes_are_those_before_any_hole() -> None:
    assert stream((0, b"abc"), (5, b"xyz")).first(10) == b"abc"
    assert stream((3, b"def"), (0, b"abc")).first(4) == b"abcd"
    assert stream((0, b"abcdef")).first(2) == b"ab"
    assert stream().first(2) == b""
    assert not stream((3, b"x")).starts()
    assert stream((0, b"x")).starts()


def test_what_a_segment_acknowledges_stands_before_it() -> None:
    """The client's segment was captured before what it answers."""
    talk = Talk().opened().says(0, REQUEST).says(1, b"confirm").says(0, b"hello").says(1, b"there")
    order = [0, 1, 2, 3, 5, 6, 4]
    assert turns(only(renumbered(talk.packets[number] for number in order))) == [
        ("client", REQUEST),
        ("server", b"confirm"),
        ("client", b"hello"),
        ("server", b"there"),
    ]


def test_bytes_that_are_acknowledged_and_missing_are_not_waited_for() -> None:
    talk = Talk().opened().says(0, REQUEST).says(1, b"confirm").says(0, b"hello").says(1, b"there")
    assert turns(only(talk.packets[:4] + talk.packets[5:])) == [
        ("client", REQUEST),
        ("client", b"hello"),
        ("server", b"there"),
    ]


def test_acknowledgments_that_contradict_each_other_leave_the_order_of_the_capture() -> None:
    talk = Talk().opened().says(0, REQUEST, acknowledgment=900_050).says(1, b"x" * 10, acknowledgment=1500)
    assert turns(only(talk.packets)) == [("client", REQUEST), ("server", b"x" * 10)]
    turned = renumbered([*talk.packets[:3], talk.packets[4], talk.packets[3]])
    assert turns(only(turned)) == [("server", b"x" * 10), ("client", REQUEST)]


CLIENT_SAYS = random.Random(1).randbytes(700)
SERVER_SAYS = CONFIRM + random.Random(2).randbytes(900)


@settings(max_examples=60)
@given(st.data())
def test_whatever_happens_on_the_way_the_same_bytes_come_out(data: st.DataObject) -> None:
    """Split, doubled, overlapping, shuffled; over the wrap-around; with or without the handshake."""
    starts = data.draw(st.sampled_from([[1000, 900_000], [0xFFFFFF00, 0xFFFFFFFF], [0x7FFFFF80, 0]]))
    talk = Talk(starts=starts).opened()
    opening, texts = list(talk.packets), (REQUEST + CLIENT_SAYS, SERVER_SAYS)
    talk.packets.clear()
    for side in (0, 1):
        cuts = sorted({0, len(texts[side]), *data.draw(st.lists(st.integers(0, len(texts[side])), max_size=8))})
        for first, last in pairwise(cuts):
            early = max(first - data.draw(st.integers(0, 40)), 0)
            begin = starts[side] + 1
            talk.says(side, texts[side][early:last], sequence=(begin + early) & 0xFFFFFFFF)
    packets = talk.packets + data.draw(st.lists(st.sampled_from(talk.packets), max_size=10))
    shuffled = data.draw(st.permutations(packets))
    found = only(renumbered([*opening, *shuffled]))
    assert said(found) == texts
    assert (found.sent, found.received, found.gaps) == (len(texts[0]), len(texts[1]), False)
    assert all(piece.missing == 0 for piece in found.pieces)


@given(st.lists(st.tuples(st.integers(0, 0xFFFFFFFF), st.integers(0, 255), st.binary(max_size=30)), max_size=30))
def test_any_segments_at_all_are_borne(segments: list[tuple[int, int, bytes]]) -> None:
    talk = Talk()
    for number, (sequence, flags, payload) in enumerate(segments):
        talk.add(number % 2, flags, payload, sequence=sequence, acknowledgment=sequence ^ 0x5A5A)
    for connection in connections(talk.packets):
        assert all(piece.missing >= 0 and piece.data for piece in connection.pieces)
        assert connection.packets <= len(segments)


def test_pure_acknowledgments_do_not_matter_for_the_order() -> None:
    """In one public capture the client's ACK of the Connection Confirm comes before the Confirm."""
    talk = Talk().opened().says(0, REQUEST).says(1, b"confirm").add(0, ACK).says(0, b"hello")
    order = [0, 1, 2, 3, 5, 4, 6]
    found = only(renumbered(talk.packets[number] for number in order))
    assert turns(found) == [("client", REQUEST), ("server", b"confirm"), ("client", b"hello")]
    assert (found.gaps, found.out_of_order) == (False, 0)
