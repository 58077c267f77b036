"""GCC Conference Create: the user data of MCS Connect-Initial and Connect-Response, which carries the data blocks.

    ConnectData            key (an object identifier), length of the connect PDU
      ConferenceCreate…    aligned PER, one set of user data under an H.221 key: "Duca" of clients, "McDn" of servers
        data blocks        see `probe.wire.gcc_client` and `probe.wire.gcc_server`, whose names are also found here

The declared length of the connect PDU is only compared: Windows' responses say 42 whatever follows.

Source: ITU-T T.124 section 8.7, ITU-T X.691, [MS-RDPBCGR] 2.2.1.3, 2.2.1.4, 4.1.3 and 4.1.4.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self, TypeVar

from probe.wire.asn1 import Asn1Writer, Forms, per_integer, per_length
from probe.wire.cursor import Reader
from probe.wire.gcc_blocks import (
    ENCRYPTION_METHOD_NAMES,
    RDP_5,
    RDP_10_12,
    EncryptionMethod,
    UnknownBlock,
    encryption_method_names,
    rdp_version_name,
    read_blocks,
    write_block,
)
from probe.wire.gcc_client import (
    CLIENT_BLOCKS,
    ChannelDefinition,
    ClientBlock,
    ClientCapability,
    ClientCluster,
    ClientCore,
    ClientMessageChannel,
    ClientMonitor,
    ClientMonitorExtended,
    ClientMultitransport,
    ClientNetwork,
    ClientSecurity,
)
from probe.wire.gcc_server import (
    SERVER_BLOCKS,
    EncryptionLevel,
    MultitransportFlag,
    ServerBlock,
    ServerCapability,
    ServerCore,
    ServerMessageChannel,
    ServerMultitransport,
    ServerNetwork,
    ServerSecurity,
)

__all__ = [
    "ENCRYPTION_METHOD_NAMES",
    "RDP_5",
    "RDP_10_12",
    "ChannelDefinition",
    "ClientBlock",
    "ClientCapability",
    "ClientCluster",
    "ClientCore",
    "ClientMessageChannel",
    "ClientMonitor",
    "ClientMonitorExtended",
    "ClientMultitransport",
    "ClientNetwork",
    "ClientSecurity",
    "ConferenceCreateRequest",
    "ConferenceCreateResponse",
    "EncryptionLevel",
    "EncryptionMethod",
    "MultitransportFlag",
    "ServerBlock",
    "ServerCapability",
    "ServerCore",
    "ServerMessageChannel",
    "ServerMultitransport",
    "ServerNetwork",
    "ServerSecurity",
    "UnknownBlock",
    "encryption_method_names",
    "rdp_version_name",
]

_T124_KEY = bytes.fromhex("00 05 00 14 7c 00 01")  # CHOICE object, 5 octets: itu-t(0) recommendation(0) t 124 0 1
_ONE_SET = 1
_H221_WITH_VALUE = 0xC0  # value present, CHOICE h221NonStandard
_SHORTEST_H221 = 4
_NODE_ID_FROM = 1001  # the lower bound of a UserID, which PER subtracts

_Block = TypeVar("_Block")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceCreateRequest:
    """GCC Conference Create Request: what a client says of itself.

    Layout, PER: T.124 key | connectPDU length | CHOICE and options u16 = 0x0008 | conferenceName, flags and
    terminationMethod | one set of user data: h221 key, length, data blocks.
    Source: [MS-RDPBCGR] 2.2.1.3 and 4.1.3.
    """

    CHOICE: ClassVar[int] = 0x0008  # conferenceCreateRequest, of the optional parts userData alone
    DUCA: ClassVar[bytes] = b"Duca"

    blocks: tuple[ClientBlock, ...]
    h221_key: bytes = DUCA
    conference: bytes = b"\x00\x10\x00"  # conferenceName "1", three flags unset, terminationMethod automatic
    length_error: int = 0  # declared connectPDU length minus the real one
    forms: tuple[int, ...] = field(default=(), compare=False, repr=False)  # widths, see `probe.wire.asn1`

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read the user data of a Connect-Initial. Raises Truncated or InvalidField."""
        forms: Forms = []
        r = Reader(data, cls.__name__)
        error = _read_connect_data(r, forms)
        r.expect("ConnectGCCPDU", r.u16be("ConnectGCCPDU"), cls.CHOICE)
        conference = _read_conference(r)
        key = _read_key(r)
        value = r.sub(per_length(r, "userData", forms), cls.__name__, "userData")
        r.end()
        return cls(
            blocks=read_blocks(value, CLIENT_BLOCKS),
            h221_key=key,
            conference=conference,
            length_error=error,
            forms=tuple(forms),
        )

    def write(self) -> bytes:
        """The user data as bytes. Raises TooLong from 16384 bytes on."""
        declared, *others = self.forms or (1,)
        w = Asn1Writer(tuple(others))
        w.u16be(self.CHOICE)
        w.raw(self.conference)
        _write_user_data(w, self.h221_key, self.blocks)
        return _connect_data(w.getvalue(), self.length_error, declared)

    def block(self, kind: type[_Block]) -> _Block | None:
        """The first block of that class, or None."""
        return _first(self.blocks, kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceCreateResponse:
    """GCC Conference Create Response: what a server says of itself.

    Layout, PER: T.124 key | connectPDU length | CHOICE and options u8 = 0x14 | nodeID u16, less 1001 | tag INTEGER |
    result u8 | one set of user data: h221 key, length, data blocks.
    Source: [MS-RDPBCGR] 2.2.1.4 and 4.1.4.
    """

    CHOICE: ClassVar[int] = 0x14  # conferenceCreateResponse, userData present
    MCDN: ClassVar[bytes] = b"McDn"

    blocks: tuple[ServerBlock, ...]
    h221_key: bytes = MCDN
    node_id: int = 0x760A + _NODE_ID_FROM  # what Windows and its followers send
    tag: int = 1
    result: int = 0  # the octet that holds it: extension bit, three bits of result, padding; 0 is success
    length_error: int = 0
    forms: tuple[int, ...] = field(default=(), compare=False, repr=False)

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read the user data of a Connect-Response. Raises Truncated or InvalidField."""
        forms: Forms = []
        r = Reader(data, cls.__name__)
        error = _read_connect_data(r, forms)
        r.expect("ConnectGCCPDU", r.u8("ConnectGCCPDU"), cls.CHOICE)
        node_id = r.u16be("nodeID") + _NODE_ID_FROM
        tag = per_integer(r, "tag", forms)
        result = r.u8("result")
        key = _read_key(r)
        value = r.sub(per_length(r, "userData", forms), cls.__name__, "userData")
        r.end()
        return cls(
            blocks=read_blocks(value, SERVER_BLOCKS),
            h221_key=key,
            node_id=node_id,
            tag=tag,
            result=result,
            length_error=error,
            forms=tuple(forms),
        )

    def write(self) -> bytes:
        """The user data as bytes. Raises TooLong from 16384 bytes on."""
        declared, *others = self.forms or (1,)
        w = Asn1Writer(tuple(others))
        w.u8(self.CHOICE)
        w.u16be(self.node_id - _NODE_ID_FROM)
        w.per_integer(self.tag)
        w.u8(self.result)
        _write_user_data(w, self.h221_key, self.blocks)
        return _connect_data(w.getvalue(), self.length_error, declared)

    def block(self, kind: type[_Block]) -> _Block | None:
        """The first block of that class, or None."""
        return _first(self.blocks, kind)


def _read_connect_data(r: Reader, forms: Forms) -> int:
    """Read ConnectData up to its connect PDU; by how much the declared length of that is wrong."""
    key = r.take(len(_T124_KEY), "t124Identifier")
    if key != _T124_KEY:
        raise r.invalid("t124Identifier", f"not the key of T.124: {key.hex()}")
    return per_length(r, "connectPDU", forms) - r.remaining


def _connect_data(connect_pdu: bytes, length_error: int, form: int) -> bytes:
    w = Asn1Writer()
    w.raw(_T124_KEY)
    w.per_length_of(len(connect_pdu) + length_error, form)
    w.raw(connect_pdu)
    return w.getvalue()


def _read_conference(r: Reader) -> bytes:
    """From the conferenceName to the terminationMethod: one digit a half byte, then four flags and one bit."""
    digits = r.u8("conferenceName") + 1
    return bytes([digits - 1]) + r.take((digits + 1) // 2 + 1, "conferenceName")


def _read_key(r: Reader) -> bytes:
    r.expect("userData sets", r.u8("userData sets"), _ONE_SET)
    r.expect("userData key", r.u8("userData key"), _H221_WITH_VALUE)
    return r.take(r.u8("h221NonStandard") + _SHORTEST_H221, "h221NonStandard")


def _write_user_data(w: Asn1Writer, key: bytes, blocks: tuple[ClientBlock | ServerBlock, ...]) -> None:
    w.u8(_ONE_SET)
    w.u8(_H221_WITH_VALUE)
    w.u8(len(key) - _SHORTEST_H221)
    w.raw(key)
    with w.per_block():
        for block in blocks:
            write_block(w, block.type if isinstance(block, UnknownBlock) else block.TYPE, block)


def _first(blocks: tuple[object, ...], kind: type[_Block]) -> _Block | None:
    return next((block for block in blocks if isinstance(block, kind)), None)
