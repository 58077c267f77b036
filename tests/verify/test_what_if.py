"""What a planned change would do, on servers of which everything is known, and on such of which it is not."""

from __future__ import annotations

import copy

import pytest

from probe.diagnosis.judged import judge
from probe.result import (
    Certificate,
    CertificateChain,
    Client,
    CredSsp,
    DhParameters,
    Key,
    MethodAttempt,
    NegotiationAttempt,
    Ntlm,
    Registered,
    Result,
    Server,
    SimulatedRequest,
    Simulation,
    StandardRdp,
    Tls,
    TlsAnswer,
    TlsTrial,
    Trust,
    Verdict,
    from_json,
    to_json,
)
from probe.result.verification import ClientChange
from probe.verify.what_if import Lost, altered, cut_off, lost_by, parse, what_if
from probe.verify.what_if_credssp import without_older
from tests.clients.results import (
    NO_SUITE,
    OF_TLS13,
    RSA_CBC,
    RSA_GCM,
    RSA_KEY_CBC,
    X25519,
    group,
    in_full,
    modern,
    negotiating,
    standard,
    suite,
    with_nla,
    with_tls,
)
from tests.diagnosis.results import ACCEPTED, refused, result

WINDOWS_10, WINDOWS_11, WINDOWS_XP = "Windows 10 (mstsc)", "Windows 11 (mstsc)", "Windows XP (mstsc 5.1, 5.2)"
WINDOWS_7 = "Windows 7 SP1 (mstsc 7.1, 8.1), without KB3080079"
FREERDP_3, RDESKTOP = "FreeRDP 3", "rdesktop 1.9"
TOO_OLD = Verdict(state="rejected", reason="alert protocol_version")
P256 = 0x0017


def changed(change: str, described: Result) -> Result:
    return altered(described, parse(change))[0]


def notes(change: str, described: Result) -> list[str]:
    return altered(described, parse(change))[1]


def of(client: str, change: str, described: Result) -> ClientChange:
    [found] = [each for each in what_if(change, described).clients if each.client == client]
    return found


def both(client: str, change: str, described: Result) -> tuple[bool | None, bool | None]:
    found = of(client, change, described)
    return found.before, found.after


def protocols(described: Result) -> dict[str, Verdict]:
    assert described.negotiation is not None
    return described.negotiation.protocols


def tls_of(described: Result) -> Tls:
    assert described.tls is not None
    return described.tls


def optional() -> Result:
    """Windows that offers NLA and does not insist, with Standard RDP Security beside it."""
    described = with_nla()
    protocols(described).update(SSL=ACCEPTED, RDP=ACCEPTED, RDSTLS=Verdict(state="rejected", selected="RDP"))
    assert described.negotiation is not None
    described.negotiation.nla = "offered"
    described.server = Server(kind="windows")
    described.standard_rdp = StandardRdp(
        encryption_level="CLIENT_COMPATIBLE",
        encryption_methods=["128BIT", "56BIT", "40BIT"],
        methods_asked=[MethodAttempt(offered="40BIT", method=["40BIT"])],
    )
    return described


def everything() -> Result:
    """TLS 1.0 to 1.3 with all suites and groups known."""
    described = modern(RDP=ACCEPTED)
    answers = {"TLSv1.3": (OF_TLS13, X25519), "TLSv1.2": (RSA_GCM, X25519), "TLSv1.0": (RSA_CBC, X25519)}
    with_tls(described, answers, rejected=("TLSv1.1",))
    in_full(described, TLSv1_3=(OF_TLS13, 0x1303), TLSv1_2=(RSA_GCM, RSA_CBC, RSA_KEY_CBC), TLSv1_0=(RSA_CBC,))
    tls = tls_of(described)
    tls.groups = [group(X25519, "TLSv1.3", "TLSv1.2", "TLSv1.0"), group(P256, "TLSv1.3", "TLSv1.2", "TLSv1.0")]
    tls.order_by_version = {"TLSv1.2": True, "TLSv1.0": False}
    described.certificates = [_chain("aa", "RSA", "TLSv1.3", "TLSv1.2", "TLSv1.0")]
    described.standard_rdp = StandardRdp(
        encryption_level="HIGH", encryption_methods=["128BIT"], ignores_offered_methods=True
    )
    described.server = Server(kind="xrdp")
    return described


def _chain(sha256: str, kind: str, *served_to: str) -> CertificateChain:
    leaf = Certificate(sha256=sha256, subject="CN=srv1", key=Key(type=kind, bits=2048), self_signed=True)
    return CertificateChain(chain=[leaf], served_to=list(served_to))


# NLA and Standard RDP Security


def test_to_require_nla_cuts_off_who_has_none_and_nobody_else() -> None:
    described = optional()
    after = changed("nla=required", described)
    demanded = refused("HYBRID_REQUIRED_BY_SERVER")
    assert (protocols(after)["SSL"], protocols(after)["RDP"], protocols(after)["RDSTLS"]) == (demanded,) * 3
    assert (protocols(after)["HYBRID"], protocols(after)["HYBRID_EX"]) == (ACCEPTED, ACCEPTED)
    assert after.negotiation is not None
    assert after.negotiation.nla == "required"
    assert after.standard_rdp is None
    assert tls_of(after).handshake.over == "HYBRID"  # type: ignore[union-attr]
    assert notes("nla=required", described) == []
    lost = cut_off("nla=required", described)
    assert [each.client for each in lost] == [WINDOWS_XP]
    assert lost[0].because == "RDP: HYBRID_REQUIRED_BY_SERVER"
    assert lost[0].hint is not None
    assert both(WINDOWS_10, "nla=required", described) == (True, True)


