"""The datagrams of RDP-UDP that carry data, versions 1 and 2: what is inside begins with TLS, or DTLS.

Source: [MS-RDPEUDP] 2.2.2 and 3.1.5.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from probe.wire.cursor import Reader, Writer
from probe.wire.rdpudp import UdpFlag

_ALIGNED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPacket:
    """A source packet: data, with an acknowledgment before it where its flag says so.

    Layout, big-endian: RDPUDP_FEC_HEADER (snSourceAck u32 | uReceiveWindowSize u16 | uFlags u16) | with ACK: the
    RDPUDP_ACK_VECTOR_HEADER (uAckVectorSize u16 | so many bytes | padding to a multiple of 4) | with ACK_OF_ACKS:
    snAckOfAcksSeqNum u32 | RDPUDP_SOURCE_PAYLOAD_HEADER (snCoded u32 | snSourceStart u32) | payload.
    Source: [MS-RDPEUDP] 2.2.2.1, 2.2.2.3, 2.2.2.4, 2.2.2.7.
    """

    source_ack: int
    receive_window: int
    flags: int
    ack_vector: bytes | None = None  # with ACK
    ack_padding: bytes = b""
    ack_of_acks: int | None = None  # with ACK_OF_ACKS
    coded: int  # numbers packets, repeats too
    source_start: int  # numbers the data: a repeat has the same
    payload: bytes

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Take the whole datagram. Raises Truncated, or InvalidField where it carries no data of its own."""
        source_ack, window, flags = r.u32be("snSourceAck"), r.u16be("uReceiveWindowSize"), r.u16be("uFlags")
        if flags & (UdpFlag.SYN | UdpFlag.FEC) or not flags & UdpFlag.DATA:
            raise r.invalid("uFlags", f"no source packet: 0x{flags:04x}")
        vector, padding = None, b""
        if flags & UdpFlag.ACK:
            size = r.u16be("uAckVectorSize")
            vector = r.take(size, "AckVectorElement")
            padding = r.take(-(2 + size) % _ALIGNED, "Padding")
        return cls(
            source_ack=source_ack,
            receive_window=window,
            flags=flags,
            ack_vector=vector,
            ack_padding=padding,
            ack_of_acks=r.u32be("snAckOfAcksSeqNum") if flags & UdpFlag.ACK_OF_ACKS else None,
            coded=r.u32be("snCoded"),
            source_start=r.u32be("snSourceStart"),
            payload=r.rest(),
        )

    def write(self, w: Writer) -> None:
        w.u32be(self.source_ack)
        w.u16be(self.receive_window)
        w.u16be(self.flags)
        if self.ack_vector is not None:
            w.u16be(len(self.ack_vector))
            w.raw(self.ack_vector)
            w.raw(self.ack_padding)
        if self.ack_of_acks is not None:
            w.u32be(self.ack_of_acks)
        w.u32be(self.coded)
        w.u32be(self.source_start)
        w.raw(self.payload)
