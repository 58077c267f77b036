"""Writes docs/states.md from the transition tables of the handshake machines: `python -m tools.make_states`.

A machine is found by its TRANSITIONS, in any module of `probe.handshake`; a test compares the page with the tables.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path

import probe.handshake

TARGET = Path(__file__).parent.parent / "docs" / "states.md"
Table = Mapping[tuple[object, ...], Enum]

_HEAD = """# States of the handshake machines

Rendered by `python -m tools.make_states` from the TRANSITIONS of each module in `probe/handshake`; a test fails when
this page is stale. What a table does not hold is no exception but an event: a message that comes at another moment,
or bytes that cannot be read, are recorded as `Malformed` and end the machine in FAILED.
"""


def tables() -> Iterator[tuple[str, str, type[Enum], Table]]:
    """Each machine: its module's name and first line, its states, its transitions."""
    for found in sorted(pkgutil.iter_modules(probe.handshake.__path__), key=lambda module: module.name):
        module = importlib.import_module(f"probe.handshake.{found.name}")
        if hasattr(module, "TRANSITIONS"):
            yield found.name, (module.__doc__ or "").splitlines()[0], module.State, module.TRANSITIONS


def render() -> str:
    """The page's text."""
    parts = [_HEAD]
    for name, purpose, states, transitions in tables():
        parts.append(f"\n## {name}\n\n{purpose}\n\n| in state | who | says | leads to |\n|---|---|---|---|\n")
        parts += [_row(key, then) for key, then in transitions.items()]
        others = [state.name for state in states if state not in _named(transitions)]
        if others:
            parts.append(f"\nReached without a row: {', '.join(others)}.\n")
    return "".join(parts)


def _row(key: tuple[object, ...], then: Enum) -> str:
    """One transition; credssp's table does not tell messages apart, there is only one."""
    state, side, *message = key
    what = message[0].__name__ if message and isinstance(message[0], type) else "its message"
    return f"| {_name(state)} | {side.value if isinstance(side, Enum) else side} | {what} | {then.name} |\n"


def _name(state: object) -> str:
    return state.name if isinstance(state, Enum) else str(state)


def _named(transitions: Table) -> set[object]:
    return {key[0] for key in transitions} | set(transitions.values())


if __name__ == "__main__":
    TARGET.write_text(render(), "utf-8")
