"""How far one captured connection came, and what that makes of the server. Pure.

What a live audit may take for an answer is none here: a client that goes away waits no more, a capture that ends says
nothing of what came next, and bytes that were not captured may have been said.
"""

from __future__ import annotations

from dataclasses import dataclass

from probe.audit.attempt import Attempt
from probe.audit.capture_verdict_unknown import has_clock
from probe.audit.reading import Reading
from probe.audit.service import banner_of, service_of
from probe.capture.connection import Connection
from probe.handshake.machine import Ending, Malformed, Secured, Seen, Side
from probe.handshake.tls_progress import Encrypted
from probe.result import EndingName, Reached, Status
from probe.wire import mcs, tls_hello, x224
from probe.wire.nego import RequestData
from probe.wire.tls_version import TLS13

_TPKT = 3
_TSAP_PARAMETERS = (0xC0, 0xC1, 0xC2)  # TPDU size, calling and called TSAP: ITU-T X.224 13.3.4; RDP has none of them
SILENCE_S = 2.0  # a client that goes away sooner has not waited for an answer
_ANSWERED_WITHIN_S = 3.0  # a SYN that gets there; TCP sends it again after 1 s, and after 2 s more: RFC 6298 2.1, 5.5
_APPLICATION_DATA, _INNER_ALERT = 23, 19  # a record's type; an alert of TLS 1.3: level, description, type, tag
_RECORD_HEADER, _TPKT_HEADER = 5, 4
_MOST_SEEN = 1 << 16  # bytes of the client in which it is looked for application data
_PLACES: dict[type[object], Reached] = {
    x224.ConnectionRequest: "request",
    x224.ConnectionConfirm: "confirm",
    tls_hello.ClientHello: "client_hello",
    tls_hello.ServerHello: "server_hello",
    tls_hello.Certificate: "certificate",
    mcs.ConnectInitial: "initial",
    mcs.ConnectResponse: "settings",
}
_STATUS: dict[Ending, Status] = {
    Ending.REFUSED: "refused",
    Ending.FILTERED: "filtered",
    Ending.UNREACHABLE: "unreachable",
    Ending.CLOSED: "closed",
    Ending.RESET: "closed",
    Ending.COMPLETE: "closed",
}


@dataclass(frozen=True, slots=True)
class Course:
    """Where one connection was when it ended."""

    status: Status
    reached: Reached
    waited_s: float | None = None  # from the client's last message to its end of the connection, unanswered
    ending: EndingName | None = None  # where the server is not known to speak RDP
    service: str | None = None  # where it is known to speak something else
    banner: str | None = None


def course(connection: Connection, attempt: Attempt, reading: Reading) -> Course:
    """The course of a connection, from what its machines saw."""
    reached, waited = _reached(connection, attempt, reading), _waited(connection, attempt)
    if reading.spoke_rdp or (not _is_whole(connection) and _went_on(attempt)):
        return Course("rdp", reached, waited)
    service, banner = _foreign(connection, attempt, reading)
    if service is not None:
        return Course("not_rdp", reached, waited, attempt.ending.value, service, banner)
    if connection.ending == "timed_out" and _is_unanswered(connection):
        return Course("silent", reached, ending=Ending.TIMED_OUT.value)
    if waited is not None and waited >= SILENCE_S and _is_unanswered(connection):
        return Course("silent", reached, waited, attempt.ending.value)
    if _never_finishes(connection, attempt, reading):
        return Course("silent", reached, waited, attempt.ending.value)
    if attempt.ending is Ending.ABANDONED or reading.refusal is not None:
        return Course("closed", reached, waited, attempt.ending.value)
    if attempt.ending is Ending.TIMED_OUT:  # something came, and what was missing may have come later
        return Course("silent", reached, ending=Ending.INTERRUPTED.value)
    return Course(_STATUS.get(attempt.ending, "silent"), reached, waited, attempt.ending.value)


def captured_for_ms(connection: Connection) -> int | None:
    """Where a SYN is not answered because the capture may have ended too soon: how long after it that was."""
    if connection.ending != "unanswered" or connection.goes_on is None or not has_clock(connection):
        return None
    return round(connection.goes_on * 1000) if connection.goes_on < _ANSWERED_WITHIN_S else None


def _is_unanswered(connection: Connection) -> bool:
    """The client said something to a server whose every byte would be in the capture, and there is none."""
    return would_hear(connection) and connection.sent > 0 and not connection.received


def would_hear(connection: Connection) -> bool:
    """Whatever the server says would be in the capture: where nothing is, it said nothing."""
    return _is_whole(connection) and connection.syn_ack


