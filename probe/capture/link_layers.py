"""From a frame to the IP packets in it: link layers, tags, tunnels and fragments.

Each link layer is a function from the frame's bytes to the EtherType of what it carries and where that begins. Link
types that stand here are read directly; any other goes to whom `Layers` was given for it. Numbers: the registry of
draft-ietf-opsawg-pcaplinktype (www.tcpdump.org/linktypes.html); EtherTypes: IEEE 802 Numbers, IANA.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from probe.capture.fragments import Fragments
from probe.capture.frame import Frame
from probe.capture.internet import AH, NO_NEXT_HEADER, Header, Packet, read_ipv4, read_ipv6, rest_of
from probe.capture.tunnels import GRE, IP_IN_IP, TUNNELS, UDP, UDP_TUNNELS, read_gre, read_udp

ETHERNET = 1
TCP = 6
_MOST_TOLD = 5  # link types
MOST_NESTED = 8  # IP headers in one frame; tags count too
_IPV4, _IPV6, _TRANSPARENT_ETHERNET = 0x0800, 0x86DD, 0x6558
_ANY_IP = -1  # no EtherType: the version says which it is
_PPP = 0x880B
_LLC = -2
_TAGS = frozenset((0x8100, 0x88A8, 0x9100, 0x9200))  # IEEE 802.1Q, 802.1ad, and what came before it
_MPLS = frozenset((0x8847, 0x8848))
_PPP_PROTOCOLS = {0x0021: _IPV4, 0x0057: _IPV6, 0x0281: 0x8847, 0x0283: 0x8848}  # RFC 1332, 5072, 3032


class Inside(NamedTuple):
    """What is carried, by EtherType, and where it begins. None in place of this: the header is not all there."""

    kind: int
    start: int


class OddLinks(Protocol):
    """Who reads link types that are not read here."""

    def knows(self, link_type: int) -> bool:
        """Whether it can read them at all."""
        ...

    def inside(self, link_type: int, data: bytes) -> Iterable[bytes]:
        """The IP packets of a frame, each from its header on. Never raises."""
        ...


def _fixed(kind: int, start: int) -> Callable[[bytes], Inside | None]:
    return lambda data: Inside(kind, start) if len(data) >= start else None


def _type_at(where: int, start: int) -> Callable[[bytes], Inside | None]:
    """An EtherType, big-endian, at `where`; what it names at `start`."""
    return lambda data: _ether_type(data, where, start)


def _ether_type(data: bytes, where: int, start: int) -> Inside | None:
    if len(data) < start:
        return None
    kind = data[where] << 8 | data[where + 1]
    return Inside(_LLC if kind < 0x0600 else kind, start)  # below: a length, or 802.2 on a cooked capture


def _address_family(data: bytes) -> Inside | None:
    """LINKTYPE_NULL and LOOP: an address family in the byte order of the host that captured, or in the network's."""
    if len(data) < 4:
        return None
    family = min(int.from_bytes(data[:4], "little"), int.from_bytes(data[:4], "big"))
    if family == 2:
        return Inside(_IPV4, 4)
    return Inside(_IPV6 if family in (24, 28, 30, 10) else 0, 4)  # BSD, FreeBSD, macOS, Linux


def _llc(data: bytes, at: int) -> Inside | None:
    """IEEE 802.2 with SNAP, RFC 1042: AA AA 03, an organization of zeros, an EtherType. Anything else is no IP."""
    if data[at : at + 6] == b"\xaa\xaa\x03\0\0\0" and len(data) >= at + 8:
        return Inside(int.from_bytes(data[at + 6 : at + 8], "big"), at + 8)
    return Inside(0, at) if len(data) >= at + 3 else None


def _ppp(data: bytes, at: int) -> Inside | None:
    """RFC 1661: perhaps address and control FF 03 (RFC 1662), a protocol of two bytes, or of one where it is odd."""
    if data[at + 1 : at + 2] == b"\x03" and data[at] in (0xFF, 0x00, 0x01):  # pppd: direction in place of FF
        at += 2
    if len(data) < at + 2:
        return None
    if data[at] & 1:
        return Inside(_PPP_PROTOCOLS.get(data[at], 0), at + 1)
    return Inside(_PPP_PROTOCOLS.get(int.from_bytes(data[at : at + 2], "big"), 0), at + 2)


def _pktap(data: bytes) -> Inside | None:
    """LINKTYPE_PKTAP of macOS: length 4, type 4, link type 4, …, little-endian; then the frame (XNU's net/pktap.h)."""
    length, link = int.from_bytes(data[:4], "little"), int.from_bytes(data[8:12], "little")
    if not 12 <= length <= len(data):
        return None
    read = LINKS.get(link)
    if read is None or read is _pktap:
        return Inside(0, length)
    inside = read(data[length:])
    return None if inside is None else Inside(inside.kind, inside.start + length)


