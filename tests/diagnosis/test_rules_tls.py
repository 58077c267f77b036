from __future__ import annotations

import pytest

from probe.diagnosis.catalogue_tls import (
    ALL_OFF,
    NEVER_TAUGHT,
    NOTHING_SHARED,
    PATH_SWALLOWS,
    SCHANNEL_KEY,
    SCHANNEL_OFF,
    SERVICE_HANGS,
    TLS_HANDSHAKE_ABORTED,
    XRDP_CIPHERS,
    XRDP_KEY,
    XRDP_NO_VERSION,
    XRDP_SMALL_KEY,
)
from probe.diagnosis.diagnosing import told
from probe.diagnosis.rule import Cause
from probe.result import (
    CipherSuite,
    DhParameters,
    Group,
    Intolerance,
    MethodAttempt,
    Registered,
    Result,
    Server,
    StandardRdp,
    TlsAnswer,
    TlsFeatures,
    TlsHandshake,
    Verdict,
)
from tests.diagnosis.results import ACCEPTED, codes, negotiated, said, the, tls

TOO_OLD = said("alert protocol_version")
SILENCE = said("timed_out", "unknown", "timed_out")
STOPPED = said("interrupted", "unknown", "interrupted")
RESET = said("reset", ending="reset")


@pytest.mark.parametrize(
    ("verdicts", "likeliest"),
    [
        ((RESET, RESET), SCHANNEL_KEY),
        ((said("closed", ending="closed"), RESET), SCHANNEL_KEY),
        ((said("clear-text disconnect"), RESET), XRDP_KEY),
        ((SILENCE, SILENCE), PATH_SWALLOWS),
        ((SILENCE, SILENCE, TOO_OLD, TOO_OLD), PATH_SWALLOWS),
        ((said("alert handshake_failure"), TOO_OLD), NOTHING_SHARED),
        ((said("malformed", "unknown", "closed"), SILENCE), SCHANNEL_KEY),
        ((RESET, STOPPED), SCHANNEL_KEY),
    ],
)
def test_no_hello_is_answered_and_what_that_points_to(verdicts: tuple[Verdict, ...], likeliest: Cause) -> None:
    found = the("TLS_HANDSHAKE_ABORTED", tls(*verdicts))
    assert found.severity == "blocker"
    assert found.causes[0] == told(likeliest)
    assert found.remedies[0] in [remedy.text for remedy in TLS_HANDSHAKE_ABORTED.remedies if likeliest in remedy.heals]


@pytest.mark.parametrize(
    ("verdict", "left", "excluded"),
    [
        (said("clear-text disconnect"), XRDP_SMALL_KEY, (SCHANNEL_KEY, SCHANNEL_OFF, PATH_SWALLOWS, NOTHING_SHARED)),
        (RESET, SCHANNEL_OFF, (XRDP_KEY, XRDP_SMALL_KEY, PATH_SWALLOWS)),
        (SILENCE, SERVICE_HANGS, (XRDP_KEY, SCHANNEL_KEY, NOTHING_SHARED)),
        (said("alert handshake_failure"), XRDP_CIPHERS, (XRDP_KEY, SCHANNEL_KEY, PATH_SWALLOWS, SERVICE_HANGS)),
        (said("alert internal_error"), SCHANNEL_KEY, (XRDP_KEY, PATH_SWALLOWS)),
    ],
)
def test_what_the_way_it_ended_rules_out_is_not_said(
    verdict: Verdict, left: Cause, excluded: tuple[Cause, ...]
) -> None:
    found = the("TLS_HANDSHAKE_ABORTED", tls(verdict, verdict))
    assert told(left) in found.causes
    for cause in excluded:
        assert told(cause) not in found.causes
        alone = [remedy.text for remedy in TLS_HANDSHAKE_ABORTED.remedies if remedy.heals == (cause,)]
        assert not set(alone) & set(found.remedies)


def test_silence_of_a_server_that_answers_older_versions_is_the_way() -> None:
    found = the("TLS_HANDSHAKE_ABORTED", tls(SILENCE, SILENCE, TOO_OLD, TOO_OLD))
    assert found.causes == [told(PATH_SWALLOWS)]


