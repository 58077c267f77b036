"""What is said of Network Level Authentication: demanded, not demanded, not there."""

from __future__ import annotations

from probe.diagnosis.rule import Cause, Diagnosis, Remedy, Sees
from probe.diagnosis.wording import (
    FREERDP_NLA_REQUIRED,
    FREERDP_NO_PROTOCOL,
    GPO_SECURITY,
    NLA_BY_FREERDP,
    NLA_BY_POLICY,
    NLA_BY_POWERSHELL,
    RDP_TCP,
)

CLIENT_WITHOUT_NLA = Cause(
    "The client does not offer NLA: it has no CredSSP, or there it is switched off.",
    "In a capture its request names SSL or nothing, and not HYBRID.",
)

NLA_REQUIRED = Diagnosis(
    code="NLA_REQUIRED",
    severity="info",
    summary="The server admits only clients that prove who they are before a session begins (NLA).",
    wire=(
        "A request for NLA (HYBRID) is accepted. Requests without it are answered by the failure "
        "HYBRID_REQUIRED_BY_SERVER."
    ),
    causes=(
        Cause(
            f"It is set to: UserAuthentication is 1 in {RDP_TCP}, by policy or by default.",
            "A value of the same name under HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Terminal Services is "
            "that of a policy, and wins.",
            on="windows",
        ),
        Cause(
            "FreeRDP's server was started with /sec:nla, or is of version 3, where that is the default.", on="freerdp"
        ),
        Cause("GNOME Remote Desktop admits nothing else.", on="gnome"),
        CLIENT_WITHOUT_NLA,
    ),
    remedies=(
        Remedy(
            "Leave it so. Use a client with CredSSP: any supported version of Windows, FreeRDP, Remmina or the "
            "Windows App."
        ),
        Remedy("In an .rdp file, see that enablecredsspsupport:i:0 is not there: it switches NLA off at the client."),
        Remedy("In mRemoteNG and the like switch Use CredSSP on; in FreeRDP leave /sec out or use /sec:nla."),
        Remedy(
            "rdesktop does NLA by Kerberos alone: get a ticket with kinit and connect by the full name, or use FreeRDP."
        ),
        Remedy(
            "A user whose password must be changed before the first login cannot do that through NLA: change it in "
            "another way."
        ),
        Remedy(
            f"Last resort, which lowers security: with UserAuthentication 0 ({GPO_SECURITY}, Require user "
            "authentication for remote connections by using Network Level Authentication) anyone who reaches the "
            "port gets a login screen.",
            on="windows",
            lowers=True,
        ),
    ),
    user_sees=Sees(
        mstsc=(
            (
                "The remote computer requires Network Level Authentication, which your computer does not support. "
                "Error code: 0xB09 (2825)"
            ),
        ),
        freerdp=(FREERDP_NLA_REQUIRED, FREERDP_NO_PROTOCOL),
        rdesktop=(
            (
                "Failed to initialize NLA, do you have correct Kerberos TGT initialized ? Failed to connect, CredSSP "
                "required by server"
            ),
        ),
    ),
    source="[MS-RDPBCGR] 2.2.1.2.2 HYBRID_REQUIRED_BY_SERVER; mRemoteNG issue 875; rdesktop issue 279",
)

NLA_NOT_ENFORCED = Diagnosis(
    code="NLA_NOT_ENFORCED",
    severity="risk",
    summary="The server can do NLA and does not insist: a login screen is reachable without it.",
    wire="A request for NLA (HYBRID) is accepted, and so is one for TLS alone or for Standard RDP Security.",
    causes=(
        Cause(
            f"UserAuthentication is 0 in {RDP_TCP}, by policy or for the sake of old clients.",
            "A value of the same name under HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Terminal Services is "
            "that of a policy, and wins.",
            on="windows",
        ),
        Cause("FreeRDP's server was started with +sec-nla beside the others.", on="freerdp"),
        Cause("Software of another kind offers NLA without asking for it."),
    ),
    remedies=(
        NLA_BY_POLICY,
        NLA_BY_POWERSHELL,
        NLA_BY_FREERDP,
    ),
    source="[MS-RDPBCGR] 5.4.5.2; Microsoft: Win32_TSGeneralSetting",
)

XRDP_HAS_NO_NLA = Cause(
    "The server is xrdp, which offers TLS and Standard RDP Security and has no NLA.",
    "The words nla or hybrid for security_layer in xrdp.ini do not switch it on: they mean negotiate.",
    on="xrdp",
)
_LAYER_0 = Cause(
    f"NLA is not available because SecurityLayer is 0 in {RDP_TCP}.", "TLS is refused as well.", on="windows"
)
_SWITCHED_OFF = Cause(
    "FreeRDP's server of version 2 has NLA off unless it is started with /sec:nla or +sec-nla.", on="freerdp"
)

NLA_UNSUPPORTED = Diagnosis(
    code="NLA_UNSUPPORTED",
    severity="risk",
    summary="The server does not do NLA: whoever reaches the port reaches its login.",
    wire="RDP is spoken, and a request for NLA (HYBRID) is turned away.",
    causes=(
        XRDP_HAS_NO_NLA,
        _LAYER_0,
        _SWITCHED_OFF,
        Cause(
            "The server's software is too old for NLA: before Windows Vista and Windows Server 2008.",
            "No version of TLS above 1.0 is accepted.",
            on="windows",
        ),
    ),
    remedies=(
        Remedy(
            "Until NLA is on, let the port be reached through a VPN, SSH or an RD Gateway only. Windows has it with "
            f"SecurityLayer 1 or 2 and UserAuthentication 1 in {RDP_TCP}, FreeRDP's server with /sec:nla; xrdp has no "
            "NLA that could be switched on."
        ),
        Remedy(
            "xrdp has no NLA that could be switched on: let the port be reached through a VPN, SSH or an RD Gateway "
            "only, and give it a certificate that clients can check, so that passwords go to this server alone.",
            on="xrdp",
            heals=(XRDP_HAS_NO_NLA,),
        ),
        Remedy(
            f"On Windows set SecurityLayer to 1 or 2 in {RDP_TCP} first: NLA needs TLS.",
            on="windows",
            heals=(_LAYER_0,),
        ),
        NLA_BY_POLICY,
        NLA_BY_POWERSHELL,
        NLA_BY_FREERDP,
        Remedy(
            "Clients that insist on NLA must allow TLS for this server (enablecredsspsupport:i:0 in the .rdp file, "
            "/sec:tls for FreeRDP). That lowers security: passwords then go to whoever presents a certificate that "
            "the user accepts.",
            lowers=True,
        ),
    ),
    user_sees=Sees(
        mstsc=("An authentication error has occurred. The function requested is not supported.",),
        freerdp=(FREERDP_NO_PROTOCOL,),
    ),
    events=("xrdp.log: Security protocol: configured […], requested [SSL|HYBRID|…], selected [SSL] or [RDP]",),
    source="[MS-RDPBCGR] 5.4.5.2; xrdp issue 3208",
)
