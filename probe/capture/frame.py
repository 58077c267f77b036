"""One packet as a capture holds it."""

from __future__ import annotations

from typing import NamedTuple


class Frame(NamedTuple):
    """What one record of a capture file says. `number` counts from 1 over the whole file, as Wireshark's does."""

    number: int
    at: float  # seconds since 1970
    link_type: int  # LINKTYPE_ number of the interface that it was captured on
    data: bytes  # as much of it as was captured
    length: int  # bytes that it had on the wire
