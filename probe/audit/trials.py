"""Hellos that offer certain suites or groups and nothing else of their kind: whether a server takes any. Pure.

All that is to be tried in one version goes into one hello. What the server selects is offered no more, until it
refuses: so what is refused costs one connection, however much it is, and each thing that is accepted one more. What is
asked next follows from all that was selected and refused so far, in whatever hello; no way is remembered.

What decides comes first: of a trial of which any version has selected something, the others have only more names to
tell. So a newer version is asked to its end before an older one, and names come last, one hello at a time: how many
connections there are for them is then the same however fast a server answers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from probe.audit.attempt import Question
from probe.audit.chain import Answers, wants_share
from probe.audit.offers import all_suites, groups_of, is_ecdhe, is_touchy, whole_offer
from probe.audit.outcome import Outcome, group_of, outcome
from probe.audit.reading import Reading
from probe.audit.verdict_suites import answers
from probe.handshake.client_hello import Offer, usual_offer
from probe.needs import Trial, TrialKind
from probe.wire.tls_key_exchange import key_exchange_of
from probe.wire.tls_version import SSL3, TLS10, TLS11, TLS12, TLS13, version_name

_VERSIONS = (TLS13, TLS12, TLS11, TLS10, SSL3)
_MANY_SUITES = 100  # make a hello of some 500 bytes, as libraries send it; a larger one may be dropped for its size
_PORTIONS = (100, 50)  # suites in a hello where a larger one was refused for another reason than its suites
_ENOUGH_SILENCE = 2  # lines that ended in silence
# A server of TLS 1.3 has one of the first, and a certificate with an EC key is on one of the second.
_KNOWN_GROUPS = (0x001D, 0x0017, 0x0018)
_KNOWN_CURVES = (0x0017, 0x0018, 0x0019)


@dataclass(frozen=True, slots=True)
class Hello:
    """One that is to be made for a trial."""

    question: Question
    decides: bool  # a rule may hang on its answer; else it tells more names
    is_old: bool  # in a version before TLS 1.2


class Trials:
    """All trials of one audit, over one security protocol."""

    def __init__(self, readings: Iterable[Reading], over: int, trials: Collection[Trial]) -> None:
        known, different = list(readings), _different(trials)
        heard, agreed = Answers(known, over), answers(known)
        lines: list[Line] = []
        for version in _VERSIONS:
            within = [reading for reading in agreed if reading.answers_version(version)]
            if within:
                lines.append(_Suites(version, "suites", different, heard, within))
                lines.append(_Groups(version, "groups", different, heard, within))
        self.lines = [line for line in lines if line.codes]
        self._found = {trial for line in lines for trial in line.codes if line.count(trial)}
        self._newest_older = max((line.version for line in lines if line.version < TLS13), default=None)
        self._heard = heard
        self._last = max((reading.number for reading in agreed), default=0)

    @property
    def control(self) -> Question | None:
        """A hello that the server should agree to, to be made when nothing else is, where something was refused last.

        Then the server may have become weary of us: what it refused counts only if it still agrees.
        """
        if any(line.waits for line in self.lines):
            return None
        for line in self.lines:
            if any(reading.number > self._last for reading in line.refusals):
                return replace(self._heard.asking(line.shape, "TLS versions"), control=True)
        return None

    def hellos(self) -> Iterator[Hello]:
        """What may be asked now, under way or not; nothing where the server has become silent to trials."""
        silent = [line for line in self.lines if line.stopped and outcome(line.stopped) is Outcome.UNSETTLED]
        if len(silent) >= _ENOUGH_SILENCE:
            return
        begun: set[TrialKind] = set()
        for line in self.lines:
            deciding = [trial for trial in line.unfinished if self._decides(line, trial)]
            if deciding and line.kind not in begun:
                begun.add(line.kind)
                yield from () if line.waits else (Hello(line.following(deciding), True, line.version < TLS12),)
        left = [line for line in self.lines if line.unfinished]
        if left and not begun and not any(line.waits for line in left):
            line = min(left, key=_fewest_names)
            yield Hello(line.following(line.unfinished), False, line.version < TLS12)

    def chosen(
        self, asked: Collection[Question], room: int, few: int, *, ample: bool
    ) -> tuple[tuple[Question, ...], tuple[Question, ...]]:
        """Those of `hellos` that are to be made with `room` connections, and those that decide and are not made.

        What only tells more names has `few` of the connections, and so has what is asked in an old version, which no
        policy of today allows; with `ample` that has all.
        """
        wanted = [hello for hello in self.hellos() if hello.question not in asked]
        made = [
            hello
            for number, hello in enumerate(wanted)
            if number < few or (hello.decides and (ample or not hello.is_old))
        ][:room]
        cut = (hello.question for hello in wanted if hello.decides and hello not in made)
        return tuple(dict.fromkeys(hello.question for hello in made)), tuple(cut)  # two lines may want the same proof

    def _decides(self, line: Line, trial: Trial) -> bool:
        """Whether what is left of a trial in a version matters. Those before TLS 1.3 share their groups."""
        if line.count(trial) < trial.each:
            return True
        shares = line.kind == "groups" and line.version not in (TLS13, self._newest_older)
        return trial not in self._found and not shares


def _different(trials: Collection[Trial]) -> list[Trial]:
    """Each set of code points once, as far as it is needed by any."""
    found: dict[tuple[TrialKind, tuple[int, ...]], Trial] = {}
    for trial in sorted(trials):
        other = found.get((trial.kind, trial.codes), trial)
        enough, each = max(trial.enough, other.enough), max(trial.each, other.each)
        found[trial.kind, trial.codes] = replace(trial, enough=enough, each=each)
    return list(found.values())


def _fewest_names(line: Line) -> int:
    """Of those that are equal, the newest version's suites are the first."""
    return min(line.count(trial) for trial in line.unfinished)


