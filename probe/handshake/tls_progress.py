"""What is told of TLS that others speak: how far it came, and from where on it cannot be read.

The messages themselves are `Seen` events, as everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from probe.handshake.machine import Event, Side


@dataclass(frozen=True, slots=True)
class Encrypted(Event):
    """From here on what this side says is encrypted."""

    side: Side


@dataclass(frozen=True, slots=True)
class EncryptedAlert(Event):
    """An alert whose description cannot be read.

    Up to TLS 1.2 the type of its record says so. In TLS 1.3 only its length does, and only in the client's first
    encrypted record, where nothing else is so short: RFC 8446 section 5.2.
    """

    side: Side


@dataclass(frozen=True, slots=True)
class Exchanged(Event):
    """Both sides have sent application data up to TLS 1.2, where the records' types show it."""


@dataclass(frozen=True, slots=True)
class Renegotiated(Event):
    """A side began another handshake inside the encrypted connection. RFC 5246 section 7.4.1.1."""

    side: Side


@dataclass(frozen=True, slots=True)
class Decrypted(Event):
    """The secrets that were given fit: the first record was opened. Told once."""


@dataclass(frozen=True, slots=True)
class Undecrypted(Event):
    """A key log was given, and it does not open this connection. `reason` is a sentence in English about the log."""

    side: Side
    reason: str
