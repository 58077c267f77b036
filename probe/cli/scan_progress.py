"""How far a scan is, on standard error: one line that is drawn again on a terminal, else a line every ten seconds."""

from __future__ import annotations

import math
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TextIO

from probe.language import _
from probe.report.duration import duration

if TYPE_CHECKING:
    from probe.scan.tally import Tally
    from probe.scan.work import Finished

_REDRAW_S = 0.2
_PLAIN_S = 10.0
_SMOOTH_S = 10.0  # a rate is that of about this time
_BARS = (20, 10)  # characters, widest first
_GAPS = ("   ", "  ")
_USUAL_WIDTH = 80
_LONGEST_LEFT_S = 1000 * 86_400


class Rate:
    """Things a second, smoothed: each moment weighs less the longer it is ago. Right from the first second on."""

    def __init__(self) -> None:
        self._things = 0.0
        self._seconds = 0.0

    def add(self, things: int, seconds: float) -> None:
        """So many more, in that time."""
        fades = math.exp(-seconds / _SMOOTH_S)
        self._things = self._things * fades + things
        self._seconds = self._seconds * fades + seconds

    @property
    def a_second(self) -> float | None:
        """None while nothing was measured."""
        return self._things / self._seconds if self._seconds else None


class ScanProgress:
    """A Watch that draws. What it counts is in `tally`, which a resumed scan hands over with what was done before."""

    def __init__(
        self, stream: TextIO, tally: Tally, *, size: int | None, quiet: bool = False, shares_terminal: bool = False
    ) -> None:
        """`size`: targets of the whole scan, with those done before; None: nobody knows.

        `shares_terminal`: results go to the same terminal. They show that it goes on, and a line between them would
        only be in their way.
        """
        self.tally = tally
        self._stream = stream
        self._size = size
        self._is_mute = quiet or shares_terminal
        self._rate = Rate()
        self._counted = tally.targets
        self._shown = False

    def saw(self, finished: list[Finished]) -> None:
        """These are kept."""
        self.tally.saw(finished)

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Tell how far it is while the block runs; a line that is drawn again leaves no trace."""
        import trio

        async with trio.open_nursery() as nursery:
            if not self._is_mute:
                nursery.start_soon(self._keep_telling)
            yield
            nursery.cancel_scope.cancel()

    async def _keep_telling(self) -> None:
        import trio

        tell, every_s = (self._draw, _REDRAW_S) if _can_redraw(self._stream) else (self._say, _PLAIN_S)
        measured = trio.current_time()
        try:
            while True:
                await trio.sleep(every_s)
                now = trio.current_time()
                self._measure(now - measured)
                measured = now
                tell()
        finally:
            self.clear()

    def _measure(self, seconds: float) -> None:
        self._rate.add(self.tally.targets - self._counted, seconds)
        self._counted = self.tally.targets

    def clear(self) -> None:
        """Remove the line, for something else to be written."""
        if self._shown:
            self._write("\r\x1b[K")
            self._shown = False

    def _draw(self) -> None:
        line = self.line(_width(self._stream))
        self._write(f"\r{line}\x1b[K")
        self._shown = True

    def _say(self) -> None:
        self._write(f"{self.line(None)}\n")

    def _write(self, text: str) -> None:
        """Nobody there to read it is no reason to stop a scan."""
        if self._is_mute:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._is_mute = True

    def line(self, width: int | None) -> str:
        """How far it is, in less than `width` cells by leaving out what matters least; None: as long as it gets."""
        from rich.cells import cell_len, set_cell_size

        share, rate, left = self._share(), self._speed(), self._left()
        kinds = self._kinds()
        done = _("{count} done", count=f"{self.tally.targets:,}")
        bars = [*(self._bar(length) for length in _BARS if width is not None), ""]
        shapes = [[bar, share, done, rate, *more, left] for more in ([kinds], []) for bar in bars]
        line = ""
        for shape in [*shapes, [share, done, left]]:
            for gap in _GAPS:
                line = gap.join(part for part in shape if part).lstrip()
                if width is None or cell_len(line) < width:
                    return line
        return set_cell_size(line, max(0, (width or 0) - 1)).rstrip()

    def _fraction(self) -> float | None:
        if self._size is None:
            return None
        return min(1.0, self.tally.targets / self._size) if self._size else 1.0

    def _bar(self, length: int) -> str:
        fraction = self._fraction()
        if fraction is None:
            return ""
        full = int(length * fraction)
        return f"[{'#' * full}{'-' * (length - full)}]"

    def _share(self) -> str:
        fraction = self._fraction()
        return "" if fraction is None else _("{number} %", number=f"{int(100 * fraction):2}")

    def _speed(self) -> str:
        rate = self._rate.a_second
        return "" if rate is None else _("{number}/s", number=f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}")

    def _kinds(self) -> str:
        count = self.tally.count
        closed, failed = count("closed"), count("unreachable") + count("dns_error") + count("internal_error")
        kinds = [
            _("RDP {count}", count=f"{count('rdp'):,}"),
            _("refused {count}", count=f"{count('refused'):,}"),
            _("silent {count}", count=f"{count('silent') + count('filtered'):,}"),
            _("not RDP {count}", count=f"{count('not_rdp'):,}"),
        ]
        if closed:
            kinds.append(_("closed {count}", count=f"{closed:,}"))
        if failed:
            kinds.append(_("errors {count}", count=f"{failed:,}"))
        return " · ".join(kinds)

    def _left(self) -> str:
        rate = self._rate.a_second
        if self._size is None or not rate:
            return ""
        seconds = max(0, self._size - self.tally.targets) / rate
        return "" if seconds > _LONGEST_LEFT_S else _("left {time}", time=duration(seconds))


def _can_redraw(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _width(stream: TextIO) -> int:
    """Of the terminal as it is now: it may have been resized. What has no width, or 0, is taken as usual."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_WIDTH
    except OSError:
        return _USUAL_WIDTH
