"""What the user asks to be audited, as a stream: names, addresses, blocks, ranges, files, standard input.

Nothing is resolved and nothing is collected here: a block of sixteen million addresses takes no more memory than one.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from probe.errors import InputError
from probe.result import Target
from probe.scan.exclusion import MAPPED, V4, address_text

DEFAULT_PORT = 3389
_LABEL = re.compile(r"(?!-)[\w-]{1,63}(?<!-)", re.ASCII)
_LONGEST_NAME = 253
_OCTETS = {str(number): number for number in range(256)}
# What a resolver takes for an address, of fewer numbers than four too, in octal and in hexadecimal (inet_aton(3)).
_NUMERIC = re.compile(r"(?=.)(?:0x[\da-f]*|\d*)(?:\.(?:0x[\da-f]*|\d*))*", re.ASCII | re.IGNORECASE)
_HINT = "give a host name, an address, 10.0.0.0/24, 10.0.0.1-50, [::1]:3390, @file or - for standard input"
_PORTS = re.compile(r"(\d{1,5})[,-](\d{1,5})(?:[,-]\d{1,5})*", re.ASCII)
# No name on the Internet ends so (IANA, Root Zone Database).
_LIST = re.compile(r".+\.(txt|lst|list|csv|tsv|xml|json|jsonl|ndjson|gnmap|nmap|log|zst)", re.ASCII | re.IGNORECASE)
_SHOWN_PORTS = 8
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Name(NamedTuple):
    """A host that is no plain address: a name, or an address with a zone."""

    text: str  # as the user gave it
    host: str
    port: int | None  # None: whatever ports are asked
    found: bool = False  # as of a span


class Span(NamedTuple):
    """Addresses from first to last, as numbers of IPv4 or IPv6."""

    text: str
    version: int  # 4 or 6
    first: int
    last: int
    port: int | None
    typed: str | None = None  # the one address as it was written
    block: bool = False  # of IPv4, so that its first and last address are the network's own
    found: bool = False  # another program saw this port open, so that only it is worth asking

    def hosts(self) -> Span:
        """Without the network's own address and its broadcast address, which all but the smallest two blocks have."""
        if not self.block or self.last - self.first < 2:
            return self
        return self._replace(first=self.first + 1, last=self.last - 1, block=False)


Piece = Name | Span


def targets(texts: Iterable[str], ports: Sequence[int]) -> Iterator[Target]:
    """Every target that the texts name, on every port (3389 where none is given).

    Raises InputError for a text that names none.
    """
    from probe.scan.inputs import pieces_of

    for text in texts:
        for piece in pieces_of(text):
            yield from expand(piece, ports)


def expand(piece: Piece, ports: Sequence[int]) -> Iterator[Target]:
    """The targets of a piece, in order. Of ports that another program found open, only those asked count."""
    of_each = ports_of(piece, ports)
    if isinstance(piece, Name):
        address = piece.host if _is_address(piece.host) else None
        for port in of_each:
            yield Target(input=piece.text, host=piece.host, address=address, port=port)
        return
    asked = piece.hosts()
    for number in range(asked.first, asked.last + 1):
        host = piece.typed or address_text(piece.version, number)
        for port in of_each:
            yield Target(input=piece.text, host=host, address=host, port=port)


def ports_of(piece: Piece, ports: Sequence[int]) -> Sequence[int]:
    """On which ports a piece is asked when the user gave these (none: 3389).

    A port of its own wins over what the user gave. Where another program says which ports are open, those are asked
    that the user gave, or all of them where the user gave none.
    """
    if piece.port is None:
        return ports or [DEFAULT_PORT]
    if passes_over(ports, piece):
        return ()
    return [piece.port]


def passes_over(ports: Sequence[int], piece: Piece) -> bool:
    """Whether another program found a port open that the user did not ask for."""
    return bool(piece.found and ports) and piece.port not in ports


def other_ports(found: Iterable[int | None]) -> InputError:
    """What to say where lists have nothing but such ports."""
    numbers = sorted(port for port in found if port is not None)
    shown = list(map(str, numbers[:_SHOWN_PORTS]))
    if more := len(numbers) - len(shown):
        shown.append(f"{more} others" if more > 1 else "1 other")
    which = f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)
    hint = "leave --port out to ask those that the list names, or give --port for each that you want"
    return InputError(f"there is no target left: the lists have other ports open than --port asks: {which}", hint)


def check(texts: Iterable[str], *, labels: bool = False) -> None:
    """Raise InputError for the first text on the command line that names no target, before anything is asked.

    A file is one too, where its name could be a host's but for the @ that was forgotten; a single label only with
    `labels`, for hosts have such names, and files beside them.
    """
    for text in texts:
        if text == "-" or text.startswith("@"):
            continue
        try:
            is_name = isinstance(parse(text), Name)
        except InputError:
            _refuse_file(text, labels=True)
            raise
        if is_name:
            _refuse_file(text, labels=labels)


def _refuse_file(text: str, *, labels: bool) -> None:
    """Raise InputError where a list was meant."""
    as_name = "with a final dot it is a host's name"
    if (labels or "." in text) and _holds_something(text):
        hint = f"did you mean @{text}?" + ("" if "/" in text else f" {as_name}")
        raise InputError(f"{text!r} is a file here", hint)
    if _LIST.fullmatch(text) and "/" not in text:
        raise InputError(f"there is no file {text!r} here", f"a list is given as @{text}; {as_name}")


