"""FILE.scan beside the results in FILE: what was asked for, so that `--resume FILE` goes on with the same scan."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress

import msgspec

from probe import __version__
from probe.errors import InputError, Unavailable
from probe.scan.work import Source

SCHEMA = "rdp-probe-scan/1"
ENDING = ".scan"
# What may be another when a scan goes on: it changes how fast, and not what is found.
FREE = frozenset({"concurrency", "rate", "per_subnet", "processes", "cluster"})
# What may be another for this run alone: it changes how we speak to whoever runs it.
_SPOKEN = frozenset({"lang"})


class Arguments(msgspec.Struct, kw_only=True):
    """The options of `rdp-probe scan` under the names that its parser gives them."""

    targets: list[str]
    port: list[int] | None = None
    exclude: list[str] = []
    exclude_file: list[str] = []
    one_address: bool = False
    seed: int | None = None
    shard: tuple[int, int] = (1, 1)
    verbose: int = 0
    lang: str | None = None
    concurrency: int | None = None
    rate: float | None = None
    per_subnet: int | None = None
    retries: int = 0
    processes: int | None = None
    cluster: str | None = None
    parts: str | None = None
    parts_format: str = "ndjson.zst"
    timeout: float
    deadline: float
    depth: str
    max_connections: int | None = None
    per_host: int
    source_address: str | None = None
    server_name: str | None = None
    ca_file: str | None = None
    cookie: str | None = None
    routing_token: str | None = None
    simulate: list[str] | None = None
    licensing: bool = False
    preconnection_blob: str | None = None
    udp: bool = False
    gateway: bool = False
    gateway_at: tuple[str, int] | None = None
    pcap_out: str | None = None
    keylog_out: str | None = None


class Sidecar(msgspec.Struct, kw_only=True):
    """What is written. `size` and `fingerprint` are those of the source; None for a stream."""

    schema: str = SCHEMA
    program: str = __version__
    directory: str  # in which names of files are to be understood
    arguments: Arguments
    size: int | None = None
    fingerprint: str | None = None
    finished: bool = False
    targets: int | None = None  # that were done when it was finished
    strangers: int = 0  # targets of a stream that came with lists which lacked some that were done


def directory() -> str:
    """Where this process is; "" where that is gone."""
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:
        return ""


def write(name: str, sidecar: Sidecar) -> None:
    """Beside the results in `name`: whole or not at all, and on the disk. Raises Unavailable."""
    part = f"{name}{ENDING}.part"
    try:
        with suppress(FileNotFoundError):
            os.unlink(part)  # noqa: PTH108  what a scan left that was killed
        with open(part, "wb", opener=_new) as stream:
            stream.write(msgspec.json.format(msgspec.json.encode(sidecar), indent=1) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, f"{name}{ENDING}")  # noqa: PTH105
        _sync_directory(os.path.dirname(name) or ".")  # noqa: PTH120
    except OSError as error:
        with suppress(OSError):
            os.unlink(part)  # noqa: PTH108
        hint = "make room, or give another name" if error.errno == errno.ENOSPC else "give a name elsewhere"
        raise Unavailable(f"cannot write {name}{ENDING}: {error.strerror}", hint) from error


def as_begun(sidecar: Sidecar) -> dict[str, object]:
    """The options with which a scan began, with names of files as they are named from here."""
    recorded = sidecar.arguments

    def here(name: str) -> str:
        return found_from(sidecar.directory, name)

    options = {key: getattr(recorded, key) for key in Arguments.__struct_fields__}
    options["targets"] = [f"@{here(text[1:])}" if text.startswith("@") else text for text in recorded.targets]
    options["exclude_file"] = [here(name) for name in recorded.exclude_file]
    for key in ("ca_file", "pcap_out", "keylog_out"):
        options[key] = options[key] and here(str(options[key]))
    return options


def results_beside(name: str) -> str:
    """The file of results, where its record is named instead."""
    is_record = name.endswith(ENDING) and not os.path.exists(f"{name}{ENDING}")  # noqa: PTH110
    return name.removesuffix(ENDING) if is_record else name


def found_from(begun_in: str, name: str) -> str:
    """A file that was named in the directory where the scan began, as it is named from here.

    Where it is not there any more and one of that name is here, that is it: the files may have been moved together.
    """
    there = os.path.join(begun_in, name)  # noqa: PTH118  absolute names stay what they are
    is_only_here = not os.path.exists(there) and os.path.exists(name)  # noqa: PTH110
    return name if is_only_here or begun_in == directory() else there


def _new(name: str, _flags: int) -> int:
    """Open a file that was not there: it is no link that somebody put there to have another file overwritten."""
    return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)


def _without_waiting(name: str, flags: int) -> int:
    """Open a file; one that is a pipe does not let us wait for its other end."""
    return os.open(name, flags | os.O_NONBLOCK)


def _sync_directory(path: str) -> None:
    """A name that was just given survives a power cut only then. Some file systems cannot, and need not."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(name: str) -> Sidecar:
    """What was written beside `name`. Raises InputError."""
    path = f"{name}{ENDING}"
    try:
        if not os.path.exists(name):  # noqa: PTH110
            raise _missing(name, has_record=os.path.exists(path))  # noqa: PTH110
        with open(path, "rb", opener=_without_waiting) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise InputError(f"{path} is no regular file", "see who put it there")
            found = msgspec.json.decode(stream.read(), type=Sidecar)
    except FileNotFoundError as error:
        raise InputError(
            f"there is no {path}", "a scan that was begun with -o FILE can be resumed: give that name"
        ) from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", "see to the permissions") from error
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"{path} is not what a scan writes", "begin the scan again with another name") from error
    if found.schema != SCHEMA:
        raise InputError(f"{path} was written by rdp-probe {found.program}", "resume it with that version")
    return found


