"""How much this machine lets us do at a time: connections by the limit of descriptors, processes by the cores."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from probe.errors import Unavailable
from probe.language import _

DEFAULT = 500  # connections open at a time
_OTHER_FILES = (
    64  # of a process: names that are being resolved (32 at a time), pipes, the results, what a library opens
)
_FEW = 8  # connections that are had with fewer: no process has all of the above open at a time
_FILES_FOR_FEW = 32
_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")  # Linux: ip(7)
_LINUX_PORTS = (32768, 60999)  # its default
_FEW_TARGETS = 64  # that are not worth another process


def concurrency_for(asked: int | None, processes: int) -> tuple[int, str | None]:
    """How many connections may be open at a time in all processes, and what the user should know of it.

    Where the soft limit of descriptors is too low it is raised, for this process and those that it starts, as far as
    the hard limit allows: what setrlimit(2) lets everyone do. What was not asked for shrinks to what is left then. A
    kernel that has fewer ephemeral ports than connections is told of: one server's address can be connected to so
    often at a time, and all of one scan's servers seldom are one.

    Raises Unavailable where what was asked for cannot be had, or not even one connection.
    """
    wanted = DEFAULT if asked is None else asked
    files = _files_for(-(-wanted // processes) + _OTHER_FILES)
    possible = wanted if files is None else _connections_with(files) * processes
    if possible >= wanted:
        return wanted, _about_ports(wanted)
    assert files is not None
    if asked is not None or possible < 1:
        need = -(-wanted // processes) + _OTHER_FILES
        what = f"{wanted} connections at a time need {need} file descriptors a process, and {files} are allowed"
        raise Unavailable(what, _how_to_raise(need, max(possible, 0)))
    return possible, _(
        "{possible} connections at a time in place of {wanted}: a process may have {files} descriptors (ulimit -n)",
        possible=possible,
        wanted=wanted,
        files=files,
    )


def _connections_with(files: int) -> int:
    """How many a process may have open; where a scheduler finds no descriptor it waits and tries again."""
    return max(files - _OTHER_FILES, _FEW if files >= _FILES_FOR_FEW else 0)


def processes_for(asked: int | None, size: int | None) -> int:
    """How many processes shall work: one for each core that we may use, but one alone for few targets.

    `size` is the number of targets, None where nobody knows.
    """
    if asked is not None:
        return asked
    if size is not None and size < _FEW_TARGETS:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _files_for(wanted: int) -> int | None:
    """The limit of descriptors, raised to `wanted` if it can be; None: none."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return None
    if soft < wanted and (hard == resource.RLIM_INFINITY or hard > soft):
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        except (OSError, ValueError):  # a system with a lower limit of its own, such as macOS
            soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft


def _how_to_raise(need: int, possible: int) -> str:
    ways = f"ulimit -n {need}, nofile in /etc/security/limits.conf, or LimitNOFILE={need} in a systemd unit"
    return f"allow more ({ways})" + (f", or ask for --concurrency {possible}" if possible else "")


def _about_ports(wanted: int) -> str | None:
    first, last = _ephemeral_ports()
    if wanted <= last - first + 1:
        return None
    return _(
        "{wanted} connections at a time are more than there are ports for connections to one server ({first}-{last})",
        wanted=wanted,
        first=first,
        last=last,
    )


def _ephemeral_ports() -> tuple[int, int]:
    try:
        first, last = map(int, _PORTS.read_text().split())
    except (OSError, ValueError):
        return _LINUX_PORTS
    return first, last
