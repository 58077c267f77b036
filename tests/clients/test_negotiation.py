"""Requests, fallbacks and what a refusal means."""

from __future__ import annotations

import pytest

from probe.clients.profile import Request
from probe.diagnosis.client_walk import answer_to, names_of
from probe.diagnosis.clients import evaluate
from probe.result import Client, Negotiation, NegotiationAttempt, Result, Server, Verdict
from tests.clients.results import OF_TLS13, P256, RSA_CBC, X25519, modern, negotiating, of, standard, with_nla, with_tls
from tests.diagnosis.results import ACCEPTED, refused, result


def attempt(*requested: str, selected: str | None = None, failure: str | None = None) -> NegotiationAttempt:
    return NegotiationAttempt(requested=list(requested), selected=selected, failure=failure, elapsed_ms=1.0)


@pytest.mark.parametrize(
    ("protocols", "names"),
    [(None, []), (0, ["RDP"]), (3, ["SSL", "HYBRID"]), (0x0B, ["SSL", "HYBRID", "HYBRID_EX"])],
)
def test_names_of_requested_protocols(protocols: int | None, names: list[str]) -> None:
    assert names_of(protocols) == names


def test_what_was_said_to_the_same_request_counts_for_more_than_verdicts() -> None:
    said = Negotiation(attempts=[attempt("HYBRID", "SSL", selected="SSL")], protocols={"HYBRID": ACCEPTED})
    assert answer_to(Request(protocols=3), said).selected == "SSL"
    assert answer_to(Request(protocols=0x0B), said).selected == "HYBRID"  # another request


def test_the_same_request_answered_in_two_ways_says_nothing() -> None:
    said = Negotiation(attempts=[attempt("SSL", selected="SSL"), attempt("SSL", failure="SSL_NOT_ALLOWED_BY_SERVER")])
    answer = answer_to(Request(protocols=1), said)
    assert (answer.selected, answer.refusal) == (None, None)
    assert "differently" in answer.because


def test_the_strongest_that_is_accepted_is_selected() -> None:
    said = Negotiation(protocols={"HYBRID_EX": ACCEPTED, "HYBRID": ACCEPTED, "SSL": ACCEPTED})
    assert [answer_to(Request(protocols=asked), said).selected for asked in (0x0B, 3, 1)] == [
        "HYBRID_EX",
        "HYBRID",
        "SSL",
    ]


def test_hybrid_ex_need_not_be_known_where_hybrid_is_accepted() -> None:
    said = Negotiation(protocols={"HYBRID": ACCEPTED})
    assert answer_to(Request(protocols=0x0B), said).selected == "HYBRID"
    near = Negotiation(protocols={"HYBRID_EX": ACCEPTED})
    assert answer_to(Request(protocols=3), near).selected is None


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        ("HYBRID_REQUIRED_BY_SERVER", "NLA_REQUIRED"),
        ("SSL_NOT_ALLOWED_BY_SERVER", "STANDARD_RDP_ONLY"),
        ("SSL_CERT_NOT_ON_SERVER", "TLS_CERTIFICATE_MISSING"),
        ("INCONSISTENT_FLAGS", "INCONSISTENT_FLAGS"),
        ("SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER", "USER_AUTH_REQUIRED"),
    ],
)
def test_a_refusal_of_everything_is_explained(failure: str, code: str) -> None:
    everything = negotiating(**{name: refused(failure) for name in ("RDP", "SSL", "HYBRID", "HYBRID_EX")})
    for client in evaluate(everything):
        explained = "NLA_REQUIRED" if failure == "HYBRID_REQUIRED_BY_SERVER" else code
        assert (client.connects, client.fails_at, client.diagnosis) == (False, "negotiation", explained)


def test_nla_keeps_those_out_that_have_none() -> None:
    described = with_nla()
    for key in ("mstsc-xp", "mstsc-xp-sp3"):
        outcome = of(key, described)
        assert (outcome.connects, outcome.stage, outcome.code) == (False, "negotiation", "NLA_REQUIRED")
    assert of("mstsc-win10", described).connects is True


