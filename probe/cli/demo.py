"""rdp-probe demo: embedded servers on loopback, each audited and explained. Needs no network and no server."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from probe.cli import options as choose
from probe.language import _, speaking

_EXAMPLES = """\
examples:
  rdp-probe demo
  rdp-probe demo --only windows-nla -v
  rdp-probe demo --list

exit status: 0 every server was diagnosed as what it is; 1 one was not
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.epilog = _EXAMPLES
    parser.add_argument("--only", action="append", metavar="KIND", help="only this kind of server; repeatable")
    parser.add_argument("--list", action="store_true", help="name the kinds of servers and stop")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="one JSON object a server (NDJSON)")
    output.add_argument("-q", "--quiet", action="store_true", help="one line a server")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="every attempt; -vv every message")
    choose.add_language(parser)
    choose.add_limits(parser, timeout_s=1.0)
    choose.add_request(parser)
    choose.add_outside(parser)


def run(options: argparse.Namespace) -> int:
    """Serve, audit, print. Exit status 0 when every server was seen as what it is, else 1."""
    from probe.cli.host import list_clients
    from probe.drive.demo import KINDS

    if choose.SIMULATE_LIST in (options.simulate or ()):
        return list_clients()
    with speaking(choose.language_of(options)):
        if options.list:
            for name, kind in KINDS.items():
                print(f"{name:<20} {_(kind.title)}")
            return 0
        import trio

        return trio.run(_run, options)


async def _run(options: argparse.Namespace) -> int:
    from probe.cli.host import Printer, limits_of, settings_of
    from probe.diagnosis.judged import judge
    from probe.drive.demo import serving
    from probe.drive.live import audit
    from probe.result import Target

    printer = Printer(options, are_gone=True)
    missed = []
    async with serving(options.only) as servers:
        for server in servers:
            target = Target(input=server.name, host=server.address, address=server.address, port=server.port)
            settings = settings_of(options)
            settings = replace(settings, licensing=settings.licensing or server.licensing)
            result = await audit(target, settings, limits_of(options))
            judge(result)
            printer.show(result, None if options.json else _(server.title))
            codes = {found.code for found in result.diagnoses}
            missed += [f"{server.name}: {code}" for code in server.expects if code not in codes]
    _conclude(len(servers), missed)
    return 1 if missed else 0


def _conclude(count: int, missed: list[str]) -> None:
    """The last words, on standard error so that --json stays clean."""
    if missed:
        print(_("not diagnosed as expected: {codes}", codes=", ".join(missed)), file=sys.stderr)
    else:
        words = _("{count} embedded servers, each diagnosed as what it is. They are stopped again.", count=count)
        if count == 1:
            words = _("1 embedded server, diagnosed as what it is. It is stopped again.")
        print(f"\n{words}", file=sys.stderr)
