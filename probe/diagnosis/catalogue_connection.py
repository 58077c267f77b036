"""What is said of connections that never come to RDP, or are lost: DNS, TCP, X.224."""

from __future__ import annotations

from probe.diagnosis.rule import Diagnosis
from probe.diagnosis.wording import FREERDP_CONNECT_FAILED, FREERDP_NAME_NOT_FOUND, SOCKET_CLOSED

_CANNOT_CONNECT = (
    (
        "Remote Desktop can't connect to the remote computer for one of these reasons: 1) Remote access to the "
        "server is not enabled 2) The remote computer is turned off 3) The remote computer is not available on the "
        "network"
    ),
    "Error code: 0x204",
    FREERDP_CONNECT_FAILED,
)
_RECEIVE_FAILED = ("Error code: 0x404",)
_PROTOCOL_ERROR = (
    "Because of a protocol error detected at the client (code 0x1104), this session will be disconnected.",
)
_LISTENING = (
    "On Windows, see that TermService runs (Get-Service TermService) and that fDenyTSConnections is 0 under "
    "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server."
)

DNS_FAILED = Diagnosis(
    code="DNS_FAILED",
    severity="blocker",
    summary="The name does not lead to an address.",
    causes=(
        "The name is misspelled, or lacks its domain.",
        (
            "The computer asking uses a DNS server that does not know the name: an internal name asked for outside "
            "a VPN."
        ),
        "The record is gone: the server was renamed, moved or taken down.",
    ),
    remedies=(
        "Ask the resolver by itself: Resolve-DnsName NAME on Windows, getent hosts NAME on Linux.",
        "Use the full name (server.domain.example), and connect the VPN where the name is an internal one.",
        (
            "Try the address. If that works, only the name service needs mending; certificate checks and Kerberos "
            "need the name, so an address is no lasting answer."
        ),
    ),
    user_sees=("Remote Desktop can't find the computer", "Error code: 0x104", FREERDP_NAME_NOT_FOUND),
    source="[MS-RDPBCGR] 1.3.1.1; RFC 1034",
)

TCP_REFUSED = Diagnosis(
    code="TCP_REFUSED",
    severity="blocker",
    summary="The computer answers, but no program takes connections on this port.",
    causes=(
        "Remote Desktop is switched off, or its service is stopped.",
        "The service listens on another port.",
        "A firewall refuses on the computer's behalf.",
        "The service listens on another address only, such as 127.0.0.1.",
    ),
    remedies=(
        "Switch Remote Desktop on: Settings, System, Remote Desktop; for xrdp: systemctl enable --now xrdp.",
        _LISTENING,
        (
            "Look up the port: PortNumber under HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal "
            "Server\\WinStations\\RDP-Tcp, or port in the [Globals] section of xrdp.ini; then ask there with --port."
        ),
        "See what listens: Get-NetTCPConnection -State Listen on Windows, ss -ltnp on Linux.",
    ),
    user_sees=_CANNOT_CONNECT,
    source="RFC 9293 3.10.7.1",
)

TCP_TIMEOUT = Diagnosis(
    code="TCP_TIMEOUT",
    severity="blocker",
    summary="Nothing answers: the connection request is lost on the way there or back.",
    causes=(
        "A firewall on the computer or in between drops the packets.",
        "The computer is switched off, asleep, or no longer has this address.",
        "The way there needs a VPN or gateway that is not in use.",
    ),
    remedies=(
        "Ask from a computer in the same network: if that is answered, a firewall in between is what drops.",
        (
            "On Windows, allow it for the networks that need it: Enable-NetFirewallRule -DisplayGroup 'Remote "
            "Desktop' (the group's name is translated on other languages of Windows)."
        ),
        "In a cloud, look at the security group too; admit single addresses or a VPN there.",
        (
            "Opening the port to the whole internet lowers security and should not be done: put a VPN or an RD "
            "Gateway in front."
        ),
    ),
    user_sees=_CANNOT_CONNECT,
    source="RFC 9293 3.8.3",
)

