"""Compare the golden reports, or with --update write them anew: read the difference before it is committed."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console

from probe.report.text import render
from tests.golden.results import GOLDEN

HERE = Path(__file__).parent
_WIDTH = 80


def report(name: str) -> str:
    """The whole report of one golden result, as a terminal of 80 columns without color shows it."""
    make, verbosity = GOLDEN[name]
    stream = io.StringIO()
    render(make(), Console(file=stream, width=_WIDTH, force_terminal=True, color_system=None), verbosity)
    return stream.getvalue()


def main(update: bool) -> int:
    differing = []
    for name in GOLDEN:
        path = HERE / f"{name}.txt"
        if not path.exists() or path.read_text(encoding="utf-8") != report(name):
            differing.append(name)
            if update:
                path.write_text(report(name), encoding="utf-8")
    print(f"{'written' if update else 'different'}: {', '.join(differing) or 'none'}")
    return 0 if update or not differing else 1


if __name__ == "__main__":
    sys.exit(main("--update" in sys.argv[1:]))
