"""The data blocks of a client: who it is, how it can encrypt, which channels it wants.

Each docstring lays out the body, which follows the header; numbers are little-endian. What stands behind the
fields we know is kept in `unknown`.
Source: [MS-RDPBCGR] 2.2.1.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar, Self

from probe.wire.cursor import Reader, Writer
from probe.wire.gcc_blocks import RDP_10_12, OptionalFields, UnknownBlock, write_optional


class ClientCapability(IntFlag):
    """earlyCapabilityFlags of CS_CORE. [MS-RDPBCGR] 2.2.1.3.2."""

    SUPPORT_ERRINFO_PDU = 0x0001
    WANT_32BPP_SESSION = 0x0002
    SUPPORT_STATUSINFO_PDU = 0x0004
    STRONG_ASYMMETRIC_KEYS = 0x0008
    RELATIVE_MOUSE_INPUT = 0x0010
    VALID_CONNECTION_TYPE = 0x0020
    SUPPORT_MONITOR_LAYOUT_PDU = 0x0040
    SUPPORT_NETCHAR_AUTODETECT = 0x0080
    SUPPORT_DYNVC_GFX_PROTOCOL = 0x0100
    SUPPORT_DYNAMIC_TIME_ZONE = 0x0200
    SUPPORT_HEARTBEAT_PDU = 0x0400
    SUPPORT_SKIP_CHANNELJOIN = 0x0800


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCore:
    """CS_CORE: the version, the desktop and the keyboard of the client.

    The defaults are those of a plain client that sends all up to `pad1octet`; a client that sent RDP_NEG_REQ adds
    `server_selected_protocol`.
    Layout: as the fields, in their order; those of `postBeta2ColorDepth` and later are optional.
    Source: [MS-RDPBCGR] 2.2.1.3.2.
    """

    TYPE: ClassVar[int] = 0xC001

    version: int = RDP_10_12
    desktop_width: int = 1024
    desktop_height: int = 768
    color_depth: int = 0xCA01  # RNS_UD_COLOR_8BPP; superseded by high_color_depth
    sas_sequence: int = 0xAA03  # RNS_UD_SAS_DEL
    keyboard_layout: int = 0x409
    client_build: int = 2600
    client_name: bytes = "probe".encode("utf-16-le").ljust(32, b"\0")
    keyboard_type: int = 4
    keyboard_sub_type: int = 0
    keyboard_function_key: int = 12
    ime_file_name: bytes = bytes(64)
    post_beta2_color_depth: int | None = 0xCA01
    client_product_id: int | None = 1
    serial_number: int | None = 0
    high_color_depth: int | None = 24
    supported_color_depths: int | None = 7  # 24, 16 and 15 bits
    early_capability_flags: int | None = ClientCapability.SUPPORT_ERRINFO_PDU
    client_dig_product_id: bytes | None = bytes(64)
    connection_type: int | None = 0
    pad1octet: int | None = 0
    server_selected_protocol: int | None = None
    desktop_physical_width: int | None = None
    desktop_physical_height: int | None = None
    desktop_orientation: int | None = None
    desktop_scale_factor: int | None = None
    device_scale_factor: int | None = None
    unknown: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        optional = OptionalFields(r)
        return cls(
            version=r.u32le("version"),
            desktop_width=r.u16le("desktopWidth"),
            desktop_height=r.u16le("desktopHeight"),
            color_depth=r.u16le("colorDepth"),
            sas_sequence=r.u16le("SASSequence"),
            keyboard_layout=r.u32le("keyboardLayout"),
            client_build=r.u32le("clientBuild"),
            client_name=r.take(32, "clientName"),
            keyboard_type=r.u32le("keyboardType"),
            keyboard_sub_type=r.u32le("keyboardSubType"),
            keyboard_function_key=r.u32le("keyboardFunctionKey"),
            ime_file_name=r.take(64, "imeFileName"),
            post_beta2_color_depth=optional.integer(2, "postBeta2ColorDepth"),
            client_product_id=optional.integer(2, "clientProductId"),
            serial_number=optional.integer(4, "serialNumber"),
            high_color_depth=optional.integer(2, "highColorDepth"),
            supported_color_depths=optional.integer(2, "supportedColorDepths"),
            early_capability_flags=optional.integer(2, "earlyCapabilityFlags"),
            client_dig_product_id=optional.take(64, "clientDigProductId"),
            connection_type=optional.integer(1, "connectionType"),
            pad1octet=optional.integer(1, "pad1octet"),
            server_selected_protocol=optional.integer(4, "serverSelectedProtocol"),
            desktop_physical_width=optional.integer(4, "desktopPhysicalWidth"),
            desktop_physical_height=optional.integer(4, "desktopPhysicalHeight"),
            desktop_orientation=optional.integer(2, "desktopOrientation"),
            desktop_scale_factor=optional.integer(4, "desktopScaleFactor"),
            device_scale_factor=optional.integer(4, "deviceScaleFactor"),
            unknown=r.rest(),
        )

    def write(self, w: Writer) -> None:
        """Raises ValueError if an optional field is given behind one that is None."""
        w.u32le(self.version)
        w.u16le(self.desktop_width)
        w.u16le(self.desktop_height)
        w.u16le(self.color_depth)
        w.u16le(self.sas_sequence)
        w.u32le(self.keyboard_layout)
        w.u32le(self.client_build)
        w.raw(self.client_name)
        w.u32le(self.keyboard_type)
        w.u32le(self.keyboard_sub_type)
        w.u32le(self.keyboard_function_key)
        w.raw(self.ime_file_name)
        write_optional(
            w,
            (
                (self.post_beta2_color_depth, 2),
                (self.client_product_id, 2),
                (self.serial_number, 4),
                (self.high_color_depth, 2),
                (self.supported_color_depths, 2),
                (self.early_capability_flags, 2),
                (self.client_dig_product_id, 64),
                (self.connection_type, 1),
                (self.pad1octet, 1),
                (self.server_selected_protocol, 4),
                (self.desktop_physical_width, 4),
                (self.desktop_physical_height, 4),
                (self.desktop_orientation, 2),
                (self.desktop_scale_factor, 4),
                (self.device_scale_factor, 4),
            ),
        )
        w.raw(self.unknown)

    @property
    def computer_name(self) -> str:
        """`client_name` as text, up to its first NUL."""
        return self.client_name.decode("utf-16-le", "replace").partition("\0")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecurity:
    """CS_SECURITY: the encryption methods that the client can use, as `EncryptionMethod` bits.

    Layout: encryptionMethods u32 | extEncryptionMethods u32, used in place of the first by French clients.
    Source: [MS-RDPBCGR] 2.2.1.3.3.
    """

    TYPE: ClassVar[int] = 0xC002

    encryption_methods: int
    ext_encryption_methods: int = 0
    unknown: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        return cls(
            encryption_methods=r.u32le("encryptionMethods"),
            ext_encryption_methods=r.u32le("extEncryptionMethods"),
            unknown=r.rest(),
        )

    def write(self, w: Writer) -> None:
        w.u32le(self.encryption_methods)
        w.u32le(self.ext_encryption_methods)
        w.raw(self.unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDefinition:
    """CHANNEL_DEF: one static virtual channel that the client asks for.

    Layout: name 8, padded with NUL | options u32.
    Source: [MS-RDPBCGR] 2.2.1.3.4.1.
    """

    name: bytes
    options: int

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        return cls(name=r.take(8, "name"), options=r.u32le("options"))

    def write(self, w: Writer) -> None:
        w.raw(self.name)
        w.u32le(self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientNetwork:
    """CS_NET: the static virtual channels that the client asks for.

    Layout: channelCount u32 | channelDefArray.
    Source: [MS-RDPBCGR] 2.2.1.3.4.
    """

    TYPE: ClassVar[int] = 0xC003

    channels: tuple[ChannelDefinition, ...]
    unknown: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        count = r.u32le("channelCount")
        return cls(channels=tuple(ChannelDefinition.read(r) for _ in range(count)), unknown=r.rest())

    def write(self, w: Writer) -> None:
        w.u32le(len(self.channels))
        for channel in self.channels:
            channel.write(w)
        w.raw(self.unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCluster:
    """CS_CLUSTER: whether the client can be redirected, and to which session it was.

    Layout: Flags u32 | RedirectedSessionID u32.
    Source: [MS-RDPBCGR] 2.2.1.3.5.
    """

    TYPE: ClassVar[int] = 0xC004

    flags: int
    redirected_session_id: int = 0
    unknown: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        return cls(flags=r.u32le("Flags"), redirected_session_id=r.u32le("RedirectedSessionID"), unknown=r.rest())

    def write(self, w: Writer) -> None:
        w.u32le(self.flags)
        w.u32le(self.redirected_session_id)
        w.raw(self.unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientMonitor:
    """CS_MONITOR: where the client's monitors stand.

    Layout: flags u32 | monitorCount u32 | monitorDefArray, 20 bytes each.
    Source: [MS-RDPBCGR] 2.2.1.3.6.
    """

    TYPE: ClassVar[int] = 0xC005
    DEFINITION: ClassVar[int] = 20  # left 4 + top 4 + right 4 + bottom 4 + flags 4

    monitors: tuple[bytes, ...]  # TS_MONITOR_DEF each; nothing here looks inside
    flags: int = 0
    unknown: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        flags = r.u32le("flags")
        count = r.u32le("monitorCount")
        monitors = tuple(r.take(cls.DEFINITION, "monitorDefArray") for _ in range(count))
        return cls(flags=flags, monitors=monitors, unknown=r.rest())

    def write(self, w: Writer) -> None:
        w.u32le(self.flags)
        w.u32le(len(self.monitors))
        w.raw(b"".join(self.monitors))
        w.raw(self.unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientMessageChannel:
    """CS_MCS_MSGCHANNEL: the client wants a message channel.

    Layout: flags u32.
    Source: [MS-RDPBCGR] 2.2.1.3.7.
    """

    TYPE: ClassVar[int] = 0xC006

    flags: int = 0
    unknown: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        return cls(flags=r.u32le("flags"), unknown=r.rest())

    def write(self, w: Writer) -> None:
        w.u32le(self.flags)
        w.raw(self.unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientMonitorExtended:
    """CS_MONITOR_EX: the size and scale of the client's monitors.

    Layout: flags u32 | monitorAttributeSize u32 = 20 | monitorCount u32 | monitorAttributesArray, 20 bytes each.
    Source: [MS-RDPBCGR] 2.2.1.3.10.
    """

    TYPE: ClassVar[int] = 0xC008
    ATTRIBUTES: ClassVar[int] = 20  # physicalWidth, physicalHeight, orientation, two scale factors: 4 each

    monitors: tuple[bytes, ...]  # TS_MONITOR_ATTRIBUTES each; nothing here looks inside
    flags: int = 0
    unknown: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        flags = r.u32le("flags")
        r.expect("monitorAttributeSize", r.u32le("monitorAttributeSize"), cls.ATTRIBUTES)
        count = r.u32le("monitorCount")
        monitors = tuple(r.take(cls.ATTRIBUTES, "monitorAttributesArray") for _ in range(count))
        return cls(flags=flags, monitors=monitors, unknown=r.rest())

    def write(self, w: Writer) -> None:
        w.u32le(self.flags)
        w.u32le(self.ATTRIBUTES)
        w.u32le(len(self.monitors))
        w.raw(b"".join(self.monitors))
        w.raw(self.unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientMultitransport:
    """CS_MULTITRANSPORT: the UDP transports that the client can use, as `MultitransportFlag` bits.

    Layout: flags u32.
    Source: [MS-RDPBCGR] 2.2.1.3.8.
    """

    TYPE: ClassVar[int] = 0xC00A

    flags: int
    unknown: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        return cls(flags=r.u32le("flags"), unknown=r.rest())

    def write(self, w: Writer) -> None:
        w.u32le(self.flags)
        w.raw(self.unknown)


KnownClientBlock = (
    ClientCore
    | ClientSecurity
    | ClientNetwork
    | ClientCluster
    | ClientMonitor
    | ClientMessageChannel
    | ClientMonitorExtended
    | ClientMultitransport
)
ClientBlock = KnownClientBlock | UnknownBlock

CLIENT_BLOCKS: dict[int, type[KnownClientBlock]] = {
    ClientCore.TYPE: ClientCore,
    ClientSecurity.TYPE: ClientSecurity,
    ClientNetwork.TYPE: ClientNetwork,
    ClientCluster.TYPE: ClientCluster,
    ClientMonitor.TYPE: ClientMonitor,
    ClientMessageChannel.TYPE: ClientMessageChannel,
    ClientMonitorExtended.TYPE: ClientMonitorExtended,
    ClientMultitransport.TYPE: ClientMultitransport,
}
