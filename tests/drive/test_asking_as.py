"""An audit with a second pass: a server that is asked as certain clients beside what was asked of it before."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio

from probe.audit.settings import Settings
from probe.clients import CLIENTS
from probe.diagnosis.judged import judge
from probe.diagnosis.simulated import measured
from probe.drive.asking_as import merge, simulate_too
from probe.drive.demo import serving
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.needs import Needs
from probe.result import CertificateChain, Result, Target, from_json, to_json
from tests.drive.peers import PATIENCE_S

NARROW = Settings().needing(Needs(protocols=frozenset({"SSL"}), certificates=True))
NAMES = {key: profile.name for key, profile in CLIENTS.items()}


def seen(kind: str, settings: Settings, clients: list[str]) -> tuple[Result, Result]:
    """The result of one audit before and after the second pass, both judged."""

    async def main() -> tuple[Result, Result]:
        with trio.fail_after(PATIENCE_S):
            async with serving([kind]) as [server]:
                target = Target(input=server.address, host=server.address, port=server.port, address=server.address)
                result = await audit(target, settings, Limits())
                before = from_json(to_json(result))
                await simulate_too(result, target, clients, settings, Limits())
                return before, result

    before, after = trio.run(main)
    judge(before)
    judge(after)
    return before, after


def test_clients_that_were_measured_stand_among_those_that_follow_from_the_facts() -> None:
    before, after = seen("windows-nla", NARROW, ["mstsc-win11", "freerdp2", "mstsc-win11"])
    assert [each.client for each in after.clients] == [each.client for each in before.clients] == list(NAMES.values())
    assert {each.client for each in after.clients if each.measured} == {NAMES["mstsc-win11"], NAMES["freerdp2"]}
    own = {each.client: each for each in measured(after)}
    for client in after.clients:
        assert not client.measured or client == own[client.client]
    told = {each.client: each.connects for each in before.clients}
    assert told[NAMES["mstsc-win11"]] is None
    assert {each.connects for each in after.clients if each.measured} == {True}
    assert not after.is_simulation


def test_what_both_passes_cost_is_added_up() -> None:
    before, after = seen("windows-nla", NARROW, ["mstsc-win11"])
    assert after.asked == ["negotiation.protocols.SSL", "certificates", "simulated"]
    assert after.connections == len(after.attempts) == sum(after.spent.values()) > before.connections
    assert after.bytes_sent == sum(each.bytes_sent for each in after.attempts) > before.bytes_sent
    assert after.bytes_received == sum(each.bytes_received for each in after.attempts)
    assert [each.number for each in after.attempts] == list(range(1, after.connections + 1))
    assert after.attempts[-1].started_ms >= before.elapsed_ms
    assert after.elapsed_ms > before.elapsed_ms
    assert len(after.certificates) == 1  # the same to both
    assert after.negotiation is not None
    assert len(after.negotiation.attempts) == after.connections
    again = from_json(to_json(after))
    judge(again)
    assert again.clients == after.clients


def test_facts_of_the_first_pass_stay() -> None:
    before, after = seen("xrdp-like", Settings(), ["freerdp2"])
    assert (after.tls, after.standard_rdp, after.credssp) == (before.tls, before.standard_rdp, before.credssp)
    assert after.asked == ["standard", "simulated"]
    assert before.asked is None


@pytest.mark.parametrize(("kind", "clients"), [("http", ["freerdp2"]), ("xrdp-like", [])], ids=["not RDP", "no client"])
def test_nothing_is_asked_without_need(kind: str, clients: list[str]) -> None:
    before, after = seen(kind, NARROW, clients)
    assert (after.connections, after.asked, after.simulated) == (before.connections, before.asked, [])


def test_the_most_connections_are_for_both_passes() -> None:
    before, after = seen("windows-nla", replace(NARROW, max_connections=2), ["freerdp2"])
    assert before.connections == after.connections == 2
    assert after.limited is not None
    assert "as freerdp2" in after.limited
    before, after = seen("windows-nla", replace(NARROW, max_connections=4), ["freerdp2", "mstsc-win11"])
    assert (before.connections, after.connections) == (2, 4)
    assert [each.complete for each in after.simulated] == [True, False]
    assert after.limited is not None


def test_simulated_clients_alone_are_shown_alone() -> None:
    _, after = seen("windows-nla", Settings(simulate=("freerdp2",)), [])
    assert after.is_simulation
    assert [each.client for each in after.clients] == [NAMES["freerdp2"]]


def test_a_certificate_that_only_a_client_is_shown_is_added() -> None:
    _, first = seen("windows-nla", NARROW, [])
    _, second = seen("xrdp-like", Settings(simulate=("freerdp2",)), [])
    [other] = second.certificates
    merge(first, second)
    assert [chain.chain[0].sha256 for chain in first.certificates] == [
        first.certificates[0].chain[0].sha256,
        other.chain[0].sha256,
    ]
    merge(first, replace_certificates(second, CertificateChain(chain=other.chain, served_to=["TLSv1.0"])))
    assert first.certificates[1].served_to == ["TLSv1.0", "TLSv1.3"]
    assert [each.client for each in first.simulated] == ["freerdp2"]


def replace_certificates(result: Result, chain: CertificateChain) -> Result:
    changed = from_json(to_json(result))
    changed.certificates, changed.negotiation = [chain], None
    return changed
