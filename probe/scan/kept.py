"""Results of a file, each to be read again by its target: an earlier scan that a later one is held against.

In memory is a number or two for each result. The results stay in their file; those of a compressed file or of
standard input are kept, compressed, in a temporary one.
"""

from __future__ import annotations

import os
import tempfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

import msgspec

from probe.errors import InputError, Unavailable
from probe.result import Result, Target, from_json
from probe.scan.compressed import FRAME
from probe.scan.tally import read_brief
from probe.scan.written import STANDARD_INPUT, Line, Remark, lines_of

Key = int  # of a target: its host, address and port
_BLOCK = 128 * 1024  # bytes of results that are compressed together
_OFFSET_BITS = 20  # of a place, that within its block
_MOST_BLOCKS = 64  # that are kept as they are after one was asked for: 8 MiB


class _Named(Protocol):
    """A target, or what a line says of it in brief."""

    host: str
    port: int
    address: str | None


def key_of(target: _Named) -> Key:
    """The key of a target. It is good in this process alone."""
    return hash((target.host.lower(), target.address, target.port))


class Kept(Mapping[Key, Result]):
    """The results of a file; of several for one target the last. To be closed, or used in a `with`."""

    def __init__(self, file: str, remark: Remark) -> None:
        """Read it once. Raises InputError for what is no file of results, and Unavailable where nothing can be kept.

        `remark` is told, in sentences, of what is left out.
        """
        self._file = file
        self._places: dict[Key, int] = {}
        self._by_name: dict[Key, list[Key]] = {}
        self._store: _InPlace | Spill = _InPlace(file) if _is_plain(file) else Spill()
        repeated = 0
        try:
            for line in lines_of(file, remark):
                repeated += self._take(line)
        except BaseException:
            self.close()
            raise
        if not self._places:
            self.close()
            raise InputError(f"{file} has no results", "name what scan -o, host --json or verify --save wrote")
        if repeated:
            remark(f"{file}: results of targets that have a later one, which counts: {repeated:,}")

    def _take(self, line: Line) -> int:
        """Remember one result; 1 where there was one of its target."""
        if line.brief.is_receipt:
            raise InputError(
                f"{line.file} has receipts: which targets are done, and their status; the results are in parts",
                "name the parts instead, files in the folder that scan --parts named",
            )
        target, key = line.brief.target, key_of(line.brief.target)
        is_known = self._places.pop(key, None) is not None
        self._places[key] = self._store.put(line)
        if not is_known and target.host != target.address:
            self._by_name.setdefault(_name_of(target), []).append(key)
        return int(is_known)

    def __getitem__(self, key: Key) -> Result:
        """The result of a target, read again. Raises KeyError, and InputError where the file is damaged or changed."""
        return self._store.get(self._places[key])

    def __iter__(self) -> Iterator[Key]:
        """The keys in the order of the file."""
        return iter(self._places)

    def __len__(self) -> int:
        """How many targets have a result."""
        return len(self._places)

    def __contains__(self, key: object) -> bool:
        """Whether a target has a result; nothing is read for that."""
        return key in self._places

    def addresses_of(self, target: _Named) -> list[Key]:
        """The keys of every address of this name and port."""
        return self._by_name.get(_name_of(target), [])

    def find(self, target: Target, *, alone: bool = False) -> Result | None:
        """The result of a target; where its name has one address (`alone`) and had one, that of another address."""
        return self.get(self.match(target, alone=alone))

    def match(self, target: Target, *, alone: bool = False) -> Key:
        """The key under which `find` looks for a target; there may be no result of it."""
        key = key_of(target)
        named = self.addresses_of(target) if alone else []
        return named[0] if key not in self and len(named) == 1 else key

    def line(self, key: Key) -> bytes:
        """The result of a target as it was written, with a line end. Raises as `[]` does."""
        content = self._store.read(self._places[key])
        try:
            is_it = key_of(read_brief(content).target) == key
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            is_it = False
        if not is_it:
            raise InputError(f"{self._file} was changed while it was read", "do it again when nobody writes to it")
        return content.rstrip(b"\r\n") + b"\n"

    @property
    def is_compressed(self) -> bool:
        """Whether it was read from a compressed file, or from what can be read once only."""
        return isinstance(self._store, Spill)

    def close(self) -> None:
        """Give back the file."""
        self._store.close()

    def __enter__(self) -> Self:
        """Nothing that creating it did not do."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close it."""
        self.close()


