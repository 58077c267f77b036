"""BER and PER primitives: known encodings, the widths that survive, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InvalidField, TooLong, Truncated
from probe.wire import asn1
from probe.wire.asn1 import Asn1Writer, Forms
from probe.wire.cursor import Reader

unsigned = st.integers(0, 0xFFFFFFFF)


def reader(hexadecimal: str) -> Reader:
    return Reader(bytes.fromhex(hexadecimal), "TEST")


# X.690 8.1.3 and its examples: the short form, the long form, and long forms with more octets than needed.
@pytest.mark.parametrize(
    ("encoded", "length", "form"),
    [("00", 0, 1), ("26", 38, 1), ("7f", 127, 1), ("81c9", 201, 2), ("8126", 38, 2), ("820194", 404, 3)],
)
def test_a_ber_length_and_its_form(encoded: str, length: int, form: int) -> None:
    forms: Forms = []
    assert asn1.ber_length(reader(encoded), "length", forms) == length
    assert forms == [form]


def test_the_longest_ber_length_has_four_octets() -> None:
    assert asn1.ber_length(reader("84ffffffff"), "length", []) == 0xFFFFFFFF
    with pytest.raises(TooLong, match="length of 5 octets"):
        asn1.ber_length(reader("850000000001"), "length", [])


def test_an_indefinite_length_is_refused() -> None:
    with pytest.raises(InvalidField, match="indefinite") as caught:
        asn1.ber_length(reader("80"), "length", [])
    assert caught.value.offset == 1


@pytest.mark.parametrize("encoded", ["", "82", "8201"])
def test_half_a_ber_length_is_truncated(encoded: str) -> None:
    with pytest.raises(Truncated):
        asn1.ber_length(reader(encoded), "length", [])


def test_an_element_gives_a_reader_over_its_content_alone() -> None:
    r = reader("04 02 aabb cc")
    inner = asn1.ber_enter(r, asn1.OCTET_STRING, "value", [])
    assert (inner.rest(), r.rest()) == (b"\xaa\xbb", b"\xcc")


def test_an_element_with_a_two_octet_identifier() -> None:
    assert asn1.ber_enter(reader("7f65 01 aa"), 0x7F65, "Connect-Initial", []).rest() == b"\xaa"


def test_another_identifier_is_refused() -> None:
    with pytest.raises(InvalidField, match="0x4 expected: 0x2"):
        asn1.ber_enter(reader("020100"), asn1.OCTET_STRING, "value", [])


def test_an_element_longer_than_what_holds_it_is_truncated() -> None:
    with pytest.raises(Truncated, match="2 bytes needed, 1 left"):
        asn1.ber_enter(reader("0402aa"), asn1.OCTET_STRING, "value", [])


def test_the_identifier_of_a_context_element() -> None:
    assert [asn1.context(number) for number in (0, 1, 5)] == [0xA0, 0xA1, 0xA5]


# FF FF for 65535 is Microsoft's; X.690 would have it negative. The strict form is what servers answer.
@pytest.mark.parametrize(
    ("encoded", "value", "forms"),
    [
        ("020100", 0, [1, 1]),
        ("020122", 34, [1, 1]),
        ("02020420", 1056, [1, 2]),
        ("0202ffff", 65535, [1, 2]),
        ("020300ffff", 65535, [1, 3]),
        ("02810122", 34, [2, 1]),
        ("020500ffffffff", 0xFFFFFFFF, [1, 5]),
    ],
)
def test_an_integer_and_its_forms(encoded: str, value: int, forms: Forms) -> None:
    found: Forms = []
    assert asn1.ber_integer(reader(encoded), "value", found) == value
    assert found == forms
    w = Asn1Writer(tuple(found))
    w.integer(value)
    assert w.getvalue() == bytes.fromhex(encoded)


@pytest.mark.parametrize("encoded", ["0200", "0206000000000001"])
def test_an_integer_of_no_octets_or_too_many_is_refused(encoded: str) -> None:
    with pytest.raises(InvalidField, match="octets"):
        asn1.ber_integer(reader(encoded), "value", [])


def test_an_enumerated_is_an_integer_with_another_tag() -> None:
    assert asn1.ber_integer(reader("0a010e"), "result", [], asn1.ENUMERATED) == 14
    w = Asn1Writer()
    w.integer(14, asn1.ENUMERATED)
    assert w.getvalue() == bytes.fromhex("0a010e")


@pytest.mark.parametrize(
    ("value", "encoded"),
    [(0, "020100"), (127, "02017f"), (128, "02020080"), (65535, "020300ffff"), (65528, "020300fff8")],
)
def test_without_forms_an_integer_is_never_negative(value: int, encoded: str) -> None:
    w = Asn1Writer()
    w.integer(value)
    assert w.getvalue() == bytes.fromhex(encoded)


def test_forms_too_narrow_for_the_value_are_widened() -> None:
    w = Asn1Writer((1, 1))
    w.integer(0x12345)
    assert w.getvalue() == bytes.fromhex("0203012345")


@pytest.mark.parametrize(
    ("size", "header"), [(0, "0400"), (127, "047f"), (128, "048180"), (255, "0481ff"), (256, "04820100")]
)
def test_without_forms_a_length_is_the_shortest(size: int, header: str) -> None:
    w = Asn1Writer()
    w.octets(bytes(size))
    assert w.getvalue() == bytes.fromhex(header) + bytes(size)


def test_elements_nest_and_take_their_forms_from_the_outside_in() -> None:
    encoded = bytes.fromhex("30820007 0281020007 0400")
    forms: Forms = []
    outer = asn1.ber_enter(Reader(encoded, "TEST"), asn1.SEQUENCE, "outer", forms)
    value = asn1.ber_integer(outer, "value", forms)
    assert asn1.ber_enter(outer, asn1.OCTET_STRING, "string", forms).rest() == b""
    outer.end()
    w = Asn1Writer(tuple(forms))
    with w.element(asn1.SEQUENCE):
        w.integer(value)
        w.octets(b"")
    assert w.getvalue() == encoded


@given(value=unsigned, content=st.binary(max_size=300), widths=st.tuples(st.integers(1, 5), st.integers(1, 5)))
def test_any_forms_give_bytes_that_read_back_to_the_same_values(
    value: int, content: bytes, widths: tuple[int, int]
) -> None:
    w = Asn1Writer(widths)
    w.integer(value)
    w.octets(content)
    r = Reader(w.getvalue(), "TEST")
    assert asn1.ber_integer(r, "value", []) == value
    assert asn1.ber_enter(r, asn1.OCTET_STRING, "content", []).rest() == content
    r.end()


# X.691 10.9.3; "80 24" is what xrdp writes for 36.
@pytest.mark.parametrize(
    ("encoded", "length", "form"),
    [("2a", 42, 1), ("7f", 127, 1), ("8024", 36, 2), ("8108", 264, 2), ("bfff", 16383, 2)],
)
def test_a_per_length_and_its_form(encoded: str, length: int, form: int) -> None:
    forms: Forms = []
    assert asn1.per_length(reader(encoded), "length", forms) == length
    assert forms == [form]
    w = Asn1Writer()
    w.per_length_of(length, form)
    assert w.getvalue() == bytes.fromhex(encoded)


def test_a_fragmented_per_length_is_refused() -> None:
    with pytest.raises(InvalidField, match="fragmented"):
        asn1.per_length(reader("c1"), "length", [])


@pytest.mark.parametrize("encoded", ["", "81"])
def test_half_a_per_length_is_truncated(encoded: str) -> None:
    with pytest.raises(Truncated):
        asn1.per_length(reader(encoded), "length", [])


def test_a_length_that_per_would_fragment_is_not_written() -> None:
    w = Asn1Writer()
    w.per_length_of(0x3FFF)
    with pytest.raises(TooLong, match="16384 bytes"):
        w.per_length_of(0x4000)


@pytest.mark.parametrize(("size", "header"), [(0, "00"), (127, "7f"), (128, "8080"), (264, "8108")])
def test_a_per_block_has_the_shortest_length(size: int, header: str) -> None:
    w = Asn1Writer()
    with w.per_block():
        w.raw(bytes(size))
    assert w.getvalue() == bytes.fromhex(header) + bytes(size)


def test_a_per_block_keeps_its_form() -> None:
    w = Asn1Writer((2,))
    with w.per_block():
        w.raw(b"\xaa")
    assert w.getvalue() == bytes.fromhex("8001aa")


@pytest.mark.parametrize(
    ("encoded", "value"), [("0101", 1), ("020001", 1), ("800101", 1), ("0180", 128), ("0500ffffffff", 0xFFFFFFFF)]
)
def test_a_per_integer_survives_in_its_form(encoded: str, value: int) -> None:
    forms: Forms = []
    assert asn1.per_integer(reader(encoded), "tag", forms) == value
    w = Asn1Writer(tuple(forms))
    w.per_integer(value)
    assert w.getvalue() == bytes.fromhex(encoded)


def test_without_forms_a_per_integer_is_never_negative() -> None:
    w = Asn1Writer()
    w.per_integer(128)
    assert w.getvalue() == bytes.fromhex("020080")


@pytest.mark.parametrize("encoded", ["00", "06000000000001"])
def test_a_per_integer_of_no_octets_or_too_many_is_refused(encoded: str) -> None:
    with pytest.raises(InvalidField, match="octets"):
        asn1.per_integer(reader(encoded), "tag", [])
