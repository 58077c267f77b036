from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.audit import verdict as module
from probe.audit.attempt import Attempt, Question, Stage
from probe.audit.certificate import Circumstances
from probe.audit.conversation import Conversation
from probe.audit.plan import Plan
from probe.audit.settings import Settings
from probe.audit.verdict import verdict
from probe.handshake.machine import Ending, Event, Side, end
from probe.result import Certificate, CertificateChain, EndingName, Result, Target, from_json, to_json
from probe.wire import x224
from probe.wire.tls_record import AlertDescription
from tests.audit import attempts as a

S7 = bytes.fromhex("0300001611d00001000100c0010ac1020100c2020102")
TRIAGE = a.ask(a.SSL, Stage.TUNNEL)


@pytest.fixture(autouse=True)
def described(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chains are judged by another module, with tests of its own."""

    def describe(chain: Sequence[bytes], circumstances: Circumstances, served_to: Sequence[str]) -> CertificateChain:
        assert circumstances.names_asked
        assert circumstances.at == a.NOW
        return CertificateChain(chain=[Certificate(sha256=each.hex()) for each in chain], served_to=list(served_to))

    monkeypatch.setattr(module, "describe_chain", describe)


def of(answer: a.Answer, wanted: Settings | None = None) -> Result:
    attempts, now = a.ran(answer, wanted)
    return verdict(a.audit(attempts, now, wanted))


def said(data: bytes, stage: Stage = Stage.TUNNEL, question: Question = TRIAGE) -> list[Event]:
    """What the machine of a live audit makes of a server's bytes."""
    machine = Conversation(Settings(), None, bytes).machine(question)
    events: list[Event] = []
    for _ in range(2):
        events += machine.observe(Side.CLIENT, machine.data_to_send(), 0.0)
        events += machine.observe(Side.SERVER, data, 0.01)
        data = b""
    return events + end(machine, Ending.CLOSED, 0.02)


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        (Ending.REFUSED, "refused"),
        (Ending.FILTERED, "filtered"),
        (Ending.UNREACHABLE, "unreachable"),
        (Ending.TIMED_OUT, "silent"),
        (Ending.DEADLINE, "silent"),
        (Ending.INTERRUPTED, "silent"),
        (Ending.CLOSED, "closed"),
        (Ending.RESET, "closed"),
    ],
)
def test_a_server_that_says_nothing(ending: Ending, status: str) -> None:
    found = of(a.only([], ending))
    assert (found.status, found.ending) == (status, ending.value)
    assert found.service is None
    assert found.server is None
    assert found.tls is None
    assert found.lost is None
    opened = status not in ("refused", "filtered", "unreachable")
    assert (found.negotiation is not None) == opened
    if found.negotiation is not None:
        assert {each.state for each in found.negotiation.protocols.values()} == {"unknown"}
        assert found.negotiation.nla == "unknown"


@pytest.mark.parametrize(
    "events",
    [
        a.says(x224.DisconnectRequest()),
        a.says(x224.Error(cause=1)),
        a.malformed(b"\x03\x00\x00\x00"),
        a.says(x224.ConnectionConfirm()) + a.malformed(b"\x03\x00"),
    ],
    ids=["DR", "ER", "broken TPKT", "broken confirm"],
)
def test_a_broken_or_refusing_server_is_closed_and_no_other_service(events: list[Event]) -> None:
    found = of(a.only(events))
    assert (found.status, found.service, found.connections) == ("closed", None, 1)
    assert found.negotiation is not None
    assert found.negotiation.attempts[0].answer is not None


def test_what_a_later_request_was_told_decides_over_a_first_silence() -> None:
    silent = a.attempt(TRIAGE, [], Ending.TIMED_OUT)
    told = a.attempt(a.ask(a.RDP, Stage.SETTINGS), a.says(x224.DisconnectRequest()), number=2)
    assert verdict(a.audit([silent, told])).status == "closed"


