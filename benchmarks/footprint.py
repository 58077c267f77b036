"""What an audit looks like to who is audited: connections, bytes, and what xrdp writes into its log, at each depth.

    .venv/bin/python -m benchmarks.footprint             # the table
    .venv/bin/python -m benchmarks.footprint --log       # also xrdp's log

Bytes are those inside TCP, as the result counts them. xrdp and FreeRDP's shadow server are left out where they are not
installed. All traffic stays on loopback.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from collections import Counter
from pathlib import Path

from benchmarks.measure import COMMAND, run, servers, targets_of
from tests.real.servers import FreeRdpShadow, Launcher, Xrdp

DEPTHS = ("discover", "standard", "full")
_OF_ONE_RUN = re.compile(r"\b(port|pid) \[?\d+\]?")


def row(name: str, depth: str, target: str) -> None:
    out = run([COMMAND, "host", "--json", "--depth", depth, target])[3]
    result = json.loads(out)
    used, sent, received = result["connections"], result["bytes_sent"], result["bytes_received"]
    print(f"{name:<28} {depth:<10} {used:>11} {sent:>10,} {received:>14,}   {result['status']}", flush=True)


def real(name: str, launcher: Launcher, *, log: bool) -> None:
    """One server for each depth, so that a log is of one audit."""
    for depth in DEPTHS:
        with launcher as server:
            row(name, depth, server.target)
            written = server.directory / "xrdp.log"
            if log and written.exists():
                _print_log(written)


def _print_log(file: Path) -> None:
    """Lines without their time, each once with how often it came; numbers of processes and ports are not told apart."""
    lines = file.read_text(errors="replace").splitlines()
    print(f"  xrdp.log: {len(lines)} lines")
    texts = Counter(_OF_ONE_RUN.sub(r"\1 N", line.partition("] ")[2]) for line in lines)
    for text, count in texts.items():
        print(f"  {count:>4} x {text[:150]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", action="store_true", help="print what xrdp wrote into its log")
    log = parser.parse_args().log
    print(f"{'server':<28} {'depth':<10} {'connections':>11} {'bytes sent':>10} {'bytes received':>14}   status")
    for kind in ("windows-nla", "windows-no-nla"):
        with servers("--only", kind) as found:
            for depth in DEPTHS:
                row(f"{kind} (embedded)", depth, targets_of(found)[0])
    if shutil.which("xrdp"):
        real("xrdp", Xrdp(), log=log)
    if shutil.which("freerdp-shadow-cli"):
        real("freerdp-shadow", FreeRdpShadow(), log=log)


if __name__ == "__main__":
    main()
