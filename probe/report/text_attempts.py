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
_REQUEST = ("ConnectionRequest", "RequestData", "Preconnection")  # messages up to the negotiation's request


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
    """What was asked; what was to follow the request only where anything followed it."""
    request, then, _rest = attempt.asked.partition(", then ")
    sent = [step.what for step in attempt.steps if step.side == "client"]
    if then and sent and all(what.startswith(_REQUEST) for what in sent):
        return _("{request} (it went no further)", request=stored(request))
    return stored(attempt.asked)


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
