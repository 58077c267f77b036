"""Faults in what rules add up to that no other test showed: each test here is of one that would change a verdict."""

from __future__ import annotations

import datetime as dt

import pytest

from probe.result import Target
from probe.result.verification import Verification
from probe.verify.policy import Policy, Waiver
from probe.verify.rule import Rule
from probe.verify.targets import matches
from probe.verify.verdict import verify
from tests.verify.rules import ACCEPTED, REFUSED, rdp

TODAY = dt.date(2026, 11, 21)
WEAK = rdp(RDP=ACCEPTED, SSL=REFUSED, HYBRID=REFUSED)
RULE = Rule(key="credssp.min_version", value=6, policy="p")


def waived(*days: int) -> Verification:
    """A rule that fails, and waivers that hold until so many days from today."""
    waivers = tuple(
        Waiver(rules=(RULE.key,), targets=(), reason=str(each), expires=TODAY + dt.timedelta(days=each))
        for each in days
    )
    return verify([Policy(name="p", rules=(RULE,), waivers=waivers)], WEAK, today=TODAY)


@pytest.mark.parametrize(
    ("days", "state", "verdict"),
    [(30, "waived", "passed"), (1, "waived", "passed"), (0, "waived", "passed"), (-1, "failed", "failed")],
)
def test_a_waiver_holds_until_its_last_day_has_passed(days: int, state: str, verdict: str) -> None:
    found = waived(days)
    assert (found.rules[0].state, found.verdict) == (state, verdict)
    assert found.rules[0].waiver is not None
    assert found.rules[0].waiver.expired == (days < 0)


def test_of_several_waivers_that_hold_the_longest_is_told() -> None:
    found = waived(1, 30, 5)
    assert found.rules[0].waiver is not None
    assert (found.rules[0].state, found.rules[0].waiver.reason) == ("waived", "30")


def test_a_pattern_fits_what_was_given_too() -> None:
    target = Target(input="jump-host", host="192.0.2.7", port=3389, address="192.0.2.7")
    assert matches("jump-*", target)
    assert not matches("other-*", target)


def test_a_rule_that_does_not_say_how_severe_it_is_counts() -> None:
    rule = Rule(key="credssp.min_version", value=6, policy="p")
    found = verify([Policy(name="p", rules=(rule,))], WEAK, today=TODAY)
    assert (found.rules[0].severity, found.verdict) == ("error", "failed")
