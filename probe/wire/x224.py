"""TPKT packets and the X.224 class 0 TPDUs inside them.

Source: RFC 1006 section 6, ITU-T X.224 section 13, [MS-RDPBCGR] 2.2.1.1 and 2.2.1.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from probe.errors import Truncated
from probe.wire.cursor import Reader, Writer
from probe.wire.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Tpkt:
    """One packet of ISO transport over TCP.

    Layout: version u8 = 3 | reserved u8 | length u16 big-endian, header included | payload.
    Source: RFC 1006 section 6.
    """

    VERSION: ClassVar[int] = 3
    HEADER: ClassVar[int] = 4  # version 1 + reserved 1 + length 2
    SMALLEST: ClassVar[int] = 7  # the header and the shortest TPDU

    payload: bytes
    reserved: int = 0

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        reserved, length = _read_tpkt_header(r)
        return cls(payload=r.take(length - cls.HEADER, "payload"), reserved=reserved)

    def write(self, w: Writer) -> None:
        w.u8(self.VERSION)
        w.u8(self.reserved)
        w.u16be(self.HEADER + len(self.payload))
        w.raw(self.payload)


def _read_tpkt_header(r: Reader) -> tuple[int, int]:
    """The reserved byte and the length of the whole packet. Raises Truncated or InvalidField."""
    r.expect("version", r.u8("version"), Tpkt.VERSION)
    reserved = r.u8("reserved")
    length = r.u16be("length")
    if length < Tpkt.SMALLEST:
        raise r.invalid("length", f"{Tpkt.SMALLEST} is the smallest: {length}")
    return reserved, length


class TpktFramer:
    """Cuts a byte stream into TPKT packets, however it was split into segments."""

    def __init__(self) -> None:
        self._stream = Stream()

    def feed(self, data: bytes) -> None:
        """Append bytes of the stream."""
        self._stream.feed(data)

    def next_packet(self) -> bytes | None:
        """The next whole packet, or None while its end has not come. Raises InvalidField."""
        if not self._stream:
            return None
        try:
            _, length = _read_tpkt_header(Reader(self._stream.peek(Tpkt.HEADER), "TPKT"))
        except Truncated:
            return None
        return self._stream.take(length) if length <= len(self._stream) else None

    def leftover(self) -> bytes:
        """Take the bytes that no packet claimed; they belong to the next protocol."""
        return self._stream.take(len(self._stream))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Connection:
    """What CR, CC and DR share.

    Layout: LI u8 | code u8 | DST-REF u16 | SRC-REF u16 | class or reason u8 | variable part.
    """

    CODE: ClassVar[int]

    variable: bytes = b""
    credit: int = 0  # low half of the code byte; 0 in class 0
    dst_ref: int = 0
    src_ref: int = 0
    class_option: int = 0

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Read what LI counts. Raises Truncated."""
        return cls(
            credit=r.u8("code") & 0x0F,
            dst_ref=r.u16be("DST-REF"),
            src_ref=r.u16be("SRC-REF"),
            class_option=r.u8("class"),
            variable=r.rest(),
        )

    def write(self, w: Writer) -> None:
        with w.prefixed(1):
            w.u8(self.CODE << 4 | self.credit)
            w.u16be(self.dst_ref)
            w.u16be(self.src_ref)
            w.u8(self.class_option)
            w.raw(self.variable)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRequest(_Connection):
    """X.224 CR, code 0xE0: the client asks for a transport connection.

    `variable` is what RDP puts behind the fixed part: see `probe.wire.nego.RequestData`.
    Source: X.224 13.3, [MS-RDPBCGR] 2.2.1.1.
    """

    CODE: ClassVar[int] = 0xE


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionConfirm(_Connection):
    """X.224 CC, code 0xD0: the server grants it. `variable` is read by `nego.ConfirmData`.

    Source: X.224 13.4, [MS-RDPBCGR] 2.2.1.2.
    """

    CODE: ClassVar[int] = 0xD


