"""What is said of TLS."""

from __future__ import annotations

from probe.diagnosis.rule import Diagnosis
from probe.diagnosis.wording import FREERDP_TLS_FAILED, NEW_SELF_SIGNED, SOCKET_CLOSED

_SCHANNEL_ROOT = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL"
_SCHANNEL = f"{_SCHANNEL_ROOT}\\Protocols"
_SUITE_ORDER = (
    "Group Policy (Computer Configuration, Administrative Templates, Network, SSL Configuration Settings, SSL Cipher "
    "Suite Order)"
)
_GOOD_SUITES = (
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, and the same with ECDSA for a "
    "certificate of that kind"
)
_OPENSSL_DECIDES = (
    "For GNOME Remote Desktop and FreeRDP's servers the system's OpenSSL decides: update-crypto-policies --set DEFAULT "
    "on Fedora and RHEL, CipherString in openssl.cnf elsewhere; then restart the service."
)

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
            f"under {_SCHANNEL}\\VERSION\\Server (SSL 2.0, SSL 3.0, TLS 1.0, TLS 1.1), then restart. Other services "
            "of that computer obey it too."
        ),
        "For xrdp set ssl_protocols=TLSv1.2, TLSv1.3 in xrdp.ini.",
    ),
    source="RFC 8996; RFC 7568; RFC 6176",
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

TLS_NO_SHARED_CIPHER = Diagnosis(
    code="TLS_NO_SHARED_CIPHER",
    severity="breaks_some",
    summary="The server accepts {versions} only with cipher suites that no current client offers.",
    causes=(
        "The server is old or was never updated: its newest suites are RC4, DES or of export grade.",
        (
            "tls_ciphers in xrdp.ini, or the SSL Cipher Suite Order on Windows, names only suites that clients have "
            "dropped or never had."
        ),
        "It is set up for pre-shared keys, anonymous key exchange or national algorithms, which RDP clients lack.",
    ),
    remedies=(
        (
            f"On Windows set the SSL Cipher Suite Order in {_SUITE_ORDER} to Not Configured, or add to it "
            f"{_GOOD_SUITES}; then restart."
        ),
        (
            "On Windows Server 2016 and later, in PowerShell: Enable-TlsCipherSuite -Name "
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256; Get-TlsCipherSuite lists what is on."
        ),
        "For xrdp take tls_ciphers out of xrdp.ini, or set tls_ciphers=HIGH, and systemctl restart xrdp.",
        _OPENSSL_DECIDES,
        (
            "Last resort, which lowers security: enabling an old suite on a client lets it connect, and leaves that "
            "client open to old attacks everywhere."
        ),
    ),
    user_sees=(*SOCKET_CLOSED, FREERDP_TLS_FAILED),
    source="RFC 5246 7.2.2; RFC 9325 4.2",
)

TLS_WEAK_CIPHER = Diagnosis(
    code="TLS_WEAK_CIPHER",
    severity="risk",
    summary="The server accepts weak cipher suites or key exchange: {weak}.",
    causes=(
        "Most releases of Windows have suites with static RSA and 3DES on by default, and old ones RC4.",
        "tls_ciphers in xrdp.ini allows old suites, or DH parameters were made short.",
        "They were left on for old clients.",
    ),
    remedies=(
        (
            "On Windows Server 2016 and later, in PowerShell, once for each suite named here: Disable-TlsCipherSuite "
            "-Name SUITE; then restart. Other services of that computer obey it too."
        ),
        (
            f"On Windows by {_SUITE_ORDER}: for TLS 1.2 list {_GOOD_SUITES}; for clients before Windows 10 add "
            "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384 and TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256. It writes Functions "
            "under HKLM\\SOFTWARE\\Policies\\Microsoft\\Cryptography\\Configuration\\SSL\\00010002."
        ),
        (
            f"On older Windows set Enabled to 0 under {_SCHANNEL_ROOT}\\Ciphers, in the keys Triple DES 168, "
            "RC4 128/128, RC4 56/128, RC4 40/128, DES 56/56 and NULL, then restart."
        ),
        (
            "Where DH is short on Windows: set ServerMinKeyBitLength to 2048 in the key KeyExchangeAlgorithms\\"
            f"Diffie-Hellman under {_SCHANNEL_ROOT}, or disable the TLS_DHE suites."
        ),
        (
            "For xrdp set tls_ciphers=ECDHE+AESGCM:ECDHE+CHACHA20 in xrdp.ini (suites of TLS 1.3 stay on) and "
            "systemctl restart xrdp."
        ),
        _OPENSSL_DECIDES,
    ),
    source="RFC 9325 4; RFC 10015; NIST SP 800-52r2 3.3.1",
)

TLS_INTOLERANT = Diagnosis(
    code="TLS_INTOLERANT",
    severity="breaks_some",
    summary="The server drops a legal TLS hello, and answers another: clients that send the first cannot connect.",
    causes=(
        "An old load balancer, firewall or TLS inspection in between does not know newer or larger hellos.",
        "The server's TLS is old: it drops what it does not know instead of ignoring it.",
        "Hellos that need two packets are lost on the way (an MTU black hole, often in a VPN).",
    ),
    remedies=(
        "Ask from the server's own network: if the hello is answered there, what stands in between drops it.",
        "Update the load balancer, the firewall or the server, or exclude the port from TLS inspection.",
        "Where only a large hello is dropped, try a smaller MTU on the way.",
        (
            "Last resort, which lowers security: a client that offers less (no TLS 1.3, no post-quantum group) sends "
            "the hello that is answered."
        ),
    ),
    user_sees=(*SOCKET_CLOSED, FREERDP_TLS_FAILED),
    source="RFC 8446 9.3; RFC 7685",
)
