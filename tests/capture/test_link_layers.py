from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import IP, TCP, UDP, IPOption_NOP, fragment
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    fragment6,
)
from scapy.layers.ipsec import AH
from scapy.layers.l2 import ARP, GRE, LLC, SNAP, STP, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Dot3, Ether, Loopback
from scapy.layers.ppp import HDLC, PPP, PPPoE
from scapy.packet import Raw

from probe.capture.conversations import Conversations
from probe.capture.frame import Frame
from probe.capture.internet import Packet
from probe.capture.link_layers import LINKS, MOST_NESTED, Layers

SEGMENT = bytes(TCP(sport=4000, dport=3389, seq=5) / b"payload of a segment")
V4 = IP(src="192.0.2.1", dst="192.0.2.7", proto=6) / Raw(SEGMENT)
V6 = IPv6(src="2001:db8::1", dst="2001:db8::7", nh=6) / Raw(SEGMENT)
IN_V4 = (bytes((192, 0, 2, 1)), bytes((192, 0, 2, 7)), 6, SEGMENT, len(SEGMENT))
IN_V6 = (bytes.fromhex("20010db8" + "00" * 11 + "01"), bytes.fromhex("20010db8" + "00" * 11 + "07"), *IN_V4[2:])


in_parts: Any = fragment
in_parts6: Any = fragment6


def ether(**fields: Any) -> Any:
    """Addresses are given, or scapy asks the network for them."""
    return Ether(dst="02:00:00:00:00:02", src="04:00:00:00:00:04", **fields)


ETHER = ether()
MACS = b"\x02" * 6 + b"\x04" * 6


def opened(data: Any, link: int = 1, *, layers: Layers | None = None, cut: int | None = None) -> list[Any]:
    """What the frame gives, without number and time. Cut to so many bytes."""
    every = bytes(data)
    kept = every if cut is None else every[:cut]
    packets = (layers or Layers()).packets(Frame(3, 9.5, link, kept, len(every)))
    assert all(packet[5:] == (3, 9.5) for packet in packets)
    return [tuple(packet[:5]) for packet in packets]


BOTH = pytest.mark.parametrize(("packet", "found"), [(V4, IN_V4), (V6, IN_V6)], ids=["IPv4", "IPv6"])


@BOTH
@pytest.mark.parametrize(
    "before",
    [
        ETHER,
        ETHER / Dot1Q(vlan=5),
        ETHER / Dot1AD(vlan=5) / Dot1Q(vlan=6),
        ether(type=0x9100) / Dot1Q(vlan=5) / Dot1Q(vlan=6) / Dot1Q(vlan=7),
        ETHER / PPPoE(sessionid=7) / PPP(),
        ETHER / Dot1Q(vlan=5) / PPPoE(sessionid=7) / PPP(),
        ether(type=0x8847) / MPLS(s=0, label=16) / MPLS(s=1, label=17),
        ether(type=0x8847) / MPLS(s=1, label=17) / Raw(bytes(4)) / ETHER,
        Dot3(dst="02:00:00:00:00:02", src="04:00:00:00:00:04") / LLC() / SNAP(),
    ],
    ids=repr,
)
def test_ethernet_with_whatever_stands_between(before: Any, packet: Any, found: Any) -> None:
    assert opened(before / packet) == [found]
    assert opened(bytes(before / packet) + b"\xee" * 20) == [found]


@BOTH
@pytest.mark.parametrize(
    ("link", "before"),
    [
        (12, Raw(b"")),
        (14, Raw(b"")),
        (101, Raw(b"")),
        (113, CookedLinux()),
        (276, CookedLinuxV2()),
        (9, PPP()),
        (9, HDLC() / PPP()),
        (50, HDLC() / PPP()),
        (51, PPPoE(sessionid=3) / PPP()),
        (100, LLC() / SNAP()),
    ],
    ids=repr,
)
def test_other_link_types(link: int, before: Any, packet: Any, found: Any) -> None:
    before = before.copy()
    if link in (113, 276):
        before.proto = 0x0800 if packet is V4 else 0x86DD
    assert opened(before / packet if link not in (12, 14, 101) else packet, link) == [found]


