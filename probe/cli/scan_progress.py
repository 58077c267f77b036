"""How far a scan is, on standard error: one line that is drawn again on a terminal, else a line every ten seconds."""

from __future__ import annotations

import math
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from probe.language import _
from probe.report.duration import duration

if TYPE_CHECKING:
    from probe.scan.tally import Tally
    from probe.scan.work import Finished

_REDRAW_S = 0.2
_PLAIN_S = 10.0
_SMOOTH_S = 10.0  # a rate is that of about this time
# A bar of so many characters, how many kinds of outcomes, and whether the rate is there: what is shown, richest first.
_SHAPES = (
    *((bar, kinds, True) for kinds in (6, 4) for bar in (20, 10)),
    *((0, kinds, True) for kinds in (4, 3, 2, 1, 0)),
    (0, 0, False),
)
_GAPS = ("   ", "  ")
_USUAL_DIGITS = len("999,999")
_RATE_DIGITS = len("12,345")
_LONGEST_LEFT = duration(2 * 86_400)
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

    def remark(self, text: str) -> None:
        """Say something that stays, also where the progress is not shown."""
        self.clear()
        with suppress(OSError):
            print(text, file=self._stream, flush=True)

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
        """How far it is, in less than `width` cells by leaving out what matters least; None: as long as it gets.

        What is left out follows from the width and from how many targets there are, and each part has the room that
        its largest number takes: nothing moves while a scan goes on.
        """
        if width is None:
            return _GAPS[0].join(part for part in (*self._head(0, 0), " · ".join(self._kinds(0)), self._left()) if part)
        from rich.cells import cell_len, set_cell_size

        most = len(f"{self._size:,}") if self._size is not None else _USUAL_DIGITS
        head, kinds, left = self._head(most, _RATE_DIGITS), self._kinds(min(most, _USUAL_DIGITS)), self._left()
        room_left = cell_len(_("left {time}", time=_LONGEST_LEFT)) if self._size is not None else 0
        for bar, count, has_rate in _SHAPES:
            shown = " · ".join(kinds[:count])
            parts = [self._bar(bar), *(head if has_rate else head[:-1]), shown]
            room = sum(cell_len(part) for part in parts) + room_left
            for gap in _GAPS:
                line = gap.join(part for part in (*parts, left) if part).rstrip()
                gaps = len(gap) * (sum(map(bool, parts)) - (not room_left))
                if room + gaps < width and cell_len(line) < width:
                    return line
        line = _GAPS[-1].join(part for part in (*self._head(0, 0)[:-1], left) if part)
        return set_cell_size(line, min(cell_len(line), max(0, width - 1))).rstrip()

    def _head(self, digits: int, rate_digits: int) -> list[str]:
        """The share, what is done, the rate; "" where that is not known."""
        done = _("{count} done", count=f"{self.tally.targets:{digits},}" if digits else f"{self.tally.targets:,}")
        return [self._share(padded=bool(digits)), done, self._speed(rate_digits)]

    def _fraction(self) -> float | None:
        if self._size is None:
            return None
        return min(1.0, self.tally.targets / self._size) if self._size else 1.0

    def _bar(self, length: int) -> str:
        fraction = self._fraction()
        if fraction is None or not length:
            return ""
        full = int(length * fraction)
        return f"[{'#' * full}{'-' * (length - full)}]"

    def _share(self, *, padded: bool) -> str:
        fraction = self._fraction()
        percent = f"{int(100 * (fraction or 0)):{3 if padded else 1}}"
        return "" if fraction is None else _("{number} %", number=percent)

    def _speed(self, digits: int) -> str:
        rate = self._rate.a_second
        if rate is None:
            return " " * digits and _("{number}/s", number=f"{'-':>{digits}}")
        return _("{number}/s", number=f"{f'{rate:,.0f}' if rate >= 10 else f'{rate:.1f}':>{max(digits, 1)}}")

    def _kinds(self, digits: int) -> list[str]:
        """What came of targets, most important first. Without `digits` the last two only where there are any."""
        count = self.tally.count
        closed, failed = count("closed"), count("unreachable") + count("dns_error") + count("internal_error")

        def shown(number: int) -> str:
            return f"{number:>{max(digits, 1)},}"

        kinds = [
            _("RDP {count}", count=shown(count("rdp"))),
            _("refused {count}", count=shown(count("refused"))),
            _("silent {count}", count=shown(count("silent") + count("filtered"))),
            _("not RDP {count}", count=shown(count("not_rdp"))),
        ]
        if closed or digits:
            kinds.append(_("closed {count}", count=shown(closed)))
        if failed or digits:
            kinds.append(_("errors {count}", count=shown(failed)))
        return kinds

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
