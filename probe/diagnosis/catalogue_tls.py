"""What is said of TLS and of certificates."""

from __future__ import annotations

from probe.diagnosis.rule import Diagnosis
from probe.diagnosis.wording import FREERDP_TLS_FAILED, SOCKET_CLOSED

_SCHANNEL = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols"
_GIVE_WINDOWS_A_CERTIFICATE = (
    "On Windows, enroll a certificate by Group Policy (Computer Configuration, Administrative Templates, Windows "
    "Components, Remote Desktop Services, Remote Desktop Session Host, Security, Server authentication certificate "
    "template), or set one's thumbprint in PowerShell: Get-CimInstance -Namespace root/cimv2/TerminalServices "
    "-ClassName Win32_TSGeneralSetting | Set-CimInstance -Property @{SSLCertificateSHA1Hash='THUMBPRINT'}"
)
_GIVE_XRDP_A_CERTIFICATE = (
    "For xrdp, set certificate and key_file in xrdp.ini to the new files, readable to the user xrdp runs as, and "
    "systemctl restart xrdp. (xrdp-keygen makes no TLS certificates.)"
)
_NEW_SELF_SIGNED = (
    "For a new self-signed one on Windows: delete the old one from Cert:\\LocalMachine\\Remote Desktop and run "
    "Restart-Service TermService -Force, which disconnects whoever is connected."
)
_IDENTITY_WARNING = ("A warning that the identity of the remote computer cannot be verified",)

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
        _NEW_SELF_SIGNED,
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

CERT_EXPIRED = Diagnosis(
    code="CERT_EXPIRED",
    severity="breaks_some",
    summary="The server's certificate ran out on {date} (whole days since then: {days}).",
    causes=(
        "Nobody renewed it: it was installed by hand, or automatic enrollment fails.",
        "It was renewed, and Remote Desktop still uses the old one.",
        "The clock of this computer is wrong.",
    ),
    remedies=(_GIVE_WINDOWS_A_CERTIFICATE, _NEW_SELF_SIGNED, _GIVE_XRDP_A_CERTIFICATE),
    user_sees=("Error code: 0x1B07", *_IDENTITY_WARNING),
    source="RFC 5280 4.1.2.5",
)

CERT_NOT_YET_VALID = Diagnosis(
    code="CERT_NOT_YET_VALID",
    severity="breaks_some",
    summary="The server's certificate is valid only from {date} (whole days until then: {days}).",
    causes=(
        "The clock of the server, or of what issued the certificate, was ahead when it was made.",
        "The clock of this computer is behind.",
        "The certificate was installed too early.",
    ),
    remedies=(
        "Compare the clocks first: w32tm /query /status on Windows, timedatectl on Linux.",
        _GIVE_WINDOWS_A_CERTIFICATE,
        _GIVE_XRDP_A_CERTIFICATE,
    ),
    user_sees=_IDENTITY_WARNING,
    source="RFC 5280 4.1.2.5",
)

CERT_EXPIRES_SOON = Diagnosis(
    code="CERT_EXPIRES_SOON",
    severity="risk",
    summary="The server's certificate runs out on {date} (whole days left: {days}).",
    causes=(
        "It is near its end and has not been renewed yet.",
        "Automatic renewal fails, or Remote Desktop is not told of the new one.",
    ),
    remedies=(
        "Where Windows made the self-signed certificate by itself, it makes the next one by itself too.",
        _GIVE_WINDOWS_A_CERTIFICATE,
        _GIVE_XRDP_A_CERTIFICATE,
    ),
    source="RFC 5280 4.1.2.5",
)

CERT_SELF_SIGNED = Diagnosis(
    code="CERT_SELF_SIGNED",
    severity="info",
    summary="The server signed its certificate itself: clients cannot tell it from an impostor's.",
    causes=(
        "It is the one that Windows or the xrdp package makes when it is installed.",
        "It was made by hand.",
    ),
    remedies=(
        "Use a certificate of an authority that the clients trust, such as the domain's own.",
        _GIVE_WINDOWS_A_CERTIFICATE,
        _GIVE_XRDP_A_CERTIFICATE,
        "Where it must stay, hand its fingerprint to users by another way, so that they can compare it.",
    ),
    user_sees=_IDENTITY_WARNING,
    source="RFC 5280 3.2, 6.1",
)

CERT_NAME_MISMATCH = Diagnosis(
    code="CERT_NAME_MISMATCH",
    severity="risk",
    summary="The server's certificate is for other names than the one asked for, {asked}.",
    causes=(
        "The server is asked for by a short name, an alias or an address that the certificate does not hold.",
        "The certificate is that of another server: a load balancer, a clone, or a computer that was renamed.",
        "Something in between presents its own certificate.",
    ),
    remedies=(
        "Connect by a name that is in the certificate.",
        "Use a certificate that holds every name by which users connect, as subject alternative names.",
        _GIVE_WINDOWS_A_CERTIFICATE,
        _GIVE_XRDP_A_CERTIFICATE,
    ),
    user_sees=_IDENTITY_WARNING,
    source="RFC 9525 6",
)

CERT_MALFORMED = Diagnosis(
    code="CERT_MALFORMED",
    severity="breaks_some",
    summary="The server serves a certificate that cannot be read in full.",
    causes=(
        "The certificate was made by faulty software, or its file was damaged.",
        "Something in between makes up certificates, badly.",
        "It is a honeypot.",
    ),
    remedies=(
        "Look at the certificate with another program: openssl x509 -text, or certutil -dump.",
        _GIVE_WINDOWS_A_CERTIFICATE,
        _GIVE_XRDP_A_CERTIFICATE,
        _NEW_SELF_SIGNED,
    ),
    user_sees=(),
    source="RFC 5280 4.1",
)
TWO_KEYS = "The server has a certificate for each type of key, and picks by what a client can use."
SEVERAL_SERVERS = "Several servers share the address, each with its own certificate."

CERT_VARIES = Diagnosis(
    code="CERT_VARIES",
    severity="info",
    summary="Connections to this address were served different certificates.",
    causes=(
        SEVERAL_SERVERS,
        TWO_KEYS,
        "Something in between inspects some connections and presents its own certificate.",
        "The certificate was renewed meanwhile.",
    ),
    remedies=(
        "Compare the fingerprints with the certificates that are known to belong to the server.",
        "Behind a load balancer, give all servers one certificate that holds the shared name.",
        "Exclude the port from TLS inspection: NLA does not work through it.",
    ),
    user_sees=(),
    source="observed",
)
