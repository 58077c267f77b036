from __future__ import annotations

import pytest

from probe.diagnosis.catalogue_negotiation import WANTS_MORE
from probe.diagnosis.catalogue_nla import XRDP_HAS_NO_NLA
from probe.diagnosis.catalogue_security import KERBEROS_ONLY, TLS_ENDED
from probe.diagnosis.diagnosing import told
from probe.result import CredSsp, EndingName, Result, Server, Verdict
from tests.diagnosis.results import (
    ACCEPTED,
    SELECTED_RDP,
    UNKNOWN,
    all_refused,
    attempted,
    captured,
    challenged,
    codes,
    credssp,
    negotiated,
    refused,
    standard,
    the,
)

NLA = refused("HYBRID_REQUIRED_BY_SERVER")
TLS = refused("SSL_REQUIRED_BY_SERVER")
NO_TLS = refused("SSL_NOT_ALLOWED_BY_SERVER")


@pytest.mark.parametrize(
    "described",
    [
        negotiated(RDP=NLA, SSL=NLA, HYBRID=ACCEPTED),
        negotiated(RDP=NLA, SSL=NLA, HYBRID=UNKNOWN, HYBRID_EX=ACCEPTED),
        negotiated(RDP=UNKNOWN, SSL=NLA, HYBRID=ACCEPTED),
        negotiated(RDP=TLS, SSL=Verdict(state="rejected", selected="HYBRID"), HYBRID=ACCEPTED),
        captured(negotiated(SSL=NLA, RDP=UNKNOWN)),
    ],
)
def test_nla_is_required(described: Result) -> None:
    assert the("NLA_REQUIRED", described).severity == "info"


@pytest.mark.parametrize(
    "described",
    [
        negotiated(RDP=UNKNOWN, SSL=UNKNOWN, HYBRID=ACCEPTED),
        negotiated(RDP=TLS, SSL=UNKNOWN, HYBRID=ACCEPTED),
        negotiated(RDP=ACCEPTED, SSL=NLA, HYBRID=ACCEPTED),
        negotiated(RDP=UNKNOWN, SSL=NLA, HYBRID=UNKNOWN),
        negotiated(RDP=NLA, SSL=ACCEPTED, HYBRID=UNKNOWN),
    ],
)
def test_nla_is_not_known_to_be_required(described: Result) -> None:
    assert "NLA_REQUIRED" not in codes(described)


def test_what_was_turned_away_is_the_evidence() -> None:
    described = negotiated(RDP=NLA, SSL=NLA, HYBRID=ACCEPTED, RDSAAD=NLA)
    assert the("NLA_REQUIRED", described).evidence == [
        "RDP: rejected (HYBRID_REQUIRED_BY_SERVER)",
        "SSL: rejected (HYBRID_REQUIRED_BY_SERVER)",
    ]


@pytest.mark.parametrize(
    "described",
    [
        negotiated(RDP=TLS, SSL=ACCEPTED),
        negotiated(RDP=TLS, SSL=NLA, HYBRID=ACCEPTED),
        captured(negotiated(RDP=TLS)),
    ],
)
def test_tls_is_required(described: Result) -> None:
    assert the("TLS_REQUIRED", described).severity == "info"
    assert the("TLS_REQUIRED", described).evidence == ["RDP: rejected (SSL_REQUIRED_BY_SERVER)"]


@pytest.mark.parametrize(
    "described",
    [
        negotiated(RDP=TLS, SSL=UNKNOWN, HYBRID=UNKNOWN),
        negotiated(RDP=ACCEPTED, SSL=ACCEPTED, HYBRID=TLS),
        negotiated(RDP=UNKNOWN, SSL=ACCEPTED, HYBRID=TLS),
        negotiated(RDP=NLA, SSL=NLA, HYBRID=ACCEPTED),
    ],
)
def test_tls_is_not_known_to_be_required(described: Result) -> None:
    assert "TLS_REQUIRED" not in codes(described)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        ("SSL_REQUIRED_BY_SERVER", "TLS_REQUIRED"),
        ("SSL_NOT_ALLOWED_BY_SERVER", "STANDARD_RDP_ONLY"),
        ("SSL_CERT_NOT_ON_SERVER", "TLS_CERTIFICATE_MISSING"),
        ("INCONSISTENT_FLAGS", "INCONSISTENT_FLAGS"),
        ("HYBRID_REQUIRED_BY_SERVER", "NLA_REQUIRED"),
        ("SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER", "USER_AUTH_REQUIRED"),
    ],
)
def test_a_server_that_turns_everything_away_blocks_by_its_own_code(failure: str, code: str) -> None:
    assert codes(all_refused(failure)) == [code]
    found = the(code, all_refused(failure))
    assert found.severity == "blocker"
    assert f"SSL: rejected ({failure})" in found.evidence
    assert codes(negotiated(RDP=refused(failure), SSL=UNKNOWN, HYBRID=UNKNOWN)) == (
        [code] if code in ("TLS_CERTIFICATE_MISSING", "INCONSISTENT_FLAGS", "USER_AUTH_REQUIRED") else []
    )


