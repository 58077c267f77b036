from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.audit.attempt import Attempt, Stage, protocol_name
from probe.audit.reading import read
from probe.audit.verdict_negotiation import PROTOCOLS, negotiation, protocol_verdict
from probe.handshake.machine import Ending, Event
from probe.result import Negotiation, State, Verdict
from probe.wire import mcs, x224
from probe.wire.nego import NegotiationResponse
from tests.audit import attempts as a

A: State = "accepted"
R: State = "rejected"
U: State = "unknown"


def section(*attempts: Attempt) -> Negotiation:
    return negotiation(attempts, [read(attempt) for attempt in attempts])


def verdict(protocol: int, *attempts: Attempt) -> Verdict:
    return section(*attempts).protocols[protocol_name(protocol)]


def test_selected_on_request_is_accepted() -> None:
    for protocol in PROTOCOLS:
        assert verdict(protocol, a.attempt(a.ask(protocol), a.selects(protocol))) == Verdict(state=A)


def test_hybrid_answered_by_rdp_is_rejected_and_rdp_not_accepted_by_that() -> None:
    answered = section(a.attempt(a.ask(a.HYBRID), a.selects(a.RDP)))
    assert answered.protocols["HYBRID"] == Verdict(state=R, selected="RDP")
    assert answered.protocols["RDP"] == Verdict(state=U)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (1, "SSL_REQUIRED_BY_SERVER"),
        (2, "SSL_NOT_ALLOWED_BY_SERVER"),
        (3, "SSL_CERT_NOT_ON_SERVER"),
        (4, "INCONSISTENT_FLAGS"),
        (5, "HYBRID_REQUIRED_BY_SERVER"),
        (6, "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER"),
        (7, "UNKNOWN_0x7"),
        (0xFFFFFFFF, "UNKNOWN_0xffffffff"),
    ],
)
def test_a_failure_rejects_with_its_name(code: int, name: str) -> None:
    attempt = a.attempt(a.ask(a.SSL), a.fails(code))
    assert verdict(a.SSL, attempt) == Verdict(state=R, failure=name)
    assert section(attempt).attempts[0].failure == name


@pytest.mark.parametrize("selected", [a.HYBRID, 0x20, 3])
def test_an_unoffered_selection_accepts_nothing(selected: int) -> None:
    answered = section(a.attempt(a.ask(a.SSL), a.selects(selected)))
    state = R if selected == a.HYBRID else U  # what is no protocol settles nothing
    assert answered.protocols["SSL"] == Verdict(state=state, selected=protocol_name(selected))
    assert {each.state for name, each in answered.protocols.items() if name != "SSL"} == {U}
    assert answered.attempts[0].selected == protocol_name(selected)


def test_of_several_offered_the_one_taken_says_nothing_about_the_others() -> None:
    answered = section(a.attempt(a.ask(a.USUAL), a.selects(a.HYBRID)))
    assert answered.protocols["HYBRID"] == Verdict(state=A)
    assert answered.protocols["SSL"] == Verdict(state=U, selected="HYBRID")
    assert answered.protocols["HYBRID_EX"] == Verdict(state=U, selected="HYBRID")


@pytest.mark.parametrize(
    ("events", "turned_away"),
    [
        (a.fails(2), Verdict(state=R, failure="SSL_NOT_ALLOWED_BY_SERVER")),
        (a.selects(a.RDP), Verdict(state=R, selected="RDP")),
    ],
)
def test_of_several_offered_all_may_be_turned_away(events: list[Event], turned_away: Verdict) -> None:
    answered = section(a.attempt(a.ask(a.USUAL), events))
    assert [answered.protocols[name] for name in ("SSL", "HYBRID", "HYBRID_EX")] == [turned_away] * 3
    assert answered.protocols["RDSTLS"] == Verdict(state=U)


def test_what_was_asked_alone_counts_before_company() -> None:
    alone = a.attempt(a.ask(a.HYBRID_EX), a.fails(5))
    company = a.attempt(a.ask(a.USUAL), a.selects(a.HYBRID))
    assert verdict(a.HYBRID_EX, alone, company) == Verdict(state=R, failure="HYBRID_REQUIRED_BY_SERVER")
    taken = a.attempt(a.ask(a.USUAL), a.selects(a.HYBRID_EX))
    assert verdict(a.HYBRID_EX, alone, taken) == Verdict(state=A)


