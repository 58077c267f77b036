"""What is wrong with a parsed policy file, in words that say where, and what was probably meant."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

from probe.verify.kinds import KINDS
from probe.verify.toml_places import Path

_LONGEST = 60  # characters of what was found
_ALIKE = 0.6
_FEW = 8  # names that fit into a hint
_SECTIONS = ("override",)  # tables that have sections of their own
# What people call things that have another name in a result.
_ALSO = {
    "nla": "HYBRID",
    "credssp": "HYBRID",
    "tls": "SSL",
    "rdsaad": "RDSAAD",
    "aad": "RDSAAD",
    "standard": "RDP",
    "warn": "warning",
    "info": "note",
    "critical": "error",
    "disabled": "unsupported",
    "optional": "offered",
}


class Mistake(NamedTuple):
    """Where it is, and what to say of it. `of_key`: it is the key that is wrong and not its value."""

    path: Path
    what: str
    hint: str
    of_key: bool = False


def mistakes(value: object, shape: Any, path: Path = ()) -> Iterator[Mistake]:
    """Everything in a parsed document that does not fit its type, in the document's order."""
    bare = _bare(shape, value)
    if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        if isinstance(value, dict):
            yield from _of_table(value, bare, path)
        else:
            yield _misfit(value, shape, path)
        return
    inside: list[Mistake] = []
    if get_origin(bare) is list and isinstance(value, list):
        [element] = get_args(bare)
        inside = [found for number, each in enumerate(value) for found in mistakes(each, element, (*path, number))]
    yield from inside
    if not inside and not _fits(value, shape):
        yield _misfit(value, shape, path)


def name_of(path: Path) -> str:
    """What people call a place: "tls.min_version", also where it is that of an override or in its longer form."""
    parts = [part for part in path if isinstance(part, str)]
    if parts[:1] == ["override"] and len(parts) > 1:
        del parts[0]
    if parts[-1:] == ["value"]:
        del parts[-1]
    return ".".join(parts)


def near(word: str, known: Iterable[str]) -> list[str]:
    """What was probably meant by a word: at most two names."""
    names = list(known)
    word = word[:_LONGEST]
    squeezed = {name: _squeezed(name) for name in names}
    wanted = _squeezed(word)
    also = _ALSO.get(wanted)
    if also in names:
        return [also]
    same = [name for name in names if wanted and squeezed[name] == wanted]
    ending = [name for name in names if len(wanted) > 1 and squeezed[name].endswith(wanted)]
    return (same or ending or get_close_matches(word, names, 1, _ALIKE))[:2]


def meant(word: str, known: Iterable[str], otherwise: str) -> str:
    """A hint that names what was probably meant, or else says something."""
    found = near(word, known)
    return f"did you mean {' or '.join(quoted(each) for each in found)}?" if found else otherwise


def quoted(value: object) -> str:
    """A value as a file would have it, cut to what fits into a line."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, bool | str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _fits(value: object, shape: Any) -> bool:
    if value == [] or (isinstance(value, float) and not math.isfinite(value)):
        return False
    try:
        msgspec.convert(value, shape)
    except msgspec.ValidationError:
        return False
    return True


def _of_table(value: dict[str, object], struct: type[msgspec.Struct], path: Path) -> Iterator[Mistake]:
    fields = {each.encode_name: each for each in msgspec.structs.fields(struct)}
    for key, inner in value.items():
        if key in fields:
            yield from mistakes(inner, fields[key].type, (*path, key))
        else:
            yield _unknown(key, inner, fields, path)
    for key, each in fields.items():
        if each.required and key not in value:
            hint = _description(each.type) or f"a longer form has the value itself: {key} = …"
            yield Mistake(path, f'{name_of(path)}: "{key}" is missing', f"{key}: {hint}", of_key=True)


def _unknown(key: str, value: object, fields: Iterable[str], path: Path) -> Mistake:
    """A key that this table does not have: misspelled, or that of another table."""
    is_outside = name_of(path) in ("", *_SECTIONS)
    full = name_of((*path, key))
    what = f"unknown {'section' if is_outside and isinstance(value, dict) else 'key'} {quoted(full)}"
    here = [name_of((*path, each)) for each in fields]
    if key in KINDS or full in KINDS:
        return Mistake((*path, key), what, f"write it without quotes: {key}", of_key=True)
    elsewhere = [each for each in KINDS if each.rpartition(".")[2] == key]
    hint = meant(full, here, "")
    if elsewhere and key not in near(key, fields):
        hint = meant(key, elsewhere, "")
    if not hint:
        hint = meant(full, KINDS, "docs/policy.md has every key; rdp-probe policy show --toml strict is an example")
    return Mistake((*path, key), what, hint, of_key=True)


def _misfit(value: object, shape: Any, path: Path) -> Mistake:
    """A value of another type, or none of those that there are."""
    bare, name = _bare(shape, value), name_of(path)
    choices = [each for each in get_args(bare) if isinstance(each, str)] if get_origin(bare) is Literal else []
    if choices and isinstance(value, str):
        several = f"it is one of {', '.join(choices)}" if len(choices) > _FEW else f"one of {', '.join(choices)}"
        return Mistake(path, f"unknown value {quoted(value)} of {name}", meant(value, choices, several))
    if get_origin(bare) is list and isinstance(value, str):
        hint = f"put it into brackets: [{quoted(value)}]"
    elif name in KINDS:
        hint = f"for example: {name.rpartition('.')[2]} = {KINDS[name].example}"
    else:
        hint = _description(shape) or "docs/policy.md has every key"
    return Mistake(path, f"{name}: expected {_expected(bare, shape)}, found {quoted(value)}", hint)


def _expected(bare: Any, shape: Any) -> str:
    """A type in words."""
    if get_origin(bare) is Literal:
        return f"one of {', '.join(map(str, get_args(bare)))}"
    if get_origin(bare) is list:
        inner = _bare(get_args(bare)[0], None)
        return (
            "a list of tables" if isinstance(inner, type) and issubclass(inner, msgspec.Struct) else "a list of names"
        )
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    return words.get(bare, "a date such as 2027-01-31" if bare.__name__ == "date" else "a table") + _range(shape)


def _range(shape: Any) -> str:
    least = [each.ge for each in _metas(shape) if each.ge is not None]
    most = [each.le for each in _metas(shape) if each.le is not None]
    return "".join([*(f", {each} or more" for each in least), *(f", {each} at most" for each in most)])


def _description(shape: Any) -> str | None:
    return next((each.description for each in _metas(shape) if each.description), None)


def _metas(shape: Any) -> Iterator[msgspec.Meta]:
    """What is said of a type and of those within it that a value may have."""
    if get_origin(shape) is Annotated:
        inner, *more = get_args(shape)
        yield from (each for each in more if isinstance(each, msgspec.Meta))
        yield from _metas(inner)
    elif get_origin(shape) in (Union, UnionType):
        for each in get_args(shape):
            yield from _metas(each)


def _bare(shape: Any, value: object) -> Any:
    """The one type that a value should have, without what is said of it: of a table the longer form of a key."""
    while get_origin(shape) in (Annotated, Union, UnionType):
        first, *more = (each for each in get_args(shape) if each is not msgspec.UnsetType)
        if get_origin(shape) is not Annotated and more and isinstance(value, dict):
            first = more[-1]
        shape = first
    return shape


def _squeezed(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
