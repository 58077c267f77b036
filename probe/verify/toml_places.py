"""Where keys and values stand in a TOML document, which `tomllib` does not tell.

Only for text that `tomllib` has accepted, with line feeds for line ends: nothing is checked here a second time. A path
is that of the parsed document, `("waiver", 0, "rules", 1)`, so that a mistake can be shown where it was written.
"""

from __future__ import annotations

import re
import tomllib
from typing import NamedTuple

Path = tuple[str | int, ...]

# No possessive quantifiers: Python 3.11.2, which Debian 12 has, matches too little with them around a group.
_BLANK = re.compile(r"(?:[ \t\n\r]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
# A text in three quotes may end in up to two more of them, which belong to it.
_TEXT = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'[^']*'",
    re.DOTALL,
)
_OTHER = re.compile(r"\d{4}-\d\d-\d\d[ Tt]\d\d:[^\s,\]}#]*|[^\s,\]}#]+")  # a date and its time may stand apart


class Spot(NamedTuple):
    """Offsets in the text. Of a table with a header: of the header; of an element of an array, `key` is its start."""

    key: int
    start: int  # of the value
    end: int


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Both from 1, the column in characters."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def places(text: str) -> dict[Path, Spot]:
    """Every key, table and element of a document that `tomllib` has accepted. Raises RecursionError as that does."""
    return _Scanner(text).document()


class _Scanner:
    """One pass over the text, with the place that it has come to."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, Spot] = {}
        self.lengths: dict[Path, int] = {}  # of arrays of tables

    def document(self) -> dict[Path, Spot]:
        table: Path = ()
        while self._skip() < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self.found

    def _skip(self, more: int = 0) -> int:
        """Pass so many characters, then whatever says nothing."""
        found = _BLANK.match(self.text, self.at + more)
        self.at = self.at + more if found is None else found.end()
        return self.at

    def _header(self) -> Path:
        start = self.at
        brackets = 2 if self.text.startswith("[[", start) else 1
        self._skip(brackets)
        keys = self._keys()
        self._skip()
        self.at += brackets
        path: Path = ()
        for name, at in keys:
            path = (*path, name)
            self.found.setdefault(path, Spot(at, start, self.at))
            if (name, at) == keys[-1] and brackets == 2:
                self.lengths[path] = self.lengths.get(path, 0) + 1
            if path in self.lengths:
                path = (*path, self.lengths[path] - 1)
                self.found.setdefault(path, Spot(at, start, self.at))
        self.found[path] = Spot(keys[-1][1], start, self.at)  # it may have been a part of another's name before
        return path

    def _pair(self, table: Path) -> None:
        keys = self._keys()
        path = (*table, *(name for name, _at in keys))
        self._skip()
        self._skip(len("="))
        start, end = self._value(path)
        for number, (_name, at) in enumerate(keys[:-1], len(table) + 1):
            self.found.setdefault(path[:number], Spot(at, start, end))
        self.found[path] = Spot(keys[-1][1], start, end)

    def _keys(self) -> list[tuple[str, int]]:
        """The parts of a dotted key, with where each begins."""
        keys = []
        while True:
            start = self.at
            found = _BARE.match(self.text, start) or _TEXT.match(self.text, start)
            assert found is not None, start
            name = found[0]
            keys.append((_unquoted(name) if name[0] in "\"'" else name, start))
            self.at = found.end()
            if self._skip() >= len(self.text) or self.text[self.at] != ".":
                return keys
            self._skip(len("."))

    def _value(self, path: Path) -> tuple[int, int]:
        start = self.at
        first = self.text[start]
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        else:
            found = _TEXT.match(self.text, start) or _OTHER.match(self.text, start)
            assert found is not None, start
            self.at = found.end()
        return start, self.at

    def _array(self, path: Path) -> None:
        number = 0
        self._skip(len("["))
        while self.text[self.at] != "]":
            start, end = self._value((*path, number))
            self.found[*path, number] = Spot(start, start, end)
            number += 1
            self._next()
        self.at += 1

    def _inline_table(self, path: Path) -> None:
        self._skip(len("{"))
        while self.text[self.at] != "}":
            self._pair(path)
            self._next()
        self.at += 1

    def _next(self) -> None:
        """Behind a value, and behind the comma that may follow."""
        if self.text[self._skip()] == ",":
            self._skip(len(","))


def _unquoted(key: str) -> str:
    """A quoted key without its quotes and escapes."""
    unquoted: str = tomllib.loads(f"key = {key}")["key"]
    return unquoted
