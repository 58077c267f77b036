"""Who looks on while a live connection goes over the wire: `--pcap-out` writes it, `--keylog-out` its secrets."""

from __future__ import annotations

from typing import Protocol

from probe.handshake.machine import Ending, Side


class Line(Protocol):
    """One connection that is looked at. Times are seconds since 1970."""

    def opened(self, local: tuple[str, int], at: float) -> None:
        """TCP's handshake was completed."""
        ...

    def never_opened(self, how: Ending, at: float) -> None:
        """It was not: refused, filtered, unreachable."""
        ...

    def carried(self, side: Side, data: bytes, at: float) -> None:
        """Bytes went over the wire, or came."""
        ...

    def ended(self, by: Side | None, how: Ending, at: float) -> None:
        """It is over; `by` None where neither side closed it before we stopped looking."""
        ...


class Tap(Protocol):
    """Makes a line for each connection."""

    def line(self, server: tuple[str, int], at: float) -> Line:
        """A connection to a server, by its address and port, is about to be opened."""
        ...

    def secret(self, line: bytes) -> None:
        """A line of the TLS key log, as the library gives it."""
        ...
