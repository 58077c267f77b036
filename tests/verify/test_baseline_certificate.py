from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from probe.result import Certificate, CertificateChain, Key, Result, StandardCertificate, Trust, from_json, to_json
from probe.result.verification import Change
from probe.verify.baseline import changes, undetermined
from tests.golden import results as golden

BEGAN = "2026-11-21T10:00:00.000Z"  # when the golden results did


def leaf(sha: str = "aa", **fields: Any) -> Certificate:
    usual: dict[str, Any] = {
        "sha256": sha * 32,
        "spki_sha256": sha * 32,
        "subject": "CN=srv1.example",
        "issuer": "CN=srv1.example",
        "not_before": "2026-06-01T00:00:00Z",
        "not_after": "2026-12-01T00:00:00Z",
        "key": Key(type="RSA", bits=2048),
        "signature_algorithm": "sha256WithRSAEncryption",
        "self_signed": True,
    }
    return Certificate(**(usual | fields))


def served(*leaves: Certificate, at: str = BEGAN, **fields: Any) -> Result:
    """A server that serves these, each alone."""
    result = from_json(to_json(golden.windows_nla()))
    result.started = at
    result.certificates = [CertificateChain(chain=[each], **fields) for each in leaves]
    return result


def brief(found: list[Change]) -> list[tuple[str, str]]:
    return [(each.direction, each.field) for each in found if each.kind == "certificate"]


def said(before: Result, after: Result) -> list[str]:
    found = changes(before, after)
    assert all(each.kind in ("certificate", "clients") for each in found)
    return [each.message for each in found if each.kind == "certificate"]


_HOLDS = "it holds until 2027-06-01"
AFTER_EXPIRY = f"the certificate CN=srv1.example was renewed after the old one had expired on 2026-12-01; {_HOLDS}"
SHORTLY_BEFORE = (
    f"the certificate CN=srv1.example was renewed shortly before the old one expires on 2026-12-01; {_HOLDS}"
)
RENEWED: dict[str, Any] = {"not_before": "2026-11-25T00:00:00Z", "not_after": "2027-06-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("made", "seen", "expected"),
    [
        (
            "2026-12-04T00:00:00Z",
            "2027-01-01T00:00:00Z",
            AFTER_EXPIRY,
        ),
        (
            "2026-11-25T00:00:00Z",
            "2027-01-01T00:00:00Z",
            SHORTLY_BEFORE,
        ),
        (  # made long ago: when it took the old one's place is not known, but it was not before it was seen
            "2026-01-01T00:00:00Z",
            "2026-11-30T00:00:00Z",
            SHORTLY_BEFORE,
        ),
        (
            "2026-01-01T00:00:00Z",
            "2026-12-02T00:00:00Z",
            AFTER_EXPIRY,
        ),
    ],
)
def test_a_certificate_that_ran_out_is_renewed(made: str, seen: str, expected: str) -> None:
    before = served(leaf("aa"))
    after = served(leaf("bb", not_before=made, not_after="2027-06-01T00:00:00Z"), at=seen)
    assert said(before, after) == [expected]
    assert brief(changes(before, after)) == [("changed", "certificates.sha256")]


def test_another_key_long_before_the_end_is_said_as_that() -> None:
    before = served(leaf("aa", not_after="2027-03-01T00:00:00Z"))
    after = served(leaf("bb", **RENEWED), at="2026-11-26T00:00:00Z")
    assert said(before, after) == [
        "the certificate CN=srv1.example has another key early: the old one would be good until 2027-03-01"
    ]


def test_the_same_key_is_no_other_server() -> None:
    before, after = served(leaf("aa")), served(leaf("bb", spki_sha256="aa" * 32, **RENEWED), at="2026-11-26T00:00:00Z")
    assert said(before, after) == [
        "the certificate CN=srv1.example was renewed with the same key; it holds until 2027-06-01"
    ]


