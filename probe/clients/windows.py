"""Microsoft's clients on Windows: Remote Desktop Connection (mstsc), and programs that host its control.

Suites, curves and versions are Schannel's defaults, which Microsoft documents per release ("TLS Cipher Suites in
Windows 7", "… 8.1", "… 10 v1607", "… 10 v1809", "… 11", "… Server 2022"; "TLS Elliptic Curves in Windows 10 version
1607 and later"; "Protocols in TLS/SSL (Schannel SSP)"; all as of 2026-11). Requests, encryption methods and the order
of extensions are from public captures: Windows XP (Administr, build 2600), Vista (build 6000), 8.1 (build 9600), 10.
"""

from __future__ import annotations

from probe.clients.profile import ClientProfile, CredSspProfile, Request, TlsProfile
from probe.clients.protocol import TLS10, TLS11, TLS12, TLS13

# requestedProtocols, [MS-RDPBCGR] 2.2.1.1.1
_SSL = 0x01
_HYBRID = 0x03
_HYBRID_EX = 0x0B
# encryptionMethods, [MS-RDPBCGR] 2.2.1.3.3
_BEFORE_FIPS = 0x0B  # 40, 56 and 128 bits
_ALL_METHODS = 0x1B
# The update of May 2018 for CVE-2018-0886: "Mitigated" is the default, and servers below version 5 are refused.
_PATCHED = CredSspProfile(version=6, oldest_server=5)

_XP_SUITES = (0x0004, 0x0005, 0x000A, 0x0009, 0x0064, 0x0062, 0x0003, 0x0006, 0x0013, 0x0012, 0x0063)
_WITHOUT_ECDHE_RSA_GCM = (
    *(0xC028, 0xC027, 0xC014, 0xC013, 0x009F, 0x009E, 0x0039, 0x0033, 0x009D, 0x009C, 0x003D, 0x003C, 0x0035, 0x002F),
    *(0xC02C, 0xC02B, 0xC024, 0xC023, 0xC00A, 0xC009, 0x006A, 0x0040, 0x0038, 0x0032, 0x000A, 0x0013, 0x0005, 0x0004),
)
_BEFORE_TLS12 = (
    *(0xC014, 0xC013, 0x0039, 0x0033, 0x0035, 0x002F, 0xC00A, 0xC009, 0x0038, 0x0032, 0x000A, 0x0013, 0x0005, 0x0004),
)
_WINDOWS_10 = (
    *(0xC02C, 0xC02B, 0xC030, 0xC02F, 0x009F, 0x009E, 0xC024, 0xC023, 0xC028, 0xC027, 0xC00A, 0xC009, 0xC014, 0xC013),
    *(0x009D, 0x009C, 0x003D, 0x003C, 0x0035, 0x002F, 0x000A),
)
_WINDOWS_10_1607 = (
    *(*_WINDOWS_10[:14], 0x0039, 0x0033, *_WINDOWS_10[14:]),
    *(0x006A, 0x0040, 0x0038, 0x0032, 0x0013, 0x0005, 0x0004),
)
_WINDOWS_11 = (0x1302, 0x1301, *_WINDOWS_10)

_NIST = (0x0017, 0x0018)
_WITH_X25519 = (0x001D, *_NIST)
_SCHEMES = (0x0401, 0x0501, 0x0201, 0x0403, 0x0503, 0x0203, 0x0202, 0x0601, 0x0603)
_SCHEMES_WITH_PSS = (0x0804, 0x0805, 0x0806, *_SCHEMES)
_WINDOWS_7_EXTENSIONS = (0xFF01, 0x0000, 0x0005, 0x000A, 0x000B)
_WINDOWS_10_EXTENSIONS = (0x0000, 0x0005, 0x000A, 0x000B, 0x000D, 0x0023, 0x0017, 0xFF01)
_WINDOWS_11_EXTENSIONS = (0x0000, 0x0005, 0x000A, 0x000B, 0x000D, 0x0023, 0x0017, 0x002B, 0x002D, 0x0033, 0xFF01)

