"""What reading captures costs, beside tshark and scapy on the same file, in one run.

    python -m benchmarks.replay
    python -m benchmarks.replay --only mixed --size 200

The files are made first, by benchmarks.replay_files. How to read the table, and its latest output:
benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import COMMAND, line, run
from benchmarks.replay_files import SERVERS, Mixed, Said, handshakes, handshakes_only, syns, write

PEAK_MB = 200
HANDSHAKES_S = 60
FASTER_THAN_SCAPY = 20
SCAPY_PART = 25  # scapy reads so many times less of the file
_SCAPY = """
import sys
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.utils import PcapReader
with PcapReader(sys.argv[1]) as packets:
    print(sum(1 for packet in packets))
"""


@dataclass(frozen=True, slots=True)
class Options:
    """How large the files are, and where they are."""

    megabytes: int
    handshakes: int
    syns: int
    directory: Path
    said: list[Said]


def replay(path: Path) -> tuple[float, float, int]:
    """Wall and CPU seconds, and peak KiB, of the whole command."""
    wall, cpu, peak, _ = run([COMMAND, "replay", "--json", str(path)], into=Path(os.devnull), fine=(0,))
    return wall, cpu, peak


def found(path: Path, into: Path) -> int:
    """How many results the command gives."""
    run([COMMAND, "replay", "--json", str(path)], into=into, fine=(0,))
    with into.open("rb") as file:
        return sum(json.loads(each)["status"] == "rdp" for each in file)


def mixed(options: Options) -> None:
    """The whole command on what a network carries, beside tshark and scapy."""
    path = options.directory / "mixed.pcap"
    traffic = Mixed(options.said)
    packets, size = write(path, traffic.packets(options.megabytes * 1_000_000))
    said = f"{size / 1e6:.0f} MB, {packets} packets, {traffic.rdp} RDP connections"
    line(said, "", "", holds=True)
    results = found(path, options.directory / "mixed.ndjson")
    line("  of them found", str(results), f"{traffic.rdp}", holds=results == traffic.rdp)
    wall, cpu, peak = replay(path)
    _row("rdp-probe replay --json", (wall, cpu, peak), packets, bounded=True)
    _tshark(path, packets, wall, cpu)
    _scapy(path, size, packets, wall, cpu)
    path.unlink()


def _row(what: str, spent: tuple[float, float, int], packets: int, *, bounded: bool = False) -> None:
    wall, cpu, peak = spent
    row = f"  {what}: {packets / wall:,.0f} packets/s"
    allowed = f"<= {PEAK_MB} MB" if bounded else ""
    line(row, f"{wall:.1f} s, CPU {cpu:.1f}, {peak // 1024} MB", allowed, holds=not bounded or peak <= PEAK_MB * 1024)


def _tshark(path: Path, packets: int, ours: float, our_cpu: float) -> None:
    program = shutil.which("tshark")
    if program is None:
        line("  tshark", "not installed", "", holds=True)
        return
    argv = [program, "-n", "-r", str(path), "-Y", "rdp || tls", "-T", "fields", "-e", "frame.number"]
    wall, cpu, peak, _ = run(argv, into=Path(os.devnull))
    _row('tshark -Y "rdp || tls"', (wall, cpu, peak), packets)
    ratio = f"{ours / wall:.2f} wall, {our_cpu / cpu:.2f} CPU"
    line("  rdp-probe by tshark", ratio, "<= 1.0 wall", holds=ours <= wall)


def _scapy(path: Path, size: int, packets: int, ours: float, our_cpu: float) -> None:
    """Scapy dissects the first part of the file; its time is scaled by bytes."""
    part = path.with_name("part.pcap")
    with path.open("rb") as whole, part.open("wb") as file:
        file.write(whole.read(size // SCAPY_PART))
    begin = run([sys.executable, "-c", _SCAPY.split("with ", maxsplit=1)[0], str(part)])
    wall, cpu, peak, _ = run([sys.executable, "-c", _SCAPY, str(part)])
    wall, cpu = (wall - begin[0]) * size / part.stat().st_size, (cpu - begin[1]) * size / part.stat().st_size
    part.unlink()
    _row(f"scapy's PcapReader, 1/{SCAPY_PART} of it, scaled", (wall, cpu, peak), packets)
    ratio = f"{wall / ours:.0f} wall, {cpu / our_cpu:.0f} CPU"
    line("  scapy by rdp-probe", ratio, f">= {FASTER_THAN_SCAPY}", holds=wall >= FASTER_THAN_SCAPY * ours)


def handshakes_row(options: Options) -> None:
    """RDP handshakes, each with a verdict, diagnoses and JSON."""
    path = options.directory / "handshakes.pcap"
    packets, size = write(path, handshakes_only(options.said, options.handshakes))
    wall, cpu, peak = replay(path)
    certificates = f"{SERVERS} certificates, {size / 1e6:.0f} MB"
    allowed = HANDSHAKES_S * options.handshakes / 100_000
    what = f"{options.handshakes} handshakes, {certificates}"
    line(what, f"{wall:.1f} s", f"<= {allowed:.0f} s", holds=wall <= allowed)
    each = cpu / options.handshakes * 1000
    _row(f"CPU a handshake {each:.2f} ms", (wall, cpu, peak), packets, bounded=True)
    path.unlink()


def syns_row(options: Options) -> None:
    """Connections of one SYN, which are only counted."""
    path = options.directory / "syns.pcap"
    packets, _ = write(path, syns(options.syns, 443))
    wall, cpu, peak = replay(path)
    _row(f"{options.syns} SYNs", (wall, cpu, peak), packets, bounded=True)
    path.unlink()


ROWS: Mapping[str, Callable[[Options], None]] = {"mixed": mixed, "handshakes": handshakes_row, "syns": syns_row}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="ROW,ROW", default=",".join(ROWS), help=f"of {', '.join(ROWS)}")
    parser.add_argument("--size", type=int, default=1000, metavar="MB", help="of the mixed capture (default 1000)")
    parser.add_argument("--handshakes", type=int, default=100_000, help="default 100,000")
    parser.add_argument("--syns", type=int, default=1_000_000, help="default a million")
    given = parser.parse_args()
    wanted = given.only.split(",")
    if unknown := [name for name in wanted if name not in ROWS]:
        parser.error(f"no such row: {', '.join(unknown)}")
    began = time.perf_counter()
    machine = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    print(f"{len(os.sched_getaffinity(0))} cores, {machine}; load before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="rdp-") as name:
        directory = Path(name)
        options = Options(given.size, given.handshakes, given.syns, directory, handshakes(directory))
        for row in wanted:
            ROWS[row](options)
    print(f"{time.perf_counter() - began:.0f} s in all; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
