"""What is said of TLS."""

from __future__ import annotations

from probe.diagnosis.rule import Cause, Diagnosis, Remedy
from probe.diagnosis.wording import NEW_SELF_SIGNED, SCHANNEL, SUITE_ORDER, TLS_BROKEN

_PROTOCOLS = f"{SCHANNEL}\\Protocols"
_ENABLE_12 = (
    f'reg add "{_PROTOCOLS}\\TLS 1.2\\Server" /v Enabled /t REG_DWORD /d 1 /f, the same with /v DisabledByDefault and '
    "/d 0, then restart"
)
_GOOD_SUITES = (
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, and the same with ECDSA for a "
    "certificate of that kind"
)
_OPENSSL_DECIDES = Remedy(
    "For GNOME Remote Desktop and FreeRDP's servers the system's OpenSSL decides: update-crypto-policies --set DEFAULT "
    "on Fedora and RHEL, CipherString in openssl.cnf elsewhere; then restart the service.",
    on="freerdp",
)
_XRDP_VERSIONS = Remedy(
    "For xrdp set ssl_protocols=TLSv1.2, TLSv1.3 in xrdp.ini; it counts for the next connection.", on="xrdp"
)
_XRDP_SUITES = Remedy(
    "For xrdp set tls_ciphers=ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE+AES:DHE+AES in xrdp.ini; suites of TLS 1.3 "
    "stay on.",
    on="xrdp",
)
_OLD_CLIENTS = Cause("They were left on for old clients.", "Somebody chose so: the values below are set.")

XRDP_KEY = Cause(
    "xrdp cannot load its certificate or key: they do not belong together, the key has a passphrase, or one is no PEM.",
    "xrdp.log says: Private key FILE and certificate FILE do not match; or: Error loading TLS private key from FILE, "
    "before it Encryption is not supported for FILE where it has a passphrase; or: Error loading TLS certificate chain "
    "from FILE.",
    on="xrdp",
)
XRDP_SMALL_KEY = Cause(
    "The key has less than 2048 bits (RSA), which OpenSSL refuses at its usual SECLEVEL 2.",
    "xrdp.log says: Error loading TLS certificate chain from FILE, then: ee key too small; openssl x509 -noout -text "
    "shows the size.",
    on="xrdp",
)
XRDP_CIPHERS = Cause(
    "tls_ciphers in xrdp.ini is not valid, or ssl_protocols names old versions alone.",
    "xrdp.log says: Invalid TLS cipher options VALUE, then: no cipher match; or: no suitable signature algorithm.",
    on="xrdp",
)
SCHANNEL_KEY = Cause(
    "Windows cannot use the certificate's private key: it is missing, or NETWORK SERVICE may not read it in "
    "MachineKeys.",
    "The System log has Schannel 36870, or TerminalServices-RemoteConnectionManager 1057 or 1058.",
    on="windows",
)
SCHANNEL_OFF = Cause(
    "Every version of TLS is disabled on the server.",
    f"Enabled is 0 in the key Server of each version under {_PROTOCOLS}; the System log has Schannel 36871 or 36874.",
    on="windows",
)
PATH_SWALLOWS = Cause(
    "Large packets are lost on the way (an MTU black hole, often in a VPN), or an inspecting firewall swallows the "
    "handshake.",
    "From the server's own network it is answered, and with a smaller MTU where packets are too large.",
)
PATH_CUTS = Cause(
    "A firewall or TLS inspection in between cuts the handshake off.",
    "From the server's own network the handshake is answered.",
)
SERVICE_HANGS = Cause("The service hangs in its TLS library.", "It is silent on the server itself as well.")
NOTHING_SHARED = Cause(
    "The server finds no version, cipher suite or signature algorithm that it can use with its certificate.",
    "The alert names it (handshake_failure, protocol_version, internal_error); Schannel 36874 or 36888 on Windows.",
)

