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
from probe.audit.offers import ALL_GROUPS, ALL_SCHEMES, all_suites, full_offer, groups_of, is_ecdhe, is_signed
from probe.audit.outcome import Outcome, group_of, outcome, scheme_of
from probe.audit.reading import Reading
from probe.audit.verdict_suites import orders
from probe.audit.version_hellos import says_nothing_fits
from probe.handshake.client_hello import Offer, usual_offer
from probe.wire.tls_key_exchange import key_exchange_of
from probe.wire.tls_record import AlertDescription
from probe.wire.tls_suites import suite_name
from probe.wire.tls_version import SSL2, SSL3, TLS10, TLS11, TLS12, TLS13, version_name

_BY_LENGTH = (TLS12, TLS13, TLS11, TLS10, SSL3)  # the longest chains first
_BY_PRECEDENCE = (TLS13, TLS11, TLS10, SSL3, TLS12)  # of suites: what has few is finished first
_OLDER = (TLS12, TLS11, TLS10)
_COMMON_TLS13_SUITES = (0x1301, 0x1302, 0x1303)
_LIKELY_SUITES = frozenset(usual_offer(TLS12).suites) - {0xC008, 0xC012, 0x0016, 0x000A, 0x0005, 0x0004}
_SMALL = 40  # suites in a hello for a server that drops large ones
_FOR_GROUPS = 12  # connections that groups may take
_ENOUGH_SILENCE = 2  # hellos that were met by silence, twice each
_AHEAD = 2  # hellos made on a guess


