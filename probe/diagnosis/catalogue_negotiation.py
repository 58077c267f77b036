"""What is said of the choice of a security protocol."""

from __future__ import annotations

from dataclasses import replace

from probe.diagnosis.rule import Cause, Diagnosis, Remedy, Sees
from probe.diagnosis.wording import (
    FREERDP_MCS_FAILED,
    FREERDP_NO_PROTOCOL,
    FREERDP_TLS_FAILED,
    FROM_INSIDE,
    INTERNAL_ERROR,
    LISTENER,
    NEW_SELF_SIGNED,
    NLA_BY_FREERDP,
    NLA_BY_POLICY,
    RDP_TCP,
    TLS_BY_POLICY,
    TLS_BY_POWERSHELL,
    TLS_BY_XRDP,
    TRY_AGAIN,
)

_TAKES_UPDATE = Remedy("Update the server's software.")

WANTS_TLS = (
    Cause(f"It is set to: SecurityLayer is 2 in {RDP_TCP}.", on="windows"),
    Cause("It is set to: security_layer=tls in xrdp.ini.", on="xrdp"),
    Cause("The server has no Standard RDP Security at all, as most new ones.", "No setting of it names one."),
)
WANTS_MORE = Cause(
    "It asks for something that this probe cannot offer: a protocol extension, or another kind of TLS.",
    "FreeRDP's server does it when it is started with /sec:ext.",
)

TLS_REQUIRED = Diagnosis(
    code="TLS_REQUIRED",
    severity="info",
    summary="The server turns away clients that do not use TLS.",
    wire="A request for Standard RDP Security is answered by the failure SSL_REQUIRED_BY_SERVER.",
    causes=(*WANTS_TLS, WANTS_MORE),
    remedies=(
        Remedy("Leave it so, and use a client that speaks TLS. Very old ones do not.", heals=WANTS_TLS),
        Remedy("In an .rdp file, see that negotiate security layer:i:0 is not there.", heals=WANTS_TLS),
        Remedy("In FreeRDP leave /sec out, or use /sec:tls.", heals=WANTS_TLS),
        Remedy(
            "Take out the setting that asks for more than TLS or NLA; FreeRDP's server: start it without /sec:ext.",
            heals=(WANTS_MORE,),
        ),
        Remedy("Read in the server's log, at the time of the attempt, what it asks for.", heals=(WANTS_MORE,)),
        Remedy(
            "Last resort, which lowers security: SecurityLayer 1, or security_layer=negotiate, lets clients in "
            "without TLS, and with them whoever sits in between.",
            lowers=True,
            heals=WANTS_TLS,
        ),
    ),
    user_sees=Sees(freerdp=(FREERDP_NO_PROTOCOL,)),
    events=("xrdp.log: Server requires TLS for security, but the client did not request TLS.",),
    source="[MS-RDPBCGR] 2.2.1.2.2 SSL_REQUIRED_BY_SERVER; xrdp.ini(5) security_layer",
)

XRDP_FALLS_BACK = Cause(
    "xrdp falls back to this without a word to clients when it cannot read its certificate or key.",
    "xrdp.log says: Cannot accept TLS connections because certificate or private key file is not readable.",
    on="xrdp",
)

XRDP_SET_TO_RDP = Cause(
    "It is set to: security_layer=rdp in xrdp.ini.",
    "xrdp.log says: Security protocol: configured [RDP], and before it nothing of a file that is not readable.",
    on="xrdp",
)

STANDARD_RDP_ONLY = Diagnosis(
    code="STANDARD_RDP_ONLY",
    severity="risk",
    summary="The server speaks Standard RDP Security only: neither TLS nor NLA.",
    wire=(
        "A request for Standard RDP Security is accepted. Requests for TLS and NLA get the failure "
        "SSL_NOT_ALLOWED_BY_SERVER, or the server selects Standard RDP Security in their place."
    ),
    causes=(
        XRDP_FALLS_BACK,
        XRDP_SET_TO_RDP,
        Cause(f"It is set to: SecurityLayer is 0 in {RDP_TCP}.", on="windows"),
        Cause("The server's software is too old for TLS.", "There is no setting for it."),
    ),
    remedies=(
        TLS_BY_POLICY,
        TLS_BY_POWERSHELL,
        NLA_BY_POLICY,
        replace(TLS_BY_XRDP, heals=(XRDP_FALLS_BACK, XRDP_SET_TO_RDP)),
        NLA_BY_FREERDP,
        Remedy("Replace software that cannot do TLS; until then let it be reached through a VPN only."),
    ),
    user_sees=Sees(
        mstsc=(INTERNAL_ERROR,), freerdp=(FREERDP_NO_PROTOCOL,), rdesktop=("Connection established using plain RDP.",)
    ),
    events=(
        (
            "xrdp.log: Cannot accept TLS connections because certificate or private key file is not readable, then "
            "Security protocol: … selected [RDP]"
        ),
    ),
    source="[MS-RDPBCGR] 2.2.1.2.2 SSL_NOT_ALLOWED_BY_SERVER; xrdp issues 1169, 2496",
)

