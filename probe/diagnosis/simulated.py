"""What --simulate measured, as one verdict a client: a pure function of a stored result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from probe.clients import CLIENTS
from probe.clients.profile import ClientProfile
from probe.diagnosis.client_hints import hint_for
from probe.diagnosis.client_messages import seen_by
from probe.diagnosis.client_walk import Answer, Outcome, deepest, fails, missing, refused
from probe.diagnosis.stored import stored
from probe.language import N_, _
from probe.result import Client, Result, SimulatedRequest, Simulation

_STAGES = {"tcp": "negotiation", "settings": "encryption"}  # as the walks of clients name them
_NEVER_OPENED = {"refused": "TCP_REFUSED", "filtered": "TCP_TIMEOUT", "unreachable": "TCP_UNREACHABLE"}
NO_TICKET = "only a Kerberos ticket would do"
_OF_CREDSSP = {"the client wants a newer version": "CREDSSP_OUTDATED", "NTLM was not answered": "NTLM_REFUSED"}
_OF_TLS = {
    "alert protocol_version": "TLS_NO_COMMON_VERSION",
    "alert handshake_failure": "TLS_NO_SHARED_CIPHER",
    "alert insufficient_security": "TLS_NO_SHARED_CIPHER",
}
REASONS = {  # those that are words of ours
    NO_TICKET: N_("only a Kerberos ticket would do"),
    "the client wants a newer version": N_("the client wants a newer version of CredSSP"),
    "NTLM was not answered": N_("NTLM was not answered"),
    "the client has no Standard RDP Security": N_("the client has no Standard RDP Security"),
    "nothing is encrypted": N_("nothing is encrypted, and the client cannot do without"),
    "a method that was not offered": N_("the server chose an encryption method that was not offered"),
    "the client ends this version": N_("the server takes a version of TLS that the client ends"),
    "selected what was not asked for": N_("the server selected what was not asked for"),
}
_ENDINGS: Mapping[str, str] = {
    "closed": N_("connection closed"),
    "reset": N_("connection reset"),
    "timed_out": N_("no answer"),
    "deadline": N_("no time left"),
    "interrupted": N_("interrupted"),
    "refused": N_("refused"),
    "filtered": N_("filtered"),
    "unreachable": N_("unreachable"),
}


def measured(result: Result) -> list[Client]:
    """Each client that was simulated, in the order of the result; texts are in the language spoken now."""
    kind = result.server.kind if result.server is not None else "unknown"
    return [_described(CLIENTS[each.client], each, kind) for each in result.simulated if each.client in CLIENTS]


def _described(profile: ClientProfile, simulation: Simulation, kind: str) -> Client:
    outcome = _outcome(profile, simulation)
    if outcome.connects:
        outcome = _unless_troubled(profile, simulation.requests[-1], outcome, kind)
    failed = outcome.connects is False
    return Client(
        client=profile.name,
        connects=outcome.connects,
        fails_at=outcome.stage if failed else None,
        diagnosis=outcome.code if failed else None,
        hint=hint_for(profile, outcome) if failed else None,
        user_sees=seen_by(profile, outcome) if failed else None,
        protocol=outcome.protocol,
        version=outcome.version,
        cipher_suite=outcome.cipher_suite,
        measured=True,
        because=outcome.because,
    )


def _outcome(profile: ClientProfile, simulation: Simulation) -> Outcome:
    """Of several requests the one that got in, else the one that got furthest."""
    met = [_of_request(profile, request) for request in simulation.requests]
    if not simulation.complete or not met:
        return missing("negotiation", _("not everything was asked that it would ask"))
    if met[-1].connects is not False:
        return met[-1]
    ticket = [each for each in met if each.connects is None]
    return ticket[0] if ticket else deepest(met)


def _unless_troubled(profile: ClientProfile, last: SimulatedRequest, outcome: Outcome, kind: str) -> Outcome:
    """It got as far as can be measured, but some releases of such a server fail it behind that."""
    for trouble in profile.troubles:
        # Without TLS few connections show what kind of server it is, and it may be that one.
        may_be = kind == trouble.server or (kind == "unknown" and trouble.protocol is not None)
        if not may_be or trouble.protocol not in (None, outcome.protocol):
            continue
        if trouble.protocol != "RDP" or set(last.methods or ()) - trouble.not_with:
            return replace(outcome, connects=None, stage="encryption", because=_(trouble.words))
    return outcome


def _of_request(profile: ClientProfile, request: SimulatedRequest) -> Outcome:
    outcome = _judged(profile, request)
    return replace(
        outcome,
        protocol=request.selected or ("RDP" if request.stage == "encryption" else None),
        version=request.version,
        cipher_suite=request.cipher_suite.name if request.cipher_suite is not None else None,
    )


def _judged(profile: ClientProfile, request: SimulatedRequest) -> Outcome:
    stage, asked = (
        _STAGES.get(request.stage, request.stage),
        "+".join(request.requested) or _("a request without RDP_NEG_REQ"),
    )
    if request.connects:
        return Outcome(connects=True, because=_got_in(request))
    if request.connects is None or request.reason == NO_TICKET:
        return missing(stage, _("{asked}: {why}", asked=asked, why=why(request)))
    if request.failure is not None:
        return refused(profile, Answer(refusal=request.failure, because=f"{asked}: {request.failure}"))
    return fails(stage, _code(request), _("{asked}: {why}", asked=asked, why=why(request)))


def _got_in(request: SimulatedRequest) -> str:
    if request.stage == "encryption":
        return _("method {method} was agreed on", method=_(", ").join(request.methods or ["NONE"]))
    return _("the server answered the client's own ClientHello; what lies behind was asked with another TLS library")


def _code(request: SimulatedRequest) -> str | None:
    """The diagnosis that explains a failure of this one client."""
    reason = request.reason or ""
    if request.stage == "tcp":
        return _NEVER_OPENED.get(request.ending or "")
    if request.stage == "negotiation":
        return "X224_CLOSED" if reason == "closed" else "TCP_RESET" if reason == "reset" else "X224_DISCONNECTED"
    if request.stage == "encryption":
        if reason == "the client has no Standard RDP Security":
            return "STANDARD_RDP_ONLY"
        # Whoever hangs up on a request without negotiation may want TLS as well as another method.
        return "ENCRYPTION_REFUSED" if request.selected == "RDP" or request.methods else None
    if request.stage == "tls":
        of_version = reason.startswith("answered TLS") or reason == "the client ends this version"
        return _OF_TLS.get(reason, "TLS_NO_COMMON_VERSION" if of_version else "TLS_HANDSHAKE_ABORTED")
    return _OF_CREDSSP.get(reason)


def why(request: SimulatedRequest) -> str:
    """What the wire said; of an ending its name in the language spoken now."""
    reason = request.reason or request.ending or ""
    if request.stage == "credssp" and reason == "the client wants a newer version":
        return _("the server's TSRequest has version {version}, below 5", version=request.credssp or 0)
    shown = REASONS.get(reason) or _ENDINGS.get(reason)
    return _(shown) if shown is not None else stored(reason)
