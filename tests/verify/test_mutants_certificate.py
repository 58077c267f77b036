"""Faults in rules on certificates, and in which rules and targets a policy means, that no other test showed."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from probe.clients import CLIENTS
from probe.errors import InputError
from probe.result import SEVERITIES, Client, Result, Target, Verdict, VersionName
from probe.verify import rules_certificate
from probe.verify.diagnoses_seen import SEEN, can_be_worse
from probe.verify.kinds import KINDS
from probe.verify.overriding import is_named, overridden
from probe.verify.policy import Override
from probe.verify.rule import Rule
from probe.verify.rules_certificate_make import SIGNATURES
from probe.verify.seen import TLS_VERSIONS
from probe.verify.targets import check as check_target
from probe.verify.targets import matches
from tests.verify.rules import ACCEPTED, REFUSED, SILENT, chain, check, leaf, rdp, serving, told

NAMES, SAME, CLIENT = "certificate.names", "certificate.same_everywhere", "clients.must_connect"


def target(host: str) -> Target:
    return Target(input=host, host=host, port=3389)


def named(*names: str) -> Result:
    return serving(chain(leaf(names=[*names])))


@pytest.mark.parametrize(
    ("held", "name", "state"),
    [
        ("SRV.EXAMPLEX", "SRV.EXAMPLEX", "passed"),  # only dots are taken from the end
        ("SRV.EXAMPLEX", "SRV.EXAMPLE", "failed"),
        ("SRV.EXAMPLE", "SRV.EXAMPLEX", "failed"),
        ("srv.example.", "srv.example", "passed"),
        ("srv.example", "srv.example.", "passed"),
        ("srv1.corp.example", "x.v1.corp.example", "failed"),  # no wildcard, whatever stands behind its second letter
        ("xycorp.example", "x.corp.example", "failed"),
        ("*.corp.example", "x.corp.example", "passed"),
        ("*.corp.example", "*.corp.example", "passed"),
    ],
)
def test_a_name_is_compared_to_its_last_letter(held: str, name: str, state: str) -> None:
    assert check(NAMES, [name], named(held)).state == state


@pytest.mark.parametrize("name", ["srv1.example", "srv2.example"])
def test_the_names_of_a_certificate_are_told(name: str) -> None:
    assert check(NAMES, [name], named("srv1.example", "b.example")).observed == "srv1.example, b.example"
    assert check(NAMES, [name], serving(chain(leaf(names=[], subject=None)))).observed == "none"


def test_a_certificate_that_was_seen_counts_though_tls_is_refused_now() -> None:
    """A server may be set up anew while it is asked: what it served is no proof that it serves none."""
    described = rdp(RDP=ACCEPTED, SSL=REFUSED, HYBRID=REFUSED)
    described.certificates = [chain(leaf())]
    for wanted in (True, False):
        assert told(SAME, wanted, described) == ("unknown", "TLSv1.0 was not asked for")
    assert told("certificate.key_types", ["RSA"], described) == ("unknown", "TLSv1.0 was not asked for")
    assert told("certificate.key_types", ["EC"], described)[0] == "failed"
    assert told("certificate.forbidden_signatures", ["*sha256*"], described)[0] == "failed"


@pytest.mark.parametrize("old", ["SSLv2", "SSLv3"])
@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (None, "passed"),
        (Verdict(state="unknown", reason="not asked"), "passed"),
        (REFUSED, "passed"),
        (SILENT, "unknown"),
        (Verdict(state="unknown", reason="no more connections"), "unknown"),
        (ACCEPTED, "unknown"),
    ],
)
def test_ssl_counts_where_it_was_asked_for(old: str, verdict: Verdict | None, state: str) -> None:
    described = serving(chain(leaf()))
    assert described.tls is not None
    described.tls.versions |= {} if verdict is None else {old: verdict}
    for key, value in (("certificate.key_types", ["RSA"]), (SAME, True)):
        found = check(key, value, described)
        assert found.state == state
        if state == "unknown":
            assert old in found.message


def test_versions_are_those_of_tls_and_of_ssl() -> None:
    """One that is neither would be waited for by no rule on certificates."""
    assert {name for name in get_args(VersionName) if not name.startswith("SSL")} == set(TLS_VERSIONS)


@pytest.mark.parametrize("key", ["certificate.allowed_signatures", "certificate.forbidden_signatures"])
def test_every_signature_can_be_named(key: str) -> None:
    for name in (
        *("md2WithRSAEncryption", "md4WithRSAEncryption", "md5WithRSAEncryption", "md5WithRSA", "sha1WithRSA"),
        *("sha1WithRSAEncryption", "sha224WithRSAEncryption", "sha256WithRSAEncryption", "sha384WithRSAEncryption"),
        *("sha512WithRSAEncryption", "rsassaPss", "ecdsa-with-SHA1", "ecdsa-with-SHA224", "ecdsa-with-SHA256"),
        *("ecdsa-with-SHA384", "ecdsa-with-SHA512", "dsa-with-sha1", "dsa-with-sha224", "dsa-with-sha256"),
        *("ed25519", "ed448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "GOST R 34.11-94 with GOST R 34.10-2001"),
        "GOST R 34.10-2012 with GOST R 34.11-2012 (256 bit)",
        "GOST R 34.10-2012 with GOST R 34.11-2012 (512 bit)",
    ):
        assert name in SIGNATURES
        KINDS[key].validate([name])
        with pytest.raises(InputError):
            KINDS[key].validate([f"{name}XX"])
    KINDS[key].validate(["1.2.840.113549.1.1.*", "2.16.*"])
    for pattern in ("1.2.840XX", "3.4", "*sha265*"):
        with pytest.raises(InputError):
            KINDS[key].validate(["*sha256*", pattern])


@pytest.mark.parametrize("state", ["passed", "failed"])
def test_the_key_and_the_signature_are_told_either_way(state: str) -> None:
    good = state == "passed"
    described = serving(chain(leaf(key_usage=["keyAgreement"])))
    for key, value, observed in (
        ("certificate.key_types", ["RSA" if good else "EC"], "RSA"),
        ("certificate.min_rsa_bits", 2048 if good else 3072, "RSA 2048"),
        ("certificate.allowed_signatures", ["*sha256*" if good else "*sha384*"], "sha256WithRSAEncryption"),
        ("certificate.forbidden_signatures", ["*sha384*" if good else "*sha256*"], "sha256WithRSAEncryption"),
        ("certificate.key_usage", ["keyAgreement" if good else "cRLSign"], "keyAgreement"),
    ):
        found = check(key, value, described)
        assert (found.state, found.observed) == (state, observed)
    of_another_type = check("certificate.min_ec_bits", 256, described)
    assert (of_another_type.state, of_another_type.observed) == ("passed", "RSA")


def test_what_makes_a_check_that_of_a_key_leaves_it_a_function() -> None:
    """So that one check may be that of several keys."""
    assert rules_certificate.trusted is KINDS["certificate.trusted"].check


def test_a_rule_is_named_by_its_key_whatever_that_holds() -> None:
    """Brackets stand for one of several letters in a pattern, and a key may have them."""
    rule = Rule(key='fact:spent."a[b]"', value=1, policy="p")
    assert is_named(rule.key, [rule.key])
    assert overridden([rule], Override(targets=("*",), without=(rule.key,), rules=())) == ()
    other = dataclasses.replace(rule, key="tls.min_version")
    assert overridden([rule, other], Override(targets=("*",), without=(rule.key,), rules=())) == (other,)


@pytest.mark.parametrize("pattern", ["srv1:655350", "srv1:6553500", "srv1:0000001", "srv1:00000010"])
def test_a_port_with_too_many_digits_is_none(pattern: str) -> None:
    """It would fit no target, and a waiver for it none either."""
    with pytest.raises(InputError):
        check_target(pattern)


def test_a_block_of_one_address_that_maps_an_older_one() -> None:
    assert matches("::ffff:192.0.2.7/128", target("192.0.2.7"))
    assert not matches("::ffff:192.0.2.7/128", target("192.0.2.8"))
    assert matches("::ffff:192.0.2.0/127", target("192.0.2.1"))
    assert not matches("::ffff:192.0.2.0/127", target("192.0.2.2"))


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [("mstsc", 'did you mean "mstsc*"?'), ("MSTSC-XP", 'did you mean "mstsc-xp"?')],
)
def test_a_client_that_was_meant(pattern: str, hint: str) -> None:
    with pytest.raises(InputError) as refused:
        KINDS[CLIENT].validate([pattern])
    assert refused.value.hint == hint


def test_the_first_client_that_cannot_connect_tells_the_remedy() -> None:
    described = rdp()
    described.clients = [
        Client(client=CLIENTS[key].name, connects=False, diagnosis=code)
        for key, code in (("mstsc-xp", "NLA_REQUIRED"), ("mstsc-win7", "TLS_REQUIRED"))
    ]
    assert check(CLIENT, ["mstsc-xp", "mstsc-win7"], described).diagnosis == "NLA_REQUIRED"


@pytest.mark.parametrize("code", [code for code in SEEN if not code.startswith("CERT_")])
def test_most_diagnoses_weigh_by_what_was_seen(code: str) -> None:
    """So how severe they usually are does not say that one that could not be told is no worse."""
    assert [each for each in SEVERITIES if can_be_worse(code, each)] == ["breaks_some", "risk", "info"]


def test_a_version_that_was_not_settled_leaves_the_worst_open() -> None:
    described = serving(chain(leaf()))
    assert described.negotiation is not None
    described.negotiation.protocols |= {"HYBRID": REFUSED, "HYBRID_EX": REFUSED}
    assert check("diagnoses.worst", "risk", described).state == "passed"
    assert described.tls is not None
    described.tls.versions["TLSv1.1"] = SILENT
    for most in ("breaks_some", "risk", "info"):
        assert check("diagnoses.worst", most, described).state == "unknown"