def _missing(name: str, *, has_record: bool) -> InputError:
    if has_record:
        return InputError(
            f"there is no {name}, only {name}{ENDING} beside it",
            "put it back to go on; or begin the scan again with another name",
        )
    return InputError(f"there is no {name}", "check the name after --resume: it is that which was given after -o")


def check_same(name: str, recorded: Arguments, given: Mapping[str, object]) -> None:
    """Raise InputError for an argument that was given now and is not what the scan began with."""
    for key, value in given.items():
        if key in FREE | _SPOKEN or not hasattr(recorded, key):
            continue
        before, now = msgspec.to_builtins(getattr(recorded, key)), msgspec.to_builtins(value)
        if (list(before) if isinstance(before, tuple) else before) != (list(now) if isinstance(now, tuple) else now):
            option = "the targets" if key == "targets" else f"--{key.replace('_', '-')}"
            verb = "were" if key == "targets" else "was"
            raise InputError(
                f"{name} is another scan: {option} {verb} {_shown(key, before)}, now {_shown(key, now)}",
                "leave them out to go on as it began, or begin another scan with another name",
            )


def check_source(name: str, recorded: Sidecar, source: Source) -> None:
    """Raise InputError where the targets are not those that the scan began with."""
    if (recorded.fingerprint, recorded.size) != (source.fingerprint, source.size):
        sizes = f": there were {_count(recorded.size)}, now there are {_count(source.size)}"
        files = [each for each in recorded.arguments.targets if each.startswith("@")]
        files += [f"--exclude-file {each}" for each in recorded.arguments.exclude_file]
        where = f"; look at {', '.join(files)}" if files else ""
        raise InputError(
            f"the targets of {name} have changed{sizes if recorded.size != source.size else ''}{where}",
            f"put them back as they were (the scan began in {recorded.directory}), or begin another scan",
        )


def what_is_where(recorded: Sidecar, opened: Callable[[], Source]) -> Callable[[int, str, int], bool]:
    """What `Source.is_at` says. A finished scan whose lists are gone or others by now is finished: all is believed."""
    if recorded.size is not None:
        with suppress(InputError):
            source = opened()
            if (recorded.fingerprint, recorded.size) == (source.fingerprint, source.size):
                return source.is_at
    return lambda _place, _host, _port: True


def _count(size: int | None) -> str:
    return "an unknown number" if size is None else f"{size:,}"


def _shown(key: str, value: object) -> str:
    """As it is typed."""
    if value is None or value is False or value == []:
        return "not given"
    if value is True:
        return "given"
    if key == "seed" and isinstance(value, int):
        return f"{value:x}"
    if isinstance(value, list | tuple):
        return {"shard": "/", "gateway_at": ":"}.get(key, " ").join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