def test_a_server_that_requires_tls_and_refuses_it_is_not_told_to_be_asked_with_tls() -> None:
    found = the("TLS_REQUIRED", all_refused("SSL_REQUIRED_BY_SERVER"))
    assert "turns clients away that offer TLS too" in found.summary
    assert found.causes == [told(WANTS_MORE)]
    assert not any("speaks TLS" in remedy or "/sec:tls" in remedy for remedy in found.remedies)
    assert any("/sec:ext" in remedy for remedy in found.remedies)
    assert the("TLS_REQUIRED", captured(negotiated(SSL=TLS))).causes == found.causes


@pytest.mark.parametrize(
    "described", [negotiated(RDP=TLS, SSL=ACCEPTED), negotiated(RDP=TLS, SSL=TLS, HYBRID=ACCEPTED)]
)
def test_a_server_that_takes_tls_asks_for_no_more(described: Result) -> None:
    found = the("TLS_REQUIRED", described)
    assert found.summary == "The server turns away clients that do not use TLS."
    assert told(WANTS_MORE) not in found.causes
    assert "speaks TLS" in found.remedies[0]


def test_of_several_codes_each_shows_how_the_rest_was_refused() -> None:
    described = negotiated(RDP=TLS, SSL=NO_TLS, HYBRID=NO_TLS)
    assert codes(described) == ["TLS_REQUIRED", "STANDARD_RDP_ONLY"]
    assert the("TLS_REQUIRED", described).evidence == [
        "RDP: rejected (SSL_REQUIRED_BY_SERVER)",
        "SSL: rejected (SSL_NOT_ALLOWED_BY_SERVER)",
        "HYBRID: rejected (SSL_NOT_ALLOWED_BY_SERVER)",
    ]


def test_one_rarer_protocol_that_is_accepted_is_a_way_in() -> None:
    described = all_refused("SSL_REQUIRED_BY_SERVER")
    assert described.negotiation is not None
    described.negotiation.protocols["RDSTLS"] = ACCEPTED
    assert the("TLS_REQUIRED", described).severity == "info"


@pytest.mark.parametrize(
    "described",
    [
        standard(ssl=NO_TLS, hybrid=NO_TLS),
        standard(ssl=SELECTED_RDP, hybrid=NO_TLS),
        captured(negotiated(SSL=NO_TLS, HYBRID=NO_TLS)),
    ],
)
def test_only_standard_rdp_security(described: Result) -> None:
    assert the("STANDARD_RDP_ONLY", described).severity == "risk"


@pytest.mark.parametrize(
    "described",
    [
        standard(ssl=ACCEPTED, hybrid=NO_TLS),
        standard(ssl=NO_TLS, hybrid=UNKNOWN),
        standard(ssl=refused("SSL_CERT_NOT_ON_SERVER"), hybrid=NO_TLS),
        standard(
            ssl=Verdict(state="rejected", reason="confirm without negotiation"),
            hybrid=Verdict(state="rejected", reason="confirm without negotiation"),
        ),
        negotiated(SSL=NO_TLS, HYBRID=UNKNOWN),
    ],
)
def test_not_known_to_be_only_standard_rdp_security(described: Result) -> None:
    assert "STANDARD_RDP_ONLY" not in codes(described)


