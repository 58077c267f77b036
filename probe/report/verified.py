"""What the formats for pipelines have in common: how a target is named, what stands for a rule, how many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from probe.language import N_, _
from probe.report.escape import terminal
from probe.result.verification import RuleOutcome, RuleSeverity, Verification, VerifiedTarget

BASELINE = "baseline"  # stands where a policy's name does
UNREACHED = "reached"  # stands for all rules of a target of which nothing could be determined
_LONGEST = 2000
_VERDICTS = {
    "passed": N_("passed"),
    "failed": N_("failed"),
    "unknown": N_("could not be determined"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that was checked: a rule of a policy, or that something is as it was. Every text is safe to show."""

    policy: str  # or BASELINE
    rule: str
    state: Literal["passed", "failed", "unknown", "waived"]
    severity: RuleSeverity
    message: str
    details: tuple[str, ...] = ()  # sentences: evidence, what to do, the source
    expected: str = ""
    file: str | None = None  # of the policy


def safe(text: str) -> str:
    """Text in one line that shows what a server sent and does nothing."""
    return terminal(text, _LONGEST)


def name_of(target: VerifiedTarget) -> str:
    """How a target is called: "srv1.example:3389", "[::1]:3390", with the address that was asked where it differs."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    asked = f" ({target.address})" if target.address not in (None, target.host) else ""
    return safe(f"{host}:{target.port}{asked}")


def cases(verification: Verification) -> list[Case]:
    """Everything that was checked, in the order of the verification; one for all rules where nothing was reached."""
    if verification.reason is not None and verification.verdict == "unknown":
        names = ", ".join(policy.name for policy in verification.policies) or BASELINE
        return [
            Case(
                policy=safe(names), rule=UNREACHED, state="unknown", severity="error", message=safe(verification.reason)
            )
        ]
    files = {policy.name: policy.file for policy in verification.policies}
    return [*(_of_rule(each, files) for each in verification.rules), *_of_baseline(verification)]


def counted(verifications: Sequence[Verification]) -> Counter[str]:
    """How many targets there are of each verdict."""
    return Counter(each.verdict for each in verifications)


def summary(verifications: Sequence[Verification]) -> str:
    """One line: how many targets passed, failed, and could not be determined."""
    return summary_of(counted(verifications))


def summary_of(found: Counter[str]) -> str:
    """The same of how many targets there are of each verdict."""
    parts = [f"{found[verdict]:,} {_(words)}" for verdict, words in _VERDICTS.items() if found[verdict]]
    words = N_("1 target: {parts}") if found.total() == 1 else N_("{count} targets: {parts}")
    return _(words, count=f"{found.total():,}", parts=_(", ").join(parts) or "-")


def verdict_words(verification: Verification) -> str:
    """The verdict in words."""
    return _(_VERDICTS[verification.verdict])


def _of_rule(outcome: RuleOutcome, files: dict[str, str | None]) -> Case:
    return Case(
        policy=safe(outcome.policy),
        rule=safe(outcome.rule),
        state=outcome.state,
        severity=outcome.severity,
        message=safe(outcome.message),
        details=tuple(map(safe, _details(outcome))),
        expected=safe(outcome.expected),
        file=files.get(outcome.policy),
    )


def _details(outcome: RuleOutcome) -> Iterator[str]:
    if outcome.waiver is not None:
        words = (
            N_("waiver expired on {day}: {reason}") if outcome.waiver.expired else N_("waived until {day}: {reason}")
        )
        yield _(words, day=outcome.waiver.expires, reason=outcome.waiver.reason)
    if outcome.state == "passed":
        return
    yield _("demanded: {expected}", expected=outcome.expected)
    yield _("seen: {observed}", observed=outcome.observed)
    yield from outcome.evidence
    for fix in outcome.fix:
        yield _("fix: {words}", words=fix)
    lost = [client.client for client in outcome.cut_off]
    if lost:
        yield _("whom that would cut off: {clients}", clients=_(", ").join(lost))
    if outcome.source is not None:
        yield _("source: {source}", source=outcome.source)


def _of_baseline(verification: Verification) -> Iterator[Case]:
    """What is not as it was; with a baseline and no change, one case says so."""
    if verification.baseline is None:
        return
    for change in verification.changes:
        yield Case(
            policy=BASELINE,
            rule=safe(change.field),
            state="failed" if verification.exact or change.direction == "worse" else "passed",
            severity="error",
            message=safe(change.message),
            details=(safe(f"{change.before or '-'} -> {change.after or '-'}"),),
        )
    for words in verification.undetermined:
        yield Case(policy=BASELINE, rule="undetermined", state="unknown", severity="error", message=safe(words))
    if not verification.changes and not verification.undetermined:
        words = _("nothing has changed since {file}", file=verification.baseline)
        yield Case(policy=BASELINE, rule="changes", state="passed", severity="error", message=safe(words))
