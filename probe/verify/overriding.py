"""Rules in place of rules: what a policy does with those that it extends, and an override with those of a target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from probe.verify.policy import Override
from probe.verify.rule import Rule


def is_named(key: str, patterns: Iterable[str]) -> bool:
    """Whether a rule's key is one of these, or fits one of them: "tls.*"."""
    return any(key == pattern or fnmatchcase(key, pattern) for pattern in patterns)


def overridden(rules: Iterable[Rule], override: Override) -> tuple[Rule, ...]:
    """The rules with an override's in place of those of the same key, and without what it takes away."""
    return replaced((rule for rule in rules if not is_named(rule.key, override.without)), override.rules)


def replaced(rules: Iterable[Rule], others: Sequence[Rule]) -> tuple[Rule, ...]:
    """The rules with others in place of those of the same key: where they stood, or at the end what is new."""
    put: dict[str, list[Rule]] = {}
    for rule in rules:
        put.setdefault(rule.key, []).append(rule)
    put |= {key: [rule for rule in others if rule.key == key] for key in dict.fromkeys(each.key for each in others)}
    return tuple(rule for same in put.values() for rule in same)
