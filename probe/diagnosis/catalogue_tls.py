"""What is said of TLS."""

from __future__ import annotations

from probe.diagnosis.rule import Diagnosis
from probe.diagnosis.wording import FREERDP_TLS_FAILED, NEW_SELF_SIGNED, SOCKET_CLOSED

_SCHANNEL = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols"

XRDP_KEY = (
    "xrdp cannot load its certificate or key, or tls_ciphers in xrdp.ini is not valid: it then answers in clear text."
)
SCHANNEL_KEY = (
    "Windows cannot use the certificate's private key: it is missing, or NETWORK SERVICE may not read it in "
    "MachineKeys (Schannel events 36870 and 36871)."
)
PATH_SWALLOWS = (
    "Large packets are lost on the way (an MTU black hole, often in a VPN), or an inspecting firewall swallows the "
    "handshake."
)
NOTHING_SHARED = "The server finds no cipher suite or signature algorithm that it can use with its certificate."

TLS_HANDSHAKE_ABORTED = Diagnosis(
    code="TLS_HANDSHAKE_ABORTED",
    severity="blocker",
    summary="TLS is selected, and then no handshake of any version that was asked for is answered.",
    causes=(SCHANNEL_KEY, XRDP_KEY, PATH_SWALLOWS, NOTHING_SHARED),
    remedies=(
        ("On Windows read the System log (Schannel 36870, 36871, 36874, 36888; TermDD 56) at the time of the attempt."),
        (
            "Let NETWORK SERVICE read the private key: certlm.msc, the certificate, All Tasks, Manage Private Keys. "
            "Do not open C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys to everybody."
        ),
        NEW_SELF_SIGNED,
        (
            "For xrdp read xrdp.log; see that certificate and key_file belong together and are readable to the user "
            "xrdp runs as, and try without tls_ciphers and ssl_protocols in xrdp.ini."
        ),
        "Where nothing at all comes back, ask from the server's own network; in a VPN try a smaller MTU.",
    ),
    user_sees=("An internal error has occurred.", *SOCKET_CLOSED, FREERDP_TLS_FAILED),
    source="[MS-RDPBCGR] 5.4.5.1; RFC 8446 6.2",
)

TLS_NO_COMMON_VERSION = Diagnosis(
    code="TLS_NO_COMMON_VERSION",
    severity="breaks_some",
    summary="The server accepts neither TLS 1.2 nor TLS 1.3, which current clients want.",
    causes=(
        "The server is old and was never taught TLS 1.2: Windows 7 and Server 2008 R2 without KB3080079, say.",
        f"TLS 1.2 is disabled on the server under {_SCHANNEL}\\TLS 1.2\\Server.",
        "ssl_protocols in xrdp.ini names old versions only.",
    ),
    remedies=(
        "Update the server. On Windows 7 and Server 2008 R2, KB3080079 lets Remote Desktop use TLS 1.1 and 1.2.",
        (
            f"On Windows enable TLS 1.2: under {_SCHANNEL}\\TLS 1.2\\Server set Enabled to 1 and DisabledByDefault "
            "to 0, then restart."
        ),
        "For xrdp set ssl_protocols=TLSv1.2, TLSv1.3 in xrdp.ini.",
        (
            "Last resort, which lowers security: enabling TLS 1.0 on a client lets it connect, and leaves that "
            "client open to old attacks everywhere."
        ),
    ),
    user_sees=SOCKET_CLOSED,
    source="RFC 8996; RFC 8446 4.2.1",
)

TLS_LEGACY_VERSION = Diagnosis(
    code="TLS_LEGACY_VERSION",
    severity="risk",
    summary="The server still accepts versions of TLS that are withdrawn: {versions}.",
    causes=(
        "Most releases of Windows have old versions on by default.",
        "They were left on for old clients.",
    ),
    remedies=(
        (
            "On Windows, once TLS 1.2 is accepted here and all clients speak it: for each old version set Enabled to 0 "
            f"under {_SCHANNEL}\\VERSION\\Server (TLS 1.0, TLS 1.1), then restart. Other services of that computer "
            "obey it too."
        ),
        "For xrdp set ssl_protocols=TLSv1.2, TLSv1.3 in xrdp.ini.",
    ),
    source="RFC 8996; RFC 7568",
)

TLS_MODERN_ONLY = Diagnosis(
    code="TLS_MODERN_ONLY",
    severity="breaks_some",
    summary="The server accepts TLS 1.3 and not TLS 1.2: Windows before 11 and Server 2022 cannot connect by TLS.",
    causes=(
        f"TLS 1.2 is disabled on the server under {_SCHANNEL}\\TLS 1.2\\Server.",
        "ssl_protocols in xrdp.ini names TLSv1.3 only.",
    ),
    remedies=(
        "Keep it where every client speaks TLS 1.3.",
        (
            "Else allow TLS 1.2 as well: it is safe with current cipher suites. On Windows set Enabled to 1 and "
            f"DisabledByDefault to 0 under {_SCHANNEL}\\TLS 1.2\\Server; for xrdp set ssl_protocols=TLSv1.2, TLSv1.3."
        ),
        (
            "TLS 1.3 on the Windows side needs Windows 11 or Windows Server 2022; no registry value adds it to "
            "older ones."
        ),
    ),
    user_sees=SOCKET_CLOSED,
    source="RFC 8446 4.2.1",
)
