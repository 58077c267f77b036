"""The data blocks of a server: its RDP version, its channels, and how it encrypts.

Each docstring lays out the body, which follows the header; numbers are little-endian. What stands behind the
fields we know is kept in `unknown`.
Source: [MS-RDPBCGR] 2.2.1.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar, Self

from probe.wire.cursor import OpenIntEnum, Reader, Writer
from probe.wire.gcc_blocks import OptionalFields, UnknownBlock, write_optional


class ServerCapability(IntFlag):
    """earlyCapabilityFlags of SC_CORE. [MS-RDPBCGR] 2.2.1.4.2."""

    EDGE_ACTIONS_SUPPORTED_V1 = 0x01
    DYNAMIC_DST_SUPPORTED = 0x02
    EDGE_ACTIONS_SUPPORTED_V2 = 0x04
    SKIP_CHANNELJOIN_SUPPORTED = 0x08


class EncryptionLevel(OpenIntEnum):
    """encryptionLevel of SC_SECURITY: what the server demands of its clients. [MS-RDPBCGR] 5.3.1."""

    NONE = 0
    LOW = 1
    CLIENT_COMPATIBLE = 2
    HIGH = 3
    FIPS = 4


class MultitransportFlag(IntFlag):
    """flags of CS_MULTITRANSPORT and SC_MULTITRANSPORT. [MS-RDPBCGR] 2.2.1.4.6."""

    UDPFECR = 0x001
    UDPFECL = 0x004
    UDP_PREFERRED = 0x100
    SOFTSYNC_TCP_TO_UDP = 0x200


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCore:
    """SC_CORE: the RDP version of the server, see `rdp_version_name`.

    FreeRDP's servers answer the lower of the client's version and their own, Windows its own.
    Layout: version u32 | clientRequestedProtocols u32, optional | earlyCapabilityFlags u32, optional.
    Source: [MS-RDPBCGR] 2.2.1.4.2.
    """

    TYPE: ClassVar[int] = 0x0C01

    version: int
    client_requested_protocols: int | None = None
    early_capability_flags: int | None = None
    unknown: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        optional = OptionalFields(r)
        return cls(
            version=r.u32le("version"),
            client_requested_protocols=optional.integer(4, "clientRequestedProtocols"),
            early_capability_flags=optional.integer(4, "earlyCapabilityFlags"),
            unknown=r.rest(),
        )

    def write(self, w: Writer) -> None:
        """Raises ValueError if `early_capability_flags` is given without `client_requested_protocols`."""
        w.u32le(self.version)
        write_optional(w, ((self.client_requested_protocols, 4), (self.early_capability_flags, 4)))
        w.raw(self.unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSecurity:
    """SC_SECURITY: the encryption method that the server chose, its random and its certificate.

    Random and certificate are None together where their lengths are absent, as in FreeRDP's block of 12 bytes,
    and empty where the lengths are sent as zero.
    Layout: encryptionMethod u32 | encryptionLevel u32 | serverRandomLen u32 | serverCertLen u32 | serverRandom |
    serverCertificate, the last four optional.
    Source: [MS-RDPBCGR] 2.2.1.4.3.
    """

    TYPE: ClassVar[int] = 0x0C02
    LENGTHS: ClassVar[int] = 8  # serverRandomLen 4 + serverCertLen 4

    encryption_method: int
    encryption_level: EncryptionLevel
    server_random: bytes | None = None
    server_certificate: bytes | None = None  # read by `standard_security.read_server_certificate`
    unknown: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        method = r.u32le("encryptionMethod")
        level = EncryptionLevel(r.u32le("encryptionLevel"))
        if r.remaining < cls.LENGTHS:
            return cls(encryption_method=method, encryption_level=level, unknown=r.rest())
        random_length = r.u32le("serverRandomLen")
        certificate_length = r.u32le("serverCertLen")
        return cls(
            encryption_method=method,
            encryption_level=level,
            server_random=r.take(random_length, "serverRandom"),
            server_certificate=r.take(certificate_length, "serverCertificate"),
            unknown=r.rest(),
        )

    def write(self, w: Writer) -> None:
        w.u32le(self.encryption_method)
        w.u32le(self.encryption_level)
        if self.server_random is not None or self.server_certificate is not None:
            random = self.server_random or b""
            certificate = self.server_certificate or b""
            w.u32le(len(random))
            w.u32le(len(certificate))
            w.raw(random)
            w.raw(certificate)
        w.raw(self.unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerNetwork:
    """SC_NET: the numbers of the I/O channel and of the channels that the client asked for.

    Layout: MCSChannelId u16 | channelCount u16 | channelIdArray, u16 each | Pad u16 if their count is odd.
    Source: [MS-RDPBCGR] 2.2.1.4.4.
    """

    TYPE: ClassVar[int] = 0x0C03

    io_channel_id: int
    channel_ids: tuple[int, ...] = ()
    padding: bytes = b""  # two bytes are due where the number of channels is odd

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        io_channel = r.u16le("MCSChannelId")
        count = r.u16le("channelCount")
        channels = tuple(r.u16le("channelIdArray") for _ in range(count))
        return cls(io_channel_id=io_channel, channel_ids=channels, padding=r.rest())

    def write(self, w: Writer) -> None:
        w.u16le(self.io_channel_id)
        w.u16le(len(self.channel_ids))
        for channel in self.channel_ids:
            w.u16le(channel)
        w.raw(self.padding)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMessageChannel:
    """SC_MCS_MSGCHANNEL: the number of the message channel; 0 where there is none to join.

    Layout: MCSChannelID u16.
    Source: [MS-RDPBCGR] 2.2.1.4.5.
    """

    TYPE: ClassVar[int] = 0x0C04

    channel_id: int
    unknown: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        return cls(channel_id=r.u16le("MCSChannelID"), unknown=r.rest())

    def write(self, w: Writer) -> None:
        w.u16le(self.channel_id)
        w.raw(self.unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMultitransport:
    """SC_MULTITRANSPORT: the UDP transports that the server can use, as `MultitransportFlag` bits.

    Layout: flags u32.
    Source: [MS-RDPBCGR] 2.2.1.4.6.
    """

    TYPE: ClassVar[int] = 0x0C08

    flags: int
    unknown: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        return cls(flags=r.u32le("flags"), unknown=r.rest())

    def write(self, w: Writer) -> None:
        w.u32le(self.flags)
        w.raw(self.unknown)


KnownServerBlock = ServerCore | ServerSecurity | ServerNetwork | ServerMessageChannel | ServerMultitransport
ServerBlock = KnownServerBlock | UnknownBlock

SERVER_BLOCKS: dict[int, type[KnownServerBlock]] = {
    ServerCore.TYPE: ServerCore,
    ServerSecurity.TYPE: ServerSecurity,
    ServerNetwork.TYPE: ServerNetwork,
    ServerMessageChannel.TYPE: ServerMessageChannel,
    ServerMultitransport.TYPE: ServerMultitransport,
}
