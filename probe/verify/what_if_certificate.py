"""What a server would show with another certificate. Pure; see `what_if_tls`."""

from __future__ import annotations

from probe.language import _
from probe.result import Certificate, CertificateChain, Key, Registered, Result, Tls, Trust
from probe.verify.what_if_tls import keep_suites, leave, section_of, serves

_OLDER = ("TLSv1.2", "TLSv1.1", "TLSv1.0", "SSLv3")  # their suites name the kind of key
_SIGNED_BY = {"RSA": "_RSA_", "EC": "_ECDSA_"}


def set_trust(result: Result, value: str, notes: list[str]) -> None:
    """A certificate of an authority that clients trust, in date, with the name asked for; or a self-signed one."""
    if not result.certificates:
        notes.append(_("no certificate was seen today"))
    trusted = value == "trusted"
    for chain in result.certificates:
        chain.trust = Trust(verdict="trusted" if trusted else "self_signed", store="none")
        chain.name_match = True if trusted else chain.name_match
        chain.chain = [_issued(leaf, self_signed=not trusted) for leaf in chain.chain[:1]]
        chain.days_left = None if trusted else chain.days_left
        chain.windows_generated = False if trusted else chain.windows_generated


def _issued(leaf: Certificate, *, self_signed: bool) -> Certificate:
    """The same key and names, by another issuer."""
    leaf.self_signed, leaf.issuer = self_signed, leaf.subject if self_signed else None
    if not self_signed:
        leaf.not_before = leaf.not_after = None
    return leaf


def set_key(result: Result, value: str, notes: list[str]) -> None:
    """A certificate with a key of another kind or size, for every version."""
    kind, bits = value.split("-")
    key = Key(type=kind, bits=int(bits), curve=f"secp{bits}r1" if kind == "EC" else None)
    before = {chain.chain[0].key.type for chain in result.certificates if chain.chain and chain.chain[0].key}
    if not before:
        notes.append(_("which key the certificate has is not known today"))
    if (tls := section_of(result, notes)) is not None and before != {kind}:
        _sign_otherwise(tls, kind, notes)
    result.certificates = _of_one_key(result.certificates, key)


def _of_one_key(chains: list[CertificateChain], key: Key) -> list[CertificateChain]:
    """One certificate in place of all."""
    kept = [chain for chain in chains if chain.chain][:1]
    for chain in kept:
        chain.chain = chain.chain[:1]
        chain.chain[0].key = key
        chain.served_to = sorted({version for each in chains for version in each.served_to})
    return kept


def _sign_otherwise(tls: Tls, kind: str, notes: list[str]) -> None:
    """Suites up to TLS 1.2 name the kind of key that signs: those for the new kind were not seen."""
    unfit = _SIGNED_BY["RSA" if kind == "EC" else "EC"]
    for version in _OLDER:
        if serves(tls, version):
            leave(tls, f"{version}: cipher suites for a certificate with another key")

    def keep(version: str, suite: Registered) -> bool:
        return version not in _OLDER or unfit not in suite.name

    keep_suites(tls, keep, notes)
    tls.signature_schemes = []
    for answer in tls.answered.values():
        answer.scheme = None