@BOTH
def test_what_pppd_and_cisco_put_before(packet: Any, found: Any) -> None:
    protocol = b"\x21" if packet is V4 else b"\x57"
    assert opened(b"\x01\x03\0" + protocol + bytes(packet), 166) == [found]
    assert opened(b"\xff\x03" + protocol + bytes(packet), 9) == [found]  # one byte of protocol
    assert opened(b"\x0f\0" + (b"\x08\x00" if packet is V4 else b"\x86\xdd") + bytes(packet), 104) == [found]


def test_raw_link_types_of_one_version() -> None:
    assert opened(V4, 228) == [IN_V4]
    assert opened(V6, 229) == [IN_V6]
    assert opened(V6, 228) == opened(V4, 229) == []


@pytest.mark.parametrize("link", [0, 108])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("family", "packet", "found"),
    [(2, V4, [IN_V4]), *((each, V6, [IN_V6]) for each in (10, 24, 28, 30)), (7, V4, [])],
)
def test_loopback_in_both_byte_orders(link: int, order: str, family: int, packet: Any, found: Any) -> None:
    assert opened(struct.pack(order + "I", family) + bytes(packet), link) == found


def test_loopback_of_scapy() -> None:
    assert opened(Loopback() / V4, 0) == [IN_V4]


@pytest.mark.parametrize(
    "frame",
    [
        ETHER / ARP(),
        ETHER / LLC() / STP(),
        ETHER / PPPoE() / PPP(proto=0xC021) / Raw(b"\1\1\0\4"),
        ether(type=0x88CC) / Raw(bytes(30)),
    ],
    ids=repr,
)
def test_what_is_no_ip_is_counted(frame: Any) -> None:
    layers = Layers()
    assert not opened(frame, layers=layers)
    assert (layers.frames, layers.not_ip, layers.malformed, layers.cut) == (1, 1, 0, 0)
    assert not layers.notices


@pytest.mark.parametrize(
    "options", [[IPOption_NOP()] * 4, [IPOption_NOP()] * 40], ids=["one word of options", "as many as there can be"]
)
def test_options_of_ipv4(options: list[Any]) -> None:
    packet = IP(src="192.0.2.1", dst="192.0.2.7", proto=6, options=options) / Raw(SEGMENT)
    assert opened(ETHER / packet) == [IN_V4]


@pytest.mark.parametrize(
    "headers",
    [
        [IPv6ExtHdrHopByHop()],
        [IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt(), IPv6ExtHdrRouting(addresses=["2001:db8::9"])],
        [IPv6ExtHdrFragment(offset=0, m=0, id=5)],
        [IPv6ExtHdrHopByHop(), IPv6ExtHdrFragment(offset=0, m=0, id=5), IPv6ExtHdrDestOpt()],
        [AH(payloadlen=4, spi=1, seq=1, icv=bytes(12))],
    ],
    ids=repr,
)
def test_extension_headers_of_ipv6(headers: list[Any]) -> None:
    packet: Any = IPv6(src="2001:db8::1", dst="2001:db8::7")
    for header in headers:
        packet = packet / header
    packet.lastlayer().nh = 6
    assert opened(ETHER / packet / Raw(SEGMENT)) == [IN_V6]
    whole = bytes(ETHER / packet)
    for cut in range(14, len(whole)):  # the headers end early: the capture cut them
        layers = Layers()
        assert not opened(whole, layers=layers, cut=cut)
        assert (layers.cut, layers.malformed) == (1, 0)


def test_an_authentication_header_in_ipv4() -> None:
    packet = (
        IP(src="192.0.2.1", dst="192.0.2.7", proto=51)
        / AH(nh=6, payloadlen=4, spi=1, seq=1, icv=bytes(12))
        / Raw(SEGMENT)
    )
    assert opened(ETHER / packet) == [IN_V4]


