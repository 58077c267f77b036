"""Entries of Windows event logs about Remote Desktop, its licensing and TLS."""

from __future__ import annotations

from probe.explain import causes as cause
from probe.explain.explanation import Explanation, Suspect

_RCM = ("TerminalServices-RemoteConnectionManager", "RemoteConnectionManager", "TermService")
_SCHANNEL = ("Schannel",)
_KB = "Microsoft KB 2477176: Troubleshoot Remote desktop disconnected errors"
_CERTIFICATES = "Microsoft TechNet ee890993: Remote Desktop Services Authentication and Encryption"
_TLS = "Microsoft: Schannel Events (dn786445)"
_EXPIRES = Suspect("The certificate runs out soon.", "Its last day is in the report.", "CERT_EXPIRES_SOON")


def event_row(
    event: int,
    sources: tuple[str, ...],
    meaning: str,
    source: str,
    *causes: Suspect,
    phrases: tuple[str, ...] = (),
    options: str = "",
    advice: str = "",
) -> Explanation:
    """One row: an event with the names that its source has in logs."""
    return Explanation(
        key=f"event-{sources[0].lower()}-{event}",
        kind="event",
        title=f"{event} ({sources[0]})",
        meaning=meaning,
        causes=causes,
        options=options,
        events=(event,),
        sources=sources,
        phrases=phrases,
        advice=advice,
        source=source,
    )


_PROTOCOL = (
    event_row(
        50,
        ("TermDD",),
        "The server got something on the RDP port that it could not read, and ended the connection. The component that "
        "the entry names (X.224, DATA ENCRYPTION) says at which stage.",
        _KB,
        cause.SCANNER,
        cause.LICENSE_CERTIFICATE,
        cause.LICENSE,
        cause.NO_METHOD,
        cause.FIPS_ONLY,
        cause.STANDARD_KEY,
        cause.ALTERED,
        cause.NETWORK,
        options="--licensing",
        phrases=(
            "The RDP protocol component X.224 detected an error in the protocol stream and has disconnected the client",
            "The RDP protocol component DATA ENCRYPTION detected an error in the protocol stream",
            "RDP 协议组件 X.224 在协议流中检测到了错误，并已断开连接客户端",
            "RDP 协议组件 X.224 在协议流中发现一个错误并且中断了客户端连接",
        ),
    ),
    event_row(
        56,
        ("TermDD",),
        "The server's security layer (TLS, CredSSP) found an error and ended the connection. The last four bytes of "
        "the entry's data, read backwards, are the reason: D0000184 stands for the NTSTATUS C0000184, for example.",
        "Microsoft Ask the Performance Team: The Curious Case of Event ID 56 with Source TermDD",
        cause.SCANNER,
        cause.TLS_OLD,
        cause.TLS_SUITES,
        cause.TLS_DIES,
        cause.CREDSSP_DIES,
        cause.WRONG_PASSWORD,
        cause.NETWORK,
        phrases=(
            "The Terminal Server security layer detected an error in the protocol stream",
            "终端服务器安全层在协议流中检测到错误，并已取消客户端连接",
            "终端服务器安全层在协议流中检测到错误，并已断开客户端连接",
        ),
    ),
    event_row(
        261,
        _RCM,
        "The listener got a connection. This is no error: it says that the network lets clients through.",
        "Microsoft: events of TerminalServices-RemoteConnectionManager, Operational",
        cause.SCANNER,
        phrases=("Listener RDP-Tcp received a connection", "侦听器 RDP-Tcp 已收到一个连接"),
    ),
    event_row(
        1149,
        _RCM,
        "NLA succeeded, or a client without NLA reached the logon screen: from here on it is not the handshake that "
        "fails.",
        "Microsoft: events of TerminalServices-RemoteConnectionManager, Operational",
        cause.ACCOUNT,
        cause.LICENSE,
        cause.CRASH,
        options="--licensing",
        phrases=(
            "Remote Desktop Services: User authentication succeeded",
            "远程桌面服务: 已成功进行用户身份验证",
        ),
    ),
    event_row(
        1006,
        _RCM,
        "Many connections came and were not completed: scanners, attackers guessing passwords, or clients that fail.",
        "Microsoft: events of TerminalServices-RemoteConnectionManager, Admin",
        cause.SCANNER,
        cause.TLS_DIES,
        cause.UNSTEADY,
        phrases=("received large number of incomplete connections", "收到大量不完整的连接"),
    ),
)

