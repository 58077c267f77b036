"""A scan on a cluster of real processes, one worker of which is killed midway: complete, and no target twice.

    .venv/bin/python -m benchmarks.cluster                       # 6,000 targets, three workers, about a minute
    .venv/bin/python -m benchmarks.cluster --targets 20000 --workers 4 --parts

One `dask scheduler`, workers by `dask worker`, `rdp-probe scan` itself, and the farm: all on loopback, each a process.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

COMMAND = str(Path(sys.executable).parent / "rdp-probe")
_START_S = 60.0
_FIRST = int(IPv4Address("127.16.0.0"))


@dataclass(frozen=True, slots=True)
class Processes:
    """A scheduler and its workers. Who is killed is waited for at the end of the block."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]


@contextlib.contextmanager
def cluster(workers: int, nthreads: int = 2) -> Iterator[Processes]:
    """`dask scheduler` and `dask worker`, as they are typed, until the block ends. Workers have no nanny."""
    dask = [sys.executable, "-m", "dask"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    host = ["--host", "127.0.0.1", "--no-dashboard"]
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())

        def start(*options: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [*dask, *options, *host],
                cwd=folder,
                env={**os.environ, "DASK_TEMPORARY_DIRECTORY": folder, "PYTHONWARNINGS": "ignore"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(_end, process)
            return process

        scheduler = start("scheduler", "--port", address.rpartition(":")[2])
        _wait_for(int(address.rpartition(":")[2]))
        options = ("worker", address, "--nthreads", str(nthreads), "--no-nanny", "--memory-limit", "0")
        yield Processes(address, scheduler, [start(*options) for _ in range(workers)])


def _wait_for(port: int) -> None:
    """Until it listens there."""
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise TimeoutError(f"no scheduler at port {port} after {_START_S:.0f} s")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(timeout=10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=6000)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--parts", action="store_true", help="workers write parts, as --parts has it")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # nothing that was started here stays
    from benchmarks.farm import farm

    with (
        tempfile.TemporaryDirectory() as folder,
        farm("windows=96,no-tls=2,tarpit=1,dead=1") as found,
        cluster(options.workers) as processes,
    ):
        Show(Path(folder), found.port, processes, options.targets, parts=options.parts).run()


class Show:
    """One scan, and what is left of it."""

    def __init__(self, folder: Path, port: int, processes: Processes, targets: int, *, parts: bool) -> None:
        self._output = folder / "out.ndjson"
        self._parts = folder / "parts" if parts else None
        self._port = port
        self._processes = processes
        self._targets = targets

    def run(self) -> None:
        last = IPv4Address(_FIRST + self._targets - 1)
        argv = [COMMAND, "scan", f"{IPv4Address(_FIRST)}-{last}", "--port", str(self._port), "--depth", "discover"]
        argv += ["--timeout", "5s", "--deadline", "20s", "--concurrency", "150", "-q", "-o", str(self._output)]
        argv += ["--cluster", self._processes.address]
        if self._parts:
            argv += ["--parts", self._parts.as_uri()]
        began = time.perf_counter()
        with subprocess.Popen(argv) as scan:
            killed_at = self._kill_midway(scan)
            status = scan.wait()
        seconds = time.perf_counter() - began
        print(
            f"{len(self._processes.workers)} workers, {self._targets:,} targets, {seconds:.1f} s, exit status {status}"
        )
        print(f"kill -9 of one worker when {killed_at:,} targets were done")
        self._judge()

    def _kill_midway(self, scan: subprocess.Popen[bytes]) -> int:
        """Kill a worker when a third is done."""
        while scan.poll() is None:
            done = self._output.read_bytes().count(b"\n") if self._output.exists() else 0
            if done >= self._targets // 3:
                self._processes.workers[0].send_signal(signal.SIGKILL)
                return done
            time.sleep(0.05)
        raise SystemExit("the scan ended before a worker could be killed")

    def _judge(self) -> None:
        self._judge_lines("the journal", self._output.read_bytes())
        if self._parts:
            import zstandard

            files = sorted(self._parts.iterdir())
            content = b"".join(zstandard.decompress(each.read_bytes()) for each in files)
            self._judge_lines(f"{len(files)} parts", content)

    def _judge_lines(self, what: str, content: bytes) -> None:
        results = [json.loads(line) for line in content.splitlines()]
        seen = Counter(each["target"]["address"] for each in results)
        wanted = {str(IPv4Address(_FIRST + number)) for number in range(self._targets)}
        twice = sum(count > 1 for count in seen.values())
        missing, strange = len(wanted - set(seen)), len(set(seen) - wanted)
        holds = not (twice or missing or strange)
        print(f"{what}: {len(results):,} results; {missing} targets missing, {twice} twice, {strange} unasked", end=" ")
        print("ok" if holds else "MISSED")
        print(
            "   ",
            ", ".join(f"{status} {count:,}" for status, count in Counter(e["status"] for e in results).most_common()),
        )


if __name__ == "__main__":
    main()
