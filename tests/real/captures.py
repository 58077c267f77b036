"""Make the captures of pcaps/ from real servers and clients: a maintainer's command, for root on Linux.

    python -m tests.real.captures [--only NAME ...] [--list] [DIR]

Each is taken in a network namespace of its own, so that nothing else of the machine is in it and nothing of it
reaches the machine. It needs, beside what ./check installs, Debian's packages tshark, iproute2, nmap and gcc;
sslyze is taken from PyPI into .cache/. What is not there is named, and its captures are left out.
Tests only read what was made: see pcaps/README.md.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.real.captures_lab import Lab
from tests.real.captures_network import on_loopback
from tests.real.captures_scenes import SCENES, Scene
from tests.real.captures_sidecar import write_sidecar

ROOT = Path(__file__).parents[2]
CAPTURES = ROOT / "pcaps"
_PACKAGES = {
    "dumpcap": "tshark",
    "editcap": "tshark",
    "tshark": "tshark",
    "ip": "iproute2",
    "nmap": "nmap",
    "cc": "gcc",
}
_LIMIT_S = 180.0


def missing() -> list[str]:
    """What no capture can be made without, as a sentence each."""
    found = [
        f"{name} is not installed: apt-get install {package}"
        for name, package in _PACKAGES.items()
        if not shutil.which(name)
    ]
    return found if sys.platform == "linux" else ["network namespaces are Linux's"]


def make(scene: Scene, out: Path) -> None:
    """Make one capture and its sidecar, in the network namespace of this process, which is to be its own."""
    socket.sethostname("frog-pond")  # what FreeRDP's two ends call themselves
    on_loopback()
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="rdp-captures-"))
        lab = Lab(name=scene.name, work=Path(directory), out=out, stack=stack)
        scene.play(lab)
        write_sidecar(lab, scene)


def _make_apart(scene: Scene, out: Path) -> str | None:
    """The same in a process and a namespace of its own: None, or what went wrong."""
    argv = ["unshare", "--net", "--uts", sys.executable, "-m", "tests.real.captures", "--here", scene.name, str(out)]
    try:
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"not done after {_LIMIT_S:.0f} s"
    return None if done.returncode == 0 else (done.stderr or done.stdout).strip()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.real.captures", description=__doc__.splitlines()[0])
    parser.add_argument("directory", nargs="?", type=Path, default=CAPTURES, metavar="DIR")
    parser.add_argument("--only", action="append", choices=sorted(SCENES), metavar="NAME")
    parser.add_argument("--list", action="store_true", help="the names of all captures")
    parser.add_argument("--here", choices=sorted(SCENES), help=argparse.SUPPRESS)  # already in its namespace
    options = parser.parse_args()
    out = options.directory.absolute()
    if options.list:
        print("\n".join(SCENES))
        return 0
    if lacking := missing():
        print("\n".join(f"error: {each}" for each in lacking), file=sys.stderr)
        return 2
    out.mkdir(exist_ok=True)
    if options.here:
        try:
            make(SCENES[options.here], out)
        except (pytest.fail.Exception, pytest.skip.Exception) as error:  # a program that is not installed
            sys.exit(f"error: {error}")
        return 0
    failed = 0
    for name in options.only or SCENES:
        problem = _make_apart(SCENES[name], out)
        failed += problem is not None
        print(f"{name}: {'made' if problem is None else problem}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
