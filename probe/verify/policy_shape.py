"""What a policy file may hold, as types: its sections and keys are those of the kinds of rules, so there is one list.

Each key takes its value, or a table with that `value` and what else is said of the rule.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from functools import cache
from types import GenericAlias
from typing import Annotated, Any, Union

import msgspec
from msgspec import UNSET, Meta, UnsetType

from probe.result.verification import RuleSeverity
from probe.verify.kinds import KINDS

FACT = "fact"  # the kind whose value is a table of its own: [[fact]]
_WORDS = r"\S"  # at least one character that can be seen

Words = Annotated[str, Meta(pattern=_WORDS)]
Names = Annotated[list[Words], Meta(min_length=1)]
Targets = Annotated[
    Names,
    Meta(
        description="names, addresses, either with :PORT, patterns such as *.example, or blocks such as 10.0.0.0/8",
        examples=[["*.example", "10.0.0.0/8"]],
    ),
]
RuleKeys = Annotated[Names, Meta(description="keys of rules, or patterns of them", examples=[["tls.min_version"]])]


class Said(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What may be said of a rule besides its value."""

    severity: Annotated[RuleSeverity, Meta(description="how much it matters; only an error makes a verify fail")] = (
        "error"
    )
    source: Annotated[Words | UnsetType, Meta(description="where the demand comes from")] = UNSET
    why: Annotated[Words | UnsetType, Meta(description="what it is good for, in the policy's own words")] = UNSET


class WaiverTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Rules that may fail for a while."""

    rules: RuleKeys
    reason: Annotated[Words, Meta(description="why they may fail")]
    expires: Annotated[dt.date, Meta(description="the last day on which they may, such as 2027-01-31")]
    targets: Targets | UnsetType = UNSET


class UnseenTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Something that is demanded and that nothing on the wire shows."""

    item: Annotated[Words, Meta(description="what is demanded")]
    why: Annotated[Words, Meta(description="why it does not show")]
    source: Annotated[Words | UnsetType, Meta(description="where the demand comes from")] = UNSET


class Head(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a policy file has besides its rules."""

    name: Annotated[
        Words | UnsetType, Meta(description="what it is called; the file's name without .toml if not given")
    ] = UNSET
    title: Annotated[Words | UnsetType, Meta(description="what it is, in a line")] = UNSET
    version: Annotated[Words | UnsetType, Meta(description="of the policy itself", examples=["1 (2026-11-21)"])] = UNSET
    source: Annotated[Words | UnsetType, Meta(description="where its demands come from, unless one says otherwise")] = (
        UNSET
    )
    extends: Annotated[
        Words | UnsetType,
        Meta(description="a built-in policy, or a file beside this one, whose rules hold too", examples=["strict"]),
    ] = UNSET
    waiver: Annotated[list[WaiverTable], Meta(min_length=1)] | UnsetType = UNSET
    not_checkable: Annotated[list[UnseenTable], Meta(min_length=1)] | UnsetType = UNSET


class OverrideHead(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What an override has besides its rules."""

    targets: Targets
    without: (
        Annotated[RuleKeys, Meta(description="keys of rules that do not apply, or patterns of them")] | UnsetType
    ) = UNSET


@cache
def document_type() -> type[msgspec.Struct]:
    """The type of a whole policy file."""
    sections = _sections()
    override = msgspec.defstruct("Override", sections, bases=(OverrideHead,), kw_only=True, forbid_unknown_fields=True)
    override.__doc__ = "Rules in place of those of the same key, for some targets."
    more = ("override", _optional(_tables(override, "rules for some targets only")), UNSET)
    return msgspec.defstruct("Policy", [*sections, more], bases=(Head,), kw_only=True, forbid_unknown_fields=True)


def schema() -> dict[str, object]:
    """The JSON Schema (2020-12) of a policy file, its TOML read as JSON and its dates as texts."""
    made = msgspec.json.schema(document_type())
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["title"] = "rdp-probe policy"
    return made


def _sections() -> list[tuple[str, Any, Any]]:
    """The fields for rules, one a section, and the list of rules on any fact."""
    fields: dict[str, list[tuple[str, Any, Any]]] = {}
    for kind in KINDS.values():
        section, _dot, name = kind.key.partition(".")
        if kind.key != FACT:
            value = _optional(kind.value, _table(section, name, kind.value))
            example = tomllib.loads(f"x = {kind.example}")["x"]
            fields.setdefault(section, []).append(
                (name, Annotated[value, Meta(description=kind.says, examples=[example])], UNSET)
            )
    sections = [(section, _optional(_section(section, keys)), UNSET) for section, keys in fields.items()]
    return [*sections, (FACT, _optional(_tables(fact_type(), KINDS[FACT].says)), UNSET)]


def _optional(*shapes: Any) -> Any:
    """One of these types, or nothing at all."""
    return Union[*shapes, UnsetType]


def _tables(shape: type[msgspec.Struct], about: str) -> Any:
    """A list of tables."""
    return Annotated[GenericAlias(list, (shape,)), Meta(min_length=1, description=about)]


def _section(name: str, keys: list[tuple[str, Any, Any]]) -> type[msgspec.Struct]:
    return msgspec.defstruct(name, keys, kw_only=True, forbid_unknown_fields=True)


def _table(section: str, name: str, value: Any) -> type[msgspec.Struct]:
    """The longer form of a key."""
    return msgspec.defstruct(
        f"{section}.{name}", [("value", value)], bases=(Said,), kw_only=True, forbid_unknown_fields=True
    )


@cache
def fact_type() -> type[msgspec.Struct]:
    """A table of [[fact]]: the fields of that kind's value, and what is said of a rule."""
    fields = msgspec.structs.fields(KINDS[FACT].value)
    return msgspec.defstruct(
        "Fact",
        [(each.name, each.type) if each.required else (each.name, each.type, each.default) for each in fields],
        bases=(Said,),
        rename={each.name: each.encode_name for each in fields},
        kw_only=True,
        forbid_unknown_fields=True,
    )
