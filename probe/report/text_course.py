"""How far a captured connection came, one step after another, each with the frame that says so.

TCP ok > X.224 request (frame 4) > HYBRID_EX selected (frame 5) > ClientHello (frame 7) > … > ended by the client: reset
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probe.diagnosis.stored import stored
from probe.language import N_, _
from probe.report.escape import terminal
from probe.report.sentences import listed
from probe.result import Capture, CapturedMessage, NegotiationAttempt, Result

_MOST_SPANS = 6
_HALF_OPEN = 3  # frames: SYN, SYN+ACK, RST
_SIDES = {"client": N_("the client"), "server": N_("the server")}
# What a result calls a message, and what it is called here; what is missing says nothing beside another.
_NAMES = {
    "RDP-UDP SYN": "SYN",
    "RDP-UDP SYN+ACK": "SYN+ACK",
    "preconnection PDU": N_("preconnection PDU"),
    "X.224 Connection Request": N_("X.224 request"),
    "X.224 Connection Request, not whole": N_("X.224 request, cut"),
    "X.224 Disconnect Request": N_("X.224 disconnect request"),
    "X.224 Error": N_("X.224 error"),
    "MCS Connect-Initial": "MCS Connect Initial",
    "MCS Connect-Response": "MCS Connect Response",
    "MCS Disconnect Provider Ultimatum": "MCS Disconnect Provider Ultimatum",
    "SSLv2 CLIENT-HELLO": "SSLv2 CLIENT-HELLO",
    "SSLv2 SERVER-HELLO": "SSLv2 SERVER-HELLO",
    "SSLv2 ERROR": "SSLv2 ERROR",
    "TLS ClientHello": "ClientHello",
    "TLS HelloRetryRequest": "HelloRetryRequest",
    "TLS Certificate": N_("certificate"),
    "CredSSP TSRequest": "CredSSP",
    "NTLM NEGOTIATE": "NTLM NEGOTIATE",
    "NTLM CHALLENGE": "NTLM CHALLENGE",
    "NTLM AUTHENTICATE": "NTLM AUTHENTICATE",
    "RDSTLS capabilities": N_("RDSTLS capabilities"),
    "RDS-AAD server nonce": N_("RDS-AAD server nonce"),
    "bytes that cannot be read": N_("bytes that cannot be read"),
}


def frames(numbers: Sequence[int]) -> str:
    """Numbers as Wireshark has them: "frame 7", "frames 14-16, 19"."""
    spans: list[list[int]] = []
    for number in sorted(set(numbers)):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in spans[:_MOST_SPANS]]
    words = listed([*shown, "…"] if len(spans) > _MOST_SPANS else shown)
    return _("frame {number}", number=words) if len(set(numbers)) == 1 else _("frames {numbers}", numbers=words)


def at(words: str, numbers: Sequence[int]) -> str:
    """Words with the frames that say so, where that is known."""
    return _("{words} ({frames})", words=words, frames=frames(numbers)) if numbers else words


def ending_words(capture: Capture) -> str:
    """How the connection ended, and who did it: "the server reset it (frame 9)"."""
    by = _(_SIDES[capture.ended_by]) if capture.ended_by is not None else _("somebody")
    numbers = [capture.ended_packet] if capture.ended_packet is not None else []
    if capture.ending == "closed":
        return at(_("{side} closed it", side=by), numbers)
    if capture.ending == "reset":
        return at(_("{side} reset it", side=by), numbers)
    others = {
        "open": _("the capture ends there"),
        "timed_out": _("nothing more came"),
        "refused": _("the SYN was answered by a reset"),
        "unanswered": _("the SYN was not answered"),
        "unreachable": _("the network says that there is no way"),
    }
    return at(others.get(capture.ending, terminal(capture.ending, 40)), numbers)


def course(result: Result) -> list[str]:
    """The steps, and how it ended; empty for a result that is of no capture."""
    capture = result.capture
    if capture is None:
        return []
    if capture.transport == "udp":
        return list(_datagrams(result, capture))
    if result.status in ("refused", "unreachable", "filtered"):
        return [_("SYN sent"), ending_words(capture)]
    return [*_opened(capture), *_said(result, capture), _ended(capture)]


def _datagrams(result: Result, capture: Capture) -> Iterator[str]:
    yield from _said(result, capture)
    if result.udp is not None and result.udp.state == "silent":
        yield _("no answer")


def is_half_open(capture: Capture) -> bool:
    """The client answered the server's SYN by a reset: TCP never was open between them."""
    reset = capture.ending == "reset" and capture.ended_by == "client"
    return reset and capture.syn and capture.syn_ack and capture.packet_count == _HALF_OPEN


