from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest
import trio
import trio.testing

from probe.audit.settings import Settings
from probe.drive import many as subject
from probe.drive.limits import Limits
from probe.drive.many import Many
from probe.drive.tap import Tap
from probe.errors import InputError
from probe.result import Result, Target


def target(number: int) -> Target:
    return Target(input=str(number), host=f"127.0.66.{number}", address=f"127.0.66.{number}", port=number)


class Auditor:
    """In place of real audits: each target takes as long as it was told, on a clock that does not wait."""

    def __init__(self, seconds: dict[int, float]) -> None:
        self.seconds = seconds
        self.open = 0
        self.most_open = 0
        self.ended: list[int] = []

    async def audit(self, asked: Target, _settings: Settings, _limits: Limits, *, tap: Tap | None = None) -> Result:
        assert tap is None
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        await trio.sleep(self.seconds.get(asked.port, 0.001 * asked.port))
        self.open -= 1
        self.ended.append(asked.port)
        return Result(
            target=asked,
            started="",
            elapsed_ms=0,
            depth="standard",
            connections=1,
            bytes_sent=0,
            bytes_received=0,
            status="rdp",
        )


def run(targets: Iterator[Target], auditor: Auditor, monkeypatch: pytest.MonkeyPatch, at_once: int = 4) -> list[object]:
    monkeypatch.setattr(subject, "audit", auditor.audit)

    async def collect() -> list[object]:
        async with Many(settings=Settings(), limits=Limits(), at_once=at_once).audit(targets) as results:
            return [result.target.port if isinstance(result, Result) else result async for result in results]

    return trio.run(collect, clock=trio.testing.MockClock(autojump_threshold=0.01))


def test_results_come_in_the_order_of_the_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    auditor = Auditor({1: 3.0, 2: 2.0, 3: 1.0})
    assert run(iter([target(1), target(2), target(3)]), auditor, monkeypatch) == [1, 2, 3]
    assert auditor.ended == [3, 2, 1]


def test_only_so_many_are_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    auditor = Auditor({})
    assert run((target(number) for number in range(1, 30)), auditor, monkeypatch, at_once=3) == [*range(1, 30)]
    assert auditor.most_open == 3


def test_a_slow_target_does_not_hold_up_those_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    auditor = Auditor({1: 1000.0})
    assert run((target(number) for number in range(1, 30)), auditor, monkeypatch, at_once=2)[0] == 1
    assert auditor.ended[-1] == 1


def test_a_target_that_is_none_comes_last_and_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def targets() -> Iterator[Target]:
        yield target(1)
        yield target(2)
        raise InputError("line 3", "mend it")

    found = run(targets(), Auditor({1: 5.0}), monkeypatch)
    assert found[:2] == [1, 2]
    assert isinstance(found[2], InputError)


def test_what_the_caller_raises_ends_all_audits(monkeypatch: pytest.MonkeyPatch) -> None:
    auditor = Auditor({2: 1000.0})
    monkeypatch.setattr(subject, "audit", auditor.audit)

    async def stop() -> None:
        async with Many(settings=Settings(), limits=Limits()).audit(iter([target(1), target(2)])) as results:
            async for _ in results:
                raise KeyError("enough")

    with pytest.raises(BaseExceptionGroup) as caught:
        trio.run(stop, clock=trio.testing.MockClock(autojump_threshold=0.01))
    assert caught.group_contains(KeyError)
    assert auditor.ended == [1]


def test_a_name_without_address_is_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Target(input="nowhere.invalid", host="nowhere.invalid", port=3389)
    found = run(iter([nowhere]), Auditor({}), monkeypatch)
    assert found == [3389]


def test_every_address_of_a_name_is_asked_or_only_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    async def two(*_arguments: object, **_options: object) -> list[object]:
        return [
            (2, 1, 6, "", ("127.0.66.1", 3389)),
            (2, 1, 6, "", ("127.0.66.2", 3389)),
            (2, 1, 6, "", ("127.0.66.1", 1)),
        ]

    monkeypatch.setattr(trio.socket, "getaddrinfo", two)
    monkeypatch.setattr(subject, "audit", Auditor({}).audit)

    async def addresses(*, one: bool) -> list[str | None]:
        name = iter([Target(input="srv1", host="srv1", port=3389)])
        async with Many(settings=Settings(), limits=Limits(), one_address=one).audit(name) as results:
            return [result.target.address async for result in results if isinstance(result, Result)]

    async def both() -> tuple[list[str | None], list[str | None]]:
        return await addresses(one=False), await addresses(one=True)

    clock = trio.testing.MockClock(autojump_threshold=0.01)
    assert trio.run(both, clock=clock) == (["127.0.66.1", "127.0.66.2"], ["127.0.66.1"])


@pytest.mark.parametrize(("allowed", "per_host", "room"), [(1024, 2, 16), (64, 4, 10), (30, 2, 3), (10, 2, 1)])
def test_no_more_audits_are_under_way_than_there_are_descriptors_for(
    monkeypatch: pytest.MonkeyPatch, allowed: int, per_host: int, room: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (allowed, allowed))
    assert subject.room(subject.AT_ONCE, Limits(per_host=per_host)) == room


def test_without_a_limit_there_is_room_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = resource.RLIM_INFINITY
    monkeypatch.setattr(resource, "getrlimit", lambda _: (endless, endless))
    assert subject.room(16, Limits()) == 16
