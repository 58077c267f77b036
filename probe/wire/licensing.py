"""What a server says in the licensing phase: that a client needs no licence, that something is wrong, or its demands.

Only the message that ends the phase is read; of those that begin a transfer of licences the type is all we want.

Source: [MS-RDPBCGR] 2.2.1.12.1, [MS-RDPELE] 2.2.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from probe.wire.cursor import OpenIntEnum, Reader, Writer


class LicensingType(OpenIntEnum):
    """bMsgType of a licensing preamble. [MS-RDPBCGR] 2.2.1.12.1.1."""

    LICENSE_REQUEST = 0x01
    PLATFORM_CHALLENGE = 0x02
    NEW_LICENSE = 0x03
    UPGRADE_LICENSE = 0x04
    LICENSE_INFO = 0x12
    NEW_LICENSE_REQUEST = 0x13
    PLATFORM_CHALLENGE_RESPONSE = 0x15
    ERROR_ALERT = 0xFF


class LicensingCode(OpenIntEnum):
    """dwErrorCode of a licensing error message. [MS-RDPBCGR] 2.2.1.12.1.3."""

    ERR_INVALID_SERVER_CERTIFICATE = 0x1
    ERR_NO_LICENSE = 0x2
    ERR_INVALID_MAC = 0x3
    ERR_INVALID_SCOPE = 0x4
    ERR_NO_LICENSE_SERVER = 0x6
    STATUS_VALID_CLIENT = 0x7
    ERR_INVALID_CLIENT = 0x8
    ERR_INVALID_PRODUCTID = 0xB
    ERR_INVALID_MESSAGE_LEN = 0xC


class StateTransition(OpenIntEnum):
    """dwStateTransition of a licensing error message. [MS-RDPBCGR] 2.2.1.12.1.3."""

    ST_TOTAL_ABORT = 1
    ST_NO_TRANSITION = 2
    ST_RESET_PHASE_TO_START = 3
    ST_RESEND_LAST_MESSAGE = 4


_VERSION_3 = 0x03  # PREAMBLE_VERSION_3_0, RDP 5.0 and later
_PREAMBLE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LicensingError:
    """LICENSE_ERROR_MESSAGE with its preamble: STATUS_VALID_CLIENT ends the phase well, all else is an error.

    Layout: bMsgType u8 = 0xFF | flags u8 | wMsgSize u16 | dwErrorCode u32 | dwStateTransition u32 | wBlobType u16 |
    wBlobLen u16, little-endian | blobData; what stands behind it is kept in `unknown`. Some servers leave out an
    empty blob, or its length.
    Source: [MS-RDPBCGR] 2.2.1.12.1.1 and 2.2.1.12.1.3.
    """

    TYPE: ClassVar[int] = LicensingType.ERROR_ALERT

    code: LicensingCode
    transition: StateTransition
    error_info: bytes = b"\x04\x00\x00\x00"  # the binary large object, as sent
    flags: int = _VERSION_3
    size_error: int = 0  # declared wMsgSize minus the real one

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        whole = r.remaining
        r.expect("bMsgType", r.u8("bMsgType"), cls.TYPE)
        flags, size = r.u8("flags"), r.u16le("wMsgSize")
        return cls(
            flags=flags,
            size_error=size - whole,
            code=LicensingCode(r.u32le("dwErrorCode")),
            transition=StateTransition(r.u32le("dwStateTransition")),
            error_info=r.rest(),
        )

    def write(self, w: Writer) -> None:
        w.u8(self.TYPE)
        w.u8(self.flags)
        w.u16le(_PREAMBLE + 8 + len(self.error_info) + self.size_error)
        w.u32le(self.code)
        w.u32le(self.transition)
        w.raw(self.error_info)


@dataclass(frozen=True, slots=True, kw_only=True)
class LicensingMessage:
    """Any other licensing PDU, by its type: LICENSE_REQUEST is how a server begins to hand out a licence.

    Layout: bMsgType u8 | flags u8 | wMsgSize u16, little-endian | body.
    Source: [MS-RDPBCGR] 2.2.1.12.1.1, [MS-RDPELE] 2.2.2.
    """

    message_type: LicensingType
    body: bytes
    flags: int = _VERSION_3
    size_error: int = 0

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        whole = r.remaining
        message_type = LicensingType(r.u8("bMsgType"))
        flags, size = r.u8("flags"), r.u16le("wMsgSize")
        return cls(message_type=message_type, flags=flags, size_error=size - whole, body=r.rest())

    def write(self, w: Writer) -> None:
        w.u8(self.message_type)
        w.u8(self.flags)
        w.u16le(_PREAMBLE + len(self.body) + self.size_error)
        w.raw(self.body)


def read_licensing(data: bytes) -> LicensingError | LicensingMessage:
    """Read what stands behind a security header with SEC_LICENSE_PKT. Raises Truncated."""
    kind = LicensingError if data[:1] == bytes([LicensingError.TYPE]) else LicensingMessage
    return kind.read(Reader(data, kind.__name__))
