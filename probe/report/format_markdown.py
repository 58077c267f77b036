"""Verifications as Markdown, for the summary of a pipeline or a comment on a change."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from probe.language import N_, _
from probe.report.verified import (
    SAVED,
    WHAT_IF,
    Case,
    blockers,
    cases,
    locked_out,
    name_of,
    safe,
    summary,
    verdict_words,
)
from probe.result.verification import Verification

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#&@!]|(?<=www)\.|:(?=//))")
_MARKS = {"passed": "✅", "failed": "❌", "unknown": "❓", "waived": "⚪"}


def markdown(text: str) -> str:
    """Text of one line that Markdown shows as it is: no markup, link, mention, cell or tag begins in it."""
    return _SPECIAL.sub(r"\\\1", text).replace("\\@", "&#64;").replace("\\&", "&amp;").replace("\\<", "&lt;")


def render(verifications: Sequence[Verification]) -> str:
    """The whole document: how it went, and of each target what does not hold."""
    lines = [f"## RDP: {markdown(summary(verifications))}", ""]
    for each in verifications:
        lines.extend(_target(each))
    return "\n".join(lines)


def _target(verification: Verification) -> Iterator[str]:
    mark, name = _MARKS[verification.verdict], markdown(name_of(verification.target))
    yield f"### {mark} {name}: {markdown(verdict_words(verification))}"
    yield ""
    for words in blockers(verification):
        yield f"**{markdown(words)}**"
        yield ""
    found = cases(verification)
    shown = [case for case in found if case.state != "passed"]
    if shown:
        yield f"| | {_('Rule')} | {_('What was seen')} | {_('What to do')} |"
        yield "|---|---|---|---|"
        yield from map(_row, shown)
        yield ""
    yield from map(markdown, _holding(found))
    open_now = verification.locked_out_open
    if lost := locked_out(verification):
        yield ""
        yield markdown(lost)
    if open_now:
        words = _("Clients of which it cannot be told whether they connect: {clients}", clients=_(", ").join(open_now))
        yield ""
        yield markdown(safe(words))
    if verification.not_checkable:
        yield ""
        unseen = [safe(each.item) for each in verification.not_checkable]
        words = N_("1 demand of the policy cannot be seen from outside: {items}")
        several = N_("{count} demands of the policy cannot be seen from outside: {items}")
        chosen = words if len(unseen) == 1 else several
        yield markdown(_(chosen, count=len(unseen), items=_(", ").join(unseen)))
    yield ""


def _holding(found: Sequence[Case]) -> Iterator[str]:
    """How much holds of what was demanded, and how many clients a planned change leaves as they are."""
    passed = Counter(case.policy == WHAT_IF for case in found if case.state == "passed" and case.rule != SAVED)
    if passed[False] or any(case.policy != WHAT_IF and case.rule != SAVED for case in found):
        yield _("1 rule holds.") if passed[False] == 1 else _("{count} rules hold.", count=passed[False])
    if passed[True]:
        yield (
            _("1 client is not cut off.")
            if passed[True] == 1
            else _("{count} clients are not cut off.", count=passed[True])
        )


def _row(case: Case) -> str:
    what = "<br>".join(markdown(each) for each in case.details)
    mark = _MARKS[case.state] if case.severity == "error" else f"{_MARKS[case.state]} {_(case.severity)}"
    return f"| {mark} | {markdown(f'{case.policy} {case.rule}')} | {markdown(case.message)} | {what} |"
