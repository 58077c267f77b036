"""What an audit's result says of the causes behind a message: which it finds, which it excludes, which stay open.

A cause is found where its diagnosis is, and excluded only where the audit asked and the answer rules it out. Everything
else is open: what was not asked, what was not settled, and what nothing on the wire shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from probe.explain.explanation import Suspect
from probe.language import _
from probe.result import Result

Outcome = Literal["found", "excluded", "open"]
_MOST_EVIDENCE = 3


@dataclass(frozen=True, slots=True)
class Weight:
    """What a result says of one cause, and why."""

    outcome: Outcome
    evidence: tuple[str, ...] = ()


def weigh(suspect: Suspect, result: Result) -> Weight:
    """Judge one cause by one result, which has its diagnoses. The evidence is in the language spoken now."""
    if suspect.diagnosis is None:
        return Weight("open")
    for found in result.diagnoses:
        if found.code == suspect.diagnosis:
            return Weight("found", (found.summary, *found.evidence[:_MOST_EVIDENCE]))
    settled = _SETTLED.get(suspect.diagnosis, _never)(result)
    return Weight("excluded", (settled,)) if settled else Weight("open")


def weigh_all(suspect: Suspect, results: Iterable[Result]) -> Weight:
    """Judge one cause by the results of all addresses of a target: found by one, excluded only by all."""
    weights = [weigh(suspect, result) for result in results]
    for weight in weights:
        if weight.outcome == "found":
            return weight
    if weights and all(weight.outcome == "excluded" for weight in weights):
        return weights[0]
    return Weight("open")


def _never(_result: Result) -> str | None:
    return None


def _resolved(result: Result) -> str | None:
    return None if result.status == "dns_error" else _("the name resolves")


def _connected(result: Result) -> str | None:
    opened = result.status in ("rdp", "not_rdp", "silent", "closed")
    return _("the port took the connection") if opened else None


def _answered(result: Result) -> str | None:
    return _("an RDP request is answered") if result.status == "rdp" else None


def _protocol(*names: str) -> Callable[[Result], str | None]:
    """Settled where the server's answer on these security protocols is known."""

    def settled(result: Result) -> str | None:
        verdicts = result.negotiation.protocols if result.negotiation is not None else {}
        states = {name: verdicts[name].state for name in names if name in verdicts}
        if len(states) < len(names) or "unknown" in states.values():
            return None
        return _(
            "the server's answers: {answers}", answers=", ".join(f"{name} {_(state)}" for name, state in states.items())
        )

    return settled


def _handshake(result: Result) -> str | None:
    if result.tls is None or result.tls.handshake is None:
        return None
    return _("a TLS handshake is answered with {version}", version=result.tls.handshake.version)


def _versions(*names: str) -> Callable[[Result], str | None]:
    def settled(result: Result) -> str | None:
        versions = result.tls.versions if result.tls is not None else {}
        accepted = [name for name in names if name in versions and versions[name].state == "accepted"]
        return _("{versions} is accepted", versions=", ".join(accepted)) if accepted else None

    return settled


def _suites(result: Result) -> str | None:
    """Every suite is known at depth full only; a completed handshake of ours shows that a current client finds one."""
    return _handshake(result)


def _certificate(result: Result) -> str | None:
    if not result.certificates:
        return None
    leaf = result.certificates[0].chain[0] if result.certificates[0].chain else None
    return _("the certificate was read: {subject}", subject=leaf.subject if leaf is not None else "?")


def _named(result: Result) -> str | None:
    if not result.certificates or any(chain.name_match is None for chain in result.certificates):
        return None
    return _("the certificate is for that name")


def _trusted(result: Result) -> str | None:
    if not result.certificates or any(chain.trust is None for chain in result.certificates):
        return None
    return _certificate(result)


def _credssp(result: Result) -> str | None:
    if result.credssp is None or result.credssp.version is None:
        return None
    return _("CredSSP is answered with version {version}", version=result.credssp.version)


def _ntlm(result: Result) -> str | None:
    if result.credssp is None or result.credssp.ntlm is None:
        return None
    return _("NTLM is answered with a challenge")