def test_to_require_nla_without_any_tls_seen_alters_the_protocols_alone() -> None:
    after = changed("nla=required", negotiating(HYBRID=ACCEPTED, SSL=ACCEPTED))
    assert after.tls is None
    assert protocols(after)["SSL"].failure == "HYBRID_REQUIRED_BY_SERVER"


def test_nla_that_is_refused_today_is_required_as_if_it_were_there() -> None:
    described = modern(RDP=ACCEPTED)
    assert notes("nla=required", described) == [
        "NLA is refused today (SSL_REQUIRED_BY_SERVER), so what clients with NLA would meet is not known"
    ]
    assert both(WINDOWS_10, "nla=required", described) == (True, None)
    assert both(WINDOWS_7, "nla=required", described) == (False, False)
    assert protocols(changed("nla=required", described))["HYBRID"] == ACCEPTED


def test_nla_of_which_nobody_knows_is_required_as_if_it_were_there() -> None:
    described = modern(HYBRID=Verdict(state="unknown", ending="timed_out"))
    assert notes("nla=required", described) == [
        "whether NLA is accepted is not known today, nor what clients with NLA would meet"
    ]
    assert of(WINDOWS_10, "nla=required", described).because == "CredSSP was not tried"


def test_xrdp_has_no_nla_whatever_is_planned() -> None:
    described = everything()
    for change in ("nla=required", "nla=offered"):
        assert notes(change, described)[0].startswith("xrdp has no NLA")
        assert protocols(changed(change, described))["HYBRID"].state == "unknown"
        assert all(not client.after for client in what_if(change, described).clients if "Windows 1" in client.client)


def test_why_nla_is_refused_is_told_in_the_words_of_the_wire() -> None:
    instead = negotiating(HYBRID=Verdict(state="rejected", selected="RDP"), RDP=ACCEPTED)
    assert "(RDP is selected instead)" in notes("nla=required", instead)[0]
    bare = negotiating(HYBRID=Verdict(state="rejected", reason="confirm without negotiation"), RDP=ACCEPTED)
    assert "(confirm without negotiation)" in notes("nla=required", bare)[0]


def test_nla_that_is_offered_again_lets_tls_in_and_says_what_is_assumed() -> None:
    described = with_nla()
    after, said = altered(described, parse("nla=offered"))
    assert protocols(after)["SSL"] == ACCEPTED
    assert protocols(after)["RDP"].state == "unknown"
    assert said == [
        "NLA is required today; that TLS without NLA is then accepted is assumed",
        "whether Standard RDP Security is accepted where NLA is not required is not known today",
    ]
    assert both(WINDOWS_XP, "nla=offered", described) == (False, None)
    assert after.negotiation is not None
    assert after.negotiation.nla == "offered"


def test_what_is_asked_for_in_special_places_is_not_known_without_nla() -> None:
    described = with_nla()
    protocols(described)["RDSAAD"] = refused("HYBRID_REQUIRED_BY_SERVER")
    assert protocols(changed("nla=offered", described))["RDSAAD"].state == "unknown"


@pytest.mark.parametrize(
    ("kind", "rdp", "answer"),
    [
        ("xrdp", ACCEPTED, Verdict(state="rejected", selected="RDP")),
        ("freerdp", ACCEPTED, refused("SSL_NOT_ALLOWED_BY_SERVER")),
        ("freerdp", refused("SSL_REQUIRED_BY_SERVER"), refused("SSL_REQUIRED_BY_SERVER")),
        ("unknown", ACCEPTED, refused("SSL_REQUIRED_BY_SERVER")),
    ],
)
def test_without_nla_each_server_refuses_it_in_its_own_way(kind: str, rdp: Verdict, answer: Verdict) -> None:
    described = with_nla()
    protocols(described).update(SSL=ACCEPTED, RDP=rdp)
    described.server = Server(kind=kind)
    after, said = altered(described, parse("nla=off"))
    assert (protocols(after)["HYBRID"], protocols(after)["HYBRID_EX"]) == (answer, answer)
    assert said == []
    assert after.credssp is None
    assert after.negotiation is not None
    assert after.negotiation.nla == "unsupported"


def test_windows_still_offers_nla_where_it_is_not_required() -> None:
    assert notes("nla=off", optional())[0].startswith("settings of Windows say whether NLA is required")


def test_where_everything_demands_nla_and_none_is_left_nobody_knows_what_is() -> None:
    described = negotiating(HYBRID=ACCEPTED, SSL=refused("HYBRID_REQUIRED_BY_SERVER"))
    protocols(described)["RDP"] = Verdict(state="rejected")
    assert protocols(changed("nla=off", described))["SSL"] == ACCEPTED


def test_without_standard_rdp_it_is_refused_as_xrdp_refuses_it() -> None:
    described = everything()
    protocols(described).update(HYBRID=Verdict(state="rejected", selected="RDP"), RDSTLS=refused("SSL_REQUIRED"))
    after, said = altered(described, parse("standard_rdp=off"))
    assert protocols(after)["RDP"] == refused("SSL_REQUIRED_BY_SERVER")
    assert protocols(after)["HYBRID"] == refused("SSL_REQUIRED_BY_SERVER")
    assert protocols(after)["RDSTLS"] == refused("SSL_REQUIRED")
    assert (after.standard_rdp, said) == (None, [])
    assert [each.client for each in cut_off("standard_rdp=off", described)] == [WINDOWS_XP]


