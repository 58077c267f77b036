"""What a worker of a cluster does: one batch of targets, from the bytes that order it to the bytes that answer.

Orders and answers are bytes, so that the scheduler between the two needs nothing of this program, and whoever orders
sees at once where a worker has another version of it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import trio  # noqa: TID253 - this module is only imported when a scan runs
import zstandard  # noqa: TID253 - as above

from probe import __version__
from probe.errors import InputError, Unavailable
from probe.scan.cluster_parts import Parts, receipts, write_part
from probe.scan.cluster_rate import SharedRate, pace_of
from probe.scan.problem import Problem, problem_of
from probe.scan.work import Finished, Job, Task

if TYPE_CHECKING:
    from distributed import Worker

_PLUGIN = "rdp-probe-stop"
_GONE = {"cancelled", "released", "forgotten"}  # states of a batch that nobody waits for any more


class Order(msgspec.Struct, frozen=True, array_like=True):
    """One batch, as it is sent to a worker. `stale` are parts of an interrupted run that hold some of these targets."""

    version: str
    job: Job
    tasks: list[Task]
    parts: Parts | None = None
    stale: tuple[str, ...] = ()
    run: str = ""  # whose batches share a rate,
    number: int = 0  # the higher of two of which counts


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What came of a batch: all its results, or what a user can mend."""

    finished: list[Finished] = []
    failed: Problem | None = None
    tail_s: float = 0.0  # where a rate bounds it, how long it went on when its last connection had begun


_orders = msgspec.msgpack.Decoder(Order)
_answers = msgspec.msgpack.Decoder(Answer)


def read_answer(answer: bytes) -> Answer:
    """What came of a batch. Raises InputError and Unavailable as the worker would have."""
    read = _answers.decode(zstandard.ZstdDecompressor().decompress(answer))
    if read.failed:
        raise read.failed.error("a worker of the cluster: ")
    return read


def run_order(order: bytes) -> bytes:
    """Do what an order says, on a worker."""
    try:
        answer = _obey(_orders.decode(order))
    except (ExceptionGroup, InputError, Unavailable) as error:
        if (problem := problem_of(error)) is None:
            raise
        answer = Answer(failed=problem)
    return zstandard.ZstdCompressor(level=1).compress(msgspec.msgpack.encode(answer))


def _obey(order: Order) -> Answer:
    if order.version != __version__:
        raise Unavailable(
            f"it has rdp-probe {__version__}, and {order.version} is asked for", "install the same version"
        )
    answer = scan_batch(order.job, order.tasks, order.run, order.number)
    if order.parts is None:
        return answer
    write_part(order.parts, order.tasks[0], answer.finished, order.stale)
    return Answer(receipts(order.parts, order.tasks[0], answer.finished), tail_s=answer.tail_s)


def scan_batch(job: Job, batch: list[Task], run: str, number: int) -> Answer:
    """Scan these targets, and nothing else, in an event loop of its own. The job says what this batch may use.

    Its rate is that of all batches of this run in this process.
    """
    return trio.run(_scan, job, batch, run, number)


async def _scan(job: Job, batch: list[Task], run: str, number: int) -> Answer:
    from probe.scan.scheduler import ThisProcess

    rate = SharedRate(pace_of(run), job.rate, number) if job.rate else None
    hand_out, tasks = trio.open_memory_channel[list[Task]](1)
    finish, finished = trio.open_memory_channel[list[Finished]](64)
    done: list[Finished] = []
    with _stopped_when_unwanted() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ThisProcess(rate).work, job, tasks, finish)
            await hand_out.send(batch)
            await hand_out.aclose()
            async for some in finished:
                done += some
    if scope.cancelled_caught:
        from distributed import Reschedule

        raise Reschedule  # half a batch is none: whoever still wants it lets it run again
    return Answer(done, tail_s=trio.current_time() - rate.last if rate is not None else 0.0)


class _Running:
    """The batches that this process works on, by the key the cluster knows them by, and how each is stopped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stops: dict[object, tuple[trio.lowlevel.TrioToken, trio.CancelScope]] = {}

    @contextmanager
    def known(self, key: object) -> Iterator[trio.CancelScope]:
        with trio.CancelScope() as scope:
            with self._lock:
                self._stops[key] = (trio.lowlevel.current_trio_token(), scope)
            try:
                yield scope
            finally:
                with self._lock:
                    del self._stops[key]

    def stop(self, key: object) -> None:
        """May be called from any thread, and for keys that are nothing of ours."""
        with self._lock:
            if key in self._stops:
                token, scope = self._stops[key]
                token.run_sync_soon(scope.cancel)


_running = _Running()
_plugin_lock = threading.Lock()


@contextmanager
def _stopped_when_unwanted() -> Iterator[trio.CancelScope]:
    """Dask cannot interrupt what runs: a batch stops by itself when it is cancelled or its client is gone."""
    from distributed import get_worker

    try:
        worker = get_worker()
    except ValueError:  # no worker: called directly
        with trio.CancelScope() as scope:
            yield scope
        return
    with _running.known(worker.get_current_task()) as scope:
        with _plugin_lock:
            if _PLUGIN not in worker.plugins:
                _watch(worker)
        yield scope


def _watch(worker: Worker) -> None:
    """Be told by this worker when a key changes its state."""
    import asyncio

    from distributed import WorkerPlugin

    class Stop(WorkerPlugin):
        def transition(self, key: object, start: str, finish: str, **_: Any) -> None:
            if start == "executing" and finish in _GONE:
                _running.stop(key)

    loop: asyncio.AbstractEventLoop = worker.loop.asyncio_loop  # type: ignore[attr-defined]
    added = asyncio.run_coroutine_threadsafe(worker.plugin_add(Stop(), name=_PLUGIN), loop)
    added.result(timeout=10)
