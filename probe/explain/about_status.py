"""Status codes of Windows: NTSTATUS, SSPI (SEC_E) and other HRESULTs, and Winsock errors."""

from __future__ import annotations

from probe.explain import causes as cause
from probe.explain.explanation import Explanation, Suspect

_CODES = "[MS-ERREF] 2.1 and 2.3"
_SOCKETS = "Microsoft Learn: Windows Sockets Error Codes"
_REFUSED_ACCOUNT = "The logon was refused because of the account, its password or its rights."
_ETYPE = Suspect(
    "The account of the user or the server has no keys of that kind (msDS-SupportedEncryptionTypes), or a policy "
    "forbids it.",
    "The domain controller's System log: Kerberos-Key-Distribution-Center. This cannot be seen from outside.",
)
_NETLOGON = Suspect(
    "The Netlogon service does not run on that computer.",
    "Get-Service Netlogon on it tells. This cannot be seen from outside.",
)
_BINDING = Suspect(
    "A device in between opens TLS, so that the channel does not fit the authentication.",
    "The certificate differs when it is asked from elsewhere; Extended Protection then refuses.",
    "CERT_VARIES",
)


def _status(
    number: int,
    name: str,
    meaning: str,
    *causes: Suspect,
    phrases: tuple[str, ...] = (),
    options: str = "",
    source: str = _CODES,
) -> Explanation:
    shown = f"0x{number:08X}" if number > 0xFFFF else str(number)
    return Explanation(
        key=f"status-{shown.lower()}",
        kind="status",
        title=f"{shown} {name}",
        meaning=meaning,
        causes=causes,
        options=options,
        numbers=(number,),
        names=(name,),
        phrases=phrases,
        source=source,
    )