def test_what_is_encrypted_is_given_as_it_is_and_nothing_as_nothing() -> None:
    packet = IPv6(src="2001:db8::1", dst="2001:db8::7", nh=50) / Raw(b"12345678")
    assert opened(ETHER / packet) == [(*IN_V6[:2], 50, b"12345678", 8)]
    assert not opened(ETHER / IPv6(nh=59) / Raw(b"12345678"))


def test_a_length_of_nothing_means_all_that_was_captured() -> None:
    for packet, found in ((V4, IN_V4), (V6, IN_V6)):
        data = bytearray(bytes(ETHER / packet))
        where = 16 if packet is V4 else 18
        data[where : where + 2] = bytes(2)
        assert opened(data) == [found]


@BOTH
def test_what_the_capture_cut_is_known_by_its_length(packet: Any, found: Any) -> None:
    start = len(bytes(ETHER / packet)) - len(SEGMENT)
    for kept in (0, 1, 15):
        assert opened(ETHER / packet, cut=start + kept) == [(*found[:3], SEGMENT[:kept], len(SEGMENT))]


BAD = {
    "header of 4 words": b"\x44" + bytes(V4)[1:],
    "version 5": b"\x55" + bytes(V4)[1:],
    "total length within the header": bytes(V4)[:2] + b"\0\x13" + bytes(V4)[4:],
    "options beyond the end": b"\x4f" + bytes(V4)[1:40],
    "not even a header": bytes(V4)[:19],
}


@pytest.mark.parametrize("why", BAD)
def test_headers_that_lie_are_counted_and_passed_over(why: str) -> None:
    layers = Layers()
    assert not opened(MACS + b"\x08\0" + BAD[why], layers=layers)
    assert not opened(MACS + b"\x86\xdd" + BAD[why], layers=layers)
    assert (layers.malformed, layers.cut) == (2, 0)
    assert layers.notices == ["2 frames with a header that cannot be: passed over"]


@pytest.mark.parametrize("link", sorted(LINKS))
def test_no_frame_is_too_short(link: int) -> None:
    whole = bytes(ETHER / Dot1Q() / PPPoE() / PPP() / V6) if link == 1 else bytes(range(40))
    for size in range(len(whole) - len(SEGMENT) if link == 1 else len(whole)):
        layers = Layers()
        assert not opened(whole[:size], link, layers=layers)
        assert layers.malformed + layers.not_ip + layers.cut == 1 or link in (12, 14, 101)


GRE_FORMS = {
    "plain": GRE(),
    "checksum": GRE(chksum_present=1),
    "key and sequence": GRE(key_present=1, key=7, seqnum_present=1),
    "all": GRE(chksum_present=1, key_present=1, seqnum_present=1),
    "Ethernet": GRE(proto=0x6558) / ETHER,
    "Ethernet with a tag": GRE(proto=0x6558, key_present=1, key=5) / ETHER / Dot1Q(),
    "ERSPAN I": GRE(proto=0x88BE) / ETHER,
    "ERSPAN II": GRE(proto=0x88BE, seqnum_present=1) / Raw(bytes(8)) / ETHER,
    "PPTP": Raw(bytes.fromhex("3081880b0000000000000000 00000000")) / HDLC() / PPP(),
}


@BOTH
@pytest.mark.parametrize("form", GRE_FORMS)
def test_gre(form: str, packet: Any, found: Any) -> None:
    outer = ETHER / IP(src="10.0.0.1", dst="10.0.0.2", proto=47)
    whole = outer / GRE_FORMS[form] / packet
    assert opened(whole) == [found]
    assert opened(bytes(whole) + bytes(9)) == [found]
    assert opened(ETHER / IPv6(nh=47) / GRE_FORMS[form] / packet) == [found]


