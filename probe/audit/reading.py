"""What one attempt's events say, gathered once for the plan and the verdict. No judgement of the server yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import TypeVar, cast

from probe.audit.attempt import Attempt, Question, Stage
from probe.handshake.machine import Ended, Ending, Event, Malformed, Secured, Seen, Side, TlsClosed, TlsFailed, Unread
from probe.wire import gcc, mcs, ntlm, ssl2, standard_security, tls_hello, x224
from probe.wire.credssp import TsRequest
from probe.wire.nego import ConfirmData, NegotiationFailure, NegotiationResponse
from probe.wire.rdstls import RdstlsCapabilities, ServerNonce
from probe.wire.spnego import NegTokenInit, NegTokenResp
from probe.wire.tls_extensions import ExtensionType, find
from probe.wire.tls_record import Alert, ChangeCipherSpec

ServerCertificate = (
    standard_security.ProprietaryCertificate
    | standard_security.X509CertificateChain
    | standard_security.UnknownCertificate
)

_UNANSWERED = (Ending.TIMED_OUT, Ending.DEADLINE, Ending.RESET, Ending.FILTERED, Ending.ABANDONED)


@dataclass(slots=True)
class Reading:
    """The server's messages on one connection; None where there was no such message."""

    question: Question
    ending: Ending
    number: int
    received_nothing: bool
    confirm: x224.ConnectionConfirm | None = None
    confirm_data: ConfirmData | None = None
    disconnect: mcs.DisconnectProviderUltimatum | None = None  # in clear; where it stood is told by what else came
    refusal: x224.DisconnectRequest | x224.Error | None = None
    server_hello: tls_hello.ServerHello | None = None
    key_exchange: tls_hello.ServerKeyExchange | None = None
    ssl2_hello: ssl2.ServerHello | None = None
    ssl2_error: ssl2.Error | None = None
    resumed: bool = False  # the session of another handshake was continued
    chain: tuple[bytes, ...] | None = None  # DER, leaf first, from clear text or from a completed handshake
    alert: Alert | None = None  # the first that ended something
    secured: Secured | None = None
    tls_failed: TlsFailed | None = None
    tls_closed: bool = False
    connect_response: mcs.ConnectResponse | None = None
    core: gcc.ServerCore | None = None
    security: gcc.ServerSecurity | None = None
    server_certificate: ServerCertificate | None = None
    ts_request: TsRequest | None = None
    spnego: NegTokenResp | NegTokenInit | None = None
    challenge: ntlm.Challenge | None = None
    challenge_at: float | None = None
    rdstls: RdstlsCapabilities | None = None
    nonce: ServerNonce | None = None
    malformed: Malformed | None = None
    awaited: str = ""  # what was still expected when it ended
    unread: bytes = b""  # from the server, behind the last message
    first_bytes: bytes = b""  # of the server, where they could not be read
    messages: list[object] = field(default_factory=list)  # of the server, in order
    worked_out: dict[str, object] = field(default_factory=dict, repr=False, compare=False)  # see `once`

    @property
    def negotiation(self) -> NegotiationResponse | NegotiationFailure | None:
        """The negotiation structure of the confirm."""
        return self.confirm_data.negotiation if self.confirm_data is not None else None

    @property
    def spoke_rdp(self) -> bool:
        """A negotiation structure, an MCS PDU, or a confirm followed by either: no other ISO service says these."""
        return (
            self.negotiation is not None
            or self.disconnect is not None
            or self.connect_response is not None
            or self.rdstls is not None
        )

    @property
    def is_foreign(self) -> bool:
        """Bytes came that are not RDP: no TPKT at all, or a bare confirm that RDP's next message did not follow."""
        if self.spoke_rdp or self.question.protocols is None:
            return False
        if self.confirm_data is not None:  # one that could not be read is broken, which is another thing
            return self.question.stage is not Stage.NEGOTIATION
        malformed = self.malformed
        return malformed is not None and malformed.side is Side.SERVER and malformed.raw[:1] not in (b"", b"\x03")

    @property
    def is_to_be_repeated(self) -> bool:
        """It ended in a way that does not count before it was seen twice; an odd hello may well be met by silence."""
        if self.question.stage is Stage.LICENSING:  # intrusive: once is enough
            return False
        if self.question.repeat or self.question.framed or self.is_foreign:
            return False
        return self.ending in _UNANSWERED or (self.ending is Ending.CLOSED and self._is_unanswered_offer)

    @property
    def _is_unanswered_offer(self) -> bool:
        """Of an enumeration, whose chains end at a refusal: a close that is an accident would end one too early."""
        answered = self.server_hello or self.alert or self.disconnect or self.ssl2_hello or self.ssl2_error
        return self.question.offer is not None and self.question.client is None and answered is None

    def answers_version(self, version: int) -> bool:
        """A ServerHello came and selected this version."""
        return self.server_hello is not None and self.server_hello.selected_version == version


