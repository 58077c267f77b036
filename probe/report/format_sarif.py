"""Verifications as SARIF 2.1.0, for code scanning and dashboards of findings.

Results are what does not hold (kind "fail"), what is waived (suppressed, with its reason), and what could not be
determined (kind "open"). What holds is no result: GitHub shows every result as an alert, whatever its kind. Source:
OASIS, Static Analysis Results Interchange Format (SARIF) 2.1.0, 3.27; GitHub's documentation, "SARIF support".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote

from probe.report.verified import Case, blockers, cases, name_of
from probe.result.verification import Verification, VerifiedTarget

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "note": "note"}
_Json = dict[str, object]


def render(verifications: Sequence[Verification]) -> str:
    """The whole log, ASCII alone."""
    found = [(each, case) for each in verifications for case in cases(each)]
    rules: dict[str, _Json] = {}
    results = []
    for _verification, case in found:
        rules.setdefault(_rule_id(case), _rule(case))
    places = {rule: index for index, rule in enumerate(rules)}
    for verification, case in found:
        if case.state != "passed":
            results.append(_result(verification, case, places[_rule_id(case)]))
    return (
        json.dumps(
            {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(list(rules.values()), results, verifications)]},
            indent=1,
        )
        + "\n"
    )


def _run(rules: list[_Json], results: list[_Json], verifications: Sequence[Verification]) -> _Json:
    from probe import __version__

    notes = [
        {"level": "error", "message": {"text": f"{name_of(each.target)}: {words}"}}
        for each in verifications
        for words in blockers(each)
    ]
    invocation: _Json = {"executionSuccessful": True}
    return {
        "tool": {"driver": {"name": "rdp-probe", "semanticVersion": __version__, "rules": rules}},
        "automationDetails": {"id": "rdp-probe/verify"},
        "invocations": [invocation | ({"toolExecutionNotifications": notes} if notes else {})],
        "columnKind": "unicodeCodePoints",
        "results": results,
    }


def _rule_id(case: Case) -> str:
    return f"{case.policy}/{case.rule}"


def _rule(case: Case) -> _Json:
    words = case.expected or case.message
    return {
        "id": _rule_id(case),
        "shortDescription": {"text": f"{case.rule}: {words}"},
        "help": {"text": "\n".join((words, *(detail for detail in case.details if case.state == "failed")))},
        "defaultConfiguration": {"level": _LEVELS[case.severity]},
        "properties": {"tags": ["security", "rdp"]},
    }


def _result(verification: Verification, case: Case, index: int) -> _Json:
    target = verification.target
    is_open = case.state == "unknown"
    result: _Json = {
        "ruleId": _rule_id(case),
        "ruleIndex": index,
        "kind": "open" if is_open else "fail",
        "level": "none" if is_open else _LEVELS[case.severity],
        "message": {"text": "\n".join((f"{name_of(target)}: {case.message}", *blockers(verification), *case.details))},
        "locations": [_location(target, case)],
        "partialFingerprints": {"targetAndRule/v1": f"{target.host}:{target.port} {_rule_id(case)}"},
    }
    if case.state == "waived":
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": case.details[0] if case.details else "waived"}
        ]
    return result


def _location(target: VerifiedTarget, case: Case) -> _Json:
    """The policy's own file, where it has one, for code scanning needs a file; and the server as what it is about."""
    file = case.file.removeprefix("./") if case.file is not None else f"rdp/{target.host}/{target.port}"
    return {
        "physicalLocation": {"artifactLocation": {"uri": quote(file)}, "region": {"startLine": 1}},
        "logicalLocations": [{"fullyQualifiedName": name_of(target), "kind": "resource"}],
    }