def _is_whole(connection: Connection) -> bool:
    return connection.one_sided is None and not connection.gaps and not connection.truncated


def _went_on(attempt: Attempt) -> bool:
    """The client spoke TLS behind its request, as it does where the server confirmed that."""
    said = [type(event.message) for event in attempt.events if isinstance(event, Seen) and event.side is Side.CLIENT]
    return RequestData in said and tls_hello.ClientHello in said[said.index(RequestData) :]


def _never_finishes(connection: Connection, attempt: Attempt, reading: Reading) -> bool:
    """The client waited for the rest of an answer, however often a little more of it came."""
    if attempt.ending is not Ending.ABANDONED or not reading.unread or connection.pieces[-1].side is Side.CLIENT:
        return False
    asked = max(piece.at for piece in connection.pieces if piece.side is Side.CLIENT)
    return connection.ended - asked >= SILENCE_S


def _reached(connection: Connection, attempt: Attempt, reading: Reading) -> Reached:
    reached: Reached = "opened"
    encrypted = False
    for event in attempt.events:
        if isinstance(event, Seen):
            reached = _PLACES.get(type(event.message), reached)
        elif isinstance(event, Secured):
            reached = "secured"
        elif isinstance(event, Encrypted) and event.side is Side.SERVER:
            encrypted = True
    hello = reading.server_hello
    is_new = hello is not None and hello.selected_version >= TLS13 and not reading.resumed
    if reached == "server_hello" and encrypted and is_new:  # in TLS 1.3 the certificate is in what follows
        reached = "certificate"
    if reached == "secured" and _speaks_inside(connection, reading):
        return "inside"
    return reached


def _waited(connection: Connection, attempt: Attempt) -> float | None:
    if attempt.ending is not Ending.ABANDONED or not connection.pieces:
        return None
    last = connection.pieces[-1]
    return round(connection.ended - last.at, 3) if last.side is Side.CLIENT else None


def _speaks_inside(connection: Connection, reading: Reading) -> bool:
    """The client sent application data, by the types of its records; in TLS 1.3 beyond its Finished, or an alert."""
    hello = reading.server_hello
    left = 1 if hello is not None and hello.selected_version >= TLS13 else 0
    for kind, length in _records(_said(connection, Side.CLIENT)):
        if kind == _APPLICATION_DATA and length > _INNER_ALERT:
            left -= 1
    return left < 0


def _said(connection: Connection, side: Side) -> bytes:
    return b"".join(piece.data for piece in connection.pieces if piece.side is side)[:_MOST_SEEN]


def _records(said: bytes) -> list[tuple[int, int]]:
    """Type and length of each TLS record, behind packets and whatever else stands before the first."""
    at, found = 0, []
    while at + _TPKT_HEADER <= len(said) and said[at] == _TPKT:
        at += max(int.from_bytes(said[at + 2 : at + 4], "big"), _TPKT_HEADER)
    while at + _RECORD_HEADER <= len(said):
        length = int.from_bytes(said[at + 3 : at + 5], "big")
        found.append((said[at], length))
        at += _RECORD_HEADER + length
    return found


def _foreign(connection: Connection, attempt: Attempt, reading: Reading) -> tuple[str | None, str | None]:
    """The service that is not RDP and its first line; None where the server's bytes do not show that."""
    if reading.confirm is not None:
        return ("iso-tsap", None) if _is_of_another(connection, attempt, reading.confirm) else (None, None)
    first = next((piece for piece in connection.pieces if piece.side is Side.SERVER), None)
    if first is None or first.missing or first.data[:1] in (b"", bytes([_TPKT])):
        return None, None
    said = _said(connection, Side.SERVER)
    service = service_of(said)
    # What begins in the middle of a connection may be RDP inside TLS, or bytes of any kind.
    if not (connection.syn or connection.syn_ack) and service in ("tls", "unknown"):
        return None, None
    return service, None if service == "tls" else banner_of(said)


def _is_of_another(connection: Connection, attempt: Attempt, confirm: x224.ConnectionConfirm) -> bool:
    """A confirm without negotiation is RDP's only if RDP follows it: parameters, or what follows, may say otherwise."""
    asked = [event.message for event in attempt.events if isinstance(event, Seen)]
    request = next((each for each in asked if isinstance(each, RequestData)), None)
    if request is not None and (request.token is not None or request.negotiation is not None):
        return False
    unknown = request.unknown if request is not None else b""
    if any(said[:1] and said[0] in _TSAP_PARAMETERS for said in (confirm.variable, unknown)):
        return True
    return _is_whole(connection) and any(isinstance(event, Malformed) for event in attempt.events)
