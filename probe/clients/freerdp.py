"""FreeRDP, and the programs that are built on its library."""

from __future__ import annotations

from probe.clients.profile import CertificateDemands, ClientProfile, CredSspProfile, Request, TlsProfile, Trouble
from probe.clients.protocol import TLS10, TLS11, TLS12, TLS13

_TO_NO_TLS = ("SSL_NOT_ALLOWED_BY_SERVER", "SSL_CERT_NOT_ON_SERVER")
_OTHERWISE = (
    "SSL_REQUIRED_BY_SERVER",
    "INCONSISTENT_FLAGS",
    "HYBRID_REQUIRED_BY_SERVER",
    "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
)
# libfreerdp/core/nego.c: any failure leads from NLA to TLS and from TLS to Standard RDP Security, whose request has an
# RDP_NEG_REQ only where the server had said that it has no TLS. Seen of 2.11.7.
_FALLING_BACK = (
    Request(protocols=0x03),
    Request(protocols=0x01, after=(*_TO_NO_TLS, *_OTHERWISE)),
    Request(protocols=0x00, after=_TO_NO_TLS),
    Request(protocols=None, after=_OTHERWISE),
)

# What OpenSSL 3.0 sends at its security levels 1 and 2; the last is the signal of RFC 5746.
_OPENSSL_SUITES = (
    *(0x1302, 0x1303, 0x1301, 0xC02C, 0xC030, 0x009F, 0xCCA9, 0xCCA8, 0xCCAA, 0xC02B, 0xC02F, 0x009E, 0xC024, 0xC028),
    *(0x006B, 0xC023, 0xC027, 0x0067, 0xC00A, 0xC014, 0x0039, 0xC009, 0xC013, 0x0033, 0x009D, 0x009C, 0x003D, 0x003C),
    *(0x0035, 0x002F, 0x00FF),
)
_OPENSSL_GROUPS = (0x001D, 0x0017, 0x001E, 0x0019, 0x0018, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104)
_OPENSSL_SCHEMES = (
    *(0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080A, 0x080B, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601),
    *(0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602),
)
_OPENSSL_EXTENSIONS = (0x0000, 0x000B, 0x000A, 0x0023, 0x0016, 0x0017, 0x000D, 0x002B, 0x002D, 0x0033)


def _openssl(*versions: int, least_dh_bits: int, unusable: tuple[int, ...] = ()) -> TlsProfile:
    return TlsProfile(
        versions=versions,
        suites=_OPENSSL_SUITES,
        groups=_OPENSSL_GROUPS,
        schemes=_OPENSSL_SCHEMES,
        extensions=_OPENSSL_EXTENSIONS,
        shares=_OPENSSL_GROUPS[:1],
        point_formats=(0, 1, 2),
        signals_retry=True,
        names_addresses=True,  # libfreerdp/crypto/tls.c hands on what it was given
        unusable=unusable,
        least_dh_bits=least_dh_bits,
    )


# OpenSSL 3 offers TLS 1.0 and 1.1 at these levels, and ends with the alert internal_error when a server takes them.
# Level 1 asks for 80 bits of security and level 2 for 112: Diffie-Hellman of 1024 and of 2048 bits.
_FREERDP_2 = _openssl(TLS13, TLS12, TLS11, TLS10, least_dh_bits=1024, unusable=(TLS11, TLS10))
_FREERDP_3 = _openssl(TLS13, TLS12, least_dh_bits=2048)

_ALL_METHODS = 0x1B  # set where nobody set any, once Standard RDP Security was selected
_CREDSSP = CredSspProfile(version=6)
_ANY = CertificateDemands()
# Seen with xrdp 0.9.21, which says "MAC checksum error for non-FIPS PDU"; xrdp issue 3808.
_SALTED_MAC = Trouble(
    server="xrdp",
    protocol="RDP",
    not_with=frozenset({"FIPS"}),
    words="it signs with a salted MAC, which some releases of xrdp cannot read (xrdp issue 3808)",
)


def _freerdp(
    key: str,
    name: str,
    source: str,
    *,
    tls: TlsProfile = _FREERDP_2,
    last_resort: str = "",
    certificate: CertificateDemands = _ANY,
) -> ClientProfile:
    return ClientProfile(
        key=key,
        name=name,
        family="freerdp",
        requests=_FALLING_BACK,
        tls=tls,
        credssp=_CREDSSP,
        methods=_ALL_METHODS,
        unencrypted=True,  # libfreerdp/core/gcc.c takes method and level NONE; seen of 2.11.7
        certificate=certificate,
        last_resort=last_resort,
        troubles=(_SALTED_MAC,),
        source=source,
    )


PROFILES = (
    _freerdp(
        "freerdp2",
        "FreeRDP 2.11",
        "watched: xfreerdp 2.11.7 with OpenSSL 3.0.22 (Debian 12), 2026-11; "
        "libfreerdp/core/nego.c and settings.c of 2.11.7",
        last_resort="to a server that cannot be mended: /tls-seclevel:0, which lowers security",
    ),
    _freerdp(
        "freerdp3",
        "FreeRDP 3",
        "libfreerdp/core/nego.c, core/settings.c (TLSMinVersion 1.2, TlsSecLevel 2) and crypto/tls.c of August 2026; "
        "hello: OpenSSL 3.0.22 watched with these settings, 2026-11",
        tls=_FREERDP_3,
        last_resort="to a server that cannot be mended: /tls:seclevel:0 /tls:enforce:1.0, which lowers security",
    ),
    _freerdp(
        "remmina",
        "Remmina (libfreerdp 2)",
        "not documented; taken from FreeRDP 2.11, whose library it uses with its defaults (Debian 12)",
    ),
    _freerdp(
        "guacamole",
        "Apache Guacamole 1.5",
        "guacamole-server, src/protocols/rdp/settings.c and rdp.c (security any; without ignore-cert a certificate "
        "that its store does not verify is refused), 2026-11; TLS and fallbacks as FreeRDP 2.11, whose library it uses",
        certificate=CertificateDemands(trusted=True),
    ),
)
