"""Connections out of packets: which they are, how they begin and end, and what happens when there are too many."""

from __future__ import annotations

from ipaddress import ip_address
from itertools import pairwise

import pytest

from probe.capture.connection import Connection, Endpoint
from probe.capture.flow import Flow, turned
from probe.capture.flows import Flows, Limits
from probe.capture.internet import Packet
from probe.handshake.machine import Side
from tests.capture.talk import (
    ACK,
    CLIENT,
    CONFIRM,
    FIN,
    HTTP,
    REQUEST,
    RST,
    SERVER,
    SYN,
    Talk,
    connections,
    header,
    only,
    renumbered,
    said,
    turns,
)

TLS = bytes.fromhex("16030100050100000100")


def test_a_whole_connection() -> None:
    found = only(Talk().opened().says(0, REQUEST).says(1, CONFIRM).closed().packets)
    assert (found.client, found.server) == (Endpoint("192.0.2.1", 50000), Endpoint("192.0.2.7", 3389))
    assert (found.syn, found.syn_ack, found.one_sided) == (True, True, None)
    assert (found.ending, found.ended_by, found.ended_packet) == ("closed", Side.CLIENT, 6)
    assert (found.first_packet, found.last_packet, found.packets) == (1, 8, 8)
    assert (found.started, found.ended) == (1_700_000_000.001, 1_700_000_000.008)
    assert (found.sent, found.received, found.gaps, found.truncated, found.cut) == (19, 19, False, False, False)
    assert turns(found) == [("client", REQUEST), ("server", CONFIRM)]


def test_addresses_of_ipv6() -> None:
    ends = ip_address("2001:db8::1").packed, ip_address("2001:db8::7").packed
    found = only(Talk(ends=ends).opened().says(0, REQUEST).packets)
    assert (str(found.client), str(found.server)) == ("[2001:db8::1]:50000", "[2001:db8::7]:3389")
    key = ends[0] + ends[1] + b"\1\2\3\4"
    assert turned(turned(key)) == key


# How it ends


def test_how_long_the_capture_goes_on_is_known_at_its_end() -> None:
    found: list[Connection] = []
    flows = Flows(found.append, Limits())
    flows.take(Talk().add(0, SYN).packets[0])
    flows.tick(1_700_000_001.001)
    flows.finish()
    assert found[0].goes_on == pytest.approx(1.0)
    assert only([*Talk().opened().closed().packets]).goes_on == pytest.approx(0.005, abs=1e-6)


def test_the_server_closes() -> None:
    assert only(Talk().opened().closed(1).packets).ended_by is Side.SERVER


def test_the_first_fin_is_the_one_that_the_other_acknowledges() -> None:
    """The client's FIN was captured behind the server's, which answers it."""
    packets = Talk().opened().closed().packets
    found = only(renumbered([*packets[:3], packets[4], packets[3], packets[5]]))
    assert (found.ending, found.ended_by, found.ended_packet) == ("closed", Side.CLIENT, 5)


def test_fins_that_cross_are_told_in_the_order_of_the_capture() -> None:
    talk = Talk().opened()
    crossing = talk.add(1, FIN | ACK).add(0, FIN | ACK, acknowledgment=talk.starts[1] + 1).packets
    assert only(crossing).ended_by is Side.SERVER
    assert only(Talk().opened().add(1, FIN).add(0, FIN).packets).ended_by is Side.SERVER


def test_a_fin_twice_is_one() -> None:
    talk = Talk().opened().closed()
    assert only(renumbered(packet for packet in talk.packets for _ in (1, 2))).ended_packet == 7


@pytest.mark.parametrize("resets", [0, 1])
def test_a_reset_after_a_fin_changes_nothing(resets: int) -> None:
    found = only(Talk().opened().add(0, FIN | ACK).add(resets, RST).packets)
    assert (found.ending, found.ended_by, found.ended_packet) == ("closed", Side.CLIENT, 4)


