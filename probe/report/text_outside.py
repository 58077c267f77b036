"""UDP and the RD Gateway's front door, one labeled line each, and the gateway's names."""

from __future__ import annotations

from collections.abc import Iterator

from probe.language import _
from probe.report.escape import terminal
from probe.result import Gateway, Ntlm, Result, Udp

_LONGEST = 80


def rows(result: Result) -> Iterator[tuple[str, str]]:
    """Labels and what stands behind them; nothing where nothing was asked."""
    if result.udp is not None:
        yield f"UDP {result.udp.port}", " · ".join(_udp(result.udp))
    if result.gateway is not None:
        yield _("Gateway"), " · ".join(_gateway(result.gateway))
        if result.gateway.ntlm is not None and (names := list(_names(result.gateway.ntlm))):
            yield "", _("its NTLM challenge names {names}", names=_(", ").join(names))


def _udp(udp: Udp) -> Iterator[str]:
    if udp.state == "open":
        yield _("open, RDP-UDP {version}", version=terminal((udp.version or "?").removesuffix(".0"), _LONGEST))
        yield _("MTU {up} up, {down} down", up=udp.up_mtu, down=udp.down_mtu)
        return
    if udp.state == "silent":
        yield _("no answer to {sent} datagrams (closed or filtered)", sent=udp.sent)
    elif udp.state == "refused":
        yield _("refused: ICMP says that nothing listens")
    elif udp.state == "unreachable":
        yield _("unreachable")
    elif udp.state == "malformed":
        yield _("something else answers: no SYN+ACK of RDP-UDP")
    else:
        yield _("not settled: the audit ended first")
    if udp.cause is not None and udp.state == "unreachable":
        yield terminal(udp.cause, _LONGEST)


def _gateway(gateway: Gateway) -> Iterator[str]:
    host = f"[{gateway.host}]" if ":" in gateway.host else gateway.host
    yield f"{terminal(host, _LONGEST)}:{gateway.port}"
    yield _what(gateway)
    if gateway.schemes:
        yield _("asks for {schemes}", schemes=_(", ").join(terminal(name, 40) for name in gateway.schemes))
    if gateway.server is not None:
        yield terminal(gateway.server, _LONGEST)


def _what(gateway: Gateway) -> str:
    """What answers there, in a few words."""
    status = terminal(f"{gateway.status or ''} {gateway.reason or ''}".strip(), _LONGEST)
    if gateway.state == "rd_gateway":
        return _("RD Gateway") if gateway.certainty == "certain" else _("RD Gateway (likely)")
    if gateway.state == "http":
        return _("another web server: {status}", status=status or _("an answer that cannot be read"))
    if gateway.state == "unknown" and gateway.status is not None:
        return _("a web server that wants a login for every path: whether it is an RD Gateway is not settled")
    if gateway.state == "silent":
        return _("no answer")
    if gateway.state == "unreachable" and gateway.cause is not None:
        return _("unreachable: {cause}", cause=terminal(gateway.cause, _LONGEST))
    return {
        "not_http": _("TLS, and no web server inside"),
        "tls_only": _("TLS, and no answer inside"),
        "tls_failed": _("TLS was begun and not agreed on"),
        "not_tls": _("something without TLS answers"),
        "refused": _("connection refused"),
        "unreachable": _("unreachable"),
        "closed": _("closed without an answer"),
    }.get(gateway.state, _("not settled: the audit ended first"))


def _names(ntlm: Ntlm) -> Iterator[str]:
    account = [name for name in (ntlm.netbios_domain or ntlm.target_name, ntlm.netbios_computer) if name]
    if account:
        yield "\\".join(terminal(name, _LONGEST) for name in account)
    if ntlm.dns_computer:
        yield terminal(ntlm.dns_computer, _LONGEST)
    if ntlm.os_build:
        yield _("build {build}", build=terminal(ntlm.os_build, 40))
