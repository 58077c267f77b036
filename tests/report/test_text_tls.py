"""The TLS block of depth full, and the certificates; whole screens are in tests/golden."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.report.text_tls import spent
from probe.result import (
    Certificate,
    CertificateChain,
    CipherSuite,
    DhParameters,
    Fingerprints,
    Group,
    Intolerance,
    Registered,
    Result,
    StandardCertificate,
    StandardRdp,
    Tls,
    TlsFeatures,
    Trust,
    Verdict,
)
from tests.golden import full
from tests.golden import results as golden
from tests.report.test_text import HOSTILE, assert_harmless, piped, shown

ACCEPTED = Verdict(state="accepted")
TOO_OLD = Verdict(state="rejected", reason="alert protocol_version")


def served(tls: Tls) -> Result:
    made = golden.windows_nla()
    made.depth, made.tls, made.diagnoses = "full", tls, []
    return made


def accepting(codes: str, version: str = "TLSv1.2", *, server_order: bool | None = True, dh_bits: int = 2048) -> Result:
    return served(
        Tls(
            versions={version: ACCEPTED},
            cipher_suites={version: full.suites(codes, dh_bits)},
            server_order=server_order,
            order_by_version={} if server_order is None else {version: server_order},
        )
    )


def lines(result: Result, verbosity: int = 0) -> list[str]:
    return piped(result, verbosity).splitlines()


def featured(features: TlsFeatures, verbosity: int = 0) -> str:
    """What stands behind Features, and the lines below that have no label."""
    found = lines(served(Tls(features=features)), verbosity)
    start = next((at for at, line in enumerate(found) if line.startswith("Features ")), None)
    if start is None:
        return ""
    end = next(at for at in range(start + 1, len(found)) if not found[at].startswith(" "))
    return "\n".join(line[14:] for line in found[start:end])


def test_versions_stand_newest_first_each_with_its_reason() -> None:
    tls = full.windows()
    tls.versions = {"SSLv2": TOO_OLD, "TLSv1.0": ACCEPTED, "TLSv1.3": ACCEPTED}
    found = [line for line in lines(served(tls)) if line.startswith("  ") and line[2] in "1S"]
    assert [line.split()[0] for line in found[-5:]] == ["1.3", "1.2", "1.1", "1.0", "SSL"]
    assert (
        "  1.2    unknown   not asked, 15 suites, server's order" in found
    )  # its hello was not asked; its suites were
    assert "  SSL 2  rejected  protocol_version" in found


@pytest.mark.parametrize(
    ("order", "words"),
    [(True, "2 suites, server's order"), (False, "2 suites, client's order"), (None, "2 suites")],
)
def test_whose_order_decides(*, order: bool | None, words: str) -> None:
    assert f"  1.2    accepted  {words}" in lines(accepting("c030 c02f", server_order=order))
    assert "  1.2    accepted  1 suite" in lines(accepting("c030", server_order=order))


def test_one_weak_suite_is_named_and_many_are_counted() -> None:
    found = lines(accepting("c030 000a 009d 009c 0005 0004"))
    assert "    weak   TLS_RSA_WITH_3DES_EDE_CBC_SHA: 64-bit blocks, as 3DES has them (NIST SP 800-52r2 3.3.1)" in found
    assert "    weak   2 suites: static RSA, no forward secrecy (RFC 9325 4.1, RFC 10015)" in found
    assert "    weak   2 suites: RC4 (RFC 7465)" in found
    assert not any("c030" in line for line in found)


def test_what_is_dated_is_counted_apart_from_what_is_weak() -> None:
    found = lines(accepting("c030 009f c028 c014 000a"))
    assert "    dated  1 with finite-field DH (RFC 9325 4.1, RFC 10015); 2 with CBC, not AEAD (RFC 9325 4.2)" in found
    assert not any("dated" in line or "weak" in line for line in lines(accepting("c030 c02f")))


def test_a_short_group_is_told_with_its_size() -> None:
    assert any(
        line.endswith("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384: DH under 2048 bits (RFC 9325 4.5), 1024 here")
        for line in lines(accepting("009f", dh_bits=1024))
    )


def test_in_a_withdrawn_version_one_line_says_what_is_weak_besides() -> None:
    found = lines(accepting("c014 0035 000a", "TLSv1.0"))
    at = found.index("  1.0    accepted  3 suites, server's order")
    assert found[at + 1 : at + 4] == [
        "    weak   the version itself: withdrawn (RFC 8996)",
        "    weak   2 suites: 64-bit blocks, as 3DES has them; static RSA, no forward secrecy",
        "",
    ]
    assert "    weak   the version itself: prohibited (RFC 6176)" in lines(accepting("010080", "SSLv2"))
    found = lines(accepting("c014", "TLSv1.0"))
    assert sum("weak" in line for line in found) == 1


def test_v_names_every_suite_in_order_with_its_code() -> None:
    found = lines(accepting("c030 009f 0005", dh_bits=3072), 1)
    at = found.index("           0xc030  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")
    assert found[at + 1 : at + 3] == [
        "    dated  0x009f  TLS_DHE_RSA_WITH_AES_256_GCM_SHA384, DH 3072: finite-field DH",
        "    weak   0x0005  TLS_RSA_WITH_RC4_128_SHA: RC4; static RSA, no forward secrecy",
    ]
    assert "    weak   the version itself: withdrawn (RFC 8996)" in lines(accepting("c014", "TLSv1.1"), 1)


def test_groups_parameters_and_signatures_are_marked() -> None:
    found = lines(served(full.ancient()))
    assert "Groups        secp192r1, weak: curve under 224 bits (RFC 9325 4.5) · secp256r1" in found
    assert "DH            512 bits (its own), weak: DH under 2048 bits (RFC 9325 4.5)" in found
    assert "Signatures    rsa_pkcs1_sha1, weak: SHA-1 signature (RFC 9155 4)" in found
    assert "Intolerant    dropped: TLS 1.3 offered (reset)" in found
    assert "Not settled   TLS 1.1: two hellos were not answered" in found


def test_v_says_where_groups_were_seen_unless_it_is_everywhere() -> None:
    tls = full.windows()
    assert "x25519 (0x001d, TLS 1.3)" in piped(served(tls), 1)
    tls.groups = [full.group("0x001d", "x25519", "TLSv1.3"), full.group("0x0017", "secp256r1", "TLSv1.3")]
    assert "Groups        x25519 (0x001d) · secp256r1 (0x0017)\n" in piped(served(tls), 1)


@pytest.mark.parametrize(
    ("features", "words"),
    [
        (
            TlsFeatures(secure_renegotiation=True, extended_master_secret=True, encrypt_then_mac=True),
            "secure renegotiation · extended master secret · encrypt-then-MAC",
        ),
        (TlsFeatures(compression=False, heartbeat=False, client_certificate=False), ""),
        (TlsFeatures(heartbeat=True, client_certificate=True), "heartbeat · client certificate asked for"),
        (TlsFeatures(session_tickets=True, fallback_scsv=True, sslv2_framed_hello=True), ""),
        (TlsFeatures(resumption=True, resumed_version="TLSv1.2"), "resumption (in TLS 1.2)"),
        (TlsFeatures(resumption=False), "no resumption"),
        (TlsFeatures(encrypt_then_mac=False), ""),
        (TlsFeatures(other_name="same certificate"), ""),
        (TlsFeatures(other_name="another certificate"), "another name: another certificate"),
        (
            TlsFeatures(compression=True, resumption=True),
            "resumption\nweak: compression, CRIME (RFC 9325 3.3)",
        ),
        (TlsFeatures(compression=True), "weak: compression, CRIME (RFC 9325 3.3)"),
        (
            TlsFeatures(secure_renegotiation=False, extended_master_secret=False),
            (
                "weak: no secure renegotiation, others can put data before a session (RFC 5746, RFC 9325 3.5)\n"
                "weak: no extended master secret, sessions can be spliced (RFC 7627, RFC 9325 3.5)"
            ),
        ),
        (TlsFeatures(), ""),
    ],
)
def test_features(features: TlsFeatures, words: str) -> None:
    assert featured(features) == words


def test_v_tells_the_rest_of_the_features() -> None:
    features = TlsFeatures(
        compression=False, session_tickets=True, fallback_scsv=True, encrypt_then_mac=False, other_name="refused"
    )
    assert featured(features, 1) == (
        "no compression · session tickets · fallback SCSV · another name: refused\n"
        "dated: no encrypt-then-MAC, CBC suites go without it (RFC 7366, RFC 9325 4.2)"
    )


def test_extensions_and_fingerprints_are_for_v() -> None:
    tls = full.windows()
    assert "Extensions" not in piped(served(tls))
    text = piped(served(tls), 1)
    assert "Extensions    supported_versions (0x002b) · key_share (0x0033) · renegotiation_info (0xff01)\n" in text
    assert "Fingerprints  JA3S 15af977ce25de452b96affa2addb1036 · JA4S t130200_1302_a56c5b993250\n" in text
    tls.fingerprints = Fingerprints(ja4s="t130200_1302_a56c5b993250")
    assert "Fingerprints  JA4S t" in piped(served(tls), 1)
    for fingerprints in (Fingerprints(), None):
        tls.fingerprints = fingerprints
        assert "Fingerprints" not in piped(served(tls), 1)


def test_connections_are_counted_by_what_they_were_for_at_the_end_of_the_facts() -> None:
    made = golden.windows_full()
    words = "52 connections: 24 TLS 1.2 suites, 9 groups, 9 features, 7 protocols, 3 TLS 1.3 suites"
    assert spent(made) == words
    found = lines(made)
    assert found[found.index(words) + 2].startswith("More")
    made.depth = "standard"
    assert words not in piped(made)
    assert words in piped(made, 1)
    made.connections, made.spent = 1, {"protocols": 1}
    assert spent(made) == "1 connection: 1 protocol"
    made.spent = {}
    assert spent(made) is None
    assert "1 connection:" not in piped(made, 1)


def test_a_standard_audit_keeps_its_two_tables_and_points_to_the_full_one() -> None:
    made = golden.windows_nla()
    assert made.tls is not None
    made.tls.versions |= {"SSLv3": TOO_OLD, "SSLv2": ACCEPTED}
    text = shown(made)
    assert "Security protocols                      TLS\n" in text
    assert "  1.3    accepted\n" in text
    assert "  SSL 3  rejected  protocol_version\n" in text
    assert "  SSL 2  accepted\n" in text
    assert piped(made).endswith(
        "-vv every message · --depth full every cipher suite and group · --json"
        " · rdp-probe verify srv1.example --policy strict\n"
    )
    assert "--depth full" not in shown(golden.windows_full())
    made.tls, made.clients = None, []
    assert "--depth full" not in shown(made)


def test_a_hello_that_fails_for_its_suites_alone_does_not_die_everywhere() -> None:
    made = golden.tls_aborted()
    made.diagnoses = []
    assert made.tls is not None
    made.tls.cipher_suites = {"TLSv1.2": []}
    assert "every handshake dies" in shown(made)
    made.tls.cipher_suites["TLSv1.2"] = full.suites("0005")
    assert "every handshake dies" not in shown(made)
    assert "  1.2    rejected  connection reset, 1 suite\n" in shown(made)


def chained(chain: CertificateChain, verbosity: int = 0) -> list[str]:
    made = golden.windows_nla()
    made.certificates = [chain]
    found = lines(made, verbosity)
    start = next(at for at, line in enumerate(found) if line.startswith("Certificate "))
    end = next(at for at in range(start + 1, len(found)) if not found[at].startswith(" "))
    return [line[14:] for line in found[start:end]]


@pytest.mark.parametrize(
    ("trust", "words"),
    [
        (Trust(verdict="trusted", store="system"), "CN=a · trusted by system"),
        (Trust(verdict="untrusted", store="certifi", reason="no path"), "CN=a · untrusted by certifi"),
        (Trust(verdict="unknown", store="none"), "CN=a"),
        (Trust(verdict="self_signed", store="none"), "CN=a"),
        (Trust(verdict="chain_incomplete", store="system"), "CN=a · chain incomplete by system"),
        (
            Trust(
                verdict="chain_incomplete",
                store="system",
                reason="the issuer was not served and the store lacks it: CN=Issuing CA",
            ),
            "CN=a · issuer missing: CN=Issuing CA",
        ),
    ],
)
def test_what_a_store_thinks_of_a_chain(trust: Trust, words: str) -> None:
    assert chained(CertificateChain(chain=[Certificate(sha256="00", subject="CN=a")], trust=trust)) == [words]


def test_the_certificate_that_windows_makes_and_the_name_that_ntlm_tells() -> None:
    leaf = Certificate(sha256="00", subject="CN=a", self_signed=True)
    chain = CertificateChain(chain=[leaf], windows_generated=True, name_match=True, ntlm_name_match=False)
    words = "the computer's name as NTLM tells it is not in it"
    assert chained(chain) == [f"CN=a · self-signed · as Windows makes it by itself · name matches · {words}"]
    chain.windows_generated, chain.ntlm_name_match = False, True
    assert chained(chain) == ["CN=a · self-signed · name matches"]


def test_v_tells_what_a_certificate_is_for_and_who_issued_it() -> None:
    leaf = Certificate(
        sha256="aa",
        subject="CN=a",
        issuer="CN=ca",
        serial="4f",
        spki_sha256="bb",
        names=[f"n{number}.example" for number in range(8)],
        key_usage=["digital_signature"],
        extended_key_usage=[],
    )
    issuer = Certificate(sha256="cc", subject="CN=ca", issuer="CN=ca")
    nameless = Certificate(sha256="dd")
    trust = Trust(verdict="untrusted", store="system", reason="no path")
    chain = CertificateChain(chain=[leaf, issuer, nameless], trust=trust)
    assert chained(chain, 1)[1:] == [
        (
            "issued by CN=ca · serial 4f · names n0.example, n1.example, n2.example, n3.example, n4.example, "
            "n5.example and 2 more · for digital_signature · for nothing · SHA-256 aa · SHA-256 of the key bb · "
            "trust: no path"
        ),
        "CN=ca · SHA-256 cc",
        "SHA-256 dd",
    ]
    assert len(chained(chain)) == 1


def test_the_chain_inside_standard_rdp_security_is_told_alike() -> None:
    made = golden.xrdp()
    chain = CertificateChain(chain=[Certificate(sha256="00", subject="CN=inside")], days_left=3)
    made.standard_rdp = StandardRdp(certificate=StandardCertificate(kind="x509", certificates=1, chain=chain))
    assert "without TLS · x509 certificate, 1 in its chain\n              CN=inside · 3 days left\n" in piped(made)


@pytest.mark.parametrize("verbosity", [0, 1])
@given(words=st.text(st.characters(exclude_categories=()), max_size=30) | st.just(HOSTILE))
def test_any_text_in_any_place_is_harmless(verbosity: int, words: str) -> None:
    named = Registered(code=words, name=words)
    features = TlsFeatures(resumption=True, resumed_version=words)
    tls = Tls(
        versions={words: Verdict(state="rejected", reason=words)},
        cipher_suites={words: [CipherSuite(code=words, name=words)], "TLSv1.2": [CipherSuite(code="", name=words)]},
        groups=[Group(code=words, name=words, versions=[words]), Group(code=words, name=words)],
        dh_parameters=[DhParameters(bits=1, prime_sha256=words, generator=words, name=words)],
        signature_schemes=[named],
        extensions=[named],
        features=features,
        fingerprints=Fingerprints(ja3s=words, ja4s=words),
        intolerance=[Intolerance(hello=words, ending="reset")],
        unsettled=[words],
    )
    made = served(tls)
    made.spent = {words: 1}
    leaf = Certificate(
        sha256=words,
        subject=words,
        issuer=f"{words}.",
        serial=words,
        spki_sha256=words,
        names=[words],
        key_usage=[words],
    )
    reason = f"the issuer was not served and the store lacks it: {words}"
    trust = Trust(verdict="chain_incomplete", store=words, reason=reason)
    made.certificates = [CertificateChain(chain=[leaf, leaf], trust=trust, served_to=[words])] * 2
    assert_harmless(shown(made, verbosity))
