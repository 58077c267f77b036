"""Capture files byte by byte, after the drafts' layouts and not by our own writer, and readers that give little."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

from probe.capture.frame import Frame
from probe.capture.pcap import Pcap
from probe.capture.pcapng import PcapNg
from probe.capture.window import Window
from probe.handshake.key_log import KeyLog


def pcap(
    *records: tuple[int, int, bytes, int],
    order: str = "<",
    magic: int = 0xA1B2C3D4,
    link: int = 1,
    snaplen: int = 65535,
    version: tuple[int, int] = (2, 4),
    between: bytes = b"",
) -> bytes:
    """A file of records (seconds, ticks, bytes, original length); `between` follows the header of each record."""
    header = struct.pack(order + "IHHiIII", magic, *version, 0, 0, snaplen, link)
    return header + b"".join(
        struct.pack(order + "IIII", seconds, ticks, len(data), length) + between + data
        for seconds, ticks, data, length in records
    )


@dataclass(frozen=True)
class Blocks:
    """Blocks of pcapng in one byte order."""

    order: str = "<"

    def block(self, kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        size = struct.pack(self.order + "I", 12 + len(body))
        return struct.pack(self.order + "I", kind) + size + body + size

    def section(self, length: int = -1) -> bytes:
        return self.block(0x0A0D0D0A, struct.pack(self.order + "IHHq", 0x1A2B3C4D, 1, 0, length))

    def option(self, code: int, value: bytes) -> bytes:
        return struct.pack(self.order + "HH", code, len(value)) + value + bytes(-len(value) % 4)

    def interface(self, link: int = 1, snaplen: int = 0, options: bytes = b"") -> bytes:
        return self.block(1, struct.pack(self.order + "HHI", link, 0, snaplen) + options)

    def enhanced(self, data: bytes, *, ticks: int = 0, interface: int = 0, length: int | None = None) -> bytes:
        size = len(data) if length is None else length
        fields = struct.pack(self.order + "5I", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(data), size)
        return self.block(6, fields + data + bytes(-len(data) % 4) + self.option(1, b"a remark"))

    def simple(self, data: bytes, length: int) -> bytes:
        return self.block(3, struct.pack(self.order + "I", length) + data)

    def obsolete(self, data: bytes, *, ticks: int = 0, interface: int = 0) -> bytes:
        fields = struct.pack(
            self.order + "HH4I", interface, 7, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data) + 1
        )
        return self.block(2, fields + data)

    def secrets(self, text: bytes, kind: int = 0x544C534B) -> bytes:
        return self.block(10, struct.pack(self.order + "II", kind, len(text)) + text)


class Trickle:
    """Gives `step` bytes at a time, whatever is asked for."""

    def __init__(self, data: bytes, step: int = 1) -> None:
        self._data = io.BytesIO(data)
        self._step = step

    def read(self, size: int, /) -> bytes:
        return self._data.read(min(size, self._step))


def read_pcap(data: bytes, step: int | None = None) -> tuple[list[Frame], Pcap]:
    reader = Pcap(Window(Trickle(data, step or len(data) + 1)))
    return list(reader), reader


def read_pcapng(data: bytes, step: int | None = None, secrets: KeyLog | None = None) -> tuple[list[Frame], PcapNg]:
    reader = PcapNg(Window(Trickle(data, step or len(data) + 1)), secrets)
    return list(reader), reader
