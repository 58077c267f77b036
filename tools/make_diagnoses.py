"""Write docs/diagnoses from the catalogue: `python -m tools.make_diagnoses [LANGUAGE…]`.

Without languages those are written that have pages already, English among them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from probe.diagnosis import CATALOGUE
from probe.diagnosis.page import folder, index, page
from probe.language import LANGUAGES, speaking

ROOT = Path(__file__).parent.parent


def present() -> list[str]:
    """The languages that have pages; English always."""
    return [each for each in LANGUAGES if each == LANGUAGES[0] or (ROOT / folder(each) / "README.md").exists()]


def pages(languages: Iterable[str]) -> dict[Path, str]:
    """Every page as it should be, by its path."""
    made = {}
    chosen = list(languages)
    for language in chosen:
        with speaking(language):
            made[ROOT / folder(language) / "README.md"] = index(CATALOGUE.values(), chosen)
            for code, entry in CATALOGUE.items():
                made[ROOT / folder(language) / f"{code}.md"] = page(entry)
    return made


def main(languages: list[str]) -> None:
    """Write the pages and delete those of codes that are gone."""
    chosen = [each for each in LANGUAGES if each in (*present(), *languages)]
    made = pages(chosen)
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in {found for language in chosen for found in (ROOT / folder(language)).glob("*.md")} - made.keys():
        path.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
