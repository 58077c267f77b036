"""Reasons that a server gives for ending a connection: codes of the Set Error Info PDU.

Remote Desktop Connection shows them as the extended error code, FreeRDP by their ERRINFO names.
"""

from __future__ import annotations

from probe.explain import causes as cause
from probe.explain.explanation import Explanation, Suspect

_SPECIFIED = "[MS-RDPBCGR] 2.2.5.1.1; Microsoft Learn: ExtendedDisconnectReasonCode"
_LICENSING = (cause.LICENSE, cause.LICENSE_STORE, cause.LICENSE_CERTIFICATE)
_POLICY_LIMIT = Suspect(
    "A time limit for sessions is set on the server.",
    "Group Policy, Remote Desktop Session Host, Session Time Limits. This cannot be seen from outside.",
)
_OTHER_LOGON = Suspect(
    "Somebody logged on to the same session from elsewhere.",
    "Events 24 and 25 of TerminalServices-LocalSessionManager name the address. This cannot be seen from outside.",
)
_NO_MEMORY = Suspect(
    "The server has no memory left for another session.",
    "Asked with --licensing, it says so; its Task Manager tells.",
    "CONNECTION_LIMIT",
)
_NO_RIGHT = Suspect(
    "The account may not log on through Remote Desktop: it is in neither Administrators nor Remote Desktop Users, or "
    "a user rights assignment denies it.",
    "Local Security Policy, User Rights Assignment, Allow and Deny log on through Remote Desktop Services. This cannot "
    "be seen from outside.",
)


def _reason(
    number: int,
    names: tuple[str, ...],
    meaning: str,
    *causes: Suspect,
    phrases: tuple[str, ...] = (),
    options: str = "",
    source: str = _SPECIFIED,
) -> Explanation:
    return Explanation(
        key=f"reason-0x{number:x}",
        kind="reason",
        title=f"0x{number:x} ({number}) {names[0]}",
        meaning=meaning,
        causes=causes,
        options=options,
        numbers=(number,),
        names=names,
        phrases=phrases,
        source=source,
    )


