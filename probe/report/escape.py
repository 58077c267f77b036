r"""Where text of a server becomes safe to show: nothing it sent can move the cursor, hide or reorder what we say.

Whatever is not visible and in order becomes a visible escape such as \x1b or \u202e. A server can write those
characters itself, as in a domain account "CORP\x64": it can then imitate an escape, but never a control character.
"""

from __future__ import annotations

import json
import re
import unicodedata

ELLIPSIS = "…"
# Letters that draw nothing, though Unicode counts them as letters or symbols: Hangul fillers, braille blank, and
# the marks that are ignored when drawn.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_VARIATION_SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0), range(0x180B, 0x1810))
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_PRINTABLE_ASCII = bytes(range(0x20, 0x7F))
_MANY = 16  # different characters beyond it in a line, as in a text in Chinese
_FORMULA = re.compile(r"((?:^|[,;|])[ '\"]*)([=+\-@\uff1d\uff0b\uff0d\uff20])")
_MOST_MARKS = 4  # combining marks in a row; more pile up over the lines above


def terminal(text: str, longest: int = 300) -> str:
    """One line of `text`, at most `longest` characters of it, that shows what was sent and does nothing else."""
    shown = []
    marks = 0
    for character in text[:longest]:
        marks = marks + 1 if unicodedata.category(character).startswith("M") else 0
        shown.append(_escape(character) if marks > _MOST_MARKS or not _is_safe(character) else character)
    if len(text) > longest:
        shown.append(ELLIPSIS)
    return "".join(shown)


def spreadsheet(text: str, longest: int = 32_000) -> str:
    """One cell of a table of text: what `terminal` shows, and nothing that a spreadsheet takes for a formula.

    An apostrophe stands before what would begin one, at the start or where a program that separates cells by another
    character would begin a new cell. Source: OWASP, CSV Injection.
    """
    return _FORMULA.sub(r"\1'\2", terminal(text, longest))


def json_line(line: bytes) -> str:
    """The same JSON document in printable ASCII, for any terminal and encoding; a reader of JSON sees no difference.

    JSON itself escapes only the controls below space: not U+009B, which starts an escape sequence, nor U+202E.
    """
    text, odd = line.decode(), set(line.translate(None, delete=_PRINTABLE_ASCII).decode())
    if len(odd) > _MANY:
        quoted = json.dumps(text)[1:-1]  # the quickest way to \u escapes; quotes and \ get a \ too many
        return quoted.replace('\\"', '"').replace("\\\\", "\\").replace("\x7f", "\\u007f")
    for character in odd:
        text = text.replace(character, _json_escape(character))
    return text


def _json_escape(character: str) -> str:
    return f"\\u{character.encode('utf-16-be').hex(' ', 2)}".replace(" ", "\\u")


def _is_safe(character: str) -> bool:
    if " " <= character <= "~":
        return True
    if unicodedata.category(character) in _UNSAFE_CATEGORIES or character in _INVISIBLE:
        return False
    if unicodedata.category(character) == "Zs":
        return False  # a space that is not a space imitates one
    return not any(ord(character) in selectors for selectors in _VARIATION_SELECTORS)


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
