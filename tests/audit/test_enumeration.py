"""Depth full against servers made of data: what is found is what they have, with few connections, in any order."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probe.audit.attempt import Attempt, Question, Stage
from probe.audit.chain import Answers
from probe.audit.offers import ALL_GROUPS, ALL_SCHEMES, all_suites, full_offer, is_touchy, scheme_name
from probe.audit.plan import Plan, plan
from probe.audit.reading import read
from probe.audit.settings import Settings
from probe.audit.verdict import verdict
from probe.handshake.client_hello import USUAL_GROUPS
from probe.handshake.machine import Ending, Event
from probe.result import Result, Tls
from probe.wire import ssl2, tls_hello
from probe.wire import tls_extensions as ext
from probe.wire.nego import Protocol
from probe.wire.tls_record import AlertDescription
from probe.wire.tls_version import version_name
from tests.audit.attempts import (
    SSL2,
    SSL3,
    TLS10,
    TLS11,
    TLS12,
    TLS13,
    alert,
    attempt,
    audit,
    hello,
    ran,
    says,
    selects,
)
from tests.audit.tls_servers import REFUSED, Answered, TlsServer, ran_together

FULL = Settings(depth="full")
NO_END = Settings(depth="full", max_connections=2000)
# OpenSSL 3.0 with DEFAULT@SECLEVEL=0, an RSA key and Diffie-Hellman parameters.
GCM_256, DHE_GCM_256, CHACHA, RSA_AES, RSA_3DES = 0xC030, 0x009F, 0xCCA8, 0x002F, 0x000A
OPENSSL_12 = [
    *(0xC030, 0x009F, 0xCCA8, 0xCCAA, 0xC02F, 0x009E, 0xC028, 0x006B, 0xC027, 0x0067),
    *(0xC014, 0x0039, 0xC013, 0x0033, 0x009D, 0x009C, 0x003D, 0x003C, 0x0035, 0x002F),
]
CBC_SHA = [0xC014, 0x0039, 0xC013, 0x0033, 0x0035, 0x002F]
EC_GROUPS = [0x001D, 0x0017, 0x001E, 0x0019, 0x0018]
ALL_13 = [0x1302, 0x1303, 0x1301]
WINDOWS_2022 = [
    *(0xC030, 0xC02F, 0x009F, 0x009E, 0xC028, 0xC027, 0xC014, 0xC013),
    *(0x009D, 0x009C, 0x003D, 0x003C, 0x0035, 0x002F, 0x000A),
]
P_256_384 = [0x0017, 0x0018]


def current(**fields: object) -> TlsServer:
    """TLS 1.2 and 1.3 as OpenSSL has them by default."""
    made = TlsServer(
        suites={TLS12: OPENSSL_12, TLS13: ALL_13}, groups={TLS12: EC_GROUPS, TLS13: [*EC_GROUPS, 0x0100, 0x0101]}
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def found(attempts: Sequence[Attempt], now: Plan | None = None, wanted: Settings = FULL) -> Result:
    return verdict(audit(attempts, now, wanted))


def audited(server: TlsServer, wanted: Settings = FULL) -> tuple[Tls, Result]:
    result = found(*ran(server, wanted), wanted)
    assert result.tls is not None
    return result.tls, result


def codes(section: Tls, version: int) -> list[int]:
    return [int(suite.code, 16) for suite in section.cipher_suites.get(version_name(version), [])]


def groups(section: Tls, version: int) -> set[int]:
    return {int(group.code, 16) for group in section.groups if version_name(version) in group.versions}


@pytest.mark.parametrize("own_order", [True, False])
def test_everything_that_a_server_has_is_found_and_nothing_else(own_order: bool) -> None:
    server = current(own_order=own_order)
    section, result = audited(server)
    assert set(codes(section, TLS12)) == set(OPENSSL_12)
    assert set(codes(section, TLS13)) == set(ALL_13)
    assert groups(section, TLS12) == set(EC_GROUPS)
    assert groups(section, TLS13) == {*EC_GROUPS, 0x0100, 0x0101}
    assert {int(each.code, 16) for each in section.signature_schemes} == set(server.schemes)
    assert section.server_order is own_order
    assert section.unsettled == []
    assert result.connections == sum(result.spent.values()) <= 60
    assert result.limited is None


def test_the_order_is_the_servers_where_it_has_one() -> None:
    section, _ = audited(current(suites={TLS12: OPENSSL_12[::-1], TLS13: ALL_13[::-1]}))
    assert codes(section, TLS12) == OPENSSL_12[::-1]
    assert codes(section, TLS13) == ALL_13[::-1]


def test_without_an_order_of_its_own_the_list_is_in_ours() -> None:
    section, _ = audited(current(own_order=False))
    assert codes(section, TLS12) == [suite for suite in all_suites(TLS12) if suite in OPENSSL_12]


def test_one_suite_tells_nothing_about_an_order() -> None:
    section, _ = audited(TlsServer(suites={TLS12: [RSA_3DES]}))
    assert section.server_order is None
    assert codes(section, TLS12) == [RSA_3DES]


def test_four_versions_with_twenty_five_suites_take_sixty_connections_at_most() -> None:
    server = TlsServer(
        suites={TLS13: ALL_13, TLS12: OPENSSL_12[:10], TLS11: CBC_SHA, TLS10: CBC_SHA},
        groups={TLS13: EC_GROUPS, **dict.fromkeys((TLS12, TLS11, TLS10), EC_GROUPS[:3])},
        own_order=False,
    )
    section, result = audited(server)
    assert {version: set(codes(section, version)) for version in server.suites} == {
        version: set(suites) for version, suites in server.suites.items()
    }
    assert section.unsettled == []
    assert result.connections <= 60
    assert result.spent["TLSv1.2 suites"] <= 13


def test_a_known_order_is_guessed_and_nothing_is_wasted_on_it() -> None:
    server = TlsServer(suites={TLS12: WINDOWS_2022}, groups={TLS12: P_256_384})
    attempts, now = ran_together(server, FULL, 4, [0])
    section = found(attempts, now).tls
    assert section is not None
    assert codes(section, TLS12) == WINDOWS_2022
    # One for each suite but the first, which the version's own hello found; one turned round; one that is refused; and
    # a few while one answer fits several orders.
    assert sum(attempt.question.purpose == "TLSv1.2 suites" for attempt in attempts) <= len(WINDOWS_2022) + 4


def test_an_unknown_order_costs_few_connections_more() -> None:
    order = OPENSSL_12[7:] + OPENSSL_12[:7]
    attempts, now = ran_together(TlsServer(suites={TLS12: order}, groups={TLS12: EC_GROUPS}), FULL, 4, [3, 0, 1])
    section = found(attempts, now).tls
    assert section is not None
    assert codes(section, TLS12) == order
    assert len(attempts) <= 60


VERSIONS = (TLS13, TLS12, TLS11, TLS10, SSL3)
suites_of = {
    version: st.lists(st.sampled_from(all_suites(version)[:40]), min_size=1, max_size=12, unique=True)
    for version in VERSIONS
}
servers = st.builds(
    TlsServer,
    suites=st.sets(st.sampled_from(VERSIONS), min_size=1).flatmap(
        lambda versions: st.fixed_dictionaries({version: suites_of[version] for version in versions})
    ),
    groups=st.lists(st.sampled_from(USUAL_GROUPS), min_size=1, max_size=5, unique=True).map(
        lambda chosen: dict.fromkeys(VERSIONS, chosen)
    ),
    own_order=st.booleans(),
    schemes=st.lists(st.sampled_from(ALL_SCHEMES[:12]), min_size=1, max_size=6, unique=True),
    refused=st.sampled_from([REFUSED, ([], Ending.CLOSED)]),
    unknown_name=st.sampled_from([None, REFUSED]),
)


@settings(max_examples=60)
@given(server=servers, width=st.integers(1, 5), choices=st.lists(st.integers(0, 9), min_size=1, max_size=7))
@example(server=current(), width=4, choices=[0])
def test_any_server_is_told_as_it_is_however_the_answers_come_in(
    server: TlsServer, width: int, choices: list[int]
) -> None:
    attempts, now = ran_together(server, NO_END, width, choices)
    questions = [attempt.question for attempt in attempts]
    assert len(questions) == len(set(questions))
    section = found(attempts, now, NO_END).tls
    assert section is not None
    for version in VERSIONS:
        state = section.versions[version_name(version)].state
        assert state == ("accepted" if version in server.suites else "rejected"), version_name(version)
        if version in server.suites:
            assert set(codes(section, version)) == set(server.suites[version])
            assert section.server_order is not (not server.own_order)
    newest = max((version for version in server.suites if version <= TLS12), default=0)
    if section.server_order and newest >= TLS10:
        assert codes(section, newest) == server.suites[newest]
    assert not any("cipher suites" in words for words in section.unsettled)


def test_with_too_few_connections_suites_come_first_and_the_rest_is_named() -> None:
    server = TlsServer(
        suites={TLS13: ALL_13, TLS12: OPENSSL_12, TLS11: CBC_SHA, TLS10: CBC_SHA},
        groups={version: [*EC_GROUPS, 256, 257, 258, 259, 260] for version in (TLS13, TLS12, TLS11, TLS10)},
        own_order=False,
    )
    wanted = Settings(depth="full", max_connections=50)
    section, result = audited(server, wanted)
    assert result.connections == 50
    assert result.limited is not None
    assert "not settled" in result.limited
    assert {len(codes(section, version)) for version in server.suites} == {3, 20, 6}
    assert any("groups were neither" in words for words in section.unsettled)
    last = section.unsettled[-1]
    assert last.startswith("not asked for want of connections: TLS features, ")
    assert "signature schemes" in last
    # What else is to be known of the server was asked all the same.
    assert result.negotiation is not None
    assert result.negotiation.protocols["RDP"].state == "rejected"
    assert result.negotiation.direct_tls.state == "rejected"


@pytest.mark.parametrize("unknown_name", [None, REFUSED])
def test_suites_that_were_not_reached_are_unsettled(unknown_name: tuple[list[Event], Ending] | None) -> None:
    section, _ = audited(current(unknown_name=unknown_name), Settings(depth="full", max_connections=20))
    assert any(words.startswith("TLSv1.2: 3") and "cipher suites" in words for words in section.unsettled)


def test_versions_that_were_not_asked_are_unknown() -> None:
    section, _ = audited(current(), Settings(depth="full", max_connections=5))
    assert {name for name, verdict in section.versions.items() if verdict.reason == "not asked"} >= {"SSLv2", "SSLv3"}


@pytest.mark.parametrize("late", [REFUSED, ([], Ending.CLOSED), ([], Ending.RESET)])
def test_refusals_of_a_server_that_has_had_enough_do_not_count(late: tuple[list[Event], Ending]) -> None:
    server = current()
    made = 0

    def answer(question: Question) -> tuple[list[Event], Ending]:
        nonlocal made
        made += question.stage is Stage.HELLO and question.protocols is not None
        events, ending = late
        return ([*selects(Protocol.SSL), *events], ending) if made > 15 else server(question)

    section = found(*ran(answer, NO_END), NO_END).tls
    assert section is not None
    assert len(codes(section, TLS12)) < len(OPENSSL_12)
    assert any(words.startswith("TLSv1.2: 3") and "cipher suites" in words for words in section.unsettled)
    assert any("what it had agreed to before" in words for words in section.unsettled)


def test_one_close_in_the_middle_ends_no_chain() -> None:
    server = current(own_order=False)
    for number in range(8, 40):
        made = 0

        def answer(question: Question, number: int = number) -> tuple[list[Event], Ending]:
            nonlocal made
            made += 1
            if made == number and question.stage is Stage.HELLO and question.version != SSL2:
                return [*selects(Protocol.SSL)], Ending.CLOSED
            return server(question)

        section = found(*ran(answer, NO_END), NO_END).tls
        assert section is not None
        assert set(codes(section, TLS12)) == set(OPENSSL_12)
        assert set(codes(section, TLS13)) == set(ALL_13)
        assert groups(section, TLS12) == set(EC_GROUPS)


def test_a_server_that_falls_silent_is_soon_left_alone() -> None:
    server = current(own_order=False)
    made = 0

    def answer(question: Question) -> tuple[list[Event], Ending]:
        nonlocal made
        made += 1
        return ([*selects(Protocol.SSL)], Ending.TIMED_OUT) if made > 20 else server(question)

    attempts, now = ran(answer, NO_END)
    assert len(attempts) <= 39
    section = found(attempts, now, NO_END).tls
    assert section is not None
    assert any("cipher suites" in words for words in section.unsettled)


@pytest.mark.parametrize("own_order", [True, False])
def test_with_an_ecdsa_key_alone_no_group_is_refused_for_the_certificates_curve(own_order: bool) -> None:
    class NeedsCurve(TlsServer):
        """OpenSSL, whose certificate's curve must be among the client's groups."""

        def __call__(self, question: Question) -> tuple[list[Event], Ending]:
            offer = question.hello
            if offer is not None and offer.version == TLS12 and 0x0017 not in offer.groups:
                return [*selects(Protocol.SSL), *alert(AlertDescription.HANDSHAKE_FAILURE)], Ending.COMPLETE
            return super().__call__(question)

    server = NeedsCurve(suites={TLS12: [0xC02C]}, groups={TLS12: EC_GROUPS}, schemes=[0x0403], own_order=own_order)
    section, _ = audited(server)
    # What a server likes less than its certificate's curve is never used: without that curve there is no answer.
    used = EC_GROUPS[: EC_GROUPS.index(0x0017) + 1] if own_order else EC_GROUPS
    assert groups(section, TLS12) == set(used)
    assert section.unsettled == []


def test_whose_order_decides_is_said_only_where_it_was_seen() -> None:
    server = current(suites={TLS12: OPENSSL_12, TLS11: [0xC014]})
    section, _ = audited(server)
    assert section.order_by_version == {"TLSv1.2": True}


@pytest.mark.parametrize("own_order", [True, False])
@pytest.mark.parametrize("suites", list(itertools.permutations([0x1301, 0x1302, 0x1303])))
def test_in_tls_1_3_a_last_hello_tells_whose_order_decides(suites: tuple[int, ...], own_order: bool) -> None:
    """The answers before it may be those of either: a list and the same list turned round are both begun with them."""
    server = current(suites={TLS13: list(suites), TLS12: OPENSSL_12}, own_order=own_order)
    section, _ = audited(server)
    assert section.order_by_version["TLSv1.3"] is own_order


def test_of_one_suite_there_is_no_order() -> None:
    section, _ = audited(current(suites={TLS13: [0x1302]}))
    assert section.order_by_version == {}
    assert section.unsettled == []


def test_a_server_that_drops_large_hellos_is_asked_with_small_ones() -> None:
    suites = [RSA_AES, RSA_3DES, 0x0019]  # the last is not among the usual ones
    section, _ = audited(TlsServer(suites={TLS12: suites}, most_suites=60), NO_END)
    assert set(codes(section, TLS12)) == set(suites)
    assert [each.ending for each in section.intolerance] == ["closed"]
    assert section.intolerance[0].hello.endswith("cipher suites offered")


def test_an_answer_in_tls_1_3_does_not_hide_that_large_hellos_are_dropped() -> None:
    """Those of TLS 1.3 are small: a way that loses large ones would make every older version look refused."""
    suites = {TLS12: [RSA_AES, RSA_3DES, 0x0019], TLS13: ALL_13}
    section, _ = audited(current(suites=suites, most_suites=60), NO_END)
    assert section.versions["TLSv1.2"].state == "accepted"
    assert set(codes(section, TLS12)) == set(suites[TLS12])
    assert any(each.hello.endswith("cipher suites offered") for each in section.intolerance)


def test_a_key_share_is_sent_where_a_server_will_not_ask_for_one() -> None:
    section, _ = audited(current(wants_share=AlertDescription.MISSING_EXTENSION))
    assert set(codes(section, TLS13)) == set(ALL_13)
    assert groups(section, TLS13) == {0x001D}
    assert any("TLSv1.3" in words and "groups" in words for words in section.unsettled)


def test_features_are_read_from_what_is_in_clear() -> None:
    kinds = frozenset({0xFF01, 23, 22, 35, 15})
    server = current(features=kinds, deflate=True, staples=True, asks_client=True)
    section, _ = audited(server)
    said = section.features
    assert said is not None
    assert (said.secure_renegotiation, said.extended_master_secret, said.encrypt_then_mac) == (True, True, True)
    assert (said.session_tickets, said.heartbeat, said.compression) == (True, True, True)
    assert (said.ocsp_stapling, said.client_certificate, said.downgrade_sentinel) == (True, True, True)
    assert (said.fallback_scsv, said.resumption, said.resumed_version) == (True, True, "TLSv1.2")
    assert (said.sslv2_framed_hello, said.other_name) == (True, "same certificate")
    assert {int(each.code, 16) for each in section.extensions} == {*kinds, 43, 51}


def test_what_a_server_does_not_have_is_false() -> None:
    server = current(features=frozenset(), fallback=False, resumes=False, framed=False)
    section, _ = audited(server)
    said = section.features
    assert said is not None
    assert (said.secure_renegotiation, said.extended_master_secret, said.encrypt_then_mac) == (False, False, False)
    assert (said.session_tickets, said.heartbeat, said.compression) == (False, False, False)
    assert (said.fallback_scsv, said.resumption, said.sslv2_framed_hello) == (False, False, False)


def test_another_name_may_be_refused_and_the_order_is_known_all_the_same() -> None:
    section, _ = audited(current(unknown_name=REFUSED))
    assert section.features is not None
    assert section.features.other_name == "refused"
    assert section.server_order is True
    assert set(codes(section, TLS12)) == set(OPENSSL_12)


def test_what_is_served_to_another_name_or_to_none_is_not_the_servers_own() -> None:
    server = TlsServer(suites={TLS12: [GCM_256]}, groups={TLS12: EC_GROUPS})
    other = replace(server, suites={TLS12: [0xC02C]})  # with another certificate

    def answer(question: Question) -> tuple[list[Event], Ending]:
        return (other if question.other_name or question.framed else server)(question)

    result = found(*ran(answer, FULL), FULL)
    assert result.tls is not None
    assert result.tls.features is not None
    assert result.tls.features.sslv2_framed_hello is True
    assert result.tls.features.other_name == "another certificate"
    assert len(result.certificates) == 1


def test_resumption_that_could_not_be_tried_is_named() -> None:
    server = current()

    def answer(question: Question) -> tuple[list[Event], Ending]:
        if question.stage is Stage.TUNNEL and question.version is not None:
            return [*selects(Protocol.SSL), *alert(AlertDescription.HANDSHAKE_FAILURE)], Ending.COMPLETE
        return server(question)

    section = found(*ran(answer, FULL), FULL).tls
    assert section is not None
    assert section.features is not None
    assert section.features.resumption is None
    assert section.unsettled == ["resumption: no handshake of TLSv1.2 could be completed"]


def test_a_fallback_that_is_refused_for_its_version_tells_nothing() -> None:
    server = TlsServer(suites={TLS13: ALL_13, TLS12: [RSA_AES]}, groups={TLS13: EC_GROUPS})

    def answer(question: Question) -> tuple[list[Event], Ending]:
        if question.hello is not None and question.hello.fallback:
            return [*selects(Protocol.SSL), *alert(AlertDescription.PROTOCOL_VERSION)], Ending.COMPLETE
        return server(question)

    section = found(*ran(answer, FULL)).tls
    assert section is not None
    assert section.features is not None
    assert section.features.fallback_scsv is None


def test_diffie_hellman_groups_are_measured() -> None:
    section, _ = audited(TlsServer(suites={TLS12: [0x0033, RSA_AES]}, dh_bits=1024))
    assert [each.bits for each in section.dh_parameters] == [1024]
    sizes = {int(each.code, 16): each.dh_bits for each in section.cipher_suites["TLSv1.2"]}
    assert sizes == {0x0033: 1024, RSA_AES: None}


def test_both_chains_are_reported_with_an_ecdsa_and_an_rsa_certificate() -> None:
    _, result = audited(TlsServer(suites={TLS12: [0xC02C, 0xC030]}, groups={TLS12: EC_GROUPS}))
    assert len(result.certificates) == 2


def test_sslv2_says_its_kinds_at_once() -> None:
    section, result = audited(TlsServer(suites={SSL3: [0x0004]}, kinds=(0x010080, 0x0700C0, 0x010080)))
    assert section.versions["SSLv2"].state == section.versions["SSLv3"].state == "accepted"
    assert [suite.name for suite in section.cipher_suites["SSLv2"]] == [
        "SSL_CK_RC4_128_WITH_MD5",
        "SSL_CK_DES_192_EDE3_CBC_WITH_MD5",
    ]
    assert {version for chain in result.certificates for version in chain.served_to} >= {"SSLv2", "SSLv3"}
    assert section.features is not None
    assert section.features.downgrade_sentinel is None


def test_a_suite_that_was_not_offered_ends_its_chain_and_is_not_accepted() -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        if question.protocols is None or not question.protocols & Protocol.SSL:
            return [], Ending.CLOSED
        stray = hello(question.version or TLS12, cipher_suite=0x1A1A) if question.version != 2 else None
        return [*selects(Protocol.SSL), *(says(stray) if stray else [])], Ending.COMPLETE

    attempts, now = ran(answer)
    full, later = ran(answer, FULL)
    for made, when, wanted in ((attempts, now, Settings()), (full, later, FULL)):
        section = found(made, when, wanted).tls
        assert section is not None
        assert section.versions["TLSv1.2"].state == "unknown"
        assert section.versions["TLSv1.2"].reason == "answered suite 0x1a1a, which was not offered"
        assert section.cipher_suites == {}
    assert len(full) <= 20


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"compression_method": 1}, "compression method 1"),
        ({"compression_method": 64}, "compression method 64"),
    ],
)
def test_compression_that_was_not_offered_is_not_an_agreement(fields: dict[str, int], words: str) -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        begun = selects(Protocol.SSL)
        if question.stage is not Stage.HELLO:
            return begun, Ending.COMPLETE
        return [*begun, *says(hello(TLS12, **fields))], Ending.COMPLETE

    section = found(*ran(answer)).tls
    assert section is not None
    assert section.versions["TLSv1.2"].reason == f"answered {words}, which was not offered"


def test_a_group_that_was_not_offered_is_not_an_agreement() -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        random = tls_hello.ServerHello.RETRY_RANDOM
        stray = hello(TLS13, random=random, extensions=(ext.selected_version(TLS13), ext.retry_key_share(0x7F7F)))
        return [*selects(Protocol.SSL), *(says(stray) if question.stage is Stage.HELLO else [])], Ending.COMPLETE

    section = found(*ran(answer, FULL)).tls
    assert section is not None
    assert section.versions["TLSv1.3"].reason == "answered group 0x7f7f, which was not offered"
    assert section.groups == []


def test_a_chain_waits_for_the_repeat_of_what_was_reset() -> None:
    server = current(own_order=False)
    seen: set[Question] = set()

    def answer(question: Question) -> tuple[list[Event], Ending]:
        is_chain = question.purpose.endswith("suites") and not question.repeat
        if is_chain and len(seen) < 3 and question not in seen:
            seen.add(question)
            return [*selects(Protocol.SSL)], Ending.RESET
        return server(question)

    section = found(*ran(answer, NO_END), NO_END).tls
    assert section is not None
    assert set(codes(section, TLS12)) == set(OPENSSL_12)


def test_a_server_that_begins_to_refuse_is_left_alone_and_the_rest_is_unsettled() -> None:
    server = current(own_order=False)
    made = 0

    def answer(question: Question) -> tuple[list[Event], Ending]:
        nonlocal made
        made += 1
        return ([], Ending.REFUSED) if made > 15 else server(question)

    attempts, now = ran(answer, FULL)
    result = found(attempts, now)
    assert len(attempts) <= 17
    assert result.lost is not None
    assert result.tls is not None
    assert any("cipher suites were neither selected nor refused" in words for words in result.tls.unsettled)


# Hellos that are dropped though others are answered


def test_what_a_dropped_handshake_met_is_found_by_comparison() -> None:
    def drops(large: bool) -> TlsServer:
        return current(most_padding=500 if large else 0)

    for depth in ("standard", "full"):
        wanted = Settings(depth=depth)
        section = found(*ran(drops(large=True), wanted), wanted).tls
        assert section is not None
        assert {each.hello for each in section.intolerance} == {"TLSv1.3 offered, in a large hello", "large hello"}


def test_a_server_that_drops_tls_1_3_answers_without_it() -> None:
    server = TlsServer(suites={TLS12: OPENSSL_12}, groups={TLS12: EC_GROUPS})

    def answer(question: Question) -> tuple[list[Event], Ending]:
        offer = question.hello
        if question.stage is Stage.TUNNEL or (offer is not None and offer.version == TLS13):
            return [*selects(Protocol.SSL)], Ending.RESET
        return server(question)

    section = found(*ran(answer, Settings(max_connections=30))).tls
    assert section is not None
    assert {each.hello: each.ending for each in section.intolerance} == {
        "TLSv1.3 offered, in a large hello": "reset",
        "TLSv1.3 offered": "reset",
    }


def test_connections_are_kept_for_the_comparison_while_it_may_be_needed() -> None:
    server = current(most_padding=500)

    def answer(question: Question) -> tuple[list[Event], Ending]:
        if question.stage is Stage.TUNNEL:
            return [*selects(Protocol.SSL)], Ending.RESET
        if question.hello is not None and question.hello.padding > server.most_padding:
            return [*selects(Protocol.SSL)], Ending.RESET
        return server(question)

    section = found(*ran(answer, Settings(depth="full", max_connections=30)), FULL).tls
    assert section is not None
    assert {each.hello for each in section.intolerance} == {"TLSv1.3 offered, in a large hello", "large hello"}


def test_a_refused_version_is_no_intolerance() -> None:
    section, _ = audited(current(too_old=([], Ending.CLOSED)))
    assert section.intolerance == []
    assert section.versions["TLSv1.0"].state == "rejected"


def test_nothing_is_enumerated_where_nothing_is_agreed_on() -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        return [*selects(Protocol.SSL), *alert(AlertDescription.INTERNAL_ERROR)], Ending.COMPLETE

    attempts, now = ran(answer, FULL)
    section = found(attempts, now).tls
    assert section is not None
    assert section.cipher_suites == {}
    assert section.server_order is None
    assert section.unsettled == []
    assert section.features is not None
    assert section.features.secure_renegotiation is None
    assert len(attempts) <= 20


def test_a_plan_for_no_attempts_begins_with_triage_at_every_depth() -> None:
    for depth in ("discover", "standard", "full"):
        assert len(plan([], Settings(depth=depth)).questions) == 1


def test_schemes_have_names_also_where_the_registry_of_tls_1_3_has_none() -> None:
    assert scheme_name(0x0804) == "rsa_pss_rsae_sha256"
    assert scheme_name(0x0301) == "sha224_rsa"
    assert scheme_name(0x0A0A) == "0x0a0a"
    assert len(set(ALL_GROUPS)) == len(ALL_GROUPS)
    assert len(set(ALL_SCHEMES)) == len(ALL_SCHEMES)


def test_a_chain_ends_when_nothing_is_left_to_offer() -> None:
    server = current(suites={TLS12: [RSA_AES]})
    offer = full_offer(TLS12, (RSA_AES,))
    question = Question(protocols=Protocol.SSL, stage=Stage.HELLO, version=TLS12, offer=offer)
    made = attempt(question, *server(question))
    answers = Answers([read(made)], Protocol.SSL)
    chain = answers.follow((RSA_AES,), lambda left, _: full_offer(TLS12, left), lambda _: RSA_AES, "")
    assert (chain.taken, chain.ended, chain.following) == ((RSA_AES,), True, None)


def test_an_error_of_sslv2_is_a_refusal_by_name() -> None:
    server = current()

    def answer(question: Question) -> tuple[list[Event], Ending]:
        if question.version == SSL2:
            return [*selects(Protocol.SSL), *says(ssl2.Error(code=ssl2.ErrorCode(1)))], Ending.COMPLETE
        return server(question)

    section = found(*ran(answer, FULL)).tls
    assert section is not None
    assert section.versions["SSLv2"].state == "rejected"
    assert (section.versions["SSLv2"].reason or "").startswith("SSLv2 error ")


@pytest.mark.parametrize("nothing_fits", [AlertDescription.HANDSHAKE_FAILURE, AlertDescription.INSUFFICIENT_SECURITY])
def test_a_version_is_served_though_something_turns_away_what_offers_no_encryption(
    nothing_fits: AlertDescription,
) -> None:
    """Its suites are found, and those that are turned away at sight are not said to be refused."""
    server = TlsServer(suites={TLS12: [0xC030, 0x000A], TLS13: [0x1301]}, groups={TLS12: [0x1D], TLS13: [0x1D]})
    said = ([*selects(Protocol.SSL), *alert(nothing_fits)], Ending.COMPLETE)

    def answer(question: Question) -> Answered:
        return said if question.hello is not None and any(map(is_touchy, question.hello.suites)) else server(question)

    attempts, now = ran(answer, FULL)
    tls = verdict(audit(attempts, now, FULL)).tls
    assert tls is not None
    assert tls.versions["TLSv1.2"].state == "accepted"
    assert {each.code for each in tls.cipher_suites["TLSv1.2"]} == {"0xc030", "0x000a"}
    assert any(words.startswith("TLSv1.2: ") and "cipher suites" in words for words in tls.unsettled)
