"""Audits of embedded servers that ask only what is needed: what that costs, and that nothing is untrue."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator

import pytest
import trio

from probe.audit.offers import ALL_GROUPS, all_suites
from probe.audit.settings import Settings
from probe.diagnosis.judged import judge
from probe.diagnosis.strength import weakest, weaknesses_of_group, weaknesses_of_suite
from probe.drive.demo import KINDS, serving
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.needs import NOTHING, Needs, Trial
from probe.result import SEVERITIES, Result, Target
from probe.verify.baseline import compare, needs_of_baseline
from probe.verify.policy_file import read_policy
from probe.verify.verdict import needs_of, verify
from probe.wire.iana import GROUPS
from probe.wire.tls_suites import suite_name
from probe.wire.tls_version import TLS12, TLS13
from tests.drive.peers import PATIENCE_S

MOST = 20
TODAY = dt.date(2026, 11, 21)
VERSIONS = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
PROTOCOLS = ("RDP", "SSL", "HYBRID", "HYBRID_EX", "RDSTLS", "RDSAAD")
WEAK_SUITES = sorted(
    {code for code in all_suites(TLS12) if weakest(weaknesses_of_suite(suite_name(code), "TLSv1.2"))}
    | {code for code in all_suites(TLS13) if weakest(weaknesses_of_suite(suite_name(code), "TLSv1.3"))}
)
WEAK_GROUPS = sorted(code for code in ALL_GROUPS if weakest(weaknesses_of_group(GROUPS[code])))
STRICT = Needs(
    protocols=frozenset({"RDP", "SSL", "HYBRID", "HYBRID_EX"}),
    versions=frozenset(VERSIONS[1:]),
    certificates=True,
    credssp=True,
    direct_tls=True,
    trials=frozenset({Trial("suites", tuple(WEAK_SUITES)), Trial("groups", tuple(WEAK_GROUPS))}),
)


def results(kind: str, *all_settings: Settings) -> list[Result]:
    """The judged results of one embedded server, one for each."""

    async def main() -> Iterator[Result]:
        with trio.fail_after(PATIENCE_S):
            async with serving([kind]) as [server]:
                target = Target(input=server.address, host=server.address, port=server.port, address=server.address)
                found = [await audit(target, each, Limits()) for each in all_settings]
        for result in found:
            judge(result)
        return iter(found)

    return list(trio.run(main))


@pytest.mark.parametrize(
    ("kind", "connections", "suites"),
    [
        ("windows-nla", 18, "accepted"),  # RSA key exchange, of which four suites are enough
        ("xrdp-like", 16, "rejected"),
        ("expired-certificate", 16, "rejected"),
    ],
)
def test_a_strict_policy_costs_no_more_than_twenty_connections(kind: str, connections: int, suites: str) -> None:
    [result] = results(kind, Settings().needing(STRICT))
    assert result.connections == connections <= MOST
    assert result.limited is None
    assert result.tls is not None
    assert {(each.kind, each.version): each.state for each in result.tls.trials} == {
        ("suites", "TLSv1.3"): "rejected",
        ("groups", "TLSv1.3"): "rejected",
        ("suites", "TLSv1.2"): suites,
        ("groups", "TLSv1.2"): "rejected",
    }
    assert ("TLS_WEAK_CIPHER" in [each.code for each in result.diagnoses]) == (suites == "accepted")
    assert {name: each.state for name, each in result.tls.versions.items()} == {
        **dict.fromkeys(("SSLv3", "TLSv1.0", "TLSv1.1"), "rejected"),
        **dict.fromkeys(("TLSv1.2", "TLSv1.3"), "accepted"),
    }
    assert result.tls.intolerance == []


# Rules of the built-in strict policy that fail whatever the certificate says.
WITHOUT_NLA = {"protocols.nla", "protocols.forbidden"}
FAILS = {
    "windows-nla": {"tls.forbidden_suites"},
    "windows-no-nla": {*WITHOUT_NLA, "tls.min_version", "tls.forbidden_suites"},
    "tls10-only": {*WITHOUT_NLA, "tls.min_version", "tls.forbidden_suites", "credssp.min_version"},
    "xp-like": {*WITHOUT_NLA, "tls.min_version", "credssp.min_version"},
    "drops-client-hello": {*WITHOUT_NLA, "tls.min_version", "credssp.min_version"},
    "xrdp-missing-key": {"protocols.nla", "tls.min_version", "credssp.min_version"},
    "expired-certificate": {*WITHOUT_NLA, "credssp.min_version", "diagnoses.forbidden"},
    **{kind: {*WITHOUT_NLA, "credssp.min_version"} for kind in ("xrdp-like", "connection-limit", "no-license-server")},
}


def test_every_embedded_server_of_rdp_is_verified() -> None:
    assert set(KINDS) - set(FAILS) == {"http", "ssh", "silent", "tarpit"}


@pytest.mark.parametrize("kind", FAILS)
def test_the_built_in_strict_policy_settles_every_rule_with_twenty_connections(kind: str) -> None:
    policy = read_policy("strict")
    settings = Settings().needing(needs_of([policy], Target(input="127.0.0.1", host="127.0.0.1", port=3389)))
    [result] = results(kind, settings)
    assert result.connections <= MOST
    assert result.limited is None
    found = verify([policy], result, today=TODAY)
    states = {rule.rule: rule.state for rule in found.rules if rule.severity == "error"}
    assert {rule for rule, state in states.items() if state == "failed"} == FAILS[kind]
    assert "unknown" not in states.values()


@pytest.mark.parametrize("more", [NOTHING, Needs(standard=True)], ids=["policy alone", "as --save has it"])
def test_what_was_saved_of_a_server_with_old_versions_is_known_again(more: Needs) -> None:
    """With nothing changed, the same facts are asked for and found."""
    target = Target(input="127.0.0.1", host="127.0.0.1", port=3389)
    strict = needs_of([read_policy("strict")], target) | more
    [before] = results("windows-no-nla", Settings().needing(strict))
    [after] = results("windows-no-nla", Settings().needing(strict | needs_of_baseline(before)))
    found = compare(before, after, exact=False)
    assert not found.failed
    assert found.undetermined == ()
    assert after.connections <= 30
    assert before.limited is after.limited is None


def needs() -> list[Needs]:
    """Each need alone, and some together."""
    chosen = random.Random(11)
    single = [
        *(Needs(versions=frozenset({name})) for name in VERSIONS),
        *(Needs(protocols=frozenset({name})) for name in PROTOCOLS),
        *(Needs(credssp=True), Needs(encryption=True), Needs(direct_tls=True), Needs(certificates=True)),
        *(Needs(intolerance=True), Needs(trials=STRICT.trials), Needs(standard=True), Needs(), STRICT),
    ]
    several = [
        Needs(
            protocols=frozenset(chosen.sample(PROTOCOLS, chosen.randint(0, 4))),
            versions=frozenset(chosen.sample(VERSIONS, chosen.randint(0, 4))),
            credssp=chosen.random() < 0.3,
            encryption=chosen.random() < 0.3,
            direct_tls=chosen.random() < 0.3,
        )
        for _ in range(10)
    ]
    return single + several


@pytest.mark.parametrize(
    "kind",
    ["windows-nla", "windows-no-nla", "xrdp-like", "xrdp-missing-key", "xp-like", "tls10-only", "drops-client-hello"],
)
def test_nothing_is_claimed_that_an_audit_of_everything_does_not_claim(kind: str) -> None:
    cases = needs()
    *narrow, standard, full = results(
        kind, *(Settings().needing(each) for each in cases), Settings(), Settings(depth="full")
    )
    worst: dict[str, int] = {}
    for diagnosis in (*standard.diagnoses, *full.diagnoses):
        severity = SEVERITIES.index(diagnosis.severity)
        worst[diagnosis.code] = min(severity, worst.get(diagnosis.code, severity))
    known = {each.client: each.connects for each in full.clients}
    for case, result in zip(cases, narrow, strict=True):
        for diagnosis in result.diagnoses:
            assert diagnosis.code in worst, (case, diagnosis)
            assert SEVERITIES.index(diagnosis.severity) >= worst[diagnosis.code], (case, diagnosis)
        for client in result.clients:
            assert client.connects in (None, known[client.client]) or known[client.client] is None, (case, client)
        served = result.tls.versions if result.tls is not None else {}
        asked = case.versions | (set(VERSIONS) if case.standard else set())
        assert all(verdict.state != "rejected" or name in asked for name, verdict in served.items()), (case, served)
        if case.standard:
            assert [each.code for each in result.diagnoses] == [each.code for each in standard.diagnoses]
            assert result.connections == standard.connections
        else:
            assert result.connections <= standard.connections or case.trials
