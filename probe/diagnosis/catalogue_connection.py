"""What is said of connections that never come to an X.224 answer: DNS, TCP, and what is not RDP."""

from __future__ import annotations

from probe.diagnosis.rule import Cause, Diagnosis, Remedy, Sees
from probe.diagnosis.wording import (
    ASK_ON_SERVER,
    FIND_PROGRAM,
    FREERDP_NAME_NOT_FOUND,
    FREERDP_NO_PROTOCOL,
    FREERDP_TRANSPORT_FAILED,
    FROM_INSIDE,
    INTERNAL_ERROR,
    LISTENING,
    NOT_REACHED,
    PROTOCOL_ERROR,
    RDP_TCP,
    READ_LOG_XRDP,
    TERMINAL_SERVER,
    TRY_AGAIN,
)

_SWITCH_ON_WINDOWS = Remedy(
    "On Windows switch Remote Desktop on: Settings, System, Remote Desktop; or by Group Policy: Computer "
    "Configuration, Administrative Templates, Windows Components, Remote Desktop Services, Remote Desktop Session "
    "Host, Connections, Allow users to connect remotely by using Remote Desktop Services; or in PowerShell: "
    f"Set-ItemProperty '{TERMINAL_SERVER.replace('HKLM', 'HKLM:')}' fDenyTSConnections 0, then Start-Service "
    "TermService.",
    on="windows",
)
_START_SERVICE = Remedy(
    "See on the computer itself what listens: ss -ltn on Linux, Get-NetTCPConnection -State Listen on Windows. If "
    "nothing has the port, start the service: systemctl enable --now xrdp, or what serves RDP there; on Windows "
    "switch it on under Settings, System, Remote Desktop."
)
DNS_FAILED = Diagnosis(
    code="DNS_FAILED",
    severity="blocker",
    summary="The name does not lead to an address.",
    wire=("The resolver of this computer was asked for the name and gave no address. No packet went to the server."),
    causes=(
        Cause("The name is misspelled, or lacks its domain.", "The full name (server.domain.example) then works."),
        Cause(
            "The name is an internal one, and this computer asks a DNS server that does not know it.",
            "It works once the VPN is connected, or from a computer inside.",
        ),
        Cause(
            "The record is gone: the server was renamed, moved or taken down.",
            "No computer can look it up, inside either.",
        ),
    ),
    remedies=(
        Remedy("Ask the resolver by itself: Resolve-DnsName NAME on Windows, getent hosts NAME on Linux."),
        Remedy("Use the full name, and connect the VPN where the name is an internal one."),
        Remedy(
            "Probe the address. If that is answered, only the name service needs mending; certificate checks and "
            "Kerberos need the name, so an address is no lasting answer."
        ),
    ),
    user_sees=Sees(
        mstsc=("Remote Desktop can't find the computer. Error code: 0x104",),
        windows_app=("Error code: 0x104",),
        freerdp=(FREERDP_NAME_NOT_FOUND,),
    ),
    source="[MS-RDPBCGR] 1.3.1.1; RFC 1034; win32 IMsTscAxEvents::OnDisconnected",
)

REMOTE_DESKTOP_OFF = Cause(
    "Remote Desktop is switched off, or its service is stopped.",
    "On the server nothing listens on the port: Get-NetTCPConnection -State Listen, or ss -ltn.",
)
OTHER_PORT = Cause(
    "The service listens on another port.", "Probe that one with --port; PortNumber or xrdp.ini says which it is."
)

TCP_REFUSED = Diagnosis(
    code="TCP_REFUSED",
    severity="blocker",
    summary="The computer answers, but no program takes connections on this port.",
    wire=(
        "The TCP connection was answered by a reset at once, which is how a computer says that no program "
        "listens on a port."
    ),
    causes=(
        REMOTE_DESKTOP_OFF,
        OTHER_PORT,
        Cause("A firewall refuses on the computer's behalf.", "From the server's own network it is answered."),
        Cause(
            "The service listens on another address only, such as 127.0.0.1.",
            "On the server itself it is answered; the list of listening ports shows the address.",
        ),
        Cause(
            "The listener could not start: its certificate or port is unusable.",
            "qwinsta on the server shows rdp-tcp as Down, or does not show it.",
            on="windows",
        ),
    ),
    remedies=(
        _START_SERVICE,
        _SWITCH_ON_WINDOWS,
        Remedy("For xrdp: systemctl enable --now xrdp.", on="xrdp", heals=(REMOTE_DESKTOP_OFF,)),
        Remedy(
            "For GNOME: grdctl rdp enable, or for the login screen grdctl --system rdp enable; grdctl status shows "
            "the port.",
            on="gnome",
            heals=(REMOTE_DESKTOP_OFF,),
        ),
        LISTENING,
        Remedy(
            f"Look up the port: PortNumber in {RDP_TCP} on Windows, port in [Globals] of xrdp.ini; then ask there with "
            "--port.",
            heals=(OTHER_PORT,),
        ),
    ),
    user_sees=NOT_REACHED,
    source="RFC 9293 3.10.7.1; win32 IMsTscAxEvents::OnDisconnected",
)

