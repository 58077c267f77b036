"""A result for a person: the verdict in words, who is affected, what to do, then the facts.

The first screen answers the question; -v and -vv add to its end. Codes stand beside the words so that they can be
searched for, and nothing is said only in color.
"""

from __future__ import annotations

import io
import os
import shlex
from collections.abc import Iterator
from itertools import islice
from statistics import median
from typing import TextIO

from rich.cells import cell_len  # noqa: TID253  this module is itself imported only where text is shown
from rich.console import Console  # noqa: TID253  this module is itself imported only where text is shown

from probe.diagnosis.page import folder
from probe.diagnosis.stored import stored
from probe.language import N_, _, current
from probe.report.escape import terminal
from probe.report.page import Page, columns_are_given
from probe.report.sentences import advice, as_given, broken, endpoint, path, worst
from probe.report.sentences_capture import is_proven, said_of_server
from probe.report.text_attempts import attempts
from probe.report.text_clients import clients
from probe.report.text_course import course
from probe.report.text_facts import facts
from probe.report.text_seen import seen
from probe.report.text_simulation import simulation, verdict_of
from probe.result import SEVERITIES, Diagnosis, Result

_KINDS = {"windows": "Windows", "freerdp": "FreeRDP", "virtualbox": "VirtualBox"}
_CERTAINTIES = {"certain": N_("certain"), "likely": N_("likely")}
_SEVERITIES = {
    "blocker": N_("blocker"),
    "breaks_some": N_("breaks some"),
    "risk": N_("risk"),
    "info": N_("info"),
}
_SEVERITY_STYLES = {"blocker": "bold red", "breaks_some": "yellow", "risk": "yellow", "info": "dim"}
_SEVERITY_INDENT = 16
_GAP = 2  # before a severity and behind it
_MOST_REMEDIES = 6
_WORTH_DOING = ("STANDARD_RDP_WEAK",)  # what to do is said also where nothing but the possibility is there
_MOST_OF_BLOCKER = 3  # remedies of what keeps everybody out; of anything else the first
_MOST_CODES = 4  # on the one line of -q
_LONGEST_HOST = 100
_SLOW_MS = 1000  # an answer that takes longer is felt by whoever connects


def console(stream: TextIO) -> Console:
    """A console that takes text as it is. What the stream's encoding lacks is shown as an escape, not as a failure."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    environment = os.environ if columns_are_given() else {**os.environ, "COLUMNS": ""}  # a width of 0 hides all
    return _Console(file=stream, markup=False, highlight=False, emoji=False, soft_wrap=True, _environ=environment)


class _Console(Console):
    """One that leaves a closed pipe to whoever runs the command."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def verdict_line(result: Result) -> str:
    """One line: whom it is about, the verdict, and the codes of what blocks everybody, or else of what is worst."""
    said_first = worst(result)
    blocking = [each.code for each in result.diagnoses if each.severity == "blocker" or each is said_first]
    worst_first = [each.code for each in _by_severity(result) if each.severity != "info"]
    codes = blocking or worst_first[:_MOST_CODES]
    said = [verdict_of(client) for client in result.clients] if result.is_simulation else [said_of_server(result)]
    return "  ".join((*_who(result), *said, *(terminal(code, 60) for code in codes)))


def render(result: Result, console: Console, verbosity: int = 0, *, is_gone: bool = False) -> None:
    """Print the report of one result. `is_gone`: the server is not there to be asked again."""
    page = Page(console)
    _headline(result, page)
    page.blank()
    if result.is_simulation and result.status == "rdp":
        simulation(result, page)
    else:
        _verdict(result, page)
    _notes(result, page)
    if result.status == "rdp" or verbosity:
        diagnoses(result, page, verbosity, worst(result) if result.status == "rdp" else None)
        if not result.is_simulation:
            clients(result, page, verbosity)
        said = worst(result)
        causes([found for found in result.diagnoses if found.severity == "blocker" or found is said], page)
        remedies(result, page, verbosity, said)
    facts(result, page, verbosity)
    if verbosity:
        attempts(result, page, steps=verbosity > 1)
    _more(result, page, verbosity, is_gone=is_gone)