@pytest.mark.parametrize(
    ("data", "service", "banner"),
    [
        (S7, "iso-tsap", None),
        (b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n", "http", "HTTP/1.1 400 Bad Request"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "ssh", "SSH-2.0-OpenSSH_9.2"),
        (bytes.fromhex("15030100020246"), "tls", "\\x15\\x03\\x01\\x00\\x02\\x02F"),
        (b"\x00\x01", "unknown", "\\x00\\x01"),
    ],
    ids=["S7", "http", "ssh", "tls", "unknown"],
)
def test_another_service_on_the_port(data: bytes, service: str, banner: str | None) -> None:
    found = of(a.only(said(data), Ending.CLOSED))
    assert (found.status, found.service, found.banner) == ("not_rdp", service, banner)
    assert found.connections == 1
    assert found.server is None


def test_a_server_of_tls_alone_is_told_by_its_answer_without_x224() -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        if question.protocols is None:
            return a.says(a.hello(a.TLS12)), Ending.COMPLETE
        return [], Ending.CLOSED

    found = of(answer)
    assert (found.status, found.service) == ("not_rdp", "tls")
    assert found.negotiation is not None
    assert found.negotiation.direct_tls.state == "accepted"

    def alerting(question: Question) -> tuple[list[Event], Ending]:
        if question.protocols is None:
            return a.alert(AlertDescription.HANDSHAKE_FAILURE), Ending.COMPLETE
        return [], Ending.CLOSED

    assert of(alerting).service == "tls"


def test_the_first_service_that_is_told_counts() -> None:
    first = a.attempt(TRIAGE, a.malformed(b"SSH-2.0-x"))
    second = a.attempt(TRIAGE.again(), a.malformed(b"HTTP/1.1"), number=2)
    found = verdict(a.audit([second, first]))
    assert (found.service, found.banner) == ("ssh", "SSH-2.0-x")


def test_xrdp() -> None:
    found = of(a.xrdp)
    assert (found.status, found.connections, found.limited, found.lost) == ("rdp", 14, None, None)
    assert found.ending is None
    assert found.negotiation is not None
    states = {name: each.state for name, each in found.negotiation.protocols.items()}
    assert states == {
        "RDP": "accepted",
        "SSL": "accepted",
        "HYBRID": "rejected",
        "HYBRID_EX": "rejected",
        "RDSTLS": "rejected",
        "RDSAAD": "unknown",
    }
    assert found.negotiation.nla == "unsupported"
    assert found.standard_rdp is not None
    assert found.standard_rdp.ignores_offered_methods is True
    assert found.tls is not None
    assert {name: each.state for name, each in found.tls.versions.items()} == {
        "TLSv1.3": "accepted",
        "TLSv1.2": "accepted",
        "TLSv1.1": "rejected",
        "TLSv1.0": "rejected",
    }
    assert found.credssp is None
    assert found.server is not None
    assert found.server.kind == "xrdp"
    assert [each.served_to for each in found.certificates] == [["TLSv1.3"]]


def test_windows_that_requires_nla() -> None:
    found = of(a.windows())
    assert found.negotiation is not None
    assert found.negotiation.nla == "required"
    assert found.standard_rdp is None
    assert found.credssp is not None
    assert found.credssp.ntlm is not None
    assert found.credssp.ntlm.os == "Windows Server 2022"
    assert found.intermittent == []


def test_what_freerdp_claims_to_be_is_not_repeated() -> None:
    found = of(a.freerdp)
    assert found.server is not None
    assert found.server.kind == "freerdp"
    assert found.credssp is not None
    assert found.credssp.ntlm is not None
    assert (found.credssp.ntlm.os_build, found.credssp.ntlm.os) == ("6.1.7601", None)


def test_windows_xp_has_standard_rdp_and_nothing_else() -> None:
    found = of(a.xp)
    assert found.status == "rdp"
    assert found.standard_rdp is not None
    assert found.standard_rdp.encryption_methods == ["128BIT", "56BIT", "40BIT", "FIPS"]
    assert found.tls is None
    assert found.negotiation is not None
    assert found.negotiation.protocols["HYBRID"].reason == "confirm without negotiation"


def test_distinct_chains_with_the_versions_they_were_served_to() -> None:
    def served(number: int, version: int, chain: tuple[bytes, ...]) -> Attempt:
        return a.attempt(TRIAGE, [*a.selects(a.SSL), *a.tunnel(version, chain)], number=number)

    attempts = [
        served(1, a.TLS13, (b"one",)),
        served(2, a.TLS12, (b"one",)),
        served(3, a.TLS12, (b"one",)),
        served(4, a.TLS12, (b"two", b"root")),
        served(5, a.TLS12, ()),
        a.attempt(a.ask(None, Stage.HELLO, version=a.TLS12), a.tunnel(a.TLS12, (b"direct",)), number=6),
    ]
    found = verdict(a.audit(attempts)).certificates
    assert [(len(each.chain), each.served_to) for each in found] == [(1, ["TLSv1.2", "TLSv1.3"]), (2, ["TLSv1.2"])]


def test_a_cap_that_was_reached_is_told_with_what_was_not_asked() -> None:
    wanted = Settings(max_connections=2)
    found = of(a.xrdp, wanted)
    assert found.connections == 2
    assert found.limited is not None
    assert found.limited.startswith(
        "2 connections are the most at this setting (--max-connections); not asked: HYBRID_EX; RDSTLS, then"
    )
    assert found.negotiation is not None
    assert found.negotiation.protocols["HYBRID_EX"].state == "unknown"


def test_a_cap_that_leaves_only_repeats_is_told_too() -> None:
    found = of(a.windows(), Settings(max_connections=11))
    assert found.limited is not None
    assert found.limited.endswith("not asked: HYBRID, then a TLSv1.1 ClientHello; HYBRID, then a TLSv1.0 ClientHello")


def test_a_deadline_that_passed_is_told_before_a_cap() -> None:
    attempts, now = a.ran(a.xrdp, Settings(max_connections=2))
    assert verdict(a.audit(attempts, now, past_deadline_s=30.0)).limited == "the deadline of 30 s passed"


def test_a_lost_server_is_not_a_limited_audit() -> None:
    lost = Plan((), (), "SSL, then a complete TLS handshake")
    found = verdict(a.audit([a.attempt(TRIAGE, a.selects(a.SSL))], lost))
    assert (found.lost, found.limited, found.status) == (lost.lost_after, None, "rdp")


def test_no_attempt_at_all_is_silence() -> None:
    found = verdict(a.audit([], Plan((TRIAGE,), ()), past_deadline_s=0.5))
    assert (found.status, found.connections, found.ending) == ("silent", 0, None)
    assert found.limited == "the deadline of 0.5 s passed"
    assert found.negotiation is None


def test_the_cause_is_the_first_one_given() -> None:
    first = a.attempt(TRIAGE, [], Ending.RESET)
    second = a.attempt(TRIAGE.again(), [], Ending.RESET, number=2, cause="Connection reset by peer")
    found = verdict(a.audit([first, second]))
    assert (found.cause, found.ending) == ("Connection reset by peer", "reset")


@pytest.mark.parametrize("order", [(Ending.RESET, Ending.CLOSED), (Ending.CLOSED, Ending.RESET)])
def test_closes_that_reached_us_as_resets_too_are_closes(order: tuple[Ending, Ending]) -> None:
    words = {Ending.RESET: "Connection reset by peer"}
    attempts = [
        a.attempt(question, [], ending, number=number, cause=words.get(ending))
        for number, (question, ending) in enumerate(zip((TRIAGE, TRIAGE.again()), order, strict=True), 1)
    ]
    found = verdict(a.audit(attempts))
    assert (found.status, found.ending, found.cause, found.intermittent) == ("closed", "closed", None, [])


@pytest.mark.parametrize(
    ("alone", "then", "expected"),
    [
        (True, Ending.COMPLETE, ["SSL, then a complete TLS handshake: timed_out, then complete"]),
        (True, Ending.TIMED_OUT, []),
        (False, Ending.COMPLETE, []),
    ],
    ids=["differs", "same", "not alone"],
)
def test_a_request_that_ended_differently_alone_both_times_is_intermittent(
    alone: bool, then: Ending, expected: list[str]
) -> None:
    first = a.attempt(TRIAGE, [], Ending.TIMED_OUT, alone=alone)
    other = a.attempt(a.ask(a.RDP), a.selects(a.RDP), number=2)
    repeat = a.attempt(TRIAGE.again(), a.selects(a.SSL), then, number=3)
    assert verdict(a.audit([first, other, repeat])).intermittent == expected


def test_a_repeat_whose_first_is_not_there_is_no_comparison() -> None:
    assert verdict(a.audit([a.attempt(TRIAGE.again(), a.selects(a.SSL))])).intermittent == []


def test_the_frame_of_a_result() -> None:
    attempts, now = a.ran(a.freerdp)
    found = verdict(a.audit(reversed(attempts), now))
    assert found.target == Target(
        input="srv1.example", host="srv1.example", port=3389, address="192.0.2.7", server_name="srv1.example"
    )
    assert found.started == "2026-11-21T02:00:00.123Z"
    assert found.elapsed_ms == 1500.0
    assert (found.bytes_sent, found.bytes_received) == (12 * 19, 11 * 19)
    assert [each.number for each in found.attempts] == list(range(1, 13))
    assert verdict(a.audit(attempts, now, Settings(keep_attempts=False))).attempts == []
    token = "Cookie: msts=16777343.15629.0000"
    assert verdict(a.audit(attempts, now, Settings(routing_token=token))).target.routing_token == token


def test_endings_have_one_name() -> None:
    assert {each.value for each in Ending} == set(get_args(EndingName))


events_of_one = st.one_of(
    st.just([]),
    st.just(a.bare()),
    st.just([*a.bare(), *a.settings()]),
    st.just(a.disconnect()),
    st.builds(a.selects, st.integers(0, 0x20), st.integers(0, 255), st.sampled_from([0, 0x1234, 0x3412])),
    st.builds(a.fails, st.integers(0, 8)),
    st.just([*a.selects(a.HYBRID), *a.tunnel(), *a.challenge()]),
    st.just([*a.selects(a.SSL), *a.tunnel(a.TLS12), *a.settings()]),
    st.just(a.malformed(b"SSH")),
)


@given(outcomes=st.lists(st.tuples(events_of_one, st.sampled_from(Ending)), max_size=20))
def test_whatever_happened_is_a_result_that_survives_json(outcomes: list[tuple[list[Event], Ending]]) -> None:
    rest = iter(outcomes)
    found = of(lambda _: next(rest, ([], Ending.TIMED_OUT)))
    assert from_json(to_json(found)) == found
    assert (found.status == "rdp") == (found.server is not None)
    assert found.status != "not_rdp" or found.service is not None
