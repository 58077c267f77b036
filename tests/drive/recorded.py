"""A live audit whose connections are recorded as a capture would hold them: attempts, and what to watch again."""

from __future__ import annotations

from dataclasses import dataclass, field
from unittest.mock import patch

import trio

from probe.audit.attempt import Attempt
from probe.audit.settings import Settings
from probe.audit.verdict import Audit, verdict
from probe.capture.connection import Connection, Endpoint, HowItEnded, Piece
from probe.drive import demo, live
from probe.drive.limits import Limits
from probe.handshake.key_log import KeyLog
from probe.handshake.machine import Ending, Side
from probe.result import Result, Target

_CLIENT = Endpoint("192.0.2.9", 50000)
_NEVER: dict[Ending, HowItEnded] = {
    Ending.REFUSED: "refused",
    Ending.FILTERED: "unanswered",
    Ending.UNREACHABLE: "unreachable",
}


@dataclass
class Recorder:
    """A tap that makes a Connection of every line."""

    connections: list[Connection] = field(default_factory=list)
    secrets: KeyLog = field(default_factory=KeyLog)

    def line(self, server: tuple[str, int], at: float) -> RecordedLine:
        number = len(self.connections)
        connection = Connection(
            stream=number,
            client=_CLIENT,
            server=Endpoint(*server),
            first_packet=1,
            last_packet=1,
            packets=1,
            started=at,
            ended=at,
            syn=True,
        )
        self.connections.append(connection)
        return RecordedLine(connection)

    def datagram(self, *_: object) -> None:
        pass

    def secret(self, line: bytes) -> None:
        self.secrets.take(line)


@dataclass
class RecordedLine:
    connection: Connection

    def bound(self, local: tuple[str, int], at: float) -> None:
        pass

    def opened(self, local: tuple[str, int], at: float) -> None:
        self.connection.syn_ack = True
        self.connection.started = at

    def never_opened(self, how: Ending, at: float) -> None:
        self.connection.ending = _NEVER[how]
        self.connection.ended = at

    def carried(self, side: Side, data: bytes, at: float) -> None:
        connection = self.connection
        connection.packets += 1
        connection.last_packet = connection.packets
        connection.pieces.append(Piece(side, bytes(data), at, connection.packets))
        if side is Side.CLIENT:
            connection.sent += len(data)
        else:
            connection.received += len(data)

    def ended(self, by: Side | None, how: Ending, at: float) -> None:
        self.connection.ended_by = by
        self.connection.ending = "open" if by is None else "reset" if how is Ending.RESET else "closed"
        self.connection.ended = at


@dataclass
class Recorded:
    result: Result
    attempts: list[Attempt]
    connections: list[Connection]
    secrets: KeyLog


def recorded(kind: str, settings: Settings, limits: Limits) -> Recorded:
    """An audit of an embedded server, one connection after the other."""
    audits: list[Audit] = []
    tap = Recorder()

    def kept(audit: Audit) -> Result:
        audits.append(audit)
        return verdict(audit)

    async def main() -> Result:
        with trio.fail_after(60):
            async with demo.serving([kind]) as [server]:
                target = Target(input=server.target, host=server.address, address=server.address, port=server.port)
                return await live.audit(target, settings, limits, tap=tap)

    with patch.object(live, "verdict", kept):
        result = trio.run(main)
    attempts = sorted(audits[0].attempts, key=lambda attempt: attempt.number)
    return Recorded(result, attempts, tap.connections[: len(attempts)], tap.secrets)
