"""Small servers to hold rules against, and what is asked of each rule's finding."""

from __future__ import annotations

from typing import Any

import msgspec

from probe.diagnosis.judged import judge
from probe.result import Certificate, CertificateChain, Key, Negotiation, Result, Tls, Trust, Verdict
from probe.verify.kinds import KINDS
from probe.verify.rule import Finding
from tests.diagnosis.results import STARTED, result

__all__ = ["ACCEPTED", "REFUSED", "SILENT", "STARTED", "VERSIONS", "chain", "check", "leaf", "rdp", "serving", "told"]

ACCEPTED, REFUSED = Verdict(state="accepted"), Verdict(state="rejected", failure="HYBRID_REQUIRED_BY_SERVER")
SILENT = Verdict(state="unknown", ending="timed_out")
VERSIONS = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")


def check(key: str, value: Any, described: Result) -> Finding:
    """What a rule with this value, as a policy file gives it, finds."""
    kind = KINDS[key]
    read = msgspec.convert(value, kind.value)
    kind.validate(read)
    return kind.check(read, described)


def told(key: str, value: Any, described: Result) -> tuple[str, str]:
    """The state and the message of that."""
    found = check(key, value, described)
    return found.state, found.message


def judged(described: Result) -> Result:
    judge(described)
    return described


def rdp(**protocols: Verdict) -> Result:
    """A server with these verdicts on security protocols."""
    described = result()
    direct = Verdict(state="rejected", reason="clear-text disconnect")
    described.negotiation = Negotiation(protocols=protocols, direct_tls=direct)
    return described


def leaf(sha256: str = "aa", **fields: Any) -> Certificate:
    """A certificate that nothing is said against."""
    usual: dict[str, Any] = {
        "subject": "CN=srv1.example",
        "issuer": "CN=CA",
        "not_before": "2026-01-01T00:00:00Z",
        "not_after": "2027-06-01T00:00:00Z",
        "spki_sha256": "ab" * 32,
        "key": Key(type="RSA", bits=2048),
        "signature_algorithm": "sha256WithRSAEncryption",
        "names": ["srv1.example"],
        "self_signed": False,
    }
    return Certificate(sha256=sha256, **(usual | fields))


def chain(
    *certificates: Certificate,
    served_to: tuple[str, ...] = ("TLSv1.2", "TLSv1.3"),
    trust: Trust | None = None,
    name_match: bool | None = True,
    days_left: int | None = None,
) -> CertificateChain:
    return CertificateChain(
        chain=list(certificates),
        trust=trust or Trust(verdict="trusted", store="system"),
        name_match=name_match,
        served_to=list(served_to),
        days_left=days_left,
    )


def serving(*chains: CertificateChain, versions: dict[str, Verdict] | None = None) -> Result:
    """A server that accepts TLS 1.2 and 1.3 alone, with these chains."""
    described = rdp(RDP=REFUSED, SSL=ACCEPTED, HYBRID=ACCEPTED, HYBRID_EX=ACCEPTED)
    usual = {"TLSv1.0": REFUSED, "TLSv1.1": REFUSED, "TLSv1.2": ACCEPTED, "TLSv1.3": ACCEPTED}
    described.tls = Tls(versions=usual if versions is None else versions)
    described.certificates = list(chains)
    return described
