from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.audit.attempt import TLS_VERSIONS, Attempt, Question, Stage
from probe.audit.plan import Plan, plan
from probe.audit.settings import Settings
from probe.handshake.machine import Ending, Event
from tests.audit import attempts as a

TRIAGE = a.ask(a.SSL, Stage.TUNNEL)
USUAL = a.ask(a.USUAL, Stage.TUNNEL, cookie=True)
STANDARD_RDP = a.ask(a.RDP, Stage.SETTINGS, methods=a.ONE_TWENTY_EIGHT)
DIRECT = a.ask(None, Stage.HELLO, version=a.TLS12)
DISCOVER = Settings(depth="discover")


def questions(answer: a.Answer, wanted: Settings | None = None) -> list[Question]:
    return [attempt.question for attempt in a.ran(answer, wanted)[0]]


def over(protocol: int) -> list[Question]:
    return [a.ask(protocol, Stage.HELLO, version=version) for version in TLS_VERSIONS]


def test_triage_is_alone() -> None:
    assert plan([], Settings()) == Plan((TRIAGE,), ())


def test_every_protocol_alone_then_hellos_then_standard_rdp() -> None:
    methods = [a.ask(a.RDP, Stage.SETTINGS, methods=method, rdp_version=0x00080004) for method in (0x08, 0x01, 0x10)]
    assert questions(a.xrdp) == [
        TRIAGE,
        a.ask(a.HYBRID, Stage.TUNNEL),
        a.ask(a.HYBRID_EX),
        a.ask(a.RDSTLS, Stage.TUNNEL),
        a.ask(a.RDSAAD, Stage.TUNNEL),
        *over(a.SSL),
        DIRECT,
        STANDARD_RDP,
        *methods,
    ]


@pytest.mark.parametrize(
    ("answer", "most"),
    [
        (a.xrdp, 14),
        (a.freerdp, 12),
        (a.windows(), 13),
        (a.windows(versions=(a.TLS12,)), 14),
        (a.windows(a.SSL | a.HYBRID | a.HYBRID_EX, standard=True), 16),
        (a.windows(31, TLS_VERSIONS, standard=True), 14),
        (a.xp, 10),
    ],
    ids=["xrdp", "freerdp", "windows", "windows, TLS 1.2 alone", "windows without NLA", "all", "xp"],
)
def test_a_healthy_server_is_asked_at_most_sixteen_times_and_everything(answer: a.Answer, most: int) -> None:
    attempts, now = a.ran(answer)
    assert len(attempts) == most
    assert now == Plan((), ())


@pytest.mark.parametrize("answer", [a.xrdp, a.freerdp, a.windows(), a.xp], ids=["xrdp", "freerdp", "windows", "xp"])
def test_discover_is_one_connection(answer: a.Answer) -> None:
    assert questions(answer, DISCOVER) == [a.ask(a.USUAL, Stage.TUNNEL)]


def test_discover_tries_another_mask_where_the_first_met_silence() -> None:
    first = a.ask(a.USUAL, Stage.TUNNEL)
    assert questions(a.only([], Ending.CLOSED), DISCOVER) == [first, TRIAGE]
    assert questions(a.only(a.malformed(b"SSH-2.0-x\r\n")), DISCOVER) == [first]


@pytest.mark.parametrize(
    "events",
    [a.malformed(b"HTTP/1.1 400\r\n"), a.bare()],
    ids=["http", "another ISO service"],
)
def test_nothing_more_is_asked_of_what_is_not_rdp(events: list[Event]) -> None:
    assert questions(a.only(events)) == [TRIAGE]


@pytest.mark.parametrize("ending", [Ending.REFUSED, Ending.FILTERED, Ending.UNREACHABLE])
def test_nothing_more_is_asked_where_nothing_listens(ending: Ending) -> None:
    assert questions(a.only([], ending)) == [TRIAGE]


