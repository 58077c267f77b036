"""From the basic settings exchange to the licensing phase: no account, no licence, and not a step further.

[MS-RDPBCGR] 1.3.1.1 phases 3 to 6: the client joins its channels, under Standard RDP Security sends its encrypted
random, then the Client Info PDU, here with nobody's name in it. What the server then says of licences is what is
wanted. Where it wants to hand one out, nobody answers. Where it is content, the next thing is waited for too, because
it shows what follows: usually a Demand Active PDU, sometimes why the connection is ended. Neither is answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

from probe.errors import InvalidField, ProbeError, TooLong, UnexpectedMessage
from probe.handshake.machine import SIDES, Event, Malformed, Seen, Side
from probe.wire import mcs, x224
from probe.wire.client_info import ClientInfo, ExtendedInfo
from probe.wire.cursor import Reader, Writer
from probe.wire.error_info import ErrorInfo
from probe.wire.licensing import LicensingCode, LicensingError, LicensingMessage, read_licensing
from probe.wire.mcs_domain import (
    AttachUserConfirm,
    AttachUserRequest,
    ChannelJoinConfirm,
    ChannelJoinRequest,
    DomainPdu,
    ErectDomainRequest,
    SendDataIndication,
    SendDataRequest,
    read_domain_pdu,
    write_domain_pdu,
)
from probe.wire.security_header import FipsHeader, SecurityExchange, SecurityFlag, SecurityHeader, SignedHeader
from probe.wire.share import ShareData, SharePdu, ShareType, is_share, read_share


class State(Enum):
    """Which message is awaited, or how it ended."""

    __hash__ = object.__hash__

    EXPECT_ERECT = "the client's MCS Erect Domain Request"
    EXPECT_ATTACH = "the client's MCS Attach User Request"
    EXPECT_ATTACHED = "the server's MCS Attach User Confirm"
    EXPECT_JOIN = "the client's MCS Channel Join Request"
    EXPECT_JOINED = "the server's MCS Channel Join Confirm"
    EXPECT_LICENSE = "the server's licensing PDU"
    EXPECT_NEXT = "what the server says after the licensing phase"
    ANSWERED = "answered"
    REFUSED = "refused to let the client attach or join"
    DISCONNECTED = "disconnected"
    FAILED = "failed"


_CLIENT: Mapping[tuple[State, Side, type[object]], State] = {
    (State.EXPECT_ERECT, Side.CLIENT, ErectDomainRequest): State.EXPECT_ATTACH,
    (State.EXPECT_ATTACH, Side.CLIENT, AttachUserRequest): State.EXPECT_ATTACHED,
    (State.EXPECT_JOIN, Side.CLIENT, ChannelJoinRequest): State.EXPECT_JOINED,
    (State.EXPECT_JOIN, Side.CLIENT, SendDataRequest): State.EXPECT_LICENSE,
    (State.EXPECT_LICENSE, Side.CLIENT, SendDataRequest): State.EXPECT_LICENSE,
}
_WAITING = tuple(state for state in State if state.name.startswith("EXPECT_"))
# An indication leads to ANSWERED or EXPECT_NEXT where it is an answer; what is not leaves the state as it was.
TRANSITIONS: Mapping[tuple[State, Side, type[object]], State] = {
    **_CLIENT,
    (State.EXPECT_ATTACHED, Side.SERVER, AttachUserConfirm): State.EXPECT_JOIN,
    (State.EXPECT_JOINED, Side.SERVER, ChannelJoinConfirm): State.EXPECT_JOIN,
    **{(state, Side.SERVER, SendDataIndication): state for state in _WAITING},
    (State.EXPECT_LICENSE, Side.SERVER, SendDataIndication): State.EXPECT_NEXT,
    (State.EXPECT_NEXT, Side.SERVER, SendDataIndication): State.ANSWERED,
    **{(state, Side.SERVER, mcs.DisconnectProviderUltimatum): State.DISCONNECTED for state in _WAITING},
}
_LARGEST_PDU = 64 * 1024
_MOST_PDUS = 64  # of the server; an honest one says less than ten
# What may come on the message channel or beside licensing, and asks for nothing that we must do.
_ASIDE = SecurityFlag.AUTODETECT_REQ | SecurityFlag.HEARTBEAT | SecurityFlag.TRANSPORT_REQ


class Cipher(Protocol):
    """The encryption of Standard RDP Security, from the client's side. [MS-RDPBCGR] 5.3.6."""

    @property
    def exchange(self) -> bytes:
        """encryptedClientRandom, which lets the server have the same keys."""
        ...

    @property
    def header(self) -> type[SignedHeader | FipsHeader]:
        """What stands before a PDU that is encrypted."""
        ...

    def seal(self, flags: int, data: bytes) -> bytes:
        """The header with these flags, and behind it the clear text encrypted."""
        ...

    def open(self, header: SignedHeader | FipsHeader, data: bytes) -> bytes | None:
        """The clear text of what stands behind a header; None where the signature is another one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """What the basic settings exchange has settled, as far as it is needed from here on."""

    io_channel: int
    channels: tuple[int, ...] = ()  # the message channel and the static ones, which a client has to join too
    headers: bool = False  # Standard RDP Security with encryption: every PDU has a security header
    cipher: Cipher | None = None


class LicensingPhase:
    """One licensing phase. Without `joining` it only observes, and what is encrypted stays closed."""

    def __init__(self, joining: Joining | None = None) -> None:
        self.state = State.EXPECT_ERECT
        self._joining = joining or Joining(io_channel=0)
        self._out = _packets(ErectDomainRequest(), AttachUserRequest()) if joining is not None else b""
        self._user = 0
        self._to_join: list[int] = []
        self._framers = {side: x224.TpktFramer() for side in SIDES}
        self._parts = dict.fromkeys(Side, b"")
        self._packets = dict.fromkeys(Side, b"")
        self._heard = 0

    @property
    def finished(self) -> bool:
        """True once the server has answered, ended the connection, or could not be read."""
        return self.state not in _WAITING

    @property
    def waiting_for(self) -> str:
        """The message that is awaited, in words."""
        return self.state.value if self.state in _WAITING else ""

    def data_to_send(self) -> bytes:
        """The next requests."""
        out, self._out = self._out, b""
        return out

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        """Take bytes of either side, however split."""
        events: list[Event] = []
        framer = self._framers[side]
        framer.feed(data)
        try:
            while not self.finished and (raw := framer.next_packet()) is not None:
                self._packets[side] += raw
                self._take(side, raw, at, events)
        except ProbeError as error:
            self.state = State.FAILED
            events.append(Malformed(at, side, error, self._packets[side] or framer.leftover()))
            self._packets[side] = b""
        return events

    def _take(self, side: Side, raw: bytes, at: float, events: list[Event]) -> None:
        tpdu = x224.read_packet(raw)
        if not isinstance(tpdu, x224.Data):
            events.append(Seen(at, side, tpdu, raw))
            raise UnexpectedMessage(self.state.name, type(tpdu).__name__)
        self._parts[side] += tpdu.user_data
        if len(self._packets[side]) > _LARGEST_PDU:
            raise TooLong("MCS", "user data", len(self._packets[side]), f"{_LARGEST_PDU} bytes are read at most")
        if not tpdu.number & x224.Data.END_OF_TSDU:
            return
        body, self._parts[side] = self._parts[side], b""
        pdu = read_domain_pdu(body)
        events.append(Seen(at, side, pdu, self._packets[side]))
        if (self.state, side, type(pdu)) not in TRANSITIONS:
            raise UnexpectedMessage(self.state.name, type(pdu).__name__)
        if side is Side.CLIENT:
            self._said(pdu, at, events)
        else:
            self._heard += 1
            if self._heard > _MOST_PDUS:
                raise TooLong("MCS", "PDUs", self._heard, f"{_MOST_PDUS} of them are read at most")
            self._answered(pdu, at, events)
        self._packets[side] = b""

    def _said(self, pdu: DomainPdu, at: float, events: list[Event]) -> None:
        self.state = TRANSITIONS[self.state, Side.CLIENT, type(pdu)]
        if isinstance(pdu, SendDataRequest):
            events += [Seen(at, Side.CLIENT, message, pdu.user_data) for message in _client_messages(pdu.user_data)]

    def _answered(self, pdu: DomainPdu, at: float, events: list[Event]) -> None:
        if isinstance(pdu, SendDataIndication):
            for message, raw in self._inside(pdu.user_data):
                events.append(Seen(at, Side.SERVER, message, raw))
                self._judge(message)
            return
        if isinstance(pdu, AttachUserConfirm | ChannelJoinConfirm) and pdu.result != mcs.ConnectResult.RT_SUCCESSFUL:
            self.state = State.REFUSED
            return
        self.state = TRANSITIONS[self.state, Side.SERVER, type(pdu)]
        if isinstance(pdu, AttachUserConfirm):
            if pdu.initiator is None:
                raise InvalidField("AttachUserConfirm", "initiator", 0, "absent though the result is a success")
            self._user = pdu.initiator
            self._to_join = [self._user, self._joining.io_channel, *self._joining.channels]
        if self.state is State.EXPECT_JOIN and self._joining.io_channel:
            self._out = self._next_request()

    def _next_request(self) -> bytes:
        """To join the next channel; when all are joined, who the client is."""
        if self._to_join:
            channel = self._to_join.pop(0)
            return _packets(ChannelJoinRequest(initiator=self._user, channel_id=channel))
        said = []
        cipher = self._joining.cipher
        if cipher is not None:
            flags = SecurityFlag.EXCHANGE_PKT | SecurityFlag.LICENSE_ENCRYPT
            said.append(
                _written(SecurityHeader(flags=flags), SecurityExchange(encrypted_client_random=cipher.exchange))
            )
        said.append(self._client_info(cipher))
        channel = self._joining.io_channel
        return _packets(*(SendDataRequest(initiator=self._user, channel_id=channel, user_data=data) for data in said))

    def _client_info(self, cipher: Cipher | None) -> bytes:
        info = _written(replace(ClientInfo(), extra=_written(ExtendedInfo())))
        if cipher is not None:
            return cipher.seal(SecurityFlag.INFO_PKT | SecurityFlag.ENCRYPT, info)
        return _written(SecurityHeader(flags=SecurityFlag.INFO_PKT)) + info

    def _inside(self, data: bytes) -> Iterator[tuple[object, bytes]]:
        """What an indication carries: its security header, where there is one, and the message."""
        if not self._joining.headers and is_share(data):
            yield read_share(data), data
            return
        header, body = self._opened(data)
        yield header, data
        if header.flags & SecurityFlag.LICENSE_PKT:
            yield read_licensing(body), body
        elif header.flags & SecurityFlag.REDIRECTION_PKT:
            yield SharePdu(share_type=ShareType.SERVER_REDIRECTION, body=body), body
        elif not header.flags & _ASIDE:
            yield read_share(body), body

    def _opened(self, data: bytes) -> tuple[SecurityHeader | SignedHeader | FipsHeader, bytes]:
        """The header, and what stands behind it in clear. Raises Truncated, or InvalidField where it does not open."""
        r = Reader(data, SecurityHeader.__name__)
        basic = SecurityHeader.read(r)
        if not basic.flags & SecurityFlag.ENCRYPT:
            return basic, r.rest()
        r = Reader(data, SecurityHeader.__name__)
        cipher = self._joining.cipher
        if cipher is None:
            raise InvalidField(SecurityHeader.__name__, "flags", 0, "encrypted, though no keys were agreed on")
        header = cipher.header.read(r)
        clear = cipher.open(header, r.rest())
        if clear is None:
            raise InvalidField(SecurityHeader.__name__, "dataSignature", 0, "not that of what it signs")
        return header, clear

    def _judge(self, message: object) -> None:
        """Whether a message is an answer, and the last that is wanted."""
        if isinstance(message, LicensingError) and message.code == LicensingCode.STATUS_VALID_CLIENT:
            self.state = State.EXPECT_NEXT
        elif isinstance(message, LicensingError | LicensingMessage | SharePdu) or _names_an_error(message):
            self.state = State.ANSWERED

    def leftover(self, side: Side) -> bytes:
        """Bytes behind the answer, and of a PDU that never became whole."""
        packets, self._packets[side] = self._packets[side], b""
        return packets + self._framers[side].leftover()

    def farewell(self) -> bytes:
        """An MCS disconnect, where there is a connection to end."""
        if self.state not in (State.ANSWERED, State.REFUSED):
            return b""
        return _packets(mcs.DisconnectProviderUltimatum(reason=mcs.DisconnectReason.RN_USER_REQUESTED))


def _names_an_error(message: object) -> bool:
    return isinstance(message, ShareData) and message.error_info not in (None, ErrorInfo.ERRINFO_NONE)


def _client_messages(data: bytes) -> Iterator[object]:
    """What a client's request carries, as far as it is in clear."""
    r = Reader(data, SecurityHeader.__name__)
    header = SecurityHeader.read(r)
    if header.flags & SecurityFlag.EXCHANGE_PKT:
        yield header
        yield SecurityExchange.read(r)
    elif header.flags & SecurityFlag.INFO_PKT and not header.flags & SecurityFlag.ENCRYPT:
        yield header
        yield ClientInfo.read(r)
    else:
        yield header


class _Writable(Protocol):
    def write(self, w: Writer) -> None: ...


def _written(*messages: _Writable) -> bytes:
    w = Writer()
    for message in messages:
        message.write(w)
    return w.getvalue()


def _packets(*pdus: DomainPdu) -> bytes:
    return b"".join(x224.write_packet(x224.Data(user_data=write_domain_pdu(pdu))) for pdu in pdus)
