"""Whether a diagnosis that was not made could have been made, for every code of the catalogue."""

from __future__ import annotations

from typing import Any

import pytest

from probe.diagnosis import CATALOGUE
from probe.needs import NOTHING, Needs
from probe.result import (
    Certificate,
    CredSsp,
    Gateway,
    Intolerance,
    Licensing,
    MethodAttempt,
    Ntlm,
    Result,
    StandardCertificate,
    StandardRdp,
    Tls,
    TlsFeatures,
    Trust,
    Udp,
    Verdict,
)
from probe.verify.diagnoses_seen import SEEN, needs_of, unseen
from tests.verify.rules import ACCEPTED, REFUSED, SILENT, VERSIONS, chain, leaf, rdp, serving

WITHOUT_TLS = rdp(RDP=ACCEPTED, SSL=REFUSED, HYBRID=REFUSED)
CERTIFICATES = sorted(code for code in CATALOGUE if code.startswith("CERT_"))
STANDARD = ["STANDARD_RDP_WEAK", "ENCRYPTION_FIPS_ONLY", "ENCRYPTION_REFUSED"]
MET = [
    *("DNS_FAILED", "TCP_REFUSED", "TCP_TIMEOUT", "TCP_UNREACHABLE", "TCP_RESET", "NOT_RDP"),
    *("X224_SILENT", "X224_CLOSED", "X224_MALFORMED", "X224_DISCONNECTED"),
]
NEGOTIATED = [
    *("NLA_REQUIRED", "TLS_REQUIRED", "STANDARD_RDP_ONLY", "TLS_CERTIFICATE_MISSING", "USER_AUTH_REQUIRED"),
    *("INCONSISTENT_FLAGS", "NEGOTIATION_UNSUPPORTED", "UNOFFERED_PROTOCOL_SELECTED", "NLA_NOT_ENFORCED"),
    *("NLA_UNSUPPORTED", "NEGOTIATION_ALTERED", "SERVER_LOST", "INTERMITTENT"),
]
OF_VERSIONS = ["TLS_HANDSHAKE_ABORTED", "TLS_NO_COMMON_VERSION", "TLS_LEGACY_VERSION", "TLS_MODERN_ONLY"]
OF_SUITES = ["TLS_NO_SHARED_CIPHER", "TLS_WEAK_CIPHER"]


def test_every_code_of_the_catalogue_has_its_row() -> None:
    of_clients = {"CLIENT_REJECTED_CERTIFICATE", "CLIENT_REJECTED_TLS", "CLIENT_LEFT_AFTER_CERTIFICATE"}
    assert set(SEEN) == set(CATALOGUE) - of_clients


@pytest.mark.parametrize("code", MET)
def test_how_the_target_was_met_is_told_by_every_result(code: str) -> None:
    described = rdp()
    assert unseen(code, described) is None
    described.status = "silent"
    assert unseen(code, described) == "the server did not answer as RDP"
    assert SEEN[code].needs == NOTHING


@pytest.mark.parametrize("code", NEGOTIATED)
def test_the_negotiation(code: str) -> None:
    assert unseen(code, rdp(RDP=REFUSED, SSL=ACCEPTED, HYBRID=REFUSED)) is None
    assert unseen(code, rdp(RDP=REFUSED, SSL=ACCEPTED)) == "HYBRID was not asked for"
    assert unseen(code, rdp(RDP=SILENT, SSL=ACCEPTED, HYBRID=REFUSED)) == "RDP was not settled: timed_out"
    assert unseen(code, rdp(RDP=REFUSED, HYBRID=ACCEPTED)) == "SSL was not asked for"
    needs = SEEN[code].needs
    assert needs.standard or needs.protocols == {"RDP", "SSL", "HYBRID", "HYBRID_EX"}


@pytest.mark.parametrize("code", [*OF_VERSIONS, *OF_SUITES, "TLS_INTOLERANT", *CERTIFICATES])
def test_without_tls_nothing_can_be_amiss_with_it(code: str) -> None:
    assert unseen(code, WITHOUT_TLS) is None