def test_a_silent_host_is_asked_two_requests_twice() -> None:
    again = [TRIAGE.again(), USUAL.again()]
    assert questions(a.only([], Ending.TIMED_OUT)) == [TRIAGE, USUAL, *again]


def test_a_host_that_closes_is_asked_for_tls_too_and_nothing_twice() -> None:
    assert questions(a.only([], Ending.CLOSED)) == [TRIAGE, USUAL, STANDARD_RDP, DIRECT]


def test_a_host_that_resets_is_asked_every_kind_of_request_twice() -> None:
    asked = questions(a.only([], Ending.RESET))
    assert asked[:4] == [TRIAGE, USUAL, STANDARD_RDP, DIRECT]
    assert {each.again() for each in asked[:4]} == set(asked[4:])


def test_a_host_that_answers_only_what_current_clients_send_is_heard() -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        return a.windows()(question) if (question.protocols or 0) & a.HYBRID else ([], Ending.CLOSED)

    asked = questions(answer)
    assert asked[:2] == [TRIAGE, USUAL]
    assert over(a.HYBRID)[0] in asked


def test_a_broken_answer_is_not_asked_for_again() -> None:
    broken = a.attempt(TRIAGE, a.malformed(b"\x03\x00\x00\x00"))
    assert plan([broken], Settings()) == Plan((), ())


def test_what_drops_one_mask_and_answers_another_is_fully_asked() -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        return ([], Ending.TIMED_OUT) if question == TRIAGE else a.xrdp(question)

    asked = questions(answer)
    assert asked[:2] == [TRIAGE, USUAL]
    assert TRIAGE.again() in asked
    assert over(a.SSL)[0] in asked  # once the repeat had shown that SSL is accepted
    assert len(set(asked)) == len(asked) <= 16


def test_a_reset_is_asked_again_later_and_alone() -> None:
    asked = questions(a.windows())
    resets = [each for each in over(a.HYBRID) if each.version in (a.TLS10, a.TLS11)]
    assert asked[-2:] == [each.again() for each in resets]
    now = plan(a.ran(a.windows(), Settings(max_connections=11))[0], Settings())
    assert now.questions == ()
    assert now.repeats == tuple(each.again() for each in resets)


def test_an_answer_inside_tls_that_never_comes_is_asked_for_again() -> None:
    silent = a.attempt(a.ask(a.RDSTLS, Stage.TUNNEL), [*a.selects(a.RDSTLS), *a.tunnel()], Ending.TIMED_OUT)
    now = plan([a.attempt(TRIAGE, a.selects(a.SSL)), silent], Settings())
    assert now.repeats == (silent.question.again(),)


def test_hybrid_ex_is_asked_in_company_where_it_is_turned_away_alone() -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        if question.protocols == a.HYBRID_EX:
            return a.fails(5), Ending.COMPLETE
        return a.windows()(question)

    assert a.ask(a.USUAL) in questions(answer)
    assert a.ask(a.USUAL) not in questions(a.windows())
    assert a.ask(a.USUAL) in questions(a.freerdp)
    assert a.ask(a.USUAL) not in questions(a.xrdp)


def test_hellos_go_over_one_protocol_even_if_a_better_one_turns_up_later() -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        return ([], Ending.RESET) if question == TRIAGE else a.windows(a.SSL | a.HYBRID)(question)

    asked = questions(answer)
    assert TRIAGE.again() in asked
    assert [each for each in asked if each.stage is Stage.HELLO and each.protocols == a.SSL] == []
    assert set(over(a.HYBRID)) <= set(asked)


@pytest.mark.parametrize("protocol", [a.RDSTLS, a.RDSAAD])
def test_hellos_go_over_what_there_is(protocol: int) -> None:
    assert set(over(protocol)) <= set(questions(a.windows(protocol)))


