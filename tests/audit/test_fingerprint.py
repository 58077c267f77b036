from __future__ import annotations

import pytest
from hypothesis import given

from probe.audit.fingerprint import ja3s, ja4s
from probe.wire import tls_extensions as ext
from probe.wire.tls_extensions import Extension
from probe.wire.tls_hello import ServerHello, read_handshake
from probe.wire.tls_record import ContentType, RecordFramer
from tests.strategies.tls_hello import server_hellos
from tests.vectors import vector

TLS12, TLS13 = 0x0303, 0x0304
ALPN = ext.ExtensionType.APPLICATION_LAYER_PROTOCOL_NEGOTIATION


def _hello(suite: int, *types: int, version: int = TLS12, alpn: bytes = b"\x00\x03\x02h2") -> ServerHello:
    """A ServerHello of extensions that are empty where nothing depends on their bodies."""
    bodies = {43: ext.selected_version(TLS13).body, 51: ext.server_key_share(0x1D, bytes(32)).body, ALPN: alpn}
    extensions = tuple(Extension(type=kind, body=bodies.get(kind, b"")) for kind in types)
    return ServerHello(version=version, random=bytes(32), cipher_suite=suite, extensions=extensions or None)


def _vector(name: str) -> ServerHello:
    framer = RecordFramer()
    framer.feed(vector(name))
    while (record := framer.next_record()) is not None:
        if record.type == ContentType.HANDSHAKE:
            message = read_handshake(record.fragment[: 4 + int.from_bytes(record.fragment[1:4], "big")], TLS12)
            if isinstance(message, ServerHello):
                return message
    raise AssertionError("no ServerHello in it")


@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [  # as tshark 4.0.17 shows the same bytes
        ("tls12_ecdhe_flight", "1af33e1657631357c73119488045302c"),
        ("tls13_server_hello", "15af977ce25de452b96affa2addb1036"),
        ("tls13_retry", "15af977ce25de452b96affa2addb1036"),
    ],
)
def test_ja3s_is_what_wireshark_makes_of_a_real_hello(name: str, fingerprint: str) -> None:
    assert ja3s(_vector(name)) == fingerprint


@pytest.mark.parametrize(
    ("hello", "fingerprint"),
    [  # widely published, each with the string that it is made of
        (_hello(4865, 51, 43), "eb1d94daa7e0344597e756a1fb6e7054"),
        (_hello(4865, 43, 51), "f4febc55ea12b31ae17cfb7e614afda8"),
        (_hello(4867, 51, 43), "d75f9129bb5d05492a65ff78e081bcb2"),
        (_hello(49199, 0, 65281, 11, 35, 16), "b898351eb5e266aefd3723d466935494"),
        (_hello(60, 65281, 22, 23), "5766872c4c46974ad7234b63e1ab69ce"),
    ],
)
def test_ja3s_of_published_hellos(hello: ServerHello, fingerprint: str) -> None:
    assert ja3s(hello) == fingerprint


@pytest.mark.parametrize(
    ("hello", "fingerprint"),
    [
        (_hello(0xC030, 0x0005, 0x0017, 0xFF01, 0x0000), "t120400_c030_4e8089b08790"),  # FoxIO, technical_details/JA4S
        # FoxIO, python/test/testdata/browsers-x509.pcapng.json
        (_hello(0xC02B, 0xFF01, 0x0000, 0x000B, 0x0023, 0x0005, 0x0010, 0x0017), "t1207h2_c02b_cf25e267ce22"),
        (_hello(0x1301, 0x002B, 0x0033), "t130200_1301_a56c5b993250"),  # FoxIO, README
        (_hello(0x1301, 0x0033, 0x002B), "t130200_1301_234ea6891581"),  # FoxIO, tls3.pcapng, but for "q"
        (_hello(0x1301, 0x002B, 0x0033, 0x0029), "t130300_1301_0ee26285a86f"),  # FoxIO, tls3.pcapng
        (_hello(0xC030, 0x0005, 0x0017, 0xFF01), "t120300_c030_09f674154ab3"),  # FoxIO, latest.pcapng: a Windows server
        (_hello(0x0005, version=0x0300), "ts30000_0005_000000000000"),
        (_hello(0x0005, version=0x0301), "t100000_0005_000000000000"),
        (_hello(0x0005, version=0x7F1C), "t000000_0005_000000000000"),
    ],
)
def test_ja4s_of_published_hellos_and_of_those_without_extensions(hello: ServerHello, fingerprint: str) -> None:
    assert ja4s(hello) == fingerprint


@pytest.mark.parametrize(
    ("alpn", "ends"),
    [
        (b"\x00\x09\x08http/1.1", "h1"),
        (b"\x00\x02\x01x", "xx"),
        (b"\x00\x04\x03\xabh\xcd", "ad"),  # FoxIO, technical_details/JA4.md: the ends of "ab68cd"
        (b"\x00\x03\x02h\x32", "h2"),
        (b"\x00\x03\x02h\x00", "60"),
        (b"\x00\x00", "00"),
        (b"\x00\x01\x00", "00"),
        (b"\x00\x09h2", "00"),  # not readable
    ],
)
def test_ja4s_has_the_ends_of_the_chosen_protocol(alpn: bytes, ends: str) -> None:
    assert ja4s(_hello(0x1301, ALPN, alpn=alpn)).startswith(f"t1201{ends}_1301_")


def test_no_more_extensions_are_counted_than_two_digits_hold() -> None:
    assert ja4s(_hello(0x1301, *range(0x4000, 0x4000 + 150))).startswith("t1299")


def test_a_grease_extension_counts_like_any() -> None:
    assert ja4s(_hello(0x1301, 0x0A0A)).startswith("t1201")
    assert ja3s(_hello(0x1301, 0x0A0A)) != ja3s(_hello(0x1301))


@given(hello=server_hellos)
def test_every_hello_has_fingerprints_of_one_shape(hello: ServerHello) -> None:
    start, suite, digest = ja4s(hello).split("_")
    assert (len(ja3s(hello)), len(start), len(suite), len(digest)) == (32, 7, 4, 12)
    assert start.isascii()