class Enumeration:
    """What the connections of one audit have shown over one security protocol, and what is to be asked next."""

    def __init__(self, readings: Iterable[Reading], over: int) -> None:
        self._over = over
        self._answers = Answers(readings, over)
        self._firsts = {version: self._ask(full_offer(version), "TLS versions") for version in _BY_LENGTH}
        self._usuals = {version: self._ask(usual_offer(version), "TLS versions") for version in _BY_LENGTH}
        self._to_first = {version: self._outcome(question) for version, question in self._firsts.items()}
        self._agreed = [version for version in _BY_LENGTH if self._agrees_on(version)]
        self._newest_older = self._find_newest_older()
        self._chains: dict[int, tuple[Chain, ...]] = {}

    def questions(self, room: int) -> Iterator[Question]:
        """Everything that may be asked now, asked or not, the most telling first.

        `room` is the number of connections that may still be begun. Where they may run out, suites have precedence
        over groups, and groups over the rest.
        """
        yield from self._version_questions()
        if self._is_silent():
            return
        if not all(map(self._is_settled, _OLDER)):  # how the chains share the connections depends on them
            return
        self._chains = {version: tuple(self._suite_chains(version)) for version in self._agreed}
        for version in sorted(self._agreed, key=_BY_PRECEDENCE.index):
            yield from self._suite_questions(version)
        known = [version for version, chains in self._chains.items() if chains and all(each.ended for each in chains)]
        spare = room - self._suites_to_come()
        if spare <= 0:
            return
        yield from self._fallback_questions()
        of_groups = [question for version in known for question in self._group_questions(version)]
        yield from of_groups
        if spare > _FOR_GROUPS or (known == self._agreed and not of_groups):
            yield from self._feature_questions()
            for version in known:
                yield from self._scheme_questions(version)
                yield from self._order_questions(version)

    @property
    def control(self) -> Question | None:
        """A hello that was agreed to, to be made once more at the end: refusals count only while it still is."""
        agreed = [version for version in self._agreed if self._to_first[version] is Outcome.AGREED]
        return replace(self._firsts[agreed[0]], control=True) if agreed else None

    def _is_silent(self) -> bool:
        """The server has become silent to hellos that go on from what it agreed to: it is left alone."""
        unanswered = [
            reading
            for reading in self._answers.all
            if reading.question.repeat
            and reading.question.purpose.endswith(("suites", "groups", "schemes"))
            and outcome(reading) is Outcome.UNSETTLED
        ]
        return len(unanswered) >= _ENOUGH_SILENCE

    def _suites_to_come(self) -> int:
        """How many connections the unfinished chains may take: one for each likely suite, and one for the refusal."""
        unfinished = [
            (version, chain) for version, chains in self._chains.items() for chain in chains if not chain.ended
        ]
        return sum(1 + len(self._likely(version).intersection(chain.left)) for version, chain in unfinished)

    def _likely(self, version: int) -> set[int]:
        """Suites that a version probably has, after what others were seen to have."""
        if version >= TLS13:
            return set(_COMMON_TLS13_SUITES)
        for other, chains in self._chains.items():
            if other != version and max(other, version) < TLS12 and all(chain.ended for chain in chains):
                return set(self._suites_of(other))
        kinds = {key_exchange_of(suite) for each in self._chains for suite in self._suites_of(each)}
        likely = {suite for suite in _LIKELY_SUITES if key_exchange_of(suite) in kinds}
        return likely if version == TLS12 else {suite for suite in likely if suite_name(suite).endswith("_CBC_SHA")}

    # Versions

    def _version_questions(self) -> Iterator[Question]:
        for version in _BY_LENGTH:
            yield self._firsts[version]
            if version == TLS12 and self._newest_older is not None:
                yield self._turned(self._newest_older)
            if self._wants_smaller(version):
                yield self._usuals[version]
        yield Question(protocols=self._over, stage=Stage.HELLO, version=SSL2, purpose="TLS versions")

    def _wants_smaller(self, version: int) -> bool:
        """Refused, and not for its version; a smaller hello may be answered, where no large one is in any version.

        That of TLS 1.3 is never large: where it is answered, the others may have been dropped on the way.
        """
        answered = self._to_first
        reading = self._answers.final(self._firsts[version])
        if reading is None or None in answered.values():
            return False
        if answered[version] not in (Outcome.REFUSED, Outcome.UNSETTLED):
            return False
        if says_nothing_fits(reading):  # not to the version, but to something in so large a hello
            return True
        if Outcome.AGREED in (how for each, how in answered.items() if each < TLS13):
            return False
        if answered[TLS13] is Outcome.AGREED:
            return reading.alert is None
        return reading.alert is None or reading.alert.description != AlertDescription.PROTOCOL_VERSION

    def _agrees_on(self, version: int) -> bool:
        """By the large hello, or by the usual one."""
        return Outcome.AGREED in (self._to_first[version], self._outcome(self._usuals[version]))

    def _is_settled(self, version: int) -> bool:
        """Whether nothing more is to be asked about a version itself."""
        if self._to_first[version] is None:
            return False
        return not self._wants_smaller(version) or self._outcome(self._usuals[version]) is not None

    def _has_several_older(self) -> bool:
        """TLS 1.2 is not the only version before 1.3: chains and connections have to be shared."""
        return sum(version in _OLDER for version in self._agreed) > 1

    def _find_newest_older(self) -> int | None:
        """The newest version before TLS 1.3 that was agreed on by the large hello; None while it is not known."""
        for version in _OLDER:
            if not self._is_settled(version):
                return None
            if self._to_first[version] is Outcome.AGREED:
                return version
        return None

    def _turned(self, version: int) -> Question:
        """The list turned round, for another name by the way; where that is refused, for the usual name."""
        offer = full_offer(version, all_suites(version)[::-1], turn=1)
        question = replace(self._ask(offer, f"{version_name(version)} suites"), other_name=True)
        refused = self._outcome(question) not in (None, Outcome.AGREED)
        return replace(question, other_name=False) if refused else question

    # Suites

    def _suite_questions(self, version: int) -> Iterator[Question]:
        following = [chain.following for chain in self._chains[version] if chain.following is not None]
        yield from following
        if following:
            yield from self._ahead(version)

    def _suite_chains(self, version: int) -> Iterator[Chain]:
        """The chains of one version; none while it is unknown whose order decides."""
        if self._to_first[version] is not Outcome.AGREED:
            yield from self._small_chains(version)
            return
        suites = all_suites(version)
        if version != self._newest_older:
            yield self._chain(version, suites)
            return
        if self._outcome(self._turned(version)) is None:
            return
        known = self._selected(self._firsts[version])
        if known == self._selected(self._turned(version)):  # the server's own order; or there is only this one
            yield self._chain(version, suites)
            return
        if self._is_as_for_the_name(version):
            known |= self._selected(self._turned(version))
        rest = [suite for suite in suites if suite not in known]
        lanes = 2 if self._has_several_older() else 3
        for lane in range(lanes):
            yield self._chain(version, rest[lane::lanes], turn=2 + lane, step=lanes)

    def _is_as_for_the_name(self, version: int) -> bool:
        """What another name was given is the server's: if the certificate is another, so may be all the rest."""
        turned, usual = (self._answers.final(ask) for ask in (self._turned(version), self._firsts[version]))
        if turned is None or usual is None:
            return False
        return not turned.question.other_name or turned.chain == usual.chain

    def _small_chains(self, version: int) -> Iterator[Chain]:
        """For a server that drops large hellos: the usual suites, then the others in portions."""
        usual = usual_offer(version)
        rest = [suite for suite in all_suites(version) if suite not in usual.suites]
        portions = [rest[at : at + _SMALL] for at in range(0, len(rest), _SMALL)]
        # With one that is accepted: what is refused together with it was refused for another reason than its suites.
        accepted = sorted(self._selected(self._usuals[version]))
        for suites in (usual.suites, *((*portion, *accepted) for portion in portions)):
            purpose = f"{version_name(version)} suites"
            yield self._answers.follow(tuple(suites), lambda left, _: replace(usual, suites=left), _suite, purpose)

    def _chain(self, version: int, suites: Sequence[int], turn: int = 0, step: int = 1) -> Chain:
        def offer(left: tuple[int, ...], answered: Sequence[Reading]) -> Offer:
            return full_offer(version, left, turn + step * len(answered))

        offer_of = _offer_of_tls13 if version >= TLS13 else offer
        return self._answers.follow(tuple(suites), offer_of, _suite, f"{version_name(version)} suites")

    def _ahead(self, version: int) -> Iterator[Question]:
        """Hellos that will be wanted if the next answers are as guessed."""
        chains = self._chains[version]
        if version != self._newest_older or len(chains) != 1 or not chains[0].taken:
            return
        suites = all_suites(version)
        picked = list(chains[0].taken)
        purpose = f"{version_name(version)} suites"
        wasted = sum(each.question.purpose == purpose for each in self._answers.all) - len(chains[0].readings)
        for one in guesses(picked, suites)[: max(0, _AHEAD - max(0, wasted - 1))]:
            picked.append(one)
            left = tuple(suite for suite in suites if suite not in picked)
            yield self._ask(full_offer(version, left, len(picked)), purpose)

    def _order_questions(self, version: int) -> Iterator[Question]:
        """In TLS 1.3, where the answers are those of either order: what was selected, the last of it first."""
        picked = [suite for chain in self._chains[version] for suite in chain.taken]
        if version >= TLS13 and len(picked) > 1 and version_name(version) not in orders(list(self._answers.all)):
            yield self._ask(full_offer(version, tuple(reversed(picked))), f"{version_name(version)} suites")

    # Groups and signature schemes

    def _group_questions(self, version: int) -> Iterator[Question]:
        suites = self._suites_of(version)
        if version < TLS13:
            suites = _for_groups(suites) if version == self._newest_older else ()
        if not suites:
            return
        seen = self._seen(version, group_of)
        # With an ECDSA key alone the client must have the certificate's curve too, or is refused for that. So what was
        # seen is offered again, behind the rest, and left out one by one: the refusal comes when that curve is gone.
        # What it was preferred to until then no client can be given, whichever groups it offers.
        again = tuple(sorted(seen)) if version < TLS13 and not any(map(_needs_no_curve, suites)) else ()
        chain = self._answers.follow(
            (*(group for group in groups_of(version) if group not in seen), *again),
            lambda groups, _: replace(full_offer(version, suites, turn=1), groups=groups),
            group_of,
            f"{version_name(version)} groups",
        )
        if chain.following is not None:
            yield chain.following

    def _scheme_questions(self, version: int) -> Iterator[Question]:
        suites = tuple(suite for suite in self._suites_of(version) if is_signed(suite))
        if version != TLS12 or not suites or self._newest_older != TLS12:
            return
        seen = self._seen(version, scheme_of)
        chain = self._answers.follow(
            tuple(scheme for scheme in ALL_SCHEMES if scheme not in seen),
            lambda schemes, _: replace(full_offer(version, suites), schemes=schemes, certificate_schemes=ALL_SCHEMES),
            scheme_of,
            "signature schemes",
        )
        if chain.following is not None:
            yield chain.following

    def _suites_of(self, version: int) -> tuple[int, ...]:
        """The suites that the version's own hello and its chains were answered with, in our order."""
        found = {suite for chain in self._chains[version] for suite in chain.taken}
        for question in (self._firsts[version], self._usuals[version]):
            found |= self._selected(question)
        if self._is_as_for_the_name(version):
            found |= self._selected(self._turned(version))
        return tuple(suite for suite in all_suites(version) if suite in found)

    def _seen(self, version: int, taken: TakenFrom) -> set[int]:
        readings = [reading for chain in self._chains[version] for reading in chain.readings]
        readings += filter(None, map(self._answers.final, (self._firsts[version], self._turned(version))))
        found = {taken(reading) for reading in readings if outcome(reading) is Outcome.AGREED}
        return {one for one in found if one is not None}

    # What is asked once

    def _fallback_questions(self) -> Iterator[Question]:
        versions = sorted(self._agreed, reverse=True)
        if len(versions) > 1:
            yield self._ask(replace(full_offer(versions[1]), fallback=True), "TLS features")

    def _feature_questions(self) -> Iterator[Question]:
        """The most telling first."""
        if self._newest_older is not None:
            yield from self._resumption_questions(self._newest_older)
            yield replace(self._ask(usual_offer(self._newest_older), "TLS features"), framed=True)

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


def _offer_of_tls13(left: tuple[int, ...], answered: Sequence[Reading]) -> Offer:
    """One suite and one group less each time, while a suite is left that servers have: so one hello finds both.

    Every second list is turned round: few suites are then enough to tell whose order decides.
    """
    suites = left[::-1] if len(answered) % 2 else left
    offer = full_offer(TLS13, suites, turn=len(answered))
    if not answered or not set(left) & set(_COMMON_TLS13_SUITES):
        return offer
    seen = {group_of(reading) for reading in answered}
    return replace(offer, groups=tuple(group for group in ALL_GROUPS if group not in seen), few_groups=True)


def _needs_no_curve(suite: int) -> bool:
    """Nothing but its key exchange is on a curve."""
    return key_exchange_of(suite) in ("ECDHE_RSA", "ECDH_anon")


def _for_groups(suites: tuple[int, ...]) -> tuple[int, ...]:
    """Those whose key exchange is on a curve; where there are, only those whose certificate is on none."""
    on_curves = tuple(suite for suite in suites if is_ecdhe(suite))
    return tuple(filter(_needs_no_curve, on_curves)) or on_curves


def _suite(reading: Reading) -> int | None:
    return reading.server_hello.cipher_suite if reading.server_hello is not None else None
