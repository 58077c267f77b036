"""The encryption of Standard RDP Security, as far as the licensing phase needs it: session keys, RC4, Triple DES.

Weak by design and by age; it protects nothing here, for nothing secret is said. Session keys are never updated: that
is due after 4096 PDUs, and a licensing phase has a handful.

Source: [MS-RDPBCGR] 5.3.4 to 5.3.6.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Protocol

from probe.audit.certificate_der import parse
from probe.handshake.licensing import Cipher
from probe.wire.cursor import Writer
from probe.wire.gcc import EncryptionMethod, ServerSecurity
from probe.wire.security_header import FipsHeader, SecurityFlag, SignedHeader
from probe.wire.standard_security import ProprietaryCertificate, UnknownCertificate, X509CertificateChain

_RANDOM = 32  # bytes of either side's random
_PAD_1, _PAD_2 = b"\x36" * 40, b"\x5c" * 48
_SIGNATURE = 8
_BLOCK = 8  # bytes of Triple DES
_FIPS_IV = bytes.fromhex("1234567890abcdef")
_SALTS = {EncryptionMethod.FORTY_BIT: b"\xd1\x26\x9e", EncryptionMethod.FIFTY_SIX_BIT: b"\xd1"}
_METHODS = (*_SALTS, EncryptionMethod.ONE_TWENTY_EIGHT_BIT, EncryptionMethod.FIPS)
_SHORT_KEY = 8  # bytes of a 40 or 56 bit key, with its salt
# A random of 32 bytes must fit the modulus; beyond the upper bound it is no key but a way to keep us busy.
_KEY_BITS = range(8 * _RANDOM + 1, 16384 + 1)


class _Stream(Protocol):
    def update(self, data: bytes) -> bytes: ...


def standard_cipher(
    security: ServerSecurity,
    certificate: ProprietaryCertificate | X509CertificateChain | UnknownCertificate,
    random_bytes: Callable[[int], bytes],
) -> Cipher | None:
    """The client's cipher for what a server chose; None where its key, random or method cannot be used."""
    key = _public_key(certificate)
    method, server_random = security.encryption_method, security.server_random
    if key is None or server_random is None or len(server_random) != _RANDOM or method not in _METHODS:
        return None
    modulus, exponent, size = key
    client_random = random_bytes(_RANDOM)
    secret = pow(int.from_bytes(client_random, "little"), exponent, modulus)
    exchange = secret.to_bytes(size, "little")
    if method == EncryptionMethod.FIPS:
        return FipsCipher(client_random, server_random, exchange)
    return Rc4Cipher(client_random, server_random, exchange, _SALTS.get(EncryptionMethod(method), b""))


def _public_key(
    certificate: ProprietaryCertificate | X509CertificateChain | UnknownCertificate,
) -> tuple[int, int, int] | None:
    """Modulus, exponent and the size in bytes of what is encrypted with it, or None."""
    if isinstance(certificate, ProprietaryCertificate):
        modulus, exponent = certificate.modulus, certificate.exponent
        size = len(certificate.modulus_field)
    elif isinstance(certificate, X509CertificateChain) and certificate.certificates:
        numbers = _rsa_numbers(certificate.certificates[-1])  # the server's own is the last
        if numbers is None:
            return None
        modulus, exponent = numbers
        size = (modulus.bit_length() + 7) // 8 + _BLOCK
    else:
        return None
    if modulus.bit_length() not in _KEY_BITS or not 0 < exponent < 1 << 32:
        return None
    return modulus, exponent, size


