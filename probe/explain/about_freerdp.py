"""Errors of FreeRDP, and of Remmina, GNOME Connections and Guacamole, which are built on it."""

from __future__ import annotations

from probe.explain import causes as cause
from probe.explain.explanation import Explanation, Suspect

_SOURCE = "FreeRDP include/freerdp/error.h, libfreerdp/core/errconnect.c"
_ACCOUNT_ERRORS = "The server refused the account or its password."
_NO_PASSWORD = Suspect("No user name or password was given.", "Give /u and /p, or log on to Kerberos first.")


def _error(
    low: int, name: str, meaning: str, *causes: Suspect, phrases: tuple[str, ...] = (), options: str = ""
) -> Explanation:
    number = 0x20000 + low
    return Explanation(
        key=f"freerdp-0x{number:08x}",
        kind="freerdp",
        title=f"ERRCONNECT_{name} [0x{number:08X}]",
        meaning=meaning,
        causes=causes,
        options=options,
        numbers=(number,),
        names=(f"ERRCONNECT_{name}",),
        phrases=phrases,
        source=_SOURCE,
    )


ROWS: tuple[Explanation, ...] = (
    _error(0x1, "PRE_CONNECT_FAILED", "The client's settings kept it from connecting.", cause.CLIENT_FAULT),
    _error(
        0x2,
        "CONNECT_UNDEFINED",
        "The connection failed for a reason that FreeRDP does not name.",
        cause.CLOSED_EARLY,
        cause.TLS_DIES,
        cause.CLIENT_FAULT,
    ),
    _error(
        0x3,
        "POST_CONNECT_FAILED",
        "The connection stood, and then the client's settings ended it.",
        cause.CLIENT_FAULT,
    ),
    _error(0x4, "DNS_ERROR", "The name could not be looked up.", cause.NAME),
    _error(
        0x5,
        "DNS_NAME_NOT_FOUND",
        "There is no such name.",
        cause.NAME,
        phrases=("The DNS host name was not found",),
    ),
    _error(
        0x6,
        "CONNECT_FAILED",
        "No connection to the server's port came about.",
        cause.REFUSED,
        cause.FILTERED,
        cause.NO_ROUTE,
    ),
    _error(
        0x7,
        "MCS_CONNECT_INITIAL_ERROR",
        "The server ended the connection when the client announced its settings.",
        cause.NO_METHOD,
        cause.FIPS_ONLY,
        cause.LIMIT,
        cause.CLIENT_FAULT,
        phrases=("The connection failed at initial MCS connect",),
    ),
    _error(
        0x8,
        "TLS_CONNECT_FAILED",
        "TLS was agreed on, and its handshake failed.",
        cause.TLS_DIES,
        cause.TLS_OLD,
        cause.TLS_SUITES,
        cause.WEAK_KEY,
        cause.NO_CERTIFICATE,
        cause.TLS_PICKY,
        phrases=("The connection failed at TLS connect", "TLS connect failed"),
    ),
    _error(
        0x9,
        "AUTHENTICATION_FAILED",
        "The authentication (NLA) failed.",
        cause.WRONG_PASSWORD,
        cause.NO_NTLM,
        cause.CREDSSP_DIES,
        cause.CLOCK,
        phrases=("An authentication failure aborted the connection",),
    ),
    _error(0xA, "INSUFFICIENT_PRIVILEGES", "The account may not log on through Remote Desktop.", cause.ACCOUNT),
    _error(
        0xB, "CONNECT_CANCELLED", "The connection was cancelled. This is no error of the server.", cause.CLIENT_FAULT
    ),
    _error(
        0xC,
        "SECURITY_NEGO_CONNECT_FAILED",
        "Client and server did not agree on a security protocol. Older FreeRDP also says this where the server did not "
        "answer at all.",
        cause.NEEDS_NLA,
        cause.NO_NLA,
        cause.ONLY_STANDARD,
        cause.NEEDS_TLS,
        cause.NO_CERTIFICATE,
        cause.CLOSED_EARLY,
        cause.SILENT,
        cause.REFUSED,
        cause.FILTERED,
        phrases=(
            "The connection failed at negotiating security settings",
            "Protocol Security Negotiation Failure",
        ),
    ),
    _error(
        0xD,
        "CONNECT_TRANSPORT_FAILED",
        "The connection broke while it was being built.",
        cause.CLOSED_EARLY,
        cause.RESET_EARLY,
        cause.TLS_DIES,
        cause.UNSTEADY,
        phrases=("The connection transport layer failed", "BIO_read returned a system error"),
    ),
    *(
        _error(low, name, _ACCOUNT_ERRORS, cause.ACCOUNT, cause.WRONG_PASSWORD)
        for low, name in (
            (0xE, "PASSWORD_EXPIRED"),
            (0xF, "PASSWORD_CERTAINLY_EXPIRED"),
            (0x10, "CLIENT_REVOKED"),
            (0x12, "ACCOUNT_DISABLED"),
            (0x13, "PASSWORD_MUST_CHANGE"),
            (0x16, "ACCESS_DENIED"),
            (0x18, "ACCOUNT_LOCKED_OUT"),
            (0x19, "ACCOUNT_EXPIRED"),
            (0x1A, "LOGON_TYPE_NOT_GRANTED"),
        )
    ),
    _error(
        0x11,
        "KDC_UNREACHABLE",
        "No Kerberos server could be reached.",
        cause.NO_DC,
        cause.NO_NTLM,
        phrases=("The KDC is unreachable", "Cannot find KDC for realm"),
    ),
    _error(
        0x14,
        "LOGON_FAILURE",
        _ACCOUNT_ERRORS,
        cause.WRONG_PASSWORD,
        cause.ACCOUNT,
        cause.NO_NTLM,
    ),
    _error(0x15, "WRONG_PASSWORD", _ACCOUNT_ERRORS, cause.WRONG_PASSWORD),
    _error(
        0x17,
        "ACCOUNT_RESTRICTION",
        "The account may not log on in this way: Protected Users may not use NTLM, say.",
        cause.ACCOUNT,
        cause.NO_NTLM,
    ),
    _error(0x1B, "NO_OR_MISSING_CREDENTIALS", "The client has no credentials for NLA.", _NO_PASSWORD),
    _error(
        0x1C,
        "ACTIVATION_TIMEOUT",
        "The session did not begin in time, after the connection stood.",
        cause.STALE_SESSION,
        cause.CRASH,
        cause.UNSTEADY,
        phrases=("Timeout waiting for activation",),
    ),
    _error(0x1D, "TARGET_BOOTING", "The virtual machine is still starting.", cause.BROKER),
    _error(
        0x1E,
        "HYBRID_REQUIRED_BY_SERVER",
        "The server requires NLA and the client has it switched off.",
        cause.NEEDS_NLA,
        phrases=("The server requires Network Level Authentication, but it is not enabled",),
    ),
    Explanation(
        key="guacamole-security-type",
        kind="freerdp",
        title="Server refused connection (wrong security type?)",
        meaning="Guacamole could not agree with the server on a security protocol; its parameter security decides what "
        "it offers.",
        causes=(cause.NEEDS_NLA, cause.ONLY_STANDARD, cause.NO_NLA, cause.TLS_DIES, cause.NO_CERTIFICATE),
        phrases=("Server refused connection (wrong security type?)", "wrong security type"),
        source="guacamole-server src/protocols/rdp/error.c",
    ),
    *(
        Explanation(
            key=f"guacamole-0x{number:04x}",
            kind="freerdp",
            title=f"0x{number:04X} ({number}) {name}",
            meaning="Guacamole, or a program built on it, could not reach the server or lost it.",
            causes=(cause.REFUSED, cause.FILTERED, cause.NAME, cause.TLS_DIES, cause.NEEDS_NLA),
            numbers=(number,),
            names=(name,),
            source="Apache Guacamole: protocol reference, status codes",
        )
        for number, name in (
            (0x202, "UPSTREAM_TIMEOUT"),
            (0x203, "UPSTREAM_ERROR"),
            (0x207, "UPSTREAM_NOT_FOUND"),
            (0x208, "UPSTREAM_UNAVAILABLE"),
        )
    ),
)
