"""A complete TLS client over memory, to prove that the handshake works and to reach what is inside.

TLS over memory buffers has no calls that wait: bytes of the wire are put in, the library is asked to go on, and what
it wants to send is taken out. Our own `TlsHello` watches the same bytes beside it, so that versions, suites, groups
and alerts are read from the wire and not from the library's summary; the library only adds what nobody else can
know: that the handshake was completed, and the certificate that TLS 1.3 encrypts.

Once the tunnel stands, another machine talks inside it. TLS 1.3 servers may send session tickets first; the library
takes those out. Certificates are not verified here: every server is to be looked at, and trust is judged later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from probe.handshake.machine import Event, Machine, Secured, Side, TlsClosed, TlsFailed
from probe.handshake.tls_hello import State as Watched
from probe.handshake.tls_hello import TlsHello
from probe.wire.tls_version import TLS13, VERSION_NAMES

if TYPE_CHECKING:
    from OpenSSL import SSL

_CHUNK = 65536
_ANY_LEVEL = b"ALL:COMPLEMENTOFALL:@SECLEVEL=0"  # old servers are to be measured, not refused by our own library
_LEGACY_SERVER_CONNECT = 0x4  # SSL_OP_LEGACY_SERVER_CONNECT: servers without RFC 5746


KeyLogLine = Callable[[bytes], None]  # takes one line in NSS's format, without its end


@lru_cache(maxsize=2 * len(VERSION_NAMES))
def client_context(newest: int = TLS13, *, logged: bool = False) -> SSL.Context:
    """The library context of all tunnels up to a version, from TLS 1.0: everything the library can still do.

    With `logged` it tells the secrets of each connection to the `KeyLogLine` that is the connection's app data.
    """
    from OpenSSL import SSL

    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_cipher_list(_ANY_LEVEL)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_max_proto_version(newest)
    # A server that asks for a second handshake would hold up what we say, our goodbye too; it is told no.
    context.set_options(_LEGACY_SERVER_CONNECT | SSL.OP_NO_RENEGOTIATION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_verify(SSL.VERIFY_NONE, None)
    if logged:
        context.set_keylog_callback(_log_secret)
    return context


def _log_secret(connection: SSL.Connection, line: bytes) -> None:
    """A context is shared by many connections; each carries where its own secrets go."""
    tell: KeyLogLine = connection.get_app_data()
    tell(line)


@dataclass(slots=True)
class SessionMemory:
    """The session of the last tunnel that was to be continued, in the library's own form."""

    kept: SSL.Session | None = None


class State(Enum):
    """How far the tunnel is."""

    __hash__ = object.__hash__

    HANDSHAKE = "the TLS handshake to be completed"
    OPEN = "the protocol inside TLS"
    CLOSED = "closed by the server's close_notify"
    FAILED = "failed"


