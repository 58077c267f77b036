"""From the answers so far to the next questions. Pure.

The order protects the server and the truth:

1. One connection alone (triage). Nothing more is asked of what is closed, silent twice, or not RDP.
2. Every security protocol on its own. No protocol is ever asked for together with unknown bits, or RDSAAD with others:
   xrdp rejects any mask above 0x0B as a whole, and a healthy server would look broken.
3. One ClientHello for each TLS version, over a protocol that was accepted, and one TLS hello without X.224.
4. Standard RDP Security last, where it is accepted, each encryption method alone: an MCS Connect-Initial has been seen
   to end a server.

What ended in silence or a reset is asked once more, later and alone, before it counts: some servers take one
connection at a time. A server that answered and then refuses is left alone after one such repeat.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from probe.audit.attempt import Attempt, Question, Stage
from probe.audit.reading import Reading, read
from probe.audit.settings import Settings
from probe.handshake.machine import Ending
from probe.wire.gcc import EncryptionMethod
from probe.wire.nego import NegotiationResponse, Protocol

_UNANSWERED = (Ending.TIMED_OUT, Ending.DEADLINE, Ending.RESET, Ending.FILTERED)
_NEVER_OPENED = (Ending.REFUSED, Ending.FILTERED, Ending.UNREACHABLE)
TLS_VERSIONS = (0x0304, 0x0303, 0x0302, 0x0301)
_TLS12 = 0x0303
_RDP_5 = 0x00080004
# What current Windows clients ask for: everything up to HYBRID_EX, never RDSAAD with it.
_USUAL_MASK = Protocol.SSL | Protocol.HYBRID | Protocol.HYBRID_EX
_DISCOVER = (
    Question(protocols=_USUAL_MASK, stage=Stage.TUNNEL),
    Question(protocols=Protocol.SSL, stage=Stage.TUNNEL),
)
_TRIAGE = Question(protocols=Protocol.SSL, stage=Stage.TUNNEL)
_ALONE = (
    Question(protocols=Protocol.HYBRID, stage=Stage.TUNNEL),
    Question(protocols=Protocol.HYBRID_EX, stage=Stage.NEGOTIATION),
    Question(protocols=Protocol.RDSTLS, stage=Stage.TUNNEL),
    Question(protocols=Protocol.RDSAAD, stage=Stage.TUNNEL),
)
_HYBRID_EX_IN_COMPANY = Question(protocols=_USUAL_MASK, stage=Stage.NEGOTIATION)
_STANDARD_RDP = Question(protocols=Protocol.RDP, stage=Stage.SETTINGS, methods=EncryptionMethod.ONE_TWENTY_EIGHT_BIT)
_OTHER_METHODS = tuple(
    # The lower version tells FreeRDP's servers, which answer the lesser of two, from those with a version of their own.
    Question(protocols=Protocol.RDP, stage=Stage.SETTINGS, methods=method, rdp_version=_RDP_5)
    for method in (EncryptionMethod.FIFTY_SIX_BIT, EncryptionMethod.FORTY_BIT, EncryptionMethod.FIPS)
)
_DIRECT = Question(protocols=None, stage=Stage.HELLO, version=_TLS12)


@dataclass(frozen=True, slots=True)
class Plan:
    """What may be asked now (in this order), and what is to be repeated when nothing else is under way."""

    questions: tuple[Question, ...]
    repeats: tuple[Question, ...]
    lost_after: str | None = None  # the server answered and is gone: nothing more is asked


def plan(attempts: Sequence[Attempt], settings: Settings) -> Plan:
    """The next questions, without those that were asked. `attempts` are the finished ones, in the order they ended."""
    readings = [read(attempt) for attempt in attempts]
    asked = {attempt.question for attempt in attempts}
    lost_after = _lost_after(readings)
    if lost_after is not None:
        return Plan((), (), lost_after)
    repeats = tuple(
        reading.question.again()
        for reading in readings
        if _deserves_repeat(reading, readings) and reading.question.again() not in asked
    )
    if any(reading.ending in _NEVER_OPENED for reading in readings):
        return Plan((), repeats)
    questions = tuple(question for question in _wanted(readings, settings) if question not in asked)
    return Plan(questions, repeats)


def _deserves_repeat(reading: Reading, readings: Sequence[Reading]) -> bool:
    if reading.question.repeat:
        return False
    if (
        reading.ending is Ending.REFUSED
    ):  # the first refusal says that the port is closed, a later one may be an accident
        return any(other.spoke_rdp for other in readings)
    if reading.ending is Ending.FILTERED:
        return any(other.spoke_rdp for other in readings)
    return reading.ending in _UNANSWERED and not reading.is_foreign


def _lost_after(readings: Sequence[Reading]) -> str | None:
    """After which request a server that had answered refused twice to be connected to."""
    heard = [reading for reading in readings if reading.spoke_rdp]
    if not heard:
        return None
    for index, reading in enumerate(readings):
        if reading.question.repeat and reading.ending in _NEVER_OPENED:
            before = [other for other in readings[:index] if other.ending not in _NEVER_OPENED]
            return (before or heard)[-1].question.words
    return None


def _wanted(readings: Sequence[Reading], settings: Settings) -> Iterator[Question]:
    """Every question that the answers so far justify, most useful first."""
    if settings.depth == "discover":
        yield from _discover(readings)
        return
    yield _TRIAGE
    if not readings or any(reading.is_foreign for reading in readings):
        return
    if not any(reading.spoke_rdp for reading in readings):
        yield from _unanswered(readings)
        return
    yield from _ALONE
    yield from _hybrid_ex_in_company(readings)
    over = _tls_protocol(readings)
    if over is not None:
        yield from (Question(protocols=over, stage=Stage.HELLO, version=version) for version in TLS_VERSIONS)
    yield _STANDARD_RDP
    if any(_encrypts(reading) for reading in readings):
        yield from _OTHER_METHODS
    yield from _direct(readings, over)


def _discover(readings: Sequence[Reading]) -> Iterator[Question]:
    """One connection; another mask only where the first was dropped without a word."""
    yield _DISCOVER[0]
    if readings and not any(reading.spoke_rdp or reading.is_foreign for reading in readings):
        yield _DISCOVER[1]


def _unanswered(readings: Sequence[Reading]) -> Iterator[Question]:
    """Another mask, and TLS without X.224: a server may drop one request and answer another."""
    if all(reading.received_nothing for reading in readings):
        yield Question(protocols=Protocol.RDP, stage=Stage.SETTINGS, methods=_STANDARD_RDP.methods)
        if any(reading.ending is Ending.CLOSED for reading in readings):
            yield _DIRECT


def _hybrid_ex_in_company(readings: Sequence[Reading]) -> Iterator[Question]:
    """HYBRID_EX SHOULD come with HYBRID: where it was turned away alone, ask as clients do."""
    if any(_accepts(reading, Protocol.HYBRID) for reading in readings) and any(
        reading.question.protocols == Protocol.HYBRID_EX and not _accepts(reading, Protocol.HYBRID_EX)
        for reading in readings
    ):
        yield _HYBRID_EX_IN_COMPANY


def _tls_protocol(readings: Sequence[Reading]) -> int | None:
    """A protocol that was asked for alone, accepted, and leads to TLS."""
    for protocol in (Protocol.SSL, Protocol.HYBRID, Protocol.RDSTLS, Protocol.RDSAAD):
        if any(_accepts(reading, protocol) for reading in readings):
            return protocol
    return None


def _accepts(reading: Reading, protocol: int) -> bool:
    answer = reading.negotiation
    return (
        reading.question.protocols == protocol
        and isinstance(answer, NegotiationResponse)
        and answer.selected == protocol
    )


def _encrypts(reading: Reading) -> bool:
    """Standard RDP Security was accepted and is not switched off (as FreeRDP does for a client on 127.0.0.1)."""
    security = reading.security
    if reading.question.stage is not Stage.SETTINGS or security is None:
        return False
    return bool(security.encryption_method or security.encryption_level)


def _direct(readings: Sequence[Reading], over: int | None) -> Iterator[Question]:
    """TLS without X.224, by a version that the server is known to speak, once that is known."""
    if over is None:
        yield _DIRECT
        return
    asked = {
        reading.question.version: reading
        for reading in readings
        if reading.question.version and reading.question.protocols
    }
    if len(asked) < len(TLS_VERSIONS):
        return
    spoken = [version for version in TLS_VERSIONS if asked[version].answers_version(version)]
    best = _TLS12 if _TLS12 in spoken or not spoken else spoken[0]
    yield Question(protocols=None, stage=Stage.HELLO, version=best)
