"""What RDP carries in the variable part of CR and CC: cookie, routing token, the negotiation structures.

Source: [MS-RDPBCGR] 2.2.1.1 and 2.2.1.2, [MS-RDPEPS] 2.2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar, Self

from probe.wire.cursor import OpenIntEnum, Reader, Writer


class Protocol(IntFlag):
    """requestedProtocols and selectedProtocol. [MS-RDPBCGR] 2.2.1.1.1."""

    RDP = 0x00
    SSL = 0x01
    HYBRID = 0x02
    RDSTLS = 0x04
    HYBRID_EX = 0x08
    RDSAAD = 0x10


class RequestFlag(IntFlag):
    """flags of RDP_NEG_REQ. [MS-RDPBCGR] 2.2.1.1.1."""

    RESTRICTED_ADMIN_MODE_REQUIRED = 0x01
    REDIRECTED_AUTHENTICATION_MODE_REQUIRED = 0x02
    CORRELATION_INFO_PRESENT = 0x08


class ResponseFlag(IntFlag):
    """flags of RDP_NEG_RSP. [MS-RDPBCGR] 2.2.1.2.1."""

    EXTENDED_CLIENT_DATA_SUPPORTED = 0x01
    DYNVC_GFX_PROTOCOL_SUPPORTED = 0x02
    NEGRSP_FLAG_RESERVED = 0x04
    RESTRICTED_ADMIN_MODE_SUPPORTED = 0x08
    REDIRECTED_AUTHENTICATION_MODE_SUPPORTED = 0x10


class FailureCode(OpenIntEnum):
    """failureCode of RDP_NEG_FAILURE. [MS-RDPBCGR] 2.2.1.2.2."""

    SSL_REQUIRED_BY_SERVER = 1
    SSL_NOT_ALLOWED_BY_SERVER = 2
    SSL_CERT_NOT_ON_SERVER = 3
    INCONSISTENT_FLAGS = 4
    HYBRID_REQUIRED_BY_SERVER = 5
    SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class NegotiationRequest:
    """RDP_NEG_REQ: the security protocols that the client would speak.

    Layout: type u8 = 0x01 | flags u8 | length u16 = 8 | requestedProtocols u32, little-endian.
    Source: [MS-RDPBCGR] 2.2.1.1.1.
    """

    TYPE: ClassVar[int] = 0x01
    SIZE: ClassVar[int] = 8  # type 1 + flags 1 + length 2 + requestedProtocols 4

    protocols: int
    flags: int = 0

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        r.expect("type", r.u8("type"), cls.TYPE)
        flags = r.u8("flags")
        r.expect("length", r.u16le("length"), cls.SIZE)
        return cls(protocols=r.u32le("requestedProtocols"), flags=flags)

    def write(self, w: Writer) -> None:
        w.u8(self.TYPE)
        w.u8(self.flags)
        w.u16le(self.SIZE)
        w.u32le(self.protocols)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationInfo:
    """RDP_NEG_CORRELATION_INFO: an identifier that the server writes to its log.

    Layout: type u8 = 0x06 | flags u8 | length u16 = 36 | correlationId 16 | reserved 16.
    Source: [MS-RDPBCGR] 2.2.1.1.2.
    """

    TYPE: ClassVar[int] = 0x06
    SIZE: ClassVar[int] = 36  # type 1 + flags 1 + length 2 + correlationId 16 + reserved 16

    correlation_id: bytes
    flags: int = 0
    reserved: bytes = bytes(16)

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        r.expect("type", r.u8("type"), cls.TYPE)
        flags = r.u8("flags")
        r.expect("length", r.u16le("length"), cls.SIZE)
        return cls(flags=flags, correlation_id=r.take(16, "correlationId"), reserved=r.take(16, "reserved"))

    def write(self, w: Writer) -> None:
        w.u8(self.TYPE)
        w.u8(self.flags)
        w.u16le(self.SIZE)
        w.raw(self.correlation_id)
        w.raw(self.reserved)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestData:
    """The variable part of an RDP Connection Request.

    Layout: [routingToken or cookie, ended by CR LF] [RDP_NEG_REQ] [RDP_NEG_CORRELATION_INFO].
    Source: [MS-RDPBCGR] 2.2.1.1.
    """

    COOKIE: ClassVar[bytes] = b"Cookie: mstshash="
    END_OF_TOKEN: ClassVar[bytes] = b"\r\n"
    LONGEST: ClassVar[int] = 248  # LI is one byte, 255 is reserved, the fixed part takes 6

    token: bytes | None = None  # routing token or cookie as sent, without CR LF
    negotiation: NegotiationRequest | None = None
    correlation: CorrelationInfo | None = None
    unknown: bytes = b""  # what is neither; kept

    @classmethod
    def read(cls, variable: bytes) -> Self:
        """Read a CR's variable part. Raises Truncated or InvalidField."""
        token, rest = cls._split_token(variable)
        r = Reader(rest, "RDP_NEG_REQ")
        negotiation = NegotiationRequest.read(r) if r.peek(1) == bytes([NegotiationRequest.TYPE]) else None
        r.structure = "RDP_NEG_CORRELATION_INFO"
        correlation = CorrelationInfo.read(r) if r.peek(1) == bytes([CorrelationInfo.TYPE]) else None
        return cls(token=token, negotiation=negotiation, correlation=correlation, unknown=r.rest())

    @classmethod
    def _split_token(cls, variable: bytes) -> tuple[bytes | None, bytes]:
        # A negotiation structure may hold CR LF by chance (a correlation id must not); it starts with a small type.
        if variable[:1] in (b"", bytes([NegotiationRequest.TYPE]), bytes([CorrelationInfo.TYPE])):
            return None, variable
        token, end, rest = variable.partition(cls.END_OF_TOKEN)
        return (token, rest) if end else (None, variable)

    def write(self) -> bytes:
        """The variable part as bytes."""
        w = Writer()
        if self.token is not None:
            w.raw(self.token)
            w.raw(self.END_OF_TOKEN)
        if self.negotiation is not None:
            self.negotiation.write(w)
        if self.correlation is not None:
            self.correlation.write(w)
        w.raw(self.unknown)
        return w.getvalue()

    @property
    def cookie(self) -> bytes | None:
        """The identifier of `Cookie: mstshash=`, or None where there is no such cookie."""
        if self.token is None or not self.token.startswith(self.COOKIE):
            return None
        return self.token[len(self.COOKIE) :]


