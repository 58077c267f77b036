from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probe.audit.watched import watched
from probe.audit.watched_packets import packets_of
from probe.capture.connection import Connection, Piece
from probe.errors import ProbeError
from probe.handshake.machine import Malformed, Seen, Side
from probe.handshake.tls_progress import EncryptedAlert
from probe.wire import ntlm
from tests.audit.captured import FLIGHT, HELLO, OVER_TLS, STANDARD, C, S, captured
from tests.conversations import Said
from tests.vectors import vector


def found(connection: Connection) -> list[tuple[str, str, list[int]]]:
    messages = packets_of(connection, watched(connection).attempt.events)
    return [(each.side, each.what, each.packets) for each in messages]


def test_each_message_and_its_packet() -> None:
    assert found(captured(STANDARD)) == [
        ("client", "X.224 Connection Request", [4]),
        ("server", "X.224 Connection Confirm", [5]),
        ("client", "MCS Connect-Initial", [6]),
        ("server", "MCS Connect-Response", [7]),
    ]


def test_a_flight_in_one_packet() -> None:
    assert found(captured(OVER_TLS))[2:] == [
        ("client", "TLS ClientHello", [6]),
        ("server", "TLS ServerHello", [7]),
        ("server", "TLS Certificate", [7]),
        ("server", "TLS ServerKeyExchange", [7]),
        ("server", "TLS ServerHelloDone", [7]),
        ("client", "TLS alert", [8]),
    ]


def test_a_certificate_in_several_packets() -> None:
    parts: list[Said] = [*OVER_TLS[:3], *((S, FLIGHT[at : at + 100]) for at in range(0, len(FLIGHT), 100))]
    messages = {what: packets for _, what, packets in found(captured(parts))}
    assert messages["TLS ServerHello"] == [7]
    assert len(messages["TLS Certificate"]) > 3
    assert messages["TLS Certificate"] == sorted(messages["TLS Certificate"])
    assert messages["TLS ServerHelloDone"][-1] == 6 + (len(FLIGHT) + 99) // 100


def test_a_message_in_several_records_is_found_by_its_ends() -> None:
    body = HELLO[5:]
    half = len(body) // 2
    records = [b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in (body[:half], body[half:])]
    said: list[Said] = [*OVER_TLS[:2], (C, records[0]), (C, records[1]), (S, FLIGHT)]
    assert ("client", "TLS ClientHello", [6, 7]) in found(captured(said))


def test_a_retry_request_has_its_own_name() -> None:
    said: list[Said] = [*OVER_TLS[:2], (C, vector("tls13_client_hello")), (S, vector("tls13_retry"))]
    assert ("server", "TLS HelloRetryRequest", [7]) in found(captured(said))


def test_what_cannot_be_read_and_what_is_encrypted() -> None:
    connection = captured([(C, b"one"), (S, b"two"), (C, b"three")])
    at = connection.pieces[2].at
    events = [
        Malformed(connection.pieces[1].at, S, ProbeError(), b"two"),
        EncryptedAlert(at, C),
        Seen(at, C, ntlm.probe_negotiate(), b"not on the wire"),
        Seen(at, C, object(), b"three"),
    ]
    assert [(each.side, each.what, each.packets) for each in packets_of(connection, events)] == [
        ("server", "bytes that cannot be read", [5]),
        ("client", "encrypted TLS alert", [6]),
        ("client", "NTLM NEGOTIATE", [6]),
    ]


def test_a_retransmission_later_is_not_taken_for_the_message() -> None:
    again = [*STANDARD, STANDARD[3]]
    assert found(captured(again))[-1] == ("server", "MCS Connect-Response", [7])


@given(
    st.lists(st.tuples(st.sampled_from(Side), st.binary(max_size=30)), max_size=6),
    st.lists(st.tuples(st.sampled_from(Side), st.binary(max_size=30)), max_size=6),
)
def test_any_messages_are_looked_for(said: list[Said], raws: list[Said]) -> None:
    made = [Piece(side, data, 1.0, number) for number, (side, data) in enumerate(said)]
    connection = captured(made)
    events = [Seen(1.0, side, ntlm.probe_negotiate(), raw) for side, raw in raws]
    for message in packets_of(connection, events):
        assert set(message.packets) <= {piece.packet for piece in made}
