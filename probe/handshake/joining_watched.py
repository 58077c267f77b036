"""What a server says behind the basic settings, as far as it is in clear: why it ends a connection, and of licenses.

Of the client nothing is read from here on: its next messages are who logs on. Of the server that it refuses a channel,
that it ends the connection, its licensing messages and the error that it names. What is encrypted by Standard RDP
Security ends it, and so does the first message of a session. [MS-RDPBCGR] 1.3.1.1 phases 3 to 6, [MS-RDPELE] 1.3.3.
"""

from __future__ import annotations

from collections.abc import Iterator

from probe.errors import ProbeError
from probe.handshake.machine import Event, Seen, Side
from probe.wire import gcc, mcs, x224
from probe.wire.cursor import Reader
from probe.wire.error_info import ErrorInfo
from probe.wire.licensing import LicensingCode, LicensingError, read_licensing
from probe.wire.mcs_domain import AttachUserConfirm, ChannelJoinConfirm, SendDataIndication, read_domain_pdu
from probe.wire.security_header import SecurityFlag, SecurityHeader
from probe.wire.share import ShareData, is_share, read_share

_MOST_PDUS = 64  # of the server; an honest one says less than ten before a session
_ASIDE = SecurityFlag.AUTODETECT_REQ | SecurityFlag.HEARTBEAT | SecurityFlag.TRANSPORT_REQ


class WatchedJoining:
    """The server's side of everything between its settings and a session."""

    def __init__(self, settings: gcc.ConferenceCreateResponse | None) -> None:
        security = settings.block(gcc.ServerSecurity) if settings is not None else None
        self._headers = security is not None and bool(security.encryption_method or security.encryption_level)
        self._framer = x224.TpktFramer()
        self._heard = 0
        self._over = False

    @property
    def finished(self) -> bool:
        """True once the server has said why it ends, or nothing more can be read."""
        return self._over

    @property
    def waiting_for(self) -> str:
        """Nothing: the settings were all that is wanted."""
        return ""

    def data_to_send(self) -> bytes:
        """Never anything: others speak."""
        return b""

    def farewell(self) -> bytes:
        """Never anything."""
        return b""

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        """Take bytes of the server, however split. What cannot be read ends it without a word."""
        events: list[Event] = []
        if side is Side.CLIENT or self._over:
            return events
        self._framer.feed(data)
        try:
            while not self._over and (raw := self._framer.next_packet()) is not None:
                self._heard += 1
                events += [Seen(at, side, message, raw) for message in self._read(raw)]
                self._over = self._over or self._heard >= _MOST_PDUS
        except ProbeError:
            self._over = True
        return events

    def _read(self, raw: bytes) -> Iterator[object]:
        tpdu = x224.read_packet(raw)
        pdu = read_domain_pdu(tpdu.user_data) if isinstance(tpdu, x224.Data) else None
        if isinstance(pdu, SendDataIndication):
            yield from self._inside(pdu.user_data)
        elif isinstance(pdu, AttachUserConfirm | ChannelJoinConfirm):
            if pdu.result != mcs.ConnectResult.RT_SUCCESSFUL:
                self._over = True
                yield pdu
        elif isinstance(pdu, mcs.DisconnectProviderUltimatum):
            self._over = True
            yield pdu
        else:
            self._over = True

    def _inside(self, data: bytes) -> Iterator[object]:
        if not self._headers and is_share(data):
            yield from self._share(data)
            return
        r = Reader(data, SecurityHeader.__name__)
        header = SecurityHeader.read(r)
        if header.flags & SecurityFlag.ENCRYPT:
            self._over = True
        elif header.flags & SecurityFlag.LICENSE_PKT:
            message = read_licensing(r.rest())
            self._over = isinstance(message, LicensingError) and message.code != LicensingCode.STATUS_VALID_CLIENT
            yield message
        elif not header.flags & _ASIDE:
            yield from self._share(r.rest())

    def _share(self, data: bytes) -> Iterator[object]:
        """The error that a server names; any other message is of a session."""
        message = read_share(data)
        self._over = True
        if isinstance(message, ShareData) and message.error_info not in (None, ErrorInfo.ERRINFO_NONE):
            yield message

    def leftover(self, side: Side) -> bytes:  # noqa: ARG002  as every machine
        """Nothing is kept of what comes here."""
        return b""
