"""Depth full against answers made by chance: it ends, raises nothing, and lists nothing that no hello offered."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from io import StringIO

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from probe.audit.attempt import Attempt, Question, Stage
from probe.audit.offers import all_suites, full_offer, groups_of
from probe.audit.reading import read
from probe.audit.settings import Settings
from probe.audit.verdict import verdict
from probe.audit.verdict_suites import unsettled
from probe.audit.verdict_tls import hello_verdict
from probe.errors import WireError
from probe.handshake.client_hello import Offer, client_hello
from probe.handshake.machine import Ending, Event, Secured, Seen, Side, end
from probe.handshake.ssl2_hello import KINDS, Ssl2Hello, framed_hello, ssl2_hello
from probe.handshake.tls_hello import TlsHello
from probe.report.text import render
from probe.result import Result, Tls, from_json, to_json
from probe.wire import ssl2, tls_hello
from probe.wire.cursor import Writer
from probe.wire.nego import Protocol
from probe.wire.tls_record import AlertDescription, ContentType, Record
from probe.wire.tls_version import version_name
from tests.audit.attempts import SSL, SSL2, SSL3, TLS10, TLS11, TLS12, TLS13, alert, attempt, audit, says, selects
from tests.audit.tls_servers import Answered, TlsServer, ran_together
from tests.fuzz.__main__ import mutated

VERSIONS = (TLS13, TLS12, TLS11, TLS10, SSL3)
ENDINGS = (Ending.CLOSED, Ending.RESET, Ending.TIMED_OUT, Ending.TOO_MUCH, Ending.DEADLINE, Ending.REFUSED)
GROUPS = [0x001D, 0x0017, 0x11EC, 0x0100]


def server(chance: random.Random) -> TlsServer:
    """One that has a few things of everything."""
    versions = chance.sample(VERSIONS, chance.randint(1, 4))
    return TlsServer(
        suites={version: chance.sample(all_suites(version), 4 if version < TLS13 else 2) for version in versions},
        groups={version: chance.sample(GROUPS, 2) for version in versions},
        schemes=[0x0403, 0x0804],
        own_order=chance.random() < 0.5,
        features=frozenset({0xFF01, 23, 35}),
        resumes=chance.random() < 0.5,
        kinds=chance.choice(((), (0x010080,))),
    )


def as_bytes(events: list[Event]) -> bytes:
    """The server's messages in records, as it would send them."""
    out = b""
    for event in events:
        message = event.message if isinstance(event, Seen) else None
        w = Writer()
        if isinstance(message, ssl2.ServerHello):
            out += ssl2.write_message(message)
        elif isinstance(message, tls_hello.HandshakeMessage):
            Record(type=ContentType.HANDSHAKE, version=TLS12, fragment=tls_hello.write_handshake(message)).write(w)
        elif message is not None and hasattr(message, "write"):
            kind = ContentType.ALERT if type(message).__name__ == "Alert" else ContentType.CHANGE_CIPHER_SPEC
            inner = Writer()
            message.write(inner)
            Record(type=kind, version=TLS12, fragment=inner.getvalue()).write(w)
        out += w.getvalue()
    return out


def other_hello(events: list[Event], chance: random.Random) -> list[Event]:
    """The same flight with another choice in its ServerHello."""
    changed: list[Event] = []
    for event in events:
        if isinstance(event, Seen) and isinstance(event.message, tls_hello.ServerHello):
            choices: tuple[dict[str, object], ...] = (
                {"cipher_suite": chance.choice((0x00FF, 0x5600, 0x1A1A, 0x1301, 0xC030, chance.randrange(65536)))},
                {"version": chance.choice((0x0002, *VERSIONS, 0x0305, 0x7F1C))},
                {"compression_method": chance.choice((1, 64))},
                {"random": tls_hello.ServerHello.RETRY_RANDOM},
                {"extensions": None},
            )
            made = replace(event.message, **chance.choice(choices))  # type: ignore[arg-type]
            try:
                changed.append(replace(event, message=tls_hello.read_handshake(tls_hello.write_handshake(made), TLS12)))
            except WireError:  # a machine would not have reported it
                changed.append(event)
        else:
            changed.append(event)
    return changed