_XRDP_UNREADABLE = Cause(
    "xrdp may not read the files named by certificate and key_file in xrdp.ini, or they are not there.",
    "xrdp.log says: Cannot read certificate file, or: Cannot read private key file; then which, and why (Permission "
    "denied, No such file or directory).",
    on="xrdp",
)
_HASH_LEADS_NOWHERE = Cause(
    "The certificate was deleted, or SSLCertificateSHA1Hash names one that is not in the store.",
    "Event 1059 of TerminalServices-RemoteConnectionManager.",
    on="windows",
)
_KEY_LOST = Cause(
    "The certificate has lost its private key, or NETWORK SERVICE may not read it.",
    "Event 1055 of TerminalServices-RemoteConnectionManager, or 36870 of Schannel.",
    on="windows",
)

TLS_CERTIFICATE_MISSING = Diagnosis(
    code="TLS_CERTIFICATE_MISSING",
    severity="breaks_some",
    summary="The server would use TLS, but says that it has no certificate for it.",
    wire=(
        "A request for TLS or NLA is answered by the failure SSL_CERT_NOT_ON_SERVER, and nothing that uses "
        "TLS is accepted."
    ),
    causes=(_XRDP_UNREADABLE, _HASH_LEADS_NOWHERE, _KEY_LOST),
    remedies=(
        Remedy(
            "For xrdp: the user that xrdp runs as must be able to read both files. On Debian and Ubuntu with the "
            "packaged certificate: adduser xrdp ssl-cert; then systemctl restart xrdp, and look at xrdp.log.",
            on="xrdp",
            heals=(_XRDP_UNREADABLE,),
        ),
        Remedy(
            f"On Windows see which certificate is set: {LISTENER} | Select-Object SSLCertificateSHA1Hash; then look "
            "for it in Cert:\\LocalMachine\\My, where HasPrivateKey must be True, or set the hash of one that has.",
            on="windows",
            heals=(_HASH_LEADS_NOWHERE, _KEY_LOST),
        ),
        Remedy(
            "On Windows let NETWORK SERVICE read the private key: certlm.msc, the certificate, All Tasks, Manage "
            "Private Keys.",
            on="windows",
            heals=(_KEY_LOST,),
        ),
        NEW_SELF_SIGNED,
        Remedy(
            "For GNOME name both files: grdctl rdp set-tls-cert FILE and grdctl rdp set-tls-key FILE (grdctl --system "
            "for the login screen).",
            on="gnome",
        ),
    ),
    user_sees=Sees(mstsc=(INTERNAL_ERROR, TRY_AGAIN), freerdp=(FREERDP_TLS_FAILED, FREERDP_NO_PROTOCOL)),
    events=(
        "System log: TerminalServices-RemoteConnectionManager 1055, 1057, 1059",
        (
            "xrdp.log: Cannot read certificate file FILE: No such file or directory; Cannot read private key file "
            "FILE: Permission denied"
        ),
    ),
    source=(
        "[MS-RDPBCGR] 2.2.1.2.2 SSL_CERT_NOT_ON_SERVER; Microsoft: Event ID 1055 and 1059, Remote Desktop Services "
        "Authentication and Encryption"
    ),
)

USER_AUTH_REQUIRED = Diagnosis(
    code="USER_AUTH_REQUIRED",
    severity="breaks_some",
    summary="The server wants TLS with a certificate from the client as well.",
    wire="A request is answered by the failure SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER.",
    causes=(
        Cause("The server asks for client certificates, which ordinary RDP clients do not send."),
        Cause("The server is of the age of Windows Vista: no other one is known to say this.", on="windows"),
    ),
    remedies=(
        Remedy(
            "Connect as the server's makers say: through their own client, or through a gateway that holds a "
            "certificate."
        ),
        Remedy("See whether the server can require NLA instead, which identifies users and which clients know."),
    ),
    user_sees=Sees(mstsc=(INTERNAL_ERROR,), freerdp=(FREERDP_NO_PROTOCOL,)),
    source="[MS-RDPBCGR] 2.2.1.2.2 SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
)

INCONSISTENT_FLAGS = Diagnosis(
    code="INCONSISTENT_FLAGS",
    severity="breaks_some",
    summary="The server says that the protocols asked for do not fit together.",
    wire="A request is answered by the failure INCONSISTENT_FLAGS.",
    causes=(
        Cause(
            "Something in between ends TLS by itself, so that the server is asked for TLS inside TLS.",
            "From the server's own network it is not said.",
        ),
        Cause(
            "The server expects another combination of protocols.", "It is said in the server's own network as well."
        ),
    ),
    remedies=(
        FROM_INSIDE,
        Remedy("A load balancer must pass RDP on as plain TCP; it must not end TLS by itself."),
        _TAKES_UPDATE,
    ),
    user_sees=Sees(mstsc=(INTERNAL_ERROR,), freerdp=(FREERDP_NO_PROTOCOL,)),
    source="[MS-RDPBCGR] 2.2.1.2.2 INCONSISTENT_FLAGS, 5.4.2.2",
)

