"""A connection from a capture: the machines watch both sides, and the client's bytes are the question.

A live audit knows what it asked; here that is read from what the client sent. All else is the same: events, endings,
an `Attempt`, and from there on the verdict does not know where it came from. What a capture does not hold is no error:
each side is read up to its first hole, and where that was is told beside the attempt (`Watched`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from probe.audit.attempt import Attempt
from probe.audit.client_side import client_side
from probe.audit.service import service_of
from probe.audit.watched_flow import MOST_FOREIGN, Opening, Undecided, both_sides, one_side
from probe.audit.watched_question import question_of
from probe.capture.connection import Connection, Piece
from probe.errors import UnexpectedMessage
from probe.handshake.key_log import KeyLog
from probe.handshake.machine import SIDES, Ended, Ending, Event, Machine, Malformed, Seen, Side, Unread
from probe.handshake.negotiation import CutRequest
from probe.handshake.tls_progress import Decrypted, Encrypted
from probe.result import ClientSide
from probe.wire.gcc import ConferenceCreateRequest
from probe.wire.iana import AlertDescription
from probe.wire.mcs import ConnectResponse
from probe.wire.nego import RequestData
from probe.wire.tls_record import Alert

_NO_SECRETS = KeyLog()
_MOST_EVENTS = 500  # of one connection, as in a live one
_CLIENT_BEGINS = (Opening.NEGOTIATION, Opening.SETTINGS, Opening.HELLO, Opening.OTHER)
# A server's message that came before the client's is no fault of theirs where the client's is not whole.
_WITHOUT_THE_CLIENT = ("EXPECT_REQUEST", "EXPECT_INITIAL", "EXPECT_CLIENT_HELLO")
_NEVER_OPENED = {"refused": Ending.REFUSED, "unanswered": Ending.FILTERED, "unreachable": Ending.UNREACHABLE}


@dataclass(frozen=True, slots=True)
class Hole:
    """Bytes of a side that are not in the capture: how many, and the frame behind them. It is read no further."""

    side: Side
    missing: int
    packet: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One connection as it was watched, and what of it could not be.

    `opening` is what each side begins with, where that was told by its bytes: what began before the capture is known
    by `Opening.LATER`, or by a server's answer without a request. `apart` where the sides were read each for itself.
    """

    attempt: Attempt
    client: ClientSide
    opening: dict[Side, Opening]
    request_seen: bool  # a whole Connection Request; else the protocols of the question follow from the answer
    holes: tuple[Hole, ...] = ()
    cut: tuple[Side, ...] = ()  # sides whose last message is not whole
    apart: bool = False
    encrypted_from: int | None = None  # the frame from which on one side is encrypted
    decrypted: bool = False
    client_first: bytes = field(default=b"", repr=False)  # of a client that does not speak RDP: only to name a service

    @property
    def begins_later(self) -> bool:
        """Nothing of the opening of RDP or TLS is in the capture, though it goes on in it."""
        return bool(self.opening) and all(found is Opening.LATER for found in self.opening.values())


@dataclass(slots=True)
class _Run:
    """What one way of watching has given."""

    events: list[Event] = field(default_factory=list)
    opening: dict[Side, Opening] = field(default_factory=dict)
    holes: list[Hole] = field(default_factory=list)
    cut: list[Side] = field(default_factory=list)  # whose last message is not whole
    awaited: str = ""
    finished: bool = False
    encrypted_from: int | None = None
    apart: bool = False

    def note(self, events: list[Event], packet: int) -> None:
        """Keep what was seen, up to a number of events."""
        self.events += events[: max(0, _MOST_EVENTS - len(self.events))]
        if self.encrypted_from is None and any(isinstance(event, Encrypted) for event in events):
            self.encrypted_from = packet

    @property
    def settled(self) -> bool:
        """The server's settings came: nothing more is awaited."""
        return any(isinstance(event, Seen) and isinstance(event.message, ConnectResponse) for event in self.events)

    @property
    def answered_early(self) -> bool:
        """The server spoke where the client's message is not whole, or stands behind it."""
        last = self.events[-1] if self.events else None
        return (
            isinstance(last, Malformed)
            and last.side is Side.SERVER
            and isinstance(last.error, UnexpectedMessage)
            and last.error.state in _WITHOUT_THE_CLIENT
        )


