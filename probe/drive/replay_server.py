"""A server on loopback that says what a captured server said, for tests of clients.

`replaying` starts it. Each connection that a client opens is answered from the captured connection whose client asked
most nearly the same, see `probe.capture.script`: the server's bytes as they were captured, and its ending. Nothing is
computed, so a client that checks the server's TLS keys goes as far as the certificate and not further.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET

import trio  # noqa: TID253  this module is itself imported only where servers are started

from probe.capture.script import Player, Said, Script
from probe.handshake.machine import Side

_CHUNK = 16384
_LONGEST_PAUSE_S = 10.0
_LIFETIME_S = 60.0  # of one conversation
_BUDGET = 1024 * 1024  # bytes from one client
_LINGER_NOT = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Served:
    """One connection that a client has opened."""

    client: tuple[str, int]
    stream: int | None = None  # the captured connection that answered
    differs: bool = False  # the client asked otherwise than the one in the capture
    sent: int = 0  # bytes
    received: int = 0
    finished: bool = False  # all that the captured server said was said


@dataclass(slots=True, kw_only=True)
class ReplayServer:
    """A captured server that is being served. `served` has each connection of a client, in their order."""

    address: str
    port: int
    streams: tuple[int, ...]  # the captured connections that it answers from
    served: list[Served] = field(default_factory=list)

    @property
    def target(self) -> str:
        """Where it is, as a target is written."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@asynccontextmanager
async def replaying(
    scripts: Sequence[Script], *, address: str = "127.0.0.1", port: int = 0, timing: bool = False
) -> AsyncIterator[ReplayServer]:
    """Serve captured connections on loopback until the block ends.

    With `timing` the server answers as late as in the capture, up to 10 s. Raises OSError where the port is taken.
    """
    [listener] = await trio.open_tcp_listeners(port, host=address)
    server = ReplayServer(
        address=address,
        port=listener.socket.getsockname()[1],
        streams=tuple(script.stream for script in scripts),
    )
    stage = _Stage(scripts, server, timing=timing)
    # Entered by hand, so that what the caller's block raises reaches the caller as it is and not in a group.
    manager = trio.open_nursery()
    nursery = await manager.__aenter__()
    try:
        nursery.start_soon(trio.serve_listeners, stage.perform, [listener])
        yield server
    finally:
        nursery.cancel_scope.cancel()
        await manager.__aexit__(None, None, None)


class _Stage:
    """Plays to every client that comes."""

    def __init__(self, scripts: Sequence[Script], server: ReplayServer, *, timing: bool) -> None:
        self._scripts = list(scripts)
        self._server = server
        self._timing = timing
        self._times = {script.stream: 0 for script in scripts}  # how often each was played

    async def perform(self, stream: trio.SocketStream) -> None:
        """One conversation. What a client breaks ends its own conversation."""
        served = Served(client=stream.socket.getpeername()[:2])
        self._server.served.append(served)
        # Of connections that asked the same, each has its turn: a server may have answered differently in time.
        player = Player(sorted(self._scripts, key=lambda script: self._times[script.stream]))
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError), trio.move_on_after(_LIFETIME_S):
            await self._play(player, stream, served)
        await self._leave(player, stream)

    async def _play(self, player: Player, stream: trio.SocketStream, served: Served) -> None:
        await self._say(player.begin(), stream, served)
        while not player.over and served.received < _BUDGET:
            data = bytes(await stream.receive_some(_CHUNK))
            if not data:
                break
            served.received += len(data)
            says = player.hear(data)
            self._note(player, served)
            await self._say(says, stream, served)
        self._note(player, served)
        self._times[player.script.stream] += 1
        if player.script.ended_by is not Side.SERVER:
            while await stream.receive_some(_CHUNK):  # the captured client ended it; so shall this one
                pass

    @staticmethod
    def _note(player: Player, served: Served) -> None:
        served.stream, served.differs, served.finished = player.script.stream, player.differs, player.over

    async def _say(self, says: Sequence[Said], stream: trio.SocketStream, served: Served) -> None:
        for said in says:
            if self._timing:
                await trio.sleep(min(said.after_s, _LONGEST_PAUSE_S))
            served.sent += len(said.data)  # before: who has received them finds them counted
            await stream.send_all(said.data)

    @staticmethod
    async def _leave(player: Player, stream: trio.SocketStream) -> None:
        reset = player.over and player.script.ended_by is Side.SERVER and player.script.ending == "reset"
        if reset:
            with suppress(OSError):
                stream.socket.setsockopt(SOL_SOCKET, SO_LINGER, _LINGER_NOT)
        await trio.aclose_forcefully(stream) if reset else await stream.aclose()
