"""FreeRDP's shadow server, and weston, whose RDP is FreeRDP's."""

from __future__ import annotations

from tests.matrix.rows_xrdp import RDP_ONLY, SELF_SIGNED, TLS_ONLY
from tests.matrix.situation import LOOPBACK, Program, Shadow, Situation
from tests.real import certificates
from tests.real.freerdp import FreeRdpShadow
from tests.real.pki import Recipe, rsa_key, served_by
from tests.real.weston import Weston


def shadow(*options: str) -> Shadow:
    """A shadow server with these options."""
    return Shadow(lambda _, display: FreeRdpShadow(*options, display=display))


ROWS: tuple[Situation, ...] = (
    Situation(
        name="shadow",
        started="freerdp-shadow-cli",
        site=shadow(),
        codes={"NLA_UNSUPPORTED": "risk", "STANDARD_RDP_WEAK": "risk", **SELF_SIGNED},
        why="it answers HYBRID alone with SSL_NOT_ALLOWED_BY_SERVER, though SSL is accepted; every method is taken",
    ),
    Situation(
        name="shadow-from-127.0.0.1",
        started="freerdp-shadow-cli, asked from 127.0.0.1",
        site=shadow(),
        codes={"NLA_UNSUPPORTED": "risk", "STANDARD_RDP_WEAK": "risk", **SELF_SIGNED},
        why="it switches encryption off for this one address",
        source_address=LOOPBACK,
    ),
    Situation(
        name="shadow-nla",
        started="freerdp-shadow-cli /sec:nla",
        site=shadow("/sec:nla"),
        codes={"NLA_REQUIRED": "info", **SELF_SIGNED},
        nla="required",
        why="HYBRID is accepted, and SSL and RDP are turned away",
    ),
    Situation(
        name="shadow-nla-discover",
        started="freerdp-shadow-cli /sec:nla",
        site=shadow("/sec:nla"),
        codes=SELF_SIGNED,
        nla="offered",
        why="one connection shows that NLA is there, and not whether it is required",
        depth="discover",
    ),
    Situation(
        name="shadow-nla-beside-others",
        started="freerdp-shadow-cli +sec-nla",
        site=shadow("+sec-nla"),
        codes={"NLA_NOT_ENFORCED": "risk", "STANDARD_RDP_WEAK": "risk", **SELF_SIGNED},
        nla="offered",
        why="NLA is offered, and whoever does not ask for it gets in without",
    ),
    Situation(
        name="shadow-tls",
        started="freerdp-shadow-cli /sec:tls",
        site=shadow("/sec:tls"),
        codes={**TLS_ONLY, **SELF_SIGNED},
        why="RDP is turned away with SSL_REQUIRED_BY_SERVER",
    ),
    Situation(
        name="shadow-rdp",
        started="freerdp-shadow-cli /sec:rdp",
        site=shadow("/sec:rdp"),
        codes={**RDP_ONLY, "STANDARD_RDP_WEAK": "risk"},
        why="SSL and HYBRID are turned away with SSL_NOT_ALLOWED_BY_SERVER",
    ),
    Situation(
        name="shadow-rdp-1024",
        started="freerdp-shadow-cli /sec:rdp with an RSA key of 1024 bits",
        site=Shadow(
            lambda room, display: FreeRdpShadow(
                "/sec:rdp", display=display, certificate=served_by(room, Recipe(key=rsa_key(1024, 8)).signed_by(None))
            )
        ),
        codes={**RDP_ONLY, "STANDARD_RDP_WEAK": "risk", "STANDARD_RDP_WEAK_KEY": "risk"},
        why="the key that protects the session key is short",
    ),
    Situation(
        name="shadow-ext",
        started="freerdp-shadow-cli /sec:ext",
        site=shadow("/sec:ext"),
        codes={"TLS_REQUIRED": "blocker"},
        why="everything is turned away with SSL_REQUIRED_BY_SERVER, SSL too: nobody gets in",
    ),
    Situation(
        name="weston",
        started="weston with a TLS certificate and a key for Standard RDP Security",
        site=Program(lambda room: Weston(certificates.rsa(room), certificates.rsa_key_pem(room))),
        codes={"NLA_UNSUPPORTED": "risk", "STANDARD_RDP_WEAK": "risk", **SELF_SIGNED},
        why="as FreeRDP's shadow server",
    ),
    Situation(
        name="weston-tls-key-alone",
        started="weston with a TLS certificate alone",
        site=Program(lambda room: Weston(certificates.rsa(room))),
        codes={
            "NLA_UNSUPPORTED": "risk",
            "STANDARD_RDP_WEAK": "info",
            "ENCRYPTION_REFUSED": "breaks_some",
            **SELF_SIGNED,
        },
        why="it selects RDP all the same, and closes when encryption is to be agreed on",
    ),
)
