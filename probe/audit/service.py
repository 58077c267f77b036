"""What answers on the port when it is not RDP, by its first bytes."""

from __future__ import annotations

import re

_TLS_RECORD = re.compile(rb"[\x14-\x18]\x03[\x00-\x04]")
# Banners and first replies, most telling first. Each pattern is matched at the start.
_SIGNS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"SSH-\d"), "ssh"),
    (re.compile(rb"HTTP/\d"), "http"),
    (re.compile(rb"\s*<(?:!doctype html|html|\?xml)", re.IGNORECASE), "http"),
    (re.compile(rb"RFB \d{3}\.\d{3}"), "vnc"),
    (re.compile(rb"220[ -][^\r\n]*(?:smtp|esmtp|mail)", re.IGNORECASE), "smtp"),
    (re.compile(rb"220[ -]"), "ftp"),
    (re.compile(rb"\+OK"), "pop3"),
    (re.compile(rb"\* OK"), "imap"),
    (re.compile(rb"-ERR"), "redis"),
    (re.compile(rb".\x00\x00\x00\x0a\d", re.DOTALL), "mysql"),
    (re.compile(rb"\xff[\xfb-\xfe]"), "telnet"),
    (re.compile(rb"RTSP/\d"), "rtsp"),
    (re.compile(rb"SIP/\d"), "sip"),
    (re.compile(rb"\xffSMB|\xfeSMB"), "smb"),
    (_TLS_RECORD, "tls"),
)


def service_of(first_bytes: bytes) -> str:
    """The service's name, or "unknown"."""
    return next((name for sign, name in _SIGNS if sign.match(first_bytes)), "unknown")


def banner_of(first_bytes: bytes, longest: int = 120) -> str:
    """The first line as printable ASCII; everything else appears as a hexadecimal escape."""
    line = re.split(rb"[\r\n]", first_bytes[:longest], maxsplit=1)[0]
    return "".join(chr(byte) if 0x20 <= byte < 0x7F and byte != 0x5C else f"\\x{byte:02x}" for byte in line)
