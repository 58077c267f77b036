"""From captured connections to results: the verdict on one connection, or on all of one server.

One connection goes through the verdict of a live audit and is narrowed to what it shows. All connections of a file to
one server are what a live audit would have made of it, and are judged as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from probe.audit.attempt import Attempt, Question, Stage
from probe.audit.capture_verdict_course import course
from probe.audit.capture_verdict_narrow import narrowed
from probe.audit.capture_verdict_unknown import encrypted_from, frame_of, has_clock, unknown
from probe.audit.plan import Plan
from probe.audit.reading import read
from probe.audit.settings import Settings
from probe.audit.steps import words_for
from probe.audit.trust import TrustJudge
from probe.audit.verdict import Audit, verdict
from probe.audit.watched import watch
from probe.capture.connection import Connection
from probe.errors import WireError
from probe.handshake.key_log import KeyLog
from probe.handshake.machine import Seen
from probe.handshake.tls_progress import Decrypted
from probe.result import Capture, CapturedMessage, Result, Target
from probe.wire import mcs, tls_hello
from probe.wire.tls_extensions import ExtensionType, find, read_server_name

_HOST_NAME = 0  # NameType, RFC 6066 section 3
_LATEST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


def captured(
    connection: Connection, file: str, settings: Settings, secrets: KeyLog, trust: TrustJudge | None = None
) -> Result:
    """What a capture of one connection says, with `capture` filled in; not yet diagnosed."""
    attempt = _as_one(watch(connection, secrets))
    reading = read(attempt)
    hello = _hello(attempt)
    result = verdict(_audit((connection,), (attempt,), settings, trust, server_name=_name_in(hello)))
    where = course(connection, attempt, reading)
    result.status, result.ending, result.service, result.banner = (
        where.status,
        where.ending,
        where.service,
        where.banner,
    )
    decrypted = any(isinstance(event, Decrypted) for event in attempt.events)
    narrowed(result, reading, hello, decrypted=decrypted)
    if not has_clock(connection):
        _without_clock(result)
    result.capture = _described(connection, attempt, file)
    result.capture.reached, result.capture.waited_s = where.reached, where.waited_s
    result.capture.decrypted = decrypted
    result.capture.unknown = unknown(connection, attempt, where.reached)
    return result


def _as_one(attempt: Attempt) -> Attempt:
    """Of one connection it is told what it came to, whatever it was made for."""
    asked = attempt.question
    if asked.protocols is None:
        return attempt
    clear = any(isinstance(event, Seen) and isinstance(event.message, mcs.ConnectInitial) for event in attempt.events)
    question = Question(
        protocols=asked.protocols,
        stage=Stage.SETTINGS if clear and read(attempt).secured is None else Stage.TUNNEL,
        methods=asked.methods,
        rdp_version=asked.rdp_version,
        bare=asked.bare,
        flags=asked.flags,
    )
    return replace(attempt, question=question)


def _audit(
    connections: Sequence[Connection],
    attempts: tuple[Attempt, ...],
    settings: Settings,
    trust: TrustJudge | None,
    *,
    server_name: str | None,
) -> Audit:
    """The audit that these connections would have been."""
    server, started = connections[0].server, min(connection.started for connection in connections)
    return Audit(
        target=Target(input=str(server), host=server.address, address=server.address, port=server.port),
        settings=settings,
        server_name=settings.server_name or server_name,
        attempts=attempts,
        plan=Plan(questions=(), repeats=()),
        started=started,
        ended=max(connection.ended for connection in connections),
        started_at=datetime.fromtimestamp(min(max(started, 0.0), _LATEST), UTC),
        trust=trust,
        named=False,
    )


def _hello(attempt: Attempt) -> tls_hello.ClientHello | None:
    """The client's last hello."""
    hellos = [event.message for event in attempt.events if isinstance(event, Seen)]
    return next((hello for hello in reversed(hellos) if isinstance(hello, tls_hello.ClientHello)), None)


def _name_in(hello: tls_hello.ClientHello | None) -> str | None:
    """The host name in a hello's server_name."""
    body = find(hello.extensions, ExtensionType.SERVER_NAME) if hello is not None else None
    try:
        names = read_server_name(body) if body is not None else ()
    except WireError:
        return None
    return next((_text(name) for kind, name in names if kind == _HOST_NAME), None)


def _text(name: bytes) -> str | None:
    return name.decode("ascii") if name and name.isascii() else None


def _without_clock(result: Result) -> None:
    """What was measured against the capture's clock, where it has none."""
    for chain in result.certificates:
        chain.days_left = None
    ntlm = result.credssp.ntlm if result.credssp is not None else None
    if ntlm is not None:
        ntlm.clock_skew_s = None


def _described(connection: Connection, attempt: Attempt, file: str) -> Capture:
    evidence = [
        CapturedMessage(what=words_for(event), side=event.side.value, packets=[frame_of(connection, event, event.side)])
        for event in attempt.events
        if isinstance(event, Seen)
    ]
    return Capture(
        file=file,
        stream=connection.stream,
        client=str(connection.client),
        server=str(connection.server),
        packets=sorted({packet for each in evidence for packet in each.packets}),
        first_packet=connection.first_packet,
        last_packet=connection.last_packet,
        packet_count=connection.packets,
        syn=connection.syn,
        syn_ack=connection.syn_ack,
        evidence=evidence,
        ended_by=connection.ended_by.value if connection.ended_by is not None else None,
        ending=connection.ending,
        ended_packet=connection.ended_packet,
        gaps=connection.gaps,
        truncated=connection.truncated,
        one_sided=connection.one_sided.value if connection.one_sided is not None else None,
        retransmitted=connection.retransmitted,
        out_of_order=connection.out_of_order,
        encrypted_from=encrypted_from(connection, attempt),
    )
