"""What `replay` says of every capture in pcaps/, as JSON that can be read: what is null or empty is left out."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from probe.result import Result

HERE = Path(__file__).parent / "replay"
CAPTURES = Path(__file__).parents[2] / "pcaps"
_OF_AN_ATTEMPT = ("asked", "ending", "outcome")
_NOTHING: tuple[object, ...] = (None, [], {}, "", {"state": "unknown", "reason": "not asked"})
_WIDTH = 140
_OF_A_DIAGNOSIS = ("code", "severity", "evidence")
SUFFIXES = (".pcap", ".pcapng", ".pcap.gz")


def captures() -> list[Path]:
    """Every capture of our own."""
    return sorted(path for path in CAPTURES.iterdir() if path.name.endswith(SUFFIXES))


def name_of(capture: Path) -> str:
    """The name that a capture shares with its sidecar, its key log and its golden file."""
    return capture.name.partition(".")[0]


@functools.cache
def results_of(capture: Path, *, by_server: bool = False, keys: bool = True) -> list[Result]:
    """What is found in a capture, with the key log beside it, and diagnosed. No store of roots has a say."""
    from probe.audit.settings import Settings
    from probe.diagnosis.judged import judge
    from probe.drive.key_log_file import read_key_log
    from probe.drive.replay import Wanted, replay

    beside = capture.with_name(f"{name_of(capture)}.keys")
    secrets = read_key_log(str(beside)) if keys and beside.exists() else None
    found = list(replay(str(capture), Settings(depth="discover"), secrets, wanted=Wanted(by_server=by_server)))
    for result in found:
        judge(result)
    return found


def by_stream(capture: Path) -> dict[int, Result]:
    """The results of TCP connections, by the number that tshark gives each."""
    found = {}
    for result in results_of(capture):
        if result.capture is not None and result.capture.transport == "tcp":
            found[result.capture.stream] = result
    return found


def golden(capture: Path) -> str:
    """All results of a capture. The file is named without its folder, which differs from machine to machine."""
    said = []
    for result in results_of(capture):
        plain = msgspec.to_builtins(result)
        plain["capture"]["file"] = capture.name
        # What is said of a diagnosis to a person is reviewed elsewhere, and changes more often than its evidence.
        plain["diagnoses"] = [{name: each[name] for name in _OF_A_DIAGNOSIS} for each in plain["diagnoses"]]
        plain["attempts"] = [{name: each[name] for name in _OF_AN_ATTEMPT} for each in plain["attempts"]]
        said.append(_spoken(plain))
    return _lines(said) + "\n"


def _spoken(value: object) -> object:
    """Without what says nothing."""
    if isinstance(value, dict):
        return {key: _spoken(each) for key, each in value.items() if each not in _NOTHING}
    return [_spoken(each) for each in value] if isinstance(value, list) else value


def _lines(value: object, indent: int = 0) -> str:
    """JSON, with all that fits in one line in one."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or len(line) + indent <= _WIDTH or _is_flat(value):
        return line
    named = value.items() if isinstance(value, dict) else (("", each) for each in value)
    start = " " * (indent + 1)
    parts = [start + (f"{json.dumps(name)}: " if name else "") + _lines(each, indent + 1) for name, each in named]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return "\n".join((opening, ",\n".join(parts), " " * indent + closing))


def _is_flat(value: object) -> bool:
    """Whether it is a list of codes."""
    return isinstance(value, list) and all(isinstance(each, str) and " " not in each for each in value)


def goldens() -> Iterator[tuple[Path, Path]]:
    """Each golden file, and the capture that it is of."""
    for capture in captures():
        yield HERE / f"{name_of(capture)}.json", capture
