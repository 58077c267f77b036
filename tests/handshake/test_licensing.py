from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.audit.standard_cipher import FipsCipher, Rc4Cipher
from probe.errors import InvalidField, ProbeError, TooLong, UnexpectedMessage
from probe.handshake.licensing import Joining, LicensingPhase, State
from probe.handshake.machine import Ended, Ending, Event, Malformed, Seen, Side, end
from probe.wire import mcs, x224
from probe.wire import mcs_domain as domain
from probe.wire.client_info import ClientInfo, ExtendedInfo
from probe.wire.cursor import Reader
from probe.wire.licensing import LicensingError, LicensingMessage
from probe.wire.mcs import ConnectResult
from probe.wire.security_header import SecurityFlag, SecurityHeader
from probe.wire.share import SharePdu, ShareType
from tests import licensing_server as server
from tests.conversations import DISCONNECT, Said
from tests.handshake.driving import assert_split_does_not_matter, client_says, feed, kinds, server_says
from tests.handshake.tls_server import converse
from tests.licensing_server import DEMAND_ACTIVE, IO, RDPDR, USER, VALID, LicensingServer, packet
from tests.vectors import vector

RANDOM = bytes(range(100, 132))
PLAIN = Joining(io_channel=IO, channels=(RDPDR,))
ERECT_AND_ATTACH = "0300000c02f08004010001000300000802f08028"
ATTACHED = "0300000b02f0802e000006"


def secured(peer: LicensingServer, random: bytes = RANDOM) -> Joining:
    """As the audit would join that server."""
    numbers = server.rsa_key().public_numbers
    exchange = pow(int.from_bytes(random, "little"), numbers.e, numbers.n).to_bytes(136, "little")
    if peer.method == server.FIPS:
        cipher: Rc4Cipher | FipsCipher = FipsCipher(random, peer.random, exchange)
    else:
        cipher = Rc4Cipher(random, peer.random, exchange, server.SALTS[peer.method])
    return Joining(io_channel=IO, channels=(RDPDR,), headers=True, cipher=cipher)


def talk(
    peer: LicensingServer, joining: Joining | None = None, size: int = 1 << 20
) -> tuple[LicensingPhase, list[Event]]:
    machine = LicensingPhase(joining or (secured(peer) if peer.method else PLAIN))
    return machine, converse(machine, peer.receive, size)


def failure(events: list[Event]) -> ProbeError:
    last = events[-1]
    assert isinstance(last, Malformed)
    assert last.side is Side.SERVER
    return last.error


LAST = [
    (server.NO_SERVER, "LicensingError"),
    (server.LICENSE_REQUEST, "LicensingMessage"),
    (server.CHALLENGE, "LicensingMessage"),
    (DEMAND_ACTIVE, "SharePdu"),
    (server.REDIRECTION, "SharePdu"),
    (server.DEACTIVATE, "SharePdu"),
    (server.set_error(7), "ShareData"),
]
ENCRYPTIONS = [
    (0, 0),
    (server.FORTY, server.LOW),
    (server.FORTY, server.COMPATIBLE),
    (server.FIFTY_SIX, server.COMPATIBLE),
    (server.ONE_TWENTY_EIGHT, server.LOW),
    (server.ONE_TWENTY_EIGHT, server.HIGH),
    (server.FIPS, server.FIPS_LEVEL),
]


@pytest.mark.parametrize(("method", "level"), ENCRYPTIONS)
@pytest.mark.parametrize(("answer", "name"), LAST, ids=lambda value: value if isinstance(value, str) else "")
def test_every_answer_under_every_encryption(answer: object, name: str, method: int, level: int) -> None:
    peer = LicensingServer(VALID, answer, method=method, level=level)
    machine, events = talk(peer)
    assert machine.state is State.ANSWERED
    assert [event.message for event in events if isinstance(event, Seen)][-1] == answer
    assert kinds(events)[-1] == name
    assert kinds(events).count("LicensingError") == 1 + (name == "LicensingError")
    assert peer.joined == [USER, IO, RDPDR]
    assert machine.farewell() == bytes.fromhex(DISCONNECT)
    assert machine.waiting_for == ""


XRDP_REQUEST = vector("licensing_request_xrdp")
FREERDP_VALID = vector("licensing_valid_client_freerdp")
FREERDP_DEMAND = vector("demand_active_freerdp")


