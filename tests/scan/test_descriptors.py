from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from probe.errors import Unavailable
from probe.scan import descriptors as subject
from probe.scan.descriptors import concurrency_for, processes_for

ENDLESS = resource.RLIM_INFINITY


class Limits:
    """In place of this process's own."""

    def __init__(self, soft: int, hard: int, *, refuses: bool = False) -> None:
        self.soft, self.hard, self.refuses = soft, hard, refuses

    def get(self, which: int) -> tuple[int, int]:
        assert which == resource.RLIMIT_NOFILE
        return self.soft, self.hard

    def set(self, which: int, limits: tuple[int, int]) -> None:
        assert which == resource.RLIMIT_NOFILE
        if self.refuses:
            raise ValueError("current limit exceeds maximum limit")
        assert limits[1] == self.hard
        self.soft = limits[0]


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Limits:
    found = Limits(1024, 4096)
    monkeypatch.setattr(resource, "getrlimit", found.get)
    monkeypatch.setattr(resource, "setrlimit", found.set)
    return found


@pytest.mark.parametrize(
    ("soft", "hard", "processes", "number", "raised"),
    [
        (1024, 1024, 1, 500, 1024),
        (1024, ENDLESS, 1, 500, 1024),
        (ENDLESS, ENDLESS, 1, 500, ENDLESS),
        (256, 4096, 1, 500, 564),  # raised, as far as it takes
        (256, ENDLESS, 1, 500, 564),
        (256, 4096, 2, 500, 314),
        (256, 256, 4, 500, 256),
    ],
)
def test_the_default_is_had_where_the_hard_limit_allows_it(
    limits: Limits, *, soft: int, hard: int, processes: int, number: int, raised: int
) -> None:
    limits.soft, limits.hard = soft, hard
    assert concurrency_for(None, processes) == (number, None)
    assert limits.soft == raised


@pytest.mark.parametrize(
    ("hard", "processes", "number"), [(256, 1, 192), (256, 2, 384), (400, 1, 336), (65, 1, 8), (64, 2, 16)]
)
def test_the_default_shrinks_with_a_remark_where_it_does_not(
    limits: Limits, hard: int, processes: int, number: int
) -> None:
    limits.soft = limits.hard = hard
    found, remark = concurrency_for(None, processes)
    assert found == number
    assert remark is not None
    assert f"{number} connections" in remark
    assert f"{hard} descriptors" in remark


def test_what_was_asked_for_is_had_or_refused_with_a_way_to_have_it(limits: Limits) -> None:
    assert concurrency_for(4000, 1) == (4000, None)
    assert limits.soft == 4064
    with pytest.raises(Unavailable, match="5000 connections at a time need 5064 file descriptors") as caught:
        concurrency_for(5000, 1)
    for way in ("ulimit -n 5064", "limits.conf", "LimitNOFILE=5064", "--concurrency 4032"):
        assert way in caught.value.hint
    assert concurrency_for(5000, 2) == (5000, None)


def test_not_one_connection_is_no_scan(limits: Limits) -> None:
    limits.soft = limits.hard = 31
    with pytest.raises(Unavailable) as caught:
        concurrency_for(None, 1)
    assert "--concurrency" not in caught.value.hint


def test_a_few_connections_are_had_with_few_descriptors(limits: Limits) -> None:
    limits.soft = limits.hard = 32
    assert concurrency_for(8, 1) == (8, None)
    with pytest.raises(Unavailable) as caught:
        concurrency_for(9, 1)
    assert "--concurrency 8" in caught.value.hint


def test_a_system_that_lets_nobody_raise_is_taken_as_it_is(limits: Limits) -> None:
    limits.soft, limits.hard, limits.refuses = 256, ENDLESS, True
    assert concurrency_for(None, 1)[0] == 192


@pytest.mark.parametrize(
    ("text", "wanted", "told"),
    [("32768\t60999\n", 28233, True), ("32768\t60999\n", 28232, False), ("1 2", 500, True), ("nonsense", 500, False)],
)
def test_too_few_ports_are_told_of(
    limits: Limits, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, text: str, wanted: int, told: bool
) -> None:
    limits.soft = limits.hard = 10**6
    monkeypatch.setattr(subject, "_PORTS", tmp_path / "range")
    (tmp_path / "range").write_text(text)
    number, remark = concurrency_for(wanted, 1)
    assert number == wanted
    assert (remark is not None) is told


def test_without_that_file_the_usual_ports_are_taken(
    limits: Limits, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    limits.soft = limits.hard = 10**6
    monkeypatch.setattr(subject, "_PORTS", tmp_path / "none")
    assert concurrency_for(28232, 1)[1] is None


def test_processes_are_as_many_as_cores_but_one_for_few_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    assert processes_for(None, None) == 3
    assert processes_for(None, 64) == 3
    assert processes_for(None, 63) == 1
    assert processes_for(7, 1) == 7
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processes_for(None, None) == 1
