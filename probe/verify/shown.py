"""A policy in words, with everything that its files say, for people and for other programs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import msgspec

from probe.result.shown_policy import ShownFormer, ShownOverride, ShownPolicy, ShownRule, ShownUnseen, ShownWaiver
from probe.verify.kinds import kind_of
from probe.verify.policy import Policy
from probe.verify.rule import Rule

_WEIGHTS = ("note", "warning", "error")


def shown(policy: Policy, *, today: dt.date) -> ShownPolicy:
    """Every rule in the language spoken now, and which waivers hold no more."""
    return ShownPolicy(
        name=policy.name,
        title=policy.title,
        version=policy.version,
        source=policy.source,
        file=policy.file,
        rules=[_rule(each, policy.replaced) for each in policy.rules],
        overrides=[
            ShownOverride(
                targets=list(each.targets), without=list(each.without), rules=[_rule(rule) for rule in each.rules]
            )
            for each in policy.overrides
        ],
        waivers=[
            ShownWaiver(
                rules=list(each.rules),
                targets=list(each.targets),
                reason=each.reason,
                expires=each.expires.isoformat(),
                expired=today > each.expires,
            )
            for each in policy.waivers
        ],
        not_checkable=[ShownUnseen(item=each.item, why=each.why, source=each.source) for each in policy.unseen],
    )


def _rule(rule: Rule, replaced: Iterable[Rule] = ()) -> ShownRule:
    return ShownRule(
        rule=rule.key,
        value=msgspec.to_builtins(rule.value),
        demand=_demand(rule),
        severity=rule.severity,
        source=rule.source,
        why=rule.why,
        policy=rule.policy,
        replaces=[
            ShownFormer(
                policy=each.policy,
                demand=_demand(each),
                severity=each.severity,
                value=msgspec.to_builtins(each.value),
                weaker_here=_WEIGHTS.index(each.severity) > _WEIGHTS.index(rule.severity),
            )
            for each in replaced
            if each.key == rule.key and each.policy != rule.policy
        ],
    )


def _demand(rule: Rule) -> str:
    return kind_of(rule.key).words(rule.value)