@pytest.mark.parametrize("code", [*OF_VERSIONS, "TLS_INTOLERANT"])
def test_versions(code: str) -> None:
    described = serving()
    assert unseen(code, described) is None
    assert described.tls is not None
    described.tls.versions["TLSv1.1"] = SILENT
    assert unseen(code, described) == "TLSv1.1 was not settled: timed_out"
    described.tls = None
    assert unseen(code, described) == "TLSv1.0 was not asked for"
    needs = SEEN[code].needs
    assert (needs.versions, needs.intolerance) == (frozenset(VERSIONS), code == "TLS_INTOLERANT")


def test_a_hello_that_was_dropped_is_enough() -> None:
    described = serving(versions={})
    assert described.tls is not None
    described.tls.intolerance = [Intolerance(hello="x", ending="reset")]
    assert unseen("TLS_INTOLERANT", described) is None


@pytest.mark.parametrize("code", OF_SUITES)
def test_suites(code: str) -> None:
    described = serving()
    assert unseen(code, described) == "not every suite was asked for"
    assert described.tls is not None
    described.tls.features = TlsFeatures()
    assert unseen(code, described) is None
    described.tls.unsettled = ["TLSv1.2 groups: closed"]
    assert unseen(code, described) is None
    described.tls.unsettled = ["x", "TLSv1.2 suites: closed"]
    assert unseen(code, described) == "TLSv1.2 suites: closed"
    described.tls.unsettled = []
    described.tls.versions["TLSv1.0"] = SILENT
    assert unseen(code, described) == "TLSv1.0 was not settled: timed_out"
    described.tls = None
    assert unseen(code, described) == "not every suite was asked for"
    assert SEEN[code].needs == Needs(full=True)


@pytest.mark.parametrize("code", CERTIFICATES)
def test_certificates(code: str) -> None:
    described = serving(chain(leaf()))
    assert unseen(code, described) is None
    assert unseen(code, serving()) == "the certificate of TLSv1.2 was not seen"
    assert described.tls is not None
    described.tls.versions["TLSv1.1"] = ACCEPTED
    assert unseen(code, described) == "the certificate of TLSv1.1 was not seen"
    needs = SEEN[code].needs
    assert (needs.certificates, needs.versions) == (True, frozenset(VERSIONS))


READ: dict[str, list[dict[str, Any]]] = {
    "CERT_EXPIRED": [{"not_after": None}, {"not_before": None}],
    "CERT_NOT_YET_VALID": [{"not_after": None}, {"not_before": None}],
    "CERT_EXPIRES_SOON": [{"not_after": None}, {"not_before": None}],
    "CERT_SELF_SIGNED": [{"self_signed": None}],
    "CERT_WEAK_KEY": [{"key": None}],
    "CERT_WEAK_SIGNATURE": [{"signature_algorithm": None}],
    "CERT_USAGE_UNSUITABLE": [{"error": "odd"}],
}


@pytest.mark.parametrize(("code", "fields"), [(code, fields) for code, each in READ.items() for fields in each])
def test_a_certificate_that_could_not_be_read(code: str, fields: dict[str, Any]) -> None:
    why = "not all of the certificate could be read or judged"
    assert unseen(code, serving(chain(leaf(**fields)))) == why
    assert unseen(code, serving(chain(leaf()), chain(leaf("bb", **fields)))) == why
    for other in set(CERTIFICATES) - set(READ) - {"CERT_WEAK_KEY", "CERT_WEAK_SIGNATURE"}:
        assert unseen(other, serving(chain(leaf(**fields)))) is None


@pytest.mark.parametrize(("code", "field"), [("CERT_WEAK_KEY", "key"), ("CERT_WEAK_SIGNATURE", "signature_algorithm")])
def test_those_above_count_too(code: str, field: str) -> None:
    assert unseen(code, serving(chain(leaf(), leaf("ca", **{field: None})))) is not None


@pytest.mark.parametrize("code", ["CERT_UNTRUSTED", "CERT_CHAIN_INCOMPLETE"])
def test_a_chain_that_was_not_judged(code: str) -> None:
    described = serving(chain(leaf(), trust=Trust(verdict="unknown", store="none")))
    assert unseen(code, described) is not None
    described.certificates[0].trust = None
    assert unseen(code, described) is not None
    assert unseen("CERT_EXPIRED", described) is None


