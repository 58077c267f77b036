"""What the replay command prints: results as they come, one report a server, and how far the reading is."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TextIO

from probe.language import _

if TYPE_CHECKING:
    from probe.drive.replay import Passed, Replay
    from probe.result import Result

_EVERY_S = 0.5  # often enough to see that it goes on, seldom enough to be read
_FIRST_AFTER_S = 1.0  # a small file is read before
_MIB = 1 << 20


class ReadingProgress:
    """One line on standard error, where that is a terminal: how much of the file is read. It leaves no trace."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_shown = stream.isatty()
        self._began = self._drawn_at = time.monotonic()
        self._drawn = ""

    def read(self, passed: Passed) -> None:
        """Draw what has been read, unless it was drawn a moment ago."""
        if not self._is_shown:
            return
        now = time.monotonic()
        if now - self._began < _FIRST_AFTER_S or now - self._drawn_at < _EVERY_S:
            return
        self._drawn_at = now
        self._draw(_read_words(passed, now - self._began))

    def step_aside(self) -> None:
        """Clear the line for what is printed next."""
        if self._drawn:
            from rich.cells import cell_len

            self._write(f"\r{' ' * cell_len(self._drawn)}\r")
            self._drawn = ""

    def done(self) -> None:
        """The file is read, or cannot be."""
        self.step_aside()
        self._began = time.monotonic()

    def _draw(self, words: str) -> None:
        self.step_aside()
        self._write(words)
        self._drawn = words

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _read_words(passed: Passed, seconds: float) -> str:
    rate = f"{passed.packets / seconds:,.0f}"
    facts = {"read": f"{passed.read / _MIB:,.0f}", "packets": f"{passed.packets:,}", "rate": rate}
    if passed.size:
        return _(
            "{read} of {size} MiB ({percent} %) · {packets} packets, {rate}/s · RDP {found}",
            size=f"{passed.size / _MIB:,.0f}",
            percent=min(100, 100 * passed.read // passed.size),
            found=passed.found,
            **facts,
        )
    return _("{read} MiB · {packets} packets, {rate}/s · RDP {found}", found=passed.found, **facts)


def _judged(results: Iterable[Result]) -> Iterator[Result]:
    from probe.diagnosis.judged import judge

    for result in results:
        judge(result)
        yield result


def line_of(result: Result) -> bytes:
    """A result as JSON, judged."""
    from probe.diagnosis.judged import judge
    from probe.report.escape import json_line
    from probe.result import to_json

    judge(result)
    return json_line(to_json(result)).encode("ascii")


class Output:
    """Prints the results of one file after another, and what is to be said of each file."""

    def __init__(self, options: argparse.Namespace, progress: ReadingProgress) -> None:
        self._options = options
        self._progress = progress
        self._shown = 0
        self._shown_of_file = 0

    @property
    def has_lines(self) -> bool:
        """Whether it prints each connection as JSON, and nothing else."""
        return bool(self._options.json) and not self._options.by_server

    def show_line(self, line: bytes) -> None:
        """Print one result that is JSON already."""
        self._progress.step_aside()
        print(line.decode("ascii"))
        self._shown += 1
        self._shown_of_file += 1
        sys.stdout.flush()

    def show(self, result: Result, replay: Replay) -> None:
        """Print one result, judged, so that a reader behind a pipe sees it at once."""
        from probe.diagnosis.judged import judge

        judge(result)
        self._progress.step_aside()
        if self._shown and not (self._options.json or self._options.quiet):
            print()
        if self._options.json:
            self._show_json(result)
        elif self._options.quiet:
            self._show_line(result)
        else:
            self._show_text(result, replay)
        self._shown += 1
        self._shown_of_file += 1
        sys.stdout.flush()

    def close_file(self, replay: Replay, *, is_whole: bool = True) -> None:
        """Say what is to be said of a file that is read."""
        from probe.cli.remark import remark
        from probe.diagnosis.stored import stored

        self._progress.step_aside()
        several = len(self._options.files) > 1
        for words in map(stored, dict.fromkeys(replay.notices)):
            remark(_("{file}: {words}", file=replay.path, words=words) if several else words)
        if is_whole and not self._shown_of_file:
            self._show_nothing(replay)
        self._shown_of_file = 0

    def _show_nothing(self, replay: Replay) -> None:
        from probe.cli.remark import remark
        from probe.report.escape import terminal
        from probe.report.text_replay import nothing_chosen, nothing_found

        if replay.wanted.streams is not None:
            words = nothing_chosen(replay.path, replay.wanted.streams)
        else:
            words = nothing_found(replay.path, replay.others.connections, replay.others.spoken)
        if self._options.json or self._options.quiet:
            remark(words)
        else:
            print(terminal(words, 600))

    def _show_json(self, result: Result) -> None:
        from probe.report.escape import json_line
        from probe.result import to_json

        print(json_line(to_json(result)))

    def _show_line(self, result: Result) -> None:
        from probe.report.text import verdict_line
        from probe.report.text_replay import connection_line

        print(verdict_line(result) if self._options.by_server else connection_line(result))

    def _show_text(self, result: Result, replay: Replay) -> None:
        from probe.report.text import console, render
        from probe.report.text_replay import connections, render_connection

        page, verbosity = console(sys.stdout), self._options.verbose
        if self._options.by_server:
            render(result, page, verbosity, is_gone=True)
            connections(_judged(replay.each_of(result)), result.connections, page, verbosity)
        else:
            render_connection(result, page, verbosity)
