"""The network that a capture is taken in: the namespace of this process alone, one beside it, and a wire between them.

Nothing here touches the machine's own network: `python -m tests.real.captures` runs each capture in a namespace of
its own, which is gone with the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import select
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.real.process import until

SERVER, CLIENT = "192.0.2.7", "192.0.2.9"
SERVER6, CLIENT6 = "2001:db8::7", "2001:db8::9"

_TUNSETIFF = 0x400454CA
_TUN, _TAP, _NO_PACKET_INFORMATION = 1, 2, 0x1000
_TAG = 0x8100
_ETHER_TYPE = 12  # its offset: behind two addresses of 6 bytes

# Of a frame on its way: the frames that come out in its place, each after so many seconds.
Fault = Callable[[bool, bytes], list[tuple[float, bytes]]]


def ip(*arguments: str) -> None:
    """Run `ip` in this namespace."""
    subprocess.run(["ip", *arguments], check=True, timeout=20)


def set_kernel(name: str, value: str) -> None:
    """Set what `sysctl` sets, in this namespace."""
    Path("/proc/sys", name.replace(".", "/")).write_text(value)


def on_loopback() -> None:
    """Give `lo` the addresses of a server and a client; who connects to the server comes from the client's."""
    ip("link", "set", "lo", "up", "mtu", "1500")
    for address, own, length in ((SERVER, CLIENT, 32), (SERVER6, CLIENT6, 128)):
        for each in (address, own):
            ip("address", "add", f"{each}/{length}", "dev", "lo", *(["nodad"] if length == 128 else []))
        ip("route", "replace", "local", address, "dev", "lo", "table", "local", "src", own)


class Neighbor:
    """Another network namespace, for as long as the `with` lasts."""

    def __enter__(self) -> Self:
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "600"])
        own = Path("/proc/self/ns/net").readlink()
        until(lambda: Path(f"/proc/{self._holder.pid}/ns/net").readlink() != own, 10)
        self.run("ip", "link", "set", "lo", "up")
        # Without IPv6 its devices are quiet until a client speaks.
        self.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6")
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.kill()
        self._holder.wait()

    @property
    def name(self) -> str:
        """As `ip link set … netns NAME` takes it."""
        return str(self._holder.pid)

    def inside(self, *argv: str) -> list[str]:
        """The command that runs a command in it."""
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", *argv]

    def run(self, *argv: str) -> None:
        """Run a command in it to its end. Raises CalledProcessError if that fails."""
        subprocess.run(self.inside(*argv), check=True, timeout=20)


def _device(name: str, mode: int) -> int:
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), mode | _NO_PACKET_INFORMATION))
    return descriptor


class Wire:
    """A cable between device `near` of this namespace, with the server's address, and `far` of the client's.

    `fault` decides what comes out of it. With `tags` a copy of all that passes, tagged so, goes to the device `mirror`
    of this namespace, as a switch's monitor port has it. With `ethernet` false the devices carry bare IP.
    """

    def __init__(
        self, neighbor: Neighbor, *, fault: Fault | None = None, tags: tuple[int, ...] = (), ethernet: bool = True
    ) -> None:
        self._fault = fault or (lambda _to_server, frame: [(0.0, frame)])
        self._tag = b"".join(struct.pack("!HH", _TAG, number) for number in tags)
        mode = _TAP if ethernet else _TUN
        self._near, self._far = _device("near", mode), _device("far", mode)
        self._mirror = _device("mirror", _TAP) if tags else None
        set_kernel("net.ipv6.conf.default.disable_ipv6", "1")
        for device in ("near", "mirror") if tags else ("near",):
            set_kernel(f"net.ipv6.conf.{device}.disable_ipv6", "1")
            ip("link", "set", device, "up")
        ip("address", "add", f"{SERVER}/24", "dev", "near")
        ip("link", "set", "far", "netns", neighbor.name)
        neighbor.run("ip", "address", "add", f"{CLIENT}/24", "dev", "far")
        neighbor.run("ip", "link", "set", "far", "up")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(5)
        for descriptor in (self._near, self._far, self._mirror):
            if descriptor is not None:
                os.close(descriptor)

    def _carry(self) -> None:
        waiting: list[tuple[float, int, int, bytes]] = []
        count = 0
        while not self._ended.is_set():
            ready, _, _ = select.select([self._near, self._far], [], [], 0.005)
            for source in ready:
                with contextlib.suppress(OSError):
                    frame = os.read(source, 65536)
                    self._copy(frame)
                    target = self._far if source == self._near else self._near
                    for delay, each in self._fault(source == self._far, frame):
                        count += 1
                        heapq.heappush(waiting, (time.monotonic() + delay, count, target, each))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, target, frame = heapq.heappop(waiting)
                with contextlib.suppress(OSError):  # a device that is not up yet takes nothing
                    os.write(target, frame)

    def _copy(self, frame: bytes) -> None:
        if self._mirror is not None:
            os.write(self._mirror, frame[:_ETHER_TYPE] + self._tag + frame[_ETHER_TYPE:])


def data_of(frame: bytes) -> int:
    """How many bytes of TCP's payload an Ethernet frame with IPv4 carries; 0 for all others."""
    if frame[_ETHER_TYPE : _ETHER_TYPE + 2] != b"\x08\x00" or frame[23] != 6:
        return 0
    header = 4 * (frame[14] & 0x0F)
    (total,) = struct.unpack_from("!H", frame, 16)
    offset = 4 * (frame[14 + header + 12] >> 4)
    return int(total) - header - offset


def of_server_data(numbers: set[int], what: Callable[[bytes], list[tuple[float, bytes]]]) -> Fault:
    """A fault of the server's segments with data of these numbers, from 1; all others pass."""
    seen = 0

    def fault(to_server: bool, frame: bytes) -> list[tuple[float, bytes]]:
        nonlocal seen
        if to_server or not data_of(frame):
            return [(0.0, frame)]
        seen += 1
        return what(frame) if seen in numbers else [(0.0, frame)]

    return fault


@contextlib.contextmanager
def routed(*, mtu: int = 1500) -> Iterator[Neighbor]:
    """A client in another network, behind a router whose way to it takes packets of `mtu` bytes.

    The server's packets may be fragmented: its kernel sets no DF. An address of the client's network that nobody has
    (192.0.2.99) is unreachable, and the router says so.
    """
    set_kernel("net.ipv4.ip_no_pmtu_disc", "1")
    set_kernel("net.ipv6.conf.default.disable_ipv6", "1")
    with ExitStack() as stack:
        router, client = stack.enter_context(Neighbor()), stack.enter_context(Neighbor())
        ip("link", "add", "near", "type", "veth", "peer", "name", "r1", "netns", router.name)
        router.run("ip", "link", "add", "r2", "type", "veth", "peer", "name", "far", "netns", client.name)
        ip("address", "add", f"{SERVER}/28", "dev", "near")
        router.run("ip", "address", "add", "192.0.2.6/28", "dev", "r1")
        router.run("ip", "address", "add", "198.51.100.1/24", "dev", "r2")
        client.run("ip", "address", "add", "198.51.100.9/24", "dev", "far")
        ip("link", "set", "near", "up")
        for device in ("r1", "r2"):
            router.run("ip", "link", "set", device, "up")
        router.run("ip", "link", "set", "r2", "mtu", str(mtu))
        router.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
        router.run("ip", "route", "add", "unreachable", "192.0.2.99")
        client.run("ip", "link", "set", "far", "up")
        client.run("ip", "route", "add", "default", "via", "198.51.100.1")
        ip("route", "add", "default", "via", "192.0.2.6")
        yield client
