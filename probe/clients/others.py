"""Clients that are neither Microsoft's for Windows nor FreeRDP."""

from __future__ import annotations

from probe.clients.profile import ClientProfile, CredSspProfile, Request, TlsProfile, Trouble
from probe.clients.protocol import TLS10, TLS11, TLS12, TLS13

_APPLE = TlsProfile(
    versions=(TLS12,),
    suites=(
        *(0x00FF, 0xC02C, 0xC02B, 0xC024, 0xC023, 0xC00A, 0xC009, 0xC008, 0xC030, 0xC02F, 0xC028, 0xC027, 0xC014),
        *(0xC013, 0xC012, 0x009D, 0x009C, 0x003D, 0x003C, 0x0035, 0x002F, 0x000A),
    ),
    groups=(0x0017, 0x0018, 0x0019),
    schemes=(0x0401, 0x0201, 0x0501, 0x0601, 0x0403, 0x0203, 0x0503, 0x0603),
    extensions=(0x0000, 0x000A, 0x000B, 0x000D, 0x0005, 0x0012, 0x0017),
    maybe=(TLS13, TLS11, TLS10),
    documented=False,
)
_GNUTLS = TlsProfile(
    versions=(TLS13, TLS12, TLS11, TLS10),
    suites=(
        *(0x1302, 0x1303, 0x1301, 0x1304, 0xC02C, 0xCCA9, 0xC0AD, 0xC00A, 0xC02B, 0xC0AC, 0xC009, 0xC030, 0xCCA8),
        *(0xC014, 0xC02F, 0xC013, 0x009D, 0xC09D, 0x0035, 0x009C, 0xC09C, 0x002F, 0x009F, 0xCCAA, 0xC09F, 0x0039),
        *(0x009E, 0xC09E, 0x0033),
    ),
    groups=(0x0017, 0x0018, 0x0019, 0x001D, 0x001E, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104),
    schemes=(
        *(0x0401, 0x0809, 0x0804, 0x0403, 0x0807, 0x0501, 0x080A, 0x0805, 0x0503, 0x0808, 0x0601, 0x080B, 0x0806),
        *(0x0603, 0x0201, 0x0203),
    ),
    extensions=(0x0005, 0x000A, 0x000B, 0x000D, 0x0023, 0x0033, 0x002B, 0xFF01, 0x002D, 0x001C, 0x0015),
    shares=(0x0017, 0x001D),
    psk_modes=(1, 0),
)
_RUSTLS = TlsProfile(
    versions=(TLS13, TLS12),
    suites=(0x1302, 0x1301, 0x1303, 0xC02C, 0xC02B, 0xCCA9, 0xC030, 0xC02F, 0xCCA8, 0x00FF),
    groups=(0x001D, 0x0017, 0x0018),
    schemes=(0x0503, 0x0403, 0x0603, 0x0807, 0x0806, 0x0805, 0x0804, 0x0601, 0x0501, 0x0401),
    extensions=(0x002B, 0x000B, 0x000A, 0x000D, 0x0017, 0x0005, 0x0000, 0x0033, 0x002D, 0x0023),
    shares=(0x001D,),
)

# Seen with FreeRDP 2.11.7: "Received invalid TPKT header length 12, 1 bytes too long!"
_LONG_REQUEST = Trouble(
    server="freerdp",
    words="its MCS Erect Domain Request is a byte longer than some releases of FreeRDP's server take",
)


def _windows_app(key: str, system: str, source: str) -> ClientProfile:
    """Microsoft's app elsewhere than on Windows: only its request and a hello of 2020 are public."""
    return ClientProfile(
        key=key,
        name=f"Windows App on {system}",
        family="windows_app",
        requests=(Request(protocols=0x0B),),
        tls=_APPLE,
        credssp=CredSspProfile(version=6, oldest_server=5),
        cookie=False,
        source=f"{source}; CredSSP: not documented; taken from Windows, May 2018 and later",
    )


WINDOWS_APP = (
    _windows_app(
        "windows-app-mac",
        "macOS",
        "request 0x0B without a cookie, and hello: public capture of Microsoft Remote Desktop on macOS (nDPI); "
        "Windows App's own TLS is not documented",
    ),
    _windows_app("windows-app-ios", "iOS", "not documented; taken from macOS"),
    _windows_app("windows-app-android", "Android", "not documented; taken from macOS"),
)
PROFILES = (
    ClientProfile(
        key="rdesktop",
        name="rdesktop 1.9",
        family="rdesktop",
        requests=(
            Request(protocols=0x03),
            Request(protocols=0x01, after=("HYBRID failed",)),
            Request(protocols=0x00, after=("SSL failed",)),
            Request(protocols=None, after=("SSL_NOT_ALLOWED_BY_SERVER", "SSL_CERT_NOT_ON_SERVER")),
        ),
        tls=_GNUTLS,
        credssp=CredSspProfile(version=2, mechanisms=("Kerberos",), key_types=frozenset({"RSA"})),
        methods=0x03,
        unencrypted=False,
        troubles=(_LONG_REQUEST,),
        helps=("NLA_REQUIRED",),
        hint="use xfreerdp: rdesktop's NLA needs a Kerberos ticket and a certificate with an RSA key",
        becomes="freerdp2",
        source="watched: rdesktop 1.9.0 with GnuTLS 3.7.9 (Debian 12), 2026-11; iso.c, tcp.c, cssp.c of 1.9.0",
    ),
    ClientProfile(
        key="ironrdp",
        name="IronRDP",
        family="ironrdp",
        requests=(Request(protocols=0x0B),),
        tls=_RUSTLS,
        credssp=CredSspProfile(version=6),
        helps=("TLS_NO_COMMON_VERSION", "TLS_NO_SHARED_CIPHER"),
        hint="enable TLS 1.2 or 1.3 with an ECDHE suite on the server",
        source="ironrdp-connector/src/connection.rs and ironrdp-tls/src/rustls.rs of August 2026; hello: rustls 0.23's "
        "defaults (ring); its order of extensions is random",
    ),
)
