"""Every fact of the public captures' ground truth: equal, or the difference is explained. See `public_table`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.capture.public_reasons import EXPLAINED
from tests.capture.public_table import index, lines_of, table

pytestmark = pytest.mark.skipif(not index(), reason="the public captures, ../shared/pcaps, are not here")


@pytest.mark.parametrize("entry", index(), ids=lambda entry: str(entry["file"]))
def test_every_fact_is_equal_or_explained(entry: dict[str, Any]) -> None:
    lines = list(lines_of(entry))
    assert lines
    assert [line for line in lines if line.how == "different"] == []


def test_nothing_is_explained_that_does_not_differ() -> None:
    """An explanation that is needed no more would hide the next fault."""
    named = {file for file, _stream, _path in EXPLAINED if file}
    lines = [line for entry in index() if entry["file"] in named for line in lines_of(entry)]
    used = {(line.file, line.stream, line.fact) for line in lines if line.how == "explained"}
    assert {key for key in EXPLAINED if key[0]} - used == set()


def test_the_table_has_a_row_for_each_connection() -> None:
    entry = index()[0]
    rows = list(table(list(lines_of(entry))))
    assert [row.split()[:2] for row in rows[1:3]] == [[entry["file"], "0"], [entry["file"], "1"]]
