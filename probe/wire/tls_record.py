"""TLS records, what they carry besides handshake messages, and both reassemblies.

A record is cut out of the byte stream first; handshake messages are then cut out of the records' fragments, because
one message may span records and one record may hold several.
Source: RFC 8446 section 5 and 6, RFC 5246 section 6.2 and 7.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, Self

from probe.errors import TooLong, Truncated
from probe.wire.cursor import OpenIntEnum, Reader, Writer
from probe.wire.iana import AlertDescription
from probe.wire.stream import Stream

__all__ = [
    "Alert",
    "AlertDescription",
    "AlertLevel",
    "ChangeCipherSpec",
    "ContentType",
    "HandshakeFramer",
    "Record",
    "RecordFramer",
]


class ContentType(OpenIntEnum):
    """type of a record. RFC 8446 section 5.1, RFC 6520 section 3."""

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23
    HEARTBEAT = 24


class AlertLevel(OpenIntEnum):
    """level of an alert. RFC 5246 section 7.2."""

    WARNING = 1
    FATAL = 2


def _read_header(r: Reader) -> tuple[ContentType, int, int]:
    """Type, version and length of a record.

    Raises as soon as a byte cannot be one of a TLS record: another protocol's bytes may stand here.
    """
    kind = ContentType(r.u8("type"))
    if not ContentType.CHANGE_CIPHER_SPEC <= kind <= ContentType.HEARTBEAT:
        raise r.invalid("type", f"20 to 24 expected: {kind}")
    major = r.u8("version")
    r.expect("version", major, Record.MAJOR_VERSION)
    version = major << 8 | r.u8("version")
    length = r.u16be("length")
    if length > Record.LONGEST:
        raise TooLong(r.structure, "length", r.offset, f"{Record.LONGEST} is the largest: {length}")
    return kind, version, length


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record: TLSPlaintext before keys exist, TLSCiphertext afterwards.

    Layout: type u8 | version u16 | length u16 | fragment, big-endian.
    Source: RFC 5246 section 6.2, RFC 8446 section 5.1.
    """

    MAJOR_VERSION: ClassVar[int] = 3  # of SSLv3 and every TLS
    HEADER: ClassVar[int] = 5  # type 1 + version 2 + length 2
    LONGEST: ClassVar[int] = 16384 + 2048  # a full plaintext and the most that compression and encryption may add

    type: ContentType
    version: int
    fragment: bytes

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated, InvalidField or TooLong."""
        kind, version, length = _read_header(r)
        return cls(type=kind, version=version, fragment=r.take(length, "fragment"))

    def write(self, w: Writer) -> None:
        w.u8(self.type)
        w.u16be(self.version)
        w.u16be(len(self.fragment))
        w.raw(self.fragment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Why a peer gives up, or a remark.

    Layout: level u8 | description u8.
    Source: RFC 8446 section 6, RFC 5246 section 7.2.
    """

    level: AlertLevel
    description: AlertDescription

    @property
    def is_remark(self) -> bool:
        """True for a warning that the connection survives; close_notify ends it at any level."""
        return self.level == AlertLevel.WARNING and self.description != AlertDescription.CLOSE_NOTIFY

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        return cls(level=AlertLevel(r.u8("level")), description=AlertDescription(r.u8("description")))

    def write(self, w: Writer) -> None:
        w.u8(self.level)
        w.u8(self.description)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCipherSpec:
    """What follows is encrypted; in TLS 1.3 a meaningless record for the sake of middleboxes.

    Layout: type u8 = 1.
    Source: RFC 5246 section 7.1, RFC 8446 section 5.
    """

    value: int = 1

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        return cls(value=r.u8("type"))

    def write(self, w: Writer) -> None:
        w.u8(self.value)


_TYPES = {int(kind): kind for kind in ContentType}


class RecordFramer(Stream):
    """Cuts a byte stream into records, however it was split into segments: `feed` it, and take them."""

    __slots__ = ()

    def next_record(self) -> Record | None:
        """The next whole record, or None while its end has not come.

        Raises InvalidField or TooLong where there is none; the bytes stay, and `leftover` gives them.
        """
        buffer, at = self._buffer, self._at
        left = len(buffer) - at
        if left >= Record.HEADER and buffer[at] in _TYPES and buffer[at + 1] == Record.MAJOR_VERSION:
            length = buffer[at + 3] << 8 | buffer[at + 4]
            if length <= Record.LONGEST:
                end = at + Record.HEADER + length
                if end > len(buffer):
                    return None
                kind, version = _TYPES[buffer[at]], Record.MAJOR_VERSION << 8 | buffer[at + 2]
                fragment = bytes(buffer[at + Record.HEADER : end])
                self.skip(Record.HEADER + length)
                return Record(type=kind, version=version, fragment=fragment)
        if left:
            with suppress(Truncated):
                _read_header(Reader(self.peek(Record.HEADER), "Record"))
        return None

    def leftover(self) -> bytes:
        """Take the bytes that no record claimed; they belong to the next protocol."""
        return self.take(len(self))


class HandshakeFramer:
    """Cuts the fragments of handshake records into messages. `limit` is the longest body accepted, in bytes."""

    HEADER = 4  # msg_type 1 + length 3
    DEFAULT_LIMIT = 256 * 1024  # a chain of many large certificates; a length can claim 16 MB

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._stream = Stream()
        self._limit = limit

    @property
    def pending(self) -> bool:
        """True while bytes of a message that is not whole are held."""
        return len(self._stream) > 0

    def feed(self, fragment: bytes) -> None:
        """Append a record's fragment, which may be empty."""
        self._stream.feed(fragment)

    def next_message(self) -> bytes | None:
        """The next whole message with its header, or None while its end has not come. Raises TooLong."""
        if len(self._stream) < self.HEADER:
            return None
        r = Reader(self._stream.peek(self.HEADER), "Handshake")
        r.u8("msg_type")
        length = r.u24be("length")
        if length > self._limit:
            raise TooLong("Handshake", "length", r.offset, f"{self._limit} is the largest: {length}")
        if len(self._stream) < self.HEADER + length:
            return None
        return self._stream.take(self.HEADER + length)
