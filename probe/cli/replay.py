"""rdp-probe replay: the report of `host` from a capture, one result for each RDP connection in it."""

from __future__ import annotations

import argparse

from probe.cli import options as choose
from probe.language import speaking

_EXAMPLES = """\
examples:
  rdp-probe replay failing.pcapng
  rdp-probe replay --json failing.pcap | jq .negotiation.attempts

exit status: 0; 2 usage, or a file that cannot be read
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.epilog = _EXAMPLES
    parser.add_argument("files", nargs="+", metavar="FILE", help="a capture: pcap or pcapng, also gzip or zstd")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="one JSON object a connection (NDJSON)")
    output.add_argument("-q", "--quiet", action="store_true", help="one line a connection")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="every attempt; -vv every message")
    choose.add_language(parser)


def run(options: argparse.Namespace) -> int:
    """Read each file and print. Exit status 0."""
    from probe.audit.settings import Settings
    from probe.cli.host import Printer
    from probe.diagnosis.judged import judge
    from probe.drive.replay import replay

    with speaking(choose.language_of(options)):
        printer = Printer(options, are_gone=True)
        for file in options.files:
            for result in replay(file, Settings(depth="discover", keep_attempts=options.verbose > 0)):
                judge(result)
                printer.show(result)
    return 0
