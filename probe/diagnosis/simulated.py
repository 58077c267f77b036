"""What --simulate measured, as one verdict a client: a pure function of a stored result.

What a profile does not document or refuses a certificate for is not measured: a refusal of a hello that may not be the
client's is unknown, and a certificate is judged here by what the client demands of it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import replace

from probe.clients import CLIENTS
from probe.clients.profile import ClientProfile
from probe.diagnosis.client_hints import hint_for
from probe.diagnosis.client_messages import seen_by
from probe.diagnosis.client_tls import NAMES, certificate, short_group
from probe.diagnosis.client_walk import Answer, Outcome, deepest, fails, missing, names_of, refused
from probe.diagnosis.clients import no_challenge, unencrypted, unless_assumed, without_key
from probe.diagnosis.stored import stored
from probe.language import N_, _
from probe.result import Client, Result, SimulatedRequest, Simulation

_STAGES = {"tcp": "negotiation", "settings": "encryption"}  # as the walks of clients name them
_NEVER_OPENED = {"refused": "TCP_REFUSED", "filtered": "TCP_TIMEOUT", "unreachable": "TCP_UNREACHABLE"}
NO_TICKET = "only a Kerberos ticket would do"
NTLM_REFUSED = "NTLM was not answered"
NO_CHALLENGE = "no NTLM challenge"
_OF_CREDSSP = {"the client wants a newer version": "CREDSSP_OUTDATED", NTLM_REFUSED: "NTLM_REFUSED"}
_OF_TLS = {
    "alert protocol_version": "TLS_NO_COMMON_VERSION",
    "alert handshake_failure": "TLS_NO_SHARED_CIPHER",
    "alert insufficient_security": "TLS_NO_SHARED_CIPHER",
}
REASONS = {  # those that are words of ours
    NO_TICKET: N_("only a Kerberos ticket would do"),
    "the client wants a newer version": N_("the client wants a newer version of CredSSP"),
    NTLM_REFUSED: N_("NTLM was not answered, and whether the user has a Kerberos ticket for it is not known"),
    NO_CHALLENGE: N_("the answer to NLA's first message holds no NTLM challenge"),
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
    return [_described(CLIENTS[each.client], each, result) for each in result.simulated if each.client in CLIENTS]


def _described(profile: ClientProfile, simulation: Simulation, result: Result) -> Client:
    kind = result.server.kind if result.server is not None else "unknown"
    outcome = _outcome(profile, simulation, result)
    if outcome.connects:
        outcome = _unless_troubled(profile, simulation.requests[-1], outcome, kind)
    failed = outcome.connects is False
    return Client(
        client=profile.name,
        connects=outcome.connects,
        fails_at=outcome.stage if failed else None,
        diagnosis=outcome.code if failed else None,
        hint=hint_for(profile, outcome, {}) if failed else None,
        user_sees=seen_by(profile, outcome) if failed else None,
        protocol=outcome.protocol,
        version=outcome.version,
        cipher_suite=outcome.cipher_suite,
        measured=True,
        because=outcome.because,
    )


def _outcome(profile: ClientProfile, simulation: Simulation, result: Result) -> Outcome:
    """Of several requests the one that got in, else the one that got furthest."""
    met = [_of_request(profile, request, result) for request in simulation.requests]
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


def _of_request(profile: ClientProfile, request: SimulatedRequest, result: Result) -> Outcome:
    outcome = _of_profile(profile, request, result, _judged(profile, request))
    return replace(
        outcome,
        protocol=request.selected or ("RDP" if request.stage == "encryption" else None),
        version=request.version,
        cipher_suite=request.cipher_suite.name if request.cipher_suite is not None else None,
    )


def _of_profile(profile: ClientProfile, request: SimulatedRequest, result: Result, met: Outcome) -> Outcome:
    """What was measured, with what the profile refuses or does not know beyond that."""
    if request.stage in ("credssp", "settings") or (request.connects and request.stage == "tls"):
        met = _behind_hello(profile, request, result, met)
    elif request.stage == "tls" and met.connects is False:
        met = _of_hello(profile, request, met)
    elif request.stage == "encryption":
        met = _of_standard(profile, request, result, met)
    for each in profile.requests:
        if names_of(each.protocols) == request.requested:
            return unless_assumed(each, met)
    return met


def _of_hello(profile: ClientProfile, request: SimulatedRequest, met: Outcome) -> Outcome:
    """A refusal of a hello that may not be the client's, or not that of all of its builds."""
    if profile.tls is None or (request.version is not None and request.version in _versions(profile.tls.versions)):
        return met
    if not profile.tls.documented:
        return missing("tls", _("its TLS is not documented; what stands for its hello: {how}", how=met.because))
    if profile.tls.maybe:
        some = _(", ").join(_versions(profile.tls.maybe))
        return missing(
            "tls", _("only some of its builds have {versions}; without: {how}", versions=some, how=met.because)
        )
    return met


