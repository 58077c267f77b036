"""IP packets that carry packets: IP in IP, 6in4, GRE, MPLS in IP.

Sources: RFC 2003 (protocol 4), RFC 4213 (41), RFC 4023 (137), RFC 2784 and 2890 (GRE), RFC 2637 (GRE version 1, PPTP),
draft-foschiano-erspan (mirrored Ethernet in GRE).
"""

from __future__ import annotations

GRE = 47
IP_IN_IP = {4: 0x0800, 41: 0x86DD, 137: 0x8847}  # protocol number: EtherType of what is inside
TUNNELS = frozenset((GRE, *IP_IN_IP))
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
