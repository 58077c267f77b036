"""The least that an exchange with TLS can cost here: a bare trio loop that reads and checks nothing."""

from __future__ import annotations

import argparse

import trio  # noqa: TID253 - it is what is measured
from OpenSSL import SSL  # noqa: TID253

REQUEST = bytes.fromhex("030000130ee000000000000100080002000000")  # asks for HYBRID
AT_ONCE = 16


async def exchange(target: str, context: SSL.Context) -> None:
    """TCP, X.224, a complete TLS handshake, close."""
    host, _, port = target.rpartition(":")
    sock = trio.socket.socket()
    await sock.connect((host, int(port)))
    await sock.send(REQUEST)
    await sock.recv(1024)
    tls = SSL.Connection(context, None)
    tls.set_connect_state()
    while True:
        try:
            tls.do_handshake()
            break
        except SSL.WantReadError:
            await sock.send(tls.bio_read(65536))
            tls.bio_write(await sock.recv(65536))
    await sock.send(tls.bio_read(65536))
    sock.close()


async def run(targets: list[str], rounds: int) -> None:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    limiter = trio.CapacityLimiter(AT_ONCE)

    async def one(target: str) -> None:
        async with limiter:
            await exchange(target, context)

    for _ in range(rounds):
        async with trio.open_nursery() as nursery:
            for target in targets:
                nursery.start_soon(one, target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="+")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    trio.run(run, options.targets, options.rounds)
