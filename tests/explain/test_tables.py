"""The tables: every row can be found, has a source, leads to diagnoses that exist and to a command that parses."""

from __future__ import annotations

from collections import Counter

import pytest

from probe.cli.main import build_parser
from probe.diagnosis.catalogue import CATALOGUE
from probe.diagnosis.diagnosing import seen
from probe.explain.answering import explain, rows, texts
from probe.explain.explanation import KINDS, Explanation
from probe.explain.matching import comparable
from probe.language import LANGUAGES, _, speaking

ROWS = rows()
_BY_KEY = {row.key: row for row in ROWS}


def _keys(text: str) -> list[str]:
    return [match.explanation.key for match in explain(text).matches]


def test_keys_are_unique() -> None:
    assert len(_BY_KEY) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_a_row_is_complete(row: Explanation) -> None:
    assert row.kind in KINDS
    assert row.title
    assert row.meaning.endswith(".") or "{" in row.meaning
    assert row.source
    assert row.numbers or row.events or row.names or row.phrases or row.alert is not None or row.failure is not None
    assert set(row.diagnoses) <= set(CATALOGUE)
    build_parser().parse_args(row.command.split()[1:])


@pytest.mark.parametrize("row", [row for row in ROWS if row.numbers], ids=lambda row: row.key)
def test_a_row_is_found_by_its_numbers(row: Explanation) -> None:
    for number in row.numbers:
        assert row.key in _keys(str(number))
        if number > 0xFFFF or row.kind != "status":
            assert row.key in _keys(f"0x{number:X}")
            assert row.key in _keys(f"0x{number:08x}")


@pytest.mark.parametrize("row", [row for row in ROWS if row.events], ids=lambda row: row.key)
def test_an_event_is_found_by_its_number_with_its_source(row: Explanation) -> None:
    for event in row.events:
        assert row.key in _keys(str(event))
        for source in row.sources:
            assert row.key in _keys(f"Event ID {event}, source {source}")
            assert row.key in _keys(f"事件 ID：{event} 来源：{source}")
        assert row.key not in _keys(f"0x{event:X}")


@pytest.mark.parametrize("row", [row for row in ROWS if row.names], ids=lambda row: row.key)
def test_a_row_is_found_by_its_names(row: Explanation) -> None:
    for name in row.names:
        assert row.key in _keys(name)
        assert row.key in _keys(f"[ERROR] - it failed: {name}!")


@pytest.mark.parametrize("row", [row for row in ROWS if row.phrases], ids=lambda row: row.key)
def test_a_row_is_found_by_its_phrases(row: Explanation) -> None:
    for phrase in row.phrases:
        assert row.key in _keys(phrase), phrase
        assert row.key in _keys(f"« {phrase.upper()}。 »"), phrase


def test_no_two_rows_have_the_same_phrase_unless_it_is_meant() -> None:
    counted = Counter(phrase for row in ROWS for phrase in {comparable(each) for each in row.phrases})
    shared = {phrase for phrase, count in counted.items() if count > 1}
    assert shared == {
        "protocol security negotiation failure",  # FreeRDP logs it, and people put it so
        "wrong security type",  # Guacamole says it, and people put it so
    }


def test_no_two_rows_of_a_kind_have_the_same_number_or_name() -> None:
    numbers = Counter((row.kind, number) for row in ROWS for number in (*row.numbers, *row.events))
    assert [each for each, count in numbers.items() if count > 1] == []
    names = Counter(name.casefold() for row in ROWS for name in row.names)
    assert [each for each, count in names.items() if count > 1] == ["inconsistent_flags"]  # ours is named after it


def test_a_code_of_one_word_is_no_word_of_a_sentence() -> None:
    assert _keys("the fault is intermittent and redirected") == []
    assert _keys("INTERMITTENT") == ["diagnosis-INTERMITTENT"]


def test_every_diagnosis_can_be_explained() -> None:
    for code in CATALOGUE:
        rows_found = {match.explanation.key: match.explanation for match in explain(code).matches}
        assert rows_found[f"diagnosis-{code}"].diagnoses[0] == code


def test_what_cannot_be_seen_on_the_wire_says_where_to_look() -> None:
    suspects = {cause for row in ROWS if not row.own for cause in row.causes}
    assert all(cause.tells for cause in suspects)
    assert sum(cause.diagnosis is None for cause in suspects) > 10


def test_the_codes_that_the_issue_names_are_known() -> None:
    for text in ("0x904", "0x4", "0x104", "0x204", "0x1104", "0x1807", "0x2104", "36870", "36874", "36888", "1058"):
        assert explain(text).matches, text


def test_texts_tells_every_text_once() -> None:
    found = list(texts())
    assert len(found) == len(set(found))
    assert all(cause.text in found for row in ROWS if not row.own for cause in row.causes)
    assert set(KINDS.values()) <= set(found)


@pytest.mark.parametrize("code", CATALOGUE)
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_users_of_a_diagnosis_see_leads_back_to_it(code: str, language: str) -> None:
    entry = CATALOGUE[code]
    with speaking(language):
        shown = [*seen(entry), *map(_, entry.events)]
    for text in shown:
        assert code in explain(text).diagnoses, text
