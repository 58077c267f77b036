"""Entries of Windows event logs about sessions, logons and CredSSP."""

from __future__ import annotations

from probe.explain import causes as cause
from probe.explain.about_events import event_row
from probe.explain.explanation import Explanation

_LSM = ("TerminalServices-LocalSessionManager", "LocalSessionManager")
_CLIENT = ("TerminalServices-ClientActiveXCore", "TerminalServices-RDPClient", "ClientActiveXCore", "RDPClient")
_LOCAL = "Microsoft TechNet Wiki 37874: RDS Session Host Server Disconnect Codes"
_REMOTE = "Microsoft TechNet Wiki 37870: Remote Desktop Client disconnect codes and reasons"

ROWS: tuple[Explanation, ...] = (
    *(
        event_row(
            event,
            _LSM,
            "A session was logged on, logged off, left or taken up again. With an error beside it, the reason is "
            "there.",
            _LOCAL,
            cause.ADMINISTRATOR,
            cause.NETWORK,
        )
        for event in (21, 23, 24, 25, 39)
    ),
    event_row(
        40,
        _LSM,
        "A session was disconnected; the reason code in the entry says why (explain that number).",
        _LOCAL,
        cause.ADMINISTRATOR,
        cause.NETWORK,
        phrases=("has been disconnected, reason code", "已断开连接，原因代码"),
    ),
    event_row(
        1026,
        _CLIENT,
        "The client was disconnected; the reason in the entry says why (explain that number).",
        _REMOTE,
        cause.ADMINISTRATOR,
        cause.NETWORK,
        phrases=("RDP ClientActiveX has been disconnected", "RDP ClientActiveX 已断开连接"),
    ),
    event_row(
        226,
        _CLIENT,
        "The client's TLS broke off; the state in the entry says at which step.",
        _REMOTE,
        cause.TLS_DIES,
        cause.TLS_OLD,
        cause.CREDSSP_DIES,
        phrases=("An error was encountered when transitioning from TsSslStateHandshakeInProgress",),
    ),
    event_row(
        4625,
        ("Security", "Microsoft-Windows-Security-Auditing"),
        "A logon failed. The Status and Sub Status in the entry say why (explain those).",
        "Microsoft Learn: 4625(F): An account failed to log on",
        cause.WRONG_PASSWORD,
        cause.ACCOUNT,
        phrases=("An account failed to log on", "帐户登录失败"),
    ),
    event_row(
        6041,
        ("LsaSrv", "LSA"),
        "A client or server ended CredSSP because the other side lacks the update for CVE-2018-0886.",
        "Microsoft: CredSSP updates for CVE-2018-0886 (KB 4093492)",
        cause.CREDSSP_OLD,
        cause.CLIENT_UNPATCHED,
        phrases=("failed to negotiate a common protocol version",),
    ),
    event_row(
        4002,
        ("NTLM", "Microsoft-Windows-NTLM"),
        "The server turned an NTLM authentication away because of its policy.",
        "Microsoft-Windows-NTLM event 4002",
        cause.NO_NTLM,
        phrases=("NTLM server blocked",),
    ),
)
