"""Files of the pcapng format: blocks in sections, each section with its byte order and its interfaces.

Each block: type 4, total length 4, body, total length 4 again; a multiple of 4 bytes. Packets stand in Enhanced Packet
Blocks, Simple Packet Blocks and the obsolete Packet Blocks; interfaces are described before them; TLS secrets may stand
in Decryption Secrets Blocks. Blocks of any other type are passed over, and section lengths are not needed. Source:
draft-ietf-opsawg-pcapng sections 3 and 4, appendix A (Packet Block).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from probe.capture.frame import Frame
from probe.capture.pcap import LONGEST
from probe.capture.window import Window
from probe.handshake.key_log import KeyLog

MAGIC = bytes.fromhex("0a0d0d0a")  # the type of a Section Header Block, the same in both byte orders
_SECTION = 0x0A0D0D0A
_INTERFACE, _PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET, _SECRETS = 1, 2, 3, 6, 10
_PACKETS = frozenset((_PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET))
_READ = frozenset((_SECTION, _INTERFACE, _SECRETS, *_PACKETS))
_NO_PACKETS = frozenset((9, 0xBAD, 0x40000BAD, 0x204, 0x208, 0x216, 0x217, 0x221, 0x222))  # journal, custom, sysdig
_TLS_KEY_LOG = 0x544C534B
_ORDERS = {bytes.fromhex("1a2b3c4d"): ">", bytes.fromhex("4d3c2b1a"): "<"}
_LONGEST_READ = LONGEST + (1 << 16)  # bytes of a block that is looked into: a packet and its options
_LONGEST_BLOCK = 1 << 27  # of one that is passed over: what Wireshark takes
_MOST_INTERFACES = 1 << 16  # in a section
_MOST_SECRETS = 1 << 25  # bytes of TLS key logs in a file
_TOO_MANY_SECRETS = f"more than {_MOST_SECRETS >> 20} MiB of TLS secrets: the later ones are not used"
_LATEST = 253402300800.0  # seconds: the year 10000, which no calendar here can write
_RESOLUTION, _OFFSET = 9, 14  # options if_tsresol, if_tsoffset


class _Interface(NamedTuple):
    link_type: int
    snaplen: int  # 0: no limit
    per_second: int
    offset: int  # seconds


class _Damage(Exception):
    """What stands in the file cannot be. Its text goes on after "at byte N"."""


class PcapNg:
    """The frames of one file, which begins at the window's `at` with MAGIC. It can be read once.

    Frames are numbered over all sections, as Wireshark does. One of a Simple Packet Block has no time: it has that of
    the frame before it. TLS key logs in the file go to `secrets` when they are met. Damage ends the frames and is told
    in `notices`, in plain words with the byte offset; nothing is raised.
    """

    def __init__(self, window: Window, secrets: KeyLog | None = None) -> None:
        self.notices: list[str] = []
        self.truncated = False  # the file ends inside a block
        self.damaged = False  # what stands in it cannot be
        self.count = 0  # packets so far
        self.secrets = KeyLog() if secrets is None else secrets
        self._window = window
        self._order = "<"
        self._interfaces: list[_Interface] = []
        self._last = 0.0  # time of the frame before
        self._secrets_size = 0
        self._told: set[str] = set()
        self._section("<")

    def __iter__(self) -> Iterator[Frame]:
        for batch in self.batches():
            yield from batch

    def batches(self) -> Iterator[list[Frame]]:
        """Frames as they come, those of about 64 KiB together. No list is empty."""
        window, frames, more = self._window, list[Frame](), True
        while more:
            try:
                self._read_whole(frames)
                if frames:
                    yield frames
                    frames = []
                more = self._go_on()
            except _Damage as damage:
                if frames:
                    yield frames
                self.damaged = True
                self.notices.append(f"a block at byte {window.offset} {damage}: the rest is not read")
                return

    def _section(self, order: str) -> None:
        self._order = order
        self._interfaces = []
        self._enhanced = struct.Struct(order + "7I").unpack_from  # type, total, interface, high, low, captured, length
        self._word = struct.Struct(order + "I").unpack_from
        self._words = struct.Struct(order + "II").unpack_from

    def _read_whole(self, frames: list[Frame]) -> None:
        """Every block that is wholly in the window. Raises _Damage."""
        self._plain_packets(frames)
        while self._block(frames):
            self._plain_packets(frames)

    def _plain_packets(self, frames: list[Frame]) -> None:
        """The Enhanced Packet Blocks that follow, up to a block that needs a closer look."""
        window, new, add = self._window, tuple.__new__, frames.append
        unpack, word, interfaces = self._enhanced, self._word, self._interfaces
        data, at, number, last = window.data, window.at, self.count, self._last
        end, known = len(data), len(interfaces)
        while at + 32 <= end:
            kind, total, interface, high, low, captured, length = unpack(data, at)
            after = at + total
            if kind != _ENHANCED_PACKET or after > end or captured > total - 32 or total & 3 or interface >= known:
                break
            link, _, per_second, offset = interfaces[interface]
            time = (high << 32 | low) / per_second + offset
            if not 0 <= time < _LATEST or word(data, after - 4)[0] != total:
                break
            number += 1
            last = time
            add(new(Frame, (number, time, link, data[at + 28 : at + 28 + captured], length)))
            at = after
        window.at, self.count, self._last = at, number, last

    def _block(self, frames: list[Frame]) -> bool:
        """One block of whatever type. False: it is not all there. Raises _Damage."""
        window = self._window
        data, at, end = window.data, window.at, len(window.data)
        if at + 12 > end:
            return False
        kind, total = self._words(data, at)
        if kind == _SECTION:
            if at + 28 > end:
                return False
            self._section(self._order_at(data, at))
            total = self._word(data, at + 4)[0]
        if at + total > end:
            return False
        self._check(total, _LONGEST_BLOCK)
        if self._word(data, at + total - 4)[0] != total:
            raise _Damage(f"of {total} bytes has another length at its end")
        if kind in _READ and kind != _SECTION:
            self._known(kind, data[at + 8 : at + total - 4], frames)
        elif kind in _NO_PACKETS:
            self.count += 1  # Wireshark gives them numbers as it does packets
        window.at = at + total
        return True

    def _go_on(self) -> bool:
        """Get the rest of the next block, or pass over it. False: there is none. Raises _Damage."""
        window, begins = self._window, self._window.offset
        if not window.need(12):
            if window.data:
                self._end_inside("a block that", begins)
            return False
        kind, total = self._words(window.data, 0)
        if kind == _SECTION:
            if not window.need(28):
                self._end_inside("a block that", begins)
                return False
            total = struct.unpack_from(self._order_at(window.data, 0) + "I", window.data, 4)[0]
        self._check(total, _LONGEST_READ if kind in _READ else _LONGEST_BLOCK)
        if kind in _READ or total <= _LONGEST_READ:
            is_there = window.need(total)
        else:
            is_there = window.skip(total)
            self.count += kind in _NO_PACKETS
        if not is_there:
            self._end_inside(f"packet {self.count + 1}, which" if kind in _PACKETS else "a block that", begins)
        return is_there

    def _check(self, total: int, longest: int) -> None:
        if not 12 <= total <= longest or total % 4:
            raise _Damage(f"has a length of {total} bytes, which cannot be")

    def _order_at(self, data: bytes, at: int) -> str:
        order = _ORDERS.get(data[at + 8 : at + 12])
        if order is None:
            raise _Damage("begins a section without saying its byte order")
        return order

    def _end_inside(self, what: str, begins: int) -> None:
        self.truncated = True
        self.notices.append(f"the file ends inside {what} begins at byte {begins}")

    def _add(self, frames: list[Frame], interface: int, ticks: int | None, data: bytes, length: int) -> None:
        """A frame whose time is `ticks` of its interface; None: that of the frame before."""
        self.count += 1
        try:
            link, _, per_second, offset = self._interfaces[interface]
        except IndexError:
            what = "is of an interface that is not described: it is passed over"
            self._tell(what, f"packet {self.count} {what}")
            return
        if ticks is not None:
            at = ticks / per_second + offset
            if 0 <= at < _LATEST:
                self._last = at
            else:
                what = "has a time that cannot be: it is given that of the packet before"
                self._tell(what, f"packet {self.count} {what}")
        frames.append(tuple.__new__(Frame, (self.count, self._last, link, data, length)))

    def _tell(self, kind: str, notice: str) -> None:
        """The first of its kind only."""
        if kind not in self._told:
            self._told.add(kind)
            self.notices.append(notice)

    def _known(self, kind: int, body: bytes, frames: list[Frame]) -> None:
        if kind == _INTERFACE:
            self._interface(body)
        elif kind == _SECRETS:
            self._secrets(body)
        elif kind == _SIMPLE_PACKET:
            self._simple_packet(body, frames)
        else:
            self._packet(body, frames, "5I" if kind == _ENHANCED_PACKET else "H2x4I")

    def _interface(self, body: bytes) -> None:
        if len(body) < 8:
            raise _Damage("is too short for an interface")
        if len(self._interfaces) >= _MOST_INTERFACES:
            raise _Damage(f"describes one interface more than {_MOST_INTERFACES}")
        link, snaplen = struct.unpack_from(self._order + "H2xI", body)
        per_second, offset = 10**6, 0
        for code, value in self._options(body, 8):
            if code == _RESOLUTION and value:
                per_second = 2 ** (value[0] & 0x7F) if value[0] & 0x80 else 10 ** value[0]
            elif code == _OFFSET and len(value) == 8:
                offset = struct.unpack(self._order + "q", value)[0]
        self._interfaces.append(_Interface(link, snaplen, per_second, offset))

    def _options(self, body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
        """Code and value of each, up to the end or to what does not fit."""
        while at + 4 <= len(body):
            code, size = struct.unpack_from(self._order + "HH", body, at)
            if code == 0 or at + 4 + size > len(body):
                return
            yield code, body[at + 4 : at + 4 + size]
            at += 4 + (size + 3) // 4 * 4

    def _secrets(self, body: bytes) -> None:
        if len(body) < 8:
            raise _Damage("is too short for secrets")
        kind, size = self._words(body)
        if kind != _TLS_KEY_LOG:
            return
        self._secrets_size += len(body)
        if self._secrets_size > _MOST_SECRETS:
            self._tell(_TOO_MANY_SECRETS, _TOO_MANY_SECRETS)
            return
        self.secrets.take(body[8 : 8 + size])

    def _simple_packet(self, body: bytes, frames: list[Frame]) -> None:
        """Original length 4, then the bytes: as many as the snaplen of the first interface lets through."""
        if len(body) < 4:
            raise _Damage("is too short for a packet")
        length = self._word(body)[0]
        captured = min(length, len(body) - 4)
        if self._interfaces and self._interfaces[0].snaplen:
            captured = min(captured, self._interfaces[0].snaplen)
        self._add(frames, 0, None, body[4 : 4 + captured], length)

    def _packet(self, body: bytes, frames: list[Frame], layout: str) -> None:
        """Interface 4 (in the obsolete block 2, drops 2), time 8, captured length 4, original length 4, the bytes."""
        if len(body) < 20:
            raise _Damage("is too short for a packet")
        interface, high, low, captured, length = struct.unpack_from(self._order + layout, body)
        if captured > len(body) - 20:
            raise _Damage(f"cannot hold a packet of {captured} bytes")
        self._add(frames, interface, high << 32 | low, body[20 : 20 + captured], length)
