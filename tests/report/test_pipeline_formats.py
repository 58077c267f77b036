"""What build servers read of a verification: JUnit, SARIF, TAP, GitHub's annotations, Markdown.

The lists of fields are those of the published schemas; `python -m tests.report.published` holds the output against
the schemas themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.clients import CLIENTS
from probe.report import format_github, format_junit, format_markdown, format_sarif, format_tap
from probe.report.verified import cases, name_of, summary
from probe.result.verification import Blocker, ClientChange, PolicyName, VerifiedTarget, WhatIf
from tests.report.verifications import COMPARED, FAILED, MIXED, PASSED, UNREACHED, outcome, verification

ALL = [MIXED, UNREACHED, COMPARED]
FORMATS = [format_junit, format_sarif, format_tap, format_github, format_markdown]
HOSTILE = "\x1b[2J\u202e]]><script>&amp;|`::error::\r\n# TODO @all [x](http://evil) %0A"


def test_a_target_is_named_with_the_address_that_was_asked() -> None:
    at = VerifiedTarget(input="srv1", host="srv1", port=3390, address="192.0.2.7")
    assert name_of(at) == "srv1:3390 (192.0.2.7)"
    assert name_of(VerifiedTarget(input="::1", host="::1", port=3389, address="::1")) == "[::1]:3389"
    assert name_of(VerifiedTarget(input="x", host="x", port=3389)) == "x:3389"


def test_what_was_not_reached_is_one_case_and_not_one_for_each_rule() -> None:
    (case,) = cases(UNREACHED)
    assert (case.state, case.rule, case.message) == ("unknown", "reached", "TCP: connection refused")


def test_a_baseline_is_checked_like_a_rule() -> None:
    found = [(case.policy, case.rule, case.state) for case in cases(COMPARED)][1:]
    assert found == [
        ("baseline", "tls.versions.TLSv1.0", "failed"),
        ("baseline", "credssp.ntlm.os_build", "passed"),
        ("baseline", "undetermined", "unknown"),
    ]
    exact = verification(baseline="b", exact=True, changes=COMPARED.changes)
    assert [case.state for case in cases(exact)] == ["failed", "failed"]
    assert [(case.rule, case.state) for case in cases(verification(baseline="b"))] == [("changes", "passed")]


# What a planned change does to clients, and what was only saved

CUT = ClientChange(
    client="Windows XP", before=True, after=False, because="no TLS 1.2", user_sees="It failed.", hint="replace it."
)
PLANNED = WhatIf(
    change="tls.min=1.2",
    clients=[
        CUT,
        ClientChange(client="Odd", before=True, after=None, because="suites were not asked"),
        ClientChange(client="Dark", before=None, after=False),
        ClientChange(client="Same", before=True, after=True),
        ClientChange(client="Old", before=False, after=None),
    ],
    open=["Odd"],
)


def test_of_a_planned_change_each_client_is_a_case() -> None:
    found = cases(verification(policies=[], verdict="failed", what_if=PLANNED))
    assert [(each.policy, each.rule, each.state, each.severity) for each in found] == [
        ("what-if", "Windows XP", "failed", "error"),
        ("what-if", "Odd", "unknown", "error"),
        ("what-if", "Dark", "unknown", "warning"),
        ("what-if", "Same", "passed", "error"),
        ("what-if", "Old", "passed", "error"),
    ]
    assert found[0].message == "Windows XP is cut off by tls.min=1.2"
    assert found[0].details == ("no TLS 1.2", 'They see: "It failed."', "What helps: replace it.")
    assert found[1].message == "whether Odd can connect after tls.min=1.2 cannot be told"


def test_where_policies_are_held_against_a_change_they_alone_decide() -> None:
    found = cases(verification(PASSED, what_if=PLANNED))
    assert {each.severity for each in found if each.state != "passed"} == {"warning"}
    assert found[0].policy == "strict"


def test_where_nobody_can_be_told_of_every_client_is_open() -> None:
    planned = WhatIf(change="x", clients=[ClientChange(client="Odd", before=None, after=None)])
    (case,) = cases(verification(policies=[], verdict="unknown", what_if=planned))
    assert (case.state, case.severity) == ("unknown", "error")


def test_every_format_shows_who_is_cut_off() -> None:
    made = [verification(policies=[], verdict="failed", what_if=PLANNED)]
    root = _assert_junit(format_junit.render(made))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("5", "1", "1")
    _assert_sarif(format_sarif.render(made))
    for each in FORMATS:
        assert "Windows XP is cut off by tls.min" in each.render(made)
    text = format_markdown.render(made)
    assert "2 clients are not cut off." in text
    assert "rules hold" not in text
    one = WhatIf(change="x", clients=PLANNED.clients[3:4])
    assert "1 client is not cut off." in format_markdown.render([verification(PASSED, what_if=one)])


def test_what_was_only_saved_passed_nothing_else() -> None:
    saved = verification(policies=[])
    (case,) = cases(saved)
    assert (case.policy, case.rule, case.state) == ("verify", "saved", "passed")
    assert format_markdown.render([saved]).startswith(
        "## RDP: 1 target: 1 saved\n\n### ✅ srv1.example:3389 (192.0.2.7): saved\n"
    )
    assert "hold" not in format_markdown.render([saved])
    assert _assert_junit(format_junit.render([saved])).get("tests") == "1"
    (unreached,) = cases(verification(policies=[], verdict="unknown", reason="refused"))
    assert (unreached.policy, unreached.rule, unreached.state) == ("verify", "reached", "unknown")
    (compared,) = cases(verification(policies=[], verdict="unknown", baseline="b", reason="refused"))
    assert compared.policy == "baseline"


# Why nobody gets in

BLOCKED = verification(
    FAILED,
    blockers=[Blocker(code="TLS_HANDSHAKE_ABORTED", summary="Nothing is answered.")],
    locked_out=[ClientChange(client=each.name, before=None, after=False) for each in CLIENTS.values()],
    locked_out_open=["Odd", "Even"],
)
WHY = "No client can connect: Nothing is answered. (TLS_HANDSHAKE_ABORTED)"


def test_every_format_says_why_nobody_gets_in() -> None:
    root = _assert_junit(format_junit.render([BLOCKED]))
    assert root.findtext("testsuite/system-out") == WHY
    (run,) = _assert_sarif(format_sarif.render([BLOCKED]))["runs"]
    assert WHY in run["results"][0]["message"]["text"].splitlines()
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"].endswith(f": {WHY}")
    assert format_github.render([BLOCKED]).startswith(f"::error title=srv1.example%3A3389 (192.0.2.7)::{WHY}\n")
    assert format_tap.render([BLOCKED]).splitlines()[2] == f"# srv1.example:3389 (192.0.2.7): {WHY}"
    text = format_markdown.render([BLOCKED])
    assert f"**{format_markdown.markdown(WHY)}**" in text
    assert "None of the 22 known clients can connect." in text
    assert "Clients that cannot connect:" not in text
    assert "Clients of which it cannot be told whether they connect: Odd, Even" in text
    for each in FORMATS:
        assert "No client can connect" not in each.render(ALL)


def test_of_whom_it_cannot_be_told_what_a_fix_does_is_said() -> None:
    (case,) = cases(verification(outcome("failed", cut_off_open=["Old", "Older"])))
    assert "of whom that cannot be told: Old, Older" in case.details


def test_the_summary_counts_targets() -> None:
    assert summary(ALL) == "3 targets: 2 failed, 1 could not be determined"
    assert summary([verification(PASSED)]) == "1 target: 1 passed"
    assert summary([]) == "0 targets: -"


# JUnit: elements, their attributes and what may stand in them, of Jenkins' schema

_ELEMENTS: dict[str, tuple[set[str], set[str], tuple[str, ...]]] = {  # attributes needed, others allowed, children
    "testsuites": (set(), {"name", "time", "tests", "failures", "disabled", "errors"}, ("testsuite",)),
    "testsuite": (
        {"name", "tests"},
        {"failures", "errors", "time", "disabled", "skipped", "timestamp", "hostname", "id", "package"},
        ("properties", "testcase", "system-out", "system-err"),
    ),
    "properties": (set(), set(), ("property",)),
    "property": ({"name", "value"}, set(), ()),
    "testcase": ({"name"}, {"assertions", "time", "classname", "status"}, ("skipped", "error", "failure")),
    "skipped": (set(), set(), ()),
    "error": (set(), {"type", "message"}, ()),
    "failure": (set(), {"type", "message"}, ()),
    "system-out": (set(), set(), ()),
    "system-err": (set(), set(), ()),
}


def _assert_junit(document: str) -> ET.Element:
    root = ET.fromstring(document)
    for element in root.iter():
        needed, allowed, children = _ELEMENTS[element.tag]
        assert needed <= set(element.keys()) <= needed | allowed, element.tag
        places = [children.index(child.tag) for child in element]
        assert places == sorted(places), f"order in {element.tag}"
        assert not children or not (element.text or "").strip()
    return root


def test_junit_fits_the_schema_and_counts_right() -> None:
    root = _assert_junit(format_junit.render(ALL))
    mixed, unreached, compared = root
    assert root.attrib | {"time": ""} == {
        "name": "rdp-probe verify", "tests": "10", "failures": "2", "errors": "3", "time": "",
    }  # fmt: skip
    counts = [{key: each.get(key) for key in ("tests", "failures", "errors", "skipped")} for each in root]
    assert counts == [
        {"tests": "5", "failures": "1", "errors": "1", "skipped": "2"},
        {"tests": "1", "failures": "0", "errors": "1", "skipped": "0"},
        {"tests": "4", "failures": "1", "errors": "1", "skipped": "0"},
    ]
    assert mixed.get("timestamp") == "2026-11-21T02:00:00"
    assert [case[0].tag if len(case) else None for case in mixed.iter("testcase")] == [
        "failure", "error", "skipped", "skipped", None,
    ]  # fmt: skip
    failure = next(mixed.iter("failure"))
    assert failure.get("message") == "TLS 1.1 is accepted; allowed are 1.2 and 1.3"
    assert "whom that would cut off: Windows XP SP3" in (failure.text or "")
    assert "waived until 2027-03-31: the new CA comes in March" in (next(mixed.iter("skipped")).text or "")
    assert "Always prompt for a password" in (mixed.findtext("system-out") or "")
    assert unreached.find("testcase/error") is not None
    assert {"name": "baseline", "value": "before.ndjson"} in [each.attrib for each in compared.iter("property")]


def test_of_no_target_junit_is_a_document_too() -> None:
    assert _assert_junit(format_junit.render([])).get("tests") == "0"


# SARIF: the properties of its objects in version 2.1.0

_SARIF: dict[str, tuple[set[str], set[str]]] = {  # properties that must be there, others that are used
    "": ({"version", "runs"}, {"$schema"}),
    "runs": ({"tool"}, {"automationDetails", "invocations", "columnKind", "results"}),
    "tool": ({"driver"}, set()),
    "driver": ({"name"}, {"semanticVersion", "rules", "informationUri"}),
    "rules": ({"id"}, {"shortDescription", "help", "defaultConfiguration", "properties"}),
    "results": (
        {"message"},
        {"ruleId", "ruleIndex", "kind", "level", "locations", "partialFingerprints", "suppressions"},
    ),
    "message": (set(), {"text"}),
    "shortDescription": ({"text"}, set()),
    "help": ({"text"}, set()),
    "defaultConfiguration": (set(), {"level"}),
    "invocations": ({"executionSuccessful"}, {"toolExecutionNotifications"}),
    "toolExecutionNotifications": ({"message"}, {"level"}),
    "automationDetails": (set(), {"id"}),
    "locations": (set(), {"physicalLocation", "logicalLocations"}),
    "physicalLocation": ({"artifactLocation"}, {"region"}),
    "artifactLocation": (set(), {"uri"}),
    "region": (set(), {"startLine"}),
    "logicalLocations": (set(), {"fullyQualifiedName", "kind"}),
    "suppressions": ({"kind"}, {"status", "justification"}),
}


def _objects(name: str, value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, list):
        for each in value:
            yield from _objects(name, each)
    elif isinstance(value, dict) and name not in ("properties", "partialFingerprints"):
        yield name, value
        for key, each in value.items():
            yield from _objects(key, each)


def _assert_sarif(document: str) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(document)
    for name, found in _objects("", log):
        needed, allowed = _SARIF[name]
        assert needed <= found.keys() <= needed | allowed, name
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert (result["level"] == "none") == (result["kind"] == "open")  # 3.27.10: a level is for what fails
        assert re.fullmatch(r"[\w./%~-]+", result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
    return log


def test_sarif_fits_the_schema_and_has_what_does_not_hold() -> None:
    (run,) = _assert_sarif(format_sarif.render(ALL))["runs"]
    found = [(each["ruleId"], each["kind"], each["level"]) for each in run["results"]]
    assert found == [
        ("strict/tls.min_version", "fail", "error"),
        ("strict/udp.state", "open", "none"),
        ("strict/certificate.trusted", "fail", "error"),
        ("strict/certificate.min_days_left", "fail", "warning"),
        ("strict/reached", "open", "none"),
        ("baseline/tls.versions.TLSv1.0", "fail", "error"),
        ("baseline/undetermined", "open", "none"),
    ]
    assert "strict/protocols.nla" in [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    suppressed = [each["ruleId"] for each in run["results"] if "suppressions" in each]
    assert suppressed == ["strict/certificate.trusted"]
    prints = [each["partialFingerprints"]["targetAndRule/v1"] for each in run["results"]]
    assert len(set(prints)) == len(prints)


def test_sarif_points_to_the_policy_file_where_there_is_one() -> None:
    ours = [PolicyName(name="strict", file="./policies/our policy.toml")]
    (run,) = _assert_sarif(format_sarif.render([verification(FAILED, policies=ours)]))["runs"]
    (result,) = run["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "policies/our%20policy.toml"


# TAP


def test_tap_has_a_line_for_each_and_todo_for_what_does_not_count() -> None:
    lines = format_tap.render(ALL).splitlines()
    assert lines[:2] == ["TAP version 13", "1..10"]
    points = [line for line in lines if re.match(r"(not )?ok \d", line)]
    assert [line.split(" - ")[0] for line in points[:5]] == ["not ok 1", "not ok 2", "not ok 3", "not ok 4", "ok 5"]
    assert points[2].endswith(" # TODO waived until 2027-03-31: the new CA comes in March")
    assert points[3].endswith(" # TODO warning")
    assert "#" not in points[0]


def test_a_server_begins_no_directive() -> None:
    (point,) = [
        line
        for line in format_tap.render([verification(outcome("failed", "x # TODO y"))]).splitlines()
        if line.startswith("not ok")
    ]
    assert "\\# TODO" in point
    assert " # TODO" not in point


# GitHub


def test_github_has_an_annotation_for_what_does_not_hold() -> None:
    lines = format_github.render(ALL).splitlines()
    assert [line.split(" ")[0] for line in lines[:4]] == ["::error", "::error", "::notice", "::warning"]
    title = "title=srv1.example%3A3389 (192.0.2.7) strict tls.min_version"
    assert lines[0].startswith(f"::error {title}::TLS 1.1 is accepted; allowed are 1.2 and 1.3%0A")
    assert lines[-1] == "3 targets: 2 failed, 1 could not be determined"
    ours = [PolicyName(name="strict", file="a,b.toml")]
    assert format_github.render([verification(FAILED, policies=ours)]).startswith("::error file=a%2Cb.toml,title=")


# Markdown


def test_markdown_shows_what_does_not_hold() -> None:
    text = format_markdown.render(ALL)
    assert text.startswith("## RDP: 3 targets: 2 failed, 1 could not be determined\n")
    assert "### ❌ srv1.example:3389 (192.0.2.7): failed" in text
    assert "| ❌ | strict tls.min\\_version | TLS 1.1 is accepted; allowed are 1.2 and 1.3 | " in text
    assert "⚪" in text
    assert "| ❌ warning |" in text
    assert "Clients that cannot connect: rdesktop 1.9" in text
    assert "1 demand of the policy cannot be seen from outside: Always prompt for a password" in text


def test_markdown_of_a_server_is_text() -> None:
    shown = format_markdown.markdown("<b>|`x`|[a](http://b) @all #1 www.evil.example &lt; ~~x~~ *y*")
    assert not re.search(r"(?<!\\)[|`*_\[\]~#]", shown.replace("&#64;", ""))
    assert "<" not in shown
    assert "@" not in shown
    assert not re.search(r"(?<!\\)(://|(?<=www)\.)", shown)


# All of them

_TEXT = st.text(max_size=40) | st.just(HOSTILE)


@pytest.mark.parametrize("render", [each.render for each in FORMATS])
@given(text=_TEXT, state=st.sampled_from(["passed", "failed", "unknown", "waived"]))
def test_nothing_that_a_server_said_breaks_a_format(render: Callable[..., str], text: str, state: str) -> None:
    rule = outcome(state, text, message=text, observed=text, evidence=[text], fix=[text], source=text)
    made = verification(rule, host=text or "x", reason=text, baseline=text, policies=[PolicyName(name=text, file=text)])
    document = render([made])
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", document)
    document.encode("utf-8")
    if render is format_junit.render:
        _assert_junit(document)
    if render is format_sarif.render:
        assert json.loads(document)["runs"][0]["tool"]["driver"]["rules"]
    if render is format_github.render:
        assert all(line.startswith("::") for line in document.splitlines()[:-1])
        assert len(document.splitlines()) == (1 if state == "passed" else 2)
    if render is format_tap.render:
        points = [line for line in document.splitlines() if re.match(r"(not )?ok ", line)]
        assert len(points) == len(cases(made))
