"""Verifications as JUnit XML, which every build server reads: a suite for each target, a test case for each rule.

What fails is a failure, what could not be determined an error; what is waived or only a warning is skipped and says
so. Source: the schema of Jenkins (junit-4.xsd of its DTKit), which build servers follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from probe.language import _
from probe.report.verified import Case, blockers, cases, name_of, safe
from probe.result.verification import Verification

_KINDS = ("failures", "errors", "skipped")


def render(verifications: Sequence[Verification]) -> str:
    """The whole document, ASCII alone."""
    root = ET.Element("testsuites", name="rdp-probe verify")
    for number, each in enumerate(verifications):
        _add_suite(root, each, number)
    for kind in ("tests", "failures", "errors"):
        root.set(kind, str(sum(int(suite.get(kind, "0")) for suite in root)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in root):.3f}")
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return document.decode("ascii") + "\n"


def _add_suite(root: ET.Element, verification: Verification, number: int) -> None:
    found = cases(verification)
    suite = ET.SubElement(
        root,
        "testsuite",
        name=name_of(verification.target),
        package="rdp-probe",
        id=str(number),
        hostname=safe(verification.target.host),
        timestamp=verification.started.partition(".")[0].removesuffix("Z"),
        time=f"{verification.elapsed_ms / 1000:.3f}",
        tests=str(len(found)),
    )
    counts = dict.fromkeys(_KINDS, 0)
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(verification):
        ET.SubElement(properties, "property", name=name, value=value)
    for case in found:
        kind = _add_case(suite, case)
        if kind is not None:
            counts[kind] += 1
    for kind, count in counts.items():
        suite.set(kind, str(count))
    unseen = [safe(f"{each.policy}: {each.item}: {each.why}") for each in verification.not_checkable]
    said = [*blockers(verification), *([_("Nothing on the wire shows:"), *unseen] if unseen else [])]
    ET.SubElement(suite, "system-out").text = "\n".join(said)
    ET.SubElement(suite, "system-err").text = ""


def _properties(verification: Verification) -> list[tuple[str, str]]:
    policies = [safe(" ".join(filter(None, (each.name, each.version)))) for each in verification.policies]
    found: list[tuple[str, str]] = [("verdict", verification.verdict), ("status", verification.status)]
    found += [("address", safe(verification.target.address))] if verification.target.address else []
    found += [("policy", policy) for policy in policies]
    found += [("baseline", safe(verification.baseline))] if verification.baseline else []
    return [*found, ("connections", str(verification.connections))]


def _add_case(suite: ET.Element, case: Case) -> str | None:
    """Add one; what it is counted as, beside being a test."""
    element = ET.SubElement(suite, "testcase", classname=f"rdp-probe.{case.policy}", name=case.rule, time="0.000")
    words = "\n".join((case.message, *case.details))
    if case.state == "passed":
        return None
    if case.state == "waived" or case.severity != "error":
        ET.SubElement(element, "skipped").text = words if case.state == "waived" else f"{case.severity}: {words}"
        return "skipped"
    tag, kind = ("failure", "failures") if case.state == "failed" else ("error", "errors")
    ET.SubElement(element, tag, message=case.message, type=case.state).text = words
    return kind
