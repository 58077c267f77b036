"""Several targets at once, results in the order of the targets."""

from __future__ import annotations

import resource
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import trio  # noqa: TID253 - this module is only imported when connections are to be made

from probe.audit.settings import Settings
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.drive.resolve import Unresolved, resolve, unresolved_result
from probe.drive.tap import Tap
from probe.errors import InputError
from probe.result import Result, Target

AT_ONCE = 16  # targets under way at a time
_OTHER_FILES = 24  # descriptors that are none of an audit's connections
_READY = 256  # finished results that wait for a slow target before them
T = TypeVar("T")


class _Queue(Generic[T]):
    """Lets targets begin while there is room, and results out in the order in which their targets began."""

    def __init__(self, at_once: int, send: trio.MemorySendChannel[T | InputError]) -> None:
        self.room = trio.Semaphore(at_once)  # audits under way
        self._unsent = trio.Semaphore(at_once + _READY)
        self._send = send
        self._last = trio.Event()
        self._last.set()

    async def begin(self) -> tuple[trio.Event, trio.Event]:
        """Wait for room; the events that say when it is the new one's turn, and when its turn is over."""
        await self._unsent.acquire()
        await self.room.acquire()
        turn, self._last = self._last, trio.Event()
        return turn, self._last

    async def put(self, turn: trio.Event, over: trio.Event, results: Sequence[T | InputError]) -> None:
        """Send in turn."""
        await turn.wait()
        for result in results:
            await self._send.send(result)
        over.set()
        self._unsent.release()


@asynccontextmanager
async def in_order(
    targets: Iterator[Target], work: Callable[[Target], Awaitable[Sequence[T]]], at_once: int
) -> AsyncIterator[trio.MemoryReceiveChannel[T | InputError]]:
    """Do the work for every target, so many at a time; iterate over what is given for what came of it, in their order.

    An InputError among it is a target that could not be understood; nothing comes after it. What the caller's block
    raises ends all work.
    """
    send, receive = trio.open_memory_channel[T | InputError](0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_produce, targets, work, _Queue(at_once, send), send)
        async with receive:
            yield receive
        nursery.cancel_scope.cancel()


async def _produce(
    targets: Iterator[Target],
    work: Callable[[Target], Awaitable[Sequence[T]]],
    queue: _Queue[T],
    send: trio.MemorySendChannel[T | InputError],
) -> None:
    async with send, trio.open_nursery() as nursery:
        while True:
            turn, over = await queue.begin()
            try:
                # Standard input may let us wait: in a thread, so that work under way is not held up.
                target = await trio.to_thread.run_sync(next, targets, None, abandon_on_cancel=True)
            except InputError as error:
                await queue.put(turn, over, [error])
                return
            if target is None:
                return
            nursery.start_soon(_one, target, work, queue, turn, over)


async def _one(
    target: Target,
    work: Callable[[Target], Awaitable[Sequence[T]]],
    queue: _Queue[T],
    turn: trio.Event,
    over: trio.Event,
) -> None:
    results = await work(target)
    queue.room.release()
    await queue.put(turn, over, results)


def room(at_once: int, limits: Limits) -> int:
    """How many audits the descriptors of this process allow, `at_once` at most."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return at_once
    return max(1, min(at_once, (allowed - _OTHER_FILES) // limits.per_host))


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """What is the same for every target. `at_once` targets are under way at a time, however slow one of them is."""

    settings: Settings
    limits: Limits
    one_address: bool = False
    at_once: int = AT_ONCE
    tap: Tap | None = None

    def audit(
        self, targets: Iterator[Target]
    ) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[Result | InputError]]:
        """Audit every target; iterate over what is given for the results, each as soon as those before it are out.

        See `in_order` for what else comes.
        """
        return in_order(targets, self._results, room(self.at_once, self.limits))

    async def _results(self, target: Target) -> list[Result]:
        """One result for each address, one after the other: they are often one machine."""
        found = await resolve(target, one_address=self.one_address, timeout_s=self.limits.step_s)
        if isinstance(found, Unresolved):
            return [unresolved_result(found, self.settings.depth)]
        return [await audit(each, self.settings, self.limits, tap=self.tap) for each in found]
