"""Paths to facts of a result: "server.release", "certificates.*.chain.0.key.bits", "tls.versions.TLSv1.0.state".

A path goes by the names of the JSON form, by numbers of elements from 0, and by "*" for every element. The name of a
TLS version holds a dot and is one step; any other name that does is written in quotation marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache

import msgspec
from msgspec import inspect

from probe.errors import InputError
from probe.result import Result

EVERY = "*"
_STEP = re.compile(r'"(?P<quoted>[^"]+)"|(?P<version>TLSv[0-9]\.[0-9])|(?P<name>[^."]+)')
_SIMPLE = (inspect.StrType, inspect.IntType, inspect.FloatType, inspect.BoolType, inspect.LiteralType)


def steps(path: str) -> tuple[str, ...]:
    """The steps of a path. Raises InputError for what is no path at all."""
    found: list[str] = []
    at = 0
    while True:
        match = _STEP.match(path, at)
        if match is None:
            raise InputError(f'"{path}" is no path to a fact', 'write it as in the JSON form: "server.release"')
        found.append(match["quoted"] or match[0])
        at = match.end()
        if at == len(path):
            return tuple(found)
        if path[at] != ".":
            raise InputError(f'"{path}" is no path to a fact', "steps are divided by dots")
        at += 1


@lru_cache
def kinds_at(path: str) -> tuple[inspect.Type, ...]:
    """What may stand at the end of a path: text, numbers, yes or no.

    Raises InputError where a result cannot have such a path, or where the path stops at a table or a list.
    """
    here: tuple[inspect.Type, ...] = (inspect.type_info(Result),)
    walked: list[str] = []
    for step in steps(path):
        before, here = here, tuple(deeper for each in here for deeper in _below(each, step))
        if not here:
            raise _unknown_step(path, walked, step, before)
        walked.append(step)
    simple = tuple(each for each in here if isinstance(each, _SIMPLE))
    if not simple:
        inside = _fields(here)
        hint = f'give one of its fields: "{path}.{inside[0]}"' if inside else f'give its elements: "{path}.{EVERY}"'
        raise InputError(f'"{path}" is no single fact', hint)
    return simple


def values(result: Result, path: str) -> list[object]:
    """The facts that a path leads to; None for each that is not there."""
    found: list[object] = [result]
    for step in steps(path):
        found = [deeper for each in found for deeper in _into(each, step)]
    return found


def _below(kind: inspect.Type, step: str) -> Iterator[inspect.Type]:
    """The types that a step leads to from a type, None aside."""
    if isinstance(kind, inspect.StructType):
        for field in kind.fields:
            if field.encode_name == step:
                yield from _alternatives(field.type)
    elif isinstance(kind, inspect.DictType):
        yield from _alternatives(kind.value_type)
    elif isinstance(kind, inspect.ListType) and (step == EVERY or step.isdecimal()):
        yield from _alternatives(kind.item_type)


def _alternatives(kind: inspect.Type) -> Iterator[inspect.Type]:
    options = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    yield from (option for option in options if not isinstance(option, inspect.NoneType))


def _into(value: object, step: str) -> Iterator[object]:
    if isinstance(value, list):
        if step == EVERY:
            yield from value
        else:
            yield value[int(step)] if int(step) < len(value) else None
    elif isinstance(value, dict):
        if step == EVERY:
            yield from value.values()
        else:
            yield value.get(step)
    elif isinstance(value, msgspec.Struct):
        yield getattr(value, step)
    else:
        yield None


def _unknown_step(path: str, walked: Sequence[str], step: str, at: Sequence[inspect.Type]) -> InputError:
    what = f'a result has no "{path}"'
    inside = _fields(at)
    near = get_close_matches(step, inside, 1, 0.5)
    if near:
        return InputError(what, f'did you mean "{".".join((*walked, near[0]))}"?')
    where = f'"{".".join(walked)}"' if walked else "a result"
    if inside:
        return InputError(what, f"{where} has {', '.join(inside)}")
    if any(isinstance(each, inspect.ListType) for each in at):
        return InputError(what, f'{where} is a list: its elements are 0, 1 and so on, or "{EVERY}"')
    return InputError(what, f"{where} has nothing inside")


def _fields(kinds: Sequence[inspect.Type]) -> list[str]:
    return [field.encode_name for each in kinds if isinstance(each, inspect.StructType) for field in each.fields]
