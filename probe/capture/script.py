"""What a captured server said, and after which messages of its client: to be said again to another client.

Another client's bytes differ (random values, its name, its offers), so they are not compared. They are cut into
messages, and each has a kind: a TPKT packet of this sort, a TLS record of that type. The server's bytes of a turn are
said once the client has said messages of the kinds that came before them. Where a capture holds several connections,
the one goes on whose client asked most nearly what this client asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from probe.capture.connection import Connection, HowItEnded
from probe.errors import ProbeError
from probe.handshake.machine import Side
from probe.wire import gcc, mcs, tls_hello, x224
from probe.wire.nego import RequestData
from probe.wire.tls_extensions import ExtensionType, find
from probe.wire.tls_record import ContentType, RecordFramer
from probe.wire.tls_version import TLS12

_TPKT = 0x03
_TLS_TYPES = range(ContentType.CHANGE_CIPHER_SPEC, ContentType.APPLICATION_DATA + 1)
_OF_ANOTHER_KIND = 1_000_000
_NO_NEGOTIATION = 100  # how much further away a request without RDP_NEG_REQ is
_NONE_IN_COMMON = 20  # how much further away a request is that shares no protocol
_OTHER_VERSIONS = 1000  # how much further away a hello is that offers other versions


class Message(NamedTuple):
    """One message of a client. `kind`: the protocol, then what it is there; `body`: its bytes."""

    kind: tuple[str, int, int]
    body: bytes


class MessageFramer:
    """Cuts what a client says into messages of TPKT and TLS; what is neither is one message as it comes."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are whole with these bytes."""
        self._rest += data
        found: list[Message] = []
        while self._rest and (message := self._next()) is not None:
            found.append(message)
        return found

    def _next(self) -> Message | None:
        try:
            if self._rest[0] == _TPKT:
                return self._packet()
            if self._rest[0] in _TLS_TYPES:
                return self._record()
        except ProbeError:
            pass  # it only looked like one
        body, self._rest = self._rest, b""
        return Message(("bytes", 0, 0), body)

    def _packet(self) -> Message | None:
        framer = x224.TpktFramer()
        framer.feed(self._rest)
        raw = framer.next_packet()
        if raw is None:
            return None
        self._rest = framer.leftover()
        tpdu = x224.read_packet(raw)
        if isinstance(tpdu, x224.Data):  # an MCS PDU's sort is in its first byte, or two of a Connect-Initial
            return Message(("data", tpdu.user_data[0] >> 2 if tpdu.user_data else 0, 0), tpdu.user_data)
        request = isinstance(tpdu, x224.ConnectionRequest)
        return Message(("x224", int(request), 0), tpdu.variable if isinstance(tpdu, x224.ConnectionRequest) else raw)

    def _record(self) -> Message | None:
        framer = RecordFramer()
        framer.feed(self._rest)
        record = framer.next_record()
        if record is None:
            return None
        self._rest = framer.leftover()
        return Message(("tls", int(record.type), 0), record.fragment)


@dataclass(frozen=True, slots=True)
class Said:
    """Bytes of the server, as they came, and how long after what went before: seconds."""

    data: bytes
    after_s: float


@dataclass(slots=True)
class Turn:
    """What the client said, and what the server said then."""

    expects: list[Message] = field(default_factory=list)
    says: list[Said] = field(default_factory=list)

    @property
    def kinds(self) -> list[tuple[str, int, int]]:
        """The kinds of messages before the answer, without repeats behind each other."""
        return list(_without_repeats(self.expects))


@dataclass(slots=True, kw_only=True)
class Script:
    """One captured connection from the server's side."""

    stream: int
    turns: list[Turn]
    ending: HowItEnded
    ended_by: Side | None
    whole: bool  # False: bytes of the server are missing, and the script ends before them


def is_playable(connection: Connection) -> bool:
    """It was opened, and what the server did is in the capture: also where it was to say nothing, and to end it."""
    spoke = any(piece.side is Side.SERVER for piece in connection.pieces)
    opened = connection.ending not in ("refused", "unanswered", "unreachable")
    return spoke or (opened and bool(connection.pieces) and connection.one_sided is None and not connection.gaps)


def script_of(connection: Connection) -> Script:
    """A captured connection as turns. What comes behind missing bytes of the server is left out."""
    turns, framer = [Turn()], MessageFramer()
    before = connection.pieces[0].at if connection.pieces else connection.started
    whole = True
    for piece in connection.pieces:
        if piece.side is Side.CLIENT:
            heard = framer.feed(piece.data)
            if heard and turns[-1].says:
                turns.append(Turn())
            turns[-1].expects += heard
        elif piece.missing:
            whole = False
            break
        else:
            turns[-1].says.append(Said(piece.data, max(0.0, piece.at - before)))
        before = piece.at
    return Script(
        stream=connection.stream,
        turns=turns,
        ending=connection.ending if whole else "open",
        ended_by=connection.ended_by,
        whole=whole and not connection.cut,
    )


