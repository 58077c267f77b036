"""One connection: what it was to ask, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache
from typing import Self

from probe.handshake.client_hello import Offer, usual_offer
from probe.handshake.machine import Ending, Event
from probe.wire.gcc import RDP_10_12, encryption_method_names
from probe.wire.nego import Protocol
from probe.wire.tls_version import SSL2, SSL3, TLS10, TLS11, TLS12, TLS13, version_name

# The TLS versions that are asked for, newest first; those of SSL only at depth full.
TLS_VERSIONS = (TLS13, TLS12, TLS11, TLS10)
ALL_VERSIONS = (*TLS_VERSIONS, SSL3, SSL2)
_MOST_REMEMBERED = 64  # names of protocols; a hostile server may select any of 2**32


class Stage(Enum):
    """How far a connection goes when it is let."""

    __hash__ = object.__hash__

    NEGOTIATION = "negotiation"  # up to the Connection Confirm
    SETTINGS = "settings"  # on to the basic settings exchange, in clear
    HELLO = "hello"  # on to one ClientHello of our own
    LICENSING = "licensing"  # on through the basic settings exchange, in clear or inside TLS, to the licensing phase
    TUNNEL = "tunnel"  # on to a complete TLS handshake and the first message of what is inside


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What one connection asks. Two equal questions are the same request, byte for byte but for random values."""

    protocols: int | None  # requestedProtocols; None: no X.224 at all, TLS at once
    stage: Stage
    version: int | None = None  # the newest TLS version that a HELLO offers, and the newest of a TUNNEL
    offer: Offer | None = None  # what a HELLO offers; None: what a current client does in that version
    framed: bool = False  # the HELLO is an SSLv2 CLIENT-HELLO that offers newer versions, RFC 5246 appendix E.2
    other_name: bool = False  # the HELLO asks for a name that the server cannot have
    control: bool = False  # the HELLO was agreed to before: asked when all else was, to see whether it still is
    resume: bool = False  # the TUNNEL continues the session of the one before
    methods: int = 0  # encryptionMethods that SETTINGS offers
    rdp_version: int = RDP_10_12  # CS_CORE version; FreeRDP answers with the lesser of this and its own
    cookie: bool = False  # carries a cookie, though the user gave none: its line end wakes services that read lines
    client: str | None = None  # the key of the client as which it asks, with that client's own request and hello
    bare: bool = False  # the request has no RDP_NEG_REQ; `protocols` is 0 then
    flags: int = 0  # of the RDP_NEG_REQ
    joined: bool = False  # watched without its beginning: what the client asked for before is not known
    repeat: bool = False  # asked again, alone, because the first time ended in silence or a reset
    # What it was made for, in a few words; where it is empty the stage says it.
    purpose: str = field(default="", compare=False)

    @property
    def hello(self) -> Offer | None:
        """What our own ClientHello offers, where one is sent that is not SSLv2's; or what a watched client's does."""
        if self.version is None or self.version == SSL2:
            return None
        if self.stage is not Stage.HELLO:
            return self.offer if self.stage is Stage.TUNNEL else None
        return self.offer if self.offer is not None else usual_offer(self.version)

    @property
    def has_usual_name(self) -> bool:
        """TLS asks for the server's own name, where it has one; SSLv2's form has no place for a name."""
        return not (self.other_name or self.framed)

    def again(self) -> Self:
        """The repeat of this question."""
        return replace(self, repeat=True)

    @property
    def about(self) -> str:
        """What the connection is counted under."""
        if self.purpose:
            return self.purpose
        if self.protocols is None:
            return "TLS without X.224"
        if self.stage is Stage.SETTINGS:
            return "Standard RDP Security"
        if self.stage is Stage.LICENSING:
            return "licensing phase"
        return "TLS versions" if self.stage is Stage.HELLO else "security protocols"

    @property
    def words(self) -> str:
        """The question in a few words, for evidence and logs."""
        if self.client is not None:
            return f"as {self.client}: {self._simulated_in_words()}"
        over = "TLS without X.224" if self.protocols is None else "+".join(protocol_names(self.protocols))
        if self.stage is Stage.SETTINGS:
            return f"{over}, then basic settings with {'+'.join(encryption_method_names(self.methods)) or 'no method'}"
        if self.stage is Stage.LICENSING:
            return f"{over}, then the licensing phase without an account"
        if self.stage is Stage.HELLO and self.version is not None:
            return f"{over}, then {self._hello_in_words(version_name(self.version))}"
        if self.stage is Stage.TUNNEL:
            upto = f" up to {version_name(self.version)}" if self.version is not None else ""
            return f"{over}, then {'a resumed' if self.resume else 'a complete'} TLS handshake{upto}"
        return over

    def _simulated_in_words(self) -> str:
        asked = "a request without RDP_NEG_REQ" if self.bare else "+".join(protocol_names(self.protocols or 0))
        if self.stage is Stage.TUNNEL:
            return f"{asked}, then a complete TLS handshake of another library"
        return f"{asked}, then its own ClientHello" if self.stage is Stage.HELLO else asked

    def _hello_in_words(self, version: str) -> str:
        kind = "ClientHello in SSLv2's form" if self.framed else "ClientHello"
        parts = [f"a {version} {kind}"]
        if self.offer is not None:
            parts.append(f"with {len(self.offer.suites)} cipher suites")
            parts.append(f"and {len(self.offer.groups)} groups")
            parts += ["padded"] if self.offer.padding else []
            parts += ["as a fallback"] if self.offer.fallback else []
        return " ".join([*parts, *(["for another name"] if self.other_name else [])])


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One connection that was made, with everything that was seen on it. Times are seconds on the driver's clock."""

    number: int
    question: Question
    events: tuple[Event, ...]
    ending: Ending
    started: float
    ended: float
    bytes_sent: int = 0
    bytes_received: int = 0
    alone: bool = True  # no other connection of ours was open to this server meanwhile
    cause: str | None = None  # the operating system's words, where the connection failed


def protocol_names(mask: int) -> list[str]:
    """Name the bits of requestedProtocols: ["RDP"] for none, unknown bits as "0x20"."""
    from probe.wire.cursor import flag_names

    return flag_names(mask, Protocol) or [protocol_name(0)]


@lru_cache(maxsize=_MOST_REMEMBERED)
def protocol_name(selected: int) -> str:
    """Name a selectedProtocol, or as hexadecimal where it is none or several."""
    name = Protocol(selected).name
    return name if name is not None and "|" not in name else f"0x{selected:08x}"