def test_what_xrdp_said() -> None:
    machine, events = talk(LicensingServer(XRDP_REQUEST))
    assert machine.state is State.ANSWERED
    last = events[-1]
    assert isinstance(last, Seen)
    assert isinstance(last.message, LicensingMessage)
    assert (last.message.message_type.name, last.message.size_error, len(last.raw)) == ("LICENSE_REQUEST", 0, 318)


def test_what_freerdp_said() -> None:
    machine, events = talk(LicensingServer(FREERDP_VALID, FREERDP_DEMAND))
    assert machine.state is State.ANSWERED
    assert kinds(events)[-2:] == ["SendDataIndication", "SharePdu"]
    (alert,) = (
        event.message for event in events if isinstance(event, Seen) and isinstance(event.message, LicensingError)
    )
    assert alert == VALID
    last = events[-1]
    assert isinstance(last, Seen)
    assert isinstance(last.message, SharePdu)
    assert (last.message.share_type, last.message.length_error) == (ShareType.DEMAND_ACTIVE, 0)


def test_nobody_and_nothing_of_this_machine_is_named() -> None:
    peer = LicensingServer(server.NO_SERVER, method=server.ONE_TWENTY_EIGHT, level=server.HIGH)
    talk(peer)
    assert peer.info is not None
    assert (peer.info.domain, peer.info.user_name, peer.info.password) == (b"", b"", b"")
    assert (peer.info.alternate_shell, peer.info.working_dir) == (b"", b"")
    extended = ExtendedInfo.read(Reader(peer.info.extra, "ExtendedInfo"))
    assert (extended.address, extended.directory, extended.time_zone) == (bytes(2), bytes(2), bytes(172))


def test_the_requests_byte_for_byte() -> None:
    machine = LicensingPhase(PLAIN)
    assert machine.data_to_send() == bytes.fromhex(ERECT_AND_ATTACH)
    assert machine.data_to_send() == b""
    feed(machine, [client_says(bytes.fromhex(ERECT_AND_ATTACH)), server_says(bytes.fromhex(ATTACHED))])
    assert machine.data_to_send() == bytes.fromhex("0300000c02f08038000603ef")  # [MS-RDPBCGR] 4.1.8.1.1
    assert machine.waiting_for == State.EXPECT_JOIN.value


def test_a_message_channel_is_joined_too() -> None:
    peer = LicensingServer(server.NO_SERVER)
    talk(peer, Joining(io_channel=IO, channels=(RDPDR, 1005)))
    assert peer.joined == [USER, IO, RDPDR, 1005]


def test_what_follows_a_good_answer_is_waited_for_and_no_longer() -> None:
    machine, events = talk(LicensingServer(VALID))
    assert machine.state is State.EXPECT_NEXT
    assert not machine.finished
    assert machine.farewell() == b""
    assert end(machine, Ending.CLOSED, 1.0) == [Ended(1.0, Ending.CLOSED, State.EXPECT_NEXT.value)]
    assert kinds(events)[-1] == "LicensingError"


@pytest.mark.parametrize("answer", [server.STATUS, server.set_error(0)], ids=["status", "no error"])
def test_a_status_or_no_error_is_no_answer(answer: object) -> None:
    machine, events = talk(LicensingServer(answer, VALID, answer, server.set_error(0x10A)))
    assert machine.state is State.ANSWERED
    assert kinds(events).count("ShareData") == 3


@pytest.mark.parametrize("flag", [SecurityFlag.AUTODETECT_REQ, SecurityFlag.HEARTBEAT, SecurityFlag.TRANSPORT_REQ])
def test_what_stands_beside_is_passed_over(flag: int) -> None:
    peer = LicensingServer()
    aside = server.written(SecurityHeader(flags=flag)) + b"\x06\x00\x00\x00\x01\x00"
    said = packet(domain.SendDataIndication(initiator=1002, channel_id=1005, user_data=aside))
    peer.answers = (said, server.NO_SERVER)
    machine, events = talk(peer)
    assert machine.state is State.ANSWERED
    assert kinds(events)[-1] == "LicensingError"


def test_a_redirection_under_standard_security_is_told_by_its_header() -> None:
    peer = LicensingServer(method=server.ONE_TWENTY_EIGHT, level=server.HIGH)
    machine = LicensingPhase(secured(peer))
    events = converse(machine, peer.receive)
    events += feed(machine, [server_says(peer.on_channel(SecurityFlag.REDIRECTION_PKT, bytes.fromhex("0004")))])
    assert machine.state is State.ANSWERED
    last = events[-1]
    assert isinstance(last, Seen)
    assert "SERVER_REDIRECTION" in str(last.message)


