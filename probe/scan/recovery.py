"""What the file of an interrupted scan says is done, and where its last whole target ends.

The file is read as a stream; of a result only its place in the scan and its target are looked at. What a crash or a
power cut leaves at the end (part of a line, part of a target, part of a frame, NUL bytes) is not whole. Damage in the
middle is none of a crash's: it is named, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import msgspec

from probe.errors import InputError
from probe.scan.journal import COMPRESSED
from probe.scan.tally import Tally, facts_of, read_brief
from probe.scan.work import Recovered

_LONGEST_LINE = 64 * 1024 * 1024  # bytes; a result of depth full with every attempt has less than one million
_CHUNK = 64 * 1024
_FRAME = b"\x28\xb5\x2f\xfd"  # how a zstd frame begins (RFC 8878, 3.1.1)


class _Place(msgspec.Struct):
    position: int
    result: int
    of: int


class _Where(msgspec.Struct):
    host: str
    port: int


class _Line(msgspec.Struct):
    scan: _Place
    target: _Where


_decode = msgspec.json.Decoder(_Line).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a file holds."""

    recovered: Recovered
    targets: int  # that are whole
    whole: int  # bytes; what stands behind them belongs to no whole target


@dataclass(slots=True)
class _Done:
    """Positions that are done; memory for those only that came before their turn."""

    below: int = 0
    above: set[int] = field(default_factory=set)

    def add(self, position: int) -> bool:
        """False where it was there already."""
        if position < self.below or position in self.above:
            return False
        self.above.add(position)
        while self.below in self.above:
            self.above.remove(self.below)
            self.below += 1
        return True


def recover(name: str, *, is_stream: bool = False, shard: tuple[int, int] = (1, 1)) -> Found:
    """Read the file. Raises InputError where it is not what a scan writes, or is damaged before its end.

    A stream's targets are known by what was asked: only the mark above all positions is kept, in constant memory.
    """
    done = _Done()
    targets = whole = 0
    for line, end, number in _targets(name, None):
        nth = _nth(line.scan.position, shard)
        if nth is None:
            raise InputError(
                f"{name}, line {number}: target {line.scan.position} of the scan is not in shard {shard[0]}/{shard[1]}",
                "only a file that one scan wrote can be gone on with; begin again with another name",
            )
        if is_stream:
            done.below = max(done.below, nth + 1)
        elif not done.add(nth):
            raise InputError(
                f"{name}, line {number}: target {line.scan.position} of the scan is there a second time",
                "only a file that one scan wrote can be gone on with; begin again with another name",
            )
        targets += 1
        whole = end
    recovered = Recovered(below=done.below, above=frozenset(done.above), asked=_Asked(name, whole))
    return Found(recovered=recovered, targets=targets, whole=whole)


def _nth(position: int, shard: tuple[int, int]) -> int | None:
    """The how manieth of its shard's targets stands there, from 0; None where that place is another shard's."""
    nth, other = divmod(position - (shard[0] - 1), shard[1])
    return None if other or nth < 0 else nth


def tally_of(name: str, found: Found) -> Tally:
    """What the results add up to that are there already. Raises InputError for a line that is no result."""
    tally = Tally()
    tally.targets = found.targets
    for number, (line, _end) in enumerate(_lines(name, found.whole), 1):
        try:
            tally.add(facts_of(read_brief(line)))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _damaged(name, number) from error
    return tally


@dataclass(frozen=True, slots=True)
class _Asked:
    """Host and port of every target that is done. The file may grow meanwhile: only the first `whole` bytes count."""

    name: str
    whole: int

    def __iter__(self) -> Iterator[tuple[str, int]]:
        for line, _end, _number in _targets(self.name, self.whole):
            yield line.target.host, line.target.port


