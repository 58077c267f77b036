"""The live driver on real sockets, and its scheduling on a clock of its own."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
import trio
import trio.testing

from probe.audit.attempt import Question
from probe.audit.settings import Settings
from probe.drive import connection, demo_server, live
from probe.drive.demo_replies import Profile
from probe.drive.limits import Limits
from probe.errors import Unavailable
from probe.handshake.machine import Ending, Side
from probe.handshake.negotiation import Negotiation
from probe.result import Result, Step, Target
from probe.wire.nego import FailureCode, Protocol
from tests import conversations as written
from tests.drive.peers import (
    BRIEF,
    ONE,
    PATIENCE_S,
    PATIENT,
    TLS,
    ULTIMATUM,
    Peer,
    asked,
    audited,
    fails,
    reset,
    serving,
    until_closed,
)

T = TypeVar("T")
NEVER_THERE = (Ending.REFUSED, Ending.FILTERED, Ending.UNREACHABLE)
HALF_A_PACKET = bytes.fromhex("030000130e")
ONLY_TLS = Profile(accepts=(Protocol.SSL,), refusal=FailureCode.SSL_REQUIRED_BY_SERVER, tls=TLS)
ENDLESS = b"\x03\x00\xff\xff" + bytes(60000)


def run(main: Callable[[], Awaitable[T]]) -> T:
    async def patient() -> T:
        with trio.fail_after(PATIENCE_S):
            return await main()

    return trio.run(patient)


def audit(target: Target, settings: Settings = ONE, limits: Limits = PATIENT) -> Result:
    return run(lambda: live.audit(target, settings, limits))


def place(address: str, port: int) -> Target:
    return Target(input=address, host=address, port=port, address=address)


async def resets_at_once(stream: trio.SocketStream) -> None:
    await stream.receive_some(4096)
    await reset(stream)


async def resets_after_bytes(stream: trio.SocketStream) -> None:
    await stream.receive_some(4096)
    await stream.send_all(HALF_A_PACKET)
    await reset(stream)


async def closes(stream: trio.SocketStream) -> None:
    await stream.receive_some(4096)
    await stream.send_all(HALF_A_PACKET)


async def is_silent(stream: trio.SocketStream) -> None:
    await until_closed(stream)


async def trickles(stream: trio.SocketStream) -> None:
    for byte in ENDLESS:
        await stream.send_all(bytes([byte]))
        await trio.sleep(0.01)


async def never_stops(stream: trio.SocketStream) -> None:
    await stream.send_all(ENDLESS)


async def answers(stream: trio.SocketStream) -> None:
    await stream.receive_some(4096)
    await stream.send_all(fails(5))


@pytest.mark.parametrize(
    ("peer", "limits", "ending", "received"),
    [
        (answers, PATIENT, Ending.COMPLETE, 19),
        (resets_at_once, PATIENT, Ending.RESET, 0),
        (resets_after_bytes, PATIENT, Ending.RESET, len(HALF_A_PACKET)),
        (closes, PATIENT, Ending.CLOSED, len(HALF_A_PACKET)),
        (is_silent, BRIEF, Ending.TIMED_OUT, 0),
        (trickles, Limits(step_s=0.2), Ending.DEADLINE, None),
        (never_stops, Limits(plain_bytes=100, tls_bytes=100), Ending.TOO_MUCH, 100),
    ],
    ids=lambda each: getattr(each, "__name__", None) or getattr(each, "value", ""),
)
def test_how_a_connection_ended(peer: Peer, limits: Limits, ending: Ending, received: int | None) -> None:
    [attempt] = audited(peer, limits, ONE).attempts
    assert attempt.ending == ending.value
    assert attempt.bytes_sent == 19
    if received is None:
        assert 0 < attempt.bytes_received < 100
    else:
        assert attempt.bytes_received == received


def test_bytes_before_a_reset_are_kept_as_evidence() -> None:
    [attempt] = audited(resets_after_bytes, settings=ONE).attempts
    assert attempt.steps[-1].hex == HALF_A_PACKET.hex()
    assert attempt.steps[-1].side == "server"
    assert attempt.cause == os.strerror(errno.ECONNRESET)
    assert attempt.expected == "the server's Connection Confirm"


def test_what_was_said_before_our_request_could_be_sent_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that speaks first and resets: our send fails, and takes the reset's error with it."""
    before = connection.open_to

    async def slow(target: Target, source: str | None) -> socket.socket:
        sock = await before(target, source)
        await reset_has_come.wait()
        return sock

    reset_has_come = trio.Event()
    monkeypatch.setattr(connection, "open_to", slow)

    async def peer(stream: trio.SocketStream) -> None:
        await stream.send_all(b"SSH-2.0-OpenSSH_9.2p1\r\n")
        await reset(stream)
        reset_has_come.set()

    result = audited(peer, settings=ONE)
    assert (result.status, result.service) == ("not_rdp", "ssh")


