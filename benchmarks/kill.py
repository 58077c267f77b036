"""`kill -9` at random moments of a scan, resumed each time: every target is in the results once.

    .venv/bin/python -m benchmarks.kill                     # 20,000 hosts, 20 kills: a minute or two
    .venv/bin/python -m benchmarks.kill --name out.ndjson.zst --kills 5 --hosts 3000

The hosts are addresses of 127.0.0.0/8 with an SSH server on each, which counts how often it is connected to. A host
that was connected to more often than its result says was in flight when the scan was killed, and was asked again: that
is all that a kill may cost. Workers must not outlive the process that was killed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import zstandard  # noqa: TID253  a script of its own

from probe.scan.recovery import recover

COMMAND = str(Path(sys.executable).parent / "rdp-probe")
_FIRST = IPv4Address("127.30.0.1")
_LO = b"lo\0"
_BANNER = b"SSH-2.0-OpenSSH_9.2p1\r\n"


class Counting(threading.Thread):
    """An SSH server on every address of loopback."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.counts: Counter[str] = Counter()
        self.connections = 0
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, _LO)
        self._listener.bind(("0.0.0.0", 0))
        self._listener.listen(4096)
        self.port: int = self._listener.getsockname()[1]

    def run(self) -> None:
        while True:
            connection, _peer = self._listener.accept()
            with connection, contextlib.suppress(OSError):
                self.counts[connection.getsockname()[0]] += 1
                self.connections += 1
                connection.settimeout(1)
                connection.recv(1024)
                connection.sendall(_BANNER)


def read(path: Path) -> Iterator[dict[str, object]]:
    """The results of a whole file."""
    with path.open("rb") as raw:
        if path.suffix == ".zst":
            with zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as stream:
                yield from map(json.loads, stream.read().splitlines())
        else:
            yield from map(json.loads, raw)


def done(path: Path) -> int:
    """Targets that a scan to be resumed would leave out. Only says when to kill; `verdict` reads the file by itself."""
    return recover(str(path), is_stream=False).targets if path.exists() else 0


def workers_of(pid: int) -> list[int]:
    """Processes that this one started."""
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):  # a process belongs to the thread that started it
        with contextlib.suppress(OSError):
            found += [int(each) for each in children.read_text().split()]
    return found


def run_until(argv: list[str], server: Counting, wanted: float, rng: random.Random) -> bool:
    """Run the command and kill it once it has made `wanted` connections, or a moment later; True when it ended."""
    before = server.connections
    process = subprocess.Popen(argv, stderr=subprocess.PIPE)
    try:
        while process.poll() is None and server.connections - before < wanted:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.03))
        if process.poll() is not None:
            assert process.stderr is not None
            if process.returncode:
                sys.exit(f"{argv}: exit {process.returncode}\n{process.stderr.read().decode()}")
            return True
        workers = workers_of(process.pid)
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()
    until = time.monotonic() + 10
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        if time.monotonic() > until:
            sys.exit("a worker outlived the scan")
        time.sleep(0.005)
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hosts", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None, help="of the moments (random)")
    parser.add_argument("--name", default="out.ndjson", help="of the results; .zst: compressed")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    server = Counting()
    server.start()
    with tempfile.TemporaryDirectory() as directory:
        show(options.hosts, options.kills, random.Random(seed), server, Path(directory) / options.name)
    print(f"moments: --seed {seed}")


def show(hosts: int, kills: int, rng: random.Random, server: Counting, path: Path) -> None:
    span = f"{_FIRST}-{_FIRST + hosts - 1}"
    begin = [COMMAND, "scan", "-q", "--depth", "discover", "--port", str(server.port), span, "-o", str(path)]
    again = [COMMAND, "scan", "-q", "--resume", str(path)]
    killed, argv = 0, begin
    while killed < kills:
        left = hosts - done(path)
        # A random part of what is left; the last kill too leaves some for the end.
        ended = run_until(argv, server, rng.uniform(0, 1.8 * left / (kills - killed + 1)), rng)
        if ended:
            break
        killed += 1
        print(f"kill {killed:2}: {done(path):>7,} of {hosts:,} done", flush=True)
        argv = again if Path(f"{path}.scan").exists() else begin
    subprocess.run(again, check=True)
    verdict(hosts, killed, server, path)


def verdict(hosts: int, killed: int, server: Counting, path: Path) -> None:
    found: Counter[str] = Counter()
    connections: dict[str, int] = {}
    for result in read(path):
        target = result["target"]
        assert isinstance(target, dict)
        found[target["address"]] += 1
        connections[target["address"]] = int(str(result["connections"]))
    expected = {str(_FIRST + number) for number in range(hosts)}
    twice = [address for address, count in found.items() if count > 1]
    again = [address for address, count in server.counts.items() if count > connections.get(address, 0)]
    print(f"kill -9: {killed} times; results: {found.total():,}; hosts: {len(found):,} of {hosts:,}")
    print(
        f"missing: {len(expected - set(found)):,}; not asked for: {len(set(found) - expected):,}; twice: {len(twice):,}"
    )
    print(f"in flight at a kill, and so connected to again: {len(again):,}")
    if set(found) != expected or twice:
        sys.exit("MISSED")


if __name__ == "__main__":
    main()
