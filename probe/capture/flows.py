"""The TCP connections of a capture, from their packets.

`Flows` counts every connection, keeps the first bytes of those that are RDP or go to its port, and gives each when it
is over. Others are known by their addresses alone, so that their further packets can be passed by. All is capped, and
what a cap took is told in `notices`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf

from probe.capture.assembly import STREAMS_COST, Stream
from probe.capture.connection import Connection
from probe.capture.flow import Flow, Passed, turned
from probe.capture.internet import Packet, read_ipv4, read_ipv6
from probe.capture.recognition import ENOUGH, Sight, sight
from probe.capture.segment import ACK, FIN, RST, SYN, Segment, read_segment

TCP, ICMP, ICMPV6 = 6, 1, 58
_CHANCES = 64
_STALE = 1024  # entries of a queue that may be of connections that are not in the table any more
_TLS = (b"\x15\x03", b"\x16\x03")  # records of type alert or handshake
_PATIENCE = 8  # packets after which a connection that began before the capture, or with a loss, is what it looks like


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is looked at, and how much of it is kept."""

    ports: frozenset[int] = frozenset({3389})  # connections to them are given whatever they carry
    kept: int = 1 << 16  # bytes of each side; with secrets more are worth keeping
    named: int = 256  # bytes of each side of a connection to a port that is not RDP
    flows: int = 200_000  # connections that are known at a time
    total: int = 64 << 20  # bytes that all connections keep
    idle: float = 3600.0  # seconds without a packet after which a connection is given as it is
    unanswered: float = 180.0  # the same where only SYNs were seen
    linger: float = 1.0  # seconds in which packets may still come after the last FIN or RST
    lingering: int = 4096  # connections that do so


LIMITS = Limits()


