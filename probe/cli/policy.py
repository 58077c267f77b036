"""rdp-probe policy: the built-in policies, each rule with its source, and checks of a policy file."""

from __future__ import annotations

import argparse

from probe.cli import options as choose

_EXAMPLES = """\
POLICY is the name of a built-in policy or a TOML file. docs/policy.md has every key.

examples:
  rdp-probe policy list
  rdp-probe policy show strict
  rdp-probe policy show --toml strict > ours.toml      a file to begin with
  rdp-probe policy show ours.toml                      is the file right, what does it demand

exit status: 0; 2 usage, no such policy, a mistake in the file
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.epilog = _EXAMPLES
    parser.add_argument("action", choices=("list", "show"), help="name the built-in ones, or show one")
    parser.add_argument("policy", nargs="?", metavar="POLICY", help="which to show")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="as JSON")
    output.add_argument("--toml", action="store_true", help="the file itself")
    choose.add_language(parser)


def run(options: argparse.Namespace) -> int:
    """Print. Exit status 0."""
    raise NotImplementedError
