from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.capture import fragments
from probe.capture.fragments import LONGEST_WAIT_S, MOST_PACKETS, Fragments, Key

KEY: Key = (b"\x0a\0\0\1", b"\x0a\0\0\2", 7, 6)


def put(
    waiting: Fragments, start: int, data: bytes, *, more: bool = True, at: float = 0.0, key: Key = KEY
) -> tuple[bytes, int] | None:
    return waiting.put(key, start, len(data), data, more=more, at=at)


@given(st.binary(min_size=1, max_size=200), st.randoms(use_true_random=False), st.integers(1, 60))
def test_in_whatever_order_they_come_and_twice(payload: bytes, rng: random.Random, size: int) -> None:
    starts = list(range(0, len(payload), size)) * rng.choice((1, 2))
    rng.shuffle(starts)
    waiting = Fragments()
    found = None
    for start in starts:
        part = payload[start : start + size]
        found = found or put(waiting, start, part, more=start + size < len(payload))
    assert found == (payload, len(payload))


@given(st.lists(st.tuples(st.integers(0, 40), st.binary(max_size=40), st.booleans()), max_size=30))
def test_what_came_first_of_a_byte_stays(parts: list[tuple[int, bytes, bool]]) -> None:
    waiting = Fragments()
    first: dict[int, int] = {}
    total: int | None = None
    for start, data, more in parts:
        if data:
            for at, value in enumerate(data, start):
                first.setdefault(at, value)
            total = start + len(data) if total is None and not more else total
        whole = put(waiting, start, data, more=more)
        is_there = bool(data) and total is not None and len(first) >= total
        if not is_there:
            assert whole is None
            continue
        assert total is not None
        assert whole == (None if max(first) >= total else (bytes(first[at] for at in range(total)), total))
        first, total = {}, None


def test_what_the_capture_cut_ends_the_payload_but_not_its_length() -> None:
    waiting = Fragments()
    assert waiting.put(KEY, 8, 8, b"89", more=False, at=0) is None
    assert waiting.put(KEY, 0, 8, b"01234567", more=True, at=0) == (b"0123456789", 16)
    assert waiting.put(KEY, 8, 8, b"89ABCDEF", more=False, at=0) is None
    assert waiting.put(KEY, 0, 8, b"0123", more=True, at=0) == (b"0123", 16)


def test_parts_beyond_the_end_spoil_it_all() -> None:
    waiting = Fragments()
    put(waiting, 16, b"beyond it")
    put(waiting, 0, b"01234567")
    assert put(waiting, 8, b"89ABCDEF", more=False) is None
    assert (waiting.dropped, waiting.pending) == (3, 0)


@pytest.mark.parametrize(("start", "size"), [(0, 0), (8, -3), (65528, 100)])
def test_parts_that_cannot_be_are_dropped(start: int, size: int) -> None:
    waiting = Fragments()
    assert waiting.put(KEY, start, size, bytes(max(size, 0)), more=True, at=0) is None
    assert (waiting.dropped, waiting.pending) == (1, 0)


def test_they_wait_for_so_long_and_no_longer() -> None:
    waiting = Fragments()
    put(waiting, 0, b"01234567")
    assert put(waiting, 8, b"89", more=False, at=LONGEST_WAIT_S) == (b"0123456789", 10)
    put(waiting, 0, b"01234567")
    assert put(waiting, 8, b"89", more=False, at=LONGEST_WAIT_S + 1) is None
    assert (waiting.dropped, waiting.pending) == (1, 1)


def test_of_too_many_packets_the_oldest_go() -> None:
    waiting = Fragments()
    for number in range(MOST_PACKETS + 10):
        put(waiting, 0, b"01234567", key=(*KEY[:2], number, 6))
    assert waiting.pending <= MOST_PACKETS + 1
    assert waiting.dropped == 9
    assert put(waiting, 8, b"x", more=False, key=(*KEY[:2], MOST_PACKETS, 6)) == (b"01234567x", 9)
    assert put(waiting, 8, b"x", more=False, key=(*KEY[:2], 3, 6)) is None


def test_of_too_many_bytes_the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "MOST_BYTES", 100_000)
    waiting = Fragments()
    for number in range(1000):
        put(waiting, 8, bytes(1000), key=(*KEY[:2], number, 6))
    assert waiting.pending * 1200 <= 100_000 + 1200
    assert waiting.pending + waiting.dropped == 1000
    while waiting._waiting:
        waiting._remove(next(iter(waiting._waiting)))
    assert waiting._cost == 0


def test_the_same_part_again_and_again_is_not_kept_again_and_again() -> None:
    waiting = Fragments()
    for _ in range(100):
        put(waiting, 8, bytes(1000))
    assert len(waiting._waiting[KEY].parts) == 1
