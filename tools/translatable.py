"""Which texts of the program people read in their language, found in its source and its tables."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeVar

from probe.language import PARTS

ROOT = Path(__file__).parent.parent
# Which modules belong to which part: the first pattern that fits decides.
_MODULES = (
    ("clients", ("probe/clients/*.py", "probe/diagnosis/client*.py", "probe/diagnosis/simulated*.py")),
    ("explain", ("probe/explain/*.py", "probe/report/text_explain*.py", "probe/cli/explain.py")),
    (
        "verify",
        (
            "probe/verify/*.py",
            "probe/report/verified.py",
            *(f"probe/report/{name}*.py" for name in ("text_verify", "text_diff", "text_policy", "format_")),
            *(f"probe/cli/{name}*.py" for name in ("verify", "diff", "policy", "demands", "saving")),
        ),
    ),
    ("report", ("probe/report/*.py", "probe/cli/*.py", "probe/scan/*.py", "probe/diagnosis/stored.py")),
    ("diagnosis", ("probe/diagnosis/*.py",)),
)
_SPEAKERS = ("_", "N_")
_T = TypeVar("_T")


@dataclass
class Text:
    """One text in English, where it stands, and what a translator should know of it."""

    english: str
    places: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    filled: bool = False  # `{names}` in it are filled in


def all_texts() -> dict[str, dict[str, Text]]:
    """The texts of each part by their English. One that several parts have belongs to the first of them."""
    found: dict[str, dict[str, Text]] = {part: {} for part in PARTS}
    for path in sorted((ROOT / "probe").rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        for part in [name for name, patterns in _MODULES if any(fnmatch(place, each) for each in patterns)][:1]:
            for english, filled in spoken_in(path.read_text(encoding="utf-8"), place):
                _add(found[part], english, place=place, filled=filled)
    for part, english, place, remark in _tables():
        _add(found[part], english, place=place, remark=remark)
    seen: set[str] = set()
    for part in PARTS:
        found[part] = {english: text for english, text in found[part].items() if english not in seen}
        seen |= found[part].keys()
    return found


def spoken_in(source: str, place: str) -> Iterator[tuple[str, bool]]:
    """The literal of every call of `_` and `N_`, and whether facts are filled into it.

    Raises SyntaxError for a text that is put together before it is looked up: no catalog can hold it.
    """
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _SPEAKERS):
            continue
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value, bool(node.keywords)
        elif isinstance(first, ast.JoinedStr | ast.BinOp):
            raise SyntaxError(f"{place}:{node.lineno}: a text is put together before it is looked up")  # noqa: TRY004  it is a fault of the source


def _add(texts: dict[str, Text], english: str, *, place: str, remark: str = "", filled: bool = False) -> None:
    if not english:
        return
    text = texts.setdefault(english, Text(english))
    text.filled |= filled
    if place not in text.places:
        text.places.append(place)
    if remark and remark not in text.remarks:
        text.remarks.append(remark)


def _tables() -> Iterator[tuple[str, str, str, str]]:
    """Part, English, place and remark of each text that is held as data."""
    from probe.diagnosis import strength
    from probe.diagnosis.catalogue import CATALOGUE
    from probe.diagnosis.rule import texts
    from probe.drive.demo import KINDS

    for code, entry in CATALOGUE.items():
        yield from (("diagnosis", english, f"docs/diagnoses/{code}.md", code) for english in texts(entry))
    for weakness in _instances(vars(strength), strength.Weakness):
        yield "diagnosis", weakness.words, "probe/diagnosis/strength.py", weakness.source
    for name, kind in KINDS.items():
        yield "report", kind.title, "probe/drive/demo.py", f"rdp-probe demo --only {name}"
    yield from (("clients", *found) for found in _of_clients())
    yield from (("explain", *found) for found in _of_explanations())


def _instances(names: Mapping[str, object], kind: type[_T]) -> Iterator[_T]:
    """Those of a kind among a module's values, and in its tables."""
    for value in names.values():
        if isinstance(value, kind):
            yield value
        elif isinstance(value, dict):
            yield from (each for each in value.values() if isinstance(each, kind))


def _of_clients() -> Iterator[tuple[str, str, str]]:
    from probe import clients
    from probe.diagnosis.client_messages import MESSAGES
    from probe.diagnosis.rule import is_constant

    for profile in clients.CLIENTS.values():
        troubles = (trouble.words for trouble in profile.troubles)
        for words in (profile.hint, profile.last_resort, *troubles):
            yield words, f"probe/clients, {profile.key}", profile.name
    for family, messages in MESSAGES.items():
        for shown in messages.values():
            if not is_constant(shown):
                yield shown, "probe/diagnosis/client_messages.py", f"what users of {family} see"


def _of_explanations() -> Iterator[tuple[str, str, str]]:
    try:
        from probe.explain.answering import texts
    except ImportError:
        return
    for english in texts():
        yield english, "probe/explain", ""
