"""Captured connections made by hand: what one could be in a capture, without a capture.

`connection` takes what was said, in order, and how it ended. Frames are numbered from 4 on, behind the three of a
handshake of TCP, and come a tenth of a second apart.
"""

from __future__ import annotations

from probe.audit.capture_verdict import captured
from probe.audit.settings import Settings
from probe.capture.connection import Connection, Endpoint, HowItEnded, Piece
from probe.diagnosis.judged import judge
from probe.handshake.key_log import KeyLog
from probe.handshake.machine import Side
from probe.result import Result
from tests.conversations import Said
from tests.vectors import vector

C, S = Side.CLIENT, Side.SERVER
STARTED = 1_700_000_000.0  # 2023-11-14
CLIENT, SERVER = Endpoint("192.0.2.9", 51234), Endpoint("192.0.2.7", 3389)
ASKS_HYBRID = (C, bytes.fromhex("030000130ee00000000000010008000b000000"))  # SSL, HYBRID and HYBRID_EX
GIVES_HYBRID_EX = (S, bytes.fromhex("030000130ed00000123400021f080008000000"))
HELLO = (C, vector("tls12_client_hello_openssl"))
FLIGHT = (S, vector("tls12_ecdhe_flight"))
NEW_HELLO, NEW_FLIGHT = (C, vector("tls13_client_hello")), (S, vector("tls13_server_hello"))
UNTIL_HELLO = (ASKS_HYBRID, GIVES_HYBRID_EX, HELLO)
UNTIL_FLIGHT = (*UNTIL_HELLO, FLIGHT)


def record(kind: int, fragment: bytes) -> bytes:
    """One record of TLS 1.2."""
    return bytes([kind, 3, 3]) + len(fragment).to_bytes(2, "big") + fragment


def alert(description: int, level: int = 2) -> bytes:
    return record(21, bytes([level, description]))


KEYS = (C, record(22, b"\x10\0\0\x01\0") + record(20, b"\1") + record(22, bytes(40)))  # ClientKeyExchange … Finished
FINISHED = (S, record(20, b"\1") + record(22, bytes(40)))
SECURED = (*UNTIL_FLIGHT, KEYS, FINISHED)
INSIDE = record(23, bytes(80))


def connection(
    *said: Said, ending: HowItEnded = "open", by: Side | None = None, after: float = 0.1, **fields: object
) -> Connection:
    """A connection whose opening was captured; `after` is how long after the last word it ended."""
    pieces = [Piece(side, data, STARTED + 0.1 * at, 3 + at) for at, (side, data) in enumerate(said, 1) if data]
    ended = (pieces[-1].at if pieces else STARTED) + after
    made = Connection(
        stream=0,
        client=CLIENT,
        server=SERVER,
        pieces=pieces,
        syn=True,
        syn_ack=True,
        first_packet=1,
        last_packet=4 + len(said),
        packets=4 + len(said),
        started=STARTED,
        ended=ended,
        ending=ending,
        ended_by=by,
        ended_packet=4 + len(said) if by is not None else None,
        sent=sum(len(data) for side, data in said if side is C),
        received=sum(len(data) for side, data in said if side is S),
    )
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def told(made: Connection, secrets: KeyLog | None = None, settings: Settings | None = None) -> Result:
    """The diagnosed result of one connection."""
    chosen = settings or Settings(depth="discover", keep_attempts=False)
    result = captured(made, "x.pcap", chosen, secrets or KeyLog())
    judge(result)
    return result


def codes(result: Result) -> set[str]:
    return {found.code for found in result.diagnoses}