@pytest.mark.parametrize("data", [b"\0\0\x08", b"\x20\0\x08\0abc", b"\xb0\0\x08\0" + bytes(11)])
def test_gre_that_ends_early(data: bytes) -> None:
    layers = Layers()
    assert not opened(ETHER / IP(proto=47) / Raw(data), layers=layers)
    assert layers.malformed == 1


@pytest.mark.parametrize("data", [b"\x40\0\x08\0", b"\0\2\x08\0", b"\0\0\0\0"])
def test_gre_of_another_kind_is_no_ip(data: bytes) -> None:
    layers = Layers()
    assert not opened(ETHER / IP(proto=47) / Raw(data + bytes(40)), layers=layers)
    assert (layers.not_ip, layers.malformed) == (1, 0)


@BOTH
def test_ip_in_ip(packet: Any, found: Any) -> None:
    protocol = 4 if packet is V4 else 41
    assert opened(ETHER / IP(proto=protocol) / packet) == [found]
    assert opened(ETHER / IPv6(nh=protocol) / packet) == [found]
    assert opened(ETHER / IP(proto=137) / MPLS(s=1) / packet) == [found]


VXLAN = bytes.fromhex("0800000000000700")
GENEVE = bytes.fromhex("0200655800000700 0102030405060708")
UDP_FORMS = {
    "VXLAN": (4789, VXLAN, ETHER),
    "VXLAN with a tag": (4789, VXLAN, ETHER / Dot1Q()),
    "Geneve": (6081, GENEVE, ETHER),
}


@BOTH
@pytest.mark.parametrize("form", UDP_FORMS)
@pytest.mark.parametrize("outer", [IP(src="10.0.0.1", dst="10.0.0.2"), IPv6(src="::1", dst="::2")], ids=["4", "6"])
def test_tunnels_of_udp_are_given_as_they_are_and_opened(form: str, outer: Any, packet: Any, found: Any) -> None:
    port, header, before = UDP_FORMS[form]
    datagram = UDP(sport=50000, dport=port) / Raw(header) / before / packet
    first, second = opened(ETHER / outer / datagram)
    assert second == found
    assert first[2:] == (17, bytes(outer / datagram)[len(bytes(outer)) :], len(bytes(datagram)))


@pytest.mark.parametrize("start", ["00000000 00000700", "80006558 00000700", "08", ""])
@pytest.mark.parametrize("port", [4789, 6081, 3389])
def test_datagrams_to_their_ports_that_are_none_are_datagrams(port: int, start: str) -> None:
    layers = Layers()
    rest = bytes.fromhex(start) + bytes(ETHER / V4) if len(start) > 2 and port != 6081 else bytes.fromhex(start)
    (datagram,) = opened(ETHER / IP() / UDP(dport=port) / Raw(rest), layers=layers)
    assert datagram[2] == 17
    assert (layers.malformed, layers.not_ip) == ((0, 1) if port == 6081 and start.startswith("00") else (0, 0))


@BOTH
def test_a_tunnel_of_udp_is_no_exchange_that_is_passed_by(packet: Any, found: Any) -> None:
    data = bytes(
        ETHER / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=50000, dport=4789) / Raw(VXLAN) / ETHER / packet
    )
    conversations = Conversations(Layers())
    conversations.take([Frame(number, 0.0, 1, data, len(data)) for number in (1, 2, 3)])
    (connection,) = conversations.finish()
    assert (connection.server.port, connection.packets) == (3389, 3)


@BOTH
def test_the_pktap_of_macos(packet: Any, found: Any) -> None:
    header = struct.pack("<III24s", 36, 1, 1, b"en0")
    assert opened(header + bytes(ETHER / packet), 258) == [found]
    raw = struct.pack("<III24s", 36, 1, 12, b"utun3")
    assert opened(raw + bytes(packet), 258) == [found]
    layers = Layers()
    for bad in (struct.pack("<III24s", 36, 1, 258, b""), struct.pack("<III24s", 36, 1, 777, b"")):
        assert not opened(bad + bytes(ETHER / packet), 258, layers=layers)
    assert (layers.not_ip, layers.malformed) == (2, 0)
    for bad in (header[:20], struct.pack("<III", 4, 1, 1), header + bytes(5)):
        assert not opened(bad, 258, layers=layers)
    assert layers.malformed == 3


