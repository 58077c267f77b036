"""Opening the records of a TLS connection whose secrets are known, with a library's ciphers.

Up to TLS 1.2: keys are made of the master secret by the PRF, RFC 5246 section 6.3, and RFC 2246 section 5 before it;
records are opened as RFC 5246 section 6.2.3, RFC 7366 (MAC over the ciphertext), RFC 5288, 6655 and 7905 say. TLS 1.3:
keys are made of a traffic secret, RFC 8446 section 7.3; records are opened as its section 5.2 says.

Every record is authenticated before a byte of it is used: secrets of another connection give an error, never garbage.
"""

from __future__ import annotations

import hashlib
import hmac
import io
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Protocol

from probe.errors import ProbeError
from probe.handshake.machine import SIDES, Side
from probe.wire.tls_record import ContentType, Record
from probe.wire.tls_suites import suite_name
from probe.wire.tls_version import TLS10, TLS11, TLS12

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, CipherContext
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

Plain = tuple[ContentType, bytes]  # a record's true type, and what it carries
_MISFIT = "its secrets are another connection's, or bytes are missing"  # which of them nobody can tell
_MASTER = 48  # bytes
_SEQUENCE = 8  # bytes
_TAG, _SHORT_TAG = 16, 8
_FIXED_IV, _WHOLE_IV = 4, 12  # RFC 5288 section 3; RFC 7905 section 2, RFC 8446 section 5.3
_KEY_SIZES = {"AES_128": 16, "AES_256": 32, "CAMELLIA_128": 16, "CAMELLIA_256": 32, "3DES_EDE": 24, "RC4_128": 16}
_DIGESTS = {"MD5": "md5", "SHA": "sha1", "SHA256": "sha256", "SHA384": "sha384"}


class CannotOpen(ProbeError):
    """A record that the secrets do not open, or a way of protection that is not known here."""


class Opener(Protocol):
    """Opens the records of one side, in their order, from the first one under its keys."""

    def open(self, record: Record) -> Plain:
        """The record's type and content. Raises CannotOpen; the same record may then be given to another opener."""
        ...


@dataclass(frozen=True, slots=True)
class _Suite:
    """What the name of a suite says of its records."""

    cipher: str  # "AES_128", "CHACHA20_POLY1305", "NULL", …
    mode: str  # "CBC", "GCM", "CCM", "CCM_8", or empty
    digest: str  # of the MAC, or of the key schedule: hashlib's name

    @property
    def key_size(self) -> int:
        return _KEY_SIZES.get(self.cipher, 32)


def _suite(code: int) -> _Suite:
    """Raises CannotOpen for suites whose records are not known here."""
    name = suite_name(code)
    words = (name.partition("_WITH_")[2] or name.removeprefix("TLS_")).split("_")
    digest = _DIGESTS.get(words[-1])
    if digest is not None:
        words.pop()
    modes = [word for word in words if word in ("CBC", "GCM", "CCM")]
    cipher, _, rest = "_".join(words).partition(f"_{modes[0]}" if modes else "\n")
    is_known = cipher in _KEY_SIZES or cipher in ("CHACHA20_POLY1305", "NULL")
    if not is_known or (modes != ["CBC"] and cipher.startswith(("CAMELLIA", "3DES"))):
        raise CannotOpen(f"records of {name} cannot be opened here")
    return _Suite(cipher, "".join(modes[:1]) + rest, digest or "sha256")


# TLS 1.3.---


