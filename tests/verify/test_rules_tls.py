from __future__ import annotations

import tomllib
from typing import Any

import msgspec
import pytest

from probe.needs import NOTHING, Needs
from probe.result import (
    DhParameters,
    Diagnosis,
    Registered,
    Result,
    SimulatedRequest,
    Simulation,
    Tls,
    TlsHandshake,
    Verdict,
)
from probe.verify.kinds import KINDS
from probe.verify.seen import VERSIONS
from probe.verify.served import tls_refused, versions
from probe.verify.what_if import parse
from tests.diagnosis.results import result
from tests.verify.rules import check, rdp, told
from tests.verify.tls_servers import ACCEPTED, REFUSED, SELECTED_RDP, SILENT, suite, tls_of, without_tls

NONE_ASKED = "SSL 2, SSL 3, TLS 1.0, TLS 1.1, TLS 1.2 and TLS 1.3"


# Letters: SSLv2, SSLv3, TLS 1.0, 1.1, 1.2, 1.3.
@pytest.mark.parametrize(
    ("value", "described", "expected"),
    [
        ("TLSv1.2", tls_of("rrrraa"), ("passed", "nothing older than TLS 1.2 is accepted")),
        ("TLSv1.2", tls_of("rrrrar"), ("passed", "nothing older than TLS 1.2 is accepted")),
        ("TLSv1.2", tls_of("rrrrra"), ("passed", "nothing older than TLS 1.2 is accepted")),
        ("TLSv1.0", tls_of("rrauuu"), ("passed", "nothing older than TLS 1.0 is accepted")),
        # One that would do is enough, whatever is not known of the others.
        ("TLSv1.2", tls_of("rrrrau"), ("passed", "nothing older than TLS 1.2 is accepted")),
        ("TLSv1.2", tls_of("rrrraa".replace("r", "x")), ("passed", "nothing older than TLS 1.2 is accepted")),
        ("SSLv2", tls_of("a-----"), ("passed", "nothing older than SSL 2 is accepted")),
        ("TLSv1.2", tls_of("rrrraa"[:3] + "aaa"), ("failed", "TLS 1.1 is accepted; demanded: TLS 1.2 or newer")),
        ("TLSv1.3", tls_of("rrrraa"), ("failed", "TLS 1.2 is accepted; demanded: TLS 1.3 or newer")),
        ("TLSv1.2", tls_of("arraaa"), ("failed", "SSL 2 and TLS 1.1 are accepted; demanded: TLS 1.2 or newer")),
        ("TLSv1.2", tls_of("rrauaa"), ("failed", "TLS 1.0 is accepted; demanded: TLS 1.2 or newer")),
        ("TLSv1.2", tls_of("rrarrr"), ("failed", "TLS 1.0 is accepted; demanded: TLS 1.2 or newer")),
        ("TLSv1.2", tls_of("rrrrrr"), ("failed", "no TLS version is served; demanded: TLS 1.2 or newer")),
        ("TLSv1.2", tls_of("rruurr"), ("failed", "TLS 1.2 and TLS 1.3 are refused; demanded: TLS 1.2 or newer")),
        ("TLSv1.2", without_tls(), ("failed", "no TLS version is served; demanded: TLS 1.2 or newer")),
        (
            "TLSv1.2",
            tls_of("rrruaa"),
            ("unknown", "whether TLS 1.1 is accepted is not known (timed_out)"),
        ),
        (
            "TLSv1.2",
            tls_of("--rraa"),
            ("unknown", "whether SSL 2 and SSL 3 are accepted is not known (not asked)"),
        ),
        (
            "TLSv1.2",
            tls_of("-rruaa"),
            (
                "unknown",
                (
                    "whether SSL 2 is accepted is not known (not asked); "
                    "whether TLS 1.1 is accepted is not known (timed_out)"
                ),
            ),
        ),
        # Nothing older is served, and of what would do nothing is known.
        (
            "TLSv1.2",
            tls_of("rrrruu"),
            ("unknown", "whether TLS 1.2 and TLS 1.3 are accepted is not known (timed_out)"),
        ),
        ("TLSv1.2", tls_of("rrrru-"[:5] + "r"), ("unknown", "whether TLS 1.2 is accepted is not known (timed_out)")),
        ("TLSv1.2", result(), ("unknown", f"whether {NONE_ASKED} are accepted is not known (not asked)")),
        (
            "TLSv1.2",
            rdp(SSL=ACCEPTED, HYBRID=REFUSED),
            ("unknown", f"whether {NONE_ASKED} are accepted is not known (not asked)"),
        ),
        (
            "TLSv1.2",
            rdp(SSL=REFUSED, HYBRID=SILENT),
            ("unknown", f"whether {NONE_ASKED} are accepted is not known (not asked)"),
        ),
    ],
)
def test_the_oldest_version(value: str, described: Result, expected: tuple[str, str]) -> None:
    assert told("tls.min_version", value, described) == expected