def test_a_reset_after_both_fins_changes_nothing() -> None:
    found = only(Talk().opened().closed(1).add(0, RST | ACK).packets)
    assert (found.ending, found.ended_by, found.packets) == ("closed", Side.SERVER, 7)


@pytest.mark.parametrize(("side", "who"), [(0, Side.CLIENT), (1, Side.SERVER)])
def test_a_reset_is_told_with_who_sent_it(side: int, who: Side) -> None:
    found = only(Talk().opened().says(0, REQUEST).add(side, RST).packets)
    assert (found.ending, found.ended_by, found.ended_packet) == ("reset", who, 5)


def test_a_syn_answered_by_a_reset_is_refused() -> None:
    found = only(Talk().add(0, SYN).add(1, RST | ACK).packets)
    assert (found.ending, found.ended_by, found.ended_packet) == ("refused", Side.SERVER, 2)
    assert not found.pieces


def test_a_scan_that_resets_an_open_port_was_not_refused() -> None:
    found = only(Talk().add(0, SYN).add(1, SYN | ACK).add(0, RST).packets)
    assert (found.ending, found.ended_by) == ("reset", Side.CLIENT)


def test_a_syn_without_an_answer() -> None:
    talk = Talk().add(0, SYN)
    found = only(talk.add(0, SYN, sequence=talk.starts[0]).packets)
    assert (found.ending, found.ended_by, found.packets, found.one_sided) == ("unanswered", None, 2, Side.CLIENT)


def test_the_client_alone_in_the_capture_is_no_unanswered_syn() -> None:
    talk = Talk().opened().says(0, REQUEST)
    found = only(packet for packet in talk.packets if packet.source == CLIENT)
    assert (found.ending, found.one_sided, found.gaps, found.syn_ack) == ("open", Side.CLIENT, False, False)


def test_the_server_alone_in_the_capture() -> None:
    talk = Talk().opened().says(0, REQUEST).says(1, CONFIRM)
    found = only(packet for packet in talk.packets if packet.source == SERVER)
    assert (found.one_sided, found.syn, found.syn_ack, said(found)[1]) == (Side.SERVER, False, True, CONFIRM)
    assert found.server.port == 3389


def test_the_capture_ends_first() -> None:
    assert only(Talk().opened().says(0, REQUEST).packets).ending == "open"


def unreachable(quoted: bytes, kind: bytes = b"\x03\x0a", protocol: int = 1) -> Packet:
    payload = kind + bytes(6) + quoted
    return Packet(b"\xc0\x00\x02\xfe", CLIENT, protocol, payload, len(payload), 9, 1.7e9)


def quoted_v4(talk: Talk, protocol: int = 6, length: int = 8) -> bytes:
    ip = b"\x45\0\0\x28\0\0\0\0\x40" + bytes([protocol, 0, 0]) + CLIENT + SERVER
    return ip + talk.packets[0].payload[:length]


def test_a_network_that_says_there_is_no_way() -> None:
    talk = Talk().add(0, SYN)
    found = only([*talk.packets, unreachable(quoted_v4(talk)), unreachable(quoted_v4(talk))])
    assert (found.ending, found.ended_by, found.ended_packet) == ("unreachable", None, 9)


def test_the_same_over_ipv6() -> None:
    ends = ip_address("2001:db8::1").packed, ip_address("2001:db8::7").packed
    talk = Talk(ends=ends).add(0, SYN)
    quoted = b"\x60\0\0\0\0\x14\x06\x40" + ends[0] + ends[1] + talk.packets[0].payload[:8]
    assert only([*talk.packets, unreachable(quoted, b"\x01\x01", 58)]).ending == "unreachable"


def test_an_answer_after_such_a_message_counts_for_more() -> None:
    talk = Talk().add(0, SYN)
    message = unreachable(quoted_v4(talk))
    talk.add(1, SYN | ACK).add(0, ACK)
    assert only([talk.packets[0], message, *talk.packets[1:]]).ending == "open"