TLS_HANDSHAKE_ABORTED = Diagnosis(
    code="TLS_HANDSHAKE_ABORTED",
    severity="blocker",
    summary="TLS is selected, and then no handshake of any version that was asked for is answered.",
    wire=(
        "TLS or NLA is selected. Then every ClientHello, of each TLS version, ends without a ServerHello: by "
        "a close, a reset, an alert, silence, or nine bytes in clear text (the disconnect of xrdp)."
    ),
    causes=(
        SCHANNEL_KEY,
        SCHANNEL_OFF,
        XRDP_KEY,
        XRDP_SMALL_KEY,
        XRDP_CIPHERS,
        NOTHING_SHARED,
        PATH_SWALLOWS,
        PATH_CUTS,
        SERVICE_HANGS,
    ),
    remedies=(
        Remedy(
            "On Windows let NETWORK SERVICE read the private key: certlm.msc, the certificate, All Tasks, Manage "
            "Private Keys. Do not open C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys to everybody.",
            on="windows",
            heals=(SCHANNEL_KEY,),
        ),
        Remedy(NEW_SELF_SIGNED.text, on="windows", heals=(SCHANNEL_KEY,)),
        Remedy(f"On Windows enable TLS 1.2: {_ENABLE_12}.", on="windows", heals=(SCHANNEL_OFF, NOTHING_SHARED)),
        Remedy(
            "On Windows read the System log (Schannel 36870, 36871, 36874, 36888; TermDD 56) at the time of the "
            "attempt.",
            on="windows",
            heals=(SCHANNEL_KEY, SCHANNEL_OFF, NOTHING_SHARED, PATH_CUTS, SERVICE_HANGS),
        ),
        Remedy(
            "For xrdp read xrdp.log (in /var/log) first: its [ERROR] lines at the time of the attempt say which of "
            "these causes it is: a file that they name, ee key too small, or Invalid TLS cipher options.",
            on="xrdp",
            heals=(XRDP_KEY, XRDP_SMALL_KEY, XRDP_CIPHERS, NOTHING_SHARED),
        ),
        Remedy(
            "For xrdp, where the log names a file or a small key: make a pair that belongs together, without "
            "passphrase: openssl req -x509 -newkey rsa:2048 -nodes -days 365 -keyout key.pem -out cert.pem; name both "
            "by key_file and certificate in xrdp.ini, readable to the user xrdp runs as.",
            on="xrdp",
            heals=(XRDP_KEY, XRDP_SMALL_KEY),
        ),
        Remedy(
            "For xrdp, where the log says Invalid TLS cipher options or no suitable signature algorithm: set "
            "tls_ciphers=ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE+AES:DHE+AES and ssl_protocols=TLSv1.2, TLSv1.3 "
            "in xrdp.ini.",
            on="xrdp",
            heals=(XRDP_CIPHERS, NOTHING_SHARED),
        ),
        Remedy(
            "Run this probe from the server's own network; in a VPN try a smaller MTU.",
            heals=(PATH_SWALLOWS, PATH_CUTS, SERVICE_HANGS),
        ),
        Remedy("Exclude the port from TLS inspection.", heals=(PATH_CUTS, PATH_SWALLOWS)),
        _OPENSSL_DECIDES,
    ),
    user_sees=TLS_BROKEN,
    events=(
        "System log: Schannel 36870, 36871, 36874 or 36888; TermDD 56",
        "System log: TerminalServices-RemoteConnectionManager 1057 or 1058",
        (
            "xrdp.log: Private key FILE and certificate FILE do not match; Error loading TLS private key from FILE; "
            "Error loading TLS certificate chain from FILE; Invalid TLS cipher options VALUE"
        ),
    ),
    source=(
        "[MS-RDPBCGR] 5.4.5.1; RFC 8446 6.2; Microsoft: Troubleshoot Azure VM RDP connection issues by Event ID; xrdp "
        "0.9.21"
    ),
)

OFF_12 = Cause("TLS 1.2 is disabled on the server.", f"Enabled is 0 in {_PROTOCOLS}\\TLS 1.2\\Server.", on="windows")
NEVER_TAUGHT = Cause(
    "The server is old and was never taught TLS 1.2: Windows 7 and Server 2008 R2 without KB3080079, say.",
    "Get-HotFix KB3080079 on the server finds nothing.",
    on="windows",
)

ALL_OFF = Cause(
    "TLS is disabled on the server in all versions.",
    f"Enabled is 0 in the key Server of each version under {_PROTOCOLS}; none is accepted.",
    on="windows",
)
XRDP_NO_VERSION = Cause(
    "ssl_protocols in xrdp.ini names no version that its OpenSSL has, or none at all.",
    "None is accepted. xrdp.log says: no protocols available; and before it, where it knows none of the words: No "
    "SSL/TLS protocols enabled.",
    on="xrdp",
)
XRDP_OLD_ONLY = Cause("ssl_protocols in xrdp.ini names old versions only.", "The line stands in [Globals].", on="xrdp")
TOO_OLD = Cause("The device or its software is too old for TLS 1.2.", "There is no setting for it.")

CLIENT_TOO_OLD = Cause(
    "The client is too old: it offers none of the versions that servers of today have.",
    "In a capture its ClientHello names TLS 1.1 or older as its newest version.",
)

NEWER_ONLY = Cause(
    "The server takes only a newer version than this client offers: TLS 1.3.",
    "A client that offers TLS 1.3 is answered; rdp-probe host says which versions the server has.",
)

