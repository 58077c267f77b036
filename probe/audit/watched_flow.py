"""Which machine watches what, on a connection of others: told by the first bytes of each protocol, and by the confirm.

Both sides are watched together where the capture has both from the opening on. Else each side is read for itself, as
far as its bytes go without a hole: what one side said is a fact also where the other side's answer is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from probe.capture.recognition import Sight, sight
from probe.errors import InvalidField
from probe.handshake.credssp_watched import WatchedCredSsp
from probe.handshake.joining_watched import WatchedJoining
from probe.handshake.key_log import KeyLog
from probe.handshake.machine import Chain, Event, Machine, Malformed, Side
from probe.handshake.negotiation import Negotiation
from probe.handshake.server_first import aad_nonce, rdstls_greeting
from probe.handshake.standard_rdp import BasicSettingsExchange
from probe.handshake.tls_watched import TlsWatched
from probe.wire.asn1 import SEQUENCE
from probe.wire.nego import ConfirmData, NegotiationResponse, Protocol

_TPKT, _HANDSHAKE, _ALERT = 0x03, 0x16, 0x15
_TLS_TYPES = (0x14, _ALERT, _HANDSHAKE, 0x17)
_SSL2 = 0x80  # the bit that begins a record of SSL 2.0
_CR, _DATA = 0xE, 0xF  # X.224 codes
_CONNECT = (b"\x7f\x65", b"\x7f\x66")  # identifiers of MCS Connect-Initial and Connect-Response
_CHOICE_AT, _DISCONNECT = 7, 0x20  # of an MCS PDU in its TPKT packet: disconnectProviderUltimatum
_CLEAR_ALERT = 2  # bytes
MOST_FOREIGN = 512  # bytes of what is not RDP that are kept


class Opening(Enum):
    """What the first bytes of a side are."""

    __hash__ = object.__hash__

    NEGOTIATION = "X.224 connection initiation"
    SETTINGS = "MCS Connect-Initial or Connect-Response"
    HELLO = "a hello of TLS or SSL"
    CREDSSP = "CredSSP, inside TLS"
    LATER = "RDP or TLS from its middle"
    OTHER = "another protocol"


def opening(side: Side, data: bytes) -> Opening | None:
    """What a side begins with; None while its bytes are too few to say."""
    first = data[0]
    if first == _TPKT:
        return _opening_of_tpkt(side, data)
    if first in _TLS_TYPES:
        return _opening_of_tls(side, data)
    if side is Side.SERVER:
        return Opening.OTHER
    if first & _SSL2:
        if len(data) < 4:
            return None
        return Opening.HELLO if data[2] == 1 and data[3] in (0, 3) else Opening.OTHER
    seen = sight(data)
    if seen is Sight.OPEN:
        return None
    return Opening.NEGOTIATION if seen is Sight.RDP else Opening.OTHER


def _opening_of_tpkt(side: Side, data: bytes) -> Opening | None:
    if len(data) < 6:
        return None if data[1:2] in (b"", b"\0") else Opening.OTHER
    code = data[5] >> 4
    if code != _DATA:
        return Opening.NEGOTIATION if (code == _CR) == (side is Side.CLIENT) else Opening.OTHER
    seen = sight(data)
    if len(data) >= 9 and data[7:9] == _CONNECT[side is Side.SERVER]:
        return Opening.SETTINGS
    if seen is Sight.OPEN:
        return None
    if side is Side.SERVER and seen is Sight.RDP and data[_CHOICE_AT] & 0xFC == _DISCONNECT:
        return Opening.NEGOTIATION  # in place of a confirm
    return Opening.LATER if seen is Sight.RDP else Opening.OTHER


def _opening_of_tls(side: Side, data: bytes) -> Opening | None:
    if len(data) < 6:
        return None if data[1:2] in (b"", b"\3") else Opening.OTHER
    if data[1] != 3:
        return Opening.OTHER
    if data[0] == _HANDSHAKE:
        return Opening.HELLO if data[5] == (1 if side is Side.CLIENT else 2) else Opening.LATER
    in_clear = data[0] == _ALERT and int.from_bytes(data[3:5], "big") == _CLEAR_ALERT
    return Opening.HELLO if in_clear and side is Side.SERVER else Opening.LATER


class Onlooker:
    """A machine that only looks on: it says nothing, and awaits nothing by its name."""

    @property
    def waiting_for(self) -> str:
        """Nothing by its name."""
        return ""

    def data_to_send(self) -> bytes:
        """Never anything."""
        return b""

    def farewell(self) -> bytes:
        """Never anything."""
        return b""


class Undecided(Onlooker):
    """Holds the first bytes until they tell what they are; then all of them are left over for who reads that."""

    def __init__(self, decide: Callable[[Side, bytes], Opening | None] = opening) -> None:
        self.found: Opening | None = None
        self._decide = decide
        self._held = dict.fromkeys(Side, b"")

    @property
    def finished(self) -> bool:
        """True once it is known."""
        return self.found is not None

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:  # noqa: ARG002  as every machine
        """Take bytes of either side, however split."""
        self._held[side] += data
        if self.found is None and self._held[side]:
            self.found = self._decide(side, self._held[side])
        return []

    def leftover(self, side: Side) -> bytes:
        """All that was held."""
        held, self._held[side] = self._held[side], b""
        return held


class Foreign(Onlooker):
    """What nobody here reads. The server's first bytes are kept: they tell which service it is."""

    def __init__(self) -> None:
        self._server = b""
        self._told = False

    @property
    def finished(self) -> bool:
        """True once the server has said something; what follows of it is taken too, up to a limit."""
        return self._told

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:
        """Take bytes of either side; the client's are passed over."""
        if side is Side.CLIENT or not data:
            return []
        if self._told:
            self._server += data[: MOST_FOREIGN - 1 - len(self._server)]
            return []
        self._told, self._server = True, data[1:MOST_FOREIGN]
        return [Malformed(at, side, InvalidField("TPKT", "version", 0, "another protocol"), data[:1])]

    def leftover(self, side: Side) -> bytes:
        """What the server said behind its first byte."""
        return self._server if side is Side.SERVER else b""


