"""What is wrong with a parsed policy file, in words that say where, and what was probably meant."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

from probe.verify.kinds import KINDS
from probe.verify.meant import date_hint, meant, near, quoted
from probe.verify.policy_shape import Head
from probe.verify.toml_places import Path

_MORE = "docs/policy.md has every key; rdp-probe policy show --toml strict is an example"
_TYPES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    dt.date: "a date such as 2027-01-31",
}
_FEW = 8  # names that fit into a hint
_SECTIONS = ("override",)  # tables that have sections of their own


class Mistake(NamedTuple):
    """Where it is, and what to say of it. `of_key`: it is the key that is wrong and not its value."""

    path: Path
    what: str
    hint: str
    of_key: bool = False


def mistakes(value: object, shape: Any, path: Path = ()) -> Iterator[Mistake]:
    """Everything in a parsed document that does not fit its type, in the document's order."""
    bare = _bare(shape, value)
    if _is_table(bare):
        if isinstance(value, dict):
            yield from _of_table(value, bare, path)
        else:
            yield _misfit(value, shape, path)
        return
    inside = False
    if get_origin(bare) is list and isinstance(value, list):
        [element] = get_args(bare)
        for number, each in enumerate(value):
            for found in mistakes(each, element, (*path, number)):
                inside = True
                yield found
    if not inside and not fits(value, shape):
        yield _misfit(value, shape, path)


def name_of(path: Path) -> str:
    """What people call a place: "tls.min_version", also where it is that of an override or in its longer form."""
    return _whole_name(path).removesuffix(".value")


def _whole_name(path: Path) -> str:
    parts = [part for part in path if isinstance(part, str)]
    inside = parts[:1] == ["override"] and len(parts) > 2
    return ".".join(parts[1:] if inside else parts)


def fits(value: object, shape: Any) -> bool:
    """Whether a value is of a type; what is empty or endless is of none."""
    if value == [] or (isinstance(value, float) and not math.isfinite(value)):
        return False
    try:
        msgspec.convert(value, shape)
    except msgspec.ValidationError:
        return False
    return True


def _of_table(value: dict[str, object], struct: type[msgspec.Struct], path: Path) -> Iterator[Mistake]:
    fields = _fields(struct)
    misspelt: set[str] = set()
    for key, inner in value.items():
        if key in fields:
            yield from mistakes(inner, fields[key].type, (*path, key))
        else:
            misspelt.update(near(key, fields))
            yield _unknown(key, inner, fields, path)
    for key, each in fields.items():
        if each.required and key not in value and key not in misspelt:
            hint = f"add it: {key} = {_example(key, path)}"
            said = _description(each.type)
            hint = f"{hint} ({said})" if said is not None else hint
            yield Mistake(path, f'{name_of(path)}: "{key}" is missing', hint, of_key=True)


@cache
def _fields(struct: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """Of a table, by their names in a file. To find them takes milliseconds, and a file may have many tables."""
    return {each.encode_name: each for each in msgspec.structs.fields(struct)}


def _example(key: str, path: Path) -> str:
    """What could stand behind a key."""
    kind = KINDS.get(name_of(path))
    return kind.example if key == "value" and kind is not None else "…"


def _unknown(key: str, value: object, fields: Iterable[str], path: Path) -> Mistake:
    """A key that this table does not have: misspelled, or that of another table."""
    outside = name_of(path) in ("", *_SECTIONS)
    full = _whole_name((*path, key))
    what = f"unknown {'section' if outside and isinstance(value, dict) else 'key'} {quoted(full)}"
    here = [_whole_name((*path, each)) for each in fields]
    if key in KINDS or full in KINDS:
        return Mistake((*path, key), what, f"write it without quotes: {key}", of_key=True)
    if path and key in Head.__struct_fields__ and not isinstance(value, dict | list):
        return Mistake((*path, key), what, f"{key} stands above the first [table]", of_key=True)
    elsewhere = [each for each in KINDS if each.rpartition(".")[2] == key]
    hint = meant(full, here, "")
    if elsewhere and key not in near(key, fields):
        hint = meant(key, elsewhere, "")
    if not hint:
        hint = meant(full, KINDS, _MORE)
    return Mistake((*path, key), what, hint, of_key=True)


def _misfit(value: object, shape: Any, path: Path) -> Mistake:
    """A value of another type, or none of those that there are."""
    bare, name = _bare(shape, value), name_of(path)
    choices = [each for each in get_args(bare) if isinstance(each, str)] if get_origin(bare) is Literal else []
    if choices and isinstance(value, str):
        several = f"it is one of {', '.join(choices)}" if len(choices) > _FEW else f"one of {', '.join(choices)}"
        return Mistake(path, f"unknown value {quoted(value)} of {name}", meant(value, choices, several))
    what = f"{name}: expected {_expected(shape, value)}, found {quoted(value)}"
    if bare is str and isinstance(value, str) and value.strip():
        what = f"{name}: {quoted(value)} is not of its form"
    if get_origin(bare) is list and isinstance(value, str):
        hint = f"put it into brackets: [{quoted(value)}]"
    elif isinstance(value, dict) and _is_list_of_tables(bare):
        hint = f"it begins with two brackets: [[{name}]]"
    elif bare is dt.date and isinstance(value, str):
        hint = date_hint(value)
    elif bare is bool and isinstance(value, str) and value.lower() in ("true", "false"):
        hint = f"without quotes: {value.lower()}"
    elif name in KINDS:
        hint = f"for example: {name.rpartition('.')[2]} = {KINDS[name].example}"
    else:
        hint = _description(shape) or _MORE
    return Mistake(path, what, hint)


def _expected(shape: Any, value: object) -> str:
    """A type in words, and all of them where there are several that are no tables."""
    if get_origin(shape) is Annotated:
        return _expected(get_args(shape)[0], value) + _range(shape)
    if get_origin(shape) in (Union, UnionType):
        several = [each for each in get_args(shape) if each is not msgspec.UnsetType and not _is_table(each)]
        return ", or ".join(dict.fromkeys(_expected(each, value) for each in several or [_bare(shape, value)]))
    if get_origin(shape) is Literal:
        return f"one of {', '.join(map(str, get_args(shape)))}"
    if get_origin(shape) is list:
        return "a list of tables" if _is_list_of_tables(shape) else "a list of names"
    return "a table" if _is_table(shape) else _TYPES[shape]


def _is_table(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, msgspec.Struct)


def _is_list_of_tables(shape: Any) -> bool:
    return get_origin(shape) is list and _is_table(get_args(shape)[0])


def _range(shape: Any) -> str:
    metas = get_args(shape)[1:]
    least = [each.ge for each in metas if each.ge is not None]
    most = [each.le for each in metas if each.le is not None]
    return "".join([*(f", {each} or more" for each in least), *(f", {each} at most" for each in most)])


def _description(shape: Any) -> str | None:
    return next((each.description for each in _metas(shape) if each.description), None)


def _metas(shape: Any) -> Iterator[msgspec.Meta]:
    """What is said of a type and of those within it that a value may have."""
    if get_origin(shape) is Annotated:
        inner, *more = get_args(shape)
        yield from more
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
