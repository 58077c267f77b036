"""What one audit costs: start-up, connections, CPU, memory and time against a slow server.

    .venv/bin/python -m benchmarks.audit            # everything, about half a minute
    .venv/bin/python -m benchmarks.audit --targets 50

All traffic stays on loopback; the embedded servers run in a process of their own, so that CPU and memory are the
client's alone. Absolute times depend on the machine; each is printed beside what it is compared with in the same run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time

from benchmarks.measure import COMMAND, REFERENCE_BARE_MS, line, run, servers, targets_of


def startup() -> None:
    bare = min(run([sys.executable, "-c", "pass"])[0] for _ in range(5))
    ours = statistics.median(run([COMMAND, "--help"])[0] for _ in range(7))
    line("rdp-probe --help", f"{ours * 1000:.0f} ms = {ours / bare:.1f} x python", "<= 150 ms", holds=ours <= 0.150)


def connections_and_memory() -> None:
    with servers("--only", "windows-no-nla") as found:
        _, _, rss, out = run([COMMAND, "host", "--json", *targets_of(found)])
    used = json.loads(out)["connections"]
    line("connections, standard audit, everything accepted", f"{used}", "<= 16", holds=used <= 16)
    line("peak resident memory, one target", f"{rss / 1024:.0f} MB", "<= 90 MB", holds=rss <= 90 * 1024)


def bare_exchange(targets: list[str]) -> float:
    """CPU seconds of the least that a full exchange takes: a bare trio loop, X.224, and a pyOpenSSL handshake."""
    argv = [sys.executable, "-m", "benchmarks.bare", *targets]
    once, five = (run([*argv, "--rounds", str(rounds)])[1] for rounds in (1, 6))
    return (five - once) / (5 * len(targets))


def cpu_per_target(count: int) -> None:
    with servers("--only", "windows-nla", "--count", str(count)) as found:
        targets = targets_of(found)
        bare_ms = bare_exchange(targets) * 1000
        _, cpu_one, _, _ = run([COMMAND, "host", "--json", targets[0]])
        wall, cpu_all, rss, out = run([COMMAND, "host", "--json", *targets])
    lines = out.splitlines()
    assert len(lines) == count
    assert all(json.loads(each)["status"] == "rdp" for each in lines)
    each_ms = (cpu_all - cpu_one) / (count - 1) * 1000
    ratio, allowed = each_ms / bare_ms, 8 / REFERENCE_BARE_MS
    line("CPU of one bare exchange with TLS", f"{bare_ms:.2f} ms", f"reference {REFERENCE_BARE_MS} ms", holds=True)
    line(
        f"CPU a further target, {count} targets in {wall:.1f} s",
        f"{each_ms:.2f} ms = {ratio:.1f} bare",
        f"<= {allowed:.1f} bare (8 ms there)",
        holds=ratio <= allowed,
    )
    line(f"peak resident memory, {count} targets", f"{rss / 1024:.0f} MB", "<= 90 MB", holds=rss <= 90 * 1024)


def slow_server() -> None:
    with servers("--only", "windows-nla", "--delay", "0.05") as found:
        out = run([COMMAND, "host", "--json", "--per-host", "4", *targets_of(found)])[3]
    elapsed = json.loads(out)["elapsed_ms"]
    line("standard audit, 50 ms a reply, --per-host 4", f"{elapsed:.0f} ms", "<= 1200 ms", holds=elapsed <= 1200)


def strict() -> None:
    with servers("--only", "windows-nla") as found:
        argv = [COMMAND, "verify", "--policy", "strict", "--json", *targets_of(found)]
        wall, cpu, _, out = min((run(argv, fine=(0, 1, 3)) for _ in range(3)), key=lambda each: each[0])
    used = json.loads(out)["connections"]
    line("verify of one host, policy strict", f"{wall:.2f} s, {cpu:.2f} s CPU", "<= 2 s", holds=wall <= 2)
    line("connections of that", f"{used}", "<= 20", holds=used <= 20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=200, help="how many embedded targets (default 200)")
    count = parser.parse_args().targets
    began = time.perf_counter()
    startup()
    connections_and_memory()
    cpu_per_target(count)
    slow_server()
    strict()
    print(f"{time.perf_counter() - began:.0f} s in all")


if __name__ == "__main__":
    main()
