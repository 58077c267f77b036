from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import Unavailable
from probe.scan import space as space_module
from probe.scan.exclusion import Exclusions
from probe.scan.space import Space, name_key, restored, stored
from probe.scan.targets import parse, targets

NOTHING = Exclusions()


def space(*texts: str, ports: Iterable[int] = (3389,), excluded: Exclusions = NOTHING) -> Space:
    return Space(map(parse, texts), tuple(ports), excluded)


def content(found: Space) -> list[tuple[str, int]]:
    return [(target.host, target.port) for target in map(found.at, range(found.size))]


_HOST = st.integers(0, 40).map(lambda number: f"10.0.0.{number}")
_SIX = st.integers(1, 40).map(lambda number: f"2001:db8::{number:x}")
_TEXT = st.one_of(
    _HOST,
    _SIX,
    st.builds("{}:{}".format, _HOST, st.integers(3388, 3390)),
    st.builds("10.0.0.{}-{}".format, st.integers(0, 20), st.integers(20, 40)),
    st.builds("10.0.0.{}/{}".format, st.integers(0, 40), st.integers(27, 32)),
    st.builds("2001:db8::{:x}/{}".format, st.integers(0, 40), st.integers(124, 128)),
    st.sampled_from(["a.example", "A.example.", "b.example", "b.example:3388", "fe80::1%lo"]),
)


@given(
    st.lists(_TEXT, max_size=12),
    st.sampled_from([(), (3389,), (3390, 3388)]),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), max_size=3),
    st.sampled_from([2, 4096]),
)
def test_it_is_the_set_of_its_targets(
    texts: list[str], ports: tuple[int, ...], spans: list[tuple[int, int]], few: int
) -> None:
    """Against the plain expansion into a set; the same with the spans on disk."""
    excluded = Exclusions((f"10.0.0.{first}", f"10.0.0.{first + more}") for first, more in spans)
    naive = {
        (name_key(target.host), target.port)
        for target in targets(texts, ports)
        if target.address is None or not excluded.covers(target.address)
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(space_module, "_FEW", few)
        found = space(*texts, ports=ports, excluded=excluded)
        listed = content(found)
    assert len(listed) == len(naive) == found.size
    assert {(name_key(host), port) for host, port in listed} == naive


def test_targets_say_what_one_would_type() -> None:
    found = space("192.0.2.0/31", "[2001:DB8:0::7]:5", "Srv1.example", "fe80::1%lo")
    listed = [found.at(number) for number in range(found.size)]
    assert [(target.input, target.host, target.address) for target in listed] == [
        ("2001:db8::7",) * 3,
        ("192.0.2.0",) * 3,
        ("192.0.2.1",) * 3,
        ("fe80::1%lo",) * 3,
        ("Srv1.example", "Srv1.example", None),
    ]


def test_equal_spaces_have_one_fingerprint() -> None:
    same = {
        space("10.0.0.0-255").fingerprint,
        space("10.0.0.128-255", "10.0.0.7", "10.0.0.0-127").fingerprint,
        space("10.0.0.0-10.0.1.5", excluded=Exclusions([("10.0.1.0", "10.0.255.255")])).fingerprint,
        space("10.0.0.0-255:3389", ports=[7]).fingerprint,
    }
    assert len(same) == 1
    others = {space("10.0.0.0-254").fingerprint, space("10.0.0.0-255", ports=[1]).fingerprint, space("a").fingerprint,
              space("a", excluded=Exclusions([("10.0.0.1", "10.0.0.1")])).fingerprint}  # fmt: skip
    assert len(others | same) == 5


def test_what_is_no_host_is_left_out_of_a_block() -> None:
    found = space("223.255.255.254-224.0.0.9")
    assert content(found) == [("223.255.255.254", 3389), ("223.255.255.255", 3389)]
    assert found.left_out
    assert not space("10.0.0.0/8").left_out


def test_the_largest_spaces() -> None:
    everything = space("0.0.0.0/0", "::/0", ports=range(1, 4))
    # IPv4 without 0/8, 224/4 and the broadcast address; IPv6 without ::, multicast, and what stands for those of IPv4
    each = (2**32 - 2**24 - 2**28 - 1) + (2**128 - 1 - 2**120 - 2 * (2**24 + 2**28 + 1))
    assert everything.size == 3 * each
    assert everything.at(0).host == "1.0.0.0"
    last = everything.at(everything.size - 1)
    assert (last.host, last.port) == ("feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 3)


def test_public_addresses_are_counted_once_whatever_their_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    assert space("11.0.0.0-255", "10.0.0.0/8", ports=(1, 2)).public() == 256
    assert space("11.0.0.0-255", "11.0.0.128-11.0.1.127:5").public() == 384
    scattered = [f"11.0.{number}.0-9" for number in range(100)]
    monkeypatch.setattr(space_module, "_FEW", 10)
    assert (space(*scattered).size, space(*scattered, "10.0.0.1").public()) == (1000, 1000)
    assert space("11.0.0.0-255", excluded=Exclusions([("11.0.0.0", "11.0.0.9")])).public() == 246


def test_names_are_one_however_they_are_spelled() -> None:
    assert name_key("Srv1.Example.") == name_key("srv1.example")
    assert name_key("BÜCHER.example") == name_key("xn--bcher-kva.example")
    assert content(Space(map(parse, ["A", "b"]), (), NOTHING, frozenset({"a"}))) == [("b", 3389)]
    zone = Exclusions([("fe80::1", "fe80::1")])
    assert content(Space(map(parse, ["fe80::1%lo", "fe80::2%lo"]), (), zone)) == [("fe80::2%lo", 3389)]


@given(st.lists(st.integers(0, 2**150), min_size=2))
def test_numbers_of_any_size_keep_their_order_on_disk(numbers: list[int]) -> None:
    database = space_module.open_database()
    database.execute("CREATE TABLE t (n)")
    database.executemany("INSERT INTO t VALUES (?)", ((stored(number),) for number in numbers))
    assert [restored(value) for (value,) in database.execute("SELECT n FROM t ORDER BY n")] == sorted(numbers)
    database.close()


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    small = space_module.open_database()
    small.execute("PRAGMA max_page_count = 8").close()
    monkeypatch.setattr(space_module, "open_database", lambda: small)
    with pytest.raises(Unavailable, match="cannot sort the targets") as caught:
        space(*(str(ipaddress.IPv4Address(number)) for number in range(2**24, 2**24 + 20_000, 2)))
    assert "SQLITE_TMPDIR" in caught.value.hint
    small.close()
