"""The connections of a client that is simulated, what they are followed by, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from probe.audit.attempt import Question, Stage
from probe.audit.conversation import Conversation
from probe.audit.outcome import Outcome, outcome
from probe.audit.plan import Plan, plan
from probe.audit.reading import read
from probe.audit.settings import Settings
from probe.audit.simulation import behind, opening, walk, walks
from probe.audit.verdict import verdict
from probe.clients import CLIENTS
from probe.clients.profile import ClientProfile, CredSspProfile, Request, TlsProfile
from probe.handshake.machine import Ending, Event, Side
from probe.result import Result, SimulatedRequest, Simulation
from probe.wire import mcs, spnego, x224
from probe.wire import tls_extensions as ext
from probe.wire.credssp import NtStatus, TsRequest
from probe.wire.cursor import Reader
from probe.wire.nego import RequestData
from probe.wire.spnego import NegTokenResp
from probe.wire.tls_hello import ClientHello, ServerHello, read_handshake
from probe.wire.tls_record import AlertDescription, Record
from tests.audit import attempts as a

FREERDP, WIN11, XP, RDESKTOP, IRON = "freerdp2", "mstsc-win11", "mstsc-xp", "rdesktop", "ironrdp"
X25519, P384 = 0x001D, 0x0018


def asking(*keys: str) -> Settings:
    return Settings(simulate=keys)


def result_of(answer: a.Answer, *keys: str) -> Result:
    attempts, now = a.ran(answer, asking(*keys))
    return verdict(a.audit(attempts, now, asking(*keys)))


def measured(answer: a.Answer, key: str = FREERDP) -> Simulation:
    [simulation] = result_of(answer, key).simulated
    return simulation


def last(answer: a.Answer, key: str = FREERDP) -> SimulatedRequest:
    return measured(answer, key).requests[-1]


def asked(answer: a.Answer, *keys: str) -> list[tuple[int | None, str]]:
    """Masks, None where there was no RDP_NEG_REQ, and stages."""
    attempts, now = a.ran(answer, asking(*keys))
    assert not now.questions
    return [(None if each.question.bare else each.question.protocols, each.question.stage.value) for each in attempts]


def over(
    selected: int, hello: list[Event], inside: list[Event] | None = None, ending: Ending = Ending.COMPLETE
) -> a.Answer:
    """A server that selects one protocol; what its hello and what a complete handshake meets."""

    def answer(question: Question) -> tuple[list[Event], Ending]:
        if question.stage is Stage.TUNNEL:
            return [*a.selects(selected), *(inside or [])], ending
        return [*a.selects(selected), *hello], Ending.COMPLETE if hello else ending

    return answer


def agreed(version: int = a.TLS12, suite: int = 0xC030) -> list[Event]:
    return a.says(a.hello(version, cipher_suite=suite) if version < a.TLS13 else a.hello(version))


# The connections


def test_a_client_asks_with_its_own_request_and_goes_on_with_another_library() -> None:
    assert asked(a.freerdp, FREERDP) == [(3, "hello"), (3, "tunnel")]
    assert asked(a.windows(), WIN11) == [(0x0B, "hello"), (0x0B, "tunnel")]


@pytest.mark.parametrize(
    ("key", "code", "masks"),
    [  # seen of xfreerdp 2.11.7 and rdesktop 1.9.0
        (FREERDP, 2, [3, 1, 0]),
        (FREERDP, 5, [3, 1, None]),
        (RDESKTOP, 2, [3, None]),
        (RDESKTOP, 5, [3]),
        (XP, 1, [None]),
        (WIN11, 2, [0x0B, 0]),
    ],
)
def test_fallbacks_are_the_clients_own(key: str, code: int, masks: list[int | None]) -> None:
    def answer(_: Question) -> tuple[list[Event], Ending]:
        return a.fails(code), Ending.COMPLETE

    assert [mask for mask, _ in asked(answer, key)] == masks
    assert measured(answer, key).requests[-1].failure is not None


def test_clients_are_measured_in_turn_and_alone() -> None:
    first = plan([], asking(FREERDP, WIN11))
    assert [each.client for each in first.questions] == [FREERDP]
    assert asked(a.freerdp, FREERDP, WIN11)[2:] == [(0x0B, "hello"), (0x0B, "tunnel")]
    assert len(result_of(a.freerdp, FREERDP, WIN11).simulated) == 2


def test_nothing_is_begun_while_a_connection_goes_on() -> None:
    going_on = a.attempt(opening(CLIENTS[FREERDP], Request(protocols=3)), a.selects(a.SSL), Ending.INTERRUPTED)
    assert plan([going_on], asking(FREERDP, WIN11)) == Plan((), ())


def test_no_client_takes_more_than_four_connections() -> None:
    servers = (a.freerdp, a.xrdp, a.xp, a.windows(), a.windows(a.SSL, (a.TLS10,), standard=True))
    counts = [len(asked(answer, key)) for key in CLIENTS for answer in servers]
    assert max(counts) <= 4


def test_there_is_room_for_every_client() -> None:
    assert asking(*CLIENTS).most_connections == asking().most_connections + 4 * len(CLIENTS)
    assert replace(asking(*CLIENTS), max_connections=7).most_connections == 7


def test_keys_that_are_in_no_table_are_passed_over() -> None:
    assert walks(("nobody", XP), [])[0].profile.key == XP
    assert len(walks(("nobody", XP), [])) == 1


def test_a_reset_is_asked_again_before_it_counts() -> None:
    simulation = measured(lambda _: (a.selects(a.SSL), Ending.RESET))
    assert [(each.connects, each.stage, each.reason, each.ending) for each in simulation.requests] == [
        (False, "tls", "reset", "reset")
    ]
    assert asked(lambda _: (a.selects(a.SSL), Ending.RESET), FREERDP) == [(3, "hello"), (3, "hello")]
    assert asked(lambda _: (a.selects(a.SSL), Ending.CLOSED), FREERDP) == [(3, "hello")]


def test_a_cap_leaves_a_client_unfinished() -> None:
    wanted = replace(asking(FREERDP), max_connections=1)
    attempts, now = a.ran(a.freerdp, wanted)
    result = verdict(a.audit(attempts, now, wanted))
    assert [(each.complete, len(each.requests)) for each in result.simulated] == [(False, 1)]
    assert result.limited is not None
    assert "as freerdp2: SSL+HYBRID, then a complete TLS handshake of another library" in result.limited


# What came of them


def test_a_client_that_gets_in_over_credssp() -> None:
    request = last(a.freerdp)
    assert (request.requested, request.selected, request.stage, request.connects) == (
        ["SSL", "HYBRID"],
        "HYBRID",
        "credssp",
        True,
    )
    assert (request.version, request.credssp, request.mechanisms) == ("TLSv1.3", 6, ["NTLM"])
    assert request.cipher_suite is not None
    assert request.cipher_suite.name == "TLS_AES_256_GCM_SHA384"
    assert request.group is not None
    assert request.group.name == "x25519"
    assert request.certificate is not None
    assert request.ending is None


def test_a_client_that_gets_in_over_tls() -> None:
    request = last(a.xrdp)
    assert (request.selected, request.stage, request.connects) == ("SSL", "settings", True)


def test_up_to_tls_1_2_the_certificate_came_with_the_clients_own_hello() -> None:
    from hashlib import sha256

    from probe.wire.tls_hello import Certificate

    hello = [*agreed(), *a.says(Certificate(chain=(b"own",)))]
    request = last(over(a.SSL, hello, [*a.tunnel(a.TLS12, (b"other",)), *a.settings(method=0, level=0)]))
    assert request.certificate == sha256(b"own").hexdigest()
    assert (request.version, request.group) == ("TLSv1.2", None)


def test_a_client_that_gets_in_without_tls() -> None:
    request = last(a.xp, XP)
    assert (request.requested, request.stage, request.connects) == ([], "encryption", True)
    assert request.methods == ["40BIT", "128BIT", "56BIT"]
    assert last(over(a.RDP, a.settings(method=0, level=0)), WIN11).methods == ["NONE"]


@pytest.mark.parametrize(
    ("key", "answer", "stage", "connects", "reason"),
    [
        (FREERDP, lambda _: ([], Ending.REFUSED), "tcp", False, None),
        (FREERDP, lambda _: ([], Ending.CLOSED), "negotiation", False, "closed"),
        (FREERDP, lambda _: ([], Ending.TIMED_OUT), "negotiation", None, "timed_out"),
        (FREERDP, lambda _: ([], Ending.INTERRUPTED), "negotiation", None, "interrupted"),
        (FREERDP, lambda _: (a.malformed(b"\x03\x00\x00\x00"), Ending.COMPLETE), "negotiation", None, "malformed"),
        (FREERDP, lambda _: (a.disconnect(), Ending.COMPLETE), "negotiation", False, "disconnect"),
        (
            FREERDP,
            lambda _: (a.says(x224.DisconnectRequest()), Ending.COMPLETE),
            "negotiation",
            False,
            "disconnect",
        ),
        (FREERDP, over(a.RDSTLS, []), "negotiation", None, "selected what was not asked for"),
        (XP, over(a.SSL, []), "negotiation", None, "selected what was not asked for"),
        (FREERDP, over(a.RDP, a.settings(method=0x20)), "encryption", False, "a method that was not offered"),
        (RDESKTOP, over(a.RDP, a.settings(method=0, level=0)), "encryption", False, "nothing is encrypted"),
        (FREERDP, over(a.RDP, [], ending=Ending.CLOSED), "encryption", False, "closed"),
        (FREERDP, over(a.RDP, [], ending=Ending.TIMED_OUT), "encryption", None, "timed_out"),
        (IRON, over(a.RDP, []), "encryption", False, "the client has no Standard RDP Security"),
        (FREERDP, over(a.SSL, a.alert(AlertDescription.PROTOCOL_VERSION)), "tls", False, "alert protocol_version"),
        (FREERDP, over(a.SSL, [], ending=Ending.TIMED_OUT), "tls", None, "timed_out"),
        (IRON, over(a.SSL, agreed(a.TLS10)), "tls", False, "answered TLSv1.0"),
        (FREERDP, over(a.SSL, agreed(suite=0x0004)), "tls", False, "answered suite 0x0004"),
        (FREERDP, over(a.SSL, agreed(a.TLS10)), "tls", False, "the client ends this version"),
        (FREERDP, over(a.SSL, agreed(), [], Ending.CLOSED), "tls", None, "another TLS library: closed"),
        (FREERDP, over(a.SSL, agreed(), a.tunnel(), Ending.CLOSED), "settings", False, "closed"),
        (FREERDP, over(a.SSL, agreed(), a.tunnel(), Ending.TIMED_OUT), "settings", None, "timed_out"),
        (FREERDP, over(a.HYBRID, agreed(), a.tunnel(), Ending.CLOSED), "credssp", None, "closed"),
        (
            WIN11,
            over(a.HYBRID, agreed(), [*a.tunnel(), *a.challenge(version=4)]),
            "credssp",
            False,
            "the client wants a newer version",
        ),
        (
            WIN11,
            over(a.HYBRID, agreed(), [*a.tunnel(), *a.challenge()[:1]]),
            "credssp",
            None,
            "no NTLM challenge",
        ),
    ],
)
def test_where_a_client_gets_stuck(
    key: str, answer: a.Answer, stage: str, connects: bool | None, reason: str | None
) -> None:
    request = last(answer, key)
    assert (request.stage, request.connects, request.reason) == (stage, connects, reason)


@pytest.mark.parametrize(
    ("answer", "connects", "reason"),
    [
        ([TsRequest(version=6, error_code=NtStatus.STATUS_NOT_SUPPORTED)], False, "NTLM was not answered"),
        ([TsRequest(version=6, error_code=NtStatus.STATUS_LOGON_FAILURE)], None, "error STATUS_LOGON_FAILURE"),
        ([TsRequest(version=6), NegTokenResp(supported_mech=spnego.KERBEROS)], False, "NTLM was not answered"),
        ([TsRequest(version=6), NegTokenResp(supported_mech=spnego.NTLM)], None, "no NTLM challenge"),
    ],
)
def test_ntlm_is_refused_by_an_error_or_by_another_choice(
    answer: list[object], connects: bool | None, reason: str
) -> None:
    request = last(over(a.HYBRID, agreed(), [*a.tunnel(), *a.says(*answer)]), WIN11)
    assert (request.stage, request.connects, request.reason) == ("credssp", connects, reason)


def test_rdesktop_falls_back_without_a_ticket_and_gets_in_over_tls() -> None:
    answer = a.windows(a.SSL | a.HYBRID)
    assert asked(answer, RDESKTOP) == [(3, "hello"), (1, "hello"), (1, "tunnel")]
    first, second = measured(answer, RDESKTOP).requests
    assert (first.stage, first.connects, first.reason) == ("credssp", False, "only a Kerberos ticket would do")
    assert (second.selected, second.connects) == ("SSL", True)


def test_rdesktop_falls_back_where_its_hellos_meet_no_answer() -> None:
    def answer(question: Question) -> tuple[list[Event], Ending]:
        if question.protocols == 0:
            return a.fails(1), Ending.COMPLETE
        selected = a.HYBRID if question.protocols == 3 else a.SSL
        return [*a.selects(selected), *a.alert(AlertDescription.HANDSHAKE_FAILURE)], Ending.COMPLETE

    assert asked(answer, RDESKTOP) == [(3, "hello"), (1, "hello"), (0, "settings")]


def retried(*then: object) -> list[Event]:
    again = (ext.selected_version(a.TLS13), ext.retry_key_share(P384))
    retry = ServerHello(version=a.TLS12, random=ServerHello.RETRY_RANDOM, cipher_suite=0x1302, extensions=again)
    return a.says(retry, *then)


def test_a_retry_and_what_followed_it() -> None:
    share = (ext.selected_version(a.TLS13), ext.server_key_share(P384, bytes(97)))
    request = last(over(a.SSL, retried(a.hello(a.TLS13, extensions=share)), [*a.tunnel(), *a.settings(method=0)]))
    assert (request.connects, request.retried) == (True, True)
    assert request.group is not None
    assert request.group.name == "secp384r1"


@pytest.mark.parametrize(
    ("then", "connects", "reason"),
    [([], None, "complete"), (a.alert(AlertDescription.ILLEGAL_PARAMETER), False, "alert illegal_parameter")],
)
def test_a_retry_that_led_no_further(then: list[Event], connects: bool | None, reason: str) -> None:
    request = last(over(a.SSL, [*retried(), *then]))
    assert (request.stage, request.connects, request.reason) == ("tls", connects, reason)


# What they say of the server


def test_what_refuses_a_clients_hello_is_no_word_on_a_version() -> None:
    result = result_of(over(a.SSL, a.alert(AlertDescription.HANDSHAKE_FAILURE)), "mstsc-win7")
    assert result.tls is None
    assert result.negotiation is not None
    assert result.negotiation.protocols["SSL"].state == "accepted"


def test_what_answers_a_clients_hello_counts() -> None:
    wanted = replace(asking(FREERDP), depth="full")
    answer = over(a.SSL, agreed(a.TLS12), [*a.tunnel(a.TLS12), *a.settings(method=0)])
    attempts, now = a.ran(answer, wanted)
    result = verdict(a.audit(attempts, now, wanted))
    assert result.tls is not None
    assert {name: found.state for name, found in result.tls.versions.items()} == {"TLSv1.2": "accepted"}
    assert (result.tls.features, result.tls.cipher_suites) == (None, {})


def test_a_version_that_a_client_offers_is_agreed_on() -> None:
    question = opening(CLIENTS[RDESKTOP], Request(protocols=1))
    for version, expected in ((a.TLS10, Outcome.AGREED), (a.SSL3, Outcome.OTHER_VERSION)):
        events = [*a.selects(a.SSL), *agreed(version, 0x002F)]
        assert outcome(read(a.attempt(question, events))) is expected


def test_a_single_version_of_a_client_is_not_judged_by_its_refusal() -> None:
    result = result_of(over(a.SSL, agreed(a.TLS10, 0x0005), [], Ending.CLOSED), "mstsc-xp-sp3")
    assert result.tls is not None
    assert result.tls.versions["TLSv1.0"].state == "accepted"
    wrong = result_of(over(a.SSL, agreed(a.TLS12, 0x0005)), "mstsc-xp-sp3")
    assert wrong.tls is not None
    assert wrong.tls.versions == {}


def test_a_request_without_negotiation_is_told_from_one_that_asks_for_nothing() -> None:
    negotiation = result_of(a.xp, XP).negotiation
    assert negotiation is not None
    assert [attempt.requested for attempt in negotiation.attempts] == [[]]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (opening(CLIENTS[XP], Request(protocols=None)), "as mstsc-xp: a request without RDP_NEG_REQ"),
        (opening(CLIENTS[WIN11], Request(protocols=0)), "as mstsc-win11: RDP"),
        (opening(CLIENTS[IRON], Request(protocols=1)), "as ironrdp: SSL, then its own ClientHello"),
        (
            behind(CLIENTS[IRON], Request(protocols=1)),
            "as ironrdp: SSL, then a complete TLS handshake of another library",
        ),
    ],
)
def test_the_words_of_such_a_question(question: Question, words: str) -> None:
    assert question.words == words
    assert question.about == "simulation"


# What is sent


ODD = ClientProfile(
    key="odd",
    name="An odd client",
    family="freerdp",
    requests=(Request(protocols=3, flags=0x08), Request(protocols=None, after=("HYBRID failed",))),
    tls=TlsProfile(
        versions=(a.TLS13, a.TLS12), suites=(0x1302, 0xC030), groups=(X25519, P384), extensions=(10, 43, 51)
    ),
    credssp=None,
    cookie=False,
)


def spoken(question: Question, *answers: bytes, address: str | None = None) -> Iterator[bytes]:
    machine = Conversation(Settings(), None, bytes, address).machine(question)
    for answer in (*answers, b""):
        said = machine.data_to_send()
        machine.observe(Side.CLIENT, said, 0.0)
        yield said
        machine.observe(Side.SERVER, answer, 0.0)
    assert answer == b"" or machine.finished


def request_in(raw: bytes) -> RequestData:
    tpdu = x224.read_packet(raw)
    assert isinstance(tpdu, x224.ConnectionRequest)
    return RequestData.read(tpdu.variable)


SELECTS_SSL = bytes.fromhex("030000130ed00000123400020008000100 0000")
SELECTS_RDP = bytes.fromhex("030000130ed00000123400020008000000 0000")
BARE_CONFIRM = bytes.fromhex("0300000b06d00000123400")


def test_a_request_has_its_flags_and_no_cookie_where_the_client_sends_none() -> None:
    [request] = spoken(opening(ODD, ODD.requests[0]))
    data = request_in(request)
    assert data.token is None
    assert data.negotiation is not None
    assert (data.negotiation.protocols, data.negotiation.flags) == (3, 0x08)


def test_a_request_without_negotiation_has_a_cookie_alone() -> None:
    [request] = spoken(opening(CLIENTS[XP], Request(protocols=None)))
    assert request == bytes.fromhex("030000231ee00000000000") + b"Cookie: mstshash=probe\r\n"


@pytest.mark.parametrize(("key", "address", "name"), [(FREERDP, "192.0.2.7", b"192.0.2.7"), (WIN11, "192.0.2.7", None)])
def test_only_some_clients_put_an_address_where_a_name_belongs(key: str, address: str, name: bytes | None) -> None:
    question = opening(CLIENTS[key], CLIENTS[key].requests[0])
    _, hello = spoken(question, SELECTS_SSL, address=address)
    message = read_handshake(Record.read(Reader(hello, "Record")).fragment, a.TLS12)
    assert isinstance(message, ClientHello)
    body = ext.find(message.extensions, 0)
    assert (ext.read_server_name(body)[0][1] if body is not None else None) == name


@pytest.mark.parametrize("answer", [SELECTS_RDP, BARE_CONFIRM])
def test_standard_rdp_security_is_gone_on_with_by_clients_that_have_it(answer: bytes) -> None:
    for key, goes_on in ((FREERDP, True), (IRON, False)):
        _, following = spoken(opening(CLIENTS[key], CLIENTS[key].requests[0]), answer)
        assert bool(following) is goes_on
        if goes_on:
            data = x224.read_packet(following)
            assert isinstance(data, x224.Data)
            assert isinstance(mcs.read_pdu(data.user_data), mcs.ConnectInitial)


def test_a_client_without_credssp_gets_no_further_than_hybrid() -> None:
    reading = read(a.attempt(opening(ODD, ODD.requests[0]), [*a.selects(a.HYBRID), *agreed()]))
    walked = walk(ODD, [reading])
    assert [(step.stage, step.connects) for step in walked.steps] == [("credssp", False)]
    assert walked.following == opening(ODD, ODD.requests[1])


def test_another_protocol_behind_tls_than_before_is_not_taken_for_the_clients() -> None:
    profile = replace(ODD, credssp=CredSspProfile(version=6))
    own = read(a.attempt(opening(profile, profile.requests[0]), [*a.selects(a.SSL), *agreed()]))
    other = read(a.attempt(behind(profile, profile.requests[0]), [*a.selects(a.HYBRID), *a.tunnel()], Ending.CLOSED))
    [step] = walk(profile, [own, other]).steps
    assert (step.stage, step.connects) == ("credssp", None)