def is_trial(question: Question) -> bool:
    """Whether its hello offers only what was to be tried; below depth full, whose chains are called the same."""
    return question.offer is not None and question.purpose.endswith((" suites", " groups", " certificates"))


class Line(ABC):
    """What was tried in one version, of one kind, and what is to be tried next."""

    def __init__(
        self, version: int, kind: TrialKind, trials: Collection[Trial], heard: Answers, within: Sequence[Reading]
    ) -> None:
        self.version, self.kind = version, kind
        self.selected: tuple[int, ...] = ()  # of all that the version has, in the order in which it was seen
        self.refused: set[int] = set()
        self.stopped: Reading | None = None  # the answer behind which nothing more is asked, for it settles nothing
        self.failures: list[Reading] = []  # the hellos that nothing was selected of
        self.doubtful: set[int] = set()  # refused in hellos that are refused with something accepted in them too
        self.unfinished: list[Trial] = []  # of which something is left to be asked
        self.waits = False  # a hello is to be repeated
        self.refusals: list[Reading] = []  # by a word, or by none
        self._heard, self._within = heard, within
        self._purpose = f"{version_name(version)} {kind}"
        self._divided: dict[int, int] = {}  # how often the portion was made smaller in which a suite is offered
        self._agreed = [
            offer
            for reading in within
            if reading.question.protocols == heard.over and (offer := reading.question.hello) is not None
        ]
        self.shape = self._shape()
        known = self._known()
        of_kind = (trial for trial in trials if trial.kind == kind)
        found = {trial: tuple(code for code in known if code in trial.codes) for trial in of_kind}
        self.codes = {trial: codes for trial, codes in found.items() if codes}
        self._proof = self._follow() if self.codes else None

    def count(self, trial: Trial) -> int:
        """How many of a trial were selected."""
        return len(set(self.selected).intersection(self.codes[trial]))

    def left(self, trial: Trial) -> list[int]:
        """What was neither selected nor refused of a trial."""
        return [code for code in self.codes[trial] if code not in self.selected and code not in self.refused]

    def offered(self, reading: Reading) -> frozenset[int]:
        """What a hello offered of this kind."""
        offer = reading.question.hello
        return frozenset() if offer is None else frozenset(offer.suites if self.kind == "suites" else offer.groups)

    def following(self, trials: Iterable[Trial]) -> Question:
        """A hello for what is left of some of the unfinished trials."""
        wanted = {code for trial in trials for code in self.left(trial)} - self.doubtful
        offer = self._offer(tuple(code for code in self._known() if code in wanted))
        return self._proof or self._heard.asking(offer, self._purpose)

    def _follow(self) -> Question | None:
        """Go through the answers; a hello that is to be made before any other."""
        seen = (self._of(reading) for reading in self._within)
        self.selected = tuple(dict.fromkeys(code for code in seen if code is not None))
        own = [
            reading
            for reading in self._heard.all
            if is_trial(reading.question) and reading.question.purpose == self._purpose
        ]
        asked = [(reading, offer) for reading in own if (offer := reading.question.hello) is not None]
        proof = self._settle([(reading, offer) for reading, offer in asked if not reading.is_to_be_repeated])
        self.refusals = [reading for reading in own if outcome(reading) is Outcome.REFUSED or _is_dropped(reading)]
        unsettled = [reading for reading in own if reading.is_to_be_repeated]
        self.failures += unsettled
        self.waits = bool(unsettled)
        if self.stopped is None:
            open_ = {trial: self.doubtful.issuperset(self.left(trial)) for trial in self.codes}
            self.unfinished = [trial for trial in open_ if self.count(trial) < trial.enough and not open_[trial]]
        return proof

    def _shape(self) -> Offer:
        """The hello with everything, where that was agreed to before one like the usual hello was made for a trial."""
        usual, whole = usual_offer(self.version), whole_offer(self.version)
        own = (each.question.hello for each in self._heard.all if each.question.purpose == self._purpose)
        begun = any(offer is not None and offer.schemes == usual.schemes for offer in own)
        return whole if whole in self._agreed and not begun else usual

    def _has_proof(self, offer: Offer) -> bool:
        """A hello was agreed to that had all that this one has: so nothing that is in it was refused at sight."""
        return any(_has_all(other, offer) for other in self._agreed)

    def _missing(self, own: Question) -> Question | None:
        """What may prove a refusal and was not asked: the hello with everything, which serves all; else its own."""
        whole = self._heard.asking(whole_offer(self.version), "TLS versions")
        return next((control for control in (whole, own) if self._heard.final(control) is None), None)

    @abstractmethod
    def _settle(self, asked: Sequence[tuple[Reading, Offer]]) -> Question | None:
        """Fill in what was refused, and where to stop; a hello that a refusal needs before it counts."""

    @abstractmethod
    def _known(self) -> tuple[int, ...]:
        """Everything of this kind that the version has."""

    @abstractmethod
    def _of(self, reading: Reading) -> int | None:
        """What a server selected of this kind."""

    @abstractmethod
    def _offer(self, left: tuple[int, ...]) -> Offer:
        """A hello with nothing of this kind but what is left."""