@dataclass(frozen=True, slots=True, kw_only=True)
class NegotiationResponse:
    """RDP_NEG_RSP: the one security protocol that the server selected.

    Layout: type u8 = 0x02 | flags u8 | length u16 = 8 | selectedProtocol u32, little-endian.
    Source: [MS-RDPBCGR] 2.2.1.2.1.
    """

    TYPE: ClassVar[int] = 0x02
    SIZE: ClassVar[int] = 8  # type 1 + flags 1 + length 2 + selectedProtocol 4

    selected: int
    flags: int = 0

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        r.expect("type", r.u8("type"), cls.TYPE)
        flags = r.u8("flags")
        r.expect("length", r.u16le("length"), cls.SIZE)
        return cls(selected=r.u32le("selectedProtocol"), flags=flags)

    def write(self, w: Writer) -> None:
        w.u8(self.TYPE)
        w.u8(self.flags)
        w.u16le(self.SIZE)
        w.u32le(self.selected)


@dataclass(frozen=True, slots=True, kw_only=True)
class NegotiationFailure:
    """RDP_NEG_FAILURE: the server refuses every protocol that was requested.

    Layout: type u8 = 0x03 | flags u8 | length u16 = 8 | failureCode u32, little-endian.
    Source: [MS-RDPBCGR] 2.2.1.2.2.
    """

    TYPE: ClassVar[int] = 0x03
    SIZE: ClassVar[int] = 8  # type 1 + flags 1 + length 2 + failureCode 4

    code: FailureCode
    flags: int = 0  # undefined by the specification; kept because servers are told apart by it

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        r.expect("type", r.u8("type"), cls.TYPE)
        flags = r.u8("flags")
        r.expect("length", r.u16le("length"), cls.SIZE)
        return cls(code=FailureCode(r.u32le("failureCode")), flags=flags)

    def write(self, w: Writer) -> None:
        w.u8(self.TYPE)
        w.u8(self.flags)
        w.u16le(self.SIZE)
        w.u32le(self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmData:
    """The variable part of a Connection Confirm.

    `negotiation` is None where the server sent none: an old or minimal server, or another ISO service,
    whose X.224 parameters then stand in `unknown`.
    Source: [MS-RDPBCGR] 2.2.1.2.
    """

    negotiation: NegotiationResponse | NegotiationFailure | None = None
    unknown: bytes = b""

    @classmethod
    def read(cls, variable: bytes) -> Self:
        """Read a CC's variable part. Raises Truncated or InvalidField."""
        r = Reader(variable, "RDP_NEG_RSP")
        negotiation: NegotiationResponse | NegotiationFailure | None = None
        if r.peek(1) == bytes([NegotiationResponse.TYPE]):
            negotiation = NegotiationResponse.read(r)
        elif r.peek(1) == bytes([NegotiationFailure.TYPE]):
            r.structure = "RDP_NEG_FAILURE"
            negotiation = NegotiationFailure.read(r)
        return cls(negotiation=negotiation, unknown=r.rest())

    def write(self) -> bytes:
        """The variable part as bytes."""
        w = Writer()
        if self.negotiation is not None:
            self.negotiation.write(w)
        w.raw(self.unknown)
        return w.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class PreconnectionPdu:
    """RDP_PRECONNECTION_PDU: names a virtual machine or session before anything else is said.

    Layout, version 1: cbSize u32 | Flags u32 | Version u32 = 1 | Id u32; version 2 adds
    cchPCB u16 | wszPCB, UTF-16LE ended by NUL. All little-endian.
    Source: [MS-RDPEPS] 2.2.1.1 and 2.2.1.2.
    """

    HEADER: ClassVar[int] = 16  # cbSize 4 + Flags 4 + Version 4 + Id 4
    V1: ClassVar[int] = 1
    V2: ClassVar[int] = 2

    version: int
    id: int = 0
    flags: int = 0
    blob: bytes | None = None  # wszPCB as sent, NUL included; None in version 1
    padding: bytes = b""  # what cbSize counts beyond the blob

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        size = r.u32le("cbSize")
        if size < cls.HEADER:
            raise r.invalid("cbSize", f"{cls.HEADER} is the smallest: {size}")
        body = r.sub(size - 4, "RDP_PRECONNECTION_PDU", "cbSize")
        flags = body.u32le("Flags")
        version = body.u32le("Version")
        pdu_id = body.u32le("Id")
        blob = body.take(2 * body.u16le("cchPCB"), "wszPCB") if version == cls.V2 else None
        return cls(version=version, id=pdu_id, flags=flags, blob=blob, padding=body.rest())

    def write(self, w: Writer) -> None:
        body = Writer()
        body.u32le(self.flags)
        body.u32le(self.version)
        body.u32le(self.id)
        if self.blob is not None:
            body.u16le(len(self.blob) // 2)
            body.raw(self.blob)
        body.raw(self.padding)
        w.u32le(4 + len(body))
        w.raw(body.getvalue())

    @classmethod
    def naming(cls, text: str) -> Self:
        """The version 2 PDU that carries `text`, as an .rdp file's pcb setting does."""
        return cls(version=cls.V2, blob=(text + "\0").encode("utf-16-le"))
