"""The certificates of a result: in a line each, and with -v everything that tells one from another."""

from __future__ import annotations

import re
from collections.abc import Iterator

from probe.report.escape import terminal
from probe.result import Certificate, CertificateChain, Key, Trust

_LONGEST_NAME = 80
_MOST_CHAINS = 4
_MOST_NAMES = 6
_INCOMPLETE = "the issuer was not served and the store lacks it: "  # before the names of the issuers


def certificates(chains: list[CertificateChain], verbosity: int) -> Iterator[tuple[str, str]]:
    """Labels and what stands behind them."""
    for chain in chains[:_MOST_CHAINS]:
        yield "Certificate", " · ".join(certificate(chain, several=len(chains) > 1))
        for place, each in enumerate(chain.chain if verbosity else []):
            words = [*([terminal(each.subject, _LONGEST_NAME)] if place and each.subject else []), *_details(each)]
            yield "", " · ".join([*words, *_why(chain.trust if place == 0 else None)])
    if len(chains) > _MOST_CHAINS:
        yield "", f"and {len(chains) - _MOST_CHAINS} more; --json has them all"


def certificate(chain: CertificateChain, *, several: bool) -> Iterator[str]:
    """A chain in the parts of one line; to which versions it was served only where there are several."""
    leaf = chain.chain[0] if chain.chain else None
    if leaf is None:
        yield "none served"
        return
    yield terminal(leaf.subject or "no subject", _LONGEST_NAME)
    if leaf.key is not None:
        yield _key(leaf.key)
    if leaf.signature_algorithm is not None:
        yield _signature(leaf.signature_algorithm)
    if leaf.not_before is not None and leaf.not_after is not None:
        yield f"{terminal(leaf.not_before[:10])} to {terminal(leaf.not_after[:10])}"
    if chain.days_left is not None:
        yield days(chain.days_left)
    if leaf.self_signed:
        yield "self-signed"
    if chain.windows_generated:
        yield "as Windows makes it by itself"
    yield from _names(chain)
    if chain.trust is not None:
        yield from _trust(chain.trust)
    if len(chain.chain) > 1:
        yield f"chain of {len(chain.chain)}"
    if several and chain.served_to:
        yield "served to " + ", ".join(terminal(version.replace("TLSv", "TLS "), 10) for version in chain.served_to)
    if leaf.error is not None:
        yield f"cannot be read: {terminal(leaf.error, 120)}"


def _names(chain: CertificateChain) -> Iterator[str]:
    if chain.name_match is not None:
        yield "name matches" if chain.name_match else "name does not match"
    if chain.ntlm_name_match is False:
        yield "NTLM name does not match"


def _trust(trust: Trust) -> Iterator[str]:
    store = terminal(trust.store, 40)
    if trust.verdict == "chain_incomplete":
        missing = (trust.reason or "").partition(_INCOMPLETE)[2]
        yield f"issuer missing: {terminal(missing, _LONGEST_NAME)}" if missing else f"chain incomplete by {store}"
    elif trust.verdict not in ("self_signed", "unknown"):
        yield f"{trust.verdict} by {store}"


def _why(trust: Trust | None) -> list[str]:
    return [f"trust: {terminal(trust.reason)}"] if trust is not None and trust.reason is not None else []


def _details(found: Certificate) -> Iterator[str]:
    """What -v adds, of the leaf or of an issuer that was served with it."""
    if found.issuer is not None and found.issuer != found.subject:
        yield f"issued by {terminal(found.issuer, _LONGEST_NAME)}"
    if found.serial is not None:
        yield f"serial {terminal(found.serial, 60)}"
    if found.names:
        more = f" and {len(found.names) - _MOST_NAMES} more" if len(found.names) > _MOST_NAMES else ""
        yield f"names {', '.join(terminal(name, _LONGEST_NAME) for name in found.names[:_MOST_NAMES])}{more}"
    for usages in (found.key_usage, found.extended_key_usage):
        if usages is not None:
            yield f"for {', '.join(terminal(usage, 60) for usage in usages) or 'nothing'}"
    yield f"SHA-256 {terminal(found.sha256, 64)}"
    if found.spki_sha256 is not None:
        yield f"SHA-256 of the key {terminal(found.spki_sha256, 64)}"


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
        return f"expired {whole} day{'' if whole == 1 else 's'} ago" if whole else "expired today"
    return "expires within a day" if left == 0 else f"{left} day{'' if left == 1 else 's'} left"