def _name_of(target: _Named) -> Key:
    return hash((target.host.lower(), target.port))


def _is_plain(file: str) -> bool:
    """Whether lines can be read again where they stand."""
    try:
        if file == STANDARD_INPUT or not Path(file).is_file():
            return False
        with Path(file).open("rb") as stream:
            return not stream.read(len(FRAME)).startswith(FRAME)
    except (OSError, ValueError):  # whoever reads it as results says why that cannot be
        return False


class _InPlace:
    """Lines of a file that are read again where they stand."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._stream = Path(file).open("rb")  # noqa: SIM115  closed with the results

    def put(self, line: Line) -> int:
        return line.offset

    def get(self, place: int) -> Result:
        return _result(self.read(place), f"{self._file}, at byte {place}")

    def read(self, place: int) -> bytes:
        self._stream.seek(place)
        return self._stream.readline()

    def close(self) -> None:
        self._stream.close()


class Spill:
    """Documents in a temporary file, compressed in blocks, each found again by its place."""

    def __init__(self) -> None:
        import zstandard

        self._compressor = zstandard.ZstdCompressor(level=1)
        self._decompressor = zstandard.ZstdDecompressor()
        self._block = bytearray()  # the one that is being filled
        self._blocks: list[tuple[int, int]] = []  # where each stands in the file, and how long it is
        self._recent: OrderedDict[int, bytes] = OrderedDict()
        self._stream: IO[bytes] | None = None

    def put(self, line: Line) -> int:
        """Keep a line and tell its place."""
        return self.add(line.content)

    def add(self, document: bytes) -> int:
        """Keep a document of one line, with its line end, and tell its place. Raises Unavailable."""
        place = len(self._blocks) << _OFFSET_BITS | len(self._block)
        self._block += document
        if len(self._block) >= _BLOCK:
            self._write()
        return place

    def _write(self) -> None:
        try:
            if self._stream is None:
                self._stream = tempfile.TemporaryFile()  # noqa: SIM115  closed with the results
            start = self._stream.seek(0, os.SEEK_END)
            size = self._stream.write(self._compressor.compress(bytes(self._block)))
            self._stream.flush()
        except OSError as error:
            raise Unavailable(
                f"cannot keep results in {tempfile.gettempdir()}: {error.strerror}",
                "unpack the files, which are then read in place, or name another folder in TMPDIR",
            ) from error
        self._blocks.append((start, size))
        self._block.clear()

    def get(self, place: int) -> Result:
        """The result at a place. Raises InputError where the line is none."""
        return _result(self.read(place), "a result")

    def read(self, place: int) -> bytes:
        """The document at a place, without its line end."""
        number, offset = place >> _OFFSET_BITS, place & ((1 << _OFFSET_BITS) - 1)
        block = self._block if number == len(self._blocks) else self._block_of(number)
        return bytes(block[offset : block.index(b"\n", offset)])

    def _block_of(self, number: int) -> bytes:
        """A block as it was; those that were asked for last are kept so."""
        found = self._recent.pop(number, None)
        if found is None:
            assert self._stream is not None
            start, size = self._blocks[number]
            self._stream.seek(start)
            found = self._decompressor.decompress(self._stream.read(size))
        self._recent[number] = found
        if len(self._recent) > _MOST_BLOCKS:
            self._recent.popitem(last=False)
        return found

    def close(self) -> None:
        """Give back the temporary file, which is then gone."""
        if self._stream is not None:
            with suppress(OSError):  # of a full disk, which was said; nobody needs what could not be written
                self._stream.close()


def _result(line: bytes, where: str) -> Result:
    """Raises InputError where more of a line is damaged than its brief shows, or the file was changed meanwhile."""
    try:
        return from_json(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"{where}: not a result of this program: {error}", "is the file damaged, or is it being written?"
        ) from error