@pytest.mark.parametrize(
    ("value", "described", "expected"),
    [
        ("TLSv1.2", tls_of("----ar"), ("passed", "nothing newer than TLS 1.2 is accepted")),
        ("TLSv1.2", tls_of("rrrrrr"), ("passed", "nothing newer than TLS 1.2 is accepted")),
        ("TLSv1.2", without_tls(), ("passed", "nothing newer than TLS 1.2 is accepted")),
        ("TLSv1.3", tls_of("uuuuuu"), ("passed", "nothing newer than TLS 1.3 is accepted")),
        ("TLSv1.2", tls_of("rrrraa"), ("failed", "TLS 1.3 is accepted; demanded: TLS 1.2 or older")),
        ("TLSv1.1", tls_of("rrraaa"), ("failed", "TLS 1.2 and TLS 1.3 are accepted; demanded: TLS 1.1 or older")),
        ("TLSv1.1", tls_of("rrraua"), ("failed", "TLS 1.3 is accepted; demanded: TLS 1.1 or older")),
        ("TLSv1.2", tls_of("rrrrau"), ("unknown", "whether TLS 1.3 is accepted is not known (timed_out)")),
        ("TLSv1.2", tls_of("rrrra-"), ("unknown", "whether TLS 1.3 is accepted is not known (not asked)")),
    ],
)
def test_the_newest_version(value: str, described: Result, expected: tuple[str, str]) -> None:
    assert told("tls.max_version", value, described) == expected


@pytest.mark.parametrize(
    ("value", "described", "expected"),
    [
        (["TLSv1.3"], tls_of("-----a"), ("passed", "TLS 1.3 is accepted, as demanded")),
        (["TLSv1.2", "TLSv1.3"], tls_of("uuuuaa"), ("passed", "TLS 1.2 and TLS 1.3 are accepted, as demanded")),
        (
            ["TLSv1.2", "TLSv1.3"],
            tls_of("rrrrar"),
            ("failed", "TLS 1.3 is refused; demanded: TLS 1.2 and TLS 1.3 accepted"),
        ),
        (
            ["TLSv1.3", "TLSv1.2"],
            tls_of("rrrrur"),
            ("failed", "TLS 1.3 is refused; demanded: TLS 1.3 and TLS 1.2 accepted"),
        ),
        (["TLSv1.2"], without_tls(), ("failed", "no TLS version is served; demanded: TLS 1.2 accepted")),
        (["TLSv1.2", "TLSv1.3"], tls_of("rrrrau"), ("unknown", "whether TLS 1.3 is accepted is not known (timed_out)")),
        (["TLSv1.1"], tls_of("----aa"), ("unknown", "whether TLS 1.1 is accepted is not known (not asked)")),
    ],
)
def test_versions_that_must_be(value: list[str], described: Result, expected: tuple[str, str]) -> None:
    assert told("tls.required_versions", value, described) == expected


@pytest.mark.parametrize(
    ("value", "described", "expected"),
    [
        (["TLSv1.0", "TLSv1.1"], tls_of("aarraa"), ("passed", "TLS 1.0 and TLS 1.1 are refused, as demanded")),
        (["TLSv1.3"], without_tls(), ("passed", "TLS 1.3 is refused, as demanded")),
        (
            ["TLSv1.0", "TLSv1.1"],
            tls_of("rrraaa"),
            ("failed", "TLS 1.1 is accepted; demanded: TLS 1.0 and TLS 1.1 refused"),
        ),
        (
            ["TLSv1.0", "TLSv1.1"],
            tls_of("rruaaa"),
            ("failed", "TLS 1.1 is accepted; demanded: TLS 1.0 and TLS 1.1 refused"),
        ),
        (["TLSv1.0", "TLSv1.1"], tls_of("rrruaa"), ("unknown", "whether TLS 1.1 is accepted is not known (timed_out)")),
        (["SSLv2"], tls_of("-rrraa"), ("unknown", "whether SSL 2 is accepted is not known (not asked)")),
    ],
)
def test_versions_that_must_not_be(value: list[str], described: Result, expected: tuple[str, str]) -> None:
    assert told("tls.forbidden_versions", value, described) == expected


