"""What --what-if says comes true when the setting is really made: xrdp's and FreeRDP's own settings, audited before
and after.

What is known before and after must agree for every client. Where the first audit cannot tell, the note or the answer
"not known" is right; a claim that does not come true never is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
import trio

from probe.audit.settings import Settings
from probe.clients import CLIENTS
from probe.diagnosis.judged import judge
from probe.diagnosis.simulated import measured
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.result import Depth, Result, Target
from probe.result.verification import ClientChange
from probe.verify.fix import fix
from probe.verify.kinds import KINDS
from probe.verify.rule import Rule
from probe.verify.what_if import altered, cut_off, lost_by, parse, what_if
from tests.real.servers import SOURCE_ADDRESS, FreeRdpShadow, Server, Xrdp
from tests.real.xrdp import ONLY_TLS_1_2, ONLY_TLS_1_3, SECURITY_LEVEL_0, TLS_1_0_TO_1_3


def audited(server: Server, depth: Depth, settings: Settings | None = None) -> Result:
    target = Target(input=server.target, host=server.address, address=server.address, port=server.port)
    limits = Limits(source_address=SOURCE_ADDRESS)
    result = trio.run(functools.partial(audit, target, settings or Settings(depth=depth), limits))
    judge(result)
    return result


def connects(result: Result) -> dict[str, bool | None]:
    return {client.client: client.connects for client in result.clients}


def agree(change: str, before: Result, after: Result) -> Mapping[str, ClientChange]:
    """Nothing that is claimed differs from what then was so; the clients by name."""
    said = {client.client: client for client in what_if(change, before).clients}
    now, then = connects(before), connects(after)
    for name, client in said.items():
        assert client.before == now[name]
        if client.after is not None and then[name] is not None:
            assert client.after == then[name], f"{name}: {client.because}"
    wrong = {each.client for each in cut_off(change, before)} - {name for name in then if then[name] is False}
    assert wrong == set()
    return said


OLD = Xrdp(security_layer="negotiate", ssl_protocols=TLS_1_0_TO_1_3, tls_ciphers=SECURITY_LEVEL_0)
# The change as --what-if takes it, and the settings of xrdp that are that change.
OF_XRDP = {
    "tls.min=1.2,standard_rdp=off": Xrdp(security_layer="tls", tls_ciphers=SECURITY_LEVEL_0),
    "tls.min=1.2": Xrdp(security_layer="negotiate", tls_ciphers=SECURITY_LEVEL_0),
    "tls.min=1.3": Xrdp(security_layer="negotiate", ssl_protocols=ONLY_TLS_1_3, tls_ciphers=SECURITY_LEVEL_0),
    "tls.versions=1.2": Xrdp(security_layer="negotiate", ssl_protocols=ONLY_TLS_1_2, tls_ciphers=SECURITY_LEVEL_0),
    "standard_rdp=off": Xrdp(security_layer="tls", ssl_protocols=TLS_1_0_TO_1_3, tls_ciphers=SECURITY_LEVEL_0),
    "standard_rdp.level=fips": Xrdp(
        security_layer="negotiate", crypt_level="fips", ssl_protocols=TLS_1_0_TO_1_3, tls_ciphers=SECURITY_LEVEL_0
    ),
    "suites.off=class:cbc+class:no_forward_secrecy": Xrdp(
        security_layer="negotiate", ssl_protocols=TLS_1_0_TO_1_3, tls_ciphers="ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM"
    ),
}


@pytest.fixture(scope="module", params=["standard", "full"])
def before(request: pytest.FixtureRequest) -> Result:
    """xrdp as nobody should have it, at both depths."""
    with OLD as server:
        return audited(server, request.param)


@pytest.mark.parametrize("change", OF_XRDP)
def test_what_is_said_of_xrdp_comes_true(change: str, before: Result) -> None:
    with OF_XRDP[change] as server:
        after = audited(server, before.depth)
    said = agree(change, before, after)
    known = {name: client.after for name, client in said.items() if client.after is not None}
    assert known == {name: state for name, state in connects(after).items() if name in known}


def test_tls_1_2_and_no_standard_rdp_cut_off_exactly_those_that_are_cut_off(before: Result) -> None:
    change = "tls.min=1.2,standard_rdp=off"
    with OF_XRDP[change] as server:
        after = audited(server, before.depth)
    now, then = connects(before), connects(after)
    lost = {name for name in now if now[name] and then[name] is False}
    assert lost
    assert {each.client for each in cut_off(change, before)} == lost
    assert {each.client: each.after for each in what_if(change, before).clients} == then


# Their suites are none of ECDHE+AESGCM:ECDHE+CHACHA20 with an RSA certificate.
_OF_TLS_1_2 = ("mstsc-win7-tls12", "mstsc-win8.1", "mstsc-2012r2")


@pytest.mark.parametrize("depth", ["standard", "full"])
def test_what_is_said_to_mend_weak_suites_leaves_clients_theirs(depth: Depth) -> None:
    weak = Rule(key="tls.forbidden_suites", value=["class:weak"], policy="ours")
    needed = Settings(depth=depth).needing(KINDS[weak.key].needs(weak.value))
    with OLD as server:
        before = audited(server, depth, needed)
    finding = KINDS[weak.key].check(weak.value, before)
    assert finding.state == "failed"
    ciphers = re.search(r"tls_ciphers=(\S+) in xrdp.ini", " ".join(fix(weak, finding, before)))
    assert ciphers is not None
    lost = lost_by(finding.change, before)
    assert lost.cut_off == ()
    with replace(OLD, tls_ciphers=ciphers[1]) as server:
        asked = audited(server, depth, Settings(simulate=_OF_TLS_1_2))
        after = audited(server, "full")
    assert KINDS[weak.key].check(weak.value, after).state == "passed"
    assert {each.client: each.connects for each in measured(asked)} == {CLIENTS[key].name: True for key in _OF_TLS_1_2}
    then = connects(after)
    assert [name for name, state in connects(before).items() if state and not then[name]] == []


def test_the_altered_facts_are_those_of_the_real_server(before: Result) -> None:
    change = "tls.min=1.2,standard_rdp=off"
    with OF_XRDP[change] as server:
        after = audited(server, before.depth)
    as_said, notes = altered(before, parse(change))
    assert notes == []
    assert as_said.negotiation is not None
    assert after.negotiation is not None
    assert {name: verdict.state for name, verdict in as_said.negotiation.protocols.items() if name != "RDSAAD"} == {
        name: verdict.state for name, verdict in after.negotiation.protocols.items() if name != "RDSAAD"
    }
    assert as_said.negotiation.protocols["HYBRID"] == after.negotiation.protocols["HYBRID"]
    assert as_said.negotiation.nla == after.negotiation.nla
    assert as_said.tls is not None
    assert after.tls is not None
    for name, verdict in after.tls.versions.items():
        assert as_said.tls.versions[name].state == verdict.state
    assert as_said.tls.answered == after.tls.answered
    said, seen = (
        {version: {suite.code: suite.dh_bits for suite in suites} for version, suites in each.tls.cipher_suites.items()}
        for each in (as_said, after)
        if each.tls is not None
    )
    assert said == seen  # in which order is another matter: it is the client's
    # With every old version there were too few connections for every group of the last.
    assert {each.code for each in as_said.tls.groups} <= {each.code for each in after.tls.groups}
    assert as_said.standard_rdp is None
    assert after.standard_rdp is None


# A change, FreeRDP's options before it, and the options that are it. /sec:nla, and nothing else, is NLA alone.
OF_FREERDP = {
    "nla=required": (("+sec-nla", "-auth"), ("/sec:nla",)),
    "nla=off": (("+sec-nla", "-auth"), ("-auth",)),
    "standard_rdp=off": (("-auth",), ("/sec:tls", "-auth")),
}


@pytest.mark.parametrize("change", OF_FREERDP)
def test_what_is_said_of_freerdp_comes_true(change: str, display: str) -> None:
    options, others = OF_FREERDP[change]
    with FreeRdpShadow(*options, display=display) as server:
        before = audited(server, "standard")
    with FreeRdpShadow(*others, display=display) as server:
        after = audited(server, "standard")
    agree(change, before, after)
    as_said, notes = altered(before, parse(change))
    assert notes == []
    assert as_said.negotiation is not None
    assert after.negotiation is not None
    assert before.negotiation is not None
    assert before.negotiation.protocols != after.negotiation.protocols
    assert as_said.negotiation.protocols == after.negotiation.protocols
    assert as_said.negotiation.nla == after.negotiation.nla
    assert connects(as_said) == connects(after)


# What is turned on, or cannot be known, is said with notes, and claims nothing that does not come true.
GUESSES = {
    "nla=required": (("-auth",), ("/sec:nla",)),
    "nla=offered": (("/sec:nla",), ("+sec-nla", "-auth")),
    "nla=off": (("/sec:nla",), ("-auth",)),
    "standard_rdp=on": (("/sec:tls", "-auth"), ("-auth",)),
}


@pytest.mark.parametrize("change", GUESSES)
def test_what_is_guessed_of_freerdp_is_said_to_be_and_claims_nothing_wrong(change: str, display: str) -> None:
    options, others = GUESSES[change]
    with FreeRdpShadow(*options, display=display) as server:
        before = audited(server, "standard")
    with FreeRdpShadow(*others, display=display) as server:
        after = audited(server, "standard")
    assert what_if(change, before).notes
    agree(change, before, after)


def test_nla_cannot_be_had_of_xrdp(before: Result) -> None:
    said = what_if("nla=required", before)
    assert any("xrdp has no NLA" in note for note in said.notes)
    assert all(client.after is not True for client in said.clients)
