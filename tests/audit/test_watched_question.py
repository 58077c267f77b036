from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from probe.audit.attempt import ALL_VERSIONS, TLS_VERSIONS, Question, Stage
from probe.audit.conversation import Conversation, connect_initial, opening
from probe.audit.encryption_methods import OTHER_METHODS, STANDARD_RDP
from probe.audit.offers import ALL_GROUPS, ALL_SCHEMES, full_offer, whole_offer
from probe.audit.outcome import Outcome, outcome, reached_tls
from probe.audit.reading import read
from probe.audit.settings import Settings
from probe.audit.simulation import offer_of
from probe.audit.verdict_tls import tls
from probe.audit.watched import watch, watched
from probe.audit.watched_question import question_of, remembered, versions_of, without_random
from probe.clients import CLIENTS
from probe.handshake.client_hello import LARGE, Offer, client_hello, current_offer, usual_offer
from probe.handshake.machine import Side
from probe.handshake.shaped_hello import HelloForm
from probe.handshake.tls_tunnel import TlsTunnel
from probe.wire import tls_extensions as ext
from probe.wire.cursor import Writer
from probe.wire.nego import Protocol
from probe.wire.tls_hello import ClientHello, Extension, write_handshake
from probe.wire.tls_record import ContentType, Record
from probe.wire.tls_version import SSL2, SSL3, TLS10, TLS12, TLS13
from tests.audit.captured import (
    ASKS_SSL,
    FLIGHT,
    INITIAL,
    OVER_TLS,
    RESPONSE,
    SELECTS_RDP,
    SELECTS_SSL,
    STANDARD,
    C,
    S,
    captured,
)
from tests.conversations import Said
from tests.strategies.tls_hello import client_hellos
from tests.vectors import vector

CONVERSATION = Conversation(Settings(), "srv1.example", lambda size: bytes(range(7, 7 + size)))
BARE_CONFIRM = vector("x224_confirm_bare_xp")


def asked(*said: Said, syn: bool = True) -> Question:
    return watch(captured(list(said), syn=syn)).question


def hello_of(offer: Offer, name: str | None = "srv1.example") -> bytes:
    return client_hello(offer, lambda size: bytes(range(7, 7 + size)), name)


def record(hello: ClientHello) -> bytes:
    w = Writer()
    Record(type=ContentType.HANDSHAKE, version=TLS10, fragment=write_handshake(hello)).write(w)
    return w.getvalue()


def in_words(hello: bytes) -> Question:
    return asked((C, ASKS_SSL), (S, SELECTS_SSL), (C, hello))


# Our own, byte for byte.

OFFERS = [
    *(usual_offer(version) for version in TLS_VERSIONS),
    *(full_offer(version) for version in TLS_VERSIONS),
    *(replace(whole_offer(version), share=version < TLS13) for version in TLS_VERSIONS),
    full_offer(TLS12, (0xC02F, 0x009C), 3),
    full_offer(TLS13, (0x1302,), 2),
    current_offer(),
    current_offer(padding=LARGE),
    replace(usual_offer(TLS12), fallback=True),
    replace(usual_offer(TLS12), certificate_schemes=ALL_SCHEMES),
    replace(usual_offer(TLS13), groups=(0x0018,)),
]


def plain(offer: Offer) -> Offer:
    """Without what the hello of its version has no place for."""
    if offer.version >= TLS13:
        return replace(offer, extras=False)
    return replace(offer, share=True, schemes=offer.schemes if offer.version == TLS12 else ())


@pytest.mark.parametrize("offer", OFFERS)
def test_our_own_hellos_are_known_again(offer: Offer) -> None:
    question = in_words(hello_of(offer))
    assert question.stage is Stage.HELLO
    assert question.version == offer.version
    assert (question.offer is None) == (offer == usual_offer(offer.version))
    assert question.hello is not None
    assert plain(question.hello) == plain(offer)
    assert not question.other_name


@pytest.mark.parametrize("version", [version for version in ALL_VERSIONS if version != SSL2])
@pytest.mark.parametrize("name", ["srv1.example", None])
def test_the_usual_hello_of_each_version_is_the_very_question(version: int, name: str | None) -> None:
    question = Question(protocols=Protocol.SSL, stage=Stage.HELLO, version=version)
    assert in_words(hello_of(usual_offer(version), name)) == question


def test_a_hello_for_another_name() -> None:
    machine = CONVERSATION.machine(Question(protocols=None, stage=Stage.HELLO, version=TLS12, other_name=True))
    assert in_words(machine.data_to_send()).other_name


def test_hellos_in_the_framing_of_ssl_2() -> None:
    for question in (
        Question(protocols=Protocol.SSL, stage=Stage.HELLO, version=SSL2),
        Question(protocols=Protocol.SSL, stage=Stage.HELLO, version=TLS12, offer=usual_offer(TLS12), framed=True),
    ):
        sent = CONVERSATION.machine(replace(question, protocols=None)).data_to_send()
        assert in_words(sent) == question


