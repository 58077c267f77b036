"""What a message or code that a user saw means: `explain` finds the rows of knowledge that a text speaks of.

Recognized are numbers (codes, events, alerts, in hexadecimal or decimal), names (ERRCONNECT_…, STATUS_…, our own
diagnosis codes) and phrases, in English and Chinese, with typing errors. What is not known is said to be unknown, with
what is nearest to it: no meaning is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import SequenceMatcher, get_close_matches
from functools import lru_cache

from probe.diagnosis.catalogue import CATALOGUE
from probe.diagnosis.rule import Diagnosis
from probe.explain import about_events as events
from probe.explain import about_freerdp as freerdp
from probe.explain import about_gateway as gateway
from probe.explain import about_linux as linux
from probe.explain import about_logon as logon
from probe.explain import about_messages as messages
from probe.explain import about_mstsc as mstsc
from probe.explain import about_reasons as reasons
from probe.explain import about_sessions as sessions
from probe.explain import about_status as status
from probe.explain import about_tls as tls
from probe.explain import matching as compare
from probe.explain.explanation import KINDS, Explanation, Kind, Suspect, texts_of
from probe.explain.numbers_in import Number, Role, numbers

_MODULES = (mstsc, logon, messages, events, sessions, freerdp, linux, status, tls, reasons, gateway)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[_-][A-Za-z0-9]+)*")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_MOST_MATCHES = 8
_MOST_NEAREST = 4
_FEW, _SHORTEST_NUMBER = 4, 3  # apart; digits in which one may be typed wrong
_NAMES_ALIKE, _TEXTS_ALIKE = 0.86, 0.45
_NOTHING = 0  # error codes of 0 say that there is no information
# How sure a reading of a number is, by what the number is called and the kind of the row: 0 excludes it.
_READINGS: Mapping[str, Mapping[str, float]] = {
    "code": {"mstsc": 0.98, "windows_app": 0.98, "gateway": 0.98, "freerdp": 0.95, "status": 0.95, "reason": 0.76},
    "extended": {"reason": 0.97},
    "info": {"reason": 0.97},
    "event": {"event": 0.97},
    "alert": {"alert": 0.97},
    "failure": {"negotiation": 0.98},
    "any": {
        "mstsc": 0.95,
        "windows_app": 0.95,
        "gateway": 0.95,
        "freerdp": 0.94,
        "status": 0.94,
        "event": 0.9,
        "reason": 0.8,
        "negotiation": 0.78,
        "alert": 0.76,
    },
}
_ONLY_DECIMAL: frozenset[Kind] = frozenset({"event", "alert", "negotiation"})
_SMALL = 0x10000  # Winsock's errors are below it, and nobody writes them in hexadecimal
_TOO_FAINT = ((0.95, 0.75), (0.7, 0.4))  # beside something as sure as the one, what is below the other is left out
# What has to be asked for to be found.
_ASKED_FOR = {
    "LICENSING_FAILED": "--licensing",
    "CONNECTION_LIMIT": "--licensing",
    "TLS_WEAK_CIPHER": "--depth full",
    "TLS_NO_SHARED_CIPHER": "--depth full",
    "UDP_UNREACHABLE": "--udp",
    "GATEWAY_UNREACHABLE": "--gateway",
    "GATEWAY_NAME_LEAK": "--gateway",
}
_GAP, _ANYTHING = " … ", r" (?:.{1,200}? )?"  # in a phrase: the name of a file or a value
_GENERAL = 0.5  # the weight of what is shown for many reasons
_BESIDE_SOURCE = 0.02
_ONLY_REASON = 0.92  # where the client shows the reason of the server as its own code


@dataclass(frozen=True, slots=True)
class Match:
    """One meaning that a text may have, how sure that is (0 to 1), and by what it was recognized."""

    explanation: Explanation
    sure: float
    seen: str
    at: int = 0  # where that is, to tell the order of what is equally sure


@dataclass(frozen=True, slots=True)
class Near:
    """Something known that is near to something unknown."""

    unknown: str
    explanation: Explanation
    distance: str  # in words that need no translation: "+2", or how alike in percent


@dataclass(frozen=True, slots=True)
class Answer:
    """What a text means: the meanings best first, and what in it is not known."""

    asked: str
    matches: tuple[Match, ...] = ()
    unknown: tuple[str, ...] = ()
    nearest: tuple[Near, ...] = ()
    nothing_said: tuple[str, ...] = ()  # codes of 0
    cut: bool = False  # only the beginning was read

    @property
    def diagnoses(self) -> list[str]:
        """The codes that the meanings lead to, in their order, and then those that rarely show as the first one."""
        codes = [code for match in self.matches for code in match.explanation.diagnoses]
        rare = rarer(self.matches[0].explanation) if self.matches else []
        return list(dict.fromkeys((*codes, *rare)))


def rows() -> tuple[Explanation, ...]:
    """Every row of knowledge: messages and codes of others, then our own diagnoses."""
    return (*(row for module in _MODULES for row in module.ROWS), *map(_of_diagnosis, CATALOGUE.values()))


def texts() -> Iterator[str]:
    """Every text of the tables that is translated, each once. The catalogue's own texts are not among them."""
    seen: dict[str, None] = {}
    for module in _MODULES:
        for row in module.ROWS:
            seen.update(dict.fromkeys(texts_of(row)))
    seen.update(dict.fromkeys(KINDS.values()))
    yield from seen


