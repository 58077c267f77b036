"""Verifications for tests of what is made of them."""

from __future__ import annotations

from typing import Any

from probe.result.verification import (
    AppliedWaiver,
    Change,
    ClientChange,
    NotCheckable,
    PolicyName,
    RuleOutcome,
    Verification,
    VerifiedTarget,
)


def outcome(state: Any, rule: str = "tls.min_version", **given: Any) -> RuleOutcome:
    filled: dict[str, Any] = {
        "policy": "strict",
        "severity": "error",
        "message": f"{rule} is {state}",
        "expected": "TLS 1.2 or newer",
        "observed": "TLSv1.1",
    }
    return RuleOutcome(rule=rule, state=state, **(filled | given))


FAILED = outcome(
    "failed",
    message="TLS 1.1 is accepted; allowed are 1.2 and 1.3",
    evidence=["TLSv1.1: accepted"],
    fix=["Set Enabled to 0."],
    source="RFC 8996",
    cut_off=[ClientChange(client="Windows XP SP3", before=True, after=False)],
)
UNKNOWN = outcome("unknown", "udp.state", message="no answer on UDP 3389 (closed or filtered)")
WAIVED = outcome(
    "waived", "certificate.trusted", waiver=AppliedWaiver(reason="the new CA comes in March", expires="2027-03-31")
)
WARNING = outcome("failed", "certificate.min_days_left", severity="warning")
PASSED = outcome("passed", "protocols.nla")


def verification(*rules: RuleOutcome, host: str = "srv1.example", **given: Any) -> Verification:
    states = {each.state for each in rules if each.severity == "error"}
    filled: dict[str, Any] = {
        "target": VerifiedTarget(input=host, host=host, port=3389, address="192.0.2.7"),
        "verdict": next((state for state in ("failed", "unknown") if state in states), "passed"),
        "status": "rdp",
        "started": "2026-11-21T02:00:00.123Z",
        "elapsed_ms": 1234.5,
        "connections": 17,
        "policies": [PolicyName(name="strict", version="2026-11")],
        "rules": list(rules),
    }
    return Verification(**(filled | given))


MIXED = verification(
    FAILED,
    UNKNOWN,
    WAIVED,
    WARNING,
    PASSED,
    not_checkable=[NotCheckable(policy="strict", item="Always prompt for a password", why="it shows after a logon")],
    locked_out=[ClientChange(client="rdesktop 1.9", before=None, after=False)],
)
UNREACHED = verification(
    outcome("unknown"), host="10.0.0.9", verdict="unknown", status="refused", reason="TCP: connection refused"
)
COMPARED = verification(
    PASSED,
    verdict="failed",
    baseline="before.ndjson",
    changes=[
        Change(
            kind="versions",
            direction="worse",
            field="tls.versions.TLSv1.0",
            before="rejected",
            after="accepted",
            message="TLS 1.0 is accepted again",
        ),
        Change(kind="build", direction="changed", field="credssp.ntlm.os_build", message="another build"),
    ],
    undetermined=["whether CredSSP is still of version 6 could not be determined"],
)