def test_other_icmp_messages_say_nothing() -> None:
    talk = Talk().add(0, SYN)
    others = [
        unreachable(b"", b""),
        unreachable(quoted_v4(talk), b"\x0b\0"),
        unreachable(quoted_v4(talk, protocol=17)),
        unreachable(quoted_v4(talk, length=2)),
        unreachable(b"\x45"),
        unreachable(quoted_v4(Talk(ports=(1, 2)).add(0, SYN))),
        unreachable(quoted_v4(talk), protocol=47),
    ]
    assert only([*talk.packets, *others]).ending == "unanswered"


def test_an_open_connection_was_not_out_of_reach() -> None:
    """Its SYN+ACK is not in the capture; and "fragmentation needed" speaks of larger packets than a SYN."""
    opened = Talk().opened().packets
    assert only([opened[0], opened[2], unreachable(quoted_v4(Talk().add(0, SYN)))]).ending == "open"
    talk = Talk().add(0, SYN)
    for other in (quoted_v4(Talk(starts=[1, 1]).add(0, SYN)), quoted_v4(talk, length=4)):
        assert only([*talk.packets, unreachable(other)]).ending == "unanswered"
    assert only([*talk.packets, unreachable(quoted_v4(talk), b"\x03\x04")]).ending == "unanswered"


# What an RST proves


def test_a_reset_of_an_open_connection_is_no_refusal() -> None:
    opened = Talk().opened().add(1, RST | ACK).packets
    found = only([opened[0], *opened[2:]])
    assert (found.ending, found.ended_by, found.syn_ack) == ("reset", Side.SERVER, False)
    talk = Talk().add(0, SYN)
    assert only(talk.add(1, RST | ACK, sequence=0, acknowledgment=talk.next[0] + 7).packets).ending == "reset"
    assert only(Talk().add(0, SYN).add(1, RST, sequence=0).packets).ending == "reset"


def test_a_reset_out_of_the_window_says_nothing() -> None:
    talk = Talk().opened().says(0, REQUEST).add(1, RST, sequence=0x70000000).says(1, CONFIRM).closed()
    found = only(talk.packets)
    assert (found.ending, found.ended_by, found.ended_packet) == ("closed", Side.CLIENT, 7)
    assert said(found) == (REQUEST, CONFIRM)
    assert not found.gaps


@pytest.mark.parametrize("after", [(), (CONFIRM,)])
def test_a_reset_is_no_end_where_its_side_goes_on(after: tuple[bytes, ...]) -> None:
    talk = Talk().opened().says(0, REQUEST).add(1, RST)
    for data in after:
        talk.says(1, data)
    packets = [*talk.closed(1).packets, Talk(ports=(9, 9), at=1.7e9 + 9).add(0, SYN).packets[0]]
    found = only(packets)
    assert (found.ending, found.ended_by, found.ended_packet) == ("closed", Side.SERVER, 6 + len(after))
    assert said(found)[1] == b"".join(after)


def test_a_reset_that_goes_on_is_not_given_as_over() -> None:
    talk = Talk().opened().says(0, REQUEST).add(1, RST).says(1, CONFIRM)
    later = Talk(ports=(9, 9), at=1.7e9 + 9).add(0, SYN).packets
    found = only([*talk.packets, *later, talk.says(1, CONFIRM).packets[-1]])
    assert (found.ending, said(found)[1]) == ("open", CONFIRM * 2)


def test_a_fin_before_a_reset_stays_the_ending() -> None:
    talk = Talk().opened().add(0, FIN | ACK).add(1, RST).says(1, CONFIRM)
    found = only(talk.packets)
    assert (found.ending, found.ended_by, found.gaps) == ("closed", Side.CLIENT, False)


