"""rdp-probe export: the hosts of a scan that have something in common, or its results for other programs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from probe.cli import options as choose
from probe.errors import InputError
from probe.language import _, speaking

if TYPE_CHECKING:
    from probe.report.export_columns import Row
    from probe.scan.written import Line

_LIST = "list"
_STANDARD_OUTPUT = "-"
_EXAMPLES = """\
FILE is what rdp-probe scan wrote, NDJSON as it is or compressed (.zst); - is standard
input. Several --only mean either; for both, pipe: export --only A --ndjson FILE |
rdp-probe export --only B -. docs/query.md asks more with DuckDB.

examples:
  rdp-probe export --only nla_missing office.ndjson
  rdp-probe export --only cert_expired office.ndjson | rdp-probe host -
  rdp-probe export --only list
  rdp-probe export --only tls_legacy --csv old-tls.csv office.ndjson
  rdp-probe export --parquet office.parquet office.ndjson.zst

exit status: 0; 2 usage, a file that cannot be read or written, a line that is no result
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.epilog = _EXAMPLES
    parser.add_argument("files", nargs="*", metavar="FILE", help="results of a scan")
    parser.add_argument("--only", action="append", metavar="TAG", default=[],
                        help='only hosts with this tag; repeatable; "list" names the tags')  # fmt: skip
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--hosts", action="store_true", help="one address:port a line (the default)")
    form.add_argument("--ndjson", action="store_true", help="the results as they are")
    form.add_argument("--csv", metavar="FILE", help="a table for spreadsheets; - for standard output")
    form.add_argument("--parquet", metavar="FILE", help="a table for databases, made by DuckDB")
    choose.add_language(parser)


def run(options: argparse.Namespace) -> int:
    """Export. Exit status 0."""
    if _LIST in options.only:
        _list_tags(options)
        return 0
    _check(options)
    if options.parquet is not None:
        from probe.report.export import write_parquet

        write_parquet(_rows(options), options.parquet)
    elif options.csv == _STANDARD_OUTPUT:
        from probe.report.export import write_csv

        write_csv(_rows(options), sys.stdout)
    elif options.csv is not None:
        from probe.report.export import write_csv_file

        write_csv_file(_rows(options), options.csv)
    else:
        _print(options)
    return 0


def _list_tags(options: argparse.Namespace) -> None:
    from probe.scan.tally import TAGS

    with speaking(choose.language_of(options)):
        for tag, meaning in TAGS.items():
            print(f"{tag:<18} {_(meaning)}")


def _check(options: argparse.Namespace) -> None:
    """Raises InputError for what cannot be meant."""
    from probe.scan.tally import TAGS

    if not options.files:
        raise InputError("no FILE was given", "name a file that rdp-probe scan -o wrote, or - for standard input")
    for tag in options.only:
        if tag not in TAGS:
            raise InputError(f"there is no tag {tag!r}", "rdp-probe export --only list names them")
    made = options.parquet or options.csv
    for file in options.files:
        if made is not None and Path(made).exists() and Path(file).exists() and Path(made).samefile(file):
            raise InputError(f"{made} holds the results themselves", "write the table to another file")


def _print(options: argparse.Namespace) -> None:
    from probe.report.escape import json_line, terminal

    for line, _tags in _chosen(options):
        if options.ndjson:
            sys.stdout.write(f"{json_line(line.content.rstrip())}\n")
        else:
            sys.stdout.write(f"{terminal(_endpoint(line))}\n")


def _endpoint(line: Line) -> str:
    target = line.brief.target
    host = target.address or target.host
    return f"[{host}]:{target.port}" if ":" in host else f"{host}:{target.port}"


def _rows(options: argparse.Namespace) -> Iterator[Row]:
    from probe.report.export_columns import row

    for line, tags in _chosen(options):
        yield row(line.result(), tags)


def _chosen(options: argparse.Namespace) -> Iterator[tuple[Line, tuple[str, ...]]]:
    """The lines that are asked for, each with the tags of its result."""
    from probe.scan.tally import SHARED, facts_of
    from probe.scan.written import lines_of, shared_in

    wanted = set(options.only)
    shared = shared_in(options.files) if SHARED in wanted else None
    for file in options.files:
        for line in lines_of(file, _remark):
            facts = facts_of(line.brief)
            is_shared = shared is not None and facts.certificate is not None and shared.has(facts.certificate)
            if not wanted or is_shared or not wanted.isdisjoint(facts.tags):
                yield line, facts.tags


def _remark(words: str) -> None:
    from probe.report.escape import terminal

    print(f"note: {terminal(words)}", file=sys.stderr)
