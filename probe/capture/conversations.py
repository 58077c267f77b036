"""From the frames of a capture to its connections and exchanges of datagrams.

    conversations = Conversations(Layers())
    for batch in file.batches():
        for found in conversations.take(batch): ...    # each when it is over
    for found in conversations.finish(): ...

Most frames of a capture belong to connections of which nothing more is kept. They are known by a slice of the frame,
before any header of theirs is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probe.capture.connection import Connection, Datagrams
from probe.capture.datagrams import UDP, Exchanges
from probe.capture.flow import Passed
from probe.capture.flows import LIMITS, TCP, Flows, Limits
from probe.capture.frame import Frame
from probe.capture.link_layers import ETHERNET, Layers
from probe.capture.segment import FIN, RST, SYN
from probe.capture.tunnels import UDP_TUNNELS

_IPV4, _IPV6 = b"\x08\x00\x45", b"\x86\xdd"  # EtherTypes; that of IPv4 and a header without options
_WHOLE = frozenset((b"\0\0", b"\x40\0"))  # flags and offset of what is no fragment: none, "don't fragment"
_CHANGES = FIN | SYN | RST  # what is looked at also in connections that are passed by
_AT_ONCE = 1000  # connections made at a time when the capture ends
_LEAP = 60.0  # seconds: less than anything is waited for
_SHORTEST = 54  # bytes of Ethernet, IPv4 and TCP without options
_IPV6_FLAGS = 67  # where TCP's flags are behind Ethernet and IPv6


class Conversations:
    """Takes frames, gives what they add up to, in the order in which it is over."""

    def __init__(self, layers: Layers, limits: Limits = LIMITS) -> None:
        self.layers = layers
        self.flows = Flows(self._give, limits)
        self.exchanges = Exchanges(self._give)
        self.skipped = 0  # frames of connections that are passed by
        self._last: float | None = None  # the time of the last frame, right or wrong
        self._found: list[Connection | Datagrams] = []

    def take(self, frames: Sequence[Frame]) -> list[Connection | Datagrams]:
        """Some frames. What is over with them, or was given early."""
        packets, table, passed, skipped = self.layers.packets, self.flows.table, self.exchanges.passed, 0
        flows, exchanges = self.flows.take, self.exchanges.take
        for frame in frames:
            _, at, link, data, _ = frame
            if link == ETHERNET and len(data) >= _SHORTEST:
                kind = data[12:15]
                if kind == _IPV4 and data[20:22] in _WHOLE:
                    protocol, key, flags = data[23], data[26:38], 47
                elif kind[:2] == _IPV6 and len(data) > _IPV6_FLAGS:
                    protocol, key, flags = data[20], data[22:58], _IPV6_FLAGS
                else:
                    protocol, key, flags = 0, b"", 0
                if protocol == TCP:
                    flow = table.get(key)
                    if type(flow) is Passed and not data[flags] & _CHANGES:
                        flow.ended = at
                        skipped += 1
                        continue
                elif protocol == UDP and key in passed and key[-2:] not in UDP_TUNNELS:
                    skipped += 1
                    continue
            for packet in packets(frame):
                if packet[2] == UDP:
                    exchanges(packet)
                else:
                    flows(packet)
        self.skipped += skipped
        self.layers.frames += skipped
        if frames:
            self._tick(frames[0].at, frames[-1].at)
        return self._taken()

    def _tick(self, first: float, last: float) -> None:
        """A frame may have any time, and one in the far future would end all that is open: the next ones must agree."""
        before, self._last = first if self._last is None else self._last, last
        self.flows.tick(min(last, before + _LEAP))

    def finish(self) -> Iterator[Connection | Datagrams]:
        """The capture ends: what is left, some at a time, for there may be very many."""
        while self.flows.finish(_AT_ONCE):
            yield from self._taken()
        self.exchanges.finish()
        yield from self._taken()

    def notices(self) -> Iterator[str]:
        """What was not read, and what the caps took, a sentence each."""
        yield from self.layers.notices
        yield from self.flows.notices()
        yield from self.exchanges.notices()

    def _give(self, found: Connection | Datagrams) -> None:
        self._found.append(found)

    def _taken(self) -> list[Connection | Datagrams]:
        found, self._found = self._found, []
        return found
