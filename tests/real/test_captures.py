"""The command that makes the captures of pcaps/: one is made again, and what it is made with does what it says."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.golden.replayed import CAPTURES, captures, name_of
from tests.real.captures import ROOT, missing
from tests.real.captures_facts import Seen
from tests.real.captures_network import data_of, of_server_data
from tests.real.captures_scenes import SCENES
from tests.real.captures_sidecar import table

CHANGING = ("client",)  # its port


def _may_make_namespaces() -> bool:
    return (
        os.geteuid() == 0
        and not missing()
        and subprocess.run(["unshare", "--net", "true"], check=False).returncode == 0
    )


def test_every_capture_is_of_a_scene_and_every_scene_has_its_capture() -> None:
    assert {name_of(path) for path in captures()} == set(SCENES)


@pytest.mark.parametrize("name", ["xrdp-tls-required", "port-reuse"])
def test_a_capture_that_is_made_again_shows_the_same(name: str, tmp_path: Path) -> None:
    if not _may_make_namespaces():
        pytest.skip("captures are made by root on Linux, with iproute2, nmap, gcc and tshark")
    argv = [sys.executable, "-m", "tests.real.captures", "--only", name, str(tmp_path)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    one, other = (_connections(folder / f"{name}.toml") for folder in (tmp_path, CAPTURES))
    assert one == other


def test_what_tshark_contradicts_gets_no_sidecar() -> None:
    shown = Seen(stream=0, client="192.0.2.9:50000", server="192.0.2.7:3389", selected="SSL", requested=["SSL"])
    assert table(shown, {"selected": "SSL", "status": "rdp"})["status"] == "rdp"
    with pytest.raises(ValueError, match="selected was set up as 'HYBRID', and tshark shows 'SSL'"):
        table(shown, {"selected": "HYBRID"})


def test_a_fault_meets_the_servers_segments_with_data_alone() -> None:
    with_data, without = _segment(b"abc"), _segment(b"")
    fault = of_server_data({2}, lambda frame: [])
    assert (data_of(with_data), data_of(without)) == (3, 0)
    assert data_of(b"\0" * 12 + b"\x08\x06" + b"\0" * 28) == 0  # ARP
    assert fault(True, with_data) == [(0.0, with_data)]  # the client's
    assert fault(False, without) == [(0.0, without)]
    assert [len(fault(False, with_data)) for _ in range(3)] == [1, 0, 1]


def _segment(data: bytes) -> bytes:
    tcp = struct.pack("!HHIIBBHHH", 3389, 50000, 1, 1, 5 << 4, 0x10, 1000, 0, 0) + data
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, b"\xc0\0\2\7", b"\xc0\0\2\x09")
    return b"\0" * 12 + b"\x08\x00" + ip + tcp + b"\0" * 6  # padded, as short frames are


def _connections(sidecar: Path) -> list[dict[str, object]]:
    found = tomllib.loads(sidecar.read_text(encoding="utf-8"))["connection"]
    return [{name: value for name, value in each.items() if name not in CHANGING} for each in found]
