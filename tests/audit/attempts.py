"""Attempts made by hand: what one connection could have seen, without a connection.

Each builder takes the question and gives the attempt; `server` events are put together from `confirm`, `hello` and
the other lists. `Server` answers questions as one kind of server does, for the plan and for whole verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from probe.audit.attempt import Attempt, Question, Stage
from probe.audit.plan import Plan, plan
from probe.audit.settings import Settings
from probe.audit.verdict import Audit
from probe.errors import InvalidField
from probe.handshake.machine import Ended, Ending, Event, Malformed, Secured, Seen, Side, TlsClosed, Unread
from probe.result import Target
from probe.wire import gcc, mcs, ntlm, standard_security, tls_hello, x224
from probe.wire import tls_extensions as ext
from probe.wire.credssp import TsRequest
from probe.wire.nego import ConfirmData, FailureCode, NegotiationFailure, NegotiationResponse, Protocol
from probe.wire.tls_record import Alert, AlertDescription, AlertLevel
from tests.vectors import vector

RDP, SSL, HYBRID, RDSTLS, HYBRID_EX, RDSAAD = (
    Protocol.RDP,
    Protocol.SSL,
    Protocol.HYBRID,
    Protocol.RDSTLS,
    Protocol.HYBRID_EX,
    Protocol.RDSAAD,
)
SSL2, SSL3 = 0x0002, 0x0300
TLS10, TLS11, TLS12, TLS13 = 0x0301, 0x0302, 0x0303, 0x0304
USUAL = SSL | HYBRID | HYBRID_EX
WINDOWS, FREERDP = 0x1234, 0x0000  # SRC-REF
CHAIN = (b"leaf", b"root")
NOW = datetime(2026, 11, 21, 2, 0, 0, 123000, tzinfo=UTC)
ONE_TWENTY_EIGHT = int(gcc.EncryptionMethod.ONE_TWENTY_EIGHT_BIT)


def ask(protocols: int | None, stage: Stage = Stage.NEGOTIATION, **fields: int) -> Question:
    return Question(protocols=protocols, stage=stage, **fields)  # type: ignore[arg-type]


def says(*messages: object, at: float = 0.01) -> list[Event]:
    """The server's messages."""
    return [Seen(at, Side.SERVER, message, b"") for message in messages]