class Nothing(Onlooker):
    """Looks at nothing: what is there begins in the middle, or is for nobody's eyes."""

    finished = True

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:  # noqa: ARG002  as every machine
        """Pass it over."""
        return []

    def leftover(self, side: Side) -> bytes:  # noqa: ARG002  as every machine
        """Nothing is kept."""
        return b""


def both_sides(secrets: KeyLog) -> tuple[Machine, Undecided]:
    """Watches a connection whose client begins, and what it was found to begin with."""
    first = Undecided()

    def follow(finished: Machine) -> Machine | None:
        if finished is first:
            return _first_machine(first.found, secrets, None)
        if isinstance(finished, Negotiation):
            return _after(finished.confirm, secrets, None)
        return _behind_settings(finished)

    return Chain(first, follow), first


def one_side(side: Side) -> tuple[Machine, Undecided]:
    """Watches one side alone, from wherever it begins, and what it was found to begin with."""
    first = Undecided()
    between: list[Undecided] = []

    def follow(finished: Machine) -> Machine | None:
        if finished is first:
            return _first_machine(first.found, KeyLog(), side)
        if isinstance(finished, Negotiation):
            if side is Side.SERVER and finished.confirm is not None and finished.confirm.negotiation is not None:
                return _after(finished.confirm, KeyLog(), side)
            between.append(Undecided())
            return between[0] if finished.confirm is not None or side is Side.CLIENT else None
        if finished in between:
            found = between[0].found
            return _first_machine(found, KeyLog(), side) if found in (Opening.SETTINGS, Opening.HELLO) else None
        return _behind_settings(finished) if side is Side.SERVER else None

    return Chain(first, follow), first


