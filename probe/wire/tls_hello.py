"""ClientHello and ServerHello of every version from SSLv3 to TLS 1.3, and the handshake message around all bodies.

The messages that follow a ServerHello live in `tls_certificate` and `tls_key_exchange` and are offered here too,
because `read_handshake` returns them.
Source: RFC 8446 section 4, RFC 5246 section 7.4, RFC 6101 section 5.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from probe.wire.cursor import OpenIntEnum, Reader, Writer
from probe.wire.tls_certificate import (
    Certificate,
    CertificateEntry,
    CertificateRequest,
    CertificateStatus,
    CertificateTls13,
)
from probe.wire.tls_extensions import (
    Extension,
    ExtensionType,
    find,
    read_extensions,
    read_retry_key_share,
    read_selected_version,
    read_server_key_share,
    write_extensions,
)
from probe.wire.tls_key_exchange import (
    DheParameters,
    EcdheParameters,
    RsaExportParameters,
    ServerKeyExchange,
    UnknownKeyExchange,
    key_exchange_of,
    read_server_key_exchange,
)
from probe.wire.tls_version import TLS11, TLS12, TLS13, VERSION_NAMES, version_name

__all__ = [
    "VERSION_NAMES",
    "Certificate",
    "CertificateEntry",
    "CertificateRequest",
    "CertificateStatus",
    "CertificateTls13",
    "ClientHello",
    "DheParameters",
    "EcdheParameters",
    "Extension",
    "ExtensionType",
    "HandshakeMessage",
    "HandshakeType",
    "RsaExportParameters",
    "ServerHello",
    "ServerHelloDone",
    "ServerKeyExchange",
    "UnknownHandshake",
    "UnknownKeyExchange",
    "key_exchange_of",
    "read_handshake",
    "read_server_key_exchange",
    "version_name",
    "write_handshake",
]


class HandshakeType(OpenIntEnum):
    """msg_type of a handshake message. RFC 8446 appendix B.3, RFC 5246 section 7.4."""

    HELLO_REQUEST = 0
    CLIENT_HELLO = 1
    SERVER_HELLO = 2
    NEW_SESSION_TICKET = 4
    ENCRYPTED_EXTENSIONS = 8
    CERTIFICATE = 11
    SERVER_KEY_EXCHANGE = 12
    CERTIFICATE_REQUEST = 13
    SERVER_HELLO_DONE = 14
    CERTIFICATE_VERIFY = 15
    CLIENT_KEY_EXCHANGE = 16
    FINISHED = 20
    CERTIFICATE_STATUS = 22
    KEY_UPDATE = 24


def _read_optional_extensions(r: Reader) -> tuple[Extension, ...] | None:
    return read_extensions(r) if r.remaining else None


def _write_optional_extensions(w: Writer, extensions: tuple[Extension, ...] | None) -> None:
    if extensions is not None:
        write_extensions(w, extensions)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHello:
    """What a client offers.

    Layout: legacy_version u16 | random 32 | session_id length u8 | session_id | cipher_suites length u16 |
    cipher_suites u16 each | compression_methods length u8 | compression_methods | [extensions length u16 | extensions].
    Source: RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2.
    """

    TYPE: ClassVar[int] = HandshakeType.CLIENT_HELLO

    version: int
    random: bytes
    session_id: bytes = b""
    cipher_suites: tuple[int, ...]
    compression_methods: bytes = b"\x00"
    extensions: tuple[Extension, ...] | None = None  # None: no block at all, as SSLv3 and some TLS 1.0 clients do

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField."""
        return cls(
            version=r.u16be("legacy_version"),
            random=r.take(32, "random"),
            session_id=r.take(r.u8("session_id length"), "session_id"),
            cipher_suites=cls._read_suites(r),
            compression_methods=r.take(r.u8("compression_methods length"), "compression_methods"),
            extensions=_read_optional_extensions(r),
        )

    @staticmethod
    def _read_suites(r: Reader) -> tuple[int, ...]:
        return r.u16be_list(r.u16be("cipher_suites length"), "cipher_suites")

    def write(self, w: Writer) -> None:
        w.u16be(self.version)
        w.raw(self.random)
        w.u8(len(self.session_id))
        w.raw(self.session_id)
        w.u16be(2 * len(self.cipher_suites))
        for suite in self.cipher_suites:
            w.u16be(suite)
        w.u8(len(self.compression_methods))
        w.raw(self.compression_methods)
        _write_optional_extensions(w, self.extensions)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHello:
    """What the server chose; in TLS 1.3 also HelloRetryRequest, which is told by its random.

    Layout: legacy_version u16 | random 32 | session_id length u8 | session_id | cipher_suite u16 |
    compression_method u8 | [extensions length u16 | extensions].
    Source: RFC 8446 section 4.1.3 and 4.1.4, RFC 5246 section 7.4.1.3.
    """

    TYPE: ClassVar[int] = HandshakeType.SERVER_HELLO
    RETRY_RANDOM: ClassVar[bytes] = bytes.fromhex(  # SHA-256 of "HelloRetryRequest"
        "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
    )
    DOWNGRADE_SENTINELS: ClassVar[dict[bytes, int]] = {b"DOWNGRD\x01": TLS12, b"DOWNGRD\x00": TLS11}

    version: int
    random: bytes
    session_id: bytes = b""
    cipher_suite: int
    compression_method: int = 0
    extensions: tuple[Extension, ...] | None = None

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated or InvalidField, also for the two extensions that say what was chosen."""
        hello = cls(
            version=r.u16be("legacy_version"),
            random=r.take(32, "random"),
            session_id=r.take(r.u8("session_id length"), "session_id"),
            cipher_suite=r.u16be("cipher_suite"),
            compression_method=r.u8("compression_method"),
            extensions=_read_optional_extensions(r),
        )
        # INVARIANT: the properties of a hello that was read do not raise.
        _ = hello.selected_version, hello.key_share_group
        return hello

    def write(self, w: Writer) -> None:
        w.u16be(self.version)
        w.raw(self.random)
        w.u8(len(self.session_id))
        w.raw(self.session_id)
        w.u16be(self.cipher_suite)
        w.u8(self.compression_method)
        _write_optional_extensions(w, self.extensions)

    @property
    def selected_version(self) -> int:
        """The version that was agreed: that of supported_versions, else the legacy field."""
        body = find(self.extensions, ExtensionType.SUPPORTED_VERSIONS)
        return self.version if body is None else read_selected_version(body)

    @property
    def is_hello_retry_request(self) -> bool:
        """True where the server wants another ClientHello. RFC 8446 section 4.1.3."""
        return self.random == self.RETRY_RANDOM

    @property
    def key_share_group(self) -> int | None:
        """The group of the key exchange in TLS 1.3, or None where the hello names none."""
        body = find(self.extensions, ExtensionType.KEY_SHARE)
        if body is None:
            return None
        return read_retry_key_share(body) if self.is_hello_retry_request else read_server_key_share(body)[0]

    @property
    def downgrade_sentinel(self) -> int | None:
        """The version whose sentinel ends the random, or None. RFC 8446 section 4.1.3.

        0x0303: the server knows TLS 1.3 and agreed on 1.2. 0x0302: it knows 1.2 and agreed on 1.1 or less.
        """
        return self.DOWNGRADE_SENTINELS.get(self.random[-8:])


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHelloDone:
    """The end of the server's first flight up to TLS 1.2. Layout: nothing. Source: RFC 5246 section 7.4.5."""

    TYPE: ClassVar[int] = HandshakeType.SERVER_HELLO_DONE

    @classmethod
    def read(cls, r: Reader) -> Self:  # noqa: ARG003 - every message is read alike
        """Reads nothing."""
        return cls()

    def write(self, w: Writer) -> None:
        """Writes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownHandshake:
    """A handshake message without a layout here, kept as it came."""

    type: int
    body: bytes

    @classmethod
    def read(cls, r: Reader, msg_type: int) -> Self:
        """Take everything."""
        return cls(type=msg_type, body=r.rest())

    def write(self, w: Writer) -> None:
        w.raw(self.body)


HandshakeMessage = (
    ClientHello
    | ServerHello
    | Certificate
    | CertificateTls13
    | ServerKeyExchange
    | CertificateRequest
    | ServerHelloDone
    | CertificateStatus
    | UnknownHandshake
)
_Known = (
    ClientHello
    | ServerHello
    | Certificate
    | ServerKeyExchange
    | CertificateRequest
    | ServerHelloDone
    | CertificateStatus
)
_KNOWN: dict[int, type[_Known]] = {
    kind.TYPE: kind
    for kind in (
        ClientHello,
        ServerHello,
        Certificate,
        ServerKeyExchange,
        CertificateRequest,
        ServerHelloDone,
        CertificateStatus,
    )
}


def read_handshake(raw: bytes, version: int) -> HandshakeMessage:
    """Read one whole handshake message: msg_type u8 | length u24 | body.

    `version` is the one agreed so far; TLS 1.3 has its own Certificate. Raises Truncated or InvalidField.
    """
    r = Reader(raw, "Handshake")
    msg_type = r.u8("msg_type")
    body = r.sub(r.u24be("length"), HandshakeType(msg_type).name.lower(), "body")
    r.end()
    message = _read_body(body, msg_type, version)
    body.end()
    return message


def _read_body(r: Reader, msg_type: int, version: int) -> HandshakeMessage:
    if msg_type == CertificateTls13.TYPE and version >= TLS13:
        return CertificateTls13.read(r)
    if msg_type in _KNOWN:
        return _KNOWN[msg_type].read(r)
    return UnknownHandshake.read(r, msg_type)


def write_handshake(message: HandshakeMessage) -> bytes:
    """One handshake message with its header, ready to be put into a record."""
    w = Writer()
    w.u8(message.type if isinstance(message, UnknownHandshake) else message.TYPE)
    with w.prefixed(3):
        message.write(w)
    return w.getvalue()