def _targets(name: str, most: int | None) -> Iterator[tuple[_Line, int, int]]:
    """The last line of each whole target, where the target ends in the file, and the line's number.

    In a compressed file targets end where their frame ends. They are held back until it is known to.
    """
    held: list[tuple[_Line, int]] = []
    before: _Place | None = None  # the line before, where its target goes on
    bad = 0
    for number, (raw, end) in enumerate(_lines(name, most), 1):
        if bad:
            raise _damaged(name, bad)
        line = _understood(raw, before)
        if line is None:
            bad = number
            continue
        before = line.scan if line.scan.result < line.scan.of else None
        if before is None:
            held.append((line, number))
        if end is not None and before is None:
            yield from ((each, end, at) for each, at in held)
            held.clear()


def _understood(raw: bytes, before: _Place | None) -> _Line | None:
    """The line, where it is a result of a scan and follows the line before."""
    try:
        line = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    expected = _Place(before.position, before.result + 1, before.of) if before else None
    if expected is None:
        expected = _Place(line.scan.position, 1, line.scan.of)
    fits = line.scan == expected and line.scan.position >= 0 and line.scan.of >= 1
    return line if fits else None


def _damaged(name: str, number: int) -> InputError:
    return InputError(
        f"{name}, line {number}: not the result that belongs there; the file was changed or damaged",
        "nothing was changed; to keep what stands before that line, copy it to another file, "
        "and scan again with another name",
    )


def _lines(name: str, most: int | None) -> Iterator[tuple[bytes, int | None]]:
    """Whole lines and where each ends, which in a compressed file is only known of a frame's last."""
    try:
        with open(name, "rb") as stream:  # noqa: PTH123
            yield from (_compressed if name.endswith(COMPRESSED) else _plain)(name, stream, most)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "a file's name has no NUL"
        raise InputError(f"cannot read {name!r}: {why}", "check the name after --resume") from error


def _plain(name: str, stream: BinaryIO, most: int | None) -> Iterator[tuple[bytes, int]]:
    end = 0
    while (most is None or end < most) and (line := stream.readline(_LONGEST_LINE)).endswith(b"\n"):
        end += len(line)
        yield line, end
    if stream.tell() - end >= _LONGEST_LINE:
        raise InputError(f"{name} is not what a scan writes", "give the file that was named after -o")


def _compressed(name: str, stream: BinaryIO, most: int | None) -> Iterator[tuple[bytes, int | None]]:
    for content, end in _frames(name, stream):
        if most is not None and end > most:
            return
        lines = content.splitlines(keepends=True)
        if not lines or not lines[-1].endswith(b"\n"):
            raise InputError(f"{name} is not what a scan writes", "give the file that was named after -o")
        yield from ((line, None) for line in lines[:-1])
        yield lines[-1], end


def _frames(name: str, stream: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The content of each whole frame and where it ends. Raises InputError for one that is damaged before the last."""
    import zstandard

    context = zstandard.ZstdDecompressor()
    rest = b""
    start = 0
    while rest or (rest := stream.read(_CHUNK)):
        decoder = context.decompressobj()
        parts = []
        end = start
        try:
            while not decoder.eof:
                if not (rest := rest or stream.read(_CHUNK)):
                    return  # the last frame is torn
                parts.append(decoder.decompress(rest))
                end += len(rest)
                rest = b""
        except zstandard.ZstdError:
            stream.seek(start + 1)
            if _holds(iter(lambda: stream.read(_CHUNK), b""), _FRAME):
                raise _damaged_frame(name, start) from None
            return
        rest = decoder.unused_data
        start = end - len(rest)
        yield b"".join(parts), start


def _holds(chunks: Iterable[bytes], what: bytes) -> bool:
    before = b""
    for chunk in chunks:
        if what in before + chunk:
            return True
        before = chunk[1 - len(what) :]
    return False


def _damaged_frame(name: str, start: int) -> InputError:
    return InputError(
        f"{name} is damaged from byte {start} on, and more follows",
        f"nothing was changed; what stands before it can be kept: head -c {start}; scan again with another name",
    )
