from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InvalidField, Truncated, WireError
from probe.wire import tls_extensions as ext
from probe.wire.cursor import Reader

u16_lists = st.lists(st.integers(0, 0xFFFF), max_size=20).map(tuple)
u8_lists = st.lists(st.integers(0, 255), max_size=20).map(tuple)
shares = st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40))

# What is written, how it is read, and what may be written.
PAIRS: list[tuple[Callable[[Any], ext.Extension], Callable[[bytes], Any], st.SearchStrategy[Any]]] = [
    (ext.supported_groups, ext.read_supported_groups, u16_lists),
    (ext.signature_algorithms, ext.read_signature_algorithms, u16_lists),
    (ext.supported_versions, ext.read_supported_versions, u16_lists),
    (ext.ec_point_formats, ext.read_ec_point_formats, u8_lists),
    (ext.psk_key_exchange_modes, ext.read_psk_key_exchange_modes, u8_lists),
    (ext.renegotiation_info, ext.read_renegotiation_info, st.binary(max_size=36)),
    (ext.selected_version, ext.read_selected_version, st.integers(0, 0xFFFF)),
    (ext.cookie, ext.read_cookie, st.binary(max_size=60)),
    (ext.client_key_share, ext.read_client_key_share, st.lists(shares, max_size=3).map(tuple)),
    (lambda share: ext.server_key_share(*share), ext.read_server_key_share, shares),
    (ext.retry_key_share, ext.read_retry_key_share, st.integers(0, 0xFFFF)),
    (ext.record_size_limit, ext.read_record_size_limit, st.integers(0, 0xFFFF)),
]
ALONE = [ext.read_server_name, ext.read_alpn, ext.read_heartbeat, ext.read_selected_identity]  # without a builder
READERS = [*(read for _, read, _ in PAIRS), *ALONE]


@pytest.mark.parametrize(("build", "read", "values"), PAIRS)
@given(data=st.data())
def test_a_reader_gives_what_its_builder_took(
    build: Callable[[Any], ext.Extension],
    read: Callable[[bytes], Any],
    values: st.SearchStrategy[Any],
    data: st.DataObject,
) -> None:
    value = data.draw(values)
    body = build(value).body
    assert read(body) == value
    with pytest.raises(InvalidField, match="left over"):
        read(body + b"\x00")
    with pytest.raises(Truncated):
        read(body[:-1])


@pytest.mark.parametrize("read", READERS)
@given(body=st.binary(max_size=80))
def test_any_body_is_read_or_refused(read: Callable[[bytes], Any], body: bytes) -> None:
    try:
        read(body)
    except WireError as error:
        assert error.offset <= len(body)


@pytest.mark.parametrize(
    ("extension", "wire"),
    [  # the bodies stand in RFC 8446 4.2, RFC 6066 3 and 8, RFC 8422 5.1, RFC 5746 3.2, RFC 7627 5.1, RFC 6520 2,
        # RFC 6962 3.3.1, RFC 7366 2, RFC 7685 3, RFC 8449 4
        (ext.server_name("a.example"), "0000 000e 000c 00 0009 612e6578616d706c65"),
        (ext.status_request(), "0005 0005 01 0000 0000"),
        (ext.heartbeat(), "000f 0001 01"),
        (ext.signed_certificate_timestamp(), "0012 0000"),
        (ext.padding(3), "0015 0003 000000"),
        (ext.encrypt_then_mac(), "0016 0000"),
        (ext.record_size_limit(16385), "001c 0002 4001"),
        (ext.supported_groups((0x1D, 0x17)), "000a 0006 0004 001d 0017"),
        (ext.ec_point_formats(), "000b 0002 01 00"),
        (ext.signature_algorithms((0x0804,)), "000d 0004 0002 0804"),
        (ext.extended_master_secret(), "0017 0000"),
        (ext.session_ticket(), "0023 0000"),
        (ext.supported_versions((0x0304, 0x0303)), "002b 0005 04 0304 0303"),
        (ext.selected_version(0x0304), "002b 0002 0304"),
        (ext.cookie(b"ab"), "002c 0004 0002 6162"),
        (ext.psk_key_exchange_modes(), "002d 0002 01 01"),
        (ext.client_key_share(()), "0033 0002 0000"),
        (ext.client_key_share(((0x1D, b"k"),)), "0033 0007 0005 001d 0001 6b"),
        (ext.retry_key_share(0x1D), "0033 0002 001d"),
        (ext.renegotiation_info(), "ff01 0001 00"),
    ],
)
def test_an_extension_has_the_bytes_of_its_specification(extension: ext.Extension, wire: str) -> None:
    raw = bytes.fromhex(wire)
    assert ext.Extension.read(Reader(raw, "Extension")) == extension


def test_server_names_are_pairs_of_type_and_name() -> None:
    assert ext.read_server_name(ext.server_name("a.example").body) == ((ext.HOST_NAME, b"a.example"),)
    assert ext.read_server_name(bytes.fromhex("0008 07 0001 78 00 0001 79")) == ((7, b"x"), (0, b"y"))
    with pytest.raises(InvalidField):
        ext.read_server_name(bytes.fromhex("0000 00"))


@pytest.mark.parametrize(
    ("read", "body", "value"),
    [  # RFC 6520 2, RFC 7301 3.1, RFC 8446 4.2.11
        (ext.read_heartbeat, "02", 2),
        (ext.read_alpn, "0003 02 6832", (b"h2",)),
        (ext.read_alpn, "000c 02 6832 08 687474702f312e31", (b"h2", b"http/1.1")),
        (ext.read_alpn, "0000", ()),
        (ext.read_selected_identity, "0001", 1),
    ],
)
def test_what_a_server_says_is_read_and_nothing_else(read: Callable[[bytes], Any], body: str, value: object) -> None:
    raw = bytes.fromhex(body)
    assert read(raw) == value
    with pytest.raises(InvalidField, match="left over"):
        read(raw + b"\x00")
    with pytest.raises(Truncated):
        read(raw[:-1])


def test_an_odd_list_of_two_byte_numbers_is_refused() -> None:
    with pytest.raises(InvalidField):
        ext.read_supported_groups(bytes.fromhex("0003 001d 00"))


@pytest.mark.parametrize("extensions", [None, (), (ext.cookie(b"a"),)])
def test_what_is_not_there_is_not_found(extensions: Sequence[ext.Extension] | None) -> None:
    assert ext.find(extensions, ext.ExtensionType.KEY_SHARE) is None


def test_of_duplicates_the_first_is_found() -> None:
    assert ext.find((ext.session_ticket(b"1"), ext.session_ticket(b"2")), ext.ExtensionType.SESSION_TICKET) == b"1"
