"""NTLM messages up to the server's CHALLENGE: who the server says it is, which build, and its clock.

A message has a fixed part and a payload; a field of the fixed part says where in the message its value lies,
in any order and with gaps. Payloads are therefore kept whole, and values are looked up in them when asked for.
Older systems end the fixed part earlier: what the message has no room for is None, not an error.

Source: [MS-NLMP] 2.2.1 and 2.2.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar, Self

from probe.wire import av_pair
from probe.wire.av_pair import AvId, AvPair, read_av_pairs, write_av_pairs
from probe.wire.cursor import OpenIntEnum, Reader, Writer

__all__ = [
    "SIGNATURE",
    "Authenticate",
    "AvId",
    "AvPair",
    "Challenge",
    "MessageType",
    "Negotiate",
    "NegotiateFlag",
    "PayloadField",
    "UnknownMessage",
    "Version",
    "probe_negotiate",
    "read_av_pairs",
    "read_message",
    "write_av_pairs",
]

SIGNATURE = b"NTLMSSP\0"


class NegotiateFlag(IntFlag):
    """NegotiateFlags. [MS-NLMP] 2.2.2.5, without the prefix NTLMSSP_NEGOTIATE_ or NTLMSSP_."""

    UNICODE = 0x00000001
    OEM = 0x00000002
    REQUEST_TARGET = 0x00000004
    SIGN = 0x00000010
    SEAL = 0x00000020
    DATAGRAM = 0x00000040
    LM_KEY = 0x00000080
    NTLM = 0x00000200
    ANONYMOUS = 0x00000800
    OEM_DOMAIN_SUPPLIED = 0x00001000
    OEM_WORKSTATION_SUPPLIED = 0x00002000
    ALWAYS_SIGN = 0x00008000
    TARGET_TYPE_DOMAIN = 0x00010000
    TARGET_TYPE_SERVER = 0x00020000
    EXTENDED_SESSIONSECURITY = 0x00080000
    IDENTIFY = 0x00100000
    REQUEST_NON_NT_SESSION_KEY = 0x00400000
    TARGET_INFO = 0x00800000
    VERSION = 0x02000000
    KEY_128 = 0x20000000
    KEY_EXCH = 0x40000000
    KEY_56 = 0x80000000


# Plain numbers: an IntFlag takes ten times as long to be combined.
_UNICODE, _VERSION = int(NegotiateFlag.UNICODE), int(NegotiateFlag.VERSION)


class MessageType(OpenIntEnum):
    """MessageType. [MS-NLMP] 2.2.1."""

    NEGOTIATE = 1
    CHALLENGE = 2
    AUTHENTICATE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The operating system that a peer claims to be; FreeRDP claims a Windows of its choice.

    Layout: ProductMajorVersion u8 | ProductMinorVersion u8 | ProductBuild u16 little-endian | Reserved 3 |
    NTLMRevisionCurrent u8.
    Source: [MS-NLMP] 2.2.2.10.
    """

    major: int
    minor: int
    build: int
    reserved: bytes = bytes(3)
    revision: int = 15  # NTLMSSP_REVISION_W2K3, the only one defined

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        return cls(
            major=r.u8("ProductMajorVersion"),
            minor=r.u8("ProductMinorVersion"),
            build=r.u16le("ProductBuild"),
            reserved=r.take(3, "Reserved"),
            revision=r.u8("NTLMRevisionCurrent"),
        )

    def write(self, w: Writer) -> None:
        w.u8(self.major)
        w.u8(self.minor)
        w.u16le(self.build)
        w.raw(self.reserved)
        w.u8(self.revision)

    @property
    def text(self) -> str:
        """Such as "10.0.20348"."""
        return f"{self.major}.{self.minor}.{self.build}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadField:
    """Where in the message a value lies.

    Layout: Len u16 | MaxLen u16 | BufferOffset u32, from the start of the message; little-endian.
    Source: [MS-NLMP] 2.2.1.1 to 2.2.1.3, DomainNameFields and its like.
    """

    length: int = 0
    maximum: int = 0
    offset: int = 0  # of no meaning where length is 0

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        return cls(length=r.u16le("Len"), maximum=r.u16le("MaxLen"), offset=r.u32le("BufferOffset"))

    def write(self, w: Writer) -> None:
        w.u16le(self.length)
        w.u16le(self.maximum)
        w.u32le(self.offset)


def _expect_signature(r: Reader) -> None:
    if r.take(len(SIGNATURE), "Signature") != SIGNATURE:
        raise r.invalid("Signature", "not NTLMSSP")


