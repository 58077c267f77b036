"""What proves the diagnoses of TLS and of certificates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from probe.diagnosis import catalogue_tls as catalogue
from probe.diagnosis.rule import Evidence, finds
from probe.result import Certificate, CertificateChain, Result, Severity, Verdict

_CURRENT = ("TLSv1.2", "TLSv1.3")
_LEGACY = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1")
_TOO_OLD = "alert protocol_version"
_NOT_ASKED = ("interrupted", "deadline", "refused", "filtered", "unreachable")  # ended before the server could answer
_SOON_DAYS = 30


@finds(catalogue.TLS_HANDSHAKE_ABORTED)
def tls_handshake_aborted(result: Result) -> Iterator[Evidence]:
    """No hello was answered by a ServerHello, and not merely because its version is too old."""
    versions = _asked(result) or _only_try(result)
    if _served(result) or all(verdict.reason == _TOO_OLD for verdict in versions.values()):
        return
    severity = _unless_rdp(result)
    for name, verdict in versions.items():
        how = f"{verdict.reason or verdict.state}"
        if verdict.ending is not None and verdict.ending != verdict.reason:
            how += f", {verdict.ending}"
        yield Evidence(said=f"{name}: {how}", severity=severity, likeliest=_likeliest(versions))


@finds(catalogue.TLS_NO_COMMON_VERSION)
def tls_no_common_version(result: Result) -> Iterator[Evidence]:
    """TLS 1.2 and 1.3 were both turned away, for an older version or as versions."""
    versions = _asked(result)
    current = [versions.get(name, Verdict(state="unknown")) for name in _CURRENT]
    if any(verdict.state != "rejected" for verdict in current):
        return
    served = _served(result)
    if not served and any(verdict.reason != _TOO_OLD for verdict in versions.values()):
        return  # whatever is amiss there, it is not the version
    for name in _CURRENT:
        yield Evidence(
            said=f"{name}: rejected ({versions[name].reason})", severity=None if served else _unless_rdp(result)
        )
    for name in served:
        yield Evidence(said=f"{name}: accepted")


@finds(catalogue.TLS_LEGACY_VERSION)
def tls_legacy_version(result: Result) -> Iterator[Evidence]:
    """TLS 1.1 or older was accepted."""
    served = [name for name in _LEGACY if name in _served(result)]
    for name in served:
        yield Evidence(said=f"{name}: accepted", facts={"versions": ", ".join(served)})


@finds(catalogue.TLS_MODERN_ONLY)
def tls_modern_only(result: Result) -> Iterator[Evidence]:
    """TLS 1.3 was accepted and TLS 1.2 turned away."""
    older = _asked(result).get("TLSv1.2")
    if older is not None and older.state == "rejected" and "TLSv1.3" in _served(result):
        yield Evidence(said="TLSv1.3: accepted")
        yield Evidence(said=f"TLSv1.2: rejected ({older.reason})")


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


def _asked(result: Result) -> dict[str, Verdict]:
    """The verdicts on the versions whose hello the server had the chance to answer."""
    versions = result.tls.versions if result.tls is not None else {}
    return {
        name: verdict
        for name, verdict in versions.items()
        if verdict.state == "accepted" or verdict.ending not in _NOT_ASKED
    }


def _only_try(result: Result) -> dict[str, Verdict]:
    """Where no version was asked for by itself: the try at a complete handshake, if it was never answered."""
    failure = result.tls.handshake_failure if result.tls is not None and not result.tls.versions else None
    if failure is None or failure.ending in _NOT_ASKED or failure.reason in (None, "not completed"):
        return {}
    return {"a complete handshake": failure}


def _served(result: Result) -> list[str]:
    return [name for name, verdict in _asked(result).items() if verdict.state == "accepted"]


def _unless_rdp(result: Result) -> Severity:
    """Without TLS nobody connects, unless Standard RDP Security is accepted."""
    protocols = result.negotiation.protocols if result.negotiation is not None else {}
    if protocols.get("RDP", Verdict(state="unknown")).state != "accepted":
        return "blocker"
    asked = result.standard_rdp.methods_asked if result.standard_rdp is not None else []
    dropped = [each for each in asked if each.method is None and each.ending in ("closed", "reset")]
    return "blocker" if asked and dropped == asked else "breaks_some"


def _likeliest(versions: dict[str, Verdict]) -> str | None:
    """The cause that the way it ended points to, where every version ended in the same way."""
    reasons = {verdict.reason or "" for verdict in versions.values()}
    if "clear-text disconnect" in reasons:
        return catalogue.XRDP_KEY
    if reasons <= {"closed", "reset"}:
        return catalogue.SCHANNEL_KEY
    if reasons == {"timed_out"}:
        return catalogue.PATH_SWALLOWS
    return catalogue.NOTHING_SHARED if all(reason.startswith("alert ") for reason in reasons) else None


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
