"""A cause is excluded by the fact that proves it and by nothing less, found by its diagnosis, and else open."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from probe.diagnosis import diagnose
from probe.explain.answering import rows
from probe.explain.explanation import Suspect
from probe.explain.target import SETTLED, weigh, weigh_all
from probe.explain.weight import Weight
from probe.result import CertificateChain, Diagnosis, Result, Trust
from tests.diagnosis.results import ACCEPTED, negotiated, result
from tests.explain.proofs import BROKEN, NEEDS_NLA, PROOFS, leaf, licensed, served

_NEVER = {"NEGOTIATION_ALTERED", "NTLM_REFUSED", "CLOCK_SKEW", "LICENSING_FAILED", "CONNECTION_LIMIT"}


def _weight(code: str, *results: Result) -> Weight:
    for described in results:
        described.diagnoses = diagnose(described)
    suspect = Suspect("It may be this.", "That shows it.", code)
    return weigh_all(suspect, results) if len(results) > 1 else weigh(suspect, results[0])


def test_every_cause_that_can_be_excluded_is_in_the_table() -> None:
    assert set(SETTLED) | {"NEGOTIATION_ALTERED"} == {proof.code for proof in PROOFS}
    assert {proof.code for proof in PROOFS if not proof.excluded} == _NEVER
    assert all(proof.open for proof in PROOFS)


@pytest.mark.parametrize(
    ("code", "build"),
    [
        pytest.param(proof.code, each, id=f"{proof.code}-{at}")
        for proof in PROOFS
        for at, each in enumerate(proof.excluded)
    ],
)
def test_the_fact_excludes_it(code: str, build: Callable[[], Result]) -> None:
    weight = _weight(code, build())
    assert weight.outcome == "excluded"
    assert weight.evidence
    assert not any("None" in words for words in weight.evidence)


@pytest.mark.parametrize(
    ("code", "build"),
    [pytest.param(proof.code, each, id=f"{proof.code}-{at}") for proof in PROOFS for at, each in enumerate(proof.open)],
)
def test_without_the_fact_it_is_open(code: str, build: Callable[[], Result]) -> None:
    weight = _weight(code, build())
    assert weight.outcome == "open"
    assert not any("None" in words for words in weight.evidence)


@pytest.mark.parametrize("code", [proof.code for proof in PROOFS])
def test_nothing_that_was_asked_of_no_server_excludes(code: str) -> None:
    asked = result("filtered", address="192.0.2.7", host="192.0.2.7")
    asked.diagnoses = []
    assert weigh(Suspect("", "", code), asked).outcome == "open"


@pytest.mark.parametrize("code", [proof.code for proof in PROOFS if proof.excluded and proof.code != "DNS_FAILED"])
@pytest.mark.parametrize("several", ["LOAD_BALANCED", "INTERMITTENT", "REDIRECTED"])
def test_where_the_next_connection_may_be_answered_differently_it_is_open(code: str, several: str) -> None:
    [proof] = [each for each in PROOFS if each.code == code]
    described = proof.excluded[0]()
    described.diagnoses = [Diagnosis(code=several, severity="info", summary="")]
    weight = weigh(Suspect("", "", code), described)
    assert weight.outcome == "open"
    assert several in weight.evidence[0]


def test_what_a_diagnosis_says_is_found_with_its_evidence() -> None:
    weight = _weight("NLA_REQUIRED", negotiated(RDP=NEEDS_NLA, SSL=NEEDS_NLA, HYBRID=ACCEPTED))
    assert weight.outcome == "found"
    assert "RDP: rejected (HYBRID_REQUIRED_BY_SERVER)" in weight.evidence


def test_of_several_addresses_all_have_to_exclude_and_one_finds() -> None:
    def good() -> Result:
        return served([leaf()])

    assert _weight("CERT_EXPIRED", good(), good()).outcome == "excluded"
    assert _weight("CERT_EXPIRED", good(), served([BROKEN])).outcome == "open"
    assert _weight("CERT_EXPIRED", good(), served([leaf(not_after="2026-01-02T00:00:00Z")])).outcome == "found"
    assert weigh_all(Suspect("", "", "CERT_EXPIRED"), []).outcome == "open"


def test_a_license_request_is_told_and_no_proof_of_a_license_server() -> None:
    weight = _weight("LICENSING_FAILED", licensed("license_request"))
    assert weight.outcome == "open"
    assert "does not prove" in weight.evidence[0]
    other = _weight("LICENSING_FAILED", licensed("valid_client", "demand_active"), licensed("license_request"))
    assert len(other.evidence) == 2


def test_each_certificate_is_quoted() -> None:
    weight = _weight("CERT_EXPIRED", served([leaf()], [leaf("dd", not_after="2028-06-01T00:00:00Z")]))
    assert weight.evidence == (
        "CN=srv1: valid until 2027-06-01T00:00:00Z",
        "CN=srv1: valid until 2028-06-01T00:00:00Z",
    )


def test_one_chain_that_was_not_judged_leaves_trust_open() -> None:
    described = served([leaf()])
    described.certificates.append(CertificateChain(chain=[leaf("dd")], trust=Trust(verdict="unknown", store="none")))
    assert _weight("CERT_UNTRUSTED", described).outcome == "open"
    assert _weight("CERT_CHAIN_INCOMPLETE", described).outcome == "open"


def test_known_clients_that_fail_so_are_named() -> None:
    [proof] = [each for each in PROOFS if each.code == "TLS_NO_COMMON_VERSION"]
    weight = _weight("TLS_NO_COMMON_VERSION", proof.open[-1]())
    assert "Windows XP" in weight.evidence[0]


def test_every_diagnosis_behind_a_message_is_found_open_or_has_its_proof() -> None:
    named = {code for row in rows() for code in row.diagnoses}
    assert set(SETTLED) <= named