def explain(text: str) -> Answer:
    """What a message, log line or code means. Any text gives an answer; only its first LONGEST characters are read."""
    asked = (
        text[: compare.LONGEST].encode("utf-8", "replace").decode()
    )  # bytes that no text has, as they may come from a command line
    said = compare.readable(asked)
    found: dict[str, Match] = {}
    asked_numbers = list(numbers(said))
    unknown: list[str] = []
    for match in (*_by_number(asked_numbers, said, unknown), *_by_name(said, unknown), *_by_phrase(said)):
        before = found.get(match.explanation.key)
        if before is None or match.sure > before.sure:
            found[match.explanation.key] = match
    matches = _ranked(found.values())
    if not matches and not unknown and not any(each.value == _NOTHING for each in asked_numbers):
        unknown.append(said.strip()[:200])
    return Answer(
        asked=asked,
        matches=matches,
        unknown=tuple(dict.fromkeys(unknown)),
        nearest=tuple(_nearest(unknown)),
        nothing_said=tuple(each.written for each in asked_numbers if each.value == _NOTHING),
        cut=len(text) > compare.LONGEST,
    )


def rarer(row: Explanation) -> list[str]:
    """Diagnoses whose users see this message as well, by the catalogue, beside those that its causes name."""
    return [code for code in _seen_with().get(row.key, []) if code not in row.diagnoses]


@lru_cache(maxsize=1)
def _seen_with() -> dict[str, list[str]]:
    """The codes of the catalogue by the key of each row that what their users see, and their events, speak of."""
    found: dict[str, list[str]] = {}
    said: dict[str, list[str]] = {}
    for entry in CATALOGUE.values():
        for client in fields(entry.user_sees):
            for text in (*getattr(entry.user_sees, client.name), *entry.events):
                said.setdefault(text, []).append(entry.code)
    for text, codes in said.items():
        for match in explain(text).matches:
            if not match.explanation.general:
                found.setdefault(match.explanation.key, []).extend(codes)
    return {key: list(dict.fromkeys(codes)) for key, codes in found.items()}


# What is known, by what it is recognized


@dataclass(slots=True)
class _Index:
    """The rows by number, name and phrase."""

    numbers: dict[int, list[Explanation]] = field(default_factory=dict)
    names: dict[str, list[Explanation]] = field(default_factory=dict)
    phrases: dict[str, list[Explanation]] = field(default_factory=dict)
    gapped: list[tuple[re.Pattern[str], int, Explanation]] = field(default_factory=list)  # with names in between
    exact_names: set[str] = field(default_factory=set)


@lru_cache(maxsize=1)
def _index() -> _Index:
    index = _Index()
    for row in rows():
        own = (*row.numbers, *row.events, *(n for n in (row.alert, row.failure) if n is not None))
        for number in own:
            index.numbers.setdefault(number, []).append(row)
        index.exact_names.update(row.names)
        for name in row.names:
            index.names.setdefault(name.casefold(), []).append(row)
        for phrase in row.phrases:
            if _GAP in phrase:
                index.gapped.append((*_gapped(phrase), row))
                continue
            index.phrases.setdefault(compare.comparable(phrase), []).append(row)
    return index


