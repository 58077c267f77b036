"""Values of a policy file that have their form and name nothing there is: suites, clients, facts, targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from probe.errors import InputError
from probe.verify import targets
from probe.verify.kinds import KINDS
from probe.verify.policy_mistakes import Mistake, fits, name_of
from probe.verify.policy_shape import FACT, Said, Targets, fact_type
from probe.verify.toml_places import Path

_OVERRIDE, _WAIVER = "override", "waiver"


def wrong_values(values: dict[str, Any], at: Path = ()) -> Iterator[Mistake]:
    """Every value of a parsed document, or of an override in it, that names nothing there is.

    What is not of its form is passed over: that is what `policy_mistakes.mistakes` is for.
    """
    for section, inside in values.items():
        path = (*at, section)
        if section == FACT:
            for number, table in enumerate(_tables(inside)):
                yield from _of_fact(table, (*path, number))
        elif section in (_OVERRIDE, _WAIVER) and not at:
            for number, table in enumerate(_tables(inside)):
                yield from _of_targets(table.get("targets"), (*path, number, "targets"))
                if section == _OVERRIDE:
                    yield from _of_override(table, (*path, number))
        elif isinstance(inside, dict):
            for key, found in inside.items():
                yield from _of_key(f"{section}.{key}", found, (*path, key))


def _tables(found: object) -> list[dict[str, Any]]:
    """The tables of a list; one that is none has nothing inside."""
    return [each if isinstance(each, dict) else {} for each in found] if isinstance(found, list) else []


def _of_override(table: dict[str, Any], path: Path) -> Iterator[Mistake]:
    yield from wrong_values(table, path)
    if not any(inside for key, inside in table.items() if key != "targets"):
        yield Mistake(path, "override: it changes no rule", 'for example: without = ["tls.*"]', of_key=True)


def _of_key(key: str, found: Any, path: Path) -> Iterator[Mistake]:
    """One key, in its shorter or its longer form."""
    kind = KINDS.get(key)
    if isinstance(found, dict):
        found, path = found.get("value"), (*path, "value")
    if kind is not None and fits(found, kind.value):
        yield from _refused(kind.validate, found, path)


def _of_fact(table: dict[str, Any], path: Path) -> Iterator[Mistake]:
    if fits(table, fact_type()):
        value = {key: each for key, each in table.items() if key not in Said.__struct_fields__}
        fact = msgspec.convert(value, KINDS[FACT].value)
        yield from _refused(KINDS[FACT].validate, fact, (*path, "path"))


def _of_targets(found: Any, path: Path) -> Iterator[Mistake]:
    if fits(found, Targets):
        yield from _refused(_check_targets, found, path)


def _check_targets(patterns: list[str]) -> None:
    for each in patterns:
        targets.check(each)


def _refused(validate: Callable[[Any], None], value: Any, path: Path) -> Iterator[Mistake]:
    """What a check says of a value; of a list, of each element that it refuses alone."""
    inside = False
    for number, each in enumerate(value if isinstance(value, list) else ()):
        for found in _said(validate, [each], (*path, number), name_of(path)):
            inside = True
            yield found
    if not inside:
        yield from _said(validate, value, path, name_of(path))


def _said(validate: Callable[[Any], None], value: Any, place: Path, name: str) -> Iterator[Mistake]:
    try:
        validate(value)
    except InputError as error:
        yield Mistake(place, f"{name}: {error.what}", error.hint)
