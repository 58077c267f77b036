"""Further messages as users paste them, the codes that a server gives, and the events that diagnoses name."""

from __future__ import annotations

import re

import pytest

from probe.diagnosis.catalogue import CATALOGUE
from probe.diagnosis.licensing import refusal
from probe.explain.answering import explain
from probe.result import Licensing

_WINDOWS_EVENT = re.compile(r"(?<![.\w])(\d{2,5})\b")
_RCM = "event-terminalservices-remoteconnectionmanager"


def _cited() -> list[tuple[str, str, str]]:
    """Code, event id and the log entry that a catalogue entry names, of Windows' logs."""
    return [
        (entry.code, number, text)
        for entry in CATALOGUE.values()
        for text in entry.events
        if not text.startswith("xrdp.log")
        for number in _WINDOWS_EVENT.findall(text)
    ]


@pytest.mark.parametrize(("code", "number", "text"), _cited())
def test_every_event_that_a_diagnosis_names_is_explained(code: str, number: str, text: str) -> None:
    for asked in (f"event {number}", f"event {number} {text.partition(':')[2].split()[0]}"):
        answer = explain(asked)
        assert answer.matches[0].explanation.kind == "event", asked
        assert int(number) in answer.matches[0].explanation.events
        assert answer.unknown == ()
    assert code in explain(text).diagnoses


def test_there_are_events_to_explain() -> None:
    assert {"1069", "1028", "36870", "56"} <= {number for _code, number, _text in _cited()}


