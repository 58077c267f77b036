"""What a policy demands of the inside of NLA."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from probe.result import CredSsp, Ntlm, Result, Verdict
from probe.verify.kinds import KINDS
from tests.verify.rules import ACCEPTED, REFUSED, SILENT, check, rdp, told

VERSION, MECHANISMS, SKEW = "credssp.min_version", "credssp.mechanisms", "credssp.max_clock_skew_s"
WITHOUT_NLA = rdp(HYBRID=REFUSED)


def answering(version: int | None = 6, **fields: Any) -> Result:
    """A server that accepts NLA and answered the first TSRequest."""
    described = rdp(HYBRID=ACCEPTED, HYBRID_EX=ACCEPTED)
    described.credssp = CredSsp(version=version, **fields)
    return described


@pytest.mark.parametrize(("version", "state"), [(6, "passed"), (5, "passed"), (4, "failed"), (2, "failed")])
def test_version(version: int, state: str) -> None:
    found = check(VERSION, 5, answering(version))
    assert (found.state, found.observed) == (state, str(version))
    assert found.message == f"CredSSP version {version}; at least 5 is required"
    if state == "failed":
        assert (found.diagnosis, found.change) == ("CREDSSP_OUTDATED", "credssp.min=5")
        assert found.evidence == (f"TSRequest version {version}",)


def test_a_version_that_does_not_exist_yet_cannot_be_set() -> None:
    found = check(VERSION, 7, answering(6))
    assert (found.state, found.change) == ("failed", None)
    assert check(VERSION, 6, answering(5)).change == "credssp.min=6"


@pytest.mark.parametrize(("key", "value"), [(VERSION, 5), (MECHANISMS, ["NTLM"])])
def test_without_nla_the_demand_fails(key: str, value: Any) -> None:
    found = check(key, value, WITHOUT_NLA)
    assert (found.state, found.message) == ("failed", "NLA is not supported; CredSSP is required")
    assert (found.observed, found.diagnosis, found.change) == ("none", "NLA_UNSUPPORTED", None)
    assert check(key, value, rdp(HYBRID=REFUSED, HYBRID_EX=REFUSED)).state == "failed"


@pytest.mark.parametrize(("key", "value"), [(VERSION, 5), (MECHANISMS, ["NTLM"])])
@pytest.mark.parametrize(
    ("described", "why"),
    [
        (rdp(), "HYBRID was not asked for"),
        (rdp(HYBRID=SILENT), "HYBRID was not settled: timed_out"),
        (rdp(HYBRID=ACCEPTED), "CredSSP was not tried"),
        (rdp(HYBRID=REFUSED, HYBRID_EX=ACCEPTED), "CredSSP was not tried"),
        (rdp(HYBRID=REFUSED, HYBRID_EX=SILENT), "CredSSP was not tried"),
        (answering(None, ending="closed"), "the first TSRequest was not answered: closed"),
        (answering(None, answer="malformed", ending="complete"), "the first TSRequest was not answered: malformed"),
        (answering(None), "the first TSRequest was not answered: ?"),
    ],
)
def test_what_was_not_answered_is_open(key: str, value: Any, described: Result, why: str) -> None:
    assert told(key, value, described) == ("unknown", why)


def test_mechanisms() -> None:
    found = check(MECHANISMS, ["NTLM"], answering(mechanisms=["NTLM"], ntlm=Ntlm()))
    assert (found.state, found.message, found.observed) == ("passed", "usable are NTLM", "NTLM")
    both = answering(mechanisms=["NTLM", "MS-Kerberos"], ntlm=Ntlm())
    assert check(MECHANISMS, ["Kerberos", "NTLM"], both).message == "usable are NTLM, MS-Kerberos"
    assert check(MECHANISMS, ["Kerberos"], answering(mechanisms=["Kerberos"])).state == "passed"


@pytest.mark.parametrize(
    ("fields", "how", "observed"),
    [
        ({"error": "STATUS_NTLM_BLOCKED"}, "STATUS_NTLM_BLOCKED", "none"),
        ({"error": "STATUS_NOT_SUPPORTED"}, "STATUS_NOT_SUPPORTED", "none"),
        ({"mechanisms": ["Kerberos"]}, "Kerberos", "Kerberos"),
    ],
)
def test_ntlm_is_refused(fields: dict[str, Any], how: str, observed: str) -> None:
    found = check(MECHANISMS, ["NTLM", "Kerberos"], answering(**fields))
    assert (found.state, found.message) == ("failed", "NTLM is refused; NTLM, Kerberos must be usable")
    assert (found.observed, found.diagnosis) == (observed, "NTLM_REFUSED")
    assert found.evidence == (f"offered NTLM, answered {how}",)


@pytest.mark.parametrize(
    ("wanted", "fields", "left"),
    [
        (["NTLM"], {}, "NTLM"),
        (["NTLM"], {"mechanisms": ["NTLM"]}, "NTLM"),
        (["NTLM"], {"error": "STATUS_LOGON_FAILURE"}, "NTLM"),
        (["NTLM"], {"error": "STATUS_LOGON_FAILURE", "mechanisms": ["Kerberos"]}, "NTLM"),
        (["NTLM", "Kerberos"], {"mechanisms": ["NTLM"], "ntlm": Ntlm()}, "Kerberos"),
        (["Kerberos"], {"error": "STATUS_NTLM_BLOCKED"}, "Kerberos"),
        (["NTLM"], {"mechanisms": ["Kerberos"], "ntlm": Ntlm()}, "NTLM"),
        (["Kerberos"], {"mechanisms": ["Kerberos U2U"]}, "Kerberos"),
    ],
)
def test_a_mechanism_that_was_not_shown(wanted: list[str], fields: dict[str, Any], left: str) -> None:
    assert told(MECHANISMS, wanted, answering(**fields)) == ("unknown", f"whether {left} is usable was not shown")


@pytest.mark.parametrize(
    ("skew", "state", "message"),
    [
        (300.0, "passed", "the clock is 300.0 s ahead; at most 300 s are allowed"),
        (300.1, "failed", "the clock is 300.1 s ahead; at most 300 s are allowed"),
        (-300.0, "passed", "the clock is 300.0 s behind; at most 300 s are allowed"),
        (-300.1, "failed", "the clock is 300.1 s behind; at most 300 s are allowed"),
        (-0.5, "passed", "the clock is 0.5 s behind; at most 300 s are allowed"),
        (0.0, "passed", "the clock is 0.0 s ahead; at most 300 s are allowed"),
    ],
)
def test_clock(skew: float, state: str, message: str) -> None:
    found = check(SKEW, 300, answering(ntlm=Ntlm(clock_skew_s=skew, timestamp="2026-11-21T02:00:00Z")))
    assert (found.state, found.message, found.observed) == (state, message, f"{skew:.1f} s")
    if state == "failed":
        assert (found.diagnosis, found.evidence) == ("CLOCK_SKEW", ("the NTLM challenge says 2026-11-21T02:00:00Z",))


def test_a_clock_without_a_date() -> None:
    found = check(SKEW, 0.5, answering(ntlm=Ntlm(clock_skew_s=1e12)))
    assert found.evidence == ("the NTLM challenge says ?",)
    assert found.message.endswith("at most 0.5 s are allowed")


@pytest.mark.parametrize("described", [WITHOUT_NLA, rdp(), answering(), answering(ntlm=Ntlm())])
def test_a_clock_that_nothing_tells(described: Result) -> None:
    assert told(SKEW, 300, described) == ("unknown", "no NTLM challenge tells the server's clock")


@pytest.mark.parametrize(
    ("key", "value"), [(VERSION, 1), (VERSION, "5"), (MECHANISMS, []), (MECHANISMS, ["Basic"]), (SKEW, -0.1)]
)
def test_values_that_are_none(key: str, value: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, KINDS[key].value)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (VERSION, 2, "CredSSP version 2 or newer"),
        (MECHANISMS, ["NTLM", "Kerberos"], "NTLM, Kerberos"),
        (SKEW, 0, "a clock that is off by 0 s at most"),
        (SKEW, 0.5, "a clock that is off by 0.5 s at most"),
    ],
)
def test_words_and_needs(key: str, value: Any, words: str) -> None:
    assert KINDS[key].words(msgspec.convert(value, KINDS[key].value)) == words
    needs = KINDS[key].needs(value)
    assert (needs.credssp, needs.protocols, needs.standard) == (True, frozenset({"HYBRID", "HYBRID_EX"}), False)


def test_a_verdict_of_no_words() -> None:
    assert told(VERSION, 5, rdp(HYBRID=Verdict(state="unknown"))) == (
        "unknown",
        "HYBRID was not settled: no usable answer",
    )
