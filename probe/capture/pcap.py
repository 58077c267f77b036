"""Files of the pcap format: a header, then a record for each packet.

Layout: magic 4, major 2, minor 2, reserved 8, snapLen 4, link type with FCS bits 4; then for each packet seconds 4,
microseconds or nanoseconds 4, captured length 4, original length 4, and the captured bytes. All numbers are in the byte
order of who wrote the file, which the magic tells. Source: draft-ietf-opsawg-pcap sections 4 and 5. The modified format
of Alexey Kuznetzov's patches has 8 bytes more in each record: interface 4, protocol 2, packet type 1, padding 1.
Versions before 2.3 have the two lengths the other way round (libpcap's savefile formats).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from probe.capture.frame import Frame
from probe.capture.window import Window

LONGEST = 1 << 24  # bytes of a packet; no header can make it more
USUAL_LONGEST = 1 << 18  # what libpcap and Wireshark take of most link types, whatever the header says
_HEADER = 24
_OLD = (2, 3)  # versions before it swap the lengths


class _Form(NamedTuple):
    order: str  # as struct has it
    per_second: int
    record: int  # bytes before the packet's own


MAGICS = {
    bytes.fromhex("a1b2c3d4"): _Form(">", 10**6, 16),
    bytes.fromhex("d4c3b2a1"): _Form("<", 10**6, 16),
    bytes.fromhex("a1b23c4d"): _Form(">", 10**9, 16),
    bytes.fromhex("4d3cb2a1"): _Form("<", 10**9, 16),
    bytes.fromhex("a1b2cd34"): _Form(">", 10**6, 24),
    bytes.fromhex("34cdb2a1"): _Form("<", 10**6, 24),
}


class Pcap:
    """The frames of one file, which begins at the window's `at` with one of MAGICS. It can be read once.

    Damage ends the frames and is told in `notices`, in plain words with the byte offset; nothing is raised.
    """

    def __init__(self, window: Window) -> None:
        self.notices: list[str] = []
        self.truncated = False  # the file ends inside a packet or inside its header
        self.damaged = False  # what stands in it cannot be
        self.count = 0  # packets so far
        self.snaplen = 0  # bytes kept of a packet, as the header states it; 0 where it does not
        self.link_type: int | None = None
        self._window = window
        self._form = _Form("<", 10**6, 16)
        self._swapped = False

    def __iter__(self) -> Iterator[Frame]:
        for batch in self.batches():
            yield from batch

    def batches(self) -> Iterator[list[Frame]]:
        """Frames as they come, those of about 64 KiB together. No list is empty."""
        if not self._read_header():
            return
        while True:
            if batch := self._batch():
                yield batch
            if not self._go_on():
                return

    def _read_header(self) -> bool:
        window = self._window
        if not window.need(_HEADER):
            self.truncated = True
            self.notices.append("the file ends inside its header: there are no packets in it")
            return False
        self._form = MAGICS.get(window.data[:4], self._form)
        major, minor, self.snaplen, link = struct.unpack_from(self._form.order + "HH8xII", window.data, 4)
        self._swapped = (major, minor) < _OLD
        self.link_type = link & 0xFFFF  # above it: length of the FCS, and whether that is known
        window.at = _HEADER
        return True

    def _batch(self) -> list[Frame]:
        """Every whole packet that is in the window."""
        window, new = self._window, tuple.__new__
        data, at, end = window.data, window.at, len(window.data)
        unpack, before = struct.Struct(self._form.order + "IIII").unpack_from, self._form.record
        tick, link, number, swapped = 1 / self._form.per_second, self.link_type, self.count, self._swapped
        last, longest = end - before, self._longest()
        frames: list[Frame] = []
        add = frames.append
        while at <= last:
            seconds, ticks, captured, length = unpack(data, at)
            if swapped:
                captured, length = length, captured
            start = at + before
            after = start + captured
            if after > end or captured > longest:
                break
            number += 1
            add(new(Frame, (number, seconds + ticks * tick, link, data[start:after], length)))
            at = after
        window.at, self.count = at, number
        return frames

    def _longest(self) -> int:
        return min(max(self.snaplen, USUAL_LONGEST), LONGEST)

    def _go_on(self) -> bool:
        """Get the rest of the next packet. False: there is none, or it cannot be."""
        window, before = self._window, self._form.record
        if not window.need(before):
            if window.data:
                self._end_inside()
            return False
        captured = struct.unpack_from(self._form.order + "I", window.data, 12 if self._swapped else 8)[0]
        if captured > self._longest():
            self.damaged = True
            self.notices.append(
                f"packet {self.count + 1}, at byte {window.offset}, has a length of {captured} bytes, which cannot be: "
                "the rest is not read"
            )
            return False
        if not window.need(before + captured):
            self._end_inside()
            return False
        return True

    def _end_inside(self) -> None:
        self.truncated = True
        self.notices.append(f"the file ends inside packet {self.count + 1}, which begins at byte {self._window.offset}")