def test_a_closed_port_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        result = audit(place("127.0.0.1", taken.getsockname()[1]))
    assert (result.status, result.ending) == ("refused", "refused")
    assert result.cause == os.strerror(errno.ECONNREFUSED)
    assert result.negotiation is None


def test_a_full_queue_looks_like_a_filter() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(listener.getsockname())
            result = audit(place("127.0.0.1", listener.getsockname()[1]), limits=BRIEF)
        finally:
            for each in waiting:
                each.close()
    assert (result.status, result.ending) == ("filtered", "filtered")
    assert result.cause is None


@pytest.mark.parametrize("address", ["255.255.255.255", "fe80::1", "fe80::1%no-such-interface"])
def test_where_there_is_no_way_nothing_is_sent(address: str) -> None:
    result = audit(place(address, 3389))
    assert (result.status, result.ending) == ("unreachable", "unreachable")
    assert result.cause


@pytest.mark.parametrize(
    ("number", "ending"), connection.ENDINGS.items(), ids=lambda each: errno.errorcode.get(each, "")
)
def test_every_error_of_connect_has_a_name(number: int, ending: Ending, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_target: Target, _source: str | None) -> socket.socket:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(connection, "open_to", fail)
    [attempt] = audit(place("127.0.0.1", 1)).attempts
    assert (attempt.ending, attempt.cause) == (ending.value, os.strerror(number))


@pytest.mark.parametrize("number", connection.ENDINGS, ids=lambda each: errno.errorcode[each])
def test_no_error_of_a_connection_says_that_there_was_none(number: int) -> None:
    traffic = connection.Traffic()
    assert connection.broken_off(OSError(number, os.strerror(number)), traffic) not in NEVER_THERE
    assert traffic.cause == os.strerror(number)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.EMFILE, Unavailable, "no file descriptor is left"),
        (errno.ENFILE, Unavailable, "no file descriptor is left"),
        (errno.ENOMEM, OSError, "memory"),
    ],
)
def test_an_error_that_is_our_own_is_no_ending(
    monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Exception], words: str
) -> None:
    async def fail(_target: Target, _source: str | None) -> socket.socket:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(connection, "open_to", fail)
    with pytest.raises(ExceptionGroup) as raised:
        audit(place("127.0.0.1", 1))
    assert raised.group_contains(kind, match=words)


def test_the_source_address_is_ours_to_choose() -> None:
    seen: list[str] = []

    async def peer(stream: trio.SocketStream) -> None:
        seen.append(stream.socket.getpeername()[0])
        await answers(stream)

    audited(peer, Limits(source_address="127.0.0.9"), ONE)
    assert seen == ["127.0.0.9"]


@pytest.mark.parametrize("source", ["192.0.2.1", "::1"])
def test_a_source_address_that_cannot_be_had_is_said(source: str) -> None:
    result = audit(place("127.0.0.1", 1), limits=Limits(source_address=source))
    assert result.status == "unreachable"
    assert result.cause


@pytest.mark.parametrize("zone", ["", "%1"])
def test_ipv6(zone: str) -> None:
    async def main() -> Result:
        async with serving(answers, "::1") as target:
            target.address = f"::1{zone}"
            return await live.audit(target, ONE, PATIENT)

    assert run(main).status == "rdp"


def test_a_zone_is_an_interface_by_name_or_number() -> None:
    number, name = socket.if_nameindex()[0]
    assert connection.scope_of(name) == connection.scope_of(str(number)) == number
    with pytest.raises(OSError, match="no such network interface") as raised:
        connection.scope_of("no-such-interface")
    assert connection.ending_of(raised.value) is Ending.UNREACHABLE


