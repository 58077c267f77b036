"""What rules out causes that lie with TLS or with a certificate: see `settled`.

Of certificates every one that was served has to be proof: one that could not be read leaves the cause open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from probe.diagnosis.certificates import SOON, moment, name_of
from probe.diagnosis.clients import evaluate
from probe.explain.weight import OPEN, Weight, excluded, seen
from probe.language import _
from probe.result import Certificate, CertificateChain, Client, Result

_CURRENT = ("TLSv1.2", "TLSv1.3")
_MOST_NAMES = 3
# Keys whose length the rule on short keys judges, and those of one length that is enough.
_MEASURED, _ENOUGH = ("RSA", "EC"), ("Ed25519", "Ed448")
_SOUND_DIGEST = re.compile(r"sha-?(?:224|256|384|512)(?!\d)|sha3|ed25519|ed448", re.IGNORECASE)
_PUBLIC = "certifi"  # the store of public authorities; what "system" trusts, others need not


# TLS


def completes_tls(result: Result) -> Weight:
    """A handshake was completed in a version of today; a ServerHello alone is no proof of the key behind it."""
    made = result.tls.handshake if result.tls is not None else None
    if made is None:
        return OPEN
    if not made.complete or made.version not in _CURRENT:
        return seen(_("a TLS handshake is answered with {version}", version=made.version))
    return excluded(_("a TLS handshake was completed with {version}", version=made.version))


def has_current_tls(result: Result) -> Weight:
    """TLS 1.2 or 1.3 is accepted."""
    return _accepts(result, _CURRENT)


def has_tls12(result: Result) -> Weight:
    """TLS 1.2 is accepted."""
    return _accepts(result, _CURRENT[:1])


def _accepts(result: Result, names: tuple[str, ...]) -> Weight:
    versions = result.tls.versions if result.tls is not None else {}
    accepted = [name for name in names if name in versions and versions[name].state == "accepted"]
    return excluded(_("{versions} is accepted", versions=_(", ").join(accepted))) if accepted else OPEN


def shares_suites(result: Result) -> Weight:
    """Each known client that gets as far as TLS finds a suite; one of which that is not known leaves it open."""
    completed = completes_tls(result)
    clients = evaluate(result) if completed.outcome == "excluded" else []
    if not clients or not all(map(_has_suite, clients)):
        return seen(*completed.evidence) if completed.evidence else OPEN
    return excluded(_("every known client that has a TLS version in common finds a cipher suite"))


def _has_suite(client: Client) -> bool:
    if client.connects is None:
        return client.cipher_suite is not None
    return client.diagnosis != "TLS_NO_SHARED_CIPHER"


def failing(code: str, result: Result) -> str | None:
    """The known clients that fail with this very code, by what is known of the server; None where there are none."""
    found = [client for client in evaluate(result) if client.connects is False and client.diagnosis == code]
    if not found:
        return None
    names = _(", ").join(client.client for client in found[:_MOST_NAMES])
    more = len(found) - _MOST_NAMES
    if more > 0:
        names = _("{named} and {more} more", named=names, more=more)
    return _("known clients that fail so: {clients} ({because})", clients=names, because=found[0].because or "?")


# Certificates


def is_in_date(result: Result) -> Weight:
    """Each certificate's last day was read and had not come."""
    return _within(result, timedelta(0))


def is_in_date_for_long(result: Result) -> Weight:
    """Each certificate's last day was read and is further off than the diagnosis asks."""
    return _within(result, SOON)


def _within(result: Result, left: timedelta) -> Weight:
    now = moment(result.started)
    leaves = _leaves(result)
    ends = [moment(leaf.not_after) for leaf in leaves]
    if now is None or not ends or not all(end is not None and end - now >= left for end in ends):
        return OPEN
    return _excluded_by(leaves, [_("valid until {end}", end=leaf.not_after) for leaf in leaves])


def has_begun(result: Result) -> Weight:
    """Each certificate's first day was read and had come, by the clock of this computer."""
    now = moment(result.started)
    leaves = _leaves(result)
    begins = [moment(leaf.not_before) for leaf in leaves]
    if now is None or not begins or not all(begin is not None and begin <= now for begin in begins):
        return OPEN
    return _excluded_by(leaves, [_("valid from {begin}", begin=leaf.not_before) for leaf in leaves])


def is_issued_by_another(result: Result) -> Weight:
    """Each certificate names another as its issuer."""
    leaves = _leaves(result)
    if not leaves or not all(leaf.self_signed is False and leaf.issuer is not None for leaf in leaves):
        return OPEN
    return _excluded_by(leaves, [_("issued by {issuer}", issuer=leaf.issuer) for leaf in leaves])


