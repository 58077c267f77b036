"""Codes of Remote Desktop Connection about an RD Gateway, and about programs published through RemoteApp."""

from __future__ import annotations

from probe.explain import causes as cause
from probe.explain.explanation import Explanation, Suspect

_LISTED = "Microsoft TechNet Wiki 37870: Remote Desktop Client disconnect codes and reasons; NETworkManager's list"
_POLICY = Suspect(
    "A policy of the gateway (CAP or RAP) does not allow this user, computer or target.",
    "Events 201 and 301 of TerminalServices-Gateway on the gateway name it. This cannot be seen from outside.",
)
_GATEWAY_CERTIFICATE = Suspect(
    "The gateway's certificate is expired, revoked, untrusted or for another name.",
    "Open https://GATEWAY/ in a browser and look at its certificate.",
)
_GATEWAY_DOWN = Suspect(
    "The gateway cannot be reached, or its service does not run.",
    "Asked with --gateway on the gateway itself, none answers on port 443.",
    "GATEWAY_UNREACHABLE",
)
_PROXY = Suspect("A web proxy before the gateway wants a logon.", "It works from a network without the proxy.")

_CERTIFICATE = "The client does not accept the gateway's certificate."
_UNREACHABLE = "The gateway could not be reached, or did not answer."
_CREDENTIALS = "The gateway does not accept the credentials or the smart card."
_ENDED = "The gateway ended the connection."
_NOT_ALLOWED = "The gateway does not allow this user, this computer or this target."
_TARGET = "The gateway could not connect to the computer behind it."
_CLIENT = "Something that the client needs for gateways is missing or out of order."

_CODES: tuple[tuple[str, tuple[Suspect, ...], tuple[int, ...]], ...] = (
    (_CERTIFICATE, (_GATEWAY_CERTIFICATE, cause.REVOKED), (0x2, 0x3, 0x4, 0x5, 0x6, 0x7)),
    (_UNREACHABLE, (_GATEWAY_DOWN, cause.NETWORK), (0x9, 0xA, 0xC, 0xD, 0xF)),
    (_CREDENTIALS, (cause.WRONG_PASSWORD, cause.ACCOUNT), (0x1, 0xB, 0x15, 0x1A, 0x21, 0x2B, 0x2C)),
    (_ENDED, (_POLICY, cause.NETWORK), (0x18, 0x19, 0x22)),
    (_NOT_ALLOWED, (_POLICY, cause.ACCOUNT), (0x1B, 0x1C, 0x1F)),
    (_TARGET, (cause.REFUSED, cause.FILTERED, cause.NAME, cause.GATEWAY), (0x8,)),
    ("A web proxy between client and gateway wants a logon.", (_PROXY,), (0x20,)),
    (_CLIENT, (cause.CLIENT_FAULT,), (0xE, 0x10, 0x11, 0x12, 0x13, 0x14, 0x17)),
)
_PHRASES = {
    0x3: (
        "The requested Remote Desktop Gateway server address and the server SSL certificate subject name do not match",
        "远程桌面网关服务器地址与证书使用者名称不匹配",
    ),
    0x5: ("This computer can't verify the identity of the RD Gateway", "此计算机无法验证 RD 网关的身份"),
    0x8: ("an error occurred on the remote computer that you want to connect to",),
    0xC: (
        "the Remote Desktop Gateway server address is unreachable or incorrect",
        "远程桌面网关服务器地址无法访问或不正确",
    ),
    0xD: ("the Remote Desktop Gateway server is temporarily unavailable", "远程桌面网关服务器暂时不可用"),
    0x18: ("The Remote Desktop Gateway server has ended the connection",),
    0x1B: (
        "Your user account is not listed in the RD Gateway's permission list",
        "你的用户帐户未列在 RD 网关的权限列表中",
    ),
    0x1C: ("Your user account is not authorized to access the RD Gateway", "你的用户帐户无权访问 RD 网关"),
    0x20: ("the web proxy server requires authentication",),
}

ROWS: tuple[Explanation, ...] = (
    *(
        Explanation(
            key=f"gateway-0x{0x3000000 + low:x}",
            kind="gateway",
            title=f"0x{0x3000000 + low:x} ({0x3000000 + low})",
            meaning=meaning,
            causes=causes,
            options="--gateway",
            numbers=(0x3000000 + low,),
            phrases=_PHRASES.get(low, ()),
            source=_LISTED,
        )
        for meaning, causes, lows in _CODES
        for low in lows
    ),
    Explanation(
        key="gateway-0x2000001",
        kind="gateway",
        title="0x2000001 (33554433)",
        meaning="The client could not get back to the published program (RemoteApp).",
        causes=(cause.STALE_SESSION, cause.BROKER),
        numbers=(0x2000001,),
        phrases=("Failed to reconnect to the remote program",),
        source=_LISTED,
    ),
    Explanation(
        key="gateway-0x2000002",
        kind="gateway",
        title="0x2000002 (33554434)",
        meaning="The server publishes no programs (RemoteApp).",
        causes=(cause.CLIENT_FAULT,),
        numbers=(0x2000002,),
        phrases=("The remote computer does not support RemoteApp",),
        source=_LISTED,
    ),
)
