from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from probe.handshake.credssp import CredSspExchange, first_request
from probe.handshake.key_log import KeyLog
from probe.handshake.machine import (
    Ended,
    Ending,
    Event,
    Machine,
    Malformed,
    Secured,
    Seen,
    Side,
    TlsClosed,
    TlsFailed,
    Unread,
    end,
)
from probe.handshake.server_first import State as Greeting
from probe.handshake.server_first import rdstls_greeting
from probe.handshake.standard_rdp import BasicSettingsExchange
from probe.handshake.tls_tunnel import State, TlsTunnel
from probe.wire import tls_extensions as ext
from probe.wire import tls_hello
from probe.wire.tls_record import Alert, AlertDescription
from tests.conversations import DISCONNECT
from tests.handshake.driving import kinds
from tests.handshake.tls_server import VERSIONS, MemoryServer, chain_der, context, converse
from tests.vectors import vector

INITIAL = vector("mcs_connect_initial_strict")
RESPONSE = vector("mcs_connect_response_xrdp_tls")
CAPABILITIES = vector("rdstls_capabilities")


def only(events: list[Event], kind: type[Event]) -> Event:
    (found,) = (event for event in events if isinstance(event, kind))
    return found


def pinned(version: str) -> SSL.Context:
    return context(VERSIONS[version], VERSIONS[version])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_a_handshake_is_completed_and_the_chain_is_kept(version: str, size: int) -> None:
    tunnel, server = TlsTunnel(), MemoryServer(pinned(version))
    assert tunnel.waiting_for == "the client's ClientHello"
    events = converse(tunnel, server.receive, size)
    secured = only(events, Secured)
    assert isinstance(secured, Secured)
    assert secured.version == version
    assert secured.cipher_suite == server.tls.get_cipher_name()
    assert secured.chain == chain_der()
    assert tunnel.state is State.OPEN
    assert tunnel.finished
    assert tunnel.waiting_for == ""
    assert end(tunnel, Ending.COMPLETE, 1.0) == [Ended(1.0, Ending.COMPLETE, "")]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_clear_part_is_read_from_the_wire(version: str) -> None:
    events = converse(TlsTunnel("srv1.example"), MemoryServer(pinned(version)).receive)
    (client,) = (e.message for e in events if isinstance(e, Seen) and isinstance(e.message, tls_hello.ClientHello))
    name = ext.find(client.extensions, ext.ExtensionType.SERVER_NAME)
    assert name is not None
    assert ext.read_server_name(name) == ((0, b"srv1.example"),)
    (hello,) = (e.message for e in events if isinstance(e, Seen) and isinstance(e.message, tls_hello.ServerHello))
    assert tls_hello.version_name(hello.selected_version) == version
    assert ("Certificate" in kinds(events)) == (version != "TLSv1.3")


def test_no_name_is_sent_where_there_is_none() -> None:
    client = TlsTunnel().data_to_send()
    assert b"srv1.example" in TlsTunnel("srv1.example").data_to_send()
    assert b"srv1.example" not in client


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("size", [1, 16, 1 << 20])
def test_a_machine_talks_inside(version: str, size: int) -> None:
    tunnel = TlsTunnel(inner=BasicSettingsExchange(INITIAL))
    server = MemoryServer(pinned(version), lambda _: RESPONSE)
    events = converse(tunnel, server.receive, size)
    assert server.heard == INITIAL
    assert kinds(events)[-4:] == [
        "ConnectInitial",
        "ConferenceCreateRequest",
        "ConnectResponse",
        "ConferenceCreateResponse",
    ]
    assert tunnel.finished
    assert tunnel.waiting_for == ""
    server.receive(tunnel.farewell())
    assert server.heard == INITIAL + bytes.fromhex(DISCONNECT)
    assert server.shut


def test_a_farewell_without_words_is_close_notify() -> None:
    tunnel, server = TlsTunnel(), MemoryServer(context())
    converse(tunnel, server.receive)
    server.receive(tunnel.farewell())
    assert server.shut
    assert server.heard == b""


