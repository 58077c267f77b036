"""rdp-probe verify: whether servers are as a policy demands, or as they were."""

from __future__ import annotations

import argparse

from probe.cli import options as choose

_EXAMPLES = """\
POLICY is a TOML file or a built-in policy: rdp-probe policy list. Only what it needs is
asked; --depth full asks everything. FORMAT is text, json, junit, sarif, github, tap or
markdown; FORMAT=FILE writes a file, FORMAT alone goes to standard output.

examples:
  rdp-probe verify srv1.example --policy strict
  rdp-probe verify @servers.txt --policy ours.toml --format junit=rdp.xml
  rdp-probe verify srv1.example --save before.ndjson       then change something, then
  rdp-probe verify srv1.example --baseline before.ndjson --policy strict
  rdp-probe verify srv1.example --what-if 'tls.min=1.2,nla=required'
  rdp-probe verify srv1.example --policy strict --retry-until 5m     it is restarting
  rdp-probe verify --results scan.ndjson --policy strict             asks nothing

exit status: 0 all pass; 1 something fails (or --what-if cuts a client off); 2 usage;
3 something demanded could not be determined: unreachable, say
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.epilog = _EXAMPLES
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="what to verify, as host takes it")
    parser.add_argument("--port", type=choose.port, action="append", metavar="PORT",
                        help="repeatable (3389, or what a list says is open)")  # fmt: skip
    parser.add_argument("--one-address", action="store_true", help="of a name, ask only the first address")
    demands = parser.add_argument_group("demands")
    demands.add_argument("--policy", action="append", default=[], metavar="POLICY",
                         help="what must hold; repeatable")  # fmt: skip
    demands.add_argument("--baseline", metavar="FILE", help="earlier results: nothing may have become worse")
    demands.add_argument("--exact", action="store_true", help="with --baseline: nothing may have changed at all")
    demands.add_argument("--what-if", metavar="CHANGES",
                         help="which clients a change would cut off, such as 'tls.min=1.2,nla=required'; "
                         "with --policy: whether it would then hold")  # fmt: skip
    demands.add_argument("--fail-on", choices=("error", "warning"), default="error",
                         help="what makes a verify fail (error)")  # fmt: skip
    demands.add_argument("--results", metavar="FILE", help="judge earlier results and ask nothing")
    demands.add_argument("--save", metavar="FILE", help="write what was seen, as a new baseline")
    demands.add_argument("--retry-until", type=choose.duration, metavar="TIME",
                         help="ask again until it passes, so long at most (5m)")  # fmt: skip
    output = parser.add_argument_group("output")
    output.add_argument("--format", action="append", default=[], metavar="FORMAT[=FILE]",
                        help="text (default), json, junit, sarif, github, tap, markdown; repeatable")  # fmt: skip
    output.add_argument("--json", action="store_true", help="the same as --format json: one object a target (NDJSON)")
    output.add_argument("-q", "--quiet", action="store_true", help="one line a target")
    output.add_argument("-v", "--verbose", action="count", default=0, help="also the rules that passed")
    choose.add_language(parser)
    choose.add_limits(parser, depth=None)
    choose.add_request(parser)
    choose.add_outside(parser)


def run(options: argparse.Namespace) -> int:
    """Verify and print. Exit status as in the contract."""
    raise NotImplementedError