@dataclass(frozen=True, slots=True, kw_only=True)
class DisconnectRequest(_Connection):
    """X.224 DR, code 0x80: the connection is refused or released. `class_option` holds the reason.

    Source: X.224 13.5.
    """

    CODE: ClassVar[int] = 0x8


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """X.224 ER: the peer could not understand a TPDU.

    Layout: LI u8 | code u8 = 0x70 | DST-REF u16 | reject cause u8 | variable part.
    Source: X.224 13.12.
    """

    CODE: ClassVar[int] = 0x7

    cause: int
    credit: int = 0
    dst_ref: int = 0
    variable: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Read what LI counts. Raises Truncated."""
        return cls(
            credit=r.u8("code") & 0x0F,
            dst_ref=r.u16be("DST-REF"),
            cause=r.u8("reject cause"),
            variable=r.rest(),
        )

    def write(self, w: Writer) -> None:
        with w.prefixed(1):
            w.u8(self.CODE << 4 | self.credit)
            w.u16be(self.dst_ref)
            w.u8(self.cause)
            w.raw(self.variable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """X.224 DT: carries one MCS PDU, or a part of one.

    Layout: LI u8 = 2 | code u8 = 0xF0 | EOT and number u8 | user data, which LI does not count.
    Source: X.224 13.7, [MS-RDPBCGR] 2.2.1.3.
    """

    CODE: ClassVar[int] = 0xF
    LI: ClassVar[int] = 2  # code 1 + EOT and number 1
    END_OF_TSDU: ClassVar[int] = 0x80

    user_data: bytes
    credit: int = 0
    number: int = END_OF_TSDU

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Read what LI counts and all that follows. Raises Truncated."""
        return cls(credit=r.u8("code") & 0x0F, number=r.u8("EOT"), user_data=r.rest())

    def write(self, w: Writer) -> None:
        w.u8(self.LI)
        w.u8(self.CODE << 4 | self.credit)
        w.u8(self.number)
        w.raw(self.user_data)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownTpdu:
    """A TPDU whose code class 0 does not know, kept as it came."""

    body: bytes  # LI first

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Take everything."""
        return cls(body=r.rest())

    def write(self, w: Writer) -> None:
        w.raw(self.body)


Tpdu = ConnectionRequest | ConnectionConfirm | DisconnectRequest | Error | Data | UnknownTpdu

_COUNTED: dict[int, type[ConnectionRequest | ConnectionConfirm | DisconnectRequest | Error]] = {
    kind.CODE: kind for kind in (ConnectionRequest, ConnectionConfirm, DisconnectRequest, Error)
}


def read_tpdu(payload: bytes) -> Tpdu:
    """Read the TPDU that fills a TPKT payload.

    Raises Truncated or InvalidField: LI must count exactly the bytes there are, except in a DT.
    """
    head = Reader(payload, "TPDU")
    li = head.u8("LI")
    code = head.u8("code") >> 4
    if code == Data.CODE:
        head.expect("LI", li, Data.LI)
        r = Reader(payload, "DT")
        r.u8("LI")
        return Data.read(r)
    if code not in _COUNTED:
        return UnknownTpdu.read(Reader(payload, "TPDU"))
    kind = _COUNTED[code]
    outer = Reader(payload, kind.__name__)
    outer.u8("LI")
    inner = outer.sub(li, kind.__name__, "LI")
    tpdu = kind.read(inner)
    outer.end()
    return tpdu


def write_packet(tpdu: Tpdu) -> bytes:
    """One TPDU in one TPKT packet, ready to send."""
    body = Writer()
    tpdu.write(body)
    packet = Writer()
    Tpkt(payload=body.getvalue()).write(packet)
    return packet.getvalue()


def read_packet(packet: bytes) -> Tpdu:
    """The TPDU inside one whole TPKT packet. Raises Truncated or InvalidField."""
    r = Reader(packet, "TPKT")
    tpkt = Tpkt.read(r)
    r.end()
    return read_tpdu(tpkt.payload)
