"""Trials against servers made of data: what is said of each is what they have, with few connections, in any order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.audit.attempt import Attempt, Question
from probe.audit.offers import ALL_GROUPS, all_suites, is_touchy, whole_offer
from probe.audit.plan import plan
from probe.audit.settings import Settings
from probe.audit.trials import is_trial
from probe.audit.verdict import verdict
from probe.handshake.client_hello import Offer
from probe.handshake.machine import Ending
from probe.needs import NOTHING, Needs, Trial
from probe.result import Result, TlsTrial
from probe.wire import tls_hello
from probe.wire.nego import Protocol
from probe.wire.tls_key_exchange import key_exchange_of
from probe.wire.tls_record import AlertDescription
from probe.wire.tls_suites import suite_name
from tests.audit.attempts import SSL3, TLS10, TLS11, TLS12, TLS13, alert, audit, ran, says, selects
from tests.audit.tls_servers import REFUSED, Answered, TlsServer, ran_together

VERSIONS = frozenset({"SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"})
GCM, GCM_13, RSA_AES, RSA_AES_256, RSA_3DES, RC4, NULL = 0xC030, 0x1302, 0x002F, 0x0035, 0x000A, 0x0005, 0x0002
ECDSA_GCM, CCM_8 = 0xC02C, 0x1305
X25519, P_256, P_384, P_192, SECT163, FFDHE = 0x001D, 0x0017, 0x0018, 0x0013, 0x0001, 0x0100
WEAK = Trial("suites", (NULL, RC4, RSA_3DES, RSA_AES, CCM_8))
WEAK_GROUPS = Trial("groups", (SECT163, P_192))
MANY = Trial("suites", tuple(sorted(code for code in all_suites(TLS12) if "_RSA_WITH_" not in suite_name(code))))
RESET: Answered = ([], Ending.RESET)
SILENCE: Answered = ([], Ending.TIMED_OUT)


def modern(**fields: object) -> TlsServer:
    """TLS 1.2 and 1.3 with nothing that is weak, and an RSA key."""
    server = TlsServer(
        suites={TLS12: [GCM, 0xC02F], TLS13: [GCM_13, 0x1301]},
        groups={TLS12: [X25519, P_256], TLS13: [X25519, P_256]},
    )
    return replace(server, **fields)  # type: ignore[arg-type]


def needing(*trials: Trial, versions: frozenset[str] = VERSIONS, most: int | None = None) -> Settings:
    return Settings(max_connections=most).needing(Needs(versions=versions, trials=frozenset(trials)))


def result_of(attempts: list[Attempt], wanted: Settings) -> Result:
    return verdict(audit(attempts, plan(attempts, wanted), wanted))


def tried(server: TlsServer, *trials: Trial, most: int | None = None) -> tuple[list[TlsTrial], list[Question]]:
    """What is said of the trials, and the hellos that were made for them."""
    wanted = needing(*trials, most=most)
    attempts, _ = ran(server, wanted)
    tls = result_of(attempts, wanted).tls
    assert tls is not None
    asked = [attempt.question for attempt in attempts if is_trial(attempt.question)]
    return tls.trials, asked


def the(found: list[TlsTrial], version: str, kind: str = "suites") -> TlsTrial:
    [trial] = [each for each in found if (each.version, each.kind) == (version, kind)]
    return trial


def codes(trial: TlsTrial) -> list[int]:
    return [int(each.code, 16) for each in trial.selected]


def test_what_is_refused_together_costs_one_connection_a_version() -> None:
    found, asked = tried(modern(), WEAK, WEAK_GROUPS)
    assert [(each.kind, each.version, each.selected, each.state, each.reason) for each in found] == [
        ("suites", "TLSv1.3", [], "rejected", "alert handshake_failure"),
        ("groups", "TLSv1.3", [], "rejected", "alert handshake_failure"),
        ("suites", "TLSv1.2", [], "rejected", "alert handshake_failure"),
        ("groups", "TLSv1.2", [], "rejected", "alert handshake_failure"),
    ]
    assert [(each.version, len(each.offer.suites), len(each.offer.groups)) for each in asked if each.offer] == [
        (TLS13, 1, len(ALL_GROUPS)),
        (TLS13, len(all_suites(TLS13)), 2),
        (TLS12, 4, len(ALL_GROUPS)),
        (TLS12, 47, 2),
    ]
    assert the(found, "TLSv1.3").offered == ["0x1305"]
    assert the(found, "TLSv1.2").offered == ["0x0002", "0x0005", "0x000a", "0x002f"]


def test_what_is_selected_is_offered_no_more_until_the_server_refuses() -> None:
    found, asked = tried(modern(suites={TLS12: [GCM, RSA_AES, RC4]}), WEAK)
    [trial] = found
    assert [each.name for each in trial.selected] == ["TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_RC4_128_SHA"]
    assert (trial.state, trial.reason) == ("rejected", "alert handshake_failure")
    offers = [set(each.offer.suites) for each in asked if each.offer]
    assert offers == [{NULL, RC4, RSA_3DES, RSA_AES}, {NULL, RC4, RSA_3DES}, {NULL, RSA_3DES}]


def test_a_trial_ends_when_enough_is_selected_and_another_goes_on() -> None:
    server, few = modern(suites={TLS12: [GCM, RSA_AES, RC4, NULL]}), replace(WEAK, enough=1)
    found, asked = tried(server, few, Trial("suites", (NULL, CCM_8)))
    assert [(codes(each), each.state, each.reason) for each in found] == [
        ([RSA_AES, NULL], "accepted", None),
        ([NULL], "accepted", None),
    ]
    assert [set(each.offer.suites) for each in asked if each.offer] == [{NULL, RC4, RSA_3DES, RSA_AES}, {NULL}]


def test_what_another_hello_was_answered_with_is_not_offered_again() -> None:
    found, asked = tried(modern(suites={TLS12: [GCM]}), Trial("suites", (GCM,)), Trial("groups", (X25519, P_256)))
    assert [(each.kind, codes(each), each.state) for each in found] == [
        ("suites", [GCM], "accepted"),
        ("groups", [X25519, P_256], "accepted"),
    ]
    assert [each.offer.groups for each in asked if each.offer] == [(P_256,)]


def test_a_version_that_has_none_of_the_codes_or_is_not_served_needs_no_hello() -> None:
    found, asked = tried(modern(), Trial("suites", (CCM_8,)), Trial("groups", (FFDHE,)))
    assert {each.version for each in found} == {"TLSv1.3"}
    assert {each.version for each in asked} == {TLS13}


def test_versions_that_are_older_are_tried_too_and_ssl_3_has_no_groups() -> None:
    server = TlsServer(suites={key: [RSA_AES] for key in (TLS11, TLS10, SSL3)}, groups={})
    found, _ = tried(server, WEAK, WEAK_GROUPS)
    assert [(each.kind, each.version, codes(each), each.state) for each in found] == [
        ("suites", "TLSv1.1", [RSA_AES], "rejected"),
        ("groups", "TLSv1.1", [], "rejected"),
        ("suites", "TLSv1.0", [RSA_AES], "rejected"),
        ("groups", "TLSv1.0", [], "rejected"),
        ("suites", "SSLv3", [RSA_AES], "rejected"),
    ]


def test_a_refusal_by_a_reset_counts_when_it_came_twice() -> None:
    found, asked = tried(modern(refused=RESET), WEAK)
    assert [(each.state, each.reason, each.ending) for each in found] == [("rejected", "reset", "reset")] * 2
    assert len(asked) == 4


def test_silence_is_no_refusal_and_ends_the_trials() -> None:
    more = Trial("suites", (NULL,))
    found, asked = tried(modern(refused=SILENCE), WEAK, more, WEAK_GROUPS)
    assert [(each.kind, each.version, each.state, each.reason, each.ending) for each in found] == [
        ("suites", "TLSv1.3", "unknown", "timed_out", "timed_out"),
        ("groups", "TLSv1.3", "unknown", "timed_out", "timed_out"),
        ("suites", "TLSv1.2", "unknown", "timed_out", "timed_out"),
        ("suites", "TLSv1.2", "unknown", "timed_out", "timed_out"),
        ("groups", "TLSv1.2", "unknown", "not asked", None),  # an older version is asked when a newer one has ended
    ]
    assert len(asked) == 6  # each line twice


def test_two_lines_that_met_silence_are_enough() -> None:
    server = modern()

    def answer(question: Question) -> Answered:
        silent = is_trial(question) and question.version == TLS13
        return ([*selects(Protocol.SSL)], Ending.TIMED_OUT) if silent else server(question)

    wanted = needing(WEAK, WEAK_GROUPS)
    attempts = [
        attempt
        for attempt in ran(answer, wanted)[0]
        if attempt.question.version == TLS13 or not is_trial(attempt.question)
    ]
    assert not any(map(is_trial, plan(attempts, wanted).questions))
    [last] = [attempt for attempt in attempts if attempt.question.repeat and "groups" in attempt.question.purpose]
    attempts.remove(last)
    assert any(map(is_trial, plan(attempts, wanted).questions))


def test_a_large_hello_that_is_dropped_is_tried_in_portions() -> None:
    server = modern(suites={TLS12: [GCM, ECDSA_GCM, 0xC0AC]}, most_suites=101)
    found, asked = tried(server, MANY)
    [trial] = found
    assert codes(trial) == [ECDSA_GCM, 0xC0AC]
    assert trial.state == "rejected"
    sizes = [len(each.offer.suites) for each in asked if each.offer]
    assert sizes[:2] == [len(MANY.codes)] * 2
    assert max(sizes[2:]) <= 101  # with one that is accepted, to prove the refusal of the others


def test_a_hello_with_everything_that_was_answered_needs_no_portions() -> None:
    server = modern(suites={TLS12: [GCM]}, refused=RESET)
    found, asked = tried(server, MANY)
    assert [(each.state, each.reason) for each in found] == [("rejected", "reset")]
    assert [len(each.offer.suites) for each in asked if each.offer] == [len(MANY.codes)] * 2
    [silent], _ = tried(replace(server, refused=SILENCE), MANY)
    assert (silent.state, silent.reason) == ("unknown", "timed_out")
    server = modern(suites={TLS12: [GCM, ECDSA_GCM]}, refused=RESET)
    found, asked = tried(server, MANY)
    assert [(codes(each), each.state) for each in found] == [([ECDSA_GCM], "rejected")]
    assert [len(each.offer.suites) for each in asked if each.offer][1:] == [len(MANY.codes) - 1] * 2


# What is refused for another reason than its suites


class Gate(TlsServer):
    """Something on the way that turns a hello away at sight, before a server that has what it has."""

    at_sight: Callable[[Offer], bool]

    def __call__(self, question: Question) -> Answered:
        offer = question.hello
        if offer is not None and self.at_sight(offer):
            return [*selects(Protocol.SSL), *self.refused[0]], self.refused[1]
        return super().__call__(question)


def behind_a_gate(at_sight: Callable[[Offer], bool], *suites: int, refused: Answered = REFUSED) -> Gate:
    server = Gate(suites={TLS12: [GCM, *suites]}, groups={TLS12: [X25519, P_256]}, refused=refused)
    server.at_sight = at_sight
    return server


ODD = Trial("suites", (NULL, 0x0003, RC4, RSA_3DES, RSA_AES))
OTHER = "the same hello was refused with what the server accepts in it too"
GATES: dict[str, Callable[[Offer], bool]] = {
    "no encryption, or that for export": lambda offer: any(map(is_touchy, offer.suites)),
    "more than 60 suites": lambda offer: len(offer.suites) > 60,
    "optional extensions": lambda offer: offer.extras,
    "many groups": lambda offer: len(offer.groups) > 20,
}


@pytest.mark.parametrize("refused", [REFUSED, RESET, ([], Ending.CLOSED)], ids=["alert", "reset", "close"])
@pytest.mark.parametrize("gate", GATES)
def test_what_is_refused_at_sight_hides_no_suite(gate: str, refused: Answered) -> None:
    found, _ = tried(behind_a_gate(GATES[gate], RC4, refused=refused), ODD)
    assert [each.name for each in the(found, "TLSv1.2").selected] == ["TLS_RSA_WITH_RC4_128_SHA"]


@pytest.mark.parametrize("refused", [REFUSED, RESET, ([], Ending.CLOSED)], ids=["alert", "reset", "close"])
def test_what_is_refused_at_sight_is_unknown_and_the_rest_is_not(refused: Answered) -> None:
    server = behind_a_gate(GATES["no encryption, or that for export"], refused=refused)
    found, asked = tried(server, ODD, Trial("suites", (RC4, RSA_3DES)))
    assert [(len(each.offered), each.state, each.reason) for each in found] == [
        (5, "unknown", OTHER),
        (2, "rejected", hello_reason(refused)),
    ]
    offers = [set(each.offer.suites) for each in asked if each.offer and not each.repeat]
    rest = {RC4, RSA_3DES, RSA_AES}
    # The usual hello, which has the rest, was agreed to: that proves its refusal.
    assert offers == [set(ODD.codes), {*ODD.codes, GCM}, rest, {NULL, 3}, {NULL, 3, GCM}]


def hello_reason(refused: Answered) -> str:
    return "alert handshake_failure" if refused == REFUSED else refused[1].value


def test_a_hello_with_a_key_share_proves_nothing_of_one_without() -> None:
    server = Gate(suites={TLS13: [GCM_13]}, groups={TLS13: [X25519]})
    server.at_sight = lambda offer: len(offer.suites) > 5
    found, asked = tried(server, WEAK_GROUPS)
    assert [(each.selected, each.state) for each in found] == [([], "rejected")]
    assert [(each.offer.share, each.offer.groups) for each in asked if each.offer] == [
        (False, (P_192, SECT163)),
        (False, (P_192, SECT163, X25519)),
    ]


def test_groups_that_are_refused_with_an_accepted_one_are_unknown() -> None:
    found, asked = tried(behind_a_gate(lambda offer: P_192 in offer.groups), WEAK_GROUPS)
    assert [(each.selected, each.state, each.reason) for each in found] == [([], "unknown", OTHER)]
    assert [each.offer.groups for each in asked if each.offer] == [(P_192, SECT163), (P_192, SECT163, X25519)]
    found, asked = tried(behind_a_gate(lambda offer: len(offer.suites) > 60), WEAK_GROUPS)
    assert [(each.selected, each.state) for each in found] == [([], "rejected")]
    assert len(asked) == 2


def test_an_answer_that_was_not_offered_settles_nothing() -> None:
    server = modern(suites={TLS12: [GCM]})

    def answer(question: Question) -> Answered:
        if not is_trial(question):
            return server(question)
        odd = tls_hello.ServerHello(version=TLS12, random=bytes(32), cipher_suite=GCM)
        return [*selects(Protocol.SSL), *says(odd)], Ending.COMPLETE

    wanted = needing(WEAK)
    attempts, _ = ran(answer, wanted)
    tls = result_of(attempts, wanted).tls
    assert tls is not None
    [trial] = tls.trials
    assert (trial.state, trial.reason) == ("unknown", "answered suite 0xc030, which was not offered")
    assert sum(is_trial(attempt.question) for attempt in attempts) == 1


def test_an_answer_that_names_no_group_settles_nothing() -> None:
    server = modern(suites={TLS12: [GCM]})

    def answer(question: Question) -> Answered:
        events, ending = server(replace(question, offer=None) if is_trial(question) else question)
        return [each for each in events if "KeyExchange" not in str(each)] if is_trial(question) else events, ending

    wanted = needing(WEAK_GROUPS)
    attempts, _ = ran(answer, wanted)
    tls = result_of(attempts, wanted).tls
    assert tls is not None
    assert [(each.state, each.reason) for each in tls.trials] == [("unknown", "answered, and which group was not told")]
    assert sum(is_trial(attempt.question) for attempt in attempts) == 1


# Groups, and what they may be refused for besides


class WantsCurve(TlsServer):
    """One whose certificate has an EC key on P-256: it refuses what lacks that curve."""

    def __call__(self, question: Question) -> Answered:
        offer = question.hello
        if offer is not None and offer.version < TLS13 and P_256 not in offer.groups:
            return [*selects(Protocol.SSL), *self.refused[0]], self.refused[1]
        return super().__call__(question)


def with_ec_key(groups: list[int], *, own_order: bool = True) -> WantsCurve:
    return WantsCurve(suites={TLS12: [ECDSA_GCM]}, groups={TLS12: groups}, schemes=[0x0403], own_order=own_order)


def test_with_an_ec_key_groups_are_refused_only_where_they_are_passed_over_too() -> None:
    found, asked = tried(with_ec_key([P_256]), WEAK_GROUPS)
    assert [(codes(each), each.state) for each in found] == [([], "rejected")]
    assert [each.offer.groups for each in asked if each.offer] == [
        (P_192, SECT163),
        (P_192, SECT163, P_256, P_384, 0x19),
    ]


@pytest.mark.parametrize(("own_order", "selected"), [(False, [SECT163]), (True, [])])
def test_with_an_ec_key_groups_that_are_preferred_to_its_curve_are_found(
    selected: list[int], *, own_order: bool
) -> None:
    found, _ = tried(with_ec_key([P_256, SECT163], own_order=own_order), WEAK_GROUPS)
    assert [(codes(each), each.state) for each in found] == [(selected, "rejected")]


def test_with_an_ec_key_a_hello_with_every_curve_needs_no_proof() -> None:
    found, asked = tried(with_ec_key([X25519]), Trial("groups", (P_256, P_384, 0x0019)))
    assert [(codes(each), each.state) for each in found] == [([], "rejected")]
    assert len(asked) == 1


def test_with_an_ec_key_a_proof_that_is_refused_proves_nothing() -> None:
    server = with_ec_key([P_256])

    def answer(question: Question) -> Answered:
        return (
            ([*selects(Protocol.SSL), *server.refused[0]], Ending.COMPLETE) if is_trial(question) else server(question)
        )

    wanted = needing(WEAK_GROUPS)
    attempts, _ = ran(answer, wanted)
    tls = result_of(attempts, wanted).tls
    assert tls is not None
    assert [(each.state, each.reason) for each in tls.trials] == [("unknown", "alert handshake_failure")]
    assert sum(is_trial(attempt.question) for attempt in attempts) == 2


class WantsShare(TlsServer):
    """One of TLS 1.3 that says of groups it does not have what others say of a missing key share."""

    strict = False  # it demands a key share whatever the groups are

    def __call__(self, question: Question) -> Answered:
        offer, known = question.hello, set(self.groups[TLS13])
        if offer is not None and not offer.share and (self.strict or known.isdisjoint(offer.groups)):
            odd = AlertDescription.ILLEGAL_PARAMETER
            return [*selects(Protocol.SSL), *alert(odd)], Ending.COMPLETE
        return super().__call__(question)


def test_in_tls_1_3_a_missing_key_share_is_ruled_out() -> None:
    server = WantsShare(suites={TLS13: [GCM_13]}, groups={TLS13: [X25519, P_256]})
    found, asked = tried(server, WEAK_GROUPS)
    assert [(each.selected, each.state, each.reason) for each in found] == [([], "rejected", "alert illegal_parameter")]
    assert len(asked) == 2
    server.strict = True
    found, _ = tried(server, WEAK_GROUPS)
    assert [(each.selected, each.state) for each in found] == [([], "unknown")]


def test_in_tls_1_3_nothing_rules_it_out_where_all_that_is_known_was_offered() -> None:
    server = WantsShare(suites={TLS13: [GCM_13]}, groups={TLS13: [X25519]})
    found, _ = tried(server, Trial("groups", (P_256, P_384, SECT163)), Trial("groups", (X25519,)))
    assert [(codes(each), each.state) for each in found] == [([], "rejected"), ([X25519], "accepted")]
    server.strict = True
    server.groups[TLS13] = [0x001E]
    found, asked = tried(server, Trial("groups", (X25519, P_256, P_384)))
    assert [(each.state, each.reason) for each in found] == [("unknown", "alert illegal_parameter")]
    assert len(asked) == 1


# What a refusal without a word is worth


def weary(question: Question, server: TlsServer, *, after: int, told: list[Question]) -> Answered:
    """A server that drops every hello once it has seen a few."""
    told.append(question)
    return server(question) if len(told) <= after else ([*selects(Protocol.SSL)], Ending.CLOSED)


def test_what_was_dropped_last_counts_only_where_the_server_still_answers() -> None:
    server, told = modern(suites={TLS12: [GCM, RSA_AES]}), list[Question]()
    wanted = needing(WEAK, versions=frozenset({"TLSv1.2"}))
    attempts, now = ran(lambda question: weary(question, server, after=3, told=told), wanted)
    assert now.questions == now.repeats == ()
    assert [each.control for each in told].count(True) == 2
    tls = result_of(attempts, wanted).tls
    assert tls is not None
    [trial] = tls.trials
    assert (codes(trial), trial.state) == ([RSA_AES], "accepted")
    assert trial.reason == "at the end the server refused what it had agreed to before"
    told.clear()
    attempts, now = ran(lambda question: weary(question, server, after=2, told=told), wanted)
    tls = result_of(attempts, wanted).tls
    assert tls is not None
    assert [each.state for each in tls.trials] == ["unknown"]


def test_a_server_that_refuses_by_a_close_is_asked_once_more_what_it_agrees_to() -> None:
    server = modern(suites={TLS12: [GCM]}, refused=([], Ending.CLOSED))
    wanted = needing(WEAK, WEAK_GROUPS, versions=frozenset({"TLSv1.2"}))
    attempts, _ = ran(server, wanted)
    assert [attempt.question.control for attempt in attempts] == [False] * 6 + [True]
    tls = result_of(attempts, wanted).tls
    assert tls is not None
    assert [(each.state, each.reason) for each in tls.trials] == [("rejected", "closed")] * 2


def test_a_server_that_says_no_is_asked_once_more_too_what_it_agrees_to() -> None:
    attempts, _ = ran(modern(), needing(WEAK, WEAK_GROUPS))
    assert [attempt.question.control for attempt in attempts].count(True) == 1
    assert attempts[-1].question.control
    assert attempts[-1].question.offer == whole_offer(TLS13)


def test_who_says_no_to_everything_at_the_end_refused_nothing() -> None:
    server, told = modern(suites={TLS12: [GCM]}), list[Question]()

    def answer(question: Question) -> Answered:
        told.append(question)
        return server(question) if len(told) <= 2 else ([*selects(Protocol.SSL), *REFUSED[0]], Ending.COMPLETE)

    wanted = needing(WEAK, versions=frozenset({"TLSv1.2"}))
    attempts, _ = ran(answer, wanted)
    tls = result_of(attempts, wanted).tls
    assert tls is not None
    assert [each.state for each in tls.trials] == ["unknown"]


# How much is asked


def test_what_there_are_no_connections_for_is_said() -> None:
    server = modern(suites={TLS12: [GCM, RSA_AES, RC4, NULL]})
    more = Trial("suites", (RSA_3DES, NULL), enough=1)
    wanted = needing(WEAK, more, versions=frozenset({"TLSv1.2"}), most=3)
    attempts, now = ran(server, wanted)
    result = result_of(attempts, wanted)
    assert result.connections == 3
    assert now.cut_short == ("TLSv1.2 suites",)
    assert result.limited is not None
    assert "named as not settled" in result.limited
    assert result.tls is not None
    assert [(codes(each), each.state, each.reason) for each in result.tls.trials] == [
        ([RSA_AES], "accepted", "not asked"),
        ([], "unknown", "not asked"),
    ]


def test_more_names_are_no_question_that_is_left() -> None:
    server = modern(suites={TLS12: [GCM, RSA_AES, RC4, NULL]})
    wanted = needing(WEAK, versions=frozenset({"TLSv1.2"}), most=4)
    attempts, now = ran(server, wanted)
    result = result_of(attempts, wanted)
    assert (result.connections, result.limited, now.cut_short) == (4, None, ())
    assert result.tls is not None
    [trial] = result.tls.trials
    assert (codes(trial), trial.state, trial.reason) == ([RSA_AES, RC4], "accepted", "not asked")


# What decides comes first

OLD = {version: [RSA_AES_256, 0x0039, RSA_AES, RC4, NULL] for version in (TLS12, TLS11, TLS10, SSL3)}
DHE = Trial("suites", (0x0033, 0x0039), enough=1, each=1)


def everything_old() -> TlsServer:
    """Five versions, weak suites and the server's own Diffie-Hellman group in each before TLS 1.3."""
    return modern(suites={TLS13: [GCM_13], **OLD}, groups={TLS12: [X25519], TLS13: [X25519]})


