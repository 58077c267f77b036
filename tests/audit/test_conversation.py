from __future__ import annotations

from dataclasses import replace

import pytest

from probe.audit.attempt import Question, Stage
from probe.audit.conversation import Conversation
from probe.audit.reading import read
from probe.audit.settings import Settings
from probe.handshake.client_hello import Offer
from probe.handshake.credssp import first_request
from probe.handshake.machine import Ending, Event, Machine, Seen, Side, end
from probe.wire import gcc, mcs, tls_hello
from probe.wire import tls_extensions as ext
from probe.wire.cursor import Reader
from probe.wire.tls_record import HandshakeFramer, Record
from tests.audit import attempts as a
from tests.handshake.tls_server import VERSIONS, MemoryServer, context, converse
from tests.vectors import vector

REQUEST_SSL = bytes.fromhex("0100080001000000")  # RDP_NEG_REQ
BARE = "0300000b06d00000123400"
XRDP = vector("mcs_connect_response_xrdp")


def talking(question: Question, settings: Settings | None = None, server_name: str | None = None) -> Machine:
    return Conversation(settings or Settings(), server_name, bytes).machine(question)


def selected(protocol: int) -> bytes:
    return bytes.fromhex("030000130ed0000012340002000800") + protocol.to_bytes(4, "little")


def failed(code: int) -> bytes:
    return bytes.fromhex("030000130ed0000012340003000800") + code.to_bytes(4, "little")


def hear(machine: Machine, data: bytes) -> list[Event]:
    """The client writes what it has, then the server says `data`."""
    events = machine.observe(Side.CLIENT, machine.data_to_send(), 0.0)
    return events + machine.observe(Side.SERVER, data, 0.0)


@pytest.mark.parametrize(
    ("protocols", "request_hex"),
    [
        (a.RDP, "030000130ee000000000000100080000000000"),
        (a.SSL, "030000130ee000000000000100080001000000"),
        (a.HYBRID, "030000130ee000000000000100080002000000"),
        (a.RDSTLS, "030000130ee000000000000100080004000000"),
        (a.HYBRID_EX, "030000130ee000000000000100080008000000"),
        (a.RDSAAD, "030000130ee000000000000100080010000000"),
        (a.USUAL, "030000130ee00000000000010008000b000000"),
    ],
)
def test_a_connection_request_byte_for_byte(protocols: int, request_hex: str) -> None:
    machine = talking(a.ask(protocols))
    assert machine.data_to_send().hex() == request_hex
    assert machine.data_to_send() == b""


def test_a_cookie_comes_before_the_request() -> None:
    sent = talking(a.ask(a.SSL), Settings(cookie="user")).data_to_send()
    assert sent == bytes.fromhex("0300002a25e00000000000") + b"Cookie: mstshash=user\r\n" + bytes.fromhex(
        "0100080001000000"
    )


def test_a_routing_token_is_sent_as_it_is_and_takes_the_cookies_place() -> None:
    token = "Cookie: msts=3640205228.15629.0000"
    sent = talking(a.ask(a.SSL), Settings(routing_token=token, cookie="user")).data_to_send()
    assert sent == bytes.fromhex("0300003732e00000000000") + token.encode() + b"\r\n" + bytes.fromhex(
        "0100080001000000"
    )


def test_a_preconnection_pdu_comes_first() -> None:
    sent = talking(a.ask(a.HYBRID), Settings(preconnection_blob="VM")).data_to_send()
    # [MS-RDPEPS] 2.2.1.2: cbSize, Flags, Version 2, Id, cchPCB, wszPCB with its NUL
    blob = "VM\0".encode("utf-16-le")
    assert sent == bytes.fromhex("180000000000000002000000000000000300") + blob + bytes.fromhex(
        "030000130ee000000000000100080002000000"
    )


def test_negotiation_alone_ends_with_the_answer() -> None:
    machine = talking(a.ask(a.HYBRID_EX))
    hear(machine, selected(a.HYBRID_EX))
    assert machine.finished
    assert machine.data_to_send() == b""
    assert machine.farewell() == b""


@pytest.mark.parametrize("stage", [Stage.SETTINGS, Stage.HELLO, Stage.TUNNEL])
@pytest.mark.parametrize(
    "said",
    [failed(5), bytes.fromhex("0300000902f0802180"), selected(a.HYBRID), selected(0x20), b"HTTP/1.1"],
    ids=["failure", "disconnect", "unoffered", "unknown", "http"],
)
def test_nothing_follows_what_turns_the_request_away(stage: Stage, said: bytes) -> None:
    machine = talking(a.ask(a.SSL, stage, version=a.TLS12, methods=2))
    hear(machine, said)
    assert machine.finished
    assert machine.data_to_send() == b""


