"""Hello extensions: the block they stand in, and the bodies of those this program sends or reads.

A builder returns the Extension as the client sends it unless its name says otherwise; a reader takes a body and raises
Truncated or InvalidField. Bodies of extensions without a reader are kept as they came, as are duplicates and order.
Source: RFC 8446 section 4.2, RFC 6066, RFC 8422 section 5.1, RFC 5746, RFC 7627, RFC 5077, RFC 6520, RFC 6962, RFC
7301, RFC 7366, RFC 7685, RFC 8449.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from probe.wire.cursor import OpenIntEnum, Reader, Writer


class ExtensionType(OpenIntEnum):
    """extension_type of the extensions that have a builder or reader here."""

    SERVER_NAME = 0
    STATUS_REQUEST = 5
    SUPPORTED_GROUPS = 10
    EC_POINT_FORMATS = 11
    SIGNATURE_ALGORITHMS = 13
    HEARTBEAT = 15
    APPLICATION_LAYER_PROTOCOL_NEGOTIATION = 16
    SIGNED_CERTIFICATE_TIMESTAMP = 18
    PADDING = 21
    ENCRYPT_THEN_MAC = 22
    EXTENDED_MASTER_SECRET = 23
    RECORD_SIZE_LIMIT = 28
    SESSION_TICKET = 35
    PRE_SHARED_KEY = 41
    SUPPORTED_VERSIONS = 43
    SIGNATURE_ALGORITHMS_CERT = 50
    COOKIE = 44
    PSK_KEY_EXCHANGE_MODES = 45
    KEY_SHARE = 51
    RENEGOTIATION_INFO = 0xFF01


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """One extension of a hello or certificate.

    Layout: extension_type u16 | length u16 | extension_data, big-endian.
    Source: RFC 8446 section 4.2.
    """

    type: int
    body: bytes = b""

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Raises Truncated."""
        return cls(type=r.u16be("extension_type"), body=r.take(r.u16be("extension_data length"), "extension_data"))

    def write(self, w: Writer) -> None:
        w.u16be(self.type)
        w.u16be(len(self.body))
        w.raw(self.body)


def read_extensions(r: Reader) -> tuple[Extension, ...]:
    """A block of extensions with its length before it. Raises Truncated."""
    block = r.sub(r.u16be("extensions length"), r.structure, "extensions")
    extensions, read = [], Extension.read
    while block.remaining:
        extensions.append(read(block))
    return tuple(extensions)


def write_extensions(w: Writer, extensions: Sequence[Extension]) -> None:
    """A block of extensions with its length before it."""
    with w.prefixed(2):
        for extension in extensions:
            extension.write(w)


def find(extensions: Sequence[Extension] | None, kind: int) -> bytes | None:
    """The body of the first extension of that type, or None where there is none."""
    for extension in extensions or ():
        if extension.type == kind:
            return extension.body
    return None


def _u16_list(kind: ExtensionType, values: Sequence[int]) -> Extension:
    w = Writer()
    with w.prefixed(2):
        for value in values:
            w.u16be(value)
    return Extension(type=kind, body=w.getvalue())


def _read_u16_list(r: Reader, size: int, field: str) -> tuple[int, ...]:
    values = r.u16be_list(size, field)
    r.end()
    return values


def _u8_list(kind: ExtensionType, values: bytes) -> Extension:
    w = Writer()
    with w.prefixed(1):
        w.raw(values)
    return Extension(type=kind, body=w.getvalue())


def _read_u8_list(body: bytes, structure: str) -> bytes:
    r = Reader(body, structure)
    values = r.take(r.u8("length"), "list")
    r.end()
    return values


HOST_NAME = 0  # name_type, RFC 6066 section 3


def server_name(host: str) -> Extension:
    """The name that the client asks for, in ASCII. RFC 6066 section 3."""
    w = Writer()
    with w.prefixed(2):
        w.u8(HOST_NAME)
        with w.prefixed(2):
            w.raw(host.encode("ascii"))
    return Extension(type=ExtensionType.SERVER_NAME, body=w.getvalue())


def read_server_name(body: bytes) -> tuple[tuple[int, bytes], ...]:
    """The (name_type, name) pairs of a client's list."""
    r = Reader(body, "server_name")
    inner = r.sub(r.u16be("server_name_list length"), r.structure, "server_name_list")
    r.end()
    names = []
    while inner.remaining:
        names.append((inner.u8("name_type"), inner.take(inner.u16be("name length"), "name")))
    return tuple(names)


def supported_groups(groups: Sequence[int]) -> Extension:
    """The groups for key exchange, preferred first. RFC 8446 section 4.2.7."""
    return _u16_list(ExtensionType.SUPPORTED_GROUPS, groups)


