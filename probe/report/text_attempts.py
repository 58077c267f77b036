"""Every connection that was made, for -v; and what was said on it, for -vv."""

from __future__ import annotations

from probe.report.escape import terminal
from probe.report.page import Page
from probe.report.sentences import ENDINGS
from probe.result import AttemptRecord, Result, Step

_INDENT = 5
_STEP_INDENT = 24
_HEX_GROUP = 4  # digits that stand together


def attempts(result: Result, page: Page, steps: bool) -> None:
    """The attempts in the order of their numbers."""
    if not result.attempts:
        return
    page.title("Attempts")
    for attempt in result.attempts:
        _attempt(attempt, page)
        if steps:
            for step in attempt.steps:
                _step(step, page)


def _attempt(attempt: AttemptRecord, page: Page) -> None:
    ended = "" if attempt.ending == "complete" else f"{ENDINGS[attempt.ending]}, "
    ending = f"{ended}{attempt.elapsed_ms:.1f} ms"
    asked = f"{terminal(attempt.asked)}{' (repeat)' if attempt.repeat else ''}"
    page.entry((f"{attempt.number:>3}  ", "bold"), asked, ending, indent=_INDENT)
    details = [terminal(attempt.outcome)] if attempt.outcome is not None else []
    if attempt.ending != "complete":
        if attempt.expected is not None:
            details.append(f"awaited: {terminal(attempt.expected)}")
        if attempt.cause is not None:
            details.append(terminal(attempt.cause))
    if details:
        page.paragraph(" · ".join(details), indent=_INDENT)


def _step(step: Step, page: Page) -> None:
    size = f" ({step.size} bytes)" if step.size is not None else ""
    first = f"{step.at_ms:>11.1f} ms  {step.side:<6}"
    page.paragraph(f"{terminal(step.what)}{size}", first=[(first, "dim")], indent=_STEP_INDENT)
    if step.hex is not None:
        digits = step.hex
        words = " ".join(digits[at : at + _HEX_GROUP] for at in range(0, len(digits), _HEX_GROUP))
        cut = " …" if step.size is not None and step.size > len(digits) // 2 else ""
        page.paragraph(words + cut, indent=_STEP_INDENT, style="dim")
