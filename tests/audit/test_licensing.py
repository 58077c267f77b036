"""The licensing phase in the plan, in the conversation and in the verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from probe.audit.attempt import Question, Stage
from probe.audit.conversation import Conversation
from probe.audit.plan import plan
from probe.audit.reading import read
from probe.audit.settings import Settings
from probe.audit.verdict import verdict
from probe.audit.verdict_licensing import licensing
from probe.handshake.machine import Ended, Ending, Event, Side
from probe.result import Licensing
from probe.wire import gcc, mcs, x224
from probe.wire.mcs_domain import AttachUserConfirm, AttachUserRequest
from probe.wire.standard_security import write_server_certificate
from tests import licensing_server as server
from tests.audit import attempts as a
from tests.handshake.tls_server import converse
from tests.licensing_server import DEMAND_ACTIVE, VALID, LicensingServer

OVER_TLS = Question(protocols=a.SSL, stage=Stage.LICENSING)
OVER_RDP = Question(protocols=a.RDP, stage=Stage.LICENSING)
WANTED = Settings(licensing=True)
SECURED = gcc.ServerSecurity(
    encryption_method=server.ONE_TWENTY_EIGHT, encryption_level=gcc.EncryptionLevel.HIGH, server_random=bytes(32)
)
CERTIFICATE = write_server_certificate(server.certificate())


def asked(answer: a.Answer, wanted: Settings = WANTED) -> list[Question]:
    attempts, _ = a.ran(answer, wanted)
    return [each.question for each in attempts if each.question.stage is Stage.LICENSING]


def test_it_is_asked_last_and_only_where_the_user_wants_it() -> None:
    attempts, _ = a.ran(a.windows(a.SSL, standard=True), WANTED)
    assert [each.question for each in attempts if not each.question.repeat][-2:] == [OVER_TLS, OVER_RDP]
    assert asked(a.windows(a.SSL, standard=True), Settings()) == []
    assert asked(a.windows(a.SSL, standard=True), Settings(licensing=True, depth="discover")) == []


def test_it_is_asked_over_what_has_settled_its_connection() -> None:
    assert asked(a.windows()) == []  # NLA is required
    assert asked(a.windows(a.SSL)) == [OVER_TLS]
    assert asked(a.windows(0, standard=True)) == [OVER_RDP]
    assert asked(a.xp) == [OVER_RDP]
    assert asked(a.xrdp) == [OVER_TLS, OVER_RDP]
    assert asked(a.only([])) == []


def test_there_is_room_for_it() -> None:
    assert Settings().most_connections == 16
    assert WANTED.most_connections == 18
    assert Settings(licensing=True, max_connections=4).most_connections == 4
    full = Settings(licensing=True, depth="full")
    attempts, _ = a.ran(a.xrdp, full)
    assert [each.question for each in attempts][-2:] == [OVER_TLS, OVER_RDP]
    assert plan(attempts, full).questions == ()


def test_it_is_never_repeated() -> None:
    silent = a.attempt(OVER_TLS, a.selects(a.SSL), Ending.TIMED_OUT)
    assert not read(silent).is_to_be_repeated


def test_what_it_is_called() -> None:
    assert OVER_RDP.about == "licensing phase"
    assert OVER_TLS.words == "SSL, then the licensing phase without an account"


class Peer:
    """A server from the Connection Request on, under Standard RDP Security."""

    def __init__(self, rest: LicensingServer, confirm: str = "030000130ed000001234000201080000000000") -> None:
        self.rest = rest
        self.confirm = confirm
        self.confirmed = False

    def receive(self, data: bytes) -> bytes:
        if not self.confirmed:
            self.confirmed = True
            return bytes.fromhex(self.confirm)
        return self.rest.receive(data)


def talk(peer: Peer, question: Question = OVER_RDP) -> tuple[list[Event], bool]:
    machine = Conversation(Settings(), None, lambda size: bytes(range(size))).machine(question)
    events = converse(machine, peer.receive)
    return events, machine.finished


def found(peer: Peer) -> Licensing:
    events, _ = talk(peer)
    (entry,) = licensing([read(a.attempt(OVER_RDP, events))])
    return entry


@pytest.mark.parametrize(
    ("method", "level"),
    [
        (0, 0),
        (server.FORTY, server.LOW),
        (server.FIFTY_SIX, server.COMPATIBLE),
        (server.ONE_TWENTY_EIGHT, server.HIGH),
        (server.FIPS, server.FIPS_LEVEL),
    ],
)
def test_a_whole_conversation_with_every_method(method: int, level: int) -> None:
    peer = Peer(LicensingServer(VALID, DEMAND_ACTIVE, method=method, level=level))
    entry = found(peer)
    assert entry == Licensing(
        over="RDP",
        answer="valid_client",
        code="STATUS_VALID_CLIENT",
        transition="ST_NO_TRANSITION",
        then="demand_active",
    )
    assert peer.rest.joined == [server.USER, server.IO, server.RDPDR]


def test_a_server_that_does_not_negotiate_is_asked_too() -> None:
    peer = Peer(LicensingServer(server.NO_SERVER, method=2, level=3), confirm="0300000b06d00000123400")
    assert found(peer).code == "ERR_NO_LICENSE_SERVER"


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([server.NO_SERVER], {"answer": "error", "code": "ERR_NO_LICENSE_SERVER", "transition": "ST_TOTAL_ABORT"}),
        ([server.LICENSE_REQUEST], {"answer": "license_request", "message": "LICENSE_REQUEST"}),
        ([server.CHALLENGE], {"answer": "licensing_message", "message": "PLATFORM_CHALLENGE"}),
        (
            [server.set_error(7)],
            {"answer": "error_info", "error_info": "ERRINFO_SERVER_DENIED_CONNECTION", "error_info_code": 7},
        ),
        ([server.STATUS, DEMAND_ACTIVE], {"answer": "demand_active"}),
        ([server.REDIRECTION], {"answer": "redirection"}),
        ([server.DEACTIVATE], {"answer": "deactivated"}),
        ([server.ULTIMATUM], {"answer": "disconnected"}),
        ([b"HTTP/1.1 400"], {"answer": "malformed"}),
    ],
)
def test_every_answer_has_its_name(answers: list[object], expected: dict[str, object]) -> None:
    assert found(Peer(LicensingServer(*answers))) == Licensing(over="RDP", **expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (server.set_error(0x10A), ("error_info", "ERRINFO_LICENSE_NO_REMOTE_CONNECTIONS", 0x10A)),
        (server.ULTIMATUM, ("disconnected", None, None)),
        (b"noise", ("malformed", None, None)),
    ],
)
def test_what_comes_behind_a_good_answer(answer: object, expected: tuple[object, ...]) -> None:
    entry = found(Peer(LicensingServer(VALID, answer)))
    assert entry.answer == "valid_client"
    assert (entry.then, entry.error_info, entry.error_info_code) == expected


def test_a_refused_user_is_an_answer() -> None:
    rest = LicensingServer(VALID)
    refusal = AttachUserConfirm(result=mcs.ConnectResult.RT_TOO_MANY_USERS)
    rest.replies[AttachUserRequest] = lambda _: server.packet(refusal)
    assert found(Peer(rest)) == Licensing(over="RDP", answer="refused")


@pytest.mark.parametrize("answers", [[], [VALID]])
def test_without_a_last_answer_the_ending_is_told(answers: list[object]) -> None:
    events, finished = talk(Peer(LicensingServer(*answers)))
    assert not finished
    over = Ended(1.0, Ending.CLOSED, "the server's licensing PDU")
    attempt = replace(a.attempt(OVER_RDP, events, Ending.CLOSED), events=(*events, over))
    (entry,) = licensing([read(attempt)])
    assert entry.answer == ("valid_client" if answers else None)
    assert (entry.awaited, entry.ending) == ("the server's licensing PDU", "closed")


def without(*kinds: type[object], secured: gcc.ServerSecurity | None = None) -> LicensingServer:
    """A server whose Connect-Response lacks some blocks, or secures otherwise."""
    peer = LicensingServer(VALID, method=server.ONE_TWENTY_EIGHT, level=server.HIGH)
    whole = x224.read_packet(peer.connect_response())
    assert isinstance(whole, x224.Data)
    response = mcs.read_pdu(whole.user_data)
    assert isinstance(response, mcs.ConnectResponse)
    blocks = gcc.ConferenceCreateResponse.read(response.user_data).blocks
    kept = tuple(block for block in blocks if not isinstance(block, kinds))
    if secured is not None:
        kept = tuple(secured if isinstance(block, gcc.ServerSecurity) else block for block in kept)
    conference = gcc.ConferenceCreateResponse(blocks=kept).write()
    said = mcs.write_pdu(replace(response, user_data=conference, forms=()))
    peer.connect_response = lambda: x224.write_packet(x224.Data(user_data=said))  # type: ignore[method-assign]
    return peer


@pytest.mark.parametrize(
    "peer",
    [
        without(gcc.ServerNetwork),
        without(secured=replace(SECURED, server_random=bytes(5), server_certificate=CERTIFICATE)),
        without(secured=SECURED),
    ],
    ids=["no channels", "a short random", "no certificate"],
)
def test_where_it_cannot_go_on_it_does_not(peer: LicensingServer) -> None:
    events, finished = talk(Peer(peer))
    assert finished
    assert peer.joined == []
    assert licensing([read(a.attempt(OVER_RDP, events))]) == [Licensing(over="RDP", ending="complete")]


def test_without_security_settings_nothing_is_encrypted() -> None:
    peer = without(gcc.ServerSecurity)
    talk(Peer(peer))
    assert peer.info is not None


def test_a_message_channel_is_joined_where_there_is_one() -> None:
    for channel, joined in ((1005, [server.USER, server.IO, 1005, server.RDPDR]), (0, [1007, 1003, 1004])):
        peer = without(gcc.ServerSecurity)
        said = peer.connect_response
        blocks = (gcc.ServerMessageChannel(channel_id=channel),)
        peer.connect_response = lambda said=said, blocks=blocks: _with(said(), *blocks)  # type: ignore[method-assign, misc]
        talk(Peer(peer))
        assert peer.joined == joined


def _with(packet: bytes, *blocks: gcc.ServerBlock) -> bytes:
    data = x224.read_packet(packet)
    assert isinstance(data, x224.Data)
    response = mcs.read_pdu(data.user_data)
    assert isinstance(response, mcs.ConnectResponse)
    conference = gcc.ConferenceCreateResponse.read(response.user_data)
    more = replace(conference, blocks=(*conference.blocks, *blocks), forms=())
    said = mcs.write_pdu(replace(response, user_data=more.write(), forms=()))
    return x224.write_packet(x224.Data(user_data=said))


def test_a_response_without_a_conference_is_not_gone_on_from() -> None:
    peer = LicensingServer(VALID)
    refused = mcs.ConnectResponse(result=mcs.ConnectResult.RT_UNSPECIFIED_FAILURE, parameters=mcs.TARGET, user_data=b"")
    peer.connect_response = lambda: x224.write_packet(x224.Data(user_data=mcs.write_pdu(refused)))  # type: ignore[method-assign]
    _, finished = talk(Peer(peer))
    assert finished
    assert peer.joined == []


def test_licensing_inside_tls_is_not_asked_in_clear() -> None:
    peer = LicensingServer(VALID)
    _, finished = talk(Peer(peer), OVER_TLS)  # it selects RDP
    assert finished
    assert peer.joined == []


def test_a_basic_settings_exchange_for_its_own_sake_stops_there() -> None:
    peer = LicensingServer(VALID)
    _, finished = talk(Peer(peer), Question(protocols=a.RDP, stage=Stage.SETTINGS, methods=2))
    assert finished
    assert peer.joined == []


def test_the_result_tells_of_it_and_counts_it() -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        events, ending = a.xrdp(question)
        if question.stage is Stage.LICENSING:
            return [*events, *a.says(VALID, server.set_error(7))], Ending.CLOSED
        return events, ending

    attempts, now = a.ran(answer, WANTED)
    result = verdict(a.audit(attempts, now, WANTED))
    assert [(entry.over, entry.answer, entry.then) for entry in result.licensing] == [
        ("SSL", "valid_client", "error_info"),
        ("RDP", "valid_client", "error_info"),
    ]
    assert result.spent["licensing phase"] == 2
    assert result.limited is None
    assert sum(result.spent.values()) == result.connections
    assert Side.SERVER.value in {step.side for record in result.attempts for step in record.steps}


@pytest.mark.parametrize("wanted", [True, False])
def test_a_result_says_whether_it_was_to_be_asked(*, wanted: bool) -> None:
    settings = Settings(licensing=wanted)
    attempts, now = a.ran(a.windows(), settings)
    result = verdict(a.audit(attempts, now, settings))
    assert result.licensing == []  # NLA is required
    assert result.licensing_asked is wanted