def watch(connection: Connection, secrets: KeyLog = _NO_SECRETS) -> Attempt:
    """What the machines make of one captured connection. Never raises for what either side said."""
    return watched(connection, secrets).attempt


def watched(connection: Connection, secrets: KeyLog = _NO_SECRETS) -> Watched:
    """The same, with the client's side and with what could not be read. Never raises for what either side said."""
    run = _together(connection, secrets) if _is_whole(connection) else None
    if run is None:
        run = _apart(connection)
    _disclaim(connection, run)
    ending = _ending(connection, run)
    events = (*run.events, Ended(connection.ended, ending, run.awaited))
    messages = [event.message for event in run.events if isinstance(event, Seen)]
    return Watched(
        attempt=Attempt(
            number=1,
            question=question_of(run.events, direct=_is_direct(connection, run)),
            events=events,
            ending=ending,
            started=connection.started,
            ended=connection.ended,
            bytes_sent=connection.sent,
            bytes_received=connection.received,
        ),
        client=client_side([*run.events, *_crossed(connection, run)]),
        opening=run.opening,
        request_seen=any(isinstance(message, RequestData) for message in messages),
        holes=tuple(run.holes),
        cut=tuple(run.cut),
        apart=run.apart,
        encrypted_from=run.encrypted_from,
        decrypted=any(isinstance(event, Decrypted) for event in run.events),
        client_first=_client_first(connection, run),
    )


def _crossed(connection: Connection, run: _Run) -> list[Event]:
    """The client's settings where they crossed with the server's disconnect: they answer no more, and say who it is."""
    last = connection.pieces[-1] if connection.pieces else None
    if last is None or last.side is Side.SERVER or not run.finished or run.apart or not _is_worth_more(run):
        return []
    told = [event for event in _apart(connection).events if isinstance(event, Seen)]
    return [event for event in told if isinstance(event.message, ConferenceCreateRequest)]


def _is_whole(connection: Connection) -> bool:
    """Both sides can be watched together: the client begins, and packets of both are there."""
    first = next((piece for piece in connection.pieces if piece.data), None)
    return connection.one_sided is None and first is not None and first.side is Side.CLIENT and not first.missing


def _together(connection: Connection, secrets: KeyLog) -> _Run | None:
    """Watch both sides as one conversation; None where that needs bytes which are not there."""
    machine, first = both_sides(secrets)
    run, behind = _Run(), 0
    for piece in connection.pieces:
        if piece.missing:
            if machine.finished or run.settled:
                break
            if run.encrypted_from is None:
                return None
            run.holes.append(_hole(piece))
            break
        data = piece.data
        if machine.finished:
            if behind >= MOST_FOREIGN or not _is_worth_more(run):
                break
            data = data[: MOST_FOREIGN - behind] if piece.side is Side.SERVER else b""
            behind += len(data)
        run.note(machine.observe(piece.side, data, piece.at), piece.packet)
    if run.answered_early:
        return None
    if first.found is not None:
        run.opening[Side.CLIENT] = first.found
    run.awaited, run.finished = machine.waiting_for, machine.finished or run.settled
    for side in SIDES:
        _keep_rest(run, machine, side, connection.ended)
    return run


def _is_worth_more(run: _Run) -> bool:
    """Nothing was agreed: what the server says behind its answer may tell what it is. Never behind settings or keys."""
    return run.encrypted_from is None and not run.settled


