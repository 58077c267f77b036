"""One TLS ClientHello, and the server's first flight in answer to it.

Up to TLS 1.2 that flight is in clear: ServerHello, Certificate, ServerKeyExchange, ServerHelloDone. In TLS 1.3 only
the ServerHello is, or a HelloRetryRequest, which already says version, suite and group. The machine reads both sides
and stops where the clear part stops, RFC 5246 section 7.3 and RFC 8446 section 2. What real servers do otherwise:

- A refusal may be an alert of any description, a close, a reset, or silence; an unrecognized_name warning is none.
- xrdp writes a disconnect PDU in clear where TLS belongs when it cannot use its key, and behind its alerts. TPKT's
  version 3 is no TLS content type, so a record that starts with 03 00 is read as that.

The same machine watches the handshakes that our TLS library makes (`tls_tunnel.py`) and those in captures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from probe.errors import ProbeError, TooLong, UnexpectedMessage, WireError
from probe.handshake.machine import SIDES, Event, Malformed, Seen, Side
from probe.wire import mcs, tls_hello, x224
from probe.wire.cursor import Reader, Writer
from probe.wire.tls_record import (
    Alert,
    AlertDescription,
    AlertLevel,
    ChangeCipherSpec,
    ContentType,
    HandshakeFramer,
    Record,
    RecordFramer,
)
from probe.wire.tls_version import TLS10, TLS12, TLS13


class State(Enum):
    """Which message is awaited, or how it ended."""

    __hash__ = object.__hash__

    EXPECT_CLIENT_HELLO = "the client's ClientHello"
    EXPECT_SERVER_HELLO = "the server's ServerHello"
    EXPECT_SECOND_CLIENT_HELLO = "the client's ClientHello after HelloRetryRequest"
    EXPECT_SECOND_SERVER_HELLO = "the server's ServerHello after HelloRetryRequest"
    EXPECT_SERVER_HELLO_DONE = "the rest of the server's first flight"
    ANSWERED = "answered"
    REFUSED = "refused by an alert"
    DISCONNECTED = "disconnected in clear text"
    FAILED = "failed"


S = State
_FLIGHT = (
    tls_hello.Certificate,
    tls_hello.CertificateStatus,
    tls_hello.ServerKeyExchange,
    tls_hello.CertificateRequest,
    tls_hello.UnknownHandshake,
)
TRANSITIONS: Mapping[tuple[State, Side, type[object]], State] = {
    (S.EXPECT_CLIENT_HELLO, Side.CLIENT, tls_hello.ClientHello): S.EXPECT_SERVER_HELLO,
    (S.EXPECT_SERVER_HELLO, Side.SERVER, tls_hello.ServerHello): S.EXPECT_SERVER_HELLO_DONE,
    (S.EXPECT_SECOND_CLIENT_HELLO, Side.CLIENT, tls_hello.ClientHello): S.EXPECT_SECOND_SERVER_HELLO,
    (S.EXPECT_SECOND_SERVER_HELLO, Side.SERVER, tls_hello.ServerHello): S.EXPECT_SERVER_HELLO_DONE,
    **{(S.EXPECT_SERVER_HELLO_DONE, Side.SERVER, kind): S.EXPECT_SERVER_HELLO_DONE for kind in _FLIGHT},
    (S.EXPECT_SERVER_HELLO_DONE, Side.SERVER, tls_hello.ServerHelloDone): S.ANSWERED,
    # A resumed session has no flight in clear: RFC 5246 section 7.3, figure 2.
    (S.EXPECT_SERVER_HELLO_DONE, Side.SERVER, ChangeCipherSpec): S.ANSWERED,
}
_OVER = (S.ANSWERED, S.REFUSED, S.DISCONNECTED, S.FAILED)
_MOST_RECORDS = 1000  # of both sides; a flight takes a handful, but empty ones and warnings can go on for ever
_LONGEST_CLEAR = 512  # bytes of a PDU in clear where TLS belongs; a disconnect has nine
_PROVISIONAL_VERSION = TLS12  # before a ServerHello has said which; only the hellos are read by then


class TlsHello:
    """One hello and its answer. `hello` is the record a live client sends; empty where it is only watched.

    `through_retry` goes on behind a HelloRetryRequest, which otherwise is answer enough. `second` makes the record that
    a live client sends then; where it gives none, the first answer is the last. Where `unasked` the client's hello is
    not seen, and the server's comes first; with `server_only` nothing of the client is.
    """

    def __init__(
        self,
        hello: bytes = b"",
        *,
        through_retry: bool = False,
        second: Callable[[tls_hello.ServerHello], bytes] | None = None,
        unasked: bool = False,
        server_only: bool = False,
    ) -> None:
        self.state = State.EXPECT_SERVER_HELLO if unasked or server_only else State.EXPECT_CLIENT_HELLO
        self.server_hello: tls_hello.ServerHello | None = None
        self._out = hello
        self._through_retry = through_retry
        self._second = second
        self._server_only = server_only
        self._records = {side: RecordFramer() for side in SIDES}
        self._messages = {side: HandshakeFramer() for side in SIDES}
        self._clear = dict.fromkeys(Side, b"")
        self._taken = 0

    @property
    def finished(self) -> bool:
        """True once the clear part is over."""
        return self.state in _OVER

    @property
    def waiting_for(self) -> str:
        """The message that is awaited, in words."""
        return "" if self.finished else self.state.value

    def data_to_send(self) -> bytes:
        """The hello, and the one that follows a HelloRetryRequest; each once."""
        out, self._out = self._out, b""
        return out

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        """Take bytes of either side, however split."""
        events: list[Event] = []
        framer = self._records[side]
        framer.feed(self._clear[side] + data)
        self._clear[side] = b""
        try:
            while not self.finished and (record := self._next_record(side, at, events)) is not None:
                self._take(side, record, at, events)
        except ProbeError as error:
            self.state = State.FAILED
            events.append(Malformed(at, side, error, framer.leftover()))
        return events

    def _next_record(self, side: Side, at: float, events: list[Event]) -> Record | None:
        try:
            return self._records[side].next_record()
        except WireError as error:
            self._not_tls(side, error, at, events)
            return None

    def _take(self, side: Side, record: Record, at: float, events: list[Event]) -> None:
        self._taken += 1
        if self._taken > _MOST_RECORDS:
            raise TooLong("TLS", "records", 0, f"{_MOST_RECORDS} are read at most")
        if record.type == ContentType.ALERT:
            self._take_alert(side, record, at, events)
        elif record.type == ContentType.CHANGE_CIPHER_SPEC:
            self._take_change(side, record, at, events)
        elif record.type == ContentType.HANDSHAKE:
            self._messages[side].feed(record.fragment)
            while not self.finished and (raw := self._messages[side].next_message()) is not None:
                self._take_message(side, raw, at, events)

    def _take_alert(self, side: Side, record: Record, at: float, events: list[Event]) -> None:
        r = Reader(record.fragment, "Alert")
        alert = Alert.read(r)
        r.end()
        events.append(Seen(at, side, alert, record.fragment))
        if not alert.is_remark:
            self.state = State.REFUSED

    def _take_change(self, side: Side, record: Record, at: float, events: list[Event]) -> None:
        """It means something only where keys may change; TLS 1.3 servers send one for the sake of middleboxes."""
        following = TRANSITIONS.get((self.state, side, ChangeCipherSpec))
        if following is not None:
            r = Reader(record.fragment, "ChangeCipherSpec")
            message = ChangeCipherSpec.read(r)
            r.end()
            events.append(Seen(at, side, message, record.fragment))
            self.state = following

    def _take_message(self, side: Side, raw: bytes, at: float, events: list[Event]) -> None:
        version = self.server_hello.selected_version if self.server_hello else _PROVISIONAL_VERSION
        message = tls_hello.read_handshake(raw, version)
        following = TRANSITIONS.get((self.state, side, type(message)))
        if following is None:  # a ServerHello before any ClientHello, for example, answers nothing
            raise UnexpectedMessage(self.state.name, type(message).__name__)
        if isinstance(message, tls_hello.ServerHello):
            following = self._after_server_hello(message)
        events.append(Seen(at, side, message, raw))
        self.state = following

    def _after_server_hello(self, hello: tls_hello.ServerHello) -> State:
        """Where a ServerHello leads. Raises UnexpectedMessage on a second HelloRetryRequest."""
        second = self.state is State.EXPECT_SECOND_SERVER_HELLO
        if hello.is_hello_retry_request and second:
            raise UnexpectedMessage(self.state.name, "HelloRetryRequest")
        self.server_hello = hello
        if hello.is_hello_retry_request and self._goes_on(hello):
            return State.EXPECT_SECOND_SERVER_HELLO if self._server_only else State.EXPECT_SECOND_CLIENT_HELLO
        if hello.is_hello_retry_request or hello.selected_version >= TLS13:
            return State.ANSWERED
        return State.EXPECT_SERVER_HELLO_DONE

    def _goes_on(self, retry: tls_hello.ServerHello) -> bool:
        if self._second is not None:
            self._out = self._second(retry)
        return self._through_retry or bool(self._out)

    def _not_tls(self, side: Side, error: WireError, at: float, events: list[Event]) -> None:
        """Bytes that are no TLS: a disconnect PDU in clear, or something unreadable."""
        rest = self._records[side].leftover()
        try:
            disconnect = read_clear_disconnect(rest)
        except WireError:
            self.state = State.FAILED
            events.append(Malformed(at, side, error, rest))
            return
        if disconnect is None:  # it may become one with the next bytes
            self._clear[side] = rest
            return
        self.state = State.DISCONNECTED
        events.append(Seen(at, side, disconnect[0], disconnect[1]))
        self._clear[side] = rest[len(disconnect[1]) :]

    def leftover(self, side: Side) -> bytes:
        """Bytes behind the clear part, or of a record that never became whole."""
        clear, self._clear[side] = self._clear[side], b""
        return clear + self._records[side].leftover()

    def farewell(self) -> bytes:
        """A close_notify, so that the server's log has a client that gave up and not an I/O error."""
        if self.state not in (State.ANSWERED, State.EXPECT_SERVER_HELLO_DONE):
            return b""
        alert, record = Writer(), Writer()
        Alert(level=AlertLevel.WARNING, description=AlertDescription.CLOSE_NOTIFY).write(alert)
        Record(type=ContentType.ALERT, version=TLS10, fragment=alert.getvalue()).write(record)
        return record.getvalue()


def read_clear_disconnect(data: bytes) -> tuple[object, bytes] | None:
    """An MCS disconnect in a TPKT packet at the start of `data`; None while it is too short to tell.

    Raises WireError when it is something else.
    """
    r = Reader(data[: x224.Tpkt.HEADER], "TPKT")
    if r.remaining == x224.Tpkt.HEADER:
        r.u16be("version and reserved")
        if (length := r.u16be("length")) > _LONGEST_CLEAR:
            raise TooLong("TPKT", "length", r.offset, f"no disconnect is so long: {length}")
    framer = x224.TpktFramer()
    framer.feed(data)
    raw = framer.next_packet()
    if raw is None:
        return None
    tpdu = x224.read_packet(raw)
    return (mcs.read_pdu(tpdu.user_data) if isinstance(tpdu, x224.Data) else tpdu), raw
