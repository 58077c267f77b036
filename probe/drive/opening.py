"""Opening a connection, and what the operating system says when one cannot be had or breaks.

Nothing that a network does is an exception to whoever asks: an errno has an ending, and its words are kept beside it.
"""

from __future__ import annotations

import errno
import os
import socket as os_socket
from collections.abc import Callable

import trio  # noqa: TID253 - this module is only imported when a connection is to be made

from probe.errors import Unavailable
from probe.handshake.machine import Ending
from probe.result import Target

# What connect() and recv() may fail with, and what it means. Anything else is a fault of ours and is raised.
ENDINGS: dict[int, Ending] = {
    errno.ECONNREFUSED: Ending.REFUSED,
    errno.ECONNRESET: Ending.RESET,
    errno.ECONNABORTED: Ending.RESET,
    errno.EPIPE: Ending.RESET,
    errno.ENOTCONN: Ending.RESET,  # a reset that was noticed between two calls
    errno.ETIMEDOUT: Ending.FILTERED,
    errno.EHOSTUNREACH: Ending.UNREACHABLE,
    errno.ENETUNREACH: Ending.UNREACHABLE,
    errno.EHOSTDOWN: Ending.UNREACHABLE,
    errno.ENETDOWN: Ending.UNREACHABLE,
    errno.EACCES: Ending.UNREACHABLE,  # a firewall's prohibition, or connecting to a broadcast address
    errno.EPERM: Ending.UNREACHABLE,
    errno.EINVAL: Ending.UNREACHABLE,  # an address of another scope than the source's
    errno.EADDRNOTAVAIL: Ending.UNREACHABLE,
    errno.EAFNOSUPPORT: Ending.UNREACHABLE,  # this machine has no such protocol, or the source address is of another
    errno.ENODEV: Ending.UNREACHABLE,  # the interface of a scoped address
    # What the kernel makes of the rarer ICMP messages.
    errno.ENOPROTOOPT: Ending.UNREACHABLE,
    errno.EOPNOTSUPP: Ending.UNREACHABLE,
    errno.EPROTO: Ending.UNREACHABLE,
    errno.EMSGSIZE: Ending.UNREACHABLE,  # a datagram larger than the way allows
    errno.ENETRESET: Ending.RESET,
}
if hasattr(errno, "ENONET"):  # Linux alone
    ENDINGS[errno.ENONET] = Ending.UNREACHABLE
# What the same errors mean once there was a connection.
BROKEN_OFF = {
    Ending.REFUSED: Ending.RESET,
    Ending.FILTERED: Ending.TIMED_OUT,
    Ending.UNREACHABLE: Ending.TIMED_OUT,
}


async def open_to(
    target: Target,
    source_address: str | None,
    kind: os_socket.SocketKind = os_socket.SOCK_STREAM,
    *,
    begun: Callable[[os_socket.socket], None] | None = None,
) -> os_socket.socket:
    """A connected socket: of datagrams too, so that what ICMP says of them is heard. Raises OSError.

    It is the system's own and never blocks; to wait for it is the caller's business. `begun` is called when it has its
    address and the first segment is on its way.
    """
    address = target.address or target.host
    family = os_socket.AF_INET6 if ":" in address else os_socket.AF_INET
    host, _, zone = address.partition("%")
    scope = scope_of(zone) if zone else 0
    sock = os_socket.socket(family, kind)
    try:
        sock.setblocking(False)
        if kind == os_socket.SOCK_STREAM:
            sock.setsockopt(os_socket.IPPROTO_TCP, os_socket.TCP_NODELAY, 1)
        if source_address is not None:
            sock.bind((source_address, 0))
        there = (host, target.port, 0, scope) if family == os_socket.AF_INET6 else (host, target.port)
        await _connect(sock, there, begun)
    except BaseException:
        sock.close()
        raise
    return sock


async def _connect(
    sock: os_socket.socket,
    address: tuple[str, int] | tuple[str, int, int, int],
    begun: Callable[[os_socket.socket], None] | None,
) -> None:
    failure = sock.connect_ex(address)
    if begun is not None and failure in (0, errno.EINPROGRESS):
        begun(sock)
    if failure == errno.EINPROGRESS:
        try:
            await trio.lowlevel.wait_writable(sock)
        except trio.Cancelled:
            # It may have come while we were late to look. Who cancels stays heard: by the next wait.
            failure = sock.getsockopt(os_socket.SOL_SOCKET, os_socket.SO_ERROR)
            if not failure and not _has_peer(sock):
                raise
        else:
            failure = sock.getsockopt(os_socket.SOL_SOCKET, os_socket.SO_ERROR)
    if failure:
        raise OSError(failure, os.strerror(failure))


def _has_peer(sock: os_socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def scope_of(zone: str) -> int:
    """The number of an interface that is given by name or number, as in fe80::1%eth0. Raises OSError."""
    if zone.isascii() and zone.isdigit():
        return int(zone)
    try:
        return os_socket.if_nametoindex(zone)
    except OSError as error:  # it has no errno
        raise OSError(errno.ENODEV, f"no such network interface: {zone}") from error


def ending_of(error: OSError) -> Ending:
    """What an error of the operating system means. Raises Unavailable where descriptors lack, and what is our fault."""
    if isinstance(error, os_socket.gaierror):  # addresses are literals: one does not fit the other's family
        return Ending.UNREACHABLE
    if error.errno in (errno.EMFILE, errno.ENFILE):
        hint = "allow more (ulimit -n 4096), or ask for less at a time (--per-host)"
        raise Unavailable("no file descriptor is left for another connection", hint) from error
    if error.errno not in ENDINGS:
        raise error
    return ENDINGS[error.errno]