@pytest.mark.parametrize("total", [0, 1, 20, 39, 40, 41, 60])
def test_plain_ipv6_has_a_short_way_too(total: int) -> None:
    for version, protocol in ((0x60, 6), (0x40, 6), (0x60, 17)):
        header = struct.pack(">B3xHBB", version, total, protocol, 64) + bytes(range(32))
        data = MACS + b"\x86\xdd" + header + bytes(range(40))
        frame = Frame(1, 0.0, 1, data, len(data))
        assert list(Layers().packets(frame)) == list(Layers()._open(frame))


def test_not_every_unknown_link_type_is_told() -> None:
    layers = Layers()
    for link in range(1000, 1100):
        opened(b"abc", link, layers=layers)
    assert len(layers.notices) == 6
    assert layers.notices[-1] == "95 frames of still other link types, which are not read"


@pytest.mark.parametrize("labels", ["", "000010", "00001040", "00001140", "0000104000001140"])
def test_labels_that_end_early(labels: str) -> None:
    layers = Layers()
    assert not opened(ether(type=0x8847) / Raw(bytes.fromhex(labels)), layers=layers)
    assert layers.malformed == 1


def test_nesting_has_an_end() -> None:
    inner: Any = V4
    for _ in range(MOST_NESTED):
        inner = IP(proto=4) / inner
    assert opened(ETHER / inner) == [IN_V4]
    for _ in range(2 * MOST_NESTED):
        inner = IP(proto=4) / inner
    layers = Layers()
    assert not opened(ETHER / inner, layers=layers)
    assert layers.too_deep == 1
    assert layers.notices == [f"1 frame with more than {MOST_NESTED} headers in one another: passed over"]


LONG = TCP(sport=4000, dport=3389) / Raw(bytes(range(256)) * 16)


def _fragments(version: int) -> list[Any]:
    if version == 4:
        return list(in_parts(IP(src="192.0.2.1", dst="192.0.2.7", id=9) / LONG, 1000))
    whole = IPv6(src="2001:db8::1", dst="2001:db8::7") / IPv6ExtHdrFragment(id=9) / LONG
    return list(in_parts6(whole, 1000))


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("backwards", [False, True])
def test_fragments_are_put_together(version: int, backwards: bool) -> None:
    parts = _fragments(version)
    whole = bytes(IP(src="192.0.2.1", dst="192.0.2.7") / LONG)[20:]
    if version == 6:
        whole = bytes(IPv6(src="2001:db8::1", dst="2001:db8::7") / LONG)[40:]
    layers, found = Layers(), list[Packet]()
    for number, part in enumerate(reversed(parts) if backwards else parts):
        assert not found
        data = bytes(ETHER / part)
        found += layers.packets(Frame(number, 5.0, 1, data, len(data)))
    assert [packet[2:] for packet in found] == [(6, whole, len(whole), len(parts) - 1, 5.0)]
    assert not layers.notices


def test_headers_behind_the_fragment_header_are_read_when_all_is_there() -> None:
    options = bytes(IPv6ExtHdrDestOpt(nh=6))
    payload = options + SEGMENT
    base = IPv6(src="2001:db8::1", dst="2001:db8::7")
    layers = Layers()
    assert not opened(ETHER / base / IPv6ExtHdrFragment(nh=60, id=1, m=1) / Raw(payload[:16]), layers=layers)
    last = ETHER / base / IPv6ExtHdrFragment(nh=60, id=1, offset=2) / Raw(payload[16:])
    assert opened(last, layers=layers) == [IN_V6]


