"""Verifying servers: several at once, in their order, and again until they pass. For the command and for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import trio  # noqa: TID253  this module is itself imported only where servers are asked

from probe.audit.settings import Settings
from probe.cli.demands import Demands
from probe.clients import CLIENTS
from probe.diagnosis.judged import judge
from probe.drive.asking_as import simulate_too
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.drive.many import AT_ONCE, in_order, room
from probe.drive.resolve import Unresolved, resolve, unresolved_result
from probe.drive.tap import Tap
from probe.errors import InputError
from probe.needs import Needs
from probe.result import Result, Target
from probe.result.verification import Verification

_FIRST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 15.0
_GROWTH = 1.5
_WAITING = 4096  # targets that are asked again now and then; while they wait, others are asked


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Verified:
    """One address of a target: what was seen, and what that means."""

    number: int  # of its target, from 1
    result: Result
    verification: Verification
    alone: bool = False  # it is the only address of its name

    @property
    def passed(self) -> bool:
        """Nothing that is demanded fails or is open."""
        return self.verification.verdict == "passed"


def _nobody(_words: Verified, _seconds: float) -> None:
    """Whoever does not want to know."""


@dataclass(kw_only=True)
class Verifier:
    """What is the same for every target.

    With `retry_s`, whatever did not pass is asked again until so many seconds have passed since `verify` was called,
    after pauses that grow from 2 to 15 seconds; `told` is called with each before its pause, and the seconds left.
    """

    demands: Demands
    settings: Settings
    limits: Limits
    one_address: bool = False
    retry_s: float = 0.0
    told: Callable[[Verified, float], None] = _nobody
    tap: Tap | None = None

    def __post_init__(self) -> None:
        self._pending: dict[int, list[Verified]] = {}
        self._begun = 0
        self._until = 0.0
        self._asking = trio.Semaphore(room(AT_ONCE, self.limits))

    def verify(
        self, targets: Iterator[Target]
    ) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[Verified | InputError]]:
        """Verify every target; iterate over what is given, and hand each to `taken`.

        They come in the order of the targets, each as soon as those before it are out. An InputError among them is a
        target that could not be understood; nothing comes after it.
        """
        self._until = trio.current_time() + self.retry_s
        at_once = _WAITING if self.retry_s else room(AT_ONCE, self.limits)
        return in_order(targets, self._until_passed, at_once)

    def taken(self, verified: Verified) -> None:
        """It needs to be kept no more."""
        left = [each for each in self._pending.get(verified.number, []) if each is not verified]
        self._pending[verified.number] = left
        if not left:
            del self._pending[verified.number]

    def unfinished(self) -> list[Verified]:
        """What is known of targets that did not come out yet, for whoever stops early."""
        return [each for number in sorted(self._pending) for each in self._pending[number]]

    async def _until_passed(self, target: Target) -> list[Verified]:
        """One for each address, the last time each was asked."""
        self._begun += 1
        number, tries, pause = self._begun, 1, _FIRST_PAUSE_S
        found = await self._ask(target, number, tries)
        self._pending[number] = found
        while not all(each.passed for each in found):
            left = self._until - trio.current_time()
            if left < _FIRST_PAUSE_S:  # never more often
                break
            for each in found:
                if not each.passed:
                    self.told(each, left)
            await trio.sleep(min(pause, left))
            tries, pause = tries + 1, min(pause * _GROWTH, _LONGEST_PAUSE_S)
            found = self._remembering(found, await self._again(target, found, tries))
            self._pending[number] = found
        return found

    @staticmethod
    def _remembering(before: list[Verified], now: list[Verified]) -> list[Verified]:
        """What failed stays told: of several servers behind one address the next may answer otherwise."""
        failed = {each.result.target.address: _failed(each.verification) for each in before}
        for each in now:
            if each not in before:
                each.verification.failed_before = failed.get(each.result.target.address, [])
        return now

    async def _again(self, target: Target, found: list[Verified], tries: int) -> list[Verified]:
        """Ask those addresses that did not pass; the name itself where it had none."""
        number, alone = found[0].number, len(found) == 1
        if found[0].result.status == "dns_error":
            return await self._ask(target, number, tries)
        return [
            each if each.passed else await self._one(_asked(each.result.target), number, tries, alone=alone)
            for each in found
        ]

    async def _ask(self, target: Target, number: int, tries: int) -> list[Verified]:
        """Every address of a target, one after the other: they are often one machine."""
        found = await resolve(target, one_address=self.one_address, timeout_s=self.limits.step_s)
        if isinstance(found, Unresolved):
            result = unresolved_result(found, self.settings.depth)
            judge(result)
            return [self._verified(result, number, tries)]
        return [await self._one(each, number, tries, alone=len(found) == 1) for each in found]

    async def _one(self, target: Target, number: int, tries: int, *, alone: bool) -> Verified:
        settings, needs = self.settings, self.demands.needs(target, alone=alone)
        if settings.depth != "discover" and not settings.simulate:
            settings = settings.needing(needs)
        async with self._asking:
            result = await audit(target, settings, self.limits, tap=self.tap)
            judge(result)
            if not settings.simulate and (keys := left_open(result, needs)):
                await simulate_too(result, target, keys, settings, self.limits, tap=self.tap)
                judge(result)
        return self._verified(result, number, tries, alone=alone)

    def _verified(self, result: Result, number: int, tries: int, *, alone: bool = False) -> Verified:
        verification = self.demands.verify(result, tries=tries, alone=alone)
        return Verified(number=number, result=result, verification=verification, alone=alone)


def left_open(result: Result, needs: Needs) -> list[str]:
    """The keys of those clients that are to be asked as, because nothing else tells whether they connect."""
    settled = {client.client for client in result.clients if client.connects is not None}
    return [key for key in CLIENTS if key in needs.clients and CLIENTS[key].name not in settled]


def _failed(verification: Verification) -> list[str]:
    """What failed in this try and in those before it, each once."""
    rules = [each.rule for each in verification.rules if each.state == "failed"]
    worse = [each.field for each in verification.changes if verification.exact or each.direction == "worse"]
    return list(dict.fromkeys([*verification.failed_before, *rules, *worse]))


def _asked(target: Target) -> Target:
    """The target of a result, to be asked again: without what the audit wrote into it."""
    return Target(input=target.input, host=target.host, port=target.port, address=target.address)
