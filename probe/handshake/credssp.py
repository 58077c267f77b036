"""CredSSP inside TLS, up to the server's NTLM challenge, and never further.

The client's first TSRequest carries a raw NTLM NEGOTIATE: no user name, nothing that could lock an account, and
what real clients send when only NTLM is usable. The server's answer shows its CredSSP version and, in the NTLM
CHALLENGE, its names, build and clock; or an NTSTATUS. [MS-CSSP] 3.1.5, [MS-NLMP] 3.2.5.1.1. Servers that reject the
token often just end TLS; FreeRDP 2 answers a SPNEGO token with 12 kB of zeros, which is why the token is raw.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache

from probe.errors import ProbeError, UnexpectedMessage
from probe.handshake.machine import SIDES, Event, Malformed, Seen, Side
from probe.wire import ntlm, spnego
from probe.wire.credssp import TsRequest, TsRequestFramer
from probe.wire.cursor import Reader, Writer


class State(Enum):
    """Which message is awaited, or how it ended."""

    __hash__ = object.__hash__

    EXPECT_NEGOTIATE = "the client's first TSRequest"
    EXPECT_CHALLENGE = "the server's TSRequest"
    ANSWERED = "answered"
    FAILED = "failed"


TRANSITIONS: Mapping[tuple[State, Side], State] = {
    (State.EXPECT_NEGOTIATE, Side.CLIENT): State.EXPECT_CHALLENGE,
    (State.EXPECT_CHALLENGE, Side.SERVER): State.ANSWERED,
}
_WAITING = (State.EXPECT_NEGOTIATE, State.EXPECT_CHALLENGE)
VERSION = 6  # the newest: servers send errorCode only to 3, 4 and 6 ([MS-CSSP] 2.2.1)


@lru_cache(maxsize=1)
def first_request() -> bytes:
    """The TSRequest that opens the exchange: version 6, a raw NTLM NEGOTIATE."""
    token = Writer()
    ntlm.probe_negotiate().write(token)
    w = Writer()
    TsRequest(version=VERSION, nego_tokens=(token.getvalue(),)).write(w)
    return w.getvalue()


class CredSspExchange:
    """The first two TSRequests. `request` is what a live client sends."""

    def __init__(self, request: bytes = b"") -> None:
        self.state = State.EXPECT_NEGOTIATE
        self._out = request
        self._framers = {side: TsRequestFramer() for side in SIDES}

    @property
    def finished(self) -> bool:
        """True once the server answered, or could not be read."""
        return self.state not in _WAITING

    @property
    def waiting_for(self) -> str:
        """The message that is awaited, in words."""
        return self.state.value if self.state in _WAITING else ""

    def data_to_send(self) -> bytes:
        """The first TSRequest, once."""
        out, self._out = self._out, b""
        return out

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        """Take bytes of either side, however split."""
        events: list[Event] = []
        raw: bytes | None = None
        framer = self._framers[side]
        framer.feed(data)
        try:
            while not self.finished and (raw := framer.next_message()) is not None:
                self._take(side, raw, at, events)
                raw = None
        except ProbeError as error:
            self.state = State.FAILED
            events.append(Malformed(at, side, error, raw or framer.leftover()))
        return events

    def _take(self, side: Side, raw: bytes, at: float, events: list[Event]) -> None:
        ours = side is Side.CLIENT
        request = _client_request(raw) if ours else _request(raw)
        events.append(Seen(at, side, request, raw))
        following = TRANSITIONS.get((self.state, side))
        if following is None:
            raise UnexpectedMessage(self.state.name, "TSRequest")
        self.state = following
        for token in request.nego_tokens or ():
            messages = _client_messages(token) if ours else messages_in(token)
            events.extend(Seen(at, side, message, token) for message in messages)

    def leftover(self, side: Side) -> bytes:
        """Bytes behind the server's answer, or of a TSRequest that never became whole."""
        return self._framers[side].leftover()

    def farewell(self) -> bytes:
        """Nothing: the TLS around it says goodbye."""
        return b""


def _request(raw: bytes) -> TsRequest:
    return TsRequest.read(Reader(raw, "TSRequest"))


def messages_in(token: bytes) -> tuple[object, ...]:
    """The SPNEGO token, and the NTLM message in it or in its place. Raises WireError."""
    outer = spnego.read_token(token)
    if isinstance(outer, spnego.RawToken):
        inner: bytes | None = outer.body
        found: list[object] = []
    else:
        found = [outer]
        inner = outer.mech_token if isinstance(outer, spnego.NegTokenInit) else outer.response_token
    if inner is not None and inner.startswith(ntlm.SIGNATURE):
        found.append(ntlm.read_message(inner))
    return tuple(found)


# A client says the same to every server, so it is read once.
_client_request = lru_cache(maxsize=4)(_request)
_client_messages = lru_cache(maxsize=4)(messages_in)