def _clock(result: Result) -> str | None:
    skew = result.credssp.ntlm.clock_skew_s if result.credssp is not None and result.credssp.ntlm is not None else None
    return None if skew is None else _("the clocks differ by {seconds} s", seconds=f"{abs(skew):.0f}")


def _standard(result: Result) -> str | None:
    if result.standard_rdp is not None and result.standard_rdp.encryption_methods:
        methods = ", ".join(result.standard_rdp.encryption_methods)
        return _("Standard RDP Security takes the methods {methods}", methods=methods)
    verdicts = result.negotiation.protocols if result.negotiation is not None else {}
    refused = "RDP" in verdicts and verdicts["RDP"].state == "rejected"
    return _("the server does not use Standard RDP Security") if refused else None


def _unaltered(result: Result) -> str | None:
    if result.standard_rdp is None or (result.negotiation is not None and result.negotiation.altered_request):
        return None
    return _("the server says that it was asked for what was sent")


def _licensing(result: Result) -> str | None:
    answers = [each.answer for each in result.licensing if each.answer in ("valid_client", "license_request")]
    return _("the licensing phase is answered: {answer}", answer=answers[0]) if answers else None


def _admitted(result: Result) -> str | None:
    went_on = any("demand_active" in (each.answer, each.then) for each in result.licensing)
    return _("after the licensing phase the server goes on") if went_on else None


_TLS_AND_NLA = _protocol("SSL", "HYBRID")
_SETTLED: Mapping[str, Callable[[Result], str | None]] = {
    "DNS_FAILED": _resolved,
    **dict.fromkeys(("TCP_REFUSED", "TCP_TIMEOUT", "TCP_UNREACHABLE", "TCP_RESET"), _connected),
    **dict.fromkeys(("NOT_RDP", "X224_SILENT", "X224_CLOSED", "X224_MALFORMED", "X224_DISCONNECTED"), _answered),
    **dict.fromkeys(("NLA_REQUIRED", "TLS_REQUIRED"), _protocol("RDP", "SSL", "HYBRID")),
    **dict.fromkeys(("STANDARD_RDP_ONLY", "TLS_CERTIFICATE_MISSING"), _TLS_AND_NLA),
    **dict.fromkeys(("NLA_UNSUPPORTED", "NLA_NOT_ENFORCED"), _protocol("HYBRID", "SSL", "RDP")),
    **dict.fromkeys(("INCONSISTENT_FLAGS", "USER_AUTH_REQUIRED", "UNOFFERED_PROTOCOL_SELECTED"), _TLS_AND_NLA),
    "NEGOTIATION_UNSUPPORTED": _protocol("SSL"),
    "NEGOTIATION_ALTERED": _unaltered,
    "TLS_HANDSHAKE_ABORTED": _handshake,
    "TLS_NO_COMMON_VERSION": _versions("TLSv1.2", "TLSv1.3"),
    "TLS_MODERN_ONLY": _versions("TLSv1.2"),
    "TLS_NO_SHARED_CIPHER": _suites,
    **dict.fromkeys(
        ("CERT_EXPIRED", "CERT_NOT_YET_VALID", "CERT_EXPIRES_SOON", "CERT_SELF_SIGNED", "CERT_WEAK_KEY"), _certificate
    ),
    **dict.fromkeys(("CERT_WEAK_SIGNATURE", "CERT_USAGE_UNSUITABLE", "CERT_MALFORMED"), _certificate),
    **dict.fromkeys(("CERT_UNTRUSTED", "CERT_CHAIN_INCOMPLETE"), _trusted),
    "CERT_NAME_MISMATCH": _named,
    **dict.fromkeys(("CREDSSP_OUTDATED", "CREDSSP_ABORTED"), _credssp),
    "NTLM_REFUSED": _ntlm,
    "CLOCK_SKEW": _clock,
    "LICENSING_FAILED": _licensing,
    "CONNECTION_LIMIT": _admitted,
    **dict.fromkeys(
        ("ENCRYPTION_REFUSED", "ENCRYPTION_FIPS_ONLY", "STANDARD_RDP_WEAK_KEY", "STANDARD_RDP_WEAK"), _standard
    ),
}
