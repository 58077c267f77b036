from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.drive.gate import Patience
from probe.scan.gate import Hosts, Pace, Rate, Room, Seat, host_of, subnet_of


def jumping(main: Callable[[], Awaitable[None]]) -> None:
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@settings(deadline=None, max_examples=60)
@given(
    rate=st.sampled_from([0.5, 3.0, 10.0, 100.0, 5000.0]),
    pauses=st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.001, 0.05, 0.5, 7.0]), min_size=1, max_size=60),
)
def test_no_stretch_of_time_has_more_turns_than_the_rate_and_a_tenth_of_a_second_allow(
    rate: float, pauses: list[float]
) -> None:
    began: list[float] = []

    async def main() -> None:
        limiter = Rate(Pace(rate))

        async def one() -> None:
            await limiter.take()
            began.append(trio.current_time())

        async with trio.open_nursery() as nursery:
            for pause in pauses:
                await trio.sleep(pause)
                nursery.start_soon(one)
        assert limiter.waiting == 0

    jumping(main)
    assert len(began) == len(pauses)
    for start, first in enumerate(began):
        for end in range(start, len(began)):
            assert end - start + 1 <= rate * (began[end] - first + 0.1) + 1 + 1e-6


def test_a_rate_is_reached_when_more_is_wanted() -> None:
    async def main() -> None:
        limiter = Rate(Pace(20))
        started = trio.current_time()
        for _ in range(201):
            await limiter.take()
        assert 9.8 <= trio.current_time() - started <= 10.0

    jumping(main)


def test_turns_are_given_in_the_order_of_asking_and_calm_is_told() -> None:
    order: list[int] = []
    calm: list[int] = []

    async def main() -> None:
        limiter = Rate(Pace(1))
        limiter.calm = lambda: calm.append(len(order))

        async def one(number: int) -> None:
            await limiter.take()
            order.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(one, number)
                await trio.sleep(0.01)

    jumping(main)
    assert order == [0, 1, 2, 3, 4]
    assert len(calm) == 1  # only when the last of them had its turn


def test_a_room_is_full_when_every_place_is_taken() -> None:
    room = Room(2)
    assert [(room.try_take(None), room.is_full) for _ in range(3)] == [(True, False), (True, True), (False, True)]
    room.give_back(None)
    assert room.try_take(None)


def test_a_subnet_has_places_of_its_own_and_is_forgotten_when_they_are_free() -> None:
    room = Room(100, per_subnet=2)
    near, far = room.subnet("192.0.2.1"), room.subnet("192.0.3.1")
    freed: list[object] = []
    room.freed = freed.append
    assert room.try_take(near)
    assert room.try_take(near)
    assert not room.try_take(near)
    assert room.try_take(far)
    assert room.taken == 3
    room.give_back(near)
    assert room.try_take(near)
    for subnet in (near, near, far):
        room.give_back(subnet)
    assert freed == [near, near, near, far]
    assert room.taken == 0
    assert not room._subnets


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.255", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("1.0.2.1", "11.0.2.1", False),
        ("2001:db8::1", "2001:db8:0:0:ffff::1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%2", True),
        ("::ffff:192.0.2.7", "192.0.2.9", True),
    ],
)
def test_what_a_subnet_is(one: str, other: str, same: bool) -> None:
    assert (subnet_of(one) == subnet_of(other)) is same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.11", False),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("2001:db8::1", "2001:DB8:0:0::1", True),
        ("fe80::1%eth0", "fe80::1%eth1", False),
        ("fe80::1%eth0", "FE80::1%eth0", True),
        ("a:name", "a:name", True),
    ],
)
def test_what_one_server_is(one: str, other: str, same: bool) -> None:
    assert (host_of(one) == host_of(other)) is same


def test_a_server_has_so_many_audits_and_is_forgotten_after_the_last() -> None:
    hosts = Hosts(2)
    freed: list[object] = []
    hosts.freed = freed.append
    assert [hosts.try_take("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert hosts.try_take("192.0.2.2")
    for host in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        hosts.give_back(host)
    assert freed == ["192.0.2.1", "192.0.2.1", "192.0.2.2"]
    assert not hosts._audits


def test_an_audit_that_has_begun_always_has_a_place_for_one_connection() -> None:
    room = Room(1)
    assert room.try_take(None)
    seat = Seat(room, None)
    for _ in range(3):
        assert seat.try_enter("")
        assert not seat.try_enter("")
        seat.leave("")
    assert room.taken == 1


def test_a_second_connection_takes_a_place_that_is_free_and_gives_it_back() -> None:
    room = Room(2)
    spare: list[int] = []
    room.spare = lambda: spare.append(room.taken)
    assert room.try_take(None)
    seat = Seat(room, None)
    assert seat.try_enter("")
    assert seat.try_enter("")
    assert room.is_full
    seat.leave("")
    assert spare == [1]
    seat.leave("")
    assert spare == [1]


def test_a_second_connection_gets_the_place_of_the_first_where_no_other_is_free() -> None:
    events: list[str] = []

    async def main() -> None:
        room = Room(1)
        assert room.try_take(None)
        seat = Seat(room, None)
        assert seat.try_enter("")

        async def second() -> None:
            await seat.enter("")
            events.append("second")
            seat.leave("")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(second)
            await trio.testing.wait_all_tasks_blocked()
            events.append("first leaves")
            seat.leave("")
        assert room.taken == 1

    jumping(main)
    assert events == ["first leaves", "second"]


def test_only_the_first_connection_of_an_audit_comes_with_its_turn() -> None:
    async def main() -> None:
        room = Room(5, rate=1)
        assert room.rate is not None
        assert room.try_take(None)
        assert room.rate.try_take()  # as the scheduler does for a target that begins
        seat = Seat(room, None)
        started = trio.current_time()
        assert seat.try_enter("")
        assert not seat.try_enter("")
        assert room.taken == 1
        await seat.enter("")
        assert trio.current_time() - started == pytest.approx(0.9)
        seat.leave("")
        seat.leave("")
        assert room.taken == 1

    jumping(main)


def test_who_is_cancelled_while_waiting_for_a_turn_holds_no_place() -> None:
    async def main() -> None:
        room = Room(5, rate=0.01)
        assert room.rate is not None
        assert room.try_take(None)
        assert room.rate.try_take()
        seat = Seat(room, None)
        assert seat.try_enter("")
        with trio.move_on_after(1):
            await seat.enter("")
        assert room.taken == 1
        assert room.rate.waiting == 0
        seat.leave("")

    jumping(main)


def test_a_deadline_stands_still_while_one_waits() -> None:
    async def main() -> None:
        started = trio.current_time()
        with trio.move_on_after(10) as scope:
            patience = Patience(scope)
            await trio.sleep(4)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_wait, patience, 1000.0)
                nursery.start_soon(_wait, patience, 500.0)
            assert scope.deadline == pytest.approx(started + 1010)
            await trio.sleep_forever()
        assert trio.current_time() - started == pytest.approx(1010)

    jumping(main)


async def _wait(patience: Patience, seconds: float) -> None:
    with patience.waiting():
        await trio.sleep(seconds)
