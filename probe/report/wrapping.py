"""Where a line may end: after a space, and between characters that are two cells wide, as Chinese sets its text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len, chop_cells  # noqa: TID253  this module is itself imported only where text is shown

# Punctuation that belongs to what stands before it, and such as belongs to what comes after it.
_NEVER_FIRST = frozenset("、。，．：；？！）》」』】〕〉”’…·—～％,.:;?!)]}%")  # noqa: RUF001
_LISTED = re.compile("[^,:]*[,:]+ *|[^,:]+$")
_NEVER_LAST = frozenset("（《「『【〔〈“‘([{")  # noqa: RUF001


def wrap(words: str, width: int) -> list[str]:
    """Lines of at most `width` cells; what has no place to break and does not fit on a line is cut."""
    lines, line, used = [], "", 0
    for piece in (part for whole in pieces(words) for part in _at_commas(whole, width)):
        size = cell_len(piece.rstrip())
        if used + size > width:
            if line:
                lines.append(line)
            *full, piece = chop_cells(piece, width) if size > width else [piece]  # noqa: PLW2901  the rest of it
            lines += full
            line, used = "", 0
        line += piece
        used += cell_len(piece)
    return [each.rstrip() for each in (*lines, line)]


def pieces(words: str) -> Iterator[str]:
    """The text in parts between which a line may end; spaces stand at the end of theirs."""
    start = 0
    for at in range(1, len(words)):
        if _may_break(words[at - 1], words[at]):
            yield words[start:at]
            start = at
    yield words[start:]


def _at_commas(piece: str, width: int) -> list[str]:
    """What is too long for a line, such as a list to be copied, in parts that end at its commas or colons."""
    return _LISTED.findall(piece) if cell_len(piece.rstrip()) > width else [piece]


def pad(words: str, width: int) -> str:
    """The text with spaces after it, so that it takes at least `width` cells."""
    return words + " " * max(0, width - cell_len(words))


def _may_break(before: str, after: str) -> bool:
    if after == " ":
        return False
    if before == " ":
        return True
    if after in _NEVER_FIRST or before in _NEVER_LAST or cell_len(after) == 0:
        return False
    return cell_len(before) > 1 or cell_len(after) > 1
