"""What a scan hands from hand to hand: the job, a target with its place in the order, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import msgspec
import trio  # noqa: TID253 - this module is only imported when a scan runs

from probe.audit.settings import Settings
from probe.drive.limits import Limits
from probe.result import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is the same for every target of a scan. `concurrency` and `rate` are the share of whoever has the job."""

    settings: Settings
    limits: Limits
    language: str = "en"
    one_address: bool = False
    concurrency: int = 500  # connections open at a time
    rate: float | None = None  # new connections a second; None: as fast as it goes
    per_subnet: int | None = None  # connections open at a time to one /24 (IPv6: /64); None: no such limit
    retries: int = 0  # how often a target that gave no sign is asked again, later
    excluded: tuple[tuple[str, str], ...] = ()  # first and last address of what no name may lead to


class Task(msgspec.Struct, frozen=True, array_like=True):
    """One target and its place in the order of the scan, counted from 0 over the whole space."""

    position: int
    target: Target


class Facts(msgspec.Struct, frozen=True, array_like=True):
    """Of one result, what the progress and the summary count."""

    tags: tuple[str, ...]
    certificate: str | None = None  # SHA-256 of the server's own, in hex


class Finished(msgspec.Struct, frozen=True, array_like=True):
    """All that came of one target: a line of NDJSON, with its line end, for each of its addresses."""

    position: int
    lines: bytes
    facts: tuple[Facts, ...]


class Pool(Protocol):
    """Whoever does the work: this process, several, or a cluster."""

    async def work(
        self,
        job: Job,
        tasks: trio.MemoryReceiveChannel[list[Task]],
        finished: trio.MemorySendChannel[list[Finished]],
    ) -> None:
        """Do every task until `tasks` ends; `finished` is closed at the end. Results come in any order."""
        ...
