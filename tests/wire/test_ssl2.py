from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InvalidField, Truncated
from probe.wire import ssl2
from probe.wire.cursor import Reader
from tests.strategies.ssl2 import client_hellos, errors, records, server_hellos, write
from tests.vectors import vector_lines


def _records(framer: ssl2.RecordFramer) -> list[ssl2.Record]:
    found = []
    while (record := framer.next_record()) is not None:
        found.append(record)
    return found


def test_a_hello_that_openssl_answered_is_read() -> None:
    framer = ssl2.RecordFramer()
    framer.feed(vector_lines("ssl2_framed_hello_openssl")[0])
    (record,) = _records(framer)
    assert ssl2.read_message(record.data) == ssl2.ClientHello(
        version=0x0303,
        cipher_specs=(0x9C, 0x9D, 0x3C, 0x2F, 0x35, 0xFF),
        challenge=bytes(range(32)),
    )


def test_the_fields_stand_where_the_specification_has_them() -> None:
    # Hickman, SERVER-HELLO: the lengths come first, and the data in the same order behind them.
    raw = bytes.fromhex("8017 04 00 01 0002 0004 0006 0002 63657274 0700c0 010080 aabb")
    record = ssl2.Record.read(Reader(raw, "record"))
    hello = ssl2.ServerHello(
        session_id_hit=0,
        certificate_type=ssl2.ServerHello.X509_CERTIFICATE,
        version=0x0002,
        certificate=b"cert",
        cipher_specs=(0x0700C0, 0x010080),
        connection_id=b"\xaa\xbb",
    )
    assert ssl2.read_message(record.data) == hello
    assert ssl2.write_message(hello) == raw


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("0001", "NO_CIPHER"),
        ("0002", "NO_CERTIFICATE"),
        ("0004", "BAD_CERTIFICATE"),
        ("0006", "UNSUPPORTED_CERTIFICATE_TYPE"),
        ("0003", "UNKNOWN_0x3"),
    ],
)
def test_an_error_has_the_name_of_its_number(code: str, name: str) -> None:
    message = ssl2.read_message(bytes.fromhex("00" + code))
    assert isinstance(message, ssl2.Error)
    assert message.code.name == name


@given(message=client_hellos | server_hellos | errors)
def test_a_message_fills_a_record(message: ssl2.Message) -> None:
    raw = ssl2.write_message(message)
    record = ssl2.Record.read(Reader(raw, "record"))
    assert ssl2.read_message(record.data) == message
    with pytest.raises(InvalidField, match="left over"):
        ssl2.read_message(record.data + b"\x00")
    with pytest.raises(Truncated, match="SSLv2"):
        ssl2.read_message(record.data[:-1])


@pytest.mark.parametrize("msg_type", [2, 3, 5, 6, 7, 8, 9, 255])
def test_what_comes_after_the_hellos_is_no_message_here(msg_type: int) -> None:
    with pytest.raises(InvalidField, match="msg_type"):
        ssl2.read_message(bytes([msg_type, 0, 1]))
    with pytest.raises(Truncated):
        ssl2.read_message(b"")


@pytest.mark.parametrize("size", [1, 2, 4])
def test_cipher_specs_have_three_bytes_each(size: int) -> None:
    lengths = bytes([0, size, 0, 0, 0, 0])
    with pytest.raises(InvalidField, match="multiple of 3"):
        ssl2.read_message(b"\x01\x00\x02" + lengths + bytes(size))


@pytest.mark.parametrize(
    ("wire", "record"),
    [
        ("8003 000001", ssl2.Record(data=b"\x00\x00\x01")),
        ("0003 00 000001", ssl2.Record(data=b"\x00\x00\x01", padding=b"")),
        ("0005 02 000001 ffee", ssl2.Record(data=b"\x00\x00\x01", padding=b"\xff\xee")),
        ("4001 00 07", ssl2.Record(data=b"\x07", padding=b"", escape=True)),
        ("8000", ssl2.Record(data=b"")),
    ],
)
def test_both_headers_are_read_and_written(wire: str, record: ssl2.Record) -> None:
    raw = bytes.fromhex(wire)
    assert ssl2.Record.read(Reader(raw, "record")) == record
    assert write(record) == raw


def test_more_padding_than_record_is_refused_and_left_over() -> None:
    framer = ssl2.RecordFramer()
    framer.feed(b"\x00\x01")
    assert framer.next_record() is None
    framer.feed(b"\x02")
    with pytest.raises(InvalidField, match="padding"):
        framer.next_record()
    assert framer.leftover() == b"\x00\x01\x02"
    assert framer.next_record() is None


@given(said=st.lists(records, max_size=4), size=st.integers(1, 40))
def test_records_are_cut_out_of_any_segments(said: list[ssl2.Record], size: int) -> None:
    stream, framer = b"".join(map(write, said)), ssl2.RecordFramer()
    found = []
    for at in range(0, len(stream), size):
        framer.feed(stream[at : at + size])
        found += _records(framer)
    assert found == said
    assert framer.leftover() == b""


def test_the_longest_record_is_waited_for_and_no_longer_one_exists() -> None:
    framer = ssl2.RecordFramer()
    framer.feed(b"\xff\xff" + bytes(32766))
    assert framer.next_record() is None
    framer.feed(b"\x00")
    assert framer.next_record() == ssl2.Record(data=bytes(32767))


@pytest.mark.parametrize(
    ("code", "name"), [(0x0700C0, "SSL_CK_DES_192_EDE3_CBC_WITH_MD5"), (0x00002F, "0x00002f"), (0xFF8080, "0xff8080")]
)
def test_a_cipher_kind_has_a_name_or_its_number(code: int, name: str) -> None:
    assert ssl2.cipher_kind_name(code) == name
