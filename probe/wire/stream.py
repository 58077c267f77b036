"""What framers keep: the bytes of a stream that no message has claimed yet."""

from __future__ import annotations


class Stream:
    """Bytes that no message has claimed yet.

    INVARIANT: a byte is moved a bounded number of times, however small the pieces are in which bytes come and go.
    """

    __slots__ = ("_at", "_buffer")

    def __init__(self) -> None:
        self._buffer: bytes | bytearray = b""  # what was fed, as long as that is all
        self._at = 0

    def __len__(self) -> int:
        return len(self._buffer) - self._at

    def feed(self, data: bytes) -> None:
        """Append bytes."""
        if self._at == len(self._buffer):
            self._buffer, self._at = bytes(data), 0
        elif isinstance(self._buffer, bytearray):
            self._buffer += data
        else:
            self._buffer, self._at = bytearray(self._buffer[self._at :]), 0
            self._buffer += data

    def peek(self, size: int) -> bytes:
        """Up to `size` bytes from the front, which stay."""
        return bytes(self._buffer[self._at : self._at + size])

    def take(self, size: int) -> bytes:
        """Remove `size` bytes from the front."""
        taken = self.peek(size)
        self.skip(size)
        return taken

    def skip(self, size: int) -> None:
        """Remove `size` bytes from the front."""
        self._at = at = self._at + size
        if at >= len(self._buffer):
            self._buffer, self._at = b"", 0
        elif isinstance(self._buffer, bytearray) and 2 * at >= len(self._buffer):  # no more is moved than was taken
            del self._buffer[:at]
            self._at = 0
