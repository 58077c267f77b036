"""What the benchmarks share: a command with its CPU and memory, embedded servers, and the lines of a table."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Container, Iterator
from pathlib import Path

# The machine that the limits were set on makes one bare exchange with TLS in so much CPU; others are compared by it.
REFERENCE_BARE_MS = 0.45
COMMAND = str(Path(sys.executable).parent / "rdp-probe")


@contextlib.contextmanager
def servers(*options: str) -> Iterator[list[dict[str, object]]]:
    """Embedded servers in another process, until the block ends."""
    argv = [sys.executable, "-m", "probe.drive.demo", "--json", *options]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(timeout=10)


def targets_of(found: list[dict[str, object]]) -> list[str]:
    return [f"{server['address']}:{server['port']}" for server in found]


def run(argv: list[str], *, into: Path | None = None, fine: Container[int] = (0, 1)) -> tuple[float, float, int, str]:
    """Wall seconds, CPU seconds, peak KiB of resident memory and standard output of a command.

    CPU is that of the command and of every process that it started; the peak is that of the largest of them. Where
    standard output goes `into` a file it is not returned. An exit status that is not `fine` ends the benchmark. A
    small process stands between, because memory of the one that starts a command counts as the command's.
    """
    script = (
        "import json,resource,subprocess,sys,time;out=sys.argv[1];f=open(out,'wb') if out else None;"
        "s=time.perf_counter();p=subprocess.Popen(sys.argv[2:],stdin=subprocess.DEVNULL,"
        "stdout=f or subprocess.PIPE,stderr=subprocess.PIPE);a,b=p.communicate();"
        "w=time.perf_counter()-s;u=resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(json.dumps([w,u.ru_utime+u.ru_stime,u.ru_maxrss,(a or b'').decode(),p.returncode,b.decode()]))"
    )
    between = [sys.executable, "-c", script, str(into or ""), *argv]
    out = subprocess.run(between, capture_output=True, text=True, check=True).stdout
    wall, cpu, rss, stdout, code, stderr = json.loads(out)
    if code not in fine:
        sys.exit(f"{argv}: exit {code}\n{stderr}")
    return wall, cpu, rss, stdout


def line(what: str, measured: str, allowed: str, *, holds: bool) -> None:
    print(f"{what:<50} {measured:>22}   {allowed:<24} {'ok' if holds else 'MISSED'}", flush=True)
