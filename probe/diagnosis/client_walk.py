"""How far one client gets: what each step of the walk says, and the negotiation with its fallbacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from probe.clients.profile import ClientProfile, Request
from probe.clients.protocol import PROTOCOLS
from probe.diagnosis.stored import stored
from probe.language import _
from probe.result import Negotiation, NegotiationAttempt, Verdict

STAGES = (
    "negotiation",
    "tls",
    "certificate",
    "credssp",
    "encryption",
    "licensing",
)  # in the order in which a client meets them
FAILURES = {  # RDP_NEG_FAILURE codes, [MS-RDPBCGR] 2.2.1.2.2, and the diagnosis that explains each
    "SSL_REQUIRED_BY_SERVER": "TLS_REQUIRED",
    "SSL_NOT_ALLOWED_BY_SERVER": "STANDARD_RDP_ONLY",
    "SSL_CERT_NOT_ON_SERVER": "TLS_CERTIFICATE_MISSING",
    "INCONSISTENT_FLAGS": "INCONSISTENT_FLAGS",
    "HYBRID_REQUIRED_BY_SERVER": "NLA_REQUIRED",
    "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER": "USER_AUTH_REQUIRED",
}
# Seen to answer requests without RDP_NEG_REQ as [MS-RDPBCGR] 3.3.5.3.1 asks, or (Windows) said to by that section.
_ANSWER_BARE_REQUESTS = ("windows", "xrdp", "freerdp", "weston")
_STRONGEST_FIRST = ("HYBRID_EX", "HYBRID", "SSL")
_UNKNOWN = Verdict(state="unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Where a walk ended. `stage` is where it failed, or where a fact is missing; None where it got in."""

    connects: bool | None
    because: str
    stage: str | None = None
    code: str | None = None  # the diagnosis that explains a failure
    protocol: str | None = None
    version: str | None = None
    cipher_suite: str | None = None
    nothing_served: bool = False  # no hello of any version was answered: no setting of a client helps


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server makes of one request: a protocol, a refusal, or neither where that is not known."""

    selected: str | None = None
    refusal: str | None = None  # an RDP_NEG_FAILURE code's name, or "" for a refusal without one
    because: str = ""


def fails(stage: str, code: str | None, because: str) -> Outcome:
    """It cannot get past this stage."""
    return Outcome(connects=False, stage=stage, code=code, because=because)


def missing(stage: str, because: str) -> Outcome:
    """A fact is missing at this stage."""
    return Outcome(connects=None, stage=stage, because=because)


def names_of(protocols: int | None) -> list[str]:
    """The names of requestedProtocols as a result has them: none without an RDP_NEG_REQ, ["RDP"] for 0."""
    if protocols is None:
        return []
    return [name for name, bit in PROTOCOLS.items() if protocols & bit] or ["RDP"]


def answer_to(request: Request, negotiation: Negotiation, kind: str = "unknown") -> Answer:
    """What the server makes of a request: what it said to the same one, else what follows from its verdicts.

    `kind` is what the result says of the server's kind: only some are known to answer requests without RDP_NEG_REQ.
    """
    names = names_of(request.protocols)
    if not names:
        return _of_bare(negotiation, kind)
    said = {each for attempt in _same(names, negotiation.attempts) if (each := _said(attempt)) is not None}
    if len(said) > 1:
        return Answer(because=_("the same request was answered differently"))
    if said:
        return said.pop()
    return _of_rdp(negotiation) if names == ["RDP"] else _of_several(names, negotiation.protocols)


def _same(names: Sequence[str], attempts: Sequence[NegotiationAttempt]) -> Iterator[NegotiationAttempt]:
    return (attempt for attempt in attempts if sorted(attempt.requested) == sorted(names))


def _of_bare(negotiation: Negotiation, kind: str) -> Answer:
    """A request without RDP_NEG_REQ. RDP's verdict is of requests with one: only a refusal holds for both."""
    answer, asked = _of_rdp(negotiation), list(_same([], negotiation.attempts))
    if answer.selected is None:
        return answer
    if asked:
        taken = [each for each in asked if each.selected == "RDP" or each.answer == _BARE_CONFIRM]
        if taken:
            return answer
        failure = next((each.failure for each in asked if each.failure is not None), None)
        endings = {each.ending for each in asked}
        if failure is not None or endings <= {"closed", "reset"}:
            how = failure or _("; ").join(stored(ending) for ending in sorted(filter(None, endings)))
            return Answer(refusal=failure or "", because=_("a request without RDP_NEG_REQ: {how}", how=how))
        return Answer(because=_("a request without RDP_NEG_REQ got no usable answer"))
    if kind in _ANSWER_BARE_REQUESTS or any(each.answer == _BARE_CONFIRM for each in negotiation.attempts):
        because = _("RDP is accepted, and such servers answer requests without RDP_NEG_REQ too")
        return Answer(selected="RDP", because=because)
    return Answer(because=_("RDP is accepted, and whether it is without RDP_NEG_REQ was not asked"))


