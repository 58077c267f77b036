"""What changed between two files of results, for a person: how much of what kind, then each target, worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field
from typing import get_args

from rich.cells import cell_len  # noqa: TID253  this module is itself imported only where text is shown
from rich.console import Console  # noqa: TID253  this module is itself imported only where text is shown

from probe.language import N_, _
from probe.report.escape import terminal
from probe.report.page import Page
from probe.report.text_verify_parts import DIRECTIONS, KINDS, rows
from probe.report.verified import name_of
from probe.report.wrapping import pad
from probe.result.common import Depth
from probe.result.verification import ChangeKind, Difference, Direction

_ORDER: tuple[Direction, ...] = ("worse", "changed", "better")
_DEPTHS: tuple[Depth, ...] = get_args(Depth)
_KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)
_LAST = 100  # behind every kind
_LONGEST = 2000
_LONGEST_FILE = 300
_INDENT = 2
_GAP = 3
_STATES = {"appeared": N_("new"), "gone": N_("gone")}


@dataclass(slots=True)
class Totals:
    """What was compared and what came of it, as far as it has been counted."""

    compared: int = 0  # targets that both files have
    changed: int = 0
    appeared: int = 0
    gone: int = 0
    unknown: int = 0  # targets of which something was known and is not now, though they were asked as deeply
    shallower: Counter[tuple[str, str]] = field(default_factory=Counter)  # facts that a depth asks no more, by both
    targets: Counter[tuple[ChangeKind, Direction]] = field(default_factory=Counter)  # that have such a change

    def add(self, found: Difference | None) -> None:
        """Count one target; None for one that is as it was."""
        self.compared += found is None or found.state == "changed"
        if found is None:
            return
        self.appeared += found.state == "appeared"
        self.gone += found.state == "gone"
        if is_shallower(found):
            self.shallower[found.before_depth or "", found.after_depth or ""] += len(found.undetermined)
        else:
            self.unknown += bool(found.undetermined)
        if found.state == "changed":
            self.changed += bool(found.changes)
            self.targets.update({(change.kind, change.direction) for change in found.changes})

    @property
    def is_same(self) -> bool:
        """Whether nothing changed, as far as both were asked; where less is known of the same, that is not known."""
        return not (self.changed or self.appeared or self.gone or self.unknown)


def is_shallower(found: Difference) -> bool:
    """Whether the later result was made at a lower depth than the earlier one."""
    before, after = found.before_depth, found.after_depth
    return before is not None and after is not None and _DEPTHS.index(after) < _DEPTHS.index(before)


def in_brief(found: Difference) -> Difference | None:
    """Without what a lower depth does not tell, which is said once for the file; None where nothing is left."""
    if not is_shallower(found):
        return found
    brief = copy(found)
    brief.undetermined = []
    return brief if found.changes else None


def line(found: Difference) -> str:
    """One target in one line: how much of what, and the change that matters most."""
    who = name_of(found.target)
    if found.state != "changed":
        return "  ".join(
            (who, _(_STATES[found.state]), *(terminal(each.message, _LONGEST) for each in found.changes[:1]))
        )
    counts = Counter(change.direction for change in found.changes)
    said = _(", ").join(f"{counts[each]} {_(DIRECTIONS[each])}" for each in _ORDER if counts[each])
    return _("{who}  {said}: {message}", who=who, said=said, message=terminal(found.changes[0].message, _LONGEST))


def summary(totals: Totals, console: Console, *, old: str, new: str, only_worse: bool, verbose: bool = False) -> None:
    """How much changed, by kind, and what could not be compared. `verbose`: each of that is listed below."""
    page = Page(console)
    page.paragraph(_headline(totals, only_worse, terminal(old, _LONGEST_FILE), terminal(new, _LONGEST_FILE)))
    kinds = [kind for kind in _KINDS if any(totals.targets[kind, each] for each in _ORDER)]
    if kinds and totals.compared > 1:
        page.blank()
        _table(totals, kinds, page)
    for said in remarks(totals, new):
        page.blank()
        page.paragraph(terminal(said, _LONGEST))
    if totals.shallower and not verbose:
        page.paragraph(_("-v lists them."))


def _headline(totals: Totals, only_worse: bool, old: str, new: str) -> str:
    numbers = {"compared": f"{totals.compared:,}", "old": old, "new": new}
    if totals.compared == 0:
        said = _("No target is in both {old} and {new}", **numbers)
    elif totals.changed == 0 and only_worse:
        said = _("Nothing became worse from {old} to {new}; targets compared: {compared}", **numbers)
    elif totals.changed == 0:
        said = _("Nothing changed from {old} to {new}; targets compared: {compared}", **numbers)
    elif totals.compared == 1:
        words, worse = N_("What changed from {old} to {new}"), N_("What became worse from {old} to {new}")
        said = _(worse if only_worse else words, **numbers)
    else:
        numbers["changed"] = f"{totals.changed:,}"
        words = N_("From {old} to {new}: of {compared} targets that were compared, {changed} changed")
        worse = N_("From {old} to {new}: of {compared} targets that were compared, {changed} became worse")
        said = _(worse if only_worse else words, **numbers)
    more = [_("new: {count}", count=f"{totals.appeared:,}")] if totals.appeared else []
    more += [_("gone: {count}", count=f"{totals.gone:,}")] if totals.gone else []
    return _("; ").join((said, *more))


def remarks(totals: Totals, new: str) -> Iterator[str]:
    """Sentences on what is not known any more, for those who escape them."""
    for (before, after), facts in sorted(totals.shallower.items()):
        words = N_("{file} was made at a lower depth ({after}, before: {before}): {count} facts cannot be compared.")
        one = N_("{file} was made at a lower depth ({after}, before: {before}): one fact cannot be compared.")
        yield _(one if facts == 1 else words, file=new, before=before, after=after, count=f"{facts:,}")
    if totals.unknown and totals.compared == 1:
        yield _("Something that was known could not be determined now.")
    elif totals.unknown:
        count = f"{totals.unknown:,}"
        yield _("Targets of which something was known that could not be determined now: {count}", count=count)


def urgency(found: Difference) -> tuple[int, ...]:
    """What sorts the worst first: of two targets, that whose worst change matters more; then that with more of them."""
    if found.state != "changed":
        return (_LAST + (found.state == "gone"),)
    worse = [_KINDS.index(each.kind) for each in found.changes if each.direction == "worse"]
    rest = [_KINDS.index(each.kind) for each in found.changes]
    return (min(worse, default=_LAST - 1), -len(worse), min(rest, default=_LAST), -len(rest))


def _table(totals: Totals, kinds: list[ChangeKind], page: Page) -> None:
    """Targets that have a change of a kind, by the direction in which it goes."""
    directions = [each for each in _ORDER if any(totals.targets[kind, each] for kind in kinds)]
    heads = [_(DIRECTIONS[each]) for each in directions]
    cells = [
        [f"{totals.targets[kind, each]:,}" if totals.targets[kind, each] else "-" for each in directions]
        for kind in kinds
    ]
    widths = [max(cell_len(text) for text in (head, *column)) for head, *column in zip(heads, *cells, strict=True)]
    label = max(cell_len(_(KINDS[kind])) for kind in kinds) + _INDENT
    page.line((_row("", label, heads, widths), "dim"))
    for kind, numbers in zip(kinds, cells, strict=True):
        page.line((_row(f"{' ' * _INDENT}{_(KINDS[kind])}", label, numbers, widths), ""))


def _row(label: str, width: int, cells: list[str], widths: list[int]) -> str:
    gap = " " * _GAP
    return gap.join(
        (
            pad(label, width),
            *(f"{' ' * (size - cell_len(cell))}{cell}" for cell, size in zip(cells, widths, strict=True)),
        )
    )


def likeness(found: Difference) -> int:
    """A number that targets share of which the same is said."""
    changes = [(change.direction, change.kind, change.message) for change in found.changes]
    return hash((found.state, *changes, *found.undetermined))


def block(found: Difference, console: Console, alike: Iterable[Difference]) -> None:
    """What is said of one target or of several: every change, a line each, and what is not known now."""
    page = Page(console)
    page.blank()
    _names(found, alike, page)
    if found.state != "changed":
        for change in found.changes:
            page.paragraph(terminal(change.message, _LONGEST), indent=_INDENT, first=[(" " * _INDENT, "")])
    elif found.changes:
        rows(found.changes, page)
    for sentence in found.undetermined:
        page.paragraph(terminal(sentence, _LONGEST), indent=4, first=[("  ? ", "yellow")], style="dim")


def _names(found: Difference, alike: Iterable[Difference], page: Page) -> None:
    """Whom it is about, all of them, as many on a line as there is room."""
    state = f"  {_(_STATES[found.state])}" if found.state != "changed" else ""
    line, is_one = "", True
    for name in (name_of(each.target) for each in alike):
        if line and not page.fits(f"{line}, {name},"):
            page.line((f"{line},", "bold"))
            line, is_one = name, False
        else:
            line, is_one = (f"{line}, {name}", False) if line else (name, is_one)
    page.line((line, "bold"), (state, "dim"), right=_times(found) if is_one else "")


def _times(found: Difference) -> str:
    """When both were seen, to the second."""
    return " → ".join(_second(each) for each in (found.before, found.after) if each is not None)


def _second(time: str) -> str:
    return terminal(time, 40).partition(".")[0].removesuffix("Z").replace("T", " ")
