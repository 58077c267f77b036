"""What is said of the choice of a security protocol."""

from __future__ import annotations

from probe.diagnosis.rule import Diagnosis
from probe.diagnosis.wording import (
    FREERDP_NLA_REQUIRED,
    FREERDP_NO_PROTOCOL,
    FREERDP_TLS_FAILED,
    GPO_SECURITY,
    RDP_TCP,
)

_XRDP_NO_NLA = "The server is xrdp, which offers TLS and Standard RDP Security and has no NLA."

NLA_REQUIRED = Diagnosis(
    code="NLA_REQUIRED",
    severity="info",
    summary="The server admits only clients that prove who they are before a session begins (NLA).",
    causes=(f"It is set to: UserAuthentication is 1 in {RDP_TCP}, by policy or by default.",),
    remedies=(
        (
            "Leave it so. Use a client with CredSSP: any supported version of Windows, FreeRDP, Remmina or the "
            "Windows App."
        ),
        "In an .rdp file, see that enablecredsspsupport:i:0 is not there: it switches NLA off at the client.",
        (
            "Update clients that cannot do NLA. On a client whose password must be changed first, change it in "
            "another way."
        ),
        (
            f"Last resort, which lowers security: with UserAuthentication 0 ({GPO_SECURITY}, Require user "
            "authentication for remote connections by using Network Level Authentication) anyone who reaches the "
            "port gets a login screen."
        ),
    ),
    user_sees=(
        "The remote computer requires Network Level Authentication, which your computer does not support.",
        "Error code: 0xB09 (2825)",
        FREERDP_NLA_REQUIRED,
        FREERDP_NO_PROTOCOL,
    ),
    source="[MS-RDPBCGR] 2.2.1.2.2 HYBRID_REQUIRED_BY_SERVER",
)

TLS_REQUIRED = Diagnosis(
    code="TLS_REQUIRED",
    severity="info",
    summary="The server turns away clients that do not use TLS.",
    causes=(
        f"It is set to: SecurityLayer is 2 in {RDP_TCP}, or security_layer=tls in xrdp.ini.",
        "The server has no Standard RDP Security at all, as most new ones.",
    ),
    remedies=(
        "Leave it so, and use a client that speaks TLS. Very old ones do not.",
        "In an .rdp file, see that negotiate security layer:i:0 is not there.",
        (
            "Where even TLS is refused, look for a setting that asks for more than this probe offers, such as a "
            "protocol extension or a client certificate."
        ),
        (
            "Last resort, which lowers security: SecurityLayer 1, or security_layer=negotiate, lets clients in "
            "without TLS, and with them whoever sits in between."
        ),
    ),
    source="[MS-RDPBCGR] 2.2.1.2.2 SSL_REQUIRED_BY_SERVER",
)

STANDARD_RDP_ONLY = Diagnosis(
    code="STANDARD_RDP_ONLY",
    severity="risk",
    summary="The server speaks Standard RDP Security only: neither TLS nor NLA.",
    causes=(
        f"It is set to: SecurityLayer is 0 in {RDP_TCP}, or security_layer=rdp in xrdp.ini.",
        "xrdp falls back to this when it cannot use its certificate or key.",
        "The server's software is too old for TLS.",
    ),
    remedies=(
        (
            f"On Windows set {GPO_SECURITY}, Require use of specific security layer for remote (RDP) connections, to "
            "SSL (SecurityLayer 2), and require NLA (UserAuthentication 1)."
        ),
        (
            "For xrdp set security_layer=tls, and certificate and key_file to files that the xrdp user may read (it "
            "falls back to this silently where it may not); then systemctl restart xrdp."
        ),
        "Replace software that cannot do TLS; until then let it be reached through a VPN only.",
    ),
    source="[MS-RDPBCGR] 2.2.1.2.2 SSL_NOT_ALLOWED_BY_SERVER",
)

TLS_CERTIFICATE_MISSING = Diagnosis(
    code="TLS_CERTIFICATE_MISSING",
    severity="breaks_some",
    summary="The server would use TLS, but says that it has no certificate for it.",
    causes=(
        "xrdp may not read the files named by certificate and key_file in xrdp.ini, or they are not there.",
        "On Windows, the certificate was deleted, or SSLCertificateSHA1Hash names one that is not in the store.",
        "On Windows, the certificate has lost its private key, or NETWORK SERVICE may not read it.",
    ),
    remedies=(
        (
            "For xrdp: the user that xrdp runs as must be able to read both files. On Debian and Ubuntu with the "
            "packaged certificate: adduser xrdp ssl-cert; then systemctl restart xrdp, and look at xrdp.log."
        ),
        (
            "On Windows: find the certificate in use with Get-CimInstance -Namespace root/cimv2/TerminalServices "
            "-ClassName Win32_TSGeneralSetting (SSLCertificateSHA1Hash), and give one that has its private key."
        ),
        (
            "On Windows, to have a new self-signed one made: delete the old one from Cert:\\LocalMachine\\Remote "
            "Desktop and run Restart-Service TermService -Force, which disconnects whoever is connected."
        ),
        "Let NETWORK SERVICE read the private key: certlm.msc, All Tasks, Manage Private Keys.",
    ),
    user_sees=(FREERDP_TLS_FAILED,),
    source="[MS-RDPBCGR] 2.2.1.2.2 SSL_CERT_NOT_ON_SERVER",
)

