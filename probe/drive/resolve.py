"""Names to addresses. A name that does not resolve is a finding, not an error."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import UTC, datetime

import trio  # noqa: TID253 - this module is only imported when a name is to be resolved

from probe.audit.verdict_inside import timestamp
from probe.drive.names import tls_name
from probe.result import Depth, Result, Target


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A name without an address, and the resolver's words."""

    target: Target
    cause: str
    elapsed_s: float


async def resolve(target: Target, *, one_address: bool, timeout_s: float) -> list[Target] | Unresolved:
    """One target for each address of the name, in the resolver's order, or why there is none."""
    if target.address is not None:
        return [target]
    began = trio.current_time()
    cause = f"no answer from the resolver in {timeout_s:g} s"
    with trio.move_on_after(timeout_s):
        try:
            found = await trio.socket.getaddrinfo(
                tls_name(target.host) or target.host, target.port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            cause = (error.strerror if isinstance(error, OSError) else None) or str(error)
        else:
            addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
            chosen = addresses[:1] if one_address else addresses
            return [at_address(target, address) for address in chosen]
    return Unresolved(target, cause, trio.current_time() - began)


def at_address(target: Target, address: str) -> Target:
    """One address of a name."""
    return Target(input=target.input, host=target.host, port=target.port, address=address)


def unresolved_result(unresolved: Unresolved, depth: Depth) -> Result:
    """The result of a target whose name has no address."""
    return Result(
        target=unresolved.target,
        started=timestamp(datetime.now(UTC).timestamp()),
        elapsed_ms=round(unresolved.elapsed_s * 1000, 1),
        depth=depth,
        connections=0,
        bytes_sent=0,
        bytes_received=0,
        status="dns_error",
        cause=unresolved.cause,
    )
