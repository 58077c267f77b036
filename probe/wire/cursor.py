"""Reading and writing fields of known width, and constants whose unlisted values survive.

Every length that a peer sends passes through `Reader.take` or `Reader.sub`, which refuse to go
past the end. Offsets in errors count from the outermost reader, so that they can be found in a
hex dump of what was received.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum, IntFlag
from functools import lru_cache
from typing import Self

from probe.errors import InvalidField, Truncated

_MOST_REMEMBERED = 256  # values of flags; a hostile server may send any


class OpenIntEnum(IntEnum):
    """Constants of a registry that grows: a value that is not listed becomes UNKNOWN_0x…"""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_0x{value:x}"
        member._value_ = value
        return member


def flag_names(value: int, known: type[IntFlag]) -> list[str]:
    """Name every bit set in `value`; bits without a name appear as "0x20"."""
    return list(_flag_names(int(value), known))


@lru_cache(maxsize=_MOST_REMEMBERED)
def _flag_names(value: int, known: type[IntFlag]) -> tuple[str, ...]:
    names = []
    bit = 1
    while bit <= value:
        if value & bit:
            member = known._value2member_map_.get(bit)
            names.append(member.name if member is not None and member.name else f"0x{bit:x}")
        bit <<= 1
    return tuple(names)


class Reader:
    """A cursor over one structure's bytes.

    `structure` names it in errors. Every method that reads a field takes the field's name.
    Raises Truncated when the bytes end too early and InvalidField when they hold what they must not.
    """

    __slots__ = ("_data", "_end", "_pos", "_start", "structure")

    def __init__(self, data: bytes, structure: str) -> None:
        self._data = data
        self._start = 0
        self._pos = 0
        self._end = len(data)
        self.structure = structure

    @property
    def offset(self) -> int:
        """Bytes from the start of the outermost structure."""
        return self._pos

    @property
    def remaining(self) -> int:
        """Bytes left in this structure."""
        return self._end - self._pos

    def invalid(self, field: str, why: str) -> InvalidField:
        """Make the error for a field that was just read; the caller raises it."""
        return InvalidField(self.structure, field, self._pos, why)

    def take(self, size: int, field: str) -> bytes:
        """The next `size` bytes."""
        pos = self._pos
        if size > self._end - pos:
            raise Truncated(self.structure, field, pos, f"{size} bytes needed, {self._end - pos} left")
        if size < 0:
            raise InvalidField(self.structure, field, pos, f"negative length: {size}")
        self._pos = pos + size
        return self._data[pos : pos + size]

    def rest(self) -> bytes:
        """Everything that is left of this structure."""
        pos, self._pos = self._pos, self._end
        return self._data[pos : self._end]

    def peek(self, size: int) -> bytes:
        """Up to `size` bytes ahead, without consuming them."""
        return self._data[self._pos : min(self._pos + size, self._end)]

    def u8(self, field: str) -> int:
        """One byte."""
        pos = self._pos
        if pos >= self._end:
            raise Truncated(self.structure, field, pos, "1 byte needed, 0 left")
        self._pos = pos + 1
        return self._data[pos]

    def u16be(self, field: str) -> int:
        """Two bytes, most significant first."""
        pos = self._pos
        if self._end - pos < 2:
            raise Truncated(self.structure, field, pos, f"2 bytes needed, {self._end - pos} left")
        self._pos = pos + 2
        return self._data[pos] << 8 | self._data[pos + 1]

    def u16le(self, field: str) -> int:
        """Two bytes, least significant first."""
        pos = self._pos
        if self._end - pos < 2:
            raise Truncated(self.structure, field, pos, f"2 bytes needed, {self._end - pos} left")
        self._pos = pos + 2
        return self._data[pos + 1] << 8 | self._data[pos]

    def u24be(self, field: str) -> int:
        """Three bytes, most significant first."""
        return int.from_bytes(self.take(3, field), "big")

    def u32be(self, field: str) -> int:
        """Four bytes, most significant first."""
        return int.from_bytes(self.take(4, field), "big")

    def u32le(self, field: str) -> int:
        """Four bytes, least significant first."""
        return int.from_bytes(self.take(4, field), "little")

    def u64le(self, field: str) -> int:
        """Eight bytes, least significant first."""
        return int.from_bytes(self.take(8, field), "little")

    def u16be_list(self, size: int, field: str) -> tuple[int, ...]:
        """Two-byte items, most significant first, that fill the next `size` bytes."""
        if size % 2:
            raise self.invalid(field, f"a multiple of 2 expected: {size}")
        return struct.unpack(f">{size // 2}H", self.take(size, field))

    def expect(self, field: str, got: int, wanted: int) -> None:
        """Raise InvalidField unless a field that was just read holds what the layout fixes."""
        if got != wanted:
            raise InvalidField(self.structure, field, self._pos, f"0x{wanted:x} expected: 0x{got:x}")

    def sub(self, size: int, structure: str, field: str) -> Reader:
        """A Reader over the next `size` bytes, which are consumed here; offsets stay those of the whole."""
        pos = self._pos
        self.take(size, field)
        inner = Reader.__new__(Reader)
        inner._data = self._data
        inner._start = inner._pos = pos
        inner._end = pos + size
        inner.structure = structure
        return inner

    def consumed(self) -> bytes:
        """The bytes of this structure that were read so far."""
        return self._data[self._start : self._pos]

    def end(self) -> None:
        """Raise InvalidField if bytes of this structure were left unread."""
        if self._pos != self._end:
            raise InvalidField(self.structure, "end", self._pos, f"bytes left over: {self._end - self._pos}")


class Writer:
    """Appends fields of known width; the mirror of Reader."""

    __slots__ = ("_out",)

    def __init__(self) -> None:
        self._out = bytearray()

    def __len__(self) -> int:
        return len(self._out)

    def getvalue(self) -> bytes:
        """What was written so far."""
        return bytes(self._out)

    def raw(self, data: bytes) -> None:
        """Append bytes as they are."""
        self._out += data

    def u8(self, value: int) -> None:
        """One byte."""
        self._out.append(value)

    def u16be(self, value: int) -> None:
        """Two bytes, most significant first."""
        self._out += value.to_bytes(2, "big")

    def u16le(self, value: int) -> None:
        """Two bytes, least significant first."""
        self._out += value.to_bytes(2, "little")

    def u24be(self, value: int) -> None:
        """Three bytes, most significant first."""
        self._out += value.to_bytes(3, "big")

    def u32be(self, value: int) -> None:
        """Four bytes, most significant first."""
        self._out += value.to_bytes(4, "big")

    def u32le(self, value: int) -> None:
        """Four bytes, least significant first."""
        self._out += value.to_bytes(4, "little")

    def u64le(self, value: int) -> None:
        """Eight bytes, least significant first."""
        self._out += value.to_bytes(8, "little")

    @contextmanager
    def prefixed(self, size: int) -> Iterator[None]:
        """Write what follows inside the block with its length before it: `size` bytes, most significant first."""
        at = len(self._out)
        self._out += bytes(size)
        yield
        self._out[at : at + size] = (len(self._out) - at - size).to_bytes(size, "big")