def heard(question: Question, said: bytes) -> list[Event]:
    """What the machine that asks a question makes of these bytes."""
    offer = question.hello
    machine: TlsHello | Ssl2Hello
    if offer is None:
        machine = Ssl2Hello(ssl2_hello(bytes))
    elif question.framed:
        machine = Ssl2Hello(framed_hello(offer.version, offer.suites, bytes))
    else:
        machine = TlsHello(client_hello(offer, bytes, "srv1.example"))
    events = machine.observe(Side.CLIENT, machine.data_to_send(), 0.0)
    return [*events, *machine.observe(Side.SERVER, said, 0.0), *end(machine, Ending.COMPLETE, 0.0)[:-1]]


@dataclass
class Liar:
    """A server that answers as it should, or as it once did, or what nobody should answer."""

    chance: random.Random
    lies: float  # how often
    honest: TlsServer = field(init=False)
    said: list[bytes] = field(default_factory=lambda: [b"\x16\x03\x03\x00\x00"])

    def __post_init__(self) -> None:
        self.honest = server(self.chance)

    def __call__(self, question: Question) -> Answered:
        """Answer a question."""
        events, ending = self.honest(question)
        begun = selects(Protocol.SSL)
        if question.protocols is None or not question.protocols & Protocol.SSL or question.stage is Stage.NEGOTIATION:
            return events, ending
        if question.stage is Stage.TUNNEL:
            return self._tunnel(events, ending)
        flight = events[len(begun) :]
        if self.chance.random() >= self.lies:
            said = as_bytes(flight)
            self.said.append(said)
            return [*begun, *heard(question, said)], ending
        lie = self.chance.choice((self._nothing, self._old, self._other, self._broken, self._part))
        return [*begun, *heard(question, lie(flight))], self.chance.choice((Ending.COMPLETE, *ENDINGS))

    def _tunnel(self, events: list[Event], ending: Ending) -> Answered:
        if self.chance.random() >= self.lies:
            return events, ending
        return other_hello(
            [event for event in events if not isinstance(event, Secured) or self.chance.random() < 0.5], self.chance
        ), self.chance.choice((Ending.COMPLETE, *ENDINGS))

    def _nothing(self, _: list[Event]) -> bytes:
        return b""

    def _old(self, _: list[Event]) -> bytes:
        return self.chance.choice(self.said)

    def _other(self, flight: list[Event]) -> bytes:
        return as_bytes(other_hello(flight, self.chance))

    def _broken(self, flight: list[Event]) -> bytes:
        return mutated(self.chance, [*self.said, as_bytes(flight) or b"\x15"])

    def _part(self, flight: list[Event]) -> bytes:
        said = as_bytes(flight)
        return said[: self.chance.randint(0, len(said))] + self.chance.choice((b"", self.chance.choice(self.said)))


def offered(attempts: list[Attempt], of: Callable[[Offer], tuple[int, ...]], *versions: str) -> set[int]:
    """What the hellos of these versions, or of all, offered."""
    offers = [offer for attempt in attempts if (offer := attempt.question.hello) is not None]
    return {code for offer in offers for code in of(offer) if not versions or version_name(offer.version) in versions}


def by_our_library(attempts: list[Attempt]) -> set[int]:
    """Suites and groups of completed handshakes, whose offer is the library's own."""
    found: set[int] = set()
    for made in attempts:
        if made.question.stage is Stage.TUNNEL and any(isinstance(event, Secured) for event in made.events):
            hellos = [event.message for event in made.events if isinstance(event, Seen)]
            for hello in hellos:
                if isinstance(hello, tls_hello.ServerHello):
                    found |= {hello.cipher_suite, hello.key_share_group or 0}
                if isinstance(hello, tls_hello.ServerKeyExchange):
                    found.add(int.from_bytes(hello.params[1:3], "big"))
    return found


