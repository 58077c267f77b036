"""A journal has whole targets, whatever the disk does, and one writer."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import trio
import zstandard

from probe.errors import InputError, Unavailable
from probe.scan import journal as journal_module
from probe.scan import sidecar
from probe.scan.journal import Journal, Stream, can_resume, resume_command
from probe.scan.recovery import recover
from probe.scan.source import open_source
from probe.scan.work import Finished, Source
from tests.scan.test_recovery import finished, line, named, read, write


@contextmanager
def opened(path: Path) -> Iterator[Journal]:
    journal = Journal.reopen(str(path)) if path.exists() else Journal.create(str(path))
    try:
        yield journal
    finally:
        journal.close()


def big(position: int, size: int = 1000) -> Finished:
    """A target with one line of about `size` bytes that hardly compress."""
    return Finished(position, line(position, host=os.urandom(size // 2).hex()), ())


@named
def test_a_file_with_results_is_not_overwritten(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write(path, [[finished(0)]])
    before = path.read_bytes()
    with pytest.raises(InputError, match="is there already") as caught:
        Journal.create(str(path))
    assert f"--resume {path}" in caught.value.hint
    assert path.read_bytes() == before
    with opened(path):  # and it is not locked
        pass


def test_an_empty_file_may_be_begun(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    path.touch()
    Journal.create(str(path)).close()


def test_two_scans_do_not_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    with opened(path):
        for again in (Journal.create, Journal.reopen):
            with pytest.raises(InputError, match="another scan is writing"):
                again(str(path))
    with opened(path):
        pass


@pytest.mark.parametrize(
    ("name", "why"),
    [("none/out.ndjson", "No such file"), ("", "Is a directory"), ("nul\0", "NUL"), ("file/out.ndjson", "Not a dir")],
)
def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write") as caught:
        Journal.create(f"{tmp_path}/{name}")
    assert why in caught.value.what
    assert "\0" not in caught.value.what


def test_what_is_no_regular_file_is_no_journal(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zeros").symlink_to("/dev/zero")
    for name in ("pipe", "zeros"):
        for again in (Journal.create, Journal.reopen):
            with pytest.raises(InputError, match="no regular file"):
                again(str(tmp_path / name))
        record = tmp_path / f"{name}.scan"
        record.symlink_to(name)
        with pytest.raises(InputError, match="no regular file"):
            sidecar.read(str(tmp_path / name))


def test_a_record_is_not_written_through_a_link(tmp_path: Path) -> None:
    target = tmp_path / "mine"
    target.write_text("kept")
    (tmp_path / "out.ndjson").touch()
    (tmp_path / "out.ndjson.scan.part").symlink_to(target)
    arguments = sidecar.Arguments(targets=["192.0.2.1"], timeout=5.0, deadline=60.0, depth="discover", per_host=2)
    sidecar.write(str(tmp_path / "out.ndjson"), sidecar.Sidecar(directory="/", arguments=arguments))
    assert target.read_text() == "kept"
    assert sidecar.read(str(tmp_path / "out.ndjson")).arguments == arguments
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mine", "out.ndjson", "out.ndjson.scan"]


def test_of_lists_that_are_gone_or_others_nothing_is_known() -> None:
    def gone() -> Source:
        raise InputError("cannot read list", "")

    source = open_source(["192.0.2.1"], [3389], seed=1)
    arguments = sidecar.Arguments(targets=["@list"], timeout=5.0, deadline=60.0, depth="discover", per_host=2)
    same = sidecar.Sidecar(directory="/", arguments=arguments, size=1, fingerprint=source.fingerprint)
    assert not sidecar.what_is_where(same, lambda: source)(0, "192.0.2.2", 3389)
    assert sidecar.what_is_where(same, lambda: source)(0, "192.0.2.1", 3389)
    assert sidecar.what_is_where(same, gone)(0, "192.0.2.2", 3389)
    other, stream = (sidecar.Sidecar(directory="/", arguments=arguments, size=size) for size in (2, None))
    assert sidecar.what_is_where(other, lambda: source)(0, "192.0.2.2", 3389)
    assert sidecar.what_is_where(stream, gone)(0, "192.0.2.2", 3389)


def test_a_batch_is_a_frame(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson.zst"
    write(path, [[finished(0), finished(1)], [finished(2)]])
    raw = path.read_bytes()
    first = zstandard.ZstdDecompressor().decompressobj()
    assert first.decompress(raw) == finished(0).lines + finished(1).lines
    assert zstandard.ZstdDecompressor().decompress(first.unused_data) == finished(2).lines


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """As `ulimit -f`; Python ignores SIGXFSZ, so that a write is cut short and the next one fails with EFBIG."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@named
def test_a_file_that_may_not_grow_ends_with_a_whole_target(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    batches = [[big(3 * number + more) for more in range(3)] for number in range(4)]

    async def fill() -> None:
        with opened(path) as journal:
            for batch in batches:
                await journal.append(batch)

    with file_size_limit(4600), pytest.raises(Unavailable) as caught:
        trio.run(fill)
    assert caught.value.what == f"cannot write {path}: File too large"
    assert caught.value.hint.endswith(f"then go on: {resume_command(str(path))}")
    kept = read(path)
    everything = [each.lines for batch in batches for each in batch]
    assert kept == everything[: len(kept)]
    assert len(kept) == (4 if name.endswith("json") else 6)  # of a frame all or none
    assert recover(str(path)).whole == path.stat().st_size


def test_a_file_that_may_not_grow_has_no_half_of_a_part(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    batch = [msgspec.structs.replace(big(number), goes_on=number not in (0, 2, 6)) for number in range(7)]

    async def fill() -> None:
        with opened(path) as journal:
            await journal.append(batch)

    with file_size_limit(5500), pytest.raises(Unavailable):
        trio.run(fill)
    assert read(path) == [each.lines for each in batch[:3]]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_what_the_disk_says_is_told_and_how_to_go_on(
    tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.ndjson"
    write(path, [[finished(0)]])

    def fail(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    with opened(path) as journal, monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", fail)
        with pytest.raises(Unavailable, match=os.strerror(code)):
            trio.run(journal.append, [finished(1)])
    assert read(path) == finished(0).lines.splitlines(keepends=True)


def test_writes_that_are_cut_short_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.ndjson"
    whole = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: whole(fd, data[:7], at))
    write(path, [[finished(0), finished(1)], [finished(2)]])
    assert path.read_bytes() == b"".join(finished(position).lines for position in range(3))


def test_what_could_not_be_synced_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.ndjson"
    write(path, [[finished(0)]])

    def fail(_fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with opened(path) as journal:
        monkeypatch.setattr(journal_module, "_sync", fail)
        with pytest.raises(Unavailable, match="Input/output error"):
            trio.run(journal.append, [finished(1)])
    assert path.read_bytes() == finished(0).lines


def test_a_file_system_without_sync_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_fd: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(journal_module, "_sync", fail)
    path = tmp_path / "out.ndjson"
    write(path, [[finished(0)]])
    assert path.read_bytes() == finished(0).lines


def test_a_cut_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with opened(tmp_path / "out.ndjson") as journal, monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", fail)
        with pytest.raises(Unavailable, match="Input/output error"):
            journal.cut(0)


def test_a_lock_that_cannot_be_had_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(Unavailable, match="cannot lock"):
        Journal.create(str(tmp_path / "out.ndjson"))


def test_a_stream_is_written_and_flushed() -> None:
    raw = io.BytesIO()
    stream = Stream(io.BufferedWriter(raw))
    trio.run(stream.append, [finished(0), finished(2)])
    assert raw.getvalue() == finished(0).lines + finished(2).lines


def test_only_files_can_be_gone_on_with(tmp_path: Path) -> None:
    assert can_resume(str(tmp_path / "new"))
    assert can_resume("nul\0")  # opening it says what is amiss
    assert not can_resume("/dev/null")
    os.mkfifo(tmp_path / "pipe")
    assert not can_resume(str(tmp_path / "pipe"))


def test_the_command_to_go_on_can_be_pasted() -> None:
    assert resume_command("my scan.ndjson") == "rdp-probe scan --resume 'my scan.ndjson'"
