"""From the answers so far to the next questions. Pure.

The order protects the server and the truth:

1. One connection, alone until it has shown RDP (triage). Nothing more is asked of what is closed, silent twice, or not
   RDP.
2. Every security protocol on its own. No protocol is ever asked for together with unknown bits, or RDSAAD with others:
   xrdp rejects any mask above 0x0B as a whole, and a healthy server would look broken.
3. One ClientHello for each TLS version, over a protocol that was accepted, and one TLS hello without X.224.
4. Standard RDP Security last, where it is accepted, each encryption method alone: an MCS Connect-Initial has been seen
   to end a server.
5. The licensing phase behind everything else, and only where the user asks for it: it is the only thing that a server
   may take for a client that is about to log on.

What ended in silence or a reset is asked once more, later and alone, before it counts: some servers take one
connection at a time. Only discover, made for many hosts, never repeats. Where a server that answered refuses, or says
nothing to a Connection Request that it answered before, everything else waits for that repeat; if it fails too, the
server is lost and left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from probe.audit.attempt import ALL_VERSIONS, TLS_VERSIONS, Attempt, Question, Stage, protocol_name
from probe.audit.encryption_methods import OTHER_METHODS, STANDARD_RDP, more_methods
from probe.audit.enumeration import Enumeration
from probe.audit.reading import Reading, read
from probe.audit.settings import MOST_CONNECTIONS, Settings
from probe.audit.simulation import walks
from probe.audit.trials import Trials
from probe.audit.version_hellos import certificate_hello, of_versions, other_road, tried_in
from probe.handshake.client_hello import LARGE, Offer, current_offer, usual_offer
from probe.handshake.machine import NEVER_OPENED, Ending
from probe.needs import Needs
from probe.wire.nego import NegotiationResponse, Protocol
from probe.wire.tls_version import TLS10, TLS12, version_name

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
_HYBRID, _HYBRID_EX, _RDSTLS, _RDSAAD = _ALONE
_HYBRID_EX_IN_COMPANY = Question(protocols=_USUAL_MASK, stage=Stage.NEGOTIATION)
_LICENSING = tuple(Question(protocols=protocol, stage=Stage.LICENSING) for protocol in (Protocol.SSL, Protocol.RDP))
_DIRECT = Question(protocols=None, stage=Stage.HELLO, version=TLS12)


@dataclass(frozen=True, slots=True)
class Plan:
    """What may be asked now (in this order), and what is to be repeated when nothing else is under way."""

    questions: tuple[Question, ...]
    repeats: tuple[Question, ...]
    lost_after: str | None = None  # the server answered and is gone: nothing more is asked
    cut_short: tuple[str, ...] = ()  # what an enumeration would go on to, had it more connections


def plan(attempts: Sequence[Attempt], settings: Settings, begun: int | None = None) -> Plan:
    """The next questions, without those that were asked. `attempts` are the finished ones, in the order they ended.

    `begun` counts the connections under way too; None where there are none.
    """
    readings = [read(attempt) for attempt in attempts]
    if settings.depth == "discover" and not settings.simulate:
        return Plan(_discover(readings), ())
    asked = {attempt.question for attempt in attempts}
    lost_after = _lost_after(readings)
    if lost_after is not None:
        return Plan((), (), lost_after)
    repeats = tuple(
        reading.question.again()
        for reading in readings
        if settings.depth != "discover"
        and _deserves_repeat(reading, readings)
        and reading.question.again() not in asked
    )
    if any(_is_gone(reading, readings) and not _came_back(reading, asked) for reading in readings):
        return Plan((), repeats)
    if settings.simulate:
        return Plan((), repeats) if repeats else Plan(tuple(_simulated(readings, settings)), ())
    room = settings.most_connections - (len(attempts) if begun is None else begun) - len(repeats)
    few = settings.few_connections - sum(not attempt.question.repeat for attempt in attempts)
    behind = sum(question not in asked for question in _LICENSING) if settings.licensing else 0
    groups = _Groups(readings, asked, room - behind, few - behind)
    questions = tuple(question for question in groups.wanted(settings) if question not in asked)
    return Plan(questions, repeats, cut_short=groups.cut_short)


def _simulated(readings: Sequence[Reading], settings: Settings) -> Iterator[Question]:
    """The next connection of the first client that is not through: one client after the other, one at a time."""
    if any(reading.ending is Ending.INTERRUPTED for reading in readings):  # it goes on, or we have stopped
        return
    waiting = (walk.following for walk in walks(settings.simulate, readings) if walk.following is not None)
    yield from islice(waiting, 1)


def _deserves_repeat(reading: Reading, readings: Sequence[Reading]) -> bool:
    if reading.question.repeat:
        return False
    if _is_gone(reading, readings):  # a first refusal says that the port is closed, a later one may be an accident
        return any(other.spoke_rdp for other in readings)
    return reading.is_to_be_repeated


def _is_gone(reading: Reading, readings: Sequence[Reading]) -> bool:
    """No connection was had, or not a byte on it though the same Connection Request is answered otherwise."""
    if reading.ending in NEVER_OPENED:
        return True
    return (
        reading.received_nothing
        and reading.ending is not Ending.INTERRUPTED
        and any(other.confirm and other.question.protocols == reading.question.protocols for other in readings)
    )


def _came_back(reading: Reading, asked: set[Question]) -> bool:
    """The request was repeated; had that failed too, the server would be lost."""
    return not reading.question.repeat and reading.question.again() in asked


def _lost_after(readings: Sequence[Reading]) -> str | None:
    """After which request a server that had answered was gone, twice."""
    heard = [reading for reading in readings if reading.spoke_rdp]
    if not heard:
        return None
    for index, reading in enumerate(readings):
        if reading.question.repeat and _is_gone(reading, readings[:index]):
            before = [other for other in readings[:index] if not _is_gone(other, readings)]
            return (before or heard)[-1].question.words
    return None


class _Groups:
    """Groups of questions. One is begun when every question of the one before was answered, or failed to be."""

    def __init__(self, readings: Sequence[Reading], asked: set[Question], room: int, few: int) -> None:
        self.cut_short: tuple[str, ...] = ()
        self._readings = readings
        self._asked = asked
        self._room = room
        self._few = few

    def wanted(self, settings: Settings) -> Iterator[Question]:
        """Every question that the answers so far justify, most useful first."""
        for together in self._by_depth(settings):
            yield from together
            if not self._asked.issuperset(together):
                return

    def _by_depth(self, settings: Settings) -> Iterator[tuple[Question, ...]]:
        licensing = [tuple(_licensing(self._readings))] if settings.licensing else []
        return chain(self._in_turn(settings), licensing)

    def _in_turn(self, settings: Settings) -> Iterator[tuple[Question, ...]]:
        readings = self._readings
        yield (_TRIAGE,)
        if not any(reading.spoke_rdp for reading in readings):
            if not any(reading.is_foreign for reading in readings):
                yield tuple(_unanswered(readings))
        elif settings.wanted is not None:
            yield from self._needed(settings.wanted, settings.needs or settings.wanted)
        else:
            yield from self._of_depth(full=settings.depth == "full")

    def _of_depth(self, *, full: bool) -> Iterator[tuple[Question, ...]]:
        readings = self._readings
        if not full or tls_protocol(readings) is None:
            yield _ALONE
        over = tls_protocol(readings)
        company = tuple(_hybrid_ex_in_company(readings))
        if over is not None and full:
            # Together, so that no connection that may be open stays unused at the end of a group.
            direct = [_direct(readings)] if any(reading.answers_version(TLS12) for reading in readings) else []
            yield (*_ALONE, *company, *direct, *self._enumeration(over))
        else:
            hellos = [()] if over is None else list(of_versions(readings, over, TLS_VERSIONS))
            yield (*company, *hellos[0])
            yield from hellos[1:]
        yield tuple(_comparisons(readings, over))
        yield (_direct(readings), STANDARD_RDP)
        yield from more_methods(readings)

    def _needed(self, needs: Needs, beyond: Needs) -> Iterator[tuple[Question, ...]]:
        """The same in the same order, without what serves none of these needs; `beyond` need more than a depth asks."""
        readings = self._readings
        yield from self._protocols_needed(needs)
        over = tls_protocol(readings)
        if over is not None:
            versions = [version for version in ALL_VERSIONS if version_name(version) in needs.versions]
            yield from of_versions(readings, over, versions, tried_in(needs.trials))
            if needs.trials and self._first_goes_on():
                return
            others = (
                certificate_hello(readings, over) if beyond.certificates else None,
                other_road(readings, over) if version_name(TLS10) in beyond.versions else None,
            )
            yield tuple(question for question in others if question is not None)
        if needs.intolerance:
            yield tuple(_comparisons(readings, over))
        settings = (STANDARD_RDP,) if needs.encryption or "RDP" in needs.protocols else ()
        # Where no security protocol leads to TLS, only TLS without X.224 may still be a road to it.
        roads = needs.direct_tls or (over is None and _is_about_tls(needs))
        behind = (*((_direct(readings),) if roads else ()), *settings)
        if over is not None and needs.trials:
            trials = Trials(readings, over, needs.trials)
            tried = self._tried(trials, (*behind, *(OTHER_METHODS if needs.encryption else ())), needs)
            yield tried
            yield () if tried or self.cut_short or trials.control is None else (trials.control,)
        if self._first_goes_on():
            return  # it may show by which version TLS without X.224 is to be asked for
        yield behind
        yield from more_methods(readings, wanted=needs.encryption)

    def _first_goes_on(self) -> bool:
        return any(reading.ending is Ending.INTERRUPTED for reading in self._readings)

    def _protocols_needed(self, needs: Needs) -> Iterator[tuple[Question, ...]]:
        """Those that are to be settled, and the first that leads to TLS where something is to be asked over it."""
        readings = self._readings
        names = needs.protocols | ({"HYBRID"} if needs.credssp else set())
        yield tuple(question for question in _ALONE if protocol_name(question.protocols or 0) in names)
        if "HYBRID_EX" in names:
            if not any(_accepts(reading, Protocol.HYBRID_EX) for reading in readings):
                yield (_HYBRID,)
            yield tuple(_hybrid_ex_in_company(readings))
        if _is_about_tls(needs):
            for way in (_HYBRID, _RDSTLS, _RDSAAD):
                if tls_protocol(readings) is None:
                    yield (way,)

    def _tried(self, trials: Trials, behind: tuple[Question, ...], needs: Needs) -> tuple[Question, ...]:
        """As many hellos of trials as there are connections for, without those for what comes behind them."""
        later = sum(question not in self._asked for question in behind)
        room, few = max(0, self._room - later), self._few - later
        made, cut = trials.chosen(self._asked, room, few, ample=needs.again or needs.standard)
        self.cut_short = () if made else tuple(dict.fromkeys(question.about for question in cut))
        return made

    def _enumeration(self, over: int) -> Iterator[Question]:
        """As much of an enumeration as there are connections for, without those for what comes behind it."""
        compared = _possible_comparisons(self._readings, over)
        dropped = [question.again() for question in compared[1:]]  # what is dropped is asked twice
        enumeration = Enumeration(self._readings, over)
        control = [] if enumeration.control is None else [enumeration.control]
        behind = (_direct(self._readings), STANDARD_RDP, *compared, *dropped, *control)
        room = max(0, self._room - sum(question not in self._asked for question in behind))
        wanted = [each for each in enumeration.questions(room) if each not in self._asked]
        if not room:
            missed = [each for each in enumeration.questions(MOST_CONNECTIONS["full"]) if each not in self._asked]
            self.cut_short = tuple(dict.fromkeys(question.about for question in missed))
        return iter(wanted[:room] or control)


def _is_about_tls(needs: Needs) -> bool:
    return bool(needs.versions or needs.certificates or needs.intolerance or needs.trials)


def _discover(readings: Sequence[Reading]) -> tuple[Question, ...]:
    """One connection; another mask only where the first was dropped without a word. Nothing is repeated."""
    asked = [reading.question for reading in readings]
    usual, other = _DISCOVER
    if usual not in asked:
        return (usual,)
    if other in asked or any(
        reading.spoke_rdp or reading.is_foreign or _is_gone(reading, readings) for reading in readings
    ):
        return ()
    return (other,)


def _unanswered(readings: Sequence[Reading]) -> Iterator[Question]:
    """Another mask, and TLS without X.224: a server may drop one request and answer another."""
    if all(reading.received_nothing for reading in readings):
        yield Question(protocols=_USUAL_MASK, stage=Stage.TUNNEL, cookie=True)
        if any(reading.ending in (Ending.CLOSED, Ending.RESET) for reading in readings):
            yield STANDARD_RDP
            yield _DIRECT


def _hybrid_ex_in_company(readings: Sequence[Reading]) -> Iterator[Question]:
    """HYBRID_EX SHOULD come with HYBRID: where it was turned away alone, ask as clients do."""
    if any(_accepts(reading, Protocol.HYBRID) for reading in readings) and any(
        reading.question.protocols == Protocol.HYBRID_EX and not _accepts(reading, Protocol.HYBRID_EX)
        for reading in readings
    ):
        yield _HYBRID_EX_IN_COMPANY


def _comparisons(readings: Sequence[Reading], over: int | None) -> Iterator[Question]:
    """What tells why a complete handshake was dropped though a hello is answered: TLS 1.3 in it, or its size."""
    handshakes = _handshakes(readings)
    if over is None or not handshakes or not all(_dropped(reading) for reading in handshakes):
        return
    if not any(reading.answers_version(TLS12) for reading in readings):
        return
    small, *large = _possible_comparisons(readings, over)
    yield small
    if any(reading.question == small and reading.server_hello is not None for reading in readings):
        yield from large


def _possible_comparisons(readings: Sequence[Reading], over: int) -> list[Question]:
    """The comparisons that may have to be made: nothing once a complete handshake was answered."""
    if any(_is_answered(reading) for reading in _handshakes(readings)):
        return []
    offers = (current_offer(), current_offer(padding=LARGE), replace(usual_offer(TLS12), padding=LARGE))
    return [_comparison(over, offer) for offer in offers]


def _handshakes(readings: Sequence[Reading]) -> list[Reading]:
    """Tries at a complete handshake with all that our library has; one up to an older version is another matter."""
    return [
        reading
        for reading in readings
        if reading.question.stage is Stage.TUNNEL and reading.question.version is None and _selects_tls(reading)
    ]


def _comparison(over: int, offer: Offer) -> Question:
    return Question(protocols=over, stage=Stage.HELLO, version=offer.version, offer=offer, purpose="intolerance")


def _selects_tls(reading: Reading) -> bool:
    answer = reading.negotiation
    return isinstance(answer, NegotiationResponse) and answer.selected != Protocol.RDP


def _dropped(reading: Reading) -> bool:
    """Neither a ServerHello nor an alert: whatever it was, it did not read the hello to its end."""
    return not _is_answered(reading) and reading.ending is not Ending.INTERRUPTED


def _is_answered(reading: Reading) -> bool:
    return reading.server_hello is not None or reading.alert is not None or reading.disconnect is not None


def tls_protocol(readings: Sequence[Reading]) -> int | None:
    """A protocol that was asked for alone, accepted, and leads to TLS. Once hellos went over one, it stays that one."""
    for reading in readings:
        if reading.question.stage is Stage.HELLO and reading.question.protocols is not None:
            return reading.question.protocols
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


def _licensing(readings: Sequence[Reading]) -> Iterator[Question]:
    """The licensing phase, once over each protocol over which the server has settled what comes before it."""
    for question in _LICENSING:
        over = Protocol(question.protocols or 0)
        if any(
            reading.question.protocols == over
            and reading.connect_response is not None
            and (over == Protocol.RDP or _accepts(reading, over))
            for reading in readings
        ):
            yield question


def _direct(readings: Sequence[Reading]) -> Question:
    """TLS without X.224, by a version that the server is known to speak. Once it was asked, it stays that one."""
    asked = [reading.question for reading in readings if reading.question.protocols is None]
    spoken = [version for version in TLS_VERSIONS if any(reading.answers_version(version) for reading in readings)]
    best = TLS12 if TLS12 in spoken or not spoken else spoken[0]
    return replace(asked[0], repeat=False) if asked else Question(protocols=None, stage=Stage.HELLO, version=best)
