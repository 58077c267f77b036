"""Fingerprints of a ServerHello, by which servers of one kind and configuration can be found again.

Both are of the answer to one hello: another hello gets another one, so that only those compare that were asked alike.
A HelloRetryRequest has the ServerHello's layout and is taken like one. Extensions of GREASE values, which no server
should send, count like any, as in the JA3S script of Salesforce and in FoxIO's Python and Rust; Wireshark and Zeek
leave them out of JA4S.
Where FoxIO's prose and programs differ on an ALPN name that is not ASCII, the prose of JA4 is followed.
Source: salesforce/ja3, python/ja3s.py and zeek/ja3s.zeek; FoxIO-LLC/ja4, technical_details/JA4S and python/ja4.py,
whose method is under the FoxIO License 1.1.
"""

from __future__ import annotations

import hashlib

from probe.errors import WireError
from probe.wire.tls_extensions import ExtensionType, find, read_alpn
from probe.wire.tls_hello import ServerHello
from probe.wire.tls_version import SSL2, SSL3, TLS10, TLS11, TLS12, TLS13

_JA4_VERSIONS = {SSL2: "s2", SSL3: "s3", TLS10: "10", TLS11: "11", TLS12: "12", TLS13: "13"}
_JA4_DIGITS = 12  # of a hash
_MOST_COUNTED = 99


def _types(hello: ServerHello) -> list[int]:
    """The types of its extensions, in its order."""
    return [extension.type for extension in hello.extensions or ()]


def ja3s(hello: ServerHello) -> str:
    """MD5, in hexadecimal, of "version,suite,extensions": decimal numbers, the types joined by "-".

    The version is that of the legacy field, 771 also in TLS 1.3.
    """
    text = f"{hello.version},{hello.cipher_suite},{'-'.join(map(str, _types(hello)))}"
    return hashlib.md5(text.encode("ascii"), usedforsecurity=False).hexdigest()


def ja4s(hello: ServerHello) -> str:
    """JA4S over TCP, as "t130200_1301_a56c5b993250".

    "t" | version agreed, 2 | number of extensions, 2 | ends of the ALPN protocol, 2 | "_" | suite, 4 hex digits |
    "_" | 12 digits of the SHA-256 of the extensions' types, 4 hex digits each, joined by ",".
    """
    types = _types(hello)
    version = _JA4_VERSIONS.get(hello.selected_version, "00")
    digest = hashlib.sha256(",".join(f"{kind:04x}" for kind in types).encode("ascii")).hexdigest()[:_JA4_DIGITS]
    return (
        f"t{version}{min(len(types), _MOST_COUNTED):02d}{_alpn_ends(hello)}_{hello.cipher_suite:04x}"
        f"_{digest if types else '0' * _JA4_DIGITS}"
    )


def _alpn_ends(hello: ServerHello) -> str:
    """First and last character of the protocol chosen by ALPN, "00" where none is, or none that can be read.

    Of a name that begins or ends with another byte than an ASCII letter or digit, those of its hexadecimal form.
    """
    body = find(hello.extensions, ExtensionType.APPLICATION_LAYER_PROTOCOL_NEGOTIATION)
    try:
        name = next(iter(read_alpn(body)), b"") if body is not None else b""
    except WireError:
        name = b""
    if not name:
        return "00"
    plain = name[:1].isalnum() and name[-1:].isalnum()  # of bytes: ASCII alone
    text = name.decode("latin-1") if plain else name.hex()
    return text[0] + text[-1]