class Flows:
    """Takes packets, gives connections. `give` is called with each connection that is over."""

    def __init__(
        self,
        give: Callable[[Connection], None],
        limits: Limits = LIMITS,
        sight_of: Callable[[bytes], Sight] = sight,
    ) -> None:
        self.limits = limits
        self.table: dict[bytes, Flow | Passed] = {}  # by the key of either direction, once a packet had it
        self.streams = 0  # connections counted
        self.malformed = 0  # TCP headers that are none
        self.early = 0  # connections given before they were over, because a cap was met
        self.forgotten = 0  # connections not known any more because there were too many
        self.unwanted: Callable[[Flow], None] | None = None  # told of each that is not given, with its first bytes
        self._give, self._sight = give, sight_of
        self._ports = frozenset(port.to_bytes(2, "big") for port in limits.ports)
        self._total = 0  # bytes kept
        self._live = self._passed = 0  # connections of each kind in the table
        self._ages: deque[Flow] = deque()  # in the order of their first packets; some are not live any more
        self._passed_ages: deque[Passed] = deque()  # nearly in the order of their last packets; likewise
        self._over: deque[tuple[float, Flow]] = deque()  # until when they may linger
        self._sweep_at = -inf
        self._now = -inf  # the latest time that was told
        self._finishing = False

    @property
    def oldest(self) -> int | None:
        """Number of the first packet of the oldest connection that may still be given; None where there is none."""
        while self._ages and not self._has(self._ages[0]):
            self._ages.popleft()
        return self._ages[0].packet if self._ages else None

    def take(self, packet: Packet) -> None:
        """One packet; other protocols than TCP and ICMP are passed by."""
        source, destination, protocol, payload, length, number, at = packet
        if protocol == TCP:
            segment = read_segment(payload, length, at, number)
            if segment is None:
                self.malformed += 1
                return
            self.segment(source + destination + payload[:4], segment)
        elif protocol in (ICMP, ICMPV6):
            self._icmp(packet)

    def segment(self, key: bytes, segment: Segment) -> None:
        """A TCP segment. Key: source | destination | source port | destination port, as they stand in the headers."""
        flow = self.table.get(key) or self._other_direction(key)
        flags = segment.flags
        if flow is None:
            flow = self._open(key, segment)
        elif flags & (SYN | ACK) == SYN and _is_another(flow, 0 if key == flow.key else 1, segment.sequence):
            self._leave(flow)
            flow = self._open(key, segment)
        side = 0 if key == flow.key else 1
        if isinstance(flow, Passed):
            flow.take(side, segment)
            return
        bare = flow.streams is None
        cost = flow.take(side, segment, self.limits.kept)
        if bare and flow.streams is not None:
            cost += STREAMS_COST
        if cost:
            flow.cost += cost
            self._total += cost
            if not flow.decided:
                self._decide(flow)
            if self._total > self.limits.total:
                self._make_room()
        if flags & (FIN | RST) and flow.over:
            self._over.append((segment.at + self.limits.linger, flow))
            if len(self._over) > self.limits.lingering:
                self._lingered()

    def tick(self, at: float) -> None:
        """It is so late by the capture's clock: give what is over, and what has been idle for too long."""
        self._now = max(self._now, at)
        while self._over and self._over[0][0] < at:
            self._lingered()
        if at < self._sweep_at:
            self._sweep_at = min(self._sweep_at, at + self.limits.unanswered)  # it was set by a clock that was wrong
            return
        self._sweep_at = at + self.limits.unanswered / 2
        for flow in [flow for flow in self._ages if self._has(flow)]:
            if flow.ended + (self.limits.idle if flow.streams else self.limits.unanswered) < at:
                self._done(flow, timed_out=True)

    def finish(self, most: int | None = None) -> bool:
        """The capture ends: what is still live is given, no more than so many. True while there are others."""
        self._finishing = True
        for _ in range(len(self._ages) if most is None else min(most, len(self._ages))):
            self._done(self._ages.popleft())
        return bool(self._ages)

    def notices(self) -> Iterator[str]:
        """What the caps took, and what could not be read, a sentence each."""
        if self.malformed:
            yield f"{self.malformed} packets have no readable TCP header"
        if self.early:
            yield f"{self.early} connections were judged before they were over: too many bytes or connections at a time"
        if self.forgotten:
            yield (
                f"more than {self.limits.flows} connections at a time: {self.forgotten} were forgotten, "
                "and stream numbers may differ from Wireshark's"
            )

    def _other_direction(self, key: bytes) -> Flow | Passed | None:
        flow = self.table.get(turned(key))
        if flow is not None and not flow.both:
            flow.both = True
            self.table[key] = flow
        return flow

    def _open(self, key: bytes, segment: Segment) -> Flow:
        if self._live + self._passed >= self.limits.flows:
            self._forget_one()
        flow = Flow(key, self.streams, segment.packet, segment.at)
        flow.wanted = key[-4:-2] in self._ports or key[-2:] in self._ports
        self.streams += 1
        self._live += 1
        self.table[key] = flow
        self._ages.append(flow)
        if len(self._ages) > 2 * self._live + _STALE:
            self._ages = deque(flow for flow in self._ages if self._has(flow))
        return flow

    def _has(self, flow: Flow | Passed) -> bool:
        return self.table.get(flow.key) is flow

    def _decide(self, flow: Flow) -> None:
        """Is it RDP by its first bytes, surely not, or not yet known?"""
        streams = flow.both_streams(self.limits.kept)
        sights = [self._sight(stream.first(ENOUGH)) for stream in streams]
        if Sight.RDP in sights:
            flow.wanted = flow.decided = True
            return
        if Sight.OTHER in sights and self._surely(flow, sights, streams):
            if not flow.wanted:
                self._done(flow)
                return
            flow.decided = True
            if not any(stream.first(2) in _TLS for stream in streams):  # TLS is named by its whole handshake
                for stream in streams:
                    stream.limit = self.limits.named

    @staticmethod
    def _surely(flow: Flow, sights: Sequence[Sight], streams: Sequence[Stream]) -> bool:
        """Is it not RDP, though more bytes will come? What begins in its middle is given time to show itself."""
        patient = flow.packets >= _PATIENCE and not (flow.wanted and any(stream.missing for stream in streams))
        pairs = list(zip(sights, streams, strict=True))
        if any(seen is Sight.OPEN and stream.runs for seen, stream in pairs):
            return patient
        return patient or any(seen is Sight.OTHER and stream.starts() for seen, stream in pairs)

    def _done(self, flow: Flow, *, timed_out: bool = False) -> None:
        """Give it if it is wanted, unless it was given before."""
        if self._has(flow):
            self._hand_out(flow, timed_out=timed_out)
            self._pass(flow)

    def _lingered(self) -> None:
        """The one that has been over for longest is given, unless it went on."""
        flow = self._over.popleft()[1]
        if flow.over:
            self._done(flow)

    def _hand_out(self, flow: Flow, *, timed_out: bool = False) -> None:
        if flow.wanted:
            found = flow.connection(self.limits.ports, self.limits.kept, timed_out=timed_out)
            if self._finishing:
                found.goes_on = max(self._now, found.ended) - found.started
            self._give(found)
        elif self.unwanted is not None:
            self.unwanted(flow)

    def _pass(self, flow: Flow) -> None:
        """Keep nothing of it but that it was there."""
        passed = flow.passed()
        self.table[flow.key] = passed
        if flow.both:
            self.table[turned(flow.key)] = passed
        self._drop_bytes(flow)
        self._live -= 1
        self._passed += 1
        self._passed_ages.append(passed)
        if len(self._passed_ages) > 2 * self._passed + _STALE:
            self._passed_ages = deque(old for old in self._passed_ages if self._has(old))

    def _drop_bytes(self, flow: Flow) -> None:
        self._total -= flow.cost
        flow.streams, flow.cost = None, 0

    def _leave(self, flow: Flow | Passed) -> None:
        """Its addresses and ports belong to another from now on, or are not known any more."""
        if isinstance(flow, Flow):
            self._hand_out(flow)
            self._drop_bytes(flow)
            self._live -= 1
        else:
            self._passed -= 1
        del self.table[flow.key]
        if flow.both:
            del self.table[turned(flow.key)]

    def _forget_one(self) -> None:
        """The table is full: one of the larger kind makes room, the oldest live one or the one passed by longest."""
        self.forgotten += 1
        if self._passed >= self._live:
            self._leave(self._longest_passed())
            return
        while not self._has(self._ages[0]):
            self._ages.popleft()
        flow = self._ages.popleft()
        self.early += flow.wanted
        self._leave(flow)

    def _longest_passed(self) -> Passed:
        """One that was used since it was put into its queue is put behind the others, but not for ever."""
        chances = _CHANCES
        while True:
            passed = self._passed_ages.popleft()
            if self._has(passed):
                if not chances or passed.ended <= passed.queued:
                    return passed
                chances -= 1
                passed.queued = passed.ended
                self._passed_ages.append(passed)

    def _make_room(self) -> None:
        """Too many bytes are kept: what is over is given at once, then the oldest ones early."""
        enough = self.limits.total * 3 // 4
        while self._over and self._total > enough:
            self._lingered()
        for flow in [flow for flow in self._ages if flow.cost]:
            if self._total <= enough:
                break
            self.early += flow.wanted
            self._done(flow)

    def _icmp(self, packet: Packet) -> None:
        """Destination unreachable: the packet that it quotes is a SYN, of a connection that did not open."""
        quoted, sequence = _quoted(packet)
        flow = self.table.get(quoted)
        if not isinstance(flow, Flow) or flow.initials[0 if quoted == flow.key else 1] != sequence:
            return
        if flow.unreachable is None:
            flow.unreachable = packet.number


def _is_another(flow: Flow | Passed, side: int, sequence: int) -> bool:
    """A SYN on known addresses and ports: is it of another connection? As Wireshark counts them."""
    initial = flow.initials[side]
    return initial is not None and (initial != sequence or flow.ending_seen)


def _quoted(packet: Packet) -> tuple[bytes, int]:
    """Key and sequence number of the TCP packet that did not arrive, by ICMP; nothing for others. RFC 792; RFC 4443.

    "Fragmentation needed" asks for smaller ones, and says nothing of a connection: RFC 1191, 4.
    """
    data, end = packet.payload, len(packet.payload)
    if data[:1] != (b"\x03" if packet.protocol == ICMP else b"\x01"):
        return b"", -1
    if packet.protocol == ICMP and data[1:2] == b"\x04":
        return b"", -1
    header = (read_ipv4 if packet.protocol == ICMP else read_ipv6)(data, 8, end, packet.length)
    if header is None or header.protocol != TCP or end - header.start < 8:
        return b"", -1
    start = header.start
    sequence = int.from_bytes(data[start + 4 : start + 8], "big")
    return header.source + header.destination + data[start : start + 4], sequence
