"""Bring the catalogs of translations up to date: `python -m tools.make_translations`; with --check, say what is amiss.

Each part of the program has its catalog, `probe/locale/LANGUAGE/LC_MESSAGES/PART.po`, to be edited by hand or with any
tool for gettext, and its compiled form (.mo), which the program reads. New texts are added without a translation,
texts that are gone are dropped, and what is translated stays. docs/languages.md is for translators.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from probe.language import LANGUAGES, LOCALE_DIR, PARTS
from tools.translatable import Text, all_texts

_WIDTH = 110
_HEADER = """\
# rdp-probe, {part}: the texts of {language}. Kept in step by: python -m tools.make_translations
# docs/languages.md says how to work on it. What stands in {{braces}} is filled in; codes, paths and commands stay."""
_NAMES = re.compile(r"\{([a-z_]\w*)\}")
# What a reader types or searches for, and what must thus stand in every language as it stands in English.
_KEPT = re.compile(
    r"""
    HK(?:LM|CU)\\\S+              # registry paths
    | \S+\\\S+                    # the rest of such a path, and of files
    | (?<!\S)--?[A-Za-z][\w-]*    # options
    | \b0[xX][0-9A-Fa-f]+         # codes
    | \b[A-Z][A-Z0-9]*_[A-Z0-9_]+ # names of codes
    | \b(?:KB|CVE-|RFC\ )\d[\d-]* # documents
    | \b[A-Z][a-z]+-[A-Z]\w+      # commands of PowerShell
    | \b\d{3,}\b                  # events, ports, sizes
    | \b[\w.-]+\.(?:ini|conf|msc|exe|cpl|log|dll|pem|cer)\b
    | \b(?:security_layer|ssl_protocols|tls_ciphers|crypt_level|certificate|key_file)=?\S*(?==)
    """,
    re.VERBOSE,
)


class _Plain(Catalog):
    """A catalog whose header tells nothing that changes from day to day or from tool to tool."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        """What gettext needs to read the rest."""
        return [
            ("Project-Id-Version", "rdp-probe"),
            ("Language", str(self.locale_identifier)),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
        ]

    @mime_headers.setter
    def mime_headers(self, headers: object) -> None:
        """Headers of a file that is read are not kept."""


def folder(language: str) -> Path:
    """Where a language's catalogs are."""
    return LOCALE_DIR / language.replace("-", "_") / "LC_MESSAGES"


def translations(language: str) -> dict[str, str]:
    """What is translated in any part: a text may move from one to another."""
    found: dict[str, str] = {}
    for part in reversed(PARTS):
        path = folder(language) / f"{part}.po"
        if path.exists():
            with path.open("rb") as stream:
                read = read_po(stream, locale=language.replace("-", "_"))
            found |= {str(each.id): str(each.string) for each in read if each.id and each.string}
    return found


def catalog(language: str, texts: Mapping[str, Text], known: Mapping[str, str], part: str) -> Catalog:
    """One part in one language, sorted by its English."""
    made = _Plain(
        locale=language.replace("-", "_"), fuzzy=False, header_comment=_HEADER.format(part=part, language=language)
    )
    for english, text in sorted(texts.items()):
        made.add(
            english,
            known.get(english, ""),
            locations=[(place, 1) for place in text.places],
            flags=["python-brace-format"] if text.filled else [],
            auto_comments=text.remarks,
        )
    return made


def files(language: str) -> Iterator[tuple[Path, bytes]]:
    """Every catalog as it should be, as text and compiled."""
    known = translations(language)
    for part, texts in all_texts().items():
        made = catalog(language, texts, known, part)
        readable, compiled = io.BytesIO(), io.BytesIO()
        write_po(readable, made, width=_WIDTH, include_lineno=False)
        write_mo(compiled, made)
        yield folder(language) / f"{part}.po", readable.getvalue()
        yield folder(language) / f"{part}.mo", compiled.getvalue()


def complaints(language: str) -> Iterator[str]:
    """What is amiss with a language, one line each."""
    for path, content in files(language):
        if not path.exists() or path.read_bytes() != content:
            yield f"{path.name} is out of date: run python -m tools.make_translations"
    known = translations(language)
    for part, texts in all_texts().items():
        for english in texts:
            said = known.get(english, "")
            yield from (f"{part}.po: {words}: {english}" for words in against(english, said))


def against(english: str, said: str) -> Iterator[str]:
    """What is wrong with one translation."""
    if not said:
        yield "not translated"
        return
    wanted, given = set(_NAMES.findall(english)), set(_NAMES.findall(said))
    if wanted != given:
        yield f"other names in braces ({', '.join(sorted(wanted ^ given))})"
    for token in kept(english):
        if token not in said:
            yield f"{token} is missing"


def kept(english: str) -> list[str]:
    """What of a text stays as it is in every language."""
    return [found.strip("(.,;:)\"'") for found in _KEPT.findall(english)]


def _write(path: Path, content: bytes) -> None:
    """All of it at once: somebody may be reading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(f"{path.suffix}.new")
    whole.write_bytes(content)
    whole.replace(path)


def main(check: bool) -> int:
    amiss = []
    for language in LANGUAGES[1:]:
        if not check:
            for path, content in list(files(language)):
                _write(path, content)
        amiss += [f"{language}: {words}" for words in complaints(language)]
    sys.stdout.writelines(f"{words}\n" for words in amiss)
    return 1 if check and amiss else 0


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--check", action="store_true", help="change nothing; exit status 1 if anything is amiss")
    sys.exit(main(options.parse_args().check))