def test_what_one_version_accepts_is_looked_for_in_others_at_the_end_and_named_last() -> None:
    few = Trial("suites", WEAK.codes, enough=2)
    found, asked = tried(everything_old(), few, DHE)
    offers = [(each.version, set(each.offer.suites)) for each in asked if each.offer]
    both = {NULL, RC4, RSA_3DES, RSA_AES, 0x0033, 0x0039}
    assert offers[:2] == [(TLS13, {CCM_8}), (TLS12, both)]  # DHE is selected
    assert offers[2] == (TLS12, both - {0x0033, 0x0039})  # RSA_AES is
    assert offers[3:6] == [(version, {0x0033, 0x0039}) for version in (TLS11, TLS10, SSL3)]
    assert offers[6:9] == [(version, set(WEAK.codes) - {CCM_8}) for version in (TLS11, TLS10, SSL3)]
    assert offers[9:] == [(version, {NULL, RC4, RSA_3DES}) for version in (TLS12, TLS11, TLS10, SSL3)]
    assert {each.state for each in found[1:]} == {"accepted"}
    assert {each.reason for each in found[1:]} == {None}


def test_names_are_asked_for_up_to_twenty_connections() -> None:
    many = Trial("suites", WEAK.codes, enough=9)
    wanted = needing(many, DHE)
    attempts, now = ran(everything_old(), wanted)
    result = result_of(attempts, wanted)
    assert (result.connections, result.limited, now.cut_short) == (20, None, ())
    explicit = needing(many, DHE, most=27)
    assert result_of(ran(everything_old(), explicit)[0], explicit).connections == 27


