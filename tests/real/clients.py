"""Real clients, run against real servers until it shows whether they got in.

    with RealClients() as clients, Xrdp() as server:
        visit = clients.visit("freerdp2", server.target)
        visit.got_in, visit.words

A client that fails ends by itself. One that got past the security stage says so, or is sent a screen, which is more
than any handshake takes: a relay between the two counts what the server sends, and gives the client an address that
FreeRDP's servers do not treat as their own. Standard input answers rdesktop's question about a certificate.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.real.freerdp import virtual_display
from tests.real.process import SOURCE_ADDRESS, program

USER, PASSWORD = "someone", "secret"
_SCREEN = 8192  # bytes from the server on one connection: no handshake with one certificate takes as many
_PATIENCE_S = 20.0
# What they print once TLS or CredSSP is done, or the session is active. Standard RDP Security is done when a screen is.
_IN = ("Local framebuffer format", "Connection established using SSL.", "Connection established using CredSSP.")
_FREERDP = ("/cert:ignore", "/network:lan", "-clipboard", "/audio-mode:2", "/gdi:sw", "/bpp:16")
ARGUMENTS = {
    "freerdp2": ("xfreerdp", "/v:{target}", f"/u:{USER}", f"/p:{PASSWORD}", *_FREERDP),
    "rdesktop": ("rdesktop", "-u", USER, "-p", PASSWORD, "-N", "{target}"),
}


@dataclass(kw_only=True)
class Visit:
    """What came of one client at one server."""

    got_in: bool
    words: str  # what the client printed
    status: int | None  # its exit status; None where it was ended because it had got in
    received: list[int]  # bytes from the server, by connection
    first_bytes: list[bytes] = field(default_factory=list)  # what the client sent first, by connection


class Relay:
    """Passes connections on to a target from SOURCE_ADDRESS, and counts."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._to = (host, int(port))
        self._listener = socket.create_server(("127.0.61.1", 0))
        self._ended = threading.Event()
        self.received: list[int] = []
        self.first_bytes: list[bytes] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def target(self) -> str:
        """Where clients find it."""
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def close(self) -> None:
        """End all connections."""
        self._ended.set()
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        self._listener.settimeout(0.05)
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError, OSError):
                client, _ = self._listener.accept()
                number = len(self.received)
                self.received.append(0)
                self.first_bytes.append(b"")
                thread = threading.Thread(target=self._pass_on, args=(client, number), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _pass_on(self, client: socket.socket, number: int) -> None:
        with (
            client,
            contextlib.suppress(OSError),
            socket.create_connection(self._to, 5, source_address=(SOURCE_ADDRESS, 0)) as server,
        ):
            self._both_ways(client, server, number)

    def _both_ways(self, client: socket.socket, server: socket.socket, number: int) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while not self._ended.is_set():
                for key, _ in selector.select(0.05):
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    data = source.recv(65536)
                    if not data:
                        return
                    if source is server:
                        self.received[number] += len(data)
                    elif not self.first_bytes[number]:
                        self.first_bytes[number] = data
                    key.data.sendall(data)


class RealClients:
    """The clients, with an X server to draw on."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._display = stack.enter_context(virtual_display())
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def visit(self, key: str, target: str, *more: str) -> Visit:
        """Run a client until it is in, or has given up. Raises TimeoutError where it does neither."""
        relay = Relay(target)
        try:
            with tempfile.TemporaryDirectory(prefix="rdp-") as home:
                return self._run(key, relay, Path(home), more)
        finally:
            relay.close()

    def _run(self, key: str, relay: Relay, home: Path, more: tuple[str, ...]) -> Visit:
        name, *arguments = (part.format(target=relay.target) for part in (*ARGUMENTS[key], *more))
        output = home / "output"
        with output.open("wb") as stream:
            process = subprocess.Popen(
                [program("stdbuf"), "-oL", program(name), *arguments],  # its lines at once, and not when it ends
                env={"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", "DISPLAY": self._display},
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(b"yes\n" * 4)
            process.stdin.flush()
        deadline = time.monotonic() + _PATIENCE_S
        try:
            while process.poll() is None and not _is_in(relay, output):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{name} neither got in nor gave up: {output.read_text('utf-8', 'replace')}")
                time.sleep(0.02)
        finally:
            status = process.poll()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()
        return Visit(
            got_in=_is_in(relay, output),
            words=output.read_text("utf-8", "replace"),
            status=status,
            received=list(relay.received),
            first_bytes=list(relay.first_bytes),
        )


def _is_in(relay: Relay, output: Path) -> bool:
    words = output.read_text("utf-8", "replace")
    return max(relay.received, default=0) >= _SCREEN or any(sign in words for sign in _IN)
