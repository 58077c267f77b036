from __future__ import annotations

import errno
import io
import os
import pty
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from trio.testing import MockClock

from probe.cli.scan_progress import Rate, ScanProgress
from probe.language import LANGUAGES, speaking
from probe.report.duration import duration
from probe.scan.tally import Tally
from probe.scan.work import Facts, Finished


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def some(status: str, count: int) -> list[Finished]:
    return [Finished(number, b"", (Facts((status,)),)) for number in range(count)]


def watch(progress: ScanProgress, *, seconds: float, a_second: int = 100, status: str = "rdp") -> None:
    """Show it for a time in which so many hosts a second are done. No time is a multiple of when it is drawn."""

    async def run() -> None:
        async with progress.shown():
            await trio.sleep(0.05)
            for _second in range(int(seconds)):
                progress.saw(some(status, a_second))
                await trio.sleep(1)

    trio.run(run, clock=MockClock(autojump_threshold=0))


def drawn(stream: io.StringIO) -> list[str]:
    return re.findall(r"\r([^\r\x1b]+)\x1b\[K", stream.getvalue())


def test_a_terminal_shows_a_bar_what_is_done_the_rate_what_was_found_and_the_time_left() -> None:
    stream, tally = Terminal(), Tally()
    tally.saw(some("refused", 400))  # by an earlier run: done, but no part of the rate
    progress = ScanProgress(stream, tally, size=2000)
    watch(progress, seconds=8)
    assert progress.line(120) == (
        "[######----]    60 %   1,200 done       96/s   "
        "RDP   800 · refused   400 · silent     0 · not RDP     0   left 0:08"
    )
    assert drawn(stream)[-1] == " 60 %   1,200 done       96/s   RDP   800 · refused   400   left 0:08"
    assert stream.getvalue().endswith("\r\x1b[K")  # no trace is left