def test_without_standard_rdp_where_there_is_only_nla_beside_it() -> None:
    described = negotiating(HYBRID=ACCEPTED, SSL=refused("HYBRID_REQUIRED_BY_SERVER"), RDP=ACCEPTED)
    after = changed("standard_rdp=off", described)
    assert protocols(after)["RDP"] == refused("HYBRID_REQUIRED_BY_SERVER")
    assert after.negotiation is not None
    assert after.negotiation.nla == "required"


def test_without_standard_rdp_where_there_is_nothing_else_nobody_knows_what_is_left() -> None:
    described = standard("128BIT")
    described.server = Server(kind="xrdp")
    after, said = altered(described, parse("standard_rdp=off"))
    assert said == ["neither TLS nor NLA is accepted today, so what is left without Standard RDP is not known"]
    assert protocols(after)["SSL"].state == "unknown"
    assert both(WINDOWS_XP, "standard_rdp=off", described) == (True, False)
    assert both(WINDOWS_10, "standard_rdp=off", described)[1] is None


def test_standard_rdp_that_is_turned_on_is_a_guess() -> None:
    described = modern()
    described.server = Server(kind="xrdp")
    after, said = altered(described, parse("standard_rdp=on"))
    assert said == ["Standard RDP Security is not accepted today, so which encryption it would have is not known"]
    assert protocols(after)["RDP"] == ACCEPTED
    assert protocols(after)["HYBRID"] == Verdict(state="rejected", selected="RDP")
    assert both(WINDOWS_XP, "standard_rdp=on", described) == (False, None)
    assert altered(everything(), parse("standard_rdp=on"))[1] == []
    assert protocols(changed("standard_rdp=on", modern()))["HYBRID"] == refused("SSL_REQUIRED_BY_SERVER")


def test_nla_that_is_required_today_gives_way_to_standard_rdp() -> None:
    described = with_nla()
    after, said = altered(described, parse("standard_rdp=on"))
    assert protocols(after)["SSL"] == ACCEPTED
    assert len(said) == 3


@pytest.mark.parametrize(("level", "shown", "methods"), [("high", "HIGH", ["128BIT"]), ("fips", "FIPS", ["FIPS"])])
def test_the_level_of_encryption_decides_the_method(level: str, shown: str, methods: list[str]) -> None:
    after, said = altered(optional(), parse(f"standard_rdp.level={level}"))
    assert after.standard_rdp is not None
    assert (after.standard_rdp.encryption_level, after.standard_rdp.encryption_methods) == (shown, methods)
    assert after.standard_rdp.methods_asked == []
    assert bool(said) is (level == "fips")
    assert both(WINDOWS_XP, f"standard_rdp.level={level}", everything()) == (True, level == "high")


def test_the_level_of_what_is_not_there_is_not_known() -> None:
    assert notes("standard_rdp.level=high", modern()) == [
        "nothing is known of Standard RDP Security today, so neither is what its level would change"
    ]
    described = standard("128BIT")
    assert changed("standard_rdp.level=high", described).standard_rdp == described.standard_rdp


def test_answers_that_may_be_others_then_are_forgotten_and_the_rest_is_kept() -> None:
    described = optional()
    assert described.negotiation is not None
    asked: tuple[list[str], ...] = (["SSL"], ["HYBRID"], ["RDP"], [], ["SSL", "HYBRID"])
    described.negotiation.attempts = [
        NegotiationAttempt(requested=requested, selected=(requested or ["RDP"])[-1], elapsed_ms=1.0)
        for requested in asked
    ]
    after = changed("standard_rdp=off", described)
    assert after.negotiation is not None
    assert [each.requested for each in after.negotiation.attempts] == [["SSL"], ["HYBRID"], ["SSL", "HYBRID"]]


# Versions


def test_an_older_version_that_goes_is_refused_as_servers_refuse_it() -> None:
    described = everything()
    after, said = altered(described, parse("tls.min=1.2"))
    tls = tls_of(after)
    assert said == []
    assert {name: verdict.state for name, verdict in tls.versions.items()} == {
        "TLSv1.3": "accepted",
        "TLSv1.2": "accepted",
        "TLSv1.1": "rejected",
        "TLSv1.0": "rejected",
        "SSLv3": "rejected",
        "SSLv2": "rejected",
    }
    assert tls.versions["TLSv1.0"] == TOO_OLD
    assert set(tls.answered) == set(tls.cipher_suites) == {"TLSv1.3", "TLSv1.2"}
    assert [each.versions for each in tls.groups] == [["TLSv1.3", "TLSv1.2"]] * 2
    assert tls.order_by_version == {"TLSv1.2": True}
    assert tls.server_order is True
    assert after.certificates[0].served_to == ["TLSv1.3", "TLSv1.2"]
    assert tls.handshake == tls_of(from_json(to_json(described))).handshake
    assert [each.client for each in cut_off("tls.min=1.2", described)] == [WINDOWS_7]
    assert of(WINDOWS_7, "tls.min=1.2", described).hint is not None


def test_a_newer_version_that_goes_is_answered_by_an_older_one() -> None:
    described = everything()
    described.certificates.append(_chain("bb", "EC", "TLSv1.3"))
    after = changed("tls.max=1.1", described)
    tls = tls_of(after)
    assert tls.versions["TLSv1.2"] == Verdict(state="rejected", reason="answered TLSv1.0")
    assert tls.versions["TLSv1.3"] == TOO_OLD
    assert tls.handshake is not None
    assert (tls.handshake.version, tls.handshake.cipher_suite.name) == ("TLSv1.0", suite(RSA_CBC).name)
    assert tls.handshake.complete
    assert [chain.chain[0].sha256 for chain in after.certificates] == ["aa"]
    assert both(FREERDP_3, "tls.max=1.1", described) == (True, False)
    assert both(WINDOWS_10, "tls.max=1.1", described) == (True, True)