_SECURITY = (
    _status(
        0x80090302,
        "SEC_E_UNSUPPORTED_FUNCTION",
        "The other side asked for something that this one does not do: TLS versions that do not meet, or an unpatched "
        "CredSSP.",
        cause.CREDSSP_OLD,
        cause.TLS_OLD,
        cause.TLS_NEW,
        cause.CLIENT_UNPATCHED,
    ),
    _status(
        0x80090303,
        "SEC_E_TARGET_UNKNOWN",
        "The computer's name is not known to the domain (no TERMSRV service name).",
        cause.NO_DC,
        cause.NO_NTLM,
        cause.NAME,
    ),
    _status(
        0x80090304,
        "SEC_E_INTERNAL_ERROR",
        "The Local Security Authority cannot be reached; Schannel also says so for TLS alert 80.",
        cause.TLS_DIES,
        cause.NO_DC,
        cause.CREDSSP_DIES,
    ),
    _status(
        0x80090308,
        "SEC_E_INVALID_TOKEN",
        "What came from the other side cannot be read as part of TLS or of an authentication.",
        cause.OTHER_SERVICE,
        cause.TLS_DIES,
        cause.CREDSSP_DIES,
        cause.ALTERED,
        phrases=("The token supplied to the function is invalid", "给函数提供的标志无效", "提供给函数的令牌无效"),
    ),
    _status(
        0x8009030C,
        "SEC_E_LOGON_DENIED",
        "The logon attempt failed.",
        cause.WRONG_PASSWORD,
        cause.ACCOUNT,
        cause.NO_NTLM,
    ),
    _status(
        0x8009030D,
        "SEC_E_UNKNOWN_CREDENTIALS",
        "Windows cannot use these credentials or this certificate's private key.",
        cause.TLS_DIES,
        cause.CLIENT_FAULT,
    ),
    _status(0x8009030E, "SEC_E_NO_CREDENTIALS", "There are no credentials to authenticate with.", cause.CLIENT_FAULT),
    _status(
        0x8009030F,
        "SEC_E_MESSAGE_ALTERED",
        "A message was changed on its way, or the two sides work with different keys.",
        cause.ALTERED,
        cause.NETWORK,
        _BINDING,
    ),
    _status(
        0x80090311,
        "SEC_E_NO_AUTHENTICATING_AUTHORITY",
        "No authority could be reached for authentication.",
        cause.NO_DC,
        cause.NO_NTLM,
        cause.CLOCK,
    ),
    _status(
        0x80090322,
        "SEC_E_WRONG_PRINCIPAL",
        "The server is not the one that the name belongs to in the domain.",
        cause.WRONG_NAME,
        cause.SEVERAL,
        cause.NO_DC,
        phrases=("The target principal name is incorrect", "目标主体名称不正确"),
    ),
    _status(0x80090324, "SEC_E_TIME_SKEW", "The clocks of client and server differ too much.", cause.CLOCK),
    _status(
        0x80090325,
        "SEC_E_UNTRUSTED_ROOT",
        "The certificate's chain ends in an authority that is not trusted.",
        cause.UNTRUSTED,
        cause.SELF_SIGNED,
        cause.CHAIN,
    ),
    _status(
        0x80090326,
        "SEC_E_ILLEGAL_MESSAGE",
        "A message of TLS was unexpected or broken; Schannel also says so for the alerts 10, 40, 47 and 50.",
        cause.TLS_SUITES,
        cause.TLS_DIES,
        cause.OTHER_SERVICE,
        cause.TLS_PICKY,
        phrases=("The message received was unexpected or badly formatted", "接收到的消息异常，或格式不正确"),
    ),
    _status(
        0x80090327,
        "SEC_E_CERT_UNKNOWN",
        "The certificate could not be processed.",
        cause.USAGE,
        cause.WEAK_KEY,
        cause.CHAIN,
        cause.REVOKED,
    ),
    _status(0x80090328, "SEC_E_CERT_EXPIRED", "The certificate has expired.", cause.EXPIRED, cause.CLOCK),
    _status(
        0x80090330,
        "SEC_E_DECRYPT_FAILURE",
        "A message of TLS could not be decrypted.",
        cause.NETWORK,
        cause.ALTERED,
        cause.TLS_DIES,
    ),
    _status(
        0x80090331,
        "SEC_E_ALGORITHM_MISMATCH",
        "Client and server have no algorithm in common.",
        cause.TLS_SUITES,
        cause.TLS_OLD,
        cause.TLS_NEW,
        options="--depth full",
        phrases=(
            "The client and server cannot communicate, because they do not possess a common algorithm",
            "客户端和服务器无法通信，因为它们没有共同的算法",
            "客户端和服务器不能通信，因为它们不具备相同的算法",
            "没有通用的算法",
        ),
    ),
    _status(
        0x80090342,
        "SEC_E_KDC_UNKNOWN_ETYPE",
        "The domain controller does not support the kind of Kerberos encryption that was asked for.",
        _ETYPE,
        phrases=("The encryption type requested is not supported by the KDC", "KDC 不支持请求的加密类型"),
    ),
    _status(
        0x80090346,
        "SEC_E_BAD_BINDINGS",
        "The authentication does not belong to this TLS connection (channel binding).",
        _BINDING,
        cause.ALTERED,
        cause.CLIENT_POLICY,
    ),
    _status(0x80090349, "SEC_E_CERT_WRONG_USAGE", "The certificate is not meant for this use.", cause.USAGE),
    _status(
        0x80090350,
        "SEC_E_DOWNGRADE_DETECTED",
        "Windows suspects that something forces a weaker authentication; mostly no domain controller is in reach.",
        cause.NO_DC,
        cause.ALTERED,
        phrases=("The system cannot contact a domain controller to service the authentication request",),
    ),
)

