"""What proves the diagnoses of TLS."""

from __future__ import annotations

from collections.abc import Iterator

from probe.diagnosis import catalogue_tls as catalogue
from probe.diagnosis.rule import Evidence, finds
from probe.result import Result, Severity, Verdict

_CURRENT = ("TLSv1.2", "TLSv1.3")
_LEGACY = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1")
_TOO_OLD = "alert protocol_version"
_NOT_ASKED = ("interrupted", "deadline", "refused", "filtered", "unreachable")  # ended before the server could answer


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
