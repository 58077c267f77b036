"""Which encryption methods of Standard RDP Security are asked for, each alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from probe.audit.attempt import Question, Stage
from probe.audit.reading import Reading
from probe.handshake.machine import Ending
from probe.wire.gcc import RDP_5, EncryptionMethod
from probe.wire.nego import NegotiationResponse, Protocol

STANDARD_RDP = Question(protocols=Protocol.RDP, stage=Stage.SETTINGS, methods=EncryptionMethod.ONE_TWENTY_EIGHT_BIT)
OTHER_METHODS = tuple(
    # The lower version tells FreeRDP's servers, which answer the lesser of two, from those with a version of their own.
    Question(protocols=Protocol.RDP, stage=Stage.SETTINGS, methods=method, rdp_version=RDP_5)
    for method in (EncryptionMethod.FIFTY_SIX_BIT, EncryptionMethod.FORTY_BIT, EncryptionMethod.FIPS)
)
_ENDED_BY_SERVER = (Ending.CLOSED, Ending.RESET, Ending.COMPLETE)  # complete: it said why, and that was all


def more_methods(readings: Sequence[Reading], *, wanted: bool = True) -> Iterator[tuple[Question, ...]]:
    """Groups of questions behind the first method; `wanted` where others matter though that one was taken.

    Where one method is turned away, others are asked for too: only all of them tell whether RDP works.
    """
    if not any((wanted and _encrypts(reading)) or _turns_method_away(reading) for reading in readings):
        return
    yield OTHER_METHODS
    yield tuple(_control(readings))


def _control(readings: Sequence[Reading]) -> Iterator[Question]:
    """What the server took, once more, where a method was dropped last: it may have become weary of us."""
    asked = [reading for reading in readings if reading.question.stage is Stage.SETTINGS]
    taken = [at for at, reading in enumerate(asked) if reading.security is not None]
    if taken and any(map(_turns_method_away, asked[taken[-1] + 1 :])):
        yield replace(asked[taken[0]].question, repeat=False, control=True)


def _encrypts(reading: Reading) -> bool:
    """Standard RDP Security was accepted and is not switched off (as FreeRDP does for a client on 127.0.0.1)."""
    security = reading.security
    if reading.question.stage is not Stage.SETTINGS or security is None:
        return False
    return bool(security.encryption_method or security.encryption_level)


def _turns_method_away(reading: Reading) -> bool:
    """Standard RDP Security was selected, and the connection ended when one method was offered: another may do."""
    if reading.question.stage is not Stage.SETTINGS or not _selects_rdp(reading):
        return False
    return reading.connect_response is None and reading.malformed is None and reading.ending in _ENDED_BY_SERVER


def _selects_rdp(reading: Reading) -> bool:
    answer = reading.negotiation
    return isinstance(answer, NegotiationResponse) and reading.question.protocols == answer.selected == Protocol.RDP
