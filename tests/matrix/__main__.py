"""Print docs/matrix.md as the rows have it, or with --update write it."""

from __future__ import annotations

import sys

from tests.matrix.page import PAGE, page

if __name__ == "__main__":
    if "--update" in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        print(page(), end="")
