"""A verification for a person: whether it holds, what does not and how to mend it, and who is affected.

The first line is the verdict, and all of it with -q. Then the rules that do not hold, those that could not be
determined and those that were let pass; then clients, changes and what nobody can see from outside.
"""

from __future__ import annotations

from collections import Counter

from rich.cells import cell_len  # noqa: TID253  this module is itself imported only where text is shown
from rich.console import Console  # noqa: TID253  this module is itself imported only where text is shown

from probe.language import N_, _
from probe.report.escape import terminal
from probe.report.page import Page
from probe.report.sentences import listed
from probe.report.text_verify_parts import (
    LONGEST,
    LONGEST_NAME,
    changes,
    cut_off,
    locked_out,
    sentence,
    unseen,
    what_if,
)
from probe.report.verified import name_of
from probe.report.wrapping import pad
from probe.result.verification import RuleOutcome, Verification, VerifyVerdict

VERDICTS: dict[VerifyVerdict, str] = {"passed": N_("PASS"), "failed": N_("FAIL"), "unknown": N_("UNKNOWN")}
_VERDICT_STYLES: dict[VerifyVerdict, str] = {"passed": "bold green", "failed": "bold red", "unknown": "bold yellow"}
_STATES = {"failed": N_("failed"), "unknown": N_("unknown"), "waived": N_("waived"), "passed": N_("passed")}
_MILDER = {"warning": N_("warning"), "note": N_("note")}  # what a rule is that fails and does not change the verdict
_STYLES = {"failed": "bold red", "warning": "yellow", "unknown": "yellow", "waived": "dim", "note": "dim", "passed": ""}
_INDENT = 2
_STATE_WIDTH = 10
_GAP = 2
_BELOW = _INDENT + _STATE_WIDTH + _GAP  # where what belongs to a rule begins
_MOST_KEY = 26
_LEAST = 30  # what is said of a rule has at least so much room beside its key, or stands below it
_MOST_SOURCE = 26  # wider ones stand below the words, so that these have room
_MOST_KEYS = 4  # on the one line of -q


def verdict_line(verification: Verification) -> str:
    """One line: the verdict, whom it is about, what was applied, the counts, and which rules fail."""
    failing = [outcome.rule for outcome in verification.rules if _label(outcome) == "failed"]
    keys = [terminal(key, LONGEST_NAME) for key in failing[:_MOST_KEYS]]
    more = [_("and {count} more", count=len(failing) - _MOST_KEYS)] if len(failing) > _MOST_KEYS else []
    said = [sentence(verification.reason)] if verification.reason is not None else [_counts(verification)]
    words = [_(VERDICTS[verification.verdict]), name_of(verification.target), _applied(verification), *said]
    return "  ".join(word for word in (*words, listed((*keys, *more))) if word)


def render(verification: Verification, console: Console, verbosity: int = 0) -> None:
    """Print the report of one verification."""
    page = Page(console)
    _headline(verification, page)
    if verification.reason is not None:
        page.blank()
        page.paragraph(sentence(verification.reason), indent=_INDENT)
    _rules(verification, page, verbosity)
    cut_off(verification, page)
    what_if(verification, page, verbosity)
    if verification.what_if is None or verbosity:
        locked_out(verification, page, verbosity)
    changes(verification, page)
    unseen(verification, page, verbosity)
    if verbosity:
        _asked(verification, page)


def _headline(verification: Verification, page: Page) -> None:
    style = _VERDICT_STYLES[verification.verdict]
    name, target, applied = _(VERDICTS[verification.verdict]), name_of(verification.target), _applied(verification)
    counts = _("nothing could be determined") if verification.reason is not None else _counts(verification)
    rest = "   ".join(words for words in (target, applied, counts) if words)
    if not page.breaks or page.fits(f"{name}  {rest}"):
        page.line((name, style), (f"  {rest}", ""))
        return
    if page.fits(name, target):
        page.line((name, style), (f"  {target}", ""))
    else:
        page.paragraph(f"{name}  {target}", style=style)
    page.paragraph("   ".join(words for words in (applied, counts) if words), indent=_INDENT)


def _applied(verification: Verification) -> str:
    """Against what: policies, a baseline, a change that is only planned."""
    names = [
        terminal(f"{policy.name} {policy.version}" if policy.version else policy.name, LONGEST_NAME)
        for policy in verification.policies
    ]
    words = [" + ".join(names)]
    if verification.baseline is not None:
        words.append(_("since {file}", file=terminal(verification.baseline, LONGEST_NAME)))
    if verification.what_if is not None:
        words.append(_("after {change}", change=terminal(verification.what_if.change, LONGEST_NAME)))
    return listed(word for word in words if word)


def _counts(verification: Verification) -> str:
    """How many rules came to what, the changes since a baseline, or what would become of clients."""
    labels = [_label(outcome) for outcome in verification.rules]
    said = [
        (labels.count("passed"), N_("{count} passed")),
        (labels.count("failed"), N_("{count} failed")),
        (labels.count("unknown"), N_("{count} could not be determined")),
        (labels.count("waived"), N_("{count} waived")),
        (labels.count("warning"), N_("{count} warned of")),
        (labels.count("note"), N_("{count} noted")),
    ]
    if verification.baseline is not None and verification.reason is None:
        went = Counter(change.direction for change in verification.changes)
        said.append((went["worse"], N_("{count} worse than before")))
        said.append((went["better"], N_("{count} better")))
        said.append((went["changed"], N_("{count} changed otherwise")))
        said.append((len(verification.undetermined), N_("{count} not comparable")))
    if verification.what_if is not None:
        lost = sum(client.before is True and client.after is False for client in verification.what_if.clients)
        said.append((lost, N_("1 client cut off") if lost == 1 else N_("{count} clients cut off")))
    words = [_(text, count=count) for count, text in said if count]
    return " · ".join(words) or _(_nothing(verification))


