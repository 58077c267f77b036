"""What is said of licenses and of how many may connect: both are asked for only with --licensing."""

from __future__ import annotations

from probe.diagnosis.rule import Cause, Diagnosis, Remedy, Sees
from probe.diagnosis.wording import RDP_TCP, TERMINAL_SERVER

_LICENSING_POLICY = (
    "Computer Configuration, Administrative Templates, Windows Components, Remote Desktop Services, Remote Desktop "
    "Session Host, Licensing"
)
_CONNECTIONS_POLICY = (
    "Computer Configuration, Administrative Templates, Windows Components, Remote Desktop Services, Remote Desktop "
    "Session Host, Connections"
)
_LICENSING_ERROR = (
    "The remote computer disconnected the session because of an error in the licensing protocol. Please try connecting "
    "to the remote computer again or contact your server administrator. Error code: 0x808"
)
_LICENSING_TIMEOUT = (
    "A licensing error occurred while the client was attempting to connect (Licensing timed out). Please try "
    "connecting to the remote computer again. Error code: 0x908"
)

NO_LICENSE_SERVER = Cause(
    "The server finds no license server, and its grace period is over.",
    "The System log has 1069 or 1088 (the grace period) or 1010 (no license server found); lsdiag.msc says so too.",
    on="windows",
)
NO_LICENSE_LEFT = Cause(
    "The license server has no license left for this client, or the licensing modes do not match.",
    "The System log has 1004 or 1028, and licmgr.exe shows none available.",
    on="windows",
)
CLIENT_LICENSE_REFUSED = Cause(
    "The license that this client keeps is damaged, or its own store may not be written.",
    "Other clients get in; on Windows it is HKLM\\SOFTWARE\\Microsoft\\MSLicensing of the client.",
)
NOT_LICENSED = Cause(
    "The server's edition or license does not include remote connections.",
    "winver and slmgr /xpr on the server show which it has and whether it is activated.",
    on="windows",
)
LICENSE_KEYS_DAMAGED = Cause(
    "The server's own licensing keys are damaged (the values X509 Certificate and its like under "
    f"{TERMINAL_SERVER}\\RCM).",
    "No client gets in, and the license server is in order.",
    on="windows",
)

# No blocker, whatever the error is: what was asked is a client with no license of its own and no account, and others
# may get in all the same. Who comes for administration needs no license; one client's license is not that of all.
LICENSING_FAILED = Diagnosis(
    code="LICENSING_FAILED",
    severity="breaks_some",
    summary="The server ends the connection in the licensing phase: {error}.",
    title="The server ends the connection in the licensing phase.",
    wire=(
        "Asked for with --licensing: the licensing phase ends in a License Error, or in a Set Error Info "
        "message of that kind."
    ),
    # Where the error names none: the server gives no license server as a reason where that is one.
    causes=(LICENSE_KEYS_DAMAGED, NO_LICENSE_LEFT, CLIENT_LICENSE_REFUSED, NOT_LICENSED, NO_LICENSE_SERVER),
    remedies=(
        Remedy(
            f"On Windows name the license server and the mode by Group Policy: {_LICENSING_POLICY}, Use the specified "
            "Remote Desktop license servers, and Set the Remote Desktop licensing mode. lsdiag.msc checks both.",
            on="windows",
            heals=(NO_LICENSE_SERVER, NO_LICENSE_LEFT),
        ),
        Remedy(
            "See from the server that the license server is there: Test-NetConnection LICENSESERVER -Port 135, and "
            "that its service TermServLicensing runs.",
            on="windows",
            heals=(NO_LICENSE_SERVER,),
        ),
        Remedy(
            "On the license server, in licmgr.exe, see that it is activated and has licenses of that mode and of the "
            "server's version; install what is missing.",
            on="windows",
            heals=(NO_LICENSE_LEFT,),
        ),
        Remedy(
            "On one Windows client that is turned away: export and delete HKLM\\SOFTWARE\\Microsoft\\MSLicensing, then "
            "start mstsc once as administrator, which makes it anew. rdesktop keeps its own in "
            "~/.local/share/rdesktop/licenses.",
            heals=(CLIENT_LICENSE_REFUSED,),
        ),
        Remedy(
            f"On Windows with damaged keys: export {TERMINAL_SERVER}\\RCM, delete its values Certificate, X509 "
            "Certificate, X509 Certificate ID and X509 Certificate2, and restart; Windows makes them anew.",
            on="windows",
            heals=(LICENSE_KEYS_DAMAGED,),
        ),
        Remedy(
            "On Windows see that the edition takes remote connections (Home does not), and activate it: slmgr /ato.",
            on="windows",
            heals=(NOT_LICENSED,),
        ),
        Remedy(
            "An administrator gets in meanwhile without a license: mstsc /admin.",
            on="windows",
            heals=(NO_LICENSE_SERVER, NO_LICENSE_LEFT),
        ),
    ),
    user_sees=Sees(
        mstsc=(_LICENSING_ERROR, _LICENSING_TIMEOUT),
        rdesktop=("License error alert from server: No license server",),
    ),
    events=("System log: TerminalServices-RemoteConnectionManager 1069, 1028; TermService 1088, 1010, 1004",),
    source=(
        "[MS-RDPBCGR] 2.2.1.12.1.3, 2.2.5.1.1; Microsoft: Event ID 1069 and 1028, Remote Desktop Services Client "
        "Access License Availability; Microsoft KB2477176; Microsoft TechNet wiki 37870"
    ),
)

