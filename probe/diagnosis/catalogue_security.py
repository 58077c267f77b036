"""What is said of CredSSP and of Standard RDP Security, once they are selected."""

from __future__ import annotations

from probe.diagnosis.rule import Cause, Diagnosis, Remedy, Sees
from probe.diagnosis.wording import (
    FREERDP_AUTHENTICATION_FAILED,
    FREERDP_MCS_FAILED,
    FROM_INSIDE,
    GPO_SECURITY,
    INTERNAL_ERROR,
    NLA_BY_FREERDP,
    RDP_TCP,
    TERMINAL_SERVER,
    TLS_BY_POLICY,
    TLS_BY_POWERSHELL,
    TLS_BY_XRDP,
    TRY_AGAIN,
)

_ONLY_STANDARD = "The encryption level counts for Standard RDP Security alone: with TLS or NLA it is not used."
_LEVEL_POLICY = f"{GPO_SECURITY}, Set client connection encryption level"
_SECURITY_ERROR = (
    "Because of a security error, the client could not connect to the remote computer. Verify that you are logged on "
    "to the network, and then try connecting again. Error code: 0x406"
)
_NO_FIPS = (
    "The client can't connect because it doesn't support FIPS encryption level. Please lower the server side required "
    "security level Policy, or contact your network administrator for assistance. Error code: 0xE06"
)

_LSASS = Cause(
    "The server's authentication service fails: LSASS is overloaded, or its security packages are misconfigured.",
    "Logins at the server's own console are slow or fail too; the System log has entries of LsaSrv.",
    on="windows",
)
KERBEROS_ONLY = Cause(
    "The server takes Kerberos only, and turns anything else away without saying so.",
    "A domain computer that connects by the full name gets in.",
)
TLS_ENDED = Cause(
    "Something in between ends TLS by itself, and does not pass CredSSP on.",
    "From the server's own network it is answered, and with another certificate.",
)

CREDSSP_ABORTED = Diagnosis(
    code="CREDSSP_ABORTED",
    severity="breaks_some",
    summary="NLA is selected, and then its first message gets no usable answer.",
    wire=(
        "NLA is selected and TLS is set up. The first CredSSP message (TSRequest) is then answered by an end, "
        "an error, or something that holds no NTLM challenge."
    ),
    causes=(
        TLS_ENDED,
        _LSASS,
        KERBEROS_ONLY,
        Cause(
            "The server's software only claims to do NLA, as honeypots do.",
            "It is no Windows, and selects NLA whatever is asked for.",
        ),
    ),
    remedies=(
        FROM_INSIDE,
        Remedy(
            "On Windows read the server's log at that time: System (LsaSrv, Schannel) and, under Microsoft, Windows, "
            "TerminalServices-RemoteConnectionManager and NTLM.",
            on="windows",
            heals=(_LSASS, KERBEROS_ONLY),
        ),
        Remedy(
            "From a domain computer, connect by the server's full name, so that Kerberos can be used.",
            heals=(KERBEROS_ONLY,),
        ),
        Remedy("Exclude the port from TLS inspection: NLA is bound to the server's own key.", heals=(TLS_ENDED,)),
    ),
    user_sees=Sees(mstsc=(INTERNAL_ERROR, TRY_AGAIN), freerdp=(FREERDP_AUTHENTICATION_FAILED,)),
    source="[MS-CSSP] 3.1.5",
)

CREDSSP_OUTDATED = Diagnosis(
    code="CREDSSP_OUTDATED",
    severity="breaks_some",
    summary=(
        "The server speaks CredSSP version {version}, from before the repair of CVE-2018-0886; updated Windows "
        "clients refuse it."
    ),
    title="The server speaks a version of CredSSP from before the repair of CVE-2018-0886; updated Windows "
    "clients refuse it.",
    wire="The server's first CredSSP message (TSRequest) carries a version below 5.",
    causes=(
        Cause(
            "The server lacks the security updates of March 2018 and later.",
            "Get-HotFix on the server shows nothing newer than that.",
            on="windows",
        ),
        Cause("The server's software implements an old version of CredSSP.", "It is no Windows."),
    ),
    remedies=(
        Remedy("On Windows install the server's updates; then nothing needs to change on the clients.", on="windows"),
        Remedy("Update the server's software, or ask its makers for CredSSP version 5 or later."),
        Remedy(
            "Last resort, which lowers security: AllowEncryptionOracle 2 (Vulnerable) on a client lets it connect "
            "to such servers, and exposes its passwords to whoever sits in between. It is set by Group Policy: "
            "Computer Configuration, Administrative Templates, System, Credentials Delegation, Encryption Oracle "
            "Remediation. Undo it as soon as the server is updated.",
            lowers=True,
        ),
    ),
    user_sees=Sees(
        mstsc=(
            (
                "An authentication error has occurred. The function requested is not supported. This could be due to "
                "CredSSP encryption oracle remediation."
            ),
        ),
    ),
    events=("System log of the client: LSA (LsaSrv) 6041",),
    source="[MS-CSSP] 2.2.1, 3.1.5; CVE-2018-0886; Microsoft KB4093492",
)