def _who(result: Result) -> list[str]:
    """The name that was given, and the address and port; once where they are the same."""
    asked = terminal(result.target.host, _LONGEST_HOST)
    same = result.target.address in (None, result.target.host)
    return [endpoint(result)] if same else [asked, endpoint(result)]


def _headline(result: Result, page: Page) -> None:
    name, *rest = _who(result)
    who = "  ".join([name, *rest])
    kind = kind_of(result)
    count = _("1 connection") if result.connections == 1 else _("{count} connections", count=result.connections)
    right = f"{_('{count} s', count=f'{result.elapsed_ms / 1000:.2f}')} · {count}"
    one_line = page.fits(f"{who}   {kind}" if kind else who, right)
    parts = [(name, "bold"), *((f"  {part}", "") for part in rest)]
    if not page.fits(who, right):
        page.paragraph(who, style="bold")
        page.paragraph(f"{kind} · {right}" if kind else right)
        return
    page.line(*parts, *([(f"   {kind}", "")] if kind and one_line else []), right=right)
    if kind and not one_line:
        page.line((kind, ""))


def kind_of(result: Result) -> str:
    """Which software the server is, with how certain that is; empty where it is unknown."""
    server = result.server
    if server is None or server.kind == "unknown":
        return ""
    release = (server.release or "").replace(" or later", _(" or later")).replace(" or ", _(" or "))
    kind = terminal(release or _KINDS.get(server.kind, server.kind), 80)
    if server.certainty not in _CERTAINTIES:
        return kind
    return _("{kind} ({certainty})", kind=kind, certainty=_(_CERTAINTIES[server.certainty]))


def _verdict(result: Result, page: Page) -> None:
    blocker = worst(result)
    is_broken = blocker is not None or broken(result) is not None
    code = blocker.code if blocker is not None else ""
    sentence = said_of_server(result)
    if page.fits(sentence, code):
        page.line((sentence, "bold"), right=code)
    else:
        page.paragraph(sentence, style="bold")
        if code:
            page.line(right=code)
    if (is_broken or result.status != "rdp") and (steps := path(result) if is_proven(result) else course(result)):
        page.blank()
        page.path(steps, indent=2)
    if result.status != "rdp":
        if result.cause is not None:
            page.paragraph(_("The system says: {words}", words=terminal(stored(result.cause))), indent=2)
        if is_proven(result) and (found := advice(result)) is not None:
            page.blank()
            page.paragraph(_sentence(found.cause), first=[(f"  {_('Likely')} ", "bold")], indent=10)
            page.paragraph(_sentence(found.step), first=[(f"  {_('Next')} ", "bold")], indent=10)


def _sentence(words: str) -> str:
    shown = terminal(words, 600)
    return shown[:1].upper() + shown[1:]


def _notes(result: Result, page: Page) -> None:
    """What limits the verdict, said before anyone relies on it; no second time where a diagnosis says it."""
    notes = list(_limits(result))
    if notes:
        page.blank()
    for words in notes:
        page.paragraph(words, first=[("  ", "")], indent=2)


def _limits(result: Result) -> Iterator[str]:
    codes = {found.code for found in result.diagnoses}
    if result.lost is not None and "SERVER_LOST" not in codes:
        yield _(
            "The server stopped answering during the audit, after: {question}. The rest was not asked.",
            question=terminal(stored(result.lost)),
        )
    if result.limited is not None:
        yield _("Not everything was asked: {why}.", why=terminal(stored(result.limited)))
    for words in result.intermittent if "INTERMITTENT" not in codes else []:
        yield _("Not steady: the same request ended differently. {answers}.", answers=terminal(stored(words)))
    if (took := _usual_ms(result)) is not None and took >= _SLOW_MS:
        yield _("It answers slowly: {seconds} s to a Connection Request.", seconds=f"{took / 1000:.1f}")
    altered = result.negotiation.altered_request if result.negotiation is not None else None
    if altered is not None and "NEGOTIATION_ALTERED" not in codes:
        yield _("The negotiation was altered on its way: {how}.", how=terminal(stored(altered)))


