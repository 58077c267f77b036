"""Policies for a person: which there are, and what one demands, from where, and what of it nobody can see."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from rich.cells import cell_len  # noqa: TID253  this module is itself imported only where text is shown
from rich.console import Console  # noqa: TID253  this module is itself imported only where text is shown

from probe.language import N_, _
from probe.report.escape import terminal
from probe.report.page import Page
from probe.result.shown_policy import ShownPolicy, ShownRule, ShownWaiver

_SEVERITIES = {"error": N_("error"), "warning": N_("warning"), "note": N_("note")}
_STYLES = {"error": "", "warning": "yellow", "note": "dim"}
_BULLET = [("  - ", "")]
_INDENT = 4
_GAP = 2
_MOST_KEY = 34
_NARROW = 90  # below it a key stands on a line of its own
_LONGEST_NAME = 100


def listing(policies: Sequence[ShownPolicy], console: Console) -> None:
    """Name, title, version and how much of each; then how to see one."""
    page = Page(console)
    width = max(cell_len(policy.name) for policy in policies) + _GAP
    for policy in policies:
        page.paragraph(policy.title, indent=width, first=[(policy.name, "bold")])
        page.paragraph(" · ".join(_extent(policy)), indent=width, style="dim")
    page.blank()
    page.command(_("One of them, rule by rule:"), f"rdp-probe policy show {policies[0].name}")


def render(policy: ShownPolicy, console: Console) -> None:
    """Everything that one policy says."""
    page = Page(console)
    page.paragraph(policy.title, indent=cell_len(_name(policy)) + _GAP, first=[(_name(policy), "bold")])
    page.paragraph(" · ".join(_extent(policy)))
    if policy.source is not None:
        page.paragraph(policy.source, style="dim")
    _rules(_("What it demands"), policy.rules, policy, page)
    for override in policy.overrides:
        _rules(_("For {targets}", targets=_names(override.targets)), override.rules, policy, page)
        if override.without:
            page.paragraph(_("without {rules}", rules=_names(override.without)), indent=_INDENT, first=_BULLET)
    _waivers(policy.waivers, page)
    _unseen(policy, page)
    page.blank()
    page.command(_("Apply it:"), f"rdp-probe verify TARGET --policy {shlex.quote(policy.file or policy.name)}")


def _name(policy: ShownPolicy) -> str:
    return terminal(policy.name, _LONGEST_NAME)


def _extent(policy: ShownPolicy) -> Iterator[str]:
    """Its version and how much it has."""
    if policy.version is not None:
        yield terminal(policy.version, _LONGEST_NAME)
    rules, unseen = len(policy.rules), len(policy.not_checkable)
    yield _("1 rule") if rules == 1 else _("{count} rules", count=rules)
    if policy.overrides:
        yield _("other rules for some targets")
    if policy.waivers:
        yield _("{count} waived", count=len(policy.waivers))
    if unseen:
        yield _("{count} that cannot be seen from outside", count=unseen)


def _rules(title: str, rules: Sequence[ShownRule], policy: ShownPolicy, page: Page) -> None:
    """Key, demand and severity; below them why, and where it is from."""
    page.title(title)
    keys = [terminal(rule.rule, _LONGEST_NAME) for rule in rules]
    beside = page.width >= _NARROW or not page.breaks
    indent = min(_MOST_KEY, max(map(cell_len, keys), default=0)) + 2 * _GAP if beside else _INDENT
    for rule, key in zip(rules, keys, strict=True):
        first = (f"  {key}", "bold")
        if not beside or cell_len(key) + 2 * _GAP > indent:
            page.line(first)
            first = ("", "")
        page.entry(first, rule.demand, _(_SEVERITIES[rule.severity]), indent=indent, style=_STYLES[rule.severity])
        _replaced(rule, page, indent)
        if rule.why is not None:
            page.paragraph(rule.why, indent=indent)
        where = [rule.source] if rule.source is not None else []
        if rule.policy != policy.name:
            where.append(_("from {policy}", policy=rule.policy))
        if where:
            page.paragraph(_("; ").join(where), indent=indent, style="dim")


def _replaced(rule: ShownRule, page: Page, indent: int) -> None:
    """In whose place it stands, and whether it matters less than that."""
    for former in rule.replaces:
        words = _("in place of that of {policy}: {demand}", policy=former.policy, demand=former.demand)
        page.paragraph(words, indent=indent, style="dim")
        if former.weaker_here:
            there, here = _(_SEVERITIES[former.severity]), _(_SEVERITIES[rule.severity])
            words = _("weaker than there: {there} there, {here} here", there=there, here=here)
            page.paragraph(words, indent=indent, style="yellow")


def _waivers(waivers: Sequence[ShownWaiver], page: Page) -> None:
    if waivers:
        page.title(_("What may fail"))
    for waiver in waivers:
        until = _("until {day}", day=waiver.expires)
        words = [_names(waiver.rules)]
        if waiver.targets:
            words.append(_("for {targets}", targets=_names(waiver.targets)))
        words.append(_("{until}, which is over: it fails", until=until) if waiver.expired else until)
        page.paragraph(" ".join(words), indent=_INDENT, first=_BULLET, style="yellow" if waiver.expired else "")
        page.paragraph(waiver.reason, indent=_INDENT)


def _unseen(policy: ShownPolicy, page: Page) -> None:
    if policy.not_checkable:
        page.title(_("What cannot be seen from outside, and is not judged"))
    for unseen in policy.not_checkable:
        page.paragraph(unseen.item, indent=_INDENT, first=_BULLET)
        page.paragraph(unseen.why, indent=_INDENT)
        if unseen.source is not None:
            page.paragraph(unseen.source, indent=_INDENT, style="dim")


def _names(names: Sequence[str]) -> str:
    return _(", ").join(names)
