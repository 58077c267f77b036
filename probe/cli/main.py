"""The entry point: options, dispatch, and the one place where errors become a message and an exit status."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from probe import __version__
from probe.cli.broken_pipe import abandon_output
from probe.errors import InputError, Unavailable

USAGE_ERROR = 2
INTERRUPTED = 130
_CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}

_COMMANDS = {
    "host": "audit servers and explain each to a person, or as JSON",
    "scan": "audit many targets: results as NDJSON, progress on standard error",
    "verify": "prove that servers are as a policy demands, or as they were",
    "replay": "read captures (pcap, pcapng): the same report for each RDP connection in them",
    "diff": "show what changed between two files of results",
    "policy": "show the built-in policies, each rule with its source",
    "export": "list hosts of a scan that have something in common, or make a table of its results",
    "explain": "say what an error message or code means, and what tells its causes apart",
    "demo": "start embedded servers on loopback and audit them: needs no network",
    "schema": "print the JSON Schema of the results",
}
_EXAMPLES = """\
examples:
  rdp-probe demo                               see what it does, without a server
  rdp-probe host srv1.example                  why does it not connect, is it safe
  rdp-probe host --json 10.0.0.0/28 > out.ndjson
  rdp-probe verify srv1.example --policy strict
  rdp-probe explain 0x904                      what this message or code means
  rdp-probe host --help                        all options of a command

It never logs in: no user name and no password leave this machine.
"""


class _Parser(argparse.ArgumentParser):
    """Errors as this program prints them: what happened, then what to do. Options are not abbreviated."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> None:  # type: ignore[override]
        raise InputError(message, f"see {self.prog} --help")


def build_parser() -> argparse.ArgumentParser:
    """The parser of the program and of every command."""
    parser = _Parser(
        prog="rdp-probe",
        description="Says why Remote Desktop will not connect, for whom, and what to change.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rdp-probe {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, summary in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        import_module(f"probe.cli.{name}").add_options(command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; the exit status is that of the contract."""
    _prepare_streams()
    try:
        try:
            status = _run(sys.argv[1:] if argv is None else argv)
            sys.stdout.flush()
        except BaseExceptionGroup as group:
            raise _only_cause(group) from group
    except (InputError, Unavailable) as error:
        _print_error(error)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        abandon_output()  # the reader has seen enough
        return 0
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
        abandon_output()
        print(f"error: cannot write the output: {error.strerror}\nhint: write it elsewhere", file=sys.stderr)
        return USAGE_ERROR
    return status


def _prepare_streams() -> None:
    """A stream that was closed leads nowhere; a character that the encoding lacks is shown as an escape."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123  open until the end
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _only_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What a group of tasks failed with, where it is one thing that has a message of its own; else the group."""
    leaves = list(_leaves(group))
    for kind in (KeyboardInterrupt, BrokenPipeError, InputError, Unavailable, OSError):
        if all(isinstance(leaf, kind) for leaf in leaves):
            return leaves[0]
    return group


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for inner in group.exceptions:
        if isinstance(inner, BaseExceptionGroup):
            yield from _leaves(inner)
        else:
            yield inner


def _print_error(error: InputError | Unavailable) -> None:
    """What happened and what to do; then the same of what else is wrong."""
    print(f"error: {_shown(error.what)}\nhint: {_shown(error.hint)}", file=sys.stderr)
    for what, hint in error.more if isinstance(error, InputError) else ():
        print(f"also: {_shown(what)}\nhint: {_shown(hint)}", file=sys.stderr)


def _shown(text: str) -> str:
    """What a user typed may be pasted from anywhere: it reaches the terminal in one harmless line."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _run(argv: Sequence[str]) -> int:
    parser = build_parser()
    if argv and not argv[0].startswith("-") and argv[0] not in _COMMANDS:
        near = get_close_matches(argv[0].lower(), _COMMANDS, n=1)
        hint = f"did you mean rdp-probe {near[0]}?" if near else f"to audit a server: rdp-probe host {argv[0]}"
        raise InputError(f"there is no command {argv[0]!r}", hint)
    options, unknown = parser.parse_known_args(argv)
    if unknown:
        raise _unknown(parser, options.command, unknown)
    if options.command is None:
        parser.print_help()
        return USAGE_ERROR
    status: int = import_module(f"probe.cli.{options.command}").run(options)
    return status


def _unknown(parser: argparse.ArgumentParser, command: str | None, words: Sequence[str]) -> InputError:
    """What to say of words that the parser had no use for."""
    word = next((word.partition("=")[0] for word in words if word.startswith("-")), None)
    if word is None and command == "policy":
        return InputError("policy show takes one policy at a time", f"rdp-probe policy show {words[0]}")
    if word is None:
        return InputError(f"{words[0]!r} stands apart", "give all that is no option in one place, such as at the end")
    options = {each: _options(_parser_of(parser, each)) for each in _COMMANDS}
    known = options.get(command or "", {*_options(parser)})
    begun = [option for option in sorted(known) if len(word) > 3 and option.startswith(word)]
    near = begun[:3] or get_close_matches(word, known, n=1, cutoff=0.7)
    others = [each for each in _COMMANDS if word in options[each]]
    hint = f"see rdp-probe {f'{command} ' if command else ''}--help"
    if near:
        hint = f"did you mean {' or '.join(near)}? {hint}"
    elif others:
        hint = f"rdp-probe {others[0]} has {word}; {hint}"
    return InputError(f"there is no option {word}", hint)


def _options(parser: argparse.ArgumentParser) -> set[str]:
    """The long options of one parser."""
    return {option for option in parser._option_string_actions if option.startswith("--")}  # noqa: SLF001  no other way


def _parser_of(parser: argparse.ArgumentParser, command: str) -> argparse.ArgumentParser:
    commands = (each for each in parser._actions if isinstance(each, argparse._SubParsersAction))  # noqa: SLF001
    found: argparse.ArgumentParser = next(commands).choices[command]
    return found


if __name__ == "__main__":
    sys.exit(main())
