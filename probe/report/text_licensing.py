"""What the licensing phase came to, in a line for each protocol that it was asked over."""

from __future__ import annotations

from collections.abc import Iterator

from probe.language import N_, _
from probe.report.escape import terminal
from probe.report.sentences import ending_of
from probe.result import Licensing, Result

_OVER = {"SSL": N_("over TLS"), "RDP": N_("over Standard RDP Security")}
_ANSWERS = {
    "valid_client": N_("the server is content without a license (STATUS_VALID_CLIENT)"),
    "license_request": N_("the server wants to issue a license; it was not answered"),
    "licensing_message": N_("the server said {message}; it was not answered"),
    "error": N_("the server reported {code} ({transition})"),
    "error_info": N_("the server ends the connection: {error_info}"),
    "demand_active": N_("the server went on without a word of licenses"),
    "redirection": N_("the server sends the client to another server"),
    "deactivated": N_("the server ended the share"),
    "refused": N_("the server let the client join no channel"),
    "disconnected": N_("the server disconnected"),
    "malformed": N_("the answer could not be read"),
}
_THEN = {
    "error_info": N_("then it ended the connection: {error_info}"),
    "disconnected": N_("then it disconnected"),
    "redirection": N_("then it sent the client to another server"),
}


def rows(result: Result) -> Iterator[tuple[str, str]]:
    """Labels and what stands behind them; where nothing came of the question, why."""
    if result.licensing_asked and not result.licensing and result.status == "rdp":
        yield _("Licensing"), _(_why_not_asked(result))
    for entry in result.licensing:
        words = _("{over}: {answer}", over=_(_OVER[entry.over]), answer=_answer(entry))
        then = _then(entry)
        yield _("Licensing"), _("{words}; {then}", words=words, then=then) if then else words


def _why_not_asked(result: Result) -> str:
    if result.negotiation is not None and result.negotiation.nla == "required":
        return N_("not asked: NLA is required, and the licensing phase comes after the logon")
    return N_("not asked: no connection came as far without an account")


def _answer(entry: Licensing) -> str:
    if entry.answer is not None:
        return _filled(_ANSWERS[entry.answer], entry)
    if entry.ending in (None, "complete"):
        return _("not asked: the server gave no channel, or no key that can be used")
    return _ended(entry)


def _then(entry: Licensing) -> str:
    """What came behind a good answer, where that is worth a word."""
    if entry.answer != "valid_client":
        return ""
    if entry.then is None:
        return _ended(entry)
    return _filled(_THEN[entry.then], entry) if entry.then in _THEN else ""


def _ended(entry: Licensing) -> str:
    """Without an answer: how, and before what."""
    ending = ending_of(entry.ending or "closed")
    if entry.awaited is None:
        return ending
    return _("{ending}, awaiting {what}", ending=ending, what=terminal(entry.awaited, 80))


def _filled(words: str, entry: Licensing) -> str:
    return _(
        words,
        message=terminal(entry.message or "?", 60),
        code=terminal(entry.code or "?", 60),
        transition=terminal(entry.transition or "?", 60),
        error_info=terminal(entry.error_info or "?", 80),
    )
