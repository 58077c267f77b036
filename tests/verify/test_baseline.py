from __future__ import annotations

import copy
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.clients import CLIENTS
from probe.language import speaking
from probe.needs import Trial
from probe.result import (
    AttemptRecord,
    Capture,
    CipherSuite,
    CredSsp,
    DhParameters,
    Fingerprints,
    Gateway,
    Group,
    Intolerance,
    Licensing,
    Negotiation,
    NegotiationAttempt,
    Ntlm,
    Place,
    Registered,
    Result,
    SimulatedRequest,
    Simulation,
    StandardCertificate,
    Tls,
    TlsAnswer,
    TlsFeatures,
    TlsTrial,
    Udp,
    Verdict,
    from_json,
    to_json,
)
from probe.result.verification import Change, Direction
from probe.verify.baseline import changes, client_changes, compare, needs_of_baseline, undetermined
from probe.verify.baseline_facts import OPPOSITE
from probe.verify.baseline_same import is_same
from tests.golden import results as golden

Turn = Callable[[Result], Any]
MADE: tuple[Callable[[], Result], ...] = (
    golden.windows_nla,
    golden.windows_full,
    golden.ancient_full,
    golden.xrdp,
    golden.xp_like,
    golden.tls_aborted,
    golden.hostile,
    golden.ssh,
    golden.refused,
    golden.unresolved,
    golden.silent,
)
ACCEPTED, REJECTED = Verdict(state="accepted"), Verdict(state="rejected", reason="alert protocol_version")
SILENT = Verdict(state="unknown", ending="timed_out")
TOLD = Verdict(state="rejected", failure="SSL_REQUIRED_BY_SERVER")


def again(result: Result) -> Result:
    """A result of its own that says the same."""
    return from_json(to_json(result))


def turned(make: Callable[[], Result], *turns: Turn) -> tuple[Result, Result]:
    """A result, and what it is with something changed."""
    before = again(make())
    after = again(before)
    for turn in turns:
        turn(after)
    return before, after


def brief(found: list[Change]) -> list[tuple[str, str, str]]:
    return [(each.kind, each.direction, each.field) for each in found]


def negotiated(result: Result) -> Negotiation:
    assert result.negotiation is not None
    return result.negotiation


def tls_of(result: Result) -> Tls:
    assert result.tls is not None
    return result.tls


def ntlm_of(result: Result) -> Ntlm:
    assert result.credssp is not None
    assert result.credssp.ntlm is not None
    return result.credssp.ntlm


def features_of(result: Result) -> TlsFeatures:
    features = tls_of(result).features
    assert features is not None
    return features


def put(path: str, value: object) -> Turn:
    """Set one field, by its path."""
    *way, last = path.split(".")

    def turn(result: Result) -> None:
        found: Any = result
        for name in way:
            found = (
                found[name] if isinstance(found, dict) else found[int(name)] if name.isdigit() else getattr(found, name)
            )
        if isinstance(found, dict):
            found[last] = value
        else:
            assert hasattr(found, last)
            setattr(found, last, value)

    return turn


def nla_offered(result: Result) -> None:
    negotiated(result).nla = "offered"
    negotiated(result).protocols["SSL"] = ACCEPTED


def no_nla(result: Result) -> None:
    """As a server that has TLS alone."""
    negotiated(result).nla = "unsupported"
    negotiated(result).protocols.update(HYBRID=TOLD, HYBRID_EX=TOLD, SSL=ACCEPTED)
    result.credssp = None


def suite(code: str, name: str, bits: int | None = None) -> CipherSuite:
    return CipherSuite(code=code, name=name, dh_bits=bits)


RC4 = suite("0x0005", "TLS_RSA_WITH_RC4_128_SHA")
CCM = suite("0x1304", "TLS_AES_128_CCM_SHA256")


# What each change is taken for