@pytest.mark.parametrize("stage", [Stage.HELLO, Stage.TUNNEL])
def test_nothing_follows_rdp_where_tls_was_wanted(stage: Stage) -> None:
    machine = talking(a.ask(a.HYBRID, stage, version=a.TLS12))
    hear(machine, selected(a.RDP))
    assert machine.finished


def test_no_tls_follows_where_only_settings_were_wanted() -> None:
    machine = talking(a.ask(a.SSL, Stage.SETTINGS, methods=2))
    hear(machine, selected(a.SSL))
    assert machine.finished


def initial_in(packet: bytes) -> gcc.ConferenceCreateRequest:
    pdu = mcs.read_pdu(packet[7:])
    assert isinstance(pdu, mcs.ConnectInitial)
    return gcc.ConferenceCreateRequest.read(pdu.user_data)


def test_the_basic_settings_exchange_follows_rdp_and_ends_politely() -> None:
    machine = talking(a.ask(a.RDP, Stage.SETTINGS, methods=0x10, rdp_version=0x00080004))
    hear(machine, selected(a.RDP))
    sent = machine.data_to_send()
    settings = initial_in(sent)
    core, security = settings.block(gcc.ClientCore), settings.block(gcc.ClientSecurity)
    assert core is not None
    assert security is not None
    assert (core.version, core.server_selected_protocol, security.encryption_methods) == (0x00080004, 0, 0x10)
    assert settings.block(gcc.ClientNetwork) is not None
    machine.observe(Side.CLIENT, sent, 0.0)
    machine.observe(Side.SERVER, XRDP, 0.0)
    assert machine.finished
    assert machine.farewell() == vector("mcs_disconnect_user_requested")


@pytest.mark.parametrize(("methods", "offered"), [(0, 0x1B), (0x02, 0x02)])
@pytest.mark.parametrize("stage", [Stage.SETTINGS, Stage.HELLO, Stage.TUNNEL])
def test_a_bare_confirm_is_followed_by_settings_with_a_method(stage: Stage, methods: int, offered: int) -> None:
    machine = talking(a.ask(a.SSL, stage, methods=methods))
    hear(machine, bytes.fromhex(BARE))
    assert not machine.finished
    settings = initial_in(machine.data_to_send())
    security = settings.block(gcc.ClientSecurity)
    assert security is not None
    assert security.encryption_methods == offered


def test_a_bare_confirm_is_answer_enough_where_only_that_was_asked() -> None:
    machine = talking(a.ask(a.HYBRID_EX))
    hear(machine, bytes.fromhex(BARE))
    assert machine.finished


@pytest.mark.parametrize("version", [a.TLS10, a.TLS11, a.TLS12, a.TLS13])
@pytest.mark.parametrize("protocols", [a.SSL, a.HYBRID, None])
def test_one_hello_follows_a_tls_based_protocol_or_comes_at_once(protocols: int | None, version: int) -> None:
    machine = talking(a.ask(protocols, Stage.HELLO, version=version), server_name="srv1.example")
    if protocols is not None:
        hear(machine, selected(protocols))
    (event,) = machine.observe(Side.CLIENT, machine.data_to_send(), 0.0)
    assert isinstance(event, Seen)
    hello = event.message
    assert isinstance(hello, tls_hello.ClientHello)
    assert hello.version == min(version, a.TLS12)
    assert (ext.find(hello.extensions, ext.ExtensionType.SUPPORTED_VERSIONS) is not None) == (version == a.TLS13)
    name = ext.find(hello.extensions, ext.ExtensionType.SERVER_NAME)
    assert name is not None
    assert ext.read_server_name(name) == ((0, b"srv1.example"),)


def inside(protocols: int | None, chosen: int, said: bytes = b"") -> tuple[list[Event], bytes]:
    """What a tunnel carries behind a selection: all events, and what the server heard inside."""
    machine = talking(a.ask(protocols, Stage.TUNNEL))
    if protocols is not None:
        hear(machine, selected(chosen))
    server = MemoryServer(context())
    events = converse(machine, server.receive)
    if said:
        server.tls.send(said)
        events += machine.observe(Side.SERVER, server.drain(), 0.0)
    return events + end(machine, Ending.COMPLETE, 0.0), server.heard