_RESTRICTED = Cause(
    "NTLM is restricted by policy: Network security: Restrict NTLM: Incoming NTLM traffic.",
    "The log Microsoft, Windows, NTLM, Operational on the server has event 4002.",
    on="windows",
)

NTLM_REFUSED = Diagnosis(
    code="NTLM_REFUSED",
    severity="breaks_some",
    summary="The server turns NTLM away: only clients that can use Kerberos get in.",
    wire="The offer of NTLM inside CredSSP is answered by an error that says so, or by another mechanism.",
    causes=(_RESTRICTED, Cause("The server's software offers Kerberos only.", "It is no Windows.")),
    remedies=(
        Remedy(
            "Connect by the server's full name and not by its address, from a computer that reaches a domain "
            "controller: then Kerberos is used."
        ),
        Remedy("See that the name is registered: setspn -Q TERMSRV/server.domain.example."),
        Remedy("From outside the domain use an RD Gateway, or a KDC proxy."),
        Remedy("In FreeRDP give the domain with /d: and have a ticket (kinit), or name the KDC in krb5.conf."),
        Remedy(
            "Last resort, which lowers security: allow incoming NTLM on this server again (Computer Configuration, "
            "Windows Settings, Security Settings, Local Policies, Security Options, Network security: Restrict NTLM: "
            "Incoming NTLM traffic; RestrictReceivingNTLMTraffic in "
            "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa\\MSV1_0).",
            on="windows",
            lowers=True,
            heals=(_RESTRICTED,),
        ),
    ),
    user_sees=Sees(
        mstsc=("An authentication error has occurred. The function requested is not supported. Error code: 0x1807",),
        freerdp=(FREERDP_AUTHENTICATION_FAILED,),
    ),
    events=("Microsoft, Windows, NTLM, Operational: 4002",),
    source="[MS-CSSP] 2.2.1 errorCode; [MS-NLMP] 3.2.5.1.1; Microsoft-Windows-NTLM event 4002",
)

CLOCK_SKEW = Diagnosis(
    code="CLOCK_SKEW",
    severity="breaks_some",
    summary="The server's clock and this computer's are more than five minutes apart, too far for Kerberos "
    "(difference in seconds: {seconds}).",
    title="The server's clock and this computer's are more than five minutes apart, too far for Kerberos.",
    wire="The server's time in the NTLM challenge and this computer's differ by more than 300 seconds.",
    causes=(
        Cause(
            "This computer's own clock is wrong.",
            "Every server that is probed shows the same difference.",
        ),
        Cause(
            "The server does not get its time from the domain or from a time server.",
            "w32tm /query /source on it says Local CMOS Clock or Free-running System Clock.",
        ),
        Cause(
            "A virtual machine was paused or restored, and has kept the old time.",
            "The difference is as long as the pause.",
        ),
    ),
    remedies=(
        Remedy(
            "See which one is wrong: w32tm /stripchart /computer:TIMESERVER /samples:3 on Windows, timedatectl on "
            "Linux."
        ),
        Remedy(
            "Set it right on Windows: w32tm /resync, and see its source with w32tm /query /source. Members of a "
            "domain take their time from the domain.",
        ),
        Remedy("Set it right on Linux: timedatectl set-ntp true."),
    ),
    user_sees=Sees(
        mstsc=(
            (
                "Remote Desktop cannot verify the identity of the remote computer because there is a time or date "
                "difference between your computer and the remote computer. Error code: 0x1D07"
            ),
        ),
    ),
    source="[MS-NLMP] 2.2.2.1 MsvAvTimestamp; RFC 4120 1.6; Microsoft TechNet wiki 37870",
)

