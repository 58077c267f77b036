"""The least that a negotiation can cost here: a bare epoll loop that connects, asks, reads the answer and closes."""

from __future__ import annotations

import argparse
import select
import socket
from collections.abc import Iterator

from benchmarks.bare import REQUEST

AT_ONCE = 16


class Loop:
    """Exchanges beside each other, one new for each that ends."""

    def __init__(self, targets: list[str]) -> None:
        self._left: Iterator[tuple[str, int]] = iter([(host, int(port)) for host, _, port in map(_split, targets)])
        self._poll = select.epoll()
        self._open: dict[int, socket.socket] = {}

    def run(self) -> None:
        for _ in range(AT_ONCE):
            self._begin()
        while self._open:
            for number, event in self._poll.poll():
                if event & select.EPOLLIN:
                    self._read(number)
                else:
                    self._open[number].send(REQUEST)
                    self._poll.modify(number, select.EPOLLIN)

    def _begin(self) -> None:
        for place in self._left:
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(place)
            self._open[sock.fileno()] = sock
            self._poll.register(sock.fileno(), select.EPOLLOUT)
            return

    def _read(self, number: int) -> None:
        sock = self._open.pop(number)
        sock.recv(1024)
        sock.close()
        self._begin()


def _split(target: str) -> tuple[str, str, str]:
    return target.rpartition(":")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="+")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    for _ in range(options.rounds):
        Loop(options.targets).run()
