"""BER and DER (MCS, TSRequest, SPNEGO) and aligned PER (GCC) primitives.

Peers write the same length in different forms: Microsoft's GCC uses two bytes for small PER lengths, and BER
INTEGERs come with and without a leading zero. So that `write(read(b)) == b` holds, a reader notes the widths
it met in `forms`, in order, and a writer given those forms uses them again; without them it writes the shortest.

Source: ITU-T X.690 section 8, ITU-T X.691 sections 10 and 12.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from probe.errors import TooLong
from probe.wire.cursor import Reader, Writer

INTEGER = 0x02
BOOLEAN = 0x01
BIT_STRING = 0x03
OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06
ENUMERATED = 0x0A
SEQUENCE = 0x30

_LONGEST_LENGTH = 4  # octets of a length; 2³² is more than any budget of ours
_WIDEST_INTEGER = 5  # 32 bits and a leading zero

Forms = list[int]


def context(number: int) -> int:
    """The identifier octet of a constructed [number]."""
    return 0xA0 | number


def ber_length(r: Reader, field: str, forms: Forms) -> int:
    """A definite length. Raises Truncated, InvalidField (indefinite form) or TooLong."""
    first = r.u8(field)
    if first < 0x80:
        forms.append(1)
        return first
    size = first & 0x7F
    if size == 0:
        raise r.invalid(field, "indefinite length")
    if size > _LONGEST_LENGTH:
        raise TooLong(r.structure, field, r.offset, f"length of {size} octets")
    forms.append(1 + size)
    return int.from_bytes(r.take(size, field), "big")


def ber_enter(r: Reader, tag: int, field: str, forms: Forms) -> Reader:
    """A Reader over the content of the next element, whose identifier (one or two octets) must be `tag`."""
    octets = 1 if tag < 0x100 else 2
    r.expect(field, int.from_bytes(r.take(octets, field), "big"), tag)
    return r.sub(ber_length(r, field, forms), r.structure, field)


def ber_integer(r: Reader, field: str, forms: Forms, tag: int = INTEGER) -> int:
    """An INTEGER or ENUMERATED read as unsigned, 1 to 5 octets: peers write 65535 as FF FF."""
    inner = ber_enter(r, tag, field, forms)
    size = inner.remaining
    if not 1 <= size <= _WIDEST_INTEGER:
        raise inner.invalid(field, f"integer of {size} octets")
    forms.append(size)
    return int.from_bytes(inner.rest(), "big")


def per_length(r: Reader, field: str, forms: Forms) -> int:
    """An unconstrained PER length below 16384, in one or two octets. Raises Truncated or InvalidField."""
    first = r.u8(field)
    if first < 0x80:
        forms.append(1)
        return first
    if first >= 0xC0:
        raise r.invalid(field, "fragmented length")
    forms.append(2)
    return (first & 0x3F) << 8 | r.u8(field)


def per_integer(r: Reader, field: str, forms: Forms) -> int:
    """An unconstrained PER INTEGER read as unsigned, 1 to 5 octets behind their number."""
    size = per_length(r, field, forms)
    if not 1 <= size <= _WIDEST_INTEGER:
        raise r.invalid(field, f"integer of {size} octets")
    forms.append(size)
    return int.from_bytes(r.take(size, field), "big")


class Asn1Writer(Writer):
    """A Writer that knows lengths in BER and PER; `forms` are the widths to write them in, as read."""

    __slots__ = ("_forms",)

    def __init__(self, forms: tuple[int, ...] = ()) -> None:
        super().__init__()
        self._forms = list(reversed(forms))

    def _form(self, least: int) -> int:
        return max(least, self._forms.pop()) if self._forms else least

    @contextmanager
    def element(self, tag: int) -> Iterator[None]:
        """What is written inside the block becomes the content of a BER element."""
        self.raw(tag.to_bytes(1 if tag < 0x100 else 2, "big"))
        form = self._form(1)
        at = len(self)
        yield
        content = bytes(self._out[at:])
        del self._out[at:]
        self._ber_length(len(content), form)
        self.raw(content)

    def _ber_length(self, length: int, form: int) -> None:
        octets = (length.bit_length() + 7) // 8
        if length < 0x80 and form == 1:
            self.u8(length)
            return
        octets = max(octets, form - 1, 1)
        self.u8(0x80 | octets)
        self.raw(length.to_bytes(octets, "big"))

    def integer(self, value: int, tag: int = INTEGER) -> None:
        """An INTEGER or ENUMERATED of an unsigned value; without forms, with the leading zero that X.690 asks for."""
        with self.element(tag):
            self._unsigned(value)

    def _unsigned(self, value: int) -> None:
        strict = value.bit_length() // 8 + 1
        size = self._forms.pop() if self._forms else strict
        self.raw(value.to_bytes(max(size, (value.bit_length() + 7) // 8), "big"))

    def octets(self, value: bytes, tag: int = OCTET_STRING) -> None:
        """An element whose content is `value`."""
        with self.element(tag):
            self.raw(value)

    @contextmanager
    def per_block(self) -> Iterator[None]:
        """What is written inside the block gets a PER length before it. Raises TooLong from 16384 bytes on."""
        form = self._form(1)
        at = len(self)
        yield
        content = bytes(self._out[at:])
        del self._out[at:]
        self.per_length_of(len(content), form)
        self.raw(content)

    def per_integer(self, value: int) -> None:
        """An unconstrained PER INTEGER of an unsigned value; without forms, with a leading zero where one is due."""
        with self.per_block():
            self._unsigned(value)

    def per_length_of(self, length: int, form: int = 1) -> None:
        """A PER length."""
        if length >= 0x4000:
            raise TooLong("PER", "length", len(self), f"{length} bytes need fragmentation")
        if length < 0x80 and form == 1:
            self.u8(length)
        else:
            self.u16be(0x8000 | length)