def test_an_old_request_meets_a_server_that_requires_tls() -> None:
    outcome = of("mstsc-xp", modern(SSL=ACCEPTED, RDP=refused("SSL_REQUIRED_BY_SERVER")))
    assert (outcome.connects, outcome.code) == (False, "TLS_REQUIRED")


def test_a_request_without_negotiation_is_not_answered_by_a_bare_confirm_alone() -> None:
    described = negotiating(RDP=refused("SSL_REQUIRED_BY_SERVER"))
    assert described.negotiation is not None
    described.negotiation.attempts = [
        NegotiationAttempt(requested=[], answer="confirm without negotiation", elapsed_ms=1.0)
    ]
    assert of("mstsc-xp", described).connects is False


def test_clients_fall_back_to_standard_rdp_security_where_tls_is_not_allowed() -> None:
    described = standard("128BIT", "FIPS")
    assert described.negotiation is not None
    described.negotiation.protocols |= {
        name: refused("SSL_NOT_ALLOWED_BY_SERVER") for name in ("SSL", "HYBRID", "HYBRID_EX")
    }
    described.server = Server(kind="windows")  # which answers requests without RDP_NEG_REQ
    assert of("mstsc-win10", described).connects is None  # that it asks again is known of Vista
    for key in ("mstsc-xp-sp3", "freerdp2", "rdesktop", "mstsc-xp"):
        outcome = of(key, described)
        assert (outcome.connects, outcome.protocol) == (True, "RDP"), key
    assert of("ironrdp", described).connects is False


def test_mstsc_does_not_fall_back_for_another_refusal() -> None:
    described = standard("128BIT")
    assert described.negotiation is not None
    described.negotiation.protocols |= {
        name: refused("SSL_CERT_NOT_ON_SERVER") for name in ("SSL", "HYBRID", "HYBRID_EX")
    }
    assert of("mstsc-win10", described).connects is False
    assert of("freerdp2", described).connects is True


def test_a_server_that_selects_rdp_instead_is_followed() -> None:
    described = standard("128BIT")
    assert of("mstsc-win10", described).protocol == "RDP"
    outcome = of("ironrdp", described)
    assert (outcome.stage, outcome.code) == ("negotiation", "STANDARD_RDP_ONLY")


def test_refusals_of_several_kinds_that_include_rdp_settle_nothing() -> None:
    instead = Verdict(state="rejected", selected="RDP")
    described = negotiating(HYBRID=instead, SSL=refused("INCONSISTENT_FLAGS"), HYBRID_EX=instead)
    assert of("mstsc-win10", described).connects is None


def test_refusals_of_several_kinds_name_the_strongest() -> None:
    said = Negotiation(
        protocols={"HYBRID": Verdict(state="rejected", reason="x"), "SSL": refused("INCONSISTENT_FLAGS")}
    )
    assert answer_to(Request(protocols=3), said).refusal == "INCONSISTENT_FLAGS"


def test_a_protocol_nobody_asked_for_is_not_judged() -> None:
    described = negotiating()
    assert described.negotiation is not None
    described.negotiation.attempts = [attempt("HYBRID", "SSL", selected="RDSTLS")]
    outcome = of("freerdp2", described)
    assert (outcome.connects, outcome.stage) == (None, "negotiation")


@pytest.mark.parametrize("status", ["not_rdp", "silent", "refused", "filtered", "dns_error", "closed"])
def test_no_client_is_judged_where_there_is_no_rdp(status: str) -> None:
    assert evaluate(result(status)) == []  # type: ignore[arg-type]


def test_nothing_known_is_unknown_for_all() -> None:
    found = evaluate(result())
    assert {client.connects for client in found} == {None}
    assert all(client.because and client.hint is None and client.diagnosis is None for client in found)


def test_what_was_measured_stays() -> None:
    described = result()
    described.clients = evaluate(described)
    described.clients[3].measured, described.clients[3].connects = True, True
    assert [client.connects for client in evaluate(described)].count(True) == 1


def test_what_was_measured_of_a_client_of_another_release_stays() -> None:
    described = modern()
    described.clients = [Client(client="Windows 12 (mstsc)", connects=True, measured=True)]
    assert evaluate(described)[-1] == described.clients[0]


