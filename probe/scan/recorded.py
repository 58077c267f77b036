"""What went over the wire in a scan: kept beside each target where it is audited, and written where results are."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import trio  # noqa: TID253 - this module is only imported when a scan runs

from probe.drive.capture_writer import Recorder, Recording
from probe.language import _
from probe.scan.course import Sink
from probe.scan.work import Finished, Job


def recorder_for(job: Job) -> Recorder | None:
    """What is to look on at the audits of one target; None where nobody wants to know."""
    if not (job.records_packets or job.records_secrets):
        return None
    return Recorder(packets=job.records_packets, secrets=job.records_secrets)


def with_recorded(finished: Finished, recorder: Recorder | None) -> Finished:
    """All that came of a target, and what its recorder has kept."""
    if recorder is None:
        return finished
    return msgspec.structs.replace(finished, packets=bytes(recorder.records), secrets=bytes(recorder.secrets))


def recorded(sink: Sink, recording: Recording | None, tell: Callable[[str], None]) -> Sink:
    """The sink that also writes a capture, where there is one. `tell` is told once that it can be written no more."""
    return sink if recording is None else _Recorded(sink, recording, tell)


class _Recorded:
    """The results are safe first, and go on where the capture cannot be written."""

    def __init__(self, sink: Sink, recording: Recording, tell: Callable[[str], None]) -> None:
        self._sink = sink
        self._recording = recording
        self._tell = tell
        self._told = False
        self.gather_s = sink.gather_s

    async def append(self, finished: list[Finished]) -> None:
        """Keep results, then packets. Raises what the sink raises."""
        await self._sink.append(finished)
        await trio.to_thread.run_sync(self._add, finished)
        problem = self._recording.problem
        if problem is not None and not self._told:
            self._told = True
            self._tell(_("The scan goes on without its capture: {why}", why=problem.what))

    def _add(self, finished: list[Finished]) -> None:
        for each in finished:
            self._recording.add(each.packets, each.secrets)
