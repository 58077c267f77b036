"""A scan from the command line: where targets come from, who does the work, where results go, and what is said."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from probe.cli import scan_cluster
from probe.cli.scan import job_of
from probe.cli.scan_say import say as _say
from probe.cli.scan_say import say_facts, tell_damage, tell_terminals, where_results_are
from probe.errors import InputError
from probe.language import _, current, speaking

if TYPE_CHECKING:
    import trio

    from probe.drive.capture_writer import Recording
    from probe.scan.course import Course, Sink
    from probe.scan.feed import Feed
    from probe.scan.journal import Journal
    from probe.scan.recovery import Found
    from probe.scan.sidecar import Sidecar
    from probe.scan.tally import Tally
    from probe.scan.work import Job, Pool, Source

INTERRUPTED = 130
_SAME_SIGNAL_S = 0.5
_COMPRESSIONS = frozenset({"gz", "bz2", "xz", "lzma", "lz4", "zip", "7z"})


@dataclass(slots=True, kw_only=True)
class _Scan:
    """One scan that is about to run. `journal` and `sidecar` are None where results go to a stream."""

    options: argparse.Namespace
    source: Source
    job: Job
    pool: Pool
    remarks: tuple[str, ...]
    journal: Journal | None = None
    sidecar: Sidecar | None = None
    found: Found | None = None
    feed: Feed | None = None  # once it runs
    recording: Recording | None = None  # of what goes over the wire

    @property
    def name(self) -> str | None:
        """Of the file that can be resumed."""
        return self.options.output if self.journal is not None else None


def begin(options: argparse.Namespace) -> int:
    """A new scan. Raises InputError, Unavailable, OSError."""
    from probe.scan import sidecar
    from probe.scan.journal import Journal, can_resume
    from probe.scan.targets import check

    check(options.targets)
    check(options.exclude, labels=True)
    _refuse_compression(options.output)
    tell_terminals(options)
    scan = _scan(options)
    if options.output in (None, "-") or not can_resume(options.output):
        return _run(scan)
    journal = Journal.create(options.output)
    try:
        options.seed = scan.source.seed
        scan.sidecar = sidecar.Sidecar(
            directory=sidecar.directory(),
            arguments=sidecar.Arguments(
                **{name: getattr(options, name) for name in sidecar.Arguments.__struct_fields__}
            ),
            size=scan.source.size,
            fingerprint=scan.source.fingerprint,
        )
        sidecar.write(options.output, scan.sidecar)
        scan.journal = journal
        return _run(scan)
    finally:
        journal.close()


def _refuse_compression(name: str | None) -> None:
    """Raise InputError for a name that promises what we do not write."""
    stem, dot, ending = (name or "").rpartition(".")
    if dot and ending.lower() in _COMPRESSIONS:
        raise InputError(f"results are not compressed as .{ending}", f"as .zst they are: -o {shlex.quote(stem)}.zst")


def resume(options: argparse.Namespace, given: Mapping[str, Any]) -> int:
    """Go on with one that was interrupted. Raises InputError, Unavailable, OSError."""
    from probe.scan import sidecar
    from probe.scan.journal import Journal

    name = sidecar.results_beside(options.resume)
    if options.output not in (None, name, options.resume):
        raise InputError("--resume writes to the file that it names", "leave -o out")
    recorded = sidecar.read(name)
    sidecar.check_same(name, recorded.arguments, given)
    for key, value in sidecar.as_begun(recorded).items():
        if key not in sidecar.FREE or key not in given:
            setattr(options, key, value)
    options.output = name
    with speaking(given.get("lang") or options.lang or current()):
        journal = Journal.reopen(name)
        try:
            return _go_on(options, recorded, journal)
        finally:
            journal.close()


def _go_on(options: argparse.Namespace, recorded: Sidecar, journal: Journal) -> int:
    from probe.scan import sidecar
    from probe.scan.journal import resume_command
    from probe.scan.recovery import recover

    name, is_stream = options.output, recorded.size is None
    can_pipe = sys.stdin is not None and not sys.stdin.isatty()
    if recorded.finished and not (is_stream and can_pipe):
        is_at = sidecar.what_is_where(recorded, lambda: _source(options))
        found = recover(name, is_stream=is_stream, shard=options.shard, is_at=is_at)
        if found.whole == journal.size and found.targets >= (recorded.targets or recorded.size or 0):
            _say(_("{file} is finished: there is nothing left to do.", file=name))
            return 0
    if "-" in options.targets and not can_pipe:
        raise InputError(
            "the targets of this scan came from standard input",
            f"pipe the same list again: … | {resume_command(name)}",
        )
    scan = _scan(options)
    sidecar.check_source(name, recorded, scan.source)
    scan.found = recover(name, is_stream=is_stream, shard=options.shard, is_at=scan.source.is_at)
    if scan.found.whole < journal.size:
        journal.cut(scan.found.whole)
    scan.journal, scan.sidecar = journal, recorded
    return _run(scan)


def _source(options: argparse.Namespace) -> Source:
    from probe.drive.source import check_source
    from probe.scan.source import open_source

    if options.source_address is not None:
        check_source(options.source_address)
    return open_source(
        options.targets,
        options.port or [],
        exclude=options.exclude,
        exclude_files=options.exclude_file,
        seed=options.seed,
        shard=options.shard,
        rate=options.rate,
    )


def _run(scan: _Scan) -> int:
    from probe.scan import sidecar
    from probe.scan.garbage import seldom_collected

    tally = _tally_before(scan)
    if scan.options.cluster is not None and scan.source.size is not None:
        scan_cluster.expect(scan.pool, scan.source.size - tally.targets)
    if not scan.options.quiet:
        _tell_beginning(scan)
    began = time.monotonic()
    with seldom_collected():
        done, has_reader = _worked(scan, tally)
    assert scan.feed is not None
    problem = scan.feed.problem
    if not scan.options.quiet and tally.targets:
        _tell_end(scan, tally, time.monotonic() - began, finished=done and problem is None)
    if not has_reader:
        _say_nobody_reads(scan)
    elif not done or (problem is not None and tally.targets):
        _say_interrupted(scan, tally)
    if problem is not None:
        _note_strangers(scan, tally, problem)
        raise problem
    if done and scan.sidecar is not None and scan.name is not None:
        scan.sidecar.finished, scan.sidecar.targets = True, tally.targets
        sidecar.write(scan.name, scan.sidecar)
    if scan.recording is not None:
        scan.recording.close()
    return 0 if done else INTERRUPTED


def _note_strangers(scan: _Scan, tally: Tally, problem: Exception) -> None:
    """What another list brought is in the file now: the right one, which lacks it, can still finish the scan."""
    from probe.scan import sidecar
    from probe.scan.source_stream import AnotherList

    if isinstance(problem, AnotherList) and scan.sidecar and scan.name and scan.found:
        scan.sidecar.strangers += tally.targets - scan.found.targets
        sidecar.write(scan.name, scan.sidecar)


def _worked(scan: _Scan, tally: Tally) -> tuple[bool, bool]:
    """Whether it came to its end, and whether somebody was there to read what goes to a stream."""
    import trio

    from probe.scan.journal import ReaderLeft

    try:
        return trio.run(_work, scan, tally), True
    except* ReaderLeft:
        pass
    return False, False


def _scan(options: argparse.Namespace) -> _Scan:
    """Everything but where results go. Raises InputError, Unavailable."""
    from probe.drive.capture_writer import recording
    from probe.scan.descriptors import concurrency_for, processes_for

    if options.parts is not None and options.cluster is None:
        raise InputError("--parts is for a cluster: the workers write them", "add --cluster, or use -o FILE instead")
    scan_cluster.check_captures(options)
    if options.cluster is not None:
        from probe.scan.cluster_check import check_address

        check_address(options.cluster)
    job = job_of(options)
    source = _source(options)
    remark = None
    pool: Pool
    if options.cluster is not None:
        pool, remark = scan_cluster.cluster_of(options, source, _say)
    else:
        processes = processes_for(options.processes, source.size)
        concurrency, remark = concurrency_for(options.concurrency, processes)
        job = replace(job, concurrency=concurrency)
        pool = _processes(processes)
    remarks = (*source.remarks, *([remark] if remark is not None else ()))
    tap = recording(options.pcap_out, options.keylog_out, append=options.resume is not None)
    job = replace(job, excluded=source.excluded)
    return _Scan(options=options, source=source, job=job, pool=pool, remarks=remarks, recording=tap)


def _processes(number: int) -> Pool:
    if number == 1:
        from probe.scan.scheduler import ThisProcess

        return ThisProcess()
    from probe.scan.pool import Processes

    return Processes(number)


def _tally_before(scan: _Scan) -> Tally:
    """What the targets add up to that were done before."""
    from probe.scan.recovery import tally_of
    from probe.scan.tally import Tally

    if scan.found is None or scan.name is None:
        return Tally()
    return tally_of(scan.name, scan.found)


async def _work(scan: _Scan, tally: Tally) -> bool:
    import trio

    from probe.cli.scan_progress import ScanProgress
    from probe.cli.scan_skipped import tell_skipped
    from probe.scan.course import Course
    from probe.scan.pool import Processes
    from probe.scan.recorded import recorded
    from probe.scan.work import Recovered

    sink, on_terminal = _sink(scan)
    progress = ScanProgress(
        sys.stderr, tally, size=scan.source.size, quiet=scan.options.quiet, shares_terminal=on_terminal
    )
    if isinstance(scan.pool, Processes):
        scan.pool.tell = progress.remark
    sink = recorded(sink, scan.recording, progress.remark)
    course = Course(scan.job, scan.pool, sink, progress)
    recovered = scan.found.recovered if scan.found is not None else Recovered()
    recovered = replace(recovered, strangers=scan.sidecar.strangers if scan.sidecar is not None else 0)
    scan.feed = course.feed
    tell_skipped(scan.source, progress)
    async with trio.open_nursery() as nursery:
        await nursery.start(_heed_signals, course)
        async with progress.shown():
            done = await course.run(scan.source.tasks(recovered), may_block=scan.source.size is None)
        nursery.cancel_scope.cancel()
        return done


def _sink(scan: _Scan) -> tuple[Sink, bool]:
    """Where results go, and whether that is the terminal that progress is told on."""
    from probe.scan.journal import Stream

    if scan.journal is not None:
        return scan.journal, False
    if scan.options.output not in (None, "-"):
        return Stream(_opened(scan.options.output)), False
    return Stream(sys.stdout.buffer), sys.stdout.isatty() and sys.stderr.isatty()


def _opened(name: str) -> Any:
    """A device or a named pipe. Raises InputError."""
    try:
        return open(name, "wb")  # noqa: PTH123  open until the process ends
    except OSError as error:
        raise InputError(f"cannot write {name}: {error.strerror}", "give another name") from error


async def _heed_signals(course: Course, task_status: trio.TaskStatus[None]) -> None:
    """The first ends the scan with what is done kept, the second at once. What is ignored stays ignored (nohup).

    Some send one signal twice: timeout(1) sends it to its child, and then to the group that the child is in.
    """
    import trio

    every = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    with trio.open_signal_receiver(*(each for each in every if signal.getsignal(each) != signal.SIG_IGN)) as received:
        task_status.started()
        asked: float | None = None
        async for _number in received:
            now = trio.current_time()
            if asked is None:
                asked = now
                course.stop()
            elif now - asked > _SAME_SIGNAL_S:
                os._exit(INTERRUPTED)  # every batch that is written is whole, or repaired when the scan goes on


def _tell_beginning(scan: _Scan) -> None:
    """The line before a scan, and what should be known of it."""
    tell_damage(scan.found, scan.name)
    for remark in scan.remarks:
        _say(remark)
    parts = [
        _("Scanning targets as they come")
        if scan.source.size is None
        else _("Scanning 1 target")
        if scan.source.size == 1
        else _("Scanning {count} targets", count=f"{scan.source.size:,}"),
    ]
    if scan.found is not None:
        parts.append(_("{count} of them done", count=f"{scan.found.targets:,}"))
    if scan.source.size is not None:
        parts.append(_("seed {seed}", seed=f"{scan.source.seed:x}"))
    connections = scan_cluster.connections(scan.options, f"{scan.job.concurrency:,}")
    parts.append(_("{connections}, {count} to a server", connections=connections, count=scan.job.limits.per_host))
    parts.append(_("Ctrl-C stops, --resume continues") if scan.journal is not None else _("Ctrl-C stops"))
    say_facts(parts)


def _say_nobody_reads(scan: _Scan) -> None:
    if not scan.options.quiet:
        _say(_("Stopped: nobody reads the results any more. With -o FILE they are kept, and --resume goes on."))


def _say_interrupted(scan: _Scan, tally: Tally) -> None:
    from probe.scan.journal import resume_command

    if scan.name is None:
        _say(_("Stopped. What went to standard output cannot be resumed; with -o FILE it can."))
        return
    done = f"{tally.targets:,}"
    if scan.source.size is None:
        _say(_("Stopped. Targets done, and in {file}: {count}", count=done, file=scan.name))
        command = resume_command(scan.name)
        if scan.feed is not None and scan.feed.problem is not None:
            _say(_("To go on, see the error below, then pipe the list again:"), command)
        else:
            _say(_("To go on, pipe the same list again:"), command)
        return
    size = f"{scan.source.size:,}"
    _say(_("Stopped. Targets done, and in {file}: {count} of {size}", count=done, size=size, file=scan.name))
    _say(_("To go on:"), resume_command(scan.name))


def _tell_end(scan: _Scan, tally: Tally, seconds: float, *, finished: bool) -> None:
    """What was found."""
    from probe.cli.scan_late import lateness
    from probe.cli.scan_skipped import skipped_in_all
    from probe.report.text import console
    from probe.report.text_summary import summary

    earlier = scan.found.targets if scan.found is not None else 0
    file, where = where_results_are(scan.options, scan.source, scan.name)
    page = console(sys.stderr)
    with suppress(OSError):
        summary(tally, page, seconds=seconds, earlier=earlier, file=file, where=where, finished=finished)
    if skipped := skipped_in_all(scan.source):
        _say(f"\n{skipped}")
    if late := lateness(scan.pool, scan.job.limits.step_s):
        _say(f"\n{late}")
