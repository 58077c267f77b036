"""The sixty messages get the answers that were judged."""

from __future__ import annotations

import pytest

from probe.explain.answering import explain
from tests.explain.__main__ import ANSWERS, answers
from tests.explain.messages import CHINESE, ENGLISH


def test_the_answers_are_those_that_were_judged() -> None:
    assert ANSWERS.read_text(encoding="utf-8") == answers(), "run: python -m tests.explain --update, and judge"


def test_there_are_thirty_of_each() -> None:
    assert len(dict(ENGLISH)) == 30
    assert len(dict(CHINESE)) == 30
    assert all(any("\u4e00" <= character <= "\u9fff" for character in text) for text, _why in CHINESE)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("0x904", "mstsc-0x904"),
        ("0X0904", "mstsc-0x904"),
        ("0x00000904", "mstsc-0x904"),
        ("Error code 2308", "mstsc-0x904"),
        ("error code: 0x80090331", "status-0x80090331"),
        ("-2146893007", "status-0x80090331"),
        ("80090331", "status-0x80090331"),
        ("0xffffffff80090331", "status-0x80090331"),
        ("C000006D", "status-0xc000006d"),
        ("131084", "freerdp-0x0002000c"),
        ("fatal alert 70", "alert-70"),
        ("The TLS protocol defined fatal error code is 40.", "alert-40"),
        ("tlsv1 alert protocol version", "alert-70"),
        ("EventID=1149", "event-terminalservices-remoteconnectionmanager-1149"),
        ("ERRINFO_LICENSE_NO_LICENSE", "reason-0x102"),
        ("exDiscReasonServerIdleTimeout", "reason-0x3"),
        ("tls_handshake_aborted", "diagnosis-TLS_HANDSHAKE_ABORTED"),
        ("Session 12 has been disconnected, reason code 5", "reason-0x5"),
        ("read: Connection reset by peer", "connection-reset"),
        ("10061", "status-10061"),
        ("schannel error 36871 internal error state is 10013", "event-schannel-36871"),
        ("cant connect to remote desktop", "cannot-connect"),
        ("连不上远程桌面", "cannot-connect"),
        ("NLA", "nla-setting"),
        ("domain controller cannot be contacted to perform NLA", "mstsc-0x1807"),
        ("你的远程桌面服务会话已结束。与远程计算机的连接已丢失", "mstsc-0x904"),
        ("RDP_NEG_FAILURE 2", "negotiation-2"),
        ("安全协议协商失敗", "security-negotiation"),
        ("Private key /etc/xrdp/b.key and certificate /etc/xrdp/a.crt do not match", "xrdp-cannot-load"),
        ("Cannot read certificate file /x: No such file or directory", "xrdp-no-certificate"),
        ("Invalid TLS cipher options NONSENSE", "xrdp-cannot-load"),
        ("error:0A0000B9:SSL routines::no cipher match", "xrdp-cannot-load"),
        ("timeout", "connection-timeout"),
        ("登录尝试失败", "mstsc-0x807"),
        ("已超出了允许的最大连接数", "connection-limit"),
        ("The certificate or associated chain is not valid", "identity"),
        ("远程桌面无法连接到远程计算机 证书已过期", "mstsc-0x1b07"),
        ("由于许可协议错误", "mstsc-0x808"),
        ("black screen after logon", "black-screen"),
        ("登录后黑屏", "black-screen"),
    ],
)
def test_what_comes_first(text: str, key: str) -> None:
    assert explain(text).matches[0].explanation.key == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "2024-05-01 10:23:11 192.168.1.20:3389 took 15 ms",
        "see https://example.com/error?id=2308",
        "Windows 10 KB5001330",
        "{5d896912-022d-40aa-a3a8-4fa5515c76d7}",
        "the server has 56 users",
        "port 3389",
    ],
)
def test_what_is_no_code_is_not_taken_for_one(text: str) -> None:
    assert explain(text).matches == ()


@pytest.mark.parametrize("number", range(0x4505, 0x451B))
def test_invented_codes_stay_unknown(number: int) -> None:
    answer = explain(f"0x{number:08X}")
    assert answer.matches == ()
    assert answer.unknown == (f"0x{number:08X}",)
    assert answer.nearest == ()


@pytest.mark.parametrize("code", ["99999", "0x50331694"])
def test_what_is_far_from_everything_has_no_nearest(code: str) -> None:
    assert explain(code).nearest == ()


def test_two_swapped_digits_are_near() -> None:
    assert [near.explanation.key for near in explain("0x940").nearest] == ["mstsc-0x904"]


def test_what_is_unknown_beside_something_known_is_named() -> None:
    answer = explain("Error code: 0x904 Extended error code: 0x4505")
    assert [match.explanation.key for match in answer.matches] == ["mstsc-0x904"]
    assert answer.unknown == ("0x4505",)


def test_a_constant_of_a_known_family_that_is_unknown_is_near_others_of_it() -> None:
    answer = explain("ERRCONNECT_SECURITY_FAILED")
    assert answer.matches == ()
    assert answer.unknown == ("ERRCONNECT_SECURITY_FAILED",)
    assert all(near.explanation.kind == "freerdp" for near in answer.nearest)


def test_words_that_resemble_a_message_are_unknown_and_near_it() -> None:
    answer = explain("the terminal server exceeded connections allowed maximum")
    assert answer.matches == ()
    assert "connection-limit" in {near.explanation.key for near in answer.nearest}


def test_an_extended_code_of_0_says_nothing_and_is_not_unknown() -> None:
    answer = explain("0x0")
    assert (answer.matches, answer.unknown, answer.nothing_said) == ((), (), ("0x0",))


def test_a_code_alone_is_also_read_as_the_reason_of_a_server() -> None:
    assert [match.explanation.kind for match in explain("0x104").matches] == ["mstsc", "reason"]


def test_an_extended_code_is_read_as_a_reason_only() -> None:
    assert [match.explanation.key for match in explain("Extended error code: 0x104").matches] == ["reason-0x104"]
