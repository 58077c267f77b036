"""X.224 connection initiation and the RDP negotiation inside it.

One exchange, [MS-RDPBCGR] 1.3.1.1 phase 1: the client may send a preconnection PDU, then exactly one Connection
Request; the server answers with exactly one TPDU. What real servers do otherwise:

- xrdp rejects a request by a disconnect PDU in an X.224 DT in place of the confirm, or behind it, often in the same
  segment: what follows the first TPDU is left over for whoever comes next.
- Old servers confirm with eleven bytes and no negotiation, which is an answer and not a default.
- Other ISO services (a Siemens PLC) confirm with X.224 parameters; those are kept and judged later.

No socket, no clock. See `machine.py` for what observing means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Self

from probe.errors import ProbeError, Truncated, UnexpectedMessage
from probe.handshake.machine import SIDES, Event, Malformed, Seen, Side
from probe.wire import mcs, x224
from probe.wire.cursor import Reader
from probe.wire.nego import ConfirmData, PreconnectionPdu, RequestData


class State(Enum):
    """Which message is awaited, or how it ended."""

    __hash__ = object.__hash__

    EXPECT_REQUEST = "the client's Connection Request"
    EXPECT_CONFIRM = "the server's Connection Confirm"
    CONFIRMED = "confirmed"
    DISCONNECTED = "disconnected"
    FAILED = "failed"


TRANSITIONS: Mapping[tuple[State, Side, type[object]], State] = {
    (State.EXPECT_REQUEST, Side.CLIENT, PreconnectionPdu): State.EXPECT_REQUEST,
    (State.EXPECT_REQUEST, Side.CLIENT, x224.ConnectionRequest): State.EXPECT_CONFIRM,
    (State.EXPECT_CONFIRM, Side.SERVER, x224.ConnectionConfirm): State.CONFIRMED,
    (State.EXPECT_CONFIRM, Side.SERVER, x224.DisconnectRequest): State.DISCONNECTED,
    (State.EXPECT_CONFIRM, Side.SERVER, x224.Error): State.DISCONNECTED,
    (State.EXPECT_CONFIRM, Side.SERVER, x224.Data): State.DISCONNECTED,
}
_WAITING = (State.EXPECT_REQUEST, State.EXPECT_CONFIRM)
_SHORT = 64  # bytes of a packet that may be one of the few that are met over and over
_TPKT_START = b"\x03\x00"
_CODE_AT, _VARIABLE_AT = 5, 11  # of a Connection Request in its TPKT packet


class Negotiation:
    """One X.224 connection initiation. `request` is what a live client sends; empty for a capture.

    With `only`, the other side's bytes are not there: the server's answer is read without a request, and a client's
    request is all there is to wait for.
    """

    def __init__(self, request: bytes = b"", *, only: Side | None = None) -> None:
        self.state = State.EXPECT_CONFIRM if only is Side.SERVER else State.EXPECT_REQUEST
        self.confirm: ConfirmData | None = None
        self._waiting = _WAITING[:1] if only is Side.CLIENT else _WAITING
        self._out = request
        self._framers = {side: x224.TpktFramer() for side in SIDES}
        self._before_request = b""
        self._in_packets = False  # the client's first TPKT packet has begun

    @property
    def finished(self) -> bool:
        """True once the server's answer was read, or could not be."""
        return self.state not in self._waiting

    @property
    def waiting_for(self) -> str:
        """The message that is awaited, in words."""
        return self.state.value if self.state in self._waiting else ""

    def data_to_send(self) -> bytes:
        """The request, once."""
        out, self._out = self._out, b""
        return out

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        """Take bytes of either side, however split."""
        events: list[Event] = []
        raw: bytes | None = None
        try:
            if side is Side.CLIENT and not self._in_packets:
                data = self._preconnection(data, at, events)
            self._framers[side].feed(data)
            while not self.finished and (raw := self._framers[side].next_packet()) is not None:
                self._take(side, raw, at, events)
                raw = None
        except ProbeError as error:
            self.state = State.FAILED
            events.append(Malformed(at, side, error, raw or self._framers[side].leftover()))
        return events

    def _preconnection(self, data: bytes, at: float, events: list[Event]) -> bytes:
        """Split off a preconnection PDU; it has no marker but not being a TPKT packet."""
        data, self._before_request = self._before_request + data, b""
        if len(data) < len(_TPKT_START):
            self._before_request = data
            return b""
        if data.startswith(_TPKT_START):
            self._in_packets = True
            return data
        r = Reader(data, "RDP_PRECONNECTION_PDU")
        try:
            pdu = PreconnectionPdu.read(r)
        except Truncated:
            self._before_request = data
            return b""
        self._advance(Side.CLIENT, pdu)
        events.append(Seen(at, Side.CLIENT, pdu, r.consumed()))
        return self._preconnection(r.rest(), at, events)

    def _take(self, side: Side, raw: bytes, at: float, events: list[Event]) -> None:
        short = len(raw) <= _SHORT
        tpdu = _usual_tpdu(raw) if short else x224.read_packet(raw)
        events.append(Seen(at, side, tpdu, raw))
        inner = _usually_inside(raw) if short else _inside(tpdu)
        if inner is not None:
            events.append(Seen(at, side, inner, raw))
        if isinstance(inner, ConfirmData):
            self.confirm = inner
        self._advance(side, tpdu)

    def _advance(self, side: Side, message: object) -> None:
        following = TRANSITIONS.get((self.state, side, type(message)))
        if following is None:
            raise UnexpectedMessage(self.state.name, type(message).__name__)
        self.state = following

    def leftover(self, side: Side) -> bytes:
        """Bytes behind the answer, and bytes of a message that never became whole."""
        before, self._before_request = (
            (self._before_request, b"") if side is Side.CLIENT else (b"", self._before_request)
        )
        return before + self._framers[side].leftover()

    def farewell(self) -> bytes:
        """Nothing: an unanswered or refused request is closed by closing."""
        return b""


def _inside(tpdu: x224.Tpdu) -> object | None:
    """What RDP carries in a TPDU of the connection initiation. Raises WireError."""
    if isinstance(tpdu, x224.ConnectionRequest):
        return RequestData.read(tpdu.variable)
    if isinstance(tpdu, x224.ConnectionConfirm):
        return ConfirmData.read(tpdu.variable)
    if isinstance(tpdu, x224.Data):
        return mcs.read_pdu(tpdu.user_data)
    return None


@lru_cache(maxsize=64)
def _usual_tpdu(raw: bytes) -> x224.Tpdu:
    """A packet is read once: our request is the same for every server, and most servers give one of few answers."""
    return x224.read_packet(raw)


@lru_cache(maxsize=64)
def _usually_inside(raw: bytes) -> object | None:
    return _inside(_usual_tpdu(raw))


@dataclass(frozen=True, slots=True)
class CutRequest:
    """A Connection Request whose end is not in a capture. `token` is its cookie or routing token, where it is whole."""

    token: bytes | None

    @classmethod
    def read(cls, raw: bytes) -> Self | None:
        """Read the beginning of a TPKT packet; None where it is no Connection Request's."""
        if not raw.startswith(_TPKT_START) or len(raw) <= _CODE_AT or raw[_CODE_AT] >> 4 != x224.ConnectionRequest.CODE:
            return None
        token, end, _ = raw[_VARIABLE_AT:].partition(RequestData.END_OF_TOKEN)
        return cls(token if end else None)
