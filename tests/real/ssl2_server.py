"""A server that has SSL 2.0 and nothing else. It is emulated: no TLS library that can be had here still speaks it.

It goes as far as a probe does: the CLIENT-HELLO, and in answer the SERVER-HELLO with its certificate and cipher kinds,
or an ERROR where there is none in common. To anything else it closes. A CLIENT-HELLO that offers a newer version gets
the same answer, since the older side decides. Source: K. Hickman, "The SSL Protocol", 1995, CLIENT-HELLO and
SERVER-HELLO; "no cipher" as OpenSSL 1.0.1 did it in ssl/s2_srvr.c.

    python -m tests.real.ssl2_server --listen 127.0.60.1:4433 --certificate FILE.pem --kinds 010080,0700c0
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socketserver
import ssl
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from probe.errors import WireError
from probe.wire import ssl2
from probe.wire.tls_record import ContentType
from probe.wire.tls_version import SSL2
from tests.real import certificates
from tests.real.certificates import Certificate
from tests.real.process import Launcher, Server

ROOT = Path(__file__).parents[2]
RC4, RC4_EXPORT, TRIPLE_DES = 0x010080, 0x020080, 0x0700C0


@dataclass(kw_only=True)
class Ssl2Server(Launcher):
    """The emulated server, on an address of its own."""

    certificate: Certificate | None = None  # None: a good one with an RSA key
    kinds: Sequence[int] = (TRIPLE_DES, RC4, RC4_EXPORT)  # cipher kinds, in the order in which it tells them

    def arrange(self, directory: Path, endpoint: tuple[str, int], stack: ExitStack) -> Server:
        certificate = self.certificate or certificates.rsa(directory)
        argv = [sys.executable, "-m", "tests.real.ssl2_server", "--listen", f"{endpoint[0]}:{endpoint[1]}"]
        argv += [
            "--certificate",
            str(certificate.certificate),
            "--kinds",
            ",".join(f"{kind:06x}" for kind in self.kinds),
        ]
        return Server(argv, endpoint, directory, {"PYTHONPATH": str(ROOT)})

    @property
    def expected_suites(self) -> dict[str, set[int]]:
        """The cipher kinds that it was configured to serve, under its only version."""
        return {"SSLv2": set(self.kinds)}


def answer(data: bytes, certificate: bytes, kinds: Sequence[int]) -> bytes:
    """The record in answer to a record's data. Raises WireError if that is no CLIENT-HELLO that could be answered."""
    hello = ssl2.read_message(data)
    if not isinstance(hello, ssl2.ClientHello) or hello.version < SSL2:
        return b""
    common = tuple(kind for kind in kinds if kind in hello.cipher_specs)
    if not common:
        return ssl2.write_message(ssl2.Error(code=ssl2.ErrorCode.NO_CIPHER))
    said = ssl2.ServerHello(
        session_id_hit=0,
        certificate_type=ssl2.ServerHello.X509_CERTIFICATE,
        version=SSL2,
        certificate=certificate,
        cipher_specs=common,
        connection_id=os.urandom(16),
    )
    return ssl2.write_message(said)


class _Handler(socketserver.BaseRequestHandler):
    """One connection, closed in the end by socketserver."""

    server: _Listener

    def handle(self) -> None:
        with contextlib.suppress(WireError, OSError):
            said = self._answer()
            self.request.sendall(said)
            if said[2:3] == bytes([ssl2.MessageType.SERVER_HELLO]):
                self.request.recv(65536)  # it waits for CLIENT-MASTER-KEY

    def _answer(self) -> bytes:
        framer = ssl2.RecordFramer()
        while (record := framer.next_record()) is None:
            data = self.request.recv(65536)
            if not data or data[0] == ContentType.HANDSHAKE:  # a TLS hello would pass for a long record of SSL 2.0
                return b""
            framer.feed(data)
        return answer(record.data, self.server.certificate, self.server.kinds)


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, endpoint: tuple[str, int], certificate: bytes, kinds: Sequence[int]) -> None:
        self.certificate, self.kinds = certificate, kinds
        super().__init__(endpoint, _Handler)


def main() -> None:
    """Serve until a signal ends it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", required=True, metavar="ADDRESS:PORT")
    parser.add_argument("--certificate", required=True, type=Path, metavar="PEM")
    parser.add_argument("--kinds", required=True, metavar="HEX,...")
    options = parser.parse_args()
    address, _, port = options.listen.rpartition(":")
    certificate = ssl.PEM_cert_to_DER_cert(options.certificate.read_text("ascii"))
    with _Listener((address, int(port)), certificate, [int(kind, 16) for kind in options.kinds.split(",")]) as listener:
        listener.serve_forever()


if __name__ == "__main__":
    main()
