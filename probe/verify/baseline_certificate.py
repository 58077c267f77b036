"""What changed of the certificates that are served: renewed, replaced, trusted no more.

Several servers may stand behind one address: leaves are compared as sets. Those that are gone and those that are new
are put together by their key, else by their subject, else in the order of their fingerprints.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from probe.diagnosis.certificates import SOON, moment, name_of
from probe.language import N_, _
from probe.result import Certificate, CertificateChain, Result
from probe.verify.baseline_facts import NONE, TRUE_IS_BETTER, Comparing, Fact, better, listed
from probe.verify.baseline_negotiation import serves_tls

_TRUST = {
    "trusted": N_("trusted"),
    "self_signed": N_("self-signed"),
    "untrusted": N_("not trusted"),
    "chain_incomplete": N_("without its issuer"),
}
_VALIDITY = {"valid": N_("valid"), "expired": N_("expired"), "early": N_("not yet valid")}
_VALIDITY_RANK = {"valid": 1, "expired": 0, "early": 0}
_PATH = "certificates"
_NO_STORE = "none"
_WEAK_DIGEST = re.compile(r"md2|md5|sha-?1(?![0-9])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pair:
    """The same place at both times: what was served, and what is."""

    before: CertificateChain
    after: CertificateChain

    @property
    def leaves(self) -> tuple[Certificate, Certificate]:
        """Both leaves."""
        return self.before.chain[0], self.after.chain[0]


def certificates(comparing: Comparing) -> None:
    """Every leaf that came, went or is not trusted as it was."""
    old, new = by_leaf(comparing.before.certificates), by_leaf(comparing.after.certificates)
    if not old or not new:
        if old and serves_tls(comparing.after) is not False:
            comparing.lacks(_("the certificate"), listed([name_of(each.chain[0]) for each in old.values()]))
        return
    compare(comparing, old, new, _PATH)


def compare(
    comparing: Comparing, old: dict[str, CertificateChain], new: dict[str, CertificateChain], path: str
) -> None:
    """The chains of two times, by the fingerprints of their leaves."""
    gone = [old[each] for each in sorted(old) if each not in new]
    come = [new[each] for each in sorted(new) if each not in old]
    for pair in _pairs(gone, come):
        _replaced(comparing, pair, path)
        _properties(comparing, pair, path)
    for chain in come:
        name = _("{certificate} is served too now", certificate=_called(chain.chain[0]))
        comparing.add(f"{path}.sha256", "certificate", name, after=chain.chain[0].sha256)
    for chain in gone:
        name = _("{certificate} is not served any more", certificate=_called(chain.chain[0]))
        comparing.add(f"{path}.sha256", "certificate", name, before=chain.chain[0].sha256)
    for fingerprint in sorted(old.keys() & new.keys()):
        _same(comparing, Pair(old[fingerprint], new[fingerprint]), path)


def by_leaf(chains: Iterable[CertificateChain]) -> dict[str, CertificateChain]:
    """Chains by the fingerprints of their leaves; of several with one leaf, the one that sorts first."""
    found: dict[str, CertificateChain] = {}
    for chain in sorted(chains, key=_fingerprints):
        if chain.chain:
            found.setdefault(chain.chain[0].sha256, chain)
    return found


def _fingerprints(chain: CertificateChain) -> list[str]:
    return [certificate.sha256 for certificate in chain.chain]


def _pairs(gone: list[CertificateChain], come: list[CertificateChain]) -> Iterator[Pair]:
    """Those that belong together are taken out of both lists."""
    reads: tuple[Callable[[Certificate], str | None], ...] = (
        lambda leaf: leaf.spki_sha256,
        lambda leaf: leaf.subject,
        lambda _leaf: "",
    )
    for read in reads:
        for old in tuple(gone):
            key = read(old.chain[0])
            new = next((each for each in come if read(each.chain[0]) == key), None) if key is not None else None
            if new is not None:
                gone.remove(old)
                come.remove(new)
                yield Pair(old, new)


def _called(leaf: Certificate) -> str:
    return _("the certificate {name}", name=name_of(leaf))


# Replaced


def _replaced(comparing: Comparing, pair: Pair, path: str) -> None:
    old, new = pair.leaves
    good = [
        validity(leaf, result) in ("valid", NONE) for leaf, result in zip(pair.leaves, _both(comparing), strict=True)
    ]
    sentence, direction = _in_words(old, new, comparing), better(*good)
    comparing.add(f"{path}.sha256", "certificate", sentence, direction=direction, before=old.sha256, after=new.sha256)


def _both(comparing: Comparing) -> tuple[Result, Result]:
    return comparing.before, comparing.after


def _in_words(old: Certificate, new: Certificate, comparing: Comparing) -> str:
    """Renewed as certificates are, or replaced though it was good for long."""
    same_key = old.spki_sha256 is not None and old.spki_sha256 == new.spki_sha256
    if old.subject != new.subject:
        names = {"before": name_of(old), "after": name_of(new)}
        if same_key:
            return _("the certificate is {after} now, with the same key; it was {before}", **names)
        return _("the certificate is {after} now, with another key; it was {before}", **names)
    facts = {"certificate": _called(new), "until": _day(new.not_after), "end": _day(old.not_after)}
    if same_key:
        return _("{certificate} was renewed with the same key; it holds until {until}", **facts)
    left = _left(old, new, comparing)
    if left is None:
        return _("{certificate} was replaced by one of the same subject with another key", **facts)
    if left < dt.timedelta(0):
        return _("{certificate} was renewed after the old one had expired on {end}; it holds until {until}", **facts)
    if left <= SOON:
        return _(
            "{certificate} was renewed shortly before the old one expires on {end}; it holds until {until}", **facts
        )
    return _("{certificate} has another key early: the old one would be good until {end}", **facts)


def _left(old: Certificate, new: Certificate, comparing: Comparing) -> dt.timedelta | None:
    """How long the old one would still have been good when the new one took its place; at least, where that is open."""
    end, made = moment(old.not_after), moment(new.not_before)
    began, seen = moment(comparing.before.started), moment(comparing.after.started)
    if end is None or seen is None:
        return None
    replaced = made if made is not None and began is not None and began <= made <= seen else seen
    return end - replaced


def _day(time: str | None) -> str:
    found = moment(time)
    return found.date().isoformat() if found is not None else _("an unknown day")


# Properties


def _same(comparing: Comparing, pair: Pair, path: str) -> None:
    """One that stayed: it may have expired, and what is served beside it or trusted may be another."""
    states = [validity(leaf, result) for leaf, result in zip(pair.leaves, _both(comparing), strict=True)]
    what = _called(pair.leaves[1])
    comparing.values(
        f"{path}.not_after", "certificate", what, *states, rank=_VALIDITY_RANK, words=lambda state: _(_VALIDITY[state])
    )
    _judged(comparing, pair, path)
    if _fingerprints(pair.before) != _fingerprints(pair.after):
        comparing.add(
            f"{path}.chain", "certificate", _("the certificates that are sent beside the server's are others now")
        )


def _properties(comparing: Comparing, pair: Pair, path: str) -> None:
    """What a new certificate has that the old one had not; what tells two certificates apart says nothing more."""
    old, new = pair.leaves
    kinds = [leaf.key.type if leaf.key is not None else None for leaf in pair.leaves]
    comparing.values(f"{path}.key.type", "certificate", _("the kind of the certificate's key"), *kinds)
    if kinds[0] == kinds[1]:
        bits = [leaf.key.bits if leaf.key is not None else None for leaf in pair.leaves]
        what = _("the certificate's key, in bits,")
        comparing.values(f"{path}.key.bits", "certificate", what, *bits, rank=int)
    signed = [leaf.signature_algorithm for leaf in pair.leaves]
    what = _("the certificate's signature")
    comparing.values(f"{path}.signature_algorithm", "certificate", what, *signed, rank=_strength)
    if not (old.self_signed and new.self_signed):
        comparing.values(f"{path}.issuer", "certificate", _("the certificate's issuer"), old.issuer, new.issuer)
    for field, what in (
        ("names", _("the certificate's names")),
        ("key_usage", _("the certificate's key usage")),
        ("extended_key_usage", _("the certificate's extended key usage")),
    ):
        had, has = (set(getattr(leaf, field) or ()) for leaf in pair.leaves)
        is_told = field != "key_usage" or None not in (old.key_usage, new.key_usage)  # as earlier releases did not
        if is_told and old.error is None and new.error is None:
            comparing.come(f"{path}.{field}", "certificate", what, sorted(has - had), direction="changed")
            comparing.gone(f"{path}.{field}", "certificate", what, sorted(had - has), direction="changed")
    _judged(comparing, pair, path)


def _judged(comparing: Comparing, pair: Pair, path: str) -> None:
    """Trust, where the same store was asked, and whether the name fits, where the same name was."""
    trusts = [_trust(pair.before, pair.after), _trust(pair.after, pair.before)]
    what = _("the certificate's trust")
    comparing.values(
        f"{path}.trust", "certificate", what, *trusts, rank=_trusted, words=lambda verdict: _(_TRUST[verdict])
    )
    asked = [result.target.server_name or result.target.host for result in _both(comparing)]
    if asked[0] == asked[1]:
        matches = [pair.before.name_match, pair.after.name_match]
        what = _("whether the certificate is for this name")
        comparing.values(f"{path}.name_match", "certificate", what, *matches, rank=TRUE_IS_BETTER, words=_yes_no)


def _trust(chain: CertificateChain, other: CertificateChain) -> Fact[str]:
    """A verdict that can be held against the other's."""
    mine, its = chain.trust, other.trust
    if mine is None or mine.verdict == "unknown":
        return None
    stores = {mine.store, its.store} - {_NO_STORE} if its is not None else set()
    return NONE if len(stores) > 1 else mine.verdict


def _trusted(verdict: str) -> int:
    return 1 if verdict == "trusted" else 0


def _yes_no(value: bool) -> str:
    return _("true") if value else _("false")


def _strength(algorithm: str) -> int:
    return 0 if _WEAK_DIGEST.search(algorithm) else 1


def validity(leaf: Certificate, result: Result) -> Fact[str]:
    """Whether it is valid as of the moment at which it was served."""
    since, until, at = moment(leaf.not_before), moment(leaf.not_after), moment(result.started)
    if at is None or until is None:
        return NONE
    if until < at:
        return "expired"
    return "early" if since is not None and at < since else "valid"
