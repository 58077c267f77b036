from __future__ import annotations

from typing import Literal

import pytest

from probe.diagnosis.catalogue_certificate import RENEWAL_FAILS, SEVERAL_SERVERS, TWO_KEYS, WINDOWS_MADE
from probe.diagnosis.catalogue_certificate_make import AUTHORITY_SIGNS_SO, MADE_BY_HAND, OLD_WINDOWS_SIGNED
from probe.diagnosis.diagnosing import told
from probe.diagnosis.rule import Cause
from probe.result import Certificate, Key, Result, Trust
from tests.diagnosis.results import certificate, codes, served, the


@pytest.mark.parametrize(
    ("since", "until", "code", "days"),
    [
        ("2026-01-01T00:00:00Z", "2026-11-20T01:00:00Z", "CERT_EXPIRED", 1),
        ("2026-01-01T00:00:00Z", "2026-11-21T02:00:00Z", "CERT_EXPIRED", 0),
        ("2026-01-01T00:00:00Z", "2026-11-21T02:00:01Z", "CERT_EXPIRES_SOON", 0),
        ("2026-01-01T00:00:00Z", "2026-12-21T02:00:00Z", "CERT_EXPIRES_SOON", 29),
        ("2026-01-01T00:00:00Z", "2026-12-01T00:00:00", "CERT_EXPIRES_SOON", 9),
        ("2026-11-23T03:00:00Z", "2027-12-01T00:00:00Z", "CERT_NOT_YET_VALID", 2),
    ],
)
def test_times_of_a_certificate(since: str, until: str, code: str, days: int) -> None:
    described = served(certificate(since=since, until=until))
    assert codes(described) == [code]
    date = since if code == "CERT_NOT_YET_VALID" else until
    assert f"{date[:10]} (whole days" in the(code, described).summary
    assert f": {days})." in the(code, described).summary


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2026-11-21T02:00:00Z", "2026-12-21T02:00:01Z"),
        (None, None),
        ("long ago", "some day"),
    ],
)
def test_a_certificate_in_its_time_or_without_one(since: str | None, until: str | None) -> None:
    assert codes(served(certificate(since=since, until=until))) == []


def test_of_several_expired_ones_the_first_is_in_the_summary() -> None:
    described = served(certificate("aa", until="2026-10-01T00:00:00Z"), certificate("bb", until="2026-09-01T00:00:00Z"))
    assert "2026-10-01" in the("CERT_EXPIRED", described).summary
    assert len(the("CERT_EXPIRED", described).evidence) == 2


def test_a_result_whose_start_cannot_be_read_has_no_times() -> None:
    described = served(certificate(since="2027-01-01T00:00:00Z", until="2026-01-01T00:00:00Z"))
    described.started = "yesterday"
    assert codes(described) == []


@pytest.mark.parametrize("self_signed", [True, False, None])
def test_its_own_issuer(*, self_signed: bool | None) -> None:
    assert (codes(served(certificate(self_signed=self_signed))) == ["CERT_SELF_SIGNED"]) is (self_signed is True)


def test_a_certificate_without_a_name_is_told_by_its_hash() -> None:
    described = served(certificate(subject=None, self_signed=True), served_to=())
    assert the("CERT_SELF_SIGNED", described).evidence == ["SHA-256 aa is its own issuer"]


@pytest.mark.parametrize("name_match", [True, None])
def test_only_a_name_that_was_compared_can_differ(*, name_match: bool | None) -> None:
    assert codes(served(certificate(), name_match=name_match)) == []


def test_a_name_that_differs() -> None:
    described = served(certificate(names=("a.example", "b.example")), name_match=False)
    assert the("CERT_NAME_MISMATCH", described).summary.endswith("srv1.example.")
    assert the("CERT_NAME_MISMATCH", described).evidence == [
        "CN=srv1 (served to TLSv1.2) holds these names: a.example, b.example"
    ]
    described.target.server_name = "other.example"
    assert the("CERT_NAME_MISMATCH", described).summary.endswith("other.example.")
    unnamed = served(certificate(), name_match=False)
    assert the("CERT_NAME_MISMATCH", unnamed).evidence[0].endswith("holds these names: none")


def test_a_certificate_that_cannot_be_read_wherever_it_stands() -> None:
    described = served(certificate())
    described.certificates[0].chain.append(certificate("bb", error="bad DER"))
    assert codes(described) == ["CERT_MALFORMED"]
    assert the("CERT_MALFORMED", described).evidence == ["certificate 2 of 2, SHA-256 bb: bad DER"]
    described.certificates[0].chain.clear()
    assert codes(described) == []


