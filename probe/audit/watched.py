"""A connection from a capture: the machines watch both sides, and the client's bytes are the question.

A live audit knows what it asked; here that is read from what the client sent. All else is the same: events, endings,
an `Attempt`, and from there on the verdict does not know where it came from.
"""

from __future__ import annotations

from collections.abc import Sequence

from probe.audit.attempt import Attempt, Question, Stage
from probe.capture.connection import Connection
from probe.handshake.key_log import KeyLog
from probe.handshake.machine import Chain, Ending, Event, Machine, Seen, Side, end
from probe.handshake.negotiation import Negotiation
from probe.handshake.standard_rdp import BasicSettingsExchange
from probe.handshake.tls_hello import TlsHello
from probe.wire.nego import NegotiationResponse, Protocol, RequestData

_NO_SECRETS = KeyLog()


def watch(connection: Connection, secrets: KeyLog = _NO_SECRETS) -> Attempt:
    """What the machines make of one captured connection. Never raises for what either side said."""
    machine = _machine(secrets)
    events: list[Event] = []
    for piece in connection.pieces:
        if machine.finished:
            break
        events += machine.observe(piece.side, piece.data, piece.at)
    ending = _ending(connection, machine)
    events += end(machine, ending, connection.ended)
    return Attempt(
        number=1,
        question=_question(events),
        events=tuple(events),
        ending=ending,
        started=connection.started,
        ended=connection.ended,
        bytes_sent=connection.sent,
        bytes_received=connection.received,
    )


def _machine(_secrets: KeyLog) -> Machine:
    first = Negotiation()

    def follow(finished: Machine) -> Machine | None:
        if finished is not first or first.confirm is None:
            return None
        answer = first.confirm.negotiation
        if answer is None or (isinstance(answer, NegotiationResponse) and answer.selected == Protocol.RDP):
            return BasicSettingsExchange()
        return TlsHello(through_retry=True) if isinstance(answer, NegotiationResponse) else None

    return Chain(first, follow)


def _ending(connection: Connection, machine: Machine) -> Ending:
    if connection.ending in ("closed", "reset"):
        if connection.ended_by is Side.SERVER:
            return Ending.CLOSED if connection.ending == "closed" else Ending.RESET
        return Ending.COMPLETE if machine.finished else Ending.ABANDONED
    endings = {"refused": Ending.REFUSED, "unanswered": Ending.FILTERED, "unreachable": Ending.UNREACHABLE}
    return endings.get(connection.ending, Ending.INTERRUPTED)


def _question(events: Sequence[Event]) -> Question:
    """What the client asked, as a live audit would have put it."""
    asked = next((e.message for e in events if isinstance(e, Seen) and isinstance(e.message, RequestData)), None)
    negotiation = asked.negotiation if asked is not None else None
    return Question(
        protocols=int(negotiation.protocols) if negotiation is not None else 0,
        stage=Stage.TUNNEL,
        bare=negotiation is None,
    )
