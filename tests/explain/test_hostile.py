"""Whatever is pasted gets an answer, within bounds, and is harmless where it is shown."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.explain.answering import Answer, explain, rows
from probe.explain.described import described
from probe.explain.matching import LONGEST, comparable, exact, nearly, readable
from probe.report.text import console
from probe.report.text_explain import render
from probe.result.explain import to_json

_FRAGMENTS = [*(row.title for row in rows()), *(phrase for row in rows() for phrase in row.phrases)]


def _shown(answer: Answer) -> str:
    stream = io.StringIO()
    render(described(answer), console(stream))
    return stream.getvalue()


@given(st.text(st.characters(codec=None), max_size=200))
def test_any_text_gets_an_answer_that_can_be_shown(text: str) -> None:
    answer = explain(text)
    assert all(0 < match.sure <= 1 for match in answer.matches)
    to_json(described(answer))
    assert all(line.isprintable() for line in _shown(answer).split("\n"))


@given(st.lists(st.sampled_from(_FRAGMENTS), min_size=1, max_size=4), st.text(max_size=8))
def test_pieces_of_messages_in_any_order_are_ranked(pieces: list[str], between: str) -> None:
    sure = [match.sure for match in explain(between.join(pieces)).matches]
    assert sure == sorted(sure, reverse=True)
    assert len(sure) <= 8


@pytest.mark.parametrize(
    "text",
    [
        "internal error " * 700_000,
        "0x904 " * 1_700_000,
        "a" * 10_000_000,
        "0x" * 5_000_000,
        "内部错误" * 2_500_000,
        "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 1_000_000,  # one character that NFKC makes many of
        "_" * 1_000_000,
        "A_" * 1_000_000,
        "1." * 1_000_000,
        "error code" + " " * 1_000_000 + "0x904",
    ],
    ids=lambda text: text[:20],
)
def test_a_text_of_megabytes_is_read_to_its_bound_only(text: str) -> None:
    answer = explain(text)
    assert answer.cut
    assert len(answer.asked) == LONGEST
    assert len(readable(text)) <= LONGEST
    assert len(answer.matches) <= 8
    assert "Only the beginning of the text was read." in _shown(answer)


def test_controls_and_reordering_do_not_reach_the_terminal() -> None:
    shown = _shown(explain("\x1b[31m0x4505\u202e \x07ERRCONNECT_NO_SUCH"))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\x07" not in shown


def test_bytes_that_are_no_text_are_replaced() -> None:
    answer = explain("0x904 \udcff\udc80")
    assert answer.asked == "0x904 ??"
    assert answer.matches[0].explanation.key == "mstsc-0x904"


def test_a_phrase_is_found_at_words_only() -> None:
    assert exact("nla", "requires nla now") is not None
    assert exact("nla", "manland") is None
    assert exact("nla", "manland nla") is not None


def test_a_phrase_that_is_not_there_is_not_nearly_there() -> None:
    assert nearly("internal error", "external terror of it") is None
    assert nearly("安全协议协商失败", "协商") is None


def test_comparable_text_has_one_case_and_no_punctuation() -> None:
    assert comparable("An “INTERNAL”  error—has occurred!") == "an internal error has occurred"
    assert comparable("要求的函数 不受支持，CredSSP 加密 Oracle 修正。") == "要求的函数不受支持credssp加密oracle修正"
