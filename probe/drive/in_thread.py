"""Servers beside code that is not asynchronous: an asynchronous context manager, held open in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

import trio  # noqa: TID253  this module is itself imported only where servers are started

T = TypeVar("T")


@contextmanager
def held_open(enter: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[T]:
    """What `enter` gives, until the block ends. Raises what entering it raises."""
    answers: queue.SimpleQueue[tuple[T, trio.lowlevel.TrioToken, trio.Event] | BaseException] = queue.SimpleQueue()

    async def hold() -> None:
        async with enter() as value:
            done = trio.Event()
            answers.put((value, trio.lowlevel.current_trio_token(), done))
            await done.wait()

    def run() -> None:
        try:
            trio.run(hold)
        except BaseException as error:  # noqa: BLE001  it is raised where the servers were wanted
            answers.put(error)

    thread = threading.Thread(target=run, name="rdp-probe servers", daemon=True)
    thread.start()
    answer = answers.get()
    if isinstance(answer, BaseException):
        thread.join()
        raise answer
    value, token, done = answer
    try:
        yield value
    finally:
        token.run_sync_soon(done.set)
        thread.join()
