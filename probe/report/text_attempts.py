"""Every connection that was made, for -v; and what was said on it, for -vv."""

from __future__ import annotations

from probe.diagnosis.stored import stored
from probe.language import N_, _
from probe.report.escape import terminal
from probe.report.page import Page
from probe.report.sentences import ending_of
from probe.report.wrapping import pad
from probe.result import AttemptRecord, Result, Step

_INDENT = 5
_STEP_INDENT = 24
_HEX_GROUP = 4  # digits that stand together
_SIDES = {"client": N_("client"), "server": N_("server"), "both": N_("both")}
# Answers to the Connection Request after which nothing of what was to follow it was sent.
_CONFIRM = "the server's Connection Confirm"
_TURNED_AWAY = ("ConfirmData: failure", "ConfirmData: no negotiation", "DisconnectRequest", "ErrorTpdu")


def attempts(result: Result, page: Page, steps: bool) -> None:
    """The attempts in the order of their numbers."""
    if not result.attempts:
        return
    page.title(_("Attempts"))
    for attempt in result.attempts:
        _attempt(attempt, page)
        if steps:
            for step in attempt.steps:
                _step(step, page)


def _attempt(attempt: AttemptRecord, page: Page) -> None:
    ending = f"{attempt.elapsed_ms:.1f} ms"
    if attempt.ending != "complete":
        ending = _("{ending}, {time}", ending=ending_of(attempt.ending), time=ending)
    asked = _asked(attempt)
    if attempt.repeat:
        asked = _("{asked} (repeat)", asked=asked)
    page.entry((f"{attempt.number:>3}  ", "bold"), terminal(asked), ending, indent=_INDENT)
    details = [terminal(stored(attempt.outcome))] if attempt.outcome is not None else []
    if attempt.ending != "complete":
        if attempt.expected is not None:
            details.append(terminal(_("awaited: {message}", message=stored(attempt.expected))))
        if attempt.cause is not None:
            details.append(terminal(stored(attempt.cause)))
    if details:
        page.paragraph(" · ".join(details), indent=_INDENT)


def _asked(attempt: AttemptRecord) -> str:
    """What was asked; of what was to follow a request that was turned away, that it did not."""
    request, then, _rest = attempt.asked.partition(", then ")
    turned_away = (attempt.outcome or "").startswith(_TURNED_AWAY) or attempt.expected == _CONFIRM
    if not then or not turned_away:
        return stored(attempt.asked)
    return _("{request} (turned away before the rest)", request=stored(request))


def _step(step: Step, page: Page) -> None:
    what = terminal(stored(step.what))
    if step.size is not None:
        what = _("{what} ({size} bytes)", what=what, size=step.size)
    first = f"{step.at_ms:>11.1f} ms  {pad(_(_SIDES[step.side]), 6)}"
    page.paragraph(what, first=[(first, "dim")], indent=_STEP_INDENT)
    if step.hex is not None:
        digits = step.hex
        words = " ".join(digits[at : at + _HEX_GROUP] for at in range(0, len(digits), _HEX_GROUP))
        cut = " …" if step.size is not None and step.size > len(digits) // 2 else ""
        page.paragraph(words + cut, indent=_STEP_INDENT, style="dim")
