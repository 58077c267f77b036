"""What a full audit of TLS costs and finds, beside sslscan and sslyze on the same server.

    .venv/bin/python -m benchmarks.tls              # about a minute; the first time it installs sslyze into .cache

One OpenSSL 3 server, with an RSA and an ECDSA certificate and 25 suites and more in four versions, behind a front that
holds every reply back for 50 ms. `openssl s_server` serves one client at a time, so eight of them stand behind the
front, or the programs would wait for themselves. CPU is the client's alone. All traffic stays on loopback.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.audit import COMMAND, line, run
from probe.result import from_json
from tests.real import certificates, peers
from tests.real.front import Front, X224Front
from tests.real.peers import Findings
from tests.real.tls_backends import TLS_VERSIONS, OpensslServer, rsa_and_ecdsa

ROOT = Path(__file__).parents[1]
DELAY_S = 0.05
WORKERS = 8

# Why a line of the lists of differences is there, by the way it begins. What has no reason here is printed without one.
REASONS: Sequence[tuple[str, str]] = ()


@dataclass
class Run:
    """One program's run against the front."""

    name: str
    wall_s: float
    cpu_s: float
    connections: int
    found: Findings


def measured(name: str, front: Front, argv: list[str], read: Callable[[str], Findings]) -> Run:
    before = front.connections
    wall, cpu, _, out = run(argv)
    return Run(name, wall, cpu, front.connections - before, read(out))


def of_this_program(front: Front, per_host: int) -> Run:
    argv = [COMMAND, "host", "--depth", "full", "--per-host", str(per_host), "--json", front.target]
    return measured("rdp-probe", front, argv, lambda out: peers.read_result(from_json(out)))


def of_sslscan(front: Front, directory: Path) -> Run:
    xml = directory / "sslscan.xml"
    argv = peers.sslscan_command(front.target, xml)
    return measured("sslscan", front, argv, lambda out: peers.read_sslscan(xml.read_text("utf-8"), out))


def of_sslyze(front: Front, path: Path) -> Run:
    return measured("sslyze", front, peers.sslyze_command(path, front.target), peers.read_sslyze)


def table(runs: Sequence[Run], configured: OpensslServer) -> None:
    def row(what: str, *cells: str) -> None:
        print(f"{what:<22}" + "".join(f"{cell:>14}" for cell in cells))

    row("", *(each.name for each in runs), "configured")
    row("wall seconds", *(f"{each.wall_s:.2f}" for each in runs))
    row("CPU seconds", *(f"{each.cpu_s:.2f}" for each in runs))
    row("connections", *(f"{each.connections}" for each in runs))
    for version in TLS_VERSIONS:
        expected = len(configured.expected_suites.get(version, ()))
        row(f"suites {version}", *(f"{len(each.found.suites.get(version, ()))}" for each in runs), f"{expected}")
    row("groups", *(f"{len(each.found.groups)}" for each in runs), f"{len(configured.expected_groups)}")
    row("kinds of key", *(f"{len(each.found.keys)}" for each in runs), f"{len(configured.key_kinds)}")
    row("features", *(f"{len(each.found.features)}" for each in runs))


def reason(difference: str) -> str:
    found = [why for beginning, why in REASONS if difference.startswith(beginning)]
    return found[0] if found else "(no reason known)"


def print_differences(one: Run, other: Run) -> list[str]:
    """What one reports that the other does not, or otherwise."""
    lines = peers.differences(one.found, other.found)
    print(f"\n{one.name} reports, and {other.name} does not: {len(lines) or 'nothing'}")
    for each in lines:
        print(f"  {each:<58} {reason(each)}")
    return lines


def missing(ours: Run, others: Sequence[Run]) -> list[str]:
    """What the others report together and this program does not."""
    return [f"{each.name}: {said}" for each in others for said in peers.differences(each.found, ours.found)]


def verdicts(ours: Run, sslscan: Run, sslyze: Run) -> None:
    print()
    line("wall time, --per-host 4", f"{ours.wall_s:.2f} s", "<= 1.5 s", holds=ours.wall_s <= 1.5)
    for other in (sslscan, sslyze):
        line(f"  {other.name} takes as much time", f"{other.wall_s / ours.wall_s:.1f} x", "", holds=True)
    line("connections", f"{ours.connections}", "<= 60", holds=ours.connections <= 60)
    share = ours.cpu_s / sslyze.cpu_s
    line("CPU", f"{ours.cpu_s:.2f} s = {share:.2f} sslyze", "<= 0.33 sslyze", holds=share <= 1 / 3)
    lost = missing(ours, (sslscan, sslyze))
    line("reported by the others and not here", f"{len(lost)}", "0", holds=not lost)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--per-host", type=int, default=4, help="connections of rdp-probe at a time (default 4)")
    parser.add_argument(
        "--sslyze", type=Path, default=ROOT / ".cache" / "sslyze", help="a virtual environment with sslyze, or for it"
    )
    options = parser.parse_args()
    sslyze_path = peers.sslyze_program(options.sslyze)
    with tempfile.TemporaryDirectory(prefix="rdp-") as name:
        directory = Path(name)
        backend = rsa_and_ecdsa(certificates.rsa(directory), certificates.ecdsa(directory))
        with X224Front(backend, delay_s=DELAY_S, workers=WORKERS) as front:
            sslscan, sslyze = of_sslscan(front, directory), of_sslyze(front, sslyze_path)
            ours = of_this_program(front, options.per_host)
    table((ours, sslscan, sslyze), backend)
    for other in (sslscan, sslyze):
        print_differences(other, ours)
        print_differences(ours, other)
    verdicts(ours, sslscan, sslyze)


if __name__ == "__main__":
    main()