T = TypeVar("T")


def once(function: Callable[[Reading], T]) -> Callable[[Reading], T]:
    """Keep what is worked out of a reading beside it: the plan asks again after every connection."""

    @wraps(function)
    def remembered(reading: Reading) -> T:
        if function.__name__ not in reading.worked_out:
            reading.worked_out[function.__name__] = function(reading)
        return cast("T", reading.worked_out[function.__name__])

    return remembered


_MEMORY = "_reading"


def read(attempt: Attempt) -> Reading:
    """Gather the server's messages of one attempt. It is read once: the plan asks again after every connection."""
    memory: dict[str, Reading] = vars(attempt)
    if _MEMORY not in memory:
        memory[_MEMORY] = _gather(attempt)
    return memory[_MEMORY]


def _gather(attempt: Attempt) -> Reading:
    reading = Reading(
        question=attempt.question,
        ending=attempt.ending,
        number=attempt.number,
        received_nothing=attempt.bytes_received == 0,
    )
    for event in attempt.events:
        _note(reading, event)
    return reading


def _note(reading: Reading, event: Event) -> None:
    if isinstance(event, Seen):
        if event.side is Side.SERVER:
            reading.messages.append(event.message)
            _note_message(reading, event)
    elif isinstance(event, Malformed):
        if reading.malformed is None and event.side is Side.SERVER:
            reading.malformed = event
            reading.first_bytes = event.raw
    elif isinstance(event, Secured):
        reading.secured = event
        reading.chain = event.chain or reading.chain
    elif isinstance(event, TlsFailed):
        reading.tls_failed = event
    elif isinstance(event, Ended):
        reading.awaited = event.expected
    elif isinstance(event, TlsClosed):
        reading.tls_closed = True
    elif isinstance(event, Unread) and event.side is Side.SERVER:
        reading.unread = event.raw
        if reading.malformed is not None:  # what could not be read went on: a banner in pieces
            reading.first_bytes += event.raw


# Which field holds a message of which kind; the first of a kind is kept, but for a ServerHello, whose second counts.
_FIELDS: dict[type[object], str] = {
    x224.ConnectionConfirm: "confirm",
    ConfirmData: "confirm_data",
    mcs.DisconnectProviderUltimatum: "disconnect",
    x224.DisconnectRequest: "refusal",
    x224.Error: "refusal",
    tls_hello.ServerKeyExchange: "key_exchange",
    mcs.ConnectResponse: "connect_response",
    TsRequest: "ts_request",
    NegTokenInit: "spnego",
    NegTokenResp: "spnego",
    ssl2.Error: "ssl2_error",
    RdstlsCapabilities: "rdstls",
    ServerNonce: "nonce",
    standard_security.ProprietaryCertificate: "server_certificate",
    standard_security.X509CertificateChain: "server_certificate",
    standard_security.UnknownCertificate: "server_certificate",
}


def _note_message(reading: Reading, event: Seen) -> None:
    message = event.message
    name = _FIELDS.get(type(message))
    if name is not None:
        if getattr(reading, name) is None:
            setattr(reading, name, message)
    elif isinstance(message, tls_hello.ServerHello):
        reading.server_hello = message
        reading.resumed = find(message.extensions, ExtensionType.PRE_SHARED_KEY) is not None
    elif isinstance(message, tls_hello.Certificate):
        reading.chain = message.chain
    elif isinstance(message, ssl2.ServerHello):
        reading.ssl2_hello, reading.chain = message, (message.certificate,)
    elif isinstance(message, ChangeCipherSpec):  # behind a ServerHello alone: see `TlsHello`
        reading.resumed = reading.chain is None
    elif isinstance(message, gcc.ConferenceCreateResponse):
        reading.core = message.block(gcc.ServerCore)
        reading.security = message.block(gcc.ServerSecurity)
    elif isinstance(message, ntlm.Challenge):
        reading.challenge, reading.challenge_at = message, event.at
    elif isinstance(message, Alert) and not message.is_remark:
        reading.alert = reading.alert or message
