from __future__ import annotations

from pathlib import Path

import pytest

from probe.drive.key_log_file import read_key_log
from probe.errors import InputError
from probe.handshake.key_log import KeyLog

LINE = b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48 + b"\n"


def test_a_key_log_is_read_and_added_to_another(tmp_path: Path) -> None:
    (tmp_path / "keys.log").write_bytes(b"# made by a browser\r\n" + LINE)
    log = read_key_log(str(tmp_path / "keys.log"))
    assert log.secrets == {b"\xab" * 32: {"CLIENT_RANDOM": b"\xcd" * 48}}
    (tmp_path / "more.log").write_bytes(LINE.replace(b"ab", b"ef"))
    assert read_key_log(str(tmp_path / "more.log"), log) is log
    assert sorted(log.secrets) == [b"\xab" * 32, b"\xef" * 32]


def test_the_same_key_log_twice_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "keys.log").write_bytes(LINE)
    log = KeyLog()
    for _ in range(2):
        read_key_log(str(tmp_path / "keys.log"), log)
    assert log.kept == 1


def test_a_key_log_with_other_labels_alone_is_one(tmp_path: Path) -> None:
    (tmp_path / "keys.log").write_bytes(LINE.replace(b"CLIENT_RANDOM", b"EXPORTER_SECRET"))
    log = read_key_log(str(tmp_path / "keys.log"))
    assert log.secrets == {}
    assert log.taken == 1


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\n" * 5])
def test_a_key_log_may_be_empty(tmp_path: Path, content: bytes) -> None:
    """As the one of an audit in which no handshake was completed."""
    (tmp_path / "keys.log").write_bytes(content)
    assert read_key_log(str(tmp_path / "keys.log")).kept == 0


@pytest.mark.parametrize("content", [b"\xd4\xc3\xb2\xa1 no text", b"CLIENT_RANDOM 00\n"])
def test_a_file_without_a_secret_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "keys.log").write_bytes(content)
    with pytest.raises(InputError, match=r"no secret in the key log .*keys\.log"):
        read_key_log(str(tmp_path / "keys.log"))


def test_what_never_becomes_a_key_log_is_given_up() -> None:
    with pytest.raises(InputError, match="no secret in the key log '/dev/zero'"):
        read_key_log("/dev/zero")


def test_a_long_line_is_taken_in_pieces_and_what_follows_is_read(tmp_path: Path) -> None:
    (tmp_path / "keys.log").write_bytes(b"x" * 100_000 + b"\n" + LINE)
    assert read_key_log(str(tmp_path / "keys.log")).kept == 1


@pytest.mark.parametrize(
    ("name", "why"), [("none.log", "No such file"), (".", "Is a directory"), ("a\0b", "null byte")]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(InputError, match=f"cannot read the key log .*: .*{why}") as caught:
        read_key_log(str(tmp_path / name))
    assert "SSLKEYLOGFILE" in caught.value.hint