def test_the_second_reset_says_nothing_more() -> None:
    talk = Talk().opened().says(0, REQUEST).add(1, RST)
    assert not only(talk.add(1, RST, sequence=talk.next[1] + 1460).packets).gaps


@pytest.mark.parametrize("flags", [FIN | ACK, RST, RST | ACK])
def test_the_number_of_the_end_proves_the_bytes_before_it(flags: int) -> None:
    talk = Talk().opened().says(0, REQUEST)
    talk.next[0] += 500
    found = only(talk.add(0, flags).packets)
    assert (found.gaps, found.missing_at_end) == (True, (500, 0))


def test_what_a_reset_acknowledges_was_sent() -> None:
    talk = Talk().opened().says(0, REQUEST)
    talk.next[0] += 500
    assert only(talk.add(1, RST | ACK).packets).missing_at_end == (500, 0)
    talk = Talk().opened().says(0, REQUEST)
    assert only(talk.add(1, RST | ACK, acknowledgment=0x70000000).packets).missing_at_end == (0, 0)


def test_a_reset_of_which_no_number_is_known() -> None:
    found = only(Talk().add(0, RST | ACK).packets)
    assert (found.ending, found.gaps, found.missing_at_end) == ("reset", False, (0, 0))
    assert only(Talk().says(0, REQUEST).add(1, RST | ACK).packets).ended_by is Side.SERVER


# Who is the client


def test_without_a_syn_who_speaks_as_a_client_is_it() -> None:
    talk = Talk(ports=(3389, 50000)).says(0, REQUEST).says(1, CONFIRM)
    assert only(talk.packets).client.port == 3389
    assert only(renumbered(reversed(talk.packets))).client.port == 3389


def test_without_a_syn_and_content_the_known_port_is_the_servers() -> None:
    assert only(Talk().says(1, b"\0" * 20).says(0, b"\1" * 20).packets).server.port == 3389
    assert only(Talk(ports=(3389, 80)).says(0, b"\0" * 20).packets).server.port == 3389


@pytest.mark.parametrize("ports", [(40000, 3389), (3389, 40000)])
def test_without_a_port_that_is_known_the_lower_one_is_the_servers(ports: tuple[int, int]) -> None:
    data = bytes.fromhex("0300000902f0802100")
    found = only(Talk(ports=ports).says(0, data).packets, Limits(ports=frozenset()))
    assert found.server.port == 3389


def test_a_syn_ack_without_a_syn_is_of_the_server() -> None:
    talk = Talk(ports=(3389, 50000)).opened().says(0, REQUEST)
    found = only(renumbered(talk.packets[1:]))
    assert (found.client.port, found.syn, found.syn_ack, said(found)[0]) == (3389, False, True, REQUEST)


def test_who_opens_at_the_same_time_was_first_is_the_client() -> None:
    talk = Talk().add(0, SYN).add(1, SYN).add(0, SYN | ACK, sequence=1000).add(1, SYN | ACK, sequence=900_000)
    found = only(talk.says(0, REQUEST).says(1, CONFIRM).packets)
    assert (found.client.port, said(found)) == (50000, (REQUEST, CONFIRM))


def test_a_syn_of_the_other_side_that_comes_late() -> None:
    talk = Talk().opened().says(0, REQUEST)
    found = only(renumbered(talk.packets[number] for number in (2, 3, 1, 0)))
    assert (found.syn, found.syn_ack, said(found)[0], found.gaps) == (True, True, REQUEST, False)


def test_data_in_a_syn_is_data() -> None:
    found = only(Talk().add(0, SYN, REQUEST).add(1, SYN | ACK).says(1, CONFIRM).packets)
    assert (said(found), found.gaps) == ((REQUEST, CONFIRM), False)


