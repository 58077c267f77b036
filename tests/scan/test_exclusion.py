from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.scan.exclusion import Exclusions, address_text, join


def v4(number: int) -> str:
    return str(ipaddress.IPv4Address(number))


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)), max_size=8)


@given(SPANS, st.integers(0, 80), st.integers(0, 80))
def test_it_is_the_set_of_its_addresses(drawn: list[tuple[int, int]], low: int, high: int) -> None:
    exclusions = Exclusions((v4(first), v4(first + more)) for first, more in drawn)
    members = {number for first, more in drawn for number in range(first, first + more + 1)}
    assert {number for number in range(90) if exclusions.covers(v4(number))} == members
    left = [number for first, last in exclusions.rest(4, low, high) for number in range(first, last + 1)]
    assert left == [number for number in range(low, high + 1) if number not in members]
    assert bool(exclusions) == bool(members)


@given(SPANS)
def test_its_spans_make_it_again(drawn: list[tuple[int, int]]) -> None:
    spans = Exclusions((v4(first), v4(first + more)) for first, more in drawn).spans()
    again = Exclusions(spans)
    assert again.spans() == spans
    numbers = [(int(ipaddress.ip_address(low)), int(ipaddress.ip_address(high))) for low, high in spans if "." in low]
    assert [span for span in numbers if span[1] < 2**32] == list(join(sorted((a, a + more) for a, more in drawn)))


def test_an_address_of_ipv4_is_excluded_in_its_ipv6_form_and_the_other_way_round() -> None:
    assert Exclusions([("10.0.0.1", "10.0.0.9")]).covers("::ffff:10.0.0.5")
    assert Exclusions([("::ffff:10.0.0.1", "::ffff:10.0.0.9")]).covers("10.0.0.5")
    assert not Exclusions([("10.0.0.1", "10.0.0.9")]).covers("::ffff:10.0.0.10")


def test_an_address_of_ipv4_is_excluded_in_its_nat64_form() -> None:
    excluded = Exclusions([("10.0.0.1", "10.0.0.9"), ("::ffff:10.0.1.1", "::ffff:10.0.1.1")])
    assert excluded.covers("64:ff9b::10.0.0.5")
    assert excluded.covers("64:ff9b::10.0.1.1")
    assert not excluded.covers("64:ff9b::10.0.0.10")
    assert excluded.spans() == (("10.0.0.1", "10.0.0.9"), ("10.0.1.1", "10.0.1.1"))
    assert Exclusions(excluded.spans()).covers("64:ff9b::10.0.1.1")
    more = Exclusions([*excluded.spans(), ("64:ff9b::10.0.0.8", "64:ff9b::10.0.0.11"), ("::", "::1")])
    assert Exclusions(more.spans()).spans() == more.spans()
    assert more.covers("64:ff9b::10.0.0.11")
    assert not more.covers("10.0.0.11")


def test_who_does_not_want_nat64_still_wants_ipv4() -> None:
    excluded = Exclusions([("64:ff9b::", "64:ff9b::ffff:ffff")])
    assert excluded.covers("64:ff9b::10.0.0.5")
    assert not excluded.covers("10.0.0.5")


def test_all_of_ipv6_is_not_ipv4() -> None:
    everything = Exclusions([("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")])
    assert everything.covers("2001:db8::1")
    assert not everything.covers("10.0.0.1")


def test_a_zone_does_not_matter() -> None:
    assert Exclusions([("fe80::1", "fe80::1")]).covers("fe80::1%eth0")


def test_what_is_no_span_is_refused() -> None:
    with pytest.raises(ValueError, match="two kinds"):
        Exclusions([("10.0.0.1", "::1")])
    with pytest.raises(ValueError, match="does not appear"):
        Exclusions([("10.0.0.1", "srv1")])


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**128 - 1))
def test_addresses_are_written_as_everyone_writes_them(small: int, large: int) -> None:
    assert address_text(4, small) == str(ipaddress.IPv4Address(small))
    assert address_text(6, large) == str(ipaddress.IPv6Address(large))
