"""What a change of the server's settings would do to the known clients, as far as today's facts tell. Pure.

The facts are altered as such a server would show them once the change is made, and every client is walked through
them again (`diagnosis.clients`). Where today's facts do not tell what would be there, the answer is unknown, and a
note says why.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from probe.diagnosis.client_facts import deciding
from probe.diagnosis.clients import evaluate
from probe.diagnosis.judged import judge
from probe.diagnosis.simulated import measured
from probe.errors import InputError
from probe.language import N_, _
from probe.result import Client, Result, from_json, to_json
from probe.result.verification import ClientChange, WhatIf
from probe.verify import what_if_certificate as certificate
from probe.verify import what_if_groups as groups
from probe.verify import what_if_protocols as protocols
from probe.verify import what_if_tls as tls
from probe.verify.what_if_credssp import refuse_older, without_older
from probe.verify.what_if_language import Setting, normal, parse
from probe.verify.what_if_measured import still_measured

__all__ = ["Lost", "Setting", "altered", "cut_off", "lost_by", "parse", "what_if"]

# What --depth full adds is named by its option in every language; these are the others of which nobody asked.
_NOT_ASKED = (N_("TLS was not tried"), N_("CredSSP was not tried"), N_("Standard RDP Security was not tried"))
_SEEN_WHOLE = ("nla", "standard_rdp", "standard_rdp.level")  # of which every depth shows all
_Change = Callable[[Result, Setting, list[str]], None]


def _one(change: Callable[[Result, str, list[str]], None]) -> _Change:
    return lambda result, setting, notes: change(result, setting.value, notes)


def _several(change: Callable[[Result, Sequence[str], list[str]], None]) -> _Change:
    return lambda result, setting, notes: change(result, setting.values, notes)


_CHANGES: Mapping[str, _Change] = {  # in this order, whatever the order in which they were given
    "nla": _one(protocols.set_nla),
    "standard_rdp": _one(protocols.set_standard_rdp),
    "standard_rdp.level": _one(protocols.set_level),
    "tls.min": _one(tls.set_least),
    "tls.max": _one(tls.set_most),
    "tls.versions": _several(tls.set_versions),
    "certificate.key": _one(certificate.set_key),
    "certificate": _one(certificate.set_trust),
    "suites": _several(tls.set_suites),
    "suites.off": _several(tls.drop_suites),
    "groups": _several(groups.set_groups),
    "groups.off": _several(groups.drop_groups),
    "credssp.min": _one(refuse_older),
}


def altered(result: Result, settings: Sequence[Setting]) -> tuple[Result, list[str]]:
    """The result as it would be, judged, and sentences on what today's facts cannot tell of it.

    It is a copy without what was measured or recorded on connections (`attempts`, `simulated`): these show today's
    server. Where the target is not known to speak RDP nothing is altered.
    """
    changed, notes = _changed(result, settings)
    judge(changed)
    changed.clients = without_older(changed.clients, changed, settings)
    return changed, notes


def what_if(text: str, result: Result) -> WhatIf:
    """What becomes of every known client: those cut off first, those let in, those no longer known, the others.

    `open` names those of which nobody can say whether they would still connect, by the change or for want of asking.
    Raises InputError for a text that `parse` does not take.
    """
    settings = parse(text)
    changed, notes = _changed(result, settings)
    walked = _compared(result, changed, settings)
    is_so_now = _changes_nothing(result, changed, settings)
    return WhatIf(
        change=normal(settings),
        clients=[each.change for each in walked],
        open=[each.change.client for each in walked if each.is_open or (each.is_for_want_of_asking and not is_so_now)],
        notes=notes,
    )


def _changes_nothing(result: Result, changed: Result, settings: Sequence[Setting]) -> bool:
    """It is so already: what was not asked is not touched. Of suites and groups some may go that nobody saw."""
    return all(setting.key in _SEEN_WHOLE for setting in settings) and to_json(deciding(result)) == to_json(
        deciding(changed)
    )


@dataclass(frozen=True, slots=True)
class Lost:
    """Whom a change costs the way in."""

    cut_off: tuple[ClientChange, ...] = ()  # they connect now and would not
    open: tuple[str, ...] = ()  # names of those that it may cut off: today's facts do not tell


def lost_by(change: str | None, result: Result) -> Lost:
    """Who connects now and would not, or perhaps not, after a change; nobody where there is no change.

    A change that `parse` does not take cuts nobody off as far as anybody knows: rules make theirs out of what
    policies say, and no fault in there keeps a verification from being told.
    """
    try:
        settings = parse(change) if change else ()
    except InputError:
        return Lost()
    if not settings:
        return Lost()
    changed, _notes = _changed(result, settings)
    walked = _compared(result, changed, settings)
    return Lost(
        cut_off=tuple(each.change for each in walked if _place(each.change) == 0),
        open=tuple(each.change.client for each in walked if each.is_open),
    )


def cut_off(change: str | None, result: Result) -> list[ClientChange]:
    """The clients that connect now and would not after a change, as `lost_by` has them."""
    return list(lost_by(change, result).cut_off)


def _changed(result: Result, settings: Sequence[Setting]) -> tuple[Result, list[str]]:
    """A copy with other facts, not judged."""
    bare = copy.copy(result)
    bare.attempts, bare.simulated, bare.clients, bare.diagnoses = [], [], [], []
    changed, notes = from_json(to_json(bare)), list[str]()
    if result.status != "rdp":
        return changed, [_("the target is not known to speak RDP, so no client connects before or after")]
    for key, change in _CHANGES.items():
        for setting in settings:
            if setting.key == key:
                change(changed, setting, notes)
    return changed, list(dict.fromkeys(notes))


@dataclass(frozen=True, slots=True)
class _Walked:
    """One client now and then."""

    change: ClientChange
    because: str | None  # of its state now

    @property
    def is_open(self) -> bool:
        """It may lose the way in by the change, and the facts do not tell: either what is now, or what would be."""
        if self.change.after is None:
            return self.change.before is True or (self.change.before is None and self.change.because != self.because)
        return self.change.before is None and self.change.after is False

    @property
    def is_for_want_of_asking(self) -> bool:
        """Nobody can say it now or then, and asking for more might tell."""
        return self.change.after is None and _names_what_was_not_asked(self.change.because or "")


def _names_what_was_not_asked(because: str) -> bool:
    return "--depth full" in because or any(because == _(words) for words in _NOT_ASKED)


def _compared(result: Result, changed: Result, settings: Sequence[Setting]) -> list[_Walked]:
    """Every known client now and then, in the order that matters; of equals in the table's order."""
    now = {client.client: client for client in _clients_now(result)}
    kept = still_measured(result, changed, settings)
    then = without_older([kept.get(each.client, each) for each in evaluate(changed)], changed, settings)
    return sorted((_walked(now.get(client.client), client) for client in then), key=lambda each: _place(each.change))


def _walked(now: Client | None, then: Client) -> _Walked:
    return _Walked(_change(now, then), now.because if now is not None else None)


def _clients_now(result: Result) -> list[Client]:
    """Those that were measured as they were measured, the others as it follows."""
    known = copy.copy(result)
    known.clients = measured(result) if result.simulated else []
    return evaluate(known)


def _change(now: Client | None, then: Client) -> ClientChange:
    return ClientChange(
        client=then.client,
        before=now.connects if now is not None else None,
        after=then.connects,
        because=then.because,
        user_sees=then.user_sees,
        hint=then.hint,
    )


def _place(change: ClientChange) -> int:
    """Where it is told: cut off, let in, no longer known, and the rest."""
    if change.before and change.after is False:
        return 0
    if change.before is False and change.after:
        return 1
    return 2 if change.after is None and change.before is not None else 3
