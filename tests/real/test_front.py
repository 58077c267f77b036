"""The front answers as a server does that has TLS and nothing else, and is no more than a line to what is behind it."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import trio
import trio.testing

from probe.errors import InvalidField
from probe.handshake.client_hello import client_hello, usual_offer
from probe.wire import nego, x224
from probe.wire.nego import FailureCode, Protocol
from probe.wire.tls_version import TLS12
from tests.real import front
from tests.real.front import X224Front
from tests.real.process import Launcher, Server, until
from tests.real.test_harness import LIMIT_S, connect, negotiate
from tests.real.tls_backends import OpensslServer

SSL = Protocol.SSL


class Scripted(Launcher):
    """A server of a few lines that does one thing to each connection, one after the other."""

    SERVER = """
import socket, struct, sys
listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
def read(connection):
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return b"reset"
def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
while True:
    connection, _ = listener.accept()
"""

    def __init__(self, *lines: str) -> None:
        self.lines = lines

    def arrange(self, directory: Path, endpoint: tuple[str, int], stack: ExitStack) -> Server:
        script = self.SERVER + "".join(f"    {line}\n" for line in self.lines)
        argv = [sys.executable, "-c", script, endpoint[0], str(endpoint[1])]
        return Server(argv, endpoint, directory, {})


UNTIL_THE_END = 'while data := read(connection): print(data, flush=True)\n    print("over", flush=True)'
ECHO = "while data := connection.recv(65536): connection.sendall(data)\n    connection.close()"


@pytest.mark.parametrize("requested", [None, Protocol.RDP, Protocol.HYBRID, Protocol.RDSTLS])
def test_the_front_requires_tls(requested: Protocol | None) -> None:
    with X224Front(Scripted(ECHO)) as server, connect(server) as connection:
        assert negotiate(connection, requested) is FailureCode.SSL_REQUIRED_BY_SERVER
        assert connection.recv(1) == b""


@pytest.mark.parametrize("requested", [SSL, SSL | Protocol.HYBRID, Protocol(0x1F)])
def test_the_front_selects_tls_and_relays_both_ways(requested: Protocol) -> None:
    much = os.urandom(1_000_000)
    with X224Front(Scripted(ECHO)) as server, connect(server) as connection:
        assert negotiate(connection, requested) is SSL
        for piece in (b"a", b"bc", much):
            connection.sendall(piece)
            assert read_exactly(connection, len(piece)) == piece
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def read_exactly(connection: socket.socket, size: int) -> bytes:
    read = bytearray()
    while len(read) < size and (data := connection.recv(65536)):
        read += data
    return bytes(read)


def request() -> bytes:
    variable = nego.RequestData(negotiation=nego.NegotiationRequest(protocols=SSL)).write()
    return x224.write_packet(x224.ConnectionRequest(variable=variable))


def test_what_comes_with_the_request_is_relayed_and_a_request_may_come_in_pieces() -> None:
    with X224Front(Scripted(ECHO)) as server:
        with connect(server) as connection:
            connection.sendall(request() + b"at once")
            assert read_exactly(connection, 19 + 7).endswith(b"at once")
        with connect(server) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in request():
                connection.sendall(bytes([byte]))
            assert len(read_exactly(connection, 19)) == 19


def test_every_connection_is_counted_also_those_that_say_nothing_of_rdp() -> None:
    with X224Front(Scripted(ECHO)) as server:
        assert server.connections == 0
        for sent in (request(), b"GET / HTTP/1.0\r\n\r\n", x224.write_packet(x224.Data(user_data=b""))):
            with connect(server) as connection:
                connection.sendall(sent)
                connection.recv(1)
        assert server.connections == 3
        with connect(server), connect(server):
            assert until(lambda: server.connections == 5, LIMIT_S)


def test_an_end_reaches_the_other_side() -> None:
    with X224Front(Scripted(UNTIL_THE_END, "connection.close()")) as server, connect(server) as connection:
        negotiate(connection, SSL)
        connection.sendall(b"last words")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
        assert until(lambda: server.backend.log == "b'last words'\nover\n", LIMIT_S)


def test_a_reset_by_the_server_reaches_the_client_behind_what_came_before() -> None:
    said_first = 'read(connection); connection.sendall(b"alert"); read(connection); reset(connection)'
    with X224Front(Scripted(said_first), delay_s=0.01) as server, connect(server) as connection:
        negotiate(connection, SSL)
        connection.sendall(b"hello")
        assert connection.recv(100) == b"alert"
        connection.sendall(b"more")
        with pytest.raises(ConnectionResetError):
            connection.recv(100)


def test_a_reset_by_the_client_reaches_the_server() -> None:
    with X224Front(Scripted("print(read(connection), flush=True)", "print(read(connection), flush=True)")) as server:
        connection = connect(server)
        negotiate(connection, SSL)
        connection.sendall(b"hello")
        assert until(lambda: server.backend.log == "b'hello'\n", LIMIT_S)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        assert until(lambda: server.backend.log == "b'hello'\nb'reset'\n", LIMIT_S)


def test_a_server_that_is_gone_looks_like_a_close() -> None:
    with X224Front(Scripted(ECHO)) as server:
        server.backend.stop()
        with connect(server) as connection:
            negotiate(connection, SSL)
            assert connection.recv(1) == b""
        with connect(server) as connection:
            assert negotiate(connection, None) is FailureCode.SSL_REQUIRED_BY_SERVER


def test_workers_serve_at_once_what_one_would_serve_one_after_the_other() -> None:
    with X224Front(OpensslServer(), workers=2) as server:
        assert len(server.backends) == 2
        with connect(server) as idle, connect(server) as connection:
            negotiate(idle, SSL)  # s_server waits for its hello
            negotiate(connection, SSL)
            connection.sendall(client_hello(usual_offer(TLS12), os.urandom, None))
            assert connection.recv(1) == b"\x16"


def test_workers_have_one_certificate() -> None:
    with X224Front(OpensslServer(), workers=3) as server:
        found = {peer_certificate(server) for _ in range(3)}
        with connect(server) as idle, connect(server) as another:
            negotiate(idle, SSL)
            negotiate(another, SSL)
            found.add(peer_certificate(server))
        assert len(found) == 1


def peer_certificate(server: Server) -> bytes | None:
    with connect(server) as connection:
        assert negotiate(connection, SSL) is SSL
        with tls_context().wrap_socket(connection) as tls:
            return tls.getpeercert(binary_form=True)


def tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_waits_for_more_inside_tls_is_told_of_an_end(newest: ssl.TLSVersion) -> None:
    context = tls_context()
    context.maximum_version = newest
    with X224Front(OpensslServer()) as server, connect(server) as connection:
        assert negotiate(connection, SSL) is SSL
        with context.wrap_socket(connection) as tls:
            tls.sendall(b"an MCS Connect Initial, for all that openssl knows")
            assert tls.recv(1) == b""


def test_what_a_server_answers_inside_tls_is_relayed() -> None:
    with X224Front(OpensslServer()) as server, connect(server) as connection:
        assert negotiate(connection, SSL) is SSL
        with tls_context().wrap_socket(connection) as tls:
            tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert tls.recv(100).startswith(b"HTTP/1.0 200 ok")


def test_replies_are_held_back_and_what_the_client_sends_is_not() -> None:
    with X224Front(Scripted(UNTIL_THE_END), delay_s=60.0) as server, connect(server) as connection:
        connection.sendall(request() + b"at once")
        assert until(lambda: server.backend.log == "b'at once'\n", LIMIT_S)
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            connection.recv(1)


class _Client:
    """Notes when pieces arrive."""

    def __init__(self) -> None:
        self.arrived: list[tuple[float, bytes]] = []

    async def send_all(self, piece: bytes) -> None:
        self.arrived.append((trio.current_time(), piece))

    async def send_eof(self) -> None:
        self.arrived.append((trio.current_time(), b""))


def test_pieces_on_the_way_do_not_wait_for_each_other() -> None:
    client = _Client()

    async def play() -> None:
        began = trio.current_time()
        connection = front._Connection(client, 0.05)  # type: ignore[arg-type]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.deliver)
            for at, piece in ((0.0, b"first"), (0.01, b"second"), (0.06, b"third"), (0.06, b"")):
                await trio.sleep_until(began + at)
                connection.reply(piece)
        client.arrived = [(round(at - began, 6), piece) for at, piece in client.arrived]

    trio.run(play, clock=trio.testing.MockClock(autojump_threshold=0))
    assert client.arrived == [(0.05, b"first"), (0.06, b"second"), (0.11, b"third"), (0.11, b"")]


def test_an_answer_is_made_to_a_connection_request_alone() -> None:
    assert front.answer(x224.write_packet(x224.Data(user_data=b"x"))) == (False, b"")
    with pytest.raises(InvalidField):
        front.answer(b"\x02\0\0\x08\x03\xe0\0\0")