@pytest.mark.parametrize(
    ("make", "turn", "expected"),
    [
        (
            golden.windows_nla,
            nla_offered,
            [("security", "worse", "negotiation.nla"), ("security", "worse", "negotiation.protocols.SSL")],
        ),
        (
            golden.windows_nla,
            put("negotiation.protocols.RDP", ACCEPTED),
            [("security", "worse", "negotiation.protocols.RDP")],
        ),
        (
            golden.windows_nla,
            put("negotiation.protocols.RDSTLS", ACCEPTED),
            [("other", "changed", "negotiation.protocols.RDSTLS")],
        ),
        (golden.windows_nla, put("negotiation.protocols.NEWER", ACCEPTED), []),
        (
            golden.windows_nla,
            put("negotiation.restricted_admin", False),
            [("security", "better", "negotiation.restricted_admin")],
        ),
        (
            golden.windows_nla,
            put("negotiation.remote_credential_guard", False),
            [("security", "worse", "negotiation.remote_credential_guard")],
        ),
        (
            golden.windows_nla,
            put("negotiation.flags", ["NEGRSP_FLAG_RESERVED"]),
            [("other", "changed", "negotiation.flags")],
        ),
        (golden.windows_nla, put("negotiation.flags", ["RESTRICTED_ADMIN_MODE_SUPPORTED"]), []),
        (
            golden.windows_nla,
            put("negotiation.altered_request", "HYBRID"),
            [("other", "worse", "negotiation.altered_request")],
        ),
        (golden.windows_nla, put("negotiation.direct_tls", ACCEPTED), [("other", "changed", "negotiation.direct_tls")]),
        (golden.windows_nla, put("credssp.version", 2), [("security", "worse", "credssp.version")]),
        (
            golden.windows_nla,
            put("credssp.mechanisms", ["NTLM", "Kerberos"]),
            [("other", "changed", "credssp.mechanisms")],
        ),
        (
            golden.windows_nla,
            put("credssp.ntlm.netbios_computer", "SRV2"),
            [("names", "changed", "credssp.ntlm.netbios_computer")],
        ),
        (
            golden.windows_nla,
            put("credssp.ntlm.dns_computer", None),
            [("names", "changed", "credssp.ntlm.dns_computer")],
        ),
        (golden.windows_nla, put("credssp.ntlm.clock_skew_s", 90.0), [("other", "worse", "credssp.ntlm.clock_skew_s")]),
        (
            golden.windows_nla,
            put("credssp.ntlm.os_build", "10.0.26100"),
            [("build", "changed", "credssp.ntlm.os_build")],
        ),
        (golden.windows_nla, put("server.release", "Windows Server 2025"), [("build", "changed", "server.release")]),
        (golden.windows_nla, put("server.kind", "unknown"), []),
        (
            golden.windows_nla,
            lambda result: tls_of(result).versions.update({"TLSv1.0": ACCEPTED}),
            [("security", "worse", "tls.versions.TLSv1.0")],
        ),
        (
            golden.windows_nla,
            lambda result: tls_of(result).versions.update({"TLSv1.2": REJECTED}),
            [("versions", "changed", "tls.versions.TLSv1.2")],
        ),
        (
            golden.windows_nla,
            lambda result: tls_of(result).versions.update({"TLSv1.3": REJECTED}),
            [("versions", "worse", "tls.versions.TLSv1.3")],
        ),
        (golden.windows_nla, put("lost", "a ClientHello"), [("other", "worse", "lost")]),
        (golden.windows_nla, put("intermittent", ["SSL: closed, then reset"]), [("other", "worse", "intermittent")]),
        (golden.windows_nla, put("target.address", "192.0.2.8"), [("names", "changed", "target.address")]),
        (golden.ssh, put("target.address", "192.0.2.8"), [("names", "changed", "target.address")]),
        (golden.ssh, put("service", "http"), [("reachability", "changed", "service")]),
        (
            golden.xrdp,
            put("standard_rdp.encryption_level", "LOW"),
            [("security", "worse", "standard_rdp.encryption_level")],
        ),
        (
            golden.xrdp,
            put("standard_rdp.certificate.key_bits", 512),
            [("security", "worse", "standard_rdp.certificate.key_bits")],
        ),
        (
            golden.xrdp,
            put("standard_rdp.certificate", StandardCertificate(kind="x509")),
            [("certificate", "changed", "standard_rdp.certificate.kind")],
        ),
        (
            golden.windows_full,
            put("tls.features.compression", True),
            [("security", "worse", "tls.features.compression")],
        ),
        (
            golden.windows_full,
            put("tls.features.ocsp_stapling", True),
            [("other", "changed", "tls.features.ocsp_stapling")],
        ),
        (
            golden.windows_full,
            put("tls.features.other_name", "refused"),
            [("other", "changed", "tls.features.other_name")],
        ),
        (
            golden.windows_full,
            put("tls.intolerance", [Intolerance(hello="a hello of 300 bytes", ending="closed")]),
            [("other", "worse", "tls.intolerance")],
        ),
        (
            golden.windows_full,
            lambda result: tls_of(result).cipher_suites["TLSv1.2"].append(RC4),
            [("security", "worse", "tls.cipher_suites.TLSv1.2")],
        ),
        (
            golden.windows_full,
            lambda result: tls_of(result).cipher_suites["TLSv1.3"].append(CCM),
            [("suites", "changed", "tls.cipher_suites.TLSv1.3")],
        ),
        (
            golden.windows_full,
            lambda result: tls_of(result).cipher_suites["TLSv1.2"].reverse(),
            [("suites", "changed", "tls.cipher_suites.TLSv1.2.order")],
        ),
        (
            golden.windows_full,
            lambda result: tls_of(result).groups.append(Group(code="0x0013", name="secp192r1")),
            [("security", "worse", "tls.groups")],
        ),
        (
            golden.windows_full,
            lambda result: tls_of(result).groups.append(Group(code="0x11ec", name="X25519MLKEM768")),
            [("suites", "changed", "tls.groups")],
        ),
        (
            golden.windows_full,
            lambda result: tls_of(result).signature_schemes.append(Registered(code="0x0101", name="rsa_pkcs1_md5")),
            [("security", "worse", "tls.signature_schemes")],
        ),
        (
            golden.windows_full,
            lambda result: tls_of(result).signature_schemes.append(Registered(code="0x0807", name="ed25519")),
            [("other", "changed", "tls.signature_schemes")],
        ),
    ],
)
def test_a_fact_that_changed_is_one_change(
    make: Callable[[], Result], turn: Turn, expected: list[tuple[str, Direction, str]]
) -> None:
    before, after = turned(make, turn)
    found = [each for each in changes(before, after) if each.kind != "clients"]
    assert brief(found) == expected
    assert all(each.before != each.after for each in found)
    back = [each for each in changes(after, before) if each.kind != "clients"]
    assert sorted(brief(back)) == sorted((kind, OPPOSITE[way], field) for kind, way, field in expected)


def test_nothing_changes_between_a_result_and_itself() -> None:
    for make in MADE:
        result = again(make())
        assert changes(result, again(result)) == []
        assert undetermined(result, again(result)) == []
        assert client_changes(result, again(result)) == []


def test_what_is_lost_comes_first() -> None:
    before, after = turned(
        golden.windows_nla,
        put("credssp.ntlm.netbios_computer", "SRV2"),
        put("server.release", "Windows Server 2025"),
        lambda result: tls_of(result).versions.update({"TLSv1.3": REJECTED, "TLSv1.0": ACCEPTED}),
        put("negotiation.restricted_admin", False),
        put("lost", "a ClientHello"),
    )
    assert [(each.direction, each.kind) for each in changes(before, after) if each.kind != "clients"] == [
        ("worse", "security"),
        ("worse", "versions"),
        ("worse", "other"),
        ("better", "security"),
        ("changed", "names"),
        ("changed", "build"),
    ]


