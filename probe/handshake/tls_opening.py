"""What is inside a TLS connection between others, where a key log holds its secrets.

Which keys open which records is decided here; how they do it is `record_protection`'s. Up to TLS 1.2 a side's keys
change with its ChangeCipherSpec, RFC 5246 section 7.1, also in a renegotiation. In TLS 1.3 they change behind its
Finished and its KeyUpdate, RFC 8446 section 7.1 and 4.6.3. Early data is passed over: its secret opens nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from probe.handshake.key_log import MASTER, PREMASTER, KeyLog
from probe.handshake.machine import SIDES, Side
from probe.handshake.record_protection import (
    CannotOpen,
    Opener,
    Plain,
    Tls13Opener,
    master_secret,
    next_traffic_secret,
    openers,
)
from probe.wire import tls_hello
from probe.wire.tls_extensions import ExtensionType, find
from probe.wire.tls_hello import HandshakeType
from probe.wire.tls_record import ContentType, HandshakeFramer, Record
from probe.wire.tls_version import TLS12, TLS13

_NONE = "it holds no secret of this connection"
_NOT_ALL = "it holds not all secrets of this connection"
_MOST_EARLY = 256  # records of early data, or of a handshake without a secret, that are passed over
_KEY_EXCHANGE = HandshakeFramer.HEADER + 2  # bytes before the encrypted premaster secret
_ENCRYPTED = 8  # bytes of it by which a key log names it
_HANDSHAKE = "{}_HANDSHAKE_TRAFFIC_SECRET"
_TRAFFIC = "{}_TRAFFIC_SECRET_0"


class Opening(Protocol):
    """Opens the records of both sides."""

    def change(self, side: Side) -> None:
        """A side's ChangeCipherSpec was seen, outside of what is encrypted."""
        ...

    def exchange(self, message: bytes, transcript: bytes) -> None:
        """The client's ClientKeyExchange was seen in clear; `transcript` are all handshake messages up to it."""
        ...

    def open(self, side: Side, record: Record) -> list[Plain]:
        """What a record holds; handshake messages whole, one by one, none where the end is in a later record.

        Raises CannotOpen, or WireError.
        """
        ...


def opening(secrets: KeyLog, client_random: bytes, hello: tls_hello.ServerHello, *, early: bool) -> Opening:
    """What opens a connection, by its ServerHello. `early`: the client may send early data."""
    if hello.selected_version >= TLS13:
        return _Tls13(secrets.of(client_random), hello.cipher_suite, early=early)
    return _Tls12(secrets, client_random, hello)


class _Messages:
    """Cuts handshake messages out of what was opened."""

    def __init__(self) -> None:
        self._framer = HandshakeFramer()

    def take(self, plain: Plain) -> list[Plain]:
        if plain[0] != ContentType.HANDSHAKE:
            return [plain]
        found = []
        self._framer.feed(plain[1])
        while (message := self._framer.next_message()) is not None:
            found.append((ContentType.HANDSHAKE, message))
        return found


