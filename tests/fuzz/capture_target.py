"""What is fuzzed of captures: a whole file, through all that `replay` does with one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from probe.audit.settings import Settings
from probe.diagnosis.judged import judge
from probe.drive.replay import Replay
from probe.errors import InputError
from probe.result import to_json

_ROOT = Path(__file__).parent.parent.parent
PCAPS: Sequence[Path] = sorted(path for path in (_ROOT / "pcaps").glob("*.pcap*"))
_SETTINGS = Settings(depth="discover")


def replayed(data: bytes) -> None:
    """Read bytes as a capture; any may be refused as none, and nothing else may go wrong."""
    number = os.memfd_create("capture")
    try:
        os.write(number, data)
        os.lseek(number, 0, os.SEEK_SET)
        for result in Replay(f"/proc/self/fd/{number}", _SETTINGS):
            judge(result)
            to_json(result)
    except InputError:
        pass
    finally:
        os.close(number)
