"""Which targets a pattern means."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InputError
from probe.result import Target
from probe.verify.targets import check, matches


def target(host: str, address: str | None = None, port: int = 3389, given_as: str | None = None) -> Target:
    return Target(input=given_as or host, host=host, port=port, address=address)


SRV1 = target("Srv1.Corp.Example", "192.0.2.7", given_as="srv1.corp.example:3389")
SIX = target("six.example", "2001:db8::7", port=3390)


@pytest.mark.parametrize(
    "pattern",
    [
        *("srv1.corp.example", "SRV1.corp.EXAMPLE", "srv1.corp.example.", "*.corp.example", "srv?.corp.*", "*"),
        *("srv[0-9].corp.example", "srv1.corp.example:3389", "*:3389", "192.0.2.7", "192.0.2.7:3389", "192.0.2.*"),
        *("192.0.2.0/24", "192.0.2.7/32", "0.0.0.0/0", "::ffff:192.0.2.0/120", "::ffff:192.0.2.7"),
    ],
)
def test_what_fits(pattern: str) -> None:
    check(pattern)
    assert matches(pattern, SRV1)


@pytest.mark.parametrize(
    "pattern",
    [
        *("srv1", "corp.example", "*.example.org", "srv1.corp.example:3390", "192.0.2.70", "192.0.2.8", "192.0.3.0/24"),
        *("::/0", "2001:db8::/32", "::1", "srv[2-9].corp.example", "*:339"),
    ],
)
def test_what_does_not_fit(pattern: str) -> None:
    check(pattern)
    assert not matches(pattern, SRV1)


@pytest.mark.parametrize(
    "pattern",
    [
        *("2001:db8::7", "2001:DB8:0::0007", "[2001:db8::7]", "[2001:db8::7]:3390", "[2001:db8:0::7]:3390"),
        *("[2001:db8::7]:*", "[2001:db8::*]:3390", "2001:db8::/32", "2001:db8::*", "six.example:3390"),
    ],
)
def test_addresses_of_six_words_in_any_form(pattern: str) -> None:
    assert matches(pattern, SIX)
    assert not matches(pattern, target("seven.example", "2001:db9::8", port=3390 if "example" not in pattern else 1))


def test_an_address_that_maps_an_older_one_is_that_one() -> None:
    mapped = target("::ffff:192.0.2.7")
    assert matches("192.0.2.0/24", mapped)
    assert matches("192.0.2.7", mapped)
    assert matches("192.0.2.7:3389", mapped)


def test_a_name_without_an_address_fits_by_name_alone() -> None:
    unresolved = target("srv1.example")
    assert matches("*.example", unresolved)
    assert not matches("0.0.0.0/0", unresolved)


def test_a_wide_block_of_newer_addresses_holds_no_older_ones() -> None:
    assert not matches("::/64", target("x", "192.0.2.7"))
    assert matches("::ffff:0:0/96", target("x", "192.0.2.7"))
    assert not matches("::fffe:0:0/96", target("x", "192.0.2.7"))


@pytest.mark.parametrize(
    ("pattern", "what", "hint"),
    [
        ("", "'' is no pattern of targets", "give a name"),
        (" srv1", "' srv1' is no pattern", "give a name"),
        ("10.0.0.0/33", "no block of addresses", "10.0.0.0/8"),
        ("srv1/24", "no block of addresses", "10.0.0.0/8"),
        ("10.0.0.1/8", "bits set behind its prefix", "did you mean 10.0.0.0/8?"),
        ("2001:db8::1/32", "bits set behind its prefix", "did you mean 2001:db8::/32?"),
        ("srv1:0", "there is no port 0", "1 to 65535"),
        ("srv1:65536", "there is no port 65536", "1 to 65535"),
        ("srv[1", "a bracket that is not closed", "give a name"),
    ],
)
def test_a_pattern_that_can_fit_nothing_is_refused(pattern: str, what: str, hint: str) -> None:
    with pytest.raises(InputError) as raised:
        check(pattern)
    assert what in raised.value.what
    assert hint in raised.value.hint


def test_the_highest_port_is_one() -> None:
    assert matches("srv1:65535", target("srv1", port=65535))


@given(st.ip_addresses(v=4), st.integers(0, 32), st.ip_addresses(v=4))
def test_blocks_hold_what_the_standard_library_says(
    network: ipaddress.IPv4Address, prefix: int, address: ipaddress.IPv4Address
) -> None:
    block = ipaddress.ip_network((network, prefix), strict=False)
    assert matches(str(block), target("name.example", str(network)))
    for written in (str(address), f"::ffff:{address}"):
        assert matches(str(block), target("name.example", written)) == (address in block)
        assert matches(f"::ffff:{block.network_address}/{96 + prefix}", target(written)) == (address in block)


@given(st.ip_addresses(v=6), st.integers(0, 128), st.ip_addresses(v=6))
def test_so_do_blocks_of_newer_addresses(
    network: ipaddress.IPv6Address, prefix: int, address: ipaddress.IPv6Address
) -> None:
    block = ipaddress.ip_network((network, prefix), strict=False)
    for each in (network, address):
        if each.ipv4_mapped is None:
            assert matches(str(block), target("name.example", str(each))) == (each in block)


@given(st.text(max_size=20), st.text(max_size=10))
def test_any_text_is_a_pattern_or_refused(pattern: str, host: str) -> None:
    try:
        check(pattern)
    except InputError:
        return
    matches(pattern, target(host))


@given(st.from_regex(r"[a-z0-9]{1,8}(\.[a-z0-9]{1,8}){0,2}", fullmatch=True), st.integers(1, 65535))
def test_a_target_fits_its_own_names(host: str, port: int) -> None:
    described = target(host, port=port)
    assert matches(host, described)
    assert matches(f"{host}:{port}", described)
    assert matches(host.upper(), described)
