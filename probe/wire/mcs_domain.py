"""The PDUs of an MCS domain: a client joins it and its channels, and data goes through them.

All are aligned PER. The user data of SendDataRequest and SendDataIndication begins with a header of
`probe.wire.security_header` or of `probe.wire.share`.

Source: ITU-T T.125 section 7, ITU-T X.691, [MS-RDPBCGR] 2.2.1.5 to 2.2.1.9 and 4.1.5 to 4.1.9.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from probe.errors import InvalidField
from probe.wire.asn1 import Asn1Writer, Forms, per_integer, per_length
from probe.wire.cursor import Reader, Writer
from probe.wire.mcs import ConnectResult, DisconnectProviderUltimatum, UnknownPdu

USER_ID_FROM = 1001  # the lower bound of a UserID, which PER subtracts
_PRIORITY_HIGH_WHOLE = 0x70  # dataPriority high, segmentation begin and end: what RDP always sends


@dataclass(frozen=True, slots=True, kw_only=True)
class ErectDomainRequest:
    """MCS Erect Domain Request: the client says where in the domain it stands. It is not answered.

    Layout, PER: choice 6 bits = 1 | padding 2 bits | subHeight INTEGER | subInterval INTEGER.
    Source: T.125 section 7, [MS-RDPBCGR] 2.2.1.5.
    """

    CHOICE: ClassVar[int] = 1

    sub_height: int = 0
    sub_interval: int = 0
    padding: int = 0
    forms: tuple[int, ...] = field(default=(1, 1, 1, 1), compare=False, repr=False)  # widths, see `probe.wire.asn1`

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        padding = _choice(r, cls.CHOICE)
        forms: Forms = []
        height = per_integer(r, "subHeight", forms)
        interval = per_integer(r, "subInterval", forms)
        return cls(sub_height=height, sub_interval=interval, padding=padding, forms=tuple(forms))

    def write(self, w: Writer) -> None:
        per = Asn1Writer(self.forms)
        per.u8(self.CHOICE << 2 | self.padding)
        per.per_integer(self.sub_height)
        per.per_integer(self.sub_interval)
        w.raw(per.getvalue())


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachUserRequest:
    """MCS Attach User Request: the client asks for a user channel.

    Layout, PER: choice 6 bits = 10 | padding 2 bits.
    Source: T.125 section 7, [MS-RDPBCGR] 2.2.1.6.
    """

    CHOICE: ClassVar[int] = 10

    padding: int = 0

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        return cls(padding=_choice(r, cls.CHOICE))

    def write(self, w: Writer) -> None:
        w.u8(self.CHOICE << 2 | self.padding)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachUserConfirm:
    """MCS Attach User Confirm: the number of the client's own channel, where it was given one.

    Layout, PER: choice 6 bits = 11 | initiator present 1 bit | result 4 bits | padding 5 bits | initiator u16,
    less 1001.
    Source: T.125 section 7, [MS-RDPBCGR] 2.2.1.7.
    """

    CHOICE: ClassVar[int] = 11

    result: ConnectResult
    initiator: int | None = None
    padding: int = 0

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        present, result, padding = _confirm(r, cls.CHOICE)
        initiator = r.u16be("initiator") + USER_ID_FROM if present else None
        return cls(result=result, initiator=initiator, padding=padding)

    def write(self, w: Writer) -> None:
        _write_confirm(w, self.CHOICE, present=self.initiator is not None, result=self.result, padding=self.padding)
        if self.initiator is not None:
            w.u16be(self.initiator - USER_ID_FROM)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelJoinRequest:
    """MCS Channel Join Request: the client wants to hear one channel.

    Layout, PER: choice 6 bits = 14 | padding 2 bits | initiator u16, less 1001 | channelId u16.
    Source: T.125 section 7, [MS-RDPBCGR] 2.2.1.8.
    """

    CHOICE: ClassVar[int] = 14

    initiator: int
    channel_id: int
    padding: int = 0

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        padding = _choice(r, cls.CHOICE)
        initiator = r.u16be("initiator") + USER_ID_FROM
        return cls(initiator=initiator, channel_id=r.u16be("channelId"), padding=padding)

    def write(self, w: Writer) -> None:
        w.u8(self.CHOICE << 2 | self.padding)
        w.u16be(self.initiator - USER_ID_FROM)
        w.u16be(self.channel_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelJoinConfirm:
    """MCS Channel Join Confirm: whether the client may, and which channel it has joined.

    Layout, PER: choice 6 bits = 15 | channelId present 1 bit | result 4 bits | padding 5 bits | initiator u16, less
    1001 | requested u16 | channelId u16.
    Source: T.125 section 7, [MS-RDPBCGR] 2.2.1.9.
    """

    CHOICE: ClassVar[int] = 15

    result: ConnectResult
    initiator: int
    requested: int
    channel_id: int | None = None
    padding: int = 0

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        present, result, padding = _confirm(r, cls.CHOICE)
        initiator = r.u16be("initiator") + USER_ID_FROM
        requested = r.u16be("requested")
        channel = r.u16be("channelId") if present else None
        return cls(result=result, initiator=initiator, requested=requested, channel_id=channel, padding=padding)

    def write(self, w: Writer) -> None:
        _write_confirm(w, self.CHOICE, present=self.channel_id is not None, result=self.result, padding=self.padding)
        w.u16be(self.initiator - USER_ID_FROM)
        w.u16be(self.requested)
        if self.channel_id is not None:
            w.u16be(self.channel_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _SendData:
    """What both ways of sending data have in common."""

    CHOICE: ClassVar[int]

    initiator: int
    channel_id: int
    user_data: bytes
    segmentation: int = _PRIORITY_HIGH_WHOLE  # dataPriority, segmentation and padding, as one octet
    padding: int = 0
    forms: tuple[int, ...] = field(default=(), compare=False, repr=False)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        padding = _choice(r, cls.CHOICE)
        forms: Forms = []
        initiator = r.u16be("initiator") + USER_ID_FROM
        channel = r.u16be("channelId")
        segmentation = r.u8("segmentation")
        data = r.take(per_length(r, "userData", forms), "userData")
        return cls(
            initiator=initiator,
            channel_id=channel,
            segmentation=segmentation,
            user_data=data,
            padding=padding,
            forms=tuple(forms),
        )

    def write(self, w: Writer) -> None:
        per = Asn1Writer(self.forms)
        per.u8(self.CHOICE << 2 | self.padding)
        per.u16be(self.initiator - USER_ID_FROM)
        per.u16be(self.channel_id)
        per.u8(self.segmentation)
        with per.per_block():
            per.raw(self.user_data)
        w.raw(per.getvalue())


@dataclass(frozen=True, slots=True, kw_only=True)
class SendDataRequest(_SendData):
    """MCS Send Data Request: what a client says on a channel.

    Layout, PER: choice 6 bits = 25 | padding 2 bits | initiator u16, less 1001 | channelId u16 | dataPriority 2 bits |
    segmentation 2 bits | padding 4 bits | userData, a length and octets.
    Source: T.125 section 7, [MS-RDPBCGR] 2.2.1.10.
    """

    CHOICE: ClassVar[int] = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class SendDataIndication(_SendData):
    """MCS Send Data Indication: what a server says on a channel.

    Layout, PER: choice 6 bits = 26 | padding 2 bits | initiator u16, less 1001 | channelId u16 | dataPriority 2 bits |
    segmentation 2 bits | padding 4 bits | userData, a length and octets.
    Source: T.125 section 7, [MS-RDPBCGR] 2.2.1.12.
    """

    CHOICE: ClassVar[int] = 26


DomainPdu = (
    ErectDomainRequest
    | AttachUserRequest
    | AttachUserConfirm
    | ChannelJoinRequest
    | ChannelJoinConfirm
    | SendDataRequest
    | SendDataIndication
    | DisconnectProviderUltimatum
    | UnknownPdu
)

_KINDS: dict[int, type[DomainPdu]] = {
    ErectDomainRequest.CHOICE: ErectDomainRequest,
    DisconnectProviderUltimatum.CHOICE: DisconnectProviderUltimatum,
    AttachUserRequest.CHOICE: AttachUserRequest,
    AttachUserConfirm.CHOICE: AttachUserConfirm,
    ChannelJoinRequest.CHOICE: ChannelJoinRequest,
    ChannelJoinConfirm.CHOICE: ChannelJoinConfirm,
    SendDataRequest.CHOICE: SendDataRequest,
    SendDataIndication.CHOICE: SendDataIndication,
}


def read_domain_pdu(data: bytes) -> DomainPdu:
    """Read the PDU that fills the user data of an X.224 DT. Raises Truncated, InvalidField or TooLong."""
    kind = _KINDS.get(Reader(data, "MCS").u8("choice") >> 2, UnknownPdu)
    r = Reader(data, kind.__name__)
    pdu = kind.read(r)
    r.end()
    return pdu


def write_domain_pdu(pdu: DomainPdu) -> bytes:
    """One PDU, ready for an X.224 DT."""
    w = Writer()
    pdu.write(w)
    return w.getvalue()


def _choice(r: Reader, wanted: int) -> int:
    """Read the octet that begins with the choice; the two bits after it."""
    octet = r.u8("choice")
    r.expect("choice", octet >> 2, wanted)
    return octet & 0x03


def _confirm(r: Reader, wanted: int) -> tuple[bool, ConnectResult, int]:
    """Choice, whether the optional field is there, result, and the padding behind it."""
    bits = r.u16be("result")
    if bits >> 10 != wanted:
        raise InvalidField(r.structure, "choice", r.offset, f"{wanted} expected: {bits >> 10}")
    return bool(bits >> 9 & 1), ConnectResult(bits >> 5 & 0x0F), bits & 0x1F


def _write_confirm(w: Writer, choice: int, *, present: bool, result: int, padding: int) -> None:
    w.u16be(choice << 10 | present << 9 | result << 5 | padding)
