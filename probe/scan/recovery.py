"""What the file of an interrupted scan says is done, and where its last whole target ends.

The file is read as a stream; of a result only its place in the scan and its target are looked at. What a crash or a
power cut leaves at the end (part of a line, of a target, of a frame, of the receipts of one part; NUL bytes, also as a
hole in what was written last) is not whole. Damage in the middle is none of a crash's: it is named, and nothing is
changed.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import msgspec

from probe.errors import InputError
from probe.result import Place
from probe.scan.compressed import FRAME, Torn, parts_of
from probe.scan.journal import COMPRESSED, resume_command
from probe.scan.tally import Tally, facts_of, read_brief
from probe.scan.work import InPart, Recovered
from probe.scan.written import LONGEST_LINE

_LARGEST_BATCH = 16 * 1024 * 1024  # bytes that are written between two syncs; far more than a scan lets gather
_CHUNK = 64 * 1024


class _Where(msgspec.Struct):
    host: str
    port: int


class _Line(msgspec.Struct):
    scan: Place
    target: _Where
    part: InPart | None = None  # of a receipt: which of the targets in one part this is, from 1

    @property
    def is_within(self) -> bool:
        """Whether more of its target must follow, or more of its part."""
        return self.ends_within or (self.part is not None and self.part.target < self.part.of)

    @property
    def ends_within(self) -> bool:
        """Whether more of its target must follow."""
        return self.scan.result < self.scan.of


_OF_ONE = "only a file that one scan wrote can be gone on with, beside the .scan file that this scan wrote"
_decode = msgspec.json.Decoder(_Line).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a file holds."""

    recovered: Recovered
    targets: int  # that are whole
    whole: int  # bytes; what stands behind them belongs to no whole target
    again: int = 0  # targets that are whole behind them, and asked again: damage or half a part stands before them


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


def recover(
    name: str,
    *,
    is_stream: bool = False,
    shard: tuple[int, int] = (1, 1),
    is_at: Callable[[int, str, int], bool] = lambda _position, _host, _port: True,
) -> Found:
    """Read the file. Raises InputError where it is not what a scan writes, or is damaged before its end.

    A stream's targets are known by what was asked: only the mark above all positions is kept, in constant memory.
    `is_at` says whether the target at this place of the scan has this host and port.
    """
    done = _Done()
    number_of_targets = whole = 0
    found = _Targets(name, None)
    for line, end, number in found:
        nth = _nth(line.scan.position, shard)
        if nth is None:
            raise InputError(
                f"{name}, line {number}: target {line.scan.position} of the scan is not in shard {shard[0]}/{shard[1]}",
                _OF_ONE,
            )
        if not is_at(line.scan.position, line.target.host, line.target.port):
            raise InputError(
                f"{name} is not of this scan: line {number} has {line.target.host}:{line.target.port} as target "
                f"{line.scan.position}, which it is not",
                _OF_ONE,
            )
        if is_stream:
            done.below = max(done.below, nth + 1)
        elif not done.add(nth):
            raise InputError(
                f"{name}, line {number}: target {line.scan.position} of the scan is there a second time", _OF_ONE
            )
        number_of_targets += 1
        whole = end
    recovered = Recovered(below=done.below, above=frozenset(done.above), asked=_Asked(name, whole))
    return Found(recovered=recovered, targets=number_of_targets, whole=whole, again=found.again)


def _nth(position: int, shard: tuple[int, int]) -> int | None:
    """The how manieth of its shard's targets stands there, from 0; None where that place is another shard's."""
    nth, other = divmod(position - (shard[0] - 1), shard[1])
    return None if other or nth < 0 else nth


def tally_of(name: str, found: Found) -> Tally:
    """What the results add up to that are there already. Raises InputError for a line that is no result."""
    tally = Tally()
    tally.targets = found.targets
    whole = 0
    for number, (line, end) in enumerate(_lines(name, found.whole), 1):
        try:
            tally.add(facts_of(read_brief(line)))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _damaged(name, number, whole) from error
        whole = end or whole
    return tally