def test_a_server_that_speaks_first_inside() -> None:
    tunnel = TlsTunnel(inner=rdstls_greeting())
    server = MemoryServer(pinned("TLSv1.2"))
    events = converse(tunnel, server.receive)
    assert tunnel.waiting_for == Greeting.EXPECT_GREETING.value
    server.tls.send(CAPABILITIES + b"behind")
    events += tunnel.observe(Side.SERVER, server.drain(), 0.0)
    assert kinds(events)[-1] == "RdstlsCapabilities"
    assert Unread(1.0, Side.SERVER, b"behind") in end(tunnel, Ending.COMPLETE, 1.0)


@pytest.mark.parametrize("version", VERSIONS)
def test_close_notify_is_no_answer(version: str) -> None:
    tunnel, server = TlsTunnel(inner=CredSspExchange(first_request())), MemoryServer(pinned(version))
    events = converse(tunnel, server.receive)
    server.tls.shutdown()
    events += tunnel.observe(Side.SERVER, server.drain(), 3.0)
    assert events[-1] == TlsClosed(3.0)
    assert tunnel.state is State.CLOSED
    assert tunnel.finished
    assert tunnel.waiting_for == ""
    assert tunnel.farewell() == b""


def test_a_server_alert_is_seen_and_is_what_the_library_says() -> None:
    made = context()
    made.set_cipher_list(b"ECDHE-RSA-AES128-GCM-SHA256")  # there is no RSA certificate for it
    made.set_max_proto_version(SSL.TLS1_2_VERSION)
    tunnel = TlsTunnel(inner=CredSspExchange(first_request()))
    events = converse(tunnel, MemoryServer(made).receive)
    (alert,) = (e.message for e in events if isinstance(e, Seen) and isinstance(e.message, Alert))
    assert alert.description == AlertDescription.HANDSHAKE_FAILURE
    failed = only(events, TlsFailed)
    assert isinstance(failed, TlsFailed)
    assert "handshake failure" in failed.reasons[0]
    assert tunnel.state is State.FAILED
    assert tunnel.finished
    assert tunnel.farewell() == b""


def test_a_server_that_wants_a_certificate_of_ours_says_so_inside() -> None:
    made = pinned("TLSv1.3")
    made.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    tunnel = TlsTunnel(inner=CredSspExchange(first_request()))
    events = converse(tunnel, MemoryServer(made).receive)
    assert "Secured" in kinds(events)
    failed = only(events, TlsFailed)
    assert isinstance(failed, TlsFailed)
    assert "certificate required" in failed.reasons[0]


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize(
    ("answer", "last_seen"),
    [(b"HTTP/1.1 400 Bad Request\r\n", "Malformed"), (bytes.fromhex(DISCONNECT), "DisconnectProviderUltimatum")],
    ids=["http", "disconnect"],
)
def test_clear_text_in_place_of_tls(answer: bytes, last_seen: str, size: int) -> None:
    tunnel = TlsTunnel()
    events = converse(tunnel, lambda _: answer, size)
    assert last_seen in kinds(events)
    assert "TlsFailed" in kinds(events)
    assert tunnel.state is State.FAILED


def test_a_record_cut_short_is_left_over() -> None:
    tunnel = TlsTunnel()
    events = [*tunnel.observe(Side.CLIENT, tunnel.data_to_send(), 0.0)]
    events += tunnel.observe(Side.SERVER, b"\x16\x03\x03\x00", 0.0)
    assert kinds(events) == ["ClientHello"]
    assert end(tunnel, Ending.TIMED_OUT, 1.0) == [
        Unread(1.0, Side.SERVER, b"\x16\x03\x03\x00"),
        Ended(1.0, Ending.TIMED_OUT, "the server's ServerHello"),
    ]