_ethernet = _type_at(12, 14)
LINKS: dict[int, Callable[[bytes], Inside | None]] = {
    0: _address_family,
    ETHERNET: _ethernet,
    9: lambda data: _ppp(data, 0),
    12: _fixed(_ANY_IP, 0),  # DLT_RAW where it was written as it is, and on OpenBSD
    14: _fixed(_ANY_IP, 0),
    50: lambda data: _ppp(data, 0),
    51: lambda data: _ppp(data, 6),  # PPPoE without Ethernet, RFC 2516
    100: lambda data: _llc(data, 0),
    101: _fixed(_ANY_IP, 0),
    104: _type_at(2, 4),  # Cisco HDLC, RFC 1547 section 4.3.1
    108: _address_family,
    113: _type_at(14, 16),  # LINKTYPE_LINUX_SLL
    166: lambda data: _ppp(data, 0),
    228: _fixed(_IPV4, 0),
    229: _fixed(_IPV6, 0),
    258: _pktap,
    276: _type_at(0, 20),  # LINKTYPE_LINUX_SLL2
}


def _step(kind: int, data: bytes, at: int) -> Inside | None:
    """Over one tag or one header that is neither the frame's nor IP."""
    if kind in _TAGS:
        inside = _ether_type(data, at + 2, at + 4)
    elif kind in _MPLS:
        inside = _mpls(data, at)
    elif kind == 0x8864:  # PPPoE session: version and type, code, session 2, length 2, then PPP (RFC 2516)
        inside = _ppp(data, at + 6)
    elif kind == _PPP:
        inside = _ppp(data, at)
    elif kind == _LLC:
        inside = _llc(data, at)
    else:  # _TRANSPARENT_ETHERNET
        inside = _ether_type(data, at + 12, at + 14)
    return inside


def _mpls(data: bytes, at: int) -> Inside | None:
    """A stack of labels, RFC 3032; then IP by its version, or Ethernet behind a control word (RFC 4448)."""
    while len(data) > at + 4:
        last, at = data[at + 2] & 1, at + 4
        if last:
            if data[at] >> 4 in (4, 6):
                return Inside(_ANY_IP, at)
            return Inside(_TRANSPARENT_ETHERNET, at + 4 if data[at] >> 4 == 0 else at)
    return None


_BETWEEN = _TAGS | _MPLS | {0x8864, _PPP, _LLC, _TRANSPARENT_ETHERNET}
_MORE_TO_OPEN = TUNNELS | {AH}
_fast = struct.Struct(">12xHBxH2xHxB2x4s4s").unpack_from


