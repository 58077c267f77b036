"""What is said of UDP and of the RD Gateway: both are asked for only with --udp and --gateway."""

from __future__ import annotations

from probe.diagnosis.rule import Cause, Diagnosis, Remedy, Sees
from probe.diagnosis.wording import FROM_INSIDE

# An RD Gateway is always Windows, whatever the server behind it is: nothing about it is advice for one kind of server.

_GATEWAY_UNREACHABLE = (
    "Your computer can't connect to the remote computer because the Remote Desktop Gateway server address is "
    "unreachable or incorrect. Type a valid Remote Desktop Gateway server address. Error code: 0x300000C"
)
_GATEWAY_DOWN = (
    "Your computer can't connect to the remote computer because the Remote Desktop Gateway server is temporarily "
    "unavailable. Try reconnecting later or contact your network administrator for assistance. Error code: 0x300000D"
)

UDP_FILTERED = Cause(
    "A firewall or network address translation on the way drops UDP to that port.",
    "From the server's own network it is answered.",
)
UDP_TURNED_AWAY = Cause(
    "A firewall on the way answers in the server's place that nothing listens.",
    "From the server's own network it is answered.",
)
UDP_OFF_WINDOWS = Cause(
    "UDP is switched off on the server.",
    "SelectTransport is 1 under HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Terminal Services.",
    on="windows",
)
UDP_NOT_KNOWN = Cause(
    "The server's software has no UDP: xrdp and FreeRDP's servers have none, and Windows has it since 8 and Server "
    "2012.",
    "Asked on the server itself, it is not answered either.",
)

UDP_UNREACHABLE = Diagnosis(
    code="UDP_UNREACHABLE",
    severity="info",
    summary="RDP over UDP is not answered. Sessions work over TCP all the same, only less smoothly on poor networks.",
    wire="Asked for with --udp: RDP-UDP SYN packets to the port were not answered by a SYN+ACK.",
    causes=(UDP_FILTERED, UDP_OFF_WINDOWS, UDP_NOT_KNOWN, UDP_TURNED_AWAY),
    remedies=(
        Remedy("Nothing must be done: UDP speeds sessions up, and TCP carries them on without it."),
        FROM_INSIDE,
        Remedy(
            "On Windows admit it, in PowerShell: Enable-NetFirewallRule -Name RemoteDesktop-UserMode-In-UDP; and in "
            "firewalls between, UDP 3389.",
            on="windows",
            heals=(UDP_FILTERED, UDP_TURNED_AWAY),
        ),
        Remedy(
            "On Windows set Group Policy: Computer Configuration, Administrative Templates, Windows Components, Remote "
            "Desktop Services, Remote Desktop Session Host, Connections, Select RDP transport protocols, to Use both "
            "UDP and TCP.",
            on="windows",
            heals=(UDP_OFF_WINDOWS,),
        ),
    ),
    source="[MS-RDPEUDP] 3.1.5.1; [MS-RDPEMT] 1.3",
)

GATEWAY_DOWN = Cause(
    "The gateway's service or web server is stopped.",
    "On the gateway Get-Service TSGateway, W3SVC shows one of them stopped.",
)
GATEWAY_ELSEWHERE = Cause(
    "What answers there is a web server without an RD Gateway, or the name leads elsewhere.",
    "It answers HTTPS, and says 404 or the like to /remoteDesktopGateway/.",
)
GATEWAY_FILTERED = Cause(
    "A firewall or proxy on the way does not let HTTPS through to it.",
    "From another network, such as a mobile one, it is answered.",
)
GATEWAY_PROXY_METHOD = Cause(
    "A web application firewall or reverse proxy in front does not know the method RDG_OUT_DATA.",
    "It answers that method with 400, 403, 405 or 501.",
)

GATEWAY_UNREACHABLE = Diagnosis(
    code="GATEWAY_UNREACHABLE",
    severity="breaks_some",
    summary="No RD Gateway answers at {where}: clients that go through it cannot connect.",
    title="No RD Gateway answers: clients that go through it cannot connect.",
    wire=(
        "Asked for with --gateway: the HTTPS request of an RD Gateway client got no connection, or an answer "
        "that no RD Gateway gives."
    ),
    causes=(GATEWAY_DOWN, GATEWAY_ELSEWHERE, GATEWAY_FILTERED, GATEWAY_PROXY_METHOD),
    remedies=(
        Remedy(
            "On the gateway, in PowerShell: Start-Service W3SVC, TSGateway; and see in RD Gateway Manager that a "
            "certificate is set.",
            heals=(GATEWAY_DOWN,),
        ),
        Remedy(
            "See that the name in the client leads to the gateway: Resolve-DnsName NAME.", heals=(GATEWAY_ELSEWHERE,)
        ),
        Remedy("Admit TCP 443 to the gateway, and UDP 3391 where it is to use UDP.", heals=(GATEWAY_FILTERED,)),
        Remedy(
            "Let the proxy pass /remoteDesktopGateway/ on unread, with the methods RDG_OUT_DATA and RDG_IN_DATA and "
            "WebSocket.",
            heals=(GATEWAY_PROXY_METHOD,),
        ),
    ),
    user_sees=Sees(mstsc=(_GATEWAY_UNREACHABLE, _GATEWAY_DOWN)),
    source="[MS-TSGU] 3.3.5.1; Microsoft TechNet wiki 37870",
)

GATEWAY_NAME_LEAK = Diagnosis(
    code="GATEWAY_NAME_LEAK",
    severity="risk",
    summary="What answers as an RD Gateway does tells anybody the names of internal machines: {names}.",
    title="The server that answers as an RD Gateway tells anybody the names of internal machines.",
    wire=(
        "Asked for with --gateway: the gateway answered an NTLM negotiation by a challenge that names its "
        "computer and domain, with no password given."
    ),
    causes=(Cause("It offers NTLM, whose challenge holds the names of the computer and its domain."),),
    remedies=(
        Remedy(
            "Put a reverse proxy with a login of its own in front (Microsoft Entra application proxy, say), so that "
            "the challenge is not met by everybody."
        ),
        Remedy("Admit the networks that need it only, or let it be reached through a VPN."),
        Remedy(
            "On the gateway, in IIS, take NTLM out of the providers of Windows Authentication for the path, where all "
            "clients can use Negotiate with Kerberos."
        ),
        Remedy("Give machines that face the internet names that tell nothing."),
    ),
    source="[MS-NLMP] 2.2.1.2, 2.2.2.1; [MS-TSGU] 3.3.5.1",
)