TCP_UNREACHABLE = Diagnosis(
    code="TCP_UNREACHABLE",
    severity="blocker",
    summary="The network reports that there is no way to this address.",
    causes=(
        "No route leads there: a VPN is not connected, or the address belongs to another network.",
        "The computer is off, so that the last router finds nobody with the address.",
        "The address is an IPv6 one and this computer, or the network, has no IPv6.",
        "A firewall answers that it forbids the connection.",
    ),
    remedies=(
        "Check the route from here: Test-NetConnection NAME -TraceRoute on Windows, ip route get ADDRESS on Linux.",
        "Connect the VPN, or ask from a network that has a way there.",
        "Where a name has several addresses, see whether another of them answers.",
    ),
    user_sees=_CANNOT_CONNECT,
    source="RFC 1122 3.2.2.1; RFC 4443 3.1",
)

TCP_RESET = Diagnosis(
    code="TCP_RESET",
    severity="blocker",
    summary="The connection opens and is torn down before a single byte comes back.",
    causes=(
        "A firewall or intrusion prevention system lets connections open and resets what looks like RDP.",
        "A proxy, load balancer or port forwarding takes the connection though nothing runs behind it.",
        "The service admits some addresses only, or has blocked this one.",
        "The service failed while it took the connection.",
    ),
    remedies=(
        "Ask from the server's own network: if that is answered, something in between resets.",
        "Where a port forwarding or load balancer is in front, see that its own target is up.",
        "Look for blocked addresses on the server (fail2ban, IPBan and the like).",
        _LISTENING,
    ),
    user_sees=_RECEIVE_FAILED,
    source="RFC 9293 3.5.2",
)

NOT_RDP = Diagnosis(
    code="NOT_RDP",
    severity="blocker",
    summary="What answers on this port is not Remote Desktop: {service}.",
    causes=(
        "Another program has this port.",
        "The port, or a port forwarding, is not the one meant.",
        "A gateway, proxy or captive portal answers in the server's place.",
    ),
    remedies=(
        (
            "Find the program on the server: Get-NetTCPConnection -LocalPort PORT with Get-Process -Id on Windows, "
            "ss -ltnp on Linux; move one of the two to another port."
        ),
        (
            "Look up the port that Remote Desktop uses: PortNumber under "
            "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp, or port in xrdp.ini; "
            "then ask there with --port."
        ),
        "Where an RD Gateway stands in front, give it to the client as its gateway and not as the computer.",
    ),
    user_sees=_PROTOCOL_ERROR,
    source="RFC 1006; [MS-RDPBCGR] 2.2.1.2",
)

X224_SILENT = Diagnosis(
    code="X224_SILENT",
    severity="blocker",
    summary="The connection opens, and the request to speak RDP is never answered.",
    causes=(
        "The service hangs, or has no capacity left for another connection.",
        "A proxy, load balancer or port forwarding takes the connection though nothing behind it answers.",
        "A firewall inspects the traffic and drops it without a word.",
        "Another service has the port and waits for a greeting of its own.",
        "It is a tarpit: a trap that keeps scanners waiting.",
    ),
    remedies=(
        "Ask from the server's own network: if that is answered, something in between swallows the traffic.",
        (
            "Look at the load and the log on the server: Event Viewer, Applications and Services Logs, Microsoft, "
            "Windows, TerminalServices-RemoteConnectionManager; for xrdp, xrdp.log."
        ),
        (
            "Restart the service when nobody works on it: Restart-Service TermService -Force, or systemctl restart "
            "xrdp. It ends the sessions' connections."
        ),
        "Give a slow server longer: --timeout 20s.",
    ),
    user_sees=("Error code: 0x108",),
    source="[MS-RDPBCGR] 2.2.1.2",
)