def test_a_refusal_that_names_a_version_that_goes_is_another_one_then() -> None:
    described = everything()
    tls_of(described).versions["TLSv1.1"] = Verdict(state="rejected", reason="answered TLSv1.0")
    tls_of(described).versions["SSLv3"] = NO_SUITE
    tls_of(described).versions["SSLv2"] = Verdict(state="rejected", reason="closed", ending="closed")
    versions = tls_of(changed("tls.min=1.2", described)).versions
    assert versions["TLSv1.1"] == TOO_OLD
    assert versions["SSLv3"] == TOO_OLD
    assert versions["SSLv2"].reason == "closed"


def test_a_limit_turns_nothing_on() -> None:
    described = with_tls(modern(), {"TLSv1.3": (OF_TLS13, X25519)}, rejected=("TLSv1.2", "TLSv1.1", "TLSv1.0"))
    after, said = altered(described, parse("tls.min=1.2"))
    assert (tls_of(after).versions["TLSv1.2"], said) == (TOO_OLD, [])
    assert tls_of(after).versions["TLSv1.3"] == ACCEPTED


def test_a_version_that_is_not_served_today_may_not_come() -> None:
    described = with_tls(modern(), {"TLSv1.2": (RSA_GCM, X25519)}, rejected=("TLSv1.3",))
    after, said = altered(described, parse("tls.min=1.3"))
    assert said == ["TLSv1.3 is not served today, and whether it would be is not known"]
    assert tls_of(after).versions["TLSv1.3"] == Verdict(state="unknown", reason="alert protocol_version")
    assert tls_of(after).handshake is None
    assert both(WINDOWS_11, "tls.min=1.3", described) == (True, None)
    assert both(WINDOWS_10, "tls.min=1.3", described) == (True, False)
    exactly = notes("tls.versions=1.2+1.3", described)
    assert exactly == said
    assert tls_of(changed("tls.versions=1.2+1.3", described)).versions["TLSv1.2"] == ACCEPTED


def test_a_version_that_was_not_asked_for_is_not_known() -> None:
    described = with_tls(modern(), {"TLSv1.2": (RSA_GCM, X25519)})
    after, said = altered(described, parse("tls.min=1.2"))
    assert said == ["whether TLSv1.3 is served is not known today"]
    assert tls_of(after).versions["TLSv1.3"] == Verdict(state="unknown", reason="not asked")
    assert of(WINDOWS_11, "tls.min=1.2", described).because == "TLSv1.3 is not settled: not asked"


def test_tls_that_was_not_looked_at_is_known_to_lack_what_is_turned_off() -> None:
    described = negotiating(SSL=ACCEPTED, HYBRID=refused("SSL_REQUIRED_BY_SERVER"), RDP=refused("SSL_REQUIRED"))
    after = changed("tls.min=1.2", described)
    assert tls_of(after).versions["TLSv1.0"] == TOO_OLD
    assert tls_of(after).versions["TLSv1.2"].state == "unknown"
    assert of(WINDOWS_7, "tls.min=1.2", described).after is False
    assert of(WINDOWS_10, "tls.min=1.2", described).after is None


@pytest.mark.parametrize(
    "change", ["tls.min=1.2", "tls.versions=1.2", "suites=class:aead", "suites.off=class:cbc", "groups=x25519",
               "groups.off=x25519"]
)  # fmt: skip
def test_where_tls_is_not_served_its_settings_change_nothing_that_is_known(change: str) -> None:
    described = standard("128BIT")
    after, said = altered(described, parse(change))
    assert said == ["TLS is not known to be served today, so what a setting of TLS would change is not known"]
    assert after.tls is None
    assert altered(result(), parse(change))[1] == said


# Suites and groups


def test_suites_that_go_leave_the_others_and_a_version_without_any_goes_with_them() -> None:
    described = everything()
    after, said = altered(described, parse("suites.off=class:cbc"))
    tls = tls_of(after)
    assert [each.name for each in tls.cipher_suites["TLSv1.2"]] == [suite(RSA_GCM).name]
    assert tls.versions["TLSv1.0"] == NO_SUITE
    assert "TLSv1.0" not in tls.answered
    assert said == []
    assert [each.client for each in cut_off("suites.off=class:cbc", described)] == [
        WINDOWS_7,
        "Windows 7 SP1 (mstsc 7.1, 8.1), with KB3080079",
        "Windows 8.1 (mstsc)",
        "Windows Server 2012 R2 (mstsc)",
    ]


def test_the_next_suite_is_answered_with_the_same_group() -> None:
    described = everything()
    tls = tls_of(changed("suites.off=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", described))
    assert tls.answered["TLSv1.2"].cipher_suite.name == suite(RSA_CBC).name
    assert tls.answered["TLSv1.2"].group == tls_of(described).answered["TLSv1.2"].group
    static = tls_of(changed("suites=TLS_RSA_WITH_AES_128_CBC_SHA", described))
    assert static.answered["TLSv1.2"].group is None
    newer = tls_of(changed("suites.off=TLS_AES_256_GCM_SHA384", described))
    assert newer.answered["TLSv1.3"].cipher_suite.name == "TLS_CHACHA20_POLY1305_SHA256"
    assert newer.handshake is not None
    assert newer.handshake.cipher_suite.name == "TLS_CHACHA20_POLY1305_SHA256"


