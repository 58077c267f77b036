from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.handshake import key_log
from probe.handshake.key_log import KeyLog

RANDOM, SECRET = b"\xa1" * 32, b"\x5e" * 48


def line(label: str, random: bytes = RANDOM, secret: bytes = SECRET) -> bytes:
    return f"{label} {random.hex()} {secret.hex()}\n".encode()


def test_secrets_are_kept_by_random_and_label() -> None:
    log = KeyLog()
    log.take(line("CLIENT_TRAFFIC_SECRET_0") + line("SERVER_TRAFFIC_SECRET_0", secret=b"2" * 32))
    log.take(line("CLIENT_RANDOM", b"b" * 32))
    assert log.of(RANDOM) == {"CLIENT_TRAFFIC_SECRET_0": SECRET, "SERVER_TRAFFIC_SECRET_0": b"2" * 32}
    assert log.of(b"b" * 32) == {"CLIENT_RANDOM": SECRET}
    assert log.of(b"c" * 32) == {}
    assert (log.kept, log.taken, log.unread) == (3, 3, 0)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b""])
@pytest.mark.parametrize("form", [bytes.upper, bytes.lower])
def test_lines_end_anyhow_and_digits_have_either_case(end: bytes, form: object) -> None:
    assert callable(form)
    log = KeyLog()
    log.take(b"CLIENT_RANDOM " + form(RANDOM.hex().encode()) + b" " + form(SECRET.hex().encode()) + end)
    assert log.of(RANDOM) == {"CLIENT_RANDOM": SECRET}


def test_remarks_empty_lines_and_a_byte_order_mark_are_no_mistakes() -> None:
    log = KeyLog()
    log.take(b"\xef\xbb\xbf# SSL/TLS secrets log file\r\n\r\n   \n  # another\n" + line("CLIENT_RANDOM"))
    assert log.kept == 1
    assert log.unread == 0


@pytest.mark.parametrize(
    "label", ["CLIENT_EARLY_TRAFFIC_SECRET", "EARLY_EXPORTER_SECRET", "EXPORTER_SECRET", "ECH_SECRET", "NEW_LABEL"]
)
def test_labels_that_open_no_record_are_read_and_not_kept(label: str) -> None:
    log = KeyLog()
    log.take(line(label))
    assert log.secrets == {}
    assert (log.kept, log.taken, log.unread) == (0, 1, 0)


def test_the_last_of_two_lines_counts() -> None:
    log = KeyLog()
    log.take(line("CLIENT_RANDOM") + line("CLIENT_RANDOM", secret=b"z" * 48))
    assert log.of(RANDOM) == {"CLIENT_RANDOM": b"z" * 48}
    assert log.kept == 1


def test_premaster_secrets_are_kept_by_what_names_them() -> None:
    log = KeyLog()
    log.take(line("RSA", b"12345678") + line("PMS_CLIENT_RANDOM"))
    assert log.premasters == {b"12345678": SECRET}
    assert log.of(RANDOM) == {"PMS_CLIENT_RANDOM": SECRET}


@pytest.mark.parametrize(
    "text",
    [
        b"CLIENT_RANDOM",
        b"CLIENT_RANDOM " + b"a1" * 32,
        b"CLIENT_RANDOM " + b"a1" * 32 + b" ",
        b"CLIENT_RANDOM " + b"a1" * 31 + b" " + b"00" * 48,
        b"CLIENT_RANDOM " + b"a1" * 32 + b" 00 00",
        b"CLIENT_RANDOM " + b"a1" * 32 + b" 0",
        b"CLIENT_RANDOM " + b"zz" * 32 + b" 00",
        b"CLIENT_RANDOM \xff 00",
        b"RSA " + b"a1" * 32 + b" " + b"00" * 48,
        b"\x16\x03\x01\x00\xa5",
    ],
)
def test_what_is_no_line_of_a_key_log_is_counted(text: bytes) -> None:
    log = KeyLog()
    log.take(text + b"\n" + line("CLIENT_RANDOM", b"k" * 32))
    assert log.unread == 1
    assert list(log.secrets) == [b"k" * 32]


def test_secrets_that_no_suite_has_are_not_kept() -> None:
    log = KeyLog()
    log.take(line("CLIENT_RANDOM", secret=bytes(67)))
    assert log.kept == 0
    assert log.taken == 1


def test_of_too_many_the_oldest_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_log, "MOST", 10)
    log = KeyLog()
    for number in range(12):
        log.take(line("CLIENT_RANDOM", bytes([number]) * 32))
    assert [random[0] for random in log.secrets] == list(range(2, 12))
    assert (log.kept, log.dropped) == (10, 2)
    for number in range(25):
        log.take(line("RSA", bytes([number]) * 8))
    assert log.secrets == {}
    assert [name[0] for name in log.premasters] == list(range(15, 25))
    assert (log.kept, log.dropped) == (10, 27)


@given(st.binary(max_size=400))
def test_any_bytes_can_be_given(data: bytes) -> None:
    log = KeyLog()
    log.take(data)
    assert log.kept == sum(map(len, log.secrets.values())) + len(log.premasters)


def test_a_premaster_of_rsa_has_48_bytes_and_no_other_is_kept() -> None:
    log = KeyLog()
    log.take(line("RSA", b"12345678", b"s" * 49) + line("RSA", b"87654321", b"s" * 47))
    assert (log.premasters, log.kept, log.taken) == ({}, 0, 2)


def test_the_premaster_of_the_longest_curve_is_kept() -> None:
    log = KeyLog()
    log.take(line("PMS_CLIENT_RANDOM", secret=b"s" * 66))
    assert log.kept == 1


def test_what_is_mostly_no_key_log_is_given_up() -> None:
    log = KeyLog()
    log.take(line("CLIENT_RANDOM", b"k" * 32) + b"ab\n" * (1 << 17) + line("CLIENT_RANDOM"))
    assert (list(log.secrets), log.unread) == ([b"k" * 32], 1 << 16)


def test_a_line_longer_than_any_of_a_key_log_is_passed_over() -> None:
    log = KeyLog()
    log.take(b"a " * 4096 + b"\n" + line("CLIENT_RANDOM"))
    assert (log.kept, log.unread) == (1, 1)
