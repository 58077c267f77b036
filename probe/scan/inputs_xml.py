"""The open TCP ports in nmap's XML (nmap.dtd) and in masscan's, which follows it. Nothing is kept but the host at hand.

A list comes from anywhere: entities are refused before they can expand, and depth and length are bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.parsers import expat

from probe.errors import InputError
from probe.scan.inputs_lines import found, no_ports, pinged
from probe.scan.targets import Piece, parse_port

_CHUNK = 64 * 1024
_LONGEST_TOKEN = 4 * 1024 * 1024  # bytes: a script's output stands in one attribute
_DEEPEST = 100  # nmap's own have about eight
_MOST_ADDRESSES = 16  # of one host; nmap writes one, and its hardware address


def open_ports(read: Callable[[int], bytes], source: str) -> Iterator[tuple[int, Piece]]:
    """Each open port of each host, with the line where the host ends. Raises InputError."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = lambda name: reader.end(name, parser.CurrentLineNumber)
    parser.EntityDeclHandler = _refuse_entity
    fed, ended = 0, False
    while not ended:
        chunk = read(_CHUNK)
        fed, ended = fed + len(chunk), not chunk
        try:
            parser.Parse(chunk, ended)
            _bound(fed - parser.CurrentByteIndex)
        except InputError as error:
            raise InputError(f"{source}, line {parser.CurrentLineNumber}: {error.what}", error.hint) from error
        except expat.ExpatError as error:
            why = f"{source}, line {error.lineno}: not well-formed XML: {expat.ErrorString(error.code)}"
            raise InputError(why, "give what nmap -oX wrote, when nmap has finished") from error
        try:
            yield from reader.take()
        except InputError as error:
            raise InputError(f"{source}, line {reader.line}: {error.what}", error.hint) from error
    if reader.pings and not reader.any:
        none = no_ports(reader.pings)
        raise InputError(f"{source}: {none.what}", none.hint)


def _bound(pending: int) -> None:
    """Raise InputError where the parser collects too much of one element, in bytes."""
    if pending > _LONGEST_TOKEN:
        raise InputError("one element is longer than 4 MiB", "give what nmap -oX wrote")


def _refuse_entity(*_: object) -> None:
    raise InputError("XML with entities of its own", "nmap writes none; who made this file?")


class _Reader:
    """What the elements say: host/address, host/ports/port, host/ports/port/state."""

    def __init__(self) -> None:
        self.pings: str | None = None  # how nmap was told to look for no port
        self.any = False  # whether there is one all the same
        self.line = 0  # where the host ends that was taken last
        self._done: list[tuple[int, list[str], dict[int, None]]] = []  # each host's end, addresses and ports
        self._path: list[str] = []
        self._addresses: list[str] = []
        self._ports: dict[int, None] = {}  # in order, each once
        self._port = ""

    def take(self) -> Iterator[tuple[int, Piece]]:
        """What was found since the last time, made one by one: a host may have 65,535 ports. Raises InputError."""
        done, self._done = self._done, []
        for self.line, addresses, ports in done:
            for host in addresses:
                for port in ports:
                    self.any = True
                    yield self.line, found(host, port)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        if len(self._path) > _DEEPEST:
            raise InputError(f"XML more than {_DEEPEST} elements deep", "give what nmap -oX wrote")
        if len(self._path) == 1 and name != "nmaprun":
            raise InputError(f"XML of {name[:40]!r} and not of nmap", "give what nmap -oX or masscan -oX wrote")
        if name == "host":
            self._addresses, self._ports = [], {}
        elif name == "nmaprun":
            self.pings = pinged(attributes.get("args", ""))
        elif name == "address" and attributes.get("addrtype") in {"ipv4", "ipv6"}:
            if len(self._addresses) == _MOST_ADDRESSES:
                raise InputError(f"a host with more than {_MOST_ADDRESSES} addresses", "give what nmap -oX wrote")
            self._addresses.append(attributes.get("addr", ""))
        elif name == "port":
            self._port = attributes.get("portid", "") if attributes.get("protocol") == "tcp" else ""
        elif name == "state" and self._path[-2:-1] == ["port"] and attributes.get("state") == "open" and self._port:
            self._ports[parse_port(self._port)] = None

    def end(self, name: str, line: int) -> None:
        self._path.pop()
        if name == "host":
            self._done.append((line, self._addresses, self._ports))
            self._addresses, self._ports = [], {}
