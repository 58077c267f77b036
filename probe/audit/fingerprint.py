"""Fingerprints of a ServerHello, by which servers of one kind and configuration can be found again; and of clients.

Those of servers are of the answer to one hello: another hello gets another one, so that only those compare that were
asked alike.
A HelloRetryRequest has the ServerHello's layout and is taken like one. Extensions of GREASE values, which no server
should send, count like any, as in the JA3S script of Salesforce and in FoxIO's Python and Rust; Wireshark and Zeek
leave them out of JA4S.
Where FoxIO's prose and programs differ on an ALPN name that is not ASCII, the prose of JA4 is followed.
Of a client's hello every value of GREASE is left out, wherever it stands (RFC 8701).
Source: salesforce/ja3, python/ja3s.py, python/ja3.py and zeek/ja3s.zeek; FoxIO-LLC/ja4, technical_details/JA4S and
python/ja4.py, whose method is under the FoxIO License 1.1; technical_details/JA4, which is BSD-3-Clause.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from probe.errors import WireError
from probe.wire.tls_extensions import (
    Extension,
    ExtensionType,
    find,
    read_alpn,
    read_ec_point_formats,
    read_signature_algorithms,
    read_supported_groups,
    read_supported_versions,
)
from probe.wire.tls_hello import ClientHello, ServerHello
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
        f"t{version}{min(len(types), _MOST_COUNTED):02d}{_alpn_ends(hello.extensions)}_{hello.cipher_suite:04x}"
        f"_{digest if types else '0' * _JA4_DIGITS}"
    )


def _alpn_ends(extensions: Sequence[Extension] | None) -> str:
    """First and last character of the first protocol in ALPN, "00" where there is none, or none that can be read.

    Of a name that begins or ends with another byte than an ASCII letter or digit, those of its hexadecimal form.
    """
    body = find(extensions, ExtensionType.APPLICATION_LAYER_PROTOCOL_NEGOTIATION)
    try:
        name = next(iter(read_alpn(body)), b"") if body is not None else b""
    except WireError:
        name = b""
    if not name:
        return "00"
    plain = name[:1].isalnum() and name[-1:].isalnum()  # of bytes: ASCII alone
    text = name.decode("latin-1") if plain else name.hex()
    return text[0] + text[-1]


# Of clients.


_GREASE = frozenset(range(0x0A0A, 0x10000, 0x1010))  # code points that mean nothing: RFC 8701 section 2


def without_grease(codes: Iterable[int]) -> tuple[int, ...]:
    """Those that mean something, in their order."""
    return tuple([code for code in codes if code not in _GREASE])


def codes_in(hello: ClientHello, kind: ExtensionType, read: Callable[[bytes], Iterable[int]]) -> tuple[int, ...]:
    """The code points in an extension, without GREASE; none where it is absent or cannot be read."""
    body = find(hello.extensions, kind)
    try:
        return () if body is None else without_grease(read(body))
    except WireError:
        return ()


def ja3(hello: ClientHello) -> str:
    """MD5, in hexadecimal, of "version,suites,extensions,groups,point formats": decimal numbers joined by "-"."""
    lists = (
        without_grease(hello.cipher_suites),
        without_grease(extension.type for extension in hello.extensions or ()),
        codes_in(hello, ExtensionType.SUPPORTED_GROUPS, read_supported_groups),
        codes_in(hello, ExtensionType.EC_POINT_FORMATS, read_ec_point_formats),
    )
    text = ",".join([str(hello.version), *("-".join(map(str, codes)) for codes in lists)])
    return hashlib.md5(text.encode("ascii"), usedforsecurity=False).hexdigest()


def ja4(hello: ClientHello) -> str:
    """JA4 over TCP, as "t13d1516h2_8daaf6152771_e5627efa2ab1".

    "t" | newest version offered, 2 | "d" with a server name, else "i" | number of suites, 2 | of extensions, 2 |
    ends of the first ALPN protocol, 2 | "_" | 12 digits of the SHA-256 of the suites, sorted | "_" | 12 of that of the
    extensions, sorted, without server name and ALPN, then "_" and the signature schemes in their order.
    """
    suites = sorted(without_grease(hello.cipher_suites))
    types = without_grease(extension.type for extension in hello.extensions or ())
    named = codes_in(hello, ExtensionType.SUPPORTED_VERSIONS, read_supported_versions)
    schemes = codes_in(hello, ExtensionType.SIGNATURE_ALGORITHMS, read_signature_algorithms)
    counted = sorted(kind for kind in types if kind not in _NOT_IN_JA4)
    head = (
        f"t{_JA4_VERSIONS.get(max(named, default=hello.version), '00')}"
        f"{'d' if ExtensionType.SERVER_NAME in types else 'i'}"
        f"{min(len(suites), _MOST_COUNTED):02d}{min(len(types), _MOST_COUNTED):02d}{_alpn_ends(hello.extensions)}"
    )
    behind = _hexadecimal(counted) + (f"_{_hexadecimal(schemes)}" if schemes else "")
    return f"{head}_{_digest(_hexadecimal(suites))}_{_digest(behind)}"


_NOT_IN_JA4 = (ExtensionType.SERVER_NAME, ExtensionType.APPLICATION_LAYER_PROTOCOL_NEGOTIATION)


def _hexadecimal(codes: Iterable[int]) -> str:
    return ",".join(f"{code:04x}" for code in codes)


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()[:_JA4_DIGITS]
    return digest if text else "0" * _JA4_DIGITS
