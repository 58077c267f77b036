from __future__ import annotations

import re
from pathlib import Path

import pytest

from probe.diagnosis import CATALOGUE
from probe.diagnosis.page import folder, index, page
from probe.language import LANGUAGES
from tools.make_diagnoses import ROOT, pages, present

MADE = pages(present())


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_page_is_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == MADE[path], "run: python -m tools.make_diagnoses"


@pytest.mark.parametrize("language", present())
def test_every_code_has_a_page_and_every_page_a_code(language: str) -> None:
    found = {path.stem for path in (ROOT / folder(language)).glob("*.md")}
    assert found == {*CATALOGUE, "README"}


def test_the_path_that_a_diagnosis_tells_is_that_of_its_page() -> None:
    assert LANGUAGES[0] in present()
    for entry in CATALOGUE.values():
        assert (ROOT / entry.page).is_file()


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_page_tells_all_of_the_entry(code: str) -> None:
    entry, text = CATALOGUE[code], page(CATALOGUE[code]).replace("\\", "")
    told = [entry.wire, entry.source, *entry.events, *(remedy.text for remedy in entry.remedies)]
    told += [part for cause in entry.causes for part in (cause.text, cause.tells)]
    told += [words for client in (entry.user_sees.mstsc, entry.user_sees.freerdp) for words in client]
    assert all(words.replace("\\", "") in text for words in told)
    assert "{" not in re.sub(r"@\{.*?\}", "", text)


def test_the_index_links_every_code_once() -> None:
    text = index(CATALOGUE.values(), LANGUAGES)
    for code in CATALOGUE:
        assert text.count(f"[{code}]({code}.md)") == 1
    assert f"({LANGUAGES[1]}/README.md)" in text
    assert "README.md" not in index(CATALOGUE.values(), LANGUAGES[:1])
