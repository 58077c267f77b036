from __future__ import annotations

import dataclasses
import hashlib

import pytest
from hypothesis import given

from probe.errors import InvalidField, Truncated
from probe.wire import tls_extensions as ext
from probe.wire.cursor import Reader
from probe.wire.tls_hello import (
    ClientHello,
    HandshakeMessage,
    HandshakeType,
    ServerHello,
    ServerHelloDone,
    UnknownHandshake,
    read_handshake,
    version_name,
    write_handshake,
)
from probe.wire.tls_record import ChangeCipherSpec, ContentType, HandshakeFramer, RecordFramer
from tests.strategies.tls_hello import client_hellos, server_hellos
from tests.vectors import vector

SSL3, TLS11, TLS12, TLS13 = 0x0300, 0x0302, 0x0303, 0x0304


def _messages(name: str) -> list[HandshakeMessage]:
    """The handshake messages of a vector, each written back and compared."""
    records, framer = RecordFramer(), HandshakeFramer()
    records.feed(vector(name))
    while record := records.next_record():
        if record.type == ContentType.HANDSHAKE:
            framer.feed(record.fragment)
        else:
            assert ChangeCipherSpec.read(Reader(record.fragment, "CCS")).value == 1
    assert records.leftover() == b""
    found = []
    while raw := framer.next_message():
        found.append(read_handshake(raw, TLS12))
        assert write_handshake(found[-1]) == raw
    return found


def _client_hello(name: str) -> ClientHello:
    (hello,) = _messages(name)
    assert isinstance(hello, ClientHello)
    return hello


def _server_hello(name: str) -> ServerHello:
    hello = _messages(name)[0]
    assert isinstance(hello, ServerHello)
    return hello


def _body(hello: ClientHello, kind: int) -> bytes:
    body = ext.find(hello.extensions, kind)
    assert body is not None
    return body


def test_the_hello_that_xrdp_accepts() -> None:
    hello = _client_hello("tls12_client_hello")
    assert (hello.version, hello.random, hello.session_id) == (TLS12, bytes(range(32)), b"")
    assert hello.cipher_suites == (0xC02F, 0xC030, 0x009C, 0x002F)
    assert hello.compression_methods == b"\x00"
    assert hello.extensions is not None
    assert [extension.type for extension in hello.extensions] == [10, 11, 13, 23, 0xFF01]
    assert ext.read_supported_groups(_body(hello, 10)) == (0x1D, 0x17, 0x18)
    assert ext.read_ec_point_formats(_body(hello, 11)) == (0,)
    schemes = (0x0804, 0x0401, 0x0805, 0x0501, 0x0806, 0x0601, 0x0403, 0x0503, 0x0201, 0x0203)
    assert ext.read_signature_algorithms(_body(hello, 13)) == schemes
    assert ext.read_renegotiation_info(_body(hello, 0xFF01)) == b""


def test_hellos_of_openssl() -> None:
    older, newer = _client_hello("tls12_client_hello_openssl"), _client_hello("tls13_client_hello")
    assert older.cipher_suites == (0xC02F, 0x00FF)
    assert newer.cipher_suites == (0x1302, 0x1303, 0x1301, 0x00FF)
    for hello in (older, newer):
        assert hello.version == TLS12
        assert ext.read_server_name(_body(hello, 0)) == ((0, b"vector.example"),)
    assert ext.read_supported_versions(_body(newer, 43)) == (TLS13,)
    assert ext.read_psk_key_exchange_modes(_body(newer, 45)) == (1,)
    key = bytes.fromhex("243f15eec4c478bfe7867c51fd02d52f769c3c9818ceae5bcb96bc9267bb9f10")
    assert ext.read_client_key_share(_body(newer, 51)) == ((0x1D, key),)


def test_a_whole_flight_of_openssl_in_tls12() -> None:
    hello, *others = _messages("tls12_ecdhe_flight")
    assert [type(message).__name__ for message in others] == ["Certificate", "ServerKeyExchange", "ServerHelloDone"]
    assert isinstance(hello, ServerHello)
    assert (hello.version, hello.selected_version, hello.cipher_suite) == (TLS12, TLS12, 0xC02F)
    assert hello.extensions is not None
    assert [extension.type for extension in hello.extensions] == [0xFF01, 11, 35, 23]
    assert (hello.is_hello_retry_request, hello.key_share_group, hello.downgrade_sentinel) == (False, None, None)


def test_a_server_hello_of_openssl_in_tls13() -> None:
    hello = _server_hello("tls13_server_hello")
    assert (hello.version, hello.selected_version, hello.cipher_suite) == (TLS12, TLS13, 0x1302)
    assert (hello.is_hello_retry_request, hello.key_share_group) == (False, 0x1D)
    assert hello.session_id == _client_hello("tls13_client_hello").session_id


