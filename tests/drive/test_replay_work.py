"""Connections judged by several processes come out as if by one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import count as counted

import pytest

from probe.capture.connection import Connection, Endpoint, Piece
from probe.drive.replay_work import FEW, Found, in_order, worked
from probe.handshake.machine import Side


def connection(first: int, size: int = 0) -> Connection:
    pieces = [Piece(Side.CLIENT, bytes(size), 0.0, first)] if size else []
    ends = Endpoint("192.0.2.1", 5), Endpoint("192.0.2.7", 3389)
    return Connection(
        stream=first, client=ends[0], server=ends[1], pieces=pieces, first_packet=first, last_packet=first, packets=1,
        started=0.0, ended=0.0,
    )  # fmt: skip


def firsts(*found: tuple[int, int | None], size: int = 0) -> list[int]:
    return [each.first_packet for each in in_order((connection(first, size), oldest) for first, oldest in found)]


def test_each_waits_for_what_began_before_it() -> None:
    assert firsts((5, 1), (3, 1), (1, 7), (8, 7), (7, None)) == [1, 3, 5, 7, 8]


def test_what_nothing_older_is_under_way_for_goes_out_at_once() -> None:
    gone: list[int] = []

    def found() -> Iterator[tuple[Found, int | None]]:
        yield connection(1), 4
        assert gone == [1]
        yield connection(4), None
        assert gone == [1, 4]

    for each in in_order(found()):
        gone.append(each.first_packet)  # noqa: PERF401 - the generator looks on


@pytest.mark.parametrize(("count", "size"), [(5000, 0), (40, 1 << 20)])
def test_there_is_an_end_to_waiting(count: int, size: int) -> None:
    read: list[int] = []

    def found() -> Iterator[tuple[Found, int | None]]:
        for number in range(2, count):
            read.append(number)
            yield connection(number, size), 1

    first = next(iter(in_order(found())))
    assert first.first_packet == 2
    assert len(read) < count - 2


def process(found: Found) -> bytes:
    return f"{found.first_packet} {os.getpid()}".encode()


@pytest.mark.parametrize("count", [0, 10, FEW, FEW + 1, FEW + 500])
def test_many_are_worked_on_elsewhere_and_come_in_their_order(count: int) -> None:
    made = [line.split() for line in worked(map(connection, range(count)), process, lambda: True, 2)]
    assert [int(first) for first, _ in made] == list(range(count))
    here = str(os.getpid()).encode()
    assert {who for _, who in made[:FEW]} <= {here}
    assert here not in {who for _, who in made[FEW:]}


@pytest.mark.parametrize("processes", [1, 2, None])
def test_what_others_do_not_know_is_done_here(processes: int | None) -> None:
    here = str(os.getpid()).encode()
    alone = worked(map(connection, range(FEW + 80)), process, lambda: False, processes)
    assert {line.split()[1] for line in alone} == {here}


def test_what_comes_to_be_known_later_is_done_here_from_then_on() -> None:
    asked: list[bool] = []

    def may_share() -> bool:
        asked.append(len(asked) < 3)
        return asked[-1]

    made = [line.split() for line in worked(map(connection, range(FEW + 300)), process, may_share, 2)]
    here = str(os.getpid()).encode()
    assert [int(first) for first, _ in made] == list(range(FEW + 300))
    assert [who == here for _, who in made[FEW:]] == [False] * 64 + [True] * 236


@pytest.mark.parametrize("processes", [1, 2])
def test_what_is_had_at_once_is_asked_of_no_other_process_and_keeps_its_place(processes: int) -> None:
    slow = {FEW + 40, FEW + 200}
    found = [connection(number) for number in range(FEW + 300)]

    def at_once(each: Found) -> bytes | None:
        return None if each.first_packet in slow else str(each.first_packet).encode()

    told = list(worked(found, process, lambda: True, processes, at_once=at_once))
    assert [int(line.split()[0]) for line in told] == list(range(FEW + 300))
    elsewhere = [number for number, line in enumerate(told) if line.endswith(f" {os.getpid()}".encode())]
    assert elsewhere == ([] if processes > 1 else sorted(slow))
    assert {b" " in told[number] for number in slow} == {True}


def test_what_a_killed_process_was_to_do_is_done_here() -> None:
    here, fatal = os.getpid(), FEW + 100

    def work(found: Found) -> bytes:
        if os.getpid() != here and found.first_packet == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return str(found.first_packet).encode()

    made = worked(map(connection, range(FEW + 1000)), work, lambda: True, 2)
    assert [int(line) for line in made] == list(range(FEW + 1000))


_ENDLESS = f"""
from itertools import count
from {__name__} import connection, process, worked
for line in worked(map(connection, count()), process, lambda: True, 2):
    print(line.decode(), flush=True)
"""


def test_processes_that_help_end_with_the_one_that_reads() -> None:
    command = [sys.executable, "-c", _ENDLESS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as reader:
        assert reader.stdout is not None
        try:
            assert any(int(line.split()[1]) != reader.pid for line in reader.stdout)
            reader.kill()
            reader.communicate(timeout=60)  # their standard output is the same, so that it ends with the last of them
        finally:
            with suppress(ProcessLookupError):
                os.killpg(reader.pid, signal.SIGKILL)


def test_what_goes_to_another_process_is_bounded_by_its_bytes_too() -> None:
    large, read = 1 << 19, 0

    def found() -> Iterator[Found]:
        nonlocal read
        for number in counted():
            read = number
            yield connection(number, large if number >= FEW else 0)

    made = worked(found(), process, lambda: True, 2)
    for _ in range(FEW + 1):
        next(made)
    made.close()  # type: ignore[attr-defined]
    assert (read - FEW) * large <= 16 << 20
