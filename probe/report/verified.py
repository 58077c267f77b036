"""What the formats for pipelines have in common: how a target is named, what stands for a rule, how many there are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from probe.clients import CLIENTS
from probe.language import N_, _
from probe.report.escape import terminal
from probe.result.verification import ClientChange, RuleOutcome, RuleSeverity, Verification, VerifiedTarget

BASELINE = "baseline"  # stands where a policy's name does
WHAT_IF = "what-if"
NOTHING_DEMANDED = "verify"
UNREACHED = "reached"  # stands for all rules of a target of which nothing could be determined
SAVED = "saved"  # stands for all rules where nothing was demanded
_LONGEST = 2000
_WORD = re.compile(r"[^\s,;:()，；：（）、。]+")  # noqa: RUF001  what separates words in Chinese too
_VERDICTS = {
    "passed": N_("passed"),
    "failed": N_("failed"),
    "unknown": N_("could not be determined"),
    SAVED: N_("saved"),
}
Fate = Literal["cut off", "gains", "open", "same"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that was checked: a rule of a policy, or that something is as it was. Every text is safe to show."""

    policy: str  # or BASELINE, WHAT_IF
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


def demands_nothing(verification: Verification) -> bool:
    """Whether it was only looked at, to be kept."""
    return not verification.policies and verification.baseline is None and verification.what_if is None


def cases(verification: Verification) -> list[Case]:
    """Everything that was checked, in the order of the verification; one for all rules where nothing was reached."""
    if verification.reason is not None and verification.verdict == "unknown":
        return [_of_all(verification, UNREACHED, "unknown", verification.reason)]
    if demands_nothing(verification):
        return [_of_all(verification, SAVED, "passed", _("nothing was demanded: what was seen is saved"))]
    files = {policy.name: policy.file for policy in verification.policies}
    return [
        *(_of_rule(each, files) for each in verification.rules),
        *_of_baseline(verification),
        *_of_what_if(verification),
    ]


def fate(client: ClientChange) -> Fate:
    """What a planned change does to a client."""
    if client.after is None or (client.before is None and not client.after):
        return "open"
    if client.before is None or client.before == client.after:
        return "same"
    return "cut off" if client.before else "gains"


def blockers(verification: Verification) -> list[str]:
    """Why nobody gets in, a sentence each with its code; every text is safe to show."""
    return [
        safe(_("No client can connect: {summary} ({code})", summary=each.summary, code=each.code))
        for each in verification.blockers
    ]


def locked_out(verification: Verification) -> str:
    """The known clients that cannot connect, where there are some; a list of all tells no more than that."""
    names = [client.client for client in verification.locked_out]
    if len(names) == len(CLIENTS):
        return _("None of the {count} known clients can connect.", count=len(CLIENTS))
    return safe(_("Clients that cannot connect: {clients}", clients=_(", ").join(names))) if names else ""


def summary(verifications: Sequence[Verification]) -> str:
    """One line: how many targets passed, failed, and could not be determined."""
    return summary_of(Counter(map(result_of, verifications)))


def result_of(verification: Verification) -> str:
    """The verdict; "saved" where nothing was demanded and it was reached."""
    return SAVED if verification.verdict == "passed" and demands_nothing(verification) else verification.verdict


def summary_of(found: Counter[str]) -> str:
    """The same of how many targets there are of each `result_of`."""
    parts = [f"{found[verdict]:,} {_(words)}" for verdict, words in _VERDICTS.items() if found[verdict]]
    words = N_("1 target: {parts}") if found.total() == 1 else N_("{count} targets: {parts}")
    return _(words, count=f"{found.total():,}", parts=_(", ").join(parts) or "-")


def verdict_words(verification: Verification) -> str:
    """The verdict in words."""
    return _(_VERDICTS[result_of(verification)])


def _of_all(verification: Verification, rule: str, state: Literal["passed", "unknown"], message: str) -> Case:
    otherwise = BASELINE if verification.baseline is not None else NOTHING_DEMANDED
    names = ", ".join(policy.name for policy in verification.policies) or otherwise
    return Case(policy=safe(names), rule=rule, state=state, severity="error", message=safe(message))


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
    if is_new(outcome.expected, [outcome.message]):
        yield _("demanded: {expected}", expected=outcome.expected)
    yield from (_("seen: {observed}", observed=words) for words in seen(outcome))
    for fix in outcome.fix:
        yield _("fix: {words}", words=fix)
    lost = [client.client for client in outcome.cut_off]
    if lost:
        yield _("whom that would cut off: {clients}", clients=_(", ").join(lost))
    if outcome.cut_off_open:
        yield _("of whom that cannot be told: {clients}", clients=_(", ").join(outcome.cut_off_open))
    if outcome.source is not None:
        yield _("source: {source}", source=outcome.source)


def seen(outcome: RuleOutcome) -> list[str]:
    """The evidence, and what was observed where that says more; nothing that the message or another line says."""
    found: list[str] = []
    for words in outcome.evidence:
        if is_new(words, [outcome.message]) and words not in found:
            found.append(words)
    says_nothing = outcome.state == "passed" or outcome.observed in (_("none"), _("nothing"), _("not known"))
    is_more = not says_nothing and is_new(outcome.observed, [outcome.message, *found])
    return [*found, *([outcome.observed] if is_more else [])]


def is_new(words: str, said: Iterable[str]) -> bool:
    """Whether it has a word that is in none of these."""
    return not _words(words) <= frozenset().union(*map(_words, said))


def _words(text: str) -> frozenset[str]:
    """Its words, versions and kinds written as people do: of names and figures nothing is left out."""
    return frozenset(_WORD.findall(text.replace("TLSv", "TLS ").replace("SSLv", "SSL ").replace("_", "-")))


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


def _of_what_if(verification: Verification) -> Iterator[Case]:
    """Each known client after a planned change. Where policies are held against it, only they decide."""
    if verification.what_if is None:
        return
    decides, open_now = not verification.policies, verification.what_if.open
    for client in verification.what_if.clients:
        state = _after(client)
        counts = decides and (state == "failed" or client.client in open_now or verification.verdict == "unknown")
        yield Case(
            policy=WHAT_IF,
            rule=safe(client.client),
            state=state,
            severity="error" if counts or state == "passed" else "warning",
            message=safe(_(_AFTER[state], client=client.client, change=verification.what_if.change)),
            details=tuple(map(safe, _said_of(client) if state != "passed" else ())),
        )


def _after(client: ClientChange) -> Literal["passed", "failed", "unknown"]:
    """Who cannot connect now is not cut off, whatever comes."""
    found = fate(client)
    if found == "cut off":
        return "failed"
    return "unknown" if found == "open" and client.before is not False else "passed"


_AFTER = {
    "failed": N_("{client} is cut off by {change}"),
    "unknown": N_("whether {client} can connect after {change} cannot be told"),
    "passed": N_("{client} is not cut off by {change}"),
}


def _said_of(client: ClientChange) -> Iterator[str]:
    if client.because is not None:
        yield client.because
    if client.user_sees is not None and client.after is False:
        yield _('They see: "{words}"', words=client.user_sees)
    if client.hint is not None and client.after is False:
        yield _("What helps: {hint}.", hint=client.hint.rstrip("."))
