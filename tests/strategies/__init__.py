"""Hypothesis strategies, one a wire message, and what every message is tested with.

A module here mirrors one of `probe.wire` and lists its messages in `CASES`; tests/wire/test_messages.py
runs the same properties over all of them and fails when a message of `probe.wire` has no case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis.strategies import SearchStrategy


@dataclass(frozen=True)
class Case:
    """One message: how it is made, read and written.

    `framed` says that the message knows its own length, so that every shorter prefix is Truncated;
    where it ends with its container, a prefix may be a valid, shorter message.
    """

    kind: type
    messages: SearchStrategy[Any]
    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]
    framed: bool = True

    def __repr__(self) -> str:
        return self.kind.__name__
