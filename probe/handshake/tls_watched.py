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
from dataclasses import replace
from enum import Enum

from probe.errors import ProbeError, UnexpectedMessage
from probe.handshake.key_log import KeyLog
from probe.handshake.machine import SIDES, Event, Machine, Malformed, Secured, Seen, Side, TlsClosed, Unread
from probe.handshake.record_protection import CannotOpen
from probe.handshake.tls_opening import Opening, opening
from probe.handshake.tls_progress import Decrypted, Encrypted, EncryptedAlert, Exchanged, Renegotiated, Undecrypted
from probe.handshake.watched_hellos import Lead, WatchedHellos
from probe.handshake.watched_records import WatchedRecords
from probe.wire import tls_hello
from probe.wire.cursor import Reader
from probe.wire.tls_record import Alert, AlertDescription, ChangeCipherSpec, ContentType, HandshakeFramer, Record
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
_LEADS_TO = {
    Lead.FLIGHT: S.EXPECT_CLIENT_CHANGE,
    Lead.RESUMED: S.EXPECT_RESUMED_CHANGE,
    Lead.ENCRYPTED: S.EXPECT_FINISHED,
    Lead.UNANSWERED: S.EXPECT_CLIENT_CHANGE,
    Lead.REFUSED: S.REFUSED,
    Lead.DISCONNECTED: S.DISCONNECTED,
    Lead.SSL2: S.HANDED_OVER,
    Lead.FAILED: S.FAILED,
}
_GOES_ON = (Lead.FLIGHT, Lead.RESUMED, Lead.ENCRYPTED, Lead.UNANSWERED)
_UNSEEN: Mapping[Side, Mapping[State, State]] = {  # where one side alone is seen: what is awaited instead
    Side.SERVER: {
        S.EXPECT_CLIENT_CHANGE: S.EXPECT_SERVER_CHANGE,
        S.EXPECT_RESUMED_CHANGE: S.EXPECT_DATA,
        S.EXPECT_FINISHED: S.EXPECT_DATA,
    },
    Side.CLIENT: {S.EXPECT_SERVER_CHANGE: S.EXPECT_DATA},
}
_MOST_RECORDS = 4096  # behind the hellos, of both sides
_ALERT = 2  # bytes
_CARRIERS = (ContentType.ALERT, ContentType.HANDSHAKE)
_INNER_ALERT = 3  # bytes: level 1 + description 1 + content type 1, RFC 8446 section 5.2
_CCM_8 = 0x1305  # TLS_AES_128_CCM_8_SHA256
_SHORT_TAG, _TAG = 8, 16  # bytes: its, and those of every other AEAD of TLS 1.3
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
        self.state = State.EXPECT_HELLOS
        self.hellos = WatchedHellos(only=only, begun=begun)
        self._inner = inner
        self._secrets = secrets
        self._only = only
        self._records = WatchedRecords()
        self._messages = {side: HandshakeFramer() for side in SIDES}
        self._taken = 0
        self._encrypted: set[Side] = set()
        self._finished: set[Side] = set()  # who sent Finished, as far as records show it
        self._inside = dict.fromkeys(Side, 0)  # how many records carried, or may have carried, application data
        self._secured = False
        self._hidden = False  # records tell no types: TLS 1.3
        self._doubtful = False  # a ChangeCipherSpec came of which it is not known what it means
        self._exchanged_keys = False
        self._opening: Opening | None = None  # where there are secrets, as long as they fit
        self._decrypted = False

    @property
    def finished(self) -> bool:
        """True once nothing more can be learnt."""
        return self.state in _OVER

    @property
    def waiting_for(self) -> str:
        """What is awaited, in words."""
        if self.finished:
            return ""
        if self.state is State.EXPECT_DATA and self._opening is not None and self._inner is not None:
            return self._inner.waiting_for
        return (self.hellos.waiting_for if self.state is State.EXPECT_HELLOS else "") or self.state.value

    def data_to_send(self) -> bytes:
        """Never anything: others speak."""
        return b""

    def farewell(self) -> bytes:
        """Never anything."""
        return b""

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        """Take bytes of either side, however split."""
        events: list[Event] = []
        if not data or self.finished or self._only not in (None, side):
            return events
        if self.state is State.EXPECT_HELLOS:
            events += self.hellos.observe(side, data, at)
            self._follow_hellos(at, events)
        else:
            self._feed(side, data, at, events)
        return events

    def _follow_hellos(self, at: float, events: list[Event]) -> None:
        """Go where the hellos have led, with what came behind them."""
        lead, hello = self.hellos.lead, self.hellos.server_hello
        if lead is Lead.NOWHERE:
            return
        self._move(_LEADS_TO[lead])
        if self.finished:
            return
        if hello is not None and self._secrets is not None and self._secrets.kept and self.hellos.client_random:
            random, early = self.hellos.client_random, self.hellos.may_be_early
            self._opening = opening(self._secrets, random, hello, early=early)
        if lead is Lead.RESUMED:
            self._encrypt(Side.SERVER, at, events)
        for each in SIDES:
            self._feed(each, self.hellos.leftover(each), at, events)

    # The records behind the hellos.

    def _feed(self, side: Side, data: bytes, at: float, events: list[Event]) -> None:
        self._records.feed(side, data)
        try:
            while not self.finished and (record := self._records.next_record(side)) is not None:
                if isinstance(record, Record):
                    self._take(side, record, at, events)
                else:
                    self.state = State.DISCONNECTED
                    events.append(Seen(at, side, record.message, record.raw))
        except ProbeError as error:
            self.state = State.FAILED
            raw = b"" if side in self._encrypted else self._records.leftover(side)
            events.append(Malformed(at, side, error, raw))

    def _take(self, side: Side, record: Record, at: float, events: list[Event]) -> None:
        self._taken += 1
        if self._taken > _MOST_RECORDS:
            self.state = State.ANSWERED
            return
        if side not in self._encrypted and self._is_encrypted(record):
            self._encrypt(side, at, events)
        if side in self._encrypted:
            if not self._opens(side, record, at, events):
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
        if self.hellos.is_tls13 or self.hellos.server_hello is None:
            if record.type == ContentType.APPLICATION_DATA:
                self._hidden = True
                return True
            size = max(len(record.fragment) - HandshakeFramer.HEADER, 0)
            is_hello = record.fragment.startswith(bytes([tls_hello.ClientHello.TYPE]) + size.to_bytes(3, "big"))
            is_clear_alert = record.type == ContentType.ALERT and len(record.fragment) == _ALERT
            return self._doubtful and record.type in _CARRIERS and not is_hello and not is_clear_alert
        return False

    def _encrypt(self, side: Side, at: float, events: list[Event]) -> None:
        self._encrypted.add(side)
        if self._opening is not None:
            self._opening.change(side)
        if self._only is Side.CLIENT:
            self.state = State.EXPECT_DATA
        events.append(Encrypted(at, side))

    def _take_change(self, side: Side, at: float, events: list[Event]) -> None:
        """From here on it is encrypted; in TLS 1.3 it says nothing, and without a ServerHello it may be either."""
        if self.hellos.is_tls13:
            return
        if self.hellos.server_hello is None and not self._exchanged_keys:
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
        is_close = side is Side.SERVER and self._secured and alert.description == AlertDescription.CLOSE_NOTIFY
        events.append(TlsClosed(at) if is_close else Seen(at, side, alert, fragment))
        if not alert.is_remark and not self._secured:
            self.state = State.REFUSED
        elif not alert.is_remark and side is Side.SERVER:
            self.state = State.ANSWERED

    def _take_message(self, side: Side, raw: bytes, at: float, events: list[Event]) -> None:
        """A handshake message in clear. What only the two of them can use is kept by its type alone."""
        message: tls_hello.HandshakeMessage = tls_hello.UnknownHandshake(type=raw[0], body=b"")
        shown, is_exchange = raw[: HandshakeFramer.HEADER], raw[0] == tls_hello.HandshakeType.CLIENT_KEY_EXCHANGE
        if raw[0] == tls_hello.ClientHello.TYPE:
            message, shown = tls_hello.read_handshake(raw, TLS12), raw
        self.state = self._following(side, type(message))
        self.hellos.note(Seen(at, side, message, raw))
        self._exchanged_keys |= is_exchange
        if is_exchange and self._opening is not None:
            self._opening.exchange(raw, bytes(self.hellos.transcript))
        events.append(Seen(at, side, message, shown))

    # What is opened.

    def _opens(self, side: Side, record: Record, at: float, events: list[Event]) -> bool:
        """Open a record and take what is inside. False where that cannot be done, nor with any that follows."""
        if self._opening is None or (self.hellos.is_tls13 and record.type != ContentType.APPLICATION_DATA):
            return False
        try:
            found = self._opening.open(side, record)
        except CannotOpen as error:
            self._opening = None
            events.append(Undecrypted(at, side, str(error)))
            return False
        if found and not self._decrypted:
            self._decrypted = True
            events.append(Decrypted(at))
        for kind, content in found:
            self._take_opened(side, kind, content, at, events)
        return True

    def _take_opened(self, side: Side, kind: ContentType, content: bytes, at: float, events: list[Event]) -> None:
        if kind == ContentType.HANDSHAKE:
            self._take_opened_message(side, content, at, events)
        elif kind == ContentType.ALERT:
            self._take_alert(side, content, at, events)
        elif kind == ContentType.APPLICATION_DATA and content:
            self._take_finished(side, at, events)  # where it was not seen: the key log may not have all
            self._take_data(side, content, at, events)

    def _take_opened_message(self, side: Side, raw: bytes, at: float, events: list[Event]) -> None:
        if self._secured:
            if raw[0] in (tls_hello.HandshakeType.HELLO_REQUEST, tls_hello.HandshakeType.CLIENT_HELLO):
                events.append(Renegotiated(at, side))
            return
        message: tls_hello.HandshakeMessage = tls_hello.UnknownHandshake(type=raw[0], body=b"")
        if side is Side.SERVER and raw[0] == tls_hello.CertificateTls13.TYPE:
            message = tls_hello.read_handshake(raw, TLS13)
        events.append(Seen(at, side, message, raw if side is Side.SERVER else raw[: HandshakeFramer.HEADER]))
        self.hellos.note(events[-1])
        if raw[0] == tls_hello.HandshakeType.FINISHED:
            self._take_finished(side, at, events)

    def _take_data(self, side: Side, content: bytes, at: float, events: list[Event]) -> None:
        self._inside[side] += 1
        if self._inner is not None:
            events += map(_without_bytes, self._inner.observe(side, content, at))
            if self._inner.finished:
                self.state = State.ANSWERED
        elif all(self._inside.values()):
            events.append(Exchanged(at))
            self.state = State.ANSWERED

    # What is encrypted and stays so.

    def _take_encrypted(self, side: Side, record: Record, at: float, events: list[Event]) -> None:
        if self._hidden or self.hellos.is_tls13:
            if record.type == ContentType.APPLICATION_DATA:
                self._take_hidden(side, record, at, events)
        elif record.type == ContentType.ALERT:
            events.append(EncryptedAlert(at, side))
            if not self._secured:  # afterwards it ends what is inside, and the one that closes tells whose that was
                self.state = State.REFUSED
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
        if self._secured or len(self._finished) < len(SIDES) or self.hellos.server_hello is None:
            return
        self._secured = True
        self._move(State.EXPECT_DATA)
        hello = self.hellos.server_hello
        events.append(
            Secured(at, version_name(hello.selected_version), suite_name(hello.cipher_suite), self.hellos.chain)
        )

    def _take_hidden(self, side: Side, record: Record, at: float, events: list[Event]) -> None:
        """A record of TLS 1.3, whose true type is inside."""
        early = self.hellos.may_be_early
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
        hello = self.hellos.server_hello
        is_short = hello is not None and hello.cipher_suite == _CCM_8
        return len(record.fragment) == _INNER_ALERT + (_SHORT_TAG if is_short else _TAG)

    def leftover(self, side: Side) -> bytes:
        """Bytes that are no TLS, or of a record in clear that never became whole; nothing of what is encrypted."""
        if self.state is State.EXPECT_HELLOS or self.hellos.lead not in _GOES_ON:
            return self.hellos.leftover(side)
        is_clear = side not in self._encrypted or self.state is State.DISCONNECTED
        return self._records.leftover(side) if is_clear else b""


def _without_bytes(event: Event) -> Event:
    """What could not be read may be anything, also a password."""
    return replace(event, raw=b"") if isinstance(event, Malformed | Unread) else event