@pytest.mark.parametrize(
    ("key", "value", "described", "observed", "evidence"),
    [
        (
            "min_version",
            "TLSv1.3",
            tls_of("xrrraa"),
            "TLSv1.2, TLSv1.3",
            ("TLSv1.2: accepted",),
        ),
        (
            "min_version",
            "TLSv1.2",
            tls_of("xrrraa"),
            "TLSv1.2, TLSv1.3",
            (
                "SSLv2: rejected (reset)",
                "SSLv3: rejected (alert protocol_version)",
                "TLSv1.0: rejected (alert protocol_version)",
                "TLSv1.1: rejected (alert protocol_version)",
                "TLSv1.2: accepted",
                "TLSv1.3: accepted",
            ),
        ),
        (
            "min_version",
            "TLSv1.2",
            without_tls(),
            "none",
            ("SSL: rejected (SSL_NOT_ALLOWED_BY_SERVER)", "HYBRID: rejected (selected RDP)"),
        ),
        (
            "min_version",
            "TLSv1.3",
            tls_of("rrrrru"),
            "none",
            (
                *(f"{name}: rejected (alert protocol_version)" for name in VERSIONS[:5]),
                "TLSv1.3: unknown (timed_out)",
            ),
        ),
        (
            "forbidden_versions",
            ["TLSv1.1"],
            tls_of("----ua"),
            "TLSv1.3",
            (
                *(f"{name}: unknown (not asked)" for name in VERSIONS[:4]),
                "TLSv1.2: unknown (timed_out)",
                "TLSv1.3: accepted",
            ),
        ),
        (
            "required_versions",
            ["TLSv1.3"],
            tls_of("----ar"),
            "TLSv1.2",
            ("TLSv1.3: rejected (alert protocol_version)",),
        ),
        ("max_version", "TLSv1.2", tls_of("----ar"), "TLSv1.2", ("TLSv1.3: rejected (alert protocol_version)",)),
    ],
)
def test_what_was_observed(
    key: str, value: Any, described: Result, observed: str, evidence: tuple[str, ...] | None
) -> None:
    found = check(f"tls.{key}", value, described)
    assert found.observed == observed
    assert evidence is None or found.evidence == evidence


@pytest.mark.parametrize(
    ("key", "value", "described", "diagnosis", "change"),
    [
        ("min_version", "TLSv1.2", tls_of("rrraaa"), "TLS_LEGACY_VERSION", "tls.min=1.2"),
        ("min_version", "SSLv3", tls_of("aaaaaa"), "TLS_LEGACY_VERSION", "tls.min=ssl3"),
        ("min_version", "TLSv1.2", tls_of("rrrrrr"), "TLS_HANDSHAKE_ABORTED", None),
        ("min_version", "TLSv1.2", without_tls(), "STANDARD_RDP_ONLY", None),
        ("min_version", "TLSv1.2", tls_of("rrrraa"), None, None),
        ("max_version", "TLSv1.2", tls_of("rrrraa"), None, "tls.max=1.2"),
        ("required_versions", ["TLSv1.3"], tls_of("rrrrar"), "TLS_NO_COMMON_VERSION", "tls.versions=1.2+1.3"),
        ("required_versions", ["TLSv1.3"], tls_of("rrrrrr"), "TLS_HANDSHAKE_ABORTED", "tls.versions=1.3"),
        ("forbidden_versions", ["TLSv1.1"], tls_of("rrraaa"), "TLS_LEGACY_VERSION", "tls.versions=1.2+1.3"),
        ("forbidden_versions", ["TLSv1.3"], tls_of("rrrraa"), None, "tls.versions=1.2"),
        ("forbidden_versions", ["TLSv1.0"], tls_of("rrarrr"), "TLS_LEGACY_VERSION", None),
        ("forbidden_versions", ["TLSv1.0"], tls_of("rrrrar"), None, None),
    ],
)
def test_what_mends_it(key: str, value: Any, described: Result, diagnosis: str | None, change: str | None) -> None:
    found = check(f"tls.{key}", value, described)
    assert (found.diagnosis, found.change) == (diagnosis, change)


