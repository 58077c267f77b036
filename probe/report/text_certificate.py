"""The certificates of a result: in a line each, and with -v everything that tells one from another."""

from __future__ import annotations

import re
from collections.abc import Iterator

from probe.diagnosis.stored import stored
from probe.language import N_, _
from probe.report.escape import terminal
from probe.report.sentences import listed
from probe.result import Certificate, CertificateChain, Key, Trust

_LONGEST_NAME = 80
_MOST_CHAINS = 4
_MOST_NAMES = 6
_VERDICTS = {
    "trusted": N_("trusted by {store}"),
    "untrusted": N_("untrusted by {store}"),
}
_STORES = {"system": N_("system"), "none": N_("none")}
_INCOMPLETE = "the issuer was not served and the store lacks it: "  # before the names of the issuers
_JUDGED = "; judged as of "  # behind them


def certificates(chains: list[CertificateChain], verbosity: int) -> Iterator[tuple[str, str]]:
    """Labels and what stands behind them."""
    for chain in chains[:_MOST_CHAINS]:
        yield _("Certificate"), " · ".join(certificate(chain, several=len(chains) > 1))
        for place, each in enumerate(chain.chain if verbosity else []):
            words = [*([terminal(each.subject, _LONGEST_NAME)] if place and each.subject else []), *_details(each)]
            yield "", " · ".join([*words, *_why(chain.trust if place == 0 else None)])
    if len(chains) > _MOST_CHAINS:
        yield "", _("and {count} more; --json has them all", count=len(chains) - _MOST_CHAINS)


def certificate(chain: CertificateChain, *, several: bool) -> Iterator[str]:
    """A chain in the parts of one line; to which versions it was served only where there are several."""
    leaf = chain.chain[0] if chain.chain else None
    if leaf is None:
        yield _("none served")
        return
    yield terminal(leaf.subject or _("no subject"), _LONGEST_NAME)
    if leaf.key is not None:
        yield _key(leaf.key)
    if leaf.signature_algorithm is not None:
        yield _signature(leaf.signature_algorithm)
    if leaf.not_before is not None and leaf.not_after is not None:
        yield _("{start} to {end}", start=terminal(leaf.not_before[:10]), end=terminal(leaf.not_after[:10]))
    if chain.days_left is not None:
        yield days(chain.days_left)
    if leaf.self_signed:
        yield _("self-signed")
    if chain.windows_generated:
        yield _("as Windows makes it by itself")
    yield from _names(chain)
    if chain.trust is not None:
        yield from _trust(chain.trust)
    if len(chain.chain) > 1:
        yield _("chain of {count}", count=len(chain.chain))
    if several and chain.served_to:
        versions = listed(terminal(version.replace("TLSv", "TLS "), 10) for version in chain.served_to)
        yield _("served to {versions}", versions=versions)
    if leaf.error is not None:
        yield _("cannot be read: {error}", error=terminal(leaf.error, 120))


def _names(chain: CertificateChain) -> Iterator[str]:
    if chain.name_match is not None:
        yield _("name matches") if chain.name_match else _("name does not match")
    if chain.ntlm_name_match is False:
        yield _("the computer's name as NTLM tells it is not in it")


def _trust(trust: Trust) -> Iterator[str]:
    store = terminal(_(_STORES[trust.store]) if trust.store in _STORES else trust.store, 40)
    if trust.verdict == "chain_incomplete":
        missing, _separator, judged = (trust.reason or "").partition(_INCOMPLETE)[2].partition(_JUDGED)
        if missing:
            yield _("issuer missing: {names}", names=terminal(missing, _LONGEST_NAME))
            if judged:
                yield _("judged as of {date}, when the leaf was valid", date=terminal(judged[:10]))
        else:
            yield _("chain incomplete by {store}", store=store)
    elif trust.verdict in _VERDICTS:
        yield _(_VERDICTS[trust.verdict], store=store)


def _why(trust: Trust | None) -> list[str]:
    if trust is None or trust.reason is None:
        return []
    return [_("trust: {reason}", reason=terminal(stored(trust.reason)))]


def _details(found: Certificate) -> Iterator[str]:
    """What -v adds, of the leaf or of an issuer that was served with it."""
    if found.issuer is not None and found.issuer != found.subject:
        yield _("issued by {name}", name=terminal(found.issuer, _LONGEST_NAME))
    if found.serial is not None:
        yield _("serial {number}", number=terminal(found.serial, 60))
    if found.names:
        names, more = listed(terminal(name, _LONGEST_NAME) for name in found.names[:_MOST_NAMES]), len(found.names)
        if more > _MOST_NAMES:
            yield _("names {names} and {count} more", names=names, count=more - _MOST_NAMES)
        else:
            yield _("names {names}", names=names)
    for usages in (found.key_usage, found.extended_key_usage):
        if usages is not None:
            yield _("for {usages}", usages=listed(terminal(usage, 60) for usage in usages) or _("nothing"))
    yield f"SHA-256 {terminal(found.sha256, 64)}"
    if found.spki_sha256 is not None:
        yield _("SHA-256 of the key {digest}", digest=terminal(found.spki_sha256, 64))


def _signature(algorithm: str) -> str:
    """The digest alone: the key beside it names the rest."""
    digest = re.search(r"(?:sha|md)[0-9-]+", algorithm, re.ASCII | re.IGNORECASE)
    return digest[0].lower().rstrip("-") if digest else terminal(algorithm, 40)


def _key(key: Key) -> str:
    size = key.curve if key.curve is not None else key.bits
    return terminal(f"{key.type} {size}" if size is not None else key.type, 60)


def days(left: int) -> str:
    """How long a certificate is still good."""
    if left < 0:
        whole = -left - 1  # it is counted down: -1 from the first second on
        if not whole:
            return _("expired today")
        return _("expired 1 day ago") if whole == 1 else _("expired {count} days ago", count=whole)
    if left == 0:
        return _("expires within a day")
    return _("1 day left") if left == 1 else _("{count} days left", count=left)
