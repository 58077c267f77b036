"""What --simulate measured, for a person: each client's verdict, and where it failed how far it came."""

from __future__ import annotations

from collections.abc import Iterator

from probe.clients import CLIENTS
from probe.diagnosis.simulated import NO_TICKET, why
from probe.language import N_, _
from probe.report.escape import terminal
from probe.report.page import Page
from probe.report.sentences import ending_of
from probe.result import Client, Result, SimulatedRequest

_LONGEST = 600
_INSIDE = {"credssp": N_("CredSSP request sent"), "settings": N_("basic settings sent")}


def simulation(result: Result, page: Page) -> None:
    """The verdicts, one client after the other; the path of one that does not connect."""
    for number, client in enumerate(result.clients):
        if number and not (client.connects and result.clients[number - 1].connects):
            page.blank()
        _client(client, page)
        if not client.connects:
            for steps in paths(result, client):
                page.path(steps, indent=2)
            _advice(client, page)
    for words in dict.fromkeys(client.because for client in result.clients if client.connects):
        page.blank()
        page.paragraph(_("Measured: {how}.", how=terminal(words or "", _LONGEST)), indent=2)


def verdict_of(client: Client) -> str:
    """One sentence: "FreeRDP 2.11 connects: HYBRID, TLSv1.3, TLS_AES_256_GCM_SHA384 (measured)"."""
    name = terminal(client.client, 80)
    how = _(", ").join(terminal(each, 80) for each in (client.protocol, client.version, client.cipher_suite) if each)
    if client.connects:
        return _("{client} connects: {how} (measured)", client=name, how=how)
    why = terminal(client.because or "", _LONGEST)
    if client.connects is None:
        return _("Whether {client} connects is not known: {why}", client=name, why=why)
    if client.fails_at == "certificate":  # judged by what the client demands: `because` says what was measured
        return _("{client} cannot connect: {why}", client=name, why=why)
    return _("{client} cannot connect: {why} (measured)", client=name, why=why)


def _client(client: Client, page: Page) -> None:
    sentence, code = verdict_of(client), client.diagnosis or ""
    if page.fits(sentence, code):
        page.line((sentence, "bold"), right=code)
    else:
        page.paragraph(sentence, style="bold")
        if code:
            page.line(right=code)


def _advice(client: Client, page: Page) -> None:
    if client.user_sees is not None:
        page.paragraph(_('They see: "{words}"', words=terminal(client.user_sees, _LONGEST)), indent=2)
    if client.hint is not None:
        page.paragraph(_("To connect: {hint}.", hint=terminal(client.hint, _LONGEST)), indent=2)


def paths(result: Result, client: Client) -> list[list[str]]:
    """How far each request of a client came, step by step."""
    for each in result.simulated:
        profile = CLIENTS.get(each.client)
        if profile is not None and profile.name == client.client:
            return [list(_steps(request)) for request in each.requests]
    return []


def _steps(request: SimulatedRequest) -> Iterator[str]:
    if request.stage == "tcp":
        yield ending_of(request.ending or "closed")
        return
    yield _("TCP ok")
    asked = "+".join(terminal(name, 20) for name in request.requested)
    yield _("asked for {protocols}", protocols=asked) if asked else _("asked without RDP_NEG_REQ")
    if request.failure is not None:
        yield terminal(request.failure, 60)
        return
    if request.selected is not None:
        yield _("{protocol} selected", protocol=terminal(request.selected, 20))
    if request.version is not None:
        suite = f" {request.cipher_suite.name}" if request.cipher_suite is not None else ""
        yield terminal(f"{request.version}{suite}", 100)
    elif request.stage == "tls":
        yield _("ClientHello sent")
    if request.stage in _INSIDE and request.reason != NO_TICKET:
        yield _(_INSIDE[request.stage])
    yield _("ok") if request.connects else terminal(why(request), 100)
