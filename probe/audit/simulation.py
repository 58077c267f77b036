"""--simulate: the connections that a known client would make, from what came of those before. Pure.

A client sends its first request. A server that selects TLS gets that client's own hello; its answer is the server's
choice for this client. What lies behind cannot be reached with a hello whose secrets nobody has, so a second
connection goes there with our own TLS library. Where a request leads nowhere, the client's next one follows, if it has
one for what happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from probe.audit.attempt import Question, Stage
from probe.audit.outcome import unoffered
from probe.audit.reading import Reading
from probe.clients import CLIENTS
from probe.clients.profile import ClientProfile, Request, TlsProfile
from probe.clients.protocol import NTLM_REFUSALS
from probe.handshake.client_hello import Offer
from probe.handshake.machine import NEVER_OPENED, Ending
from probe.handshake.shaped_hello import HelloForm
from probe.result.simulation import SimulatedStage
from probe.wire.credssp import NtStatus, TsRequest
from probe.wire.nego import NegotiationFailure, NegotiationResponse, Protocol
from probe.wire.spnego import NegTokenResp, mechanism_name
from probe.wire.tls_version import TLS12, version_name

_HYBRID = (Protocol.HYBRID, Protocol.HYBRID_EX)
_PURPOSE = "simulation"
# Reasons that are no words of the wire.
NO_NTLM_CLIENT = "only a Kerberos ticket would do"
NO_STANDARD_RDP = "the client has no Standard RDP Security"
NTLM_REFUSED = "NTLM was not answered"
NO_CHALLENGE = "no NTLM challenge"
TOO_OLD = "the client wants a newer version"
UNUSABLE = "the client ends this version"
UNENCRYPTED = "nothing is encrypted"
NOT_A_METHOD = "a method that was not offered"
NOT_ASKED_FOR = "selected what was not asked for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request, what answered it, and how far the client gets with that.

    `reading` is the connection with the client's own hello, `behind` the one of our own library.
    """

    request: Request
    reading: Reading
    stage: SimulatedStage
    connects: bool | None
    reason: str | None = None
    event: str = ""  # what a later request of the client may come after
    behind: Reading | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """How far one client is. `following` is its next connection, None where it is through."""

    profile: ClientProfile
    steps: tuple[Step, ...]
    following: Question | None


def walks(clients: Iterable[str], readings: Sequence[Reading]) -> list[Walk]:
    """Each client's walk, in order. Keys that are in no table are passed over."""
    return [walk(CLIENTS[key], readings) for key in clients if key in CLIENTS]


def walk(profile: ClientProfile, readings: Sequence[Reading]) -> Walk:
    """The client's connections as far as they were made, and the next one."""
    answers = {replace(reading.question, repeat=False): reading for reading in readings}
    steps: list[Step] = []
    place: int | None = 0
    while place is not None:
        request = profile.requests[place]
        reading = answers.get(opening(profile, request))
        if reading is None:
            return Walk(profile, tuple(steps), opening(profile, request))
        step = _opened(profile, request, reading)
        if step.stage == "tls" and step.connects:
            inside = answers.get(behind(profile, request))
            steps.append(step if inside is None else _behind(profile, step, inside))
            if inside is None:
                return Walk(profile, tuple(steps), behind(profile, request))
        else:
            steps.append(step)
        place = _next(profile, place, steps[-1])
    return Walk(profile, tuple(steps), None)


def _next(profile: ClientProfile, sent: int, step: Step) -> int | None:
    """The place of the first later request that comes after what happened."""
    if step.connects is not False:
        return None
    later = range(sent + 1, len(profile.requests))
    return next((place for place in later if step.event in profile.requests[place].after), None)


def opening(profile: ClientProfile, request: Request) -> Question:
    """The connection that sends a client's request, and its hello where the server selects TLS."""
    first = Question(
        protocols=request.protocols or 0,
        stage=Stage.SETTINGS,
        client=profile.key,
        bare=request.protocols is None,
        flags=request.flags,
        cookie=profile.cookie,
        methods=profile.methods,
        purpose=_PURPOSE,
    )
    if profile.tls is None or not request.protocols:
        return first
    offer = offer_of(profile.tls)
    return replace(first, stage=Stage.HELLO, version=offer.version, offer=offer)


def behind(profile: ClientProfile, request: Request) -> Question:
    """The connection that goes on where the client's own hello has to stop."""
    return replace(opening(profile, request), stage=Stage.TUNNEL, version=None, offer=None, methods=0)


def offer_of(tls: TlsProfile) -> Offer:
    """The hello of a client."""
    return Offer(
        version=max(tls.versions),
        suites=tls.suites,
        groups=tls.groups,
        schemes=tls.schemes,
        older=TLS12 in tls.versions and max(tls.versions) > TLS12,
        form=HelloForm(
            versions=tls.versions,
            extensions=tls.extensions,
            shares=tls.shares,
            point_formats=tls.point_formats,
            psk_modes=tls.psk_modes,
            record_version=tls.record_version,
            signals_retry=tls.signals_retry,
            names_addresses=tls.names_addresses,
        ),
    )


