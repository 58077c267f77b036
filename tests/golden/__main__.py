"""Compare golden reports and results, or with --update write them anew: read the difference before it is committed."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from probe.diagnosis import diagnose
from probe.language import LANGUAGES, speaking
from probe.report.text import render
from tests.golden.replayed import HERE as REPLAYED
from tests.golden.replayed import golden, goldens
from tests.golden.results import GOLDEN

HERE = Path(__file__).parent
TRANSLATED = ("windows_nla", "windows_nla_vv", "tls_aborted", "ssh", "refused", "ancient_full_v", "windows_full")
_WIDTH = 80


def report(name: str, language: str = "en", width: int = _WIDTH) -> str:
    """The whole report of one golden result, as a terminal without color shows it.

    In another language than English what is made by hand is diagnosed anew: its own diagnoses are in English.
    """
    make, verbosity = GOLDEN[name]
    stream = io.StringIO()
    with speaking(language):
        result = make()
        if language != LANGUAGES[0]:
            result.diagnoses = diagnose(result)
        render(result, Console(file=stream, width=width, force_terminal=True, color_system=None), verbosity)
    return stream.getvalue()


def reports() -> Iterator[tuple[Path, str, str]]:
    """The file of each golden report, the result it is of, and its language."""
    for name in GOLDEN:
        yield HERE / f"{name}.txt", name, LANGUAGES[0]
    for language in LANGUAGES[1:]:
        for name in TRANSLATED:
            yield HERE / language / f"{name}.txt", name, language


def _replayed(update: bool) -> list[str]:
    """The captures whose results differ from what was reviewed. Files of captures that are gone go too."""
    differing = []
    kept = dict(goldens())
    for path, capture in kept.items():
        said = golden(capture)
        if not path.exists() or path.read_text(encoding="utf-8") != said:
            differing.append(capture.name)
            if update:
                path.parent.mkdir(exist_ok=True)
                path.write_text(said, encoding="utf-8")
    for path in set(REPLAYED.iterdir()) - kept.keys() if update and REPLAYED.exists() else ():
        path.unlink()
    return differing


def main(update: bool) -> int:
    differing = []
    for path, name, language in reports():
        if not path.exists() or path.read_text(encoding="utf-8") != report(name, language):
            differing.append(f"{name} ({language})")
            if update:
                path.parent.mkdir(exist_ok=True)
                path.write_text(report(name, language), encoding="utf-8")
    differing += _replayed(update)
    print(f"{'written' if update else 'different'}: {', '.join(differing) or 'none'}")
    return 0 if update or not differing else 1


if __name__ == "__main__":
    sys.exit(main("--update" in sys.argv[1:]))
