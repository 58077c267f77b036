"""Verifications as annotations of a GitHub Actions run, and a summary line for its log.

Source: GitHub's documentation, "Workflow commands for GitHub Actions": %, CR and LF are escaped in a message, and
colons and commas too in a property.
"""

from __future__ import annotations

from collections.abc import Sequence

from probe.report.verified import Case, cases, name_of, summary
from probe.result.verification import Verification

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(verifications: Sequence[Verification]) -> str:
    """A line for each rule that does not hold or could not be determined, and the summary."""
    lines = [
        _annotation(name_of(each.target), case)
        for each in verifications
        for case in cases(each)
        if case.state != "passed"
    ]
    return "\n".join([*lines, _message(summary(verifications))]) + "\n"


def _annotation(target: str, case: Case) -> str:
    command = "notice" if case.state == "waived" else _COMMANDS[case.severity]
    properties = [f"title={_property(f'{target} {case.policy} {case.rule}')}"]
    if case.file is not None:
        properties.insert(0, f"file={_property(case.file)}")
    return f"::{command} {','.join(properties)}::{_message(chr(10).join((case.message, *case.details)))}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
