"""What a policy may demand of any other fact of a result: [[fact]] with a path and one comparison.

With "*" in its path it holds where every element fits; an empty list proves nothing, because it may not have been asked
for. What is not there, and what is there as "unknown", leaves the rule open, unless the comparison names "unknown".
Text is compared in its natural order, numbers in it by their size: "10.0.9600" is below "10.0.20348".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType, inspect

from probe.errors import InputError
from probe.language import _
from probe.needs import Needs
from probe.result import Result
from probe.verify.fact_paths import EVERY, kinds_at, steps, values
from probe.verify.leaves import uncovered
from probe.verify.meant import meant
from probe.verify.rule import Finding, kind
from probe.verify.seen import not_known

Scalar = bool | int | float | str
Ordered = int | float | str
Several = Annotated[list[Scalar], msgspec.Meta(min_length=1)]
_UNKNOWN = "unknown"
_OUTSIDE = {"udp": Needs(udp=True), "gateway": Needs(gateway=True), "licensing": Needs(licensing=True)}
_OF_FULL = (  # fields of `tls` that only depth full fills, or fills altogether
    *("cipher_suites", "server_order", "order_by_version", "groups", "dh_parameters", "signature_schemes"),
    *("extensions", "features", "unsettled"),
)


class Fact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One [[fact]]: a path, and exactly one comparison."""

    path: str
    is_: Scalar | UnsetType = msgspec.field(name="is", default=UNSET)
    is_not: Scalar | UnsetType = UNSET
    one_of: Several | UnsetType = UNSET
    none_of: Several | UnsetType = UNSET
    at_least: Ordered | UnsetType = UNSET
    at_most: Ordered | UnsetType = UNSET
    like: str | UnsetType = UNSET  # a pattern with *, without regard to case

    @property
    def comparison(self) -> tuple[str, Any]:
        """Its name as in a policy, and what is compared with. Raises InputError unless there is exactly one."""
        given = [
            (name.rstrip("_"), value) for name in _COMPARED if not isinstance(value := getattr(self, name), UnsetType)
        ]
        if len(given) != 1:
            names = ", ".join(name.rstrip("_") for name in _COMPARED)
            what = "several comparisons" if given else "no comparison"
            raise InputError(f'the fact "{self.path}" has {what}', f"give exactly one of {names}")
        return given[0]

    @property
    def wanted(self) -> list[Any]:
        """What is compared with, one by one."""
        value = self.comparison[1]
        return value if isinstance(value, list) else [value]


_COMPARED = ("is_", "is_not", "one_of", "none_of", "at_least", "at_most", "like")
_FITS: dict[str, Callable[[Any, list[Any]], bool]] = {
    "is": lambda seen, wanted: seen == wanted[0],
    "is_not": lambda seen, wanted: seen != wanted[0],
    "one_of": lambda seen, wanted: seen in wanted,
    "none_of": lambda seen, wanted: seen not in wanted,
    "at_least": lambda seen, wanted: _is_of_the_same(seen, wanted[0]) and _natural(seen) >= _natural(wanted[0]),
    "at_most": lambda seen, wanted: _is_of_the_same(seen, wanted[0]) and _natural(seen) <= _natural(wanted[0]),
    "like": lambda seen, wanted: fnmatchcase(seen.casefold(), wanted[0].casefold()),
}


def check_fact(value: Fact) -> None:
    """Refuse what no result can have. Raises InputError: a path that does not exist, or a value of another type."""
    name, _wanted = value.comparison
    kinds = kinds_at(value.path)
    for wanted in value.wanted:
        if not any(_is_of(each, wanted) for each in kinds):
            expected = _(" or ").join(dict.fromkeys(_called(each) for each in kinds))
            raise InputError(f'the fact "{value.path}" is never {_shown(wanted)}', f"it is {expected}")
        if name not in ("at_least", "at_most"):
            _check_listed(value.path, kinds, wanted, is_pattern=name == "like")


def _check_listed(path: str, kinds: Iterable[inspect.Type], wanted: Any, *, is_pattern: bool) -> None:
    """Where all the values that a fact may have are known, the one compared with is among them, or fits one."""
    listed = [each for each in kinds if isinstance(each, inspect.LiteralType)]
    known = [str(option) for each in listed for option in each.values]
    fitting = [each for each in known if (_FITS["like"](each, [wanted]) if is_pattern else each == wanted)]
    if listed == [*kinds] and not fitting:
        hint = meant(str(wanted), known, f"it is one of {', '.join(known)}")
        raise InputError(f'the fact "{path}" is never {"like " if is_pattern else ""}{_shown(wanted)}', hint)


def _is_of(type_: inspect.Type, value: object) -> bool:
    if isinstance(type_, inspect.BoolType):
        return isinstance(value, bool)
    if isinstance(type_, inspect.IntType | inspect.FloatType):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)


