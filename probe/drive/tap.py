"""Who looks on while a live connection goes over the wire: `--pcap-out` writes it, `--keylog-out` its secrets.

A tap is told what was really sent and received, and when; nothing that it does may change an audit, so none of its
methods raises. Where there is no tap, nothing is told and nothing costs anything.
"""

from __future__ import annotations

import socket as os_socket
import time
from typing import Protocol

import trio  # noqa: TID253 - this module is only imported when a connection is to be made

from probe.handshake.machine import Ending, Side

Place = tuple[str, int]  # an address without a zone, and a port


class Line(Protocol):
    """One connection that is looked at. Times are seconds since 1970."""

    def bound(self, local: Place, at: float) -> None:
        """TCP's first segment goes out, from this address. Not called where this machine cannot even send it."""
        ...

    def opened(self, local: Place, at: float) -> None:
        """TCP's handshake was completed."""
        ...

    def never_opened(self, how: Ending, at: float) -> None:
        """It was not: refused, filtered, unreachable; or we stopped waiting."""
        ...

    def carried(self, side: Side, data: bytes, at: float) -> None:
        """Bytes went over the wire, or came."""
        ...

    def ended(self, by: Side | None, how: Ending, at: float) -> None:
        """It is over. `by` the server: it was the first to close (CLOSED) or to break off (RESET).

        `by` the client: we closed, and `how` says why; RESET where bytes were left unread, so that this machine broke
        it off. None where neither side closed it before we stopped looking.
        """
        ...


class Tap(Protocol):
    """Makes a line for each connection."""

    def line(self, server: Place, at: float) -> Line | None:
        """A connection to a server, by its address and port, is about to be opened; None: it is of no interest."""
        ...

    def datagram(self, side: Side, local: Place, server: Place, data: bytes, at: float) -> None:
        """A UDP datagram was sent to a server, or came from it."""
        ...

    def secret(self, line: bytes) -> None:
        """A line of the TLS key log, as the library gives it."""
        ...


def place_of(sock: os_socket.socket | trio.socket.SocketType) -> Place:
    """The address and port that a socket has on this machine."""
    host, port, *_ = sock.getsockname()
    return host.partition("%")[0], port


class Lookout:
    """Tells a line what becomes of one connection, by a clock that begins as the wall's and runs as the loop's."""

    __slots__ = ("_broken", "_is_open", "_line", "_local", "_offset", "_over")

    def __init__(self, line: Line, offset: float) -> None:
        self._line = line
        self._offset = offset
        self._local: Place | None = None
        self._is_open = False
        self._over: Ending | None = None  # how the server ended it
        self._broken = False  # by this machine: bytes were left unread

    def _now(self) -> float:
        return self._offset + trio.current_time()

    def bound(self, sock: os_socket.socket) -> None:
        """A SYN goes out."""
        self._local = place_of(sock)
        self._line.bound(self._local, self._now())

    def opened(self, sock: os_socket.socket) -> None:
        """The connection is there."""
        self._is_open = True
        self._line.opened(place_of(sock), self._now())

    def carried(self, side: Side, data: bytes | memoryview) -> None:
        """These bytes are on the wire. An empty read is the server's FIN."""
        if data:
            self._line.carried(side, bytes(data), self._now())
        elif side is Side.SERVER and self._over is None:
            self._over = Ending.CLOSED

    def failed(self, ending: Ending) -> None:
        """A send or a read failed: this is what it means."""
        if ending is Ending.RESET:
            self._over = ending

    def left_unread(self) -> None:
        """There is more than we read before closing."""
        self._broken = True

    def over(self, ending: Ending) -> None:
        """We have closed it, or it was never there; `ending` is the attempt's."""
        now = self._now()
        if not self._is_open:
            self._line.never_opened(ending, now)
        elif self._over is not None:
            self._line.ended(Side.SERVER, self._over, now)
        else:
            self._line.ended(Side.CLIENT, Ending.RESET if self._broken else ending, now)


def lookout(tap: Tap | None, server: Place) -> Lookout | None:
    """Who looks on while a connection to a server is opened; None where nobody does."""
    if tap is None:
        return None
    offset = time.time() - trio.current_time()
    line = tap.line((server[0].partition("%")[0], server[1]), offset + trio.current_time())
    return None if line is None else Lookout(line, offset)
