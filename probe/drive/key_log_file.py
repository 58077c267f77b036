"""Key logs on disk: read with little memory, however large they are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from probe.errors import InputError
from probe.handshake.key_log import KeyLog

_LONGEST_LINE = 4096  # bytes; a secret's line has some 200
_TRIAL = 1 << 20  # bytes without any line of a key log, after which a file is none
_HINT = "name a file as SSLKEYLOGFILE makes it: CLIENT_RANDOM and two hexadecimal numbers in a line"


def read_key_log(path: str, into: KeyLog | None = None) -> KeyLog:
    """The secrets of a key log, beside those that `into` has. One may be empty: no handshake was completed yet.

    Raises InputError for what cannot be read, and for what has lines and none that is a secret's.
    """
    log = KeyLog() if into is None else into
    before, unread = log.taken, log.unread
    try:
        with Path(path).open("rb") as file:
            _read(file, log, before)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise InputError(f"cannot read the key log {path!r}: {why}", _HINT) from error
    if log.taken == before and log.unread > unread:
        raise InputError(f"no secret in the key log {path!r}", _HINT)
    return log


def _read(file: BinaryIO, log: KeyLog, before: int) -> None:
    """Take line by line; what never ends in a line, or never becomes a key log, is given up."""
    taken = 0
    while line := file.readline(_LONGEST_LINE):
        log.take(line)
        taken += len(line)
        if taken > _TRIAL and log.taken == before:
            return


def read_key_logs(paths: Iterable[str]) -> KeyLog:
    """The secrets of several key logs together. Raises InputError."""
    log = KeyLog()
    for path in paths:
        read_key_log(path, log)
    return log