def _versions(numbers: Iterable[int]) -> list[str]:
    return [NAMES[number] for number in numbers]


def _behind_hello(profile: ClientProfile, request: SimulatedRequest, result: Result, met: Outcome) -> Outcome:
    """Its hello was answered: it judges the key exchange and the certificate before it goes on."""
    suites = [request.cipher_suite.name] if request.cipher_suite is not None else []
    short = short_group(profile.tls, suites, result.tls) if profile.tls is not None and result.tls is not None else None
    if short is not None:
        return replace(short, because=_judged_here(short))
    shown = copy.copy(result)
    shown.certificates = [
        chain for chain in result.certificates if any(leaf.sha256 == request.certificate for leaf in chain.chain[:1])
    ]
    judged = certificate(profile, shown, met)
    if judged is not met:
        return replace(judged, because=_judged_here(judged))
    if met.connects is False and profile.tls is not None and not profile.tls.documented:
        return missing("credssp", _("its CredSSP is not documented; what was met: {how}", how=met.because))
    if met.connects and profile.certificate.trusted:
        because = _("{because}; that it trusts the certificate is judged by the store used here", because=met.because)
        return replace(met, because=because)
    return met


def _judged_here(outcome: Outcome) -> str:
    return _("the server answered its ClientHello (measured), but (judged) {because}", because=outcome.because)


def _of_standard(profile: ClientProfile, request: SimulatedRequest, result: Result, met: Outcome) -> Outcome:
    """Standard RDP Security, where what is not documented is unknown, and a key that cannot be used is of no use."""
    if not profile.methods and profile.tls is not None and not profile.tls.documented:
        return missing("encryption", _("whether it has Standard RDP Security is not documented"))
    if request.methods == ["NONE"] and profile.methods:
        return unencrypted(profile)
    served = result.standard_rdp.certificate if result.standard_rdp is not None else None
    if met.connects and (doubt := without_key(profile, served)) is not None:
        return doubt
    return met


def _judged(profile: ClientProfile, request: SimulatedRequest) -> Outcome:
    stage, asked = (
        _STAGES.get(request.stage, request.stage),
        "+".join(request.requested) or _("a request without RDP_NEG_REQ"),
    )
    if request.connects:
        return Outcome(connects=True, because=_got_in(request))
    if request.connects is None or request.reason == NO_TICKET or _has_kerberos_too(profile, request):
        return missing(stage, _("{asked}: {why}", asked=asked, why=why(request)))
    if request.failure is not None:
        return refused(profile, Answer(refusal=request.failure, because=f"{asked}: {request.failure}"))
    return fails(stage, _code(request), _("{asked}: {why}", asked=asked, why=why(request)))


def _has_kerberos_too(profile: ClientProfile, request: SimulatedRequest) -> bool:
    """NTLM was turned away, and it may have a ticket."""
    has_kerberos = profile.credssp is not None and "Kerberos" in profile.credssp.mechanisms
    return request.reason == NTLM_REFUSED and has_kerberos


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
    if request.stage == "credssp" and reason.startswith("error "):
        return no_challenge(reason.removeprefix("error "))
    shown = REASONS.get(reason) or _ENDINGS.get(reason)
    return _(shown) if shown is not None else stored(reason)
