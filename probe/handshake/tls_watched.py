"""TLS that others speak, watched on both sides to where nothing more can be learnt.

`TlsHello` reads the hellos and the server's flight in clear. Here follows the rest: the client's flight, the moment
from which each side is encrypted, alerts, and whether the handshake was completed. Up to TLS 1.2 the types of records
still show that inside: Finished is the handshake record behind ChangeCipherSpec, RFC 5246 section 7.3. In TLS 1.3
every encrypted record looks like application data, and only who sent one is seen: a client that sends more than an
alert has verified the server's Finished, RFC 8446 section 4.4.4. Bytes that are not TLS are read as `TlsHello` does.

Where the secrets of the connection are known, `record_protection` opens the records, and another machine is shown
what is inside. Nothing that was encrypted is ever left over or kept in an event as it came: it may be a password.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from probe.errors import ProbeError, UnexpectedMessage, WireError
from probe.handshake.key_log import KeyLog
from probe.handshake.machine import SIDES, Event, Machine, Malformed, Secured, Seen, Side
from probe.handshake.ssl2_hello import Ssl2Hello
from probe.handshake.tls_hello import State as Hello
from probe.handshake.tls_hello import TlsHello, read_clear_disconnect
from probe.handshake.tls_progress import Encrypted, EncryptedAlert, Exchanged, Renegotiated
from probe.wire import ssl2, tls_hello
from probe.wire.cursor import Reader
from probe.wire.tls_extensions import find
from probe.wire.tls_record import Alert, ChangeCipherSpec, ContentType, HandshakeFramer, Record, RecordFramer
from probe.wire.tls_suites import suite_name
from probe.wire.tls_version import TLS12, TLS13, version_name


class State(Enum):
    """What is awaited, or how it ended."""

    __hash__ = object.__hash__

    EXPECT_HELLOS = "the hellos"
    EXPECT_CLIENT_CHANGE = "the client's ChangeCipherSpec"
    EXPECT_SERVER_CHANGE = "the server's ChangeCipherSpec"
    EXPECT_RESUMED_CHANGE = "the client's ChangeCipherSpec of a resumed session"
    EXPECT_FINISHED = "Finished of both sides"
    EXPECT_DATA = "application data inside TLS"
    ANSWERED = "answered"
    REFUSED = "refused by an alert"
    DISCONNECTED = "disconnected in clear text"
    HANDED_OVER = "another protocol"
    FAILED = "failed"


S = State
TRANSITIONS: Mapping[tuple[State, Side, type[object]], State] = {
    (S.EXPECT_HELLOS, Side.CLIENT, tls_hello.ClientHello): S.EXPECT_HELLOS,
    (S.EXPECT_HELLOS, Side.SERVER, tls_hello.ServerHelloDone): S.EXPECT_CLIENT_CHANGE,
    (S.EXPECT_HELLOS, Side.SERVER, ChangeCipherSpec): S.EXPECT_RESUMED_CHANGE,
    (S.EXPECT_HELLOS, Side.SERVER, tls_hello.ServerHello): S.EXPECT_FINISHED,  # of TLS 1.3
    # Where only the client is seen, its hellos are read here too.
    (S.EXPECT_CLIENT_CHANGE, Side.CLIENT, tls_hello.ClientHello): S.EXPECT_CLIENT_CHANGE,
    (S.EXPECT_CLIENT_CHANGE, Side.CLIENT, tls_hello.UnknownHandshake): S.EXPECT_CLIENT_CHANGE,
    (S.EXPECT_CLIENT_CHANGE, Side.CLIENT, ChangeCipherSpec): S.EXPECT_SERVER_CHANGE,
    (S.EXPECT_SERVER_CHANGE, Side.SERVER, tls_hello.UnknownHandshake): S.EXPECT_SERVER_CHANGE,
    (S.EXPECT_SERVER_CHANGE, Side.SERVER, ChangeCipherSpec): S.EXPECT_FINISHED,
    (S.EXPECT_RESUMED_CHANGE, Side.CLIENT, tls_hello.UnknownHandshake): S.EXPECT_RESUMED_CHANGE,
    (S.EXPECT_RESUMED_CHANGE, Side.CLIENT, ChangeCipherSpec): S.EXPECT_FINISHED,
    (S.EXPECT_FINISHED, Side.CLIENT, Secured): S.EXPECT_DATA,
    (S.EXPECT_FINISHED, Side.SERVER, Secured): S.EXPECT_DATA,
    (S.EXPECT_DATA, Side.CLIENT, Exchanged): S.ANSWERED,
    (S.EXPECT_DATA, Side.SERVER, Exchanged): S.ANSWERED,
}
_OVER = (S.ANSWERED, S.REFUSED, S.DISCONNECTED, S.HANDED_OVER, S.FAILED)
_HELLO_ENDS = {Hello.REFUSED: S.REFUSED, Hello.DISCONNECTED: S.DISCONNECTED, Hello.FAILED: S.FAILED}
_UNSEEN: Mapping[Side, Mapping[State, State]] = {  # where one side alone is seen: what is awaited instead
    Side.SERVER: {
        S.EXPECT_CLIENT_CHANGE: S.EXPECT_SERVER_CHANGE,
        S.EXPECT_RESUMED_CHANGE: S.EXPECT_DATA,
        S.EXPECT_FINISHED: S.EXPECT_DATA,
    },
    Side.CLIENT: {S.EXPECT_SERVER_CHANGE: S.EXPECT_DATA},
}
_MOST_RECORDS = 4096  # behind the hellos, of both sides
_EARLY_DATA = 42  # extension_type, RFC 8446 section 4.2.10
_INNER_ALERT = 3  # bytes: level 1 + description 1 + content type 1, RFC 8446 section 5.2
_SHORT_TAG, _TAG = 8, 16  # bytes: AEAD_AES_128_CCM_8, and every other AEAD of TLS 1.3
_HANDSHAKE_RECORDS = 1  # of TLS 1.3 that a client needs at least; what answers the second is no handshake any more


class TlsWatched:
    """One connection of TLS between others.

    `inner` is shown what `secrets` open. `only` is the side whose packets alone are there. `begun`: the ClientHello is
    not there, and the ServerHello comes first.
    """

    def __init__(
        self,
        inner: Machine | None = None,
        secrets: KeyLog | None = None,
        *,
        only: Side | None = None,
        begun: bool = False,
    ) -> None:
        self.state = State.EXPECT_CLIENT_CHANGE if only is Side.CLIENT else State.EXPECT_HELLOS
        self.client_hello: tls_hello.ClientHello | None = None  # the last one
        self.server_hello: tls_hello.ServerHello | None = None
        self.chain: tuple[bytes, ...] = ()  # the server's, DER, leaf first
        self._inner = inner
        self._secrets = secrets
        self._only = only
        self._hello: TlsHello | Ssl2Hello = TlsHello(through_retry=True, unasked=begun, server_only=only is Side.SERVER)
        self._ssl2: ssl2.RecordFramer | None = None  # of a hello of which only the client's side is seen
        self._heard = False
        self._records = {side: RecordFramer() for side in SIDES}
        self._messages = {side: HandshakeFramer() for side in SIDES}
        self._clear = dict.fromkeys(Side, b"")  # of a PDU in clear that is not whole
        self._taken = 0
        self._encrypted: set[Side] = set()
        self._finished: set[Side] = set()  # who sent Finished, as far as records show it
        self._inside = dict.fromkeys(Side, 0)  # how many records carried, or may have carried, application data
        self._secured = False
        self._hidden = False  # records tell no types: TLS 1.3
        self._doubtful = False  # a ChangeCipherSpec came of which it is not known what it means
        self._exchanged_keys = False

    @property
    def finished(self) -> bool:
        """True once nothing more can be learnt."""
        return self.state in _OVER

    @property
    def waiting_for(self) -> str:
        """What is awaited, in words."""
        if self.finished:
            return ""
        return (self._hello.waiting_for if self.state is State.EXPECT_HELLOS else "") or self.state.value

    def data_to_send(self) -> bytes:
        """Never anything: others speak."""
        return b""

    def farewell(self) -> bytes:
        """Never anything."""
        return b""

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        """Take bytes of either side, however split."""
        events: list[Event] = []
        if not data or self.finished:
            return events
        if not self._heard:
            self._begin(side, data[0])
        if self.state is State.EXPECT_HELLOS:
            self._take_hellos(side, data, at, events)
        elif self._ssl2 is not None:
            self._take_ssl2_hello(self._ssl2, data, at, events)
        else:
            self._feed(side, data, at, events)
        return events

    def _begin(self, side: Side, first: int) -> None:
        """The first byte of all tells a hello in the framing of SSL 2.0."""
        self._heard = True
        if side is Side.CLIENT and first & ssl2.Record.TWO_BYTES:
            self._hello = Ssl2Hello()
            self._ssl2 = ssl2.RecordFramer() if self._only is Side.CLIENT else None

    def _take_hellos(self, side: Side, data: bytes, at: float, events: list[Event]) -> None:
        for event in self._hello.observe(side, data, at):
            events.append(event)
            self._note(event)
        if not self._hello.finished:
            return
        tls = self._hello.tls if isinstance(self._hello, Ssl2Hello) else self._hello
        if tls is None:
            self.state = State.HANDED_OVER if events and isinstance(events[-1], Seen) else State.FAILED
            return
        if tls.state is not Hello.ANSWERED:
            self.state = _HELLO_ENDS[tls.state]
        else:
            self._behind_hellos(at, events)
            for each in SIDES:
                self._feed(each, tls.leftover(each), at, events)

    def _behind_hellos(self, at: float, events: list[Event]) -> None:
        """The clear part is over: which of its three endings was it?"""
        if self._is_tls13:
            self._move(State.EXPECT_FINISHED)
        elif isinstance(events[-1], Seen) and isinstance(events[-1].message, ChangeCipherSpec):
            self._move(State.EXPECT_RESUMED_CHANGE)
            self._encrypt(Side.SERVER, at, events)
        else:
            self._move(State.EXPECT_CLIENT_CHANGE)

    def _note(self, event: Event) -> None:
        """Keep what later messages are to be understood with."""
        message = event.message if isinstance(event, Seen) else None
        if isinstance(message, tls_hello.ClientHello):
            self.client_hello = message
        elif isinstance(message, tls_hello.ServerHello):
            self.server_hello = message
        elif isinstance(message, tls_hello.Certificate):
            self.chain = message.chain

    def _take_ssl2_hello(self, framer: ssl2.RecordFramer, data: bytes, at: float, events: list[Event]) -> None:
        framer.feed(data)
        try:
            record = framer.next_record()
            if record is None:
                return
            events.append(Seen(at, Side.CLIENT, ssl2.read_message(record.data), record.data))
        except ProbeError as error:
            self._fail(Side.CLIENT, error, at, events)
            return
        self._ssl2 = None
        self._feed(Side.CLIENT, framer.leftover(), at, events)

    @property
    def _is_tls13(self) -> bool:
        return self.server_hello is not None and self.server_hello.selected_version >= TLS13

    # The records behind the hellos.

    def _feed(self, side: Side, data: bytes, at: float, events: list[Event]) -> None:
        self._records[side].feed(self._clear[side] + data)
        self._clear[side] = b""
        try:
            while not self.finished and (record := self._next_record(side, at, events)) is not None:
                self._take(side, record, at, events)
        except ProbeError as error:
            self._fail(side, error, at, events)

    def _next_record(self, side: Side, at: float, events: list[Event]) -> Record | None:
        try:
            return self._records[side].next_record()
        except WireError as error:
            self._not_tls(side, error, at, events)
            return None

    def _not_tls(self, side: Side, error: WireError, at: float, events: list[Event]) -> None:
        """A disconnect PDU in clear, or something unreadable."""
        rest = self._records[side].leftover()
        try:
            disconnect = read_clear_disconnect(rest)
        except WireError:
            self._fail(side, error, at, events, rest)
            return
        if disconnect is None:  # it may become one with the next bytes
            self._clear[side] = rest
            return
        self.state = State.DISCONNECTED
        events.append(Seen(at, side, disconnect[0], disconnect[1]))
        self._clear[side] = rest[len(disconnect[1]) :]

    def _fail(self, side: Side, error: ProbeError, at: float, events: list[Event], raw: bytes = b"") -> None:
        self.state = State.FAILED
        events.append(Malformed(at, side, error, raw))

    def _take(self, side: Side, record: Record, at: float, events: list[Event]) -> None:
        self._taken += 1
        if self._taken > _MOST_RECORDS:
            self.state = State.ANSWERED
            return
        if side not in self._encrypted and self._is_encrypted(record):
            self._encrypt(side, at, events)
        if side in self._encrypted:
            self._take_encrypted(side, record, at, events)
        elif record.type == ContentType.ALERT:
            self._take_alert(side, record.fragment, at, events)
        elif record.type == ContentType.CHANGE_CIPHER_SPEC:
            self._take_change(side, at, events)
        elif record.type == ContentType.HANDSHAKE:
            self._messages[side].feed(record.fragment)
            while (raw := self._messages[side].next_message()) is not None:
                self._take_message(side, raw, at, events)

    def _is_encrypted(self, record: Record) -> bool:
        """The first encrypted record of a side that had no ChangeCipherSpec, or one of doubtful meaning."""
        if self._is_tls13 or self.server_hello is None:
            if record.type == ContentType.APPLICATION_DATA:
                self._hidden = True
                return True
            is_hello = record.fragment[:1] == bytes([tls_hello.ClientHello.TYPE])
            return self._doubtful and record.type == ContentType.HANDSHAKE and not is_hello
        return False

    def _encrypt(self, side: Side, at: float, events: list[Event]) -> None:
        self._encrypted.add(side)
        if self._only is Side.CLIENT:
            self.state = State.EXPECT_DATA
        events.append(Encrypted(at, side))

    def _take_change(self, side: Side, at: float, events: list[Event]) -> None:
        """From here on it is encrypted; in TLS 1.3 it says nothing, and without a ServerHello it may be either."""
        if self._is_tls13:
            return
        if self.server_hello is None and not self._exchanged_keys:
            self._doubtful = True
            return
        self._move(self._following(side, ChangeCipherSpec))
        self._encrypt(side, at, events)

    def _move(self, state: State) -> None:
        """Go on to a state, past those in which the side is awaited that is not seen."""
        self.state = _UNSEEN[self._only].get(state, state) if self._only is not None else state

    def _following(self, side: Side, kind: type[object]) -> State:
        """Where a message leads. Raises UnexpectedMessage."""
        following = TRANSITIONS.get((self.state, side, kind))
        if following is None:
            raise UnexpectedMessage(self.state.name, kind.__name__)
        return following

    def _take_alert(self, side: Side, fragment: bytes, at: float, events: list[Event]) -> None:
        r = Reader(fragment, "Alert")
        alert = Alert.read(r)
        r.end()
        events.append(Seen(at, side, alert, fragment))
        if not alert.is_remark:
            self.state = State.ANSWERED if self._secured else State.REFUSED

    def _take_message(self, side: Side, raw: bytes, at: float, events: list[Event]) -> None:
        """A handshake message in clear. What only the two of them can use is kept by its type alone."""
        message: tls_hello.HandshakeMessage = tls_hello.UnknownHandshake(type=raw[0], body=b"")
        if raw[0] == tls_hello.ClientHello.TYPE:
            message = tls_hello.read_handshake(raw, TLS12)
        else:
            raw = raw[: HandshakeFramer.HEADER]
            self._exchanged_keys |= raw[0] == tls_hello.HandshakeType.CLIENT_KEY_EXCHANGE
        self.state = self._following(side, type(message))
        events.append(Seen(at, side, message, raw))
        self._note(events[-1])

    # What is encrypted and stays so.

    def _take_encrypted(self, side: Side, record: Record, at: float, events: list[Event]) -> None:
        if self._hidden or self._is_tls13:
            if record.type == ContentType.APPLICATION_DATA:
                self._take_hidden(side, record, at, events)
        elif record.type == ContentType.ALERT:
            events.append(EncryptedAlert(at, side))
            self.state = State.ANSWERED if self._secured else State.REFUSED
        elif record.type == ContentType.HANDSHAKE and side not in self._finished:
            self._take_finished(side, at, events)
        elif record.type == ContentType.HANDSHAKE:
            events.append(Renegotiated(at, side))
            self.state = State.ANSWERED
        elif record.type == ContentType.APPLICATION_DATA:
            self._inside[side] += 1
            if self._only is not None or all(self._inside[each] for each in SIDES):
                events += [Exchanged(at)] if self._only is None else []
                self.state = State.ANSWERED

    def _take_finished(self, side: Side, at: float, events: list[Event]) -> None:
        self._finished.add(side)
        if self._secured or len(self._finished) < len(SIDES) or self.server_hello is None:
            return
        self._secured = True
        self._move(State.EXPECT_DATA)
        hello = self.server_hello
        events.append(Secured(at, version_name(hello.selected_version), suite_name(hello.cipher_suite), self.chain))

    def _take_hidden(self, side: Side, record: Record, at: float, events: list[Event]) -> None:
        """A record of TLS 1.3, whose true type is inside."""
        early = self.client_hello is None or find(self.client_hello.extensions, _EARLY_DATA) is not None
        if side is Side.CLIENT and side not in self._finished and not early and self._can_only_be_an_alert(record):
            events.append(EncryptedAlert(at, side))
            self.state = State.REFUSED
            return
        self._inside[side] += 1
        if not early:
            self._take_finished(side, at, events)
        told = self._inside[self._only or Side.CLIENT] > _HANDSHAKE_RECORDS
        if told and (self._only is not None or side is Side.SERVER):
            self.state = State.ANSWERED

    def _can_only_be_an_alert(self, record: Record) -> bool:
        short = self.server_hello is not None and suite_name(self.server_hello.cipher_suite).endswith("_CCM_8_SHA256")
        return len(record.fragment) == _INNER_ALERT + (_SHORT_TAG if short else _TAG)

    def leftover(self, side: Side) -> bytes:
        """Bytes that are no TLS, or of a record in clear that never became whole; nothing of what is encrypted."""
        hello = self._hello.leftover(side) if self.state is not State.ANSWERED else b""
        if side in self._encrypted and self.state not in (State.DISCONNECTED, State.FAILED):
            return b""
        clear, self._clear[side] = self._clear[side], b""
        return hello + clear + self._records[side].leftover()
