"""Verifications as annotations of a GitHub Actions run, and a summary line for its log.

Source: GitHub's documentation, "Workflow commands for GitHub Actions": %, CR and LF are escaped in a message, and
colons and commas too in a property.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probe.report.verified import Case, blockers, cases, name_of, summary
from probe.result.verification import Verification

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(verifications: Sequence[Verification]) -> str:
    """A line for each reason why nobody gets in and each rule that does not hold or is not known, and the summary."""
    lines = [line for each in verifications for line in _lines(each)]
    return "\n".join([*lines, _message(summary(verifications))]) + "\n"


def _lines(verification: Verification) -> Iterator[str]:
    target = name_of(verification.target)
    for words in blockers(verification):
        yield f"::error title={_property(target)}::{_message(words)}"
    yield from (_annotation(target, case) for case in cases(verification) if case.state != "passed")


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
