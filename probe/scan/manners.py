"""What a scan does not do to a network: ask addresses that stand for many hosts, or a great many without a rate."""

from __future__ import annotations

from probe.errors import InputError
from probe.language import _
from probe.scan.exclusion import Exclusions
from probe.scan.targets import Piece, Span

_FIRST_V4, _LAST_V4 = 0x01000000, 0xDFFFFFFF  # between this network and multicast
MANY = 65_536  # public addresses; more than so many want a rate

# Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890): what cannot be a destination of TCP.
_UNASKABLE = Exclusions(
    [
        ("0.0.0.0", "0.255.255.255"),  # noqa: S104  this network (RFC 791, 3.2); Linux takes 0.0.0.0 as itself
        ("224.0.0.0", "239.255.255.255"),  # multicast (RFC 5771)
        ("255.255.255.255", "255.255.255.255"),  # limited broadcast (RFC 919)
        ("::", "::"),  # unspecified (RFC 4291, 2.5.2)
        ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),  # multicast (RFC 4291, 2.7)
    ]
)
# The same registries: not globally reachable. Of IPv6 only 2000::/3 is given out (IANA IPv6 Global Unicast).
_NOT_PUBLIC = Exclusions(
    [
        ("0.0.0.0", "0.255.255.255"),  # noqa: S104
        ("10.0.0.0", "10.255.255.255"),
        ("100.64.0.0", "100.127.255.255"),
        ("127.0.0.0", "127.255.255.255"),
        ("169.254.0.0", "169.254.255.255"),
        ("172.16.0.0", "172.31.255.255"),
        ("192.0.0.0", "192.0.0.255"),
        ("192.0.2.0", "192.0.2.255"),
        ("192.168.0.0", "192.168.255.255"),
        ("198.18.0.0", "198.19.255.255"),
        ("198.51.100.0", "198.51.100.255"),
        ("203.0.113.0", "203.0.113.255"),
        ("224.0.0.0", "255.255.255.255"),
        ("::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ]
)


def is_askable(address: str) -> bool:
    """Whether an address, with or without a zone, is one host: not multicast, broadcast or unspecified."""
    return not _UNASKABLE.covers(address)


def askable(version: int, first: int, last: int) -> list[tuple[int, int]]:
    """A span without what is no host."""
    if version == 4 and first >= _FIRST_V4 and last <= _LAST_V4:  # nearly all
        return [(first, last)]
    return list(_UNASKABLE.rest(version, first, last))


def public(version: int, first: int, last: int) -> int:
    """How many addresses of a span belong to the Internet."""
    return sum(high - low + 1 for low, high in _NOT_PUBLIC.rest(version, first, last))


def refuse(piece: Piece) -> None:
    """Raise InputError for what asks for no host at all: multicast, broadcast, an unspecified address."""
    if isinstance(piece, Span):
        if piece.version == 4 and piece.first >= _FIRST_V4 and piece.last <= _LAST_V4:
            return  # nearly all
        refused = not askable(piece.version, piece.first, piece.last)
    else:
        refused = "%" in piece.host and not is_askable(piece.host)
    if refused:
        raise InputError(
            f"not a host: {piece.text!r}",
            "multicast, broadcast and unspecified addresses are not asked: they stand for many hosts or for none",
        )


def left_out_remark() -> str:
    """That a block holds addresses that are no hosts."""
    return _("Multicast, broadcast and unspecified addresses are left out.")


def many_remark(number: int) -> str:
    """That so many public addresses want a rate."""
    return _(
        "{number} public addresses without --rate: set one that the networks between can bear, such as --rate 500.",
        number=f"{number:,}",
    )