class _Suites(Line):
    """Suites, with every group and signature scheme; where that is refused for another reason, in smaller portions."""

    def _known(self) -> tuple[int, ...]:
        return all_suites(self.version)

    def _of(self, reading: Reading) -> int | None:
        return _suite(reading)

    def _offer(self, left: tuple[int, ...]) -> Offer:
        portion = self._portion(left[0])
        return replace(self.shape, suites=tuple(suite for suite in left if self._portion(suite) == portion))

    def _settle(self, asked: Sequence[tuple[Reading, Offer]]) -> Question | None:
        missing: Question | None = None
        controls: set[Question] = set()
        for reading, offer in asked:
            how = outcome(reading)
            if reading.question in controls or how is Outcome.AGREED:
                continue
            self.failures.append(reading)
            if how is Outcome.REFUSED and self._has_proof(offer):
                self.refused.update(offer.suites)
            elif _is_dropped(reading) and len(offer.suites) > _MANY_SUITES:
                self._divide(offer.suites)  # it may have been dropped for its size
            elif how is Outcome.REFUSED:
                own = self._heard.asking(replace(offer, suites=(*offer.suites, *self.selected[:1])), self._purpose)
                controls.update((own, own.again()))
                if (control := self._missing(own)) is not None:
                    missing = control
                else:
                    self._divide(offer.suites)
            else:
                self.stopped = reading
        return missing

    def _divide(self, suites: Collection[int]) -> None:
        """Offer these in smaller portions, where there are any; else nothing can be said of them."""
        parts = {self._portion(suite): 0 for suite in suites}
        for _ in _PORTIONS:
            for suite in suites:
                self._divided[suite] = self._divided.get(suite, 0) + 1
            parts = {self._portion(suite): 0 for suite in suites}
            if len(parts) > 1:
                return
        self.doubtful.update(suites)

    def _portion(self, suite: int) -> tuple[int, ...]:
        """What is offered together with a suite: all; then apart what may be refused at sight, and the rest by size."""
        times = self._divided.get(suite, 0)
        if not times:
            return ()
        size = _PORTIONS[min(times, len(_PORTIONS)) - 1]
        return (times, -1 if is_touchy(suite) else self._known().index(suite) // size)


class _Groups(Line):
    """Groups, with every suite that needs one.

    Two kinds of servers refuse a hello whose groups they do have: one whose certificate has an EC key refuses what
    lacks that key's curve, and one that wants a key share in TLS 1.3 refuses what has none. So there a refusal counts
    only where the same groups were passed over too, in a hello in which they stood before others.
    """

    def _known(self) -> tuple[int, ...]:
        return groups_of(self.version) if self.version > SSL3 else ()

    def _of(self, reading: Reading) -> int | None:
        return group_of(reading)

    def _offer(self, left: tuple[int, ...]) -> Offer:
        on_a_group = self.shape.suites if self.version >= TLS13 else tuple(filter(_is_on_a_group, self.shape.suites))
        return replace(self.shape, suites=on_a_group, groups=left, share=False)

    def _settle(self, asked: Sequence[tuple[Reading, Offer]]) -> Question | None:
        missing: Question | None = None
        proofs: set[Question] = set()
        for reading, offer in asked:
            how = outcome(reading)
            if reading.question in proofs or (how is Outcome.AGREED and self._of(reading) is not None):
                continue
            self.failures.append(reading)
            if how is not Outcome.REFUSED:
                self.stopped = reading
            elif not self._may_be_for_another_reason(reading):
                if self._has_proof(offer):
                    self.refused.update(offer.groups)
                    continue
                own = self._control(offer)
                proofs.update((own, own.again()))
                if (control := self._missing(own)) is not None:
                    missing = control
                else:
                    self.stopped = reading
                    self.doubtful.update(offer.groups)
            else:
                beside = tuple(group for group in self._others() if group not in offer.groups)
                proof = self._heard.asking(self._offer((*offer.groups, *beside)), self._purpose)
                proofs.update((proof, proof.again()))
                if self._weigh(reading, offer, proof, beside):
                    missing = proof
        return missing

    def _control(self, offer: Offer) -> Question:
        """The same hello with what the server agreed to: a suite, and a group where it named one."""
        seen = [suite for each in self._within if (suite := _suite(each)) is not None]
        suites = tuple(dict.fromkeys((*offer.suites, *seen)))
        groups = tuple(dict.fromkeys((*offer.groups, *self.selected[:1])))
        return self._heard.asking(replace(offer, suites=suites, groups=groups), self._purpose)

    def _weigh(self, refusal: Reading, offer: Offer, proof: Question, beside: Collection[int]) -> bool:
        """Count a refusal, or stop; True where the hello that would prove it is still to be made."""
        if not beside:  # it offered every curve that a certificate may be on
            if self.version < TLS13 and self._has_proof(offer):
                self.refused.update(offer.groups)
            else:
                self.stopped = refusal
            return False
        reading = self._heard.final(proof)
        if reading is None:
            return True
        selected = self._of(reading) if outcome(reading) is Outcome.AGREED else None
        if selected in beside:
            self.refused.update(offer.groups)
        elif selected is None:
            self.stopped = reading
        return False

    def _may_be_for_another_reason(self, reading: Reading) -> bool:
        if self.version >= TLS13:
            return wants_share(reading)
        kinds = {key_exchange_of(suite) for each in self._within if (suite := _suite(each)) is not None}
        return any("ECDSA" in kind for kind in kinds) and not any("RSA" in kind for kind in kinds)

    def _others(self) -> tuple[int, ...]:
        return _KNOWN_GROUPS if self.version >= TLS13 else _KNOWN_CURVES


def _suite(reading: Reading) -> int | None:
    return reading.server_hello.cipher_suite if reading.server_hello is not None else None


def _is_dropped(reading: Reading) -> bool:
    """It ended without a word on why."""
    said = reading.server_hello or reading.alert or reading.disconnect or reading.malformed
    return said is None and outcome(reading) in (Outcome.REFUSED, Outcome.UNSETTLED)


def _has_all(other: Offer, offer: Offer) -> bool:
    """Whether an offer has all that another has; only one without a key share is like one without a key share."""
    if other.version != offer.version or (offer.version >= TLS13 and other.share != offer.share):
        return False
    pairs = ((other.suites, offer.suites), (other.groups, offer.groups), (other.schemes, offer.schemes))
    return all(set(ours).issuperset(theirs) for ours, theirs in pairs)


def _is_on_a_group(suite: int) -> bool:
    """Whether its key exchange names its group where it can be read: a hint for a pre-shared key stands before it."""
    return is_ecdhe(suite) and "PSK" not in key_exchange_of(suite)