def test_where_times_are_not_known_nothing_is_said_of_them() -> None:
    before, after = served(leaf("aa", not_after=None)), served(leaf("bb", not_after="soon", spki_sha256="cc" * 32))
    assert said(before, after) == [
        "the certificate CN=srv1.example was replaced by one of the same subject with another key"
    ]
    before, after = served(leaf("aa", not_after=None)), served(leaf("bb", not_after="soon", spki_sha256="aa" * 32))
    assert said(before, after) == [
        "the certificate CN=srv1.example was renewed with the same key; it holds until an unknown day"
    ]
    before, after = served(leaf("aa")), served(leaf("bb"), at="once")
    assert said(before, after)[0].endswith("by one of the same subject with another key")


def test_one_that_had_expired_and_is_good_now_is_better() -> None:
    before = served(leaf("aa", not_after="2026-11-01T00:00:00Z"))
    after = served(leaf("bb", **RENEWED), at="2026-11-26T00:00:00Z")
    assert brief(changes(before, after)) == [("better", "certificates.sha256")]
    assert brief(changes(after, before)) == [("worse", "certificates.sha256")]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"subject": "CN=other", "spki_sha256": "aa" * 32},
            "the certificate is CN=other now, with the same key; it was CN=srv1.example",
        ),
        ({"subject": "CN=other"}, "the certificate is CN=other now, with another key; it was CN=srv1.example"),
    ],
)
def test_another_subject_is_named(fields: dict[str, Any], expected: str) -> None:
    assert said(served(leaf("aa")), served(leaf("bb", **fields)))[0] == expected


def test_fewer_days_are_no_change_and_the_end_is_one() -> None:
    before = served(leaf("aa"), days_left=9)
    assert changes(before, served(leaf("aa"), at="2026-11-30T00:00:00Z", days_left=0)) == []
    after = served(leaf("aa"), at="2026-12-02T00:00:00Z", days_left=-1)
    assert said(before, after) == ["the certificate CN=srv1.example is expired now; it was valid"]
    assert brief(changes(before, after)) == [("worse", "certificates.not_after")]
    early = served(leaf("aa"), at="2026-05-01T00:00:00Z")
    assert said(before, early) == ["the certificate CN=srv1.example is not yet valid now; it was valid"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"key": Key(type="EC", bits=256)}, ("changed", "certificates.key.type")),
        ({"key": Key(type="RSA", bits=1024)}, ("worse", "certificates.key.bits")),
        ({"key": Key(type="RSA", bits=4096)}, ("better", "certificates.key.bits")),
        ({"signature_algorithm": "sha1WithRSAEncryption"}, ("worse", "certificates.signature_algorithm")),
        ({"signature_algorithm": "sha512WithRSAEncryption"}, ("changed", "certificates.signature_algorithm")),
        ({"issuer": "CN=CA", "self_signed": False}, ("changed", "certificates.issuer")),
        ({"names": ["srv1.example"]}, ("changed", "certificates.names")),
        ({"extended_key_usage": ["serverAuth"]}, ("changed", "certificates.extended_key_usage")),
    ],
)
def test_what_a_new_certificate_has_that_the_old_one_had_not(fields: dict[str, Any], expected: tuple[str, str]) -> None:
    before, after = served(leaf("aa")), served(leaf("bb", spki_sha256="aa" * 32, **fields))
    assert sorted(brief(changes(before, after))) == sorted([("changed", "certificates.sha256"), expected])


def test_key_usage_counts_where_both_tell_it() -> None:
    """Results of an earlier release have none."""
    old, new = leaf("aa", key_usage=["digital_signature"]), leaf("bb", key_usage=["key_encipherment"])
    fields = ("changed", "certificates.key_usage")
    assert brief(changes(served(old), served(new))).count(fields) == 2
    assert fields not in brief(changes(served(leaf("aa")), served(new)))


def test_what_cannot_be_read_has_no_properties() -> None:
    broken = Certificate(sha256="bb" * 32, error="not a certificate")
    found = changes(served(leaf("aa", names=["srv1.example"])), served(broken))
    assert brief(found) == [("changed", "certificates.sha256")]
    assert found[0].message == f"the certificate is SHA-256 {'bb' * 32} now, with another key; it was CN=srv1.example"