def check_lists(section: Tls, attempts: list[Attempt]) -> None:
    """Nothing is listed that no hello offered."""
    extra = by_our_library(attempts)
    for version, suites in section.cipher_suites.items():
        known = set(KINDS) if version == version_name(SSL2) else offered(attempts, lambda each: each.suites, version)
        assert {int(suite.code, 16) for suite in suites} <= known | extra
        assert len({suite.code for suite in suites}) == len(suites)
    groups = {int(group.code, 16) for group in section.groups}
    assert groups <= offered(attempts, lambda each: each.groups) | extra
    schemes = {int(scheme.code, 16) for scheme in section.signature_schemes}
    assert schemes <= offered(attempts, lambda each: each.schemes) | {0x0403, 0x0804}  # those of the library's


def check_words(section: Tls) -> None:
    """An order is claimed, and a feature denied, only where a version was agreed on."""
    assert set(section.order_by_version) <= set(section.cipher_suites)
    for version, suites in section.cipher_suites.items():
        assert not suites or section.versions[version].state == "accepted"
    said = section.features
    assert said is not None
    if not set(section.cipher_suites) - {"TLSv1.3", "SSLv2"}:
        denied = {name: value for name, value in msgspec.structs.asdict(said).items() if value is False}
        assert set(denied) <= {"sslv2_framed_hello", "resumption"}


def check(result: Result, attempts: list[Attempt], most: int) -> None:
    """What is true whatever a server does."""
    assert len(attempts) <= most
    assert result.connections == sum(result.spent.values()) == len(attempts)
    assert msgspec.to_builtins(from_json(to_json(result))) == msgspec.to_builtins(result)
    shown = StringIO()
    render(result, Console(file=shown, width=80), 2)
    assert not {character for character in shown.getvalue() if ord(character) < 32} - {"\n"}
    if result.tls is not None:
        check_lists(result.tls, attempts)
        check_words(result.tls)


@given(
    seed=st.integers(0, 2**32),
    lies=st.sampled_from([0.0, 0.1, 0.3, 1.0]),
    most=st.sampled_from([2, 12, 30, 60]),
    width=st.integers(1, 5),
)
@example(seed=1, lies=0.1, most=60, width=4)
@settings(max_examples=60, deadline=None)
def test_answers_by_chance_break_nothing(seed: int, lies: float, most: int, width: int) -> None:
    chance = random.Random(seed)
    wanted = Settings(depth="full", max_connections=most)
    attempts, now = ran_together(Liar(chance, lies), wanted, width, [seed % 7, 2, 0, 3])
    check(verdict(audit(attempts, now, wanted)), attempts, most)


# What an answer does not prove


def found(answer: Callable[[Question], Answered]) -> Tls:
    wanted = Settings(depth="full")
    attempts, now = ran_together(answer, wanted, 1, [0])
    section = verdict(audit(attempts, now, wanted)).tls
    assert section is not None
    return section


def codes(section: Tls) -> list[str]:
    return [suite.code for suite in section.cipher_suites["TLSv1.2"]]


def rsa(*suites: int) -> TlsServer:
    return TlsServer(suites={TLS12: list(suites)}, groups={TLS12: [0x0017]})


def test_what_another_name_is_given_with_another_certificate_is_not_the_servers() -> None:
    usual, other = rsa(0xC030, 0x009D), rsa(0xC02C)

    def answer(question: Question) -> Answered:
        return (other if question.other_name else usual)(question)

    section = found(answer)
    assert codes(section) == ["0xc030", "0x009d"]
    assert section.features is not None
    assert section.features.other_name == "another certificate"
    assert section.unsettled == []


