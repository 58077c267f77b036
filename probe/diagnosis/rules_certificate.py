"""What proves the diagnoses of the certificates served."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from probe.diagnosis import catalogue_certificate as catalogue
from probe.diagnosis import catalogue_certificate_make as make
from probe.diagnosis.captures import judged_at
from probe.diagnosis.certificates import SOON, moment, name_of
from probe.diagnosis.rule import Cause, Evidence, finds
from probe.diagnosis.stored import stored
from probe.language import _
from probe.result import Certificate, CertificateChain, Result

_OF_THIS_COMPUTER = ("system", "certifi")
# Source: NIST SP 800-131A Rev. 2 section 3: 112 bits of security.
_LEAST_BITS = {"RSA": 2048, "EC": 224}
_ENOUGH = max(_LEAST_BITS.values())  # where a size is not known, nothing is said of it
_REFUSED_RSA_BITS = 1024  # Windows refuses less since KB2661254
_WEAK_DIGEST = re.compile(r"(?:md2|md4|md5|sha-?1)(?!\d)", re.IGNORECASE)
_ONLY_SIGNING = ("EC", "Ed25519", "Ed448", "DSA")  # keys that no suite of today encrypts to
_OF_SERVERS = {"serverAuth", "remoteDesktopAuthentication", "anyExtendedKeyUsage"}


@finds(catalogue.CERT_EXPIRED, needs="certificates")
def cert_expired(result: Result) -> Iterator[Evidence]:
    """A certificate ended before the audit began."""
    now = judged_at(result)
    for chain, leaf in _leaves(result):
        until = moment(leaf.not_after)
        if now is not None and until is not None and until < now:
            yield Evidence(
                said=_("{name} was valid until {end}", name=_named(chain, leaf), end=leaf.not_after),
                likeliest=catalogue.RENEWAL_FAILS if chain.windows_generated else None,
                facts=_when(until, now - until),
            )


@finds(catalogue.CERT_NOT_YET_VALID, needs="certificates")
def cert_not_yet_valid(result: Result) -> Iterator[Evidence]:
    """A certificate begins after the audit began."""
    now = judged_at(result)
    for chain, leaf in _leaves(result):
        since = moment(leaf.not_before)
        if now is not None and since is not None and since > now:
            yield Evidence(
                said=_("{name} is valid from {begin}", name=_named(chain, leaf), begin=leaf.not_before),
                facts=_when(since, since - now),
            )


@finds(catalogue.CERT_EXPIRES_SOON, needs="certificates")
def cert_expires_soon(result: Result) -> Iterator[Evidence]:
    """A certificate ends within thirty days of the audit."""
    now = judged_at(result)
    for chain, leaf in _leaves(result):
        until = moment(leaf.not_after)
        if now is not None and until is not None and timedelta(0) <= until - now < SOON:
            yield Evidence(
                said=_("{name} is valid until {end}", name=_named(chain, leaf), end=leaf.not_after),
                facts=_when(until, until - now),
            )


@finds(catalogue.CERT_SELF_SIGNED, needs="certificates")
def cert_self_signed(result: Result) -> Iterator[Evidence]:
    """A certificate names itself as its issuer, and is not one of those that the user said are trusted."""
    for chain, leaf in _leaves(result):
        if not leaf.self_signed or (chain.trust is not None and chain.trust.verdict == "trusted"):
            continue
        said = _("{name} is its own issuer", name=_named(chain, leaf))
        if chain.windows_generated:
            said = _("{name} is its own issuer, as Windows makes it by itself", name=_named(chain, leaf))
        yield Evidence(
            said=said,
            likeliest=catalogue.WINDOWS_MADE if chain.windows_generated else None,
        )


@finds(catalogue.CERT_UNTRUSTED, needs="certificates")
def cert_untrusted(result: Result) -> Iterator[Evidence]:
    """A chain was judged, and no path in it leads to a root of the store."""
    yield from _judged(result, "untrusted")


@finds(catalogue.CERT_CHAIN_INCOMPLETE, needs="certificates")
def cert_chain_incomplete(result: Result) -> Iterator[Evidence]:
    """A chain was judged, and an issuer is neither in it nor in the store."""
    yield from _judged(result, "chain_incomplete")  # the likeliest cause: whether it sends any issuer


def _judged(result: Result, verdict: str) -> Iterator[Evidence]:
    """What was said of the chains with this verdict. A leaf that is its own issuer is told elsewhere."""
    for chain, leaf in _leaves(result):
        trust = chain.trust
        if trust is None or trust.verdict != verdict or leaf.self_signed:
            continue
        by = _("this computer") if trust.store in _OF_THIS_COMPUTER else stored(trust.store)
        said = _named(chain, leaf)
        if trust.reason is not None:
            said = _("{said}: {words}", said=said, words=stored(trust.reason))
        said = _("{said} (judged by {store})", said=said, store=trust.file or stored(trust.store))
        alone = catalogue.ISSUER_NOT_SENT if len(chain.chain) == 1 else catalogue.ROOT_NOT_HERE
        yield Evidence(said=said, facts={"by": by}, likeliest=alone)


@finds(catalogue.CERT_NAME_MISMATCH, needs="certificates")
def cert_name_mismatch(result: Result) -> Iterator[Evidence]:
    """A certificate was compared with the name asked for and does not hold it."""
    asked = result.target.server_name or result.target.host
    for chain, leaf in _leaves(result):
        if chain.name_match is False:
            names = _(", ").join(leaf.names) or _("none")
            said = _("{name} holds these names: {names}", name=_named(chain, leaf), names=names)
            yield Evidence(said=said, facts={"asked": asked})


@finds(make.CERT_MALFORMED, needs="certificates")
def cert_malformed(result: Result) -> Iterator[Evidence]:
    """A certificate, wherever it stands in its chain, could not be read in full."""
    for chain in result.certificates:
        for place, certificate in enumerate(chain.chain, 1):
            if certificate.error is not None:
                said = _(
                    "certificate {place} of {count}, SHA-256 {sha256}: {error}",
                    place=place,
                    count=len(chain.chain),
                    sha256=certificate.sha256,
                    error=certificate.error,
                )
                yield Evidence(said=said)


@finds(make.CERT_WEAK_KEY, needs="certificates")
def cert_weak_key(result: Result) -> Iterator[Evidence]:
    """A key, wherever it stands in its chain, is shorter than is accepted today, or of a kind that is withdrawn."""
    for place, of, certificate in _all(result):
        key = certificate.key
        if key is None or not (key.type == "DSA" or (key.bits or _ENOUGH) < _LEAST_BITS.get(key.type, 0)):
            continue
        weak = _("{type}, {bits} bits", type=key.type, bits=key.bits) if key.bits is not None else key.type
        broken = key.type == "DSA" or (key.type == "RSA" and (key.bits or _ENOUGH) < _REFUSED_RSA_BITS)
        yield Evidence(
            said=_("{certificate} has a key of {key}", certificate=_placed(place, of, certificate), key=weak),
            facts={"key": weak},
            severity="breaks_some" if broken and place == 1 else None,
        )


@finds(make.CERT_WEAK_SIGNATURE, needs="certificates")
def cert_weak_signature(result: Result) -> Iterator[Evidence]:
    """A digest of old is in a signature that clients rely on: a root above the leaf is trusted without its own."""
    weak = list(_weakly_signed(result))
    own = [certificate.self_signed is True for _place, _of, certificate, _digest in weak]
    excluded: tuple[Cause, ...] = () if any(own) else (make.OLD_WINDOWS_SIGNED, make.MADE_BY_HAND)
    excluded = (make.AUTHORITY_SIGNS_SO,) if all(own) else excluded
    for (place, of, certificate, digest), is_own in zip(weak, own, strict=True):
        said = _(
            "{certificate} is signed with {algorithm}",
            certificate=_placed(place, of, certificate),
            algorithm=certificate.signature_algorithm,
        )
        harm = _("which no longer protects it from forgery")
        if is_own:
            harm = _("which is withdrawn (and it is its own issuer, so that no signature protects it from forgery)")
        yield Evidence(
            said=said,
            facts={"digest": digest, "harm": harm},
            severity="breaks_some" if digest.startswith("MD") else None,
            likeliest=_signer(result, certificate),
            excludes=excluded,
        )


def _weakly_signed(result: Result) -> Iterator[tuple[int, int, Certificate, str]]:
    for place, of, certificate in _all(result):
        match = _WEAK_DIGEST.search(certificate.signature_algorithm or "")
        is_root = certificate.self_signed is not False and certificate.subject == certificate.issuer
        if match is not None and (place == 1 or not is_root):
            yield place, of, certificate, match[0].upper().replace("SHA1", "SHA-1")


def _signer(result: Result, certificate: Certificate) -> Cause:
    if not certificate.self_signed:
        return make.AUTHORITY_SIGNS_SO
    by_windows = any(chain.windows_generated for chain, leaf in _leaves(result) if leaf is certificate)
    return make.OLD_WINDOWS_SIGNED if by_windows else make.MADE_BY_HAND


@finds(make.CERT_USAGE_UNSUITABLE, needs="certificates")
def cert_usage_unsuitable(result: Result) -> Iterator[Evidence]:
    """A certificate says what it is for, and a server of TLS is not among it."""
    for chain, leaf in _leaves(result):
        extended, usages = leaf.extended_key_usage, leaf.key_usage
        if extended is not None and not _OF_SERVERS & set(extended):
            held = _(", ").join(extended) or _("none")
            said = _("{name} has the extended usages {usages}", name=_named(chain, leaf), usages=held)
            yield Evidence(said=said, facts={"usages": held})
        only_signs = leaf.key is not None and leaf.key.type in _ONLY_SIGNING
        needed = {"digitalSignature"} if only_signs else {"digitalSignature", "keyEncipherment"}
        if usages is not None and not needed & set(usages):
            held = _(", ").join(usages) or _("none")
            said = _("{name} has the key usages {usages}", name=_named(chain, leaf), usages=held)
            yield Evidence(said=said, facts={"usages": held})


@finds(catalogue.CERT_VARIES, needs="certificates")
def cert_varies(result: Result) -> Iterator[Evidence]:
    """Two connections were served different certificates."""
    served = list(_leaves(result))
    if len({leaf.sha256 for _chain, leaf in served}) < 2:
        return
    keys = {leaf.key.type for _chain, leaf in served if leaf.key is not None}
    for chain, leaf in served:
        said = _("{name}, SHA-256 {sha256}", name=_named(chain, leaf), sha256=leaf.sha256)
        if leaf.key is not None:
            said = _("{name}, {key}, SHA-256 {sha256}", name=_named(chain, leaf), key=leaf.key.type, sha256=leaf.sha256)
        yield Evidence(
            said=said,
            likeliest=catalogue.TWO_KEYS if len(keys) > 1 else catalogue.SEVERAL_SERVERS,
        )


def _leaves(result: Result) -> Iterator[tuple[CertificateChain, Certificate]]:
    for chain in result.certificates:
        for leaf in chain.chain[:1]:
            yield chain, leaf


def _all(result: Result) -> Iterator[tuple[int, int, Certificate]]:
    """Every certificate served, with its place from 1 in its chain, and the length of that; each one once."""
    told = set()
    for chain in result.certificates:
        for place, certificate in enumerate(chain.chain, 1):
            if certificate.sha256 not in told:
                told.add(certificate.sha256)
                yield place, len(chain.chain), certificate


def _placed(place: int, of: int, certificate: Certificate) -> str:
    return _("certificate {place} of {count}, {name}", place=place, count=of, name=name_of(certificate))


def _named(chain: CertificateChain, leaf: Certificate) -> str:
    name = name_of(leaf)
    if not chain.served_to:
        return name
    return _("{name} (served to {versions})", name=name, versions=_(", ").join(chain.served_to))


def _when(moment: datetime, distance: timedelta) -> dict[str, str | int]:
    return {"date": moment.date().isoformat(), "days": distance.days}
