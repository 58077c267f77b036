"""What proves the diagnoses of the negotiation and of Standard RDP Security.

A code about one request is no verdict on the server: the rules look at the verdict on each protocol, which comes from
connections that asked for it. In a capture there is only the one request, and its code is all there is to tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from probe.diagnosis import catalogue_negotiation as negotiation
from probe.diagnosis import catalogue_nla as nla
from probe.diagnosis import catalogue_security as catalogue
from probe.diagnosis.captures import dropped_unnegotiated, one_connection, requested
from probe.diagnosis.rule import Evidence, finds
from probe.diagnosis.stored import stored
from probe.diagnosis.wording import both
from probe.language import _
from probe.result import Result, Severity, State, Verdict

_TLS_BASED = ("SSL", "HYBRID", "HYBRID_EX", "RDSTLS", "RDSAAD")
_NLA = ("HYBRID", "HYBRID_EX")
_WITHOUT_NLA = ("RDP", "SSL")
_NEEDS_NLA = "HYBRID_REQUIRED_BY_SERVER"
_USUAL = ("RDP", "SSL", "HYBRID")  # what clients ask for; a server that turns all away turns everybody away
_SMALLEST_KEY_BITS = 2048
_WEAK_METHODS = ("40BIT", "56BIT")
_UNKNOWN = Verdict(state="unknown")


@finds(nla.NLA_REQUIRED, needs="negotiation")
def nla_required(result: Result) -> Iterator[Evidence]:
    """HYBRID is accepted and what lacks it turned away; or the failure code says so where nothing is accepted."""
    asked = requested(result)
    if asked is not None and not set(_NLA).intersection(asked):
        for found in _refusals(result, _NEEDS_NLA):
            yield replace(found, likeliest=nla.CLIENT_WITHOUT_NLA)
    else:
        for found in _demands(result):
            yield replace(found, excludes=(nla.CLIENT_WITHOUT_NLA,))


def _demands(result: Result) -> Iterator[Evidence]:
    """What shows that NLA is demanded, whoever asked."""
    if not _accepted(result, _NLA):
        if not _accepted(result, ("RDP", *_TLS_BASED)) and _code_decides(result):
            yield from _refusals(result, _NEEDS_NLA, _WITHOUT_NLA)
    elif not _accepted(result, _WITHOUT_NLA):
        refused = tuple(name for name in _WITHOUT_NLA if _verdict(result, name).failure == _NEEDS_NLA)
        if refused or all(_verdict(result, name).state == "rejected" for name in _WITHOUT_NLA):
            yield from _verdicts(result, refused or _WITHOUT_NLA)


@finds(negotiation.TLS_REQUIRED, needs="negotiation")
def tls_required(result: Result) -> Iterator[Evidence]:
    """RDP was turned away for want of TLS, by a server that accepts TLS or nothing at all."""
    tls = _accepted(result, _TLS_BASED)
    if _accepted(result, ("RDP",)) or not (tls or _code_decides(result)):
        return
    refused_too = not tls and _verdict(result, "SSL").state == "rejected"
    summary = _("The server says that it requires TLS, and turns clients away that offer TLS too.")
    for found in _refusals(result, "SSL_REQUIRED_BY_SERVER", ("RDP",)):
        if refused_too:
            yield replace(found, summary=summary, excludes=negotiation.WANTS_TLS)
        else:
            yield replace(found, excludes=(negotiation.WANTS_MORE,))


@finds(negotiation.STANDARD_RDP_ONLY, needs="negotiation")
def standard_rdp_only(result: Result) -> Iterator[Evidence]:
    """RDP is accepted, and SSL and HYBRID are turned away in its favor.

    On one connection it is selected in the place of both, or the code says so.
    """
    for found in _only_standard(result):
        if any(_verdict(result, name).failure == "SSL_NOT_ALLOWED_BY_SERVER" for name in _TLS_BASED):
            yield replace(found, excludes=(negotiation.XRDP_FALLS_BACK,))
        else:
            yield replace(found, likeliest=negotiation.XRDP_FALLS_BACK)


def _only_standard(result: Result) -> Iterator[Evidence]:
    refusals = _refusals(result, "SSL_NOT_ALLOWED_BY_SERVER")  # not yet looked for
    if _accepted(result, _TLS_BASED):
        return
    if not _accepted(result, ("RDP",)) and not _is_given_rdp(result):
        yield from refusals if _code_decides(result) else ()
        return
    if all(_falls_back(_verdict(result, name)) for name in ("SSL", "HYBRID")):
        yield from _verdicts(result, ("SSL", "HYBRID"))


@finds(negotiation.TLS_CERTIFICATE_MISSING, needs="negotiation")
def tls_certificate_missing(result: Result) -> Iterator[Evidence]:
    """A protocol was turned away for want of a certificate, and none that uses TLS is accepted."""
    if not _accepted(result, _TLS_BASED):
        yield from _refusals(result, "SSL_CERT_NOT_ON_SERVER")


@finds(negotiation.USER_AUTH_REQUIRED, needs="negotiation")
def user_auth_required(result: Result) -> Iterator[Evidence]:
    """A protocol was turned away for want of a client certificate."""
    yield from _refusals(result, "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER")


@finds(negotiation.INCONSISTENT_FLAGS, needs="negotiation")
def inconsistent_flags(result: Result) -> Iterator[Evidence]:
    """A protocol was turned away as contradicting itself."""
    yield from _refusals(result, "INCONSISTENT_FLAGS")


@finds(negotiation.NEGOTIATION_UNSUPPORTED, needs="negotiation")
def negotiation_unsupported(result: Result) -> Iterator[Evidence]:
    """A negotiation request was confirmed without a word on it, by a server that then spoke RDP.

    In a capture also where the client asked for nothing: then every server answers so, and the rule says that.
    """
    if result.status != "rdp" or result.negotiation is None:
        return
    if requested(result) == []:
        yield from _confirmed_as_asked(result)
    attempts = [each for each in result.negotiation.attempts if each.answer == "confirm without negotiation"]
    for asked in dict.fromkeys("+".join(each.requested) for each in attempts if each.requested):
        said = _("asked for {asked}, confirmed without a negotiation structure", asked=asked)
        yield Evidence(said=said, excludes=(negotiation.CLIENT_DOES_NOT_ASK, negotiation.DEMANDS_NEGOTIATION))


@finds(negotiation.UNOFFERED_PROTOCOL_SELECTED, needs="negotiation")
def unoffered_protocol_selected(result: Result) -> Iterator[Evidence]:
    """A protocol was selected that was not requested; RDP is a rejection and not meant."""
    if one_connection(result) is not None and requested(result) is None:  # the request was not captured
        return
    for attempt in result.negotiation.attempts if result.negotiation is not None else []:
        if attempt.selected is not None and attempt.selected not in (*attempt.requested, "RDP"):
            asked = "+".join(attempt.requested) or _("nothing")
            yield Evidence(said=_("asked for {asked}, selected {selected}", asked=asked, selected=attempt.selected))


@finds(negotiation.NEGOTIATION_ALTERED, needs="negotiation")
def negotiation_altered(result: Result) -> Iterator[Evidence]:
    """The server repeats a request that is not ours."""
    if result.negotiation is not None and result.negotiation.altered_request is not None:
        yield Evidence(said=stored(result.negotiation.altered_request))


@finds(nla.NLA_NOT_ENFORCED, needs="negotiation")
def nla_not_enforced(result: Result) -> Iterator[Evidence]:
    """HYBRID is accepted, and so is RDP or SSL."""
    if _accepted(result, _NLA):
        for name in _accepted(result, _WITHOUT_NLA):
            yield Evidence(said=_("{name}: accepted, though NLA is offered", name=name))


@finds(nla.NLA_UNSUPPORTED, needs="negotiation")
def nla_unsupported(result: Result) -> Iterator[Evidence]:
    """A server that turns everything away says by its failure code why; that is not about NLA."""
    hybrid = _verdict(result, "HYBRID")
    if result.status != "rdp" or hybrid.state != "rejected" or _accepted(result, _NLA):
        return
    accepts = _accepted(result, ("RDP", *_TLS_BASED))
    if accepts or (hybrid.selected is not None and not list(_refusals(result, _NEEDS_NLA))):
        is_xrdp = result.server is not None and result.server.kind == "xrdp"
        likeliest = nla.XRDP_HAS_NO_NLA if is_xrdp else None
        for found in _verdicts(result, ("HYBRID",)):
            yield replace(found, likeliest=likeliest)


@finds(catalogue.STANDARD_RDP_WEAK, needs="negotiation")
def standard_rdp_weak(result: Result) -> Iterator[Evidence]:
    """RDP is accepted; the summary says how weakly it encrypts. What others can read works, and is a risk."""
    if not _accepted(result, ("RDP",)):
        return
    section = result.standard_rdp
    level = section.encryption_level if section is not None else None
    methods = section.encryption_methods if section is not None else []
    weak = [name for name in _WEAK_METHODS if name in methods]
    strength = _("encryption level {level}", level=level or _("not seen"))
    if weak:
        strength = _("even with {methods} encryption", methods=both(weak))
    if level == "NONE":
        strength = _("without any encryption")
    readable = bool(weak) or level == "NONE"
    summary = _(
        "The server accepts Standard RDP Security ({strength}): whoever is on the way can read or alter a session.",
        strength=strength,
    )
    asked_for_no_more = requested(result) in ([], ["RDP"])
    yield Evidence(
        said=_("{name}: accepted", name="RDP"),
        likeliest=catalogue.ASKED_FOR_NO_MORE if asked_for_no_more else None,
        excludes=() if asked_for_no_more else (catalogue.ASKED_FOR_NO_MORE,),
        severity="risk" if readable else None,
        summary=summary if readable else None,
        facts={"strength": strength},
    )
    if level is not None:
        chosen = _(", ").join(methods) or _("none")
        yield Evidence(said=_("encryption level {level}, methods: {methods}", level=level, methods=chosen))


@finds(catalogue.STANDARD_RDP_WEAK_KEY, needs="standard_rdp")
def standard_rdp_weak_key(result: Result) -> Iterator[Evidence]:
    """The key that encrypts the session key is short."""
    certificate = result.standard_rdp.certificate if result.standard_rdp is not None else None
    bits = certificate.key_bits if certificate is not None else None
    if bits is not None and bits < _SMALLEST_KEY_BITS:
        yield Evidence(said=_("the server's RSA key has {bits} bits", bits=bits), facts={"bits": bits})


@finds(catalogue.ENCRYPTION_FIPS_ONLY, needs="standard_rdp")
def encryption_fips_only(result: Result) -> Iterator[Evidence]:
    """FIPS was accepted, and the level or the refusal of other methods says that nothing else is."""
    section = result.standard_rdp
    if section is None or section.encryption_methods != ["FIPS"]:
        return
    refused = [each.offered for each in section.methods_asked if each.ending in ("closed", "reset")]
    if section.encryption_level == "FIPS":
        yield Evidence(said=_("encryption level FIPS, method FIPS"))
    elif refused:
        yield Evidence(said=_("FIPS was accepted, turned away: {methods}", methods=_(", ").join(refused)))


@finds(catalogue.ENCRYPTION_REFUSED, needs="standard_rdp")
def encryption_refused(result: Result) -> Iterator[Evidence]:
    """Every method that was offered ended in a close or reset; a silence settles nothing.

    A client of a capture offers several at once, and a server may close for anything else in its Connect-Initial.
    """
    if one_connection(result) is not None:
        return
    asked = result.standard_rdp.methods_asked if result.standard_rdp is not None else []
    if any(each.ending not in ("closed", "reset") or each.answer == "malformed" for each in asked):
        return
    dead = result.tls is not None and result.tls.handshake_failure is not None
    severity: Severity | None = "blocker" if dead else None
    if not dead and not _accepted(result, _TLS_BASED):
        severity = if_rejected(result, _TLS_BASED[:2])
    for each in asked:
        yield Evidence(
            said=_("offered {offered}: {ending}", offered=each.offered, ending=stored(each.ending or "")),
            severity=severity,
        )


def _verdict(result: Result, name: str) -> Verdict:
    protocols = result.negotiation.protocols if result.negotiation is not None else {}
    return protocols.get(name, _UNKNOWN)


def _accepted(result: Result, names: tuple[str, ...]) -> list[str]:
    protocols = result.negotiation.protocols if result.negotiation is not None else {}
    return [name for name in names if name in protocols and protocols[name].state == "accepted"]


def _all_rejected(result: Result) -> bool:
    """What clients ask for was all turned away, and nothing else was accepted."""
    return not _accepted(result, ("RDP", *_TLS_BASED)) and if_rejected(result, _USUAL) is not None


def if_rejected(result: Result, names: tuple[str, ...]) -> Severity | None:
    """Nobody connects where these are all that is left, and all of them are turned away."""
    return "blocker" if all(_verdict(result, name).state == "rejected" for name in names) else None


def _code_decides(result: Result) -> bool:
    """Nothing is known to be accepted, and nothing more can be learned: the code itself is the diagnosis."""
    return one_connection(result) is not None or _all_rejected(result)


def _refusals(result: Result, failure: str, names: tuple[str, ...] = ("RDP", *_TLS_BASED)) -> Iterator[Evidence]:
    """Those of the protocols that were turned away with this code, or any where it alone decides.

    Where the server turns everything away, the evidence goes on with how it did that.
    """
    if result.negotiation is None or failure not in [each.failure for each in result.negotiation.protocols.values()]:
        return
    asked = ("RDP", *_TLS_BASED) if _code_decides(result) else names
    refused = tuple(name for name in asked if _verdict(result, name).failure == failure)
    if not refused or not _all_rejected(result):
        yield from _verdicts(result, refused)
        return
    yield from _verdicts(result, tuple(dict.fromkeys((*refused, *_USUAL))), severity="blocker")


def _verdicts(result: Result, names: tuple[str, ...], severity: Severity | None = None) -> Iterator[Evidence]:
    for name in names:
        verdict = _verdict(result, name)
        how = verdict.failure or verdict.reason
        if how is None and verdict.selected is not None:
            how = _("selected {protocol}", protocol=verdict.selected)
        yield Evidence(said=_stated(name, verdict.state, how), severity=severity)


def _stated(name: str, state: State, how: str | None) -> str:
    words = {"accepted": _("accepted"), "rejected": _("rejected"), "unknown": _("unknown")}[state]
    if how is None:
        return _("{name}: {state}", name=name, state=words)
    return _("{name}: {state} ({how})", name=name, state=words, how=stored(how))


def _is_given_rdp(result: Result) -> bool:
    """The one client of a capture asked for TLS and NLA and was given RDP."""
    attempts = result.negotiation.attempts if result.negotiation is not None else []
    asked = requested(result) or []
    return {"SSL", "HYBRID"} <= set(asked) and any(attempt.selected == "RDP" for attempt in attempts)


def _confirmed_as_asked(result: Result) -> Iterator[Evidence]:
    attempts = result.negotiation.attempts if result.negotiation is not None else []
    if any(attempt.answer == "confirm without negotiation" for attempt in attempts):
        said = _("neither the client's request nor the confirm has a negotiation structure")
        if dropped_unnegotiated(result):
            summary = _("Nothing was negotiated, and the server then ended the connection: it demands more, it seems.")
            yield Evidence(
                said=said, severity="breaks_some", summary=summary, likeliest=negotiation.DEMANDS_NEGOTIATION
            )
            return
        summary = _("Nothing was negotiated: client and server go on with Standard RDP Security, as the oldest do.")
        excludes = (negotiation.DEMANDS_NEGOTIATION,)
        yield Evidence(said=said, summary=summary, likeliest=negotiation.CLIENT_DOES_NOT_ASK, excludes=excludes)


def _falls_back(verdict: Verdict) -> bool:
    return verdict.state == "rejected" and (verdict.failure == "SSL_NOT_ALLOWED_BY_SERVER" or verdict.selected == "RDP")