def test_old_versions_take_no_more_than_twenty_connections_unless_their_answers_were_known() -> None:
    each = [Trial("suites", (code,), enough=1, each=1) for code in (RSA_AES, RC4, NULL, 0x0039)]
    wanted = needing(*each)
    attempts, now = ran(everything_old(), wanted)
    result = result_of(attempts, wanted)
    assert result.connections == 20
    assert now.cut_short == ("SSLv3 suites",)
    assert result.limited is not None
    assert result.limited.startswith("20 connections are the most")
    again = Settings().needing(Needs(versions=VERSIONS, trials=frozenset(each), again=True))
    attempts, now = ran(everything_old(), again)
    assert (result_of(attempts, again).limited, now.cut_short) == (None, ())
    assert len(attempts) == 22
    everything = Settings().needing(Needs(standard=True, versions=VERSIONS, trials=frozenset(each)))
    assert len(ran(everything_old(), everything)[0]) > 22


def test_repeats_are_not_counted_in_the_few() -> None:
    each = [Trial("suites", (code,), enough=1, each=1) for code in (RSA_AES, RC4, NULL, 0x0039)]
    server = everything_old()

    def answer(question: Question) -> Answered:
        return RESET if question.protocols != Protocol.SSL and not question.repeat else server(question)

    wanted = Settings().needing(
        Needs(versions=VERSIONS, protocols=frozenset({"HYBRID", "RDSTLS"}), trials=frozenset(each))
    )
    attempts, _ = ran(answer, wanted)
    repeats = sum(attempt.question.repeat for attempt in attempts)
    assert (len(attempts) - repeats, repeats) == (20, 2)


