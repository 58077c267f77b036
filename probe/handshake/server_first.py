"""RDSTLS and RDS-AAD inside TLS: the server speaks first, and its first message is all that is read.

RDSTLS: eight bytes of capabilities, [MS-RDPBCGR] 2.2.17.1. RDS-AAD: a JSON nonce that ends with a NUL byte,
[MS-RDPBCGR] 2.2.18.1. What a client would answer carries credentials, so nothing is ever answered.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from probe.errors import ProbeError, TooLong, Truncated
from probe.handshake.machine import Event, Malformed, Seen, Side
from probe.wire import rdstls
from probe.wire.cursor import Reader

LARGEST = 4096  # bytes of a first message that are read at most


class State(Enum):
    """Which message is awaited, or how it ended."""

    __hash__ = object.__hash__

    EXPECT_GREETING = "the server's first message"
    GREETED = "greeted"
    FAILED = "failed"


class ServerFirst:
    """Waits for one message of the server. `read` raises Truncated until it is whole."""

    def __init__(self, read: Callable[[Reader], object]) -> None:
        self.state = State.EXPECT_GREETING
        self._read = read
        self._seen = b""
        self._client = b""

    @property
    def finished(self) -> bool:
        """True once the server's first message came."""
        return self.state is not State.EXPECT_GREETING

    @property
    def waiting_for(self) -> str:
        """The message that is awaited, in words."""
        return "" if self.finished else self.state.value

    def data_to_send(self) -> bytes:
        """Never anything."""
        return b""

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        """Take bytes of either side, however split."""
        if side is Side.CLIENT:
            self._client += data
            return []
        self._seen += data
        if self.finished:
            return []
        r = Reader(self._seen, "greeting")
        try:
            message = self._read(r)
        except Truncated:
            if len(self._seen) <= LARGEST:
                return []
            return self._fail(at, TooLong("greeting", "end", LARGEST, f"{LARGEST} bytes are read at most"))
        except ProbeError as error:
            return self._fail(at, error)
        self.state = State.GREETED
        raw, self._seen = r.consumed(), r.rest()
        return [Seen(at, Side.SERVER, message, raw)]

    def _fail(self, at: float, error: ProbeError) -> list[Event]:
        self.state = State.FAILED
        return [Malformed(at, Side.SERVER, error, self.leftover(Side.SERVER))]

    def leftover(self, side: Side) -> bytes:
        """Bytes that no message claimed."""
        if side is Side.CLIENT:
            rest, self._client = self._client, b""
        else:
            rest, self._seen = self._seen, b""
        return rest

    def farewell(self) -> bytes:
        """Nothing: the TLS around it says goodbye."""
        return b""


def rdstls_greeting() -> ServerFirst:
    """Waits for the RDSTLS capabilities."""
    return ServerFirst(rdstls.read_rdstls)


def aad_nonce() -> ServerFirst:
    """Waits for the RDS-AAD server nonce."""
    return ServerFirst(rdstls.ServerNonce.read)
