"""Where verifications go: to people and programs, each at once where its format allows, else when all are there."""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

from probe.cli.broken_pipe import abandon_output
from probe.errors import InputError
from probe.result.verification import Verification, to_json

if TYPE_CHECKING:
    from probe.cli.demands import Baseline
    from probe.cli.saving import Saving
    from probe.report.whole_file import Draft
    from probe.result import Result

TEXT, JSON = "text", "json"
# Those that are one document: `render` takes all verifications and returns it.
DOCUMENTS = {
    "junit": "probe.report.format_junit:render",
    "sarif": "probe.report.format_sarif:render",
    "github": "probe.report.format_github:render",
    "tap": "probe.report.format_tap:render",
    "markdown": "probe.report.format_markdown:render",
}
FORMATS = (TEXT, JSON, *DOCUMENTS)
_STANDARD_OUTPUT = "-"


@dataclass(frozen=True, slots=True)
class Way:
    """One format, and the file that it goes to; None: standard output."""

    format: str
    file: str | None = None


def ways_of(formats: Sequence[str], *, json: bool) -> list[Way]:
    """What --format and --json say. Text goes to standard output where nothing else does. Raises InputError."""
    ways = list(dict.fromkeys(_way(text) for text in [*formats, *([JSON] if json else [])]))
    shown = [way.format for way in ways if way.file is None]
    if len(shown) > 1:
        raise InputError(
            f"{' and '.join(shown)} cannot both go to standard output",
            f"write one to a file: --format {shown[-1]}=FILE",
        )
    if not shown:
        ways.insert(0, Way(TEXT))
    return ways


def _way(text: str) -> Way:
    name, equals, file = text.partition("=")
    if name.lower() not in FORMATS:
        near = get_close_matches(name.lower(), FORMATS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}? " if near else ""
        raise InputError(f"there is no format {name!r}", f"{hint}formats are {', '.join(FORMATS)}")
    if equals and not file:
        raise InputError(f"--format {text} names no file", f"--format {name}=FILE, or {name} for standard output")
    return Way(name.lower(), None if file in ("", _STANDARD_OUTPUT) else file)


class Output:
    """Writes verifications as they come, and the results that are to be saved. Files are whole or stay as they were.

    `with` it: what was not finished leaves no trace. Raises InputError for a file that cannot be written, before
    anything is asked.
    """

    def __init__(
        self, ways: Sequence[Way], *, save: str | None = None, quiet: bool = False, verbosity: int = 0
    ) -> None:
        self.verdicts: Counter[str] = Counter()
        self._results: Counter[str] = Counter()  # the same, but "saved" where nothing was demanded
        self.is_cut = False  # nobody read the output any more, and something was left out: no verdict on the whole
        self._is_read = True
        self.baseline: Baseline | None = None  # with which results are compared: `save` may be its file
        self._ways = ways
        self._save = save
        self._quiet = quiet
        self._verbosity = verbosity
        self._renderers = {way: _renderer(way.format) for way in ways if way.format in DOCUMENTS}
        self._all: list[Verification] = []  # only where a document needs them
        self._drafts: dict[str, Draft] = {}
        self._saving: Saving | None = None

    def __enter__(self) -> Self:
        from probe.report.whole_file import Draft

        files = [*(way.file for way in self._ways), self._save]
        named = [file for file in files if file is not None]
        for file in named:
            if sum(_same(file, other) for other in named) > 1:
                raise InputError(f"{file} would be written twice", "give each its own file")
        try:
            for file in named:
                if file == self._save:
                    self._saving = self._saving_to(file)
                else:
                    self._drafts[file] = Draft(file)
        except InputError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        for draft in self._drafts.values():
            draft.discard()
        if self._saving is not None:
            self._saving.discard()

    def _saving_to(self, file: str) -> Saving:
        from probe.cli.saving import Renewing, Saving

        if self.baseline is None or not _same(file, self.baseline.file):
            return Saving(file)
        return Renewing(file, self.baseline.results)

    def show(self, verification: Verification, result: Result, *, alone: bool = False) -> None:
        """Print what can be printed at once, and keep the result where it is to be saved.

        `alone`: the result is of the only address of its name.
        """
        if not (self._is_read or self._drafts or self._saving):
            self.is_cut = True
            return
        if self._saving is not None:
            self._saving.take(verification, result, alone=alone)
        for way in self._ways:
            if way.format == TEXT:
                self._put(way, partial(self._text, verification))
            elif way.format == JSON:
                from probe.report.escape import json_line

                self._put(way, partial(_say, f"{json_line(to_json(verification))}\n"))
        if self._renderers:
            self._all.append(verification)
        self.verdicts[verification.verdict] += 1
        if not self._quiet:
            from probe.report.verified import result_of

            self._results[result_of(verification)] += 1

    def finish(self, *, interrupted: bool = False) -> None:
        """Print what had to wait. Where everything was done, put the files in their places."""
        interrupted = interrupted or self.is_cut
        for way in self._ways:
            if way in self._renderers:
                self._put(way, partial(_say, self._renderers[way](self._all)))
            elif way.format == TEXT and self.verdicts.total() > 1 and not self._quiet:
                from probe.report.verified import summary_of

                self._put(way, partial(_say, f"\n{summary_of(self._results)}\n"))
        if interrupted:
            return
        for draft in self._drafts.values():
            draft.keep()
        if self._saving is not None:
            self._saving.keep()

    def _text(self, verification: Verification, stream: TextIO) -> None:
        from probe.report.text import console
        from probe.report.text_verify import render, verdict_line

        if self._quiet:
            stream.write(f"{verdict_line(verification)}\n")
            return
        if self.verdicts.total():
            stream.write("\n")
        render(verification, console(stream), self._verbosity)

    def _put(self, way: Way, write: Callable[[TextIO], object]) -> None:
        """Write to where it goes. A reader behind a pipe sees it at once; one that is gone changes no verdict."""
        if way.file is not None:
            text = io.StringIO()
            write(text)
            self._drafts[way.file].write(text.getvalue())
            return
        try:
            write(sys.stdout)
            sys.stdout.flush()
        except BrokenPipeError:
            abandon_output()
            self._is_read = False


def _say(text: str, stream: TextIO) -> None:
    stream.write(text)


def _same(file: str, other: str) -> bool:
    try:
        return Path(file).resolve() == Path(other).resolve()
    except (OSError, ValueError):  # no file has such a name: what writes it says so
        return file == other


def _renderer(name: str) -> Callable[[Sequence[Verification]], str]:
    """What makes a document. Raises InputError where this program was built without it."""
    module, _colon, function = DOCUMENTS[name].partition(":")
    try:
        found: Callable[[Sequence[Verification]], str] = getattr(import_module(module), function)
    except ModuleNotFoundError as error:
        raise InputError(f"format {name} is not available", "text and json are") from error
    return found
