"""A second pass behind an audit: the same server asked as certain clients, and what that showed put beside the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from probe.audit.settings import Settings
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.drive.tap import Tap
from probe.result import CertificateChain, Result, Target


async def simulate_too(
    result: Result,
    target: Target,
    clients: Iterable[str],
    settings: Settings,
    limits: Limits,
    *,
    tap: Tap | None = None,
) -> None:
    """Ask a target that was audited once more, as each of `clients` (keys of `probe.clients`) asks.

    What they are shown is added to `result`, with its connections: judge it again. `settings` are those of the audit;
    their `max_connections` is for both passes together, and the `limits` are for this pass by itself. Nothing is asked
    of what is not known to speak RDP or is lost, nor where no connection is left, which `limited` then says.
    """
    keys = tuple(dict.fromkeys(clients))
    if not keys or result.status != "rdp" or result.lost is not None:
        return
    left = None if settings.max_connections is None else settings.max_connections - result.connections
    if left is not None and left < 1:
        words = f"{settings.max_connections} connections are the most at this setting (--max-connections)"
        result.limited = result.limited or f"{words}; not asked: as {', '.join(keys)}"
        return
    behind = replace(
        settings,
        depth="standard",
        needs=None,
        max_connections=left,
        simulate=keys,
        licensing=False,
        udp=False,
        gateway=False,
    )
    merge(result, await audit(target, behind, limits, tap=tap))


def merge(result: Result, simulation: Result) -> None:
    """Add what asking as clients showed to the result of an audit of the same server."""
    asked = [result.depth] if result.asked is None else result.asked
    result.asked = [*(place for place in asked if place != "simulated"), "simulated"]
    anew = {each.client for each in simulation.simulated}
    result.simulated = [*(each for each in result.simulated if each.client not in anew), *simulation.simulated]
    for record in simulation.attempts:
        record.number += result.connections
        record.started_ms = round(record.started_ms + result.elapsed_ms, 1)
    result.attempts += simulation.attempts
    result.elapsed_ms = round(result.elapsed_ms + simulation.elapsed_ms, 1)
    result.connections += simulation.connections
    result.bytes_sent += simulation.bytes_sent
    result.bytes_received += simulation.bytes_received
    result.spent = dict(Counter(result.spent) + Counter(simulation.spent))
    result.lost = result.lost or simulation.lost
    result.limited = "; ".join(words for words in (result.limited, simulation.limited) if words) or None
    result.intermittent += [words for words in simulation.intermittent if words not in result.intermittent]
    if result.negotiation is not None and simulation.negotiation is not None:
        result.negotiation.attempts += simulation.negotiation.attempts
    result.standard_rdp = result.standard_rdp or simulation.standard_rdp
    result.tls = result.tls or simulation.tls
    result.credssp = result.credssp or simulation.credssp
    for chain in simulation.certificates:
        _add(chain, result.certificates)


def _add(chain: CertificateChain, served: list[CertificateChain]) -> None:
    """One chain that a client was served, which may be one that is there already."""
    for other in served:
        if [each.sha256 for each in other.chain] == [each.sha256 for each in chain.chain]:
            other.served_to = sorted({*other.served_to, *chain.served_to})
            return
    served.append(chain)
