"""Security headers, which come before what RDP says on a channel, and the message that starts encryption.

Under Standard RDP Security every PDU has one, with a signature where it is encrypted; inside TLS only those of
licensing and of the Client Info PDU do.

Source: [MS-RDPBCGR] 2.2.8.1.1.2 and 2.2.1.10.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar, Self

from probe.wire.cursor import Reader, Writer

_SIGNATURE = 8


class SecurityFlag(IntFlag):
    """flags of a security header. [MS-RDPBCGR] 2.2.8.1.1.2.1."""

    EXCHANGE_PKT = 0x0001
    TRANSPORT_REQ = 0x0002
    TRANSPORT_RSP = 0x0004
    ENCRYPT = 0x0008
    RESET_SEQNO = 0x0010
    IGNORE_SEQNO = 0x0020
    INFO_PKT = 0x0040
    LICENSE_PKT = 0x0080
    LICENSE_ENCRYPT = 0x0200  # from a client: it can read encrypted licensing; from a server likewise
    REDIRECTION_PKT = 0x0400
    SECURE_CHECKSUM = 0x0800
    AUTODETECT_REQ = 0x1000
    AUTODETECT_RSP = 0x2000
    HEARTBEAT = 0x4000
    FLAGSHI_VALID = 0x8000


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityHeader:
    """TS_SECURITY_HEADER: what the PDU behind it is.

    Layout: flags u16 | flagsHi u16, little-endian.
    Source: [MS-RDPBCGR] 2.2.8.1.1.2.1.
    """

    flags: int
    flags_hi: int = 0

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        return cls(flags=r.u16le("flags"), flags_hi=r.u16le("flagsHi"))

    def write(self, w: Writer) -> None:
        w.u16le(self.flags)
        w.u16le(self.flags_hi)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHeader:
    """TS_SECURITY_HEADER1: before what RC4 encrypted, with the signature of the clear text.

    Layout: flags u16 | flagsHi u16, little-endian | dataSignature, 8 bytes.
    Source: [MS-RDPBCGR] 2.2.8.1.1.2.2.
    """

    flags: int
    signature: bytes
    flags_hi: int = 0

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        flags, high = r.u16le("flags"), r.u16le("flagsHi")
        return cls(flags=flags, flags_hi=high, signature=r.take(_SIGNATURE, "dataSignature"))

    def write(self, w: Writer) -> None:
        w.u16le(self.flags)
        w.u16le(self.flags_hi)
        w.raw(self.signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class FipsHeader:
    """TS_SECURITY_HEADER2: before what Triple DES encrypted; `padding` bytes at the end are not part of the clear text.

    Layout: flags u16 | flagsHi u16 | length u16 = 16 | version u8 = 1 | padlen u8, little-endian | dataSignature,
    8 bytes.
    Source: [MS-RDPBCGR] 2.2.8.1.1.2.3.
    """

    LENGTH: ClassVar[int] = 16
    VERSION: ClassVar[int] = 1

    flags: int
    signature: bytes
    padding: int = 0
    flags_hi: int = 0
    length: int = LENGTH
    version: int = VERSION

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        flags, high, length = r.u16le("flags"), r.u16le("flagsHi"), r.u16le("length")
        version, padding = r.u8("version"), r.u8("padlen")
        return cls(
            flags=flags,
            flags_hi=high,
            length=length,
            version=version,
            padding=padding,
            signature=r.take(_SIGNATURE, "dataSignature"),
        )

    def write(self, w: Writer) -> None:
        w.u16le(self.flags)
        w.u16le(self.flags_hi)
        w.u16le(self.length)
        w.u8(self.version)
        w.u8(self.padding)
        w.raw(self.signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityExchange:
    """TS_SECURITY_PACKET without its header: the client's random, encrypted with the server's RSA key.

    Layout: length u32, little-endian | encryptedClientRandom, least significant byte first, then eight zero bytes.
    Source: [MS-RDPBCGR] 2.2.1.10.1 and 5.3.4.1.
    """

    encrypted_client_random: bytes

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        return cls(encrypted_client_random=r.take(r.u32le("length"), "encryptedClientRandom"))

    def write(self, w: Writer) -> None:
        w.u32le(len(self.encrypted_client_random))
        w.raw(self.encrypted_client_random)
