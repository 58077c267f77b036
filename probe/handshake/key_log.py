"""A TLS key log in NSS's format: the secrets of captured connections, by the client's random.

One line a secret: label, client random and secret in hexadecimal (draft-ietf-tls-keylogfile). What is no such line is
passed over, and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_RANDOM = 32
_LONGEST_SECRET = 64  # bytes; SHA-384 gives 48


@dataclass(slots=True)
class KeyLog:
    """Secrets by client random, then by label: CLIENT_RANDOM, CLIENT_HANDSHAKE_TRAFFIC_SECRET, …"""

    secrets: dict[bytes, dict[str, bytes]] = field(default_factory=dict)
    unread: int = 0  # lines that are neither a secret nor a remark

    def take(self, text: bytes) -> None:
        """Add what a file, or a Decryption Secrets Block of a capture, holds."""
        for line in text.splitlines():
            if line.strip() and not line.startswith(b"#"):
                self._take_line(line.split())

    def _take_line(self, words: list[bytes]) -> None:
        try:
            label, random, secret = (
                words[0].decode("ascii"),
                *(bytes.fromhex(word.decode("ascii")) for word in words[1:]),
            )
        except ValueError:
            self.unread += 1
            return
        if len(random) != _RANDOM or not 0 < len(secret) <= _LONGEST_SECRET:
            self.unread += 1
            return
        self.secrets.setdefault(random, {})[label] = secret

    def of(self, client_random: bytes) -> Mapping[str, bytes]:
        """The secrets of one connection; empty where there are none."""
        return self.secrets.get(client_random, {})
