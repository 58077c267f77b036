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
        said.append(_spoken(plain))
    return json.dumps(said, indent=1, ensure_ascii=False) + "\n"


def _spoken(value: object) -> object:
    if isinstance(value, dict):
        return {key: _spoken(each) for key, each in value.items() if each not in (None, [], {}, "")}
    return [_spoken(each) for each in value] if isinstance(value, list) else value


def goldens() -> Iterator[tuple[Path, Path]]:
    """Each golden file, and the capture that it is of."""
    for capture in captures():
        yield HERE / f"{name_of(capture)}.json", capture
