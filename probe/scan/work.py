"""What a scan hands from hand to hand: the job, a target with its place in the order, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
    records_packets: bool = False  # what goes over the wire comes back with the result,
    records_secrets: bool = False  # and so do the secrets of TLS


class Task(msgspec.Struct, frozen=True, array_like=True):
    """One target and its place in the order of the whole scan, from 0. Shard K of N has places K - 1, K - 1 + N, …"""

    position: int
    target: Target
    addresses: tuple[str, ...] = ()  # of a name that was resolved before it was handed on


class Facts(msgspec.Struct, frozen=True, array_like=True):
    """Of one result, what the progress and the summary count."""

    tags: tuple[str, ...]
    certificate: str | None = None  # SHA-256 of the server's own, in hex
    connections: int = 0
    host: str | None = None  # where that certificate was seen: its address, or the name


class Finished(msgspec.Struct, frozen=True, array_like=True):
    """All that came of one target: a line of NDJSON, with its line end, for each of its addresses."""

    position: int
    lines: bytes
    facts: tuple[Facts, ...]
    goes_on: bool = False  # what follows it is kept with it, or both are not: they are receipts of one part
    packets: bytes = b""  # what went over the wire, as records of a pcap
    secrets: bytes = b""  # lines of a TLS key log


class InPart(msgspec.Struct):
    """Of a result that is kept elsewhere: in which part, as its receipt in the journal says."""

    name: str  # of the file
    target: int  # which of the part's targets it is of, from 1
    of: int  # how many targets the part has


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What an interrupted scan has done: a space knows it by its n-th targets, a stream by what was asked.

    These numbers are those within the shard, without gaps; `probe.scan.recovery` makes them of places.
    """

    below: int = 0  # of its targets, those under it are done,
    above: frozenset[int] = frozenset()  # and so are these, which are not under it
    asked: Iterable[tuple[str, int]] = ()  # host as given and port of each target that is done; read once
    strangers: int = 0  # of a stream: how many of these came from lists that were not the one that it began with


class Source(Protocol):
    """Where targets come from: a space in pseudo-random order, or a stream in its own."""

    size: int | None  # how many targets this scan (its shard) has; None: a stream, nobody knows
    seed: int
    fingerprint: str | None  # of the space with its ports and without what is excluded; None: a stream
    remarks: tuple[str, ...]  # what the user should know before it begins, a sentence each
    excluded: tuple[tuple[str, str], ...]  # first and last address of each excluded span

    def is_at(self, place: int, host: str, port: int) -> bool:
        """Whether the target at this place of the order has this host and port; of a stream nobody knows: True."""
        ...

    def tasks(self, recovered: Recovered) -> Iterator[Task]:
        """What is left to do, in order. May block where it reads a stream. Raises InputError."""
        ...


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
