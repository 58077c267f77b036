"""What to do about a rule that failed or was not settled, for the kind of server that it is. Pure.

The texts are data: those of `fixes`, by the rule's key, and the remedies of the diagnosis that means the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from string import Formatter
from typing import TypeVar

from probe.clients import CLIENTS
from probe.diagnosis.client_hints import SERVERS
from probe.diagnosis.diagnosing import distance, remedies_for
from probe.diagnosis.rule import Platform
from probe.language import N_, _
from probe.result import Result
from probe.verify.fix_facts import facts_of
from probe.verify.fix_protocols import STAYS, unlike_others
from probe.verify.fixes import CODES, ELSEWHERE, FEATURES, FIXES, PLACES
from probe.verify.fixes_tls import Fix
from probe.verify.next_step import next_step as settling
from probe.verify.rule import Finding, Rule

_T = TypeVar("_T")
_MOST = 3
_FOREIGN = 2  # what `distance` says of advice for another kind of server
_DIAGNOSIS_FIRST = ("protocols.required", "protocols.forbidden")  # which says what to do of the one that it is about
# What such a diagnosis advises keeps the server as it is, which is what these keys are against.
_FOR_THE_SERVER = {
    "protocols.required": ("NLA_REQUIRED", "TLS_REQUIRED"),
    "protocols.nla": ("NLA_REQUIRED",),
    "clients.must_connect": ("NLA_REQUIRED", "TLS_REQUIRED"),
}
_NOT_TO_STAY = ("certificate.trusted", "certificate.self_signed")
_IF: Mapping[Platform, str] = {
    "windows": N_("If it is Windows: {fix}"),
    "xrdp": N_("If it is xrdp: {fix}"),
    "freerdp": N_("If it is FreeRDP or GNOME Remote Desktop: {fix}"),
    "gnome": N_("If it is GNOME Remote Desktop: {fix}"),
    "linux": N_("If it is xrdp, FreeRDP or GNOME Remote Desktop: {fix}"),
}


def fix(rule: Rule, finding: Finding, result: Result) -> list[str]:
    """What mends a failed rule, likeliest first, at most three texts in the language that is spoken now.

    Where it is not known what answers, each text begins with the kind of server that it is for.
    """
    kind = _kind(result)
    hints = list(_hints(rule, result))
    if (others := unlike_others(rule, finding, result)) is not None:
        others = [(on, text) for on, text in others if distance(on, kind) < _FOREIGN]
        told = [*hints, *(_for(on, text, kind) for on, text in others)]
    else:
        own = [*hints, *_own(rule, result)]
        codes = _codes(rule, finding) if not own or _by_value(rule, CODES) is not None else ()
        remedies = [
            _for(each.on, _(each.text), kind)
            for code in codes
            for each in remedies_for(code, result)
            if not (rule.key in _NOT_TO_STAY and each.text.startswith(STAYS))
        ]
        told = [*remedies, *own] if rule.key in _DIAGNOSIS_FIRST else [*own, *remedies]
    return [*dict.fromkeys(told)][:_MOST] or [_(ELSEWHERE)]


def _kind(result: Result) -> str:
    return result.server.kind if result.server is not None else "unknown"


def _for(on: Platform, text: str, kind: str) -> str:
    """A text that says for which server it is, where that is not known."""
    return text if kind != "unknown" or on == "any" else _(_IF[on], fix=text)


def _own(rule: Rule, result: Result) -> list[str]:
    """The texts for this key and for this kind of server, those for it alone first."""
    kind = _kind(result)
    facts = {**{name: _(place) for name, place in PLACES.items()}, **facts_of(rule, result)}
    fitting = [each for each in texts_of(rule) if distance(each.on, kind) < _FOREIGN and names_in(each) <= facts.keys()]
    if kind == "unknown":  # what is likeliest for one kind says more than what is second for another
        fitting = _in_turn(fitting)
    near = sorted(fitting, key=lambda each: distance(each.on, kind))
    return [_for(each.on, _(each.text, **facts), kind) for each in near]


def _in_turn(fixes: Sequence[Fix]) -> list[Fix]:
    """The first for each kind of server, then the second for each, and so on."""
    turns = [sum(other.on == each.on for other in fixes[:place]) for place, each in enumerate(fixes)]
    return [fixes[place] for _turn, place in sorted(zip(turns, range(len(fixes)), strict=True))]


def texts_of(rule: Rule) -> tuple[Fix, ...]:
    """The texts of a key, or of a key with this value; of the features of TLS, which have none of their own, theirs."""
    found = _by_value(rule, FIXES)
    if found is not None:
        return found
    return FEATURES if rule.key.startswith("tls.") else ()


def _by_value(rule: Rule, table: Mapping[str, _T]) -> _T | None:
    key = rule.key.partition(":")[0]
    return table.get(f"{key}={rule.value}", table.get(key))


def names_in(fix_: Fix) -> set[str]:
    """The facts that a text names."""
    return {name for _literal, name, _spec, _conversion in Formatter().parse(fix_.text) if name is not None}


def _codes(rule: Rule, finding: Finding) -> tuple[str, ...]:
    """The diagnosis that the check names, else those that mean the same as the key."""
    codes = (finding.diagnosis,) if finding.diagnosis is not None else _by_value(rule, CODES) or ()
    return tuple(code for code in codes if code not in _FOR_THE_SERVER.get(rule.key, ()))


def _hints(rule: Rule, result: Result) -> Iterator[str]:
    """What would let the clients in that must be able to connect, each hint once."""
    patterns = rule.value if rule.key == "clients.must_connect" else ()
    names = {profile.name for key, profile in CLIENTS.items() if any(fnmatchcase(key, each) for each in patterns)}
    others = {_("connect from {client}", client=profile.name) for profile in CLIENTS.values()}
    others |= {_(SERVERS[code]) for code in _FOR_THE_SERVER["clients.must_connect"]}  # to use another is no way in
    by_hint: dict[str, list[str]] = {}
    for client in result.clients:
        if client.client in names and client.connects is False and client.hint not in (None, *others):
            by_hint.setdefault(client.hint or "", []).append(client.client)
    for hint, clients in by_hint.items():
        yield _("{clients}: {hint}", clients=_(", ").join(clients), hint=hint)


def next_step(rule: Rule, finding: Finding, result: Result) -> str | None:  # noqa: ARG001, a finding tells why itself
    """What would settle a rule that is unknown: one sentence, or None where the target was not reached at all."""
    return settling(rule, result)
