"""A farm of RDP servers: every address of 127.0.0.0/8 is a host, and what a host does follows from its number.

    .venv/bin/python -m benchmarks.farm                                    # until standard input ends
    .venv/bin/python -m benchmarks.farm --port 3389 --mix windows=97,tarpit=1,reset=1,garbage=1 --delay 0.1

    with farm("windows=9,dead=1") as found:
        ...  # found.port, found.closed_port, found.target(7), found.behavior("127.0.0.7")

One listener takes what is meant for any loopback address (and from no other interface), so a million hosts cost no more
than one. It answers from generators and prepared replies instead of tasks, in processes of its own. The bytes are
those of the embedded servers in `probe.drive`, whose RSA key of 2048 bits and TLS without tickets and sessions are as
Windows has them.

A host's number is its address below 127.0.0.0. Its behavior is the number's place in the mix: with windows=9,dead=1 a
host is dead where the number ends in 9. What each behavior is, is said in farm_hosts.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import heapq
import json
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from benchmarks.farm_hosts import BEHAVIORS, After, Conversation, Reset, prepare_certificates
from probe.errors import ProbeError

_ROOT = Path(__file__).parents[1]
_LOOPBACK = int(IPv4Address("127.0.0.0"))
_HOST_BITS = 0x00FFFFFF
_READ = 16384
_BACKLOG = 4096
_ACCEPT_AT_ONCE = 32  # connections taken in one turn, so that the processes share them
_LO = b"lo\0"

# Linux: asm-generic/socket.h and linux/filter.h. A filter of a listening socket sees the SYN, and what it drops is
# answered by nothing: that is a dead host, without a firewall and without being root.
_SO_ATTACH_FILTER = 26
_DESTINATION = 0xFFF00000 + 16  # SKF_NET_OFF, and the destination's place in an IPv4 header
_LOAD, _AND, _MODULO, _AT_LEAST, _RETURN = 0x20, 0x54, 0x94, 0x35, 0x06


def parse_mix(text: str) -> tuple[str, ...]:
    """The behavior of each number modulo the sum of the shares, from windows=9,dead=1. Raises ValueError."""
    names: list[str] = []
    for part in text.split(","):
        name, _, share = part.partition("=")
        if name not in BEHAVIORS:
            raise ValueError(f"{name}: one of {', '.join(BEHAVIORS)}")
        names += [name] * int(share or 1)
    return tuple(names)


def _filter_of(mix: Sequence[str]) -> list[tuple[int, int, int, int]]:
    """Instructions (code, jump if true, jump if false, operand) that drop what is meant for a dead host."""
    first = mix.index("dead")
    behind = first + mix.count("dead")
    if "dead" in mix[behind:]:
        raise ValueError("dead may stand in a mix once")
    return [
        (_LOAD, 0, 0, _DESTINATION),
        (_AND, 0, 0, _HOST_BITS),
        (_MODULO, 0, 0, len(mix)),
        (_AT_LEAST, 0, 2, first),
        (_AT_LEAST, 1, 0, behind),
        (_RETURN, 0, 0, 0),
        (_RETURN, 0, 0, 0xFFFFFFFF),
    ]


def _drop_dead(listener: socket.socket, mix: Sequence[str]) -> None:
    if "dead" not in mix:
        return
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in _filter_of(mix))
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HL", len(program) // 8, ctypes.addressof(buffer))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)


def _on_loopback(port: int) -> socket.socket:
    """Every address, and the loopback interface alone."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, _LO)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("0.0.0.0", port))
    sock.setblocking(False)
    return sock


@dataclass(slots=True)
class _Connection:
    sock: socket.socket
    conversation: Conversation | None  # None: it is over, and the client is to leave


