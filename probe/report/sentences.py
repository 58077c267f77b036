"""The verdict in words: what a result means, in one sentence; where a connection broke, as a path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from probe.report.escape import terminal
from probe.result import Diagnosis, EndingName, Result, Verdict

_SERVICES = {
    "ssh": "An SSH server",
    "http": "A web server",
    "vnc": "A VNC server",
    "smtp": "A mail server (SMTP)",
    "ftp": "An FTP server",
    "pop3": "A mail server (POP3)",
    "imap": "A mail server (IMAP)",
    "redis": "A Redis server",
    "mysql": "A MySQL server",
    "telnet": "A Telnet server",
    "rtsp": "A camera or media server (RTSP)",
    "sip": "A telephony server (SIP)",
    "smb": "A file server (SMB)",
    "tls": "A TLS server that does not speak RDP",
    "iso-tsap": "Another ISO transport service, as of a PLC or H.323,",
}
ENDINGS: dict[EndingName, str] = {
    "complete": "complete",
    "closed": "connection closed",
    "reset": "connection reset",
    "timed_out": "no answer",
    "deadline": "no time left",
    "too_much": "too much data",
    "refused": "refused",
    "filtered": "filtered",
    "unreachable": "unreachable",
    "interrupted": "interrupted",
}
_LONGEST_NAME = 100


class Advice(NamedTuple):
    """One likely cause and one next step."""

    cause: str
    step: str


_ADVICE = {
    "not_rdp": Advice(
        "the port belongs to another service, or is forwarded to another machine.",
        "look up which port Remote Desktop listens on (PortNumber in the registry), and ask that one.",
    ),
    "refused": Advice(
        "Remote Desktop is switched off there, or listens on another port.",
        "on the server, switch Remote Desktop on and see that its service runs.",
    ),
    "filtered": Advice(
        "a firewall drops the request, or the machine is off.",
        "allow TCP to this port in the firewalls between here and there, or ask from the server's own network.",
    ),
    "unreachable": Advice(
        "there is no route to it, or nothing has this address.",
        "check the address, the VPN, and the route from this machine.",
    ),
    "silent": Advice(
        "the service hangs, or something in between accepts connections in its name.",
        "ask from the server's own network; if it is as silent there, restart Remote Desktop Services.",
    ),
    "closed": Advice(
        "another service listens there, or the server or a firewall turns this machine away.",
        "ask from the server's own network, and look at the server's event log for this time.",
    ),
    "dns_error": Advice(
        "the name is misspelled, or this machine asks a DNS server that does not know it.",
        "try the full name with its domain, or the address.",
    ),
}


def advice(result: Result) -> Advice | None:
    """One cause and one next step for what is not RDP; the diagnosis knows better than the status."""
    usual = _ADVICE.get(result.status)
    found = worst(result)
    if usual is None or found is None:
        return usual
    return Advice((found.causes or [usual.cause])[0], (found.remedies or [usual.step])[0])


def why_no_version(found: Verdict) -> str:
    """What came in place of a ServerHello."""
    if found.ending is not None and found.reason in (None, found.ending):
        return ENDINGS[found.ending]
    return terminal((found.reason or "not asked").removeprefix("alert ").replace("TLSv", "TLS "), 40)


def worst(result: Result) -> Diagnosis | None:
    """What blocks everybody, if anything does."""
    return next((found for found in result.diagnoses if found.severity == "blocker"), None)


def endpoint(result: Result) -> str:
    """Address and port, as they were asked."""
    host = terminal(result.target.address or result.target.host, _LONGEST_NAME)
    return f"[{host}]:{result.target.port}" if ":" in host else f"{host}:{result.target.port}"


def verdict(result: Result) -> str:
    """The verdict in one or two sentences."""
    if result.status != "rdp":
        return _not_rdp(result)
    blocker = worst(result)
    sentence = terminal(blocker.summary) if blocker is not None else broken(result) or _served(result)
    if not sentence.endswith((".", "!", "?", "…")):
        sentence += "."
    return " ".join(part for part in (sentence, _clients(result, sentence)) if part)


def _not_rdp(result: Result) -> str:
    host, port = terminal(result.target.host, _LONGEST_NAME), result.target.port
    if result.status == "not_rdp":
        service = _SERVICES.get(result.service or "", "Something that is not RDP")
        banner = f" ({terminal(result.banner, 80)})" if result.banner else ""
        return f"{service} answers on {port}{banner}. Is the port right?"
    if (answer := only_answer(result)) is not None:
        return f"Port {port} is open, but answers an RDP request only with this: {answer}."
    if result.status == "silent" and result.bytes_received:
        seconds = result.elapsed_ms / 1000
        return f"Port {port} is open, but never ends an answer: {result.bytes_received} bytes in {seconds:.1f} s."
    sentences = {
        "refused": f"Nothing listens on {endpoint(result)}: the connection was refused.",
        "filtered": f"No answer from {endpoint(result)}: the connection never opens.",
        "unreachable": f"{endpoint(result)} cannot be reached from here.",
        "silent": f"Port {port} is open and stays silent: an RDP request gets no answer.",
        "closed": f"Port {port} is open, but the server hangs up on an RDP request without an answer.",
        "dns_error": f"The name {host} does not resolve.",
    }
    return sentences[result.status]


def only_answer(result: Result) -> str | None:
    """What came in place of RDP on a connection that then went no further."""
    if result.status not in ("silent", "closed") or result.negotiation is None:
        return None
    answers = [attempt.answer for attempt in result.negotiation.attempts if attempt.answer is not None]
    return terminal(answers[0], 60) if answers else None


def _clients(result: Result, said: str) -> str:
    known = [client for client in result.clients if client.connects is not None]
    if "No client can connect" in said:
        return ""
    if not known:
        return "No client can connect." if worst(result) is not None else ""
    able = sum(client.connects is True for client in known)
    return f"{able} of {len(known)} known clients can connect."


def _served(result: Result) -> str:
    states = _states(result)
    nla = result.negotiation.nla if result.negotiation is not None else "unknown"
    tls, standard = states.get("SSL") == "accepted", states.get("RDP") == "accepted"
    if nla == "required":
        return "RDP is served and NLA is required."
    if nla == "offered":
        if tls or standard:
            return "RDP is served; NLA is offered but not required."
        return "RDP is served with NLA; whether it is required was not settled."
    if tls and standard:
        return "RDP is served without NLA: over TLS, and with Standard RDP Security."
    if tls or standard:
        how = "over TLS, without NLA" if tls else "with Standard RDP Security only: no TLS, no NLA"
        return f"RDP is served {how}." if nla == "unsupported" else f"RDP is served {how}; the rest is unknown."
    return "RDP is served; what it requires could not be determined."


def broken(result: Result) -> str | None:
    """What the facts alone say of a server on which no client gets through; None where one may."""
    if result.negotiation is None or result.status != "rdp":
        return None
    states = _states(result)
    if "accepted" not in states.values():
        failures = {found.failure for found in result.negotiation.protocols.values() if found.failure}
        if "SSL_CERT_NOT_ON_SERVER" in failures:
            return "The server says that it has no certificate for TLS. No client can connect."
        if failures:
            return "RDP answers, and turns every security protocol away. No client can connect."
    elif tls_dies(result) and states.get("RDP") != "accepted":
        return "TLS is agreed on, then every handshake dies. No client can connect."
    return None


def _states(result: Result) -> dict[str, str]:
    if result.negotiation is None:
        return {}
    return {name: found.state for name, found in result.negotiation.protocols.items()}


def tls_dies(result: Result) -> bool:
    """TLS was tried, and no ServerHello ever came."""
    tls = result.tls
    return (
        tls is not None
        and tls.handshake is None
        and bool(tls.versions)
        and not any(tls.cipher_suites.values())
        and all(found.state != "accepted" for found in tls.versions.values())
    )


def path(result: Result) -> list[str]:
    """How far connections got, step by step, and what happened there; empty where they got through."""
    if result.status in ("silent", "closed"):
        return ["TCP ok", "X.224 request sent", _first_ending(result)]
    if result.status != "rdp" or result.negotiation is None:
        return []
    steps = ["TCP ok", "X.224 ok"]
    if "accepted" not in _states(result).values():
        reasons = [_why_not(found) for found in result.negotiation.protocols.values()]
        return [*steps, f"negotiation: {_tally([reason for reason in reasons if reason])}"]
    selected = [attempt.selected for attempt in result.negotiation.attempts if attempt.selected not in (None, "RDP")]
    steps.append(f"negotiation: {terminal(selected[0] or '', 40)} selected" if selected else "negotiation ok")
    if tls_dies(result) and result.tls is not None:
        return [*steps, "ClientHello sent", _hellos(result.tls.versions)]
    if result.credssp is not None and result.credssp.version is None and result.credssp.ending is not None:
        return [*steps, "TLS ok", "CredSSP request sent", ENDINGS[result.credssp.ending]]
    return []


def _first_ending(result: Result) -> str:
    ending = only_answer(result) or ENDINGS[result.ending or "closed"]
    same = {attempt.ending for attempt in result.attempts} <= {result.ending}
    return f"{ending} ({result.connections} of {result.connections})" if result.attempts and same else ending


def _why_not(found: Verdict) -> str:
    if found.reason == "disconnect provider ultimatum":
        return "disconnected"
    return terminal(found.failure or found.reason or "", 60) or (ENDINGS[found.ending] if found.ending else "")


def _hellos(versions: dict[str, Verdict]) -> str:
    reasons = [
        ENDINGS[found.ending] if found.ending else terminal(found.reason or "rejected", 60)
        for found in versions.values()
    ]
    numbers = sorted(terminal(name.removeprefix("TLSv"), 10) for name in versions)
    span = numbers[0] if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
    return _tally(reasons, f", TLS {span}")


def _tally(reasons: Sequence[str], more: str = "") -> str:
    """Each reason with how often it came: connection reset (3 of 4), no answer (1 of 4)."""
    counted = Counter(reasons).most_common()
    return ", ".join(f"{reason} ({count} of {len(reasons)}{more})" for reason, count in counted)
