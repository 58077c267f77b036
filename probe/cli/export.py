"""rdp-probe export: the hosts of a scan that have something in common, or its results for other programs."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from probe.cli import options as choose
from probe.cli.remark import remark
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
rdp-probe export --only B -. A table that is there already is overwritten; results are
not. docs/query.md asks more with DuckDB.

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
    form.add_argument("--csv", metavar="TABLE", help="write a table for spreadsheets; - for standard output")
    form.add_argument("--parquet", metavar="TABLE", help="write a table for databases, made by DuckDB")
    choose.add_language(parser)


def run(options: argparse.Namespace) -> int:
    """Export. Exit status 0."""
    with speaking(choose.language_of(options)):
        if _LIST in options.only:
            _list_tags()
            return 0
        _check(options)
        if options.parquet is not None:
            from probe.report.export import write_parquet

            _tell(options.parquet, write_parquet(_rows(options), options.parquet))
        elif options.csv == _STANDARD_OUTPUT:
            from probe.report.export import write_csv

            write_csv(_rows(options), sys.stdout)
        elif options.csv is not None:
            from probe.report.export import write_csv_file

            _tell(options.csv, write_csv_file(_rows(options), options.csv))
        else:
            _print(options)
    return 0


def _tell(file: str, rows: int) -> None:
    """What was written."""
    from probe.report.escape import terminal

    name = terminal(file)
    told = _("{file}: 1 row", file=name) if rows == 1 else _("{file}: {count} rows", file=name, count=f"{rows:,}")
    print(told, file=sys.stderr)


def _list_tags() -> None:
    from probe.scan.tally import CLIENT_TAGS, TAGS

    of_clients = {f"{tag}:CLIENT": meaning for tag, meaning in CLIENT_TAGS.items()}
    for tag, meaning in {**TAGS, **of_clients}.items():
        print(f"{tag:<23} {_(meaning)}")


def _check(options: argparse.Namespace) -> None:
    """Raises InputError for what cannot be meant."""
    option, made = ("--parquet", options.parquet) if options.parquet is not None else ("--csv", options.csv)
    if not options.files:
        if made is not None:
            raise InputError(
                f"no FILE was given: {option} is followed by the table to write, here {made}",
                f"name the table first, then the results: rdp-probe export {option} TABLE {shlex.quote(made)}",
            )
        raise InputError("no FILE was given", "name a file that rdp-probe scan -o wrote, or - for standard input")
    for tag in options.only:
        _check_tag(tag)
    if made is None or made == _STANDARD_OUTPUT:
        return
    for file in options.files:
        if Path(made).exists() and Path(file).exists() and Path(made).samefile(file):
            raise InputError(f"{made} holds the results themselves", "write the table to another file")
    if Path(f"{made}.scan").exists():
        raise InputError(f"{made} holds the results of a scan", f"name the table to write after {option}, then them")


def _check_tag(tag: str) -> None:
    from difflib import get_close_matches

    from probe.clients import CLIENTS
    from probe.scan.tally import CLIENT_TAGS, TAGS

    known = [*TAGS, *(f"{kind}:{client}" for kind in CLIENT_TAGS for client in CLIENTS)]
    if tag not in known:
        near = get_close_matches(tag.lower(), known, n=1)
        listed = "rdp-probe export --only list names them"
        raise InputError(f"there is no tag {tag!r}", f"did you mean {near[0]}? {listed}" if near else listed)


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
        has_receipts = False
        for line in lines_of(file, remark):
            if line.brief.is_receipt and not has_receipts:
                has_receipts = True
                _tell_receipts(file, wanted)
            facts = facts_of(line.brief)
            is_shared = shared is not None and facts.certificate is not None and shared.has(facts.certificate)
            if not wanted or is_shared or not wanted.isdisjoint(facts.tags):
                yield line, facts.tags


def _tell_receipts(file: str, wanted: set[str]) -> None:
    """That results are elsewhere. Raises InputError where a tag is asked for that only they have."""
    from probe.result import Status
    from probe.scan.parts_place import of_receipts

    what = f"{file} has receipts: which targets are done, and their status; the results are in parts"
    place = of_receipts(file) if file != _STANDARD_OUTPUT else None
    pattern = place.pattern() if place is not None else None
    where = "name the parts instead, files in the folder that scan --parts named"
    if pattern is not None:
        only = "".join(f"--only {shlex.quote(tag)} " for tag in sorted(wanted))
        where = f"rdp-probe export {only}{pattern}"
    elif place is not None:
        where = place.sentence()
    if wanted - set(get_args(Status)):
        raise InputError(what, where)
    remark(f"{what}. {where}")
