"""What the first bytes of one side say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.capture.recognition import Sight, sight, speaker
from probe.handshake.machine import Side
from tests.capture.talk import CONFIRM, HTTP, REQUEST

PRECONNECTION_1 = bytes.fromhex("10000000 00000000 01000000 05000000")
PRECONNECTION_2 = bytes.fromhex("16000000 00000000 02000000 00000000 0200 41000000")
RDP = {
    "request": (REQUEST, Side.CLIENT),
    "request with a cookie": (bytes.fromhex("030000151 0e00000000000".replace(" ", "")) + b"Cookie: x\r", Side.CLIENT),
    "request without anything": (bytes.fromhex("0300000b06e00000000000"), Side.CLIENT),
    "confirm": (CONFIRM, Side.SERVER),
    "confirm without anything": (bytes.fromhex("0300000b06d00000123400"), Side.SERVER),
    "disconnect request": (bytes.fromhex("0300000b06800000000000"), None),
    "Siemens S7, which a capture shows to be another": (
        bytes.fromhex("0300001611e00000001400c1020100c2020102c0010a"),
        Side.CLIENT,
    ),
    "connect initial": (bytes.fromhex("030001ca02f0807f658201be"), Side.CLIENT),
    "connect response": (bytes.fromhex("0300015102f0807f66820145"), Side.SERVER),
    "erect domain": (bytes.fromhex("0300000c02f0800401000100"), Side.CLIENT),
    "attach user request": (bytes.fromhex("0300000802f08028ff"), Side.CLIENT),
    "attach user confirm": (bytes.fromhex("0300000b02f0802e000006"), Side.SERVER),
    "channel join confirm": (bytes.fromhex("0300000f02f0803e00000603eb03eb"), Side.SERVER),
    "send data indication": (bytes.fromhex("0300001002f08068000103eb7001"), Side.SERVER),
    "disconnect": (bytes.fromhex("0300000902f0802180"), None),
    "preconnection": (PRECONNECTION_1, Side.CLIENT),
    "preconnection with a blob": (PRECONNECTION_2 + REQUEST, Side.CLIENT),
}
OTHER = {
    "HTTP": HTTP,
    "TLS": bytes.fromhex("160301007a010000760303"),
    "SSH": b"SSH-2.0-OpenSSH_9.2",
    "version 3 and no TPKT": b"\x03\x01\x00\x13\x0e\xe0",
    "version 3 and no TPKT, soon": b"\x03\x01",
    "TPKT too short": bytes.fromhex("030000060ee0"),
    "lengths that contradict each other": bytes.fromhex("0300001306e0000000000001"),
    "H.323": bytes.fromhex("0300002a08020001050404"),
    "X.224 error": bytes.fromhex("0300000b067000000000"),
    "S7comm's data": bytes.fromhex("0300001902f08032010000"),
    "part of a message": bytes.fromhex("0300001902f00032010000"),
    "data with a long header": bytes.fromhex("0300001903f08032010000"),
    "zeros": bytes(20),
    "a length and no version": bytes.fromhex("1000000000000000ff000000"),
    "a length and flags": bytes.fromhex("10000000010000000100000001000000"),
    "a blob in version 1's length": bytes.fromhex("10000000000000000200000001000000"),
}


@pytest.mark.parametrize("name", RDP)
def test_what_is_rdp(name: str) -> None:
    data, who = RDP[name]
    assert (sight(data), speaker(data)) == (Sight.RDP, who)


@pytest.mark.parametrize("name", OTHER)
def test_what_is_not(name: str) -> None:
    assert sight(OTHER[name]) is Sight.OTHER


@pytest.mark.parametrize("name", RDP)
def test_no_beginning_of_it_is_taken_for_something_else(name: str) -> None:
    data, _ = RDP[name]
    assert [sight(data[:length]) for length in range(len(data))].count(Sight.OTHER) == 0


def test_tls_tells_who_speaks() -> None:
    hello = bytes.fromhex("16030100050100000100")
    assert speaker(hello) is Side.CLIENT
    assert speaker(hello[:5] + b"\2" + hello[6:]) is Side.SERVER
    assert speaker(hello[:5] + b"\x0b" + hello[6:]) is None
    assert speaker(HTTP) is None


@given(st.binary(max_size=80))
def test_any_bytes_at_all(data: bytes) -> None:
    seen = sight(data)
    if seen is Sight.OPEN:
        assert len(data) < 16
    if speaker(data) is not None and data[0] != 0x16:
        assert seen is Sight.RDP
