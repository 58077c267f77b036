"""Connections of one SYN that nobody answered: a scan has a million of them, and their lines differ in few places.

One of each kind goes the whole way, with marks where those places are. Its line is used for others only if, filled in
for it, it is the line that it has without the marks.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace

from probe.audit.capture_verdict_course import captured_for_ms
from probe.audit.capture_verdict_unknown import has_clock
from probe.audit.verdict_inside import timestamp
from probe.capture.connection import Connection, Endpoint

_MOST_KINDS = 64  # by ports, mostly
_LATEST = 4_000_000_000.0  # seconds since 1970; later times are some other value
_CLIENT, _CLIENT_PORT = "@client@", 1
_SERVER, _SERVER_6 = "@server@", "@server:@"  # those of IPv6 are told by a colon, and stand in brackets
_STREAM, _PACKET, _MOMENT = 1_913_804_617, 1_913_804_623, 1_041_379_205.123
_Write = Callable[[Connection], bytes]


class OneSyn:
    """Writes the lines of such connections. `write` gives the line of any connection, from all that is in it."""

    def __init__(self, write: _Write) -> None:
        self._write = write
        self._lines: dict[Hashable, list[bytes] | None] = {}  # None: it has to be written each time

    def line(self, found: object) -> bytes | None:
        """The line; None where it is not such a connection, or not told by these places alone."""
        if not isinstance(found, Connection) or not _is_one_syn(found):
            return None
        kind = (
            found.server.port,
            ":" in found.server.address,
            found.truncated,
            found.one_sided,
            captured_for_ms(found),
        )
        if kind not in self._lines:
            if len(self._lines) >= _MOST_KINDS:
                self._lines.clear()
            self._lines[kind] = self._line_of(found)
        parts = self._lines[kind]
        return None if parts is None else _filled(parts, found)

    def _line_of(self, found: Connection) -> list[bytes] | None:
        marked = replace(
            found,
            client=Endpoint(_CLIENT, _CLIENT_PORT),
            server=Endpoint(_SERVER_6 if ":" in found.server.address else _SERVER, found.server.port),
            stream=_STREAM,
            first_packet=_PACKET,
            last_packet=_PACKET,
            started=_MOMENT,
            ended=_MOMENT,
        )
        parts = _split(self._write(marked), _marks(marked))
        return parts if _filled(parts, found) == self._write(found) else None


def _is_one_syn(found: Connection) -> bool:
    return (
        found.packets == 1
        and found.ending == "unanswered"
        and not found.pieces
        and found.syn
        and not (found.syn_ack or found.gaps or found.cut or found.sent or found.received)
        and not (found.retransmitted or found.out_of_order or found.ended_by or found.ended_packet)
        and found.started == found.ended < _LATEST
        and found.first_packet == found.last_packet
        and has_clock(found)
    )


def _marks(found: Connection) -> list[bytes]:
    """What differs, as it stands in the line."""
    texts = (str(found.client), found.server.address, timestamp(found.started), found.stream, found.first_packet)
    return [str(text).encode("ascii") for text in texts]


def _split(line: bytes, marks: list[bytes]) -> list[bytes]:
    """The text between the marks, and in between, as one byte, which mark it is."""
    parts = [line]
    for number, mark in enumerate(marks):
        split: list[bytes] = []
        for place, part in enumerate(parts):
            if place % 2:
                split.append(part)
                continue
            first, *others = part.split(mark)
            split.append(first)
            for other in others:
                split += (bytes([number]), other)
        parts = split
    return parts


def _filled(parts: list[bytes], found: Connection) -> bytes:
    marks = _marks(found)
    filled = parts.copy()
    filled[1::2] = [marks[number[0]] for number in parts[1::2]]
    return b"".join(filled)
