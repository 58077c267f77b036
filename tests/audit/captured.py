"""Captured connections made by hand: what was said, in pieces, each of its own packet."""

from __future__ import annotations

from collections.abc import Iterable

from probe.capture.connection import Connection, Endpoint, HowItEnded, Piece
from probe.handshake.machine import Side
from tests.conversations import Said
from tests.vectors import vector

C, S = Side.CLIENT, Side.SERVER
STARTED = 1_700_000_000.0
COOKIE_REQUEST = vector("x224_request_cookie_microsoft")
SELECTS_RDP = vector("x224_confirm_rdp_microsoft")
INITIAL = vector("mcs_connect_initial_microsoft")
RESPONSE = vector("mcs_connect_response_microsoft")
ASKS_SSL = bytes.fromhex("030000130ee000000000000100080001000000")
SELECTS_SSL = bytes.fromhex("030000130ed000001234000201080001000000")
HELLO = vector("tls12_client_hello_openssl")
FLIGHT = vector("tls12_ecdhe_flight")
ALERT = bytes.fromhex("15030300020230")  # fatal, unknown_ca
STANDARD = [(C, COOKIE_REQUEST), (S, SELECTS_RDP), (C, INITIAL), (S, RESPONSE)]
OVER_TLS = [(C, ASKS_SSL), (S, SELECTS_SSL), (C, HELLO), (S, FLIGHT), (C, ALERT)]


def pieces(said: Iterable[Said]) -> list[Piece]:
    """One packet a millisecond, from packet 4 on: three open the connection."""
    return [Piece(side, data, STARTED + number / 1000, number) for number, (side, data) in enumerate(said, 4)]


def captured(
    said: Iterable[Said] | list[Piece],
    ending: HowItEnded = "closed",
    ended_by: Side | None = C,
    *,
    syn: bool = True,
    one_sided: Side | None = None,
    truncated: bool = False,
) -> Connection:
    made = [each if isinstance(each, Piece) else None for each in said]
    found = [each for each in made if each is not None] or pieces(each for each in said if not isinstance(each, Piece))
    return Connection(
        stream=0,
        client=Endpoint("192.0.2.9", 50000),
        server=Endpoint("192.0.2.7", 3389),
        pieces=found,
        syn=syn,
        syn_ack=syn,
        first_packet=1,
        last_packet=len(found) + 4,
        packets=len(found) + 4,
        started=STARTED,
        ended=STARTED + 1,
        ending=ending,
        ended_by=ended_by if ending in ("closed", "reset") else None,
        one_sided=one_sided,
        truncated=truncated,
        sent=sum(len(piece.data) for piece in found if piece.side is C),
        received=sum(len(piece.data) for piece in found if piece.side is S),
    )