def _rsa_numbers(der: bytes) -> tuple[int, int] | None:
    """Modulus and exponent of the RSA key in an X.509 certificate; None where it has no such key."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import rsa

    parsed = parse(der)
    if isinstance(parsed, str):
        return None
    try:
        key = parsed.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    if not isinstance(key, rsa.RSAPublicKey):
        return None
    numbers = key.public_numbers()
    return numbers.n, numbers.e


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def session_keys(client_random: bytes, server_random: bytes, salt: bytes) -> tuple[bytes, bytes, bytes]:
    """The keys of signatures, of what the client encrypts and of what the server does. [MS-RDPBCGR] 5.3.5.1.

    `salt` is what shortens them: three bytes leave 40 bits, one leaves 56, none all 128.
    """
    randoms = client_random + server_random

    def derived(secret: bytes, letter: str) -> bytes:
        return b"".join(
            _md5(secret + _sha1((chr(ord(letter) + n) * (n + 1)).encode() + secret + randoms)) for n in range(3)
        )

    master = derived(client_random[:24] + server_random[:24], "A")
    blob = derived(master, "X")
    keys = (blob[:16], _md5(blob[32:48] + randoms), _md5(blob[16:32] + randoms))
    signing, client, server = (salt + key[len(salt) : _SHORT_KEY] if salt else key for key in keys)
    return signing, client, server


class Rc4Cipher:
    """RC4 with keys of 40, 56 or 128 bits, and signatures of MD5 and SHA-1. [MS-RDPBCGR] 5.3.6.1."""

    header = SignedHeader

    def __init__(
        self, client_random: bytes, server_random: bytes, exchange: bytes, salt: bytes, *, serving: bool = False
    ) -> None:
        self.exchange = exchange
        self._signing, client, server = session_keys(client_random, server_random, salt)
        self._sealing, self._opening = (_rc4(key) for key in ((server, client) if serving else (client, server)))
        self._opened = 0

    def seal(self, flags: int, data: bytes) -> bytes:
        """The header and what is encrypted."""
        w = Writer()
        SignedHeader(flags=flags, signature=self._signature(data)).write(w)
        w.raw(self._sealing.update(data))
        return w.getvalue()

    def open(self, header: SignedHeader | FipsHeader, data: bytes) -> bytes | None:
        """The clear text; None where the signature is not its own."""
        clear = self._opening.update(data)
        count = self._opened.to_bytes(4, "little") if header.flags & SecurityFlag.SECURE_CHECKSUM else b""
        self._opened += 1
        return clear if hmac.compare_digest(self._signature(clear, count), header.signature) else None

    def _signature(self, data: bytes, count: bytes = b"") -> bytes:
        inner = _sha1(self._signing + _PAD_1 + len(data).to_bytes(4, "little") + data + count)
        return _md5(self._signing + _PAD_2 + inner)[:_SIGNATURE]


class FipsCipher:
    """Triple DES, one chain of blocks in each direction, and signatures of HMAC-SHA-1. [MS-RDPBCGR] 5.3.6.2."""

    header = FipsHeader

    def __init__(self, client_random: bytes, server_random: bytes, exchange: bytes, *, serving: bool = False) -> None:
        self.exchange = exchange
        client = _sha1(client_random[-16:] + server_random[-16:])
        server = _sha1(client_random[:16] + server_random[:16])
        self._signing = _sha1(server + client)
        self._sealing = _triple_des(server if serving else client, encrypting=True)
        self._opening = _triple_des(client if serving else server, encrypting=False)
        self._sealed = self._opened = 0

    def seal(self, flags: int, data: bytes) -> bytes:
        """The header and what is encrypted, padded to whole blocks."""
        padding = bytes(-len(data) % _BLOCK)
        w = Writer()
        FipsHeader(flags=flags, signature=self._signature(data, self._sealed), padding=len(padding)).write(w)
        w.raw(self._sealing.update(data + padding))
        self._sealed += 1
        return w.getvalue()

    def open(self, header: SignedHeader | FipsHeader, data: bytes) -> bytes | None:
        """The clear text without its padding; None where there are no whole blocks or the signature is another."""
        padding = header.padding if isinstance(header, FipsHeader) else 0
        if len(data) % _BLOCK:
            return None
        clear = self._opening.update(data)[: max(0, len(data) - padding)]
        count, self._opened = self._opened, self._opened + 1
        return clear if hmac.compare_digest(self._signature(clear, count), header.signature) else None

    def _signature(self, data: bytes, count: int) -> bytes:
        return hmac.new(self._signing, data + count.to_bytes(4, "little"), "sha1").digest()[:_SIGNATURE]


def expand_key(short: bytes) -> bytes:
    """A DES key of odd parity in every byte, from 20 bytes and the first of them again. [MS-RDPBCGR] 5.3.5.2."""
    bits = "".join(f"{byte:08b}"[::-1] for byte in short + short[:1])
    sevens = (bits[at : at + 7][::-1] for at in range(0, len(bits), 7))
    return bytes((value & 0x7E) | (value.bit_count() - (value & 1) + 1) % 2 for value in (int(s, 2) for s in sevens))


def _rc4(key: bytes) -> _Stream:
    from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
    from cryptography.hazmat.primitives.ciphers import Cipher as Primitive

    return Primitive(ARC4(key), mode=None).encryptor()


def _triple_des(short: bytes, *, encrypting: bool) -> _Stream:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher as Primitive
    from cryptography.hazmat.primitives.ciphers.modes import CBC

    made = Primitive(TripleDES(expand_key(short)), CBC(_FIPS_IV))
    return made.encryptor() if encrypting else made.decryptor()
