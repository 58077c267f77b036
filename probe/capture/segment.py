"""A TCP header out of one packet of a capture.

Source: RFC 9293, 3.1.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
_HEADER = struct.Struct(">4xIIBB")  # ports, sequence, acknowledgment, data offset, flags; window and checksum follow
_unpack = _HEADER.unpack_from
SMALLEST = 20  # bytes of a header without options


class Segment(NamedTuple):
    """What a segment says, beside its addresses and ports, and when it was captured."""

    sequence: int
    acknowledgment: int  # means something with ACK only
    flags: int
    data: bytes  # shorter than `length` where the capture cut it (snaplen)
    length: int  # bytes of data that it had on the wire
    at: float  # seconds since 1970
    packet: int  # number of the frame

    @property
    def acknowledged(self) -> int:
        """The sequence number that it acknowledges, -1 for none."""
        return self.acknowledgment if self.flags & ACK else -1


def read_segment(payload: bytes, length: int, at: float, packet: int) -> Segment | None:
    """Read an IP payload of protocol 6 that had `length` bytes on the wire.

    None where it is no TCP header: too short, or the data offset points into the header or beyond the packet.
    """
    if len(payload) < _HEADER.size:
        return None
    sequence, acknowledgment, offset, flags = _unpack(payload)
    start = (offset >> 4) * 4
    if start < SMALLEST or start > length:
        return None
    fields = sequence, acknowledgment, flags, payload[start:length], length - start, at, packet
    return tuple.__new__(Segment, fields)  # three times as fast as Segment(...), for every packet
