"""What a policy demands of certificates: held against every chain that is served."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from probe.result import Certificate, CertificateChain, Key, Negotiation, Result, Tls, TlsHandshake, Trust, Verdict
from probe.result.tls import CipherSuite, Registered
from probe.verify.kinds import KINDS
from tests.verify.rules import ACCEPTED, REFUSED, SILENT, VERSIONS, chain, check, leaf, rdp, serving, told

WITHOUT_TLS = rdp(RDP=ACCEPTED, SSL=REFUSED, HYBRID=REFUSED)
KEYS = [key for key in KINDS if key.startswith("certificate.")]
# A value of each key that a server without any certificate fails, or holds because it only forbids something.
DEMANDS: dict[str, tuple[Any, str]] = {
    "certificate.trusted": (True, "failed"),
    "certificate.self_signed": (True, "failed"),
    "certificate.name_match": (True, "failed"),
    "certificate.names": (["srv1.example"], "failed"),
    "certificate.min_days_left": (0, "failed"),
    "certificate.max_days_valid": (600, "failed"),
    "certificate.spki_sha256": (["ab" * 32], "failed"),
    "certificate.same_everywhere": (True, "passed"),
    "certificate.key_types": (["RSA"], "failed"),
    "certificate.min_rsa_bits": (2048, "passed"),
    "certificate.min_ec_bits": (256, "passed"),
    "certificate.allowed_signatures": (["*sha256*"], "failed"),
    "certificate.forbidden_signatures": (["*sha1*"], "passed"),
    "certificate.extended_key_usage": (["serverAuth"], "failed"),
    "certificate.key_usage": (["digitalSignature"], "failed"),
}


def of(**fields: Any) -> Result:
    """A server with one certificate."""
    return serving(chain(leaf(**fields)))


def trusting(verdict: str, reason: str | None = None, **fields: Any) -> Result:
    trust = Trust(verdict=verdict, store="system", reason=reason)  # type: ignore[arg-type]
    return serving(chain(leaf(**fields), trust=trust))


def test_every_key_has_its_row() -> None:
    assert list(DEMANDS) == KEYS


@pytest.mark.parametrize("key", KEYS)
def test_no_certificate_at_all(key: str) -> None:
    value, state = DEMANDS[key]
    message = "no certificate is served" if "same" in key else "TLS is not accepted, so there is no certificate"
    assert told(key, value, WITHOUT_TLS) == (state, message)
    assert check(key, value, WITHOUT_TLS).observed == "none"


@pytest.mark.parametrize("key", ["certificate.trusted", "certificate.self_signed", "certificate.name_match"])
def test_what_must_not_be_so_holds_where_there_is_none(key: str) -> None:
    assert told(key, False, WITHOUT_TLS) == ("passed", "TLS is not accepted, so there is no certificate")


def test_several_certificates_are_not_there_where_there_is_none() -> None:
    assert told("certificate.same_everywhere", False, WITHOUT_TLS) == ("failed", "no certificate is served")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("described", "why"),
    [
        (serving(), "no certificate was seen"),
        (serving(CertificateChain(chain=[])), "no certificate was seen"),
        (rdp(SSL=ACCEPTED, HYBRID=REFUSED), "TLSv1.0 was not asked for"),
        (rdp(SSL=SILENT, HYBRID=REFUSED), "TLSv1.0 was not asked for"),
        (rdp(), "TLSv1.0 was not asked for"),
    ],
)
def test_none_was_seen(key: str, described: Result, why: str) -> None:
    if described.tls is not None:
        described.tls.versions = dict.fromkeys(VERSIONS, REFUSED)
        described.tls.cipher_suites = {"TLSv1.2": [CipherSuite(code="0xc030", name="X")]}
    assert told(key, DEMANDS[key][0], described) == ("unknown", why)
    assert check(key, DEMANDS[key][0], described).observed == "not known"


@pytest.mark.parametrize("key", [key for key in KEYS if key != "certificate.min_ec_bits"])
@pytest.mark.parametrize(
    ("versions", "why"),
    [
        ({"TLSv1.1": ACCEPTED}, "the certificate of TLSv1.1 was not seen"),
        ({"TLSv1.0": SILENT}, "TLSv1.0 was not settled: timed_out"),
        ({"TLSv1.0": Verdict(state="unknown", reason="alert internal_error")}, None),
        ({"TLSv1.0": Verdict(state="unknown")}, "TLSv1.0 was not settled: no usable answer"),
    ],
)
def test_a_version_whose_certificate_was_not_seen_leaves_it_open(
    key: str, versions: dict[str, Verdict], why: str | None
) -> None:
    value = False if key == "certificate.self_signed" else DEMANDS[key][0]
    fine = of(extended_key_usage=["serverAuth"], key_usage=["digitalSignature"])
    assert check(key, value, fine).state == "passed"
    assert fine.tls is not None
    fine.tls.versions = fine.tls.versions | versions
    assert told(key, value, fine) == ("unknown", why or "TLSv1.0 was not settled: alert internal_error")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_counts(version: str) -> None:
    described = of()
    assert described.tls is not None
    described.tls.versions[version] = SILENT
    assert told("certificate.trusted", True, described) == ("unknown", f"{version} was not settled: timed_out")
    without = serving(versions=dict.fromkeys(VERSIONS, REFUSED) | {version: SILENT})
    assert check("certificate.trusted", True, without).state == "unknown"


def test_a_version_that_is_not_in_the_result_leaves_it_open() -> None:
    described = of()
    assert described.tls is not None
    del described.tls.versions["TLSv1.1"]
    assert told("certificate.trusted", True, described) == ("unknown", "TLSv1.1 was not asked for")
    described.tls = None
    assert told("certificate.trusted", True, described) == ("unknown", "TLSv1.0 was not asked for")


@pytest.mark.parametrize(
    ("negotiation", "tls", "none"),
    [
        ({"SSL": REFUSED, "HYBRID": REFUSED}, None, "TLS is not accepted"),
        ({"SSL": REFUSED, "HYBRID": REFUSED, "HYBRID_EX": REFUSED}, None, "TLS is not accepted"),
        ({"SSL": REFUSED, "HYBRID": REFUSED, "HYBRID_EX": SILENT}, None, None),
        ({"SSL": REFUSED, "HYBRID": REFUSED, "HYBRID_EX": ACCEPTED}, None, None),
        ({"SSL": REFUSED, "HYBRID": REFUSED, "RDSTLS": ACCEPTED}, None, None),
        ({"SSL": REFUSED, "HYBRID": REFUSED, "RDSAAD": ACCEPTED}, None, None),
        ({"SSL": REFUSED, "HYBRID": SILENT}, None, None),
        ({"SSL": SILENT, "HYBRID": REFUSED}, None, None),
        ({"SSL": REFUSED}, None, None),
        ({"HYBRID": REFUSED}, None, None),
        (
            {"SSL": ACCEPTED, "HYBRID": REFUSED},
            Tls(versions=dict.fromkeys(VERSIONS, REFUSED)),
            "no TLS version is served",
        ),
        ({"SSL": ACCEPTED}, Tls(versions=dict.fromkeys(VERSIONS[1:], REFUSED)), None),
        ({"SSL": ACCEPTED}, Tls(versions=dict.fromkeys(VERSIONS[1:], REFUSED) | {"TLSv1.0": SILENT}), None),
        ({"SSL": ACCEPTED}, Tls(versions=dict.fromkeys(VERSIONS[1:], REFUSED) | {"TLSv1.0": ACCEPTED}), None),
        ({"SSL": ACCEPTED}, Tls(versions=dict.fromkeys(VERSIONS, REFUSED) | {"SSLv3": ACCEPTED}), None),
        (
            {"SSL": ACCEPTED},
            Tls(versions=dict.fromkeys(VERSIONS, REFUSED) | {"SSLv3": REFUSED}),
            "no TLS version is served",
        ),
        (
            {"SSL": ACCEPTED},
            Tls(
                versions=dict.fromkeys(VERSIONS, REFUSED),
                handshake=TlsHandshake(version="TLSv1.2", cipher_suite=Registered(code="0x1301", name="X")),
            ),
            None,
        ),
        (
            {"SSL": ACCEPTED},
            Tls(
                versions=dict.fromkeys(VERSIONS, REFUSED),
                cipher_suites={"TLSv1.1": [], "TLSv1.2": [CipherSuite(code="0x1301", name="X")]},
            ),
            None,
        ),
    ],
)
def test_when_it_is_certain_that_no_certificate_is_served(
    negotiation: dict[str, Verdict], tls: Tls | None, none: str | None
) -> None:
    described = rdp(**negotiation)
    described.tls = tls
    found = told("certificate.trusted", True, described)
    if none is None:
        assert found[0] == "unknown"
    else:
        assert found == ("failed", f"{none}, so there is no certificate")


def test_tls_without_x224_may_have_a_certificate() -> None:
    described = rdp(SSL=REFUSED, HYBRID=REFUSED)
    assert described.negotiation is not None
    described.negotiation.direct_tls = ACCEPTED
    assert check("certificate.trusted", True, described).state == "unknown"
    described.negotiation = None
    assert check("certificate.trusted", True, described).state == "unknown"
    described.negotiation = Negotiation()
    assert check("certificate.trusted", True, described).state == "unknown"


def test_one_chain_that_fails_is_enough() -> None:
    good, bad = leaf("aa"), leaf("bb", subject="CN=old", key=Key(type="RSA", bits=1024))
    described = serving(
        chain(good, served_to=("TLSv1.3",)),
        chain(leaf("cc", key=None)),
        chain(bad, served_to=("TLSv1.2",)),
        chain(leaf("dd", subject=None, key=Key(type="RSA", bits=1536)), served_to=()),
    )
    found = check("certificate.min_rsa_bits", 2048, described)
    assert (found.state, found.message) == ("failed", "the RSA key has 1024 bits; at least 2048 are required")
    assert found.evidence == (
        "CN=old (served to TLSv1.2): the RSA key has 1024 bits; at least 2048 are required",
        "SHA-256 dd: the RSA key has 1536 bits; at least 2048 are required",
    )
    assert found.observed == "RSA 2048; RSA 1024; RSA 1536"
    assert (found.diagnosis, found.change) == ("CERT_WEAK_KEY", "certificate.key=RSA-2048")


def test_the_first_that_fails_says_what_mends_it() -> None:
    described = serving(
        chain(leaf("aa"), trust=Trust(verdict="untrusted", store="system")),
        chain(leaf("bb"), trust=Trust(verdict="self_signed", store="none")),
    )
    found = check("certificate.trusted", True, described)
    assert (found.diagnosis, found.observed) == ("CERT_UNTRUSTED", "untrusted; self_signed")
    described = serving(
        chain(leaf("aa", not_before="2026-12-01T00:00:00Z")), chain(leaf("bb", not_after="2026-11-01T00:00:00Z"))
    )
    assert check("certificate.min_days_left", 30, described).diagnosis == "CERT_NOT_YET_VALID"


def test_one_chain_that_is_open_leaves_the_rule_open() -> None:
    described = serving(chain(leaf("aa")), chain(leaf("cc", key=None)))
    assert check("certificate.min_rsa_bits", 2048, described).state == "unknown"
    described = serving(chain(leaf("aa")), chain(leaf("cc")))
    found = check("certificate.min_rsa_bits", 2048, described)
    assert (found.state, found.observed, found.evidence) == ("passed", "RSA 2048", ())
    assert (found.diagnosis, found.change) == (None, None)


def test_only_the_servers_own_certificate_counts() -> None:
    authority = leaf("ca", key=Key(type="RSA", bits=1024), signature_algorithm="sha1WithRSAEncryption")
    described = serving(chain(leaf(), authority))
    assert check("certificate.min_rsa_bits", 2048, described).state == "passed"
    assert check("certificate.forbidden_signatures", ["*sha1*"], described).state == "passed"


def test_trusted() -> None:
    assert told("certificate.trusted", True, of()) == ("passed", "the certificate is trusted")
    assert check("certificate.trusted", True, of()).observed == "trusted"
    assert told("certificate.trusted", False, of()) == ("failed", "the certificate is trusted")


@pytest.mark.parametrize(
    ("verdict", "said", "code"),
    [
        ("self_signed", "the certificate is self-signed", "CERT_SELF_SIGNED"),
        ("untrusted", "the certificate is not trusted", "CERT_UNTRUSTED"),
        ("chain_incomplete", "the issuer of the certificate is not known here", "CERT_CHAIN_INCOMPLETE"),
    ],
)
def test_not_trusted(verdict: str, said: str, code: str) -> None:
    found = check("certificate.trusted", True, trusting(verdict))
    assert (found.state, found.message) == ("failed", f"{said}; it must be trusted")
    assert (found.diagnosis, found.change, found.observed) == (code, "certificate=trusted", verdict)
    found = check("certificate.trusted", False, trusting(verdict))
    assert (found.state, found.message, found.observed) == ("passed", said, verdict)


def test_trust_is_not_known() -> None:
    expected = "whether the certificate is trusted is not known: "
    for value in (True, False):
        described = trusting("unknown", "this computer has no trust store")
        assert told("certificate.trusted", value, described) == (
            "unknown",
            expected + "this computer has no trust store",
        )
        assert told("certificate.trusted", value, trusting("unknown")) == ("unknown", expected + "not judged")
        described.certificates[0].trust = None
        assert told("certificate.trusted", value, described) == ("unknown", expected + "not judged")


@pytest.mark.parametrize(
    ("value", "seen", "expected"),
    [
        (True, True, ("passed", "the certificate is self-signed", "self-signed", None, None)),
        (False, False, ("passed", "the certificate is not self-signed", "not self-signed", None, None)),
        (
            *(False, True),
            ("failed", "the certificate is self-signed", "self-signed", "CERT_SELF_SIGNED", "certificate=trusted"),
        ),
        (
            *(True, False),
            ("failed", "the certificate is not self-signed", "not self-signed", None, "certificate=self_signed"),
        ),
        (True, None, ("unknown", "whether the certificate is self-signed is not known", "not known", None, None)),
        (False, None, ("unknown", "whether the certificate is self-signed is not known", "not known", None, None)),
    ],
)
def test_self_signed(value: bool, seen: bool | None, expected: tuple[str | None, ...]) -> None:
    found = check("certificate.self_signed", value, of(self_signed=seen))
    assert (found.state, found.message, found.observed, found.diagnosis, found.change) == expected


@pytest.mark.parametrize(
    ("value", "match", "state", "message", "code"),
    [
        (True, True, "passed", "the certificate is for srv1.example", None),
        (True, False, "failed", "the certificate is not for srv1.example", "CERT_NAME_MISMATCH"),
        (False, False, "passed", "the certificate is not for srv1.example", None),
        (False, True, "failed", "the certificate is for srv1.example", None),
    ],
)
def test_name_match(value: bool, match: bool, state: str, message: str, code: str | None) -> None:
    found = check(
        "certificate.name_match", value, serving(chain(leaf(names=["a.example", "b.example"]), name_match=match))
    )
    assert (found.state, found.message, found.diagnosis) == (state, message, code)
    assert found.observed == "a.example, b.example"


def test_name_match_names_what_was_asked_for() -> None:
    described = serving(chain(leaf(names=[], subject="O=X"), name_match=False))
    described.target.server_name = "rdp.example"
    found = check("certificate.name_match", True, described)
    assert (found.message, found.observed) == ("the certificate is not for rdp.example", "none")
    described = serving(chain(leaf(names=[]), name_match=False))
    assert check("certificate.name_match", True, described).observed == "srv1.example"


@pytest.mark.parametrize("value", [True, False])
def test_an_address_has_no_name_to_look_for(value: bool) -> None:
    described = serving(chain(leaf(), name_match=None))
    described.target.host = "192.0.2.7"
    assert told("certificate.name_match", value, described) == (
        "unknown",
        "its names cannot be compared with 192.0.2.7; --server-name gives the name to look for",
    )


@pytest.mark.parametrize(
    ("held", "subject", "wanted", "lacking"),
    [
        (["srv1.example"], "CN=other", ["srv1.example"], None),
        (["SRV1.example."], "CN=other", ["srv1.EXAMPLE"], None),
        (["srv1.example"], "CN=other", ["srv1.example."], None),
        (["srv1.example"], "CN=other", ["srv1.example", "other"], "other"),
        (["srv1.example", "192.0.2.7"], None, ["192.0.2.7", "srv1.example"], None),
        (["*.example.org"], None, ["srv1.example.org"], None),
        (["*.example.org"], None, ["*.example.org"], None),
        (["*.example.org"], None, ["*.x.example.org"], "*.x.example.org"),
        (["*.example.org"], None, ["a.b.example.org"], "a.b.example.org"),
        (["*.example.org"], None, ["example.org"], "example.org"),
        (["*.example.org"], None, [".example.org"], ".example.org"),
        (["*.org"], None, ["example.org"], "example.org"),
        (["*.example.org", "srv1.example"], None, ["*.example"], "*.example"),
        (["*.example.org"], None, ["a*.example.org"], "a*.example.org"),
        (["*.b.example.org"], None, ["*.b.example.org"], None),
        (["s*.example.org"], None, ["srv1.example.org"], "srv1.example.org"),
        ([], "CN=srv1.example,O=X", ["srv1.example"], None),
        ([], "O=X,CN=srv1.example", ["srv1.example"], None),
        ([], "O=X+CN=srv1.example", ["srv1.example"], None),
        ([], "CN=a\\,CN=srv1.example", ["srv1.example"], "srv1.example"),
        ([], "CN=a\\,b", ["a,b"], None),
        ([], "OCN=srv1.example", ["srv1.example"], "srv1.example"),
        ([], None, ["srv1.example"], "srv1.example"),
    ],
)
def test_names(held: list[str], subject: str | None, wanted: list[str], lacking: str | None) -> None:
    found = check("certificate.names", wanted, of(names=held, subject=subject))
    if lacking is None:
        assert (found.state, found.message) == ("passed", f"the certificate is for {', '.join(wanted)}")
        assert found.diagnosis is None
    else:
        assert (found.state, found.message) == ("failed", f"the certificate is not for {lacking}")
        assert found.diagnosis == "CERT_NAME_MISMATCH"


def test_names_that_are_not_all_known() -> None:
    many = [f"a{number}.example" for number in range(200)]
    assert told("certificate.names", ["b.example"], of(names=many)) == (
        "unknown",
        "the certificate has more names than are kept",
    )
    assert check("certificate.names", ["b.example"], of(names=[*many, "c.example"])).state == "unknown"
    assert check("certificate.names", ["b.example"], of(names=many[1:])).state == "failed"
    assert check("certificate.names", ["a7.example"], of(names=many)).state == "passed"
    assert told("certificate.names", ["srv1.example"], of(error="broken")) == (
        "unknown",
        "the certificate could not be read: broken",
    )


@pytest.mark.parametrize(
    ("left", "least", "state", "message", "code"),
    [
        (30, 30, "passed", "30 days left; at least 30 are required", None),
        (29, 30, "failed", "29 days left; at least 30 are required", "CERT_EXPIRES_SOON"),
        (1, 2, "failed", "1 day left; at least 2 are required", "CERT_EXPIRES_SOON"),
        (12, 30, "failed", "12 days left; at least 30 are required", "CERT_EXPIRES_SOON"),
        (0, 0, "passed", "0 days left; at least 0 are required", None),
        (0, 1, "failed", "0 days left; at least 1 are required", "CERT_EXPIRES_SOON"),
        (
            *(-1, 0, "failed"),
            *("the certificate ended on 2027-06-01T00:00:00Z; at least 0 days must be left", "CERT_EXPIRED"),
        ),
    ],
)
def test_days_left(left: int, least: int, state: str, message: str, code: str | None) -> None:
    found = check("certificate.min_days_left", least, serving(chain(leaf(), days_left=left)))
    assert (found.state, found.message, found.diagnosis) == (state, message, code)
    assert found.observed == ("1 day" if left == 1 else f"{left} days")


@pytest.mark.parametrize(
    ("until", "state"),
    [
        ("2026-12-21T02:00:00.123Z", "passed"),  # thirty days after the audit began, to the moment
        ("2026-12-21T02:00:00.122Z", "failed"),
        ("2026-12-21T02:00:00.123", "passed"),
    ],
)
def test_days_left_of_a_result_that_does_not_tell_them(until: str, state: str) -> None:
    assert check("certificate.min_days_left", 30, of(not_after=until)).state == state


def test_days_are_counted_from_the_audit_and_not_from_today() -> None:
    described = of(not_after="2026-12-03T02:00:00.123Z")
    assert told("certificate.min_days_left", 30, described)[1] == "12 days left; at least 30 are required"
    described = of(not_after="2026-11-20T02:00:00.123Z")
    assert check("certificate.min_days_left", 0, described).observed == "-1 days"


def test_a_certificate_that_is_not_valid_yet_has_no_days_left() -> None:
    found = check("certificate.min_days_left", 30, of(not_before="2026-11-21T02:00:00.124Z"))
    assert (found.state, found.diagnosis) == ("failed", "CERT_NOT_YET_VALID")
    assert found.message == "the certificate is not valid before 2026-11-21T02:00:00.124Z"
    assert found.observed == "191 days"
    assert check("certificate.min_days_left", 30, of(not_before="2026-11-21T02:00:00.123Z")).state == "passed"


@pytest.mark.parametrize("fields", [{"not_after": None}, {"not_after": "soon"}, {"not_before": None}])
def test_days_left_that_cannot_be_told(fields: dict[str, Any]) -> None:
    expected = ("unknown", "when the certificate is valid could not be read")
    assert told("certificate.min_days_left", 30, of(**fields)) == expected
    assert told("certificate.max_days_valid", 30, of(**fields)) == expected


def test_days_left_of_a_result_without_a_time() -> None:
    described = of()
    described.started = "?"
    assert check("certificate.min_days_left", 30, described).state == "unknown"
    described.certificates[0].days_left = 40
    assert check("certificate.min_days_left", 30, described).state == "unknown"


@pytest.mark.parametrize(
    ("until", "state", "days"),
    [
        ("2027-02-03T00:00:00Z", "passed", 398),
        ("2027-02-02T23:59:59Z", "passed", 398),
        ("2027-02-03T00:00:01Z", "failed", 399),
    ],
)
def test_days_valid(until: str, state: str, days: int) -> None:
    found = check("certificate.max_days_valid", 398, of(not_after=until))
    assert (found.state, found.observed) == (state, f"{days} days")
    assert found.message == f"the certificate is valid for {days} days; at most 398 are allowed"


def test_pins() -> None:
    other = "cd" * 32
    found = check("certificate.spki_sha256", ["AB" * 32, other], of())
    assert (found.state, found.message, found.observed) == ("passed", "the public key is pinned", "ab" * 32)
    assert check("certificate.spki_sha256", ["ab" * 32], of(spki_sha256="AB" * 32)).state == "passed"
    found = check("certificate.spki_sha256", [other], of())
    assert (found.state, found.observed) == ("failed", "ab" * 32)
    assert found.message == "the public key is not one of those that are pinned"
    assert told("certificate.spki_sha256", [other], of(spki_sha256=None)) == (
        "unknown",
        "the certificate could not be read: a field is missing",
    )


def test_same_everywhere() -> None:
    one = serving(chain(leaf("aa"), served_to=("TLSv1.2",)), chain(leaf("aa"), served_to=("TLSv1.3",)))
    message = "the same certificate is served to every version"
    assert told("certificate.same_everywhere", True, one) == ("passed", message)
    assert told("certificate.same_everywhere", False, one) == ("failed", message)
    assert check("certificate.same_everywhere", True, one).observed == "one certificate"


def test_not_the_same_everywhere() -> None:
    two = serving(chain(leaf("aa"), served_to=("TLSv1.2", "TLSv1.3")), chain(leaf("bb"), served_to=()), versions={})
    message = "2 different certificates are served"
    found = check("certificate.same_everywhere", True, two)
    assert (found.state, found.message, found.observed) == ("failed", message, "2 certificates")
    assert (found.diagnosis, found.evidence) == ("CERT_VARIES", ("TLSv1.2, TLSv1.3: SHA-256 aa", "?: SHA-256 bb"))
    found = check("certificate.same_everywhere", False, two)
    assert (found.state, found.message, found.diagnosis) == ("passed", message, None)


def test_key_types() -> None:
    assert told("certificate.key_types", ["EC", "RSA"], of()) == ("passed", "the key is of type RSA")
    found = check("certificate.key_types", ["EC", "Ed25519"], of())
    assert (found.state, found.message) == ("failed", "the key is of type RSA; allowed is EC or Ed25519")
    assert (found.observed, found.diagnosis, found.change) == ("RSA", "CERT_WEAK_KEY", "certificate.key=EC-256")
    found = check("certificate.key_types", ["RSA", "EC"], of(key=Key(type="DSA")))
    assert (found.state, found.change) == ("failed", "certificate.key=RSA-2048")
    assert check("certificate.key_types", ["Ed448"], of()).change is None
    found = check("certificate.key_types", ["RSA"], of(key=None, error="broken"))
    assert (found.state, found.message) == ("unknown", "the certificate could not be read: broken")


@pytest.mark.parametrize(
    ("kind", "key", "bits", "least", "change"),
    [
        ("RSA", "certificate.min_rsa_bits", 2048, 2048, "certificate.key=RSA-2048"),
        ("RSA", "certificate.min_rsa_bits", 3072, 3072, "certificate.key=RSA-3072"),
        ("EC", "certificate.min_ec_bits", 224, 224, "certificate.key=EC-256"),
        ("EC", "certificate.min_ec_bits", 256, 256, "certificate.key=EC-256"),
        ("EC", "certificate.min_ec_bits", 257, 257, "certificate.key=EC-384"),
        ("EC", "certificate.min_ec_bits", 384, 384, "certificate.key=EC-384"),
        ("EC", "certificate.min_ec_bits", 521, 521, "certificate.key=EC-521"),
    ],
)
def test_bits(kind: str, key: str, bits: int, least: int, change: str) -> None:
    def having(size: int | None, of_type: str = kind) -> Result:
        return of(key=Key(type=of_type, bits=size))

    found = check(key, least, having(bits))
    assert (found.state, found.observed) == ("passed", f"{kind} {bits}")
    assert found.message == f"the {kind} key has {bits} bits; at least {least} are required"
    found = check(key, least, having(bits - 1))
    assert (found.state, found.observed) == ("failed", f"{kind} {bits - 1}")
    assert found.message == f"the {kind} key has {bits - 1} bits; at least {least} are required"
    assert (found.diagnosis, found.change) == ("CERT_WEAK_KEY", change)
    assert check(key, least, having(bits * 2)).state == "passed"
    assert check(key, least, having(0)).state == "failed"
    assert told(key, least, having(None)) == ("unknown", "the certificate could not be read: a field is missing")
    assert check(key, least, of(key=None)).state == "unknown"
    assert told(key, least, having(None, "Ed25519")) == ("passed", f"the key is of type Ed25519, not {kind}")


def test_allowed_signatures() -> None:
    patterns = ["*sha384*", "*SHA256*"]
    found = check("certificate.allowed_signatures", patterns, of())
    assert (found.state, found.message) == ("passed", "signed with sha256WithRSAEncryption")
    assert found.observed == "sha256WithRSAEncryption"
    assert (
        check("certificate.allowed_signatures", patterns, of(signature_algorithm="ecdsa-with-SHA256")).state == "passed"
    )
    found = check("certificate.allowed_signatures", patterns, of(signature_algorithm="sha1WithRSAEncryption"))
    assert (found.state, found.diagnosis) == ("failed", "CERT_WEAK_SIGNATURE")
    assert found.message == "signed with sha1WithRSAEncryption; allowed are *sha384*, *SHA256*"
    assert check("certificate.allowed_signatures", ["sha256WithRSAEncryption"], of()).state == "passed"
    assert check("certificate.allowed_signatures", ["ecdsa-with-SHA256"], of()).state == "failed"
    assert check("certificate.allowed_signatures", patterns, of(signature_algorithm=None)).state == "unknown"


def test_forbidden_signatures() -> None:
    patterns = ["*md5*", "*sha1*"]
    assert told("certificate.forbidden_signatures", patterns, of()) == ("passed", "signed with sha256WithRSAEncryption")
    for name in ("sha1WithRSAEncryption", "ecdsa-with-SHA1", "md5WithRSAEncryption"):
        found = check("certificate.forbidden_signatures", patterns, of(signature_algorithm=name))
        assert (found.state, found.diagnosis, found.observed) == ("failed", "CERT_WEAK_SIGNATURE", name)
        assert found.message == f"signed with {name}; forbidden are *md5*, *sha1*"
    assert check("certificate.forbidden_signatures", patterns, of(signature_algorithm=None)).state == "unknown"


@pytest.mark.parametrize("name", ["rsassaPss", "RSASSA-PSS"])
def test_a_signature_that_does_not_tell_its_digest(name: str) -> None:
    described = of(signature_algorithm=name)
    assert told("certificate.forbidden_signatures", ["*sha1*"], described) == (
        "unknown",
        f"{name} does not tell its digest",
    )
    assert check("certificate.forbidden_signatures", ["rsassa*"], described).state == "failed"
    assert check("certificate.allowed_signatures", ["*sha256*"], described).state == "failed"


@pytest.mark.parametrize(
    ("key", "field", "wanted", "other"),
    [
        ("certificate.extended_key_usage", "extended_key_usage", "serverAuth", "clientAuth"),
        ("certificate.extended_key_usage", "extended_key_usage", "1.3.6.1.4.1.311.54.1.2", "clientAuth"),
        ("certificate.key_usage", "key_usage", "digitalSignature", "keyEncipherment"),
    ],
)
def test_usages(key: str, field: str, wanted: str, other: str) -> None:
    found = check(key, [wanted], of(**{field: [wanted, other]}))
    assert (found.state, found.message) == ("passed", f"it is for {wanted}, {other}")
    assert found.observed == f"{wanted}, {other}"
    found = check(key, [wanted, other], of(**{field: [other]}))
    assert (found.state, found.message) == ("failed", f"it is for {other}, and not for {wanted}")
    assert found.diagnosis == "CERT_USAGE_UNSUITABLE"
    found = check(key, [wanted], of(**{field: None}))
    assert (found.state, found.message) == ("failed", f"it is for none, and not for {wanted}")
    assert check(key, [wanted], of(**{field: []})).state == "failed"
    assert check(key, [wanted], of(**{field: None, "error": "usages: odd"})).state == "unknown"
    assert check(key, [wanted], of(**{field: [wanted], "error": "names: odd"})).state == "passed"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("certificate.names", []),
        ("certificate.min_days_left", -1),
        ("certificate.max_days_valid", 0),
        ("certificate.spki_sha256", ["ab"]),
        ("certificate.key_types", ["rsa"]),
        ("certificate.min_rsa_bits", 511),
        ("certificate.min_rsa_bits", 16385),
        ("certificate.min_ec_bits", 111),
        ("certificate.min_ec_bits", 522),
        ("certificate.allowed_signatures", [""]),
        ("certificate.extended_key_usage", ["serverauth"]),
        ("certificate.key_usage", ["signing"]),
        ("certificate.trusted", "yes"),
    ],
)
def test_values_that_are_none(key: str, value: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, KINDS[key].value)


@pytest.mark.parametrize("key", KEYS)
def test_what_must_be_asked(key: str) -> None:
    needs = KINDS[key].needs(DEMANDS[key][0])
    assert needs.certificates
    assert needs.protocols == {"SSL", "HYBRID", "HYBRID_EX"}
    assert needs.versions == set(VERSIONS)
    assert (needs.standard, needs.full) == (False, False)


def test_a_demand_in_words() -> None:
    words = {key: KINDS[key].words(value) for key, (value, _state) in DEMANDS.items()}
    assert words == {
        "certificate.trusted": "a trusted certificate",
        "certificate.self_signed": "a self-signed certificate",
        "certificate.name_match": "a certificate for the name asked for",
        "certificate.names": "a certificate for srv1.example",
        "certificate.min_days_left": "at least 0 days left",
        "certificate.max_days_valid": "valid for at most 600 days",
        "certificate.spki_sha256": "a pinned public key",
        "certificate.same_everywhere": "one certificate everywhere",
        "certificate.key_types": "a key of type RSA",
        "certificate.min_rsa_bits": "RSA keys of 2048 bits or more",
        "certificate.min_ec_bits": "keys on curves of 256 bits or more",
        "certificate.allowed_signatures": "signed with *sha256*",
        "certificate.forbidden_signatures": "not signed with *sha1*",
        "certificate.extended_key_usage": "for serverAuth",
        "certificate.key_usage": "for digitalSignature",
    }
    negative = {key: KINDS[key].words(False) for key, (value, _state) in DEMANDS.items() if value is True}
    assert negative == {
        "certificate.trusted": "no trusted certificate",
        "certificate.self_signed": "no self-signed certificate",
        "certificate.name_match": "no certificate for the name asked for",
        "certificate.same_everywhere": "several certificates",
    }


def test_a_certificate_that_tells_nothing() -> None:
    described = serving(chain(Certificate(sha256="aa", error="not DER")))
    for key, (value, _state) in DEMANDS.items():
        if key not in ("certificate.trusted", "certificate.name_match", "certificate.same_everywhere"):
            assert check(key, value, described).state == "unknown", key
