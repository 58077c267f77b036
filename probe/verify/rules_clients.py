"""What a policy may demand of the known clients: who must still connect, and who must not."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Annotated

import msgspec

from probe.clients import CLIENTS
from probe.diagnosis import CATALOGUE
from probe.errors import InputError
from probe.language import _
from probe.needs import Needs
from probe.result import Client, Result
from probe.verify.meant import quoted
from probe.verify.rule import Finding, kind
from probe.verify.seen import not_known

_LONGEST = 60  # characters of a pattern that are compared; keys have less
_Clients = Annotated[list[Annotated[str, msgspec.Meta(min_length=1)]], msgspec.Meta(min_length=1)]


def keys_of(patterns: Sequence[str]) -> tuple[str, ...]:
    """The keys of the clients that any of these patterns fits, in the table's order."""
    return tuple(key for key in CLIENTS if any(fnmatchcase(key, pattern) for pattern in patterns))


def check_clients(patterns: Sequence[str]) -> None:
    """Refuse a pattern that no known client fits. Raises InputError with the nearest key."""
    for pattern in patterns:
        if not keys_of([pattern]):
            raise InputError(f"no known client is {quoted(pattern)}", _hint(pattern[:_LONGEST].lower()))


def _hint(pattern: str) -> str:
    """The key in small letters, a pattern of all that begin so, or the nearest key."""
    begun = [f"{pattern}*"] if any(key.startswith(pattern) for key in CLIENTS) else []
    near = [pattern] if keys_of([pattern]) else begun or get_close_matches(pattern, CLIENTS, 1, 0.5)
    return f'did you mean "{near[0]}"?' if near else f"known are {', '.join(CLIENTS)}"


def _needs(patterns: Sequence[str]) -> Needs:
    return Needs(standard=True, clients=frozenset(keys_of(patterns)))


@kind(
    "clients.must_connect",
    _Clients,
    says="Each of these clients (as --simulate names them, or patterns) can connect.",
    example='["mstsc-win1?", "freerdp3"]',
    needs=_needs,
    words=lambda value: _("can connect: {clients}", clients=_(", ").join(value)),
    validate=check_clients,
)
def must_connect(value: list[str], result: Result) -> Finding:
    """One that cannot is enough to fail."""
    clients, missing = _found(value, result)
    shut_out = [each for each in clients if each.connects is False]
    if shut_out:
        codes = [each.diagnosis for each in shut_out if each.diagnosis in CATALOGUE]
        return Finding(
            state="failed",
            message=_("cannot connect: {clients}", clients=_names(shut_out)),
            observed=_observed(clients),
            evidence=_because(shut_out),
            diagnosis=codes[0] if codes else None,
        )
    message = _("can connect: {clients}", clients=_names(clients))
    return _unless_open(clients, missing) or Finding(state="passed", message=message, observed=_observed(clients))


@kind(
    "clients.must_not_connect",
    _Clients,
    says="None of these clients (as --simulate names them, or patterns) can connect.",
    example='["mstsc-xp*"]',
    needs=_needs,
    words=lambda value: _("cannot connect: {clients}", clients=_(", ").join(value)),
    validate=check_clients,
)
def must_not_connect(value: list[str], result: Result) -> Finding:
    """One that can is enough to fail."""
    clients, missing = _found(value, result)
    let_in = [each for each in clients if each.connects]
    if let_in:
        return Finding(
            state="failed",
            message=_("can connect, and must not: {clients}", clients=_names(let_in)),
            observed=_observed(clients),
            evidence=_because(let_in),
        )
    message = _("cannot connect: {clients}", clients=_names(clients))
    return _unless_open(clients, missing) or Finding(state="passed", message=message, observed=_observed(clients))


def _found(patterns: Sequence[str], result: Result) -> tuple[list[Client], list[str]]:
    """What the result says of these clients, and the names of those that it says nothing of."""
    by_name = {each.client: each for each in result.clients}
    wanted = [CLIENTS[key].name for key in keys_of(patterns)]
    return [by_name[name] for name in wanted if name in by_name], [name for name in wanted if name not in by_name]


def _unless_open(clients: Sequence[Client], missing: Sequence[str]) -> Finding | None:
    for each in clients:
        if each.connects is None:
            why = each.because or _("a fact is missing")
            return not_known(_("whether {client} can connect is not known: {why}", client=each.client, why=why))
    if missing or not clients:
        return not_known(_("nothing is known of {clients}", clients=_(", ").join(missing) or _("these clients")))
    return None


def _names(clients: Sequence[Client]) -> str:
    return _(", ").join(each.client for each in clients)


def _observed(clients: Sequence[Client]) -> str:
    able = sum(each.connects is True for each in clients)
    return _("{able} of {count} can connect", able=able, count=len(clients))


def _because(clients: Sequence[Client]) -> tuple[str, ...]:
    return tuple(_("{name}: {said}", name=each.client, said=each.because or each.diagnosis or "?") for each in clients)
