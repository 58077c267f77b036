"""Sixty messages as people paste them, 30 English and 30 Chinese, and why the answer to each is right.

`answers.txt` beside this holds what comes out; a change of it is read against the last column here.
"""

from __future__ import annotations

ENGLISH: tuple[tuple[str, str], ...] = (
    ("0x904", "the socket was closed: the documented meaning; a TLS that dies on the server is the usual cause"),
    ("2308", "the same code in decimal"),
    (
        "Error code: 0x904\nExtended error code: 0x7",
        "both codes are read; the main code first, then the server's refusal",
    ),
    ("Error code: 0x204 Extended error code: 0x0", "connect() failed; 0x0 says nothing and is not taken for unknown"),
    ("0x104", "DNS first; as an extended code it would be a license of another computer, which is said second"),
    (
        "rd client report an error 0x4",
        "Windows App; reported only, and it says so; session time limit is the other use",
    ),
    ("0x1104", "reported only; the client saw a protocol error"),
    ("error 0x1807", "no authority: a domain controller, or NTLM that is forbidden"),
    (
        "Protocol error\nerror 0x2104",
        "Windows App and the certificate, as xrdp issue 1922 has it; the words protocol error alone are fainter",
    ),
    ("An internal error has occurred.", "the causes of the Azure article first: key, TLS versions, certificate"),
    ("interal error occured", "two typing errors, still the internal error"),
    ("security protocol negotiation failed", "NLA, TLS versions, suites and certificate: the four of the article"),
    ("Secuirty protocol negotation faild", "three typing errors"),
    (
        (
            "An authentication error has occurred. The function requested is not supported. Remote computer: srv1. "
            "This could be due to CredSSP encryption oracle remediation. For more information, see "
            "https://go.microsoft.com/fwlink/?linkid=866660"
        ),
        "the specific line wins over the general first line; the link's number is no code",
    ),
    (
        (
            "[08:13:22:417] [2231:000008b7] [ERROR][com.freerdp.core] - [transport_read_layer]: "
            "ERRCONNECT_SECURITY_NEGO_CONNECT_FAILED [0x0002000C]"
        ),
        "the name and its number are one error; time, process and thread are no codes",
    ),
    (
        "[ERROR][com.freerdp.core.nego] - [nego_process_negotiation_failure]: Error: SSL_CERT_NOT_ON_SERVER",
        "the negotiation failure by its name",
    ),
    ("ERRCONNECT_TLS_CONNECT_FAILD [0x00020008]", "a name with a typing error; its number confirms it"),
    (
        (
            "Event ID: 50 Event Source: TermDD Event Description: The RDP protocol component X.224 detected an error "
            "in the protocol stream and has disconnected the client."
        ),
        "the event by number, source and text; with the license causes of the article",
    ),
    ("event 56 TermDD", "the security layer's event"),
    ("56", "a bare number; the event is the only reading that is known"),
    ("50", "ambiguous: the event and the TLS alert, both said"),
    ("36870", "Schannel's private key event, without its source"),
    (
        "Schannel 36888: The following fatal alert was generated: 40. The internal error state is 107.",
        "the event, and alert 40 beside it; the internal error state is no message and 107 no code",
    ),
    ("1058", "the certificate that could not be replaced; the text warns that GroupPolicy has a 1058 too"),
    (
        (
            "The remote session was disconnected because there are no Remote Desktop License Servers available to "
            "provide a license. Please contact the server administrator."
        ),
        "licensing, and so the command has --licensing",
    ),
    ("failureCode = 5", "HYBRID_REQUIRED_BY_SERVER, as IronRDP and others print it"),
    ("The connection failed at TLS connect.", "FreeRDP's words for 0x20008"),
    ("TermService error: 0x00004505", "in no specification: unknown, nothing near, and no meaning"),
    ("0x80090302", "the TLS versions or CredSSP that do not meet"),
    ("printer is out of paper", "nothing to do with it: unknown, nothing near"),
)

CHINESE: tuple[tuple[str, str], ...] = (
    (
        "由于出现安全错误，客户端无法连接到终端服务器。 请确保登录到网络，然后重新尝试进行连接。",
        "the first message of the article about sessions that stay active",
    ),
    (
        "远程桌面已断开连接。 由于出现安全错误，客户端无法连接到远程计算机。 请验证是否已登录到网络，然后重试连接。",
        "the second message of that article",
    ),
    ("由于安全设置错误, 客户端无法连接到远程计算机.", "the wording of older Windows, with ASCII punctuation"),
    ("发生了内部错误", "the Azure article's wording"),
    ("出现了内部错误。", "the wording of mstsc"),
    ("远程桌面连接服务器出现内部错误", "the same inside a longer sentence"),
    (
        "此计算机无法连接到远程计算机。 请再次尝试连接。 如果问题持续出现，请与远程计算机的所有者或网络管理员联系。",
        "the general text: it is said that it gives no reason",
    ),
    ("安全协议协商失败", "as the article puts it"),
    ("安全协议协商失政", "a wrong character: still recognized"),
    (
        "远程计算机需要网络级别身份验证，而您的计算机不支持该验证，请联系您的系统管理员或者技术人员来获得帮助",
        "NLA required",
    ),
    (
        "出现身份验证错误。\n要求的函数不受支持\n远程计算机：10.0.0.5\n这可能是由于 CredSSP 加密 Oracle 修正。",
        "the specific line wins; the address is no code",
    ),
    ("出现身份验证错误，要求的函数不受支持。这可能是由于CredSSP加密数据库修正", "the other translation of oracle"),
    ("要求的函数不收支持", "a typing error that is often copied"),
    ("错误代码：０ｘ９０４", "full-width digits and colon"),
    ("错误代码: 0x204，扩展错误代码: 0x0", "the main code; 0x0 says nothing"),
    ("错误代码 0x3 扩展错误代码 0x7", "the server ended it; it denied the connection"),
    ("由于协议错误，会话将被中断。请重新连接到远程计算机。", "a protocol error without a code"),
    ("由于协议错误(代码 0x112f)，远程会话将中断。", "the code says more than the words: the server's graphics"),
    (
        "由于没有远程桌面授权服务器可以提供许可证，远程会话被中断。请跟服务器管理员联系。",
        "licensing, and so the command has --licensing",
    ),
    ("终端服务器超出了最大允许连接数。", "the limit, asked for with --licensing"),
    ("远程桌面找不到计算机“srv1”。这可能意味着“srv1”不属于指定的网络。", "the name does not resolve"),
    ("无法联系你的 Windows 域控制器来执行 NLA", "no domain controller"),
    ("出现身份验证错误。无法联系本地安全机构。", "the second line wins over the general first one"),
    ("远程桌面连接无法验证您希望连接的计算机的身份", "a warning about the certificate"),
    ("事件 ID：56，来源：TermDD", "full-width colons"),
    ("Schannel 事件 36874 和 36888", "two events, the first with --depth full"),
    ("RDP 协议组件 X.224 在协议流中检测到了错误，并已断开连接客户端", "event 50 by its text"),
    ("一直卡在正在配置远程会话", "the stage at which it hangs"),
    ("0x0000450F：端口冲突或防火墙拦截", "in no specification: unknown, whatever the page beside it claims"),
    ("今天天气很好", "nothing to do with it: unknown"),
)
MESSAGES = ENGLISH + CHINESE