def test_certificates_that_differ() -> None:
    several = served(certificate("aa"), certificate("bb"))
    assert codes(several) == ["CERT_VARIES"]
    assert the("CERT_VARIES", several).causes[0] == told(SEVERAL_SERVERS)
    by_key = served(certificate("aa"), certificate("bb", key="EC"), certificate("cc", key=None))
    assert the("CERT_VARIES", by_key).causes[0] == told(TWO_KEYS)
    assert len(the("CERT_VARIES", by_key).evidence) == 3
    assert codes(served(certificate("aa"), certificate("aa"))) == []


def test_what_windows_made_by_itself_is_the_likeliest_cause() -> None:
    described = served(certificate(self_signed=True))
    assert the("CERT_SELF_SIGNED", described).evidence == ["CN=srv1 (served to TLSv1.2) is its own issuer"]
    described.certificates[0].windows_generated = True
    found = the("CERT_SELF_SIGNED", described)
    assert found.causes[0] == told(WINDOWS_MADE)
    assert found.evidence[0].endswith("is its own issuer, as Windows makes it by itself")


def judged(trust: Trust, *, self_signed: bool | None = False) -> Result:
    described = served(certificate(self_signed=self_signed))
    described.certificates[0].trust = trust
    return described


@pytest.mark.parametrize(
    ("verdict", "code"), [("untrusted", "CERT_UNTRUSTED"), ("chain_incomplete", "CERT_CHAIN_INCOMPLETE")]
)
def test_a_chain_that_leads_nowhere(verdict: Literal["untrusted", "chain_incomplete"], code: str) -> None:
    described = judged(Trust(verdict=verdict, store="system", file="/etc/roots.pem", reason="CN=Root"))
    assert codes(described) == [code]
    found = the(code, described)
    assert "this computer trusts" in found.summary
    assert found.evidence == ["CN=srv1 (served to TLSv1.2): CN=Root (judged by /etc/roots.pem)"]
    chosen = the(code, judged(Trust(verdict=verdict, store="corp.pem")))
    assert "corp.pem trusts" in chosen.summary
    assert chosen.evidence == ["CN=srv1 (served to TLSv1.2) (judged by corp.pem)"]
    assert codes(judged(Trust(verdict=verdict, store="system"), self_signed=True)) == ["CERT_SELF_SIGNED"]


@pytest.mark.parametrize("verdict", ["trusted", "unknown", "self_signed"])
def test_other_verdicts_on_a_chain_are_no_fault(verdict: Literal["trusted", "unknown", "self_signed"]) -> None:
    assert codes(judged(Trust(verdict=verdict, store="system"))) == []


def test_a_self_signed_certificate_that_the_user_trusts_is_no_fault() -> None:
    assert codes(judged(Trust(verdict="trusted", store="corp.pem"), self_signed=True)) == []


def with_key(kind: str, bits: int | None) -> Result:
    described = served(certificate())
    described.certificates[0].chain[0].key = Key(type=kind, bits=bits)
    return described


@pytest.mark.parametrize(
    ("kind", "bits", "severity"),
    [
        ("RSA", 2047, "risk"),
        ("RSA", 1024, "risk"),
        ("RSA", 1023, "breaks_some"),
        ("EC", 192, "risk"),
        ("DSA", 2048, "breaks_some"),
        ("DSA", None, "breaks_some"),
    ],
)
def test_keys_that_are_too_weak(kind: str, bits: int | None, severity: str) -> None:
    found = the("CERT_WEAK_KEY", with_key(kind, bits))
    assert found.severity == severity
    said = f"{kind}, {bits} bits" if bits else kind
    assert found.summary.endswith(f": {said}.")
    assert found.evidence == [f"certificate 1 of 1, CN=srv1 has a key of {said}"]


@pytest.mark.parametrize(("kind", "bits"), [("RSA", 2048), ("RSA", None), ("EC", 224), ("Ed25519", None), ("SM2", 1)])
def test_keys_that_will_do(kind: str, bits: int | None) -> None:
    assert codes(with_key(kind, bits)) == []


def test_a_weak_key_of_an_issuer_counts_once() -> None:
    described = served(certificate("aa"), certificate("aa"))
    for chain in described.certificates:
        issuer = certificate("bb", subject=None)
        issuer.key = Key(type="RSA", bits=512)
        chain.chain.append(issuer)
    found = the("CERT_WEAK_KEY", described)
    assert found.severity == "risk"
    assert found.evidence == ["certificate 2 of 2, SHA-256 bb has a key of RSA, 512 bits"]


def signed_with(algorithm: str | None) -> Certificate:
    found = certificate()
    found.signature_algorithm = algorithm
    found.issuer = "CN=CA"
    return found


