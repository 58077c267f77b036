"""Cipher suites as a ClientHello may offer them: the registry's, and a few that were served without ever being in it.

Source: the IANA registry "TLS Cipher Suites"; draft-ietf-tls-56-bit-ciphersuites-01 (0x0062 to 0x0066, which Windows
2000 to 2003 served), draft-agl-tls-chacha20poly1305-04 (0xCC13 to 0xCC15).
"""

from __future__ import annotations

from probe.wire.iana import CIPHER_SUITES

RENEGOTIATION_SCSV = 0x00FF  # RFC 5746 section 3.3
FALLBACK_SCSV = 0x5600  # RFC 7507 section 2
UNREGISTERED: dict[int, str] = {
    0x0062: "TLS_RSA_EXPORT1024_WITH_DES_CBC_SHA",
    0x0063: "TLS_DHE_DSS_EXPORT1024_WITH_DES_CBC_SHA",
    0x0064: "TLS_RSA_EXPORT1024_WITH_RC4_56_SHA",
    0x0065: "TLS_DHE_DSS_EXPORT1024_WITH_RC4_56_SHA",
    0x0066: "TLS_DHE_DSS_WITH_RC4_128_SHA",
    0xCC13: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256_OLD",
    0xCC14: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256_OLD",
    0xCC15: "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256_OLD",
}
_SIGNALS = (RENEGOTIATION_SCSV, FALLBACK_SCSV)
_NAMES = CIPHER_SUITES | UNREGISTERED


def suite_name(code: int) -> str:
    """The name of a suite, or its number as "0x1a1a"."""
    return _NAMES.get(code, f"0x{code:04x}")


def _is_tls13(name: str) -> bool:
    """Suites of TLS 1.3 name no key exchange, RFC 8446 appendix B.4; those of RFC 9367 do not either, but say WITH."""
    return "_WITH_" not in name or name.endswith(("_MGM_L", "_MGM_S"))


# Every suite that can be selected, by the versions that may: TLS 1.3 shares none with those before it.
TLS13_SUITES = tuple(code for code, name in sorted(_NAMES.items()) if _is_tls13(name) and code not in _SIGNALS)
OLDER_SUITES = tuple(code for code, name in sorted(_NAMES.items()) if not _is_tls13(name) and code != 0)
