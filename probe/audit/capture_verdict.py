"""From one captured connection to a Result: the verdict on one connection, and what only a capture shows."""

from __future__ import annotations

from datetime import UTC, datetime

from probe.audit.plan import Plan
from probe.audit.settings import Settings
from probe.audit.trust import TrustJudge
from probe.audit.verdict import Audit, verdict
from probe.audit.watched import watch
from probe.capture.connection import Connection
from probe.handshake.key_log import KeyLog
from probe.result import Capture, Result, Target


def captured(
    connection: Connection, file: str, settings: Settings, secrets: KeyLog, trust: TrustJudge | None = None
) -> Result:
    """What a capture of one connection says, with `capture` filled in; not yet diagnosed."""
    attempt = watch(connection, secrets)
    server = connection.server
    result = verdict(
        Audit(
            target=Target(input=str(server), host=server.address, address=server.address, port=server.port),
            settings=settings,
            server_name=None,
            attempts=(attempt,),
            plan=Plan(questions=(), repeats=()),
            started=connection.started,
            ended=connection.ended,
            started_at=datetime.fromtimestamp(connection.started, UTC),
            trust=trust,
        )
    )
    result.capture = Capture(
        file=file,
        stream=connection.stream,
        client=str(connection.client),
        server=str(server),
        first_packet=connection.first_packet,
        last_packet=connection.last_packet,
        ended_by=connection.ended_by.value if connection.ended_by is not None else None,
        ending=connection.ending,
        gaps=connection.gaps,
        truncated=connection.truncated,
    )
    return result
