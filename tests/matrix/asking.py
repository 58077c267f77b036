"""Servers started and audited, many at a time: what the probe says of each situation."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import trio

from probe.audit.settings import Settings
from probe.diagnosis import diagnose
from probe.drive.limits import Limits
from probe.drive.live import audit
from probe.result import Result, Target, from_json, to_json
from tests.matrix.situation import Endpoint, Situation, Workshop

AT_ONCE = 6  # situations: most of them wait most of the time
PATIENCE_S = 60.0  # for one of them
ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "probe.cli.main")

Outcome = Result | BaseException


def ask(situations: Iterable[Situation]) -> dict[str, Outcome]:
    """What came of each, by its name; an exception where there was no result, a skip too."""
    return trio.run(_ask_all, list(situations))


async def _ask_all(situations: list[Situation]) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    room = trio.CapacityLimiter(AT_ONCE)

    async def one(situation: Situation) -> None:
        async with room:
            try:
                with trio.fail_after(PATIENCE_S):
                    found[situation.name] = await _ask(situation, workshop)
            except (Exception, pytest.skip.Exception, pytest.fail.Exception) as error:  # noqa: BLE001
                found[situation.name] = error

    with Workshop() as workshop:
        async with trio.open_nursery() as nursery:
            for situation in situations:
                nursery.start_soon(one, situation)
    return found


async def _ask(situation: Situation, workshop: Workshop) -> Result:
    ca_file = await trio.to_thread.run_sync(situation.ca_file, workshop.room()) if situation.ca_file else None
    async with situation.site.serving(workshop) as endpoint:
        if situation.as_command:
            return await _by_command(situation, endpoint, ca_file)
        return await _in_process(situation, endpoint, ca_file)


async def _in_process(situation: Situation, endpoint: Endpoint, ca_file: Path | None) -> Result:
    address, port = endpoint
    target = Target(input=f"{address}:{port}", host=situation.host or address, address=address, port=port)
    settings = Settings(
        depth=situation.depth,
        licensing=situation.licensing,
        server_name=situation.server_name,
        routing_token=situation.routing_token,
    )
    limits = Limits(
        step_s=situation.step_s,
        source_address=situation.source_address,
        ca_file=None if ca_file is None else str(ca_file),
    )
    result = await audit(target, settings, limits)
    stored = from_json(to_json(result))
    stored.diagnoses = diagnose(stored)
    return stored


async def _by_command(situation: Situation, endpoint: Endpoint, ca_file: Path | None) -> Result:
    address, port = endpoint
    argv = [*COMMAND, "host", "--json", f"--timeout={situation.step_s * 1000:g}ms", f"--depth={situation.depth}"]
    argv += ["--licensing"] if situation.licensing else []
    argv += [f"--server-name={situation.server_name}"] if situation.server_name else []
    argv += [f"--source-address={situation.source_address}"] if situation.source_address else []
    argv += [f"--ca-file={ca_file}"] if ca_file is not None else []
    target = f"{situation.host}" if situation.host else f"{address}:{port}"
    ran = await trio.run_process([*argv, "--", target], capture_stdout=True, check=False, cwd=ROOT)
    return from_json(ran.stdout)
