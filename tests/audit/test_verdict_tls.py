from __future__ import annotations

from dataclasses import replace

import pytest

from probe.audit.attempt import Attempt, Stage
from probe.audit.reading import read
from probe.audit.verdict_tls import direct_tls, hello_verdict, registered, tls
from probe.audit.version_hellos import whole_hello
from probe.handshake.machine import Ending, Event
from probe.result import Tls, Verdict
from probe.wire import tls_extensions as ext
from probe.wire import tls_hello
from probe.wire.iana import CIPHER_SUITES, GROUPS
from probe.wire.tls_key_exchange import ServerKeyExchange
from probe.wire.tls_record import AlertDescription
from tests.audit import attempts as a


def over_ssl(version: int, events: list[Event], ending: Ending = Ending.COMPLETE) -> Attempt:
    return a.attempt(a.ask(a.SSL, Stage.HELLO, version=version), [*a.selects(a.SSL), *events], ending)


def in_tunnel(*events: Event, protocol: int = a.SSL) -> Attempt:
    return a.attempt(a.ask(protocol, Stage.TUNNEL), [*a.selects(protocol), *events])


def section(*attempts: Attempt) -> Tls:
    found = tls([read(attempt) for attempt in attempts])
    assert found is not None
    return found


@pytest.mark.parametrize("version", [a.TLS10, a.TLS11, a.TLS12, a.TLS13])
def test_a_version_that_is_selected_is_accepted(version: int) -> None:
    found = section(over_ssl(version, a.says(a.hello(version))))
    assert found.versions == {tls_hello.version_name(version): Verdict(state="accepted")}


ANSWERS: list[tuple[list[Event], Ending, Verdict]] = [
    (a.says(a.hello(a.TLS11)), Ending.COMPLETE, Verdict(state="rejected", reason="answered TLSv1.1")),
    (
        a.alert(AlertDescription.PROTOCOL_VERSION),
        Ending.COMPLETE,
        Verdict(state="rejected", reason="alert protocol_version"),
    ),
    (
        a.alert(AlertDescription.HANDSHAKE_FAILURE),
        Ending.RESET,
        Verdict(state="rejected", reason="alert handshake_failure"),
    ),
    (a.alert(AlertDescription(230)), Ending.COMPLETE, Verdict(state="rejected", reason="alert unknown_0xe6")),
    (a.disconnect(), Ending.COMPLETE, Verdict(state="rejected", reason="clear-text disconnect")),
    ([], Ending.CLOSED, Verdict(state="rejected", reason="closed", ending="closed")),
    ([], Ending.RESET, Verdict(state="rejected", reason="reset", ending="reset")),
    ([], Ending.TIMED_OUT, Verdict(state="unknown", reason="timed_out", ending="timed_out")),
    ([], Ending.REFUSED, Verdict(state="unknown", reason="refused", ending="refused")),
    ([], Ending.INTERRUPTED, Verdict(state="unknown", reason="interrupted", ending="interrupted")),
    (a.malformed(b"HTTP"), Ending.COMPLETE, Verdict(state="unknown", reason="malformed", ending="complete")),
]


@pytest.mark.parametrize(("events", "ending", "expected"), ANSWERS, ids=[str(each[2].reason) for each in ANSWERS])
def test_what_a_hello_of_one_version_meets(events: list[Event], ending: Ending, expected: Verdict) -> None:
    attempt = over_ssl(a.TLS12, events, ending)
    repeat = replace(attempt, question=attempt.question.again())
    assert hello_verdict(read(repeat)) == expected
    undecided = expected.reason == "alert handshake_failure"  # there may be suites that this hello does not have
    assert section(repeat).versions["TLSv1.2"] == (
        Verdict(state="unknown", reason=expected.reason) if undecided else expected
    )
    whole = replace(repeat, question=whole_hello(a.SSL, a.TLS12))
    assert section(repeat, whole).versions["TLSv1.2"].state == section(whole).versions["TLSv1.2"].state
    assert section(whole).versions["TLSv1.2"].state == hello_verdict(read(whole)).state


def test_one_reset_is_no_verdict_yet() -> None:
    attempt = over_ssl(a.TLS12, [], Ending.RESET)
    assert hello_verdict(read(attempt)) == Verdict(state="unknown", reason="reset", ending="reset")


def test_a_version_seen_anywhere_is_accepted_whatever_its_own_hello_met() -> None:
    found = section(over_ssl(a.TLS12, [], Ending.RESET), in_tunnel(*a.tunnel(a.TLS12)))
    assert found.versions["TLSv1.2"] == Verdict(state="accepted")
    assert list(found.versions) == ["TLSv1.2"]  # of the others nothing is known, so nothing is said


