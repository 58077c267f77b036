"""SSL 2.0: its records, the hellos and the error that come before any key, and the names of its cipher kinds.

A record of a clear connection holds one whole message and no MAC. The same CLIENT-HELLO also carried the offers of
SSLv3 and TLS up to 1.2 to servers that may know no more than SSL 2.0: `version` is then the newest that the client
has, and a TLS suite 00 2f stands among the cipher specs as 00 00 2f; a server that knows one answers in TLS records.
Source: K. Hickman, "The SSL Protocol" (draft-hickman-netscape-ssl-00), 1995; RFC 6101 appendix E, RFC 5246 appendix
E.2. SSL_CK_RC4_64_WITH_MD5 is Microsoft's and stands in OpenSSL's ssl2.h alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from probe.errors import Truncated
from probe.wire.cursor import OpenIntEnum, Reader, Writer
from probe.wire.stream import Stream

CIPHER_KINDS: dict[int, str] = {
    0x010080: "SSL_CK_RC4_128_WITH_MD5",
    0x020080: "SSL_CK_RC4_128_EXPORT40_WITH_MD5",
    0x030080: "SSL_CK_RC2_128_CBC_WITH_MD5",
    0x040080: "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5",
    0x050080: "SSL_CK_IDEA_128_CBC_WITH_MD5",
    0x060040: "SSL_CK_DES_64_CBC_WITH_MD5",
    0x0700C0: "SSL_CK_DES_192_EDE3_CBC_WITH_MD5",
    0x080080: "SSL_CK_RC4_64_WITH_MD5",
}


def cipher_kind_name(code: int) -> str:
    """The name of a cipher kind, or its number as "0x090080"."""
    return CIPHER_KINDS.get(code, f"0x{code:06x}")


class MessageType(OpenIntEnum):
    """First byte of a message. Hickman, "Protocol constants"; those after the hellos are not read here."""

    ERROR = 0
    CLIENT_HELLO = 1
    SERVER_HELLO = 4


class ErrorCode(OpenIntEnum):
    """What an ERROR says. Hickman, "Error handling"; the registered names have "-" for "_" and end in ERROR."""

    NO_CIPHER = 1
    NO_CERTIFICATE = 2
    BAD_CERTIFICATE = 4
    UNSUPPORTED_CERTIFICATE_TYPE = 6


def _read_specs(r: Reader, size: int) -> tuple[int, ...]:
    if size % 3:
        raise r.invalid("cipher_specs length", f"a multiple of 3 expected: {size}")
    specs = r.sub(size, r.structure, "cipher_specs")
    return tuple(specs.u24be("cipher_specs") for _ in range(size // 3))


def _write_specs(w: Writer, specs: Sequence[int]) -> None:
    for spec in specs:
        w.u24be(spec)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHello:
    """What a client offers.

    Layout: version u16 | cipher_specs length u16 | session_id length u16 | challenge length u16 |
    cipher_specs u24 each | session_id | challenge, big-endian.
    Source: Hickman, CLIENT-HELLO; RFC 5246 appendix E.2.
    """

    TYPE: ClassVar[int] = MessageType.CLIENT_HELLO

    version: int
    cipher_specs: tuple[int, ...]
    session_id: bytes = b""
    challenge: bytes

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        version = r.u16be("version")
        specs, session_id, challenge = (
            r.u16be(f"{field} length") for field in ("cipher_specs", "session_id", "challenge")
        )
        return cls(
            version=version,
            cipher_specs=_read_specs(r, specs),
            session_id=r.take(session_id, "session_id"),
            challenge=r.take(challenge, "challenge"),
        )

    def write(self, w: Writer) -> None:
        w.u16be(self.version)
        w.u16be(3 * len(self.cipher_specs))
        w.u16be(len(self.session_id))
        w.u16be(len(self.challenge))
        _write_specs(w, self.cipher_specs)
        w.raw(self.session_id)
        w.raw(self.challenge)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHello:
    """What the server has of what was offered, and its certificate.

    The client chooses among `cipher_specs`, so that one answer tells all that the two have in common.

    Layout: session_id_hit u8 | certificate_type u8 | version u16 | certificate length u16 | cipher_specs length u16 |
    connection_id length u16 | certificate DER | cipher_specs u24 each | connection_id, big-endian.
    Source: Hickman, SERVER-HELLO.
    """

    TYPE: ClassVar[int] = MessageType.SERVER_HELLO
    X509_CERTIFICATE: ClassVar[int] = 1  # certificate_type; 0 where the session goes on and none is sent

    session_id_hit: int
    certificate_type: int
    version: int
    certificate: bytes
    cipher_specs: tuple[int, ...]
    connection_id: bytes

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        hit, kind, version = r.u8("session_id_hit"), r.u8("certificate_type"), r.u16be("version")
        certificate, specs, connection_id = (
            r.u16be(f"{field} length") for field in ("certificate", "cipher_specs", "connection_id")
        )
        return cls(
            session_id_hit=hit,
            certificate_type=kind,
            version=version,
            certificate=r.take(certificate, "certificate"),
            cipher_specs=_read_specs(r, specs),
            connection_id=r.take(connection_id, "connection_id"),
        )

    def write(self, w: Writer) -> None:
        w.u8(self.session_id_hit)
        w.u8(self.certificate_type)
        w.u16be(self.version)
        w.u16be(len(self.certificate))
        w.u16be(3 * len(self.cipher_specs))
        w.u16be(len(self.connection_id))
        w.raw(self.certificate)
        _write_specs(w, self.cipher_specs)
        w.raw(self.connection_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """Why a peer gives up. Layout: error u16, big-endian. Source: Hickman, ERROR."""

    TYPE: ClassVar[int] = MessageType.ERROR

    code: ErrorCode

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        return cls(code=ErrorCode(r.u16be("error")))

    def write(self, w: Writer) -> None:
        w.u16be(self.code)


Message = ClientHello | ServerHello | Error
_KNOWN: dict[int, type[Message]] = {kind.TYPE: kind for kind in (ClientHello, ServerHello, Error)}


def read_message(data: bytes) -> Message:
    """The message that is a record's data: msg_type u8 | body.

    Raises Truncated, or InvalidField also for the types that come after the hellos: without keys they are unreadable.
    """
    r = Reader(data, "SSLv2")
    msg_type = r.u8("msg_type")
    kind = _KNOWN.get(msg_type)
    if kind is None:
        raise r.invalid("msg_type", f"a hello or an error expected: {msg_type}")
    r.structure = f"SSLv2 {kind.__name__}"
    message = kind.read(r)
    r.end()
    return message


def write_message(message: Message) -> bytes:
    """The record with two bytes of header that holds a message."""
    data, w = Writer(), Writer()
    data.u8(message.TYPE)
    message.write(data)
    Record(data=data.getvalue()).write(w)
    return w.getvalue()


def _read_header(r: Reader) -> tuple[int, bool, int | None]:
    """Length of what follows, whether it is an escape, and the bytes of padding in it; None where there can be none."""
    first = r.u8("length")
    length = first << 8 | r.u8("length")
    if first & Record.TWO_BYTES:
        return length & 0x7FFF, False, None
    length &= 0x3FFF
    padding = r.u8("padding length")
    if padding > length:
        raise r.invalid("padding length", f"more than the record: {padding} of {length}")
    return length, bool(first & Record.ESCAPE), padding


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record; in clear there is no MAC in it.

    Layout: 1 bit set | length 15 bits | data, or
    1 bit clear | escape 1 bit | length 14 bits | padding length u8 | data | padding, big-endian.
    The length counts data and padding. A record without padding may have either header; `padding` is None for the
    shorter one.
    Source: Hickman, "SSL Record Header Format".
    """

    TWO_BYTES: ClassVar[int] = 0x80  # of the first byte: the header has two bytes and not three
    ESCAPE: ClassVar[int] = 0x40  # of the first of three

    data: bytes
    padding: bytes | None = None
    escape: bool = False

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        length, escape, padding = _read_header(r)
        data = r.take(length - (padding or 0), "data")
        return cls(data=data, padding=None if padding is None else r.take(padding, "padding"), escape=escape)

    def write(self, w: Writer) -> None:
        if self.padding is None:
            w.u16be(self.TWO_BYTES << 8 | len(self.data))
            w.raw(self.data)
            return
        w.u16be((self.ESCAPE << 8 if self.escape else 0) | (len(self.data) + len(self.padding)))
        w.u8(len(self.padding))
        w.raw(self.data)
        w.raw(self.padding)


class RecordFramer:
    """Cuts a byte stream into records, however it was split into segments. A record has 32767 bytes at most."""

    def __init__(self) -> None:
        self._stream = Stream()

    def feed(self, data: bytes) -> None:
        """Append bytes of the stream."""
        self._stream.feed(data)

    def next_record(self) -> Record | None:
        """The next whole record, or None while its end has not come.

        Raises InvalidField where there is none; the bytes stay, and `leftover` gives them.
        """
        header = Reader(self._stream.peek(3), "SSLv2 record")
        try:
            length, _, _ = _read_header(header)
        except Truncated:
            return None
        if len(self._stream) < header.offset + length:
            return None
        return Record.read(Reader(self._stream.take(header.offset + length), "SSLv2 record"))

    def leftover(self) -> bytes:
        """Take the bytes that no record claimed."""
        return self._stream.take(len(self._stream))
