"""What a server that demands a newer CredSSP of its clients would turn away. Pure.

Windows does so with the policy Encryption Oracle Remediation at "Force Updated Clients" (CVE-2018-0886, KB4093492). No
fact of a result says so of a server, so the clients themselves are walked again, with a CredSSP that no server takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from probe.clients import CLIENTS
from probe.clients.profile import ClientProfile
from probe.diagnosis.client_walk import Outcome
from probe.diagnosis.clients import walk
from probe.language import _
from probe.result import Client, Result
from probe.verify.what_if_language import Setting

_NEVER = 1 << 16  # a TSRequest version that no server has
_BY_NAME = {profile.name: profile for profile in CLIENTS.values()}


def refuse_older(result: Result, value: str, notes: list[str]) -> None:
    """Say what is not known of it; who is turned away is found by `without_older`."""
    section = result.credssp
    if section is None:
        notes.append(_("CredSSP is not known to be served today"))
    elif section.version is not None and section.version < int(value):
        own = section.version
        notes.append(_("the server's CredSSP has version {own}, too old to demand {least}", own=own, least=value))


def without_older(clients: Iterable[Client], result: Result, settings: Sequence[Setting]) -> list[Client]:
    """The same clients; those whose CredSSP is older than the server then takes get as far as they do without it."""
    least = max((int(setting.value) for setting in settings if setting.key == "credssp.min"), default=0)
    if result.credssp is None or (result.credssp.version or 0) < least:
        return list(clients)
    return [_without(client, _BY_NAME.get(client.client), least, result) for client in clients]


def _without(client: Client, profile: ClientProfile | None, least: int, result: Result) -> Client:
    if profile is None or profile.credssp is None or profile.credssp.version >= least or client.connects is False:
        return client
    if client.protocol not in ("HYBRID", "HYBRID_EX"):
        return client
    outcome = walk(replace(profile, credssp=replace(profile.credssp, oldest_server=_NEVER)), result)
    return _described(client, profile, outcome, least)


def _described(client: Client, profile: ClientProfile, outcome: Outcome, least: int) -> Client:
    """By another protocol, or not at all."""
    own = profile.credssp.version if profile.credssp is not None else 0
    because = _("its CredSSP has version {own}, and the server would take {least} or newer", own=own, least=least)
    failed = outcome.connects is False
    return Client(
        client=client.client,
        connects=outcome.connects,
        fails_at=outcome.stage if failed else None,
        hint=_("install the client's updates of May 2018 or later (CVE-2018-0886)") if failed else None,
        protocol=outcome.protocol,
        version=outcome.version,
        cipher_suite=outcome.cipher_suite,
        because=because if failed else outcome.because,
    )