@dataclass(frozen=True, slots=True)
class _Asked:
    """Host and port of every target that is done. The file may grow meanwhile: only the first `whole` bytes count."""

    name: str
    whole: int

    def __iter__(self) -> Iterator[tuple[str, int]]:
        for line, _end, _number in _Targets(self.name, self.whole):
            yield line.target.host, line.target.port


@dataclass(slots=True)
class _Targets:
    """The last line of each whole target, where what was kept with it ends in the file, and the line's number.

    In a compressed file targets end where their frame ends, and the receipts of one part end together: they are held
    back until it is known to. `again`: those that are whole themselves, and what they were kept with is not.
    """

    name: str
    most: int | None  # bytes that are read
    again: int = 0

    def __iter__(self) -> Iterator[tuple[_Line, int, int]]:
        held: list[tuple[_Line, int]] = []
        before: _Line | None = None  # the line before, where its target or its part goes on
        bad = whole = at = 0
        lines = enumerate(_lines(self.name, self.most), 1)
        for number, (raw, end) in lines:
            if bad:
                raise _damaged(self.name, bad, whole)
            line = _understood(raw, before)
            if line is None and b"\0" in raw and end is not None:
                if self._behind(lines, at) > _LARGEST_BATCH:
                    raise _damaged(self.name, number, whole)
                break
            if line is None:
                bad = number
                continue
            before = line if line.is_within else None
            at = end or at
            if not line.ends_within:
                held.append((line, number))
            if end is not None and before is None:
                whole = end
                yield from ((each, end, place) for each, place in held)
                held.clear()
        self.again += len(held)

    def _behind(self, lines: Iterator[tuple[int, tuple[bytes, int | None]]], hole: int) -> int:
        """How much of the file stands from a hole on, in bytes. Counts the targets behind it."""
        end = hole
        for _number, (raw, ends) in lines:
            end = ends or end
            if end - hole > _LARGEST_BATCH:
                break
            line = _read(raw)
            self.again += line is not None and not line.ends_within
        return end - hole


def _read(raw: bytes) -> _Line | None:
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _understood(raw: bytes, before: _Line | None) -> _Line | None:
    """The line, where it is a result of a scan and follows the line before, which goes on."""
    line = _read(raw)
    if line is None:
        return None
    place, part = Place(position=line.scan.position, result=1, of=line.scan.of), None
    if before is not None and before.ends_within:
        place, part = msgspec.structs.replace(before.scan, result=before.scan.result + 1), before.part
    elif before is not None and before.part is not None:
        part = InPart(before.part.name, before.part.target + 1, before.part.of)
    elif line.part is not None:
        part = InPart(line.part.name, 1, line.part.of)
    fits = (line.scan, line.part) == (place, part) and line.scan.position >= 0 and line.scan.of >= 1
    return line if fits else None


def _damaged(name: str, number: int, whole: int) -> InputError:
    return InputError(
        f"{name}, line {number}: not the result that belongs there; the file was changed or damaged", _cut(name, whole)
    )


def _cut(name: str, whole: int) -> str:
    """How to go on without what stands behind these bytes."""
    file = shlex.quote(name)
    return (
        f"nothing was changed; to have asked again what stands from there on, cut it off: truncate -s {whole} {file}; "
        f"then {resume_command(name)}"
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
    while (most is None or end < most) and (line := stream.readline(LONGEST_LINE)).endswith(b"\n"):
        end += len(line)
        yield line, end
    if stream.tell() - end >= LONGEST_LINE:
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

    start = 0
    parts: list[bytes] = []
    try:
        for part, end in parts_of(stream, _CHUNK):
            parts.append(part)
            if end is not None:
                yield b"".join(parts), end
                start, parts = end, []
    except Torn:
        return  # the last frame
    except zstandard.ZstdError:
        stream.seek(start + 1)
        if _holds(iter(lambda: stream.read(_CHUNK), b""), FRAME):
            raise _damaged_frame(name, start) from None


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
        _cut(name, start),
    )
