from __future__ import annotations

import io
import re

import pytest
import trio
from trio.testing import MockClock

from probe.cli.progress import Progress
from probe.result import Target
from probe.scan.targets import targets


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def watch(stream: io.StringIO, texts: list[str], seconds: float = 2.9) -> list[Target]:
    """The targets, after progress was shown for some time and a result was out after half of it.

    No time is a multiple of half a second: what is due at the same moment has no order.
    """

    async def run() -> list[Target]:
        progress = Progress(stream)
        taken = list(progress.counting(targets(texts, [])))
        async with progress.shown():
            await trio.sleep(seconds / 2)
            progress.step_aside()
            await trio.sleep(seconds / 2)
        return taken

    return trio.run(run, clock=MockClock(autojump_threshold=0))


def visible(written: str) -> str:
    """What is left on the line after everything that was written to it."""
    line: list[str] = []
    for part in written.split("\r"):
        line[: len(part)] = part
    return "".join(line).rstrip()


def test_targets_and_results_are_counted_and_no_trace_is_left() -> None:
    stream = Terminal()
    assert len(watch(stream, ["192.0.2.1-3"])) == 3
    lines = re.findall(r"\d+ targets begun, \d+ results out, [\d:]+", stream.getvalue())
    assert lines[0] == "3 targets begun, 0 results out, 0:00"
    assert lines[-1] == "3 targets begun, 1 results out, 0:02"
    assert visible(stream.getvalue()) == ""
    assert "\x1b" not in stream.getvalue()


def test_minutes() -> None:
    stream = Terminal()
    watch(stream, ["192.0.2.1-3"], seconds=125.9)
    assert "results out, 2:05" in stream.getvalue()


@pytest.mark.parametrize(("stream", "texts"), [(io.StringIO(), ["192.0.2.1-3"]), (io.StringIO(), ["192.0.2.1"])])
def test_nothing_is_drawn_where_nobody_watches(stream: io.StringIO, texts: list[str]) -> None:
    watch(stream, texts)
    assert stream.getvalue() == ""


def test_one_target_that_takes_long_shows_that_it_is_asked() -> None:
    stream = Terminal()
    watch(stream, ["192.0.2.1"], seconds=9.8)
    lines = re.findall(r"1 target begun, no result yet, [\d:]+", stream.getvalue())
    assert lines[0].endswith("0:02")
    assert lines[-1].endswith("0:04")  # then its result is out
    assert visible(stream.getvalue()) == ""


def test_one_target_that_is_done_soon_shows_nothing() -> None:
    stream = Terminal()
    watch(stream, ["192.0.2.1"], seconds=3.9)
    assert stream.getvalue() == ""


def test_the_line_is_cleared_when_the_audit_fails() -> None:
    stream = Terminal()

    async def run() -> None:
        progress = Progress(stream)
        list(progress.counting(targets(["192.0.2.1-3"], [])))
        async with progress.shown():
            await trio.sleep(0.9)
            raise KeyError

    with pytest.raises(ExceptionGroup):
        trio.run(run, clock=MockClock(autojump_threshold=0))
    assert "3 targets begun" in stream.getvalue()
    assert visible(stream.getvalue()) == ""
