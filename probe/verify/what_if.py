"""What a change of the server's settings would do to the known clients, as far as today's facts tell. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probe.result import Result
from probe.result.verification import ClientChange, WhatIf


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that would be set: "tls.min" to "1.2"."""

    key: str
    value: str


def parse(text: str) -> tuple[Setting, ...]:
    """The settings of 'tls.min=1.2,nla=required'. Raises InputError that names the nearest valid one."""
    raise NotImplementedError


def altered(result: Result, settings: Sequence[Setting]) -> tuple[Result, list[str]]:
    """The result as it would be, judged, and sentences on what today's facts cannot tell of it."""
    raise NotImplementedError


def what_if(text: str, result: Result) -> WhatIf:
    """What becomes of every known client. Raises InputError for a text that `parse` does not take."""
    raise NotImplementedError


def cut_off(change: str, result: Result) -> list[ClientChange]:
    """The clients that connect now and would not after a change."""
    raise NotImplementedError