def _gapped(phrase: str) -> tuple[re.Pattern[str], int]:
    """What finds a phrase whatever stands in its gaps, and how many letters of it are fixed."""
    pieces = [compare.comparable(piece) for piece in phrase.split(_GAP)]
    return re.compile(r"\b" + _ANYTHING.join(map(re.escape, pieces)) + r"\b"), sum(map(len, pieces))


def _of_diagnosis(entry: Diagnosis) -> Explanation:
    """Our own diagnosis as a row: its catalogue entry says the rest."""
    return Explanation(
        key=f"diagnosis-{entry.code}",
        kind="diagnosis",
        title=entry.code,
        meaning=entry.plain,
        causes=tuple(Suspect(cause.text, cause.tells) for cause in entry.causes),
        options=_ASKED_FOR.get(entry.code, ""),
        names=(entry.code,),
        own=entry.code,
        source=entry.source,
    )


# Numbers


def _by_number(asked: list[Number], said: str, unknown: list[str]) -> Iterator[Match]:
    folded = said.casefold()
    with_extended = any(each.role == "extended" for each in asked)
    for number in asked:
        if number.value == _NOTHING:
            continue
        known = _index().numbers.get(number.value, [])
        rated = [(row, _sure(number, number.role, row, folded)) for row in known]
        if not any(sure for _row, sure in rated) and number.role == "code":
            rated = [(row, _sure(number, "any", row, folded)) for row in known]  # people call an event an error too
        readings = [(row, sure) for row, sure in rated if sure and not (_is_reason(number, row) and with_extended)]
        only_reason = all(row.kind == "reason" for row, _sure_of_it in readings)
        for row, sure in readings:
            raised = _ONLY_REASON if only_reason and number.role == "code" else sure
            yield Match(row, raised, number.written, number.at)
        if not readings and not number.guessed:
            unknown.append(number.written)


def _is_reason(number: Number, row: Explanation) -> bool:
    """Whether it reads as the server's reason a number that is called the error code itself."""
    return number.role == "code" and row.kind == "reason"


def _sure(number: Number, role: Role, row: Explanation, folded: str) -> float:
    """How sure it is that this number, called so, is this row's."""
    if not number.decimal and _is_decimal(row, number.value):
        return 0.0
    sure = _READINGS[role].get(row.kind, 0.0)
    if sure and any(source.casefold() in folded for source in row.sources):
        sure += _BESIDE_SOURCE
    return sure


def _is_decimal(row: Explanation, value: int) -> bool:
    """Whether this number of the row is written in decimal only."""
    return row.kind in _ONLY_DECIMAL or (row.kind == "status" and value < _SMALL)


# Names


def _by_name(said: str, unknown: list[str]) -> Iterator[Match]:
    """Names of one word count only as they are written: intermittent is a word, INTERMITTENT a code."""
    index = _index()
    for match in _NAME.finditer(said):
        word = match[0]
        several = "_" in word or "-" in word
        known = index.names.get(word.casefold()) if several or word in index.exact_names else None
        sure = 1.0
        if known is None and several and len(word) >= _SHORTEST_NAME and (close := _close_name(word)):
            known = index.names[close]
            sure = 0.9
        if known is not None:
            yield from (Match(row, sure, word, match.start()) for row in known)
        elif _CONSTANT.fullmatch(word) and word.startswith(_PREFIXES):
            unknown.append(word)


def _close_name(word: str) -> str | None:
    """The one known name that this may be, with a typing error."""
    close = get_close_matches(word.casefold(), _index().names, 1, _NAMES_ALIKE)
    return close[0] if close else None


_SHORTEST_NAME = 8
_PREFIXES = ("ERRCONNECT_", "ERRINFO_", "STATUS_", "SEC_E_", "SSL_ERR_")


# Phrases

_MOSTLY = 0.7
_STATE = "internal error state"  # what Schannel's entries end in; it is no message


