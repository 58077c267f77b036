from __future__ import annotations

import ipaddress

import pytest

from probe.errors import InputError
from probe.scan import manners
from probe.scan.targets import parse


@pytest.mark.parametrize(
    "text",
    [
        "224.0.0.1",
        "239.255.255.250:3389",
        "224.0.0.0/8",
        "255.255.255.255",
        "0.0.0.0",
        "0.0.0.0/32",
        "::",
        "ff02::1",
        "ff02::1%lo",
        "::ffff:224.0.0.1",
        "ff00::/8",
        "224.0.0.1-50",
    ],
)
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a host") as caught:
        manners.refuse(parse(text))
    assert "stand for many hosts" in caught.value.hint


@pytest.mark.parametrize(
    "text", ["10.0.0.0/8", "0.0.0.0/0", "223.255.255.1-224.0.0.5", "::/0", "fe80::1%lo", "srv1.example", "240.0.0.1"]
)
def test_what_holds_hosts_is_not(text: str) -> None:
    manners.refuse(parse(text))


def test_an_address_that_a_name_leads_to() -> None:
    assert [address for address in ("10.0.0.255", "fe80::1%eth0", "127.0.0.1", "::1") if manners.is_askable(address)]
    assert not any(map(manners.is_askable, ("224.0.0.251", "ff02::fb%eth0", "255.255.255.255", "0.0.0.0", "::")))


def test_the_rest_of_a_block_is_asked() -> None:
    first, last = (int(ipaddress.ip_address(text)) for text in ("223.255.255.1", "240.0.0.5"))
    edges = [str(ipaddress.ip_address(number)) for span in manners.askable(4, first, last) for number in span]
    assert edges == ["223.255.255.1", "223.255.255.255", "240.0.0.0", "240.0.0.5"]


@pytest.mark.parametrize(
    ("text", "number"),
    [("10.0.0.0/8", 0), ("192.0.2.0/24", 0), ("11.0.0.0/24", 256), ("9.255.255.0-10.0.0.255", 256), ("fc00::/7", 0),
     ("2001:db8::/32", 0), ("2a00::/120", 256), ("100.64.0.0/10", 0), ("127.0.0.0/8", 0)],
)  # fmt: skip
def test_public_addresses(text: str, number: int) -> None:
    piece = parse(text)
    assert piece._fields[0] == "text"
    assert manners.public(piece.version, piece.first, piece.last) == number  # type: ignore[union-attr]


def test_public_agrees_with_the_standard_library() -> None:
    """On the first address of every /16 outside multicast; where it differs, a few assignments inside 192.0.0.0/24."""
    for high in range(2**16):
        number = high << 16 | 0x0101
        expected = ipaddress.IPv4Address(number).is_global and not ipaddress.IPv4Address(number).is_multicast
        assert manners.public(4, number, number) == int(expected), ipaddress.IPv4Address(number)