def _called(type_: inspect.Type) -> str:
    if isinstance(type_, inspect.BoolType):
        return "true or false"
    return "a number" if isinstance(type_, inspect.IntType | inspect.FloatType) else "text"


def needs_of_fact(value: Fact) -> Needs:
    """What depth standard asks, and what lies deeper or outside for what it does not."""
    first, *rest = steps(value.path)
    if first in _OUTSIDE:
        return _OUTSIDE[first]
    return Needs(full=True) if first == "tls" and rest[:1] and rest[0] in _OF_FULL else Needs(standard=True)


def words_of_fact(value: Fact) -> str:
    """The demand, as it stands in the policy."""
    return f"{value.path} {value.comparison[0].replace('_', ' ')} {_wanted(value)}"


def _wanted(value: Fact) -> str:
    wanted = value.comparison[1]
    return ", ".join(_shown(each) for each in wanted) if isinstance(wanted, list) else _shown(wanted)


def _demanded(value: Fact) -> str:
    """What a fact must be, behind "demanded:"."""
    how = {"is": "", "is_not": "not "}.get(name := value.comparison[0])
    return f"{name.replace('_', ' ')} {_wanted(value)}" if how is None else f"{how}{_wanted(value)}"


@kind(
    "fact",
    Fact,
    says=(
        "Any other fact: a path through the JSON form of a result, with * for every element, and one of is, is_not,"
        " one_of, none_of, at_least, at_most, like."
    ),
    example='{ path = "server.release", like = "Windows Server 20*" }',
    needs=needs_of_fact,
    words=words_of_fact,
    validate=check_fact,
)
def fact(value: Fact, result: Result) -> Finding:
    """What does not fit fails; otherwise what is not known leaves it open."""
    name, _compared = value.comparison
    seen = values(result, value.path)
    known = [each for each in seen if each is not None and (each != _UNKNOWN or _UNKNOWN in value.wanted)]
    observed = _(", ").join(dict.fromkeys(_shown(each) for each in known)) or _("not known")
    bad = [each for each in known if not _holds(name, each, value.wanted)]
    if bad:
        found = _(", ").join(dict.fromkeys(_shown(each) for each in bad))
        message = _("{path} is {found}; demanded: {demand}", path=value.path, found=found, demand=_demanded(value))
        return Finding(state="failed", message=message, observed=observed)
    if not seen or len(known) < len(seen):
        return not_known(_("{path} is not known", path=value.path))
    why = _partial(value.path, result)
    if why is not None:
        return not_known(_("{path} is not known of all: {why}", path=value.path, why=why))
    message = _("{path} is {found}", path=value.path, found=observed)
    return Finding(state="passed", message=message, observed=observed)


def _holds(name: str, seen: object, wanted: list[Any]) -> bool:
    """Whether one fact fits. True is no number, and text is not compared with numbers: neither fits."""
    if not any(_comparable(seen, each) for each in wanted):
        return name in ("is_not", "none_of")
    return _FITS[name](seen, [each for each in wanted if _comparable(seen, each)])


def _comparable(seen: object, wanted: object) -> bool:
    if isinstance(seen, bool) or isinstance(wanted, bool):
        return isinstance(seen, bool) and isinstance(wanted, bool)
    return isinstance(seen, str) == isinstance(wanted, str)


def _partial(path: str, result: Result) -> str | None:
    """Why the elements that were looked at may not be all there are."""
    first, *rest = steps(path)
    deep = first == "tls" and rest[:1] != [] and rest[0] in _OF_FULL
    asked = {result.depth} if result.asked is None else set(result.asked)
    if deep:
        if "full" not in asked:
            return _("this takes depth full")
        left = result.tls.unsettled if result.tls is not None else []
        return left[0] if left and EVERY in rest and rest[0] != "unsettled" else None
    if EVERY not in rest or first in _OUTSIDE:
        return None
    if not asked & {"standard", "full"}:
        return _("only a part was asked for")
    return uncovered(result) if first == "certificates" else None


def _is_of_the_same(seen: Any, wanted: Any) -> bool:
    """Numbers, or texts that begin alike before their first number: "TLSv1.2" is no more than "1.2", and no less."""
    if not isinstance(seen, str):
        return True
    first = (re.split(r"[0-9]", each, maxsplit=1)[0].casefold() for each in (seen, wanted))
    return next(first) == next(first)


def _natural(value: Any) -> Any:
    """What it is ordered by: a number, or text with the numbers in it by their size."""
    if not isinstance(value, str):
        return value
    return [_part(part) for part in re.split(r"([0-9]+)", value) if part]


def _part(text: str) -> tuple[int, int, str]:
    """Digits by their value, however many: a server may send more than Python makes a number of. Then other text."""
    digits = text.lstrip("0") if text.isdecimal() else None
    return (1, 0, text) if digits is None else (0, len(digits), digits)


def _shown(value: object) -> str:
    """As TOML has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)
