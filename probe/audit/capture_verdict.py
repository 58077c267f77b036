"""From one captured connection to a result: it goes through the verdict of a live audit, narrowed to what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from probe.audit.attempt import Attempt, Question, Stage
from probe.audit.capture_verdict_alike import alike
from probe.audit.capture_verdict_course import captured_for_ms, course
from probe.audit.capture_verdict_narrow import narrowed
from probe.audit.capture_verdict_unknown import has_clock, unknown
from probe.audit.plan import Plan
from probe.audit.reading import read
from probe.audit.settings import Settings
from probe.audit.trust import TrustJudge
from probe.audit.verdict import Audit, verdict
from probe.audit.watched import Watched, watched
from probe.audit.watched_packets import packets_of
from probe.capture.connection import Connection
from probe.handshake.key_log import KeyLog
from probe.result import Capture, ClientSide, Result, Target
from probe.wire.tls_version import SSL2

_NOTHING_SAID = ClientSide()
_LATEST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


def captured(
    connection: Connection,
    file: str,
    settings: Settings,
    secrets: KeyLog,
    trust: TrustJudge | None = None,
    *,
    streams: Sequence[int] = (),
) -> Result:
    """What a capture of one connection says, with `capture` filled in; not yet diagnosed.

    `streams` names all connections to the server where this one stands for them.
    """
    seen = watched(connection, secrets)
    attempt = _as_one(seen.attempt)
    reading = read(attempt)
    where = course(connection, attempt, reading)
    audit = audit_of((connection,), (attempt,), settings, trust, server_name=name_in(seen.client), alone=True)

    def make() -> Result:
        result = verdict(audit)
        result.status, result.ending = where.status, where.ending
        result.service, result.banner = where.service, where.banner
        narrowed(result, reading, seen, where)
        return result

    result = alike(audit, attempt, seen, where, make)
    if not has_clock(connection):
        without_clock(result)
    for record in result.attempts:
        record.asked = _asked(seen)
    result.capture = _described(connection, seen, file)
    result.capture.streams = list(streams)
    result.capture.reached, result.capture.waited_s = where.reached, where.waited_s
    result.capture.unknown = unknown(connection, seen, where.reached)
    return result


def _as_one(attempt: Attempt) -> Attempt:
    """Of one connection it is told what it came to, whatever its hello was to find out."""
    asked = attempt.question
    if asked.stage is not Stage.HELLO or asked.version == SSL2 or asked.framed:
        return attempt
    question = Question(
        protocols=asked.protocols,
        stage=Stage.TUNNEL,
        version=asked.version,
        offer=asked.offer,
        bare=asked.bare,
        flags=asked.flags,
        joined=asked.joined,
    )
    return replace(attempt, question=question)


def _asked(seen: Watched) -> str:
    """What the client was seen to ask, be it what it had meant to or less."""
    client = seen.client
    over = "+".join(client.requested) if client.requested else "a request without RDP_NEG_REQ"
    if client.requested is None:
        direct = client.hello is not None and seen.attempt.question.protocols is None
        over = "TLS without X.224" if direct else "no RDP request that this capture shows"
    if client.hello is not None:
        return f"{over}, then its own ClientHello"
    if client.encryption_methods is not None:
        return f"{over}, then basic settings with {'+'.join(client.encryption_methods) or 'no method'}"
    return over


def audit_of(
    connections: Sequence[Connection],
    attempts: tuple[Attempt, ...],
    settings: Settings,
    trust: TrustJudge | None,
    *,
    server_name: str | None,
    alone: bool = False,
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
        alone=alone,
        named=False,
    )


def name_in(client: ClientSide) -> str | None:
    """The host name that the client's hello asks for."""
    return client.hello.server_name if client.hello is not None else None


def without_clock(result: Result) -> None:
    """What was measured against the capture's clock, where it has none."""
    for chain in result.certificates:
        chain.days_left = None
    ntlm = result.credssp.ntlm if result.credssp is not None else None
    if ntlm is not None:
        ntlm.clock_skew_s = None


def _described(connection: Connection, seen: Watched, file: str) -> Capture:
    evidence = packets_of(connection, seen.attempt.events)
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
        client_side=_client_side(seen),
        evidence=evidence,
        ended_by=connection.ended_by.value if connection.ended_by is not None else None,
        ending=connection.ending,
        ended_packet=connection.ended_packet,
        seen_for_ms=captured_for_ms(connection),
        gaps=connection.gaps,
        truncated=connection.truncated,
        one_sided=connection.one_sided.value if connection.one_sided is not None else None,
        retransmitted=connection.retransmitted,
        out_of_order=connection.out_of_order,
        encrypted_from=seen.encrypted_from,
        decrypted=seen.decrypted,
    )


def _client_side(seen: Watched) -> ClientSide | None:
    """None where the client said nothing that could be read."""
    return seen.client if seen.client != _NOTHING_SAID else None