_TLS_XP = TlsProfile(versions=(TLS10,), suites=_XP_SUITES)
_TLS_7 = TlsProfile(versions=(TLS10,), suites=_BEFORE_TLS12, groups=_NIST, extensions=_WINDOWS_7_EXTENSIONS)
_TLS_8_1 = TlsProfile(
    versions=(TLS12, TLS11, TLS10),
    suites=_WITHOUT_ECDHE_RSA_GCM,
    groups=_NIST,
    schemes=_SCHEMES,
    extensions=(*_WINDOWS_7_EXTENSIONS, 0x000D),
)
_TLS_10_1607 = TlsProfile(
    versions=(TLS12, TLS11, TLS10),
    suites=_WINDOWS_10_1607,
    groups=_WITH_X25519,
    schemes=_SCHEMES,
    extensions=_WINDOWS_10_EXTENSIONS,
    record_version=TLS12,
)
_TLS_10 = TlsProfile(
    versions=(TLS12, TLS11, TLS10),
    suites=_WINDOWS_10,
    groups=_WITH_X25519,
    schemes=_SCHEMES_WITH_PSS,
    extensions=_WINDOWS_10_EXTENSIONS,
    record_version=TLS12,
)


def _tls_11(*versions: int, maybe: tuple[int, ...] = ()) -> TlsProfile:
    return TlsProfile(
        versions=versions,
        suites=_WINDOWS_11,
        groups=_WITH_X25519,
        schemes=_SCHEMES_WITH_PSS,
        extensions=_WINDOWS_11_EXTENSIONS,
        record_version=TLS12,
        shares=_WITH_X25519[:1],
        maybe=maybe,
    )


_OLD_VERSIONS_OFF = _tls_11(TLS13, TLS12, maybe=(TLS11, TLS10))

_ENABLE_TLS12 = (
    r"install KB3080079 and enable TLS 1.2 in SCHANNEL "
    r"(HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Client, Enabled=1, "
    r"DisabledByDefault=0)"
)
_DESKTOPS = ("mstsc-win7-tls12", "mstsc-win8.1", "mstsc-win10", "mstsc-win11", "freerdp3")
_SERVERS = ("mstsc-2016", "mstsc-2019", "mstsc-2022", "mstsc-2025")

_DOCUMENTED = "Microsoft Learn, TLS Cipher Suites in {release} and Protocols in TLS/SSL, as of 2026-11"
_REQUESTS_0X0B = "request 0x0B and its extensions: public captures of Windows 10 and Server 2016"
_REQUEST_0X03 = "request 0x03: not documented; taken from what it has, TLS and CredSSP"
_UPDATED = "CredSSP as updated in May 2018 (KB4093492)"
_FALLBACK = (
    "asks again for Standard RDP Security after SSL_NOT_ALLOWED_BY_SERVER: capture of Windows Vista, whose release 6.x "
    "XP SP3 has too; not documented of later ones"
)


def _mstsc(
    key: str,
    name: str,
    tls: TlsProfile,
    release: str,
    *notes: str,
    protocols: int = _HYBRID_EX,
    credssp: CredSspProfile | None = _PATCHED,
    hint: str = "",
    helps: tuple[str, ...] = (),
    becomes: str = "",
    successors: tuple[str, ...] = (),
    falls_back: bool = False,
) -> ClientProfile:
    """A Remote Desktop Connection that negotiates, and may fall back where a server says that it has no TLS at all."""
    return ClientProfile(
        key=key,
        name=name,
        family="mstsc",
        requests=(
            Request(protocols=protocols),
            Request(protocols=0, after=("SSL_NOT_ALLOWED_BY_SERVER",), documented=falls_back),
        ),
        tls=tls,
        credssp=credssp,
        methods=_ALL_METHODS,
        hint=hint,
        helps=helps,
        becomes=becomes,
        successors=successors,
        source="; ".join((_DOCUMENTED.format(release=release), *notes, *([_UPDATED] if credssp else []), _FALLBACK)),
    )


