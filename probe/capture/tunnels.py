"""IP packets that carry packets: IP in IP, 6in4, GRE, MPLS in IP, VXLAN, Geneve.

Sources: RFC 2003 (protocol 4), RFC 4213 (41), RFC 4023 (137), RFC 2784 and 2890 (GRE), RFC 2637 (GRE version 1, PPTP),
draft-foschiano-erspan (mirrored Ethernet in GRE), RFC 7348 (VXLAN, as which clouds mirror traffic), RFC 8926 (Geneve).
"""

from __future__ import annotations

UDP = 17
GRE = 47
IP_IN_IP = {4: 0x0800, 41: 0x86DD, 137: 0x8847}  # protocol number: EtherType of what is inside
TUNNELS = frozenset((GRE, *IP_IN_IP))
_VXLAN, _GENEVE = 4789, 6081
UDP_TUNNELS = frozenset(port.to_bytes(2, "big") for port in (_VXLAN, _GENEVE))  # ports that they are sent to
_HAS_NETWORK = 0x08  # VXLAN's only flag
_ETHERNET = 0x6558  # transparent Ethernet bridging
_ERSPAN = 0x88BE
_ERSPAN_HEADER = 8  # of type II, which has sequence numbers; type I has neither
_CHECKSUM, _ROUTING, _KEY, _SEQUENCE, _ACKNOWLEDGE = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080


def read_gre(data: bytes, at: int, end: int) -> tuple[int, int] | None:
    """EtherType of what a GRE header carries, and where that begins. None: the header is not all there.

    Layout: flags and version 2, protocol 2, and where its flag is set: checksum and offset 4, key 4, sequence 4.
    """
    if end - at < 4:
        return None
    flags, kind = int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 2 : at + 4], "big")
    if flags & _ROUTING or flags & 7 > 1:
        return 0, at  # source routes (RFC 1701) and later versions: nothing that is known
    start = at + 4
    for flag in (_CHECKSUM, _KEY, _SEQUENCE):
        start += 4 if flags & flag else 0
    if flags & 7 == 1 and flags & _ACKNOWLEDGE:
        start += 4
    if kind == _ERSPAN:
        kind, start = _ETHERNET, start + (_ERSPAN_HEADER if flags & _SEQUENCE else 0)
    return (kind, start) if start <= end else None


def read_udp(data: bytes, at: int, end: int) -> tuple[int, int] | None:
    """EtherType of what a datagram of a tunnel carries, and where that begins. None: it is no such datagram.

    Layout behind the 8 bytes of UDP: of VXLAN flags 1, reserved 3, network 3, reserved 1; of Geneve version 2 bits and
    length of options 6 bits (in 4 bytes), flags 1, protocol 2, network 3, reserved 1, options.
    """
    port = data[at + 2 : at + 4]
    if port not in UDP_TUNNELS or end - at < 16:
        return None
    first, kind = data[at + 8], int.from_bytes(data[at + 10 : at + 12], "big")
    if int.from_bytes(port, "big") == _VXLAN:
        return (_ETHERNET, at + 16) if first == _HAS_NETWORK else None
    return (kind, at + 16 + first * 4) if first < 0x40 else None
