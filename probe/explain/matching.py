"""How text is made comparable, and where a known phrase is found in it, with typing errors allowed.

Everything is bounded: what comes is pasted by anybody, from anywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

LONGEST = 4000  # characters that are read; a dialog has some hundred, a log line as many
_NOT_WORDS = re.compile(r"[^\w]+|_")
_IDEOGRAPHS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_BETWEEN = re.compile(rf"(?<=[{_IDEOGRAPHS}]) (?=[{_IDEOGRAPHS}\w])|(?<=\w) (?=[{_IDEOGRAPHS}])")
_SHARED = 0.6  # of a phrase's pairs of letters, to be looked at closely at all
_CLOSE_LATIN, _CLOSE_CHINESE = 0.84, 0.78  # how alike is near enough to be a typing error
_SHORTEST_LATIN, _SHORTEST_CHINESE = 10, 5  # below these only the exact phrase counts
_MOST_CANDIDATES, _MOST_IN_LONG, _LONG = 24, 8, 800  # a long text has pairs of everything, and many places


@dataclass(frozen=True, slots=True)
class Found:
    """Where a phrase was found, in the comparable text, and how alike it is: 1 is exact."""

    start: int
    end: int
    alike: float


def readable(text: str) -> str:
    """The beginning of a text in one width of characters: full-width digits and letters become plain ones."""
    return unicodedata.normalize("NFKC", text[:LONGEST])[:LONGEST]


def comparable(text: str) -> str:
    """Only letters and digits, in one case, with a space between words; none around Chinese characters."""
    words = _NOT_WORDS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
    return _BETWEEN.sub("", words)


def is_chinese(text: str) -> bool:
    """Whether a phrase is written without spaces between its words."""
    return re.search(rf"[{_IDEOGRAPHS}]", text) is not None


@lru_cache(maxsize=4096)
def pairs(text: str) -> frozenset[str]:
    """Each two letters that follow one another."""
    return frozenset(text[at : at + 2] for at in range(len(text) - 1))


def exact(phrase: str, text: str) -> Found | None:
    """Where a phrase stands in a text; both comparable. A Latin phrase begins and ends where words do."""
    at = text.find(phrase)
    while at >= 0:
        end = at + len(phrase)
        if is_chinese(phrase) or (_is_edge(text, at) and _is_edge(text, end)):
            return Found(at, end, 1.0)
        at = text.find(phrase, at + 1)
    return None


def _is_edge(text: str, at: int) -> bool:
    """Whether no word of Latin letters goes on here."""
    return not (0 < at < len(text) and text[at - 1 : at + 1].isascii() and text[at - 1 : at + 1].isalnum())


def could_be(phrase: str, text_pairs: frozenset[str]) -> float:
    """The share of a phrase's pairs that a text has; 0 where that is too little, or the phrase too short to tell."""
    chinese = is_chinese(phrase)
    if len(phrase) < (_SHORTEST_CHINESE if chinese else _SHORTEST_LATIN):
        return 0.0
    own = pairs(phrase)
    share = len(own & text_pairs) / len(own)
    return share if share >= _SHARED else 0.0


def nearly(phrase: str, text: str) -> Found | None:
    """The place where a text is most like a phrase, where it is alike enough to be the same with typing errors."""
    chinese = is_chinese(phrase)
    best = Found(0, 0, _CLOSE_CHINESE if chinese else _CLOSE_LATIN)
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(phrase)
    for start, end in _windows(phrase, text, chinese=chinese):
        matcher.set_seq1(text[start:end])
        if matcher.real_quick_ratio() > best.alike and matcher.quick_ratio() > best.alike:
            alike = matcher.ratio()
            if alike > best.alike:
                best = Found(start, end, alike)
    return best if best.end else None


def _windows(phrase: str, text: str, *, chinese: bool) -> Iterator[tuple[int, int]]:
    """Pieces of a text of about the phrase's length: by characters, or by words."""
    if chinese:
        for length in (len(phrase) - 1, len(phrase), len(phrase) + 1):
            yield from ((at, at + length) for at in range(max(1, len(text) - length + 1)))
        return
    starts = [0, *(match.end() for match in re.finditer(" ", text))]
    ends = [*(start - 1 for start in starts[1:]), len(text)]
    count = phrase.count(" ") + 1
    for words in (count - 1, count, count + 1):
        if words > 0:
            yield from ((starts[at], ends[at + words - 1]) for at in range(len(starts) - words + 1))


def search(phrases: list[str], text: str) -> dict[str, Found]:
    """Which phrases a text has, exactly or nearly; all comparable."""
    found: dict[str, Found] = {}
    text_pairs = pairs(text)
    perhaps: list[tuple[float, str]] = []
    for phrase in phrases:
        if place := exact(phrase, text):
            found[phrase] = place
        elif share := could_be(phrase, text_pairs):
            perhaps.append((share, phrase))
    most = _MOST_CANDIDATES if len(text) < _LONG else _MOST_IN_LONG
    for _share, phrase in sorted(perhaps, reverse=True)[:most]:
        if near := nearly(phrase, text):
            found[phrase] = near
    return found
