"""A tap is told exactly what the other end of a connection saw."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import trio

from probe.audit.settings import Settings
from probe.drive import connection, live, opening
from probe.drive.demo_server import Secured
from probe.drive.limits import Limits
from probe.drive.tap import Place
from probe.handshake.machine import Ending, Side
from probe.result import Target
from tests.drive.outside_peers import answering, syn_ack
from tests.drive.peers import (
    BRIEF,
    ONE,
    PATIENCE_S,
    PATIENT,
    SSL,
    Peer,
    asked,
    fails,
    inside_tls,
    reset,
    selects,
    serving,
    until_closed,
)

FAILURE = fails(5)


@dataclass
class Line:
    """Keeps what it is told."""

    server: Place
    told: list[tuple[str, ...]] = field(default_factory=list)
    local: Place | None = None
    times: list[float] = field(default_factory=list)
    said: dict[Side, bytes] = field(default_factory=lambda: dict.fromkeys(Side, b""))

    def bound(self, local: Place, at: float) -> None:
        self.local = local
        self._note(at, "bound")

    def opened(self, local: Place, at: float) -> None:
        assert local == self.local
        self._note(at, "opened")

    def never_opened(self, how: Ending, at: float) -> None:
        self._note(at, "never opened", how.value)

    def carried(self, side: Side, data: bytes, at: float) -> None:
        assert type(data) is bytes
        assert data
        self.said[side] += data
        self._note(at, side.value)

    def ended(self, by: Side | None, how: Ending, at: float) -> None:
        self._note(at, "ended", by.value if by else "nobody", how.value)

    def _note(self, at: float, *what: str) -> None:
        self.told.append(what)
        self.times.append(at)


@dataclass
class Tap:
    """Keeps a line for each connection."""

    lines: list[Line] = field(default_factory=list)
    datagrams: list[tuple[Side, Place, Place, bytes]] = field(default_factory=list)
    secrets: list[bytes] = field(default_factory=list)

    def line(self, server: Place, at: float) -> Line:
        self.lines.append(Line(server))
        self.lines[-1].times.append(at)
        return self.lines[-1]

    def datagram(self, side: Side, local: Place, server: Place, data: bytes, at: float) -> None:
        assert abs(at - time.time()) < PATIENCE_S
        self.datagrams.append((side, local, server, data))

    def secret(self, line: bytes) -> None:
        self.secrets.append(line)


def looked_at(peer: Peer, settings: Settings = ONE, limits: Limits = PATIENT) -> Tap:
    """What a tap is told of the audit of a peer."""
    tap = Tap()

    async def main() -> None:
        with trio.fail_after(PATIENCE_S):
            async with serving(peer) as target:
                await live.audit(target, settings, limits, tap=tap)

    trio.run(main)
    for line in tap.lines:
        assert line.times == sorted(line.times)
        assert abs(line.times[0] - time.time()) < PATIENCE_S
    return tap


async def close(stream: trio.SocketStream) -> None:
    await stream.aclose()


async def say_nothing(_stream: trio.SocketStream) -> None:
    await trio.sleep_forever()


@pytest.mark.parametrize(
    ("end", "ending"),
    [
        (close, ("ended", "server", "closed")),
        (reset, ("ended", "server", "reset")),
        (say_nothing, ("ended", "client", "timed_out")),
    ],
)
def test_who_ended_it_and_how(end: Peer, ending: tuple[str, ...]) -> None:
    async def peer(stream: trio.SocketStream) -> None:
        await asked(stream)
        await stream.send_all(FAILURE[:7])
        await end(stream)

    [line] = looked_at(peer, limits=BRIEF).lines
    assert line.told[:3] == [("bound",), ("opened",), ("client",)]
    assert line.told[-1] == ending
    assert line.said[Side.SERVER] in (b"", FAILURE[:7])  # a reset may overtake it
    assert line.local is not None
    assert line.local[0] == line.server[0] == "127.0.0.1"


def test_our_own_close_after_everything_was_said() -> None:
    heard: list[bytes] = []

    async def peer(stream: trio.SocketStream) -> None:
        heard.append(bytes(await stream.receive_some(4096)))
        await stream.send_all(FAILURE)
        heard.append(bytes(await stream.receive_some(4096)))

    [line] = looked_at(peer).lines
    assert line.told == [("bound",), ("opened",), ("client",), ("server",), ("ended", "client", "complete")]
    assert line.said == {Side.CLIENT: heard[0], Side.SERVER: FAILURE}
    assert heard[1] == b""


def test_what_comes_behind_is_told_too() -> None:
    """It is read before closing, for the kernel to send no reset; it went over the wire as well."""

    async def peer(stream: trio.SocketStream) -> None:
        await asked(stream)
        await stream.send_all(FAILURE + b"more")
        await stream.send_eof()
        await stream.receive_some(4096)

    [line] = looked_at(peer).lines
    assert line.said[Side.SERVER] == FAILURE + b"more"
    assert line.told[-1][0] == "ended"


def test_bytes_that_are_left_unread_are_a_reset_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_LAST_READS", 1)
    monkeypatch.setattr(connection, "_CHUNK", len(FAILURE))

    async def peer(stream: trio.SocketStream) -> None:
        await asked(stream)
        await stream.send_all(FAILURE * 9)
        await until_closed(stream)

    [line] = looked_at(peer).lines
    assert line.told[-1] == ("ended", "client", "reset")


@pytest.mark.parametrize(
    ("number", "how"),
    [(errno.ECONNREFUSED, "refused"), (errno.EHOSTUNREACH, "unreachable"), (errno.ETIMEDOUT, "filtered")],
)
def test_what_never_opened(number: int, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails_to(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(opening, "_connect", fails_to)
    tap = Tap()
    trio.run(live.audit, Target(input="", host="127.0.0.1", port=9), ONE, PATIENT, None, tap)
    assert [line.told for line in tap.lines] == [[("never opened", how)]] * len(tap.lines)
    assert tap.lines


def test_a_refusal_has_its_syn() -> None:
    tap = Tap()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        trio.run(live.audit, Target(input="", host="127.0.0.1", port=port), ONE, PATIENT, None, tap)
    [line] = tap.lines
    assert line.told == [("bound",), ("never opened", "refused")]
    assert line.server == ("127.0.0.1", port)
    assert line.local is not None
    assert line.local[0] == "127.0.0.1"
    assert line.local[1] > 0


def test_silence_to_a_syn_is_a_syn_that_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    async def waits(sock: socket.socket, _address: object, begun: Callable[[socket.socket], None] | None) -> None:
        assert begun is not None
        sock.bind(("127.0.0.1", 0))
        begun(sock)
        await trio.sleep_forever()

    monkeypatch.setattr(opening, "_connect", waits)
    tap = Tap()
    trio.run(live.audit, Target(input="", host="127.0.0.1", port=9), ONE, BRIEF, None, tap)
    assert [line.told for line in tap.lines] == [[("bound",), ("never opened", "filtered")]] * len(tap.lines)


def test_datagrams_of_rdp_udp() -> None:
    tap, heard = Tap(), list[bytes]()

    async def main() -> None:
        async with answering(syn_ack, heard) as target:
            await live.audit(target, Settings(max_connections=1, udp=True), BRIEF, tap=tap)

    trio.run(main)
    (side, local, server, data), (other, *_, answer) = tap.datagrams
    assert (side, other) == (Side.CLIENT, Side.SERVER)
    assert data == heard[0]
    assert answer == syn_ack(heard[0])[0]
    assert local[0] == server[0] == "127.0.0.1"


def test_the_secrets_of_a_complete_handshake_are_told() -> None:
    async def inside(_secured: Secured) -> None:
        return

    async def peer(stream: trio.SocketStream) -> None:
        await asked(stream)
        await stream.send_all(selects(SSL))
        await inside_tls(inside)(stream)

    tap = looked_at(peer)
    labels = {line.split()[0] for line in tap.secrets}
    assert b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" in labels