def read_supported_groups(body: bytes) -> tuple[int, ...]:
    """The groups, in order."""
    r = Reader(body, "supported_groups")
    return _read_u16_list(r, r.u16be("named_group_list length"), "named_group_list")


def ec_point_formats(formats: Sequence[int] = (0,)) -> Extension:
    """How points may be encoded: 0 is uncompressed. RFC 8422 section 5.1.2."""
    return _u8_list(ExtensionType.EC_POINT_FORMATS, bytes(formats))


def read_ec_point_formats(body: bytes) -> tuple[int, ...]:
    """The formats, in order."""
    return tuple(_read_u8_list(body, "ec_point_formats"))


def signature_algorithms(schemes: Sequence[int]) -> Extension:
    """The signatures that the client can check. RFC 8446 section 4.2.3."""
    return _u16_list(ExtensionType.SIGNATURE_ALGORITHMS, schemes)


def signature_algorithms_cert(schemes: Sequence[int]) -> Extension:
    """The signatures that the client can check in certificates, where they are not the same. RFC 8446 section 4.2.3."""
    return _u16_list(ExtensionType.SIGNATURE_ALGORITHMS_CERT, schemes)


def read_signature_algorithms(body: bytes) -> tuple[int, ...]:
    """The schemes, in order."""
    r = Reader(body, "signature_algorithms")
    return _read_u16_list(r, r.u16be("supported_signature_algorithms length"), "supported_signature_algorithms")


def extended_master_secret() -> Extension:
    """The master secret shall cover the whole handshake. RFC 7627 section 5.1."""
    return Extension(type=ExtensionType.EXTENDED_MASTER_SECRET)


def renegotiation_info(renegotiated_connection: bytes = b"") -> Extension:
    """Secure renegotiation; empty in a first handshake. RFC 5746 section 3.2."""
    return _u8_list(ExtensionType.RENEGOTIATION_INFO, renegotiated_connection)


def read_renegotiation_info(body: bytes) -> bytes:
    """renegotiated_connection."""
    return _read_u8_list(body, "renegotiation_info")


def session_ticket(ticket: bytes = b"") -> Extension:
    """A ticket to resume with, or the wish for one. RFC 5077 section 3.2."""
    return Extension(type=ExtensionType.SESSION_TICKET, body=ticket)


_MOST_REMEMBERED = 64  # bodies of two bytes
_OCSP = 1  # status_type, RFC 6066 section 8
_PEER_ALLOWED_TO_SEND = 1  # HeartbeatMode, RFC 6520 section 2


def status_request() -> Extension:
    """The wish for a stapled OCSP response, of any responder and with no extensions. RFC 6066 section 8."""
    w = Writer()
    w.u8(_OCSP)
    w.u16be(0)  # responder_id_list
    w.u16be(0)  # request_extensions
    return Extension(type=ExtensionType.STATUS_REQUEST, body=w.getvalue())


def heartbeat() -> Extension:
    """Heartbeats may be sent to us; this program sends none. RFC 6520 section 2."""
    return Extension(type=ExtensionType.HEARTBEAT, body=bytes([_PEER_ALLOWED_TO_SEND]))


def read_heartbeat(body: bytes) -> int:
    """The mode of either side: 1 where heartbeats may be sent to it, 2 where not. RFC 6520 section 2."""
    r = Reader(body, "heartbeat")
    mode = r.u8("mode")
    r.end()
    return mode


def read_alpn(body: bytes) -> tuple[bytes, ...]:
    """The protocols of a list; a server's has the one that it chose. RFC 7301 section 3.1."""
    r = Reader(body, "application_layer_protocol_negotiation")
    inner = r.sub(r.u16be("protocol_name_list length"), r.structure, "protocol_name_list")
    r.end()
    names = []
    while inner.remaining:
        names.append(inner.take(inner.u8("protocol_name length"), "protocol_name"))
    return tuple(names)


def signed_certificate_timestamp() -> Extension:
    """The wish for the certificate's timestamps from public logs. RFC 6962 section 3.3.1."""
    return Extension(type=ExtensionType.SIGNED_CERTIFICATE_TIMESTAMP)


def encrypt_then_mac() -> Extension:
    """The MAC of CBC suites shall cover the encrypted record. RFC 7366 section 2."""
    return Extension(type=ExtensionType.ENCRYPT_THEN_MAC)


def padding(size: int) -> Extension:
    """Zeros that make a hello longer. `size` is in bytes. RFC 7685 section 3."""
    return Extension(type=ExtensionType.PADDING, body=bytes(size))


def record_size_limit(size: int) -> Extension:
    """The longest record that the client takes, in bytes of plain text. RFC 8449 section 4."""
    return Extension(type=ExtensionType.RECORD_SIZE_LIMIT, body=_u16(size))


