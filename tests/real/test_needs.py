"""What a strict policy needs is asked of real servers with few connections, and what is said of them is true."""

from __future__ import annotations

import datetime as dt
import functools

import pytest
import trio

from probe.audit.settings import Settings
from probe.diagnosis.judged import judge
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.needs import Needs, Trial
from probe.result import Result, Target
from probe.verify.policy_file import read_policy
from probe.verify.verdict import needs_of, verify
from probe.wire.iana import GROUPS as GROUP_NAMES
from probe.wire.tls_suites import suite_name
from tests.drive.test_needs import MOST, STRICT
from tests.real.conftest import Certificates
from tests.real.servers import SOURCE_ADDRESS, FreeRdpShadow, Server, Xrdp
from tests.real.xrdp import OPENSSL_CONF_LEVEL_0, SECURITY_LEVEL_0, TLS_1_0_TO_1_3

CBC_SHA = Trial("suites", (0xC013, 0xC014, 0x002F, 0x0035, 0x0002, 0x0005))
GROUPS = Trial("groups", (0x0013, 0x0018, 0x0019))


def needing(server: Server, needs: Needs) -> Result:
    target = Target(input=server.target, host=server.address, address=server.address, port=server.port)
    limits = Limits(source_address=SOURCE_ADDRESS)
    return trio.run(functools.partial(audit, target, Settings().needing(needs), limits))


def tried(result: Result) -> dict[tuple[str, str], tuple[str, list[str]]]:
    assert result.tls is not None
    return {(each.version, each.kind): (each.state, [one.name for one in each.selected]) for each in result.tls.trials}


def everything(server: Server) -> dict[tuple[str, str], set[str]]:
    """What depth full finds: the names of suites and groups by version."""
    target = Target(input=server.target, host=server.address, address=server.address, port=server.port)
    limits = Limits(source_address=SOURCE_ADDRESS)
    result = trio.run(functools.partial(audit, target, Settings(depth="full", max_connections=200), limits))
    assert result.tls is not None
    found = {(name, "suites"): {each.name for each in suites} for name, suites in result.tls.cipher_suites.items()}
    for group in result.tls.groups:
        for version in group.versions:
            found.setdefault((version, "groups"), set()).add(group.name)
    return found


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
@pytest.mark.parametrize("layer", ["negotiate", "tls"])
def test_a_strict_policy_on_xrdp(layer: str, kind: str, made: Certificates) -> None:
    with Xrdp(security_layer=layer, certificate=getattr(made, kind)) as server:
        result = needing(server, STRICT)
    assert result.connections <= MOST
    assert result.limited is None
    found = tried(result)
    assert {place: state for place, (state, _) in found.items()} == {
        ("TLSv1.3", "suites"): "rejected",
        ("TLSv1.3", "groups"): "rejected",
        ("TLSv1.2", "suites"): "rejected" if kind == "ecdsa" else "accepted",
        ("TLSv1.2", "groups"): "rejected",
    }
    assert len(found["TLSv1.2", "suites"][1]) == (0 if kind == "ecdsa" else 4)  # RSA key exchange
    assert result.certificates[0].served_to == ["TLSv1.2", "TLSv1.3"]
    assert result.negotiation is not None
    assert result.negotiation.protocols["RDP"].state == ("accepted" if layer == "negotiate" else "rejected")


STRICT_POLICY = needs_of([read_policy("strict")], Target(input="srv1", host="srv1", port=3389))
ALL_VERSIONS = {"ssl_protocols": TLS_1_0_TO_1_3, "tls_ciphers": SECURITY_LEVEL_0}
CASES = {
    "all versions": {"security_layer": "negotiate", **ALL_VERSIONS},
    "all versions, TLS alone": {"security_layer": "tls", **ALL_VERSIONS},
    "every suite": {
        "security_layer": "negotiate", "ssl_protocols": TLS_1_0_TO_1_3, "openssl_conf": OPENSSL_CONF_LEVEL_0
    },
    "every suite by its own setting": {
        "security_layer": "negotiate", "ssl_protocols": TLS_1_0_TO_1_3, "tls_ciphers": "ALL:COMPLEMENTOFALL:@SECLEVEL=0"
    },
    "TLS 1.2 and newer": {"security_layer": "tls", "ssl_protocols": "TLSv1.2, TLSv1.3"},
    "as installed": {"security_layer": "negotiate"},
}  # fmt: skip


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
@pytest.mark.parametrize("case", CASES)
def test_the_built_in_strict_policy_takes_twenty_connections_at_most(case: str, kind: str, made: Certificates) -> None:
    with Xrdp(certificate=getattr(made, kind), **CASES[case]) as server:  # type: ignore[arg-type]
        result = needing(server, STRICT_POLICY)
    judge(result)
    found = verify([read_policy("strict")], result, today=dt.datetime.now(tz=dt.UTC).date())
    assert result.connections <= MOST
    # With a group of its own in each of three old versions the oldest has to stand back, which has failed anyway.
    open_ = {rule.rule for rule in found.rules if rule.state == "unknown" and rule.severity == "error"}
    assert open_ <= ({"tls.min_dh_bits"} if result.limited else set())
    assert result.limited is None or case not in {"TLS 1.2 and newer", "as installed"}
    failed = {rule.rule for rule in found.rules if rule.state == "failed"}
    weak = kind == "rsa" or case == "every suite by its own setting"
    assert ("tls.forbidden_suites" in failed) == weak
    assert ("tls.min_version" in failed) == (case not in {"TLS 1.2 and newer", "as installed"})


def test_a_strict_policy_on_freerdp_with_nla(display: str) -> None:
    with FreeRdpShadow("/sec:nla", display=display) as server:
        result = needing(server, STRICT)
    assert result.connections <= MOST
    assert result.limited is None
    assert result.negotiation is not None
    assert result.negotiation.nla == "required"
    assert result.credssp is not None
    assert result.credssp.ntlm is not None
    assert {place: state for place, (state, _) in tried(result).items()}["TLSv1.3", "suites"] == "rejected"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"ssl_protocols": TLS_1_0_TO_1_3, "tls_ciphers": SECURITY_LEVEL_0},
        {"ssl_protocols": TLS_1_0_TO_1_3, "openssl_conf": OPENSSL_CONF_LEVEL_0 + "Groups = P-384:P-192\n"},
    ],
    ids=["as installed", "level 0", "odd groups"],
)
def test_what_is_selected_is_what_depth_full_finds(settings: dict[str, str], made: Certificates) -> None:
    versions = frozenset({"TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"})
    with Xrdp(security_layer="tls", certificate=made.rsa, **settings) as server:  # type: ignore[arg-type]
        result = needing(server, Needs(versions=versions, trials=frozenset({CBC_SHA, GROUPS})))
        full = everything(server)
    assert result.limited is None
    assert result.tls is not None
    assert {each.version for each in result.tls.trials} == {version for version, kind in full if kind == "suites"}
    for trial in result.tls.trials:
        # Of groups, depth full asks in TLS 1.3 and in the newest version before it; an older one has the same.
        version = max(trial.version, "TLSv1.2") if trial.kind == "groups" else trial.version
        accepted = full[version, trial.kind]
        names = {each.name for each in trial.selected}
        assert names <= accepted
        assert trial.state in ("accepted", "rejected")
        if trial.state == "rejected":
            codes = {"suites": CBC_SHA, "groups": GROUPS}[trial.kind].codes
            assert len(names) < len(codes)
            assert names == accepted & {_name(trial.kind, code) for code in codes}


def _name(kind: str, code: int) -> str:
    return suite_name(code) if kind == "suites" else GROUP_NAMES[code]
