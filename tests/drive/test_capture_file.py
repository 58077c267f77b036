from __future__ import annotations

import errno
import gzip
import io
import os
import random
import stat
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

from probe.capture.frame import Frame
from probe.drive import decompression
from probe.drive.capture_file import CaptureFile, open_capture
from probe.errors import InputError
from probe.handshake.key_log import KeyLog
from tests.capture.files import Blocks, pcap

Save = Callable[[bytes], Path]
COUNT = 300
_RANDOM = random.Random(3)
PCAP = pcap(*((1_700_000_000 + number, 0, _RANDOM.randbytes(200), 200) for number in range(COUNT)))
_NG = Blocks()
PCAPNG = _NG.section() + _NG.interface() + b"".join(_NG.enhanced(bytes(60), ticks=number) for number in range(COUNT))


def whole(path: Path | str, secrets: KeyLog | None = None) -> tuple[list[Frame], CaptureFile]:
    with open_capture(str(path), secrets) as file:
        return list(file), file


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(data: bytes) -> Path:
        path = tmp_path / "a file of any name.txt"
        path.write_bytes(data)
        return path

    return write


def _zst(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def _in_parts(compress: Callable[[bytes], bytes], data: bytes) -> bytes:
    return b"".join(compress(data[at : at + 6000]) for at in range(0, len(data), 6000))


STORED: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda data: data,
    "gzip": gzip.compress,
    "gzip of several members, padded": lambda data: (
        gzip.compress(data[:5000]) + gzip.compress(data[5000:]) + bytes(512)
    ),
    "zstd": _zst,
    "zstd of several frames": lambda data: _in_parts(_zst, data),
    "zstd without its size, with a checksum": lambda data: zstandard.ZstdCompressor(
        write_checksum=True, write_content_size=False
    ).compress(data),
}


@pytest.mark.parametrize("how", STORED)
@pytest.mark.parametrize(("name", "data"), [("pcap", PCAP), ("pcapng", PCAPNG)])
def test_captures_are_told_by_their_first_bytes(save: Save, how: str, name: str, data: bytes) -> None:
    path = save(STORED[how](data))
    frames, file = whole(path)
    assert len(frames) == file.count == COUNT
    assert (file.format, file.path, file.notices) == (name, str(path), [])
    assert not file.truncated
    assert not file.damaged
    assert file.read == file.size == path.stat().st_size


def test_how_far_it_is_can_be_asked_meanwhile(save: Save) -> None:
    with open_capture(str(save(pcap(*((0, 0, bytes(60_000), 60_000) for _ in range(50)))))) as file:
        seen = [file.read / (file.size or 1) for _ in file]
    assert seen == sorted(seen)
    assert seen[0] < 0.1
    assert seen[-1] == 1


def test_secrets_in_the_file_are_handed_on(save: Save) -> None:
    log = KeyLog()
    line = b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48
    whole(save(_NG.section() + _NG.secrets(line)), log)
    assert log.of(b"\xab" * 32)


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], None]]:
    opened = []

    def give(data: bytes) -> None:
        file = io.TextIOWrapper(io.BytesIO(data))
        opened.append(file)
        monkeypatch.setattr(sys, "stdin", file)

    yield give
    for file in opened:
        assert not file.closed
        file.close()


def test_standard_input(stdin: Callable[[bytes], None]) -> None:
    stdin(_zst(PCAP))
    frames, file = whole("-")
    assert len(frames) == COUNT
    assert file.size is None


def test_a_pipe_that_gives_little_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)

    def write() -> None:
        with path.open("wb", buffering=0) as pipe:
            for at in range(0, len(PCAP), 1000):
                pipe.write(PCAP[at : at + 1000])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        frames, file = whole(path)
    finally:
        writer.join()
    assert len(frames) == COUNT
    assert file.size is None
    assert file.read == len(PCAP)


def test_frames_come_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    may_go_on = threading.Event()

    def write() -> None:
        with path.open("wb", buffering=0) as pipe:
            pipe.write(PCAP[: 24 + 216])
            may_go_on.wait(30)
            pipe.write(PCAP[24 + 216 :])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with open_capture(str(path)) as file:
            batches = file.batches()
            assert len(next(batches)) == 1  # while the writer waits
            may_go_on.set()
            assert sum(map(len, batches)) == COUNT - 1
    finally:
        may_go_on.set()
        writer.join()