def test_a_repeat_that_is_answered_settles_it() -> None:
    silent = a.attempt(a.ask(a.SSL), [], Ending.TIMED_OUT)
    assert verdict(a.SSL, silent) == Verdict(state=U, ending="timed_out")
    assert verdict(a.SSL, silent, a.attempt(a.ask(a.SSL).again(), a.fails(5))).state == R
    assert verdict(a.SSL, a.attempt(a.ask(a.SSL), a.fails(5)), silent).state == R


@pytest.mark.parametrize(
    ("events", "ending", "unknown", "answer"),
    [
        ([], Ending.RESET, Verdict(state=U, ending="reset"), None),
        ([], Ending.CLOSED, Verdict(state=U, ending="closed"), None),
        ([], Ending.INTERRUPTED, Verdict(state=U, ending="interrupted"), None),
        (
            a.unread(b"\x03\x00"),
            Ending.TIMED_OUT,
            Verdict(state=U, reason="incomplete", ending="timed_out"),
            "incomplete",
        ),
        (a.unread(b"\x03\x00"), Ending.INTERRUPTED, Verdict(state=U, ending="interrupted"), None),
        (
            a.disconnect(),
            Ending.COMPLETE,
            Verdict(state=U, reason="disconnect provider ultimatum", ending="closed"),
            "disconnect provider ultimatum",
        ),
        (
            a.says(x224.DisconnectRequest()),
            Ending.COMPLETE,
            Verdict(state=U, reason="disconnect request", ending="closed"),
            "disconnect request",
        ),
        (
            a.says(x224.Error(cause=1)),
            Ending.COMPLETE,
            Verdict(state=U, reason="error TPDU", ending="closed"),
            "error TPDU",
        ),
        (
            a.malformed(b"\x03\x00"),
            Ending.COMPLETE,
            Verdict(state=U, reason="malformed", ending="complete"),
            "malformed",
        ),
        (
            a.says(x224.ConnectionConfirm()) + a.malformed(b"\x03\x00"),
            Ending.COMPLETE,
            Verdict(state=U, reason="malformed", ending="complete"),
            "malformed",
        ),
        (
            a.says(x224.Data(user_data=b"?"), mcs.UnknownPdu(body=b"?")),
            Ending.COMPLETE,
            Verdict(state=U, reason="data TPDU", ending="closed"),
            "data TPDU",
        ),
    ],
    ids=[
        "reset",
        "closed",
        "interrupted",
        "unfinished",
        "interrupted in it",
        "disconnect",
        "DR",
        "ER",
        "malformed",
        "broken confirm",
        "DT",
    ],
)
def test_what_settles_nothing_says_how_it_ended(
    events: list[Event], ending: Ending, unknown: Verdict, answer: str | None
) -> None:
    attempt = a.attempt(a.ask(a.RDSAAD), events, ending)
    assert verdict(a.RDSAAD, attempt) == unknown
    described = section(attempt).attempts[0]
    assert described.answer == answer
    assert described.ending == (ending.value if answer in (None, "incomplete") else None)


def test_a_bare_confirm_turns_away_what_was_asked_for_and_proves_rdp_only_with_mcs_behind_it() -> None:
    silent = a.attempt(a.ask(a.SSL, Stage.TUNNEL), a.bare(), Ending.CLOSED)
    assert verdict(a.SSL, silent) == Verdict(state=R, reason="confirm without negotiation")
    assert verdict(a.RDP, silent) == Verdict(state=U)
    assert section(silent).attempts[0].answer == "confirm without negotiation"
    spoken = a.attempt(a.ask(a.SSL, Stage.TUNNEL), [*a.bare(), *a.settings()])
    assert verdict(a.RDP, spoken) == Verdict(state=A)
    asked = a.attempt(a.ask(a.RDP, Stage.SETTINGS), a.bare(), Ending.RESET)
    assert verdict(a.RDP, asked) == Verdict(state=U, reason="confirm without negotiation", ending="reset")


def answering(protocol: int, state: str) -> Attempt:
    if state == A:
        return a.attempt(a.ask(protocol), a.selects(protocol))
    return a.attempt(a.ask(protocol), a.fails(5)) if state == R else a.attempt(a.ask(protocol), [], Ending.RESET)


@pytest.mark.parametrize(("hybrid", "ssl", "rdp"), [*itertools.product((A, R, U), repeat=3)])
def test_what_network_level_authentication_is(hybrid: str, ssl: str, rdp: str) -> None:
    found = section(answering(a.HYBRID, hybrid), answering(a.SSL, ssl), answering(a.RDP, rdp)).nla
    if hybrid == A:
        assert found == ("required" if R in (ssl, rdp) and A not in (ssl, rdp) else "offered")
    elif hybrid == R and A in (ssl, rdp):
        assert found == "unsupported"
    else:
        assert found == "unknown"  # who demands it and turns it away too