class Layers:
    """Opens frames. What could not be opened is counted; `notices` says it in words."""

    def __init__(self, odd: OddLinks | None = None) -> None:
        self.frames = 0
        self.not_ip = 0  # frames that carry something else: ARP, spanning tree, …
        self.malformed = 0  # headers that lie
        self.cut = 0  # headers that are not all there, for the capture cut the packet
        self.too_deep = 0
        self.unknown_links: dict[int, int] = {}  # frames by link type
        self.fragments = Fragments()
        self._odd = odd

    @property
    def notices(self) -> list[str]:
        """What was not read, in plain English; complete when the last frame has been given."""
        lost = self.fragments.dropped + self.fragments.pending
        links = sorted(self.unknown_links.items())
        found = [(count, f"of link type {link}, which is not read") for link, count in links[:_MOST_TOLD]]
        found += [
            (sum(count for _, count in links[_MOST_TOLD:]), "of still other link types, which are not read"),
            (self.malformed, "with a header that cannot be: passed over"),
            (self.cut, "of which the capture kept too little to read the addresses"),
            (self.too_deep, f"with more than {MOST_NESTED} headers in one another: passed over"),
        ]
        told = [f"{count} {'frame' if count == 1 else 'frames'} {what}" for count, what in found if count]
        return told + ([f"{lost} IP fragments of packets of which others are missing"] if lost else [])

    def packets(self, frame: Frame) -> Sequence[Packet]:
        """The IP packets that a frame completes: mostly one; what is in a tunnel of UDP stands behind its datagram."""
        number, at, link, data, _ = frame
        self.frames += 1
        if link == ETHERNET and len(data) >= 34:  # what most are: Ethernet, IPv4 without options, all of it
            kind, version, total, fragment, protocol, source, destination = _fast(data)
            plain = kind == _IPV4 and version == 0x45 and not fragment & 0x3FFF and protocol not in _MORE_TO_OPEN
            if plain and 20 <= total <= len(data) - 14 and (protocol != UDP or data[36:38] not in UDP_TUNNELS):
                fields = (source, destination, protocol, data[34 : 14 + total], total - 20, number, at)
                return (tuple.__new__(Packet, fields),)
            if kind == _IPV6 and len(data) >= 58 and data[14] >> 4 == 6:  # and IPv6 alike
                protocol, end = data[20], 54 + (data[18] << 8 | data[19])
                if 54 < end <= len(data) and (protocol == TCP or (protocol == UDP and data[56:58] not in UDP_TUNNELS)):
                    fields = (data[22:38], data[38:54], protocol, data[54:end], end - 54, number, at)
                    return (tuple.__new__(Packet, fields),)
        return self._open(frame)

    def _open(self, frame: Frame) -> Sequence[Packet]:
        link = LINKS.get(frame.link_type)
        if link is None:
            return self._open_odd(frame)
        inside = link(frame.data)
        if inside is None:
            self._count_bad(frame)
            return ()
        found: list[Packet] = []
        self._unwrap(frame, frame.data, inside, frame.length, found)
        return found

    def _open_odd(self, frame: Frame) -> Sequence[Packet]:
        if self._odd is None or not self._odd.knows(frame.link_type):
            self.unknown_links[frame.link_type] = self.unknown_links.get(frame.link_type, 0) + 1
            return ()
        cut = max(frame.length - len(frame.data), 0)
        found: list[Packet] = []
        packets = list(self._odd.inside(frame.link_type, frame.data))
        for data in packets:
            self._unwrap(frame, data, Inside(_ANY_IP, 0), len(data) + cut, found)
        if not packets:
            self.not_ip += 1
        return found

    def _unwrap(self, frame: Frame, data: bytes, inside: Inside, wire: int, found: list[Packet]) -> None:
        """Step over what stands before the innermost IP payload, which is added to `found` where it is complete.

        So is a datagram of UDP that is a tunnel: who looks at UDP sees it as it is.
        """
        end, wire = len(data), max(wire, len(data))
        kind, at = inside
        for _ in range(2 * MOST_NESTED):
            following: Inside | None
            if kind in _BETWEEN:
                following = _step(kind, data, at)
            elif kind not in (_IPV4, _IPV6, _ANY_IP):
                self.not_ip += 1
                return
            else:
                header = _read_ip(kind, data, at, end, wire)
                if header is not None and header.fragment is not None:
                    whole = self._put_together(header, data, frame.at)
                    if whole is None:
                        return
                    data, header = whole
                if header is None:
                    self._count_bad(frame)
                    return
                if header.protocol not in TUNNELS:
                    if header.protocol != NO_NEXT_HEADER:
                        found.append(_packet(frame, header, data))
                    if header.protocol != UDP or (carried := read_udp(data, header.start, header.end)) is None:
                        return
                    following = Inside(*carried)
                else:
                    following = _open_tunnel(header, data)
                end, wire = header.end, header.wire
            if following is None:
                self._count_bad(frame)
                return
            kind, at = following
        self.too_deep += 1

    def _put_together(self, header: Header, data: bytes, at: float) -> tuple[bytes, Header | None] | None:
        assert header.fragment is not None
        key = (header.source, header.destination, header.fragment.packet, header.protocol)
        part = data[header.start : header.end]
        length = header.wire - header.start
        whole = self.fragments.put(key, header.fragment.offset, length, part, more=header.fragment.more, at=at)
        if whole is None:
            return None
        joined = header._replace(start=0, end=len(whole[0]), wire=whole[1])
        return whole[0], rest_of(joined, whole[0])

    def _count_bad(self, frame: Frame) -> None:
        if frame.length > len(frame.data):
            self.cut += 1
        else:
            self.malformed += 1


def _read_ip(kind: int, data: bytes, at: int, end: int, wire: int) -> Header | None:
    if kind == _ANY_IP:
        kind = _IPV4 if data[at : at + 1] and data[at] >> 4 == 4 else _IPV6
    return read_ipv4(data, at, end, wire) if kind == _IPV4 else read_ipv6(data, at, end, wire)


def _open_tunnel(header: Header, data: bytes) -> Inside | None:
    kind = IP_IN_IP.get(header.protocol)
    if kind is not None:
        return Inside(kind, header.start)
    assert header.protocol == GRE
    found = read_gre(data, header.start, header.end)
    return None if found is None else Inside(*found)


def _packet(frame: Frame, header: Header, data: bytes) -> Packet:
    source, destination, protocol, start, _, wire, _ = header
    return Packet(source, destination, protocol, data[start : header.end], wire - start, frame.number, frame.at)
