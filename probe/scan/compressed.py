"""Files of zstd frames, one behind the other, as a journal has them: read in parts, whatever is in them. RFC 8878."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

FRAME = b"\x28\xb5\x2f\xfd"  # how one begins, 3.1.1


class Torn(Exception):
    """The file ends within a frame."""


def parts_of(stream: BinaryIO, chunk: int) -> Iterator[tuple[bytes, int | None]]:
    """The content in parts; beside the last of each frame where that frame ends in the file, beside others None.

    So many bytes are read at a time: a block of four may hold 128 KiB. Raises Torn, and zstandard.ZstdError for what
    is damaged.
    """
    import zstandard

    context = zstandard.ZstdDecompressor()
    rest = b""
    at = 0
    while rest or (rest := stream.read(chunk)):
        decoder = context.decompressobj()
        while not decoder.eof:
            if not (rest := rest or stream.read(chunk)):
                raise Torn
            part = decoder.decompress(rest)
            at += len(rest)
            rest = decoder.unused_data if decoder.eof else b""
            at -= len(rest)
            yield part, at if decoder.eof else None


class Packing:
    """One frame, as it grows."""

    def __init__(self) -> None:
        import zstandard

        self._frame = zstandard.ZstdCompressor().compressobj()

    def add(self, content: bytes) -> bytes:
        """What of the frame is ready once this was added."""
        return self._frame.compress(content)

    def end(self) -> bytes:
        """The rest of it."""
        return self._frame.flush()
