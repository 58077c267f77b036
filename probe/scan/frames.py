"""What goes over the pipes between the process that scans and its workers: a length, then MessagePack.

To a worker: its share of the job, then lists of targets; an empty list says that there are no more. The end of its
standard input without that means that nobody wants its results: it ends at once. From a worker: reports, the first of
them empty, to say that it is ready.
"""

from __future__ import annotations

import msgspec
import trio  # noqa: TID253 - this module is only imported when a scan runs

from probe.scan.problem import Problem
from probe.scan.work import Finished

_LENGTH = 4  # bytes, big-endian
_CHUNK = 65536


class Report(msgspec.Struct, frozen=True, array_like=True):
    """What a worker tells."""

    finished: list[Finished] = []
    problem: Problem | None = None  # why it gives up
    late_s: float = 0.0  # at the end: by how much its event loop was late at worst


def frame(content: object) -> bytes:
    """One message with its length before it."""
    body = msgspec.msgpack.encode(content)
    return len(body).to_bytes(_LENGTH, "big") + body


class Frames:
    """The messages that come over a pipe, still encoded."""

    def __init__(self, stream: trio.abc.ReceiveStream) -> None:
        self._stream = stream
        self._rest = bytearray()

    async def next(self) -> bytes | None:
        """The next message; None where the pipe ends, be it within one."""
        rest = self._rest
        while len(rest) < _LENGTH or len(rest) < (end := _LENGTH + int.from_bytes(rest[:_LENGTH], "big")):
            try:
                more = await self._stream.receive_some(_CHUNK)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return None
            if not more:
                return None
            rest += more
        message = bytes(rest[_LENGTH:end])
        del rest[:end]
        return message
