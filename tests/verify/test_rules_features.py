from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_type_hints

import pytest

from probe.needs import Needs
from probe.result import Intolerance, Result, TlsFeatures
from probe.verify.kinds import KINDS
from probe.verify.seen import VERSIONS
from tests.diagnosis.results import result
from tests.verify.rules import check, told
from tests.verify.tls_servers import SSL2_3DES, SSL2_RC4, full_of, suite, tls_of, without_tls

GCM, CBC, TLS13 = (
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_AES_128_GCM_SHA256",
)
OURS, THEIRS = "the server's order of suites decides", "the client's order of suites decides"


def ordered(states: str, orders: dict[str, bool], **suites: int) -> Result:
    """Depth full: whose order decides, and how many suites there are of each version."""
    pool = (GCM, CBC, "TLS_RSA_WITH_AES_128_CBC_SHA")
    listed = {name.replace("_", "."): [suite(each) for each in pool[:count]] for name, count in suites.items()}
    return full_of(states, order_by_version=orders, cipher_suites=listed)


@pytest.mark.parametrize(
    ("value", "described", "expected"),
    [
        (True, ordered("rrrraa", {"TLSv1.2": True, "TLSv1.3": True}), ("passed", f"{OURS}, as demanded")),
        (False, ordered("rrrraa", {"TLSv1.2": False, "TLSv1.3": False}), ("passed", f"{THEIRS}, as demanded")),
        # One suite has no order, and a version that is refused none either.
        (True, ordered("rrrraa", {"TLSv1.2": True}, TLSv1_3=1), ("passed", f"{OURS}, as demanded")),
        (False, without_tls(), ("passed", "no TLS version is served")),
        (
            True,
            ordered("rrrraa", {"TLSv1.2": True, "TLSv1.3": False}),
            ("failed", f"TLS 1.3: {THEIRS}; demanded: {OURS}"),
        ),
        (
            False,
            ordered("rrraaa", {"TLSv1.1": True, "TLSv1.2": True}),
            ("failed", f"TLS 1.1, TLS 1.2: {OURS}; demanded: {THEIRS}"),
        ),
        (True, without_tls(), ("failed", f"no TLS version is served; demanded: {OURS}")),
        (True, tls_of("rrrrrr"), ("failed", f"no TLS version is served; demanded: {OURS}")),
        (
            True,
            ordered("rrrraa", {"TLSv1.2": True}, TLSv1_3=2),
            ("unknown", "whose order decides is not known of TLS 1.3"),
        ),
        (
            True,
            ordered("rrruaa", {"TLSv1.2": True, "TLSv1.3": True}, TLSv1_1=1),
            ("passed", f"{OURS}, as demanded"),
        ),
        (
            True,
            ordered("rrruaa", {"TLSv1.2": True, "TLSv1.3": True}),
            ("unknown", "whose order decides is not known of TLS 1.1"),
        ),
        # One suite was seen, but not all were asked for.
        (True, tls_of("rrrrar"), ("unknown", "whose order decides is not known of TLS 1.2")),
        (
            True,
            result(),
            ("unknown", "whose order decides is not known of SSL 3, TLS 1.0, TLS 1.1, TLS 1.2, TLS 1.3"),
        ),
    ],
)
def test_whose_order_decides(value: bool, described: Result, expected: tuple[str, str]) -> None:
    assert told("tls.server_order", value, described) == expected


def test_in_ssl2_the_client_chooses_among_all_that_the_server_has() -> None:
    described = full_of("arrrrr", cipher_suites={"SSLv2": [SSL2_RC4, SSL2_3DES]})
    assert check("tls.server_order", True, described).state == "passed"


def test_what_was_seen_of_the_order() -> None:
    found = check("tls.server_order", True, ordered("rrrraa", {"TLSv1.2": True, "TLSv1.3": False}))
    assert found.evidence == (f"TLSv1.2: {OURS}", f"TLSv1.3: {THEIRS}")
    assert found.observed == f"TLSv1.2: {OURS}; TLSv1.3: {THEIRS}"
    assert check("tls.server_order", True, tls_of("rrrrar")).observed == "not known"
    assert check("tls.server_order", True, without_tls()).evidence[0] == "SSL: rejected (SSL_NOT_ALLOWED_BY_SERVER)"


# Tolerance

LARGE = Intolerance(hello="large hello", ending="reset")


