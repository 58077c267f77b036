"""One run of `rdp-probe host` tells the causes of a message apart that is the same for all of them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import pytest

from tests.matrix import staged
from tests.matrix.staged import CAUSES, GOLDEN, INTERNAL_ERROR, NEGOTIATION_FAILED, Staged, Told


@pytest.fixture(scope="module")
def told() -> Mapping[str, Told]:
    return staged.tell()


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_the_right_code_and_the_right_cause_lead(cause: Staged, told: Mapping[str, Told]) -> None:
    leading = told[cause.name].result.diagnoses[0]
    assert (leading.code, leading.severity) == (cause.code, cause.severity)
    assert cause.first_cause in leading.causes[0]


def test_no_two_causes_are_told_alike(told: Mapping[str, Told]) -> None:
    leading = {name: each.result.diagnoses[0] for name, each in told.items()}
    assert len({(found.code, found.causes[0]) for found in leading.values()}) == len(CAUSES)


@pytest.mark.parametrize("message", [NEGOTIATION_FAILED, INTERNAL_ERROR])
def test_each_message_has_its_causes(message: str) -> None:
    assert len([cause for cause in CAUSES if message in cause.messages]) >= 6


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_the_report_names_what_leads_first(cause: Staged, told: Mapping[str, Told]) -> None:
    text = told[cause.name].text
    others = [found.code for found in told[cause.name].result.diagnoses[1:]]
    assert cause.code in text
    assert all(text.index(cause.code) < text.index(other) for other in others if other in text)


def test_the_table_is_as_it_was_reviewed(told: Mapping[str, Told]) -> None:
    reviewed, shown = GOLDEN.read_text("utf-8").splitlines(), staged.page(told).splitlines()
    differing = list(difflib.unified_diff(reviewed, shown, "reviewed", "shown", n=0, lineterm=""))
    assert differing == [], "run: python -m tests.matrix.staged --update, and read it"
