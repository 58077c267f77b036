"""What came of one target, as a result and as lines: also where nothing was asked, or where we failed ourselves."""

from __future__ import annotations

import traceback
from collections import Counter
from datetime import UTC, datetime
from pathlib import PurePath

from probe.audit.verdict_inside import timestamp
from probe.diagnosis.judged import judge
from probe.report.escape import json_line
from probe.result import Depth, Place, Result, Target, to_json
from probe.scan.problem import leaf
from probe.scan.tally import OUR_FAULT, facts_of
from probe.scan.work import Finished

_TELLS = {"rdp": 4, "not_rdp": 3, "closed": 2, "refused": 2, "silent": 1}  # how much a status says; others nothing
_WITHOUT_A_SIGN = ("filtered", "silent", "unreachable")


def describe(position: int, results: list[Result]) -> Finished:
    """The results of one target as they are written, and what is counted of them."""
    lines, facts = [], []
    for number, result in enumerate(results, 1):
        judge(result)
        result.scan = Place(position=position, result=number, of=len(results))
        lines.append(json_line(to_json(result)))
        lines.append("\n")
        facts.append(facts_of(result))
    return Finished(position, "".join(lines).encode(), tuple(facts))


def describe_failure(position: int, target: Target, depth: Depth, what: str) -> Finished:
    """One line for a target that was not audited to its end by a fault of ours. No rule of the catalogue judges it."""
    result = not_asked(target, depth, f"{OUR_FAULT}: {what}; please report it")
    result.scan = Place(position=position, result=1, of=1)
    return Finished(position, f"{json_line(to_json(result))}\n".encode(), (facts_of(result),))


def not_asked(target: Target, depth: Depth, why: str) -> Result:
    """The result of a target of which nothing is known, `limited` by us."""
    return Result(
        target=target,
        started=timestamp(datetime.now(UTC).timestamp()),
        elapsed_ms=0.0,
        depth=depth,
        connections=0,
        bytes_sent=0,
        bytes_received=0,
        status="unreachable",
        limited=why,
    )


def failure(error: BaseException) -> str:
    """An exception in a few words: its type, and where in our code it was raised. Never what a server said."""
    inner = leaf(error)
    frames = traceback.extract_tb(inner.__traceback__)
    ours = [frame for frame in frames if "probe" in PurePath(frame.filename).parts] or frames
    where = f" at {PurePath(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return f"{type(inner).__name__}{where}"


def gave_no_sign(result: Result) -> bool:
    """Nothing came from there, as if it were not there; asked again, it may answer."""
    return result.status in _WITHOUT_A_SIGN and result.connections > 0 and not result.bytes_received


def told_more(before: Result, now: Result) -> Result:
    """Of two audits of one target the later, unless it tells less; with the connections and bytes of both."""
    better, other = (before, now) if _tells(now) < _tells(before) else (now, before)
    better.connections += other.connections
    better.bytes_sent += other.bytes_sent
    better.bytes_received += other.bytes_received
    better.spent = dict(Counter(better.spent) + Counter(other.spent))
    return better


def _tells(result: Result) -> int:
    return _TELLS.get(result.status, 0)