def test_a_change_says_in_a_sentence_what_it_is_and_what_it_was() -> None:
    before, after = turned(golden.windows_nla, nla_offered)
    nla = changes(before, after)[0]
    assert nla == Change(
        kind="security",
        direction="worse",
        field="negotiation.nla",
        message="NLA is offered now; it was required",
        before="required",
        after="offered",
    )


def test_texts_are_in_the_language_that_is_spoken_and_directions_are_not() -> None:
    before, after = turned(golden.windows_nla, nla_offered)
    with speaking("zh-CN"):
        found = changes(before, after)
    assert found[0].before == "required"
    assert brief(found) == brief(changes(before, after))


# Reachability


def test_a_server_that_is_gone_is_one_change_and_nothing_else() -> None:
    before, after = golden.windows_nla(), golden.refused()
    found = changes(before, after)
    assert brief(found) == [("reachability", "worse", "status")]
    assert found[0].message == "the connection is refused now; before, RDP is served"
    assert brief(changes(after, before)) == [("reachability", "better", "status")]
    assert client_changes(before, after) == []
    assert undetermined(before, after) == []


def test_something_else_that_answers_is_named() -> None:
    found = changes(golden.windows_nla(), golden.ssh())
    assert found[0].message == "something else answers (ssh) now; before, RDP is served"
    assert brief(changes(golden.refused(), golden.ssh())) == [("reachability", "changed", "status")]


def test_an_address_is_not_compared_with_none() -> None:
    before, after = turned(golden.windows_nla, put("target.address", None))
    assert changes(before, after) == []
    assert undetermined(before, after) == []


# NLA and TLS without it


def test_tls_that_comes_with_more_security_is_better() -> None:
    def only_standard(result: Result) -> None:
        no_nla(result)
        negotiated(result).protocols.update(SSL=TOLD, RDP=ACCEPTED)

    plain, tls = turned(golden.windows_nla, no_nla)[1], turned(golden.windows_nla, only_standard)[1]
    assert ("security", "better", "negotiation.protocols.SSL") in brief(changes(tls, plain))
    assert ("security", "worse", "negotiation.protocols.SSL") in brief(changes(plain, tls))


def test_nla_that_takes_the_place_of_tls_is_better_in_every_fact() -> None:
    before, after = turned(golden.windows_nla, no_nla)
    assert {each.direction for each in changes(after, before) if each.kind == "security"} == {"better"}
    assert {each.direction for each in changes(before, after) if each.kind == "security"} == {"worse"}


def test_where_nla_is_not_known_tls_without_it_is_neither_better_nor_worse() -> None:
    before, after = turned(
        golden.windows_nla, put("negotiation.nla", "unknown"), put("negotiation.protocols.SSL", ACCEPTED)
    )
    assert ("security", "changed", "negotiation.protocols.SSL") in brief(changes(before, after))
    assert "NLA could not be determined now; it was required" in undetermined(before, after)


def test_what_an_answer_would_tell_is_not_missed_where_every_protocol_is_refused() -> None:
    def refuses_all(result: Result) -> None:
        negotiated(result).protocols = dict.fromkeys(negotiated(result).protocols, TOLD)
        negotiated(result).nla, negotiated(result).flags = "unsupported", []
        negotiated(result).restricted_admin = negotiated(result).remote_credential_guard = None
        result.tls, result.credssp, result.certificates = None, None, []

    before, after = turned(golden.windows_nla, refuses_all)
    assert undetermined(before, after) == []
    assert {each.kind for each in changes(before, after)} <= {"security", "clients", "other"}
    assert not [each for each in changes(before, after) if each.field.startswith(("tls", "cert", "credssp"))]


def test_a_result_without_a_negotiation_knows_nothing_of_it() -> None:
    before, after = turned(golden.windows_nla, put("negotiation", None))
    assert not [each for each in changes(before, after) if each.field.startswith("negotiation")]
    said = undetermined(before, after)
    assert "NLA could not be determined now; it was required" in said
    assert "Restricted Admin mode could not be determined now; it was on" in said
    assert {each.field for each in changes(after, before)} == {"clients.connects"}  # refused, and not known before


# CredSSP


@pytest.mark.parametrize("section", [CredSsp(ending="closed"), CredSsp(answer="malformed", ending="timed_out")])
def test_credssp_that_is_not_answered_any_more_is_worse(section: CredSsp) -> None:
    before, after = turned(golden.windows_nla, put("credssp", section))
    found = [each for each in changes(before, after) if each.field.startswith("credssp")]
    assert brief(found) == [("security", "worse", "credssp")]
    assert found[0].message == "CredSSP is not answered now; it was answered"


@pytest.mark.parametrize("section", [CredSsp(ending="timed_out"), CredSsp(), None])
def test_credssp_that_was_silent_is_not_known(section: CredSsp | None) -> None:
    before, after = turned(golden.windows_nla, put("credssp", section))
    assert not [each for each in changes(before, after) if each.field.startswith("credssp")]
    assert "CredSSP could not be determined now; it was answered" in undetermined(before, after)


def test_a_clock_may_move_a_minute() -> None:
    before, after = turned(golden.windows_nla, put("credssp.ntlm.clock_skew_s", 60.0))
    assert changes(before, after) == []
    before, after = turned(golden.windows_nla, put("credssp.ntlm.clock_skew_s", -61.0))
    assert brief(changes(before, after)) == [("other", "worse", "credssp.ntlm.clock_skew_s")]
    assert changes(before, after)[0].message == "the clock's distance to ours, in seconds, is -61.0 now; it was 0.4"


