"""Many connections of a capture judged by several processes, in their order.

Reading a capture takes a fifth of what judging its connections does. A file with few of them is done by one process:
others are only started when there is something to do for them.
"""

from __future__ import annotations

import gc
import heapq
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from queue import SimpleQueue
from typing import TYPE_CHECKING

from probe.capture.connection import Connection, Datagrams

if TYPE_CHECKING:
    from concurrent.futures import Future
    from multiprocessing.connection import Connection as Pipe

Found = Connection | Datagrams
Work = Callable[[Found], bytes]
AtOnce = Callable[[Found], bytes | None]
FEW = 256  # connections that are judged before others are asked to help
_TOGETHER = 32  # connections that go to another process at a time, or fewer, of
_TOGETHER_BYTES = 1 << 20
_MOST_WAITING = 4096
_MOST_BYTES = 24 << 20
_OVERHEAD = 2048  # bytes that a connection takes beside what was said on it
# New objects after which garbage is looked for: a connection makes thousands, nearly none of them in a cycle.
_MANY_OBJECTS = 50_000


def in_order(found: Iterable[tuple[Found, int | None]]) -> Iterator[Found]:
    """Each when everything that began before it is over, or when there is no room to wait any longer.

    With each comes the first frame of the oldest one that still goes on, None for none.
    """
    waiting: list[tuple[int, int, int, Found]] = []
    size = 0
    for count, (each, oldest) in enumerate(found):
        cost = _cost(each)
        heapq.heappush(waiting, (each.first_packet, count, cost, each))
        size += cost
        while waiting and (
            oldest is None or waiting[0][0] < oldest or size > _MOST_BYTES or len(waiting) > _MOST_WAITING
        ):
            _, _, cost, ready = heapq.heappop(waiting)
            size -= cost
            yield ready
    while waiting:
        yield heapq.heappop(waiting)[3]


def _cost(found: Found) -> int:
    return _OVERHEAD + sum(len(piece.data) for piece in found.pieces)


def worked(
    items: Iterable[Found],
    work: Work,
    may_share: Callable[[], bool],
    processes: int | None = None,
    *,
    at_once: AtOnce = lambda _: None,
) -> Iterator[bytes]:
    """What `work` makes of each, in their order. Other processes are copies of this one as it is when they begin.

    `may_share` says whether they know all that is known here. `at_once` gives the same as `work` where that takes less
    than to ask another process; None for all else.
    """
    processes = len(os.sched_getaffinity(0)) if processes is None else processes
    usual = gc.get_threshold()
    gc.set_threshold(_MANY_OBJECTS, *usual[1:])
    try:
        yield from _worked(iter(items), _Maker(work, at_once), may_share, processes)
    finally:
        gc.set_threshold(*usual)


class _Maker:
    """Makes lines here."""

    def __init__(self, work: Work, at_once: AtOnce) -> None:
        self.work = work
        self._at_once = at_once

    def __call__(self, item: Found) -> bytes:
        line = self._at_once(item)
        return self.work(item) if line is None else line

    def all_at_once(self, batch: list[Found]) -> list[bytes] | None:
        """The lines of a batch; None where one of them takes longer."""
        lines = []
        for item in batch:
            line = self._at_once(item)
            if line is None:
                return None
            lines.append(line)
        return lines


def _worked(iterator: Iterator[Found], work: _Maker, may_share: Callable[[], bool], processes: int) -> Iterator[bytes]:
    for item in islice(iterator, FEW):
        yield work(item)
    batches = _batches(iterator)
    if processes > 1 and may_share() and (batch := next(batches, None)):
        yield from _shared(chain((batch,), batches), work, may_share, processes)
    for item in iterator:
        yield work(item)


def _batches(iterator: Iterable[Found]) -> Iterator[list[Found]]:
    batch: list[Found] = []
    size = 0
    for item in iterator:
        batch.append(item)
        size += _cost(item)
        if len(batch) >= _TOGETHER or size >= _TOGETHER_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _shared(
    batches: Iterable[list[Found]], work: _Maker, may_share: Callable[[], bool], processes: int
) -> Iterator[bytes]:
    under_way: deque[tuple[list[Found], Future[list[bytes]] | list[bytes]]] = deque()

    def first() -> list[bytes]:
        """The lines of the first batch. They are made here where the process that was asked was killed."""
        batch, done = under_way.popleft()
        return (done if isinstance(done, list) else done.result()) or _made(work, batch)

    with _helpers(work.work, processes) as ask:
        for batch in batches:
            lines = work.all_at_once(batch)
            shares = lines is None and may_share()
            under_way.append((batch, ask(batch) if shares else lines or _made(work, batch)))
            if len(under_way) > 3 * processes:
                yield from first()
        while under_way:
            yield from first()


def _made(work: Work, batch: list[Found]) -> list[bytes]:
    return [work(item) for item in batch]


@contextmanager
def _helpers(work: Work, processes: int) -> Iterator[Callable[[list[Found]], Future[list[bytes]]]]:
    """What asks the next process that is free for the lines of a batch; there are none where it was killed.

    A `ProcessPoolExecutor` of Python 3.11 may wait for ever where one of its processes was killed, and its processes
    outlive one that is killed itself (CPython issue 94777).
    """
    from concurrent.futures import ThreadPoolExecutor
    from multiprocessing import get_context

    context = get_context("fork")
    free: SimpleQueue[Pipe[list[Found], list[bytes]]] = SimpleQueue()
    helpers = []
    for _ in range(processes):
        ours, theirs = context.Pipe()
        helpers.append(context.Process(target=_help, args=(theirs, ours, work), daemon=True))
        helpers[-1].start()
        theirs.close()
        free.put(ours)

    def ask(batch: list[Found]) -> list[bytes]:
        pipe = free.get()  # one for each thread
        try:
            pipe.send(batch)
            return pipe.recv()
        except (EOFError, OSError):
            return []
        finally:
            free.put(pipe)

    try:
        with ThreadPoolExecutor(processes) as threads:
            yield lambda batch: threads.submit(ask, batch)
    finally:
        while not free.empty():
            free.get().close()
        for helper in helpers:
            helper.join()


def _help(pipe: Pipe[list[bytes], list[Found]], other_end: Pipe[list[Found], list[bytes]], work: Work) -> None:
    """Of a process that helps: it ends with the one that reads, and Ctrl-C is for that one."""
    other_end.close()  # so that the pipe ends with the one that reads
    gc.freeze()  # what was there before is looked through no more, so that its memory stays shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        while True:
            pipe.send(_made(work, pipe.recv()))
    finally:  # what goes wrong with the work does so again where it was asked for
        os._exit(0)
