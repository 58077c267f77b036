"""Our own event loop is late: what a server said in time counts, and one that trickles gains nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing

from probe.drive import connection
from probe.drive.connection import Traffic
from probe.drive.limits import Limits
from probe.handshake.machine import Ending
from probe.handshake.negotiation import Negotiation
from tests.drive.peers import SSL, Peer, selects, serving, until_closed

STEP_S = 1.0
LIMITS = Limits(step_s=STEP_S)
REQUEST = bytes.fromhex("030000130ee000000000000100080003000000")  # for TLS and CredSSP
ANSWER = selects(SSL)
Held = tuple[Ending, Traffic, float]


class Busy(trio.abc.Instrument):
    """At the moments that `now` finds, this machine does something else between looking at sockets and at the clock."""

    def __init__(self, clock: trio.testing.MockClock, seconds: float, now: Callable[[], bool]) -> None:
        self.clock = clock
        self.seconds = seconds
        self.now = now

    def after_io_wait(self, timeout: float) -> None:
        if self.now():
            self.clock.jump(self.seconds)


def held(peer: Peer, seconds: float = 0.0, now: Callable[[], bool] = lambda: False) -> Held:
    """How one negotiation with this peer ended, what it carried, and how many seconds it took."""
    clock = trio.testing.MockClock(autojump_threshold=0.01)
    traffic = Traffic()

    async def main() -> Held:
        async with serving(peer) as target:
            began = trio.current_time()
            trio.lowlevel.add_instrument(busy)
            ending = await connection.hold(lambda: Negotiation(REQUEST), target, traffic, LIMITS, budget=65536)
            trio.lowlevel.remove_instrument(busy)
            return ending, traffic, trio.current_time() - began

    busy = Busy(clock, seconds, now)
    return trio.run(main, clock=clock)


def jump(seconds: float) -> None:
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, trio.testing.MockClock)
    clock.jump(seconds)


async def silent(_stream: trio.SocketStream) -> None:
    await trio.sleep_forever()


def test_what_comes_with_the_deadline_begins_another_wait() -> None:
    async def peer(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)
        os.write(stream.socket.fileno(), ANSWER[:7])
        jump(2 * STEP_S)  # it is there at once, and seen when its time is long past
        await trio.sleep(STEP_S / 2)
        await stream.send_all(ANSWER[7:])
        await until_closed(stream)

    ending, traffic, _ = held(peer)
    assert (ending, traffic.received) == (Ending.COMPLETE, len(ANSWER))


def test_an_answer_that_lies_unread_at_the_deadline_is_read() -> None:
    """It comes after we looked for it and before we look at the clock."""
    asked: list[int] = []

    async def peer(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)
        asked.append(stream.socket.fileno())
        await trio.sleep_forever()

    def now() -> bool:
        if not asked:
            return False
        os.write(asked.pop(), ANSWER)
        return True

    ending, _, seconds = held(peer, 1.01 * STEP_S, now)  # not late enough to wait again
    assert ending is Ending.COMPLETE
    assert seconds == pytest.approx(1.01 * STEP_S)


def test_a_server_is_given_the_time_again_that_we_were_late() -> None:
    async def peer(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)
        jump(1.5 * STEP_S)
        await trio.sleep(0.4 * STEP_S)
        await stream.send_all(ANSWER)
        await until_closed(stream)

    ending, _, seconds = held(peer)
    assert ending is Ending.COMPLETE
    assert seconds == pytest.approx(1.9 * STEP_S)


@pytest.mark.parametrize(("late_s", "lasts_s"), [(0.0, 1.0), (0.05, 1.05), (0.5, 2.0), (5.0, 7.0)])
def test_a_silence_is_waited_for_again_once_and_no_longer_than_a_step(late_s: float, lasts_s: float) -> None:
    async def peer(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)
        jump(STEP_S + late_s)
        await trio.sleep_forever()

    ending, traffic, seconds = held(peer)
    assert (ending, traffic.received) == (Ending.TIMED_OUT, 0)
    assert seconds == pytest.approx(lasts_s * STEP_S)


def test_a_silence_that_is_always_noticed_late_ends_all_the_same() -> None:
    ending, _, seconds = held(silent, 0.7 * STEP_S, lambda: True)
    assert ending is Ending.TIMED_OUT
    assert seconds <= 4 * STEP_S


def test_an_end_that_lies_unread_is_an_end() -> None:
    asked: list[trio.SocketStream] = []

    async def peer(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)
        asked.append(stream)
        await trio.sleep_forever()

    def now() -> bool:
        if not asked:
            return False
        asked.pop().socket.shutdown(socket.SHUT_WR)
        return True

    assert held(peer, 1.01 * STEP_S, now)[0] is Ending.CLOSED


@pytest.mark.parametrize("late_s", [0.0, 0.05, 0.15, 0.5, 0.95, 1.5])
@pytest.mark.parametrize("pause_s", [0.2, 0.9])
def test_who_trickles_gains_nothing_from_a_late_loop(late_s: float, pause_s: float) -> None:
    async def peer(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)
        await stream.send_all(b"\x03\x00\xff\xff")
        while True:
            await trio.sleep(pause_s * STEP_S)
            await stream.send_all(b"\x00")

    ending, traffic, seconds = held(peer, late_s * STEP_S, lambda: late_s > 0)
    assert ending in (Ending.DEADLINE, Ending.TIMED_OUT)
    assert traffic.received < 4 + 10 / pause_s
    assert seconds <= (3 + 3) * STEP_S + 2 * late_s + 1e-6
    if not late_s:
        assert ending is Ending.DEADLINE
        assert seconds == pytest.approx(3 * STEP_S)


def test_a_connection_that_is_there_when_the_wait_is_cut_is_had() -> None:
    async def main() -> bool:
        async with serving(silent) as target:
            with trio.CancelScope() as scope:
                scope.cancel()
                with await connection.open_to(target, None) as sock:
                    return bool(sock.getpeername() == (target.host, target.port))
        return False

    assert trio.run(main)


def test_a_refusal_that_is_there_when_the_wait_is_cut_is_heard() -> None:
    async def main(open_to: Callable[..., Awaitable[socket.socket]] = connection.open_to) -> None:
        async with serving(silent) as target:
            pass
        with trio.CancelScope() as scope:
            scope.cancel()
            with pytest.raises(ConnectionRefusedError):
                await open_to(target, None)

    trio.run(main)
