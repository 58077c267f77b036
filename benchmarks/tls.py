"""What a full audit of TLS costs and finds, beside sslscan and sslyze on the same server.

    .venv/bin/python -m benchmarks.tls              # about a minute; the first time it installs sslyze into .cache
    .venv/bin/python -m benchmarks.tls --two-keys   # a server with an ECDSA certificate too: 46 pairs instead of 37

One OpenSSL 3 server that has 25 suites in four versions, which makes 37 pairs of version and suite, behind a front that
holds every reply back for 50 ms. `openssl s_server` serves one client at a time, so eight of them stand behind the
front, or the programs would wait for themselves; a session of one is not resumed by another. CPU is the client's alone.
All traffic stays on loopback.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import COMMAND, line, run
from probe.result import from_json
from tests.real import certificates, peers
from tests.real.front import Front, X224Front
from tests.real.peers import Findings
from tests.real.tls_backends import EVERY_TLS13_SUITE, TLS_VERSIONS, OpensslServer

ROOT = Path(__file__).parents[1]
DELAY_S = 0.05
WORKERS = 8

# Why this program reports what another does not, by the way the line begins. What the others report and this program
# does not has no good reason: each such line is a fault.
_NOT_ASKED = "it does not ask"
REASONS: dict[str, Sequence[tuple[str, str]]] = {
    "sslscan": (
        ("a certificate", "it reads the certificate of one handshake"),
        ("compression", "its OpenSSL is built without zlib, so it cannot offer it"),
        ("heartbeat", "it looks for Heartbleed only"),
        ("ocsp_stapling", "with --ocsp only, and not in its XML"),
        ("TLSv1.", "its OpenSSL does not have the suite"),
        ("", _NOT_ASKED),
    ),
    "sslyze": (
        ("group ffdhe", "it tries elliptic curves only"),
        ("group", "its OpenSSL does not have the group"),
        ("TLSv1.", "its OpenSSL does not have the suite"),
        ("heartbeat", "it looks for Heartbleed only"),
        ("resumption", "with --resum only"),
        ("", _NOT_ASKED),
    ),
}


def server(directory: Path, *, two_keys: bool) -> OpensslServer:
    """The server that all are run against."""
    given = [certificates.rsa(directory)]
    if two_keys:
        return OpensslServer(certificates=[*given, certificates.ecdsa(directory)])
    return OpensslServer(certificates=given, ciphersuites=EVERY_TLS13_SUITE)


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


def print_differences(ours: Run, other: Run) -> list[str]:
    """What each of two reports that the other does not, or otherwise. Returns what this program lacks."""
    lacking = peers.differences(other.found, ours.found)
    print(f"\n{other.name} reports, and {ours.name} does not: {len(lacking) or 'nothing'}")
    for each in lacking:
        print(f"  {each}")
    more = peers.differences(ours.found, other.found)
    print(f"\n{ours.name} reports, and {other.name} does not: {len(more) or 'nothing'}")
    for each in more:
        print(f"  {each:<60} {next(why for begins, why in REASONS[other.name] if each.startswith(begins))}")
    return lacking


def verdicts(ours: Run, sslscan: Run, sslyze: Run, lacking: set[str]) -> None:
    print()
    line("wall time, --per-host 4", f"{ours.wall_s:.2f} s", "<= 1.5 s", holds=ours.wall_s <= 1.5)
    for other in (sslscan, sslyze):
        line(f"  {other.name} takes as much time", f"{other.wall_s / ours.wall_s:.1f} x", "", holds=True)
    line("connections", f"{ours.connections}", "<= 60", holds=ours.connections <= 60)
    share = ours.cpu_s / sslyze.cpu_s
    line("CPU", f"{ours.cpu_s:.2f} s = {share:.2f} sslyze", "<= 0.33 sslyze", holds=share <= 1 / 3)
    line("reported by the others and not by rdp-probe", f"{len(lacking)}", "0", holds=not lacking)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--per-host", type=int, default=4, help="connections of rdp-probe at a time (default 4)")
    parser.add_argument("--two-keys", action="store_true", help="a server with an ECDSA certificate too")
    parser.add_argument(
        "--sslyze", type=Path, default=ROOT / ".cache" / "sslyze", help="a virtual environment with sslyze, or for it"
    )
    options = parser.parse_args()
    sslyze_path = peers.sslyze_program(options.sslyze)
    with tempfile.TemporaryDirectory(prefix="rdp-") as name:
        directory = Path(name)
        backend = server(directory, two_keys=options.two_keys)
        with X224Front(backend, delay_s=DELAY_S, workers=WORKERS) as front:
            sslscan, sslyze = of_sslscan(front, directory), of_sslyze(front, sslyze_path)
            ours = of_this_program(front, options.per_host)
    table((ours, sslscan, sslyze), backend)
    lacking = [*print_differences(ours, sslscan), *print_differences(ours, sslyze)]
    verdicts(ours, sslscan, sslyze, set(lacking))


if __name__ == "__main__":
    main()
