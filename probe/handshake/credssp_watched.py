"""CredSSP as others speak it inside TLS, where a key log opened that: who logs on by what, and never with what.

TSRequests go to and fro until the client delegates its credentials (authInfo), or the server says why not. Of a
client's messages nothing is kept but versions, mechanisms and names: no token, no proof, no raw bytes. [MS-CSSP] 3.1.5.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from probe.errors import ProbeError, TooLong, WireError
from probe.handshake.credssp import messages_in
from probe.handshake.machine import SIDES, Event, Malformed, Seen, Side
from probe.wire import ntlm, spnego
from probe.wire.credssp import TsRequest, TsRequestFramer
from probe.wire.cursor import Reader
from probe.wire.kerberos import KerberosService
from probe.wire.ntlm_names import NtlmNames

_MOST = 32  # TSRequests; NTLM takes five, Kerberos a few more


class State(Enum):
    """Which message is awaited, or how it ended."""

    __hash__ = object.__hash__

    EXPECT_REQUEST = "the client's first TSRequest"
    EXPECT_ANSWER = "the server's TSRequest"
    EXPECT_NEXT = "the client's next TSRequest"
    DELEGATED = "credentials were delegated"
    REFUSED = "refused with an error"
    FAILED = "failed"


_OVER = (State.DELEGATED, State.REFUSED, State.FAILED)


class WatchedCredSsp:
    """All TSRequests of one connection, of both sides."""

    def __init__(self) -> None:
        self.state = State.EXPECT_REQUEST
        self._framers = {side: TsRequestFramer() for side in SIDES}
        self._taken = 0

    @property
    def finished(self) -> bool:
        """True once credentials were delegated or refused, or nothing can be read any more."""
        return self.state in _OVER

    @property
    def delegated(self) -> bool:
        """True once the client has sent its credentials, which only they can read; then RDP begins."""
        return self.state is State.DELEGATED

    @property
    def waiting_for(self) -> str:
        """The message that is awaited, in words."""
        return "" if self.finished else self.state.value

    def data_to_send(self) -> bytes:
        """Never anything: others speak."""
        return b""

    def farewell(self) -> bytes:
        """Nothing."""
        return b""

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        """Take bytes of either side, however split."""
        events: list[Event] = []
        framer = self._framers[side]
        framer.feed(data)
        try:
            while not self.finished and (raw := framer.next_message()) is not None:
                self._take(side, raw, at, events)
        except ProbeError as error:
            self.state = State.FAILED
            events.append(Malformed(at, side, error, b""))  # no bytes: they may be a proof of a password
        return events

    def _take(self, side: Side, raw: bytes, at: float, events: list[Event]) -> None:
        self._taken += 1
        if self._taken > _MOST:
            raise TooLong("CredSSP", "TSRequests", 0, f"{_MOST} are read at most")
        request = TsRequest.read(Reader(raw, "TSRequest"))
        if side is Side.SERVER and request.pub_key_auth is None:  # as in an exchange of our own
            events.append(Seen(at, side, request, raw))
            for token in request.nego_tokens or ():
                events.extend(Seen(at, side, message, token) for message in messages_in(token))
        else:
            bare = replace(request, nego_tokens=None, auth_info=None, pub_key_auth=None, client_nonce=None, unknown=b"")
            events.append(Seen(at, side, bare, b""))
            for token in request.nego_tokens or ():
                events.extend(Seen(at, side, message, b"") for message in _shown(token))
        if request.error_code is not None:
            self.state = State.REFUSED
        elif request.auth_info is not None:
            self.state = State.DELEGATED
        else:
            self.state = State.EXPECT_ANSWER if side is Side.CLIENT else State.EXPECT_NEXT

    def leftover(self, side: Side) -> bytes:
        """Bytes behind the last TSRequest; none where one could not be read, or is not whole."""
        rest = self._framers[side].leftover()
        return rest if self.state is State.DELEGATED else b""


def _shown(token: bytes) -> list[object]:
    """What a token of the client shows, without what proves or encrypts anything. Never raises."""
    try:
        outer = spnego.read_token(token)
    except WireError:
        return []
    if isinstance(outer, spnego.RawToken):
        return _mechanism(outer.body)
    if isinstance(outer, spnego.NegTokenInit):
        return [replace(outer, mech_token=None, mech_list_mic=None, unknown=b""), *_mechanism(outer.mech_token or b"")]
    return [
        replace(outer, response_token=None, mech_list_mic=None, unknown=b""),
        *_mechanism(outer.response_token or b""),
    ]


def _mechanism(token: bytes) -> list[object]:
    """The client's message of the mechanism itself: NTLM's, or of Kerberos the service that is asked for."""
    try:
        if not token.startswith(ntlm.SIGNATURE):
            return [KerberosService.of(Reader(token, "Kerberos"))]
        message = ntlm.read_message(token)
        return [NtlmNames.of(token) if isinstance(message, ntlm.Authenticate) else message]
    except WireError:
        return []