def _said(attempt: NegotiationAttempt) -> Answer | None:
    asked = "+".join(attempt.requested)
    if attempt.selected is not None:
        return Answer(selected=attempt.selected, because=_("{asked}: {selected} is selected", **_pair(asked, attempt)))
    if attempt.failure is not None:
        return Answer(refusal=attempt.failure, because=f"{asked}: {attempt.failure}")
    return None


def _pair(asked: str, attempt: NegotiationAttempt) -> dict[str, str]:
    return {"asked": asked, "selected": attempt.selected or ""}


def _of_rdp(negotiation: Negotiation) -> Answer:
    """Standard RDP Security, asked for with an RDP_NEG_REQ or without one."""
    verdict = negotiation.protocols.get("RDP", _UNKNOWN)
    if verdict.state == "accepted":
        return Answer(selected="RDP", because=_("{protocol} is accepted", protocol="RDP"))
    if verdict.state == "unknown":
        return Answer(because=_("whether {protocol} is accepted is not known", protocol="RDP"))
    return Answer(refusal=verdict.failure or "", because=f"RDP: {_reason(verdict)}")


def _of_several(names: Sequence[str], protocols: dict[str, Verdict]) -> Answer:
    """The strongest that is accepted; what is said to each alone where none is."""
    offered = {name: protocols.get(name, _UNKNOWN) for name in _STRONGEST_FIRST if name in names}
    accepted = [name for name, verdict in offered.items() if verdict.state == "accepted"]
    for name, verdict in offered.items():
        if verdict.state == "accepted":
            return Answer(selected=name, because=_("{protocol} is accepted", protocol=name))
        if verdict.state == "unknown" and not (name == "HYBRID_EX" and "HYBRID" in accepted):
            return Answer(because=_("whether {protocol} is accepted is not known", protocol=name))
    return _of_refusals(list(offered.values()))


def _of_refusals(verdicts: Sequence[Verdict]) -> Answer:
    """Protocols that were each refused alone are refused together in the same way, if there is one."""
    falling_back = [verdict.selected == "RDP" or verdict.reason == _BARE_CONFIRM for verdict in verdicts]
    if all(falling_back):
        return Answer(selected="RDP", because=_("{asked} is answered by RDP", asked=_("what has TLS")))
    failures = {verdict.failure for verdict in verdicts}
    if len(failures) == 1 and verdicts[0].failure is not None:
        return Answer(refusal=verdicts[0].failure, because=_reason(verdicts[0]))
    if any(falling_back):
        return Answer(because=_("protocols were refused in several ways, and not asked for together"))
    named = next((verdict.failure for verdict in verdicts if verdict.failure is not None), "")
    return Answer(refusal=named, because=_("; ").join(dict.fromkeys(_reason(verdict) for verdict in verdicts)))


_BARE_CONFIRM = "confirm without negotiation"


def _reason(verdict: Verdict) -> str:
    if verdict.selected is not None:
        return _("{selected} is selected instead", selected=verdict.selected)
    return stored(verdict.failure or verdict.reason or verdict.ending or verdict.state)


def refused(profile: ClientProfile, answer: Answer) -> Outcome:
    """What a refusal means for a client that has nothing left to ask for."""
    asks_for_nothing_newer = all(request.protocols in (None, 0) for request in profile.requests)
    code = FAILURES.get(answer.refusal or "")
    if asks_for_nothing_newer and code is None:
        code = "TLS_REQUIRED"
    return fails("negotiation", code, answer.because)


def next_request(profile: ClientProfile, sent: int, event: str) -> int | None:
    """The place of the request that follows, after what became of the one that was sent."""
    later = range(sent + 1, len(profile.requests))
    return next((place for place in later if event in profile.requests[place].after), None)


def deepest(outcomes: Sequence[Outcome]) -> Outcome:
    """Of several failures the one that got furthest; the first of equals."""
    return max(outcomes, key=lambda outcome: STAGES.index(outcome.stage or STAGES[0]))


def over(protocol: str, outcome: Outcome) -> Outcome:
    """The outcome, with the security protocol in which it was met."""
    return replace(outcome, protocol=outcome.protocol or protocol)