@pytest.mark.parametrize(("kind", "first"), [("xrdp", XRDP_NO_VERSION), ("windows", ALL_OFF)])
def test_no_version_at_all_has_other_causes_than_an_old_one(kind: str, first: Cause) -> None:
    none, old = tls(TOO_OLD, TOO_OLD, TOO_OLD, TOO_OLD), tls(TOO_OLD, TOO_OLD, ACCEPTED)
    for described in (none, old):
        described.server = Server(kind=kind, certainty="likely")
    assert the("TLS_NO_COMMON_VERSION", none).causes[0] == told(first)
    assert told(NEVER_TAUGHT) not in the("TLS_NO_COMMON_VERSION", none).causes
    assert not {told(ALL_OFF), told(XRDP_NO_VERSION)} & set(the("TLS_NO_COMMON_VERSION", old).causes)


def test_an_xrdp_that_closes_may_still_be_one_with_a_bad_key() -> None:
    described = tls(RESET, RESET)
    described.server = Server(kind="xrdp", certainty="certain")
    found = the("TLS_HANDSHAKE_ABORTED", described)
    assert found.causes[0] == told(XRDP_KEY)
    assert told(SCHANNEL_OFF) not in found.causes
    assert "xrdp" in found.remedies[0]


def test_each_version_says_how_it_ended() -> None:
    described = tls(RESET, said("malformed", "unknown", "closed"), Verdict(state="unknown"))
    assert the("TLS_HANDSHAKE_ABORTED", described).evidence == [
        "TLSv1.3: reset",
        "TLSv1.2: malformed, closed",
        "TLSv1.1: unknown",
    ]


def test_with_standard_rdp_security_left_some_still_connect() -> None:
    described = tls(RESET, rdp=ACCEPTED)
    assert the("TLS_HANDSHAKE_ABORTED", described).severity == "breaks_some"
    described.standard_rdp = StandardRdp(methods_asked=[MethodAttempt(offered="128BIT", ending="reset")])
    assert the("TLS_HANDSHAKE_ABORTED", described).severity == "blocker"  # accepted in word, and then dropped
    described.standard_rdp.methods_asked.append(MethodAttempt(offered="40BIT", method=["40BIT"]))
    assert the("TLS_HANDSHAKE_ABORTED", described).severity == "breaks_some"


def test_in_discover_the_one_try_at_a_handshake_is_what_is_known() -> None:
    described = tls()
    assert described.tls is not None
    described.tls.handshake_failure = Verdict(state="rejected", reason="clear-text disconnect")
    assert "a complete handshake: clear-text disconnect" in the("TLS_HANDSHAKE_ABORTED", described).evidence[0]
    described.tls.handshake_failure = Verdict(state="unknown", reason="not completed")
    assert "TLS_HANDSHAKE_ABORTED" not in codes(described)


@pytest.mark.parametrize(
    "described",
    [tls(RESET, ACCEPTED), tls(TOO_OLD, TOO_OLD), tls(STOPPED, STOPPED), tls(), negotiated(SSL=ACCEPTED)],
)
def test_one_answer_or_no_question_is_no_abort(described: Result) -> None:
    assert "TLS_HANDSHAKE_ABORTED" not in codes(described)


def test_versions_of_current_clients_are_missing() -> None:
    found = the("TLS_NO_COMMON_VERSION", tls(TOO_OLD, said("answered TLSv1.0"), TOO_OLD, ACCEPTED))
    assert found.severity == "breaks_some"
    assert found.evidence == [
        "TLSv1.2: rejected (answered TLSv1.0)",
        "TLSv1.3: rejected (alert protocol_version)",
        "TLSv1.0: accepted",
    ]


def test_no_version_at_all_blocks() -> None:
    assert the("TLS_NO_COMMON_VERSION", tls(TOO_OLD, TOO_OLD, TOO_OLD, TOO_OLD)).severity == "blocker"
    left = tls(TOO_OLD, TOO_OLD, rdp=ACCEPTED)
    left.standard_rdp = StandardRdp(methods_asked=[MethodAttempt(offered="128BIT", method=["128BIT"])])
    assert the("TLS_NO_COMMON_VERSION", left).severity == "breaks_some"


