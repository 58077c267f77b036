"""Results as NDJSON, in a file that survives whatever ends the scan: whole targets, appended and synced.

A batch is one write at the end of the file and one fdatasync; while the disk is busy the next batch gathers, so that a
slow disk makes batches larger and not the scan slower. In a `.zst` file a batch is one frame, so that every frame's
end is a place where the file may end. `probe.scan.recovery` reads the file again.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shlex
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

import trio  # noqa: TID253 - this module is only imported when a scan runs

from probe.errors import InputError, Unavailable
from probe.scan.work import Finished

COMPRESSED = ".zst"
_GATHER_S = 0.05  # what is done within it is written together: a write and its sync cost as much as half a host
_GATHER_COMPRESSED_S = 0.25  # frames of more targets are smaller
_NO_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}  # a file system that cannot
_sync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


class ReaderLeft(Exception):
    """Whoever read the results wants no more of them."""


class Stream:
    """Results on a stream that cannot be resumed, such as standard output."""

    gather_s = _GATHER_S

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    async def append(self, finished: list[Finished]) -> None:
        """Write and flush. Raises OSError, ReaderLeft."""
        data = b"".join(each.lines for each in finished)
        await trio.to_thread.run_sync(self._write, data, abandon_on_cancel=True)

    def _write(self, data: bytes) -> None:
        try:
            self._stream.write(data)
            self._stream.flush()
        except BrokenPipeError as error:
            with suppress(OSError, ValueError):  # what is buffered goes nowhere: Python would flush it at exit
                os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), self._stream.fileno())
            raise ReaderLeft from error


class Journal:
    """A file that only this process writes. What `append` returned from is on the disk."""

    def __init__(self, name: str, descriptor: int) -> None:
        self._name = name
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size  # up to here there are whole targets, and they are synced
        compressed = name.endswith(COMPRESSED)
        self.gather_s = _GATHER_COMPRESSED_S if compressed else _GATHER_S
        self._encode = _compressor() if compressed else bytes

    @classmethod
    def create(cls, name: str) -> Journal:
        """A new file, or one that is empty. Raises InputError where it holds something or cannot be written."""
        journal = cls._open(name, os.O_CREAT)
        if journal.size:
            journal.close()
            raise InputError(
                f"{name} is there already", f"to go on with it: {resume_command(name)}; or give another name"
            )
        return journal

    @classmethod
    def reopen(cls, name: str) -> Journal:
        """One that an interrupted scan left. Raises InputError where there is none, or it is in use."""
        return cls._open(name, 0)

    @classmethod
    def _open(cls, name: str, how: int) -> Journal:
        try:
            descriptor = os.open(name, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK | how, 0o666)
        except (OSError, ValueError) as error:
            raise _cannot_open(name, error) from error
        try:
            _check_regular(name, descriptor)
            _lock(name, descriptor)
            return cls(name, descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    def cut(self, size: int) -> None:
        """Drop what stands behind `size` bytes. Raises Unavailable."""
        try:
            os.ftruncate(self._descriptor, size)
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._failed(error) from error
        self.size = size

    async def append(self, finished: list[Finished]) -> None:
        """Keep these targets. Raises Unavailable; what was whole by then stays in the file."""
        await trio.to_thread.run_sync(self._append, finished)

    def _append(self, finished: list[Finished]) -> None:
        data = memoryview(self._encode(b"".join(each.lines for each in finished)))
        end = self.size
        try:
            while data:
                written = os.pwrite(self._descriptor, data, end)
                end += written
                data = data[written:]
            self._synced()
        except OSError as error:
            # What cannot be synced may be lost though it was written: then only what was synced before is certain.
            self._cut_back(self._whole(finished, end) if data else self.size)
            raise self._failed(error) from error
        self.size = end

    def _whole(self, finished: list[Finished], end: int) -> int:
        """Where the last whole target ends that may be the last, of a batch that was written up to `end`."""
        whole = at = self.size
        if self._encode is bytes:
            for each in finished:
                at += len(each.lines)
                if at > end:
                    break
                whole = whole if each.goes_on else at
        return whole

    def _cut_back(self, whole: int) -> None:
        with suppress(OSError):  # else the next start repairs it
            os.ftruncate(self._descriptor, whole)
            self._synced()
            self.size = whole

    def _synced(self) -> None:
        try:
            _sync(self._descriptor)
        except OSError as error:
            if error.errno not in _NO_SYNC:
                raise

    def _failed(self, error: OSError) -> Unavailable:
        hint = "make room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "put that right"
        return Unavailable(
            f"cannot write {self._name}: {error.strerror}",
            f"what was found so far is in it; {hint}, then go on: {resume_command(self._name)}",
        )

    def close(self) -> None:
        """Another scan may have the file now."""
        os.close(self._descriptor)


def resume_command(name: str) -> str:
    """What to type to go on."""
    return f"rdp-probe scan --resume {shlex.quote(name)}"


def can_resume(name: str) -> bool:
    """Whether `name` is a file, or may become one: a device or a pipe keeps nothing."""
    try:
        return stat.S_ISREG(os.stat(name).st_mode) or os.path.isdir(name)  # noqa: PTH116, PTH112  one call for both
    except (OSError, ValueError):
        return True  # Journal says what is amiss


def _compressor() -> Callable[[bytes], bytes]:
    import zstandard

    return zstandard.ZstdCompressor(write_checksum=True).compress


def _check_regular(name: str, descriptor: int) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise InputError(f"{name} is no regular file", "give the name of one; a pipe or a device keeps nothing")


def _lock(name: str, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InputError(f"another scan is writing {name}", "wait for its end, or give another name") from error
    except OSError as error:
        raise Unavailable(f"cannot lock {name}: {error.strerror}", "write to a disk of this machine") from error


def _cannot_open(name: str, error: OSError | ValueError) -> InputError:
    match error:
        case FileNotFoundError():
            hint = "check the name; its directory must exist"
        case IsADirectoryError():
            hint = f"give the name of a file, such as {shlex.quote(os.path.join(name, 'out.ndjson'))}"  # noqa: PTH118
        case _:
            hint = "give another name, or see to the permissions"
    why = error.strerror if isinstance(error, OSError) else "a file's name has no NUL"
    return InputError(f"cannot write {name!r}: {why}" if "\0" in name else f"cannot write {name}: {why}", hint)
