"""What proves the diagnoses of the certificates served."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from probe.diagnosis import catalogue_certificate as catalogue
from probe.diagnosis.rule import Evidence, finds
from probe.result import Certificate, CertificateChain, Result

_SOON_DAYS = 30
_OF_THIS_COMPUTER = ("system", "certifi")
# Source: NIST SP 800-131A Rev. 2 section 3: 112 bits of security.
_LEAST_BITS = {"RSA": 2048, "EC": 224}
_ENOUGH = max(_LEAST_BITS.values())  # where a size is not known, nothing is said of it
_REFUSED_RSA_BITS = 1024  # Windows refuses less since KB2661254
_WEAK_DIGEST = re.compile(r"(?:md2|md4|md5|sha-?1)(?!\d)", re.IGNORECASE)
_ONLY_SIGNING = ("EC", "Ed25519", "Ed448", "DSA")  # keys that no suite of today encrypts to
_OF_SERVERS = {"serverAuth", "remoteDesktopAuthentication", "anyExtendedKeyUsage"}


@finds(catalogue.CERT_EXPIRED)
def cert_expired(result: Result) -> Iterator[Evidence]:
    """A certificate ended before the audit began."""
    now = _moment(result.started)
    for chain, leaf in _leaves(result):
        until = _moment(leaf.not_after)
        if now is not None and until is not None and until < now:
            yield Evidence(
                said=f"{_named(chain, leaf)} was valid until {leaf.not_after}", facts=_when(until, now - until)
            )


@finds(catalogue.CERT_NOT_YET_VALID)
def cert_not_yet_valid(result: Result) -> Iterator[Evidence]:
    """A certificate begins after the audit began."""
    now = _moment(result.started)
    for chain, leaf in _leaves(result):
        since = _moment(leaf.not_before)
        if now is not None and since is not None and since > now:
            yield Evidence(
                said=f"{_named(chain, leaf)} is valid from {leaf.not_before}", facts=_when(since, since - now)
            )


@finds(catalogue.CERT_EXPIRES_SOON)
def cert_expires_soon(result: Result) -> Iterator[Evidence]:
    """A certificate ends within thirty days of the audit."""
    now = _moment(result.started)
    for chain, leaf in _leaves(result):
        until = _moment(leaf.not_after)
        if now is not None and until is not None and timedelta(0) <= until - now < timedelta(days=_SOON_DAYS):
            yield Evidence(
                said=f"{_named(chain, leaf)} is valid until {leaf.not_after}", facts=_when(until, until - now)
            )


@finds(catalogue.CERT_SELF_SIGNED)
def cert_self_signed(result: Result) -> Iterator[Evidence]:
    """A certificate names itself as its issuer, and is not one of those that the user said are trusted."""
    for chain, leaf in _leaves(result):
        if not leaf.self_signed or (chain.trust is not None and chain.trust.verdict == "trusted"):
            continue
        made = ", as Windows makes it by itself" if chain.windows_generated else ""
        yield Evidence(
            said=f"{_named(chain, leaf)} is its own issuer{made}",
            likeliest=catalogue.WINDOWS_MADE if chain.windows_generated else None,
        )


@finds(catalogue.CERT_UNTRUSTED)
def cert_untrusted(result: Result) -> Iterator[Evidence]:
    """A chain was judged, and no path in it leads to a root of the store."""
    yield from _judged(result, "untrusted")


@finds(catalogue.CERT_CHAIN_INCOMPLETE)
def cert_chain_incomplete(result: Result) -> Iterator[Evidence]:
    """A chain was judged, and an issuer is neither in it nor in the store."""
    yield from _judged(result, "chain_incomplete")  # the likeliest cause: whether it sends any issuer


def _judged(result: Result, verdict: str) -> Iterator[Evidence]:
    """What was said of the chains with this verdict. A leaf that is its own issuer is told elsewhere."""
    for chain, leaf in _leaves(result):
        trust = chain.trust
        if trust is None or trust.verdict != verdict or leaf.self_signed:
            continue
        by = "this computer" if trust.store in _OF_THIS_COMPUTER else trust.store
        reason = f": {trust.reason}" if trust.reason is not None else ""
        said = f"{_named(chain, leaf)}{reason} (judged by {trust.file or trust.store})"
        alone = catalogue.ISSUER_NOT_SENT if len(chain.chain) == 1 else catalogue.ROOT_NOT_HERE
        yield Evidence(said=said, facts={"by": by}, likeliest=alone)


@finds(catalogue.CERT_NAME_MISMATCH)
def cert_name_mismatch(result: Result) -> Iterator[Evidence]:
    """A certificate was compared with the name asked for and does not hold it."""
    asked = result.target.server_name or result.target.host
    for chain, leaf in _leaves(result):
        if chain.name_match is False:
            names = ", ".join(leaf.names) or "none"
            yield Evidence(said=f"{_named(chain, leaf)} holds these names: {names}", facts={"asked": asked})


@finds(catalogue.CERT_MALFORMED)
def cert_malformed(result: Result) -> Iterator[Evidence]:
    """A certificate, wherever it stands in its chain, could not be read in full."""
    for chain in result.certificates:
        for place, certificate in enumerate(chain.chain, 1):
            if certificate.error is not None:
                said = f"certificate {place} of {len(chain.chain)}, SHA-256 {certificate.sha256}: {certificate.error}"
                yield Evidence(said=said)


@finds(catalogue.CERT_WEAK_KEY)
def cert_weak_key(result: Result) -> Iterator[Evidence]:
    """A key, wherever it stands in its chain, is shorter than is accepted today, or of a kind that is withdrawn."""
    for place, of, certificate in _all(result):
        key = certificate.key
        if key is None or not (key.type == "DSA" or (key.bits or _ENOUGH) < _LEAST_BITS.get(key.type, 0)):
            continue
        weak = f"{key.type}, {key.bits} bits" if key.bits is not None else key.type
        broken = key.type == "DSA" or (key.type == "RSA" and (key.bits or _ENOUGH) < _REFUSED_RSA_BITS)
        yield Evidence(
            said=f"{_placed(place, of, certificate)} has a key of {weak}",
            facts={"key": weak},
            severity="breaks_some" if broken and place == 1 else None,
        )


@finds(catalogue.CERT_WEAK_SIGNATURE)
def cert_weak_signature(result: Result) -> Iterator[Evidence]:
    """A digest of old is in a signature that clients rely on: a root above the leaf is trusted without its own."""
    for place, of, certificate in _all(result):
        match = _WEAK_DIGEST.search(certificate.signature_algorithm or "")
        is_root = certificate.self_signed is not False and certificate.subject == certificate.issuer
        if match is None or (place > 1 and is_root):
            continue
        digest = match[0].upper().replace("SHA1", "SHA-1")
        yield Evidence(
            said=f"{_placed(place, of, certificate)} is signed by {certificate.signature_algorithm}",
            facts={"digest": digest},
            severity="breaks_some" if digest.startswith("MD") else None,
        )


@finds(catalogue.CERT_USAGE_UNSUITABLE)
def cert_usage_unsuitable(result: Result) -> Iterator[Evidence]:
    """A certificate says what it is for, and a server of TLS is not among it."""
    for chain, leaf in _leaves(result):
        extended, usages = leaf.extended_key_usage, leaf.key_usage
        if extended is not None and not _OF_SERVERS & set(extended):
            said = ", ".join(extended) or "none"
            yield Evidence(said=f"{_named(chain, leaf)} has the extended usages {said}", facts={"usages": said})
        only_signs = leaf.key is not None and leaf.key.type in _ONLY_SIGNING
        needed = {"digitalSignature"} if only_signs else {"digitalSignature", "keyEncipherment"}
        if usages is not None and not needed & set(usages):
            said = ", ".join(usages) or "none"
            yield Evidence(said=f"{_named(chain, leaf)} has the key usages {said}", facts={"usages": said})


@finds(catalogue.CERT_VARIES)
def cert_varies(result: Result) -> Iterator[Evidence]:
    """Two connections were served different certificates."""
    served = list(_leaves(result))
    if len({leaf.sha256 for _, leaf in served}) < 2:
        return
    keys = {leaf.key.type for _, leaf in served if leaf.key is not None}
    for chain, leaf in served:
        key = f", {leaf.key.type}" if leaf.key is not None else ""
        yield Evidence(
            said=f"{_named(chain, leaf)}{key}, SHA-256 {leaf.sha256}",
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
    return f"certificate {place} of {of}, {certificate.subject or f'SHA-256 {certificate.sha256}'}"


def _named(chain: CertificateChain, leaf: Certificate) -> str:
    name = leaf.subject or f"SHA-256 {leaf.sha256}"
    return f"{name} (served to {', '.join(chain.served_to)})" if chain.served_to else name


def _moment(text: str | None) -> datetime | None:
    """A stored time; None where there is none or it cannot be read. Without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text) if text is not None else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _when(moment: datetime, distance: timedelta) -> dict[str, str | int]:
    return {"date": moment.date().isoformat(), "days": distance.days}
