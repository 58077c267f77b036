"""One line of a list of targets, whoever wrote it.

Sources of the formats: zmap's output modules csv and json (fields saddr, sport, success), masscan's out-json.c,
out-ndjson.c, out-text.c and out-grepable.c, nmap's reference guide ("Grepable Output").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from probe.errors import InputError
from probe.scan.targets import Piece, Span, parse, parse_port, plain

_LONGEST_OBJECT = 64 * 1024  # characters of one that takes several lines
_ADDRESS_COLUMNS = ("saddr", "ip", "address", "addr", "host")
_PORT_COLUMNS = ("sport", "port")
_FINISHED = re.compile(r'\{\s*"?finished"?\s*:\s*\d+\s*\}')  # masscan's last record; the name had no quotes
_LISTED = re.compile(r"(open|closed|banner|unknown|filtered) +(\w+) +(\d+) +(\S+)(?: .*)?", re.ASCII)
_GREPABLE = re.compile(r"(?:Timestamp: \d+\t)?Host: (\S+) \([^\t]*\)(?:\t(.*))?", re.ASCII)
_GREPABLE_PORT = re.compile(r"(?<![^\s,])(\d{1,5})/open/tcp/", re.ASCII)
_WITHOUT_HEADER = re.compile(r"[0-9A-Fa-f.:]+, *\d+(?:,.*)?", re.ASCII)
_WITHOUT_PORTS = re.compile(r" (-s[nPL])(?= |$)", re.ASCII)
_LONGEST_SHOWN = 200  # characters of a line, in a hint
_NOT_OURS = "known are masscan's and zmap's JSON and the results of an earlier scan"


_T = TypeVar("_T")


class _Port(msgspec.Struct):
    port: int
    proto: str = "tcp"
    status: str = "open"  # not said beside a banner, which only an open port has


class _State(msgspec.Struct):
    status: str = "open"


class _Asked(msgspec.Struct):
    host: str
    port: int


class _Record(msgspec.Struct):
    """What masscan, zmap, zgrab2 or this program write of one host."""

    ip: str | None = None
    saddr: str | None = None
    ports: list[_Port] | None = None
    port: int | None = None
    sport: int | None = None
    proto: str = "tcp"
    data: _State | None = None
    success: int | bool = True
    target: _Asked | None = None


_RECORD = msgspec.json.Decoder(_Record)
_RECORDS = msgspec.json.Decoder(list[_Record])


class Reader:
    """Lines in order, without their ends and never empty. It knows which columns a header named."""

    def __init__(self) -> None:
        self._columns: list[str] | None = None
        self._first = True
        self._object = ""  # the lines of one that is not whole yet
        self._pings: str | None = None  # how nmap was told to look for no port
        self._any = False  # whether its list names one all the same

    def pieces(self, line: str) -> Iterable[Piece]:
        """What one line names. Raises InputError, also while that is read."""
        if self._columns is None and not self._object and (piece := plain(line)) is not None:
            self._first, self._any = False, True
            return (piece,)
        return self._pieces(line)

    def _pieces(self, line: str) -> Iterator[Piece]:
        if line[0] == "#":
            self._pings = self._pings or pinged(line if line.startswith("# Nmap ") else "")
            return
        if self._object:
            yield from self._continue(line)
            return
        if self._columns is not None:
            yield from _row(line, self._columns)
            return
        if line[0] in "{[],":
            yield from self._json(line)
            return
        first, self._first = self._first, False
        if first and (columns := _header(line)):
            self._columns = columns
        elif " " in line and (found := _of_a_scanner(line)) is not None:
            self._any = self._any or bool(found)
            yield from found
        elif "," in line and _WITHOUT_HEADER.fullmatch(line):
            yield from _row(line, ["saddr", "sport"])
        elif text := line.partition("#")[0].rstrip():
            yield _alone(text)
            self._any = True

    def end(self) -> None:
        """Raise InputError where the list ends within an object, or could name no target."""
        if self._object:
            raise InputError("the list ends within a JSON object", "let whoever writes it finish")
        if self._pings and not self._any:
            raise no_ports(self._pings)

    def _json(self, line: str) -> Iterator[Piece]:
        bare = line.strip(", ")
        if bare in {"", "[", "]", "[]"} or _FINISHED.fullmatch(bare.rstrip("] ")):
            return
        if bare in {"{", "[{"}:
            self._object = "{"
        elif bare.startswith("[{") and bare.endswith("]"):
            for record in _decoded(_RECORDS, bare):
                yield from _recorded(record)
        elif bare.lstrip("[ ").startswith("{"):
            text = bare.lstrip("[ ")
            yield from _recorded(_decoded(_RECORD, text.rstrip("] ") if text.endswith("]") else text))
        else:
            yield _alone(line.partition("#")[0].rstrip())  # [::1]:3390

    def _continue(self, line: str) -> Iterator[Piece]:
        """An object over several lines, as jq prints it."""
        self._object += f"\n{line.rstrip(',') if line[0] == '}' else line}"
        if len(self._object) > _LONGEST_OBJECT:
            self._object = ""
            raise InputError("a JSON object that does not end", _NOT_OURS)
        if line[0] == "}" and self._object.count("{") <= self._object.count("}"):
            whole, self._object = self._object, ""
            yield from _recorded(_decoded(_RECORD, whole.rstrip("] \n")))


def pinged(command: str) -> str | None:
    """The option by which an nmap that was started so looks for hosts alone."""
    match = _WITHOUT_PORTS.search(command)
    return match[1] if match else None


def no_ports(option: str) -> InputError:
    """What to say of a list that nmap wrote so."""
    hint = "let it ask: nmap -p 3389 --open; or give rdp-probe the addresses themselves"
    return InputError(f"names no open TCP port: nmap {option} asked none", hint)


def _alone(text: str) -> Piece:
    """The target of a line without its remark. Raises InputError, for more than a target with how it is written."""
    try:
        return parse(text)
    except InputError as error:
        shown = text[:_LONGEST_SHOWN]
        first, *others = re.split(r"[\s,;]+", shown)
        if not others:
            raise
        if text.startswith("Nmap scan report for "):
            hint = "give what nmap -oX or -oG wrote; -oN is for people"
        elif not _is_address(first):
            hint = "a list has one target a line; a remark begins with #"
        elif not others[0]:
            hint = f"a list has one target a line, without a comma: {first}"
        elif all(_is_address(each) for each in others):
            hint = "a list has one target a line: put each on a line of its own"
        else:
            hint = f"a list has one target a line; a remark begins with #: {first} # {' '.join(others)}"
        raise InputError(f"not a target: {shown!r}", hint) from error


def _is_target(text: str) -> bool:
    try:
        parse(text)
    except InputError:
        return False
    return True


def _is_address(text: str) -> bool:
    """Whether it can be no word of a remark: it has a dot or a colon within, as addresses and full names do."""
    return bool(re.search(r"\w[.:]\w|::", text)) and _is_target(text)


def _decoded(decoder: msgspec.json.Decoder[_T], text: str) -> _T:
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise InputError(f"not a record of targets: {error}", _NOT_OURS) from error


def _recorded(record: _Record) -> Iterator[Piece]:
    """The targets of one record."""
    if record.target is not None:
        yield found(record.target.host, record.target.port)
        return
    host = record.ip or record.saddr
    if host is None:
        raise InputError("a JSON object without ip, saddr or target", _NOT_OURS)
    if not record.success or record.proto != "tcp" or (record.data is not None and record.data.status != "open"):
        return
    if record.ports is not None:
        yield from (found(host, each.port) for each in record.ports if (each.proto, each.status) == ("tcp", "open"))
    else:
        yield found(host, record.port if record.port is not None else record.sport)


def found(host: str, port: int | None) -> Piece:
    """A host that another program names, with its open port if it says so. Raises InputError."""
    piece = parse(host)
    if piece.port is not None:
        raise InputError(f"not a host: {host!r}", "its port stands in a place of its own")
    if isinstance(piece, Span) and piece.typed is None:
        raise InputError(f"not a host: {host!r}", "such a record names one address; a block is a line of its own")
    if port is None:
        return piece
    if not 1 <= port <= 65535:
        raise InputError(f"not a port: {port}", "ports are numbers from 1 to 65535")
    text = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return piece._replace(text=text, port=port, found=True)


def _header(line: str) -> list[str] | None:
    """The columns that a first line names; None where it names none."""
    columns = _cells(line.lower())
    if columns == ["saddr"] or (len(columns) > 1 and not set(columns).isdisjoint(_ADDRESS_COLUMNS)):
        return columns
    return None


def _cells(line: str) -> list[str]:
    if '"' not in line:
        return [cell.strip() for cell in line.split(",")]
    import csv

    try:
        return [cell.strip() for cell in next(csv.reader([line]))]
    except csv.Error as error:
        raise InputError(f"not a row of CSV: {error}", "zmap writes such rows with --output-module=csv") from error


def _row(line: str, columns: list[str]) -> Iterator[Piece]:
    """One row of CSV; rows of hosts that did not answer as they should are passed over."""
    row = dict(zip(columns, _cells(line), strict=False))
    if row.get("success") in {"0", "false"}:
        return
    host = next((row[name] for name in _ADDRESS_COLUMNS if row.get(name)), None)
    if host is None:
        raise InputError(f"a row without an address: {line[:80]!r}", f"the columns are {', '.join(columns)[:200]}")
    port = next((row[name] for name in _PORT_COLUMNS if row.get(name)), None)
    yield found(host, None if port is None else parse_port(port))


def _of_a_scanner(line: str) -> list[Piece] | None:
    """The list of masscan, or the grepable text of masscan or nmap; None where it is neither."""
    if match := _LISTED.fullmatch(line):
        kind, protocol, port, host = match.groups()
        return [found(host, parse_port(port))] if kind in {"open", "banner"} and protocol == "tcp" else []
    if match := _GREPABLE.fullmatch(line):
        return [found(match[1], parse_port(port)) for port in _GREPABLE_PORT.findall(match[2] or "")]
    return None
