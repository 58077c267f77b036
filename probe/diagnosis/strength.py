"""What is weak in TLS, and who says so: pure functions from the names in a result to the reasons.

Weak: somebody can read, alter or impersonate, or could later read what was recorded, and the source forbids it or
advises against it for that. Dated: the source recommends something better, and no attack on it is known that a
careful implementation lets through. Names that are not known give no reasons: nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from probe.language import _
from probe.result import CipherSuite

Level = Literal["weak", "dated"]

_MOST_REMEMBERED = 512  # suites; a server may name many that nobody knows
_LEAST_DH_BITS = 2048  # RFC 9325 section 4.5
_LEAST_CURVE_BITS = 224  # RFC 9325 section 4.5
_BCP, _KEY_EXCHANGE = "RFC 9325 4.1", "RFC 9325 4.1, RFC 10015"


@dataclass(frozen=True, slots=True)
class Weakness:
    """One reason not to use something.

    `kind` is for programs and stays as it is, `words` are for people, `source` names a document and its section.
    """

    kind: str
    words: str
    source: str
    level: Level = "weak"

    def __str__(self) -> str:
        return f"{_(self.words)} ({self.source})"


NULL_ENCRYPTION = Weakness("null_encryption", "no encryption", _BCP)
ANONYMOUS = Weakness("anonymous", "anonymous, anyone can stand in between", "RFC 5246 A.5")
EXPORT = Weakness("export", "export grade, 40 or 56 bits", _BCP)
DES = Weakness("des", "DES", "RFC 5469, RFC 9325 4.1")
RC4 = Weakness("rc4", "RC4", "RFC 7465")
RC2 = Weakness("rc2", "RC2, with MD5, of SSLv2", "RFC 6176 2")
# SWEET32, CVE-2016-2183
BLOCKS_OF_64 = Weakness("blocks_of_64_bits", "64-bit blocks, as 3DES has them", "NIST SP 800-52r2 3.3.1")
POODLE = Weakness("sslv3_cbc", "CBC in SSLv3, POODLE", "RFC 7568 4.1")
SHORT_DH = Weakness("short_dh", "DH under 2048 bits", "RFC 9325 4.5")
STATIC_RSA = Weakness("static_rsa", "static RSA, no forward secrecy", _KEY_EXCHANGE)
STATIC_DH = Weakness("static_dh", "static DH, no forward secrecy", _KEY_EXCHANGE)
STATIC_ECDH = Weakness("static_ecdh", "static ECDH, no forward secrecy", _KEY_EXCHANGE)
STATIC_SECRET = Weakness("static_secret", "a shared secret alone, no forward secrecy", _BCP)
MD5_MAC = Weakness("md5_mac", "MD5 MAC", "RFC 6151 2.3")
NOT_AEAD = Weakness("not_aead", "CBC, not AEAD", "RFC 9325 4.2", "dated")
SHORT_TAG = Weakness("short_tag", "a tag of 64 bits", "RFC 8447 8", "dated")
FINITE_FIELD = Weakness("finite_field_dh", "finite-field DH", _KEY_EXCHANGE, "dated")

NIST_CURVES = ("secp256r1", "secp384r1", "secp521r1")  # those that RFC 8422 section 5.1.1 left

SSL2 = Weakness("sslv2", "prohibited", "RFC 6176")
SSL3 = Weakness("sslv3", "prohibited", "RFC 7568")
OLD_TLS = Weakness("old_tls", "withdrawn", "RFC 8996")

SMALL_CURVE = Weakness("small_curve", "curve under 224 bits", "RFC 9325 4.5")
EXPLICIT_CURVE = Weakness("explicit_curve", "parameters made up by the peer", "RFC 8422 5.1.1")
RETIRED_CURVE = Weakness("retired_curve", "retired curve", "RFC 8422 5.1.1", "dated")
DRAFT_GROUP = Weakness("draft_group", "of a draft that was replaced", "IANA TLS Supported Groups", "dated")

MD5_SIGNATURE = Weakness("md5_signature", "MD5 signature", "RFC 9155 4")
SHA1_SIGNATURE = Weakness("sha1_signature", "SHA-1 signature", "RFC 9155 4")

_VERSIONS = {"SSLv2": SSL2, "SSLv3": SSL3, "TLSv1.0": OLD_TLS, "TLSv1.1": OLD_TLS}
# What it means that a feature is there (True) or was asked for and is not (False).
_FEATURES: dict[tuple[str, bool], Weakness] = {
    ("secure_renegotiation", False): Weakness(
        "no_secure_renegotiation", "others can put data before a session", "RFC 5746, RFC 9325 3.5"
    ),
    ("extended_master_secret", False): Weakness(
        "no_extended_master_secret", "sessions can be spliced", "RFC 7627, RFC 9325 3.5"
    ),
    ("compression", True): Weakness("compression", "CRIME", "RFC 9325 3.3"),
    ("encrypt_then_mac", False): Weakness(
        "no_encrypt_then_mac", "CBC suites go without it", "RFC 7366, RFC 9325 4.2", "dated"
    ),
    ("downgrade_sentinel", False): Weakness("no_downgrade_sentinel", "downgrades go unnoticed", "RFC 8446 4.1.3"),
}


@dataclass(frozen=True, slots=True)
class _Suite:
    """The parts of a suite's name: how keys are exchanged, and what protects the data."""

    exchange: frozenset[str]
    cipher: frozenset[str]
    version: str
    dh_bits: int | None

    def ciphers(self, *names: str) -> bool:
        return not self.cipher.isdisjoint(names)

    def exchanges(self, *names: str) -> bool:
        return not self.exchange.isdisjoint(names)