@pytest.mark.parametrize("size", [len(PCAP) // 2, len(PCAP) - 5])
@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_of_cut_compression_what_is_there_counts(save: Save, how: str, size: int) -> None:
    stored = _in_parts(STORED[how], PCAP)
    frames, file = whole(save(stored[: size * len(stored) // len(PCAP)]))
    assert 0 < len(frames) <= COUNT
    assert file.truncated
    assert f"the {how} data ends early" in file.notices


def test_a_flipped_checksum_costs_no_packet(save: Save) -> None:
    stored = bytearray(gzip.compress(PCAP))
    stored[-6] ^= 1
    frames, file = whole(save(bytes(stored)))
    assert len(frames) == COUNT
    assert "incorrect data check" in file.notices[0]
    stored = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(PCAPNG))
    stored[-2] ^= 1
    frames, file = whole(save(bytes(stored)))
    assert len(frames) == COUNT
    assert "the zstd data is damaged" in file.notices[0]


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_of_damaged_compression_what_stands_before_counts(save: Save, how: str) -> None:
    stored = _in_parts(STORED[how], PCAP)
    middle = len(stored) // 2
    frames, file = whole(save(stored[:middle] + b"\xff" * 4000 + stored[middle:]))
    assert COUNT // 2 - 60 <= len(frames) < COUNT * 3 // 4
    assert f"the {how} data is damaged" in file.notices[0]


def test_what_is_not_gzip_behind_gzip_is_damage(save: Save) -> None:
    frames, file = whole(save(gzip.compress(PCAP) + b"rubbish"))
    assert len(frames) == COUNT
    assert "the gzip data is damaged" in file.notices[0]


@pytest.mark.parametrize("compress", [zlib.compress, _zst], ids=["gzip", "zstd"])
def test_a_bomb_goes_through_little_memory(save: Save, compress: Callable[[bytes], bytes]) -> None:
    import tracemalloc

    record = pcap((0, 0, bytes(65536), 65536))[24:]
    count = 300 if compress is zlib.compress else 1500
    data = pcap() + record * count
    path = save(gzip.compress(data) if compress is zlib.compress else compress(data))
    assert path.stat().st_size < 300_000 < len(data)
    tracemalloc.start()
    with open_capture(str(path)) as file:
        assert sum(len(batch) for batch in file.batches()) == count
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80 << 20


NO_CAPTURES = {
    b"": ("empty", "header"),
    b"a list of things\nto do\n": ("text, no capture", "tcpdump -w"),
    b'{"target": "192.0.2.7"}\n': ("JSON, no capture", "rdp-probe verify"),
    b"\xef\xbb\xbf [1]": ("JSON, no capture", "rdp-probe verify"),
    b"snoop\0\0\0\0\0\0\2\0\0\0\4": ("a capture of snoop, not pcap or pcapng", "editcap -F pcapng"),
    b"GMBU" + bytes(60): ("a capture of Network Monitor, not pcap or pcapng", "editcap -F pcapng"),
    b"\xfd7zXZ\0\0\4": ("compressed for xz", "xz -dc"),
    b"BZh91AY": ("compressed for bzip2", "| rdp-probe replay -"),
    b"PK\3\4" + bytes(60): ("compressed for unzip", "unzip -p"),
    b"PK\3\4\x14\0\x09\0" + bytes(60): ("an encrypted zip file", "does not open zip files"),
    bytes.fromhex("d4c3b2a1020004000000"): ("it ends inside its header", "copy the file again"),
    bytes.fromhex("0a0d0d0a1c0000004d3c2b1a01000000"): ("it ends inside its header", "copy the file again"),
    b"\x7fELF\2\1\1\0": ("neither pcap nor pcapng (it begins with 7f 45 4c 46)", "if Wireshark opens it"),
    b"\xa1\xb2": ("neither pcap nor pcapng (it begins with a1 b2)", "editcap"),
    gzip.compress(b""): ("empty, once decompressed", "header"),
    gzip.compress(b"text\n"): ("text, no capture", "tcpdump"),
    b"\x1f\x8b\x08": ("the gzip data ends early", "unpack it first"),
    b"\x1f\x8b\xff\xff\xff": ("the gzip data is damaged: Error -3 while decompressing data: unknown", "copy"),
    b"\x28\xb5\x2f\xfd\xff\xff\xff\xff\xff\xff\xff\xff\xff": ("the zstd data", "copy"),
}  # fmt: skip


@pytest.mark.parametrize("data", NO_CAPTURES)
def test_what_is_no_capture_is_named(save: Save, stdin: Callable[[bytes], None], data: bytes) -> None:
    what, hint = NO_CAPTURES[data]
    path = save(data)
    with pytest.raises(InputError) as raised:
        whole(path)
    assert raised.value.what.startswith(f"{path}: {what}")
    assert hint in raised.value.hint
    stdin(data)
    with pytest.raises(InputError) as raised:
        whole("-")
    assert raised.value.what.startswith(f"standard input: {what}")
    assert str(path) not in raised.value.hint


def test_what_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, what in (
        (str(tmp_path), "a directory, no capture"),
        (str(tmp_path / "none"), "no such file"),
        ("a\0b", "cannot be opened: embedded null byte"),
        ("x" * 5000, "cannot be opened: File name too long"),
    ):
        with pytest.raises(InputError, match=what):
            whole(path)

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(InputError, match="permission denied") as raised:
        whole(tmp_path / "x")
    assert "root" in raised.value.hint


def test_standard_input_that_is_no_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="standard input: closed"):
        whole("-")
    terminal = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", terminal)
    with pytest.raises(InputError, match="a terminal") as raised:
        whole("-")
    assert "tcpdump" in raised.value.hint


class _Failing(io.BytesIO):
    def read1(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= 5000:
            raise OSError(errno.EIO, "Input/output error")
        return super().read1(1000)


def test_a_device_that_fails_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(_Failing(PCAP)))
    frames, file = whole("-")
    assert len(frames) == (5000 - 24) // 216
    assert file.notices[0] == "it could not be read to its end: Input/output error"
    assert file.truncated


def test_the_size_of_what_is_no_plain_file_is_not_known() -> None:
    read, write = os.pipe()
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        assert stat.S_ISFIFO(os.fstat(read).st_mode)
        assert decompression.Stored(pipe).size is None


def test_a_window_that_takes_too_much_memory_is_told_with_what_to_do() -> None:
    content = bytes(1 << 10)
    for size, is_read in ((26, True), (27, False)):
        parameters = zstandard.ZstdCompressionParameters(window_log=size)
        packed = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        data = packed.compress(content) + packed.flush()
        file = decompression.Unzstd(decompression.Stored(io.BytesIO(data)))
        assert (file.read(len(content)) != b"") is is_read
        assert ["window of more than 64 MiB" in notice for notice in file.notices] == [True] * (not is_read)
