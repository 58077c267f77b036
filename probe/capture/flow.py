"""One TCP connection while its packets come: who it is between, how it begins and ends, and the bytes of both sides."""

from __future__ import annotations

from collections.abc import Container
from ipaddress import ip_address

from probe.capture.assembly import MASK, Stream, causal
from probe.capture.connection import Connection, Endpoint, HowItEnded
from probe.capture.recognition import ENOUGH, speaker
from probe.capture.segment import ACK, FIN, RST, SYN, Segment
from probe.handshake.machine import Side


def turned(key: bytes) -> bytes:
    """The key of the other direction: addresses and ports change places."""
    half = (len(key) - 4) // 2
    return key[half : 2 * half] + key[:half] + key[-2:] + key[-4:-2]


def _text(address: bytes) -> str:
    return ".".join(map(str, address)) if len(address) == 4 else str(ip_address(address))


def endpoints(key: bytes) -> tuple[Endpoint, Endpoint]:
    """Source and destination of a key: address | address | port | port, as they stand in headers."""
    half = (len(key) - 4) // 2
    source, destination = _text(key[:half]), _text(key[half : 2 * half])
    return (
        Endpoint(source, int.from_bytes(key[-4:-2], "big")),
        Endpoint(destination, int.from_bytes(key[-2:], "big")),
    )


_ANYWHERE = 1 << 32  # position of an RST of which no number is known before it
_WINDOW = 1 << 24  # bytes that may be under way at a time: no system takes more unless it is told to


def _in_window(stream: Stream, position: int) -> bool:
    """Whether a number may be of this stream, behind bytes that are not in the capture."""
    return stream.low - 1 <= position <= max(stream.high, stream.acknowledged or 0) + _WINDOW


Initials = tuple[int | None, int | None]


def with_initial(initials: Initials, side: int, segment: Segment) -> Initials:
    """The sequence numbers that both sides began with, or seem to have, with what a segment tells of its side's."""
    if initials[side] is not None or segment.flags & RST:
        return initials
    initial = segment.sequence if segment.flags & SYN else (segment.sequence - 1) & MASK
    return (initial, initials[1]) if side == 0 else (initials[0], initial)


class Passed:
    """A connection of which nothing more is kept: not wanted, or given out. It is there to be counted once."""

    __slots__ = ("both", "ended", "ending_seen", "initials", "key", "queued")

    def __init__(self, key: bytes, initials: Initials, ended: float) -> None:
        self.key = key
        self.initials = initials  # sequence number that each side began with, as far as it was seen
        self.ended = ended
        self.ending_seen = False  # a FIN or RST was
        self.both = False  # it is in the table with both its keys
        self.queued = ended  # when it was put behind all others

    def take(self, side: int, segment: Segment) -> None:
        """A segment of a side: only what tells a later connection on the same addresses and ports from this one."""
        self.ended = segment.at
        self.initials = with_initial(self.initials, side, segment)
        self.ending_seen |= bool(segment.flags & (FIN | RST))


