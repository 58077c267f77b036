"""The datagrams that open a connection of RDP over UDP: SYN and SYN+ACK.

They have one layout; the flags tell them apart. What stands behind the last structure is padding, and is kept. Numbers
are big-endian.

Source: [MS-RDPEUDP] 2.2.2 and 3.1.5.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import Self

from probe.wire.cursor import OpenIntEnum, Reader, Writer

LARGEST_MTU = 1232  # both directions, and so the size of a SYN; [MS-RDPEUDP] 2.2.2.5
SMALLEST_MTU = 1132
NOTHING_TO_ACK = 0xFFFFFFFF  # snSourceAck of a SYN


class UdpFlag(IntFlag):
    """uFlags. [MS-RDPEUDP] 2.2.2.1, without the prefix RDPUDP_FLAG_."""

    SYN = 0x0001
    FIN = 0x0002
    ACK = 0x0004
    DATA = 0x0008
    FEC = 0x0010
    CN = 0x0020
    CWR = 0x0040
    SACK_OPTION = 0x0080
    ACK_OF_ACKS = 0x0100
    SYNLOSSY = 0x0200
    ACKDELAYED = 0x0400
    CORRELATION_ID = 0x0800
    SYNEX = 0x1000


class UdpVersion(OpenIntEnum):
    """uUdpVer. [MS-RDPEUDP] 2.2.2.9. Windows before 10 version 1809 was seen to offer 3, which is not listed."""

    VERSION_1 = 0x0001
    VERSION_2 = 0x0002
    VERSION_3 = 0x0101


VERSION_VALID = 0x0001  # uSynExFlags, RDPUDP_VERSION_INFO_VALID
_NAMES = {UdpVersion.VERSION_1: "1.0", UdpVersion.VERSION_2: "2.0", UdpVersion.VERSION_3: "3.0"}


def version_name(version: int) -> str:
    """Such as "2.0"; a version that is not listed by its number, such as "0x0003"."""
    return _NAMES.get(UdpVersion(version), f"0x{version:04x}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationId:
    """Names the connection in the server's event log.

    Layout: uCorrelationId 16 | uReserved 16.
    Source: [MS-RDPEUDP] 2.2.2.8.
    """

    value: bytes
    reserved: bytes = bytes(16)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        return cls(value=r.take(16, "uCorrelationId"), reserved=r.take(16, "uReserved"))

    def write(self, w: Writer) -> None:
        w.raw(self.value)
        w.raw(self.reserved)


@dataclass(frozen=True, slots=True, kw_only=True)
class SynEx:
    """The version that is offered, or chosen.

    Layout: uSynExFlags u16 | uUdpVer u16 | cookieHash 32, where a client offers version 3.
    Source: [MS-RDPEUDP] 2.2.2.9.
    """

    flags: int = VERSION_VALID
    version: int
    cookie_hash: bytes | None = None

    @classmethod
    def read(cls, r: Reader, *, of_client: bool) -> Self:
        """Raises Truncated."""
        flags, version = r.u16be("uSynExFlags"), r.u16be("uUdpVer")
        has_hash = of_client and version == UdpVersion.VERSION_3
        return cls(flags=flags, version=version, cookie_hash=r.take(32, "cookieHash") if has_hash else None)

    def write(self, w: Writer) -> None:
        w.u16be(self.flags)
        w.u16be(self.version)
        w.raw(self.cookie_hash or b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Syn:
    """A SYN datagram of a client, or a SYN+ACK of a server.

    Layout: RDPUDP_FEC_HEADER (snSourceAck u32 | uReceiveWindowSize u16 | uFlags u16) | RDPUDP_SYNDATA_PAYLOAD
    (snInitialSequenceNumber u32 | uUpStreamMtu u16 | uDownStreamMtu u16) | CORRELATION_ID 32 and SYNDATAEX, each with
    its flag | padding.
    Source: [MS-RDPEUDP] 2.2.2.1, 2.2.2.5, 3.1.5.1.1, 3.1.5.1.3.
    """

    source_ack: int = NOTHING_TO_ACK  # a SYN+ACK: the client's initial sequence number
    receive_window: int = 64  # datagrams; what Windows offers
    flags: int
    initial_sequence: int
    up_mtu: int = LARGEST_MTU  # bytes of a datagram's payload
    down_mtu: int = LARGEST_MTU
    correlation_id: CorrelationId | None = None  # there with its flag
    syn_ex: SynEx | None = None  # there with its flag
    padding: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Take the whole datagram. Raises Truncated, or InvalidField where it opens no connection."""
        source_ack, window = r.u32be("snSourceAck"), r.u16be("uReceiveWindowSize")
        flags = r.u16be("uFlags")
        if not flags & UdpFlag.SYN:
            raise r.invalid("uFlags", f"no SYN: 0x{flags:04x}")
        initial, up, down = r.u32be("snInitialSequenceNumber"), _mtu(r, "uUpStreamMtu"), _mtu(r, "uDownStreamMtu")
        of_client = not flags & UdpFlag.ACK
        return cls(
            source_ack=source_ack,
            receive_window=window,
            flags=flags,
            initial_sequence=initial,
            up_mtu=up,
            down_mtu=down,
            correlation_id=CorrelationId.read(r) if flags & UdpFlag.CORRELATION_ID else None,
            syn_ex=SynEx.read(r, of_client=of_client) if flags & UdpFlag.SYNEX else None,
            padding=r.rest(),
        )

    def write(self, w: Writer) -> None:
        w.u32be(self.source_ack)
        w.u16be(self.receive_window)
        w.u16be(self.flags)
        w.u32be(self.initial_sequence)
        w.u16be(self.up_mtu)
        w.u16be(self.down_mtu)
        if self.correlation_id is not None:
            self.correlation_id.write(w)
        if self.syn_ex is not None:
            self.syn_ex.write(w)
        w.raw(self.padding)

    @property
    def version(self) -> int:
        """The version that is offered or chosen: 1 where none is named, [MS-RDPEUDP] 3.1.5.1.3."""
        if self.syn_ex is None or not self.syn_ex.flags & VERSION_VALID:
            return UdpVersion.VERSION_1
        return self.syn_ex.version


def _mtu(r: Reader, field: str) -> int:
    size = r.u16be(field)
    if not SMALLEST_MTU <= size <= LARGEST_MTU:
        raise r.invalid(field, f"{SMALLEST_MTU} to {LARGEST_MTU} expected: {size}")
    return size


def padded(syn: Syn) -> bytes:
    """The datagram with zeros up to the smaller MTU, as [MS-RDPEUDP] 3.1.5.1.1 demands."""
    w = Writer()
    syn.write(w)
    return w.getvalue().ljust(min(syn.up_mtu, syn.down_mtu), b"\0")