def test_of_several_computers_the_set_is_compared_and_not_who_was_met_first() -> None:
    def several(*names: str) -> Turn:
        def turn(result: Result) -> None:
            assert result.credssp is not None
            result.credssp.computers = [*names]
            ntlm_of(result).netbios_computer = names[0]

        return turn

    before, after = (
        turned(golden.windows_nla, several("A, 10.0.1", "B, 10.0.1"))[1],
        turned(golden.windows_nla, several("B, 10.0.1", "A, 10.0.1"))[1],
    )
    assert changes(before, after) == []
    after = turned(golden.windows_nla, several("C, 10.0.1", "A, 10.0.1"))[1]
    assert [each.message for each in changes(before, after)] == [
        "computers that answer, new: C, 10.0.1",
        "computers that answer, gone: B, 10.0.1",
    ]


# Standard RDP Security


def test_weak_methods_are_security_and_others_are_not() -> None:
    before, after = turned(golden.xrdp, put("standard_rdp.encryption_methods", ["FIPS", "40BIT"]))
    found = [each for each in changes(before, after) if each.kind != "clients"]
    assert brief(found) == [
        ("security", "worse", "standard_rdp.encryption_methods"),
        ("other", "changed", "standard_rdp.encryption_methods"),
        ("other", "changed", "standard_rdp.encryption_methods"),
    ]
    assert [(each.before, each.after) for each in found] == [(None, "40BIT"), (None, "FIPS"), ("128BIT", None)]


def test_what_was_known_of_standard_rdp_security_and_is_not_told_now() -> None:
    before, after = turned(
        golden.xrdp, put("standard_rdp.encryption_methods", []), put("standard_rdp.certificate", None)
    )
    said = undetermined(before, after)
    assert "encryption methods of Standard RDP Security could not be determined now; it was 128BIT" in said
    assert "the key of Standard RDP Security, in bits, could not be determined now; it was 2048" in said
    before, after = turned(golden.xrdp, put("standard_rdp", None))
    assert "the encryption level of Standard RDP Security could not be determined now; it was HIGH" in undetermined(
        before, after
    )
    refuses: Turn = lambda result: negotiated(result).protocols.update(RDP=TOLD)  # noqa: E731
    before, after = turned(golden.xrdp, put("standard_rdp", None), refuses)
    assert ("security", "better", "negotiation.protocols.RDP") in brief(changes(before, after))
    assert not [each for each in undetermined(before, after) if "Standard RDP" in each]


# TLS


def test_tls_1_2_may_go_where_1_3_stays_and_is_worse_where_it_was_the_newest() -> None:
    only_1_2: Turn = lambda result: tls_of(result).versions.update({"TLSv1.3": REJECTED})  # noqa: E731
    none: Turn = lambda result: tls_of(result).versions.update({"TLSv1.3": REJECTED, "TLSv1.2": REJECTED})  # noqa: E731
    before, after = turned(golden.windows_nla, only_1_2)[1], turned(golden.windows_nla, none)[1]
    assert ("versions", "worse", "tls.versions.TLSv1.2") in brief(changes(before, after))


def test_a_version_that_nothing_settles_now_is_said_with_what_it_was() -> None:
    before, after = turned(golden.windows_nla, lambda result: tls_of(result).versions.update({"TLSv1.0": SILENT}))
    assert changes(before, after) == []
    assert undetermined(before, after) == ["TLS 1.0 could not be determined now; it was rejected"]
    assert undetermined(after, before) == []
    assert {each.field for each in changes(after, before)} == {"clients.connects"}  # refused, and not known before


def test_a_handshake_that_fails_now_is_worse() -> None:
    before, after = turned(
        golden.windows_nla,
        put("tls.handshake", None),
        put("tls.handshake_failure", Verdict(state="rejected", reason="reset")),
    )
    found = [each for each in changes(before, after) if each.kind != "clients"]
    assert [(each.direction, each.message) for each in found] == [
        ("worse", "the TLS handshake is broken off now; it was completed")
    ]
    before, after = turned(golden.windows_nla, put("tls.handshake", None))
    assert "the TLS handshake could not be determined now; it was completed" in undetermined(before, after)


def test_a_result_without_tls_knows_nothing_of_it() -> None:
    before, after = turned(golden.windows_full, put("tls", None))
    assert not [each for each in changes(before, after) if each.field.startswith("tls")]
    assert "TLS 1.2 could not be determined now; it was accepted" in undetermined(before, after)


def test_where_lists_are_missing_the_chosen_suite_is_compared() -> None:
    def chooses(name: str) -> Turn:
        return lambda result: tls_of(result).answered.update(
            {"TLSv1.2": TlsAnswer(cipher_suite=Registered(code="0x0001", name=name))}
        )

    before, after = turned(golden.windows_nla, chooses("TLS_RSA_WITH_RC4_128_SHA"))
    found = [each for each in changes(before, after) if each.kind != "clients"]
    assert brief(found) == [("security", "worse", "tls.answered.TLSv1.2.cipher_suite")]
    before, after = turned(golden.windows_nla, chooses("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"))
    assert brief(changes(before, after)) == [("suites", "changed", "tls.answered.TLSv1.2.cipher_suite")]
    before, after = turned(golden.windows_nla, put("tls.answered", {}))
    assert changes(before, after) == []


def test_results_of_different_depth_are_compared_in_what_both_asked() -> None:
    before, after = golden.windows_nla(), turned(golden.windows_nla, put("depth", "full"))[1]
    after.tls = golden.windows_full().tls
    tls_of(after).intolerance, tls_of(after).answered = tls_of(before).intolerance, tls_of(before).answered
    found = changes(before, after)
    assert not [each for each in found if each.field.startswith(("tls.cipher_suites", "tls.groups", "tls.features"))]
    said = undetermined(after, before)
    assert any(each.startswith("cipher suites of TLS 1.2 could not be determined now; it was TLS_") for each in said)
    assert any(each.startswith("groups could not be determined now; it was ") for each in said)


