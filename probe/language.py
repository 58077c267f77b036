"""The language of texts for people: English in the source, other languages by gettext.

`_("offered {offered}: {ending}", offered=..., ending=...)` gives the text in the current language with its facts filled
in. `speaking` sets the language for a block; a task or thread of its own has its own. Codes, names of protocols and
fields of the result are never translated.

The catalogs are `probe/locale/LANGUAGE/LC_MESSAGES/PART.po`, one for each part of the program, made and compiled by
`python -m tools.make_translations`.
"""

from __future__ import annotations

import gettext
import locale
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

LANGUAGES = ("en", "zh-CN")  # the first is that of the source
PARTS = ("diagnosis", "clients", "explain", "report", "verify")
LOCALE_DIR = Path(__file__).parent / "locale"

_current: ContextVar[str] = ContextVar("language", default=LANGUAGES[0])


def _(text: str, /, **facts: object) -> str:
    """The text in the current language, with `{names}` replaced by facts."""
    said = _catalog(_current.get()).gettext(text) if text else ""
    return said.format_map(facts) if facts else said


def N_(text: str) -> str:  # noqa: N802  translators and their tools know it by this name
    """The text as it is: a literal in a table, to be looked up by `_` when it is shown."""
    return text


def current() -> str:
    """The language that is spoken now."""
    return _current.get()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak one of LANGUAGES within the block."""
    token = _current.set(language)
    try:
        yield
    finally:
        _current.reset(token)


def of_environment(environ: Mapping[str, str]) -> str:
    """The language that the user's environment asks for, by the rules of POSIX; English where we lack it.

    Readers of simplified Chinese are those of China and Singapore, and whoever names the script (zh_Hans).
    """
    value = next((found for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (found := environ.get(name))), "")
    name = locale.normalize(value.replace("-", "_", 1)).lower()
    return "zh-CN" if name.startswith(("zh_cn", "zh_sg", "zh_hans")) else LANGUAGES[0]


@lru_cache(maxsize=len(LANGUAGES))
def _catalog(language: str) -> gettext.NullTranslations:
    """Every part's catalog behind one another; texts that none of them has stay as they are.

    A catalog that is not there or is damaged is one without texts: English is better than no answer.
    """
    found = gettext.NullTranslations()
    for part in PARTS if language != LANGUAGES[0] else ():
        path = LOCALE_DIR / language.replace("-", "_") / "LC_MESSAGES" / f"{part}.mo"
        with suppress(OSError, ValueError, struct.error), path.open("rb") as stream:
            catalog = gettext.GNUTranslations(stream)
            catalog.add_fallback(found)
            found = catalog
    return found
