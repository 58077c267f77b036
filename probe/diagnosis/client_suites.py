"""The cipher suites that RDP clients offer by default, by the code points of the IANA registry.

Windows: the default orders that Microsoft documents per release (TLS cipher suites in Windows; RC4, DES, export and
NULL suites are left out where an application asks for strong cryptography). OpenSSL 3: its DEFAULT list, which
FreeRDP, Remmina and Guacamole offer.
"""

from __future__ import annotations


def _codes(listed: str) -> frozenset[str]:
    return frozenset(f"0x{code}" for code in listed.split())


_WINDOWS_11 = _codes(
    "1302 1301 c02c c02b c030 c02f 009f 009e c024 c023 c028 c027 c00a c009 c014 c013 009d 009c 003d 003c 0035 002f 000a"
)
_OPENSSL_3 = _codes(
    "1302 1303 1301 c02c c030 009f cca9 cca8 ccaa c02b c02f 009e c024 c028 006b c023 c027 0067 c00a c014 0039 c009 "
    "c013 0033 009d 009c 003d 003c 0035 002f"
)
_OLDER_WINDOWS = _codes("006a 0040 0038 0032 0013 0005 0004")  # besides; XP to Windows 10 1607

CURRENT_SUITES = _WINDOWS_11 | _OPENSSL_3
KNOWN_SUITES = CURRENT_SUITES | _OLDER_WINDOWS
