"""What the hellos of an enumeration offer: every suite, group and signature scheme that can be selected.

Lists begin with what servers in the field have, so that a server that follows the client's order is met at its best.
Groups and schemes are turned round from hello to hello of a chain: a server that follows the client shows another one
each time, which costs no connection.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from probe.handshake.client_hello import Offer, usual_offer
from probe.wire.iana import GROUPS, SIGNATURE_SCHEMES
from probe.wire.tls_suites import OLDER_SUITES, TLS13_SUITES, suite_name
from probe.wire.tls_version import SSL3, TLS12, TLS13

# Curves given by their equation are not groups that a client could offer for their own sake. RFC 8422 section 5.1.1.
_NO_GROUPS = (0xFF01, 0xFF02)
_COMMON_GROUPS = (0x001D, 0x0017, 0x0018, 0x001E, 0x0019)
_LIKELY_GROUPS = (
    *(0x11EC, 0x11EB, 0x11ED),
    *(0x0100, 0x0101, 0x0102, 0x0103, 0x0104),
    *(0x001A, 0x001B, 0x001C, 0x0016, 0x0015, 0x0013),
)
_FIRST_GROUPS = (*_COMMON_GROUPS, *_LIKELY_GROUPS)
ALL_GROUPS = (*_FIRST_GROUPS, *(code for code in GROUPS if code not in (*_FIRST_GROUPS, *_NO_GROUPS)))
# By the kind of key that makes them: each kind is turned round by itself, so that every server shows its own.
_RSA_SCHEMES = (0x0804, 0x0401, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201, 0x0301)
_EC_SCHEMES = (0x0403, 0x0503, 0x0603, 0x0203, 0x0303)
_OTHER_SCHEMES = (0x0807, 0x0808, 0x0809, 0x080A, 0x080B, 0x0402, 0x0202, 0x0101, 0x0103)
_FIRST_SCHEMES = (*_EC_SCHEMES, *_RSA_SCHEMES, *_OTHER_SCHEMES)
ALL_SCHEMES = (*_FIRST_SCHEMES, *(code for code in SIGNATURE_SCHEMES if code not in _FIRST_SCHEMES))
_FINITE_FIELDS = range(0x0100, 0x0200)  # RFC 8446 section 4.2.7

# Schemes of TLS 1.2 that the registry of TLS 1.3 does not name: a hash and a signature, RFC 5246 section 7.4.1.4.1.
_HASHES = {1: "md5", 2: "sha1", 3: "sha224", 4: "sha256", 5: "sha384", 6: "sha512"}
_SIGNATURES = {1: "rsa", 2: "dsa", 3: "ecdsa"}


_TURNED_SCHEMES = len(_EC_SCHEMES) + len(_RSA_SCHEMES)


def groups_of(version: int) -> tuple[int, ...]:
    """The groups that a version's key exchanges are asked for: up to TLS 1.2 those of ECDHE alone.

    A finite-field group that a server takes by RFC 7919 is seen as the Diffie-Hellman parameters that it is.
    """
    return ALL_GROUPS if version >= TLS13 else tuple(group for group in ALL_GROUPS if group not in _FINITE_FIELDS)


def scheme_name(code: int) -> str:
    """The registered name of a signature scheme; for an older pair its hash and signature, as "sha224_rsa"."""
    hashed, signed = _HASHES.get(code >> 8), _SIGNATURES.get(code & 0xFF)
    pair = f"{hashed}_{signed}" if hashed is not None and signed is not None else f"0x{code:04x}"
    return SIGNATURE_SCHEMES.get(code, pair)


@lru_cache(maxsize=8)
def all_suites(version: int) -> tuple[int, ...]:
    """Every suite that a version may select, the usual ones first."""
    usual = usual_offer(version).suites
    known = TLS13_SUITES if version >= TLS13 else OLDER_SUITES
    return (*usual, *(code for code in known if code not in usual))


@lru_cache(maxsize=4096)
def full_offer(version: int, suites: tuple[int, ...] | None = None, turn: int = 0) -> Offer:
    """An offer of everything, or of some suites with everything else. `turn` turns groups and schemes round."""
    return Offer(
        version=version,
        suites=all_suites(version) if suites is None else suites,
        groups=(*_turned(_COMMON_GROUPS, turn), *ALL_GROUPS[len(_COMMON_GROUPS) :]),
        schemes=(*_turned(_EC_SCHEMES, turn), *_turned(_RSA_SCHEMES, turn), *ALL_SCHEMES[_TURNED_SCHEMES:]),
        share=turn == 0,
        extras=SSL3 < version <= TLS12,
    )


@lru_cache(maxsize=8)
def whole_offer(version: int) -> Offer:
    """Every suite, group and scheme, and nothing else that the usual hello does not have.

    Where it is agreed to, nothing in it is a reason to turn a hello away: what is then refused of it is refused for
    what is missing. It has no key share, for hellos with few groups cannot have one.
    """
    return replace(full_offer(version), share=False, extras=False)


def _turned(codes: tuple[int, ...], turn: int) -> tuple[int, ...]:
    at = turn % len(codes)
    return codes[at:] + codes[:at]


def with_share(offer: Offer) -> Offer:
    """The same offer for a server that wants a key share at once."""
    x25519 = 0x001D
    return replace(offer, share=True, groups=(x25519, *(group for group in offer.groups if group != x25519)))


def is_ecdhe(suite: int) -> bool:
    """Whether its key exchange is on a group of supported_groups, up to TLS 1.2."""
    return any(kind in suite_name(suite) for kind in ("ECDHE_", "ECDH_anon"))


def is_signed(suite: int) -> bool:
    """Whether the server signs its key exchange, up to TLS 1.2."""
    words = suite_name(suite).removeprefix("TLS_").partition("_WITH_")[0].split("_")
    return words[0] in ("ECDHE", "DHE") and words[-1] in ("RSA", "ECDSA", "DSS")


@lru_cache(maxsize=1024)
def is_touchy(suite: int) -> bool:
    """Whether something on the way may turn a hello away for offering it at all: no encryption, or that for export."""
    return "_NULL" in suite_name(suite) or "_EXPORT" in suite_name(suite)
