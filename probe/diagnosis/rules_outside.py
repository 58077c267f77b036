"""What proves the diagnoses of UDP and of the RD Gateway's front door, where they were asked for."""

from __future__ import annotations

from collections.abc import Iterator

from probe.diagnosis import catalogue_outside as catalogue
from probe.diagnosis.rule import Cause, Evidence, finds
from probe.language import _
from probe.result import Gateway, Ntlm, Result

_WITHOUT_UDP = ("xrdp", "freerdp", "weston")
_METHOD_NOT_TAKEN = (400, 403, 405, 501)
_NO_POOL = 503  # IIS, where the application behind a path is stopped


@finds(catalogue.UDP_UNREACHABLE, needs="udp")
def udp_unreachable(result: Result) -> Iterator[Evidence]:
    """The SYN was asked for, and nobody took it; an answer that is no SYN+ACK is something else."""
    udp = result.udp
    if udp is None or udp.state not in ("silent", "refused", "unreachable"):
        return
    where = _where(result.target.address or result.target.host, udp.port)
    if udp.state == "silent":
        said = _("{sent} SYN datagrams to UDP {where} were not answered", sent=udp.sent, where=where)
    elif udp.state == "refused":
        said = _("a SYN datagram to UDP {where} was answered by ICMP: nothing listens there", where=where)
    else:
        said = _("UDP {where} cannot be reached: {cause}", where=where, cause=udp.cause or "?")
    excludes = (catalogue.UDP_TURNED_AWAY,) if udp.state == "silent" else ()
    if udp.state == "refused":  # an answer came back: nothing on the way drops what is sent
        excludes = (catalogue.UDP_FILTERED,)
    yield Evidence(said=said, likeliest=_why_no_udp(result), excludes=excludes)


def _why_no_udp(result: Result) -> Cause | None:
    server = result.server
    if server is not None and server.kind in _WITHOUT_UDP:
        return catalogue.UDP_NOT_KNOWN
    return catalogue.UDP_FILTERED if result.udp is not None and result.udp.state == "silent" else None


@finds(catalogue.GATEWAY_UNREACHABLE, needs="gateway")
def gateway_unreachable(result: Result) -> Iterator[Evidence]:
    """The front door was asked for, and what answered, if anything, is no RD Gateway."""
    gateway = result.gateway
    if gateway is None or gateway.state in ("rd_gateway", "unknown"):
        return
    where = _where(gateway.host, gateway.port)
    yield Evidence(
        said=_("{where}: {what}", where=where, what=_instead(gateway)),
        likeliest=_why_no_gateway(gateway),
        facts={"where": where},
    )


def _instead(gateway: Gateway) -> str:
    """What came in place of a gateway's answer."""
    if gateway.state == "http":
        if gateway.status is None:
            return _("RDG_OUT_DATA was answered by HTTP that cannot be read")
        status = f"{gateway.status} {gateway.reason or ''}".rstrip()
        if not gateway.schemes:
            return _("RDG_OUT_DATA was answered by HTTP {status}", status=status)
        schemes = _(", ").join(gateway.schemes)
        return _("RDG_OUT_DATA was answered by HTTP {status}, asking for {schemes}", status=status, schemes=schemes)
    if gateway.state == "unreachable" and gateway.cause is not None:
        return _("it cannot be reached: {cause}", cause=gateway.cause)
    return {
        "not_http": _("TLS was agreed on, and what speaks inside is no web server"),
        "tls_only": _("TLS was agreed on, and RDG_OUT_DATA was not answered"),
        "tls_failed": _("TLS was not agreed on"),
        "not_tls": _("what answers speaks no TLS"),
        "refused": _("the connection was refused"),
        "unreachable": _("it cannot be reached"),
        "silent": _("nothing answers"),
    }.get(gateway.state, _("the connection was closed without an answer"))


def _why_no_gateway(gateway: Gateway) -> Cause | None:
    if gateway.state == "http" and gateway.status in _METHOD_NOT_TAKEN:
        return catalogue.GATEWAY_PROXY_METHOD
    if gateway.state == "refused" or gateway.status == _NO_POOL:
        return catalogue.GATEWAY_DOWN
    if gateway.state in ("http", "not_http", "not_tls", "tls_only"):
        return catalogue.GATEWAY_ELSEWHERE
    return catalogue.GATEWAY_FILTERED if gateway.state == "silent" else None


@finds(catalogue.GATEWAY_NAME_LEAK, needs="gateway")
def gateway_name_leak(result: Result) -> Iterator[Evidence]:
    """The gateway's NTLM challenge tells names that are not those it was asked by."""
    gateway = result.gateway
    if gateway is None or gateway.state != "rd_gateway" or gateway.ntlm is None:
        return
    told: dict[str, str] = {}
    for name in _names(gateway.ntlm):
        if not _is_public(name, gateway.host):
            told.setdefault(name.casefold(), name)
    if told:
        names = _(", ").join(told.values())
        said = _("its NTLM challenge, which needs no login, names {names}", names=names)
        summary = _("The RD Gateway tells anybody the names of internal machines: {names}.", names=names)
        yield Evidence(said=said, summary=summary if gateway.certainty == "certain" else None, facts={"names": names})


def _names(ntlm: Ntlm) -> Iterator[str]:
    fields = (ntlm.dns_computer, ntlm.netbios_computer, ntlm.dns_domain, ntlm.netbios_domain, ntlm.dns_tree)
    yield from (name for name in (*fields, ntlm.target_name) if name)


def _is_public(name: str, host: str) -> bool:
    """Whether a name is one that who asked the gateway had to know: the host's, its first label, or its domains'."""
    asked, named = host.casefold().rstrip("."), name.casefold().rstrip(".")
    return named == asked or named == asked.partition(".")[0] or asked.endswith(f".{named}")


def _where(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
