"""What changed of how a server is met: whether it is reached, what it negotiates, Standard RDP Security, CredSSP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from probe.language import N_, _
from probe.result import CredSsp, Negotiation, Ntlm, Result, StandardRdp, Verdict
from probe.result.verification import ChangeKind
from probe.verify.baseline_facts import (
    FALSE_IS_BETTER,
    NONE,
    TRUE_IS_BETTER,
    Comparing,
    Fact,
    T,
    better,
    on_off,
)

STATUS: Mapping[str, str] = {
    "rdp": N_("RDP is served"),
    "not_rdp": N_("something else answers"),
    "silent": N_("the connection is taken, and nothing is said"),
    "closed": N_("the connection is taken, and closed without an answer"),
    "refused": N_("the connection is refused"),
    "filtered": N_("the connection is not answered"),
    "unreachable": N_("the network says that there is no way"),
    "dns_error": N_("the name has no address"),
}
_STATES: Mapping[str, str] = {"accepted": N_("accepted"), "rejected": N_("rejected")}
_PROTOCOLS: Mapping[str, str] = {
    "HYBRID_EX": N_("NLA with early user authorization (HYBRID_EX)"),
    "HYBRID": N_("NLA (HYBRID)"),
    "SSL": N_("TLS without NLA (SSL)"),
    "RDP": N_("Standard RDP Security"),
    "RDSTLS": N_("RDSTLS"),
    "RDSAAD": N_("Microsoft Entra sign-in (RDSAAD)"),
}
_NLA: Mapping[str, str] = {"required": N_("required"), "offered": N_("offered"), "unsupported": N_("unsupported")}
_NLA_RANK = {"unsupported": 0, "offered": 1, "required": 2}
STATE_RANK = {"rejected": 0, "accepted": 1}
BETTER_REJECTED = {"accepted": 0, "rejected": 1}
_LEVEL_RANK = {"NONE": 0, "LOW": 1, "CLIENT_COMPATIBLE": 2, "HIGH": 3, "FIPS": 4}
_WEAK_METHODS = ("NONE", "40BIT", "56BIT")
_OWN_FLAGS = ("RESTRICTED_ADMIN_MODE_SUPPORTED", "REDIRECTED_AUTHENTICATION_MODE_SUPPORTED")  # have facts of their own
_OF_NLA, _OF_TLS = ("HYBRID", "HYBRID_EX"), ("SSL", "HYBRID", "HYBRID_EX", "RDSTLS", "RDSAAD")
_SKEW_S = 60.0  # a clock may have moved as much against ours
_NOT_SETTLED = ("timed_out", "deadline", "interrupted", "filtered", "unreachable", "refused")


def reachability(comparing: Comparing) -> None:
    """Whether RDP answers, and what does in its place."""
    before, after = comparing.before, comparing.after
    if before.status == after.status:
        comparing.fact("service", "reachability", _("the service"), lambda result: result.service)
        return
    sentence = _("{after} now; before, {before}", before=told(before), after=told(after))
    direction = better(before.status == "rdp", after.status == "rdp")
    comparing.add("status", "reachability", sentence, direction=direction, before=before.status, after=after.status)


def told(result: Result) -> str:
    """How a target was met, in words."""
    said = _(STATUS[result.status])
    return f"{said} ({result.service})" if result.service is not None else said


def address(comparing: Comparing) -> None:
    """A name that leads elsewhere."""
    if comparing.before.target.host.lower() == comparing.after.target.host.lower():
        what = _("the address of {host}", host=comparing.after.target.host)
        comparing.fact("target.address", "names", what, lambda result: result.target.address or NONE)


def negotiation(comparing: Comparing) -> None:
    """NLA, the security protocols and the flags beside them."""
    what = _("NLA")
    comparing.fact("negotiation.nla", "security", what, _nla, rank=_NLA_RANK, words=lambda name: _(_NLA[name]))
    asked = [each.negotiation.protocols for each in (comparing.before, comparing.after) if each.negotiation is not None]
    for name in dict.fromkeys([*_PROTOCOLS, *(name for protocols in asked for name in protocols)]):
        _protocol(comparing, name)
    for field, what, rank in (
        ("restricted_admin", _("Restricted Admin mode"), FALSE_IS_BETTER),
        ("remote_credential_guard", _("Remote Credential Guard"), TRUE_IS_BETTER),
    ):
        comparing.fact(f"negotiation.{field}", "security", what, partial(_advertised, field), rank=rank, words=on_off)
    comparing.names("negotiation.flags", "other", _("flags of the negotiation"), _flags)
    what = _("the request that the server says it was sent")
    comparing.fact("negotiation.altered_request", "other", what, _altered, rank=_AS_SENT, words=_as_it_was)
    direct = _of_negotiation(lambda section: state_of(section.direct_tls))
    comparing.fact("negotiation.direct_tls", "other", _("TLS without X.224"), direct, words=state_words)


def _nla(result: Result) -> str | None:
    nla = result.negotiation.nla if result.negotiation is not None else "unknown"
    return nla if nla != "unknown" else None


def _protocol(comparing: Comparing, name: str) -> None:
    """TLS without NLA is better than nothing, and worse where it takes the place of NLA."""
    what = _(_PROTOCOLS[name]) if name in _PROTOCOLS else name
    kind: ChangeKind = "security" if name in ("RDP", "SSL", "HYBRID", "HYBRID_EX") else "other"
    rank: Mapping[str, int] | None = None
    if name == "RDP":
        rank = BETTER_REJECTED
    elif name in _OF_NLA:
        rank = STATE_RANK
    elif name == "SSL":
        rank = _rank_of_tls(_nla(comparing.before), _nla(comparing.after), protocol(comparing.after, name))
    path = f"negotiation.protocols.{name}"
    comparing.fact(path, kind, what, lambda result: protocol(result, name), rank=rank, words=state_words)


def _rank_of_tls(before: str | None, after: str | None, now: str | None) -> Mapping[str, int] | None:
    if before is None or after is None:
        return None
    if before == after:
        return STATE_RANK
    return STATE_RANK if (_NLA_RANK[after] > _NLA_RANK[before]) == (now == "accepted") else BETTER_REJECTED


def _advertised(field: str, result: Result) -> Fact[bool]:
    """What only an RDP_NEG_RSP tells: where every protocol that has one is refused, there is none."""
    value: bool | None = getattr(result.negotiation, field, None)
    return NONE if value is None and is_served(result, _OF_TLS) is False else value


def _flags(result: Result) -> Fact[list[str]]:
    seen = _advertised("restricted_admin", result)
    if seen is None or seen is NONE or result.negotiation is None:
        return NONE if seen is NONE else None
    return [flag for flag in result.negotiation.flags if flag not in _OWN_FLAGS]


_AS_SENT = {True: 1, False: 0}


def _altered(result: Result) -> bool | None:
    if result.negotiation is None or not result.negotiation.protocols:
        return None
    return result.negotiation.altered_request is None


def _as_it_was(unaltered: bool) -> str:
    return _("as we sent it") if unaltered else _("another than we sent")


def _of_negotiation(read: Callable[[Negotiation], T | None]) -> Callable[[Result], Fact[T]]:
    return lambda result: read(result.negotiation) if result.negotiation is not None else None


def protocol(result: Result, name: str) -> str | None:
    """Accepted or rejected; None where nothing settled it."""
    return state_of(result.negotiation.protocols.get(name)) if result.negotiation is not None else None


def is_served(result: Result, names: tuple[str, ...]) -> bool | None:
    """Whether any of these security protocols is accepted; None where that is not known."""
    states = [protocol(result, name) for name in names]
    if "accepted" in states:
        return True
    return None if None in states else False


def serves_tls(result: Result) -> bool | None:
    """Whether any security protocol that runs over TLS is accepted; None where that is not known."""
    return is_served(result, _OF_TLS)


def state_of(verdict: Verdict | None) -> str | None:
    """Accepted or rejected; None where nothing settled it."""
    return verdict.state if verdict is not None and verdict.state != "unknown" else None


def state_words(state: str) -> str:
    """The same in the language spoken now."""
    return _(_STATES[state])


def standard_rdp(comparing: Comparing) -> None:
    """Encryption level, methods and key of Standard RDP Security."""
    what = _("the encryption level of Standard RDP Security")
    level = _of_standard(lambda section: section.encryption_level)
    comparing.fact("standard_rdp.encryption_level", "security", what, level, rank=_LEVEL_RANK)
    what = _("weak encryption methods of Standard RDP Security")
    weak, others = _of_standard(partial(_methods, True)), _of_standard(partial(_methods, False))
    comparing.names("standard_rdp.encryption_methods", "security", what, weak, new="worse")
    comparing.names(
        "standard_rdp.encryption_methods", "other", _("encryption methods of Standard RDP Security"), others
    )
    what = _("the key of Standard RDP Security, in bits,")
    bits = _of_standard(lambda section: section.certificate.key_bits if section.certificate is not None else None)
    comparing.fact("standard_rdp.certificate.key_bits", "security", what, bits, rank=int)
    what = _("the kind of certificate of Standard RDP Security")
    kind = _of_standard(lambda section: section.certificate.kind if section.certificate is not None else None)
    comparing.fact("standard_rdp.certificate.kind", "certificate", what, kind)


def _methods(weak: bool, section: StandardRdp) -> list[str] | None:
    names = section.encryption_methods
    return [name for name in names if (name in _WEAK_METHODS) == weak] if names else None


def _of_standard(read: Callable[[StandardRdp], T | None]) -> Callable[[Result], Fact[T]]:
    """A fact of a section that no server has which turns Standard RDP Security away."""

    def of(result: Result) -> Fact[T]:
        if result.standard_rdp is None:
            return NONE if protocol(result, "RDP") == "rejected" else None
        return read(result.standard_rdp)

    return of


def credssp(comparing: Comparing) -> None:
    """CredSSP's version and mechanisms, and the clock."""
    what = _("CredSSP")
    comparing.fact("credssp", "security", what, _answers, rank=TRUE_IS_BETTER, words=_answered)
    what = _("the version of CredSSP")
    comparing.fact("credssp.version", "security", what, _of_credssp(lambda section: section.version), rank=int)
    mechanisms = _of_credssp(lambda section: section.mechanisms or None)
    comparing.names("credssp.mechanisms", "other", _("mechanisms of CredSSP"), mechanisms)
    _clock(comparing)


