"""What `rdp-probe verify` and `rdp-probe diff` find, as documents that leave the program."""

from __future__ import annotations

from typing import Literal, Self

import msgspec

from probe.result import Target
from probe.result.common import Depth, Status

VERIFY_SCHEMA = "rdp-probe-verify/1"
DIFF_SCHEMA = "rdp-probe-diff/1"
RuleState = Literal["passed", "failed", "unknown", "waived"]
RuleSeverity = Literal["error", "warning", "note"]  # only an error changes the verdict
RULE_SEVERITIES: tuple[RuleSeverity, ...] = ("error", "warning", "note")
VerifyVerdict = Literal["passed", "failed", "unknown"]
# In the order that matters: what is lost first.
ChangeKind = Literal[
    "reachability", "security", "clients", "certificate", "versions", "suites", "names", "build", "other"
]
Direction = Literal["worse", "better", "changed"]


class AppliedWaiver(msgspec.Struct, kw_only=True):
    """Why a rule that fails is let pass, and until when."""

    reason: str
    expires: str  # the last day on which it holds, "2027-01-31"
    expired: bool = False  # it holds no more: the rule fails


class ClientChange(msgspec.Struct, kw_only=True):
    """One known client before and after a change. None: not known."""

    client: str
    before: bool | None
    after: bool | None
    because: str | None = None  # of the state afterwards
    user_sees: str | None = None
    hint: str | None = None


class RuleOutcome(msgspec.Struct, kw_only=True):
    """What came of one rule of a policy."""

    rule: str  # its key in the policy: "tls.min_version"
    policy: str  # the policy that has it
    state: RuleState
    severity: RuleSeverity
    message: str  # one sentence: what was seen, and what is demanded
    expected: str
    observed: str
    evidence: list[str] = []
    fix: list[str] = []  # what to do, likeliest first; empty where it passed
    cut_off: list[ClientChange] = []  # clients that connect now and would not once it is mended
    cut_off_open: list[str] = []  # clients of which the facts do not tell whether they would still connect
    source: str | None = None  # where the demand comes from
    why: str | None = None  # the policy's own words on it
    diagnosis: str | None = None  # the code of the diagnosis that says the same
    page: str | None = None  # of that diagnosis, from the project's root
    waiver: AppliedWaiver | None = None


class NotCheckable(msgspec.Struct, kw_only=True):
    """What a standard says and nothing on the wire shows. It is never passed."""

    policy: str
    item: str
    why: str
    source: str | None = None


class PolicyName(msgspec.Struct, kw_only=True):
    """Which policy was applied."""

    name: str
    version: str | None = None
    file: str | None = None  # None: built in


class Change(msgspec.Struct, kw_only=True):
    """One fact that is not as it was."""

    kind: ChangeKind
    direction: Direction
    field: str  # in a result: "tls.versions.TLSv1.0"
    message: str  # one sentence
    before: str | None = None
    after: str | None = None


class VerifiedTarget(msgspec.Struct, kw_only=True):
    """Whom it is about."""

    input: str
    host: str
    port: int
    address: str | None = None
    server_name: str | None = None

    @classmethod
    def of(cls, target: Target) -> Self:
        """What a result says of its target, but for what its requests carried."""
        return cls(
            input=target.input,
            host=target.host,
            port=target.port,
            address=target.address,
            server_name=target.server_name,
        )


class Blocker(msgspec.Struct, kw_only=True):
    """A diagnosis that no client gets past."""

    code: str
    summary: str
    page: str | None = None  # where to read more, from the project's root


class WhatIf(msgspec.Struct, kw_only=True):
    """What a change would do, as far as today's facts tell."""

    change: str  # in normal form, however it was given: "tls.min=1.2,nla=required"
    clients: list[ClientChange] = []  # all of them; those that would be cut off have `before` true and `after` false
    open: list[str] = []  # clients of which it cannot be told whether they would be cut off
    notes: list[str] = []  # what these facts cannot tell, in sentences


class Verification(msgspec.Struct, kw_only=True):
    """What `rdp-probe verify --json` prints for one address of a target."""

    schema: str = VERIFY_SCHEMA
    target: VerifiedTarget
    verdict: VerifyVerdict
    status: Status
    reason: str | None = None  # why nothing could be determined at all: "TCP: connection refused"
    started: str
    elapsed_ms: float
    connections: int
    tries: int = 1  # how often it was asked, with --retry-until
    failed_before: list[str] = []  # rules, and fields of the baseline, that failed when it was asked before
    version: str | None = None  # of the program that judged it
    is_full: bool = False  # everything was asked that depth full asks: a deeper look tells no more
    policies: list[PolicyName] = []
    rules: list[RuleOutcome] = []  # failed, unknown, waived, passed; of equal ones in the policy's order
    not_checkable: list[NotCheckable] = []
    baseline: str | None = None  # the file that it was compared with
    exact: bool = False  # every change fails, not only one for the worse
    changes: list[Change] = []  # against the baseline, in the order that matters
    undetermined: list[str] = []  # what the baseline knows and could not be determined now, in sentences
    locked_out: list[ClientChange] = []  # known clients that cannot connect now; `before` is what the baseline says
    locked_out_open: list[str] = []  # known clients of which the facts do not tell whether they connect
    blockers: list[Blocker] = []  # why no client can connect, where that is so
    what_if: WhatIf | None = None


class Difference(msgspec.Struct, kw_only=True):
    """What `rdp-probe diff --json` prints for one target that changed."""

    schema: str = DIFF_SCHEMA
    target: VerifiedTarget
    state: Literal["changed", "appeared", "gone"]
    before: str | None = None  # when the older one began
    after: str | None = None
    before_depth: Depth | None = None  # how deep the older one was asked: at a lower depth less can be compared
    after_depth: Depth | None = None
    changes: list[Change] = []
    clients: list[ClientChange] = []  # those for which it is not as it was
    undetermined: list[str] = []  # what was known and is not now, in sentences


_encoder = msgspec.json.Encoder()
_differences = msgspec.json.Decoder(Difference)


def to_json(document: Verification | Difference) -> bytes:
    """One line of JSON, without the line end. Only what is below U+0020 is escaped: see `report.escape`."""
    return _encoder.encode(document)


def read_difference(line: bytes) -> Difference:
    """Read back what `to_json` wrote. Raises msgspec.ValidationError."""
    return _differences.decode(line)


def verify_schema() -> dict[str, object]:
    """The JSON Schema (2020-12) of a `Verification`."""
    return _schema(Verification, "rdp-probe verify, one address of a target")


def diff_schema() -> dict[str, object]:
    """The JSON Schema (2020-12) of a `Difference`."""
    return _schema(Difference, "rdp-probe diff, one target")


def _schema(document: type[msgspec.Struct], title: str) -> dict[str, object]:
    schema = msgspec.json.schema(document)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = title
    return schema