def _nothing(verification: Verification) -> str:
    """What is said where there is nothing to count."""
    if verification.what_if is not None:
        return N_("no client is cut off")
    return N_("as it was") if verification.baseline is not None else N_("RDP is served")


def _label(outcome: RuleOutcome) -> str:
    """Its state, or how mild it is where it fails and changes nothing."""
    if outcome.state == "failed" and outcome.severity in _MILDER:
        return outcome.severity
    return outcome.state


def _rules(verification: Verification, page: Page, verbosity: int) -> None:
    shown = [outcome for outcome in verification.rules if verbosity or outcome.state != "passed"]
    if verification.reason is not None and not verbosity:
        shown = [outcome for outcome in shown if outcome.state != "unknown"]
    if not shown:
        return
    page.blank()
    widths = [cell_len(terminal(_key(outcome, verification), LONGEST_NAME)) for outcome in shown]
    width = max((each for each in widths if each <= _MOST_KEY), default=0) + 2  # longer ones have a line of their own
    said: dict[str, str] = {}
    for outcome in shown:
        key = _key(outcome, verification)
        _rule(outcome, key, width, page)
        _fix(outcome, key, said, page, verbosity)
        _waiver(outcome, page)
        if verbosity:
            _evidence(outcome, page)


def _key(outcome: RuleOutcome, verification: Verification) -> str:
    """Of several policies, which one demands it."""
    return outcome.rule if len(verification.policies) < 2 else f"{outcome.policy}: {outcome.rule}"


def _rule(outcome: RuleOutcome, key: str, width: int, page: Page) -> None:
    """On one line or two where it is short; else what was seen stands below the key."""
    label = _label(outcome)
    state = pad(_(_STATES.get(label) or _MILDER[label]), _STATE_WIDTH)
    name, source = terminal(key, LONGEST_NAME), terminal(outcome.source or "", LONGEST)
    below = _INDENT + cell_len(state) + _GAP
    beside = below + width
    first = (f"  {state}  ", _STYLES[label])
    said = terminal(outcome.message, LONGEST)
    room = page.width - beside - (cell_len(source) + _GAP if cell_len(source) <= _MOST_SOURCE else 0)
    if cell_len(name) + _GAP <= width and (not page.breaks or (room >= _LEAST and cell_len(said) <= 2 * room)):
        fits = source if cell_len(source) <= _MOST_SOURCE else ""
        page.entry((f"  {state}  {pad(name, width)}", _STYLES[label]), said, fits, indent=beside)
    else:
        fits = source if not page.breaks or below + cell_len(name) + _GAP + cell_len(source) <= page.width else ""
        page.line(first, (name, ""), right=fits)
        page.paragraph(said, indent=below)
    if source != fits:
        page.paragraph(_("source: {source}", source=source), indent=below, style="dim")


def _fix(outcome: RuleOutcome, key: str, said: dict[str, str], page: Page, verbosity: int) -> None:
    """How to mend it, or what would settle it; with -v all ways. What was said of another rule is not said again."""
    for words in outcome.fix if verbosity else outcome.fix[:1] if outcome.state != "waived" else ():
        other = said.setdefault(words, key)
        what = terminal(words, LONGEST) if other == key else _("as for {rule}", rule=terminal(other, LONGEST_NAME))
        text = N_("next: {words}") if outcome.state == "unknown" else N_("fix: {words}")
        page.paragraph(_(text, words=what), indent=_BELOW)


def _waiver(outcome: RuleOutcome, page: Page) -> None:
    """Who lets it pass, until when; one that has expired loudly."""
    waiver = outcome.waiver
    if waiver is None:
        return
    reason = terminal(waiver.reason, LONGEST)
    if waiver.expired:
        words = _("THE WAIVER EXPIRED on {day} and holds no more: {reason}", day=waiver.expires, reason=reason)
        page.paragraph(words, indent=_BELOW, style="bold")
    else:
        page.paragraph(_("until {day}: {reason}", day=waiver.expires, reason=reason), indent=_BELOW)


def _evidence(outcome: RuleOutcome, page: Page) -> None:
    """Why it is demanded, what exactly, and what was seen."""
    said = [(N_("why: {words}"), outcome.why)]
    if outcome.state != "passed":
        said += [(N_("demanded: {words}"), outcome.expected), (N_("observed: {words}"), outcome.observed)]
    said += [(N_("seen: {words}"), words) for words in outcome.evidence]
    for text, words in said:
        if words is not None:
            page.paragraph(_(text, words=terminal(words, LONGEST)), indent=_BELOW, style="dim")
    if outcome.diagnosis is not None and outcome.state != "passed":
        page.paragraph(f"rdp-probe explain {terminal(outcome.diagnosis, LONGEST_NAME)}", indent=_BELOW, style="dim")


def _asked(verification: Verification, page: Page) -> None:
    """What it cost."""
    count, seconds = verification.connections, f"{verification.elapsed_ms / 1000:.2f}"
    words = [
        _("{count} s", count=seconds),
        _("1 connection") if count == 1 else _("{count} connections", count=count),
        *([_("asked {count} times", count=verification.tries)] if verification.tries > 1 else []),
        *([_("begun {time}", time=terminal(verification.started, LONGEST_NAME))] if verification.started else []),
    ]
    page.blank()
    page.paragraph(" · ".join(words), style="dim")
