"""From a result to its diagnoses: every rule is asked, and the most severe answer comes first."""

from __future__ import annotations

from collections.abc import Sequence

from probe import result as facts

# The rules register themselves as they are imported, in this order.
from probe.diagnosis import rules_connection, rules_security, rules_tls  # noqa: F401

# isort: split
from probe.diagnosis import rules_certificate  # noqa: F401

# isort: split
from probe.diagnosis.rule import RULES, Diagnosis, Evidence

# What the texts call the kinds of servers that they have advice for.
_PLATFORMS = {"xrdp": "xrdp", "windows": "Windows", "freerdp": "FreeRDP", "gnome": "GNOME"}
_LOWERS = "lowers security"


def diagnose(result: facts.Result) -> list[facts.Diagnosis]:
    """What a result means, most severe first; of equally severe ones, in the order that a connection meets them.

    Needs nothing but the stored facts, so that results of earlier releases, or saved without `attempts`, will do.
    """
    kind = result.server.kind if result.server is not None else "unknown"
    found = [_describe(rule.diagnosis, evidence, kind) for rule in RULES if (evidence := tuple(rule.evidence(result)))]
    return sorted(found, key=lambda diagnosis: facts.SEVERITIES.index(diagnosis.severity))


def _distance(text: str, kind: str) -> int:
    """How far a text is from this kind of server: its own, for any, for another; and last what lowers security."""
    if _LOWERS in text:
        return 3
    named = {each for each, word in _PLATFORMS.items() if word in text}
    if kind == "unknown" or not named:
        return 1
    return 0 if kind in named else 2


def _describe(diagnosis: Diagnosis, evidence: Sequence[Evidence], kind: str) -> facts.Diagnosis:
    said = {name: value for each in reversed(evidence) for name, value in each.facts.items()}
    severities = [each.severity for each in evidence if each.severity is not None]
    likeliest = [each.likeliest for each in evidence if each.likeliest is not None]
    return facts.Diagnosis(
        code=diagnosis.code,
        severity=min(severities, key=facts.SEVERITIES.index, default=diagnosis.severity),
        summary=diagnosis.summary.format_map(said),
        evidence=[each.said for each in evidence],
        causes=sorted(diagnosis.causes, key=lambda cause: (cause not in likeliest, _distance(cause, kind))),
        remedies=sorted(diagnosis.remedies, key=lambda remedy: _distance(remedy, kind)),
        user_sees=list(diagnosis.user_sees),
        source=diagnosis.source,
    )
