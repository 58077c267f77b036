"""Windows clients in public captures send what their profiles say. Skipped where the captures are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from probe.audit.simulation import offer_of
from probe.clients import CLIENTS
from probe.handshake.client_hello import client_hello
from probe.wire import tls_extensions as ext
from probe.wire.tls_extensions import ExtensionType
from probe.wire.tls_hello import ClientHello, read_handshake, write_handshake

CAPTURES = Path("/work/shared/pcaps")
_REQUEST_0X0B = bytes.fromhex("010008000b000000")


def capture(name: str) -> bytes:
    file = CAPTURES / name
    if not file.exists():
        pytest.skip(f"{file} is not here")
    return file.read_bytes()


def first_hello(raw: bytes, record: bytes) -> ClientHello:
    """The first ClientHello that lies in one packet; a capture file holds packets as they were."""
    start = raw.find(record)
    while start >= 0:
        size = int.from_bytes(raw[start + 3 : start + 5])
        if raw[start + 5] == 1 and 40 < size < 1400:
            message = read_handshake(raw[start + 5 : start + 5 + size], 0)
            assert isinstance(message, ClientHello)
            return message
        start = raw.find(record, start + 1)
    raise AssertionError("no ClientHello")


@pytest.mark.parametrize(
    ("name", "key", "record"),
    [
        ("16-ipv6-loopback-tcp-and-rdpudp.pcap", "mstsc-2016", b"\x16\x03\x03"),
        ("17-tcp-works-udp-blocked.pcap", "mstsc-win10", b"\x16\x03\x03"),
        ("07-hybrid-ex-dlt-null-full.pcap", "windows-app-mac", b"\x16\x03\x01"),
    ],
)
def test_a_captured_hello_is_that_of_the_profile(name: str, key: str, record: bytes) -> None:
    raw, profile = capture(name), CLIENTS[key]
    assert _REQUEST_0X0B in raw
    assert (b"Cookie: mstshash=" in raw) == profile.cookie
    hello, told = first_hello(raw, record), profile.tls
    assert told is not None
    assert hello.cipher_suites == told.suites
    assert tuple(extension.type for extension in hello.extensions or ()) == told.extensions
    groups = ext.find(hello.extensions, ExtensionType.SUPPORTED_GROUPS)
    schemes = ext.find(hello.extensions, ExtensionType.SIGNATURE_ALGORITHMS)
    assert groups is not None
    assert schemes is not None
    assert ext.read_supported_groups(groups) == told.groups
    seen = ext.read_signature_algorithms(schemes)
    assert seen == told.schemes[-len(seen) :]  # of Windows 10 the capture is older than RSA-PSS


def test_windows_falls_back_to_standard_rdp_security() -> None:
    raw = capture("01-std-rdp-after-ssl-not-allowed.pcap")
    asked, refused, again = (raw.find(bytes.fromhex(part)) for part in _SSL_NOT_ALLOWED)
    assert 0 < asked < refused < again


def test_windows_xp_asks_without_negotiation() -> None:
    raw = capture("08-std-rdp-no-negotiation-xp.pcap")
    assert b"Cookie: mstshash=Administr\r\n" in raw
    assert _REQUEST_0X0B not in raw
    security = raw.find(bytes.fromhex("02c00c000b000000"))  # CS_SECURITY, encryptionMethods
    assert security > 0
    assert CLIENTS["mstsc-xp"].methods == 0x0B


_SSL_NOT_ALLOWED = ("0100080001000000", "0300080002000000", "0100080000000000")


@pytest.mark.parametrize(
    ("name", "key", "record"),
    [
        ("16-ipv6-loopback-tcp-and-rdpudp.pcap", "mstsc-2016", b"\x16\x03\x03"),
        ("07-hybrid-ex-dlt-null-full.pcap", "windows-app-mac", b"\x16\x03\x01"),
    ],
)
def test_a_simulated_hello_is_the_captured_one(name: str, key: str, record: bytes) -> None:
    captured, told = first_hello(capture(name), record), CLIENTS[key].tls
    assert told is not None
    body = ext.find(captured.extensions, ExtensionType.SERVER_NAME)
    asked = ext.read_server_name(body)[0][1].decode() if body is not None else None
    raw = client_hello(offer_of(told), bytes, asked)
    assert raw[:3] == record
    ours = read_handshake(raw[5:], 0)
    assert isinstance(ours, ClientHello)
    assert write_handshake(replace(ours, random=captured.random)) == write_handshake(captured)