@pytest.mark.parametrize(
    ("name", "suite", "group"), [("tls13_retry", 0x1302, 0x18), ("tls13_retry_empty_key_share", 0x1301, 0x1D)]
)
def test_a_hello_retry_request_names_version_suite_and_group(name: str, suite: int, group: int) -> None:
    hello = _server_hello(name)
    assert hello.is_hello_retry_request
    assert (hello.selected_version, hello.cipher_suite, hello.key_share_group) == (TLS13, suite, group)


def test_the_random_of_a_retry_is_the_hash_that_the_rfc_names() -> None:
    assert hashlib.sha256(b"HelloRetryRequest").digest() == ServerHello.RETRY_RANDOM


@pytest.mark.parametrize(
    ("end", "version"),
    [("444f574e47524401", TLS12), ("444f574e47524400", TLS11), ("444f574e47524402", None), ("00" * 8, None)],
)
def test_a_downgrade_sentinel_ends_the_random(end: str, version: int | None) -> None:
    hello = ServerHello(version=TLS12, random=bytes(24) + bytes.fromhex(end), cipher_suite=0xC02F)
    assert hello.downgrade_sentinel == version


@given(hello=client_hellos | server_hellos)
def test_no_extensions_and_an_empty_block_are_different(hello: ClientHello | ServerHello) -> None:
    absent = write_handshake(dataclasses.replace(hello, extensions=None))
    empty = write_handshake(dataclasses.replace(hello, extensions=()))
    assert len(empty) == len(absent) + 2
    for raw, extensions in ((absent, None), (empty, ())):
        read = read_handshake(raw, TLS12)
        assert isinstance(read, ClientHello | ServerHello)
        assert read.extensions == extensions


def test_duplicate_extensions_are_kept_in_order() -> None:
    twice = (ext.selected_version(TLS13), ext.session_ticket(b"a"), ext.selected_version(TLS12))
    raw = write_handshake(ServerHello(version=TLS12, random=bytes(32), cipher_suite=0x1301, extensions=twice))
    hello = read_handshake(raw, TLS12)
    assert isinstance(hello, ServerHello)
    assert (hello.extensions, hello.selected_version) == (twice, TLS13)


@pytest.mark.parametrize("body", [b"", b"\x03", b"\x03\x04\x00"])
def test_a_chosen_version_that_is_no_version_is_refused(body: bytes) -> None:
    bad = ext.Extension(type=ext.ExtensionType.SUPPORTED_VERSIONS, body=body)
    raw = write_handshake(ServerHello(version=TLS12, random=bytes(32), cipher_suite=0x1301, extensions=(bad,)))
    with pytest.raises((Truncated, InvalidField), match="supported_versions"):
        read_handshake(raw, TLS12)


def test_an_odd_list_of_suites_is_refused() -> None:
    raw = bytes.fromhex("01 00002a 0303" + "00" * 32 + "00 0003 1301 13 01 00")
    with pytest.raises(InvalidField, match="multiple of 2"):
        read_handshake(raw, TLS12)


def test_a_block_of_extensions_shorter_than_the_body_is_refused() -> None:
    raw = bytearray(write_handshake(ServerHello(version=TLS12, random=bytes(32), cipher_suite=1, extensions=())))
    raw[3] += 1
    with pytest.raises(InvalidField, match="left over"):
        read_handshake(bytes(raw) + b"\x00", TLS12)


def test_a_message_ends_where_its_length_says() -> None:
    assert read_handshake(b"\x0e\x00\x00\x00", TLS12) == ServerHelloDone()
    with pytest.raises(InvalidField, match="left over"):
        read_handshake(b"\x0e\x00\x00\x00\x00", TLS12)
    with pytest.raises(InvalidField, match="left over"):
        read_handshake(b"\x0e\x00\x00\x01\x00", TLS12)
    with pytest.raises(Truncated):
        read_handshake(b"\x0e\xff\xff\xff\x00", TLS12)


def test_messages_without_a_layout_are_kept() -> None:
    raw = b"\x04\x00\x00\x02ab"
    message = read_handshake(raw, TLS12)
    assert message == UnknownHandshake(type=HandshakeType.NEW_SESSION_TICKET, body=b"ab")
    assert write_handshake(message) == raw


@pytest.mark.parametrize(
    ("code", "name"), [(0x0002, "SSLv2"), (SSL3, "SSLv3"), (0x0301, "TLSv1.0"), (TLS13, "TLSv1.3"), (0x0305, "0x0305")]
)
def test_versions_have_names(code: int, name: str) -> None:
    assert version_name(code) == name
