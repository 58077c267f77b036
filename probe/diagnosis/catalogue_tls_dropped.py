"""What is said of hellos that are dropped though others are answered."""

from __future__ import annotations

from probe.diagnosis.rule import Cause, Diagnosis, Remedy, Sees
from probe.diagnosis.wording import FREERDP_TLS_FAILED, FROM_INSIDE, SCHANNEL, TLS_BROKEN

TLS_INTOLERANT = Diagnosis(
    code="TLS_INTOLERANT",
    severity="breaks_some",
    summary="The server drops a legal TLS hello, and answers another: clients that send the first cannot connect.",
    wire="One legal ClientHello is dropped, while another, which differs in its versions or size, is answered.",
    causes=(
        Cause(
            "An old load balancer, firewall or TLS inspection in between does not know newer or larger hellos.",
            "From the server's own network the hello is answered.",
        ),
        Cause(
            "TLS 1.3 is switched on where Remote Desktop cannot use it: Windows Server 2019 and older.",
            "It is dropped on the server itself too, and only where TLS 1.3 is offered.",
            on="windows",
        ),
        Cause(
            "The server's TLS is old: it drops what it does not know instead of ignoring it.",
            "It is dropped on the server itself too.",
        ),
        Cause(
            "Hellos that need two packets are lost on the way (an MTU black hole, often in a VPN).",
            "Only the large hello is dropped, and with silence.",
        ),
    ),
    remedies=(
        FROM_INSIDE,
        Remedy("Update the load balancer, the firewall or the server, or exclude the port from TLS inspection."),
        Remedy(
            "On Windows Server 2019 and older take TLS 1.3 out again: delete the key TLS 1.3 under "
            f"{SCHANNEL}\\Protocols, then restart.",
            on="windows",
        ),
        Remedy("Where only a large hello is dropped, try a smaller MTU on the way."),
        Remedy(
            "Last resort, which lowers security: a client that offers less (no TLS 1.3, no post-quantum group) sends "
            "the hello that is answered.",
            lowers=True,
        ),
    ),
    user_sees=Sees(
        mstsc=TLS_BROKEN.mstsc, windows_app=TLS_BROKEN.windows_app, freerdp=(FREERDP_TLS_FAILED,), rdesktop=()
    ),
    source="RFC 8446 9.3; RFC 7685; FreeRDP pull requests 7986, 7987",
)
