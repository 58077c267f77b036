"""Whether a path leads from a certificate to a root of a trust store.

That and nothing else: the name, the usage and the time of the leaf have diagnoses of their own, so a leaf that has
expired is judged as of a time when it was valid. `cryptography.x509.verification` judges; a walk of our own from
issuer to issuer then says what is amiss, and decides where the library refuses an algorithm before it looks at the
path: SHA-1, keys under 2048 bits, Ed25519, version 1.

A hostile chain cannot make this slow: each certificate is walked through once, signatures are counted, and the library
counts its own.
"""

from __future__ import annotations

import re
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from probe.audit.certificate_der import parse
from probe.audit.certificate_signature import self_signed as signed_itself
from probe.audit.certificate_signature import signed_by
from probe.result import Trust

if TYPE_CHECKING:
    from cryptography import x509

_LONGEST_PATH = 10  # certificates, leaf and root included
_MOST_SIGNATURES = 40  # checked in one walk
_MOST_SAID = 3  # reasons of one kind that are told
_NO_SIGNER = "may not sign certificates by its key usage"
_LONGEST_NAME = 200  # characters of a name that are told
_PLAIN_RSA_BITS, _LEAST_RSA_BITS = 2048, 1024  # below the first the library refuses; below the second we do
_Verdict = Literal["trusted", "untrusted", "chain_incomplete", "unknown"]
_LIBRARY_FRAME = re.compile(r"^validation failed: |candidates exhausted: | \(encountered processing .*\)$", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Roots:
    """The certificates that are trusted, and where they are from."""

    store: str  # "system", "certifi", or the file that the user named
    file: str | None = None  # where the store is one of a computer
    certificates: tuple[x509.Certificate, ...]

    @cached_property
    def by_subject(self) -> dict[bytes, list[x509.Certificate]]:
        """The roots by the DER of their names."""
        found: dict[bytes, list[x509.Certificate]] = {}
        for root in self.certificates:
            found.setdefault(root.subject.public_bytes(), []).append(root)
        return found

    @cached_property
    def all(self) -> frozenset[x509.Certificate]:
        """The roots as a set."""
        return frozenset(self.certificates)

    @cached_property
    def verifier_store(self) -> x509.verification.Store:
        """The roots as the library's verifier takes them."""
        from cryptography.x509.verification import Store

        return Store(list(self.certificates))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustJudge:
    """Judges chains by roots that are loaded when the first chain needs them."""

    load: Callable[[], Roots | None]  # None: this computer has no trust store
    chosen: bool = False  # the user named the roots: a self-signed certificate may be among them

    def judge(self, chain: Sequence[bytes], at: datetime, *, self_signed: bool) -> Trust:
        """The verdict on a chain (DER, leaf first) at a time (aware). Never raises for what the chain holds."""
        if self_signed and not self.chosen:
            return Trust(verdict="self_signed", store="none")
        roots = self.load()
        if roots is None:
            return Trust(verdict="unknown", store="none", reason="this computer has no trust store")
        found = judge(chain, roots, at)
        if self_signed and found.verdict != "trusted":
            return Trust(verdict="self_signed", store=roots.store)
        return found


def judge(chain: Sequence[bytes], roots: Roots, at: datetime) -> Trust:
    """The verdict of a store on a chain (DER, leaf first) at a time (aware). Never raises for what the chain holds."""
    served = [certificate for der in chain if (certificate := readable(der)) is not None]
    leaf = readable(chain[0]) if chain else None
    if leaf is None:
        return _trust("unknown", roots, "the certificate cannot be read")
    when, remark = _moment(leaf, at)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        refusal = _refusal(leaf, served, roots, when)
        if refusal is None:
            return _trust("trusted", roots, remark)
        walk = _walk(leaf, served, roots, when)
        verdict, reason = _by_path(walk.path, refusal) if walk.path else walk.verdict()
    return _trust(verdict, roots, f"{reason}; {remark}" if remark else reason)


def _trust(verdict: _Verdict, roots: Roots, reason: str | None) -> Trust:
    return Trust(verdict=verdict, store=roots.store, file=roots.file, reason=reason)


def readable(der: bytes) -> x509.Certificate | None:
    """A certificate all of whose parts that matter to a path can be read; None for any other bytes."""
    certificate = parse(der)
    if isinstance(certificate, str):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _ = certificate.subject, certificate.issuer, certificate.extensions
            _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except Exception:  # noqa: BLE001 - lazily parsed fields of hostile bytes fail in many ways
        return None
    return certificate


def _moment(leaf: x509.Certificate, at: datetime) -> tuple[datetime, str | None]:
    """When to judge, and a remark where that is not now."""
    since, until = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    when = since if at < since else min(at, until)
    return when, None if when == at else f"judged as of {when:%Y-%m-%d}, when the leaf was valid"


def _refusal(leaf: x509.Certificate, served: Sequence[x509.Certificate], roots: Roots, when: datetime) -> str | None:
    """Why the library's verifier accepts no path; None where it accepts one. Usage and names of the leaf are let be."""
    from cryptography import x509
    from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder

    issuers = ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    issuers = issuers.may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _check_usage)
    try:
        policy = PolicyBuilder().store(roots.verifier_store).time(when).max_chain_depth(_LONGEST_PATH - 2)
        policy = policy.extension_policies(ca_policy=issuers, ee_policy=ExtensionPolicy.permit_all())
        policy.build_client_verifier().verify(leaf, list(served))
    except Exception as error:  # noqa: BLE001 - VerificationError, and what lazily parsed fields raise
        return _LIBRARY_FRAME.sub("", str(error)) or type(error).__name__
    return None


