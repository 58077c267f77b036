"""A diagnosis as a page of Markdown for somebody who meets it for the first time, and the index of all pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from probe.diagnosis.diagnosing import by_client
from probe.diagnosis.rule import Diagnosis, Remedy
from probe.language import LANGUAGES, _, current
from probe.result import SEVERITIES, Severity

_SPECIAL = re.compile(r"[*<>|`]|\\(?=[!-/:-@\[-`{-~])|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")  # to Markdown
_FOLDER = "docs/diagnoses"
_OPTIONS = {
    "--licensing": ("LICENSING_FAILED", "CONNECTION_LIMIT"),
    "--udp": ("UDP_UNREACHABLE",),
    "--gateway": ("GATEWAY_UNREACHABLE", "GATEWAY_NAME_LEAK"),
    "--routing-token TOKEN": ("REDIRECTED",),
    "--depth full": ("TLS_NO_SHARED_CIPHER", "TLS_WEAK_CIPHER"),
}


def folder(language: str) -> str:
    """Where the pages of a language are, from the project's root."""
    return _FOLDER if language == LANGUAGES[0] else f"{_FOLDER}/{language}"


def page(entry: Diagnosis) -> str:
    """The page of one code, in the language that is spoken now."""
    return "\n".join(_page(entry)) + "\n"


def index(entries: Iterable[Diagnosis], languages: Iterable[str]) -> str:
    """The page that lists all codes, most severe first, in the language that is spoken now; with links to others."""
    return "\n".join(_index(list(entries), languages)) + "\n"


def _page(entry: Diagnosis) -> Iterator[str]:
    yield f"# {entry.code}\n"
    yield f"{_summary(entry)}\n"
    yield f"**{_severity(entry.severity)}**: {_who(entry.severity)}\n"
    yield from _section(_("On the wire"), [_escaped(_(entry.wire))], mark="")
    causes = [f"**{_escaped(_(each.text))}** {_escaped(_(each.tells))}".rstrip() for each in entry.causes]
    yield from _section(_("Causes, likeliest first, and what tells them apart"), causes, mark="1. ")
    yield f"## {_('What to do')}\n"
    for title, remedies in _by_platform(entry.remedies):
        if title:
            yield f"{title}\n"
        yield from (f"- {_escaped(_(remedy.text))}" for remedy in remedies)
        yield ""
    shown = [f"**{client}**: {_escaped(words)}" for client, words in by_client(entry.user_sees)]
    yield from _section(_("What users see"), shown or [_("No client is known to show a message of its own for it.")])
    if entry.events:
        yield from _section(_("In the server's log"), [_escaped(_(event)) for event in entry.events])
    yield from _section(_("See it yourself"), [f"`rdp-probe host {_option(entry)}NAME`"], mark="")
    yield from _section(_("Source"), [_escaped(entry.source)], mark="")
    yield f"[{_('All diagnoses')}](README.md)"


def _section(title: str, items: Iterable[str], mark: str = "- ") -> Iterator[str]:
    yield f"## {title}\n"
    yield from (f"{mark}{item}" for item in items)
    yield ""


def _by_platform(remedies: Iterable[Remedy]) -> Iterator[tuple[str, list[Remedy]]]:
    """The remedies for any server, then those for each kind, then those that lower security."""
    safe, last = [[each for each in remedies if each.lowers is lowers] for lowers in (False, True)]
    titles = {
        "any": "",
        "windows": _("Windows:"),
        "linux": _("Linux:"),
        "xrdp": "xrdp:",
        "gnome": _("GNOME Remote Desktop:"),
        "freerdp": _("FreeRDP's servers and GNOME Remote Desktop:"),
    }
    for platform, title in titles.items():
        if found := [each for each in safe if each.on == platform]:
            yield title, found
    if last:
        yield _("Only where nothing else is possible:"), last


def _index(entries: list[Diagnosis], languages: Iterable[str]) -> Iterator[str]:
    yield f"# {_('Diagnoses')}\n"
    yield _(
        "Every code that rdp-probe can report, the most severe first. A code has one meaning for good: it says what "
        "was seen on the wire. Why that is so, is told under causes."
    )
    yield ""
    for severity in SEVERITIES:
        found = sorted((each for each in entries if each.severity == severity), key=lambda each: each.code)
        yield f"## {_severity(severity)}\n"
        yield f"{_who(severity)}\n"
        yield f"| {_('Code')} | {_('Meaning')} |\n|---|---|"
        yield from (f"| [{each.code}]({each.code}.md) | {_summary(each)} |" for each in found)
        yield ""
    links = [f"[{language}]({_from_here(language)}/README.md)" for language in languages if language != current()]
    yield from [" · ".join(links)] if links else []


def _from_here(language: str) -> str:
    return ".." if language == LANGUAGES[0] else language


def _severity(severity: Severity) -> str:
    return {
        "blocker": _("Blocker"),
        "breaks_some": _("Breaks some"),
        "risk": _("Risk"),
        "info": _("For information"),
    }[severity]


def _who(severity: Severity) -> str:
    return {
        "blocker": _("No client can connect."),
        "breaks_some": _("Some clients cannot connect; where it stops them all, it is reported as a blocker."),
        "risk": _("Clients connect, but somebody else may read along, take the server's place, or reach its login."),
        "info": _("Nothing is broken; it explains what some clients meet."),
    }[severity]


def _summary(entry: Diagnosis) -> str:
    return _escaped(_(entry.plain))


def _option(entry: Diagnosis) -> str:
    """The option without which the code, or all there is to it, is not asked for."""
    return next((f"{option} " for option, codes in _OPTIONS.items() if entry.code in codes), "")


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\g<0>", text)
