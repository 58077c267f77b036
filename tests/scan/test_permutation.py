from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probe.scan.permutation import Permutation

SEEDS = st.integers(0, 2**64 - 1)


@given(st.integers(1, 700), SEEDS)
def test_every_number_comes_exactly_once(size: int, seed: int) -> None:
    assert sorted(map(Permutation(size, seed).at, range(size))) == list(range(size))


@given(st.integers(1, 2**140), SEEDS, st.data())
def test_numbers_of_a_huge_space_stay_in_it_and_apart(size: int, seed: int, data: st.DataObject) -> None:
    positions = data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=20))
    order = Permutation(size, seed)
    found = [order.at(position) for position in positions]
    assert len(set(found)) == len(positions)
    assert all(0 <= number < size for number in found)


def test_the_order_is_the_same_on_every_machine() -> None:
    """Written down once: resumed scans and shards on other machines rely on it."""
    assert [Permutation(2**32, 0x7F3A).at(position) for position in range(4)] == [
        3807606553,
        1249692681,
        1082531017,
        951466946,
    ]
    assert [Permutation(10, 1).at(position) for position in range(10)] == [5, 6, 9, 3, 0, 4, 2, 1, 7, 8]


def test_seeds_give_different_orders() -> None:
    orders = {tuple(map(Permutation(50, seed).at, range(50))) for seed in range(40)}
    assert len(orders) == 40


def test_neighbors_in_the_order_are_seldom_neighbors_in_the_space() -> None:
    """A /16 as it is asked: no /24 has much more than its share of any thousand in a row."""
    order = Permutation(2**16, 5)
    for start in range(0, 60_000, 1000):
        nets = [order.at(position) >> 8 for position in range(start, start + 1000)]
        assert max(nets.count(net) for net in set(nets)) <= 20  # about 4 each
