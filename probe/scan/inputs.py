"""Lists of targets as people and other programs write them, read as a stream and told apart line by line.

Known are: plain lists (a target a line, # starts a remark), zmap's list and CSV, masscan's JSON, NDJSON, list, grepable
text and XML, nmap's XML and grepable text, the NDJSON of an earlier scan; any of them in UTF-8, UTF-16 or as .zst.
Of other programs' lists only what is open on TCP counts.
"""

from __future__ import annotations

import io
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from probe.errors import InputError
from probe.scan.compressed import FRAME
from probe.scan.targets import Piece, parse

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

_LONGEST_LINE = 4 * 1024 * 1024  # characters: a result with every attempt in it has some hundred thousand
_LONGEST_WINDOW = 1 << 27  # of zstandard: what its command line takes without being told to take more
_OTHERWISE = (  # compressed: how it begins, what it is, what reads it; RFC 1952, the .xz format 1.1, bzip2, APPNOTE
    (b"\x1f\x8b", "gzip", "zcat"),
    (b"\xfd7zXZ\0", "xz", "xzcat"),
    (b"BZh", "bzip2", "bzcat"),
    (b"PK\x03\x04", "zip", "unzip -p"),
)
_BYTE_ORDER_MARK = "\ufeff"
_STANDARD_INPUT = "standard input"
_UTF_8_MARK = b"\xef\xbb\xbf"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")

Vet = Callable[[Piece], None]
Skip = Callable[[InputError], None]  # told of a line that names no target; where there is none, that ends the list


def pieces_of(text: str, vet: Vet = lambda _: None, skip: Skip | None = None) -> Iterator[Piece]:
    """What one text of the command line names; @file and - are read on the way.

    `vet` may raise InputError for a piece; it is told with its file and line. Raises InputError; with `skip` not for
    a line of a list that can be passed over.
    """
    if text == "-":
        raw = _standard_input()
        yield from () if raw is None else _pieces(raw, _STANDARD_INPUT, vet, skip)
    elif text.startswith("@"):
        yield from _from_file(text[1:], vet, skip)
    else:
        piece = parse(text)
        vet(piece)
        yield piece


def _standard_input() -> BinaryIO | None:
    """Its bytes; None where it is closed. Whoever calls us as a library may have put text in its place.

    It is opened anew: a thread that still waits for sys.stdin when the program ends would make Python abort.
    """
    if sys.stdin is None:
        return None
    if not hasattr(sys.stdin, "buffer"):
        return io.BytesIO(sys.stdin.read().encode())
    try:
        return open(sys.stdin.fileno(), "rb", closefd=False)
    except io.UnsupportedOperation:  # it is none of the system's
        return sys.stdin.buffer


def _from_file(name: str, vet: Vet, skip: Skip | None) -> Iterator[Piece]:
    if "\0" in name:
        raise InputError(f"cannot read {name!r}", "a file's name has no NUL")
    try:
        with Path(name).open("rb") as raw:
            yield from _pieces(raw, name, vet, skip)
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror}", _hint(error)) from error


def _hint(error: OSError) -> str:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return "check the name of the list"
        case PermissionError():
            return "see to the permissions of the list"
        case _:
            return "give the name of a file"


def _pieces(raw: BinaryIO, source: str, vet: Vet, skip: Skip | None) -> Iterator[Piece]:
    """What a list names. The raw bytes stay open."""
    with ExitStack() as stack:
        plain = io.BufferedReader(cast("io.RawIOBase", raw)) if isinstance(raw, io.BytesIO) else raw
        content = cast("io.BufferedReader", plain)
        if content.peek(4)[:4] == FRAME:
            content = io.BufferedReader(_Decompressed(content, source))
            stack.callback(content.detach)
        start = content.peek(64)  # as much as is there: nothing is read twice, for it may be a pipe
        _refuse_compression(start, source)
        if start.removeprefix(_UTF_8_MARK).lstrip()[:1] == b"<":
            from probe.scan.inputs_xml import open_ports

            found = open_ports(content.read1, source)
        else:
            encoding = "utf-16" if start[:2] in _UTF_16_MARKS else "utf-8"
            lines = io.TextIOWrapper(content, encoding, errors="replace")
            stack.callback(lines.detach)
            found = _from_lines(lines, source, skip)
        for line, piece in found:
            try:
                vet(piece)
            except InputError as error:
                _refuse(_at(source, line, error), skip)
            else:
                yield piece


def _refuse(error: InputError, skip: Skip | None) -> None:
    if skip is None:
        raise error
    skip(error)


def _refuse_compression(start: bytes, source: str) -> None:
    """Raise InputError for what is compressed, but not as .zst."""
    for begin, what, program in _OTHERWISE:
        if start.startswith(begin) and not start[3:10].isalpha():  # a name may begin with BZh
            hint = f"{program} {'FILE' if source == _STANDARD_INPUT else shlex.quote(source)} | rdp-probe scan -"
            raise InputError(f"{source}: compressed with {what}", hint)


class _Decompressed(io.RawIOBase):
    """What a .zst holds, over any number of frames. Raises InputError where it is damaged."""

    def __init__(self, raw: io.BufferedReader, source: str) -> None:
        import zstandard

        decompressor = zstandard.ZstdDecompressor(max_window_size=_LONGEST_WINDOW)
        self._reader = decompressor.stream_reader(raw, read_across_frames=True, closefd=False)
        self._error = zstandard.ZstdError
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, room: Buffer, /) -> int:
        try:
            return self._reader.readinto(room)
        except self._error as error:
            raise InputError(f"{self._source}: damaged: {error}", "check it with zstd --test") from error


def _from_lines(lines: io.TextIOWrapper, source: str, skip: Skip | None) -> Iterator[tuple[int, Piece]]:
    """Pieces with the numbers of their lines. Raises InputError."""
    from probe.scan.inputs_lines import Reader

    reader = Reader()
    number = 0
    while line := _line(lines, source, number + 1):
        number += 1
        text = line.strip() if number > 1 else line.removeprefix(_BYTE_ORDER_MARK).strip()
        if not text:
            continue
        if "\0" in text:
            _refuse(_not_text(source, number), skip)
            continue
        try:
            for piece in reader.pieces(text):
                yield number, piece
        except InputError as error:
            _refuse(_at(source, number, error), skip)
    try:
        reader.end()
    except InputError as error:
        _refuse(_at(source, number, error), skip)


def _line(lines: io.TextIOWrapper, source: str, number: int) -> str:
    line = lines.readline(_LONGEST_LINE)
    if len(line) == _LONGEST_LINE:
        hint = "a list has one target a line; of JSON in one line, jq -c '.[]' makes one object a line"
        raise InputError(f"{source}, line {number}: longer than {_LONGEST_LINE:,} characters", hint)
    return line


def _not_text(source: str, line: int) -> InputError:
    return InputError(f"{source}, line {line}: not text", "save the list as text in UTF-8")


def _at(source: str, line: int, error: InputError) -> InputError:
    return InputError(f"{source}, line {line}: {error.what}", error.hint)