def test_a_name_that_was_not_compared() -> None:
    assert unseen("CERT_NAME_MISMATCH", serving(chain(leaf(), name_match=None))) is not None
    assert unseen("CERT_NAME_MISMATCH", serving(chain(leaf(), name_match=False))) is None


@pytest.mark.parametrize("code", ["CERT_MALFORMED", "CERT_VARIES"])
def test_what_cannot_be_read_is_told_too(code: str) -> None:
    assert unseen(code, serving(chain(Certificate(sha256="aa", error="odd")))) is None


def test_several_servers() -> None:
    described = serving(chain(leaf()))
    assert unseen("LOAD_BALANCED", described) is None
    assert described.negotiation is not None
    described.certificates = []
    assert unseen("LOAD_BALANCED", described) == "the certificate of TLSv1.2 was not seen"
    assert unseen("LOAD_BALANCED", WITHOUT_TLS) is None
    del described.negotiation.protocols["RDP"]
    assert unseen("LOAD_BALANCED", described) == "RDP was not asked for"
    assert SEEN["LOAD_BALANCED"].needs == Needs(standard=True)


@pytest.mark.parametrize("code", ["REDIRECTED", "LICENSING_FAILED", "CONNECTION_LIMIT"])
def test_licensing(code: str) -> None:
    described = rdp()
    assert unseen(code, described) == "the licensing phase was not asked for"
    described.licensing_asked = True
    assert unseen(code, described) == "no licensing phase could be asked for"
    described.licensing = [Licensing(over="SSL", answer="valid_client")]
    assert unseen(code, described) is None
    described.licensing_asked = False
    assert unseen(code, described) is None
    assert SEEN[code].needs == Needs(licensing=True)


def with_nla(section: CredSsp | None) -> Result:
    described = rdp(HYBRID=ACCEPTED)
    described.credssp = section
    return described


NLA = ["CREDSSP_ABORTED", "CREDSSP_OUTDATED", "NTLM_REFUSED", "CLOCK_SKEW"]


@pytest.mark.parametrize("code", NLA)
def test_credssp(code: str) -> None:
    assert unseen(code, rdp(HYBRID=REFUSED)) is None
    assert unseen(code, rdp(HYBRID=SILENT)) is not None
    assert unseen(code, with_nla(None)) is not None
    assert unseen(code, with_nla(CredSsp(version=6, ntlm=Ntlm(clock_skew_s=0.0)))) is None
    assert (SEEN[code].needs.credssp, SEEN[code].needs.protocols) == (True, frozenset({"HYBRID", "HYBRID_EX"}))


@pytest.mark.parametrize(
    ("section", "blind"),
    [
        (CredSsp(ending="closed"), ["CREDSSP_OUTDATED", "NTLM_REFUSED", "CLOCK_SKEW"]),
        (CredSsp(answer="malformed", ending="complete"), ["CREDSSP_OUTDATED", "NTLM_REFUSED", "CLOCK_SKEW"]),
        (CredSsp(ending="timed_out"), ["CREDSSP_OUTDATED", "NTLM_REFUSED", "CLOCK_SKEW"]),
        (CredSsp(ending="interrupted"), NLA),
        (CredSsp(), NLA),
        (CredSsp(version=6), ["CLOCK_SKEW"]),
        (CredSsp(version=6, ending="deadline"), ["CLOCK_SKEW"]),
        (CredSsp(version=6, ntlm=Ntlm()), ["CLOCK_SKEW"]),
    ],
)
def test_what_the_first_tsrequest_tells(section: CredSsp, blind: list[str]) -> None:
    assert [code for code in NLA if unseen(code, with_nla(section)) is not None] == blind


def standard(**fields: Any) -> Result:
    described = rdp(RDP=ACCEPTED)
    described.standard_rdp = StandardRdp(**fields)
    return described


ASKED = [MethodAttempt(offered="128BIT", method=["128BIT"]), MethodAttempt(offered="FIPS", ending="closed")]


