"""The text of a policy file, parsed, with what it takes to say where something in it is wrong."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any, NamedTuple

from probe.errors import InputError
from probe.verify import builtin
from probe.verify.meant import A_DATE, date_hint, near
from probe.verify.policy_mistakes import Mistake
from probe.verify.toml_places import Path, Spot, line_and_column, places

MOST = 10  # mistakes that are told at once
_LARGEST = 1_000_000  # bytes; the built-in ones have some thousands
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SYNTAX = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL)
_DATE = re.compile(r"=\s*(?P<date>\d+(?P<by>[-./])\d+(?P=by)\d+)")  # right or wrong
_YES_OR_NO = re.compile(r"(?P<yes>true|yes|on)|false|no|off", re.IGNORECASE)
_WRONG_QUOTES = (
    "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb\u2039\u203a\u2033\u2032\u00b4`\uff02\uff07"
)
_SYNTAX_HINTS = {
    "cannot overwrite": "each key may stand there once",
    "cannot declare": "each [table] may stand there once, and no key of its name",
    "unescaped '\\'": "in double quotes a backslash is written twice; single quotes take it as it is",
    "invalid value": 'texts stand in quotes: nla = "required"',
    "invalid date": A_DATE,
}
_A_LINE = "a line of TOML is key = value; docs/policy.md has examples"
_TOP = Spot(0, 0, 0)
_TOO_DEEP = "a policy needs no more than two levels"


class _Placed(NamedTuple):
    """A mistake with its place."""

    line: int
    column: int
    what: str
    hint: str

    @property
    def said(self) -> str:
        return f"line {self.line}, column {self.column}: {self.what}"


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A file as it was read. `file` is None for a built-in policy."""

    name: str  # as people gave it
    file: str | None
    text: str
    values: dict[str, Any]

    def has(self, path: Path) -> bool:
        """Whether something stands at a path."""
        return path in places(self.text)

    def error(self, mistake: Mistake) -> InputError:
        """What is wrong, and where it was written."""
        return _at(self.name, self._placed([mistake])[0])

    def refuse(self, found: Sequence[Mistake]) -> None:
        """Raises InputError where there is a mistake: the first in the file, with those that follow it."""
        if found:
            first, *others = self._placed(found)
            raise _at(self.name, first, others)

    def _placed(self, found: Sequence[Mistake]) -> list[_Placed]:
        """Line, column, what and hint, as they follow each other in the file."""
        spots = places(self.text)
        placed = []
        for each in found:
            spot = spots.get(each.path, _TOP)
            at = spot.key if each.of_key else spot.start
            placed.append(_Placed(*line_and_column(self.text, at), each.what, each.hint))
        return sorted(placed)


def read_text(name: str) -> PolicyText:
    """A built-in policy by its name, or else a file. Raises InputError where it is not there or is no TOML."""
    if name in builtin.names():
        return parsed(name, None, builtin.text(name))
    return parsed(name, name, _decoded(name, _bytes(name)))


def parsed(name: str, file: str | None, text: str) -> PolicyText:
    """A text as TOML. Raises InputError with line and column."""
    text = text.replace("\r\n", "\n")
    try:
        return PolicyText(name, file, text, tomllib.loads(text))
    except RecursionError:
        raise InputError(f"cannot read {name}: something in it is nested too deeply", _TOO_DEEP) from None
    except ValueError as error:  # also a number that is too long for Python
        raise _syntax_error(name, text, str(error)) from None


def _bytes(name: str) -> bytes:
    try:
        with File(name).open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        if name and isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            raise InputError(
                f"cannot read {name}: {error.strerror}", "give a TOML file, or a built-in policy"
            ) from None
        raise _no_such(name) from None
    if len(data) > _LARGEST:
        raise InputError(f"cannot read {name}: it is larger than {_LARGEST // 1_000_000} MB", "is it a policy?")
    return data


def _no_such(name: str) -> InputError:
    """A name that is neither a file's nor a built-in policy's."""
    beside = f"{name}.toml"
    if name and _is_file(beside):
        return InputError(f"there is no file {name!r}, and no built-in policy of that name", f"did you mean {beside}?")
    word = File(name).name.removesuffix(".toml")
    begun = [each for each in builtin.names() if word and each.startswith(word.lower())]
    meant = begun or near(word, builtin.names())
    hint = f"did you mean {' or '.join(meant)}? rdp-probe policy list names all" if meant else "rdp-probe policy list"
    return InputError(f"there is no file {name!r}, and no built-in policy of that name", hint)


def _is_file(name: str) -> bool:
    try:
        return File(name).is_file()
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return False


def _decoded(name: str, data: bytes) -> str:
    if data.startswith(_UTF16):
        raise InputError(f"cannot read {name}: it is UTF-16, as Windows PowerShell writes it", "save it as UTF-8")
    try:
        return data.decode("utf-8-sig")  # some editors of Windows put a mark in front
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        line, column = line_and_column(before, len(before))
        raise _at(name, _Placed(line, column, "this is not UTF-8", "save it as UTF-8")) from None


def _syntax_error(name: str, text: str, words: str) -> InputError:
    """What `tomllib` says, in our order."""
    found = _SYNTAX.fullmatch(words)
    if found is None:
        return InputError(f"cannot read {name}: a number in it is too long", "no key takes such a number")
    what = found["what"][:1].lower() + found["what"][1:]
    hint = next((hint for start, hint in _SYNTAX_HINTS.items() if what.startswith(start)), _A_LINE)
    if found["line"] is None:
        return _at(name, _Placed(*line_and_column(text, len(text)), what, hint))
    line, column = int(found["line"]), int(found["column"])
    better = _better_hint(text.split("\n")[line - 1], column)
    return _at(name, _Placed(line, column, what, better or hint))


def _better_hint(line: str, column: int) -> str | None:
    """What was probably meant by what stands there, where that can be told."""
    if line[column - 1 : column] in tuple(_WRONG_QUOTES):
        return f"{line[column - 1]} is no quotation mark of TOML: texts stand in \" or '"
    if date := _DATE.search(line):
        return date_hint(date["date"])
    word = re.match(r"\w+", line[column - 1 :])
    said = word and _YES_OR_NO.fullmatch(word[0])
    return f"TOML writes {'true' if said['yes'] else 'false'}" if said else None


def _at(name: str, first: _Placed, more: Sequence[_Placed] = ()) -> InputError:
    others = [(each.said, each.hint) for each in more[: MOST - 1]]
    if len(more) >= MOST:
        others.append(("there are more mistakes", "mend these first"))
    return InputError(f"cannot read {name}: {first.said}", first.hint, others)
