"""One CLIENT-HELLO of SSL 2.0, and whatever the server answers to it.

Two questions are asked with it. `ssl2_hello` offers SSL 2.0 alone; a server that has it answers by a SERVER-HELLO
with its certificate and all cipher kinds in common, or by an ERROR where there are none. `framed_hello` offers SSLv3
or TLS in the same framing, RFC 5246 appendix E.2; a server that takes it answers in TLS records, as to any hello.
What real servers do:

- A server that has TLS alone refuses in TLS: OpenSSL 3.0 by the alert protocol_version, and xrdp adds a disconnect
  PDU in clear. `TlsHello` reads those, and the flight that a framed hello gets.
- It waits for the whole record first: a hello shorter than its header claims gets silence.
- NSS 3.87 is silent to a framed hello of a version and suites that it takes from a hello in a record of TLS.

The answer's first byte tells the two protocols apart, for a record of SSL 2.0 that has no padding begins with a bit
that neither TLS nor TPKT sets, and nothing in clear has padding (Hickman, "SSL Record Header Format").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum

from probe.errors import ProbeError, UnexpectedMessage
from probe.handshake import tls_hello
from probe.handshake.machine import SIDES, Event, Malformed, Seen, Side
from probe.handshake.tls_hello import TlsHello
from probe.wire import ssl2
from probe.wire.tls_suites import RENEGOTIATION_SCSV
from probe.wire.tls_version import SSL2


class State(Enum):
    """Which message is awaited, or how it ended."""

    __hash__ = object.__hash__

    EXPECT_CLIENT_HELLO = "the client's SSLv2 CLIENT-HELLO"
    EXPECT_SERVER_HELLO = "the server's answer to an SSLv2 CLIENT-HELLO"
    ANSWERED = "answered in SSLv2"
    REFUSED = "refused in SSLv2"
    HANDED_OVER = "answered in another protocol"
    FAILED = "failed"


S = State
TRANSITIONS: Mapping[tuple[State, Side, type[object]], State] = {
    (S.EXPECT_CLIENT_HELLO, Side.CLIENT, ssl2.ClientHello): S.EXPECT_SERVER_HELLO,
    (S.EXPECT_SERVER_HELLO, Side.SERVER, ssl2.ServerHello): S.ANSWERED,
    (S.EXPECT_SERVER_HELLO, Side.SERVER, ssl2.Error): S.REFUSED,
}
_WAITING = (S.EXPECT_CLIENT_HELLO, S.EXPECT_SERVER_HELLO)
# Hickman, "Protocol constants": the seven of the specification.
KINDS = (0x0700C0, 0x050080, 0x030080, 0x010080, 0x060040, 0x040080, 0x020080)
_CHALLENGE = 16  # bytes, the least: Hickman, CLIENT-HELLO
_FRAMED_CHALLENGE = 32  # bytes: RFC 5246 appendix E.2 wants the longest, which is then the client's random


def ssl2_hello(random_bytes: Callable[[int], bytes]) -> bytes:
    """The record of a CLIENT-HELLO that offers SSL 2.0 alone, with every cipher kind, strongest first.

    `random_bytes` gives as many random bytes as asked.
    """
    hello = ssl2.ClientHello(version=SSL2, cipher_specs=KINDS, challenge=random_bytes(_CHALLENGE))
    return ssl2.write_message(hello)


def framed_hello(version: int, suites: Sequence[int], random_bytes: Callable[[int], bytes]) -> bytes:
    """The record of a CLIENT-HELLO of SSL 2.0 that offers `version`, 0x0300 to 0x0303, and no SSL 2.0.

    It has no extensions, so servers that insist on signature_algorithms refuse it. RFC 5246 appendix E.2; the suite
    that stands for secure renegotiation is allowed here by RFC 5746 section 3.3.
    """
    specs = (*suites, RENEGOTIATION_SCSV)
    hello = ssl2.ClientHello(version=version, cipher_specs=specs, challenge=random_bytes(_FRAMED_CHALLENGE))
    return ssl2.write_message(hello)


class Ssl2Hello:
    """One such hello and its answer. `hello` is the record a live client sends; empty where it is only watched.

    `server_hello` is the SERVER-HELLO of SSL 2.0; `tls` reads what came in another protocol, and is None until then.
    """

    def __init__(self, hello: bytes = b"") -> None:
        self.state = State.EXPECT_CLIENT_HELLO
        self.server_hello: ssl2.ServerHello | None = None
        self.tls: TlsHello | None = None
        self._out = hello
        self._begun: set[Side] = set()  # whose first byte was of SSL 2.0
        self._records = {side: ssl2.RecordFramer() for side in SIDES}

    @property
    def finished(self) -> bool:
        """True once the answer was read, in whichever protocol."""
        return self.state not in _WAITING if self.tls is None else self.tls.finished

    @property
    def waiting_for(self) -> str:
        """The message that is awaited, in words."""
        if self.tls is not None:
            return self.tls.waiting_for
        return self.state.value if self.state in _WAITING else ""

    def data_to_send(self) -> bytes:
        """The hello, once."""
        out, self._out = self._out, b""
        return out

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        """Take bytes of either side, however split."""
        if not data:
            return []
        if not self.finished and side not in self._begun and not data[0] & ssl2.Record.TWO_BYTES:
            self.tls = self.tls or self._successor()
        if self.tls is not None:
            return self.tls.observe(side, data, at)
        self._begun.add(side)
        self._records[side].feed(data)
        return self._read(side, at)

    def _successor(self) -> TlsHello:
        """A reader of TLS, or of a PDU in clear; to it a hello that was seen is as good as a ClientHello of TLS."""
        tls = TlsHello()
        if self.state is State.EXPECT_SERVER_HELLO:
            tls.state = tls_hello.State.EXPECT_SERVER_HELLO
        self.state = State.HANDED_OVER
        return tls

    def _read(self, side: Side, at: float) -> list[Event]:
        events: list[Event] = []
        framer, raw = self._records[side], b""
        try:
            while not self.finished and (record := framer.next_record()) is not None:
                raw = record.data
                events.append(self._take(side, raw, at))
                raw = b""
        except ProbeError as error:
            self.state = State.FAILED
            events.append(Malformed(at, side, error, raw or framer.leftover()))
        return events

    def _take(self, side: Side, raw: bytes, at: float) -> Seen:
        """The event of one message. Raises WireError, or UnexpectedMessage where it comes at another moment."""
        message = ssl2.read_message(raw)
        following = TRANSITIONS.get((self.state, side, type(message)))
        if following is None:
            raise UnexpectedMessage(self.state.name, type(message).__name__)
        if isinstance(message, ssl2.ServerHello):
            self.server_hello = message
        self.state = following
        return Seen(at, side, message, raw)

    def leftover(self, side: Side) -> bytes:
        """Bytes behind the answer, or of a record that never became whole."""
        rest = b"" if self.tls is None else self.tls.leftover(side)
        return self._records[side].leftover() + rest

    def farewell(self) -> bytes:
        """What ends TLS where the answer is TLS; SSL 2.0 has nothing for it."""
        return b"" if self.tls is None else self.tls.farewell()
