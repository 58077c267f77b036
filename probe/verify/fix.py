"""What to do about a rule that failed or was not settled, for the kind of server that it is. Pure."""

from __future__ import annotations

from probe.result import Result
from probe.verify.rule import Finding, Rule


def fix(rule: Rule, finding: Finding, result: Result) -> list[str]:  # noqa: ARG001
    """What mends a failed rule, likeliest first, at most three sentences in the language that is spoken now."""
    return []


def next_step(rule: Rule, finding: Finding, result: Result) -> str | None:  # noqa: ARG001
    """What would settle a rule that is unknown: one sentence, or None where nothing is known to."""
    return None