@pytest.mark.parametrize(
    "described",
    [
        tls(TOO_OLD, SILENCE, TOO_OLD, ACCEPTED),
        tls(TOO_OLD, ACCEPTED),
        tls(TOO_OLD),
        tls(RESET, RESET),
        negotiated(SSL=ACCEPTED),
    ],
)
def test_versions_may_still_meet(described: Result) -> None:
    assert "TLS_NO_COMMON_VERSION" not in codes(described)


def test_withdrawn_versions_are_named() -> None:
    found = the("TLS_LEGACY_VERSION", tls(ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED))
    assert found.summary.endswith(": TLSv1.0, TLSv1.1.")
    assert found.evidence[0] == "TLSv1.0: accepted; withdrawn (RFC 8996)"
    assert "TLS_LEGACY_VERSION" not in codes(tls(ACCEPTED, ACCEPTED, SILENCE, TOO_OLD))


def test_modern_only() -> None:
    assert the("TLS_MODERN_ONLY", tls(ACCEPTED, TOO_OLD)).severity == "breaks_some"
    for described in (tls(ACCEPTED, SILENCE), tls(ACCEPTED, ACCEPTED), tls(ACCEPTED), tls(RESET, TOO_OLD)):
        assert "TLS_MODERN_ONLY" not in codes(described)


def test_ssl_is_named_with_its_own_prohibition() -> None:
    described = tls(ACCEPTED, ACCEPTED)
    assert described.tls is not None
    described.tls.versions |= {"SSLv3": ACCEPTED, "SSLv2": ACCEPTED}
    found = the("TLS_LEGACY_VERSION", described)
    assert found.summary.endswith(": SSLv2, SSLv3.")
    assert found.evidence == ["SSLv2: accepted; prohibited (RFC 6176)", "SSLv3: accepted; prohibited (RFC 7568)"]
    described.tls.versions |= {"SSLv3": TOO_OLD, "SSLv2": Verdict(state="unknown", ending="timed_out")}
    assert codes(described) == []


NAMES = {
    "0xc02f": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "0x1301": "TLS_AES_128_GCM_SHA256",
    "0x1304": "TLS_AES_128_CCM_SHA256",
    "0x002f": "TLS_RSA_WITH_AES_128_CBC_SHA",
    "0x0035": "TLS_RSA_WITH_AES_256_CBC_SHA",
    "0x003c": "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "0x009c": "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "0x009d": "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "0x0005": "TLS_RSA_WITH_RC4_128_SHA",
    "0x000A": "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "0x0034": "TLS_DH_anon_WITH_AES_128_CBC_SHA",
    "0x0033": "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
    "0xc09e": "TLS_DHE_RSA_WITH_AES_128_CCM",
    "0x0041": "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA",
}


def accepting(*verdicts: Verdict, dh_bits: int | None = None, **suites: str) -> Result:
    """A server with these verdicts, and suites by version: TLSv1_2="0xc02f 0x002f"."""
    described = tls(*(verdicts or (TOO_OLD, ACCEPTED)))
    assert described.tls is not None
    described.tls.cipher_suites = {
        version.replace("_", "."): [CipherSuite(code=code, name=NAMES[code], dh_bits=dh_bits) for code in codes.split()]
        for version, codes in suites.items()
    }
    return described


def test_suites_that_no_current_client_offers() -> None:
    found = the("TLS_NO_SHARED_CIPHER", accepting(TLSv1_2="0x0005"))
    assert found.severity == "breaks_some"  # Windows XP to 8.1 offer RC4
    assert "accepts TLSv1.2 only with" in found.summary
    assert found.evidence == [
        "TLSv1.2 accepts TLS_RSA_WITH_RC4_128_SHA; current clients (Windows 10 and 11, OpenSSL 3) offer none of these"
    ]
    assert "lowers security" in found.remedies[-1]


def test_suites_that_no_client_at_all_offers_block() -> None:
    described = accepting(TLSv1_2="0x0034 0x0041")
    assert the("TLS_NO_SHARED_CIPHER", described).severity == "blocker"
    assert described.negotiation is not None
    described.negotiation.protocols["RDP"] = ACCEPTED
    assert the("TLS_NO_SHARED_CIPHER", described).severity == "breaks_some"
    with_older = accepting(TOO_OLD, ACCEPTED, TOO_OLD, ACCEPTED, TLSv1_2="0x0034", TLSv1_0="0x0005")
    assert the("TLS_NO_SHARED_CIPHER", with_older).severity == "breaks_some"


