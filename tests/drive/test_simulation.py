"""--simulate on real sockets: every known client against embedded servers."""

from __future__ import annotations

import pytest
import trio

from probe.audit.settings import Settings
from probe.clients import CLIENTS
from probe.diagnosis.simulated import measured
from probe.drive.demo import serving
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.result import Result, Target
from tests.drive.peers import BRIEF, PATIENCE_S, audited

KINDS = ("windows-nla", "windows-no-nla", "xrdp-like", "xp-like", "tls10-only", "xrdp-missing-key")
ALL = Settings(simulate=tuple(CLIENTS))
# Protocol and version of those whose hellos tell the servers apart.
CONNECTING: dict[str, dict[str, tuple[str, str | None]]] = {
    "windows-nla": {
        "mstsc-win11": ("HYBRID_EX", "TLSv1.3"),
        "mstsc-win10": ("HYBRID_EX", "TLSv1.2"),
        "freerdp2": ("HYBRID", "TLSv1.3"),
    },
    "windows-no-nla": {
        "mstsc-xp": ("RDP", None),
        "mstsc-win7": ("HYBRID", "TLSv1.0"),
        "mstsc-win11": ("HYBRID_EX", "TLSv1.2"),
        "rdesktop": ("SSL", "TLSv1.2"),
    },
    "xrdp-like": {
        "mstsc-xp": ("RDP", None),
        "mstsc-win11": ("SSL", "TLSv1.3"),
        "freerdp2": ("SSL", "TLSv1.3"),
        "rdesktop": ("SSL", "TLSv1.3"),
        "ironrdp": ("SSL", "TLSv1.3"),
    },
    "xp-like": {"mstsc-xp": ("RDP", None), "mstsc-xp-sp3": ("RDP", None), "rdesktop": ("RDP", None)},
    "tls10-only": {"mstsc-win7": ("SSL", "TLSv1.0"), "rdesktop": ("SSL", "TLSv1.0")},
    "xrdp-missing-key": {},
}
FAILING: dict[str, dict[str, str]] = {
    "windows-nla": {"mstsc-win7": "tls", "mstsc-xp": "encryption", "mstsc-xp-sp3": "negotiation"},
    "windows-no-nla": {},
    "xrdp-like": {},
    "xp-like": {"ironrdp": "encryption"},
    "tls10-only": {"freerdp3": "tls", "freerdp2": "tls", "ironrdp": "tls"},
    "xrdp-missing-key": {"mstsc-win11": "negotiation", "freerdp2": "negotiation"},
}


def simulated(kind: str, settings: Settings) -> Result:
    async def main() -> Result:
        with trio.fail_after(PATIENCE_S):
            async with serving([kind]) as [server]:
                target = Target(input=server.address, host=server.address, port=server.port, address=server.address)
                return await audit(target, settings, Limits())

    return trio.run(main)


@pytest.mark.parametrize("kind", KINDS)
def test_every_client_can_be_simulated_and_the_answers_are_its_own(kind: str) -> None:
    result = simulated(kind, ALL)
    assert [each.client for each in result.simulated] == list(CLIENTS)
    assert all(each.complete and len(each.requests) <= 4 for each in result.simulated)
    clients = {each.client: client for each, client in zip(result.simulated, measured(result), strict=True)}
    for key, expected in CONNECTING[kind].items():
        assert clients[key].connects, (key, clients[key].because)
        assert (clients[key].protocol, clients[key].version) == expected, key
    for key, stage in FAILING[kind].items():
        assert (clients[key].connects, clients[key].fails_at) == (False, stage), (key, clients[key].because)


def test_only_what_the_client_asks_is_asked() -> None:
    result = simulated("windows-nla", Settings(simulate=("mstsc-win11",)))
    assert result.connections == 2
    assert result.negotiation is not None
    assert [each.requested for each in result.negotiation.attempts] == [["SSL", "HYBRID", "HYBRID_EX"]] * 2
    assert result.spent == {"simulation": 2}
    assert all(attempt.asked.startswith("as mstsc-win11: ") for attempt in result.attempts)


def test_silence_is_unknown_and_asked_twice() -> None:
    async def silent(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    result = audited(silent, BRIEF, Settings(simulate=("freerdp2",)))
    assert result.connections == 2
    [client] = measured(result)
    assert (client.connects, client.because) == (None, "SSL+HYBRID: no answer")


def test_a_server_that_hangs_up_is_measured_too() -> None:
    async def nothing(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)

    [client] = measured(audited(nothing, BRIEF, Settings(simulate=("ironrdp",))))
    assert (client.connects, client.fails_at, client.diagnosis) == (False, "negotiation", "X224_CLOSED")
