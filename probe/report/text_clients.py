"""Which clients cannot connect, and why; with -v every client and what it gets."""

from __future__ import annotations

import re
from collections.abc import Sequence

from probe.language import N_, _
from probe.report.escape import terminal
from probe.report.page import Page
from probe.report.wrapping import pad
from probe.result import Client, Result

_STATES = {True: N_("yes"), False: N_("no"), None: N_("unknown")}
_STYLES = {True: "", False: "bold", None: "dim"}
_STAGES = {
    "negotiation": N_("negotiation"),
    "tls": "TLS",
    "certificate": N_("certificate"),
    "credssp": "CredSSP",
    "licensing": N_("licensing"),
    "encryption": N_("encryption"),
}
_INDENT, _MOST_NAME = 11, 50
_LONGEST = 600
_ASKED_BY_FULL = N_("{words}. What was not asked, --depth full asks.")
_ASKED_BY_HOST = N_("{words}. What this capture does not show, rdp-probe host --depth full asks.")
_FULL = re.compile(r"\s*[:\uff1a]\s*--depth full$")  # how a reason ends that a fuller audit settles; \uff1a in Chinese


def clients(result: Result, page: Page, verbosity: int) -> None:
    """The section; nothing where every client connects and no more is asked for."""
    failing = [client for client in result.clients if client.connects is False]
    unknown = [client for client in result.clients if client.connects is None]
    if verbosity and result.clients:
        page.title(_("Clients"))
        _table(result.clients, page)
    if not (failing or unknown) or len(failing) == len(result.clients):  # of all, the verdict says it
        return
    page.title(_("Clients that cannot connect") if failing else _("Clients"))
    for group in _groups(failing):
        _group(group, page)
    if unknown:
        _unknown(unknown, page, verbosity, is_captured=result.capture is not None)


def _groups(failing: Sequence[Client]) -> list[list[Client]]:
    """Those that fail at the same stage for the same reason, and are told to do the same."""
    found: dict[tuple[str | None, ...], list[Client]] = {}
    for client in failing:
        found.setdefault((client.fails_at, client.diagnosis, client.hint), []).append(client)
    return list(found.values())


def _group(group: Sequence[Client], page: Page) -> None:
    first = group[0]
    names = _("; ").join(terminal(client.client, _MOST_NAME) for client in group)
    page.entry(("  ", ""), names, first.diagnosis or "", indent=2)
    if first.because is not None:
        stage = _(_STAGES.get(first.fails_at or "", first.fails_at or ""))
        at = _("{stage}: {because}", stage=stage, because=terminal(first.because, _LONGEST))
        page.paragraph(at, indent=4)
    for words in dict.fromkeys(client.user_sees for client in group):
        if words is not None:
            page.paragraph(_('They see: "{words}"', words=terminal(words, _LONGEST)), indent=4)
    if first.hint is not None:
        page.paragraph(_("What helps: {hint}.", hint=terminal(first.hint, _LONGEST)), indent=4)


def _unknown(unknown: Sequence[Client], page: Page, verbosity: int, *, is_captured: bool) -> None:
    """How many, and for want of which facts; who they are stands in the table of -v. What would tell is said once."""
    said = list(dict.fromkeys(terminal(client.because or "", _LONGEST) for client in unknown))
    reasons = list(dict.fromkeys(_FULL.sub("", words) for words in said))
    words = _(
        "{count} unknown: {reasons}", count=len(unknown), reasons=_("; ").join(reasons[: None if verbosity else 3])
    )
    if any(_FULL.search(each) for each in said):
        more = _ASKED_BY_HOST if is_captured else _ASKED_BY_FULL
        words = _(more, words=words)
    page.paragraph(words, indent=2, first=[("  ", "")])


def _table(shown: Sequence[Client], page: Page) -> None:
    """The state first, so that names of any length can be broken; in columns where there is room for them."""
    width = min(_MOST_NAME, max(len(client.client) for client in shown)) + 2
    said = [_how(client) for client in shown]
    has_room = page.width >= _INDENT + width + max(len(words) for words in said)
    for client, words in zip(shown, said, strict=True):
        name = terminal(client.client, _MOST_NAME)
        state = (f"  {pad(_(_STATES[client.connects]), _INDENT - 2)}", _STYLES[client.connects])
        if has_room:
            page.paragraph(words or "-", first=[state, (pad(name, width), "")], indent=_INDENT + width)
        else:
            page.paragraph(_(", ").join(each for each in (name, words) if each), first=[state], indent=_INDENT)


def _how(client: Client) -> str:
    how = [client.protocol, client.version, client.cipher_suite, _("measured") if client.measured else None]
    return _(", ").join(terminal(each, _LONGEST) for each in how if each is not None)