def test_a_missing_certificate_breaks_some_where_rdp_is_left() -> None:
    missing = refused("SSL_CERT_NOT_ON_SERVER")
    assert the("TLS_CERTIFICATE_MISSING", standard(ssl=missing, hybrid=missing)).severity == "breaks_some"
    assert "TLS_CERTIFICATE_MISSING" not in codes(negotiated(SSL=missing, HYBRID=ACCEPTED))


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        ("SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER", "USER_AUTH_REQUIRED"),
        ("INCONSISTENT_FLAGS", "INCONSISTENT_FLAGS"),
    ],
)
def test_a_code_to_one_protocol_breaks_some(failure: str, code: str) -> None:
    assert the(code, negotiated(SSL=refused(failure), HYBRID=ACCEPTED)).severity == "breaks_some"
    assert code not in codes(negotiated(SSL=refused("UNKNOWN_0x7"), HYBRID=ACCEPTED))


def test_a_server_without_negotiation_is_told_once_a_request() -> None:
    described = attempted(answer="confirm without negotiation")
    assert described.negotiation is not None
    described.negotiation.attempts *= 2
    assert the("NEGOTIATION_UNSUPPORTED", described).evidence == [
        "asked for SSL, confirmed without a negotiation structure"
    ]


@pytest.mark.parametrize(
    "described",
    [
        attempted(answer="confirm without negotiation", requested=()),
        attempted(answer="confirm without negotiation", status="not_rdp"),
        attempted(selected="SSL"),
    ],
)
def test_a_bare_confirm_is_not_always_an_old_rdp_server(described: Result) -> None:
    assert "NEGOTIATION_UNSUPPORTED" not in codes(described)


@pytest.mark.parametrize(
    ("requested", "selected"),
    [(("SSL",), "HYBRID"), (("SSL", "HYBRID"), "0x00000003"), (("RDP",), "SSL"), ((), "SSL")],
)
def test_a_protocol_that_nobody_offered(requested: tuple[str, ...], selected: str) -> None:
    assert codes(attempted(requested=requested, selected=selected)) == ["UNOFFERED_PROTOCOL_SELECTED"]


@pytest.mark.parametrize(
    ("requested", "selected"), [(("SSL",), "SSL"), (("HYBRID",), "RDP"), (("RDP",), "RDP"), (("SSL",), None)]
)
def test_what_was_offered_or_falls_back_is_no_surprise(requested: tuple[str, ...], selected: str | None) -> None:
    assert codes(attempted(requested=requested, selected=selected)) == []


def test_an_altered_request() -> None:
    described = negotiated(SSL=ACCEPTED)
    assert described.negotiation is not None
    described.negotiation.altered_request = "asked for RDP, the server saw SSL"
    assert the("NEGOTIATION_ALTERED", described).evidence == ["asked for RDP, the server saw SSL"]
    assert codes(negotiated(SSL=ACCEPTED)) == []


def test_nla_is_not_enforced() -> None:
    described = negotiated(SSL=ACCEPTED, RDP=TLS, HYBRID=ACCEPTED)
    assert the("NLA_NOT_ENFORCED", described).evidence == ["SSL: accepted, though NLA is offered"]
    assert "NLA_NOT_ENFORCED" not in codes(negotiated(SSL=UNKNOWN, RDP=UNKNOWN, HYBRID=ACCEPTED))
    assert "NLA_NOT_ENFORCED" not in codes(negotiated(SSL=ACCEPTED, RDP=ACCEPTED, HYBRID=UNKNOWN))


@pytest.mark.parametrize(
    "described",
    [
        negotiated(SSL=ACCEPTED, HYBRID=TLS),
        negotiated(RDP=ACCEPTED, HYBRID=Verdict(state="rejected", reason="confirm without negotiation")),
        captured(negotiated(HYBRID=SELECTED_RDP)),
    ],
)
def test_nla_is_unsupported(described: Result) -> None:
    assert the("NLA_UNSUPPORTED", described).severity == "risk"


@pytest.mark.parametrize(
    "described",
    [
        negotiated(SSL=ACCEPTED, HYBRID=UNKNOWN),
        negotiated(SSL=ACCEPTED, HYBRID=TLS, HYBRID_EX=ACCEPTED),
        all_refused("SSL_CERT_NOT_ON_SERVER"),
        attempted(status="not_rdp"),
    ],
)
def test_nla_is_not_known_to_be_unsupported(described: Result) -> None:
    assert "NLA_UNSUPPORTED" not in codes(described)


