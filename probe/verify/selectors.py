"""What a policy means by "TLS_RSA_*", "class:cbc" or "x25519": sets of code points.

A selector is a registered name, a pattern of names with * for any text, or a class. Large and small letters are the
same. What a class holds follows from the names of the registry as `diagnosis.strength` reads them; the size of a
server's own Diffie-Hellman group, and what SSLv3 does to every CBC suite, are no traits of a suite: `tls.min_dh_bits`
and `tls.min_version` are about these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import lru_cache

from probe.diagnosis.strength import (
    NIST_CURVES,
    traits_of_suite,
    weakest,
    weaknesses_of_group,
    weaknesses_of_suite,
)
from probe.errors import InputError
from probe.needs import TrialKind
from probe.verify.meant import quoted, wider
from probe.wire.iana import GROUPS, SIGNATURE_SCHEMES
from probe.wire.ssl2 import CIPHER_KINDS
from probe.wire.tls_suites import OLDER_SUITES, TLS13_SUITES, suite_name

_CLASS = "class:"
_LONGEST = 100  # characters of a selector that are compared; names have less
_ALIKE, _A_SLIP = 0.5, 0.9  # how near a name must be to be meant; of the second there is no doubt
_REMEMBERED = 512  # selectors and lists of them; a policy has a few dozen
_ANY_VERSION = "TLSv1.2"  # in which nothing is said against a suite but what its name says
# Curves given by their equation are not offered for their own sake, RFC 8422 section 5.1.1.
_EXPLICIT = (0xFF01, 0xFF02)
_OF_TLS13 = ("MLKEM", "Kyber", "ffdhe", "tls13")  # groups with these in their names have no ECDHE up to TLS 1.2
# What other programs call them: OpenSSL, NIST, RFC 8422.
_ALSO = {
    "curve25519": "x25519",
    "curve448": "x448",
    **dict.fromkeys(("p-256", "p256", "prime256v1", "nistp256"), "secp256r1"),
    **dict.fromkeys(("p-384", "p384", "nistp384"), "secp384r1"),
    **dict.fromkeys(("p-521", "p521", "nistp521"), "secp521r1"),
    "aes128-sha": "TLS_RSA_WITH_AES_128_CBC_SHA",
    "aes256-sha": "TLS_RSA_WITH_AES_256_CBC_SHA",
    "des-cbc3-sha": "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "rc4-md5": "TLS_RSA_WITH_RC4_128_MD5",
    "rc4-sha": "TLS_RSA_WITH_RC4_128_SHA",
}
# Schemes of TLS 1.2 that the registry does not name: a hash and a signature, RFC 5246 section 7.4.1.4.1.
_OLDER_SCHEMES = tuple(
    f"{hashed}_{signed}"
    for hashed in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
    for signed in ("rsa", "dsa", "ecdsa")
)


def _weakness(kind: str) -> Callable[[str], bool]:
    return lambda name: any(each.kind == kind for each in weaknesses_of_suite(name, _ANY_VERSION))


def _trait(trait: str) -> Callable[[str], bool]:
    return lambda name: trait in traits_of_suite(name)


SUITE_CLASSES: dict[str, Callable[[str], bool]] = {
    "null": _weakness("null_encryption"),
    "anonymous": _weakness("anonymous"),
    "export": _weakness("export"),
    "rc4": _weakness("rc4"),
    "des": _weakness("des"),
    "3des": _trait("3des"),
    "cbc": _weakness("not_aead"),
    "md5": _weakness("md5_mac"),
    "sha1": _trait("sha1"),
    "static_rsa": _weakness("static_rsa"),
    "no_forward_secrecy": lambda name: "forward_secrecy" not in traits_of_suite(name),
    "short_tag": _weakness("short_tag"),
    "weak": lambda name: bool(weakest(weaknesses_of_suite(name, _ANY_VERSION))),
    "aead": _trait("aead"),
    "forward_secrecy": _trait("forward_secrecy"),
}
GROUP_CLASSES: dict[str, Callable[[str], bool]] = {
    "weak": lambda name: bool(weakest(weaknesses_of_group(name))),
    "post_quantum": lambda name: "MLKEM" in name or "Kyber" in name,
    "nist": lambda name: name in NIST_CURVES,
    "ffdhe": lambda name: name.startswith("ffdhe"),
}
# Every suite that a server can select, by its code point; the cipher kinds of SSL 2.0 have three bytes.
SUITES: dict[int, str] = {code: suite_name(code) for code in (*OLDER_SUITES, *TLS13_SUITES)} | CIPHER_KINDS
SELECTABLE_GROUPS: dict[int, str] = {code: name for code, name in GROUPS.items() if code not in _EXPLICIT}
SCHEMES: tuple[str, ...] = (*SIGNATURE_SCHEMES.values(), *_OLDER_SCHEMES)
_WORDS: dict[TrialKind, str] = {"suites": "cipher suite", "groups": "group"}
_NAMES: dict[TrialKind, Mapping[int, str]] = {"suites": SUITES, "groups": SELECTABLE_GROUPS}
_CLASSES: dict[TrialKind, Mapping[str, Callable[[str], bool]]] = {"suites": SUITE_CLASSES, "groups": GROUP_CLASSES}


def suites(selector: str) -> frozenset[int]:
    """The suites that a selector means, those of SSL 2.0 among them. Raises InputError where it means none."""
    return _selected("suites", selector)


def groups(selector: str) -> frozenset[int]:
    """The groups that a selector means. Raises InputError where it means none."""
    return _selected("groups", selector)


def check(selector: str, kind: TrialKind = "suites") -> None:
    """Raises InputError that names the nearest valid selector, where this one means nothing."""
    _selected(kind, selector)


def all_of(kind: TrialKind, selectors: Iterable[str]) -> frozenset[int]:
    """What any of the selectors means. Raises InputError where one means nothing."""
    return _all_of(kind, tuple(selectors))


def suites_in(version: str) -> frozenset[int]:
    """Every suite that can be selected in a version, by its name in a result."""
    return _SUITES_IN.get(version, _OLDER)


def groups_in(version: str) -> frozenset[int]:
    """Every group that can be asked for in a version: up to TLS 1.2 those of ECDHE, with SSL none."""
    if version.startswith("SSL"):
        return frozenset()
    return frozenset(SELECTABLE_GROUPS) if version == "TLSv1.3" else _ECDHE


def check_scheme(pattern: str) -> None:
    """Raises InputError that names the nearest signature scheme, where a pattern means none."""
    if not any(is_like(name, pattern) for name in SCHEMES):
        raise _unknown("signature scheme", pattern, SCHEMES)


def is_like(name: str, pattern: str) -> bool:
    """Whether a name is what a pattern with * describes; large and small letters are the same."""
    return fnmatchcase(name.casefold(), pattern.casefold().replace("[", "[[]"))


_SUITES_IN = {"SSLv2": frozenset(CIPHER_KINDS), "TLSv1.3": frozenset(TLS13_SUITES)}
_OLDER = frozenset(OLDER_SUITES)
_ECDHE = frozenset(code for code, name in SELECTABLE_GROUPS.items() if not any(each in name for each in _OF_TLS13))


@lru_cache(maxsize=_REMEMBERED)
def _all_of(kind: TrialKind, selectors: tuple[str, ...]) -> frozenset[int]:
    return frozenset[int]().union(*(_selected(kind, each) for each in selectors))


@lru_cache(maxsize=_REMEMBERED)
def _selected(kind: TrialKind, selector: str) -> frozenset[int]:
    names, classes = _NAMES[kind], _CLASSES[kind]
    folded = selector.casefold()
    if folded.startswith(_CLASS):
        belongs = classes.get(folded.removeprefix(_CLASS))
        found = frozenset(code for code, name in names.items() if belongs(name)) if belongs is not None else None
    else:
        found = frozenset(code for code, name in names.items() if is_like(name, selector))
    if not found:
        raise _unknown(_WORDS[kind], selector, (*names.values(), *(f"{_CLASS}{each}" for each in classes)))
    return found


def _unknown(what: str, selector: str, known: Iterable[str]) -> InputError:
    names = list(known)
    by_folded = {name.casefold(): name for name in names}
    kind = f"no {what} is called" if "*" in selector else f"unknown {what}"
    return InputError(f"{kind} {quoted(selector)}", _hint(selector[:_LONGEST], by_folded, names))


def _hint(selector: str, by_folded: Mapping[str, str], names: Sequence[str]) -> str:
    """A class, the name in another spelling, what holds this part, or the nearest name."""
    folded = selector.casefold()
    found = _ALSO.get(folded) or by_folded.get(f"{_CLASS}{folded}")
    found = found if found in names else None
    if found is None and not folded.startswith(_CLASS):
        plain = [name for name in names if not name.startswith(_CLASS)]
        found = wider(selector, plain) or _nearest(folded, by_folded, _A_SLIP)
        found = found or (wider(selector, plain, digest=True) if plain == [*SCHEMES] else None)
    found = found or _nearest(folded, by_folded, _ALIKE)
    if found is not None:
        return f'did you mean "{found}"?'
    return f"names are those of the IANA registry; others are: {', '.join(names[-3:])}"


def _nearest(folded: str, by_folded: Mapping[str, str], cutoff: float) -> str | None:
    return next((by_folded[each] for each in get_close_matches(folded, by_folded, n=1, cutoff=cutoff)), None)
