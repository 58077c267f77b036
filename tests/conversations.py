"""Exchanges written down once: (side, bytes), used by machine, plan and live tests alike.

Bytes of servers come from real ones (see each comment) or from a specification; what a server merely might say is
made by our writers in the tests that need it.
"""

from __future__ import annotations

from dataclasses import dataclass

from probe.handshake.machine import Side

C, S = Side.CLIENT, Side.SERVER
Said = tuple[Side, bytes]


def client(text: str) -> Said:
    return C, bytes.fromhex(text)


def server(text: str) -> Said:
    return S, bytes.fromhex(text)


@dataclass(frozen=True)
class Written:
    """A conversation and what it shows."""

    name: str
    said: tuple[Said, ...]


DISCONNECT = "0300000902f0802180"  # MCS Disconnect Provider Ultimatum, reason 3
ASK_RDP = client("030000130ee000000000000100080000000000")
ASK_SSL = client("030000130ee000000000000100080001000000")
ASK_HYBRID = client("030000130ee000000000000100080002000000")
ASK_AAD = client("030000130ee000000000000100080010000000")

# xrdp 0.9.21, security_layer=negotiate and tls
XRDP_SELECTS_SSL = Written("xrdp selects SSL", (ASK_SSL, server("030000130ed000001234000201080001000000")))
XRDP_SELECTS_RDP = Written("xrdp answers HYBRID by RDP", (ASK_HYBRID, server("030000130ed000001234000201080000000000")))
XRDP_REQUIRES_TLS = Written(
    "xrdp requires TLS, and a disconnect behind it",
    (ASK_RDP, server("030000130ed000001234000300080001000000" + DISCONNECT)),
)
XRDP_DROPS_AAD = Written("xrdp disconnects instead of confirming", (ASK_AAD, server(DISCONNECT)))
# freerdp-shadow 2.11.7 /sec:nla
FREERDP_REQUIRES_NLA = Written("FreeRDP requires NLA", (ASK_SSL, server("030000130ed000000000000300080005000000")))
# Windows XP
XP_CONFIRMS_BARE = Written("XP confirms without negotiation", (ASK_SSL, server("0300000b06d00000123400")))

NEGOTIATIONS = (
    XRDP_SELECTS_SSL,
    XRDP_SELECTS_RDP,
    XRDP_REQUIRES_TLS,
    XRDP_DROPS_AAD,
    FREERDP_REQUIRES_NLA,
    XP_CONFIRMS_BARE,
)
