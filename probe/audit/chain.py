"""A chain of hellos, each without what the one before it was answered with, until the server refuses. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from probe.audit.attempt import Question, Stage
from probe.audit.offers import ALL_GROUPS, with_share
from probe.audit.outcome import Outcome, outcome
from probe.audit.reading import Reading
from probe.handshake.client_hello import Offer
from probe.wire.tls_record import AlertDescription
from probe.wire.tls_version import TLS13

# From what is left to offer, and the answers so far, to the next offer.
OfferOf = Callable[[tuple[int, ...], Sequence[Reading]], Offer]
# From an answer to what it takes off the list, or None.
TakenFrom = Callable[[Reading], int | None]

# How a server may say that it will not ask for a key share. RFC 8446 sections 4.1.2 and 9.2.
_WANTS_SHARE = (
    AlertDescription.ILLEGAL_PARAMETER,
    AlertDescription.MISSING_EXTENSION,
    AlertDescription.DECODE_ERROR,
    AlertDescription.UNEXPECTED_MESSAGE,
)


@dataclass(frozen=True, slots=True)
class Chain:
    """How far a chain has come."""

    taken: tuple[int, ...]  # in the order of the answers
    readings: tuple[Reading, ...]
    following: Question | None = None  # the next hello; None where the chain ended or waits for a repeat
    left: tuple[int, ...] = ()  # what the next hello offers
    ended: bool = False


class Answers:
    """What the hellos over one security protocol were answered with; a repeat counts in place of what it repeats."""

    def __init__(self, readings: Iterable[Reading], over: int) -> None:
        self.over = over
        self._readings = {
            replace(reading.question, repeat=False): reading
            for reading in readings
            if reading.question.protocols == over
        }

    @property
    def all(self) -> Collection[Reading]:
        """Every answer."""
        return self._readings.values()

    def asking(self, offer: Offer, purpose: str) -> Question:
        """The question that makes an offer."""
        return Question(protocols=self.over, stage=Stage.HELLO, version=offer.version, offer=offer, purpose=purpose)

    def get(self, question: Question) -> Reading | None:
        """What a question was answered with so far."""
        return self._readings.get(question)

    def final(self, question: Question) -> Reading | None:
        """The same, and None while a repeat of it is to come."""
        reading = self._readings.get(question)
        return None if reading is None or reading.is_to_be_repeated else reading

    def follow(self, left: tuple[int, ...], offer: OfferOf, taken: TakenFrom, purpose: str) -> Chain:
        """Go along a chain as far as it was answered."""
        picked: tuple[int, ...] = ()
        readings: tuple[Reading, ...] = ()
        while left:
            # A hello without a key share that was agreed to once shows that shares are not what is amiss.
            retried = any(reading.question.hello and not reading.question.hello.share for reading in readings)
            question = self._last_try(offer(left, readings), purpose, share_may_help=not retried)
            reading = self.get(question)
            if reading is None:
                return Chain(picked, readings, question, left)
            if reading.is_to_be_repeated:
                return Chain(picked, readings, left=left)
            readings = (*readings, reading)
            one = taken(reading) if outcome(reading) is Outcome.AGREED else None
            if one is None or one not in left:
                break
            picked = (*picked, one)
            at = left.index(one)
            left = left[:at] + left[at + 1 :]
        return Chain(picked, readings, ended=True)

    def _last_try(self, offer: Offer, purpose: str, *, share_may_help: bool) -> Question:
        """The question that makes an offer; where it was refused for what can be mended, that which mends it."""
        question = self.asking(offer, purpose)
        reading = self.final(question)
        mended = None if reading is None else _mended(offer, reading, share_may_help=share_may_help)
        return question if mended is None else self._last_try(mended, purpose, share_may_help=share_may_help)


def _mended(offer: Offer, reading: Reading, *, share_may_help: bool) -> Offer | None:
    """The same offer without what else it may have been refused for; None where there is nothing."""
    if outcome(reading) is not Outcome.REFUSED:
        return None
    if wants_share(reading):
        return with_share(offer)
    if offer.few_groups:
        return replace(offer, groups=ALL_GROUPS, few_groups=False)
    lacks_share = offer.version >= TLS13 and not offer.share
    return with_share(offer) if lacks_share and share_may_help and reading.alert is not None else None


def wants_share(reading: Reading) -> bool:
    """The server may have turned a hello away only because it had no key share."""
    offer, alert = reading.question.hello, reading.alert
    lacks = offer is not None and offer.version >= TLS13 and not offer.share
    return lacks and alert is not None and alert.description in _WANTS_SHARE
