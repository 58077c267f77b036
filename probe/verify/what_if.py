"""What a change of the server's settings would do to the known clients, as far as today's facts tell. Pure.

The facts are altered as such a server would show them once the change is made, and every client is walked through
them again (`diagnosis.clients`). Where today's facts do not tell what would be there, the answer is unknown, and a
note says why.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence

from probe.diagnosis.clients import evaluate
from probe.diagnosis.judged import judge
from probe.diagnosis.simulated import measured
from probe.errors import InputError
from probe.language import _
from probe.result import Client, Result, from_json, to_json
from probe.result.verification import ClientChange, WhatIf
from probe.verify import what_if_certificate as certificate
from probe.verify import what_if_groups as groups
from probe.verify import what_if_protocols as protocols
from probe.verify import what_if_tls as tls
from probe.verify.what_if_credssp import refuse_older, without_older
from probe.verify.what_if_language import Setting, parse
from probe.verify.what_if_measured import still_measured

__all__ = ["Setting", "altered", "cut_off", "parse", "what_if"]

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

    Raises InputError for a text that `parse` does not take.
    """
    settings = parse(text)
    changed, notes = _changed(result, settings)
    return WhatIf(change=text, clients=_compared(result, changed, settings), notes=notes)


def cut_off(change: str | None, result: Result) -> list[ClientChange]:
    """The clients that connect now and would not after a change; none where there is no change.

    A change that `parse` does not take cuts nobody off as far as anybody knows: rules make theirs out of what
    policies say, and no fault in there keeps a verification from being told.
    """
    try:
        settings = parse(change) if change else ()
    except InputError:
        return []
    if not settings:
        return []
    changed, _notes = _changed(result, settings)
    return [each for each in _compared(result, changed, settings) if _place(each) == 0]


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


def _compared(result: Result, changed: Result, settings: Sequence[Setting]) -> list[ClientChange]:
    """Every known client now and then, in the order that matters; of equals in the table's order."""
    now = {client.client: client for client in _clients_now(result)}
    kept = still_measured(result, changed, settings)
    then = without_older([kept.get(each.client, each) for each in evaluate(changed)], changed, settings)
    return sorted((_change(now.get(client.client), client) for client in then), key=_place)


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