def test_hybrid_ex_alone_is_network_level_authentication_too() -> None:
    rest = [answering(a.SSL, R), answering(a.RDP, R), answering(a.HYBRID, R)]
    assert section(answering(a.HYBRID_EX, A), *rest).nla == "required"


def test_flags_are_those_of_the_fullest_response() -> None:
    found = section(
        a.attempt(a.ask(a.RDP), a.selects(a.RDP, flags=0x01)),
        a.attempt(a.ask(a.HYBRID), a.selects(a.HYBRID, flags=0x29)),
    )
    assert found.flags == ["EXTENDED_CLIENT_DATA_SUPPORTED", "RESTRICTED_ADMIN_MODE_SUPPORTED", "0x20"]
    assert found.restricted_admin is True
    assert found.remote_credential_guard is False


def test_without_a_response_no_flag_is_denied() -> None:
    found = section(a.attempt(a.ask(a.RDP), a.fails(5)))
    assert (found.flags, found.restricted_admin, found.remote_credential_guard) == ([], None, None)


def test_an_attempt_is_described_with_the_time_to_its_confirm() -> None:
    attempt = a.attempt(a.ask(a.USUAL), a.selects(a.HYBRID, flags=1), started=0.005)
    (described,) = section(attempt).attempts
    assert described.requested == ["SSL", "HYBRID", "HYBRID_EX"]
    assert described.selected == "HYBRID"
    assert described.flags == ["EXTENDED_CLIENT_DATA_SUPPORTED"]
    assert described.elapsed_ms == 5.0


def test_the_reference_of_a_confirm_is_told_as_it_stood_there() -> None:
    described = section(
        a.attempt(a.ask(a.SSL), a.selects(a.SSL)),
        a.attempt(a.ask(a.HYBRID), a.fails(2, src_ref=0)),
        a.attempt(a.ask(a.RDP), a.disconnect(), Ending.CLOSED),
    ).attempts
    assert [each.source_reference for each in described] == ["0x1234", "0x0000", None]


def test_only_connections_that_were_had_negotiated() -> None:
    refused = a.attempt(a.ask(a.SSL), [], Ending.REFUSED)
    direct = a.attempt(a.ask(None, Stage.HELLO, version=a.TLS12), a.says(a.hello(a.TLS12)))
    found = section(refused, direct)
    assert found.attempts == []
    assert found.protocols["SSL"] == Verdict(state=U, ending="refused")


def test_a_request_that_arrived_changed_is_told() -> None:
    question = a.ask(a.SSL, Stage.TUNNEL)
    same = a.attempt(question, [*a.selects(a.SSL), *a.settings(requested=a.SSL)])
    silent = a.attempt(question, [*a.selects(a.SSL), *a.settings(requested=None)])
    changed = a.attempt(question, [*a.selects(a.SSL), *a.settings(requested=0x0B)])
    assert section(same, silent).altered_request is None
    assert section(same, changed).altered_request == "asked for SSL, the server saw SSL+HYBRID+HYBRID_EX"


masks = st.sampled_from([0, 1, 2, 3, 4, 8, 0x0B, 0x10])
answers = st.one_of(
    st.just([]),
    st.just(a.bare()),
    st.just([*a.bare(), *a.settings()]),
    st.just(a.disconnect()),
    st.builds(a.fails, st.integers(0, 7)),
    st.builds(a.selects, st.integers(0, 0x20)),
)


@given(said=st.lists(st.tuples(masks, answers, st.sampled_from(Ending)), max_size=8))
def test_nothing_is_accepted_that_was_not_selected_on_request(said: list[tuple[int, list[Event], Ending]]) -> None:
    readings = [read(a.attempt(a.ask(mask, Stage.TUNNEL), events, ending)) for mask, events, ending in said]
    for protocol in PROTOCOLS:
        chosen = [
            each
            for each in readings
            if isinstance(each.negotiation, NegotiationResponse)
            and each.negotiation.selected == protocol
            and ((each.question.protocols or 0) & protocol or each.question.protocols == protocol == 0)
        ]
        old = [each for each in readings if protocol == a.RDP and each.connect_response and not each.negotiation]
        found = protocol_verdict(protocol, readings)
        assert (found.state == A) == bool(chosen or old)
        if found.state == R:
            assert found.failure or found.selected or found.reason
