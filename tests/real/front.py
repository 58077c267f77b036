"""A small X.224 front that makes an RDP server with TLS out of any TLS server behind it.

    with X224Front(OpensslServer(), delay_s=0.05) as front: ... front.target ... front.connections ...

It answers a Connection Request as a server does that has TLS and nothing else, and relays what follows. What the
server behind it does to a connection, an end or a reset, happens to the client's as well, and the other way round.
One thing it adds: a server behind it that is none of RDP has no answer to what a client says inside TLS, and would wait
for more for ever. It is told that the client has ended, and closes.
The relay is a program of its own, so that it takes no time from the client under test:

    python -m tests.real.front --listen 127.0.60.1:3389 --backend 127.0.60.2:443 [--backend ...] [--delay SECONDS]
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import math
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import trio

from probe.errors import WireError
from probe.wire import nego, x224
from probe.wire.nego import FailureCode, Protocol
from probe.wire.tls_record import ContentType, RecordFramer
from tests.real.process import Launcher, Server

ROOT = Path(__file__).parents[2]
ACCEPTED = "accepted"  # the line that the program writes for each TCP connection
CHUNK = 65536
LAST_WORDS_S = 0.1  # so long after a client said something inside TLS, and no more, its end is told to the server
_LINGER_0 = struct.pack("ii", 1, 0)  # close() then sends a reset
_BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)  # closed: by the task of the other direction

Piece = bytes | None  # of a stream: b"" is its orderly end, None a reset


class Front(Server):
    """A running front and what stands behind it."""

    def __init__(
        self,
        argv: Sequence[str],
        endpoint: tuple[str, int],
        directory: Path,
        environment: Mapping[str, str],
        backends: Sequence[Server],
    ) -> None:
        self.backends = tuple(backends)
        super().__init__(argv, endpoint, directory, environment)

    @property
    def backend(self) -> Server:
        """The server behind it; the first one where there are several."""
        return self.backends[0]

    @property
    def connections(self) -> int:
        """How many TCP connections it has accepted so far."""
        return self.log.splitlines().count(ACCEPTED)


class Repeatable(Launcher):
    """A server that can run several times over as one."""

    def settled(self, directory: Path) -> Repeatable:
        """The same server with what it would make up by itself, a certificate for example, made once for all runs."""
        raise NotImplementedError


class X224Front(Launcher):
    """A front before one TLS server, or before several equal ones, where that one serves one client at a time.

    Every chunk of bytes, end or reset toward the client comes `delay_s` later than it was made, as over a long line:
    chunks do not wait for each other. With `workers` the server is started so often, and a connection goes to the
    first of those with the fewest. Equal servers share no sessions: what one begins, another cannot resume.
    """

    def __init__(self, backend: Launcher, *, delay_s: float = 0.0, workers: int = 1) -> None:
        self.backend = backend
        self.delay_s = delay_s
        self.workers = workers

    def __enter__(self) -> Front:
        server = super().__enter__()
        assert isinstance(server, Front)
        return server

    def arrange(self, directory: Path, endpoint: tuple[str, int], stack: ExitStack) -> Front:
        backend = self.backend.settled(directory) if isinstance(self.backend, Repeatable) else self.backend
        # A launcher keeps what it has open, so each run needs one of its own.
        backends = [stack.enter_context(copy.copy(backend)) for _ in range(self.workers)]
        address, port = endpoint
        argv = [sys.executable, "-m", "tests.real.front", "--listen", f"{address}:{port}", "--delay", str(self.delay_s)]
        argv += [option for server in backends for option in ("--backend", server.target)]
        return Front(argv, endpoint, directory, {"PYTHONPATH": str(ROOT)}, backends)


def answer(packet: bytes) -> tuple[bool, bytes]:
    """Whether TLS follows, and the Connection Confirm for a packet. Raises WireError if it is no Connection Request."""
    request = x224.read_packet(packet)
    if not isinstance(request, x224.ConnectionRequest):
        return False, b""
    wanted = nego.RequestData.read(request.variable).negotiation
    follows = wanted is not None and bool(wanted.protocols & Protocol.SSL)
    said: nego.NegotiationResponse | nego.NegotiationFailure
    if follows:
        said = nego.NegotiationResponse(selected=Protocol.SSL)
    else:
        said = nego.NegotiationFailure(code=FailureCode.SSL_REQUIRED_BY_SERVER)
    confirm = x224.ConnectionConfirm(
        variable=nego.ConfirmData(negotiation=said).write(), dst_ref=request.src_ref, src_ref=0x1234
    )
    return follows, x224.write_packet(confirm)


def _note(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _endpoint(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    return address, int(port)


@dataclass
class _Backend:
    endpoint: tuple[str, int]
    busy: int = 0  # connections that are open


async def _receive(stream: trio.SocketStream) -> Piece:
    try:
        return await stream.receive_some(CHUNK)
    except _BROKEN:
        return None


async def _deliver(stream: trio.SocketStream, piece: Piece) -> bool:
    """Do to a stream what happened to the other one. Returns whether that worked."""
    try:
        if piece is None:
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
            stream.socket.close()
        elif piece:
            await stream.send_all(piece)
        else:
            await stream.send_eof()
    except _BROKEN:
        return False
    return True


class _InsideTls:
    """Notices when a client has said something inside TLS. A last flight of TLS 1.3 looks the same from outside."""

    def __init__(self) -> None:
        self._records = RecordFramer()
        self._pieces = 0

    def says(self, piece: bytes) -> bool:
        """Whether the stream with this piece ends in application data."""
        self._pieces += 1
        self._records.feed(piece)
        record, last = None, None
        with contextlib.suppress(WireError):  # it is not TLS
            while record := self._records.next_record():
                last = record
        return last is not None and last.type == ContentType.APPLICATION_DATA

    async def end_unless_more_comes(self, backend: trio.SocketStream) -> None:
        """Wait a little, and end the client's side toward the server."""
        said = self._pieces
        await trio.sleep(LAST_WORDS_S)
        if said == self._pieces:
            with contextlib.suppress(OSError):  # both have ended by now
                backend.socket.shutdown(socket.SHUT_WR)


