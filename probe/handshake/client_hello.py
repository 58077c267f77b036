"""The ClientHellos that this program sends of its own, one for each question it asks.

They are ordinary hellos of a current client, so that a refusal means the version and not an oddity of ours: suites
old and new, every group and signature scheme that servers in the field have, and no extension that a server of that
version has no reason to know. TLS 1.2 needs signature_algorithms and supported_groups, else OpenSSL refuses it for
another reason than the version. Source: RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2, RFC 8422 section 5.1.
"""

from __future__ import annotations

from collections.abc import Callable

from probe.wire import tls_extensions as ext
from probe.wire.cursor import Writer
from probe.wire.tls_hello import ClientHello, Extension, write_handshake
from probe.wire.tls_record import ContentType, Record
from probe.wire.tls_version import TLS10, TLS12, TLS13

# RFC 8446 B.4
_TLS13_SUITES = (0x1301, 0x1302, 0x1303, 0x1304, 0x1305)
# Forward-secret AEAD, then CBC, then RSA key exchange, then what only old servers still have.
_OLDER_SUITES = (
    *(0xC02C, 0xC02B, 0xC030, 0xC02F, 0xCCA9, 0xCCA8, 0x009F, 0x009E, 0xCCAA),
    *(0xC024, 0xC023, 0xC028, 0xC027, 0xC00A, 0xC009, 0xC014, 0xC013, 0x006B, 0x0067, 0x0039, 0x0033),
    *(0x009D, 0x009C, 0x003D, 0x003C, 0x0035, 0x002F),
    *(0xC008, 0xC012, 0x0016, 0x000A, 0x0005, 0x0004),
    0x00FF,  # TLS_EMPTY_RENEGOTIATION_INFO_SCSV
)
_X25519 = 0x001D
_GROUPS = (_X25519, 0x0017, 0x0018, 0x0019, 0x001E, 0x0100, 0x0101)
_SIGNATURE_SCHEMES = (
    *(0x0403, 0x0503, 0x0603, 0x0807, 0x0808),
    *(0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B),
    *(0x0401, 0x0501, 0x0601, 0x0303, 0x0203, 0x0201),
)
_LEGACY_RECORD_VERSION = TLS10  # RFC 8446 5.1: an initial hello may say so, and middleboxes want it


def client_hello(version: int, random_bytes: Callable[[int], bytes], server_name: str | None) -> bytes:
    """The record of a ClientHello that offers exactly one version, 0x0301 to 0x0304.

    `random_bytes` gives as many random bytes as asked; `server_name` is None where there is no name to send.
    """
    hello = ClientHello(
        version=min(version, TLS12),
        random=random_bytes(32),
        session_id=random_bytes(32) if version >= TLS13 else b"",
        cipher_suites=suites_offered(version),
        compression_methods=b"\x00",
        extensions=tuple(_extensions(version, random_bytes, server_name)),
    )
    w = Writer()
    Record(type=ContentType.HANDSHAKE, version=_LEGACY_RECORD_VERSION, fragment=write_handshake(hello)).write(w)
    return w.getvalue()


def suites_offered(version: int) -> tuple[int, ...]:
    """The cipher suites in our hello of a version."""
    return _TLS13_SUITES if version >= TLS13 else _OLDER_SUITES


def _extensions(version: int, random_bytes: Callable[[int], bytes], server_name: str | None) -> list[Extension]:
    extensions = [] if server_name is None else [ext.server_name(server_name)]
    extensions += [ext.supported_groups(_GROUPS), ext.ec_point_formats((0,))]
    if version >= TLS12:
        extensions.append(ext.signature_algorithms(_SIGNATURE_SCHEMES))
    if version < TLS13:
        return [*extensions, ext.extended_master_secret(), ext.renegotiation_info(b"")]
    # Any 32 bytes are an x25519 public value, so the server can answer; nothing is ever derived from them.
    share = ext.client_key_share(((_X25519, random_bytes(32)),))
    return [*extensions, ext.supported_versions((version,)), ext.psk_key_exchange_modes((1,)), share]