@pytest.mark.parametrize("newest", [TLS10, TLS12, TLS13])
def test_a_complete_handshake_of_our_library(newest: int) -> None:
    question = in_words(TlsTunnel("srv1.example", newest=newest).data_to_send())
    expected = Question(protocols=Protocol.SSL, stage=Stage.TUNNEL, version=None if newest == TLS13 else newest)
    assert question == expected
    assert question.hello is None


def test_a_resumed_handshake_of_our_library() -> None:
    sent = TlsTunnel("srv1.example", newest=TLS12).data_to_send()
    at = 5 + 4 + 2 + 32  # behind the record's and message's headers, legacy_version and random
    resumed = sent[:at] + b"\x20" + bytes(range(32)) + sent[at + 1 :]
    size = len(resumed) - 5
    resumed = sent[:3] + size.to_bytes(2, "big") + b"\x01" + (size - 4).to_bytes(3, "big") + resumed[9:]
    assert in_words(resumed).resume


@pytest.mark.parametrize("question", [STANDARD_RDP, *OTHER_METHODS])
def test_encryption_methods(question: Question) -> None:
    request = opening(0, 0, bare=False, token=None, blob=None)
    initial = connect_initial(question.rdp_version, question.methods, 0)
    assert asked((C, request), (S, SELECTS_RDP), (C, initial), (S, RESPONSE)) == question


def test_what_old_servers_are_asked_unnegotiated() -> None:
    initial = CONVERSATION._settings(Question(protocols=1, stage=Stage.TUNNEL), 0).data_to_send()
    question = asked((C, ASKS_SSL), (S, BARE_CONFIRM), (C, initial), (S, RESPONSE))
    assert question == Question(protocols=Protocol.SSL, stage=Stage.TUNNEL)


@pytest.mark.parametrize("cookie", [False, True])
def test_flags_and_cookie(*, cookie: bool) -> None:
    token = b"Cookie: mstshash=probe" if cookie else None
    question = asked((C, opening(3, 1, bare=False, token=token, blob="vm1")))
    assert (question.cookie, question.flags, question.protocols) == (cookie, 1, 3)
    assert question.stage is Stage.TUNNEL


# What others ask.


@pytest.mark.parametrize("key", [key for key, profile in CLIENTS.items() if profile.tls is not None])
def test_hellos_of_known_clients_become_offers(key: str) -> None:
    profile = CLIENTS[key]
    assert profile.tls is not None
    offer = offer_of(profile.tls)
    question = in_words(hello_of(offer))
    assert question.stage is Stage.TUNNEL
    assert question.version == offer.version
    made = question.hello
    assert made is not None
    assert made.suites == tuple(suite for suite in offer.suites if suite not in (0x00FF, 0x5600))
    assert made.groups == (offer.groups or ALL_GROUPS)
    assert made.schemes == (offer.schemes or ALL_SCHEMES)
    assert made.form is not None
    assert made.form.shares == profile.tls.shares


def test_grease_is_no_offer() -> None:
    form = HelloForm(versions=(TLS13, TLS12), extensions=(10, 13, 43, 51), shares=(0x001D,))
    offer = Offer(version=TLS13, suites=(0x0A0A, 0x1301), groups=(0x2A2A, 0x001D), schemes=(0x3A3A, 0x0403), form=form)
    made = in_words(hello_of(offer)).hello
    assert made is not None
    assert (made.suites, made.groups, made.schemes) == ((0x1301,), (0x001D,), (0x0403,))
    assert made.older


def test_a_hello_that_names_only_its_newest_version_offers_all_below() -> None:
    hello = ClientHello(version=TLS12, random=bytes(32), cipher_suites=(0x002F,), extensions=None)
    assert versions_of(hello) == (0x0303, 0x0302, 0x0301, 0x0300)
    assert versions_of(replace(hello, version=0x0200)) == (0x0200,)
    assert versions_of(replace(hello, version=0x0305))[0] == TLS12
    named = ext.supported_versions((0x7A7A,))
    assert versions_of(replace(hello, extensions=(named,)))[0] == TLS12


@pytest.mark.parametrize("kind", [0, 10, 13, 43, 50, 51])
def test_an_extension_that_cannot_be_read_says_nothing(kind: int) -> None:
    broken = Extension(type=kind, body=b"\xff")
    hello = ClientHello(version=TLS12, random=bytes(32), cipher_suites=(0x002F,), extensions=(broken,))
    question = in_words(record(hello))
    assert question.version == TLS12
    assert question.hello is not None
    assert question.hello.groups == ALL_GROUPS


def test_a_hello_of_no_known_version_is_still_a_question() -> None:
    hello = ClientHello(version=0x0200, random=bytes(32), cipher_suites=tuple(range(1, 90)), extensions=None)
    assert in_words(record(hello)).version == 0x0200


