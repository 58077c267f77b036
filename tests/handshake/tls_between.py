"""TLS between two ends over memory: what both said, what was inside, and the key log of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL

from probe.handshake.key_log import KeyLog
from probe.handshake.machine import Event, Side
from tests.conversations import Said
from tests.handshake.tls_server import context

C, S = Side.CLIENT, Side.SERVER
VERSIONS = {
    "TLSv1.0": SSL.TLS1_VERSION,
    "TLSv1.1": SSL.TLS1_1_VERSION,
    "TLSv1.2": SSL.TLS1_2_VERSION,
    "TLSv1.3": SSL.TLS1_3_VERSION,
}
NO_ENCRYPT_THEN_MAC = 1 << 19  # SSL_OP_NO_ENCRYPT_THEN_MAC
NO_EXTENDED_MASTER = 1  # SSL_OP_NO_EXTENDED_MASTER_SECRET
TALK = ((C, b"hello"), (S, b"world"), (C, b"x" * 20_000), (S, b"y" * 40_000))
Setup = Callable[[SSL.Context], object]


@dataclass
class Between:
    """A connection, as far as it came. `keys` is the client's key log."""

    said: list[Said] = field(default_factory=list)
    keys: bytes = b""
    plain: dict[Side, bytes] = field(default_factory=lambda: dict.fromkeys(Side, b""))
    suite: str = ""

    @property
    def log(self) -> KeyLog:
        log = KeyLog()
        log.take(self.keys)
        return log


class Ends:
    """A client and a server, and everything that they say."""

    def __init__(
        self, version: str, suites: bytes = b"ALL", *, client: Setup | None = None, server: Setup | None = None
    ) -> None:
        self.seen = Between()
        number = VERSIONS[version]
        at_client, at_server = SSL.Context(SSL.TLS_CLIENT_METHOD), context(number, number)
        for made in (at_client, at_server):
            made.set_min_proto_version(number)
            made.set_max_proto_version(number)
            made.set_session_id(b"between") if made is at_server else None
            if version == "TLSv1.3" and suites != b"ALL":
                made.set_tls13_ciphersuites(suites)
            made.set_cipher_list((b"ALL" if version == "TLSv1.3" else suites) + b":@SECLEVEL=0")
        at_client.set_keylog_callback(self._log)
        for setup, made in ((client, at_client), (server, at_server)):
            if setup is not None:
                setup(made)
        self._contexts = at_client, at_server
        self._open()

    def _open(self) -> None:
        self.tls = {C: SSL.Connection(self._contexts[0], None), S: SSL.Connection(self._contexts[1], None)}
        self.tls[C].set_connect_state()
        self.tls[S].set_accept_state()

    def again(self) -> None:
        """A new connection that continues the session of this one."""
        session = self.tls[C].get_session()
        assert session is not None
        self.seen = Between()
        self._open()
        self.tls[C].set_session(session)
        self.shake()

    def _log(self, _: SSL.Connection, line: bytes) -> None:
        self.seen.keys += line + b"\n"

    def carry(self, side: Side) -> bool:
        """Bring what a side has to write to the other. True where there was something."""
        said = b""
        while True:
            try:
                said += self.tls[side].bio_read(65536)
            except SSL.WantReadError:
                break
        if said:
            self.seen.said.append((side, said))
            self.tls[S if side is C else C].bio_write(said)
        return bool(said)

    def shake(self) -> None:
        """Go on with the handshake until neither has anything to say."""
        busy = True
        while busy:
            busy = False
            for side, tls in self.tls.items():
                with suppress(SSL.Error):  # WantReadError too
                    tls.do_handshake()
                busy |= self.carry(side)

    def say(self, side: Side, plain: bytes) -> None:
        """One message, which is heard."""
        left = plain
        while left:  # a record at a time
            left = left[self.tls[side].send(left) :]
        self.carry(side)
        self.seen.plain[side] += plain
        heard = b""
        while len(heard) < len(plain):
            heard += self.tls[S if side is C else C].recv(65536)
        assert heard == plain

    def close(self, side: Side) -> None:
        """close_notify."""
        self.tls[side].shutdown()
        self.carry(side)


def between(
    version: str,
    suites: bytes = b"ALL",
    *,
    client: Setup | None = None,
    server: Setup | None = None,
    talk: Sequence[Said] = TALK,
) -> Between:
    """A whole connection, which the client closes."""
    ends = Ends(version, suites, client=client, server=server)
    ends.shake()
    for side, plain in talk:
        ends.say(side, plain)
    ends.seen.suite = ends.tls[C].get_cipher_name() or ""
    ends.close(C)
    return ends.seen


def resumed(version: str) -> tuple[Between, Between]:
    """A connection, and one that continues its session."""
    ends, seen = Ends(version), []
    for turn in range(2):
        ends.again() if turn else ends.shake()
        for side, plain in TALK:
            ends.say(side, plain)
        ends.close(C)
        seen.append(ends.seen)
    return seen[0], seen[1]


@lru_cache
def rsa_key() -> rsa.RSAPrivateKey:
    """Of a server whose suites encrypt the premaster secret."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


def with_rsa(made: SSL.Context) -> None:
    """Give a server an RSA certificate of its own."""
    from datetime import UTC, datetime, timedelta

    from cryptography.hazmat.primitives import hashes

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "rsa.example")])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(rsa_key().public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=3650))
        .sign(rsa_key(), hashes.SHA256())
    )
    made.use_certificate(certificate)
    made.use_privatekey(rsa_key())


class Listener:
    """A machine that hears all, and is finished when it has heard `enough` bytes."""

    def __init__(self, enough: int = 1 << 30) -> None:
        self.heard = dict.fromkeys(Side, b"")
        self._enough = enough

    @property
    def finished(self) -> bool:
        return sum(map(len, self.heard.values())) >= self._enough

    @property
    def waiting_for(self) -> str:
        return "" if self.finished else "more"

    def data_to_send(self) -> bytes:
        return b""

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        self.heard[side] += data
        return []

    def leftover(self, side: Side) -> bytes:
        return self.heard[side]

    def farewell(self) -> bytes:
        return b""


# Recorded between s_client and s_server of OpenSSL 3.0.22 with -keylogfile: "keyupdate" by the commands K (asks for the
# other's too) and k of s_client; "early" by -sess_out, then -sess_in and -early_data; "reneg" by R, TLS 1.2.
_RECORDED = Path(__file__).with_name("recorded_tls.json")


def recorded(name: str) -> tuple[list[list[Said]], KeyLog]:
    """The connections of that name, and their key log."""
    stored = json.loads(_RECORDED.read_text("ascii"))[name]
    log = KeyLog()
    log.take(recorded_keys(name))
    runs = [[(C if who == "C" else S, bytes.fromhex(said)) for who, said in run] for run in stored["runs"]]
    return runs, log


def recorded_keys(name: str) -> bytes:
    """The key log as it was written."""
    keys: str = json.loads(_RECORDED.read_text("ascii"))[name]["keys"]
    return keys.encode("ascii")
