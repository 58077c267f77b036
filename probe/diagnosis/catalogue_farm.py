"""What is said where more than one server stands behind the address, or the way leads on to another."""

from __future__ import annotations

from probe.diagnosis.rule import Cause, Diagnosis, Remedy, Sees
from probe.diagnosis.wording import FREERDP_CERTIFICATE_ASKED, INTERNAL_ERROR, UNEXPECTED_CERTIFICATE

LOAD_BALANCED = Diagnosis(
    code="LOAD_BALANCED",
    severity="info",
    summary="Several servers answer behind this address, so that one connection may go otherwise than the next.",
    wire=(
        "Connections to the one address met different NTLM computer names or builds, Connection Confirms of "
        "different software or flags, or certificates for different subjects."
    ),
    causes=(
        Cause(
            "A load balancer or a port forwarding spreads connections over several servers.",
            "Its own configuration lists them.",
        ),
        Cause(
            "A farm of Remote Desktop session hosts is reached without its connection broker.",
            "Connecting by the broker's .rdp file leads to the same server every time.",
            on="windows",
        ),
        Cause(
            "The address moved to another server during the audit: a failover, or a cluster.",
            "Asked again, only the later one answers.",
        ),
        Cause(
            "Something in between inspects some of the connections, and answers those by itself.",
            "From the server's own network one server answers.",
        ),
        Cause("A honeypot makes up names.", "The names change with every connection, and never come back."),
    ),
    remedies=(
        Remedy("Probe each server by its own address: what is said here holds for whichever answered."),
        Remedy("Give all of them the same settings and one certificate that holds the shared name."),
        Remedy(
            "Let the load balancer send a client to the same server again: by its address, or by the routing token or "
            "cookie in the Connection Request."
        ),
        Remedy("On Windows let clients connect through the connection broker, not to the shared name.", on="windows"),
    ),
    user_sees=Sees(mstsc=(UNEXPECTED_CERTIFICATE,), freerdp=(FREERDP_CERTIFICATE_ASKED,)),
    source="[MS-RDPBCGR] 2.2.1.1 routingToken; [MS-NLMP] 2.2.2.1; FreeRDP issues 10709, 4802",
)

REDIRECTED = Diagnosis(
    code="REDIRECTED",
    severity="info",
    summary="A routing token or a redirection decides which server answers: {where}.",
    title="A routing token or a redirection decides which server answers.",
    wire=(
        "The Connection Request carried a routing token and was answered, or the server ended the connection "
        "by directing it elsewhere."
    ),
    causes=(
        Cause(
            "A connection broker or load balancer has chosen that server for this client.",
            "Without the token another server, or none, answers.",
        ),
        Cause(
            "The token is an old one, of an .rdp file or a link that was saved.",
            "The server that it names is gone, or is no longer one of the farm.",
        ),
        Cause(
            "GNOME Remote Desktop hands a login over to the user's session by a token of its own number.",
            "The token has one number alone.",
            on="gnome",
        ),
    ),
    remedies=(
        Remedy("Probe without --routing-token as well: if both are answered alike, nothing looks at the token."),
        Remedy("Probe the server that the token names by its own address, to tell its faults from the balancer's."),
        Remedy(
            "Where a token leads nowhere, take loadbalanceinfo out of the .rdp file, or fetch a new one from the "
            "connection broker."
        ),
    ),
    user_sees=Sees(mstsc=(INTERNAL_ERROR,)),
    source="[MS-RDPBCGR] 2.2.1.1, 2.2.13.1; win32 IMsRdpClientAdvancedSettings::LoadBalanceInfo; mRemoteNG issue 1113",
)