def _by_phrase(said: str) -> Iterator[Match]:
    text = compare.comparable(said).replace(_STATE, "")
    places = compare.search(list(_index().phrases), text)
    for phrase, place in places.items():
        if _inside_another(phrase, place, places):
            continue
        for row in _index().phrases[phrase]:
            weight = min(1.0, 0.7 + len(phrase) * (0.012 if compare.is_chinese(phrase) else 0.006))
            sure = place.alike * weight * (_GENERAL if row.general else 1.0)
            yield Match(row, min(sure, 0.96), text[place.start : place.end], place.start)
    for pattern, letters, row in _index().gapped:
        if spot := pattern.search(text):
            yield Match(row, min(0.96, 0.7 + letters * 0.006), spot[0], spot.start())


def _inside_another(phrase: str, place: compare.Found, places: Mapping[str, compare.Found]) -> bool:
    """Whether it is a part of a longer phrase found there as surely, or resembles one that stands there exactly."""
    for other, spot in places.items():
        covered = min(place.end, spot.end) - max(place.start, spot.start)
        if len(other) > len(phrase) and covered == place.end - place.start and spot.alike >= place.alike:
            return True
        if place.alike < spot.alike == 1.0 and covered >= _MOSTLY * (place.end - place.start):
            return True
    return False


def _ranked(found: Iterable[Match]) -> tuple[Match, ...]:
    """The meanings, surest first, and of equally sure ones as they stand in the text."""
    matches = sorted(found, key=lambda match: (-match.sure, match.at))
    for beside, least in _TOO_FAINT:
        if matches and matches[0].sure >= beside:
            matches = [match for match in matches if match.sure >= least]
    return tuple(matches[:_MOST_MATCHES])


# What is near to what is unknown


def _nearest(unknown: list[str]) -> Iterator[Near]:
    for each in dict.fromkeys(unknown):
        asked = list(numbers(each))
        if asked and len(each.split()) == 1:
            yield from _near_numbers(each, asked[0])
        elif _CONSTANT.fullmatch(each):
            names = _index().names
            for name in get_close_matches(each.casefold(), names, 3, 0.6):
                yield Near(each, names[name][0], _percent(SequenceMatcher(None, each.casefold(), name).ratio()))
        else:
            yield from _near_phrases(each)


def _near_numbers(written: str, asked: Number) -> Iterator[Near]:
    """The known codes a few apart, and those that one digit typed wrong or two swapped make of it."""
    known = [
        (abs(value - asked.value), value, row)
        for value, known_rows in _index().numbers.items()
        for row in known_rows[:1]
        if (asked.decimal or not _is_decimal(row, value)) and _is_near(value, asked)
    ]
    for _distance, value, row in sorted(known, key=lambda each: each[:2])[:_MOST_NEAREST]:
        yield Near(written, row, f"{value - asked.value:+d}")


def _is_near(value: int, asked: Number) -> bool:
    """Whether somebody may have meant this value."""
    if abs(value - asked.value) <= _FEW or f"{value:x}" == asked.written:
        return True  # a code in hexadecimal is often copied without its 0x
    one, other = (f"{each:d}" if asked.decimal else f"{each:x}" for each in (value, asked.value))
    if len(one) != len(other) or len(one) < _SHORTEST_NUMBER:
        return False
    differ = [at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    swapped = len(differ) == 2 and [one[at] for at in differ] == [other[at] for at in reversed(differ)]
    return len(differ) == 1 or (swapped and differ[1] - differ[0] == 1)


def _near_phrases(text: str) -> Iterator[Near]:
    words = compare.comparable(text)
    own = compare.pairs(words)
    alike: dict[str, tuple[float, Explanation]] = {}
    for phrase, known in _index().phrases.items():
        other = compare.pairs(phrase)
        share = 2 * len(own & other) / (len(own) + len(other)) if own or other else 0.0
        if share >= _TEXTS_ALIKE and share > alike.get(known[0].key, (0.0, known[0]))[0]:
            alike[known[0].key] = (share, known[0])
    for share, row in sorted(alike.values(), key=lambda each: -each[0])[:_MOST_NEAREST]:
        yield Near(text, row, _percent(share))


def _percent(share: float) -> str:
    return f"{share:.0%}"
