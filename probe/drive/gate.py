"""Who may open a connection now: what audits that run beside each other share."""

from __future__ import annotations

from typing import Protocol


class Gate(Protocol):
    """Every connection enters before it is opened and leaves when it is closed."""

    async def enter(self, address: str) -> None:
        """Wait until a connection to this address may be opened."""
        ...

    def leave(self, address: str) -> None:
        """That connection is closed."""
        ...