_SESSION = (
    _reason(
        0x1,
        ("ERRINFO_RPC_INITIATED_DISCONNECT", "exDiscReasonAPIInitiatedDisconnect"),
        "A program on the server ended the connection.",
        cause.ADMINISTRATOR,
    ),
    _reason(
        0x2,
        ("ERRINFO_RPC_INITIATED_LOGOFF", "exDiscReasonAPIInitiatedLogoff"),
        "A program on the server logged the user off.",
        cause.ADMINISTRATOR,
    ),
    _reason(
        0x3,
        ("ERRINFO_IDLE_TIMEOUT", "exDiscReasonServerIdleTimeout"),
        "The session was idle for longer than the server allows.",
        _POLICY_LIMIT,
        phrases=("Remote session was ended because the idle timeout limit was reached", "已达到空闲会话限制"),
    ),
    _reason(
        0x4,
        ("ERRINFO_LOGON_TIMEOUT", "exDiscReasonServerLogonTimeout"),
        "The time that the server allows for a session is over.",
        _POLICY_LIMIT,
        phrases=("the total login time limit was reached", "已达到总登录时间限制"),
    ),
    _reason(
        0x5,
        ("ERRINFO_DISCONNECTED_BY_OTHERCONNECTION", "exDiscReasonReplacedByOtherConnection"),
        "Another connection took the session over.",
        _OTHER_LOGON,
        phrases=(
            "Another user connected to the remote computer, so your connection was lost",
            "另一用户已连接到此远程计算机，因此你的连接已丢失",
            "另一用户与远程计算机连接，因此您的连接已丢失",
        ),
    ),
    _reason(
        0x6,
        ("ERRINFO_OUT_OF_MEMORY", "exDiscReasonOutOfMemory"),
        "The server ran out of memory.",
        _NO_MEMORY,
        options="--licensing",
    ),
    _reason(
        0x7,
        ("ERRINFO_SERVER_DENIED_CONNECTION", "exDiscReasonServerDeniedConnection"),
        "The server refused the connection, without a finer reason.",
        cause.LIMIT,
        _NO_RIGHT,
        cause.LICENSE,
        options="--licensing",
    ),
    _reason(
        0x8,
        ("exDiscReasonServerDeniedConnectionFips",),
        "The server refused the connection because of FIPS encryption.",
        cause.FIPS_ONLY,
        source="Microsoft Learn: ExtendedDisconnectReasonCode",
    ),
    _reason(
        0x9,
        ("ERRINFO_SERVER_INSUFFICIENT_PRIVILEGES", "exDiscReasonServerInsufficientPrivileges"),
        "The account may not connect through Remote Desktop.",
        _NO_RIGHT,
        phrases=(
            "The connection was denied because the user account is not authorized for remote login",
            "To sign in remotely, you need the right to sign in through Remote Desktop Services",
            "you must be granted the Allow log on through Terminal Services right",
            "连接被拒绝，因为没有授权此用户帐户进行远程登录",
            "要远程登录，你需要具有通过远程桌面服务进行登录的权限",
            "要登录到这台远程计算机，您必须被授予允许通过终端服务登录的权限",
        ),
    ),
    _reason(
        0xA,
        ("ERRINFO_SERVER_FRESH_CREDENTIALS_REQUIRED", "exDiscReasonServerFreshCredsRequired"),
        "The server takes no saved passwords.",
        cause.CLIENT_POLICY,
    ),
    _reason(
        0xB,
        ("ERRINFO_RPC_INITIATED_DISCONNECT_BYUSER", "exDiscReasonRpcInitiatedDisconnectByUser"),
        "A program in the user's own session ended the connection.",
        cause.ADMINISTRATOR,
    ),
    _reason(0xC, ("ERRINFO_LOGOFF_BY_USER", "exDiscReasonLogoffByUser"), "The user logged off. This is no error."),
    *(
        _reason(number, (name,), "Something that the session needs failed on the server.", cause.CRASH)
        for number, name in (
            (0xF, "ERRINFO_CLOSE_STACK_ON_DRIVER_NOT_READY"),
            (0x10, "ERRINFO_SERVER_DWM_CRASH"),
            (0x11, "ERRINFO_CLOSE_STACK_ON_DRIVER_FAILURE"),
            (0x12, "ERRINFO_CLOSE_STACK_ON_DRIVER_IFACE_FAILURE"),
            (0x17, "ERRINFO_SERVER_WINLOGON_CRASH"),
            (0x18, "ERRINFO_SERVER_CSRSS_CRASH"),
        )
    ),
    *(
        _reason(number, (name,), "The server is shutting down or restarting.", cause.ADMINISTRATOR, cause.REFUSED)
        for number, name in ((0x19, "ERRINFO_SERVER_SHUTDOWN"), (0x1A, "ERRINFO_SERVER_REBOOT"))
    ),
)