CAPTURE_ENDS = Cause(
    "The capture ends too soon: the answer may have come after it.", "In a longer capture the same SYN is answered."
)

TCP_TIMEOUT = Diagnosis(
    code="TCP_TIMEOUT",
    severity="blocker",
    summary="Nothing answers: the connection request is lost on the way there or back.",
    wire=(
        "The TCP connection request was sent several times and never answered, neither by the computer nor by a "
        "router. In a capture: no answer is in it."
    ),
    causes=(
        Cause(
            "A firewall on the computer or in between drops the packets.",
            "The computer answers other things, such as ping, or answers RDP in its own network.",
        ),
        Cause(
            "The computer is switched off, asleep, or no longer has this address.",
            "It answers nothing at all, in its own network either.",
        ),
        Cause(
            "The way there needs a VPN or gateway that is not in use.",
            "Other computers of that network are silent too.",
        ),
        CAPTURE_ENDS,
    ),
    remedies=(
        Remedy("Capture for longer, until the client gives up or connects.", heals=(CAPTURE_ENDS,)),
        FROM_INSIDE,
        Remedy(
            "On Windows allow it for the networks that need it, in PowerShell: Enable-NetFirewallRule -Name "
            "RemoteDesktop-UserMode-In-TCP; Get-NetFirewallProfile shows which profile is in force.",
            on="windows",
        ),
        Remedy("On Linux admit the port: ufw allow from NETWORK to any port 3389, or the like.", on="linux"),
        Remedy("In a cloud, look at the security group too; admit single addresses or a VPN there."),
        Remedy(
            "Opening the port to the whole internet lowers security and should not be done: put a VPN or an RD "
            "Gateway in front.",
            lowers=True,
        ),
    ),
    user_sees=NOT_REACHED,
    source="RFC 9293 3.8.3; win32 IMsTscAxEvents::OnDisconnected",
)

NO_IPV6 = Cause("The address is an IPv6 one and this computer, or the network, has no IPv6.", "IPv4 addresses work.")

TCP_UNREACHABLE = Diagnosis(
    code="TCP_UNREACHABLE",
    severity="blocker",
    summary="The network reports that there is no way to this address.",
    wire=(
        "The network answered the TCP connection request by an ICMP message: no route, no such computer, or forbidden."
    ),
    causes=(
        Cause(
            "No route leads there: a VPN is not connected, or the address belongs to another network.",
            "Every address of that network is reported alike.",
        ),
        Cause(
            "The computer is off, so that the last router finds nobody with the address.",
            "Its neighbors in the network can be reached.",
        ),
        NO_IPV6,
        Cause(
            "A firewall answers that it forbids the connection.", "Another port of the same computer can be reached."
        ),
    ),
    remedies=(
        Remedy(
            "Check the route from here: Test-NetConnection NAME -TraceRoute on Windows, ip route get ADDRESS on Linux."
        ),
        Remedy("Connect the VPN, or ask from a network that has a way there."),
        Remedy("Where a name has several addresses, see whether another of them answers."),
    ),
    user_sees=NOT_REACHED,
    source="RFC 1122 3.2.2.1; RFC 4443 3.1; win32 IMsTscAxEvents::OnDisconnected",
)

ENDS_UNREAD = Cause(
    "A program takes the connection and ends it without an answer: the service is still starting, out of capacity or "
    "damaged, or a proxy or port forwarding finds nothing behind it.",
    "It ends so on the server itself too, or the forwarding's own target refuses. A close before the request was read "
    "reaches this computer as a reset.",
)
TURNS_ADDRESS_AWAY = Cause(
    "The service, or a firewall on the server, admits some addresses only, or has blocked this one.",
    "Another computer of the same network is answered.",
)