def test_a_group_is_taken_from_the_list_where_no_answer_told_one() -> None:
    described = everything()
    del tls_of(described).answered["TLSv1.2"]
    tls = tls_of(changed("suites.off=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", described))
    assert tls.answered["TLSv1.2"].group == Registered(code="0x001d", name="x25519")
    assert tls.answered["TLSv1.2"].scheme is None
    tls_of(described).groups = []
    assert (
        tls_of(changed("suites.off=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", described)).answered["TLSv1.2"].group is None
    )


def test_only_these_suites_are_those_of_today() -> None:
    described = everything()
    after, said = altered(described, parse("suites=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384+class:aead"))
    assert said == []
    assert tls_of(after).unsettled == []
    assert set(tls_of(after).cipher_suites) == {"TLSv1.3", "TLSv1.2"}


def test_a_suite_that_nobody_saw_today_may_come() -> None:
    described = everything()
    change = "suites=TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256+class:aead"
    after, said = altered(described, parse(change))
    assert said[0] == "no suite that TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 selects was seen today"
    assert len(tls_of(changed(change, after)).unsettled) == len(tls_of(after).unsettled) == 1
    assert of("Windows 8.1 (mstsc)", change, described).after is None
    assert of(WINDOWS_7, change, described).after is None
    assert tls_of(after).versions["TLSv1.0"].state == "unknown"
    assert of(WINDOWS_10, change, described).after is True


def test_a_suite_that_goes_where_no_other_is_known_leaves_its_version_open() -> None:
    described = modern()
    after, said = altered(described, parse("suites.off=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"))
    assert said == ["which other suites TLSv1.2 has is not known today: --depth full"]
    assert tls_of(after).versions["TLSv1.2"] == Verdict(state="unknown", reason="not asked")
    assert of(WINDOWS_10, "suites.off=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", described).after is None
    assert of(WINDOWS_11, "suites.off=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", described).after is True


def test_suites_that_were_tried_stand_in_for_a_list() -> None:
    described = modern()
    tls_of(described).trials = [
        TlsTrial(kind="suites", version="TLSv1.2", offered=["0xc014"], selected=[suite(RSA_CBC)], state="accepted"),
        TlsTrial(kind="groups", version="TLSv1.2", offered=["0x0017"], selected=[group(P256)], state="accepted"),
        TlsTrial(kind="suites", version="TLSv1.0", offered=["0xc014"], state="rejected"),
    ]
    tls = tls_of(changed("suites.off=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", described))
    assert tls.answered["TLSv1.2"].cipher_suite.name == suite(RSA_CBC).name
    without = tls_of(changed("suites.off=class:cbc", described))
    assert [(trial.state, len(trial.selected)) for trial in without.trials] == [
        ("rejected", 0), ("accepted", 1), ("rejected", 0),
    ]  # fmt: skip
    assert [trial.version for trial in tls_of(changed("tls.min=1.1", described)).trials] == ["TLSv1.2", "TLSv1.2"]
    other = tls_of(changed("groups.off=x25519", described))
    assert other.answered["TLSv1.2"].group == Registered(code="0x0017", name="secp256r1")
    gone = tls_of(changed("groups.off=secp256r1", described))
    assert [(trial.state, len(trial.selected)) for trial in gone.trials][1] == ("rejected", 0)


def test_a_handshake_whose_suite_goes_is_made_with_another() -> None:
    described = with_tls(modern(), {"TLSv1.3": (OF_TLS13, X25519)})
    tls_of(described).answered = {}
    after = tls_of(changed("suites.off=TLS_AES_256_GCM_SHA384", described))
    assert after.handshake is None
    assert after.versions["TLSv1.3"].state == "unknown"


def test_a_dh_group_that_no_suite_uses_any_more_is_forgotten() -> None:
    described = everything()
    tls_of(described).cipher_suites["TLSv1.2"].append(suite(0x009E))
    tls_of(described).dh_parameters = [DhParameters(bits=1024, prime_sha256="aa", generator="02")]
    assert tls_of(changed("tls.min=1.2", described)).dh_parameters
    assert tls_of(changed("suites.off=TLS_DHE_*", described)).dh_parameters == []


def test_a_group_that_goes_is_replaced_by_the_next() -> None:
    described = everything()
    after, said = altered(described, parse("groups.off=x25519"))
    tls = tls_of(after)
    assert said == []
    assert [each.name for each in tls.groups] == ["secp256r1"]
    assert {answer.group.name for answer in tls.answered.values() if answer.group} == {"secp256r1"}
    assert cut_off("groups.off=x25519", described) == []


def test_without_groups_what_needs_them_goes() -> None:
    described = everything()
    after, said = altered(described, parse("groups.off=x25519+secp256r1"))
    tls = tls_of(after)
    assert said == []
    assert [each.name for each in tls.cipher_suites["TLSv1.2"]] == [suite(RSA_KEY_CBC).name]
    assert tls.versions["TLSv1.3"] == NO_SUITE
    assert tls.versions["TLSv1.0"] == NO_SUITE
    assert tls.groups == []
    assert both(FREERDP_3, "groups.off=x25519+secp256r1", described) == (True, True)
    assert both("IronRDP", "groups.off=x25519+secp256r1", described) == (True, False)