@pytest.mark.parametrize(("protocols", "chosen"), [(a.HYBRID, a.HYBRID), (a.USUAL, a.HYBRID_EX)])
def test_credssp_follows_inside_hybrid(protocols: int, chosen: int) -> None:
    assert inside(protocols, chosen)[1] == first_request()


def test_settings_follow_inside_ssl_and_echo_what_was_selected() -> None:
    heard = initial_in(inside(a.SSL, a.SSL)[1])
    core, security = heard.block(gcc.ClientCore), heard.block(gcc.ClientSecurity)
    assert core is not None
    assert security is not None
    assert core.server_selected_protocol == a.SSL
    assert security.encryption_methods == 0


def test_tls_at_once_has_settings_inside_too() -> None:
    assert initial_in(inside(None, a.SSL)[1]).block(gcc.ClientCore) is not None


@pytest.mark.parametrize(
    ("protocol", "said", "message"),
    [(a.RDSTLS, vector("rdstls_capabilities"), "RdstlsCapabilities"), (a.RDSAAD, b'{"ts_nonce":"x"}\0', "ServerNonce")],
)
def test_nothing_is_said_where_the_server_speaks_first(protocol: int, said: bytes, message: str) -> None:
    events, heard = inside(protocol, protocol, said)
    assert heard == b""
    assert type(getattr(events[-2], "message", None)).__name__ == message


@pytest.mark.parametrize("stage", [Stage.HELLO, Stage.TUNNEL])
def test_nothing_follows_what_is_several_protocols(stage: Stage) -> None:
    machine = talking(a.ask(a.USUAL, stage, version=a.TLS12))
    hear(machine, selected(3))
    assert machine.finished


def hello_of(machine: Machine) -> tls_hello.ClientHello:
    """The ClientHello that follows when the server has selected SSL."""
    hear(machine, selected(a.SSL))
    framer = HandshakeFramer()
    framer.feed(Record.read(Reader(machine.data_to_send(), "Record")).fragment)
    message = tls_hello.read_handshake(framer.next_message() or b"", a.TLS12)
    assert isinstance(message, tls_hello.ClientHello)
    return message


def test_a_hello_makes_the_offer_that_was_asked_for() -> None:
    offer = Offer(version=a.TLS12, suites=(0x002F, 0x0035), groups=(0x0017,))
    question = Question(protocols=a.SSL, stage=Stage.HELLO, version=a.TLS12, offer=offer)
    assert hello_of(talking(question)).cipher_suites[:2] == offer.suites


def test_another_name_is_one_that_nobody_has() -> None:
    question = Question(protocols=a.SSL, stage=Stage.HELLO, version=a.TLS12, other_name=True)
    body = ext.find(hello_of(talking(question, server_name="srv1.example")).extensions, ext.ExtensionType.SERVER_NAME)
    assert ext.read_server_name(body or b"") == ((0, b"rdp-probe.invalid"),)


@pytest.mark.parametrize("framed", [False, True])
def test_a_hello_in_the_form_of_sslv2(framed: bool) -> None:
    version = a.TLS12 if framed else a.SSL2
    machine = talking(Question(protocols=a.SSL, stage=Stage.HELLO, version=version, framed=framed))
    hear(machine, selected(a.SSL))
    raw = machine.data_to_send()
    assert raw[0] & 0x80
    assert raw[2:5] == b"\x01" + version.to_bytes(2, "big")


def test_a_second_handshake_continues_the_session_of_the_first() -> None:
    conversation = Conversation(Settings(), None, bytes)
    made = context(highest=VERSIONS["TLSv1.2"])
    resumed = []
    first = Question(protocols=None, stage=Stage.TUNNEL, version=a.TLS12)
    for question in (first, replace(first, resume=True), first):
        machine = conversation.machine(question)
        events = converse(machine, MemoryServer(made).receive)
        assert machine.finished
        assert machine.farewell()
        seen = a.attempt(question, events)
        resumed.append(read(seen).resumed)
        assert read(seen).secured is not None
    assert resumed == [False, True, False]
    assert "resumed" in replace(first, resume=True).words


def test_inside_tls_of_a_protocol_that_has_no_reader_here_nothing_is_said() -> None:
    machine = talking(a.ask(0x20, Stage.TUNNEL))
    hear(machine, selected(0x20))
    assert not machine.finished
    assert machine.data_to_send()[:1] == b"\x16"  # the handshake is made all the same