_LICENSES = (
    _reason(
        0x100,
        ("ERRINFO_LICENSE_INTERNAL", "exDiscReasonLicenseInternal"),
        "The server's licensing component failed.",
        *_LICENSING,
        options="--licensing",
    ),
    _reason(
        0x101,
        ("ERRINFO_LICENSE_NO_LICENSE_SERVER", "exDiscReasonLicenseNoLicenseServer"),
        "The server reached no license server, and its grace period is over.",
        cause.LICENSE,
        options="--licensing",
        phrases=(
            (
                "The remote session was disconnected because there are no Remote Desktop License Servers available to "
                "provide a license"
            ),
            "no Remote Desktop License Servers available",
            "no Terminal Server License Servers available",
            "由于没有远程桌面授权服务器可以提供许可证，远程会话被中断",
            "由于没有远程桌面许可证服务器可以提供许可证，远程会话已断开连接",
            "由于没有终端服务器授权服务器可以提供许可证",
            "没有远程桌面授权服务器",
        ),
    ),
    _reason(
        0x102,
        ("ERRINFO_LICENSE_NO_LICENSE", "exDiscReasonLicenseNoLicense"),
        "There is no client access license for this computer or user.",
        *_LICENSING,
        options="--licensing",
        phrases=(
            "there are no Remote Desktop client access licenses available for this computer",
            "由于此计算机没有远程桌面客户端访问许可证，远程会话被中断",
            "由于此计算机没有可用的远程桌面客户端访问许可证，远程会话已断开连接",
            "由于这台计算机没有终端服务器客户端访问许可证",
        ),
    ),
    *(
        _reason(number, names, meaning, cause.LICENSE_STORE, cause.LICENSE, options="--licensing")
        for number, names, meaning in (
            (
                0x103,
                ("ERRINFO_LICENSE_BAD_CLIENT_MSG", "exDiscReasonLicenseErrClientMsg"),
                "The server got a licensing message from the client that was not valid.",
            ),
            (
                0x104,
                ("ERRINFO_LICENSE_HWID_DOESNT_MATCH_LICENSE", "exDiscReasonLicenseHwidDoesntMatchLicense"),
                "The license that the client has stored was issued to another computer, or was changed.",
            ),
            (
                0x105,
                ("ERRINFO_LICENSE_BAD_CLIENT_LICENSE", "exDiscReasonLicenseErrClientLicense"),
                "The license that the client has stored cannot be used.",
            ),
            (
                0x107,
                ("ERRINFO_LICENSE_CLIENT_ENDED_PROTOCOL", "exDiscReasonLicenseClientEndedProtocol"),
                "The client broke the licensing phase off.",
            ),
            (
                0x108,
                ("ERRINFO_LICENSE_BAD_CLIENT_ENCRYPTION", "exDiscReasonLicenseErrClientEncryption"),
                "A licensing message of the client was encrypted wrongly.",
            ),
            (
                0x109,
                ("ERRINFO_LICENSE_CANT_UPGRADE_LICENSE", "exDiscReasonLicenseCantUpgradeLicense"),
                "The license that the client has stored could not be renewed.",
            ),
        )
    ),
    _reason(
        0x106,
        ("ERRINFO_LICENSE_CANT_FINISH_PROTOCOL", "exDiscReasonLicenseCantFinishProtocol"),
        "The network failed during the licensing phase.",
        cause.NETWORK,
        cause.LICENSE,
        options="--licensing",
    ),
    _reason(
        0x10A,
        ("ERRINFO_LICENSE_NO_REMOTE_CONNECTIONS", "exDiscReasonLicenseNoRemoteConnections"),
        "The server is not licensed to take remote connections.",
        cause.LICENSE,
        options="--licensing",
    ),
    _reason(
        0x10B,
        ("exDiscReasonLicenseCreatingLicStoreAccDenied",),
        "The client may not create its license store in the registry.",
        cause.LICENSE_STORE,
        phrases=("license store creation failed with access denied", "许可证存储创建失败", "创建许可证存储失败"),
        source="Microsoft Learn: ExtendedDisconnectReasonCode",
    ),
    _reason(
        0x300,
        ("exDiscReasonRdpEncInvalidCredentials",),
        "The credentials are not valid.",
        cause.WRONG_PASSWORD,
        source="Microsoft Learn: ExtendedDisconnectReasonCode",
    ),
)

_BROKERED = (
    _reason(
        0x410,
        ("ERRINFO_CB_CONNECTION_ERROR_INVALID_SETTINGS",),
        "The Connection Broker does not take the routing token that was sent to it.",
        cause.BROKER,
    ),
    _reason(
        0x408,
        ("ERRINFO_CB_DESTINATION_POOL_NOT_FREE",),
        "The Connection Broker's pool has no machine free for another session.",
        cause.LIMIT,
        cause.BROKER,
        options="--licensing",
    ),
    *(
        _reason(
            number,
            (f"ERRINFO_CB_{name}",),
            "The Connection Broker could not lead the client to a session.",
            cause.BROKER,
        )
        for number, name in (
            (0x400, "DESTINATION_NOT_FOUND"),
            (0x402, "LOADING_DESTINATION"),
            (0x404, "REDIRECTING_TO_DESTINATION"),
            (0x405, "SESSION_ONLINE_VM_WAKE"),
            (0x406, "SESSION_ONLINE_VM_BOOT"),
            (0x407, "SESSION_ONLINE_VM_NO_DNS"),
            (0x409, "CONNECTION_CANCELLED"),
            (0x411, "SESSION_ONLINE_VM_BOOT_TIMEOUT"),
            (0x412, "SESSION_ONLINE_VM_SESSMON_FAILED"),
        )
    ),
)