def test_of_versions_that_share_their_groups_the_newest_decides() -> None:
    server = everything_old()
    server.groups[TLS11] = server.groups[TLS10] = [X25519]
    for version in (TLS12, TLS11, TLS10):
        server.suites[version].append(0xC013)
    _, asked = tried(server, WEAK_GROUPS)
    assert list(dict.fromkeys(question.version for question in asked)) == [TLS13, TLS12, TLS11, TLS10]
    wanted = needing(WEAK_GROUPS, most=8)
    attempts, now = ran(server, wanted)
    assert now.cut_short == ()
    assert [attempt.question.version for attempt in attempts if is_trial(attempt.question)] == [TLS13, TLS12]


def test_a_repeat_that_was_never_made_leaves_a_trial_open() -> None:
    wanted = needing(WEAK, versions=frozenset({"TLSv1.2"}), most=3)
    attempts, _ = ran(modern(suites={TLS12: [GCM]}, refused=RESET), wanted)
    tls = result_of(attempts, wanted).tls
    assert tls is not None
    assert [(each.state, each.reason) for each in tls.trials] == [("unknown", "reset")]


def test_full_depth_asks_no_trials() -> None:
    wanted = Settings().needing(Needs(full=True, trials=frozenset({WEAK})))
    attempts, _ = ran(modern(), wanted)
    tls = result_of(attempts, wanted).tls
    assert tls is not None
    assert tls.trials == []
    assert tls.cipher_suites