X224_CLOSED = Diagnosis(
    code="X224_CLOSED",
    severity="blocker",
    summary="The connection opens, and is closed without an answer to the request to speak RDP.",
    causes=(
        ("The service is up and turns connections away: still starting, out of capacity, or its listener is damaged."),
        "A proxy or port forwarding takes the connection and finds nothing behind it.",
        "A firewall or an access list (tcp_wrappers, say) on the server turns this address away.",
        "The service wants something else first, such as a preconnection blob or a routing token.",
    ),
    remedies=(
        "Read the log on the server: TerminalServices-RemoteConnectionManager in the Event Viewer, or xrdp.log.",
        "Where a port forwarding or load balancer is in front, see that its own target is up.",
        "For Hyper-V (port 2179) give --preconnection-blob, behind a connection broker --routing-token.",
        _LISTENING,
    ),
    user_sees=SOCKET_CLOSED,
    source="[MS-RDPBCGR] 2.2.1.2",
)

X224_MALFORMED = Diagnosis(
    code="X224_MALFORMED",
    severity="blocker",
    summary="The answer begins as RDP does and is broken.",
    causes=(
        "The server's software is faulty, or a honeypot that plays RDP badly.",
        "Another service that also uses TPKT has the port.",
        "Something in between changes the traffic.",
    ),
    remedies=(
        "Compare with an answer from the server's own network: if it is whole there, look at what is in between.",
        "Update the server's software. With --pcap-out FILE its makers get the bytes.",
        "See which program has the port: Get-NetTCPConnection -LocalPort PORT, or ss -ltnp.",
    ),
    user_sees=_PROTOCOL_ERROR,
    source="RFC 1006 6; [MS-RDPBCGR] 2.2.1.2",
)

X224_DISCONNECTED = Diagnosis(
    code="X224_DISCONNECTED",
    severity="blocker",
    summary=(
        "The server answers the request to speak RDP with a refusal of the transport layer, and gives no RDP reason."
    ),
    causes=(
        "Another service that also uses TPKT has the port.",
        "A gateway or load balancer wants a routing token and has no server for a client without one.",
        "The service is shutting down, or turns away what it takes for an attack.",
    ),
    remedies=(
        "Behind a load balancer or connection broker, ask with --routing-token or --cookie, as clients do.",
        "See which program has the port: Get-NetTCPConnection -LocalPort PORT, or ss -ltnp.",
        "Read the server's own log at the time of the refusal.",
    ),
    user_sees=SOCKET_CLOSED,
    source="ITU-T X.224 13.5, 13.12",
)

SERVER_LOST = Diagnosis(
    code="SERVER_LOST",
    severity="breaks_some",
    summary="The server answered, and then was gone while it was still being asked.",
    causes=(
        "A firewall or intrusion prevention system has blocked the asking address after several connections.",
        "The service failed at the last request, or ran out of something.",
        "The server was restarted or lost its network at that moment.",
    ),
    remedies=(
        (
            "See whether others can still connect: if they can, only this address was blocked; lift the block, and "
            "ask with --per-host 1 or --depth discover."
        ),
        (
            "If nobody can, look at the service (Get-Service TermService, systemctl status xrdp) and its log, and "
            "report to its makers which request came last."
        ),
        "Update the server: a request that anybody may send must not end it.",
    ),
    user_sees=(),
    source="observed",
)

INTERMITTENT = Diagnosis(
    code="INTERMITTENT",
    severity="breaks_some",
    summary="The same request, repeated, ended differently.",
    causes=(
        "The way there loses packets.",
        "Several servers share the address, and not all of them are well.",
        "The server is short of memory or processors, or takes few connections at a time.",
        "A firewall limits how many connections one address may make.",
    ),
    remedies=(
        "Ask again a few times, also from the server's own network, to tell the way from the server.",
        "Behind a load balancer, ask each server by its own address.",
        "Ask more gently: --per-host 1 and a longer --timeout.",
    ),
    user_sees=(),
    source="observed",
)