TLS_NO_COMMON_VERSION = Diagnosis(
    code="TLS_NO_COMMON_VERSION",
    severity="breaks_some",
    summary="The server accepts neither TLS 1.2 nor TLS 1.3, which current clients want.",
    wire=(
        "ClientHellos of TLS 1.2 and of TLS 1.3 are turned away as versions, or answered by an older one. In a capture "
        "of one connection: the server answers the client's hello by the alert protocol_version."
    ),
    causes=(
        NEVER_TAUGHT,
        OFF_12,
        ALL_OFF,
        XRDP_OLD_ONLY,
        XRDP_NO_VERSION,
        TOO_OLD,
        CLIENT_TOO_OLD,
        NEWER_ONLY,
    ),
    remedies=(
        Remedy(
            "Update the client to one that speaks TLS 1.3, or allow TLS 1.2 at the server too: ssl_protocols=TLSv1.2, "
            "TLSv1.3 in xrdp.ini, MinProtocol in openssl.cnf, or the key TLS 1.2 of Schannel.",
            heals=(NEWER_ONLY,),
        ),
        Remedy(
            "On Windows 7 and Server 2008 R2 install KB3080079, which lets Remote Desktop use TLS 1.1 and 1.2; better, "
            "replace a system of that age.",
            on="windows",
            heals=(NEVER_TAUGHT,),
        ),
        Remedy(f"On Windows enable TLS 1.2: {_ENABLE_12}.", on="windows", heals=(OFF_12, ALL_OFF)),
        Remedy(
            "Update the client, or replace it: Windows 7 needs KB3080079 to use TLS 1.2 for Remote Desktop.",
            heals=(CLIENT_TOO_OLD,),
        ),
        _XRDP_VERSIONS,
        _OPENSSL_DECIDES,
        Remedy(
            "Last resort, which lowers security: enabling TLS 1.0 on a client lets it connect, and leaves that "
            "client open to old attacks everywhere. FreeRDP alone: /tls-seclevel:0 (version 2) or /tls:seclevel:0 "
            "(version 3).",
            lowers=True,
            heals=(NEVER_TAUGHT, OFF_12, XRDP_OLD_ONLY, TOO_OLD),
        ),
    ),
    user_sees=TLS_BROKEN,
    events=("System log: Schannel 36874, 36888", "System log of the client: Schannel 36871"),
    source="RFC 8996; RFC 8446 4.2.1; Microsoft KB3080079",
)

TLS_LEGACY_VERSION = Diagnosis(
    code="TLS_LEGACY_VERSION",
    severity="risk",
    summary="The server still accepts versions of TLS that are withdrawn: {versions}.",
    title="The server still accepts versions of TLS that are withdrawn.",
    wire="A ClientHello of TLS 1.1, TLS 1.0, SSL 3.0 or SSL 2.0 is answered by a ServerHello of that version.",
    causes=(
        Cause(
            "Most releases of Windows have old versions on by default.",
            f"There are no keys of theirs under {_PROTOCOLS}.",
            on="windows",
        ),
        Cause("ssl_protocols in xrdp.ini names them, with a tls_ciphers of SECLEVEL 0.", on="xrdp"),
        _OLD_CLIENTS,
    ),
    remedies=(
        Remedy(
            "On Windows, once TLS 1.2 is accepted here and all clients speak it: for each old version set Enabled to 0 "
            f"under {_PROTOCOLS}\\VERSION\\Server (SSL 2.0, SSL 3.0, TLS 1.0, TLS 1.1), for example reg add "
            f'"{_PROTOCOLS}\\TLS 1.0\\Server" /v Enabled /t REG_DWORD /d 0 /f, then restart. Other services of that '
            "computer obey it too; an RD Connection Broker on its own database needs TLS 1.0.",
            on="windows",
        ),
        _XRDP_VERSIONS,
        _OPENSSL_DECIDES,
    ),
    source="RFC 8996; RFC 7568; RFC 6176; Microsoft: TLS registry settings",
)

TLS_MODERN_ONLY = Diagnosis(
    code="TLS_MODERN_ONLY",
    severity="breaks_some",
    summary="The server accepts TLS 1.3 and not TLS 1.2: Windows before 11 and Server 2022 cannot connect by TLS.",
    wire="A ClientHello of TLS 1.3 is answered, and one of TLS 1.2 is turned away.",
    causes=(
        OFF_12,
        Cause("ssl_protocols in xrdp.ini names TLSv1.3 only.", "The line stands in [Globals].", on="xrdp"),
    ),
    remedies=(
        Remedy("Keep it where every client speaks TLS 1.3."),
        Remedy(f"On Windows allow TLS 1.2 too, which is safe with current cipher suites: {_ENABLE_12}.", on="windows"),
        _XRDP_VERSIONS,
        Remedy(
            "TLS 1.3 on the Windows side needs Windows 11 or Windows Server 2022; no registry value adds it to "
            "older ones."
        ),
    ),
    user_sees=TLS_BROKEN,
    events=("System log: Schannel 36874, 36888",),
    source="RFC 8446 4.2.1; Microsoft: Protocols in TLS/SSL (Schannel SSP)",
)

