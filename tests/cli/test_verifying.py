"""Asking again until it passes: with which pauses, how long, whom, and what is known when somebody stops it."""

from __future__ import annotations

import datetime as dt
import io
import itertools
from collections.abc import Iterable, Sequence

import pytest
import trio
import trio.testing

from probe.audit.settings import Settings
from probe.cli import verifying as subject
from probe.cli.demands import Demands
from probe.cli.progress import Progress
from probe.cli.verify_run import Waiting
from probe.cli.verifying import Verified, Verifier, left_open
from probe.drive.limits import Limits
from probe.drive.many import AT_ONCE
from probe.drive.resolve import Unresolved
from probe.errors import InputError
from probe.needs import Needs
from probe.result import Client, Result, Status, Target, Verdict
from probe.verify.policy import Policy
from probe.verify.rule import Rule
from tests.diagnosis.results import negotiated, refused, result

TODAY = dt.date(2026, 11, 21)
POLICY = Policy(name="ours", rules=(Rule(key="protocols.nla", value="required", policy="ours"),))


def target(number: int) -> Target:
    return Target(input=str(number), host=f"127.0.66.{number}", address=f"127.0.66.{number}", port=3389)


def as_seen(status: Status, nla: str = "required") -> Result:
    if status != "rdp":
        return result(status)
    others = Verdict(state="accepted") if nla == "offered" else refused("HYBRID_REQUIRED_BY_SERVER")
    found = negotiated(HYBRID=Verdict(state="accepted"), SSL=others, RDP=others)
    assert found.negotiation is not None
    found.negotiation.nla = nla  # type: ignore[assignment]
    return found


class Servers:
    """In place of real audits: what each address shows, time after time; the last over and over."""

    def __init__(self, **shown: Sequence[Result]) -> None:
        self._shown = {name.replace("_", "."): [*results] for name, results in shown.items()}
        self.asked: list[tuple[str, float]] = []
        self.settings: list[Settings] = []
        self.open = self.most_open = 0

    async def audit(self, asked: Target, settings: Settings, _limits: Limits, **_more: object) -> Result:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        self.asked.append((asked.host, trio.current_time()))
        self.settings.append(settings)
        await trio.sleep(0.1)
        self.open -= 1
        shown = self._shown.get(f"a{asked.host}", [as_seen("rdp")])
        found = shown.pop(0) if len(shown) > 1 else shown[0]
        found.target = asked
        return found


def verify(
    servers: Servers,
    targets: Iterable[Target],
    monkeypatch: pytest.MonkeyPatch,
    *,
    retry_s: float = 0.0,
    told: list[tuple[str, float]] | None = None,
    settings: Settings | None = None,
) -> list[Verified | InputError]:
    monkeypatch.setattr(subject, "audit", servers.audit)

    async def collect() -> list[Verified | InputError]:
        verifier = Verifier(
            demands=Demands(today=TODAY, policies=(POLICY,)),
            settings=settings or Settings(),
            limits=Limits(),
            retry_s=retry_s,
            told=lambda each, left: (told if told is not None else []).append((each.result.target.host, left)),
        )
        found = []
        async with verifier.verify(iter(targets)) as results:
            async for each in results:
                if isinstance(each, Verified):
                    verifier.taken(each)
                found.append(each)
        assert verifier.unfinished() == []
        return found

    return trio.run(collect, clock=trio.testing.MockClock(autojump_threshold=0.01))


def verdicts(found: Iterable[Verified | InputError]) -> list[str]:
    return [each.verification.verdict for each in found if isinstance(each, Verified)]


def pauses(servers: Servers) -> list[float]:
    """Between the end of one audit and the beginning of the next."""
    times = [time for _host, time in servers.asked]
    return [round(later - earlier - 0.1, 2) for earlier, later in itertools.pairwise(times)]


def test_once_is_enough_where_it_passes_or_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = Servers(a127_0_66_1=[as_seen("rdp", "offered")])
    assert verdicts(verify(servers, [target(1), target(2)], monkeypatch)) == ["failed", "passed"]
    assert len(servers.asked) == 2


def test_only_what_is_needed_is_asked_but_where_a_depth_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = Servers()
    verify(servers, [target(1)], monkeypatch)
    verify(servers, [target(1)], monkeypatch, settings=Settings(depth="discover"))
    verify(servers, [target(1)], monkeypatch, settings=Settings(simulate=("freerdp2",)))
    assert [each.needs is None for each in servers.settings] == [False, True, True]