@pytest.mark.parametrize(
    ("value", "described", "expected"),
    [
        (True, tls_of("--rraa"), ("passed", "no hello is dropped, as demanded")),
        (False, tls_of("--rraa", intolerance=[LARGE]), ("passed", "dropped: large hello: reset, as demanded")),
        (True, without_tls(), ("passed", "no TLS version is served")),
        (True, tls_of("rrrrrr"), ("passed", "no TLS version is served")),
        (False, tls_of("xxxxxx"), ("passed", "every hello is dropped or refused")),
        (
            True,
            tls_of("uuuuua", intolerance=[LARGE]),
            ("failed", "dropped: large hello: reset; demanded: no hello is dropped"),
        ),
        (False, tls_of("--rraa"), ("failed", "no hello is dropped; demanded: some hello is dropped")),
        (False, without_tls(), ("failed", "no TLS version is served; demanded: some hello is dropped")),
        (True, tls_of("rrrrrx"), ("failed", "every hello is dropped or refused; demanded: no hello is dropped")),
        # What becomes of a hello of SSL says nothing: a server of today may drop it.
        (True, tls_of("xxrrrr"), ("passed", "no TLS version is served")),
        (True, tls_of("--rrau"), ("unknown", "whether TLS 1.3 is accepted is not known (timed_out)")),
        (True, tls_of("----aa"), ("unknown", "whether TLS 1.0 and TLS 1.1 are accepted is not known (not asked)")),
        (
            True,
            result(),
            ("unknown", "whether TLS 1.0, TLS 1.1, TLS 1.2 and TLS 1.3 are accepted is not known (not asked)"),
        ),
    ],
)
def test_tolerance(value: bool, described: Result, expected: tuple[str, str]) -> None:
    assert told("tls.tolerant", value, described) == expected


@pytest.mark.parametrize(
    ("asked", "state"),
    [
        (None, "passed"),
        (["standard", "tls.versions.TLSv1.2"], "passed"),
        (["full"], "passed"),
        (["tls.intolerance"], "passed"),
        (["tls.versions.TLSv1.2"], "unknown"),
        ([], "unknown"),
    ],
)
def test_dropped_hellos_are_known_only_where_they_were_asked_for(asked: list[str] | None, state: str) -> None:
    described = tls_of("--rraa")
    described.asked = asked
    assert check("tls.tolerant", True, described).state == state
    if state == "unknown":
        assert told("tls.tolerant", True, described)[1] == "what hellos are dropped was not asked for"


def test_depth_discover_asks_for_no_hello_but_one() -> None:
    described = tls_of("--rraa")
    described.depth = "discover"
    assert check("tls.tolerant", True, described).state == "unknown"


def test_what_mends_intolerance() -> None:
    found = check("tls.tolerant", True, tls_of("----aa", intolerance=[LARGE]))
    assert (found.diagnosis, found.evidence, found.observed) == (
        "TLS_INTOLERANT",
        ("large hello: reset",),
        "large hello: reset",
    )
    assert check("tls.tolerant", True, tls_of("xxxxxx")).diagnosis == "TLS_HANDSHAKE_ABORTED"
    assert check("tls.tolerant", False, tls_of("--rraa")).diagnosis is None
    assert check("tls.tolerant", False, without_tls()).diagnosis is None


# Features


@dataclass(frozen=True)
class Words:
    """What a feature is called, and what a demand for it comes to where there is no use for it."""

    name: str
    called: str
    tls13: str | None = None  # what `true` comes to where TLS 1.3 alone is served
    one: str | None = None  # the same of TLS 1.2 alone


FEATURES = (
    Words("secure_renegotiation", "secure renegotiation (RFC 5746)", "passed"),
    Words("extended_master_secret", "the extended master secret (RFC 7627)", "passed"),
    Words("encrypt_then_mac", "encrypt-then-MAC (RFC 7366)", "passed"),
    Words("compression", "compression", "failed"),
    Words("session_tickets", "resumption by session tickets (RFC 5077)", "failed"),
    Words("fallback_scsv", "TLS_FALLBACK_SCSV (RFC 7507)", "passed", "passed"),
    Words("downgrade_sentinel", "the downgrade sentinel (RFC 8446 4.1.3)", "passed", "passed"),
    Words("ocsp_stapling", "OCSP stapling (RFC 6066)"),
    Words("heartbeat", "heartbeat (RFC 6520)"),
    Words("client_certificate", "a request for the client's certificate"),
    Words("sslv2_framed_hello", "an answer to a hello in SSLv2's form", "failed"),
)


def featured(name: str, found: bool | None, states: str = "rrraaa", **fields: Any) -> Result:
    features = TlsFeatures()
    setattr(features, name, found)
    return full_of(states, features=features, **fields)


