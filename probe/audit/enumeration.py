"""Depth full: which hellos find every version, suite, group and signature scheme. Pure.

A hello offers everything that is not yet known; the server selects one thing, and the next hello does without it,
until the server refuses: what is then left is refused. So a thing that is accepted costs one connection, and all that
is refused together costs one. The order of a server's answers is its own order, if it has one.

To keep the chains short, several run side by side: one for each version, and where a hello and the same hello turned
round are answered differently, the server follows the client's order and the list can be cut into parts. Where the
server has its own order, cutting would hide it: the next answers are guessed from the orders of known servers, and the
hellos that follow from the guesses are made at once. A wrong guess costs a connection and never a wrong fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from probe.audit.attempt import Question, Stage
from probe.audit.chain import Answers, Chain, TakenFrom
from probe.audit.guess import guesses
from probe.audit.offers import ALL_GROUPS, ALL_SCHEMES, all_suites, full_offer, is_ecdhe, is_signed
from probe.audit.outcome import Outcome, group_of, outcome, scheme_of
from probe.audit.reading import Reading
from probe.handshake.client_hello import Offer, usual_offer
from probe.wire.tls_record import AlertDescription
from probe.wire.tls_version import SSL2, SSL3, TLS10, TLS11, TLS12, TLS13, version_name

_BY_LENGTH = (TLS12, TLS13, TLS11, TLS10, SSL3)  # the longest chains first
_OLDER = (TLS12, TLS11, TLS10)
_SMALL = 40  # suites in a hello for a server that drops large ones
_AHEAD = 2  # hellos made on a guess


class Enumeration:
    """What the connections of one audit have shown over one security protocol, and what is to be asked next."""

    def __init__(self, readings: Iterable[Reading], over: int) -> None:
        self._over = over
        self._answers = Answers(readings, over)

    def questions(self) -> Iterator[Question]:
        """Everything that may be asked now, asked or not: the longest chains first."""
        yield from self._version_questions()
        if not self._settled(*_OLDER):  # how the chains share the connections depends on them
            return
        agreed = [version for version in _BY_LENGTH if self._agreed(version) is not None]
        for version in agreed:
            yield from self._suite_questions(version)
        for version in agreed:
            if self._suites_are_known(version):
                yield from self._group_questions(version)
                yield from self._scheme_questions(version)
        if not self._has_several_older() or all(self._suites_are_known(version) for version in _BY_LENGTH):
            yield from self._feature_questions()

    # Versions

    def _version_questions(self) -> Iterator[Question]:
        for version in _BY_LENGTH:
            first = self._first(version)
            yield first
            if version == TLS12:
                yield from self._turned_questions()
            if self._wants_smaller(first):
                yield self._usual(version)
        yield Question(protocols=self._over, stage=Stage.HELLO, version=SSL2, purpose="TLS versions")

    def _first(self, version: int) -> Question:
        return self._ask(full_offer(version), "TLS versions")

    def _usual(self, version: int) -> Question:
        return self._ask(usual_offer(version), "TLS versions")

    def _wants_smaller(self, first: Question) -> bool:
        """Refused, and not for its version; a smaller hello may be answered, where no large one is in any version."""
        answered = [self._outcome(self._first(version)) for version in _BY_LENGTH]
        reading = self._answers.final(first)
        if reading is None or None in answered or Outcome.AGREED in answered:
            return False
        if outcome(reading) not in (Outcome.REFUSED, Outcome.UNSETTLED):
            return False
        return reading.alert is None or reading.alert.description != AlertDescription.PROTOCOL_VERSION

    def _agreed(self, version: int) -> Question | None:
        """The hello by which a version was agreed on, the large one or the usual one."""
        for question in (self._first(version), self._usual(version)):
            if self._outcome(question) is Outcome.AGREED:
                return question
        return None

    def _settled(self, *versions: int) -> bool:
        """Whether nothing more is to be asked about these versions themselves."""
        for version in versions:
            first, usual = self._first(version), self._usual(version)
            if self._outcome(first) is None or (self._wants_smaller(first) and self._outcome(usual) is None):
                return False
        return True

    def _has_several_older(self) -> bool:
        """TLS 1.2 is not the only version before 1.3: chains and connections have to be shared."""
        return sum(self._agreed(version) is not None for version in _OLDER) > 1

    def _newest_older(self) -> int | None:
        """The newest version before TLS 1.3 that was agreed on by the large hello; None while it is not known."""
        for version in _OLDER:
            if not self._settled(version):
                return None
            if self._outcome(self._first(version)) is Outcome.AGREED:
                return version
        return None

    def _turned_questions(self) -> Iterator[Question]:
        version = self._newest_older()
        if version is not None:
            yield self._turned(version)

    def _turned(self, version: int) -> Question:
        """The list turned round, for another name by the way; where that is refused, for the usual name."""
        offer = full_offer(version, all_suites(version)[::-1], turn=1)
        question = replace(self._ask(offer, f"{version_name(version)} suites"), other_name=True)
        refused = self._outcome(question) not in (None, Outcome.AGREED)
        return replace(question, other_name=False) if refused else question

    # Suites

    def _suites_are_known(self, version: int) -> bool:
        """Whether nothing more is to be asked about the suites of a version."""
        if self._agreed(version) is None:
            return True
        chains = list(self._suite_chains(version))
        return bool(chains) and all(chain.ended for chain in chains)

    def _suite_questions(self, version: int) -> Iterator[Question]:
        chains = list(self._suite_chains(version))
        following = [chain.following for chain in chains if chain.following is not None]
        yield from following
        if following:
            yield from self._ahead(version, chains)

    def _suite_chains(self, version: int) -> Iterator[Chain]:
        """The chains of one version; none while it is unknown whose order decides."""
        if self._agreed(version) == self._usual(version):
            yield from self._small_chains(version)
            return
        suites = all_suites(version)
        if version != self._newest_older():
            yield self._chain(version, suites)
            return
        if self._outcome(self._turned(version)) is None:
            return
        known = self._selected(self._first(version)) | self._selected(self._turned(version))
        if len(known) == 1:  # the server's own order; or there is only this one
            yield self._chain(version, suites)
            return
        rest = [suite for suite in suites if suite not in known]
        lanes = 2 if self._has_several_older() else 3
        for lane in range(lanes):
            yield self._chain(version, rest[lane::lanes], turn=2 + lane, step=lanes)

    def _small_chains(self, version: int) -> Iterator[Chain]:
        """For a server that drops large hellos: the usual suites, then the others in portions."""
        usual = usual_offer(version)
        rest = [suite for suite in all_suites(version) if suite not in usual.suites]
        portions = [rest[at : at + _SMALL] for at in range(0, len(rest), _SMALL)]
        for suites in (usual.suites, *portions):
            purpose = f"{version_name(version)} suites"
            yield self._answers.follow(tuple(suites), lambda left, _: replace(usual, suites=left), _suite, purpose)

    def _chain(self, version: int, suites: Sequence[int], turn: int = 0, step: int = 1) -> Chain:
        def offer(left: tuple[int, ...], picked: int) -> Offer:
            # In TLS 1.3 every second hello is turned round: few suites are enough to tell whose order decides.
            turned = version >= TLS13 and picked % 2 == 1
            return full_offer(version, left[::-1] if turned else left, turn + step * picked)

        return self._answers.follow(tuple(suites), offer, _suite, f"{version_name(version)} suites")

    def _ahead(self, version: int, chains: Sequence[Chain]) -> Iterator[Question]:
        """Hellos that will be wanted if the next answers are as guessed."""
        if version != self._newest_older() or len(chains) != 1 or not chains[0].taken:
            return
        suites = all_suites(version)
        picked = list(chains[0].taken)
        purpose = f"{version_name(version)} suites"
        wasted = sum(each.question.purpose == purpose for each in self._answers.all) - len(chains[0].readings)
        for one in guesses(picked, suites)[: max(0, _AHEAD - max(0, wasted - 1))]:
            picked.append(one)
            left = tuple(suite for suite in suites if suite not in picked)
            yield self._ask(full_offer(version, left, len(picked)), purpose)

    # Groups and signature schemes

    def _group_questions(self, version: int) -> Iterator[Question]:
        chains = list(self._suite_chains(version))
        suites = self._suites_of(version, chains)
        if version < TLS13:
            suites = tuple(suite for suite in suites if is_ecdhe(suite)) if version == self._newest_older() else ()
        if not suites:
            return
        seen = self._seen(version, chains, group_of)
        left = [group for group in ALL_GROUPS if group not in seen]
        lanes = 1 if version < TLS13 or self._has_several_older() else 2
        for lane in range(lanes):
            chain = self._answers.follow(
                tuple(left[lane::lanes]),
                lambda groups, _: replace(full_offer(version, suites, turn=1), groups=groups),
                group_of,
                f"{version_name(version)} groups",
            )
            if chain.following is not None:
                yield chain.following

    def _scheme_questions(self, version: int) -> Iterator[Question]:
        chains = list(self._suite_chains(version))
        suites = tuple(suite for suite in self._suites_of(version, chains) if is_signed(suite))
        if version != TLS12 or not suites or self._newest_older() != TLS12:
            return
        seen = self._seen(version, chains, scheme_of)
        chain = self._answers.follow(
            tuple(scheme for scheme in ALL_SCHEMES if scheme not in seen),
            lambda schemes, _: replace(full_offer(version, suites), schemes=schemes),
            scheme_of,
            "signature schemes",
        )
        if chain.following is not None:
            yield chain.following

    def _suites_of(self, version: int, chains: Sequence[Chain]) -> tuple[int, ...]:
        """The suites that the version's own hello and its chains were answered with, in our order."""
        found = {suite for chain in chains for suite in chain.taken}
        for question in (self._first(version), self._usual(version), self._turned(version)):
            found |= self._selected(question)
        return tuple(suite for suite in all_suites(version) if suite in found)

    def _seen(self, version: int, chains: Sequence[Chain], taken: TakenFrom) -> set[int]:
        readings = [reading for chain in chains for reading in chain.readings]
        readings += filter(None, (self._answers.final(each(version)) for each in (self._first, self._turned)))
        found = {taken(reading) for reading in readings if outcome(reading) is Outcome.AGREED}
        return {one for one in found if one is not None}

    # What is asked once

    def _feature_questions(self) -> Iterator[Question]:
        """The most telling first: connections may run out."""
        agreed = [version for version in (TLS13, TLS12, TLS11, TLS10, SSL3) if self._agreed(version) is not None]
        older = self._newest_older()
        if len(agreed) > 1:
            yield self._ask(replace(full_offer(agreed[1]), fallback=True), "TLS features")
        if older is not None:
            yield from self._resumption_questions(older)
            yield replace(self._ask(usual_offer(older), "TLS features"), framed=True)

    def _resumption_questions(self, version: int) -> Iterator[Question]:
        first = Question(protocols=self._over, stage=Stage.TUNNEL, version=version, purpose="TLS features")
        yield first
        made = self._answers.final(first)
        if made is not None and made.secured is not None:
            yield replace(first, resume=True)

    # Small helps

    def _ask(self, offer: Offer, purpose: str) -> Question:
        return self._answers.asking(offer, purpose)

    def _outcome(self, question: Question) -> Outcome | None:
        """How a hello was taken; None while that is not known, a repeat to come included."""
        reading = self._answers.final(question)
        return None if reading is None else outcome(reading)

    def _selected(self, question: Question) -> set[int]:
        """The suite that a hello was answered with, if it was."""
        reading = self._answers.final(question)
        suite = _suite(reading) if reading is not None and outcome(reading) is Outcome.AGREED else None
        return set() if suite is None else {suite}


def _suite(reading: Reading) -> int | None:
    return reading.server_hello.cipher_suite if reading.server_hello is not None else None