@dataclass
class _Connection:
    """One client. What goes toward it waits in a line, each piece with the time at which it is due."""

    client: trio.SocketStream
    delay_s: float
    framer: x224.TpktFramer = field(default_factory=x224.TpktFramer)

    def __post_init__(self) -> None:
        self._put, self._take = trio.open_memory_channel[tuple[float, Piece]](math.inf)

    def reply(self, piece: Piece) -> None:
        """Send a piece to the client when its time has come."""
        self._put.send_nowait((trio.current_time() + self.delay_s, piece))

    async def deliver(self) -> bool:
        """Send replies until the last one. Returns False where one could not be sent, or was a reset."""
        async for due, piece in self._take:
            await trio.sleep_until(due)
            if not await _deliver(self.client, piece) or piece is None:
                return False
            if not piece:
                break
        return True

    async def negotiate(self) -> bool:
        """Answer the Connection Request. Returns whether TLS follows. Raises WireError where there is none."""
        while (packet := self.framer.next_packet()) is None:
            data = await _receive(self.client)
            if not data:
                return False
            self.framer.feed(data)
        follows, confirm = answer(packet)
        if confirm:
            self.reply(confirm)
        return follows

    async def from_client(self, backend: trio.SocketStream, nursery: trio.Nursery) -> None:
        """Relay what the client sends, beginning with what came together with its Connection Request."""
        inside = _InsideTls()
        piece: Piece = self.framer.leftover() or await _receive(self.client)
        while await _deliver(backend, piece) and piece:
            if inside.says(piece):
                nursery.start_soon(inside.end_unless_more_comes, backend)
            piece = await _receive(self.client)
        if piece:  # it could not be delivered: the server has closed, and its kernel answers with a reset
            self.reply(None)

    async def from_backend(self, backend: trio.SocketStream) -> None:
        """Relay what the server sends."""
        while True:
            piece = await _receive(backend)
            self.reply(piece)
            if not piece:
                return

    async def relay(self, backend: trio.SocketStream) -> None:
        """Relay both ways until both have ended, or one was reset."""
        async with trio.open_nursery() as nursery:

            async def toward_client() -> None:
                if not await self.deliver():
                    await _deliver(backend, None)
                    nursery.cancel_scope.cancel()

            async def toward_backend() -> None:
                await self.from_client(backend, nursery)
                if backend.socket.fileno() < 0:  # the client was reset, and so is the server now
                    nursery.cancel_scope.cancel()

            nursery.start_soon(toward_client)
            nursery.start_soon(toward_backend)
            nursery.start_soon(self.from_backend, backend)


class _Relay:
    """All connections."""

    def __init__(self, backends: Sequence[_Backend], delay_s: float) -> None:
        self._backends = backends
        self._delay_s = delay_s

    async def handle(self, client: trio.SocketStream) -> None:
        """Serve one client."""
        _note(ACCEPTED)
        connection = _Connection(client, self._delay_s)
        follows = False
        try:
            follows = await connection.negotiate()
        except WireError as error:
            _note(f"not X.224: {error}")
        if follows:
            await self._serve(connection)
        else:
            connection.reply(b"")
            await connection.deliver()

    async def _serve(self, connection: _Connection) -> None:
        chosen = min(self._backends, key=lambda each: each.busy)
        chosen.busy += 1
        try:
            backend = await trio.open_tcp_stream(*chosen.endpoint)
        except OSError as error:  # nobody listens behind
            _note(f"no server: {error}")
            connection.reply(b"")
            await connection.deliver()
        else:
            async with backend:
                await connection.relay(backend)
        finally:
            chosen.busy -= 1


async def _run(listen: tuple[str, int], backends: Sequence[_Backend], delay_s: float) -> None:
    relay = _Relay(backends, delay_s)
    listeners = await trio.open_tcp_listeners(listen[1], host=listen[0])
    await trio.serve_listeners(relay.handle, listeners)


def main() -> None:
    """Relay until a signal ends it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", type=_endpoint, required=True, metavar="ADDRESS:PORT")
    parser.add_argument("--backend", type=_endpoint, required=True, metavar="ADDRESS:PORT", action="append")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="of everything toward the client")
    options = parser.parse_args()
    trio.run(_run, options.listen, [_Backend(each) for each in options.backend], options.delay)


if __name__ == "__main__":
    main()
