"""Both sides' records of TLS, and a PDU in clear where a record belongs: xrdp disconnects so behind its alerts."""

from __future__ import annotations

from typing import NamedTuple

from probe.errors import WireError
from probe.handshake.machine import SIDES, Side
from probe.handshake.tls_hello import read_clear_disconnect
from probe.wire.tls_record import Record, RecordFramer


class InClear(NamedTuple):
    """A PDU that is no TLS, and its bytes."""

    message: object
    raw: bytes


class WatchedRecords:
    """Cuts the bytes of both sides into records."""

    def __init__(self) -> None:
        self._framers = {side: RecordFramer() for side in SIDES}
        self._clear = dict.fromkeys(Side, b"")  # what may become a PDU in clear

    def feed(self, side: Side, data: bytes) -> None:
        """Append bytes of a side."""
        self._framers[side].feed(self._clear[side] + data)
        self._clear[side] = b""

    def next_record(self, side: Side) -> Record | InClear | None:
        """The next whole record; or a PDU in clear; None while neither is whole. Raises WireError."""
        try:
            return self._framers[side].next_record()
        except WireError as error:
            rest = self._framers[side].leftover()
            try:
                found = read_clear_disconnect(rest)
            except WireError:
                self._clear[side] = rest
                raise error from None  # what it is not says more than what it is not either
            self._clear[side] = rest if found is None else rest[len(found[1]) :]
            return None if found is None else InClear(*found)

    def leftover(self, side: Side) -> bytes:
        """Take the bytes that no record claimed."""
        clear, self._clear[side] = self._clear[side], b""
        return clear + self._framers[side].leftover()
