"""From a result to its diagnoses: every rule is asked, and the most severe answer comes first."""

from __future__ import annotations

from collections.abc import Sequence

from probe import result as facts

# The rules register themselves as they are imported, in this order.
from probe.diagnosis import rules_connection, rules_security, rules_tls  # noqa: F401
from probe.diagnosis.rule import RULES, Diagnosis, Evidence


def diagnose(result: facts.Result) -> list[facts.Diagnosis]:
    """What a result means, most severe first; of equally severe ones, in the order that a connection meets them.

    Needs nothing but the stored facts, so that results of earlier releases, or saved without `attempts`, will do.
    """
    found = [_describe(rule.diagnosis, evidence) for rule in RULES if (evidence := tuple(rule.evidence(result)))]
    return sorted(found, key=lambda diagnosis: facts.SEVERITIES.index(diagnosis.severity))


def _describe(diagnosis: Diagnosis, evidence: Sequence[Evidence]) -> facts.Diagnosis:
    said = {name: value for each in reversed(evidence) for name, value in each.facts.items()}
    severities = [each.severity for each in evidence if each.severity is not None]
    likeliest = [each.likeliest for each in evidence if each.likeliest is not None]
    return facts.Diagnosis(
        code=diagnosis.code,
        severity=min(severities, key=facts.SEVERITIES.index, default=diagnosis.severity),
        summary=diagnosis.summary.format_map(said),
        evidence=[each.said for each in evidence],
        causes=sorted(diagnosis.causes, key=lambda cause: cause not in likeliest),
        remedies=list(diagnosis.remedies),
        user_sees=list(diagnosis.user_sees),
        source=diagnosis.source,
    )
