"""A policy as `rdp-probe policy` shows it, as a document that leaves the program."""

from __future__ import annotations

from typing import Any

import msgspec

from probe.result.verification import RuleSeverity

SHOWN_POLICY_SCHEMA = "rdp-probe-policy/1"


class ShownFormer(msgspec.Struct, kw_only=True):
    """A demand of a policy that is extended, in whose place stands another."""

    policy: str
    demand: str
    severity: RuleSeverity
    value: Any
    weaker_here: bool  # whether it matters more there: an error there, and here only a warning


class ShownRule(msgspec.Struct, kw_only=True):
    """One demand."""

    rule: str  # its key in the file: "tls.min_version"
    value: Any  # as the file has it
    demand: str  # the same in words
    severity: RuleSeverity
    source: str | None = None  # where the demand comes from
    why: str | None = None
    policy: str  # the policy that has it: of one that extends another, maybe the other
    replaces: list[ShownFormer] = []  # what the policies that are extended have under the same key


class ShownOverride(msgspec.Struct, kw_only=True):
    """Rules in place of those of the same key, for some targets."""

    targets: list[str]
    without: list[str] = []  # keys that do not apply to them, or patterns of keys
    rules: list[ShownRule] = []


class ShownWaiver(msgspec.Struct, kw_only=True):
    """Rules that may fail for a while."""

    rules: list[str]
    targets: list[str] = []  # none: every target
    reason: str
    expires: str  # the last day on which it holds
    expired: bool = False


class ShownUnseen(msgspec.Struct, kw_only=True):
    """What is demanded and nothing on the wire shows."""

    item: str
    why: str
    source: str | None = None


class ShownPolicy(msgspec.Struct, kw_only=True):
    """Everything that one policy demands. `rdp-probe policy list --json` prints one a line."""

    schema: str = SHOWN_POLICY_SCHEMA
    name: str
    title: str = ""
    version: str | None = None
    source: str | None = None
    file: str | None = None  # None: built in
    rules: list[ShownRule] = []
    overrides: list[ShownOverride] = []
    waivers: list[ShownWaiver] = []
    not_checkable: list[ShownUnseen] = []


def to_json(document: ShownPolicy) -> bytes:
    """One line of JSON, without the line end. Only what is below U+0020 is escaped: see `report.escape`."""
    return msgspec.json.encode(document)


def shown_policy_schema() -> dict[str, object]:
    """The JSON Schema (2020-12) of a `ShownPolicy`."""
    schema = msgspec.json.schema(ShownPolicy)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "rdp-probe policy, one policy"
    return schema
