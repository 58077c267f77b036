"""The errors of this program.

ProbeError
├─ WireError(structure, field, offset, why)   Truncated · InvalidField · TooLong
├─ UnexpectedMessage                          valid bytes at the wrong moment
├─ InputError(what, hint)                     a target, file or option the user gave; exit status 2
└─ Unavailable(what, hint)                    something this machine lacks: permission, descriptors, a library

What a peer does wrong becomes an event or a field of the result, what the user does wrong an
InputError, what we do wrong a traceback. None is ever turned into another.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable


class ProbeError(Exception):
    """Anything this package raises on purpose."""


class WireError(ProbeError):
    """Bytes that do not follow the layout of the structure they are read as.

    `offset` counts bytes from the start of the outermost structure handed to the Reader.
    """

    def __init__(self, structure: str, field: str, offset: int, why: str) -> None:
        super().__init__(f"{structure}.{field} at byte {offset}: {why}")
        self.structure = structure
        self.field = field
        self.offset = offset
        self.why = why


class Truncated(WireError):
    """The bytes end before the structure does. More bytes may make it whole."""


class InvalidField(WireError):
    """A field holds what its layout forbids. More bytes will not help."""


class TooLong(WireError):
    """A length from the peer exceeds what we are willing to read."""


class UnexpectedMessage(ProbeError):
    """A well-formed message that the protocol does not allow at this moment."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(f"{message} while in state {state}")
        self.state = state
        self.message = message


class InputError(ProbeError):
    """Something the user gave cannot be used. `hint` says what would work.

    `more` is what else is wrong with the same thing, each with its hint.
    """

    def __init__(self, what: str, hint: str, more: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.more = tuple(more)


class Unavailable(ProbeError):
    """Something this machine lacks. `hint` says how to provide it."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


def install_hint(*packages: str) -> str:
    """What installs a library where this program runs, however that came to be there: a clone, pip, pipx."""
    return shlex.join([sys.executable or "python3", "-m", "pip", "install", *packages])
