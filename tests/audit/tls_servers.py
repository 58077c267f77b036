"""A TLS server as data: it answers every question of an audit as one with exactly this configuration does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from probe.audit.attempt import Attempt, Question, Stage
from probe.audit.plan import Plan, plan
from probe.audit.settings import Settings
from probe.handshake.client_hello import Offer
from probe.handshake.machine import Ending, Event, Secured
from probe.wire import ssl2, tls_hello
from probe.wire import tls_extensions as ext
from probe.wire.cursor import Writer
from probe.wire.nego import Protocol
from probe.wire.tls_key_exchange import DheParameters, EcdheParameters, ServerKeyExchange, Signature, key_exchange_of
from probe.wire.tls_record import AlertDescription, ChangeCipherSpec
from tests.audit.attempts import CHAIN, SSL2, SSL3, TLS12, TLS13, alert, attempt, fails, says, selects

Answered = tuple[list[Event], Ending]
RSA_CHAIN, EC_CHAIN = CHAIN, (b"elliptic leaf", b"root")
REFUSED = ([*alert(AlertDescription.HANDSHAKE_FAILURE)], Ending.COMPLETE)
TOO_OLD = ([*alert(AlertDescription.PROTOCOL_VERSION)], Ending.COMPLETE)


@dataclass(kw_only=True)
class TlsServer:
    """What it has, each list in the order that it prefers; with `own_order` false the client's order decides."""

    suites: dict[int, list[int]]
    groups: dict[int, list[int]] = field(default_factory=dict)
    schemes: list[int] = field(default_factory=lambda: [0x0804, 0x0401])
    own_order: bool = True
    dh_bits: int = 2048
    most_suites: int = 1000  # a hello with more of them is dropped
    most_padding: int = 2000  # a longer one too
    wants_share: AlertDescription | None = None  # the alert by which it turns away a hello without a key share
    too_old: Answered = TOO_OLD
    refused: Answered = REFUSED
    unknown_name: Answered | None = None  # to a name that it does not have
    features: frozenset[int] = frozenset({ext.ExtensionType.RENEGOTIATION_INFO})  # extensions that it answers
    deflate: bool = False
    staples: bool = False
    asks_client: bool = False
    fallback: bool = True
    resumes: bool = True
    framed: bool = True
    kinds: tuple[int, ...] = ()  # of SSLv2

    def __call__(self, question: Question) -> Answered:
        """Answer a question over SSL; everything else is turned away."""
        if question.protocols is None:
            return [], Ending.CLOSED
        if not question.protocols & Protocol.SSL:
            return fails(1), Ending.COMPLETE
        events, ending = self._tls(question)
        return [*selects(Protocol.SSL), *events], ending

    def _tls(self, question: Question) -> Answered:
        if question.stage is Stage.TUNNEL:
            return self._tunnel(question)
        if question.version == SSL2:
            hello = ssl2.ServerHello(
                session_id_hit=0, certificate_type=1, version=2, certificate=b"leaf", cipher_specs=self.kinds,
                connection_id=bytes(16),
            )  # fmt: skip
            return (says(hello), Ending.COMPLETE) if self.kinds else ([], Ending.CLOSED)
        offer = question.hello
        if question.stage is not Stage.HELLO or offer is None:
            return [], Ending.COMPLETE
        if len(offer.suites) > self.most_suites or offer.padding > self.most_padding:
            return [], Ending.CLOSED
        if question.framed and not self.framed:
            return [], Ending.CLOSED
        if question.other_name and self.unknown_name is not None:
            return self.unknown_name
        return self._hello(offer)

    def _hello(self, offer: Offer) -> Answered:
        newest = max(self.suites)
        version = min(offer.version, newest)
        if version not in self.suites or (version < offer.version and offer.version >= TLS13 and not offer.older):
            return self.too_old
        if offer.fallback and self.fallback and version < newest:
            return [*alert(AlertDescription.INAPPROPRIATE_FALLBACK)], Ending.COMPLETE
        chosen = [suite for suite in self._choose(self.suites[version], offer.suites) if self._usable(suite, offer)]
        if version >= TLS13 and not self._choose(self.groups[version], offer.groups):
            return self.refused
        if version >= TLS13 and not offer.share and self.wants_share is not None:
            return [*alert(self.wants_share)], Ending.COMPLETE
        return (self._flight(version, chosen[0], offer), Ending.COMPLETE) if chosen else self.refused

    def _choose(self, own: Sequence[int], offered: Sequence[int]) -> list[int]:
        first, second = (own, offered) if self.own_order else (offered, own)
        return [each for each in first if each in second]

    def _usable(self, suite: int, offer: Offer) -> bool:
        words = key_exchange_of(suite).split("_")
        if (words[0] == "ECDHE" or words == ["ECDH", "anon"]) and not self._choose(
            self.groups.get(offer.version, []), offer.groups
        ):
            return False
        signed = words[-1] in ("RSA", "ECDSA") and words[0] in ("ECDHE", "DHE")
        return not signed or offer.version < TLS12 or bool(self._choose(self.schemes, offer.schemes))

    def _flight(self, version: int, suite: int, offer: Offer) -> list[Event]:
        hello = tls_hello.ServerHello(
            version=min(version, TLS12),
            random=self._random(version, offer),
            cipher_suite=suite,
            compression_method=int(self.deflate and offer.extras),
            extensions=tuple(self._extensions(version, suite, offer)) if version > SSL3 else None,
        )
        if version >= TLS13:
            return says(hello)
        chain = EC_CHAIN if key_exchange_of(suite).endswith("ECDSA") else RSA_CHAIN
        return says(
            hello,
            tls_hello.Certificate(chain=chain),
            *([tls_hello.CertificateStatus(status_type=1, response=b"good")] if self.staples and offer.extras else []),
            *self._key_exchange(version, suite, offer),
            *([tls_hello.CertificateRequest(body=b"")] if self.asks_client else []),
            tls_hello.ServerHelloDone(),
        )

    def _random(self, version: int, offer: Offer) -> bytes:
        if version >= TLS13:
            return bytes(32) if offer.share else tls_hello.ServerHello.RETRY_RANDOM
        below = version < max(self.suites) and max(self.suites) >= TLS12
        return bytes(24) + (b"DOWNGRD\x01" if below and version == TLS12 else b"DOWNGRD\x00" if below else bytes(8))

    def _extensions(self, version: int, suite: int, offer: Offer) -> list[ext.Extension]:
        if version >= TLS13:
            group = self._choose(self.groups[version], offer.groups)[0]
            share = ext.server_key_share(group, bytes(32)) if offer.share else ext.retry_key_share(group)
            return [ext.selected_version(version), share]
        wished = {ext.ExtensionType.RENEGOTIATION_INFO, ext.ExtensionType.EXTENDED_MASTER_SECRET}
        wished |= {ext.ExtensionType.SESSION_TICKET, ext.ExtensionType.HEARTBEAT} if offer.extras else set()
        wished |= {ext.ExtensionType.ENCRYPT_THEN_MAC} if offer.extras and "_CBC_" in _name(suite) else set()
        return [ext.Extension(type=kind) for kind in sorted(wished & self.features)]

    def _key_exchange(self, version: int, suite: int, offer: Offer) -> list[ServerKeyExchange]:
        kind = key_exchange_of(suite)
        scheme = next(iter(self._choose(self.schemes, offer.schemes)), None) if version == TLS12 else None
        signed = None if kind.endswith("anon") else Signature(scheme=scheme, value=b"signature")
        w = Writer()
        if kind.startswith("ECDH"):
            group = self._choose(self.groups[version], offer.groups)[0]
            EcdheParameters(group=group, point=bytes(33), signed=signed).write(w)
        elif kind.startswith("DH"):
            prime = (1 << self.dh_bits - 1 | 1).to_bytes(self.dh_bits // 8, "big")
            DheParameters(p=prime, g=b"\x02", ys=b"\x04", signed=signed).write(w)
        return [ServerKeyExchange(params=w.getvalue())] if w.getvalue() else []

    def _tunnel(self, question: Question) -> Answered:
        newest = min(max(self.suites), question.version or TLS13)
        if newest not in self.suites or newest <= SSL3 or self.most_padding < 1000:
            return [], Ending.CLOSED
        suite = self.suites[newest][0]
        offer = Offer(version=newest, suites=(suite,), groups=tuple(self.groups.get(newest, ())))
        events = self._flight(newest, suite, offer)
        if question.resume and self.resumes:
            events = [events[0], *says(ChangeCipherSpec())]
        return [*events, Secured(0.01, tls_hello.version_name(newest), "a suite", CHAIN)], Ending.COMPLETE


def _name(suite: int) -> str:
    from probe.wire.tls_suites import suite_name

    return suite_name(suite)


def ran_together(
    server: Callable[[Question], Answered], wanted: Settings, width: int, choices: Sequence[int]
) -> tuple[list[Attempt], Plan]:
    """What a driver with several connections at a time does; `choices` says which of those open ends next."""
    attempts: list[Attempt] = []
    under_way: list[Question] = []
    begun = 0
    while True:
        now = plan(attempts, wanted, begun)
        waiting = [question for question in now.questions if question not in under_way]
        room = 1 if not attempts else width
        if waiting and len(under_way) < room and begun < wanted.most_connections:
            under_way.append(waiting[0])
            begun += 1
            continue
        if not under_way and now.repeats and begun < wanted.most_connections:
            under_way.append(now.repeats[0])
            begun += 1
        if not under_way:
            return attempts, now
        question = under_way.pop(choices[len(attempts) % len(choices)] % len(under_way))
        events, ending = server(question)
        attempts.append(attempt(question, events, ending, number=len(attempts) + 1))