def _check_usage(_policy: object, _issuer: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    """RFC 5280 section 6.1.4 (n), which the library leaves to its users. Raises ValueError, as it asks for."""
    if usage is not None and not usage.key_cert_sign:
        raise ValueError(_NO_SIGNER)


@dataclass(slots=True)
class _Walk:
    """What was met on the way from issuer to issuer."""

    path: tuple[x509.Certificate, ...] = ()  # from the leaf to a root of the store, all signatures fitting
    foreign: list[str] = field(default_factory=list)  # self-signed, and not in the store
    misfits: list[str] = field(default_factory=list)  # an issuer that is none
    unjudged: list[str] = field(default_factory=list)  # signatures that cannot be checked
    missing: list[str] = field(default_factory=list)  # issuers that were neither served nor are in the store
    signatures: int = 0  # how many were checked

    def verdict(self) -> tuple[_Verdict, str]:
        """What it means that there is no path."""
        if self.unjudged:
            return "unknown", _said(self.unjudged)
        if self.foreign:
            return "untrusted", f"the store lacks the root {_said(self.foreign)}"
        if self.misfits:
            return "untrusted", _said(self.misfits)
        return "chain_incomplete", f"the issuer was not served and the store lacks it: {_said(self.missing)}"


def _said(reasons: Sequence[str]) -> str:
    return "; ".join(list(dict.fromkeys(reasons))[:_MOST_SAID])


def _walk(leaf: x509.Certificate, served: Sequence[x509.Certificate], roots: Roots, when: datetime) -> _Walk:
    """Walk from the leaf to every issuer, nearest first, each certificate once."""
    walk, met = _Walk(), {leaf}
    ways: deque[tuple[x509.Certificate, ...]] = deque([(leaf,)])
    while ways:
        path = ways.popleft()
        certificate = path[-1]
        if certificate in roots.all:
            walk.path = path
            return walk
        if certificate.issuer == certificate.subject and signed_itself(certificate) is not False:
            walk.foreign.append(_name(certificate.subject))
            continue
        named = roots.by_subject.get(certificate.issuer.public_bytes(), [])
        named = named + [each for each in served if each.subject == certificate.issuer and each != certificate]
        if not named:
            walk.missing.append(_name(certificate.issuer))
        for issuer in named:
            if issuer not in met and _issued(walk, path, issuer, roots, when):
                met.add(issuer)
                ways.append((*path, issuer))
    return walk


def _issued(
    walk: _Walk, path: Sequence[x509.Certificate], issuer: x509.Certificate, roots: Roots, when: datetime
) -> bool:
    """Whether a path may go on to this issuer; if not, the walk notes why."""
    if walk.signatures >= _MOST_SIGNATURES or len(path) >= _LONGEST_PATH:
        walk.unjudged.append(f"more than {_MOST_SIGNATURES} signatures or {_LONGEST_PATH} certificates in a path")
        return False
    walk.signatures += 1
    fits = signed_by(path[-1], issuer)
    if fits is None:
        algorithm = path[-1].signature_algorithm_oid
        walk.unjudged.append(f"the signature of {_name(path[-1].subject)} cannot be checked: {algorithm.dotted_string}")
        return False
    flaw = (
        _flaw(issuer, len(path) - 1, when, is_root=issuer in roots.all)
        if fits
        else f"did not sign {_name(path[-1].subject)}"
    )
    if flaw is not None:
        walk.misfits.append(f"{_name(issuer.subject)} {flaw}")
    return flaw is None


def _flaw(issuer: x509.Certificate, below: int, when: datetime, *, is_root: bool) -> str | None:
    """Why a certificate may not issue, with so many issuers below it; a root of the store may be of version 1.

    Source: RFC 5280 section 6.1.4 (k) to (n).
    """
    from cryptography import x509

    extensions = {type(extension.value): extension.value for extension in issuer.extensions}
    constraints, usage = extensions.get(x509.BasicConstraints), extensions.get(x509.KeyUsage)
    if not (constraints.ca if isinstance(constraints, x509.BasicConstraints) else is_root):
        return "is no certificate of an authority"
    if isinstance(usage, x509.KeyUsage) and not usage.key_cert_sign:
        return _NO_SIGNER
    longest = constraints.path_length if isinstance(constraints, x509.BasicConstraints) else None
    if longest is not None and below > longest:
        return f"allows {longest} authorities below it"
    if not issuer.not_valid_before_utc <= when <= issuer.not_valid_after_utc:
        return f"is valid from {issuer.not_valid_before_utc:%Y-%m-%d} until {issuer.not_valid_after_utc:%Y-%m-%d} only"
    return None


def _by_path(path: Sequence[x509.Certificate], refusal: str) -> tuple[_Verdict, str]:
    """The verdict on a path that the library refuses, though every issuer in it is one and every signature fits."""
    if len(path) == 1:
        return "trusted", "the certificate itself is in the store"
    forgeable = [remark for remark in (*map(_forgeable, path[:-1]), *map(_breakable, path[1:])) if remark]
    if forgeable:
        return "unknown", f"a path leads to a root and proves nothing: {_said(forgeable)}"
    old = [remark for remark in (*map(_old_signature, path[:-1]), *map(_old_key, path[1:])) if remark]
    if any(map(_is_bound, path)):
        return ("unknown" if old else "untrusted"), _said(old) or refusal
    return "trusted", f"every signature fits, but the verifier does not take this: {_said(old) or refusal}"


def _forgeable(certificate: x509.Certificate) -> str | None:
    """A signature that anybody can make."""
    digest = _digest(certificate)
    return f"the signature of {_name(certificate.subject)} is made with {digest.upper()}" if digest == "md5" else None


def _breakable(issuer: x509.Certificate) -> str | None:
    """A key that was or can be factored."""
    bits = _rsa_bits(issuer)
    return f"{_name(issuer.subject)} has an RSA key of {bits} bits" if 0 < bits < _LEAST_RSA_BITS else None


def _old_signature(certificate: x509.Certificate) -> str | None:
    digest, name = _digest(certificate), _name(certificate.subject)
    if digest not in ("", "sha256", "sha384", "sha512"):
        return f"the signature of {name} is made with {digest.upper()}"
    return f"{name} has version 1" if certificate.version.value == 0 else None


def _old_key(issuer: x509.Certificate) -> str | None:
    bits = _rsa_bits(issuer)
    return f"{_name(issuer.subject)} has an RSA key of {bits} bits" if 0 < bits < _PLAIN_RSA_BITS else None


def _digest(certificate: x509.Certificate) -> str:
    """The digest of the signature; empty where the kind of signature has one of its own."""
    digest = certificate.signature_hash_algorithm
    return digest.name if digest is not None else ""


def _rsa_bits(issuer: x509.Certificate) -> int:
    """The size of its RSA key; 0 where it has a key of another kind."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    key = issuer.public_key()
    return key.key_size if isinstance(key, RSAPublicKey) else 0


def _is_bound(certificate: x509.Certificate) -> bool:
    """Whether it holds rules that only the library's verifier knows."""
    from cryptography import x509

    ours = x509.BasicConstraints | x509.KeyUsage | x509.ExtendedKeyUsage | x509.SubjectAlternativeName
    return any(
        isinstance(extension.value, x509.NameConstraints)
        or (extension.critical and not isinstance(extension.value, ours))
        for extension in certificate.extensions
    )


def _name(name: x509.Name) -> str:
    return name.rfc4514_string()[:_LONGEST_NAME] or "(no name)"
