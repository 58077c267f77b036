"""rdp-probe scan: many targets, results as NDJSON, progress on standard error."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from probe.cli import options as choose

if TYPE_CHECKING:
    from probe.scan.work import Job

_EXAMPLES = """\
TARGET is a name, an address, [::1]:3390, 10.0.0.0/24, 10.0.0.1-50, @file, or - for
standard input. Files and standard input have one target a line, or are what zmap,
masscan or nmap -oX wrote, or results of an earlier scan.

examples:
  rdp-probe scan 10.0.0.0/16 -o office.ndjson
  rdp-probe scan --resume office.ndjson                  go on after Ctrl-C, a crash or a power cut
  rdp-probe scan --depth discover --rate 500 @ranges.txt --exclude-file never.txt -o out.ndjson.zst
  rdp-probe scan --shard 3/16 192.0.2.0/24 > part3.ndjson
  zmap -p 3389 198.51.100.0/24 | rdp-probe scan - -o found.ndjson

exit status: 0 finished; 2 usage, or the results cannot be written; 130 interrupted, resumable
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.epilog = _EXAMPLES
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="what to scan")
    parser.add_argument("--port", type=choose.port, action="append", metavar="PORT",
                        help="repeatable (3389, or what a list says is open)")  # fmt: skip
    parser.add_argument("--exclude", action="append", metavar="TARGET", default=[],
                        help="never ask this address, block, range or name; repeatable")  # fmt: skip
    parser.add_argument("--exclude-file", action="append", metavar="FILE", default=[], help="the same, one a line")
    parser.add_argument("--one-address", action="store_true", help="of a name, ask only the first address")
    parser.add_argument("--seed", type=choose.seed, metavar="HEX", help="order of the targets (random)")
    parser.add_argument("--shard", type=choose.shard, metavar="K/N", default=(1, 1),
                        help="only the K-th of N parts of the targets; all N with the same --seed")  # fmt: skip
    output = parser.add_argument_group("output")
    output.add_argument("-o", "--output", metavar="FILE", help="write NDJSON to FILE (.zst: compressed), resumable")
    output.add_argument("--resume", metavar="FILE", help="go on with a scan that was interrupted")
    output.add_argument("--json", action=_Nothing, help="changes nothing: results are NDJSON")
    output.add_argument("-q", "--quiet", action="store_true", help="no progress and no summary")
    output.add_argument("-v", "--verbose", action="count", default=0, help="results list every attempt")
    choose.add_language(output)
    speed = parser.add_argument_group("speed")
    speed.add_argument("--concurrency", type=choose.positive, metavar="N",
                       help="connections open at a time (500, or what the descriptor limit allows)")  # fmt: skip
    speed.add_argument("--rate", type=choose.rate, metavar="N", help="new connections a second, at most (no limit)")
    speed.add_argument("--per-subnet", type=choose.positive, metavar="N",
                       help="connections open at a time to one /24, or IPv6 /64 (no limit)")  # fmt: skip
    speed.add_argument("--retries", type=choose.retries, metavar="N", default=0,
                       help="ask targets that gave no sign so often again, later (0)")  # fmt: skip
    speed.add_argument("--processes", type=choose.positive, metavar="N", help="processes that work (one a core)")
    speed.add_argument("--cluster", metavar="URL",
                       help='on a dask cluster, tcp://scheduler:8786, or "local" to start one here')  # fmt: skip
    speed.add_argument("--parts", metavar="URL",
                       help="with --cluster: workers write results there, as s3://bucket/folder or file:///shared; "
                            "the output has a receipt for each")  # fmt: skip
    speed.add_argument("--parts-format", choices=("ndjson.zst", "ndjson", "parquet"), default="ndjson.zst",
                       help="of parts; parquet has the columns of export --parquet alone (ndjson.zst)")  # fmt: skip
    choose.add_limits(parser)
    choose.add_request(parser)
    choose.add_outside(parser)
    choose.add_capture(parser)
    _tell_given_from_default(parser)


class _Nothing(argparse.Action):
    """An option that other commands have, and that says here what is so anyway."""

    def __init__(self, option_strings: Sequence[str], dest: str, **more: Any) -> None:  # noqa: ARG002  argparse's own
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, **more)

    def __call__(self, *_: object) -> None:
        pass


def _tell_given_from_default(parser: argparse.ArgumentParser) -> None:
    """Leave defaults out of what is parsed, and give them beside it: a scan that goes on has its own."""
    defaults = {}
    for action in parser._actions:  # noqa: SLF001  argparse has no other way to list them
        if action.default is not argparse.SUPPRESS:
            defaults[action.dest] = action.default
            action.default = argparse.SUPPRESS
    defaults["targets"] = []
    parser.set_defaults(defaults=defaults)


def run(options: argparse.Namespace) -> int:
    """Scan. Exit status 0 when it is finished, 130 when it was interrupted."""
    from probe.cli import scanning
    from probe.language import speaking

    given = {name: value for name, value in vars(options).items() if name not in ("command", "defaults")}
    chosen = complete(options.defaults, given)
    if choose.SIMULATE_LIST in (chosen.simulate or ()):
        from probe.cli.host import list_clients

        return list_clients()
    with speaking(choose.language_of(chosen)):
        if chosen.resume is not None:
            return scanning.resume(chosen, given)
        return scanning.begin(chosen)


def complete(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> argparse.Namespace:
    """Everything that can be chosen: what was given, else the default."""
    return argparse.Namespace(**{**defaults, **given})


def job_of(options: argparse.Namespace) -> Job:
    """What the options say about every target."""
    from probe.cli.host import limits_of, settings_of
    from probe.scan.work import Job

    return Job(
        settings=settings_of(options),
        limits=limits_of(options),
        language=options.lang or "en",
        one_address=options.one_address,
        concurrency=options.concurrency or 500,
        rate=options.rate,
        per_subnet=options.per_subnet,
        retries=options.retries,
        records_packets=options.pcap_out is not None,
        records_secrets=options.keylog_out is not None,
    )
