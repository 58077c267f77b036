from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.audit.service import banner_of, service_of

FIRST_BYTES = [
    (b"SSH-2.0-OpenSSH_9.2p1\r\n", "ssh"),
    (b"HTTP/1.1 400 Bad Request\r\n", "http"),
    (b"\n <!DOCTYPE html>", "http"),
    (b"<HTML><body>", "http"),
    (b"<?xml version='1.0'?>", "http"),
    (b"RFB 003.008\n", "vnc"),
    (b"220 mx.example ESMTP Postfix\r\n", "smtp"),
    (b"220-Welcome\r\n", "ftp"),
    (b"220 (vsFTPd 3.0.3)\r\n", "ftp"),
    (b"+OK ready\r\n", "pop3"),
    (b"* OK IMAP4rev1\r\n", "imap"),
    (b"-ERR unknown command\r\n", "redis"),
    (b"J\x00\x00\x00\x0a8.0.36\x00", "mysql"),
    (b"\n\x00\x00\x00\x0a5.7", "mysql"),
    (b"\xff\xfd\x18", "telnet"),
    (b"RTSP/1.0 400", "rtsp"),
    (b"SIP/2.0 400", "sip"),
    (b"\xffSMB", "smb"),
    (b"\xfeSMB", "smb"),
    (b"\x15\x03\x01\x00\x02\x02\x0a", "tls"),
    (b"\x16\x03\x03\x00\x7a", "tls"),
    (b"\x15\x02\x01", "unknown"),
    (b" SSH-2.0", "unknown"),
    (b"\x03\x00\x00\x13", "unknown"),
    (b"", "unknown"),
]


@pytest.mark.parametrize(("first_bytes", "service"), FIRST_BYTES, ids=lambda value: repr(value)[:24])
def test_a_service_by_its_first_bytes(first_bytes: bytes, service: str) -> None:
    assert service_of(first_bytes) == service


def test_a_banner_is_one_line() -> None:
    assert banner_of(b"SSH-2.0-x\r\nmore") == "SSH-2.0-x"
    assert banner_of(b"a\\b\x1b[31m\xff") == "a\\x5cb\\x1b[31m\\xff"
    assert banner_of(b"x" * 500) == "x" * 120
    assert banner_of(b"") == ""


@given(st.binary(max_size=300))
def test_a_banner_is_printable_ascii_and_can_be_undone(first_bytes: bytes) -> None:
    banner = banner_of(first_bytes)
    assert banner.isascii()
    assert banner.isprintable()
    assert first_bytes.startswith(banner.encode().decode("unicode_escape").encode("latin-1"))
    assert isinstance(service_of(first_bytes), str)
