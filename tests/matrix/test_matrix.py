"""Every situation, asked as a user asks: exactly these codes, each as severe as this; none is missing, none extra."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from probe.result import Result
from tests.matrix.asking import Outcome, ask
from tests.matrix.rows import SITUATIONS
from tests.matrix.situation import Situation


@pytest.fixture(scope="module")
def asked(request: pytest.FixtureRequest) -> Mapping[str, Outcome]:
    """What came of every situation that this run is to test, all asked together."""
    wanted = {
        item.callspec.params["situation"].name
        for item in request.session.items
        if hasattr(item, "callspec") and "situation" in item.callspec.params
    }
    return ask(situation for situation in SITUATIONS if situation.name in wanted)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_exactly_what_is_to_be_said_is_said(situation: Situation, asked: Mapping[str, Outcome]) -> None:
    outcome = asked[situation.name]
    if isinstance(outcome, BaseException):
        raise outcome
    assert said(outcome) == {"status": situation.status, "nla": situation.nla, **situation.codes}


def said(result: Result) -> dict[str, str | None]:
    """Status, NLA, and the severity of each code."""
    told: dict[str, str | None] = {
        "status": result.status,
        "nla": result.negotiation.nla if result.negotiation is not None else None,
    }
    assert len({found.code for found in result.diagnoses}) == len(result.diagnoses)
    return told | {found.code: found.severity for found in result.diagnoses}


def test_names_are_told_apart_and_there_are_enough_of_them() -> None:
    assert len({situation.name for situation in SITUATIONS}) == len(SITUATIONS) >= 45