class _Tls12:
    """Up to TLS 1.2: two openers for each handshake, each in use from its side's ChangeCipherSpec on."""

    def __init__(self, secrets: KeyLog, client_random: bytes, hello: tls_hello.ServerHello) -> None:
        self._secrets = secrets
        self._client_random = client_random
        self._hello = hello
        self._agreed: dict[Side, Opener] | None = None  # by the last hellos
        self._openers: dict[Side, Opener | CannotOpen] = {}
        self._messages = {side: _Messages() for side in SIDES}
        self._encrypted_premaster = b""  # its beginning
        self._transcript = b""

    def exchange(self, message: bytes, transcript: bytes) -> None:
        """In an RSA key exchange it is the encrypted premaster secret, with its length before it: RFC 5246 7.4.7.1."""
        self._encrypted_premaster = message[_KEY_EXCHANGE : _KEY_EXCHANGE + _ENCRYPTED]
        self._transcript = transcript

    def change(self, side: Side) -> None:
        try:
            self._agreed = self._agreed or self._agree()
            self._openers[side] = self._agreed[side]
        except CannotOpen as error:
            self._openers[side] = error

    def _agree(self) -> dict[Side, Opener]:
        hello = self._hello
        if hello.compression_method:
            raise CannotOpen("what is inside is compressed")
        outside = find(hello.extensions, ExtensionType.ENCRYPT_THEN_MAC) is not None
        randoms = (self._client_random, hello.random)
        master = self._master(randoms)
        return openers(hello.selected_version, hello.cipher_suite, master, randoms, encrypt_then_mac=outside)

    def _master(self, randoms: tuple[bytes, bytes]) -> bytes:
        """The master secret, from the key log or from the premaster secret in it. RFC 5246 section 8.1, RFC 7627."""
        known, hello = self._secrets.of(self._client_random), self._hello
        if MASTER in known:
            return known[MASTER]
        premaster = known.get(PREMASTER) or self._secrets.premasters.get(self._encrypted_premaster)
        if premaster is None:
            raise CannotOpen(_NONE)
        extended = find(hello.extensions, ExtensionType.EXTENDED_MASTER_SECRET) is not None
        seen = self._transcript if extended else None
        return master_secret(hello.selected_version, hello.cipher_suite, premaster, randoms, seen)

    def open(self, side: Side, record: Record) -> list[Plain]:
        opener = self._openers[side]
        if isinstance(opener, CannotOpen):
            raise opener
        found = self._messages[side].take(opener.open(record))
        for kind, content in found:
            if kind == ContentType.CHANGE_CIPHER_SPEC:
                self.change(side)
            elif kind == ContentType.HANDSHAKE:
                self._note(content)
        return found

    def _note(self, raw: bytes) -> None:
        """The hellos of a renegotiation. Raises WireError."""
        is_hello = raw[0] in (HandshakeType.CLIENT_HELLO, HandshakeType.SERVER_HELLO)
        message = tls_hello.read_handshake(raw, TLS12) if is_hello else None
        if isinstance(message, tls_hello.ClientHello):
            self._client_random, self._encrypted_premaster = message.random, b""
        elif isinstance(message, tls_hello.ServerHello):
            self._hello, self._agreed = message, None


class _Tls13:
    """TLS 1.3: a side's handshake secret up to its Finished, then its traffic secret, renewed by each KeyUpdate."""

    def __init__(self, secrets: Mapping[str, bytes], cipher_suite: int, *, early: bool) -> None:
        self._suite = cipher_suite
        self._coming = {side: _in_order(secrets, side) for side in SIDES}
        self._secret: dict[Side, bytes] = {}  # in use
        self._openers: dict[Side, Opener] = {}
        self._messages = {side: _Messages() for side in SIDES}
        self._unopened = dict.fromkeys(SIDES, 0)  # how many more records may be passed over
        for side in SIDES:
            if (early and side is Side.CLIENT) or _HANDSHAKE.format(side.name) not in secrets:
                self._unopened[side] = _MOST_EARLY

    def change(self, side: Side) -> None:
        """Means nothing in TLS 1.3."""

    def exchange(self, message: bytes, transcript: bytes) -> None:
        """Not a message of TLS 1.3."""

    def open(self, side: Side, record: Record) -> list[Plain]:
        opener = self._openers.get(side) or self._advance(side)
        try:
            plain = opener.open(record)
        except CannotOpen:
            if not self._unopened[side]:
                raise
            self._unopened[side] -= 1
            return []
        self._unopened[side] = 0
        found = self._messages[side].take(plain)
        for kind, content in found:
            if kind == ContentType.HANDSHAKE and content[0] == HandshakeType.FINISHED:
                self._openers.pop(side)
            elif kind == ContentType.HANDSHAKE and content[0] == HandshakeType.KEY_UPDATE:
                self._use(side, next_traffic_secret(self._suite, self._secret[side]))
        return found

    def _advance(self, side: Side) -> Opener:
        if not self._coming[side]:
            raise CannotOpen(_NOT_ALL if self._secret else _NONE)
        return self._use(side, self._coming[side].pop(0))

    def _use(self, side: Side, secret: bytes) -> Opener:
        self._secret[side] = secret
        self._openers[side] = Tls13Opener(self._suite, secret)
        return self._openers[side]


def _in_order(secrets: Mapping[str, bytes], side: Side) -> list[bytes]:
    labels = (form.format(side.name) for form in (_HANDSHAKE, _TRAFFIC))
    return [secrets[label] for label in labels if label in secrets]
