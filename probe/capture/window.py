"""Bytes of a file as they come: a window that slides over it and never holds more than a record and a little.

A length that a file states is never a size to allocate: bytes are read in pieces of 64 KiB until there are enough, or
the file ends.
"""

from __future__ import annotations

from typing import Protocol

PIECE = 1 << 16  # bytes asked for at once; larger pieces leave the cache, and malloc gives them back each time


class Readable(Protocol):
    """What bytes come from. It may give fewer than are asked for; none at all is the end."""

    def read(self, size: int, /) -> bytes:
        """Wait for bytes, and give `size` or fewer of them."""
        ...


class Window:
    """`data[at:]` is what has been read and not yet used; `at` is moved by who uses it."""

    __slots__ = ("_before", "_source", "at", "data")

    def __init__(self, source: Readable) -> None:
        self.data = b""
        self.at = 0
        self._before = 0  # bytes of the file before `data`
        self._source = source

    @property
    def offset(self) -> int:
        """Where `at` is in the file, in bytes."""
        return self._before + self.at

    def need(self, size: int) -> bool:
        """Slide so that `size` bytes or more stand from `at`, which becomes 0. False: the file ends first."""
        rest = self.data[self.at :]
        self._before += self.at
        self.at = 0
        if len(rest) >= size:
            self.data = rest
            return True
        pieces, found = [rest], len(rest)
        while found < size and (piece := self._source.read(PIECE)):
            pieces.append(piece)
            found += len(piece)
        self.data = b"".join(pieces)
        return found >= size

    def skip(self, size: int) -> bool:
        """Pass over bytes without keeping them. False: the file ends first."""
        while len(self.data) - self.at < size:
            size -= len(self.data) - self.at
            self.at = len(self.data)
            if not self.need(1):
                return False
        self.at += size
        return True