@pytest.mark.parametrize(
    ("level", "methods", "strength"),
    [
        ("HIGH", ("128BIT",), "(encryption level HIGH)"),
        ("CLIENT_COMPATIBLE", ("128BIT", "56BIT", "40BIT"), "(even with 40BIT and 56BIT encryption)"),
        ("LOW", ("56BIT",), "(even with 56BIT encryption)"),
        ("NONE", (), "(without any encryption)"),
        (None, (), "(encryption level not seen)"),
    ],
)
def test_standard_rdp_security_is_weak_and_how_weak(level: str | None, methods: tuple[str, ...], strength: str) -> None:
    found = the("STANDARD_RDP_WEAK", standard(level, methods))
    assert strength in found.summary
    assert found.severity == ("info" if level in ("HIGH", None) else "risk")  # every client gets in
    assert ("read or alter" in found.summary) is (found.severity == "risk")
    assert len(found.evidence) == (1 if level is None else 2)


def test_rdp_alone_is_enough_and_unknown_is_not() -> None:
    assert codes(negotiated(RDP=ACCEPTED)) == ["STANDARD_RDP_WEAK"]
    assert codes(negotiated(RDP=UNKNOWN)) == []


@pytest.mark.parametrize(("bits", "weak"), [(512, True), (2047, True), (2048, False), (None, False)])
def test_a_key_under_2048_bits(bits: int | None, *, weak: bool) -> None:
    assert ("STANDARD_RDP_WEAK_KEY" in codes(standard("HIGH", key_bits=bits))) is weak


@pytest.mark.parametrize(
    ("level", "methods", "asked", "only"),
    [
        ("FIPS", ("FIPS",), (), True),
        ("HIGH", ("FIPS",), (("128BIT", "reset"), ("FIPS", None)), True),
        ("HIGH", ("FIPS",), (("128BIT", "timed_out"), ("FIPS", None)), False),
        ("HIGH", ("128BIT", "FIPS"), (("56BIT", "closed"),), False),
    ],
)
def test_fips_and_nothing_else(
    level: str, methods: tuple[str, ...], asked: tuple[tuple[str, EndingName | None], ...], *, only: bool
) -> None:
    assert ("ENCRYPTION_FIPS_ONLY" in codes(standard(level, methods, asked=asked))) is only


def test_no_method_is_accepted() -> None:
    closed: tuple[tuple[str, EndingName | None], ...] = (("128BIT", "closed"), ("FIPS", "reset"))
    assert the("ENCRYPTION_REFUSED", standard(asked=closed)).evidence == [
        "offered 128BIT: closed",
        "offered FIPS: reset",
    ]
    assert the("ENCRYPTION_REFUSED", standard(asked=closed)).severity == "breaks_some"
    assert the("ENCRYPTION_REFUSED", standard(asked=closed, ssl=ACCEPTED)).severity == "breaks_some"
    assert the("ENCRYPTION_REFUSED", standard(asked=closed, ssl=NO_TLS, hybrid=NO_TLS)).severity == "blocker"


@pytest.mark.parametrize("ending", [None, "timed_out", "interrupted"])
def test_an_answer_or_a_silence_refuses_no_method(ending: EndingName | None) -> None:
    assert "ENCRYPTION_REFUSED" not in codes(standard(asked=(("128BIT", "closed"), ("FIPS", ending))))
    assert "ENCRYPTION_REFUSED" not in codes(standard())


def test_credssp_that_ends_without_an_answer() -> None:
    assert the("CREDSSP_ABORTED", credssp(CredSsp(ending="reset"))).evidence == ["sent the first TSRequest: reset"]
    assert the("CREDSSP_ABORTED", credssp(CredSsp(ending="reset"))).severity == "breaks_some"
    assert the("CREDSSP_ABORTED", credssp(CredSsp(ending="closed"), without="rejected")).severity == "breaks_some"


