"""No result of one server ends the judging of others, and what was not asked for is no proof."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from probe.errors import InputError
from probe.result import Result, TlsHandshake
from probe.verify.kinds import kind_of
from probe.verify.policy_file import parse_policy
from probe.verify.rule import Finding, Kind
from probe.verify.rules_fact import _natural
from probe.verify.verdict import verify
from tests.verify.rules import ACCEPTED, REFUSED, chain, leaf, rdp, serving, told
from tests.verify.tls_servers import NOT_ASKED, registered, tls_of

TODAY = dt.date(2026, 11, 21)


def test_a_fault_in_one_rule_leaves_it_open_and_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(_value: object, _result: Result) -> Finding:
        raise OverflowError("date value out of range\x1b[2J")

    def kind(key: str) -> Kind:
        found = kind_of(key)
        return replace(found, check=faulty) if key == "certificate.max_days_valid" else found

    monkeypatch.setattr("probe.verify.verdict.kind_of", kind)
    policy = parse_policy('name = "x"\n[certificate]\nmax_days_valid = 3\n[tls]\nmin_version = "TLSv1.2"\n')
    found = verify([policy], tls_of("rrrraa"), today=TODAY)
    assert {each.rule: each.state for each in found.rules} == {
        "certificate.max_days_valid": "unknown",
        "tls.min_version": "passed",
    }
    assert found.verdict == "unknown"
    assert "date value out of range\\x1b[2J" in found.rules[0].message


@pytest.mark.parametrize(("smaller", "larger"), [("9" * 4999, "9" * 5000), ("x007", "x8"), ("10.0.9", "10.0.20348")])
def test_text_with_any_number_of_digits_is_ordered_by_them(smaller: str, larger: str) -> None:
    assert _natural(smaller) < _natural(larger)
    assert _natural("007") == _natural("7")


@pytest.mark.parametrize("key", ["max_days_valid", "min_days_left"])
def test_days_have_a_limit(key: str) -> None:
    with pytest.raises(InputError, match="line 3"):
        parse_policy(f'name = "x"\n[certificate]\n{key} = 1000000000\n')


@pytest.mark.parametrize("key", ["tls.forbidden_versions", "certificate.self_signed"])
def test_a_road_to_tls_that_nobody_tried_proves_nothing(key: str) -> None:
    described = rdp(RDP=ACCEPTED, SSL=REFUSED, HYBRID=REFUSED)
    value = ["TLSv1.0"] if key.startswith("tls") else False
    assert told(key, value, described)[0] == "passed"
    assert described.negotiation is not None
    described.negotiation.direct_tls = NOT_ASKED
    assert told(key, value, described)[0] == "unknown"


def test_a_certificate_that_ssl_3_alone_serves_counts() -> None:
    described = serving(chain(leaf("bb", self_signed=True), served_to=("SSLv3",)), versions={"SSLv3": ACCEPTED})
    assert told("certificate.self_signed", False, described)[0] == "failed"
    described.certificates = []
    assert told("certificate.self_signed", False, described)[0] == "unknown"


@pytest.mark.parametrize("way", ["at_least", "at_most"])
def test_text_is_ordered_only_beside_text_that_begins_alike(way: str) -> None:
    policy = parse_policy(f'name = "x"\n[[fact]]\npath = "tls.handshake.version"\n{way} = "1.2"\n')
    described = tls_of(
        "rrrraa", handshake=TlsHandshake(version="TLSv1.0", cipher_suite=registered("TLS_AES_128_CCM_SHA256"))
    )
    described.depth = "full"
    assert [each.state for each in verify([policy], described, today=TODAY).rules] == ["failed"]