_GRAPHICS = tuple(
    _reason(
        number,
        (f"ERRINFO_{name}",),
        "The server could not set up or go on with the session's graphics.",
        cause.CRASH,
        cause.CLIENT_FAULT,
    )
    for number, name in (
        (0x112D, "GRAPHICSMODENOTSUPPORTED"),
        (0x112E, "GRAPHICSSUBSYSTEMRESETFAILED"),
        (0x112F, "GRAPHICSSUBSYSTEMFAILED"),
    )
)

# What the server calls wrong in the client's messages: number and name without ERRINFO_.
_FAULTS = """
10C9 UNKNOWNPDUTYPE2; 10CA UNKNOWNPDUTYPE; 10CB DATAPDUSEQUENCE; 10CD CONTROLPDUSEQUENCE;
10CE INVALIDCONTROLPDUACTION; 10CF INVALIDINPUTPDUTYPE; 10D0 INVALIDINPUTPDUMOUSE; 10D1 INVALIDREFRESHRECTPDU;
10D2 CREATEUSERDATAFAILED; 10D3 CONNECTFAILED; 10D4 CONFIRMACTIVEWRONGSHAREID;
10D5 CONFIRMACTIVEWRONGORIGINATOR; 10DA PERSISTENTKEYPDUBADLENGTH; 10DB PERSISTENTKEYPDUILLEGALFIRST;
10DC PERSISTENTKEYPDUTOOMANYTOTALKEYS; 10DD PERSISTENTKEYPDUTOOMANYCACHEKEYS; 10DE INPUTPDUBADLENGTH;
10DF BITMAPCACHEERRORPDUBADLENGTH; 10E0 SECURITYDATATOOSHORT; 10E1 VCHANNELDATATOOSHORT;
10E2 SHAREDATATOOSHORT; 10E3 BADSUPRESSOUTPUTPDU; 10E5 CONFIRMACTIVEPDUTOOSHORT; 10E7 CAPABILITYSETTOOSMALL;
10E8 CAPABILITYSETTOOLARGE; 10E9 NOCURSORCACHE; 10EA BADCAPABILITIES; 10EC VIRTUALCHANNELDECOMPRESSIONERR;
10ED INVALIDVCCOMPRESSIONTYPE; 10EF INVALIDCHANNELID; 10F0 VCHANNELSTOOMANY; 10F3 REMOTEAPPSNOTENABLED;
10F4 CACHECAPNOTSET; 10F5 BITMAPCACHEERRORPDUBADLENGTH2; 10F6 OFFSCRCACHEERRORPDUBADLENGTH;
10F7 DNGCACHEERRORPDUBADLENGTH; 10F8 GDIPLUSPDUBADLENGTH; 1129 BADMONITORDATA;
112A VCDECOMPRESSEDREASSEMBLEFAILED; 112B VCDATATOOLONG; 112C BAD_FRAME_ACK_DATA;
1130 TIMEZONEKEYNAMELENGTHTOOSHORT; 1131 TIMEZONEKEYNAMELENGTHTOOLONG; 1132 DYNAMICDSTDISABLEDFIELDMISSING;
1133 VCDECODINGERROR; 1134 VIRTUALDESKTOPTOOLARGE; 1135 MONITORGEOMETRYVALIDATIONFAILED;
1136 INVALIDMONITORCOUNT; 1191 UPDATESESSIONKEYFAILED; 1192 DECRYPTFAILED; 1193 ENCRYPTFAILED;
1194 ENCPKGMISMATCH; 1195 DECRYPTFAILED2
"""
_TOO_SHORT = tuple((0x1111 + number, f"SECURITYDATATOOSHORT{number + 2}") for number in range(22))

_PROTOCOL = tuple(
    _reason(
        number,
        (f"ERRINFO_{name}",),
        "The server found an error in the client's messages and ended the session; the name says in which one.",
        cause.CLIENT_FAULT,
        cause.ALTERED,
        cause.NETWORK,
    )
    for number, name in (
        *((int(each.split()[0], 16), each.split()[1]) for each in _FAULTS.split(";")),
        *_TOO_SHORT,
    )
)

ROWS: tuple[Explanation, ...] = (*_SESSION, *_LICENSES, *_BROKERED, *_GRAPHICS, *_PROTOCOL)
