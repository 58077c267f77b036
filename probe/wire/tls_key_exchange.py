"""ServerKeyExchange up to TLS 1.2, and the parameters in it.

The message does not say what it holds: that follows from the cipher suite and version of the ServerHello.
Source: RFC 5246 section 7.4.3, RFC 8422 section 5.4, RFC 2246 appendix D.1 (export).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from probe.wire.cursor import Reader, Writer
from probe.wire.tls_suites import suite_name
from probe.wire.tls_version import TLS12


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerKeyExchange:
    """The server's share of a key exchange; `read_server_key_exchange` reads the parameters in it.

    Source: RFC 5246 section 7.4.3.
    """

    TYPE: ClassVar[int] = 12

    params: bytes

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Take everything."""
        return cls(params=r.rest())

    def write(self, w: Writer) -> None:
        w.raw(self.params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What proves that the parameters are the server's.

    Layout: [SignatureScheme u16, in TLS 1.2] | length u16 | signature.
    Source: RFC 5246 section 4.7 and 7.4.3.
    """

    scheme: int | None  # absent before TLS 1.2: MD5 with SHA-1 for RSA, SHA-1 for DSA and ECDSA
    value: bytes

    @classmethod
    def read(cls, r: Reader, version: int) -> Self:
        """Raises Truncated."""
        scheme = r.u16be("algorithm") if version >= TLS12 else None
        return cls(scheme=scheme, value=r.take(r.u16be("signature length"), "signature"))

    def write(self, w: Writer) -> None:
        if self.scheme is not None:
            w.u16be(self.scheme)
        w.u16be(len(self.value))
        w.raw(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """What all parameters share: a signature behind them, except in anonymous key exchanges."""

    signed: Signature | None

    @property
    def signature_scheme(self) -> int | None:
        """The scheme, or None before TLS 1.2 and where nothing is signed."""
        return None if self.signed is None else self.signed.scheme

    @property
    def signature(self) -> bytes | None:
        """The signature, or None where nothing is signed."""
        return None if self.signed is None else self.signed.value

    def _write_signature(self, w: Writer) -> None:
        if self.signed is not None:
            self.signed.write(w)


def _read_signature(r: Reader, version: int, *, anonymous: bool) -> Signature | None:
    return None if anonymous else Signature.read(r, version)


@dataclass(frozen=True, slots=True, kw_only=True)
class EcdheParameters(_Signed):
    """A point on a named curve.

    Layout: curve_type u8 = 3 | namedcurve u16 | point length u8 | point | [signature].
    Source: RFC 8422 section 5.4.
    """

    NAMED_CURVE: ClassVar[int] = 3

    group: int
    point: bytes

    @classmethod
    def read(cls, r: Reader, version: int, *, anonymous: bool = False) -> Self:
        """Raises Truncated or InvalidField."""
        r.expect("curve_type", r.u8("curve_type"), cls.NAMED_CURVE)
        return cls(
            group=r.u16be("namedcurve"),
            point=r.take(r.u8("point length"), "point"),
            signed=_read_signature(r, version, anonymous=anonymous),
        )

    def write(self, w: Writer) -> None:
        w.u8(self.NAMED_CURVE)
        w.u16be(self.group)
        w.u8(len(self.point))
        w.raw(self.point)
        self._write_signature(w)


@dataclass(frozen=True, slots=True, kw_only=True)
class DheParameters(_Signed):
    """A Diffie-Hellman group that the server chose, and its public value.

    Layout: p length u16 | p | g length u16 | g | Ys length u16 | Ys | [signature].
    Source: RFC 5246 section 7.4.3.
    """

    p: bytes
    g: bytes
    ys: bytes

    @classmethod
    def read(cls, r: Reader, version: int, *, anonymous: bool = False) -> Self:
        """Raises Truncated."""
        return cls(
            p=r.take(r.u16be("dh_p length"), "dh_p"),
            g=r.take(r.u16be("dh_g length"), "dh_g"),
            ys=r.take(r.u16be("dh_Ys length"), "dh_Ys"),
            signed=_read_signature(r, version, anonymous=anonymous),
        )

    def write(self, w: Writer) -> None:
        for number in (self.p, self.g, self.ys):
            w.u16be(len(number))
            w.raw(number)
        self._write_signature(w)

    @property
    def bits(self) -> int:
        """Size of the group in bits; leading zeros do not count."""
        return int.from_bytes(self.p, "big").bit_length()


@dataclass(frozen=True, slots=True, kw_only=True)
class RsaExportParameters(_Signed):
    """A short-lived RSA key, where the suite forbids the certificate's because it is too long.

    Layout: modulus length u16 | modulus | exponent length u16 | exponent | signature.
    Source: RFC 2246 section 7.4.3 and appendix D.1.
    """

    modulus: bytes
    exponent: bytes

    @classmethod
    def read(cls, r: Reader, version: int) -> Self:
        """Raises Truncated."""
        return cls(
            modulus=r.take(r.u16be("rsa_modulus length"), "rsa_modulus"),
            exponent=r.take(r.u16be("rsa_exponent length"), "rsa_exponent"),
            signed=Signature.read(r, version),
        )

    def write(self, w: Writer) -> None:
        for number in (self.modulus, self.exponent):
            w.u16be(len(number))
            w.raw(number)
        self._write_signature(w)

    @property
    def bits(self) -> int:
        """Size of the key in bits; leading zeros do not count."""
        return int.from_bytes(self.modulus, "big").bit_length()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownKeyExchange:
    """Parameters of a key exchange without a layout here: PSK, SRP, GOST, curves given by their equation."""

    body: bytes

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Take everything."""
        return cls(body=r.rest())

    def write(self, w: Writer) -> None:
        w.raw(self.body)


KeyExchange = EcdheParameters | DheParameters | RsaExportParameters | UnknownKeyExchange


def key_exchange_of(cipher_suite: int) -> str:
    """The key exchange that a suite's registered name states, as "ECDHE_RSA"; "" where it states none (TLS 1.3)."""
    method, separator, _ = suite_name(cipher_suite).removeprefix("TLS_").partition("_WITH_")
    return method if separator else ""


def read_server_key_exchange(body: bytes, version: int, key_exchange: str) -> KeyExchange:
    """The parameters in a ServerKeyExchange, read as `key_exchange` says: see `key_exchange_of`.

    Raises Truncated or InvalidField.
    """
    r = Reader(body, "ServerKeyExchange")
    parameters = _read_parameters(r, version, key_exchange)
    r.end()
    return parameters


def _read_parameters(r: Reader, version: int, key_exchange: str) -> KeyExchange:
    words = key_exchange.split("_")
    anonymous = "anon" in words
    if not {"PSK", "SRP", "KRB5"}.isdisjoint(words):  # other fields come first
        return UnknownKeyExchange.read(r)
    if words[0] == "ECDHE" or (words[0] == "ECDH" and anonymous):
        named = r.peek(1) in (b"", bytes([EcdheParameters.NAMED_CURVE]))
        return EcdheParameters.read(r, version, anonymous=anonymous) if named else UnknownKeyExchange.read(r)
    if words[0] == "DHE" or (words[0] == "DH" and anonymous):
        return DheParameters.read(r, version, anonymous=anonymous)
    if words[0] == "RSA":
        return RsaExportParameters.read(r, version)
    return UnknownKeyExchange.read(r)