def _first_machine(found: Opening | None, secrets: KeyLog, only: Side | None) -> Machine:
    machines: dict[Opening | None, Callable[[], Machine]] = {
        Opening.NEGOTIATION: lambda: Negotiation(only=only),
        Opening.SETTINGS: lambda: BasicSettingsExchange(only=only),
        Opening.HELLO: lambda: TlsWatched(inside_tls(0) if secrets.kept else None, secrets, only=only),
        Opening.OTHER: Foreign,
    }
    return machines.get(found, Nothing)()


def _after(confirm: ConfirmData | None, secrets: KeyLog, only: Side | None) -> Machine | None:
    """What follows the confirm: settings where RDP itself, or nothing, was selected; else TLS."""
    if confirm is None:
        return None
    answer = confirm.negotiation
    if answer is None or (isinstance(answer, NegotiationResponse) and answer.selected == Protocol.RDP):
        return BasicSettingsExchange(only=only)
    if not isinstance(answer, NegotiationResponse):
        return None
    inner = inside_tls(answer.selected) if secrets.kept else None  # nothing is opened without a key
    return TlsWatched(inner, secrets, only=only)


def _behind_settings(finished: Machine) -> Machine | None:
    """What the server says behind its settings, where it gave any."""
    if not isinstance(finished, BasicSettingsExchange) or finished.settings is None:
        return None
    return WatchedJoining(finished.settings)


def _settings() -> Machine:
    return Chain(BasicSettingsExchange(), _behind_settings)


def inside_tls(selected: int) -> Machine:
    """What is inside TLS by the protocol that was selected; 0 where that is not known, and only its bytes tell."""
    if selected in (Protocol.HYBRID, Protocol.HYBRID_EX):
        return _credssp(early=selected == Protocol.HYBRID_EX)
    if selected == Protocol.RDSTLS:
        return rdstls_greeting()
    if selected == Protocol.RDSAAD:
        return aad_nonce()
    if selected:
        return _settings()
    first = Undecided(_opening_inside)

    def follow(finished: Machine) -> Machine | None:
        if finished is not first:
            return None
        return _credssp(early=False) if first.found is Opening.CREDSSP else _settings()

    return Chain(first, follow)


def _opening_inside(_side: Side, data: bytes) -> Opening:
    return Opening.CREDSSP if data[0] == SEQUENCE else Opening.SETTINGS


class EarlyUserAuthorization(Onlooker):
    """Passes over the Early User Authorization Result that HYBRID_EX has: four bytes. [MS-RDPBCGR] 2.2.10.2."""

    _SIZE = 4

    def __init__(self) -> None:
        self._held = dict.fromkeys(Side, b"")

    @property
    def finished(self) -> bool:
        """True once the four bytes came."""
        return len(self._held[Side.SERVER]) >= self._SIZE

    @property
    def waiting_for(self) -> str:
        """The message that is awaited, in words."""
        return "" if self.finished else "the server's Early User Authorization Result"

    def observe(self, side: Side, data: bytes, at: float) -> list[Event]:  # noqa: ARG002  as every machine
        """Take bytes of either side, however split."""
        self._held[side] += data
        return []

    def leftover(self, side: Side) -> bytes:
        """What came behind them."""
        held, self._held[side] = self._held[side], b""
        return held[self._SIZE :] if side is Side.SERVER else held


def _credssp(*, early: bool) -> Machine:
    """CredSSP, and behind it the basic settings; `early` where a result of the logon comes between them."""
    first = WatchedCredSsp()

    def follow(finished: Machine) -> Machine | None:
        if finished is first:
            behind = EarlyUserAuthorization() if early else _settings()
            return behind if first.delegated else None
        return _settings() if isinstance(finished, EarlyUserAuthorization) else None

    return Chain(first, follow)
