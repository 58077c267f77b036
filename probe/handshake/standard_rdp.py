"""The basic settings exchange: MCS Connect-Initial and Connect-Response, up to the server's random and certificate.

[MS-RDPBCGR] 1.3.1.1 phase 2. Under Standard RDP Security it is in clear and shows encryption level, method and the
server's certificate; inside TLS without NLA it shows the RDP version. It stops there: what follows, and only where
that is asked for, is `probe.handshake.licensing`. A server that does not go along answers by a Disconnect Provider
Ultimatum, by a Connect-Response with another result, or by closing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from functools import lru_cache
from typing import cast

from probe.errors import ProbeError, TooLong, UnexpectedMessage
from probe.handshake.machine import SIDES, Event, Malformed, Seen, Side
from probe.wire import gcc, mcs, standard_security, x224


class State(Enum):
    """Which message is awaited, or how it ended."""

    __hash__ = object.__hash__

    EXPECT_INITIAL = "the client's MCS Connect-Initial"
    EXPECT_RESPONSE = "the server's MCS Connect-Response"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    FAILED = "failed"


TRANSITIONS: Mapping[tuple[State, Side, type[object]], State] = {
    (State.EXPECT_INITIAL, Side.CLIENT, mcs.ConnectInitial): State.EXPECT_RESPONSE,
    (State.EXPECT_INITIAL, Side.SERVER, mcs.DisconnectProviderUltimatum): State.DISCONNECTED,
    (State.EXPECT_RESPONSE, Side.SERVER, mcs.ConnectResponse): State.CONNECTED,
    (State.EXPECT_RESPONSE, Side.SERVER, mcs.DisconnectProviderUltimatum): State.DISCONNECTED,
}
_WAITING = (State.EXPECT_INITIAL, State.EXPECT_RESPONSE)
_LARGEST_PDU = 64 * 1024  # an X.509 chain takes some kilobytes


class BasicSettingsExchange:
    """One basic settings exchange. `connect_initial` is the TPKT packet a live client sends.

    With `only`, the other side's bytes are not there: a response is read without a Connect-Initial, and after a
    client's Connect-Initial nothing more is awaited.
    """

    def __init__(self, connect_initial: bytes = b"", *, only: Side | None = None) -> None:
        self.state = State.EXPECT_RESPONSE if only is Side.SERVER else State.EXPECT_INITIAL
        self._waiting = _WAITING[:1] if only is Side.CLIENT else _WAITING
        self._out = connect_initial
        self._framers = {side: x224.TpktFramer() for side in SIDES}
        self._parts = dict.fromkeys(Side, b"")  # of a PDU that spans several DTs, and the packets they came in
        self._packets = dict.fromkeys(Side, b"")
        self.settings: gcc.ConferenceCreateResponse | None = None  # the server's
        self.certificate: standard_security.ServerCertificate | None = None

    @property
    def finished(self) -> bool:
        """True once the server answered, or could not be read."""
        return self.state not in self._waiting

    @property
    def waiting_for(self) -> str:
        """The message that is awaited, in words."""
        return self.state.value if self.state in self._waiting else ""

    def data_to_send(self) -> bytes:
        """The Connect-Initial, once."""
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
        if len(self._packets[side]) > _LARGEST_PDU:  # with their headers: parts may be empty, and go on for ever
            raise TooLong("MCS", "user data", len(self._packets[side]), f"{_LARGEST_PDU} bytes are read at most")
        if not tpdu.number & x224.Data.END_OF_TSDU:
            return
        body, self._parts[side] = self._parts[side], b""
        pdu = _client_pdu(body) if side is Side.CLIENT else mcs.read_pdu(body)
        events.append(Seen(at, side, pdu, self._packets[side]))
        following = TRANSITIONS.get((self.state, side, type(pdu)))
        if following is None:
            raise UnexpectedMessage(self.state.name, type(pdu).__name__)
        for inner, inner_raw in _inside(pdu):
            events.append(Seen(at, side, inner, inner_raw))
            self._keep(inner)
        self.state = following
        self._packets[side] = b""

    def _keep(self, message: object) -> None:
        """What a machine that goes on from here needs to know."""
        if isinstance(message, gcc.ConferenceCreateResponse):
            self.settings = message
        elif not isinstance(message, gcc.ConferenceCreateRequest):
            self.certificate = cast("standard_security.ServerCertificate", message)

    def leftover(self, side: Side) -> bytes:
        """Bytes behind the response, and of a PDU that never became whole."""
        packets, self._packets[side] = self._packets[side], b""
        return packets + self._framers[side].leftover()

    def farewell(self) -> bytes:
        """An MCS disconnect, as a client that gives up sends, where there is a connection to end."""
        if self.state is not State.CONNECTED:
            return b""
        ultimatum = mcs.write_pdu(mcs.DisconnectProviderUltimatum(reason=mcs.DisconnectReason.RN_USER_REQUESTED))
        return x224.write_packet(x224.Data(user_data=ultimatum))


def _inside(pdu: mcs.McsPdu) -> Iterator[tuple[object, bytes]]:
    """The GCC conference inside an MCS PDU, then the certificate inside that: what reads is kept, then WireError."""
    if isinstance(pdu, mcs.ConnectInitial):
        yield _client_settings(pdu.user_data), pdu.user_data
    if not isinstance(pdu, mcs.ConnectResponse) or pdu.result != mcs.ConnectResult.RT_SUCCESSFUL:
        return
    response = gcc.ConferenceCreateResponse.read(pdu.user_data)
    yield response, pdu.user_data
    security = response.block(gcc.ServerSecurity)
    if security is not None and security.server_certificate:
        yield standard_security.read_server_certificate(security.server_certificate), security.server_certificate


# A client says the same to every server, so it is read once.
_client_pdu = lru_cache(maxsize=16)(mcs.read_pdu)
_client_settings = lru_cache(maxsize=16)(gcc.ConferenceCreateRequest.read)
