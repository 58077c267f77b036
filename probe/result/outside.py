"""What is asked outside of the RDP connection, and only on request: UDP, and the RD Gateway's front door."""

from __future__ import annotations

from typing import Literal

import msgspec

from probe.result.common import EndingName, Ntlm
from probe.result.tls import CertificateChain

UdpState = Literal["open", "silent", "refused", "unreachable", "malformed", "unknown"]
GatewayState = Literal[
    "rd_gateway",  # 401 to RDG_OUT_DATA, with a scheme that RD Gateways use
    "http",  # another web server
    "not_http",  # something else inside TLS
    "tls_only",  # TLS, and nothing inside
    "tls_failed",  # TLS was begun and not agreed on
    "not_tls",  # something else answered the ClientHello
    "closed",  # a connection without an answer
    "silent",
    "refused",
    "unreachable",
    "unknown",  # the audit stopped before it was known, or every path asks for the same login (`status` is 401)
]


class Udp(msgspec.Struct, kw_only=True):
    """What the server answered to a SYN of RDP over UDP, [MS-RDPEUDP] 3.1.5.1; None in the result when not asked.

    A server that checks the hash in a SYN of version 3.0, which nobody has before a login, answers 2.0 at most.
    """

    port: int
    state: UdpState
    version: str | None = None  # chosen by the server; a number such as "0x0003" where it has no name
    offered: str  # the newest version, and by that every other
    up_mtu: int | None = None  # bytes from client to server that the server takes
    down_mtu: int | None = None
    sent: int = 0  # datagrams, all the same
    answer: str | None = None  # why what came could not be used
    ending: EndingName | None = None  # how it ended where no SYN+ACK came
    cause: str | None = None  # the operating system's words
    elapsed_ms: float = 0.0


class Gateway(msgspec.Struct, kw_only=True):
    """What the front door of an RD Gateway answered without a login, [MS-TSGU] 3.3.5.1; None when not asked."""

    host: str
    port: int
    address: str | None = None  # None where the name has none
    state: GatewayState
    # Certain by a scheme that gateways alone have, or where another path asks for no login. None: no gateway.
    certainty: Literal["certain", "likely"] | None = None
    status: int | None = None  # of HTTP, to RDG_OUT_DATA
    reason: str | None = None
    schemes: list[str] = []  # of WWW-Authenticate
    server: str | None = None  # the Server field
    ntlm: Ntlm | None = None
    tls_version: str | None = None
    cipher_suite: str | None = None
    certificate: CertificateChain | None = None
    answer: str | None = None  # why what came could not be read
    ending: EndingName | None = None  # how the connection ended where it did not answer
    cause: str | None = None  # the operating system's or resolver's words
    elapsed_ms: float = 0.0
