"""Demands that no server can meet together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations
from typing import Any, NamedTuple, get_args

from probe.result import VersionName
from probe.verify.rule import Rule

_VERSIONS: tuple[str, ...] = get_args(VersionName)  # oldest first
_NLA = ("HYBRID", "HYBRID_EX")


class Contradiction(NamedTuple):
    """Two keys, and why they cannot both hold."""

    first: str
    second: str
    why: str


def _both(required: list[str], forbidden: list[str]) -> str | None:
    same = [each for each in required if each in forbidden]
    return f"{', '.join(same)} cannot be both" if same else None


def _older(required: Iterable[str], least: str) -> str | None:
    older = [each for each in required if _VERSIONS.index(each) < _VERSIONS.index(least)]
    return f"{', '.join(older)} is older than {least}" if older else None


def _newer(required: Iterable[str], most: str) -> str | None:
    newer = [each for each in required if _VERSIONS.index(each) > _VERSIONS.index(most)]
    return f"{', '.join(newer)} is newer than {most}" if newer else None


def _none_between(least: str, most: str) -> str | None:
    return f"{least} is newer than {most}" if _VERSIONS.index(least) > _VERSIONS.index(most) else None


def _nla_forbidden(nla: str, forbidden: list[str]) -> str | None:
    lacking = nla in ("required", "offered") and set(_NLA) <= set(forbidden)
    return "NLA is HYBRID or HYBRID_EX" if lacking else None


def _nla_required(nla: str, required: list[str]) -> str | None:
    return "NLA is HYBRID or HYBRID_EX" if nla == "unsupported" and set(_NLA) & set(required) else None


def _nla_alone(nla: str, required: list[str]) -> str | None:
    without = [each for each in required if each in ("RDP", "SSL")]
    return f"where NLA is required, {', '.join(without)} is refused" if nla == "required" and without else None


def _longer(least: float, most: float) -> str | None:
    return f"{least} days are more than {most}" if least > most else None


_CHECKS: dict[tuple[str, str], Callable[[Any, Any], str | None]] = {
    ("protocols.required", "protocols.forbidden"): _both,
    ("protocols.nla", "protocols.forbidden"): _nla_forbidden,
    ("protocols.nla", "protocols.required"): lambda *values: _nla_required(*values) or _nla_alone(*values),
    ("tls.min_version", "tls.max_version"): _none_between,
    ("tls.required_versions", "tls.forbidden_versions"): _both,
    ("tls.required_versions", "tls.min_version"): _older,
    ("tls.required_versions", "tls.max_version"): _newer,
    ("tls.required_suites", "tls.forbidden_suites"): _both,
    ("tls.required_groups", "tls.forbidden_groups"): _both,
    ("certificate.allowed_signatures", "certificate.forbidden_signatures"): _both,
    ("certificate.min_days_left", "certificate.max_days_valid"): _longer,
    ("clients.must_connect", "clients.must_not_connect"): _both,
}


def contradiction(rules: Iterable[Rule]) -> Contradiction | None:
    """The first two rules that cannot both hold, as far as that shows without asking a server; of errors only."""
    errors = [rule for rule in rules if rule.severity == "error"]
    for one, other in combinations(errors, 2):
        for first, second in ((one, other), (other, one)):
            check = _CHECKS.get((first.key, second.key))
            if check is not None and (why := check(first.value, second.value)) is not None:
                return Contradiction(first.key, second.key, why)
    return None
