from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import TooLong, UnexpectedMessage
from probe.handshake.client_hello import client_hello, usual_offer
from probe.handshake.machine import Ending, Malformed, Seen, Side, Unread, end
from probe.handshake.tls_hello import State, TlsHello
from probe.wire import mcs, tls_hello, x224
from probe.wire import tls_extensions as ext
from probe.wire.cursor import Writer
from probe.wire.tls_record import Alert, AlertDescription, AlertLevel, ContentType, Record
from tests import conversations as written
from tests.handshake.driving import assert_split_does_not_matter, client_says, feed, kinds, server_says

HELLO = client_says(client_hello(usual_offer(0x0303), bytes, None))
OLD = tls_hello.ServerHello(version=0x0303, random=bytes(32), cipher_suite=0xC02F)
NEW = tls_hello.ServerHello(
    version=0x0303,
    random=bytes(32),
    cipher_suite=0x1302,
    extensions=(ext.selected_version(0x0304), ext.server_key_share(0x001D, bytes(32))),
)
RETRY = tls_hello.ServerHello(
    version=0x0303,
    random=tls_hello.ServerHello.RETRY_RANDOM,
    cipher_suite=0x1301,
    extensions=(ext.selected_version(0x0304), ext.retry_key_share(0x001E)),
)
DONE = tls_hello.ServerHelloDone()
CERTIFICATE = tls_hello.Certificate(chain=(b"not a certificate", b"nor this"))


def record(*messages: tls_hello.HandshakeMessage) -> bytes:
    w = Writer()
    fragment = b"".join(tls_hello.write_handshake(message) for message in messages)
    Record(type=ContentType.HANDSHAKE, version=0x0303, fragment=fragment).write(w)
    return w.getvalue()


def alert(level: AlertLevel, description: AlertDescription) -> bytes:
    inner, w = Writer(), Writer()
    Alert(level=level, description=description).write(inner)
    Record(type=ContentType.ALERT, version=0x0303, fragment=inner.getvalue()).write(w)
    return w.getvalue()


FATAL_VERSION = alert(AlertLevel.FATAL, AlertDescription.PROTOCOL_VERSION)
WARNING_NAME = alert(AlertLevel.WARNING, AlertDescription.UNRECOGNIZED_NAME)


def test_the_clear_flight_of_tls_1_2() -> None:
    said = [HELLO, server_says(record(OLD) + record(CERTIFICATE, DONE))]
    events = assert_split_does_not_matter(TlsHello, said)
    assert kinds(events) == ["ClientHello", "ServerHello", "Certificate", "ServerHelloDone"]
    machine = TlsHello()
    feed(machine, said)
    assert machine.state is State.ANSWERED
    assert machine.server_hello == OLD
    assert machine.farewell() == alert(AlertLevel.WARNING, AlertDescription.CLOSE_NOTIFY).replace(
        b"\x03\x03", b"\x03\x01"
    )


def test_a_tls_1_3_server_hello_is_answer_enough() -> None:
    machine = TlsHello()
    feed(machine, [HELLO, server_says(record(NEW))])
    assert machine.state is State.ANSWERED


def test_a_retry_request_is_an_answer_when_only_asking() -> None:
    machine = TlsHello()
    feed(machine, [HELLO, server_says(record(RETRY))])
    assert machine.state is State.ANSWERED
    assert machine.server_hello == RETRY


def test_a_watched_handshake_goes_on_behind_a_retry_request() -> None:
    machine = TlsHello(through_retry=True)
    said = [HELLO, server_says(record(RETRY)), HELLO, server_says(record(NEW))]
    events = feed(machine, said)
    assert kinds(events) == ["ClientHello", "ServerHello", "ClientHello", "ServerHello"]
    assert machine.state is State.ANSWERED


def test_a_second_retry_request_ends_it() -> None:
    machine = TlsHello(through_retry=True)
    events = feed(machine, [HELLO, server_says(record(RETRY)), HELLO, server_says(record(RETRY))])
    last = events[-1]
    assert isinstance(last, Malformed)
    assert isinstance(last.error, UnexpectedMessage)
    assert machine.state is State.FAILED


