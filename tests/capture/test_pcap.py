from __future__ import annotations

import io
import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.l2 import Ether
from scapy.utils import PcapWriter

from probe.capture.frame import Frame
from probe.capture.pcap import LONGEST, MAGICS, Pcap
from probe.capture.window import Window
from tests.capture.files import pcap, read_pcap

TWO = ((1_700_000_000, 250_000, b"first", 5), (1_700_000_001, 999_999, b"second one", 1514))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("magic", "between", "tick"),
    [(0xA1B2C3D4, b"", 1e-6), (0xA1B23C4D, b"", 1e-9), (0xA1B2CD34, bytes(8), 1e-6)],
)
def test_every_magic_is_read(order: str, magic: int, between: bytes, tick: float) -> None:
    frames, reader = read_pcap(pcap(*TWO, order=order, magic=magic, between=between))
    assert [frame._replace(at=0) for frame in frames] == [
        Frame(1, 0, 1, b"first", 5),
        Frame(2, 0, 1, b"second one", 1514),
    ]
    assert frames[0].at == pytest.approx(1_700_000_000 + 250_000 * tick, abs=1e-7, rel=0)
    assert frames[1].at == pytest.approx(1_700_000_001 + 999_999 * tick, abs=1e-7, rel=0)
    assert (reader.notices, reader.truncated, reader.damaged, reader.count) == ([], False, False, 2)


def test_bits_on_the_checksum_are_no_part_of_the_link_type() -> None:
    frames, reader = read_pcap(pcap(TWO[0], link=0x5400_0071))
    assert frames[0].link_type == reader.link_type == 113


def test_before_version_2_3_the_lengths_stand_the_other_way_round() -> None:
    file = pcap((1, 2, b"abc", 3), version=(2, 2))
    swapped = file[:24] + file[24:32] + struct.pack("<II", 60, 3) + b"abc"
    frames, _ = read_pcap(swapped, step=5)
    assert frames == [Frame(1, 1.000002, 1, b"abc", 60)]


@pytest.mark.parametrize("cut", range(1, 15 + 16))
def test_what_stands_before_the_end_of_a_cut_file_is_given(cut: int) -> None:
    file = pcap(*TWO)
    frames, reader = read_pcap(file[: len(file) - cut])
    if cut == 26:
        assert (len(frames), reader.notices) == (1, [])
        return
    inside = 2 if cut < 26 else 1
    assert len(frames) == inside - 1
    begins = 45 if inside == 2 else 24
    assert reader.notices == [f"the file ends inside packet {inside}, which begins at byte {begins}"]
    assert reader.truncated


def test_a_file_that_ends_inside_its_header_has_no_packets() -> None:
    frames, reader = read_pcap(pcap()[:20])
    assert not frames
    assert reader.truncated
    assert "inside its header" in reader.notices[0]


@pytest.mark.parametrize("snaplen", [0, 96, 0xFFFFFFFF])
@pytest.mark.parametrize("length", [0xFFFFFFFF, LONGEST + 1])
def test_a_length_that_cannot_be_ends_it_without_memory(snaplen: int, length: int) -> None:
    file = pcap(TWO[0], snaplen=snaplen) + struct.pack("<IIII", 0, 0, length, length) + bytes(100)
    tracemalloc.start()
    frames, reader = read_pcap(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [frame.data for frame in frames] == [b"first"]
    assert reader.damaged
    assert reader.notices == [
        f"packet 2, at byte 45, has a length of {length} bytes, which cannot be: the rest is not read"
    ]
    assert peak < 1 << 20


def test_a_packet_is_longer_than_usual_only_where_the_header_says_so() -> None:
    long = (0, 0, bytes(300_000), 300_000)
    assert not read_pcap(pcap(long))[0]
    assert len(read_pcap(pcap(long, snaplen=300_000))[0][0].data) == 300_000


def test_a_length_that_the_file_does_not_have_takes_no_memory() -> None:
    file = pcap(snaplen=LONGEST) + struct.pack("<IIII", 0, 0, LONGEST, LONGEST) + bytes(1000)
    tracemalloc.start()
    frames, reader = read_pcap(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not frames
    assert reader.truncated
    assert peak < 1 << 20


def test_a_long_file_goes_through_little_memory() -> None:
    record = struct.pack("<IIII", 0, 0, 1000, 1000) + bytes(1000)

    class Endless:
        left = 20_000

        def read(self, size: int, /) -> bytes:
            count = min(self.left, size // len(record))
            self.left -= count
            return record * count

    reader = Pcap(Window(io.BytesIO(pcap())))
    reader._window._source = Endless()
    reader._window.data = pcap()
    tracemalloc.start()
    assert sum(len(batch) for batch in reader.batches()) == 20_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


_U32 = st.integers(0, 2**32 - 1)


@given(st.lists(st.tuples(_U32, _U32, st.binary(max_size=40), _U32)), st.integers(1, 30))
def test_bytes_one_at_a_time_or_all_at_once(records: list[tuple[int, int, bytes, int]], step: int) -> None:
    file = pcap(*records)
    whole, _ = read_pcap(file)
    assert read_pcap(file, step)[0] == whole
    assert [(frame.data, frame.length) for frame in whole] == [record[2:] for record in records]


@given(st.sampled_from(sorted(MAGICS)), st.binary(max_size=300), st.integers(1, 40))
def test_no_bytes_raise(magic: bytes, data: bytes, step: int) -> None:
    frames, reader = read_pcap(magic + data, step)
    assert len(frames) == reader.count
    assert (read_pcap(magic + data)[0], read_pcap(magic + data)[1].notices) == (frames, reader.notices)


@pytest.mark.parametrize("nano", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_what_scapy_writes_is_read(tmp_path: Path, order: str, nano: bool) -> None:
    path = tmp_path / "x.pcap"
    with PcapWriter(str(path), linktype=1, endianness=order, nano=nano) as writer:
        for number in range(5):
            packet = Ether(b"\xff" * 12 + b"\x08\x00" + bytes(number))
            packet.time = 1_700_000_000.125 + number
            writer.write(packet)
    frames, reader = read_pcap(path.read_bytes())
    assert [frame.at for frame in frames] == [1_700_000_000.125 + number for number in range(5)]
    assert [frame.data for frame in frames] == [b"\xff" * 12 + b"\x08\x00" + bytes(number) for number in range(5)]
    assert not reader.notices
