"""All targets of a scan as numbers from 0: a space of disjoint spans of addresses for each port, and of names.

It is built by sorting on disk, so that a list of any length takes little memory, and an address block takes none.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import chain, groupby, pairwise

from probe.errors import Unavailable
from probe.result import Target
from probe.scan import manners
from probe.scan.exclusion import Exclusions, address_text, join
from probe.scan.targets import Name, Piece, passes_over, ports_of

_FEW = 4096  # spans kept in memory; more stay on disk
_CACHE_KIB = 4096
_SQLITE_LONGEST = 1 << 63  # whole numbers of SQLite end here
_WIDE = 20  # bytes of a larger one: 65,535 ports with all of IPv6 have 144 bits
_Interval = tuple[int, int, int, int]  # port, version, first, last


def open_database() -> sqlite3.Connection:
    """A private database on disk that goes when it is closed. A scan uses it from one thread after the other."""
    database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    for setting in (f"cache_size = -{_CACHE_KIB}", "journal_mode = OFF", "synchronous = OFF", "temp_store = FILE"):
        database.execute(f"PRAGMA {setting}").close()
    return database


def stored(number: int) -> int | bytes:
    """A number of any size as SQLite keeps it in order: it puts all blobs after all whole numbers."""
    return number if number < _SQLITE_LONGEST else number.to_bytes(_WIDE, "big")


def restored(value: int | bytes) -> int:
    """The number again."""
    return value if isinstance(value, int) else int.from_bytes(value, "big")


class Space:
    """Targets without duplicates and without what is excluded. `size` may exceed what len() can say.

    Raises InputError from the pieces, Unavailable where the disk for temporary files is full.
    """

    def __init__(
        self, pieces: Iterable[Piece], ports: Sequence[int], excluded: Exclusions, names: frozenset[str] = frozenset()
    ) -> None:
        self._database = open_database()
        self._starts: list[int] = []  # where each span begins among the numbers of the space
        self._spans: list[tuple[int, int, int]] = []  # its port, version, first
        self._on_disk = 0  # how many spans are not in these lists
        self._addresses = 0  # so many numbers are addresses, the others names
        self._ports: set[int] = set()  # of the addresses
        self.size = 0
        self.left_out = False  # addresses that are no hosts
        self.other_ports: set[int | None] = set()  # that lists name, and that are not asked
        self._digest = sha256()
        try:
            self._database.execute("BEGIN")  # nothing is ever undone, but a statement of its own would be written out
            self._read(pieces, ports, excluded, names)
            self._place(excluded)
            self._database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise Unavailable(
                f"cannot sort the targets: {error}",
                "free room for temporary files, or set SQLITE_TMPDIR to where it is",
            ) from error

    @property
    def fingerprint(self) -> str:
        """SHA-256 in hex: equal for equal spaces, however they were written."""
        return self._digest.hexdigest()

    def at(self, number: int) -> Target:
        """The target with this number, from 0 and below `size`."""
        if number >= self._addresses:
            row = self._database.execute(
                "SELECT host, port FROM numbered WHERE number = ?", (number - self._addresses + 1,)
            ).fetchone()
            host, port = row
            return Target(input=host, host=host, address=host if "%" in host else None, port=port)
        if self._on_disk:
            row = self._database.execute(
                "SELECT start, port, version, first FROM placed WHERE start <= ? ORDER BY start DESC LIMIT 1",
                (stored(number),),
            ).fetchone()
            start, port, version, first = restored(row[0]), row[1], row[2], restored(row[3])
        else:
            at = bisect_right(self._starts, number) - 1
            start = self._starts[at]
            port, version, first = self._spans[at]
        address = address_text(version, first + number - start)
        return Target(input=address, host=address, address=address, port=port)

    def public(self) -> int:
        """How many different addresses of the Internet are in it."""
        if len(self._ports) == 1:
            return sum(manners.public(*span) for span in self._placed())
        return sum(
            manners.public(version, low, high)
            for _, version, first, last in _joined(self._sorted("0, version, first, last"))
            for low, high in self._excluded.rest(version, first, last)
        )

    def _placed(self) -> Iterator[tuple[int, int, int]]:
        """Version, first and last of each span, in the order of their numbers."""
        if self._on_disk:
            rows: Iterable[tuple[int | bytes, int, int | bytes]] = self._database.execute(
                "SELECT start, version, first FROM placed ORDER BY start"
            )
        else:
            rows = ((start, span[1], span[2]) for start, span in zip(self._starts, self._spans, strict=True))
        ends = ((self._addresses, 0, 0),)
        for (start, version, first), (end, _, _) in pairwise(chain(rows, ends)):
            low = restored(first)
            yield version, low, low + restored(end) - restored(start) - 1

    def _read(self, pieces: Iterable[Piece], ports: Sequence[int], excluded: Exclusions, names: frozenset[str]) -> None:
        self._excluded = excluded
        run = self._database.execute
        run("CREATE TABLE given (port INTEGER, version INTEGER, first, last)")
        run("CREATE TABLE names (key TEXT, port INTEGER, host TEXT, PRIMARY KEY (key, port)) WITHOUT ROWID")
        self._database.executemany("INSERT INTO given VALUES (?, ?, ?, ?)", self._rows(pieces, ports, names))

    def _rows(
        self, pieces: Iterable[Piece], ports: Sequence[int], names: frozenset[str]
    ) -> Iterator[tuple[int, int, int | bytes, int | bytes]]:
        for piece in pieces:
            if piece.found and passes_over(ports, piece):
                self.other_ports.add(piece.port)
                continue
            if isinstance(piece, Name):
                self._name(piece, ports, names)
                continue
            asked = piece.hosts() if piece.block else piece
            first, last = (asked.first, asked.last) if asked.version == 4 else (stored(asked.first), stored(asked.last))
            for port in ports_of(piece, ports):
                yield port, asked.version, first, last

    def _name(self, piece: Name, ports: Sequence[int], names: frozenset[str]) -> None:
        key = name_key(piece.host)
        if key in names or ("%" in piece.host and self._excluded.covers(piece.host)):
            return
        for port in ports_of(piece, ports):
            self._database.execute("INSERT OR IGNORE INTO names VALUES (?, ?, ?)", (key, port, piece.host))

    def _sorted(self, columns: str) -> Iterator[_Interval]:
        rows = self._database.execute(f"SELECT {columns} FROM given ORDER BY 1, 2, 3")  # noqa: S608  our own text
        for port, version, first, last in rows:
            yield port, version, restored(first), restored(last)

    def _place(self, excluded: Exclusions) -> None:
        """Number every target: spans by port and address, then names."""
        for port, version, first, last in _joined(self._sorted("port, version, first, last")):
            self._ports.add(port)
            askable = manners.askable(version, first, last)
            self.left_out = self.left_out or askable != [(first, last)]
            for low, high in askable:
                for lower, upper in excluded.rest(version, low, high) if excluded else ((low, high),):
                    self._put(port, version, lower, upper)
        self._flush()
        self._addresses = self.size
        run = self._database.execute
        run("CREATE TABLE numbered (number INTEGER PRIMARY KEY, host TEXT, port INTEGER)")
        run("INSERT INTO numbered (host, port) SELECT host, port FROM names ORDER BY key, port")
        for key, port in run("SELECT key, port FROM names ORDER BY key, port"):
            self._digest.update(f"{key}\t{port}\n".encode())
            self.size += 1
        if self.size > self._addresses:  # a name may lead to what is excluded
            self._digest.update(repr(excluded.spans()).encode())
        run("DROP TABLE names")

    def _put(self, port: int, version: int, first: int, last: int) -> None:
        self._digest.update(f"{first:x}-{last:x}/{version}:{port}\n".encode())
        self._starts.append(self.size)
        self._spans.append((port, version, first))
        self.size += last - first + 1
        if len(self._starts) > _FEW:
            if not self._on_disk:
                self._database.execute("CREATE TABLE placed (start PRIMARY KEY, port, version, first) WITHOUT ROWID")
            self._to_disk()

    def _flush(self) -> None:
        if self._on_disk:
            self._to_disk()

    def _to_disk(self) -> None:
        rows = (
            (stored(start), port, version, stored(first))
            for start, (port, version, first) in zip(self._starts, self._spans, strict=True)
        )
        self._database.executemany("INSERT INTO placed VALUES (?, ?, ?, ?)", rows)
        self._on_disk += len(self._starts)
        self._starts, self._spans = [], []


def _joined(rows: Iterable[_Interval]) -> Iterator[_Interval]:
    """Sorted rows with overlapping and neighboring spans made one, for each port and kind of address."""
    for (port, version), some in groupby(rows, lambda row: row[:2]):
        for first, last in join((row[2], row[3]) for row in some):
            yield port, version, first, last


def name_key(host: str) -> str:
    """The same for all spellings of one name: case, a final dot, letters that IDNA encodes."""
    if host.isascii():
        return host.rstrip(".").lower()
    return host.rstrip(".").encode("idna").decode("ascii").lower()
