"""rdp-probe explain: what a message or code means, and with a target, which of its causes it is."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from probe.cli import options as choose
from probe.language import speaking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probe.explain.answering import Answer
    from probe.result import Result
    from probe.result.explain import Explained

_NOTHING_KNOWN = 1
_EXAMPLES = """\
TEXT is a code in hexadecimal or decimal, a name such as ERRCONNECT_TLS_CONNECT_FAILED, an
event, one of this program's diagnosis codes, or a pasted message or log line in English or
Chinese; several words need no quotes; - reads standard input.

examples:
  rdp-probe explain 0x904
  rdp-probe explain event 56 TermDD
  rdp-probe explain an internal error has occurred --target srv1.example
  rdp-probe explain --json 错误代码：0x204 | jq .diagnoses
  xfreerdp /v:srv1.example 2>&1 | rdp-probe explain -

With --target the command that tells the causes apart is run, as it is shown without: for
messages about licenses with --licensing, which the server's log shows.

exit status: 0 something is known; 1 nothing is; 2 usage
"""  # noqa: RUF001  a colon as Chinese clients write it


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.epilog = _EXAMPLES
    parser.add_argument("text", nargs="+", metavar="TEXT", help="the message or code")
    parser.add_argument("--json", action="store_true", help="as one JSON object; see rdp-probe schema explain")
    parser.add_argument("--target", metavar="HOST", help="audit this server, and say which of the causes it is")
    parser.add_argument("--port", type=choose.port, action="append", metavar="PORT", help="of the target (3389)")
    parser.add_argument("--timeout", type=choose.duration, default=5.0, metavar="TIME",
                        help="longest silence of the target (5s)")  # fmt: skip
    choose.add_language(parser)


def run(options: argparse.Namespace) -> int:
    """Explain and print. Exit status 0 where something is known, else 1."""
    from probe.explain.answering import explain
    from probe.explain.described import described

    answer = explain(_asked(options.text))
    if options.target is not None:
        _check_target(options)
    with speaking(choose.language_of(options)):
        results = _audit(options, answer) if options.target is not None and answer.matches else []
        document = described(answer, results)
        _add_audits(document, results)
        _print(document, as_json=options.json)
    return 0 if answer.matches else _NOTHING_KNOWN


def _asked(words: Sequence[str]) -> str:
    """The text that was given, or so much of standard input as is read."""
    from probe.errors import InputError
    from probe.explain.matching import LONGEST

    text = " ".join(words)
    if text == "-":
        text = sys.stdin.buffer.read(LONGEST * 4 + 1).decode("utf-8", "replace")
    if not text.strip():
        raise InputError("there is no text to explain", "give a message or a code: rdp-probe explain 0x904")
    return text


def _check_target(options: argparse.Namespace) -> None:
    """Raise InputError for what is not one server."""
    from itertools import islice

    from probe.errors import InputError
    from probe.scan.targets import targets

    ports = options.port or []
    if not options.target.startswith(("@", "-")):
        found = list(islice(targets([options.target], ports), max(len(ports), 1) + 1))
        if len({target.host for target in found}) == 1:
            return
    raise InputError(f"not one server: {options.target!r}", "give one name or address, such as srv1.example")


def _audit(options: argparse.Namespace, answer: Answer) -> list[Result]:
    """Run the command that the answer shows."""
    import trio

    from probe.cli.main import build_parser

    extra = answer.matches[0].explanation.options.split()
    ports = [word for port in options.port or [] for word in ("--port", str(port))]
    host = build_parser().parse_args(["host", *ports, *extra, "--", options.target])
    host.timeout = options.timeout
    return trio.run(_results, host)


async def _results(host: argparse.Namespace) -> list[Result]:
    from probe.cli.host import limits_of, settings_of
    from probe.diagnosis.judged import judge
    from probe.drive.many import Many
    from probe.scan.targets import targets

    found = []
    many = Many(settings=settings_of(host), limits=limits_of(host), one_address=host.one_address)
    async with many.audit(targets(host.targets, host.port or [])) as results:
        async for result in results:
            if isinstance(result, Exception):
                raise result
            judge(result)  # the verdict counts them, here as in `host`
            found.append(result)
    return found


def _add_audits(document: Explained, results: Sequence[Result]) -> None:
    """What was audited, in a line each."""
    from probe.result.explain import Audited

    if not results:
        return
    from probe.report.sentences import verdict

    for result in results:
        for found in result.diagnoses:
            document.remedies.setdefault(found.code, found.remedies)
    document.audited = [
        Audited(
            target=result.target.host,
            address=result.target.address,
            port=result.target.port,
            status=result.status,
            verdict=verdict(result),
            diagnoses=[found.code for found in result.diagnoses],
        )
        for result in results
    ]


def _print(document: Explained, *, as_json: bool) -> None:
    if as_json:
        from probe.report.escape import json_line
        from probe.result.explain import to_json

        print(json_line(to_json(document)))
        return
    from probe.report.text import console
    from probe.report.text_explain import render

    render(document, console(sys.stdout))
