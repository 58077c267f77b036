"""The farm that a scan is measured against: its hosts are seen as what they are said to be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trio

from benchmarks.farm import Farm, farm, parse_mix
from benchmarks.farm_hosts import BEHAVIORS
from probe.audit.settings import Settings
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.result import Result, Target

PATIENCE_S = 60.0
NEVER_ANSWER = ("tarpit", "drip", "dead")  # nothing is gained by waiting for these


@pytest.fixture(scope="module")
def found() -> Iterator[Farm]:
    with farm(",".join(BEHAVIORS), processes=2) as found:
        yield found


def audited(address: str, port: int, limits: Limits) -> Result:
    async def main() -> Result:
        with trio.fail_after(PATIENCE_S):
            target = Target(input=address, host=address, port=port, address=address)
            return await audit(target, Settings(depth="discover"), limits)

    return trio.run(main)


def host(found: Farm, behavior: str) -> Result:
    address = next(found.address(n) for n in range(1, 300) if found.behavior(found.address(n)) == behavior)
    return audited(address, found.port, Limits(step_s=0.2) if behavior in NEVER_ANSWER else Limits())


@pytest.mark.parametrize(
    ("behavior", "status"),
    [
        ("windows", "rdp"),
        ("windows-ec", "rdp"),
        ("no-tls", "rdp"),
        ("tarpit", "silent"),
        ("reset", "closed"),
        ("garbage", "not_rdp"),
        ("drip", "silent"),
        ("dead", "filtered"),
    ],
)
def test_each_behavior_is_seen_as_what_it_is(found: Farm, behavior: str, status: str) -> None:
    assert host(found, behavior).status == status


def test_a_windows_host_says_the_same_name_everywhere(found: Farm) -> None:
    results = [host(found, behavior) for behavior in ("windows", "windows-ec")]
    for result in results:
        assert result.connections == 1
        assert result.credssp is not None
        assert result.credssp.ntlm is not None
        assert result.credssp.ntlm.dns_computer is not None
        [chain] = result.certificates
        assert result.credssp.ntlm.dns_computer in (chain.chain[0].subject or "")
    assert results[0].certificates[0].chain[0].sha256 != results[1].certificates[0].chain[0].sha256


def test_nothing_listens_at_the_closed_port(found: Farm) -> None:
    assert audited(found.address(7), found.closed_port, Limits()).status == "refused"


def test_a_mix_says_what_each_number_is() -> None:
    assert parse_mix("windows=2,dead") == ("windows", "windows", "dead")
    with pytest.raises(ValueError, match="one of windows"):
        parse_mix("toaster")
