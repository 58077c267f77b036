"""What a policy may demand of the negotiation: security protocols, NLA, TLS without X.224, what is advertised.

Source: [MS-RDPBCGR] 1.3.1.1, 2.2.1.1.1, 2.2.1.2.1 and 5.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Literal

import msgspec

from probe.diagnosis.stored import stored
from probe.diagnosis.wording import both
from probe.language import N_, _
from probe.needs import Needs
from probe.result import ProtocolName, Result, Verdict
from probe.verify.rule import Finding, kind
from probe.verify.seen import NLA, accepted, not_known, protocols, these
from probe.verify.served import said_of, told

_NOT_ASKED = Verdict(state="unknown", reason="not asked")
_SETTLES_NLA = Needs(protocols=frozenset({"RDP", "SSL", "HYBRID"}))
_WITHOUT_NLA = ("RDP", "SSL")
_ADVERTISES = Needs(protocols=frozenset({"SSL", "HYBRID"}))  # a response to either has the flags
Protocols = Annotated[list[ProtocolName], msgspec.Meta(min_length=1)]
DemandedNla = Literal["required", "offered", "unsupported"]
Accepted = Literal["accepted", "rejected"]

_NLA_SEEN = {
    "required": N_("NLA is required"),
    "offered": N_("NLA is offered and not required"),
    "unsupported": N_("NLA is not supported"),
}
_ACCEPTED_WORDS = {"accepted": N_("accepted"), "rejected": N_("rejected")}
_NLA_WORDS = {
    "required": N_("NLA is required"),
    "offered": N_("NLA is offered or required"),
    "unsupported": N_("NLA is not supported"),
}
_NLA_MENDED = {
    "required": ("nla=required", {"offered": "NLA_NOT_ENFORCED", "unsupported": "NLA_UNSUPPORTED"}),
    "offered": ("nla=offered", {"unsupported": "NLA_UNSUPPORTED"}),
    "unsupported": ("nla=off", {"required": "NLA_REQUIRED"}),
}
# What makes a protocol accepted or refused: the change, and the diagnosis that says how.
_ON: dict[str, tuple[str, tuple[str, ...]]] = {
    "RDP": ("standard_rdp=on", ("TLS_REQUIRED", "NLA_REQUIRED")),
    "SSL": ("nla=offered", ("NLA_REQUIRED", "TLS_CERTIFICATE_MISSING", "STANDARD_RDP_ONLY")),
    "HYBRID": ("nla=offered", ("TLS_CERTIFICATE_MISSING", "STANDARD_RDP_ONLY", "NLA_UNSUPPORTED")),
    "HYBRID_EX": ("nla=offered", ("TLS_CERTIFICATE_MISSING", "STANDARD_RDP_ONLY", "NLA_UNSUPPORTED")),
}
_OFF: dict[str, tuple[str, tuple[str, ...]]] = {
    "RDP": ("standard_rdp=off", ("STANDARD_RDP_ONLY", "STANDARD_RDP_WEAK")),
    "SSL": ("nla=required", ("NLA_UNSUPPORTED", "NLA_NOT_ENFORCED")),
    "HYBRID": ("nla=off", ()),
    "HYBRID_EX": ("nla=off", ()),
}


def _evidence(result: Result, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(told(name, _verdict(result, name)) for name in names)


def _verdict(result: Result, name: str) -> Verdict:
    found = protocols(result).get(name, _NOT_ASKED)
    is_bare = found.state == "unknown" and not (found.reason or found.ending or found.failure or found.selected)
    return _NOT_ASKED if is_bare else found


def _in_state(result: Result, names: Iterable[str], state: str) -> list[str]:
    return [name for name in names if _verdict(result, name).state == state]


def _of_protocols(names: Iterable[str]) -> Needs:
    return Needs(protocols=frozenset(names))


def _present(result: Result, codes: Sequence[str]) -> str | None:
    """The first of these diagnoses that this server has, else the last of them."""
    has = {each.code for each in result.diagnoses}
    return next((code for code in codes if code in has), codes[-1] if codes else None)


def _mended(result: Result, known: Sequence[tuple[str, tuple[str, ...]]]) -> dict[str, str | None]:
    """What mends the first of several protocols, and the changes for all of them.

    Each key of a change stands once: NLA cannot be required and off at the same time, so that the first stays.
    """
    by_key: dict[str, str] = {}
    for change, _codes in known:
        by_key.setdefault(change.partition("=")[0], change)
    codes = known[0][1] if known else ()
    return {"diagnosis": _present(result, codes), "change": ",".join(by_key.values()) or None}


def _open(result: Result, names: Sequence[str], observed: str) -> Finding:
    """Why it is not known of these whether they are accepted."""
    why = _("; ").join(_evidence(result, names))
    message = _("{what} ({why})", what=said_of(names, "unknown"), why=why)
    return Finding(state="unknown", message=message, observed=observed)


def _accepted_now(result: Result) -> str:
    return these(accepted(result, protocols(result))) or _("none")


@kind(
    "protocols.required",
    Protocols,
    says="Each of these security protocols is accepted by a server that is asked for it.",
    example='["HYBRID"]',
    needs=_of_protocols,
    words=lambda value: _("{names} accepted", names=both(value)),
)
def required(value: list[str], result: Result) -> Finding:
    """Each was selected on request."""
    observed = _accepted_now(result)
    refused = _in_state(result, value, "rejected")
    if refused:
        known = [_ON[name] for name in refused if name in _ON]
        message = _("{seen}; demanded: {demand}", seen=said_of(refused, "rejected"), demand=both(value))
        return Finding(
            state="failed",
            message=message,
            observed=observed,
            evidence=_evidence(result, refused),
            **_mended(result, known),
        )
    if unsettled := _in_state(result, value, "unknown"):
        return _open(result, unsettled, observed)
    message = _("{seen}, as demanded", seen=said_of(value, "accepted"))
    return Finding(state="passed", message=message, observed=observed, evidence=_evidence(result, value))


@kind(
    "protocols.forbidden",
    Protocols,
    says="Each of these security protocols is refused; RDP is Standard RDP Security, SSL is TLS without NLA.",
    example='["RDP"]',
    needs=_of_protocols,
    words=lambda value: _("{names} refused", names=both(value)),
)
def forbidden(value: list[str], result: Result) -> Finding:
    """None was selected, and each was turned away."""
    observed = _accepted_now(result)
    found = _in_state(result, value, "accepted")
    if found:
        message = _("{seen}; forbidden: {names}", seen=said_of(found, "accepted"), names=both(value))
        known = [_OFF[name] for name in found if name in _OFF]
        return Finding(
            state="failed",
            message=message,
            observed=observed,
            evidence=_evidence(result, found),
            **_mended(result, known),
        )
    if unsettled := _in_state(result, value, "unknown"):
        return _open(result, unsettled, observed)
    message = _("{seen}, as demanded", seen=said_of(value, "rejected"))
    return Finding(state="passed", message=message, observed=observed, evidence=_evidence(result, value))


@kind(
    "protocols.nla",
    DemandedNla,
    says='NLA (CredSSP) is required, offered or unsupported; "offered" is met by a server that requires it too.',
    example='"required"',
    needs=_SETTLES_NLA,
    words=lambda value: _(_NLA_WORDS[value]),
)
def nla(value: str, result: Result) -> Finding:
    """What the verdicts on the protocols add up to."""
    found = result.negotiation.nla if result.negotiation is not None else "unknown"
    evidence = _evidence(result, ("HYBRID", *_WITHOUT_NLA))
    # "offered" says at least that: where nothing without NLA was accepted, it may be required.
    if found == "unknown" or (found == "offered" and value == "required" and not accepted(result, _WITHOUT_NLA)):
        why = _("; ").join(evidence)
        return not_known(_("whether NLA is {value} is not known ({why})", value=_(value), why=why))
    if found == value or (value, found) == ("offered", "required"):
        message = _("{seen}, as demanded", seen=_(_NLA_SEEN[found]))
        return Finding(state="passed", message=message, observed=found, evidence=evidence)
    change, diagnoses = _NLA_MENDED[value]
    return Finding(
        state="failed",
        message=_("{seen}; demanded: {demand}", seen=_(_NLA_SEEN[found]), demand=_(_NLA_WORDS[value])),
        observed=found,
        evidence=evidence,
        diagnosis=diagnoses.get(found),
        change=change,
    )


@kind(
    "protocols.direct_tls",
    Accepted,
    says="TLS is accepted, or refused, by a server that gets a ClientHello in place of an RDP request.",
    example='"rejected"',
    needs=Needs(direct_tls=True),
    words=lambda value: _("TLS without X.224 {value}", value=_(_ACCEPTED_WORDS[value])),
)
def direct_tls(value: str, result: Result) -> Finding:
    """What came of a hello that no X.224 request went before."""
    verdict = result.negotiation.direct_tls if result.negotiation is not None else Verdict(state="unknown")
    name = _("TLS without X.224")
    if verdict.state == "unknown":
        how = stored(verdict.reason or verdict.ending or "not asked")
        return not_known(_("{what} ({how})", what=said_of([name], "unknown"), how=how))
    evidence = (told(name, verdict),)
    seen = _("{name} is {state}", name=name, state=_(_ACCEPTED_WORDS[verdict.state]))
    if verdict.state == value:
        message = _("{seen}, as demanded", seen=seen)
        return Finding(state="passed", message=message, observed=verdict.state, evidence=evidence)
    message = _("{seen}; demanded: {demand}", seen=seen, demand=_(_ACCEPTED_WORDS[value]))
    return Finding(state="failed", message=message, observed=verdict.state, evidence=evidence)


def _advertised(what: str, field: str) -> Callable[[bool, Result], Finding]:
    """A check of a flag of RDP_NEG_RSP. Without CredSSP there is nothing that it could be about."""

    def check(value: bool, result: Result) -> Finding:
        found: bool | None = getattr(result.negotiation, field, None)
        evidence: tuple[str, ...] = ()
        if found is None:
            if accepted(result, NLA) or _verdict(result, "HYBRID").state != "rejected":
                return not_known(_("no RDP_NEG_RSP was seen, which says whether there is {what}", what=what))
            found, evidence = False, _evidence(result, ("HYBRID",))
        seen = _("{what} is offered", what=what) if found else _("{what} is not offered", what=what)
        observed = _("offered") if found else _("not offered")
        evidence = evidence or (_("flags: {flags}", flags=these(_flags(result)) or _("none")),)
        if found is value:
            message = _("{seen}, as demanded", seen=seen)
            return Finding(state="passed", message=message, observed=observed, evidence=evidence)
        message = _("{seen}; demanded: {demand}", seen=seen, demand=_offered(value))
        return Finding(state="failed", message=message, observed=observed, evidence=evidence)

    return check


def _flags(result: Result) -> list[str]:
    return result.negotiation.flags if result.negotiation is not None else []


def _offered(value: bool) -> str:
    return _("offered") if value else _("not offered")


for _key, _what, _flag in (
    ("restricted_admin", "Restricted Admin", "RESTRICTED_ADMIN_MODE_SUPPORTED"),
    ("remote_credential_guard", "Remote Credential Guard", "REDIRECTED_AUTHENTICATION_MODE_SUPPORTED"),
):
    kind(
        f"protocols.{_key}",
        bool,
        says=f"{_what} is offered: the server's answer has the flag {_flag}; or it is not.",
        example="true",
        needs=_ADVERTISES,
        words=_offered,
    )(_advertised(_what, _key))
