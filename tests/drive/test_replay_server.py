"""A captured server on loopback: what real sockets of a client meet."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
import trio
import trio.testing

from probe.capture.connection import Connection, Endpoint, HowItEnded, Piece
from probe.capture.script import Script, script_of
from probe.drive.in_thread import held_open
from probe.drive.replay_server import ReplayServer, Served, replaying
from probe.handshake.machine import Side
from tests.conversations import ASK_RDP, ASK_SSL, XRDP_REQUIRES_TLS, XRDP_SELECTS_SSL, C, S

_ASKS, _CONFIRMS = ASK_SSL[1], XRDP_SELECTS_SSL.said[1][1]


def _script(
    *said: tuple[Side, bytes], ending: HowItEnded = "closed", ended_by: Side | None = S, stream: int = 0
) -> Script:
    return script_of(
        Connection(
            stream=stream,
            client=Endpoint("192.0.2.9", 51234),
            server=Endpoint("192.0.2.7", 3389),
            pieces=[Piece(side, data, 5.0 * at, at + 1) for at, (side, data) in enumerate(said)],
            first_packet=1,
            last_packet=9,
            packets=9,
            started=0.0,
            ended=60.0,
            ending=ending,
            ended_by=ended_by,
        )
    )


@contextmanager
def _serving(*scripts: Script) -> Iterator[ReplayServer]:
    with held_open(partial(replaying, scripts)) as server:
        yield server


def _client(server: ReplayServer) -> socket.socket:
    return socket.create_connection((server.address, server.port), timeout=10)


def test_a_client_meets_the_captured_bytes_and_the_captured_end() -> None:
    with _serving(_script((C, _ASKS), (S, _CONFIRMS))) as server, _client(server) as client:
        assert server.target == f"127.0.0.1:{server.port}"
        client.sendall(_ASKS)
        assert client.recv(100) == _CONFIRMS
        assert client.recv(100) == b""
        [served] = server.served
        assert served == Served(client.getsockname(), 0, differs=False, sent=19, received=19, finished=True)


def test_a_captured_reset_is_a_reset() -> None:
    with _serving(_script((C, _ASKS), ending="reset")) as server, _client(server) as client:
        client.sendall(_ASKS)
        with pytest.raises(ConnectionResetError):
            client.recv(100)


@pytest.mark.parametrize("ended_by", [Side.CLIENT, None])
def test_what_the_server_did_not_end_is_open_until_the_client_ends_it(ended_by: Side | None) -> None:
    with _serving(_script((C, _ASKS), (S, _CONFIRMS), ended_by=ended_by)) as server, _client(server) as client:
        client.sendall(_ASKS)
        assert client.recv(100) == _CONFIRMS
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(100)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(10)
        assert client.recv(100) == b""


def test_a_client_that_leaves_early_ends_only_its_own_conversation() -> None:
    with _serving(_script((C, _ASKS), (S, _CONFIRMS))) as server:
        with _client(server) as client:
            client.sendall(_ASKS[:5])
        with _client(server) as client:
            client.sendall(_ASKS)
            assert client.recv(100) == _CONFIRMS


def test_connections_that_asked_the_same_are_played_in_turn() -> None:
    scripts = [_script((C, _ASKS), (S, answer), stream=stream) for stream, answer in enumerate((b"one", b"two"))]
    with _serving(*scripts) as server:
        answers = []
        for _ in range(3):
            with _client(server) as client:
                client.sendall(_ASKS)
                answers.append(client.recv(100))
                assert client.recv(100) == b""
        assert answers == [b"one", b"two", b"one"]
        assert [served.stream for served in server.served] == [0, 1, 0]


def test_two_clients_at_once_do_not_disturb_each_other() -> None:
    refuses = _script((C, ASK_RDP[1]), (S, XRDP_REQUIRES_TLS.said[1][1]), stream=1)
    with (
        _serving(_script((C, _ASKS), (S, _CONFIRMS)), refuses) as server,
        _client(server) as one,
        _client(server) as other,
    ):
        one.sendall(_ASKS[:9])
        other.sendall(ASK_RDP[1])
        assert other.recv(100) == XRDP_REQUIRES_TLS.said[1][1]
        one.sendall(_ASKS[9:])
        assert one.recv(100) == _CONFIRMS


def test_with_timing_an_answer_is_as_late_as_it_was() -> None:
    """In the capture each piece came 5 s after the one before."""

    async def ask() -> float:
        script = _script((S, b"one"), (S, b"two"), (S, b"three"))
        async with replaying([script], timing=True) as server:
            async with await trio.open_tcp_stream(server.address, server.port) as stream:
                heard = b"".join([bytes(chunk) async for chunk in stream])
            assert heard == b"onetwothree"
            return trio.current_time()

    clock = trio.testing.MockClock(autojump_threshold=0.2)
    began = clock.current_time()
    assert trio.run(ask, clock=clock) - began == pytest.approx(10.0, abs=0.5)


def test_what_cannot_be_entered_is_raised_where_it_was_wanted() -> None:
    with _serving(_script((S, b"x"))) as server:
        taken = partial(replaying, [_script((S, b"x"))], port=server.port)
        with pytest.raises(OSError, match="in use"), held_open(taken):
            pass
    assert "rdp-probe servers" not in {thread.name for thread in threading.enumerate()}
