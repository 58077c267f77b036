from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InvalidField, UnexpectedMessage
from probe.handshake import tls_hello as tls_machine
from probe.handshake.client_hello import client_hello, usual_offer
from probe.handshake.machine import Ended, Ending, Malformed, Seen, Side, Unread, end
from probe.handshake.ssl2_hello import Ssl2Hello, State, framed_hello, ssl2_hello
from probe.handshake.tls_hello import TlsHello
from probe.wire import mcs, ssl2, tls_hello
from probe.wire.cursor import Reader
from probe.wire.tls_record import Alert, AlertDescription, AlertLevel
from tests.handshake.driving import assert_split_does_not_matter, client_says, feed, kinds, server_says
from tests.handshake.test_tls_hello import CERTIFICATE, DONE, NEW, OLD, alert, record
from tests.vectors import vector_lines

PURE = client_says(ssl2_hello(bytes))
FRAMED = client_says(framed_hello(0x0303, (0x009C, 0x002F), bytes))
HELLO = ssl2.ServerHello(
    session_id_hit=0,
    certificate_type=ssl2.ServerHello.X509_CERTIFICATE,
    version=0x0002,
    certificate=b"not a certificate" * 40,
    cipher_specs=(0x0700C0, 0x010080),
    connection_id=bytes(16),
)
ANSWER = ssl2.write_message(HELLO)
REFUSAL = ssl2.write_message(ssl2.Error(code=ssl2.ErrorCode.NO_CIPHER))


def _read(record: bytes) -> ssl2.Message:
    r = Reader(record, "record")
    message = ssl2.read_message(ssl2.Record.read(r).data)
    r.end()
    return message


def test_the_hello_offers_ssl_2_and_all_of_it() -> None:
    hello = _read(ssl2_hello(lambda size: b"\x07" * size))
    assert isinstance(hello, ssl2.ClientHello)
    assert hello.version == 0x0002
    assert sorted(hello.cipher_specs) == sorted(ssl2.CIPHER_KINDS)[:7]
    assert (hello.session_id, hello.challenge) == (b"", b"\x07" * 16)


@pytest.mark.parametrize("version", [0x0300, 0x0301, 0x0302, 0x0303])
def test_a_framed_hello_offers_the_suites_and_no_ssl_2(version: int) -> None:
    hello = _read(framed_hello(version, (0x002F, 0xC02F), lambda size: b"\x07" * size))
    # RFC 5246 E.2: TLS suites begin with a zero, a challenge has 32 bytes, and there is no session to go on with.
    assert hello == ssl2.ClientHello(
        version=version, cipher_specs=(0x00002F, 0x00C02F, 0x0000FF), challenge=b"\x07" * 32
    )


def test_a_live_client_sends_its_hello_once() -> None:
    machine = Ssl2Hello(b"hello")
    assert machine.data_to_send() == b"hello"
    assert machine.data_to_send() == b""


def test_a_server_hello_is_the_answer() -> None:
    said = [PURE, server_says(ANSWER + b"more")]
    events = assert_split_does_not_matter(Ssl2Hello, said)
    assert kinds(events) == ["ClientHello", "ServerHello"]
    machine = Ssl2Hello()
    feed(machine, said)
    assert machine.state is State.ANSWERED
    assert (machine.server_hello, machine.tls, machine.waiting_for) == (HELLO, None, "")
    assert machine.farewell() == b""
    assert end(machine, Ending.COMPLETE, 1.0) == [Unread(1.0, Side.SERVER, b"more"), Ended(1.0, Ending.COMPLETE, "")]


def test_an_error_is_a_refusal() -> None:
    machine = Ssl2Hello()
    last = feed(machine, [PURE, server_says(REFUSAL)])[-1]
    assert last == Seen(0.0, Side.SERVER, ssl2.Error(code=ssl2.ErrorCode.NO_CIPHER), b"\x00\x00\x01")
    assert machine.state is State.REFUSED


def test_the_refusal_of_xrdp_is_read_in_tls_and_what_is_behind_it_left_over() -> None:
    refusal, disconnect = vector_lines("ssl2_refused_xrdp")
    said = [PURE, server_says(refusal + disconnect)]
    events = assert_split_does_not_matter(Ssl2Hello, said)
    last = events[-1]
    assert isinstance(last, Seen)
    assert last.message == Alert(level=AlertLevel.FATAL, description=AlertDescription.PROTOCOL_VERSION)
    machine = Ssl2Hello()
    feed(machine, said)
    assert (machine.state, machine.finished) == (State.HANDED_OVER, True)
    assert machine.tls is not None
    assert machine.tls.state is tls_machine.State.REFUSED
    assert machine.leftover(Side.SERVER) == disconnect


def test_a_disconnect_in_clear_stands_in_for_tls() -> None:
    _, disconnect = vector_lines("ssl2_refused_xrdp")
    last = assert_split_does_not_matter(Ssl2Hello, [PURE, server_says(disconnect)])[-1]
    assert isinstance(last, Seen)
    assert last.message == mcs.DisconnectProviderUltimatum(reason=mcs.DisconnectReason.RN_USER_REQUESTED)