def test_every_packet_twice() -> None:
    packets = Talk().opened().says(0, REQUEST).says(1, CONFIRM).add(0, RST).packets
    found = only(renumbered(packet for packet in packets for _ in (1, 2)))
    assert (said(found), found.retransmitted, found.ending, found.gaps) == ((REQUEST, CONFIRM), 2, "reset", False)
    assert found.packets == len(packets) * 2


# Streams, as Wireshark counts them


def test_another_connection_on_the_same_ports_is_another_stream() -> None:
    first = Talk().opened().says(0, REQUEST).closed()
    second = Talk(starts=[7000, 8000]).opened().says(0, REQUEST).says(1, CONFIRM)
    found = connections(renumbered([*first.packets, *second.packets]))
    assert [(each.stream, each.ending, len(each.pieces)) for each in found] == [(0, "closed", 1), (1, "open", 2)]


def test_also_while_the_first_one_is_still_open() -> None:
    talks = Talk().opened().packets, Talk(starts=[7000, 8000]).opened().packets
    assert [each.packets for each in connections(renumbered([*talks[0], *talks[1]]))] == [3, 3]


def test_the_same_syn_after_the_end_is_another_one() -> None:
    packets = Talk().opened().add(0, RST).packets
    assert [each.ending for each in connections(renumbered([*packets, *packets]))] == ["reset", "reset"]


def test_a_syn_that_is_sent_again_is_of_the_same_connection() -> None:
    talk = Talk().opened().says(0, REQUEST)
    assert only(renumbered([*talk.packets, talk.packets[0]])).packets == 5


def test_a_connection_that_is_passed_by_is_counted_once_and_its_follower_again() -> None:
    web = Talk(ports=(50000, 80)).opened().says(0, HTTP).says(1, b"HTTP/1.1 200 OK\r\n").closed()
    again = Talk(ports=(50000, 80), starts=[5, 6]).opened().says(0, REQUEST)
    found = connections(renumbered([*web.packets, *web.packets[3:], *again.packets]))
    assert [(each.stream, said(each)[0]) for each in found] == [(1, REQUEST)]


def test_a_follower_that_the_other_side_opens() -> None:
    web = Talk(ports=(50000, 80)).says(0, HTTP).says(1, b"HTTP/1.1 200 OK\r\n").add(1, RST)
    again = Talk(ports=(80, 50000), starts=[5, 6], ends=(SERVER, CLIENT)).opened().says(0, REQUEST)
    assert [each.stream for each in connections(renumbered([*web.packets, *again.packets]))] == [1]


# What is wanted


def test_rdp_is_found_on_any_port() -> None:
    assert only(Talk(ports=(50000, 443)).opened().says(0, REQUEST).packets).server.port == 443


def test_rdp_by_one_byte_at_a_time() -> None:
    talk = Talk(ports=(50000, 443)).opened()
    for byte in REQUEST:
        talk.says(0, bytes([byte]))
    assert said(only(talk.packets))[0] == REQUEST