def attempt(
    question: Question, events: Iterable[Event] = (), ending: Ending = Ending.COMPLETE, **fields: object
) -> Attempt:
    events = tuple(events)
    made = Attempt(
        number=1,
        question=question,
        events=(*events, Ended(0.02, ending, "")),
        ending=ending,
        started=0.0,
        ended=0.02,
        bytes_sent=19,
        bytes_received=19 if events else 0,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def confirm(answer: NegotiationResponse | NegotiationFailure | None, src_ref: int = WINDOWS) -> list[Event]:
    return says(x224.ConnectionConfirm(src_ref=src_ref), ConfirmData(negotiation=answer))


def selects(selected: int, flags: int = 0x1F, src_ref: int = WINDOWS) -> list[Event]:
    return confirm(NegotiationResponse(selected=selected, flags=flags), src_ref)


def fails(code: int, src_ref: int = WINDOWS) -> list[Event]:
    return confirm(NegotiationFailure(code=FailureCode(code)), src_ref)


def bare(src_ref: int = WINDOWS) -> list[Event]:
    return confirm(None, src_ref)


def disconnect() -> list[Event]:
    return says(mcs.DisconnectProviderUltimatum(reason=mcs.DisconnectReason.RN_USER_REQUESTED))


def malformed(raw: bytes, side: Side = Side.SERVER) -> list[Event]:
    return [Malformed(0.01, side, InvalidField("TPKT", "version", 0, "3 expected"), raw)]


def unread(raw: bytes, side: Side = Side.SERVER) -> list[Event]:
    return [Unread(0.01, side, raw)]


def hello(version: int, **fields: object) -> tls_hello.ServerHello:
    if version == TLS13:
        extensions = (ext.selected_version(TLS13), ext.server_key_share(0x001D, bytes(32)))
        made = tls_hello.ServerHello(version=TLS12, random=bytes(32), cipher_suite=0x1302, extensions=extensions)
    else:
        made = tls_hello.ServerHello(version=version, random=bytes(32), cipher_suite=0xC030)
    return replace(made, **fields)  # type: ignore[arg-type]


def alert(description: AlertDescription, level: AlertLevel = AlertLevel.FATAL) -> list[Event]:
    return says(Alert(level=level, description=description))


def tunnel(version: int = TLS13, chain: tuple[bytes, ...] = CHAIN) -> list[Event]:
    """A completed handshake."""
    return [*says(hello(version)), Secured(0.01, tls_hello.version_name(version), "a suite", chain)]


def settings(
    *,
    method: int = ONE_TWENTY_EIGHT,
    level: int = 3,
    version: int = 0x00080004,
    requested: int | None = None,
    capabilities: int | None = None,
    certificate: standard_security.ServerCertificate | None = None,
) -> list[Event]:
    """The basic settings exchange, as the server answers it."""
    core = gcc.ServerCore(version=version, client_requested_protocols=requested, early_capability_flags=capabilities)
    security = gcc.ServerSecurity(encryption_method=method, encryption_level=gcc.EncryptionLevel(level))
    response = mcs.ConnectResponse(result=mcs.ConnectResult.RT_SUCCESSFUL, parameters=mcs.TARGET, user_data=b"")
    found = says(response, gcc.ConferenceCreateResponse(blocks=(core, security)))
    return found if certificate is None else [*found, *says(certificate)]


def real_certificate() -> standard_security.ServerCertificate:
    """The one that xrdp served."""
    data = x224.read_packet(vector("mcs_connect_response_xrdp"))
    assert isinstance(data, x224.Data)
    pdu = mcs.read_pdu(data.user_data)
    assert isinstance(pdu, mcs.ConnectResponse)
    security = gcc.ConferenceCreateResponse.read(pdu.user_data).block(gcc.ServerSecurity)
    assert security is not None
    return standard_security.read_server_certificate(security.server_certificate or b"")


def filetime(unix: float) -> int:
    return int((unix + 11644473600) * 10_000_000)


def names(stamp: int | None = None) -> list[ntlm.AvPair]:
    texts = {
        ntlm.AvId.NB_DOMAIN_NAME: "CORP",
        ntlm.AvId.NB_COMPUTER_NAME: "SRV1",
        ntlm.AvId.DNS_DOMAIN_NAME: "corp.example",
        ntlm.AvId.DNS_COMPUTER_NAME: "srv1.corp.example",
        ntlm.AvId.DNS_TREE_NAME: "corp.example",
    }
    pairs = [ntlm.AvPair(id=av_id, value=text.encode("utf-16-le")) for av_id, text in texts.items()]
    if stamp is not None:
        pairs.append(ntlm.AvPair(id=ntlm.AvId.TIMESTAMP, value=stamp.to_bytes(8, "little")))
    return pairs


def challenge(
    build: tuple[int, int, int] = (10, 0, 20348),
    pairs: Iterable[ntlm.AvPair] | None = None,
    nonce: bytes | None = None,
    version: int = 6,
) -> list[Event]:
    """A TSRequest with an NTLM CHALLENGE."""
    major, minor, number = build
    message = ntlm.Challenge.naming(
        "CORP",
        names(filetime(1_795_226_400.25)) if pairs is None else pairs,
        flags=ntlm.NegotiateFlag.UNICODE | ntlm.NegotiateFlag.VERSION,
        server_challenge=bytes(8),
        version=ntlm.Version(major=major, minor=minor, build=number),
    )
    return says(TsRequest(version=version, nego_tokens=(b"token",), client_nonce=nonce), message)


def closed_inside() -> list[Event]:
    return [TlsClosed(0.02)]


Answer = Callable[[Question], tuple[list[Event], Ending]]


def ran(answer: Answer, wanted: Settings | None = None) -> tuple[list[Attempt], Plan]:
    """What a driver with one connection at a time does: questions first, then repeats."""
    wanted = wanted or Settings()
    attempts: list[Attempt] = []
    while True:
        now = plan(attempts, wanted)
        question = next(iter((*now.questions, *now.repeats)), None)
        if question is None or len(attempts) >= wanted.most_connections:
            return attempts, now
        events, ending = answer(question)
        attempts.append(attempt(question, events, ending, number=len(attempts) + 1))


def audit(
    attempts: Iterable[Attempt], now: Plan | None = None, wanted: Settings | None = None, **fields: object
) -> Audit:
    made = Audit(
        target=Target(input="srv1.example", host="srv1.example", port=3389, address="192.0.2.7"),
        settings=wanted or Settings(),
        server_name="srv1.example",
        attempts=tuple(attempts),
        plan=now or Plan((), ()),
        started=0.0,
        ended=1.5,
        started_at=NOW,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def _tls(
    question: Question, versions: Iterable[int], refusal: Callable[[], tuple[list[Event], Ending]]
) -> tuple[list[Event], Ending]:
    """What a hello of one version meets."""
    if question.version is not None and question.version in versions:
        return says(hello(question.version)), Ending.COMPLETE
    return refusal()


def _version_alert() -> tuple[list[Event], Ending]:
    return alert(AlertDescription.PROTOCOL_VERSION), Ending.COMPLETE


def xrdp(question: Question) -> tuple[list[Event], Ending]:
    """xrdp 0.9.21, security_layer=negotiate."""
    if question.protocols is None or question.protocols > USUAL:
        return disconnect(), Ending.COMPLETE
    selected = SSL if question.protocols & SSL else RDP
    begun = selects(selected, flags=0x01)
    if selected == SSL:
        if question.stage is Stage.HELLO:
            events, ending = _tls(question, (TLS12, TLS13), _version_alert)
            return [*begun, *events], ending
        inside = settings(method=0, level=0, requested=question.protocols) if question.stage is Stage.TUNNEL else []
        return [*begun, *(tunnel() if inside else []), *inside], Ending.COMPLETE
    if question.stage is Stage.SETTINGS:
        return [*begun, *settings(certificate=real_certificate(), requested=question.protocols)], Ending.COMPLETE
    return begun, Ending.COMPLETE


def freerdp(question: Question) -> tuple[list[Event], Ending]:
    """freerdp-shadow 2.11.7 with NLA required."""
    if question.protocols is None:
        return [], Ending.CLOSED
    if not question.protocols & HYBRID:
        return fails(5, FREERDP), Ending.COMPLETE
    begun = selects(HYBRID, 0x03, FREERDP)
    if question.stage is Stage.HELLO:
        events, ending = _tls(question, (TLS10, TLS11, TLS12, TLS13), _version_alert)
        return [*begun, *events], ending
    stamp = filetime(1_795_226_400)
    inside = challenge((6, 1, 7601), names(stamp), nonce=bytes(32)) if question.stage is Stage.TUNNEL else []
    return [*begun, *(tunnel() if inside else []), *inside], Ending.COMPLETE


def windows(
    accepted: int = HYBRID | HYBRID_EX, versions: Iterable[int] = (TLS12, TLS13), *, standard: bool = False
) -> Answer:
    """A Windows server; by default one that requires NLA and whose SCHANNEL resets what it has switched off."""

    def answer(question: Question) -> tuple[list[Event], Ending]:
        asked = question.protocols
        if asked is None:
            return _tls(question, versions, lambda: ([], Ending.RESET))
        if asked == RDP and standard:
            begun = selects(RDP)
            return [
                *begun,
                *settings(method=question.methods, level=2, version=0x0008000D, requested=asked, capabilities=0x0F),
            ], Ending.COMPLETE
        selected = next((each for each in (HYBRID_EX, HYBRID, SSL, RDSTLS, RDSAAD) if asked & accepted & each), None)
        if selected is None:
            return fails(5 if accepted & HYBRID else 2), Ending.COMPLETE
        begun = selects(selected)
        if question.stage is Stage.NEGOTIATION:
            return begun, Ending.COMPLETE
        if question.stage is Stage.HELLO:
            events, ending = _tls(question, versions, lambda: ([], Ending.RESET))
            return [*begun, *events], ending
        begun = [*begun, *tunnel(max(versions))]
        if selected == SSL:
            return [
                *begun,
                *settings(method=0, level=0, version=0x0008000D, requested=asked, capabilities=0x0F),
            ], Ending.COMPLETE
        return ([*begun, *challenge()], Ending.COMPLETE) if selected in (HYBRID, HYBRID_EX) else (begun, Ending.CLOSED)

    return answer


def xp(question: Question) -> tuple[list[Event], Ending]:
    """Windows XP, which knows of no negotiation."""
    if question.protocols is None:
        return [], Ending.CLOSED
    if question.stage is Stage.NEGOTIATION:
        return bare(), Ending.COMPLETE
    return [*bare(), *settings(method=question.methods or ONE_TWENTY_EIGHT, level=2)], Ending.COMPLETE


def only(events: list[Event], ending: Ending = Ending.COMPLETE) -> Answer:
    """The same to every question."""
    return lambda _: (events, ending)