@pytest.mark.parametrize(
    "code", ["STANDARD_RDP_ONLY", "TLS_CERTIFICATE_MISSING", "NEGOTIATION_UNSUPPORTED", "TLS_HANDSHAKE_ABORTED"]
)
def test_where_no_tls_is_served_the_diagnosis_that_was_made_says_how_to_mend_it(code: str) -> None:
    for described in (without_tls(), tls_of("rrrrrr")):
        described.diagnoses = [Diagnosis(code=each, severity="risk", summary="") for each in ("CERT_EXPIRED", code)]
        assert check("tls.min_version", "TLSv1.2", described).diagnosis == code


def test_where_only_an_older_version_is_served_the_newer_ones_are_named() -> None:
    found = check("tls.required_versions", ["TLSv1.2"], tls_of("rrarrr"))
    assert found.message == "TLS 1.2 is refused; demanded: TLS 1.2 accepted"


@pytest.mark.parametrize(
    ("key", "value", "needs", "words"),
    [
        ("min_version", "TLSv1.2", VERSIONS, "TLS 1.2 or newer"),
        ("max_version", "TLSv1.1", ("TLSv1.2", "TLSv1.3"), "TLS 1.1 or older"),
        ("max_version", "TLSv1.3", (), "TLS 1.3 or older"),
        ("required_versions", ["TLSv1.2", "TLSv1.3"], ("TLSv1.2", "TLSv1.3"), "TLS 1.2 and TLS 1.3 accepted"),
        ("forbidden_versions", ["SSLv3"], ("SSLv3",), "SSL 3 refused"),
    ],
)
def test_what_is_asked_for_and_how_it_is_said(key: str, value: Any, needs: tuple[str, ...], words: str) -> None:
    kind = KINDS[f"tls.{key}"]
    assert (kind.needs(value), kind.words(value)) == (Needs(versions=frozenset(needs)), words)


# What is known of a version


@pytest.mark.parametrize(
    ("described", "refused"),
    [
        (rdp(SSL=REFUSED, HYBRID=SELECTED_RDP), True),
        (rdp(SSL=REFUSED, HYBRID=REFUSED, RDSTLS=SILENT, RDSAAD=SILENT), True),
        (rdp(SSL=REFUSED, HYBRID=REFUSED, RDSTLS=ACCEPTED), False),
        (rdp(SSL=REFUSED, HYBRID=REFUSED, HYBRID_EX=ACCEPTED), False),
        (rdp(SSL=REFUSED), False),
        (rdp(HYBRID=REFUSED), False),
        (rdp(SSL=SILENT, HYBRID=REFUSED), False),
        (result(), False),
    ],
)
def test_when_there_is_no_road_to_tls(described: Result, refused: bool) -> None:
    assert tls_refused(described) is refused
    state = "rejected" if refused else "unknown"
    assert {each.state for each in versions(described).values()} == {state}


def test_tls_without_x224_is_a_road() -> None:
    described = without_tls()
    assert described.negotiation is not None
    described.negotiation.direct_tls = Verdict(state="accepted")
    assert not tls_refused(described)
    described.negotiation.direct_tls = SILENT
    assert not tls_refused(described)  # nothing shows that it is none
    described.negotiation.direct_tls = ACCEPTED
    described.tls = Tls(versions={"TLSv1.2": ACCEPTED})
    assert not tls_refused(described)
    assert check("tls.max_version", "TLSv1.2", described).state == "unknown"
    assert check("tls.required_versions", ["TLSv1.2"], described).evidence == ("TLSv1.2: accepted",)