@pytest.mark.parametrize(
    ("algorithm", "digest", "severity"),
    [
        ("sha1WithRSAEncryption", "SHA-1", "risk"),
        ("ecdsa-with-SHA1", "SHA-1", "risk"),
        ("dsa-with-sha-1", "SHA-1", "risk"),
        ("md5WithRSAEncryption", "MD5", "breaks_some"),
        ("md2WithRSAEncryption", "MD2", "breaks_some"),
    ],
)
def test_signatures_of_old(algorithm: str, digest: str, severity: str) -> None:
    found = the("CERT_WEAK_SIGNATURE", served(signed_with(algorithm)))
    assert found.severity == severity
    assert f"signed with {digest}," in found.summary
    assert found.evidence == [f"certificate 1 of 1, CN=srv1 is signed with {algorithm}"]
    assert found.summary.endswith("which no longer protects it from forgery.")
    assert found.causes == [told(AUTHORITY_SIGNS_SO)]
    assert "authority" in found.remedies[0]


@pytest.mark.parametrize(("by_windows", "likeliest"), [(True, OLD_WINDOWS_SIGNED), (False, MADE_BY_HAND)])
def test_a_self_signed_certificate_has_no_authority_to_blame(*, by_windows: bool, likeliest: Cause) -> None:
    leaf = signed_with("sha1WithRSAEncryption")
    leaf.self_signed = True
    described = served(leaf)
    described.certificates[0].windows_generated = by_windows
    found = the("CERT_WEAK_SIGNATURE", described)
    assert found.causes[0] == told(likeliest)
    assert told(AUTHORITY_SIGNS_SO) not in found.causes
    assert "its own issuer" in found.summary
    assert not any("CNGHashAlgorithm" in remedy for remedy in found.remedies)


def test_a_self_signed_certificate_beside_an_issued_one() -> None:
    own, issued = signed_with("sha1WithRSAEncryption"), signed_with("md5WithRSAEncryption")
    own.self_signed, issued.sha256 = True, "bb"
    found = the("CERT_WEAK_SIGNATURE", served(own, issued))
    assert {told(AUTHORITY_SIGNS_SO), told(MADE_BY_HAND)} <= set(found.causes)


def test_an_expired_one_that_windows_made_points_to_its_keys() -> None:
    described = served(certificate(until="2026-10-01T00:00:00Z", self_signed=True))
    assert the("CERT_EXPIRED", described).causes[0] != told(RENEWAL_FAILS)
    described.certificates[0].windows_generated = True
    found = the("CERT_EXPIRED", described)
    assert found.causes[0] == told(RENEWAL_FAILS)
    assert "MachineKeys" in found.remedies[0]


@pytest.mark.parametrize("algorithm", ["sha256WithRSAEncryption", "ecdsa-with-SHA512", "sha128", "ed25519", None])
def test_signatures_of_today(algorithm: str | None) -> None:
    assert codes(served(signed_with(algorithm))) == []


def test_the_signature_of_a_root_above_the_leaf_is_not_relied_on() -> None:
    described = served(signed_with("sha256WithRSAEncryption"))
    root = signed_with("sha1WithRSAEncryption")
    root.sha256, root.subject, root.self_signed = "bb", "CN=CA", True
    described.certificates[0].chain.append(root)
    assert codes(described) == []
    root.subject = "CN=Between"
    assert codes(described) == ["CERT_WEAK_SIGNATURE"]
    leaf = signed_with("sha1WithRSAEncryption")
    leaf.subject, leaf.self_signed = "CN=CA", True
    assert "CERT_WEAK_SIGNATURE" in codes(served(leaf))


def used_for(extended: list[str] | None = None, usages: list[str] | None = None, kind: str | None = "RSA") -> Result:
    described = served(certificate(key=kind))
    leaf = described.certificates[0].chain[0]
    leaf.extended_key_usage, leaf.key_usage = extended, usages
    return described


@pytest.mark.parametrize(
    ("described", "usages"),
    [
        (used_for(["clientAuth", "codeSigning"]), "clientAuth, codeSigning"),
        (used_for([]), "none"),
        (used_for(usages=["keyCertSign", "cRLSign"]), "keyCertSign, cRLSign"),
        (used_for(usages=[]), "none"),
        (used_for(usages=["keyEncipherment"], kind="EC"), "keyEncipherment"),
        (used_for(["codeSigning"], ["cRLSign"]), "codeSigning"),
    ],
)
def test_usages_that_exclude_a_server(described: Result, usages: str) -> None:
    assert codes(described) == ["CERT_USAGE_UNSUITABLE"]
    assert the("CERT_USAGE_UNSUITABLE", described).summary.endswith(f"its usages are {usages}.")


@pytest.mark.parametrize(
    "described",
    [
        used_for(),
        used_for(["clientAuth", "serverAuth"], ["digitalSignature"]),
        used_for(["remoteDesktopAuthentication"]),
        used_for(["anyExtendedKeyUsage"]),
        used_for(usages=["keyEncipherment", "dataEncipherment"]),  # as Windows makes it
        used_for(usages=["digitalSignature"], kind="EC"),
        used_for(usages=["keyEncipherment"], kind=None),
    ],
)
def test_usages_that_allow_a_server(described: Result) -> None:
    assert codes(described) == []
