"""What a policy may demand of how the certificates are made: keys, signatures, and what they are for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Literal

import msgspec

from probe.errors import InputError
from probe.language import _
from probe.result import Certificate, CertificateChain, Result
from probe.verify.leaves import Leaf, of_every_leaf
from probe.verify.meant import meant, quoted, wider
from probe.verify.rule import Finding, kind
from probe.verify.rules_certificate import NEEDS, unreadable

KeyType = Literal["RSA", "EC", "DSA", "Ed25519", "Ed448"]
KeyUsage = Literal[
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
]
_Patterns = Annotated[list[Annotated[str, msgspec.Meta(min_length=1)]], msgspec.Meta(min_length=1)]
# By the names that a result has for them, or dotted.
_Usage = Annotated[
    str,
    msgspec.Meta(
        pattern=(
            "^(serverAuth|clientAuth|codeSigning|emailProtection|timeStamping|OCSPSigning|remoteDesktopAuthentication"
            r"|anyExtendedKeyUsage|[0-2](\.[0-9]+)+)$"
        )
    ),
]
_CURVES = (256, 384, 521)  # bits of those that clients take
# Every signature that a result has a name for; another is dotted. Source: what the library and `audit` call them.
SIGNATURES = (
    *("md2WithRSAEncryption", "md4WithRSAEncryption", "md5WithRSAEncryption", "md5WithRSA", "sha1WithRSA"),
    *("sha1WithRSAEncryption", "sha224WithRSAEncryption", "sha256WithRSAEncryption", "sha384WithRSAEncryption"),
    *("sha512WithRSAEncryption", "rsassaPss", "ecdsa-with-SHA1", "ecdsa-with-SHA224", "ecdsa-with-SHA256"),
    *("ecdsa-with-SHA384", "ecdsa-with-SHA512", "dsa-with-sha1", "dsa-with-sha224", "dsa-with-sha256"),
    *("ed25519", "ed448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "GOST R 34.11-94 with GOST R 34.10-2001"),
    "GOST R 34.10-2012 with GOST R 34.11-2012 (256 bit)",
    "GOST R 34.10-2012 with GOST R 34.11-2012 (512 bit)",
)
_DOTTED = re.compile(r"[0-2*?]\.?[0-9.*?]*")  # a pattern of object identifiers
_TELLS_NO_DIGEST = "rsassapss"  # RFC 4055 section 3.1: the digest is a parameter, which a result does not hold


def _check_signatures(patterns: Sequence[str]) -> None:
    """Refuse a pattern that no signature fits: it would allow nothing, or forbid nothing. Raises InputError."""
    for pattern in patterns:
        if not (_DOTTED.fullmatch(pattern) or any(_fits(name, [pattern]) for name in SIGNATURES)):
            part = wider(pattern, SIGNATURES, digest=True)
            otherwise = "patterns are such as *sha256*, ecdsa-with-*; names such as sha256WithRSAEncryption"
            hint = f'did you mean "{part}"?' if part is not None else meant(pattern, SIGNATURES, otherwise)
            raise InputError(f"no signature is called {quoted(pattern)}", hint)


@kind(
    "certificate.key_types",
    Annotated[list[KeyType], msgspec.Meta(min_length=1)],
    says="The certificate's key is of one of these types.",
    example='["RSA", "EC"]',
    needs=NEEDS,
    words=lambda value: _("a key of type {types}", types=_(" or ").join(value)),
)
def key_types(value: list[str], result: Result) -> Finding:
    """RSA, EC and so on, as a result names them."""

    def judged(_chain: CertificateChain, leaf: Certificate) -> Leaf:
        if leaf.key is None:
            return unreadable(leaf)
        if leaf.key.type in value:
            message = _("the key is of type {type}", type=leaf.key.type)
            return Leaf(state="passed", message=message, observed=leaf.key.type)
        allowed = _(" or ").join(value)
        message = _("the key is of type {type}; allowed is {allowed}", type=leaf.key.type, allowed=allowed)
        change = next(
            (f"certificate.key={made}" for made in ("RSA-2048", "EC-256") if made.split("-")[0] in value), None
        )
        return Leaf(state="failed", message=message, observed=leaf.key.type, diagnosis="CERT_WEAK_KEY", change=change)

    return of_every_leaf(result, judged)


@kind(
    "certificate.min_rsa_bits",
    Annotated[int, msgspec.Meta(ge=512, le=16384)],
    says="An RSA key has so many bits or more. Keys of other types are not looked at.",
    example="2048",
    needs=NEEDS,
    words=lambda value: _("RSA keys of {bits} bits or more", bits=value),
)
def min_rsa_bits(value: int, result: Result) -> Finding:
    """The size of the modulus."""
    return _min_bits("RSA", value, f"certificate.key=RSA-{value}", result)


@kind(
    "certificate.min_ec_bits",
    Annotated[int, msgspec.Meta(ge=112, le=521)],
    says="A key on an elliptic curve has so many bits or more. Keys of other types are not looked at.",
    example="256",
    needs=NEEDS,
    words=lambda value: _("keys on curves of {bits} bits or more", bits=value),
)
def min_ec_bits(value: int, result: Result) -> Finding:
    """The size of the curve."""
    enough = next(bits for bits in _CURVES if bits >= value)
    return _min_bits("EC", value, f"certificate.key=EC-{enough}", result)


def _min_bits(of: str, least: int, change: str, result: Result) -> Finding:
    def judged(_chain: CertificateChain, leaf: Certificate) -> Leaf:
        key = leaf.key
        if key is None or (key.type == of and key.bits is None):
            return unreadable(leaf)
        if key.type != of:
            message = _("the key is of type {type}, not {of}", type=key.type, of=of)
            return Leaf(state="passed", message=message, observed=key.type)
        message = _("the {of} key has {bits} bits; at least {least} are required", of=of, bits=key.bits, least=least)
        observed = f"{key.type} {key.bits}"
        if (key.bits or 0) >= least:
            return Leaf(state="passed", message=message, observed=observed)
        return Leaf(state="failed", message=message, observed=observed, diagnosis="CERT_WEAK_KEY", change=change)

    return of_every_leaf(result, judged, forbids=True)


@kind(
    "certificate.allowed_signatures",
    _Patterns,
    says="The certificate's signature fits one of these patterns: *sha256*, ecdsa-with-*.",
    example='["*sha256*", "*sha384*", "*sha512*"]',
    needs=NEEDS,
    words=lambda value: _("signed with {patterns}", patterns=_(" or ").join(value)),
    validate=_check_signatures,
)
def allowed_signatures(value: list[str], result: Result) -> Finding:
    """Names are compared without regard to case: sha256WithRSAEncryption, ecdsa-with-SHA256."""

    def judged(_chain: CertificateChain, leaf: Certificate) -> Leaf:
        name = leaf.signature_algorithm
        if name is None:
            return unreadable(leaf)
        if _fits(name, value):
            return Leaf(state="passed", message=_("signed with {name}", name=name), observed=name)
        allowed = _(", ").join(value)
        message = _("signed with {name}; allowed are {allowed}", name=name, allowed=allowed)
        return Leaf(state="failed", message=message, observed=name, diagnosis="CERT_WEAK_SIGNATURE")

    return of_every_leaf(result, judged)


@kind(
    "certificate.forbidden_signatures",
    _Patterns,
    says="The certificate's signature fits none of these patterns: *sha1*, *md5*.",
    example='["*sha1*", "*md5*"]',
    needs=NEEDS,
    words=lambda value: _("not signed with {patterns}", patterns=_(", ").join(value)),
    validate=_check_signatures,
)
def forbidden_signatures(value: list[str], result: Result) -> Finding:
    """A name that leaves the digest open (RSASSA-PSS) proves nothing of it."""

    def judged(_chain: CertificateChain, leaf: Certificate) -> Leaf:
        name = leaf.signature_algorithm
        if name is None:
            return unreadable(leaf)
        if _fits(name, value):
            forbidden = _(", ").join(value)
            message = _("signed with {name}; forbidden are {forbidden}", name=name, forbidden=forbidden)
            return Leaf(state="failed", message=message, observed=name, diagnosis="CERT_WEAK_SIGNATURE")
        if name.casefold().replace("-", "") == _TELLS_NO_DIGEST:
            return Leaf(state="unknown", message=_("{name} does not tell its digest", name=name))
        return Leaf(state="passed", message=_("signed with {name}", name=name), observed=name)

    return of_every_leaf(result, judged, forbids=True)


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in patterns)


@kind(
    "certificate.extended_key_usage",
    Annotated[list[_Usage], msgspec.Meta(min_length=1)],
    says="The certificate names each of these extended key usages: serverAuth, or dotted where it has no name here.",
    example='["serverAuth"]',
    needs=NEEDS,
    words=lambda value: _("for {usages}", usages=_(", ").join(value)),
)
def extended_key_usage(value: list[str], result: Result) -> Finding:
    """RFC 5280 section 4.2.1.12; where the extension is absent, none is named."""
    return of_every_leaf(result, lambda _chain, leaf: _holds(value, leaf.extended_key_usage, leaf))


@kind(
    "certificate.key_usage",
    Annotated[list[KeyUsage], msgspec.Meta(min_length=1)],
    says="The certificate names each of these key usages.",
    example='["digitalSignature"]',
    needs=NEEDS,
    words=lambda value: _("for {usages}", usages=_(", ").join(value)),
)
def key_usage(value: list[str], result: Result) -> Finding:
    """RFC 5280 section 4.2.1.3; where the extension is absent, none is named."""
    return of_every_leaf(result, lambda _chain, leaf: _holds(value, leaf.key_usage, leaf))


def _holds(wanted: Sequence[str], held: Sequence[str] | None, leaf: Certificate) -> Leaf:
    if held is None and leaf.error is not None:
        return unreadable(leaf)
    lacking = [usage for usage in wanted if usage not in (held or ())]
    observed = _(", ").join(held or ()) or _("none")
    if not lacking:
        return Leaf(state="passed", message=_("it is for {usages}", usages=observed), observed=observed)
    message = _("it is for {usages}, and not for {lacking}", usages=observed, lacking=_(", ").join(lacking))
    return Leaf(state="failed", message=message, observed=observed, diagnosis="CERT_USAGE_UNSUITABLE")
