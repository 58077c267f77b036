from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InvalidField, TooLong, Truncated, UnexpectedMessage
from probe.handshake.machine import Ended, Ending, Malformed, Seen, Side, Unread, end
from probe.handshake.standard_rdp import BasicSettingsExchange, State
from probe.wire import gcc, mcs, standard_security, x224
from tests.conversations import DISCONNECT
from tests.handshake.driving import assert_split_does_not_matter, client_says, feed, kinds, server_says
from tests.vectors import vector

INITIAL = vector("mcs_connect_initial_strict")
XRDP = vector("mcs_connect_response_xrdp")
FREERDP = vector("mcs_connect_response_freerdp")
MICROSOFT = vector("mcs_connect_response_microsoft")
ULTIMATUM = bytes.fromhex(DISCONNECT)


def messages_of(events: object, kind: type) -> list[object]:
    assert isinstance(events, list)
    return [event.message for event in events if isinstance(event, Seen) and isinstance(event.message, kind)]


def fragments(packet: bytes, size: int) -> bytes:
    """The same PDU in DTs of `size` bytes; only the last is marked as the end."""
    data = x224.read_packet(packet)
    assert isinstance(data, x224.Data)
    pieces = [data.user_data[at : at + size] for at in range(0, len(data.user_data), size)]
    numbers = [0] * (len(pieces) - 1) + [x224.Data.END_OF_TSDU]
    return b"".join(
        x224.write_packet(x224.Data(user_data=piece, number=number))
        for piece, number in zip(pieces, numbers, strict=True)
    )


def response(packet: bytes) -> mcs.ConnectResponse:
    data = x224.read_packet(packet)
    assert isinstance(data, x224.Data)
    pdu = mcs.read_pdu(data.user_data)
    assert isinstance(pdu, mcs.ConnectResponse)
    return pdu


def packet_of(pdu: mcs.McsPdu) -> bytes:
    return x224.write_packet(x224.Data(user_data=mcs.write_pdu(pdu)))


@pytest.mark.parametrize(
    ("answer", "method", "level", "version", "key_bits"),
    [
        (XRDP, 2, gcc.EncryptionLevel.HIGH, 0x00080004, 2048),
        (FREERDP, 0, gcc.EncryptionLevel.NONE, 0x00080004, None),
        (MICROSOFT, 2, gcc.EncryptionLevel.CLIENT_COMPATIBLE, 0x00080004, 512),
    ],
    ids=["xrdp", "freerdp", "specification"],
)
def test_what_servers_answered(answer: bytes, method: int, level: int, version: int, key_bits: int | None) -> None:
    events = assert_split_does_not_matter(BasicSettingsExchange, [client_says(INITIAL), server_says(answer)])
    (settings,) = messages_of(events, gcc.ConferenceCreateResponse)
    assert isinstance(settings, gcc.ConferenceCreateResponse)
    core, security = settings.block(gcc.ServerCore), settings.block(gcc.ServerSecurity)
    assert core is not None
    assert security is not None
    assert (core.version, security.encryption_method, security.encryption_level) == (version, method, level)
    certificates = messages_of(events, standard_security.ProprietaryCertificate)
    assert [each.key_bits for each in certificates] == ([] if key_bits is None else [key_bits])  # type: ignore[attr-defined]


def test_the_exchange_in_order_and_its_farewell() -> None:
    machine = BasicSettingsExchange(INITIAL)
    assert machine.waiting_for == State.EXPECT_INITIAL.value
    assert machine.farewell() == b""
    assert (machine.data_to_send(), machine.data_to_send()) == (INITIAL, b"")
    events = feed(machine, [client_says(INITIAL), server_says(XRDP)])
    assert kinds(events) == [
        "ConnectInitial",
        "ConferenceCreateRequest",
        "ConnectResponse",
        "ConferenceCreateResponse",
        "ProprietaryCertificate",
    ]
    assert machine.state is State.CONNECTED
    assert machine.finished
    assert machine.waiting_for == ""
    assert machine.farewell() == ULTIMATUM


def test_a_disconnect_stands_in_for_the_response() -> None:
    machine = BasicSettingsExchange()
    events = assert_split_does_not_matter(BasicSettingsExchange, [client_says(INITIAL), server_says(ULTIMATUM)])
    assert kinds(events)[-1] == "DisconnectProviderUltimatum"
    feed(machine, [client_says(INITIAL), server_says(ULTIMATUM + b"behind")])
    assert machine.state is State.DISCONNECTED
    assert machine.farewell() == b""
    assert machine.leftover(Side.SERVER) == b"behind"


def test_a_server_may_disconnect_before_it_is_asked() -> None:
    machine = BasicSettingsExchange()
    feed(machine, [server_says(ULTIMATUM)])
    assert machine.state is State.DISCONNECTED


@pytest.mark.parametrize("size", [1, 50, 300])
def test_a_pdu_in_several_dts_is_put_together(size: int) -> None:
    said = [client_says(fragments(INITIAL, 100)), server_says(fragments(XRDP, size))]
    events = assert_split_does_not_matter(BasicSettingsExchange, said)
    assert kinds(events)[-1] == "ProprietaryCertificate"
    (seen,) = (event for event in events if isinstance(event, Seen) and isinstance(event.message, mcs.ConnectResponse))
    assert seen.raw == said[1][1]


