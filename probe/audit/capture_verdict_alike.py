"""Captured connections on which a server said the same get the same verdict: it is made once. Pure.

What differs between handshakes with one server, and between servers that were set up alike, are times, addresses and
random values, and the verdict on one connection keeps to that: times stand in few places, addresses in `target` alone,
and of what is random nothing is told. What a server says beyond TLS's hellos is no such thing, and has no part in this.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Sequence

from probe.audit.attempt import Attempt
from probe.audit.capture_verdict_course import SILENCE_S, Course
from probe.audit.outcome import key_exchange
from probe.audit.reading import Reading, read
from probe.audit.verdict import Audit, certificates_of, elapsed_ms, target_of
from probe.audit.verdict_inside import timestamp
from probe.audit.verdict_negotiation import answered_ms
from probe.audit.watched import Watched
from probe.handshake.machine import Ended, Event, Secured, Seen, Side, TlsClosed
from probe.handshake.tls_progress import Encrypted, EncryptedAlert, Exchanged
from probe.result import Result
from probe.wire.nego import ConfirmData
from probe.wire.tls_extensions import ExtensionType
from probe.wire.tls_hello import Certificate, ServerHello, ServerHelloDone, UnknownHandshake
from probe.wire.tls_key_exchange import EcdheParameters, ServerKeyExchange
from probe.wire.tls_record import ChangeCipherSpec
from probe.wire.x224 import ConnectionConfirm

_MOST_REMEMBERED = 512  # verdicts, of some 10 kB each
_LONGEST = 8192  # bytes of a ServerHello's extensions, which they are remembered by
_MOST_CODES, _LONGEST_NAME = 1000, 255  # of a client's hello: those of honest ones are below 200
_UNTOLD = (Encrypted, EncryptedAlert, Exchanged, TlsClosed)  # events of which their kind is all
_NO_PART = (ServerHelloDone, UnknownHandshake, ChangeCipherSpec)  # the same, messages
_made: dict[Hashable, Result] = {}


def alike(audit: Audit, attempt: Attempt, seen: Watched, where: Course, make: Callable[[], Result]) -> Result:
    """What `make` makes of one connection, or has made of one that is alike; parts of it belong to several results."""
    reading = read(attempt)
    said = _said(attempt.events, reading) if _may_be_alike(audit, seen) else None
    if said is None:
        return make()
    waited = where.waited_s is not None and where.waited_s >= SILENCE_S
    key = (said, attempt.question, attempt.ending, bool(attempt.bytes_received), seen.request_seen, bool(seen.holes),
           seen.apart, where.status, where.ending, where.service, where.banner, where.reached, waited,
           audit.server_name, audit.settings)  # fmt: skip
    made = _made.get(key)
    if made is None:
        if len(_made) >= _MOST_REMEMBERED:
            _made.clear()
        made = _made[key] = make()
    return _with_times(made, audit, attempt, reading)


def _may_be_alike(audit: Audit, seen: Watched) -> bool:
    """Nothing was decrypted, nor asked for beyond what a capture shows; and the client's hello is no large one."""
    settings, hello = audit.settings, seen.client.hello
    if settings.keep_attempts or settings.needs or settings.simulate or settings.licensing or seen.decrypted:
        return False
    if hello is None:
        return True
    codes = (hello.cipher_suites, hello.extensions, hello.groups, hello.signature_schemes)
    return sum(map(len, codes)) <= _MOST_CODES and len(hello.server_name or "") <= _LONGEST_NAME


def _said(events: Sequence[Event], reading: Reading) -> tuple[object, ...] | None:
    """What the server said, without what is random; None where something is not of these."""
    said: list[object] = []
    for event in events:
        if isinstance(event, Seen):
            if event.side is Side.SERVER:
                told = _told(event.message, reading)
                if told is None:
                    return None
                said.append(told)
        elif isinstance(event, Secured):
            said.append((event.version, event.cipher_suite))
        elif isinstance(event, Ended):
            said.append((event.how, event.expected))
        elif isinstance(event, _UNTOLD):
            said.append((type(event), getattr(event, "side", None)))
        else:
            return None
    return tuple(said)


def _told(message: object, reading: Reading) -> object | None:
    if isinstance(message, ConnectionConfirm | ConfirmData):
        return message
    if isinstance(message, ServerHello):
        return _hello(message)
    if isinstance(message, Certificate):
        return bool(message.chain)  # what is in it is told of each connection anew, for it depends on the time
    if isinstance(message, ServerKeyExchange):
        found = key_exchange(reading)
        if isinstance(found, EcdheParameters):
            return (found.group, found.signature_scheme)
        return None
    return type(message) if isinstance(message, _NO_PART) else None


def _hello(hello: ServerHello) -> tuple[object, ...] | None:
    extensions = tuple(
        (each.type, b"" if each.type == ExtensionType.KEY_SHARE else each.body) for each in hello.extensions or ()
    )
    if sum(4 + len(body) for _, body in extensions) > _LONGEST:
        return None
    told = hello.is_hello_retry_request, hello.key_share_group, hello.downgrade_sentinel
    return (hello.version, hello.cipher_suite, hello.compression_method, hello.extensions is None, extensions, *told)


def _with_times(made: Result, audit: Audit, attempt: Attempt, reading: Reading) -> Result:
    """A result of its own: what differs between connections that are alike is this one's."""
    result = copy.copy(made)
    result.target = target_of(audit)
    result.started, result.elapsed_ms = timestamp(audit.started_at.timestamp()), elapsed_ms(audit)
    result.bytes_sent, result.bytes_received = attempt.bytes_sent, attempt.bytes_received
    result.asked, result.spent = list(made.asked or ()), dict(made.spent)
    if made.negotiation is not None:
        result.negotiation = copy.copy(made.negotiation)
        result.negotiation.attempts = [copy.copy(each) for each in made.negotiation.attempts]
        for each in result.negotiation.attempts:
            each.elapsed_ms = answered_ms(attempt)
    if made.certificates:
        result.certificates = certificates_of(audit, (reading,))
    return result
