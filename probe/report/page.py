"""Lines on a terminal, laid out by us and escaped here without exception: no text reaches a console another way."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from rich.console import Console  # noqa: TID253  this module is itself imported only where text is shown
from rich.text import Text  # noqa: TID253

from probe.report.escape import terminal
from probe.report.wrapping import wrap

Part = tuple[str, str]  # words, and a style that adds nothing the words do not say
WIDEST = 100  # more air than that separates what belongs together
NARROWEST = 40
_UNWATCHED = 80  # where what stands at the right end of a line stands in a file or a pipe
_LONGEST = 2000
_GAP = 2


class Page:
    """Writes lines to a console: within a terminal's width, but unbroken to a file or a pipe, to be searched.

    Where COLUMNS is set, lines are as wide as it says, wherever they go: it is the reader's own word.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self.breaks = console.is_terminal or columns_are_given()  # whether lines are kept within the width
        self.width = max(NARROWEST, min(console.width, WIDEST)) if self.breaks else _UNWATCHED

    def blank(self) -> None:
        self._print(Text())

    def title(self, words: str) -> None:
        """A section's title after an empty line."""
        self.blank()
        self.line((words, "bold"))

    def line(self, *parts: Part, right: str = "") -> None:
        """One line, never broken; `right` stands at its right end."""
        line = _text(parts)
        if right:
            line.append(" " * max(_GAP, self.width - line.cell_len - _cells(right)))
            line.append(terminal(right, _LONGEST))
        self._print(line)

    def fits(self, *words: str) -> bool:
        """Whether these, with gaps between them, stand on one line."""
        return sum(_cells(part) + _GAP for part in words if part) - _GAP <= self.width

    def paragraph(self, words: str, *, first: Sequence[Part] = (), indent: int = 0, style: str = "") -> None:
        """Words broken at the width, every line indented; `first` stands in the indent of the first line."""
        for head, line in zip(_then_none(_text(first)), self._wrap(words, self.width - indent, style), strict=False):
            self._print(_padded(head, indent).append_text(line))

    def command(self, words: str, command: str) -> None:
        """Words, and a command to be copied: never broken, on a line of its own where there is no room beside them."""
        if not self.breaks or self.fits(words, command):
            self.line((f"{words} {command}", ""))
        else:
            self.paragraph(words)
            self.line((command, ""))

    def ending(self, words: str, command: str, *, style: str = "") -> None:
        """Words that end with a command to be copied: that is never broken, and begins a line where it has no room."""
        lines = self._wrap(words, self.width, style)
        last, end = lines[-1], Text(terminal(command, _LONGEST), style=style)
        if not self.breaks or last.cell_len + len(" ") + end.cell_len <= self.width:
            lines[-1] = Text.assemble(last, " ", end)
        else:
            lines.append(end)
        for line in lines:
            self._print(line)

    def path(self, steps: Sequence[str], *, indent: int) -> None:
        """Steps one after another, broken between them."""
        line = ""
        for number, step in enumerate(steps):
            arrow = " >" if number < len(steps) - 1 else ""
            if self.breaks and line and indent + _cells(f"{line} {step}{arrow}") > self.width:
                self.paragraph(line, indent=indent)
                line = ""
            line = f"{line} {step}{arrow}".lstrip()
        self.paragraph(line, indent=indent)

    def entry(self, first: Part, words: str, code: str, *, indent: int, style: str = "") -> None:
        """A label, words broken beside a code at the right end; below the words where there is no room."""
        column = self.width - indent - _cells(code) - _GAP
        beside = column >= NARROWEST // 2
        lines = self._wrap(words, column if beside else self.width - indent, style)
        if not beside:
            lines.append(Text(terminal(code)))
        for number, line in enumerate(lines):
            printed = _padded(_text([first]) if number == 0 else Text(), indent).append_text(line)
            if number == 0 and beside and code:
                gap = max(_GAP, self.width - printed.cell_len - _cells(code))
                printed.append(" " * gap).append(terminal(code))
            self._print(printed)

    def beside(self, left: Sequence[Sequence[Part]], right: Sequence[Sequence[Part]]) -> None:
        """Two tables side by side, or one below the other where the width does not hold them."""
        lefts, rights = [_text(row) for row in left], [_text(row) for row in right]
        column = max((row.cell_len for row in lefts), default=0) + _GAP
        if rights and column + max(row.cell_len for row in rights) > self.width:
            for row in [*lefts, Text(), *rights]:
                self._print(row)
            return
        column = max(column, min(self.width // 2, self.width - max((row.cell_len for row in rights), default=0)))
        for number in range(max(len(lefts), len(rights))):
            row = lefts[number] if number < len(lefts) else Text()
            self._print(_padded(row, column).append_text(rights[number]) if number < len(rights) else row)

    def _wrap(self, words: str, width: int, style: str) -> list[Text]:
        text = Text(terminal(words, _LONGEST), style=style)
        if not self.breaks:
            return [text]
        return [Text(line, style=style) for line in wrap(text.plain, max(width, NARROWEST // 2))]

    def _print(self, line: Text) -> None:
        line.rstrip()
        self._console.print(line, soft_wrap=True, highlight=False, markup=False, emoji=False)


def columns_are_given() -> bool:
    """Whether the environment has a width that can be kept to; `rich` takes it from there itself."""
    columns = os.environ.get("COLUMNS", "")
    return columns.isdecimal() and int(columns) > 0


def _then_none(first: Text) -> Iterator[Text]:
    yield first
    while True:
        yield Text()


def _text(parts: Sequence[Part]) -> Text:
    return Text.assemble(*((terminal(words, _LONGEST), style) for words, style in parts))


def _padded(line: Text, width: int) -> Text:
    return line.append(" " * max(0, width - line.cell_len))


def _cells(words: str) -> int:
    return Text(terminal(words, _LONGEST)).cell_len