def test_it_is_asked_again_with_growing_pauses_until_it_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    away = [as_seen("refused") for _ in range(7)]
    servers = Servers(a127_0_66_1=[*away, as_seen("rdp", "offered"), as_seen("rdp")])
    told: list[tuple[str, float]] = []
    [found] = verify(servers, [target(1)], monkeypatch, retry_s=300.0, told=told)
    assert isinstance(found, Verified)
    assert found.passed
    assert found.verification.tries == 9
    assert found.verification.failed_before == ["protocols.nla"]
    assert pauses(servers) == pytest.approx([2.0, 3.0, 4.5, 6.75, 10.125, 15.0, 15.0, 15.0], abs=0.01)
    assert len(told) == 8
    assert told[0][1] == pytest.approx(299.9)


def test_the_time_is_kept_and_the_last_answer_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = Servers(a127_0_66_1=[as_seen("refused"), as_seen("rdp", "offered")])
    assert verdicts(verify(servers, [target(1)], monkeypatch, retry_s=20.0)) == ["failed"]
    assert servers.asked[-1][1] <= 20.0
    assert min(pauses(servers)) >= 2.0
    assert len(servers.asked) == 6


def test_too_little_time_for_a_pause_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = Servers(a127_0_66_1=[as_seen("refused")])
    assert verdicts(verify(servers, [target(1)], monkeypatch, retry_s=1.5)) == ["unknown"]
    assert len(servers.asked) == 1


def test_many_wait_and_hold_up_nobody_while_few_are_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = Servers(**{f"a127_0_66_{number}": [as_seen("refused")] for number in range(1, 101)})
    told: list[tuple[str, float]] = []
    found = verify(servers, [target(number) for number in range(1, 121)], monkeypatch, retry_s=30.0, told=told)
    assert verdicts(found) == ["unknown"] * 100 + ["passed"] * 20
    assert servers.most_open == AT_ONCE
    first = dict(reversed(servers.asked))
    assert max(first.values()) < 10.0


def test_of_several_addresses_only_those_that_did_not_pass_are_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def two(*_arguments: object, **_options: object) -> list[Target]:
        return [Target(input="srv1", host="srv1", port=3389, address=f"127.0.66.{number}") for number in (1, 2)]

    async def audit(asked: Target, settings: Settings, limits: Limits, **_more: object) -> Result:
        found = await servers.audit(Target(input="", host=asked.address or "", port=0), settings, limits)
        found.target = asked
        return found

    monkeypatch.setattr(subject, "resolve", two)
    servers = Servers(a127_0_66_2=[as_seen("refused"), as_seen("rdp")])
    named = Target(input="srv1", host="srv1", port=3389)
    monkeypatch.setattr(servers, "audit", servers.audit)

    async def collect() -> list[str | None]:
        monkeypatch.setattr(subject, "audit", audit)
        verifier = Verifier(
            demands=Demands(today=TODAY, policies=(POLICY,)), settings=Settings(), limits=Limits(), retry_s=60.0
        )
        async with verifier.verify(iter([named])) as results:
            return [each.result.target.address async for each in results if isinstance(each, Verified)]

    assert trio.run(collect, clock=trio.testing.MockClock(autojump_threshold=0.01)) == ["127.0.66.1", "127.0.66.2"]
    assert [host for host, _time in servers.asked] == ["127.0.66.1", "127.0.66.2", "127.0.66.2"]


def test_a_name_that_does_not_resolve_is_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []

    async def resolve(asked: Target, **_options: object) -> object:
        looked.append(asked)
        return Unresolved(asked, "no such name", 0.0) if len(looked) < 3 else [target(1)]

    monkeypatch.setattr(subject, "resolve", resolve)
    named = Target(input="srv1", host="srv1", port=3389)
    assert verdicts(verify(Servers(), [named], monkeypatch, retry_s=60.0)) == ["passed"]
    assert len(looked) == 3


def test_a_target_that_is_none_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    def targets() -> Iterable[Target]:
        yield target(1)
        raise InputError("line 2", "mend it")

    found = verify(Servers(), targets(), monkeypatch)
    assert verdicts(found) == ["passed"]
    assert isinstance(found[-1], InputError)


