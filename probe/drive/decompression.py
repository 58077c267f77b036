"""Bytes of a file, and what is compressed in it: as they come, in bounded memory, and as far as they are whole.

Damage is no exception here. What stands before it is given, and `notices` says what happened.
"""

from __future__ import annotations

import io
import os
import stat
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

GZIP = b"\x1f\x8b"  # RFC 1952 section 2.3.1
ZSTD = b"\x28\xb5\x2f\xfd"  # RFC 8878 section 3.1.1
_CHUNK = 1 << 16  # bytes of a gzip file at once
_ZSTD_CHUNK = 1 << 8  # bytes of a zstd file at once: 4 of them may mean 128 KiB, and all of that comes at once
_ZSTD_START = 1 << 13  # so many are taken one by one: of a small damaged file everything before the damage is wanted
_LONGEST_WINDOW = 1 << 26  # of zstandard: a larger one leaves too little room for the rest
_TOO_LARGE = (
    f"the zstd data needs a window of more than {_LONGEST_WINDOW >> 20} MiB, and is not read: "
    "pack it again with less, zstd -19 without --long or --ultra does so"
)
PEEKED = 32  # bytes by which formats are told apart


class Content(Protocol):
    """Bytes as `capture.window.Window` reads them, and what went wrong."""

    notices: list[str]

    def read(self, size: int, /) -> bytes:
        """Wait for bytes, and give `size` or fewer of them; none at the end."""
        ...


class Stored:
    """A file as it is stored. `count` bytes of `size` were read; the size of what is no plain file is None."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        self.notices: list[str] = []
        self.count = 0
        self.size = _size(file)
        self._file = file
        self._start = b""

    def peek(self) -> bytes:
        """The first bytes, 32 of them where there are so many; they are still to be read."""
        while len(self._start) < PEEKED and (more := self._read(PEEKED - len(self._start))):
            self._start += more
        return self._start

    def read(self, size: int, /) -> bytes:
        """As Content.read. An error of the device is the end."""
        data, self._start = (self._start[:size], self._start[size:]) if self._start else (self._read(size), b"")
        self.count += len(data)
        return data

    def _read(self, size: int) -> bytes:
        try:
            return self._file.read1(size)
        except OSError as error:
            self.notices.append(f"it could not be read to its end: {error.strerror or error}")
            return b""


def _size(file: io.BufferedIOBase) -> int | None:
    try:
        status = os.fstat(file.fileno())
    except (OSError, ValueError):  # ValueError: no descriptor
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


class Gunzipped:
    """What a gzip file holds, over any number of members (RFC 1952 section 2.2)."""

    def __init__(self, stored: Stored) -> None:
        self.notices: list[str] = []
        self._stored = stored
        self._rest = b""
        self._member: Any = None  # zlib's decompressor
        self._over = False

    def read(self, size: int, /) -> bytes:
        """As Content.read."""
        while not self._over:
            chunk = self._rest or self._stored.read(_CHUNK)
            self._rest = b""
            if not chunk:
                self._end()
            elif data := self._feed(chunk, size):
                return data
        return b""

    def _end(self) -> None:
        self._over = True
        if self._member is not None:
            self.notices.append("the gzip data ends early")

    def _feed(self, chunk: bytes, size: int) -> bytes:
        if self._member is None:
            chunk = chunk.lstrip(b"\0")  # padding between members, as on tapes
            if not chunk:
                return b""
            self._member = zlib.decompressobj(wbits=31)
        before = self._member.copy()
        try:
            data: bytes = self._member.decompress(chunk, size)
        except zlib.error as error:
            self._over = True
            self.notices.append(f"the gzip data is damaged: {error}")
            return _as_far_as_it_goes(before, chunk)
        if self._member.eof:
            self._rest, self._member = self._member.unused_data, None
        else:
            self._rest = self._member.unconsumed_tail
        return data


def _as_far_as_it_goes(decompressor: Any, chunk: bytes) -> bytes:
    """Byte by byte up to the damage."""
    found = bytearray()
    with suppress(zlib.error):
        for at in range(len(chunk)):
            found += decompressor.decompress(chunk[at : at + 1])
    return bytes(found)


class Unzstd:
    """What a zstd file holds, over any number of frames (RFC 8878 section 3)."""

    def __init__(self, stored: Stored) -> None:
        import zstandard

        self.notices: list[str] = []
        self._stored = stored
        self._new: Callable[[], Any] = zstandard.ZstdDecompressor(max_window_size=_LONGEST_WINDOW).decompressobj
        self._error = zstandard.ZstdError
        self._frame: Any = None
        self._rest = b""
        self._data = memoryview(b"")  # of a few bytes of the file there may be many MiB
        self._over = False

    def read(self, size: int, /) -> bytes:
        """As Content.read."""
        while not self._data and not self._over:
            chunk = self._chunk()
            if chunk:
                self._feed(chunk)
            else:
                self._over = True
                if self._frame is not None:
                    self.notices.append("the zstd data ends early")
        data, self._data = bytes(self._data[:size]), self._data[size:]
        return data

    def _chunk(self) -> bytes:
        if self._rest:
            chunk, self._rest = self._rest, b""
            return chunk
        return self._stored.read(1 if self._stored.count < _ZSTD_START else _ZSTD_CHUNK)

    def _feed(self, chunk: bytes) -> None:
        if self._frame is None:
            self._frame = self._new()
        try:
            self._data = memoryview(self._frame.decompress(chunk))
        except self._error as error:
            self._over = True
            too_large = "too much memory" in str(error)
            self.notices.append(_TOO_LARGE if too_large else f"the zstd data is damaged: {error}")
            return
        if self._frame.eof:
            self._rest, self._frame = self._frame.unused_data, None
