from __future__ import annotations

from enum import IntFlag

import pytest

from probe.errors import InvalidField, Truncated
from probe.wire.cursor import OpenIntEnum, Reader, Writer, flag_names


class Color(OpenIntEnum):
    RED = 1


class Bits(IntFlag):
    NONE = 0
    LOW = 1
    HIGH = 8


def test_unlisted_values_become_members_with_a_name_and_are_not_remembered() -> None:
    assert Color(1) is Color.RED
    assert Color(0xAB).name == "UNKNOWN_0xab"
    assert Color(0xAB) == 0xAB
    assert 0xAB not in Color._value2member_map_
    with pytest.raises(ValueError, match="not a valid"):
        Color("red")  # type: ignore[arg-type]


def test_flags_without_a_name_appear_as_numbers() -> None:
    assert flag_names(0x29, Bits) == ["LOW", "HIGH", "0x20"]
    assert flag_names(0, Bits) == []


def test_every_width_reads_what_the_writer_wrote() -> None:
    w = Writer()
    w.u8(1)
    w.u16be(2)
    w.u16le(3)
    w.u24be(4)
    w.u32be(5)
    w.u32le(6)
    w.u64le(7)
    assert w.getvalue().hex() == "010002030000000400000005060000000700000000000000"
    r = Reader(w.getvalue(), "widths")
    assert [r.u8("a"), r.u16be("b"), r.u16le("c"), r.u24be("d"), r.u32be("e"), r.u32le("f"), r.u64le("g")] == [
        *range(1, 8)
    ]
    r.end()


def test_lists_of_two_byte_items() -> None:
    r = Reader(bytes.fromhex("00010002ff"), "list")
    assert r.u16be_list(4, "items") == (1, 2)
    with pytest.raises(InvalidField):
        r.u16be_list(1, "items")


def test_going_past_the_end_names_structure_field_and_offset() -> None:
    r = Reader(b"\1\2", "TPKT")
    r.u8("version")
    with pytest.raises(Truncated) as caught:
        r.u16be("length")
    assert (caught.value.structure, caught.value.field, caught.value.offset) == ("TPKT", "length", 1)
    assert str(caught.value) == "TPKT.length at byte 1: 2 bytes needed, 1 left"
    r.u8("rest")
    with pytest.raises(Truncated):
        r.u8("more")


def test_negative_lengths_are_refused() -> None:
    with pytest.raises(InvalidField):
        Reader(b"abc", "x").take(-1, "size")


def test_an_inner_reader_is_bounded_and_keeps_the_offsets_of_the_whole() -> None:
    r = Reader(b"abcdef", "outer")
    r.u8("a")
    inner = r.sub(3, "inner", "body")
    assert inner.take(2, "bc") == b"bc"
    assert (inner.offset, inner.remaining, inner.consumed()) == (3, 1, b"bc")
    with pytest.raises(InvalidField) as caught:
        inner.end()
    assert caught.value.offset == 3
    assert r.rest() == b"ef"
    assert r.peek(4) == b""
    with pytest.raises(Truncated):
        inner.take(2, "too much")


def test_a_block_is_prefixed_with_its_length() -> None:
    w = Writer()
    with w.prefixed(2):
        w.raw(b"abc")
    assert w.getvalue() == b"\0\3abc"
    assert len(w) == 5
