from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.dot11 import Dot11, Dot11Beacon, Dot11QoS, RadioTap
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, LLC, SNAP
from scapy.packet import Raw

from probe.capture.frame import Frame
from probe.capture.link_layers import Layers
from probe.drive.odd_links import ScapyLinks

LINKS = ScapyLinks()
TO: dict[str, Any] = {"addr1": "02:00:00:00:00:01", "addr2": "02:00:00:00:00:02", "addr3": "02:00:00:00:00:03"}
AIR = Dot11(type=2, subtype=0, **TO)
V4 = IP(src="192.0.2.1", dst="192.0.2.7") / TCP(dport=3389) / Raw(b"payload")
V6 = IPv6(src="2001:db8::1", dst="2001:db8::7") / TCP(dport=3389) / Raw(b"payload")
PPI = bytes.fromhex("0000 0800 69000000")  # of 802.11, without fields


@pytest.mark.parametrize("packet", [V4, V6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize(
    ("link", "before"),
    [
        (105, AIR / LLC() / SNAP()),
        (105, Dot11(type=2, subtype=8, **TO) / Dot11QoS() / LLC() / SNAP()),
        (127, RadioTap() / AIR / LLC() / SNAP()),
        (192, Raw(PPI) / AIR / LLC() / SNAP()),
    ],
    ids=["802.11", "802.11 with QoS", "radiotap", "PPI"],
)
def test_packets_over_the_air(link: int, before: Any, packet: Any) -> None:
    data = bytes(before / packet)
    assert [bytes(each) for each in LINKS.inside(link, data)] == [bytes(packet)]
    layers = Layers(LINKS)
    found = layers.packets(Frame(1, 0.0, link, data + b"\xee" * 4, len(data) + 4))
    assert [each.payload for each in found] == [bytes(packet.payload)]
    assert [each.length for each in found] == [len(packet.payload)]
    cut = layers.packets(Frame(1, 0.0, link, data[:-5], len(data)))
    assert [(each.payload, each.length) for each in cut] == [(bytes(packet.payload)[:-5], len(packet.payload))]


@pytest.mark.parametrize("frame", [Dot11(**TO) / Dot11Beacon(), AIR / LLC() / SNAP() / ARP(), Dot11(type=1)])
def test_frames_without_ip(frame: Any) -> None:
    layers = Layers(LINKS)
    data = bytes(RadioTap() / frame)
    assert not layers.packets(Frame(1, 0.0, 127, data, len(data)))
    assert layers.not_ip == 1


def test_what_scapy_does_not_know_either() -> None:
    assert LINKS.knows(105)
    assert not LINKS.knows(65000)
    assert not list(LINKS.inside(65000, b"abc"))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([105, 119, 127, 163, 192, 195, 230]), st.binary(max_size=100))
def test_no_bytes_raise(link: int, data: bytes) -> None:
    for found in LINKS.inside(link, data):
        assert found in data


def test_scapy_is_loaded_only_when_it_is_asked() -> None:
    code = "import sys, probe.drive.odd_links as odd; odd.ScapyLinks(); print('scapy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout == "False\n"