def _opened(profile: ClientProfile, request: Request, reading: Reading) -> Step:
    """What a request and the client's own hello led to."""
    answer = reading.negotiation
    step = Step(request=request, reading=reading, stage="negotiation", connects=None)
    if isinstance(answer, NegotiationFailure):
        return replace(step, connects=False, event=answer.code.name, reason=answer.code.name)
    if isinstance(answer, NegotiationResponse):
        return _selected(profile, step, answer.selected)
    if reading.confirm is not None and reading.malformed is None:
        return _standard(profile, step)
    if reading.ending in NEVER_OPENED:
        return replace(step, stage="tcp", connects=False)
    return _hung_up(step, reading)


def _selected(profile: ClientProfile, step: Step, selected: int) -> Step:
    if selected == Protocol.RDP:
        return _standard(profile, step)
    if profile.tls is None or selected.bit_count() != 1 or not selected & (step.request.protocols or 0):
        return replace(step, reason=NOT_ASKED_FOR)
    event = "HYBRID failed" if selected in _HYBRID else "SSL failed" if selected == Protocol.SSL else ""
    step = _greeted(profile.tls, replace(step, stage="tls", event=event), step.reading)
    if step.connects and selected in _HYBRID and (profile.credssp is None or "NTLM" not in profile.credssp.mechanisms):
        return replace(step, stage="credssp", connects=False, reason=NO_NTLM_CLIENT)
    return step


def _standard(profile: ClientProfile, step: Step) -> Step:
    """Standard RDP Security, with the methods that the client has."""
    step = replace(step, stage="encryption")
    security = step.reading.security
    if not profile.methods:
        return replace(step, connects=False, reason=NO_STANDARD_RDP)
    if security is None:
        return _hung_up(step, step.reading)
    if not security.encryption_method:
        return replace(step, connects=profile.unencrypted, reason=None if profile.unencrypted else UNENCRYPTED)
    agreed = bool(security.encryption_method & profile.methods)
    return replace(step, connects=agreed, reason=None if agreed else NOT_A_METHOD)


def _greeted(tls: TlsProfile, step: Step, reading: Reading) -> Step:
    """What answered the client's own hello."""
    hello = reading.server_hello
    if hello is None:
        return _hung_up(step, reading)
    name, offer = version_name(hello.selected_version), offer_of(tls)
    if hello.selected_version not in tls.versions:
        return replace(step, connects=False, reason=f"answered {name}")
    if (stray := unoffered(hello, offer)) is not None:
        return replace(step, connects=False, reason=f"answered {stray}")
    if hello.selected_version in tls.unusable:
        return replace(step, connects=False, reason=UNUSABLE)
    if hello.is_hello_retry_request:  # the last answer: there was no second hello, or no answer to it
        return _hung_up(step, reading)
    return replace(step, connects=True)


def _hung_up(step: Step, reading: Reading) -> Step:
    """What came in place of an answer; silence, a first reset and what we stopped ourselves settle nothing."""
    if reading.alert is not None:
        return replace(step, connects=False, reason=f"alert {reading.alert.description.name.lower()}")
    if reading.disconnect is not None or reading.refusal is not None:
        return replace(step, connects=False, reason="disconnect")
    if reading.malformed is not None:
        return replace(step, reason="malformed")
    counts = reading.ending is Ending.CLOSED or (reading.ending is Ending.RESET and reading.question.repeat)
    return replace(step, connects=False if counts else None, reason=reading.ending.value)


def _behind(profile: ClientProfile, step: Step, reading: Reading) -> Step:
    """What our own library met behind TLS, judged by what the client wants there."""
    step = replace(step, behind=reading)
    answer = reading.negotiation
    if reading.secured is None or not isinstance(answer, NegotiationResponse):
        return replace(step, connects=None, reason=f"another TLS library: {reading.ending.value}")
    if answer.selected in _HYBRID:
        return _credssp(profile, replace(step, stage="credssp"), reading)
    step = replace(step, stage="settings")
    if reading.connect_response is not None:
        return step
    return _hung_up(step, reading)


def _credssp(profile: ClientProfile, step: Step, reading: Reading) -> Step:
    """CredSSP up to the point where credentials decide."""
    client, request = profile.credssp, reading.ts_request
    if client is None or request is None:
        return replace(step, connects=None, reason=reading.ending.value)
    if request.version < client.oldest_server:
        return replace(step, connects=False, reason=TOO_OLD)
    if reading.challenge is not None:
        return step
    if _turns_ntlm_away(request, reading):
        return replace(step, connects=False, reason=NTLM_REFUSED)
    code = request.error_code
    return replace(step, connects=None, reason=NO_CHALLENGE if code is None else f"error {NtStatus(code).name}")


def _turns_ntlm_away(request: TsRequest, reading: Reading) -> bool:
    """An error that means it, or another mechanism chosen. That NTLM is named without a challenge is no word on it."""
    if request.error_code is not None:
        return NtStatus(request.error_code).name in NTLM_REFUSALS
    chosen = reading.spnego.supported_mech if isinstance(reading.spnego, NegTokenResp) else None
    return chosen is not None and mechanism_name(chosen) != "NTLM"