def test_of_two_hellos_the_later_counts() -> None:
    silent = over_ssl(a.TLS12, [], Ending.TIMED_OUT)
    assert (
        section(silent, over_ssl(a.TLS12, a.alert(AlertDescription.PROTOCOL_VERSION))).versions["TLSv1.2"].state
        == "rejected"
    )


def test_a_hello_retry_request_selects_a_version() -> None:
    retry = a.hello(
        a.TLS13,
        random=tls_hello.ServerHello.RETRY_RANDOM,
        extensions=(ext.selected_version(a.TLS13), ext.retry_key_share(0x001D)),
    )
    assert section(over_ssl(a.TLS13, a.says(retry))).versions["TLSv1.3"].state == "accepted"


def test_the_downgrade_sentinel_is_no_verdict_on_tls_1_3() -> None:
    lowered = a.hello(a.TLS12, random=bytes(24) + b"DOWNGRD\x01")
    assert "TLSv1.3" not in section(over_ssl(a.TLS12, a.says(lowered))).versions


@pytest.mark.parametrize(
    "attempt",
    [
        a.attempt(a.ask(a.SSL, Stage.TUNNEL), a.fails(5)),
        a.attempt(a.ask(a.HYBRID, Stage.TUNNEL), a.selects(a.RDP)),
        a.attempt(a.ask(a.SSL, Stage.TUNNEL), a.selects(a.HYBRID)),
        a.attempt(a.ask(a.HYBRID_EX), a.selects(a.HYBRID_EX)),
        a.attempt(a.ask(None, Stage.HELLO, version=a.TLS12), a.says(a.hello(a.TLS12))),
        a.attempt(a.ask(a.SSL, Stage.TUNNEL), [], Ending.RESET),
    ],
    ids=["failure", "selects RDP", "unoffered", "no hello asked", "without X.224", "reset"],
)
def test_no_tls_where_none_was_reached_over_rdp(attempt: Attempt) -> None:
    assert tls([read(attempt)]) is None


def test_clear_text_in_place_of_tls() -> None:
    assert section(over_ssl(a.TLS12, a.disconnect())).clear_text_instead
    assert not section(
        over_ssl(a.TLS12, [*a.alert(AlertDescription.PROTOCOL_VERSION), *a.disconnect()])
    ).clear_text_instead
    assert not section(in_tunnel(*a.tunnel(), *a.disconnect())).clear_text_instead


def test_the_complete_handshake_is_shown_before_a_mere_hello() -> None:
    begun = in_tunnel(*a.says(a.hello(a.TLS12)))
    complete = in_tunnel(*a.tunnel(a.TLS13), protocol=a.HYBRID)
    shown = section(begun, complete).handshake
    assert shown is not None
    assert (shown.version, shown.complete, shown.over) == ("TLSv1.3", True, "HYBRID")
    assert shown.cipher_suite == registered(0x1302, CIPHER_SUITES)
    assert shown.cipher_suite.name == "TLS_AES_256_GCM_SHA384"
    assert shown.group is not None
    assert (shown.group.code, shown.group.name) == ("0x001d", "x25519")
    furthest = section(begun).handshake
    assert furthest is not None
    assert (furthest.version, furthest.complete, furthest.group) == ("TLSv1.2", False, None)


def test_a_hello_of_ours_alone_is_no_handshake() -> None:
    assert section(over_ssl(a.TLS12, a.says(a.hello(a.TLS12)))).handshake is None
    assert section(in_tunnel(*a.alert(AlertDescription.INTERNAL_ERROR))).handshake is None


P256 = bytes.fromhex("03001741") + bytes(65) + bytes.fromhex("04030000")  # an empty signature


@pytest.mark.parametrize(
    ("suite", "params", "group"),
    [
        (0xC030, P256, "secp256r1"),
        (0xC030, b"\x03", None),
        (0x009F, bytes.fromhex("000117000102000103"), None),
    ],
    ids=["ECDHE", "broken", "DHE"],
)
def test_the_group_of_older_versions_is_in_the_key_exchange(suite: int, params: bytes, group: str | None) -> None:
    hello = a.hello(a.TLS12, cipher_suite=suite)
    shown = section(in_tunnel(*a.says(hello, ServerKeyExchange(params=params)))).handshake
    assert shown is not None
    assert (shown.group.name if shown.group else None) == group


def test_a_number_without_a_name_is_its_own() -> None:
    assert registered(0xABCD, CIPHER_SUITES).name == "0xabcd"