def test_every_feature_of_a_result_has_a_key() -> None:
    fields = {name for name, kind in get_type_hints(TlsFeatures).items() if kind == bool | None}
    assert fields - {"resumption"} == {each.name for each in FEATURES}


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_feature_is_there_or_not_or_nobody_knows(feature: Words) -> None:
    key, called = f"tls.{feature.name}", feature.called
    there, absent, open_ = (featured(feature.name, found) for found in (True, False, None))
    assert told(key, True, there) == ("passed", f"{called} is there, as demanded")
    assert told(key, False, absent) == ("passed", f"{called} is not there, as demanded")
    assert told(key, True, absent) == ("failed", f"{called} is not there; demanded: with {called}")
    assert told(key, False, there) == ("failed", f"{called} is there; demanded: without {called}")
    for value in (True, False):
        assert told(key, value, open_) == ("unknown", f"nothing that was answered tells of {called}")
        not_asked = ("unknown", f"{called} was not asked for: --depth full")
        assert told(key, value, tls_of("rrraaa")) == told(key, value, result()) == not_asked
    found = check(key, True, there)
    assert (found.observed, found.evidence) == ("there", (f"tls.features.{feature.name}: true",))
    found = check(key, True, absent)
    assert (found.observed, found.evidence) == ("not there", (f"tls.features.{feature.name}: false",))


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_without_tls_there_is_no_feature(feature: Words) -> None:
    for described in (without_tls(), tls_of("rrrrrr")):
        assert told(f"tls.{feature.name}", False, described) == ("passed", "no TLS version is served")
        demanded = f"no TLS version is served; demanded: with {feature.called}"
        assert told(f"tls.{feature.name}", True, described) == ("failed", demanded)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_where_tls13_is_alone_older_features_have_no_use(feature: Words) -> None:
    described = featured(feature.name, None, "rrrrra", cipher_suites={"TLSv1.3": [suite(TLS13)]})
    for value in (True, False):
        state, message = told(f"tls.{feature.name}", value, described)
        if feature.tls13 is None:
            assert state == "unknown"
        elif value:
            assert state == feature.tls13
            assert message.startswith(f"only TLS 1.3 is served, which has no use for {feature.called}")
        else:
            assert state == "passed"
    # What was seen counts for more.
    assert check(f"tls.{feature.name}", True, featured(feature.name, False, "rrrrra")).state == "failed"


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_where_one_version_is_served_there_is_no_older_one_to_fall_back_to(feature: Words) -> None:
    described = featured(feature.name, None, "rrrrar")
    assert check(f"tls.{feature.name}", True, described).state == (feature.one or "unknown")
    for states in ("rrrrau", "-rrrar", "rrruur"):
        assert check(f"tls.{feature.name}", True, featured(feature.name, None, states)).state == "unknown"


@pytest.mark.parametrize(
    ("suites", "unsettled", "expected"),
    [
        ([GCM], [], ("passed", "no suite with CBC is served, which has no use for encrypt-then-MAC (RFC 7366)")),
        ([GCM, CBC], [], ("unknown", "nothing that was answered tells of encrypt-then-MAC (RFC 7366)")),
        (
            [GCM],
            ["TLSv1.2: 3 cipher suites were neither selected nor refused"],
            ("unknown", "nothing that was answered tells of encrypt-then-MAC (RFC 7366)"),
        ),
    ],
)
def test_encrypt_then_mac_is_for_cbc(suites: list[str], unsettled: list[str], expected: tuple[str, str]) -> None:
    listed = {"TLSv1.2": [suite(name) for name in suites], "TLSv1.3": [suite(TLS13)]}
    described = featured("encrypt_then_mac", None, "rrrraa", cipher_suites=listed, unsettled=unsettled)
    assert told("tls.encrypt_then_mac", True, described) == expected


def test_a_danger_that_is_demanded_and_cannot_be_fails() -> None:
    described = featured("compression", None, "rrrrra")
    assert told("tls.compression", True, described) == (
        "failed",
        "only TLS 1.3 is served, which has no use for compression; demanded: with compression",
    )
    assert check("tls.compression", True, described).observed == "not there"


@pytest.mark.parametrize(
    ("key", "value", "needs", "words"),
    [
        ("server_order", True, Needs(full=True), OURS),
        ("server_order", False, Needs(full=True), THEIRS),
        ("tolerant", True, Needs(versions=frozenset(VERSIONS[2:]), intolerance=True), "no hello is dropped"),
        ("tolerant", False, Needs(versions=frozenset(VERSIONS[2:]), intolerance=True), "some hello is dropped"),
        ("heartbeat", False, Needs(full=True), "without heartbeat (RFC 6520)"),
        ("fallback_scsv", True, Needs(full=True), "with TLS_FALLBACK_SCSV (RFC 7507)"),
    ],
)
def test_what_is_asked_for_and_how_it_is_said(key: str, value: bool, needs: Needs, words: str) -> None:
    kind = KINDS[f"tls.{key}"]
    assert (kind.needs(value), kind.words(value)) == (needs, words)
