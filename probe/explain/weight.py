"""What an audit's result says of one cause: it finds it, it excludes it, or leaves it open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["found", "excluded", "open"]


@dataclass(frozen=True, slots=True)
class Weight:
    """What a result says of one cause, and why; where it is open, what was seen that bears on it."""

    outcome: Outcome
    evidence: tuple[str, ...] = ()


OPEN = Weight("open")


def excluded(fact: str) -> Weight:
    """A fact in words that rules the cause out, whoever connects."""
    return Weight("excluded", (fact,))


def seen(fact: str) -> Weight:
    """A fact in words that bears on the cause and settles nothing."""
    return Weight("open", (fact,))
