"""What proves the diagnoses of the certificates served."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from probe.diagnosis import catalogue_certificate as catalogue
from probe.diagnosis.rule import Evidence, finds
from probe.result import Certificate, CertificateChain, Result

_SOON_DAYS = 30


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
    """A certificate names itself as its issuer."""
    for chain, leaf in _leaves(result):
        if leaf.self_signed:
            yield Evidence(said=f"{_named(chain, leaf)} is its own issuer")


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
