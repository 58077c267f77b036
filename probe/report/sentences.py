"""The verdict in words: what a result means, in one sentence; where a connection broke, as a path."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from probe.diagnosis.stored import stored
from probe.language import N_, _
from probe.report.escape import terminal
from probe.result import Diagnosis, EndingName, Result, State, Target, Verdict

_USUAL_PORT = 3389
_SERVICES = {
    "ssh": N_("An SSH server"),
    "http": N_("A web server"),
    "vnc": N_("A VNC server"),
    "smtp": N_("A mail server (SMTP)"),
    "ftp": N_("An FTP server"),
    "pop3": N_("A mail server (POP3)"),
    "imap": N_("A mail server (IMAP)"),
    "redis": N_("A Redis server"),
    "mysql": N_("A MySQL server"),
    "telnet": N_("A Telnet server"),
    "rtsp": N_("A camera or media server (RTSP)"),
    "sip": N_("A telephony server (SIP)"),
    "smb": N_("A file server (SMB)"),
    "tls": N_("A TLS server that does not speak RDP"),
    "iso-tsap": N_("Another ISO transport service, as of a PLC or H.323,"),
}
_ENDINGS: dict[EndingName, str] = {
    "complete": N_("complete"),
    "closed": N_("connection closed"),
    "reset": N_("connection reset"),
    "timed_out": N_("no answer"),
    "deadline": N_("no time left"),
    "too_much": N_("too much data"),
    "refused": N_("refused"),
    "filtered": N_("filtered"),
    "unreachable": N_("unreachable"),
    "abandoned": N_("the client went away"),
    "interrupted": N_("interrupted"),
}
STATES: dict[State, str] = {"accepted": N_("accepted"), "rejected": N_("rejected"), "unknown": N_("unknown")}
_NO_RDP = {
    "refused": N_("Nothing listens on {endpoint}: the connection was refused."),
    "filtered": N_("No answer from {endpoint}: the connection never opens."),
    "unreachable": N_("{endpoint} cannot be reached from here."),
    "silent": N_("Port {port} is open and stays silent: an RDP request gets no answer."),
    "closed": N_("Port {port} is open, but the server hangs up on an RDP request without an answer."),
    "dns_error": N_("The name {host} does not resolve."),
}
_LONGEST_NAME = 100
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？")  # noqa: RUF001  what Chinese sentences end in


class Advice(NamedTuple):
    """One likely cause and one next step."""

    cause: str
    step: str


_ADVICE = {
    "not_rdp": Advice(
        N_("the port belongs to another service, or is forwarded to another machine."),
        N_("look up which port Remote Desktop listens on (PortNumber in the registry), and ask that one."),
    ),
    "refused": Advice(
        N_("Remote Desktop is switched off there, or listens on another port."),
        N_("on the server, switch Remote Desktop on and see that its service runs."),
    ),
    "filtered": Advice(
        N_("a firewall drops the request, or the machine is off."),
        N_("allow TCP to this port in the firewalls between here and there, or ask from the server's own network."),
    ),
    "unreachable": Advice(
        N_("there is no route to it, or nothing has this address."),
        N_("check the address, the VPN, and the route from this machine."),
    ),
    "silent": Advice(
        N_("the service hangs, or something in between accepts connections in its name."),
        N_("ask from the server's own network; if it is as silent there, restart Remote Desktop Services."),
    ),
    "closed": Advice(
        N_("another service listens there, or the server or a firewall turns this machine away."),
        N_("ask from the server's own network, and look at the server's event log for this time."),
    ),
    "dns_error": Advice(
        N_("the name is misspelled, or this machine asks a DNS server that does not know it."),
        N_("try the full name with its domain, or the address."),
    ),
}


def ending_of(name: EndingName) -> str:
    """How a connection ended, in words."""
    return _(_ENDINGS[name])


def listed(words: Iterable[str]) -> str:
    """Names one after another."""
    return _(", ").join(words)


def advice(result: Result) -> Advice | None:
    """One cause and one next step for what is not RDP; the diagnosis knows better than the status."""
    if result.status not in _ADVICE:
        return None
    usual = Advice(*(_(words) for words in _ADVICE[result.status]))
    found = worst(result)
    if found is None:
        return usual
    return Advice((found.causes or [usual.cause])[0], (found.remedies or [usual.step])[0])


def why_no_version(found: Verdict) -> str:
    """What came in place of a ServerHello."""
    if found.ending is not None and found.reason in (None, found.ending):
        return ending_of(found.ending)
    if found.reason is None:
        return _("not asked")
    return terminal(stored(found.reason.removeprefix("alert ")).replace("TLSv", "TLS "), 40)


def worst(result: Result) -> Diagnosis | None:
    """What blocks everybody, if anything does; or, where no known client connects, what most of them fail by."""
    found = next((each for each in result.diagnoses if each.severity == "blocker"), None)
    if found is not None or any(client.connects for client in result.clients):
        return found
    failing = Counter(client.diagnosis for client in result.clients if client.connects is False)
    for each in result.diagnoses:
        if each.severity == "breaks_some" and failing[each.code] * 2 >= max(1, len(result.clients)):
            return each
    return None


def as_given(target: Target) -> str:
    """What asks the same server again, in the words of who asked, with the port if it is none that goes unsaid."""
    said = target.input
    if target.port == _USUAL_PORT or re.search(rf"(^[^:]*|\]):{target.port}$", said):
        return said
    return f"[{said}]:{target.port}" if ":" in said else f"{said}:{target.port}"


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
    if not sentence.endswith(_SENTENCE_ENDS):
        sentence = _("{sentence}.", sentence=sentence)
    more = _clients(result)
    return _("{sentence} {more}", sentence=sentence, more=more) if more else sentence


def _not_rdp(result: Result) -> str:
    port, answer = result.target.port, only_answer(result)
    if result.status == "not_rdp":
        return _foreign(result)
    if result.status == "silent" and _never_ends(result):
        return _(
            "Port {port} is open, but never ends an answer: {count} bytes in {seconds} s.",
            port=port,
            count=result.bytes_received,
            seconds=f"{result.elapsed_ms / 1000:.1f}",
        )
    if answer is not None:
        return _("Port {port} is open, but answers an RDP request only with this: {answer}.", port=port, answer=answer)
    host = terminal(result.target.host, _LONGEST_NAME)
    return _(_NO_RDP[result.status], endpoint=endpoint(result), port=port, host=host)


def _never_ends(result: Result) -> bool:
    """Answers were begun, and none was brought to an end in time."""
    attempts = result.negotiation.attempts if result.negotiation is not None else []
    return {attempt.answer for attempt in attempts} - {None} == {"incomplete"}


def _foreign(result: Result) -> str:
    service = _(_SERVICES.get(result.service or "", N_("Something that is not RDP")))
    if not result.banner:
        return _("{service} answers on {port}. Is the port right?", service=service, port=result.target.port)
    return _(
        "{service} answers on {port} ({banner}). Is the port right?",
        service=service,
        port=result.target.port,
        banner=terminal(result.banner, 80),
    )


def only_answer(result: Result) -> str | None:
    """What came in place of RDP on a connection that then went no further."""
    if result.status not in ("silent", "closed") or result.negotiation is None:
        return None
    answers = [attempt.answer for attempt in result.negotiation.attempts if attempt.answer is not None]
    return terminal(stored(answers[0]), 60) if answers else None


def _clients(result: Result) -> str:
    """How many connect, so that it agrees with what blocks everybody."""
    count, hopeless = len(result.clients), worst(result) is not None or broken(result) is not None
    able = sum(client.connects is True for client in result.clients)
    failing = sum(client.connects is False for client in result.clients)
    unknown = count - able - failing
    if not able and not failing:
        return _("No client can connect.") if hopeless else ""
    if not able and not unknown:
        return _("None of the {count} known clients can connect.", count=count)
    words = {"able": able, "failing": failing, "count": count, "unknown": unknown}
    if not able and unknown == 1:
        return _("{failing} of {count} known clients cannot connect, one is unknown.", **words)
    if not able:
        return _("{failing} of {count} known clients cannot connect, {unknown} are unknown.", **words)
    if unknown == 1:
        return _("{able} of {count} known clients can connect, one is unknown.", **words)
    if unknown:
        return _("{able} of {count} known clients can connect, {unknown} are unknown.", **words)
    return _("{able} of {count} known clients can connect.", **words)


def _served(result: Result) -> str:
    states = _states(result)
    nla = result.negotiation.nla if result.negotiation is not None else "unknown"
    tls, standard = states.get("SSL") == "accepted", states.get("RDP") == "accepted"
    if nla == "required":
        return _("RDP is served and NLA is required.")
    if nla == "offered":
        if tls or standard:
            return _("RDP is served; NLA is offered but not required.")
        return _("RDP is served with NLA; whether it is required was not settled.")
    if tls and standard:
        return _("RDP is served without NLA: over TLS, and with Standard RDP Security.")
    if tls:
        settled = _("RDP is served over TLS, without NLA.")
        return settled if nla == "unsupported" else _("RDP is served over TLS, without NLA; the rest is unknown.")
    if standard and nla == "unsupported":
        return _("RDP is served with Standard RDP Security only: no TLS, no NLA.")
    if standard:
        return _("RDP is served with Standard RDP Security only: no TLS, no NLA; the rest is unknown.")
    return _("RDP is served; what it requires could not be determined.")


def broken(result: Result) -> str | None:
    """What the facts alone say of a server on which no client gets through; None where one may."""
    if result.negotiation is None or result.status != "rdp":
        return None
    states = _states(result)
    if "accepted" not in states.values():
        failures = {found.failure for found in result.negotiation.protocols.values() if found.failure}
        if "SSL_CERT_NOT_ON_SERVER" in failures:
            return _("The server says that it has no certificate for TLS.")
        if failures:
            return _("RDP answers, and turns every security protocol away.")
    elif tls_dies(result) and states.get("RDP") != "accepted":
        return _("TLS is agreed on, then every handshake dies.")
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
        return [_("TCP ok"), _("X.224 request sent"), _first_ending(result)]
    if result.status != "rdp" or result.negotiation is None:
        return []
    steps = [_("TCP ok"), _("X.224 ok")]
    if "accepted" not in _states(result).values():
        reasons = [_why_not(found) for found in result.negotiation.protocols.values()]
        return [*steps, _("negotiation: {answers}", answers=_tally([reason for reason in reasons if reason]))]
    selected = [attempt.selected for attempt in result.negotiation.attempts if attempt.selected not in (None, "RDP")]
    protocol = terminal(selected[0] or "", 40) if selected else ""
    steps.append(_("negotiation: {protocol} selected", protocol=protocol) if selected else _("negotiation ok"))
    if tls_dies(result) and result.tls is not None:
        return [*steps, _("ClientHello sent"), _hellos(result.tls.versions)]
    if result.credssp is not None and result.credssp.version is None and result.credssp.ending is not None:
        return [*steps, _("TLS ok"), _("CredSSP request sent"), ending_of(result.credssp.ending)]
    return []


def _first_ending(result: Result) -> str:
    ending = only_answer(result) or ending_of(result.ending or "closed")
    same = {attempt.ending for attempt in result.attempts} <= {result.ending}
    return _counted(ending, result.connections, result.connections) if result.attempts and same else ending


def _why_not(found: Verdict) -> str:
    if found.failure is None and found.reason == "disconnect provider ultimatum":
        return _("disconnected")
    if found.failure is not None:
        return terminal(found.failure, 60)
    if found.reason is not None:
        return terminal(stored(found.reason), 60)
    return ending_of(found.ending) if found.ending else ""


def _hellos(versions: dict[str, Verdict]) -> str:
    reasons = [
        ending_of(found.ending) if found.ending else terminal(stored(found.reason or "rejected"), 60)
        for found in versions.values()
    ]
    numbers = sorted(terminal(name.removeprefix("TLSv"), 10) for name in versions)
    span = numbers[0] if len(numbers) == 1 else _("{first} to {last}", first=numbers[0], last=numbers[-1])
    return _tally(reasons, f"TLS {span}")


def _tally(reasons: Sequence[str], asked: str = "") -> str:
    """Each reason with how often it came: connection reset (3 of 4), no answer (1 of 4)."""
    return listed(_counted(reason, count, len(reasons), asked) for reason, count in Counter(reasons).most_common())


def _counted(words: str, count: int, most: int, asked: str = "") -> str:
    if asked:
        return _("{words} ({count} of {most}, {asked})", words=words, count=count, most=most, asked=asked)
    return _("{words} ({count} of {most})", words=words, count=count, most=most)
