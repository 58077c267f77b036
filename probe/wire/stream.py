"""What framers keep: the bytes of a stream that no message has claimed yet."""

from __future__ import annotations


class Stream:
    """Bytes that no message has claimed yet.

    INVARIANT: a byte is moved a bounded number of times, however small the pieces are in which bytes come and go.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0

    def __len__(self) -> int:
        return len(self._buffer) - self._at

    def feed(self, data: bytes) -> None:
        """Append bytes."""
        self._buffer += data

    def peek(self, size: int) -> bytes:
        """Up to `size` bytes from the front, which stay."""
        return bytes(self._buffer[self._at : self._at + size])

    def take(self, size: int) -> bytes:
        """Remove `size` bytes from the front."""
        taken = self.peek(size)
        self._at += size
        if 2 * self._at >= len(self._buffer):  # moving the rest costs no more than was taken
            del self._buffer[: self._at]
            self._at = 0
        return taken