@pytest.mark.parametrize("first", [HTTP, TLS, b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_what_is_not_rdp_is_counted_and_no_more(first: bytes) -> None:
    found: list[Connection] = []
    flows = Flows(found.append)
    for packet in Talk(ports=(50000, 443)).opened().says(0, first).says(1, b"x" * 1000).packets:
        flows.take(packet)
    flows.finish()
    assert (found, flows.streams) == ([], 1)


def test_what_began_before_the_capture_is_given_time_to_show_that_it_is_rdp() -> None:
    talk = Talk(ports=(50000, 443)).says(0, b"the end of something").says(1, CONFIRM)
    assert said(only(talk.packets))[1] == CONFIRM
    silent = Talk(ports=(50000, 443))
    for _ in range(9):
        silent.says(0, b"something else")
    assert not connections(silent.says(1, CONFIRM).packets)


def test_who_has_said_too_little_is_waited_for() -> None:
    talk = Talk(ports=(50000, 443)).opened().says(0, REQUEST[:1]).says(1, b"garbage")
    assert not connections(talk.packets)
    assert said(only(talk.says(0, REQUEST[1:]).packets))[0] == REQUEST


def test_what_is_not_rdp_on_its_port_is_kept_to_be_named() -> None:
    talk = Talk().opened().says(0, HTTP)
    for _ in range(10):
        talk.says(1, b"x" * 100)
    found = only(talk.packets)
    client, server = said(found)
    assert (client, len(server), found.received, found.cut) == (HTTP, 256, 1000, True)


def test_tls_on_its_port_is_kept_whole() -> None:
    talk = Talk().opened().says(0, TLS)
    for _ in range(10):
        talk.says(1, b"\x16\x03" + b"x" * 98)
    assert len(said(only(talk.packets))[1]) == 1000


def test_a_lost_beginning_on_its_port_may_still_come() -> None:
    talk = Talk().opened().says(0, REQUEST)
    for _ in range(12):
        talk.says(0, b"y" * 40)
    late = [*talk.packets[:3], *talk.packets[4:], talk.packets[3]]
    assert len(said(only(renumbered(late)))[0]) == 19 + 12 * 40


def test_connections_to_the_port_are_given_without_a_byte() -> None:
    found = only(Talk().opened().closed().packets)
    assert (found.pieces, found.ending, found.sent) == ([], "closed", 0)
    assert not connections(Talk(ports=(50000, 443)).opened().closed().packets)


def test_other_ports_can_be_looked_at() -> None:
    talk = Talk(ports=(50000, 13389)).add(0, SYN)
    assert only(talk.packets, Limits(ports=frozenset({13389}))).ending == "unanswered"
    assert not connections(talk.packets)


# What is no TCP


def test_headers_that_are_none_are_counted() -> None:
    flows = Flows(lambda _: None)
    good = Talk().add(0, SYN).packets[0]
    for payload, length in ((b"", 0), (good.payload[:13], 20), (good.payload[:12] + b"\x40" + good.payload[13:], 20)):
        flows.take(good._replace(payload=payload, length=length))
    flows.take(good._replace(payload=good.payload[:12] + b"\xf0" + good.payload[13:]))
    flows.take(good._replace(protocol=132))
    assert (flows.malformed, flows.streams) == (4, 0)
    assert list(flows.notices()) == ["4 packets have no readable TCP header"]


def test_a_packet_that_was_cut_in_its_options_has_a_gap_for_data() -> None:
    tcp = header((50000, 3389), 1001, 0, ACK, bytes(12))
    packet = Packet(CLIENT, SERVER, 6, tcp[:24], len(tcp) + 10, 1, 1.7e9)
    found = only([packet])
    assert (found.truncated, found.pieces, found.sent) == (True, [], 10)


def test_packets_cut_by_the_capture() -> None:
    talk = Talk().opened().says(0, REQUEST, cut=10).says(1, CONFIRM, cut=12).says(0, b"more", cut=4)
    found = only(talk.packets)
    assert [(piece.data, piece.missing) for piece in found.pieces] == [
        (REQUEST[:10], 0),
        (CONFIRM[:12], 0),
        (b"more", 9),
    ]
    assert (found.truncated, found.gaps, found.sent) == (True, False, 23)


# Time


def later(packets: list[Packet], seconds: float) -> list[Packet]:
    return [packet._replace(at=packet.at + seconds, number=packet.number + 100) for packet in packets]


def given_before_the_end(packets: list[Packet], limits: Limits | None = None) -> list[Connection]:
    found: list[Connection] = []
    flows = Flows(found.append, limits or Limits())
    for packet in packets:
        flows.take(packet)
        flows.tick(packet.at)
    return list(found)


OTHER = Talk(ports=(7, 3389)).add(0, SYN).packets


def test_what_is_over_is_given_a_moment_later() -> None:
    packets = Talk().opened().closed().packets
    assert not given_before_the_end([*packets, *later(OTHER, 0.5)])
    assert [each.ending for each in given_before_the_end([*packets, *later(OTHER, 2)])] == ["closed"]


def test_what_still_comes_in_that_moment_counts() -> None:
    talk = Talk().opened().says(0, REQUEST).says(1, CONFIRM).add(0, RST)
    assert said(only(renumbered(talk.packets[number] for number in (0, 1, 2, 3, 5, 4)))) == (REQUEST, CONFIRM)


def test_what_is_silent_for_very_long_is_given_as_it_is() -> None:
    talk = Talk().opened().says(0, REQUEST)
    assert not given_before_the_end([*talk.packets, *later(OTHER, 3000)])
    (found,) = given_before_the_end([*talk.packets, *later(OTHER, 4000)])
    assert (found.ending, found.ended_by) == ("timed_out", None)
    closing = talk.add(0, FIN | ACK).packets
    assert [each.ending for each in given_before_the_end([*closing, *later(OTHER, 4000)])] == ["closed"]


def test_a_syn_is_waited_for_less_long() -> None:
    talk = Talk().add(0, SYN)
    assert [each.ending for each in given_before_the_end([*talk.packets, *later(OTHER, 300)])] == ["unanswered"]


def test_what_comes_after_it_was_given_belongs_to_no_other() -> None:
    talk = Talk().opened().says(0, REQUEST)
    packets = [*talk.packets, *later(OTHER, 4000), *later(talk.says(1, CONFIRM).packets[-1:], 4001)]
    assert [each.stream for each in connections(packets)] == [0, 1]


def test_the_oldest_that_is_still_to_come() -> None:
    assert Flows(lambda _: None).oldest is None
    flows = Flows(lambda _: None)
    first, second = Talk().opened().add(0, RST).packets, Talk(ports=(5, 3389)).add(0, SYN).packets
    for packet in [*first, *later(second, 0)]:
        flows.take(packet)
    assert flows.oldest == 1
    flows.tick(1.8e9 - 1e8 + 2)
    assert flows.oldest == 101


# Too many


def syns(count: int, port: int = 3389) -> list[Packet]:
    return [
        Talk(ports=(1000 + number, port)).add(0, SYN).packets[0]._replace(number=number + 1, at=1.7e9 + number / 1000)
        for number in range(count)
    ]


def test_more_connections_than_the_table_takes_are_given_early_and_told() -> None:
    found: list[Connection] = []
    flows = Flows(found.append, Limits(flows=10))
    for packet in syns(3000):
        flows.take(packet)
    assert len(flows.table) <= 20
    flows.finish()
    assert [each.stream for each in found] == list(range(3000))
    assert {each.ending for each in found} == {"unanswered"}
    assert list(flows.notices()) == [
        "2990 connections were judged before they were over: too many bytes or connections at a time",
        "more than 10 connections at a time: 2990 were forgotten, and stream numbers may differ from Wireshark's",
    ]


def test_syns_to_other_ports_are_only_counted() -> None:
    told: list[Flow] = []
    flows = Flows(lambda _: pytest.fail("nobody asked for it"), Limits(flows=10))
    flows.unwanted = told.append
    for packet in syns(30, 443):
        flows.take(packet)
    flows.finish()
    assert (flows.streams, flows.early, flows.forgotten, len(told)) == (30, 0, 20, 30)


def web(number: int) -> list[Packet]:
    talk = Talk(ports=(1000 + number, 80), at=1.7e9 + number).opened().says(0, HTTP)
    return later(talk.packets, 0)


def test_the_longest_unused_of_those_that_are_passed_by_are_forgotten_first() -> None:
    flows = Flows(lambda _: None, Limits(flows=6))
    for number in range(6):
        for packet in web(number):
            flows.take(packet)
    used = later(web(0)[-1:], 50)
    flows.take(used[0])
    for packet in web(6) + web(0)[-1:]:
        flows.take(packet)
    assert (flows.streams, flows.forgotten) == (7, 1)
    flows.take(web(1)[-1])
    assert flows.streams == 8  # that one was forgotten, and is counted again


def test_all_in_use_there_is_still_an_end() -> None:
    flows = Flows(lambda _: None, Limits(flows=100))
    for number in range(100):
        for packet in web(number):
            flows.take(packet)
    for number in range(100):
        flows.take(later(web(number)[-1:], 500)[0])
    for packet in web(100):
        flows.take(packet)
    assert (flows.streams, flows.forgotten) == (101, 1)


def test_queues_do_not_grow_with_connections_that_are_gone() -> None:
    flows = Flows(lambda _: None, Limits(flows=5))
    for number in range(4000):
        for packet in Talk(ports=(1000, 80), starts=[9 * number, 5]).opened().says(0, HTTP).packets:
            flows.take(packet)
    assert flows.streams == 4000
    assert len(flows._ages) + len(flows._passed_ages) < 2500


def test_what_is_gone_is_not_looked_for_when_room_is_made() -> None:
    over = Talk().opened().add(0, RST).packets
    flows = Flows(lambda _: None, Limits(flows=3))
    for packet in [*over, *later(syns(3, 443), 10)]:
        flows.tick(packet.at)
        flows.take(packet)
    assert (flows.streams, flows.forgotten) == (4, 1)
    flows = Flows(lambda _: None, Limits(flows=2))
    again = Talk(ports=(1000, 80), starts=[5, 6]).opened().says(0, HTTP).packets
    for packet in [*web(0), *later(again, 5), *web(1), *web(2)]:
        flows.take(packet)
    assert (flows.streams, flows.forgotten) == (4, 1)


def test_one_connection_may_be_too_much_by_itself() -> None:
    found: list[Connection] = []
    flows = Flows(found.append, Limits(total=5000))
    for packet in long_talk(1):
        flows.take(packet)
    assert (len(found), flows.early, found[0].ending) == (1, 1, "open")


def long_talk(number: int, size: int = 1000) -> list[Packet]:
    talk = Talk(ports=(1000 + number, 3389), at=1.7e9 + number).opened().says(0, REQUEST)
    for _ in range(20):
        talk.says(1, b"\3" * size)
    return talk.packets


def test_more_bytes_than_may_be_kept_are_given_early_and_told() -> None:
    found: list[Connection] = []
    flows = Flows(found.append, Limits(total=100_000))
    flows.take(syns(1)[0])
    for number in range(1, 11):
        for packet in long_talk(number):
            flows.take(packet)
    assert 3 <= flows.early == len(found) < 10
    assert [earlier.stream < each.stream for earlier, each in pairwise(found)] == [True] * (len(found) - 1)
    flows.finish()
    assert len(found) == 11


def test_connections_that_say_nothing_take_room_too() -> None:
    found: list[Connection] = []
    flows = Flows(found.append, Limits(total=100_000))
    for number in range(1, 101):
        for packet in Talk(ports=(1000 + number, 3389), at=1.7e9).opened().packets:
            flows.take(packet)
    assert flows.early == len(found) > 30


def test_what_is_over_makes_room_first() -> None:
    found: list[Connection] = []
    flows = Flows(found.append, Limits(total=49_000))
    closing = Talk(ports=(9, 3389)).opened().says(0, REQUEST)
    for packet in [*long_talk(1), *long_talk(2)[:20], *closing.closed().packets, *long_talk(3)[:12]]:
        flows.take(packet)
    assert next(each.client.port for each in found) == 9


def test_no_more_than_so_many_linger() -> None:
    found: list[Connection] = []
    flows = Flows(found.append, Limits(lingering=3))
    for number in range(5):
        for packet in Talk(ports=(1000 + number, 3389)).opened().closed().packets:
            flows.take(packet)
    assert [each.stream for each in found] == [0, 1]