def linux_server(stream: trio.SocketStream) -> Awaitable[None]:
    """Accepts TLS, refuses the rest; its first flights are real."""
    return demo_server.rdp(ONLY_TLS, demo_server.Plain(stream))


@pytest.mark.parametrize("per_host", [1, 2, 3])
def test_no_more_connections_are_open_than_agreed(per_host: int, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[socket.socket] = []
    most: list[int] = []
    before = connection.open_to

    async def watched(target: Target, source: str | None) -> socket.socket:
        opened.append(await before(target, source))
        most.append(sum(each.fileno() != -1 for each in opened))
        return opened[-1]

    monkeypatch.setattr(connection, "open_to", watched)
    result = audited(linux_server, Limits(per_host=per_host))
    assert result.status == "rdp"
    assert len(opened) == result.connections > per_host
    assert max(most) == per_host
    assert all(each.fileno() == -1 for each in opened)


# Scheduling, without sockets.


@dataclass
class Schedule:
    """Answers every question from a table, and keeps when each was under way."""

    lasts: Callable[[Question], tuple[float, Ending]]
    spans: list[tuple[float, float, Question]] = field(default_factory=list)

    async def __call__(self, question: Question, traffic: connection.Traffic) -> Ending:
        began = trio.current_time()
        seconds, ending = self.lasts(question)
        await trio.sleep(seconds)
        self.spans.append((began, trio.current_time(), question))
        if ending is Ending.COMPLETE:
            machine = Negotiation()
            for side, data in (written.ASK_SSL, written.FREERDP_REQUIRES_NLA.said[1]):
                traffic.note(machine.observe(side, data, trio.current_time()))
                traffic.received += len(data) if side is Side.SERVER else 0
        return ending

    def beside(self, index: int) -> int:
        """How many others were under way at some time while that one was."""
        began, ended, _ = self.spans[index]
        return sum(start < ended and began < stop for start, stop, _ in self.spans) - 1


def on_a_clock(schedule: Schedule, settings: Settings, limits: Limits, monkeypatch: pytest.MonkeyPatch) -> Result:
    async def answer(_self: live._Auditor, question: Question, traffic: connection.Traffic) -> Ending:
        return await schedule(question, traffic)

    monkeypatch.setattr(live._Auditor, "_connection", answer)
    clock = trio.testing.MockClock(autojump_threshold=0)
    return trio.run(live.audit, place("192.0.2.1", 3389), settings, limits, clock=clock)


def some_silent(question: Question) -> tuple[float, Ending]:
    silent = question.protocols in (Protocol.HYBRID, Protocol.RDSTLS) and not question.repeat
    return (5.0, Ending.TIMED_OUT) if silent else (1.0, Ending.COMPLETE)


@pytest.mark.parametrize("per_host", [1, 2, 4])
def test_the_first_connection_and_every_repeat_are_alone(per_host: int, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = Schedule(some_silent)
    result = on_a_clock(schedule, Settings(), Limits(per_host=per_host), monkeypatch)
    repeats = [index for index, (_, _, question) in enumerate(schedule.spans) if question.repeat]
    assert len(repeats) == 2
    assert schedule.beside(0) == 0
    assert all(schedule.beside(index) == 0 for index in repeats)
    assert [attempt.repeat for attempt in result.attempts].count(True) == 2
    moments = {start for start, _, _ in schedule.spans}
    under_way = [sum(start <= moment < stop for start, stop, _ in schedule.spans) for moment in moments]
    assert max(under_way) == per_host
    # Where it had company before, a repeat that went well proves nothing about the server.
    assert (len(result.intermittent) > 0) is (per_host == 1)


def test_the_deadline_cuts_an_audit_and_keeps_what_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = Schedule(lambda _question: (10.0, Ending.COMPLETE))
    result = on_a_clock(schedule, Settings(), Limits(deadline_s=25.0), monkeypatch)
    assert result.limited == "the deadline of 25 s passed"
    assert result.status == "rdp"
    assert [attempt.ending for attempt in result.attempts] == ["complete"] * 3 + ["interrupted"] * 2
    assert result.elapsed_ms == 25000


def test_a_cap_on_connections_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = Schedule(some_silent)
    result = on_a_clock(schedule, Settings(max_connections=3), Limits(), monkeypatch)
    assert result.connections == len(schedule.spans) == 3
    assert result.limited is not None
    assert result.limited.startswith("3 connections are the most at this setting (--max-connections); not asked: ")


def test_no_room_at_all_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    result = on_a_clock(Schedule(some_silent), Settings(max_connections=0), Limits(), monkeypatch)
    assert result.connections == 0
    assert result.limited is not None


# Being stopped, and leaving.


async def answers_once(stream: trio.SocketStream) -> None:
    if await asked(stream) == Protocol.SSL:
        await stream.send_all(fails(5))
    else:
        await stream.send_all(HALF_A_PACKET)
        await until_closed(stream)


def test_an_interrupted_connection_says_what_it_waited_for() -> None:
    result = audited(answers_once, Limits(deadline_s=0.5))
    assert (result.status, result.limited) == ("rdp", "the deadline of 0.5 s passed")
    cut = result.attempts[-1]
    assert (cut.ending, cut.expected) == ("interrupted", "the server's Connection Confirm")
    assert cut.steps[-1].hex == HALF_A_PACKET.hex()


def test_cancellation_is_not_swallowed() -> None:
    returned: list[Result] = []

    async def main() -> bool:
        async with serving(is_silent) as target:
            with trio.move_on_after(0.05) as scope:
                returned.append(await live.audit(target, Settings(), PATIENT))
            return scope.cancelled_caught

    assert run(main)
    assert not returned


def last_words(answer: bytes) -> tuple[bytes, str]:
    """What the client still says after such an answer to its request, and how it leaves."""
    left: list[tuple[bytes, str]] = []

    async def main() -> None:
        seen = trio.Event()

        async def peer(stream: trio.SocketStream) -> None:
            await stream.receive_some(4096)
            await stream.send_all(answer)
            try:
                left.append((await until_closed(stream), "FIN"))
            except trio.BrokenResourceError:
                left.append((b"", "RST"))
            seen.set()

        async with serving(peer) as target:
            await live.audit(target, ONE, PATIENT)
            await seen.wait()

    run(main)
    return left[0]


@pytest.mark.parametrize("behind", [b"", ULTIMATUM, bytes(200_000)], ids=["nothing", "a disconnect", "much"])
def test_a_complete_exchange_is_left_without_a_reset(behind: bytes) -> None:
    assert last_words(fails(5) + behind) == (b"", "FIN")


class Recorder(demo_server.Plain):
    """A connection of a server that keeps what it received, and how the client left."""

    def __init__(self, stream: trio.SocketStream) -> None:
        super().__init__(stream)
        self.heard = b""
        self.left = ""

    async def receive(self) -> bytes:
        try:
            data = await super().receive()
        except demo_server.ConversationOver:
            self.left = "FIN"
            raise
        except trio.BrokenResourceError:
            self.left = "RST"
            raise
        self.heard += data
        return data


def test_tls_is_left_by_close_notify() -> None:
    recorders: list[Recorder] = []

    async def peer(stream: trio.SocketStream) -> None:
        recorder = Recorder(stream)
        recorders.append(recorder)
        with contextlib.suppress(*demo_server._CLIENTS_FAULTS):
            await demo_server.rdp(ONLY_TLS, recorder)
        await recorder.finish()

    result = audited(peer)
    answered = [each for each in result.attempts if "ClientHello" in each.asked and "ServerHello:" in words(each.steps)]
    assert {each.ending for each in answered} == {"complete"}
    assert len(answered) == 2  # TLS 1.2 and 1.3; without X.224 nothing is answered
    close_notify = bytes.fromhex("15030100020100")
    assert sum(each.heard.endswith(close_notify) for each in recorders) == len(answered)
    assert "RST" not in {each.left for each in recorders}


def words(steps: list[Step]) -> str:
    return " ".join(step.what for step in steps)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open descriptors are only listed on Linux")
@pytest.mark.parametrize("peer", [answers, linux_server, resets_at_once, is_silent, answers_once])
def test_no_socket_is_left_open(peer: Peer) -> None:
    async def main() -> tuple[int, int]:
        async with serving(peer) as target:
            await live.audit(target, ONE, BRIEF)
            before = descriptors()
            for _ in range(3):
                await live.audit(target, Settings(), Limits(step_s=0.02, deadline_s=0.1))
            while descriptors() > before:  # the server closes its own in its own time; a leak runs out of ours
                await trio.lowlevel.checkpoint()
            return before, descriptors()

    before, after = run(main)
    assert after <= before