def test_a_group_that_goes_where_no_other_is_known_leaves_its_version_open() -> None:
    described = modern()
    after, said = altered(described, parse("groups.off=x25519"))
    assert said == [
        "which other groups TLSv1.3 has is not known today: --depth full",
        "which other groups TLSv1.2 has is not known today: --depth full",
    ]
    assert tls_of(after).versions["TLSv1.2"].state == "unknown"
    assert changed("groups.off=secp521r1", described).tls == from_json(to_json(described)).tls


def test_a_group_that_nobody_saw_today_may_come() -> None:
    described = everything()
    after, said = altered(described, parse("groups=secp384r1"))
    assert said[0] == "no group that secp384r1 selects was seen today"
    assert tls_of(after).versions["TLSv1.3"].state == "unknown"
    assert all(client.after is not False for client in what_if("groups=secp384r1", described).clients if client.before)
    assert altered(described, parse("groups=x25519+secp256r1"))[1] == []


def test_the_group_of_the_handshake_counts_where_no_answer_was_kept() -> None:
    described = modern()
    tls = tls_of(described)
    tls.answered = {}
    assert tls.handshake is not None
    tls.handshake.group = group(X25519)
    assert tls_of(changed("groups.off=x25519", described)).versions["TLSv1.3"].state == "unknown"
    tls.groups = [group(X25519, "TLSv1.3"), group(P256, "TLSv1.3")]
    replaced = tls_of(changed("groups.off=x25519", described)).handshake
    assert replaced is not None
    assert replaced.group == Registered(code="0x0017", name="secp256r1")
    tls.handshake.group = None
    kept = tls_of(changed("groups.off=secp521r1", described)).handshake
    assert kept is not None
    assert (kept.group, kept.cipher_suite.code) == (None, "0x1302")


# The certificate


def test_a_trusted_certificate_lets_in_who_asks_for_one() -> None:
    described = everything()
    described.certificates[0].name_match = False
    described.certificates[0].days_left = -3
    after, said = altered(described, parse("certificate=trusted"))
    assert said == []
    [chain] = after.certificates
    assert chain.trust == Trust(verdict="trusted", store="none")
    assert (chain.name_match, chain.chain[0].self_signed, chain.days_left) == (True, False, None)
    guacamole = of("Apache Guacamole 1.5", "certificate=trusted", described)
    assert (guacamole.before, guacamole.after) == (False, True)
    assert what_if("certificate=trusted", described).clients[0] == guacamole
    back = changed("certificate=self_signed", after)
    assert (back.certificates[0].chain[0].self_signed, back.certificates[0].name_match) == (True, True)
    assert [each.client for each in cut_off("certificate=self_signed", after)] == ["Apache Guacamole 1.5"]


def test_a_certificate_that_nobody_saw_is_not_made_up() -> None:
    assert altered(modern(), parse("certificate=trusted"))[1] == ["no certificate was seen today"]
    assert (
        altered(modern(), parse("certificate.key=RSA-2048"))[1][0] == "which key the certificate has is not known today"
    )


def test_a_longer_key_changes_what_asks_for_one() -> None:
    described = everything()
    described.certificates.append(_chain("bb", "RSA", "TLSv1.0"))
    after, said = altered(described, parse("certificate.key=RSA-4096"))
    assert said == []
    [chain] = after.certificates
    assert (chain.chain[0].key, chain.served_to) == (Key(type="RSA", bits=4096), ["TLSv1.0", "TLSv1.2", "TLSv1.3"])
    assert tls_of(after).cipher_suites == tls_of(described).cipher_suites


def test_a_key_of_another_kind_leaves_older_versions_open() -> None:
    described = everything()
    tls_of(described).answered["TLSv1.2"].scheme = Registered(code="0x0804", name="rsa_pss_rsae_sha256")
    tls_of(described).cipher_suites["TLSv1.2"].append(suite(0xC02C))
    after, said = altered(described, parse("certificate.key=EC-256"))
    tls = tls_of(after)
    assert after.certificates[0].chain[0].key == Key(type="EC", bits=256, curve="secp256r1")
    assert [each.name for each in tls.cipher_suites["TLSv1.2"]] == [suite(0xC02C).name]
    assert tls.answered["TLSv1.2"].scheme is None
    assert tls.versions["TLSv1.0"].state == "unknown"
    assert tls.versions["TLSv1.3"] == ACCEPTED
    assert said == ["which other suites TLSv1.0 has is not known today: --depth full"]
    assert of(WINDOWS_11, "certificate.key=EC-256", described).after is True
    assert of(WINDOWS_7, "certificate.key=EC-256", described).after is None
    assert changed("certificate.key=EC-256", standard("128BIT")).tls is None


# CredSSP


def test_a_server_that_takes_only_newer_credssp_turns_older_clients_away() -> None:
    described = with_nla(ntlm=Ntlm(netbios_domain="CORP", netbios_computer="SRV1"))
    assert both(RDESKTOP, "credssp.min=6", described) == (None, False)
    found = of(RDESKTOP, "credssp.min=6", described)
    assert found.because == "its CredSSP has version 2, and the server would take 6 or newer"
    assert found.hint is not None
    assert both(WINDOWS_10, "credssp.min=6", described) == (True, True)
    assert both(RDESKTOP, "credssp.min=2", described) == (None, None)
    assert cut_off("credssp.min=6", described) == []


def test_who_is_turned_away_by_credssp_may_have_another_way() -> None:
    described = optional()
    assert both(RDESKTOP, "credssp.min=6", described) == (None, True)


def test_a_server_with_an_older_credssp_demands_nothing_newer() -> None:
    described = with_nla(version=2)
    assert notes("credssp.min=5", described) == ["the server's CredSSP has version 2, too old to demand 5"]
    assert what_if("credssp.min=5", described).clients == what_if("nla=required", described).clients
    assert notes("credssp.min=5", modern()) == ["CredSSP is not known to be served today"]
    unread = with_nla(version=None)
    assert notes("credssp.min=5", unread) == []


