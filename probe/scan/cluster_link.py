"""The connection to a dask scheduler: distributed's own threads on one side, trio on the other.

distributed keeps an event loop in a thread. What it has to tell, it tells from there: each call comes over by the
token of trio's loop. What blocks is called in a thread. So neither loop ever waits for the other.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import trio  # noqa: TID253 - this module is only imported when a scan runs

from probe import __version__
from probe.errors import Unavailable
from probe.scan.cluster_check import CONNECT_S, LOCAL, SILENT, quiet

if TYPE_CHECKING:
    from distributed import Client, LocalCluster
    from distributed import Future as _Future

    Future = _Future[bytes]

_CLOSE_S = 10.0  # for saying good-bye; what has not been said by then is said by the connection's end
_THREADS = 4  # batches beside each other in one process that is started here
_IGNORE_INTERRUPT = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)"  # Ctrl-C is for whoever started us


class Killed(Exception):
    """Every worker that began this batch died of something, so often that dask gave up."""


class Link:
    """A client of a scheduler. All methods but `close` are for trio's thread or one that trio started."""

    def __init__(self, address: str, client: Client, cluster: LocalCluster | None) -> None:
        self._address = address
        self._client = client
        self._cluster = cluster
        self._token = trio.from_thread.run_sync(trio.lowlevel.current_trio_token)
        self.run = f"rdp-probe-{uuid4().hex[:8]}"
        self._count = 0
        self._under_way: set[Future] = set()

    @property
    def where(self) -> str:
        """The scheduler, for a person."""
        return "the local cluster" if self._cluster else f"the cluster at {self._address}"

    def crew(self) -> dict[str, int]:
        """Address of each worker and how many batches it runs at a time. Blocks. Raises Unavailable."""
        try:
            return dict(self._client.nthreads())
        except (OSError, ValueError, RuntimeError) as error:
            raise self.lost() from error

    def tell(self, changed: Callable[[], None]) -> None:
        """Call `changed` in trio's thread whenever a worker joins or leaves. Blocks."""

        def event(happened: tuple[float, Any]) -> None:
            what = happened[1]
            if isinstance(what, dict) and what.get("action") in ("add-worker", "remove-worker"):
                self._over(changed)

        self._client.subscribe_topic("all", event)

    def fitting(self, workers: list[str]) -> None:
        """See that these have what we have. Blocks. Raises Unavailable."""
        import pkgutil
        import platform

        ours = {"Python": platform.python_version().rpartition(".")[0], "rdp-probe": __version__}
        for name, ask, argument in (
            ("Python", platform.python_version, ()),
            ("rdp-probe", pkgutil.resolve_name, ("probe:__version__",)),
        ):
            for worker, found in self._ask(workers, ask, argument).items():
                theirs = str(found).rpartition(".")[0] if name == "Python" else found
                if theirs != ours[name]:
                    raise _misfit(worker, name, ours[name], theirs)

    def pace(self, workers: list[str], per_second: float, number: int) -> None:
        """Have each of these begin so many connections a second from now on. Blocks. Raises Unavailable."""

        def change(run: str, per_second: float, number: int) -> None:  # travels as code, as in `_entry`
            from probe.scan.cluster_rate import pace_of

            pace_of(run).change(per_second, number)

        self._ask(workers, change, (self.run, per_second, number))

    def _ask(self, workers: list[str], ask: Callable[..., Any], arguments: tuple[object, ...]) -> dict[str, Any]:
        """What each of these says, without those that left meanwhile. An exception stands for itself."""
        try:
            said = self._client.run(ask, *arguments, workers=workers, on_error="return")
        except (OSError, ValueError, RuntimeError) as error:
            raise self.lost() from error
        return {worker: found for worker, found in said.items() if not isinstance(found, OSError)}

    def submit(self, order: bytes, ended: Callable[[], None]) -> Future:
        """Hand out a batch; `ended` is called in trio's thread once there is an answer or none will come. Blocks."""
        self._count += 1
        if self._client.status not in ("running", "connecting"):
            raise self.lost()
        future = self._client.submit(_entry(), order, key=f"{self.run}-{self._count}", priority=-self._count)
        self._under_way.add(future)
        future.add_done_callback(lambda _: self._over(ended))
        return future

    def answer(self, future: Future) -> bytes:
        """What came of a batch. Blocks while it is on its way. Raises Killed, Unavailable."""
        from distributed import KilledWorker

        if future.cancelled() or future.status == "lost":
            raise self.lost()
        try:
            answer: bytes = future.result()
        except KilledWorker as error:
            raise Killed from error
        except ModuleNotFoundError as error:
            raise _misfit("a worker", "rdp-probe", __version__, error) from error
        except OSError as error:
            raise self.lost() from error
        finally:
            self._under_way.discard(future)
            future.release()
        return answer

    def lost(self) -> Unavailable:
        """The error of a scheduler that is not there any more."""
        return Unavailable(
            f"the connection to {self.where} was lost",
            "what the output has is kept: when the scheduler runs again, go on with --resume FILE",
        )

    def deserted(self) -> Unavailable:
        """The error of a scheduler that nobody works for."""
        return Unavailable(
            f"{self.where} has no worker",
            f"start some with: dask worker {self._address} --nthreads {_THREADS}; then go on with --resume FILE",
        )

    def close(self) -> None:
        """Give up what is under way, and end what was started here. Blocks, but not for long."""
        with suppress(Exception):  # the scheduler may be gone: then nothing is under way
            if self._under_way and self._client.status == "running":
                self._client.cancel(list(self._under_way), force=True)
        with suppress(Exception):
            if self._client.status == "running":
                self._client.unsubscribe_topic("all")
        with suppress(Exception):
            self._client.close(timeout=_CLOSE_S)
        if self._cluster:
            with suppress(Exception):
                self._cluster.close(timeout=_CLOSE_S)

    def _over(self, call: Callable[[], None]) -> None:
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(call)


