"""What is said where the request to speak RDP is sent and not answered by a Connection Confirm."""

from __future__ import annotations

from probe.diagnosis.catalogue_connection import ENDS_UNREAD, TURNS_ADDRESS_AWAY
from probe.diagnosis.catalogue_negotiation import DEMANDS_NEGOTIATION, USE_A_NEGOTIATING_CLIENT
from probe.diagnosis.rule import Cause, Diagnosis, Remedy, Sees
from probe.diagnosis.wording import (
    ASK_ON_SERVER,
    CLOSED_AT_ONCE,
    FIND_PROGRAM,
    FIND_PROGRAM_LINUX,
    FIND_PROGRAM_WINDOWS,
    FREERDP_NO_PROTOCOL,
    FREERDP_TRANSPORT_FAILED,
    FROM_INSIDE,
    LISTENING,
    PROTOCOL_ERROR,
    READ_LOG_WINDOWS,
    READ_LOG_XRDP,
)

X224_SILENT = Diagnosis(
    code="X224_SILENT",
    severity="blocker",
    summary="The connection opens, and the request to speak RDP is never answered.",
    wire=(
        "The TCP connection was accepted, and the X.224 Connection Request, the first message of RDP, was not "
        "answered in time."
    ),
    causes=(
        Cause(
            "The service hangs, or has no capacity left for another connection.",
            "It is silent on the server itself too, and answers after a restart.",
        ),
        Cause(
            "A proxy, load balancer or port forwarding takes the connection though nothing behind it answers.",
            "Its own target, probed directly, refuses or is silent.",
        ),
        Cause(
            "A firewall inspects the traffic and drops it without a word.",
            "From the server's own network it is answered.",
        ),
        Cause(
            "Another service has the port and waits for a greeting of its own.",
            "The list of listening ports on the server names it.",
        ),
        Cause("It is a tarpit: a trap that keeps scanners waiting.", "Every port of the address is open and silent."),
    ),
    remedies=(
        FROM_INSIDE,
        READ_LOG_WINDOWS,
        READ_LOG_XRDP,
        Remedy(
            "Restart the service when nobody works on it: Restart-Service TermService -Force. It ends the sessions' "
            "connections.",
            on="windows",
        ),
        Remedy("For xrdp: systemctl restart xrdp, when nobody works on it.", on="xrdp"),
        Remedy("Give a slow server longer: --timeout 20s."),
    ),
    user_sees=Sees(mstsc=("Error code: 0x108",), windows_app=("Error code: 0x108",), freerdp=(FREERDP_NO_PROTOCOL,)),
    source="[MS-RDPBCGR] 2.2.1.2; win32 IMsTscAxEvents::OnDisconnected",
)

WANTS_MORE_FIRST = Cause(
    "The service wants something else first, such as a preconnection blob or a routing token.",
    "With rdp-probe host and --preconnection-blob or --routing-token it is answered.",
)
TOKEN_UNWANTED = Cause(
    "FreeRDP's servers close on a routing token that begins with tsv.",
    "Without a routing token it is answered.",
    on="freerdp",
)

X224_CLOSED = Diagnosis(
    code="X224_CLOSED",
    severity="blocker",
    summary="The connection opens, and is closed without an answer to the request to speak RDP.",
    wire="The TCP connection was accepted, and closed after the X.224 Connection Request with no whole answer.",
    causes=(
        ENDS_UNREAD,
        TURNS_ADDRESS_AWAY,
        WANTS_MORE_FIRST,
        TOKEN_UNWANTED,
        DEMANDS_NEGOTIATION,
    ),
    remedies=(
        ASK_ON_SERVER,
        USE_A_NEGOTIATING_CLIENT,
        Remedy("Where a port forwarding or load balancer is in front, see that its own target is up."),
        Remedy(
            "For Hyper-V (port 2179) give --preconnection-blob, behind a connection broker --routing-token (of "
            "rdp-probe host).",
            heals=(WANTS_MORE_FIRST,),
        ),
        LISTENING,
    ),
    user_sees=CLOSED_AT_ONCE,
    source="[MS-RDPBCGR] 2.2.1.2; [MS-RDPEPS] 2.2.1",
)

ENDLESS = Cause(
    "It is a tarpit, a trap that keeps scanners waiting, or a service that hangs in the middle of its answer.",
    "A few bytes come at a time, and with a longer --timeout no whole answer either.",
)

X224_MALFORMED = Diagnosis(
    code="X224_MALFORMED",
    severity="blocker",
    summary="The answer begins as RDP does and is broken.",
    wire=(
        "The answer begins with a TPKT header of version 3, as RDP does, and what follows breaks the rules of X.224, "
        "or never comes to an end."
    ),
    causes=(
        Cause("The server's software is faulty, or a honeypot that plays RDP badly.", "It is broken anywhere."),
        Cause(
            "Another service that also uses TPKT has the port.", "The list of listening ports on the server names it."
        ),
        Cause("Something in between changes the traffic.", "From the server's own network the answer is whole."),
        ENDLESS,
    ),
    remedies=(
        FROM_INSIDE,
        Remedy("Update the server's software. With --pcap-out FILE its makers get the bytes."),
        Remedy("Give a slow server longer: --timeout 20s.", heals=(ENDLESS,)),
        FIND_PROGRAM_WINDOWS,
        FIND_PROGRAM_LINUX,
    ),
    user_sees=Sees(mstsc=(PROTOCOL_ERROR,), windows_app=("Error code: 0x1104",), freerdp=(FREERDP_TRANSPORT_FAILED,)),
    source="RFC 1006 6; [MS-RDPBCGR] 2.2.1.2",
)

X224_DISCONNECTED = Diagnosis(
    code="X224_DISCONNECTED",
    severity="blocker",
    summary=(
        "The server answers the request to speak RDP with a refusal of the transport layer, and gives no RDP reason."
    ),
    wire="An X.224 Disconnect Request or Error came in the place of the Connection Confirm.",
    causes=(
        Cause(
            "Another service that also uses TPKT has the port.", "The list of listening ports on the server names it."
        ),
        Cause(
            "A gateway or load balancer wants a routing token and has no server for a client without one.",
            "With --routing-token, as in the client's .rdp file (loadbalanceinfo), it is answered.",
        ),
        Cause(
            "The service is shutting down, or turns away what it takes for an attack.",
            "Later, or from another address, it is answered.",
        ),
    ),
    remedies=(
        Remedy("Behind a load balancer or connection broker, ask with --routing-token or --cookie, as clients do."),
        FIND_PROGRAM,
        READ_LOG_WINDOWS,
        READ_LOG_XRDP,
    ),
    user_sees=CLOSED_AT_ONCE,
    source="ITU-T X.224 13.5, 13.12",
)
