from __future__ import annotations

import errno
import os
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

import pytest
import trio
import trio.testing

from probe.audit.settings import Settings
from probe.drive import connection
from probe.drive.gate import Gate
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.errors import InputError, Unavailable
from probe.handshake.machine import Ending
from probe.result import Result, Target
from probe.scan import scheduler as subject
from probe.scan.gate import subnet_of
from probe.scan.scheduler import ThisProcess
from probe.scan.tally import FAILED
from probe.scan.work import Finished, Job, Task
from tests.drive.peers import PATIENCE_S, serving
from tests.scan.shares import DISCOVER, STANDARD, address, name, result, results, worked

Conversation = Callable[["Auditor", Target, Gate], Awaitable[Result]]


class Auditor:
    """In place of real audits: connections take as long as they are told, on a clock that does not wait."""

    def __init__(self, seconds: Callable[[Target], float] = lambda _: 1.0, connections: int = 1) -> None:
        assert connections == 1 or connections % 2 == 0
        self.seconds = seconds
        self.connections = connections
        self.open: Counter[object] = Counter()
        self.most_open: Counter[object] = Counter()
        self.audits = self.most_audits = 0
        self.began: list[tuple[float, str]] = []
        self.ended: list[tuple[float, str]] = []

    async def audit(
        self, target: Target, _settings: Settings, _limits: Limits, gate: Gate, _tap: object = None
    ) -> Result:
        self.audits += 1
        self.most_audits = max(self.most_audits, self.audits)
        async with trio.open_nursery() as nursery:
            for _ in range(min(2, self.connections)):  # two beside each other
                nursery.start_soon(self.connect, target, gate, -(-self.connections // 2))
        self.audits -= 1
        self.ended.append((trio.current_time(), target.host))
        return result(target, connections=self.connections)

    async def connect(self, target: Target, gate: Gate, times: int) -> None:
        text = target.address or ""
        for _ in range(times):
            if not gate.try_enter(text):
                await gate.enter(text)
            self.began.append((trio.current_time(), target.host))
            for of in ("all", subnet_of(text)):
                self.open[of] += 1
                self.most_open[of] = max(self.most_open[of], self.open[of])
            await trio.sleep(self.seconds(target))
            for of in ("all", subnet_of(text)):
                self.open[of] -= 1
            gate.leave(text)


def scanned(
    monkeypatch: pytest.MonkeyPatch, audit: object, job: Job, targets: Iterable[Target]
) -> tuple[list[Finished], float]:
    """What came of these targets, and how long it took on a clock that jumps."""
    monkeypatch.setattr(subject, "audit", audit)

    async def main() -> tuple[list[Finished], float]:
        started = trio.current_time()
        with trio.fail_after(1e6):
            found = await worked(ThisProcess(), job, targets)
        return found, trio.current_time() - started

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def statuses(found: list[Finished]) -> dict[str, str]:
    return {each.target.host: each.status for one in found for each in results(one)}


def test_every_target_is_done_once_and_its_lines_say_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = scanned(monkeypatch, Auditor().audit, DISCOVER, map(address, range(1000)))
    assert sorted(one.position for one in found) == [*range(1000)]
    for one in found:
        (line,) = results(one)
        assert line.target.host == address(one.position).host
        assert line.scan is not None
        assert (line.scan.position, line.scan.result, line.scan.of) == (one.position, 1, 1)
        assert one.facts[0].tags[0] == "rdp"
        assert one.lines.endswith(b"\n")


@pytest.mark.parametrize("connections", [1, 6])
def test_no_more_connections_are_open_than_allowed_and_all_that_are_allowed_are_used(
    monkeypatch: pytest.MonkeyPatch, connections: int
) -> None:
    auditor = Auditor(connections=connections)
    job = replace(DISCOVER, concurrency=10)
    _, seconds = scanned(monkeypatch, auditor.audit, job, map(address, range(100)))
    assert auditor.most_open["all"] == 10
    assert auditor.most_audits <= 10
    made = len(auditor.began)
    assert seconds <= made / 10 * 1.1 + connections


def test_one_connection_at_a_time_is_enough_for_audits_that_want_two(monkeypatch: pytest.MonkeyPatch) -> None:
    auditor = Auditor(connections=4)
    found, seconds = scanned(monkeypatch, auditor.audit, replace(DISCOVER, concurrency=1), map(address, range(5)))
    assert len(found) == 5
    assert auditor.most_open["all"] == 1
    assert seconds == pytest.approx(20)


def test_a_place_that_no_target_needs_serves_a_second_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    auditor = Auditor(connections=4)
    _, seconds = scanned(monkeypatch, auditor.audit, replace(DISCOVER, concurrency=50), map(address, range(5)))
    assert seconds == pytest.approx(2)


def test_tarpits_delay_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(target: Target) -> float:
        return 60.0 if target.host.endswith(".7") else 0.5

    auditor = Auditor(slow)
    targets = [address(number) for number in range(1024)]  # four of them are tarpits
    scanned(monkeypatch, auditor.audit, replace(DISCOVER, concurrency=16), targets)
    others = [at for at, host in auditor.ended if not host.endswith(".7")]
    assert max(others) - min(at for at, _ in auditor.began) <= 1020 * 0.5 / (16 - 4) + 1


@pytest.mark.parametrize("connections", [1, 6])
def test_the_rate_is_kept_and_reached(monkeypatch: pytest.MonkeyPatch, connections: int) -> None:
    auditor = Auditor(lambda _: 3.0, connections)
    job = replace(DISCOVER, concurrency=200, rate=20.0)
    _, seconds = scanned(monkeypatch, auditor.audit, job, map(address, range(60)))
    began = sorted(at for at, _ in auditor.began)
    for start in range(len(began)):
        within = sum(began[start] <= at < began[start] + 1 for at in began)
        assert within <= 20 * 1.1 + 1
    assert seconds <= len(began) / 20 + 3 * connections + 1


def test_with_a_rate_only_as_many_targets_are_begun_as_get_through(monkeypatch: pytest.MonkeyPatch) -> None:
    auditor = Auditor(lambda _: 0.01, connections=10)
    job = replace(DISCOVER, concurrency=500, rate=5.0)
    scanned(monkeypatch, auditor.audit, job, map(address, range(20)))
    assert auditor.most_audits <= 3


def test_a_subnet_is_never_crowded_and_others_do_not_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(target: Target) -> float:
        return 20.0 if target.host.startswith("127.0.1.") else 1.0

    auditor = Auditor(slow, connections=4)
    crowd = [address(0x100 + number) for number in range(200)]  # one slow subnet, before everybody else
    others = [address(0x10000 + 256 * number) for number in range(100)]
    job = replace(DISCOVER, concurrency=20, per_subnet=2)
    found, _ = scanned(monkeypatch, auditor.audit, job, crowd + others)
    assert len(found) == 300
    most = {of: count for of, count in auditor.most_open.items() if of != "all"}
    assert max(most.values()) == 2
    done = max(at for at, host in auditor.ended if not host.startswith("127.0.1."))
    assert done - auditor.began[0][0] <= 100 * 4 / 18 * 1.5 + 4
    assert max(at for at, _ in auditor.ended) - auditor.began[0][0] == pytest.approx(200 * 4 * 20 / 2, rel=0.02)


class Counted(Auditor):
    """Of each address, how many connections are open, whatever port they go to."""

    async def connect(self, target: Target, gate: Gate, times: int) -> None:
        for _ in range(times):
            if not gate.try_enter(target.address or ""):
                await gate.enter(target.address or "")
            self.open[target.address] += 1
            self.most_open[target.address] = max(self.most_open[target.address], self.open[target.address])
            await trio.sleep(self.seconds(target))
            self.open[target.address] -= 1
            gate.leave(target.address or "")


@pytest.mark.parametrize(
    ("job", "connections", "seconds"),
    [
        (DISCOVER, 1, 15),
        (replace(DISCOVER, limits=Limits(per_host=1)), 1, 30),
        (STANDARD, 4, 60),  # an audit has its two connections to itself
        (replace(DISCOVER, per_subnet=1), 1, 32),
    ],
)
def test_one_server_on_many_ports_has_no_more_connections_than_one_audit_makes(
    monkeypatch: pytest.MonkeyPatch, job: Job, connections: int, seconds: float
) -> None:
    auditor = Counted(connections=connections)
    targets = [address(7, port) for port in range(1, 31)] + [address(number) for number in (8, 9, 0x800)]
    found, took = scanned(monkeypatch, auditor.audit, job, targets)
    assert len(found) == 33
    assert auditor.most_open["127.0.0.7"] <= job.limits.per_host
    assert took == pytest.approx(seconds)
    assert max(at for at, host in auditor.ended if host == "127.0.8.0") < 10  # others do not wait for it


def test_names_that_lead_to_one_server_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver(monkeypatch, {f"srv{number}": ["127.0.0.7"] for number in range(50)})
    auditor = Counted()
    found, _ = scanned(monkeypatch, auditor.audit, DISCOVER, [name(f"srv{number}") for number in range(50)])
    assert len(found) == 50
    assert auditor.most_open["127.0.0.7"] == 2


def test_a_place_in_a_subnet_goes_to_who_can_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose server is busy too does not keep the next from it."""
    auditor = Counted(lambda target: 100.0 if target.port == 1 else 1.0)
    job = replace(DISCOVER, per_subnet=2, limits=Limits(per_host=1))
    targets = [address(7, 1), address(8), address(7, 2), address(9), address(7, 3), address(10)]
    found, _ = scanned(monkeypatch, auditor.audit, job, targets)
    assert len(found) == 6
    ends = {host: at for at, host in auditor.ended}
    assert ends["127.0.0.10"] < 10
    assert auditor.most_open["127.0.0.7"] == 1


def test_only_so_many_targets_are_put_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "ASIDE", 100)
    taken = []

    def targets() -> Iterable[Target]:
        for number in range(3000):
            taken.append(number)
            yield address(number)

    most_ahead = []
    auditor = Auditor()
    real = auditor.audit

    async def audit(*arguments: object) -> Result:
        most_ahead.append(len(taken) - len(auditor.ended))
        return await real(*arguments)  # type: ignore[arg-type]

    job = replace(DISCOVER, concurrency=4, per_subnet=1)
    monkeypatch.setattr(subject, "audit", audit)

    async def main() -> int:
        send, receive = trio.open_memory_channel[list[Task]](0)
        out, _kept = trio.open_memory_channel[list[Finished]](1000)

        async def feed() -> None:
            async with send:
                for number, target in enumerate(targets()):
                    await send.send([Task(number, target)])

        with trio.move_on_after(50):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(feed)
                nursery.start_soon(ThisProcess().work, job, receive, out)
        return max(most_ahead)

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) <= 4 + 32 + 100 + 2


def test_a_slow_reader_slows_the_audits_down(monkeypatch: pytest.MonkeyPatch) -> None:
    auditor = Auditor(lambda _: 0.001)
    monkeypatch.setattr(subject, "audit", auditor.audit)

    async def main() -> int:
        send, receive = trio.open_memory_channel[list[Task]](0)
        out, kept = trio.open_memory_channel[list[Finished]](0)

        async def feed() -> None:
            for number in range(5000):
                await send.send([Task(number, address(number))])

        async with trio.open_nursery() as nursery:
            nursery.start_soon(feed)
            nursery.start_soon(ThisProcess().work, replace(DISCOVER, concurrency=10), receive, out)
            await trio.sleep(100)  # nobody takes a result in this time
            done = len(auditor.ended)
            taken = len(await kept.receive())
            await trio.sleep(100)
            assert len(auditor.ended) > done
            nursery.cancel_scope.cancel()
        assert taken <= done
        return done

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) <= 2 * subject._UNSENT + 2 * 10


class Answers:
    """An audit whose results follow a script, one status a try; the last stays."""

    def __init__(self, *script: str) -> None:
        self.script = script
        self.tries: Counter[str] = Counter()
        self.at: list[tuple[float, str]] = []

    async def audit(
        self, target: Target, _settings: Settings, _limits: Limits, gate: Gate, _tap: object = None
    ) -> Result:
        assert gate.try_enter(target.address or "")
        await trio.sleep(0.1)
        gate.leave(target.address or "")
        number = self.tries[target.host]
        self.tries[target.host] += 1
        self.at.append((trio.current_time(), target.host))
        return result(target, self.script[min(number, len(self.script) - 1)])


@pytest.mark.parametrize(
    ("script", "retries", "tries", "status"),
    [
        (("filtered", "rdp"), 0, 1, "filtered"),
        (("filtered", "rdp"), 1, 2, "rdp"),
        (("silent", "filtered", "refused"), 5, 3, "refused"),
        (("silent", "filtered"), 1, 2, "silent"),
        (("filtered", "unreachable"), 2, 3, "unreachable"),
        (("refused", "rdp"), 3, 1, "refused"),
        (("closed", "rdp"), 3, 1, "closed"),
        (("not_rdp", "rdp"), 3, 1, "not_rdp"),
    ],
)
def test_what_gave_no_sign_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, script: tuple[str, ...], retries: int, tries: int, status: str
) -> None:
    answers = Answers(*script)
    found, _ = scanned(monkeypatch, answers.audit, replace(DISCOVER, retries=retries), [address(1)])
    assert answers.tries[address(1).host] == tries
    (one,) = results(found[0])
    assert one.status == status
    assert one.connections == tries
    assert one.bytes_sent == 4 * tries
    assert one.spent == {"negotiation": tries}


def test_it_is_asked_again_later_and_after_others(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers("filtered", "rdp")
    job = replace(DISCOVER, retries=1, concurrency=2)
    found, seconds = scanned(monkeypatch, answers.audit, job, map(address, range(100)))
    assert set(statuses(found).values()) == {"rdp"}
    times: dict[str, list[float]] = {}
    for at, host in answers.at:
        times.setdefault(host, []).append(at)
    assert all(again - first >= subject._RETRY_S for first, again in times.values())
    assert seconds <= 200 * 0.1 / 2 + subject._RETRY_S + 0.5  # places are used in the meantime


def resolver(monkeypatch: pytest.MonkeyPatch, found: dict[str, list[str]]) -> None:
    async def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
        await trio.sleep(0.01)
        if host not in found:
            raise OSError(-2, "Name or service not known")
        return [(2, 1, 6, "", (text, port)) for text in found[host]]

    monkeypatch.setattr(trio.socket, "getaddrinfo", getaddrinfo)


def test_the_results_of_a_name_are_together_and_in_the_order_of_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver(monkeypatch, {"two": ["127.0.0.1", "127.0.0.2"], "one": ["127.0.0.3"]})
    auditor = Auditor()
    found, _ = scanned(monkeypatch, auditor.audit, DISCOVER, [name("two"), name("one"), name("none")])
    lines = {one.position: results(one) for one in found}
    assert [each.target.address for each in lines[0]] == ["127.0.0.1", "127.0.0.2"]
    assert [(each.scan.result, each.scan.of) for each in lines[0] if each.scan is not None] == [(1, 2), (2, 2)]
    assert [each.target.address for each in lines[1]] == ["127.0.0.3"]
    assert [each.status for each in lines[2]] == ["dns_error"]


def test_many_names_are_resolved_a_few_at_a_time_and_their_subnets_are_spared(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver(monkeypatch, {f"srv{number}": [f"127.0.9.{number}"] for number in range(200)})
    auditor = Auditor()
    job = replace(DISCOVER, per_subnet=3)
    found, seconds = scanned(monkeypatch, auditor.audit, job, [name(f"srv{number}") for number in range(200)])
    assert len(found) == 200
    assert auditor.most_open["127.0.9"] == 3
    assert seconds == pytest.approx(200 / 3, abs=2)


def test_nothing_that_is_excluded_is_contacted_because_a_name_leads_there(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver(monkeypatch, {"both": ["127.0.0.5", "127.0.0.9"], "never": ["127.0.0.6"], "many": ["239.1.2.3"]})
    auditor = Auditor()
    job = replace(DISCOVER, excluded=(("127.0.0.5", "127.0.0.7"),))
    found, _ = scanned(monkeypatch, auditor.audit, job, [name("both"), name("never"), name("many")])
    lines = {one.position: results(one) for one in found}
    assert [(each.status, each.connections) for each in lines[0]] == [("unreachable", 0), ("rdp", 1)]
    assert "excluded" in (lines[0][0].limited or "")
    assert lines[1][0].limited == lines[0][0].limited
    assert [each.status for each in lines[2]] == ["unreachable"]
    assert "multicast" in (lines[2][0].limited or "")
    assert {host for _, host in auditor.began} == {"both"}
    assert len(auditor.began) == 1


def test_a_fault_of_ours_costs_one_target_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    auditor = Auditor()

    async def audit(target: Target, settings: Settings, limits: Limits, gate: Gate, _tap: object = None) -> Result:
        if target.host.endswith(".3"):
            async with trio.open_nursery() as nursery:  # as it comes out of a real one
                nursery.start_soon(_fails)
        return await auditor.audit(target, settings, limits, gate)

    found, _ = scanned(monkeypatch, audit, replace(DISCOVER, concurrency=2, retries=2), map(address, range(10)))
    assert len(found) == 10
    (bad,) = [one for one in found if one.position == 3]
    (line,) = results(bad)
    assert bad.facts[0].tags == (FAILED,)
    assert line.limited is not None
    assert "internal error: ZeroDivisionError" in line.limited
    assert "Traceback" not in line.limited
    assert line.connections == 0
    assert sum(one.facts[0].tags == (FAILED,) for one in found) == 1


async def _fails() -> None:
    await trio.lowlevel.checkpoint()
    raise ZeroDivisionError("a secret of the server")


def test_a_fault_in_describing_costs_one_target_too(monkeypatch: pytest.MonkeyPatch) -> None:
    real = subject.describe

    def describe(position: int, found: list[Result]) -> Finished:
        if position == 1:
            raise KeyError("x")
        return real(position, found)

    monkeypatch.setattr(subject, "describe", describe)
    found, _ = scanned(monkeypatch, Auditor().audit, DISCOVER, map(address, range(3)))
    assert {one.position: one.facts[0].tags[0] for one in found} == {0: "rdp", 1: FAILED, 2: "rdp"}


def test_a_fault_in_resolving_costs_one_target_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object, **__: object) -> object:
        raise KeyError("x")

    monkeypatch.setattr(subject, "resolve", fails)
    found, _ = scanned(monkeypatch, Auditor().audit, DISCOVER, [name("srv1"), address(1)])
    assert {one.position: one.facts[0].tags[0] for one in found} == {0: FAILED, 1: "rdp"}


class Starved:
    """An audit that finds no descriptor for a while."""

    def __init__(self, times: int) -> None:
        self.left = times

    async def audit(
        self, target: Target, _settings: Settings, _limits: Limits, _gate: Gate, _tap: object = None
    ) -> Result:
        await trio.sleep(0.1)
        if self.left:
            self.left -= 1
            raise ExceptionGroup("", [Unavailable("no descriptor", "allow more")])
        return result(target)


def test_without_a_descriptor_it_waits_and_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    found, seconds = scanned(monkeypatch, Starved(7).audit, replace(DISCOVER, concurrency=3), map(address, range(5)))
    assert set(statuses(found).values()) == {"rdp"}
    assert seconds >= 2


def test_descriptors_that_stay_away_end_the_scan_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BaseExceptionGroup) as caught:
        scanned(monkeypatch, Starved(10**6).audit, DISCOVER, [address(1)])
    assert caught.group_contains(Unavailable, match="no descriptor")


def test_what_no_target_can_be_audited_with_ends_the_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    async def audit(*_: object) -> Result:
        raise InputError("no such file", "give one")

    with pytest.raises(BaseExceptionGroup) as caught:
        scanned(monkeypatch, audit, DISCOVER, [address(1)])
    assert caught.group_contains(InputError)


def test_without_ipv6_its_targets_are_unreachable_in_the_systems_words(monkeypatch: pytest.MonkeyPatch) -> None:
    class OnlyV4(socket.socket):
        def __init__(self, family: int = -1, *rest: int, **more: int) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
            super().__init__(family, *rest, **more)

    monkeypatch.setattr(socket, "socket", OnlyV4)
    text = "2001:db8::1"

    async def main() -> tuple[list[Finished], Target]:
        with trio.fail_after(PATIENCE_S):
            async with serving(banner) as target:
                six = replace_target(target, text)
                return await worked(ThisProcess(), DISCOVER, [six, target, six]), target

    found, four = trio.run(main)
    lines = {one.position: results(one)[0] for one in found}
    assert [lines[position].status for position in range(3)] == ["unreachable", "not_rdp", "unreachable"]
    assert lines[0].cause == os.strerror(errno.EAFNOSUPPORT)
    assert lines[1].target.address == four.address


async def banner(stream: trio.SocketStream) -> None:
    await stream.receive_some(4096)
    await stream.send_all(b"SSH-2.0-nothing to see\r\n")


def replace_target(target: Target, text: str) -> Target:
    return Target(input=text, host=text, port=target.port, address=text)


def test_a_wait_for_a_turn_counts_against_no_deadline_and_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hold(*_: object, **__: object) -> Ending:
        await trio.sleep(0.1)
        return Ending.CLOSED

    monkeypatch.setattr(connection, "hold", hold)
    job = replace(STANDARD, rate=0.5, limits=Limits(deadline_s=1.0))
    found, seconds = scanned(monkeypatch, audit, job, map(address, range(3)))
    lines = [results(one)[0] for one in found]
    made = sum(line.connections for line in lines)
    assert made >= 9
    assert seconds >= 2 * (made - 1) - 0.2
    assert {line.limited for line in lines} == {None}
    assert {attempt.elapsed_ms for line in lines for attempt in line.attempts} == {100.0}


def test_a_scan_of_nothing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    assert scanned(monkeypatch, Auditor().audit, DISCOVER, [])[0] == []
