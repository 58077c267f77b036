"""A TLS key log in NSS's format: the secrets of captured connections, by the client's random.

One line a secret: label, client random and secret in hexadecimal of either case, spaces between them, with any end of
line (draft-ietf-tls-keylogfile section 2). Labels whose secrets open no record are read and not kept. Two other forms
hold a premaster secret: "RSA" has the first eight bytes of its encrypted form in the random's place, as NSS once wrote,
and "PMS_CLIENT_RANDOM" is Wireshark's. What is no such line is passed over, and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from re import finditer
from typing import TypeVar

MASTER = "CLIENT_RANDOM"  # the label of a master secret, up to TLS 1.2
PREMASTER = "PMS_CLIENT_RANDOM"
_KEPT = (
    MASTER,
    PREMASTER,
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    "CLIENT_TRAFFIC_SECRET_0",
    "SERVER_TRAFFIC_SECRET_0",
)
_LABELS = {label.encode("ascii"): label for label in _KEPT}
_RSA = b"RSA"
_RANDOM, _ENCRYPTED = 32, 8  # bytes
_LONGEST_SECRET = 66  # bytes: a premaster of ECDH with P-521 (RFC 8422 section 5.10); SHA-384 gives 48
_RSA_PREMASTER = 48  # bytes, RFC 5246 section 7.4.7.1
_LONGEST_LINE = 4096  # bytes; a secret's line has some 200
_MOST_OTHERS = 1 << 16  # lines without a secret, after which a text is given up
_BOM = b"\xef\xbb\xbf"
MOST = 250_000  # secrets that are kept: some 120 MB

Key = TypeVar("Key", bytes, str)


@dataclass(slots=True)
class KeyLog:
    """Secrets by client random, then by label. Of more than `MOST` the oldest are dropped, and counted."""

    secrets: dict[bytes, dict[str, bytes]] = field(default_factory=dict)
    premasters: dict[bytes, bytes] = field(default_factory=dict)  # by the beginning of their encrypted form
    taken: int = 0  # lines that hold a secret, of whatever label
    unread: int = 0  # lines that are neither a secret nor a remark
    dropped: int = 0
    kept: int = 0

    def take(self, text: bytes) -> None:
        """Add what a file, or a Decryption Secrets Block of a capture, holds; or one line, as a library tells it.

        What has very many other lines is given up.
        """
        before = self.taken
        for number, line in enumerate(finditer(rb"[^\r\n]+", text.removeprefix(_BOM))):
            if number - (self.taken - before) >= _MOST_OTHERS:
                return
            if line.end() - line.start() > _LONGEST_LINE:
                self.unread += 1
                continue
            words = line.group().split()
            if words and not words[0].startswith(b"#"):
                self._take_words(words)

    def _take_words(self, words: list[bytes]) -> None:
        try:
            label, first, second = words
            random, secret = bytes.fromhex(first.decode("ascii")), bytes.fromhex(second.decode("ascii"))
        except ValueError:
            self.unread += 1
            return
        if len(random) != (_ENCRYPTED if label == _RSA else _RANDOM) or not secret:
            self.unread += 1
            return
        self.taken += 1
        if label == _RSA:
            if len(secret) == _RSA_PREMASTER:
                self._keep(self.premasters, random, secret)
        elif label in _LABELS and len(secret) <= _LONGEST_SECRET:
            self._keep(self.secrets.setdefault(random, {}), _LABELS[label], secret)

    def _keep(self, into: dict[Key, bytes], key: Key, secret: bytes) -> None:
        self.kept += key not in into
        into[key] = secret  # the last word counts: a random may have come again
        if self.kept > MOST:
            self._drop(max(MOST // 10, 1))

    def _drop(self, count: int) -> None:
        """Drop the oldest connections: many at once, for finding a dictionary's first key takes time by those gone."""
        gone = 0
        for random in list(islice(self.secrets, count)):
            gone += len(self.secrets.pop(random))
        for name in list(islice(self.premasters, count if not gone else 0)):
            self.premasters.pop(name)
            gone += 1
        self.kept -= gone
        self.dropped += gone

    def of(self, client_random: bytes) -> Mapping[str, bytes]:
        """The secrets of one connection; empty where there are none."""
        return self.secrets.get(client_random, {})
