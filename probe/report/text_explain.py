"""What a message or code means, for a person: the meaning, the causes with what tells them apart, the one command."""

from __future__ import annotations

from rich.console import Console  # noqa: TID253  this module is itself imported only where text is shown

from probe.diagnosis.page import folder
from probe.explain.described import kind_in_words
from probe.explain.explanation import COMMAND
from probe.language import LANGUAGES, N_, _, current
from probe.report.escape import terminal
from probe.report.page import Page
from probe.result.explain import Explained, Meaning, PossibleCause

_VERDICTS = {"found": N_("found"), "excluded": N_("excluded"), "open": N_("open")}
_VERDICT_STYLES = {"found": "bold", "excluded": "dim", "open": ""}
_ORDER = ("found", "open", "excluded")
_NUMBER_INDENT, _VERDICT_INDENT, _INDENT = 5, 12, 2
_MOST_OTHERS = 5
_MOST_PAGES = 3
_MOST_REMEDIES = 3
_LONGEST_UNKNOWN = 120


def render(answer: Explained, console: Console) -> None:
    """Print the answer."""
    page = Page(console)
    if answer.matches:
        _first(answer.matches[0], answer, page)
        _others(answer.matches[1 : 1 + _MOST_OTHERS], page)
    _unknown(answer, page)
    if answer.cut:
        page.blank()
        page.paragraph(_("Only the beginning of the text was read."))


def _first(meaning: Meaning, answer: Explained, page: Page) -> None:
    page.paragraph(meaning.title, style="bold")
    page.paragraph(kind_in_words(meaning.kind), style="dim")
    page.blank()
    page.paragraph(meaning.meaning)
    if answer.audited:
        _audited(answer, page)
        _weighed(meaning.causes, page)
    else:
        _causes(meaning.causes, page)
    shown = {cause.diagnosis for cause in meaning.causes}
    if rarer := [code for code in meaning.rarer if code not in shown]:
        page.blank()
        page.paragraph(_("Rarely also: {codes}", codes=_(", ").join(rarer)))
    if meaning.user_sees:
        page.title(_("What users see"))
        for words in meaning.user_sees:
            page.paragraph(words, indent=_INDENT)
    if meaning.remedies:
        page.title(_("What to do"))
        for number, words in enumerate(meaning.remedies, 1):
            page.paragraph(words, first=[(f"  {number}. ", "")], indent=_NUMBER_INDENT)
    if answer.audited:
        _to_change(meaning, answer, page)
    elif meaning.causes:
        page.title(_("What tells which it is"))
        page.line((f"  {meaning.command}", "bold"))
    _pages(meaning, page)
    page.blank()
    page.paragraph(_("Source: {source}", source=meaning.source), style="dim")


def _causes(causes: list[PossibleCause], page: Page) -> None:
    if not causes:
        return
    page.title(_("Likely causes, and what tells them apart"))
    for number, cause in enumerate(causes, 1):
        page.entry((f"{number:>3}. ", ""), cause.text, cause.diagnosis or "", indent=_NUMBER_INDENT)
        if cause.tells:
            page.paragraph(cause.tells, indent=_NUMBER_INDENT, style="dim")


def _audited(answer: Explained, page: Page) -> None:
    page.blank()
    for audited in answer.audited:
        where = audited.target if audited.address in (None, audited.target) else f"{audited.target} {audited.address}"
        page.paragraph(f"{terminal(where)}:{audited.port}  {audited.verdict}", style="bold")


def _weighed(causes: list[PossibleCause], page: Page) -> None:
    """The causes by what the audit says of them: those it found first."""
    if not causes:
        return
    page.title(_("What the audit says of each cause"))
    for verdict in _ORDER:
        for cause in causes:
            if cause.result is None or cause.result.verdict != verdict:
                continue
            first = (f"  {_(_VERDICTS[verdict])}", _VERDICT_STYLES[verdict])
            page.entry(first, cause.text, cause.diagnosis or "", indent=_VERDICT_INDENT)
            tells = [cause.tells] if cause.tells and (verdict == "open" or not cause.result.evidence) else []
            for words in (*cause.result.evidence, *tells):
                page.paragraph(words, indent=_VERDICT_INDENT, style="dim")


def _to_change(meaning: Meaning, answer: Explained, page: Page) -> None:
    """The first remedies of what the audit found, for the server that answered, and where the others are."""
    found = {cause.diagnosis for cause in meaning.causes if cause.result and cause.result.verdict == "found"}
    codes = [code for code in answer.remedies if code in found]
    if not codes:
        return
    page.title(_("What to do"))
    for code in codes[:_MOST_PAGES]:
        page.line((f"  {code}", "bold"))
        for number, words in enumerate(answer.remedies[code][:_MOST_REMEDIES], 1):
            page.paragraph(words, first=[(f"  {number}. ", "")], indent=_NUMBER_INDENT)
        page.line((f"     rdp-probe explain {code}", ""))


def _pages(meaning: Meaning, page: Page) -> None:
    """Where the remedies are: of what the audit found, else of the likeliest."""
    found = [cause for cause in meaning.causes if cause.result is not None and cause.result.verdict == "found"]
    pages = [meaning.page, *(cause.page for cause in found or meaning.causes)]
    shown = list(dict.fromkeys(each for each in pages if each))
    if not shown:
        return
    page.title(_("More, and what to change"))
    for each in shown[:_MOST_PAGES]:
        page.line((f"  {each.replace(folder(LANGUAGES[0]), folder(current()))}", ""))
    if len(shown) > _MOST_PAGES:
        page.paragraph(_("and so for each of the other codes"), indent=_INDENT)


def _others(others: list[Meaning], page: Page) -> None:
    if not others:
        return
    page.title(_("The text also speaks of, or can also mean"))
    for meaning in others:
        page.paragraph(f"{meaning.title}: {kind_in_words(meaning.kind)}", indent=_INDENT)
        codes = _(", ").join(dict.fromkeys(cause.diagnosis for cause in meaning.causes if cause.diagnosis))
        page.paragraph(meaning.meaning, indent=_NUMBER_INDENT)
        if codes:
            page.paragraph(codes, indent=_NUMBER_INDENT)


def _unknown(answer: Explained, page: Page) -> None:
    for number, written in enumerate(answer.unknown):
        if number or answer.matches:
            page.blank()
        page.paragraph(_("Not known: {what}", what=terminal(written, _LONGEST_UNKNOWN)), style="bold")
        page.paragraph(_("It is in none of the documents and lists that this program knows; no meaning is guessed."))
        near = [each for each in answer.nearest if each.unknown == written]
        if near:
            page.paragraph(_("The nearest known ones, which need not have to do with it:"))
        for each in near:
            page.line((f"  {each.title}  ({each.distance})", ""))
    if answer.unknown and not answer.matches:
        page.paragraph(_("What the server itself says is told by:"))
        page.line((f"  {COMMAND}", "bold"))
    if answer.nothing_said and not answer.matches:
        page.paragraph(_("A code of 0 says that there is no further information."))
