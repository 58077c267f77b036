"""docs/matrix.md: every situation and what the probe says of it, from the rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from probe.result import SEVERITIES
from tests.matrix.rows import GROUPS
from tests.matrix.situation import Situation

PAGE = Path(__file__).parents[2] / "docs" / "matrix.md"

_HEAD = """\
# What the probe says of a server

Each row is a server that the tests start and that is asked as `rdp-probe host` asks: real ones (xrdp, FreeRDP, weston,
OpenSSL, GnuTLS, NSS), embedded ones that are modeled on what cannot be had here, and ways to them that reset, lose or
delay. What is said is said exactly: a code that is missing and a code too many both fail the test
(`tests/matrix`). A server without any code is one that nothing is to be said of. The [causes of two
messages](../tests/matrix/staged.txt) are staged in the same way.

Severities: **blocker** no client can connect, **breaks some** some clients cannot, **risk** it works and is unsafe,
*info*. Pages about the codes: [docs/diagnoses](diagnoses/).

<!-- Written by `python -m tests.matrix --update`. Do not edit. -->
"""
_STATUS = {"rdp": "", "not_rdp": "not RDP", "dns_error": "no address"}
_NLA = {"required": "NLA required", "offered": "NLA offered", "unknown": "NLA unknown"}


def page() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    for group, rows in GROUPS.items():
        yield f"## {group}\n"
        yield "| server | asked with | said of it | because |"
        yield "|---|---|---|---|"
        for row in rows:
            asked = f"`{row.options}`" if row.options else ""
            yield f"| {_escaped(row.started)} | {asked} | {_said(row)} | {_escaped(row.why)} |"
        yield ""


def _said(row: Situation) -> str:
    facts = [_STATUS.get(row.status, row.status)] if row.status != "rdp" else [_NLA.get(row.nla or "", "")]
    words = [word for word in facts if word]
    for code, severity in sorted(row.codes.items(), key=lambda each: SEVERITIES.index(each[1])):
        shown = f"*{severity}*" if severity == "info" else f"**{severity.replace('_', ' ')}**"
        words.append(f"`{code}` {shown}")
    return "<br>".join(words)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
