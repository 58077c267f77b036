"""What a live audit says against what a replay of its own capture says: fact by fact, and connection by connection.

`python -m tests.real.live_equals_replay [--depth full] [NAME…]` prints the differences for the embedded servers.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Facts = dict[str, Any]

# Where the two may differ, and why. A path has its steps with dots between; [] is any place of a list.
NOT_FACTS = {
    r"target\.(input|host|server_name)": "the one has what the user gave, the other the server's endpoint",
    r"started|elapsed_ms": "the audit's time is longer than its connections'",
    r"negotiation\.attempts\[\]\.elapsed_ms": "a clock of the process, or of the capture",
    r"depth": "a capture is asked nothing",
    r"asked|spent|limited": "what was asked for, and why, is not on the wire",
    r"bytes_received": "what came while we closed is in the capture and not read by an audit",
    r"cause": "the operating system's words are not on the wire",
    r"capture|attempts|scan": "compared by themselves, or of the one alone",
    r"(credssp\.ntlm|gateway\.ntlm)\.(clock_skew_s)": "a clock of the process, or of the capture",
    r"udp\.elapsed_ms": "a clock of the process, or of the capture",
    r"certificates\[\]\.days_left": "counted from the moment of the audit, or of the capture",
}
# Without the key log more is unknown, and these say so.
OF_LESS = {
    r"capture\..*|attempts": "what each connection shows",
    r"clients\[\]\.(connects|because|fails_at|diagnosis|hint|user_sees|protocol|version)": "worked out from less",
    r"diagnoses": "of what is known; compared by their codes",
    r"asked|spent|tls\.unsettled": "what was asked inside TLS is not seen",
    r"server\..*": "a guess from what is known",
}
_NOT_FACTS = [re.compile(pattern) for pattern in NOT_FACTS]
# A client that has all it wanted awaits nothing, though whoever watches would know what comes next.
# What still came while we closed is the last thing then; that all steps of ours are among the others is compared.
_NOT_AWAITED = {("expected", "complete"), ("outcome", "complete")}
# Steps that the one words otherwise: the library's names of suites and reasons; what no key log opens.
_NOT_STEPS = ("TLS handshake complete", "TLS failed", "bytes that were not read")
# An audit lists them as connections end, a capture has them as they begin: some are open at the same time.
_UNORDERED = {
    "negotiation.attempts",
    "standard_rdp.methods_asked",
    "standard_rdp.encryption_methods",
    "diagnoses[].evidence",
}
_OF_THE_AUDIT = "not asked for want of connections"  # it says so itself: what it would have asked is not on the wire
_LISTED = re.compile(r"methods: (.+)")  # in a text: the order of that list
_WARNING = 0x600000  # Wireshark's PI_WARN
_TIMEOUT_S = 240


@dataclass(slots=True)
class Comparison:
    """One server: both results, the results of each connection, and how they differ."""

    live: Facts
    replayed: Facts | None
    connections: list[Facts]
    differences: list[str] = field(default_factory=list)


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Where two JSON values differ, except where they may."""
    place = re.sub(r"\[\d+\]", "[]", path)
    if one == other or any(pattern.fullmatch(place) for pattern in _NOT_FACTS) or _excused(place, one, other):
        return
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            yield from differences(one.get(key), other.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        if place in _UNORDERED:
            one, other = _in_order(one), _in_order(other)
        for number, (mine, its) in enumerate(zip(one, other, strict=True)):
            yield from differences(mine, its, f"{path}[{number}]")
    elif isinstance(one, list) and isinstance(other, list):
        yield from _of_lists(one, other, path)
    else:
        yield f"{path}: live {_short(one)}, replayed {_short(other)}"


def _of_lists(one: list[Any], other: list[Any], path: str) -> Iterator[str]:
    """Lists of unequal length: what is only in one of them."""
    for item in one:
        if item not in other and not str(item).startswith(_OF_THE_AUDIT):
            yield f"{path}: only live {_short(item)}"
    for item in other:
        if item not in one:
            yield f"{path}: only replayed {_short(item)}"


def _excused(place: str, one: Any, other: Any) -> bool:
    return _gave_up(place, one, other) or _never_asked(place, one, other)


def _gave_up(place: str, one: Any, other: Any) -> bool:
    """An audit knows that it stopped waiting; who watches sees that the client closed, and not why."""
    return place.endswith("ending") and one in {"timed_out", "deadline"} and other in {"abandoned", "timed_out"}


def _never_asked(place: str, one: Any, other: Any) -> bool:
    """An audit that ends early does not say of each protocol that it was not asked."""
    return place.endswith(".reason") and one is None and other == "not asked"


def _in_order(items: list[Any]) -> list[Any]:
    """Without an order of their own."""
    if all(isinstance(each, str) for each in items):
        return sorted(_LISTED.sub(lambda found: " ".join(sorted(found[1].split(", "))), each) for each in items)
    return sorted(items, key=lambda each: json.dumps({**each, "elapsed_ms": 0}))


def _said(record: Facts) -> tuple[str, ...]:
    """What tells one connection from another: the hello, which has a random in it, else what was asked for."""
    said = [
        (step["what"].startswith("ClientHello"), step["hex"]) for step in record["steps"] if step["side"] == "client"
    ]
    hellos = [text for is_hello, text in said if is_hello]
    return tuple(hellos[:1]) or tuple(text for _, text in said[:1])


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 160 else f"{text[:160]}…"


def contradictions(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Where a replay that knows less says otherwise: what is absent, empty or unknown in it says nothing."""
    place = re.sub(r"\[\d+\]", "[]", path)
    if one == other or other in (None, [], {}, "", False, "unknown") or _is_of_less(place):
        return
    if isinstance(one, dict) and isinstance(other, dict):
        if other.get("state") == "unknown":
            return
        for key in other:
            yield from contradictions(one.get(key), other[key], f"{path}.{key}".lstrip("."))
    elif isinstance(one, list) and isinstance(other, list):
        if place in _UNORDERED or len(one) != len(other):
            yield from (f"{path}: without keys {_short(each)}" for each in other if each not in one)
        else:
            for number, (mine, its) in enumerate(zip(one, other, strict=True)):
                yield from contradictions(mine, its, f"{path}[{number}]")
    else:
        yield f"{path}: with keys {_short(one)}, without {_short(other)}"


def _is_of_less(place: str) -> bool:
    return any(re.fullmatch(pattern, place) for pattern in OF_LESS)


def of_connections(live: Facts, connections: Sequence[Facts]) -> Iterator[str]:
    """How the attempts of an audit differ from the results of its connections, one by one."""
    attempts = sorted(live["attempts"], key=lambda each: each["started_ms"])
    if len(attempts) != len(connections):
        yield f"connections: live {len(attempts)}, replayed {len(connections)}"
        return
    records = [found["attempts"][0] for found in connections]
    for attempt in attempts:
        name = f"connection {attempt['number']} ({attempt['asked']})"
        record = next((each for each in records if _said(each) == _said(attempt)), None)
        if record is None:
            yield f"{name}: not among those replayed"
            continue
        records.remove(record)
        for key in ("ending", "expected", "outcome", "bytes_sent"):
            if (key, attempt["ending"]) in _NOT_AWAITED or _gave_up(key, attempt[key], record.get(key)):
                continue
            if attempt[key] != record.get(key) and not any(words in str(attempt[key]) for words in _NOT_STEPS):
                yield f"{name}: {key}: live {_short(attempt[key])}, replayed {_short(record.get(key))}"
        mine = [f"{step['side']}: {step['what']}" for step in attempt["steps"]]
        its = [f"{step['side']}: {step['what']}" for step in record.get("steps", [])]
        for step in mine:
            if step not in its and not any(words in step for words in _NOT_STEPS):
                yield f"{name}: only live: {step}"
    negotiated = [each for found in connections for each in (found["negotiation"] or {}).get("attempts", [])]
    said = live["negotiation"]["attempts"] if live["negotiation"] else []
    yield from differences(said, negotiated, "negotiation.attempts")


def run(*words: str) -> list[Facts]:
    """The NDJSON that the program prints. It ends by itself, with 0 or 1."""
    command = [sys.executable, "-m", "probe.cli.main", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    assert done.returncode in (0, 1), (words, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(target: str, directory: Path, *options: str) -> Comparison:
    """Audit a server with a capture, and replay that. `options` are of `host`."""
    capture, keys = directory / "x.pcap", directory / "k.txt"
    port = target.rpartition(":")[2]
    [live] = run("host", "--json", "-v", *options, "--pcap-out", str(capture), "--keylog-out", str(keys), target)
    opened = ("--keylog", str(keys)) if keys.stat().st_size else ()
    read = ("--json", "-v", "--port", port, *opened, str(capture))
    server = run("replay", "--by-server", *read)
    compared = Comparison(live, server[0] if len(server) == 1 else None, run("replay", *read))
    closed = run("replay", "--by-server", "--json", "--port", port, str(capture))
    if len(server) != 1:
        compared.differences.append(f"--by-server: {len(server)} results")
    else:
        compared.differences += differences(live, compared.replayed)
        compared.differences += [f"no keys: {each}" for each in contradictions(compared.replayed, closed[0])]
    compared.differences += of_connections(live, compared.connections)
    return compared


def complaints(capture: Path) -> list[str]:
    """What tshark warns of, checksums too."""
    done = subprocess.run(
        ["tshark", "-r", str(capture), "-Y", f"_ws.expert.severity >= {_WARNING}", "-T", "fields",
         "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
         "-e", "frame.number", "-e", "_ws.expert.message"],
        capture_output=True, text=True, timeout=_TIMEOUT_S, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


@contextmanager
def embedded() -> Iterator[list[Facts]]:
    """The embedded servers of `rdp-probe demo`, on loopback."""
    process = subprocess.Popen(
        [sys.executable, "-m", "probe.drive.demo", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        finally:
            process.kill()
            process.stdout.close()


def say(line: str) -> None:
    """Print it at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Compare the embedded servers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--depth", default="standard")
    options = parser.parse_args()
    with embedded() as servers:
        for server in servers:
            if options.names and server["name"] not in options.names:
                continue
            with tempfile.TemporaryDirectory() as directory:
                target = f"{server['address']}:{server['port']}"
                say(f"== {server['name']} {options.depth}")
                try:
                    compared = compare(target, Path(directory), "--depth", options.depth)
                except AssertionError as error:
                    say(f"   {str(error)[-1500:]}")
                    continue
                for each in compared.differences:
                    say(f"   {each}")


if __name__ == "__main__":
    main()