class Flow:
    """A live connection. Side 0 sent the first packet."""

    __slots__ = (
        "both",
        "cost",
        "decided",
        "ended",
        "ended_by",
        "ended_packet",
        "ending",
        "fins",
        "initials",
        "key",
        "last",
        "packet",
        "packets",
        "queued",
        "refused",
        "reset",
        "seen",
        "started",
        "stream",
        "streams",
        "syn_ack_side",
        "syn_side",
        "syns",
        "unreachable",
        "wanted",
    )

    def __init__(self, key: bytes, stream: int, packet: int, at: float) -> None:
        self.key = key  # of side 0's packets
        self.stream = stream
        self.packet = self.last = packet
        self.started = self.ended = self.queued = at
        self.packets = 0
        self.both = False
        self.wanted = False  # it will be given: recognized by its bytes, or on a port that is looked at
        self.decided = False  # its bytes have said what it is
        self.cost = 0  # bytes that keeping its bytes takes
        self.streams: tuple[Stream, Stream] | None = None
        self.initials: Initials = (None, None)
        self.seen = 0  # bit 1: a packet of side 0; bit 2: of side 1
        self.syns = 0  # packets that were a SYN alone
        self.syn_side = self.syn_ack_side = -1
        self.ending: HowItEnded = "open"
        self.ended_by = -1
        self.ended_packet: int | None = None
        self.fins: tuple[tuple[int, int] | None, tuple[int, int] | None] = (None, None)  # position, acknowledged
        self.reset: tuple[int, int] | None = None  # the side that did so, and its position
        self.refused = False  # with an RST that answers the SYN
        self.unreachable: int | None = None  # the packet that said so

    @property
    def ending_seen(self) -> bool:
        """True where a side sent a FIN or RST."""
        return self.ended_by >= 0

    @property
    def over(self) -> bool:
        """True where neither side has anything more to say."""
        return self.reset is not None or (self.fins[0] is not None and self.fins[1] is not None)

    def take(self, side: int, segment: Segment, limit: int) -> int:
        """A segment of a side. What keeping its bytes costs."""
        sequence, acknowledgment, flags, _, length, self.ended, self.last = segment
        self.packets += 1
        self.seen |= 1 << side
        if self.initials[side] is None:
            self.initials = with_initial(self.initials, side, segment)
        if flags & (SYN | RST):
            if flags & RST:
                self._reset(side, segment)
                return 0
            if self._syn(side, segment, limit):
                return 0
            sequence = (sequence + 1) & MASK
        streams = self.streams or self.both_streams(limit)
        own = streams[side]
        if flags & ACK:
            streams[1 - side].acknowledge(acknowledgment)
        position = own.position(sequence)
        if self.reset is not None and self.reset[0] == side and position + length + (flags & FIN) > self.reset[1]:
            self._goes_on()
        cost = own.take(position, segment)
        if flags & FIN:
            self._fin(side, position + length, segment, own)
        return cost

    def _syn(self, side: int, segment: Segment, limit: int) -> bool:
        """A SYN, or SYN+ACK. True where there is nothing more in it: a SYN alone costs no streams, for port scans."""
        if segment.flags & ACK:
            streams = self.both_streams(limit)
            self.syn_ack_side = side if self.syn_ack_side < 0 else self.syn_ack_side
            streams[1 - side].begin(segment.acknowledgment)
        else:
            self.syns += 1
            self.syn_side = side if self.syn_side < 0 else self.syn_side
            if not segment.length and self.streams is None and side == 0:
                return True
            streams = self.both_streams(limit)
        streams[side].begin((segment.sequence + 1) & MASK)
        return not segment.length

    def _reset(self, side: int, segment: Segment) -> None:
        """An RST. One that no receiver would take, for its number is in no window, says nothing."""
        if self.reset is not None:
            return
        initial, position, acknowledged = self.initials[1 - side], _ANYWHERE, segment.acknowledged
        if self.streams is not None and self.streams[side].base is not None:
            own, other = self.streams[side], self.streams[1 - side]
            position = own.position(segment.sequence)
            if not _in_window(own, position):
                return
            own.reach(position)
            if acknowledged >= 0 and other.base is not None and _in_window(other, other.position(acknowledged)):
                other.acknowledge(acknowledged)
        self.refused = initial is not None and acknowledged == (initial + 1) & MASK
        self.reset = side, position
        self._ended(side, "reset", segment.packet)

    def _goes_on(self) -> None:
        """Its side sends more behind an RST, so that was another's."""
        self.reset, self.refused = None, False
        if self.ending == "reset":
            self.ending, self.ended_by, self.ended_packet = "open", -1, None

    def both_streams(self, limit: int) -> tuple[Stream, Stream]:
        """The bytes of both sides; `limit` of each are kept."""
        if self.streams is None:
            self.streams = Stream(limit), Stream(limit)
            if self.syn_side == 0 and self.initials[0] is not None:
                self.streams[0].begin((self.initials[0] + 1) & MASK)
        return self.streams

    def _fin(self, side: int, position: int, segment: Segment, stream: Stream) -> None:
        """A FIN. The one whose number the other acknowledges was first, in whatever order they were captured."""
        self._ended(side, "closed", segment.packet)
        if stream.fin is not None:
            return
        stream.fin = position
        other = self.fins[1 - side]
        mine = position, segment.acknowledged
        self.fins = (mine, other) if side == 0 else (other, mine)
        if self.ending != "closed" or other is None or other[1] < 0 or self.ended_by == side:
            return
        if stream.position(other[1]) > position:
            self.ended_by, self.ended_packet = side, segment.packet

    def _ended(self, side: int, how: HowItEnded, packet: int) -> None:
        if self.ended_by < 0:
            self.ending, self.ended_by, self.ended_packet = how, side, packet

    def passed(self) -> Passed:
        """What stays of it in the table."""
        left = Passed(self.key, self.initials, self.ended)
        left.ending_seen, left.both = self.ending_seen, self.both
        return left

    def port(self, side: int) -> int:
        """Of side 0 or 1."""
        return int.from_bytes(self.key[-4:-2] if side == 0 else self.key[-2:], "big")

    def client_side(self, ports: Container[int]) -> int:
        """0 or 1: who sent the SYN; else who says what only a client says; else the one without the server's port."""
        if self.syn_side >= 0:
            return self.syn_side
        if self.syn_ack_side >= 0:
            return 1 - self.syn_ack_side
        for side, stream in enumerate(self.streams or ()):
            who = speaker(stream.first(ENOUGH))
            if who is not None:
                return side if who is Side.CLIENT else 1 - side
        first, second = self.port(0), self.port(1)
        if (first in ports) != (second in ports):
            return 1 if first in ports else 0
        return 1 if first < second else 0

    def connection(self, ports: Container[int], limit: int, *, timed_out: bool = False) -> Connection:
        """All that was seen of it."""
        client = self.client_side(ports)
        ends = endpoints(self.key)
        streams = self.both_streams(limit)
        ours, theirs = streams[client], streams[1 - client]
        ending, ended_by, ended_packet = self._how_it_ended(client, timed_out=timed_out)
        seen = [stream for side, stream in enumerate(streams) if self.seen & 1 << side]
        return Connection(
            stream=self.stream,
            client=ends[client],
            server=ends[1 - client],
            pieces=causal(ours, theirs),
            syn=self.syn_side == client,
            syn_ack=self.syn_ack_side == 1 - client,
            first_packet=self.packet,
            last_packet=self.last,
            packets=self.packets,
            started=self.started,
            ended=self.ended,
            ending=ending,
            ended_by=ended_by,
            ended_packet=ended_packet,
            gaps=any(stream.missing for stream in seen),
            missing_at_end=(
                ours.missing_at_end if ours in seen else 0,
                theirs.missing_at_end if theirs in seen else 0,
            ),
            truncated=ours.truncated or theirs.truncated,
            cut=ours.cut or theirs.cut,
            one_sided=None if self.seen == 3 else (Side.CLIENT if self.seen == 1 << client else Side.SERVER),
            retransmitted=ours.retransmitted + theirs.retransmitted,
            out_of_order=ours.out_of_order + theirs.out_of_order,
            sent=ours.bytes,
            received=theirs.bytes,
        )

    def _proved(self, client: int) -> bool:
        """Bytes came, or the client acknowledged a SYN of the server's that is not in the capture."""
        streams = self.streams
        return streams is not None and (
            any(stream.bytes for stream in streams) or streams[1 - client].last_acknowledgment >= 0
        )

    def _how_it_ended(self, client: int, *, timed_out: bool) -> tuple[HowItEnded, Side | None, int | None]:
        by = None if self.ended_by < 0 else Side.CLIENT if self.ended_by == client else Side.SERVER
        opened = self.syn_side < 0 or self.syn_ack_side >= 0 or self._proved(client)
        if not opened and by is Side.SERVER and self.refused:
            return "refused", by, self.ended_packet
        if not opened and self.unreachable is not None:
            return "unreachable", None, self.unreachable
        if not opened and self.seen == 1 << client and self.syns == self.packets:
            return "unanswered", None, None
        if by is None and timed_out:
            return "timed_out", None, None
        return self.ending, by, self.ended_packet