def test_what_is_known_of_unfinished_ones_is_kept_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = Servers(a127_0_66_2=[as_seen("refused")], a127_0_66_1=[as_seen("rdp", "offered")])
    monkeypatch.setattr(subject, "audit", servers.audit)

    async def stop() -> list[str]:
        verifier = Verifier(
            demands=Demands(today=TODAY, policies=(POLICY,)), settings=Settings(), limits=Limits(), retry_s=60.0
        )
        with trio.move_on_after(5.0):
            async with verifier.verify(iter([target(2), target(1), target(3)])) as results:
                async for _each in results:
                    raise AssertionError("the first waits, and so do those behind it")
        return verdicts(verifier.unfinished())

    clock = trio.testing.MockClock(autojump_threshold=0.01)
    assert trio.run(stop, clock=clock) == ["unknown", "failed", "passed"]


# Asking as clients


def test_only_clients_that_are_wanted_and_left_open_are_asked_as() -> None:
    found = result()
    found.clients = [
        Client(client="Windows XP (mstsc 5.1, 5.2)", connects=True),
        Client(client="FreeRDP 2.11", connects=None),
    ]
    assert left_open(found, Needs(clients=frozenset({"freerdp2", "no-such"}))) == ["freerdp2"]
    assert left_open(found, Needs()) == []


def test_a_client_that_is_left_open_is_asked_as(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    async def simulate_too(
        _found: Result, _target: Target, keys: Sequence[str], *_more: object, **_named: object
    ) -> None:
        asked.append(tuple(keys))

    monkeypatch.setattr(subject, "simulate_too", simulate_too)
    monkeypatch.setattr(Demands, "needs", lambda *_arguments, **_options: Needs(clients=frozenset({"freerdp2"})))
    verify(Servers(), [target(1)], monkeypatch)
    verify(Servers(), [target(1)], monkeypatch, settings=Settings(simulate=("freerdp2",)))
    assert asked == [("freerdp2",)]


# What is said meanwhile


def verified(found: Result, tries: int = 1) -> Verified:
    found.target = target(1)
    demands = Demands(today=TODAY, policies=(POLICY,))
    return Verified(number=1, result=found, verification=demands.verify(found, tries=tries))


def waiting(*, quiet: bool = False) -> tuple[Waiting, io.StringIO]:
    stream = io.StringIO()
    return Waiting(Progress(stream), quiet=quiet), stream


def test_a_reason_is_said_once_and_again_when_it_is_another() -> None:
    says, stream = waiting()
    for left in (299.0, 290.0):
        says.told(verified(as_seen("refused")), left)
    says.told(verified(as_seen("rdp", "offered")), 61.0)
    says.told(verified(as_seen("rdp", "unknown")), 60.0)
    says.over(verified(as_seen("rdp"), tries=5))
    first, second, third, last = stream.getvalue().splitlines()
    assert first.startswith("127.0.66.1:3389: ")
    assert first.endswith("; asking again, for 4:59 at most")
    assert second == "127.0.66.1:3389: protocols.nla not met; asking again, for 1:01 at most"
    assert third.startswith("127.0.66.1:3389: protocols.nla could not be determined;")
    assert last == "127.0.66.1:3389: passes, asked 5 times"


def test_nothing_is_said_of_what_passed_at_once_or_never_or_where_it_shall_be_quiet() -> None:
    says, stream = waiting()
    says.over(verified(as_seen("rdp")))
    assert stream.getvalue() == ""
    says.told(verified(as_seen("refused")), 10.0)
    says.over(verified(as_seen("refused")))
    assert len(stream.getvalue().splitlines()) == 1
    says, stream = waiting(quiet=True)
    says.told(verified(as_seen("refused")), 10.0)
    says.over(verified(as_seen("rdp")))
    assert stream.getvalue() == ""


@pytest.mark.parametrize(("verdict", "words"), [("failed", "it became worse"), ("unknown", "not all could be")])
def test_a_baseline_that_does_not_hold_is_a_reason_too(verdict: str, words: str) -> None:
    says, stream = waiting()
    found = verified(as_seen("rdp"))
    found.verification.verdict = verdict  # type: ignore[assignment]
    says.told(found, 10.0)
    assert words in stream.getvalue()


def test_of_many_rules_the_first_are_named() -> None:
    says, stream = waiting()
    found = verified(as_seen("rdp", "offered"))
    found.verification.rules *= 6
    says.told(found, 10.0)
    assert ", protocols.nla… not met;" in stream.getvalue()
