"""A remark on standard error: what a user should know of a file, beside what was asked for."""

from __future__ import annotations

import sys

_LONGEST = 1000  # characters


def remark(words: str) -> None:
    """Say it in one line. The words may hold what a file or a server said."""
    from probe.language import _
    from probe.report.escape import terminal

    print(_("note: {words}", words=terminal(words, _LONGEST)), file=sys.stderr)