@dataclass(slots=True)
class _Server:
    """One process of the farm."""

    listener: socket.socket
    mix: Sequence[str]
    delay: float
    poll: select.epoll = field(default_factory=select.epoll)
    open: dict[int, _Connection] = field(default_factory=dict)
    later: list[tuple[float, int, _Connection, bytes]] = field(default_factory=list)
    count: int = 0

    def run(self) -> None:
        """Until standard input ends."""
        self.poll.register(self.listener, select.EPOLLIN | select.EPOLLEXCLUSIVE)
        self.poll.register(sys.stdin.fileno(), select.EPOLLIN)
        while True:
            for number, _ in self.poll.poll(self._until_next()):
                if number == self.listener.fileno():
                    self._accept()
                elif connection := self.open.get(number):
                    self._receive(connection)
                elif number == sys.stdin.fileno():
                    return
            self._send_due()

    def _until_next(self) -> float:
        return max(0.0, self.later[0][0] - time.monotonic()) if self.later else -1.0

    def _accept(self) -> None:
        for _ in range(_ACCEPT_AT_ONCE):
            try:
                sock, _peer = self.listener.accept()
            except OSError:  # none left, or it is gone again
                return
            sock.setblocking(False)
            number = int.from_bytes(socket.inet_aton(sock.getsockname()[0])) & _HOST_BITS
            behavior = BEHAVIORS[self.mix[number % len(self.mix)]]
            assert behavior is not None
            conversation = behavior(number)
            next(conversation)  # nobody here speaks first
            self.open[sock.fileno()] = _Connection(sock, conversation)
            self.poll.register(sock.fileno(), select.EPOLLIN)

    def _receive(self, connection: _Connection) -> None:
        try:
            data = connection.sock.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(connection)
        elif connection.conversation is not None:
            self._go_on(connection, connection.conversation, data)

    def _go_on(self, connection: _Connection, conversation: Conversation, data: bytes) -> None:
        try:
            self._say(connection, conversation.send(data))
        except (StopIteration, ProbeError):
            self._finish(connection)
        except Reset:
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._close(connection)

    def _say(self, connection: _Connection, out: bytes | After | None) -> None:
        wait, data = (out.seconds, out.data) if isinstance(out, After) else (self.delay, out)
        if not data:
            return
        if not wait:
            self._send(connection, data)
            return
        self.count += 1
        heapq.heappush(self.later, (time.monotonic() + wait, self.count, connection, data))

    def _send_due(self) -> None:
        now = time.monotonic()
        while self.later and self.later[0][0] <= now:
            _, _, connection, data = heapq.heappop(self.later)
            if connection.sock.fileno() >= 0:
                self._send(connection, data)

    def _send(self, connection: _Connection, data: bytes) -> None:
        with contextlib.suppress(OSError):
            connection.sock.send(data)  # a reply is smaller than any socket's buffer

    def _finish(self, connection: _Connection) -> None:
        connection.conversation = None
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_WR)

    def _close(self, connection: _Connection) -> None:
        self.open.pop(connection.sock.fileno(), None)
        connection.sock.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Farm:
    """A farm that is being served."""

    port: int
    closed_port: int  # nothing listens there, at any address
    mix: tuple[str, ...]
    process: int

    def behavior(self, address: str) -> str:
        """What the host at a loopback address does."""
        return self.mix[(int(IPv4Address(address)) & _HOST_BITS) % len(self.mix)]

    def address(self, number: int) -> str:
        """The address of a host."""
        return str(IPv4Address(_LOOPBACK + number))

    def target(self, number: int) -> str:
        """The host as a target of a scan."""
        return f"{self.address(number)}:{self.port}"


@contextlib.contextmanager
def farm(mix: str = "windows", *, port: int = 0, delay: float = 0.0, processes: int = 1) -> Iterator[Farm]:
    """Serve in processes of its own until the block ends; on a free port, unless one is given. Linux only.

    `delay` is how many seconds late each reply comes. Raises ValueError for a mix that is none.
    """
    names = parse_mix(mix)
    argv = [sys.executable, "-m", "benchmarks.farm", "--mix", mix, "--port", str(port)]
    argv += ["--delay", str(delay), "--processes", str(processes)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            found = json.loads(process.stdout.readline())
            yield Farm(port=found["port"], closed_port=found["closed_port"], mix=names, process=process.pid)
        finally:
            process.stdin.close()
            process.wait(timeout=10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mix", type=parse_mix, default=("windows",), help="behaviors with their shares")
    parser.add_argument("--port", type=int, default=0, help="a free one where it is not given")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="how late every reply comes")
    parser.add_argument("--processes", type=int, default=1, metavar="N")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started the farm ends it, by its standard input
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    listener, closed = _on_loopback(options.port), _on_loopback(0)
    _drop_dead(listener, options.mix)
    prepare_certificates(options.mix)
    listener.listen(_BACKLOG)
    where = {"port": listener.getsockname()[1], "closed_port": closed.getsockname()[1]}
    sys.stdout.write(json.dumps(where) + "\n")
    sys.stdout.flush()
    children: list[int] = []
    for _ in range(options.processes - 1):
        child = os.fork()
        if not child:
            children.clear()
            break
        children.append(child)
    _Server(listener, options.mix, options.delay).run()
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