USER_AUTH_REQUIRED = Diagnosis(
    code="USER_AUTH_REQUIRED",
    severity="breaks_some",
    summary="The server wants TLS with a certificate from the client as well.",
    causes=("The server asks for client certificates, which ordinary RDP clients do not send.",),
    remedies=(
        (
            "Connect as the server's makers say: through their own client, or through a gateway that holds a "
            "certificate."
        ),
        "See whether the server can require NLA instead, which identifies users and which clients know.",
    ),
    user_sees=(FREERDP_NO_PROTOCOL,),
    source="[MS-RDPBCGR] 2.2.1.2.2 SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
)

INCONSISTENT_FLAGS = Diagnosis(
    code="INCONSISTENT_FLAGS",
    severity="breaks_some",
    summary="The server says that the protocols asked for do not fit together.",
    causes=(
        ("The server expects another combination of protocols, or is inside TLS already and was asked for TLS again."),
        "Something in between, such as a TLS terminator, changes how the request reaches the server.",
    ),
    remedies=(
        "Ask from the server's own network, past proxies and load balancers.",
        "A load balancer must pass RDP on as plain TCP; it must not end TLS by itself.",
        "Update the server's software.",
    ),
    user_sees=(FREERDP_NO_PROTOCOL,),
    source="[MS-RDPBCGR] 2.2.1.2.2 INCONSISTENT_FLAGS",
)

NEGOTIATION_UNSUPPORTED = Diagnosis(
    code="NEGOTIATION_UNSUPPORTED",
    severity="info",
    summary="The server does not negotiate: it knows Standard RDP Security and nothing newer.",
    causes=(
        "The server is very old: Windows XP, Windows Server 2003 before SP1, or older.",
        "The server's software is minimal, or a honeypot.",
        "Something in between strips the negotiation from the request.",
    ),
    remedies=(
        (
            "Replace it. Systems of that age get no security updates, and some of their faults (CVE-2019-0708) need "
            "no login."
        ),
        "Until then let it be reached through a VPN or an RD Gateway only.",
    ),
    source="[MS-RDPBCGR] 2.2.1.2, 3.3.5.3.2",
)

UNOFFERED_PROTOCOL_SELECTED = Diagnosis(
    code="UNOFFERED_PROTOCOL_SELECTED",
    severity="breaks_some",
    summary="The server selected a protocol that it was not asked for.",
    causes=(
        "The server's software takes no notice of what clients ask for.",
        "Something in between changes the request or the answer.",
    ),
    remedies=(
        "Compare with an answer from the server's own network, past proxies.",
        "Update the server's software: the selected protocol must be one of those requested.",
    ),
    source="[MS-RDPBCGR] 2.2.1.2.1",
)

NEGOTIATION_ALTERED = Diagnosis(
    code="NEGOTIATION_ALTERED",
    severity="risk",
    summary=(
        "What the server was asked for is not what was sent to it: something in between rewrites the negotiation."
    ),
    causes=(
        "A proxy, gateway or session recorder takes part in the connection.",
        "Someone in between downgrades the security that clients ask for.",
        "The server's software reports the request wrongly.",
    ),
    remedies=(
        "Find out which devices are in between, and ask again past them.",
        "Until it is explained, enter no password over this connection.",
        (
            "Require NLA: it binds the login to the server's TLS key, so that someone in between cannot take part "
            "unseen."
        ),
    ),
    source="[MS-RDPBCGR] 2.2.1.4.2 clientRequestedProtocols, 5.4.2.1",
)

NLA_NOT_ENFORCED = Diagnosis(
    code="NLA_NOT_ENFORCED",
    severity="risk",
    summary="The server can do NLA and does not insist: a login screen is reachable without it.",
    causes=(f"UserAuthentication is 0 in {RDP_TCP}, by policy or for the sake of old clients.",),
    remedies=(
        (
            f"Enable {GPO_SECURITY}, Require user authentication for remote connections by using Network Level "
            f"Authentication, or set UserAuthentication to 1 in {RDP_TCP}. See first that all clients can do NLA."
        ),
        (
            "In PowerShell: (Get-CimInstance -Namespace root/cimv2/TerminalServices -ClassName "
            "Win32_TSGeneralSetting) | Invoke-CimMethod -MethodName SetUserAuthenticationRequired -Arguments "
            "@{UserAuthenticationRequired=1}"
        ),
    ),
    source="[MS-RDPBCGR] 5.4.5.2",
)

NLA_UNSUPPORTED = Diagnosis(
    code="NLA_UNSUPPORTED",
    severity="risk",
    summary="The server does not do NLA: whoever reaches the port reaches its login.",
    causes=(
        _XRDP_NO_NLA,
        f"NLA is not available because SecurityLayer is 0 in {RDP_TCP}.",
        "The server's software is too old for NLA: before Windows Vista and Windows Server 2008.",
    ),
    remedies=(
        (
            "Where the software has NLA, switch it on; on Windows that is UserAuthentication 1 with SecurityLayer 1 "
            "or 2."
        ),
        (
            "xrdp and some other servers have no NLA: use TLS there (security_layer=tls) with a certificate that "
            "clients can check, and let the port be reached through a VPN or SSH only."
        ),
        (
            "Clients that insist on NLA must allow TLS for this server. That lowers security: passwords then go to "
            "whoever presents a certificate that the user accepts."
        ),
    ),
    source="[MS-RDPBCGR] 5.4.5.2",
)