TCP_RESET = Diagnosis(
    code="TCP_RESET",
    severity="blocker",
    summary="The connection opens and is torn down before a single byte comes back.",
    wire="The TCP connection was accepted, and reset after the first request with no byte sent back.",
    causes=(
        ENDS_UNREAD,
        Cause(
            "A firewall or intrusion prevention system lets connections open and resets what looks like RDP.",
            "From the server's own network it is answered.",
        ),
        TURNS_ADDRESS_AWAY,
        Cause("The service failed while it took the connection.", "Its log ends at that moment."),
    ),
    remedies=(
        ASK_ON_SERVER,
        Remedy("Where a port forwarding or load balancer is in front, see that its own target is up."),
        Remedy("Look for blocked addresses on the server (fail2ban, IPBan and the like)."),
        LISTENING,
        READ_LOG_XRDP,
    ),
    user_sees=Sees(
        mstsc=(INTERNAL_ERROR, "Error code: 0x404"),
        windows_app=("Error code: 0x404",),
        freerdp=(FREERDP_TRANSPORT_FAILED, FREERDP_NO_PROTOCOL),
    ),
    source="RFC 9293 3.5.2; win32 IMsTscAxEvents::OnDisconnected",
)

NOT_RDP = Diagnosis(
    code="NOT_RDP",
    severity="blocker",
    summary="What answers on this port is not Remote Desktop: {service}.",
    title="What answers on this port is not Remote Desktop.",
    wire=(
        "The bytes that came back are no RDP: they do not begin as TPKT does, or are a bare Connection "
        "Confirm of another service that uses it, which did not go on as RDP does."
    ),
    causes=(
        Cause("Another program has this port.", "The list of listening ports on the server names it."),
        Cause(
            "The port, or a port forwarding, is not the one meant.",
            "On the server Remote Desktop listens on another port.",
        ),
        Cause(
            "A gateway, proxy or captive portal answers in the server's place.",
            "From the server's own network RDP answers.",
        ),
    ),
    remedies=(
        FIND_PROGRAM,
        Remedy("Move one of the two programs to another port: Remote Desktop stops where it cannot have its own."),
        Remedy(
            f"Look up the port that Remote Desktop uses: PortNumber in {RDP_TCP}, or port in xrdp.ini; then ask there "
            "with --port."
        ),
        Remedy("Where an RD Gateway stands in front, give it to the client as its gateway and not as the computer."),
    ),
    user_sees=Sees(
        mstsc=(PROTOCOL_ERROR, INTERNAL_ERROR),
        windows_app=("Error code: 0x1104",),
        freerdp=(FREERDP_NO_PROTOCOL,),
    ),
    source="RFC 1006; [MS-RDPBCGR] 2.2.1.2",
)

SERVER_LOST = Diagnosis(
    code="SERVER_LOST",
    severity="breaks_some",
    summary="The server answered, and then was gone while it was still being asked.",
    wire=(
        "The server answered earlier requests. Then it refused or ignored new connections, and the audit "
        "stopped at once."
    ),
    causes=(
        Cause(
            "A firewall or intrusion prevention system has blocked the asking address after several connections.",
            "Other computers can still connect.",
        ),
        Cause(
            "The service failed at the last request, or ran out of something.",
            "Nobody can connect, and the service's log ends or begins anew at that moment.",
        ),
        Cause(
            "The server was restarted or lost its network at that moment.",
            "Its uptime is short, or other services of it were gone as well.",
        ),
    ),
    remedies=(
        Remedy(
            "See whether others can still connect: if they can, only this address was blocked; lift the block, and "
            "ask with --per-host 1 or --depth discover."
        ),
        Remedy(
            "If nobody can, look at the service (Get-Service TermService, systemctl status xrdp) and its log, and "
            "report to its makers which request came last."
        ),
        Remedy("Update the server: a request that anybody may send must not end it."),
    ),
    user_sees=Sees(mstsc=(TRY_AGAIN,), freerdp=(FREERDP_TRANSPORT_FAILED,)),
    source="observed",
)

INTERMITTENT = Diagnosis(
    code="INTERMITTENT",
    severity="breaks_some",
    summary="The same request, repeated, ended differently.",
    wire=(
        "One and the same request was sent twice, with nothing else under way, and ended in different ways; "
        "or the same protocols were asked for and differently answered."
    ),
    causes=(
        Cause("The way there loses packets.", "From the server's own network every repeat ends alike."),
        Cause(
            "Several servers share the address, and not all of them are well.",
            "LOAD_BALANCED or CERT_VARIES is reported too, or the servers' own addresses answer differently.",
        ),
        Cause(
            "The server is short of memory or processors, or takes few connections at a time.",
            "Asked one by one, with --per-host 1, it answers every time.",
        ),
        Cause(
            "A firewall limits how many connections one address may make.", "After a pause the first ones work again."
        ),
    ),
    remedies=(
        Remedy("Ask again a few times, also from the server's own network, to tell the way from the server."),
        Remedy("Behind a load balancer, ask each server by its own address."),
        Remedy("Ask more gently: --per-host 1 and a longer --timeout."),
    ),
    user_sees=Sees(mstsc=(INTERNAL_ERROR, TRY_AGAIN), freerdp=(FREERDP_NO_PROTOCOL,)),
    source="observed",
)
