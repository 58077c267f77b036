"""From policies and a stored result to a verification: every rule's outcome, and what they add up to. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce

from probe.clients import CLIENTS
from probe.diagnosis import CATALOGUE
from probe.diagnosis.stored import stored
from probe.language import N_, _
from probe.needs import NOTHING, Needs
from probe.result import Result, Status, Target
from probe.result.verification import (
    RULE_SEVERITIES,
    AppliedWaiver,
    Blocker,
    ClientChange,
    NotCheckable,
    PolicyName,
    RuleOutcome,
    RuleSeverity,
    RuleState,
    Verification,
    VerifiedTarget,
    VerifyVerdict,
)
from probe.verify.fix import fix, next_step
from probe.verify.fix_protocols import is_impossible
from probe.verify.fix_suites import change_of
from probe.verify.kinds import kind_of
from probe.verify.overriding import is_named, overridden
from probe.verify.policy import Policy, Waiver
from probe.verify.rule import Finding, Kind, Rule
from probe.verify.rules_clients import keys_of
from probe.verify.targets import matches
from probe.verify.what_if import Lost, lost_by

_LONGEST_FAULT = 200
_ORDER: tuple[RuleState, ...] = ("failed", "unknown", "waived", "passed")
_UNREACHED: dict[Status, str] = {
    "not_rdp": N_("what answers is not RDP"),
    "silent": N_("an RDP request gets no answer"),
    "closed": N_("an RDP request is answered by a close"),
    "refused": N_("the connection was refused"),
    "filtered": N_("the connection is never answered"),
    "unreachable": N_("the address cannot be reached"),
    "dns_error": N_("the name does not resolve"),
}


def rules_for(policy: Policy, target: Target) -> tuple[Rule, ...]:
    """The rules that hold for a target, its overrides applied."""
    fitting = (each for each in policy.overrides if _fits(each.targets, target))
    return reduce(overridden, fitting, policy.rules)


def needs_of(policies: Sequence[Policy], target: Target) -> Needs:
    """What must be asked of a target for all of its rules."""
    rules = (rule for policy in policies for rule in rules_for(policy, target))
    return reduce(lambda all_, rule: all_ | kind_of(rule.key).needs(rule.value), rules, NOTHING)


def verify(
    policies: Sequence[Policy], result: Result, *, today: dt.date, fail_on: RuleSeverity = "error"
) -> Verification:
    """Judge one result, which has its diagnoses and clients.

    A rule fails the verdict where its severity is `fail_on` or worse. A server that was not reached, or is not RDP,
    leaves every rule unknown; `reason` then says why. So it does where policies have no rule for this target.
    """
    reached = result.status == "rdp"
    reason = None if reached else _unreached(result)
    outcomes = [each for policy in policies for each in _outcomes(policy, result, reason, today)]
    if reached and policies and not outcomes:
        reason = _("no rule of these policies is for this target")
    return Verification(
        target=VerifiedTarget.of(result.target),
        verdict=_verdict(outcomes, fail_on) if reason is None else "unknown",
        status=result.status,
        reason=reason,
        started=result.started,
        elapsed_ms=result.elapsed_ms,
        connections=result.connections,
        policies=[PolicyName(name=each.name, version=each.version, file=each.file) for each in policies],
        rules=sorted(outcomes, key=_rank),
        not_checkable=[
            NotCheckable(policy=policy.name, item=each.item, why=each.why, source=each.source)
            for policy in policies
            for each in policy.unseen
        ],
        locked_out=_locked_out(result) if reached else [],
        locked_out_open=[each.client for each in result.clients if each.connects is None] if reached else [],
        blockers=_blockers(result) if reached else [],
        is_full="full" in (result.asked if result.asked is not None else [result.depth]),
    )


def _outcomes(policy: Policy, result: Result, reason: str | None, today: dt.date) -> Iterator[RuleOutcome]:
    """What came of each rule of one policy; `reason` says why none of them could be looked at."""
    rules = rules_for(policy, result.target)
    for rule in rules:
        kind = kind_of(rule.key)
        if reason is None:
            finding = _checked(kind, rule, result)
        else:
            finding = Finding(state="unknown", message=reason, observed=_("nothing"))
        failed = finding.state == "failed"
        waiver = _waiver(policy.waivers, rule, result.target, today) if failed else None
        lost = _lost(rule, finding, result) if failed else Lost()
        yield RuleOutcome(
            rule=rule.key,
            policy=policy.name,
            state="waived" if waiver is not None and not waiver.expired else finding.state,
            severity=rule.severity,
            message=finding.message,
            expected=kind.words(rule.value),
            observed=finding.observed,
            evidence=list(finding.evidence),
            fix=[*_fix(rule, finding, result), *_at_odds(rules, lost)] if reason is None else [],
            cut_off=list(lost.cut_off),
            cut_off_open=list(lost.open),
            source=rule.source,
            why=rule.why,
            diagnosis=finding.diagnosis,
            page=_page(finding.diagnosis),
            waiver=waiver,
        )


def _checked(kind: Kind, rule: Rule, result: Result) -> Finding:
    """What a check finds. A fault of ours in one leaves its rule open, and others and their targets alone."""
    try:
        return kind.check(rule.value, result)
    except Exception as error:  # noqa: BLE001  no result of a server may end the judging of all others
        what = _("a fault of rdp-probe in this rule, please report it: {error}", error=repr(error)[:_LONGEST_FAULT])
        return Finding(state="unknown", message=what, observed=_("not known"))


def _fix(rule: Rule, finding: Finding, result: Result) -> list[str]:
    """What mends it, or would settle it."""
    if finding.state == "failed":
        return fix(rule, finding, result)
    step = next_step(rule, finding, result) if finding.state == "unknown" else None
    return [] if step is None else [step]


def _lost(rule: Rule, finding: Finding, result: Result) -> Lost:
    """Whom it costs the way in to do what mends it."""
    return Lost() if is_impossible(rule, result) else lost_by(change_of(rule, finding.change, result), result)


def _at_odds(rules: Iterable[Rule], lost: Lost) -> Iterator[str]:
    """What is to be known of a fix that costs clients which the same policy demands to get in."""
    demanded = {
        CLIENTS[key].name for rule in rules if rule.key == "clients.must_connect" for key in keys_of(rule.value)
    }
    names = [client.client for client in lost.cut_off if client.client in demanded]
    if names:
        yield _(
            "But clients.must_connect of this policy demands {clients}, which this cuts off: update them first, or "
            "except one of the two rules.",
            clients=_(", ").join(names),
        )


def _page(code: str | None) -> str | None:
    """Where to read more on a diagnosis."""
    return CATALOGUE[code].page if code is not None else None


def _rank(outcome: RuleOutcome) -> tuple[int, int]:
    """What must be looked at first; what passed stays in the policy's order."""
    matters = outcome.state in ("failed", "unknown")
    return _ORDER.index(outcome.state), RULE_SEVERITIES.index(outcome.severity) if matters else 0


