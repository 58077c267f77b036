"""rdp-probe verify: whether servers are as a policy demands, or as they were."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from probe.cli import options as choose
from probe.errors import InputError
from probe.language import speaking

if TYPE_CHECKING:
    from probe.cli.demands import Demands
    from probe.verify.policy import Policy

_EXAMPLES = """\
POLICY is a TOML file or a built-in policy: rdp-probe policy list. Only what it needs is
asked; --depth full asks everything. FORMAT is text, json, junit, sarif, github, tap or
markdown; FORMAT=FILE writes a file, FORMAT alone goes to standard output. CHANGES are
any of these, with commas between: tls.min=1.2 tls.max=1.2 tls.versions=1.2+1.3
nla=required standard_rdp=off standard_rdp.level=high suites=class:aead+TLS_DHE_*
suites.off=class:weak groups=x25519+class:nist groups.off=class:weak credssp.min=6
certificate=trusted certificate.key=RSA-2048.

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
                         help="ask again until it passes, so long at most, such as 5m")  # fmt: skip
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
    choose.add_capture(parser)


def run(options: argparse.Namespace) -> int:
    """Verify and print. Exit status as in the contract."""
    from probe.cli.host import list_clients
    from probe.cli.verify_output import JSON, TEXT, Output, ways_of
    from probe.cli.verify_run import earlier, live
    from probe.drive.capture_writer import recording

    if choose.SIMULATE_LIST in (options.simulate or ()):
        return list_clients()
    _check(options)
    ways = ways_of(options.format, json=options.json)
    options.json = any(way.format == JSON for way in ways)
    _check_streams(options)
    if options.quiet and all(way.format != TEXT for way in ways):
        raise InputError("-q is one line of text a target", "leave -q out, or the other format")
    with speaking(choose.language_of(options)):
        output = Output(ways, save=options.save, quiet=options.quiet, verbosity=options.verbose)
        with ExitStack() as closing:
            demands = _demands(options, [way.file for way in ways], closing)
            output.baseline = demands.baseline
            closing.enter_context(output)
            if options.results is not None:
                return earlier(options, demands, output)
            if (tap := recording(options.pcap_out, options.keylog_out)) is not None:
                closing.callback(tap.close)
            return live(options, demands, output, tap)


def _check(options: argparse.Namespace) -> None:
    """Raises InputError for what cannot be meant."""
    from probe.scan.targets import check

    if not (options.policy or options.baseline or options.what_if or options.save):
        raise InputError(
            "nothing is demanded",
            "add --policy strict, --baseline FILE, --what-if CHANGES, or --save FILE to keep what is seen; see --help",
        )
    if options.exact and options.baseline is None:
        raise InputError("--exact compares with a baseline", "add --baseline FILE, earlier results")
    if options.results is None:
        if not options.targets:
            raise InputError("there is no target", "give a name or an address, or --results FILE; see --help")
        check(options.targets)
    elif options.targets:
        raise InputError(
            "--results asks nothing: it takes no target", f"leave out {options.targets[0]!r}, or --results"
        )
    elif options.pcap_out or options.keylog_out:
        raise InputError("--results asks nothing: there is nothing to capture", "leave --pcap-out and --keylog-out out")
    elif options.retry_until is not None:
        raise InputError("--results asks nothing: there is nothing to retry", "leave --retry-until out, or --results")
    if options.retry_until is not None and not (options.policy or options.baseline or options.save):
        raise InputError("--retry-until waits for something to hold", "add --policy or --baseline")
    if options.source_address is not None:
        from probe.drive.source import check_source

        check_source(options.source_address)


def _check_streams(options: argparse.Namespace) -> None:
    """Raises InputError where one stream is read twice, or results would go among the report."""
    read = [options.baseline, options.results, *options.policy, *options.targets]
    if read.count("-") > 1:
        raise InputError("standard input is read only once", "name a file in place of the other -")
    if options.save == "-":
        raise InputError("--save - names no file", "--save FILE; what is verified goes to standard output")


def _check_files(options: argparse.Namespace, reports: Sequence[str | None], policies: Sequence[Policy]) -> None:
    """Raises InputError where something that is written would take the place of what is read.

    The baseline alone may be written anew, by --save.
    """
    lists = [target.removeprefix("@") for target in options.targets if target.startswith("@")]
    read = [options.results, options.ca_file, *(file for policy in policies for file in policy.files), *lists]
    for what, files in (("the report", reports), ("what --save writes", [options.save])):
        others = [*read, options.baseline] if files is reports else read
        for file in files:
            if file is not None and any(other is not None and _is_same(file, other) for other in others):
                raise InputError(f"{file} is read: {what} would take its place", "write to another file")


def _is_same(file: str, other: str) -> bool:
    try:
        return Path(other).exists() and Path(file).resolve() == Path(other).resolve()
    except (OSError, ValueError):
        return False


def _demands(options: argparse.Namespace, reports: Sequence[str | None], closing: ExitStack) -> Demands:
    """What the options demand. Raises InputError for a policy, a baseline or a change that cannot be understood."""
    from probe.cli.demands import Baseline, Demands
    from probe.needs import NOTHING, Needs
    from probe.verify.policy_file import read_policy

    policies = tuple(map(read_policy, options.policy))
    _check_files(options, reports, policies)
    more = NOTHING
    if options.depth == "full":
        more = Needs(full=True)
    elif options.depth == "standard" or options.save is not None:
        more = Needs(standard=True)
    demands = Demands(
        today=dt.datetime.now().astimezone().date(),
        policies=policies,
        what_if=options.what_if,
        fail_on=options.fail_on,
        more=more,
        lists=options.depth != "standard",
    )
    demands.check()
    if options.baseline is None:
        return demands
    from probe.cli.remark import remark
    from probe.scan.kept import Kept

    results = closing.enter_context(Kept(options.baseline, remark))
    return replace(demands, baseline=Baseline(file=options.baseline, results=results, exact=options.exact))