def test_a_suite_of_another_kind_of_key_is_asked_of_the_usual_name_too() -> None:
    """A server with both keys that follows the client shows the other key first to the list that is turned round."""
    section = found(replace(rsa(0xC02C, 0x009D, 0xC030), own_order=False))
    assert codes(section) == ["0xc02c", "0xc030", "0x009d"]
    assert section.features is not None
    assert section.features.other_name == "same certificate"
    assert section.unsettled == []


def test_a_certificate_that_changes_each_time_says_nothing_of_another_name() -> None:
    made = 0

    def answer(question: Question) -> Answered:
        nonlocal made
        made += 1
        events, ending = rsa(0x009D, 0x009C)(question)
        return [
            replace(event, message=tls_hello.Certificate(chain=(b"leaf %d" % made,)))
            if isinstance(event, Seen) and isinstance(event.message, tls_hello.Certificate)
            else event
            for event in events
        ], ending

    section = found(answer)
    assert codes(section) == ["0x009d", "0x009c"]
    assert section.features is not None
    assert section.features.other_name is None


def test_a_session_that_cannot_be_continued_is_named_as_such() -> None:
    def answer(question: Question) -> Answered:
        return (selects(Protocol.SSL), Ending.CLOSED) if question.resume else rsa(0x009D)(question)

    section = found(answer)
    assert section.features is not None
    assert section.features.resumption is None
    assert section.unsettled == ["resumption: the handshake that was to continue a session of TLSv1.2 failed"]


def test_sslv2_counts_as_what_it_says_it_is() -> None:
    for version, state in ((SSL2, "accepted"), (SSL3, "unknown")):
        hello = ssl2.ServerHello(
            session_id_hit=0, certificate_type=1, version=version, certificate=b"leaf",
            cipher_specs=(0x010080, 0xF00000), connection_id=bytes(16),
        )  # fmt: skip

        def answer(question: Question, hello: ssl2.ServerHello = hello) -> Answered:
            if question.version == SSL2 or question.framed:
                return [*selects(Protocol.SSL), *says(hello)], Ending.COMPLETE
            return rsa(0x009D)(question)

        section = found(answer)
        assert section.versions["SSLv2"].state == state
        alone = Question(protocols=SSL, stage=Stage.HELLO, version=SSL2)
        assert hello_verdict(read(attempt(alone, answer(alone)[0]))).state == state
        assert [each.code for each in section.cipher_suites.get("SSLv2", [])] == ["0x010080"][: version == SSL2]
        assert section.features is not None
        assert section.features.sslv2_framed_hello is None


def test_a_refusal_together_with_an_accepted_suite_settles_no_other() -> None:
    """Whatever it was for, the server has that suite."""
    first = Question(protocols=SSL, stage=Stage.HELLO, version=TLS12, offer=full_offer(TLS12))
    agreed = attempt(first, rsa(0x009D)(first)[0])
    refusal = [*selects(Protocol.SSL), *alert(AlertDescription.INTERNAL_ERROR)]
    left = tuple(suite for suite in all_suites(TLS12) if suite != 0x009D)
    for suites, number in ((left, 0), (all_suites(TLS12), len(left))):
        second = replace(first, offer=full_offer(TLS12, suites, turn=1))
        words = unsettled([read(agreed), read(attempt(second, refusal))])
        expected = [f"TLSv1.2: {number} cipher suites were neither selected nor refused"] if number else []
        assert words == expected


def test_groups_that_were_not_asked_for_are_named_in_whichever_version_is_the_newest() -> None:
    for version in (TLS12, TLS11, TLS10):
        server = TlsServer(suites={version: [0xC014]}, groups={version: [0x0017]})
        offer = full_offer(version)
        asked = Question(protocols=SSL, stage=Stage.HELLO, version=version, offer=offer)
        words = unsettled([read(attempt(asked, server(asked)[0]))])
        assert (
            f"{version_name(version)}: {len(groups_of(version)) - 1} groups were neither selected nor refused" in words
        )
