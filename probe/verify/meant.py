"""What somebody probably meant by a word that names nothing: the nearest of the names there are, or a wider pattern.

Of TLS versions only the one that has the same digits: a hint that is followed must not demand another version.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 60  # characters of what was found
_ALIKE = 0.6
# What people call things that have another name in a result.
_ALSO = {
    "nla": "HYBRID",
    "credssp": "HYBRID",
    "tls": "SSL",
    "rdsaad": "RDSAAD",
    "aad": "RDSAAD",
    "standard": "RDP",
    "warn": "warning",
    "info": "note",
    "disabled": "unsupported",
    "optional": "offered",
    "ecdsa": "EC",
    "ecc": "EC",
    "ecdh": "EC",
}
_A_VERSION = "TLSv1.0"  # among names of versions
# "TLSv1" as OpenSSL and xrdp.ini have it, "tls1", "TLS 1.2", "1.2", "SSL3", "SSLv3.0"
_VERSION = re.compile(r"(?P<family>tls|ssl)?[\s_/-]*v?[\s_/-]*(?P<major>\d)(?:(?P<dot>[._-]?)(?P<minor>\d))?", re.ASCII)
A_DATE = "a date is written 2027-01-31: year, month, day"
_YEAR_DIGITS = 4
_MOST_MONTHS = 12
_DIGEST = re.compile(r"md[245]|sha(?:1|224|256|384|512)")


def near(word: str, known: Iterable[str]) -> list[str]:
    """What was probably meant by a word: at most two names."""
    names = {name.lower(): name for name in known}
    word = word[:_LONGEST].lower()
    wanted = _squeezed(word)
    if (also := _ALSO.get(wanted)) in names.values():
        return [str(also)]
    if _A_VERSION in names.values():
        return _near_version(word, names)
    squeezed = {name: _squeezed(lower) for lower, name in names.items()}
    same = [name for name in squeezed if wanted and squeezed[name] == wanted]
    ending = [name for name in squeezed if len(wanted) > 1 and squeezed[name].endswith(wanted)]
    return (same or ending)[:2] or [names[each] for each in get_close_matches(word, names, 1, _ALIKE)]


def meant(word: str, known: Iterable[str], otherwise: str) -> str:
    """A hint that names what was probably meant, or else says something."""
    found = near(word, known)
    return f"did you mean {' or '.join(quoted(each) for each in found)}?" if found else otherwise


def wider(word: str, known: Iterable[str], *, digest: bool = False) -> str | None:
    """A pattern with * that fits some names, for a word that is a part of them: "*RC4*".

    `digest`: what a word says of a digest is enough, "*sha256*" of "sha256RSA".
    """
    bare = word[:_LONGEST].strip("*")
    squeezed = _squeezed(bare).lower()
    names = [name.casefold() for name in known]
    for part in (bare, squeezed, *(_DIGEST.findall(squeezed) if digest else ())):
        # A number goes on to its end: "sha2" is no part of "sha256".
        whole = re.compile(re.escape(part.casefold()) + (r"(?!\d)" if part[-1:].isdecimal() else ""))
        if len(part) > 1 and not part.isdecimal() and any(whole.search(name) for name in names):
            return f"*{part}*"
    return None


def quoted(value: object) -> str:
    """A value as a file would have it, cut to what fits into a line."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, bool | str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def date_hint(text: str) -> str:
    """How a date would be written that somebody wrote in another order: 31.12.2027, 12/31/2027, 2027-1-31."""
    parts = re.fullmatch(r"(\d{1,4})([-./])(\d{1,2})\2(\d{1,4})", text, re.ASCII)
    if parts is None:
        return A_DATE
    first, second, third = (int(parts[number]) for number in (1, 3, 4))
    if len(parts[1]) == _YEAR_DIGITS:
        year, month, day = first, second, third
    elif len(parts[4]) == _YEAR_DIGITS and (parts[2] != "/" or first > _MOST_MONTHS):
        year, month, day = third, second, first
    elif len(parts[4]) == _YEAR_DIGITS and second > _MOST_MONTHS:
        year, month, day = third, first, second
    else:
        return A_DATE  # 1/2/2027 is of January or of February
    try:
        return f"a date is written {dt.date(year, month, day)}: year, month, day"
    except ValueError:
        return A_DATE


def _near_version(word: str, names: dict[str, str]) -> list[str]:
    """The version that a word writes in another way, or with a slip of the finger in its letters."""
    match = _VERSION.fullmatch(word.strip())
    if match is not None:
        version = _version(match)
        return [version] if version is not None and version in names.values() else []
    digits = [name for name in names if _digits(name) == _digits(word)]
    return [names[each] for each in get_close_matches(word, digits, 1, _ALIKE)]


def _version(match: re.Match[str]) -> str | None:
    family, minor = match["family"], match["minor"]
    if family == "ssl":
        return f"SSLv{match['major']}" if minor in (None, "0") else None
    if family is None and not match["dot"]:
        return None  # a bare 3 may be any
    return f"TLSv{match['major']}.{minor or 0}"


def _digits(name: str) -> str:
    return "".join(character for character in name if character.isdecimal())


def _squeezed(name: str) -> str:
    return "".join(character for character in name if character.isalnum())