@pytest.mark.parametrize(
    "section", [CredSsp(ending="timed_out"), CredSsp(ending="too_much"), CredSsp(answer="malformed", ending="complete")]
)
def test_what_is_no_hanging_up_is_no_matter_of_kerberos(section: CredSsp) -> None:
    found = the("CREDSSP_ABORTED", credssp(section, without="rejected"))
    assert found.severity == "blocker"
    assert told(KERBEROS_ONLY) not in found.causes
    assert told(TLS_ENDED) in found.causes
    assert the("CREDSSP_ABORTED", credssp(section)).severity == "breaks_some"


@pytest.mark.parametrize("error", [None, "SEC_E_INVALID_TOKEN"])
def test_an_answer_that_is_of_no_use(error: str | None) -> None:
    assert codes(credssp(CredSsp(version=6, error=error))) == ["CREDSSP_ABORTED"]
    found = the("CREDSSP_ABORTED", credssp(CredSsp(version=6, error=error), without="rejected"))
    assert found.severity == "breaks_some"  # with Kerberos it may go on
    assert told(KERBEROS_ONLY) in found.causes
    assert told(TLS_ENDED) not in found.causes


@pytest.mark.parametrize("ending", ["interrupted", "deadline", None])
def test_an_audit_that_was_stopped_is_no_fault_of_credssp(ending: EndingName | None) -> None:
    assert codes(credssp(CredSsp(ending=ending))) == []


@pytest.mark.parametrize(
    "section", [CredSsp(version=6, error="STATUS_NTLM_BLOCKED"), CredSsp(version=6, mechanisms=["KRB5"])]
)
def test_ntlm_is_turned_away(section: CredSsp) -> None:
    assert codes(credssp(section)) == ["NTLM_REFUSED"]


def test_an_answer_that_cannot_be_read() -> None:
    assert the("CREDSSP_ABORTED", credssp(CredSsp(answer="malformed", ending="complete"))).evidence == [
        "sent the first TSRequest: the answer is malformed"
    ]


def test_ntlm_that_is_chosen_is_not_turned_away() -> None:
    assert codes(credssp(CredSsp(version=6, mechanisms=["NTLM"]))) == ["CREDSSP_ABORTED"]
    found = the("CREDSSP_ABORTED", credssp(CredSsp(version=6, mechanisms=["NTLM"]), without="rejected"))
    assert found.severity == "breaks_some"
    assert not {told(KERBEROS_ONLY), told(TLS_ENDED)} & set(found.causes)
    assert found.evidence == ["sent the first TSRequest: the answer chooses NTLM and holds no NTLM challenge"]
    assert codes(challenged(None)) == []


@pytest.mark.parametrize(("version", "outdated"), [(2, True), (4, True), (5, False), (6, False)])
def test_credssp_before_version_5(version: int, *, outdated: bool) -> None:
    described = challenged(0.0)
    assert described.credssp is not None
    described.credssp.version = version
    assert codes(described) == (["CREDSSP_OUTDATED"] if outdated else [])


@pytest.mark.parametrize("skew", [300.0, -300.0, 0.0])
def test_five_minutes_are_allowed(skew: float) -> None:
    assert codes(challenged(skew)) == []


def test_clocks_apart_say_which_way() -> None:
    assert the("CLOCK_SKEW", challenged(301.2)).evidence == ["the server's clock was ahead by 301 s"]
    assert the("CLOCK_SKEW", challenged(-7200.0, "2026-11-21T00:00:00.000Z")).evidence == [
        "the server's clock was behind by 7200 s, at 2026-11-21T00:00:00.000Z"
    ]
    assert "-7200" in the("CLOCK_SKEW", challenged(-7200.0)).summary


def test_an_xrdp_that_requires_tls_is_not_told_to_require_it() -> None:
    described = negotiated(
        RDP=refused("SSL_REQUIRED_BY_SERVER"), SSL=ACCEPTED, HYBRID=refused("SSL_REQUIRED_BY_SERVER")
    )
    described.server = Server(kind="xrdp", certainty="likely")
    found = the("NLA_UNSUPPORTED", described)
    assert found.causes[0] == told(XRDP_HAS_NO_NLA)
    assert "xrdp has no NLA" in found.remedies[0]
    assert not any("security_layer=tls" in remedy for remedy in found.remedies)
    described.server = Server(kind="windows", certainty="certain")
    found = the("NLA_UNSUPPORTED", described)
    assert "SecurityLayer" in found.causes[0]
    assert "SecurityLayer" in found.remedies[0]