def _verdict(outcomes: Iterable[RuleOutcome], fail_on: RuleSeverity) -> VerifyVerdict:
    """A failure counts for more than what is unknown."""
    counted = RULE_SEVERITIES[: RULE_SEVERITIES.index(fail_on) + 1]
    states = {outcome.state for outcome in outcomes if outcome.severity in counted}
    return "failed" if "failed" in states else "unknown" if "unknown" in states else "passed"


def _waiver(waivers: Iterable[Waiver], rule: Rule, target: Target, today: dt.date) -> AppliedWaiver | None:
    """Of those that cover a rule here, the one that holds longest."""
    fitting = [
        each for each in waivers if is_named(rule.key, each.rules) and (not each.targets or _fits(each.targets, target))
    ]
    if not fitting:
        return None
    found = max(fitting, key=lambda each: each.expires)
    return AppliedWaiver(reason=found.reason, expires=found.expires.isoformat(), expired=today > found.expires)


def _fits(patterns: Iterable[str], target: Target) -> bool:
    return any(matches(pattern, target) for pattern in patterns)


def _unreached(result: Result) -> str:
    """Why nothing could be determined, with the system's own words where it has some."""
    blocker = next((each for each in result.diagnoses if each.severity == "blocker"), None)
    words = _(_UNREACHED[result.status]) if blocker is None else blocker.summary.rstrip(".。")
    return words if result.cause is None else _("{name}: {how}", name=words, how=stored(result.cause))


def _blockers(result: Result) -> list[Blocker]:
    """Why nobody gets in; nothing where of any client that is not known, so that little asking makes up nothing."""
    if any(each.connects is not False for each in result.clients):
        return []
    return [
        Blocker(code=each.code, summary=each.summary, page=_page(each.code))
        for each in result.diagnoses
        if each.severity == "blocker"
    ]


def _locked_out(result: Result) -> list[ClientChange]:
    """The known clients that cannot connect as it is."""
    return [
        ClientChange(
            client=each.client,
            before=None,
            after=False,
            because=each.because,
            user_sees=each.user_sees,
            hint=each.hint,
        )
        for each in result.clients
        if each.connects is False
    ]
