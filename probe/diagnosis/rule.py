"""What a diagnosis is made of: texts declared as data, and a rule that yields evidence for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from probe.result import Result, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What one code means to a person. Lists are likeliest or safest first.

    `summary` may hold `{names}` of facts, which the rule gives.
    """

    code: str
    severity: Severity
    summary: str
    causes: tuple[str, ...]
    remedies: tuple[str, ...]
    user_sees: tuple[str, ...] = ()
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing that was seen and that the diagnosis rests on."""

    said: str
    severity: Severity | None = None  # where what was seen weighs otherwise than the catalogue says
    likeliest: str | None = None  # the cause, of those in the catalogue, that this points to
    facts: Mapping[str, str | int] = field(default_factory=dict)  # for the summary's `{names}`


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A catalogue entry, and what finds it: no evidence, no diagnosis."""

    diagnosis: Diagnosis
    evidence: Callable[[Result], Iterator[Evidence]]


RULES: list[Rule] = []  # in the order of their modules, which is the order of equally severe diagnoses


def finds(
    diagnosis: Diagnosis,
) -> Callable[[Callable[[Result], Iterator[Evidence]]], Callable[[Result], Iterator[Evidence]]]:
    """Make a generator of evidence the rule of a diagnosis."""

    def register(evidence: Callable[[Result], Iterator[Evidence]]) -> Callable[[Result], Iterator[Evidence]]:
        RULES.append(Rule(diagnosis=diagnosis, evidence=evidence))
        return evidence

    return register