def test_hellos_of_one_client_differ_only_in_what_is_random() -> None:
    shares = [
        ClientHello(
            version=TLS12,
            random=bytes([value]) * 32,
            session_id=bytes([value]) * 32,
            cipher_suites=(0x1301,),
            extensions=(
                ext.client_key_share([(0x001D, bytes([value]) * 32)]),
                ext.session_ticket(bytes([value]) * 9),
            ),
        )
        for value in (1, 2)
    ]
    assert without_random(shares[0]) == without_random(shares[1])
    broken = replace(shares[0], extensions=(Extension(type=51, body=b"\x00\x09"),))
    assert without_random(broken).extensions == (Extension(type=51, body=bytes(2)),)


@given(client_hellos)
def test_any_hello_is_a_question(hello: ClientHello) -> None:
    assert in_words(record(hello)).version is not None


@pytest.mark.parametrize(
    ("said", "stage"),
    [
        ([(C, ASKS_SSL), (S, SELECTS_SSL)], Stage.NEGOTIATION),
        ([(C, ASKS_SSL)], Stage.TUNNEL),
        ([(C, bytes.fromhex("030000130ee000000000000100080008000000"))], Stage.NEGOTIATION),
        ([(C, ASKS_SSL), (S, BARE_CONFIRM)], Stage.NEGOTIATION),
        ([(C, vector("x224_request_cookie_microsoft"))], Stage.SETTINGS),
        (STANDARD, Stage.SETTINGS),
        ([], Stage.NEGOTIATION),
    ],
)
def test_how_far_it_went(said: list[Said], stage: Stage) -> None:
    assert asked(*said).stage is stage


def test_a_request_without_negotiation_is_bare() -> None:
    assert asked((C, vector("x224_request_bare"))).bare
    assert not asked((C, ASKS_SSL)).bare


def _fails(code: int) -> Said:
    return S, bytes.fromhex("030000130ed0000000000003000800") + code.to_bytes(4, "little")


@pytest.mark.parametrize(("code", "protocols"), [(1, 0), (2, 1), (3, 1), (5, 1)])
def test_what_a_refusal_says_of_a_request_that_is_not_there(code: int, protocols: int) -> None:
    connection = captured([_fails(code)], one_sided=S)
    assert watch(connection).question.protocols == protocols


def test_what_the_server_says_it_was_asked_for() -> None:
    said = [(S, SELECTS_RDP), (S, RESPONSE)]
    question = watch(captured(said, one_sided=S)).question
    assert question.protocols == 0
    assert question.methods == 2  # the one that was chosen; none that was not offered can be told


# What verdicts make of it.


def test_an_answer_is_judged_by_what_the_client_offered() -> None:
    reading = read(watch(captured(OVER_TLS)))
    assert outcome(reading) is Outcome.AGREED
    section = tls([reading])
    assert section is not None
    assert section.versions["TLSv1.2"].state == "accepted"
    assert section.handshake is not None
    assert not section.handshake.complete


@pytest.mark.parametrize("said", [OVER_TLS[2:], OVER_TLS[3:]])
def test_tls_is_reached_also_where_the_confirm_was_not_captured(said: list[Said]) -> None:
    reading = read(watch(captured(said, syn=False)))
    assert reached_tls(reading)
    section = tls([reading])
    assert section is not None
    assert section.versions["TLSv1.2"].state == "accepted"


def test_only_the_server_was_captured() -> None:
    seen = watched(captured([each for each in OVER_TLS if each[0] is Side.SERVER], one_sided=S))
    section = tls([read(seen.attempt)])
    assert section is not None
    assert section.versions["TLSv1.2"].state == "accepted"
    assert "TLSv1.2" in section.answered


def test_ssl3_has_no_place_for_groups() -> None:
    made = in_words(hello_of(usual_offer(SSL3))).hello
    assert made == usual_offer(SSL3)
    assert question_of([]) == Question(protocols=0, stage=Stage.NEGOTIATION, bare=True)


def test_settings_without_core() -> None:
    assert asked((C, INITIAL), (S, FLIGHT), syn=False).stage is Stage.SETTINGS


def test_a_name_that_is_no_ascii_is_not_of_ours() -> None:
    name = Extension(type=0, body=b"\x00\x06\x00\x00\x03\xff\xfe\x41")
    hello = ClientHello(version=TLS12, random=bytes(32), cipher_suites=(0x002F,), extensions=(name,))
    assert in_words(record(hello)).stage is Stage.TUNNEL


def test_a_very_large_hello_is_not_remembered() -> None:
    seen: list[int] = []
    told = remembered(lambda hello: seen.append(len(hello.cipher_suites)))
    for count in (2, 2, 3000, 3000):
        told(ClientHello(version=TLS12, random=bytes(32), cipher_suites=tuple(range(count))))
    assert seen == [2, 3000, 3000]