_NT = (
    _status(
        0xC000006D,
        "STATUS_LOGON_FAILURE",
        _REFUSED_ACCOUNT,
        cause.WRONG_PASSWORD,
        cause.NO_NTLM,
        cause.ACCOUNT,
    ),
    *(
        _status(number, name, meaning, why)
        for number, name, meaning, why in (
            (0xC0000064, "STATUS_NO_SUCH_USER", "There is no account of that name.", cause.WRONG_PASSWORD),
            (0xC000006A, "STATUS_WRONG_PASSWORD", "The password is wrong.", cause.WRONG_PASSWORD),
            (
                0xC000006E,
                "STATUS_ACCOUNT_RESTRICTION",
                "A restriction of the account forbids this logon: hours, an empty password, Protected Users.",
                cause.ACCOUNT,
            ),
            (0xC000006F, "STATUS_INVALID_LOGON_HOURS", "The account may not log on at this time.", cause.ACCOUNT),
            (
                0xC0000070,
                "STATUS_INVALID_WORKSTATION",
                "The account may not log on from this computer.",
                cause.ACCOUNT,
            ),
            (0xC0000071, "STATUS_PASSWORD_EXPIRED", "The account's password has expired.", cause.ACCOUNT),
            (0xC0000072, "STATUS_ACCOUNT_DISABLED", "The account is disabled.", cause.ACCOUNT),
            (
                0xC000015B,
                "STATUS_LOGON_TYPE_NOT_GRANTED",
                "The account lacks the right to this kind of logon.",
                cause.ACCOUNT,
            ),
            (0xC0000193, "STATUS_ACCOUNT_EXPIRED", "The account has expired.", cause.ACCOUNT),
            (
                0xC0000224,
                "STATUS_PASSWORD_MUST_CHANGE",
                "The password must be changed before the first logon, which NLA does not offer.",
                cause.ACCOUNT,
            ),
            (
                0xC0000234,
                "STATUS_ACCOUNT_LOCKED_OUT",
                "The account is locked after too many attempts.",
                cause.ACCOUNT,
            ),
        )
    ),
    _status(
        0xC000005E,
        "STATUS_NO_LOGON_SERVERS",
        "No domain controller answered for this account.",
        cause.NO_DC,
        phrases=(
            "There are currently no logon servers available to service the logon request",
            "目前没有登录服务器可用于处理登录请求",
            "当前没有可用的登录服务器处理登录请求",
        ),
    ),
    _status(
        0xC000018D,
        "STATUS_TRUSTED_RELATIONSHIP_FAILURE",
        "The trust between the computer and its domain failed.",
        cause.NO_TRUST,
    ),
    _status(
        0xC000018C,
        "STATUS_TRUSTED_DOMAIN_FAILURE",
        "The trust between the computer's domain and the account's domain failed.",
        cause.NO_TRUST,
    ),
    _status(
        0xC000018B,
        "STATUS_NO_TRUST_SAM_ACCOUNT",
        "The domain has no account for this computer's trust.",
        cause.NO_TRUST,
        phrases=(
            "The trust relationship between this workstation and the primary domain failed",
            "此工作站和主域间的信任关系失败",
            "该工作站和主域之间的信任关系失败",
        ),
    ),
    _status(
        0xC0000192,
        "STATUS_NETLOGON_NOT_STARTED",
        "The Netlogon service was not started.",
        _NETLOGON,
    ),
    _status(
        0xC0000133,
        "STATUS_TIME_DIFFERENCE_AT_DC",
        "The clock of the domain controller and the computer's are too far apart.",
        cause.CLOCK,
    ),
    _status(
        0xC0000418,
        "STATUS_NTLM_BLOCKED",
        "NTLM is forbidden there.",
        cause.NO_NTLM,
        cause.NO_DC,
        phrases=("NTLM was blocked", "NTLM 被阻止", "NTLM 身份验证已被阻止"),
    ),
    _status(
        0xC0000022,
        "STATUS_ACCESS_DENIED",
        "Access was denied.",
        cause.ACCOUNT,
        cause.CLIENT_POLICY,
        cause.NO_NTLM,
    ),
    _status(
        0xC00000B5,
        "STATUS_IO_TIMEOUT",
        "The connection timed out (event 56 names this one).",
        cause.NETWORK,
        cause.FILTERED,
        cause.SCANNER,
    ),
    _status(
        0xC0000184,
        "STATUS_INVALID_DEVICE_STATE",
        "The server wanted to send after the connection had gone; it does not say why it went.",
        cause.NETWORK,
        cause.SCANNER,
        cause.UNSTEADY,
    ),
    _status(
        0xC000020D,
        "STATUS_CONNECTION_RESET",
        "The connection was reset.",
        cause.NETWORK,
        cause.RESET_EARLY,
        cause.SCANNER,
    ),
)

_OTHERS = (
    _status(
        0x80004005,
        "E_FAIL",
        "Something failed; the code says no more than that.",
        cause.TLS_DIES,
        cause.CREDSSP_DIES,
        cause.CLIENT_FAULT,
    ),
    _status(0x80070005, "E_ACCESSDENIED", "Access was denied.", cause.ACCOUNT, cause.CLIENT_POLICY),
    _status(
        10054,
        "WSAECONNRESET",
        "The other side threw the connection away.",
        cause.RESET_EARLY,
        cause.TLS_DIES,
        cause.NETWORK,
        source=_SOCKETS,
    ),
    _status(10060, "WSAETIMEDOUT", "Nothing came back in time.", cause.FILTERED, cause.NO_ROUTE, source=_SOCKETS),
    _status(10061, "WSAECONNREFUSED", "Nothing listens on that port.", cause.REFUSED, source=_SOCKETS),
    _status(11001, "WSAHOST_NOT_FOUND", "There is no such host.", cause.NAME, source=_SOCKETS),
)

ROWS: tuple[Explanation, ...] = (*_SECURITY, *_NT, *_OTHERS)
