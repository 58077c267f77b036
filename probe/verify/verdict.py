"""From policies and a stored result to a verification: every rule's outcome, and what they add up to. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce

from probe.diagnosis import CATALOGUE
from probe.diagnosis.stored import stored
from probe.language import N_, _
from probe.needs import NOTHING, Needs
from probe.result import Result, Status, Target
from probe.result.verification import (
    RULE_SEVERITIES,
    AppliedWaiver,
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
from probe.verify.kinds import kind_of
from probe.verify.overriding import is_named, overridden
from probe.verify.policy import Policy, Waiver
from probe.verify.rule import Finding, Rule
from probe.verify.targets import matches
from probe.verify.what_if import cut_off

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
        target=_target(result.target),
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
    )


def _outcomes(policy: Policy, result: Result, reason: str | None, today: dt.date) -> Iterator[RuleOutcome]:
    """What came of each rule of one policy; `reason` says why none of them could be looked at."""
    for rule in rules_for(policy, result.target):
        kind = kind_of(rule.key)
        if reason is None:
            finding = kind.check(rule.value, result)
        else:
            finding = Finding(state="unknown", message=reason, observed=_("nothing"))
        failed = finding.state == "failed"
        waiver = _waiver(policy.waivers, rule, result.target, today) if failed else None
        yield RuleOutcome(
            rule=rule.key,
            policy=policy.name,
            state="waived" if waiver is not None and not waiver.expired else finding.state,
            severity=rule.severity,
            message=finding.message,
            expected=kind.words(rule.value),
            observed=finding.observed,
            evidence=list(finding.evidence),
            fix=_fix(rule, finding, result) if reason is None else [],
            cut_off=cut_off(finding.change, result) if failed else [],
            source=rule.source,
            why=rule.why,
            diagnosis=finding.diagnosis,
            page=_page(finding.diagnosis),
            waiver=waiver,
        )


def _fix(rule: Rule, finding: Finding, result: Result) -> list[str]:
    """What mends it, or would settle it."""
    if finding.state == "failed":
        return fix(rule, finding, result)
    step = next_step(rule, finding, result) if finding.state == "unknown" else None
    return [] if step is None else [step]


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
    return words if result.cause is None else f"{words}: {stored(result.cause)}"


def _target(target: Target) -> VerifiedTarget:
    return VerifiedTarget(
        input=target.input,
        host=target.host,
        port=target.port,
        address=target.address,
        server_name=target.server_name,
    )


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