def test_what_was_agreed_on_is_served_whatever_came_of_its_own_hello() -> None:
    described = tls_of("rrrrrr", cipher_suites={"TLSv1.1": [suite("TLS_RSA_WITH_AES_128_CBC_SHA")], "TLSv1.0": []})
    described.simulated = [
        Simulation(
            client="mstsc-xp",
            requests=[
                SimulatedRequest(requested=["SSL"], stage="negotiation", connects=False),
                SimulatedRequest(
                    requested=["SSL"],
                    stage="tls",
                    connects=True,
                    version="SSLv3",
                    cipher_suite=Registered(code="0x0004", name="TLS_RSA_WITH_RC4_128_MD5"),
                ),
            ],
        )
    ]
    assert [name for name, each in versions(described).items() if each.state == "accepted"] == ["SSLv3", "TLSv1.1"]
    made = TlsHandshake(version="TLSv1.2", cipher_suite=suite("TLS_RSA_WITH_AES_128_CBC_SHA"), complete=False)
    described.tls = Tls(handshake=made)
    described.simulated = []
    assert [name for name, each in versions(described).items() if each.state == "accepted"] == ["TLSv1.2"]


@pytest.mark.parametrize(
    "key",
    [
        *("protocols.required", "protocols.forbidden", "tls.required_versions", "tls.forbidden_versions"),
        *(f"tls.{demand}_{what}" for demand in ("allowed", "forbidden", "required") for what in ("suites", "groups")),
        "tls.forbidden_schemes",
    ],
)
def test_a_list_that_demands_nothing_is_no_value(key: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert([], KINDS[key].value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tls.min_version", "TLS 1.2"),
        ("tls.max_version", "1.2"),
        ("tls.required_versions", ["tlsv1.2"]),
        ("tls.min_dh_bits", 0),
        ("tls.server_order", "yes"),
        ("tls.compression", 0),
        ("protocols.nla", "none"),
        ("protocols.direct_tls", True),
        ("protocols.required", ["NLA"]),
    ],
)
def test_values_of_another_kind_are_refused(key: str, value: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, KINDS[key].value)


@pytest.mark.parametrize("key", [key for key in KINDS if key.startswith(("protocols.", "tls."))])
def test_every_example_is_a_value_that_can_be_asked_for_and_said(key: str) -> None:
    kind = KINDS[key]
    value = msgspec.convert(tomllib.loads(f"value = {kind.example}")["value"], kind.value)
    kind.validate(value)
    assert kind.needs(value) != NOTHING
    assert kind.words(value)
    found = kind.check(value, result())
    assert (found.state, found.diagnosis, found.change) == ("unknown", None, None)


@pytest.mark.parametrize(
    ("verdict", "how"),
    [
        (Verdict(state="unknown", reason="malformed", ending="closed"), "malformed"),
        (Verdict(state="unknown", reason="malformed"), "malformed"),
        (Verdict(state="unknown", ending="deadline"), "deadline"),
        (Verdict(state="unknown"), "not asked"),
    ],
)
def test_why_a_version_is_not_known(verdict: Verdict, how: str) -> None:
    described = rdp(SSL=ACCEPTED)
    described.tls = Tls(versions={"TLSv1.3": verdict})
    message = f"whether TLS 1.3 is accepted is not known ({how})"
    assert told("tls.max_version", "TLSv1.2", described) == ("unknown", message)


@pytest.mark.parametrize(
    ("key", "value", "described"),
    [
        ("protocols.required", ["RDP", "SSL"], rdp(RDP=REFUSED, SSL=REFUSED)),
        ("protocols.forbidden", ["RDP", "SSL", "HYBRID"], rdp(RDP=ACCEPTED, SSL=ACCEPTED, HYBRID=ACCEPTED)),
        ("tls.min_version", "SSLv3", tls_of("aaaaaa")),
        ("tls.min_version", "TLSv1.2", tls_of("aaaaaa")),
        ("tls.max_version", "SSLv2", tls_of("aaaaaa")),
        ("tls.required_versions", ["SSLv2", "TLSv1.3"], tls_of("rrrrar")),
        ("tls.forbidden_versions", ["TLSv1.3"], tls_of("aaaaaa")),
        ("tls.forbidden_suites", ["class:weak", "TLS_RSA_*"], tls_of("aaaaaa")),
        ("tls.allowed_suites", ["class:aead"], tls_of("aaaaaa")),
        (
            "tls.min_dh_bits",
            2048,
            tls_of("rrrrar", dh_parameters=[DhParameters(bits=1024, prime_sha256="", generator="02")]),
        ),
    ],
)
def test_what_would_mend_it_is_said_in_the_language_of_planned_changes(key: str, value: Any, described: Result) -> None:
    found = check(key, value, described)
    assert found.state == "failed"
    assert found.change is not None
    assert parse(found.change)
