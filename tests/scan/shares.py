"""A pool put to work on a list of targets, and what it handed back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import trio

from probe.audit.settings import Settings
from probe.drive.limits import Limits
from probe.result import Result, Target, from_json
from probe.scan.work import Finished, Job, Pool, Task

DISCOVER = Job(settings=Settings(depth="discover"), limits=Limits())
STANDARD = replace(DISCOVER, settings=Settings())


def address(number: int, port: int = 3389) -> Target:
    text = f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return Target(input=text, host=text, port=port, address=text)


def name(host: str, port: int = 3389) -> Target:
    return Target(input=host, host=host, port=port)


async def worked(
    pool: Pool, job: Job, targets: Iterable[Target], *, batch: int = 16, saw: Callable[[Finished], None] | None = None
) -> list[Finished]:
    """Everything that came of these targets, in the order in which it came."""
    hand_out, handed_out = trio.open_memory_channel[list[Task]](0)
    finish, finished = trio.open_memory_channel[list[Finished]](0)
    found: list[Finished] = []

    async def feed() -> None:
        async with hand_out:
            tasks = [Task(position, target) for position, target in enumerate(targets)]
            for start in range(0, len(tasks), batch):
                await hand_out.send(tasks[start : start + batch])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(feed)
        nursery.start_soon(pool.work, job, handed_out, finish)
        async for some in finished:
            for each in some:
                found.append(each)
                if saw is not None:
                    saw(each)
    return found


def results(finished: Finished) -> list[Result]:
    return [from_json(line) for line in finished.lines.splitlines()]


def result(target: Target, status: str = "rdp", *, connections: int = 1, received: int = 9) -> Result:
    found = Result(
        target=target,
        started="2026-11-21T02:00:00.123Z",
        elapsed_ms=1.0,
        depth="discover",
        connections=connections,
        bytes_sent=4 * connections,
        bytes_received=received if status in ("rdp", "not_rdp") else 0,
        status="rdp",
        spent={"negotiation": connections},
    )
    found.status = status  # type: ignore[assignment]
    return found
