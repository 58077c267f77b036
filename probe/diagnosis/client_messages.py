"""What each family of clients shows its user when it fails: texts in English as the clients have them, and codes."""

from __future__ import annotations

from collections.abc import Mapping

from probe.clients.profile import ClientProfile, Family
from probe.diagnosis.client_walk import Outcome
from probe.diagnosis.rule import is_constant
from probe.diagnosis.wording import (
    FREERDP_AUTHENTICATION_FAILED,
    FREERDP_MCS_FAILED,
    FREERDP_NO_PROTOCOL,
    FREERDP_TLS_FAILED,
    INTERNAL_ERROR,
    TRY_AGAIN,
)
from probe.language import _

_NEEDS_NLA = (
    "The remote computer requires Network Level Authentication, which your computer does not support. Error code: 0xB09"
)
_ORACLE = (
    "An authentication error has occurred. The function requested is not supported. This could be due to CredSSP "
    "encryption oracle remediation."
)
_NOT_SUPPORTED = "An authentication error has occurred. The function requested is not supported. Error code: 0x1807"
_SECURITY_ERROR = (
    "Because of a security error, the client could not connect to the remote computer. Verify that you are logged on "
    "to the network, and then try connecting again. Error code: 0x406"
)

# By the diagnosis where the client tells it apart, else by the stage.
MESSAGES: Mapping[Family, Mapping[str, str]] = {
    "mstsc": {
        "NLA_REQUIRED": _NEEDS_NLA,
        "CREDSSP_OUTDATED": _ORACLE,
        "NTLM_REFUSED": _NOT_SUPPORTED,
        "negotiation": INTERNAL_ERROR,
        "tls": INTERNAL_ERROR,
        "TLS_HANDSHAKE_ABORTED": TRY_AGAIN,
        "encryption": _SECURITY_ERROR,
    },
    "windows_app": {"tls": "Error code: 0x904"},
    "freerdp": {
        "negotiation": FREERDP_NO_PROTOCOL,
        "tls": FREERDP_TLS_FAILED,
        "certificate": FREERDP_TLS_FAILED,
        "credssp": FREERDP_AUTHENTICATION_FAILED,
        "encryption": FREERDP_MCS_FAILED,
    },
    "rdesktop": {
        "NLA_REQUIRED": "Failed to connect, CredSSP required by server",
        "TLS_REQUIRED": "Failed to connect, SSL required by server.",
        "INCONSISTENT_FLAGS": "Failed to connect, inconsistent negotiation flags.",
        "USER_AUTH_REQUIRED": "Failed to connect, SSL with user authentication required by server.",
        "tls": "tcp_tls_connect(), TLS handshake failed.",
    },
    "ironrdp": {},
}


def seen_by(profile: ClientProfile, outcome: Outcome) -> str | None:
    """What the user of this client sees; None where that is not known."""
    if profile.tls is None:  # what the oldest show is not documented
        return None
    messages = MESSAGES[profile.family]
    shown = messages.get(outcome.code or "") or messages.get(outcome.stage or "")
    return shown if shown is None or is_constant(shown) else _(shown)