def _begin(r: Reader, wanted: MessageType) -> None:
    _expect_signature(r)
    r.expect("MessageType", r.u32le("MessageType"), wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiate:
    """NEGOTIATE_MESSAGE: what a client can do. Ours names nobody.

    Layout: Signature 8 | MessageType u32 = 1 | NegotiateFlags u32 | DomainNameFields 8 | WorkstationFields 8 |
    Version 8, with its flag | payload. What the fields point at is not looked up: it is about the client.
    Source: [MS-NLMP] 2.2.1.1.
    """

    TYPE: ClassVar[MessageType] = MessageType.NEGOTIATE

    flags: int
    domain_fields: PayloadField = PayloadField()
    workstation_fields: PayloadField = PayloadField()
    version: Version | None = None
    payload: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        _begin(r, cls.TYPE)
        flags = r.u32le("NegotiateFlags")
        return cls(
            flags=flags,
            domain_fields=PayloadField.read(r),
            workstation_fields=PayloadField.read(r),
            version=Version.read(r) if flags & _VERSION else None,
            payload=r.rest(),
        )

    def write(self, w: Writer) -> None:
        w.raw(SIGNATURE)
        w.u32le(self.TYPE)
        w.u32le(self.flags)
        self.domain_fields.write(w)
        self.workstation_fields.write(w)
        if self.version is not None:
            self.version.write(w)
        w.raw(self.payload)


def probe_negotiate() -> Negotiate:
    """The NEGOTIATE that this program sends: the flags of a FreeRDP client, the build of Windows 10 version 1809."""
    empty = PayloadField(offset=40)
    return Negotiate(
        flags=NegotiateFlag.UNICODE
        | NegotiateFlag.OEM
        | NegotiateFlag.REQUEST_TARGET
        | NegotiateFlag.SIGN
        | NegotiateFlag.LM_KEY
        | NegotiateFlag.NTLM
        | NegotiateFlag.ALWAYS_SIGN
        | NegotiateFlag.EXTENDED_SESSIONSECURITY
        | NegotiateFlag.VERSION
        | NegotiateFlag.KEY_128
        | NegotiateFlag.KEY_EXCH
        | NegotiateFlag.KEY_56,
        domain_fields=empty,
        workstation_fields=empty,
        version=Version(major=10, minor=0, build=17763),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """CHALLENGE_MESSAGE: the server's names, build, clock and what it chose of the client's flags.

    Layout: Signature 8 | MessageType u32 = 2 | TargetNameFields 8 | NegotiateFlags u32 | ServerChallenge 8 |
    Reserved 8 | TargetInfoFields 8 | Version 8, with its flag | payload.
    `read` checks where the fields point, not what is there: broken AV_PAIRs leave the message readable. `av_pairs`,
    `text` and `timestamp` then see the pairs before the fault and never raise; `read_av_pairs(target_info)` does.
    Source: [MS-NLMP] 2.2.1.2.
    """

    TYPE: ClassVar[MessageType] = MessageType.CHALLENGE
    TO_RESERVED: ClassVar[int] = 40  # signature 8 + type 4 + name fields 8 + flags 4 + challenge 8 + Reserved 8
    TO_TARGET_INFO: ClassVar[int] = 48
    TO_VERSION: ClassVar[int] = 56

    flags: int
    server_challenge: bytes
    target_name_fields: PayloadField = PayloadField()
    reserved: bytes | None = bytes(8)
    target_info_fields: PayloadField | None = None  # never there without `reserved`
    version: Version | None = None  # never there without `target_info_fields`
    payload: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Take everything. Raises Truncated or InvalidField."""
        end = r.remaining
        _begin(r, cls.TYPE)
        name = PayloadField.read(r)
        flags = r.u32le("NegotiateFlags")
        server_challenge = r.take(8, "ServerChallenge")
        payload_at = name.offset if name.length else end  # the lowest that is known
        reserved = r.take(8, "Reserved") if payload_at >= cls.TO_RESERVED else None
        info = PayloadField.read(r) if payload_at >= cls.TO_TARGET_INFO else None
        if info is not None and info.length:
            payload_at = min(payload_at, info.offset)
        has_version = flags & _VERSION and payload_at >= cls.TO_VERSION
        message = cls(
            flags=flags,
            server_challenge=server_challenge,
            target_name_fields=name,
            reserved=reserved,
            target_info_fields=info,
            version=Version.read(r) if has_version else None,
            payload=r.rest(),
        )
        message._value_of(name, "TargetName")
        message._value_of(info, "TargetInfo")
        return message

    def write(self, w: Writer) -> None:
        w.raw(SIGNATURE)
        w.u32le(self.TYPE)
        self.target_name_fields.write(w)
        w.u32le(self.flags)
        w.raw(self.server_challenge)
        if self.reserved is not None:
            w.raw(self.reserved)
        if self.target_info_fields is not None:
            self.target_info_fields.write(w)
        if self.version is not None:
            self.version.write(w)
        w.raw(self.payload)

    @classmethod
    def naming(
        cls, target_name: str, pairs: Iterable[AvPair], *, flags: int, server_challenge: bytes, version: Version
    ) -> Self:
        """The CHALLENGE of a server that says all this of itself. `flags` must say UNICODE and VERSION."""
        name = target_name.encode("utf-16-le")
        info = write_av_pairs(pairs)
        return cls(
            flags=flags,
            server_challenge=server_challenge,
            target_name_fields=PayloadField(length=len(name), maximum=len(name), offset=cls.TO_VERSION),
            target_info_fields=PayloadField(length=len(info), maximum=len(info), offset=cls.TO_VERSION + len(name)),
            version=version,
            payload=name + info,
        )

    def _value_of(self, where: PayloadField | None, name: str) -> bytes | None:
        if where is None or not where.length:
            return None
        missing = (self.reserved is None) + (self.target_info_fields is None) + (self.version is None)  # 8 bytes each
        fixed = self.TO_VERSION - 8 * missing
        begin = where.offset - fixed
        if begin >= 0 and begin + where.length <= len(self.payload):
            return self.payload[begin : begin + where.length]
        r = Reader(bytes(fixed) + self.payload, "CHALLENGE_MESSAGE")
        r.take(where.offset, name)
        if where.offset < fixed:
            raise r.invalid(name, f"inside the fixed part: {where.offset}")
        return r.take(where.length, name)  # which is further than the message goes

    @property
    def target_name(self) -> str | None:
        """The domain, or the computer where there is none; what cannot be decoded becomes U+FFFD."""
        raw = self._value_of(self.target_name_fields, "TargetName")
        return None if raw is None else raw.decode("utf-16-le" if self.flags & _UNICODE else "ascii", errors="replace")

    @property
    def target_info(self) -> bytes | None:
        """The AV_PAIRs as they came, for `read_av_pairs`."""
        return self._value_of(self.target_info_fields, "TargetInfo")

    @property
    def av_pairs(self) -> tuple[AvPair, ...]:
        """The AV_PAIRs in order, up to the end or a fault; none without TargetInfo."""
        pairs, _ = av_pair.pairs_until_fault(self.target_info or b"")
        return pairs

    def _av_value(self, av_id: AvId) -> bytes | None:
        return av_pair.first_values(self.target_info or b"").get(av_id)

    def text(self, av_id: AvId) -> str | None:
        """The name under `av_id`; what cannot be decoded becomes U+FFFD. None where it was not sent."""
        value = self._av_value(av_id)
        return None if value is None else value.decode("utf-16-le", errors="replace")

    @property
    def timestamp(self) -> int | None:
        """The server's clock as FILETIME; None where it was not sent or is not eight bytes long."""
        value = self._av_value(AvId.TIMESTAMP)
        return Reader(value, "MsvAvTimestamp").u64le("Value") if value is not None and len(value) == 8 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticate:
    """AUTHENTICATE_MESSAGE: the client's proof of a password. Told from the others and never looked into.

    Layout: Signature 8 | MessageType u32 = 3 | body.
    Source: [MS-NLMP] 2.2.1.3.
    """

    TYPE: ClassVar[MessageType] = MessageType.AUTHENTICATE

    body: bytes

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        _begin(r, cls.TYPE)
        return cls(body=r.rest())

    def write(self, w: Writer) -> None:
        w.raw(SIGNATURE)
        w.u32le(self.TYPE)
        w.raw(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownMessage:
    """An NTLM message of another type, kept as it came.

    Layout: Signature 8 | MessageType u32 | body.
    Source: [MS-NLMP] 2.2.1.
    """

    message_type: MessageType
    body: bytes

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        _expect_signature(r)
        return cls(message_type=MessageType(r.u32le("MessageType")), body=r.rest())

    def write(self, w: Writer) -> None:
        w.raw(SIGNATURE)
        w.u32le(self.message_type)
        w.raw(self.body)


def read_message(data: bytes) -> Negotiate | Challenge | Authenticate | UnknownMessage:
    """Read the NTLM message that fills a token. Raises Truncated or InvalidField."""
    head = Reader(data, "NTLM")
    _expect_signature(head)
    kind = _KINDS.get(head.u32le("MessageType"), UnknownMessage)
    return kind.read(Reader(data, kind.__name__))


_Known = Negotiate | Challenge | Authenticate
_KINDS: dict[int, type[_Known]] = {kind.TYPE: kind for kind in (Negotiate, Challenge, Authenticate)}