@pytest.mark.parametrize("code", [*STANDARD, "STANDARD_RDP_WEAK_KEY"])
def test_standard_rdp(code: str) -> None:
    key = StandardCertificate(kind="proprietary", key_bits=2048)
    assert unseen(code, rdp(RDP=REFUSED)) is None
    assert unseen(code, rdp(RDP=SILENT)) == "RDP was not settled: timed_out"
    assert unseen(code, rdp()) == "RDP was not asked for"
    why = "the encryption of Standard RDP Security was not asked for"
    assert unseen(code, rdp(RDP=ACCEPTED)) == why
    assert unseen(code, standard(certificate=key)) == why
    assert unseen(code, standard(encryption_level="HIGH", certificate=key)) is None
    assert unseen(code, standard(methods_asked=ASKED, certificate=key)) is None
    for ending in ("timed_out", "interrupted", "deadline", "refused", "filtered", "unreachable"):
        cut = [*ASKED, MethodAttempt(offered="40BIT", ending=ending)]
        assert unseen(code, standard(encryption_level="HIGH", methods_asked=cut, certificate=key)) is not None
    assert (SEEN[code].needs.encryption, SEEN[code].needs.protocols) == (True, frozenset({"RDP"}))


@pytest.mark.parametrize(
    ("fields", "blind"),
    [
        ({}, True),
        ({"certificate": StandardCertificate(kind="x509")}, True),
        ({"certificate": StandardCertificate(kind="x509", key_bits=0)}, False),
        ({"encryption_level": "NONE"}, False),
    ],
)
def test_a_key_of_standard_rdp_that_was_not_seen(fields: dict[str, Any], blind: bool) -> None:
    described = standard(**({"encryption_level": "LOW"} | fields))
    why = "no RSA key of Standard RDP Security was seen"
    assert unseen("STANDARD_RDP_WEAK_KEY", described) == (why if blind else None)
    assert unseen("STANDARD_RDP_WEAK", described) is None


def test_udp_and_gateway() -> None:
    described = rdp()
    assert unseen("UDP_UNREACHABLE", described) == "UDP was not asked for"
    described.udp = Udp(port=3389, state="unknown", offered="3.0")
    assert unseen("UDP_UNREACHABLE", described) == "UDP was not settled"
    described.udp.state = "open"
    assert unseen("UDP_UNREACHABLE", described) is None
    for code in ("GATEWAY_UNREACHABLE", "GATEWAY_NAME_LEAK"):
        described.gateway = None
        assert unseen(code, described) == "no gateway was asked for"
        described.gateway = Gateway(host="gw", port=443, state="unknown")
        assert unseen(code, described) == "the gateway was not settled"
        described.gateway.state = "rd_gateway"
        assert unseen(code, described) is None
        assert SEEN[code].needs == Needs(gateway=True)
    assert SEEN["UDP_UNREACHABLE"].needs == Needs(udp=True)


def test_what_several_need_is_what_either_needs() -> None:
    assert needs_of([]) == NOTHING
    assert needs_of(["UDP_UNREACHABLE", "TLS_WEAK_CIPHER"]) == Needs(udp=True, full=True)


def test_a_version_that_is_accepted_is_no_proof_of_the_rest() -> None:
    described = rdp(SSL=ACCEPTED)
    described.tls = Tls(versions={"TLSv1.2": Verdict(state="accepted")})
    assert unseen("TLS_LEGACY_VERSION", described) == "TLSv1.0 was not asked for"


@pytest.mark.parametrize("old", ["SSLv2", "SSLv3"])
def test_a_version_of_ssl_that_was_asked_for_and_not_settled_leaves_old_versions_open(old: str) -> None:
    described = serving()
    assert described.tls is not None
    for verdict, why in (
        (SILENT, f"{old} was not settled: timed_out"),
        (Verdict(state="unknown", reason="not asked"), None),
        (REFUSED, None),
    ):
        described.tls.versions[old] = verdict
        assert unseen("TLS_LEGACY_VERSION", described) == why
        assert unseen("TLS_MODERN_ONLY", described) is None