@pytest.mark.parametrize("number", [0x6, 0x7, 0x408, *range(0x100, 0x10B)])
def test_a_reason_leads_to_the_diagnosis_that_the_rules_make_of_it(number: int) -> None:
    code = refusal(Licensing(over="SSL", answer="error_info", error_info_code=number))
    found = [match.explanation for match in explain(f"Extended error code: 0x{number:X}").matches]
    assert code in found[0].diagnoses
    assert found[0].command.endswith("--licensing")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("event 1069", f"{_RCM}-1069"),
        ("event 1028 TerminalServices-RemoteConnectionManager", f"{_RCM}-1028"),
        ("The connection was denied because the user account is not authorized for remote login", "reason-0x9"),
        ("Your credentials did not work", "mstsc-0x807"),
        ("您的凭据不工作", "mstsc-0x807"),
        ("远程桌面由于以下原因之一无法连接到远程计算机", "mstsc-0x204"),
        ("为安全原因帐户已锁定", "mstsc-0xd07"),
        ("由于没有远程桌面授权服务器可以提供许可证", "reason-0x101"),
        (
            ("[ERROR][com.freerdp.core] - transport_read_layer:freerdp_set_last_error_ex "
            "ERRCONNECT_CONNECT_TRANSPORT_FAILED [0x0002000D]"),
            "freerdp-0x0002000d",
        ),
        (
            ("[13:00:00:001] [1:2] [ERROR][com.freerdp.core] - [freerdp_post_connect]: ERRCONNECT_LOGON_FAILURE "
            "[0x00020014]"),
            "freerdp-0x00020014",
        ),
        (
            "[ERROR][com.freerdp.core.transport] - BIO_read returned a system error 104: Connection reset by peer",
            "freerdp-0x0002000d",
        ),
        (
            "[ERROR][com.freerdp.core.transport] - BIO_read returned a system error 110: Connection timed out",
            "freerdp-0x0002000d",
        ),
        (
            ("[ERROR][com.freerdp.core.rdp] - ERRINFO_LICENSE_NO_LICENSE_SERVER (0x00000101):The remote session was "
            "disconnected because there are no Remote Desktop License Servers available"),
            "reason-0x101",
        ),
        ("[WARN][com.freerdp.core.nego] - Error: HYBRID_REQUIRED_BY_SERVER", "negotiation-5"),
        ('krb5_get_init_creds (Cannot find KDC for realm "CORP" [-1765328230])', "freerdp-0x00020011"),
        ("[20240501-10:23:11] [ERROR] SSL_accept: I/O error", "xrdp-ssl-accept"),
        ("[20240501-10:23:11] [ERROR] libxrdp_force_read: header read error", "xrdp-client-gone"),
        ("[ERROR] xrdp_sec_incoming: xrdp_iso_incoming failed", "xrdp-client-gone"),
        ("[ERROR] SSL_shutdown: Failure in SSL library (protocol error?)", "xrdp-client-gone"),
        ("[ERROR] SSL_accept: Failure in SSL library (protocol error?)", "xrdp-ssl-library"),
        ("Cannot read private key file /etc/xrdp/key.pem: Permission denied", "xrdp-no-certificate"),
        (
            ("Source: Schannel Date: 5/1/2024 10:23:11 AM Event ID: 36887 Level: Error Description: A fatal alert was "
            "received from the remote endpoint. The TLS protocol defined fatal alert code is 46."),
            "event-schannel-36887",
        ),
        (
            ("Event ID: 4625 Failure Reason: Unknown user name or bad password. Status: 0xC000006D Sub Status: "
            "0xC000006A"),
            "event-security-4625",
        ),
        ("RemoteAddress : 10.0.0.5 RemotePort : 3389 TcpTestSucceeded : False", "mstsc-0x204"),
        ("RemoteAddress : 10.0.0.5 RemotePort : 3389 TcpTestSucceeded : True", "port-open"),
        ("WARNING: TCP connect to (10.0.0.5 : 3389) failed", "mstsc-0x204"),
        ("WARNING: Name resolution of srv1 failed", "mstsc-0x104"),
        ("RemoteApp Disconnected. The remote computer could not be found.", "mstsc-0x104"),
        ("The remote session was disconnected because license store creation failed with access denied.",
         "reason-0x10b"),
        ("远程会话已断开连接，因为许可证存储创建失败，拒绝访问", "reason-0x10b"),
        (
            "An authentication error has occurred. The encryption type requested is not supported by the KDC.",
            "status-0x80090342",
        ),
        (
            "The system cannot contact a domain controller to service the authentication request. Please try again.",
            "status-0x80090350",
        ),
        (
            ("The client could not establish a connection to the remote computer. Remote connections might not be "
            "enabled or the computer might be too busy to accept new connections"),
            "mstsc-0x204",
        ),
        ("客户端无法建立与远程计算机的连接。可能导致此错误的原因是: 未启用远程连接", "mstsc-0x204"),
        ("the user account has been locked because there were too many logon attempts", "mstsc-0xd07"),
        ("出于安全原因，用户帐户已被锁定，因为登录尝试或密码更改尝试过多。", "mstsc-0xd07"),
        ("远程桌面连接: 出现身份验证错误 (代码: 0x80090304)", "status-0x80090304"),
        ("由于这台计算机没有远程桌面客户端访问许可证，远程会话被中断", "reason-0x102"),
        ("The trust relationship between this workstation and the primary domain failed", "status-0xc000018b"),
        ("nc: connect to 10.0.0.5 port 3389 (tcp) failed: Connection refused", "connection-refused"),
        ("Error code: 0x904 Extended error code: 0x7", "mstsc-0x904"),
    ],
)  # fmt: skip
def test_what_users_paste(text: str, key: str) -> None:
    answer = explain(text)
    assert answer.matches[0].explanation.key == key
    assert answer.unknown == ()


@pytest.mark.parametrize(
    "text",
    [
        "Unable to connect: You don't have access to this session",
        "RemoteApp wasn't able to connect to the computer",
        "Failed to connect. Wrong password / Access denied for user",
    ],
)
def test_what_many_messages_begin_with_is_no_sure_answer(text: str) -> None:
    assert all(match.sure < 0.5 for match in explain(text).matches)


@pytest.mark.parametrize(
    ("code", "word"), [("0xC000018D", "trust"), ("0xC0000192", "Netlogon"), ("0xC000005E", "domain controller")]
)
def test_each_status_has_its_own_meaning(code: str, word: str) -> None:
    assert word in explain(code).matches[0].explanation.meaning


def test_a_close_proves_no_limit() -> None:
    [limit] = [cause for cause in explain("0x7").matches[0].explanation.causes if cause.diagnosis == "CONNECTION_LIMIT"]
    assert "a mere close proves nothing" in limit.tells