# Everything together


def test_all_clients_are_told_those_cut_off_first_then_those_let_in_then_the_unknown() -> None:
    described = everything()
    said = what_if("certificate=trusted,tls.min=1.2,suites=class:aead+TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", described)
    places = [
        0 if each.before and each.after is False else 1 if each.before is False and each.after else
        2 if each.after is None and each.before is not None else 3
        for each in said.clients
    ]  # fmt: skip
    assert places == sorted(places)
    assert set(places) == {0, 1, 2, 3}
    judge(described)
    assert {each.client for each in said.clients} == {client.client for client in described.clients}


def test_the_order_of_the_settings_does_not_matter() -> None:
    described = with_nla()
    one = what_if("nla=offered,standard_rdp=off", described)
    other = what_if("standard_rdp=off,nla=offered", described)
    assert (one.clients, one.notes) == (other.clients, other.notes)
    assert one.change == "nla=offered,standard_rdp=off"


def test_what_is_not_rdp_has_no_clients_and_a_note() -> None:
    said = what_if("tls.min=1.2", result("refused"))
    assert said.clients == []
    assert said.notes == ["the target is not known to speak RDP, so no client connects before or after"]
    assert cut_off("tls.min=1.2", result("silent")) == []


def test_an_altered_result_is_judged_and_holds_no_record_of_connections() -> None:
    described = everything()
    judge(described)
    after = changed("tls.min=1.2", described)
    assert any(each.code == "TLS_LEGACY_VERSION" for each in described.diagnoses)
    assert not any(each.code == "TLS_LEGACY_VERSION" for each in after.diagnoses)
    assert after.attempts == []


def simulated(described: Result, *requests: SimulatedRequest) -> Result:
    """The same, with Windows 8.1 measured: of its suites nothing else is known at this depth."""
    shown = copy.copy(described)
    shown.simulated = [Simulation(client="mstsc-win8.1", requests=list(requests)), Simulation(client="of tomorrow")]
    return shown


def by_tls(version: str = "TLSv1.2", *, selected: str = "SSL") -> SimulatedRequest:
    requested = ["SSL", "HYBRID", "HYBRID_EX"]
    return SimulatedRequest(
        requested=requested,
        stage="tls",
        connects=True,
        selected=selected,
        version=version,
        cipher_suite=suite(RSA_CBC),
        group=Registered(code="0x0017", name="secp256r1"),
    )


WINDOWS_8 = "Windows 8.1 (mstsc)"


@pytest.mark.parametrize(
    ("change", "after"),
    [
        ("tls.max=1.3", True),
        ("tls.min=1.2", True),
        ("standard_rdp=off", True),
        ("tls.min=1.3", False),
        ("tls.max=1.2", True),
        ("certificate=trusted", None),
        ("nla=required", None),
        ("groups.off=x448", True),
        ("groups=secp256r1+x25519", True),
        ("groups.off=secp256r1", None),
        ("suites.off=class:cbc", None),
        ("suites.off=class:3des", True),
        ("suites=class:aead", None),
    ],
)
def test_what_was_measured_holds_where_nothing_on_its_way_changes(change: str, after: bool | None) -> None:
    described = simulated(modern(RDP=ACCEPTED), by_tls())
    described.certificates = [_chain("aa", "RSA", "TLSv1.2")]
    described.standard_rdp = None
    judge(described)
    assert both(WINDOWS_8, change, described) == (True, after)
    assert both(WINDOWS_10, "tls.min=1.2", described) == (True, True)


def test_a_version_that_was_met_and_that_nobody_else_saw_is_no_longer_known() -> None:
    described = simulated(modern(), by_tls("TLSv1.1"))
    assert both(WINDOWS_8, "certificate=trusted,tls.max=1.2", described)[1] is None
    described.tls = None
    assert both(WINDOWS_8, "tls.min=1.1", described)[1] is None
    described.simulated[0].requests[0].cipher_suite = None
    assert both(WINDOWS_8, "suites.off=class:rc4", described)[1] is None


def test_standard_rdp_that_was_measured_holds_as_long_as_its_encryption_does() -> None:
    request = SimulatedRequest(requested=[], stage="encryption", connects=True, methods=["128BIT"])
    described = everything()
    described.simulated = [Simulation(client="mstsc-xp", requests=[request])]
    assert both(WINDOWS_XP, "tls.min=1.2", described) == (True, True)
    assert both(WINDOWS_XP, "suites.off=class:cbc", described) == (True, True)
    assert both(WINDOWS_XP, "standard_rdp.level=fips", described) == (True, False)
    assert both(WINDOWS_XP, "standard_rdp=off", described) == (True, False)
    described.negotiation = None
    assert both(WINDOWS_XP, "tls.min=1.2", described)[0] is True


def test_a_client_of_another_release_of_the_table_is_left_as_it_is() -> None:
    unknown = Client(client="a client of tomorrow", connects=True, protocol="HYBRID")
    assert without_older([unknown], with_nla(), parse("credssp.min=6")) == [unknown]


def test_credssp_that_was_not_tried_is_as_it_was() -> None:
    described = with_nla()
    described.credssp = CredSsp()
    assert both(RDESKTOP, "credssp.min=6", described) == (None, None)


