"""rdp-probe host: audits each target and explains it, or prints one JSON object a target."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from probe.cli import options as choose
from probe.language import speaking

if TYPE_CHECKING:
    from probe.audit.settings import Settings
    from probe.drive.limits import Limits
    from probe.drive.tap import Tap
    from probe.result import Result

_EXAMPLES = """\
TARGET is a name, an address, [::1]:3390, 10.0.0.0/24, 10.0.0.1-50, @file, or - for
standard input. A name with several addresses gives one result for each.

examples:
  rdp-probe host srv1.example
  rdp-probe host --json 192.0.2.7 | jq .negotiation.nla
  rdp-probe host -v --port 3389 --port 3390 192.0.2.0/28
  rdp-probe host --depth discover @servers.txt
  rdp-probe host --depth full --per-host 4 srv1.example
  rdp-probe host --simulate mstsc-win11 --simulate freerdp2 srv1.example
  rdp-probe host --udp --gateway-at gw.example srv1.example
  rdp-probe host --pcap-out srv1.pcapng --keylog-out srv1.keys srv1.example

exit status: 0 RDP is served and nothing blocks it; 1 something does, or it is not RDP,
or it cannot be reached, or a simulated client does not connect; 2 usage
Clients that cannot connect do not change it: --simulate CLIENT exits with 1 for one that
cannot.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.epilog = _EXAMPLES
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="what to audit")
    parser.add_argument("--port", type=choose.port, action="append", metavar="PORT",
                        help="repeatable (3389, or what a list says is open)")  # fmt: skip
    parser.add_argument("--one-address", action="store_true", help="of a name, ask only the first address")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="one JSON object a target (NDJSON)")
    output.add_argument("-q", "--quiet", action="store_true", help="one line a target")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="every attempt; -vv every message")
    choose.add_language(parser)
    choose.add_limits(parser)
    choose.add_request(parser)
    choose.add_outside(parser)
    choose.add_capture(parser)


def run(options: argparse.Namespace) -> int:
    """Audit and print. Exit status 0 when every target serves RDP and nothing blocks it, else 1."""
    import trio

    from probe.drive.capture_writer import recording
    from probe.drive.source import check_source
    from probe.errors import InputError
    from probe.scan.targets import check

    if choose.SIMULATE_LIST in (options.simulate or ()):
        return list_clients()
    if not options.targets:
        raise InputError("there is no target", "give a name or an address, such as srv1.example; see --help")
    check(options.targets)
    if options.source_address is not None:
        check_source(options.source_address)
    tap = recording(options.pcap_out, options.keylog_out)
    try:
        with speaking(choose.language_of(options)):
            return trio.run(_run, options, tap)
    finally:
        if tap is not None:
            tap.close()


def list_clients() -> int:
    """Print the keys that --simulate takes, each with the client's name."""
    from probe.clients import CLIENTS

    width = max(map(len, CLIENTS))
    for profile in CLIENTS.values():
        print(f"{profile.key:<{width}}  {profile.name}")
    return 0


async def _run(options: argparse.Namespace, tap: Tap | None) -> int:
    from probe.cli.progress import Progress
    from probe.diagnosis.judged import judge
    from probe.drive.many import Many
    from probe.errors import InputError
    from probe.scan.targets import targets

    progress = Progress(sys.stderr)
    asked = progress.counting(targets(options.targets, options.port or []))
    many = Many(settings=settings_of(options), limits=limits_of(options), one_address=options.one_address, tap=tap)
    printer = Printer(options)
    good = True
    async with progress.shown(), many.audit(asked) as results:
        async for result in results:
            if isinstance(result, InputError):
                raise result
            judge(result)
            progress.step_aside()
            printer.show(result)
            good = good and works(result)
    if not printer.shown:
        hint = "a list has one target a line; # starts a remark; of what others found open, --port must name the port"
        raise InputError("there is no target in what was given", hint)
    return 0 if good else 1


def works(result: Result) -> bool:
    """RDP is served and nothing blocks every client; of clients that were simulated, each of them connects."""
    if result.is_simulation:
        return all(client.connects for client in result.clients)
    protocols = result.negotiation.protocols.values() if result.negotiation is not None else ()
    usable = any(verdict.state != "rejected" for verdict in protocols)
    return result.status == "rdp" and usable and all(found.severity != "blocker" for found in result.diagnoses)


def settings_of(options: argparse.Namespace) -> Settings:
    """What the options say about the audit."""
    from probe.audit.settings import Settings

    return Settings(
        depth=options.depth,
        max_connections=options.max_connections,
        server_name=options.server_name,
        cookie=options.cookie,
        routing_token=options.routing_token,
        preconnection_blob=options.preconnection_blob,
        simulate=tuple(dict.fromkeys(options.simulate or ())),
        licensing=options.licensing,
        udp=options.udp,
        gateway=options.gateway or options.gateway_at is not None,
        gateway_at=options.gateway_at,
        keep_attempts=options.verbose > 0,
    )


def limits_of(options: argparse.Namespace) -> Limits:
    """What the options say about times, addresses and trust. Raises InputError for a CA file that cannot be used."""
    from probe.drive.limits import Limits

    if options.ca_file is not None:
        from probe.drive.trust_store import roots

        roots(options.ca_file)  # said before anything is asked; what was read is kept
    return Limits(
        step_s=options.timeout,
        deadline_s=options.deadline,
        per_host=options.per_host,
        source_address=options.source_address,
        ca_file=options.ca_file,
    )


class Printer:
    """Prints results as the options ask for. `are_gone`: the servers are not there to be asked again."""

    def __init__(self, options: argparse.Namespace, *, are_gone: bool = False) -> None:
        self._options = options
        self._are_gone = are_gone
        self.shown = 0

    def show(self, result: Result, title: str | None = None) -> None:
        """Print one result, under a title where it has one, and let a reader behind a pipe see it at once."""
        if self.shown and not (self._options.json or self._options.quiet):
            print()
        if title is not None:
            print(f"{title}: " if self._options.quiet else f"=== {title} ===\n", end="")
        if self._options.json:
            self._show_json(result)
        elif self._options.quiet:
            self._show_line(result)
        else:
            self._show_text(result)
        self.shown += 1
        sys.stdout.flush()

    def _show_json(self, result: Result) -> None:
        from probe.report.escape import json_line
        from probe.result import to_json

        print(json_line(to_json(result)))

    def _show_line(self, result: Result) -> None:
        from probe.report.text import verdict_line

        print(verdict_line(result))

    def _show_text(self, result: Result) -> None:
        from probe.report.text import console, render

        render(result, console(sys.stdout), self._options.verbose, is_gone=self._are_gone)
