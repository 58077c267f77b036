"""What `rdp-probe verify` does: it judges results that were written before, or asks servers, and prints either."""

from __future__ import annotations

import argparse
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from probe.cli.remark import remark
from probe.errors import InputError
from probe.language import _

if TYPE_CHECKING:
    import trio

    from probe.cli.demands import Demands
    from probe.cli.progress import Progress
    from probe.cli.verify_output import Output
    from probe.cli.verifying import Verified, Verifier
    from probe.drive.tap import Tap

INTERRUPTED = 130
_FAILED, _UNKNOWN = 1, 3


def earlier(options: argparse.Namespace, demands: Demands, output: Output) -> int:
    """Judge results that were written before, one after the other. Raises InputError for what is none."""
    from probe.diagnosis.judged import judge
    from probe.scan.written import lines_of

    lost: list[str] = []  # a line that was torn off: of its target nothing is known

    def tell(words: str) -> None:
        lost.append(words)
        remark(words)

    try:
        for line in lines_of(options.results, tell):
            if line.brief.is_receipt:
                raise _receipts(options.results)
            result = line.result()
            judge(result)
            output.show(demands.verify(result), result)
            if output.is_cut:
                break
    except KeyboardInterrupt:
        return _interrupted(output)
    if not output.verdicts:
        raise InputError(f"{options.results} has no result", "give a file that scan -o or host --json wrote")
    output.finish()
    return _status(output) or (_UNKNOWN if lost else 0)


def live(options: argparse.Namespace, demands: Demands, output: Output, tap: Tap | None = None) -> int:
    """Ask servers. Raises InputError for a target that cannot be understood."""
    import trio

    return trio.run(_live, options, demands, output, tap)


async def _live(options: argparse.Namespace, demands: Demands, output: Output, tap: Tap | None) -> int:
    import trio

    from probe.cli.progress import Progress

    progress = Progress(sys.stderr)
    waiting = Waiting(progress, quiet=options.quiet)
    verifier = _verifier(options, demands, waiting, tap)
    stop = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        await nursery.start(_heed_interrupt, stop)
        with stop:
            await _show_all(options, verifier, output, progress, waiting)
        nursery.cancel_scope.cancel()
    if stop.cancelled_caught:
        for each in verifier.unfinished():
            output.show(each.verification, each.result, alone=each.alone)
        return _interrupted(output)
    if not output.verdicts:
        hint = "a list has one target a line; # starts a remark; of what others found open, --port must name the port"
        raise InputError("there is no target in what was given", hint)
    output.finish()
    return _status(output)


def _verifier(options: argparse.Namespace, demands: Demands, waiting: Waiting, tap: Tap | None) -> Verifier:
    from probe.cli.host import limits_of, settings_of
    from probe.cli.verifying import Verifier

    options.depth = options.depth or "standard"
    return Verifier(
        demands=demands,
        settings=replace(settings_of(options), keep_attempts=False),
        limits=limits_of(options),
        one_address=options.one_address,
        retry_s=options.retry_until or 0.0,
        told=waiting.told,
        tap=tap,
    )


async def _show_all(
    options: argparse.Namespace, verifier: Verifier, output: Output, progress: Progress, waiting: Waiting
) -> None:
    from probe.scan.targets import targets

    asked = progress.counting(targets(options.targets, options.port or []))
    async with progress.shown(), verifier.verify(asked) as results:
        async for each in results:
            if isinstance(each, InputError):
                raise each
            progress.step_aside()
            waiting.over(each)
            verifier.taken(each)
            output.show(each.verification, each.result, alone=each.alone)
            if output.is_cut:
                return


async def _heed_interrupt(stop: trio.CancelScope, task_status: trio.TaskStatus[None]) -> None:
    """Ctrl-C and a request to end stop the asking. What is ignored stays ignored (nohup)."""
    import trio

    every = (each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) != signal.SIG_IGN)
    with trio.open_signal_receiver(*every) as received:
        task_status.started()
        async for _number in received:
            stop.cancel()


class Waiting:
    """Says on standard error what is waited for: once for each reason, however often it is asked again."""

    def __init__(self, progress: Progress, *, quiet: bool) -> None:
        self._progress = progress
        self._quiet = quiet
        self._said: dict[str, str] = {}

    def told(self, verified: Verified, left_s: float) -> None:
        """It did not pass and is asked again, for so long at most."""
        who, why = _who(verified), _why_not(verified)
        if self._said.get(who) == why:
            return
        self._said[who] = why
        left = f"{int(left_s) // 60}:{int(left_s) % 60:02}"
        self._remark(_("{target}: {why}; asking again, for {left} at most", target=who, why=why, left=left))

    def over(self, verified: Verified) -> None:
        """It is asked no more."""
        if self._said.pop(_who(verified), None) is not None and verified.passed:
            count = verified.verification.tries
            self._remark(_("{target}: passes, asked {count} times", target=_who(verified), count=count))

    def _remark(self, words: str) -> None:
        if not self._quiet:
            self._progress.remark(words)


def _who(verified: Verified) -> str:
    from probe.report.verified import name_of

    return name_of(verified.verification.target)


def _why_not(verified: Verified) -> str:
    """In a few words, why it does not pass."""
    from probe.report.escape import terminal

    found = verified.verification
    if found.reason is not None:
        return terminal(found.reason)
    keys = [each.rule for each in found.rules if each.state == found.verdict]
    if not keys:
        return _("it became worse") if found.verdict == "failed" else _("not all could be determined")
    words = _(", ").join(keys[:4]) + ("…" if len(keys) > 4 else "")
    if found.verdict == "failed":
        return _("{rules} not met", rules=terminal(words))
    return _("{rules} could not be determined", rules=terminal(words))


def _interrupted(output: Output) -> int:
    """Print what is done."""
    output.finish(interrupted=True)
    print(_("stopped; files are as they were"), file=sys.stderr)
    return INTERRUPTED


def _status(output: Output) -> int:
    """What could not be judged because nobody read the output any more has not passed."""
    if output.verdicts["failed"]:
        return _FAILED
    return _UNKNOWN if output.verdicts["unknown"] or output.is_cut else 0


def _receipts(file: str) -> InputError:
    """What to say of a journal whose results are elsewhere."""
    from probe.scan.parts_place import of_receipts

    place = of_receipts(file) if file != "-" else None
    pattern = place.pattern() if place is not None else None
    where = "give one of the parts, files in the folder that scan --parts named"
    if pattern is not None:
        where = f"rdp-probe export --ndjson {pattern} | rdp-probe verify --results -"
    elif place is not None:
        where = place.sentence()
    return InputError(f"{file} has receipts: which targets are done; the results are in parts", where)
