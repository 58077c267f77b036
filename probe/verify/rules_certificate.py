"""What a policy may demand of the certificates: whether they are trusted, for which names, and for how long.

A demand holds for the server's own certificate in every chain that is served. What is forbidden is not there where no
certificate is; everything else fails there.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Annotated

import msgspec

from probe.diagnosis.certificates import moment
from probe.diagnosis.stored import stored
from probe.language import _
from probe.needs import Needs
from probe.result import Certificate, CertificateChain, Result
from probe.verify.leaves import Leaf, leaves, of_every_leaf, uncovered
from probe.verify.rule import Finding, kind
from probe.verify.seen import OVER_TLS, VERSIONS, no_tls, not_known

NEEDS = Needs(protocols=frozenset(OVER_TLS), versions=frozenset(VERSIONS), certificates=True)
_DAY = timedelta(days=1)
_MOST_NAMES = 200  # of a certificate that a result holds
_COMMON_NAME = re.compile(r"(?:^|[,+])CN=((?:\\.|[^,+\\])*)")  # RFC 4514, as a result holds a subject
_DISTRUSTED = {
    "self_signed": "CERT_SELF_SIGNED",
    "untrusted": "CERT_UNTRUSTED",
    "chain_incomplete": "CERT_CHAIN_INCOMPLETE",
}


def demanded(value: bool, words: str, otherwise: str) -> str:
    """A demand that something is so, or that it is not."""
    return words if value else otherwise


@kind(
    "certificate.trusted",
    bool,
    says=(
        "A path leads from the certificate to a root that this computer (or --ca-file) trusts; false: none does."
        " Its name and its dates have keys of their own."
    ),
    example="true",
    needs=NEEDS,
    words=lambda value: demanded(value, _("a trusted certificate"), _("no trusted certificate")),
)
def trusted(value: bool, result: Result) -> Finding:
    """The verdict of the trust store, where it is one."""

    def judged(chain: CertificateChain, _leaf: Certificate) -> Leaf:
        trust = chain.trust
        if trust is None or trust.verdict == "unknown":
            why = stored(trust.reason) if trust is not None and trust.reason else _("not judged")
            return Leaf(state="unknown", message=_("whether the certificate is trusted is not known: {why}", why=why))
        if trust.verdict == "trusted":
            message = _("the certificate is trusted")
            return Leaf(state="passed" if value else "failed", message=message, observed=trust.verdict)
        said = {
            "self_signed": _("the certificate is self-signed"),
            "untrusted": _("the certificate is not trusted"),
            "chain_incomplete": _("the issuer of the certificate is not known here"),
        }[trust.verdict]
        if not value:
            return Leaf(state="passed", message=said, observed=trust.verdict)
        return Leaf(
            state="failed",
            message=_("{said}; it must be trusted", said=said),
            observed=trust.verdict,
            diagnosis=_DISTRUSTED[trust.verdict],
            change="certificate=trusted",
        )

    return of_every_leaf(result, judged, forbids=not value)


@kind(
    "certificate.self_signed",
    bool,
    says="The certificate is its own issuer (true), or it is not (false).",
    example="false",
    needs=NEEDS,
    words=lambda value: demanded(value, _("a self-signed certificate"), _("no self-signed certificate")),
)
def self_signed(value: bool, result: Result) -> Finding:
    """Whether its own key signed it."""

    def judged(_chain: CertificateChain, leaf: Certificate) -> Leaf:
        if leaf.self_signed is None:
            return Leaf(state="unknown", message=_("whether the certificate is self-signed is not known"))
        message = _("the certificate is not self-signed")
        if leaf.self_signed:
            message = _("the certificate is self-signed")
        observed = _("self-signed") if leaf.self_signed else _("not self-signed")
        if leaf.self_signed == value:
            return Leaf(state="passed", message=message, observed=observed)
        return Leaf(
            state="failed",
            message=message,
            observed=observed,
            diagnosis="CERT_SELF_SIGNED" if leaf.self_signed else None,
            change="certificate=self_signed" if value else "certificate=trusted",
        )

    return of_every_leaf(result, judged, forbids=not value)


@kind(
    "certificate.name_match",
    bool,
    says="The certificate holds the name that was asked for (--server-name, or the target); false: it does not.",
    example="true",
    needs=NEEDS,
    words=lambda value: demanded(
        value, _("a certificate for the name asked for"), _("no certificate for the name asked for")
    ),
)
def name_match(value: bool, result: Result) -> Finding:
    """An address is only compared with addresses, and most certificates hold none."""
    asked = result.target.server_name or result.target.host

    def judged(chain: CertificateChain, leaf: Certificate) -> Leaf:
        if chain.name_match is None:
            why = _("its names cannot be compared with {asked}; --server-name gives the name to look for", asked=asked)
            return Leaf(state="unknown", message=why)
        names = _(", ").join(leaf.names or common_names(leaf)) or _("none")
        if chain.name_match:
            message = _("the certificate is for {asked}", asked=asked)
            return Leaf(state="passed" if value else "failed", message=message, observed=names)
        message = _("the certificate is not for {asked}", asked=asked)
        if not value:
            return Leaf(state="passed", message=message, observed=names)
        return Leaf(state="failed", message=message, observed=names, diagnosis="CERT_NAME_MISMATCH")

    return of_every_leaf(result, judged, forbids=not value)


@kind(
    "certificate.names",
    Annotated[list[str], msgspec.Meta(min_length=1)],
    says="The certificate is for each of these names and addresses; a wildcard in it counts.",
    example='["srv1.example"]',
    needs=NEEDS,
    words=lambda value: _("a certificate for {names}", names=_(", ").join(value)),
)
def names(value: list[str], result: Result) -> Finding:
    """Its alternative names, or where it has none its common names, as RFC 6125 section 6.4 compares them."""

    def judged(_chain: CertificateChain, leaf: Certificate) -> Leaf:
        if leaf.error is not None:
            return unreadable(leaf)
        held = leaf.names or common_names(leaf)
        lacking = [name for name in value if not any(_is_for(pattern, name) for pattern in held)]
        observed = _(", ").join(held) or _("none")
        if not lacking:
            message = _("the certificate is for {names}", names=_(", ").join(value))
            return Leaf(state="passed", message=message, observed=observed)
        if len(held) >= _MOST_NAMES:
            return Leaf(state="unknown", message=_("the certificate has more names than are kept"))
        message = _("the certificate is not for {names}", names=_(", ").join(lacking))
        return Leaf(state="failed", message=message, observed=observed, diagnosis="CERT_NAME_MISMATCH")

    return of_every_leaf(result, judged)


@kind(
    "certificate.min_days_left",
    Annotated[int, msgspec.Meta(ge=0, le=36500)],
    says="The certificate is valid, and for so many whole days more, counted from when the server was asked.",
    example="30",
    needs=NEEDS,
    words=lambda value: _("at least {days} days left", days=value),
)
def min_days_left(value: int, result: Result) -> Finding:
    """Counted from the start of the audit, so that a stored result says today what it said then."""

    def judged(chain: CertificateChain, leaf: Certificate) -> Leaf:
        left = _days_left(chain, leaf, result.started)
        since, now = moment(leaf.not_before), moment(result.started)
        if left is None or since is None or now is None:
            return Leaf(state="unknown", message=_("when the certificate is valid could not be read"))
        observed = _days(left)
        if since > now:
            message = _("the certificate is not valid before {begin}", begin=leaf.not_before)
            return Leaf(state="failed", message=message, observed=observed, diagnosis="CERT_NOT_YET_VALID")
        if left < 0:
            message = _(
                "the certificate ended on {end}; at least {least} days must be left", end=leaf.not_after, least=value
            )
            return Leaf(state="failed", message=message, observed=observed, diagnosis="CERT_EXPIRED")
        message = _("{days} left; at least {least} are required", days=observed, least=value)
        if left >= value:
            return Leaf(state="passed", message=message, observed=observed)
        return Leaf(state="failed", message=message, observed=observed, diagnosis="CERT_EXPIRES_SOON")

    return of_every_leaf(result, judged)


@kind(
    "certificate.max_days_valid",
    Annotated[int, msgspec.Meta(ge=1, le=36500)],
    says="The certificate is valid for so many days at most, from its first moment to its last.",
    example="398",
    needs=NEEDS,
    words=lambda value: _("valid for at most {days} days", days=value),
)
def max_days_valid(value: int, result: Result) -> Finding:
    """From notBefore to notAfter."""

    def judged(_chain: CertificateChain, leaf: Certificate) -> Leaf:
        since, until = moment(leaf.not_before), moment(leaf.not_after)
        if since is None or until is None:
            return Leaf(state="unknown", message=_("when the certificate is valid could not be read"))
        lasts = math.ceil((until - since) / _DAY)
        message = _("the certificate is valid for {days}; at most {most} are allowed", days=_days(lasts), most=value)
        return Leaf(
            state="passed" if until - since <= value * _DAY else "failed",
            message=message,
            observed=_days(lasts),
        )

    return of_every_leaf(result, judged)


@kind(
    "certificate.spki_sha256",
    Annotated[list[Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{64}$")]], msgspec.Meta(min_length=1)],
    says="The certificate's public key is one of these: the SHA-256 of its SubjectPublicKeyInfo, in hexadecimal.",
    example='["2f61f9d2b5a5e5a6f27e36d9d5a6c5b0b8d5d1f4e6a1c3b2d4f5a6b7c8d9e0f1"]',
    needs=NEEDS,
    words=lambda _value: _("a pinned public key"),
)
def spki_sha256(value: list[str], result: Result) -> Finding:
    """A pin survives a renewal that keeps the key."""
    pinned = {pin.lower() for pin in value}

    def judged(_chain: CertificateChain, leaf: Certificate) -> Leaf:
        if leaf.spki_sha256 is None:
            return unreadable(leaf)
        if leaf.spki_sha256.lower() in pinned:
            return Leaf(state="passed", message=_("the public key is pinned"), observed=leaf.spki_sha256)
        message = _("the public key is not one of those that are pinned")
        return Leaf(state="failed", message=message, observed=leaf.spki_sha256)

    return of_every_leaf(result, judged)


@kind(
    "certificate.same_everywhere",
    bool,
    says="One certificate is served to every connection (true), or several are (false).",
    example="true",
    needs=NEEDS,
    words=lambda value: demanded(value, _("one certificate everywhere"), _("several certificates")),
)
def same_everywhere(value: bool, result: Result) -> Finding:
    """Several are proved by two; that there is one alone needs an answer in every version."""
    served = {leaf.sha256: leaf for _chain, leaf in leaves(result)}
    observed = _("one certificate") if len(served) == 1 else _("{count} certificates", count=len(served))
    if len(served) > 1:
        evidence = tuple(
            _("{version}: SHA-256 {sha256}", version=_(", ").join(chain.served_to) or "?", sha256=leaf.sha256)
            for chain, leaf in leaves(result)
        )
        message = _("{count} different certificates are served", count=len(served))
        state, diagnosis = ("failed", "CERT_VARIES") if value else ("passed", None)
        return Finding(
            state="failed" if state == "failed" else "passed",
            message=message,
            observed=observed,
            evidence=evidence,
            diagnosis=diagnosis,
        )
    if not served and no_tls(result) is not None:
        message = _("no certificate is served")
        return Finding(state="passed" if value else "failed", message=message, observed=_("none"))
    why = uncovered(result)
    if why is not None:
        return not_known(why)
    message = _("the same certificate is served to every version")
    return Finding(state="passed" if value else "failed", message=message, observed=observed)


def unreadable(leaf: Certificate) -> Leaf:
    """What a certificate comes to where the field that matters could not be read."""
    why = leaf.error or _("a field is missing")
    return Leaf(state="unknown", message=_("the certificate could not be read: {why}", why=why))


def common_names(leaf: Certificate) -> list[str]:
    """The common names in its subject."""
    return [re.sub(r"\\(.)", r"\1", name) for name in _COMMON_NAME.findall(leaf.subject or "")]


def _days(count: int) -> str:
    return _("1 day") if count == 1 else _("{days} days", days=count)


def _is_for(pattern: str, name: str) -> bool:
    """RFC 6125 section 6.4.3: a wildcard only as the whole left-most label, for one label."""
    pattern, name = pattern.rstrip(".").casefold(), name.rstrip(".").casefold()
    if not pattern.startswith("*.") or pattern == name:
        return pattern == name
    label, _dot, rest = name.partition(".")
    return bool(label) and "*" not in name and rest == pattern[2:] and "." in rest


def _days_left(chain: CertificateChain, leaf: Certificate, started: str) -> int | None:
    """Whole days; results of earlier releases lack them."""
    if chain.days_left is not None:
        return chain.days_left
    until, now = moment(leaf.not_after), moment(started)
    return None if until is None or now is None else (until - now) // _DAY
