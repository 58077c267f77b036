"""Who may open a connection now: what audits that run beside each other share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import trio  # noqa: TID253 - this module is only imported when connections are to be made


class Gate(Protocol):
    """Every connection enters before it is opened and leaves when it is closed."""

    def try_enter(self, address: str) -> bool:
        """Whether a connection to this address may be opened at once; if so, it has entered."""
        ...

    async def enter(self, address: str) -> None:
        """Wait until a connection to this address may be opened."""
        ...

    def leave(self, address: str) -> None:
        """That connection is closed."""
        ...


class Patience:
    """A deadline that stands still while somebody waits at a gate: such a wait is ours and not the server's."""

    def __init__(self, scope: trio.CancelScope) -> None:
        self._scope = scope
        self._waiting = 0
        self._left_s = 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Stop the clock for this block. Waits at the same time count once."""
        if not self._waiting:
            self._left_s = self._scope.deadline - trio.current_time()
            self._scope.deadline = math.inf
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._scope.deadline = trio.current_time() + self._left_s


class Entrance:
    """How the connections of one audit pass a gate, where there is one. `scope` has the audit's deadline."""

    __slots__ = ("_gate", "_patience")

    def __init__(self, gate: Gate | None, scope: trio.CancelScope) -> None:
        self._gate = gate
        self._patience = Patience(scope)

    async def enter(self, address: str) -> None:
        """Wait until a connection to this address may be opened."""
        if self._gate is not None and not self._gate.try_enter(address):
            with self._patience.waiting():
                await self._gate.enter(address)

    def leave(self, address: str) -> None:
        """That connection is closed."""
        if self._gate is not None:
            self._gate.leave(address)
