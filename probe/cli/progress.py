"""How far an audit of several targets is: one line on standard error, where that is a terminal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TextIO

from probe.language import _
from probe.result import Target

_EVERY_S = 0.5  # often enough to see that it goes on, seldom enough to be read
_ONE_AFTER_S = 2.0  # one target that is answered is done before


class Progress:
    """Counts targets and results. It is drawn where there are several or the one takes long, and leaves no trace."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._begun = 0
        self._out = 0
        self._drawn = ""

    def counting(self, targets: Iterator[Target]) -> Iterator[Target]:
        """The same targets. They are taken in another thread, so that nothing may be drawn here."""
        for target in targets:
            self._begun += 1
            yield target

    def step_aside(self) -> None:
        """Clear the line for the result that is printed next."""
        self._out += 1
        self._clear()

    def remark(self, words: str) -> None:
        """Print a line that stays."""
        self._clear()
        self._write(f"{words}\n")

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Draw the line, now and then, while the block runs."""
        import trio

        async with trio.open_nursery() as nursery:
            if self._stream.isatty():
                nursery.start_soon(self._keep_drawing)
            yield
            nursery.cancel_scope.cancel()

    async def _keep_drawing(self) -> None:
        import trio

        began = trio.current_time()
        try:
            while True:
                await trio.sleep(_EVERY_S)
                passed = trio.current_time() - began
                if self._begun > 1 or (self._begun > self._out and passed >= _ONE_AFTER_S):
                    self._draw(int(passed))
        finally:
            self._clear()

    def _draw(self, seconds: int) -> None:
        time = f"{seconds // 60}:{seconds % 60:02}"
        if self._begun == 1:
            line = _("1 target begun, no result yet, {time}", time=time)
        else:
            line = _("{begun} targets begun, {out} results out, {time}", begun=self._begun, out=self._out, time=time)
        if line != self._drawn:
            self._clear()
            self._write(line)
            self._drawn = line

    def _clear(self) -> None:
        if self._drawn:
            from rich.cells import cell_len

            self._write(f"\r{' ' * cell_len(self._drawn)}\r")
            self._drawn = ""

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
