"""Results that were written before, read line by line: NDJSON as it is or compressed, in constant memory."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

import msgspec

from probe.errors import InputError
from probe.result import Result, from_json
from probe.scan.compressed import FRAME, Torn, parts_of
from probe.scan.no_results import what_it_is
from probe.scan.tally import Brief, Shared, read_brief

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

STANDARD_INPUT = "-"
LONGEST_LINE = 64 * 1024 * 1024  # bytes; a result of depth full with every attempt has less than one million
_CHUNK = 64 * 1024
_COMPRESSED_CHUNK = 4 * 1024  # a block of 4 bytes may hold 128 KiB: this much, 128 MiB
_T = TypeVar("_T")
Remark = Callable[[str], None]  # what a user should know, a sentence, while the work goes on


@dataclass(frozen=True, slots=True)
class Line:
    """One whole line of a file, and what it says in brief."""

    file: str
    number: int  # from 1
    content: bytes  # with its line end
    brief: Brief
    offset: int  # where it begins in the file, decompressed

    def result(self) -> Result:
        """All that it says. Raises InputError where more of it is damaged than the brief shows."""
        return _decoded(from_json, self.content, self.file, self.number)


def lines_of(file: str, remark: Remark) -> Iterator[Line]:
    """Every result of a file, "-" being standard input; empty lines are none.

    A last line that was torn off, as a crash leaves it, is left out, and `remark` is told so in a sentence. Raises
    InputError that names file and line for any other that is not a result, and for a file that cannot be read.
    """
    is_first = True
    end = 0
    for number, content in enumerate(_raw(file, remark), 1):
        end += len(content)
        if not content.strip():
            continue
        if is_first and (mistaken := what_it_is(file, content)) is not None:
            raise mistaken
        is_first, is_whole = False, content.endswith(b"\n")
        try:
            brief = _decoded(read_brief, content, file, number)
        except InputError:
            if is_whole:
                raise
            remark(f"{file}, line {number}: torn off at the end of the file, left out")
            return
        yield Line(file, number, content if is_whole else content + b"\n", brief, end - len(content))


def shared_in(files: list[str]) -> Shared:
    """Certificates that several addresses of these files serve; all of them, so that memory grows with their number.

    Raises InputError, also for standard input, which cannot be read twice.
    """
    shared = Shared(most=None)
    for file in files:
        if file == STANDARD_INPUT:
            raise InputError(
                "who shares a certificate shows when all results were read, and standard input is read only once",
                "keep it in a file: … > results.ndjson; rdp-probe export --only cert_shared results.ndjson",
            )
        for line in lines_of(file, lambda _words: None):
            for chain in line.brief.certificates[:1]:
                if chain.chain:
                    shared.add(chain.chain[0].sha256, line.brief.target.address or line.brief.target.host)
    return shared


def _decoded(decode: Callable[[bytes], _T], content: bytes, file: str, number: int) -> _T:
    try:
        return decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"{file}, line {number}: not a result of this program: {error}",
            f"look at it: {'zstdcat' if file.endswith('.zst') else 'cat'} {file} | sed -n {number}p",
        ) from error


def _raw(file: str, remark: Remark) -> Iterator[bytes]:
    """Lines as they are, each with its end but perhaps the last."""
    try:
        with _opened(file, remark) as stream:
            for number, line in enumerate(iter(lambda: stream.readline(LONGEST_LINE), b""), 1):
                if len(line) >= LONGEST_LINE:
                    raise InputError(f"{file}, line {number}: longer than any result", "is it a file of results?")
                yield line
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "a file's name has no NUL"
        raise InputError(f"cannot read {file!r}: {why}", "give a file of results, as scan -o writes it") from error


@contextmanager
def _opened(file: str, remark: Remark) -> Iterator[BinaryIO]:
    """The file's content, decompressed where it is compressed, whatever its name."""
    with nullcontext(sys.stdin.buffer) if file == STANDARD_INPUT else open(file, "rb") as stream:  # noqa: PTH123
        buffered = io.BufferedReader(cast("io.RawIOBase", stream), _CHUNK)
        is_compressed = buffered.peek(len(FRAME)).startswith(FRAME)
        yield io.BufferedReader(_Decompressed(buffered, file, remark), _CHUNK) if is_compressed else buffered
        if file == STANDARD_INPUT:
            buffered.detach()


class _Decompressed(io.RawIOBase):
    """What a file of zstd frames holds. One that ends within a frame gives what it has."""

    def __init__(self, stream: BinaryIO, file: str, remark: Remark) -> None:
        self._file = file
        self._remark = remark
        self._parts = parts_of(stream, _COMPRESSED_CHUNK)
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, into: Buffer) -> int:
        import zstandard

        try:
            while not self._ready:
                self._ready = memoryview(next(self._parts)[0])
        except StopIteration:
            return 0
        except Torn:
            self._remark(f"{self._file}: torn off within its last frame, which is left out")
            return 0
        except zstandard.ZstdError as error:
            raise InputError(
                f"{self._file} is damaged: {error}", f"what can be read of it: zstdcat {self._file} > rescued.ndjson"
            ) from error
        space = memoryview(into).cast("B")
        size = min(len(space), len(self._ready))
        space[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size