@pytest.mark.parametrize("size", [1, 254, 4096, 65_534, 2**24])
@pytest.mark.parametrize("language", LANGUAGES)
def test_on_eighty_columns_nothing_vanishes_and_nothing_moves(size: int, language: str) -> None:
    tally = Tally()
    progress = ScanProgress(io.StringIO(), tally, size=size)
    with speaking(language):
        shown = [progress.line(80)]
        for targets, rdp, refused, rate in ((1, 0, 1, 3), (size, size // 3, size // 2, 412), (size, size, 9, 12_345)):
            tally.targets = targets
            tally._counts |= {"rdp": min(rdp, 999_999), "refused": min(refused, 999_999)}
            progress._rate = Rate()
            progress._rate.add(rate, 1.0)
            shown.append(progress.line(80))
    words = [re.findall(r"RDP|refused|拒绝|silent|无应答|/s|/秒|done|已完成|%", line) for line in shown]
    assert all(each == words[0] for each in words)
    assert len(words[0]) >= 5
    assert ["left" in line or "剩余" in line for line in shown] == [False, True, True, True]
    assert (
        len({tuple(found.start() for found in re.finditer(r"RDP|refused|拒绝|/s|/秒|%", line)) for line in shown}) == 1
    )


def test_it_is_drawn_five_times_a_second_however_many_hosts_are_done() -> None:
    stream = Terminal()
    watch(ScanProgress(stream, Tally(), size=10**6), seconds=10, a_second=1000)
    assert 49 <= len(drawn(stream)) <= 51


def test_where_nobody_knows_how_many_there_are_no_bar_and_no_time_is_shown() -> None:
    stream = Terminal()
    progress = ScanProgress(stream, Tally(), size=None)
    watch(progress, seconds=3)
    line = progress.line(100)
    assert line.startswith("    300 done   ")
    assert "/s" in line
    assert "%" not in line
    assert "left" not in line


def test_what_is_no_terminal_gets_a_line_every_ten_seconds() -> None:
    stream = io.StringIO()
    watch(ScanProgress(stream, Tally(), size=4000), seconds=25)
    first, second = stream.getvalue().splitlines()
    assert first == "25 %   1,000 done   100/s   RDP 1,000 · refused 0 · silent 0 · not RDP 0   left 0:30"
    assert second.startswith("50 %   2,000 done   100/s")
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()


def test_a_dumb_terminal_gets_lines_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    watch(ScanProgress(stream, Tally(), size=4000), seconds=11)
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("how", ["quiet", "shares_terminal"])
def test_nothing_is_told(how: str) -> None:
    stream, tally = Terminal(), Tally()
    watch(ScanProgress(stream, tally, size=100, quiet=how == "quiet", shares_terminal=how != "quiet"), seconds=30)
    assert stream.getvalue() == ""
    assert tally.targets == 3000  # it is counted all the same


def test_a_line_is_cleared_when_the_scan_fails() -> None:
    stream = Terminal()

    async def run() -> None:
        async with ScanProgress(stream, Tally(), size=9).shown():
            await trio.sleep(0.5)
            raise KeyError

    with pytest.raises(ExceptionGroup):
        trio.run(run, clock=MockClock(autojump_threshold=0))
    assert drawn(stream)
    assert stream.getvalue().endswith("\r\x1b[K")


def test_a_scan_goes_on_where_its_progress_cannot_be_written() -> None:
    class Full(Terminal):
        def write(self, text: str) -> int:
            raise OSError(errno.EIO, "the terminal is gone")

    tally = Tally()
    watch(ScanProgress(Full(), tally, size=9), seconds=5)
    assert tally.targets == 500


def test_errors_and_closed_connections_are_named_where_there_are_any() -> None:
    tally = Tally()
    progress = ScanProgress(io.StringIO(), tally, size=None)
    assert "errors" not in progress.line(None)
    for status in ("unreachable", "dns_error", "internal_error", "closed", "filtered", "silent"):
        progress.saw(some(status, 2))
    assert progress.line(None).endswith("RDP 0 · refused 0 · silent 4 · not RDP 0 · closed 2 · errors 6")


@given(
    width=st.integers(1, 200),
    targets=st.integers(0, 2**32),
    size=st.none() | st.integers(0, 2**32),
    language=st.sampled_from(LANGUAGES),
    rate=st.none() | st.integers(0, 10**6),
)
def test_no_width_is_exceeded(width: int, targets: int, size: int | None, language: str, rate: int | None) -> None:
    tally = Tally()
    tally.targets = targets
    progress = ScanProgress(io.StringIO(), tally, size=size)
    if rate is not None:
        progress._rate.add(rate, 1.0)
    with speaking(language):
        assert cell_len(progress.line(width)) < width
        assert "\n" not in progress.line(None)


def test_on_forty_columns_the_share_the_count_and_the_time_are_there() -> None:
    tally = Tally()
    tally.saw(some("rdp", 1760))
    progress = ScanProgress(io.StringIO(), tally, size=4096)
    progress._rate.add(412, 1.0)
    assert progress.line(40) == " 42 %   1,760 done   left 0:06"
    assert progress.line(50) == " 42 %   1,760 done      412/s   left 0:06"
    assert ScanProgress(io.StringIO(), tally, size=10**5).line(None).startswith("1 %   1,760 done   ")
    assert progress.line(30) == "42 %  1,760 done  left 0:06"


@contextmanager
def terminal(columns: int) -> Iterator[tuple[int, io.TextIOWrapper]]:
    """A real pseudo-terminal: what is written to its other end, and its width's handle."""
    ours, theirs = pty.openpty()
    resize(theirs, columns)
    with os.fdopen(ours, "rb", buffering=0), os.fdopen(theirs, "w", encoding="utf-8") as stream:
        assert isinstance(stream, io.TextIOWrapper)
        yield ours, stream


def resize(terminal_fd: int, columns: int) -> None:
    import fcntl
    import termios

    fcntl.ioctl(terminal_fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def test_a_terminal_that_is_resized_gets_lines_of_its_width() -> None:
    with terminal(120) as (ours, stream):
        progress = ScanProgress(stream, Tally(), size=4096)
        lines = []
        for columns in (120, 40, 0):
            resize(stream.fileno(), columns)
            progress._draw()
            lines.append(re.findall(r"\r([^\r\x1b]+)\x1b\[K", os.read(ours, 4096).decode())[-1])
    assert cell_len(lines[0]) > 79
    assert cell_len(lines[1]) < 40
    assert 40 < cell_len(lines[2]) < 80  # one that tells no width


def test_a_rate_is_right_from_the_start_and_follows() -> None:
    rate = Rate()
    assert rate.a_second is None
    rate.add(100, 1.0)
    assert rate.a_second == pytest.approx(100)
    for _second in range(60):
        rate.add(10, 1.0)
    assert rate.a_second == pytest.approx(10, rel=0.1)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0:00"), (6.4, "0:06"), (59.6, "1:00"), (750, "12:30"), (10_807, "3:00:07"), (183_600, "2d 03:00")],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said
