"""Results as NDJSON, appended target by target."""

from __future__ import annotations

from typing import BinaryIO

from probe.scan.work import Finished


class Stream:
    """Results on a stream that cannot be resumed, such as standard output."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    async def append(self, finished: list[Finished]) -> None:
        """Write and flush. Raises OSError."""
        self._stream.write(b"".join(each.lines for each in finished))
        self._stream.flush()