@settings(max_examples=60, deadline=None)
@given(
    suites=st.permutations([GCM, ECDSA_GCM, RSA_AES, RSA_3DES, RC4, NULL, 0x009E]),
    count=st.integers(1, 7),
    groups=st.permutations([X25519, P_256, P_192, SECT163]),
    group_count=st.integers(1, 4),
    codes_tried=st.lists(st.sampled_from([GCM, RSA_AES, RSA_3DES, RC4, NULL, 0x009E, CCM_8]), min_size=1, unique=True),
    groups_tried=st.lists(st.sampled_from([X25519, P_256, P_192, SECT163, FFDHE]), min_size=1, unique=True),
    own_order=st.booleans(),
    width=st.integers(1, 4),
    choices=st.lists(st.integers(0, 7), min_size=1),
)
def test_what_is_said_is_what_the_server_has_in_whatever_order_it_is_learnt(  # noqa: PLR0917
    suites: list[int],
    count: int,
    groups: list[int],
    group_count: int,
    codes_tried: list[int],
    groups_tried: list[int],
    own_order: bool,
    width: int,
    choices: list[int],
) -> None:
    has, on = suites[:count], groups[:group_count]
    if ECDSA_GCM in has:  # the certificate's curve is one that servers have
        on = [*on, *(group for group in (P_256,) if group not in on)]
    if all(key_exchange_of(suite).startswith("ECDHE") for suite in has):
        on = [*on, *(group for group in (X25519,) if group not in on)]
    server = TlsServer(suites={TLS12: has}, groups={TLS12: on}, schemes=[0x0804, 0x0403], own_order=own_order)
    trials = (
        Trial("suites", tuple(sorted(codes_tried)), enough=9),
        Trial("groups", tuple(sorted(groups_tried)), enough=9),
    )
    wanted = needing(*trials, most=60)
    attempts, now = ran_together(server, wanted, width, choices)
    assert now.questions == now.repeats == ()
    tls = result_of(attempts, wanted).tls
    assert tls is not None
    ecdhe = any(key_exchange_of(suite).startswith("ECDHE") for suite in has)
    truth = {"suites": set(has), "groups": set(on) if ecdhe else set()}
    for trial in tls.trials:
        offered = {int(code, 16) for code in trial.offered}
        assert set(codes(trial)) == truth[trial.kind] & offered
        assert trial.state == ("rejected" if offered - truth[trial.kind] else "accepted")
    questions = [attempt.question for attempt in attempts]
    assert len(set(questions)) == len(questions)


def test_needs_of_several_rules_are_joined() -> None:
    both = reduce(lambda all_, one: all_ | one, [NOTHING, Needs(trials=frozenset({WEAK})), Needs(versions=VERSIONS)])
    assert both == Needs(trials=frozenset({WEAK}), versions=VERSIONS)
