"""Targets that come while the scan runs: asked in their own order, each once, without being collected in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b

from probe.errors import InputError, Unavailable
from probe.result import Target
from probe.scan import manners
from probe.scan.exclusion import Exclusions, address_text
from probe.scan.inputs import pieces_of
from probe.scan.permutation import Permutation
from probe.scan.space import name_key, open_database, restored, stored
from probe.scan.targets import Name, Piece, Span, other_ports, parse, passes_over, ports_of
from probe.scan.work import Recovered, Task


class AnotherList(InputError):
    """The list that was piped is not the one with which the scan began, or not all of it."""


class Seen:
    """What was handed out: spans of addresses and names, on disk, so that it may be any number."""

    def __init__(self) -> None:
        self._database = open_database()
        self._run = self._database.execute
        self._run("CREATE TABLE spans (port, version, first, last, PRIMARY KEY (port, version, first)) WITHOUT ROWID")
        self._run("CREATE TABLE names (key, port, PRIMARY KEY (key, port)) WITHOUT ROWID")
        self._run("BEGIN")  # never ended: nothing need outlive us, and every statement would be written out

    def close(self) -> None:
        self._database.close()

    def name(self, key: str, port: int) -> bool:
        """Note a name. Whether it is new."""
        return self._run("INSERT OR IGNORE INTO names VALUES (?, ?)", (key, port)).rowcount == 1

    def span(self, port: int, version: int, first: int, last: int) -> list[tuple[int, int]]:
        """Note a span, joined with what it touches. What of it is new, in order."""
        touching = self._touching(port, version, first, last)
        new, at = [], first
        for low, high in touching:
            if at < low:
                new.append((at, min(low - 1, last)))
            at = max(at, high + 1)
        if at <= last:
            new.append((at, last))
        if new:
            for low, _ in touching:
                self._run(
                    "DELETE FROM spans WHERE port = ? AND version = ? AND first = ?", (port, version, stored(low))
                )
            low = min([first, *(low for low, _ in touching)])
            high = max([last, *(high for _, high in touching)])
            self._run("INSERT INTO spans VALUES (?, ?, ?, ?)", (port, version, stored(low), stored(high)))
        return new

    def _touching(self, port: int, version: int, first: int, last: int) -> list[tuple[int, int]]:
        """The spans that overlap this one or are its neighbors, in order. They are disjoint, so the walk back ends."""
        found = []
        rows = self._run(
            "SELECT first, last FROM spans WHERE port = ? AND version = ? AND first <= ? ORDER BY first DESC",
            (port, version, stored(last + 1)),
        )
        for row in rows:
            low, high = restored(row[0]), restored(row[1])
            if high < first - 1:
                break
            found.append((low, high))
        rows.close()
        return found[::-1]


class _Done:
    """What was asked before this run, and how much of it came again. Where that is nothing, it costs nothing."""

    def __init__(self) -> None:
        self._seen: Seen | None = None
        self.number = 0  # of targets
        self._again = 0

    def close(self) -> None:
        if self._seen is not None:
            self._seen.close()

    def note(self, piece: Piece, port: int) -> None:
        """That this one target was asked."""
        self._seen = self._seen or Seen()
        if isinstance(piece, Name):
            self.number += self._seen.name(name_key(piece.host), port)
        else:
            self.number += len(self._seen.span(port, piece.version, piece.first, piece.last))

    def lacks_name(self, name: Name, port: int) -> bool:
        """Whether a name, which comes for the first time, was not asked."""
        is_new = self._seen is None or self._seen.name(name_key(name.host), port)
        self._again += not is_new
        return is_new

    def lacks(self, port: int, version: int, spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """What of these spans, which come for the first time, was not asked."""
        for first, last in spans:
            left = [(first, last)] if self._seen is None else self._seen.span(port, version, first, last)
            self._again += last - first + 1 - sum(high - low + 1 for low, high in left)
            yield from left

    def check_all_came(self, strangers: int) -> None:
        """Raise AnotherList where a list that ended lacks some of what was asked; of strangers it may."""
        missing = self.number - self._again
        if missing > strangers:
            which = f"{missing:,} targets that were done are" if missing > 1 else "1 target that was done is"
            raise AnotherList(
                f"{which} not in this list: is it the same list?",
                "pipe the list with which the scan began; what this one named is scanned, and kept",
            )


class StreamSource:
    """A Source in the order of its texts; a block within it is in pseudo-random order."""

    size: int | None = None
    fingerprint: str | None = None
    remarks: tuple[str, ...] = ()
    skipped = 0  # lines that name no target
    on_skipped: Callable[[InputError], None] | None = None  # told of each; called where tasks are taken

    def __init__(
        self,
        texts: Sequence[str],
        ports: Sequence[int],
        excluded: Exclusions,
        names: frozenset[str],
        *,
        streams: frozenset[str],
        seed: int,
        shard: tuple[int, int],
    ) -> None:
        self._texts, self._ports, self._exclusions, self._names = texts, ports, excluded, names
        self._streams = streams  # those of the texts that can be read but once
        self._part, self._parts = shard[0] - 1, shard[1]
        self.seed = seed
        self.excluded = excluded.spans()

    def is_at(self, _place: int, _host: str, _port: int) -> bool:
        """Nobody knows what comes where; `tasks` says what was asked and does not come again."""
        return True

    def tasks(self, recovered: Recovered) -> Iterator[Task]:
        """What was not asked before, as it comes, numbered after what was.

        Lines of a stream that name no target are skipped. Raises InputError, Unavailable; also at the end, where the
        list has nothing, or does not have again what was asked.
        """
        listed, done = Seen(), _Done()
        try:
            for host, port in recovered.asked:
                done.note(parse(host), port)
            position = max([recovered.below, *(above + 1 for above in recovered.above)])
            for target in self._listed(listed, done):
                yield Task(self._part + position * self._parts, target)
                position += 1
            done.check_all_came(recovered.strangers)
        except sqlite3.OperationalError as error:
            raise Unavailable(
                f"cannot keep which targets were asked: {error}",
                "free room for temporary files, or set SQLITE_TMPDIR to where it is",
            ) from error
        finally:
            listed.close()
            done.close()

    def _listed(self, listed: Seen, done: _Done) -> Iterator[Target]:
        """What the texts name, each once, without what is done."""
        empty, others = True, set()
        for text in self._texts:
            for piece in pieces_of(text, manners.refuse, self._skip if text in self._streams else None):
                if passes_over(self._ports, piece):
                    others.add(piece.port)
                    continue
                empty = False
                yield from filter(self._mine, self._new(piece, listed, done))
        if empty and others and not done.number:
            raise other_ports(others)
        if empty:
            raise InputError(
                "there is no target in what was given",
                f"pipe the same list again, all of it: {done.number:,} of its targets are done"
                if done.number
                else "a list has one target a line; # starts a remark",
            )

    def _skip(self, error: InputError) -> None:
        self.skipped += 1
        if self.on_skipped is not None:
            self.on_skipped(error)

    def _new(self, piece: Piece, listed: Seen, done: _Done) -> Iterator[Target]:
        for port in ports_of(piece, self._ports):
            if isinstance(piece, Span):
                yield from self._addresses(piece, port, listed, done)
            elif listed.name(name_key(piece.host), port) and done.lacks_name(piece, port) and self._wanted(piece):
                address = piece.host if "%" in piece.host else None
                yield Target(input=piece.text, host=piece.host, address=address, port=port)

    def _wanted(self, name: Name) -> bool:
        if "%" in name.host and self._exclusions.covers(name.host):
            return False
        return name_key(name.host) not in self._names

    def _addresses(self, piece: Span, port: int, listed: Seen, done: _Done) -> Iterator[Target]:
        asked = piece.hosts()
        new = listed.span(port, asked.version, asked.first, asked.last)
        for left in done.lacks(port, asked.version, new):
            for low, high in manners.askable(asked.version, *left):
                for first, last in self._exclusions.rest(asked.version, low, high):
                    order = Permutation(last - first + 1, self.seed)
                    for number in range(order.size):
                        host = address_text(asked.version, first + order.at(number))
                        yield Target(input=piece.text, host=host, address=host, port=port)

    def _mine(self, target: Target) -> bool:
        """Whether a target is in this shard, by a hash that is the same everywhere."""
        if self._parts == 1:
            return True
        key = target.address or name_key(target.host)
        digest = blake2b(f"{key}\t{target.port}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self._parts == self._part
