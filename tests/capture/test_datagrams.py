"""Exchanges over UDP: those that begin as RDP-UDP does, and all others."""

from __future__ import annotations

import struct

import pytest

from probe.capture.connection import Datagrams, Endpoint
from probe.capture.datagrams import DatagramLimits, Exchanges
from probe.capture.internet import Packet
from probe.handshake.machine import Side
from probe.wire.rdpudp import Syn, SynEx, UdpFlag, padded
from tests.capture.talk import CLIENT, SERVER

OFFER = padded(Syn(flags=UdpFlag.SYN | UdpFlag.SYNEX, initial_sequence=77, syn_ex=SynEx(version=2)))
ANSWER = padded(Syn(flags=UdpFlag.SYN | UdpFlag.ACK, source_ack=77, initial_sequence=5))
QUERY = bytes.fromhex("12340100000100000000000003777777076578616d706c650000010001")


def datagram(data: bytes, *, port: int = 50000, back: bool = False, number: int = 1, cut: int | None = None) -> Packet:
    source, destination = (port, 3389) if not back else (3389, port)
    payload = struct.pack(">HHHH", source, destination, 8 + len(data), 0) + data
    ends = (SERVER, CLIENT) if back else (CLIENT, SERVER)
    captured = payload if cut is None else payload[: 8 + cut]
    return Packet(*ends, 17, captured, len(payload), number, 1.7e9 + number)


def exchanges(*packets: Packet, limits: DatagramLimits | None = None) -> tuple[list[Datagrams], Exchanges]:
    found: list[Datagrams] = []
    seen = Exchanges(found.append, limits or DatagramLimits())
    for packet in packets:
        seen.take(packet)
    seen.finish()
    return found, seen


def test_an_exchange() -> None:
    packets = datagram(OFFER), datagram(ANSWER, back=True, number=2), datagram(b"ack", number=3)
    (found,), _ = exchanges(*packets)
    assert (found.client, found.server) == (Endpoint("192.0.2.1", 50000), Endpoint("192.0.2.7", 3389))
    assert [(piece.side, piece.data, piece.packet) for piece in found.pieces] == [
        (Side.CLIENT, OFFER, 1),
        (Side.SERVER, ANSWER, 2),
        (Side.CLIENT, b"ack", 3),
    ]
    assert (found.first_packet, found.last_packet, found.packets, found.truncated) == (1, 3, 3, False)
    assert (found.started, found.ended) == (1.7e9 + 1, 1.7e9 + 3)


def test_without_its_offer_the_answer_says_who_is_the_server() -> None:
    (found,), _ = exchanges(datagram(ANSWER, back=True))
    assert (found.client.port, found.pieces[0].side) == (50000, Side.SERVER)


@pytest.mark.parametrize(
    "data",
    [b"", QUERY, OFFER[:10], bytes(1232), b"\0\0\0\5" + OFFER[4:], OFFER[:12] + b"\0\0\0\0" + OFFER[16:]],
    ids=["empty", "DNS", "too short", "zeros", "a SYN that acknowledges", "no such MTU"],
)
def test_others_are_counted(data: bytes) -> None:
    found, seen = exchanges(datagram(data), datagram(data, back=True), datagram(OFFER), datagram(OFFER, port=5))
    assert (found[0].stream, len(found), seen.streams) == (1, 1, 2)


def test_what_is_no_udp_is_not_counted() -> None:
    _, seen = exchanges(datagram(OFFER)._replace(protocol=6), datagram(OFFER)._replace(payload=b"short"))
    assert seen.streams == 0


def test_padding_behind_a_datagram_is_not_of_it() -> None:
    packet = datagram(OFFER)
    (found,), _ = exchanges(packet._replace(payload=packet.payload + b"\xee" * 6))
    assert found.pieces[0].data == OFFER


def test_a_datagram_that_was_cut() -> None:
    (found,), _ = exchanges(datagram(OFFER, cut=40))
    assert (found.pieces[0].data, found.truncated) == (OFFER[:40], True)


def test_the_first_ones_are_kept_and_all_are_counted() -> None:
    rest = [datagram(b"x" * 900, number=number) for number in range(2, 50)]
    (found,), _ = exchanges(datagram(OFFER), *rest)
    assert (len(found.pieces), found.packets, found.last_packet) == (32, 49, 49)
    (found,), _ = exchanges(datagram(OFFER), *rest, limits=DatagramLimits(kept=4000))
    assert len(found.pieces) == 1 + 3


def test_too_many_at_a_time_are_given_early_and_told() -> None:
    found: list[Datagrams] = []
    seen = Exchanges(found.append, DatagramLimits(exchanges=2))
    for number in range(1, 5):
        seen.take(datagram(OFFER, port=number, number=number))
    assert [each.stream for each in found] == [0, 1]
    seen.take(datagram(ANSWER, port=1, back=True))
    seen.finish()
    assert ([each.stream for each in found], seen.streams) == ([0, 1, 2, 3], 4)
    assert list(seen.notices()) == ["2 RDP-UDP exchanges were judged early: more than 2 at a time"]


def test_more_than_are_remembered_are_forgotten_and_told() -> None:
    packets = [datagram(QUERY, port=number) for number in (1, 2, 3, 1)]
    _, seen = exchanges(*packets, limits=DatagramLimits(known=2))
    assert (seen.streams, len(seen.passed)) == (4, 4)
    assert list(seen.notices()) == [
        "more than 2 exchanges over UDP: 2 were forgotten, and their stream numbers may differ from Wireshark's"
    ]