def direct(events: list[Event], ending: Ending = Ending.COMPLETE) -> Verdict:
    return direct_tls([read(a.attempt(a.ask(None, Stage.HELLO, version=a.TLS12), events, ending))])


def test_tls_without_x224() -> None:
    assert direct_tls([]) == Verdict(state="unknown")
    assert direct_tls([read(over_ssl(a.TLS12, a.says(a.hello(a.TLS12))))]) == Verdict(state="unknown")
    assert direct(a.says(a.hello(a.TLS12))) == Verdict(state="accepted")
    assert direct(a.says(a.hello(a.TLS11))) == Verdict(state="accepted")
    assert direct([], Ending.CLOSED) == Verdict(state="rejected", reason="closed", ending="closed")
    assert direct(a.disconnect()) == Verdict(state="rejected", reason="clear-text disconnect")
    assert direct([], Ending.TIMED_OUT).state == "unknown"


def test_of_two_hellos_without_x224_the_later_counts() -> None:
    question = a.ask(None, Stage.HELLO, version=a.TLS12)
    silent = read(a.attempt(question, [], Ending.TIMED_OUT))
    closed = read(a.attempt(question.again(), [], Ending.CLOSED))
    assert direct_tls([silent, closed]).state == "rejected"


def test_a_suite_that_was_not_offered_accepts_nothing() -> None:
    null = tls_hello.ServerHello(version=a.TLS12, random=bytes(32), cipher_suite=0x0000)
    found = section(over_ssl(a.TLS12, a.says(null)))
    assert found.versions["TLSv1.2"] == Verdict(state="unknown", reason="answered suite 0x0000, which was not offered")


def test_a_version_that_was_not_offered_is_not_accepted() -> None:
    found = section(over_ssl(a.TLS13, a.says(a.hello(a.TLS10))), over_ssl(a.TLS10, [], Ending.CLOSED))
    assert found.versions["TLSv1.0"].state == "rejected"
    assert found.versions["TLSv1.3"] == Verdict(state="rejected", reason="answered TLSv1.0")


def test_what_became_of_the_one_try_at_a_complete_handshake() -> None:
    assert section(in_tunnel(*a.disconnect())).handshake_failure == Verdict(
        state="rejected", reason="clear-text disconnect"
    )
    assert section(in_tunnel(*a.tunnel(a.TLS12))).handshake_failure is None
    broken_off = section(in_tunnel(*a.says(a.hello(a.TLS12))))
    assert broken_off.handshake_failure == Verdict(state="unknown", reason="not completed")


def test_one_answer_of_each_version_is_kept() -> None:
    keys = ServerKeyExchange(params=P256)
    older = over_ssl(a.TLS12, a.says(a.hello(a.TLS12, cipher_suite=0xC030), keys))
    newer = in_tunnel(*a.tunnel(a.TLS13))
    found = section(older, newer).answered
    assert {name: answer.cipher_suite.code for name, answer in found.items()} == {
        "TLSv1.2": "0xc030",
        "TLSv1.3": "0x1302",
    }
    assert found["TLSv1.2"].group == registered(0x0017, GROUPS)
    assert found["TLSv1.2"].scheme is not None
    assert found["TLSv1.2"].scheme.name == "ecdsa_secp256r1_sha256"
    assert found["TLSv1.3"].scheme is None


def test_an_answer_that_tells_the_group_is_preferred() -> None:
    bare = over_ssl(a.TLS12, a.says(a.hello(a.TLS12, cipher_suite=0x009D)))
    telling = over_ssl(a.TLS12, a.says(a.hello(a.TLS12, cipher_suite=0xC030), ServerKeyExchange(params=P256)))
    assert section(bare, telling).answered["TLSv1.2"].cipher_suite.code == "0xc030"
    assert section(telling, bare).answered["TLSv1.2"].cipher_suite.code == "0xc030"
    assert section(bare).answered["TLSv1.2"].group is None


def test_what_was_refused_or_not_offered_is_no_answer() -> None:
    assert section(over_ssl(a.TLS12, a.alert(AlertDescription.HANDSHAKE_FAILURE))).answered == {}
    assert section(over_ssl(a.TLS12, a.says(a.hello(a.TLS12, cipher_suite=0x1301)))).answered == {}


def test_answers_to_hellos_of_ours_come_first() -> None:
    library = in_tunnel(*a.tunnel(a.TLS13))
    ours = over_ssl(a.TLS13, a.says(a.hello(a.TLS13, cipher_suite=0x1301)))
    assert section(library, ours).answered["TLSv1.3"].group is not None
    assert section(library).answered["TLSv1.3"].cipher_suite.code == "0x1302"
