"""rdp-probe policy: the built-in policies, each rule with its source, and checks of a policy file."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from probe.cli import options as choose
from probe.errors import InputError
from probe.language import speaking

if TYPE_CHECKING:
    from probe.result.shown_policy import ShownPolicy

_EXAMPLES = """\
POLICY is the name of a built-in policy or a TOML file. docs/policy.md has every key.

examples:
  rdp-probe policy list
  rdp-probe policy show strict
  rdp-probe policy show --toml strict > ours.toml      a file to begin with
  rdp-probe policy show ours.toml                      is the file right, what does it demand

exit status: 0; 2 usage, no such policy, a mistake in the file
"""
_FIRST = "strict"
_ACTIONS = {
    "list": "name the built-in policies",
    "show": "show one policy, built in or in a file, and say where a file is wrong",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command; they may stand before `list` or `show`, or behind."""
    parser.epilog = _EXAMPLES
    _add_output(parser)
    actions = parser.add_subparsers(dest="action", metavar="list | show")
    for name, summary in _ACTIONS.items():
        # What is not said behind the action leaves what was said before it.
        action = actions.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            argument_default=argparse.SUPPRESS,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        about = "which to show" if name == "show" else argparse.SUPPRESS  # to say what is wrong with a name there
        action.add_argument("policy", nargs="?", default=None, metavar="POLICY", help=about)
        _add_output(action)


def _add_output(parser: argparse.ArgumentParser) -> None:
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true",
                        help="as JSON, one policy a line; see rdp-probe schema shown-policy")  # fmt: skip
    output.add_argument("--toml", action="store_true", help="the file itself")
    choose.add_language(parser)


def run(options: argparse.Namespace) -> int:
    """Print. Exit status 0."""
    if options.action is None:
        raise InputError("list or show was not said", "rdp-probe policy list")
    if options.json and options.toml:
        raise InputError("--json and --toml do not go together", "give one of them")
    if options.action == "list":
        _list(options)
    elif options.policy is None:
        raise InputError("which policy is to be shown was not said", "rdp-probe policy list names the built-in ones")
    elif options.toml:
        _file_itself(options.policy)
    else:
        _show(options)
    return 0


def _list(options: argparse.Namespace) -> None:
    from probe.verify import builtin

    if options.policy is not None:
        raise InputError("policy list takes no name", f"rdp-probe policy show {options.policy}")
    if options.toml:
        raise InputError("--toml is for one policy", "rdp-probe policy show --toml strict")
    with speaking(choose.language_of(options)):
        # The one that everybody tries first stands first, the others in alphabetical order.
        policies = [_shown(name) for name in sorted(builtin.names(), key=lambda name: name != _FIRST)]
        if options.json:
            _print_json(policies)
            return
        from probe.report.text import console
        from probe.report.text_policy import listing

        listing(policies, console(sys.stdout))


def _show(options: argparse.Namespace) -> None:
    with speaking(choose.language_of(options)):
        policy = _shown(options.policy)
        if options.json:
            _print_json([policy])
            return
        from probe.report.text import console
        from probe.report.text_policy import render

        render(policy, console(sys.stdout))


def _shown(name: str) -> ShownPolicy:
    from datetime import datetime

    from probe.verify.policy_file import read_policy
    from probe.verify.shown import shown

    return shown(read_policy(name), today=datetime.now().astimezone().date())


def _print_json(policies: list[ShownPolicy]) -> None:
    from probe.report.escape import json_line
    from probe.result.shown_policy import to_json

    for policy in policies:
        print(json_line(to_json(policy)))


def _file_itself(name: str) -> None:
    """The text as it is, once it was found to be right. As bytes: TOML is UTF-8, whatever the terminal takes."""
    from probe.verify.policy_file import read_policy
    from probe.verify.policy_text import read_text

    read_policy(name)
    sys.stdout.flush()
    sys.stdout.buffer.write(read_text(name).text.encode())
    sys.stdout.buffer.flush()