_SERVER_CERTIFICATE = (
    event_row(
        1050,
        _RCM,
        "Security layer and encryption level of the listener did not fit together, and the server changed them.",
        _CERTIFICATES,
        cause.NEEDS_TLS,
        cause.ONLY_STANDARD,
        cause.FIPS_ONLY,
    ),
    event_row(
        1051,
        _RCM,
        "The certificate chosen for the listener is not there or cannot be used; the server's own is used.",
        _CERTIFICATES,
        cause.SELF_SIGNED,
        cause.NO_CERTIFICATE,
    ),
    event_row(1052, _RCM, "The listener's certificate expires soon.", _CERTIFICATES, _EXPIRES, cause.EXPIRED),
    event_row(1053, _RCM, "The listener's certificate has expired.", _CERTIFICATES, cause.EXPIRED),
    event_row(
        1054, _RCM, "The listener's certificate is not meant for servers.", _CERTIFICATES, cause.USAGE, cause.TLS_DIES
    ),
    event_row(
        1055,
        _RCM,
        "The server cannot reach the private key of the listener's certificate, and uses its own one instead.",
        "Microsoft TechNet ee891233: Event ID 1055",
        cause.SELF_SIGNED,
        cause.TLS_DIES,
    ),
    event_row(
        1056,
        _RCM,
        "The server made itself a new self-signed certificate. This is no error; clients that know the old one warn.",
        "events of Microsoft-Windows-TerminalServices-RemoteConnectionManager",
        cause.SELF_SIGNED,
        phrases=("A new self signed certificate to be used for", "已生成新的自签名证书"),
    ),
    event_row(
        1057,
        _RCM,
        "The server could not make itself a new self-signed certificate, mostly because it may not write its key "
        "store.",
        _CERTIFICATES,
        cause.TLS_DIES,
        cause.NO_CERTIFICATE,
        cause.EXPIRED,
        phrases=("has failed to create a new self signed certificate", "无法创建新的自签名证书"),
    ),
    event_row(
        1058,
        _RCM,
        "The server could not replace its expired self-signed certificate, mostly because it may not read or write its "
        "key store (MachineKeys). The same number with the source GroupPolicy is about something else.",
        _CERTIFICATES,
        cause.EXPIRED,
        cause.TLS_DIES,
        cause.NO_CERTIFICATE,
        phrases=("has failed to replace the expired self signed certificate", "无法替换过期的自签名证书"),
    ),
    event_row(
        1059, _RCM, "The listener's certificate setting was not valid and was reset.", _CERTIFICATES, cause.SELF_SIGNED
    ),
    event_row(
        1064,
        _RCM,
        "The server could not get a certificate from the template that Group Policy names.",
        _CERTIFICATES,
        cause.SELF_SIGNED,
        cause.EXPIRED,
    ),
    event_row(
        1065,
        _RCM,
        "The server's certificate from a template has expired and could not be replaced.",
        "Microsoft TechNet cc775174: Event ID 1065",
        cause.EXPIRED,
    ),
)

_LICENSING = (
    event_row(
        1088,
        ("TermService", *_RCM[:2]),
        "The licensing grace period is over and the server has no license server.",
        _KB,
        cause.LICENSE,
        options="--licensing",
        phrases=(
            "The terminal services licensing grace period has expired",
            "The Remote Desktop Licensing grace period has expired",
            "授权宽限期已过",
            "许可证宽限期已过期",
            "远程桌面许可宽限期已过期",
        ),
    ),
    event_row(
        1004,
        ("TermService", *_RCM[:2]),
        "The server could not issue a license to the client.",
        _KB,
        cause.LICENSE,
        cause.LICENSE_CERTIFICATE,
        cause.LICENSE_STORE,
        options="--licensing",
        phrases=("cannot issue a client license", "终端服务器无法颁发客户端许可证", "无法颁发客户端许可证"),
    ),
    event_row(
        1003,
        _RCM,
        "The client showed a license that is not valid.",
        "Microsoft: events of TerminalServices-RemoteConnectionManager, Operational",
        cause.LICENSE_STORE,
        options="--licensing",
        phrases=("has provided an invalid license", "提供了无效的许可证"),
    ),
    event_row(
        1010,
        ("TermService", *_RCM[:2]),
        "The server found no license server.",
        _KB,
        cause.LICENSE,
        options="--licensing",
        phrases=("could not locate a license server", "找不到许可证服务器", "无法找到许可证服务器"),
    ),
    event_row(
        1028,
        _RCM,
        "The license that a client has stored could not be renewed, mostly because the server reaches no license "
        "server.",
        "Microsoft TechNet ee890984: Event ID 1028",
        cause.LICENSE,
        cause.LICENSE_STORE,
        options="--licensing",
        phrases=("because its license could not be renewed",),
    ),
    event_row(
        1068,
        _RCM,
        "No licensing mode is set on the server. It matters once the grace period is over.",
        "Microsoft: events of TerminalServices-RemoteConnectionManager, Admin",
        cause.LICENSE,
        options="--licensing",
        phrases=("Licensing mode has not been configured",),
    ),
    event_row(
        1069,
        _RCM,
        "The licensing grace period is over and no licensing mode is set on the server.",
        "Microsoft TechNet ee891144: Event ID 1069",
        cause.LICENSE,
        options="--licensing",
        phrases=("The RD Licensing grace period has expired and Licensing mode",),
    ),
    event_row(
        28,
        ("TermServLicensing",),
        "The license server can only run on a domain controller or in a workgroup.",
        _KB,
        cause.LICENSE,
        options="--licensing",
        phrases=("Terminal Services Licensing can only be run on Domain Controllers or Server in a Workgroup",),
    ),
)

