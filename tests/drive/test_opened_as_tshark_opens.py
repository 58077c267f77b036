from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.packet import Packet
from scapy.utils import wrpcap

from probe.handshake.key_log import KeyLog
from probe.handshake.machine import Side
from probe.handshake.tls_watched import TlsWatched
from tests.conversations import Said
from tests.handshake.driving import feed
from tests.handshake.tls_between import C, Listener, S, between, recorded, recorded_keys, resumed

TSHARK = shutil.which("tshark")
SEGMENT = 1400
FIRST_PORT = 50000

pytestmark = pytest.mark.skipif(TSHARK is None, reason="needs tshark")

SUITES = {
    "TLS 1.2, GCM": ("TLSv1.2", b"ECDHE-ECDSA-AES256-GCM-SHA384"),
    "TLS 1.2, ChaCha20": ("TLSv1.2", b"ECDHE-ECDSA-CHACHA20-POLY1305"),
    "TLS 1.2, CBC": ("TLSv1.2", b"ECDHE-ECDSA-AES128-SHA256"),
    "TLS 1.2, CCM": ("TLSv1.2", b"ECDHE-ECDSA-AES128-CCM8"),
    "TLS 1.0": ("TLSv1.0", b"ECDHE-ECDSA-AES256-SHA"),
    "TLS 1.1": ("TLSv1.1", b"ECDHE-ECDSA-AES256-SHA"),
    "TLS 1.3": ("TLSv1.3", b"TLS_AES_256_GCM_SHA384"),
    "TLS 1.3, ChaCha20": ("TLSv1.3", b"TLS_CHACHA20_POLY1305_SHA256"),
}
NAMES = [*SUITES, "resumed", "keyupdate", "reneg"]


def conversation(name: str) -> tuple[list[Said], bytes]:
    """What was said, and the key log."""
    if name in SUITES:
        seen = between(*SUITES[name])
        return seen.said, seen.keys
    if name == "resumed":
        again = resumed("TLSv1.2")[1]
        return again.said, again.keys
    return recorded(name)[0][0], recorded_keys(name)


def packets_of(said: list[Said], port: int) -> list[Packet]:
    """One TCP connection, from its SYN on."""
    ends = {C: ("192.0.2.9", port), S: ("192.0.2.7", 443)}
    at = {C: 1000, S: 5000}

    def packet(side: Side, flags: str, data: bytes = b"") -> Packet:
        other = S if side is C else C
        ack = at[other] if flags != "S" else 0
        tcp = TCP(sport=ends[side][1], dport=ends[other][1], seq=at[side], ack=ack, flags=flags)
        made = IP(src=ends[side][0], dst=ends[other][0]) / tcp / data
        made.time = 1_700_000_000.0
        at[side] += len(data) + ("S" in flags)
        return made

    packets = [packet(C, "S"), packet(S, "SA"), packet(C, "A")]
    for side, data in said:
        packets += [packet(side, "PA", data[i : i + SEGMENT]) for i in range(0, len(data), SEGMENT)]
    return packets


Opened = dict[Side, bytes]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Opened, Opened]]:
    """What we open and what tshark opens, by the conversation's name: all in one capture."""
    folder = tmp_path_factory.mktemp("opened")
    packets: list[Packet] = []
    ours: list[Opened] = []
    keys = b""
    for number, name in enumerate(NAMES):
        said, more = conversation(name)
        inner = Listener()
        packets += packets_of(said, FIRST_PORT + number)
        keys += more
        feed(TlsWatched(inner, _log(more)), said)
        ours.append(inner.heard)
    wrpcap(str(folder / "x.pcap"), packets, linktype=101)
    (folder / "keys.log").write_bytes(keys)
    theirs = tshark_opens(folder / "x.pcap", folder / "keys.log", len(NAMES))
    return dict(zip(NAMES, zip(ours, theirs, strict=True), strict=True))


def tshark_opens(path: Path, keys: Path, count: int) -> list[Opened]:
    """What tshark says was inside each connection: lines of hexadecimal digits, one side's behind a tab."""
    assert TSHARK is not None
    wanted = [word for number in range(count) for word in ("-z", f"follow,tls,raw,{number}")]
    done = subprocess.run(
        [TSHARK, "-r", str(path), "-o", f"tls.keylog_file:{keys}", "-q", *wanted],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    opened: dict[str, Opened] = {}
    stream, nodes = "", [C, S]  # whose lines have no tab depends on who spoke first inside
    for line in done.stdout.splitlines():
        if line.startswith("Filter:"):
            stream = line.rpartition(" ")[2]
            opened[stream] = dict.fromkeys(Side, b"")
        elif line.startswith("Node 0"):
            nodes = [S, C] if line.endswith(":443") else [C, S]
        elif line.strip() and not line.startswith(("=", "Follow:", "Node ")):
            opened[stream][nodes[line.startswith("\t")]] += bytes.fromhex(line.strip())
    return [opened[str(number)] for number in range(count)]


def _log(keys: bytes) -> KeyLog:
    log = KeyLog()
    log.take(keys)
    return log


@pytest.mark.parametrize("name", NAMES)
def test_both_open_the_same(both: dict[str, tuple[Opened, Opened]], name: str) -> None:
    ours, theirs = both[name]
    assert ours == theirs
    assert all(ours.values())
