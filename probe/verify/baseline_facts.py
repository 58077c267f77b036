"""How one fact is held against the same fact of an earlier result: what became of it, and which way that goes.

A fact has one of three states: known, not known (None: not asked, or nothing settled it), or absent (NONE: there is
no such thing, because what it belongs to is not served; another fact tells that already). Only two known values that
differ are a change. Everything here is the same read backwards: what is worse one way is better the other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal, TypeAlias, TypeVar

from probe.language import N_, _
from probe.result import Result
from probe.result.verification import Change, ChangeKind, Direction

_MOST_NAMED = 6  # things that one sentence lists


class Absent(Enum):
    """The state of a fact whose section is not served."""

    NONE = "none"


NONE: Final = Absent.NONE
T = TypeVar("T")
Fact: TypeAlias = T | Literal[Absent.NONE] | None
Rank: TypeAlias = Mapping[T, int] | Callable[[T], int]  # higher is better


@dataclass(slots=True)
class Comparing:
    """Two results that are compared, and what was found so far. Texts are in the language spoken now."""

    before: Result
    after: Result
    changes: list[Change] = field(default_factory=list)
    undetermined: list[str] = field(default_factory=list)

    def fact(
        self,
        path: str,
        kind: ChangeKind,
        what: str,
        read: Callable[[Result], Fact[T]],
        *,
        rank: Rank[T] | None = None,
        words: Callable[[T], str] = str,
    ) -> None:
        """Compare one value. `what` names it for people, `rank` says which value is better."""
        self.values(path, kind, what, read(self.before), read(self.after), rank=rank, words=words)

    def values(
        self,
        path: str,
        kind: ChangeKind,
        what: str,
        before: Fact[T],
        after: Fact[T],
        *,
        rank: Rank[T] | None = None,
        words: Callable[[T], str] = str,
    ) -> None:
        """The same of a value that was read already."""
        if before is None or before is NONE or after is NONE:
            return
        if after is None:
            self.lacks(what, words(before))
        elif before != after:
            self.add(
                path,
                kind,
                _("{what} is {after} now; it was {before}", what=what, before=words(before), after=words(after)),
                direction=_direction(before, after, rank),
                before=_plain(before),
                after=_plain(after),
            )

    def names(
        self,
        path: str,
        kind: ChangeKind,
        what: str,
        read: Callable[[Result], Fact[Collection[str]]],
        *,
        new: Direction = "changed",
    ) -> None:
        """Compare two sets of names: what is new goes in the direction `new`, what is gone in the other."""
        before, after = read(self.before), read(self.after)
        if before is None or before is NONE or after is NONE:
            return
        if after is None:
            if before:
                self.lacks(what, listed(sorted(before)))
            return
        self.come(path, kind, what, sorted(set(after).difference(before)), direction=new)
        self.gone(path, kind, what, sorted(set(before).difference(after)), direction=OPPOSITE[new])

    def come(self, path: str, kind: ChangeKind, what: str, names: Sequence[str], *, direction: Direction) -> None:
        """Names that were not there before; none is no change."""
        if names:
            sentence = _("{what}, new: {names}", what=what, names=listed(names))
            self.add(path, kind, sentence, direction=direction, after=", ".join(names))

    def gone(self, path: str, kind: ChangeKind, what: str, names: Sequence[str], *, direction: Direction) -> None:
        """Names that are there no more; none is no change."""
        if names:
            sentence = _("{what}, gone: {names}", what=what, names=listed(names))
            self.add(path, kind, sentence, direction=direction, before=", ".join(names))

    def lacks(self, what: str, before: str) -> None:
        """Something that was known and is not now."""
        self.undetermined.append(_("{what} could not be determined now; it was {before}", what=what, before=before))

    def add(
        self,
        path: str,
        kind: ChangeKind,
        message: str,
        *,
        direction: Direction = "changed",
        before: str | None = None,
        after: str | None = None,
    ) -> None:
        """Note a change."""
        self.changes.append(
            Change(kind=kind, direction=direction, field=path, message=message, before=before, after=after)
        )


OPPOSITE: Mapping[Direction, Direction] = {"worse": "better", "better": "worse", "changed": "changed"}
YES_NO: Mapping[bool, str] = {True: N_("on"), False: N_("off")}
TRUE_IS_BETTER: Mapping[bool, int] = {True: 1, False: 0}
FALSE_IS_BETTER: Mapping[bool, int] = {True: 0, False: 1}


def on_off(value: bool) -> str:
    """A fact that is so or is not, in words."""
    return _(YES_NO[value])


def listed(names: Sequence[str]) -> str:
    """The first few of some names, and how many more there are."""
    if len(names) <= _MOST_NAMED:
        return _(", ").join(names)
    left = len(names) - _MOST_NAMED
    return _("{names} and {left} more", names=_(", ").join(names[:_MOST_NAMED]), left=left)


def better(before: int, after: int) -> Direction:
    """Which way it goes from one rank to another."""
    return "changed" if before == after else "better" if after > before else "worse"


def _direction(before: T, after: T, rank: Rank[T] | None) -> Direction:
    if rank is None:
        return "changed"
    if isinstance(rank, Mapping):
        return better(rank[before], rank[after]) if before in rank and after in rank else "changed"
    return better(rank(before), rank(after))


def _plain(value: object) -> str:
    """A value as the result writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
