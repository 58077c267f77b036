"""Audits at depth full of real servers, and what may stand on the way to one: a box that loses hellos or clients.

    with X224Front(OpensslServer()) as server:
        result = full(server)
        result = full(server, path=Path(drops=lambda hello: len(hello) > 900, by="silence"))

The path is a listener of its own inside the audit's event loop; what is behind it is not changed.
"""

from __future__ import annotations

import functools
import json
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import jsonschema
import trio

from probe.audit.settings import Settings
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.result import Result, Target, from_json, json_schema, to_json
from probe.wire import tls_hello, x224
from probe.wire.tls_extensions import ExtensionType, find, read_supported_versions
from probe.wire.tls_record import RecordFramer
from tests.real.front import Front
from tests.real.process import SOURCE_ADDRESS, Server

ENOUGH = 400  # connections, more than any server here takes
PATIENCE_S = 0.4  # for silence, where a test makes it
_LINGER_0 = struct.pack("ii", 1, 0)  # close() then sends a reset

Hello = bytes  # a handshake message, with its header of four bytes


@dataclass(kw_only=True)
class Path:
    """A box between the probe and a server: it passes bytes on, but not every hello, and not every client."""

    drops: Callable[[Hello], bool] = lambda hello: False
    by: Literal["silence", "close", "reset"] = "silence"
    most: int | None = None  # clients that it serves; None: all
    after: Literal["refused", "silent"] = "refused"  # what the others meet
    accepted: int = field(default=0, init=False)

    async def serve(self, server: Server, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Accept clients until cancelled; tells its port when the first may come."""
        with trio.socket.socket() as listener:
            await listener.bind((server.address, 0))
            listener.listen(64)
            task_status.started(listener.getsockname()[1])
            await self._accept(listener, server)

    async def _accept(self, listener: trio.socket.SocketType, server: Server) -> None:
        async with trio.open_nursery() as nursery:
            while self.most is None or self.accepted < self.most:
                client, _ = await listener.accept()
                self.accepted += 1
                nursery.start_soon(self._relay, trio.SocketStream(client), server)
            if self.after == "refused":
                listener.close()
            while self.after == "silent":
                client, _ = await listener.accept()
                self.accepted += 1
                nursery.start_soon(_say_nothing, trio.SocketStream(client))

    async def _relay(self, client: trio.SocketStream, server: Server) -> None:
        async with client, await trio.open_tcp_stream(server.address, server.port) as behind, trio.open_nursery() as n:
            n.start_soon(_pass_on, behind, client)
            try:
                hello = await self._pass_until_hello(client, behind)
                if hello is None or not self.drops(hello):
                    await _pass_on(client, behind)
                elif self.by == "silence":
                    await _say_nothing(client)
                elif self.by == "reset":
                    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass
            n.cancel_scope.cancel()

    async def _pass_until_hello(self, client: trio.SocketStream, behind: trio.SocketStream) -> Hello | None:
        """The first handshake message, read and passed on unless it is to be dropped; None where another thing came."""
        seen, packets = b"", x224.TpktFramer()
        while data := await client.receive_some():
            seen += data
            packets.feed(data)
            if seen[:1] != b"\x03":  # TLS, or SSL 2.0, without X.224
                await behind.send_all(data)
                return None
            if packets.next_packet() is not None:
                break
        await behind.send_all(seen)
        seen, records = b"", RecordFramer()
        while data := await client.receive_some():
            seen += data
            records.feed(data)
            if seen[:1] != b"\x16":
                break
            if (record := records.next_record()) is not None:
                if not self.drops(record.fragment):
                    await behind.send_all(seen)
                return record.fragment
        await behind.send_all(seen)
        return None


async def _pass_on(source: trio.SocketStream, sink: trio.SocketStream) -> None:
    """Pass on what one side says, and its end."""
    try:
        while data := await source.receive_some():
            await sink.send_all(data)
        await sink.send_eof()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        await sink.aclose()


async def _say_nothing(client: trio.SocketStream) -> None:
    """Read until the client ends."""
    async with client:
        while await client.receive_some():
            pass


def offers_tls13(hello: Hello) -> bool:
    """Whether supported_versions of a ClientHello has TLS 1.3."""
    message = tls_hello.read_handshake(hello, 0x0303)
    assert isinstance(message, tls_hello.ClientHello)
    versions = find(message.extensions, ExtensionType.SUPPORTED_VERSIONS)
    return versions is not None and 0x0304 in read_supported_versions(versions)


def full(server: Server, most: int | None = None, *, path: Path | None = None, name: str | None = None) -> Result:
    """Audit a server at depth full, over a path where there is one. `name` is what is asked for by SNI.

    The result is one that the schema allows, and its count of connections is that of the other side.
    """
    limits = Limits(source_address=SOURCE_ADDRESS, step_s=5.0 if path is None else PATIENCE_S)
    before = server.connections if isinstance(server, Front) else 0
    result = trio.run(_audited, server, Settings(depth="full", max_connections=most, server_name=name), limits, path)
    document = to_json(result)
    jsonschema.Draft202012Validator(json_schema()).validate(json.loads(document))
    assert from_json(document) == result
    if path is None and isinstance(server, Front):
        assert result.connections == server.connections - before
    assert sum(result.spent.values()) == result.connections
    return result


async def _audited(server: Server, settings: Settings, limits: Limits, path: Path | None) -> Result:
    port = server.port
    async with trio.open_nursery() as nursery:
        if path is not None:
            port = await nursery.start(functools.partial(path.serve, server))
        target = Target(input=f"{server.address}:{port}", host=server.address, address=server.address, port=port)
        result = await audit(target, settings, limits)
        nursery.cancel_scope.cancel()
    return result
