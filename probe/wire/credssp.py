"""TSRequest, the one message of CredSSP, and its framing inside TLS.

Source: [MS-CSSP] 2.2.1, [MS-ERREF] 2.1 and 2.3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from probe.errors import TooLong, Truncated
from probe.wire.asn1 import OCTET_STRING, SEQUENCE, Asn1Writer, Forms, ber_enter, ber_integer, ber_length, context
from probe.wire.cursor import OpenIntEnum, Reader, Writer
from probe.wire.spnego import read_tagged, write_tagged
from probe.wire.stream import Stream


class NtStatus(OpenIntEnum):
    """errorCode: an NTSTATUS or an SSPI HRESULT. [MS-ERREF] 2.3.1 and 2.1.1."""

    STATUS_ACCESS_DENIED = 0xC0000022
    STATUS_NO_LOGON_SERVERS = 0xC000005E
    STATUS_WRONG_PASSWORD = 0xC000006A
    STATUS_LOGON_FAILURE = 0xC000006D
    STATUS_ACCOUNT_RESTRICTION = 0xC000006E
    STATUS_PASSWORD_EXPIRED = 0xC0000071
    STATUS_ACCOUNT_DISABLED = 0xC0000072
    STATUS_NOT_SUPPORTED = 0xC00000BB
    STATUS_LOGON_TYPE_NOT_GRANTED = 0xC000015B
    STATUS_ACCOUNT_EXPIRED = 0xC0000193
    STATUS_PASSWORD_MUST_CHANGE = 0xC0000224
    STATUS_ACCOUNT_LOCKED_OUT = 0xC0000234
    STATUS_NTLM_BLOCKED = 0xC0000418
    SEC_E_UNSUPPORTED_FUNCTION = 0x80090302
    SEC_E_INVALID_TOKEN = 0x80090308
    SEC_E_LOGON_DENIED = 0x8009030C
    SEC_E_NO_CREDENTIALS = 0x8009030E
    SEC_E_NO_AUTHENTICATING_AUTHORITY = 0x80090311


@dataclass(frozen=True, slots=True, kw_only=True)
class TsRequest:
    """One step of CredSSP, in either direction.

    Layout, DER: SEQUENCE { version [0] INTEGER, negoTokens [1] SEQUENCE OF SEQUENCE { negoToken [0] OCTET STRING }?,
    authInfo [2] OCTET STRING?, pubKeyAuth [3] OCTET STRING?, errorCode [4] INTEGER?, clientNonce [5] OCTET STRING? }.
    Source: [MS-CSSP] 2.2.1.
    """

    version: int
    nego_tokens: tuple[bytes, ...] | None = None
    auth_info: bytes | None = None
    pub_key_auth: bytes | None = None
    error_code: int | None = None  # 32 bits, unsigned; see NtStatus
    client_nonce: bytes | None = None
    error_code_high: int = 0  # fifth octet of an errorCode: 0xFF where a server extends the sign
    unknown: bytes = b""  # what the SEQUENCE holds behind the fields above
    forms: tuple[int, ...] = field(default=(), compare=False, repr=False)  # widths, see `probe.wire.asn1`

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated, InvalidField or TooLong."""
        forms: Forms = []
        body = ber_enter(r, SEQUENCE, "TSRequest", forms)
        version = _read_integer(body, 0, "version", forms)
        nego_tokens = _read_nego_tokens(body, forms) if _is_next(body, 1) else None
        auth_info = read_tagged(body, 2, OCTET_STRING, "authInfo", forms)
        pub_key_auth = read_tagged(body, 3, OCTET_STRING, "pubKeyAuth", forms)
        error_code = _read_integer(body, 4, "errorCode", forms) if _is_next(body, 4) else None
        return cls(
            version=version,
            nego_tokens=nego_tokens,
            auth_info=auth_info,
            pub_key_auth=pub_key_auth,
            error_code=None if error_code is None else error_code & 0xFFFFFFFF,
            client_nonce=read_tagged(body, 5, OCTET_STRING, "clientNonce", forms),
            error_code_high=(error_code or 0) >> 32,
            unknown=body.rest(),
            forms=tuple(forms),
        )

    def write(self, w: Writer) -> None:
        out = Asn1Writer(self.forms)
        with out.element(SEQUENCE):
            with out.element(context(0)):
                out.integer(self.version)
            if self.nego_tokens is not None:
                with out.element(context(1)), out.element(SEQUENCE):
                    for token in self.nego_tokens:
                        with out.element(SEQUENCE):
                            write_tagged(out, 0, OCTET_STRING, token)
            write_tagged(out, 2, OCTET_STRING, self.auth_info)
            write_tagged(out, 3, OCTET_STRING, self.pub_key_auth)
            if self.error_code is not None:
                with out.element(context(4)):
                    out.integer(self.error_code_high << 32 | self.error_code)
            write_tagged(out, 5, OCTET_STRING, self.client_nonce)
            out.raw(self.unknown)
        w.raw(out.getvalue())


def _is_next(r: Reader, number: int) -> bool:
    return r.peek(1) == bytes([context(number)])


def _read_integer(r: Reader, number: int, name: str, forms: Forms) -> int:
    outer = ber_enter(r, context(number), name, forms)
    value = ber_integer(outer, name, forms)
    outer.end()
    return value


def _read_nego_tokens(r: Reader, forms: Forms) -> tuple[bytes, ...]:
    outer = ber_enter(r, context(1), "negoTokens", forms)
    items = ber_enter(outer, SEQUENCE, "negoTokens", forms)
    outer.end()
    tokens = []
    while items.remaining:
        item = ber_enter(items, SEQUENCE, "NegoData", forms)
        token = read_tagged(item, 0, OCTET_STRING, "negoToken", forms)
        if token is None:
            raise item.invalid("negoToken", "missing")
        item.end()
        tokens.append(token)
    return tuple(tokens)


class TsRequestFramer:
    """Cuts what TLS delivers into whole TSRequests, however it was split into records.

    `limit` is the longest message accepted, in bytes.
    """

    HEADER: ClassVar[int] = 6  # identifier 1 + length of at most 5 octets

    def __init__(self, limit: int = 65536) -> None:
        self._limit = limit
        self._stream = Stream()

    def feed(self, data: bytes) -> None:
        """Append bytes of the stream."""
        self._stream.feed(data)

    def next_message(self) -> bytes | None:
        """The next whole DER SEQUENCE, or None while its end has not come. Raises InvalidField or TooLong."""
        if not self._stream:
            return None
        r = Reader(self._stream.peek(self.HEADER), "TSRequest")
        try:
            r.expect("TSRequest", r.u8("TSRequest"), SEQUENCE)
            length = ber_length(r, "length", [])
        except Truncated:
            return None
        size = r.offset + length
        if size > self._limit:
            raise TooLong("TSRequest", "length", r.offset, f"{self._limit} bytes are the limit: {size}")
        return self._stream.take(size) if size <= len(self._stream) else None

    def leftover(self) -> bytes:
        """Take the bytes that no message claimed."""
        return self._stream.take(len(self._stream))
