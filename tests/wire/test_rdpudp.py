"""The datagrams that open RDP over UDP: of the specification, of Windows, and what is none."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.errors import InvalidField, Truncated
from probe.wire.rdpudp import LARGEST_MTU, CorrelationId, Syn, SynEx, UdpFlag, UdpVersion, padded, version_name
from tests.strategies.rdpudp import read, write
from tests.vectors import vector_lines

CAPTURES = Path(__file__).parents[3] / "shared" / "pcaps"


@pytest.mark.parametrize("name", ["rdpudp_syns", "rdpudp_microsoft", "rdpudp_windows"])
def test_what_was_read_is_written_again(name: str) -> None:
    for raw in vector_lines(name):
        assert write(read(raw)) == raw
        whole = padded(read(raw))
        assert len(whole) == LARGEST_MTU
        assert whole == raw + bytes(LARGEST_MTU - len(raw))
        assert write(read(whole)) == whole


def test_the_versions_that_clients_offer() -> None:
    one, two, lossy, named, three = map(read, vector_lines("rdpudp_syns"))
    assert [syn.version for syn in (one, two, lossy, named, three)] == [1, 2, 2, 2, UdpVersion.VERSION_3]
    assert one.syn_ex is None
    assert two == Syn(
        flags=UdpFlag.SYN | UdpFlag.SYNEX, receive_window=1024, initial_sequence=0x42, syn_ex=SynEx(version=2)
    )
    assert lossy.flags & UdpFlag.SYNLOSSY
    assert named.correlation_id == CorrelationId(value=bytes(range(0x20, 0x30)))
    assert three.syn_ex == SynEx(version=UdpVersion.VERSION_3, cookie_hash=hashlib.sha256(bytes(16)).digest())


def test_the_answer_of_the_specification_is_version_1() -> None:
    syn, answer = map(read, vector_lines("rdpudp_microsoft"))
    assert syn.correlation_id is not None
    assert answer.flags == UdpFlag.SYN | UdpFlag.ACK
    assert answer.source_ack == syn.initial_sequence
    assert answer.version == UdpVersion.VERSION_1


def test_a_version_that_is_not_said_to_be_valid_is_none() -> None:
    assert Syn(flags=0, initial_sequence=0, syn_ex=SynEx(flags=0, version=2)).version == UdpVersion.VERSION_1


def test_windows_offered_a_version_that_is_not_listed() -> None:
    syn, answer = map(read, vector_lines("rdpudp_windows"))
    assert (version_name(syn.version), version_name(answer.version)) == ("0x0003", "2.0")
    assert syn.syn_ex is not None
    assert syn.syn_ex.cookie_hash is None


def test_versions_have_the_names_that_results_use() -> None:
    assert [version_name(version) for version in (0x0001, 0x0002, 0x0101, 0xFFFF)] == ["1.0", "2.0", "3.0", "0xffff"]


def test_a_server_that_chooses_version_3_sends_no_hash() -> None:
    answer = Syn(source_ack=1, flags=0x1005, initial_sequence=2, syn_ex=SynEx(version=UdpVersion.VERSION_3))
    assert read(padded(answer)).syn_ex == answer.syn_ex


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ("00000042 0400 0004 00000042 04d0 04d0", "uFlags"),
        ("00000042 0400 0005 00000042 046b 04d0", "uUpStreamMtu"),
        ("00000042 0400 0005 00000042 04d0 04d1", "uDownStreamMtu"),
    ],
)
def test_what_opens_no_connection_is_refused(raw: str, field: str) -> None:
    with pytest.raises(InvalidField) as raised:
        read(bytes.fromhex(raw))
    assert raised.value.field == field


@pytest.mark.parametrize("name", ["rdpudp_syns", "rdpudp_microsoft", "rdpudp_windows"])
def test_a_datagram_that_ends_within_a_structure_is_truncated(name: str) -> None:
    for raw in vector_lines(name):
        for size in range(len(raw)):
            with pytest.raises(Truncated):
                read(raw[:size])


@pytest.mark.parametrize(
    ("capture", "said"),
    [
        ("04-rdpudp1-tls-loopback6.pcap", [("0x0003", None), ("2.0", 64)]),
        ("05-rdpudp-syn-unanswered.pcap", [("2.0", None)] * 3),
        ("14-ws2016-ipv6-tcp-then-rdpudp.pcap", [("0x0003", None), ("2.0", 64)]),
        ("16-ipv6-loopback-tcp-and-rdpudp.pcap", [("0x0003", None), ("2.0", 64)]),
        ("17-tcp-works-udp-blocked.pcap", [("2.0", None)] * 3),
    ],
)
def test_captures_of_windows(capture: str, said: list[tuple[str, int | None]]) -> None:
    path = CAPTURES / capture
    if not path.exists():
        pytest.skip(f"the capture {capture} is not in {CAPTURES}")
    opening = []
    for payload in _udp_payloads(path.read_bytes()):
        try:
            syn = read(payload)
        except (InvalidField, Truncated):
            continue
        assert write(syn) == payload
        assert len(payload) == LARGEST_MTU
        opening.append((version_name(syn.version), syn.receive_window if syn.flags & UdpFlag.ACK else None))
    assert opening == said


def _udp_payloads(pcap: bytes) -> Iterator[bytes]:
    """The UDP payloads of a capture of Ethernet with IPv4 or IPv6, without extension headers."""
    order = "<" if pcap[:4] == bytes.fromhex("d4c3b2a1") else ">"
    at = 24
    while at < len(pcap):
        (size,) = struct.unpack_from(f"{order}I", pcap, at + 8)
        frame, at = pcap[at + 16 : at + 16 + size], at + 16 + size
        kind, packet = frame[12:14], frame[14:]
        if kind == b"\x08\x00" and packet[9] == 17:
            yield packet[(packet[0] & 15) * 4 + 8 :]
        elif kind == b"\x86\xdd" and packet[6] == 17:
            yield packet[48:]
