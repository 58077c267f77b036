"""Servers that lie, stall, flood and break off: an audit of each ends in a Result that says what was seen.

What real servers say is taken from the vectors and then spoiled.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count

import msgspec
import pytest
import trio

from probe.audit.settings import Settings
from probe.drive.demo_server import Secured
from probe.drive.limits import Limits
from probe.result import Result, from_json, to_json
from tests.drive.peers import (
    BRIEF,
    HYBRID,
    PATIENT,
    RDP,
    RDSTLS,
    SSL,
    TLS12,
    ULTIMATUM,
    Peer,
    asked,
    audited,
    fails,
    inside_tls,
    only,
    reset,
    said,
    selects,
    until_closed,
)
from tests.vectors import vector

SMALL = Limits(plain_bytes=4096, tls_bytes=32768)
A_WHILE = Limits(step_s=0.4)  # for a handshake and then silence
MOST_STEPS = 510  # of one attempt: what the driver keeps, and what it adds at the end
GARBAGE = bytes(range(256)) * 40_000  # ten megabytes
NOT_TPKT = b"\x7f" + GARBAGE
SERVER_HELLO_12 = vector("tls12_ecdhe_flight")[:70]
RETRY = vector("tls13_retry")[:93]
CONNECT_RESPONSE = vector("mcs_connect_response_xrdp")
CHALLENGE = vector("credssp_challenge_windows2016")
S7_CONFIRM = bytes.fromhex("0300001611d00001000100c0010ac1020100c2020102")


def check(result: Result) -> Result:
    """What is true of every result: it can be written and read back, and it is within our bounds."""
    assert msgspec.to_builtins(from_json(to_json(result))) == msgspec.to_builtins(result)
    for attempt in result.attempts:
        assert len(attempt.steps) <= MOST_STEPS
        assert attempt.bytes_received <= PATIENT.tls_bytes
    assert result.connections == len(result.attempts) <= 16
    return result


def hostile(peer: Peer, limits: Limits = PATIENT, settings: Settings | None = None) -> Result:
    return check(audited(peer, limits, settings or Settings()))


def answers(*pieces: bytes, pause: bool = False) -> Peer:
    """Answers the first bytes of a client by these, and closes."""

    async def peer(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)
        for piece in pieces:
            await stream.send_all(piece)
            if pause:
                await trio.lowlevel.checkpoint()

    return peer


def greets(*pieces: bytes) -> Peer:
    """Speaks first, then waits for the client to leave."""

    async def peer(stream: trio.SocketStream) -> None:
        for piece in pieces:
            await stream.send_all(piece)
            await trio.sleep(0.01)
        await until_closed(stream)

    return peer


def over_and_over(data: bytes) -> Peer:
    async def peer(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)
        while True:
            await stream.send_all(data)

    return peer


def expecting(result: Result) -> set[str | None]:
    """What each attempt still waited for."""
    return {attempt.expected for attempt in result.attempts}


# Before anything is agreed.


async def silent(stream: trio.SocketStream) -> None:
    await until_closed(stream)


async def trickling(stream: trio.SocketStream) -> None:
    for byte in b"\x03\x00\xff\xff" + bytes(60000):
        await stream.send_all(bytes([byte]))
        await trio.sleep(0.01)


@pytest.mark.parametrize(
    ("peer", "limits", "status", "ending"),
    [
        (silent, BRIEF, "silent", "timed_out"),
        (trickling, Limits(step_s=0.2), "silent", "deadline"),
        (greets(b"\x03\x00\xff\xff"), BRIEF, "silent", "timed_out"),
        (greets(b"\x03\x00\xff\xff" + bytes(65531)), PATIENT, "closed", "complete"),
        (over_and_over(b"\x03\x00\xff\xff" + bytes(65531)), SMALL, "closed", "too_much"),
        (answers(bytes.fromhex("03000000")), PATIENT, "closed", "complete"),
        (answers(bytes.fromhex("03000004")), PATIENT, "closed", "complete"),
        (answers(NOT_TPKT), PATIENT, "not_rdp", "complete"),
        (greets(NOT_TPKT), PATIENT, "not_rdp", "complete"),
        (answers(b""), PATIENT, "closed", "closed"),
        (answers(b"\x03"), PATIENT, "closed", "closed"),
    ],
    ids=[
        *("silence", "a byte at a time", "a length of 65535", "65535 bytes", "65535 bytes over and over"),
        *("a length of 0", "a length of 4", "garbage for an answer", "garbage at once", "nothing", "one byte"),
    ],
)
def test_no_answer_is_no_rdp(peer: Peer, limits: Limits, status: str, ending: str) -> None:
    result = hostile(peer, limits)
    assert (result.status, result.ending) == (status, ending)
    assert result.negotiation is not None
    assert {verdict.state for verdict in result.negotiation.protocols.values()} == {"unknown"}
    assert (result.server, result.tls, result.standard_rdp, result.credssp) == (None, None, None, None)


BANNERS = [
    ("ssh", b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"),
    ("http", b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
    ("smtp", b"220 mail.example ESMTP Postfix\r\n"),
    ("vnc", b"RFB 003.008\n"),
    ("mysql", b"J\x00\x00\x00\x0a5.7.42-log\x00" + bytes(61)),
    ("telnet", b"\xff\xfd\x18\xff\xfd\x20\r\n"),
]


@pytest.mark.parametrize(("service", "banner"), BANNERS, ids=[name for name, _ in BANNERS])
@pytest.mark.parametrize("speak", [greets, answers], ids=["at once", "when asked"])
def test_another_service_is_known_by_its_banner(speak: Callable[..., Peer], service: str, banner: bytes) -> None:
    result = hostile(speak(banner))
    assert (result.status, result.service, result.connections) == ("not_rdp", service, 1)


@pytest.mark.parametrize(("service", "banner"), BANNERS[:4], ids=[name for name, _ in BANNERS[:4]])
def test_a_banner_may_come_in_pieces(service: str, banner: bytes) -> None:
    result = hostile(greets(banner[:1], banner[1:3], banner[3:]))
    assert (result.status, result.service, result.connections) == ("not_rdp", service, 1)
    assert result.banner == banner.splitlines()[0].decode()


def test_a_piece_of_a_banner_does_not_hold_us() -> None:
    result = hostile(greets(b"S"), A_WHILE)
    assert (result.status, result.service, result.banner) == ("not_rdp", "unknown", "S")


@pytest.mark.parametrize("then", [b"", bytes.fromhex("0300000702f000")], ids=["closes", "answers in S7"])
def test_a_plc_is_left_alone_after_one_connection(then: bytes) -> None:
    async def peer(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)
        await stream.send_all(S7_CONFIRM)
        await stream.receive_some(4096)
        await stream.send_all(then)

    result = hostile(peer)
    assert (result.status, result.service, result.connections) == ("not_rdp", "iso-tsap", 1)


# The negotiation.


@pytest.mark.parametrize(
    ("selected", "words"), [(0xFFFFFFFF, "0xffffffff"), (3, "0x00000003"), (0x20, "0x00000020"), (0x80000001, None)]
)
def test_a_protocol_that_was_not_offered_is_not_gone_along_with(selected: int, words: str | None) -> None:
    result = hostile(answers(selects(selected)))
    assert result.status == "rdp"
    assert result.negotiation is not None
    verdicts = result.negotiation.protocols.values()
    assert {(each.state, each.selected) for each in verdicts} == {("unknown", words or f"0x{selected:08x}")}
    assert result.tls is None
    gone_along = {step.what for attempt in result.attempts if "X.224" not in attempt.asked for step in attempt.steps}
    assert not any(what.startswith(("ClientHello", "ConnectInitial")) for what in gone_along)


def test_a_confirm_in_single_bytes_is_a_confirm() -> None:
    whole = hostile(answers(fails(5)))
    pieces = hostile(answers(*(bytes([byte]) for byte in fails(5)), pause=True))
    assert whole.negotiation is not None
    assert pieces.negotiation is not None
    assert pieces.negotiation.protocols == whole.negotiation.protocols
    assert pieces.negotiation.protocols["SSL"].failure == "HYBRID_REQUIRED_BY_SERVER"


@pytest.mark.parametrize(
    ("behind", "verdicts"),
    [
        (bytes.fromhex("15030100020228"), {("rejected", "alert handshake_failure")}),
        (SERVER_HELLO_12, {("unknown", "malformed")}),  # it came before any ClientHello: an answer to nothing
        (GARBAGE[:4096], {("unknown", "malformed")}),
        (ULTIMATUM, {("rejected", "clear-text disconnect")}),
    ],
    ids=["an alert", "a ServerHello", "garbage", "a disconnect"],
)
def test_tls_in_the_segment_of_the_confirm_is_read_as_tls(behind: bytes, verdicts: set[tuple[str, str | None]]) -> None:
    async def peer(stream: trio.SocketStream) -> None:
        requested = await asked(stream)
        await stream.send_all(selects(SSL) + behind if requested == SSL else fails(1))

    result = hostile(peer)
    assert result.negotiation is not None
    assert result.negotiation.protocols["SSL"].state == "accepted"
    assert result.tls is not None
    assert {(each.state, each.reason) for each in result.tls.versions.values()} == verdicts
    assert result.tls.handshake is None or not result.tls.handshake.complete


def test_a_server_that_resets_every_second_connection_is_asked_again() -> None:
    numbers = count()

    async def peer(stream: trio.SocketStream) -> None:
        if next(numbers) % 2:
            await stream.receive_some(4096)
            await reset(stream)
        else:
            await answers(fails(5))(stream)

    result = hostile(peer, Limits(per_host=1))
    assert result.status == "rdp"
    assert result.intermittent
    assert result.lost is None
    assert result.negotiation is not None
    assert result.negotiation.protocols["SSL"].failure == "HYBRID_REQUIRED_BY_SERVER"


def test_a_server_that_takes_one_connection_is_lost_and_left() -> None:
    async def main() -> Result:
        from probe.drive.live import audit
        from probe.result import Target

        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        host, port = listener.socket.getsockname()

        async def once() -> None:
            stream = await listener.accept()
            await listener.aclose()
            await answers(fails(5))(stream)
            await stream.aclose()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(once)
            return await audit(Target(input=host, host=host, port=port, address=host), Settings(), PATIENT)

    result = check(trio.run(main))
    assert result.status == "rdp"
    assert result.lost == "SSL, then a complete TLS handshake"
    assert [attempt.ending for attempt in result.attempts] == ["complete", "refused", "refused", "refused"]
    assert result.limited is None


# Standard RDP Security.


def replies_to_initial(response: bytes) -> Peer:
    async def then(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)
        await stream.send_all(response)

    return only(RDP, then)


def in_mcs(pdu: str) -> bytes:
    body = bytes.fromhex("02f080" + pdu)
    return b"\x03\x00" + (4 + len(body)).to_bytes(2, "big") + body


ZERO_BLOCK = CONNECT_RESPONSE.replace(bytes.fromhex("010c0c00"), bytes.fromhex("010c0000"))


@pytest.mark.parametrize(
    "response",
    [
        in_mcs("7f668480000000"),
        in_mcs("7f6680" + "00" * 40),
        in_mcs("7f66"),
        ZERO_BLOCK,
        CONNECT_RESPONSE[:60] + bytes(len(CONNECT_RESPONSE) - 60),
        bytes.fromhex("03000000"),
        GARBAGE,
    ],
    ids=["a BER length of 2^31", "indefinite", "cut", "a block of length 0", "zeros", "a TPKT length of 0", "garbage"],
)
def test_a_broken_connect_response_leaves_the_negotiation(response: bytes) -> None:
    result = hostile(replies_to_initial(response))
    assert result.status == "rdp"
    assert result.negotiation is not None
    assert result.negotiation.protocols["RDP"].state == "accepted"
    assert result.standard_rdp is not None
    assert "cannot be read" in said(result)


def test_the_unspoiled_connect_response_is_read() -> None:
    result = hostile(replies_to_initial(CONNECT_RESPONSE))
    assert result.standard_rdp is not None
    assert result.standard_rdp.encryption_level == "HIGH"
    assert "cannot be read" not in said(result)


# TLS.


def records(kind: int, fragment: bytes) -> bytes:
    """`fragment` in records of the largest size."""
    pieces = [fragment[at : at + 16384] for at in range(0, len(fragment), 16384)]
    return b"".join(bytes([kind, 3, 3]) + len(piece).to_bytes(2, "big") + piece for piece in pieces)


def after_hello(*pieces: bytes, forever: bool = False) -> Peer:
    async def then(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)
        for piece in pieces:
            await stream.send_all(piece)
        while forever:
            await stream.send_all(pieces[-1])

    return only(SSL, then)


NOTHING = bytes.fromhex("1603030000") * 1000
CHANGES = bytes.fromhex("140303000101") * 1000
WARNINGS = bytes.fromhex("1503030002015a") * 1000  # user_canceled
TINY_MESSAGES = records(22, bytes.fromhex("fe000000") * 4096)
CERTIFICATE_16M = records(22, bytes.fromhex("0bffffff") + bytes(100_000))


@pytest.mark.parametrize(
    ("peer", "limits", "states"),
    [
        (after_hello(NOTHING, forever=True), PATIENT, {"unknown"}),
        (after_hello(CHANGES, forever=True), PATIENT, {"unknown"}),
        (after_hello(WARNINGS, forever=True), PATIENT, {"unknown"}),
        (after_hello(SERVER_HELLO_12, TINY_MESSAGES, forever=True), PATIENT, {"accepted", "rejected", "unknown"}),
        (after_hello(SERVER_HELLO_12, CERTIFICATE_16M, forever=True), PATIENT, {"accepted", "rejected", "unknown"}),
        (after_hello(GARBAGE), PATIENT, {"unknown"}),
        (after_hello(b"\x16\x03\x03" + GARBAGE), PATIENT, {"unknown"}),
        (after_hello(bytes.fromhex("1603034801") + GARBAGE), PATIENT, {"unknown"}),
    ],
    ids=[
        *(
            "empty records for ever",
            "ChangeCipherSpec for ever",
            "warnings for ever",
            "messages of four bytes for ever",
            "a Certificate of 16 MB",
        ),
        *("garbage", "garbage in a record", "a record that is too long"),
    ],
)
def test_a_flood_in_tls_is_cut_off(peer: Peer, limits: Limits, states: set[str]) -> None:
    result = hostile(peer, limits)
    assert result.negotiation is not None
    assert result.negotiation.protocols["SSL"].state == "accepted"
    assert result.tls is not None
    assert {verdict.state for verdict in result.tls.versions.values()} == states
    assert result.tls.handshake is None or not result.tls.handshake.complete
    assert result.certificates == []


def certificate_message(*ders: bytes) -> bytes:
    """A TLS 1.2 Certificate, RFC 5246 section 7.4.2."""
    chain = b"".join(len(der).to_bytes(3, "big") + der for der in ders)
    body = len(chain).to_bytes(3, "big") + chain
    return records(22, b"\x0b" + len(body).to_bytes(3, "big") + body)


@pytest.mark.parametrize(
    "ders",
    [(GARBAGE[:500],), (b"",), (b"\x30\x84\xff\xff\xff\xff",), (b"\x30\x00",) * 20000],
    ids=["garbage", "nothing", "a length of 4 GB", "twenty thousand"],
)
def test_a_certificate_that_cannot_be_read_is_still_shown(ders: tuple[bytes, ...]) -> None:
    result = hostile(after_hello(SERVER_HELLO_12 + certificate_message(*ders)))
    assert result.tls is not None
    assert result.tls.versions["TLSv1.2"].state == "accepted"
    [chain] = result.certificates
    assert len(chain.chain) == min(len(ders), 20)
    assert chain.chain[0].error is not None
    assert chain.trust is None or chain.trust.verdict == "unknown"


def test_a_retry_without_end_is_ended_by_us() -> None:
    async def then(stream: trio.SocketStream) -> None:
        while hello := bytes(await stream.receive_some(4096)):
            session = slice(44, 76)  # behind record 5, handshake 4, version 2, random 32, length 1
            await stream.send_all(RETRY[: session.start] + hello[session] + RETRY[session.stop :])

    result = hostile(only(SSL, then))
    assert result.tls is not None
    assert result.tls.versions["TLSv1.3"].state == "accepted"
    assert result.tls.handshake is not None
    assert not result.tls.handshake.complete
    assert said(result).count("ClientHello") <= 8


def greeted_and_asked_again() -> Peer:
    """A server that asks for a second handshake and greets in the same breath."""

    async def then(secured: Secured) -> None:
        secured._tls._tls.renegotiate()
        secured._tls.handshake()
        await secured.send(vector("rdstls_capabilities"))
        while True:
            await secured.receive()

    return only(RDSTLS, inside_tls(then, TLS12))


def test_a_second_handshake_in_the_tunnel_is_declined() -> None:
    result = hostile(greeted_and_asked_again(), A_WHILE)
    assert result.negotiation is not None
    assert result.negotiation.protocols["RDSTLS"].state == "accepted"
    assert result.tls is not None
    assert result.tls.handshake is not None
    assert result.tls.handshake.complete


# Inside TLS.


def says(*pieces: bytes, first: bool = False) -> Callable[[Secured], Awaitable[None]]:
    """Answers what the client says inside TLS, or speaks first."""

    async def then(secured: Secured) -> None:
        if not first:
            await secured.receive()
        for piece in pieces:
            for at in range(0, len(piece), 65536):
                await secured.send(piece[at : at + 65536])

    return then


@pytest.mark.parametrize("first", [True, False], ids=["at once", "for an answer"])
def test_garbage_inside_tls_leaves_the_handshake(first: bool) -> None:
    result = hostile(only(SSL, inside_tls(says(GARBAGE, first=first))))
    assert result.tls is not None
    assert result.tls.handshake is not None
    assert result.tls.handshake.complete
    assert len(result.certificates) == 1
    assert result.server is not None
    assert result.server.rdp_version is None


@pytest.mark.parametrize("part", ["0300000702f000", "0300000802f00041"], ids=["empty", "of one byte"])
def test_parts_of_a_pdu_without_end_are_cut_off(part: str) -> None:
    async def then(secured: Secured) -> None:
        while True:
            await secured.send(bytes.fromhex(part) * 2000)

    result = hostile(only(SSL, inside_tls(then)))
    [cut] = [attempt for attempt in result.attempts if attempt.bytes_received > 60_000]
    assert cut.ending == "complete"
    assert "65536 bytes are read at most" in cut.steps[-2].what
    assert cut.bytes_received < 120_000


def test_an_rdstls_greeting_that_never_comes_is_not_waited_for() -> None:
    async def then(secured: Secured) -> None:
        await secured.receive()

    result = hostile(only(RDSTLS, inside_tls(then)), A_WHILE)
    assert result.negotiation is not None
    assert result.negotiation.protocols["RDSTLS"].state == "accepted"
    waited = [attempt for attempt in result.attempts if attempt.expected == "the server's first message"]
    assert [(attempt.ending, attempt.repeat) for attempt in waited] == [("timed_out", False), ("timed_out", True)]


# CredSSP.


def challenged(token: bytes) -> Result:
    return hostile(only(HYBRID, inside_tls(says(token))))


def test_the_unspoiled_challenge_is_read() -> None:
    result = challenged(CHALLENGE)
    assert result.credssp is not None
    assert result.credssp.ntlm is not None
    assert result.credssp.ntlm.netbios_computer == "SERVER"
    assert result.credssp.ntlm.os_build == "10.0.14393"


@pytest.mark.parametrize(
    "token",
    [b"\x30\x83\x01\x00\x01" + bytes(65537), b"\x30\x84\xff\xff\xff\xff", b"\x30\x80" + bytes(40), GARBAGE, b"\x30"],
    ids=["64 KB and one", "4 GB", "indefinite", "garbage", "cut"],
)
def test_a_broken_ts_request_leaves_the_rest(token: bytes) -> None:
    result = challenged(token)
    assert result.negotiation is not None
    assert result.negotiation.protocols["HYBRID"].state == "accepted"
    assert result.negotiation.nla == "required"
    assert result.credssp is not None
    assert (result.credssp.version, result.credssp.ntlm) == (None, None)
    assert (result.credssp.answer, result.credssp.ending) in [("malformed", "complete"), (None, "closed")]


def spoiled(at: int, value: str) -> bytes:
    """The challenge with other bytes at an offset of the NTLM message, [MS-NLMP] 2.2.1.2."""
    start = CHALLENGE.index(b"NTLMSSP\0") + at
    new = bytes.fromhex(value)
    return CHALLENGE[:start] + new + CHALLENGE[start + len(new) :]


@pytest.mark.parametrize(
    "token",
    [
        spoiled(16, "ffffffff"),  # TargetName's offset
        spoiled(44, "f0ffff7f"),  # TargetInfo's
        spoiled(40, "ffffffff"),  # its length
        spoiled(44, "00000000"),  # over the header
        spoiled(8, "09000000"),  # another message type
    ],
)
def test_a_challenge_whose_offsets_lie_leaves_the_version(token: bytes) -> None:
    result = challenged(token)
    assert result.credssp is not None
    assert result.credssp.version == 4
    assert result.credssp.ntlm is None or result.credssp.ntlm.netbios_computer is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("1b005b0032004a0007000000", "\x1b[2J\x07\x00"),
        ("00d800dc00d841004100dd00", "\U00010000"),
        ("2e202e200d000a0009000d00", "\u202e\u202e\r\n\t\r"),
    ],
    ids=["an escape sequence", "halves of surrogates", "line ends"],
)
def test_names_are_kept_as_data(name: str, shown: str) -> None:
    at = CHALLENGE.index("SERVER".encode("utf-16-le")) - CHALLENGE.index(b"NTLMSSP\0")
    result = challenged(spoiled(at, name))
    assert result.credssp is not None
    assert result.credssp.ntlm is not None
    computer = result.credssp.ntlm.netbios_computer
    assert computer is not None
    assert computer.startswith(shown)
    assert b"\x1b" not in to_json(result)
