"""Trials against answers made by chance: they end, raise nothing, and refuse nothing that was not offered in vain."""

from __future__ import annotations

import random
from collections.abc import Sequence
from io import StringIO

from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from probe.audit.attempt import Attempt
from probe.audit.offers import ALL_GROUPS, all_suites
from probe.audit.outcome import Outcome, outcome
from probe.audit.reading import read
from probe.audit.settings import Settings
from probe.audit.trials import is_trial
from probe.audit.verdict import verdict
from probe.diagnosis.judged import judge
from probe.needs import Needs, Trial, TrialKind
from probe.report.text import render
from probe.result import Result, TlsTrial, from_json, to_json
from tests.audit.attempts import TLS12, TLS13, audit
from tests.audit.test_enumeration_hostile import Liar, offered
from tests.audit.tls_servers import ran_together

VERSIONS = ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")


def trials(chance: random.Random) -> frozenset[Trial]:
    suites = [*all_suites(TLS12), *all_suites(TLS13)]
    return frozenset(
        {drawn("suites", suites, chance), drawn("suites", suites, chance), drawn("groups", ALL_GROUPS, chance)}
    )


def drawn(kind: TrialKind, codes: Sequence[int], chance: random.Random) -> Trial:
    some = chance.sample(codes, chance.choice((1, 5, len(codes))))
    return Trial(kind, tuple(sorted(some)), enough=chance.randint(1, 5))


def refused(trial: TlsTrial, attempts: list[Attempt]) -> set[int]:
    """What hellos of its kind and version offered in vain."""
    made = [each for each in attempts if is_trial(each.question) and outcome(read(each)) is Outcome.REFUSED]
    return offered(made, lambda each: each.suites if trial.kind == "suites" else each.groups, trial.version)


def check(result: Result, attempts: list[Attempt]) -> None:
    """What is true whatever a server does."""
    for trial in result.tls.trials if result.tls is not None else []:
        tried, selected = {int(code, 16) for code in trial.offered}, {int(each.code, 16) for each in trial.selected}
        assert selected <= tried
        assert len(selected) == len(trial.selected)
        assert (trial.state == "unknown") <= (not selected and trial.reason is not None)
        assert (trial.state == "accepted") <= bool(selected)
        if trial.state == "rejected":
            assert tried - selected
            assert tried - selected <= refused(trial, attempts)
            assert trial.reason is not None


@given(
    seed=st.integers(0, 2**32),
    lies=st.sampled_from([0.0, 0.1, 0.3, 1.0]),
    most=st.sampled_from([2, 12, 30]),
    width=st.integers(1, 5),
)
@example(seed=1, lies=0.1, most=30, width=4)
@settings(max_examples=60, deadline=None)
def test_answers_by_chance_break_nothing(seed: int, lies: float, most: int, width: int) -> None:
    chance = random.Random(seed)
    needs = Needs(versions=frozenset(VERSIONS), trials=trials(chance), direct_tls=chance.random() < 0.5)
    wanted = Settings(max_connections=most).needing(needs)
    attempts, now = ran_together(Liar(chance, lies), wanted, width, [seed % 7, 2, 0, 3])
    result = verdict(audit(attempts, now, wanted))
    assert len(attempts) <= most
    assert len({attempt.question for attempt in attempts}) == len(attempts)
    check(result, attempts)
    judge(result)
    assert from_json(to_json(result)) == result
    render(result, Console(file=StringIO(), width=80), 2)
