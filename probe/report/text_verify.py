"""A verification for a person: whether it holds, what does not and how to mend it, and who is affected.

The first line is the verdict, and all of it with -q. Then the rules that do not hold, those that could not be
determined and those that were let pass; then clients, changes and what nobody can see from outside.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from rich.cells import cell_len  # noqa: TID253  this module is itself imported only where text is shown
from rich.console import Console  # noqa: TID253  this module is itself imported only where text is shown

from probe.language import N_, _
from probe.report.escape import terminal
from probe.report.page import Page
from probe.report.sentences import listed
from probe.report.text_verify_parts import (
    LONGEST,
    LONGEST_FIX,
    LONGEST_NAME,
    blocked,
    breakable,
    changes,
    cut_off,
    flow,
    locked_out,
    sentence,
    unseen,
    what_if,
    whole,
)
from probe.report.verified import SAVED, fate, is_new, name_of, result_of, seen
from probe.report.wrapping import pad
from probe.result.verification import RuleOutcome, Verification, VerifyVerdict

VERDICTS: dict[VerifyVerdict, str] = {"passed": N_("PASS"), "failed": N_("FAIL"), "unknown": N_("UNKNOWN")}
_VERDICT_STYLES: dict[VerifyVerdict, str] = {"passed": "bold green", "failed": "bold red", "unknown": "bold yellow"}
_STATES = {"failed": N_("failed"), "unknown": N_("unknown"), "waived": N_("waived"), "passed": N_("passed")}
_MILDER = {"warning": N_("warning"), "note": N_("note")}  # what a rule is that fails and does not change the verdict
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):[\d:.]*Z")
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
    """One line: the verdict, whom it is about, the counts, what was applied, why nobody gets in, and what fails."""
    failing = list(dict.fromkeys(_failing(verification)))
    keys = [terminal(key, LONGEST_NAME) for key in failing[:_MOST_KEYS]]
    more = [_("and {count} more", count=len(failing) - _MOST_KEYS)] if len(failing) > _MOST_KEYS else []
    said = sentence(verification.reason) if verification.reason is not None else " · ".join(_counts(verification))
    codes = listed(terminal(each.code, LONGEST_NAME) for each in verification.blockers)
    words = [_name(verification)[0], name_of(verification.target), said, "".join(_applied(verification)), codes]
    return "  ".join(word for word in (*words, listed((*keys, *more))) if word)


def _failing(verification: Verification) -> Iterator[str]:
    """The rules that fail, the facts that became worse, and the clients that lost access."""
    yield from (outcome.rule for outcome in verification.rules if _label(outcome) == "failed")
    lost = [client.client for client in verification.locked_out if client.before]
    for change in verification.changes:
        if verification.exact or change.direction == "worse":
            yield from lost if lost and change.kind == "clients" and change.direction == "worse" else [change.field]


def render(verification: Verification, console: Console, verbosity: int = 0) -> None:
    """Print the report of one verification."""
    page = Page(console)
    _headline(verification, page)
    blocked(verification, page)
    if verification.reason is not None:
        page.blank()
        page.paragraph(sentence(verification.reason), indent=_INDENT)
    _rules(verification, page, verbosity)
    cut_off(verification, page, verbosity)
    what_if(verification, page, verbosity)
    if verification.what_if is None or verbosity:
        locked_out(verification, page, verbosity)
    changes(verification, page)
    unseen(verification, page, verbosity)
    _asked(verification, page)


def _name(verification: Verification) -> tuple[str, str]:
    """What the first line begins with, and its style."""
    if result_of(verification) == SAVED:
        return _("SAVED"), "bold"
    return _(VERDICTS[verification.verdict]), _VERDICT_STYLES[verification.verdict]


def _headline(verification: Verification, page: Page) -> None:
    """On one line where there is room; else it ends between counts and settings, and never within one."""
    name, style = _name(verification)
    target, applied = name_of(verification.target), _applied(verification)
    counts = [_("nothing could be determined")] if verification.reason is not None else _counts(verification)
    rest = "   ".join(words for words in (target, " · ".join(counts), "".join(applied)) if words)
    if not page.breaks or page.fits(f"{name}  {rest}"):
        page.line((name, style), (f"  {rest}", ""))
        return
    if page.fits(name, target):
        page.line((name, style), (f"  {target}", ""))
    else:
        page.paragraph(f"{name}  {target}", style=style)
    dotted = [*(f"{each} · " for each in counts[:-1]), counts[-1]]
    flow([dotted, applied], page, indent=_INDENT)


def _applied(verification: Verification) -> list[str]:
    """Against what: policies, a baseline, a change that is only planned; it may be broken between these words."""
    names = [
        terminal(f"{policy.name} {policy.version}" if policy.version else policy.name, LONGEST_NAME)
        for policy in verification.policies
    ]
    words = [" + ".join(names)] if names else []
    if verification.baseline is not None:
        words.append(_("since {file}", file=terminal(verification.baseline, LONGEST_NAME)))
    if verification.what_if is not None:
        words.append(_("after {change}", change=terminal(verification.what_if.change, LONGEST_NAME)))
    return breakable(listed(words))


def _counts(verification: Verification) -> list[str]:
    """How many rules came to what, the changes since a baseline, or what would become of clients."""
    labels = Counter(map(_label, verification.rules))
    said = [
        (labels["passed"], N_("{count} passed"), N_("{count} passed")),
        (labels["failed"], N_("{count} failed"), N_("{count} failed")),
        (labels["unknown"], N_("{count} could not be determined"), N_("{count} could not be determined")),
        (labels["waived"], N_("{count} waived"), N_("{count} waived")),
        (labels["warning"], N_("1 warning"), N_("{count} warnings")),
        (labels["note"], N_("1 note"), N_("{count} notes")),
        (labels["open warning"], N_("1 warning open"), N_("{count} warnings open")),
        (labels["open note"], N_("1 note open"), N_("{count} notes open")),
    ]
    words = [_(one if count == 1 else several, count=count) for count, one, several in said if count]
    words += [*_since(verification), *_lost(verification)]
    return words or [_("RDP is served")]


def _since(verification: Verification) -> list[str]:
    """How much is not as it was."""
    if verification.baseline is None or verification.reason is not None:
        return []
    went = Counter(change.direction for change in verification.changes)
    said = [
        (went["worse"], N_("{count} worse than before")),
        (went["better"], N_("{count} better")),
        (went["changed"], N_("{count} changed otherwise")),
        (len(verification.undetermined), N_("{count} not comparable")),
    ]
    return [_(text, count=count) for count, text in said if count] or [_("as it was")]


def _lost(verification: Verification) -> list[str]:
    """How many clients a planned change cuts off, and of how many that cannot be told."""
    if verification.what_if is None:
        return []
    fates = Counter(map(fate, verification.what_if.clients))
    lost, open_now = fates["cut off"], len(verification.what_if.open)  # what is open today and stays so is no loss
    words = [_("1 client cut off") if lost == 1 else _("{count} clients cut off", count=lost)] if lost else []
    if not lost and (not open_now or open_now < fates.total()):
        words = [_("no client is known to be cut off") if open_now else _("no client is cut off")]
    return [*words, *([_("{count} cannot be told", count=open_now)] if open_now else [])]


def _label(outcome: RuleOutcome) -> str:
    """Its state, or how mild it is where that changes nothing."""
    if outcome.severity not in _MILDER or outcome.state not in ("failed", "unknown"):
        return outcome.state
    return outcome.severity if outcome.state == "failed" else f"open {outcome.severity}"


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
        if verbosity:
            _evidence(outcome, page)
        _fix(outcome, key, said, page, verbosity)
        _waiver(outcome, page)
        if verbosity and outcome.diagnosis is not None and outcome.state != "passed":
            words = f"rdp-probe explain {terminal(outcome.diagnosis, LONGEST_NAME)}"
            page.paragraph(words, indent=_BELOW, style="dim")


def _key(outcome: RuleOutcome, verification: Verification) -> str:
    """Of several policies, which one demands it."""
    return outcome.rule if len(verification.policies) < 2 else f"{outcome.policy}: {outcome.rule}"


def _rule(outcome: RuleOutcome, key: str, width: int, page: Page) -> None:
    """On one line or two where it is short; else what was seen stands below the key."""
    label = _label(outcome) if outcome.state == "failed" else outcome.state
    state = pad(_(_STATES.get(label) or _MILDER[label]), _STATE_WIDTH)
    name, source = terminal(key, LONGEST_NAME), terminal(outcome.source or "", LONGEST)
    below = _INDENT + cell_len(state) + _GAP
    beside = below + width
    first = (f"  {state}  ", _STYLES[label])
    said = whole(outcome.message)
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
        what = whole(words, LONGEST_FIX) if other == key else _("as for {rule}", rule=terminal(other, LONGEST_NAME))
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
    """Why it is demanded, what exactly, and what was seen: each list once."""
    said = [(N_("why: {words}"), outcome.why)]
    if outcome.state != "passed" and is_new(outcome.expected, [outcome.message]):
        said.append((N_("demanded: {words}"), outcome.expected))
    said += [(N_("seen: {words}"), words) for words in seen(outcome)]
    for text, words in said:
        if words is not None:
            page.paragraph(_(text, words=whole(words)), indent=_BELOW, style="dim")


def _asked(verification: Verification, page: Page) -> None:
    """When it was asked, by what, and what it cost: so that a file of it proves something later."""
    count, begun = verification.connections, _TIME.fullmatch(verification.started)
    time = f"{begun[1]} {begun[2]} UTC" if begun is not None else terminal(verification.started, LONGEST_NAME)
    words = [
        time,
        f"rdp-probe {terminal(verification.version, LONGEST_NAME)}" if verification.version is not None else "",
        _("1 connection") if count == 1 else _("{count} connections", count=count),
        _("{count} s", count=f"{verification.elapsed_ms / 1000:.1f}"),
        _("asked {count} times", count=verification.tries) if verification.tries > 1 else "",
    ]
    page.blank()
    if verification.failed_before:
        rules = _(", ").join(terminal(each, LONGEST_NAME) for each in verification.failed_before)
        page.paragraph(_("When it was asked before, these failed: {rules}", rules=rules))
    page.paragraph(" · ".join(each for each in words if each), style="dim")
