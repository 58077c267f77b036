"""Captures of conversations that are written down: real packets, with the bytes that either side says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from probe.drive.capture_writer import CaptureWriter
from probe.handshake.machine import Ending, Side
from probe.wire.nego import (
    ConfirmData,
    FailureCode,
    NegotiationFailure,
    NegotiationRequest,
    NegotiationResponse,
    RequestData,
)
from probe.wire.x224 import ConnectionConfirm, ConnectionRequest, write_packet

BEGAN = 1_795_226_400.0  # 2026-11-21 02:00:00 UTC
SERVER, CLIENT = ("192.0.2.7", 3389), "192.0.2.9"

Said = tuple[Side, bytes]


def request(cookie: bytes | None = None, protocols: int | None = 3) -> bytes:
    """A Connection Request; `protocols` None: without a negotiation request."""
    token = b"Cookie: mstshash=" + cookie if cookie is not None else None
    asked = NegotiationRequest(protocols=protocols) if protocols is not None else None
    return write_packet(ConnectionRequest(variable=RequestData(token=token, negotiation=asked).write()))


def selects(protocol: int) -> bytes:
    """A Connection Confirm that selects a protocol."""
    return _confirm(NegotiationResponse(selected=protocol, flags=0x1F))


def fails(code: FailureCode) -> bytes:
    """A Connection Confirm with a failure."""
    return _confirm(NegotiationFailure(code=code))


def _confirm(answer: NegotiationResponse | NegotiationFailure) -> bytes:
    return write_packet(ConnectionConfirm(variable=ConfirmData(negotiation=answer).write(), src_ref=0x1234))


@dataclass(frozen=True, kw_only=True)
class Talk:
    """One connection: what is said, a tenth of a second apart, and how it ends."""

    said: Sequence[Said] = ()
    port: int = 50000
    server: tuple[str, int] = SERVER
    opened: bool = True
    ended_by: Side | None = Side.CLIENT
    ending: Ending = Ending.COMPLETE
    after: float = 0.0  # seconds from the beginning of the capture
    seconds: float = 0.1  # between what is said


def write(path: Path, talks: Sequence[Talk]) -> Path:
    """Write a capture; its format is that of its name."""
    writer = CaptureWriter(str(path), random_bytes=lambda count: bytes(range(1, count + 1)))
    for talk in talks:
        _write(writer, talk)
    writer.close()
    return path


def _write(writer: CaptureWriter, talk: Talk) -> None:
    local, at = (CLIENT, talk.port), BEGAN + talk.after
    line = writer.line(talk.server, at)
    assert line is not None
    line.bound(local, at)
    if not talk.opened:
        line.never_opened(talk.ending, at + talk.seconds)
        return
    line.opened(local, at + 0.01)
    for side, data in talk.said:
        at += talk.seconds
        line.carried(side, data, at)
    line.ended(talk.ended_by, talk.ending, at + talk.seconds)