class Player:
    """Says to one client what a captured server said. `scripts` are the captured connections, the preferred first."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self._left = list(scripts)
        self._framer = MessageFramer()
        self._turn = 0
        self._heard: list[Message] = []
        self.differs = False  # the client has said what no captured one said at this place

    @property
    def script(self) -> Script:
        """The connection that is replayed, as far as it is known by now."""
        return self._left[0]

    @property
    def over(self) -> bool:
        """Everything was said: where the server then ended it, though another connection that began alike goes on."""
        return self._is_said(self.script) and (
            self.script.ended_by is Side.SERVER or all(map(self._is_said, self._left))
        )

    def _is_said(self, script: Script) -> bool:
        return self._turn >= len(script.turns)

    def begin(self) -> list[Said]:
        """What the server says before any client does."""
        return self._say() if self._left and self._is_due() else []

    def hear(self, data: bytes) -> list[Said]:
        """Take bytes of the client; what is to be said now."""
        said: list[Said] = []
        for message in self._framer.feed(data):
            if self.over:
                break
            self._narrow(message)
            self._heard.append(message)
            if self._is_due():
                said += self._say()
        return said

    def _narrow(self, message: Message) -> None:
        """Keep the connections whose client said most nearly this."""
        place = len(self._heard)

        def distance(script: Script) -> int:
            if self._is_said(script):
                return 2 * _OF_ANOTHER_KIND
            expected = script.turns[self._turn].expects
            return _distance(message, expected[min(place, len(expected) - 1)]) if expected else _OF_ANOTHER_KIND

        distances = [distance(script) for script in self._left]
        nearest = min(distances)
        self._left = [script for script, far in zip(self._left, distances, strict=True) if far == nearest]
        self.differs = self.differs or nearest > 0

    def _is_due(self) -> bool:
        """The client has said what the captured one had said before the server's next bytes."""
        expected, heard = self.script.turns[self._turn].kinds, list(_without_repeats(self._heard))
        return heard[: len(expected)] == expected

    def _say(self) -> list[Said]:
        says = self.script.turns[self._turn].says
        self._left = [script for script in self._left if _together(script.turns[self._turn].says) == _together(says)]
        self._turn += 1
        self._heard = []
        return says


def _together(says: Sequence[Said]) -> bytes:
    return b"".join(said.data for said in says)


def _without_repeats(messages: Sequence[Message]) -> Iterator[tuple[str, int, int]]:
    """A client may put its flight into one TLS record or into several."""
    before = None
    for message in messages:
        if message.kind != before:
            yield message.kind
        before = message.kind


def _distance(one: Message, other: Message) -> int:
    """How differently two clients asked; 0: the same, apart from what is random or a name."""
    if one.kind != other.kind:
        return _OF_ANOTHER_KIND
    if one.body == other.body:
        return 0
    try:
        if one.kind[0] == "x224":
            return _between_requests(RequestData.read(one.body), RequestData.read(other.body))
        if one.kind[0] == "tls" and one.kind[1] == ContentType.HANDSHAKE:
            return _between_hellos(_hello(one.body), _hello(other.body))
        if one.kind[0] == "data":
            return (_methods(one.body) ^ _methods(other.body)).bit_count()
    except ProbeError:
        pass  # not what it is called: that they differ says nothing
    return 0


def _between_requests(one: RequestData, other: RequestData) -> int:
    if one.negotiation is None or other.negotiation is None:
        return 0 if one.negotiation is other.negotiation else _NO_NEGOTIATION
    asked, other_asked = one.negotiation.protocols, other.negotiation.protocols
    if asked == other_asked:
        return int(one.negotiation.flags != other.negotiation.flags)
    return 2 * (asked ^ other_asked).bit_count() + (0 if asked & other_asked else _NONE_IN_COMMON)


def _hello(fragment: bytes) -> tls_hello.ClientHello | None:
    message = tls_hello.read_handshake(fragment, TLS12)
    return message if isinstance(message, tls_hello.ClientHello) else None


def _between_hellos(one: tls_hello.ClientHello | None, other: tls_hello.ClientHello | None) -> int:
    if one is None or other is None:
        return 0
    versions = one.version != other.version or _offered(one) != _offered(other)
    return _OTHER_VERSIONS * versions + len(set(one.cipher_suites) ^ set(other.cipher_suites))


def _offered(hello: tls_hello.ClientHello) -> frozenset[bytes]:
    """The supported_versions, RFC 8446 section 4.2.1, without those that a client makes up (RFC 8701)."""
    body = find(hello.extensions, ExtensionType.SUPPORTED_VERSIONS) or b""
    versions = (body[at : at + 2] for at in range(1, len(body), 2))
    return frozenset(version for version in versions if version[:1] == b"\x03")


def _methods(user_data: bytes) -> int:
    """The encryptionMethods of a Connect-Initial; 0 of any other PDU."""
    pdu = mcs.read_pdu(user_data)
    if not isinstance(pdu, mcs.ConnectInitial):
        return 0
    security = gcc.ConferenceCreateRequest.read(pdu.user_data).block(gcc.ClientSecurity)
    return int(security.encryption_methods) if security is not None else 0
