"""What the data blocks of both sides share: the header, optional trailing fields, encryption methods, versions.

A block is a header and a body that the header counts. The blocks themselves are in `gcc_client` and `gcc_server`.
Source: [MS-RDPBCGR] 2.2.1.3.1 and 2.2.1.4.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntFlag
from typing import Protocol, Self, TypeVar

from probe.wire.cursor import Reader, Writer

HEADER = 4  # type 2 + length 2


class EncryptionMethod(IntFlag):
    """encryptionMethods of the client and encryptionMethod of the server. [MS-RDPBCGR] 2.2.1.3.3."""

    FORTY_BIT = 0x01
    ONE_TWENTY_EIGHT_BIT = 0x02
    FIFTY_SIX_BIT = 0x08
    FIPS = 0x10


ENCRYPTION_METHOD_NAMES: dict[int, str] = {
    EncryptionMethod.FORTY_BIT: "40BIT",
    EncryptionMethod.ONE_TWENTY_EIGHT_BIT: "128BIT",
    EncryptionMethod.FIFTY_SIX_BIT: "56BIT",
    EncryptionMethod.FIPS: "FIPS",
}


def encryption_method_names(value: int) -> list[str]:
    """Name every bit set in `value`, the lowest first; bits without a name appear as "0x20"."""
    bits = (1 << place for place in range(value.bit_length()) if value >> place & 1)
    return [ENCRYPTION_METHOD_NAMES.get(bit, f"0x{bit:x}") for bit in bits]


RDP_4 = 0x00080001
RDP_5 = 0x00080004  # every release from 5.0 to 8.1
RDP_10_0 = 0x00080005
RDP_10_12 = 0x00080011


def rdp_version_name(version: int) -> str:
    """The release that a version field stands for, "10.7" for example; hexadecimal where none is known."""
    if RDP_10_0 <= version <= RDP_10_12:
        return f"10.{version - RDP_10_0}"
    return {RDP_4: "4.0", RDP_5: "5.0-8.1"}.get(version, f"0x{version:08x}")


class OptionalFields:
    """Reads fields of which any number may be missing at the end, but none in between.

    After the first that is not there in full every other is None, and its bytes are left in the reader.
    """

    def __init__(self, r: Reader) -> None:
        self._r = r
        self._more = True

    def take(self, size: int, field: str) -> bytes | None:
        """The next `size` bytes, or None where the block ended before."""
        self._more = self._more and self._r.remaining >= size
        return self._r.take(size, field) if self._more else None

    def integer(self, size: int, field: str) -> int | None:
        """A field of `size` bytes, least significant first, or None."""
        octets = self.take(size, field)
        return None if octets is None else int.from_bytes(octets, "little")


def write_optional(w: Writer, fields: Iterable[tuple[int | bytes | None, int]]) -> None:
    """Write pairs of value and size up to the first None. Raises ValueError if a value follows one."""
    ended = False
    for value, size in fields:
        if value is None:
            ended = True
        elif ended:
            raise ValueError("an optional field cannot be written behind one that is None")
        else:
            w.raw(value if isinstance(value, bytes) else value.to_bytes(size, "little"))


class Block(Protocol):
    """What the blocks of either side can do. A body ends with its block: see the header."""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Read the body."""
        ...

    def write(self, w: Writer) -> None:
        """Write the body."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownBlock:
    """A block whose type we do not know, kept as it came."""

    type: int
    body: bytes

    def write(self, w: Writer) -> None:
        """Write the body."""
        w.raw(self.body)


_Known = TypeVar("_Known", bound=Block)


def read_blocks(r: Reader, kinds: Mapping[int, type[_Known]]) -> tuple[_Known | UnknownBlock, ...]:
    """Read blocks to the end of `r`, in the order they come in. Raises Truncated or InvalidField.

    Layout of each: type u16 | length u16, header included | body, little-endian.
    """
    blocks: list[_Known | UnknownBlock] = []
    while r.remaining:
        block_type = r.u16le("type")
        length = r.u16le("length")
        if length < HEADER:
            raise r.invalid("length", f"{HEADER} is the smallest: {length}")
        kind = kinds.get(block_type)
        body = r.sub(length - HEADER, kind.__name__ if kind else "UnknownBlock", "body")
        blocks.append(kind.read(body) if kind else UnknownBlock(type=block_type, body=body.rest()))
    return tuple(blocks)


def write_block(w: Writer, block_type: int, block: Block | UnknownBlock) -> None:
    """One block behind its header."""
    body = Writer()
    block.write(body)
    w.u16le(block_type)
    w.u16le(HEADER + len(body))
    w.raw(body.getvalue())
