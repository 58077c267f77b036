"""What a change of the server's settings would do to the known clients, as far as today's facts tell. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from probe.result import Result
from probe.result.verification import ClientChange, WhatIf
from probe.verify.what_if_language import Setting, parse

__all__ = ["Setting", "altered", "cut_off", "parse", "what_if"]


def altered(result: Result, settings: Sequence[Setting]) -> tuple[Result, list[str]]:
    """The result as it would be, judged, and sentences on what today's facts cannot tell of it."""
    raise NotImplementedError


def what_if(text: str, result: Result) -> WhatIf:
    """What becomes of every known client. Raises InputError for a text that `parse` does not take."""
    raise NotImplementedError


def cut_off(change: str | None, result: Result) -> list[ClientChange]:  # noqa: ARG001
    """The clients that connect now and would not after a change."""
    return []
