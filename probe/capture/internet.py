"""IPv4 and IPv6 headers, with their options and extension headers: whose packet it is, and where its payload stands.

Sources: RFC 791 section 3.1, RFC 8200 sections 3 and 4, RFC 4302 section 2 (AH), RFC 4303 (ESP), RFC 6275 (mobility),
RFC 7401 (HIP), RFC 5533 (Shim6); protocol numbers: IANA.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

AH = 51  # authentication header: what it protects stands behind it
NO_NEXT_HEADER = 59
_FRAGMENT = 44
_LIKE_OPTIONS = frozenset((0, 43, 60, 135, 139, 140))  # hop-by-hop, routing, destination options, …: length in 8 bytes
_EXTENSIONS = _LIKE_OPTIONS | {AH, _FRAGMENT}
_IPV4 = struct.Struct(">BxHHHxB2x4s4s")
_IPV6 = struct.Struct(">B3xHBx16s16s")


class Packet(NamedTuple):
    """What one IP packet carries, its fragments put together."""

    source: bytes  # 4 bytes or 16
    destination: bytes
    protocol: int  # 6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6, …
    payload: bytes  # cut to the length that IP states
    length: int  # bytes that the payload had on the wire: more than are in `payload` where the capture cut it
    number: int  # of the frame; of the last that came where there are fragments
    at: float  # seconds since 1970


class Fragment(NamedTuple):
    """Which part of which packet this is."""

    packet: int  # identification
    offset: int  # bytes
    more: bool


class Header(NamedTuple):
    """What a header says. Positions are in the bytes that were given."""

    source: bytes
    destination: bytes
    protocol: int
    start: int  # where the payload begins
    end: int  # where it ends as far as it was captured
    wire: int  # where it ended on the wire
    fragment: Fragment | None = None


def read_ipv4(data: bytes, at: int, end: int, wire: int) -> Header | None:
    """An IPv4 header at `at`; `end` bytes were captured of `wire`. None: it is none, lies, or is not all there.

    A total length of 0 is what a capture shows of a packet that the network card will cut (TSO): all of it counts.
    """
    if end - at < _IPV4.size:
        return None
    first, total, packet, where, protocol, source, destination = _IPV4.unpack_from(data, at)
    size = (first & 0x0F) * 4
    if first >> 4 != 4 or size < _IPV4.size or size > end - at or 0 < total < size:
        return None
    if total:
        wire = at + total
    fragment = Fragment(packet, (where & 0x1FFF) * 8, bool(where & 0x2000)) if where & 0x3FFF else None
    header = Header(source, destination, protocol, at + size, min(end, wire), wire, fragment)
    return _after_options(header, data) if protocol == AH and fragment is None else header


def read_ipv6(data: bytes, at: int, end: int, wire: int) -> Header | None:
    """An IPv6 header at `at` with its extension headers, up to the fragment header or ESP. Otherwise as `read_ipv4`."""
    if end - at < _IPV6.size:
        return None
    first, length, protocol, source, destination = _IPV6.unpack_from(data, at)
    if first >> 4 != 6:
        return None
    start = at + _IPV6.size
    if length:
        wire = start + length
    header = Header(source, destination, protocol, start, min(end, wire), wire)
    return _after_options(header, data) if protocol in _EXTENSIONS else header


def rest_of(header: Header, data: bytes) -> Header | None:
    """What stands behind the extension headers of a packet that was put together from fragments."""
    return _after_options(header._replace(fragment=None), data)


def _after_options(header: Header, data: bytes) -> Header | None:
    """Step over extension headers. None where one of them is not all there."""
    protocol, start, end = header.protocol, header.start, header.end
    while protocol in _EXTENSIONS:
        if end - start < 8:
            return None
        following = data[start]
        if protocol == _FRAGMENT:
            where, packet = struct.unpack_from(">HI", data, start + 2)
            if where & 0xFFF9:
                fragment = Fragment(packet, where & 0xFFF8, bool(where & 1))
                return header._replace(protocol=following, start=start + 8, fragment=fragment)
            start += 8  # a packet that is its only fragment, RFC 6946
        else:
            start += (data[start + 1] + 2) * 4 if protocol == AH else (data[start + 1] + 1) * 8
        if start > end:
            return None
        protocol = following
    return header._replace(protocol=protocol, start=start)