def _keep_rest(run: _Run, machine: Machine, side: Side, at: float) -> None:
    """What nobody read of a side. Of a client such bytes may be who logs on: only its request's beginning is kept."""
    rest = machine.leftover(side)[:MOST_FOREIGN]
    if not rest:
        return
    if not machine.finished:
        run.cut.append(side)
    if side is Side.SERVER and _is_worth_more(run):
        run.events.append(Unread(at, side, rest))
    elif side is Side.CLIENT and not machine.finished and (request := CutRequest.read(rest)) is not None:
        run.events.append(Seen(at, side, request, rest))


def _apart(connection: Connection) -> _Run:
    """Read each side for itself, up to its first hole."""
    run = _Run(apart=True)
    machines: dict[Side, tuple[Machine, Undecided]] = {}
    stopped: set[Side] = set()
    for piece in connection.pieces:
        side = piece.side
        if side in stopped:
            continue
        if piece.missing:
            stopped.add(side)
            run.holes.append(_hole(piece))
            continue
        if side not in machines:
            machines[side] = one_side(side)
        machine = machines[side][0]
        if not machine.finished or (side is Side.SERVER and _is_worth_more(run)):
            run.note(
                machine.observe(side, piece.data[:MOST_FOREIGN] if machine.finished else piece.data, piece.at),
                piece.packet,
            )
    for side, (machine, first) in machines.items():
        if first.found is not None:
            run.opening[side] = first.found
        _keep_rest(run, machine, side, connection.ended)
    if Side.SERVER in machines:
        run.awaited = machines[Side.SERVER][0].waiting_for
        run.finished = machines[Side.SERVER][0].finished or run.settled
    return run


def _hole(piece: Piece) -> Hole:
    return Hole(piece.side, piece.missing, piece.packet)


def _disclaim(connection: Connection, run: _Run) -> None:
    """Where the opening was not captured, bytes that nobody knows may be RDP's: they are no other protocol."""
    if connection.syn or connection.syn_ack or Opening.OTHER not in run.opening.values():
        return
    said = b"".join(event.raw for event in run.events if isinstance(event, Malformed | Unread))
    if service_of(said) == "unknown" and all(isinstance(event, Malformed | Unread) for event in run.events):
        run.events.clear()
        run.opening = dict.fromkeys(run.opening, Opening.LATER)
        run.awaited = ""


def _ending(connection: Connection, run: _Run) -> Ending:
    """How it ended, in the words of a live connection: complete where all had been said that is wanted."""
    if connection.ending in _NEVER_OPENED:
        return _NEVER_OPENED[connection.ending]
    if run.finished and connection.pieces:
        return Ending.COMPLETE
    awaits_server = "the server's" in run.awaited and not run.apart
    if connection.ending in ("closed", "reset"):
        if connection.ended_by is Side.CLIENT or _has_taken_leave(connection, run):
            return Ending.ABANDONED if awaits_server else Ending.COMPLETE
        return Ending.CLOSED if connection.ending == "closed" else Ending.RESET
    return Ending.TIMED_OUT if connection.ending == "timed_out" and awaits_server else Ending.INTERRUPTED


def _has_taken_leave(connection: Connection, run: _Run) -> bool:
    """The client's last words were the end of TLS, and then the server closed: it was the client that ended it."""
    said = [event.message for event in run.events if isinstance(event, Seen) and event.side is Side.CLIENT]
    if not said or not isinstance(said[-1], Alert) or said[-1].description != AlertDescription.CLOSE_NOTIFY:
        return False
    last = max(piece.packet for piece in connection.pieces if piece.side is Side.CLIENT)
    return connection.ended_packet is not None and last < connection.ended_packet


def _is_direct(connection: Connection, run: _Run) -> bool:
    """TLS came first on a connection whose opening was captured: TLS without X.224."""
    return Opening.HELLO in run.opening.values() and (connection.syn or connection.syn_ack)


def _client_first(connection: Connection, run: _Run) -> bytes:
    if run.opening.get(Side.CLIENT) is not Opening.OTHER:
        return b""
    return b"".join(piece.data for piece in connection.pieces if piece.side is Side.CLIENT)[:64]
