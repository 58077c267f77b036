"""What users see of a diagnosis: only what the clients of this result do meet, or under which settings one would.

A catalogue entry names every message that its diagnosis can lead to. Who connects does not see that of who fails, so
that each is weighed here against the clients of the result before it is said of anyone.
"""

from __future__ import annotations

from collections.abc import Iterator

from probe.clients import CLIENTS
from probe.diagnosis import wording
from probe.language import N_, _
from probe.report.escape import terminal
from probe.result import Diagnosis, Result

_FAMILIES = {"mstsc": "mstsc", "FreeRDP": "freerdp", "rdesktop": "rdesktop"}
_WINDOWS_APP = "Windows App"  # named with its systems, in the reader's language
_PLAIN = "Connection established using plain RDP."  # rdesktop's, where it got in so
# What a client shows before it goes on: its user may connect all the same.
_QUESTIONS = (
    wording.IDENTITY_WARNING,
    wording.MAC_IDENTITY_WARNING,
    wording.FREERDP_CERTIFICATE_ASKED,
    wording.RDESKTOP_NOT_TRUSTED,
)
_INSISTS_ON_TLS = N_("Clients that insist on TLS")
_MEETS_IT = N_("Clients that meet it")
# Who meets the others, where no known client as it comes does.
_OTHERS = {
    "NLA_UNSUPPORTED": N_("Clients that insist on NLA"),
    "NLA_REQUIRED": N_("Clients without NLA"),
    "TLS_REQUIRED": N_("Clients without TLS"),
    "STANDARD_RDP_ONLY": _INSISTS_ON_TLS,
    "TLS_CERTIFICATE_MISSING": _INSISTS_ON_TLS,
    "TLS_MODERN_ONLY": N_("Clients without TLS 1.2"),
    "CLOCK_SKEW": N_("Clients that use Kerberos"),
    "SERVER_LOST": _MEETS_IT,
    "INTERMITTENT": _MEETS_IT,
    "TLS_INTOLERANT": _MEETS_IT,
    "GATEWAY_UNREACHABLE": N_("Clients that go through this gateway"),
}


def seen(found: Diagnosis, result: Result) -> Iterator[str]:
    """Sentences on what users see, and entries of event logs; in the order in which the diagnosis has them."""
    for stored in found.user_sees:
        client, colon, words = terminal(stored).partition(": ")
        if client in ("event log", _("event log")):  # names its log itself
            yield words
            continue
        client, words = (client, words) if colon else ("", client)
        if (who := _who(found, result, client, words)) is not None:
            yield _said(who, client, words)


def _said(who: str, client: str, words: str) -> str:
    if who and client:
        return _('{who} see in {client}: "{words}"', who=_(who), client=client, words=words)
    if who:
        return _('{who} see: "{words}"', who=_(who), words=words)
    return (
        _('They see in {client}: "{words}"', client=client, words=words)
        if client
        else _('They see: "{words}"', words=words)
    )


def _who(found: Diagnosis, result: Result, client: str, words: str) -> str | None:
    """Empty where known clients do see it, else who would; None where it is said of nobody."""
    if _meets(found, result, client, words):
        return ""
    if words in _in_any_language(*_QUESTIONS, _PLAIN):
        return None
    return _OTHERS.get(found.code)


def _meets(found: Diagnosis, result: Result, client: str, words: str) -> bool:
    family = "windows_app" if _WINDOWS_APP in client else _FAMILIES.get(client)
    known = {profile.name for profile in CLIENTS.values() if family in (None, profile.family)}
    met = [each for each in result.clients if family is None or each.client in known]
    if words in _in_any_language(_PLAIN):
        return any(each.connects and each.protocol == "RDP" for each in met)
    if words in _in_any_language(*_QUESTIONS):
        return any(each.connects and each.protocol != "RDP" for each in met)
    if found.severity == "blocker":
        return not result.clients or any(each.connects is False for each in met)
    return any(each.connects is False and each.diagnosis == found.code for each in met)


def _in_any_language(*words: str) -> set[str]:
    """As a result may hold them: in English, or in the language that is spoken now."""
    return {*words, *(_(each) for each in words)}