def test_suites_that_a_list_leaves_open_are_not_gone() -> None:
    def fewer(result: Result) -> None:
        tls_of(result).cipher_suites["TLSv1.2"] = tls_of(result).cipher_suites["TLSv1.2"][:1]
        tls_of(result).unsettled = ["TLSv1.2: 7 cipher suites were neither selected nor refused"]

    before, after = turned(golden.windows_full, fewer)
    assert not [each for each in changes(before, after) if each.field.startswith("tls.cipher_suites")]
    assert any(each.startswith("cipher suites of TLS 1.2") for each in undetermined(before, after))
    assert not [each for each in changes(after, before) if each.field.startswith("tls.cipher_suites")]


def test_suites_of_a_version_that_is_not_served_any_more_are_not_told_again() -> None:
    before, after = turned(
        golden.windows_full,
        lambda result: tls_of(result).versions.update({"TLSv1.2": REJECTED}),
        lambda result: tls_of(result).cipher_suites.pop("TLSv1.2"),
    )
    assert not [each for each in changes(before, after) if "cipher_suites" in each.field]


def trial(state: Any, *selected: Registered, offered: tuple[str, ...] = ("0x0004", "0x0005")) -> TlsTrial:
    return TlsTrial(kind="suites", version="TLSv1.2", offered=[*offered], selected=[*selected], state=state)


def test_trials_tell_what_came_and_went() -> None:
    def tries(*found: TlsTrial) -> Result:
        return turned(golden.windows_nla, put("tls.trials", [*found]))[1]

    without, with_rc4, open_end = tries(trial("rejected")), tries(trial("rejected", RC4)), tries(trial("unknown"))
    assert brief(changes(without, with_rc4)) == [("security", "worse", "tls.cipher_suites.TLSv1.2")]
    assert brief(changes(with_rc4, without)) == [("security", "better", "tls.cipher_suites.TLSv1.2")]
    assert changes(with_rc4, open_end) == []
    assert changes(open_end, with_rc4) == []
    assert undetermined(with_rc4, open_end) == [
        "cipher suites of TLS 1.2 could not be determined now; it was TLS_RSA_WITH_RC4_128_SHA"
    ]
    assert undetermined(with_rc4, tries()) != []
    assert changes(tries(), with_rc4) == []


def test_of_many_suites_others_may_be_found_first() -> None:
    def samples(name: Registered) -> Result:
        return turned(golden.windows_nla, put("tls.trials", [trial("accepted", name)]))[1]

    before, after = samples(RC4), samples(Registered(code="0x0004", name="TLS_RSA_WITH_RC4_128_MD5"))
    assert changes(before, after) == []
    assert undetermined(before, after) == []


def test_a_smaller_diffie_hellman_group_is_worse() -> None:
    sizes = [
        turned(
            golden.windows_full,
            put("tls.dh_parameters", [DhParameters(bits=bits, prime_sha256="aa", generator="2") for bits in group]),
        )[1]
        for group in ((4096, 2048), (1024, 4096))
    ]
    found = changes(*sizes)
    assert ("security", "worse", "tls.dh_parameters.bits") in brief(found)


def test_signatures_that_were_not_told_are_not_gone() -> None:
    before, after = turned(golden.windows_full, put("tls.signature_schemes", []))
    assert changes(before, after) == []
    assert undetermined(before, after)


def test_what_a_policy_did_not_need_is_not_gone() -> None:
    dropped = [Intolerance(hello="a hello of 300 bytes", ending="closed")]
    before = turned(golden.windows_nla, put("tls.intolerance", dropped))[1]
    for turn in (put("asked", ["tls.versions.TLSv1.2"]), put("depth", "discover")):
        after = turned(golden.windows_nla, turn)[1]
        assert changes(before, after) == []
    for place in ("standard", "tls.intolerance"):
        after = turned(golden.windows_nla, put("asked", [place]))[1]
        assert brief(changes(before, after)) == [("other", "better", "tls.intolerance")]


# UDP, gateway, licensing


def test_udp_is_compared_where_both_asked() -> None:
    before = turned(golden.windows_nla, put("udp", Udp(port=3389, state="open", version="0x0002", offered="0x0101")))[1]
    after = turned(golden.windows_nla, put("udp", Udp(port=3389, state="refused", offered="0x0101")))[1]
    assert brief(changes(before, after)) == [("other", "worse", "udp.state")]
    newer = turned(golden.windows_nla, put("udp", Udp(port=3389, state="open", version="0x0101", offered="0x0101")))[1]
    assert brief(changes(before, newer)) == [("other", "changed", "udp.version")]
    assert changes(golden.windows_nla(), before) == []
    assert undetermined(before, golden.windows_nla()) == ["RDP over UDP could not be determined now; it was answered"]
    unknown = turned(golden.windows_nla, put("udp", Udp(port=3389, state="unknown", offered="0x0101")))[1]
    assert undetermined(before, unknown) == ["RDP over UDP could not be determined now; it was answered"]


