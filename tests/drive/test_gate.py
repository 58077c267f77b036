"""What passes a gate, and when a server is left alone for a moment."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio

from probe.audit.settings import Settings
from probe.drive import live
from probe.drive.demo_server import Secured
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.result import Result
from tests.drive.peers import HYBRID, PATIENCE_S, SSL, Peer, asked, fails, inside_tls, reset, selects, serving

ENDLESS_S = PATIENCE_S * 100  # who backs off for so long is never done


class Turnstile:
    """A gate that lets one in at a time and counts."""

    def __init__(self) -> None:
        self.inside = self.most_inside = self.entered = self.waited = 0
        self._left = trio.Event()

    def try_enter(self, address: str) -> bool:
        assert address == "127.0.0.1"
        if self.inside:
            return False
        self._let_in()
        return True

    async def enter(self, address: str) -> None:
        self.waited += 1
        while self.inside:
            await self._left.wait()
        self._let_in()

    def leave(self, address: str) -> None:
        self.inside -= 1
        self._left.set()
        self._left = trio.Event()

    def _let_in(self) -> None:
        self.inside += 1
        self.entered += 1
        self.most_inside = max(self.inside, self.most_inside)


def audited(peer: Peer, gate: Turnstile | None = None, limits: Limits = Limits()) -> Result:  # noqa: B008  it is frozen
    async def main() -> Result:
        with trio.fail_after(PATIENCE_S):
            async with serving(peer) as target:
                return await audit(target, Settings(), limits, gate)

    return trio.run(main)


def served(then: Callable[[int], Peer | None]) -> Peer:
    """TLS and nothing behind it, but another peer where `then` gives one for the number of a connection."""

    async def usual(stream: trio.SocketStream) -> None:
        protocols = await asked(stream)
        if protocols is not None and protocols & SSL:
            await stream.send_all(selects(SSL))
            await inside_tls(silence)(stream)
        elif protocols is not None:
            await stream.send_all(fails(1))

    number = 0

    async def peer(stream: trio.SocketStream) -> None:
        nonlocal number
        number += 1
        await (then(number) or usual)(stream)

    return peer


async def silence(_secured: Secured) -> None:
    return


def test_every_connection_enters_and_leaves_once() -> None:
    gate = Turnstile()
    found = audited(served(lambda _: None), gate)
    assert found.status == "rdp"
    assert gate.entered == found.connections > 5
    assert gate.inside == 0
    assert gate.most_inside == 1
    assert gate.waited > 0


def test_the_connection_to_a_gateway_is_one_of_them() -> None:
    gate = Turnstile()

    async def main() -> Result:
        with trio.fail_after(PATIENCE_S):
            async with serving(served(lambda _: None)) as target:
                at = (target.host, target.port)
                settings = Settings(depth="discover", gateway=True, gateway_at=at)
                return await audit(target, settings, Limits(), gate)

    found = trio.run(main)
    assert found.gateway is not None
    assert gate.entered == found.connections + 1
    assert gate.inside == 0
    assert gate.most_inside == 1


def test_a_server_that_seems_gone_is_left_alone_before_the_repeat_that_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_BACK_OFF_S", 0.3)
    found = audited(served(lambda number: reset if number > 1 else None))
    assert found.lost is not None
    before, again = found.attempts[-2:]
    assert again.repeat
    assert again.started_ms - (before.started_ms + before.elapsed_ms) >= 299


def test_what_a_healthy_server_does_not_like_is_repeated_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_BACK_OFF_S", ENDLESS_S)

    async def resets_hybrid(stream: trio.SocketStream) -> None:
        protocols = await asked(stream)
        if protocols == HYBRID:
            await reset(stream)
        elif protocols is not None and protocols & SSL:
            await stream.send_all(selects(SSL))
            await inside_tls(silence)(stream)
        elif protocols is not None:
            await stream.send_all(fails(1))

    found = audited(resets_hybrid, limits=Limits(step_s=ENDLESS_S, deadline_s=ENDLESS_S))
    assert found.status == "rdp"
    assert any(attempt.repeat for attempt in found.attempts)
    assert found.lost is None