_TLS_EVENTS = (
    event_row(
        36870,
        _SCHANNEL,
        "Windows could not use a certificate's private key. With Remote Desktop: every TLS handshake dies.",
        _TLS,
        cause.TLS_DIES,
        cause.OTHER_TLS,
        phrases=(
            "A fatal error occurred when attempting to access the TLS server credential private key",
            "A fatal error occurred when attempting to access the SSL server credential private key",
            "尝试访问 TLS 服务器凭据私钥时发生严重错误",
            "尝试访问 SSL 服务器凭据私钥时发生严重错误",
        ),
    ),
    event_row(
        36871,
        _SCHANNEL,
        "Windows could not set TLS up: its versions are disabled, or a certificate's key cannot be used. With the "
        "words client credential it is about a program that connects elsewhere.",
        _TLS,
        cause.TLS_DIES,
        cause.TLS_OLD,
        cause.OTHER_TLS,
        phrases=(
            "A fatal error occurred while creating a TLS server credential",
            "A fatal error occurred while creating a TLS client credential",
            "创建 TLS 服务器凭据时发生严重错误",
            "创建 TLS 客户端凭据时发生严重错误",
            "创建 SSL 服务器凭据时发生严重错误",
        ),
    ),
    event_row(
        36872,
        _SCHANNEL,
        "Windows has no default certificate for TLS. Remote Desktop uses its own, so this is mostly another service.",
        _TLS,
        cause.OTHER_TLS,
        cause.NO_CERTIFICATE,
    ),
    event_row(
        36874,
        _SCHANNEL,
        "A client asked for TLS and offered no cipher suite that the server has.",
        _TLS,
        cause.TLS_SUITES,
        cause.TLS_OLD,
        cause.SCANNER,
        cause.OTHER_TLS,
        options="--depth full",
        phrases=(
            "none of the cipher suites supported by the client application are supported by the server",
            "服务器不支持客户端应用程序支持的任何密码套件",
            "服务器不支持客户端支持的任何密码套件",
        ),
    ),
    event_row(
        36887,
        _SCHANNEL,
        "The other side sent a fatal TLS alert; its number says why.",
        _TLS,
        cause.SELF_SIGNED,
        cause.UNTRUSTED,
        cause.TLS_OLD,
        cause.OTHER_TLS,
        phrases=("A fatal alert was received from the remote endpoint", "从远程终结点接收到一个严重警告"),
    ),
    event_row(
        36888,
        _SCHANNEL,
        "Windows ended a TLS handshake with a fatal alert; its number says why: 40 no cipher suite, 70 no version, 80 "
        "a fault of its own.",
        _TLS,
        cause.TLS_SUITES,
        cause.TLS_OLD,
        cause.TLS_DIES,
        cause.SCANNER,
        cause.OTHER_TLS,
        phrases=(
            "A fatal alert was generated and sent to the remote endpoint",
            "The following fatal alert was generated",
            "生成了一个严重警告并将其发送到远程终结点",
            "生成以下严重警告",
        ),
    ),
)

ROWS: tuple[Explanation, ...] = (*_PROTOCOL, *_SERVER_CERTIFICATE, *_LICENSING, *_TLS_EVENTS)