def _usual_ms(result: Result) -> float | None:
    """The median time from the start of a connection to its answer; None where nothing was answered."""
    attempts = result.negotiation.attempts if result.negotiation is not None else []
    times = [attempt.elapsed_ms for attempt in attempts if attempt.ending is None]
    return median(times) if times else None


def _by_severity(result: Result) -> list[Diagnosis]:
    return sorted(result.diagnoses, key=lambda found: SEVERITIES.index(found.severity))


def diagnoses(result: Result, page: Page, verbosity: int, said: Diagnosis | None) -> None:
    """Each in a line; the one that is the verdict already, `said`, only with its details."""
    shown = [found for found in _by_severity(result) if found is not said]
    if said is not None:
        details = list(_details(said, result, verbosity))
        if details:
            page.blank()
        for words in details:
            page.paragraph(words, indent=2)
    if shown:
        page.blank()
    indent = max(_SEVERITY_INDENT, *(cell_len(_(words)) + 2 * _GAP for words in _SEVERITIES.values()))
    for found in shown:
        severity = (f"  {_(_SEVERITIES[found.severity])}", _SEVERITY_STYLES[found.severity])
        page.entry(severity, terminal(found.summary.removesuffix(".").removesuffix("。")), found.code, indent=indent)
        if found.severity != "info" or verbosity:
            for words in _details(found, result, verbosity):
                page.paragraph(words, indent=indent)


def _details(found: Diagnosis, result: Result, verbosity: int) -> Iterator[str]:
    most = None if verbosity else 1
    for words in found.evidence[:most]:
        yield terminal(words)
    yield from islice(seen(found, result), most)


def causes(blocking: list[Diagnosis], page: Page) -> None:
    """What may have led to it, likeliest first."""
    likely = [cause for found in blocking for cause in found.causes]
    if likely:
        page.title(_("Likely causes, and what tells them apart"))
        _numbered(likely, page)


def remedies(result: Result, page: Page, verbosity: int, said: Diagnosis | None) -> None:
    """What to do, the most severe first; about the verdict itself, `said`, more than about others."""
    # Where nobody can connect, what is merely unsafe waits.
    unwanted = ("info",) if said is None or verbosity else ("info", "risk")
    remedies = []
    for found in _by_severity(result):
        most = None if verbosity else _MOST_OF_BLOCKER if found is said else 1
        weight = "risk" if found.code in _WORTH_DOING and found.severity == "info" else found.severity
        remedies += found.remedies[:most] if found is said or weight not in unwanted else []
    distinct = list(dict.fromkeys(remedies))
    if distinct:
        page.title(_("What to do"))
        _numbered(distinct if verbosity else distinct[:_MOST_REMEDIES], page)


def _numbered(items: list[str], page: Page) -> None:
    for number, words in enumerate(items, 1):
        page.paragraph(terminal(words, 600), first=[(f"{number:>3}. ", "")], indent=5)


def about_codes(result: Result, page: Page) -> None:
    """Where more is said of a code, where there is one."""
    if result.diagnoses:
        page.paragraph(
            _(
                "More about a code: {command} · {folder}",
                command="rdp-probe explain CODE",
                folder=f"{folder(current())}/",
            ),
            style="dim",
        )


def _more(result: Result, page: Page, verbosity: int, *, is_gone: bool) -> None:
    """What else could be asked for, with options that exist."""
    options = [f"-v {_('every attempt')}", f"-vv {_('every message')}"][verbosity:]
    if result.depth == "discover" and not result.is_simulation and not is_gone:
        options.append(f"--depth standard {_('everything')}")
    if result.depth == "standard" and result.tls is not None and not result.is_simulation and not is_gone:
        options.append(f"--depth full {_('every cipher suite and group')}")
    page.blank()
    about_codes(result, page)
    words = _("More: {options}", options=" · ".join([*options, "--json"]))
    if result.status == "rdp" and not result.is_simulation and not is_gone:
        command = f"rdp-probe verify {shlex.quote(as_given(result.target))} --policy strict"
        page.ending(f"{words} ·", command, style="dim")
    else:
        page.paragraph(words, style="dim")
