"""What changed between two results of one target, in the order that matters. Pure."""

from __future__ import annotations

from probe.result import Result
from probe.result.verification import Change, ClientChange


def changes(before: Result, after: Result) -> list[Change]:
    """Every fact that is not as it was. Times, durations and random values are no facts."""
    raise NotImplementedError


def client_changes(before: Result, after: Result) -> list[ClientChange]:
    """The known clients for which it is not as it was, those that lost access first."""
    raise NotImplementedError