def has_long_keys(result: Result) -> Weight:
    """Every certificate served, wherever it stands in its chain, has a key of known length."""
    served = _served(result)
    keys = [certificate.key for certificate in served]
    if not keys or not all(
        key is not None and (key.type in _ENOUGH or (key.type in _MEASURED and key.bits is not None)) for key in keys
    ):
        return OPEN
    told = [f"{key.type} {key.bits}" if key.bits else key.type for key in keys if key is not None]
    return _excluded_by(served, told)


def has_strong_signatures(result: Result) -> Weight:
    """Every certificate up to the root was served, and each that needs a signature names a digest of today."""
    if not result.certificates or not all(map(_reaches_root, result.certificates)):
        return OPEN
    counted = [each for chain in result.certificates for each in _signed(chain)]
    if not counted or not all(_SOUND_DIGEST.search(each.signature_algorithm or "") for each in counted):
        return OPEN
    return _excluded_by(counted, [each.signature_algorithm or "" for each in counted])


def _reaches_root(chain: CertificateChain) -> bool:
    return bool(chain.chain) and chain.chain[-1].self_signed is True


def _signed(chain: CertificateChain) -> Iterator[Certificate]:
    """A root above the leaf is trusted without its own signature."""
    for place, certificate in enumerate(chain.chain):
        if place == 0 or certificate.self_signed is not True:
            yield certificate


def is_for_servers(result: Result) -> Weight:
    """Each certificate was read in full, so that a usage that does not fit would have been told."""
    leaves = _leaves(result)
    if not leaves or any(leaf.error is not None or leaf.key is None for leaf in leaves):
        return OPEN
    return _excluded_by(leaves, [_usages(leaf) for leaf in leaves])


def _usages(leaf: Certificate) -> str:
    if leaf.extended_key_usage is None:
        return _("names no extended usage, which means any")
    return _("extended usages: {usages}", usages=_(", ").join(leaf.extended_key_usage))


def is_well_formed(result: Result) -> Weight:
    """Every certificate served was read in full."""
    served = _served(result)
    if not served or any(certificate.error is not None for certificate in served):
        return OPEN
    return _excluded_by(served, [_("read in full")] * len(served))


def is_trusted(result: Result) -> Weight:
    """Each chain is from a public authority, or from none; what this computer trusts the client need not trust."""
    chains = result.certificates
    if not _leaves(result) or any(chain.trust is None for chain in chains):
        return OPEN
    verdicts = [(chain.trust.verdict, chain.trust.store) for chain in chains if chain.trust is not None]
    if all(verdict == "self_signed" for verdict, _store in verdicts):
        return excluded(_("the certificate comes from no authority: it is self-signed"))
    if all(verdict == "trusted" and store == _PUBLIC for verdict, store in verdicts):
        return excluded(_("the chain ends in a public authority"))
    if all(verdict == "trusted" for verdict, _store in verdicts):
        return seen(_("this computer trusts the certificate; the client may have other authorities"))
    return OPEN


def is_whole(result: Result) -> Weight:
    """Each chain was judged and no issuer is missing in it, with more than the certificate alone to lead to a root."""
    if not _leaves(result):
        return OPEN
    verdicts = [(chain.trust.verdict if chain.trust is not None else "unknown", len(chain.chain))
                for chain in result.certificates]  # fmt: skip
    if all(
        verdict in ("self_signed", "untrusted") or (verdict == "trusted" and sent > 1) for verdict, sent in verdicts
    ):
        return excluded(_("no issuer is missing in the chain"))
    if all(verdict == "trusted" for verdict, _sent in verdicts):
        return seen(_("this computer has the issuer, which the server did not send; the client may not have it"))
    return OPEN


def is_named(result: Result) -> Weight:
    """Each certificate was compared with the name asked for, and holds it."""
    if not _leaves(result) or any(chain.name_match is not True for chain in result.certificates):
        return OPEN
    asked = result.target.server_name or result.target.host
    return excluded(_("the certificate is for the name {name}", name=asked))


def _leaves(result: Result) -> list[Certificate]:
    """The servers' own certificates, in all chains; none where one chain is empty, for then one was not seen."""
    chains = [chain.chain for chain in result.certificates]
    return [chain[0] for chain in chains] if all(chains) else []


def _served(result: Result) -> list[Certificate]:
    """Every certificate of every chain, each one once; none where one chain is empty."""
    if not _leaves(result):
        return []
    served = {each.sha256: each for chain in result.certificates for each in chain.chain}
    return list(served.values())


def _excluded_by(certificates: list[Certificate], facts: list[str]) -> Weight:
    """A fact for each certificate; all are named, so that a reader sees which of them it was."""
    told = [
        _("{name}: {fact}", name=name_of(certificate), fact=fact)
        for certificate, fact in zip(certificates, facts, strict=True)
    ]
    return Weight("excluded", tuple(dict.fromkeys(told)))
