"""What settles a version, finds a second certificate, or a second program: against servers made of data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from probe.audit.attempt import Question, Stage
from probe.audit.offers import whole_offer
from probe.audit.plan import plan
from probe.audit.settings import Settings
from probe.audit.verdict import verdict
from probe.handshake.client_hello import Offer
from probe.handshake.machine import Ending
from probe.needs import Needs, Trial
from probe.result import Result
from probe.wire.nego import Protocol
from probe.wire.tls_record import AlertDescription
from tests.audit import attempts as a
from tests.audit.tls_servers import EC_CHAIN, REFUSED, RSA_CHAIN, TOO_OLD, Answered, TlsServer

OLD = frozenset({"TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"})
WEAK = Trial("suites", (0x0002, 0x0005))
GCM, GCM_EC, GCM_13, RSA_AES, CAMELLIA = 0xC030, 0xC02C, 0x1302, 0x002F, 0x0041
NOTHING_FITS = [AlertDescription.HANDSHAKE_FAILURE, AlertDescription.INSUFFICIENT_SECURITY]


def asked(server: object, needs: Needs | None = None) -> tuple[Result, list[Question]]:
    wanted = Settings() if needs is None else Settings().needing(needs)
    attempts, now = a.ran(server, wanted)  # type: ignore[arg-type]
    return verdict(a.audit(attempts, now, wanted)), [attempt.question for attempt in attempts]


def hellos(questions: list[Question], version: int) -> list[Offer | None]:
    return [each.offer for each in questions if each.stage is Stage.HELLO and each.version == version]


def states(result: Result) -> dict[str, str]:
    assert result.tls is not None
    return {name: each.state for name, each in result.tls.versions.items()}


@pytest.mark.parametrize("needs", [None, Needs(versions=OLD)], ids=["depth standard", "narrow"])
@pytest.mark.parametrize("alert", NOTHING_FITS)
def test_a_version_with_nothing_that_is_usual_is_found(alert: AlertDescription, needs: Needs | None) -> None:
    said = ([*a.alert(alert)], Ending.COMPLETE)
    server = TlsServer(suites={a.TLS12: [GCM], a.TLS10: [CAMELLIA]}, groups={a.TLS12: [0x1D]}, refused=said)
    result, questions = asked(server, needs)
    assert states(result)["TLSv1.0"] == "accepted"
    assert hellos(questions, a.TLS10) == [None, whole_offer(a.TLS10)]


@pytest.mark.parametrize("needs", [None, Needs(versions=OLD)], ids=["depth standard", "narrow"])
def test_a_version_that_has_nothing_is_refused_when_all_was_offered(needs: Needs | None) -> None:
    server = TlsServer(suites={a.TLS12: [GCM]}, groups={a.TLS12: [0x1D]}, too_old=REFUSED)
    result, questions = asked(server, needs)
    assert states(result) == {
        "TLSv1.3": "rejected",
        "TLSv1.2": "accepted",
        "TLSv1.1": "rejected",
        "TLSv1.0": "rejected",
    }
    assert hellos(questions, a.TLS11) == [None, whole_offer(a.TLS11)]


@pytest.mark.parametrize("too_old", [TOO_OLD, ([], Ending.CLOSED)], ids=["alert", "close"])
def test_a_server_that_says_it_is_the_version_is_asked_once(too_old: Answered) -> None:
    server = TlsServer(suites={a.TLS12: [GCM]}, groups={a.TLS12: [0x1D]}, too_old=too_old)
    result, questions = asked(server, Needs(versions=OLD))
    assert states(result)["TLSv1.0"] == "rejected"
    assert hellos(questions, a.TLS10) == [None]


def test_what_could_not_be_asked_is_unknown() -> None:
    server = TlsServer(suites={a.TLS12: [GCM]}, groups={a.TLS12: [0x1D]}, too_old=REFUSED)
    wanted = Settings(max_connections=2).needing(Needs(versions=frozenset({"TLSv1.0"})))
    attempts, now = a.ran(server, wanted)
    assert states(verdict(a.audit(attempts, now, wanted)))["TLSv1.0"] == "unknown"


# With trials


def test_the_hello_with_everything_takes_the_place_of_the_usual_one() -> None:
    server = TlsServer(suites={a.TLS12: [GCM], a.TLS13: [GCM_13]}, groups={a.TLS12: [0x1D], a.TLS13: [0x1D]})
    _, questions = asked(server, Needs(versions=OLD, trials=frozenset({WEAK})))
    assert hellos(questions, a.TLS12)[0] == whole_offer(a.TLS12)
    assert hellos(questions, a.TLS13) == [None]  # which has none of these
    assert hellos(questions, a.TLS11) == [whole_offer(a.TLS11)]  # it is refused for its version


@pytest.mark.parametrize("too_old", [REFUSED, TOO_OLD, ([], Ending.CLOSED), ([], Ending.RESET)])
def test_where_everything_is_agreed_to_in_tls_1_2_it_settles_what_is_older(too_old: Answered) -> None:
    server = TlsServer(suites={a.TLS12: [GCM]}, groups={a.TLS12: [0x1D]}, too_old=too_old)
    result, questions = asked(server, Needs(versions=OLD, trials=frozenset({WEAK})))
    assert set(hellos(questions, a.TLS10)) == {whole_offer(a.TLS10)}
    assert states(result)["TLSv1.0"] == "rejected"


@pytest.mark.parametrize("how", [REFUSED, ([], Ending.CLOSED), TOO_OLD], ids=["alert", "close", "version"])
def test_where_it_is_refused_the_usual_one_is_made(how: Answered) -> None:
    server = TlsServer(suites={a.TLS12: [GCM]}, groups={a.TLS12: [0x1D]})

    def answer(question: Question) -> Answered:
        large = question.hello is not None and len(question.hello.suites) > 300
        return ([*a.selects(Protocol.SSL), *how[0]], how[1]) if large else server(question)

    result, questions = asked(answer, Needs(versions=OLD, trials=frozenset({WEAK})))
    offers = list(dict.fromkeys(hellos(questions, a.TLS12)))
    assert offers[0] == whole_offer(a.TLS12)
    assert (None in offers) == (how != TOO_OLD)
    assert states(result)["TLSv1.2"] == "accepted"


def test_it_waits_for_the_first_connection_which_may_show_the_version() -> None:
    wanted = Settings().needing(Needs(versions=OLD, trials=frozenset({WEAK})))
    under_way = a.attempt(a.ask(a.SSL, Stage.TUNNEL), a.selects(a.SSL), Ending.INTERRUPTED)
    assert {each.version for each in plan([under_way], wanted).questions} == {a.TLS13}  # which has none of these
    old = [a.attempt(each, [*a.selects(a.SSL), *TOO_OLD[0]]) for each in plan([under_way], wanted).questions]
    assert plan([under_way, *old], wanted).questions == ()


# A second certificate

CERTIFICATES = Needs(versions=OLD, certificates=True)


def chains(result: Result) -> int:
    return len(result.certificates)


@pytest.mark.parametrize("version", [a.TLS12, a.TLS11])
@pytest.mark.parametrize("trials", [frozenset(), frozenset({WEAK})], ids=["usual", "whole"])
def test_both_certificates_of_a_server_are_seen(version: int, trials: frozenset[Trial]) -> None:
    suites = [GCM_EC, GCM] if version == a.TLS12 else [0xC009, 0xC013]
    server = TlsServer(suites={version: suites}, groups={version: [0x1D]}, schemes=[0x0403, 0x0804])
    result, questions = asked(server, replace(CERTIFICATES, trials=trials))
    assert result.tls is not None
    assert (
        result.tls.answered[{a.TLS12: "TLSv1.2", a.TLS11: "TLSv1.1"}[version]].cipher_suite.code == f"0x{suites[0]:04x}"
    )
    assert chains(result) == 2
    assert EC_CHAIN != RSA_CHAIN
    assert sum(each.purpose.endswith(" certificates") for each in questions) == 2  # the last for DSS


def test_one_certificate_costs_one_connection() -> None:
    server = TlsServer(suites={a.TLS12: [GCM, RSA_AES]}, groups={a.TLS12: [0x1D]})
    result, questions = asked(server, CERTIFICATES)
    [other] = [each for each in questions if each.purpose.endswith(" certificates")]
    assert other.offer is not None
    assert GCM_EC in other.offer.suites
    assert not {GCM, RSA_AES} & set(other.offer.suites)
    assert chains(result) == 1


def test_all_kinds_of_keys_may_have_been_seen() -> None:
    server = TlsServer(suites={a.TLS10: [0x0032, RSA_AES, 0xC009]}, groups={a.TLS10: [0x1D]})
    _, questions = asked(server, CERTIFICATES)
    assert sum(each.purpose.endswith(" certificates") for each in questions) == 2


def test_in_tls_1_3_alone_certificates_are_not_in_clear() -> None:
    server = TlsServer(suites={a.TLS13: [GCM_13]}, groups={a.TLS13: [0x1D]})
    _, questions = asked(server, CERTIFICATES)
    assert not any(each.purpose.endswith(" certificates") for each in questions)


# A second program


def test_what_hybrid_leads_to_may_be_another_program() -> None:
    good = TlsServer(suites={a.TLS12: [GCM]}, groups={a.TLS12: [0x1D]})
    bad = TlsServer(suites={a.TLS12: [GCM], a.TLS10: [RSA_AES]}, groups={a.TLS12: [0x1D]})

    def answer(question: Question) -> Answered:
        if question.protocols != Protocol.HYBRID:
            return good(question)
        events, ending = bad(replace(question, protocols=Protocol.SSL))
        return [*a.selects(Protocol.HYBRID), *events[len(a.selects(Protocol.SSL)) :]], ending

    needs = Needs(protocols=frozenset({"SSL", "HYBRID"}), versions=OLD)
    result, _ = asked(answer, needs)
    assert states(result)["TLSv1.0"] == "accepted"
    result, questions = asked(answer, replace(needs, versions=frozenset({"TLSv1.2"})))
    assert not any(each.protocols == Protocol.HYBRID and each.stage is Stage.HELLO for each in questions)
    _, questions = asked(good, needs)
    assert not any(each.protocols == Protocol.HYBRID and each.stage is Stage.HELLO for each in questions)