def test_a_gateway_is_compared_where_both_asked_the_same() -> None:
    def at(**fields: Any) -> Result:
        usual: dict[str, Any] = {
            "host": "gw.example",
            "port": 443,
            "state": "rd_gateway",
            "schemes": ["NTLM"],
            "tls_version": "TLSv1.2",
        }
        return turned(golden.windows_nla, put("gateway", Gateway(**(usual | fields))))[1]

    served = at(certificate=golden.certificate("CN=gw"))
    assert changes(served, at(certificate=golden.certificate("CN=gw"))) == []
    assert brief(changes(served, at(state="http"))) == [("other", "worse", "gateway.state")]
    assert brief(changes(served, at(state="silent"))) == [("other", "worse", "gateway.state")]
    assert changes(served, at(host="other.example")) == changes(served, at(state="unknown")) == []
    assert undetermined(served, golden.windows_nla()) == [
        "the gateway's front door could not be determined now; it was an RD Gateway"
    ]
    assert changes(golden.windows_nla(), served) == []
    found = changes(served, at(schemes=["NTLM", "Negotiate"], tls_version="TLSv1.3"))
    assert brief(found) == [("other", "changed", "gateway.tls_version"), ("other", "changed", "gateway.schemes")]
    other = golden.certificate("CN=gw")
    other.chain[0].sha256 = "cd" * 32
    assert brief(changes(served, at(certificate=other))) == [("certificate", "changed", "gateway.certificate.sha256")]


def test_licensing_is_compared_over_each_protocol_that_both_went_through() -> None:
    def phase(*found: Licensing, asked: bool = True) -> Result:
        return turned(golden.windows_nla, put("licensing", [*found]), put("licensing_asked", asked))[1]

    fine, refused = (
        phase(Licensing(over="SSL", answer="valid_client")),
        phase(Licensing(over="SSL", answer="error", code="ERR_NO_LICENSE_SERVER")),
    )
    found = [each for each in changes(fine, refused) if each.kind == "other"]
    assert brief(found) == [("other", "worse", "licensing.SSL")]
    assert found[0].after == "error ERR_NO_LICENSE_SERVER"
    assert (changes(fine, phase()), undetermined(fine, phase())) == ([], [])
    assert undetermined(fine, phase(asked=False)) == [
        "the licensing phase over SSL could not be determined now; it was valid_client"
    ]
    assert undetermined(fine, phase(Licensing(over="SSL"))) != []


# Clients


def test_clients_that_lost_access_and_those_that_have_it_now() -> None:
    before, after = turned(golden.xrdp, put("negotiation.protocols.RDP", TOLD))
    lost = client_changes(before, after)
    assert [(each.client, each.before, each.after) for each in lost] == [("Windows XP (mstsc 5.1, 5.2)", True, False)]
    assert lost[0].hint
    found = next(each for each in changes(before, after) if each.kind == "clients")
    assert (found.direction, found.field, found.before, found.after) == (
        "worse",
        "clients.connects",
        lost[0].client,
        None,
    )
    assert found.message == "clients that could connect and cannot now: Windows XP (mstsc 5.1, 5.2)"
    back = next(each for each in changes(after, before) if each.kind == "clients")
    assert (back.direction, back.before, back.after) == ("better", None, lost[0].client)
    assert back.message == "clients that could not connect and can now: Windows XP (mstsc 5.1, 5.2)"


def test_clients_of_which_nothing_was_known_and_that_are_refused_now_are_a_change() -> None:
    known, silent = turned(golden.windows_nla, lambda result: tls_of(result).versions.update({"TLSv1.0": SILENT}))
    found = client_changes(silent, known)
    assert {(each.before, each.after) for each in found} == {(None, False)}
    assert brief(changes(silent, known)) == [("clients", "changed", "clients.connects")]
    names = "; ".join(each.client for each in found)
    assert changes(silent, known)[0].message == f"clients that cannot connect now; before it was not known: {names}"
    assert changes(silent, known)[0].after == names


@pytest.mark.parametrize(
    ("of_before", "of_after"),
    [
        (put("depth", "discover"), put("depth", "standard")),
        (put("depth", "standard"), put("asked", ["standard", "full"])),
        (put("asked", ["standard"]), put("asked", None)),
        (put("asked", ["tls.versions.TLSv1.2"]), put("asked", ["tls.versions.TLSv1.0"])),
        (put("limited", "the deadline"), put("limited", None)),
        (put("tls.trials", []), put("tls.trials", [trial("rejected", RC4)])),
    ],
)
def test_where_more_is_asked_than_before_it_is_not_the_server_that_has_changed(of_before: Turn, of_after: Turn) -> None:
    known, silent = turned(golden.windows_nla, lambda result: tls_of(result).versions.update({"TLSv1.0": SILENT}))
    asked: Turn = put("asked", ["standard"])
    same = turned(lambda: silent, asked)[1], turned(lambda: known, asked)[1]
    assert len(client_changes(*same)) > 0
    before, after = turned(lambda: same[0], of_before)[1], turned(lambda: same[1], of_after)[1]
    assert client_changes(before, after) == []


def test_clients_that_lost_access_come_before_those_that_won_it_and_those_that_are_not_known() -> None:
    before, after = turned(
        golden.xrdp, put("negotiation.protocols.RDP", TOLD), put("tls.answered", {}), put("tls.handshake", None)
    )
    found = client_changes(before, after)
    assert found[0].after is False
    assert found[-1].after is None


def test_clients_of_which_nothing_is_known_now_are_said_where_they_connected() -> None:
    before, after = turned(golden.windows_nla, put("credssp", None))
    found = client_changes(before, after)
    assert {each.after for each in found} == {None}
    begins = "of clients that could connect it could not be determined now: "
    said = [each for each in undetermined(before, after) if each.startswith(begins)]
    assert len(said) == 1
    connected = {each.client for each in client_changes(before, after) if each.before}
    assert any(name in said[0] for name in connected)


def simulated(client: str, *, connects: bool) -> Turn:
    request = SimulatedRequest(requested=["HYBRID"], stage="credssp" if connects else "negotiation", connects=connects)
    return put("simulated", [Simulation(client=client, requests=[request])])


