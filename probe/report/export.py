"""Results as tables for other programs: CSV for spreadsheets, Parquet for databases. A file is whole or not there."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from probe.errors import InputError, Unavailable, install_hint
from probe.report.escape import spreadsheet
from probe.report.export_columns import COLUMNS, Cell, Row
from probe.report.whole_file import ELSEWHERE, whole_file

_LISTS = ("VARCHAR[]",)


def write_csv(rows: Iterable[Row], stream: TextIO) -> int:
    """A line of names, and a line for each row: how many. Whatever a server said is harmless in a spreadsheet."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for count, each in enumerate(rows, 1):  # noqa: B007  the last is what is returned
        writer.writerow([_csv_cell(cell) for cell in each.values()])
    return count


def write_csv_file(rows: Iterable[Row], file: str) -> int:
    """The same in a file, in UTF-8. Raises InputError where it cannot be written."""
    with whole_file(file) as made, made.open("w", encoding="utf-8", newline="", errors="backslashreplace") as stream:
        return write_csv(rows, stream)


def write_parquet(rows: Iterable[Row], file: str) -> int:
    """A Parquet file with the types of COLUMNS: how many rows. Raises InputError, Unavailable."""
    try:
        import duckdb
    except ImportError as error:
        raise Unavailable("--parquet needs DuckDB, which is not installed", install_hint("duckdb")) from error

    with whole_file(file) as made:
        plain = made.with_name("rows.ndjson")
        with plain.open("w", encoding="ascii") as stream:
            count = 0
            for count, each in enumerate(rows, 1):  # noqa: B007  the last is what is returned
                stream.write(f"{json.dumps(each)}\n")
        try:
            with duckdb.connect(config={"autoinstall_known_extensions": False}) as database:
                database.execute(f"COPY ({_selection(plain)}) TO {_quoted(made)} (FORMAT parquet, COMPRESSION zstd)")
        except duckdb.IOException as error:
            raise InputError(f"cannot write {file!r}: {error}", ELSEWHERE) from error
    return count


def _selection(plain: Path) -> str:
    """What reads the rows back with their types; a number or time that its column cannot hold is left out."""
    read = ", ".join(f"{name}: '{kind if kind in _LISTS else 'VARCHAR'}'" for name, kind in COLUMNS.items())
    cells = ", ".join(f"TRY_CAST({name} AS {kind}) AS {name}" for name, kind in COLUMNS.items())
    return f"SELECT {cells} FROM read_json({_quoted(plain)}, format='newline_delimited', columns={{{read}}})"  # noqa: S608  names are ours


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _csv_cell(cell: Cell) -> str | int | float:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return cell
    return spreadsheet(cell if isinstance(cell, str) else "; ".join(cell))