TRUSTED = Trust(verdict="trusted", store="system")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (TRUSTED, Trust(verdict="untrusted", store="system"), [("worse", "certificates.trust")]),
        (TRUSTED, Trust(verdict="self_signed", store="none"), [("worse", "certificates.trust")]),
        (TRUSTED, Trust(verdict="untrusted", store="ours.pem"), []),
        (TRUSTED, Trust(verdict="unknown", store="none"), []),
        (TRUSTED, None, []),
        (None, TRUSTED, []),
        (Trust(verdict="chain_incomplete", store="system"), TRUSTED, [("better", "certificates.trust")]),
    ],
)
def test_trust_is_compared_where_the_same_store_was_asked(
    old: Trust | None, new: Trust | None, expected: list[tuple[str, str]]
) -> None:
    before, after = served(leaf(), trust=old), served(leaf(), trust=new)
    assert brief(changes(before, after)) == expected
    is_lost = old is not None and (new is None or new.verdict == "unknown")
    assert (
        "the certificate's trust could not be determined now; it was trusted" in undetermined(before, after)
    ) == is_lost


def test_the_name_counts_where_the_same_was_asked() -> None:
    before, after = served(leaf(), name_match=True), served(leaf(), name_match=False)
    assert brief(changes(before, after)) == [("worse", "certificates.name_match")]
    assert said(before, after) == ["whether the certificate is for this name is false now; it was true"]
    after.target.server_name = "other.example"
    assert changes(before, after) == []


def test_what_is_sent_beside_the_servers_own() -> None:
    before, after = served(leaf()), served(leaf())
    after.certificates[0].chain.append(leaf("cc"))
    assert brief(changes(before, after)) == [("changed", "certificates.chain")]


def of_certificates(before: Result, after: Result) -> list[Change]:
    """Without the clients, of which a certificate may tell something that was not known."""
    return [each for each in changes(before, after) if each.field.startswith("certificates")]


def test_several_servers_behind_one_address_are_compared_as_a_set() -> None:
    one, two = leaf("aa", subject="CN=a"), leaf("bb", subject="CN=b")
    assert changes(served(one, two), served(two, one)) == []
    new = leaf("cc", subject="CN=b", **RENEWED)
    found = changes(served(one, two), served(new, one, at="2026-11-26T00:00:00Z"))
    assert brief(found) == [("changed", "certificates.sha256")]
    assert "CN=b was renewed" in found[0].message
    assert [each.message for each in changes(served(one), served(one, two))] == [
        "the certificate CN=b is served too now"
    ]
    assert [each.message for each in of_certificates(served(one, two), served(one))] == [
        "the certificate CN=b is not served any more"
    ]


def test_of_chains_with_one_leaf_the_order_does_not_count() -> None:
    result, turned = served(leaf(), leaf()), served(leaf(), leaf())
    for each in (result, turned):
        each.certificates[0].chain.append(leaf("cc"))
    turned.certificates.reverse()
    assert changes(result, turned) == []


@pytest.mark.parametrize(
    "lost", [lambda result: result.certificates.clear(), lambda result: result.certificates[0].chain.clear()]
)
def test_a_certificate_that_was_not_seen_now_is_not_known(lost: Callable[[Result], None]) -> None:
    before, after = served(leaf()), served(leaf())
    lost(after)
    assert changes(before, after) == []
    assert undetermined(before, after)[0] == "the certificate could not be determined now; it was CN=srv1.example"
    assert of_certificates(after, before) == []
    assert undetermined(after, before) == []


def test_the_certificate_of_standard_rdp_security_is_compared_by_its_kind_and_key() -> None:
    before, after = golden.xrdp(), golden.xrdp()
    assert after.standard_rdp is not None
    after.standard_rdp.certificate = StandardCertificate(kind="x509", key_bits=1024)
    assert [(each.kind, each.field) for each in changes(before, after)] == [
        ("security", "standard_rdp.certificate.key_bits"),
        ("certificate", "standard_rdp.certificate.kind"),
    ]