@pytest.mark.parametrize(
    ("pdu", "reply"),
    [
        (domain.AttachUserRequest, domain.AttachUserConfirm(result=ConnectResult.RT_TOO_MANY_USERS)),
        (
            domain.ChannelJoinRequest,
            domain.ChannelJoinConfirm(result=ConnectResult.RT_NO_SUCH_CHANNEL, initiator=USER, requested=USER),
        ),
    ],
    ids=["attach", "join"],
)
def test_a_refusal_ends_it(pdu: type[object], reply: domain.DomainPdu) -> None:
    peer = LicensingServer(VALID)
    peer.replies[pdu] = lambda _: packet(reply)
    machine, _ = talk(peer)
    assert machine.state is State.REFUSED
    assert machine.farewell() == bytes.fromhex(DISCONNECT)


def test_a_user_without_a_number_cannot_be() -> None:
    peer = LicensingServer(VALID)
    peer.replies[domain.AttachUserRequest] = lambda _: packet(
        domain.AttachUserConfirm(result=ConnectResult.RT_SUCCESSFUL)
    )
    machine, events = talk(peer)
    assert machine.state is State.FAILED
    assert isinstance(failure(events), InvalidField)
    assert machine.farewell() == b""


@pytest.mark.parametrize(
    "pdu", [domain.AttachUserRequest, domain.ChannelJoinRequest, domain.SendDataRequest], ids=lambda pdu: pdu.__name__
)
def test_a_disconnect_may_come_at_every_step(pdu: type[object]) -> None:
    peer = LicensingServer(VALID)
    peer.replies[pdu] = lambda _: packet(server.ULTIMATUM) + b"behind"
    machine, events = talk(peer)
    assert machine.state is State.DISCONNECTED
    assert kinds(events)[-1] == "DisconnectProviderUltimatum"
    assert machine.leftover(Side.SERVER) == b"behind"


def test_an_error_may_come_before_the_channels_are_joined() -> None:
    peer = LicensingServer(VALID)
    peer.replies[domain.ChannelJoinRequest] = lambda _: peer.said(server.set_error(6))
    machine, _ = talk(peer)
    assert machine.state is State.ANSWERED


def stages() -> Iterator[type[object]]:
    yield from (domain.AttachUserRequest, domain.ChannelJoinRequest, domain.SendDataRequest)


GARBAGE = [
    (b"HTTP/1.1 400 Bad Request\r\n", InvalidField),
    (x224.write_packet(x224.DisconnectRequest(class_option=1)), UnexpectedMessage),
    (packet(mcs.UnknownPdu(body=b"\x50\x00")), UnexpectedMessage),
    (packet(domain.AttachUserRequest()), UnexpectedMessage),
    (bytes.fromhex("0300000802f08068"), ProbeError),
    (bytes.fromhex("0300000e02f080680001 03eb70bfff".replace(" ", "")), ProbeError),
    (packet(domain.SendDataIndication(initiator=1002, channel_id=IO, user_data=b"\x80")), ProbeError),
    (packet(domain.SendDataIndication(initiator=1002, channel_id=IO, user_data=b"")), ProbeError),
    (
        packet(domain.SendDataIndication(initiator=1002, channel_id=IO, user_data=bytes.fromhex("80000000ff03"))),
        ProbeError,
    ),
]


@pytest.mark.parametrize("stage", list(stages()), ids=lambda pdu: pdu.__name__)
@pytest.mark.parametrize(("said", "error"), GARBAGE)
def test_garbage_at_every_stage_is_named(stage: type[object], said: bytes, error: type[ProbeError]) -> None:
    peer = LicensingServer(VALID)
    peer.replies[stage] = lambda _: said
    machine, events = talk(peer)
    assert machine.state is State.FAILED
    assert isinstance(failure(events), error)


def test_a_signature_that_is_not_its_own_is_named() -> None:
    for method, level in ENCRYPTIONS[1:]:
        peer = LicensingServer(method=method, level=level, secure=True)
        machine = LicensingPhase(secured(peer))
        converse(machine, peer.receive)
        said = bytearray(peer.said(VALID))
        said[-1] ^= 1
        assert isinstance(failure(feed(machine, [server_says(bytes(said))])), InvalidField)


