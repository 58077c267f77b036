"""Frames into connections: what is passed by is not opened, and nothing else is."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import pytest

from probe.capture.connection import Connection, Datagrams
from probe.capture.conversations import Conversations
from probe.capture.frame import Frame
from probe.capture.internet import Packet
from probe.capture.link_layers import ETHERNET, Layers
from tests.capture.talk import CONFIRM, HTTP, REQUEST, Talk, said
from tests.capture.test_datagrams import ANSWER, OFFER, QUERY, datagram

V6 = bytes.fromhex("20010db8" + "00" * 11 + "01"), bytes.fromhex("20010db8" + "00" * 11 + "07")


def frame(packet: Packet, number: int) -> Frame:
    length = len(packet.payload)
    if len(packet.source) == 4:
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, packet.protocol, 0)
        kind = b"\x08\0"
    else:
        ip, kind = struct.pack(">IHBB", 6 << 28, length, packet.protocol, 64), b"\x86\xdd"
    data = bytes(12) + kind + ip + packet.source + packet.destination + packet.payload
    return Frame(number, 1.7e9 + number / 1000, ETHERNET, data, len(data))


def frames(packets: Iterable[Packet]) -> list[Frame]:
    return [frame(packet, number) for number, packet in enumerate(packets, 1)]


def conversations(*parts: Iterable[Packet]) -> tuple[list[Connection | Datagrams], Conversations]:
    seen = Conversations(Layers())
    packets = [packet for part in parts for packet in part]
    found = seen.take(frames(packets))
    return [*found, *seen.finish()], seen


WEB = Talk(ports=(50000, 80)).opened().says(0, HTTP).says(1, b"HTTP/1.1 200 OK\r\n").says(1, b"x" * 900)
WEB_6 = Talk(ports=(50000, 80), ends=V6).opened().says(0, HTTP).says(1, b"x" * 900).says(1, b"x" * 900)
RDP = Talk().opened().says(0, REQUEST).says(1, CONFIRM)


@pytest.mark.parametrize("web", [WEB, WEB_6], ids=["IPv4", "IPv6"])
def test_what_is_not_rdp_is_passed_by(web: Talk) -> None:
    found, seen = conversations(web.packets, RDP.packets)
    assert [(each.stream, said(each)) for each in found if isinstance(each, Connection)] == [(1, (REQUEST, CONFIRM))]
    assert (seen.skipped, seen.layers.frames) == (2, 11)


def test_a_follower_on_the_same_ports_is_not_passed_by() -> None:
    again = Talk(ports=(50000, 80), starts=[5, 6]).opened().says(0, REQUEST)
    found, seen = conversations(WEB.packets, again.packets)
    assert [each.stream for each in found] == [1]
    assert seen.flows.streams == 2


def test_datagrams() -> None:
    queries = [datagram(QUERY * 2, port=9), datagram(QUERY * 2, port=9), datagram(QUERY * 2, port=9, back=True)]
    found, seen = conversations(queries, [datagram(OFFER), datagram(ANSWER, back=True)], RDP.packets)
    assert [(type(each).__name__, each.stream) for each in found] == [("Connection", 0), ("Datagrams", 1)]
    assert (seen.skipped, seen.exchanges.streams, seen.flows.streams) == (2, 2, 1)


def test_other_frames_go_the_whole_way() -> None:
    seen = Conversations(Layers())
    short = Frame(1, 1.7e9, ETHERNET, bytes(20), 20)
    arp = Frame(2, 1.7e9, ETHERNET, bytes(12) + b"\x08\x06" + bytes(60), 74)
    cut = frame(Talk(ends=V6).opened().packets[0], 3)._replace(
        data=frame(Talk(ends=V6).opened().packets[0], 3).data[:60]
    )
    unknown = Frame(4, 1.7e9, 9999, bytes(80), 80)
    assert seen.take([short, arp, cut, unknown]) == []
    assert seen.flows.streams == 0
    assert "1 frame of link type 9999, which is not read" in list(seen.notices())


def test_no_frames_at_all() -> None:
    seen = Conversations(Layers())
    assert (seen.take([]), seen.oldest, list(seen.finish()), list(seen.notices())) == ([], None, [], [])


def test_the_oldest_that_is_still_to_come_is_of_either_kind() -> None:
    seen = Conversations(Layers())
    seen.take(frames([datagram(OFFER), *RDP.packets]))
    assert (seen.oldest, seen.flows.oldest) == (1, 2)


def test_a_capture_may_end_with_very_many_connections() -> None:
    talks = [Talk(ports=(number, 3389)).opened().packets[0] for number in range(1, 2502)]
    found, _ = conversations(talks)
    assert [each.stream for each in found] == list(range(2501))