def _is_null(suite: _Suite) -> bool:
    """TLS_SHA256_SHA256 and TLS_SHA384_SHA384 authenticate only, RFC 9150."""
    return suite.ciphers("NULL") or suite.cipher in ({"SHA256"}, {"SHA384"})


def _is_anonymous(suite: _Suite) -> bool:
    return suite.exchanges("anon", "NULL")


def _is_export(suite: _Suite) -> bool:
    return suite.exchanges("EXPORT", "EXPORT1024") or suite.ciphers("EXPORT40", "DES40")


def _is_static(suite: _Suite, keys: Iterable[str]) -> bool:
    return suite.exchanges(*keys) and not suite.exchanges("DH", "DHE", "ECDH", "ECDHE", "SRP")


# Worst first: the first is what a reader is told where there is room for one.
_SUITES: tuple[tuple[Weakness, Callable[[_Suite], bool]], ...] = (
    (NULL_ENCRYPTION, _is_null),
    (ANONYMOUS, _is_anonymous),
    (EXPORT, _is_export),
    (DES, lambda suite: suite.ciphers("DES", "DES40") and not suite.ciphers("EDE3")),
    (RC4, lambda suite: suite.ciphers("RC4")),
    (RC2, lambda suite: suite.ciphers("RC2") and not _is_export(suite)),
    (SHORT_DH, lambda suite: suite.dh_bits is not None and suite.dh_bits < _LEAST_DH_BITS),
    (POODLE, lambda suite: suite.version == "SSLv3" and suite.ciphers("CBC")),
    (BLOCKS_OF_64, lambda suite: suite.ciphers("3DES", "EDE3", "IDEA", "28147", "MAGMA")),
    (STATIC_RSA, lambda suite: _is_static(suite, ("RSA",))),
    (STATIC_DH, lambda suite: suite.exchanges("DH") and not suite.exchanges("anon")),
    (STATIC_ECDH, lambda suite: suite.exchanges("ECDH") and not suite.exchanges("anon")),
    (STATIC_SECRET, lambda suite: _is_static(suite, ("PSK", "KRB5")) and not suite.exchanges("RSA")),
    (MD5_MAC, lambda suite: suite.ciphers("MD5")),
    (FINITE_FIELD, lambda suite: suite.exchanges("DHE")),
    (NOT_AEAD, lambda suite: suite.ciphers("CBC")),
    (SHORT_TAG, lambda suite: {"CCM", "8"} <= suite.cipher),
)

# SRP, ECCPWD and ECJPAKE agree on a fresh key by a password: RFC 5054, RFC 8492, draft-cragie-tls-ecjpake.
_FRESH = ("DHE", "ECDHE", "SRP", "ECCPWD", "ECJPAKE")
_TRAITS: dict[str, Callable[[_Suite], bool]] = {
    "3des": lambda suite: suite.ciphers("3DES", "EDE3"),
    "sha1": lambda suite: suite.ciphers("SHA"),
    "aead": lambda suite: suite.ciphers("GCM", "CCM", "POLY1305", "MGM", "AEGIS"),
    # TLS 1.3 names no key exchange, RFC 8446; its GOST suites do, and are those with MGM, RFC 9367. Those before
    # encrypt to the server's lasting key, RFC 9189 section 4.2.4.
    "forward_secrecy": lambda suite: suite.exchanges(*_FRESH, "anon", "") or suite.ciphers("MGM"),
}


