"""What a planned change comes to: whom it costs the way in, of whom that cannot be told, and what policies then say."""

from __future__ import annotations

import datetime as dt

import pytest

from probe.cli import demands
from probe.cli.demands import Demands
from probe.diagnosis.judged import judge
from probe.result.verification import ClientChange, WhatIf
from probe.verify.policy import Policy
from probe.verify.rule import Rule
from tests.clients.results import RSA_KEY_CBC, modern, with_tls

TODAY = dt.date(2026, 11, 21)


def client(name: str, before: bool | None, after: bool | None) -> ClientChange:
    return ClientChange(client=name, before=before, after=after)


@pytest.mark.parametrize(
    ("clients", "open_", "verdict"),
    [
        ([client("a", True, False), client("b", True, None)], ["b"], "failed"),
        ([client("a", True, True), client("b", True, None)], ["b"], "unknown"),
        ([client("a", True, True), client("b", None, None)], ["b"], "unknown"),
        ([client("a", True, True), client("b", None, None)], [], "passed"),  # what nobody can ever tell
        ([client("a", False, False), client("b", False, True)], [], "passed"),
        ([client("a", None, None)], [], "unknown"),
        ([], [], "unknown"),
    ],
)
def test_what_a_change_comes_to(
    clients: list[ClientChange], open_: list[str], verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = WhatIf(change="tls.min=1.2", clients=clients, open=open_)
    monkeypatch.setattr(demands, "what_if", lambda _text, _result: planned)
    assert Demands(today=TODAY, what_if="tls.min=1.2").verify(modern()).verdict == verdict


def test_a_rule_that_only_the_change_leaves_open_is_not_to_be_asked_again() -> None:
    described = with_tls(modern(), {"TLSv1.2": (RSA_KEY_CBC, None)}, rejected=("TLSv1.0", "TLSv1.1", "TLSv1.3"))
    judge(described)
    rules = (
        Rule(key="tls.required_versions", value=["TLSv1.2"], policy="ours"),
        Rule(key="tls.server_order", value=True, policy="ours"),
    )
    asking = Demands(today=TODAY, policies=(Policy(name="ours", rules=rules),), what_if="suites.off=class:cbc")
    found = {each.rule: each for each in asking.verify(described).rules}
    assert found["tls.required_versions"].state == "unknown"
    assert found["tls.required_versions"].fix == []
    assert found["tls.server_order"].state == "unknown"
    assert found["tls.server_order"].fix  # as open today