@pytest.mark.parametrize(
    ("versions", "direct"),
    [((a.TLS13,), a.TLS13), ((a.TLS10,), a.TLS10), ((a.TLS13, a.TLS12), a.TLS12), ((a.TLS11, a.TLS10), a.TLS11)],
)
def test_tls_without_x224_is_asked_by_a_version_that_is_spoken(versions: tuple[int, ...], direct: int) -> None:
    asked = [each for each in questions(a.windows(versions=versions)) if each.protocols is None]
    assert asked == [a.ask(None, Stage.HELLO, version=direct)]


def test_tls_without_x224_is_asked_once_even_if_versions_turn_up_later() -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        if question.stage is Stage.TUNNEL:
            return a.selects(a.HYBRID) if question.protocols == a.HYBRID else a.fails(5), Ending.COMPLETE
        if question.stage is Stage.HELLO and question.protocols is not None and not question.repeat:
            return a.selects(a.HYBRID), Ending.RESET
        return a.windows(versions=(a.TLS13,))(question)

    assert {each.version for each in questions(answer) if each.protocols is None} == {a.TLS12}


def test_methods_are_asked_alone_only_where_there_is_encryption() -> None:
    def unencrypted(question: Question) -> tuple[list[Event], Ending]:
        if question.stage is Stage.SETTINGS:
            return [*a.selects(a.RDP), *a.settings(method=0, level=0)], Ending.COMPLETE
        return a.fails(2), Ending.COMPLETE

    asked = questions(unencrypted)
    assert [each for each in asked if each.stage is Stage.SETTINGS] == [STANDARD_RDP]


@pytest.mark.parametrize(
    ("ending", "others"),
    [(Ending.CLOSED, True), (Ending.COMPLETE, True), (Ending.RESET, True), (Ending.TIMED_OUT, False)],
)
def test_other_methods_are_asked_where_the_first_is_turned_away(ending: Ending, others: bool) -> None:
    """A server with FIPS alone closes on 128 bits; a silence says nothing about the method."""

    def fips_alone(question: Question) -> tuple[list[Event], Ending]:
        if question.stage is Stage.SETTINGS and question.methods != 0x10:
            return a.selects(a.RDP), ending
        if question.stage is Stage.SETTINGS:
            return [*a.selects(a.RDP), *a.settings(method=0x10, level=4)], Ending.COMPLETE
        return a.fails(2), Ending.COMPLETE

    assert any(question.methods == 0x10 for question in questions(fips_alone)) is others


def test_a_bare_confirm_among_answers_stops_nothing() -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        return (a.bare(), Ending.CLOSED) if question.protocols == a.RDSTLS else a.xrdp(question)

    assert len(questions(answer)) == 14


def once(question: Question, events: list[Event], ending: Ending, answer: a.Answer) -> a.Answer:
    """As `answer`, but the first time that question goes wrong."""
    return lambda each: (events, ending) if each == question else answer(each)


@pytest.mark.parametrize(
    "ending", [Ending.REFUSED, Ending.FILTERED, Ending.UNREACHABLE, Ending.TIMED_OUT, Ending.CLOSED, Ending.RESET]
)
def test_a_server_that_comes_back_is_asked_everything(ending: Ending) -> None:
    hello = over(a.SSL)[1]
    attempts, now = a.ran(once(hello, [], ending, a.xrdp))
    asked = [attempt.question for attempt in attempts]
    assert asked[asked.index(hello) + 1] == hello.again()  # at once: all others wait for it
    assert len(asked) == 15
    assert now == Plan((), ())


@pytest.mark.parametrize(
    "ending", [Ending.REFUSED, Ending.FILTERED, Ending.UNREACHABLE, Ending.TIMED_OUT, Ending.CLOSED, Ending.RESET]
)
def test_a_server_that_is_gone_is_left_alone_after_one_repeat(ending: Ending) -> None:
    hello = over(a.SSL)[1]

    def answer(question: Question) -> tuple[list[Event], Ending]:
        return ([], ending) if replace(question, repeat=False) == hello else a.xrdp(question)

    attempts, now = a.ran(answer)
    assert [attempt.question for attempt in attempts[-2:]] == [hello, hello.again()]
    assert now == Plan((), (), "SSL, then a TLSv1.3 ClientHello")


