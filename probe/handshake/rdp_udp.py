"""Whether RDP over UDP is served: a SYN, said a few times, and the server's SYN+ACK, never further.

The newest version is offered, 3. Its SYN carries the hash of a cookie that a server gives out after a login; ours is
that of a cookie of zeros. A server that checks it goes back to version 2, as [MS-RDPEUDP] 3.1.5.1.1 says, so 2.0 in an
answer does not mean that 3.0 is unknown there. The connection is not completed: no ACK, no TLS, no request id.

Unlike other machines, this one observes datagrams: each whole, each by itself.
"""

from __future__ import annotations

import hashlib
from enum import Enum

from probe.errors import ProbeError, UnexpectedMessage
from probe.handshake.machine import Event, Malformed, Seen, Side
from probe.wire.cursor import Reader
from probe.wire.rdpudp import Syn, SynEx, UdpFlag, UdpVersion, padded

OFFERED = UdpVersion.VERSION_3
_NO_COOKIE = hashlib.sha256(bytes(16)).digest()


class State(Enum):
    """Which datagram is awaited, or how it ended."""

    __hash__ = object.__hash__

    EXPECT_SYN = "the client's SYN"
    EXPECT_SYN_ACK = "the server's SYN+ACK"
    ANSWERED = "answered"
    FAILED = "failed"


_WAITING = (State.EXPECT_SYN, State.EXPECT_SYN_ACK)


def syn(initial_sequence: int) -> Syn:
    """Our SYN: reliable, version 3. `initial_sequence` is 32 random bits."""
    return Syn(
        flags=UdpFlag.SYN | UdpFlag.SYNEX,
        initial_sequence=initial_sequence,
        syn_ex=SynEx(version=OFFERED, cookie_hash=_NO_COOKIE),
    )


class UdpGreeting:
    """One SYN and its answer. `ours` is what a live client sends; `data_to_send` gives it as often as it is asked."""

    def __init__(self, ours: Syn | None = None) -> None:
        self.state = State.EXPECT_SYN
        self._out = padded(ours) if ours is not None else b""
        self._initial: int | None = None  # of the SYN that was observed last

    @property
    def finished(self) -> bool:
        """True once the server answered, or said what is no answer."""
        return self.state not in _WAITING

    @property
    def waiting_for(self) -> str:
        """The datagram that is awaited, in words."""
        return self.state.value if self.state in _WAITING else ""

    def data_to_send(self) -> bytes:
        """The SYN; repeats are the same to the bit."""
        return b"" if self.finished else self._out

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        """Take one datagram."""
        if self.finished:
            return []
        try:
            datagram = Syn.read(Reader(data, "RDP-UDP"))
            self._take(side, datagram)
        except ProbeError as error:
            self.state = State.FAILED
            return [Malformed(at, side, error, data)]
        return [Seen(at, side, datagram, data)]

    def _take(self, side: Side, datagram: Syn) -> None:
        acknowledges = bool(datagram.flags & UdpFlag.ACK)
        if acknowledges is (side is Side.CLIENT):
            raise UnexpectedMessage(self.state.name, "SYN+ACK" if acknowledges else "SYN")
        if side is Side.CLIENT:
            self.state, self._initial = State.EXPECT_SYN_ACK, datagram.initial_sequence
            return
        if datagram.source_ack != self._initial:
            raise UnexpectedMessage(self.state.name, "SYN+ACK of another SYN")
        self.state = State.ANSWERED

    def leftover(self, side: Side) -> bytes:  # noqa: ARG002 - a machine's
        """Never anything: a datagram is whole."""
        return b""

    def farewell(self) -> bytes:
        """Nothing: the server gives up by itself."""
        return b""