def test_blocks_that_are_not_whole_are_named() -> None:
    peer = LicensingServer(method=server.FIPS, level=server.FIPS_LEVEL)
    machine = LicensingPhase(secured(peer))
    converse(machine, peer.receive)
    data = bytes.fromhex("8800000010000100") + bytes(8) + bytes(5)
    said = packet(domain.SendDataIndication(initiator=1002, channel_id=IO, user_data=data))
    assert isinstance(failure(feed(machine, [server_says(said)])), InvalidField)


def test_what_is_encrypted_without_keys_is_named() -> None:
    peer = LicensingServer()
    data = server.written(SecurityHeader(flags=SecurityFlag.ENCRYPT | SecurityFlag.LICENSE_PKT)) + bytes(20)
    peer.answers = (packet(domain.SendDataIndication(initiator=1002, channel_id=IO, user_data=data)),)
    _, events = talk(peer)
    assert isinstance(failure(events), InvalidField)


def test_a_peer_without_end_is_given_up() -> None:
    machine, events = talk(LicensingServer(*[server.STATUS] * 100))
    assert isinstance(failure(events), TooLong)
    assert kinds(events).count("ShareData") < 70
    assert machine.finished


def test_a_pdu_without_end_is_given_up() -> None:
    piece = x224.write_packet(x224.Data(user_data=bytes(16384), number=0))
    machine, events = talk(LicensingServer(piece * 9))
    assert isinstance(failure(events), TooLong)
    assert machine.state is State.FAILED


def test_a_pdu_in_several_dts_is_put_together() -> None:
    peer = LicensingServer()
    whole = x224.read_packet(peer.said(server.NO_SERVER))
    assert isinstance(whole, x224.Data)
    pieces = [whole.user_data[:9], whole.user_data[9:]]
    peer.answers = tuple(
        x224.write_packet(x224.Data(user_data=piece, number=number))
        for piece, number in zip(pieces, (0, x224.Data.END_OF_TSDU), strict=True)
    )
    machine, events = talk(peer)
    assert machine.state is State.ANSWERED
    assert kinds(events)[-1] == "LicensingError"


def recorded(peer: LicensingServer) -> list[Said]:
    """Both sides of a whole conversation."""
    machine = LicensingPhase(secured(peer) if peer.method else PLAIN)
    said: list[Said] = []
    while out := machine.data_to_send():
        said.append(client_says(out))
        machine.observe(Side.CLIENT, out, 0.0)
        if reply := peer.receive(out):
            said.append(server_says(reply))
            machine.observe(Side.SERVER, reply, 0.0)
    return said


@pytest.mark.parametrize("method", [0, server.ONE_TWENTY_EIGHT])
def test_split_does_not_matter_and_an_observer_reads_what_is_clear(method: int) -> None:
    peer = LicensingServer(VALID, DEMAND_ACTIVE, method=method, level=server.LOW if method else 0)
    events = assert_split_does_not_matter(LicensingPhase, recorded(peer))
    names = kinds(events)
    assert "SecurityExchange" in names if method else "ClientInfo" in names
    assert names.count("ChannelJoinConfirm") == 3
    assert ClientInfo not in [type(getattr(event, "message", None)) for event in events] or not method


def test_an_observer_sees_what_else_a_client_may_say() -> None:
    machine = LicensingPhase()
    assert machine.data_to_send() == b""
    said = recorded(LicensingServer())
    other = server.written(SecurityHeader(flags=SecurityFlag.LICENSE_PKT)) + b"\x13\x03\x04\x00"
    said.append(client_says(packet(domain.SendDataRequest(initiator=USER, channel_id=IO, user_data=other))))
    assert kinds(feed(machine, said))[-1] == "SecurityHeader"
    assert machine.state is State.EXPECT_LICENSE


@given(noise=st.binary(max_size=80), cut=st.integers(0, 200), side=st.sampled_from(Side))
def test_any_bytes_are_observed_without_an_exception(noise: bytes, cut: int, side: Side) -> None:
    machine = LicensingPhase()
    *begun, (last_side, last) = recorded(LicensingServer(VALID, DEMAND_ACTIVE))
    feed(machine, begun)
    machine.observe(last_side, last[:cut], 0.0)
    machine.observe(side, noise, 0.0)
    end(machine, Ending.CLOSED, 0.0)
    assert machine.leftover(side) == b""