def test_a_tunnel_in_fragments() -> None:
    layers = Layers()
    parts = in_parts(IP(proto=4, id=3) / Raw(bytes(V6.copy())), 48)
    parts6 = in_parts(IP(proto=41, id=3) / V6, 48)
    found = [packet for part in parts6 for packet in opened(ETHER / part, layers=layers)]
    assert found == [IN_V6]
    assert not [packet for part in parts for packet in opened(ETHER / part, layers=layers)]
    assert layers.malformed == 1  # IPv6 where IPv4 was said to be


def test_lost_fragments_are_told() -> None:
    layers = Layers()
    opened(ETHER / _fragments(4)[0], layers=layers)
    assert layers.notices == ["1 IP fragments of packets of which others are missing"]


class Odd:
    """Knows link type 777: a byte, then IP packets with their lengths before them."""

    def knows(self, link_type: int) -> bool:
        return link_type == 777

    def inside(self, link_type: int, data: bytes) -> Iterable[bytes]:
        at = 1
        while at < len(data):
            yield data[at + 1 : at + 1 + data[at]]
            at += 1 + data[at]


def test_other_link_types_are_left_to_who_knows_them() -> None:
    frame = b"!" + b"".join(bytes((len(each),)) + each for each in (bytes(V4), bytes(V6)))
    layers = Layers(Odd())
    assert opened(frame, 777, layers=layers) == [IN_V4, IN_V6]
    assert not opened(b"!", 777, layers=layers)
    assert layers.not_ip == 1
    assert not opened(b"!\x03abc", 777, layers=layers)
    assert layers.malformed == 1
    assert not opened(frame, 778, layers=layers)
    assert not opened(frame, 778, layers=layers)
    assert layers.notices == [
        "2 frames of link type 778, which is not read",
        "1 frame with a header that cannot be: passed over",
    ]
    nobody = Layers()
    assert not opened(frame, 777, layers=nobody)
    assert nobody.unknown_links == {777: 1}


@given(st.sampled_from([*sorted(LINKS), 777]), st.binary(max_size=120), st.integers(0, 30))
def test_no_bytes_raise(link: int, data: bytes, cut: int) -> None:
    layers = Layers(Odd())
    for packet in layers.packets(Frame(1, 0.0, link, data, len(data) + cut)):
        assert len(packet.payload) <= len(data)


_KINDS = [b"\x08\0", b"\x86\xdd", b"\x81\0", b"\x88\x64", b"\x88\x47", b"\x65\x58", b"\x88\x0b"]


_PROTOCOLS = st.sampled_from([4, 6, 17, 41, 44, 47, 51, 60])
_VERSIONS = st.sampled_from([0x45, 0x46, 0x60])


@given(st.sampled_from(_KINDS), _PROTOCOLS, _VERSIONS, st.binary(max_size=200))
def test_no_headers_raise(kind: bytes, protocol: int, version: int, data: bytes) -> None:
    packet = bytearray(max(20, len(data)))
    packet[: len(data)] = data
    packet[0] = version
    packet[6 if version == 0x60 else 9] = protocol
    every = MACS + kind + bytes(packet)
    for found in Layers().packets(Frame(1, 0.0, 1, every, len(every))):
        assert found.payload in every


@given(st.binary(max_size=60), st.integers(0, 60), st.integers(0, 255), st.sampled_from([0, 0x4000, 0x2000, 3]))
def test_the_short_way_is_the_long_way(noise: bytes, total: int, protocol: int, where: int) -> None:
    """Ethernet with plain IPv4 is read by a way of its own."""
    data = MACS + b"\x08\0" + struct.pack(">BBHHHBBH", 0x45, 0, total, 1, where, 64, protocol, 0) + noise
    frame = Frame(1, 0.0, 1, data, len(data))
    assert list(Layers().packets(frame)) == list(Layers()._open(frame))


def test_cisco_discovery_is_no_ip() -> None:
    layers = Layers()
    frame = MACS + b"\0\x20\xaa\xaa\x03\0\0\x0c\x20\0" + bytes(24)
    assert not opened(frame, layers=layers)
    assert layers.not_ip == 1