def test_what_was_measured_both_times_counts_and_else_what_follows_from_the_facts() -> None:
    before, after = turned(golden.windows_nla, simulated("mstsc-win11", connects=False))
    assert changes(before, after) == []
    measured = turned(golden.windows_nla, simulated("mstsc-win11", connects=True))[1]
    assert [(each.client, each.before, each.after) for each in client_changes(measured, after)] == [
        (CLIENTS["mstsc-win11"].name, True, False)
    ]


def test_a_client_that_an_earlier_release_judged_otherwise_has_not_changed() -> None:
    before, after = turned(golden.windows_nla)
    for client in before.clients:
        client.connects = not client.connects
    before.diagnoses = []
    assert changes(before, after) == []
    assert client_changes(before, after) == []


# What facts do not tell


def test_a_diagnosis_that_no_fact_tells_is_a_change_of_its_own() -> None:
    broken = Negotiation(attempts=[NegotiationAttempt(requested=["SSL"], answer="malformed", elapsed_ms=1.0)])
    before, after = turned(golden.silent, put("negotiation", broken))
    found = changes(before, after)
    assert brief(found) == [("other", "worse", "diagnoses"), ("other", "better", "diagnoses")]
    assert [each.message for each in found] == ["diagnoses, new: X224_MALFORMED", "diagnoses, gone: X224_SILENT"]
    after.depth = "full"
    assert changes(before, after) == []


# Baselines


def test_a_baseline_fails_on_what_is_worse_and_exactly_on_every_change() -> None:
    before, renamed = turned(golden.windows_nla, put("credssp.ntlm.netbios_computer", "SRV2"))
    assert compare(before, renamed, exact=False).failed is False
    assert compare(before, renamed, exact=True).failed is True
    weaker = turned(golden.windows_nla, nla_offered)[1]
    assert compare(before, weaker, exact=False).failed is True
    assert compare(weaker, before, exact=False).failed is False
    same = compare(before, again(before), exact=True)
    assert (same.changes, same.undetermined, same.failed) == ((), (), False)


def test_a_target_that_the_baseline_lacks_is_not_known() -> None:
    found = compare(None, golden.windows_nla(), exact=True)
    assert (found.changes, found.undetermined, found.failed) == ((), ("the baseline has no result for it",), False)


def test_a_server_that_is_not_met_is_not_known() -> None:
    found = compare(golden.windows_nla(), golden.refused(), exact=True)
    assert found.failed is False
    assert found.undetermined == ("nothing could be compared: the connection is refused",)
    assert [each.field for each in found.changes] == ["status"]
    assert compare(golden.refused(), golden.refused(), exact=True).undetermined == ()


def test_what_a_baseline_knows_is_what_must_be_asked() -> None:
    needs = needs_of_baseline(golden.windows_full())
    assert needs.full
    assert needs.standard
    assert needs.certificates
    assert needs.credssp
    assert needs.protocols == frozenset(golden.PROTOCOLS)
    assert {"TLSv1.2", "TLSv1.3"} <= needs.versions
    assert (needs.udp, needs.gateway, needs.licensing, needs.clients) == (False, False, False, frozenset())
    bare = turned(
        golden.refused, put("depth", "discover"), put("licensing_asked", True), simulated("freerdp3", connects=True)
    )[1]
    needs = needs_of_baseline(bare)
    assert (needs.full, needs.standard, needs.protocols, needs.versions, needs.credssp) == (
        False,
        False,
        frozenset(),
        frozenset(),
        False,
    )
    assert needs.licensing
    assert needs.clients == {"freerdp3"}


def test_of_a_baseline_that_was_asked_for_a_policy_the_same_is_asked_again() -> None:
    many = tuple(f"0x000{number}" for number in range(1, 7))
    described = turned(
        golden.xrdp,
        put("asked", ["tls.versions.TLSv1.2", "tls.trials", "tls.intolerance"]),
        put(
            "tls.trials",
            [trial("rejected", RC4), trial("accepted", *[RC4] * 5, offered=many), trial("unknown", offered=many)],
        ),
    )[1]
    needs = needs_of_baseline(described)
    assert (needs.standard, needs.full) == (False, False)
    assert needs.again is True
    assert needs.trials == {
        Trial("suites", (4, 5), enough=2, each=2),  # the one that was selected, and the refusal
        Trial("suites", (1, 2, 3, 4, 5, 6), enough=5, each=5),
    }
    assert needs.intolerance
    assert not needs.encryption  # of its methods one was seen by the way
    assert needs_of_baseline(turned(golden.xrdp, put("asked", ["standard_rdp"]))[1]).encryption
    assert needs.direct_tls
    for place, full in (("standard", False), ("full", True)):
        needs = needs_of_baseline(turned(golden.windows_nla, put("asked", [place]))[1])
        assert (needs.standard, needs.full, needs.intolerance) == (True, full, False)


# Noise, symmetry, and results of earlier releases

LATER = [
    put("status", "refused"),
    nla_offered,
    no_nla,
    put("negotiation.restricted_admin", False),
    put("negotiation.protocols.RDP", ACCEPTED),
    put("negotiation.protocols.SSL", SILENT),
    put("negotiation.nla", "unknown"),
    put("credssp.version", 3),
    put("credssp", None),
    put("credssp", CredSsp(ending="closed")),
    put("tls", None),
    put("tls.answered", {}),
    put("certificates", []),
    put("server", None),
    put("standard_rdp", None),
    put("lost", "a ClientHello"),
    put("intermittent", ["SSL: closed, then reset"]),
    put("target.address", "198.51.100.1"),
    put("udp", Udp(port=3389, state="open", offered="0x0101")),
    lambda result: tls_of(result).versions.update({"TLSv1.3": REJECTED, "TLSv1.0": ACCEPTED}),
    lambda result: tls_of(result).cipher_suites["TLSv1.2"].append(RC4),
    lambda result: tls_of(result).cipher_suites["TLSv1.2"].pop(),
    lambda result: tls_of(result).groups.pop(),
    put("tls.features", None),
]