def bare(**fields: str) -> Result:
    """A server that accepts RDP, and what it made of a request without RDP_NEG_REQ."""
    described = standard("128BIT")
    assert described.negotiation is not None
    if fields:
        described.negotiation.attempts = [NegotiationAttempt(requested=[], elapsed_ms=1.0, **fields)]  # type: ignore[arg-type]
    return described


@pytest.mark.parametrize(
    ("fields", "connects"),
    [
        ({}, None),  # RDP was asked for with an RDP_NEG_REQ alone
        ({"selected": "RDP"}, True),
        ({"answer": "confirm without negotiation"}, True),
        ({"ending": "closed"}, False),
        ({"ending": "timed_out"}, None),
        ({"failure": "SSL_REQUIRED_BY_SERVER"}, False),
    ],
)
def test_requests_without_negotiation_are_judged_by_such_requests(
    fields: dict[str, str], connects: bool | None
) -> None:
    outcome = of("mstsc-xp", bare(**fields))
    assert outcome.connects is connects
    if connects is not True:
        assert "RDP_NEG_REQ" in outcome.because or "SSL_REQUIRED" in outcome.because


@pytest.mark.parametrize("kind", ["windows", "xrdp", "freerdp", "weston"])
def test_servers_that_are_known_to_answer_such_requests(kind: str) -> None:
    described = bare()
    described.server = Server(kind=kind)
    outcome = of("mstsc-xp", described)
    assert outcome.connects is True


def test_a_server_that_reads_no_negotiation_answers_all_alike() -> None:
    described = bare()
    assert described.negotiation is not None
    described.negotiation.attempts = [
        NegotiationAttempt(requested=["RDP"], answer="confirm without negotiation", elapsed_ms=1.0)
    ]
    assert of("mstsc-xp", described).connects is True


def hints(described: Result) -> dict[str, str | None]:
    return {client.client: client.hint for client in evaluate(described)}


def test_nothing_helps_where_a_server_demands_what_was_offered() -> None:
    described = negotiating(**{name: refused("SSL_REQUIRED_BY_SERVER") for name in ("RDP", "SSL", "HYBRID")})
    assert described.negotiation is not None
    described.negotiation.protocols["HYBRID_EX"] = refused("SSL_REQUIRED_BY_SERVER")
    told = hints(described)
    assert told.pop("Windows XP (mstsc 5.1, 5.2)") == "use a client that has TLS"
    assert set(told.values()) == {None}


def test_what_lowers_security_stands_behind_what_mends_the_server() -> None:
    old = with_tls(modern(), {"TLSv1.0": (RSA_CBC, P256)}, rejected=("TLSv1.3", "TLSv1.2", "TLSv1.1"))
    told = hints(old)
    for name in ("FreeRDP 2.11", "FreeRDP 3"):
        hint = told[name] or ""
        assert hint.startswith("turn TLS 1.2 on at the server; ")
        assert "lowers security" in hint
    assert told["Remmina (libfreerdp 2)"] == "turn TLS 1.2 on at the server"
    dead = with_tls(modern(), {}, rejected=("TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0"))
    assert set(hints(dead).values()) - {"use a client that has TLS"} == {"turn TLS 1.2 on at the server"}


def test_another_client_is_named_only_where_it_connects() -> None:
    newest = with_tls(modern(), {"TLSv1.3": (OF_TLS13, X25519)}, rejected=("TLSv1.2", "TLSv1.1", "TLSv1.0"))
    told = hints(newest)
    for name in ("Windows 7 SP1 (mstsc 7.1, 8.1), without KB3080079", "Windows 8.1 (mstsc)", "Windows 10 (mstsc)"):
        assert told[name] == "connect from Windows 11 (mstsc)"
    assert told["Windows Server 2012 R2 (mstsc)"] == "connect from Windows Server 2022 (mstsc)"
    usual = hints(modern())
    assert "KB3080079" in (usual["Windows 7 SP1 (mstsc 7.1, 8.1), without KB3080079"] or "")
