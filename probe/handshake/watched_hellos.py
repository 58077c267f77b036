"""The hellos of TLS that others speak, in whichever framing, and what later records are to be understood with.

`TlsHello` and `Ssl2Hello` read them. Where only the client is seen there is no answer to read, and its ClientHello is
the business of `TlsWatched`; but for one in the framing of SSL 2.0, which is taken out here.
"""

from __future__ import annotations

from enum import Enum

from probe.errors import ProbeError
from probe.handshake.machine import Event, Malformed, Seen, Side
from probe.handshake.ssl2_hello import Ssl2Hello
from probe.handshake.tls_hello import State as Hello
from probe.handshake.tls_hello import TlsHello
from probe.wire import ssl2, tls_hello
from probe.wire.tls_extensions import find
from probe.wire.tls_record import Alert, ChangeCipherSpec
from probe.wire.tls_version import TLS13

_RANDOM = 32  # bytes
_EARLY_DATA = 42  # extension_type


class Lead(Enum):
    """Where the hellos have led."""

    __hash__ = object.__hash__

    NOWHERE = "not over"
    FLIGHT = "the client's flight follows, up to TLS 1.2"
    RESUMED = "the server's Finished follows: a resumed session, up to TLS 1.2"
    ENCRYPTED = "all that follows is encrypted: TLS 1.3"
    UNANSWERED = "records of a client that is alone"
    REFUSED = "an alert"
    DISCONNECTED = "a PDU in clear"
    SSL2 = "SSL 2.0"
    FAILED = "what cannot be read"


_LEADS = {
    Hello.REFUSED: Lead.REFUSED,
    Hello.DISCONNECTED: Lead.DISCONNECTED,
    Hello.FAILED: Lead.FAILED,
}


class WatchedHellos:
    """One side's hello, or both. `only` and `begun` as `TlsWatched` has them."""

    def __init__(self, *, only: Side | None = None, begun: bool = False) -> None:
        self.client_hello: tls_hello.ClientHello | None = None  # the last one
        self.client_random = b""  # also of a hello in the framing of SSL 2.0
        self.server_hello: tls_hello.ServerHello | None = None
        self.chain: tuple[bytes, ...] = ()  # the server's, DER, leaf first
        self.transcript = bytearray()  # the handshake messages so far
        self.lead = Lead.NOWHERE
        self.is_tls13 = False  # the server has selected it
        # The client may send data before the handshake is over, as far as is known. RFC 8446 section 4.2.10.
        self.may_be_early = True
        self._alone = only is Side.CLIENT
        self._reader: TlsHello | Ssl2Hello = TlsHello(
            through_retry=True, unasked=begun, server_only=only is Side.SERVER
        )
        self._framer = ssl2.RecordFramer()  # of a client that is alone
        self._begun = False

    @property
    def waiting_for(self) -> str:
        """The message that is awaited, in words."""
        return self._reader.waiting_for

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        """Take bytes of either side, however split; not called any more once they have led somewhere."""
        if not self._begun:
            self._begun = True
            is_ssl2 = side is Side.CLIENT and bool(data[0] & ssl2.Record.TWO_BYTES)
            if is_ssl2:
                self._reader = Ssl2Hello()
            elif self._alone:
                self.lead = Lead.UNANSWERED
                self._framer.feed(data)
                return []
        if self._alone:
            return self._observe_alone(data, at)
        events = self._reader.observe(side, data, at)
        for event in events:
            self.note(event)
        if self._reader.finished:
            self.lead = self._led(events)
        return events

    def _observe_alone(self, data: bytes, at: float) -> list[Event]:
        """One record of SSL 2.0, of a client whose server is not seen."""
        self._framer.feed(data)
        try:
            record = self._framer.next_record()
            if record is None:
                return []
            message = ssl2.read_message(record.data)
        except ProbeError as error:
            self.lead = Lead.FAILED
            return [Malformed(at, Side.CLIENT, error, self._framer.leftover())]
        self.lead = Lead.UNANSWERED
        return [Seen(at, Side.CLIENT, message, record.data)]

    def _led(self, events: list[Event]) -> Lead:
        tls = self._reader.tls if isinstance(self._reader, Ssl2Hello) else self._reader
        last = events[-1]  # what ended the reader
        if tls is None:
            return Lead.FAILED if isinstance(last, Malformed) else Lead.SSL2
        if tls.state is not Hello.ANSWERED:
            return _LEADS[tls.state]
        if self.is_tls13:
            return Lead.ENCRYPTED
        resumed = isinstance(last, Seen) and isinstance(last.message, ChangeCipherSpec)
        return Lead.RESUMED if resumed else Lead.FLIGHT

    def note(self, event: Event) -> None:
        """Keep what later messages are to be understood with."""
        if not isinstance(event, Seen):
            return
        message = event.message
        if not isinstance(message, Alert | ChangeCipherSpec):
            self.transcript += event.raw
        if isinstance(message, tls_hello.ClientHello):
            self.client_hello, self.client_random = message, message.random
            self.may_be_early = find(message.extensions, _EARLY_DATA) is not None
        elif isinstance(message, ssl2.ClientHello):  # RFC 5246 appendix E.2: the challenge, filled up on the left
            self.client_random = message.challenge.rjust(_RANDOM, b"\0")
        elif isinstance(message, tls_hello.ServerHello):
            self.server_hello, self.is_tls13 = message, message.selected_version >= TLS13
        elif isinstance(message, tls_hello.Certificate | tls_hello.CertificateTls13):
            self.chain = message.chain

    def leftover(self, side: Side) -> bytes:
        """Bytes behind the hellos, or of one that never became whole."""
        return self._reader.leftover(side) + (self._framer.leftover() if side is Side.CLIENT else b"")
