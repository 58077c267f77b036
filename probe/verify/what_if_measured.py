"""Which clients that were measured would meet the same server as before, on their whole way in. Pure.

What --simulate saw holds after a change only where nothing that such a client met is another: then it is better than
what follows from the facts. Otherwise what follows counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probe.clients import CLIENTS
from probe.diagnosis.client_facts import deciding
from probe.diagnosis.simulated import measured
from probe.result import Client, Result, SimulatedRequest, Tls, to_json
from probe.verify import selectors
from probe.verify.what_if_language import Setting


def still_measured(result: Result, changed: Result, settings: Sequence[Setting]) -> Mapping[str, Client]:
    """The measured clients, by name, for which nothing changes; `settings` are those that were made."""
    ways = {CLIENTS[each.client].name: each.requests for each in result.simulated if each.client in CLIENTS}
    is_same = to_json(deciding(result)) == to_json(deciding(changed))
    return {
        client.client: client
        for client in measured(result)
        if all(
            _keeps_its_choice(request, settings) and (is_same or _is_same_way(request, result, changed))
            for request in ways[client.client]
        )
    }


def _keeps_its_choice(request: SimulatedRequest, settings: Sequence[Setting]) -> bool:
    """Whether the suite and the group that it met stay: the server chooses them again when others are gone."""
    for setting in settings:
        kind, _dot, off = setting.key.partition(".")
        if request.version is None or kind not in ("suites", "groups"):
            continue
        met = request.cipher_suite if kind == "suites" else request.group
        codes = selectors.all_of("suites" if kind == "suites" else "groups", setting.values)
        if met is None or (int(met.code, 16) in codes) is bool(off):
            return False
    return True


def _is_same_way(request: SimulatedRequest, result: Result, changed: Result) -> bool:
    """Whether the answer to one request is the same, and all that lay behind it."""
    if _protocols(request, result) != _protocols(request, changed):
        return False
    if (result.standard_rdp, result.credssp) != (changed.standard_rdp, changed.credssp):
        return False
    if [chain.chain for chain in result.certificates] != [chain.chain for chain in changed.certificates]:
        return False
    return request.version is None or _is_same_version(request.version, result.tls, changed.tls)


def _protocols(request: SimulatedRequest, result: Result) -> list[object]:
    protocols = result.negotiation.protocols if result.negotiation is not None else {}
    return [protocols.get(name) for name in request.requested or ("RDP",)]


def _is_same_version(version: str, before: Tls | None, after: Tls | None) -> bool:
    """The version that was met, and no newer one that has come."""
    return before is not None and after is not None and _served(before) >= _served(after) >= {version}


def _served(tls: Tls) -> set[str]:
    return {name for name, verdict in tls.versions.items() if verdict.state == "accepted"} | set(tls.answered)