def _of_credssp(read: Callable[[CredSsp], T | None]) -> Callable[[Result], Fact[T]]:
    """A fact of what only a server has that answered a TSRequest. One that never answers has a fact that says so."""

    def of(result: Result) -> Fact[T]:
        answers = _answers(result)
        if answers is None or answers is NONE or result.credssp is None:
            return NONE if answers is NONE else None
        return read(result.credssp) if answers else NONE

    return of


def _answers(result: Result) -> Fact[bool]:
    section = result.credssp
    if section is None:
        return NONE if is_served(result, _OF_NLA) is False else None
    if section.version is not None:
        return True
    return None if section.answer is None and section.ending in (None, *_NOT_SETTLED) else False


def _answered(answers: bool) -> str:
    return _("answered") if answers else _("not answered")


def ntlm_of(result: Result) -> Ntlm | None:
    """What the NTLM challenge of one computer says; None where several answer, or none."""
    section = result.credssp
    return section.ntlm if section is not None and len(section.computers) <= 1 else None


def clock_moved(before: Result, after: Result) -> bool:
    """Whether the server's clock is another distance from ours, by more than may come about by itself."""
    old, new = _skew(before), _skew(after)
    return old is not None and new is not None and abs(new - old) > _SKEW_S


def _skew(result: Result) -> float | None:
    ntlm = ntlm_of(result)
    return ntlm.clock_skew_s if ntlm is not None else None


def _clock(comparing: Comparing) -> None:
    if clock_moved(comparing.before, comparing.after):
        what = _("the clock's distance to ours, in seconds,")
        comparing.fact("credssp.ntlm.clock_skew_s", "other", what, _skew, rank=_closeness)


def _closeness(skew: float) -> int:
    return -int(abs(skew))
