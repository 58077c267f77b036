"""Versions, suites, groups, signatures and certificates: met and nearly met."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest

from probe.clients.profile import CertificateDemands
from probe.diagnosis.client_tls import handshake
from probe.result import CipherSuite, DhParameters, Intolerance, Registered, Result, Trust, Verdict
from tests.clients.results import (
    NO_SUITE,
    OF_TLS13,
    P256,
    RSA_CBC,
    RSA_GCM,
    RSA_KEY_CBC,
    TOO_OLD,
    X25519,
    certified,
    group,
    in_full,
    modern,
    negotiating,
    of,
    profile,
    suite,
    with_tls,
)
from tests.diagnosis.results import ACCEPTED

SSL = {"SSL": ACCEPTED}


def over_ssl(answers: Mapping[str, tuple[int, int | None]], *rejected: str) -> Result:
    return with_tls(modern(), answers, rejected=rejected)


def full(*codes: int, groups: tuple[int, ...] = (X25519, P256)) -> Result:
    """A server with TLS 1.2 alone, and everything about it."""
    described = in_full(over_ssl({"TLSv1.2": (codes[0], groups[0])}, "TLSv1.3", "TLSv1.1", "TLSv1.0"), TLSv1_2=codes)
    assert described.tls is not None
    described.tls.groups = [group(code, "TLSv1.2") for code in groups]
    return described


def test_tls_that_was_not_tried_is_unknown() -> None:
    described = negotiating(SSL=ACCEPTED)
    outcome = handshake(profile("freerdp2"), described)
    assert (outcome.connects, outcome.stage) == (None, "tls")


def test_the_newest_common_version_is_taken() -> None:
    described = modern()
    assert of("mstsc-win11", described).version == "TLSv1.3"
    assert of("mstsc-win10", described).version == "TLSv1.2"


def test_a_server_of_tls_1_3_alone() -> None:
    described = over_ssl({"TLSv1.3": (OF_TLS13, X25519)}, "TLSv1.2", "TLSv1.1", "TLSv1.0")
    outcome = of("mstsc-win10", described)
    assert (outcome.connects, outcome.stage, outcome.code) == (False, "tls", "TLS_MODERN_ONLY")
    assert of("freerdp3", described).connects is True


def test_windows_7_and_its_update() -> None:
    described = over_ssl({"TLSv1.2": (RSA_CBC, P256)}, "TLSv1.3", "TLSv1.1", "TLSv1.0")
    old, new = of("mstsc-win7", described), of("mstsc-win7-tls12", described)
    assert (old.connects, old.code) == (False, "TLS_NO_COMMON_VERSION")
    assert new.connects is True


def test_a_version_that_is_not_settled_leaves_it_open() -> None:
    described = modern()
    assert described.tls is not None
    del described.tls.answered["TLSv1.3"]
    described.tls.versions["TLSv1.3"] = Verdict(state="unknown", reason="timed_out", ending="timed_out")
    assert of("freerdp3", described).connects is None
    assert of("mstsc-win10", described).connects is True  # it has no TLS 1.3


def test_versions_that_were_not_asked_leave_it_open() -> None:
    described = modern()
    assert described.tls is not None
    described.tls.versions = {}
    described.tls.answered = {}
    assert "was not asked for" in of("freerdp3", described).because


def test_what_openssl_offers_and_cannot_finish() -> None:
    described = over_ssl({"TLSv1.0": (RSA_CBC, P256)}, "TLSv1.3", "TLSv1.2", "TLSv1.1")
    outcome = of("freerdp2", described)
    assert (outcome.connects, outcome.version, outcome.code) == (False, "TLSv1.0", "TLS_NO_COMMON_VERSION")
    assert of("rdesktop", described).connects is True


def test_versions_of_some_builds_are_unknown() -> None:
    described = over_ssl({"TLSv1.0": (RSA_CBC, P256)}, "TLSv1.3", "TLSv1.2", "TLSv1.1")
    assert "only some of its builds" in of("mstsc-win11", described).because
    assert of("mstsc-2022", described).connects is True


def test_no_hello_that_is_answered_keeps_all_out() -> None:
    described = modern()
    assert described.tls is not None
    described.tls.answered, described.tls.handshake = {}, None
    reset = Verdict(state="rejected", reason="reset", ending="reset")
    described.tls.versions = dict.fromkeys(("TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0"), reset)
    for key in ("freerdp2", "mstsc-win10", "rdesktop", "windows-app-mac", "ironrdp"):
        outcome = of(key, described)
        assert (outcome.connects, outcome.code) == (False, "TLS_HANDSHAKE_ABORTED"), key
    described.tls.versions = dict.fromkeys(described.tls.versions, TOO_OLD)
    assert of("freerdp2", described).code == "TLS_NO_COMMON_VERSION"


def test_a_hello_refused_for_its_suites_says_nothing_of_other_suites() -> None:
    described = over_ssl({}, "TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0")
    assert described.tls is not None
    described.tls.versions["TLSv1.2"] = NO_SUITE
    assert of("freerdp2", described).connects is False  # all that it has was in that hello
    assert of("rdesktop", described).connects is None  # CCM was not
    in_full(described)
    assert of("rdesktop", described).connects is False


@pytest.mark.parametrize("key", ["mstsc-win8.1", "mstsc-win7-tls12"])
def test_windows_without_ecdhe_rsa_gcm(key: str) -> None:
    assert of(key, modern()).connects is None  # at standard depth
    outcome = of(key, full(RSA_GCM, 0xC02F))
    assert (outcome.connects, outcome.code) == (False, "TLS_NO_SHARED_CIPHER")
    assert of(key, full(RSA_GCM, RSA_CBC)).connects is True
    assert of("mstsc-win10", full(RSA_GCM)).connects is True


def test_suites_that_were_not_settled_leave_it_open() -> None:
    described = full(RSA_GCM)
    assert described.tls is not None
    described.tls.unsettled = ["TLSv1.2: 3 cipher suites"]
    assert of("mstsc-win8.1", described).connects is None
    described.tls.unsettled = ["TLSv1.0: 3 cipher suites"]
    assert of("mstsc-win8.1", described).connects is False


def test_the_suite_is_named_where_the_order_is_known() -> None:
    described = full(RSA_CBC, RSA_GCM)
    assert of("mstsc-win10", described).cipher_suite is None
    assert described.tls is not None
    described.tls.order_by_version = {"TLSv1.2": True}
    assert of("mstsc-win10", described).cipher_suite == suite(RSA_CBC).name
    described.tls.order_by_version = {"TLSv1.2": False}
    assert of("mstsc-win10", described).cipher_suite == suite(RSA_GCM).name


def test_groups_that_a_client_lacks() -> None:
    described = full(RSA_CBC, groups=(X25519,))
    outcome = of("mstsc-win8.1", described)
    assert (outcome.connects, outcome.code) == (False, "TLS_NO_SHARED_CIPHER")
    assert "x25519" in outcome.because
    assert of("mstsc-win8.1", full(RSA_CBC, RSA_KEY_CBC, groups=(X25519,))).connects is True  # RSA key exchange
    assert described.tls is not None
    described.tls.unsettled = ["TLSv1.2: 4 groups"]
    assert of("mstsc-win8.1", described).connects is None


def test_a_group_that_was_not_asked_for_leaves_it_open() -> None:
    assert "groups" in of("mstsc-win8.1", over_ssl({"TLSv1.2": (RSA_CBC, X25519)}, "TLSv1.3")).because
    assert of("mstsc-win8.1", over_ssl({"TLSv1.2": (RSA_CBC, P256)}, "TLSv1.3")).connects is True
    assert of("mstsc-win8.1", over_ssl({"TLSv1.2": (RSA_CBC, None)}, "TLSv1.3")).connects is None


def test_signatures_that_a_client_lacks() -> None:
    described = full(RSA_CBC)
    assert described.tls is not None
    described.tls.signature_schemes = [Registered(code="0x0804", name="rsa_pss_rsae_sha256")]
    outcome = of("mstsc-win8.1", described)
    assert (outcome.connects, outcome.code) == (False, "TLS_NO_SHARED_CIPHER")
    described.tls.unsettled = ["TLSv1.2: 5 signature schemes"]
    assert of("mstsc-win8.1", described).connects is None
    described.tls.signature_schemes.append(Registered(code="0x0401", name="rsa_pkcs1_sha256"))
    assert of("mstsc-win8.1", described).connects is True


def test_a_handshake_that_nobody_completed_proves_nothing() -> None:
    described = modern()
    assert described.tls is not None
    assert described.tls.handshake is not None
    described.tls.handshake.complete = False
    assert of("freerdp2", described).connects is None


@pytest.mark.parametrize(
    ("hello", "connects"),
    [("TLSv1.3 offered", False), ("TLSv1.3 offered, in a large hello", None), ("large hello", True)],
)
def test_a_server_that_drops_hellos(hello: str, connects: bool | None) -> None:
    described = modern()
    assert described.tls is not None
    described.tls.intolerance = [Intolerance(hello=hello, ending="reset")]
    outcome = of("freerdp3", described)
    assert outcome.connects is connects
    assert (outcome.code == "TLS_INTOLERANT") == (connects is False)
    assert of("mstsc-win10", described).connects is True


def test_tls_that_is_not_documented_refuses_nothing() -> None:
    described = full(0x009F)  # DHE with AES-GCM, which is not in the captured hello
    assert of("windows-app-mac", described).connects is None
    assert of("windows-app-mac", full(RSA_GCM)).connects is True


def test_what_a_certificate_is_refused_for() -> None:
    met = certified(modern(), "RSA")
    strict = dataclasses.replace(profile("freerdp3"), certificate=CertificateDemands(least_rsa_bits=4096))
    assert handshake(strict, met).code == "CERT_WEAK_KEY"
    met.certificates[0].chain[0].signature_algorithm = "sha1WithRSAEncryption"
    no_sha1 = CertificateDemands(signatures=frozenset({"sha1WithRSAEncryption"}))
    assert handshake(dataclasses.replace(strict, certificate=no_sha1), met).code == "CERT_WEAK_SIGNATURE"
    only_ec = dataclasses.replace(strict, certificate=CertificateDemands(key_types=frozenset({"EC"})))
    assert handshake(only_ec, met).stage == "certificate"
    assert handshake(only_ec, certified(modern(), "EC")).connects is True
    assert handshake(profile("freerdp3"), met).connects is True


def test_codes_are_compared_in_either_case() -> None:
    described = full(RSA_GCM)
    assert described.tls is not None
    described.tls.cipher_suites["TLSv1.2"] = [CipherSuite(code="0xC030", name=suite(RSA_GCM).name)]
    assert of("mstsc-win10", described).connects is True


def test_a_client_that_asks_nobody_needs_a_certificate_that_it_trusts() -> None:
    described = certified(modern(), "RSA")
    (chain,) = described.certificates
    assert of("guacamole", described).connects is None
    chain.trust, chain.name_match, chain.days_left = Trust(verdict="trusted", store="system"), True, 30
    assert of("guacamole", described).connects is True
    chain.trust.verdict = "untrusted"  # by our store
    assert of("guacamole", described).connects is None
    for name, value, code in (
        ("name_match", False, "CERT_NAME_MISMATCH"),
        ("days_left", -1, "CERT_EXPIRED"),
    ):
        setattr(chain, name, value)
        assert of("guacamole", described).code == code
    chain.chain[0].self_signed = True
    outcome = of("guacamole", described)
    assert (outcome.connects, outcome.stage, outcome.code) == (False, "certificate", "CERT_SELF_SIGNED")
    assert of("freerdp2", described).connects is True
    assert of("guacamole", certified(modern(), "RSA", "EC")).connects is None


def trusted() -> Result:
    described = certified(modern(), "RSA")
    (chain,) = described.certificates
    chain.trust, chain.name_match, chain.days_left = Trust(verdict="trusted", store="system"), True, 30
    return described


def test_a_certificate_that_is_not_valid_yet_is_refused_as_its_diagnosis_says() -> None:
    described = trusted()
    described.certificates[0].chain[0].not_before = "2031-01-01T00:00:00Z"
    outcome = of("guacamole", described)
    assert (outcome.connects, outcome.stage, outcome.code) == (False, "certificate", "CERT_NOT_YET_VALID")


def test_a_self_signed_certificate_that_the_store_holds_is_trusted() -> None:
    described = trusted()
    described.certificates[0].chain[0].self_signed = True
    assert of("guacamole", described).connects is True


def test_a_diffie_hellman_group_that_is_too_short() -> None:
    described = full(0x009F)
    assert described.tls is not None
    described.tls.dh_parameters = [DhParameters(bits=1024, prime_sha256="00", generator="02")]
    outcome = of("freerdp3", described)
    assert (outcome.connects, outcome.stage, outcome.code) == (False, "tls", "TLS_WEAK_CIPHER")
    assert of("freerdp2", described).connects is True
    described.tls.dh_parameters[0].bits = 2048
    assert of("freerdp3", described).connects is True
    both = full(0x009F, RSA_GCM)
    assert both.tls is not None
    both.tls.dh_parameters = [DhParameters(bits=1024, prime_sha256="00", generator="02")]
    assert of("freerdp3", both).connects is None  # whose order decides is not known
    both.tls.order_by_version = {"TLSv1.2": True}
    assert of("freerdp3", both).connects is False