def test_encrypted_records_are_nothing_unread() -> None:
    tunnel, server = TlsTunnel(), MemoryServer(pinned("TLSv1.3"))
    out = tunnel.data_to_send()
    tunnel.observe(Side.CLIENT, out, 0.0)
    flight = server.receive(out)
    tunnel.observe(Side.SERVER, flight[:-5], 0.0)
    assert end(tunnel, Ending.RESET, 1.0) == [Ended(1.0, Ending.RESET, State.HANDSHAKE.value)]


def test_a_hello_retry_request_is_gone_along_with() -> None:
    made = pinned("TLSv1.3")
    made.set_tmp_ecdh(ec.SECP384R1())
    tunnel = TlsTunnel()
    events = converse(tunnel, MemoryServer(made).receive)
    hellos = [e.message for e in events if isinstance(e, Seen) and isinstance(e.message, tls_hello.ServerHello)]
    assert [hello.is_hello_retry_request for hello in hellos] == [True, False]
    assert kinds(events).count("ClientHello") == 2
    assert isinstance(events[-1], Secured)


def test_a_renegotiating_server_does_not_break_the_farewell() -> None:
    tunnel = TlsTunnel(inner=BasicSettingsExchange(INITIAL))
    server = MemoryServer(pinned("TLSv1.2"))
    converse(tunnel, server.receive)
    server.tls.renegotiate()
    server.tls.do_handshake()
    assert tunnel.observe(Side.SERVER, server.drain(), 0.0) == []
    server.receive(tunnel.data_to_send() + tunnel.farewell())
    assert server.heard == INITIAL


def test_a_handshake_that_never_began_has_no_farewell() -> None:
    assert TlsTunnel().farewell() == b""


def test_noise_after_the_tunnel_stands() -> None:
    tunnel, server = TlsTunnel(inner=CredSspExchange(first_request())), MemoryServer(pinned("TLSv1.2"))
    converse(tunnel, server.receive)
    events = tunnel.observe(Side.SERVER, b"\x17\x03\x03\x00\x20" + bytes(32), 0.0)
    assert [type(event) for event in events] == [TlsFailed]
    assert tunnel.observe(Side.SERVER, b"more", 0.0) == []
    assert tunnel.farewell() != b""  # the library's alert


@pytest.mark.parametrize("make", [TlsTunnel, lambda: TlsTunnel(inner=CredSspExchange(first_request()))])
@given(noise=st.binary(max_size=200), cut=st.integers(0, 1500))
def test_any_bytes_are_observed_without_an_exception(make: Callable[[], Machine], noise: bytes, cut: int) -> None:
    machine, server = make(), MemoryServer(context())

    def receive(data: bytes) -> bytes:
        return server.receive(data)[:cut] + noise

    events = []
    out = machine.data_to_send()
    events += machine.observe(Side.CLIENT, out, 0.0)
    events += machine.observe(Side.SERVER, receive(out), 0.0)
    machine.data_to_send()
    machine.observe(Side.SERVER, noise, 0.0)
    machine.farewell()
    ended = end(machine, Ending.CLOSED, 0.0)
    assert isinstance(ended[-1], Ended)
    assert sum(isinstance(event, Malformed) for event in events) <= 1


@pytest.mark.parametrize("version", VERSIONS)
def test_the_secrets_of_a_connection_go_to_its_own_key_log(version: str) -> None:
    first, second = KeyLog(), KeyLog()
    for log in (first, second):
        tunnel = TlsTunnel(keylog=log.take)
        events = converse(tunnel, MemoryServer(pinned(version)).receive)
        (hello,) = (e.message for e in events if isinstance(e, Seen) and isinstance(e.message, tls_hello.ClientHello))
        assert list(log.secrets) == [hello.random]
        assert set(log.of(hello.random)) >= {"CLIENT_TRAFFIC_SECRET_0" if version == "TLSv1.3" else "CLIENT_RANDOM"}
        assert log.unread == 0
    assert not set(first.secrets) & set(second.secrets)
    converse(TlsTunnel(), MemoryServer(pinned(version)).receive)
    assert len(first.secrets) + len(second.secrets) == 2