_ALLOWED_WINDOWS = Cause(f"SecurityLayer is 0 or 1 in {RDP_TCP}.", on="windows")
_ALLOWED_XRDP = Cause("security_layer is negotiate, rdp or no word that xrdp knows, in xrdp.ini.", on="xrdp")
_TOO_OLD = Cause("The server's software is too old for anything else.", "TLS and NLA are refused.")

# The contract has it said at any level, and raised for 40 and 56 bit and for no encryption. There every client gets in
# that asks for it, so that the highest it can be is a risk (works, but is unsafe), not "some clients cannot"; and what
# is below that is info. That a server can be reached without NLA, or has nothing better, are risks of their own codes.
ASKED_FOR_NO_MORE = Cause(
    "This client asked for neither TLS nor NLA, and the server may have both.",
    "A client that asks for TLS or NLA is answered with it, or by a failure that says why not.",
)

STANDARD_RDP_WEAK = Diagnosis(
    code="STANDARD_RDP_WEAK",
    severity="info",
    summary="The server accepts Standard RDP Security ({strength}), which does not prove who the server is.",
    title="The server accepts Standard RDP Security, which does not prove who the server is.",
    wire=("A request for Standard RDP Security is accepted; its settings say the level and method of encryption."),
    causes=(_ALLOWED_WINDOWS, _ALLOWED_XRDP, _TOO_OLD, ASKED_FOR_NO_MORE),
    remedies=(
        Remedy(
            "Let the client ask for TLS and NLA: in FreeRDP leave out /sec:rdp, in an .rdp file negotiate security "
            "layer:i:0 and enablecredsspsupport:i:0; one that knows neither has to be replaced.",
            heals=(ASKED_FOR_NO_MORE,),
        ),
        TLS_BY_POLICY,
        TLS_BY_POWERSHELL,
        TLS_BY_XRDP,
        NLA_BY_FREERDP,
        Remedy(
            f"Where it must stay on Windows: {_LEVEL_POLICY}, set to High Level; or MinEncryptionLevel 3 in {RDP_TCP}. "
            f"{_ONLY_STANDARD}",
            on="windows",
        ),
        Remedy(f"Where it must stay on xrdp: crypt_level=high in xrdp.ini. {_ONLY_STANDARD}", on="xrdp"),
    ),
    user_sees=Sees(rdesktop=("Connection established using plain RDP.",)),
    source="[MS-RDPBCGR] 5.3, 5.3.2; xrdp.ini(5)",
)

STANDARD_RDP_WEAK_KEY = Diagnosis(
    code="STANDARD_RDP_WEAK_KEY",
    severity="risk",
    summary="The RSA key of Standard RDP Security has {bits} bits, which is less than 2048.",
    title="The RSA key of Standard RDP Security has less than 2048 bits.",
    wire="The certificate in the settings of Standard RDP Security holds an RSA key of less than 2048 bits.",
    causes=(
        Cause("The key was made by old software: 512 bits were usual up to Windows Server 2003.", on="windows"),
        Cause("xrdp's rsakeys.ini was made with a small key.", on="xrdp"),
        Cause("The TLS key of FreeRDP's server is short: it is used for both.", on="freerdp"),
    ),
    remedies=(
        TLS_BY_POLICY,
        TLS_BY_POWERSHELL,
        TLS_BY_XRDP,
        Remedy(
            "For xrdp make a new one: xrdp-keygen xrdp auto 2048. It is the key of Standard RDP Security, and no "
            "TLS certificate.",
            on="xrdp",
        ),
        Remedy("Where the software cannot make a longer one, let it be reached through a VPN only."),
    ),
    source="[MS-RDPBCGR] 2.2.1.4.3.1.1, 5.3.3.1",
)

