"""rdp-probe diff: what changed between two files of results."""

from __future__ import annotations

import argparse

from probe.cli import options as choose

_EXAMPLES = """\
OLD and NEW are files of results, as scan -o, host --json and verify --save write them
(.zst too); one of them may be - for standard input. Times, durations and random values
are no changes.

examples:
  rdp-probe diff before.ndjson after.ndjson
  rdp-probe diff --json monday.ndjson.zst tuesday.ndjson.zst | jq -r .target.address

exit status: 0 nothing changed; 1 something did; 2 usage, a file that cannot be read
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
    choose.add_language(parser)


def run(options: argparse.Namespace) -> int:
    """Compare and print. Exit status 0 when nothing changed, else 1."""
    raise NotImplementedError