def test_a_hello_refused_for_its_suites_though_others_are_accepted() -> None:
    described = accepting(TOO_OLD, said("alert handshake_failure"), TLSv1_2="0x0005")
    assert the("TLS_NO_SHARED_CIPHER", described).evidence[1:] == [
        "TLSv1.2: the hello of a current client is rejected (alert handshake_failure)"
    ]
    assert "TLS_NO_COMMON_VERSION" not in codes(described)
    assert "TLS_HANDSHAKE_ABORTED" not in codes(described)
    modern = accepting(ACCEPTED, said("alert handshake_failure"), TLSv1_3="0x1301", TLSv1_2="0x0005")
    assert "TLS_MODERN_ONLY" not in codes(modern)


def test_both_current_versions_have_nothing_to_share() -> None:
    described = accepting(ACCEPTED, ACCEPTED, TLSv1_3="0x1304", TLSv1_2="0x0005")
    assert "accepts TLSv1.3 and TLSv1.2 only with" in the("TLS_NO_SHARED_CIPHER", described).summary


@pytest.mark.parametrize(
    "described",
    [
        accepting(TLSv1_2="0x0005 0xc02f"),
        accepting(TLSv1_2="0x000A"),  # Windows offers it still
        accepting(ACCEPTED, ACCEPTED, TLSv1_3="0x1301", TLSv1_2="0x0005"),
        accepting(ACCEPTED, ACCEPTED, TLSv1_2="0x0005"),  # what TLS 1.3 is accepted with was not asked
        accepting(TOO_OLD, TOO_OLD, TOO_OLD, ACCEPTED, TLSv1_0="0x0005"),
        accepting(TLSv1_2=""),
        tls(),
        negotiated(SSL=ACCEPTED),
    ],
)
def test_suites_that_may_be_shared(described: Result) -> None:
    assert "TLS_NO_SHARED_CIPHER" not in codes(described)


def test_suites_that_were_not_all_asked_for_prove_no_lack() -> None:
    lost, unsettled = accepting(TLSv1_2="0x0005"), accepting(TLSv1_2="0x0005")
    lost.lost = "TLSv1.2 suites"
    assert unsettled.tls is not None
    unsettled.tls.unsettled = ["TLSv1.2 suites: the server began to refuse"]
    for described in (lost, unsettled):
        assert "TLS_NO_SHARED_CIPHER" not in codes(described)
    unsettled.tls.unsettled = ["TLSv1.2: 3 groups were neither selected nor refused", "TLSv1.0: 3 cipher suites were"]
    assert "TLS_NO_SHARED_CIPHER" in codes(unsettled)


def test_weak_suites_are_named_by_version_and_reason() -> None:
    described = accepting(ACCEPTED, ACCEPTED, TLSv1_3="0x1301", TLSv1_2="0xc02f 0x002f 0x0005 0x000A 0x009c")
    found = the("TLS_WEAK_CIPHER", described)
    assert found.severity == "risk"
    assert found.evidence == [
        "TLSv1.2: TLS_RSA_WITH_RC4_128_SHA: RC4 (RFC 7465)",
        "TLSv1.2: TLS_RSA_WITH_3DES_EDE_CBC_SHA: 64-bit blocks, as 3DES has them (NIST SP 800-52r2 3.3.1)",
        (
            "TLSv1.2: TLS_RSA_WITH_AES_128_CBC_SHA, TLS_RSA_WITH_AES_128_GCM_SHA256: static RSA, no forward secrecy "
            "(RFC 9325 4.1, RFC 10015)"
        ),
    ]
    assert found.summary.endswith(": RC4; 64-bit blocks, as 3DES has them; static RSA, no forward secrecy.")


def test_of_many_weak_suites_a_few_are_named() -> None:
    found = the("TLS_WEAK_CIPHER", accepting(TLSv1_2="0x002f 0x0035 0x003c 0x009c 0x009d"))
    assert "TLS_RSA_WITH_AES_128_GCM_SHA256 and 1 more: static RSA" in found.evidence[0]


