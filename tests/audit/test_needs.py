"""Only what serves a need is asked, in the order and with the repeats of every audit; the result says what it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import pytest

from probe.audit.attempt import Question, Stage
from probe.audit.plan import Plan, plan
from probe.audit.settings import Settings
from probe.audit.verdict import verdict
from probe.handshake.machine import Ending, Event
from probe.needs import NOTHING, Needs, Trial
from probe.result import Result, Verdict
from tests.audit import attempts as a

TRIAGE = a.ask(a.SSL, Stage.TUNNEL)
HYBRID, HYBRID_EX = a.ask(a.HYBRID, Stage.TUNNEL), a.ask(a.HYBRID_EX)
RDSTLS, RDSAAD = a.ask(a.RDSTLS, Stage.TUNNEL), a.ask(a.RDSAAD, Stage.TUNNEL)
STANDARD_RDP = a.ask(a.RDP, Stage.SETTINGS, methods=a.ONE_TWENTY_EIGHT)
METHODS = [a.ask(a.RDP, Stage.SETTINGS, methods=method, rdp_version=0x00080004) for method in (0x08, 0x01, 0x10)]
DIRECT = a.ask(None, Stage.HELLO, version=a.TLS12)
NOT_ASKED = Verdict(state="unknown", reason="not asked")
WEAK = Trial("suites", (0x0002, 0x0005))


def protocols(*names: str) -> Needs:
    return Needs(protocols=frozenset(names))


def versions(*names: str) -> Needs:
    return Needs(versions=frozenset(names))


def hello(protocol: int, version: int) -> Question:
    return a.ask(protocol, Stage.HELLO, version=version)


def asked(answer: a.Answer, needs: Needs) -> list[Question]:
    return [attempt.question for attempt in a.ran(answer, Settings().needing(needs))[0]]


def found(answer: a.Answer, needs: Needs, before: Settings | None = None) -> Result:
    wanted = (before or Settings()).needing(needs)
    attempts, now = a.ran(answer, wanted)
    return verdict(a.audit(attempts, now, wanted))


@pytest.mark.parametrize(
    ("answer", "needs", "questions"),
    [
        (a.xrdp, NOTHING, [TRIAGE]),
        (a.xrdp, protocols("SSL"), [TRIAGE]),
        (a.xrdp, protocols("RDP"), [TRIAGE, STANDARD_RDP]),
        (a.xrdp, protocols("RDSAAD", "HYBRID"), [TRIAGE, HYBRID, RDSAAD]),
        (a.xrdp, protocols("HYBRID_EX"), [TRIAGE, HYBRID_EX, HYBRID]),
        (a.windows(), protocols("HYBRID_EX"), [TRIAGE, HYBRID_EX]),
        (a.freerdp, protocols("HYBRID_EX"), [TRIAGE, HYBRID_EX, HYBRID, a.ask(a.USUAL)]),
        (a.xrdp, Needs(credssp=True), [TRIAGE, HYBRID]),
        (a.xrdp, Needs(certificates=True), [TRIAGE]),
        (a.windows(), Needs(certificates=True), [TRIAGE, HYBRID]),
        (a.windows(a.RDSTLS), Needs(certificates=True), [TRIAGE, HYBRID, RDSTLS]),
        (a.windows(a.RDSAAD), Needs(intolerance=True), [TRIAGE, HYBRID, RDSTLS, RDSAAD]),
        (a.xrdp, Needs(direct_tls=True), [TRIAGE, a.ask(None, Stage.HELLO, version=a.TLS13)]),
        (a.xrdp, replace(versions("TLSv1.2"), direct_tls=True), [TRIAGE, hello(a.SSL, a.TLS12), DIRECT]),
        (a.xrdp, Needs(encryption=True), [TRIAGE, STANDARD_RDP, *METHODS]),
        (a.windows(), Needs(encryption=True), [TRIAGE, STANDARD_RDP]),
        (a.xrdp, versions("TLSv1.0", "TLSv1.2"), [TRIAGE, hello(a.SSL, a.TLS12), hello(a.SSL, a.TLS10)]),
        (a.xrdp, versions("SSLv3", "SSLv2"), [TRIAGE, hello(a.SSL, a.SSL3), hello(a.SSL, a.SSL2)]),
        (a.freerdp, versions("TLSv1.3"), [TRIAGE, HYBRID, hello(a.HYBRID, a.TLS13)]),
        # Where no protocol leads to TLS, TLS at once is the last road that there may be.
        (a.xp, versions("TLSv1.3"), [TRIAGE, HYBRID, RDSTLS, RDSAAD, DIRECT]),
    ],
)
def test_only_what_serves_a_need_is_asked(answer: a.Answer, needs: Needs, questions: list[Question]) -> None:
    made = asked(answer, needs)
    assert [question for question in made if not question.repeat] == questions


@pytest.mark.parametrize("answer", [a.xrdp, a.freerdp, a.windows(), a.windows(31, standard=True), a.xp])
def test_to_need_depth_standard_is_to_ask_as_it_does(answer: a.Answer) -> None:
    needs = Needs(standard=True)
    assert asked(answer, needs) == [attempt.question for attempt in a.ran(answer)[0]]
    more = asked(answer, needs | versions("SSLv3"))
    assert {each.version for each in more} - {each.version for each in asked(answer, needs)} <= {a.SSL3}


def test_to_need_depth_full_is_depth_full() -> None:
    wanted = Settings().needing(Needs(full=True, trials=frozenset({WEAK})))
    assert (wanted.depth, wanted.wanted, wanted.most_connections) == ("full", None, 60)
    questions = [attempt.question for attempt in a.ran(a.xrdp, wanted)[0]]
    assert questions == [attempt.question for attempt in a.ran(a.xrdp, Settings(depth="full"))[0]]
    assert Settings(depth="full").needing(NOTHING) == Settings(depth="full", needs=Needs(full=True))


def test_what_the_user_asked_for_and_what_is_needed_are_both_asked() -> None:
    wanted = Settings(udp=True).needing(Needs(licensing=True, gateway=True))
    assert (wanted.udp, wanted.gateway, wanted.licensing, wanted.depth) == (True, True, True, "standard")
    assert wanted.most_connections == 32
    assert Settings(max_connections=7).needing(NOTHING).most_connections == 7
    assert Settings().needing(NOTHING).most_connections == 30
    assert not any(getattr(Settings().needing(NOTHING), name) for name in ("udp", "gateway", "licensing"))


def test_a_reset_is_asked_again_whatever_is_needed() -> None:
    made = asked(a.windows(), versions("TLSv1.1"))
    assert made == [TRIAGE, HYBRID, hello(a.HYBRID, a.TLS11), hello(a.HYBRID, a.TLS11).again()]


def test_what_comes_last_waits_for_the_first_connection() -> None:
    wanted = Settings().needing(Needs(direct_tls=True))
    under_way = a.attempt(TRIAGE, a.selects(a.SSL), Ending.INTERRUPTED)
    assert plan([under_way], wanted).questions == ()
    assert plan([a.attempt(TRIAGE, [*a.selects(a.SSL), *a.tunnel()])], wanted).questions != ()


def test_a_host_that_does_not_answer_is_asked_as_ever() -> None:
    for ending in (Ending.CLOSED, Ending.RESET, Ending.TIMED_OUT):
        silent = a.only([], ending)
        assert asked(silent, NOTHING) == [attempt.question for attempt in a.ran(silent)[0]]


def test_a_server_that_is_gone_is_left_alone() -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        return a.xrdp(question) if question == TRIAGE else ([], Ending.REFUSED)

    result = found(answer, versions("TLSv1.2", "TLSv1.3") | protocols("RDP"))
    assert result.lost == "SSL, then a complete TLS handshake"
    assert result.connections == 3


def test_where_one_method_is_turned_away_the_others_are_asked_for_too() -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        if question == STANDARD_RDP:
            return a.selects(a.RDP), Ending.CLOSED
        return a.xrdp(question)

    assert asked(answer, protocols("RDP")) == [TRIAGE, STANDARD_RDP, *METHODS]


def test_a_method_that_was_dropped_last_is_no_word_of_a_server_that_is_weary() -> None:
    drops = a.selects(a.RDP), Ending.CLOSED
    needs = Needs(encryption=True)

    def answer(question: Question) -> tuple[list[Event], Ending]:
        return drops if question in METHODS else a.xrdp(question)

    assert asked(answer, needs) == [TRIAGE, STANDARD_RDP, *METHODS, replace(STANDARD_RDP, control=True)]
    section = found(answer, needs).standard_rdp
    assert section is not None
    assert [each.method for each in section.methods_asked] == [["128BIT"], None, None, None, ["128BIT"]]
    first = asked(lambda question: drops if question == METHODS[0] else a.xrdp(question), needs)
    assert first == [TRIAGE, STANDARD_RDP, *METHODS]  # others were answered after it
    never = asked(lambda question: drops if question.protocols == a.RDP else a.xrdp(question), needs)
    assert never == [TRIAGE, STANDARD_RDP, *METHODS]


def test_an_answer_to_a_method_that_cannot_be_read_is_said_to_be_one() -> None:
    broken = [*a.selects(a.RDP), *a.malformed(b"HTTP")], Ending.COMPLETE
    section = found(lambda question: broken if question == STANDARD_RDP else a.xrdp(question), protocols("RDP"))
    assert section.standard_rdp is not None
    assert [each.answer for each in section.standard_rdp.methods_asked] == ["malformed"]


def test_what_tells_of_a_dropped_hello_is_asked_only_where_it_is_needed() -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        if question.stage is Stage.TUNNEL and question.protocols == a.SSL:
            return a.selects(a.SSL), Ending.CLOSED
        return a.xrdp(question)

    needs = versions("TLSv1.2")
    purposes = [question.purpose for question in asked(answer, replace(needs, intolerance=True))]
    assert purposes.count("intolerance") == 3
    assert "intolerance" not in [question.purpose for question in asked(answer, needs)]


def test_what_was_not_asked_is_not_told() -> None:
    result = found(a.xrdp, versions("TLSv1.0") | protocols("HYBRID"))
    assert result.negotiation is not None
    assert result.negotiation.direct_tls == NOT_ASKED
    by_name = result.negotiation.protocols
    assert {name for name, each in by_name.items() if each == NOT_ASKED} == {"RDP", "RDSTLS", "RDSAAD", "HYBRID_EX"}
    assert by_name["SSL"].state == "accepted"
    assert by_name["HYBRID"].state == "rejected"
    assert result.tls is not None
    assert {name: each.state for name, each in result.tls.versions.items()} == {
        "TLSv1.3": "accepted",  # the complete handshake
        "TLSv1.0": "rejected",
    }
    assert result.depth == "standard"
    assert result.asked == ["negotiation.protocols.HYBRID", "tls.versions.TLSv1.0"]
    assert result.limited is None


def test_nothing_of_the_sort_is_said_where_all_was_asked() -> None:
    attempts, now = a.ran(a.xrdp)
    result = verdict(a.audit(attempts, now))
    assert result.asked is None
    assert result.negotiation is not None
    assert NOT_ASKED not in result.negotiation.protocols.values()


@pytest.mark.parametrize(
    ("needs", "places"),
    [
        (NOTHING, []),
        (Needs(full=True), ["full"]),
        (Needs(encryption=True), ["standard_rdp"]),
        (Needs(trials=frozenset({WEAK})), ["tls.trials"]),
        (Needs(intolerance=True), ["tls.intolerance"]),
        (Needs(certificates=True, credssp=True), ["certificates", "credssp"]),
        (Needs(licensing=True, udp=True, gateway=True), ["licensing", "udp", "gateway"]),
        (Needs(direct_tls=True), ["negotiation.direct_tls"]),
    ],
)
def test_the_places_that_were_asked_for(needs: Needs, places: list[str]) -> None:
    assert found(a.xrdp, needs).asked == places


def test_the_places_of_depth_standard_are_all_named() -> None:
    places = found(a.xrdp, Needs(standard=True)).asked or []
    assert places[0] == "standard"
    assert {"negotiation.protocols.RDSAAD", "tls.versions.TLSv1.1", "standard_rdp", "credssp"} <= set(places)
    assert "tls.versions.SSLv3" not in places


def test_with_a_client_simulated_needs_are_not_asked() -> None:
    assert found(a.xrdp, versions("TLSv1.2"), Settings(simulate=("freerdp2",))).asked is None


def test_where_no_protocol_alone_leads_to_tls_nothing_is_tried() -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        return a.windows()(question) if question.protocols == a.USUAL else ([], Ending.CLOSED)

    result = found(answer, Needs(trials=frozenset({WEAK})))
    assert result.tls is not None
    assert result.tls.trials == []


@pytest.mark.parametrize(
    ("answer", "most"),
    [(a.xrdp, 12), (a.freerdp, 19), (a.windows(), 20)],
    ids=["xrdp", "freerdp", "windows, which refuses by resets"],
)
def test_the_cap_cuts_what_comes_last_and_says_so(answer: a.Answer, most: int) -> None:
    needs = replace(versions("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"), direct_tls=True) | protocols("RDP")
    everything = found(answer, needs)
    assert everything.connections < most
    few = found(answer, needs, Settings(max_connections=everything.connections - 1))
    assert everything.limited is None
    assert few.limited is not None
    assert "not asked: " in few.limited


def test_every_need_is_one_that_the_plan_knows() -> None:
    """A need that is added must be asked for: this test names them all."""
    assert {each.name for each in fields(Needs)} == {
        *("protocols", "versions", "certificates", "credssp", "encryption", "direct_tls", "intolerance", "trials"),
        *("standard", "full", "udp", "gateway", "licensing", "clients"),
        "again",  # decides only for how many connections there may be
    }


ANSWERS: list[Callable[[Question], tuple[list[Event], Ending]]] = [a.xrdp, a.windows()]


@pytest.mark.parametrize("answer", ANSWERS)
def test_nothing_is_left_where_everything_was_asked(answer: a.Answer) -> None:
    _, now = a.ran(answer, Settings().needing(Needs(standard=True, trials=frozenset({WEAK}))))
    assert now == Plan((), ())
