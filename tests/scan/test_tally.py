from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.diagnosis.catalogue import CATALOGUE
from probe.diagnosis.judged import judge
from probe.result import Client, Result, Simulation, to_json
from probe.scan import tally as tally_module
from probe.scan.outcome import describe_failure
from probe.scan.tally import SHARED, TAGS, Shared, Tally, facts_of, read_brief
from probe.scan.work import Facts, Finished
from tests.golden import results as golden


def judged(make: Callable[[], Result]) -> Result:
    result = make()
    judge(result)
    return result


KEPT = ("schema", "target", "started", "elapsed_ms", "depth", "connections", "status")  # in a receipt

TAGGED: list[tuple[Callable[[], Result], set[str]]] = [
    (golden.windows_nla, {"rdp", "nla_required", "cert_expires_soon", "cert_self_signed"}),
    (golden.xrdp, {"rdp", "nla_missing", "standard_rdp", "cert_expires_soon", "cert_self_signed"}),
    (golden.tls_aborted, {"rdp", "nla_missing", "blocker"}),
    (golden.xp_like, {"rdp", "nla_missing", "standard_rdp", "blocker", "breaks_some", "lost"}),
    (golden.ssh, {"not_rdp"}),
    (golden.refused, {"refused"}),
    (golden.unresolved, {"dns_error"}),
    (golden.silent, {"silent"}),
]


@pytest.mark.parametrize(("make", "tags"), TAGGED, ids=lambda each: getattr(each, "__name__", ""))
def test_the_tags_of_a_result_follow_from_it(make: Callable[[], Result], tags: set[str]) -> None:
    result = judged(make)
    found = facts_of(result)
    assert set(found.tags) == tags
    assert found.tags[0] == result.status
    assert len(set(found.tags)) == len(found.tags)
    assert found.connections == result.connections


@pytest.mark.parametrize(("make", "tags"), TAGGED, ids=lambda each: getattr(each, "__name__", ""))
def test_a_line_in_brief_has_the_same_tags(make: Callable[[], Result], tags: set[str]) -> None:
    result = judged(make)
    assert facts_of(read_brief(to_json(result))) == facts_of(result)


def test_a_certificate_comes_with_where_it_was_seen() -> None:
    result = judged(golden.windows_nla)
    assert (facts_of(result).certificate, facts_of(result).host) == ("ab" * 32, "192.0.2.7")
    result.certificates[0].chain.clear()  # what was served could not be read at all
    assert (facts_of(result).certificate, facts_of(result).host) == (None, None)


def simulated(connects: bool | None) -> Result:
    result = judged(golden.windows_nla)
    result.simulated = [Simulation(client="freerdp-3"), Simulation(client="mstsc-win11")]
    result.clients = [Client(client="FreeRDP 3", connects=True), Client(client="Windows 11 (mstsc)", connects=connects)]
    return result


@pytest.mark.parametrize(("connects", "tag"), [(True, "connects"), (False, "fails"), (None, "unknown")])
def test_what_came_of_each_simulated_client_is_counted(connects: bool | None, tag: str) -> None:
    result = simulated(connects)
    found = facts_of(result)
    assert {"client_connects:freerdp-3", f"client_{tag}:mstsc-win11"} <= set(found.tags)
    assert facts_of(read_brief(to_json(result))) == found
    tally = Tally()
    tally.add(found)
    assert tally.count(f"client_{tag}:mstsc-win11") == 1
    assert tally.count("client_fails:nobody") == 0
    assert f"client_{tag}:mstsc-win11" in tally.seen()


def test_a_receipt_counts_by_its_status_alone() -> None:
    receipt = {name: value for name, value in json.loads(to_json(judged(golden.xrdp))).items() if name in KEPT}
    assert facts_of(read_brief(json.dumps(receipt).encode())).tags == ("rdp",)


def test_another_service_that_confirms_as_rdp_does_is_unusual() -> None:
    result = judged(golden.ssh)
    result.service = "iso-tsap"
    assert facts_of(result).tags == ("not_rdp", "unusual")


def test_a_fault_of_ours_is_no_silent_server() -> None:
    """Neither when it is counted nor when it is read again."""
    target = golden.result().target
    failed = describe_failure(0, target, "standard", "KeyError")
    assert failed.facts == (Facts(("internal_error",)),)
    assert facts_of(read_brief(failed.lines)).tags == ("internal_error",)


def test_codes_that_have_a_tag_are_in_the_catalogue_and_tags_in_the_table() -> None:
    assert set(tally_module._OF_CODE) <= set(CATALOGUE)
    made = {*tally_module._OF_CODE.values(), *tally_module._OF_NLA.values(), *tally_module._OF_SEVERITY.values()}
    assert made < set(TAGS)


def test_a_tally_adds_up_targets_results_and_connections() -> None:
    tally = Tally()
    two = (Facts(("rdp", "nla_missing"), None, 9), Facts(("refused",), None, 1))
    tally.saw([Finished(0, b"", two), Finished(1, b"", (Facts(("of a later release",), None, 2),))])
    assert (tally.targets, tally.results, tally.connections) == (2, 3, 12)
    assert (tally.count("rdp"), tally.count("nla_missing"), tally.count("silent")) == (1, 1, 0)


def test_lines_of_an_earlier_run_count_as_if_they_were_seen_now() -> None:
    for result in [judged(golden.windows_nla), judged(golden.refused), judged(golden.silent)]:
        assert facts_of(read_brief(to_json(result))) == facts_of(result)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("123")), max_size=20))
def test_shared_are_certificates_that_several_addresses_serve(seen: list[tuple[str, str]]) -> None:
    shared = Shared()
    for certificate, host in seen:
        shared.add(certificate, host)
    several = {name for name, _host in seen if len({host for each, host in seen if each == name}) > 1}
    assert shared.certificates == len(several)
    assert shared.results == sum(name in several for name, _host in seen)
    assert {name for name in "abcd" if shared.has(name)} == several
    assert not shared.is_full


def test_the_memory_for_certificates_is_bounded_and_then_it_is_at_least_so_many() -> None:
    tally = Tally()
    tally.shared = Shared(most=10)
    for number in range(1000):
        for host in ("192.0.2.1", "192.0.2.2"):
            tally.add(Facts(("rdp",), str(number), 1, host))
    assert tally.count(SHARED) == 20
    assert tally.is_least(SHARED)
    assert not tally.is_least("rdp")
    assert len(tally.shared._once) + len(tally.shared._shared) + len(tally.shared._again) == 10


def test_several_ports_of_one_address_share_nothing() -> None:
    tally = Tally()
    for _port in range(3):
        tally.add(Facts(("rdp",), "aa", 1, "192.0.2.1"))
    assert tally.count(SHARED) == 0
    tally.add(Facts(("rdp",), "aa", 1, "192.0.2.2"))
    assert tally.count(SHARED) == 4
