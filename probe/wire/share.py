"""Share PDUs: what a server says on the I/O channel once the licensing phase is over, or in its place.

Read are the header, and of Data PDUs the one that names an error; the rest are recognized and kept as they came.

Source: [MS-RDPBCGR] 2.2.8.1.1.1, 2.2.5.1 and 2.2.13.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from probe.wire.cursor import OpenIntEnum, Reader, Writer
from probe.wire.error_info import ErrorInfo

_TYPE_BITS = 0x0F
_VERSION_1 = 0x0010  # PDUVersion 1, above the four bits of the type
_HEADER = 6


class ShareType(OpenIntEnum):
    """The type in pduType of a Share Control Header. [MS-RDPBCGR] 2.2.8.1.1.1.1."""

    DEMAND_ACTIVE = 0x1
    CONFIRM_ACTIVE = 0x3
    DEACTIVATE_ALL = 0x6
    DATA = 0x7
    SERVER_REDIRECTION = 0xA


class DataType(OpenIntEnum):
    """pduType2 of a Share Data Header, those that may come before a logon. [MS-RDPBCGR] 2.2.8.1.1.1.2."""

    SET_ERROR_INFO = 0x2F
    STATUS_INFO = 0x36


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareData:
    """A Data PDU: TS_SHAREDATAHEADER and what follows it.

    Layout: totalLength u16 | pduType u16, its type 7 | pduSource u16 | shareID u32 | pad1 u8 | streamID u8 |
    uncompressedLength u16 | pduType2 u8 | compressedType u8 | compressedLength u16, little-endian | body.
    Source: [MS-RDPBCGR] 2.2.8.1.1.1.2.
    """

    TYPE: ClassVar[int] = ShareType.DATA

    data_type: DataType
    body: bytes
    source: int = 0
    version: int = _VERSION_1  # pduType without its type
    share_id: int = 0
    padding: int = 0
    stream: int = 1  # STREAM_LOW
    uncompressed_length: int = 0
    compressed_type: int = 0
    compressed_length: int = 0
    length_error: int = 0  # declared totalLength minus the real one

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        whole = r.remaining
        total, kind, source = r.u16le("totalLength"), r.u16le("pduType"), r.u16le("pduSource")
        r.expect("pduType", kind & _TYPE_BITS, cls.TYPE)
        share_id, padding, stream = r.u32le("shareID"), r.u8("pad1"), r.u8("streamID")
        uncompressed, data_type = r.u16le("uncompressedLength"), DataType(r.u8("pduType2"))
        compressed_type, compressed_length = r.u8("compressedType"), r.u16le("compressedLength")
        return cls(
            length_error=total - whole,
            version=kind & ~_TYPE_BITS,
            source=source,
            share_id=share_id,
            padding=padding,
            stream=stream,
            uncompressed_length=uncompressed,
            data_type=data_type,
            compressed_type=compressed_type,
            compressed_length=compressed_length,
            body=r.rest(),
        )

    def write(self, w: Writer) -> None:
        w.u16le(_HEADER + 12 + len(self.body) + self.length_error)
        w.u16le(self.version | self.TYPE)
        w.u16le(self.source)
        w.u32le(self.share_id)
        w.u8(self.padding)
        w.u8(self.stream)
        w.u16le(self.uncompressed_length)
        w.u8(self.data_type)
        w.u8(self.compressed_type)
        w.u16le(self.compressed_length)
        w.raw(self.body)

    @property
    def error_info(self) -> ErrorInfo | None:
        """What a Set Error Info PDU says; None for other PDUs, and where fewer than four bytes are there."""
        if self.data_type is not DataType.SET_ERROR_INFO or len(self.body) < 4:
            return None
        return ErrorInfo(int.from_bytes(self.body[:4], "little"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SharePdu:
    """Any other PDU of a share, by its type: DEMAND_ACTIVE begins the exchange of capabilities.

    Layout: totalLength u16 | pduType u16, its type the low four bits | pduSource u16, little-endian | body.
    Source: [MS-RDPBCGR] 2.2.8.1.1.1.1.
    """

    share_type: ShareType
    body: bytes
    source: int = 0
    version: int = _VERSION_1
    length_error: int = 0

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        whole = r.remaining
        total, kind, source = r.u16le("totalLength"), r.u16le("pduType"), r.u16le("pduSource")
        return cls(
            length_error=total - whole,
            share_type=ShareType(kind & _TYPE_BITS),
            version=kind & ~_TYPE_BITS,
            source=source,
            body=r.rest(),
        )

    def write(self, w: Writer) -> None:
        w.u16le(_HEADER + len(self.body) + self.length_error)
        w.u16le(self.version | self.share_type)
        w.u16le(self.source)
        w.raw(self.body)


def read_share(data: bytes) -> ShareData | SharePdu:
    """Read what stands on the I/O channel without a security header, or behind one. Raises Truncated."""
    kind = ShareData if len(data) > 2 and data[2] & _TYPE_BITS == ShareData.TYPE else SharePdu
    return kind.read(Reader(data, kind.__name__))


def is_share(data: bytes) -> bool:
    """Whether bytes begin with a Share Control Header that fits: its length is theirs, its type a known one.

    Inside TLS nothing else tells it from a security header.
    """
    if len(data) < _HEADER or int.from_bytes(data[:2], "little") != len(data):
        return False
    return data[2] & _TYPE_BITS in set(ShareType)
