"""Processes that listen on loopback, started and ended so that nothing is left behind.

Whether a server listens is read from /proc/net/tcp: a connection made to find out would stand in its log, and
some servers spend a session on it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import pytest

# FreeRDP and weston switch Standard RDP Security's encryption off for a client at exactly 127.0.0.1.
# Tests that want to see what a client elsewhere sees bind to this address.
SOURCE_ADDRESS = "127.0.59.200"

START_S = 20.0
GRACE_S = 1.0  # xrdp's child and weston do not end by SIGTERM while a client owes them a TLS handshake

_LISTEN = "0A"  # the state column of /proc/net/tcp
_SEARCH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])  # xrdp is not on a user's PATH
_hosts = itertools.cycle(range(1, 255))


def must_be_complete() -> bool:
    """Whether a missing server program is a failure: where it can be installed, and where nobody reads skips."""
    return os.environ.get("CI") == "true" or os.geteuid() == 0


def program(name: str) -> str:
    """The path of a program that the running test needs. Without it the test is skipped, or fails where it must run."""
    found = shutil.which(name, path=_SEARCH)
    if found is None:
        reason = f"{name} is not installed: run ./check as root, or install the packages that it names"
        if must_be_complete():
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return found


def listening(address: str, port: int) -> bool:
    """Whether a socket on exactly this IPv4 address and port is in the LISTEN state."""
    number = int.from_bytes(socket.inet_aton(address), "little")  # the kernel prints the address as it lies in memory
    wanted = f"{number:08X}:{port:04X}"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:])
    return any(row[1] == wanted and row[3] == _LISTEN for row in rows)


def free_endpoint() -> tuple[str, int]:
    """A loopback address for one server, and a port that is free on it."""
    address = f"127.0.60.{next(_hosts)}"
    with socket.create_server((address, 0)) as listener:
        return address, listener.getsockname()[1]


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition: whether it came in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third on (state, parent, group, session, ...), or None without process."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return None


def start_time(pid: int) -> int | None:
    """When a process was started, in clock ticks since boot: with the pid it names a process for good."""
    fields = _stat(pid)
    return int(fields[19]) if fields else None


def members(session: int) -> set[int]:
    """The processes of a session that still run."""
    found = set()
    for entry in Path("/proc").iterdir():
        fields = _stat(int(entry.name)) if entry.name.isdecimal() else None
        if fields and int(fields[3]) == session and fields[0] not in "ZX":
            found.add(int(entry.name))
    return found


class Process:
    """One program in a session of its own, with its output in a file."""

    def __init__(
        self, argv: Sequence[str], directory: Path, environment: Mapping[str, str], pass_fds: Sequence[int] = ()
    ) -> None:
        self.argv = tuple(argv)
        self.directory = directory
        self._output = directory / "output"
        with self._output.open("wb") as output:
            self._popen = subprocess.Popen(
                self.argv,
                cwd=directory,
                # Nothing of the caller's settings (XDG_CONFIG_HOME, OPENSSL_CONF, a real display) reaches a server.
                env={"PATH": _SEARCH, "HOME": str(directory), "LC_ALL": "C.UTF-8", **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=pass_fds,
            )
        self.pid = self._popen.pid
        self.started = start_time(self.pid)

    @property
    def log(self) -> str:
        """What the program has written so far: its output, and its log files."""
        files = [self._output, *sorted(self.directory.glob("*.log"))]
        return "".join(file.read_text("utf-8", "replace") for file in files if file.exists())

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._popen.poll() is None and start_time(self.pid) == self.started

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition of start-up. Raises RuntimeError with the log if it does not come."""
        until(lambda: condition() or not self.alive(), START_S)
        if not (self.alive() and condition()):
            ending = "is still running" if self.alive() else f"ended with status {self._popen.returncode}"
            raise RuntimeError(f"{what} never came: {self.argv[0]} {ending}\n{self.log}")

    def stop(self) -> None:
        """End the whole session: SIGTERM, and SIGKILL for what is there after a grace. Waits until all are gone."""
        for number, seconds in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, START_S)):
            for pid in members(self.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            if until(lambda: not members(self.pid), seconds):
                break
        self._popen.wait(START_S)


class Server(Process):
    """A process that listens at one address."""

    def __init__(
        self, argv: Sequence[str], endpoint: tuple[str, int], directory: Path, environment: Mapping[str, str]
    ) -> None:
        self.address, self.port = endpoint
        super().__init__(argv, directory, environment)

    @property
    def target(self) -> str:
        """The address as the command line takes it."""
        return f"{self.address}:{self.port}"

    def listening(self) -> bool:
        """Whether its address is in the LISTEN state."""
        return listening(self.address, self.port)

    def wait_until_listening(self) -> None:
        """Wait until connections would be taken. Raises RuntimeError with the log if that does not come."""
        self.wait_for(self.listening, f"a listener at {self.target}")


class Launcher(ABC):
    """A configured server: a context manager that runs it. Its files live as long as it does."""

    _open: ExitStack

    @abstractmethod
    def arrange(self, directory: Path, endpoint: tuple[str, int], stack: ExitStack) -> Server:
        """Write the configuration into the directory and start the server; what it also needs goes on the stack."""

    def __enter__(self) -> Server:
        with ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rdp-")))
            server = self.arrange(directory, free_endpoint(), stack)
            stack.callback(server.stop)
            server.wait_until_listening()
            self._open = stack.pop_all()
            return server

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