def expand_label(secret: bytes, label: str, size: int, digest: str) -> bytes:
    """HKDF-Expand-Label with an empty context, RFC 8446 section 7.1. `digest` is hashlib's name."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

    name = b"tls13 " + label.encode("ascii")
    info = size.to_bytes(2, "big") + bytes([len(name)]) + name + b"\0"
    algorithm = hashes.SHA384() if digest == "sha384" else hashes.SHA256()
    return HKDFExpand(algorithm, size, info).derive(secret)


def next_traffic_secret(cipher_suite: int, secret: bytes) -> bytes:
    """The secret behind a KeyUpdate, RFC 8446 section 7.2."""
    return expand_label(secret, "traffic upd", len(secret), _suite(cipher_suite).digest)


def _aead(suite: _Suite, key: bytes) -> AESGCM | AESCCM | ChaCha20Poly1305:
    from cryptography.hazmat.primitives.ciphers import aead

    if suite.cipher == "CHACHA20_POLY1305":
        return aead.ChaCha20Poly1305(key)
    if suite.mode.startswith("CCM"):
        return aead.AESCCM(key, tag_length=_SHORT_TAG if suite.mode == "CCM_8" else _TAG)
    return aead.AESGCM(key)


class Tls13Opener:
    """Records of TLS 1.3 under one traffic secret. Raises CannotOpen."""

    def __init__(self, cipher_suite: int, secret: bytes) -> None:
        suite = _suite(cipher_suite)
        if suite.mode not in ("GCM", "CCM", "CCM_8") and suite.cipher != "CHACHA20_POLY1305":
            raise CannotOpen(f"{suite_name(cipher_suite)} is no suite of TLS 1.3")
        if len(secret) != hashlib.new(suite.digest).digest_size:
            raise CannotOpen("its secret has another size than those of the suite")
        self._aead = _aead(suite, expand_label(secret, "key", suite.key_size, suite.digest))
        self._iv = int.from_bytes(expand_label(secret, "iv", _WHOLE_IV, suite.digest), "big")
        self._sequence = 0

    def open(self, record: Record) -> Plain:
        """See `Opener`."""
        nonce = (self._iv ^ self._sequence).to_bytes(_WHOLE_IV, "big")
        inner = _decrypt(self._aead, nonce, record.fragment, _header(record, len(record.fragment))).rstrip(b"\0")
        self._sequence += 1
        if not inner:  # RFC 8446 section 5.4: a peer must not do that
            raise CannotOpen(_MISFIT)
        return ContentType(inner[-1]), inner[:-1]


def _header(record: Record, size: int) -> bytes:
    return bytes([record.type]) + record.version.to_bytes(2, "big") + size.to_bytes(2, "big")


def _decrypt(aead: AESGCM | AESCCM | ChaCha20Poly1305, nonce: bytes, sealed: bytes, head: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        return aead.decrypt(nonce, sealed, head)
    except (InvalidTag, ValueError) as error:  # ValueError: shorter than a tag, as some releases say
        raise CannotOpen(_MISFIT) from error


# Up to TLS 1.2.


def _p_hash(digest: str, secret: bytes, seed: bytes, size: int) -> bytes:
    """P_hash, RFC 5246 section 5."""
    out, a = b"", seed
    while len(out) < size:
        a = hmac.digest(secret, a, digest)
        out += hmac.digest(secret, a + seed, digest)
    return out[:size]


def _prf_digest(cipher_suite: int) -> str:
    """Of TLS 1.2, hashlib's name. RFC 5246 section 5: SHA-256, or what the suite says where that is stronger."""
    return "sha384" if suite_name(cipher_suite).endswith("SHA384") else "sha256"


def prf(version: int, cipher_suite: int, secret: bytes, seed: bytes, size: int) -> bytes:
    """The pseudorandom function of TLS 1.0 to 1.2, RFC 2246 section 5 and RFC 5246 section 5.

    `seed` begins with the label.
    """
    if version >= TLS12:
        return _p_hash(_prf_digest(cipher_suite), secret, seed, size)
    half = (len(secret) + 1) // 2
    md5 = _p_hash("md5", secret[:half], seed, size)
    sha1 = _p_hash("sha1", secret[-half:], seed, size)
    return bytes(a ^ b for a, b in zip(md5, sha1, strict=True))


