"""A live audit: trio opens connections, machines do the talking, and how each connection ended is an answer.

One attempt is one connection. Nothing a peer does is an exception here: refusals, resets and silence become endings,
see `probe.drive.connection`. What we stop ourselves, by a deadline or from outside, keeps what it has seen until then.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime

import trio  # noqa: TID253 - this module is only imported when a connection is to be made

from probe.audit.attempt import Attempt, Question, Stage
from probe.audit.conversation import Conversation
from probe.audit.plan import Plan, plan
from probe.audit.settings import Settings
from probe.audit.verdict import Audit, verdict
from probe.drive import connection
from probe.drive.connection import Traffic
from probe.drive.gate import Entrance, Gate
from probe.drive.limits import Limits
from probe.drive.names import tls_name
from probe.drive.outside import Outside
from probe.drive.tap import Tap
from probe.drive.trust_store import trust_judge
from probe.handshake.machine import NEVER_OPENED, Ending
from probe.result import Result, Target

_CURIOUS_S = 1.0  # for a hello that a server of today may ignore
_BACK_OFF_S = 0.75  # before the repeat that decides whether a server that answered is gone


async def audit(
    target: Target, settings: Settings, limits: Limits, gate: Gate | None = None, tap: Tap | None = None
) -> Result:
    """Audit one target, whose `address` is a literal. Never raises for what a server or a network does.

    Every connection passes `gate`, where there is one; the deadline stands still while one waits there. `tap` is told
    what goes over the wire.
    """
    name = None if target.host == target.address else tls_name(target.host)
    server_name = settings.server_name or name
    started, wall = trio.current_time(), time.time()
    scope = trio.CancelScope(deadline=started + limits.deadline_s)
    keylog = tap.secret if tap is not None else None
    conversation = Conversation(settings, server_name, os.urandom, target.host, keylog=keylog)
    entrance = Entrance(gate, scope)
    auditor = _Auditor(target, conversation, limits, entrance, tap)
    outside = Outside(target, settings, limits, entrance, tap)
    with scope:
        await outside.beside(auditor.run)
    result = verdict(
        Audit(
            target=target,
            settings=settings,
            server_name=server_name,
            attempts=tuple(auditor.attempts),
            plan=auditor.remaining(),
            started=started,
            ended=trio.current_time(),
            started_at=datetime.fromtimestamp(wall, UTC),
            past_deadline_s=limits.deadline_s if scope.cancelled_caught else None,
            trust=trust_judge(limits.ca_file),
        )
    )
    outside.describe(result, wall - started)
    return result


class _Auditor:
    """Makes attempts as the plan asks for them, `per_host` at a time, repeats alone."""

    def __init__(
        self, target: Target, conversation: Conversation, limits: Limits, entrance: Entrance, tap: Tap | None = None
    ) -> None:
        self._tap = tap
        self.attempts: list[Attempt] = []
        self._target = target
        self._conversation = conversation
        self._limits = limits
        self._entrance = entrance
        self._open: dict[int, Question] = {}
        self._made = 0
        self._plan: Plan | None = None  # None: something has become known since it was made
        self._first: Attempt | None = None  # what the first connection has shown, while it goes on
        self._changed = trio.Event()
        self._crowded: set[int] = set()  # numbers of attempts that were not alone
        settings = conversation.settings
        # Then there is nothing to be decided while a connection is open, and no task is needed for it.
        self._one_by_one = limits.per_host == 1 or settings.depth == "discover" or bool(settings.simulate)

    async def run(self) -> None:
        if self._one_by_one:
            while (question := self._allowed()) is not None:
                await self._enter(question, self._begin(question))
            return
        async with trio.open_nursery() as nursery:
            while True:
                if (question := self._allowed()) is not None:
                    nursery.start_soon(self._enter, question, self._begin(question))
                elif self._open:
                    self._changed = trio.Event()
                    await self._changed.wait()
                else:
                    return

    def remaining(self) -> Plan:
        """What would still be asked."""
        if self._plan is not None and self._made == len(self.attempts):
            return self._plan
        return plan(self.attempts, self._conversation.settings)

    def _allowed(self) -> Question | None:
        """The question to begin with now, where there may be another connection."""
        if self._made >= self._conversation.settings.most_connections:
            return None
        return self._next(self._planned())

    def _planned(self) -> Plan:
        """The plan, made anew when something was learnt: beginning an attempt changes nothing that it rests on."""
        if self._plan is None:
            known = self.attempts if self._first is None else [self._first, *self.attempts]
            self._plan = plan(known, self._conversation.settings, self._made)
        return self._plan

    def _next(self, now: Plan) -> Question | None:
        """What may be begun at this moment."""
        open_now = self._open.values()
        waiting = [question for question in now.questions if question not in open_now]
        if waiting:
            triage = not self.attempts and self._first is None
            room = 1 if triage or any(question.repeat for question in open_now) else self._limits.per_host
            return waiting[0] if len(self._open) < room else None
        return now.repeats[0] if now.repeats and not self._open else None

    def _begin(self, question: Question) -> int:
        """Count it as open; its number."""
        self._made += 1
        if self._open:
            self._crowded.update({self._made, *self._open})
        self._open[self._made] = question
        return self._made

    async def _enter(self, question: Question, number: int) -> None:
        if question.repeat and self._seems_gone(question):
            await trio.sleep(min(_BACK_OFF_S, self._limits.step_s))  # nothing else is asked in this time
        address = self._target.address or self._target.host
        await self._entrance.enter(address)
        try:
            await self._attempt(question, number)
        finally:
            self._entrance.leave(address)

    def _seems_gone(self, repeat: Question) -> bool:
        """The server had answered; then this connection was not had, or a known request met with nothing but its end.

        What a healthy server does to a request that it dislikes is repeated at once.
        """
        first = [each for each in self.attempts if each.question == replace(repeat, repeat=False)]
        return any(
            each.ending in NEVER_OPENED
            or (
                each.ending in (Ending.CLOSED, Ending.RESET)
                and not each.bytes_received
                and any(
                    other.bytes_received and other.question.protocols == repeat.protocols for other in self.attempts
                )
            )
            for each in first
        )

    async def _attempt(self, question: Question, number: int) -> None:
        began = trio.current_time()
        traffic = Traffic(tap=self._tap)

        def so_far(ending: Ending) -> Attempt:
            return Attempt(
                number=number,
                question=question,
                events=tuple(traffic.events),
                ending=ending,
                started=began,
                ended=trio.current_time(),
                bytes_sent=traffic.sent,
                bytes_received=traffic.received,
                alone=number not in self._crowded,
                cause=traffic.cause,
            )

        def has_selected() -> None:
            self._first = so_far(Ending.INTERRUPTED)
            self._plan = None
            self._changed.set()

        traffic.tell = has_selected if number == 1 and not self._one_by_one else None
        ending = Ending.INTERRUPTED
        try:
            ending = await self._connection(question, traffic)
        finally:
            self.attempts.append(so_far(ending))
            self._first = None if number == 1 else self._first
            self._plan = None
        del self._open[number]
        self._changed.set()

    async def _connection(self, question: Question, traffic: Traffic) -> Ending:
        limits = self._limits
        return await connection.hold(
            lambda: self._conversation.machine(question),
            self._target,
            traffic,
            limits,
            budget=limits.plain_bytes if question.stage in (Stage.NEGOTIATION, Stage.SETTINGS) else limits.tls_bytes,
            step_s=min(limits.step_s, _CURIOUS_S) if question.framed else None,
        )
