"""Where the targets of a scan come from: a space that is known before it begins, or a stream that is not.

Blocks, ranges, names and regular files make a space: without duplicates, in pseudo-random order, a shard being a slice
of that order. With standard input, a pipe or a FIFO among them the whole is a stream: asked as it comes, while whoever
writes it still writes.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from probe.errors import InputError
from probe.scan import manners
from probe.scan.exclusion import Exclusions, address_text
from probe.scan.inputs import pieces_of
from probe.scan.permutation import Permutation
from probe.scan.space import Space, name_key
from probe.scan.targets import Name, other_ports, parse
from probe.scan.work import Recovered, Source, Task

_NO_TARGET = "give a name, an address, a block such as 10.0.0.0/24, @file, or - for standard input"


def open_source(
    texts: Sequence[str],
    ports: Sequence[int],
    *,
    exclude: Sequence[str] = (),
    exclude_files: Sequence[str] = (),
    seed: int | None = None,
    shard: tuple[int, int] = (1, 1),
    rate: float | None = None,
) -> Source:
    """What the command line says is to be scanned. Files are read now, standard input and pipes when tasks are taken.

    `ports`: none means 3389. `seed`: 64 bits, or None for a new one. `shard`: K and N, K from 1.
    Raises InputError for what is no target, and where there is none.
    """
    if not texts:
        raise InputError("there is no target", _NO_TARGET)
    excluded, names = _exclusions(exclude, exclude_files)
    seed = secrets.randbits(32) if seed is None else seed
    if any(_is_stream(text) for text in texts):
        from probe.scan.source_stream import StreamSource

        streams = frozenset(filter(_is_stream, texts))
        for text in texts:  # what can be read twice: its mistakes are said before anything is asked
            if text not in streams:
                deque(pieces_of(text, manners.refuse), maxlen=0)
        return StreamSource(texts, ports, excluded, names, streams=streams, seed=seed, shard=shard)
    return _SpaceSource(texts, ports, excluded, names, seed=seed, shard=shard, rate=rate)


def _is_stream(text: str) -> bool:
    """Standard input, or a file that can be read but once."""
    if text == "-":
        return True
    if not text.startswith("@") or "\0" in text:
        return False
    path = Path(text[1:])
    return path.exists() and not path.is_file() and not path.is_dir()


def _exclusions(texts: Sequence[str], files: Sequence[str]) -> tuple[Exclusions, frozenset[str]]:
    """The addresses and the names that are not asked."""
    spans: list[tuple[str, str]] = []
    names: set[str] = set()
    for text in [*texts, *(f"@{name}" for name in files)]:
        for piece in pieces_of(text) if text.startswith("@") else [parse(text)]:
            if piece.port is not None:
                raise InputError(
                    f"not to exclude: {piece.text!r}", "leave the port out: no port of a host is asked then"
                )
            if isinstance(piece, Name):
                names.add(name_key(piece.host))
            else:
                spans.append((address_text(piece.version, piece.first), address_text(piece.version, piece.last)))
    return Exclusions(spans), frozenset(names)


class _SpaceSource:
    def __init__(
        self,
        texts: Sequence[str],
        ports: Sequence[int],
        excluded: Exclusions,
        names: frozenset[str],
        *,
        seed: int,
        shard: tuple[int, int],
        rate: float | None,
    ) -> None:
        pieces = (piece for text in texts for piece in pieces_of(text, manners.refuse))
        self._space = Space(pieces, ports, excluded, names)
        if not self._space.size:
            if self._space.other_ports:
                raise other_ports(self._space.other_ports)
            raise InputError("there is no target left", "the lists are empty, or everything in them is excluded")
        self._part, self._parts = shard[0] - 1, shard[1]
        self.size: int | None = max(0, -((self._part - self._space.size) // self._parts))
        self.seed = seed
        self._order = Permutation(self._space.size, seed)
        self.fingerprint: str | None = self._space.fingerprint
        self.excluded = excluded.spans()
        remarks = [manners.left_out_remark()] if self._space.left_out else []
        if rate is None and self._space.size > manners.MANY and (public := self._space.public()) > manners.MANY:
            remarks.append(manners.many_remark(public))
        self.remarks: tuple[str, ...] = tuple(remarks)

    def is_at(self, place: int, host: str, port: int) -> bool:
        """Whether the target at this place of the order has this host and port."""
        if not 0 <= place < self._space.size:
            return False
        target = self._space.at(self._order.at(place))
        if (target.host, target.port) == (host, port):
            return True
        if target.port != port or target.address is not None:
            return False
        try:
            return name_key(target.host) == name_key(host)  # the list may have another spelling of it by now
        except UnicodeError:
            return False

    def tasks(self, recovered: Recovered) -> Iterator[Task]:
        """What is left to do, in order."""
        position = recovered.below
        while position < (self.size or 0):
            if position not in recovered.above:
                place = self._part + position * self._parts
                yield Task(place, self._space.at(self._order.at(place)))
            position += 1
