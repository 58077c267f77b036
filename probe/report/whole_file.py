"""A file that is written whole or not at all: whatever interrupts the writing leaves what was there before."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from probe.errors import InputError

ELSEWHERE = "name a file in a folder that has room and that you may write to"


class Draft:
    """What becomes a file when it is kept: beside it until then, in a folder of its own on the same file system.

    Made at once, so that a place where nothing can be written is known before the work is done. Every method raises
    InputError for what the file system refuses.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        with _told(file):
            self._goal = Path(file).resolve()
            if self._goal.exists() and not self._goal.is_file():
                raise InputError(f"cannot write {file!r}: it is no file", ELSEWHERE)
            self._folder = tempfile.TemporaryDirectory(dir=self._goal.parent, prefix=".rdp-probe-")
            self.path = Path(self._folder.name) / "whole"
            self._stream = self.path.open("wb")

    def write(self, text: str) -> None:
        """Add text, in UTF-8."""
        self.add(text.encode("utf-8", "backslashreplace"))

    def add(self, content: bytes) -> None:
        """Add bytes as they are."""
        with _told(self._file):
            self._stream.write(content)

    def keep(self) -> None:
        """Put it in the place of the file."""
        with _told(self._file):
            self._stream.close()
            self.path.replace(self._goal)

    def discard(self) -> None:
        """Leave nothing beside the file; nothing happens to one that was kept."""
        with _told(self._file):
            self._stream.close()
            self._folder.cleanup()


@contextmanager
def whole_file(file: str) -> Iterator[Path]:
    """Where to write what becomes the file when the block ends; where the block raises, the file stays as it is.

    Raises InputError for what cannot be written, also in the block.
    """
    with _told(file):
        draft = Draft(file)
        try:
            yield draft.path
            draft.keep()
        finally:
            draft.discard()


@contextmanager
def _told(file: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"cannot write {file!r}: {why}", ELSEWHERE) from error