@pytest.mark.parametrize(("bits", "is_weak"), [(1024, True), (2048, False), (None, False)])
def test_a_short_dh_group_is_weak(*, bits: int | None, is_weak: bool) -> None:
    assert ("TLS_WEAK_CIPHER" in codes(accepting(dh_bits=bits, TLSv1_2="0x0033 0xc02f"))) is is_weak


def test_weak_groups_and_parameters() -> None:
    described = accepting(TLSv1_2="0xc02f")
    assert described.tls is not None
    described.tls.groups = [Group(code="0x0013", name="secp192r1"), Group(code="0x001d", name="x25519")]
    described.tls.dh_parameters = [
        DhParameters(bits=1024, prime_sha256="aa", generator="2", name="modp1024"),
        DhParameters(bits=512, prime_sha256="bb", generator="2"),
        DhParameters(bits=2048, prime_sha256="cc", generator="2"),
    ]
    assert the("TLS_WEAK_CIPHER", described).evidence == [
        "group secp192r1: curve under 224 bits (RFC 9325 4.5)",
        "DH parameters of 1024 bits (modp1024): DH under 2048 bits (RFC 9325 4.5)",
        "DH parameters of 512 bits: DH under 2048 bits (RFC 9325 4.5)",
    ]


def test_a_weak_suite_that_one_hello_was_answered_with() -> None:
    """Where no handshake is completed, and the suites are not all asked for, what was chosen is known all the same."""
    described = tls(TOO_OLD, ACCEPTED, ACCEPTED)
    assert described.tls is not None
    rc4 = Registered(code="0x0005", name="TLS_RSA_WITH_RC4_128_SHA")
    good = Registered(code="0xc030", name="TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")
    described.tls.answered = {"TLSv1.2": TlsAnswer(cipher_suite=good)}
    assert "TLS_WEAK_CIPHER" not in codes(described)
    described.tls.answered["TLSv1.1"] = TlsAnswer(cipher_suite=rc4)
    assert the("TLS_WEAK_CIPHER", described).evidence == ["TLSv1.1: TLS_RSA_WITH_RC4_128_SHA: RC4 (RFC 7465)"]
    described.tls.cipher_suites = {"TLSv1.1": [CipherSuite(code=good.code, name=good.name)]}
    assert "TLS_WEAK_CIPHER" not in codes(described)


def test_a_weak_suite_in_the_one_handshake_that_was_made() -> None:
    described = tls(TOO_OLD, ACCEPTED)
    assert described.tls is not None
    weak = Registered(code="0x0035", name="TLS_RSA_WITH_AES_256_CBC_SHA")
    described.tls.handshake = TlsHandshake(version="TLSv1.2", cipher_suite=weak)
    [said_of_it] = the("TLS_WEAK_CIPHER", described).evidence
    assert said_of_it.startswith("TLSv1.2: TLS_RSA_WITH_AES_256_CBC_SHA, chosen in the complete handshake: static RSA")
    described.tls.handshake.cipher_suite = Registered(code="0xc013", name="TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA")
    assert codes(described) == []
    listed = accepting(TLSv1_2="0xc02f")
    assert listed.tls is not None
    listed.tls.handshake = TlsHandshake(version="TLSv1.2", cipher_suite=weak)
    assert codes(listed) == []  # the list of the version says it


@pytest.mark.parametrize(
    "features",
    [
        TlsFeatures(compression=True, secure_renegotiation=False, extended_master_secret=False),
        None,
    ],
)
def test_what_is_no_cipher_is_no_weak_cipher(features: TlsFeatures | None) -> None:
    described = accepting(TLSv1_2="0xc02f 0x0033")
    assert described.tls is not None
    described.tls.features = features
    described.tls.signature_schemes = [Registered(code="0x0201", name="rsa_pkcs1_sha1")]
    assert codes(described) == []


def test_a_hello_that_is_dropped_though_another_is_answered() -> None:
    described = tls(ACCEPTED, ACCEPTED)
    assert described.tls is not None
    described.tls.intolerance = [Intolerance(hello="TLSv1.3 offered", ending="reset")]
    found = the("TLS_INTOLERANT", described)
    assert (found.severity, found.evidence) == ("breaks_some", ["TLSv1.3 offered: reset"])
    described.tls.intolerance = []
    assert codes(described) == []
