from __future__ import annotations

import json
import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.report.escape import json_line, terminal

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)  # lone surrogates included
PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=200)


@given(ANY_TEXT)
def test_nothing_that_acts_or_hides_is_left(text: str) -> None:
    shown = terminal(text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    shown.encode("utf-8")  # a lone surrogate would make the output itself fail


@given(PRINTABLE)
def test_printable_ascii_is_shown_as_it_is(text: str) -> None:
    assert terminal(text) == text


@given(ANY_TEXT, st.integers(1, 50))
def test_the_length_is_bounded_and_the_cut_is_visible(text: str, longest: int) -> None:
    shown = terminal(text, longest)
    assert len(shown) <= longest * 10 + 1
    if len(text) > longest:
        assert shown.endswith("…")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31mred", "\\x9b31mred"),
        ("a\r\nb\tc\0\x7f", "a\\x0d\\x0ab\\x09c\\x00\\x7f"),
        ("abc\u202egpj.exe", "abc\\u202egpj.exe"),
        ("\u2066isolated\u2069", "\\u2066isolated\\u2069"),
        ("zero\u200bwidth\u200d\ufeff", "zero\\u200bwidth\\u200d\\ufeff"),
        ("a\u2028b\u2029c\x85d", "a\\u2028b\\u2029c\\x85d"),
        ("\ud800", "\\ud800"),
        ("\ue000\U000f0000\U000e0041", "\\ue000\\U000f0000\\U000e0041"),
        ("no\xa0break\u3000wide", "no\\xa0break\\u3000wide"),
        ("\u3164\u2800\ufe0f", "\\u3164\\u2800\\ufe0f"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
        ("Übergröße 東京 שלום", "Übergröße 東京 שלום"),
        ("e" + "\u0301" * 6, "e" + "\u0301" * 4 + "\\u0301\\u0301"),
    ],
)
def test_what_each_sort_of_character_becomes(sent: str, shown: str) -> None:
    assert terminal(sent) == shown


def test_a_text_as_long_as_allowed_is_not_cut() -> None:
    assert terminal("x" * 300) == "x" * 300
    assert terminal("x" * 301) == "x" * 300 + "…"


@given(st.text(max_size=50))
def test_json_is_the_same_document_in_printable_ascii(text: str) -> None:
    line = json_line(msgspec.json.encode({"subject": text}))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {"subject": text}


def test_json_does_not_act_on_a_terminal() -> None:
    shown = json_line(msgspec.json.encode("\x9b31m\u202egpj\x7f\x1b[0m\U0001f600"))
    assert shown == r'"\u009b31m\u202egpj\u007f\u001b[0m\ud83d\ude00"'