def test_an_answer_without_anything_else_is_enough_to_be_served() -> None:
    described = modern()
    tls_of(described).versions = {}
    tls_of(described).answered = {"TLSv1.2": TlsAnswer(cipher_suite=suite(RSA_GCM))}
    assert notes("tls.max=1.2", described) == [
        "whether TLSv1.0 is served is not known today",
        "whether TLSv1.1 is served is not known today",
    ]


def test_who_connects_without_nla_is_not_asked_for_its_credssp() -> None:
    described = modern()
    described.credssp = CredSsp(version=6, ntlm=Ntlm())
    assert both(RDESKTOP, "credssp.min=6", described) == (True, True)


def test_nothing_negotiated_yet_is_nothing_known() -> None:
    after = changed("nla=required", result())
    assert protocols(after)["SSL"] == refused("HYBRID_REQUIRED_BY_SERVER")
    assert result().negotiation is None


def test_a_handshake_has_no_successor_where_nothing_else_was_answered() -> None:
    described = with_tls(modern(), {"TLSv1.3": (OF_TLS13, X25519)})
    tls_of(described).versions["TLSv1.2"] = ACCEPTED
    after = tls_of(changed("tls.max=1.2", described))
    assert after.handshake is None
    assert after.versions["TLSv1.2"] == ACCEPTED


def test_what_is_off_already_stays_as_it_is() -> None:
    described = modern()
    after, said = altered(described, parse("standard_rdp=off,tls.min=1.0"))
    assert protocols(after) == protocols(described)
    assert said == []


def test_a_group_that_was_tried_is_no_suite_of_the_same_number() -> None:
    described = modern()
    tls_of(described).trials = [
        TlsTrial(kind="groups", version="TLSv1.2", offered=["0x0017"], selected=[group(P256)], state="accepted")
    ]
    namesake = "TLS_DH_anon_EXPORT_WITH_RC4_40_MD5"
    assert notes(f"suites={namesake}+class:aead", described) == [f"no suite that {namesake} selects was seen today"]


# Of whom the facts do not tell


def kerberos_alone() -> Result:
    """Only clients with a ticket get in, and whether one has is never known."""
    described = with_nla(mechanisms=("Kerberos",))
    assert described.credssp is not None
    described.credssp.ntlm = None
    described.credssp.error = "STATUS_NOT_SUPPORTED"
    return described


def test_who_connects_and_of_whom_nobody_knows_then_is_open() -> None:
    described = with_tls(modern(), {"TLSv1.2": (RSA_KEY_CBC, None)})
    said = what_if("suites.off=class:cbc", described)
    able = [each.client for each in said.clients if each.before and each.after is None]
    assert able
    assert set(able) <= set(said.open)
    assert set(able) <= set(lost_by("suites.off=class:cbc", described).open)


def test_who_may_connect_now_and_could_not_then_is_open() -> None:
    described = with_tls(modern(), {"TLSv1.2": (RSA_GCM, X25519)})
    described.tls = None
    lost = [
        each.client for each in what_if("tls.max=1.0", described).clients if (each.before, each.after) == (None, False)
    ]
    assert set(lost) <= set(what_if("tls.max=1.0", described).open)
    assert set(lost) <= set(lost_by("tls.max=1.0", described).open)


def test_another_reason_for_not_knowing_is_open_and_the_same_is_not() -> None:
    described = kerberos_alone()
    before = {each.client for each in what_if("standard_rdp=off", described).clients if each.before is None}
    assert before
    assert what_if("standard_rdp=off", described).open == []
    assert set(lost_by("standard_rdp=off", described).open).isdisjoint(before)
    for reason in (other := what_if("nla=off", described)).open:
        [client] = [each for each in other.clients if each.client == reason]
        assert client.because != "whether the user has a Kerberos ticket for it is not known"
    assert before & set(other.open)


def test_what_was_not_asked_is_open_unless_it_is_so_already() -> None:
    described = with_tls(with_nla(), {"TLSv1.2": (RSA_GCM, X25519)})
    asked = what_if("tls.min=1.2", described)
    wanting = [each.client for each in asked.clients if "--depth full" in (each.because or "")]
    assert wanting
    assert set(wanting) <= set(asked.open)
    assert set(lost_by("tls.min=1.2", described).open).isdisjoint(wanting)
    so_now = changed("nla=required", described)
    again = what_if("nla=required", so_now)
    assert {each.client for each in again.clients if "--depth full" in (each.because or "")} >= set(wanting)
    assert again.open == []
    assert set(wanting) <= set(what_if("nla=required,suites.off=class:cbc", so_now).open)  # they may have one of these


def test_no_change_costs_nobody_anything() -> None:
    for change in (None, "", "no.such=change"):
        assert lost_by(change, everything()) == Lost()


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("nla=on", "nla=required"),
        ("NLA=yes, rdp=off", "nla=required,standard_rdp=off"),
        ("TLS.min = 1.2", "tls.min=1.2"),
        ("tls=TLSv1.3+1.2", "tls.versions=1.2+1.3"),
        ("tls.min=ssl3", "tls.min=SSLv3"),
        ("certificate.key=rsa3072", "certificate.key=RSA-3072"),
    ],
)
def test_a_change_is_told_in_its_normal_form(given: str, normal: str) -> None:
    assert what_if(given, everything()).change == normal
    assert what_if(normal, everything()).change == normal


def test_that_something_cannot_be_set_at_all_is_told_first() -> None:
    described = everything()
    described.server = Server(kind="xrdp")
    first, *_others = what_if("standard_rdp=off,nla=required,tls.min=1.3", described).notes
    assert first.startswith("xrdp has no NLA: it cannot be set there")
