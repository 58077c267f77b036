"""What a scan costs: CPU a host beside the least possible and beside nmap and sslyze, time against theory, memory.

    .venv/bin/python -m benchmarks.scan                           # everything, some minutes
    .venv/bin/python -m benchmarks.scan --only discover,memory    # some rows
    .venv/bin/python -m benchmarks.scan --full                    # memory with a million targets

All traffic stays on loopback; the servers are benchmarks.farm, in a process of its own, and CPU is that of all the
processes of the scan and of nothing else. How to read the table, and its latest output: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address
from pathlib import Path

from benchmarks.farm import Farm, farm
from benchmarks.measure import COMMAND, REFERENCE_BARE_MS, line, run

ROOT = Path(__file__).parents[1]
FIRST = int(IPv4Address("127.16.0.0"))
BARE_HOSTS = 400
BARE_ROUNDS = 5
PEAK_MB = 150


@dataclass(frozen=True, slots=True)
class Options:
    """How large the rows are, and where their files go."""

    hosts: int
    full: bool
    sslyze: Path
    directory: Path


@dataclass(frozen=True, slots=True)
class Scan:
    """One run of rdp-probe scan. Times in seconds, memory in KiB, each of all its processes."""

    hosts: int
    wall: float
    cpu: float
    peak: int
    results: Path

    def lines(self) -> Iterator[dict[str, object]]:
        with self.results.open("rb") as file:
            yield from map(json.loads, file)


def hosts_from(first: int, count: int) -> str:
    """So many addresses as one target of a scan."""
    return f"{IPv4Address(first)}-{IPv4Address(first + count - 1)}"


def scan(options: Options, port: int, count: int, *more: str, depth: str = "discover", processes: int = 1) -> Scan:
    """Scan so many hosts of the farm. A host without a result ends the benchmark."""
    results = options.directory / "results.ndjson"
    argv = [COMMAND, "scan", "--quiet", "--depth", depth, "--port", str(port), "--processes", str(processes)]
    wall, cpu, peak, _ = run([*argv, *more, hosts_from(FIRST, count)], into=results, fine=(0,))
    with results.open("rb") as file:
        seen = sum(1 for _ in file)
    if seen != count:
        sys.exit(f"{count} hosts were to be scanned, and {seen} results were written")
    return Scan(count, wall, cpu, peak, results)


def cpu_a_host(options: Options, port: int, count: int, *more: str, depth: str = "discover") -> tuple[float, Scan]:
    """Milliseconds of CPU that a further host takes: a scan of an eighth of the hosts is taken off."""
    few = scan(options, port, max(count // 8, 1), *more, depth=depth)
    many = scan(options, port, count, *more, depth=depth)
    return (many.cpu - few.cpu) / (many.hosts - few.hosts) * 1000, many


def bare_ms(module: str, targets: Sequence[str], *more: str) -> float:
    """Milliseconds of CPU of one exchange of a bare loop, starting it taken off."""
    argv = [sys.executable, "-m", f"benchmarks.{module}", *targets, *more]
    once, again = (run([*argv, "--rounds", str(rounds)])[1] for rounds in (1, 1 + BARE_ROUNDS))
    return (again - once) / (BARE_ROUNDS * len(targets)) * 1000


def targets_of(found: Farm, count: int) -> list[str]:
    return [found.target((FIRST & 0xFFFFFF) + number) for number in range(count)]


def status_of(results: Scan, expected: str) -> None:
    """All hosts are what the farm made them, or nothing that was measured means anything."""
    statuses = {result["status"] for result in results.lines()}
    if statuses != {expected}:
        sys.exit(f"all hosts should be {expected}, and are {statuses}")


def discover(options: Options) -> None:
    """CPU of the full exchange in one connection beside a bare trio loop."""
    with farm() as found:
        bare = bare_ms("bare", targets_of(found, BARE_HOSTS), "--credssp")
        ours, many = cpu_a_host(options, found.port, options.hosts)
        again = bare_ms("bare", targets_of(found, BARE_HOSTS), "--credssp")
    status_of(many, "rdp")
    bare = statistics.mean((bare, again))  # before and after: other work on the machine shows in both
    line("bare trio loop, the exchange of discover", f"{bare:.2f} ms", f"reference {REFERENCE_BARE_MS} ms", holds=True)
    what = f"discover, CPU a host, {many.hosts} in {many.wall:.1f} s"
    line(what, f"{ours:.2f} ms = {ours / bare:.2f} bare", "<= 2.2 bare", holds=ours <= 2.2 * bare)
    least = 1000 * REFERENCE_BARE_MS / bare
    line(
        "discover, hosts a second a core",
        f"{1000 / ours:.0f}",
        f">= {least:.0f} (1000 there)",
        holds=1000 / ours >= least,
    )


def negotiation(options: Options) -> None:
    """CPU of a host that says no to TLS beside a bare epoll loop."""
    with farm("no-tls") as found:
        bare = bare_ms("bare_epoll", targets_of(found, BARE_HOSTS))
        ours, many = cpu_a_host(options, found.port, options.hosts)
        again = bare_ms("bare_epoll", targets_of(found, BARE_HOSTS))
    status_of(many, "rdp")
    bare = statistics.mean((bare, again))
    line("bare epoll loop, a negotiation", f"{bare:.3f} ms", "", holds=True)
    what = f"negotiation only, CPU a host, {many.hosts} in {many.wall:.1f} s"
    line(what, f"{ours:.2f} ms = {ours / bare:.1f} bare", "<= 2.5 bare", holds=ours <= 2.5 * bare)


def standard(options: Options) -> None:
    """CPU of an audit at the standard depth, and what nmap and sslyze take for the same hosts."""
    with farm(port=3389) as found:
        bare = bare_ms("bare", targets_of(found, BARE_HOSTS), "--credssp")
        ours, many = cpu_a_host(options, found.port, max(options.hosts // 5, 16), depth="standard")
        status_of(many, "rdp")
        least = 150 * REFERENCE_BARE_MS / bare
        rate = 1000 / ours
        what = f"standard, hosts a second a core, {many.hosts} in {many.wall:.1f} s"
        line(what, f"{rate:.0f} ({ours:.1f} ms)", f">= {least:.0f} (150 there)", holds=rate >= least)
        both = scan(options, found.port, many.hosts, depth="standard", processes=2)
        row = f"  rdp-probe, 2 processes: {both.hosts / both.wall:.1f} hosts/s"
        line(row, f"{both.cpu / both.hosts * 1000:.1f} ms CPU a host", "", holds=True)
        _nmap(found)
        _sslyze(found, options.sslyze)


def _nmap(found: Farm, count: int = 64) -> None:
    program = shutil.which("nmap")
    if program is None:
        line("  nmap", "not installed", "", holds=True)
        return
    scripts = "+rdp-enum-encryption,+rdp-ntlm-info"  # +: also where the port has no such name
    hosts = [target.rpartition(":")[0] for target in targets_of(found, count)]
    argv = [program, "-n", "-Pn", "-p", str(found.port), "--script", scripts, "-oX", "-", *hosts]
    wall, cpu, _, out = run(argv)
    names = [len(re.findall(f'id="{script}"', out)) for script in ("rdp-enum-encryption", "rdp-ntlm-info")]
    row = f"  nmap -p {found.port}, both scripts: {count / wall:.1f} hosts/s"
    line(row, f"{cpu / count * 1000:.1f} ms CPU a host", f"answers {names[0]} and {names[1]} of {count}", holds=True)


def _sslyze(found: Farm, directory: Path, count: int = 16) -> None:
    program = directory / "bin" / "sslyze"
    if not program.exists():
        line("  sslyze", "not installed", f"python -m benchmarks.tls puts it into {directory.name}", holds=True)
        return
    targets = targets_of(found, count)
    wall, cpu, _, out = run([str(program), "--starttls=rdp", "--json_out=-", *targets])
    done = sum(server["scan_status"] == "COMPLETED" for server in json.loads(out)["server_scan_results"])
    row = f"  sslyze --starttls=rdp: {count / wall:.1f} hosts/s"
    line(row, f"{cpu / count * 1000:.1f} ms CPU a host", f"completed {done} of {count}", holds=True)


def dead(options: Options, timeout_s: float = 1.0, delay_s: float = 0.1, concurrency: int = 500) -> None:
    """Nine of ten addresses say nothing to a SYN, and the tenth takes 100 ms for each of three replies.

    Theory: every dead host holds one place for the timeout, every live one for three replies (X.224, the server's part
    of TLS 1.3, the challenge), and all places are always taken:
    wall = (dead x timeout + live x 3 x delay) / concurrency.
    """
    count = max(options.hosts * 5, 5000)
    with farm("windows-ec=1,dead=9", delay=delay_s) as found:
        more = ("--timeout", f"{timeout_s:.0f}s", "--concurrency", str(concurrency))
        done = scan(options, found.port, count, *more, processes=2)
        kinds = [found.behavior(str(IPv4Address(FIRST + number))) for number in range(count)]
    silent = kinds.count("dead")
    filtered = sum(result["status"] == "filtered" for result in done.lines())
    if filtered != silent:
        sys.exit(f"{silent} hosts are dead, and {filtered} were found filtered")
    theory = (silent * timeout_s + (count - silent) * 3 * delay_s) / concurrency
    what = f"90 % dead, 100 ms a reply, {count} hosts, {concurrency} at a time"
    line(what, f"{done.wall:.1f} s = {done.wall / theory:.2f} theory", "<= 1.3 theory", holds=done.wall <= 1.3 * theory)
    line("  theory, and CPU of the scan", f"{theory:.1f} s; {done.cpu:.1f} s", "", holds=True)


def memory(options: Options) -> None:
    """The largest process of a scan of closed ports: nothing but the number of targets grows."""
    sizes = (10_000, 1_000_000 if options.full else 50_000)
    with farm("no-tls") as found:
        small, large = (scan(options, found.closed_port, count, processes=2) for count in sizes)
    for done in (small, large):
        what = f"peak memory of a process, {done.hosts} targets, {done.hosts / done.wall:.0f}/s"
        line(what, f"{done.peak / 1024:.0f} MB", f"<= {PEAK_MB} MB", holds=done.peak <= PEAK_MB * 1024)
    growth = large.peak / small.peak - 1
    what = f"  growth from {sizes[0]} to {sizes[1]} targets"
    line(what, f"{growth:.1%}", "< 10 %" if options.full else "< 10 % (with --full: a million)", holds=growth < 0.10)


def processes(options: Options) -> None:
    """Wall time with one and two processes on closed ports, where no farm shares the cores."""
    cores = len(os.sched_getaffinity(0))
    if cores < 2:
        line("two processes beside one", "not measurable here", f"{cores} core", holds=True)
        return
    count = options.hosts * 10
    ratios, plain = [], []
    with farm("no-tls") as found:
        for _ in range(3):
            one, two = (scan(options, found.closed_port, count, processes=number) for number in (1, 2))
            ratios.append((one.wall, two.wall, one.cpu, two.cpu))
            plain.append(2 * _plain_python_s(1) / _plain_python_s(2))
    one_s, two_s, one_cpu, two_cpu = (statistics.median(values) for values in zip(*ratios, strict=True))
    gain = one_s / two_s
    line(f"two processes beside one, {count} closed ports", f"{gain:.2f} x", ">= 1.8 x", holds=gain >= 1.8)
    busy = f"{one_cpu:.1f} s; {two_cpu:.1f} s"
    line(f"  wall {one_s:.1f} s; {two_s:.1f} s on {cores} cores: CPU", busy, "", holds=True)
    line("  two loops of plain Python beside one", f"{statistics.median(plain):.2f} x", "", holds=True)


def _plain_python_s(number: int) -> float:
    """How long so many processes take that share nothing but the machine: what its cores give two at a time."""
    loop = "d = {}\nfor i in range(3_000_000): d[i % 5000] = (i, str(i))"
    began = time.perf_counter()
    running = [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(number)]
    for process in running:
        process.wait()
    return time.perf_counter() - began


def faults(options: Options) -> None:
    """How fast the healthy hosts are done, alone and with four sorts of faulty hosts among them.

    The rate is that of the healthy hosts: their number by the time from the first that began to the last that was done,
    as the results say it. The two kinds of scan take turns; the medians are compared.
    """
    mixes = ("windows-ec=100", "windows-ec=96,tarpit=1,reset=1,garbage=1,drip=1")
    rates: dict[str, list[float]] = {mix: [] for mix in mixes}
    for _ in range(3):
        for mix in mixes:
            with farm(mix) as found:
                done = scan(options, found.port, options.hosts)
                rates[mix].append(_healthy_rate(found, done))
    alone, among = (statistics.median(rates[mix]) for mix in mixes)
    what = "healthy hosts/s, 1 % each tarpit, reset, garbage, drip"
    line(what, f"{among:.0f} = {among / alone:.2f} alone", ">= 0.90 alone", holds=among >= 0.9 * alone)
    line(
        "  every run: alone; among faulty ones",
        "; ".join("/".join(f"{r:.0f}" for r in rates[m]) for m in mixes),
        "",
        holds=True,
    )


def _healthy_rate(found: Farm, done: Scan) -> float:
    began, ended = [], []
    for result in done.lines():
        target, started, elapsed_ms = result["target"], result["started"], result["elapsed_ms"]
        assert isinstance(target, dict)
        assert isinstance(started, str)
        assert isinstance(elapsed_ms, float | int)
        if found.behavior(target["address"]).startswith("windows"):
            at = datetime.fromisoformat(started).timestamp()
            began.append(at)
            ended.append(at + elapsed_ms / 1000)
    return len(ended) / (max(ended) - min(began))


ROWS: Mapping[str, Callable[[Options], None]] = {
    "discover": discover,
    "negotiation": negotiation,
    "standard": standard,
    "dead": dead,
    "memory": memory,
    "processes": processes,
    "faults": faults,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="ROW,ROW", default=",".join(ROWS), help=f"of {', '.join(ROWS)}")
    parser.add_argument("--hosts", type=int, default=2000, help="hosts of a scan that does all it can (default 2000)")
    parser.add_argument("--full", action="store_true", help="memory with a million targets in place of 50,000")
    parser.add_argument(
        "--sslyze", type=Path, default=ROOT / ".cache" / "sslyze", help="a virtual environment with sslyze"
    )
    given = parser.parse_args()
    wanted = given.only.split(",")
    if unknown := [name for name in wanted if name not in ROWS]:
        parser.error(f"no such row: {', '.join(unknown)}")
    began = time.perf_counter()
    machine = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    print(f"{len(os.sched_getaffinity(0))} cores, {machine}; load before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="rdp-") as name:
        options = Options(given.hosts, given.full, given.sslyze, Path(name))
        for row in wanted:
            ROWS[row](options)
    print(f"{time.perf_counter() - began:.0f} s in all; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