def turned_if_it_fits(result: Result, turns: list[Turn]) -> Result:
    for turn in turns:
        try:
            turn(result)
        except (AttributeError, AssertionError, KeyError, IndexError):  # it has no such section
            continue
    return result


RESULTS = st.builds(
    lambda make, turns: turned_if_it_fits(again(make()), turns),
    st.sampled_from(MADE),
    st.lists(st.sampled_from(LATER), max_size=4),
)


CAPTURE = Capture(
    file="x.pcap", stream=3, client="192.0.2.9:1", server="192.0.2.7:3389", first_packet=1, last_packet=9, ending="open"
)


def noise(result: Result, seed: int) -> Result:
    """The same server, met another time."""
    chance, met = random.Random(seed), again(result)
    began = datetime(2026, 11, 21, 10, tzinfo=UTC) + timedelta(seconds=chance.uniform(0, 3e5))
    met.started = began.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    met.elapsed_ms, met.connections = chance.uniform(1, 1e5), chance.randrange(1, 99)
    met.bytes_sent, met.bytes_received = chance.randrange(9999), chance.randrange(9999)
    met.spent, met.limited, met.capture = {"TLS versions": 3}, chance.choice([None, "a cap"]), CAPTURE
    met.scan = Place(position=seed, result=1, of=1)
    met.cause, met.banner = "words of another system", "SSH-2.0-other"
    met.intermittent = ["other words"] if met.intermittent else []
    met.attempts = [
        AttemptRecord(
            number=1, asked="x", ending="closed", started_ms=1.0, elapsed_ms=1.0, bytes_sent=1, bytes_received=1
        )
    ]
    met.clients, met.diagnoses = [], []
    if met.negotiation is not None:
        chance.shuffle(met.negotiation.attempts)
        for attempt in met.negotiation.attempts:
            attempt.elapsed_ms = chance.uniform(1, 99)
    if met.server is not None:
        chance.shuffle(met.server.evidence)
    if met.credssp is not None and met.credssp.ntlm is not None:
        met.credssp.ntlm.timestamp = met.started
        if met.credssp.ntlm.clock_skew_s is not None:
            met.credssp.ntlm.clock_skew_s += chance.uniform(-59, 59)
    if met.tls is not None:
        met.tls.fingerprints = Fingerprints(ja3s=str(seed))
        chance.shuffle(met.tls.groups)
        chance.shuffle(met.tls.signature_schemes)
    chance.shuffle(met.certificates)
    for chain in met.certificates:
        chance.shuffle(chain.served_to)
        chain.days_left = chance.randrange(1, 99)
    if met.udp is not None:
        met.udp.elapsed_ms, met.udp.sent = chance.uniform(1, 99), 3
    return met


@given(RESULTS, st.integers(0, 10**6))
def test_noise_is_no_change(result: Result, seed: int) -> None:
    met = noise(result, seed)
    assert changes(result, met) == []
    assert undetermined(result, met) == []
    assert not compare(result, met, exact=True).failed


@given(RESULTS, st.integers(0, 10**6))
def test_noise_is_no_change_where_every_fact_is_held_against_the_other(result: Result, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("probe.verify.baseline.is_same", lambda _before, _after: False)
        assert changes(result, noise(result, seed)) == []


@given(RESULTS, RESULTS)
def test_what_is_worse_one_way_is_better_the_other(before: Result, after: Result) -> None:
    def told(each: Change, *, back: bool) -> tuple[str, ...]:
        way = OPPOSITE[each.direction] if back else each.direction
        old, new = (each.after, each.before) if back else (each.before, each.after)
        return each.kind, way, each.field, str(old), str(new)

    there, back = changes(before, after), changes(after, before)
    assert sorted(told(each, back=False) for each in there if each.kind != "clients") == sorted(
        told(each, back=True) for each in back if each.kind != "clients"
    )
    found = [each for each in client_changes(before, after) if None not in (each.before, each.after)]
    opposite = [each for each in client_changes(after, before) if None not in (each.before, each.after)]
    assert sorted((each.client, each.before, each.after) for each in found) == sorted(
        (each.client, each.after, each.before) for each in opposite
    )


@given(RESULTS, RESULTS)
def test_what_is_quickly_found_the_same_has_no_change(before: Result, after: Result) -> None:
    if is_same(before, after):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("probe.verify.baseline.is_same", lambda _before, _after: False)
            assert changes(before, after) == []
            assert undetermined(before, after) == []


@pytest.mark.parametrize("make", MADE)
@pytest.mark.parametrize(
    "lost",
    [
        "credssp.computers",
        "tls.answered",
        "tls.features",
        "licensing_asked",
        "simulated",
        "udp",
        "negotiation.direct_tls",
        "tls.trials",
        "asked",
        "server.rdp_version",
        "tls.order_by_version",
        "tls.intolerance",
    ],
)
def test_what_an_earlier_release_did_not_write_has_not_changed(make: Callable[[], Result], lost: str) -> None:
    import msgspec

    after = make()
    old = msgspec.json.decode(to_json(after))
    *way, last = lost.split(".")
    section = old
    for name in way:
        section = section.get(name) or {}
    section.pop(last, None)
    before = from_json(msgspec.json.encode(old))
    found = [each for each in changes(before, after) if each.field != "tls.intolerance"]
    assert found == []


def test_a_copy_is_left_as_it_was() -> None:
    before, after = turned(golden.windows_full, no_nla)
    kept = copy.deepcopy((before, after))
    compare(before, after, exact=True)
    assert kept == (before, after)
