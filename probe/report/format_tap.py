"""Verifications in the Test Anything Protocol: a line for each rule of each target.

What is waived, and what is only a warning, is marked as TODO: a harness shows it and does not fail for it. Source:
Test Anything Protocol, version 13 (and 14 for how "#" is escaped).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from probe.report.verified import Case, blockers, cases, name_of
from probe.result.verification import Verification


def render(verifications: Sequence[Verification]) -> str:
    """The whole stream, lines of ASCII."""
    found = [(name_of(each.target), case) for each in verifications for case in cases(each)]
    lines = ["TAP version 13", f"1..{len(found)}"]
    lines += [f"# {_escaped(f'{name_of(each.target)}: {words}')}" for each in verifications for words in blockers(each)]
    for number, (target, case) in enumerate(found, 1):
        lines.extend(_lines(number, target, case))
    return "\n".join(lines) + "\n"


def _lines(number: int, target: str, case: Case) -> Iterator[str]:
    is_good = case.state == "passed"
    title = _escaped(f"{target} {case.policy} {case.rule}")
    yield f"{'ok' if is_good else 'not ok'} {number} - {title}{_directive(case)}"
    if is_good:
        return
    yield "  ---"  # YAML, in that part of it that is JSON
    yield f"  message: {json.dumps(case.message)}"
    yield f"  severity: {'todo' if _directive(case) else 'fail'}"
    yield f"  state: {case.state}"
    if case.details:  # one string: Perl's reader of YAML takes a colon in a list's item for the end of a key
        yield f"  details: {json.dumps('; '.join(case.details))}"
    yield "  ..."


def _directive(case: Case) -> str:
    if case.state == "waived":
        return f" # TODO {_escaped(case.details[0])}" if case.details else " # TODO waived"
    return f" # TODO {case.severity}" if case.state != "passed" and case.severity != "error" else ""


def _escaped(text: str) -> str:
    """One line of ASCII in which no directive begins."""
    plain = json.dumps(text)[1:-1].replace('\\"', '"')
    return plain.replace("#", "\\#")
