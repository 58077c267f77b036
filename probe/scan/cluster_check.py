"""What can be said of a cluster before a scan begins: that it can be one, that it is there, and how many work for it.

Only one connection is made, and distributed's `Client` is not: one that fails to begin leaves threads behind and
complains at the end of the process.
"""

from __future__ import annotations

import asyncio
import logging
import re
import warnings
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any

from probe.errors import InputError, Unavailable, install_hint

LOCAL = "local"
CONNECT_S = 10.0
SILENT = logging.CRITICAL + 1  # what matters to the user is an error of ours
_LOGGERS = ("distributed", "distributed.client", "distributed.nanny", "tornado", "tornado.application", "asyncio")
_ADDRESS = re.compile(r"(?:(?P<scheme>[a-z]+)://)?(?:\[[0-9a-fA-F:.%\w]+\]|[^\s/:\[\]]+):(?P<port>[0-9]{1,5})/?")
_SCHEMES = ("tcp", "tls", "ws", "wss")
_HINT = 'give its scheduler, as tcp://10.0.0.5:8786, or "local" to start one here'
_TLS_HINT = "a scheduler with TLS is tls://…, one without is tcp://…; certificates of both sides: see docs/scale.md"


@dataclass(frozen=True, slots=True)
class Crew:
    """Who works for a scheduler: processes, and how many batches they run at a time in all."""

    workers: int
    threads: int


def check_address(address: str) -> None:
    """See that this can be a cluster, and that what is needed is installed. Raises InputError, Unavailable."""
    if address != LOCAL:
        match = _ADDRESS.fullmatch(address)
        if match is None or not 0 < int(match["port"]) <= 65535 or (match["scheme"] or "tcp") not in _SCHEMES:
            raise InputError(f"{address} cannot be used as a cluster: it is no address of a scheduler", _HINT)
    quiet()


def quiet() -> None:
    """Load distributed without its logging. Raises Unavailable."""
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise Unavailable(
            "--cluster needs dask.distributed, which is not installed", install_hint("distributed", "fsspec")
        ) from error
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(SILENT)
    warnings.filterwarnings("ignore", module=r"(distributed|dask|tornado)(\..*)?$")


def ask(address: str) -> Crew:
    """Who works for the scheduler at `address`. Blocks, at most ten seconds. Raises Unavailable."""
    found = _asked(address)
    if isinstance(found, Exception):
        raise _refusal(address, found) from found
    if isinstance(found, Crew):
        return found
    raise Unavailable(f"what answers at {address} is a dask {found}, and no scheduler", _HINT)


def _asked(address: str) -> Crew | str | Exception:
    """The scheduler's crew, what else of dask it is, or why it is neither: whatever the reason, nothing to scan with.

    In a thread of its own, for Ctrl-C would meet asyncio halfway between its beginning and its end.
    """
    answers: SimpleQueue[Crew | str | Exception] = SimpleQueue()

    def ask_it() -> None:
        try:
            answers.put(_crew(asyncio.run(_identity(address))))
        except Exception as error:  # noqa: BLE001  it is judged by who asked
            answers.put(error)

    Thread(target=ask_it, daemon=True).start()
    return answers.get()


def _crew(found: dict[str, Any]) -> Crew | str:
    if found["type"] == "Scheduler":
        return Crew(int(found["n_workers"]), int(found["total_threads"]))
    return str(found["type"]).lower()


async def _identity(address: str) -> dict[str, Any]:
    from distributed import Security
    from distributed.comm.core import connect
    from distributed.core import send_recv

    security = Security().get_connection_args("client")
    async with asyncio.timeout(CONNECT_S):
        comm = await connect(address, timeout=CONNECT_S * 0.8, **security)
        try:
            found: dict[str, Any] = await send_recv(comm, op="identity")
            return found
        finally:
            comm.abort()


def _refusal(address: str, error: Exception) -> Unavailable:
    from distributed.comm.core import CommClosedError

    if isinstance(error, OSError) and not isinstance(error, CommClosedError | TimeoutError):
        return Unavailable(
            f"no dask scheduler answers at {address}{_reason(error)}",
            "start one with: dask scheduler; see docs/scale.md",
        )
    if isinstance(error, TypeError | RuntimeError) and address.startswith(("tls:", "wss:")):
        return Unavailable(f"{address} needs certificates, and none are configured here", _TLS_HINT)
    return Unavailable(f"what answers at {address} is no dask scheduler that talks to us{_reason(error)}", _TLS_HINT)


def _reason(error: BaseException) -> str:
    """The first cause of a chain in the words of the system, where it has some."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = getattr(error, "strerror", None) or ""
    return f": {text}" if text else ""