def test_a_pdu_without_its_end_is_left_over() -> None:
    machine = BasicSettingsExchange()
    first = x224.write_packet(x224.Data(user_data=b"\x7f\x66", number=0))
    feed(machine, [client_says(INITIAL), server_says(first + b"\x03")])
    assert end(machine, Ending.TIMED_OUT, 2.0) == [
        Unread(2.0, Side.SERVER, first + b"\x03"),
        Ended(2.0, Ending.TIMED_OUT, State.EXPECT_RESPONSE.value),
    ]
    assert machine.leftover(Side.SERVER) == b""


def test_another_result_has_no_settings() -> None:
    refused = replace(response(XRDP), result=mcs.ConnectResult.RT_UNSPECIFIED_FAILURE, user_data=b"anything", forms=())
    machine = BasicSettingsExchange()
    events = feed(machine, [client_says(INITIAL), server_says(packet_of(refused))])
    assert kinds(events)[-1] == "ConnectResponse"
    assert machine.state is State.CONNECTED


def test_a_broken_certificate_keeps_the_settings() -> None:
    broken = XRDP.replace(b"RSA1", b"RSA2")
    assert broken != XRDP
    machine = BasicSettingsExchange()
    events = feed(machine, [client_says(INITIAL), server_says(broken)])
    assert kinds(events)[-3:] == ["ConnectResponse", "ConferenceCreateResponse", "Malformed"]
    last = events[-1]
    assert isinstance(last, Malformed)
    assert isinstance(last.error, InvalidField)
    assert last.raw == broken
    assert machine.state is State.FAILED
    assert machine.farewell() == b""


def test_broken_settings_keep_the_response() -> None:
    broken = replace(response(XRDP), user_data=b"\x00\x05", forms=())
    events = feed(BasicSettingsExchange(), [client_says(INITIAL), server_says(packet_of(broken))])
    assert kinds(events)[-2:] == ["ConnectResponse", "Malformed"]
    last = events[-1]
    assert isinstance(last, Malformed)
    assert isinstance(last.error, Truncated)


def test_settings_without_a_certificate() -> None:
    settings = gcc.ConferenceCreateResponse(blocks=(gcc.ServerCore(version=0x00080004),))
    bare = replace(response(XRDP), user_data=settings.write(), forms=())
    events = feed(BasicSettingsExchange(), [client_says(INITIAL), server_says(packet_of(bare))])
    assert kinds(events)[-1] == "ConferenceCreateResponse"


@pytest.mark.parametrize(
    "packet",
    [
        packet_of(mcs.UnknownPdu(body=b"\x28")),
        INITIAL,
        x224.write_packet(x224.DisconnectRequest(class_option=1)),
    ],
    ids=["attach user", "connect initial", "X.224 DR"],
)
def test_a_message_of_another_moment_is_kept_and_ends_it(packet: bytes) -> None:
    machine = BasicSettingsExchange()
    events = feed(machine, [client_says(INITIAL), server_says(packet)])
    seen, last = events[-2:]
    assert isinstance(seen, Seen)
    assert seen.side is Side.SERVER
    assert isinstance(last, Malformed)
    assert isinstance(last.error, UnexpectedMessage)
    assert last.raw == packet
    assert machine.state is State.FAILED


def test_what_is_no_tpkt_is_kept() -> None:
    last = feed(BasicSettingsExchange(), [client_says(INITIAL), server_says(b"HTTP/1.1")])[-1]
    assert isinstance(last, Malformed)
    assert last.raw == b"HTTP/1.1"


def test_a_pdu_without_end_is_given_up() -> None:
    machine = BasicSettingsExchange()
    piece = x224.write_packet(x224.Data(user_data=bytes(16384), number=0))
    events = feed(machine, [client_says(INITIAL), *[server_says(piece)] * 9])
    last = events[-1]
    assert isinstance(last, Malformed)
    assert isinstance(last.error, TooLong)
    assert last.raw == piece * 4
    assert kinds(events).count("Malformed") == 1


@given(noise=st.binary(max_size=200), cut=st.integers(0, len(XRDP)), side=st.sampled_from(Side))
def test_any_bytes_are_observed_without_an_exception(noise: bytes, cut: int, side: Side) -> None:
    machine = BasicSettingsExchange()
    machine.observe(Side.CLIENT, INITIAL, 0.0)
    machine.observe(side, XRDP[:cut] + noise, 0.0)
    end(machine, Ending.CLOSED, 0.0)
    assert machine.leftover(side) == b""


@given(noise=st.binary(max_size=40), cut=st.integers(0, len(FREERDP)))
def test_split_does_not_matter_even_for_noise(noise: bytes, cut: int) -> None:
    assert_split_does_not_matter(BasicSettingsExchange, [client_says(INITIAL), server_says(FREERDP[:cut] + noise)])


def test_a_response_is_read_where_only_the_server_was_captured() -> None:
    machine = BasicSettingsExchange(only=Side.SERVER)
    feed(machine, [(Side.SERVER, vector("mcs_connect_response_microsoft"))])
    assert machine.settings is not None
    assert machine.finished


def test_a_connect_initial_is_all_there_is_where_only_the_client_was_captured() -> None:
    machine = BasicSettingsExchange(only=Side.CLIENT)
    events = feed(machine, [(Side.CLIENT, vector("mcs_connect_initial_microsoft"))])
    assert len(messages_of(events, gcc.ConferenceCreateRequest)) == 1
    assert machine.finished
    assert machine.waiting_for == ""