@asynccontextmanager
async def linked(address: str, processes: int) -> AsyncIterator[Link]:
    """A link to the scheduler at `address`, or to one with so many workers that is started here. Raises Unavailable."""
    link = await trio.to_thread.run_sync(_open, address, processes)
    try:
        yield link
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(link.close)


def _open(address: str, processes: int) -> Link:
    quiet()
    with _without_interrupts():
        cluster = _start(processes) if address == LOCAL else None
    try:
        client = _client(cluster or address)
    except (OSError, ValueError, TypeError, ImportError, RuntimeError) as error:
        if cluster:
            cluster.close()
        raise _unreachable(address, error) from error
    return Link(address, client, cluster)


def _client(place: LocalCluster | str) -> Client:
    """A client that `Link.close` closes, and not its finalizer: that of one that never began waits for a minute."""
    from distributed import Client

    class Quiet(Client):
        def __del__(self) -> None:
            pass

    return Quiet(place, timeout=CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """What is started meanwhile sees no Ctrl-C, not even while it imports: threads and processes inherit the mask."""
    resource_tracker.ensure_running()  # it would lift the mask when the first process is started
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(processes: int) -> LocalCluster:
    """A scheduler here and workers in processes of their own. Over TLS: whoever reaches a scheduler may run code."""
    from distributed import LocalCluster
    from distributed.security import Security

    try:
        return LocalCluster(
            n_workers=processes,
            threads_per_worker=_THREADS,
            host="127.0.0.1",
            protocol="tls://",
            security=Security.temporary(),
            dashboard_address=None,
            silence_logs=SILENT,
            memory_limit=0,
            preload=[_IGNORE_INTERRUPT],
        )
    except (OSError, RuntimeError) as error:
        raise Unavailable(f"a local cluster cannot be started: {error}", "scan without --cluster") from error


def _entry() -> Callable[[bytes], bytes]:
    """What a worker calls. It travels as code and not by name, so that the scheduler needs nothing of this program."""

    def work(order: bytes) -> bytes:
        from probe.scan.cluster_worker import run_order

        return run_order(order)

    return work


def _unreachable(address: str, error: Exception) -> Unavailable:
    if isinstance(error, OSError):
        return Unavailable(
            f"no dask scheduler answers at {address}", "start one with: dask scheduler; see docs/scale.md"
        )
    return Unavailable(f"{address} cannot be used as a cluster: {error}", "give its scheduler, as tcp://10.0.0.5:8786")


def _misfit(worker: str, name: str, ours: str, theirs: object) -> Unavailable:
    if isinstance(theirs, BaseException):
        return Unavailable(f"{worker} of the cluster has no {name}", f"install rdp-probe {ours} on every worker")
    return Unavailable(f"{worker} of the cluster has {name} {theirs}, and {ours} is here", "use the same on both")
