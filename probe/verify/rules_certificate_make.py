"""What a policy may demand of how the certificates are made: keys, signatures, and what they are for."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Literal

import msgspec

from probe.language import _
from probe.result import Certificate, CertificateChain, Result
from probe.verify.leaves import Leaf, of_every_leaf
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
_TELLS_NO_DIGEST = "rsassapss"  # RFC 4055 section 3.1: the digest is a parameter, which a result does not hold


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
