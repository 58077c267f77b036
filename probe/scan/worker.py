"""A worker process of a scan: `python -m probe.scan.worker`, started by `probe.scan.pool` and by nobody else.

It reads targets from standard input and writes what came of them to standard output, as `probe.scan.frames` has it. It
ignores Ctrl-C, which is for the process that scans; when its standard input ends before the targets do it ends at once,
so it never outlives that process, however that one ended. Where there are no results to write it says every 5 s that it
is alive: its event loop turns.
"""

from __future__ import annotations

import math
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import trio

    from probe.scan.work import Finished

_ALIVE_S = 5.0


def main() -> None:
    """Work until there is no more to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import trio

    results = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library may print is no message
    trio.run(_work, os.dup(sys.stdin.fileno()), results)


async def _write(stream: trio.abc.SendStream, finished: trio.MemoryReceiveChannel[list[Finished]]) -> None:
    """Tell what came of targets, and where nothing did for a while that this process is alive."""
    import trio

    from probe.scan.frames import Report, frame

    while True:
        some: list[Finished] = []
        try:
            with trio.move_on_after(_ALIVE_S):
                some = await finished.receive()
        except trio.EndOfChannel:
            return
        await stream.send_all(frame(Report(some)))


async def _work(tasks_fd: int, results_fd: int) -> None:
    import msgspec
    import trio

    from probe.errors import InputError, Unavailable
    from probe.scan.frames import Frames, Report, frame
    from probe.scan.garbage import seldom_collected
    from probe.scan.problem import leaf, problem_of
    from probe.scan.scheduler import ThisProcess
    from probe.scan.work import Finished, Job, Task

    decode_tasks = msgspec.msgpack.Decoder(list[Task]).decode
    hand_out, handed_out = trio.open_memory_channel[list[Task]](math.inf)  # who sends bounds it, see `pool`
    finish, finished = trio.open_memory_channel[list[Finished]](0)

    async def read(frames: Frames) -> None:
        while (message := await frames.next()) is not None:
            if batch := decode_tasks(message):
                hand_out.send_nowait(batch)
            else:
                hand_out.close()
        os._exit(1)

    async with trio.lowlevel.FdStream(tasks_fd) as tasks, trio.lowlevel.FdStream(results_fd) as results:
        frames = Frames(tasks)
        first = await frames.next()
        if first is None:
            return
        job, pool = msgspec.msgpack.decode(first, type=Job), ThisProcess()
        try:
            async with trio.open_nursery() as reading:
                reading.start_soon(read, frames)
                await results.send_all(frame(Report()))
                async with trio.open_nursery() as writing:
                    writing.start_soon(_write, results, finished)
                    with seldom_collected():
                        await pool.work(job, handed_out, finish)
                await results.send_all(frame(Report([], None, pool.late_s)))
                reading.cancel_scope.cancel()
        except (ExceptionGroup, InputError, Unavailable) as error:
            if isinstance(leaf(error), trio.BrokenResourceError):  # nobody reads what we write
                os._exit(1)
            if (problem := problem_of(error)) is None:
                raise
            await results.send_all(frame(Report([], problem)))


if __name__ == "__main__":
    main()
