"""How tasks get from where they come to whoever does them, without holding up what is under way."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from itertools import islice

import trio  # noqa: TID253 - this module is only imported when a scan runs

from probe.errors import InputError, Unavailable
from probe.scan.work import Task

_BATCH = 16  # targets handed out at a time
_AHEAD = 256  # targets of a stream that are read before somebody takes them


class Feed:
    """Hands out tasks until there are none, or one cannot be read: `problem` says so then."""

    def __init__(self) -> None:
        self.handed_out = 0
        self.problem: InputError | Unavailable | None = None

    async def run(self, tasks: Iterator[Task], send: trio.MemorySendChannel[list[Task]], *, may_block: bool) -> None:
        """`may_block`: the next task may have to be waited for. Closes `send` at the end."""
        async with send:
            if may_block:
                await _Waiting(self, tasks).run(send)
                return
            try:
                while batch := list(islice(tasks, _BATCH)):
                    await self.hand_out(batch, send)
            except (InputError, Unavailable) as error:
                self.problem = error

    async def hand_out(self, batch: list[Task], send: trio.MemorySendChannel[list[Task]]) -> None:
        """Waits until somebody takes them."""
        self.handed_out += len(batch)
        await send.send(batch)


class _Waiting:
    """Tasks are taken in one thread, and handed out as soon as they are there: who writes the stream may be slow."""

    def __init__(self, feed: Feed, tasks: Iterator[Task]) -> None:
        self._feed = feed
        self._tasks = tasks
        self._taken: deque[Task] = deque()
        self._room = threading.Semaphore(_AHEAD)
        self._changed = trio.Event()
        self._ended = False
        self._token = trio.lowlevel.current_trio_token()

    async def run(self, send: trio.MemorySendChannel[list[Task]]) -> None:
        """Until the stream ends. When cancelled, the thread is left to itself, waiting for the stream."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._take)
                while not self._ended or self._taken:
                    await self._changed.wait()
                    self._changed = trio.Event()
                    while batch := self._next():
                        await self._feed.hand_out(batch, send)
        finally:
            self._ended = True
            self._room.release()

    async def _take(self) -> None:
        try:
            await trio.to_thread.run_sync(self._take_in_thread, abandon_on_cancel=True)
        except (InputError, Unavailable) as error:
            self._feed.problem = error
        finally:
            self._ended = True
            self._changed.set()

    def _take_in_thread(self) -> None:
        for task in self._tasks:
            self._room.acquire()
            self._taken.append(task)
            try:
                self._token.run_sync_soon(self._wake, idempotent=True)
            except trio.RunFinishedError:
                return
            if self._ended:
                return

    def _wake(self) -> None:
        self._changed.set()

    def _next(self) -> list[Task]:
        batch: list[Task] = []
        while self._taken and len(batch) < _BATCH:
            batch.append(self._taken.popleft())
            self._room.release()
        return batch
