"""What the user asks to be audited, as a stream: names, addresses, blocks, ranges, files, standard input.

Nothing is resolved and nothing is collected here: a block of sixteen million addresses takes no more memory than one.
"""

from __future__ import annotations

import io
import ipaddress
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from probe.errors import InputError
from probe.result import Target

DEFAULT_PORT = 3389
_LABEL = re.compile(r"(?!-)[\w-]{1,63}(?<!-)", re.ASCII)
_LONGEST_NAME = 253
_NUMERIC = re.compile(r"[\d.]+", re.ASCII)
_BYTE_ORDER_MARK = "\ufeff"
_HINT = "give a host name, an address, 10.0.0.0/24, 10.0.0.1-50, [::1]:3390, @file or - for standard input"
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def targets(texts: Iterable[str], ports: Sequence[int]) -> Iterator[Target]:
    """Every target that the texts name, on every port (3389 where none is given).

    Raises InputError for a text that names none.
    """
    for text in texts:
        if text == "-":
            yield from _from_lines(_standard_input(), ports, "standard input")
        elif text.startswith("@"):
            yield from _from_file(text[1:], ports)
        else:
            yield from _parse(text, ports)


def check(texts: Iterable[str]) -> None:
    """Raise InputError for the first text on the command line that names no target, before anything is asked."""
    for text in texts:
        if text != "-" and not text.startswith("@"):
            next(_parse(text, []), None)


def _from_file(name: str, ports: Sequence[int]) -> Iterator[Target]:
    if "\0" in name:
        raise InputError(f"cannot read {name!r}", "a file's name has no NUL")
    try:
        with Path(name).open("rb") as raw, io.TextIOWrapper(raw, _encoding(raw), errors="replace") as lines:
            yield from _from_lines(lines, ports, name)
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror}", "check the name after the @") from error


def _standard_input() -> Iterable[str]:
    """Its lines, whatever bytes they hold; none where it is closed."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    return sys.stdin if sys.stdin is not None else ()


def _encoding(raw: io.BufferedReader) -> str:
    """What a list is written in: PowerShell writes UTF-16 unless told otherwise. Nothing is read: it may be a pipe."""
    return "utf-16" if raw.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"


def _from_lines(lines: Iterable[str], ports: Sequence[int], source: str) -> Iterator[Target]:
    """One target a line; what follows # is a remark."""
    for number, line in enumerate(lines, 1):
        text = line.removeprefix(_BYTE_ORDER_MARK).partition("#")[0].strip()
        if not text:
            continue
        if "\0" in text:
            raise InputError(f"{source}, line {number}: not text", "save the list as text in UTF-8")
        try:
            yield from _parse(text, ports)
        except InputError as error:
            raise InputError(f"{source}, line {number}: {error.what}", error.hint) from error


def _parse(text: str, ports: Sequence[int]) -> Iterator[Target]:
    """One text that is neither a file nor standard input."""
    _refuse_other_notations(text)
    host, port = _split_port(text)
    for address_or_name in _hosts(host, text):
        for each in [port] if port is not None else ports or [DEFAULT_PORT]:
            address = address_or_name if _is_address(address_or_name) else None
            yield Target(input=text, host=address_or_name, address=address, port=each)


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
        raise InputError(f"not a port: {text!r}", "ports are numbers from 1 to 65535; RDP usually has 3389")
    return int(text)


def _hosts(host: str, text: str) -> Iterator[str]:
    """The addresses or the one name that a text without port stands for. Raises InputError."""
    if "/" in host:
        yield from _block(host)
    elif _is_address(host):
        yield host
    elif "-" in host and (span := _span(host)) is not None:
        yield from (str(type(span[0])(number)) for number in range(int(span[0]), int(span[1]) + 1))
    elif _NUMERIC.fullmatch(host):
        raise InputError(f"not an address: {text!r}", "an IPv4 address has four numbers from 0 to 255")
    else:
        yield _name(host, text)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _block(host: str) -> Iterator[str]:
    try:
        network = ipaddress.ip_network(host, strict=False)
    except ValueError as error:
        hint = "a block is 10.0.0.0/24 or 2001:db8::/120; after the slash at most 32, for IPv6 128"
        raise InputError(f"not a block of addresses: {host!r}", hint) from error
    # Of an IPv4 block the first and last address are its own and the broadcast's, except in the smallest two.
    hosts: Iterable[_Address] = network.hosts() if isinstance(network, ipaddress.IPv4Network) else network
    yield from (str(address) for address in hosts)


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
