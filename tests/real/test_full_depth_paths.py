"""Depth full over ways on which hellos are lost, and of servers that stop to answer: what is said of them, and no more.

Behind each stands a real OpenSSL with TLS 1.0 to 1.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest

from probe.audit.offers import all_suites
from probe.diagnosis import diagnose
from probe.result import Result, Verdict
from probe.wire.tls_version import TLS12
from tests.real import peers
from tests.real.front import Front, X224Front
from tests.real.full_depth import ENOUGH, Path, full, offers_tls13
from tests.real.tls_backends import OpensslServer

By = Literal["silence", "close", "reset"]
BACKEND = OpensslServer()
SERVED = BACKEND.expected_suites
ENDINGS: dict[By, str] = {"silence": "timed_out", "close": "closed", "reset": "reset"}
OF_TODAY = 600  # bytes of a hello that are too many for some boxes: ours of TLS 1.2 have 960, a library's may have 1500


@pytest.fixture(scope="module")
def server() -> Iterator[Front]:
    with X224Front(BACKEND) as front:
        yield front


def said_of_intolerance(result: Result) -> list[str]:
    """The evidence of TLS_INTOLERANT, which has to be the section's own."""
    assert result.tls is not None
    found = [line for each in diagnose(result) if each.code == "TLS_INTOLERANT" for line in each.evidence]
    assert found == [f"{dropped.hello}: {dropped.ending}" for dropped in result.tls.intolerance]
    return found


def states(result: Result) -> dict[str, str]:
    assert result.tls is not None
    return {name: verdict.state for name, verdict in result.tls.versions.items()}


def accepted(result: Result) -> set[str]:
    return {name for name, state in states(result).items() if state == "accepted"}


def test_a_way_that_loses_nothing_changes_nothing(server: Front) -> None:
    path = Path()
    result = full(server, ENOUGH, path=path)
    assert result.connections == path.accepted
    assert peers.differences(peers.read_result(result), peers.read_result(full(server, ENOUGH))) == []
    assert said_of_intolerance(result) == []


@pytest.mark.parametrize("by", ENDINGS)
def test_large_hellos_are_lost(by: By, server: Front) -> None:
    result = full(server, ENOUGH, path=Path(drops=lambda hello: len(hello) > OF_TODAY, by=by))
    assert accepted(result) == set(SERVED)
    assert peers.read_result(result).suites == SERVED
    assert said_of_intolerance(result) == [
        f"TLSv1.3 offered, in a large hello: {ENDINGS[by]}",
        f"{len(all_suites(TLS12))} cipher suites offered: {ENDINGS[by]}",
        f"large hello: {ENDINGS[by]}",
    ]


def test_hellos_that_offer_tls_1_3_are_lost(server: Front) -> None:
    result = full(server, ENOUGH, path=Path(drops=offers_tls13, by="reset"))
    assert result.tls is not None
    assert result.tls.versions["TLSv1.3"] == Verdict(state="rejected", reason="reset", ending="reset")
    assert accepted(result) == {"TLSv1.2", "TLSv1.1", "TLSv1.0"}
    assert peers.read_result(result).suites == {name: SERVED[name] for name in accepted(result)}
    assert "TLSv1.3 offered: reset" in said_of_intolerance(result)
    assert "large hello: reset" not in said_of_intolerance(result)


def test_the_hello_of_a_library_alone_is_lost_and_that_is_found_with_60_connections_too(server: Front) -> None:
    """Only its key share of ML-KEM makes a hello so large: it is that of everyone who connects today."""
    result = full(server, path=Path(drops=lambda hello: len(hello) > 1200))
    assert result.connections == 60
    assert peers.read_result(result).suites == SERVED
    assert said_of_intolerance(result) == ["TLSv1.3 offered, in a large hello: timed_out", "large hello: timed_out"]


@pytest.mark.parametrize("after", ["refused", "silent"])
def test_a_server_that_serves_no_more_is_left_alone(after: Literal["refused", "silent"], server: Front) -> None:
    path = Path(most=15, after=after)
    result = full(server, path=path)
    assert result.lost is not None
    assert result.lost.startswith("SSL, then a TLSv1.")
    assert "SERVER_LOST" in {each.code for each in diagnose(result)}
    # Two were under way when it began, and the first was repeated: nothing else was tried.
    assert 15 < result.connections <= 15 + 3
    assert path.accepted == (15 if after == "refused" else result.connections)
    assert result.tls is not None
    assert result.tls.features is not None
    assert result.tls.features.resumption is None
    found = peers.read_result(result)
    for version, suites in SERVED.items():
        assert found.suites[version] <= suites
        assert any(
            said.startswith(f"{version}: ") and "cipher suites were neither" in said for said in result.tls.unsettled
        )
    assert {"rejected"} == {state for name, state in states(result).items() if name in ("SSLv3", "SSLv2")}
