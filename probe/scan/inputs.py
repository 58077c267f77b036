"""Lists of targets as people and other programs write them, read as a stream."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from probe.errors import InputError
from probe.scan.targets import Piece, parse

_BYTE_ORDER_MARK = "\ufeff"


def pieces_of(text: str, vet: Callable[[Piece], None] = lambda _: None) -> Iterator[Piece]:
    """What one text of the command line names; @file and - are read on the way.

    `vet` may raise InputError for a piece; it is told with its file and line. Raises InputError.
    """
    if text == "-":
        yield from _from_lines(_standard_input(), "standard input", vet)
    elif text.startswith("@"):
        yield from _from_file(text[1:], vet)
    else:
        yield _vetted(text, vet)


def _vetted(text: str, vet: Callable[[Piece], None]) -> Piece:
    piece = parse(text)
    vet(piece)
    return piece


def _from_file(name: str, vet: Callable[[Piece], None]) -> Iterator[Piece]:
    if "\0" in name:
        raise InputError(f"cannot read {name!r}", "a file's name has no NUL")
    try:
        with Path(name).open("rb") as raw, io.TextIOWrapper(raw, _encoding(raw), errors="replace") as lines:
            yield from _from_lines(lines, name, vet)
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


def _from_lines(lines: Iterable[str], source: str, vet: Callable[[Piece], None]) -> Iterator[Piece]:
    """One piece a line; what follows # is a remark."""
    for number, line in enumerate(lines, 1):
        text = line.removeprefix(_BYTE_ORDER_MARK).partition("#")[0].strip()
        if not text:
            continue
        if "\0" in text:
            raise InputError(f"{source}, line {number}: not text", "save the list as text in UTF-8")
        try:
            yield _vetted(text, vet)
        except InputError as error:
            raise InputError(f"{source}, line {number}: {error.what}", error.hint) from error
