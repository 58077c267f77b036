"""A situation: one server as a user may meet it, how it is asked, and everything that the probe must say of it."""

from __future__ import annotations

import functools
import itertools
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

import trio

from probe.drive import demo
from probe.drive.demo_server import Behavior, handler
from probe.drive.demo_tls import TlsProfile, prepare
from probe.result import Depth, Nla, Severity, Status
from tests.drive import peers
from tests.drive.peers import Peer
from tests.matrix.faults import Fault, relay
from tests.real.freerdp import virtual_display
from tests.real.process import SOURCE_ADDRESS, Launcher, Server, free_endpoint

Endpoint = tuple[str, int]
_STARTS = 3
LOOPBACK = "127.0.0.1"  # where the embedded servers do not care who asks, and FreeRDP's do


class Workshop:
    """What servers share: one virtual screen, made when it is first needed, and room for files."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._directory: Path | None = None
        self._display: str | None = None
        self._made = 0
        self._lock = trio.Lock()

    def __enter__(self) -> Self:
        self._directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="matrix-")))
        self._directory.chmod(0o755)  # a server may run as another user
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def room(self) -> Path:
        """A new empty directory."""
        assert self._directory is not None
        self._made += 1
        directory = self._directory / str(self._made)
        directory.mkdir()
        return directory

    async def display(self) -> str:
        """The name of the screen that all shadow servers share."""
        async with self._lock:
            if self._display is None:
                made = virtual_display()
                self._display = await trio.to_thread.run_sync(self._stack.enter_context, made)
        return self._display


class Site(Protocol):
    """Where a server comes from."""

    def serving(self, workshop: Workshop) -> AbstractAsyncContextManager[Endpoint]:
        """Run it; give its address and port."""
        ...


@dataclass(frozen=True, slots=True)
class Program:
    """A server program of its own, started with files made for it."""

    launcher: Callable[[Path], Launcher]

    @asynccontextmanager
    async def serving(self, workshop: Workshop) -> AsyncIterator[Endpoint]:
        made = await trio.to_thread.run_sync(self.launcher, workshop.room())
        async with _run(made) as endpoint:
            yield endpoint


@dataclass(frozen=True, slots=True)
class Shadow:
    """FreeRDP's shadow server on the shared screen."""

    launcher: Callable[[Path, str], Launcher]

    @asynccontextmanager
    async def serving(self, workshop: Workshop) -> AsyncIterator[Endpoint]:
        display = await workshop.display()
        made = await trio.to_thread.run_sync(self.launcher, workshop.room(), display)
        async with _run(made) as endpoint:
            yield endpoint


def _started(launcher: Launcher) -> Server:
    """Start it; another time where some other server has taken its port since that was found to be free."""
    for _ in range(_STARTS - 1):
        try:
            return launcher.__enter__()
        except RuntimeError:
            continue
    return launcher.__enter__()


