"""From policies and a stored result to a verification: every rule's outcome, and what they add up to. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from probe.needs import Needs
from probe.result import Result, Target
from probe.result.verification import RuleSeverity, Verification
from probe.verify.policy import Policy
from probe.verify.rule import Rule


def rules_for(policy: Policy, target: Target) -> tuple[Rule, ...]:
    """The rules that hold for a target, its overrides applied."""
    raise NotImplementedError


def needs_of(policies: Sequence[Policy], target: Target) -> Needs:
    """What must be asked of a target for all of its rules."""
    raise NotImplementedError


def verify(
    policies: Sequence[Policy], result: Result, *, today: dt.date, fail_on: RuleSeverity = "error"
) -> Verification:
    """Judge one result, which has its diagnoses and clients."""
    raise NotImplementedError