def test_a_fatal_alert_ends_it_and_the_clear_disconnect_behind_it_is_left_over() -> None:
    machine = TlsHello()
    events = feed(machine, [HELLO, server_says(FATAL_VERSION + bytes.fromhex(written.DISCONNECT))])
    assert machine.state is State.REFUSED
    last = events[-1]
    assert isinstance(last, Seen)
    assert last.message == Alert(level=AlertLevel.FATAL, description=AlertDescription.PROTOCOL_VERSION)
    assert Unread(1.0, Side.SERVER, bytes.fromhex(written.DISCONNECT)) in end(machine, Ending.CLOSED, 1.0)
    assert machine.farewell() == b""


def test_a_warning_is_not_a_refusal() -> None:
    machine = TlsHello()
    events = feed(machine, [HELLO, server_says(WARNING_NAME + record(NEW))])
    assert kinds(events) == ["ClientHello", "Alert", "ServerHello"]
    assert machine.state is State.ANSWERED


def test_close_notify_is_a_refusal() -> None:
    machine = TlsHello()
    feed(machine, [HELLO, server_says(alert(AlertLevel.WARNING, AlertDescription.CLOSE_NOTIFY))])
    assert machine.state is State.REFUSED


def test_a_disconnect_pdu_stands_in_for_tls() -> None:
    said = [HELLO, server_says(bytes.fromhex(written.DISCONNECT) + b"more")]
    assert_split_does_not_matter(TlsHello, said)
    machine = TlsHello()
    last = feed(machine, said)[-1]
    assert isinstance(last, Seen)
    assert last.message == mcs.DisconnectProviderUltimatum(reason=mcs.DisconnectReason.RN_USER_REQUESTED)
    assert machine.state is State.DISCONNECTED
    assert machine.leftover(Side.SERVER) == b"more"


def test_another_tpdu_in_clear_is_kept_too() -> None:
    refusal = x224.DisconnectRequest(class_option=1)
    last = feed(TlsHello(), [HELLO, server_says(x224.write_packet(refusal))])[-1]
    assert isinstance(last, Seen)
    assert last.message == refusal


def test_a_clear_pdu_that_claims_to_be_long_is_not_waited_for() -> None:
    said = [HELLO, server_says(bytes.fromhex("0300ffff") + bytes(2000))]
    events = assert_split_does_not_matter(TlsHello, said)
    assert isinstance(events[-1], Malformed)


def test_bytes_that_are_neither_tls_nor_tpkt() -> None:
    machine = TlsHello()
    last = feed(machine, [HELLO, server_says(b"HTTP/1.1 400\r\n")])[-1]
    assert isinstance(last, Malformed)
    assert last.raw == b"HTTP/1.1 400\r\n"
    assert machine.state is State.FAILED


def test_a_server_hello_before_the_client_hello_is_unexpected() -> None:
    last = feed(TlsHello(), [server_says(record(OLD))])[-1]
    assert isinstance(last, Malformed)
    assert isinstance(last.error, UnexpectedMessage)


def test_an_unknown_handshake_message_is_kept() -> None:
    unknown = tls_hello.UnknownHandshake(type=99, body=b"?")
    events = feed(TlsHello(), [HELLO, server_says(record(OLD, unknown, DONE))])
    assert kinds(events) == ["ClientHello", "ServerHello", "UnknownHandshake", "ServerHelloDone"]


def test_records_of_length_zero_lead_nowhere_and_hold_nothing() -> None:
    machine = TlsHello()
    empty = Writer()
    Record(type=ContentType.HANDSHAKE, version=0x0303, fragment=b"").write(empty)
    assert kinds(feed(machine, [HELLO, server_says(empty.getvalue() * 900)])) == ["ClientHello"]
    assert machine.leftover(Side.SERVER) == b""
    assert machine.waiting_for == State.EXPECT_SERVER_HELLO.value
    last = feed(machine, [server_says(empty.getvalue() * 100)])[-1]
    assert isinstance(last, Malformed)
    assert isinstance(last.error, TooLong)


