"""What a rule of a policy is: a key and the value it demands, and for each key what finds out whether that is so.

A prohibition of something that the server does not serve holds; a demand on something that it does not serve fails.
What was not settled is unknown, and never a pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from probe.needs import Needs
from probe.result import Result
from probe.result.verification import RuleSeverity


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One demand of a policy."""

    key: str  # of KINDS: "tls.min_version"
    value: Any  # as the kind's `value` describes it
    policy: str  # the name of the policy that has it
    severity: RuleSeverity = "error"
    source: str | None = None  # where the demand comes from
    why: str | None = None  # the policy's own words on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found. Texts are in the language spoken now."""

    state: Literal["passed", "failed", "unknown"]
    message: str  # one sentence without a full stop: what was seen, and what is demanded; unknown: why
    observed: str
    evidence: tuple[str, ...] = ()
    diagnosis: str | None = None  # the code whose remedies mend it
    change: str | None = None  # what mending it would be for --what-if: "tls.min=1.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One key that a policy may have."""

    key: str  # "section.name"
    value: Any  # the type of its value, as msgspec reads it
    says: str  # one English sentence: what it demands; for the schema and the documentation
    example: str  # a value as TOML
    check: Callable[[Any, Result], Finding]
    needs: Callable[[Any], Needs]  # what must be asked for it
    words: Callable[[Any], str]  # the demand in words: "TLS 1.2 or newer"
    validate: Callable[[Any], None]  # raises InputError for a value of that type which names nothing there is


KINDS: dict[str, Kind] = {}  # by key, in the order of documentation; filled by importing `probe.verify.kinds`


def any_value(_value: Any) -> None:
    """What fits the type is fine."""


def kind(
    key: str,
    value: Any,
    *,
    says: str,
    example: str,
    needs: Callable[[Any], Needs] | Needs,
    words: Callable[[Any], str] = str,
    validate: Callable[[Any], None] = any_value,
) -> Callable[[Callable[[Any, Result], Finding]], Callable[[Any, Result], Finding]]:
    """Make a check that of a key.

    `validate` is called once a policy was read, before any server is asked: its InputError says what is wrong with the
    value, and its hint what was probably meant; where it stands in the file, who reads the file adds.
    """

    def register(check: Callable[[Any, Result], Finding]) -> Callable[[Any, Result], Finding]:
        wanted = (lambda _value: needs) if isinstance(needs, Needs) else needs
        KINDS[key] = Kind(
            key=key,
            value=value,
            says=says,
            example=example,
            check=check,
            needs=wanted,
            words=words,
            validate=validate,
        )
        return check

    return register
