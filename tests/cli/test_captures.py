"""--pcap-out and --keylog-out, from the command line."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from probe.result import from_json

COMMAND = [sys.executable, "-m", "probe.cli.main"]
DEADLINE_S = 60
# No file may be longer; nor may what Python compiles meanwhile be cut.
SMALL = ("env", "PYTHONDONTWRITEBYTECODE=1", "prlimit", "--fsize=4096")
Server = dict[str, Any]


@contextmanager
def demo(name: str) -> Iterator[str]:
    """An embedded server; its target."""
    with subprocess.Popen(
        [sys.executable, "-m", "probe.drive.demo", "--json", "--only", name],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            [server] = json.loads(process.stdout.readline())
            yield f"{server['address']}:{server['port']}"
        finally:
            process.kill()


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with demo("windows-nla") as found:
        yield found


@pytest.fixture
def closed() -> str:
    """A port where nothing listens on any address of loopback."""
    with socket.socket() as sock:
        sock.bind(("127.0.78.1", 0))
        return str(sock.getsockname()[1])


def run(*arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, *COMMAND, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE_S,
        check=False, env={**os.environ, "LANG": "C"},
    )  # fmt: skip


def asked(path: Path) -> Counter[str]:
    """How many connections a capture has to each address: scapy counts SYNs."""
    from scapy.layers.inet import IP, TCP
    from scapy.utils import RawPcapReader

    with RawPcapReader(str(path)) as records:
        packets = [IP(data) for data, _about in records]
    return Counter(packet.dst for packet in packets if str(packet[TCP].flags) == "S")


def test_host_writes_both(tmp_path: Path, target: str) -> None:
    pcap, keys = tmp_path / "x.pcap", tmp_path / "x.keys"
    shown = run("host", "--json", "--pcap-out", str(pcap), "--keylog-out", str(keys), target)
    assert (shown.returncode, shown.stderr) == (0, "")
    result = from_json(shown.stdout)
    assert asked(pcap) == {target.partition(":")[0]: result.connections}
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert keys.read_text().count("CLIENT_HANDSHAKE_TRAFFIC_SECRET ") >= 1


def test_verify_writes_both(tmp_path: Path, target: str) -> None:
    pcap, keys = tmp_path / "x.pcap", tmp_path / "x.keys"
    options = ("--pcap-out", str(pcap), "--keylog-out", str(keys))
    shown = run("verify", "--json", "--policy", "strict", *options, target)
    assert shown.returncode in (0, 1)
    assert shown.stderr == ""
    assert asked(pcap).total() > 0
    assert keys.stat().st_size > 0


def test_each_alone(tmp_path: Path, target: str) -> None:
    assert run("host", "-q", "--depth", "discover", "--keylog-out", str(tmp_path / "k"), target).returncode == 0
    assert b"TRAFFIC_SECRET" in (tmp_path / "k").read_bytes()
    assert run("host", "-q", "--depth", "discover", "--pcap-out", str(tmp_path / "p"), target).returncode == 0
    assert asked(tmp_path / "p").total() == 1
    assert sorted(os.listdir(tmp_path)) == ["k", "p"]  # noqa: PTH208


@pytest.mark.parametrize("command", [["host"], ["scan"], ["verify", "--policy", "strict"]])
@pytest.mark.parametrize("option", ["--pcap-out", "--keylog-out"])
def test_what_cannot_be_written_is_known_before_anything_is_asked(
    tmp_path: Path, command: list[str], option: str
) -> None:
    there = tmp_path / "there"
    there.write_text("something")
    for name, words in ((str(there), "is there already"), ("/nowhere/x", "No such file"), (str(tmp_path), "directory")):
        shown = run(*command, option, name, "192.0.2.1")
        assert shown.returncode == 2
        assert shown.stdout == ""
        assert words in shown.stderr
        assert "hint: " in shown.stderr
    assert there.read_text() == "something"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["verify", "--results", "x", "--policy", "strict", "--pcap-out", "y"], "nothing to capture"),
        (["scan", "192.0.2.1", "--cluster", "local", "--parts", "/tmp/x", "--pcap-out", "y"], "--parts"),
        (["host", "192.0.2.1", "--pcap-out", "y.zst"], "not compressed as .zst"),
    ],
)
def test_mistakes_are_an_error_and_a_hint(arguments: list[str], words: str) -> None:
    shown = run(*arguments)
    assert shown.returncode == 2
    assert words in shown.stderr
    assert "hint: " in shown.stderr


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_scan_writes_what_its_workers_exchanged(tmp_path: Path, target: str, closed: str, processes: str) -> None:
    pcap, keys, out = tmp_path / "x.pcap", tmp_path / "x.keys", tmp_path / "out"
    options = ("--pcap-out", str(pcap), "--keylog-out", str(keys), "-o", str(out), "--processes", processes, "-q")
    shown = run("scan", *options, target, *(f"127.9.1.{number}:{closed}" for number in range(1, 30)))
    assert (shown.returncode, shown.stderr) == (0, "")
    results = [from_json(line) for line in out.read_bytes().splitlines()]
    assert asked(pcap) == {result.target.address: result.connections for result in results}
    assert b"TRAFFIC_SECRET" in keys.read_bytes()


def test_a_scan_that_goes_on_adds_to_its_capture(tmp_path: Path, closed: str) -> None:
    pcap, keys, out = tmp_path / "x.pcap", tmp_path / "x.keys", tmp_path / "out"
    options = ["--pcap-out", str(pcap), "--keylog-out", str(keys), "-o", str(out), "--depth", "discover", "-q"]
    argv = [*COMMAND, "scan", *options, "--processes", "1", "--rate", "100", "--port", closed, "127.9.2.0/24"]
    with subprocess.Popen(argv) as process:
        until = time.monotonic() + DEADLINE_S
        while process.poll() is None and not (pcap.exists() and pcap.stat().st_size > 1000):
            assert time.monotonic() < until
            time.sleep(0.005)  # of another process we learn in no other way
        process.send_signal(signal.SIGINT)
    assert process.returncode == 130
    assert 0 < asked(pcap).total() < 254
    with pcap.open("ab") as torn:
        torn.write(b"half a record")
    assert run("scan", "--resume", str(out), "-q").returncode == 0
    assert asked(pcap) == {f"127.9.2.{number}": 1 for number in range(1, 255)}


def test_a_scan_goes_on_without_a_capture_that_cannot_be_written(tmp_path: Path, closed: str) -> None:
    pcap = tmp_path / "x.pcap"
    options = ("--pcap-out", str(pcap), "--depth", "discover", "--processes", "1", "--port", closed)
    shown = run("scan", *options, "127.9.3.0/24", before=SMALL)
    assert shown.returncode == 2
    assert shown.stderr.count("The scan goes on without its capture: cannot write") == 1
    assert f"error: cannot write {pcap}: File too large" in shown.stderr
    assert len(shown.stdout.splitlines()) == 254
    assert 0 < asked(pcap).total() < 254
    assert pcap.stat().st_size <= 4096


def test_host_prints_everything_though_its_capture_cannot_be_written(tmp_path: Path, target: str) -> None:
    shown = run("host", "--json", "--pcap-out", str(tmp_path / "x.pcap"), target, before=SMALL)
    assert shown.returncode == 2
    assert from_json(shown.stdout).status == "rdp"
    assert "File too large" in shown.stderr
    assert "hint: " in shown.stderr
