"""The embedded servers, spoken to by small clients over real sockets.

Requests and expected answers are literal bytes: they were exchanged with the real servers that the kinds are modeled
on, or stand in the specification; the servers' own writers are not asked.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import struct
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
import trio
import trio.testing
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.drive import demo, demo_server
from probe.errors import InputError
from tests.drive import demo_bytes as said

T = TypeVar("T")
RDP, SSL, HYBRID, RDSTLS, HYBRID_EX, RDSAAD = 0, 1, 2, 4, 8, 16
ULTIMATUM = "0300000902f0802180"
BARE = "0300000b06d00000123400"
PATIENCE_S = 20.0  # a stuck test fails; none is slow


def speak(kind: str, client: Callable[[trio.SocketStream], Awaitable[T]]) -> T:
    """Run a client against one server of that kind, and give what it returns."""

    async def main() -> T:
        with trio.fail_after(PATIENCE_S):
            async with demo.serving([kind]) as [server]:
                stream = await trio.open_tcp_stream(server.address, server.port)
                async with stream:
                    return await client(stream)

    return trio.run(main)


async def exactly(stream: trio.abc.ReceiveStream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = await stream.receive_some(size - len(data))
        assert more, f"closed after {data.hex()}"
        data += more
    return data


async def packet(stream: trio.abc.ReceiveStream) -> bytes:
    head = await exactly(stream, 4)
    return head + await exactly(stream, int.from_bytes(head[2:], "big") - 4)


async def until_closed(stream: trio.abc.ReceiveStream) -> bytes:
    data = b""
    async for more in stream:
        data += more
    return data


def request(protocols: int | None, flags: int = 0) -> bytes:
    if protocols is None:
        return bytes.fromhex("0300000b06e00000000000")
    return bytes.fromhex("030000130ee000000000000100080003000000")[:12] + struct.pack("<BHI", flags, 8, protocols)


def response(selected: int, flags: int) -> str:
    return f"030000130ed000001234000 2{flags:02x}0800{selected:02x}000000".replace(" ", "")


def failure(code: int) -> str:
    return f"030000130ed0000012340003000800{code:02x}000000"


NLA, OPEN, XRDP = "windows-nla", "windows-no-nla", "xrdp-like"
CONFIRMS = [
    *((NLA, asked, response(HYBRID, 0x1F)) for asked in (2, 3, 7)),
    *((NLA, asked, response(HYBRID_EX, 0x1F)) for asked in (8, 0x0A, 0x0B, 0x1F)),
    *((NLA, asked, response(RDSTLS, 0x1F)) for asked in (4, 5)),
    *((NLA, asked, failure(5)) for asked in (RDP, SSL, RDSAAD)),
    (NLA, None, BARE),
    *((OPEN, asked, response(asked, 0x0F)) for asked in (RDP, SSL, HYBRID, HYBRID_EX)),
    (OPEN, 0x0B, response(HYBRID_EX, 0x0F)),
    (OPEN, RDSTLS, response(RDP, 0x0F)),
    (OPEN, None, BARE),
    *((XRDP, asked, response(RDP, 0x01)) for asked in (0, 2, 4, 8)),
    *((XRDP, asked, response(SSL, 0x01)) for asked in (1, 3, 5, 0x0B)),
    (XRDP, None, BARE),
    *(("xp-like", asked, BARE) for asked in (None, 0, 1, 3, 0x1F)),
    ("tls10-only", 3, response(SSL, 0x01)),
    ("tls10-only", 0, failure(1)),
    ("expired-certificate", 1, response(SSL, 0x01)),
    ("expired-certificate", 2, failure(1)),
    ("drops-client-hello", 0x0B, response(SSL, 0x01)),
]


@pytest.mark.parametrize(("kind", "asked", "answer"), CONFIRMS)
def test_a_request_is_answered_to_the_byte(kind: str, asked: int | None, answer: str) -> None:
    async def client(stream: trio.SocketStream) -> str:
        await stream.send_all(request(asked))
        return (await packet(stream)).hex()

    assert speak(kind, client) == answer


@pytest.mark.parametrize(
    ("kind", "sent", "answer"),
    [
        (NLA, request(SSL), failure(5)),
        (XRDP, request(0x0F), ULTIMATUM),
        (XRDP, request(RDSAAD), ULTIMATUM),
        (XRDP, request(3, flags=2), ULTIMATUM),
        (XRDP, bytes.fromhex("0300000702f080"), ULTIMATUM),  # a DT in place of the CR
        (XRDP, b"GET / HTTP/1.1\r\n\r\n", ULTIMATUM),
        (NLA, b"GET / HTTP/1.1\r\n\r\n", ""),
        (NLA, request(None) + said.CONNECT_INITIAL, BARE),
        ("xrdp-missing-key", request(SSL), failure(3) + ULTIMATUM),
        ("xrdp-missing-key", request(RDP), failure(3) + ULTIMATUM),
        ("xrdp-missing-key", request(None), BARE + ULTIMATUM),
        ("xrdp-missing-key", request(RDSAAD), ULTIMATUM),
    ],
)
def test_what_is_refused_is_closed_after_these_bytes(kind: str, sent: bytes, answer: str) -> None:
    async def client(stream: trio.SocketStream) -> str:
        await stream.send_all(sent)
        return (await until_closed(stream)).hex()

    assert speak(kind, client) == answer


def test_a_request_may_come_byte_by_byte() -> None:
    async def client(stream: trio.SocketStream) -> str:
        for byte in request(3):
            await stream.send_all(bytes([byte]))
        return (await packet(stream)).hex()

    assert speak(NLA, client) == response(HYBRID, 0x1F)


# --- TLS and what is inside it ---


def tls_context(version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


async def secured(
    stream: trio.SocketStream, asked: int, version: ssl.TLSVersion | None = None
) -> trio.SSLStream[trio.SocketStream]:
    await stream.send_all(request(asked))
    await packet(stream)
    tls = trio.SSLStream(stream, tls_context(version))
    await tls.do_handshake()
    return tls


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_nla_answers_an_ntlm_negotiate_with_its_names_and_clock(version: ssl.TLSVersion) -> None:
    async def client(stream: trio.SocketStream) -> bytes:
        tls = await secured(stream, 0x0B, version)
        await tls.send_all(said.NTLM_NEGOTIATE)
        return bytes(await tls.receive_some(4096))

    answer = speak(NLA, client)
    challenge = answer[answer.index(b"NTLMSSP\0") :]
    assert answer[4:9] == bytes.fromhex("a003020106") or answer[3:8] == bytes.fromhex("a003020106")
    assert b"\xa5\x22\x04\x20" not in answer, "Windows sends no clientNonce"
    assert challenge[8:12] == bytes([2, 0, 0, 0])
    assert challenge[48:56] == bytes.fromhex("0a007c4f0000000f")
    assert said.av_pairs(challenge) | {7: b""} == {
        1: "SRV1".encode("utf-16-le"),
        2: "CORP".encode("utf-16-le"),
        3: "srv1.corp.example".encode("utf-16-le"),
        4: "corp.example".encode("utf-16-le"),
        5: "corp.example".encode("utf-16-le"),
        7: b"",
    }
    clock = datetime(1601, 1, 1, tzinfo=UTC) + timedelta(
        microseconds=int.from_bytes(said.av_pairs(challenge)[7], "little") // 10
    )
    assert abs(datetime.now(UTC) - clock) < timedelta(minutes=1)


def test_whoever_goes_on_after_the_challenge_is_refused_by_status() -> None:
    async def client(stream: trio.SocketStream) -> bytes:
        tls = await secured(stream, 2)
        await tls.send_all(said.NTLM_NEGOTIATE)
        await tls.receive_some(4096)
        await tls.send_all(said.SPNEGO_KERBEROS)
        return await until_closed(tls)

    assert bytes.fromhex("80090308") in speak(NLA, client)


def test_rdstls_speaks_first() -> None:
    async def client(stream: trio.SocketStream) -> str:
        return (await (await secured(stream, 5)).receive_some(4096)).hex()

    assert speak(NLA, client) == "0100010001000100"


def test_what_is_no_ts_request_ends_the_conversation() -> None:
    async def client(stream: trio.SocketStream) -> bytes:
        tls = await secured(stream, 2)
        await tls.send_all(said.CONNECT_INITIAL)
        return await until_closed(tls)  # raises where close_notify is missing

    assert speak(NLA, client) == b""


@pytest.mark.parametrize("asked", [SSL, HYBRID, RDSTLS])
def test_garbage_inside_tls_ends_the_conversation_with_an_alert(asked: int) -> None:
    async def client(stream: trio.SocketStream) -> bytes:
        await secured(stream, asked, ssl.TLSVersion.TLSv1_2)
        await stream.send_all(b"\x17\x03\x03\x00\x20" + bytes(32))
        return await until_closed(stream)

    assert b"\x15\x03\x03" in speak(OPEN if asked == SSL else NLA, client)


def test_inside_tls_the_settings_exchange_shows_the_version_and_no_encryption() -> None:
    async def client(stream: trio.SocketStream) -> bytes:
        tls = await secured(stream, SSL)
        await tls.send_all(said.CONNECT_INITIAL)
        return await packet(tls)

    answer = speak(XRDP, client)
    assert bytes.fromhex("010c0c000400080001000000") in answer
    assert bytes.fromhex("020c0c000000000000000000") in answer


def test_tls_1_0_alone_is_spoken() -> None:
    async def client(stream: trio.SocketStream) -> bytes:
        await stream.send_all(request(SSL))
        await packet(stream)
        await stream.send_all(said.hello(0x0301))
        return await exactly(stream, 11)

    answer = speak("tls10-only", client)
    assert (answer[:3], answer[5], answer[9:11]) == (b"\x16\x03\x01", 2, b"\x03\x01")


def test_a_current_client_is_refused_by_a_server_of_tls_1_0() -> None:
    context, incoming, outgoing = tls_context(None), ssl.MemoryBIO(), ssl.MemoryBIO()
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # not every Python's default
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()

    async def client(stream: trio.SocketStream) -> bytes:
        await stream.send_all(request(SSL))
        await packet(stream)
        await stream.send_all(outgoing.read())
        return await exactly(stream, 7)

    answer = speak("tls10-only", client)
    assert (answer[0], answer[5:7]) == (0x15, bytes([2, 70])), "a fatal alert protocol_version"


def test_xrdp_says_goodbye_in_clear_after_an_alert() -> None:
    async def client(stream: trio.SocketStream) -> str:
        await stream.send_all(request(SSL))
        await packet(stream)
        await stream.send_all(said.hello(0x0301))
        return (await until_closed(stream)).hex()

    assert speak(XRDP, client) == "15030100020246" + ULTIMATUM


@pytest.mark.parametrize(("kind", "days"), [("expired-certificate", -30), (NLA, 170)])
def test_certificates_end_when_they_should(kind: str, days: int) -> None:
    async def client(stream: trio.SocketStream) -> bytes:
        der = (await secured(stream, 3)).getpeercert(binary_form=True)
        assert isinstance(der, bytes)
        return der

    der = speak(kind, client)
    certificate = x509.load_der_x509_certificate(der)
    assert certificate.issuer == certificate.subject
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=days, hours=-12) < left <= timedelta(days=days)  # made once, when first a test served it


def test_a_dropped_hello_is_a_reset() -> None:
    async def client(stream: trio.SocketStream) -> BaseException | None:
        await stream.send_all(request(SSL))
        await packet(stream)
        await stream.send_all(said.hello(0x0303))
        with pytest.raises(trio.BrokenResourceError) as broken:
            await stream.receive_some()
        return broken.value.__cause__

    assert isinstance(speak("drops-client-hello", client), ConnectionResetError)


# --- Standard RDP Security ---

METHODS = {"40": 1, "128": 2, "56": 8, "FIPS": 0x10}


def settings_of(kind: str, offered: int, asked: int | None = RDP) -> bytes:
    """The SC_SECURITY block that a server answers, or nothing where it closes."""

    async def client(stream: trio.SocketStream) -> bytes:
        await stream.send_all(request(asked))
        await packet(stream)
        await stream.send_all(said.connect_initial(offered))
        if not (first := await stream.receive_some(1)):
            return b""
        head = first + await exactly(stream, 3)
        body = await exactly(stream, int.from_bytes(head[2:], "big") - 4)
        start = body.index(
            bytes.fromhex("000500147c00012a14760a01010001c0004d63446e")
        )  # as real servers, wrong length too
        return body[start:]

    return speak(kind, client)


@pytest.mark.parametrize(
    ("kind", "offered", "method", "level"),
    [
        *((OPEN, method, method, 2) for method in METHODS.values()),
        (OPEN, 0x1B, 2, 2),
        (OPEN, 9, 8, 2),
        (XRDP, 1, 2, 3),
        (XRDP, 0, 2, 3),
        ("xp-like", 0x1B, 2, 2),
        ("xp-like", 1, 1, 2),
    ],
)
def test_the_method_and_level_of_each_offer(kind: str, offered: int, method: int, level: int) -> None:
    blocks = settings_of(kind, offered)
    start = blocks.index(bytes.fromhex("020c"), blocks.index(bytes.fromhex("010c")))
    assert struct.unpack_from("<II", blocks, start + 4) == (method, level)


@pytest.mark.parametrize(("kind", "offered"), [("xp-like", 0x10), (OPEN, 0), (OPEN, 0x20)])
def test_no_common_method_is_a_close(kind: str, offered: int) -> None:
    assert settings_of(kind, offered) == b""


@pytest.mark.parametrize(("kind", "bits"), [(OPEN, 2048), (XRDP, 2048), ("xp-like", 512)])
def test_the_proprietary_certificate_verifies_by_the_published_key(kind: str, bits: int) -> None:
    blocks = settings_of(kind, 0x1B)
    certificate = blocks[blocks.index(bytes.fromhex("01000000010000000100000006005c")[:12] + b"\x06\x00") :]
    blob = int.from_bytes(certificate[14:16], "little")
    assert (certificate[16:20], struct.unpack_from("<I", certificate, 24)) == (b"RSA1", (bits,))
    signature = certificate[20 + blob : 20 + blob + 64]
    opened = pow(int.from_bytes(signature, "little"), said.SIGNING_EXPONENT, said.SIGNING_MODULUS)
    digest = hashlib.md5(certificate[: 16 + blob]).digest()
    assert opened.to_bytes(64, "little") == digest + b"\0" + b"\xff" * 45 + b"\x01" + b"\0"


@pytest.mark.parametrize(
    ("kind", "asked", "core"),
    [
        ("xp-like", 3, "010c080004000800"),
        (XRDP, 8, "010c0c000400080008000000"),
        (XRDP, None, "010c0c000400080000000000"),
        (OPEN, RDSTLS, "010c1000040008000400000003000000"),
        (OPEN, None, "010c1000040008000000000003000000"),
    ],
)
def test_the_core_block_echoes_what_was_requested(kind: str, asked: int | None, core: str) -> None:
    assert bytes.fromhex(core) in settings_of(kind, 0x1B, asked)


# --- What is not RDP ---


def test_a_web_server_answers_in_its_own_language() -> None:
    async def client(stream: trio.SocketStream) -> bytes:
        await stream.send_all(request(3))
        return await until_closed(stream)

    head, _, page = speak("http", client).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 400 Bad Request"
    assert any(line.startswith(b"Server: ") for line in lines)
    assert b"Content-Length: %d" % len(page) in lines


def test_an_ssh_server_speaks_first() -> None:
    async def client(stream: trio.SocketStream) -> tuple[bytes, bytes]:
        banner = await stream.receive_some()
        await stream.send_all(request(3))
        return banner, await until_closed(stream)

    banner, rest = speak("ssh", client)
    assert banner.startswith(b"SSH-2.0-")
    assert rest == b"Invalid SSH identification string.\r\n"


def in_memory(kind: demo.Kind, sent: bytes, delay: float = 0.0) -> list[tuple[float, bytes]]:
    """What a server says to `sent`, and when, on a clock of its own, until it closes."""

    async def main() -> list[tuple[float, bytes]]:
        near, far = trio.testing.memory_stream_pair()
        handle = demo_server.handler(kind.behavior, delay=delay, lifetime_s=kind.lifetime_s)
        begun = trio.current_time()
        heard = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(handle, far)
            await near.send_all(sent)
            heard.extend([(trio.current_time() - begun, bytes(data)) async for data in near])
            heard.append((trio.current_time() - begun, b""))
            nursery.cancel_scope.cancel()
        return heard

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_silent_server_is_silent_for_as_long_as_anyone_waits() -> None:
    assert in_memory(demo.KINDS["silent"], request(3)) == [(demo_server.ENDLESS_S, b"")]


def test_a_tarpit_gives_one_byte_a_second() -> None:
    heard = in_memory(demo.KINDS["tarpit"], request(3))
    assert [at for at, _ in heard[:4]] == [0.0, 1.0, 2.0, 3.0]
    assert b"".join(data for _, data in heard[:4]) == bytes.fromhex("0300ffff")
    assert all(len(data) == 1 for _, data in heard[:-1])
    assert heard[-1][0] >= demo_server.ENDLESS_S


def test_every_reply_is_late_by_the_delay() -> None:
    heard = in_memory(demo.KINDS["xrdp-missing-key"], request(SSL), delay=2.5)
    assert heard == [(2.5, bytes.fromhex(failure(3) + ULTIMATUM)), (2.5, b"")]


def test_a_client_that_says_nothing_is_closed_on() -> None:
    assert in_memory(demo.KINDS[NLA], b"") == [(demo_server.LIFETIME_S, b"")]


def test_a_client_that_never_stops_talking_is_closed_on() -> None:
    [(at, nothing)] = in_memory(demo.KINDS["silent"], bytes(200_000))
    assert (at, nothing) == (0.0, b"")


# --- Starting, stopping, and clients that misbehave ---


def test_the_kinds_can_be_told_apart() -> None:
    assert len({kind.title for kind in demo.KINDS.values()}) == len(demo.KINDS)
    assert all(kind.expects and all(code.isupper() for code in kind.expects) for kind in demo.KINDS.values())


def test_every_kind_has_an_address_of_its_own_and_all_stop() -> None:
    async def main() -> None:
        async with demo.serving() as servers:
            assert [server.name for server in servers] == list(demo.KINDS)
            assert len({(server.address, server.port) for server in servers}) == len(servers)
            assert all(server.address.startswith("127.0.") for server in servers)
            idle = [await trio.open_tcp_stream(server.address, server.port) for server in servers]
        for server, stream in zip(servers, idle, strict=True):
            with pytest.raises(OSError, match="all attempts to connect"):
                await trio.open_tcp_stream(server.address, server.port)
            await trio.aclose_forcefully(stream)

    trio.run(main)


def test_many_servers_of_a_kind_share_a_port() -> None:
    async def main() -> list[demo.DemoServer]:
        async with demo.serving([XRDP, "http"], count=3) as servers:
            for server in servers:
                stream = await trio.open_tcp_stream(server.address, server.port)
                await trio.aclose_forcefully(stream)
            return servers

    servers = trio.run(main)
    assert [server.name for server in servers] == [XRDP, "http"] * 3
    assert len({server.address for server in servers}) == 6
    assert len({server.port for server in servers}) == 1


def test_an_unknown_kind_is_the_users_error() -> None:
    async def main() -> None:
        async with demo.serving(["no-such"]):
            pytest.fail("nothing may be served")

    with pytest.raises(InputError, match="no-such") as error:
        trio.run(main)
    assert XRDP in error.value.hint


def test_what_the_block_raises_comes_out_as_it_is() -> None:
    async def main() -> None:
        async with demo.serving(["http"]):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        trio.run(main)


def test_one_client_does_not_keep_another_waiting() -> None:
    async def client(stream: trio.SocketStream) -> str:
        await stream.send_all(request(3)[:5])
        host, port = stream.socket.getpeername()[:2]
        async with await trio.open_tcp_stream(host, port) as other:
            await other.send_all(request(3))
            return (await packet(other)).hex()

    assert speak(NLA, client) == response(HYBRID, 0x1F)


openings = st.sampled_from([b"", request(0), request(1), request(2), request(5), request(None)])
parts = st.sampled_from(
    [said.CONNECT_INITIAL, said.hello(0x0301), said.hello(0x0303), said.NTLM_NEGOTIATE, bytes.fromhex(ULTIMATUM)]
)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(list(demo.KINDS)),
    opening=openings,
    part=parts,
    cut=st.just(1000) | st.integers(0, 400),
    noise=st.binary(max_size=300),
)
def test_no_client_can_disturb_a_server(kind: str, opening: bytes, part: bytes, cut: int, noise: bytes) -> None:
    """A handler that raised would end the nursery, and with it the test."""
    heard = in_memory(demo.KINDS[kind], opening + part[:cut] + noise)
    assert heard[-1][1] == b""


def test_garbage_over_sockets_leaves_the_server_as_it_was() -> None:
    async def client(stream: trio.SocketStream) -> list[str]:
        host, port = stream.socket.getpeername()[:2]
        answers = []
        for junk in (b"\x16\x03\x01\x00\x05junk!", bytes(70_000), request(1) + b"\x16\x03\x01", b"\x03\x00\x00\x00"):
            async with await trio.open_tcp_stream(host, port) as bad:
                await bad.send_all(junk)
            async with await trio.open_tcp_stream(host, port) as good:
                await good.send_all(request(3))
                answers.append((await packet(good)).hex())
        return answers

    assert speak(XRDP, client) == [response(SSL, 0x01)] * 4


def test_a_process_of_its_own_serves_until_its_input_ends() -> None:
    command = [sys.executable, "-m", "probe.drive.demo", "--json", "--only", "http", "--count", "2"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        servers = json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert [server["name"] for server in servers] == ["http", "http"]
    assert {"address", "port", "title", "expects", "facts"} <= set(servers[0])
