"""What a scan says on standard error beside its progress: on a terminal broken at words, and commands never."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from probe.language import _

if TYPE_CHECKING:
    from probe.scan.recovery import Found
    from probe.scan.work import Source

_BETWEEN = " · "


def say(text: str, command: str = "") -> None:
    """A text, and a command that is to be copied, which has a line of its own where there is no room beside the text.

    Nobody there to read it is no reason to stop a scan.
    """
    with suppress(OSError):
        print("\n".join(_lines(text, command, _width())), file=sys.stderr, flush=True)


def tell_damage(found: Found | None, name: str | None) -> None:
    """That results which are whole are not counted: something before them is not, and they were written with it."""
    if found is not None and found.again:
        again = f"{found.again:,}"
        say(_("The end of {file} was damaged; so many targets in it are asked again: {count}", file=name, count=again))


def say_facts(facts: Sequence[str]) -> None:
    """Facts in one line, or on a terminal in as many as it takes, broken between them."""
    width = _width()
    lines = [""]
    for fact in facts:
        longer = f"{lines[-1]}{_BETWEEN if lines[-1] else ''}{fact}"
        if width is None or not lines[-1] or _cells(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(fact)
    say("\n".join(lines))


def tell_terminals(options: argparse.Namespace) -> None:
    """What whoever sits at a terminal should know where targets come from there, or results go there."""
    if options.quiet:
        return
    if options.output in (None, "-") and _is_terminal(sys.stdout):
        say(_("Results come to this terminal; -o FILE keeps them out of the way."))
    if "-" in options.targets and _is_terminal(sys.stdin):
        say(_("Type targets, one a line; Ctrl-D ends."))


def where_results_are(options: argparse.Namespace, source: Source, name: str | None) -> tuple[str | None, str | None]:
    """The files of results, as a shell takes them, for commands; and where there is no such, a sentence or nothing."""
    from probe.scan.parts_place import Place, scan_name

    if options.parts is None:
        return (None if name is None else shlex.quote(name)), None
    place = Place(options.parts, scan_name(source.fingerprint, source.seed), options.parts_format)
    pattern = place.pattern()
    return pattern, (None if pattern is not None else place.sentence())


def _lines(text: str, command: str, width: int | None) -> list[str]:
    whole = f"{text} {command}".rstrip(" ")
    if width is None or all(_cells(line) <= width for line in whole.split("\n")):
        return [whole]
    from probe.report.wrapping import wrap

    lines = [line for paragraph in text.split("\n") for line in (wrap(paragraph, width) if paragraph else [""])]
    return [*lines, command] if command else lines


def _cells(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _is_terminal(stream: object) -> bool:
    return stream is not None and bool(getattr(stream, "isatty", bool)())


def _width() -> int | None:
    """Of the terminal; None where it is none, and lines are left whole."""
    if not _is_terminal(sys.stderr):
        return None
    with suppress(OSError, ValueError):
        return os.get_terminal_size(sys.stderr.fileno()).columns or None
    return None