@lru_cache(maxsize=_MOST_REMEMBERED)
def weaknesses_of_suite(name: str, version: str, dh_bits: int | None = None) -> tuple[Weakness, ...]:
    """The reasons against a cipher suite, worst first.

    `name` is of the IANA registry, or SSLv2's own (SSL_CK_…); `version` as in a result ("TLSv1.2"), because SSLv3
    breaks what later versions do not; `dh_bits` the size of the Diffie-Hellman group that came with it.
    """
    suite = _suite(name, version, dh_bits)
    return tuple(weakness for weakness, is_so in _SUITES if is_so(suite)) if suite is not None else ()


def _suite(name: str, version: str, dh_bits: int | None) -> _Suite | None:
    scheme, _, rest = name.partition("_")
    if scheme == "TLS" and not rest.endswith("SCSV"):
        exchange, has_exchange, cipher = rest.partition("_WITH_")
        if not has_exchange:  # TLS 1.3 names the cipher alone; and TLS_SHA256_SHA256
            exchange, cipher = "", rest
        exchanged, protected = exchange.split("_"), cipher.split("_")
    elif name.startswith("SSL_CK_"):
        exchanged, protected = ["RSA"], rest.split("_")
    else:
        return None
    return _Suite(frozenset(exchanged), frozenset(protected), version, dh_bits)


@lru_cache(maxsize=_MOST_REMEMBERED)
def traits_of_suite(name: str) -> frozenset[str]:
    """What a suite has, good or bad, by its name as for `weaknesses_of_suite`; nothing where the name is not known.

    "3des", "sha1" (its MAC, RFC 5246 appendix A.5), "aead", and "forward_secrecy": who records today and steals the
    server's key tomorrow reads nothing.
    """
    suite = _suite(name, "TLSv1.2", None)
    return frozenset(trait for trait, has in _TRAITS.items() if has(suite)) if suite is not None else frozenset()


def weak_suites(suites: Iterable[CipherSuite], version: str) -> dict[Weakness, list[CipherSuite]]:
    """The suites of one version that are weak, by the worst reason against each; worst reasons first."""
    found: dict[Weakness, list[CipherSuite]] = {}
    for suite in suites:
        for weakness in weakest(weaknesses_of_suite(suite.name, version, suite.dh_bits)):
            found.setdefault(weakness, []).append(suite)
    return {weakness: found[weakness] for weakness, _is_so in _SUITES if weakness in found}


def weakest(weaknesses: Iterable[Weakness]) -> tuple[Weakness, ...]:
    """The first of them that is weak and not merely dated, or nothing."""
    return tuple(weakness for weakness in weaknesses if weakness.level == "weak")[:1]


def weaknesses_of_version(version: str) -> tuple[Weakness, ...]:
    """The reason against a protocol version, by its name in a result."""
    return _if_any(_VERSIONS.get(version))


def weaknesses_of_group(name: str) -> tuple[Weakness, ...]:
    """The reasons against a group for key exchange, by its registered name."""
    if name.startswith("arbitrary_explicit_"):
        return (EXPLICIT_CURVE,)
    if "Kyber" in name:
        return (DRAFT_GROUP,)
    found = re.fullmatch(r"(sec[pt]|ffdhe)([0-9]{1,5})([kr][12])?", name)
    if found is None:
        return ()
    family, bits = found[1], int(found[2])
    if family == "ffdhe":
        return weaknesses_of_dh(bits)
    if bits < _LEAST_CURVE_BITS:
        return (SMALL_CURVE,)
    return () if name in NIST_CURVES else (RETIRED_CURVE,)


def weaknesses_of_dh(bits: int) -> tuple[Weakness, ...]:
    """The reason against Diffie-Hellman parameters, by the size of the prime in bits."""
    return (SHORT_DH,) if bits < _LEAST_DH_BITS else ()


def weaknesses_of_signature(name: str) -> tuple[Weakness, ...]:
    """The reason against a signature scheme, by its registered name (or its hash and key: "sha1_dsa")."""
    parts = name.lower().split("_")
    return tuple(_holds(parts, (("md5", MD5_SIGNATURE), ("sha1", SHA1_SIGNATURE))))


def weaknesses_of_feature(name: str, present: bool | None) -> tuple[Weakness, ...]:
    """The reason against a field of `TlsFeatures` being as it is; none where it was not asked for."""
    return _if_any(_FEATURES.get((name, present))) if present is not None else ()


def _holds(parts: list[str], known: Iterable[tuple[str, Weakness]]) -> Iterator[Weakness]:
    yield from (weakness for part, weakness in known if part in parts)


def _if_any(weakness: Weakness | None) -> tuple[Weakness, ...]:
    return () if weakness is None else (weakness,)