ENCRYPTION_FIPS_ONLY = Diagnosis(
    code="ENCRYPTION_FIPS_ONLY",
    severity="breaks_some",
    summary="Under Standard RDP Security the server accepts the FIPS method alone, which some clients lack.",
    wire=(
        "Of the encryption methods of Standard RDP Security, offered one at a time, the server takes FIPS and no other."
    ),
    causes=(
        Cause(f"MinEncryptionLevel is 4 in {RDP_TCP}.", on="windows"),
        Cause(
            "System cryptography: Use FIPS compliant algorithms is enabled on the server.",
            "Enabled is 1 in HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa\\FipsAlgorithmPolicy.",
            on="windows",
        ),
        Cause("crypt_level=fips in xrdp.ini.", on="xrdp"),
    ),
    remedies=(
        Remedy(f"Let clients use TLS or NLA. {_ONLY_STANDARD}"),
        TLS_BY_POLICY,
        TLS_BY_POWERSHELL,
        TLS_BY_XRDP,
        Remedy("Update clients that have to use Standard RDP Security to such as know the FIPS method."),
        Remedy(
            f"Where no rule asks for FIPS: MinEncryptionLevel 3 in {RDP_TCP}, or crypt_level=high in xrdp.ini. It "
            "lowers security, as RC4 replaces 3DES, and matters only without TLS.",
            lowers=True,
        ),
    ),
    user_sees=Sees(mstsc=(_NO_FIPS, _SECURITY_ERROR), freerdp=(FREERDP_MCS_FAILED,)),
    events=("System log: TermDD 50 (component DATA ENCRYPTION)",),
    source="[MS-RDPBCGR] 5.3.1, 5.3.2; Microsoft TechNet wiki 37870",
)

_LEVEL_DEMANDS = Cause(
    "The encryption level demands a method that was not offered.", "One method alone is accepted, such as FIPS."
)
_XRDP_RSA_KEY = Cause(
    "xrdp selects Standard RDP Security though it cannot use it: rsakeys.ini is empty, unreadable or missing.",
    "xrdp.log says: XRDP cannot read file: FILE (check permissions).",
    on="xrdp",
)
_LICENSE_KEYS = Cause(
    "The keys that Windows keeps for Standard RDP Security are damaged (the values Certificate and X509 Certificate "
    f"under {TERMINAL_SERVER}\\RCM).",
    "TLS or NLA is accepted meanwhile, and the System log has TermDD 50.",
    on="windows",
)

ENCRYPTION_REFUSED = Diagnosis(
    code="ENCRYPTION_REFUSED",
    severity="breaks_some",
    summary="Standard RDP Security is selected, and then no encryption method that was offered is accepted.",
    wire=(
        "Standard RDP Security is selected. Then every encryption method that is offered ends in a close or a reset."
    ),
    causes=(
        _LEVEL_DEMANDS,
        _XRDP_RSA_KEY,
        _LICENSE_KEYS,
        Cause(
            "A FreeRDP server without a key for it selects it all the same, for clients of other computers.",
            "From 127.0.0.1 it goes on without encryption.",
            on="freerdp",
        ),
        Cause(
            "Something in between ends connections without TLS.",
            "From the server's own network a method is accepted.",
        ),
    ),
    remedies=(
        Remedy(f"Let clients use TLS or NLA. {_ONLY_STANDARD}"),
        TLS_BY_POLICY,
        TLS_BY_POWERSHELL,
        TLS_BY_XRDP,
        Remedy(
            f"On Windows see MinEncryptionLevel in {RDP_TCP} (1 low, 2 client compatible, 3 high, 4 FIPS), or "
            f"{_LEVEL_POLICY}.",
            on="windows",
            heals=(_LEVEL_DEMANDS,),
        ),
        Remedy(
            "On Windows with damaged keys: export the key RCM under "
            f"{TERMINAL_SERVER}, delete its values Certificate, X509 Certificate, X509 "
            "Certificate ID and X509 Certificate2, and restart; Windows makes them anew.",
            on="windows",
            heals=(_LICENSE_KEYS,),
        ),
        Remedy(
            "For xrdp see crypt_level, and that rsakeys.ini is there and readable: xrdp-keygen xrdp auto 2048 makes "
            "it anew.",
            on="xrdp",
            heals=(_XRDP_RSA_KEY,),
        ),
    ),
    user_sees=Sees(mstsc=(_SECURITY_ERROR, "Error code: 0x506"), freerdp=(FREERDP_MCS_FAILED,)),
    events=("System log: TermDD 50 (component X.224 or DATA ENCRYPTION)",),
    source="[MS-RDPBCGR] 3.3.5.3.3, 5.3.2; Microsoft KB2477176; Microsoft TechNet wiki 37870",
)
