"""Rules that are not asked where a result has nothing of their section: they would have had nothing to say."""

from __future__ import annotations

import copy

import pytest

from probe.diagnosis import diagnose
from probe.diagnosis.rule import RULES, Rule
from probe.result import Gateway, Licensing, Result, Udp
from tests.diagnosis.results import captured
from tests.golden import results as golden

MADE = (
    golden.windows_nla,
    golden.xrdp,
    golden.tls_aborted,
    golden.xp_like,
    golden.ssh,
    golden.refused,
    golden.silent,
    golden.windows_full,
    golden.ancient_full,
    golden.hostile,
)


def everything(described: Result) -> Result:
    """The same with sections that few results have."""
    described.licensing = [Licensing(over="SSL", answer="error", code="ERR_NO_LICENSE_SERVER")]
    described.udp = Udp(port=3389, state="silent", offered="3.0", sent=3)
    described.gateway = Gateway(host="gw.example", port=443, state="refused")
    return captured(described)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.needs], ids=lambda rule: rule.diagnosis.code)
def test_without_its_section_a_rule_has_nothing_to_say(rule: Rule) -> None:
    assert rule.needs is not None
    for make in MADE:
        described = everything(make())
        without = copy.copy(described)
        setattr(without, rule.needs, [] if isinstance(getattr(described, rule.needs), list) else None)
        assert list(rule.evidence(without)) == []


def test_a_rule_is_asked_where_its_section_is_there() -> None:
    described = everything(golden.windows_nla())
    asked = {rule.diagnosis.code for rule in RULES if rule.needs and list(rule.evidence(described))}
    assert asked <= {found.code for found in diagnose(described)}
    assert {"LICENSING_FAILED", "UDP_UNREACHABLE", "GATEWAY_UNREACHABLE", "NLA_REQUIRED"} <= asked
