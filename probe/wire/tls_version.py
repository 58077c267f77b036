"""The versions of SSL and TLS, as the wire numbers them."""

from __future__ import annotations

SSL2, SSL3 = 0x0002, 0x0300
TLS10, TLS11, TLS12, TLS13 = 0x0301, 0x0302, 0x0303, 0x0304

VERSION_NAMES: dict[int, str] = {
    0x0002: "SSLv2",
    0x0300: "SSLv3",
    0x0301: "TLSv1.0",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    0x0304: "TLSv1.3",
}


def version_name(code: int) -> str:
    """The name of a protocol version, or its number as "0x0305"."""
    return VERSION_NAMES.get(code, f"0x{code:04x}")