CLIENT_DOES_NOT_ASK = Cause(
    "The client is as old and does not negotiate: its request has no list of protocols, and any server answers so.",
    "In a capture its request has no RDP_NEG_REQ; a newer client is answered otherwise by a server that negotiates.",
)

DEMANDS_NEGOTIATION = Cause(
    "The server demands TLS or NLA, and this client asked for neither: its request has no list of protocols, so that "
    "the server confirms it without a word and then drops the connection.",
    "A client that negotiates is answered.",
)
USE_A_NEGOTIATING_CLIENT = Remedy(
    "Use a client that negotiates and speaks TLS and NLA; in FreeRDP leave out /sec:rdp. rdp-probe host says what the "
    "server demands.",
    heals=(DEMANDS_NEGOTIATION,),
)

NEGOTIATION_UNSUPPORTED = Diagnosis(
    code="NEGOTIATION_UNSUPPORTED",
    severity="info",
    summary="The server does not negotiate: it knows Standard RDP Security and nothing newer.",
    wire=(
        "The request carried a list of protocols. The Connection Confirm has no word on it, and RDP went on behind it. "
        "In a capture of one connection, also where the request carried none."
    ),
    causes=(
        Cause("The server is very old: Windows XP, Windows Server 2003 before SP1, or older.", on="windows"),
        Cause(
            "The server's software is minimal, or a honeypot.",
            "Other things that it tells are of newer software.",
        ),
        Cause(
            "Something in between strips the negotiation from the request.",
            "From the server's own network it negotiates.",
        ),
        CLIENT_DOES_NOT_ASK,
        DEMANDS_NEGOTIATION,
    ),
    remedies=(
        USE_A_NEGOTIATING_CLIENT,
        Remedy(
            "Replace it. Systems of that age get no security updates, and some of their faults (CVE-2019-0708) need "
            "no login."
        ),
        Remedy("Until then let it be reached through a VPN or an RD Gateway only."),
        Remedy("FreeRDP connects with /sec:rdp."),
    ),
    user_sees=Sees(rdesktop=("Connection established using plain RDP.",)),
    source="[MS-RDPBCGR] 2.2.1.2, 3.2.5.3.2; CVE-2019-0708",
)

UNOFFERED_PROTOCOL_SELECTED = Diagnosis(
    code="UNOFFERED_PROTOCOL_SELECTED",
    severity="breaks_some",
    summary="The server selected a protocol that it was not asked for.",
    wire=(
        "The Connection Confirm selects a protocol that the request did not list. (Falling back to Standard "
        "RDP Security is a rejection and not meant.)"
    ),
    causes=(
        Cause(
            "The server's software takes no notice of what clients ask for; a honeypot does so too.",
            "Every request gets the same answer.",
        ),
        Cause(
            "Something in between changes the request or the answer.",
            "From the server's own network the answer fits the request.",
        ),
    ),
    remedies=(
        FROM_INSIDE,
        Remedy("Update the server's software: the selected protocol must be one of those requested."),
    ),
    user_sees=Sees(mstsc=(INTERNAL_ERROR,), freerdp=(FREERDP_NO_PROTOCOL, FREERDP_MCS_FAILED)),
    source="[MS-RDPBCGR] 2.2.1.2.1",
)

NEGOTIATION_ALTERED = Diagnosis(
    code="NEGOTIATION_ALTERED",
    severity="risk",
    summary=(
        "What the server was asked for is not what was sent to it: something in between rewrites the negotiation."
    ),
    wire=(
        "Later in the connection the server repeats what it was asked for (clientRequestedProtocols), and "
        "that is not what was sent."
    ),
    causes=(
        Cause(
            "A proxy, gateway or session recorder takes part in the connection.",
            "From the server's own network, past it, the request arrives as it was sent.",
        ),
        Cause(
            "Someone in between downgrades the security that clients ask for.",
            "Nobody who runs the network knows of such a device.",
        ),
        Cause(
            "The server's software reports the request wrongly.",
            "It does so on the server itself, over 127.0.0.1, as well.",
        ),
    ),
    remedies=(
        Remedy("Find out which devices are in between, and ask again past them."),
        Remedy("Until it is explained, enter no password over this connection."),
        Remedy(
            "Require NLA: it binds the login to the server's TLS key, so that someone in between cannot take part "
            "unseen."
        ),
        NLA_BY_POLICY,
    ),
    source="[MS-RDPBCGR] 2.2.1.4.2 clientRequestedProtocols, 5.4.2.1",
)