def _opened(capture: Capture) -> Iterator[str]:
    """TCP itself, as far as its opening is in the capture."""
    if is_half_open(capture):
        yield from (_("SYN sent"), _("SYN answered"))
    elif capture.syn and capture.syn_ack:
        yield _("TCP ok")
    elif capture.syn:
        yield _("SYN sent")
    elif capture.syn_ack:
        yield _("SYN answered")
    else:
        yield _("TCP opened before the capture")


def _said(result: Result, capture: Capture) -> Iterator[str]:
    """The messages that were read, those that follow one another alike as one."""
    last: tuple[str, list[int]] | None = None
    messages = [(message.packets, words) for message in capture.evidence if (words := _words(message, result))]
    if capture.encrypted_from is not None and not capture.decrypted:
        messages.append(([capture.encrypted_from], _("encrypted from there on")))
    for packets, words in sorted(messages, key=lambda message: message[0][:1]):
        if last is not None and last[0] == words:
            last[1].extend(packets)
            continue
        if last is not None:
            yield at(*last)
        last = words, list(packets)
    if last is not None:
        yield at(*last)


def _words(message: CapturedMessage, result: Result) -> str | None:
    """A message in a few words; None for one that says nothing beside another."""
    if message.what == "X.224 Connection Confirm":
        return _confirm(next(iter(result.negotiation.attempts), None) if result.negotiation is not None else None)
    if message.what in ("TLS alert", "encrypted TLS alert"):
        return _alert(message, result)
    if message.what == "TLS ServerHello":
        made = result.tls.handshake if result.tls is not None else None
        return (
            f"ServerHello {terminal(made.version, 20).replace('TLSv', 'TLS ')}" if made is not None else "ServerHello"
        )
    name = _NAMES.get(message.what)
    return _(name) if name is not None else None


def _alert(message: CapturedMessage, result: Result) -> str:
    """Whose alert it is, and which, where it can be read."""
    side = _("the client's alert") if message.side == "client" else _("the server's alert")
    if message.what == "encrypted TLS alert":
        return _("{side}, encrypted", side=side)
    client = result.capture.client_side if result.capture is not None else None
    name = (client.alert if client is not None else None) if message.side == "client" else server_alert(result)
    return _("{side} {name}", side=side, name=terminal(name, 60)) if name is not None else side


def server_alert(result: Result) -> str | None:
    """The TLS alert that the server sent in clear text, by its registered name."""
    if result.tls is None:
        return None
    found = [result.tls.handshake_failure, *result.tls.versions.values()]
    reasons = [each.reason for each in found if each is not None and each.reason is not None]
    return next((reason.removeprefix("alert ") for reason in reasons if reason.startswith("alert ")), None)


def _confirm(attempt: NegotiationAttempt | None) -> str:
    if attempt is None:
        return _("X.224 confirm")
    if attempt.failure is not None:
        return terminal(attempt.failure, 60)
    if attempt.selected is not None:
        return _("{protocol} selected", protocol=terminal(attempt.selected, 40))
    return terminal(stored(attempt.answer), 60) if attempt.answer is not None else _("X.224 confirm")


def _ended(capture: Capture) -> str:
    """The last step: who ended it, and how."""
    if capture.ended_by is None or capture.ending not in ("closed", "reset"):
        return ending_words(capture)
    by = _("ended by the client") if capture.ended_by == "client" else _("ended by the server")
    how = _("closed") if capture.ending == "closed" else _("reset")
    return at(_("{by}: {how}", by=by, how=how), [capture.ended_packet] if capture.ended_packet is not None else [])