def read_record_size_limit(body: bytes) -> int:
    """The longest record that either side takes."""
    return _read_u16(body, "record_size_limit", "RecordSizeLimit")


def read_selected_identity(body: bytes) -> int:
    """The index of the pre-shared key that a TLS 1.3 server accepts. RFC 8446 section 4.2.11."""
    return _read_u16(body, "pre_shared_key", "selected_identity")


def supported_versions(versions: Sequence[int]) -> Extension:
    """The versions that the client offers, preferred first. RFC 8446 section 4.2.1."""
    w = Writer()
    with w.prefixed(1):
        for version in versions:
            w.u16be(version)
    return Extension(type=ExtensionType.SUPPORTED_VERSIONS, body=w.getvalue())


def read_supported_versions(body: bytes) -> tuple[int, ...]:
    """The versions in a ClientHello, in order."""
    r = Reader(body, "supported_versions")
    return _read_u16_list(r, r.u8("versions length"), "versions")


def selected_version(version: int) -> Extension:
    """The version in a ServerHello or HelloRetryRequest. RFC 8446 section 4.2.1."""
    return Extension(type=ExtensionType.SUPPORTED_VERSIONS, body=_u16(version))


@lru_cache(maxsize=_MOST_REMEMBERED)
def read_selected_version(body: bytes) -> int:
    """The version in a ServerHello or HelloRetryRequest."""
    return _read_u16(body, "supported_versions", "selected_version")


def cookie(value: bytes) -> Extension:
    """What a HelloRetryRequest wants to see again. RFC 8446 section 4.2.2."""
    w = Writer()
    with w.prefixed(2):
        w.raw(value)
    return Extension(type=ExtensionType.COOKIE, body=w.getvalue())


def read_cookie(body: bytes) -> bytes:
    """The cookie without its length."""
    r = Reader(body, "cookie")
    value = r.take(r.u16be("cookie length"), "cookie")
    r.end()
    return value


def psk_key_exchange_modes(modes: Sequence[int] = (1,)) -> Extension:
    """How a PSK may be used: 1 is with (EC)DHE. RFC 8446 section 4.2.9."""
    return _u8_list(ExtensionType.PSK_KEY_EXCHANGE_MODES, bytes(modes))


def read_psk_key_exchange_modes(body: bytes) -> tuple[int, ...]:
    """The modes, in order."""
    return tuple(_read_u8_list(body, "psk_key_exchange_modes"))


def client_key_share(shares: Sequence[tuple[int, bytes]]) -> Extension:
    """Public keys as (group, key) pairs; an empty list asks for a HelloRetryRequest. RFC 8446 section 4.2.8."""
    w = Writer()
    with w.prefixed(2):
        for group, key in shares:
            _write_share(w, group, key)
    return Extension(type=ExtensionType.KEY_SHARE, body=w.getvalue())


def read_client_key_share(body: bytes) -> tuple[tuple[int, bytes], ...]:
    """The (group, key) pairs of a ClientHello, in order."""
    r = Reader(body, "key_share")
    inner = r.sub(r.u16be("client_shares length"), r.structure, "client_shares")
    r.end()
    shares = []
    while inner.remaining:
        shares.append(_read_share(inner))
    return tuple(shares)


def server_key_share(group: int, key: bytes) -> Extension:
    """The one share of a ServerHello. RFC 8446 section 4.2.8."""
    w = Writer()
    _write_share(w, group, key)
    return Extension(type=ExtensionType.KEY_SHARE, body=w.getvalue())


def read_server_key_share(body: bytes) -> tuple[int, bytes]:
    """The (group, key) pair of a ServerHello."""
    r = Reader(body, "key_share")
    share = _read_share(r)
    r.end()
    return share


def retry_key_share(group: int) -> Extension:
    """The group that a HelloRetryRequest wants a share of. RFC 8446 section 4.2.8."""
    return Extension(type=ExtensionType.KEY_SHARE, body=_u16(group))


def read_retry_key_share(body: bytes) -> int:
    """The group that a HelloRetryRequest names."""
    return _read_u16(body, "key_share", "selected_group")


def _write_share(w: Writer, group: int, key: bytes) -> None:
    w.u16be(group)
    with w.prefixed(2):
        w.raw(key)


def _read_share(r: Reader) -> tuple[int, bytes]:
    return r.u16be("group"), r.take(r.u16be("key_exchange length"), "key_exchange")


def _u16(value: int) -> bytes:
    w = Writer()
    w.u16be(value)
    return w.getvalue()


def _read_u16(body: bytes, structure: str, field: str) -> int:
    r = Reader(body, structure)
    value = r.u16be(field)
    r.end()
    return value