def master_secret(
    version: int, cipher_suite: int, premaster: bytes, randoms: tuple[bytes, bytes], transcript: bytes | None
) -> bytes:
    """The master secret, RFC 5246 section 8.1; with `transcript` the extended one, RFC 7627 section 4.

    `randoms` are the client's and the server's. `transcript` are the handshake messages up to ClientKeyExchange.
    """
    label, seed = b"master secret", randoms[0] + randoms[1]
    if transcript is not None:
        digests = ("md5", "sha1") if version < TLS12 else (_prf_digest(cipher_suite),)
        label, seed = b"extended master secret", b"".join(hashlib.new(name, transcript).digest() for name in digests)
    return prf(version, cipher_suite, premaster, label + seed, _MASTER)


def openers(
    version: int, cipher_suite: int, master: bytes, randoms: tuple[bytes, bytes], *, encrypt_then_mac: bool
) -> dict[Side, Opener]:
    """What opens either side's records from its ChangeCipherSpec on. `randoms` are the client's and the server's.

    Raises CannotOpen where version or suite are not known here.
    """
    if not TLS10 <= version <= TLS12:
        raise CannotOpen("records of this version cannot be opened here")
    suite = _suite(cipher_suite)
    is_aead = suite.mode not in ("CBC", "") or suite.cipher == "CHACHA20_POLY1305"
    mac_size = 0 if is_aead else hashlib.new(suite.digest).digest_size
    key_size = 0 if suite.cipher == "NULL" else suite.key_size
    sizes = (mac_size, key_size, _iv_size(suite, version))
    seed = b"key expansion" + randoms[1] + randoms[0]
    block = io.BytesIO(prf(version, cipher_suite, master, seed, 2 * sum(sizes)))
    macs, keys, ivs = ((block.read(size), block.read(size)) for size in sizes)
    made: dict[Side, Opener] = {}
    for side, mac, key, iv in zip(SIDES, macs, keys, ivs, strict=True):
        if is_aead:
            made[side] = _AeadOpener(suite, key, iv)
        else:
            chained = iv if version < TLS11 else None
            made[side] = _opener_with_mac(suite, key, chained, _Mac(suite.digest, mac), encrypt_then_mac)
    return made


def _iv_size(suite: _Suite, version: int) -> int:
    if suite.cipher == "CHACHA20_POLY1305":
        return _WHOLE_IV
    if suite.mode == "CBC":
        return (8 if suite.cipher == "3DES_EDE" else 16) if version < TLS11 else 0
    return _FIXED_IV if suite.mode else 0


class _AeadOpener:
    """GCM, CCM and ChaCha20-Poly1305 in TLS 1.2: RFC 5246 section 6.2.3.3, RFC 5288, RFC 6655, RFC 7905."""

    EXPLICIT: ClassVar[int] = 8  # bytes of the nonce that stand in the record

    def __init__(self, suite: _Suite, key: bytes, iv: bytes) -> None:
        self._aead = _aead(suite, key)
        self._overhead = _SHORT_TAG if suite.mode == "CCM_8" else _TAG
        self._iv = iv
        self._sequence = 0

    def open(self, record: Record) -> Plain:
        sequence, sealed = self._sequence.to_bytes(_SEQUENCE, "big"), record.fragment
        if len(self._iv) == _FIXED_IV:
            nonce, sealed = self._iv + sealed[: self.EXPLICIT], sealed[self.EXPLICIT :]
        else:
            whole = int.from_bytes(self._iv, "big") ^ self._sequence
            nonce = whole.to_bytes(_WHOLE_IV, "big")
        if len(sealed) < self._overhead:
            raise CannotOpen(_MISFIT)
        head = sequence + _header(record, len(sealed) - self._overhead)
        plain = _decrypt(self._aead, nonce, sealed, head)
        self._sequence += 1
        return record.type, plain


