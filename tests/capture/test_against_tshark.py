"""tshark reads the same frames, times and IP packets out of public captures, and of files that were made odd."""

from __future__ import annotations

import ipaddress
import shutil
import subprocess
from pathlib import Path

import pytest

from probe.capture.link_layers import Layers
from probe.drive.capture_file import open_capture
from probe.drive.odd_links import ScapyLinks

PUBLIC = Path(__file__).parents[3] / "shared" / "pcaps"
FILES = sorted(path for path in PUBLIC.glob("*.pcap*"))
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
needs_editcap = pytest.mark.skipif(shutil.which("editcap") is None, reason="editcap is not installed")
pytestmark = pytest.mark.skipif(not FILES, reason="the public captures are not here")
FIELDS = "frame.number frame.time_epoch frame.len frame.cap_len ip.src ip.dst ipv6.src ipv6.dst tcp.len udp.length"
EDITED = {
    "pcapng": ["-F", "pcapng"],
    "nanoseconds": ["-F", "nsecpcap"],
    "modified": ["-F", "modpcap"],
    "cut": ["-F", "pcapng", "-s", "90"],
    "cut, as pcap": ["-F", "pcap", "-s", "90"],
    "earlier": ["-F", "pcap", "-t", "-86400.25"],
}
Row = tuple[int, float, int, int]
Inside = tuple[int, str, str, int]


def _of_tshark(path: Path) -> tuple[list[Row], list[Inside]]:
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-o", "ip.defragment:TRUE", "-E", "occurrence=l"]
    for field in FIELDS.split():
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    frames, packets = list[Row](), list[Inside]()
    for line in done.stdout.splitlines():
        number, at, length, kept, v4, to_v4, v6, to_v6, tcp, udp = line.split("\t")
        frames.append((int(number), round(float(at), 6), int(length), int(kept)))
        if tcp:
            packets.append((int(number), v6 or v4, to_v6 or to_v4, int(tcp)))
        elif udp:
            packets.append((int(number), v6 or v4, to_v6 or to_v4, int(udp) - 8))
    return frames, packets


def _ours(path: Path) -> tuple[list[Row], list[Inside]]:
    frames, packets = list[Row](), list[Inside]()
    layers = Layers(ScapyLinks())
    with open_capture(str(path)) as file:
        for frame in file:
            frames.append((frame.number, round(frame.at, 6), frame.length, len(frame.data)))
            for packet in layers.packets(frame):
                header = packet.payload[12] >> 4 << 2 if packet.protocol == 6 else 8
                source, target = (str(ipaddress.ip_address(each)) for each in (packet.source, packet.destination))
                packets.append((packet.number, source, target, packet.length - header))
    return frames, packets


def _agree(ours: tuple[list[Row], list[Inside]], theirs: tuple[list[Row], list[Inside]]) -> None:
    assert [each[0] for each in ours[0]] == [each[0] for each in theirs[0]]
    for mine, other in zip(ours[0], theirs[0], strict=True):
        assert mine[1] == pytest.approx(other[1], abs=2e-6, rel=0)
        assert mine[2:] == other[2:]
    assert ours[1] == theirs[1]


@needs_tshark
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[:2])
def test_public_captures(path: Path) -> None:
    ours = _ours(path)
    assert ours[1]
    _agree(ours, _of_tshark(path))


@needs_tshark
@needs_editcap
@pytest.mark.parametrize("how", EDITED)
def test_what_editcap_makes_of_them(tmp_path: Path, how: str) -> None:
    made = tmp_path / "made"
    source = next(path for path in FILES if path.name.startswith("16"))
    subprocess.run(["editcap", *EDITED[how], str(source), str(made)], check=True, timeout=60, capture_output=True)
    ours = _ours(made)
    assert ours[0]
    _agree(ours, _of_tshark(made))


@needs_tshark
def test_captures_of_all_kinds_in_one_file(tmp_path: Path) -> None:
    merge = shutil.which("mergecap")
    if merge is None:
        pytest.skip("mergecap is not installed")
    made = tmp_path / "made.pcapng"
    parts = [str(path) for path in FILES if "cut" not in path.name]
    subprocess.run([merge, "-w", str(made), *parts], check=True, timeout=120, capture_output=True)
    frames, packets = _ours(made)
    their_frames, their_packets = _of_tshark(made)
    assert [each[0] for each in frames] == [each[0] for each in their_frames]
    assert len(packets) == len(their_packets)