@asynccontextmanager
async def _run(launcher: Launcher) -> AsyncIterator[Endpoint]:
    server = await trio.to_thread.run_sync(_started, launcher)
    try:
        yield server.address, server.port
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(launcher.__exit__, None, None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A server of this process, which says what no server does that can be had here."""

    behavior: Behavior
    tls: TlsProfile | None = None
    delay_s: float = 0.0  # before each of its answers
    connections: int | None = None  # after so many nobody listens any more

    @asynccontextmanager
    async def serving(self, workshop: Workshop) -> AsyncIterator[Endpoint]:
        if self.tls is not None:
            await trio.to_thread.run_sync(prepare, [self.tls])
        serve = handler(self.behavior, delay=self.delay_s, lifetime_s=600.0)
        async with listening(serve, self.connections) as endpoint:
            yield endpoint


def kind(name: str, delay_s: float = 0.0) -> Embedded:
    """One of the embedded servers that the demo has."""
    known = demo.KINDS[name]
    return Embedded(behavior=known.behavior, tls=known.tls, delay_s=delay_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A way to a server that does something to what it carries, or that leads to one of several servers."""

    fault: Callable[[], Fault]  # a new one for each run: it may count connections
    sites: tuple[Site, ...]

    @asynccontextmanager
    async def serving(self, workshop: Workshop) -> AsyncIterator[Endpoint]:
        async with AsyncExitStack() as stack:
            places = [await stack.enter_async_context(site.serving(workshop)) for site in self.sites]
            serve = functools.partial(relay, self.fault(), places)
            yield await stack.enter_async_context(listening(serve))


@dataclass(frozen=True, slots=True)
class Peered:
    """A server of a few lines, as the hostile tests have them."""

    peer: Peer

    @asynccontextmanager
    async def serving(self, workshop: Workshop) -> AsyncIterator[Endpoint]:
        address, _ = free_endpoint()
        async with peers.serving(self.peer, address) as target:
            yield address, target.port


@dataclass(frozen=True, slots=True)
class Place:
    """An address that needs no server."""

    endpoint: Endpoint

    @asynccontextmanager
    async def serving(self, workshop: Workshop) -> AsyncIterator[Endpoint]:
        yield self.endpoint


@dataclass(frozen=True, slots=True)
class Full:
    """A listener whose queue is full: what comes is dropped, as a firewall drops it."""

    @asynccontextmanager
    async def serving(self, workshop: Workshop) -> AsyncIterator[Endpoint]:
        address, _ = free_endpoint()
        with ExitStack() as stack:
            listener = stack.enter_context(socket.socket())
            listener.bind((address, 0))
            listener.listen(0)
            endpoint: Endpoint = listener.getsockname()
            for _ in range(4):  # more than it queues; those that wait go on waiting
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(endpoint)
            await trio.sleep(0.1)
            yield endpoint


@dataclass(frozen=True, slots=True)
class Nobody:
    """An address of this machine where no program listens."""

    @asynccontextmanager
    async def serving(self, workshop: Workshop) -> AsyncIterator[Endpoint]:
        yield free_endpoint()


@asynccontextmanager
async def listening(
    serve: Callable[[trio.SocketStream], Awaitable[None]], connections: int | None = None
) -> AsyncIterator[Endpoint]:
    """Take connections on an address of its own, each handled by `serve`, until the block ends or so many were had."""
    address, _ = free_endpoint()
    [listener] = await trio.open_tcp_listeners(0, host=address)
    endpoint: Endpoint = address, listener.socket.getsockname()[1]

    async def handle(stream: trio.SocketStream) -> None:
        try:
            await serve(stream)
        finally:
            await trio.aclose_forcefully(stream)

    async def accept(nursery: trio.Nursery) -> None:
        async with listener:
            for _ in itertools.count() if connections is None else range(connections):
                nursery.start_soon(handle, await listener.accept())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept, nursery)
        try:
            yield endpoint
        finally:
            nursery.cancel_scope.cancel()


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One row of the matrix."""

    name: str
    started: str  # the server, in words
    site: Site
    codes: Mapping[str, Severity] = field(default_factory=dict)  # every code, and no other
    status: Status = "rdp"
    nla: Nla | None = "unsupported"  # None: there was no connection to ask on
    why: str  # one sentence
    depth: Depth = "standard"
    licensing: bool = False
    ca_file: Callable[[Path], Path] | None = None  # writes the roots to trust
    server_name: str | None = None
    routing_token: str | None = None
    host: str | None = None  # the name asked for; None: the address
    source_address: str | None = SOURCE_ADDRESS
    step_s: float = 5.0  # the longest silence
    as_command: bool = False  # asked by `rdp-probe host --json` in a process of its own

    @property
    def options(self) -> str:
        """What differs from a plain `rdp-probe host`, as its options spell it."""
        chosen = {
            "--depth": None if self.depth == "standard" else self.depth,
            "--server-name": self.server_name,
            "--routing-token": f'"{self.routing_token}"' if self.routing_token is not None else None,
            "--ca-file": "ROOT" if self.ca_file is not None else None,
            "--timeout": None if self.step_s == 5.0 else f"{self.step_s * 1000:g}ms",
        }
        words = [f"{name} {value}" for name, value in chosen.items() if value is not None]
        return " ".join([*words, *(["--licensing"] if self.licensing else [])])