class _Mac:
    """The MAC of one side's records, which are counted. RFC 5246 section 6.2.3.1."""

    def __init__(self, digest: str, key: bytes) -> None:
        self.size = hashlib.new(digest).digest_size
        self._digest = digest
        self._key = key
        self._sequence = 0

    def check(self, record: Record, data: bytes, mac: bytes) -> None:
        """Raises CannotOpen, and counts only what is right."""
        head = self._sequence.to_bytes(_SEQUENCE, "big") + _header(record, len(data))
        if not hmac.compare_digest(hmac.digest(self._key, head + data, self._digest), mac):
            raise CannotOpen(_MISFIT)
        self._sequence += 1

    def strip(self, record: Record, data: bytes) -> bytes:
        """What stands before the MAC. Raises CannotOpen."""
        if len(data) < self.size:
            raise CannotOpen(_MISFIT)
        end = len(data) - self.size
        self.check(record, data[:end], data[end:])
        return data[:end]


def _opener_with_mac(suite: _Suite, key: bytes, chained: bytes | None, mac: _Mac, mac_outside: bool) -> Opener:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4, Camellia, TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

    if suite.cipher == "NULL":
        return _StreamOpener(None, mac)
    try:
        if suite.cipher == "RC4_128":
            return _StreamOpener(Cipher(ARC4(key), None).decryptor(), mac)
        kinds: dict[str, Callable[[bytes], BlockCipherAlgorithm]] = {
            "AES": algorithms.AES,
            "CAMELLIA": Camellia,
            "3DES": TripleDES,
        }
        algorithm = kinds[suite.cipher.partition("_")[0]](key)
        decrypt = partial(_decrypt_cbc, algorithm)
        decrypt(bytes(algorithm.block_size // 8), b"")  # whether the library has it is known only by trying
    except UnsupportedAlgorithm as error:
        raise CannotOpen(f"this machine's library has no {suite.cipher.replace('_', '-')}") from error
    return _CbcOpener(decrypt, algorithm.block_size // 8, chained, mac, mac_outside)


def _decrypt_cbc(algorithm: BlockCipherAlgorithm, iv: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, modes

    cipher = Cipher(algorithm, modes.CBC(iv)).decryptor()
    return cipher.update(data) + cipher.finalize()


class _StreamOpener:
    """RC4, which goes on from record to record, and no cipher at all. RFC 5246 section 6.2.3.1."""

    def __init__(self, cipher: CipherContext | None, mac: _Mac) -> None:
        self._cipher = cipher
        self._mac = mac

    def open(self, record: Record) -> Plain:
        plain = self._cipher.update(record.fragment) if self._cipher is not None else record.fragment
        return record.type, self._mac.strip(record, plain)


class _CbcOpener:
    """CBC with the MAC inside or, by RFC 7366, outside. RFC 5246 section 6.2.3.2.

    In TLS 1.0 a record's IV is the end of the one before, `chained`; afterwards it stands before the record.
    """

    def __init__(
        self,
        decrypt: Callable[[bytes, bytes], bytes],
        block: int,
        chained: bytes | None,
        mac: _Mac,
        mac_outside: bool,
    ) -> None:
        self._decrypt = decrypt
        self._block = block
        self._chained = chained
        self._mac = mac
        self._mac_outside = mac_outside

    def open(self, record: Record) -> Plain:
        sealed = self._mac.strip(record, record.fragment) if self._mac_outside else record.fragment
        iv, body = (sealed[: self._block], sealed[self._block :]) if self._chained is None else (self._chained, sealed)
        if not body or len(body) % self._block or len(iv) != self._block:
            raise CannotOpen(_MISFIT)
        plain = self._decrypt(iv, body)
        padding = plain[-1] + 1
        if padding > len(plain) or plain[-padding:] != bytes([padding - 1]) * padding:
            raise CannotOpen(_MISFIT)
        plain = plain[:-padding]
        if not self._mac_outside:
            plain = self._mac.strip(record, plain)
        if self._chained is not None:
            self._chained = body[-self._block :]
        return record.type, plain
