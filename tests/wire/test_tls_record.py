from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InvalidField, TooLong, WireError
from probe.wire.cursor import Reader
from probe.wire.tls_record import (
    Alert,
    AlertDescription,
    AlertLevel,
    ContentType,
    HandshakeFramer,
    Record,
    RecordFramer,
)
from tests.strategies.tls_record import records, write
from tests.vectors import vector, vector_lines


def _all_records(framer: RecordFramer) -> list[Record]:
    found = []
    while (record := framer.next_record()) is not None:
        found.append(record)
    return found


def _all_messages(framer: HandshakeFramer) -> list[bytes]:
    found = []
    while (message := framer.next_message()) is not None:
        found.append(message)
    return found


def test_the_alerts_of_xrdp_are_read() -> None:
    answers = vector_lines("tls_alerts_xrdp")[:-1]
    found = []
    for raw in answers:
        record = Record.read(Reader(raw, "Record"))
        alert = Alert.read(Reader(record.fragment, "Alert"))
        found.append((record.version, alert.level, alert.description))
    fatal = AlertLevel.FATAL
    assert found == [
        (0x0301, fatal, AlertDescription.PROTOCOL_VERSION),
        (0x0302, fatal, AlertDescription.PROTOCOL_VERSION),
        (0x0300, fatal, AlertDescription.HANDSHAKE_FAILURE),
        (0x0303, fatal, AlertDescription.HANDSHAKE_FAILURE),
    ]


def test_a_disconnect_in_clear_behind_an_alert_is_no_record_and_left_over() -> None:
    alert, *_, disconnect = vector_lines("tls_alerts_xrdp")
    framer = RecordFramer()
    framer.feed(alert + disconnect)
    assert framer.next_record() is not None
    with pytest.raises(InvalidField) as caught:
        framer.next_record()
    assert caught.value.field == "type"
    assert framer.leftover() == disconnect
    assert framer.next_record() is None


@given(type_byte=st.integers(0, 255).filter(lambda byte: not 20 <= byte <= 24))
def test_one_byte_tells_another_protocol(type_byte: int) -> None:
    framer = RecordFramer()
    framer.feed(bytes([type_byte]))
    with pytest.raises(InvalidField):
        framer.next_record()


def test_a_major_version_that_no_tls_has_is_refused_once_it_is_there() -> None:
    framer = RecordFramer()
    framer.feed(b"\x16")
    assert framer.next_record() is None
    framer.feed(b"\x02")
    with pytest.raises(InvalidField, match="version"):
        framer.next_record()


def test_a_fragment_may_be_as_long_as_the_largest_ciphertext_and_no_longer() -> None:
    framer = RecordFramer()
    framer.feed(b"\x17\x03\x03" + (16384 + 2048).to_bytes(2, "big") + bytes(16384 + 2048))
    record = framer.next_record()
    assert record is not None
    assert len(record.fragment) == 16384 + 2048
    framer.feed(b"\x17\x03\x03" + (16384 + 2049).to_bytes(2, "big"))
    with pytest.raises(TooLong):
        framer.next_record()


@given(messages=st.lists(records, max_size=8), data=st.data())
def test_records_come_out_however_the_stream_is_split(messages: list[Record], data: st.DataObject) -> None:
    stream = b"".join(write(record) for record in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    framer = RecordFramer()
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        framer.feed(stream[start:end])
        found += _all_records(framer)
    assert found == messages
    assert framer.leftover() == b""


def test_a_real_flight_fed_byte_by_byte_gives_its_messages() -> None:
    records_in, messages = RecordFramer(), HandshakeFramer()
    types = []
    for byte in vector("tls12_ecdhe_flight"):
        records_in.feed(bytes([byte]))
        for record in _all_records(records_in):
            assert (record.type, record.version) == (ContentType.HANDSHAKE, 0x0303)
            messages.feed(record.fragment)
            types += [message[0] for message in _all_messages(messages)]
    assert types == [2, 11, 12, 14]
    assert not messages.pending


@given(raw=st.binary(max_size=200))
def test_a_framer_fed_anything_ends(raw: bytes) -> None:
    framer = RecordFramer()
    framer.feed(raw)
    try:
        found = _all_records(framer)
    except WireError:
        assert raw.endswith(framer.leftover())
    else:
        assert b"".join(write(record) for record in found) + framer.leftover() == raw


@given(bodies=st.lists(st.binary(max_size=50), max_size=6), size=st.integers(1, 60))
def test_handshake_messages_may_span_and_share_records(bodies: list[bytes], size: int) -> None:
    wanted = [bytes([number]) + len(body).to_bytes(3, "big") + body for number, body in enumerate(bodies)]
    stream = b"".join(wanted)
    framer = HandshakeFramer()
    found = []
    for start in range(0, len(stream), size):
        framer.feed(stream[start : start + size])
        found += _all_messages(framer)
    assert found == wanted


def test_an_empty_fragment_changes_nothing() -> None:
    framer = HandshakeFramer()
    framer.feed(b"")
    assert framer.next_message() is None
    assert not framer.pending
    framer.feed(b"\x0e\x00")
    framer.feed(b"")
    assert framer.next_message() is None
    assert framer.pending


def test_a_length_of_sixteen_megabytes_is_refused_before_it_is_waited_for() -> None:
    framer = HandshakeFramer()
    framer.feed(b"\x0b\xff\xff\xff")
    with pytest.raises(TooLong, match="16777215"):
        framer.next_message()


def test_the_limit_counts_the_body() -> None:
    framer = HandshakeFramer(limit=3)
    framer.feed(b"\x0b\x00\x00\x03abc")
    assert framer.next_message() == b"\x0b\x00\x00\x03abc"
    framer.feed(b"\x0b\x00\x00\x04")
    with pytest.raises(TooLong):
        framer.next_message()


def test_an_unknown_alert_survives() -> None:
    alert = Alert.read(Reader(b"\x07\xc8", "Alert"))
    assert (alert.level.name, alert.description.name) == ("UNKNOWN_0x7", "UNKNOWN_0xc8")
    assert write(alert) == b"\x07\xc8"