def test_a_server_is_not_lost_because_we_stopped() -> None:
    hello = over(a.SSL)[1]
    before = [a.attempt(each, a.selects(a.SSL)) for each in (TRIAGE, hello)]
    stopped = a.attempt(hello.again(), [], Ending.INTERRUPTED)
    assert plan([*before, stopped], Settings()).lost_after is None


def test_a_silence_of_one_request_alone_loses_no_server() -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        return ([], Ending.RESET) if question.protocols == a.RDSAAD else a.xrdp(question)

    attempts, now = a.ran(answer)
    assert now == Plan((), ())
    assert len(attempts) == 15


def test_a_host_that_was_silent_and_then_refuses_is_left_alone() -> None:
    silent = a.attempt(TRIAGE, [], Ending.TIMED_OUT)
    refused = a.attempt(TRIAGE.again(), [], Ending.REFUSED)
    assert plan([silent, refused], Settings()) == Plan((), ())


events_of_one = st.one_of(
    st.just([]),
    st.just(a.bare()),
    st.just(a.disconnect()),
    st.builds(a.selects, st.sampled_from([0, 1, 2, 3, 4, 8, 16, 32])),
    st.builds(a.fails, st.integers(0, 8)),
    st.builds(
        lambda selected, version: a.selects(selected) + a.tunnel(version),
        st.sampled_from([1, 2, 4, 8, 16]),
        st.sampled_from(TLS_VERSIONS),
    ),
    st.builds(lambda version: a.selects(1) + a.says(a.hello(version)), st.sampled_from(TLS_VERSIONS)),
    st.builds(lambda method: a.selects(0) + a.settings(method=method), st.sampled_from([0, 1, 2, 8, 16])),
    st.just(a.malformed(b"SSH")),
    st.just(a.malformed(b"\x03")),
)
outcomes = st.lists(st.tuples(events_of_one, st.sampled_from(Ending)), max_size=40)


@given(outcomes=outcomes, depth=st.sampled_from(["discover", "standard", "full"]))
def test_whatever_a_server_does_the_plan_ends_and_never_asks_twice_or_what_breaks_xrdp(
    outcomes: list[tuple[list[Event], Ending]], depth: str
) -> None:
    wanted = Settings(depth=depth, max_connections=100)  # type: ignore[arg-type]
    rest = iter(outcomes)
    attempts, now = a.ran(lambda _: next(rest, ([], Ending.TIMED_OUT)), wanted)
    asked = [attempt.question for attempt in attempts]
    assert len(set(asked)) == len(asked) <= 40
    assert not now.questions
    assert not now.repeats
    for number, question in enumerate(asked):
        assert question.protocols is None or question.protocols & ~0x1F == 0
        assert question.protocols == 0x10 or not (question.protocols or 0) & 0x10
        assert not question.repeat or replace(question, repeat=False) in asked[:number]


@given(outcomes=outcomes, order=st.randoms(use_true_random=False))
def test_the_plan_may_be_asked_in_any_order_of_ending(
    outcomes: list[tuple[list[Event], Ending]], order: object
) -> None:
    rest = iter(outcomes)
    attempts: list[Attempt] = a.ran(lambda _: next(rest, ([], Ending.TIMED_OUT)), Settings(max_connections=40))[0]
    order.shuffle(attempts)  # type: ignore[attr-defined]
    asked = {attempt.question for attempt in attempts}
    now = plan(attempts, Settings())
    assert not asked & {*now.questions, *now.repeats}


def test_what_is_not_rdp_is_not_asked_again_even_if_it_then_resets() -> None:
    assert questions(a.only(a.malformed(b"SSH-2.0-x\r\n"), Ending.RESET)) == [TRIAGE]