def _holds_something(name: str) -> bool:
    """Whether it is a file with content: a shell makes an empty one for output before we begin."""
    try:
        path = Path(name)
        return path.is_file() and path.stat().st_size > 0
    except (OSError, ValueError):
        return False


def parse(text: str) -> Piece:
    """One text that is neither a file nor standard input. Raises InputError."""
    return plain(text) or _parsed(text)


def plain(text: str) -> Span | None:
    """An IPv4 address with nothing around it, as most lines of a long list are; None for all else."""
    try:
        first, second, third, fourth = text.split(".", 3)
        number = _OCTETS[first] << 24 | _OCTETS[second] << 16 | _OCTETS[third] << 8 | _OCTETS[fourth]
    except (ValueError, KeyError):
        return None
    return Span(text, 4, number, number, None, text)


def _parsed(text: str) -> Piece:
    _refuse_other_notations(text)
    host, port = _split_port(text)
    if "/" in host:
        return _block(host, text, port)
    if (address := _address(host)) is not None:
        if "%" in host:
            return Name(text, host, port)
        return _folded(Span(text, address.version, int(address), int(address), port, typed=host))
    if "-" in host and (span := _span(host)) is not None:
        return _folded(Span(text, span[0].version, int(span[0]), int(span[1]), port))
    if _NUMERIC.fullmatch(host):
        raise InputError(f"not an address: {text!r}", "an IPv4 address has four numbers from 0 to 255")
    return Name(text, _name(host, text), port)


def _refuse_other_notations(text: str) -> None:
    """Raise InputError for what is often typed in place of a target, with the way to write it here."""
    if "://" in text:
        raise InputError(f"not a target: {text!r}", "give the host alone, or with a port as in srv1.example:3389")
    if "," in text or ";" in text:
        raise InputError(f"not a target: {text!r}", "several targets are separated by spaces, in a file by lines")
    if "@" in text[1:]:
        raise InputError(f"not a target: {text!r}", "leave the user name out: this program never logs in")


def _split_port(text: str) -> tuple[str, int | None]:
    """A host and the port behind it, if there is one. Raises InputError."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise InputError(
                f"not a target: {text!r}", "IPv6 is written [::1]:3390 with a port, and 2001:db8::/120 as a block"
            )
        return host, parse_port(rest[1:]) if rest else None
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, parse_port(port)
    return text, None


def parse_port(text: str) -> int:
    """A TCP port. Raises InputError."""
    if not text.isascii() or not text.isdigit() or len(text) > 5 or not 1 <= int(text) <= 65535:
        if several := _PORTS.fullmatch(text):
            hint = f"one port at a time; on the command line repeat --port: --port {several[1]} --port {several[2]}"
            raise InputError(f"not a port: {text!r}", hint)
        raise InputError(f"not a port: {text!r}", "ports are numbers from 1 to 65535; RDP usually has 3389")
    return int(text)


def _is_address(host: str) -> bool:
    return _address(host) is not None


def _address(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _block(host: str, text: str, port: int | None) -> Span:
    try:
        network = ipaddress.ip_network(host, strict=False)
    except ValueError as error:
        hint = "a block is 10.0.0.0/24 or 2001:db8::/120; after the slash at most 32, for IPv6 128"
        raise InputError(f"not a block of addresses: {host!r}", hint) from error
    first = int(network.network_address)
    last = first + network.num_addresses - 1
    return _folded(Span(text, network.version, first, last, port, block=True))


def _folded(span: Span) -> Span:
    """IPv4 addresses in their form of IPv6 as what they are: the same hosts. The rest of IPv6 has no broadcast."""
    if span.version == 4:
        return span
    if span.first >= MAPPED and span.last < MAPPED + V4:
        return span._replace(version=4, first=span.first - MAPPED, last=span.last - MAPPED)
    return span._replace(block=False)


def _span(host: str) -> tuple[_Address, _Address] | None:
    """First and last address of a range; None where the text is no range. Raises InputError for one backwards."""
    low, _, high = host.partition("-")
    try:
        first = ipaddress.ip_address(low)
    except ValueError:
        return None
    if high.isascii() and high.isdigit() and isinstance(first, ipaddress.IPv4Address):
        high = f"{low.rpartition('.')[0]}.{high}"
    try:
        last = ipaddress.ip_address(high)
    except ValueError as error:
        raise InputError(f"not a range: {host!r}", "a range is 10.0.0.1-50 or 10.0.0.1-10.0.1.20") from error
    if type(first) is not type(last) or int(last) < int(first):
        raise InputError(f"not a range: {host!r}", "the second address must be of the same kind and not the smaller")
    return first, last


def _name(host: str, text: str) -> str:
    """A host name that DNS could know. Raises InputError."""
    try:
        ascii_name = host.rstrip(".").encode("idna").decode("ascii")
    except UnicodeError as error:
        raise InputError(f"not a host name: {text!r}", _HINT) from error
    labels = ascii_name.split(".")
    if not ascii_name or len(ascii_name) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise InputError(f"not a target: {text!r}", _HINT)
    if _NUMERIC.fullmatch(ascii_name):
        raise InputError(f"not an address: {text!r}", "write its numbers with the digits 0 to 9")
    return host
