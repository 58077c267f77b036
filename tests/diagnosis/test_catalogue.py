from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from string import Formatter
from typing import Literal

import pytest

import probe.diagnosis
from probe.diagnosis import CATALOGUE, Diagnosis, diagnose
from probe.diagnosis.diagnosing import by_client, told
from probe.diagnosis.rule import RULES, Platform, is_constant, texts
from probe.result import SEVERITIES, CipherSuite, Result, Server, from_json, to_json
from tests.diagnosis.results import ACCEPTED, all_refused, certificate, result, said, served, tls

CODES = """
DNS_FAILED TCP_REFUSED TCP_TIMEOUT TCP_UNREACHABLE TCP_RESET NOT_RDP X224_SILENT X224_CLOSED X224_MALFORMED
X224_DISCONNECTED NLA_REQUIRED TLS_REQUIRED STANDARD_RDP_ONLY TLS_CERTIFICATE_MISSING USER_AUTH_REQUIRED
INCONSISTENT_FLAGS NEGOTIATION_UNSUPPORTED UNOFFERED_PROTOCOL_SELECTED NEGOTIATION_ALTERED NLA_NOT_ENFORCED
NLA_UNSUPPORTED TLS_HANDSHAKE_ABORTED TLS_NO_COMMON_VERSION TLS_LEGACY_VERSION TLS_MODERN_ONLY CERT_EXPIRED
CERT_NOT_YET_VALID CERT_EXPIRES_SOON CERT_SELF_SIGNED CERT_NAME_MISMATCH CERT_MALFORMED CERT_VARIES CREDSSP_ABORTED
CREDSSP_OUTDATED NTLM_REFUSED CLOCK_SKEW STANDARD_RDP_WEAK STANDARD_RDP_WEAK_KEY ENCRYPTION_FIPS_ONLY
ENCRYPTION_REFUSED SERVER_LOST INTERMITTENT CERT_UNTRUSTED CERT_CHAIN_INCOMPLETE CERT_WEAK_KEY CERT_WEAK_SIGNATURE
CERT_USAGE_UNSUITABLE TLS_NO_SHARED_CIPHER TLS_WEAK_CIPHER TLS_INTOLERANT LICENSING_FAILED CONNECTION_LIMIT
UDP_UNREACHABLE GATEWAY_UNREACHABLE GATEWAY_NAME_LEAK LOAD_BALANCED REDIRECTED CLIENT_REJECTED_CERTIFICATE
CLIENT_REJECTED_TLS CLIENT_LEFT_AFTER_CERTIFICATE
"""
RESET = said("reset", ending="reset")
REFUSED = said("alert protocol_version")
LONGEST = 560  # characters that a report still shows whole
LOWERS = ("tlsv1.0", "userauthentication 0", "allowencryptionoracle", "securitylayer 0", "disable nla")
# Advice that goes round and is wrong: no such setting, or one that does something else.
NEVER = ("tls_min_version", "mstsc /d:1", "0x00004505", "everyone full control", "xrdp-keygen makes a tls certificate")


def test_the_public_codes_are_there() -> None:
    assert set(CODES.split()) == CATALOGUE.keys()


def test_every_entry_has_exactly_one_rule() -> None:
    ruled = Counter(rule.diagnosis.code for rule in RULES)
    assert ruled == dict.fromkeys(CATALOGUE, 1)


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE)
def test_an_entry_says_what_why_and_what_to_do(entry: Diagnosis) -> None:
    assert entry.severity in SEVERITIES
    assert entry.causes
    assert entry.remedies
    assert entry.source
    for sentence in texts(entry):
        assert sentence.strip() == sentence
        assert "  " not in sentence
        assert len(sentence) <= LONGEST
    assert entry.summary.endswith((".", "}).", "}."))
    for cause in entry.causes:
        assert cause.text.endswith(".")
        assert not cause.tells or cause.tells.endswith(".")
    groups = (entry.causes, entry.remedies, entry.events, *(shown for _client, shown in by_client(entry.user_sees)))
    assert all(len(set(group)) == len(group) for group in groups if not isinstance(group, str))


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE)
def test_what_lowers_security_says_so_and_comes_last(entry: Diagnosis) -> None:
    marked = [remedy.lowers for remedy in entry.remedies]
    assert marked == sorted(marked)
    for remedy in entry.remedies:
        assert ("lowers security" in remedy.text.lower()) is remedy.lowers
        assert not any(advice in remedy.text.lower() for advice in NEVER)
        if any(weakening in remedy.text.lower() for weakening in LOWERS):
            assert remedy.lowers


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE)
def test_a_remedy_heals_causes_of_its_own_entry(entry: Diagnosis) -> None:
    for remedy in entry.remedies:
        assert set(remedy.heals) <= set(entry.causes)
        for cause in remedy.heals:
            assert "any" in (cause.on, remedy.on) or cause.on == remedy.on


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE)
def test_what_is_said_of_one_kind_of_server_is_marked_so(entry: Diagnosis) -> None:
    for remedy in entry.remedies:
        words = remedy.text
        if words.startswith(("On Windows ", "In PowerShell on Windows")) and "authority" not in words:
            assert remedy.on == "windows", words
        if words.startswith("For xrdp"):
            assert remedy.on == "xrdp", words


