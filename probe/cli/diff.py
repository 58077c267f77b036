"""rdp-probe diff: what changed between two files of results."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from typing import TYPE_CHECKING

from probe.cli import options as choose
from probe.cli.remark import remark

if TYPE_CHECKING:
    from probe.report.text_diff import Totals
    from probe.scan.kept import Kept


_EXAMPLES = """\
OLD and NEW are files of results, as scan -o, host --json and verify --save write them
(.zst too); one of them may be - for standard input. Times, durations and random values
are no changes.

examples:
  rdp-probe diff before.ndjson after.ndjson
  rdp-probe diff --json monday.ndjson.zst tuesday.ndjson.zst | jq -r .target.address

exit status: 0 nothing changed; 1 something did, or something that was known could not be
determined now; 2 usage, a file that cannot be read
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.epilog = _EXAMPLES
    parser.add_argument("old", metavar="OLD", help="the earlier results")
    parser.add_argument("new", metavar="NEW", help="the later ones")
    parser.add_argument("--only", choices=("worse",), help="only what became worse")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="one JSON object a target that changed (NDJSON)")
    output.add_argument("-q", "--quiet", action="store_true", help="one line a target that changed")
    output.add_argument("-v", "--verbose", action="store_true",
                        help="also each fact that a lower depth of NEW does not tell")  # fmt: skip
    choose.add_language(parser)


def run(options: argparse.Namespace) -> int:
    """Compare and print. Exit status 0 when nothing changed that both were asked, else 1."""
    from probe.errors import InputError
    from probe.language import speaking
    from probe.scan.kept import Kept
    from probe.scan.written import STANDARD_INPUT

    if options.old == options.new == STANDARD_INPUT:
        raise InputError("both files are standard input, which is read only once", "name a file for one of them")
    with (
        speaking(choose.language_of(options)),
        Kept(options.old, remark) as old,
        Kept(options.new, remark) as new,
    ):
        totals = _lines(old, new, options) if options.json or options.quiet else _text(old, new, options)
    return 0 if totals.is_same else 1


def _lines(old: Kept, new: Kept, options: argparse.Namespace) -> Totals:
    """One line a target that changed, as soon as it is known."""
    from probe.cli.diffing import differences
    from probe.report.escape import json_line
    from probe.report.text_diff import Totals, is_shallower, line, remarks
    from probe.result.verification import to_json

    totals = Totals()
    for found in differences(old, new, only_worse=options.only is not None):
        totals.add(found)
        if found is not None and (found.changes or (options.json and found.undetermined and not is_shallower(found))):
            print(json_line(to_json(found)) if options.json else line(found))
    for said in remarks(totals, options.new):
        remark(said)
    return totals


def _text(old: Kept, new: Kept, options: argparse.Namespace) -> Totals:
    """How much changed, then each target, those that became worse first, and of which the same is said together."""
    from probe.cli.diffing import differences
    from probe.report.text import console
    from probe.report.text_diff import Totals, block, in_brief, likeness, summary, urgency
    from probe.result.verification import read_difference, to_json
    from probe.scan.kept import Spill

    totals, shown = Totals(), console(sys.stdout)
    alike: dict[int, tuple[tuple[int, ...], list[int]]] = {}
    with closing(Spill()) as kept:
        for found in differences(old, new, only_worse=options.only is not None):
            totals.add(found)
            told = found if found is None or options.verbose else in_brief(found)
            if told is not None:
                group = alike.setdefault(likeness(told), (urgency(told), []))
                group[1].append(kept.add(to_json(told) + b"\n"))
        only_worse = options.only is not None
        summary(totals, shown, old=options.old, new=options.new, only_worse=only_worse, verbose=options.verbose)
        for _urgency, places in sorted(alike.values(), key=lambda group: (group[0], -len(group[1]), group[1])):
            block(read_difference(kept.read(places[0])), shown, (read_difference(kept.read(place)) for place in places))
    return totals
