"""What rules add up to: outcomes in their order, waivers, overrides, and the verdict."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.clients import CLIENTS
from probe.diagnosis import CATALOGUE
from probe.diagnosis.judged import judge
from probe.language import speaking
from probe.needs import NOTHING, Needs
from probe.result import Client, Diagnosis, Result, Status, Target
from probe.result.verification import (
    RULE_SEVERITIES,
    Blocker,
    ClientChange,
    RuleOutcome,
    RuleSeverity,
    Verification,
    to_json,
    verify_schema,
)
from probe.verify import verdict
from probe.verify.kinds import kind_of
from probe.verify.policy import Override, Policy, Unseen, Waiver
from probe.verify.policy_file import parse_policy, read_policy
from probe.verify.rule import KINDS, Finding, Kind, Rule, any_value
from probe.verify.verdict import needs_of, rules_for, verify
from probe.verify.what_if import Lost
from tests.clients.results import modern, with_nla
from tests.diagnosis.results import result

TODAY = dt.date(2026, 11, 21)
STATES = ("passed", "failed", "unknown")
SRV1 = Target(input="srv1.example", host="srv1.example", port=3389, address="192.0.2.7")


def _kind(state: Any) -> Kind:
    """One whose rules always come to the same."""
    return Kind(
        key=f"x.{state}",
        value=str,
        says="",
        example='"x"',
        check=lambda value, _result: Finding(
            state=state,
            message=f"it {state}",
            observed="that",
            evidence=("seen",),
            diagnosis="NLA_NOT_ENFORCED" if state == "failed" else None,
            change="nla=required",
        ),
        needs=lambda value: Needs(versions=frozenset({value})),
        words=lambda value: f"demands {value}",
        validate=any_value,
    )


@pytest.fixture(autouse=True)
def _kinds() -> Iterator[None]:
    read_policy("strict")  # the types of files are made before these are there
    KINDS.update({f"x.{state}": _kind(state) for state in STATES})
    yield
    for state in STATES:
        del KINDS[f"x.{state}"]


def a_rule(state: str, severity: RuleSeverity = "error", value: str = "v") -> Rule:
    return Rule(key=f"x.{state}", value=value, policy="origin", severity=severity, source="S", why="W")


def a_policy(*rules: Rule, name: str = "p", **more: Any) -> Policy:
    return Policy(name=name, rules=rules, **more)


def a_waiver(
    *rules: str, targets: tuple[str, ...] = (), expires: dt.date = TODAY, reason: str = "is being replaced"
) -> Waiver:
    return Waiver(rules=rules, targets=targets, reason=reason, expires=expires)


def verified(*policies: Policy, of: Result | None = None, fail_on: RuleSeverity = "error") -> Verification:
    return verify(policies, of if of is not None else with_nla(), today=TODAY, fail_on=fail_on)


def states(found: Iterable[RuleOutcome]) -> list[str]:
    return [each.state for each in found]


def test_an_outcome_says_what_was_demanded_seen_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = [ClientChange(client="old", before=True, after=False)]
    monkeypatch.setattr(verdict, "fix", lambda rule, finding, _result: [f"mend {rule.key}: {finding.message}"])
    monkeypatch.setattr(
        verdict,
        "lost_by",
        lambda change, _result: Lost(tuple(lost), ("newer",)) if change == "nla=required" else Lost(),
    )
    [outcome] = verified(a_policy(a_rule("failed", "warning"), name="applied")).rules
    assert outcome == RuleOutcome(
        rule="x.failed",
        policy="applied",
        state="failed",
        severity="warning",
        message="it failed",
        expected="demands v",
        observed="that",
        evidence=["seen"],
        fix=["mend x.failed: it failed"],
        cut_off=lost,
        cut_off_open=["newer"],
        source="S",
        why="W",
        diagnosis="NLA_NOT_ENFORCED",
        page="docs/diagnoses/NLA_NOT_ENFORCED.md",
        waiver=None,
    )


def test_what_passed_needs_no_advice_and_what_is_unknown_a_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        verdict, "next_step", lambda rule, _finding, _result: f"ask for {rule.value}" if rule.value else None
    )
    rules = (a_rule("passed"), a_rule("unknown"), a_rule("unknown", value=""))
    unknown, nothing_known, passed = verified(a_policy(*rules)).rules
    assert (unknown.fix, nothing_known.fix, passed.fix) == (["ask for v"], [], [])
    assert (unknown.cut_off, passed.cut_off) == ([], [])
    assert (passed.diagnosis, passed.page) == (None, None)


@pytest.mark.parametrize(
    ("rules", "fail_on", "expected"),
    [
        ([("passed", "error")], "error", "passed"),
        ([("failed", "error"), ("unknown", "error")], "error", "failed"),
        ([("passed", "error"), ("unknown", "error")], "error", "unknown"),
        ([("failed", "warning"), ("passed", "error")], "error", "passed"),
        ([("failed", "warning"), ("unknown", "error")], "error", "unknown"),
        ([("unknown", "warning")], "error", "passed"),
        ([("failed", "warning")], "warning", "failed"),
        ([("unknown", "warning")], "warning", "unknown"),
        ([("failed", "note")], "warning", "passed"),
        ([("failed", "note")], "note", "failed"),
        ([("failed", "error")], "note", "failed"),
    ],
)
def test_the_verdict_is_that_of_the_severities_that_count(
    rules: list[tuple[str, RuleSeverity]], fail_on: RuleSeverity, expected: str
) -> None:
    policy = a_policy(*(a_rule(*each) for each in rules))
    assert verified(policy, fail_on=fail_on).verdict == expected
    if fail_on == "error":  # as it is where nothing is said
        assert verify([policy], with_nla(), today=TODAY).verdict == expected


@given(st.lists(st.tuples(st.sampled_from(STATES), st.sampled_from(RULE_SEVERITIES), st.booleans()), max_size=8))
def test_outcomes_stand_in_the_order_that_matters(drawn: list[tuple[str, RuleSeverity, bool]]) -> None:
    rules = [a_rule(state, severity, str(number)) for number, (state, severity, _) in enumerate(drawn)]
    half = len(rules) // 2
    found = verified(a_policy(*rules[:half], name="a"), a_policy(*rules[half:], name="b"))
    places = [
        (
            ("failed", "unknown", "waived", "passed").index(each.state),
            RULE_SEVERITIES.index(each.severity) if each.state != "passed" else 0,
            int(each.expected.split()[1]),
        )
        for each in found.rules
    ]
    assert places == sorted(places)
    assert len(places) == len(rules)
    worst = {state for state, severity, _ in drawn if severity == "error"}
    expected = next((each for each in ("failed", "unknown") if each in worst), "passed" if drawn else "unknown")
    assert found.verdict == expected


def test_a_waiver_lets_a_failure_pass_until_its_last_day() -> None:
    policy = a_policy(a_rule("failed"), waivers=(a_waiver("x.*", expires=TODAY),))
    found = verified(policy)
    [outcome] = found.rules
    assert (found.verdict, outcome.state, outcome.message) == ("passed", "waived", "it failed")
    assert outcome.waiver is not None
    assert msgspec.to_builtins(outcome.waiver) == {
        "reason": "is being replaced",
        "expires": "2026-11-21",
        "expired": False,
    }
    later = verify([policy], with_nla(), today=TODAY + dt.timedelta(days=1))
    assert (later.verdict, states(later.rules)) == ("failed", ["failed"])
    assert later.rules[0].waiver is not None
    assert later.rules[0].waiver.expired


@pytest.mark.parametrize(
    ("waiver", "holds"),
    [
        (a_waiver("x.failed"), True),
        (a_waiver("x.passed", "x.f*"), True),
        (a_waiver("x.fail"), False),
        (a_waiver("x.failed", targets=("*.example",)), True),
        (a_waiver("x.failed", targets=("srv2.example", "192.0.2.0/24")), True),
        (a_waiver("x.failed", targets=("srv2.example",)), False),
    ],
)
def test_a_waiver_is_for_its_rules_and_targets(waiver: Waiver, holds: bool) -> None:
    described = with_nla()
    described.target = SRV1
    [outcome] = verified(a_policy(a_rule("failed"), waivers=(waiver,)), of=described).rules
    assert (outcome.state, outcome.waiver is not None) == (("waived", True) if holds else ("failed", False))


def test_of_several_waivers_the_one_that_holds_longest_counts() -> None:
    waivers = tuple(a_waiver("x.*", expires=TODAY + dt.timedelta(days=days), reason=str(days)) for days in (-1, 5, 3))
    [outcome] = verified(a_policy(a_rule("failed"), waivers=waivers)).rules
    assert outcome.waiver is not None
    assert outcome.waiver.reason == "5"


@pytest.mark.parametrize("state", ["passed", "unknown"])
def test_a_waiver_makes_nothing_of_what_did_not_fail(state: str) -> None:
    [outcome] = verified(a_policy(a_rule(state), waivers=(a_waiver("*"),))).rules
    assert (outcome.state, outcome.waiver) == (state, None)


def test_a_waiver_is_for_its_own_policy() -> None:
    found = verified(
        a_policy(a_rule("failed"), name="a", waivers=(a_waiver("*"),)), a_policy(a_rule("failed"), name="b")
    )
    assert [(each.policy, each.state) for each in found.rules] == [("b", "failed"), ("a", "waived")]


def test_an_override_is_for_its_targets_and_the_last_has_the_last_word() -> None:
    policy = a_policy(
        a_rule("passed", value="1"),
        a_rule("failed", value="2"),
        overrides=(
            Override(targets=("*.example",), without=("x.f*",), rules=(a_rule("unknown", value="3"),)),
            Override(
                targets=("srv1.*", "10.0.0.0/8"), rules=(a_rule("passed", value="4"), a_rule("failed", value="5"))
            ),
            Override(targets=("srv2.*",), without=("*",)),
        ),
    )

    def of(host: str) -> list[tuple[str, str]]:
        return [
            (rule.key, rule.value) for rule in rules_for(policy, msgspec.structs.replace(SRV1, host=host, input=host))
        ]

    assert of("srv1.example") == [("x.passed", "4"), ("x.unknown", "3"), ("x.failed", "5")]
    assert of("srv9.example") == [("x.passed", "1"), ("x.unknown", "3")]
    assert of("srv1.test") == [("x.passed", "4"), ("x.failed", "5")]
    assert of("other.test") == [("x.passed", "1"), ("x.failed", "2")]
    assert of("srv2.example") == []


def test_no_rule_at_all_is_no_pass() -> None:
    policy = a_policy(a_rule("passed"), overrides=(Override(targets=("*",), without=("*",)),))
    found = verified(policy)
    assert (found.verdict, found.rules) == ("unknown", [])
    assert found.reason == "no rule of these policies is for this target"
    assert verified(policy, a_policy(a_rule("passed"))).verdict == "passed"
    assert (verified().verdict, verified().reason) == ("passed", None)  # nobody gave a policy


def test_what_all_rules_need_is_asked() -> None:
    policy = a_policy(a_rule("passed", value="TLSv1.2"), overrides=(Override(targets=("x",), without=("*",)),))
    other = a_policy(a_rule("failed", value="TLSv1.3"))
    assert needs_of([policy, other], SRV1) == Needs(versions=frozenset({"TLSv1.2", "TLSv1.3"}))
    assert needs_of([policy, other], msgspec.structs.replace(SRV1, host="x")) == Needs(versions=frozenset({"TLSv1.3"}))
    assert needs_of([], SRV1) == NOTHING


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("not_rdp", "What answers on this port is not Remote Desktop: an unknown service"),
        ("silent", "The connection opens, and the request to speak RDP is never answered"),
        ("closed", "The connection opens, and is closed without an answer to the request to speak RDP"),
        ("refused", "The computer answers, but no program takes connections on this port"),
        ("filtered", "Nothing answers: the connection request is lost on the way there or back"),
        ("unreachable", "The network reports that there is no way to this address"),
        ("dns_error", "The name does not lead to an address"),
    ],
)
def test_a_server_that_was_not_reached_leaves_everything_unknown(status: Status, reason: str) -> None:
    described = result(status, ending="timed_out" if status == "silent" else "closed" if status == "closed" else None)
    judge(described)
    rules = [a_rule(*each) for each in product(STATES, RULE_SEVERITIES)]
    found = verified(a_policy(*rules, waivers=(a_waiver("*"),)), of=described)
    assert (found.verdict, found.status, found.reason) == ("unknown", status, reason)
    assert {(each.state, each.message, each.observed, each.waiver) for each in found.rules} == {
        ("unknown", reason, "nothing", None)
    }
    assert not any(each.fix or each.cut_off or each.diagnosis for each in found.rules)
    assert found.locked_out == []
    for only in RULE_SEVERITIES:
        assert verified(a_policy(a_rule("failed", only)), of=described).verdict == "unknown"
    assert verified(of=described).verdict == "unknown"


def test_a_reason_has_the_words_of_the_system() -> None:
    described = result("refused")
    described.cause = "Connection refused"
    assert verified(of=described).reason == "the connection was refused: Connection refused"
    judge(described)
    expected = "The computer answers, but no program takes connections on this port: Connection refused"
    assert verified(of=described).reason == expected


@pytest.mark.parametrize("status", ["not_rdp", "silent", "closed", "refused", "filtered", "unreachable", "dns_error"])
def test_a_result_that_nobody_diagnosed_has_a_reason_too(status: Status) -> None:
    found = verified(of=result(status))
    assert found.reason
    assert found.verdict == "unknown"


def test_clients_that_cannot_connect_are_named() -> None:
    described = with_nla()
    described.clients = [
        Client(client="new", connects=True),
        Client(client="who knows", connects=None),
        Client(client="old", connects=False, because="no TLS 1.2", user_sees="An error", hint="update it"),
    ]
    assert verified(of=described).locked_out == [
        ClientChange(
            client="old", before=None, after=False, because="no TLS 1.2", user_sees="An error", hint="update it"
        )
    ]


@pytest.mark.parametrize(("connects", "known"), [(False, True), (None, False), (True, False)])
def test_why_nobody_gets_in_is_said_where_that_is_known(connects: bool | None, known: bool) -> None:
    described = with_nla()
    described.clients = [Client(client="old", connects=False), Client(client="new", connects=connects)]
    blocker = CATALOGUE["TLS_HANDSHAKE_ABORTED"]
    described.diagnoses = [
        Diagnosis(code=blocker.code, severity="blocker", summary="Nothing is answered."),
        Diagnosis(code="NLA_UNSUPPORTED", severity="risk", summary="No NLA."),
    ]
    said = Blocker(code=blocker.code, summary="Nothing is answered.", page=blocker.page)
    assert verified(of=described).blockers == ([said] if known else [])
    described.status = "silent"
    assert verified(of=described).blockers == []


def test_a_verification_says_whether_all_was_asked() -> None:
    described = with_nla()
    described.depth, described.asked = "full", None
    assert verified(of=described).is_full
    described.asked = ["tls.versions.TLSv1.2"]
    assert not verified(of=described).is_full
    described.asked = ["full", "udp"]
    assert verified(of=described).is_full


def test_a_verification_says_whom_and_what_it_is_about() -> None:
    described = with_nla()
    described.target = SRV1
    unseen = Unseen(item="i", why="w", source="s")
    found = verified(
        a_policy(a_rule("passed"), name="a", version="1", unseen=(unseen,)),
        a_policy(name="b", file="b.toml"),
        of=described,
    )
    assert msgspec.to_builtins(found.target) == {
        "input": "srv1.example",
        "host": "srv1.example",
        "port": 3389,
        "address": "192.0.2.7",
        "server_name": None,
    }
    assert [(each.name, each.version, each.file) for each in found.policies] == [
        ("a", "1", None),
        ("b", None, "b.toml"),
    ]
    assert [(each.policy, each.item, each.why, each.source) for each in found.not_checkable] == [("a", "i", "w", "s")]
    assert (found.started, found.elapsed_ms, found.connections) == (
        *(described.started, described.elapsed_ms),
        described.connections,
    )
    jsonschema.Draft202012Validator(verify_schema()).validate(msgspec.json.decode(to_json(found)))


def test_a_rule_on_any_fact_is_looked_up_by_its_path() -> None:
    assert kind_of("fact:server.kind") is KINDS["fact"]
    assert kind_of("x.passed") is KINDS["x.passed"]


FILE = """
[protocols]
nla = "required"
forbidden = ["RDP", "SSL"]
[tls]
required_versions = ["TLSv1.2"]
[[fact]]
path = "negotiation.nla"
is = "required"
"""


def test_real_policies_judge_a_stored_result() -> None:
    policy = parse_policy(FILE)
    hardened, open_to_all = with_nla(), modern()
    for described, nla in ((hardened, "required"), (open_to_all, "unsupported")):
        assert described.negotiation is not None
        described.negotiation.nla = nla  # type: ignore[assignment]
        judge(described)
    found = verified(policy, of=hardened)
    assert (found.verdict, set(states(found.rules))) == ("passed", {"passed"})
    found = verified(policy, of=open_to_all)
    assert [(each.rule, each.state) for each in found.rules] == [
        ("protocols.nla", "failed"),
        ("protocols.forbidden", "failed"),
        ("fact:negotiation.nla", "failed"),
        ("tls.required_versions", "passed"),
    ]
    assert found.verdict == "failed"
    assert all(each.expected and each.fix for each in found.rules[:2])


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_built_in_policy_can_be_judged_in_every_language(language: str) -> None:
    from probe.verify import builtin

    for described in (with_nla(), modern(), result("refused")):
        with speaking(language):
            judge(described)
            found = verified(*map(read_policy, builtin.names()), of=described)
        assert found.rules
        if described.status == "refused":
            assert set(states(found.rules)) == {"unknown"}


def test_a_fix_that_cuts_off_who_must_get_in_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [CLIENTS[key].name for key in ("mstsc-win8.1", "mstsc-xp")]
    old, other = (ClientChange(client=name, before=True, after=False) for name in names)
    monkeypatch.setattr(verdict, "fix", lambda _rule, _finding, _result: ["mend it"])
    monkeypatch.setattr(
        verdict, "lost_by", lambda change, _result: Lost((old, other)) if change == "nla=required" else Lost()
    )
    must = Rule(key="clients.must_connect", value=["mstsc-win8*", "mstsc-win11"], policy="ours")
    failed = next(each for each in verified(a_policy(a_rule("failed"), must)).rules if each.rule == "x.failed")
    mending, warning = failed.fix
    assert mending == "mend it"
    assert warning.startswith(
        "But clients.must_connect of this policy demands Windows 8.1 (mstsc), which this cuts off:"
    )
    alone = verified(a_policy(a_rule("failed"))).rules[0]
    assert alone.fix == ["mend it"]


def test_clients_of_which_nobody_knows_are_named() -> None:
    found = verified()
    assert found.locked_out_open == [each.client for each in with_nla().clients if each.connects is None]
    described = with_nla()
    described.clients = [
        Client(client="a", connects=None),
        Client(client="b", connects=True),
        Client(client="c", connects=False),
    ]
    found = verified(of=described)
    assert (found.locked_out_open, [each.client for each in found.locked_out]) == (["a"], ["c"])
