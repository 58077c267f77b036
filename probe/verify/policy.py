"""A policy: rules, what they do not apply to, and who is let off for how long. Data alone; see `policy_file`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from probe.verify.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A rule that may fail, for some targets, for a reason, until a day."""

    rules: tuple[str, ...]  # keys, or patterns of them: "tls.*"
    targets: tuple[str, ...]  # patterns: see `targets.matches`; empty: every target
    reason: str
    expires: dt.date  # the last day on which it holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Rules in place of those of the same key, for some targets. Of several that fit, the last has the last word."""

    targets: tuple[str, ...]  # patterns
    rules: tuple[Rule, ...] = ()
    without: tuple[str, ...] = ()  # keys, or patterns of them, that do not apply


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """Something that a standard demands and nothing on the wire shows."""

    item: str
    why: str
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything that is demanded, from one file. A policy that extends another has that one's rules already."""

    name: str
    title: str = ""
    version: str | None = None
    source: str | None = None  # of the whole
    file: str | None = None  # None: built in
    files: tuple[str, ...] = ()  # all that were read for it: its own, and those that it extends
    rules: tuple[Rule, ...] = ()
    replaced: tuple[Rule, ...] = ()  # of those that it extends: in whose place it has others of the same key
    waivers: tuple[Waiver, ...] = ()
    overrides: tuple[Override, ...] = ()
    unseen: tuple[Unseen, ...] = field(default=())
