"""What a process or a machine that works for a scan gives up with, as it travels to whoever has the scan."""

from __future__ import annotations

import msgspec

from probe.errors import InputError, Unavailable


class Problem(msgspec.Struct, frozen=True, array_like=True):
    """An InputError or Unavailable: which of them, and what it says."""

    kind: str
    what: str
    hint: str

    def error(self, whose: str = "") -> InputError | Unavailable:
        """To be raised here; `whose` stands before what it says."""
        kind = InputError if self.kind == InputError.__name__ else Unavailable
        return kind(f"{whose}{self.what}", self.hint)


def problem_of(error: BaseException) -> Problem | None:
    """What to tell of an exception; None where it is a fault of ours."""
    inner = leaf(error)
    if isinstance(inner, InputError | Unavailable):
        return Problem(type(inner).__name__, inner.what, inner.hint)
    return None


def leaf(error: BaseException) -> BaseException:
    """The first exception of a group that is none: nurseries wrap what their tasks raise."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
