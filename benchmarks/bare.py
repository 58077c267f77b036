"""The least that an exchange with TLS can cost here: a bare trio loop that reads and checks nothing.

With --credssp it goes as far as `scan --depth discover` does: it takes the certificates of the handshake, sends one
TSRequest with NTLM's NEGOTIATE and waits for the CHALLENGE.
"""

from __future__ import annotations

import argparse

import trio  # noqa: TID253 - it is what is measured
from OpenSSL import SSL  # noqa: TID253

from probe.handshake.credssp import first_request

REQUEST = bytes.fromhex("030000130ee000000000000100080002000000")  # asks for HYBRID
AT_ONCE = 16


async def exchange(target: str, context: SSL.Context, inside: bytes) -> None:
    """TCP, X.224, a complete TLS handshake, what is said inside and its answer, close."""
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
    if inside:
        tls.get_peer_cert_chain()
        tls.send(inside)
    await sock.send(tls.bio_read(65536))
    if inside:
        tls.bio_write(await sock.recv(65536))
        tls.recv(65536)
    sock.close()


async def run(targets: list[str], rounds: int, inside: bytes) -> None:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    limiter = trio.CapacityLimiter(AT_ONCE)

    async def one(target: str) -> None:
        async with limiter:
            await exchange(target, context, inside)

    for _ in range(rounds):
        async with trio.open_nursery() as nursery:
            for target in targets:
                nursery.start_soon(one, target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="+")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--credssp", action="store_true", help="go on to the challenge of NTLM")
    options = parser.parse_args()
    trio.run(run, options.targets, options.rounds, first_request() if options.credssp else b"")