def test_a_short_alert_is_malformed() -> None:
    w = Writer()
    Record(type=ContentType.ALERT, version=0x0303, fragment=b"\x02").write(w)
    assert isinstance(feed(TlsHello(), [HELLO, server_says(w.getvalue())])[-1], Malformed)


def test_change_cipher_spec_is_passed_over() -> None:
    w = Writer()
    Record(type=ContentType.CHANGE_CIPHER_SPEC, version=0x0303, fragment=b"\x01").write(w)
    assert kinds(feed(TlsHello(), [HELLO, server_says(w.getvalue() + record(NEW))])) == ["ClientHello", "ServerHello"]


def test_a_resumed_session_ends_the_clear_part_at_the_change_of_keys() -> None:
    w = Writer()
    Record(type=ContentType.CHANGE_CIPHER_SPEC, version=0x0303, fragment=b"\x01").write(w)
    machine = TlsHello()
    events = feed(machine, [HELLO, server_says(record(OLD) + w.getvalue() + b"\x16\x03\x03\x00\x02??")])
    assert kinds(events) == ["ClientHello", "ServerHello", "ChangeCipherSpec"]
    assert machine.finished


def test_a_change_of_keys_has_one_byte() -> None:
    w = Writer()
    Record(type=ContentType.CHANGE_CIPHER_SPEC, version=0x0303, fragment=b"\x01\x01").write(w)
    assert isinstance(feed(TlsHello(), [HELLO, server_says(record(OLD) + w.getvalue())])[-1], Malformed)


def test_a_heartbeat_is_passed_over() -> None:
    w = Writer()
    Record(type=ContentType.HEARTBEAT, version=0x0303, fragment=b"\x01").write(w)
    assert kinds(feed(TlsHello(), [HELLO, server_says(w.getvalue() + record(NEW))])) == ["ClientHello", "ServerHello"]


def test_a_live_client_sends_its_hello_once() -> None:
    machine = TlsHello(b"hello")
    assert machine.data_to_send() == b"hello"
    assert machine.data_to_send() == b""


@pytest.mark.parametrize("version", [0x0301, 0x0302, 0x0303, 0x0304])
def test_our_hellos_offer_exactly_one_version(version: int) -> None:
    raw = client_hello(usual_offer(version), lambda size: b"\x07" * size, "srv1.example")
    event = feed(TlsHello(), [client_says(raw)])[0]
    assert isinstance(event, Seen)
    hello = event.message
    assert isinstance(hello, tls_hello.ClientHello)
    offered = ext.find(hello.extensions, ext.ExtensionType.SUPPORTED_VERSIONS)
    if version == 0x0304:
        assert offered is not None
        assert ext.read_supported_versions(offered) == (0x0304,)
        assert all(suite >> 8 == 0x13 for suite in hello.cipher_suites)
    else:
        assert offered is None
        assert hello.version == version
    name = ext.find(hello.extensions, ext.ExtensionType.SERVER_NAME)
    assert name is not None
    assert ext.read_server_name(name) == ((0, b"srv1.example"),)


def test_no_name_is_sent_where_there_is_none() -> None:
    event = feed(TlsHello(), [HELLO])[0]
    assert isinstance(event, Seen)
    assert isinstance(event.message, tls_hello.ClientHello)
    assert ext.find(event.message.extensions, ext.ExtensionType.SERVER_NAME) is None


@given(noise=st.binary(max_size=300), cut=st.integers(0, 400))
def test_any_bytes_are_observed_without_an_exception(noise: bytes, cut: int) -> None:
    machine = TlsHello(through_retry=True)
    valid = record(replace(OLD, session_id=bytes(32))) + record(CERTIFICATE, DONE)
    feed(machine, [HELLO, server_says(valid[:cut] + noise)])
    end(machine, Ending.RESET, 0.0)
