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


FUTURE = 4.2e9  # in the year 2103


def timed(packets: Iterable[Packet], start: float) -> list[Frame]:
    return [each._replace(at=start + number / 1000) for number, each in enumerate(frames(packets))]


@pytest.mark.parametrize("size", [1, 4, 5, 6, 100])
@pytest.mark.parametrize("wrong", [FUTURE, 0.0])
def test_one_frame_with_a_wrong_time_ends_nothing(size: int, wrong: float) -> None:
    """Wherever it stands in what is handed over at a time."""
    every = timed(RDP.packets, 1.7e9)
    every.insert(4, frame(datagram(QUERY), 5)._replace(at=wrong))
    seen, found = Conversations(Layers()), []
    for start in range(0, len(every), size):
        found += seen.take(every[start : start + size])
    found += seen.finish()
    assert [(each.ending, said(each)) for each in found if isinstance(each, Connection)] == [
        ("open", (REQUEST, CONFIRM))
    ]


def test_a_time_that_the_next_frames_confirm_is_believed() -> None:
    seen, other = Conversations(Layers()), Talk(ports=(9, 9)).opened().says(0, HTTP)
    assert not seen.take(timed(RDP.packets, 1.7e9))
    assert not seen.take(timed(other.packets[:2], 1.7e9 + 9000))
    assert [
        each.ending for each in seen.take(timed(other.packets[2:], 1.7e9 + 9001)) if isinstance(each, Connection)
    ] == ["timed_out"]


def test_what_is_waited_for_is_not_waited_for_till_a_future_that_was_wrong() -> None:
    """Two frames agree on it; the right time is believed again."""
    seen, other = Conversations(Layers()), Talk(ports=(9, 9)).opened().says(0, HTTP)
    wrong = frame(datagram(QUERY), 5)._replace(at=FUTURE)
    for each in (wrong, wrong, *timed(RDP.packets, 1.7e9)):
        assert not seen.take([each])
    found = [seen.take(timed(other.packets[:1], 1.7e9 + 4000 + 100 * late)) for late in range(4)]
    assert [len(each) for each in found if each] == [1]


def test_fragments_of_what_is_passed_by_are_put_together() -> None:
    """The first one looks like any packet of the connection, and the second one would wait for it."""
    seen = Conversations(Layers())
    seen.take(frames(WEB.packets))
    skipped, whole = seen.skipped, WEB.packets[-1]
    for flags, part in ((0x2000, whole.payload[:400]), (50, whole.payload[400:])):
        made = frame(whole._replace(payload=part), 7)
        seen.take([made._replace(data=made.data[:20] + flags.to_bytes(2, "big") + made.data[22:])])
    assert not list(seen.finish())
    assert (seen.skipped, list(seen.notices())) == (skipped, [])


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
    assert (seen.take([]), list(seen.finish()), list(seen.notices())) == ([], [], [])


def test_a_capture_may_end_with_very_many_connections() -> None:
    talks = [Talk(ports=(number, 3389)).opened().packets[0] for number in range(1, 2502)]
    found, _ = conversations(talks)
    assert [each.stream for each in found] == list(range(2501))