class TlsTunnel:
    """A TLS client, and optionally a machine inside it.

    `newest` is the newest version offered. With a `memory` the session is kept in it, or the one in it is continued.
    `keylog` is told the connection's secrets as lines of a key log.
    """

    def __init__(
        self,
        server_name: str | None = None,
        inner: Machine | None = None,
        newest: int = TLS13,
        memory: SessionMemory | None = None,
        keylog: KeyLogLine | None = None,
    ) -> None:
        from OpenSSL import SSL

        self.state = State.HANDSHAKE
        self._ssl = SSL
        self._tls = SSL.Connection(client_context(newest, logged=keylog is not None), None)
        self._tls.set_app_data(keylog)
        self._tls.set_connect_state()
        self._memory = memory
        if memory is not None and memory.kept is not None:
            self._tls.set_session(memory.kept)
        if server_name is not None:
            self._tls.set_tlsext_host_name(server_name.encode("ascii"))
        self._watch = TlsHello(through_retry=True)
        self._inner = inner
        self._said: list[bytes] = []  # plain text on its way, not yet observed

    @property
    def finished(self) -> bool:
        """True when the inner machine is, or the tunnel can carry nothing more."""
        if self.state is State.OPEN:
            return self._inner is None or self._inner.finished
        return self.state is not State.HANDSHAKE

    @property
    def waiting_for(self) -> str:
        """What is awaited, outside or inside."""
        if self.state is State.HANDSHAKE:
            return self._watch.waiting_for or self.state.value
        if self.state is State.OPEN and self._inner is not None:
            return self._inner.waiting_for
        return ""

    def data_to_send(self) -> bytes:
        """Records: the handshake's, and the inner machine's messages once there is a tunnel."""
        if self.state is State.HANDSHAKE:
            self._go_on()
        if self.state is State.OPEN and self._inner is not None and (plain := self._inner.data_to_send()):
            self._tls.send(plain)
            self._said.append(plain)
        return self._drain()

    def _drain(self) -> bytes:
        out = b""
        try:
            while len(out) % _CHUNK == 0:  # behind less than a whole chunk there is nothing
                out += self._tls.bio_read(_CHUNK)
        except self._ssl.WantReadError:
            pass
        return out

    def _go_on(self) -> bool:
        """Let the library use what it has. True when the handshake has just been completed."""
        try:
            self._tls.do_handshake()
        except self._ssl.WantReadError:
            return False
        self.state = State.OPEN
        return True

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        """Take bytes of the wire. The client's are those that `data_to_send` gave."""
        events = [] if self._watch.finished else self._watch.observe(side, data, at)
        if side is Side.CLIENT:
            said, self._said = self._said, []
            for plain in said:
                events += self._inner.observe(side, plain, at) if self._inner is not None else []
            return events
        try:
            self._tls.bio_write(data)
            if self.state is State.HANDSHAKE and self._go_on():
                events.append(self._secured(at))
            if self.state is State.OPEN:
                self._receive(at, events)
        except self._ssl.Error as error:
            self.state = State.FAILED
            events.append(TlsFailed(at, _reasons(error)))
        return events

    def _receive(self, at: float, events: list[Event]) -> None:
        """Hand what the server said inside the tunnel to the inner machine."""
        while self._inner is not None and not self._inner.finished:
            try:
                plain = self._tls.recv(_CHUNK)
            except self._ssl.WantReadError:
                return
            except self._ssl.ZeroReturnError:
                self.state = State.CLOSED
                events.append(TlsClosed(at))
                return
            events += self._inner.observe(Side.SERVER, plain, at)

    def _secured(self, at: float) -> Secured:
        from OpenSSL import crypto

        version = self._tls.get_protocol_version_name()
        chain = self._tls.get_peer_cert_chain() or []
        return Secured(
            at,
            version="TLSv1.0" if version == "TLSv1" else version,  # the one that the library names otherwise
            cipher_suite=self._tls.get_cipher_name() or "",
            chain=tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate) for certificate in chain),
        )

    def leftover(self, side: Side) -> bytes:
        """Bytes of the clear part that nobody could read; what is encrypted there is not unread, but the library's."""
        if self.state is State.OPEN and self._inner is not None:
            return self._inner.leftover(side)
        clear = self.state in (State.HANDSHAKE, State.FAILED) and self._watch.state is not Watched.ANSWERED
        return self._watch.leftover(side) if clear else b""

    def farewell(self) -> bytes:
        """What the inner machine would say, then close_notify."""
        if self.state is not State.OPEN:
            return self._drain()
        if self._inner is not None and (last := self._inner.farewell()):
            self._tls.send(last)
        if self._memory is not None:
            self._memory.kept = self._tls.get_session()
        self._tls.shutdown()
        return self._drain()


def _reasons(error: Exception) -> tuple[str, ...]:
    """The library's own words, one for each entry of its error queue."""
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return tuple(str(entry[-1]) for entry in queue) or (type(error).__name__,)
