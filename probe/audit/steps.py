"""Attempts as records: every step in one line, with its bytes, for whoever wants to see what was really said."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Literal

from probe.audit.attempt import Attempt, protocol_name, protocol_names
from probe.handshake.machine import Ended, Event, Malformed, Secured, Seen, Side, TlsClosed, TlsFailed, Unread
from probe.result import AttemptRecord, Step
from probe.wire import nego, tls_hello
from probe.wire.iana import CIPHER_SUITES
from probe.wire.tls_record import Alert

_MOST_HEX = 128  # bytes shown of a message; the size says how many there were
_MOST_WORDS = 160


def record(attempt: Attempt, audit_started: float) -> AttemptRecord:
    """The public record of one attempt."""
    expected = next((event.expected for event in attempt.events if isinstance(event, Ended)), "")
    return AttemptRecord(
        number=attempt.number,
        asked=attempt.question.words,
        ending=attempt.ending.value,
        expected=expected or None,
        outcome=_outcome(attempt),
        started_ms=round((attempt.started - audit_started) * 1000, 1),
        elapsed_ms=round((attempt.ended - attempt.started) * 1000, 1),
        bytes_sent=attempt.bytes_sent,
        bytes_received=attempt.bytes_received,
        repeat=attempt.question.repeat,
        cause=attempt.cause,
        steps=[_step(event, attempt.started) for event in attempt.events if not isinstance(event, Ended)],
    )


def _outcome(attempt: Attempt) -> str | None:
    """The last thing that the server said and that was wanted."""
    wanted = [
        event
        for event in attempt.events
        if isinstance(event, Secured | TlsFailed | TlsClosed)
        or (isinstance(event, Seen | Malformed) and event.side is Side.SERVER)
    ]
    return words_for(wanted[-1]) if wanted else None


def _step(event: Event, started: float) -> Step:
    raw = event.raw if isinstance(event, Seen | Malformed | Unread) else b""
    return Step(
        at_ms=round((event.at - started) * 1000, 1),
        side=_side(event),
        what=words_for(event),
        hex=raw[:_MOST_HEX].hex() if raw else None,
        size=len(raw) if raw else None,
    )


def _side(event: Event) -> Literal["client", "server", "both"]:
    if not isinstance(event, Seen | Malformed | Unread):
        return "both"
    return "client" if event.side is Side.CLIENT else "server"


def words_for(event: Event) -> str:
    """One line for an event. It may hold what a server sent: escape it before it meets a reader."""
    if isinstance(event, Seen):
        return _message(event.message)
    if isinstance(event, Malformed):
        return f"cannot be read: {event.error}"
    if isinstance(event, Unread):
        return "bytes that were not read"
    if isinstance(event, Secured):
        return f"TLS handshake complete: {event.version}, {event.cipher_suite}, {len(event.chain)} certificates"
    if isinstance(event, TlsFailed):
        return f"TLS failed: {'; '.join(event.reasons)}"
    if isinstance(event, TlsClosed):
        return "TLS ended by close_notify"
    return type(event).__name__


def _message(message: object) -> str:
    name = type(message).__name__
    if isinstance(message, nego.RequestData):
        asked = message.negotiation
        return f"{name}: asks for {'+'.join(protocol_names(asked.protocols)) if asked else 'nothing'}"
    if isinstance(message, nego.ConfirmData):
        answer = message.negotiation
        if isinstance(answer, nego.NegotiationResponse):
            return f"{name}: selects {protocol_name(answer.selected)}, flags 0x{answer.flags:02x}"
        return f"{name}: failure {answer.code.name}" if answer else f"{name}: no negotiation"
    if isinstance(message, Alert):
        return f"Alert: {message.description.name.lower()}"
    if isinstance(message, tls_hello.ServerHello):
        kind = "HelloRetryRequest" if message.is_hello_retry_request else name
        suite = CIPHER_SUITES.get(message.cipher_suite, f"0x{message.cipher_suite:04x}")
        return f"{kind}: {tls_hello.version_name(message.selected_version)}, {suite}"
    return f"{name}{_short_fields(message)}"


def _plain(value: int) -> str:
    return value.name if isinstance(value, Enum) else str(int(value))


def _short_fields(message: object) -> str:
    """The fields of a message that are numbers, as `name=value`."""
    if not is_dataclass(message):
        return ""
    values = ((field.name, getattr(message, field.name)) for field in fields(message))
    shown = [f"{name}={_plain(value)}" for name, value in values if isinstance(value, int)]
    return f" ({', '.join(shown)})"[:_MOST_WORDS] if shown else ""
