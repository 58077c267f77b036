"""Where keys and values stand: held against what `tomllib` makes of the same text."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probe.verify.toml_places import Path, Spot, line_and_column, places

_NAMES = ("a", "b", "long-name_1", "1", '"a"', "'b'", '"with space"', '"a.b"', r'"\u0061\tb"', "''", '"ü"')
_SCALARS = (
    *("0", "-17", "0xDEAD_beef", "1_000", "3.5e-2", "+inf", "true", "false"),
    *("2027-01-31", "07:32:00", "1979-05-27T07:32:00Z", "1979-05-27 07:32:00.5-08:00", "1979-05-27 07:32:00"),
    *('""', '"text"', r'"a \"quote\" # no comment \\"', "''", r"'C:\path'", "'\"'"),
    *('""""""', '"""one\n"two" ""three"""', '"""ends in two"""""', '"""a \\"""b"""', '"""\\\n   folded"""'),
    *("''''''", "'''it's\n''two'''", "'''ends in one''''", r"'''\'''"),
)
_BLANKS = st.sampled_from(["", " ", "\t", "  "])
_LINES = st.sampled_from(["", " ", "\n", " # [not] a = table\n", "\n\n\t", "#\n"])


def _array(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    element = st.tuples(_LINES, values, _LINES).map("".join)
    return st.tuples(st.lists(element, max_size=3), st.booleans(), _LINES).map(
        lambda parts: f"[{','.join(parts[0])}{',' if parts[0] and parts[1] else ''}{parts[2]}]"
    )


def _keys(most: int) -> st.SearchStrategy[str]:
    part = st.tuples(_BLANKS, st.sampled_from(_NAMES), _BLANKS).map("".join)
    return st.lists(part, min_size=1, max_size=most).map(".".join)


def _pair(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(_keys(3), _BLANKS, values, _BLANKS).map(lambda parts: f"{parts[0]}={''.join(parts[1:])}")


def _inline(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(_BLANKS, st.lists(_pair(values), max_size=3).map(",".join)).map(
        lambda parts: f"{{{''.join(parts)}}}"
    )


_VALUES = st.recursive(st.sampled_from(_SCALARS), lambda values: _array(values) | _inline(values), max_leaves=6)
_STATEMENTS = (
    _pair(_VALUES)
    | _keys(3).map(lambda keys: f"[{keys}]")
    | _keys(3).map(lambda keys: f"[[{keys}]]")
    | st.sampled_from(["", "# comment = [", "\t"])
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Statements one after another, without those that `tomllib` would not take there."""
    text = ""
    for statement in draw(st.lists(_STATEMENTS, max_size=8)):
        longer = f"{text}{draw(_BLANKS)}{statement}{draw(st.sampled_from(['', ' # so', '#']))}\n"
        try:
            tomllib.loads(longer)
        except tomllib.TOMLDecodeError:
            continue
        text = longer
    return text


def _paths(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    inside: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inside = [*value.items()]
    elif isinstance(value, list):
        inside = [*enumerate(value)]
    for key, each in inside:
        yield (*path, key), each
        yield from _paths(each, (*path, key))


def _key_at(text: str, spot: Spot) -> object:
    found = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'""").match(text, spot.key)
    assert found is not None
    return next(iter(tomllib.loads(f"{found[0]} = 1")))


@given(documents())
@example("[[a]]\n[[a]]\n[a.b]\nc=1\n[[a.d]]\n[[a.d]]\nx=[{y=1},{z.q=2}]\n[a.d.e]\n")
@example("[a.b]\nx=1\n[a]\ny=2")
@example("a.b.c=1\na.b.d=2\n")
@example("[[a.b]]\nx=1\n[[a.b]]\nx=2\n")
def test_every_place_holds_what_tomllib_found_there(text: str) -> None:
    parsed = dict(_paths(tomllib.loads(text)))
    found = places(text)
    assert set(found) == set(parsed)
    for path, spot in found.items():
        written = text[spot.start : spot.end]
        if isinstance(path[-1], str):
            assert _key_at(text, spot) == path[-1]
        if not isinstance(parsed[path], dict | list) or (isinstance(path[-1], int) and not written.startswith("[[")):
            assert tomllib.loads(f"value = {written}")["value"] == parsed[path]


@pytest.mark.parametrize(
    ("text", "path", "key", "value"),
    [
        ("a = 1", ("a",), (1, 1), (1, 5)),
        ("\n# x\n [tls]\n  min = 'y'", ("tls", "min"), (4, 3), (4, 9)),
        ("a = [\n 'x', # one\n 'y' ]", ("a", 1), (3, 2), (3, 2)),
        ("[[w]]\n[[w]]\nr = 1", ("w", 1, "r"), (3, 1), (3, 5)),
        ("[a.b]\nx = 1\n[a]\n", ("a",), (3, 2), (3, 1)),  # by its own header, not by another's
    ],
)
def test_a_place_is_a_line_and_a_column(text: str, path: Path, key: tuple[int, int], value: tuple[int, int]) -> None:
    spot = places(text)[path]
    assert (line_and_column(text, spot.key), line_and_column(text, spot.start)) == (key, value)


def test_columns_count_characters() -> None:
    text = '"ü€𝄞" = 1'
    assert line_and_column(text, places(text)["ü€𝄞",].start) == (1, 9)