def test_a_framed_hello_is_answered_by_the_clear_flight_of_tls() -> None:
    said = [FRAMED, server_says(record(OLD) + record(CERTIFICATE, DONE))]
    events = assert_split_does_not_matter(Ssl2Hello, said)
    assert kinds(events) == ["ClientHello", "ServerHello", "Certificate", "ServerHelloDone"]
    machine = Ssl2Hello()
    feed(machine, said)
    assert machine.tls is not None
    assert machine.tls.server_hello == OLD
    assert machine.finished
    assert machine.farewell() == machine.tls.farewell() != b""


def test_the_flight_that_openssl_gives_a_framed_hello() -> None:
    hello, *flight = vector_lines("ssl2_framed_hello_openssl")
    events = assert_split_does_not_matter(Ssl2Hello, [client_says(hello), *map(server_says, flight)])
    assert kinds(events) == ["ClientHello", "ServerHello", "Certificate", "ServerHelloDone"]
    answer = events[1]
    assert isinstance(answer, Seen)
    assert isinstance(answer.message, tls_hello.ServerHello)
    assert (answer.message.version, answer.message.cipher_suite) == (0x0303, 0x009C)


def test_what_is_awaited_is_said_before_and_behind_the_hand_over() -> None:
    machine = Ssl2Hello()
    assert machine.waiting_for == State.EXPECT_CLIENT_HELLO.value
    feed(machine, [PURE])
    assert machine.waiting_for == State.EXPECT_SERVER_HELLO.value
    machine.observe(Side.SERVER, b"", 0.0)
    assert machine.tls is None
    machine.observe(Side.SERVER, b"\x15", 0.0)
    assert machine.waiting_for == tls_machine.State.EXPECT_SERVER_HELLO.value
    assert machine.leftover(Side.SERVER) == b"\x15"


def test_a_client_that_speaks_tls_is_read_like_any() -> None:
    hello = client_says(client_hello(usual_offer(0x0304), bytes, None))
    said = [hello, server_says(record(NEW))]
    assert feed(Ssl2Hello(), said) == feed(TlsHello(), said)


@pytest.mark.parametrize("early", [ANSWER, record(OLD), REFUSAL])
def test_an_answer_before_the_hello_answers_nothing(early: bytes) -> None:
    machine = Ssl2Hello()
    last = feed(machine, [server_says(early)])[-1]
    assert isinstance(last, Malformed)
    assert isinstance(last.error, UnexpectedMessage)
    assert machine.finished
    assert machine.observe(Side.CLIENT, b"\x16\x03\x01", 0.0) == []


def test_a_second_hello_is_unexpected() -> None:
    last = feed(Ssl2Hello(), [PURE, PURE])[-1]
    assert isinstance(last, Malformed)
    assert isinstance(last.error, UnexpectedMessage)


def test_a_message_of_no_known_type_is_malformed() -> None:
    last = feed(Ssl2Hello(), [PURE, server_says(b"\x80\x02\x05\x00" + ANSWER)])[-1]
    assert isinstance(last, Malformed)
    assert isinstance(last.error, InvalidField)
    assert last.raw == b"\x05\x00"


def test_a_header_that_contradicts_itself_is_malformed_with_its_bytes() -> None:
    bad = b"\x00\x01\x02rest"  # two bytes of padding in a record of one
    last = feed(Ssl2Hello(), [client_says(PURE[1] + bad)])[-1]
    assert isinstance(last, Malformed)
    assert last.raw == bad


def test_bytes_of_neither_protocol_are_malformed() -> None:
    machine = Ssl2Hello()
    last = feed(machine, [PURE, server_says(b"HTTP/1.1 400\r\n")])[-1]
    assert isinstance(last, Malformed)
    assert last.raw == b"HTTP/1.1 400\r\n"
    assert machine.finished


def test_a_record_that_never_becomes_whole_is_left_over() -> None:
    machine = Ssl2Hello()
    feed(machine, [PURE, server_says(ANSWER[:-1])])
    assert end(machine, Ending.TIMED_OUT, 2.0) == [
        Unread(2.0, Side.SERVER, ANSWER[:-1]),
        Ended(2.0, Ending.TIMED_OUT, State.EXPECT_SERVER_HELLO.value),
    ]


def test_a_fatal_alert_is_read_as_tls_reads_it() -> None:
    refusal = alert(AlertLevel.FATAL, AlertDescription.HANDSHAKE_FAILURE)
    machine = Ssl2Hello()
    assert kinds(feed(machine, [FRAMED, server_says(refusal)])) == ["ClientHello", "Alert"]
    assert machine.farewell() == b""


@given(noise=st.binary(max_size=300), cut=st.integers(0, 800))
def test_any_bytes_are_observed_without_an_exception(noise: bytes, cut: int) -> None:
    machine = Ssl2Hello()
    feed(machine, [PURE, server_says(ANSWER[:cut] + noise)])
    end(machine, Ending.RESET, 0.0)
