"""What reads captures, for fuzzing: no bytes raise, hang, or give more than the file holds."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

from probe.capture.frame import Frame
from probe.capture.link_layers import LINKS, Layers
from probe.capture.pcap import MAGICS, Pcap
from probe.capture.pcapng import MAGIC, PcapNg
from probe.capture.window import Window
from probe.drive.decompression import Gunzipped, Stored, Unzstd
from tests.capture.files import Blocks, Trickle, pcap

_FORMS = sorted(MAGICS)
_LINKS = (1, *sorted(LINKS), 65000)
_MOST = 1 << 22  # bytes that are taken out of a compressed file


def read_pcap(data: bytes) -> None:
    """The first byte chooses the magic."""
    if data:
        file = _FORMS[data[0] % len(_FORMS)] + data[1:]
        _agree(list(Pcap(Window(io.BytesIO(file)))), list(Pcap(Window(Trickle(file, 7)))), len(file))


def read_pcapng(data: bytes) -> None:
    """A file that begins as one."""
    file = MAGIC + data[4:]
    _agree(list(PcapNg(Window(io.BytesIO(file)))), list(PcapNg(Window(Trickle(file, 7)))), len(file))


def open_frames(data: bytes) -> None:
    """The first byte chooses the link type; the rest are frames with their lengths before them."""
    layers, at, number = Layers(), 1, 0
    while at < len(data):
        size = data[at]
        frame = data[at + 1 : at + 1 + size]
        number += 1
        for packet in layers.packets(Frame(number, number * 7.0, _LINKS[data[0] % len(_LINKS)], frame, size)):
            assert 0 <= len(packet.payload) <= max(packet.length, 0)
            assert len(packet.source) == len(packet.destination)
        at += 1 + size
    assert layers.frames == number
    assert layers.notices is not None


def decompress(data: bytes) -> None:
    """As gzip and as zstd, also behind what begins as it should."""
    for content in (Gunzipped(Stored(io.BytesIO(data))), Unzstd(Stored(io.BytesIO(b"\x28\xb5\x2f\xfd" + data)))):
        left = _MOST
        while left > 0 and (piece := content.read(1 << 16)):
            assert len(piece) <= 1 << 17
            left -= len(piece)


def _agree(whole: list[Frame], trickled: list[Frame], size: int) -> None:
    assert whole == trickled
    assert sum(len(frame.data) for frame in whole) <= size


TARGETS: dict[str, Callable[[bytes], None]] = {
    "capture.Pcap": read_pcap,
    "capture.PcapNg": read_pcapng,
    "capture.Layers": open_frames,
    "capture.compressed": decompress,
}


def seeds() -> list[bytes]:
    """A small file of each form, and frames of several layers."""
    blocks = Blocks()
    read = bytes.fromhex
    inner = read("4500002c 00010000 40060000 01020304 05060708 0d3d0d3d 00000001 00000002 50100000 00000000 01020304")
    tagged = bytes(12) + read("81000005 88641100 00010030 0021") + inner
    six = bytes(12) + read("86dd 60000000 001c003c") + bytes(32)
    six += read("2c000104 00000000 06000001 00000005 11223344 55667788 99aabbcc")
    gre = (
        bytes(12)
        + read("0800 45000048 00010000 402f0000 01020304 05060708 b0000800 aabbccdd 00000001 00000002")
        + inner
    )
    return [
        b"\x03" + pcap((1, 2, tagged, len(tagged)), (3, 4, six, 1500))[4:],
        blocks.section()
        + blocks.interface(options=blocks.option(9, b"\x09"))
        + blocks.enhanced(six, ticks=1 << 50)
        + blocks.simple(inner, 60)
        + blocks.obsolete(gre)
        + blocks.secrets(b"CLIENT_RANDOM 00 11\n"),
        b"\x00" + b"".join(struct.pack("B", len(each)) + each for each in (tagged, six, gre)),
    ]