PROFILES = (
    ClientProfile(
        key="mstsc-xp",
        name="Windows XP (mstsc 5.1, 5.2)",
        family="mstsc",
        requests=(Request(protocols=None),),
        tls=None,
        methods=_BEFORE_FIPS,
        successors=_DESKTOPS,
        source="public capture of Windows XP, build 2600: a cookie without RDP_NEG_REQ, methods 0x0B; read 2026-11",
    ),
    _mstsc(
        "mstsc-xp-sp3",
        "Windows XP SP3 (mstsc 6.1, 7.0)",
        _TLS_XP,
        "Windows Vista",  # what the same pages say of what is older
        "suites: Microsoft's Platform SDK of April 2000, Using Schannel Supported Protocols",
        "CredSSP is off until it is added to the registry ([MS-CSSP], Microsoft KB951608)",
        "request 0x01: not documented; taken from what is left without CredSSP",
        protocols=_SSL,
        credssp=None,
        successors=_DESKTOPS,
        falls_back=True,
    ),
    _mstsc(
        "mstsc-win7",
        "Windows 7 SP1 (mstsc 7.1, 8.1), without KB3080079",
        _TLS_7,
        "Windows 7",
        "KB3080079 brings TLS 1.1 and 1.2 to Remote Desktop",
        "extensions: JA3 of Windows 7 in public captures",
        _REQUEST_0X03,
        protocols=_HYBRID,
        hint=_ENABLE_TLS12,
        helps=("TLS_NO_COMMON_VERSION",),
        becomes="mstsc-win7-tls12",
        successors=_DESKTOPS[1:],
    ),
    _mstsc(
        "mstsc-win7-tls12",
        "Windows 7 SP1 (mstsc 7.1, 8.1), with KB3080079",
        _TLS_8_1,
        "Windows 7",
        "TLS 1.2 switched on in SCHANNEL",
        "order of extensions: not documented; taken from its TLS 1.0 hello",
        _REQUEST_0X03,
        protocols=_HYBRID,
        successors=_DESKTOPS[1:],
    ),
    _mstsc(
        "mstsc-win8.1",
        "Windows 8.1 (mstsc)",
        _TLS_8_1,
        "Windows 8.1",
        _REQUESTS_0X0B,
        "order of extensions: not documented; taken from Windows 7",
        successors=_DESKTOPS[2:],
    ),
    _mstsc(
        "mstsc-win10",
        "Windows 10 (mstsc)",
        _TLS_10,
        "Windows 10 v1809",
        _REQUESTS_0X0B,
        "schemes of RSA-PSS: not in those captures; taken from Schannel's of 1809 and later",
        successors=_DESKTOPS[3:],
    ),
    _mstsc(
        "mstsc-win11",
        "Windows 11 (mstsc)",
        _OLD_VERSIONS_OFF,
        "Windows 11",
        "TLS 1.0 and 1.1 are off in newer builds and on in older ones",
        _REQUESTS_0X0B,
        "order of extensions: not documented; taken from Windows 10 with those of TLS 1.3 added",
    ),
    _mstsc(
        "mstsc-2012r2",
        "Windows Server 2012 R2 (mstsc)",
        _TLS_8_1,
        "Windows 8.1",
        _REQUESTS_0X0B,
        "order of extensions: not documented; taken from Windows 7",
        successors=_SERVERS,
    ),
    _mstsc(
        "mstsc-2016",
        "Windows Server 2016 (mstsc)",
        _TLS_10_1607,
        "Windows 10 v1607",
        _REQUESTS_0X0B,
        successors=_SERVERS[1:],
    ),
    _mstsc(
        "mstsc-2019",
        "Windows Server 2019 (mstsc)",
        _TLS_10,
        "Windows 10 v1809",
        _REQUESTS_0X0B,
        "schemes of RSA-PSS: not in those captures; taken from Schannel's of 1809 and later",
        successors=_SERVERS[2:],
    ),
    _mstsc(
        "mstsc-2022",
        "Windows Server 2022 (mstsc)",
        _tls_11(TLS13, TLS12, TLS11, TLS10),
        "Windows Server 2022",
        _REQUESTS_0X0B,
        "versions and curves: a public dump of its Schannel's hello (rgl/tls-dump-clienthello)",
        "order of extensions: not documented; taken from Windows 10 with those of TLS 1.3 added",
    ),
    _mstsc(
        "mstsc-2025",
        "Windows Server 2025 (mstsc)",
        _OLD_VERSIONS_OFF,
        "Windows Server 2022 and later",
        "whether TLS 1.0 and 1.1 are on: not documented for mstsc",
        _REQUESTS_0X0B,
        "order of extensions: not documented; taken from Windows 10 with those of TLS 1.3 added",
    ),
    _mstsc(
        "mremoteng",
        "mRemoteNG on Windows 11",
        _OLD_VERSIONS_OFF,
        "Windows 11",
        "it hosts Microsoft's control (MsTscAx), so it connects as Windows does",
        _REQUESTS_0X0B,
    ),
)
