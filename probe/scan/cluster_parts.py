"""Results as parts: each batch a file of its own under a URL that all workers reach, written by who scanned it.

A part is named by the scan and by the first target of its batch. A batch that runs twice overwrites its own part; a
resumed scan hands out other batches, and each removes the parts that an interrupted run began with one of its targets.
So no target is in two parts, and a part counts once its targets are in the journal, which holds a receipt for each:
all of them or none, see `probe.scan.recovery`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from probe.errors import InputError, Unavailable, install_hint
from probe.result import Depth, Place, Status, Target, from_json
from probe.scan.work import Finished, InPart, Task

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

FORMATS = ("ndjson.zst", "ndjson", "parquet")  # the last: the columns of `export`, and nothing else


class Parts(msgspec.Struct, frozen=True, array_like=True):
    """Where parts are written: a folder as fsspec names it, and what tells this scan from others in it."""

    url: str
    scan: str
    format: str = FORMATS[0]


class Receipt(msgspec.Struct, omit_defaults=True):
    """Of a result that is kept in a part, what the journal says: enough to go on, and a valid result by itself."""

    schema: str
    target: Target
    started: str
    elapsed_ms: float
    depth: Depth
    connections: int
    bytes_sent: int
    bytes_received: int
    status: Status
    service: str | None = None
    scan: Place | None = None
    part: InPart | None = None


_receipts = msgspec.json.Decoder(Receipt)


def receipts(parts: Parts, first: Task, finished: list[Finished]) -> list[Finished]:
    """The same targets, all of one part, with a receipt in place of each of their results.

    Each says how many there are: whoever reads the journal counts all of a part or none, and asks none or all again.
    """
    name = name_of(parts, first)
    return [_receipt(each, InPart(name, number, len(finished))) for number, each in enumerate(finished, 1)]


def _receipt(finished: Finished, part: InPart) -> Finished:
    lines = []
    for line in finished.lines.splitlines():
        short = _receipts.decode(line)
        short.part = part
        lines.append(msgspec.json.encode(short) + b"\n")
    return Finished(finished.position, b"".join(lines), finished.facts, part.target < part.of)


def name_of(parts: Parts, first: Task) -> str:
    """The file name of the part whose batch begins with this target."""
    asked = f"{first.target.host} {first.target.port}".encode()
    return f"{parts.scan}-{hashlib.sha256(asked).hexdigest()[:16]}.{parts.format}"


def prepared(parts: Parts) -> Parts:
    """The same with a URL that means the same wherever a worker was started. Raises InputError, Unavailable.

    Something is written there and removed, so that it does not fail when the first batch is done.
    """
    files, folder = _opened(parts)
    path = f"{folder}/{parts.scan}.{os.urandom(4).hex()}.begun"
    try:
        files.makedirs(folder, exist_ok=True)
        files.pipe_file(path, b"")
        files.rm_file(path)
    except Exception as error:  # what a store raises without credentials is no OSError
        raise _unusable(parts, error) from error
    is_here = "file" in _protocols(files) and "::" not in parts.url
    return msgspec.structs.replace(parts, url=f"file://{folder}") if is_here else parts


def is_there(parts: Parts, first: Task) -> bool:
    """Whether the part that begins with this target is where parts are written. Raises InputError, Unavailable."""
    files, folder = _opened(parts)
    try:
        files.invalidate_cache()
        return bool(files.exists(f"{folder}/{name_of(parts, first)}"))
    except OSError as error:
        raise _unusable(parts, error) from error


def existing(parts: Parts) -> frozenset[str]:
    """The names of parts of this scan that are there already. Raises InputError, Unavailable."""
    files, folder = _opened(parts)
    try:
        files.makedirs(folder, exist_ok=True)
        found = files.ls(folder, detail=False)
    except OSError as error:
        raise _unusable(parts, error) from error
    return frozenset(name for name in (path.rpartition("/")[2] for path in found) if name.startswith(f"{parts.scan}-"))


def stale(parts: Parts, there: frozenset[str], batch: list[Task]) -> tuple[str, ...]:
    """Of the parts that are there, those that an interrupted run began with a target of this batch."""
    if not there:
        return ()
    return tuple(name for name in (name_of(parts, task) for task in batch[1:]) if name in there)


def write_part(parts: Parts, first: Task, finished: Iterable[Finished], outdated: tuple[str, ...]) -> None:
    """Write one batch as a part, and remove those it replaces. Raises InputError, Unavailable."""
    lines = b"".join(each.lines for each in finished)
    files, folder = _opened(parts)
    try:
        _put(files, f"{folder}/{name_of(parts, first)}", _packed(parts.format, lines))
        for name in outdated:
            if files.exists(f"{folder}/{name}"):
                files.rm_file(f"{folder}/{name}")
    except OSError as error:
        raise _unusable(parts, error) from error


def _packed(kind: str, lines: bytes) -> bytes:
    if kind == "parquet":
        return _parquet(lines)
    if kind == "ndjson":
        return lines
    import zstandard

    return zstandard.ZstdCompressor().compress(lines)


def _parquet(lines: bytes) -> bytes:
    from tempfile import TemporaryDirectory

    from probe.report.export import write_parquet
    from probe.report.export_columns import row
    from probe.scan.tally import facts_of

    results = (from_json(line) for line in lines.splitlines())
    with TemporaryDirectory(prefix="rdp-probe-") as folder:
        file = Path(folder) / "part.parquet"
        write_parquet((row(result, facts_of(result).tags) for result in results), str(file))
        return file.read_bytes()


def _put(files: AbstractFileSystem, path: str, content: bytes) -> None:
    """All or nothing: an object store does so by itself, a folder by renaming."""
    if "file" not in _protocols(files):
        files.pipe_file(path, content)
        return
    whole = Path(path)
    whole.parent.mkdir(parents=True, exist_ok=True)
    begun = whole.with_name(f".{whole.name}.{os.urandom(4).hex()}")
    begun.write_bytes(content)
    begun.replace(whole)


def _protocols(files: AbstractFileSystem) -> tuple[str, ...]:
    return (files.protocol,) if isinstance(files.protocol, str) else tuple(files.protocol)


def _opened(parts: Parts) -> tuple[Any, str]:
    try:
        import fsspec
    except ImportError as error:
        raise Unavailable("--parts needs fsspec, which is not installed", install_hint("fsspec")) from error
    try:
        files, folder = fsspec.core.url_to_fs(parts.url)
    except ImportError as error:  # a file system with a package of its own, as s3:// has
        raise Unavailable(
            f"parts cannot be written to {parts.url}: {error}", "install it here and on workers"
        ) from error
    except ValueError as error:
        raise InputError(
            f"parts cannot be written to {parts.url}: {error}", "as file:///shared/scan, s3://b/x"
        ) from error
    return files, folder.rstrip("/")


def _unusable(parts: Parts, error: Exception) -> Unavailable:
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Unavailable(f"parts cannot be written to {parts.url}: {why}", "it must be writable here and on every worker")