def test_every_text_of_an_entry_is_told_once_for_translators() -> None:
    entry = CATALOGUE["TLS_HANDSHAKE_ABORTED"]
    told = list(texts(entry))
    assert told[0] == entry.summary
    assert {cause.text for cause in entry.causes} | {cause.tells for cause in entry.causes} <= set(told)
    assert {remedy.text for remedy in entry.remedies} | set(entry.events) <= set(told)
    assert "An internal error has occurred." in told
    assert not any(text.startswith("ERRCONNECT") for text in told)
    assert "" not in told


@pytest.mark.parametrize(
    ("shown", "constant"),
    [
        ("ERRCONNECT_TLS_CONNECT_FAILED [0x00020008]", True),
        ("ERRCONNECT_TLS_CONNECT_FAILED", True),
        ("Error code: 0x904", False),
        ("SSL ERROR", False),
        ("An internal error has occurred.", False),
    ],
)
def test_the_name_of_an_error_is_no_sentence(*, shown: str, constant: bool) -> None:
    assert is_constant(shown) is constant


def test_the_summary_alone_has_places_for_facts() -> None:
    for entry in CATALOGUE.values():
        names = [name for _, name, _, _ in Formatter().parse(entry.summary) if name is not None]
        assert all(name.isidentifier() for name in names)


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE)
def test_an_entry_can_be_said_of_no_server_in_particular(entry: Diagnosis) -> None:
    assert bool(entry.title) is ("{" in entry.summary)
    assert not {"{", "…"} & set(entry.plain)
    assert entry.plain.endswith(".")
    assert entry.plain in texts(entry)


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


@pytest.mark.parametrize(("kind", "other"), [("xrdp", "windows"), ("windows", "xrdp"), ("gnome", "windows")])
@pytest.mark.parametrize("certainty", ["likely", "certain"])
def test_a_known_server_gets_no_advice_for_another(
    kind: Platform, other: Platform, certainty: Literal["likely", "certain"]
) -> None:
    no_certificate = all_refused("SSL_CERT_NOT_ON_SERVER")
    for described in (tls(RESET, RESET), served(certificate(until="2026-10-01T00:00:00Z")), no_certificate):
        described.server = Server(kind=kind, certainty=certainty)
        for found in diagnose(described):
            entry = CATALOGUE[found.code]
            causes, remedies = entry.causes, entry.remedies
            told_of = {cause.on for cause in causes if told(cause) in found.causes}
            advised = {remedy.on for remedy in remedies if remedy.text in found.remedies}
            assert told_of
            assert advised
            if described is not no_certificate:  # GNOME is named by none of its causes
                assert other not in told_of | advised


def test_advice_for_another_kind_of_server_is_better_than_none() -> None:
    described = all_refused("SSL_CERT_NOT_ON_SERVER")
    described.server = Server(kind="virtualbox", certainty="likely")
    [found] = diagnose(described)
    assert found.causes == [told(cause) for cause in CATALOGUE[found.code].causes]
    assert len(found.remedies) == len(CATALOGUE[found.code].remedies)


@pytest.mark.parametrize("kind", ["windows", "xrdp"])
def test_the_server_without_a_certificate_is_told_of_its_own_files(kind: Platform) -> None:
    described = all_refused("SSL_CERT_NOT_ON_SERVER")
    described.server = Server(kind=kind, certainty="likely")
    [found] = diagnose(described)
    assert any("SCHANNEL" in text.upper() for text in found.causes) is (kind == "windows")
    assert any("xrdp" in text for text in found.causes + found.remedies) is (kind == "xrdp")


@pytest.mark.parametrize(
    "code", ["TCP_REFUSED", "TCP_RESET", "NOT_RDP", "X224_SILENT", "X224_CLOSED", "NLA_UNSUPPORTED"]
)
def test_the_first_remedy_serves_whatever_answers(code: str) -> None:
    first = CATALOGUE[code].remedies[0]
    assert first.on == "any"
    assert not first.heals
    assert ("Linux" in first.text or "xrdp" in first.text) is ("Windows" in first.text)


def test_what_users_see_names_the_client_and_the_log() -> None:
    [found] = diagnose(tls(RESET, RESET))
    assert found.user_sees[0] == "mstsc: An internal error has occurred."
    assert "FreeRDP: ERRCONNECT_TLS_CONNECT_FAILED [0x00020008]" in found.user_sees
    assert found.user_sees[-1].startswith("event log: xrdp.log: ")
    assert found.page == "docs/diagnoses/TLS_HANDSHAKE_ABORTED.md"


def test_freerdp_is_told_of_the_library_that_decides_for_it() -> None:
    described = tls(ACCEPTED, ACCEPTED)
    assert described.tls is not None
    described.tls.cipher_suites = {"TLSv1.2": [CipherSuite(code="0x000a", name="TLS_RSA_WITH_3DES_EDE_CBC_SHA")]}
    described.server = Server(kind="freerdp")
    remedies = next(found.remedies for found in diagnose(described) if found.code == "TLS_WEAK_CIPHER")
    assert "FreeRDP" in remedies[0]


def test_what_lowers_security_stays_last_for_every_kind_of_server() -> None:
    described = tls(REFUSED, REFUSED, REFUSED, ACCEPTED)
    for kind in ("windows", "xrdp", "freerdp", "unknown"):
        described.server = Server(kind=kind)
        remedies = next(found.remedies for found in diagnose(described) if found.code == "TLS_NO_COMMON_VERSION")
        assert "lowers security" in remedies[-1]
        assert not any("lowers security" in remedy for remedy in remedies[:-1])


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
