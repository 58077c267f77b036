from __future__ import annotations

import pytest

from probe.diagnosis.catalogue_certificate import SEVERAL_SERVERS, TWO_KEYS
from tests.diagnosis.results import certificate, codes, served, the


@pytest.mark.parametrize(
    ("since", "until", "code", "days"),
    [
        ("2026-01-01T00:00:00Z", "2026-11-20T01:00:00Z", "CERT_EXPIRED", 1),
        ("2026-01-01T00:00:00Z", "2026-11-21T02:00:00Z", "CERT_EXPIRED", 0),
        ("2026-01-01T00:00:00Z", "2026-11-21T02:00:01Z", "CERT_EXPIRES_SOON", 0),
        ("2026-01-01T00:00:00Z", "2026-12-21T02:00:00Z", "CERT_EXPIRES_SOON", 29),
        ("2026-01-01T00:00:00Z", "2026-12-01T00:00:00", "CERT_EXPIRES_SOON", 9),
        ("2026-11-23T03:00:00Z", "2027-12-01T00:00:00Z", "CERT_NOT_YET_VALID", 2),
    ],
)
def test_times_of_a_certificate(since: str, until: str, code: str, days: int) -> None:
    described = served(certificate(since=since, until=until))
    assert codes(described) == [code]
    date = since if code == "CERT_NOT_YET_VALID" else until
    assert f"{date[:10]} (whole days" in the(code, described).summary
    assert f": {days})." in the(code, described).summary


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2026-11-21T02:00:00Z", "2026-12-21T02:00:01Z"),
        (None, None),
        ("long ago", "some day"),
    ],
)
def test_a_certificate_in_its_time_or_without_one(since: str | None, until: str | None) -> None:
    assert codes(served(certificate(since=since, until=until))) == []


def test_of_several_expired_ones_the_first_is_in_the_summary() -> None:
    described = served(certificate("aa", until="2026-10-01T00:00:00Z"), certificate("bb", until="2026-09-01T00:00:00Z"))
    assert "2026-10-01" in the("CERT_EXPIRED", described).summary
    assert len(the("CERT_EXPIRED", described).evidence) == 2


def test_a_result_whose_start_cannot_be_read_has_no_times() -> None:
    described = served(certificate(since="2027-01-01T00:00:00Z", until="2026-01-01T00:00:00Z"))
    described.started = "yesterday"
    assert codes(described) == []


@pytest.mark.parametrize("self_signed", [True, False, None])
def test_its_own_issuer(*, self_signed: bool | None) -> None:
    assert (codes(served(certificate(self_signed=self_signed))) == ["CERT_SELF_SIGNED"]) is (self_signed is True)


def test_a_certificate_without_a_name_is_told_by_its_hash() -> None:
    described = served(certificate(subject=None, self_signed=True), served_to=())
    assert the("CERT_SELF_SIGNED", described).evidence == ["SHA-256 aa is its own issuer"]


@pytest.mark.parametrize("name_match", [True, None])
def test_only_a_name_that_was_compared_can_differ(*, name_match: bool | None) -> None:
    assert codes(served(certificate(), name_match=name_match)) == []


def test_a_name_that_differs() -> None:
    described = served(certificate(names=("a.example", "b.example")), name_match=False)
    assert the("CERT_NAME_MISMATCH", described).summary.endswith("srv1.example.")
    assert the("CERT_NAME_MISMATCH", described).evidence == [
        "CN=srv1 (served to TLSv1.2) holds these names: a.example, b.example"
    ]
    described.target.server_name = "other.example"
    assert the("CERT_NAME_MISMATCH", described).summary.endswith("other.example.")
    unnamed = served(certificate(), name_match=False)
    assert the("CERT_NAME_MISMATCH", unnamed).evidence[0].endswith("holds these names: none")


def test_a_certificate_that_cannot_be_read_wherever_it_stands() -> None:
    described = served(certificate())
    described.certificates[0].chain.append(certificate("bb", error="bad DER"))
    assert codes(described) == ["CERT_MALFORMED"]
    assert the("CERT_MALFORMED", described).evidence == ["certificate 2 of 2, SHA-256 bb: bad DER"]
    described.certificates[0].chain.clear()
    assert codes(described) == []


def test_certificates_that_differ() -> None:
    several = served(certificate("aa"), certificate("bb"))
    assert codes(several) == ["CERT_VARIES"]
    assert the("CERT_VARIES", several).causes[0] == SEVERAL_SERVERS
    by_key = served(certificate("aa"), certificate("bb", key="EC"), certificate("cc", key=None))
    assert the("CERT_VARIES", by_key).causes[0] == TWO_KEYS
    assert len(the("CERT_VARIES", by_key).evidence) == 3
    assert codes(served(certificate("aa"), certificate("aa"))) == []