TLS_NO_SHARED_CIPHER = Diagnosis(
    code="TLS_NO_SHARED_CIPHER",
    severity="breaks_some",
    summary="The server accepts {versions} only with cipher suites that no current client offers.",
    title="The server accepts current versions of TLS only with cipher suites that no current client offers.",
    wire=(
        "All cipher suites of a version were asked for. Those that the server selects are offered by no current client."
    ),
    causes=(
        Cause(
            "The server is old or was never updated: its newest suites are RC4, DES or of export grade.",
            "The suites in the evidence are of that kind.",
        ),
        Cause(
            "The SSL Cipher Suite Order on Windows names only suites that clients have dropped or never had.",
            "Functions is set under HKLM\\SOFTWARE\\Policies\\Microsoft\\Cryptography\\Configuration\\SSL\\00010002.",
            on="windows",
        ),
        Cause("tls_ciphers in xrdp.ini names only suites that clients have dropped or never had.", on="xrdp"),
        Cause(
            "It is set up for pre-shared keys, anonymous key exchange or national algorithms, which RDP clients lack.",
            "The names of the suites hold PSK, anon, SM4 or GOST.",
        ),
    ),
    remedies=(
        Remedy(
            f"On Windows set the SSL Cipher Suite Order in {SUITE_ORDER} to Not Configured, or add to it "
            f"{_GOOD_SUITES}; then restart.",
            on="windows",
        ),
        Remedy(
            "On Windows Server 2016 and later, in PowerShell: Enable-TlsCipherSuite -Name "
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256; Get-TlsCipherSuite lists what is on.",
            on="windows",
        ),
        _XRDP_SUITES,
        _OPENSSL_DECIDES,
        Remedy(
            "Last resort, which lowers security: enabling an old suite on a client lets it connect, and leaves that "
            "client open to old attacks everywhere. FreeRDP alone: /tls-seclevel:0 (version 2) or /tls:seclevel:0 "
            "(version 3).",
            lowers=True,
        ),
    ),
    user_sees=TLS_BROKEN,
    events=("System log: Schannel 36874, 36888",),
    source="RFC 5246 7.2.2; RFC 9325 4.2; FreeRDP issues 7769, 7839",
)

TLS_WEAK_CIPHER = Diagnosis(
    code="TLS_WEAK_CIPHER",
    severity="risk",
    summary="The server accepts weak cipher suites or key exchange: {weak}.",
    title="The server accepts weak cipher suites or key exchange.",
    wire=(
        "The server selected a weak cipher suite or group that was offered, or used short Diffie-Hellman parameters."
    ),
    causes=(
        Cause(
            "Most releases of Windows have suites with static RSA and 3DES on by default, and old ones RC4.",
            on="windows",
        ),
        Cause("tls_ciphers in xrdp.ini allows old suites, or DH parameters were made short.", on="xrdp"),
        Cause("They were left on for old clients.", "Somebody chose so: an order of suites is configured."),
    ),
    remedies=(
        Remedy(
            "On Windows Server 2016 and later, in PowerShell, once for each suite named here: Disable-TlsCipherSuite "
            "-Name SUITE; then restart. Other services of that computer obey it too.",
            on="windows",
        ),
        Remedy(
            f"On Windows by {SUITE_ORDER}: for TLS 1.2 list {_GOOD_SUITES}; for clients before Windows 10 add "
            "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384 and TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256. It writes Functions "
            "under HKLM\\SOFTWARE\\Policies\\Microsoft\\Cryptography\\Configuration\\SSL\\00010002.",
            on="windows",
        ),
        Remedy(
            f"On older Windows set Enabled to 0 under {SCHANNEL}\\Ciphers, in the keys Triple DES 168, "
            "RC4 128/128, RC4 56/128, RC4 40/128, DES 56/56 and NULL, then restart.",
            on="windows",
        ),
        Remedy(
            "Where DH is short on Windows: set ServerMinKeyBitLength to 2048 in the key KeyExchangeAlgorithms\\"
            f"Diffie-Hellman under {SCHANNEL}, or disable the TLS_DHE suites.",
            on="windows",
        ),
        _XRDP_SUITES,
        _OPENSSL_DECIDES,
    ),
    source="RFC 9325 4; RFC 10015; NIST SP 800-52r2 3.3.1",
)