TWO_SESSIONS = Cause(
    "The two sessions that are meant for administration are taken.", "qwinsta on the server lists both.", on="windows"
)
SET_LIMIT = Cause(
    "The number of connections is limited by policy or setting.",
    f"MaxInstanceCount in {RDP_TCP} is small, or MaxInstanceCount of the policy is set.",
    on="windows",
)
DRAINED = Cause(
    "The server admits no new sessions: it is drained for maintenance.",
    "change logon /query on the server says so.",
    on="windows",
)
NO_MEMORY = Cause("The server has no memory left for another session.", "The error itself says so.")
NO_RIGHT = Cause(
    "Who connects has no right to: the probe has no account, and a server may turn that away.",
    "A member of the group Remote Desktop Users gets in.",
)

CONNECTION_LIMIT = Diagnosis(
    code="CONNECTION_LIMIT",
    severity="breaks_some",
    summary="The server turns the connection away because it admits no more: {error}.",
    title="The server turns the connection away: it admits no more, or gives no reason.",
    wire=(
        "Asked for with --licensing: the server sends a Set Error Info message that says that it admits no "
        "more connections, or that it denies this one."
    ),
    causes=(TWO_SESSIONS, SET_LIMIT, NO_RIGHT, DRAINED, NO_MEMORY),
    remedies=(
        Remedy(
            "On Windows end sessions that nobody uses: qwinsta /server:NAME lists them, logoff ID /server:NAME ends "
            "one with its unsaved work.",
            on="windows",
            heals=(TWO_SESSIONS, SET_LIMIT, NO_MEMORY),
        ),
        Remedy(
            "On Windows let sessions end by themselves: Remote Desktop Session Host, Session Time Limits, Set time "
            "limit for disconnected sessions, in Group Policy.",
            on="windows",
            heals=(TWO_SESSIONS,),
        ),
        Remedy(
            f"On Windows raise the limit: {_CONNECTIONS_POLICY}, Limit number of connections; or MaxInstanceCount in "
            f"{RDP_TCP} (0xffffffff: none).",
            on="windows",
            heals=(SET_LIMIT,),
        ),
        Remedy(
            "See that the users are members of the group Remote Desktop Users, and may log on through Remote Desktop "
            "Services.",
            heals=(NO_RIGHT,),
        ),
        Remedy("On Windows admit sessions again: change logon /enable.", on="windows", heals=(DRAINED,)),
        Remedy(
            "More than two users at a time on Windows Server need the role Remote Desktop Session Host, and licenses.",
            on="windows",
            heals=(TWO_SESSIONS,),
        ),
    ),
    source="[MS-RDPBCGR] 2.2.5.1.1; Microsoft KB2477176",
)
