"""What verify, diff and what-if say is there in every language, and whatever programs read of it is the same."""

from __future__ import annotations

import datetime as dt
import io
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console

from probe.drive import demo
from probe.language import speaking
from probe.report.page import Page
from probe.report.text_verify import render
from probe.report.text_verify_parts import rows
from probe.result.verification import Change, Verification
from probe.verify import baseline, builtin
from probe.verify.policy import Policy
from probe.verify.policy_file import read_policy
from probe.verify.rule import KINDS, Rule
from probe.verify.shown import shown
from probe.verify.verdict import verify
from probe.verify.what_if import what_if
from tests.test_languages import CHINESE, english_left, served, told

TODAY = dt.date(2026, 1, 1)
_CHANGES = (
    "tls.min=1.2",
    "tls.max=1.2",
    "nla=required",
    "nla=off",
    "standard_rdp=off",
    "standard_rdp=on",
    "suites=class:aead",
    "suites.off=class:weak",
    "groups=class:nist",
    "credssp.min=6",
    "certificate=trusted",
    "certificate=self_signed",
    "certificate.key=EC-256",
)
_HAN = re.compile("[\u4e00-\u9fff]")


def every_rule() -> Policy:
    """One of each key, by its example; of what is so or is not, both."""
    rules = []
    for key, each in KINDS.items():
        example = tomllib.loads(f"value = {each.example}")["value"]
        values = [True, False] if isinstance(example, bool) else [example]
        rules += [Rule(key=key, value=msgspec.convert(value, each.value), policy="all") for value in values]
    return Policy(name="all", title="", rules=tuple(rules))


@cache
def verified(place: int, language: str) -> Verification:
    """What every policy says of an embedded server, what a change would do, and what became of another server."""
    result, before = told(served()[place], language), served()[place - 1]
    with speaking(language):
        policies = [every_rule(), *(read_policy(name) for name in builtin.names())]
        found = verify(policies, result, today=TODAY)
        compared = baseline.compare(before, result, exact=True)
        found.baseline = "before.json"
        found.changes, found.undetermined = [*compared.changes], [*compared.undetermined]
        found.what_if = what_if(_CHANGES[place % len(_CHANGES)], result)
    return found


def people_read(found: Verification) -> Iterator[str]:
    """Every text for people but those that stand in a policy."""
    assert found.what_if is not None
    for outcome in found.rules:
        yield from (outcome.message, outcome.expected, *outcome.evidence, *outcome.fix)
    for client in (*found.locked_out, *found.what_if.clients, *(each for rule in found.rules for each in rule.cut_off)):
        yield from (client.because or "", client.hint or "")
    yield from (found.reason or "", *found.what_if.notes, *found.undetermined)
    yield from (change.message for change in found.changes)


PLACES = pytest.mark.parametrize("place", range(len(demo.KINDS)), ids=list(demo.KINDS))


@PLACES
def test_no_english_sentence_is_left_in_what_verify_says(place: int) -> None:
    found = verified(place, CHINESE)
    assert [left for words in people_read(found) for left in english_left(words)] == []
    for words in (*(outcome.message for outcome in found.rules), *(change.message for change in found.changes)):
        assert _HAN.search(words), words


@PLACES
def test_no_chinese_is_left_in_what_verify_says_in_english(place: int) -> None:
    assert [words for words in people_read(verified(place, "en")) if _HAN.search(words)] == []


def facts(found: Verification) -> Any:
    """What programs read: everything but the texts."""
    plain = msgspec.to_builtins(found)
    names = ("message", "expected", "observed", "evidence", "fix", "because", "hint", "user_sees", "notes", "reason",
             "summary")  # fmt: skip

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: None if name in names else bare(inner) for name, inner in value.items()}
        return [bare(inner) for inner in value] if isinstance(value, list | tuple) else value

    plain["undetermined"] = len(plain.get("undetermined", []))
    return bare(plain)


@PLACES
def test_names_and_verdicts_are_the_same_in_both_languages(place: int) -> None:
    assert facts(verified(place, "en")) == facts(verified(place, CHINESE))


@PLACES
@pytest.mark.parametrize("width", [40, 80])
def test_every_chinese_line_of_a_verification_fits_the_width(place: int, width: int) -> None:
    stream = io.StringIO()
    with speaking(CHINESE):
        render(verified(place, CHINESE), Console(file=stream, width=width, force_terminal=True, color_system=None), 1)
    for line in stream.getvalue().splitlines():
        assert cell_len(line) <= width or not re.search("[\u4e00-\u9fff]{4}", line), line
        assert line == line.rstrip()


@pytest.mark.parametrize("name", builtin.names())
def test_the_demands_of_a_policy_are_said_in_chinese(name: str) -> None:
    with speaking(CHINESE):
        said = shown(read_policy(name), today=TODAY)
    assert [rule.rule for rule in said.rules if english_left(rule.demand)] == []


def test_a_change_stands_under_the_change_before_it() -> None:
    """Columns are counted in cells: a word of three Chinese characters is wider than one of two."""
    changes = [
        Change(kind="security", direction="worse", field="a", message="FIRST"),
        Change(kind="other", direction="changed", field="b", message="SECOND"),
    ]
    stream = io.StringIO()
    with speaking(CHINESE):
        rows(changes, Page(Console(file=stream, width=80, force_terminal=True, color_system=None)))
    first, second = stream.getvalue().splitlines()
    assert cell_len(first.partition("FIRST")[0]) == cell_len(second.partition("SECOND")[0])
