from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from string import Formatter

import pytest

import probe.diagnosis
from probe.diagnosis import CATALOGUE, Diagnosis, diagnose
from probe.diagnosis.rule import RULES
from probe.result import SEVERITIES, CipherSuite, Result, Server, from_json, to_json
from tests.diagnosis.results import ACCEPTED, all_refused, certificate, negotiated, refused, result, served, tls

CODES = """
DNS_FAILED TCP_REFUSED TCP_TIMEOUT TCP_UNREACHABLE TCP_RESET NOT_RDP X224_SILENT X224_CLOSED X224_MALFORMED
X224_DISCONNECTED NLA_REQUIRED TLS_REQUIRED STANDARD_RDP_ONLY TLS_CERTIFICATE_MISSING USER_AUTH_REQUIRED
INCONSISTENT_FLAGS NEGOTIATION_UNSUPPORTED UNOFFERED_PROTOCOL_SELECTED NEGOTIATION_ALTERED NLA_NOT_ENFORCED
NLA_UNSUPPORTED TLS_HANDSHAKE_ABORTED TLS_NO_COMMON_VERSION TLS_LEGACY_VERSION TLS_MODERN_ONLY CERT_EXPIRED
CERT_NOT_YET_VALID CERT_EXPIRES_SOON CERT_SELF_SIGNED CERT_NAME_MISMATCH CERT_MALFORMED CERT_VARIES CREDSSP_ABORTED
CREDSSP_OUTDATED NTLM_REFUSED CLOCK_SKEW STANDARD_RDP_WEAK STANDARD_RDP_WEAK_KEY ENCRYPTION_FIPS_ONLY
ENCRYPTION_REFUSED SERVER_LOST INTERMITTENT CERT_UNTRUSTED CERT_CHAIN_INCOMPLETE CERT_WEAK_KEY CERT_WEAK_SIGNATURE
CERT_USAGE_UNSUITABLE TLS_NO_SHARED_CIPHER TLS_WEAK_CIPHER TLS_INTOLERANT
"""
LOWERS = ("tlsv1.0", "userauthentication 0", "allowencryptionoracle", "securitylayer 0", "disable nla")
# Advice that goes round and is wrong: no such setting, or one that does something else.
NEVER = ("tls_min_version", "mstsc /d:1", "0x00004505", "everyone full control", "xrdp-keygen makes a tls certificate")


def test_the_public_codes_are_there() -> None:
    assert set(CODES.split()) <= CATALOGUE.keys()


def test_every_entry_has_exactly_one_rule() -> None:
    ruled = Counter(rule.diagnosis.code for rule in RULES)
    assert ruled == dict.fromkeys(CATALOGUE, 1)


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE)
def test_an_entry_says_what_why_and_what_to_do(entry: Diagnosis) -> None:
    assert entry.severity in SEVERITIES
    assert entry.causes
    assert entry.remedies
    assert entry.source
    for sentence in (entry.summary, *entry.causes, *entry.remedies):
        assert sentence.strip() == sentence
        assert "  " not in sentence
    assert all(len(set(texts)) == len(texts) for texts in (entry.causes, entry.remedies, entry.user_sees))
    assert entry.summary.endswith((".", "}).", "}."))


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE)
def test_what_lowers_security_says_so_and_comes_last(entry: Diagnosis) -> None:
    said = [index for index, remedy in enumerate(entry.remedies) if "lowers security" in remedy.lower()]
    assert said in ([], [len(entry.remedies) - 1])
    for remedy in entry.remedies:
        assert not any(advice in remedy.lower() for advice in NEVER)
        if any(weakening in remedy.lower() for weakening in LOWERS):
            assert "lowers security" in remedy.lower()


def test_the_summary_alone_has_places_for_facts() -> None:
    for entry in CATALOGUE.values():
        names = [name for _, name, _, _ in Formatter().parse(entry.summary) if name is not None]
        assert all(name.isidentifier() for name in names)


def test_the_most_severe_comes_first_and_equals_keep_their_order() -> None:
    described = served(certificate(until="2026-10-01T00:00:00Z", self_signed=True), name_match=False)
    described.lost = "SSL"
    found = [(diagnosis.severity, diagnosis.code) for diagnosis in diagnose(described)]
    assert found == [
        ("breaks_some", "SERVER_LOST"),
        ("breaks_some", "CERT_EXPIRED"),
        ("risk", "CERT_NAME_MISMATCH"),
        ("info", "CERT_SELF_SIGNED"),
    ]


@pytest.mark.parametrize(
    ("kind", "own", "other"), [("xrdp", "For xrdp", "Windows"), ("windows", "Windows", "For xrdp")]
)
def test_advice_for_this_kind_of_server_comes_before_advice_for_another(kind: str, own: str, other: str) -> None:
    described = served(certificate(until="2026-10-01T00:00:00Z", self_signed=True))
    described.server = Server(kind=kind)
    remedies = next(found.remedies for found in diagnose(described) if found.code == "CERT_EXPIRED")
    first = {words: next(index for index, text in enumerate(remedies) if words in text) for words in (own, other)}
    assert first[own] < first[other]


def test_freerdp_is_told_of_the_library_that_decides_for_it() -> None:
    described = tls(ACCEPTED, ACCEPTED)
    assert described.tls is not None
    described.tls.cipher_suites = {"TLSv1.2": [CipherSuite(code="0x000a", name="TLS_RSA_WITH_3DES_EDE_CBC_SHA")]}
    described.server = Server(kind="freerdp")
    remedies = next(found.remedies for found in diagnose(described) if found.code == "TLS_WEAK_CIPHER")
    assert "FreeRDP" in remedies[0]


def test_what_lowers_security_stays_last_for_every_kind_of_server() -> None:
    described = negotiated(
        HYBRID=ACCEPTED, SSL=refused("HYBRID_REQUIRED_BY_SERVER"), RDP=refused("HYBRID_REQUIRED_BY_SERVER")
    )
    for kind in ("windows", "xrdp", "freerdp", "unknown"):
        described.server = Server(kind=kind)
        remedies = next(found.remedies for found in diagnose(described) if found.code == "NLA_REQUIRED")
        assert "lowers security" in remedies[-1]


def test_a_result_read_back_without_attempts_is_diagnosed_alike() -> None:
    described = all_refused("SSL_CERT_NOT_ON_SERVER")
    assert described.attempts == []
    assert diagnose(from_json(to_json(described))) == diagnose(described) != []


@pytest.mark.parametrize("described", [result(), tls(ACCEPTED, ACCEPTED), result("silent")])
def test_no_facts_no_diagnosis(described: Result) -> None:
    assert diagnose(described) == []


def test_diagnosing_loads_no_network_and_no_cryptography() -> None:
    program = (
        "import sys, probe.diagnosis; print(*sorted({'trio', 'cryptography', 'OpenSSL', 'scapy'} & set(sys.modules)))"
    )
    home = Path(probe.diagnosis.__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=home)
    assert run.stdout.strip() == ""
